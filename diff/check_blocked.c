/* SPDX-License-Identifier: Apache-2.0 */
/* R \ P and R \ V: what the policy requires must be open on every plane by itself. */
#include "diff/run.h"

/* Cut into the required flows, so that each finding names its declaration. */
static void raise_flow(struct check_run *run, int plane, const struct flow *fl)
{
	struct pair *p = run->pair;
	struct pset_space *sp = run->engine->space[p->family];
	struct pset_assume as = { .first = true };
	struct pset wanted = pset_and(sp, p->require, pset_lo(sp, fl->service, &as));
	const char *word = plane_name(plane);
	struct objection ob = {
		.certain = pset_minus(sp, wanted, p->plane[plane].maybe),
		.possible = pset_minus(sp, wanted, p->plane[plane].sure),
		.denies = plane,
		.deny_first = true,
		.plane = word,
		.severity = SEVERITY_HIGH,
		.message = "The policy requires this flow. Open it in the ruleset named first, or take "
			   "the requirement back.",
		.flow = fl,
	};
	if (pset_is_empty(ob.certain) && pset_is_empty(ob.possible))
		return;
	ob.title = arena_printf(run->res->arena,
				"Required traffic from %s to %s is blocked on the %s plane",
				p->from->name, p->to->name, word);
	raise_objection(run, &ob);
}

static int run_blocked(struct check_run *run)
{
	const struct pair *p = run->pair;
	struct pset_space *sp = run->engine->space[p->family];
	/* What is blocked on one plane may be blocked on the other as well: both are told. */
	struct pset before[2] = { run->taken, run->taken_possible };
	struct pset after[2] = { run->taken, run->taken_possible };
	for (int plane = 0; plane < PLANE_COUNT; plane++) {
		/* Not connected, or not routed: told once, where that is said. */
		bool none = (p->path->none ||
			     (path_known(p->path) && !path_arrives(p->path))) &&
			    plane == PLANE_PHYSICAL;
		if (!p->present[plane] && !none)
			continue;
		run->taken = before[0], run->taken_possible = before[1];
		const struct flow *fl;
		for (size_t at = 0; (fl = flows_next(&run->engine->flows, p->from, p->to, &at));)
			if (fl->action == FLOW_REQUIRE)
				raise_flow(run, plane, fl);
		after[0] = pset_or(sp, after[0], run->taken);
		after[1] = pset_or(sp, after[1], run->taken_possible);
	}
	run->taken = after[0], run->taken_possible = after[1];
	return 0;
}

const struct check check_blocked = {
	.id = "intent.blocked",
	.title = "Traffic that the policy requires is blocked",
	.help = "A flow with action `require` must be open on every plane by itself. The ruleset "
		"that is named first denies it: open it there, or make the flow an `allow`.",
	.severity = SEVERITY_HIGH,
	.run = run_blocked,
};
