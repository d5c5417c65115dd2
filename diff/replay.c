/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness of a finding, walked through every stage by the interpreter, which knows nothing
 * of sets. What decides it on the way is the cause.
 */
#include "diff/cause.h"
#include "diff/reply.h"
#include "diff/twin.h"

static struct interp_answer ask(const struct stage *st, const struct packet *w)
{
	struct packet p = stage_packet(st, w);
	return interp(st->ruleset, &p);
}

static void add_stage(struct cause *c, const struct route_way *way, struct way_place place,
		      const struct stage *stage, const struct interp_answer *a,
		      enum bound bound, bool permits)
{
	if (c->n == STAGES_MAX)
		return;
	c->v[c->n++] = (struct decided){
		.engine = c->engine,
		.stage = stage,
		.way = way,
		.place = place,
		.rule = bound == BOUND_SURE ? a->sure_rule : a->maybe_rule,
		.unknown = a->sure == a->maybe ? NULL : a->unknown_rule,
		.bound = bound,
		.permits = permits,
		.there = c->there,
	};
}

static void add_decided(struct cause *c, const struct route_way *way, struct way_place place,
			const struct interp_answer *a, enum bound bound, bool permits)
{
	add_stage(c, way, place, way->points[place.i].steps[place.k].stage, a, bound, permits);
}

/* A packet on its way: as it is before each step. */
struct walker {
	const struct route_way *way;
	struct way_place at;
	struct packet packet;
	bool off; /* it doesn't take this way */
};

/* Goes on to the next stage; NULL at the end of the way. */
static const struct stage *next_stage(struct walker *w, struct way_place *ret_place)
{
	for (; w->at.i < w->way->n_points; w->at = (struct way_place){ w->at.i + 1, 0 }) {
		const struct point *pt = &w->way->points[w->at.i];
		while (w->at.k < pt->n_steps) {
			struct way_place here = w->at;
			const struct way_step *st = &pt->steps[w->at.k++];
			enum truth t = way_step_packet(pt, st, &w->packet);
			if (t == TRUTH_FALSE) {
				w->off = true;
				return NULL;
			}
			if (st->kind == STEP_STAGE) {
				*ret_place = here;
				return st->stage;
			}
		}
	}
	return NULL;
}

static bool takes_way(const struct route_way *way, const struct packet *w)
{
	struct walker k = { .way = way, .packet = *w };
	struct way_place at;
	if (!(way->families >> w->family & 1) ||
	    (way->end != WAY_ARRIVES && way->end != WAY_DROPPED))
		return false;
	while (next_stage(&k, &at))
		;
	return !k.off;
}

/* Every stage of the planes on the way permits w. */
static bool way_permits(const struct route_way *way, unsigned planes, bool certain,
			const struct packet *w, struct cause *c)
{
	struct walker k = { .way = way, .packet = *w };
	const struct stage *st;
	struct way_place at;
	if (way->end == WAY_DROPPED)
		return false;
	while ((st = next_stage(&k, &at))) {
		if (!(planes >> st->device->plane & 1))
			continue;
		struct interp_answer a = ask(st, &k.packet);
		if (!(certain ? a.sure : a.maybe))
			return false;
		add_decided(c, way, at, &a, certain ? BOUND_SURE : BOUND_MAYBE, true);
	}
	return !k.off;
}

/* Some stage of the plane on the way denies w: the first one that does. */
static bool way_denies(const struct route_way *way, int plane, bool certain,
		       const struct packet *w, struct cause *c)
{
	struct walker k = { .way = way, .packet = *w };
	const struct stage *st;
	struct way_place at;
	if (way->end == WAY_DROPPED) {
		c->dropped = way;
		return true;
	}
	while ((st = next_stage(&k, &at))) {
		if (plane != ANY_PLANE && st->device->plane != plane)
			continue;
		struct interp_answer a = ask(st, &k.packet);
		if (certain ? a.maybe : a.sure)
			continue;
		add_decided(c, way, at, &a, certain ? BOUND_MAYBE : BOUND_SURE, false);
		return true;
	}
	return false;
}

/* The other estate denies: some way of it that does. */
static bool other_denies(const struct objection *ob, bool certain, const struct packet *w,
			 struct cause *c)
{
	c->engine = ob->deny_engine;
	for (size_t i = 0; i < ob->deny_path->n_ways; i++) {
		if (!takes_way(&ob->deny_path->ways[i], w))
			continue;
		if (!certain &&
		    (c->nat = engine_nat(&ob->deny_path->ways[i], w, &c->nat_device)))
			return true;
		if (way_denies(&ob->deny_path->ways[i], ANY_PLANE, certain, w, c))
			return true;
	}
	return ob->deny_path->none;
}

/* The packet of the counterpart that stands for w: one that is denied there, if any is. */
static bool twin_packet(struct check_run *run, const struct twin *tw, bool certain,
			const struct packet *w, struct packet *ret)
{
	struct pset_space *sp = run->engine->space[run->pair->family];
	struct pset there = twin_universe(sp, &tw->pair);
	struct bounds b = twin_bounds(sp, &tw->pair, !tw->tp.plane);
	struct pset denied = pset_minus(sp, there, certain ? b.maybe : b.sure);
	return counterpart_packet(run->engine, &tw->tp, w, there, denied, ret);
}

/* The counterpart denies its packet on some way, or nothing is known of the way it takes. */
static bool twin_denies(const struct objection *ob, bool certain, struct cause *c)
{
	const struct path *path = &ob->twin->path;
	const struct packet *w = &c->twin;
	bool denies = path->none;
	if (!c->has_twin)
		return path->none;
	c->there = true;
	for (size_t i = 0; i < path->n_ways && !denies; i++) {
		const struct route_way *way = &path->ways[i];
		if (!certain && way->end == WAY_UNKNOWN)
			denies = true;
		else if (!takes_way(way, w))
			continue;
		else if (!certain && (c->nat = engine_nat(way, w, &c->nat_device)))
			denies = c->nat_there = true;
		else if (way_denies(way, ob->denies, certain, w, c))
			denies = true, c->dropped_there = c->dropped != NULL;
	}
	c->there = false;
	return denies;
}

/* Something on the way back denies the answer to w. */
static bool answer_denied(const struct reply_ways *rw, bool certain, const struct packet *w,
			  struct cause *c)
{
	for (size_t i = 0; i < rw->n; i++) {
		const struct reply_way *r = &rw->v[i];
		enum truth takes = reply_takes(rw, r, w);
		if (takes == TRUTH_FALSE || r->back->end == WAY_UNKNOWN)
			continue;
		for (size_t k = 0; k < r->n_stages; k++) {
			const struct reply_stage *st = &r->stages[k];
			struct packet p = reply_packet(rw->way, st->level, w);
			struct interp_answer a = ask(&st->stage, &p);
			if (certain ? a.maybe : a.sure)
				continue;
			add_stage(c, rw->way, st->level, &st->stage, &a,
				  certain ? BOUND_MAYBE : BOUND_SURE, false);
			return true;
		}
		if (r->back->end == WAY_DROPPED || r->missed) {
			c->dropped = r->back;
			c->dropped_back = true;
			return true;
		}
	}
	return false;
}

static bool answers_denied(const struct objection *ob, const struct route_way *way,
			   bool certain, const struct packet *w, struct cause *c)
{
	for (size_t i = 0; i < ob->replies->n; i++)
		if (ob->replies->v[i].way == way)
			return answer_denied(&ob->replies->v[i], certain, w, c);
	return false;
}

static bool denied_on(const struct objection *ob, const struct route_way *way, bool certain,
		      const struct packet *w, struct cause *c)
{
	if (ob->replies)
		return answers_denied(ob, way, certain, w, c);
	if (ob->deny_path)
		return other_denies(ob, certain, w, c);
	if (ob->twin && ob->denies >= 0)
		return twin_denies(ob, certain, c);
	return ob->denies < 0 || way_denies(way, ob->denies, certain, w, c);
}

/*
 * Walks the witness along the ways by the interpreter. One way that shows all of it is best;
 * a possible finding may draw on two (what one permits, the other denies).
 */
bool replay(struct check_run *run, const struct objection *ob, bool certain,
	    const struct packet *w, struct cause *c)
{
	const struct path *path = run->pair->path;
	if (ob->twin)
		c->has_twin = twin_packet(run, ob->twin, certain, w, &c->twin);
	for (size_t i = 0; i < path->n_ways; i++) {
		const struct route_way *way = &path->ways[i];
		if (!takes_way(way, w))
			continue;
		c->engine = run->engine;
		c->n = 0;
		c->way = way;
		c->dropped = NULL;
		c->dropped_there = false;
		c->dropped_back = false;
		if (!certain && (c->nat = engine_nat(way, w, &c->nat_device)))
			return true;
		if ((!ob->permits || way_permits(way, ob->permits, certain, w, c)) &&
		    denied_on(ob, way, certain, w, c))
			return true;
	}
	if (certain || !path->n_ways)
		return !path->n_ways; /* nothing to walk: declared as not connected */
	bool permits = !ob->permits, denies = false;
	c->engine = run->engine;
	c->n = 0;
	for (size_t i = 0; i < path->n_ways && !permits; i++) {
		if (!takes_way(&path->ways[i], w))
			continue;
		c->n = 0;
		c->way = &path->ways[i];
		permits = way_permits(c->way, ob->permits, false, w, c);
	}
	for (size_t i = 0; i < path->n_ways && !denies; i++)
		denies = takes_way(&path->ways[i], w) &&
			 denied_on(ob, &path->ways[i], false, w, c);
	return permits && denies;
}
