/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A zone pair's sets, made when its first flow comes. They are folded into one function from
 * packets to labels, so that a flow costs one walk, whatever is asked of it.
 */
#include <stdlib.h>
#include <string.h>

#include "capture/judge_internal.h"
#include "diff/pull.h"

enum { PAIRS_MAX = 1 << 20, FLOWS_TOLD = 256, PARTS_MAX = 4096 };

static size_t hash_of(const struct judge *j, const struct zone *from, const struct zone *to)
{
	size_t f = (size_t)(from - j->policy->zones), t = (size_t)(to - j->policy->zones);
	return (f * j->policy->n_zones + t) * 0x9e3779b97f4a7c15u >> 20;
}

static uint32_t *slot_of(struct judge *j, const struct zone *from, const struct zone *to)
{
	size_t mask = j->n_slots - 1, i = hash_of(j, from, to) & mask;
	while (j->slots[i]) {
		const struct zone_pair *zp = j->pairs.v[j->slots[i] - 1];
		if (zp->from == from && zp->to == to)
			break;
		i = (i + 1) & mask;
	}
	return &j->slots[i];
}

static void grow(struct judge *j)
{
	free(j->slots);
	j->n_slots = j->n_slots ? j->n_slots * 2 : 256;
	j->slots = xcalloc(j->n_slots, sizeof(*j->slots));
	for (size_t i = 0; i < j->pairs.n; i++)
		*slot_of(j, j->pairs.v[i]->from, j->pairs.v[i]->to) = (uint32_t)i + 1;
}

uint32_t pair_of(struct judge *j, const struct zone *from, const struct zone *to)
{
	if (j->pairs.n * 2 >= j->n_slots)
		grow(j);
	uint32_t *at = slot_of(j, from, to);
	if (*at)
		return *at - 1;
	if (j->pairs.n == PAIRS_MAX)
		return JUDGE_NO_PAIR;
	struct zone_pair *zp = xcalloc(1, sizeof(*zp));
	zp->from = from;
	zp->to = to;
	*vec_add(&j->pairs) = zp;
	*at = (uint32_t)j->pairs.n;
	return *at - 1;
}

static void find_path(struct judge *j, struct zone_pair *zp)
{
	struct engine *en = &j->engine;
	if (zp->found)
		return;
	zp->found = true;
	path_find(j->arena, en->graph, &en->matches, zp->from, zp->to, &zp->path);
	zp->known = path_known(&zp->path);
	for (size_t i = 0; i < zp->path.n_ways && !zp->taint; i++)
		for (size_t k = 0; k < zp->path.ways[i].n_points && !zp->taint; k++)
			if (zp->path.ways[i].points[k].device)
				engine_tainted(en, &zp->path.ways[i].points[k], &zp->taint,
					       &zp->taint_at);
}

/* Disjoint sets that are everything together, each with what is said of it. */
struct parts {
	VEC(struct part {
		struct pset set;
		struct pair_label label;
	})
	v;
	bool spent;
};

/* What is in s, of those that have all of `where`, is said so as well. */
static void say(struct pset_space *sp, struct parts *ps, struct pset s, unsigned where,
		struct pair_label more)
{
	ps->spent |= pset_is_spent(s);
	for (size_t i = 0, n = ps->v.n; i < n && !ps->spent; i++) {
		struct part p = ps->v.v[i];
		if ((p.label.bits & where) != where || (more.flow && p.label.flow))
			continue;
		struct pset in = pset_and(sp, p.set, s), out = pset_minus(sp, p.set, s);
		ps->spent |= pset_is_spent(in) || pset_is_spent(out) || ps->v.n > PARTS_MAX;
		if (pset_is_empty(in))
			continue;
		ps->v.v[i].set = in;
		ps->v.v[i].label.bits |= more.bits;
		ps->v.v[i].label.flow = more.flow ? more.flow : p.label.flow;
		if (!pset_is_empty(out))
			*vec_add(&ps->v) = (struct part){ out, p.label };
	}
}

static void say_bits(struct pset_space *sp, struct parts *ps, struct pset s, unsigned bits)
{
	say(sp, ps, s, 0, (struct pair_label){ .bits = bits });
}

/* Kept from now on: its place. */
static size_t keep(struct judge *j, enum family f, struct pset s)
{
	*vec_add(&j->kept[f]) = s;
	j->engine.keep[f] = j->kept[f].v;
	j->engine.n_keep[f] = j->kept[f].n;
	return j->kept[f].n - 1;
}

/* The function, kept from now on. False: it doesn't fit. */
static bool fold(struct judge *j, enum family f, struct parts *ps, struct pair_function *ret)
{
	struct pset_space *sp = j->engine.space[f];
	struct pset all = pset_none();
	for (size_t i = 0; i < ps->v.n && !ps->spent; i++) {
		*vec_add(&ret->labels) = ps->v.v[i].label;
		all = pset_over(sp, all,
				pset_label(sp, ps->v.v[i].set, (uint32_t)ret->labels.n));
		ps->spent |= pset_is_spent(all);
	}
	if (ps->spent)
		return false;
	ret->kept = keep(j, f, all);
	return true;
}

/* Whether packets of the family are translated on some way that they may arrive by. */
static bool rewrites(const struct route_way *way, enum family f)
{
	return way->rewrites && way->end == WAY_ARRIVES && (way->families >> f & 1);
}

/* The packets of the service, which a policy asks for as they arrive, as they are sent. */
static struct pset service_as_sent(struct judge *j, const struct pair *p,
				   const struct match *service)
{
	struct pset_space *sp = j->engine.space[p->family];
	struct pset_assume as = { .first = true };
	struct pset s = pset_lo(sp, service, &as), r = pset_and(sp, s, p->universe);
	for (size_t i = 0; i < p->path->n_ways; i++) {
		const struct route_way *way = &p->path->ways[i];
		struct bounds b = { s, s };
		if (rewrites(way, p->family))
			r = pset_or(sp, r,
				    pull_back(&j->engine, p->family, way, way_end_of(way), 0, b,
					      p->universe)
					    .maybe);
	}
	return r;
}

/* Which flow declares what is declared. */
static void say_flows(struct judge *j, const struct pair *p, struct parts *ps)
{
	const struct flow *fl;
	size_t n = 0;
	for (size_t at = 0;
	     n < FLOWS_TOLD && (fl = flows_next(&j->engine.flows, p->from, p->to, &at));) {
		if (fl->action == FLOW_DENY)
			continue;
		n++;
		say(j->engine.space[p->family], ps, service_as_sent(j, p, fl->service),
		    PAIR_DECLARED, (struct pair_label){ .flow = fl });
	}
}

/* What the packets that may be permitted look like at any place of a way that translates. */
static struct pset looks(struct judge *j, const struct pair *p)
{
	struct pset_space *sp = j->engine.space[p->family];
	struct pset all = pset_none();
	for (size_t i = 0; i < p->path->n_ways; i++) {
		const struct route_way *way = &p->path->ways[i];
		if (!rewrites(way, p->family))
			continue;
		struct way_place end = way_end_of(way);
		for (size_t k = 0; k < way->n_points; k++)
			all = pset_or(sp, all,
				      push_on(&j->engine, p->family, way,
					      (struct way_place){ k, 0 }, p->effective.maybe));
		all = pset_or(sp, all,
			      push_on(&j->engine, p->family, way, end, p->effective.maybe));
	}
	return all;
}

static struct pset excluded(struct judge *j, enum family f)
{
	struct pset_space *sp = j->engine.space[f];
	struct pset_assume as = { .first = true };
	struct pset s = pset_none();
	for (size_t i = 0; i < j->policy->n_exclusions; i++)
		s = pset_or(sp, s, pset_lo(sp, j->policy->exclusions[i].match, &as));
	return s;
}

static void start(struct judge *j, struct zone_pair *zp, enum family f, struct pair *ret,
		  struct parts *ps)
{
	struct pset_assume as = { .first = true };
	struct pset_space *sp = j->engine.space[f];
	engine_breathe(&j->engine);
	find_path(j, zp);
	engine_pair(&j->engine, &zp->path, f, NULL, ret);
	*ps = (struct parts){ .spent = ret->spent };
	*vec_add(&ps->v) = (struct part){ .set = pset_universe(sp, &as) };
}

/* Everything but the flows, of sets that were made for it by `of`. */
static void say_pair(struct judge *j, const struct pair *p, struct parts *ps,
		     struct pset (*of)(struct pset_space *sp, struct pset s))
{
	struct pset_space *sp = j->engine.space[p->family];
	say_bits(sp, ps, of(sp, p->universe), PAIR_KNOWN);
	say_bits(sp, ps, of(sp, p->unknown), PAIR_GAP);
	say_bits(sp, ps, of(sp, p->translated), PAIR_BOUND);
	say_bits(sp, ps, of(sp, p->effective.sure), PAIR_SURE);
	say_bits(sp, ps, of(sp, p->effective.maybe), PAIR_MAYBE);
	for (int i = 0; i < PLANE_COUNT; i++) {
		say_bits(sp, ps, of(sp, p->plane[i].sure), PAIR_PLANE_SURE << i);
		say_bits(sp, ps, of(sp, p->plane[i].maybe), PAIR_PLANE_MAYBE << i);
	}
	say_bits(sp, ps, of(sp, p->intent), PAIR_DECLARED);
	say_bits(sp, ps, of(sp, looks(j, p)), PAIR_BEHIND);
}

static struct pset same(struct pset_space *sp, struct pset s)
{
	(void)sp;
	return s;
}

static void make(struct judge *j, struct zone_pair *zp, enum family f)
{
	struct pair_family *pf = &zp->family[f];
	struct pair p;
	struct parts ps;
	start(j, zp, f, &p, &ps);
	say_pair(j, &p, &ps, same);
	say_bits(j->engine.space[f], &ps, excluded(j, f), PAIR_EXCLUDED);
	say_flows(j, &p, &ps);
	pf->spent = !fold(j, f, &ps, &pf->exact);
	pf->universe = keep(j, f, pset_is_spent(p.universe) ? pset_none() : p.universe);
	pf->lost = p.lost;
	memcpy(pf->present, p.present, sizeof(pf->present));
	for (size_t i = 0; i < zp->path.n_ways; i++)
		pf->rewrites |= rewrites(&zp->path.ways[i], f);
	pf->made = true;
	vec_free(&ps.v);
}

/* Packets that differ in nothing but ports, or in what ICMP has in their place. */
static struct pset any_port(struct pset_space *sp, struct pset s)
{
	s = pset_project(sp, s, FIELD_SPORT);
	s = pset_project(sp, s, FIELD_DPORT);
	s = pset_project(sp, s, FIELD_ICMP_TYPE);
	return pset_project(sp, s, FIELD_ICMP_CODE);
}

static void make_loose(struct judge *j, struct zone_pair *zp, enum family f)
{
	struct pair_family *pf = &zp->family[f];
	struct pair p;
	struct parts ps;
	start(j, zp, f, &p, &ps);
	say_pair(j, &p, &ps, any_port);
	pf->spent |= !fold(j, f, &ps, &pf->loose);
	pf->loose_made = true;
	vec_free(&ps.v);
}

static const struct pair_label *look_up(struct judge *j, const struct pair_function *fn,
					const struct packet *p)
{
	static const struct pair_label nothing = { 0 };
	uint32_t l =
		pset_label_of(j->engine.space[p->family], j->kept[p->family].v[fn->kept], p);
	return l ? &fn->labels.v[l - 1] : &nothing;
}

const struct pair_label *pair_label(struct judge *j, struct zone_pair *zp,
				    const struct packet *p)
{
	struct pair_family *pf = &zp->family[p->family];
	if (!pf->made)
		make(j, zp, (enum family)p->family);
	return pf->spent ? NULL : look_up(j, &pf->exact, p);
}

const struct pair_label *pair_loose(struct judge *j, struct zone_pair *zp,
				    const struct packet *p)
{
	struct pair_family *pf = &zp->family[p->family];
	if (!pair_label(j, zp, p))
		return NULL;
	if (!pf->loose_made)
		make_loose(j, zp, (enum family)p->family);
	return pf->spent ? NULL : look_up(j, &pf->loose, p);
}

static bool has_end(struct pset_space *sp, struct pset s, enum field field, struct addr a)
{
	struct span one = { a, a };
	return !pset_disjoint(sp, s, pset_spans(sp, field, &one, 1));
}

unsigned pair_strangers(struct judge *j, const struct judgement *g)
{
	enum family f = (enum family)g->packet.family;
	struct zone_pair *zp = g->pair == JUDGE_NO_PAIR ? NULL : j->pairs.v[g->pair];
	if (!zp)
		return 0;
	const struct pair_label *l =
		g->portless ? pair_loose(j, zp, &g->packet) : pair_label(j, zp, &g->packet);
	if (!l || !zp->known || l->bits & (PAIR_KNOWN | PAIR_BEHIND))
		return 0;
	struct pset all = j->kept[f].v[zp->family[f].universe];
	if (pset_is_empty(all) || pset_is_spent(all))
		return 0;
	return (has_end(j->engine.space[f], all, FIELD_SRC, g->packet.src) ? 0
									   : STRANGER_SOURCE) |
	       (has_end(j->engine.space[f], all, FIELD_DST, g->packet.dst)
			? 0
			: STRANGER_DESTINATION);
}
