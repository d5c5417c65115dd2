/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record from the other process is bytes, until every field was looked at: who wrote them
 * may have been taken over by the packets that it read. Truth values are looked at as bytes,
 * since any other use of one that is neither 0 nor 1 is undefined.
 */
#include <string.h>

#include "capture/flows.h"

enum { ANOMALIES = 1 << 7 };
#define COUNT_MOST (UINT64_C(1) << 60)

static bool is_bool(const bool *b)
{
	uint8_t v;
	memcpy(&v, b, 1);
	return v <= 1;
}

static bool address(unsigned family, struct addr a)
{
	return family == FAMILY_V6 || (family == FAMILY_V4 && !a.hi && a.lo <= UINT32_MAX);
}

static bool segment(const struct segment_tag *t)
{
	if (!is_bool(&t->inner))
		return false;
	switch (t->kind) {
	case SEGMENT_VLAN:
		return t->id < 1u << 12;
	case SEGMENT_VNI:
	case SEGMENT_NSH:
		return t->id < 1u << 24;
	case SEGMENT_MPLS:
		return t->id < 1u << 20;
	case SEGMENT_ERSPAN:
		return t->id < 1u << 10;
	case SEGMENT_PPPOE:
		return t->id < 1u << 16;
	case SEGMENT_GRE_KEY:
	case SEGMENT_TEID:
		return true;
	}
	return false;
}

static bool packet(const struct packet *p)
{
	return p->family < FAMILY_COUNT && p->state < STATE_COUNT && p->fragment <= 1 &&
	       address(p->family, p->src) && address(p->family, p->dst) && !p->iif && !p->oif &&
	       !p->physin && !p->physout && !p->mac &&
	       (packet_has_ports(p) || (!p->sport && !p->dport)) &&
	       (packet_has_icmp(p) || (!p->icmp_type && !p->icmp_code)) &&
	       (packet_has_flags(p) || !p->flags);
}

static bool quoted(const struct quoted *q)
{
	return is_bool(&q->any) && is_bool(&q->has_ports) && q->family < FAMILY_COUNT &&
	       address(q->family, q->src) && address(q->family, q->dst);
}

static bool counts(const struct flow_record *r)
{
	for (size_t i = 0; i < 2; i++)
		if (r->packets[i] > COUNT_MOST || r->bytes[i] > COUNT_MOST)
			return false;
	if (r->kind == RECORD_FIRST || r->kind == RECORD_EXCERPT)
		return r->packets[0] == 1 && !r->packets[1];
	return r->packets[0] || r->packets[1];
}

bool flow_record_valid(const struct flow_record *r)
{
	if (r->kind < RECORD_FIRST || r->kind > RECORD_END)
		return false;
	if (r->kind > RECORD_LAST && r->kind != RECORD_EXCERPT)
		return true; /* nothing else of it is looked at but file and at */
	if (r->began > BEGAN_REVERSE || r->opaque > OPAQUE_NO_IP || r->has_ip > 1 ||
	    r->n_segments > SEGMENTS_MAX || r->n_tunnels > TUNNELS_MAX || r->related > 1 ||
	    r->fragments > 1 || r->anomalies >= ANOMALIES || !packet(&r->packet) ||
	    !quoted(&r->quoted))
		return false;
	for (size_t i = 0; i < r->n_segments; i++)
		if (!segment(&r->segments[i]))
			return false;
	for (size_t i = 0; i < r->n_tunnels; i++)
		if (r->tunnels[i].family >= FAMILY_COUNT ||
		    !address(r->tunnels[i].family, r->tunnels[i].src) ||
		    !address(r->tunnels[i].family, r->tunnels[i].dst))
			return false;
	return (!r->fragments || r->packet.fragment) && r->flow && r->number &&
	       r->until >= r->at && counts(r);
}
