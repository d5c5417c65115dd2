/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_PARTS_H
#define REPORT_PARTS_H

/* The parts that a text report is put together from. Each ends with a line end. */

#include <jansson.h>

#include "report/page.h"

/* A heading in a line of its own, a blank line before it unless it begins the text. */
void part_heading(struct text *t, struct report_style st, const char *s);

/* One finding with its packet, rules, traffic and what to do. */
void part_finding(struct text *t, struct report_style st, const json_t *finding);

/* How many zone pairs the coverage tells of, one entry a plane. */
long long part_pairs(const json_t *coverage);

/* Zones by zones, a letter a pair. False where the document has no matrix. */
bool part_matrix(struct text *t, struct report_style st, const json_t *doc);

/* What was compared, pair by pair and plane by plane, with the reasons. */
void part_coverage(struct text *t, struct report_style st, const json_t *doc);

/* What became of each source's lines; at most `most` of those not understood exactly each. */
void part_sources(struct text *t, struct report_style st, const json_t *doc, size_t most);

/* The diagnostics of the run, those that hold back an answer first. */
void part_diagnostics(struct text *t, struct report_style st, const json_t *doc);

/*
 * The outcome in a word or two, "MISALIGNED", with its colour, and after it in *ret_rest a
 * sentence with the counts that says so (appended).
 */
const char *part_verdict(const json_t *doc, enum ink *ret_ink, struct text *ret_rest);

/* "3 findings", "1 finding". */
void part_count(struct text *t, long long n, const char *one, const char *many);

enum ink part_ink(const char *severity);

#endif
