/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One packet of a set, as a person would have chosen it.
 *
 * In a diagram every child that isn't the empty set leads to a packet, so each digit can be
 * chosen by taste alone, from the first level to the last.
 */

#include "model/pset_internal.h"

/* What a person would like, best first; the digit must be wanted by the set. */
struct taste {
	const uint16_t *likes;
	size_t n;
};

static const uint16_t like_first[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP, PROTO_ICMPV6 };
static const uint16_t like_tcp_ports[] = { 443,	 80,   22,   25,   3389, 445,  53,   23,   21,
					   3306, 5432, 1433, 8080, 8443, 389,  636,  110,  143,
					   993,	 995,  587,  179,  5900, 6379, 9200, 27017 };
static const uint16_t like_udp_ports[] = { 53, 123, 161,  514, 500, 4500, 67,  68,
					   69, 137, 1812, 162, 389, 5060, 4789 };
static const uint16_t like_echo_v4[] = { 8 << 8, 0, 3 << 8, 11 << 8 };
static const uint16_t like_echo_v6[] = { 128 << 8, 129 << 8, 1 << 8, 3 << 8, 135 << 8 };
static const uint16_t like_sports[] = { 40000, 50000, 1024, 53, 123, 443, 80 };
static const uint16_t like_flags[] = { TCP_SYN,		  TCP_ACK,	     TCP_SYN | TCP_ACK,
				       TCP_PSH | TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST };

#define TASTE(v) ((struct taste){ v, sizeof(v) / sizeof(*(v)) })

/* The child for a digit, whether or not the set asks for the level. */
static uint32_t step(const struct pset_space *sp, uint32_t f, unsigned level, unsigned value)
{
	struct node nd;

	if (node_level(sp, f) != level)
		return f;
	nd = node_get(sp, f);
	return node_child(&nd, value);
}

/* The least value of at least `least` that leads on, or the least of all. */
static unsigned first_value(const struct pset_space *sp, uint32_t f, unsigned level,
			    unsigned least)
{
	unsigned next = 0, any = 0;
	bool found = false;
	struct node nd;

	if (node_level(sp, f) != level)
		return least;
	nd = node_get(sp, f);
	for (uint32_t i = 0; i < nd.n; next = nd.bound[i] + 1u, i++) {
		if (!nd.child[i])
			continue;
		if (nd.bound[i] >= least)
			return next > least ? next : least;
		if (!found)
			any = next;
		found = true;
	}
	return any;
}

static unsigned choose(const struct pset_space *sp, uint32_t f, unsigned level,
		       struct taste taste, unsigned least)
{
	for (size_t i = 0; i < taste.n; i++)
		if (step(sp, f, level, taste.likes[i]))
			return taste.likes[i];
	return first_value(sp, f, level, least);
}

/*
 * One digit of an address: the one of the usual example where the set allows it, otherwise
 * one inside the first run rather than its end, and no address that hosts don't have.
 */
static unsigned choose_digit(const struct pset_space *sp, uint32_t f, unsigned level,
			     unsigned k, unsigned example)
{
	bool last = k + 1u == sp->digits, v4 = sp->family == FAMILY_V4;
	unsigned next = 0, odd = 0, lo, hi;
	bool found = false;
	struct node nd;

	if (node_level(sp, f) != level)
		return example;
	nd = node_get(sp, f);
	for (uint32_t i = 0; i < nd.n; next = nd.bound[i] + 1u, i++) {
		if (!nd.child[i])
			continue;
		lo = next;
		hi = nd.bound[i];
		if (!found)
			odd = lo;
		found = true;
		if (last) {
			if (hi > lo + 1)
				return lo + 1; /* behind the address of the net */
			continue; /* the net's, or a lone host's: only where there is no other */
		}
		if (!k && v4) {
			/* not 0/8, 127/8, or from 224/3 on */
			lo = lo < 0x0100 ? 0x0100 : lo;
			lo = lo >= 0x7f00 && lo <= 0x7fff ? 0x8000 : lo;
			if (lo > hi || lo >= 0xe000)
				continue;
		} else if (!k) {
			/* global unicast or unique local (RFC 4291, RFC 4193) */
			lo = lo < 0x2000 ? 0x2000 : lo;
			lo = lo >= 0x4000 && lo < 0xfc00 ? 0xfc00 : lo;
			if (lo > hi || lo >= 0xfe00)
				continue;
		}
		return lo;
	}
	return odd;
}

static uint32_t choose_addr(const struct pset_space *sp, uint32_t f, enum field field,
			    struct addr example, struct addr *ret)
{
	struct addr a = { 0, 0 };
	bool like = true; /* the digits so far are those of the example */

	for (unsigned k = 0; k < sp->digits; k++) {
		unsigned level = sp->level[field] + k, want = addr_digit(sp, example, k), d;
		/* inside another net the host is number 1 */
		unsigned host = k + 1u == sp->digits;

		if (like && step(sp, f, level, want))
			d = want;
		else
			d = choose_digit(sp, f, level, k, host);
		like = like && d == want;
		f = step(sp, f, level, d);
		if (sp->family == FAMILY_V4)
			a.lo |= (uint64_t)d << (16 - 16 * k);
		else
			*(k < 4 ? &a.hi : &a.lo) |= (uint64_t)d << (48 - 16 * (k & 3));
	}
	*ret = a;
	return f;
}

/* Addresses for examples: RFC 5737 and RFC 3849. */
static const struct {
	struct addr src, dst;
} examples[FAMILY_COUNT] = {
	{ { 0, 0xc0000201 }, { 0, 0xc6336401 } }, /* 192.0.2.1, 198.51.100.1 */
	{ { UINT64_C(0x20010db800010000), 1 }, { UINT64_C(0x20010db800020000), 1 } },
};

bool pset_pick(struct pset_space *sp, struct pset s, struct packet *ret_packet)
{
	unsigned level = 0, first, value;
	enum proto_class class;
	struct packet p = { .family = sp->family };
	uint32_t f = s.id;

	if (pset_is_spent(s) || !f)
		return false;
	first = choose(sp, f, level, TASTE(like_first), 0);
	f = step(sp, f, level, first);
	class = (enum proto_class)sp->class[first];
	p.proto = first & 0xff;
	p.fragment = first >= PSET_FRAGMENT;
	f = choose_addr(sp, f, FIELD_DST, examples[sp->family].dst, &p.dst);
	f = choose_addr(sp, f, FIELD_SRC, examples[sp->family].src, &p.src);

	level = sp->level[FIELD_DPORT];
	if (class == CLASS_ICMP) {
		value = choose(
			sp, f, level,
			sp->family == FAMILY_V4 ? TASTE(like_echo_v4) : TASTE(like_echo_v6), 0);
		p.icmp_type = (uint8_t)(value >> 8);
		p.icmp_code = (uint8_t)value;
	} else {
		value = choose(sp, f, level,
			       p.proto == PROTO_UDP ? TASTE(like_udp_ports)
						    : TASTE(like_tcp_ports),
			       1);
		p.dport = (uint16_t)value;
	}
	f = step(sp, f, level, value);

	level = sp->level[FIELD_SPORT];
	value = choose(sp, f, level, TASTE(like_sports), 1024);
	p.sport = (uint16_t)value;
	f = step(sp, f, level, value);
	level = sp->level[FIELD_FLAGS];
	value = choose(sp, f, level, TASTE(like_flags), 0);
	p.flags = (uint8_t)value;
	f = step(sp, f, level, value);
	level = sp->level[FIELD_STATE];
	p.state = (uint8_t)first_value(sp, f, level, STATE_NEW);

	if (class == CLASS_NONE || class == CLASS_ICMP)
		p.sport = p.dport = 0;
	if (class != CLASS_TCP)
		p.flags = 0;
	*ret_packet = p;
	return true;
}
