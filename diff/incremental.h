/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_INCREMENTAL_H
#define DIFF_INCREMENTAL_H

/*
 * What a change can reach: the packets, as their source sends them, that may meet something
 * else in the new estate than in the old one. Everything outside is the same in both, whatever
 * the devices do with it. Internal to diff/.
 */

#include "diff/engine.h"

struct reach {
	/* Anything may be different; why names the first thing that reaches so far. */
	bool whole;
	const char *why;
	struct loc at;
	/* Otherwise: the packets, by family. */
	struct pset region[FAMILY_COUNT];
	/* Of those, the ones whose destination a device may rewrite: they may be meant for any
	 * zone. */
	struct pset redirected[FAMILY_COUNT];
	bool same_scope;		     /* exclusions and address families are the same */
	size_t n_rulesets, n_routes, n_nats; /* that differ */
};

/*
 * Both engines share their spaces, to which the sets belong. failed: by place in the estates'
 * sources, or NULL. why lives in the arena.
 */
void reach_find(struct arena *a, struct engine *was, struct engine *is, struct reach *ret);

/* Whether the pair has packets that the change can reach. */
bool reach_pair(const struct reach *r, struct engine *en, const struct zone *from,
		const struct zone *to);

/*
 * For all pairs at once: wanted[i * n + k] tells of the pair zones[i] to zones[k]. Returns how
 * many there are.
 */
size_t reach_pairs(const struct reach *r, struct engine *en, const struct zone *const *zones,
		   size_t n, bool *wanted);

#endif
