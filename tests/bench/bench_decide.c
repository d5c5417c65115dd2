/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which rule decides: 100,000 rules of each shape with full provenance, in factored form.
 *
 *	bench_decide [RULES...]		1000, 10000 and 100000 where none is given
 *
 * Time is that of decide_ruleset(), memory the peak of the whole process with the rules in
 * it. The answers are held against the generator's rules one by one, and that search is the
 * peer for the rate of look-ups.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/decide.h"
#include "tests/bench/gen.h"
#include "tests/bench/side.h"

struct task {
	enum gen_shape shape;
	enum family family;
	size_t n;
};

enum { SEED = 1, TIMES = 3, PACKETS = 200000 };

static int64_t search(const struct gen_rule *v, size_t n, const struct packet *p)
{
	for (size_t i = 0; i < n; i++)
		if (gen_rule_has(&v[i], p))
			return (int64_t)i;
	return DECIDE_NONE;
}

static double run(const void *arg, double *figures)
{
	const struct task *t = arg;
	struct gen_rule *rules = xcalloc(t->n, sizeof(*rules));
	struct packet *p = xcalloc(PACKETS, sizeof(*p));
	int64_t *got = xcalloc(PACKETS, sizeof(*got));
	struct pset_assume first = { .first = true };
	size_t checked = 50000000 / t->n < PACKETS ? 50000000 / t->n : PACKETS;
	size_t parts, nodes, words, wrong = 0;
	struct snapshot *s = snapshot_create();
	const struct ruleset *rs;
	double start, made, walked, searched;
	struct decide *d;

	gen_rules(t->shape, t->family, t->n, SEED, rules);
	rs = gen_ruleset(s, "bench", t->family, rules, t->n);
	start = side_clock();
	d = decide_ruleset(t->family, rs, &first, BOUND_SURE, 0);
	made = side_clock() - start;
	if (!d)
		return -1;
	gen_packets(t->family, rules, t->n, SEED, p, PACKETS);
	start = side_clock();
	decide_packets(d, p, PACKETS, got);
	walked = side_clock() - start;
	start = side_clock();
	for (size_t i = 0; i < checked; i++)
		wrong += search(rules, t->n, &p[i]) != got[i];
	searched = side_clock() - start;
	decide_size(d, &parts, &nodes, &words);
	figures[0] = (double)words * 4 / 1e6;
	figures[1] = (double)wrong;
	figures[2] = PACKETS / walked / 1e6;
	figures[3] = figures[2] / ((double)checked / searched / 1e6);
	return made;
}

int main(int argc, char **argv)
{
	size_t sizes[8] = { 1000, 10000, 100000 }, n_sizes = 3;
	double slowest = 0, most = 0, exponent = 0, wrong = 0;

	for (int i = 1; i < argc && i <= 8; i++)
		sizes[n_sizes = (size_t)i - 1, n_sizes++] = strtoul(argv[i], NULL, 10);
	printf("%-4s %-4s %7s %9s %9s %9s %10s %12s %6s\n", "", "", "rules", "seconds",
	       "peak MB", "final MB", "Mlookups/s", "linear x", "wrong");
	for (int f = 0; f < FAMILY_COUNT; f++) {
		for (int shape = 0; shape < GEN_SHAPES; shape++) {
			double least = 0;

			for (size_t k = 0; k < n_sizes; k++) {
				struct task t = { (enum gen_shape)shape, (enum family)f,
						  sizes[k] };
				struct side a = side_median(run, &t, TIMES);
				double e;

				if (a.seconds < 0)
					return EXIT_FAILURE;
				printf("%-4s %-4s %7zu %9.4f %9.1f %9.1f %10.2f %12.0f %6.0f\n",
				       gen_names[shape], f ? "v6" : "v4", t.n, a.seconds,
				       a.peak_mb, a.figures[0], a.figures[2], a.figures[3],
				       a.figures[1]);
				wrong += a.figures[1];
				slowest = a.seconds > slowest ? a.seconds : slowest;
				most = a.peak_mb > most ? a.peak_mb : most;
				if (k == 0)
					least = a.seconds;
				e = k ? log(a.seconds / least) /
						    log((double)sizes[k] / (double)sizes[0])
				      : 0;
				if (k + 1 == n_sizes) {
					printf("%-4s %-4s exponent %.2f\n", gen_names[shape],
					       f ? "v6" : "v4", e);
					exponent = e > exponent ? e : exponent;
				}
			}
		}
	}
	side_aim("wrong answers", wrong, "<=", 0);
	side_aim("seconds, slowest", slowest, "<=", 2);
	side_aim("peak MB", most, "<=", 250);
	side_aim("exponent of time from the smallest to the largest", exponent, "<=", 1.3);
	return side_verdict();
}
