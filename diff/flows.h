/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_FLOWS_H
#define DIFF_FLOWS_H

/*
 * The flows of a policy by zone pair: a policy has thousands of them, a pair a handful. Built
 * once, then only read. Internal to diff/.
 */

#include "base/arena.h"
#include "model/policy.h"

struct flow_index {
	const struct policy *policy;
	size_t words;	       /* of a row of bits, one bit a zone */
	const uint64_t *from;  /* by flow: who may begin it */
	const size_t *first;   /* by zone, and one behind: where its flows begin */
	const uint32_t *flows; /* to the zone, in the policy's order */
};

/* Lives in the arena, points into the policy. */
struct flow_index flows_index(struct arena *a, const struct policy *p);

/*
 * The next flow from one zone to the other, in the policy's order; NULL: no more. *at is 0 at
 * first. Both are zones of the policy.
 */
const struct flow *flows_next(const struct flow_index *x, const struct zone *from,
			      const struct zone *to, size_t *at);

#endif
