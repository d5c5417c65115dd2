/* SPDX-License-Identifier: Apache-2.0 */
/* The walk that passes rules over against the walk that looks at each of them. */
#include <criterion/criterion.h>
#include <string.h>

#include "model/interp.h"
#include "model/skim.h"
#include "tests/unit/random_rules.h"

enum { SEEDS = 120, RULES = 150, TARGET_RULES = 70 };

static void fill(struct small *s, struct rule *v, uint32_t n, uint32_t from,
		 const struct ruleset *target)
{
	for (uint32_t i = 0; i < n; i++) {
		v[i] = small_rule(s, from + i);
		unsigned kind = small_random(s, 12);
		if (kind < 2 && target) {
			v[i].verdict = kind ? VERDICT_JUMP : VERDICT_GOTO;
			v[i].target = target;
		} else if (kind == 2) {
			v[i].verdict = VERDICT_RETURN;
		} else if (kind == 3) {
			v[i].verdict = VERDICT_UNKNOWN;
		}
		/* few match, so that many are passed over */
		if (small_random(s, 4))
			v[i].match = match_and(s->m, v[i].match, small_match(s));
	}
}

static void hold(uint64_t seed)
{
	struct arena *a = arena_create();
	struct matches m;
	struct small s;
	static struct rule rules[RULES], targets[TARGET_RULES];
	matches_init(&m, a);
	small_init(&s, &m, seed);
	struct ruleset target = { .rules = targets, .n = TARGET_RULES, .id = 2, .name = "two" };
	struct ruleset rs = { .rules = rules, .n = RULES, .id = 1, .name = "one" };
	fill(&s, targets, TARGET_RULES, RULES + 1, NULL);
	fill(&s, rules, RULES, 1, &target);
	struct packets p = { 0 };
	struct skims *skims = skims_create();
	small_packets(&s, &p);
	for (size_t i = 0; i < p.n; i++) {
		struct interp_answer x = interp(&rs, &p.v[i]);
		struct interp_answer y = interp_skimming(&rs, &p.v[i], skims);
		cr_assert(x.sure == y.sure && x.maybe == y.maybe &&
				  x.sure_rule == y.sure_rule && x.maybe_rule == y.maybe_rule &&
				  x.unknown_rule == y.unknown_rule,
			  "seed %llu packet %zu", (unsigned long long)seed, i);
	}
	vec_free(&p);
	skims_destroy(skims);
	matches_finish(&m);
	arena_destroy(a);
}

Test(skim, passes_over_what_cannot_match)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		hold(seed);
}

/* Most rules of a list of hosts are never looked at. */
Test(skim, looks_at_few)
{
	enum { N = 5000 };
	struct arena *a = arena_create();
	struct matches m;
	matches_init(&m, a);
	struct rule *v = arena_array(a, N, sizeof(*v));
	for (uint32_t i = 0; i < N; i++)
		v[i] = (struct rule){ .match = match_prefix(&m, FIELD_DST, FAMILY_V4,
							    (struct addr){ 0, i * 7 }, 32),
				      .id = i + 1 };
	struct ruleset rs = { .rules = v, .n = N, .id = 1 };
	struct skims *skims = skims_create();
	struct packet p = { .dst = { 0, 7 * 4000 } };
	struct skim_at at;
	size_t looked = 0;
	cr_assert(skim_seek(skims, &rs, &p, &at));
	for (uint32_t i = skim_next(&at, 0); i < N; i = skim_next(&at, i + 1))
		looked++;
	cr_assert_eq(looked, 1);
	skims_destroy(skims);
	matches_finish(&m);
	arena_destroy(a);
}
