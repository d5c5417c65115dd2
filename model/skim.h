/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SKIM_H
#define MODEL_SKIM_H

/*
 * Rules that can't match a packet, passed over many at a time. For each of a few fields the values
 * are cut into pieces, and each piece has a bit for every rule that may match there (Lakshman,
 * Stiliadis 1998). The pieces may be coarse and the conditions looked at only in part: a bit too
 * many costs time, never an answer. It knows nothing of packet sets.
 *
 * One struct skims serves all rulesets of a snapshot; they are prepared as they are met.
 */

#include "model/ruleset.h"

struct skims;

struct skims *skims_create(void);
void skims_destroy(struct skims *s); /* NULL is fine */

enum { SKIM_FIELDS = 3 };

struct skim_at {
	const uint64_t *column[SKIM_FIELDS];
	uint32_t n; /* rules */
};

/* Where the packet stands; false where the ruleset is too short to be worth it. */
bool skim_seek(struct skims *s, const struct ruleset *rs, const struct packet *p,
	       struct skim_at *ret);

/* The first rule from i on that may match; at least n where there is none. */
static inline uint32_t skim_next(const struct skim_at *at, uint32_t i)
{
	for (; i < at->n; i = (i | 63) + 1) {
		uint64_t w = at->column[0][i / 64] & at->column[1][i / 64] &
			     at->column[2][i / 64] & ~UINT64_C(0) << i % 64;
		if (w)
			return (i & ~63u) + (uint32_t)__builtin_ctzll(w);
	}
	return at->n;
}

#endif
