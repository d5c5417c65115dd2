/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PACKET_H
#define MODEL_PACKET_H

/*
 * One packet, as every ruleset sees it, and the place where it is seen.
 *
 * Ports exist only in whole packets (and first fragments) of TCP, UDP, UDP-Lite, SCTP and
 * DCCP; ICMP type and code only in those of ICMP (protocol 1, IPv4) and ICMPv6 (protocol 58,
 * IPv6); flags only in TCP. Where a field does not exist its value is zero and no condition
 * on it is true.
 */

#include "model/addr.h"

enum {
	PROTO_ICMP = 1,
	PROTO_IGMP = 2,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_DCCP = 33,
	PROTO_GRE = 47,
	PROTO_ESP = 50,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_SCTP = 132,
	PROTO_UDPLITE = 136,
};

enum tcp_flag {
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_PSH = 8,
	TCP_ACK = 16,
	TCP_URG = 32,
	TCP_ECE = 64,
	TCP_CWR = 128,
};

enum conn_state {
	STATE_NEW,
	STATE_ESTABLISHED,
	STATE_RELATED,
	STATE_INVALID,
	STATE_UNTRACKED,
	STATE_COUNT
};

struct packet {
	uint8_t family; /* enum family */
	uint8_t proto;
	uint8_t flags;	   /* enum tcp_flag, or'ed */
	uint8_t state;	   /* enum conn_state */
	uint8_t fragment;  /* 1: a later fragment, without ports, type, code or flags */
	uint8_t icmp_type, icmp_code;
	uint16_t sport, dport;
	struct addr src, dst;
	/* The place; NULL: not known, "": there is none. The last three are told by Linux
	 * hosts alone: the ports of a bridge, and the sender's address on the wire. */
	const char *iif, *oif, *physin, *physout, *mac;
};

bool proto_has_ports(unsigned proto);
/* Whether the packet carries ports / an ICMP type of its own family / TCP flags. */
bool packet_has_ports(const struct packet *p);
bool packet_has_icmp(const struct packet *p);
bool packet_has_flags(const struct packet *p);
/* A MAC address as conditions and packets have it, in the arena; NULL where it isn't one. */
const char *mac_word(struct arena *a, const char *s, size_t len);

/*
 * The line format of `plumbline eval`:
 *	PROTO SRC SPORT DST DPORT [key=value]...     tcp, udp, sctp, dccp, udplite
 *	icmp|icmpv6 SRC TYPE DST CODE [key=value]...
 *	ip:NUMBER SRC 0 DST 0 [key=value]...         (also ip6:NUMBER; the addresses decide)
 * with flags=LETTERS of FSRPAUEC ("-" for none), state=new|established|related|invalid|
 * untracked, iif=NAME, oif=NAME, physin=NAME, physout=NAME, mac=ADDRESS, frag=0|1. State is new where it isn't given; flags are S
 * for new TCP packets and A for others. Names of interfaces are copied to the arena.
 * False with *ret_why (a literal or in the arena) where the line is not one.
 */
bool packet_parse(struct arena *a, const char *line, size_t len, struct packet *ret_packet,
		  const char **ret_why);
/* The same format, canonical. */
void packet_print(struct text *t, const struct packet *p);
/* As a person would say it: "TCP from 10.1.2.3 port 40000 to 10.2.0.5 port 22 (ssh)". */
void packet_say(struct text *t, const struct packet *p);

/* IANA protocol name ("tcp", "esp") or NULL; number of a name, -1 where unknown. */
const char *proto_name(unsigned proto);
int proto_number(const char *name, size_t len);
/* IANA service name of a well-known port of TCP or UDP, or NULL. */
const char *service_name(unsigned proto, unsigned port);

const char *state_name(enum conn_state s);

#endif
