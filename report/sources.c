/* SPDX-License-Identifier: Apache-2.0 */
/* What was read, and what became of each line of it; and the diagnostics. */
#include <string.h>

#include "base/map.h"
#include "report/doc.h"
#include "report/notice.h"
#include "report/parts.h"
#include "report/quote.h"

/* Of one code; the rest is counted. */
enum { TOLD = 10 };

void part_heading(struct text *t, struct report_style st, const char *s)
{
	if (t->len)
		text_putc(t, '\n');
	page_inked(t, st, INK_STRONG, s);
	text_putc(t, '\n');
}

void part_count(struct text *t, long long n, const char *one, const char *many)
{
	text_putf(t, "%lld %s", n, n == 1 ? one : many);
}

static const char *plural(const char *unit, long long n)
{
	static const char *const known[][2] = { { "line", "lines" },
						{ "member", "members" },
						{ "rule", "rules" },
						{ "object", "objects" },
						{ "element", "elements" } };
	for (size_t i = 0; n != 1 && i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(unit, known[i][0]))
			return known[i][1];
	return unit;
}

static void put_share(struct text *s, const json_t *account)
{
	const json_t *policy = doc_object(account, "policy");
	long long n = doc_int(policy, "total"), exact = doc_int(policy, "exact");
	if (n <= 0 || exact < 0 || exact > n)
		return;
	/* Rounded down: 100 % is only said where nothing is missing. */
	long long tenths = (long long)((double)exact * 1000.0 / (double)n);
	if (tenths >= 1000 && exact < n)
		tenths = 999;
	text_putf(s, "; of %lld that say what passes, %lld.%lld %% exactly", n, tenths / 10,
		  tenths % 10);
}

static void put_source(struct text *t, struct report_style st, const json_t *src, size_t most)
{
	const json_t *acc = doc_object(src, "account");
	const char *unit = doc_get(acc, "unit");
	long long total = doc_int(acc, "total");
	struct text s = { 0 };
	size_t i, told = 0;
	json_t *e;

	text_put(t, "  ");
	page_inked(t, st, INK_STRONG, doc_get(src, "name"));
	text_put(t, " (");
	page_put(t, doc_get(src, "collector"));
	text_put(t, ")");
	if (doc_bool(src, "failed")) {
		text_put(t, ": ");
		page_inked(t, st, INK_CRITICAL, "could not be read to its end");
	}
	text_putc(t, '\n');
	text_putf(&s, "%lld %s: %lld exact, %lld with a bound, %lld irrelevant, %lld rejected",
		  total, plural(unit, total), doc_int(acc, "exact"), doc_int(acc, "bounded"),
		  doc_int(acc, "irrelevant"), doc_int(acc, "rejected"));
	put_share(&s, acc);
	page_wrap(t, st, INK_PLAIN, "    ", 4, s.s);

	const json_t *entries = doc_array(acc, "entries");
	/* The rejected ones first: they are what may be missing. */
	for (int pass = 0; pass < 2; pass++) {
		const char *class = pass ? "bounded" : "rejected";
		json_array_foreach (entries, i, e) {
			if (strcmp(doc_get(e, "class"), class))
				continue;
			if (told++ >= most)
				continue;
			struct place at = place_of_json(e);
			text_clear(&s);
			place_print(&s, &at);
			text_putf(&s, ": %s", doc_get(e, "why"));
			page_wrap(t, st, INK_PLAIN, pass ? "    bounded:" : "    rejected:", 14,
				  s.s);
			quote_line_put(t, st, 6, &at, pass ? INK_MEDIUM : INK_CRITICAL);
		}
	}
	if (told > most)
		text_putf(t, "    and %zu more (--format json has them all)\n", told - most);
	text_finish(&s);
}

void part_sources(struct text *t, struct report_style st, const json_t *doc, size_t most)
{
	const json_t *sources = doc_array(doc, "sources");
	size_t i;
	json_t *v;

	if (!json_array_size(sources))
		return;
	part_heading(t, st, "What was read");
	json_array_foreach (sources, i, v)
		put_source(t, st, v, most);
}

static void put_diag(struct text *t, struct report_style st, const json_t *d)
{
	/* A note is no reason to look at the line. */
	bool quoted = strcmp(doc_get(d, "severity"), "note") != 0;
	struct place at = place_of_json(d);
	if (!quoted)
		at.text = NULL;
	notice_put(t, st, doc_get(d, "severity"), doc_get(d, "code"), doc_get(d, "message"),
		   &at);
	size_t i;
	json_t *r;
	json_array_foreach (doc_array(d, "related"), i, r) {
		at = place_of_json(r);
		if (!quoted)
			at.text = NULL;
		notice_put(t, st, "note", NULL, doc_get(r, "message"), &at);
	}
}

/* Counts one more of the code; how many that makes. */
static long long told(struct map *codes, const char *code, long long more)
{
	void **v = map_at(codes, code);
	long long n = (long long)(intptr_t)*v + more;
	*v = (void *)(intptr_t)n;
	return n;
}

void part_diagnostics(struct text *t, struct report_style st, const json_t *doc)
{
	static const char *const order[] = { "error", "warning", "note" };
	const json_t *diags = doc_array(doc, "diagnostics");
	struct map codes = { 0 };
	size_t i;
	json_t *d;

	if (!json_array_size(diags))
		return;
	part_heading(t, st, "Diagnostics");
	for (size_t k = 0; k < 3; k++)
		json_array_foreach (diags, i, d)
			if (!strcmp(doc_get(d, "severity"), order[k]) &&
			    told(&codes, doc_get(d, "code"), 1) <= TOLD)
				put_diag(t, st, d);
	json_array_foreach (doc_array(doc, "diagnostics_left"), i, d)
		told(&codes, doc_get(d, "code"), doc_int(d, "left"));
	for (i = 0; i < codes.n; i++) {
		long long n = (long long)(intptr_t)codes.entries[i].value;
		if (n <= TOLD)
			continue;
		text_putf(t, "and %lld more of [", n - TOLD);
		page_put(t, codes.entries[i].key);
		text_put(t, "]\n");
	}
	map_finish(&codes);
}
