/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A results document from untrusted bytes, rendered in every format: what the reader lets
 * through no writer may stumble over, and the text may hold no control character.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/source.h"
#include "report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct text *t)
{
	if (utf8_valid(t->s, t->len) != t->len)
		abort();
	for (size_t i = 0; i < t->len; i++) {
		unsigned char c = (unsigned char)t->s[i];
		if ((c < 0x20 && c != '\n') || c == 0x7f)
			abort();
	}
}

static void check_json(const struct text *t)
{
	json_t *back = json_loadb(t->s, t->len, 0, NULL);
	if (!back)
		abort();
	json_decref(back);
}

static void render(const json_t *doc)
{
	static const unsigned widths[] = { 0, 1, 40, 132 };
	struct text t = { 0 };
	for (size_t i = 0; report_formats[i]; i++) {
		if (report_formats[i] != report_format_find("text")) {
			text_clear(&t);
			report_render(report_formats[i], doc, (struct report_style){ 0 }, &t);
			check_json(&t);
			continue;
		}
		for (size_t k = 0; k < sizeof(widths) / sizeof(*widths); k++) {
			struct report_style st = { false, widths[k] };
			text_clear(&t);
			report_render(report_formats[i], doc, st, &t);
			check_text(&t);
		}
	}
	text_finish(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct diags d;
	struct text said = { 0 };
	const struct source *src;
	diags_init(&d, a);
	if (!source_from_bytes(a, &d, "results.json", data, size, &src)) {
		json_t *doc = results_read(&d, src);
		if (!doc && !d.n_errors)
			abort();
		if (doc)
			render(doc);
		json_decref(doc);
	}
	for (size_t i = 0; i < d.n; i++)
		report_diag(&d.v[i], (struct report_style){ 0 }, &said);
	if (said.s)
		check_text(&said);
	text_finish(&said);
	diags_finish(&d);
	arena_destroy(a);
	return 0;
}
