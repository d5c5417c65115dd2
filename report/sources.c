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

/* Columns of the table: what is left for the name, and each number. */
enum { NUMBER = 9, NUMBERS = 5, NAME_LEAST = 24 };

static const char *const number_keys[] = { "total", "exact", "bounded", "irrelevant",
					   "rejected" };

static unsigned name_columns(struct report_style st)
{
	unsigned width = page_width(st), taken = NUMBERS * NUMBER;
	return width > taken + NAME_LEAST ? width - taken : NAME_LEAST;
}

static void put_table_head(struct text *t, struct report_style st)
{
	static const char *const heads[] = { "total", "exact", "bounded", "irrelev.",
					     "rejected" };
	struct text s = { 0 };
	page_pad(&s, "What was read", name_columns(st));
	for (size_t i = 0; i < NUMBERS; i++)
		text_putf(&s, "%*s", NUMBER, heads[i]);
	part_heading(t, st, s.s);
	text_finish(&s);
}

static void put_source(struct text *t, struct report_style st, const json_t *src)
{
	const json_t *acc = doc_object(src, "account");
	bool failed = doc_bool(src, "failed");
	struct text s = { 0 };
	unsigned name = name_columns(st);

	text_putf(&s, "%s (%s)", doc_get(src, "name"), doc_get(src, "collector"));
	size_t before = t->len;
	text_put(t, "  ");
	page_put(t, s.s);
	size_t columns = page_columns(t->s + before, t->len - before);
	if (columns > name)
		text_putc(t, '\n');
	page_repeat(t, ' ', columns > name ? name : name - columns);
	for (size_t i = 0; i < NUMBERS; i++) {
		long long n = doc_int(acc, number_keys[i]);
		if (n && i == NUMBERS - 1)
			page_ink(t, st, INK_CRITICAL);
		text_putf(t, "%*lld", NUMBER, n);
		if (n && i == NUMBERS - 1)
			page_plain(t, st);
	}
	text_putc(t, '\n');
	if (failed)
		page_wrap(t, st, INK_CRITICAL, "    NOT READ to its end:", 4,
			  "what it decides is not known");
	text_finish(&s);
}

/* How much of what decides was understood, of all sources. */
static void put_share(struct text *t, struct report_style st, const json_t *sources)
{
	long long n = 0, exact = 0;
	size_t i;
	json_t *v;
	json_array_foreach (sources, i, v) {
		const json_t *policy = doc_object(doc_object(v, "account"), "policy");
		n += doc_int(policy, "total");
		exact += doc_int(policy, "exact");
	}
	if (n <= 0 || exact < 0 || exact > n)
		return;
	/* Rounded down: 100 % is only said where nothing is missing. */
	long long tenths = (long long)((double)exact * 1000.0 / (double)n);
	if (tenths >= 1000 && exact < n)
		tenths = 999;
	struct text s = { 0 };
	text_putf(&s, "Of %lld that say what passes, %lld.%lld %% were understood exactly.", n,
		  tenths / 10, tenths % 10);
	page_wrap(t, st, INK_PLAIN, "  ", 2, s.s);
	text_finish(&s);
}

/* The units of one class; the rejected ones come first: they are what may be missing. */
static size_t put_entries(struct text *t, struct report_style st, const json_t *src,
			  const char *class, size_t most)
{
	bool rejected = !strcmp(class, "rejected");
	size_t told = 0, i;
	json_t *e;
	json_array_foreach (doc_array(doc_object(src, "account"), "entries"), i, e) {
		if (strcmp(doc_get(e, "class"), class) || told++ >= most)
			continue;
		struct place at = place_of_json(e);
		struct text s = { 0 };
		place_print(&s, &at);
		text_putf(&s, ": %s", doc_get(e, "why"));
		page_wrap(t, st, rejected ? INK_CRITICAL : INK_MEDIUM,
			  rejected ? "  rejected:" : "  bounded:", 12, s.s);
		quote_line_put(t, st, 4, &at, rejected ? INK_CRITICAL : INK_MEDIUM);
		text_finish(&s);
	}
	return told;
}

void part_sources(struct text *t, struct report_style st, const json_t *doc, size_t most)
{
	const json_t *sources = doc_array(doc, "sources");
	size_t i;
	json_t *v;

	if (!json_array_size(sources))
		return;
	put_table_head(t, st);
	json_array_foreach (sources, i, v)
		put_source(t, st, v);
	put_share(t, st, sources);
	json_array_foreach (sources, i, v) {
		size_t told = put_entries(t, st, v, "rejected", most);
		size_t left = most > told ? most - told : 0;
		told += put_entries(t, st, v, "bounded", left);
		if (told <= most)
			continue;
		text_putf(t, "  and %zu more of ", told - most);
		page_put(t, doc_get(v, "name"));
		text_put(t, " (--format json has them all)\n");
	}
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
