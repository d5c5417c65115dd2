/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/counterpart.h"

#include <string.h>

static const struct counterpart *counterpart_of(const struct estate *e, const struct zone *z,
						int *ret_plane)
{
	for (size_t i = 0; i < e->n_counterparts; i++)
		for (int plane = 0; plane < PLANE_COUNT; plane++)
			if (e->counterparts[i].zone[plane] == z) {
				*ret_plane = plane;
				return &e->counterparts[i];
			}
	return NULL;
}

bool counterpart_pair(const struct estate *e, const struct zone *from, const struct zone *to,
		      struct twin_pair *ret)
{
	int plane[2] = { -1, -1 };
	const struct counterpart *a = counterpart_of(e, from, &plane[0]);
	const struct counterpart *b = counterpart_of(e, to, &plane[1]);
	if ((!a && !b) || (a && b && plane[0] != plane[1]))
		return false;
	int own = a ? plane[0] : plane[1];
	*ret = (struct twin_pair){ .end = { a, b },
				   .from = a ? a->zone[!own] : from,
				   .to = b ? b->zone[!own] : to,
				   .plane = own };
	return true;
}

struct twin_pair counterpart_back(const struct twin_pair *tp, const struct pair *a)
{
	struct twin_pair back = *tp;
	back.from = a->from;
	back.to = a->to;
	back.plane = !tp->plane;
	return back;
}

struct pset twin_universe(struct pset_space *sp, const struct pair *p)
{
	return pset_or(sp, p->universe, p->unknown);
}

struct bounds twin_bounds(struct pset_space *sp, const struct pair *p, int plane)
{
	return (struct bounds){ pset_minus(sp, p->plane[plane].sure, p->unknown),
				pset_or(sp, p->plane[plane].maybe, p->unknown) };
}

/* ---- renaming ---- */

static const enum field fields[2] = { FIELD_SRC, FIELD_DST };

/* The addresses of the end that have a twin, on the plane's side; all where the zone has none.
 */
static struct pset mapped(struct pset_space *sp, const struct twin_pair *tp, int end, int plane)
{
	const struct counterpart *c = tp->end[end];
	struct pset all = pset_none();
	if (!c)
		return pset_all(sp);
	for (size_t i = 0; i < c->n_twins; i++)
		if (c->twins[i].family == pset_family(sp))
			all = pset_or(sp, all,
				      pset_spans(sp, fields[end], &c->twins[i].span[plane], 1));
	return all;
}

/* Bit per end: its address has a twin. */
enum { KINDS = 4 };

/* The packets of the plane's side whose ends are of that kind. */
static struct pset of_kind(struct pset_space *sp, const struct twin_pair *tp, unsigned kind,
			   int plane, struct pset set)
{
	for (int end = 0; end < 2; end++) {
		struct pset m = mapped(sp, tp, end, plane);
		set = kind >> end & 1 ? pset_and(sp, set, m) : pset_minus(sp, set, m);
	}
	return set;
}

static struct pset rename_end(struct pset_space *sp, const struct counterpart *c, int end,
			      int from, struct pset set)
{
	struct pset all = pset_none();
	for (size_t i = 0; i < c->n_twins; i++) {
		const struct twin_span *t = &c->twins[i];
		if (t->family == pset_family(sp))
			all = pset_or(sp, all,
				      pset_shift(sp, set, fields[end], t->span[from],
						 t->span[!from].lo));
	}
	return all;
}

/* A set of one kind on the plane's side, on the other; not yet within anything. */
static struct pset rename_kind(struct pset_space *sp, const struct twin_pair *tp, unsigned kind,
			       int plane, struct pset set)
{
	for (int end = 0; end < 2; end++) {
		if (!tp->end[end])
			continue;
		set = kind >> end & 1 ? rename_end(sp, tp->end[end], end, plane, set)
				      : pset_project(sp, set, fields[end]);
	}
	return set;
}

struct pset counterpart_rename(struct engine *en, enum family f, const struct twin_pair *tp,
			       struct pset set, struct pset there)
{
	struct pset_space *sp = en->space[f];
	struct pset all = pset_none();
	for (unsigned kind = 0; kind < KINDS; kind++) {
		struct pset s = of_kind(sp, tp, kind, tp->plane, set);
		struct pset to = of_kind(sp, tp, kind, !tp->plane, there);
		all = pset_or(sp, all,
			      pset_and(sp, rename_kind(sp, tp, kind, tp->plane, s), to));
	}
	return all;
}

/* ---- comparing ---- */

/* What the policy leaves out on the other side, told in the terms of this one. */
static struct pset excluded_there(struct engine *en, enum family f, const struct twin_pair *tp,
				  const struct zone *from, const struct zone *to)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	const struct policy *pol = en->estate->policy;
	struct twin_pair back = *tp;
	struct pset out = pset_none();
	struct pset here =
		pset_and(sp, pset_spans(sp, FIELD_SRC, from->spans[f], from->n_spans[f]),
			 pset_spans(sp, FIELD_DST, to->spans[f], to->n_spans[f]));
	struct pset there = pset_and(
		sp, pset_spans(sp, FIELD_SRC, tp->from->spans[f], tp->from->n_spans[f]),
		pset_spans(sp, FIELD_DST, tp->to->spans[f], tp->to->n_spans[f]));
	for (size_t i = 0; i < pol->n_exclusions; i++)
		out = pset_or(sp, out,
			      pset_and(sp, there, pset_lo(sp, pol->exclusions[i].match, &as)));
	back.plane = !tp->plane;
	return pset_is_empty(out) ? out : counterpart_rename(en, f, &back, out, here);
}

/* Of the packets of `here` that differ in unnamed addresses alone: those for which all are in
 * x. */
static struct pset for_all(struct pset_space *sp, const struct twin_pair *tp, unsigned kind,
			   struct pset here, struct pset x)
{
	struct pset rest = pset_minus(sp, here, x);
	for (int end = 0; end < 2; end++)
		if (tp->end[end] && !(kind >> end & 1))
			rest = pset_project(sp, rest, fields[end]);
	return pset_minus(sp, here, rest);
}

static void compare_kind(struct engine *en, const struct twin_pair *tp, unsigned kind,
			 const struct pair *a, const struct pair *b,
			 struct counterpart_sets *ret)
{
	struct pset_space *sp = en->space[a->family];
	struct bounds w = twin_bounds(sp, a, tp->plane), n = twin_bounds(sp, b, !tp->plane);
	struct pset here = of_kind(sp, tp, kind, tp->plane, twin_universe(sp, a));
	struct pset there = of_kind(sp, tp, kind, !tp->plane, twin_universe(sp, b));
	if (pset_is_empty(here))
		return;
	/* In the terms of this side: there is such a packet on the other; it is permitted for
	 * all addresses that this one stands for; it is for some of them. */
	struct pset back = pset_and(sp, here, rename_kind(sp, tp, kind, !tp->plane, there));
	struct pset not_sure =
		rename_kind(sp, tp, kind, !tp->plane, pset_minus(sp, there, n.sure));
	struct pset all = pset_minus(sp, back, not_sure);
	struct pset some = pset_and(
		sp, back, rename_kind(sp, tp, kind, !tp->plane, pset_and(sp, there, n.maybe)));
	struct pset sure = pset_and(sp, here, w.sure), maybe = pset_and(sp, here, w.maybe);
	struct pset every = for_all(sp, tp, kind, here, sure);
	struct pset drift = pset_minus(sp, pset_and(sp, back, every), some);
	struct pset doubt =
		pset_minus(sp, pset_minus(sp, pset_and(sp, back, maybe), all), drift);
	/* Where it is only known that nobody has the twin's address nothing is missing. */
	struct pset alone =
		kind == KINDS - 1
			? pset_none()
			: pset_minus(sp, pset_minus(sp, here, back),
				     excluded_there(en, a->family, tp, a->from, a->to));
	ret->certain = pset_or(sp, ret->certain, drift);
	if (kind == KINDS - 1)
		ret->possible = pset_or(sp, ret->possible, doubt);
	else
		ret->only_possible = pset_or(sp, ret->only_possible, doubt);
	ret->only_certain = pset_or(sp, ret->only_certain, pset_and(sp, alone, sure));
	ret->only_possible = pset_or(sp, ret->only_possible, pset_and(sp, alone, maybe));
}

struct counterpart_sets counterpart_compare(struct engine *en, const struct twin_pair *tp,
					    const struct pair *a, const struct pair *b)
{
	struct counterpart_sets s = { pset_none(), pset_none(), pset_none(), pset_none(),
				      false };
	for (unsigned kind = 0; kind < KINDS; kind++) {
		bool there = true;
		for (int end = 0; end < 2; end++)
			there &= tp->end[end] || (kind >> end & 1);
		if (there)
			compare_kind(en, tp, kind, a, b, &s);
	}
	s.only_possible = pset_minus(en->space[a->family], s.only_possible, s.only_certain);
	s.spent = a->spent || b->spent || pset_is_spent(s.certain) ||
		  pset_is_spent(s.possible) || pset_is_spent(s.only_certain) ||
		  pset_is_spent(s.only_possible);
	return s;
}

/* ---- single packets ---- */

static struct pset value(struct pset_space *sp, enum field field, unsigned v)
{
	struct range one = { (uint16_t)v, (uint16_t)v };
	return pset_ranges(sp, field, &one, 1);
}

/* The packet alone. */
static struct pset packet_set(struct pset_space *sp, const struct packet *p)
{
	struct span src = { p->src, p->src }, dst = { p->dst, p->dst };
	struct pset s = pset_and(sp, pset_spans(sp, FIELD_SRC, &src, 1),
				 pset_spans(sp, FIELD_DST, &dst, 1));
	s = pset_and(sp, s, value(sp, FIELD_PROTO, p->proto));
	s = pset_and(sp, s, value(sp, FIELD_STATE, p->state));
	s = pset_and(sp, s, value(sp, FIELD_FRAGMENT, p->fragment));
	if (packet_has_ports(p)) {
		s = pset_and(sp, s, value(sp, FIELD_SPORT, p->sport));
		s = pset_and(sp, s, value(sp, FIELD_DPORT, p->dport));
	}
	if (packet_has_icmp(p)) {
		s = pset_and(sp, s, value(sp, FIELD_ICMP_TYPE, p->icmp_type));
		s = pset_and(sp, s, value(sp, FIELD_ICMP_CODE, p->icmp_code));
	}
	return packet_has_flags(p) ? pset_and(sp, s, pset_flags(sp, p->flags, 0xff)) : s;
}

bool counterpart_packet(struct engine *en, const struct twin_pair *tp, const struct packet *p,
			struct pset there, struct pset wanted, struct packet *ret)
{
	enum family f = (enum family)p->family;
	struct pset_space *sp = en->space[f];
	struct pset one = counterpart_rename(en, f, tp, packet_set(sp, p), there);
	return pset_pick(sp, pset_and(sp, one, wanted), ret) || pset_pick(sp, one, ret);
}
