/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The permitted set of a list, against BuDDy 2.4.
 *
 *	bench_compile [RULES...]		1000 and 10000 where none is given
 *
 * BuDDy gets what is best for it: divide and conquer over (matched, permitted) pairs, one
 * variable a bit in the same order of fields, most significant bit first, a node table that
 * need not grow much, its set-up not counted.
 */

#include <bdd.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/lower.h"
#include "tests/bench/gen.h"
#include "tests/bench/side.h"

struct task {
	enum gen_shape shape;
	enum family family;
	size_t n;
};

enum { SEED = 1, TIMES = 3 };

static struct gen_rule *rules_of(const struct task *t)
{
	struct gen_rule *v = xcalloc(t->n, sizeof(*v));

	gen_rules(t->shape, t->family, t->n, SEED, v);
	return v;
}

/*
 * Ours.
 */

static double with_sets(const void *arg, double *figures)
{
	const struct task *t = arg;
	struct gen_rule *rules = rules_of(t);
	struct snapshot *s = snapshot_create();
	const struct ruleset *rs = gen_ruleset(s, "bench", t->family, rules, t->n);
	struct pset_space *sp = pset_space_create(t->family, (size_t)8 << 30);
	struct pset *v = xcalloc(t->n, sizeof(*v)), set;
	size_t nodes, words;
	double start, end;

	free(rules);
	start = side_clock();
	for (size_t i = 0; i < t->n; i++) {
		bool permit = rs->rules[i].verdict == VERDICT_PERMIT;

		v[i] = pset_label(sp, pset_lo(sp, rs->rules[i].match, NULL), permit ? 1 : 2);
	}
	set = pset_where(sp, pset_compile(sp, v, t->n, true, NULL, 0), 1);
	end = side_clock();
	pset_size(sp, set, &nodes, &words);
	figures[0] = pset_count(sp, set);
	figures[1] = (double)nodes;
	figures[2] = (double)words;
	return pset_is_spent(set) ? -1 : end - start;
}

/* The same by lower(), which gives both bounds. */
static double with_lower(const void *arg, double *figures)
{
	const struct task *t = arg;
	struct gen_rule *rules = rules_of(t);
	struct snapshot *s = snapshot_create();
	const struct ruleset *rs = gen_ruleset(s, "bench", t->family, rules, t->n);
	struct pset_space *sp = pset_space_create(t->family, (size_t)8 << 30);
	struct pset_assume first = { .first = true };
	struct lowered l;
	double start = side_clock();

	free(rules);
	l = lower(sp, rs, &first, pset_universe(sp, &first));
	return pset_equal(l.sure, l.maybe) ? side_clock() - start : -1;
}

/*
 * BuDDy.
 */

struct pair {
	BDD match, permit;
};

static const struct task *task;

static unsigned first_var(enum field f)
{
	unsigned bits = addr_bits(task->family);

	return f == FIELD_PROTO	  ? 0
	       : f == FIELD_DST	  ? 8
	       : f == FIELD_SRC	  ? 8 + bits
	       : f == FIELD_DPORT ? 8 + 2 * bits
				  : 8 + 2 * bits + 16;
}

/* value <= (or >=) bound, over bits variables from var on. */
static BDD compared(unsigned var, unsigned bits, unsigned bound, bool below)
{
	BDD r = bdd_addref(bddtrue), old, b;

	for (unsigned i = bits; i-- > 0;) {
		bool one = bound >> (bits - 1 - i) & 1;

		old = r;
		b = below ? bdd_nithvar((int)(var + i)) : bdd_ithvar((int)(var + i));
		r = bdd_addref(one == below ? bdd_or(b, r) : bdd_and(b, r));
		bdd_delref(old);
	}
	return r;
}

static BDD ranged(unsigned var, unsigned bits, struct range r)
{
	BDD a = compared(var, bits, r.lo, false), b = compared(var, bits, r.hi, true);
	BDD both = bdd_addref(bdd_and(a, b));

	bdd_delref(a);
	bdd_delref(b);
	return both;
}

static bool bit_of(struct addr a, unsigned i)
{
	return task->family == FAMILY_V4 ? a.lo >> (31 - i) & 1
	       : i < 64			 ? a.hi >> (63 - i) & 1
					 : a.lo >> (127 - i) & 1;
}

/* Spans of the generator are prefixes: a cube, from the last bit to the first. */
static BDD prefixed(unsigned var, struct span s, BDD below)
{
	BDD r = below, old;

	for (unsigned i = addr_bits(task->family); i-- > 0;) {
		if (bit_of(s.lo, i) != bit_of(s.hi, i))
			continue;
		old = r;
		r = bdd_addref(bdd_and(bit_of(s.lo, i) ? bdd_ithvar((int)(var + i))
						       : bdd_nithvar((int)(var + i)),
				       r));
		bdd_delref(old);
	}
	return r;
}

static struct pair pair_of(const struct gen_rule *r)
{
	struct pair p;
	BDD a = ranged(first_var(FIELD_DPORT), 16, r->dport), b;

	b = ranged(first_var(FIELD_SPORT), 16, r->sport);
	p.match = bdd_addref(bdd_and(a, b));
	bdd_delref(a);
	bdd_delref(b);
	p.match = prefixed(first_var(FIELD_SRC), r->src, p.match);
	p.match = prefixed(first_var(FIELD_DST), r->dst, p.match);
	if (r->proto.lo == r->proto.hi) {
		a = ranged(first_var(FIELD_PROTO), 8, r->proto);
		b = p.match;
		p.match = bdd_addref(bdd_and(a, b));
		bdd_delref(a);
		bdd_delref(b);
	}
	p.permit = bdd_addref(r->permit ? p.match : bddfalse);
	return p;
}

static struct pair compile(const struct gen_rule *v, size_t n)
{
	struct pair a, b, r;
	BDD rest;

	if (n == 1)
		return pair_of(v);
	a = compile(v, n / 2);
	b = compile(v + n / 2, n - n / 2);
	rest = bdd_addref(bdd_apply(b.permit, a.match, bddop_diff));
	r.permit = bdd_addref(bdd_or(a.permit, rest));
	r.match = bdd_addref(bdd_or(a.match, b.match));
	bdd_delref(a.match);
	bdd_delref(a.permit);
	bdd_delref(b.match);
	bdd_delref(b.permit);
	bdd_delref(rest);
	return r;
}

static double with_buddy(const void *arg, double *figures)
{
	struct gen_rule *rules;
	struct pair all;
	double start, end;

	task = arg;
	rules = rules_of(task);
	bdd_init(task->n >= 10000 ? 4000000 : 400000, task->n >= 10000 ? 1000000 : 100000);
	bdd_setvarnum((int)(first_var(FIELD_SPORT) + 16));
	bdd_setmaxincrease(10000000);
	bdd_setcacheratio(4);
	bdd_gbc_hook(NULL);
	start = side_clock();
	all = compile(rules, task->n);
	end = side_clock();
	figures[0] = bdd_satcount(all.permit);
	figures[1] = bdd_nodecount(all.permit);
	return end - start;
}

int main(int argc, char **argv)
{
	size_t sizes[8] = { 1000, 10000 }, n_sizes = 2;
	double worst = 1e9, log_sum = 0, worst_memory = 0;
	unsigned n = 0;

	for (int i = 1; i < argc && i <= 8; i++)
		sizes[n_sizes = (size_t)i - 1, n_sizes++] = strtoul(argv[i], NULL, 10);
	printf("%-4s %-4s %7s %10s %10s %7s %8s %8s %6s %10s\n", "", "", "rules", "sets s",
	       "buddy s", "ratio", "sets MB", "buddy MB", "ratio", "lower s");
	for (size_t k = 0; k < n_sizes; k++) {
		for (int f = 0; f < FAMILY_COUNT; f++) {
			for (int shape = 0; shape < GEN_SHAPES; shape++) {
				struct task t = { (enum gen_shape)shape, (enum family)f,
						  sizes[k] };
				struct side a = side_median(with_sets, &t, TIMES);
				struct side l = side_median(with_lower, &t, TIMES);
				struct side b =
					side_median(with_buddy, &t, t.n > 1000 ? 1 : TIMES);
				double ratio = b.seconds / a.seconds;
				double memory = a.peak_mb / b.peak_mb;

				printf("%-4s %-4s %7zu %10.4f %10.4f %7.1f %8.1f %8.1f %6.2f "
				       "%10.4f "
				       "%.0f nodes %.0f words, %.0f bdd nodes\n",
				       gen_names[shape], f ? "v6" : "v4", t.n, a.seconds,
				       b.seconds, ratio, a.peak_mb, b.peak_mb, memory,
				       l.seconds, a.figures[1], a.figures[2], b.figures[1]);
				if (a.seconds < 0 || b.seconds < 0 || l.seconds < 0)
					return EXIT_FAILURE;
				worst = ratio < worst ? ratio : worst;
				worst_memory = memory > worst_memory ? memory : worst_memory;
				log_sum += __builtin_log(ratio);
				n++;
			}
		}
	}
	side_aim("times faster than BuDDy, geometric mean", __builtin_exp(log_sum / n),
		 ">=", 12);
	side_aim("times faster than BuDDy, worst", worst, ">=", 8);
	side_aim("peak memory against BuDDy, worst", worst_memory, "<=", 1.0 / 3);
	return side_verdict();
}
