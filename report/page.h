/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

/*
 * Text for terminals. Everything that comes from a file is put through page_put(): control
 * characters, DEL and C1 controls, and the characters that turn the direction of text or have
 * no width are shown as what they are ("\x1b", "<U+202E>"), so that an export can't write to
 * the terminal of who reads about it. Columns are those of the screen, not bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "report/report.h"

enum ink {
	INK_PLAIN,
	INK_STRONG,
	INK_FAINT,
	INK_CRITICAL, /* and errors */
	INK_HIGH,
	INK_MEDIUM, /* and warnings, inconclusive */
	INK_LOW,    /* and notes */
	INK_GOOD,
};

enum { PAGE_WIDTH_MIN = 40, PAGE_WIDTH_MAX = 160 };

/* The columns to write in: style.width within reason, 80 where it is 0. */
unsigned page_width(struct report_style st);

/* Nothing where the style has no colour. */
void page_ink(struct text *t, struct report_style st, enum ink ink);
void page_plain(struct text *t, struct report_style st);

/* s made harmless; line ends too ("\n"). */
void page_put(struct text *t, const char *s);
void page_putn(struct text *t, const char *s, size_t len);
/* The same in a colour. */
void page_inked(struct text *t, struct report_style st, enum ink ink, const char *s);

/*
 * One character of s (len at least 1): its code point, U+FFFD with length 1 where the bytes
 * aren't UTF-8.
 */
size_t page_char(const char *s, size_t len, uint32_t *ret_code_point);
/* Puts one character, made harmless, and gives the columns it takes. */
unsigned page_put_char(struct text *t, const char *s, size_t len, uint32_t code_point);

/* Columns of text that was already made harmless (no colours in it). */
size_t page_columns(const char *s, size_t len);

/* c n times. */
void page_repeat(struct text *t, char c, size_t n);

/*
 * Breaks s, made harmless, at blanks into lines of the page's width. The first line stands
 * behind `label` (in its colour, padded to column `at`), the others at column `at`. A word
 * that is wider than a line stays whole. Ends with a line end; an empty s gives nothing.
 */
void page_wrap(struct text *t, struct report_style st, enum ink ink, const char *label,
	       unsigned at, const char *s);

/* s made harmless and padded with blanks to at least `columns`. */
void page_pad(struct text *t, const char *s, unsigned columns);

#endif
