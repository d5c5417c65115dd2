/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cisco's words for protocols, ports and ICMP types, as the appendix "Addresses, Protocols,
 * and Ports" of the ASA general operations guide gives them (and the PIX 6.3 command
 * reference for the older ones). They are not IANA's: `radius` is 1645, `kerberos` is 750.
 */
#include "collectors/asa_internal.h"

#include <stdlib.h>
#include <string.h>

struct named {
	const char *name; /* lower case; each table is sorted by it */
	int value;
};

static const struct named protocols[] = {
	{ "ah", 51 },	 { "egp", 8 },	  { "eigrp", 88 }, { "esp", 50 },  { "gre", 47 },
	{ "icmp", 1 },	 { "icmp6", 58 }, { "igmp", 2 },   { "igrp", 9 },  { "ip", 256 },
	{ "ipinip", 4 }, { "ipsec", 50 }, { "nos", 94 },   { "ospf", 89 }, { "pcp", 108 },
	{ "pim", 103 },	 { "pptp", 47 },  { "sctp", 132 }, { "snp", 109 }, { "tcp", 6 },
	{ "udp", 17 },
};

static const struct named ports[] = {
	{ "aol", 5190 },
	{ "bgp", 179 },
	{ "biff", 512 },
	{ "bootpc", 68 },
	{ "bootps", 67 },
	{ "chargen", 19 },
	{ "cifs", 3020 },
	{ "citrix-ica", 1494 },
	{ "cmd", 514 },
	{ "ctiqbe", 2748 },
	{ "daytime", 13 },
	{ "discard", 9 },
	{ "dnsix", 195 },
	{ "domain", 53 },
	{ "echo", 7 },
	{ "exec", 512 },
	{ "finger", 79 },
	{ "ftp", 21 },
	{ "ftp-data", 20 },
	{ "gopher", 70 },
	{ "h323", 1720 },
	{ "hostname", 101 },
	{ "http", 80 },
	{ "https", 443 },
	{ "ident", 113 },
	{ "imap4", 143 },
	{ "irc", 194 },
	{ "isakmp", 500 },
	{ "kerberos", 750 },
	{ "klogin", 543 },
	{ "kshell", 544 },
	{ "ldap", 389 },
	{ "ldaps", 636 },
	{ "login", 513 },
	{ "lotusnotes", 1352 },
	{ "lpd", 515 },
	{ "mobile-ip", 434 },
	{ "nameserver", 42 },
	{ "netbios-dgm", 138 },
	{ "netbios-ns", 137 },
	{ "netbios-ssn", 139 },
	{ "nfs", 2049 },
	{ "nntp", 119 },
	{ "ntp", 123 },
	{ "pcanywhere-data", 5631 },
	{ "pcanywhere-status", 5632 },
	{ "pim-auto-rp", 496 },
	{ "pop2", 109 },
	{ "pop3", 110 },
	{ "pptp", 1723 },
	{ "radius", 1645 },
	{ "radius-acct", 1646 },
	{ "rip", 520 },
	{ "rpc", 111 },
	{ "rsh", 514 },
	{ "rtsp", 554 },
	{ "secureid-udp", 5510 },
	{ "sip", 5060 },
	{ "smtp", 25 },
	{ "snmp", 161 },
	{ "snmptrap", 162 },
	{ "sqlnet", 1521 },
	{ "ssh", 22 },
	{ "sunrpc", 111 },
	{ "syslog", 514 },
	{ "tacacs", 49 },
	{ "talk", 517 },
	{ "telnet", 23 },
	{ "tftp", 69 },
	{ "time", 37 },
	{ "uucp", 540 },
	{ "vxlan", 4789 },
	{ "who", 513 },
	{ "whois", 43 },
	{ "www", 80 },
	{ "xdmcp", 177 },
};

static const struct named icmp_types[] = {
	{ "alternate-address", 6 },
	{ "conversion-error", 31 },
	{ "echo", 8 },
	{ "echo-reply", 0 },
	{ "information-reply", 16 },
	{ "information-request", 15 },
	{ "mask-reply", 18 },
	{ "mask-request", 17 },
	{ "mobile-redirect", 32 },
	{ "parameter-problem", 12 },
	{ "redirect", 5 },
	{ "router-advertisement", 9 },
	{ "router-solicitation", 10 },
	{ "source-quench", 4 },
	{ "time-exceeded", 11 },
	{ "timestamp-reply", 14 },
	{ "timestamp-request", 13 },
	{ "traceroute", 30 },
	{ "unreachable", 3 },
};

static const struct named icmp6_types[] = {
	{ "echo", 128 },
	{ "echo-reply", 129 },
	{ "membership-query", 130 },
	{ "membership-reduction", 132 },
	{ "membership-report", 131 },
	{ "neighbor-advertisement", 136 },
	{ "neighbor-redirect", 137 },
	{ "neighbor-solicitation", 135 },
	{ "packet-too-big", 2 },
	{ "parameter-problem", 4 },
	{ "router-advertisement", 134 },
	{ "router-renumbering", 138 },
	{ "router-solicitation", 133 },
	{ "time-exceeded", 3 },
	{ "unreachable", 1 },
};

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static int compare(const void *key, const void *elem)
{
	const char *name = ((const struct named *)elem)->name;

	return strcmp(key, name);
}

static int look_up(const struct named *v, size_t n, struct word w)
{
	char key[32];
	const struct named *hit;

	if (w.len >= sizeof(key))
		return -1;
	for (uint32_t i = 0; i < w.len; i++)
		key[i] = w.s[i] >= 'A' && w.s[i] <= 'Z' ? (char)(w.s[i] + 32) : w.s[i];
	key[w.len] = '\0';
	hit = bsearch(key, v, n, sizeof(*v), compare);
	return hit ? hit->value : -1;
}

int asa_protocol(struct word w)
{
	unsigned v;

	if (word_number(w, 255, &v))
		return (int)v;
	return look_up(protocols, COUNT(protocols), w);
}

int asa_port_name(struct word w)
{
	unsigned v;

	if (word_number(w, 65535, &v))
		return (int)v;
	return look_up(ports, COUNT(ports), w);
}

int asa_icmp_type(struct word w, bool v6)
{
	unsigned v;

	if (word_number(w, 255, &v))
		return (int)v;
	return v6 ? look_up(icmp6_types, COUNT(icmp6_types), w)
		  : look_up(icmp_types, COUNT(icmp_types), w);
}

bool asa_builtin_service(struct word w, int *ret_proto, int *ret_type)
{
	int proto = -1, type = -1;

	if (word_starts(w, "icmp6-")) {
		proto = PROTO_ICMPV6;
		type = asa_icmp_type((struct word){ w.s + 6, w.len - 6 }, true);
	} else if (word_starts(w, "icmp-")) {
		proto = PROTO_ICMP;
		type = asa_icmp_type((struct word){ w.s + 5, w.len - 5 }, false);
	} else {
		unsigned number;

		if (word_number(w, 255, &number))
			return false;
		proto = asa_protocol(w);
		if (proto < 0)
			return false;
		*ret_proto = proto;
		*ret_type = -1;
		return true;
	}
	if (type < 0)
		return false;
	*ret_proto = proto;
	*ret_type = type;
	return true;
}

static bool sorted(const struct named *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(v[i - 1].name, v[i].name) >= 0)
			return false;
	return true;
}

bool asa_names_sorted(void)
{
	return sorted(protocols, COUNT(protocols)) && sorted(ports, COUNT(ports)) &&
	       sorted(icmp_types, COUNT(icmp_types)) && sorted(icmp6_types, COUNT(icmp6_types));
}
