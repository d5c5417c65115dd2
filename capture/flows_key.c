/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a packet belongs to, and a keyed hash of it. The two ends of a key are sorted, so that
 * both directions meet; where the packet says who asked (ICMP queries), or where nothing ever
 * comes back (ICMP errors), they are not.
 */
#include <string.h>

#include "capture/flows_internal.h"

uint64_t flow_hash_tags(const uint64_t *seed, uint64_t h, const struct segment_tag *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = flow_mix(h ^ seed[6],
			((uint64_t)v[i].inner << 40 | (uint64_t)v[i].kind << 32 | v[i].id) ^
				seed[7]);
	return h;
}

/* The same for both directions: what a tunnel carries must not hide behind another one. */
static uint64_t hash_tunnels(const uint64_t *seed, uint64_t h, const struct tunnel_end *v,
			     size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = flow_mix(h ^ v[i].proto ^ seed[5],
			flow_mix(v[i].src.hi ^ seed[1], v[i].src.lo ^ seed[2]) ^
				flow_mix(v[i].dst.hi ^ seed[1], v[i].dst.lo ^ seed[2]) ^
				seed[7]);
	return h;
}

static uint64_t hash_quoted(const uint64_t *seed, uint64_t h, const struct quoted *q)
{
	uint64_t what = (uint64_t)q->sport << 48 | (uint64_t)q->dport << 32 |
			(uint64_t)q->has_ports << 24 | (uint64_t)q->family << 16 | q->proto;
	h = flow_mix(h ^ what ^ seed[6], q->src.hi ^ seed[7]);
	h = flow_mix(h ^ q->src.lo ^ seed[5], q->dst.hi ^ seed[4]);
	return flow_mix(h ^ q->dst.lo ^ seed[3], seed[2]);
}

/*
 * By field, and not in the order of memory: numbers that were just stored by parts can't be
 * loaded as one before they have left the core.
 */
static inline uint64_t hash_key(const uint64_t *seed, const struct flow_key *k)
{
	uint64_t ends = flow_mix(k->end[0].hi ^ seed[0], k->end[0].lo ^ seed[1]) ^
			flow_mix(k->end[1].hi ^ seed[2], k->end[1].lo ^ seed[3]);
	uint64_t ports = (uint64_t)k->port[1] | (uint64_t)k->port[0] << 16 |
			 (uint64_t)k->proto << 32 | (uint64_t)k->family << 40 |
			 (uint64_t)k->icmp_code << 48 | (uint64_t)k->icmp_type << 56;
	uint64_t rest = (uint64_t)k->ethertype | (uint64_t)k->interface << 16 |
			(uint64_t)k->n_tunnels << 32 | (uint64_t)k->n_segments << 40 |
			(uint64_t)k->bits << 48 | (uint64_t)k->opaque << 56;
	return flow_mix(ends ^ flow_mix(ports ^ seed[4], rest ^ seed[5]) ^ seed[6], seed[7]);
}

/* ---- what a packet belongs to -------------------------------------------------------- */

/* The type of the question where t is an answer's (RFC 792, 950, 4443, 4620); -1 otherwise. */
static int icmp_question(uint8_t family, uint8_t t)
{
	if (family == FAMILY_V4)
		return t == 0 ? 8 : t == 14 || t == 16 || t == 18 ? t - 1 : -1;
	return t == 129 || t == 140 ? t - 1 : -1;
}

static bool icmp_asks(uint8_t family, uint8_t t)
{
	if (family == FAMILY_V4)
		return t == 8 || t == 13 || t == 15 || t == 17;
	return t == 128 || t == 139;
}

static inline void set_ends(struct flow_key *k, const struct packet *p, bool turned)
{
	k->end[turned] = p->src;
	k->end[!turned] = p->dst;
	k->port[turned] = p->sport;
	k->port[!turned] = p->dport;
}

static inline bool behind(const struct packet *p)
{
	struct addr s = p->src, d = p->dst;
	if (s.hi != d.hi)
		return s.hi > d.hi;
	return s.lo > d.lo || (s.lo == d.lo && p->sport > p->dport);
}

static void key_icmp(struct flow_key *k, const struct decoded *d, struct flow_view *s)
{
	const struct packet *p = &d->packet;
	int question = icmp_question(p->family, p->icmp_type);
	k->icmp_type = question < 0 ? p->icmp_type : (uint8_t)question;
	k->icmp_code = p->icmp_code;
	k->ethertype = d->icmp_id;
	/* an error goes to who sent what it quotes (RFC 1122 3.2.2): no other is excused by it
	 */
	if (d->quoted.any && d->quoted.family == p->family && addr_equal(d->quoted.src, p->dst))
		k->bits |= FLOW_RELATED;
	s->turned = question >= 0;
	s->began = question >= 0			? BEGAN_REVERSE
		   : icmp_asks(p->family, p->icmp_type) ? BEGAN_SEEN
							: BEGAN_GUESSED;
	set_ends(k, p, s->turned);
}

static inline void key_of(const struct decoded *d, unsigned interface, struct flow_key *k,
			  struct flow_view *s)
{
	const struct packet *p = &d->packet;
	*k = (struct flow_key){ .opaque = d->opaque,
				.n_segments = d->n_segments,
				.n_tunnels = d->n_tunnels,
				.interface = (uint16_t)interface };
	*s = (struct flow_view){ .began = BEGAN_GUESSED };
	if (!d->has_ip) {
		k->ethertype = d->ethertype;
		return;
	}
	k->bits = FLOW_IP;
	k->family = p->family;
	k->proto = p->proto;
	if (d->opaque == OPAQUE_ENCAPSULATION)
		k->ethertype = d->ethertype;
	if (p->fragment || (d->anomalies & ANOMALY_TINY_FRAGMENT))
		k->bits |= FLOW_PORTLESS;
	else if (packet_has_icmp(p) && !d->opaque) {
		key_icmp(k, d, s);
		return;
	}
	s->turned = behind(p);
	set_ends(k, p, s->turned);
	if (k->bits & FLOW_PORTLESS) {
		k->port[0] = k->port[1] = 0;
	} else if (p->proto == PROTO_TCP && (p->flags & TCP_SYN) && !(p->flags & TCP_RST)) {
		s->began = p->flags & TCP_ACK ? BEGAN_REVERSE : BEGAN_SEEN;
		s->fresh = !(p->flags & TCP_ACK);
	}
}

uint64_t flow_key_of(const uint64_t *seed, const struct decoded *d, unsigned interface,
		     struct flow_key *ret, struct flow_view *ret_view)
{
	key_of(d, interface, ret, ret_view);
	uint64_t h = hash_key(seed, ret);
	if (ret->n_segments)
		h = flow_hash_tags(seed, h, d->segments, ret->n_segments);
	if (ret->n_tunnels)
		h = hash_tunnels(seed, h, d->tunnels, ret->n_tunnels);
	if (ret->bits & FLOW_RELATED)
		h = hash_quoted(seed, h, &d->quoted);
	return h;
}
