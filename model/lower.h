/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_LOWER_H
#define MODEL_LOWER_H

/*
 * From a ruleset as written to the sets of packets it permits:
 *
 *	sure ⊆ what the device really permits ⊆ maybe
 *
 * For sure, permits match by lo and denies by hi; for maybe the other way round. A jump, goto
 * or return on a condition that isn't known may be taken or not: sure holds what is permitted
 * both ways, maybe what is permitted either way. docs/soundness.md has the argument.
 */

#include "base/map.h"
#include "model/pset.h"
#include "model/ruleset.h"

struct lowered {
	struct pset sure, maybe;
};

/*
 * The packets of `within` that rs, asked directly, permits; pset_all() for all. A call of an
 * opaque ruleset is unknown. Either may be spent.
 */
struct lowered lower(struct pset_space *sp, const struct ruleset *rs,
		     const struct pset_assume *as, struct pset within);

/*
 * Functions of called rulesets, for those who ask many rulesets, or one from many places, in one
 * space. Zeroed but for `same` it is empty.
 */
struct lower_calls {
	/* What the ruleset says doesn't depend on the place it is asked from, nor does what
	 * those say that it calls. */
	bool (*same)(void *user, const struct ruleset *rs);
	void *user;
	struct map done; /* of struct lower_call, by the ruleset's address */
};

struct lower_call {
	struct pset f[2]; /* for sure, for maybe */
	bool known[2];
	bool open[2]; /* something in it may be so or so */
};

/* As lower(), for one `within` and one `as` but for the place in all calls with the same `calls`,
 * whose functions are roots where the space is collected. */
struct lowered lower_again(struct pset_space *sp, const struct ruleset *rs,
			   const struct pset_assume *as, struct pset within,
			   struct lower_calls *calls);
void lower_calls_clear(struct lower_calls *calls);

enum bound { BOUND_SURE, BOUND_MAYBE };

/*
 * Which rule decides, for the packets `within`: a function whose labels are 2 * rule id for a
 * deny and 2 * rule id + 1 for a permit; the default is rule id LOWER_DEFAULT. By bound.
 */
enum { LOWER_DEFAULT = (1 << 26) - 1 };
struct pset lower_decides(struct pset_space *sp, const struct ruleset *rs,
			  const struct pset_assume *as, enum bound bound, struct pset within);

#endif
