/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_COUNTERPART_H
#define DIFF_COUNTERPART_H

/*
 * Zones that exist twice: what one plane permits between two of them against what the other
 * plane permits between their counterparts. Internal to diff/.
 *
 * Sets of the two pairs speak of other addresses. Where an address has a twin, it is renamed, and
 * packets are compared one by one. The others (addresses without a twin, and those that are
 * translated on the way to a zone) are compared as a whole: what every one of them permits on this
 * side and none on the other is drift; what lies between, some and not all, only a declared map
 * can tell, and is said to be a matter of addresses.
 */

#include "diff/engine.h"

/* The other pair of a pair whose zones have counterparts. */
struct twin_pair {
	const struct counterpart *end[2]; /* of source and destination; NULL: the zone itself */
	const struct zone *from, *to;
	int plane; /* enum plane of the pair itself; the other's is the other one */
};

/*
 * False where the two have no counterparts, or are of different planes (a physical zone and a
 * virtual one are no side of anything).
 */
bool counterpart_pair(const struct estate *e, const struct zone *from, const struct zone *to,
		      struct twin_pair *ret);

/* One pair against the other, in one family, told in the terms of the first. */
struct counterpart_sets {
	struct pset certain, possible; /* this side permits it, and the other doesn't */
	/* Permitted here, where the other side has no such address, or not for all alike. */
	struct pset only_certain, only_possible;
	bool spent;
};

/* a: of tp->plane; b: the other pair, in the same spaces. */
struct counterpart_sets counterpart_compare(struct engine *en, const struct twin_pair *tp,
					    const struct pair *a, const struct pair *b);

/* All packets of a pair, those of which a way isn't known to its end among them, and what a plane
 * permits of all. */
struct pset twin_universe(struct pset_space *sp, const struct pair *p);
struct bounds twin_bounds(struct pset_space *sp, const struct pair *p, int plane);

/* The same seen from the other pair. */
struct twin_pair counterpart_back(const struct twin_pair *tp, const struct pair *a);

/*
 * A set of the one side as one of the other: addresses with a twin are renamed, others stand for
 * all that have none within `there` (the other side's universe).
 */
struct pset counterpart_rename(struct engine *en, enum family f, const struct twin_pair *tp,
			       struct pset set, struct pset there);

/*
 * The packet of the other side that stands for p: within `there`, of `wanted` where one of them
 * does. False where there is none.
 */
bool counterpart_packet(struct engine *en, const struct twin_pair *tp, const struct packet *p,
			struct pset there, struct pset wanted, struct packet *ret);

#endif
