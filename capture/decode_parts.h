/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_DECODE_PARTS_H
#define CAPTURE_DECODE_PARTS_H

/*
 * Between the decoder's own files. A header is a step: it takes its bytes, notes what they say
 * and names the step after it; decode() counts the steps and so bounds them.
 */

#include "capture/cursor.h"
#include "capture/decode.h"

enum step {
	STEP_DONE,
	STEP_ETHERNET,
	STEP_LLC,
	STEP_VLAN,
	STEP_MACSEC,
	STEP_VNTAG, /* Cisco's VN-tag */
	STEP_ETAG,  /* 802.1BR */
	STEP_FABRICPATH,
	STEP_MPLS,
	STEP_PPPOE,
	STEP_PPP,
	STEP_SLL,
	STEP_SLL2,
	STEP_LOOP,
	STEP_IP, /* by the version in its first half byte */
	STEP_IPV4,
	STEP_IPV6,
	STEP_GRE,
	STEP_ERSPAN2,
	STEP_ERSPAN3,
	STEP_VXLAN,
	STEP_VXLAN_GPE,
	STEP_GENEVE,
	STEP_GTPU,
	STEP_NSH,
	STEP_TEREDO,
	STEP_ETHERIP,
};

struct work {
	struct cursor c; /* behind the headers taken so far */
	struct decoded *d;
	unsigned extensions; /* of this IP packet */
	/* We are in a first fragment: what its headers promise may be in a later one. */
	bool partial;
};

/* Ends it: why is an enum opaque. */
enum step stop(struct work *w, unsigned why);
/* Notes it where the next n bytes aren't all there: cut by the capture, by a fragment, or
 * never there. It goes on. */
void want(struct work *w, uint32_t n);
/* The same of bytes that it can't go on without, and aren't all there. */
enum step lack(struct work *w, uint32_t n);
/* They are there, and can't be right. */
enum step malformed(struct work *w);
/* More than we follow. */
enum step too_deep(struct work *w);
/* Nothing but a protocol without IP. */
enum step no_ip(struct work *w, unsigned ethertype);
/* An encapsulation that isn't followed. */
enum step unknown(struct work *w, unsigned ethertype);

/* False (and it has ended) where there is no room. */
bool tag(struct work *w, enum segment_kind kind, uint32_t id);
/* An IP header begins: the packet around it, if any, becomes a tunnel. The same. */
bool packet_begin(struct work *w);
/* packet goes on to another address than where it was sent now. The same. */
bool packet_routed(struct work *w, struct addr last);

/* The step of an EtherType's header; may end it. */
enum step by_ethertype(struct work *w, unsigned ethertype);
/* What IP carries. */
enum step by_protocol(struct work *w, unsigned proto);
/* What a datagram of UDP carries, behind its header. */
enum step by_port(struct work *w);
/* Of a later fragment: nothing but what its protocol is. */
enum step later_fragment(struct work *w, unsigned proto);

/* Whether an IP packet may begin here: version and lengths are possible. */
bool may_be_ip(const struct cursor *c);

enum step step_ethernet(struct work *w);
enum step step_llc(struct work *w);
enum step step_vlan(struct work *w);
enum step step_macsec(struct work *w);
enum step step_vntag(struct work *w);
enum step step_etag(struct work *w);
enum step step_fabricpath(struct work *w);
enum step step_mpls(struct work *w);
enum step step_pppoe(struct work *w);
enum step step_ppp(struct work *w);
enum step step_sll(struct work *w);
enum step step_sll2(struct work *w);
enum step step_loop(struct work *w);
enum step step_ip(struct work *w);
enum step step_ipv4(struct work *w);
enum step step_ipv6(struct work *w);
enum step step_gre(struct work *w);
enum step step_erspan2(struct work *w);
enum step step_erspan3(struct work *w);
enum step step_vxlan(struct work *w);
enum step step_vxlan_gpe(struct work *w);
enum step step_geneve(struct work *w);
enum step step_gtpu(struct work *w);
enum step step_nsh(struct work *w);
enum step step_teredo(struct work *w);
enum step step_etherip(struct work *w);

/* The packet that an ICMP error quotes, at an offset from here. */
void quote(struct work *w, uint32_t at);

#endif
