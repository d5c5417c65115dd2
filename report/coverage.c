/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was compared. An "aligned" is worth what stands here, so each is told with the points
 * that enforce it; where there are very many, the aligned ones are told by their source zone.
 */
#include <string.h>

#include "base/vec.h"
#include "report/doc.h"
#include "report/parts.h"
#include "report/place.h"

enum { COMPACT_FROM = 60, WHYS_MAX = 8 };

static enum ink verdict_ink(const char *verdict)
{
	return !strcmp(verdict, "aligned")	? INK_GOOD
	       : !strcmp(verdict, "misaligned") ? INK_CRITICAL
						: INK_MEDIUM;
}

static void join(struct text *t, const json_t *list)
{
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v) {
		text_put(t, i ? ", " : "");
		text_put(t, json_string_value(v) ? json_string_value(v) : "");
	}
}

/* What stands behind the verdict: the findings, the reason with its place, the points. */
static void put_reason(struct text *t, const json_t *c)
{
	const char *why = doc_get(c, "why");
	const json_t *findings = doc_array(c, "findings"), *at = doc_object(c, "place");
	text_put(t, why);
	if (json_array_size(findings)) {
		text_put(t, t->len ? ": " : "");
		join(t, findings);
	}
	if (at) {
		struct place p = place_of_json(at);
		text_put(t, t->len ? " (" : "(");
		place_print(t, &p);
		text_putc(t, ')');
	}
	if (json_array_size(doc_array(c, "points"))) {
		text_put(t, t->len ? "; by " : "by ");
		join(t, doc_array(c, "points"));
	}
}

static void put_row(struct text *t, struct report_style st, const json_t *c, unsigned pair)
{
	struct text s = { 0 };
	const char *verdict = doc_get(c, "verdict");
	text_putf(&s, "%s -> %s", doc_get(c, "from"), doc_get(c, "to"));
	text_put(t, "  ");
	page_pad(t, s.s, pair);
	text_put(t, "  ");
	page_pad(t, doc_get(c, "plane"), 8);
	text_put(t, "  ");
	page_ink(t, st, verdict_ink(verdict));
	page_put(t, verdict);
	page_plain(t, st);
	text_clear(&s);
	put_reason(&s, c);
	/* The reason on the same line where it fits, below and indented where it doesn't. */
	struct text safe = { 0 };
	page_put(&safe, s.s ? s.s : "");
	size_t columns = page_columns(safe.s ? safe.s : "", safe.len);
	if (safe.len && 2 + pair + 2 + 8 + 2 + 12 + 2 + columns <= page_width(st)) {
		text_putf(t, "%*s  %s\n", (int)(12 - strnlen(verdict, 12)), "", safe.s);
	} else {
		text_putc(t, '\n');
		page_wrap(t, st, INK_PLAIN, "", 6, s.s ? s.s : "");
	}
	text_finish(&safe);
	text_finish(&s);
}

static bool is_aligned(const json_t *c)
{
	return !strcmp(doc_get(c, "verdict"), "aligned");
}

/* The different reasons of aligned comparisons, as far as they are told together. */
struct whys {
	const char *v[WHYS_MAX];
	size_t n;
};

static bool is_grouped(const struct whys *w, const json_t *c)
{
	for (size_t i = 0; is_aligned(c) && i < w->n; i++)
		if (!strcmp(w->v[i], doc_get(c, "why")))
			return true;
	return false;
}

static void find_whys(struct whys *w, const json_t *coverage)
{
	size_t i;
	json_t *c;
	json_array_foreach (coverage, i, c)
		if (is_aligned(c) && w->n < WHYS_MAX && !is_grouped(w, c))
			w->v[w->n++] = doc_get(c, "why");
}

/* "web-a -> db-a, db-b, external" for every aligned pair. The list is sorted. */
static void put_group(struct text *t, struct report_style st, const json_t *coverage,
		      const char *plane, const char *why)
{
	struct text s = { 0 };
	const char *from = NULL;
	bool any = false;
	size_t i;
	json_t *c;
	json_array_foreach (coverage, i, c) {
		if (!is_aligned(c) || strcmp(doc_get(c, "plane"), plane) ||
		    strcmp(doc_get(c, "why"), why))
			continue;
		if (!any) {
			text_putf(&s, "%s%s%s:", plane, *why ? ", " : "", why);
			page_wrap(t, st, INK_GOOD, "  aligned", 10, s.s);
			any = true;
		}
		if (!from || strcmp(from, doc_get(c, "from"))) {
			if (from)
				page_wrap(t, st, INK_PLAIN, "    ", 6, s.s);
			text_clear(&s);
			text_putf(&s, "%s -> ", doc_get(c, "from"));
		} else {
			text_put(&s, ", ");
		}
		from = doc_get(c, "from");
		text_put(&s, doc_get(c, "to"));
	}
	if (from)
		page_wrap(t, st, INK_PLAIN, "    ", 6, s.s);
	text_finish(&s);
}

static void put_aligned(struct text *t, struct report_style st, const json_t *coverage,
			const struct whys *w)
{
	for (size_t i = 0; i < w->n; i++) {
		put_group(t, st, coverage, "physical", w->v[i]);
		put_group(t, st, coverage, "virtual", w->v[i]);
	}
}

long long part_pairs(const json_t *coverage)
{
	const char *from = NULL, *to = NULL;
	long long n = 0;
	size_t i;
	json_t *c;
	/* The entries of one pair stand together. */
	json_array_foreach (coverage, i, c) {
		const char *f = doc_get(c, "from"), *t = doc_get(c, "to");
		n += !from || strcmp(from, f) || strcmp(to, t);
		from = f;
		to = t;
	}
	return n;
}

void part_coverage(struct text *t, struct report_style st, const json_t *doc)
{
	const json_t *coverage = doc_array(doc, "coverage");
	size_t n = json_array_size(coverage), i, pair = 0;
	json_t *c;

	if (!n)
		return;
	const json_t *count = doc_object(doc_object(doc, "summary"), "coverage");
	struct text s = { 0 };
	text_put(&s, "Coverage: ");
	part_count(&s, part_pairs(coverage), "zone pair, ", "zone pairs, ");
	part_count(&s, (long long)n, "comparison", "comparisons by plane");
	text_putf(&s, ": %lld aligned, %lld misaligned, %lld inconclusive",
		  doc_int(count, "aligned"), doc_int(count, "misaligned"),
		  doc_int(count, "inconclusive"));
	part_heading(t, st, s.s);

	struct whys whys = { 0 };
	if (n > COMPACT_FROM)
		find_whys(&whys, coverage);
	json_array_foreach (coverage, i, c) {
		text_clear(&s);
		text_putf(&s, "%s -> %s", doc_get(c, "from"), doc_get(c, "to"));
		size_t columns = page_columns(s.s, s.len);
		if (columns > pair && !is_grouped(&whys, c))
			pair = columns;
	}
	pair = pair > 34 ? 34 : pair;
	json_array_foreach (coverage, i, c)
		if (!is_grouped(&whys, c))
			put_row(t, st, c, (unsigned)pair);
	put_aligned(t, st, coverage, &whys);
	text_finish(&s);
}
