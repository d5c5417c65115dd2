/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_REWRITE_H
#define MODEL_REWRITE_H

/*
 * Copies of rulesets in which each condition on a single field is exchanged for another
 * expression. What is shared stays shared; calls in cycles are copied once.
 */

#include "base/vec.h"
#include "model/ruleset.h"

struct rewrite_done {
	const void *from, *to;
};

struct rewriter {
	struct matches *m; /* copies live in its arena; may be another than the originals' */
	/* What a leaf (no AND, OR, NOT) becomes. */
	const struct match *(*leaf)(struct matches *m, const struct match *leaf, void *user);
	void *user;
	bool placed; /* only expressions with a condition on an interface are looked at */
	uint32_t ids; /* added to the ids of rulesets, so that copies are told apart */
	VEC(struct rewrite_done) rulesets, matches; /* by the id of `from` */
};

/* Both may be called often; what was copied is found again. */
const struct match *rewrite_match(struct rewriter *rw, const struct match *m);
const struct ruleset *rewrite_ruleset(struct rewriter *rw, const struct ruleset *rs);
void rewriter_finish(struct rewriter *rw); /* the memory of what is done; not the copies */

#endif
