/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims about rules against their definitions, word by word, on lists that are small enough
 * to ask every packet; and against the interpreter, with the rules taken away.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "model/interp.h"
#include "model/shadow.h"
#include "tests/unit/random_rules.h"

enum { SEEDS = 600, RULES_MAX = 9 };

struct world {
	struct arena *arena;
	struct matches m;
	struct small small;
	struct packets packets;
	struct rule rules[RULES_MAX];
	struct ruleset rs, target;
	struct rule target_rules[2];
	bool called;
	uint8_t *truth; /* by packet, by rule */
};

static void world_init(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->arena = arena_create();
	matches_init(&w->m, w->arena);
	small_init(&w->small, &w->m, seed);
	small_packets(&w->small, &w->packets);
	w->rs = (struct ruleset){ .rules = w->rules, .id = 1, .name = "list" };
	w->rs.n = 1 + small_random(&w->small, RULES_MAX);
	w->rs.dflt = small_random(&w->small, 3) ? VERDICT_DENY : VERDICT_PERMIT;
	w->called = !small_random(&w->small, 6);
	w->target = (struct ruleset){ .rules = w->target_rules, .n = 2, .id = 2, .name = "t" };
	w->target_rules[0] = small_rule(&w->small, 101);
	w->target_rules[1] = small_rule(&w->small, 102);
	if (!small_random(&w->small, 2))
		w->target_rules[1].match = match_all(&w->m);
	for (uint32_t i = 0; i < w->rs.n; i++) {
		w->rules[i] = small_rule(&w->small, i + 1);
		if (!small_random(&w->small, 20)) {
			w->rules[i].verdict =
				small_random(&w->small, 2) ? VERDICT_JUMP : VERDICT_GOTO;
			w->rules[i].target = &w->target;
		}
	}
	w->truth = xcalloc(w->packets.n * RULES_MAX + 1, 1);
	for (size_t p = 0; p < w->packets.n; p++)
		for (uint32_t i = 0; i < w->rs.n; i++)
			w->truth[p * RULES_MAX + i] =
				(uint8_t)match_judge(w->rules[i].match, &w->packets.v[p]);
}

static void world_finish(struct world *w)
{
	matches_finish(&w->m);
	arena_destroy(w->arena);
	vec_free(&w->packets);
	free(w->truth);
}

static enum truth truth_of(const struct world *w, size_t p, uint32_t rule)
{
	if (w->rules[rule].flags & RULE_INACTIVE)
		return TRUTH_FALSE;
	return (enum truth)w->truth[p * RULES_MAX + rule];
}

static bool is_plain(const struct rule *r)
{
	return r->verdict == VERDICT_PERMIT || r->verdict == VERDICT_DENY;
}

/* Whether a packet that surely matches doesn't come behind; as cover.h has it. */
static bool ends(const struct world *w, uint32_t rule)
{
	const struct rule *r = &w->rules[rule];
	if (r->verdict == VERDICT_JUMP) {
		const struct rule *t = w->target_rules;
		for (int i = 0; i < 2; i++) {
			if (t[i].flags & RULE_INACTIVE)
				continue;
			if (t[i].verdict == VERDICT_RETURN || t[i].verdict == VERDICT_UNKNOWN)
				return false;
			if (t[i].match->kind == MATCH_ALL && is_plain(&t[i]))
				return true;
		}
		return false;
	}
	return is_plain(r) || r->verdict == VERDICT_RETURN || r->verdict == VERDICT_GOTO;
}

/* The first rule above that surely takes the packet; rs.n: none. */
static uint32_t taken_above(const struct world *w, size_t p, uint32_t rule)
{
	for (uint32_t i = 0; i < rule; i++)
		if (ends(w, i) && truth_of(w, p, i) == TRUTH_TRUE)
			return i;
	return w->rs.n;
}

struct claim {
	bool is;
	enum shadow_kind kind;
	bool below;
};

static struct claim above_claim(const struct world *w, uint32_t rule, bool *ret_hidden)
{
	bool any = false, all = true, other = false;
	for (size_t p = 0; p < w->packets.n; p++) {
		if (truth_of(w, p, rule) == TRUTH_FALSE)
			continue;
		uint32_t by = taken_above(w, p, rule);
		any = true;
		all &= by < w->rs.n;
		other |= by < w->rs.n && w->rules[by].verdict != w->rules[rule].verdict;
	}
	*ret_hidden = any && all;
	if (!any)
		return (struct claim){ true, SHADOW_DEAD, false };
	other |= !is_plain(&w->rules[rule]);
	return (struct claim){ all, other ? SHADOW_SHADOWED : SHADOW_REDUNDANT, false };
}

/* Whether the rule, taken away, leaves its packets to the same verdict. */
static bool below_claim(const struct world *w, uint32_t rule, const bool *gone)
{
	const struct rule *r = &w->rules[rule];
	if (!is_plain(r))
		return false;
	for (size_t p = 0; p < w->packets.n; p++) {
		if (truth_of(w, p, rule) == TRUTH_FALSE || taken_above(w, p, rule) < w->rs.n)
			continue;
		bool alike = !w->called && w->rs.dflt == r->verdict;
		for (uint32_t s = rule + 1; s < w->rs.n; s++) {
			enum truth t = truth_of(w, p, s);
			if (w->rules[s].verdict == VERDICT_CONTINUE || t == TRUTH_FALSE)
				continue;
			if (w->rules[s].verdict != r->verdict) {
				alike = false;
				break;
			}
			if (t == TRUTH_TRUE && !gone[s]) {
				alike = true;
				break;
			}
		}
		if (!alike)
			return false;
	}
	return true;
}

static const struct shadow *find(const struct shadows *s, const struct rule *r)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].rule == r)
			return &s->v[i];
	return NULL;
}

/* The list without the rules; what it answers is what the whole one does. */
static void cr_assert_without(const struct world *w, const bool *gone, uint64_t seed)
{
	struct rule rules[RULES_MAX];
	struct ruleset rs = w->rs;
	memcpy(rules, w->rules, sizeof(rules));
	for (uint32_t i = 0; i < rs.n && i < RULES_MAX; i++)
		if (gone[i])
			rules[i].flags |= RULE_INACTIVE;
	rs.rules = rules;
	for (size_t p = 0; p < w->packets.n; p++) {
		struct interp_answer a = interp(&w->rs, &w->packets.v[p]);
		struct interp_answer b = interp(&rs, &w->packets.v[p]);
		cr_assert(a.sure == b.sure && a.maybe == b.maybe, "seed %llu packet %zu",
			  (unsigned long long)seed, p);
	}
}

static void check_seed(uint64_t seed, unsigned *n_claims)
{
	struct world w;
	bool hidden[RULES_MAX], gone[RULES_MAX] = { false };
	struct claim want[RULES_MAX];
	world_init(&w, seed);
	struct shadows got = shadow_find(w.arena, &w.rs, w.called);
	cr_assert_eq(got.n_open, 0);
	for (uint32_t i = 0; i < w.rs.n; i++) {
		want[i] = above_claim(&w, i, &hidden[i]);
		gone[i] = hidden[i];
	}
	for (uint32_t i = w.rs.n; i-- > 0;)
		if (!want[i].is && below_claim(&w, i, gone)) {
			want[i] = (struct claim){ true, SHADOW_REDUNDANT, true };
			gone[i] = true;
		}
	bool all[RULES_MAX] = { false };
	for (uint32_t i = 0; i < w.rs.n; i++) {
		const struct rule *r = &w.rules[i];
		const struct shadow *s = find(&got, r);
		if (r->flags & RULE_INACTIVE)
			want[i].is = false;
		cr_assert_eq(want[i].is, s != NULL,
			     "seed %llu rule %u: want %d kind %d below %d",
			     (unsigned long long)seed, i + 1, want[i].is, want[i].kind,
			     want[i].below);
		if (!s)
			continue;
		cr_assert(s->kind == want[i].kind && s->below == want[i].below,
			  "seed %llu rule %u: %d %d, want %d %d", (unsigned long long)seed,
			  i + 1, s->kind, s->below, want[i].kind, want[i].below);
		n_claims[s->below ? 3 : s->kind]++;
		bool one[RULES_MAX] = { false };
		one[i] = all[i] = true;
		if (!w.called || !s->below)
			cr_assert_without(&w, one, seed);
		cr_assert_eq(s->has_witness, s->kind != SHADOW_DEAD, "seed %llu rule %u",
			     (unsigned long long)seed, i + 1);
		if (s->has_witness) {
			cr_assert(match_judge(r->match, &s->witness) != TRUTH_FALSE);
			cr_assert(s->by_default || match_judge(s->covers[0]->match,
							       &s->witness) == TRUTH_TRUE,
				  "seed %llu rule %u cover %u", (unsigned long long)seed, i + 1,
				  s->n_covers ? s->covers[0]->id : 0);
		}
	}
	if (!w.called)
		cr_assert_without(&w, all, seed);
	world_finish(&w);
}

Test(shadow, claims_are_what_the_definitions_say)
{
	unsigned n[4] = { 0 };
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		check_seed(seed, n);
	/* the lists are such that each kind comes up */
	for (int i = 0; i < 4; i++)
		cr_assert_gt(n[i], SEEDS / 20);
}

struct written {
	struct arena *arena;
	struct matches m;
	struct rule rules[64];
	struct ruleset rs;
};

static void written_init(struct written *w)
{
	memset(w, 0, sizeof(*w));
	w->arena = arena_create();
	matches_init(&w->m, w->arena);
	w->rs = (struct ruleset){ .rules = w->rules, .id = 1, .dflt = VERDICT_DENY };
}

static void written_finish(struct written *w)
{
	matches_finish(&w->m);
	arena_destroy(w->arena);
}

/* tcp to the ports. */
static const struct match *tcp(struct written *w, unsigned lo, unsigned hi)
{
	return match_and(&w->m, match_value(&w->m, FIELD_PROTO, PROTO_TCP),
			 match_range(&w->m, FIELD_DPORT, lo, hi));
}

static struct rule *add(struct written *w, enum verdict v, const struct match *m, unsigned line)
{
	struct rule *r = &w->rules[w->rs.n++];
	*r = (struct rule){ .match = m, .verdict = (uint8_t)v, .id = w->rs.n };
	r->at.line = line;
	return r;
}

Test(shadow, covers_are_named_with_the_main_one_first)
{
	struct written w;
	written_init(&w);
	struct rule *low = add(&w, VERDICT_DENY, tcp(&w, 1, 10), 1);
	struct rule *high = add(&w, VERDICT_DENY, tcp(&w, 11, 1000), 2);
	struct rule *hid = add(&w, VERDICT_PERMIT, tcp(&w, 9, 900), 3);
	struct shadows s = shadow_find(w.arena, &w.rs, false);
	const struct shadow *x = find(&s, hid);
	cr_assert(x && x->kind == SHADOW_SHADOWED && x->n_covers == 2);
	cr_assert(x->covers[0] == high || x->covers[0] == low);
	cr_assert(x->covers[1] == high || x->covers[1] == low);
	/* without the low one the hidden one would come to life */
	cr_assert(!find(&s, low) && !find(&s, high));
	written_finish(&w);
}

Test(shadow, parts_of_one_written_rule_are_judged_together)
{
	struct written w;
	written_init(&w);
	add(&w, VERDICT_DENY, tcp(&w, 80, 80), 1);
	struct rule *a = add(&w, VERDICT_PERMIT, tcp(&w, 80, 80), 2);
	struct rule *b = add(&w, VERDICT_PERMIT, tcp(&w, 81, 81), 2);
	a->flags = b->flags = RULE_PART;
	struct rule *c = add(&w, VERDICT_PERMIT, tcp(&w, 81, 81), 3);
	struct rule *d = add(&w, VERDICT_PERMIT, tcp(&w, 80, 80), 3);
	c->flags = d->flags = RULE_PART;
	struct shadows s = shadow_find(w.arena, &w.rs, false);
	cr_assert(!find(&s, a) && !find(&s, b));
	cr_assert(find(&s, c) && find(&s, c)->kind == SHADOW_SHADOWED && !find(&s, d));
	written_finish(&w);
}

Test(shadow, what_was_not_written_is_no_subject_but_hides)
{
	struct written w;
	written_init(&w);
	add(&w, VERDICT_DENY, match_all(&w.m), 1)->flags = RULE_IMPLICIT;
	add(&w, VERDICT_PERMIT, tcp(&w, 1, 2), 2)->flags = RULE_GLUE;
	add(&w, VERDICT_PERMIT, tcp(&w, 1, 2), 3)->flags = RULE_INACTIVE;
	struct rule *r = add(&w, VERDICT_PERMIT, tcp(&w, 1, 2), 4);
	struct shadows s = shadow_find(w.arena, &w.rs, false);
	cr_assert(s.n == 1 && s.v[0].rule == r && s.v[0].covers[0] == &w.rules[0]);
	written_finish(&w);
}

Test(shadow, of_two_alike_only_one_is_named)
{
	struct written w;
	written_init(&w);
	add(&w, VERDICT_PERMIT, tcp(&w, 1, 5), 1);
	add(&w, VERDICT_PERMIT, tcp(&w, 4, 9), 2);
	struct rule *third = add(&w, VERDICT_PERMIT, tcp(&w, 1, 9), 3);
	struct shadows s = shadow_find(w.arena, &w.rs, false);
	cr_assert(s.n == 1 && s.v[0].rule == third && s.v[0].kind == SHADOW_REDUNDANT);
	written_finish(&w);
}

/* Groups too large to be boxes: packet sets have to decide. */
Test(shadow, large_groups_are_judged_exactly)
{
	struct written w;
	struct span odd[600], hosts[600];
	written_init(&w);
	for (unsigned i = 0; i < 600; i++) {
		odd[i].lo = odd[i].hi = (struct addr){ 0, 0x0a000001 + 2 * i };
		hosts[i].lo = hosts[i].hi = (struct addr){ 0, 0x0a000001 + 4 * i };
	}
	const struct match *group = match_spans(&w.m, FIELD_SRC, FAMILY_V4, odd, 600);
	const struct match *to = match_spans(&w.m, FIELD_DST, FAMILY_V4, odd, 600);
	const struct match *part = match_spans(&w.m, FIELD_SRC, FAMILY_V4, hosts, 300);
	const struct match *more = match_spans(&w.m, FIELD_SRC, FAMILY_V4, hosts, 301);
	add(&w, VERDICT_DENY, match_and(&w.m, group, to), 1);
	struct rule *in = add(&w, VERDICT_PERMIT, match_and(&w.m, part, to), 2);
	struct rule *out = add(&w, VERDICT_PERMIT, match_and(&w.m, more, to), 3);
	struct shadows s = shadow_find(w.arena, &w.rs, false);
	cr_assert(find(&s, in) && find(&s, in)->kind == SHADOW_SHADOWED);
	cr_assert(!find(&s, out));
	cr_assert_eq(s.n_open, 0);
	written_finish(&w);
}
