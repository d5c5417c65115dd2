/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ORACLE_RNG_H
#define TESTS_ORACLE_RNG_H

/* SplitMix64: every draw follows from the seed, on every machine. */

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* 0 .. n - 1 */
static inline unsigned below(struct rng *r, unsigned n)
{
	return (unsigned)(((rng_next(r) >> 32) * n) >> 32);
}

static inline bool one_in(struct rng *r, unsigned n)
{
	return !below(r, n);
}

#define PICK(r, table) ((table)[below((r), sizeof(table) / sizeof(*(table)))])

#endif
