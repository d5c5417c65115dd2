/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_OBSERVATIONS_INTERNAL_H
#define CAPTURE_OBSERVATIONS_INTERNAL_H

#include "base/map.h"
#include "base/vec.h"
#include "capture/sample.h"

enum { TALKS_MAX = 8, DOUBTS_MAX = 32, ANSWERED_SLOTS = 1 << 17 };

/* Who talked to whom, of one finding. */
struct talk {
	struct packet packet;
	uint64_t flows;
};

/* Flows that are one finding. */
struct group {
	struct judgement first; /* the example */
	struct flow_record record;
	const char *where; /* copied */
	bool rest;	   /* more than are told apart */
	uint64_t flows, answered, packets, bytes;
	int64_t from, until;
	struct talk talks[TALKS_MAX];
	size_t n_talks;
	uint64_t talks_left; /* flows of others */
	VEC(struct excerpt) excerpts;
};

struct pair_count {
	uint64_t flows, packets, bytes, by[OBSERVED_COUNT];
};

struct observations {
	struct judge *judge;
	const struct policy *policy;
	struct observation_options options;
	struct arena *arena;
	struct capture_counts counts, before; /* of the run; as the period began */
	int64_t first, last;		      /* of what the period's records count */
	size_t told;			      /* groups, by observations_news() */
	/* Of findings: flows whose answers were counted. When it is full it is begun anew. */
	uint64_t *answered;
	size_t n_answered;
	struct map keys; /* of groups: place + 1 */
	VEC(struct group) groups;
	VEC(struct pair_count) pairs;
	struct flow_seen *flows; /* by place in policy->flows */
	uint64_t judged, excepted, answers, by[OBSERVED_COUNT], by_packets[OBSERVED_COUNT];
	uint64_t between, between_violating, violating, unknown_between, positive;
	uint64_t undecided; /* not between tenants, and not judged for want of something */
	uint64_t hinted;    /* declared, if a segment is whose it was drawn to be */
	uint64_t out_flows, out_packets; /* left out by sampling */
	uint64_t possible;		 /* findings */
	const char *doubts[DOUBTS_MAX];
	size_t n_doubts;
};

#endif
