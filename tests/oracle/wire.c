/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/oracle/wire.h"

#include <string.h>

static const uint8_t common_protos[] = { 6, 6,	6,   6,	 17,  17, 17, 1,  58,
					 1, 58, 132, 33, 136, 47, 50, 20, 4 };

static struct addr near_addr(struct rng *r, const struct pool *p, enum family f)
{
	if (!p->addr[f].n || one_in(r, 8)) {
		/* anywhere that is forwarded: no martians */
		if (f == FAMILY_V4) {
			unsigned top = 1 + below(r, 126);
			return (struct addr){ .lo = (uint64_t)top << 24 |
						    (rng_next(r) & 0xffffff) };
		}
		return (struct addr){ .hi = 0x2000000000000000u | rng_next(r) >> 3,
				      .lo = rng_next(r) };
	}
	struct addr a = p->addr[f].v[below(r, (unsigned)p->addr[f].n)];
	switch (below(r, 4)) {
	case 0:
		return addr_prev(a);
	case 1:
		return addr_next(a);
	default:
		return a;
	}
}

static uint16_t near_port(struct rng *r, const struct pool *p)
{
	if (!p->port.n || one_in(r, 8))
		return (uint16_t)rng_next(r);
	uint16_t v = p->port.v[below(r, (unsigned)p->port.n)];
	unsigned d = below(r, 4);
	return d == 0 ? (uint16_t)(v - 1) : d == 1 ? (uint16_t)(v + 1) : v;
}

/* Numbers that stand for an extension header in IPv6, and multicast's own protocols. */
static bool is_extension(unsigned proto)
{
	return proto == 0 || proto == 43 || proto == 44 || proto == 51 || proto == 60;
}

static uint8_t near_proto(struct rng *r, const struct pool *p, enum family f)
{
	unsigned v = PICK(r, common_protos);
	if (p->proto.n && one_in(r, 6))
		v = p->proto.v[below(r, (unsigned)p->proto.n)] + below(r, 3) - 1;
	else if (one_in(r, 40))
		v = below(r, 256);
	/* the other family's ICMP is a protocol like any */
	if (v == PROTO_ICMP && f == FAMILY_V6 && !one_in(r, 8))
		v = PROTO_ICMPV6;
	if (v == PROTO_ICMPV6 && f == FAMILY_V4 && !one_in(r, 8))
		v = PROTO_ICMP;
	if (f == FAMILY_V6 && is_extension(v & 0xff))
		v = PROTO_TCP;
	return (uint8_t)v;
}

static uint8_t near_byte(struct rng *r, const uint8_t *v, size_t n, uint8_t other)
{
	if (!n || one_in(r, 8))
		return other;
	unsigned d = below(r, 4);
	uint8_t x = v[below(r, (unsigned)n)];
	return (uint8_t)(d == 0 ? x - 1 : d == 1 ? x + 1 : x);
}

static uint8_t tcp_flags(struct rng *r)
{
	static const uint8_t common[] = { 2, 2, 18, 16, 17, 4, 20, 1, 0, 24, 63, 41, 48, 194 };
	return one_in(r, 4) ? (uint8_t)rng_next(r) : PICK(r, common);
}

/*
 * What connection tracking makes of a packet of a connection that it has never seen
 * (net/netfilter/nf_conntrack_proto_tcp.c, _icmp.c, _icmpv6.c). With loose tracking, the
 * default, an ACK may begin one.
 */
static enum conn_state first_state(const struct packet *p)
{
	unsigned f = p->flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK | TCP_URG);
	switch (p->proto) {
	case PROTO_TCP:
		return f == TCP_SYN || f == (TCP_SYN | TCP_URG) || f == TCP_ACK ||
				       f == (TCP_ACK | TCP_URG)
			       ? STATE_NEW
			       : STATE_INVALID;
	case PROTO_ICMP:
		if (p->family == FAMILY_V6)
			return STATE_NEW;
		return p->icmp_type == 8 || p->icmp_type == 13 || p->icmp_type == 15 ||
				       p->icmp_type == 17
			       ? STATE_NEW
			       : STATE_INVALID;
	case PROTO_ICMPV6:
		if (p->family == FAMILY_V4 || p->icmp_type == 128 || p->icmp_type == 139)
			return STATE_NEW;
		return (p->icmp_type >= 130 && p->icmp_type <= 136) || p->icmp_type == 143
			       ? STATE_UNTRACKED
			       : STATE_INVALID;
	case 59: /* no next header: in IPv6 there is nothing to track */
		return p->family == FAMILY_V6 ? STATE_INVALID : STATE_NEW;
	default:
		return STATE_NEW;
	}
}

void wire_draw(struct rng *r, const struct script *s, struct shot *ret)
{
	struct shot shot = { 0 };
	struct packet *p = &shot.packet;
	p->family = one_in(r, 3) ? FAMILY_V6 : FAMILY_V4;
	bool tracked = s->tracked[p->family];
	p->src = near_addr(r, &s->pool, (enum family)p->family);
	p->dst = near_addr(r, &s->pool, (enum family)p->family);
	p->proto = near_proto(r, &s->pool, (enum family)p->family);
	/* their states ask for more than a header */
	if (tracked && (p->proto == PROTO_SCTP || p->proto == PROTO_DCCP ||
			p->proto == PROTO_GRE || p->proto == PROTO_UDPLITE ||
			p->proto == (p->family == FAMILY_V4 ? PROTO_ICMPV6 : PROTO_ICMP)))
		p->proto = PROTO_UDP;
	p->fragment = !tracked && one_in(r, 12);
	if (one_in(r, 8))
		shot.wire |= WIRE_OPTIONS;
	if (!p->fragment) {
		if (!tracked && one_in(r, 16))
			shot.wire |= WIRE_FIRST;
		else if (!tracked && p->family == FAMILY_V6 && one_in(r, 16))
			shot.wire |= WIRE_ATOMIC;
		if (packet_has_ports(p)) {
			p->sport = near_port(r, &s->pool);
			p->dport = near_port(r, &s->pool);
		}
		if (packet_has_flags(p))
			p->flags = tcp_flags(r);
		if (packet_has_icmp(p)) {
			const uint8_t *v = s->pool.type[p->family].v;
			static const uint8_t usual[FAMILY_COUNT][4] = { { 0, 3, 8, 11 },
									{ 1, 128, 129, 135 } };
			p->icmp_type = near_byte(r, v, s->pool.type[p->family].n,
						 PICK(r, usual[p->family]));
			p->icmp_code = near_byte(r, s->pool.code.v, s->pool.code.n,
						 (uint8_t)below(r, 7));
		}
	}
	p->state = tracked ? first_state(p) : STATE_NEW;
	shot.salt = rng_next(r);
	*ret = shot;
}

/* ---- bytes ---- */

static void put16(uint8_t *b, unsigned v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static void put64(uint8_t *b, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		b[i] = (uint8_t)(v >> (56 - 8 * i));
}

uint16_t wire_sum(const uint8_t *b, size_t len, uint32_t sum)
{
	size_t i = 0;
	for (; i + 1 < len; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	if (i < len)
		sum += (uint32_t)b[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The transport header and a payload of a length that no answer of the kernel's has. */
static size_t transport(struct rng *r, const struct shot *shot, uint8_t *b)
{
	const struct packet *p = &shot->packet;
	size_t n = 37;
	for (size_t i = 0; i < n; i += 8) {
		uint64_t x = rng_next(r);
		memcpy(b + i, &x, 8);
	}
	if (p->fragment)
		return n;
	if (packet_has_ports(p)) {
		put16(b, p->sport);
		put16(b + 2, p->dport);
	}
	if (p->proto == PROTO_TCP) {
		b[12] = 0x50;
		b[13] = p->flags;
	} else if (p->proto == PROTO_UDP || p->proto == PROTO_UDPLITE) {
		put16(b + 4, p->proto == PROTO_UDP ? (unsigned)n : 0);
	} else if (packet_has_icmp(p)) {
		b[0] = p->icmp_type;
		b[1] = p->icmp_code;
	} else if (p->proto == PROTO_DCCP) {
		b[4] = 4; /* a header of four words, no options */
	}
	if (shot->wire & WIRE_SHORT)
		return 4;
	return n;
}

void wire_checksum(const struct packet *p, uint8_t *b, size_t n)
{
	uint32_t sum = p->proto + (uint32_t)n;
	size_t at;
	if (p->proto == PROTO_TCP)
		at = 16;
	else if (p->proto == PROTO_UDP || p->proto == PROTO_UDPLITE)
		at = 6;
	else if (packet_has_icmp(p))
		at = 2;
	else
		return;
	const struct addr *a[] = { &p->src, &p->dst };
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 4; i++)
			sum += (uint16_t)(a[k]->hi >> 16 * i) +
			       (uint32_t)(uint16_t)(a[k]->lo >> 16 * i);
	if (p->family == FAMILY_V4 && p->proto == PROTO_ICMP)
		sum = 0;
	put16(b + at, 0);
	unsigned c = wire_sum(b, n, sum);
	put16(b + at, c || at != 6 ? c : 0xffff);
}

static size_t build4(struct rng *r, const struct shot *shot, unsigned id, uint8_t *b)
{
	/* no-operation and end of list, or a router alert */
	static const uint8_t options[][4] = { { 1, 1, 1, 0 }, { 148, 4, 0, 0 } };
	const struct packet *p = &shot->packet;
	size_t ihl = 20, n;
	memset(b, 0, 20);
	if (shot->wire & WIRE_OPTIONS) {
		unsigned words = 1 + below(r, 3);
		for (unsigned i = 0; i < words; i++)
			memcpy(b + ihl, options[0], 4), b[ihl + 3] = 1, ihl += 4;
		if (one_in(r, 2))
			memcpy(b + ihl - 4, options[1], 4);
	}
	n = transport(r, shot, b + ihl);
	if (!p->fragment && !(shot->wire & (WIRE_FIRST | WIRE_SHORT)))
		wire_checksum(p, b + ihl, n);
	if ((shot->wire & WIRE_FIRST) && n % 8)
		n -= n % 8; /* all but the last come in eights */
	b[0] = (uint8_t)(0x40 | ihl / 4);
	put16(b + 2, (unsigned)(ihl + n));
	put16(b + 4, id);
	if (p->fragment) {
		unsigned off = 1 + below(r, 1000);
		if (one_in(r, 4))
			off = 1 + below(r, 3);
		if (one_in(r, 2)) {
			off |= 0x2000;
			n -= n % 8;
			put16(b + 2, (unsigned)(ihl + n));
		}
		put16(b + 6, off);
	} else if (shot->wire & WIRE_FIRST) {
		put16(b + 6, 0x2000);
	} else if (one_in(r, 3)) {
		put16(b + 6, 0x4000);
	}
	b[8] = 64;
	b[9] = p->proto;
	put16(b + 12, (unsigned)(p->src.lo >> 16));
	put16(b + 14, (unsigned)p->src.lo & 0xffff);
	put16(b + 16, (unsigned)(p->dst.lo >> 16));
	put16(b + 18, (unsigned)p->dst.lo & 0xffff);
	put16(b + 10, wire_sum(b, ihl, 0));
	return ihl + n;
}

/* One extension header of eight or sixteen bytes, filled with padding; its length. */
static size_t extension(struct rng *r, uint8_t *b, uint8_t **next, uint8_t kind)
{
	size_t n = one_in(r, 4) ? 16 : 8;
	**next = kind;
	*next = b;
	memset(b, 0, n);
	b[1] = (uint8_t)(n / 8 - 1);
	b[2] = n > 8 ? 0x1e : 1; /* an option to be skipped; PadN, of at most seven bytes */
	b[3] = (uint8_t)(n - 4);
	return n;
}

static size_t build6(struct rng *r, const struct shot *shot, unsigned id, uint8_t *b)
{
	const struct packet *p = &shot->packet;
	uint8_t *next = &b[6];
	size_t x = 40, n;
	memset(b, 0, 40);
	b[0] = 0x60;
	b[1] = (uint8_t)(id >> 16 & 0xf);
	put16(b + 2, id & 0xffff);
	b[7] = 64;
	put64(b + 8, p->src.hi);
	put64(b + 16, p->src.lo);
	put64(b + 24, p->dst.hi);
	put64(b + 32, p->dst.lo);
	if (shot->wire & WIRE_OPTIONS) {
		if (one_in(r, 2))
			x += extension(r, b + x, &next, 0);
		if (one_in(r, 2))
			x += extension(r, b + x, &next, 60);
	}
	bool fragment = p->fragment || shot->wire & (WIRE_FIRST | WIRE_ATOMIC);
	uint8_t *at = b + x;
	if (fragment) {
		*next = 44;
		next = at;
		memset(at, 0, 8);
		put16(at + 6, id & 0xffff);
		x += 8;
	}
	if ((shot->wire & WIRE_OPTIONS) && !p->fragment && one_in(r, 3))
		x += extension(r, b + x, &next, 60);
	*next = p->proto;
	n = transport(r, shot, b + x);
	if (!p->fragment && !(shot->wire & (WIRE_FIRST | WIRE_SHORT)))
		wire_checksum(p, b + x, n);
	if (p->fragment) {
		unsigned off = (1 + below(r, one_in(r, 4) ? 3 : 1000)) << 3;
		if (one_in(r, 2)) {
			off |= 1;
			n -= n % 8;
		}
		put16(at + 2, off);
	} else if (shot->wire & WIRE_FIRST) {
		put16(at + 2, 1);
		n -= n % 8;
	}
	put16(b + 4, (unsigned)(x - 40 + n));
	return x + n;
}

size_t wire_build(const struct shot *shot, unsigned id, uint8_t *ret)
{
	struct rng r = { shot->salt };
	return shot->packet.family == FAMILY_V4 ? build4(&r, shot, id & 0xffff, ret)
						: build6(&r, shot, id, ret);
}

int wire_id(const uint8_t *b, size_t len)
{
	if (len >= 20 && b[0] >> 4 == 4)
		return b[4] << 8 | b[5];
	if (len >= 40 && b[0] >> 4 == 6)
		return (b[1] & 0xf) << 16 | b[2] << 8 | b[3];
	return -1;
}

bool wire_same(const uint8_t *sent, size_t len, const uint8_t *got, size_t got_len)
{
	if (len != got_len || len < 40 || sent[0] != got[0])
		return len == got_len && len >= 20 && !memcmp(sent + 12, got + 12, len - 12);
	if (sent[0] >> 4 == 4)
		return sent[9] == got[9] && !memcmp(sent + 12, got + 12, len - 12);
	return !memcmp(sent + 8, got + 8, len - 8) && sent[6] == got[6];
}
