/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_CONE_H
#define MODEL_CONE_H

/*
 * What changed between two versions of a ruleset, exactly, without lowering them whole: two
 * lists can only differ on packets that a rule which stands in one of them alone may match.
 * The rest of both lists is looked at only as far as it meets those.
 *
 * Rules are told to be the same by what they say (condition, verdict, what they call), not by
 * their place or id, so the two may come from different snapshots. An unknown condition is
 * the same as another one with the same reason.
 */

#include "model/interp.h"
#include "model/lower.h"

/* Packets of which the two versions say different things. */
struct cone_change {
	struct pset certain;  /* surely permitted on one side, surely not on the other */
	struct pset possible; /* so as far as we can tell; holds the certain ones */
	/* A packet of certain, or where that is empty of possible, and what the two versions
	 * do with it; the rules are those of the two rulesets, NULL where the default decides.
	 * Meaningless where possible is empty. */
	struct packet witness;
	struct interp_answer old, new;
};

struct cone {
	/* Outside of it the two versions are the same. */
	struct pset region;
	struct lowered old, new;   /* within the region */
	struct cone_change opened; /* not permitted by old, permitted by new */
	struct cone_change closed;
	/* How many rules stand on one side only, or (counted on both) call what changed. */
	uint32_t n_removed, n_added;
	/* How many rules of each side were lowered. */
	uint32_t n_old, n_new;
	bool spent; /* the space's budget didn't suffice: nothing above is to be believed */
};

/*
 * The difference for the packets that `as` leaves possible (NULL: all), each ruleset asked
 * directly. The sets belong to sp.
 */
struct cone cone_diff(struct pset_space *sp, const struct ruleset *old,
		      const struct ruleset *new, const struct pset_assume *as);

#endif
