/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two estates: which conversations opened and which closed, between the zones of the new one,
 * and by which lines on either side. A zone's addresses are those of the new policy for both,
 * so that a renamed or regrouped zone is no change of the network.
 */
#include <errno.h>
#include <string.h>

#include "diff/run.h"

extern const struct check check_diff_opened, check_diff_closed;

struct sides {
	struct check_run *run;
	struct engine *old_en, *new_en;
};

static void raise_change(struct sides *s, const struct check *check, struct engine *opener,
			 struct engine *other, struct pair *wide, struct pair *narrow,
			 const char *title, const char *message)
{
	struct check_run *run = s->run;
	struct pset_space *sp = opener->space[wide->family];
	struct objection ob = {
		.certain = pset_minus(sp, wide->effective.sure, narrow->effective.maybe),
		.possible = pset_minus(sp, wide->effective.maybe, narrow->effective.sure),
		.permits = 1u << PLANE_PHYSICAL | 1u << PLANE_VIRTUAL,
		.denies = ANY_PLANE,
		.deny_engine = other,
		.deny_path = narrow->path,
		.deny_first = check == &check_diff_closed,
		.permit_note = check == &check_diff_opened ? "in the new estate" : "in the old estate",
		.deny_note = check == &check_diff_opened ? "in the old estate" : "in the new estate",
		.plane = "both",
		.severity = SEVERITY_MEDIUM,
		.title = arena_printf(run->res->arena, "%s from %s to %s", title,
				      wide->from->name, wide->to->name),
		.message = message,
	};
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
			      .why = arena_printf(s->run->res->arena, "%s: %s", which, p->why) };
	*vec_add(&s->run->res->coverage) = c;
}

static bool tainted(struct sides *s, struct engine *en, const struct path *p, const char *which)
{
	for (size_t w = 0; w < p->n_ways; w++)
		for (size_t i = 0; i < p->ways[w].n_points; i++) {
			struct path shown = *p;
			if (!engine_tainted(en, &p->ways[w].points[i], &shown.why, &shown.why_at))
				continue;
			inconclusive(s, &shown, which);
			return true;
		}
	return false;
}

static void compare_pair(struct sides *s, const struct zone *old_from, const struct zone *old_to,
			 const struct zone *from, const struct zone *to)
{
	struct check_run *run = s->run;
	struct path *was = arena_alloc(run->res->arena, sizeof(*was));
	struct path *is = arena_alloc(run->res->arena, sizeof(*is));
	struct map causes = { 0 };
	engine_breathe(s->new_en);
	path_find(run->res->arena, s->old_en->estate, s->old_en->snap, old_from, old_to, was);
	path_find(run->res->arena, s->new_en->estate, s->new_en->snap, from, to, is);
	if ((!was->n_ways && !was->none) || (!is->n_ways && !is->none)) {
		bool both = !was->n_ways && !was->none && !is->n_ways && !is->none;
		const struct path *unknown = !is->n_ways && !is->none ? is : was;
		struct path shown = { .from = from, .to = to, .why = unknown->why,
				      .why_at = unknown->why_at };
		inconclusive(s, &shown, both ? "no path before and after"
				  : unknown == is ? "no path after" : "no path before");
		return;
	}
	if (!tainted(s, s->old_en, was, "before"))
		tainted(s, s->new_en, is, "after");
	run->causes = &causes;
	for (int f = 0; f < FAMILY_COUNT; f++) {
		struct pair before, after;
		if (!s->new_en->estate->policy->families[f])
			continue;
		engine_pair(s->old_en, was, (enum family)f, is, &before);
		engine_pair(s->new_en, is, (enum family)f, NULL, &after);
		before.from = from, before.to = to;
		if (before.spent || after.spent) {
			struct path shown = *is;
			shown.why = "the sets of packets are too large for the memory they may take";
			inconclusive(s, &shown, "not compared");
			continue;
		}
		raise_change(s, &check_diff_opened, s->new_en, s->old_en, &after, &before,
			     "Opened",
			     "The new estate lets this through and the old one did not.");
		raise_change(s, &check_diff_closed, s->old_en, s->new_en, &before, &after,
			     "Closed",
			     "The old estate let this through and the new one does not.");
	}
	map_finish(&causes);
	run->causes = NULL;
	run->pair = NULL;
}

int diff_estates(const struct estate *old_e, const struct snapshot *old_s,
		 const struct estate *new_e, const struct snapshot *new_s, struct diags *d,
		 const struct check_options *o, struct results *res)
{
	struct policy none = { .families = { true, true } };
	struct engine old_en, new_en;
	struct check_run run = { .scratch = arena_create(),
				 .policy = &none, /* exceptions don't hide a change */
				 .diags = d,
				 .options = o,
				 .res = res };
	struct sides s = { &run, &old_en, &new_en };
	const struct policy *p = new_e->policy;
	res->snap = new_s;
	res->diags = d;
	res->policy = p;
	res->estate = new_e->name;
	res->policy_name = p->name;
	res->policy_version = p->version;
	engine_init(&old_en, res->arena, old_e, old_s, o->budget, o->failed_old, NULL);
	engine_init(&new_en, res->arena, new_e, new_s, o->budget, o->failed, &old_en);
	for (size_t i = 0; i < p->n_zones; i++)
		for (size_t k = 0; k < p->n_zones; k++) {
			const struct zone *from = &p->zones[i], *to = &p->zones[k];
			const struct zone *of = policy_zone(old_e->policy, from->name);
			const struct zone *ot = policy_zone(old_e->policy, to->name);
			if (from == to && !from->self)
				continue;
			if (of && ot) {
				compare_pair(&s, of, ot, from, to);
				continue;
			}
			struct path shown = { .from = from, .to = to, .why_at = (of ? to : from)->at,
					      .why = "the zone is not in the old policy" };
			inconclusive(&s, &shown, "not compared");
		}
	int err = old_en.witness_failed || new_en.witness_failed ? -EPROTO : 0;
	engine_finish(&new_en);
	engine_finish(&old_en);
	arena_destroy(run.scratch);
	results_freeze(res);
	return err;
}

const struct check check_diff_opened = {
	.id = "diff.opened",
	.title = "A change lets traffic through that was denied before",
	.help = "Reported by `plumbline diff`: the first rule is what lets the traffic through in the "
		"new estate, the denying one is the old estate's.",
	.severity = SEVERITY_MEDIUM,
};

const struct check check_diff_closed = {
	.id = "diff.closed",
	.title = "A change denies traffic that passed before",
	.help = "Reported by `plumbline diff`: the first rule is what denies the traffic in the new "
		"estate, the permitting ones are the old estate's.",
	.severity = SEVERITY_MEDIUM,
};
