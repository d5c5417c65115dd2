/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words that Linux programs print in place of numbers: protocols as /etc/protocols has
 * them, also where the IANA table of the model writes them in another way, and the common
 * services of /etc/services, with the same number for every protocol.
 */
#include "collectors/netfilter.h"

#include <string.h>
#include <strings.h>

struct word {
	const char *name;
	int number;
};

static const struct word protocols[] = {
	{ "hopopt", 0 },      { "ip", 0 },
	{ "icmp", 1 },	      { "igmp", 2 },
	{ "ggp", 3 },	      { "ipencap", 4 },
	{ "ipv4", 4 },	      { "st", 5 },
	{ "tcp", 6 },	      { "egp", 8 },
	{ "igp", 9 },	      { "pup", 12 },
	{ "udp", 17 },	      { "hmp", 20 },
	{ "xns-idp", 22 },    { "rdp", 27 },
	{ "dccp", 33 },	      { "xtp", 36 },
	{ "ddp", 37 },	      { "ipv6", 41 },
	{ "ipv6-route", 43 }, { "ipv6-frag", 44 },
	{ "idrp", 45 },	      { "rsvp", 46 },
	{ "gre", 47 },	      { "esp", 50 },
	{ "ipsec-esp", 50 },  { "ipv6-crypt", 50 },
	{ "ah", 51 },	      { "ipsec-ah", 51 },
	{ "ipv6-auth", 51 },  { "skip", 57 },
	{ "icmp6", 58 },      { "icmpv6", 58 },
	{ "ipv6-icmp", 58 },  { "ipv6-nonxt", 59 },
	{ "ipv6-opts", 60 },  { "eigrp", 88 },
	{ "ospf", 89 },	      { "ospfigp", 89 },
	{ "ax.25", 93 },      { "ipip", 94 },
	{ "etherip", 97 },    { "encap", 98 },
	{ "pim", 103 },	      { "comp", 108 },
	{ "ipcomp", 108 },    { "carp", 112 },
	{ "vrrp", 112 },      { "l2tp", 115 },
	{ "isis", 124 },      { "sctp", 132 },
	{ "fc", 133 },	      { "ipv6-mh", 135 },
	{ "mh", 135 },	      { "mobility-header", 135 },
	{ "udplite", 136 },   { "mpls-in-ip", 137 },
	{ "hip", 139 },	      { "shim6", 140 },
	{ NULL, 0 },
};

static const struct word services[] = {
	{ "tcpmux", 1 },
	{ "echo", 7 },
	{ "discard", 9 },
	{ "systat", 11 },
	{ "daytime", 13 },
	{ "netstat", 15 },
	{ "chargen", 19 },
	{ "ftp-data", 20 },
	{ "ftp", 21 },
	{ "ssh", 22 },
	{ "telnet", 23 },
	{ "mail", 25 },
	{ "smtp", 25 },
	{ "time", 37 },
	{ "nicname", 43 },
	{ "whois", 43 },
	{ "tacacs", 49 },
	{ "domain", 53 },
	{ "bootps", 67 },
	{ "bootpc", 68 },
	{ "tftp", 69 },
	{ "gopher", 70 },
	{ "finger", 79 },
	{ "http", 80 },
	{ "www", 80 },
	{ "kerberos", 88 },
	{ "pop3", 110 },
	{ "portmapper", 111 },
	{ "sunrpc", 111 },
	{ "auth", 113 },
	{ "ident", 113 },
	{ "nntp", 119 },
	{ "ntp", 123 },
	{ "epmap", 135 },
	{ "loc-srv", 135 },
	{ "netbios-ns", 137 },
	{ "netbios-dgm", 138 },
	{ "netbios-ssn", 139 },
	{ "imap", 143 },
	{ "imap2", 143 },
	{ "snmp", 161 },
	{ "snmp-trap", 162 },
	{ "snmptrap", 162 },
	{ "xdmcp", 177 },
	{ "bgp", 179 },
	{ "irc", 194 },
	{ "ldap", 389 },
	{ "https", 443 },
	{ "microsoft-ds", 445 },
	{ "kpasswd", 464 },
	{ "ssmtp", 465 },
	{ "submissions", 465 },
	{ "isakmp", 500 },
	{ "exec", 512 },
	{ "login", 513 },
	{ "syslog", 514 },
	{ "printer", 515 },
	{ "route", 520 },
	{ "router", 520 },
	{ "rtsp", 554 },
	{ "nntps", 563 },
	{ "submission", 587 },
	{ "ipp", 631 },
	{ "ldaps", 636 },
	{ "domain-s", 853 },
	{ "rsync", 873 },
	{ "ftps-data", 989 },
	{ "ftps", 990 },
	{ "telnets", 992 },
	{ "imaps", 993 },
	{ "pop3s", 995 },
	{ "socks", 1080 },
	{ "openvpn", 1194 },
	{ "ms-sql-s", 1433 },
	{ "ms-sql-m", 1434 },
	{ "radius", 1812 },
	{ "radius-acct", 1813 },
	{ "nfs", 2049 },
	{ "squid", 3128 },
	{ "iscsi-target", 3260 },
	{ "mysql", 3306 },
	{ "ms-wbt-server", 3389 },
	{ "svn", 3690 },
	{ "sieve", 4190 },
	{ "ipsec-nat-t", 4500 },
	{ "vxlan", 4789 },
	{ "sip", 5060 },
	{ "sip-tls", 5061 },
	{ "xmpp-client", 5222 },
	{ "xmpp-server", 5269 },
	{ "mdns", 5353 },
	{ "postgresql", 5432 },
	{ "amqps", 5671 },
	{ "amqp", 5672 },
	{ "x11", 6000 },
	{ "redis", 6379 },
	{ "ircd", 6667 },
	{ "http-alt", 8080 },
	{ "webcache", 8080 },
	{ "bacula-dir", 9101 },
	{ "webmin", 10000 },
	{ "zabbix-agent", 10050 },
	{ "zabbix-trapper", 10051 },
	{ "amanda", 10080 },
	{ NULL, 0 },
};

static int find(const struct word *w, const char *s, size_t len)
{
	for (; w->name; w++)
		if (strlen(w->name) == len && !strncasecmp(w->name, s, len))
			return w->number;
	return -1;
}

int nf_protocol(const char *s, size_t len)
{
	int number = find(protocols, s, len);
	return number >= 0 ? number : proto_number(s, len);
}

int nf_service(const char *s, size_t len)
{
	return find(services, s, len);
}
