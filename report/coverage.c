/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was compared. An "aligned" is worth what stands here, so each is told with the points
 * that enforce it; where there are very many, those that say the same are told together, and
 * aligned ones by their letter in the matrix.
 */
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "report/doc.h"
#include "report/parts.h"
#include "report/place.h"
#include "report/zone_matrix.h"

enum { COMPACT_FROM = 60 };

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

/* --- many pairs --- */

/* Entries that say the same, told together. */
struct group {
	const json_t *first;
	const char *planes;
	VEC(const json_t *) pairs;
};

struct groups {
	VEC(struct group) v;
	struct map index; /* by what they say: place in v + 1 */
};

/* "physical", "virtual", or both where the next entry says the same of the other plane. */
static const char *planes(const json_t *c, const json_t *next)
{
	if (strcmp(doc_get(c, "from"), doc_get(next, "from")) ||
	    strcmp(doc_get(c, "to"), doc_get(next, "to")) ||
	    strcmp(doc_get(c, "verdict"), doc_get(next, "verdict")) ||
	    strcmp(doc_get(c, "why"), doc_get(next, "why")) ||
	    !json_equal(json_object_get(c, "place"), json_object_get(next, "place")) ||
	    !json_equal(json_object_get(c, "findings"), json_object_get(next, "findings")))
		return doc_get(c, "plane");
	return "physical and virtual";
}

static void put_why(struct text *t, const json_t *c)
{
	const json_t *at = doc_object(c, "place");
	text_put(t, doc_get(c, "why"));
	if (at) {
		struct place p = place_of_json(at);
		text_put(t, " (");
		place_print(t, &p);
		text_putc(t, ')');
	}
}

static void add_to_group(struct groups *gs, const json_t *c, const char *plane)
{
	struct text key = { 0 };
	text_putf(&key, "%s\n%s\n", doc_get(c, "verdict"), plane);
	put_why(&key, c);
	void **at = map_atn(&gs->index, key.s, key.len);
	if (!*at) {
		*vec_add(&gs->v) = (struct group){ .first = c, .planes = plane };
		*at = (void *)(uintptr_t)gs->v.n;
	}
	*vec_add(&gs->v.v[(uintptr_t)*at - 1].pairs) = c;
	text_finish(&key);
}

/* "web-a -> db-a, db-b, external" for every pair. They are sorted. */
static void put_group(struct text *t, struct report_style st, const struct group *g)
{
	struct text s = { 0 };
	const char *from = NULL, *verdict = doc_get(g->first, "verdict");
	text_putf(&s, "%s%s", g->planes, *doc_get(g->first, "why") ? ", " : "");
	put_why(&s, g->first);
	text_putc(&s, ':');
	struct text label = { 0 };
	text_putf(&label, "  %s", verdict);
	page_wrap(t, st, verdict_ink(verdict), label.s, (unsigned)label.len + 1, s.s);
	text_finish(&label);
	text_clear(&s);
	for (size_t i = 0; i < g->pairs.n; i++) {
		const json_t *c = g->pairs.v[i];
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
	page_wrap(t, st, INK_PLAIN, "    ", 6, s.s);
	text_finish(&s);
}

/* One misaligned pair in few lines: the findings tell the rest. */
static void put_wrong(struct text *t, struct report_style st, const json_t *c,
		      const char *plane, const json_t *other)
{
	struct text label = { 0 }, s = { 0 };
	text_putf(&label, "  %s", doc_get(c, "verdict"));
	text_putf(&s, "%s -> %s, %s, ", doc_get(c, "from"), doc_get(c, "to"), plane);
	put_reason(&s, c);
	if (other && json_array_size(doc_array(other, "points"))) {
		text_put(&s, json_array_size(doc_array(c, "points")) ? ", " : "; by ");
		join(&s, doc_array(other, "points"));
	}
	page_wrap(t, st, verdict_ink(doc_get(c, "verdict")), label.s, (unsigned)label.len + 1,
		  s.s);
	text_finish(&label);
	text_finish(&s);
}

/* Whether an aligned pair has nothing to it that its letter in the matrix doesn't tell. */
static bool told_by_letter(const struct zone_matrix *m, const struct map *index,
			   const json_t *c)
{
	size_t a = (uintptr_t)map_get(index, doc_get(c, "from"));
	size_t b = (uintptr_t)map_get(index, doc_get(c, "to"));
	if (!a || !b || strcmp(doc_get(c, "verdict"), "aligned"))
		return false;
	char letter = m->cells[(a - 1) * m->n + b - 1];
	return letter == PAIR_ALIGNED || letter == PAIR_ONE_PHYSICAL ||
	       letter == PAIR_ONE_VIRTUAL;
}

static void put_many(struct text *t, struct report_style st, const json_t *doc,
		     const json_t *coverage)
{
	struct groups gs = { 0 };
	struct zone_matrix m = { 0 };
	struct map index = { 0 };
	size_t n = json_array_size(coverage);
	bool lettered = false;
	if (zone_matrix_read(doc_object(doc, "matrix"), &m))
		for (size_t i = 0; i < m.n; i++)
			*map_at(&index, m.names[i]) = (void *)(uintptr_t)(i + 1);
	for (size_t i = 0; i < n; i++) {
		const json_t *c = json_array_get(coverage, i);
		const json_t *next = i + 1 < n ? json_array_get(coverage, i + 1) : NULL;
		const char *plane = planes(c, next);
		bool both = !strcmp(plane, "physical and virtual");
		i += both;
		if (told_by_letter(&m, &index, c))
			lettered = true;
		else if (!strcmp(doc_get(c, "verdict"), "misaligned"))
			put_wrong(t, st, c, plane, both ? next : NULL);
		else
			add_to_group(&gs, c, plane);
	}
	for (size_t i = 0; i < 2; i++) /* what nothing is known of stands before the rest */
		vec_each (g, &gs.v)
			if (!strcmp(doc_get(g->first, "verdict"), "aligned") == (i == 1))
				put_group(t, st, g);
	if (lettered)
		page_wrap(t, st, INK_GOOD, "  aligned", 10,
			  "the others, as the matrix has them; --format json names the points "
			  "that enforce each.");
	vec_each (g, &gs.v)
		vec_free(&g->pairs);
	vec_free(&gs.v);
	map_finish(&gs.index);
	map_finish(&index);
	zone_matrix_finish(&m);
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

	if (n > COMPACT_FROM) {
		put_many(t, st, doc, coverage);
		text_finish(&s);
		return;
	}
	json_array_foreach (coverage, i, c) {
		text_clear(&s);
		text_putf(&s, "%s -> %s", doc_get(c, "from"), doc_get(c, "to"));
		size_t columns = page_columns(s.s, s.len);
		pair = columns > pair ? columns : pair;
	}
	pair = pair > 34 ? 34 : pair;
	json_array_foreach (coverage, i, c)
		put_row(t, st, c, (unsigned)pair);
	text_finish(&s);
}
