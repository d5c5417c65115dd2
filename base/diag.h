/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

/*
 * Diagnostics: what the program has to say about its inputs, collected while it works and
 * printed by whoever owns the run. A code is stable ("asa.object-cycle": the reader's name, a
 * dot, the defect); the text is for people and may change. Tests match codes.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct source;

/*
 * A place. src NULL: no file. line and col are 1-based, col counts bytes of the normalised
 * UTF-8 text, end_col is one behind the last byte on that line (0: unknown). path, where not
 * NULL, is the logical place: a JSON pointer, or "table inet filter chain forward handle 12".
 */
struct loc {
	const struct source *src;
	uint32_t line, col, end_col;
	const char *path;
};

#define LOC_NONE ((struct loc){ 0 })

enum diag_severity { DIAG_NOTE, DIAG_WARNING, DIAG_ERROR };

enum { DIAG_RELATED = 3, DIAG_CAP_PER_CODE = 100 };

struct diag {
	enum diag_severity severity;
	const char *code;
	struct loc loc;
	const char *text;
	struct loc related[DIAG_RELATED];
	const char *related_text[DIAG_RELATED];
	unsigned n_related;
};

struct diags {
	struct arena *arena; /* borrowed: texts live here */
	struct diag *v;
	size_t n, cap;
	size_t n_errors, n_warnings; /* of all, also those over the cap */
	struct diag_count {
		const char *code;
		size_t n; /* how many there were; over DIAG_CAP_PER_CODE they are only counted */
	} *counts;
	size_t n_counts, cap_counts;
	bool only_counted; /* the one reported last */
};

void diags_init(struct diags *d, struct arena *a);
void diags_finish(struct diags *d); /* frees the lists, not the arena */

/*
 * diag_error returns -err so that a reader can `return diag_error(...)`. code must be a
 * string literal. The others return nothing.
 */
int diag_error(struct diags *d, int err, const char *code, struct loc at, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void diag_warning(struct diags *d, const char *code, struct loc at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void diag_note(struct diags *d, const char *code, struct loc at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Adds a related place to the diagnostic reported last (at most DIAG_RELATED). */
void diag_related(struct diags *d, struct loc at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds those of `from` behind those of d, as if they had been reported there; texts are copied. */
void diags_join(struct diags *d, const struct diags *from);

bool diags_has(const struct diags *d, const char *code);
/* How many were reported under the code, and how many of them only counted. */
size_t diags_count(const struct diags *d, const char *code);

/* "file:line:col", "file", the path, or "-"; in a buffer of the arena. */
const char *loc_print(struct arena *a, struct loc at);
/* Orders by source name, line, column, path; for stable output. */
int loc_compare(struct loc a, struct loc b);

#endif
