/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "report/doc.h"
#include "report/formats.h"

const struct report_format *const report_formats[] = { &report_text, &report_json,
						       &report_sarif, NULL };

const struct report_format *report_format_find(const char *name)
{
	for (size_t i = 0; report_formats[i]; i++)
		if (!strcmp(report_formats[i]->name, name))
			return report_formats[i];
	return NULL;
}

void report_render(const struct report_format *f, const json_t *results,
		   struct report_style style, struct text *out)
{
	struct report r = { .results = results, .out = out, .style = style };
	size_t i;
	json_t *v;

	if (f->begin)
		f->begin(&r);
	if (f->diag)
		json_array_foreach (doc_array(results, "diagnostics"), i, v)
			f->diag(&r, v);
	if (f->finding)
		json_array_foreach (doc_array(results, "findings"), i, v)
			f->finding(&r, v);
	if (f->end)
		f->end(&r);
}
