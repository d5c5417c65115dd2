/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a set of packets that a check objects to, to findings: one for each cause. A packet is
 * picked and walked through every stage by the interpreter; the rules that decide it are the
 * cause; everything that the same rules decide is told with it and taken off the set; and so
 * on until nothing is left.
 */
#include <errno.h>
#include <string.h>

#include "diff/cause.h"
#include "diff/twin.h"

enum { CAUSES_MAX = 100 };

/* Functions "which rule decides" over the objection's set, each built once. */
struct deciders {
	struct pset_space *sp;
	struct pset within;
	struct {
		const struct stage *stage;
		enum bound bound;
		struct pset f;
	} v[2 * STAGES_MAX];
	size_t n;
};

/* Over the packets as they are at the stage. */
static struct pset decider(struct deciders *ds, struct engine *en, const struct decided *d)
{
	const struct stage *st = d->stage;
	enum bound bound = d->bound;
	for (size_t i = 0; i < ds->n; i++)
		if (ds->v[i].stage == st && ds->v[i].bound == bound)
			return ds->v[i].f;
	struct pset_assume as = engine_assume(st);
	struct pset here = d->way->rewrites ? push_on(en, pset_family(ds->sp), d->way, d->place,
						      ds->within)
					    : ds->within;
	struct pset f = lower_decides(ds->sp, st->ruleset, &as, bound, here);
	if (ds->n < 2 * STAGES_MAX) {
		ds->v[ds->n].stage = st;
		ds->v[ds->n].bound = bound;
		ds->v[ds->n++].f = f;
	}
	return f;
}

static void key_of(const struct check_run *run, const struct objection *ob, bool certain,
		   const struct exception *ex, struct cause *c)
{
	text_putf(&c->key, "%s/%s/%d/%d/%s", run->check->id, ob->plane, ob->severity, certain,
		  ex ? ex->id : "");
	for (size_t i = 0; i < c->n; i++) {
		const struct decided *d = &c->v[i];
		/* Joints and defaults differ by family without being another cause. */
		if (decided_plainly(d))
			text_putf(&c->key, "/%u.%u", d->stage->ruleset->id, d->rule->id);
		else
			text_putf(&c->key, "/%u", d->stage->ruleset->id);
	}
	if (c->nat)
		text_putf(&c->key, "/nat %p", (const void *)c->nat);
	if (c->dropped)
		text_putf(&c->key, "/dropped %s", c->dropped->why);
}

static struct bounds everything(struct pset_space *sp)
{
	return (struct bounds){ pset_all(sp), pset_all(sp) };
}

/* The packets, as sent, that the stage decides by the rule that decides w. */
static struct pset decided_alike(struct check_run *run, struct deciders *ds,
				 const struct decided *d, const struct packet *w)
{
	struct pset_space *sp = ds->sp;
	struct engine *en = run->engine;
	struct packet here = *w;
	for (size_t i = 0; i <= d->place.i && i < d->way->n_points; i++)
		for (size_t k = 0;
		     k < d->way->points[i].n_steps && (i < d->place.i || k < d->place.k); k++)
			way_step_packet(&d->way->points[i], &d->way->points[i].steps[k], &here);
	struct pset f = decider(ds, en, d);
	struct pset same = pset_where(sp, f, pset_label_of(sp, f, &here));
	if (!d->way->rewrites)
		return same;
	struct bounds b = { same, same };
	return pull_back(en, pset_family(sp), d->way, d->place, 0, b, ds->within).maybe;
}

/* A set of the counterpart's packets as the pair's own, within left. */
static struct pset from_there(struct check_run *run, const struct twin *tw, struct pset same,
			      struct pset left)
{
	struct twin_pair back = counterpart_back(&tw->tp, run->pair);
	return counterpart_rename(run->engine, run->pair->family, &back, same, left);
}

/* The part of `left` that the same rules decide as they decide w. */
static struct pset same_cause(struct check_run *run, struct deciders *ds, const struct cause *c,
			      const struct twin *tw, const struct packet *w, struct pset left)
{
	struct pset_space *sp = ds->sp;
	struct pset region = left;
	if (c->nat) {
		struct pset_assume as = { .first = true };
		if (c->nat_there)
			return left;
		return pset_and(sp, left, pset_hi(sp, c->nat->touches, &as));
	}
	for (size_t i = 0; i < c->n; i++) {
		bool there = c->v[i].there;
		struct pset same =
			decided_alike(run, &ds[there], &c->v[i], there ? &c->twin : w);
		region = pset_and(sp, region, there ? from_there(run, tw, same, left) : same);
	}
	if (c->dropped && !c->dropped_back) {
		struct pset of = c->dropped_there ? ds[1].within : left;
		struct pset same = pull_back(run->engine, pset_family(sp), c->dropped,
					     way_end_of(c->dropped), 0, everything(sp), of)
					   .maybe;
		region = pset_and(sp, region,
				  c->dropped_there ? from_there(run, tw, same, left) : same);
	}
	if (!c->n && !c->dropped)
		return left;
	return pset_and(sp, region, left);
}

static void replay_failed(struct check_run *run, const struct packet *w)
{
	struct text t = { 0 };
	run->engine->witness_failed = true;
	packet_print(&t, w);
	diag_error(run->diags, EPROTO, "internal.replay", LOC_NONE,
		   "%s from %s to %s: the witness %s is not confirmed rule by rule; this is an "
		   "error of this program, please report it",
		   run->check->id, run->pair->from->name, run->pair->to->name, t.s);
	text_finish(&t);
}

static void raise_causes(struct check_run *run, const struct objection *ob, bool certain,
			 const struct exception *ex, struct pset set)
{
	struct pset_space *sp = run->engine->space[run->pair->family];
	const struct twin *tw = ob->twin;
	struct deciders ds[2] = { { .sp = sp, .within = set }, { .sp = sp } };
	if (tw)
		ds[1].within = counterpart_rename(run->engine, run->pair->family, &tw->tp, set,
						  twin_universe(sp, &tw->pair));
	size_t most = run->options->causes_max ? run->options->causes_max : CAUSES_MAX;
	struct packet w;
	for (size_t n = 0; pset_pick(sp, set, &w); n++) {
		struct cause c = { 0 };
		run->res->witnesses++;
		bool confirmed = replay(run, ob, certain, &w, &c);
		run->res->replayed += confirmed;
		if (!confirmed)
			replay_failed(run, &w);
		key_of(run, ob, certain, ex, &c);
		struct pset region =
			confirmed && n < most ? same_cause(run, ds, &c, tw, &w, set) : set;
		bool rest = n >= most;
		/* A cause that doesn't hold its own witness would never end. */
		if (pset_is_spent(region) || !pset_has(sp, region, &w))
			region = set, rest = true;
		void **at = map_at(run->causes, c.key.s);
		struct finding *f;
		if (*at && !rest) {
			f = &run->res->findings.v[(size_t)(uintptr_t)*at - 1];
		} else {
			f = finding_new(run, ob->severity, certain ? CERTAIN : POSSIBLE,
					ob->plane);
			finding_describe(run, ob, certain, ex, &w, &c, f);
			if (!rest)
				*at = (void *)(uintptr_t)run->res->findings.n;
			else
				f->message = arena_printf(
					run->res->arena,
					"%s The causes beyond the first %zu are told "
					"together here.",
					ob->message, n);
		}
		finding_add_traffic(run->res, f, sp, region);
		text_finish(&c.key);
		set = pset_minus(sp, set, region);
	}
}

static bool zone_is(const struct zone *want, const struct zone *is)
{
	return !want || want == is;
}

static void raise_part(struct check_run *run, const struct objection *ob, bool certain,
		       struct pset set)
{
	struct pset_space *sp = run->engine->space[run->pair->family];
	struct pset_assume as = { .first = true };
	for (size_t i = 0; i < run->policy->n_exceptions; i++) {
		const struct exception *ex = &run->policy->exceptions[i];
		if (!check_matches(ex->check, run->check->id) ||
		    !zone_is(ex->from, run->pair->from) || !zone_is(ex->to, run->pair->to))
			continue;
		if (ex->plane && strcmp(ob->plane, "both") && strcmp(ex->plane, ob->plane))
			continue;
		struct pset held = pset_and(sp, set, pset_lo(sp, ex->service, &as));
		if (pset_is_empty(held) || pset_is_spent(held))
			continue;
		run->exception_used[i] = true;
		if (run->options->as_of > ex->expires) {
			run->exception_expired[i] = true;
			continue;
		}
		raise_causes(run, ob, certain, ex, held);
		set = pset_minus(sp, set, held);
	}
	raise_causes(run, ob, certain, NULL, set);
}

/* A packet set is reported once, under the gravest check: what others took is left out. */
static struct objection untaken(struct check_run *run, const struct objection *all)
{
	struct pset_space *sp = run->engine->space[run->pair->family];
	struct objection ob = *all;
	ob.certain = pset_minus(sp, all->certain, run->taken);
	ob.possible = pset_minus(sp, pset_minus(sp, all->possible, all->certain),
				 pset_or(sp, run->taken, run->taken_possible));
	return ob;
}

void raise_objection(struct check_run *run, const struct objection *all)
{
	struct objection mine = untaken(run, all), *ob = &mine;
	if (pset_is_spent(ob->certain) || pset_is_spent(ob->possible)) {
		run->pair->spent = true;
		return;
	}
	if (!pset_is_empty(ob->certain))
		raise_part(run, ob, true, ob->certain);
	if (!pset_is_empty(ob->possible))
		raise_part(run, ob, false, ob->possible);
	struct pset_space *sp = run->engine->space[run->pair->family];
	run->taken = pset_or(sp, run->taken, ob->certain);
	run->taken_possible = pset_or(sp, run->taken_possible, ob->possible);
}

void raise_between(struct check_run *run, const struct objection *ob, const char *title)
{
	struct objection mine = *ob;
	if (pset_is_empty(ob->certain) && pset_is_empty(ob->possible))
		return;
	mine.title = arena_printf(run->res->arena, "%s from %s to %s", title,
				  run->pair->from->name, run->pair->to->name);
	raise_objection(run, &mine);
}

const struct flow *declaring_flow(const struct check_run *run, enum flow_action action,
				  const struct packet *p)
{
	for (size_t i = 0; i < run->policy->n_flows; i++) {
		const struct flow *fl = &run->policy->flows[i];
		bool from = false, to = false;
		if (fl->action != action)
			continue;
		for (size_t k = 0; k < fl->n_from; k++)
			from |= fl->from[k] == run->pair->from;
		for (size_t k = 0; k < fl->n_to; k++)
			to |= fl->to[k] == run->pair->to;
		if (from && to && match_judge(fl->service, p) == TRUTH_TRUE)
			return fl;
	}
	return NULL;
}
