/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_PLACE_H
#define REPORT_PLACE_H

/*
 * A place with the text that stands there, in the three shapes that it takes: a struct loc of
 * the model, members of a JSON object, and what a writer quotes. In JSON:
 *
 *	file, line, column, end_column   as in struct loc; null where not known
 *	path                             the logical place, or null
 *	text                             the line, or the part of it round the column, or null
 *	excerpt                          where a JSON object or array begins there and ends on
 *	                                 another line: all of it in one line, not always there
 * and where the line was cut (it begins at 1 and ends with its line otherwise):
 *
 *	text_from                        the column (in bytes) at which text begins
 *	text_from_utf16                  the same, counted in UTF-16 code units
 *	text_left                        how many bytes of the line were left out behind text
 */

#include <jansson.h>

#include "base/diag.h"
#include "base/map.h"
#include "base/text.h"

/* No more of a line than this is ever quoted: exports may be one line of megabytes. */
enum { PLACE_TEXT_MAX = 400, PLACE_EXCERPT_MAX = 600 };

struct place {
	const char *file;	     /* NULL: none */
	uint32_t line, col, end_col; /* 0: not known */
	const char *path;	     /* NULL: none */
	const char *text;	     /* NULL: none; not NUL-terminated */
	size_t len;
	uint32_t from, from_utf16;
	size_t left;
	const char *excerpt; /* only of a document; NULL: none */
};

/* Points into the source. */
struct place place_of_loc(struct loc at);
/* Points into the document. Whatever the numbers say, from <= col and text is in bounds. */
struct place place_of_json(const json_t *obj);

/* Sets the members above. */
void place_put(json_t *obj, struct loc at);
/* The place as an object of its own, JSON null for LOC_NONE. */
json_t *place_json(struct loc at);

/* "file:line:col", "file:line", "file", the path, or "" where there is none. */
void place_print(struct text *t, const struct place *p);

/*
 * The column counted in UTF-16 code units, for col within the text or one behind it; a column
 * further out counts its bytes.
 */
uint32_t place_utf16(const struct place *p, uint32_t col);

#endif
