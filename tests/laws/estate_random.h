/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAWS_ESTATE_RANDOM_H
#define TESTS_LAWS_ESTATE_RANDOM_H

/*
 * Random estates whose paths have to be found: routers and firewalls (some with a second VRF)
 * on networks that they share, on wires and on declared links; routes by hop count with
 * mistakes strewn in (loops, black holes, gaps, several ways, routes that may not be in force),
 * route rules, translation both ways, addresses shared by two routers, filters; zones that are
 * bound and zones that are found by their addresses; the outside behind an uplink.
 *
 * The same seed gives the same estate. A twist is one change of it that draws nothing from the
 * seed's numbers, so that the two can be held against each other.
 */

#include "base/vec.h"
#include "model/estate.h"
#include "model/snapshot.h"
#include "tests/oracle/rng.h"

enum twist_kind {
	TWIST_NONE,
	TWIST_PERMIT, /* one more rule that permits, somewhere */
	TWIST_RENAME, /* other names of devices, ports, rulesets */
	TWIST_ORDER,  /* sources, devices, ports, links and bindings in another order */
	TWIST_SPLIT,  /* each route of every second device as two halves */
	TWIST_HALVES, /* the first zone in two, the second half as the last zone */
	TWIST_COUNT
};

struct random_estate {
	struct arena *arena;
	struct snapshot *snap;
	struct estate estate;
	struct policy policy;
	/* What packets are drawn from: ends of intervals, and the addresses beside them. */
	VEC(struct addr) addr[FAMILY_COUNT];
	VEC(uint16_t) port;
	bool exact; /* nothing in it is unknown, no two ways are taken by chance */
};

void random_estate_init(struct random_estate *re, uint64_t seed, enum twist_kind twist);
void random_estate_finish(struct random_estate *re);

/* A conversation's first packet from the zone, to anywhere that may matter. */
struct packet random_packet(const struct random_estate *re, struct rng *r,
			    const struct zone *from);

#endif
