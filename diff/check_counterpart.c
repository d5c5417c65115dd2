/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zones that exist twice: where one plane permits more between two of them than the other plane
 * between their counterparts (under the ids of drift), and where only addresses differ.
 */
#include "diff/twin.h"

#include <string.h>

bool twin_relation(const struct policy *pol, const struct zone *from, const struct zone *to,
		   int wide)
{
	enum alignment want = drift_relation(pol, from, to);
	return want == ALIGN_EQUAL ||
	       want == (wide == PLANE_PHYSICAL ? ALIGN_PHYSICAL_WITHIN_VIRTUAL
					       : ALIGN_VIRTUAL_WITHIN_PHYSICAL);
}

/* What of a set of the other pair no exception holds. */
static struct pset unexcepted(struct check_run *run, const struct twin *tw, const char *check,
			      struct pset set)
{
	struct pset_space *sp = run->engine->space[run->pair->family];
	struct pset_assume as = { .first = true };
	const struct policy *pol = run->policy;
	for (size_t i = 0; i < pol->n_exceptions; i++) {
		const struct exception *ex = &pol->exceptions[i];
		if (check_matches(ex->check, check) && (!ex->from || ex->from == tw->tp.from) &&
		    (!ex->to || ex->to == tw->tp.to) &&
		    (!ex->plane || !strcmp(ex->plane, plane_name(!tw->tp.plane))) &&
		    run->options->as_of <= ex->expires)
			set = pset_minus(sp, set, pset_lo(sp, ex->service, &as));
	}
	return set;
}

/* What the pair's coverage has to know, of all families. */
static void note(struct check_run *run, const struct twin *tw)
{
	struct twin_said *said = &run->twin_said;
	const struct zone *a = tw->tp.from, *b = tw->tp.to;
	if (tw->compared)
		said->with = arena_printf(run->res->arena, "%s to %s", a->name, b->name);
	else if (tw->why && tw->tp.end[0] && tw->tp.end[1] && !said->doubt)
		said->doubt = arena_printf(run->res->arena,
					   "its counterpart %s to %s can't be compared: %s",
					   a->name, b->name, tw->why);
	if (!tw->compared || !twin_relation(run->policy, a, b, !tw->tp.plane))
		return;
	const char *drift = tw->tp.plane == PLANE_PHYSICAL ? "drift.virtual-permits-more"
							   : "drift.physical-permits-more";
	const char *only = "counterpart.address-only";
	said->wider |= !pset_is_empty(unexcepted(run, tw, drift, tw->back.certain)) ||
		       !pset_is_empty(unexcepted(run, tw, only, tw->back.only_certain));
	said->open |= !pset_is_empty(unexcepted(run, tw, drift, tw->back.possible)) ||
		      !pset_is_empty(unexcepted(run, tw, only, tw->back.only_possible));
}

struct twin *twin_of(struct check_run *run)
{
	struct pair *p = run->pair;
	struct twin *tw = run->twin;
	struct twin_pair tp;
	if (tw)
		return tw->compared ? tw : NULL;
	if (!counterpart_pair(run->estate, p->from, p->to, &tp))
		return NULL;
	tw = run->twin = arena_alloc(run->res->arena, sizeof(*tw));
	tw->tp = tp;
	path_find(run->res->arena, run->engine->graph, &run->engine->matches, tp.from, tp.to,
		  &tw->path);
	if (!path_known(&tw->path))
		tw->why = tw->path.why;
	if (!tw->why) {
		engine_pair(run->engine, &tw->path, p->family, NULL, &tw->pair);
		p->spent |= tw->pair.spent;
		/* A plane that isn't there doesn't permit all: nothing is compared then. */
		bool here = p->present[tp.plane] || p->path->none;
		bool there = tw->pair.present[!tp.plane] || tw->path.none;
		tw->compared = here && there && !p->spent;
	}
	if (tw->compared) {
		struct twin_pair back = counterpart_back(&tp, p);
		tw->here = counterpart_compare(run->engine, &tp, p, &tw->pair);
		tw->back = counterpart_compare(run->engine, &back, &tw->pair, p);
		p->spent |= tw->here.spent || tw->back.spent;
		tw->compared = !p->spent;
	}
	note(run, tw);
	return tw->compared ? tw : NULL;
}

static void raise_part(struct check_run *run, const struct twin *tw, struct pset within,
		       enum severity severity, const char *message)
{
	struct pair *p = run->pair;
	struct pset_space *sp = run->engine->space[p->family];
	int wide = tw->tp.plane;
	struct objection ob = {
		.certain = pset_and(sp, within, tw->here.certain),
		.possible = pset_and(sp, within, tw->here.possible),
		.permits = 1u << wide,
		.denies = !wide,
		.twin = tw,
		.plane = plane_name(wide),
		.severity = severity,
		.title = arena_printf(
			run->res->arena,
			"The %s plane permits more from %s to %s than the %s one from %s "
			"to %s",
			plane_name(wide), p->from->name, p->to->name, plane_name(!wide),
			tw->tp.from->name, tw->tp.to->name),
		.message = message,
	};
	raise_objection(run, &ob);
}

void twin_drift(struct check_run *run, int wide)
{
	struct twin *tw = twin_of(run);
	struct pair *p = run->pair;
	struct pset_space *sp = run->engine->space[p->family];
	if (!tw || tw->tp.plane != wide || !twin_relation(run->policy, p->from, p->to, wide))
		return;
	raise_part(run, tw, pset_minus(sp, p->universe, p->intent), SEVERITY_MEDIUM,
		   "The policy doesn't declare this traffic, and the counterparts on the other "
		   "plane "
		   "are closed to it. Close it in the rule named first.");
	raise_part(run, tw, p->intent, SEVERITY_LOW,
		   "The policy allows this traffic, but only one of the two places lets it "
		   "through. "
		   "Make the two rulesets say the same.");
}

static int run_address_only(struct check_run *run)
{
	struct twin *tw = twin_of(run);
	struct pair *p = run->pair;
	if (!tw || !twin_relation(run->policy, p->from, p->to, tw->tp.plane))
		return 0;
	struct pset_space *sp = run->engine->space[p->family];
	int wide = tw->tp.plane;
	struct objection ob = {
		.certain = pset_and(sp, p->universe, tw->here.only_certain),
		.possible = pset_and(sp, p->universe, tw->here.only_possible),
		.permits = 1u << wide,
		.denies = -1,
		.twin = tw,
		.plane = plane_name(wide),
		.severity = SEVERITY_LOW,
		.title = arena_printf(
			run->res->arena,
			"From %s to %s addresses are open that have no like in %s to %s",
			p->from->name, p->to->name, tw->tp.from->name, tw->tp.to->name),
		.message = "The zones have no such address on the other plane, or not all "
			   "addresses "
			   "there are alike and none is said to stand for this one. Name it in "
			   "the "
			   "estate's `map` of the counterparts if it has one.",
	};
	raise_objection(run, &ob);
	return 0;
}

const struct check check_address_only = {
	.id = "counterpart.address-only",
	.title = "A difference between counterparts that only addresses make",
	.help = "A zone exists in both planes under other addresses, and one of them is open "
		"at "
		"addresses that the other doesn't have, or that no address of the other is "
		"said to "
		"stand for. Certain where there is no such address; possible where it is only "
		"not told "
		"which one. Map the addresses in the estate's `counterparts`.",
	.severity = SEVERITY_LOW,
	.run = run_address_only,
};
