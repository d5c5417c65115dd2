/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SHADOW_H
#define MODEL_SHADOW_H

/*
 * Rules that never decide anything, or whose removal changes nothing.
 *
 * Judged over all packets, replies and later fragments included, of both families. Every
 * claim is certain: what hides a rule is taken by lo, the rule itself by hi. A rule that is
 * hidden only in part is not a claim. Each claim holds by itself and all of one ruleset hold
 * together: taking one of the rules away, or all that are named at once, changes no verdict.
 */

#include "base/arena.h"
#include "model/packet.h"
#include "model/ruleset.h"

enum shadow_kind {
	SHADOW_DEAD,	 /* no packet can match it */
	SHADOW_SHADOWED, /* earlier rules take all its packets, some of them to another effect
			  */
	/* Earlier rules take all its packets to the same effect; or (below is set) whatever
	 * it decides, later rules or the default would decide alike. */
	SHADOW_REDUNDANT,
};

enum { SHADOW_COVERS = 4 };

struct shadow {
	uint8_t kind; /* enum shadow_kind */
	bool below;   /* redundant because of what follows, not of what precedes */
	/* Of below: nothing but the default takes over, as for the `deny ip any any` that
	 * people write at the end to see it in the log. */
	bool by_default;
	/* The rule; of several parts (RULE_PART) of one written rule, judged together, the
	 * first that can match at all. */
	const struct rule *rule;
	/* What decides its packets instead, the one with the most of them first; more may
	 * have a part in it. None of SHADOW_DEAD and by_default. */
	const struct rule *covers[SHADOW_COVERS];
	uint32_t n_covers;
	bool has_witness;
	/* A packet that the rule may match and covers[0] (by_default: the default) takes
	 * instead. Names of interfaces are in the arena. */
	struct packet witness;
};

struct shadows {
	struct shadow *v; /* in the order of the rules; in the arena */
	size_t n;
	size_t n_open; /* written rules of which too much work would be needed to tell */
};

/*
 * All claims about the rules of rs. Inactive, implicit and glue rules are never subjects.
 * called: another ruleset may jump here, so that packets which no rule decides go back there
 * and the default says nothing. Rules behind a jump are judged by what surely ends the
 * walk through rs before them.
 */
struct shadows shadow_find(struct arena *a, const struct ruleset *rs, bool called);

const char *shadow_kind_name(enum shadow_kind k); /* "dead", "shadowed", "redundant" */

#endif
