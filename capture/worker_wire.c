/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records on their way from one process to the other. Nearly every one is of a flow without
 * tunnels and without a quote, and most count one packet: those are told in a line of a cache
 * (struct brief), with its tags, long addresses and further counts behind it. All others go as
 * they are. Which form a record has changes nothing of what arrives.
 */
#include <errno.h>
#include <string.h>

#include "capture/worker_internal.h"

enum {
	BRIEF = 0x80, /* of kind */
	/* of bits */
	LONG = 1,    /* addresses of IPv6 are behind it */
	COUNTED = 2, /* struct counted is behind it; otherwise one packet, at one time */
	HAS_IP = 4,
	FRAGMENTS = 8,
	TAGS = 4, /* how many stands in the bits from here on */
};

struct brief {
	uint8_t kind, began, opaque, bits;
	uint8_t proto, flags, icmp_type, icmp_code;
	uint16_t anomalies, ethertype, sport, dport;
	uint8_t mac_src[6];
	uint16_t interface;
	uint32_t file, bytes;
	uint64_t flow, number;
	int64_t at;
	uint32_t src, dst; /* of IPv4 */
};

struct counted {
	int64_t until;
	uint64_t packets[2], bytes[2];
	uint64_t link;
};

_Static_assert(sizeof(struct brief) == 64, "one line, no holes");
_Static_assert(sizeof(struct brief) <= sizeof(struct flow_record), "a record has no less");
_Static_assert(WIRE_MOST >= sizeof(struct brief) + SEGMENTS_MAX * sizeof(struct segment_tag) +
				       2 * sizeof(struct addr) + sizeof(struct counted) &&
		       WIRE_MOST >= sizeof(struct flow_record),
	       "any form fits");

static inline bool of_flow(uint8_t kind)
{
	return (kind >= RECORD_FIRST && kind <= RECORD_LAST) || kind == RECORD_EXCERPT;
}

/* Whether the short form holds all of it. */
static inline bool is_brief(const struct flow_record *r)
{
	const struct packet *p = &r->packet;
	bool wide = p->family == FAMILY_V4 &&
		    ((p->src.hi | p->dst.hi) || (p->src.lo | p->dst.lo) >> 32);
	return of_flow(r->kind) && !r->n_tunnels && !r->related &&
	       r->n_segments <= SEGMENTS_MAX && r->fragments == p->fragment && !p->state &&
	       r->file <= UINT32_MAX && !wide;
}

static inline uint8_t *put(uint8_t *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return to + n;
}

size_t wire_put(uint8_t *to, const struct flow_record *r)
{
	const struct packet *p = &r->packet;
	uint8_t *end = to;
	if (!is_brief(r))
		return (size_t)(put(end, r, sizeof(*r)) - to);
	bool is_long = p->family == FAMILY_V6;
	bool counted = r->packets[0] != 1 || r->packets[1] || r->bytes[0] > UINT32_MAX ||
		       r->bytes[1] || r->until != r->at || r->link;
	struct brief b = {
		.kind = r->kind | BRIEF,
		.began = r->began,
		.opaque = r->opaque,
		.bits = (uint8_t)((is_long ? LONG : 0) | (counted ? COUNTED : 0) |
				  (r->has_ip ? HAS_IP : 0) | (r->fragments ? FRAGMENTS : 0) |
				  r->n_segments << TAGS),
		.proto = p->proto,
		.flags = p->flags,
		.icmp_type = p->icmp_type,
		.icmp_code = p->icmp_code,
		.anomalies = r->anomalies,
		.ethertype = r->ethertype,
		.sport = p->sport,
		.dport = p->dport,
		.interface = r->interface,
		.file = (uint32_t)r->file,
		.bytes = (uint32_t)r->bytes[0],
		.flow = r->flow,
		.number = r->number,
		.at = r->at,
		.src = (uint32_t)p->src.lo,
		.dst = (uint32_t)p->dst.lo,
	};
	memcpy(b.mac_src, r->mac_src, sizeof(b.mac_src));
	end = put(end, &b, sizeof(b));
	if (r->n_segments)
		end = put(end, r->segments, r->n_segments * sizeof(*r->segments));
	if (is_long) {
		end = put(end, &p->src, sizeof(p->src));
		end = put(end, &p->dst, sizeof(p->dst));
	}
	if (counted) {
		struct counted c = { r->until,
				     { r->packets[0], r->packets[1] },
				     { r->bytes[0], r->bytes[1] },
				     (uint32_t)r->link };
		end = put(end, &c, sizeof(c));
	}
	return (size_t)(end - to);
}

static inline const uint8_t *get(void *to, const uint8_t *from, size_t n)
{
	memcpy(to, from, n);
	return from + n;
}

/* Every field is set but those that stay empty. */
static int take_brief(struct wire *w, const uint8_t *from, size_t left)
{
	struct flow_record *r = &w->plain;
	struct packet *p = &r->packet;
	struct brief b;
	const uint8_t *at = get(&b, from, sizeof(b));
	unsigned n = b.bits >> TAGS;
	size_t size = sizeof(b) + n * sizeof(*r->segments) +
		      (b.bits & LONG ? sizeof(p->src) + sizeof(p->dst) : 0) +
		      (b.bits & COUNTED ? sizeof(struct counted) : 0);
	b.kind &= (uint8_t)~BRIEF;
	if (!of_flow(b.kind) || n > SEGMENTS_MAX)
		return -EPROTO;
	if (left < size)
		return 0;
	/* tags of the record before don't stay */
	if (r->n_segments > n)
		memset(r->segments + n, 0, (r->n_segments - n) * sizeof(*r->segments));
	r->kind = b.kind;
	r->began = b.began;
	r->opaque = b.opaque;
	r->has_ip = !!(b.bits & HAS_IP);
	r->n_segments = (uint8_t)n;
	r->fragments = !!(b.bits & FRAGMENTS);
	r->anomalies = b.anomalies;
	r->interface = b.interface;
	r->ethertype = b.ethertype;
	p->family = b.bits & LONG ? FAMILY_V6 : FAMILY_V4;
	p->proto = b.proto;
	p->flags = b.flags;
	p->fragment = r->fragments;
	p->icmp_type = b.icmp_type;
	p->icmp_code = b.icmp_code;
	p->sport = b.sport;
	p->dport = b.dport;
	p->src = (struct addr){ 0, b.src };
	p->dst = (struct addr){ 0, b.dst };
	memcpy(r->mac_src, b.mac_src, sizeof(r->mac_src));
	r->flow = b.flow;
	r->file = b.file;
	r->number = b.number;
	r->at = r->until = b.at;
	r->link = 0;
	r->packets[0] = 1;
	r->packets[1] = 0;
	r->bytes[0] = b.bytes;
	r->bytes[1] = 0;
	if (n)
		at = get(r->segments, at, n * sizeof(*r->segments));
	if (b.bits & LONG) {
		at = get(&p->src, at, sizeof(p->src));
		at = get(&p->dst, at, sizeof(p->dst));
	}
	if (b.bits & COUNTED) {
		struct counted c;
		at = get(&c, at, sizeof(c));
		r->until = c.until;
		for (size_t i = 0; i < 2; i++) {
			r->packets[i] = c.packets[i];
			r->bytes[i] = c.bytes[i];
		}
		r->link = (int32_t)c.link;
	}
	w->record = r;
	return (int)(at - from);
}

int wire_take(struct wire *w, const uint8_t *from, size_t left)
{
	if (left < sizeof(struct brief))
		return 0;
	if (*from & BRIEF)
		return take_brief(w, from, left);
	if (left < sizeof(w->whole))
		return 0;
	memcpy(&w->whole, from, sizeof(w->whole));
	w->record = &w->whole;
	return sizeof(w->whole);
}
