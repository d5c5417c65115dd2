/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_METRICS_H
#define REPORT_METRICS_H

/*
 * A long run of `sample` as numbers, in Prometheus' text exposition format, version 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats), as node_exporter's textfile collector
 * reads it. Counters count from the beginning of the run and move when a period ends; gauges
 * are of the last period. How many series there are is bounded.
 */

#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "diff/results.h"

enum {
	METRICS_PAIRS = 1000, /* pairs of tenants; the rest is counted in one series */
	METRICS_EXITS = 5,
};

/* Violations from one to the other; both are the metrics' own. */
struct metrics_pair {
	char *from, *to;
	uint64_t violating;
};

struct metrics {
	struct capture_counts counts;
	uint64_t flows[OBSERVED_COUNT], packets[OBSERVED_COUNT];
	uint64_t periods[METRICS_EXITS]; /* by exit code */
	uint64_t reloads[2];		 /* that failed, that were done */
	uint64_t documents_removed;
	struct map pair_at; /* "from\nto": place + 1 */
	VEC(struct metrics_pair) pairs;
	uint64_t violating_left; /* of further pairs */
	/* Of the last period; none yet where periods are all 0. */
	uint64_t flows_now, between, between_violating, covered, missed, positive, reasons;
	uint64_t severity[4];
	double bound_between, bound_all;
	int64_t begin, end; /* nanoseconds since 1970 */
	int exit_code;
	/* What is judged by, copied. */
	char *estate, *policy, *policy_version, *digest;
	bool outdated; /* it couldn't be read again when that was asked for */
};

/* A zeroed one is empty. */
void metrics_finish(struct metrics *m);
/* What is judged by from now on; NULL: not said. All copied. */
void metrics_standing(struct metrics *m, const char *estate, const char *policy,
		      const char *policy_version, const char *digest);
/* A period is over; its statement->counts are those of the period. */
void metrics_period(struct metrics *m, const struct results *res, int64_t begin, int64_t end);
/* Appends the whole exposition. */
void metrics_text(const struct metrics *m, struct text *t);

#endif
