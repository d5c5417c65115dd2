/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

/*
 * Writers. A run's results become one JSON document (report/results.c, schema in
 * docs/results.schema.json); every other format is rendered from that document alone, so that
 * `plumbline report` gives later what `check` would have given at once.
 */

#include <jansson.h>
#include <stdio.h>

#include "base/text.h"
#include "diff/results.h"

/* How the text looks; only terminals get colour. */
struct report_style {
	bool colour;
	unsigned width; /* columns; 0: 80 */
};

/* Everything a writer may know. out collects the whole document. */
struct report {
	const json_t *results;
	struct text *out;
	struct report_style style;
	void *state; /* the writer's own, freed by end */
};

struct report_format {
	const char *name;    /* "text", "json", "sarif" */
	const char *summary; /* one line for `plumbline list formats` */
	void (*begin)(struct report *r);
	void (*diag)(struct report *r, const json_t *diag);
	void (*finding)(struct report *r, const json_t *finding);
	void (*end)(struct report *r);
};

extern const struct report_format *const report_formats[];
const struct report_format *report_format_find(const char *name);

/* The results as JSON: a new reference. */
json_t *results_json(const struct results *res);
/* The same with an empty coverage. */
json_t *results_but_coverage(const struct results *res);
/* Appends what the format `json` makes of that document, the same bytes, without making the
 * document: where the coverage is large it takes far less memory. */
void results_text(const struct results *res, struct text *out);
/* One finding as the document has it: a new reference. */
json_t *finding_json(const struct finding *f);
/* What `show` says of a snapshot: accounts and rulesets. A new reference. */
json_t *snapshot_json(const struct snapshot *snap, const struct diags *d);
/* `show --format text` from the same document. */
void snapshot_text(const json_t *doc, struct text *out, struct report_style style);

/*
 * Reads a results document back (for `report`): NULL after a diagnostic (results.json,
 * results.version). Checks the members that writers rely on.
 */
json_t *results_read(struct diags *d, const struct source *src);

/* Renders the document. */
void report_render(const struct report_format *f, const json_t *results,
		   struct report_style style, struct text *out);

/* One diagnostic as people read it: "file:line:col: error: text [code]", quoted line, caret. */
void report_diag(const struct diag *d, struct report_style style, struct text *out);

#endif
