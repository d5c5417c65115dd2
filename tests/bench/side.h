/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_SIDE_H
#define TESTS_BENCH_SIDE_H

/*
 * Runs the sides of a comparison, each in a process of its own, so that its peak of memory is
 * its own and nothing is warm that would not be.
 */

#include <stddef.h>

struct side {
	double seconds;	   /* what the function returned; negative: it failed */
	double figures[4]; /* what it left for the parent */
	double peak_mb;	   /* resident, of the process */
};

/* fn returns the seconds that count, and may leave figures. */
typedef double side_fn(const void *arg, double *figures);

struct side side_run(side_fn *fn, const void *arg);
/* The run with the median time of k. */
struct side side_median(side_fn *fn, const void *arg, unsigned k);

double side_clock(void); /* seconds of processor time */

/* Prints "ok" or "MISSED" behind a claim and remembers a miss. */
void side_aim(const char *what, double value, const char *relation, double aim);
/* The exit code: 0 where every aim was met. */
int side_verdict(void);

#endif
