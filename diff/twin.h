/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIFF_TWIN_H
#define DIFF_TWIN_H

/* The counterparts of the pair that is checked, asked for once a family. Internal to diff/. */

#include "diff/counterpart.h"
#include "diff/run.h"

struct twin {
	struct twin_pair tp;
	struct path path;
	struct pair pair;
	struct counterpart_sets here, back; /* of this pair; of the other one, in its own terms */
	bool compared;
	const char *why; /* why the other pair's ways aren't known; NULL: they are */
};

/* NULL: the pair has no counterpart, or they can't be compared. */
struct twin *twin_of(struct check_run *run);

/* Whether the policy forbids the plane `wide` to permit more between the two. */
bool twin_relation(const struct policy *pol, const struct zone *from, const struct zone *to,
		   int wide);

/* Drift of the pair against its counterpart, where the pair is of the plane `wide`. */
void twin_drift(struct check_run *run, int wide);

/* The relation that the policy wants (diff/check_drift.c). */
enum alignment drift_relation(const struct policy *pol, const struct zone *from,
			      const struct zone *to);

#endif
