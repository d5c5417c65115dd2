/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encapsulations over IP and UDP. A datagram to a tunnel's port whose header can't be one of
 * that tunnel is the datagram that it is, with ANOMALY_MALFORMED: an ordinary client may have
 * been given that port, and no tunnel's end takes it.
 */
#include "capture/decode_parts.h"

enum {
	PORT_L2TP = 1701,
	PORT_GTPU = 2152,
	PORT_TEREDO = 3544,
	PORT_LISP = 4341,
	PORT_ESP = 4500,
	PORT_GRE = 4754, /* RFC 8086 */
	PORT_VXLAN = 4789,
	PORT_VXLAN_GPE = 4790,
	PORT_AYIYA = 5072, /* draft-massar-v6ops-ayiya */
	PORT_CAPWAP_DATA = 5247,
	PORT_GENEVE = 6081,
	PORT_MPLS = 6635,	 /* RFC 7510 */
	PORT_VXLAN_LINUX = 8472, /* the kernel's own default */
	GRE_ERSPAN = 0x88be,
	GRE_ERSPAN3 = 0x22eb,
	GRE_PPP = 0x880b,
	TYPE_BRIDGED = 0x6558,
};

/* It was a plain datagram after all. */
static enum step plain(struct work *w)
{
	w->d->anomalies |= ANOMALY_MALFORMED;
	w->d->layers--;
	return STEP_DONE;
}

/* A tunnel's header of n bytes isn't all there. */
static enum step short_header(struct work *w, uint32_t n)
{
	return n > w->c.wire && !w->partial ? plain(w) : lack(w, n);
}

enum step by_port(struct work *w)
{
	const struct packet *p = &w->d->packet;
	unsigned port = p->dport;

	switch (p->dport) {
	case PORT_VXLAN:
	case PORT_VXLAN_LINUX:
		return STEP_VXLAN;
	case PORT_VXLAN_GPE:
		return STEP_VXLAN_GPE;
	case PORT_GENEVE:
		return STEP_GENEVE;
	case PORT_GTPU:
		return STEP_GTPU;
	case PORT_GRE:
		return STEP_GRE;
	case PORT_MPLS:
		return STEP_MPLS;
	case PORT_LISP:
		return stop(w, OPAQUE_ENCAPSULATION);
	}
	/* These answer from their port. */
	if (port != PORT_TEREDO && port != PORT_ESP && port != PORT_L2TP &&
	    port != PORT_CAPWAP_DATA && port != PORT_AYIYA)
		port = p->sport;
	switch (port) {
	case PORT_TEREDO:
		return STEP_TEREDO;
	case PORT_ESP: /* RFC 3948: 4 bytes of 0 are IKE, 1 byte keeps the translation alive */
		if (w->c.wire <= 8)
			return STEP_DONE;
		if (!cursor_has(&w->c, 4))
			return lack(w, 4);
		return cursor_u32(&w->c, 0) ? stop(w, OPAQUE_ENCRYPTED) : STEP_DONE;
	case PORT_L2TP: /* RFC 2661: control messages have the first bit */
		if (w->c.wire <= 6)
			return STEP_DONE;
		if (!cursor_has(&w->c, 1))
			return lack(w, 1);
		return cursor_u8(&w->c, 0) & 0x80 ? STEP_DONE : stop(w, OPAQUE_ENCAPSULATION);
	case PORT_CAPWAP_DATA:
	case PORT_AYIYA:
		return stop(w, OPAQUE_ENCAPSULATION);
	default:
		return STEP_DONE;
	}
}

/* Which Ethernet frame ERSPAN's first type has, which has no header of its own. */
static enum step gre_payload(struct work *w, unsigned type, bool sequence)
{
	if (type == GRE_ERSPAN)
		return sequence ? STEP_ERSPAN2 : STEP_ETHERNET;
	if (type == GRE_ERSPAN3)
		return STEP_ERSPAN3;
	return by_ethertype(w, type);
}

/* RFC 1701's list of routes, which ends with an empty one. */
static bool gre_routes(struct work *w)
{
	w->d->anomalies |= ANOMALY_RESERVED;
	for (unsigned n = 0; n < EXTENSIONS_MAX; n++) {
		unsigned family = cursor_u16(&w->c, 0), len = cursor_u8(&w->c, 3);

		if (!cursor_has(&w->c, 4) || !cursor_skip(&w->c, 4 + len)) {
			lack(w, 4 + len);
			return false;
		}
		if (!family && !len)
			return true;
	}
	too_deep(w);
	return false;
}

/* RFC 2784, RFC 2890; version 1: RFC 2637. */
enum step step_gre(struct work *w)
{
	enum {
		CHECKSUM = 0x8000,
		ROUTING = 0x4000,
		KEY = 0x2000,
		SEQUENCE = 0x1000,
		RESERVED = 0x0778,
		ACKNOWLEDGED = 0x0080,
		VERSION = 0x0007,
		PPTP = 1,
	};
	struct cursor *c = &w->c;
	unsigned flags = cursor_u16(c, 0), type = cursor_u16(c, 2), version = flags & VERSION,
		 key = 4, len = 4;

	if (!cursor_has(c, 4))
		return lack(w, 4);
	if (version == PPTP) {
		len = 8 + (flags & SEQUENCE ? 4 : 0) + (flags & ACKNOWLEDGED ? 4 : 0);
		if (type != GRE_PPP || !(flags & KEY))
			return malformed(w);
		if (!cursor_has(c, len))
			return lack(w, len);
		if (!(flags & SEQUENCE)) /* an acknowledgement, and nothing else */
			return STEP_DONE;
		if (!cursor_limit(c, len + cursor_u16(c, 4)) && !w->partial)
			w->d->anomalies |= ANOMALY_MALFORMED;
		cursor_skip(c, len);
		return STEP_PPP;
	}
	if (version)
		return malformed(w);
	if (flags & (RESERVED | ACKNOWLEDGED))
		w->d->anomalies |= ANOMALY_RESERVED;
	if (flags & (CHECKSUM | ROUTING))
		key = len = 8;
	len += (flags & KEY ? 4 : 0) + (flags & SEQUENCE ? 4 : 0);
	if (!cursor_has(c, len))
		return lack(w, len);
	if (flags & KEY && !tag(w, SEGMENT_GRE_KEY, cursor_u32(c, key)))
		return STEP_DONE;
	cursor_skip(c, len);
	if (flags & ROUTING && !gre_routes(w))
		return STEP_DONE;
	return gre_payload(w, type, flags & SEQUENCE);
}

/*
 * draft-foschiano-erspan: what was mirrored follows a header of len bytes. Its VLAN is in the
 * header, or `kept` in the frame, or (as some senders do) in both.
 */
static enum step erspan(struct work *w, uint32_t len, bool kept, enum step next)
{
	unsigned vlan = cursor_u16(&w->c, 0) & 0xfff, session = cursor_u16(&w->c, 2) & 0x3ff,
		 type = cursor_u16(&w->c, len + 12);
	bool tagged = type == 0x8100 || type == 0x88a8 || type == 0x9100;

	if (next == STEP_ETHERNET) {
		want(w, len + (tagged ? 16 : 14));
		kept |= tagged && (cursor_u16(&w->c, len + 14) & 0xfff) == vlan;
	}
	cursor_skip(&w->c, len);
	if (!tag(w, SEGMENT_ERSPAN, session) || (vlan && !kept && !tag(w, SEGMENT_VLAN, vlan)))
		return STEP_DONE;
	return next;
}

enum step step_erspan2(struct work *w)
{
	enum { TAG_KEPT = 3 };

	if (!cursor_has(&w->c, 8))
		return lack(w, 8);
	if (cursor_u8(&w->c, 0) >> 4 != 1)
		return malformed(w);
	return erspan(w, 8, (cursor_u8(&w->c, 2) >> 3 & 3) == TAG_KEPT, STEP_ETHERNET);
}

enum step step_erspan3(struct work *w)
{
	enum { FRAME_ETHERNET = 0, FRAME_IP = 2 };
	unsigned last = cursor_u16(&w->c, 10), frame = last >> 10 & 31,
		 len = last & 1 ? 20 : 12;

	if (!cursor_has(&w->c, 12))
		return lack(w, 12);
	if (cursor_u8(&w->c, 0) >> 4 != 2)
		return malformed(w);
	if (!cursor_has(&w->c, len))
		return lack(w, len);
	switch (frame) {
	case FRAME_ETHERNET:
		return erspan(w, len, false, STEP_ETHERNET);
	case FRAME_IP:
		return erspan(w, len, false, STEP_IP);
	default:
		erspan(w, len, false, STEP_DONE);
		return unknown(w, 0);
	}
}

/* RFC 7348. */
enum step step_vxlan(struct work *w)
{
	enum { VNI_VALID = 0x08 };
	unsigned flags = cursor_u8(&w->c, 0);
	uint32_t vni = cursor_u32(&w->c, 4) >> 8;

	if (!cursor_has(&w->c, 8))
		return short_header(w, 8);
	if (!(flags & VNI_VALID))
		return plain(w);
	cursor_skip(&w->c, 8);
	return tag(w, SEGMENT_VNI, vni) ? STEP_ETHERNET : STEP_DONE;
}

/* Of VXLAN-GPE and NSH (RFC 8300), which number alike. */
static enum step by_next_protocol(struct work *w, unsigned next)
{
	switch (next) {
	case 1:
		return STEP_IPV4;
	case 2:
		return STEP_IPV6;
	case 3:
		return STEP_ETHERNET;
	case 4:
		return STEP_NSH;
	case 5:
		return STEP_MPLS;
	default:
		return unknown(w, 0);
	}
}

/* draft-ietf-nvo3-vxlan-gpe. */
enum step step_vxlan_gpe(struct work *w)
{
	enum { VERSION = 0x30, VNI_VALID = 0x08, NEXT = 0x04 };
	unsigned flags = cursor_u8(&w->c, 0), next = cursor_u8(&w->c, 3);
	uint32_t vni = cursor_u32(&w->c, 4) >> 8;

	if (!cursor_has(&w->c, 8))
		return short_header(w, 8);
	if (flags & VERSION || !(flags & VNI_VALID))
		return plain(w);
	cursor_skip(&w->c, 8);
	if (!tag(w, SEGMENT_VNI, vni))
		return STEP_DONE;
	return flags & NEXT ? by_next_protocol(w, next) : STEP_ETHERNET;
}

/* RFC 8926. */
enum step step_geneve(struct work *w)
{
	unsigned first = cursor_u8(&w->c, 0), len = 8 + (first & 63) * 4,
		 type = cursor_u16(&w->c, 2);
	uint32_t vni = cursor_u32(&w->c, 4) >> 8;

	if (!cursor_has(&w->c, 8))
		return short_header(w, 8);
	if (first >> 6)
		return plain(w);
	if (!cursor_has(&w->c, len))
		return short_header(w, len);
	cursor_skip(&w->c, len);
	return tag(w, SEGMENT_VNI, vni) ? by_ethertype(w, type) : STEP_DONE;
}

/* 3GPP TS 29.281. */
enum step step_gtpu(struct work *w)
{
	enum {
		VERSION_AND_TYPE = 0xf0,
		VERSION_1 = 0x30,
		MORE = 0x07,
		EXTENSIONS = 0x04,
		USER_DATA = 255
	};
	struct cursor *c = &w->c;
	unsigned flags = cursor_u8(c, 0), length = cursor_u16(c, 2), extensions = 0, next = 0;
	uint32_t teid = cursor_u32(c, 4);

	if (!cursor_has(c, 8))
		return short_header(w, 8);
	if ((flags & VERSION_AND_TYPE) != VERSION_1)
		return plain(w);
	if (cursor_u8(c, 1) != USER_DATA) { /* between the ends themselves */
		w->d->layers--;
		return STEP_DONE;
	}
	if (length + 8 > c->wire && !w->partial)
		return plain(w);
	cursor_limit(c, length + 8);
	cursor_skip(c, 8);
	if (flags & MORE) {
		next = flags & EXTENSIONS ? cursor_u8(c, 3) : 0;
		if (!cursor_skip(c, 4))
			return short_header(w, 4);
	}
	while (next) {
		unsigned len = cursor_u8(c, 0) * 4;

		if (extensions++ == EXTENSIONS_MAX)
			return too_deep(w);
		if (!cursor_has(c, 4) || !cursor_has(c, len))
			return short_header(w, cursor_has(c, 4) ? len : 4);
		if (!len)
			return plain(w);
		next = cursor_u8(c, len - 1);
		cursor_skip(c, len);
	}
	if (!tag(w, SEGMENT_TEID, teid))
		return STEP_DONE;
	switch (cursor_u8(c, 0) >> 4) {
	case 4:
		return STEP_IPV4;
	case 6:
		return STEP_IPV6;
	default: /* Ethernet, or what only the session's ends know */
		return c->left ? unknown(w, 0) : lack(w, 1);
	}
}

/* RFC 8300. */
enum step step_nsh(struct work *w)
{
	unsigned first = cursor_u16(&w->c, 0), len = (first & 63) * 4,
		 next = cursor_u8(&w->c, 3);
	uint32_t path = cursor_u32(&w->c, 4) >> 8;

	if (!cursor_has(&w->c, 8))
		return lack(w, 8);
	if (first >> 14 || len < 8)
		return malformed(w);
	if (!cursor_has(&w->c, len))
		return lack(w, len);
	cursor_skip(&w->c, len);
	return tag(w, SEGMENT_NSH, path) ? by_next_protocol(w, next) : STEP_DONE;
}

/* Whether n bytes were there, and the capture has less. */
static bool is_cut(const struct cursor *c, uint32_t n)
{
	return n > c->left && n <= c->wire;
}

/* RFC 4380, 5.1.1. What isn't Teredo is nobody's fault here: the port is also a client's. */
enum step step_teredo(struct work *w)
{
	struct cursor c = w->c;
	uint32_t len;

	w->d->layers--;
	if (is_cut(&c, 4))
		return lack(w, 4);
	if (cursor_u16(&c, 0) == 1) { /* authentication */
		len = 13 + cursor_u8(&c, 2) + cursor_u8(&c, 3);
		if (is_cut(&c, len))
			return lack(w, len);
		if (!cursor_skip(&c, len))
			return STEP_DONE;
	}
	if (is_cut(&c, 2))
		return lack(w, w->c.left + 1);
	if (cursor_has(&c, 8) && !cursor_u16(&c, 0)) /* where it came from */
		cursor_skip(&c, 8);
	if (is_cut(&c, 1))
		return lack(w, w->c.left + 1);
	if (cursor_u8(&c, 0) >> 4 != 6 && (cursor_u16(&c, 0) || !is_cut(&c, 8)))
		return STEP_DONE;
	if (is_cut(&c, 40))
		return lack(w, w->c.left + 1);
	if (!cursor_has(&c, 40) || (cursor_u16(&c, 4) + 40 > c.wire && !w->partial))
		return STEP_DONE;
	w->c = c;
	return STEP_IPV6;
}

/* RFC 3378. */
enum step step_etherip(struct work *w)
{
	unsigned version = cursor_u8(&w->c, 0) >> 4;

	if (!cursor_skip(&w->c, 2))
		return lack(w, 2);
	return version == 3 ? STEP_ETHERNET : malformed(w);
}
