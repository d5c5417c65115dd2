/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/random_rules.h"

#include "model/box.h"

unsigned small_random(struct small *s, unsigned n)
{
	return (unsigned)(box_random(&s->random) % n);
}

static bool odds(struct small *s, unsigned in)
{
	return !small_random(s, in);
}

void small_init(struct small *s, struct matches *m, uint64_t seed)
{
	*s = (struct small){ .random = seed, .m = m };
	s->v4 = !odds(s, 4);
	s->v6 = !s->v4 || odds(s, 3);
	s->unknowns = odds(s, 3);
	s->wild = odds(s, 3);
	s->trees = odds(s, 2);
	s->ifaces = odds(s, 4);
	if (!s->ifaces) {
		s->flags = odds(s, 3);
		s->state = odds(s, 3);
		s->fragment = odds(s, 3);
	}
}

/*
 * Blocks 0..3 of addresses are spoken of, 4 and 5 stand for all others; masks fix the bit that
 * tells odd blocks from even ones.
 */
enum { BLOCK = 0x8000 };

static struct addr block(unsigned i)
{
	return (struct addr){ 0, (uint64_t)i * BLOCK };
}

static const struct match *random_addr(struct small *s)
{
	enum field field = odds(s, 2) ? FIELD_SRC : FIELD_DST;
	enum family f = s->v4 && (!s->v6 || odds(s, 2)) ? FAMILY_V4 : FAMILY_V6;
	if (s->wild && odds(s, 3))
		return match_wild(s->m, field, f, block(small_random(s, 2)), block(1));
	struct span v[3];
	unsigned n = odds(s, 4) ? 3 : 1;
	for (unsigned i = 0; i < n; i++) {
		unsigned lo = small_random(s, 4), hi = lo + small_random(s, 4 - lo);
		v[i] = (struct span){ block(lo), addr_prev(block(hi + 1)) };
		if (odds(s, 4))
			v[i] = (struct span){ { 0, 0 }, addr_max(f) };
		if (odds(s, 6))
			v[i] = (struct span){ block(lo), addr_max(f) };
	}
	return match_spans(s->m, field, f, v, n);
}

static const struct match *random_port(struct small *s, enum field field, unsigned end)
{
	unsigned lo = small_random(s, 2), hi = lo + small_random(s, 2 - lo);
	if (odds(s, 3))
		hi = end;
	return match_range(s->m, field, lo, hi);
}

static const struct match *random_leaf(struct small *s)
{
	static const uint8_t protos[] = { PROTO_TCP,  PROTO_TCP,    PROTO_UDP,
					  PROTO_ICMP, PROTO_ICMPV6, PROTO_ESP };
	static const char *const names[] = { "eth0", "eth" };
	switch (small_random(s, 12)) {
	case 0:
	case 1:
		return match_value(s->m, FIELD_PROTO, protos[small_random(s, 6)]);
	case 2:
		return random_port(s, FIELD_SPORT, 65535);
	case 3:
		return random_port(s, FIELD_DPORT, 65535);
	case 4:
		return odds(s, 2) ? random_port(s, FIELD_ICMP_TYPE, 255)
				  : random_port(s, FIELD_ICMP_CODE, 255);
	case 5:
		if (s->flags) {
			unsigned mask = 1 + small_random(s, 3);
			unsigned value = small_random(s, 4) & mask;
			/* SYN and ACK are the two bits */
			return match_flags(s->m, (value & 1) * TCP_SYN | (value >> 1) * TCP_ACK,
					   (mask & 1) * TCP_SYN | (mask >> 1) * TCP_ACK);
		}
		break;
	case 6:
		if (s->state)
			return match_range(s->m, FIELD_STATE, small_random(s, 2), 1);
		break;
	case 7:
		if (s->fragment)
			return match_value(s->m, FIELD_FRAGMENT, small_random(s, 2));
		break;
	case 8:
		if (s->ifaces) {
			unsigned i = small_random(s, 2);
			unsigned f = odds(s, 8) ? FIELD_PHYSIN : odds(s, 2) ? FIELD_IIF : FIELD_OIF;
			return match_iface(s->m, (enum field)f, names[i], i == 1);
		}
		break;
	case 9:
		if (s->v4 && s->v6)
			return match_family(s->m, small_random(s, 2) ? FAMILY_V4 : FAMILY_V6);
		break;
	default:
		break;
	}
	return random_addr(s);
}

static const struct match *random_tree(struct small *s, unsigned depth)
{
	if (!depth || odds(s, 3))
		return random_leaf(s);
	const struct match *a = random_tree(s, depth - 1), *b = random_tree(s, depth - 1);
	switch (small_random(s, 4)) {
	case 0:
		return match_or(s->m, a, b);
	case 1:
		return match_not(s->m, a);
	default:
		return match_and(s->m, a, b);
	}
}

const struct match *small_match(struct small *s)
{
	const struct match *x = match_all(s->m);
	unsigned n = small_random(s, 5);
	if (s->trees && odds(s, 3))
		x = random_tree(s, 3);
	for (unsigned i = 0; i < n; i++)
		x = match_and(s->m, x, random_leaf(s));
	if (s->unknowns && odds(s, 4)) {
		const struct match *u = match_unknown(s->m, LOC_NONE, "rate");
		x = odds(s, 2) ? match_and(s->m, x, u) : match_or(s->m, x, u);
		x = match_and(s->m, x, random_leaf(s));
	}
	return x;
}

struct rule small_rule(struct small *s, uint32_t number)
{
	struct rule r = { .match = small_match(s), .id = number };
	r.verdict = small_random(s, 10) < 6 ? VERDICT_PERMIT : VERDICT_DENY;
	if (odds(s, 16))
		r.verdict = VERDICT_CONTINUE;
	if (odds(s, 24))
		r.verdict = VERDICT_RETURN;
	if (s->unknowns && odds(s, 16))
		r.verdict = VERDICT_UNKNOWN;
	if (odds(s, 24))
		r.flags |= RULE_INACTIVE;
	r.at.line = number;
	return r;
}

/* The next digit of a number in mixed radix. */
static unsigned digit(unsigned *number, unsigned radix)
{
	unsigned d = *number % radix;
	*number /= radix;
	return d;
}

void small_packets(const struct small *s, struct packets *ret)
{
	static const uint8_t protos[] = { PROTO_TCP,  PROTO_UDP,    PROTO_SCTP,
					  PROTO_ICMP, PROTO_ICMPV6, PROTO_ESP };
	static const uint8_t flags[] = { 0, TCP_SYN, TCP_ACK, TCP_SYN | TCP_ACK };
	static const char *const names[] = { "eth0", "eth1", "wan" };
	unsigned all = 2 * 6 * 2 * 6 * 6 * 3 * 3 * (s->flags ? 4 : 1) * (s->state ? 3 : 1) *
		       (s->ifaces ? 9 : 1);
	ret->n = 0;
	for (unsigned i = 0; i < all; i++) {
		unsigned k = i;
		struct packet p = { .family = (uint8_t)digit(&k, 2) };
		p.proto = protos[digit(&k, 6)];
		p.src = block(digit(&k, 6));
		p.dst = block(digit(&k, 6));
		unsigned x = digit(&k, 3), y = digit(&k, 3);
		unsigned f = digit(&k, s->flags ? 4 : 1);
		p.state = (uint8_t)digit(&k, s->state ? 3 : 1);
		p.fragment = (uint8_t)digit(&k, 2);
		p.iif = names[digit(&k, s->ifaces ? 3 : 1)];
		p.oif = names[digit(&k, s->ifaces ? 3 : 1)];
		/* of a family that isn't spoken of one pair of addresses stands for all */
		if (!(p.family ? s->v6 : s->v4) && (p.src.lo || p.dst.lo))
			continue;
		if (f && !packet_has_flags(&p))
			continue;
		p.flags = packet_has_flags(&p) ? flags[f] : 0;
		if (packet_has_ports(&p)) {
			p.sport = (uint16_t)x;
			p.dport = (uint16_t)y;
		} else if (packet_has_icmp(&p)) {
			p.icmp_type = (uint8_t)x;
			p.icmp_code = (uint8_t)y;
		} else if (x || y) {
			continue;
		}
		*vec_add(ret) = p;
	}
}
