/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two estates: which conversations opened and which closed, between the zones of the new one,
 * and by which lines on either side. A zone's addresses are those of the new policy for both,
 * so that a renamed or regrouped zone is no change of the network.
 *
 * Only what the change can reach is looked at and told (incremental.h): what is not understood,
 * and is the same bytes in both, is no difference.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diff/incremental.h"
#include "diff/incremental_same.h"
#include "diff/sweep.h"

extern const struct check check_diff_opened, check_diff_closed;

/* What all workers share. */
struct comparing {
	const struct estate *old_e, *new_e;
	const struct snapshot *old_s, *new_s;
	bool *wanted;		     /* by row and column; NULL: all */
	const struct zone *zones;    /* the new policy's */
	const struct zone **partner; /* of each in the old one; NULL: none */
	bool *same;		     /* it is the same there */
	bool witness_failed;
};

/* A worker's two engines and what it found to be reached. */
struct sides {
	struct check_run *run;
	struct engine *old_en, *new_en;
	struct reach reach;
	struct same_memo memo;
	struct pset keep[FAMILY_COUNT][2]; /* of reach, while memory is given back */
};

static void raise_change(struct sides *s, const struct check *check, struct engine *opener,
			 struct engine *other, struct pair *wide, struct pair *narrow,
			 const char *title, const char *message)
{
	struct check_run *run = s->run;
	struct pset_space *sp = opener->space[wide->family];
	struct objection ob = {
		.certain = pset_minus(
			sp, pset_minus(sp, wide->effective.sure, narrow->effective.maybe),
			narrow->unknown),
		.possible = pset_minus(
			sp, pset_minus(sp, wide->effective.maybe, narrow->effective.sure),
			narrow->unknown),
		.permits = 1u << PLANE_PHYSICAL | 1u << PLANE_VIRTUAL,
		.denies = ANY_PLANE,
		.deny_engine = other,
		.deny_path = narrow->path,
		.deny_first = check == &check_diff_closed,
		.permit_note =
			check == &check_diff_opened ? "in the new estate" : "in the old estate",
		.deny_note =
			check == &check_diff_opened ? "in the old estate" : "in the new estate",
		.plane = "both",
		.severity = SEVERITY_MEDIUM,
		.title = arena_printf(run->res->arena, "%s from %s to %s", title,
				      wide->from->name, wide->to->name),
		.message = message,
	};
	if (!s->reach.whole) {
		struct pset region = s->keep[wide->family][0];
		ob.certain = pset_and(sp, ob.certain, region);
		ob.possible = pset_and(sp, ob.possible, region);
	}
	run->engine = opener;
	run->estate = opener->estate;
	run->snap = opener->snap;
	run->pair = wide;
	run->check = check;
	run->taken = run->taken_possible = pset_none();
	raise_objection(run, &ob);
}

static void inconclusive(struct sides *s, const struct path *p, const char *which)
{
	struct coverage c = { .from = p->from->name,
			      .to = p->to->name,
			      .plane = "both",
			      .verdict = COVER_INCONCLUSIVE,
			      .why_at = p->why_at,
			      .why = arena_printf(s->run->res->arena, "%s: %s", which,
						  p->why) };
	*vec_add(&s->run->res->coverage) = c;
}

static bool tainted(struct sides *s, struct engine *en, const struct path *p, const char *which)
{
	for (size_t w = 0; w < p->n_ways; w++)
		for (size_t i = 0; i < p->ways[w].n_points; i++) {
			struct path shown = *p;
			if (!engine_tainted(en, &p->ways[w].points[i], &shown.why,
					    &shown.why_at))
				continue;
			inconclusive(s, &shown, which);
			return true;
		}
	return false;
}

/* Neither end of the pair nor the way changed: whatever passes, is the same as before. */
static bool untouched(const struct comparing *c, struct sides *s, const struct path *was,
		      const struct path *is)
{
	return s->reach.whole && s->reach.why && s->reach.same_scope &&
	       c->same[is->from - c->zones] && c->same[is->to - c->zones] &&
	       same_ways(&s->memo, was, is);
}

static bool compare_pair(const struct comparing *c, struct sides *s, const struct zone *from,
			 const struct zone *to, bool last)
{
	struct check_run *run = s->run;
	struct path *was = arena_alloc(run->res->arena, sizeof(*was));
	struct path *is = arena_alloc(run->res->arena, sizeof(*is));
	const struct zone *old_from = c->partner[from - c->zones];
	const struct zone *old_to = c->partner[to - c->zones];
	struct map causes = { 0 };
	bool fits = true;
	engine_breathe(s->new_en);
	path_find(run->res->arena, s->old_en->graph, &s->old_en->matches, old_from, old_to, was);
	path_find(run->res->arena, s->new_en->graph, &s->new_en->matches, from, to, is);
	if (untouched(c, s, was, is))
		return true;
	if (!path_known(was) || !path_known(is)) {
		bool both = !path_known(was) && !path_known(is);
		const struct path *unknown = !path_known(is) ? is : was;
		struct path shown = {
			.from = from, .to = to, .why = unknown->why, .why_at = unknown->why_at
		};
		inconclusive(s, &shown,
			     both	     ? "no path before and after"
			     : unknown == is ? "no path after"
					     : "no path before");
		return true;
	}
	if (!tainted(s, s->old_en, was, "before"))
		tainted(s, s->new_en, is, "after");
	run->causes = &causes;
	for (int f = 0; f < FAMILY_COUNT && (fits || last); f++) {
		struct pair before, after;
		if (!s->new_en->estate->policy->families[f])
			continue;
		engine_pair(s->old_en, was, (enum family)f, is, &before);
		engine_pair(s->new_en, is, (enum family)f, NULL, &after);
		before.from = from, before.to = to;
		if (!before.spent && !after.spent) {
			raise_change(
				s, &check_diff_opened, s->new_en, s->old_en, &after, &before,
				"Opened",
				"The new estate lets this through and the old one did not.");
			raise_change(
				s, &check_diff_closed, s->old_en, s->new_en, &before, &after,
				"Closed",
				"The old estate let this through and the new one does not.");
		}
		if (!before.spent && !after.spent)
			continue;
		fits = false;
		struct path shown = *is;
		shown.why = "the sets of packets are too large for the memory they may take";
		inconclusive(s, &shown, "not compared");
	}
	map_finish(&causes);
	run->causes = NULL;
	run->pair = NULL;
	return fits;
}

static bool one_pair(struct sweep *sw, struct worker *w, const struct zone *from,
		     const struct zone *to, bool last)
{
	const struct comparing *c = sw->user;
	struct sides *s = w->user;
	bool of = c->partner[from - c->zones], ot = c->partner[to - c->zones];
	if (of && ot)
		return compare_pair(c, s, from, to, last);
	struct path shown = { .from = from,
			      .to = to,
			      .why_at = (of ? to : from)->at,
			      .why = "the zone is not in the old policy" };
	inconclusive(s, &shown, "not compared");
	return true;
}

static void start(struct sweep *sw, struct worker *w, size_t budget)
{
	const struct comparing *c = sw->user;
	const struct check_options *o = sw->options;
	struct sides *s = w->user = arena_alloc(w->kept, sizeof(*s));
	s->run = &w->run;
	s->old_en = &w->before;
	s->new_en = &w->engine;
	engine_init(s->old_en, w->kept, c->old_e, c->old_s, NULL, budget, o->failed_old, NULL);
	engine_init(s->new_en, w->kept, c->new_e, c->new_s, NULL, budget, o->failed, s->old_en);
	if (o->whole)
		s->reach.whole = true;
	else
		reach_find(w->kept, s->old_en, s->new_en, &s->reach);
	for (int f = 0; f < FAMILY_COUNT; f++) {
		s->keep[f][0] = s->reach.region[f];
		s->keep[f][1] = s->reach.redirected[f];
		s->new_en->keep[f] = s->keep[f];
		s->new_en->n_keep[f] = 2;
	}
}

static void finish(struct sweep *sw, struct worker *w)
{
	struct comparing *c = sw->user;
	struct sides *s = w->user;
	c->witness_failed |= s->old_en->witness_failed || s->new_en->witness_failed;
	map_finish(&s->memo.rulesets);
	engine_finish(s->new_en);
	engine_finish(s->old_en);
}

static bool wanted(const struct sweep *sw, size_t from, size_t to)
{
	const struct comparing *c = sw->user;
	return c->wanted[from * sw->n + to];
}

/* Which pairs a change can reach at all. */
static void scout(struct sweep *sw)
{
	struct comparing *c = sw->user;
	struct worker w = { .kept = arena_create() };
	start(sw, &w, sw->options->budget);
	struct sides *s = w.user;
	if (!s->reach.whole) {
		c->wanted = xcalloc(sw->n * sw->n, sizeof(bool));
		size_t n = reach_pairs(&s->reach, s->new_en, sw->zones, sw->n, c->wanted);
		sw->wanted = wanted;
		/* Few pairs are done before another thread has its engines. */
		if (n < 256)
			sw->jobs = 1;
	}
	finish(sw, &w);
	arena_destroy(w.kept);
}

static void find_partners(struct comparing *c, const struct policy *p)
{
	struct map old = { 0 };
	const struct policy *op = c->old_e->policy;
	for (size_t i = 0; i < op->n_zones; i++)
		*map_at(&old, op->zones[i].name) = (void *)&op->zones[i];
	c->zones = p->zones;
	c->partner = xcalloc(p->n_zones, sizeof(struct zone *));
	c->same = xcalloc(p->n_zones, sizeof(bool));
	for (size_t i = 0; i < p->n_zones; i++) {
		c->partner[i] = map_get(&old, p->zones[i].name);
		c->same[i] = c->partner[i] && same_zone(c->partner[i], &p->zones[i]);
	}
	map_finish(&old);
}

int diff_estates(const struct estate *old_e, const struct snapshot *old_s,
		 const struct estate *new_e, const struct snapshot *new_s, struct diags *d,
		 const struct check_options *o, struct results *res)
{
	struct policy none = { .families = { true, true } };
	const struct policy *p = new_e->policy;
	struct comparing c = { .old_e = old_e, .new_e = new_e, .old_s = old_s, .new_s = new_s };
	struct sweep sw = { .zones = sweep_order(res->arena, p),
			    .n = p->n_zones,
			    .jobs = sweep_jobs(o),
			    .options = o,
			    .res = res,
			    .diags = d,
			    .policy = &none, /* exceptions don't hide a change */
			    .start = start,
			    .finish = finish,
			    .pair = one_pair,
			    .user = &c };
	results_of(res, new_e, new_s, d);
	find_partners(&c, p);
	if (!o->whole)
		scout(&sw);
	sweep_run(&sw);
	free(c.wanted);
	free(c.partner);
	free(c.same);
	results_freeze(res);
	return c.witness_failed ? -EPROTO : 0;
}

const struct check check_diff_opened = {
	.id = "diff.opened",
	.title = "A change lets traffic through that was denied before",
	.help = "Reported by `plumbline diff`: the first rule is what lets the traffic through "
		"in the "
		"new estate, the denying one is the old estate's.",
	.severity = SEVERITY_MEDIUM,
};

const struct check check_diff_closed = {
	.id = "diff.closed",
	.title = "A change denies traffic that passed before",
	.help = "Reported by `plumbline diff`: the first rule is what denies the traffic in "
		"the new "
		"estate, the permitting ones are the old estate's.",
	.severity = SEVERITY_MEDIUM,
};
