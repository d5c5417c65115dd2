/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_STATEMENT_H
#define REPORT_STATEMENT_H

/* What a sample of packets supports: the member `statement` of results, and what text says of
 * it. */

#include "report/page.h"

/* "cross-talk", as in results, metrics and docs/sampling.md. */
const char *observed_name(enum observed o);
/* New references. */
json_t *statement_json(const struct statement *st);
json_t *sighting_json(const struct sighting *s);
/* Parts of it. */
json_t *packets_json(const struct capture_counts *c);
json_t *verdicts_json(const struct statement *st);

/* The outcome of `sample`, as part_verdict(). */
const char *statement_verdict(const json_t *doc, enum ink *ret_ink, struct text *ret_rest);
/* Where and how often a finding was seen; nothing where the finding doesn't say. */
void part_seen(struct text *t, struct report_style st, const json_t *finding);
/* What was looked at, what it supports, who was covered. Nothing without a statement. */
void part_statement(struct text *t, struct report_style st, const json_t *doc);

#endif
