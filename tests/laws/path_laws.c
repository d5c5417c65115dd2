/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sets of every zone pair against one packet at a time.
 *
 *	path_laws [SEED [ESTATES [PACKETS]]]
 *
 * Random estates (tests/laws/estate_random.h) are searched for ways, and the three sets of each
 * pair put together. Then packets are sent through the estate by a walker that knows neither
 * sets nor ways (tests/laws/walker.h), with the rulesets of both planes in force and of each
 * one alone:
 *
 *	- a packet inside `sure` arrives at the zone, whatever is chosen on the way;
 *	- a packet outside `maybe` never does, nor gets where nobody knows more of it;
 *	- a packet that may arrive is in the pair's universe, whatever address it was sent to;
 *	- it is declared in the terms in which it arrives.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff/engine.h"
#include "tests/laws/estate_random.h"
#include "tests/laws/walker.h"

enum { ZONES = 16, SETS = PLANE_COUNT + 1 };

struct family_pair {
	bool asked;
	struct pair pair;
};

struct pairs {
	bool judged[ZONES][ZONES]; /* derived from routes */
	struct path path[ZONES][ZONES];
	struct family_pair of[ZONES][ZONES][FAMILY_COUNT];
};

static size_t failures, n_packets, n_asked, n_arrive, n_dropped, n_open_fates, n_own, n_many;
static size_t n_pairs, n_exact, n_open, n_unjudged, n_passing, n_translated;
static size_t n_sure, n_not, n_neither;
static struct broken {
	const char *law;
	size_t n;
} broken[16];
static size_t n_broken;
static size_t n_unknown, n_named, n_moved;
static bool verbose;

static void say_fates(const struct fates *f)
{
	static const char *const kinds[] = { "arrives", "dropped", "own", "unknown", "unsure" };
	for (size_t i = 0; i < f->n; i++) {
		struct text t = { 0 };
		packet_print(&t, &f->v[i].packet);
		printf("    %s %s at %s (%s): %s\n", kinds[f->v[i].kind],
		       f->v[i].zone ? f->v[i].zone->name : "",
		       f->v[i].device ? f->v[i].device->name : "-",
		       f->v[i].why ? f->v[i].why : "", t.s);
		text_finish(&t);
	}
}

static void fail(const char *law, uint64_t seed, const struct zone *from, const struct zone *to,
		 const char *which, const struct packet *p, const struct fates *f)
{
	struct text t = { 0 };
	size_t i = 0;
	failures++;
	while (i < n_broken && strcmp(broken[i].law, law))
		i++;
	if (i == n_broken)
		broken[n_broken++].law = law;
	if (broken[i].n++ >= 4)
		return;
	if (p)
		packet_print(&t, p);
	printf("broken: %s: estate seed %" PRIu64 ", %s to %s (%s), packet %s\n", law, seed,
	       from->name, to->name, which, t.s ? t.s : "-");
	if (f)
		say_fates(f);
	text_finish(&t);
}

/* Where the estate binds both zones to one device, the way is told by that alone. */
static bool is_declared(const struct estate *e, const struct zone *from, const struct zone *to)
{
	for (size_t i = 0; i < e->n_sources; i++) {
		bool a = false, b = false, up = e->sources[i].uplink != NULL;
		for (size_t k = 0; k < e->n_bindings; k++) {
			bool here = !strcmp(e->bindings[k].device, e->sources[i].name);
			a |= here && e->bindings[k].zone == from;
			b |= here && e->bindings[k].zone == to;
		}
		if ((a && b) || (up && (a || b)))
			return true;
	}
	return false;
}

/* ---- the laws ---- */

static bool lists(const struct zone *const *v, size_t n, const struct zone *z)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == z)
			return true;
	return false;
}

/* What the policy says of a packet that was sent as p and delivered as d. */
static bool declared(const struct policy *pol, const struct zone *from, const struct zone *to,
		     const struct packet *p, const struct packet *d)
{
	struct packet x = *d;
	bool allow = false, deny = false;
	x.src = p->src;
	for (size_t i = 0; i < pol->n_flows; i++) {
		const struct flow *fl = &pol->flows[i];
		if (!lists(fl->from, fl->n_from, from) || !lists(fl->to, fl->n_to, to) ||
		    match_judge(fl->service, &x) != TRUTH_TRUE)
			continue;
		deny |= fl->action == FLOW_DENY;
		allow |= fl->action != FLOW_DENY;
	}
	return allow && !deny;
}

struct seen {
	bool any, all, gap, own; /* arrives; and nothing else happens; nobody knows */
	bool guessed;		 /* some address was only tried */
	bool declared, undeclared;
};

static struct seen look(const struct policy *pol, const struct fates *f,
			const struct zone *from, const struct zone *to, const struct packet *p)
{
	struct seen s = { .all = f->n > 0 };
	for (size_t i = 0; i < f->n; i++) {
		const struct fate *x = &f->v[i];
		if (x->kind == FATE_OWN && zone_has(to, &x->packet, false)) {
			/* the zone's own address on a device: held to nothing */
			s.own = true;
			continue;
		}
		s.guessed |= x->kind == FATE_UNSURE;
		bool here = x->kind == FATE_ARRIVES && x->zone == to;
		s.any |= here;
		s.all &= here;
		s.gap |= x->kind == FATE_UNKNOWN && zone_has(to, &x->packet, false);
		if (here && declared(pol, from, to, p, &x->packet))
			s.declared = true;
		else if (here)
			s.undeclared = true;
	}
	return s;
}

static bool same_addresses(const struct packet *a, const struct packet *b)
{
	return addr_equal(a->src, b->src) && addr_equal(a->dst, b->dst);
}

static void check_pair(uint64_t seed, const struct random_estate *re, const struct pair *pair,
		       struct pset_space *sp, const struct packet *p,
		       const struct fates fates[SETS])
{
	static const char *const which[] = { "P", "V", "E" };
	const struct zone *from = pair->from, *to = pair->to;
	bool in = pset_has(sp, pair->universe, p);
	n_asked++;
	/* nothing is said of what takes a way that isn't known to its end */
	if (pset_has(sp, pair->unknown, p)) {
		n_unknown++;
		return;
	}
	for (int i = 0; i < SETS; i++) {
		const struct fates *f = &fates[i];
		const struct bounds *b = i < PLANE_COUNT ? &pair->plane[i] : &pair->effective;
		if (f->many || (i < PLANE_COUNT && !pair->present[i]))
			continue;
		struct seen s = look(&re->policy, f, from, to, p);
		bool sure = in && pset_has(sp, b->sure, p),
		     maybe = in && pset_has(sp, b->maybe, p);
		if (i == PLANE_COUNT && in) {
			n_sure += sure;
			n_moved += sure && f->n && f->v[0].kind == FATE_ARRIVES &&
				   !same_addresses(&f->v[0].packet, p);
			n_not += !maybe;
			n_neither += maybe && !sure;
		}
		if (sure && !maybe)
			fail("sure within maybe", seed, from, to, which[i], p, f);
		if (sure && !s.all)
			fail("sure packets arrive", seed, from, to, which[i], p, f);
		if (in && s.any && !maybe)
			fail("what arrives is in maybe", seed, from, to, which[i], p, f);
		if (in && s.gap && !maybe)
			fail("what nobody knows is in maybe", seed, from, to, which[i], p, f);
		if (!in && s.any && !s.guessed && !s.own)
			fail("what arrives is in the universe", seed, from, to, which[i], p, f);
		if (i == PLANE_COUNT && sure && s.any && s.declared != s.undeclared && !s.own &&
		    pset_has(sp, pair->intent, p) != s.declared)
			fail("what arrives is judged as it arrives", seed, from, to, which[i],
			     p, f);
	}
}

static void count_fates(const struct fates *f)
{
	n_many += f->many;
	for (size_t i = 0; i < f->n; i++) {
		n_arrive += f->v[i].kind == FATE_ARRIVES;
		n_dropped += f->v[i].kind == FATE_DROPPED;
		n_own += f->v[i].kind == FATE_OWN;
		n_open_fates += f->v[i].kind >= FATE_UNKNOWN;
	}
}

static void check_packets(uint64_t seed, const struct random_estate *re, struct engine *en,
			  struct pairs *ps, const struct walker *w, size_t packets)
{
	struct rng r = { seed + 77 };
	const struct policy *pol = &re->policy;
	for (size_t n = 0; n < packets; n++) {
		struct fates fates[SETS];
		size_t from = below(&r, (unsigned)pol->n_zones);
		struct packet p = random_packet(re, &r, &pol->zones[from]);
		n_packets++;
		for (unsigned i = 0; i < SETS; i++)
			walker_walk(w, &pol->zones[from], &p, i < PLANE_COUNT ? 1u << i : 3u,
				    &fates[i]);
		count_fates(&fates[PLANE_COUNT]);
		for (size_t to = 0; to < pol->n_zones; to++) {
			struct family_pair *fp = &ps->of[from][to][p.family];
			if (!fp->asked || fp->pair.spent || !path_known(fp->pair.path))
				continue;
			check_pair(seed, re, &fp->pair, en->space[p.family], &p, fates);
		}
	}
}

static void say_path(const struct path *p, int family)
{
	static const char *const ends[] = { "arrives", "dropped", "unknown", "aside" };
	printf("%s to %s%s%s\n", p->from->name, p->to->name, p->why ? ": " : "",
	       p->why ? p->why : "");
	for (size_t w = 0; w < p->n_ways; w++) {
		const struct route_way *way = &p->ways[w];
		struct text t = { 0 };
		if (!(way->families >> family & 1))
			continue;
		for (size_t i = 0; i < way->n_points; i++) {
			text_putf(&t, " [%s]", way->points[i].text);
			for (size_t k = 0; k < way->points[i].n_steps; k++) {
				const struct way_step *st = &way->points[i].steps[k];
				if (st->kind == STEP_STAGE)
					text_putf(&t, " %s", st->stage->ruleset->name);
				if (st->kind == STEP_REWRITE)
					text_put(&t, " translate");
				if (st->kind == STEP_TAKE) {
					text_put(&t, st->negate ? " unless " : " if ");
					match_print(&t, st->match);
				}
			}
		}
		printf("  %s%s%s:%s\n", ends[way->end], way->why ? ", " : "",
		       way->why ? way->why : "", t.s ? t.s : "");
		text_finish(&t);
	}
}

static void count_pair(const struct pair *p)
{
	bool known = pset_is_empty(p->unknown);
	bool exact = pset_equal(p->effective.sure, p->effective.maybe);
	bool open =
		pset_is_empty(p->effective.sure) && pset_equal(p->effective.maybe, p->universe);
	if (pset_is_empty(p->universe) && known)
		return;
	n_pairs++;
	n_exact += known && exact;
	n_open += pset_is_empty(p->universe) || (!exact && open);
	n_named += !known;
	n_passing += !pset_is_empty(p->effective.sure);
	n_translated += !pset_is_empty(p->translated);
}

static void all_pairs(const struct random_estate *re, struct engine *en, struct pairs *ps)
{
	const struct policy *pol = &re->policy;
	for (size_t i = 0; i < pol->n_zones; i++)
		for (size_t k = 0; k < pol->n_zones; k++) {
			const struct zone *from = &pol->zones[i], *to = &pol->zones[k];
			if (i == k && !from->self)
				continue;
			if (is_declared(&re->estate, from, to)) {
				n_unjudged++;
				continue;
			}
			path_find(re->arena, en->graph, &en->matches, from, to,
				  &ps->path[i][k]);
			for (int f = 0; f < FAMILY_COUNT; f++) {
				struct family_pair *fp = &ps->of[i][k][f];
				if (!pol->families[f])
					continue;
				engine_pair(en, &ps->path[i][k], (enum family)f, NULL,
					    &fp->pair);
				fp->asked = true;
				count_pair(&fp->pair);
				if (verbose)
					say_path(&ps->path[i][k], f);
			}
		}
}

static void check_one(uint64_t seed, size_t packets)
{
	struct random_estate re;
	struct engine en;
	struct walker w;
	struct pairs *ps = xcalloc(1, sizeof(*ps));
	random_estate_init(&re, seed, TWIST_NONE);
	engine_init(&en, re.arena, &re.estate, re.snap, NULL, 0, NULL, NULL);
	walker_init(&w, &re.estate, re.snap);
	for (int f = 0; f < FAMILY_COUNT; f++)
		w.sample[f] = re.addr[f].v, w.n_sample[f] = re.addr[f].n;
	all_pairs(&re, &en, ps);
	check_packets(seed, &re, &en, ps, &w, packets);
	walker_finish(&w);
	engine_finish(&en);
	random_estate_finish(&re);
	free(ps);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	size_t estates = argc > 2 ? strtoul(argv[2], NULL, 10) : 150;
	size_t packets = argc > 3 ? strtoul(argv[3], NULL, 10) : 400;
	/* an estate's own seed, as a broken law prints it */
	if ((verbose = estates == 0))
		check_one(seed, packets);
	for (size_t i = 0; i < estates; i++)
		check_one(seed * 1000003 + i, packets);
	printf("seed %" PRIu64
	       ": %zu estates, %zu packets, asked of %zu pairs; fates: %zu arrive, "
	       "%zu dropped, %zu taken by a device, %zu open, %zu too many to follow\n",
	       seed, estates, n_packets, n_asked, n_arrive, n_dropped, n_own, n_open_fates,
	       n_many);
	printf("pairs: %zu; exact %zu, with packets of which nobody knows the way %zu, wholly "
	       "open %zu; %zu pass something surely, %zu translated; %zu bound to one device, "
	       "not "
	       "asked\n",
	       n_pairs, n_exact, n_named, n_open, n_passing, n_translated, n_unjudged);
	printf("judged: %zu surely arrive, %zu of them under another address, %zu surely "
	       "don't, %zu "
	       "neither, %zu unknown\n",
	       n_sure, n_moved, n_not, n_neither, n_unknown);
	for (size_t i = 0; i < n_broken; i++)
		printf("%zu times broken: %s\n", broken[i].n, broken[i].law);
	/* Laws that hold because nothing is decided are worth nothing. */
	bool dull = estates > 20 && (n_exact * 4 < n_pairs || !n_moved || !n_sure || !n_not);
	if (dull)
		printf("too little was decided\n");
	return failures != 0 || dull;
}
