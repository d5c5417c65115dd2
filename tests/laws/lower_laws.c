/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lowering against the interpreter, and both against the truth.
 *
 *	lower_laws [SEED [RULESETS [PACKETS]]]
 *
 * Random rulesets (chains that call each other, conditions that aren't known, inactive rules)
 * meet packets drawn from their own constants: an end of an interval, or one beside it. For
 * each packet the sets, the function "which rule decides" and the interpreter must agree. Then
 * the unknowns are settled at random, and a third walker, which knows neither bounds nor sets,
 * says what really happens in that world: never a permit outside `maybe`, never a denial
 * inside `sure`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/interp.h"
#include "model/lower.h"
#include "tests/laws/random_world.h"

/* ---- what really happens when every unknown is settled ---- */

/* Each unknown of each rule is true or false for this packet, by the seed. */
static bool settled(uint64_t seed, uint32_t a, uint32_t b)
{
	uint64_t z = seed ^ (uint64_t)a << 32 ^ b;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) & 1;
}

static bool holds(const struct match *m, const struct packet *p, uint64_t seed, uint32_t rule)
{
	bool any = false, all = true;
	switch ((enum match_kind)m->kind) {
	case MATCH_UNKNOWN:
		return settled(seed, rule, m->id);
	case MATCH_NOT:
		/* the reader's NOT of an unknown is an unknown: settled by the node itself */
		return !holds(m->kids[0], p, seed, rule);
	case MATCH_AND:
	case MATCH_OR:
		for (uint32_t i = 0; i < m->n; i++) {
			bool h = holds(m->kids[i], p, seed, rule);
			any |= h, all &= h;
		}
		return m->kind == MATCH_AND ? all : any;
	case MATCH_IFACE:
		if (!packet_word(p, (enum field)m->field))
			return settled(seed, 0, m->id);
		break;
	default:
		break;
	}
	return match_judge(m, p) == TRUTH_TRUE;
}

enum fate { OPEN, PERMIT, DENY, CYCLE };

static enum fate live(const struct ruleset *rs, const struct packet *p, uint64_t seed,
		      unsigned depth)
{
	if (depth > 12)
		return CYCLE;
	for (uint32_t i = 0; i < rs->n; i++) {
		const struct rule *r = &rs->rules[i];
		enum fate f;
		if (r->flags & RULE_INACTIVE || !holds(r->match, p, seed, r->id))
			continue;
		switch ((enum verdict)r->verdict) {
		case VERDICT_PERMIT:
			return PERMIT;
		case VERDICT_DENY:
			return DENY;
		case VERDICT_UNKNOWN:
			return settled(seed, r->id, 0) ? PERMIT : DENY;
		case VERDICT_RETURN:
			return OPEN;
		case VERDICT_JUMP:
			if ((f = live(r->target, p, seed, depth + 1)) != OPEN)
				return f;
			break;
		case VERDICT_GOTO:
			return live(r->target, p, seed, depth + 1);
		case VERDICT_CONTINUE:
			break;
		}
	}
	return OPEN;
}

/* ---- the laws ---- */

static size_t failures;

static void fail(const char *law, uint64_t seed, const struct packet *p)
{
	struct text t = { 0 };
	if (p)
		packet_print(&t, p);
	if (failures++ < 20)
		printf("%s broken: ruleset seed %" PRIu64 ", packet %s\n", law, seed, t.s ? t.s : "-");
	text_finish(&t);
}

static size_t n_exact, n_bounded, n_worlds;

static void check_packet(struct pset_space *const *sp, const struct lowered *lo,
			 const struct pset (*by)[2], const struct ruleset *rs,
			 const struct packet *p, uint64_t seed)
{
	struct interp_answer a = interp(rs, p);
	unsigned f = p->family;
	bool sure = pset_has(sp[f], lo[f].sure, p), maybe = pset_has(sp[f], lo[f].maybe, p);
	if (sure != a.sure)
		fail("sure is what the interpreter says", seed, p);
	if (maybe != a.maybe)
		fail("maybe is what the interpreter says", seed, p);
	if (sure && !maybe)
		fail("sure within maybe", seed, p);
	if (sure != maybe && !a.unknown_rule && rs->dflt != VERDICT_UNKNOWN)
		fail("an unknown answer names its rule", seed, p);
	for (int b = 0; b < 2; b++) {
		uint32_t label = pset_label_of(sp[f], by[f][b], p);
		const struct rule *r = b ? a.maybe_rule : a.sure_rule;
		if (label >> 1 != (r ? r->id : LOWER_DEFAULT) || (label & 1) != (b ? maybe : sure))
			fail("the rule that decides is the interpreter's", seed, p);
	}
	if (sure == maybe)
		n_exact++;
	else
		n_bounded++;
	for (int i = 0; i < 2; i++) {
		uint64_t world = rnd();
		enum fate real = live(rs, p, world, 0);
		if (real == CYCLE)
			continue;
		if (real == OPEN)
			real = rs->dflt == VERDICT_PERMIT ||
					       (rs->dflt == VERDICT_UNKNOWN && settled(world, 0, 0))
				       ? PERMIT
				       : DENY;
		n_worlds++;
		if (real == PERMIT && !maybe)
			fail("nothing outside maybe is permitted", seed, p);
		if (real == DENY && sure)
			fail("nothing inside sure is denied", seed, p);
	}
}

static void check_ruleset(uint64_t seed, size_t packets)
{
	state = seed;
	struct snapshot *snap = snapshot_create();
	struct device_build *b = device_build_start(snap, "d", "test", PLANE_PHYSICAL, LOC_NONE);
	random_rulesets(b, "r", seed % 3 != 0);
	const struct device *dev = device_build_finish(b);
	struct pool pool = { 0 };
	for (size_t i = 0; i < dev->n_rulesets; i++)
		for (uint32_t k = 0; k < dev->rulesets[i]->n; k++)
			gather(&pool, dev->rulesets[i]->rules[k].match);
	const struct ruleset *rs = dev->rulesets[0];
	static const char *const names[] = { "eth0", "eth1", NULL };
	struct pset_assume as = { .iif = names[below(3)],
				  .oif = names[below(3)],
				  .physin = names[below(3)],
				  .state = -1,
				  .fragment = -1 };
	const struct pset_assume *known = !as.iif && !as.oif && !as.physin && one_in(2) ? NULL : &as;
	struct pset_space *sp[FAMILY_COUNT];
	struct lowered lo[FAMILY_COUNT];
	struct pset by[FAMILY_COUNT][2];
	for (int f = 0; f < FAMILY_COUNT; f++) {
		sp[f] = pset_space_create((enum family)f, 0);
		struct pset all = pset_all(sp[f]);
		lo[f] = lower(sp[f], rs, known, all);
		by[f][0] = lower_decides(sp[f], rs, known, BOUND_SURE, all);
		by[f][1] = lower_decides(sp[f], rs, known, BOUND_MAYBE, all);
		if (!pset_subset(sp[f], lo[f].sure, lo[f].maybe))
			fail("sure is a subset of maybe", seed, NULL);
	}
	for (size_t i = 0; i < packets; i++) {
		struct packet p = draw(&pool, as.iif, as.oif);
		p.physin = as.physin;
		check_packet(sp, lo, (const struct pset(*)[2])by, rs, &p, seed);
	}
	for (int f = 0; f < FAMILY_COUNT; f++) {
		pset_space_destroy(sp[f]);
		vec_free(&pool.addr[f]);
	}
	vec_free(&pool.port);
	snapshot_destroy(snap);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	size_t rulesets = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
	size_t packets = argc > 3 ? strtoul(argv[3], NULL, 10) : 2000;
	for (size_t i = 0; i < rulesets; i++)
		check_ruleset(seed * 1000003 + i, packets);
	printf("seed %" PRIu64 ": %zu rulesets, %zu packets (%zu exact, %zu bounded), %zu worlds, "
	       "%zu mismatches\n",
	       seed, rulesets, n_exact + n_bounded, n_exact, n_bounded, n_worlds, failures);
	return failures || !n_exact || !n_worlds;
}
