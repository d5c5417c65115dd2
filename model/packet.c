/* SPDX-License-Identifier: Apache-2.0 */
#include "model/packet.h"

#include <string.h>
#include <strings.h>

/* IANA protocol numbers that turn up in filters. */
static const struct {
	uint8_t number;
	const char *name;
} protocols[] = {
	{ 0, "hopopt" },   { 1, "icmp" },      { 2, "igmp" },	 { 4, "ipip" },
	{ 6, "tcp" },	   { 8, "egp" },       { 9, "igp" },	 { 17, "udp" },
	{ 33, "dccp" },	   { 41, "ipv6" },     { 43, "ipv6-route" }, { 44, "ipv6-frag" },
	{ 46, "rsvp" },	   { 47, "gre" },      { 50, "esp" },	 { 51, "ah" },
	{ 58, "icmpv6" },  { 59, "ipv6-nonxt" }, { 60, "ipv6-opts" }, { 88, "eigrp" },
	{ 89, "ospf" },	   { 94, "nos" },      { 103, "pim" },	 { 108, "ipcomp" },
	{ 112, "vrrp" },   { 115, "l2tp" },    { 132, "sctp" },	 { 136, "udplite" },
};

/* IANA service names of the ports that people know by name. */
static const struct {
	uint16_t port;
	uint8_t tcp, udp;
	const char *name;
} services[] = {
	{ 20, 1, 0, "ftp-data" }, { 21, 1, 0, "ftp" },	       { 22, 1, 0, "ssh" },
	{ 23, 1, 0, "telnet" },	  { 25, 1, 0, "smtp" },	       { 49, 1, 1, "tacacs" },
	{ 53, 1, 1, "domain" },	  { 67, 0, 1, "bootps" },      { 68, 0, 1, "bootpc" },
	{ 69, 0, 1, "tftp" },	  { 80, 1, 0, "http" },	       { 88, 1, 1, "kerberos" },
	{ 110, 1, 0, "pop3" },	  { 111, 1, 1, "sunrpc" },     { 123, 0, 1, "ntp" },
	{ 135, 1, 1, "epmap" },	  { 137, 0, 1, "netbios-ns" }, { 138, 0, 1, "netbios-dgm" },
	{ 139, 1, 0, "netbios-ssn" }, { 143, 1, 0, "imap" },   { 161, 0, 1, "snmp" },
	{ 162, 0, 1, "snmptrap" }, { 179, 1, 0, "bgp" },       { 389, 1, 1, "ldap" },
	{ 443, 1, 1, "https" },	  { 445, 1, 0, "microsoft-ds" }, { 465, 1, 0, "submissions" },
	{ 500, 0, 1, "isakmp" },  { 514, 0, 1, "syslog" },     { 515, 1, 0, "printer" },
	{ 587, 1, 0, "submission" }, { 631, 1, 0, "ipp" },     { 636, 1, 0, "ldaps" },
	{ 853, 1, 0, "domain-s" }, { 873, 1, 0, "rsync" },     { 993, 1, 0, "imaps" },
	{ 995, 1, 0, "pop3s" },	  { 1194, 1, 1, "openvpn" },   { 1433, 1, 0, "ms-sql-s" },
	{ 1521, 1, 0, "oracle" }, { 1812, 0, 1, "radius" },    { 1813, 0, 1, "radius-acct" },
	{ 2049, 1, 1, "nfs" },	  { 3128, 1, 0, "squid" },     { 3306, 1, 0, "mysql" },
	{ 3389, 1, 1, "ms-wbt-server" }, { 4500, 0, 1, "ipsec-nat-t" }, { 4789, 0, 1, "vxlan" },
	{ 5060, 1, 1, "sip" },	  { 5432, 1, 0, "postgresql" }, { 5900, 1, 0, "rfb" },
	{ 5985, 1, 0, "wsman" },  { 6379, 1, 0, "redis" },     { 6443, 1, 0, "kubernetes" },
	{ 8080, 1, 0, "http-alt" }, { 8443, 1, 0, "https-alt" }, { 9200, 1, 0, "elasticsearch" },
	{ 27017, 1, 0, "mongodb" },
};

static const char flag_letters[] = "FSRPAUEC"; /* bit 0 first */

static const char *const state_names[STATE_COUNT] = { "new", "established", "related", "invalid",
						      "untracked" };

const char *state_name(enum conn_state s)
{
	return s < STATE_COUNT ? state_names[s] : "?";
}

bool proto_has_ports(unsigned proto)
{
	return proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_DCCP ||
	       proto == PROTO_SCTP || proto == PROTO_UDPLITE;
}

bool packet_has_ports(const struct packet *p)
{
	return !p->fragment && proto_has_ports(p->proto);
}

bool packet_has_icmp(const struct packet *p)
{
	return !p->fragment &&
	       p->proto == (p->family == FAMILY_V4 ? PROTO_ICMP : PROTO_ICMPV6);
}

bool packet_has_flags(const struct packet *p)
{
	return !p->fragment && p->proto == PROTO_TCP;
}

const char *proto_name(unsigned proto)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (protocols[i].number == proto)
			return protocols[i].name;
	return NULL;
}

int proto_number(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (strlen(protocols[i].name) == len &&
		    !strncasecmp(protocols[i].name, name, len))
			return protocols[i].number;
	return -1;
}

const char *service_name(unsigned proto, unsigned port)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++)
		if (services[i].port == port && ((proto == PROTO_TCP && services[i].tcp) ||
						 (proto == PROTO_UDP && services[i].udp)))
			return services[i].name;
	return NULL;
}

struct word {
	const char *s;
	size_t len;
};

static bool word_is(struct word w, const char *s)
{
	return w.len == strlen(s) && !memcmp(w.s, s, w.len);
}

static struct word next_word(const char **p, const char *end)
{
	while (*p < end && (**p == ' ' || **p == '\t' || **p == '\r' || **p == '\n'))
		++*p;
	struct word w = { *p, 0 };
	while (*p < end && **p != ' ' && **p != '\t' && **p != '\r' && **p != '\n')
		++*p;
	w.len = (size_t)(*p - w.s);
	return w;
}

const char *mac_word(struct arena *a, const char *s, size_t len)
{
	char word[18];
	if (len != 17)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		char c = s[i] == '-' ? ':' : s[i];
		c = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
		if (i % 3 == 2 ? c != ':' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return NULL;
		word[i] = c;
	}
	return arena_strn(a, word, len);
}

static const char *parse_key(struct arena *a, struct packet *p, struct word w)
{
	const char *eq = memchr(w.s, '=', w.len);
	if (!eq)
		return "expected key=value";
	struct word k = { w.s, (size_t)(eq - w.s) };
	struct word v = { eq + 1, w.len - k.len - 1 };
	const char **place = word_is(k, "iif")	     ? &p->iif
			     : word_is(k, "oif")     ? &p->oif
			     : word_is(k, "physin")  ? &p->physin
			     : word_is(k, "physout") ? &p->physout
						     : NULL;
	if (place) {
		if (!v.len)
			return "an interface needs a name";
		*place = arena_strn(a, v.s, v.len);
	} else if (word_is(k, "mac")) {
		p->mac = mac_word(a, v.s, v.len);
		if (!p->mac)
			return "mac is six bytes: 02:00:5e:10:00:01";
	} else if (word_is(k, "state")) {
		int s = 0;
		while (s < STATE_COUNT && !word_is(v, state_names[s]))
			s++;
		if (s == STATE_COUNT)
			return "state is new, established, related, invalid or untracked";
		p->state = (uint8_t)s;
	} else if (word_is(k, "frag")) {
		if (!word_is(v, "0") && !word_is(v, "1"))
			return "frag is 0 or 1";
		p->fragment = v.s[0] == '1';
	} else if (word_is(k, "flags")) {
		if (p->proto != PROTO_TCP)
			return "only TCP has flags";
		p->flags = 0;
		for (size_t i = 0; i < v.len && !word_is(v, "-"); i++) {
			const char *at = strchr(flag_letters, v.s[i]);
			if (!at)
				return "flags are letters of FSRPAUEC, or -";
			p->flags |= (uint8_t)(1u << (at - flag_letters));
		}
		if (!v.len)
			return "flags are letters of FSRPAUEC, or -";
	} else {
		return "unknown key: flags, state, iif, oif, frag";
	}
	return NULL;
}

static const char *parse_line(struct arena *a, struct packet *p, const char *s, const char *end)
{
	struct word proto = next_word(&s, end), src = next_word(&s, end), sport = next_word(&s, end);
	struct word dst = next_word(&s, end), dport = next_word(&s, end);
	enum family f, fd;
	uint64_t n, x, y;
	bool by_number = false;
	if (!dport.len)
		return "expected PROTO SRC SPORT DST DPORT [key=value]...";
	if (!addr_parse(src.s, src.len, &f, &p->src))
		return "the source is not an address";
	if (!addr_parse(dst.s, dst.len, &fd, &p->dst))
		return "the destination is not an address";
	if (f != fd)
		return "source and destination are of different families";
	p->family = (uint8_t)f;
	if (proto.len > 3 && !memcmp(proto.s, "ip:", 3))
		by_number = parse_number(proto.s + 3, proto.len - 3, 0, 255, false, &n);
	else if (proto.len > 4 && !memcmp(proto.s, "ip6:", 4))
		by_number = parse_number(proto.s + 4, proto.len - 4, 0, 255, false, &n);
	int number = by_number ? (int)n : -1;
	static const char *const named[] = { "tcp", "udp", "icmp", "icmpv6", "sctp", "dccp",
					     "udplite" };
	for (size_t i = 0; number < 0 && i < sizeof(named) / sizeof(*named); i++)
		if (word_is(proto, named[i]))
			number = proto_number(proto.s, proto.len);
	if (number < 0)
		return "the protocol is tcp, udp, icmp, icmpv6, sctp, dccp, udplite or ip:NUMBER";
	p->proto = (uint8_t)number;
	if (!parse_number(sport.s, sport.len, 0, 65535, false, &x) ||
	    !parse_number(dport.s, dport.len, 0, 65535, false, &y))
		return "a port is a number from 0 to 65535";
	if (proto_has_ports(p->proto)) {
		p->sport = (uint16_t)x, p->dport = (uint16_t)y;
	} else if (p->proto == (f == FAMILY_V4 ? PROTO_ICMP : PROTO_ICMPV6)) {
		if (x > 255 || y > 255)
			return "an ICMP type or code is a number from 0 to 255";
		p->icmp_type = (uint8_t)x, p->icmp_code = (uint8_t)y;
	} else if (x || y) {
		return "this protocol has no ports: write 0";
	}
	bool flags = false;
	for (struct word w; (w = next_word(&s, end)).len;) {
		const char *why = parse_key(a, p, w);
		if (why)
			return why;
		flags = flags || !strncmp(w.s, "flags=", 6);
	}
	if (p->proto == PROTO_TCP && !flags)
		p->flags = p->state == STATE_NEW ? TCP_SYN : TCP_ACK;
	if (p->fragment)
		p->sport = p->dport = 0, p->icmp_type = p->icmp_code = p->flags = 0;
	return NULL;
}

bool packet_parse(struct arena *a, const char *line, size_t len, struct packet *ret_packet,
		  const char **ret_why)
{
	struct packet p = { 0 };
	const char *why = parse_line(a, &p, line, line + len);
	if (why) {
		*ret_why = why;
		return false;
	}
	*ret_packet = p;
	return true;
}

static void put_proto(struct text *t, const struct packet *p)
{
	if (proto_has_ports(p->proto) ||
	    p->proto == (p->family == FAMILY_V4 ? PROTO_ICMP : PROTO_ICMPV6))
		text_put(t, proto_name(p->proto));
	else
		text_putf(t, "ip:%u", p->proto);
}

void packet_print(struct text *t, const struct packet *p)
{
	bool ports = proto_has_ports(p->proto);
	bool icmp = p->proto == (p->family == FAMILY_V4 ? PROTO_ICMP : PROTO_ICMPV6);
	put_proto(t, p);
	text_putc(t, ' ');
	addr_print(t, p->family, p->src);
	text_putf(t, " %u ", ports ? p->sport : icmp ? p->icmp_type : 0);
	addr_print(t, p->family, p->dst);
	text_putf(t, " %u", ports ? p->dport : icmp ? p->icmp_code : 0);
	if (packet_has_flags(p)) {
		text_put(t, " flags=");
		for (unsigned i = 0; i < 8; i++)
			if (p->flags & 1u << i)
				text_putc(t, flag_letters[i]);
		if (!p->flags)
			text_putc(t, '-');
	}
	text_putf(t, " state=%s", state_name(p->state));
	if (p->fragment)
		text_put(t, " frag=1");
	if (p->iif)
		text_putf(t, " iif=%s", p->iif);
	if (p->oif)
		text_putf(t, " oif=%s", p->oif);
	if (p->physin)
		text_putf(t, " physin=%s", p->physin);
	if (p->physout)
		text_putf(t, " physout=%s", p->physout);
	if (p->mac)
		text_putf(t, " mac=%s", p->mac);
}

void packet_say(struct text *t, const struct packet *p)
{
	const char *name = proto_name(p->proto);
	bool icmp = packet_has_icmp(p), ports = packet_has_ports(p);
	if (p->proto == PROTO_ICMPV6 && icmp)
		text_put(t, "ICMPv6");
	else if (name)
		for (const char *c = name; *c; c++)
			text_putc(t, *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c);
	else
		text_putf(t, "IP protocol %u", p->proto);
	if (icmp) {
		unsigned echo = p->family == FAMILY_V4 ? 8 : 128;
		text_putf(t, " type %u code %u%s", p->icmp_type, p->icmp_code,
			  p->icmp_type == echo && !p->icmp_code ? " (echo request)" : "");
	}
	if (p->fragment)
		text_put(t, " later fragment");
	text_put(t, " from ");
	addr_print(t, p->family, p->src);
	if (ports)
		text_putf(t, " port %u", p->sport);
	text_put(t, " to ");
	addr_print(t, p->family, p->dst);
	if (ports) {
		const char *service = service_name(p->proto, p->dport);
		text_putf(t, " port %u", p->dport);
		if (service)
			text_putf(t, " (%s)", service);
	}
	if (p->state != STATE_NEW)
		text_putf(t, ", %s", state_name(p->state));
}
