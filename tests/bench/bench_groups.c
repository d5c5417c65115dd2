/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lists over object groups and security groups: what they cost, and that they never run out
 * of memory. Each is compiled to the permitted set and to the function "which rule decides",
 * within a budget; a spent budget is an answer too.
 */

#include <stdio.h>
#include <stdlib.h>

#include "model/decide.h"
#include "tests/bench/gen.h"
#include "tests/bench/side.h"

enum { SEED = 1 };
static const size_t budget = (size_t)2 << 30;

struct task {
	const char *name;
	size_t n;      /* rules */
	size_t groups; /* 0: object groups, else security groups */
};

static const struct ruleset *list_of(struct snapshot *s, const struct task *t)
{
	return t->groups ? gen_cloud(s, t->groups, t->n, SEED) : gen_group_list(s, t->n, SEED);
}

static double permitted(const void *arg, double *figures)
{
	const struct task *t = arg;
	struct snapshot *s = snapshot_create();
	const struct ruleset *rs = list_of(s, t);
	struct pset_space *sp = pset_space_create(FAMILY_V4, budget);
	struct pset_assume first = { .first = true };
	struct pset *v = xcalloc(rs->n, sizeof(*v)), set;
	double start = side_clock();
	size_t nodes, words;

	for (size_t i = 0; i < rs->n; i++) {
		bool permit = rs->rules[i].verdict == VERDICT_PERMIT;

		v[i] = pset_label(sp, pset_lo(sp, rs->rules[i].match, &first), permit ? 1 : 2);
	}
	set = pset_where(sp, pset_compile(sp, v, rs->n, true, NULL, 0), 1);
	start = side_clock() - start;
	pset_size(sp, set, &nodes, &words);
	figures[0] = pset_is_spent(set);
	figures[1] = (double)words * 4 / 1e6;
	return start;
}

static double deciding(const void *arg, double *figures)
{
	enum { PACKETS = 2000 };
	const struct task *t = arg;
	struct snapshot *s = snapshot_create();
	const struct ruleset *rs = list_of(s, t);
	struct pset_assume first = { .first = true };
	double start = side_clock();
	struct decide *d = decide_ruleset(FAMILY_V4, rs, &first, BOUND_SURE, budget);
	uint64_t st = SEED;
	size_t parts, nodes, words, wrong = 0;

	start = side_clock() - start;
	figures[0] = !d;
	if (!d)
		return start;
	decide_size(d, &parts, &nodes, &words);
	figures[1] = (double)words * 4 / 1e6;
	for (int i = 0; i < PACKETS; i++) {
		/* a packet of a random rule, from its own set */
		struct pset_space *sp = pset_space_create(FAMILY_V4, 0);
		const struct rule *r = &rs->rules[gen_random(&st) % rs->n];
		struct packet p;
		int64_t want = DECIDE_NONE;

		pset_pick(
			sp,
			pset_and(sp, pset_lo(sp, r->match, &first), pset_universe(sp, &first)),
			&p);
		for (size_t k = 0; k < rs->n && want < 0; k++)
			if (match_judge(rs->rules[k].match, &p) == TRUTH_TRUE)
				want = (int64_t)k;
		wrong += want != decide_packet(d, &p);
		pset_space_destroy(sp);
	}
	figures[2] = (double)wrong;
	return start;
}

int main(void)
{
	static const struct task tasks[] = {
		{ "object groups", 30, 0 },	     { "object groups", 100, 0 },
		{ "object groups", 300, 0 },	     { "security groups", 10000, 500 },
		{ "security groups", 100000, 5000 },
	};
	double wrong = 0, most = 0;

	printf("%-16s %7s  %-38s %s\n", "", "rules", "permitted set: s, peak MB, final MB",
	       "which rule decides: s, peak MB, final MB, wrong");
	for (size_t i = 0; i < sizeof(tasks) / sizeof(*tasks); i++) {
		struct side a = side_run(permitted, &tasks[i]);
		struct side b = side_run(deciding, &tasks[i]);

		if (a.seconds < 0 || b.seconds < 0)
			return EXIT_FAILURE;
		printf("%-16s %7zu  %9.3f %9.1f %9.1f %-8s %9.3f %9.1f %9.1f %3.0f %s\n",
		       tasks[i].name, tasks[i].n, a.seconds, a.peak_mb, a.figures[1],
		       a.figures[0] > 0 ? "(spent)" : "", b.seconds, b.peak_mb, b.figures[1],
		       b.figures[2], b.figures[0] > 0 ? "(spent)" : "");
		wrong += b.figures[2];
		most = a.peak_mb > most ? a.peak_mb : most;
		most = b.peak_mb > most ? b.peak_mb : most;
	}
	side_aim("wrong answers", wrong, "<=", 0);
	side_aim("peak MB, with a budget of 2048", most, "<=", 2400);
	return side_verdict();
}
