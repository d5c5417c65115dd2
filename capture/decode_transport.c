/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind IP: ports, types, or another packet. */
#include "capture/decode_parts.h"

enum {
	PROTO_IPV4 = 4,
	PROTO_IPV6 = 41,
	PROTO_INLSP = 52,
	PROTO_SKIP = 57,
	PROTO_IPIP = 94,
	PROTO_ETHERIP = 97,
	PROTO_ENCAP = 98,
	PROTO_PRIVATE = 99,
	PROTO_MINIMAL = 55, /* RFC 2004 */
	PROTO_IPCOMP = 108,
	PROTO_L2TP = 115,
	PROTO_MPLS = 137,
	PROTO_ETHERNET = 143, /* RFC 8986 */
	PROTO_AGGFRAG = 144,
	PROTO_NSH = 145,
};

static void ports(struct work *w)
{
	w->d->packet.sport = (uint16_t)cursor_u16(&w->c, 0);
	w->d->packet.dport = (uint16_t)cursor_u16(&w->c, 2);
}

static enum step tcp(struct work *w)
{
	unsigned length = cursor_u8(&w->c, 12) >> 4;

	if (!cursor_has(&w->c, 4))
		return lack(w, 4);
	ports(w);
	want(w, 20);
	if (!cursor_has(&w->c, 14))
		return STEP_DONE;
	w->d->packet.flags = (uint8_t)cursor_u8(&w->c, 13);
	if (length < 5 || (length * 4 > w->c.wire && !w->partial))
		w->d->anomalies |= ANOMALY_MALFORMED;
	/* The fourth is that of accurate ECN (RFC 9768). */
	if (cursor_u8(&w->c, 12) & 0x0e)
		w->d->anomalies |= ANOMALY_RESERVED;
	return STEP_DONE;
}

static enum step udp(struct work *w)
{
	unsigned length = cursor_u16(&w->c, 4);

	if (!cursor_has(&w->c, 4))
		return lack(w, 4);
	ports(w);
	want(w, 8);
	if (!cursor_has(&w->c, 8))
		return STEP_DONE;
	/* 0: a jumbogram, or what a card is to segment. */
	if (length && (length < 8 || (!cursor_limit(&w->c, length) && !w->partial)))
		w->d->anomalies |= ANOMALY_MALFORMED;
	cursor_skip(&w->c, 8);
	return by_port(w);
}

static enum step port_pair(struct work *w, uint32_t header)
{
	if (!cursor_has(&w->c, 4))
		return lack(w, 4);
	ports(w);
	want(w, header);
	return STEP_DONE;
}

/* Type and code, at the same place in both families. False: they aren't there, which is told. */
static bool icmp_kind(struct work *w)
{
	if (!cursor_has(&w->c, 2)) {
		lack(w, 2);
		return false;
	}
	w->d->packet.icmp_type = (uint8_t)cursor_u8(&w->c, 0);
	w->d->packet.icmp_code = (uint8_t)cursor_u8(&w->c, 1);
	want(w, 8);
	return true;
}

/* RFC 792, RFC 950, RFC 8335. */
static enum step icmp(struct work *w)
{
	struct decoded *d = w->d;

	if (!icmp_kind(w))
		return STEP_DONE;
	switch (d->packet.icmp_type) {
	case 0: /* echo, timestamp, information, mask, extended echo */
	case 8:
	case 13:
	case 14:
	case 15:
	case 16:
	case 17:
	case 18:
	case 42:
	case 43:
		d->icmp_id = (uint16_t)cursor_u16(&w->c, 4);
		break;
	case 3: /* unreachable, quench, redirect, time exceeded, parameter problem */
	case 4:
	case 5:
	case 11:
	case 12:
		if (cursor_has(&w->c, 8))
			quote(w, 8);
		break;
	}
	return STEP_DONE;
}

/* RFC 4861, 4.6.3: the redirected packet is in an option. */
static void redirect_v6(struct work *w)
{
	struct cursor o = w->c;
	uint32_t len = 40;

	for (unsigned n = 0; n < EXTENSIONS_MAX && cursor_skip(&o, len); n++) {
		len = cursor_u8(&o, 1) * 8;
		if (!cursor_has(&o, 8))
			break;
		if (cursor_u8(&o, 0) == 4) {
			quote(w, w->c.left - o.left + 8);
			return;
		}
		if (!len)
			return;
	}
	if (o.wire > o.left)
		w->d->anomalies |= ANOMALY_TRUNCATED;
}

/* RFC 4443, RFC 8335. */
static enum step icmpv6(struct work *w)
{
	struct decoded *d = w->d;

	if (!icmp_kind(w))
		return STEP_DONE;
	switch (d->packet.icmp_type) {
	case 128:
	case 129:
	case 160:
	case 161:
		d->icmp_id = (uint16_t)cursor_u16(&w->c, 4);
		break;
	case 1:
	case 2:
	case 3:
	case 4:
		if (cursor_has(&w->c, 8))
			quote(w, 8);
		break;
	case 137:
		redirect_v6(w);
		break;
	}
	return STEP_DONE;
}

enum step by_protocol(struct work *w, unsigned proto)
{
	unsigned family = w->d->packet.family;

	switch (proto) {
	case PROTO_TCP:
		return tcp(w);
	case PROTO_UDP:
		return udp(w);
	case PROTO_UDPLITE:
		return port_pair(w, 8);
	case PROTO_SCTP:
		return port_pair(w, 12);
	case PROTO_DCCP:
		return port_pair(w, 12);
	case PROTO_ICMP:
		return family == FAMILY_V4 ? icmp(w) : STEP_DONE;
	case PROTO_ICMPV6:
		return family == FAMILY_V6 ? icmpv6(w) : STEP_DONE;
	case PROTO_GRE:
		return STEP_GRE;
	case PROTO_IPV4:
		return STEP_IPV4;
	case PROTO_IPV6:
		return STEP_IPV6;
	case PROTO_ETHERIP:
		return STEP_ETHERIP;
	case PROTO_ETHERNET:
		return STEP_ETHERNET;
	case PROTO_MPLS:
		return STEP_MPLS;
	case PROTO_NSH:
		return STEP_NSH;
	case PROTO_ESP:
	case PROTO_INLSP:
	case PROTO_SKIP:
	case PROTO_PRIVATE:
		return stop(w, OPAQUE_ENCRYPTED);
	case PROTO_IPIP:
	case PROTO_ENCAP:
	case PROTO_MINIMAL:
	case PROTO_IPCOMP:
	case PROTO_L2TP:
	case PROTO_AGGFRAG:
		return stop(w, OPAQUE_ENCAPSULATION);
	default:
		return STEP_DONE;
	}
}
