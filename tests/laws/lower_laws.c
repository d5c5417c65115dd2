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
#include "model/snapshot.h"

static uint64_t state;

static uint64_t rnd(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static unsigned below(unsigned n)
{
	return (unsigned)(rnd() % n);
}

static bool one_in(unsigned n)
{
	return !below(n);
}

/* ---- rulesets ---- */

static struct addr random_addr(enum family f)
{
	/* A few nets, so that rules overlap. */
	struct addr a = { 0 };
	if (f == FAMILY_V4)
		a.lo = (uint64_t)(10 + below(3)) << 24 | (uint64_t)below(4) << 16 | (rnd() & 0xffff);
	else
		a.hi = 0x20010db800000000u | (uint64_t)below(4) << 16 | below(3),
		a.lo = one_in(3) ? rnd() : below(16);
	return a;
}

static const struct match *random_addresses(struct matches *m, enum field field)
{
	enum family f = (enum family)below(2);
	if (one_in(8)) {
		struct addr mask = addr_mask(f, addr_bits(f));
		mask.lo &= ~(uint64_t)(1u << below(16) | 1u << below(16));
		return match_wild(m, field, f, random_addr(f), mask);
	}
	struct span v[4];
	size_t n = 1 + below(4);
	for (size_t i = 0; i < n; i++) {
		if (one_in(4)) {
			struct addr a = random_addr(f), b = random_addr(f);
			v[i] = addr_compare(a, b) <= 0 ? (struct span){ a, b } : (struct span){ b, a };
		} else {
			static const unsigned lens[2][5] = { { 8, 16, 24, 30, 32 },
							     { 32, 48, 64, 126, 128 } };
			v[i] = span_prefix(f, random_addr(f), lens[f][below(5)]);
		}
	}
	return match_spans(m, field, f, v, n);
}

static const struct match *random_ports(struct matches *m, enum field field)
{
	static const uint16_t known[] = { 0, 22, 53, 80, 443, 1023, 1024, 40000, 65535 };
	struct range v[3];
	size_t n = 1 + below(3);
	for (size_t i = 0; i < n; i++) {
		uint16_t a = known[below(9)], b = one_in(2) ? a : known[below(9)];
		v[i] = a <= b ? (struct range){ a, b } : (struct range){ b, a };
	}
	return match_ranges(m, field, v, n);
}

static const struct match *random_match(struct matches *m, unsigned depth);

static const struct match *random_leaf(struct matches *m)
{
	static const uint16_t protos[] = { 1, 6, 6, 17, 17, 47, 58, 132 };
	unsigned mask;
	switch (below(14)) {
	case 0:
	case 1:
		return random_addresses(m, FIELD_SRC);
	case 2:
	case 3:
		return random_addresses(m, FIELD_DST);
	case 4:
		return random_ports(m, FIELD_SPORT);
	case 5:
	case 6:
		return random_ports(m, FIELD_DPORT);
	case 7:
		return match_value(m, FIELD_PROTO, protos[below(8)]);
	case 8:
		return match_value(m, one_in(2) ? FIELD_ICMP_TYPE : FIELD_ICMP_CODE, below(4) * 3);
	case 9:
		mask = 1u << below(6) | 1u << below(6);
		return match_flags(m, (unsigned)rnd() & mask, mask);
	case 10:
		return match_range(m, FIELD_STATE, below(3), below(5));
	case 11:
		return match_value(m, one_in(2) ? FIELD_FRAGMENT : FIELD_FAMILY, below(2));
	case 12:
		return match_iface(m, one_in(2) ? FIELD_IIF : FIELD_OIF, one_in(2) ? "eth0" : "eth1",
				   false);
	default:
		return match_all(m);
	}
}

static const struct match *random_match(struct matches *m, unsigned depth)
{
	if (!depth)
		return random_leaf(m);
	const struct match *v[4];
	size_t n = 1 + below(4);
	for (size_t i = 0; i < n; i++)
		v[i] = random_match(m, one_in(3) ? depth - 1 : 0);
	if (one_in(6))
		return match_not(m, v[0]);
	return one_in(5) ? match_or_n(m, v, n) : match_and_n(m, v, n);
}

struct world {
	struct snapshot *snap;
	const struct device *dev;
	bool unknowns;
};

static struct world random_world(bool unknowns)
{
	struct world w = { .snap = snapshot_create(), .unknowns = unknowns };
	struct matches *m = &w.snap->matches;
	struct device_build *b =
		device_build_start(w.snap, "d", "test", PLANE_PHYSICAL, LOC_NONE);
	struct ruleset *rs[5];
	size_t n_rs = 1 + below(5);
	unsigned reason = 0;
	for (size_t i = 0; i < n_rs; i++) {
		char name[16];
		snprintf(name, sizeof(name), "r%zu", i);
		rs[i] = device_build_ruleset(b, name, "list", LOC_NONE);
		rs[i]->dflt = one_in(2) ? VERDICT_DENY
			      : unknowns && one_in(4) ? VERDICT_UNKNOWN
						      : VERDICT_PERMIT;
	}
	for (size_t i = 0; i < n_rs; i++) {
		struct rule rules[24];
		size_t n = 1 + below(24);
		memset(rules, 0, sizeof(rules));
		for (size_t k = 0; k < n; k++) {
			struct rule *r = &rules[k];
			r->match = random_match(m, 2);
			if (unknowns && one_in(4)) {
				const struct match *u = match_unknown(m, LOC_NONE, "u%u", reason++);
				r->match = one_in(3) ? match_or(m, r->match, match_not(m, u))
						     : match_and(m, r->match, u);
			}
			unsigned kind = below(12);
			r->verdict = kind < 4 ? VERDICT_PERMIT : kind < 8 ? VERDICT_DENY : VERDICT_CONTINUE;
			if (kind == 8 && unknowns)
				r->verdict = VERDICT_UNKNOWN;
			if (kind == 9)
				r->verdict = VERDICT_RETURN;
			if (kind >= 10 && i + 1 < n_rs) {
				r->verdict = kind == 10 ? VERDICT_JUMP : VERDICT_GOTO;
				/* now and then backwards: a cycle */
				r->target = unknowns && one_in(40)
						    ? rs[below((unsigned)n_rs)]
						    : rs[i + 1 + below((unsigned)(n_rs - i - 1))];
			}
			if (one_in(12))
				r->flags = RULE_INACTIVE;
		}
		device_build_rules(b, rs[i], rules, n);
	}
	w.dev = device_build_finish(b);
	return w;
}

/* ---- packets at the boundaries ---- */

struct pool {
	VEC(struct addr) addr[FAMILY_COUNT];
	VEC(uint16_t) port;
};

static void gather(struct pool *p, const struct match *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		if (m->kind == MATCH_AND || m->kind == MATCH_OR || m->kind == MATCH_NOT) {
			gather(p, m->kids[i]);
		} else if (m->kind == MATCH_SPANS) {
			*vec_add(&p->addr[m->family]) = m->spans[i].lo;
			*vec_add(&p->addr[m->family]) = m->spans[i].hi;
			*vec_add(&p->addr[m->family]) = addr_prev(m->spans[i].lo);
			*vec_add(&p->addr[m->family]) = addr_next(m->spans[i].hi);
		} else if (m->kind == MATCH_RANGES) {
			*vec_add(&p->port) = m->ranges[i].lo;
			*vec_add(&p->port) = m->ranges[i].hi;
			*vec_add(&p->port) = (uint16_t)(m->ranges[i].lo - 1);
			*vec_add(&p->port) = (uint16_t)(m->ranges[i].hi + 1);
		}
	}
	if (m->kind == MATCH_WILD)
		*vec_add(&p->addr[m->family]) = addr_or(
			m->wild.value,
			addr_and(addr_not((enum family)m->family, m->wild.mask),
				 (struct addr){ rnd(), rnd() }));
}

static struct addr draw_addr(const struct pool *p, enum family f)
{
	struct addr a = random_addr(f);
	if (p->addr[f].n && below(8))
		a = p->addr[f].v[below((unsigned)p->addr[f].n)];
	return addr_and(a, addr_max(f));
}

static uint16_t draw_port(const struct pool *p)
{
	return p->port.n && below(8) ? p->port.v[below((unsigned)p->port.n)] : (uint16_t)rnd();
}

static struct packet draw(const struct pool *pool, const char *iif, const char *oif)
{
	static const uint8_t protos[] = { 1, 6, 6, 6, 17, 17, 47, 58, 58, 132, 33, 136 };
	struct packet p = { .family = (uint8_t)below(2),
			    .proto = one_in(10) ? (uint8_t)rnd() : protos[below(12)],
			    .state = (uint8_t)below(STATE_COUNT),
			    .fragment = one_in(6),
			    .iif = iif,
			    .oif = oif };
	p.src = draw_addr(pool, p.family);
	p.dst = draw_addr(pool, p.family);
	if (packet_has_ports(&p))
		p.sport = draw_port(pool), p.dport = draw_port(pool);
	if (packet_has_icmp(&p))
		p.icmp_type = (uint8_t)draw_port(pool), p.icmp_code = (uint8_t)draw_port(pool);
	if (packet_has_flags(&p))
		p.flags = (uint8_t)rnd();
	return p;
}

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
		if (!(m->field == FIELD_IIF ? p->iif : p->oif))
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
	struct world w = random_world(seed % 3 != 0);
	struct pool pool = { 0 };
	for (size_t i = 0; i < w.dev->n_rulesets; i++)
		for (uint32_t k = 0; k < w.dev->rulesets[i]->n; k++)
			gather(&pool, w.dev->rulesets[i]->rules[k].match);
	const struct ruleset *rs = w.dev->rulesets[0];
	static const char *const names[] = { "eth0", "eth1", NULL };
	struct pset_assume as = { .iif = names[below(3)],
				  .oif = names[below(3)],
				  .state = -1,
				  .fragment = -1 };
	struct pset_space *sp[FAMILY_COUNT];
	struct lowered lo[FAMILY_COUNT];
	struct pset by[FAMILY_COUNT][2];
	for (int f = 0; f < FAMILY_COUNT; f++) {
		sp[f] = pset_space_create((enum family)f, 0);
		struct pset all = pset_all(sp[f]);
		lo[f] = lower(sp[f], rs, &as, all);
		by[f][0] = lower_decides(sp[f], rs, &as, BOUND_SURE, all);
		by[f][1] = lower_decides(sp[f], rs, &as, BOUND_MAYBE, all);
		if (!pset_subset(sp[f], lo[f].sure, lo[f].maybe))
			fail("sure is a subset of maybe", seed, NULL);
	}
	for (size_t i = 0; i < packets; i++) {
		struct packet p = draw(&pool, as.iif, as.oif);
		check_packet(sp, lo, (const struct pset(*)[2])by, rs, &p, seed);
	}
	for (int f = 0; f < FAMILY_COUNT; f++) {
		pset_space_destroy(sp[f]);
		vec_free(&pool.addr[f]);
	}
	vec_free(&pool.port);
	snapshot_destroy(w.snap);
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
