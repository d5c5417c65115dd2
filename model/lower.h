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

enum bound { BOUND_SURE, BOUND_MAYBE };

/*
 * Which rule decides, for the packets `within`: a function whose labels are 2 * rule id for a
 * deny and 2 * rule id + 1 for a permit; the default is rule id LOWER_DEFAULT. By bound.
 */
enum { LOWER_DEFAULT = (1 << 26) - 1 };
struct pset lower_decides(struct pset_space *sp, const struct ruleset *rs,
			  const struct pset_assume *as, enum bound bound, struct pset within);

#endif
