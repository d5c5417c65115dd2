/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the extensions of -m ask (iptables-extensions(8); net/netfilter/xt_*.c). Each of them
 * only narrows, so that one that can't be judged is an unknown beside the rest. Where the
 * kernel's match fails before it looks (a later fragment has no ports, a packet without an
 * Ethernet header no address), the negated one fails as well.
 */
#include "collectors/ipt_internal.h"

#include <string.h>
#include <strings.h>

/* The value of an option, with a "!" of the old kind before it. */
static const char *take(struct ipt_parse *p, bool *negate)
{
	if (p->i < p->w.n && !p->w.quoted[p->i] && !strcmp(p->w.v[p->i], "!"))
		*negate = !*negate, p->i++;
	const char *s = ipt_value(p);
	if (!s)
		ipt_and(p, ipt_unknown(p, "an option without its value"));
	return s;
}

static const struct match *turned(struct ipt_parse *p, const struct match *m, bool negate)
{
	return negate ? match_not(p->r->m, m) : m;
}

/* "80", "1024:", ":1023", "a:b", "http" */
static const struct match *port_range(struct ipt_parse *p, enum field f, const char *s,
				      size_t len)
{
	const char *colon = memchr(s, ':', len);
	size_t first = colon ? (size_t)(colon - s) : len;
	int lo = first ? ipt_port(s, first) : 0, hi = lo;
	if (colon)
		hi = first + 1 < len ? ipt_port(colon + 1, len - first - 1) : 65535;
	if (lo < 0 || hi < 0 || hi < lo || !len)
		return match_and(p->r->m, match_range(p->r->m, f, 0, 65535),
				 ipt_unknown(p, "port %.*s", (int)len, s));
	return match_range(p->r->m, f, (unsigned)lo, (unsigned)hi);
}

static void port(struct ipt_parse *p, enum field f, bool negate)
{
	const char *s = take(p, &negate);
	if (!s)
		return;
	p->header = true;
	ipt_and_lasting(p, match_and(p->r->m, match_range(p->r->m, f, 0, 65535),
				     turned(p, port_range(p, f, s, strlen(s)), negate)));
}

static void sport(struct ipt_parse *p, bool negate)
{
	port(p, FIELD_SPORT, negate);
}

static void dport(struct ipt_parse *p, bool negate)
{
	port(p, FIELD_DPORT, negate);
}

/* (flags & mask) == value in packets that have flags at all */
static void flags(struct ipt_parse *p, unsigned value, unsigned mask, bool negate)
{
	struct matches *m = p->r->m;
	const struct match *is = match_flags(m, value, mask);
	p->header = true;
	ipt_and(p, negate ? match_and(m, match_flags(m, 0, 0), match_not(m, is)) : is);
}

static void tcp_flags(struct ipt_parse *p, bool negate)
{
	unsigned mask, value;
	const char *a = take(p, &negate), *b = a ? ipt_value(p) : NULL;
	if (a && b && ipt_tcp_flags(a, &mask) && ipt_tcp_flags(b, &value))
		flags(p, value, mask, negate);
	else
		ipt_and(p, ipt_unknown(p, "TCP flags %s %s", a ? a : "", b ? b : ""));
}

static void syn(struct ipt_parse *p, bool negate)
{
	flags(p, TCP_SYN, TCP_SYN | TCP_RST | TCP_ACK | TCP_FIN, negate);
}

static void icmp(struct ipt_parse *p, bool negate)
{
	struct matches *m = p->r->m;
	const char *s = take(p, &negate);
	unsigned type;
	struct range code;
	bool v6 = p->family == FAMILY_V6 || p->proto == PROTO_ICMPV6;
	if (!s)
		return;
	p->header = true;
	const struct match *has = match_range(m, FIELD_ICMP_TYPE, 0, 255), *is;
	if (!ipt_icmp(v6, s, &type, &code))
		is = ipt_unknown(p, "ICMP type %s", s);
	else if (type == 255 && !v6)
		is = has;
	else
		is = match_and(m, match_value(m, FIELD_ICMP_TYPE, type),
			       match_range(m, FIELD_ICMP_CODE, code.lo, code.hi));
	ipt_and(p, match_and(m, has, turned(p, is, negate)));
}

static void multiport(struct ipt_parse *p, bool negate, bool source, bool destination)
{
	struct matches *m = p->r->m;
	const char *s = take(p, &negate);
	const struct match *any = match_none(m);
	if (!s)
		return;
	for (;;) {
		size_t len = strcspn(s, ",");
		if (source)
			any = match_or(m, any, port_range(p, FIELD_SPORT, s, len));
		if (destination)
			any = match_or(m, any, port_range(p, FIELD_DPORT, s, len));
		if (!s[len])
			break;
		s += len + 1;
	}
	p->l->transport = true;
	ipt_and_lasting(
		p, match_and(m, match_range(m, FIELD_SPORT, 0, 65535), turned(p, any, negate)));
}

static void multi_sports(struct ipt_parse *p, bool negate)
{
	multiport(p, negate, true, false);
}

static void multi_dports(struct ipt_parse *p, bool negate)
{
	multiport(p, negate, false, true);
}

static void multi_ports(struct ipt_parse *p, bool negate)
{
	multiport(p, negate, true, true);
}

static void range(struct ipt_parse *p, enum field f, bool negate)
{
	const char *s = take(p, &negate);
	struct span span;
	enum family family = FAMILY_V4;
	if (!s)
		return;
	bool ok = false;
	for (; family < FAMILY_COUNT && !ok; family++)
		ok = (!p->l->families || p->l->families & 1u << family) &&
		     ipt_span(family, s, strlen(s), &span);
	ipt_and_lasting(p, turned(p,
				  ok ? match_spans(p->r->m, f, --family, &span, 1)
				     : ipt_unknown(p, "address range %s", s),
				  negate));
}

static void src_range(struct ipt_parse *p, bool negate)
{
	range(p, FIELD_SRC, negate);
}

static void dst_range(struct ipt_parse *p, bool negate)
{
	range(p, FIELD_DST, negate);
}

static void ask(struct ipt_parse *p, struct ipt_ask a)
{
	*vec_add(&p->asks) = a;
}

static void state(struct ipt_parse *p, bool negate)
{
	static const struct {
		const char *name;
		int state; /* -1, -2: a bit of the connection that the model doesn't have */
	} states[] = { { "NEW", STATE_NEW },
		       { "ESTABLISHED", STATE_ESTABLISHED },
		       { "RELATED", STATE_RELATED },
		       { "INVALID", STATE_INVALID },
		       { "UNTRACKED", STATE_UNTRACKED },
		       { "SNAT", -1 },
		       { "DNAT", -2 } };
	const char *s = take(p, &negate);
	struct ipt_ask a = { .kind = ASK_STATE, .negate = negate };
	if (!s)
		return;
	for (;;) {
		size_t len = strcspn(s, ","), i = 0;
		while (i < 7 && (strlen(states[i].name) != len ||
				 strncasecmp(states[i].name, s, len) != 0))
			i++;
		if (i == 7) {
			ipt_and(p, ipt_unknown(p, "state %.*s", (int)len, s));
			return;
		}
		if (states[i].state < 0)
			a.value |= states[i].state == -1 ? ASK_SNAT : ASK_DNAT;
		else
			a.mask |= 1u << states[i].state;
		if (!s[len])
			break;
		s += len + 1;
	}
	ask(p, a);
}

static void mark(struct ipt_parse *p, bool negate, enum ipt_ask_kind kind)
{
	struct ipt_ask a = { .kind = (uint8_t)kind };
	const char *s = take(p, &negate);
	a.negate = negate;
	if (!s)
		return;
	if (ipt_value_mask(s, &a.value, &a.mask))
		ask(p, a);
	else
		ipt_and(p, ipt_unknown(p, "mark %s", s));
}

static void packet_mark(struct ipt_parse *p, bool negate)
{
	mark(p, negate, ASK_MARK);
}

static void connection_mark(struct ipt_parse *p, bool negate)
{
	mark(p, negate, ASK_CONNMARK);
}

/* xt_mac.c: without an Ethernet header it fails, negated or not */
static void mac_source(struct ipt_parse *p, bool negate)
{
	struct matches *m = p->r->m;
	const char *s = take(p, &negate);
	if (!s)
		return;
	const char *word = mac_word(p->r->arena, s, strlen(s));
	const struct match *is = word ? match_iface(m, FIELD_MAC, word, false)
				      : ipt_unknown(p, "MAC address %s", s);
	if (negate)
		is = match_and(m, match_not(m, match_iface(m, FIELD_MAC, "", false)),
			       match_not(m, is));
	ipt_and(p, is);
}

/* xt_physdev.c: "" stands for a packet that no bridge has passed on */
static void physdev_in(struct ipt_parse *p, bool negate)
{
	const char *s = take(p, &negate);
	if (s)
		ipt_and(p, turned(p, ipt_iface(p, FIELD_PHYSIN, s), negate));
}

static void physdev_out(struct ipt_parse *p, bool negate)
{
	struct matches *m = p->r->m;
	const char *s = take(p, &negate);
	if (!s)
		return;
	const struct match *is = ipt_iface(p, FIELD_PHYSOUT, s);
	const struct match *no_in = match_iface(m, FIELD_PHYSIN, "", false);
	const struct match *no_out = match_iface(m, FIELD_PHYSOUT, "", false);
	if (negate)
		is = match_or(m, match_and(m, no_in, no_out),
			      match_and(m, match_not(m, no_out), match_not(m, is)));
	else
		is = match_and(m, match_not(m, no_out), is);
	ipt_and(p, is);
}

static void physdev_is(struct ipt_parse *p, enum field f, bool negate)
{
	ipt_and(p, turned(p, match_iface(p->r->m, f, "", false), !negate));
}

static void physdev_is_in(struct ipt_parse *p, bool negate)
{
	physdev_is(p, FIELD_PHYSIN, negate);
}

static void physdev_is_out(struct ipt_parse *p, bool negate)
{
	physdev_is(p, FIELD_PHYSOUT, negate);
}

/* A condition that options still to come may change, before it is turned round. */
static void later(struct ipt_parse *p, enum ipt_late kind, const struct match *m, bool negate)
{
	*vec_add(&p->late) = (struct ipt_late_cond){ m, (uint8_t)kind, negate };
}

static void addrtype(struct ipt_parse *p, enum field f, bool negate)
{
	struct matches *m = p->r->m;
	const char *s = take(p, &negate);
	const struct match *any = match_none(m);
	size_t n = 0;
	if (!s)
		return;
	for (;; n++) {
		size_t len = strcspn(s, ",");
		any = match_or(m, any, ipt_of_type(p, f, s, len));
		if (!s[len])
			break;
		s += len + 1;
	}
	/* of several types IPv6 asks some all at once */
	if (n && p->family == FAMILY_V6)
		any = match_unknown(m, LOC_NONE, "several address types");
	later(p, LATE_ADDRTYPE, any, negate);
}

static void src_type(struct ipt_parse *p, bool negate)
{
	addrtype(p, FIELD_SRC, negate);
}

static void dst_type(struct ipt_parse *p, bool negate)
{
	addrtype(p, FIELD_DST, negate);
}

/* On one interface alone types are others: also what is not of the type. */
static void limit_iface(struct ipt_parse *p, bool negate)
{
	(void)negate;
	p->late_doubt[LATE_ADDRTYPE] = true;
}

static void match_set(struct ipt_parse *p, bool negate)
{
	const char *name = take(p, &negate), *dirs = name ? ipt_value(p) : NULL;
	if (!name)
		return;
	if (!dirs) {
		ipt_and(p, ipt_unknown(p, "a set without its directions"));
		return;
	}
	p->l->transport = true;
	later(p, LATE_SET, ipt_in_set(p, name, dirs), negate);
}

static void comment(struct ipt_parse *p, bool negate)
{
	const char *s = take(p, &negate);
	if (s)
		p->rule->note = arena_str(p->r->arena, s);
}

static void nothing(struct ipt_parse *p, bool negate)
{
	(void)negate, (void)p;
}

/* An option that narrows by what the model has not. */
static void bound(struct ipt_parse *p, const char *module)
{
	ipt_and(p, match_unknown(p->r->m, LOC_NONE, "match %s", module));
	p->late_doubt[LATE_SET] |= !strcmp(module, "set");
	p->late_doubt[LATE_ADDRTYPE] |= !strcmp(module, "addrtype");
	while (ipt_value(p) ||
	       (p->i + 1 < p->w.n && !p->w.quoted[p->i] && !strcmp(p->w.v[p->i], "!") &&
		p->w.v[p->i + 1][0] != '-' && p->i++ < p->w.n))
		;
}

struct option {
	const char *module, *name;
	void (*read)(struct ipt_parse *p, bool negate);
};

/* A module "port" stands for each of the protocols that have ports. */
static const struct option options[] = {
	{ "port", "--sport", sport },
	{ "port", "--source-port", sport },
	{ "port", "--dport", dport },
	{ "port", "--destination-port", dport },
	{ "tcp", "--tcp-flags", tcp_flags },
	{ "tcp", "--syn", syn },
	{ "icmp", "--icmp-type", icmp },
	{ "icmp6", "--icmpv6-type", icmp },
	{ "icmp6", "--icmp6-type", icmp },
	{ "multiport", "--sports", multi_sports },
	{ "multiport", "--source-ports", multi_sports },
	{ "multiport", "--dports", multi_dports },
	{ "multiport", "--destination-ports", multi_dports },
	{ "multiport", "--ports", multi_ports },
	{ "multiport", "--port", multi_ports },
	{ "iprange", "--src-range", src_range },
	{ "iprange", "--dst-range", dst_range },
	{ "state", "--state", state },
	{ "conntrack", "--ctstate", state },
	{ "conntrack", "--state", state },
	{ "mark", "--mark", packet_mark },
	{ "connmark", "--mark", connection_mark },
	{ "mac", "--mac-source", mac_source },
	{ "mac", "--mac", mac_source }, /* getopt takes it so */
	{ "physdev", "--physdev-in", physdev_in },
	{ "physdev", "--physdev-out", physdev_out },
	{ "physdev", "--physdev-is-in", physdev_is_in },
	{ "physdev", "--physdev-is-out", physdev_is_out },
	{ "physdev", "--physdev-is-bridged", physdev_is_out },
	{ "addrtype", "--src-type", src_type },
	{ "addrtype", "--dst-type", dst_type },
	{ "addrtype", "--limit-iface-in", limit_iface },
	{ "addrtype", "--limit-iface-out", limit_iface },
	{ "set", "--match-set", match_set },
	{ "set", "--set", match_set },
	{ "set", "--update-counters", nothing },
	{ "set", "--update-subcounters", nothing },
	{ "comment", "--comment", comment },
};

/* Extensions that are understood as a bound: each narrows by something of its own. */
static const char *const bounds[] = {
	"ah",	       "bpf",	     "cgroup",	"cluster",   "connbytes", "connlabel",
	"connlimit",   "condition",  "cpu",	"devgroup",  "dscp",	  "dst",
	"ecn",	       "esp",	     "eui64",	"frag",	     "fuzzy",	  "geoip",
	"hashlimit",   "hbh",	     "helper",	"hl",	     "ipcomp",	  "ipp2p",
	"ipv4options", "ipv6header", "ipvs",	"l2tp",	     "layer7",	  "length",
	"length2",     "limit",	     "mh",	"ndpi",	     "nfacct",	  "nth",
	"osf",	       "owner",	     "pkttype", "policy",    "psd",	  "quota",
	"quota2",      "random",     "rateest", "realm",     "recent",	  "rpfilter",
	"rt",	       "socket",     "srh",	"statistic", "string",	  "tcpmss",
	"time",	       "tos",	     "ttl",	"u32",	     "unclean",	  NULL
};

static bool has_ports_module(const char *s)
{
	return !strcmp(s, "tcp") || !strcmp(s, "udp") || !strcmp(s, "udplite") ||
	       !strcmp(s, "sctp") || !strcmp(s, "dccp");
}

static const char *canonical(const char *name)
{
	if (!strcmp(name, "icmpv6") || !strcmp(name, "ipv6-icmp"))
		return "icmp6";
	if (!strcmp(name, "mport"))
		return "multiport";
	return name;
}

static bool is_bound(const char *name)
{
	for (const char *const *s = bounds; *s; s++)
		if (!strcmp(*s, name))
			return true;
	return false;
}

static bool is_known(const char *name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (!strcmp(options[i].module, name))
			return true;
	return has_ports_module(name);
}

void ipt_module(struct ipt_parse *p, const char *name)
{
	name = canonical(name);
	if (p->n_modules == sizeof(p->modules) / sizeof(*p->modules)) {
		ipt_and(p, ipt_unknown(p, "more matches than are read"));
		return;
	}
	name = p->modules[p->n_modules++] = arena_str(p->r->arena, name);
	if (has_ports_module(name) || !strcmp(name, "icmp") || !strcmp(name, "icmp6"))
		p->header = true;
	if (is_bound(name))
		ipt_and(p, match_unknown(p->r->m, LOC_NONE, "match %s", name));
	else if (!is_known(name))
		ipt_and(p, ipt_unknown(p, "match %s", name));
}

/* The match that the protocol brings with it, or NULL. */
static const char *implied(const struct ipt_parse *p)
{
	if (p->proto < 0 || p->proto_negated)
		return NULL;
	switch (p->proto) {
	case PROTO_TCP:
		return "tcp";
	case PROTO_UDP:
		return "udp";
	case PROTO_UDPLITE:
		return "udplite";
	case PROTO_SCTP:
		return "sctp";
	case PROTO_DCCP:
		return "dccp";
	case PROTO_ICMP:
		return "icmp";
	case PROTO_ICMPV6:
		return "icmp6";
	default:
		return NULL;
	}
}

static const struct option *option_of(const char *module, const char *name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (!strcmp(options[i].name, name) &&
		    (!strcmp(options[i].module, module) ||
		     (!strcmp(options[i].module, "port") && has_ports_module(module))))
			return &options[i];
	return NULL;
}

bool ipt_option(struct ipt_parse *p, const char *name, bool negate)
{
	const char *proto = implied(p);
	const struct option *o = NULL;
	bool judged = true; /* the match that has the word is one whose options we know */
	for (size_t i = p->n_modules; i-- && judged && !o;) {
		o = option_of(p->modules[i], name);
		judged = is_known(p->modules[i]);
	}
	if (!o && proto)
		o = option_of(proto, name);
	if (o) {
		o->read(p, negate);
		return true;
	}
	if (!p->n_modules && !proto)
		return false;
	bound(p, p->n_modules ? p->modules[p->n_modules - 1] : proto);
	return true;
}

/* -m tcp asks that its header is there, also where it asks nothing more. */
void ipt_modules_end(struct ipt_parse *p)
{
	struct matches *m = p->r->m;
	bool ports = false;
	vec_each (x, &p->late) {
		const struct match *is = x->m;
		if (p->late_doubt[x->kind])
			is = match_unknown(m, LOC_NONE, "match %s",
					   x->kind == LATE_SET ? "set with further options"
							       : "addrtype on one interface");
		ipt_and(p, turned(p, is, x->negate));
	}
	vec_free(&p->late);
	if (p->proto >= 0 && !p->proto_negated && p->header) {
		p->l->transport = true;
		if (proto_has_ports((unsigned)p->proto))
			ipt_and(p, match_range(m, FIELD_SPORT, 0, 65535));
		else if (p->proto == PROTO_ICMP || p->proto == PROTO_ICMPV6)
			ipt_and(p, match_range(m, FIELD_ICMP_TYPE, 0, 255));
		ports = true;
	}
	if (p->header && !ports)
		ipt_and(p, ipt_unknown(p, "a match of a protocol without -p"));
}
