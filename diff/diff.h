/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_DIFF_H
#define DIFF_DIFF_H

/*
 * The comparison: every zone pair of an estate, its three sets on both planes, and what the
 * checks make of them. Also the comparison of two estates, and single questions.
 */

#include "diff/check.h"
#include "model/lower.h"
#include "model/path.h"

struct engine;

/* What a check run is asked to do. */
struct check_options {
	int64_t as_of;	     /* days since 1970-01-01; exceptions and ages are judged by it */
	size_t budget;	     /* bytes for packet sets of each family; 0: 1 GiB */
	size_t jobs;	     /* threads; 0: 1. The results don't depend on it */
	/* diff_estates: compare every pair whole, also what no change can reach. */
	bool whole;
	size_t causes_max;   /* findings a pair and check before the rest is told in one; 0: 100 */
	/* The sources (by place in estate->sources) that could not be read to their end. */
	const bool *failed;
	const bool *failed_old; /* the same of the old estate, for diff_estates */
	void (*progress)(void *user, size_t done, size_t all); /* NULL: none */
	void *user;
};

/*
 * Runs every check over every zone pair, then the checks of rules. Results live in res->arena,
 * which is borrowed with snapshot, estate and diags. 0, or -EPROTO when a witness could not
 * be replayed (our own error; reported as internal.replay, the run is inconclusive).
 */
int check_estate(const struct estate *e, const struct snapshot *s, struct diags *d,
		 const struct check_options *o, struct results *res);

/* Dead, shadowed and redundant rules; undefined and unused names. For `lint`. */
int lint_snapshot(const struct snapshot *s, struct diags *d, const struct check_options *o,
		  struct results *res);

/* What opens and what closes between two estates, told by zone pairs of the new one. */
int diff_estates(const struct estate *old_e, const struct snapshot *old_s,
		 const struct estate *new_e, const struct snapshot *new_s, struct diags *d,
		 const struct check_options *o, struct results *res);

/* The same for two exports without an estate: every ruleset against its namesake. */
int diff_sources(const struct snapshot *old_s, const struct snapshot *new_s, struct diags *d,
		 const struct check_options *o, struct results *res);

void results_init(struct results *res, struct arena *a, const char *command);
/* Whose results they are; all borrowed. */
void results_of(struct results *res, const struct estate *e, const struct snapshot *s,
		struct diags *d);
void results_finish(struct results *res); /* the lists; not the arena */
/* Sorts findings and coverage and gives the findings their ids. */
void results_freeze(struct results *res);

#endif
