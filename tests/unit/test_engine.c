/* SPDX-License-Identifier: Apache-2.0 */
/* Rulesets as the checks ask for them: once for all places that are one to the ruleset. */
#include <criterion/criterion.h>

#include "diff/engine.h"

static struct snapshot *snap;
static struct arena *arena;
static struct policy policy;
static struct estate estate = { .policy = &policy };
static struct graph graph;
static struct engine en;
static struct rule rules[2];
static struct ruleset list;

static void setup(void)
{
	snap = snapshot_create();
	arena = arena_create();
	snap->n_rules = 5;
	snap->n_rulesets = 6;
	engine_init(&en, arena, &estate, snap, &graph, 0, NULL, NULL);
}

static void teardown(void)
{
	engine_finish(&en);
	arena_destroy(arena);
	snapshot_destroy(snap);
}

TestSuite(engine, .init = setup, .fini = teardown);

/* "from in: all, to out: udp", either NULL */
static void make_list(const char *in, const char *out)
{
	struct matches *m = &snap->matches;
	static const struct range udp = { PROTO_UDP, PROTO_UDP };
	rules[0] = (struct rule){ .id = 1, .verdict = VERDICT_DENY, .match = match_none(m) };
	rules[1] = (struct rule){ .id = 2, .verdict = VERDICT_DENY, .match = match_none(m) };
	if (in)
		rules[0] = (struct rule){ .id = 1,
					  .verdict = VERDICT_PERMIT,
					  .match = match_iface(m, FIELD_IIF, in, false) };
	if (out)
		rules[1] = (struct rule){ .id = 2,
					  .verdict = VERDICT_PERMIT,
					  .match = match_and(
						  m, match_iface(m, FIELD_OIF, out, false),
						  match_ranges(m, FIELD_PROTO, &udp, 1)) };
	list = (struct ruleset){
		.name = "list", .rules = rules, .n = 2, .id = 1, .dflt = VERDICT_DENY
	};
}

static struct bounds asked(const char *iif, const char *oif)
{
	struct pset_assume as = { .first = true };
	struct stage st = {
		.ruleset = &list, .iif = iif, .oif = oif, .physin = "", .physout = ""
	};
	return engine_stage(&en, FAMILY_V4, &st, pset_universe(en.space[FAMILY_V4], &as));
}

Test(engine, lowers_once_for_places_that_are_not_asked_for)
{
	make_list(NULL, "b");
	struct pset to_b = asked("a", "b").sure;
	cr_expect(!pset_is_empty(to_b));
	cr_expect(pset_equal(asked("c", "b").sure, to_b));
	cr_expect_eq(en.lowered.n, 1);
	cr_expect(pset_is_empty(asked("a", "c").maybe));
	cr_expect_eq(en.lowered.n, 2);
}

Test(engine, tells_places_apart_that_are_asked_for)
{
	make_list("a", "b");
	struct pset from_a = asked("a", "b").sure, to_b = asked("c", "b").sure;
	cr_expect(!pset_is_empty(to_b));
	cr_expect(!pset_equal(from_a, to_b));
	cr_expect(pset_equal(asked("a", "d").sure, from_a));
	cr_expect(pset_is_empty(asked("c", "d").maybe));
	cr_expect_eq(en.lowered.n, 4);
}

/* What a called list may do counts for every place and list that calls it, also behind another
 * one that did so before. */
Test(engine, what_is_called_stays_open)
{
	struct matches *m = &snap->matches;
	struct rule ask = { .id = 3,
			    .verdict = VERDICT_PERMIT,
			    .match = match_unknown(m, LOC_NONE, "a rate") };
	struct ruleset inner = { .name = "inner", .rules = &ask, .n = 1, .id = 2 };
	struct rule jump[2] = {
		{ .id = 4, .verdict = VERDICT_JUMP, .target = &inner, .match = match_all(m) },
		{ .id = 5, .verdict = VERDICT_JUMP, .match = match_all(m) },
	};
	struct ruleset outer[2] = {
		{ .name = "first", .rules = jump, .n = 1, .id = 3 },
		{ .name = "second", .rules = jump, .n = 1, .id = 4 },
	};
	make_list("a", NULL);
	rules[1] = (struct rule){
		.id = 2, .verdict = VERDICT_JUMP, .target = &outer[0], .match = match_all(m)
	};
	jump[1].target = &outer[1];
	struct rule both[2] = { rules[1], jump[1] };
	for (int i = 0; i < 4; i++) {
		struct bounds b = asked("b", i % 2 ? "c" : "d");
		cr_expect(pset_is_empty(b.sure), "%d", i);
		cr_expect(!pset_is_empty(b.maybe), "%d", i);
		/* from then on another list calls both, then the second alone */
		list.rules = i < 2 ? both : &jump[1];
		list.n = i < 2 ? 2 : 1;
		list.id = i < 2 ? 5 : 6;
	}
	cr_expect_eq(en.calls[FAMILY_V4].done.n, 3);
}

/* Whether a port is known at all counts, also where its name doesn't. */
Test(engine, tells_the_unknown_place_apart)
{
	make_list(NULL, "b");
	cr_expect(!pset_is_empty(asked("a", "b").sure));
	struct bounds b = asked("a", NULL);
	cr_expect(pset_is_empty(b.sure));
	cr_expect(!pset_is_empty(b.maybe));
	b = asked(NULL, "b");
	cr_expect(!pset_is_empty(b.maybe));
	cr_expect_eq(en.lowered.n, 3);
}

/* A called list that asks for the interface is lowered for each place that asks. */
Test(engine, what_is_called_may_ask_for_the_place)
{
	struct matches *m = &snap->matches;
	make_list("a", NULL);
	struct ruleset inner = list;
	struct rule jump = {
		.id = 3, .verdict = VERDICT_JUMP, .target = &inner, .match = match_all(m)
	};
	list = (struct ruleset){
		.name = "outer", .rules = &jump, .n = 1, .id = 2, .dflt = VERDICT_DENY
	};
	for (int i = 0; i < 2; i++) {
		cr_expect(!pset_is_empty(asked("a", "b").sure));
		cr_expect(pset_is_empty(asked("b", "b").maybe));
	}
}

static bool always(void *user, const struct ruleset *rs)
{
	return user || rs;
}

/* What didn't fit in the space isn't kept for others who call the same list. */
Test(engine, what_is_called_and_too_large_is_not_kept)
{
	enum { MANY = 3000 };
	struct matches *m = &snap->matches;
	struct rule *many = arena_array(arena, MANY, sizeof(*many));
	for (uint32_t i = 0; i < MANY; i++) {
		struct addr a = { 0, i * 2654435761u & UINT32_MAX };
		struct addr b = { 0, i * 40503u * 65537u & UINT32_MAX };
		many[i] = (struct rule){
			.id = i + 1,
			.verdict = i % 3 ? VERDICT_PERMIT : VERDICT_DENY,
			.match = match_and(m, match_prefix(m, FIELD_SRC, FAMILY_V4, a, 32),
					   match_prefix(m, FIELD_DST, FAMILY_V4, b, 32)),
		};
	}
	struct ruleset inner = { .name = "inner", .rules = many, .n = MANY, .id = 1 };
	struct rule jump = {
		.id = MANY + 1, .verdict = VERDICT_JUMP, .target = &inner, .match = match_all(m)
	};
	struct ruleset outer = { .name = "outer", .rules = &jump, .n = 1, .id = 2 };
	struct pset_assume as = { .first = true };
	struct lower_calls calls = { .same = always };
	struct pset_space *small = pset_space_create(FAMILY_V4, 200000);
	struct lowered l = lower_again(small, &outer, &as, pset_all(small), &calls);
	cr_expect(pset_is_spent(l.sure));
	cr_expect(pset_is_spent(l.maybe));
	const char *key = (const char *)&(const struct ruleset *){ &inner };
	struct lower_call **kept =
		(struct lower_call **)map_atn(&calls.done, key, sizeof(void *));
	cr_assert_not_null(*kept);
	cr_expect(!(*kept)->known[0] && !(*kept)->known[1]);
	lower_calls_clear(&calls);
	pset_space_destroy(small);
}
