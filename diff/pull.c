/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/pull.h"

struct way_place way_end_of(const struct route_way *way)
{
	return (struct way_place){ way->n_points, 0 };
}

/* Packets that carry ports. */
static struct pset with_ports(struct pset_space *sp)
{
	static const struct range all = { 0, UINT16_MAX };
	return pset_ranges(sp, FIELD_DPORT, &all, 1);
}

static struct pset_assume place_of(const struct point *pt)
{
	return (struct pset_assume){ .iif = pt->ip_iif, .oif = pt->ip_oif, .first = true };
}

/* The packets p for which one (all) of the values that p may get in the field is in s. */
static struct pset before_choice(struct pset_space *sp, struct pset s, enum field field,
				 struct pset values, bool all)
{
	if (!all)
		return pset_project(sp, pset_and(sp, s, values), field);
	return pset_not(sp, pset_project(sp, pset_minus(sp, values, s), field));
}

/* The packets that n makes one of s. */
static struct pset before_nat(struct pset_space *sp, const struct nat *n, struct pset s,
			      bool all)
{
	bool source = n->rewrites == NAT_SOURCE;
	enum field addr = source ? FIELD_SRC : FIELD_DST;
	enum field port = source ? FIELD_SPORT : FIELD_DPORT;
	if (n->kind == NAT_KEEP)
		return s;
	if (n->has_port) {
		struct range r = { n->port_lo, n->port_hi };
		struct pset ported = with_ports(sp);
		struct pset values = pset_and(sp, ported, pset_ranges(sp, port, &r, 1));
		struct pset with = pset_and(sp, before_choice(sp, s, port, values, all), ported);
		s = pset_or(sp, with, pset_minus(sp, s, ported));
	}
	if (n->kind == NAT_SHIFT) {
		struct span made = { n->to[0].lo,
				     addr_shift(n->from.hi, n->from.lo, n->to[0].lo) };
		return pset_shift(sp, s, addr, made, n->from.lo);
	}
	if (!n->n_to)
		return s;
	return before_choice(sp, s, addr, pset_spans(sp, addr, n->to, n->n_to), all);
}

/* The first of several that holds rewrites; none may hold. */
static struct bounds before_rewrite(struct pset_space *sp, const struct point *pt,
				    const struct way_step *st, struct bounds s)
{
	struct pset_assume as = place_of(pt);
	struct pset all = pset_all(sp), rest_sure = all, rest_maybe = all;
	struct bounds r = { pset_none(), pset_none() };
	for (size_t i = 0; i < st->n_nats; i++) {
		const struct nat *n = st->nats[i];
		struct pset lo = pset_lo(sp, n->match, &as), hi = pset_hi(sp, n->match, &as);
		struct pset sure = pset_and(sp, rest_sure, lo), maybe = pset_and(sp, rest_maybe, hi);
		r.sure = pset_or(sp, r.sure,
				 pset_and(sp, sure, before_nat(sp, n, s.sure, true)));
		r.maybe = pset_or(sp, r.maybe,
				  pset_and(sp, maybe, before_nat(sp, n, s.maybe, false)));
		rest_sure = pset_minus(sp, rest_sure, hi);
		rest_maybe = pset_minus(sp, rest_maybe, lo);
	}
	r.sure = pset_or(sp, r.sure, pset_and(sp, rest_sure, s.sure));
	r.maybe = pset_or(sp, r.maybe, pset_and(sp, rest_maybe, s.maybe));
	return r;
}

/* Everything that n may make of s, and more. */
static struct pset behind_nat(struct pset_space *sp, const struct nat *n, struct pset s)
{
	bool source = n->rewrites == NAT_SOURCE;
	enum field addr = source ? FIELD_SRC : FIELD_DST;
	enum field port = source ? FIELD_SPORT : FIELD_DPORT;
	if (n->kind == NAT_KEEP)
		return s;
	if (n->kind == NAT_SHIFT)
		s = pset_shift(sp, s, addr, n->from, n->to[0].lo);
	else if (n->n_to)
		s = pset_and(sp, pset_project(sp, s, addr), pset_spans(sp, addr, n->to, n->n_to));
	if (n->has_port) {
		struct pset ported = with_ports(sp);
		struct pset with = pset_project(sp, pset_and(sp, s, ported), port);
		s = pset_or(sp, pset_and(sp, with, ported), pset_minus(sp, s, ported));
	}
	return s;
}

/* s behind the step; what doesn't take the way is left out where that is known. */
static struct pset behind_step(struct pset_space *sp, const struct point *pt,
			       const struct way_step *st, struct pset s)
{
	struct pset_assume as = place_of(pt);
	struct pset rest = s, r = pset_none();
	if (st->kind == STEP_TAKE)
		return st->negate ? pset_minus(sp, s, pset_lo(sp, st->match, &as))
				  : pset_and(sp, s, pset_hi(sp, st->match, &as));
	if (st->kind != STEP_REWRITE)
		return s;
	for (size_t i = 0; i < st->n_nats; i++) {
		struct pset hi = pset_hi(sp, st->nats[i]->match, &as);
		r = pset_or(sp, r, behind_nat(sp, st->nats[i], pset_and(sp, rest, hi)));
		rest = pset_minus(sp, rest, pset_lo(sp, st->nats[i]->match, &as));
	}
	return pset_or(sp, r, rest);
}

struct pset push_on(struct engine *en, enum family f, const struct route_way *way,
		    struct way_place at, struct pset s)
{
	for (size_t i = 0; i < way->n_points && i <= at.i; i++)
		for (size_t k = 0; k < way->points[i].n_steps && (i < at.i || k < at.k); k++)
			s = behind_step(en->space[f], &way->points[i], &way->points[i].steps[k], s);
	return s;
}

/* One step undone. within: what packets may be there at all, before the step. */
static struct bounds undo(struct engine *en, enum family f, const struct point *pt,
			  const struct way_step *st, unsigned planes, struct bounds s,
			  struct pset within)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = place_of(pt);
	switch ((enum step_kind)st->kind) {
	case STEP_STAGE:
		if (!(planes >> pt->device->plane & 1))
			return s;
		return bounds_and(sp, s, engine_stage(en, f, st->stage, within));
	case STEP_TAKE:
		if (st->negate)
			return (struct bounds){
				pset_minus(sp, s.sure, pset_hi(sp, st->match, &as)),
				pset_minus(sp, s.maybe, pset_lo(sp, st->match, &as)),
			};
		return (struct bounds){ pset_and(sp, s.sure, pset_lo(sp, st->match, &as)),
					pset_and(sp, s.maybe, pset_hi(sp, st->match, &as)) };
	case STEP_RESTORE:
		return s; /* of answers alone, which aren't pulled */
	case STEP_REWRITE:
		s = before_rewrite(sp, pt, st, s);
		break;
	}
	return (struct bounds){ pset_and(sp, s.sure, within), pset_and(sp, s.maybe, within) };
}

struct pull {
	struct engine *en;
	const struct route_way *way;
	struct way_place at;
	unsigned planes;
	enum family f;
};

/* From step k of point i on: what of `from` (as it is there) ends in s. */
static struct bounds pull_from(const struct pull *p, size_t i, size_t k, struct bounds s,
			       struct pset from)
{
	while (i < p->way->n_points && k == p->way->points[i].n_steps && i < p->at.i)
		i++, k = 0;
	if (i > p->at.i || i == p->way->n_points || (i == p->at.i && k >= p->at.k))
		return (struct bounds){ pset_and(p->en->space[p->f], s.sure, from),
					pset_and(p->en->space[p->f], s.maybe, from) };
	const struct point *pt = &p->way->points[i];
	const struct way_step *st = &pt->steps[k];
	struct pset next = behind_step(p->en->space[p->f], pt, st, from);
	s = pull_from(p, i, k + 1, s, next);
	return undo(p->en, p->f, pt, st, p->planes, s, from);
}

struct bounds pull_back(struct engine *en, enum family f, const struct route_way *way,
			struct way_place at, unsigned planes, struct bounds s, struct pset from)
{
	struct pull p = { en, way, at, planes, f };
	return pull_from(&p, 0, 0, s, from);
}
