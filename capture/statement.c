/* SPDX-License-Identifier: Apache-2.0 */
/* What a sample supports, from what was counted. */
#include <stdlib.h>
#include <string.h>

#include "capture/judge_internal.h"
#include "capture/observations_internal.h"

enum { MISSED_MAX = 1000, TENANTS_MAX = 1000 };

struct seen_list {
	VEC(struct pair_seen) v;
};

static int compare_seen(const void *va, const void *vb)
{
	const struct pair_seen *a = va, *b = vb;
	int c = strcmp(a->from, b->from);
	return c ? c : strcmp(a->to, b->to);
}

static const struct pair_seen *keep(struct arena *a, struct seen_list *l, size_t *ret_n)
{
	if (l->v.n)
		qsort(l->v.v, l->v.n, sizeof(*l->v.v), compare_seen);
	const struct pair_seen *v = vec_keep(a, &l->v);
	*ret_n = l->v.n;
	vec_free(&l->v);
	return v;
}

static void add_count(struct pair_seen *s, const struct pair_count *c)
{
	s->flows += c->flows;
	s->packets += c->packets;
	s->bytes += c->bytes;
	for (size_t i = 0; i < OBSERVED_COUNT; i++)
		s->by[i] += c->by[i];
}

/* The tenant, or the zone where it has none. */
static const char *owner_name(const struct zone *z)
{
	return z->tenant ? z->tenant->name : z->name;
}

static struct pair_seen *pair_at(struct map *m, struct seen_list *l, const char *from,
				 const char *to)
{
	struct text key = { 0 };
	text_putf(&key, "%s\n%s", from, to);
	void **at = map_atn(m, key.s, key.len);
	text_finish(&key);
	if (!*at) {
		*vec_add(&l->v) = (struct pair_seen){ .from = from, .to = to };
		*at = (void *)(uintptr_t)l->v.n;
	}
	return &l->v.v[(uintptr_t)*at - 1];
}

static void pairs_of(const struct observations *o, struct arena *a, struct map *tenants,
		     struct statement *ret)
{
	struct seen_list by_zone = { { 0 } }, by_tenant = { { 0 } };
	for (uint32_t i = 0; i < o->pairs.n; i++) {
		const struct zone *from, *to;
		if (!o->pairs.v[i].flows)
			continue;
		judge_pair_zones(o->judge, i, &from, &to);
		struct pair_seen s = { .from = from->name, .to = to->name, .zones = true };
		add_count(&s, &o->pairs.v[i]);
		*vec_add(&by_zone.v) = s;
		add_count(pair_at(tenants, &by_tenant, owner_name(from), owner_name(to)),
			  &o->pairs.v[i]);
	}
	ret->zones = keep(a, &by_zone, &ret->n_zones);
	ret->tenants = keep(a, &by_tenant, &ret->n_tenants);
}

static bool saw(const struct map *tenants, const char *a, const char *b)
{
	struct text key = { 0 };
	text_putf(&key, "%s\n%s", a, b);
	bool seen = map_getn(tenants, key.s, key.len);
	text_finish(&key);
	return seen;
}

static void miss(struct map *told, const struct map *tenants, struct seen_list *l, size_t *left,
		 const char *a, const char *b)
{
	bool swap = strcmp(a, b) > 0;
	const char *x = swap ? b : a, *y = swap ? a : b;
	if (!strcmp(x, y) || saw(tenants, x, y) || saw(tenants, y, x) || saw(told, x, y))
		return;
	if (l->v.n >= MISSED_MAX)
		++*left;
	else
		pair_at(told, l, x, y);
}

/* Pairs that the policy tells apart, or that it declares flows between, of which nothing was
 * seen in either direction. */
static void missed_of(const struct observations *o, struct arena *a, const struct map *tenants,
		      struct statement *ret)
{
	const struct policy *p = o->policy;
	struct seen_list l = { { 0 } };
	struct map told = { 0 };
	bool *present = xcalloc(p->n_tenants + 1, sizeof(*present)); /* it has a zone */
	for (size_t i = 0; i < p->n_zones; i++)
		if (p->zones[i].tenant)
			present[p->zones[i].tenant - p->tenants] = true;
	/* of very many, those that are told are enough */
	for (size_t i = 0; i < p->n_tenants && (i < TENANTS_MAX || l.v.n < MISSED_MAX); i++)
		for (size_t k = i + 1; present[i] && k < p->n_tenants; k++)
			if (present[k] && kept_apart(p, &p->tenants[i], &p->tenants[k]))
				miss(&told, tenants, &l, &ret->tenants_missed_left,
				     p->tenants[i].name, p->tenants[k].name);
	free(present);
	for (size_t i = 0; i < p->n_flows && l.v.n < MISSED_MAX; i++)
		for (size_t f = 0; f < p->flows[i].n_from; f++)
			for (size_t t = 0; t < p->flows[i].n_to && l.v.n < MISSED_MAX; t++)
				miss(&told, tenants, &l, &ret->tenants_missed_left,
				     owner_name(p->flows[i].from[f]),
				     owner_name(p->flows[i].to[t]));
	map_finish(&told);
	ret->tenants_missed = keep(a, &l, &ret->n_tenants_missed);
}

static void flows_of(const struct observations *o, struct arena *a, struct statement *ret)
{
	const struct policy *p = o->policy;
	struct flow_seen *v = arena_array(a, p->n_flows, sizeof(*v));
	size_t n = 0;
	for (size_t i = 0; i < p->n_flows; i++) {
		if (p->flows[i].action == FLOW_DENY)
			continue;
		v[n] = o->flows[i];
		v[n++].flow = &p->flows[i];
	}
	ret->flows = v;
	ret->n_flows = n;
}

struct reasons {
	struct arena *arena;
	VEC(const char *) v;
};

static void reason(struct reasons *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void reason(struct reasons *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	*vec_add(&r->v) = arena_vprintf(r->arena, fmt, ap);
	va_end(ap);
}

static const char *s_of(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void reasons_of(const struct observations *o, struct statement *ret, struct reasons *r)
{
	typedef unsigned long long u64;
	const struct capture_counts *c = &ret->counts;
	uint64_t dropped = c->dropped_kernel + c->dropped_interface;
	for (size_t i = 0; i < o->n_doubts; i++)
		reason(r, "%s", o->doubts[i]);
	if (c->received != c->processed + dropped)
		reason(r,
		       "the counts don't add up: %llu received, %llu processed, %llu dropped",
		       (u64)c->received, (u64)c->processed, (u64)dropped);
	if (dropped)
		reason(r, "%llu packet%s dropped (%llu by the kernel, %llu by the interface)",
		       (u64)dropped, dropped == 1 ? " was" : "s were", (u64)c->dropped_kernel,
		       (u64)c->dropped_interface);
	if (!c->processed)
		reason(r, "no packet was captured");
	if (c->truncated)
		reason(r, "of %llu packet%s too little was captured to tell all headers",
		       (u64)c->truncated, s_of(c->truncated));
	if (ret->unknown_between)
		reason(r,
		       "of %llu flow%s that may be between tenants it isn't known whose they "
		       "are, or whether they are declared",
		       (u64)ret->unknown_between, s_of(ret->unknown_between));
	if (o->undecided)
		reason(r, "of %llu more flow%s it isn't known whether they are declared",
		       (u64)o->undecided, s_of(o->undecided));
	if (c->processed && !ret->positive)
		reason(r,
		       "no declared flow was seen: nothing shows that the traffic passes here");
	if (ret->possible)
		reason(r, "%llu finding%s only possible", (u64)ret->possible,
		       ret->possible == 1 ? " is" : "s are");
}

static void notes_of(const struct observations *o, struct statement *ret, struct reasons *r)
{
	typedef unsigned long long u64;
	const struct capture_counts *c = &ret->counts;
	if (!c->drops_known)
		reason(r, "whether packets were lost while the files were written isn't known");
	if (c->evicted)
		reason(r,
		       "%llu flow%s put out of the table while it was full, and what came of "
		       "them later counts as new",
		       (u64)c->evicted, c->evicted == 1 ? " was" : "s were");
	if (c->backwards)
		reason(r, "%llu time%s of packets go back", (u64)c->backwards,
		       s_of(c->backwards));
	if (c->anomalous)
		reason(r, "%llu packet%s odd; they are judged like others", (u64)c->anomalous,
		       c->anomalous == 1 ? " is" : "s are");
	if (o->hinted)
		reason(r,
		       "%llu declared flow%s rest on whose a segment is by what was read; the "
		       "estate doesn't declare it",
		       (u64)o->hinted, s_of(o->hinted));
	if (o->options.one_in > 1)
		reason(r,
		       "of flows that are not between tenants, 1 in %u was judged: %llu flow%s "
		       "left out",
		       o->options.one_in, (u64)o->out_flows,
		       o->out_flows == 1 ? " was" : "s were");
}

/* Of the period, where there is one. False: not known in whole. */
static bool counts_of(const struct observations *o, struct capture_counts *ret)
{
	if (!o->options.before) {
		*ret = o->counts;
		return true;
	}
	bool whole = counts_since(&o->counts, &o->before, ret);
	ret->first = o->first;
	ret->last = o->last;
	return whole;
}

void observations_statement(const struct observations *o, struct arena *a,
			    struct statement *ret)
{
	struct statement s = {
		.one_in = o->options.one_in ? o->options.one_in : 1,
		.judged = o->judged,
		.answers = o->answers,
		.excepted = o->excepted,
		.violating = o->violating,
		.unknown_between = o->unknown_between,
		.possible = o->possible,
		.between = o->between,
		.between_violating = o->between_violating,
		.bound_between = o->between ? rate_bound(o->between_violating, o->between) : 1,
		.bound_all = o->judged ? rate_bound(o->violating, o->judged) : 1,
		.positive = o->positive,
	};
	struct reasons why = { .arena = a }, notes = { .arena = a };
	bool whole = counts_of(o, &s.counts);
	struct map tenants = { 0 };
	s.counts.sampled_out += o->out_packets;
	memcpy(s.by, o->by, sizeof(s.by));
	memcpy(s.by_packets, o->by_packets, sizeof(s.by_packets));
	pairs_of(o, a, &tenants, &s);
	missed_of(o, a, &tenants, &s);
	map_finish(&tenants);
	flows_of(o, a, &s);
	if (!whole)
		reason(&why, "a counter went back: how much was lost isn't known");
	reasons_of(o, &s, &why);
	s.inconclusive = vec_keep(a, &why.v);
	s.n_inconclusive = why.v.n;
	notes_of(o, &s, &notes);
	s.notes = vec_keep(a, &notes.v);
	s.n_notes = notes.v.n;
	vec_free(&why.v);
	vec_free(&notes.v);
	*ret = s;
}

/* --- excerpts: pcap-savefile(5), with nanoseconds --- */

static void put32(struct text *t, uint32_t v)
{
	for (int i = 0; i < 32; i += 8)
		text_putc(t, (char)(v >> i & 255));
}

/* The number that files have for a link type, where it isn't the same. */
static uint32_t link_type(int dlt)
{
	return dlt == 12 || dlt == 14 ? 101 : (uint32_t)dlt; /* raw IP */
}

void excerpt_file(const struct excerpt *v, size_t n, struct text *t)
{
	put32(t, 0xa1b23c4d);
	put32(t, 2 | 4 << 16);
	put32(t, 0);
	put32(t, 0);
	put32(t, 262144);
	put32(t, n ? link_type(v[0].dlt) : 1);
	for (size_t i = 0; i < n; i++) {
		if (v[i].dlt != v[0].dlt) /* a file has one link type */
			continue;
		int64_t at = v[i].at > 0 ? v[i].at : 0;
		put32(t, (uint32_t)(at / 1000000000));
		put32(t, (uint32_t)(at % 1000000000));
		put32(t, v[i].caplen);
		put32(t, v[i].len);
		text_putn(t, (const char *)v[i].bytes, v[i].caplen);
	}
}
