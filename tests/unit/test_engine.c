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
	snap->n_rules = 2;
	snap->n_rulesets = 1;
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
					  .match = match_and(m, match_iface(m, FIELD_OIF, out, false),
							     match_ranges(m, FIELD_PROTO, &udp, 1)) };
	list = (struct ruleset){ .name = "list", .rules = rules, .n = 2, .id = 1, .dflt = VERDICT_DENY };
}

static struct bounds asked(const char *iif, const char *oif)
{
	struct pset_assume as = { .first = true };
	struct stage st = { .ruleset = &list, .iif = iif, .oif = oif, .physin = "", .physout = "" };
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
