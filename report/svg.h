/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

/*
 * The parts of the picture, each drawn from a corner at (x, y) on, in pixels; they tell how
 * far they went. Text is in the reader's own monospaced font, whose width we can reckon with;
 * what is cut short has its whole text as a tooltip. Colours never tell anything alone.
 */

#include <stdbool.h>

#include "base/text.h"
#include "report/draw.h"

enum {
	SVG_MARGIN = 24,
	SVG_LINE = 18,	  /* of 12 pixel text */
	SVG_CHAR_10 = 73, /* a column of it, in tenths */
};

/* s as text content or in an attribute: harmless, escaped, and fit for XML 1.0. */
void svg_put(struct text *t, const char *s);
/* The pixels that s takes, at most `most` columns of it. */
int svg_width(const char *s, unsigned most);
/*
 * One line of text. class: of the style sheet ("t" plain, "m" muted, "b" bold, "n" small).
 * Beyond `most` columns it is cut.
 */
void svg_text(struct text *t, int x, int y, const char *class, const char *s, unsigned most);
/* Text broken into lines of `columns`; gives the y below. */
int svg_wrap(struct text *t, int x, int y, const char *class, const char *s, unsigned columns);

/* The symbol of a letter of the matrix, `size` pixels wide. */
void svg_symbol(struct text *t, char letter, int x, int y, int size);

/* Devices and zones; both give the width they took and set *y below. */
int svg_ladder(const struct drawing *d, struct text *t, int x, int *y);
int svg_matrix(const struct drawing *d, struct text *t, int x, int *y);

#endif
