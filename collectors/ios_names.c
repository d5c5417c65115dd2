/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that stand for numbers. IOS: "Cisco IOS Security Command Reference", access-list (IP
 * extended) and permit (IPv6). NX-OS: "Nexus 7000 Series NX-OS Security Command Reference",
 * permit (IPv4). EOS: "EOS User Manual", ACLs and Route Maps; it takes the IANA service names
 * besides. A name that isn't here is a value we don't know, never a guess.
 */
#include "collectors/ios_internal.h"

#include <strings.h>

static const struct ios_name tcp_ports[] = {
	{ "bgp", 179 },	   { "chargen", 19 },
	{ "cmd", 514 },	   { "daytime", 13 },
	{ "discard", 9 },  { "domain", 53 },
	{ "drip", 3949 },  { "echo", 7 },
	{ "exec", 512 },   { "finger", 79 },
	{ "ftp", 21 },	   { "ftp-data", 20 },
	{ "gopher", 70 },  { "hostname", 101 },
	{ "ident", 113 },  { "irc", 194 },
	{ "klogin", 543 }, { "kshell", 544 },
	{ "login", 513 },  { "lpd", 515 },
	{ "nntp", 119 },   { "pim-auto-rp", 496 },
	{ "pop2", 109 },   { "pop3", 110 },
	{ "smtp", 25 },	   { "sunrpc", 111 },
	{ "tacacs", 49 },  { "talk", 517 },
	{ "telnet", 23 },  { "time", 37 },
	{ "uucp", 540 },   { "whois", 43 },
	{ "www", 80 },	   { NULL, 0 },
};

static const struct ios_name ios_tcp_ports[] = {
	/* newer IOS-XE */
	{ "ssh", 22 },
	{ "http", 80 },
	{ "https", 443 },
	{ "connectedapps-plain", 15001 },
	{ "connectedapps-tls", 15002 },
	{ "msrpc", 135 },
	{ "onep-plain", 15001 },
	{ "onep-tls", 15002 },
	{ "syslog", 514 },
	{ NULL, 0 },
};

static const struct ios_name udp_ports[] = {
	{ "biff", 512 },	{ "bootpc", 68 },
	{ "bootps", 67 },	{ "discard", 9 },
	{ "dnsix", 195 },	{ "domain", 53 },
	{ "echo", 7 },		{ "isakmp", 500 },
	{ "mobile-ip", 434 },	{ "nameserver", 42 },
	{ "netbios-dgm", 138 }, { "netbios-ns", 137 },
	{ "netbios-ss", 139 },	{ "non500-isakmp", 4500 },
	{ "ntp", 123 },		{ "pim-auto-rp", 496 },
	{ "rip", 520 },		{ "snmp", 161 },
	{ "snmptrap", 162 },	{ "sunrpc", 111 },
	{ "syslog", 514 },	{ "tacacs", 49 },
	{ "talk", 517 },	{ "tftp", 69 },
	{ "time", 37 },		{ "who", 513 },
	{ "xdmcp", 177 },	{ NULL, 0 },
};

static const struct ios_name ios_udp_ports[] = {
	{ "ripv6", 521 },
	{ NULL, 0 },
};

/* IANA's service names, for EOS; the same number for both transports. */
static const struct ios_name eos_ports[] = {
	{ "acap", 674 },
	{ "acr-nema", 104 },
	{ "afpovertcp", 548 },
	{ "arns", 384 },
	{ "asip-webadmin", 311 },
	{ "at-rtmp", 201 },
	{ "aurp", 387 },
	{ "auth", 113 },
	{ "bfd", 3784 },
	{ "bfd-echo", 3785 },
	{ "bftp", 152 },
	{ "bgmp", 264 },
	{ "bootpc", 68 },
	{ "bootps", 67 },
	{ "cisco-tdp", 711 },
	{ "citadel", 504 },
	{ "clearcase", 371 },
	{ "commerce", 542 },
	{ "courier", 530 },
	{ "csnet-ns", 105 },
	{ "dhcp-failover2", 847 },
	{ "dhcpv6-client", 546 },
	{ "dhcpv6-server", 547 },
	{ "dsp", 33 },
	{ "epp", 700 },
	{ "esro-gen", 259 },
	{ "ftps", 990 },
	{ "ftps-data", 989 },
	{ "ha-cluster", 694 },
	{ "hp-alarm-mgr", 383 },
	{ "http-mgmt", 280 },
	{ "http-rpc-epmap", 593 },
	{ "https", 443 },
	{ "ieee-mms-ssl", 695 },
	{ "imap", 143 },
	{ "imap3", 220 },
	{ "imaps", 993 },
	{ "ipp", 631 },
	{ "ipx", 213 },
	{ "irc-serv", 529 },
	{ "ircs", 994 },
	{ "iris-beep", 702 },
	{ "isi-gl", 55 },
	{ "iso-tsap", 102 },
	{ "kerberos", 88 },
	{ "kerberos-adm", 749 },
	{ "la-maint", 51 },
	{ "ldap", 389 },
	{ "ldaps", 636 },
	{ "ldp", 646 },
	{ "lmp", 701 },
	{ "mac-srvr-admin", 660 },
	{ "matip-type-a", 350 },
	{ "matip-type-b", 351 },
	{ "mpp", 218 },
	{ "ms-sql-m", 1434 },
	{ "ms-sql-s", 1433 },
	{ "msdp", 639 },
	{ "msexch-routing", 691 },
	{ "msg-icp", 29 },
	{ "msp", 18 },
	{ "ncp", 524 },
	{ "netrjs-1", 71 },
	{ "netrjs-2", 72 },
	{ "netrjs-3", 73 },
	{ "netrjs-4", 74 },
	{ "netwall", 533 },
	{ "netware-ip", 396 },
	{ "new-rwho", 550 },
	{ "nfs", 2049 },
	{ "nntps", 563 },
	{ "nsw-fe", 27 },
	{ "ntp", 123 },
	{ "odmr", 366 },
	{ "openvpn", 1194 },
	{ "pkix-timestamp", 318 },
	{ "pop3s", 995 },
	{ "pptp", 1723 },
	{ "print-srv", 170 },
	{ "ptp-event", 319 },
	{ "ptp-general", 320 },
	{ "qmtp", 209 },
	{ "qotd", 17 },
	{ "radius", 1812 },
	{ "radius-acct", 1813 },
	{ "re-mail-ck", 50 },
	{ "remotefs", 556 },
	{ "repcmd", 641 },
	{ "rip", 520 },
	{ "rje", 5 },
	{ "rlp", 39 },
	{ "rlzdbase", 635 },
	{ "rmc", 657 },
	{ "rpc2portmap", 369 },
	{ "rsync", 873 },
	{ "rtelnet", 107 },
	{ "rtsp", 554 },
	{ "sgmp", 153 },
	{ "silc", 706 },
	{ "smux", 199 },
	{ "snagas", 108 },
	{ "snmp", 161 },
	{ "snmptrap", 162 },
	{ "snpp", 444 },
	{ "sqlserv", 118 },
	{ "sqlsrv", 156 },
	{ "ssh", 22 },
	{ "svrloc", 427 },
	{ "systat", 11 },
	{ "tbrpf", 712 },
	{ "tcpmux", 1 },
	{ "tftp", 69 },
	{ "tunnel", 604 },
	{ "ups", 401 },
	{ "uucp-path", 117 },
	{ "vmnet", 175 },
	{ "vxlan", 4789 },
	{ "whoispp", 63 },
	{ "xns-ch", 54 },
	{ "xns-mail", 58 },
	{ "xns-time", 52 },
	{ "z39-50", 210 },
	{ NULL, 0 },
};

static const struct ios_name protos[] = {
	{ "ahp", 51 },	{ "ah", 51 },	 { "eigrp", 88 },   { "esp", 50 },  { "gre", 47 },
	{ "igmp", 2 },	{ "ipinip", 4 }, { "nos", 94 },	    { "ospf", 89 }, { "pcp", 108 },
	{ "pim", 103 }, { "sctp", 132 }, { "tcp", 6 },	    { "udp", 17 },  { "vrrp", 112 },
	{ "rsvp", 46 }, { "igrp", 9 },	 { "l2tpv3", 115 }, { NULL, 0 },
};

static const struct ios_icmp_name icmp4[] = {
	{ "administratively-prohibited", 3, 13 },
	{ "alternate-address", 6, -1 },
	{ "conversion-error", 31, -1 },
	{ "dod-host-prohibited", 3, 10 },
	{ "dod-net-prohibited", 3, 9 },
	{ "echo", 8, -1 },
	{ "echo-reply", 0, -1 },
	{ "general-parameter-problem", 12, 0 },
	{ "host-isolated", 3, 8 },
	{ "host-precedence-unreachable", 3, 14 },
	{ "host-redirect", 5, 1 },
	{ "host-tos-redirect", 5, 3 },
	{ "host-tos-unreachable", 3, 12 },
	{ "host-unknown", 3, 7 },
	{ "host-unreachable", 3, 1 },
	{ "information-reply", 16, -1 },
	{ "information-request", 15, -1 },
	{ "mask-reply", 18, -1 },
	{ "mask-request", 17, -1 },
	{ "mobile-redirect", 32, -1 },
	{ "net-redirect", 5, 0 },
	{ "net-tos-redirect", 5, 2 },
	{ "net-tos-unreachable", 3, 11 },
	{ "net-unreachable", 3, 0 },
	{ "network-unknown", 3, 6 },
	{ "no-room-for-option", 12, 2 },
	{ "option-missing", 12, 1 },
	{ "packet-too-big", 3, 4 },
	{ "parameter-problem", 12, -1 },
	{ "port-unreachable", 3, 3 },
	{ "precedence-unreachable", 3, 15 },
	{ "protocol-unreachable", 3, 2 },
	{ "reassembly-timeout", 11, 1 },
	{ "redirect", 5, -1 },
	{ "router-advertisement", 9, -1 },
	{ "router-solicitation", 10, -1 },
	{ "source-quench", 4, -1 },
	{ "source-route-failed", 3, 5 },
	{ "time-exceeded", 11, -1 },
	{ "timestamp-reply", 14, -1 },
	{ "timestamp-request", 13, -1 },
	{ "traceroute", 30, -1 },
	{ "ttl-exceeded", 11, 0 },
	{ "unreachable", 3, -1 },
	{ NULL, 0, 0 },
};

static const struct ios_icmp_name icmp6[] = {
	{ "address-unreachable", 1, 3 },
	{ "beyond-scope", 1, 2 },
	{ "destination-unreachable", 1, -1 },
	{ "dhaad-reply", 145, -1 },
	{ "dhaad-request", 144, -1 },
	{ "echo-reply", 129, -1 },
	{ "echo-request", 128, -1 },
	{ "header", 4, 0 },
	{ "hop-limit", 3, 0 },
	{ "mld-query", 130, -1 },
	{ "mld-reduction", 132, -1 },
	{ "mld-report", 131, -1 },
	{ "mldv2", 143, -1 },
	{ "mpd-advertisement", 147, -1 },
	{ "mpd-solicitation", 146, -1 },
	{ "nd-na", 136, -1 },
	{ "nd-ns", 135, -1 },
	{ "neighbor-advertisement", 136, -1 },
	{ "neighbor-solicitation", 135, -1 },
	{ "next-header", 4, 1 },
	{ "no-admin", 1, 1 },
	{ "no-route", 1, 0 },
	{ "packet-too-big", 2, -1 },
	{ "parameter-option", 4, 2 },
	{ "parameter-problem", 4, -1 },
	{ "policy-fail", 1, 5 },
	{ "port-unreachable", 1, 4 },
	{ "reassembly-timeout", 3, 1 },
	{ "redirect", 137, -1 },
	{ "reject-route", 1, 6 },
	{ "renum-command", 138, 0 },
	{ "renum-result", 138, 1 },
	{ "renum-seq-number", 138, 255 },
	{ "router-advertisement", 134, -1 },
	{ "router-renumbering", 138, -1 },
	{ "router-solicitation", 133, -1 },
	{ "time-exceeded", 3, -1 },
	{ "unreachable", 1, -1 },
	{ NULL, 0, 0 },
};

static int find(const struct ios_name *t, const char *s, size_t len)
{
	for (; t->name; t++)
		if (!strncasecmp(t->name, s, len) && !t->name[len])
			return t->value;
	return -1;
}

int ios_port_name(enum ios_dialect d, unsigned proto, const char *s, size_t len)
{
	bool tcp = proto == PROTO_TCP;
	int n = find(tcp ? tcp_ports : udp_ports, s, len);
	if (n < 0 && d == IOS_IOS)
		n = find(tcp ? ios_tcp_ports : ios_udp_ports, s, len);
	if (n < 0 && d == IOS_EOS)
		n = find(eos_ports, s, len);
	return n;
}

int ios_proto_name(enum family f, const char *s, size_t len)
{
	if (len == 4 && !strncasecmp(s, "icmp", 4))
		return f == FAMILY_V4 ? PROTO_ICMP : PROTO_ICMPV6;
	if ((len == 6 && !strncasecmp(s, "icmpv6", 6)) ||
	    (len == 5 && !strncasecmp(s, "icmp6", 5)))
		return PROTO_ICMPV6;
	return find(protos, s, len);
}

bool ios_icmp_name(enum family f, const char *s, size_t len, int *ret_type, int *ret_code)
{
	for (const struct ios_icmp_name *t = f == FAMILY_V4 ? icmp4 : icmp6; t->name; t++)
		if (!strncasecmp(t->name, s, len) && !t->name[len]) {
			*ret_type = t->type;
			*ret_code = t->code;
			return true;
		}
	return false;
}
