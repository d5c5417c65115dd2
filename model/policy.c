/* SPDX-License-Identifier: Apache-2.0 */
#include "model/policy.h"

#include <string.h>

const char *const check_ids[] = {
	"intent.exposed",
	"tenant.cross-talk",
	"drift.physical-permits-more",
	"drift.virtual-permits-more",
	"counterpart.address-only",
	"intent.blocked",
	"intent.reply-blocked",
	"path.asymmetric",
	"coverage.plane-absent",
	"rule.dead",
	"rule.shadowed",
	"rule.redundant",
	"exception.expired",
	"exception.unused",
	"source.stale",
	"observed.spoofed",
	"observed.cross-talk",
	"observed.not-in-model",
	"observed.opaque",
	"observed.undeclared",
	NULL,
};

bool check_matches(const char *glob, const char *id)
{
	/* The last star, and how much of id it has taken so far. */
	const char *star = NULL, *taken = NULL;
	while (*id) {
		if (*glob == '*') {
			star = glob++;
			taken = id;
		} else if (*glob == *id) {
			glob++;
			id++;
		} else if (star) {
			glob = star + 1;
			id = ++taken;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return !*glob;
}

const struct zone *policy_zone(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_zones; i++)
		if (!strcmp(p->zones[i].name, name))
			return &p->zones[i];
	return NULL;
}

const char *severity_name(enum severity s)
{
	static const char *const names[] = { "low", "medium", "high", "critical" };
	return names[s];
}

const char *alignment_name(enum alignment a)
{
	static const char *const names[] = { "equal", "virtual-within-physical",
					     "physical-within-virtual", "effective" };
	return names[a];
}

const char *responsibility_name(enum responsibility r)
{
	static const char *const names[] = { NULL, "csp", "csc", "shared" };
	return names[r];
}
