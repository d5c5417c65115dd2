/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_QUERY_H
#define REPORT_QUERY_H

/* What `query` writes: docs/query.md, and docs/query.schema.json for the document. */

#include <jansson.h>

#include "diff/ask.h"
#include "report/page.h"

/* A question as it was put, and an answer for each zone that it can mean. */
struct query {
	const char *estate;
	const char *from, *to, *service; /* as written; service NULL: any */
	const struct question *questions;
	const struct answer *answers;
	size_t n;
};

/* Of all answers together, by plane and last for all; NULL: nothing was asked of it. */
const char *query_verdict(const struct query *q, int plane);

json_t *query_json(const struct query *q, const struct diags *d); /* a new reference */
void query_text(struct text *t, struct report_style st, const struct query *q);

#endif
