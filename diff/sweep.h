/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_SWEEP_H
#define DIFF_SWEEP_H

/*
 * Every ordered pair of zones, over several threads. A worker has an engine (sets, lowered
 * rulesets) of its own over what was read, which nobody changes any more; it takes whole rows
 * (one source zone against all destinations), and what comes out is put together by rows. So
 * the results are the same for any number of workers. Internal to diff/.
 *
 * Memory: the budget of packet sets is divided among the workers. A pair that doesn't fit is
 * given up and asked again at the end, alone, by an engine that begins empty and has the whole
 * budget; what doesn't fit then depends on the pair and the budget only.
 */

#include "diff/run.h"

struct deferred {
	const struct zone *from, *to;
};

struct worker {
	struct check_run run; /* run.res and run.diags are those of the row */
	struct engine engine;
	struct engine before; /* the old estate's, where two are compared */
	struct arena *kept;   /* what lasts as long as the results */
	/* What one pair needs: given up behind it, unless it had findings, which point into it.
	 */
	struct arena *pair;
	struct map texts, lists;       /* coverage says the same of many pairs: kept once */
	VEC(struct deferred) deferred; /* pairs that did not fit */
	void *user;
};

struct sweep {
	/* By row and column; pairs of a zone with itself are left out unless it wants them. */
	const struct zone *const *zones;
	size_t n;
	size_t jobs;
	const struct check_options *options;
	struct results *res;
	struct diags *diags;
	const struct policy *policy;
	/* Gives the worker its engines and members of run; finish takes them back. Called in
	 * the caller's thread alone. budget: of one engine. */
	void (*start)(struct sweep *sw, struct worker *w, size_t budget);
	void (*finish)(struct sweep *sw, struct worker *w);
	/* False: the pair's sets did not fit. Nothing of it is kept then, unless `last`. */
	bool (*pair)(struct sweep *sw, struct worker *w, const struct zone *from,
		     const struct zone *to, bool last);
	/* Whether the pair is looked at at all; NULL: each is. */
	bool (*wanted)(const struct sweep *sw, size_t row, size_t column);
	void *user;
};

/* Zones in the order in which results are sorted, in the arena. */
const struct zone **sweep_order(struct arena *a, const struct policy *p);

void sweep_run(struct sweep *sw);

/* How many workers the options ask for. */
size_t sweep_jobs(const struct check_options *o);

#endif
