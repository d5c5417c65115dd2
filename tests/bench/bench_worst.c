/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The worst case: 100,000 rules of the firewall shape asked for one canonical set, which is
 * as large as the product of its rules for any source and its rules for any destination. It
 * must end within 4 GB: with the set, or with "spent" and then the factored answer, which is
 * held against a linear search.
 *
 *	bench_worst [RULES]
 */

#include <stdio.h>
#include <stdlib.h>

#include "model/decide.h"
#include "tests/bench/gen.h"
#include "tests/bench/side.h"

enum { SEED = 1, PACKETS = 1000 };

static double run(const void *arg, double *figures)
{
	size_t n = *(const size_t *)arg, wrong = 0;
	struct gen_rule *rules = xcalloc(n, sizeof(*rules));
	struct packet *p = xcalloc(PACKETS, sizeof(*p));
	struct pset_assume first = { .first = true };
	struct snapshot *s = snapshot_create();
	struct pset_space *sp = pset_space_create(FAMILY_V4, (size_t)3 << 30);
	struct pset *v = xcalloc(n, sizeof(*v)), list;
	const struct ruleset *rs;
	struct decide *d = NULL;
	double start, end;

	gen_rules(GEN_FW, FAMILY_V4, n, SEED, rules);
	gen_packets(FAMILY_V4, rules, n, SEED, p, PACKETS);
	rs = gen_ruleset(s, "bench", FAMILY_V4, rules, n);
	start = side_clock();
	for (size_t i = 0; i < n; i++)
		v[i] = pset_label(sp, pset_lo(sp, rs->rules[i].match, &first),
				  rules[i].permit ? 1 : 2);
	list = pset_compile(sp, v, n, true, NULL, 0);
	figures[0] = pset_is_spent(list);
	figures[1] = (double)pset_space_bytes(sp) / 1e6;
	if (pset_is_spent(list)) {
		pset_space_destroy(sp);
		d = decide_ruleset(FAMILY_V4, rs, &first, BOUND_SURE, 0);
		if (!d)
			return -1;
	}
	end = side_clock();
	for (size_t i = 0; i < PACKETS; i++) {
		size_t k = 0;
		bool permit, want;

		while (k < n && !gen_rule_has(&rules[k], &p[i]))
			k++;
		want = k < n && rules[k].permit;
		if (d) {
			int64_t r = decide_packet(d, &p[i]);

			permit = r >= 0 && rules[r].permit;
		} else {
			permit = pset_label_of(sp, list, &p[i]) == 1;
		}
		wrong += permit != want;
	}
	figures[2] = (double)wrong;
	return end - start;
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	struct side s = side_run(run, &n);

	if (s.seconds < 0)
		return EXIT_FAILURE;
	printf("fw v4 %zu rules: %s after %.1f s, space %.0f MB, peak %.0f MB, %.0f of %d "
	       "wrong\n",
	       n, s.figures[0] > 0 ? "spent, then factored" : "one set", s.seconds,
	       s.figures[1], s.peak_mb, s.figures[2], PACKETS);
	side_aim("peak MB", s.peak_mb, "<=", 4096);
	side_aim("wrong answers", s.figures[2], "<=", 0);
	return side_verdict();
}
