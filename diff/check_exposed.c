/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E \ I: what gets through on all planes together although the policy doesn't declare it. The
 * same set between two tenants that are to be kept apart is cross-talk, and graver.
 */
#include "diff/run.h"

#include <stddef.h>

static bool listed(const struct segregation *s, const struct tenant *t)
{
	for (size_t i = 0; i < s->n_between; i++)
		if (s->between[i] == t)
			return true;
	return false;
}

/* Two tenants, neither serving the other, or told apart by name. */
static bool kept_apart(const struct check_run *run)
{
	const struct tenant *a = run->pair->from->tenant, *b = run->pair->to->tenant;
	if (!a || !b || a == b)
		return false;
	for (size_t i = 0; i < run->policy->n_segregations; i++)
		if (listed(&run->policy->segregations[i], a) &&
		    listed(&run->policy->segregations[i], b))
			return true;
	return !a->shared && !b->shared;
}

static void raise(struct check_run *run, enum severity severity, const char *title,
		  const char *message)
{
	struct pair *p = run->pair;
	struct pset_space *sp = run->engine->space[p->family];
	if (!p->path->n_ways)
		return; /* nobody knows what passes, or nothing does */
	struct objection ob = {
		.certain = pset_minus(sp, p->effective.sure, p->intent),
		.possible = pset_minus(sp, p->effective.maybe, p->intent),
		.permits = 1u << PLANE_PHYSICAL | 1u << PLANE_VIRTUAL,
		.denies = -1,
		.plane = p->present[PLANE_PHYSICAL] && p->present[PLANE_VIRTUAL] ? "both"
			 : p->present[PLANE_PHYSICAL]				  ? "physical"
										  : "virtual",
		.severity = severity,
		.message = message,
	};
	raise_between(run, &ob, title);
}

static int run_exposed(struct check_run *run)
{
	if (!kept_apart(run))
		raise(run, run->pair->from->external ? SEVERITY_CRITICAL : SEVERITY_HIGH,
		      "Undeclared traffic passes",
		      "No flow of the policy allows this, and every ruleset on the way lets it "
		      "through. Close it in the rule named first, or declare the flow.");
	return 0;
}

static int run_crosstalk(struct check_run *run)
{
	if (kept_apart(run))
		raise(run, SEVERITY_CRITICAL, "Tenants are not kept apart: traffic passes",
		      "The two zones belong to different tenants and no flow of the policy allows "
		      "this. Close it in the rule named first.");
	return 0;
}

const struct check check_exposed = {
	.id = "intent.exposed",
	.title = "Traffic passes that the policy does not declare",
	.help = "All rulesets between two zones together let traffic through that no flow of the "
		"policy allows. Close the rule that is named first, or declare the flow if it is "
		"wanted. It is critical where the traffic enters from an external zone.",
	.severity = SEVERITY_HIGH,
	.run = run_exposed,
};

const struct check check_crosstalk = {
	.id = "tenant.cross-talk",
	.title = "Tenants are not kept apart",
	.help = "Traffic passes between zones of two tenants although no flow of the policy allows "
		"it (ISO/IEC 27017:2015 CLD.9.5.1). Close the rule that is named first.",
	.severity = SEVERITY_CRITICAL,
	.run = run_crosstalk,
};
