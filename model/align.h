/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_ALIGN_H
#define MODEL_ALIGN_H

/* Which rules of two versions of a list are the same ones. */

#include "base/vec.h"
#include "model/ruleset.h"

#define ALIGN_ALONE UINT32_MAX

/*
 * The rules that can decide (inactive ones and those with CONTINUE left out), and which one of
 * the other list each is the same as.
 */
struct align_list {
	const struct rule **v;
	uint32_t n;
	uint32_t *partner; /* ALIGN_ALONE: none */
	bool *met;	   /* the caller's; false at first */
};

struct align_pair {
	uint32_t old, new;
};

struct alignment {
	struct align_list old, new;
	uint32_t prefix;	      /* how many rules both begin with */
	VEC(struct align_pair) calls; /* pairs of jumps and gotos; their targets may differ */
};

/*
 * Pairs keep the order of both lists. Rules are the same when condition and verdict are, of
 * jumps and gotos the name of the target too.
 */
void align(struct alignment *al, const struct ruleset *old, const struct ruleset *new);
void align_finish(struct alignment *al);

bool align_is_call(const struct rule *r);

#endif
