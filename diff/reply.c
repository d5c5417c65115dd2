/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/reply.h"

#include <string.h>

#include "model/answer.h"
#include "model/way.h"

struct pset replies_expected(struct engine *en, enum family f, struct pset s)
{
	static const struct range every = { 0, 255 };
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	struct pset icmp = pset_ranges(sp, FIELD_ICMP_TYPE, &every, 1);
	struct pset asks = pset_lo(sp, answer_expected(&en->matches), &as);
	return pset_minus(sp, s, pset_minus(sp, icmp, asks));
}

struct pset replies_clients(struct pset_space *sp, struct pset s)
{
	static const struct range known = { 0, 1023 };
	struct pset rest = pset_minus(sp, s, pset_ranges(sp, FIELD_SPORT, &known, 1));
	return pset_is_empty(rest) ? s : rest;
}

/* The device kept state of the conversation on its way there. */
static bool saw(const struct route_way *way, const struct device *d)
{
	for (size_t i = 0; i < way->n_points; i++)
		for (size_t k = 0; way->points[i].device == d && k < way->points[i].n_stages;
		     k++)
			if (way->points[i].stages[k].ruleset->stateful)
				return true;
	return false;
}

/* What a ruleset that keeps state does with an answer to what it never saw isn't known. */
static const struct ruleset *unseen_ruleset(struct engine *en, const struct stage *st)
{
	struct rule *r = arena_alloc(en->arena, sizeof(*r));
	struct ruleset *rs = arena_copy(en->arena, st->ruleset, sizeof(*rs));
	*r = (struct rule){ .at = st->hook->at,
			    .match = match_all(&en->matches),
			    .verdict = VERDICT_UNKNOWN,
			    .flags = RULE_GLUE,
			    .note = "it keeps state, and the conversation's first packet goes "
				    "another way" };
	rs->rules = r;
	rs->n = 1;
	rs->id += 2 * ANSWER_IDS;
	return rs;
}

/* The host's rules saw the conversation on its way there. */
static bool tracked(const struct route_way *way, const struct device *d)
{
	for (size_t i = 0; i < way->n_points; i++) {
		const struct point *pt = &way->points[i];
		bool shown = !pt->bridged;
		for (size_t k = 0; k < pt->n_stages; k++)
			shown |= pt->stages[k].hook->layer == LAYER_BRIDGED;
		if (pt->device == d && shown)
			return true;
	}
	return false;
}

static struct reply_stage reply_stage(struct engine *en, const struct route_way *way,
				      const struct point *pt, const struct stage *st,
				      struct way_place level)
{
	struct rewriter *rw = tracked(way, pt->device) ? &en->answers : &en->unseen;
	struct reply_stage rs = { .stage = *st, .level = level, .point = pt };
	rs.unseen = st->ruleset->stateful;
	rs.stage.ruleset =
		rs.unseen ? unseen_ruleset(en, st) : rewrite_ruleset(rw, st->ruleset);
	rs.stage.iif = st->oif, rs.stage.oif = st->iif;
	rs.stage.physin = st->physout, rs.stage.physout = st->physin;
	return rs;
}

/* The step of the point behind the translation of destinations. */
static size_t behind_destinations(const struct route_way *way, size_t i)
{
	size_t n = 0;
	for (size_t k = 0; k < way->points[i].n_steps; k++) {
		const struct way_step *st = &way->points[i].steps[k];
		if (st->kind == STEP_REWRITE && st->nats[0]->rewrites == NAT_DESTINATION)
			n = k + 1;
	}
	return n;
}

static struct reply_way reply_way(struct engine *en, struct arena *a,
				  const struct route_way *way, const struct route_way *back)
{
	VEC(struct reply_stage) stages = { 0 };
	VEC(struct reply_take) takes = { 0 };
	for (size_t i = 0; i < back->n_points; i++) {
		const struct point *pt = &back->points[i];
		struct way_place level = { pt->level_in, 0 };
		for (size_t k = 0; k < pt->n_steps; k++) {
			const struct way_step *st = &pt->steps[k];
			if (st->kind == STEP_RESTORE)
				level = (struct way_place){
					pt->level_out,
					st->partly ? behind_destinations(way, pt->level_out) : 0
				};
			else if (st->kind == STEP_TAKE)
				*vec_add(&takes) = (struct reply_take){
					rewrite_match(&en->answers, st->match),
					level,
					st->negate,
				};
			else if (st->kind == STEP_STAGE &&
				 (!st->stage->ruleset->stateful || !saw(way, pt->device)))
				*vec_add(&stages) = reply_stage(en, way, pt, st->stage, level);
		}
	}
	/* what is left to be undone at its end makes it no answer */
	size_t end =
		back->n_points ? back->points[back->n_points - 1].level_out : way->n_points;
	bool missed = false;
	for (size_t i = 0; i < end && back->end == WAY_ARRIVES; i++)
		for (size_t k = 0; k < way->points[i].n_steps; k++) {
			const struct way_step *st = &way->points[i].steps[k];
			if (st->kind != STEP_REWRITE)
				continue;
			missed |= st->nats[0]->rewrites == NAT_DESTINATION;
			for (size_t m = 0; m < st->n_nats; m++)
				if (st->nats[m]->rewrites == NAT_SOURCE &&
				    st->nats[m]->kind != NAT_KEEP)
					*vec_add(&takes) = (struct reply_take){
						st->nats[m]->match, { i, k }, true
					};
		}
	struct reply_way r = { .missed = missed,
			       .back = back,
			       .stages = vec_keep(a, &stages),
			       .n_stages = stages.n,
			       .takes = vec_keep(a, &takes),
			       .n_takes = takes.n };
	vec_free(&stages);
	vec_free(&takes);
	return r;
}

static struct bounds both(struct pset s)
{
	return (struct bounds){ s, s };
}

static struct bounds meet(struct pset_space *sp, struct bounds a, struct bounds b)
{
	return (struct bounds){ pset_and(sp, a.sure, b.sure), pset_and(sp, a.maybe, b.maybe) };
}

static struct bounds at_level(struct engine *en, enum family f, const struct route_way *way,
			      struct way_place level, struct bounds b, struct pset of)
{
	if (way->rewrites)
		return pull_back(en, f, way, level, 0, b, of);
	return meet(en->space[f], b, both(of));
}

/* A host's source check of what was translated back already: it may drop what somebody sent. */
static bool is_check(const struct route_way *way, const struct point *pt)
{
	return pt->device->netfilter && pt->level_in < way->n_points;
}

/* Those whose answers somebody sends and awaits, as far as ports tell who is behind them. */
static struct pset somebody(struct engine *en, enum family f, const struct route_way *way,
			    const struct reply_way *r, struct pset of)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	struct pset there = of;
	for (size_t i = 0; i < r->back->n_points; i++) {
		const struct point *pt = &r->back->points[i];
		const struct match *m[2] = { pt->present_src, pt->present_dst };
		for (size_t k = 0; k < 2; k++) {
			if (!m[k] || is_check(way, pt))
				continue;
			struct bounds b =
				both(pset_hi(sp, rewrite_match(&en->answers, m[k]), &as));
			struct way_place level = { k ? pt->level_out : pt->level_in, 0 };
			there = pset_and(sp, there, at_level(en, f, way, level, b, of).maybe);
		}
	}
	return there;
}

/* What the source checks leave. */
static struct bounds checked(struct engine *en, enum family f, const struct route_way *way,
			     const struct reply_way *r, struct pset of, struct bounds passes)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	for (size_t i = 0; i < r->back->n_points; i++) {
		const struct point *pt = &r->back->points[i];
		if (!pt->present_src || !is_check(way, pt))
			continue;
		const struct match *m = rewrite_match(&en->answers, pt->present_src);
		struct bounds b = { pset_lo(sp, m, &as), pset_hi(sp, m, &as) };
		struct way_place level = { pt->level_in, 0 };
		passes = meet(sp, passes, at_level(en, f, way, level, b, of));
	}
	return passes;
}

/*
 * Of the packets: those whose answers take the way back, of these those that get there, and
 * those that somebody sends and awaits.
 */
static void reply_sets(struct engine *en, enum family f, const struct route_way *way,
		       const struct reply_way *r, struct pset of, struct bounds *ret_takes,
		       struct bounds *ret_passes, struct pset *ret_awaited)
{
	struct pset_space *sp = en->space[f];
	struct pset_assume as = { .first = true };
	struct bounds takes = both(of), passes;
	for (size_t i = 0; i < r->n_takes; i++) {
		const struct reply_take *t = &r->takes[i];
		struct bounds b = { pset_lo(sp, t->match, &as), pset_hi(sp, t->match, &as) };
		if (t->negate)
			b = (struct bounds){ pset_not(sp, b.maybe), pset_not(sp, b.sure) };
		takes = meet(sp, takes, at_level(en, f, way, t->level, b, of));
	}
	/* sent by a device from among the zone's addresses: not what the pair is about */
	if (r->back->end == WAY_ASIDE) {
		*ret_takes = *ret_passes = takes;
		*ret_awaited = pset_none();
		return;
	}
	struct pset nobody = pset_minus(sp, of, somebody(en, f, way, r, of));
	passes = r->back->end == WAY_ARRIVES && !r->missed ? takes : both(pset_none());
	for (size_t i = 0; i < r->n_stages && !pset_is_empty(passes.maybe); i++) {
		const struct reply_stage *st = &r->stages[i];
		struct pset here = way->rewrites ? push_on(en, f, way, st->level, of) : of;
		struct bounds b = engine_stage(en, f, &st->stage, here);
		passes = meet(sp, passes, at_level(en, f, way, st->level, b, of));
	}
	passes = checked(en, f, way, r, of, passes);
	*ret_takes = takes;
	*ret_awaited = pset_minus(sp, takes.maybe, nobody);
	ret_passes->sure = pset_or(sp, passes.sure, pset_and(sp, takes.maybe, nobody));
	ret_passes->maybe = pset_or(sp, passes.maybe, pset_and(sp, takes.maybe, nobody));
}

static void note_unseen(const struct reply_way *r, struct replies *ret)
{
	for (size_t i = 0; i < r->n_stages && !ret->unseen; i++) {
		if (!r->stages[i].unseen)
			continue;
		ret->unseen = &r->stages[i];
		for (size_t k = 0; k < r->back->n_points; k++)
			if (r->back->points[k].device == r->stages[i].stage.device)
				ret->unseen_at = &r->back->points[k];
	}
}

/* What answers what took one way. */
static void one_way(struct engine *en, enum family f, const struct reply_ways *rw,
		    struct reply_way *v, struct pset of, struct pset *seen, struct replies *ret)
{
	struct pset_space *sp = en->space[f];
	struct pset sure = pset_none(), maybe = pset_none(), doubt = pset_none();
	struct pset told = pset_none(), unknown = pset_none();
	for (size_t i = 0; i < rw->n; i++) {
		struct bounds takes, passes;
		struct pset awaited;
		reply_sets(en, f, rw->way, &rw->v[i], of, &takes, &passes, &awaited);
		ret->awaited = pset_or(sp, ret->awaited, awaited);
		v[i].taken = !pset_is_empty(takes.maybe);
		told = pset_or(sp, told, takes.maybe);
		if (rw->v[i].back->end == WAY_UNKNOWN) {
			unknown = pset_or(sp, unknown, takes.maybe);
			if (!ret->why && !pset_is_empty(takes.maybe))
				ret->why = rw->v[i].back->why,
				ret->why_at = rw->v[i].back->why_at;
			continue;
		}
		if (!pset_is_empty(takes.sure))
			note_unseen(&rw->v[i], ret);
		sure = pset_or(sp, sure, passes.sure);
		maybe = pset_or(sp, maybe, passes.maybe);
		doubt = pset_or(sp, doubt, pset_minus(sp, takes.maybe, passes.sure));
	}
	if (!pset_subset(sp, of, told) && !ret->why)
		ret->why = rw->path->why ? rw->path->why : "no way back was found",
		ret->why_at = rw->path->why_at;
	unknown = pset_or(sp, unknown, pset_minus(sp, of, told));
	sure = pset_minus(sp, sure, pset_or(sp, doubt, unknown));
	/* several ways there: all of them have to be answered */
	ret->set.sure = pset_or(
		sp, pset_minus(sp, ret->set.sure, of),
		pset_and(sp, sure, pset_or(sp, pset_minus(sp, of, *seen), ret->set.sure)));
	*seen = pset_or(sp, *seen, of);
	ret->set.maybe = pset_or(sp, ret->set.maybe, pset_or(sp, maybe, unknown));
	ret->unknown = pset_or(sp, ret->unknown, unknown);
	ret->awaited = pset_or(sp, ret->awaited, unknown);
}

void replies_find(struct engine *en, struct arena *a, const struct pair *p, struct pset of,
		  struct replies *ret)
{
	struct pset_space *sp = en->space[p->family];
	struct replies r = { .set = both(pset_none()),
			     .unknown = pset_none(),
			     .asked = pset_none(),
			     .awaited = pset_none() };
	struct pset seen = pset_none();
	struct reply_ways *list = arena_array(a, p->path->n_ways, sizeof(*list));
	for (size_t w = 0; w < p->path->n_ways; w++) {
		const struct route_way *way = &p->path->ways[w];
		if (!(way->families >> p->family & 1) || way->end != WAY_ARRIVES)
			continue;
		struct pset mine = pull_back(en, p->family, way, way_end_of(way), 0,
					     both(pset_all(sp)), of)
					   .maybe;
		if (pset_is_empty(mine))
			continue;
		r.asked = pset_or(sp, r.asked, mine);
		struct path *back = arena_alloc(a, sizeof(*back));
		path_answers(a, en->graph, &en->matches, p->path, w, back);
		struct reply_ways *rw = &list[r.n++];
		struct reply_way *v = arena_array(a, back->n_ways, sizeof(*v));
		*rw = (struct reply_ways){ .way = way, .path = back, .v = v };
		for (size_t i = 0; i < back->n_ways; i++)
			if (back->ways[i].families >> p->family & 1)
				v[rw->n++] = reply_way(en, a, way, &back->ways[i]);
		one_way(en, p->family, rw, v, mine, &seen, &r);
	}
	r.v = list;
	*ret = r;
}

struct packet reply_packet(const struct route_way *way, struct way_place level,
			   const struct packet *p)
{
	struct packet q = *p;
	for (size_t i = 0; i < way->n_points && i <= level.i; i++)
		for (size_t k = 0; k < way->points[i].n_steps && (i < level.i || k < level.k); k++)
			way_step_packet(&way->points[i], &way->points[i].steps[k], &q);
	return q;
}

enum truth reply_takes(const struct reply_ways *rw, const struct reply_way *r,
		       const struct packet *p)
{
	enum truth all = TRUTH_TRUE;
	for (size_t i = 0; i < r->n_takes; i++) {
		struct packet q = reply_packet(rw->way, r->takes[i].level, p);
		enum truth t = match_judge(r->takes[i].match, &q);
		if (r->takes[i].negate)
			t = t == TRUTH_UNKNOWN ? t : t == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
		all = t < all ? t : all;
	}
	return all;
}
