/* SPDX-License-Identifier: Apache-2.0 */
/* Which packets get to a rule: a glance tells for most that went before that they are others.
 */
#include "collectors/ipt_internal.h"

enum { REACH_WEIGHT = 2048 };

const struct match *ipt_reach_limited(struct matches *ms, const struct match *m)
{
	if (ipt_weight(m, REACH_WEIGHT) <= REACH_WEIGHT)
		return m;
	return match_unknown(ms, LOC_NONE, "which packets get to the rule");
}

static bool spans_meet(const struct match *a, const struct match *b)
{
	if (a->family != b->family)
		return false;
	if (a->n > 8 || b->n > 8)
		return true;
	for (uint32_t i = 0; i < a->n; i++)
		for (uint32_t k = 0; k < b->n; k++)
			if (addr_compare(a->spans[i].lo, b->spans[k].hi) <= 0 &&
			    addr_compare(b->spans[k].lo, a->spans[i].hi) <= 0)
				return true;
	return false;
}

static bool ranges_meet(const struct match *a, const struct match *b)
{
	if (a->n > 8 || b->n > 8)
		return true;
	for (uint32_t i = 0; i < a->n; i++)
		for (uint32_t k = 0; k < b->n; k++)
			if (a->ranges[i].lo <= b->ranges[k].hi &&
			    b->ranges[k].lo <= a->ranges[i].hi)
				return true;
	return false;
}

/* One of a, a condition by itself, and b, one by itself, excludes the other. */
static bool leaves_exclude(const struct match *a, const struct match *b)
{
	if (a->kind != b->kind || a->field != b->field)
		return false;
	if (a->kind == MATCH_SPANS)
		return !spans_meet(a, b);
	if (a->kind == MATCH_RANGES)
		return !ranges_meet(a, b);
	return false;
}

/* No packet meets both, as far as a glance tells. */
static bool exclude(const struct match *a, const struct match *b)
{
	const struct match *const *va = a->kind == MATCH_AND ? a->kids : &a;
	const struct match *const *vb = b->kind == MATCH_AND ? b->kids : &b;
	uint32_t na = a->kind == MATCH_AND ? a->n : 1, nb = b->kind == MATCH_AND ? b->n : 1;
	if (b->kind == MATCH_OR && b->n <= 64) {
		for (uint32_t i = 0; i < b->n; i++)
			if (!exclude(a, b->kids[i]))
				return false;
		return true;
	}
	for (uint32_t i = 0; i < na; i++)
		for (uint32_t k = 0; k < nb; k++)
			if (leaves_exclude(va[i], vb[k]))
				return true;
	return false;
}

static struct ipt_went went(const struct match *m)
{
	struct ipt_went g = { .m = m };
	const struct match *const *v = m->kind == MATCH_AND ? m->kids : &m;
	uint32_t n = m->kind == MATCH_AND ? m->n : 1;
	for (uint32_t i = 0; i < n; i++)
		if (v[i]->kind == MATCH_SPANS)
			*(v[i]->field == FIELD_SRC ? &g.src : &g.dst) = v[i];
	return g;
}

void ipt_reach_without(struct ipt_reach *reach, const struct match *m)
{
	*vec_add(&reach->gone) = went(m);
}

const struct match *ipt_reach_within(struct matches *m, const struct ipt_reach *reach,
				     const struct match *c, size_t *steps)
{
	const struct match *v[64];
	const struct match *in = match_and(m, reach->base, c);
	size_t n = 0;
	struct ipt_went to = went(in);
	*steps += reach->gone.n / 16;
	vec_each (g, &reach->gone) {
		if (to.dst && g->dst && leaves_exclude(to.dst, g->dst))
			continue;
		if (to.src && g->src && leaves_exclude(to.src, g->src))
			continue;
		if (exclude(in, g->m))
			continue;
		if (n == sizeof(v) / sizeof(*v))
			return match_and(m, in,
					 match_unknown(m, LOC_NONE,
						       "which packets get "
						       "to the rule"));
		v[n++] = g->m;
	}
	return ipt_reach_limited(m, match_and(m, in, match_not(m, match_or_n(m, v, n))));
}
