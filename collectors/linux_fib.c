/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's routes. A table's route that says "this table has none" (throw), and one of
 * which isn't known what it says, have no counterpart in the model; the addresses that they
 * decide are told as conditions instead (linux_space()), and the policy rules that ask the
 * table ask for them first (linux_policy.c).
 *
 * Of IPv4 routes with one prefix and one metric the first is taken (fib_table_lookup() in
 * net/ipv4/fib_trie.c goes through them in order); the kernel's several ways are one route with
 * several next hops. IPv6 takes several such routes as ways of one.
 */
#include "collectors/linux_internal.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE_MAIN = 254, TABLE_LOCAL = 255 };

const char *linux_table(struct linux_read *r, unsigned table)
{
	return table == TABLE_MAIN    ? NULL
	       : table == TABLE_LOCAL ? "local"
				      : arena_printf(r->arena, "table %u", table);
}

/* By table and family; then each prefix before those within it, the one in force first. */
static int by_place(const void *x, const void *y)
{
	const struct linux_fib_route *a = x, *b = y;
	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	if (a->dst.family != b->dst.family)
		return a->dst.family < b->dst.family ? -1 : 1;
	int c = addr_compare(a->dst.addr, b->dst.addr);
	if (c || a->dst.len != b->dst.len)
		return c ? c : a->dst.len < b->dst.len ? -1 : 1;
	if (a->metric != b->metric)
		return a->metric < b->metric ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool same_prefix(const struct linux_fib_route *a, const struct linux_fib_route *b)
{
	return a->table == b->table && a->dst.family == b->dst.family &&
	       a->dst.len == b->dst.len && addr_equal(a->dst.addr, b->dst.addr);
}

/* The routes of the table, in the order of by_place(). */
static struct linux_fib_route *table_of(struct linux_read *r, enum family f, unsigned table,
					struct linux_fib_route **ret_end)
{
	struct linux_fib_route *v = r->fib.v;
	size_t lo = 0, hi = r->fib.n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (v[mid].table < table || (v[mid].table == table && v[mid].dst.family < f))
			lo = mid + 1;
		else
			hi = mid;
	}
	struct linux_fib_route *end = v + lo;
	while (end < v + r->fib.n && end->table == table && end->dst.family == f)
		end++;
	*ret_end = end;
	return v + lo;
}

static bool is_odd(const struct linux_fib_route *x)
{
	for (size_t i = 0; i < x->n_hops; i++)
		if (x->hops[i].odd)
			return true;
	return x->odd != NULL;
}

/* A table where routes that may not be in force stand beside ones that have no counterpart. */
static const struct linux_fib_route *mixed(const struct linux_fib_route *v,
					   const struct linux_fib_route *end)
{
	const struct linux_fib_route *odd = NULL;
	bool special = false;
	for (; v < end; v++) {
		if (is_odd(v))
			odd = v;
		special |= v->fate == FATE_THROW || v->fate == FATE_UNKNOWN;
	}
	return special ? odd : NULL;
}

static struct span span_of(const struct linux_fib_route *x)
{
	return span_prefix((enum family)x->dst.family, x->dst.addr, x->dst.len);
}

const struct match *linux_space(struct linux_read *r, enum family f, unsigned table,
				enum linux_fate fate, unsigned longest,
				const struct linux_fib_route **ret_first)
{
	struct {
		unsigned family, table, fate, longest;
	} key = { f, table, fate, longest };
	struct space {
		const struct match *m;
		const struct linux_fib_route *first;
	} * s;
	void **slot = map_atn(&r->spaces, (const char *)&key, sizeof(key));
	if ((s = *slot)) {
		*ret_first = s->first;
		return s->m;
	}
	s = *slot = arena_alloc(r->arena, sizeof(*s));
	VEC(struct span) out = { 0 };
	struct linux_fib_route *end, *v = table_of(r, f, table, &end);
	for (struct linux_fib_route *x = v; x < end; x++) {
		if ((x > v && same_prefix(x, x - 1)) || x->fate != fate || x->dst.len > longest)
			continue;
		if (!s->first)
			s->first = x;
		struct span all = span_of(x);
		struct addr from = all.lo;
		bool done = false;
		/* the prefixes right below it are not its own */
		for (struct linux_fib_route *y = x + 1; y < end && !done; y++) {
			struct span sub = span_of(y);
			if (addr_compare(sub.lo, all.hi) > 0)
				break;
			if (same_prefix(x, y) || addr_compare(sub.lo, from) < 0)
				continue;
			if (addr_compare(sub.lo, from) > 0)
				*vec_add(&out) = (struct span){ from, addr_prev(sub.lo) };
			done = addr_equal(sub.hi, all.hi);
			from = addr_next(sub.hi);
		}
		if (!done)
			*vec_add(&out) = (struct span){ from, all.hi };
	}
	s->m = match_spans(r->m, FIELD_DST, f, out.v, out.n);
	const struct linux_fib_route *odd = fate == FATE_UNKNOWN ? mixed(v, end) : NULL;
	if (odd)
		s->m = match_family(r->m, f), s->first = odd;
	vec_free(&out);
	*ret_first = s->first;
	return s->m;
}

bool linux_only_local(struct linux_read *r, enum family f, unsigned table)
{
	struct linux_fib_route *end, *v = table_of(r, f, table, &end);
	while (v < end && v->fate == FATE_LOCAL)
		v++;
	return v == end;
}

static void put(struct linux_read *r, const struct linux_fib_route *x)
{
	for (size_t i = 0; i < x->n_hops || (!i && x->fate != FATE_LINKS); i++) {
		const struct linux_hop *h = x->n_hops ? &x->hops[i] : NULL;
		*vec_add(&r->b->routes) = (struct route){
			.dst = x->dst,
			.segment = linux_table(r, x->table),
			.port = h ? h->link->name : NULL,
			.via = h ? h->via : (struct addr){ 0, 0 },
			.has_via = h && h->has_via,
			.drop = x->fate == FATE_DROP,
			.local = x->fate == FATE_LOCAL,
			.metric = x->metric,
			.odd = x->odd ? x->odd
			       : h    ? h->odd
				      : NULL,
			.at = x->at,
		};
	}
}

void linux_fib(struct linux_read *r)
{
	const struct linux_part *whole = NULL;
	static const enum linux_part_id asked[] = { PART_LINKS, PART_ADDRESSES, PART_ROUTES,
						    PART_NEXTHOPS, PART_RULES };
	if (r->fib.n)
		qsort(r->fib.v, r->fib.n, sizeof(*r->fib.v), by_place);
	for (size_t i = 0; i < r->fib.n; i++) {
		const struct linux_fib_route *x = &r->fib.v[i], *before = i ? x - 1 : NULL;
		/* what is said twice is said by the first */
		bool again = before && x->dst.family == FAMILY_V4 && same_prefix(before, x) &&
			     before->metric == x->metric && !is_odd(before);
		if (!again && x->fate != FATE_THROW && x->fate != FATE_UNKNOWN)
			put(r, x);
	}
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked) && !whole; i++)
		if (r->parts[asked[i]].trouble)
			whole = &r->parts[asked[i]];
	r->b->dev.routing = whole ? ROUTING_PART : ROUTING_WHOLE;
	r->b->dev.routing_why = whole ? whole->trouble : NULL;
	r->b->dev.routing_at = whole ? whole->trouble_at : r->parts[PART_ROUTES].at;
}
