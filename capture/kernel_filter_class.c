/* SPDX-License-Identifier: Apache-2.0 */
/* Whose addresses are whose: a sweep over the ends of all tenants' spans. */
#include <stdlib.h>

#include "base/vec.h"
#include "capture/kernel_filter_internal.h"

/* A tenant has addresses from here on, or up to before here. */
struct edge {
	struct addr at;
	uint32_t tenant;
	bool begins;
};

struct edges {
	struct edge *v;
	size_t n, cap;
};

/* Who has the address that the sweep has come to. */
struct owners {
	uint32_t *spans; /* by tenant, how many of its spans are open */
	size_t n;	 /* tenants with any */
	uint32_t all;	 /* exclusive or of their numbers: the number, of one */
};

static int compare(const void *a, const void *b)
{
	return addr_compare(((const struct edge *)a)->at, ((const struct edge *)b)->at);
}

static void collect(const struct policy *p, enum family f, struct edges *e)
{
	for (size_t i = 0; i < p->n_zones; i++) {
		const struct zone *z = &p->zones[i];
		if (!z->tenant || z->tenant->shared)
			continue;
		uint32_t tenant = (uint32_t)(z->tenant - p->tenants) + 1;
		for (size_t k = 0; k < z->n_spans[f]; k++) {
			struct span s = z->spans[f][k];
			*vec_add(e) = (struct edge){ s.lo, tenant, true };
			/* up to the last address of all: it never ends */
			if (!addr_equal(s.hi, addr_max(f)))
				*vec_add(e) = (struct edge){ addr_next(s.hi), tenant, false };
		}
	}
	if (e->n)
		qsort(e->v, e->n, sizeof(*e->v), compare);
}

static void step(struct owners *o, const struct edge *e)
{
	uint32_t *n = &o->spans[e->tenant];
	if (e->begins ? !(*n)++ : !--*n) {
		o->n += e->begins ? 1 : (size_t)-1;
		o->all ^= e->tenant;
	}
}

static void sweep(const struct policy *p, enum family f, struct classes *c)
{
	struct edges e = { 0 };
	struct owners o = { .spans = xcalloc(p->n_tenants + 1, sizeof(*o.spans)) };
	struct class_range open = { .class = CLASS_NOBODY };
	collect(p, f, &e);
	c->v[f] = xcalloc(e.n + 1, sizeof(*c->v[f]));
	for (size_t i = 0; i < e.n;) {
		struct addr at = e.v[i].at;
		for (; i < e.n && addr_equal(e.v[i].at, at); i++)
			step(&o, &e.v[i]);
		uint32_t now = !o.n ? CLASS_NOBODY : o.n == 1 ? o.all : CLASS_MANY;
		if (now == open.class)
			continue;
		if (open.class != CLASS_NOBODY) {
			open.span.hi = addr_prev(at);
			c->v[f][c->n[f]++] = open;
		}
		open = (struct class_range){ .span.lo = at, .class = now };
	}
	if (open.class != CLASS_NOBODY) {
		open.span.hi = addr_max(f);
		c->v[f][c->n[f]++] = open;
	}
	free(e.v);
	free(o.spans);
}

void classes_init(struct classes *ret, const struct policy *p)
{
	*ret = (struct classes){ 0 };
	for (size_t i = 0; i < p->n_tenants; i++) {
		bool any = false;
		for (size_t k = 0; k < p->n_zones; k++)
			any |= p->zones[k].tenant == &p->tenants[i] &&
			       (p->zones[k].n_spans[FAMILY_V4] ||
				p->zones[k].n_spans[FAMILY_V6]);
		ret->n_tenants += any && !p->tenants[i].shared;
	}
	for (unsigned f = 0; f < FAMILY_COUNT; f++)
		sweep(p, f, ret);
}

void classes_finish(struct classes *c)
{
	for (unsigned f = 0; f < FAMILY_COUNT; f++)
		free(c->v[f]);
}

/* How many bits hi - lo has. */
static unsigned bits_between(struct addr lo, struct addr hi)
{
	struct addr d = { hi.hi - lo.hi - (hi.lo < lo.lo), hi.lo - lo.lo };
	if (d.hi)
		return 128 - (unsigned)__builtin_clzll(d.hi);
	return d.lo ? 64 - (unsigned)__builtin_clzll(d.lo) : 0;
}

/* Joins what lies within so many bits; how many ranges are left. */
static size_t join(struct class_range *v, size_t n, unsigned reach)
{
	size_t last = 0;
	for (size_t i = 1; i < n; i++) {
		struct class_range *a = &v[last], *b = &v[i];
		bool same = a->class == b->class;
		if (bits_between(same ? a->span.hi : a->span.lo,
				 same ? b->span.lo : b->span.hi) > reach) {
			v[++last] = *b;
			continue;
		}
		a->span.hi = b->span.hi;
		if (!same)
			a->class = CLASS_MANY;
	}
	return last + 1;
}

bool classes_widen(struct classes *c)
{
	enum family f = c->n[FAMILY_V4] >= c->n[FAMILY_V6] ? FAMILY_V4 : FAMILY_V6;
	size_t before = c->n[f];
	if (before < 2)
		return false;
	c->widened = true;
	while (c->n[f] == before)
		c->n[f] = join(c->v[f], before, c->reach[f]++);
	return true;
}
