/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_RANDOM_RULES_H
#define TESTS_UNIT_RANDOM_RULES_H

/*
 * Random short rule lists over a universe that is small enough to be enumerated: every
 * condition that is ever made is one that the packets of small_packets() tell apart in all
 * ways it can be told apart.
 */

#include "base/vec.h"
#include "model/ruleset.h"

struct small {
	uint64_t random;
	struct matches *m;
	/* which fields the conditions speak of, beside addresses and ports */
	bool v4, v6, flags, state, fragment, ifaces, unknowns, wild, trees;
};

/* Chooses what the universe has, by the seed. */
void small_init(struct small *s, struct matches *m, uint64_t seed);
unsigned small_random(struct small *s, unsigned n);
const struct match *small_match(struct small *s);
/* A rule with a random match; id and place are number. */
struct rule small_rule(struct small *s, uint32_t number);

struct packets {
	struct packet *v;
	size_t n, cap;
};

void small_packets(const struct small *s, struct packets *ret);

#endif
