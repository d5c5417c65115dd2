/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/side.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned missed;

double side_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct side side_run(side_fn *fn, const void *arg)
{
	struct side s = { .seconds = -1 };
	struct rusage usage;
	int ends[2], status;
	pid_t child;

	fflush(stdout);
	if (pipe(ends) < 0)
		return s;
	child = fork();
	if (child < 0)
		return s;
	if (child == 0) {
		s.seconds = fn(arg, s.figures);
		_exit(write(ends[1], &s, sizeof(s)) == sizeof(s) ? 0 : 1);
	}
	close(ends[1]);
	if (read(ends[0], &s, sizeof(s)) != sizeof(s))
		s.seconds = -1;
	close(ends[0]);
	if (wait4(child, &status, 0, &usage) != child || status)
		s.seconds = -1;
	s.peak_mb = (double)usage.ru_maxrss / 1024;
	return s;
}

static int side_order(const void *a, const void *b)
{
	double x = ((const struct side *)a)->seconds, y = ((const struct side *)b)->seconds;

	return (x > y) - (x < y);
}

struct side side_median(side_fn *fn, const void *arg, unsigned k)
{
	struct side v[16];

	if (k > 16)
		k = 16;
	for (unsigned i = 0; i < k; i++)
		v[i] = side_run(fn, arg);
	qsort(v, k, sizeof(*v), side_order);
	return v[k / 2];
}

void side_aim(const char *what, double value, const char *relation, double aim)
{
	bool met = strcmp(relation, ">=") == 0 ? value >= aim : value <= aim;

	printf("aim: %s %.3g %s %.3g: %s\n", what, value, relation, aim, met ? "ok" : "MISSED");
	missed += !met;
}

int side_verdict(void)
{
	return missed ? EXIT_FAILURE : EXIT_SUCCESS;
}
