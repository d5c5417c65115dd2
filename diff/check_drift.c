/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P \ V and V \ P: where one plane is wider than the other, as far as the relation that the
 * policy wants for the pair forbids it.
 */
#include "diff/twin.h"

static bool names(const struct zone *const *v, size_t n, const struct zone *z)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == z)
			return true;
	return !n;
}

enum alignment drift_relation(const struct policy *pol, const struct zone *from,
			      const struct zone *to)
{
	for (size_t i = 0; i < pol->n_alignments; i++) {
		const struct alignment_rule *al = &pol->alignments[i];
		if (names(al->from, al->n_from, from) && names(al->to, al->n_to, to))
			return al->relation;
	}
	return ALIGN_EQUAL;
}

static void raise_within(struct check_run *run, int wide, int narrow, struct pset within,
			 enum severity severity, const char *title, const char *message)
{
	struct pair *p = run->pair;
	struct pset_space *sp = run->engine->space[p->family];
	struct bounds w = p->plane[wide], n = p->plane[narrow];
	struct objection ob = {
		.certain = pset_and(sp, within, pset_minus(sp, w.sure, n.maybe)),
		.possible = pset_and(sp, within, pset_minus(sp, w.maybe, n.sure)),
		.permits = 1u << wide,
		.denies = narrow,
		.plane = plane_name(wide),
		.severity = severity,
		.message = message,
	};
	raise_between(run, &ob, title);
}

static void raise_drift(struct check_run *run, int wide, int narrow, const char *title)
{
	struct pair *p = run->pair;
	struct pset_space *sp = run->engine->space[p->family];
	if (!p->present[PLANE_PHYSICAL] || !p->present[PLANE_VIRTUAL])
		return;
	raise_within(run, wide, narrow, pset_minus(sp, p->universe, p->intent), SEVERITY_MEDIUM,
		     title,
		     "The policy doesn't declare this traffic, and only the other plane keeps it out: "
		     "one change there would open it. Close it in the rule named first.");
	raise_within(run, wide, narrow, p->intent, SEVERITY_LOW, title,
		     "The policy allows this traffic, but only one plane lets it through: it doesn't "
		     "work, or one plane was forgotten. Make the two rulesets say the same.");
}

static int run_physical(struct check_run *run)
{
	enum alignment want = drift_relation(run->policy, run->pair->from, run->pair->to);
	if (want == ALIGN_EQUAL || want == ALIGN_PHYSICAL_WITHIN_VIRTUAL)
		raise_drift(run, PLANE_PHYSICAL, PLANE_VIRTUAL,
			    "The physical plane permits more than the virtual one");
	twin_drift(run, PLANE_PHYSICAL);
	return 0;
}

static int run_virtual(struct check_run *run)
{
	enum alignment want = drift_relation(run->policy, run->pair->from, run->pair->to);
	if (want == ALIGN_EQUAL || want == ALIGN_VIRTUAL_WITHIN_PHYSICAL)
		raise_drift(run, PLANE_VIRTUAL, PLANE_PHYSICAL,
			    "The virtual plane permits more than the physical one");
	twin_drift(run, PLANE_VIRTUAL);
	return 0;
}

const struct check check_drift_physical = {
	.id = "drift.physical-permits-more",
	.title = "The physical plane permits more than the virtual one",
	.help = "Between two zones the physical rulesets let traffic through that the virtual ones "
		"deny (ISO/IEC 27017:2015 CLD.13.1.4). Medium where the policy doesn't declare the "
		"traffic, low where it does. The policy's `alignment` says which relation is "
		"wanted.",
	.severity = SEVERITY_MEDIUM,
	.run = run_physical,
};

const struct check check_drift_virtual = {
	.id = "drift.virtual-permits-more",
	.title = "The virtual plane permits more than the physical one",
	.help = "Between two zones the virtual rulesets let traffic through that the physical ones "
		"deny (ISO/IEC 27017:2015 CLD.13.1.4). Medium where the policy doesn't declare the "
		"traffic, low where it does. The policy's `alignment` says which relation is "
		"wanted.",
	.severity = SEVERITY_MEDIUM,
	.run = run_virtual,
};
