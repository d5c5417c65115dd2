/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_FOOTPRINT_H
#define MODEL_FOOTPRINT_H

/*
 * Conditions held against addresses alone, without packet sets: whether one can hold for
 * packets of some sources and destinations, and which addresses it leaves. What else it asks
 * (ports, interfaces that aren't told, unknowns) may hold or not.
 */

#include "model/match.h"

/* Addresses of one family, normalised; borrowed. */
struct spans {
	const struct span *v;
	size_t n;
};

struct footprint {
	uint8_t family; /* enum family */
	struct spans src, dst;
	const char *iif, *oif; /* as in struct packet: NULL: not known */
};

/* For all packets of the footprint, for none, or (TRUTH_UNKNOWN) perhaps for some. */
enum truth footprint_judge(const struct footprint *fp, const struct match *m);

/* Addresses in `field` (FIELD_SRC or FIELD_DST) without which m can't hold; `all` where it may
 * hold for any. In the arena. */
struct spans footprint_bound(struct arena *a, enum family f, enum field field,
			     const struct match *m, struct spans all);

bool spans_meet(struct spans a, struct spans b);
bool spans_within(struct spans a, struct spans b); /* every address of a is in b */
struct spans spans_both(struct arena *a, struct spans x, struct spans y);
struct spans spans_without(struct arena *a, struct spans x, struct spans y);
struct spans spans_either(struct arena *a, struct spans x, struct spans y);

#endif
