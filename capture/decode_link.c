/* SPDX-License-Identifier: Apache-2.0 */
/* Link layers and what stands between them and IP. */
#include "capture/decode_parts.h"

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_IPV6 = 0x86dd,
	TYPE_VLAN = 0x8100,	/* 802.1Q */
	TYPE_SERVICE = 0x88a8,	/* 802.1ad */
	TYPE_QINQ_OLD = 0x9100, /* the same before it was standard */
	TYPE_MPLS = 0x8847,
	TYPE_MPLS_UPSTREAM = 0x8848, /* RFC 5332 */
	TYPE_PPPOE_DISCOVERY = 0x8863,
	TYPE_PPPOE = 0x8864,
	TYPE_PPP = 0x880b,
	TYPE_BRIDGED = 0x6558, /* a whole Ethernet frame */
	TYPE_NSH = 0x894f,
	TYPE_VNTAG = 0x8926,
	TYPE_ETAG = 0x893f,
	TYPE_MACSEC = 0x88e5,
	TYPE_FABRICPATH = 0x8903,
	TYPE_LLDP = 0x88cc,
	LENGTH_MAX = 1500,   /* of 802.3: no EtherType up to here */
	TYPE_MIN = 0x0600,   /* no length from here on */
	TYPE_JUMBO = 0x8870, /* LLC in jumbo frames */
};

/* Of the protocols that are seen in the field, those that carry no IP (IANA ieee-802-numbers,
 * Wireshark's etypes.h). */
static bool carries_no_ip(unsigned ethertype)
{
	switch (ethertype) {
	case 0x010b: /* per-VLAN spanning tree */
	case 0x0842: /* wake on LAN */
	case 0x0bad: /* VINES */
	case 0x2000: /* CDP */
	case 0x2003: /* VTP */
	case 0x2004: /* DTP */
	case 0x22ea: /* SRP */
	case 0x22f0: /* AVTP */
	case 0x6001: /* DEC: MOP, DECnet, LAT, LAVC */
	case 0x6002:
	case 0x6003:
	case 0x6004:
	case 0x6007:
	case 0x8035: /* RARP; SLARP on Cisco's HDLC */
	case 0x809b: /* AppleTalk */
	case 0x80f3:
	case 0x8137: /* IPX */
	case 0x8138:
	case 0x8808: /* pause */
	case 0x8809: /* LACP, OAM */
	case 0x8819: /* CobraNet */
	case 0x887b: /* HomePlug */
	case 0x888e: /* EAPOL */
	case 0x8892: /* PROFINET */
	case 0x8899: /* RRCP */
	case 0x88a2: /* ATA over Ethernet */
	case 0x88a4: /* EtherCAT */
	case 0x88ab: /* POWERLINK */
	case 0x88b8: /* GOOSE, GSE, SV */
	case 0x88b9:
	case 0x88ba:
	case 0x88c7: /* 802.11i pre-authentication */
	case 0x88cd: /* SERCOS */
	case 0x88e1: /* HomePlug AV */
	case 0x88e3: /* MRP */
	case 0x88f5: /* MVRP */
	case 0x88f6: /* MMRP */
	case 0x88f7: /* PTP */
	case 0x88fb: /* PRP */
	case 0x8902: /* CFM */
	case 0x8906: /* FCoE */
	case 0x8914:
	case 0x891d: /* TTE */
	case 0x9000: /* loopback test */
	case TYPE_ARP:
	case TYPE_LLDP:
	case TYPE_PPPOE_DISCOVERY:
		return true;
	default:
		return false;
	}
}

enum step by_ethertype(struct work *w, unsigned ethertype)
{
	switch (ethertype) {
	case TYPE_IPV4:
		return STEP_IPV4;
	case TYPE_IPV6:
		return STEP_IPV6;
	case TYPE_VLAN:
	case TYPE_SERVICE:
	case TYPE_QINQ_OLD:
		return STEP_VLAN;
	case TYPE_MPLS:
	case TYPE_MPLS_UPSTREAM:
		return STEP_MPLS;
	case TYPE_PPPOE:
		return STEP_PPPOE;
	case TYPE_PPP:
		return STEP_PPP;
	case TYPE_BRIDGED:
		return STEP_ETHERNET;
	case TYPE_NSH:
		return STEP_NSH;
	case TYPE_VNTAG:
		return STEP_VNTAG;
	case TYPE_ETAG:
		return STEP_ETAG;
	case TYPE_FABRICPATH:
		return STEP_FABRICPATH;
	case TYPE_MACSEC:
		return STEP_MACSEC;
	}
	return carries_no_ip(ethertype) ? no_ip(w, ethertype) : unknown(w, ethertype);
}

/* The two bytes behind the addresses or a tag. */
static enum step by_type_or_length(struct work *w, unsigned v)
{
	if (v == TYPE_JUMBO)
		return STEP_LLC;
	if (v >= TYPE_MIN || v > LENGTH_MAX)
		return by_ethertype(w, v);
	if (!cursor_limit(&w->c, v))
		w->d->anomalies |= w->partial ? 0 : ANOMALY_MALFORMED;
	return STEP_LLC;
}

enum step step_ethernet(struct work *w)
{
	struct decoded *d = w->d;
	unsigned type = cursor_u16(&w->c, 12);

	if (!cursor_has(&w->c, 14))
		return lack(w, 14);
	cursor_copy(&w->c, 0, d->mac_dst, 6);
	cursor_copy(&w->c, 6, d->mac_src, 6);
	d->has_macs = true;
	cursor_skip(&w->c, 14);
	return by_type_or_length(w, type);
}

/* 802.2; SNAP: RFC 1042. */
enum step step_llc(struct work *w)
{
	unsigned saps = cursor_u16(&w->c, 0), control = cursor_u8(&w->c, 2);

	if (!cursor_has(&w->c, 3))
		return lack(w, 3);
	if (saps == 0xaaaa && control == 3) {
		unsigned oui = cursor_u32(&w->c, 2) & 0xffffff, type = cursor_u16(&w->c, 6);

		if (!cursor_has(&w->c, 8))
			return lack(w, 8);
		cursor_skip(&w->c, 8);
		if (oui == 0x000000 || oui == 0x0000f8)
			return by_ethertype(w, type);
		return oui == 0x00000c ? no_ip(w, type) : unknown(w, type);
	}
	if (saps == 0x0606 && control == 3) {
		cursor_skip(&w->c, 3);
		return STEP_IPV4;
	}
	switch (saps >> 8) {
	case 0x00: /* XID, TEST */
	case 0x04: /* SNA */
	case 0x05:
	case 0x08:
	case 0x0c:
	case 0x42: /* spanning tree, GVRP */
	case 0x80: /* XNS */
	case 0x98: /* ARP */
	case 0xe0: /* IPX */
	case 0xf0: /* NetBIOS */
	case 0xf8: /* remote load */
	case 0xff: /* IPX without LLC */
		return no_ip(w, 0);
	case 0xfe: /* ISO: IS-IS, ES-IS, CLNP; 0xcc is IP */
		if (!cursor_has(&w->c, 4) && w->c.wire >= 4)
			return lack(w, 4);
		return cursor_u8(&w->c, 3) == 0xcc ? unknown(w, 0) : no_ip(w, 0);
	default:
		return unknown(w, 0);
	}
}

enum step step_vlan(struct work *w)
{
	unsigned id = cursor_u16(&w->c, 0) & 0xfff, type = cursor_u16(&w->c, 2);

	if (!cursor_has(&w->c, 4))
		return lack(w, 4);
	cursor_skip(&w->c, 4);
	if (id == 0xfff)
		w->d->anomalies |= ANOMALY_RESERVED;
	/* 0 is no VLAN, but a priority (802.1Q, 9.6). */
	if (id && !tag(w, SEGMENT_VLAN, id))
		return STEP_DONE;
	return by_type_or_length(w, type);
}

/* 802.1AE, 9.3: authenticated alone, or encrypted too. */
enum step step_macsec(struct work *w)
{
	enum { SCI = 0x20, ENCRYPTED = 0x08, CHANGED = 0x04 };
	unsigned flags = cursor_u8(&w->c, 0), len = flags & SCI ? 14 : 6,
		 type = cursor_u16(&w->c, len);

	if (!cursor_has(&w->c, 1))
		return lack(w, 1);
	if (flags & (ENCRYPTED | CHANGED)) {
		w->d->ethertype = TYPE_MACSEC;
		return stop(w, OPAQUE_ENCRYPTED);
	}
	return cursor_skip(&w->c, len + 2) ? by_type_or_length(w, type) : lack(w, len + 2);
}

/* Which port of an extended switch: nothing that tells one tenant from another. */
enum step step_vntag(struct work *w)
{
	unsigned type = cursor_u16(&w->c, 4);

	return cursor_skip(&w->c, 6) ? by_type_or_length(w, type) : lack(w, 6);
}

enum step step_etag(struct work *w)
{
	unsigned type = cursor_u16(&w->c, 6);

	return cursor_skip(&w->c, 8) ? by_type_or_length(w, type) : lack(w, 8);
}

/* Cisco's, around a whole frame. */
enum step step_fabricpath(struct work *w)
{
	return cursor_skip(&w->c, 2) ? STEP_ETHERNET : lack(w, 2);
}

/* RFC 2516. */
enum step step_pppoe(struct work *w)
{
	unsigned version = cursor_u8(&w->c, 0), code = cursor_u8(&w->c, 1),
		 session = cursor_u16(&w->c, 2), length = cursor_u16(&w->c, 4);

	if (!cursor_has(&w->c, 6))
		return lack(w, 6);
	if (version != 0x11)
		return malformed(w);
	if (code)
		return no_ip(w, TYPE_PPPOE_DISCOVERY);
	cursor_skip(&w->c, 6);
	if (!cursor_limit(&w->c, length) && !w->partial)
		w->d->anomalies |= ANOMALY_MALFORMED;
	return tag(w, SEGMENT_PPPOE, session) ? STEP_PPP : STEP_DONE;
}

/* RFC 1661, RFC 1662; Cisco's HDLC, which shares a link type with it. */
enum step step_ppp(struct work *w)
{
	unsigned start = cursor_u16(&w->c, 0), protocol;

	if (!cursor_has(&w->c, 2))
		return lack(w, 2);
	if (start == 0x0f00 || start == 0x8f00) {
		protocol = cursor_u16(&w->c, 2);
		return cursor_skip(&w->c, 4) ? by_ethertype(w, protocol) : lack(w, 4);
	}
	if (start == 0xff03) {
		cursor_skip(&w->c, 2);
		if (!cursor_has(&w->c, 2))
			return lack(w, 2);
	}
	/* An odd first byte is the whole number, of which a leading 0 was left out. */
	if (cursor_u8(&w->c, 0) & 1) {
		protocol = cursor_u8(&w->c, 0);
		cursor_skip(&w->c, 1);
	} else {
		protocol = cursor_u16(&w->c, 0);
		cursor_skip(&w->c, 2);
	}
	switch (protocol) {
	case 0x0021:
		return STEP_IPV4;
	case 0x0057:
		return STEP_IPV6;
	case 0x0281:
	case 0x0283:
		return STEP_MPLS;
	case 0x0053:
	case 0x0055:
		return stop(w, OPAQUE_ENCRYPTED);
	}
	/* Control protocols; all below carry or compress something. */
	return protocol >= 0x8000 ? no_ip(w, 0) : unknown(w, 0);
}

/* A protocol of Linux's cooked headers, which is an EtherType where it can be one. */
static enum step by_cooked(struct work *w, unsigned hardware, unsigned protocol)
{
	enum { NETLINK = 824, FRAME_RELAY = 770, RADIOTAP = 803 };

	if (hardware == NETLINK)
		return no_ip(w, 0);
	if (hardware == FRAME_RELAY || hardware == RADIOTAP)
		return unknown(w, 0);
	if (protocol == 4)
		return STEP_LLC;
	if (protocol == 1)
		return no_ip(w, 0); /* IPX without LLC */
	return by_ethertype(w, protocol);
}

enum step step_sll(struct work *w)
{
	unsigned hardware = cursor_u16(&w->c, 2), protocol = cursor_u16(&w->c, 14);

	return cursor_skip(&w->c, 16) ? by_cooked(w, hardware, protocol) : lack(w, 16);
}

enum step step_sll2(struct work *w)
{
	unsigned hardware = cursor_u16(&w->c, 8), protocol = cursor_u16(&w->c, 0);

	return cursor_skip(&w->c, 20) ? by_cooked(w, hardware, protocol) : lack(w, 20);
}

/* Address families of the BSDs, macOS and Linux, in whichever order the host had. */
enum step step_loop(struct work *w)
{
	uint32_t family = cursor_u32(&w->c, 0);

	if (!cursor_skip(&w->c, 4))
		return lack(w, 4);
	switch (family > 0xffff ? __builtin_bswap32(family) : family) {
	case 2:
		return STEP_IPV4;
	case 10:
	case 24:
	case 28:
	case 30:
		return STEP_IPV6;
	default:
		return unknown(w, 0);
	}
}
