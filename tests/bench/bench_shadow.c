/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All rules that never decide, exactly, against BuDDy's forward pass.
 *
 *	bench_shadow [short|long]
 *
 * short (the default): the peer at 1,000 and 3,000 rules, and how our time grows from 10,000
 * to 100,000. long: the peer at 10,000 too, which takes it minutes.
 *
 * The peer keeps the set of packets that no rule has taken yet and takes each rule's out of it;
 * a rule that finds nothing there never decides. One variable a bit, most significant first,
 * a node table that need not grow much, set-up not counted. It tells hidden rules only; ours
 * tells what hides them, and the redundant ones besides.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_BUDDY
#include <bdd.h>
#endif

#include "model/shadow.h"
#include "tests/bench/gen.h"
#include "tests/bench/side.h"

enum { SEED = 1, TIMES = 3 };

struct task {
	enum gen_shape shape;
	enum family family;
	size_t n;
};

static struct gen_rule *rules_of(const struct task *t)
{
	struct gen_rule *v = xcalloc(t->n, sizeof(*v));
	gen_rules(t->shape, t->family, t->n, SEED, v);
	return v;
}

static double with_boxes(const void *arg, double *figures)
{
	const struct task *t = arg;
	struct gen_rule *rules = rules_of(t);
	struct snapshot *s = snapshot_create();
	struct arena *a = arena_create();
	const struct ruleset *rs = gen_ruleset(s, "list", t->family, rules, t->n);
	double start = side_clock();
	struct shadows got = shadow_find(a, rs, false);
	double end = side_clock();
	for (size_t i = 0; i < got.n; i++)
		figures[got.v[i].below]++;
	figures[2] = (double)got.n_open;
	return end - start;
}

#ifdef HAVE_BUDDY
/* First variables: destination, source, protocol, destination port, source port. */
struct order {
	unsigned bits, dst, src, proto, dport, sport, n;
};

static struct order order_of(enum family f)
{
	unsigned b = addr_bits(f);
	return (struct order){ b, 0, b, 2 * b, 2 * b + 8, 2 * b + 24, 2 * b + 40 };
}

static BDD take(BDD r)
{
	return bdd_addref(r);
}

/* a and b, both given up. */
static BDD both(BDD a, BDD b)
{
	BDD r = take(bdd_and(a, b));
	bdd_delref(a);
	bdd_delref(b);
	return r;
}

/* The number of the variables is at most (or at least) the bound. */
static BDD compared(unsigned var, unsigned bits, unsigned bound, bool below)
{
	BDD r = take(bddtrue);
	for (unsigned i = bits; i-- > 0;) {
		bool one = bound >> (bits - 1 - i) & 1;
		BDD b = below ? bdd_nithvar((int)(var + i)) : bdd_ithvar((int)(var + i));
		BDD next = take(one == below ? bdd_or(b, r) : bdd_and(b, r));
		bdd_delref(r);
		r = next;
	}
	return r;
}

static BDD ranged(unsigned var, unsigned bits, struct range r)
{
	return both(compared(var, bits, r.lo, false), compared(var, bits, r.hi, true));
}

/* Spans of the generator are prefixes. */
static BDD prefixed(unsigned var, unsigned bits, struct span s)
{
	BDD r = take(bddtrue);
	for (unsigned i = bits; i-- > 0;) {
		unsigned k = bits - 1 - i;
		uint64_t lo = k < 64 ? s.lo.lo >> k : s.lo.hi >> (k - 64);
		uint64_t hi = k < 64 ? s.hi.lo >> k : s.hi.hi >> (k - 64);
		if ((lo ^ hi) & 1)
			continue;
		BDD b = lo & 1 ? bdd_ithvar((int)(var + i)) : bdd_nithvar((int)(var + i));
		BDD next = take(bdd_and(b, r));
		bdd_delref(r);
		r = next;
	}
	return r;
}

static BDD match_of(const struct order *o, const struct gen_rule *r)
{
	BDD m = both(ranged(o->sport, 16, r->sport), ranged(o->dport, 16, r->dport));
	if (r->proto.lo == r->proto.hi)
		m = both(ranged(o->proto, 8, r->proto), m);
	m = both(prefixed(o->src, o->bits, r->src), m);
	return both(prefixed(o->dst, o->bits, r->dst), m);
}

static double with_buddy(const void *arg, double *figures)
{
	const struct task *t = arg;
	struct gen_rule *rules = rules_of(t);
	struct order o = order_of(t->family);
	bdd_init(t->n > 3000 ? 4000000 : 1000000, t->n > 3000 ? 1000000 : 250000);
	bdd_setvarnum((int)o.n);
	bdd_setmaxincrease(10000000);
	bdd_setcacheratio(4);
	bdd_gbc_hook(NULL);
	double start = side_clock();
	BDD left = take(bddtrue);
	for (size_t i = 0; i < t->n; i++) {
		BDD m = match_of(&o, &rules[i]);
		BDD rest = take(bdd_apply(left, m, bddop_diff));
		figures[0] += rest == left;
		bdd_delref(left);
		bdd_delref(m);
		left = rest;
	}
	return side_clock() - start;
}

static void against_buddy(size_t n, bool aim)
{
	double worst = 1e9;
	for (int shape = 0; shape < GEN_SHAPES; shape++) {
		struct task t = { (enum gen_shape)shape, FAMILY_V4, n };
		struct side a = side_median(with_boxes, &t, TIMES);
		struct side b = side_run(with_buddy, &t);
		double ratio = b.seconds / a.seconds;
		printf("%-4s %7zu %10.4f %10.2f %8.0f   %.0f hidden, %.0f more redundant; "
		       "buddy %.0f hidden\n",
		       gen_names[shape], n, a.seconds, b.seconds, ratio, a.figures[0],
		       a.figures[1], b.figures[0]);
		if (a.figures[0] != b.figures[0] || a.figures[2] != 0)
			side_aim("rules told otherwise than the peer", 1, "<=", 0);
		worst = ratio < worst ? ratio : worst;
	}
	if (aim)
		side_aim("times faster than BuDDy's forward pass at 10000, worst", worst,
			 ">=", 100);
}
#endif

static void growth(void)
{
	double worst = 0;
	for (int f = 0; f < FAMILY_COUNT; f++)
		for (int shape = 0; shape < GEN_SHAPES; shape++) {
			struct task t = { (enum gen_shape)shape, (enum family)f, 10000 };
			struct side a = side_median(with_boxes, &t, TIMES);
			t.n = 100000;
			struct side b = side_run(with_boxes, &t);
			double exponent = log10(b.seconds / a.seconds);
			printf("%-4s %-3s 10000: %.3f s, %.0f MB; 100000: %.2f s, %.0f MB, "
			       "%.0f "
			       "open; exponent %.2f\n",
			       gen_names[shape], f ? "v6" : "v4", a.seconds, a.peak_mb,
			       b.seconds, b.peak_mb, b.figures[2], exponent);
			worst = exponent > worst ? exponent : worst;
		}
	side_aim("exponent of time from 10000 to 100000 rules, worst", worst, "<=", 1.5);
}

int main(int argc, char **argv)
{
	bool all = argc > 1 && !strcmp(argv[1], "long");
#ifdef HAVE_BUDDY
	printf("%-4s %7s %10s %10s %8s\n", "", "rules", "boxes s", "buddy s", "ratio");
	against_buddy(1000, false);
	against_buddy(3000, false);
	if (all)
		against_buddy(10000, true);
#else
	printf("BuDDy is not here: nothing to compare with\n");
	(void)all;
#endif
	growth();
	return side_verdict();
}
