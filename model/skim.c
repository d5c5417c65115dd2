/* SPDX-License-Identifier: Apache-2.0 */
#include "model/skim.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum {
	WORTH_IT = 32,	       /* rules */
	COLUMNS_MAX = 1 << 24, /* bytes for one field */
	SPANS_MAX = 1 << 22,   /* looked at for one field; the rest may match anywhere */
	DEEP = 16,
	BYTES_MAX = 1 << 28, /* of all rulesets; further ones are walked whole */
};

/* One field of one family: pieces begin at starts[i], in order; the first at 0. */
struct field_index {
	struct addr *starts;
	size_t n;
	uint64_t *bits; /* n columns of `words` */
};

struct skim {
	uint32_t n;
	size_t words;
	struct field_index field[FAMILY_COUNT][SKIM_FIELDS];
};

struct skims {
	struct skim **by_id; /* of the ruleset; NULL: not met yet */
	size_t n;
	size_t bytes;
};

static const enum field fields[SKIM_FIELDS] = { FIELD_DST, FIELD_SRC, FIELD_DPORT };

struct spans {
	struct span *v;
	size_t n, cap;
};

enum scope { ANYWHERE, NOWHERE, THERE };

/*
 * Values of the field outside of which the expression is false: appended to out where the answer
 * is THERE, which a caller may take back by cutting out->n.
 */
static enum scope scope_of(const struct match *m, enum field f, enum family family,
			   struct spans *out, int depth)
{
	size_t before = out->n;
	if (depth > DEEP || out->n > SPANS_MAX)
		return ANYWHERE;
	if (m->kind == MATCH_NONE)
		return NOWHERE;
	if (m->kind == MATCH_RANGES && m->field == FIELD_FAMILY) {
		for (uint32_t i = 0; i < m->n; i++)
			if (m->ranges[i].lo <= family && family <= m->ranges[i].hi)
				return ANYWHERE;
		return NOWHERE;
	}
	if (m->kind == MATCH_SPANS) {
		if (m->family != family)
			return NOWHERE;
		if (m->field != f || out->n + m->n > SPANS_MAX)
			return ANYWHERE;
		for (uint32_t i = 0; i < m->n; i++)
			*vec_add(out) = m->spans[i];
		return THERE;
	}
	if (m->kind == MATCH_RANGES && m->field == f) {
		for (uint32_t i = 0; i < m->n; i++)
			*vec_add(out) = (struct span){ { 0, m->ranges[i].lo },
						       { 0, m->ranges[i].hi } };
		return THERE;
	}
	if (m->kind == MATCH_AND) {
		/* the first that says something will do */
		enum scope found = ANYWHERE;
		for (uint32_t i = 0; i < m->n; i++) {
			size_t mark = out->n;
			enum scope one = scope_of(m->kids[i], f, family, out, depth + 1);
			if (one == NOWHERE) {
				out->n = before;
				return NOWHERE;
			}
			if (found == THERE || one == ANYWHERE)
				out->n = mark;
			else
				found = THERE;
		}
		return found;
	}
	if (m->kind == MATCH_OR) {
		enum scope found = NOWHERE;
		for (uint32_t i = 0; i < m->n; i++) {
			enum scope one = scope_of(m->kids[i], f, family, out, depth + 1);
			if (one == ANYWHERE) {
				out->n = before;
				return ANYWHERE;
			}
			if (one == THERE)
				found = THERE;
		}
		return found;
	}
	return ANYWHERE;
}

static int by_addr(const void *x, const void *y)
{
	return addr_compare(*(const struct addr *)x, *(const struct addr *)y);
}

/* The piece that holds a. */
static size_t piece_of(const struct field_index *x, struct addr a)
{
	size_t lo = 0, hi = x->n;
	while (hi - lo > 1) {
		size_t mid = (lo + hi) / 2;
		if (addr_compare(x->starts[mid], a) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Cuts the field where spans begin and end, and no finer than there is room for. */
static void cut(struct field_index *x, const struct spans *all, size_t words)
{
	size_t most = COLUMNS_MAX / (words * sizeof(uint64_t)), n = 0, kept = 1;
	struct addr *v = xcalloc(2 * all->n + 1, sizeof(*v));
	n++; /* 0 */
	for (size_t i = 0; i < all->n; i++) {
		v[n++] = all->v[i].lo;
		struct addr next = addr_next(all->v[i].hi);
		if (next.hi || next.lo)
			v[n++] = next;
	}
	qsort(v, n, sizeof(*v), by_addr);
	for (size_t i = 1; i < n; i++)
		if (!addr_equal(v[i], v[kept - 1]))
			v[kept++] = v[i];
	if (!most)
		most = 1;
	if (kept > most) {
		for (size_t i = 0; i < most; i++)
			v[i] = v[i * kept / most];
		kept = most;
	}
	x->starts = v;
	x->n = kept;
}

static void set(uint64_t *column, uint32_t i)
{
	column[i / 64] |= UINT64_C(1) << i % 64;
}

static void index_field(struct skim *k, const struct ruleset *rs, enum family family, int which)
{
	struct field_index *x = &k->field[family][which];
	struct spans all = { 0 };
	uint64_t *anywhere = xcalloc(k->words, sizeof(*anywhere));
	size_t *first = xcalloc((size_t)rs->n + 1, sizeof(*first));
	for (uint32_t i = 0; i < rs->n; i++) {
		first[i] = all.n;
		if (scope_of(rs->rules[i].match, fields[which], family, &all, 0) != ANYWHERE)
			continue;
		all.n = first[i];
		set(anywhere, i);
	}
	first[rs->n] = all.n;
	cut(x, &all, k->words);
	x->bits = xcalloc(x->n * k->words, sizeof(*x->bits));
	for (uint32_t i = 0; i < rs->n; i++)
		for (size_t s = first[i]; s < first[i + 1]; s++) {
			size_t to = piece_of(x, all.v[s].hi);
			for (size_t p = piece_of(x, all.v[s].lo); p <= to; p++)
				set(x->bits + p * k->words, i);
		}
	for (size_t p = 0; p < x->n; p++)
		for (size_t w = 0; w < k->words; w++)
			x->bits[p * k->words + w] |= anywhere[w];
	vec_free(&all);
	free(anywhere);
	free(first);
}

static struct skim *skim_create(const struct ruleset *rs, size_t *bytes)
{
	struct skim *k = xcalloc(1, sizeof(*k));
	k->n = rs->n;
	k->words = ((size_t)rs->n + 63) / 64;
	for (enum family f = FAMILY_V4; f < FAMILY_COUNT; f++)
		for (int i = 0; i < SKIM_FIELDS; i++) {
			index_field(k, rs, f, i);
			*bytes += k->field[f][i].n * k->words * sizeof(uint64_t);
		}
	return k;
}

struct skims *skims_create(void)
{
	return xcalloc(1, sizeof(struct skims));
}

void skims_destroy(struct skims *s)
{
	for (size_t i = 0; s && i < s->n; i++) {
		struct skim *k = s->by_id[i];
		if (!k)
			continue;
		for (int f = 0; f < FAMILY_COUNT; f++)
			for (int x = 0; x < SKIM_FIELDS; x++) {
				free(k->field[f][x].starts);
				free(k->field[f][x].bits);
			}
		free(k);
	}
	if (s)
		free(s->by_id);
	free(s);
}

bool skim_seek(struct skims *s, const struct ruleset *rs, const struct packet *p,
	       struct skim_at *ret)
{
	bool met = rs->id < s->n && s->by_id[rs->id];
	if (rs->n < WORTH_IT || (!met && s->bytes > BYTES_MAX))
		return false;
	if (rs->id >= s->n) {
		size_t n = (size_t)rs->id + 64;
		s->by_id = xreallocarray(s->by_id, n, sizeof(*s->by_id));
		memset(s->by_id + s->n, 0, (n - s->n) * sizeof(*s->by_id));
		s->n = n;
	}
	if (!s->by_id[rs->id])
		s->by_id[rs->id] = skim_create(rs, &s->bytes);
	const struct skim *k = s->by_id[rs->id];
	const struct addr value[SKIM_FIELDS] = { p->dst, p->src, { 0, p->dport } };
	for (int i = 0; i < SKIM_FIELDS; i++) {
		const struct field_index *x = &k->field[p->family][i];
		ret->column[i] = x->bits + piece_of(x, value[i]) * k->words;
	}
	ret->n = k->n;
	return true;
}
