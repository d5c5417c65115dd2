/* SPDX-License-Identifier: Apache-2.0 */
#include "model/box.h"

#include <string.h>

#include "base/map.h"

static const uint8_t first_protos[] = { PROTO_TCP,  PROTO_UDP,	PROTO_UDPLITE, PROTO_DCCP,
					PROTO_SCTP, PROTO_ICMP, PROTO_ICMPV6 };

unsigned box_proto_rank(unsigned proto)
{
	unsigned rank = proto + sizeof(first_protos);
	for (unsigned i = 0; i < sizeof(first_protos); i++) {
		if (first_protos[i] == proto)
			return i;
		rank -= first_protos[i] < proto;
	}
	return rank;
}

unsigned box_rank_proto(unsigned rank)
{
	if (rank < sizeof(first_protos))
		return first_protos[rank];
	for (unsigned p = rank - sizeof(first_protos);; p++)
		if (box_proto_rank(p) == rank)
			return p;
}

/* Names */

static int name_order(const void *x, const void *y)
{
	const struct box_name *a = x, *b = y;
	size_t len = a->len < b->len ? a->len : b->len;
	int c = len ? memcmp(a->s, b->s, len) : 0;
	return c ? c : a->len < b->len ? -1 : a->len > b->len;
}

static void add_cut(struct box_names *names, const char *s, size_t len, bool behind)
{
	struct box_name *c = vec_add(&names->cuts);
	c->s = xcalloc(1, len + 2);
	c->len = len + behind;
	memcpy(c->s, s, len);
}

/* The first string behind all those that begin with s: its length, 0 where there is none. */
static size_t behind_prefix(char *s, size_t len)
{
	while (len && (unsigned char)s[len - 1] == 0xff)
		len--;
	if (len)
		s[len - 1]++;
	return len;
}

/* seen: shared nodes that were walked already, of heavy trees; NULL for others. */
static void names_add(struct box_names *names, const struct match *m, struct map *seen)
{
	if (m->kind == MATCH_AND || m->kind == MATCH_OR || m->kind == MATCH_NOT) {
		void **slot = seen ? map_atn(seen, (const char *)&m, sizeof(m)) : NULL;
		if (slot && *slot)
			return;
		if (slot)
			*slot = seen;
		for (uint32_t i = 0; i < m->n; i++)
			names_add(names, m->kids[i], seen);
	} else if (m->kind == MATCH_IFACE && m->placed) {
		size_t len = strlen(m->iface.name);
		add_cut(names, m->iface.name, len, false);
		if (!m->iface.prefix) {
			add_cut(names, m->iface.name, len, true);
			return;
		}
		char *s = xstrdup(m->iface.name);
		len = behind_prefix(s, len);
		if (len)
			add_cut(names, s, len, false);
		free(s);
	}
}

void box_names_add(struct box_names *names, const struct match *m)
{
	enum { PLAIN = 1024 };
	struct map seen = { 0 };
	names_add(names, m, m->weight < PLAIN ? NULL : &seen);
	map_finish(&seen);
}

void box_names_freeze(struct box_names *names)
{
	size_t n = 0;
	if (names->cuts.n)
		qsort(names->cuts.v, names->cuts.n, sizeof(*names->cuts.v), name_order);
	vec_each (c, &names->cuts) {
		if (n && !name_order(c, &names->cuts.v[n - 1]))
			free(c->s);
		else
			names->cuts.v[n++] = *c;
	}
	names->cuts.n = n;
}

void box_names_finish(struct box_names *names)
{
	vec_each (c, &names->cuts)
		free(c->s);
	vec_free(&names->cuts);
}

/* How many cuts lie at or before the string. */
static unsigned rank_of(const struct box_names *names, const char *s, size_t len)
{
	struct box_name key = { (char *)s, len };
	size_t lo = 0, hi = names->cuts.n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (name_order(&names->cuts.v[mid], &key) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (unsigned)lo;
}

unsigned box_names_rank(const struct box_names *names, const char *name)
{
	return rank_of(names, name, strlen(name));
}

void box_names_example(const struct box_names *names, unsigned rank, char *buf, size_t size)
{
	static const char *const readable[] = { "other", "another", "zother" };
	for (int i = 0; i < 3; i++)
		if (box_names_rank(names, readable[i]) == rank) {
			strcpy(buf, readable[i]);
			return;
		}
	buf[0] = '\0';
	if (!rank)
		return;
	const struct box_name *c = &names->cuts.v[rank - 1];
	size_t len = c->len < size - 1 ? c->len : size - 1;
	memcpy(buf, c->s, len);
	/* behind a name: the name and one byte more */
	if (len && !buf[len - 1])
		buf[len - 1] = 1;
	buf[len] = '\0';
}

void box_names_range(const struct box_names *names, const struct match *m, unsigned *ret_lo,
		     unsigned *ret_hi)
{
	size_t len = strlen(m->iface.name);
	*ret_lo = *ret_hi = rank_of(names, m->iface.name, len);
	if (!m->iface.prefix)
		return;
	char *s = xstrdup(m->iface.name);
	len = behind_prefix(s, len);
	*ret_hi = len ? rank_of(names, s, len) - 1 : (unsigned)names->cuts.n;
	free(s);
}

/* Boxes */

struct box box_all(enum family f, const struct box_names *names)
{
	uint16_t last = names->cuts.n < UINT16_MAX ? (uint16_t)names->cuts.n : UINT16_MAX;
	struct box b = { .proto = { 0, BOX_PROTO_MAX },
			 .sport = { 0, UINT16_MAX },
			 .dport = { 0, UINT16_MAX },
			 .iif = { 0, last },
			 .oif = { 0, last },
			 .state = BOX_STATE_ANY,
			 .frag = BOX_FRAG_ANY };
	b.src.hi = b.dst.hi = addr_max(f);
	memset(b.flags, 0xff, sizeof(b.flags));
	return b;
}

static bool clip_span(struct span *a, const struct span *b)
{
	if (addr_compare(a->lo, b->lo) < 0)
		a->lo = b->lo;
	if (addr_compare(b->hi, a->hi) < 0)
		a->hi = b->hi;
	return addr_compare(a->lo, a->hi) <= 0;
}

static bool clip_range(struct range *a, const struct range *b)
{
	if (a->lo < b->lo)
		a->lo = b->lo;
	if (a->hi > b->hi)
		a->hi = b->hi;
	return a->lo <= a->hi;
}

bool box_clip(struct box *a, const struct box *b)
{
	uint64_t any = 0;
	for (int i = 0; i < 4; i++)
		any |= a->flags[i] &= b->flags[i];
	a->state &= b->state;
	a->frag &= b->frag;
	return clip_span(&a->dst, &b->dst) && clip_span(&a->src, &b->src) &&
	       clip_range(&a->proto, &b->proto) && clip_range(&a->dport, &b->dport) &&
	       clip_range(&a->sport, &b->sport) && clip_range(&a->iif, &b->iif) &&
	       clip_range(&a->oif, &b->oif) && a->state && a->frag && any;
}

void boxes_free(struct boxes *b)
{
	vec_free(b);
}

/* Random packets */

uint64_t box_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

struct addr box_random_addr(uint64_t *state, struct span s)
{
	struct addr width = { s.hi.hi - s.lo.hi - (s.hi.lo < s.lo.lo), s.hi.lo - s.lo.lo };
	/* a random number under the next power of two that is within the width, by trial */
	struct addr mask = width, x;
	for (unsigned i = 1; i < 64; i *= 2) {
		mask.hi |= mask.hi >> i;
		mask.lo |= mask.lo >> i;
	}
	if (mask.hi)
		mask.lo = UINT64_MAX;
	do {
		x.hi = box_random(state) & mask.hi;
		x.lo = box_random(state) & mask.lo;
	} while (addr_compare(x, width) > 0);
	return (struct addr){ s.lo.hi + x.hi + (s.lo.lo + x.lo < x.lo), s.lo.lo + x.lo };
}

static unsigned random_in(uint64_t *state, struct range r)
{
	return r.lo + (unsigned)(box_random(state) % (r.hi - r.lo + 1u));
}

static unsigned random_bit(uint64_t *state, const uint64_t *set, unsigned n)
{
	for (unsigned i = (unsigned)(box_random(state) % n);; i = (i + 1) % n)
		if (set[i / 64] >> i % 64 & 1)
			return i;
}

/* Puts what the packet has got of these into their places. */
static void put_tail(struct packet *p, unsigned sport, unsigned dport, unsigned flags)
{
	if (packet_has_ports(p)) {
		p->sport = (uint16_t)sport;
		p->dport = (uint16_t)dport;
	}
	if (packet_has_icmp(p)) {
		p->icmp_type = sport > 255 ? 255 : (uint8_t)sport;
		p->icmp_code = dport > 255 ? 255 : (uint8_t)dport;
	}
	if (packet_has_flags(p))
		p->flags = (uint8_t)flags;
}

static void put_place(struct packet *p, const struct box_names *names, unsigned in,
		      unsigned out, char *iif, char *oif)
{
	box_names_example(names, in, iif, BOX_NAME);
	box_names_example(names, out, oif, BOX_NAME);
	p->iif = iif;
	p->oif = oif;
}

struct packet box_packet(const struct box *b, enum family f, const struct box_names *names,
			 uint64_t *random, char *iif, char *oif)
{
	struct packet p = { .family = (uint8_t)f };
	uint64_t state = b->state, frag = b->frag;
	p.src = box_random_addr(random, b->src);
	p.dst = box_random_addr(random, b->dst);
	p.proto = (uint8_t)box_rank_proto(random_in(random, b->proto));
	p.state = (uint8_t)random_bit(random, &state, STATE_COUNT);
	p.fragment = (uint8_t)random_bit(random, &frag, 2);
	unsigned sport = random_in(random, b->sport), dport = random_in(random, b->dport);
	put_tail(&p, sport, dport, random_bit(random, b->flags, 256));
	unsigned in = random_in(random, b->iif), out = random_in(random, b->oif);
	put_place(&p, names, in, out, iif, oif);
	return p;
}

/* Not the first address of a network, where there is another. */
static struct addr plain_addr(struct span s, struct addr from)
{
	if (span_has(s, from))
		return from;
	return addr_equal(s.lo, s.hi) ? s.lo : addr_next(s.lo);
}

static unsigned plain_port(struct range r, const uint16_t *usual, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (r.lo <= usual[i] && usual[i] <= r.hi)
			return usual[i];
	return r.lo;
}

struct packet box_packet_plain(const struct box *b, enum family f,
			       const struct box_names *names, char *iif, char *oif)
{
	static const uint16_t from[] = { 40000 }, to[] = { 443, 22, 53 };
	static const uint16_t echo[] = { 8 }, echo6[] = { 128 };
	/* documentation networks, RFC 5737 and RFC 3849 */
	static const struct addr src[] = { { 0, 0xcb007105 }, { 0x20010db800000000, 5 } };
	static const struct addr dst[] = { { 0, 0xc6336407 }, { 0x20010db800010000, 7 } };
	struct packet p = { .family = (uint8_t)f };
	p.src = plain_addr(b->src, src[f]);
	p.dst = plain_addr(b->dst, dst[f]);
	p.proto = (uint8_t)box_rank_proto(b->proto.lo);
	while (!(b->state >> p.state & 1))
		p.state++;
	p.fragment = !(b->frag & BOX_FRAG_WHOLE);
	unsigned sport = plain_port(b->sport, from, 1), dport = plain_port(b->dport, to, 3);
	if (packet_has_icmp(&p)) {
		sport = plain_port(b->sport, f == FAMILY_V4 ? echo : echo6, 1);
		dport = b->dport.lo;
	}
	unsigned flags = p.state == STATE_NEW ? TCP_SYN : TCP_ACK;
	if (!(b->flags[0] >> flags & 1))
		for (flags = 0; !(b->flags[flags / 64] >> flags % 64 & 1);)
			flags++;
	put_tail(&p, sport, dport, flags);
	put_place(&p, names, b->iif.lo, b->oif.lo, iif, oif);
	return p;
}
