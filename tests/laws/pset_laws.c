/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Laws of packet sets, on random expressions and packets.
 *
 *	pset_laws [SEED [SECONDS]]
 *
 * Expressions are random; their constants come from a small pool, so that they meet, and
 * packets are drawn from the ends of those constants and their neighbours. What a set says of
 * a packet is held against match_judge(), which knows nothing of sets.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/decide.h"
#include "model/match.h"
#include "model/pset.h"

enum { POOL = 12, SETS = 6, PACKETS = 160 };

static uint64_t state;
static unsigned long checks, failures;

static uint64_t random_bits(void)
{
	/* splitmix64 (Steele, Lea, Flood 2014) */
	uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static unsigned below(unsigned n)
{
	return (unsigned)(random_bits() % n);
}

static bool one_in(unsigned n)
{
	return below(n) == 0;
}

/* What the expressions of one round are made of. */
struct pool {
	enum family family;
	struct addr addr[POOL];
	uint16_t port[POOL];
	uint8_t proto[POOL];
	struct matches matches;
	struct arena *arena;
};

static struct addr random_addr(enum family f)
{
	struct addr a = { 0, random_bits() };

	if (f == FAMILY_V4) {
		a.lo &= UINT32_MAX;
		if (one_in(3))
			a.lo &= 0xff;
	} else {
		a.hi = one_in(3) ? UINT64_C(0x20010db800000000) | below(4) : random_bits();
		if (one_in(2))
			a.lo &= one_in(2) ? 0xff : 0xffff0000;
	}
	if (one_in(8))
		a = addr_max(f);
	if (one_in(8))
		a = (struct addr){ 0, 0 };
	return a;
}

static void fill_pool(struct pool *p)
{
	static const uint8_t protos[] = { 6, 17, 1, 58, 132, 33, 136, 50, 0, 255, 7, 5 };

	for (int i = 0; i < POOL; i++) {
		p->addr[i] = random_addr(p->family);
		p->port[i] = one_in(4) ? (one_in(2) ? 0 : 65535) : (uint16_t)random_bits();
		p->proto[i] = one_in(4) ? (uint8_t)random_bits() : protos[below(12)];
	}
}

static struct addr pool_addr(const struct pool *p)
{
	struct addr a = p->addr[below(POOL)];

	if (one_in(4)) {
		a = one_in(2) ? addr_next(a) : addr_prev(a);
		a = addr_and(a, addr_max(p->family));
	}
	if (one_in(4)) /* somewhere in the same net */
		a = addr_or(addr_and(a, addr_mask(p->family, addr_bits(p->family) - 16)),
			    (struct addr){ 0, below(65536) });
	return a;
}

static unsigned pool_port(const struct pool *p)
{
	return (uint16_t)(p->port[below(POOL)] + (one_in(3) ? below(3) - 1u : 0));
}

static unsigned pool_proto(const struct pool *p)
{
	return (uint8_t)(p->proto[below(POOL)] + (one_in(6) ? below(3) - 1u : 0));
}

static const struct match *random_range(struct pool *p, enum field field, unsigned a,
					unsigned b)
{
	return match_range(&p->matches, field, a < b ? a : b,
			   one_in(2) ? (a < b ? a : b)
			   : a < b   ? b
				     : a);
}

static const struct match *random_addrs(struct pool *p, enum field field)
{
	struct span v[5];
	size_t n = 1 + below(5);

	if (one_in(5)) {
		struct addr mask = addr_mask(p->family, below(addr_bits(p->family) + 1));

		for (int i = 0; i < 2; i++) /* holes of a few bits */
			mask = addr_and(mask,
					addr_not(p->family,
						 (struct addr){ 0, UINT64_C(3) << below(31) }));
		if (one_in(2))
			mask = addr_or(mask, (struct addr){ 0, 1 });
		return match_wild(&p->matches, field, p->family, pool_addr(p), mask);
	}
	if (one_in(4))
		return match_prefix(&p->matches, field, p->family, pool_addr(p),
				    below(addr_bits(p->family) + 1));
	for (size_t i = 0; i < n; i++) {
		struct addr a = pool_addr(p), b = pool_addr(p);

		v[i] = addr_compare(a, b) < 0 ? (struct span){ a, b } : (struct span){ b, a };
		if (one_in(2))
			v[i].hi = v[i].lo;
	}
	return match_spans(&p->matches, field, p->family, v, n);
}

static const struct match *random_leaf(struct pool *p)
{
	struct matches *m = &p->matches;
	static const char *const names[] = { "eth0", "eth1", "lan" };

	switch (below(18)) {
	case 0:
	case 1:
	case 2:
		return random_addrs(p, FIELD_SRC);
	case 3:
	case 4:
	case 5:
		return random_addrs(p, FIELD_DST);
	case 6:
		return random_range(p, FIELD_PROTO, pool_proto(p), pool_proto(p));
	case 7:
		return match_value(m, FIELD_PROTO, p->proto[below(POOL)]);
	case 8:
	case 9:
		return random_range(p, FIELD_DPORT, pool_port(p), pool_port(p));
	case 10:
		return random_range(p, FIELD_SPORT, pool_port(p), pool_port(p));
	case 11:
		return random_range(p, FIELD_ICMP_TYPE, below(256), p->port[0] & 255u);
	case 12:
		return random_range(p, FIELD_ICMP_CODE, below(4), p->port[1] & 255u);
	case 13: {
		unsigned mask = (unsigned)random_bits() & 0xff;

		return match_flags(m, (unsigned)random_bits() & mask, mask);
	}
	case 14:
		return random_range(p, FIELD_STATE, below(STATE_COUNT), below(STATE_COUNT));
	case 15:
		return match_value(m, FIELD_FRAGMENT, below(2));
	case 16:
		return match_iface(m, (enum field)(FIELD_IIF + below(FIELD_MAC - FIELD_IIF + 1)),
				   one_in(6) ? "" : names[below(3)], false);
	default:
		return one_in(3)   ? match_unknown(m, LOC_NONE, "a test")
		       : one_in(2) ? match_family(m, p->family)
				   : match_range(m, FIELD_DPORT, 0, 65535);
	}
}

static const struct match *random_match(struct pool *p, unsigned depth)
{
	const struct match *v[5];
	size_t n = 1 + below(5);

	if (!depth || one_in(5))
		return random_leaf(p);
	switch (below(5)) {
	case 0:
		return match_not(&p->matches, random_match(p, depth - 1));
	case 1:
	case 2:
		for (size_t i = 0; i < n; i++)
			v[i] = random_match(p, depth - 1);
		return match_or_n(&p->matches, v, n);
	default:
		for (size_t i = 0; i < n; i++)
			v[i] = random_match(p, depth - 1);
		return match_and_n(&p->matches, v, n);
	}
}

/* Fields that the packet has not are zero, as packet.h says. */
static void tidy(struct packet *p)
{
	if (!packet_has_ports(p))
		p->sport = p->dport = 0;
	if (!packet_has_icmp(p))
		p->icmp_type = p->icmp_code = 0;
	if (!packet_has_flags(p))
		p->flags = 0;
}

static struct packet random_packet(const struct pool *p)
{
	struct packet k = { .family = (uint8_t)p->family };

	k.proto = (uint8_t)pool_proto(p);
	if (one_in(3))
		k.proto = one_in(2)		   ? PROTO_TCP
			  : p->family == FAMILY_V4 ? PROTO_ICMP
						   : PROTO_ICMPV6;
	k.src = pool_addr(p);
	k.dst = pool_addr(p);
	k.sport = (uint16_t)pool_port(p);
	k.dport = (uint16_t)pool_port(p);
	k.icmp_type = (uint8_t)random_bits();
	k.icmp_code = (uint8_t)(one_in(2) ? below(4) : p->port[1] & 255u);
	k.flags = one_in(2) ? TCP_SYN : (uint8_t)random_bits();
	k.state = (uint8_t)below(STATE_COUNT);
	k.fragment = one_in(4);
	tidy(&k);
	return k;
}

static void fail(const char *law, const struct packet *p)
{
	struct text t = { 0 };

	failures++;
	if (failures > 20)
		return;
	if (p)
		packet_print(&t, p);
	fprintf(stderr, "law broken: %s %s\n", law, t.s ? t.s : "");
	text_finish(&t);
}

static void law(bool holds, const char *name)
{
	checks++;
	if (!holds)
		fail(name, NULL);
}

static void law_at(bool holds, const char *name, const struct packet *p)
{
	checks++;
	if (!holds)
		fail(name, p);
}

/* What the packet is without a field, for projection. */
static bool agree_but(const struct packet *a, const struct packet *b, enum field f)
{
	bool icmp = packet_has_icmp(a) && packet_has_icmp(b);
	bool ports = packet_has_ports(a) && packet_has_ports(b);
	bool flags = packet_has_flags(a) && packet_has_flags(b);

	return (f == FIELD_SRC || addr_equal(a->src, b->src)) &&
	       (f == FIELD_DST || addr_equal(a->dst, b->dst)) &&
	       (f == FIELD_PROTO || a->proto == b->proto) &&
	       (f == FIELD_STATE || a->state == b->state) &&
	       (f == FIELD_FRAGMENT || a->fragment == b->fragment) &&
	       (f == FIELD_SPORT || !ports || a->sport == b->sport) &&
	       (f == FIELD_DPORT || !ports || a->dport == b->dport) &&
	       (f == FIELD_ICMP_TYPE || !icmp || a->icmp_type == b->icmp_type) &&
	       (f == FIELD_ICMP_CODE || !icmp || a->icmp_code == b->icmp_code) &&
	       (f == FIELD_FLAGS || !flags || a->flags == b->flags);
}

static void change(const struct pool *p, struct packet *k, enum field f)
{
	struct packet other = random_packet(p);

	switch (f) {
	case FIELD_SRC:
		k->src = other.src;
		break;
	case FIELD_DST:
		k->dst = other.dst;
		break;
	case FIELD_PROTO:
		k->proto = other.proto;
		k->sport = k->sport ? k->sport : other.sport;
		k->dport = k->dport ? k->dport : other.dport;
		k->flags = k->flags ? k->flags : other.flags;
		k->icmp_type = k->icmp_type ? k->icmp_type : other.icmp_type;
		break;
	case FIELD_STATE:
		k->state = other.state;
		break;
	case FIELD_FRAGMENT:
		k->fragment = !k->fragment;
		k->sport = k->sport ? k->sport : other.sport;
		k->dport = k->dport ? k->dport : other.dport;
		break;
	case FIELD_SPORT:
		k->sport = (uint16_t)pool_port(p);
		break;
	case FIELD_DPORT:
		k->dport = (uint16_t)pool_port(p);
		break;
	case FIELD_ICMP_TYPE:
		k->icmp_type = (uint8_t)random_bits();
		break;
	case FIELD_ICMP_CODE:
		k->icmp_code = (uint8_t)below(4);
		break;
	default:
		k->flags = (uint8_t)random_bits();
	}
	tidy(k);
}

static bool in_box(const struct pset_box *b, const struct packet *p)
{
	if (p->proto < b->proto.lo || p->proto > b->proto.hi || !span_has(b->src, p->src) ||
	    !span_has(b->dst, p->dst))
		return false;
	if (b->has_ports && packet_has_ports(p) &&
	    (p->sport < b->sport.lo || p->sport > b->sport.hi || p->dport < b->dport.lo ||
	     p->dport > b->dport.hi))
		return false;
	unsigned icmp = (unsigned)p->icmp_type << 8 | p->icmp_code;

	return !b->has_icmp || !packet_has_icmp(p) ||
	       (icmp >= b->icmp.lo && icmp <= b->icmp.hi);
}

/* Boxes of whole packets with any flags and state: disjoint, and exactly the set. */
static void law_boxes(struct pset_space *sp, const struct pool *pool, struct pset s,
		      const struct packet *pk)
{
	enum { MOST = 3000 };
	static struct pset_box box[MOST];
	struct range whole = { 0, 0 };
	struct pset_box few[3];
	size_t left, left_few, n, n_few;
	double sum = 0;

	s = pset_and(sp, pset_project(sp, pset_project(sp, s, FIELD_STATE), FIELD_FLAGS),
		     pset_ranges(sp, FIELD_FRAGMENT, &whole, 1));
	n = pset_boxes(sp, s, box, MOST, &left);
	n_few = pset_boxes(sp, s, few, 3, &left_few);
	law(pset_is_empty(s) == (n == 0), "boxes of the empty set");
	law(n_few <= 3 && (n > 3 || n_few == n), "boxes: at most max");
	law((n_few < n || left) == (left_few > 0), "boxes: told what is left out");
	for (size_t i = 0; i < n; i++) {
		law(i == 0 || box[i].count <= box[i - 1].count, "boxes: largest first");
		sum += box[i].count;
	}
	if (left)
		return;
	for (int i = 0; i < PACKETS; i++) {
		size_t in = 0;

		for (size_t b = 0; b < n; b++)
			in += !pk[i].fragment && in_box(&box[b], &pk[i]);
		law_at(in == (pset_has(sp, s, &pk[i]) ? 1 : 0), "boxes: each packet once",
		       &pk[i]);
	}
	law(sum > 0 || n == 0, "boxes: sizes");
}

/* Boxes of first packets: disjoint, and exactly the set. */
static void law_first_boxes(struct pset_space *sp, const struct pool *pool, struct pset s,
			    const struct packet *pk)
{
	enum { MOST = 3000 };
	static struct pset_box box[MOST];
	struct pset_assume first = { .first = true };
	size_t left, n;

	s = pset_project(sp, pset_and(sp, s, pset_universe(sp, &first)), FIELD_FLAGS);
	s = pset_and(sp, s, pset_universe(sp, &first));
	n = pset_boxes(sp, s, box, MOST, &left);
	if (left)
		return;
	for (int i = 0; i < PACKETS; i++) {
		struct packet p = pk[i];
		size_t in = 0;

		p.state = STATE_NEW;
		p.fragment = 0;
		p.flags = p.proto == PROTO_TCP ? TCP_SYN : 0;
		tidy(&p);
		for (size_t b = 0; b < n; b++)
			in += in_box(&box[b], &p);
		law_at(in == (pset_has(sp, s, &p) ? 1 : 0), "boxes of first packets", &p);
	}
	for (size_t b = 0; b < n; b++)
		law(box[b].first_tail, "boxes of first packets: tail");
}

static void law_pick(struct pset_space *sp, struct pset s)
{
	struct packet p, again;
	bool found = pset_pick(sp, s, &p);

	law(found == !pset_is_empty(s), "pick finds what there is");
	if (!found)
		return;
	law_at(pset_has(sp, s, &p), "pick is in the set", &p);
	pset_pick(sp, s, &again);
	law(memcmp(&p, &again, sizeof(p)) == 0, "pick twice is the same");
	tidy(&again);
	law(memcmp(&p, &again, sizeof(p)) == 0, "pick sets only fields that exist");
}

static void law_projections(struct pset_space *sp, const struct pool *pool, struct pset s,
			    const struct packet *pk)
{
	enum field fields[] = { FIELD_SRC,   FIELD_DST,	      FIELD_PROTO,     FIELD_SPORT,
				FIELD_DPORT, FIELD_ICMP_TYPE, FIELD_ICMP_CODE, FIELD_FLAGS,
				FIELD_STATE, FIELD_FRAGMENT };

	for (size_t k = 0; k < sizeof(fields) / sizeof(*fields); k++) {
		enum field f = fields[k];
		struct pset e = pset_project(sp, s, f);

		law(pset_subset(sp, s, e), "projection holds the set");
		/* not where a packet gains fields on the way there and back */
		law(pset_equal(pset_project(sp, e, f), e) || f == FIELD_PROTO ||
			    f == FIELD_FRAGMENT,
		    "projection twice");
		for (int i = 0; i < PACKETS / 4; i++) {
			struct packet other = pk[i], p;

			if (pset_has(sp, s, &pk[i])) {
				change(pool, &other, f);
				if (agree_but(&other, &pk[i], f))
					law_at(pset_has(sp, e, &other), "projection: reaches",
					       &other);
			}
			/* only what some packet of the set agrees with */
			if (pset_has(sp, e, &pk[i]) && f != FIELD_PROTO &&
			    f != FIELD_FRAGMENT) {
				struct pset one = s;
				struct span src = { pk[i].src, pk[i].src };
				struct span dst = { pk[i].dst, pk[i].dst };
				struct range r = { pk[i].proto, pk[i].proto };

				if (f != FIELD_SRC)
					one = pset_and(sp, one,
						       pset_spans(sp, FIELD_SRC, &src, 1));
				if (f != FIELD_DST)
					one = pset_and(sp, one,
						       pset_spans(sp, FIELD_DST, &dst, 1));
				one = pset_and(sp, one, pset_ranges(sp, FIELD_PROTO, &r, 1));
				r.lo = r.hi = pk[i].fragment;
				one = pset_and(sp, one, pset_ranges(sp, FIELD_FRAGMENT, &r, 1));
				r.lo = r.hi = pk[i].state;
				if (f != FIELD_STATE)
					one = pset_and(sp, one,
						       pset_ranges(sp, FIELD_STATE, &r, 1));
				r.lo = r.hi = pk[i].dport;
				if (f != FIELD_DPORT && packet_has_ports(&pk[i]))
					one = pset_and(sp, one,
						       pset_ranges(sp, FIELD_DPORT, &r, 1));
				law(pset_pick(sp, one, &p), "projection: not too much");
			}
		}
	}
}

static void law_algebra(struct pset_space *sp, struct pset a, struct pset b, struct pset c)
{
	struct pset all = pset_all(sp), none = pset_none();
	double na, nb;

	law(pset_equal(pset_not(sp, pset_not(sp, a)), a), "not not a is a");
	law(pset_equal(pset_or(sp, a, pset_not(sp, a)), all), "a or not a is all");
	law(pset_equal(pset_and(sp, a, pset_not(sp, a)), none), "a and not a is none");
	law(pset_equal(pset_or(sp, a, b), pset_or(sp, b, a)), "or commutes");
	law(pset_equal(pset_and(sp, a, b), pset_and(sp, b, a)), "and commutes");
	law(pset_equal(pset_not(sp, pset_or(sp, a, b)),
		       pset_and(sp, pset_not(sp, a), pset_not(sp, b))),
	    "de Morgan");
	law(pset_equal(pset_and(sp, a, pset_or(sp, b, c)),
		       pset_or(sp, pset_and(sp, a, b), pset_and(sp, a, c))),
	    "and distributes");
	law(pset_equal(pset_or(sp, a, pset_or(sp, b, c)), pset_or(sp, pset_or(sp, a, b), c)),
	    "or associates");
	law(pset_equal(pset_minus(sp, a, b), pset_and(sp, a, pset_not(sp, b))), "minus");
	law(pset_equal(pset_or(sp, pset_and(sp, a, b), pset_minus(sp, a, b)), a), "split");
	law(pset_subset(sp, a, pset_or(sp, a, b)), "a within a or b");
	law(pset_subset(sp, a, b) == pset_is_empty(pset_minus(sp, a, b)), "subset");
	law(pset_disjoint(sp, a, b) == pset_is_empty(pset_and(sp, a, b)), "disjoint");
	law(pset_equal(pset_within(sp, a, b), pset_and(sp, a, b)), "within of sets is and");
	law(pset_equal(pset_over(sp, a, b), pset_or(sp, a, b)), "over of sets is or");
	na = pset_count(sp, pset_or(sp, a, b)) + pset_count(sp, pset_and(sp, a, b));
	nb = pset_count(sp, a) + pset_count(sp, b);
	law(fabs(na - nb) <= 1e-9 * nb, "count adds up");
}

static void law_functions(struct pset_space *sp, const struct pset *s, const struct packet *pk)
{
	struct pset v[SETS], list, back = pset_none();
	uint32_t labels[SETS + 1], to[SETS + 2] = { 0 };
	size_t n;

	for (uint32_t i = 0; i < SETS; i++)
		v[i] = pset_label(sp, s[i], i + 1);
	for (int i = SETS; i-- > 0;)
		back = pset_over(sp, v[i], back);
	list = pset_compile(sp, v, SETS, false, NULL, 0);
	law(pset_equal(list, back), "compile is over, over, ...");
	for (int i = 0; i < PACKETS; i++) {
		uint32_t want = 0;

		for (uint32_t k = SETS; k-- > 0;)
			if (pset_has(sp, s[k], &pk[i]))
				want = k + 1;
		law_at(pset_label_of(sp, list, &pk[i]) == want, "the first match decides",
		       &pk[i]);
	}
	back = pset_none();
	for (uint32_t i = 0; i <= SETS; i++) {
		struct pset w = pset_where(sp, list, i);

		law(pset_disjoint(sp, back, w), "labels are apart");
		back = pset_or(sp, back, w);
		to[i] = i ? SETS + 1 - i : 0;
		if (i)
			law(pset_equal(pset_within(sp, list, w), pset_label(sp, w, i)),
			    "within what a label holds");
	}
	law(pset_equal(back, pset_all(sp)), "labels are all");
	n = pset_labels(sp, list, labels, SETS + 1);
	for (size_t i = 0; i < n; i++)
		law(!pset_is_empty(pset_where(sp, list, labels[i])), "labels are given");
	law(n <= SETS, "no other labels");
	list = pset_relabel(sp, list, to, SETS + 1);
	law(pset_equal(pset_relabel(sp, pset_relabel(sp, list, to, SETS + 1), to, SETS + 1),
		       list),
	    "relabelling back and forth");
	for (int i = 0; i < PACKETS; i++) {
		uint32_t l = pset_label_of(sp, list, &pk[i]);

		law(l == 0 || pset_has(sp, s[SETS - l], &pk[i]), "relabelled");
	}
}

/* lo and hi against the judge; under an assumption, inside its universe. */
static void law_judge(struct pset_space *sp, const struct pool *pool, const struct match *m,
		      const struct packet *pk)
{
	struct pset_assume as = { .state = -1, .fragment = -1 };
	struct pset u, lo, hi;

	if (one_in(2))
		as.state = (int)below(STATE_COUNT);
	if (one_in(2))
		as.fragment = (int)below(2);
	if (one_in(2))
		as.iif = one_in(2) ? "eth0" : "lan";
	if (one_in(2))
		as.oif = one_in(2) ? "eth1" : "";
	if (one_in(2))
		as.physin = one_in(2) ? "eth0" : "";
	if (one_in(2))
		as.physout = one_in(2) ? "eth1" : "lan";
	if (one_in(2))
		as.mac = "lan";
	as.first = one_in(3);
	u = pset_universe(sp, &as);
	lo = pset_lo(sp, m, &as);
	hi = pset_hi(sp, m, &as);
	law(pset_subset(sp, pset_and(sp, lo, u), hi), "lo within hi");
	law(pset_equal(lo, pset_lo(sp, m, &as)), "lo twice");
	for (int i = 0; i < PACKETS; i++) {
		struct packet p = pk[i];
		enum truth t;

		p.iif = as.iif;
		p.oif = as.oif;
		p.physin = as.physin;
		p.physout = as.physout;
		p.mac = as.mac;
		if (as.first && one_in(2)) {
			p.state = STATE_NEW;
			p.fragment = 0;
			p.flags = p.proto == PROTO_TCP ? TCP_SYN | (p.flags & 0xc0) : 0;
		}
		if (as.state >= 0 && one_in(2))
			p.state = (uint8_t)as.state;
		if (as.fragment >= 0 && one_in(2))
			p.fragment = (uint8_t)as.fragment;
		tidy(&p);
		if (!pset_has(sp, u, &p))
			continue;
		t = match_judge(m, &p);
		law_at(pset_has(sp, lo, &p) == (t == TRUTH_TRUE), "lo is what is surely true",
		       &p);
		law_at(pset_has(sp, hi, &p) == (t != TRUTH_FALSE), "hi is what may be true",
		       &p);
	}
	for (int i = 0; i < PACKETS; i++) {
		bool in = (!as.first ||
			   (pk[i].state == STATE_NEW && !pk[i].fragment &&
			    (!packet_has_flags(&pk[i]) || (pk[i].flags & 0x3f) == TCP_SYN))) &&
			  (as.first || as.state < 0 || pk[i].state == as.state) &&
			  (as.first || as.fragment < 0 || pk[i].fragment == as.fragment);

		law_at(pset_has(sp, u, &pk[i]) == in, "universe", &pk[i]);
	}
}

static void law_rewrite(struct pset_space *sp, const struct pool *pool, struct pset s,
			const struct packet *pk)
{
	struct addr a = pool_addr(pool);
	unsigned port = pool_port(pool);
	struct pset to = pset_rewrite_addr(sp, s, FIELD_DST, a);
	struct pset tp = pset_rewrite_port(sp, s, FIELD_DPORT, port);

	for (int i = 0; i < PACKETS; i++) {
		struct packet p = pk[i];

		if (!pset_has(sp, s, &p))
			continue;
		p.dst = a;
		law_at(pset_has(sp, to, &p), "rewritten address", &p);
		p = pk[i];
		if (packet_has_ports(&p))
			p.dport = (uint16_t)port;
		law_at(pset_has(sp, tp, &p), "rewritten port", &p);
	}
	for (int i = 0; i < PACKETS; i++) {
		if (pset_has(sp, to, &pk[i]))
			law_at(addr_equal(pk[i].dst, a), "no other address", &pk[i]);
		if (packet_has_ports(&pk[i]) && pset_has(sp, tp, &pk[i]))
			law_at(pk[i].dport == port, "no other port", &pk[i]);
	}
}

static struct addr minus(struct addr a, struct addr b)
{
	return (struct addr){ a.hi - b.hi - (a.lo < b.lo), a.lo - b.lo };
}

/* Addresses moved by a constant, however the two ranges lie to each other; and back again. */
static void law_shift(struct pset_space *sp, const struct pool *pool, struct pset s,
		      const struct packet *pk)
{
	enum family f = pset_family(sp);
	enum field field = below(2) ? FIELD_SRC : FIELD_DST;
	struct addr a = pool_addr(pool), b = pool_addr(pool), to = pool_addr(pool);
	struct span from = addr_compare(a, b) <= 0 ? (struct span){ a, b } : (struct span){ b, a };
	struct addr size = minus(from.hi, from.lo), room = minus(addr_max(f), size);

	if (addr_compare(to, room) > 0)
		to = room;
	struct pset moved = pset_shift(sp, s, field, from, to);
	struct span there = { to, minus(addr_max(f), minus(room, to)) };
	struct pset back = pset_shift(sp, moved, field, there, from.lo);

	law_at(pset_equal(back, pset_and(sp, s, pset_spans(sp, field, &from, 1))),
	       "shifted and back", NULL);
	law_at(pset_subset(sp, moved, pset_spans(sp, field, &there, 1)), "shifted there", NULL);
	for (int i = 0; i < PACKETS; i++) {
		struct packet p = pk[i];
		struct addr *x = field == FIELD_SRC ? &p.src : &p.dst;
		if (!span_has(from, *x))
			continue;
		bool in = pset_has(sp, s, &p);
		struct addr by = minus(*x, from.lo);
		x->lo = to.lo + by.lo;
		x->hi = to.hi + by.hi + (x->lo < to.lo);
		law_at(pset_has(sp, moved, &p) == in, "shifted address", &p);
	}
}

/* Collection keeps the roots, and what is built afterwards is the same. */
static void law_collect(struct pset_space *sp, const struct match *const *m, struct pset *s,
			const struct packet *pk)
{
	struct pset kept[2] = { s[0], s[2] };
	struct pset *roots[2] = { &kept[0], &kept[1] };
	bool had[2][PACKETS];
	size_t before = pset_space_bytes(sp), nodes[2], words, nodes_now;

	for (int k = 0; k < 2; k++) {
		pset_size(sp, kept[k], &nodes[k], &words);
		for (int i = 0; i < PACKETS; i++)
			had[k][i] = pset_has(sp, kept[k], &pk[i]);
	}
	pset_space_collect(sp, roots, 2);
	law(pset_space_bytes(sp) <= before, "collection takes no memory");
	for (int k = 0; k < 2; k++) {
		pset_size(sp, kept[k], &nodes_now, &words);
		law(nodes[k] == nodes_now, "collection keeps the nodes");
		for (int i = 0; i < PACKETS; i++)
			law_at(had[k][i] == pset_has(sp, kept[k], &pk[i]),
			       "collection keeps the roots", &pk[i]);
	}
	for (int i = 0; i < SETS; i++)
		s[i] = pset_hi(sp, m[i], NULL);
	law(pset_equal(s[0], kept[0]) && pset_equal(s[2], kept[1]),
	    "canonical across collections");
	law_algebra(sp, s[0], s[1], s[2]);
}

/* With collection in between, the same function comes out. */
static void law_compile_collect(struct pset_space *sp, const struct match *const *m,
				const struct packet *pk)
{
	struct pset v[64], w[64], keep = pset_lo(sp, m[0], NULL), list, other;
	struct pset *kept[2] = { &keep, &other };

	for (uint32_t i = 0; i < 64; i++)
		v[i] = w[i] = pset_label(sp, pset_hi(sp, m[i % SETS], NULL), 1 + i % 5);
	other = pset_compile(sp, w, 64, false, NULL, 0);
	list = pset_compile(sp, v, 64, true, kept, 2);
	law(pset_equal(list, other), "compile with collection");
	law(pset_equal(keep, pset_lo(sp, m[0], NULL)), "compile keeps what it is told to");
}

/* The first of the rules that matches, whatever parts they fall into. */
static void law_decide(enum family f, const struct match *const *m, const struct packet *pk)
{
	enum { RULES = 24 };
	struct decide_rule v[RULES];
	int64_t got[PACKETS];
	struct decide *d;

	for (int i = 0; i < RULES; i++)
		v[i] = (struct decide_rule){ one_in(8) ? NULL : m[below(SETS)], one_in(2) };
	d = decide_create(f, v, RULES, NULL, 0);
	decide_packets(d, pk, PACKETS, got);
	for (int i = 0; i < PACKETS; i++) {
		int64_t want = DECIDE_NONE;

		for (int k = RULES; k-- > 0;) {
			enum truth t =
				v[k].match ? match_judge(v[k].match, &pk[i]) : TRUTH_FALSE;

			if (t == TRUTH_TRUE || (t == TRUTH_UNKNOWN && v[k].hi))
				want = k;
		}
		law_at(got[i] == want, "the rule that decides", &pk[i]);
		law_at(decide_packet(d, &pk[i]) == want, "one by one", &pk[i]);
	}
	decide_destroy(d);
}

/* A budget too small: spent, for good, and never a wrong answer. */
static void law_spent(struct pool *pool, const struct match *const *m, const struct packet *pk)
{
	struct pset_space *sp = pset_space_create(pool->family, 65536 + below(200000));
	struct pset s = pset_spent();

	law(pset_is_spent(pset_or(sp, s, pset_all(sp))) &&
		    pset_is_spent(pset_and(sp, pset_none(), s)) &&
		    pset_is_spent(pset_not(sp, s)) && pset_is_spent(pset_minus(sp, s, s)) &&
		    pset_is_spent(pset_over(sp, s, s)) &&
		    pset_is_spent(pset_within(sp, s, s)) &&
		    pset_is_spent(pset_label(sp, s, 3)) &&
		    pset_is_spent(pset_where(sp, s, 3)) &&
		    pset_is_spent(pset_project(sp, s, FIELD_DST)) && !pset_subset(sp, s, s) &&
		    !pset_disjoint(sp, s, s) && !pset_equal(s, s) && !pset_is_empty(s),
	    "spent stays spent");
	for (int i = 0; i < SETS; i++) {
		s = pset_hi(sp, m[i], NULL);
		if (pset_is_spent(s))
			break;
		for (int k = 0; k < PACKETS; k++)
			law_at(pset_has(sp, s, &pk[k]) ==
				       (match_judge(m[i], &pk[k]) != TRUTH_FALSE),
			       "right until spent", &pk[k]);
		s = pset_not(sp, s);
	}
	law(pset_space_bytes(sp) <= 300000, "the budget is kept");
	pset_space_destroy(sp);
}

static void round_of(enum family f)
{
	struct pool pool = { .family = f };
	const struct match *m[SETS];
	struct packet pk[PACKETS];
	struct pset s[SETS];
	struct pset_space *sp = pset_space_create(f, (size_t)1 << 30);

	pool.arena = arena_create();
	matches_init(&pool.matches, pool.arena);
	fill_pool(&pool);
	for (int i = 0; i < PACKETS; i++)
		pk[i] = random_packet(&pool);
	for (int i = 0; i < SETS; i++) {
		m[i] = random_match(&pool, below(4));
		s[i] = pset_hi(sp, m[i], NULL);
		law_judge(sp, &pool, m[i], pk);
		law_pick(sp, s[i]);
		law_rewrite(sp, &pool, s[i], pk);
		law_shift(sp, &pool, s[i], pk);
	}
	law_algebra(sp, s[0], s[1], s[2]);
	law_algebra(sp, s[3], s[4], s[5]);
	law_functions(sp, s, pk);
	law_projections(sp, &pool, s[below(SETS)], pk);
	law_boxes(sp, &pool, s[below(SETS)], pk);
	law_first_boxes(sp, &pool, s[below(SETS)], pk);
	law_decide(f, m, pk);
	law_spent(&pool, m, pk);
	law_collect(sp, m, s, pk);
	law_compile_collect(sp, m, pk);
	pset_space_destroy(sp);
	matches_finish(&pool.matches);
	arena_destroy(pool.arena);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 10;
	clock_t start = clock();
	unsigned rounds = 0;

	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	do {
		state = seed + rounds * UINT64_C(0x632be59bd9b4e019);
		round_of(rounds % 2 ? FAMILY_V6 : FAMILY_V4);
		rounds++;
	} while ((double)(clock() - start) / CLOCKS_PER_SEC < seconds && failures < 20);
	printf("%u rounds, %lu checks, %lu broken\n", rounds, checks, failures);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
