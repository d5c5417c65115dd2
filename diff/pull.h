/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_PULL_H
#define DIFF_PULL_H

/*
 * Sets of packets along a way. A set of packets as they are at some step of a way is pulled back
 * to the packets as their source sends them: what the steps before make of a packet is undone. Where
 * a device may choose (an address of a pool, a port), `sure` holds what is right for every choice,
 * `maybe` what is for some. Internal to diff/.
 */

#include "diff/engine.h"

/* Where in a way: before step k of point i. */
struct way_place {
	size_t i, k;
};

/* The end of the way. */
struct way_place way_end_of(const struct route_way *way);

/*
 * Packets that take the way up to `at` and are in `s` there, of those of `from` (as sent).
 * planes: bit per plane whose rulesets have to permit them on the way; 0: none.
 */
struct bounds pull_back(struct engine *en, enum family f, const struct route_way *way,
			struct way_place at, unsigned planes, struct bounds s, struct pset from);

/* The packets of `s` (as sent) as they are at the place; more than these, never less. */
struct pset push_on(struct engine *en, enum family f, const struct route_way *way,
		    struct way_place at, struct pset s);

#endif
