/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_INTERP_H
#define MODEL_INTERP_H

/*
 * The rule-by-rule interpreter: one packet, one ruleset, in the order it was written. It knows
 * nothing of packet sets, so that a mistake there can't hide here. Every witness is replayed
 * by it.
 */

#include "model/ruleset.h"

struct interp_answer {
	bool sure, maybe; /* permitted for certain; permitted possibly */
	/* What decides: the rule for sure and for maybe; NULL where it is the default. */
	const struct rule *sure_rule, *maybe_rule;
	/* The first condition or verdict on the way that isn't known, NULL where all is. */
	const struct rule *unknown_rule;
};

struct interp_answer interp(const struct ruleset *rs, const struct packet *p);

struct skims;
/* The same for many packets: rules that can't match are passed over (model/skim.h). */
struct interp_answer interp_skimming(const struct ruleset *rs, const struct packet *p,
				     struct skims *skims);

#endif
