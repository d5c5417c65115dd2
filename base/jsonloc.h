/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSONLOC_H
#define BASE_JSONLOC_H

/*
 * JSON with places. jansson keeps no positions (its author declined them), so the text is
 * walked in step with the tree once and every value's place is kept by its address.
 */

#include <jansson.h>

#include "base/diag.h"
#include "base/source.h"

struct jsonloc;

/*
 * Parses the source (RFC 8259; duplicate keys are refused; several documents behind one
 * another, as paged exports come, are read one after the other). A negative errno and nothing
 * returned after a diagnostic (json.syntax, json.duplicate-key, json.too-deep, json.too-large)
 * with line and column. The caller owns *ret_roots (an array of *ret_n >= 1 json_t references,
 * one for each document: drop with jsonloc_roots_free) and *ret_loc. The source must outlive
 * *ret_loc, and the tree must not be changed as long as places are asked for.
 */
int jsonloc_parse(struct diags *d, const struct source *src, json_t ***ret_roots, size_t *ret_n,
		  struct jsonloc **ret_loc);
void jsonloc_roots_free(json_t **roots, size_t n);
void jsonloc_destroy(struct jsonloc *l); /* NULL is fine */

/*
 * The place of a value of the tree: line, column, end (on its first line, at most 4 KiB on),
 * and path as a JSON pointer (RFC 6901, within its document) in the arena. a NULL: without
 * the path. LOC_NONE for a value that isn't of this tree, and for true, false and null, which
 * jansson shares between all their places: ask jsonloc_member or jsonloc_index for those.
 */
struct loc jsonloc_of(const struct jsonloc *l, struct arena *a, const json_t *value);

/*
 * The place of the value of any member or element, true, false and null too. LOC_NONE where
 * there is none.
 */
struct loc jsonloc_member(const struct jsonloc *l, struct arena *a, const json_t *object,
			  const char *key);
struct loc jsonloc_index(const struct jsonloc *l, struct arena *a, const json_t *array,
			 size_t index);
/* The place of the member's key (with its quotes); the path is the member's. */
struct loc jsonloc_key(const struct jsonloc *l, struct arena *a, const json_t *object,
		       const char *key);

/* Values in all documents, and bytes held for their places: for budgets. */
size_t jsonloc_count(const struct jsonloc *l);
size_t jsonloc_bytes(const struct jsonloc *l);

#endif
