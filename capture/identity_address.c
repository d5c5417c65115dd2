/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose an address is. The zones' spans (and what translation adds to them) cut the family into
 * cells, in each of which the same is known of every address. A table over the leading bits of
 * the difference to the lowest cut says between which two cuts to search, so that the search is
 * short however many prefixes there are.
 */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "capture/identity_internal.h"

enum {
	TABLE_BITS_MAX = 20,
	CANDIDATES_MAX = 1 << 22, /* of all cells together; beyond, cells tell none */
	EXCLUDED = 1,
	MASKED = 2,
};

struct claim {
	struct span span;
	struct candidate candidate; /* zone NULL: only flags */
	unsigned flags;
};

struct claims {
	VEC(struct claim) v;
};

static void claim_zone(struct claims *c, struct span s, struct candidate cand)
{
	struct claim *x = vec_add(&c->v);
	x->span = s;
	x->candidate = cand;
}

static void claim_flags(struct claims *c, struct span s, unsigned flags)
{
	struct claim *x = vec_add(&c->v);
	x->span = s;
	x->flags = flags;
}

static void claim_own(struct claims *c, const struct policy *p, enum family f)
{
	for (size_t i = 0; i < p->n_zones; i++)
		for (size_t k = 0; k < p->zones[i].n_spans[f]; k++)
			claim_zone(c, p->zones[i].spans[f][k],
				   (struct candidate){ .zone = &p->zones[i], .own = true });
}

/* Addresses that are translated to one of the zone's. */
static void claim_destinations(struct arena *a, struct claims *c, const struct graph *g,
			       enum family f)
{
	const struct policy *p = g->estate->policy;
	for (size_t i = 0; i < p->n_zones; i++) {
		const struct zone *z = &p->zones[i];
		struct spans own = { z->spans[f], z->n_spans[f] };
		if (z->external)
			continue;
		struct spans more = spans_without(a, g->attached[i].destinations[f], own);
		for (size_t k = 0; k < more.n; k++)
			claim_zone(c, more.v[k],
				   (struct candidate){ .zone = z, .translated = true });
	}
}

/* What translations make of the zone's addresses, one by one. */
static void claim_shifted(struct arena *a, struct claims *c, const struct policy *p,
			  enum family f, const struct nat *n)
{
	struct spans from = { &n->from, 1 };
	for (size_t i = 0; i < p->n_zones; i++) {
		const struct zone *z = &p->zones[i];
		if (z->external)
			continue;
		struct spans both =
			spans_both(a, from, (struct spans){ z->spans[f], z->n_spans[f] });
		for (size_t k = 0; k < both.n; k++)
			claim_zone(c,
				   (struct span){
					   addr_shift(both.v[k].lo, n->from.lo, n->to[0].lo),
					   addr_shift(both.v[k].hi, n->from.lo, n->to[0].lo) },
				   (struct candidate){ .zone = z,
						       .translated = true,
						       .from = n->from.lo,
						       .seen = n->to[0].lo });
	}
}

static void claim_sources(struct arena *a, struct claims *c, const struct graph *g,
			  enum family f)
{
	struct span whole = { { 0, 0 }, addr_max(f) };
	struct footprint any = { (uint8_t)f, { &whole, 1 }, { &whole, 1 }, NULL, NULL };
	vec_each (dp, &g->snap->devices)
		for (size_t i = 0; i < (*dp)->n_nats; i++) {
			const struct nat *n = &(*dp)->nats[i];
			if (n->rewrites != NAT_SOURCE || !n->n_to ||
			    (n->kind != NAT_SHIFT && n->kind != NAT_POOL) ||
			    footprint_judge(&any, n->match) == TRUTH_FALSE)
				continue;
			if (n->kind == NAT_SHIFT)
				claim_shifted(a, c, g->estate->policy, f, n);
			for (size_t k = 0; n->kind == NAT_POOL && k < n->n_to; k++)
				claim_flags(c, n->to[k], MASKED);
		}
}

/* Addresses in the field all of whose packets the condition takes: an alternative asks no more.
 */
static void claim_excluded(struct claims *c, const struct match *m, enum family f,
			   enum field field)
{
	if (m->kind == MATCH_OR)
		for (uint32_t i = 0; i < m->n; i++)
			claim_excluded(c, m->kids[i], f, field);
	if (m->kind == MATCH_SPANS && m->field == field && m->family == f)
		for (uint32_t i = 0; i < m->n; i++)
			claim_flags(c, m->spans[i], EXCLUDED);
}

/* Where a claim begins, or where it has ended. */
struct event {
	struct addr at;
	uint32_t claim;
	bool ends;
};

static int compare_events(const void *va, const void *vb)
{
	const struct event *a = va, *b = vb;
	int c = addr_compare(a->at, b->at);
	return c ? c : (a->claim > b->claim) - (a->claim < b->claim);
}

static int compare_candidates(const void *va, const void *vb)
{
	const struct candidate *a = va, *b = vb;
	if (a->zone != b->zone)
		return a->zone < b->zone ? -1 : 1;
	return (int)b->own - (int)a->own;
}

struct sweeper {
	struct arena *arena;
	const struct policy *policy;
	const struct claims *claims;
	const struct address_cell **plain; /* by zone: it alone, under its own address */
	const struct address_cell *nobody;
	struct {
		uint32_t *v;
		size_t n, cap;
	} active;
	uint32_t *place; /* by claim: where in active */
	size_t told;	 /* candidates of all cells so far */
	VEC(struct address_cell) made;
};

static void step(struct sweeper *s, const struct event *e)
{
	if (!e->ends) {
		s->place[e->claim] = (uint32_t)s->active.n;
		*vec_add(&s->active) = e->claim;
		return;
	}
	uint32_t at = s->place[e->claim], last = s->active.v[--s->active.n];
	s->active.v[at] = last;
	s->place[last] = at;
}

static const struct address_cell *cell_of(struct sweeper *s)
{
	struct address_cell cell = { 0 };
	size_t n = 0;
	for (size_t i = 0; i < s->active.n; i++) {
		const struct claim *c = &s->claims->v.v[s->active.v[i]];
		cell.excluded |= c->flags & EXCLUDED;
		cell.masked |= (c->flags & MASKED) != 0;
		n += c->candidate.zone != NULL;
	}
	bool flagged = cell.excluded || cell.masked;
	if (!n && !flagged)
		return s->nobody;
	const struct claim *first = &s->claims->v.v[s->active.v[0]];
	const struct address_cell **plain = NULL;
	if (s->active.n == 1 && first->candidate.own) {
		plain = &s->plain[first->candidate.zone - s->policy->zones];
		if (*plain)
			return *plain;
	}
	cell.many = n > CANDIDATES_MAX - s->told;
	if (!cell.many) {
		struct candidate *v = arena_array(s->arena, n, sizeof(*v));
		size_t k = 0;
		for (size_t i = 0; i < s->active.n; i++) {
			const struct claim *c = &s->claims->v.v[s->active.v[i]];
			if (c->candidate.zone)
				v[k++] = c->candidate;
		}
		if (n)
			qsort(v, n, sizeof(*v), compare_candidates);
		for (size_t i = 0; i < n; i++)
			if (!i || v[i].zone != v[i - 1].zone)
				v[cell.n++] = v[i];
		cell.v = v;
		cell.open = !cell.n;
		for (size_t i = 0; i < cell.n; i++) {
			cell.translated |= v[i].translated;
			cell.open |= v[i].zone->external;
		}
		s->told += n;
	}
	cell.id = (uint32_t)s->made.n;
	*vec_add(&s->made) = cell;
	const struct address_cell *made = arena_copy(s->arena, &cell, sizeof(cell));
	if (plain)
		*plain = made;
	return made;
}

struct cut {
	struct addr at;
	const struct address_cell *cell;
};

struct cuts {
	VEC(struct cut) v;
};

static void sweep(struct arena *a, const struct policy *p, const struct claims *claims,
		  struct cuts *out, struct address_index *ret)
{
	static const struct address_cell nobody = { .open = true };
	struct sweeper s = { .arena = a, .policy = p, .claims = claims, .nobody = &nobody };
	*vec_add(&s.made) = nobody;
	VEC(struct event) events = { 0 };
	s.plain = xcalloc(p->n_zones + 1, sizeof(*s.plain));
	s.place = xcalloc(claims->v.n + 1, sizeof(*s.place));
	for (size_t i = 0; i < claims->v.n; i++) {
		struct span sp = claims->v.v[i].span;
		struct addr behind = addr_next(sp.hi);
		*vec_add(&events) = (struct event){ sp.lo, (uint32_t)i, false };
		if (behind.hi || behind.lo)
			*vec_add(&events) = (struct event){ behind, (uint32_t)i, true };
	}
	if (events.n)
		qsort(events.v, events.n, sizeof(*events.v), compare_events);
	*vec_add(&out->v) = (struct cut){ { 0, 0 }, &nobody };
	for (size_t i = 0; i < events.n;) {
		struct addr at = events.v[i].at;
		for (; i < events.n && addr_equal(events.v[i].at, at); i++)
			step(&s, &events.v[i]);
		const struct address_cell *cell = cell_of(&s);
		struct cut *last = &out->v.v[out->v.n - 1];
		if (addr_equal(last->at, at))
			last->cell = cell;
		else if (last->cell != cell)
			*vec_add(&out->v) = (struct cut){ at, cell };
	}
	ret->n_made = s.made.n;
	ret->made = vec_keep(a, &s.made);
	vec_free(&s.made);
	vec_free(&events);
	vec_free(&s.active);
	free(s.plain);
	free(s.place);
}

static struct addr difference(struct addr a, struct addr b)
{
	return (struct addr){ a.hi - b.hi - (a.lo < b.lo), a.lo - b.lo };
}

/* Saturates. */
static uint64_t shifted(struct addr a, unsigned by)
{
	if (by >= 64)
		return by >= 128 ? 0 : a.hi >> (by - 64);
	if (by ? a.hi >> by : a.hi)
		return UINT64_MAX;
	return by ? a.hi << (64 - by) | a.lo >> by : a.lo;
}

static void build_table(struct arena *a, struct address_index *x)
{
	unsigned bits = 4;
	while (bits < TABLE_BITS_MAX && (size_t)1 << (bits - 2) < x->n)
		bits++;
	x->base = x->n > 1 ? x->cuts[1] : (struct addr){ 0, 0 };
	struct addr reach = difference(x->cuts[x->n - 1], x->base);
	while (x->n > 1 && shifted(reach, x->shift) >> bits)
		x->shift++;
	x->n_buckets = x->n > 1 ? shifted(reach, x->shift) + 1 : 0;
	uint32_t *table = arena_array(a, x->n_buckets + 1, sizeof(*table));
	size_t at = 0;
	/* the last cut before the bucket */
	for (uint64_t b = 0; b <= x->n_buckets; b++) {
		while (at + 1 < x->n &&
		       shifted(difference(x->cuts[at + 1], x->base), x->shift) < b)
			at++;
		table[b] = (uint32_t)at;
	}
	x->table = table;
}

void address_index_build(struct arena *a, const struct estate *e, const struct graph *g,
			 enum family f, enum end_role role, struct address_index *ret)
{
	const struct policy *p = e->policy;
	struct claims claims = { { 0 } };
	struct cuts cuts = { { 0 } };
	claim_own(&claims, p, f);
	if (role == ROLE_TO)
		claim_destinations(a, &claims, g, f);
	else
		claim_sources(a, &claims, g, f);
	for (size_t i = 0; i < p->n_exclusions; i++)
		claim_excluded(&claims, p->exclusions[i].match, f,
			       role == ROLE_TO ? FIELD_DST : FIELD_SRC);
	memset(ret, 0, sizeof(*ret));
	sweep(a, p, &claims, &cuts, ret);
	struct addr *at = arena_array(a, cuts.v.n, sizeof(*at));
	uint32_t *cells = arena_array(a, cuts.v.n, sizeof(*cells));
	struct low_cut *low = f == FAMILY_V4 ? arena_array(a, cuts.v.n, sizeof(*low)) : NULL;
	/* what begins behind the family's last address is of no address */
	while (addr_compare(cuts.v.v[cuts.v.n - 1].at, addr_max(f)) > 0)
		cuts.v.n--;
	for (size_t i = 0; i < cuts.v.n; i++) {
		at[i] = cuts.v.v[i].at;
		cells[i] = cuts.v.v[i].cell->id;
		if (low)
			low[i] = (struct low_cut){ (uint32_t)at[i].lo, cells[i] };
	}
	ret->cuts = at;
	ret->cells = cells;
	ret->low = low;
	ret->n = cuts.v.n;
	build_table(a, ret);
	vec_free(&claims.v);
	vec_free(&cuts.v);
}

__extension__ typedef unsigned __int128 wide_addr;

static inline wide_addr wide(struct addr a)
{
	return (wide_addr)a.hi << 64 | a.lo;
}

void address_index_share(struct address_index *x, const struct address_index *with)
{
	if (!x->low || !with->low || x->n != with->n ||
	    memcmp(x->low, with->low, x->n * sizeof(*x->low)))
		return;
	x->low = with->low;
	x->table = with->table;
}

/* The cut before the address. Without branches that nobody can foretell. */
static inline uint32_t cell_low(const struct address_index *x, struct addr a)
{
	uint64_t bucket = (a.lo - x->base.lo) >> x->shift;
	if (a.lo < x->base.lo || x->n < 2)
		return x->low[0].cell;
	if (bucket >= x->n_buckets)
		return x->low[x->n - 1].cell;
	const struct low_cut *low = &x->low[x->table[bucket]];
	size_t n = x->table[bucket + 1] - x->table[bucket] + 1;
	while (n > 1) {
		size_t half = n / 2;
		low = low[half].at <= a.lo ? low + half : low;
		n -= half;
	}
	return low->cell;
}

static inline uint32_t cell_wide(const struct address_index *x, struct addr a)
{
	wide_addr at = wide(a), base = wide(x->base);
	if (at < base || x->n < 2)
		return x->cells[0];
	wide_addr bucket = (at - base) >> x->shift;
	if (bucket >= x->n_buckets)
		return x->cells[x->n - 1];
	size_t lo = x->table[(size_t)bucket], n = x->table[(size_t)bucket + 1] - lo + 1;
	while (n > 1) {
		size_t half = n / 2;
		lo = wide(x->cuts[lo + half]) <= at ? lo + half : lo;
		n -= half;
	}
	return x->cells[lo];
}

const struct address_cell *address_find(const struct address_index *x, struct addr a)
{
	return &x->made[x->low ? cell_low(x, a) : cell_wide(x, a)];
}

bool address_is_local(enum family f, struct addr a)
{
	if (f == FAMILY_V4)
		return a.lo >> 24 == 0 || a.lo >> 24 == 127 || a.lo >> 16 == 0xa9fe ||
		       a.lo >> 8 == 0xe00000 || a.lo == 0xffffffff;
	if (a.hi >> 56 == 0xff)
		return (a.hi >> 48 & 0xf) <= 2;
	return a.hi >> 54 == 0x3fa || (!a.hi && a.lo <= 1);
}

bool address_is_group(enum family f, struct addr a)
{
	return f == FAMILY_V4 ? a.lo >> 28 == 0xe : a.hi >> 56 == 0xff;
}
