/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two lists against the difference of both lowered whole. */
#include <criterion/criterion.h>
#include <string.h>

#include "model/cone.h"
#include "tests/unit/random_rules.h"

enum { SEEDS = 600, RULES_MAX = 14, TARGETS = 2, TARGET_RULES = 3 };

/* One version of a configuration, made from numbers that stand for its rules. */
struct version {
	struct arena *arena;
	struct matches m;
	struct rule rules[RULES_MAX + 4];
	struct rule target_rules[TARGETS][TARGET_RULES];
	struct ruleset targets[TARGETS];
	struct ruleset rs;
};

struct plan {
	uint32_t rule[RULES_MAX + 4]; /* which rule */
	bool flipped[RULES_MAX + 4];  /* its verdict */
	uint32_t n;
	uint32_t target[TARGETS][TARGET_RULES];
	uint8_t dflt;
};

static struct rule make_rule(struct version *v, const struct small *s, uint32_t number,
			     uint32_t id)
{
	struct small own = *s;
	own.m = &v->m;
	own.random = s->random * 31 + number;
	struct rule r = small_rule(&own, id);
	if (number % 11 == 3 && id < 1000) {
		r.verdict = number % 22 == 3 ? VERDICT_JUMP : VERDICT_GOTO;
		r.target = &v->targets[number % TARGETS];
	}
	return r;
}

static void version_init(struct version *v, const struct small *s, const struct plan *p)
{
	static const char *const names[TARGETS] = { "one", "two" };
	memset(v, 0, sizeof(*v));
	v->arena = arena_create();
	matches_init(&v->m, v->arena);
	v->rs = (struct ruleset){ .rules = v->rules, .n = p->n, .id = 1, .name = "list" };
	v->rs.dflt = p->dflt;
	for (uint32_t t = 0; t < TARGETS; t++) {
		for (uint32_t i = 0; i < TARGET_RULES; i++)
			v->target_rules[t][i] =
				make_rule(v, s, p->target[t][i], 1000 + 10 * t + i);
		v->targets[t] = (struct ruleset){ .rules = v->target_rules[t],
						  .n = TARGET_RULES,
						  .id = 2 + t,
						  .name = names[t] };
	}
	for (uint32_t i = 0; i < p->n; i++) {
		struct rule *r = &v->rules[i];
		*r = make_rule(v, s, p->rule[i], i + 1);
		if (p->flipped[i] && r->verdict <= VERDICT_DENY)
			r->verdict =
				r->verdict == VERDICT_PERMIT ? VERDICT_DENY : VERDICT_PERMIT;
	}
}

static void version_finish(struct version *v)
{
	matches_finish(&v->m);
	arena_destroy(v->arena);
}

static void plan_remove(struct plan *p, uint32_t at)
{
	p->n--;
	for (uint32_t i = at; i < p->n; i++) {
		p->rule[i] = p->rule[i + 1];
		p->flipped[i] = p->flipped[i + 1];
	}
}

static void plan_insert(struct plan *p, uint32_t at, uint32_t rule)
{
	for (uint32_t i = p->n++; i > at; i--) {
		p->rule[i] = p->rule[i - 1];
		p->flipped[i] = p->flipped[i - 1];
	}
	p->rule[at] = rule;
	p->flipped[at] = false;
}

static void edit(struct plan *p, struct small *s)
{
	uint32_t at = small_random(s, p->n), rule = p->rule[at];
	switch (small_random(s, 8)) {
	case 0:
		if (p->n > 1)
			plan_remove(p, at);
		break;
	case 1:
		if (p->n < RULES_MAX + 4)
			plan_insert(p, at, 100 + small_random(s, 100));
		break;
	case 2: /* elsewhere */
		plan_remove(p, at);
		plan_insert(p, small_random(s, p->n + 1), rule);
		break;
	case 3:
		p->rule[at] = 100 + small_random(s, 100);
		break;
	case 4:
		p->target[small_random(s, TARGETS)][small_random(s, TARGET_RULES)] =
			200 + small_random(s, 100);
		break;
	case 5:
		if (!small_random(s, 4))
			p->dflt = p->dflt == VERDICT_DENY ? VERDICT_PERMIT : VERDICT_DENY;
		break;
	default:
		p->flipped[at] ^= true;
	}
}

static void cr_assert_same(struct pset a, struct pset b, uint64_t seed, const char *what)
{
	cr_assert(pset_equal(a, b), "seed %llu: %s", (unsigned long long)seed, what);
}

static uint32_t id_of(const struct rule *r)
{
	return r ? r->id : 0;
}

static void cr_assert_answer(const struct interp_answer *got, const struct ruleset *rs,
			     const struct packet *p, uint64_t seed)
{
	struct interp_answer want = interp(rs, p);
	cr_assert(got->sure == want.sure && got->maybe == want.maybe &&
			  id_of(got->sure_rule) == id_of(want.sure_rule) &&
			  id_of(got->maybe_rule) == id_of(want.maybe_rule),
		  "seed %llu", (unsigned long long)seed);
}

static void check_change(struct pset_space *sp, const struct cone_change *c,
			 const struct cone *cone, const struct lowered *from,
			 const struct lowered *to, const struct version *old,
			 const struct version *new, uint64_t seed)
{
	cr_assert_same(c->certain, pset_minus(sp, to->sure, from->maybe), seed, "certain");
	cr_assert_same(c->possible,
		       pset_and(sp, pset_minus(sp, to->maybe, from->sure), cone->region), seed,
		       "possible");
	if (pset_is_empty(c->possible))
		return;
	cr_assert(pset_has(sp, pset_is_empty(c->certain) ? c->possible : c->certain,
			   &c->witness));
	cr_assert_answer(&c->old, &old->rs, &c->witness, seed);
	cr_assert_answer(&c->new, &new->rs, &c->witness, seed);
}

/* Gives 1 where something opened or closed for certain. */
static unsigned check_family(const struct version *old, const struct version *new,
			     enum family f, const struct pset_assume *as, uint64_t seed)
{
	struct pset_space *sp = pset_space_create(f, 0);
	struct cone c = cone_diff(sp, &old->rs, &new->rs, as);
	struct pset all = pset_universe(sp, as);
	struct lowered a = lower(sp, &old->rs, as, all), b = lower(sp, &new->rs, as, all);
	cr_assert(!c.spent);
	check_change(sp, &c.opened, &c, &a, &b, old, new, seed);
	check_change(sp, &c.closed, &c, &b, &a, old, new, seed);
	/* each bound by itself changes within the region only */
	cr_assert_same(pset_minus(sp, b.sure, a.sure), pset_minus(sp, c.new.sure, c.old.sure),
		       seed, "sure opened");
	cr_assert_same(pset_minus(sp, a.sure, b.sure), pset_minus(sp, c.old.sure, c.new.sure),
		       seed, "sure closed");
	cr_assert_same(pset_minus(sp, b.maybe, a.maybe),
		       pset_minus(sp, c.new.maybe, c.old.maybe), seed, "maybe opened");
	cr_assert_same(pset_minus(sp, a.maybe, b.maybe),
		       pset_minus(sp, c.old.maybe, c.new.maybe), seed, "maybe closed");
	unsigned any = !pset_is_empty(c.opened.certain) || !pset_is_empty(c.closed.certain);
	pset_space_destroy(sp);
	return any;
}

Test(cone, is_the_difference_of_both_lowered_whole)
{
	unsigned n_changed = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct small s;
		struct plan p = { 0 };
		struct version old, new;
		struct pset_assume first = { .iif = "eth0", .oif = "wan", .first = true };
		small_init(&s, NULL, seed);
		p.n = 1 + small_random(&s, RULES_MAX);
		p.dflt = small_random(&s, 3) ? VERDICT_DENY : VERDICT_PERMIT;
		for (uint32_t i = 0; i < p.n; i++)
			p.rule[i] = small_random(&s, 60);
		for (uint32_t t = 0; t < TARGETS; t++)
			for (uint32_t i = 0; i < TARGET_RULES; i++)
				p.target[t][i] = small_random(&s, 60);
		struct plan q = p;
		for (unsigned i = small_random(&s, 4); i; i--)
			edit(&q, &s);
		version_init(&old, &s, &p);
		version_init(&new, &s, &q);
		for (int f = 0; f < FAMILY_COUNT; f++) {
			n_changed += check_family(&old, &new, (enum family)f, NULL, seed);
			check_family(&old, &new, (enum family)f, &first, seed);
		}
		version_finish(&old);
		version_finish(&new);
	}
	cr_assert_gt(n_changed, SEEDS / 4);
}

/* Two plain lists of tcp ports, to and from anywhere. */
struct lists {
	struct arena *arena;
	struct matches m;
	struct rule rules[2][8];
	struct ruleset rs[2];
	struct pset_space *sp;
};

static void lists_init(struct lists *l)
{
	memset(l, 0, sizeof(*l));
	l->arena = arena_create();
	matches_init(&l->m, l->arena);
	l->sp = pset_space_create(FAMILY_V4, 0);
	for (int i = 0; i < 2; i++)
		l->rs[i] = (struct ruleset){ .rules = l->rules[i],
					     .id = 1 + (uint32_t)i,
					     .dflt = VERDICT_DENY };
}

static void lists_finish(struct lists *l)
{
	pset_space_destroy(l->sp);
	matches_finish(&l->m);
	arena_destroy(l->arena);
}

static struct rule *add(struct lists *l, int side, enum verdict v, unsigned lo, unsigned hi)
{
	struct rule *r = &l->rules[side][l->rs[side].n++];
	*r = (struct rule){ .match =
				    match_and(&l->m, match_value(&l->m, FIELD_PROTO, PROTO_TCP),
					      match_range(&l->m, FIELD_DPORT, lo, hi)),
			    .verdict = (uint8_t)v,
			    .id = l->rs[side].n };
	return r;
}

Test(cone, order_without_effect_is_no_difference)
{
	struct lists l;
	lists_init(&l);
	add(&l, 0, VERDICT_PERMIT, 1, 5);
	add(&l, 0, VERDICT_DENY, 10, 20);
	add(&l, 1, VERDICT_DENY, 10, 20);
	add(&l, 1, VERDICT_PERMIT, 1, 5);
	struct cone c = cone_diff(l.sp, &l.rs[0], &l.rs[1], NULL);
	cr_assert(pset_is_empty(c.opened.possible) && pset_is_empty(c.closed.possible));
	cr_assert(c.n_removed == 1 && c.n_added == 1);
	lists_finish(&l);
}

Test(cone, witness_names_the_deciding_rule_on_both_sides)
{
	struct lists l;
	lists_init(&l);
	add(&l, 0, VERDICT_DENY, 7, 7);
	struct rule *deny = add(&l, 0, VERDICT_DENY, 20, 25);
	add(&l, 0, VERDICT_PERMIT, 1, 100);
	add(&l, 1, VERDICT_DENY, 7, 7);
	struct rule *permit = add(&l, 1, VERDICT_PERMIT, 1, 100);
	struct cone c = cone_diff(l.sp, &l.rs[0], &l.rs[1], NULL);
	cr_assert(pset_is_empty(c.closed.possible) &&
		  pset_equal(c.opened.certain, c.opened.possible));
	cr_assert(c.opened.witness.dport >= 20 && c.opened.witness.dport <= 25);
	cr_assert(c.opened.old.sure_rule == deny && c.opened.new.sure_rule == permit);
	cr_assert(!c.opened.old.maybe && c.opened.new.sure);
	lists_finish(&l);
}

Test(cone, what_the_common_beginning_decides_is_left_out)
{
	struct lists l;
	lists_init(&l);
	add(&l, 0, VERDICT_DENY, 1, 100);
	add(&l, 1, VERDICT_DENY, 1, 100);
	add(&l, 1, VERDICT_PERMIT, 50, 60);
	struct cone c = cone_diff(l.sp, &l.rs[0], &l.rs[1], NULL);
	cr_assert(pset_is_empty(c.region) && c.n_added == 1 && !c.n_new);
	lists_finish(&l);
}

Test(cone, a_spent_budget_is_told)
{
	enum { N = 30000 };
	struct lists l;
	struct span *v = xcalloc(N, sizeof(*v));
	lists_init(&l);
	for (unsigned i = 0; i < N; i++)
		v[i].lo = v[i].hi = (struct addr){ 0, 2 * i };
	struct rule *r = add(&l, 1, VERDICT_PERMIT, 50, 60);
	r->match = match_and(&l.m, r->match, match_spans(&l.m, FIELD_DST, FAMILY_V4, v, N));
	struct pset_space *tight = pset_space_create(FAMILY_V4, 1 << 16);
	struct cone c = cone_diff(tight, &l.rs[0], &l.rs[1], NULL);
	cr_assert(c.spent);
	c = cone_diff(l.sp, &l.rs[0], &l.rs[1], NULL);
	cr_assert(!c.spent && !pset_is_empty(c.opened.certain));
	free(v);
	pset_space_destroy(tight);
	lists_finish(&l);
}
