/* SPDX-License-Identifier: Apache-2.0 */
/* A plane that the policy demands has no enforcing point between two zones. */
#include "diff/plane.h"

static bool names(const struct zone *const *v, size_t n, const struct zone *z)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == z)
			return true;
	return !n;
}

void check_planes(struct check_run *run, const struct path *path, const bool *present)
{
	const struct alignment_rule *al = NULL;
	for (size_t i = 0; i < run->policy->n_alignments && !al; i++)
		if (names(run->policy->alignments[i].from, run->policy->alignments[i].n_from,
			  path->from) &&
		    names(run->policy->alignments[i].to, run->policy->alignments[i].n_to, path->to))
			al = &run->policy->alignments[i];
	if (!al || !path->n_ways)
		return;
	for (int plane = 0; plane < PLANE_COUNT; plane++) {
		if (!(al->demands >> plane & 1) || present[plane])
			continue;
		const char *word = plane_name(plane);
		struct evidence ev[2] = {
			{ .role = "declares", .plane = "declared", .at = al->at },
			{ .role = "declares",
			  .plane = "declared",
			  .note = "the way that packets take",
			  .at = path->ways[0].points[0].at }, /* no way is without a point */
		};
		run->check = &check_plane_absent;
		struct finding *f = raise_plain(
			run, SEVERITY_MEDIUM, ev, 2,
			arena_printf(run->res->arena,
				     "The %s plane has no enforcing point from %s to %s.", word,
				     path->from->name, path->to->name),
			"The policy demands that both planes enforce this pair. Bind the zones to a "
			"device of the missing plane, or take the demand back.");
		f->plane = word;
		/* No packet tells the planes apart here: any one of the pair stands for all. */
		f->has_witness = pset_pick(run->engine->space[run->pair->family],
					   run->pair->universe, &f->witness);
		finish_finding(run->res, run->policy, f, "");
	}
}

const struct check check_plane_absent = {
	.id = "coverage.plane-absent",
	.title = "A plane that the policy demands has no enforcing point",
	.help = "The policy's `alignment` demands that a plane filters between two zones, and none of "
		"the exports has a ruleset there. An absent plane is not one that permits all: "
		"nothing is compared. Bind the zones to a device of that plane, or take the demand "
		"back.",
	.severity = SEVERITY_MEDIUM,
};
