/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_TELL_H
#define DIFF_TELL_H

/* Sets, rulesets and devices as an answer tells them (diff/ask.h). Internal to diff/. */

#include "diff/ask.h"
#include "diff/engine.h"
#include "model/interp.h"

/* The largest boxes of the set; none of one that is spent. */
struct told_set tell_set(struct arena *a, struct pset_space *sp, struct pset s);
/* What the stage's ruleset says of a packet. */
struct told_event tell_rule(const struct engine *en, const struct stage *st,
			    struct interp_answer ia);
/* The device that is crossed, without events. */
struct told_hop tell_hop(const struct point *pt);

/* What isn't known of the way there. */
struct reply_doubt {
	const char *why; /* NULL: nothing */
	struct loc at;
	bool all; /* it holds of every packet, not only of those whose way isn't known */
};

/*
 * Fills af->reply for the packets of `there`, which surely or possibly get there; af holds the
 * ways already.
 */
void tell_replies(struct arena *a, struct engine *en, const struct pair *p, struct pset there,
		  struct reply_doubt doubt, struct answer_family *af);

#endif
