/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sets of a zone pair: what each plane and all together permit on any of its ways, told as
 * the source sends it; what the policy allows and requires of that.
 */
#include <string.h>

#include "diff/engine.h"
#include "diff/pull.h"
#include "model/answer.h"
#include "model/way.h"

/* First packets from or to the zone's addresses. */
static struct pset zone_set(struct engine *en, enum family f, const struct zone *z,
			    enum field field)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	const struct policy *pol = en->estate->policy;
	bool own = z >= pol->zones && z < pol->zones + pol->n_zones;
	struct zone_sets *zs = own ? &en->zones[z - pol->zones] : NULL;
	bool side = field == FIELD_DST;
	if (zs && zs->done[f][side])
		return zs->set[f][side];
	struct pset s = pset_and(sp, pset_spans(sp, field, z->spans[f], z->n_spans[f]),
				 pset_universe(sp, &as));
	if (zs && !pset_is_spent(s)) {
		zs->set[f][side] = s;
		zs->done[f][side] = true;
	}
	return s;
}

/* What a way makes of the pair's packets. */
struct way_sets {
	struct bounds takes; /* it at all */
	struct bounds plane[PLANE_COUNT], all;
	bool present[PLANE_COUNT];
	struct pset translated;
	struct pset told; /* the same, whether anybody is at its ends or not */
};

static struct bounds both(struct pset s)
{
	return (struct bounds){ s, s };
}

/* The zones' packets as they are sent, before anything is known of ways. */
static struct pset between(struct engine *en, const struct path *path, enum family f)
{
	return pset_and(en->space[f], zone_set(en, f, path->to, FIELD_DST),
			zone_set(en, f, path->from, FIELD_SRC));
}

static struct pset without_exclusions(struct engine *en, enum family f, struct pset u)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	const struct policy *pol = en->estate->policy;
	for (size_t i = 0; i < pol->n_exclusions; i++)
		u = pset_minus(sp, u, pset_lo(sp, pol->exclusions[i].match, &as));
	return u;
}

static bool is_conditional(const struct route_way *way)
{
	for (size_t i = 0; i < way->n_points; i++)
		for (size_t k = 0; k < way->points[i].n_steps; k++)
			if (way->points[i].steps[k].kind != STEP_STAGE)
				return true;
	return false;
}

static bool makes_sources(const struct point *pt)
{
	for (size_t k = 0; k < pt->n_steps; k++)
		for (size_t i = 0; i < pt->steps[k].n_nats; i++)
			if (pt->steps[k].kind == STEP_REWRITE &&
			    pt->steps[k].nats[i]->rewrites == NAT_SOURCE)
				return true;
	return false;
}

/*
 * Where it is known that nobody is behind a port, nothing can be permitted or missed. A source
 * that a device before has made is sent whoever is there, and a host may drop it: its own
 * address that comes back to it, say. Nothing sure is said of that packet.
 */
static struct bounds somebody(struct engine *en, enum family f, const struct route_way *way,
			      struct pset from)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	struct bounds there = both(from);
	bool made = false;
	for (size_t i = 0; i < way->n_points; i++) {
		const struct point *pt = &way->points[i];
		/* sources as they come in, destinations as they go out */
		const struct match *m[2] = { pt->present_src, pt->present_dst };
		for (size_t k = 0; k < 2; k++) {
			if (!m[k])
				continue;
			struct way_place at = { i, k ? pt->n_steps : 0 };
			struct pset here = pset_hi(sp, m[k], &as);
			here = way->rewrites
				       ? pull_back(en, f, way, at, 0, both(here), from).maybe
				       : pset_and(sp, here, from);
			there.sure = pset_and(sp, there.sure, here);
			if (k || !made || !pt->device->netfilter)
				there.maybe = pset_and(sp, there.maybe, here);
		}
		made |= makes_sources(pt);
	}
	return there;
}

/* from: the packets that the source zone may send to the destination, under any address. */
static void take_way(struct engine *en, enum family f, const struct route_way *way,
		     struct pset from, struct way_sets *ret)
{
	struct pset all = pset_all(en->space[f]);
	ret->takes = is_conditional(way)
			     ? pull_back(en, f, way, way_end_of(way), 0, both(all), from)
			     : both(from);
	ret->told = ret->takes.maybe;
	struct bounds there = somebody(en, f, way, ret->told);
	ret->takes.maybe = there.maybe;
	ret->takes.sure = pset_and(en->space[f], ret->takes.sure, there.sure);
}

/*
 * A way on which no packet is rewritten: what takes it, and what its rulesets of the plane permit.
 * The same as pulling back, without asking at each step what is left there.
 */
static struct bounds straight(struct engine *en, enum family f, const struct route_way *way,
			      int plane, struct pset takes, struct pset from)
{
	struct pset_space *sp = en->space[f];
	struct bounds b = { pset_and(sp, takes, from), from };
	for (size_t i = 0; i < way->n_points; i++) {
		const struct point *pt = &way->points[i];
		if (!pt->device || pt->device->plane != plane)
			continue;
		for (size_t k = 0; k < pt->n_stages; k++) {
			struct bounds here;
			if (!engine_whole(en, f, &pt->stages[k], &here))
				here = engine_stage(en, f, &pt->stages[k], from);
			b = bounds_and(sp, b, here);
		}
	}
	return b;
}

/* The packets, as sent, that some translation on the way may take that isn't understood. */
static struct pset bound_on(struct engine *en, enum family f, const struct route_way *way,
			    struct pset from)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	struct pset all = pset_none();
	for (size_t i = 0; i < way->n_points; i++) {
		const struct point *pt = &way->points[i];
		const struct way_place start = { i, 0 }, end = { i, pt->n_steps };
		for (size_t k = 0; pt->device && k < pt->device->n_nats; k++) {
			const struct nat *n = &pt->device->nats[k];
			if (n->kind != NAT_BOUND || !engine_nat_applies(n, pt))
				continue;
			struct pset t = pset_hi(sp, n->touches, &as);
			/* which of its translations sees what the others made of it isn't told */
			if (way->rewrites)
				t = pset_or(sp, pull_back(en, f, way, start, 0, both(t), from).maybe,
					    pull_back(en, f, way, end, 0, both(t), from).maybe);
			all = pset_or(sp, all, pset_and(sp, from, t));
		}
	}
	return all;
}

static void filter_way(struct engine *en, const struct route_way *way, const struct pair *p,
		       struct way_sets *ws)
{
	enum family f = p->family;
	struct pset_space *sp = en->space[f];
	struct pset from = pset_and(sp, ws->takes.maybe, p->universe);
	ws->translated = bound_on(en, f, way, from);
	if (way->end == WAY_DROPPED) {
		/* What is translated may go another way. */
		ws->plane[0] = ws->plane[1] = ws->all =
			(struct bounds){ pset_none(), ws->translated };
		return;
	}
	for (size_t i = 0; i < way->n_points; i++) {
		const struct point *pt = &way->points[i];
		if (!pt->device)
			continue;
		for (size_t k = 0; k < pt->n_stages && !ws->present[pt->device->plane]; k++)
			ws->present[pt->device->plane] =
				!pt->stages[k].ruleset->incidental ||
				!pset_equal(engine_stage(en, f, &pt->stages[k], from).sure, from);
	}
	for (int i = 0; i < PLANE_COUNT; i++) {
		ws->plane[i] = way->rewrites ? pull_back(en, f, way, way_end_of(way), 1u << i,
							 both(pset_all(sp)), from)
					     : straight(en, f, way, i, ws->takes.sure, from);
		ws->plane[i].sure = pset_and(sp, ws->plane[i].sure, ws->takes.sure);
		/* What is rewritten on the way is another packet to the rulesets behind: nothing
		 * sure can be said about it, nothing ruled out. */
		ws->plane[i].sure = pset_minus(sp, ws->plane[i].sure, ws->translated);
		ws->plane[i].maybe = pset_or(sp, ws->plane[i].maybe, ws->translated);
	}
	ws->all.sure = pset_and(sp, ws->plane[0].sure, ws->plane[1].sure);
	ws->all.maybe = pset_and(sp, ws->plane[0].maybe, ws->plane[1].maybe);
}

/* The set of a service of the policy, which is asked of packets as they arrive. */
static struct pset as_sent(struct engine *en, const struct pair *p, const struct way_sets *ws,
			   struct pset s)
{
	struct pset_space *sp = en->space[p->family];
	struct pset r = pset_and(sp, s, p->universe);
	for (size_t w = 0; w < p->path->n_ways; w++) {
		const struct route_way *way = &p->path->ways[w];
		if (!way->rewrites || way->end != WAY_ARRIVES || !(way->families >> p->family & 1))
			continue;
		struct pset from = pset_and(sp, ws[w].takes.maybe, p->universe);
		struct bounds b = pull_back(en, p->family, way, way_end_of(way), 0, both(s), from);
		r = pset_or(sp, pset_minus(sp, r, from), b.sure);
	}
	return r;
}

static void intent_of(struct engine *en, struct pair *p, const struct way_sets *ws)
{
	struct pset_space *sp = en->space[p->family];
	struct pset_assume as = { .first = true };
	struct pset allow = pset_none(), require = pset_none(), deny = pset_none();
	const struct flow *fl;
	for (size_t at = 0; (fl = flows_next(&en->flows, p->from, p->to, &at));) {
		struct pset s = as_sent(en, p, ws, pset_lo(sp, fl->service, &as));
		if (fl->action == FLOW_DENY)
			deny = pset_or(sp, deny, s);
		else
			allow = pset_or(sp, allow, s);
		if (fl->action == FLOW_REQUIRE)
			require = pset_or(sp, require, s);
	}
	p->intent = pset_minus(sp, allow, deny);
	p->require = pset_minus(sp, require, deny);
}

/*
 * Which packets the pair is about: those between the zones' own addresses, and those that are
 * translated on their way and arrive. What takes a way into the unknown is left out: nothing
 * is said of it but that.
 */
static void universe_of(struct engine *en, const struct path *zones, const struct way_sets *ws,
			struct pair *p)
{
	struct pset_space *sp = en->space[p->family];
	struct pset base = between(en, zones, p->family);
	struct pset known = pset_none(), arrives = pset_none(), unknown = pset_none();
	struct pset told = pset_none(), aside = pset_none();
	for (size_t w = 0; w < p->path->n_ways; w++) {
		const struct route_way *way = &p->path->ways[w];
		if (!(way->families >> p->family & 1))
			continue;
		told = pset_or(sp, told, ws[w].told);
		if (way->end == WAY_ASIDE) {
			/* what may be translated may go on */
			known = pset_or(sp, known, ws[w].translated);
			aside = pset_or(sp, aside,
					pset_minus(sp, ws[w].takes.maybe, ws[w].translated));
		} else if (way->end == WAY_UNKNOWN)
			unknown = pset_or(sp, unknown, ws[w].takes.maybe);
		else
			known = pset_or(sp, known, ws[w].takes.maybe);
		if (way->end == WAY_ARRIVES && way->rewrites)
			arrives = pset_or(sp, arrives, ws[w].takes.maybe);
	}
	p->unknown = without_exclusions(en, p->family, unknown);
	if (!p->path->n_ways) {
		p->universe = without_exclusions(en, p->family, base);
		return;
	}
	p->lost = !pset_subset(sp, base, told) && !pset_is_spent(told) && !pset_is_spent(base);
	struct pset u = pset_or(sp, pset_and(sp, base, known), arrives);
	p->universe = without_exclusions(en, p->family,
				       pset_minus(sp, pset_minus(sp, u, unknown),
						  pset_minus(sp, aside, known)));
}

static bool spent(struct bounds b)
{
	return pset_is_spent(b.sure) || pset_is_spent(b.maybe);
}

/* What the source zone may send towards the destination, under any of its addresses. */
static struct pset sent(struct engine *en, const struct path *path, enum family f,
			const struct path *zones)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	struct spans to = en->graph->attached[path->to - en->estate->policy->zones].destinations[f];
	struct pset dst = zone_set(en, f, zones->to, FIELD_DST);
	bool same = to.n == zones->to->n_spans[f];
	for (size_t i = 0; i < to.n && same; i++)
		same = addr_equal(to.v[i].lo, zones->to->spans[f][i].lo) &&
		       addr_equal(to.v[i].hi, zones->to->spans[f][i].hi);
	if (!same)
		dst = pset_or(sp, dst, pset_and(sp, pset_spans(sp, FIELD_DST, to.v, to.n),
						pset_universe(sp, &as)));
	return pset_and(sp, dst, zone_set(en, f, zones->from, FIELD_SRC));
}

/*
 * Of several ways that take a packet we don't know which one is taken: surely permitted is what
 * all of them permit, possibly what any does.
 */
static struct bounds join(struct pset_space *sp, const struct pair *p, const struct way_sets *ws,
			  int plane)
{
	struct bounds r = { pset_none(), pset_none() };
	struct pset doubt = pset_none();
	for (size_t w = 0; w < p->path->n_ways; w++) {
		const struct route_way *way = &p->path->ways[w];
		if (!(way->families >> p->family & 1) || way->end == WAY_UNKNOWN)
			continue;
		/* of what else takes it, it may be that a device takes it in */
		if (way->end == WAY_ASIDE) {
			doubt = pset_or(sp, doubt, ws[w].takes.maybe);
			r.maybe = pset_or(sp, r.maybe,
					  pset_and(sp, ws[w].translated, p->universe));
			continue;
		}
		struct bounds b = plane == PLANE_COUNT ? ws[w].all : ws[w].plane[plane];
		r.sure = pset_or(sp, r.sure, b.sure);
		r.maybe = pset_or(sp, r.maybe, b.maybe);
		if (p->path->n_ways > 1)
			doubt = pset_or(sp, doubt, pset_minus(sp, ws[w].takes.maybe, b.sure));
	}
	r.sure = pset_minus(sp, r.sure, doubt);
	return r;
}

/*
 * Packets to a zone's own addresses that are delivered although they are sent to others: a server
 * that is published under another address is reached, whatever becomes of packets to its own.
 */
static struct pset met_elsewhere(struct engine *en, const struct pair *p,
				 const struct way_sets *ws)
{
	struct pset_space *sp = en->space[p->family];
	struct pset met = pset_none();
	for (size_t w = 0; w < p->path->n_ways; w++) {
		const struct route_way *way = &p->path->ways[w];
		bool exact = way->rewrites && way->end == WAY_ARRIVES &&
			     (way->families >> p->family & 1);
		for (size_t i = 0; i < way->n_points && exact; i++)
			for (size_t k = 0; k < way->points[i].n_steps && exact; k++) {
				const struct way_step *st = &way->points[i].steps[k];
				for (size_t m = 0; st->kind == STEP_REWRITE && m < st->n_nats; m++)
					exact &= st->nats[m]->rewrites == NAT_DESTINATION &&
						 !st->nats[m]->match->inexact;
			}
		if (!exact)
			continue;
		struct pset there = push_on(en, p->family, way, way_end_of(way), ws[w].all.sure);
		/* those that are sent so are judged by what becomes of them */
		met = pset_or(sp, met, pset_minus(sp, there, ws[w].takes.maybe));
	}
	return met;
}

void engine_pair(struct engine *en, const struct path *path, enum family f,
		 const struct path *zones, struct pair *ret)
{
	struct pset_space *sp = en->space[f];
	struct pair p = { .from = path->from, .to = path->to, .family = f, .path = path };
	struct way_sets *ws = xcalloc(path->n_ways, sizeof(*ws));
	zones = zones ? zones : path;
	struct pset from = sent(en, path, f, zones);
	for (size_t w = 0; w < path->n_ways; w++) {
		const struct route_way *way = &path->ways[w];
		if (!(way->families >> f & 1))
			continue;
		take_way(en, f, way, from, &ws[w]);
		ws[w].translated = way->end == WAY_ASIDE
					   ? bound_on(en, f, way, ws[w].takes.maybe)
					   : pset_none();
	}
	universe_of(en, zones, ws, &p);
	p.translated = pset_none();
	for (size_t w = 0; w < path->n_ways; w++)
		if (path->ways[w].families >> f & 1)
			p.translated = pset_or(sp, p.translated, ws[w].translated);
	intent_of(en, &p, ws);
	for (size_t w = 0; w < path->n_ways; w++) {
		const struct route_way *way = &path->ways[w];
		if (!(way->families >> f & 1) || (way->end != WAY_ARRIVES && way->end != WAY_DROPPED))
			continue;
		filter_way(en, way, &p, &ws[w]);
		for (int i = 0; i < PLANE_COUNT; i++)
			p.present[i] |= ws[w].present[i];
		p.translated = pset_or(sp, p.translated, ws[w].translated);
	}
	p.require = pset_minus(sp, p.require, met_elsewhere(en, &p, ws));
	for (int i = 0; i < PLANE_COUNT; i++)
		p.plane[i] = join(sp, &p, ws, i);
	p.effective = join(sp, &p, ws, PLANE_COUNT);
	if (!path_known(path) || path->none) {
		/* Declared as not connected: nothing passes. Not known: anything may. */
		struct bounds b = { pset_none(), path->none ? pset_none() : p.universe };
		p.plane[0] = p.plane[1] = p.effective = b;
	}
	p.spent = spent(p.plane[0]) || spent(p.plane[1]) || spent(p.effective) ||
		  pset_is_spent(p.universe) || pset_is_spent(p.intent) || pset_is_spent(p.require);
	free(ws);
	*ret = p;
}
