/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changed between two lists of which one rule is different, with a packet and the
 * deciding rule on both sides, against z3.
 *
 *	bench_diff [RULES]		10000 where none is given
 *
 * Ours is the whole question from two rulesets in memory: a new space for the sets, finding
 * the changed rule, the sets of what opened and closed, witness, rules. Of z3, which is asked
 * for one packet that the lists judge differently, only the solver's time counts: the terms
 * are made before the clock starts. It is asked about IPv4 only, to spare time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_Z3
#include <z3.h>
#endif

#include "model/cone.h"
#include "tests/bench/gen.h"
#include "tests/bench/side.h"

enum { SEED = 1, CHANGES = 101, PEERED = 3 };

struct pair {
	struct gen_rule *old, *new;
	size_t n_old, n_new;
	enum family family;
};

/* Changes one rule: its verdict, its destination port, its source, away with it, one more. */
static void change_one(struct pair *p, uint64_t *st, unsigned kind)
{
	size_t at = gen_random(st) % p->n_old, from = gen_random(st) % p->n_old;
	memcpy(p->new, p->old, p->n_old * sizeof(*p->old));
	p->n_new = p->n_old;
	switch (kind % 5) {
	case 0:
		p->new[at].permit ^= true;
		break;
	case 1:
		p->new[at].dport.lo = p->new[at].dport.hi = (uint16_t)gen_random(st);
		p->new[at].proto.lo = p->new[at].proto.hi = PROTO_TCP;
		break;
	case 2:
		p->new[at].src = p->old[from].src;
		break;
	case 3:
		memmove(&p->new[at], &p->new[at + 1], (--p->n_new - at) * sizeof(*p->new));
		break;
	default:
		memmove(&p->new[at + 1], &p->new[at], (p->n_new++ - at) * sizeof(*p->new));
		p->new[at] = p->old[from];
	}
}

static double ours(const struct pair *p, bool *ret_differ)
{
	struct snapshot *a = snapshot_create(), *b = snapshot_create();
	const struct ruleset *old = gen_ruleset(a, "list", p->family, p->old, p->n_old);
	const struct ruleset *new = gen_ruleset(b, "list", p->family, p->new, p->n_new);
	double start = side_clock();
	struct pset_space *sp = pset_space_create(p->family, 0);
	struct cone c = cone_diff(sp, old, new, NULL);
	double end = side_clock();
	*ret_differ = !pset_is_empty(c.opened.certain) || !pset_is_empty(c.closed.certain);
	bool right = !c.spent;
	if (!pset_is_empty(c.opened.certain))
		right &= !interp(old, &c.opened.witness).maybe &&
			 interp(new, &c.opened.witness).sure;
	if (!pset_is_empty(c.closed.certain))
		right &= interp(old, &c.closed.witness).sure &&
			 !interp(new, &c.closed.witness).maybe;
	pset_space_destroy(sp);
	snapshot_destroy(a);
	snapshot_destroy(b);
	return right ? end - start : -1;
}

#ifdef HAVE_Z3
struct terms {
	Z3_context ctx;
	Z3_ast proto, src, dst, sport, dport;
};

static Z3_ast var(Z3_context ctx, const char *name, unsigned bits)
{
	return Z3_mk_const(ctx, Z3_mk_string_symbol(ctx, name), Z3_mk_bv_sort(ctx, bits));
}

/* A prefix: its leading bits are as they are. */
static Z3_ast within_prefix(Z3_context ctx, Z3_ast x, enum family f, struct span s)
{
	unsigned bits = addr_bits(f), same = 0;
	bool value[128];
	for (; same < bits; same++) {
		unsigned i = bits - 1 - same;
		uint64_t lo = i < 64 ? s.lo.lo >> i : s.lo.hi >> (i - 64);
		uint64_t hi = i < 64 ? s.hi.lo >> i : s.hi.hi >> (i - 64);
		if ((lo ^ hi) & 1)
			break;
		value[same] = lo & 1;
	}
	if (!same)
		return Z3_mk_true(ctx);
	bool low_first[128];
	for (unsigned i = 0; i < same; i++)
		low_first[i] = value[same - 1 - i];
	return Z3_mk_eq(ctx, Z3_mk_extract(ctx, bits - 1, bits - same, x),
			Z3_mk_bv_numeral(ctx, same, low_first));
}

static Z3_ast within_range(Z3_context ctx, Z3_ast x, unsigned bits, struct range r)
{
	Z3_sort sort = Z3_mk_bv_sort(ctx, bits);
	if (r.lo == r.hi)
		return Z3_mk_eq(ctx, x, Z3_mk_unsigned_int(ctx, r.lo, sort));
	Z3_ast both[] = { Z3_mk_bvule(ctx, Z3_mk_unsigned_int(ctx, r.lo, sort), x),
			  Z3_mk_bvule(ctx, x, Z3_mk_unsigned_int(ctx, r.hi, sort)) };
	return Z3_mk_and(ctx, 2, both);
}

static Z3_ast permits(const struct terms *t, enum family f, const struct gen_rule *v, size_t n)
{
	Z3_context c = t->ctx;
	Z3_ast r = Z3_mk_false(c);
	while (n-- > 0) {
		Z3_ast parts[5];
		unsigned k = 0;
		if (v[n].proto.lo == v[n].proto.hi)
			parts[k++] = within_range(c, t->proto, 8, v[n].proto);
		parts[k++] = within_prefix(c, t->src, f, v[n].src);
		parts[k++] = within_prefix(c, t->dst, f, v[n].dst);
		if (v[n].sport.lo || v[n].sport.hi != 65535)
			parts[k++] = within_range(c, t->sport, 16, v[n].sport);
		if (v[n].dport.lo || v[n].dport.hi != 65535)
			parts[k++] = within_range(c, t->dport, 16, v[n].dport);
		r = Z3_mk_ite(c, Z3_mk_and(c, k, parts),
			      v[n].permit ? Z3_mk_true(c) : Z3_mk_false(c), r);
	}
	return r;
}

static double theirs(const struct pair *p, bool *ret_differ)
{
	Z3_config cfg = Z3_mk_config();
	struct terms t = { .ctx = Z3_mk_context(cfg) };
	unsigned bits = addr_bits(p->family);
	t.proto = var(t.ctx, "proto", 8);
	t.src = var(t.ctx, "src", bits);
	t.dst = var(t.ctx, "dst", bits);
	t.sport = var(t.ctx, "sport", 16);
	t.dport = var(t.ctx, "dport", 16);
	Z3_ast differ = Z3_mk_xor(t.ctx, permits(&t, p->family, p->old, p->n_old),
				  permits(&t, p->family, p->new, p->n_new));
	double start = side_clock();
	Z3_solver s = Z3_mk_simple_solver(t.ctx);
	Z3_solver_inc_ref(t.ctx, s);
	Z3_solver_assert(t.ctx, s, differ);
	Z3_lbool answer = Z3_solver_check(t.ctx, s);
	double end = side_clock();
	*ret_differ = answer == Z3_L_TRUE;
	Z3_solver_dec_ref(t.ctx, s);
	Z3_del_context(t.ctx);
	Z3_del_config(cfg);
	return answer == Z3_L_UNDEF ? -1 : end - start;
}
#endif

static int double_order(const void *x, const void *y)
{
	const double *a = x, *b = y;
	return *a < *b ? -1 : *a > *b;
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
	double worst_median = 0, worst_ratio = 1e9;
	unsigned n_differ = 0;
	printf("%-4s %-4s %7s %10s %10s %10s %10s %9s\n", "", "", "rules", "median ms",
	       "p90 ms", "worst ms", "z3 s", "ratio");
	for (int f = 0; f < FAMILY_COUNT; f++)
		for (int shape = 0; shape < GEN_SHAPES; shape++) {
			struct pair p = { .n_old = n, .family = (enum family)f };
			double seconds[CHANGES], peer[PEERED] = { 0 }, ratio[PEERED] = { 0 };
			uint64_t st = SEED + (uint64_t)shape;
			bool differ, peer_differ;
			p.old = xcalloc(n + 1, sizeof(*p.old));
			p.new = xcalloc(n + 1, sizeof(*p.new));
			gen_rules((enum gen_shape)shape, p.family, n, SEED, p.old);
			for (unsigned i = 0; i < CHANGES; i++) {
				change_one(&p, &st, i);
				seconds[i] = ours(&p, &differ);
				n_differ += differ;
				if (seconds[i] < 0)
					return EXIT_FAILURE;
#ifdef HAVE_Z3
				if (i >= PEERED || f != FAMILY_V4)
					continue;
				peer[i] = theirs(&p, &peer_differ);
				ratio[i] = peer[i] / seconds[i];
				if (differ != peer_differ) {
					printf("the two disagree on change %u\n", i);
					return EXIT_FAILURE;
				}
#else
				(void)peer_differ;
#endif
			}
			qsort(seconds, CHANGES, sizeof(*seconds), double_order);
			qsort(peer, PEERED, sizeof(*peer), double_order);
			qsort(ratio, PEERED, sizeof(*ratio), double_order);
			printf("%-4s %-4s %7zu %10.3f %10.3f %10.3f %10.3f %9.0f\n",
			       gen_names[shape], f ? "v6" : "v4", n, 1e3 * seconds[CHANGES / 2],
			       1e3 * seconds[CHANGES * 9 / 10], 1e3 * seconds[CHANGES - 1],
			       peer[PEERED / 2], ratio[PEERED / 2]);
			if (seconds[CHANGES / 2] > worst_median)
				worst_median = seconds[CHANGES / 2];
			if (f == FAMILY_V4 && ratio[PEERED / 2] < worst_ratio)
				worst_ratio = ratio[PEERED / 2];
			free(p.old);
			free(p.new);
		}
	printf("%u changes that change what passes\n", n_differ);
	side_aim("ms for the difference of one rule, worst median", 1e3 * worst_median,
		 "<=", n > 10000 ? 5 : 1);
#ifdef HAVE_Z3
	side_aim("times faster than z3, worst median", worst_ratio, ">=", 1000);
#else
	printf("z3 is not here: nothing to compare with\n");
#endif
	return side_verdict();
}
