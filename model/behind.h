/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_BEHIND_H
#define MODEL_BEHIND_H

/*
 * Which addresses are behind which interface, as somebody declares it: packets come in by the
 * interface exactly from these addresses, and go out by it exactly to them. With that,
 * conditions on interfaces become conditions on addresses. (Diekmann, Schwaighofer, Carle,
 * "Certifying Spoofing-Protection of Firewalls", CNSM 2015, call it an interface assignment.)
 */

#include "model/ruleset.h"

struct behind {
	const char *iface;
	const struct span *spans[FAMILY_COUNT]; /* normalised */
	size_t n[FAMILY_COUNT];			/* 0: nothing is said of this family */
};

/*
 * A copy of rs, and of all that it calls, in which the conditions on the n interfaces of v ask
 * for addresses instead. In a family that v speaks of, an interface that it doesn't name has
 * none of its addresses behind it. v's sets must not overlap. Copies live in m's arena and keep
 * the ids of what they are copies of; rs itself where n is 0.
 */
const struct ruleset *behind_ruleset(struct matches *m, const struct ruleset *rs,
				     const struct behind *v, size_t n);

#endif
