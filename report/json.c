/* SPDX-License-Identifier: Apache-2.0 */
/* The document itself. Members keep their order, so that equal runs are equal bytes. */
#include <stdlib.h>

#include "report/formats.h"

static int put(const char *s, size_t len, void *out)
{
	text_putn(out, s, len);
	return 0;
}

static void json_end(struct report *r)
{
	json_dump_callback(r->results, put, r->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
	text_putc(r->out, '\n');
}

const struct report_format report_json = {
	.name = "json",
	.summary = "the results as one document (docs/results.schema.json)",
	.end = json_end,
};
