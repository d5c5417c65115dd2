/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An estate against the same estate changed in one way.
 *
 *	path_twists [SEED [ESTATES]]
 *
 * Each random estate (tests/laws/estate_random.h) is built twice, the second time with a twist,
 * in the same spaces, so that two sets are the same where their values are:
 *
 *	- a rule more that permits never takes anything away, of what is sure nor of what may
 * be;
 *	- other names of devices, ports and rulesets change nothing;
 *	- the order of sources, devices, ports, routes, links and bindings changes nothing;
 *	- a route as two halves changes nothing;
 *	- a zone as two halves gives two parts of the same sets;
 *
 * and of each estate for itself: what passes all rulesets passes those of each plane.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff/engine.h"
#include "tests/laws/estate_random.h"

enum { ZONES = 16, SETS = 2 * (PLANE_COUNT + 1) + 2 };

static const char *const twist_names[] = { "none",  "permit", "rename",
					   "order", "split",  "halves" };
static const char *const set_names[SETS] = { "P sure", "P maybe", "V sure",   "V maybe",
					     "E sure", "E maybe", "universe", "intent" };

/* Everything that is said of a pair, as a row. */
struct row {
	struct pset v[SETS];
	size_t n_ways;
	struct pset unknown;
	bool full; /* more ways than are followed: nothing is said of it */
};

static size_t failures, n_rows[TWIST_COUNT], n_told[TWIST_COUNT], n_grown;

static void fail(uint64_t seed, enum twist_kind twist, const char *what,
		 const struct zone *from, const struct zone *to, struct pset_space *sp,
		 struct pset wrong)
{
	struct text t = { 0 };
	struct packet p;
	if (failures++ >= 20)
		return;
	if (pset_pick(sp, wrong, &p))
		packet_print(&t, &p);
	printf("broken: %s, %s: estate seed %" PRIu64 ", %s to %s, packet %s\n",
	       twist_names[twist], what, seed, from->name, to->name, t.s ? t.s : "-");
	text_finish(&t);
}

static struct row row_of(struct engine *en, struct random_estate *re, size_t i, size_t k,
			 enum family f)
{
	struct pair p;
	struct path *path = arena_alloc(re->arena, sizeof(*path));
	path_find(re->arena, en->graph, &en->matches, &re->policy.zones[i],
		  &re->policy.zones[k], path);
	engine_pair(en, path, f, NULL, &p);
	return (struct row){ { p.plane[0].sure, p.plane[0].maybe, p.plane[1].sure,
			       p.plane[1].maybe, p.effective.sure, p.effective.maybe,
			       p.universe, p.intent },
			     path->n_ways,
			     p.unknown,
			     !path->n_ways && path->why };
}

static struct row both(struct pset_space *sp, struct row a, struct row b)
{
	for (int i = 0; i < SETS; i++)
		a.v[i] = pset_or(sp, a.v[i], b.v[i]);
	a.full |= b.full;
	a.unknown = pset_or(sp, a.unknown, b.unknown);
	return a;
}

static struct pset differing(struct pset_space *sp, struct pset a, struct pset b)
{
	return pset_or(sp, pset_minus(sp, a, b), pset_minus(sp, b, a));
}

static bool is_sure(int set)
{
	return set < 6 && set % 2 == 0;
}

static void compare(uint64_t seed, enum twist_kind twist, struct pset_space *sp,
		    const struct zone *from, const struct zone *to, bool to_half,
		    const struct row *was, const struct row *is)
{
	n_rows[twist]++;
	n_told[twist] += !pset_is_empty(was->v[4]);
	/* of what may be of either half it may not be known where it goes */
	struct pset open = pset_none();
	if (twist == TWIST_HALVES)
		open = pset_or(sp, was->unknown, is->unknown);
	for (int i = 0; i < SETS; i++) {
		bool more = twist == TWIST_PERMIT,
		     less = twist == TWIST_HALVES && to_half && is_sure(i);
		/* a translation may choose between the halves: each of them is less sure */
		struct pset wrong = more   ? pset_minus(sp, was->v[i], is->v[i])
				    : less ? pset_minus(sp, is->v[i], was->v[i])
					   : differing(sp, was->v[i], is->v[i]);
		wrong = pset_minus(sp, wrong, open);
		if (!pset_is_empty(wrong))
			fail(seed, twist, set_names[i], from, to, sp, wrong);
	}
	n_grown += twist == TWIST_PERMIT && !pset_equal(was->v[4], is->v[4]);
}

/* E is within P and V; of one way on which nothing is unknown it is all that both permit. */
static void check_planes(uint64_t seed, struct pset_space *sp, const struct random_estate *re,
			 const struct zone *from, const struct zone *to, const struct row *r)
{
	for (int i = 0; i < 2; i++) {
		struct pset pv = pset_and(sp, r->v[i], r->v[2 + i]), e = r->v[4 + i];
		if (!pset_subset(sp, e, pv))
			fail(seed, TWIST_NONE, "E within P and V", from, to, sp,
			     pset_minus(sp, e, pv));
		if (re->exact && r->n_ways == 1 && !pset_equal(pset_and(sp, pv, r->v[6]), e))
			fail(seed, TWIST_NONE, "E is all of P and V on one way", from, to, sp,
			     differing(sp, e, pv));
	}
}

static void check_one(uint64_t seed, enum twist_kind twist)
{
	struct random_estate was, is;
	struct engine a, b;
	random_estate_init(&was, seed, TWIST_NONE);
	random_estate_init(&is, seed, twist);
	engine_init(&a, was.arena, &was.estate, was.snap, NULL, 0, NULL, NULL);
	engine_init(&b, is.arena, &is.estate, is.snap, NULL, 0, NULL, &a);
	size_t n = was.policy.n_zones, last = is.policy.n_zones - 1;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			for (int f = 0; f < FAMILY_COUNT && i != k; f++) {
				struct pset_space *sp = a.space[f];
				const struct zone *from = &was.policy.zones[i],
						  *to = &was.policy.zones[k];
				if (!was.policy.families[f])
					continue;
				struct row x = row_of(&a, &was, i, k, (enum family)f);
				struct row y = row_of(&b, &is, i, k, (enum family)f);
				if (twist == TWIST_HALVES && !i)
					y = both(sp, y,
						 row_of(&b, &is, last, k, (enum family)f));
				if (twist == TWIST_HALVES && !k)
					y = both(sp, y,
						 row_of(&b, &is, i, last, (enum family)f));
				/* halves have other ways than the whole: one may be too many */
				if (twist != TWIST_HALVES || !(x.full || y.full))
					compare(seed, twist, sp, from, to, !k, &x, &y);
				check_planes(seed, sp, &was, from, to, &x);
			}
	engine_finish(&b);
	engine_finish(&a);
	random_estate_finish(&was);
	random_estate_finish(&is);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	size_t estates = argc > 2 ? strtoul(argv[2], NULL, 10) : 40;
	for (size_t i = 0; i < estates; i++)
		for (enum twist_kind t = TWIST_PERMIT; t < TWIST_COUNT; t++)
			check_one(seed * 1000003 + i, t);
	printf("seed %" PRIu64 ": %zu estates", seed, estates);
	for (enum twist_kind t = TWIST_PERMIT; t < TWIST_COUNT; t++)
		printf(", %s %zu pairs (%zu pass something)", twist_names[t], n_rows[t],
		       n_told[t]);
	printf("; a permit opened %zu; %zu laws broken\n", n_grown, failures);
	return failures != 0;
}
