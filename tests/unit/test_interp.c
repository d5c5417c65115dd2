/* SPDX-License-Identifier: Apache-2.0 */
/* What the random laws can't reach: rulesets that no reader makes, and work without end. */
#include <criterion/criterion.h>

#include "model/interp.h"
#include "model/lower.h"
#include "model/snapshot.h"

static const struct packet packet = { .family = FAMILY_V4, .proto = PROTO_TCP, .flags = TCP_SYN };

Test(interp, a_ruleset_that_calls_itself_is_unknown)
{
	struct arena *a = arena_create();
	struct matches m;
	matches_init(&m, a);
	struct ruleset rs = { .name = "loop", .dflt = VERDICT_PERMIT, .n = 1 };
	struct rule r = { .match = match_all(&m), .verdict = VERDICT_JUMP, .target = &rs, .id = 1 };
	rs.rules = &r;
	struct interp_answer ans = interp(&rs, &packet);
	cr_assert(!ans.sure && ans.maybe);
	cr_assert_eq(ans.unknown_rule, &r);
	matches_finish(&m);
	arena_destroy(a);
}

Test(interp, a_ladder_of_calls_ends)
{
	struct arena *a = arena_create();
	struct matches m;
	matches_init(&m, a);
	enum { RUNGS = 40 };
	static struct ruleset rs[RUNGS + 1];
	static struct rule r[RUNGS][2];
	for (int i = 0; i < RUNGS; i++) {
		for (int k = 0; k < 2; k++)
			r[i][k] = (struct rule){ .match = match_all(&m), .verdict = VERDICT_JUMP,
						 .target = &rs[i + 1] };
		rs[i].rules = r[i];
		rs[i].n = 2;
	}
	rs[0].dflt = VERDICT_DENY;
	struct interp_answer ans = interp(&rs[0], &packet);
	cr_assert(!ans.sure && ans.maybe, "too much work is unknown");
	cr_assert_not_null(ans.unknown_rule);
	matches_finish(&m);
	arena_destroy(a);
}

Test(interp, a_cycle_is_marked_and_lowered_alike)
{
	struct snapshot *s = snapshot_create();
	struct device_build *b = device_build_start(s, "d", "test", PLANE_VIRTUAL, LOC_NONE);
	struct ruleset *top = device_build_ruleset(b, "top", "chain", LOC_NONE);
	struct ruleset *x = device_build_ruleset(b, "x", "chain", LOC_NONE);
	struct ruleset *y = device_build_ruleset(b, "y", "chain", LOC_NONE);
	const struct match *all = match_all(&s->matches);
	struct rule jx = { .match = all, .verdict = VERDICT_JUMP, .target = x };
	struct rule jy = { .match = all, .verdict = VERDICT_GOTO, .target = y };
	device_build_rules(b, top, &jx, 1);
	device_build_rules(b, x, &jy, 1);
	device_build_rules(b, y, &jx, 1);
	device_build_finish(b);
	cr_assert(x->opaque && y->opaque);
	struct interp_answer ans = interp(top, &packet);
	cr_assert(!ans.sure && ans.maybe);
	struct pset_space *sp = pset_space_create(FAMILY_V4, 0);
	struct lowered lo = lower(sp, top, NULL, pset_all(sp));
	cr_assert(pset_is_empty(lo.sure));
	cr_assert(pset_equal(lo.maybe, pset_all(sp)));
	pset_space_destroy(sp);
	snapshot_destroy(s);
}

Test(lower, a_spent_space_says_so)
{
	struct snapshot *s = snapshot_create();
	struct device_build *b = device_build_start(s, "d", "test", PLANE_VIRTUAL, LOC_NONE);
	struct ruleset *rs = device_build_ruleset(b, "big", "list", LOC_NONE);
	VEC(struct rule) rules = { 0 };
	for (uint64_t i = 0; i < 20000; i++) {
		struct addr at = { 0, i * 2654435761u & 0xffffffff }, to = { 0, i * 40503u << 8 & 0xffffffff };
		*vec_add(&rules) = (struct rule){
			.match = match_and(&s->matches,
					   match_prefix(&s->matches, FIELD_SRC, FAMILY_V4, at, 30),
					   match_prefix(&s->matches, FIELD_DST, FAMILY_V4, to, 29)),
			.verdict = i % 3 ? VERDICT_PERMIT : VERDICT_DENY
		};
	}
	device_build_rules(b, rs, rules.v, rules.n);
	device_build_finish(b);
	struct pset_space *sp = pset_space_create(FAMILY_V4, (size_t)1 << 18);
	struct lowered lo = lower(sp, rs, NULL, pset_all(sp));
	cr_assert(pset_is_spent(lo.sure) && pset_is_spent(lo.maybe));
	cr_assert(!pset_is_empty(lo.sure), "spent is not empty");
	pset_space_destroy(sp);
	vec_free(&rules);
	snapshot_destroy(s);
}
