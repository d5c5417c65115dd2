/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAWS_RANDOM_WORLD_H
#define TESTS_LAWS_RANDOM_WORLD_H

/*
 * Random rulesets and the packets that tell them apart: an end of one of their own intervals,
 * or the value beside it. For programs of one file; everything is static.
 */

#include <stdio.h>
#include <string.h>

#include "base/vec.h"
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
		return match_iface(m,
				   one_in(6)   ? FIELD_PHYSIN
				   : one_in(2) ? FIELD_IIF
					       : FIELD_OIF,
				   one_in(2) ? "eth0" : "eth1", false);
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

/* Some rulesets that call each other; returns the first, which may call all others. */
static const struct ruleset *random_rulesets(struct device_build *b, const char *prefix,
					     bool unknowns)
{
	struct matches *m = &b->snap->matches;
	struct ruleset *rs[24];
	size_t n_rs = 1 + below(one_in(6) ? 24 : 5);
	unsigned reason = 0;
	for (size_t i = 0; i < n_rs; i++) {
		char name[32];
		snprintf(name, sizeof(name), "%s%zu", prefix, i);
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
	return rs[0];
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

#endif
