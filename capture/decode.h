/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_DECODE_H
#define CAPTURE_DECODE_H

/*
 * One captured frame, taken apart from the outside in: which conversation the innermost packet
 * belongs to, in which segment, and what was odd about it. Pure: no state, no allocation,
 * nothing read outside the bytes given. Whoever wrote the bytes may be hostile.
 *
 * Link types (pcap-linktype(7)), each by its DLT_ number: EN10MB, RAW and the two numbers that
 * it has had, IPV4, IPV6, LINUX_SLL, LINUX_SLL2, NULL, LOOP, PPP, PPP_SERIAL, PPP_ETHER. Others
 * are refused by decode_link_known().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/packet.h"

enum {
	SEGMENTS_MAX = 8,    /* tags of one packet */
	TUNNELS_MAX = 4,     /* packets within packets */
	LAYERS_MAX = 16,     /* headers before a transport, extension headers apart */
	EXTENSIONS_MAX = 16, /* IPv6 extension headers, and AH, of one IP packet */
};

/* What tells one segment from another, where tenants may have the same addresses. */
enum segment_kind {
	SEGMENT_VLAN = 1, /* 12 bits of a tag of 802.1Q (8100), 802.1ad (88a8) or 9100 */
	SEGMENT_VNI,	  /* VXLAN, VXLAN-GPE (RFC 7348), GENEVE (RFC 8926) */
	SEGMENT_GRE_KEY,  /* RFC 2890, all 32 bits; NVGRE's subnet is the upper 24 of them */
	SEGMENT_MPLS,	  /* a label above the reserved ones (RFC 3032) */
	SEGMENT_TEID,	  /* GTP-U (3GPP TS 29.281) */
	SEGMENT_ERSPAN,	  /* the session */
	SEGMENT_PPPOE,	  /* the session (RFC 2516) */
	SEGMENT_NSH,	  /* the service path (RFC 8300) */
};

struct segment_tag {
	uint8_t kind; /* enum segment_kind */
	/* Not the segment that `packet` is in, but one of what it carries, which couldn't be
	 * told: packet is then the outer one, and opaque says why. */
	bool inner;
	uint32_t id;
};

/* Odd, one bit each; a packet with any is counted and kept, never passed over. */
enum anomaly {
	ANOMALY_TRUNCATED = 1 << 0, /* the capture holds less than the packet had, and a header
				     * is cut: fields behind it are unknown */
	ANOMALY_MALFORMED = 1 << 1, /* a length or version that can't be */
	ANOMALY_LAYERS =
		1 << 2, /* more layers, tunnels, tags or extensions than are followed */
	ANOMALY_TINY_FRAGMENT =
		1 << 3,		 /* a first fragment without its transport header (RFC 1858) */
	ANOMALY_CAPLEN = 1 << 4, /* more captured than there was */
	ANOMALY_RESERVED = 1 << 5, /* reserved bits set, routed by its source, ... */
	ANOMALY_OVERLAP =
		1 << 6, /* TCP header's second part in a fragment of its own (offset 1) */
};

/* Why nothing can be said of what is inside; ends_opaque tells whose it is. */
enum opaque {
	OPAQUE_NOT = 0,
	OPAQUE_ENCRYPTED,     /* ESP; (D)TLS and the like are ordinary flows, not this */
	OPAQUE_ENCAPSULATION, /* an encapsulation that isn't known, or too deep to follow */
	/*
	 * Cut (or malformed, as anomalies say) before the ports. Where packet.proto is 51, or
	 * in IPv6 another extension header's number (0, 43, 44, 60, 135, 139, 140), the
	 * protocol isn't known either.
	 */
	OPAQUE_CUT,
	/* A frame of a protocol that carries no IP: ARP, STP, LLDP, ... Never with has_ip: a
	 * tunnel's outer packets are then all in tunnels. */
	OPAQUE_NO_IP,
};

/* The headers of a packet that an ICMP error quotes (RFC 792, RFC 4443), as far as they go. */
struct quoted {
	bool any, has_ports;
	uint8_t family, proto;
	uint16_t sport, dport;
	struct addr src, dst;
};

/*
 * One IP header that carried another packet. Proto 43: a packet that its source routes (RFC
 * 791, RFC 8200 4.4), and dst is its next stop; packet.dst, or the next entry, has the last.
 */
struct tunnel_end {
	uint8_t family;
	uint8_t proto;	/* of IP: 47, 4, 41, 17, ... */
	uint16_t dport; /* of UDP */
	struct addr src, dst;
};

struct decoded {
	/* The innermost packet that has an IP header. state is STATE_NEW; place not told. */
	struct packet packet;
	bool has_ip;
	uint16_t icmp_id;     /* of echo and the other queries; 0 otherwise */
	bool first_fragment;  /* more follow; ports are there unless ANOMALY_TINY_FRAGMENT */
	uint32_t fragment_id; /* of first and later fragments */
	uint8_t opaque;	      /* enum opaque */
	uint16_t ethertype;   /* of what isn't IP, as far as known; 0 otherwise */
	uint8_t n_segments, n_tunnels;
	uint16_t anomalies; /* enum anomaly */
	uint8_t layers;
	uint32_t length;			   /* bytes on the wire, the whole frame */
	struct segment_tag segments[SEGMENTS_MAX]; /* from outside in */
	struct tunnel_end tunnels[TUNNELS_MAX];	   /* from outside in */
	struct quoted quoted;
	bool has_macs;
	uint8_t mac_src[6], mac_dst[6]; /* of the innermost Ethernet header */
};

/* Whether frames of this DLT_ can be decoded. */
bool decode_link_known(int dlt);

/*
 * Takes caplen bytes of a frame that had len of them; bytes may be NULL where caplen is 0. Of
 * *ret all is set but what no count or flag vouches for: the arrays behind n_segments and
 * n_tunnels, quoted but for quoted.any, and the MAC addresses without has_macs are not touched.
 * Checksums aren't looked at: where the capturing host offloads them they are wrong by design.
 */
void decode(int dlt, const uint8_t *bytes, uint32_t caplen, uint32_t len, struct decoded *ret);

/* "vlan 20, vni 5001"; "" where there is none. */
void segments_print(struct text *t, const struct segment_tag *v, size_t n);
const char *anomaly_name(enum anomaly a); /* "truncated", ... */
const char *opaque_name(enum opaque o);

#endif
