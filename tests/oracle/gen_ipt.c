/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rulesets of iptables and ip6tables, by either backend: all tables, with the chains that a
 * forwarded packet meets and some that it doesn't, user chains that call each other, and sets
 * of ipset beside them. Every match is written as iptables-restore takes it.
 */
#include <stdio.h>
#include <string.h>

#include "tests/oracle/gen.h"

enum { CHAINS = 4, SETS = 12 };

struct ipt {
	struct gen *g;
	enum part part;
	enum family f;
	const char *table;
	const char *hook;  /* the built-in chain that is written; NULL: a user chain */
	const char *proto; /* of the rule; NULL: any */
	bool not_proto;
	bool own; /* the rule has a match of the protocol's own */
};

struct set_kind {
	const char *feature, *type, *dirs;
	const char *(*element)(struct gen *g, enum family f);
	bool nomatch, no_family;
};

static const char *yes_no(struct gen *g)
{
	if (!one_in(g->r, 4))
		return "";
	g->broad++;
	return "! ";
}

/* ---- sets ---- */

static const char *e_ip(struct gen *g, enum family f)
{
	return gen_addr(g, f, CONST_ADDR);
}

static const char *e_net(struct gen *g, enum family f)
{
	return gen_addr(g, f, CONST_PREFIX);
}

static const char *e_port(struct gen *g, enum family f)
{
	(void)f;
	return gen_port(g);
}

static const char *proto_port(struct gen *g, enum family f)
{
	static const char *const protos[] = { "tcp", "udp", "sctp", "udplite" };
	if (one_in(g->r, 8))
		return f == FAMILY_V4 ? "icmp:8/0" : "icmpv6:128/0";
	/* a range is as many elements as it has ports */
	static const char *const few[] = { "22-23", "80-81", "0-5", "1020-1024" };
	return SAY(g, "%s:%s", PICK(g->r, protos),
		   one_in(g->r, 4) ? PICK(g->r, few) : gen_port(g));
}

static const char *e_ip_port(struct gen *g, enum family f)
{
	return SAY(g, "%s,%s", e_ip(g, f), proto_port(g, f));
}

static const char *e_net_port(struct gen *g, enum family f)
{
	return SAY(g, "%s,%s", e_net(g, f), proto_port(g, f));
}

static const char *e_ip_port_ip(struct gen *g, enum family f)
{
	return SAY(g, "%s,%s,%s", e_ip(g, f), proto_port(g, f), e_ip(g, f));
}

static const char *e_ip_port_net(struct gen *g, enum family f)
{
	return SAY(g, "%s,%s,%s", e_ip(g, f), proto_port(g, f), e_net(g, f));
}

static const char *e_net_iface(struct gen *g, enum family f)
{
	static const char *const names[] = { "in0", "in1", "out0", "out1" };
	return SAY(g, "%s,%s", e_net(g, f), PICK(g->r, names));
}

static const struct set_kind set_kinds[] = {
	{ "ipset hash:ip", "hash:ip", "1", e_ip },
	{ "ipset hash:net", "hash:net", "1", e_net, .nomatch = true },
	{ "ipset hash:ip,port", "hash:ip,port", "11", e_ip_port },
	{ "ipset hash:net,port", "hash:net,port", "11", e_net_port, .nomatch = true },
	{ "ipset hash:ip,port,ip", "hash:ip,port,ip", "111", e_ip_port_ip },
	{ "ipset hash:ip,port,net", "hash:ip,port,net", "111", e_ip_port_net, .nomatch = true },
	{ "ipset hash:net,iface", "hash:net,iface", "11", e_net_iface },
	{ "ipset bitmap:port", "bitmap:port", "1", e_port, .no_family = true },
	{ "ipset bitmap:ip", "bitmap:ip", "1", e_ip },
};

enum { SET_KINDS = sizeof(set_kinds) / sizeof(*set_kinds) };

static const char *set_name(enum family f, unsigned kind)
{
	static char name[32];
	snprintf(name, sizeof(name), "%c%u", f == FAMILY_V4 ? 'x' : 'y', kind);
	return name;
}

static bool set_usable(struct gen *g, enum family f, unsigned kind)
{
	if (!strcmp(set_kinds[kind].type, "bitmap:ip") && f == FAMILY_V6)
		return false;
	return probe_has(g->have, set_kinds[kind].feature);
}

static void sets(struct gen *g, enum family f)
{
	for (unsigned i = 0; i < SET_KINDS; i++) {
		const struct set_kind *k = &set_kinds[i];
		if (!set_usable(g, f, i))
			continue;
		const char *how = k->no_family			  ? " range 0-65535"
				  : !strcmp(k->type, "bitmap:ip") ? " range 10.0.0.0-10.0.3.255"
				  : f == FAMILY_V6		  ? " family inet6"
								  : "";
		script_put(g->s, PART_IPSET, false, "create %s %s%s -exist", set_name(f, i),
			   k->type, how);
		unsigned n = 1 + below(g->r, 5);
		for (unsigned e = 0; e < n; e++)
			script_put(g->s, PART_IPSET, true, "add %s %s%s -exist", set_name(f, i),
				   k->element(g, f),
				   k->nomatch && one_in(g->r, 4) ? " nomatch" : "");
	}
	script_put(g->s, PART_IPSET, false, "create %c list:set -exist",
		   f == FAMILY_V4 ? 'l' : 'm');
	for (unsigned i = 0; i < 3; i++)
		if (i < 2 || set_usable(g, f, i))
			script_put(g->s, PART_IPSET, true, "add %c %s -exist",
				   f == FAMILY_V4 ? 'l' : 'm', set_name(f, i));
}

/* ---- matches ---- */

static bool is(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static const char *m_addr(struct ipt *t)
{
	struct gen *g = t->g;
	const char *side = one_in(g->r, 2) ? "-s" : "-d";
	if (one_in(g->r, 6))
		return SAY(g, "%s%s %s", yes_no(g), side, gen_masked(g, t->f, "/"));
	return SAY(g, "%s%s %s", yes_no(g), side, gen_addr(g, t->f, CONST_ADDR | CONST_PREFIX));
}

static const char *m_iface(struct ipt *t)
{
	static const char *const names[] = { "in0",  "in1", "in+", "out0", "o+",
					     "out1", "lo",  "+",   "in" };
	struct gen *g = t->g;
	bool in = one_in(g->r, 2);
	const char *no = in ? "OUTPUT POSTROUTING" : "INPUT PREROUTING";
	if (t->hook && strstr(no, t->hook))
		return NULL;
	const char *name = PICK(g->r, names);
	g->broad++;
	return SAY(g, "%s%s %s", *name != '+' && one_in(g->r, 4) ? "! " : "", in ? "-i" : "-o",
		   name);
}

static bool port_proto(const struct ipt *t)
{
	return t->proto && !t->not_proto &&
	       (is(t->proto, "tcp") || is(t->proto, "udp") || is(t->proto, "sctp") ||
		is(t->proto, "dccp") || is(t->proto, "udplite"));
}

/* The save programs lose a negation of all values ("! --sport 0:65535"). */
static const char *m_ports(struct ipt *t)
{
	struct gen *g = t->g;
	if (!port_proto(t) || is(t->proto, "udplite"))
		return NULL;
	const char *side = one_in(g->r, 2) ? "sport" : "dport", *v;
	switch (below(g->r, 6)) {
	case 0:
		v = SAY(g, "%s:", gen_port(g));
		break;
	case 1:
		v = SAY(g, ":%s", gen_port(g));
		break;
	default:
		v = gen_ports(g, ":");
	}
	bool all = is(v, "0:") || is(v, ":65535") || is(v, "0:65535");
	return SAY(g, "-m %s %s--%s %s", t->proto, all ? "" : yes_no(g), side, v);
}

static const char *one_ports(struct gen *g)
{
	return gen_ports(g, ":");
}

static const char *m_multiport(struct ipt *t)
{
	static const char *const which[] = { "sports", "dports", "ports" };
	struct gen *g = t->g;
	if (!port_proto(t))
		return NULL;
	return SAY(g, "-m multiport %s--%s %s", yes_no(g), PICK(g->r, which),
		   gen_list(g, 1 + below(g->r, 6), ",", one_ports));
}

static const char *flag_words(struct gen *g, unsigned set)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG" };
	struct text x = { 0 };
	for (unsigned i = 0; i < 6; i++)
		if (set >> i & 1)
			text_putf(&x, "%s%s", x.len ? "," : "", names[i]);
	const char *s = arena_str(g->s->arena, x.len ? x.s : "NONE");
	text_finish(&x);
	return s;
}

static const char *m_flags(struct ipt *t)
{
	struct gen *g = t->g;
	if (!is(t->proto, "tcp") || t->not_proto)
		return NULL;
	if (one_in(g->r, 3))
		return SAY(g, "-m tcp %s--syn", yes_no(g));
	unsigned mask = one_in(g->r, 6) ? 63 : below(g->r, 64), want = mask & below(g->r, 64);
	return SAY(g, "-m tcp %s--tcp-flags %s %s", mask ? yes_no(g) : "", flag_words(g, mask),
		   flag_words(g, want));
}

static const char *m_icmp(struct ipt *t)
{
	static const char *const four[] = { "8",
					    "0",
					    "3/1",
					    "3",
					    "any",
					    "11/0",
					    "5/3",
					    "echo-request",
					    "host-unreachable",
					    "4",
					    "255/2" };
	static const char *const six[] = { "128",	   "129", "1/4", "1",
					   "echo-request", "135", "3/0", "2" };
	static const uint8_t types[] = { 0, 3, 5, 8, 11, 128, 129, 1, 2, 4, 135 };
	struct gen *g = t->g;
	bool v4 = t->f == FAMILY_V4;
	if (!is(t->proto, v4 ? "icmp" : "ipv6-icmp") || t->not_proto)
		return NULL;
	for (size_t i = 0; i < sizeof(types); i++)
		*vec_add(&g->s->pool.type[t->f]) = types[i];
	for (unsigned i = 0; i < 6; i++)
		*vec_add(&g->s->pool.code) = (uint8_t)i;
	return v4 ? SAY(g, "-m icmp %s--icmp-type %s", yes_no(g), PICK(g->r, four))
		  : SAY(g, "-m icmp6 %s--icmpv6-type %s", yes_no(g), PICK(g->r, six));
}

static const char *m_frag(struct ipt *t)
{
	return t->f == FAMILY_V4 ? SAY(t->g, "%s-f", yes_no(t->g)) : NULL;
}

static const char *m_iprange(struct ipt *t)
{
	struct gen *g = t->g;
	const char *v = gen_addr(g, t->f, CONST_RANGE);
	return strchr(v, '-') ? SAY(g, "-m iprange %s--%s-range %s", yes_no(g),
				    one_in(g->r, 2) ? "src" : "dst", v)
			      : NULL;
}

static const char *m_set(struct ipt *t)
{
	struct gen *g = t->g;
	static const char *const all[] = { "src,src,src", "src,dst,dst", "dst,src,src",
					   "dst,dst,dst", "dst,dst,src", "src,dst,src" };
	if (!probe_has(g->have, "iptables set"))
		return NULL;
	unsigned k = below(g->r, SET_KINDS + 1);
	enum family f = one_in(g->r, 16) ? (t->f == FAMILY_V4 ? FAMILY_V6 : FAMILY_V4) : t->f;
	if (k == SET_KINDS)
		return SAY(g, "-m set %s--match-set %c %s", yes_no(g),
			   t->f == FAMILY_V4 ? 'l' : 'm', one_in(g->r, 2) ? "src" : "dst");
	if (!set_usable(g, f, k))
		return NULL;
	size_t n = strlen(set_kinds[k].dirs);
	return SAY(g, "-m set %s--match-set %s %.*s", yes_no(g), set_name(f, k),
		   (int)(4 * n - 1), PICK(g->r, all));
}

static const char *m_mark(struct ipt *t)
{
	static const char *const v[] = { "0x1", "0x0", "0x1/0x1", "0x2/0x3", "0x3", "0x0/0x2" };
	return SAY(t->g, "-m mark %s--mark %s", yes_no(t->g), PICK(t->g->r, v));
}

static const char *m_state(struct ipt *t)
{
	static const char *const v[] = {
		"NEW",	     "INVALID",		 "NEW,ESTABLISHED", "ESTABLISHED,RELATED",
		"UNTRACKED", "INVALID,UNTRACKED"
	};
	if (!t->g->s->tracked[t->f])
		return NULL;
	return one_in(t->g->r, 3)
		       ? SAY(t->g, "-m state %s--state %s", yes_no(t->g), PICK(t->g->r, v))
		       : SAY(t->g, "-m conntrack %s--ctstate %s", yes_no(t->g),
			     PICK(t->g->r, v));
}

/* Nobody can tell, or the reader only bounds it: the kernel must lie within. */
static const char *m_bound(struct ipt *t)
{
	static const char *const v[] = { "-m statistic --mode random --probability 0.5",
					 "-m length --length 0:60",
					 "-m dscp --dscp 0x00",
					 "-m addrtype --dst-type UNICAST",
					 "-m addrtype ! --src-type LOCAL",
					 "-m statistic --mode nth --every 2 --packet 0",
					 "-m u32 --u32 \"0>>28=4\"" };
	return PICK(t->g->r, v);
}

static const char *m_comment(struct ipt *t)
{
	return SAY(t->g, "-m comment --comment \"%s\"", one_in(t->g->r, 2) ? "a -j DROP" : "x");
}

typedef const char *(*match_maker)(struct ipt *);

static const char *one_match(struct ipt *t)
{
	static const match_maker all[] = { m_addr,	m_addr,	     m_addr,  m_ports,
					   m_ports,	m_ports,     m_iface, m_flags,
					   m_multiport, m_multiport, m_icmp,  m_icmp,
					   m_frag,	m_set,	     m_set,   m_iprange,
					   m_state,	m_flags };
	for (;;) {
		match_maker m = one_in(t->g->r, 40)   ? m_mark
				: one_in(t->g->r, 80) ? m_bound
				: one_in(t->g->r, 40) ? m_comment
						      : PICK(t->g->r, all);
		bool own = m == m_ports || m == m_flags;
		/* of two `-m tcp` iptables-nft lists one (1.8.9) */
		if (own && t->own && (t->part == PART_XNFT4 || t->part == PART_XNFT6))
			continue;
		const char *s = m(t);
		if (!s)
			continue;
		t->own |= own;
		return s;
	}
}

/* ---- rules ---- */

static const char *target(struct ipt *t, int i)
{
	static const char *const plain[] = { "-j ACCEPT", "-j DROP", "-j ACCEPT", "-j DROP",
					     "-j RETURN", "",	     "-j DROP" };
	static const char *const rejects[] = { "-j REJECT", "-j REJECT",
					       "-j REJECT --reject-with tcp-reset" };
	static const char *const marks[] = { "--set-mark 0x1", "--set-xmark 0x2/0x2",
					     "--or-mark 0x1", "--and-mark 0x1",
					     "--xor-mark 0x3" };
	struct gen *g = t->g;
	unsigned later = (unsigned)(CHAINS - 1 - i);
	unsigned k = below(g->r, 7 + 3 * later);
	bool nat = is(t->table, "nat");
	if (one_in(g->r, 24))
		return SAY(g, "-j MARK %s", PICK(g->r, marks));
	if (is(t->table, "filter") && one_in(g->r, 16))
		return rejects[below(g->r, is(t->proto, "tcp") && !t->not_proto ? 3 : 2)];
	if (is(t->table, "raw") && g->s->tracked[t->f] && one_in(g->r, 6))
		return one_in(g->r, 2) ? "-j CT --notrack" : "-j NOTRACK";
	if (k < 7)
		return nat && is(plain[k], "-j DROP") ? "-j ACCEPT" : plain[k];
	k -= 7;
	return SAY(g, "%s U%d", k < 2 * later ? "-j" : "-g", i + 1 + (int)(k % later));
}

static const char *const protos4[] = { "tcp",  "tcp",  "tcp",	  "udp", "udp", "icmp", "icmp",
				       "sctp", "dccp", "udplite", "gre", "esp", "20" };

static void rule(struct ipt *t, const char *chain, int i)
{
	static const uint8_t many[] = { 1, 1, 1, 2, 2, 3 };
	struct gen *g = t->g;
	struct text x = { 0 };
	unsigned n = one_in(g->r, 60) ? 0 : PICK(g->r, many);
	g->broad = 0;
	t->proto = NULL;
	if (!one_in(g->r, 4)) {
		t->proto = PICK(g->r, protos4);
		if (is(t->proto, "icmp") && t->f == FAMILY_V6)
			t->proto = "ipv6-icmp";
		if (is(t->proto, "20"))
			*vec_add(&g->s->pool.proto) = 20;
		t->not_proto = one_in(g->r, 6);
		text_putf(&x, " %s-p %s", t->not_proto ? "! " : "", t->proto);
	}
	t->own = false;
	for (unsigned k = 0; k < n || (n && k < 4 && k == g->broad); k++)
		text_putf(&x, " %s", one_match(t));
	script_put(g->s, t->part, true, "-A %s%s %s", chain, x.s ? x.s : "", target(t, i));
	text_finish(&x);
}

static void table(struct ipt *t, const char *name, const char *const *hooks)
{
	struct gen *g = t->g;
	static const char *const halves4[] = { "-p tcp", "-s 0.0.0.1/0.0.0.1", "-i in0",
					       "-d 0.0.0.2/0.0.0.2" };
	static const char *const halves6[] = { "-p tcp", "-s ::1/::1", "-i in0", "-d ::2/::2" };
	bool drop[5];
	t->table = name;
	script_put(g->s, t->part, false, "*%s", name);
	for (int i = 0; hooks[i]; i++) {
		bool forward = is(hooks[i], "FORWARD");
		drop[i] = !is(name, "nat") &&
			  one_in(g->r, forward && is(name, "filter") ? 2 : 12);
		script_put(g->s, t->part, false, ":%s %s [0:0]", hooks[i],
			   drop[i] ? "DROP" : "ACCEPT");
	}
	for (int i = 0; i < CHAINS; i++)
		script_put(g->s, t->part, false, ":U%d - [0:0]", i);
	/* what asks for tracking may be drawn or not: this rule always does */
	if (is(name, "filter") && g->s->tracked[t->f])
		script_put(g->s, t->part, false,
			   "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT");
	for (int h = 0; hooks[h]; h++) {
		bool forward = is(hooks[h], "FORWARD") || is(hooks[h], "PREROUTING") ||
			       is(hooks[h], "POSTROUTING");
		bool most = is(name, "filter") && is(hooks[h], "FORWARD");
		unsigned n = most      ? 2 + below(g->r, 7)
			     : forward ? below(g->r, 3)
				       : below(g->r, 3);
		t->hook = hooks[h];
		for (unsigned k = 0; k < n; k++)
			rule(t, hooks[h], -1);
		if ((drop[h] || most) && forward && !one_in(g->r, 5)) {
			const char *half =
				t->f == FAMILY_V4 ? PICK(g->r, halves4) : PICK(g->r, halves6);
			if (is(hooks[h], "POSTROUTING") && half[1] == 'i')
				half = "-p udp";
			script_put(g->s, t->part, true, "-A %s %s -j %s", hooks[h], half,
				   drop[h] ? "ACCEPT" : "DROP");
		}
	}
	t->hook = NULL;
	for (int i = 0; i < CHAINS; i++) {
		char chain[8];
		snprintf(chain, sizeof(chain), "U%d", i);
		unsigned n = 1 + below(g->r, 4);
		for (unsigned k = 0; k < n; k++)
			rule(t, chain, i);
	}
	script_put(g->s, t->part, false, "COMMIT");
}

static void family(struct gen *g, enum part part, enum family f)
{
	static const char *const raw[] = { "PREROUTING", "OUTPUT", NULL };
	static const char *const mangle[] = { "PREROUTING", "INPUT",	   "FORWARD",
					      "OUTPUT",	    "POSTROUTING", NULL };
	static const char *const nat[] = { "PREROUTING", "INPUT", "OUTPUT", "POSTROUTING",
					   NULL };
	static const char *const filter[] = { "INPUT", "FORWARD", "OUTPUT", NULL };
	struct ipt t = { .g = g, .part = part, .f = f };
	if (one_in(g->r, 4))
		table(&t, "raw", raw);
	if (one_in(g->r, 3))
		table(&t, "mangle", mangle);
	if (g->s->tracked[f] && one_in(g->r, 2))
		table(&t, "nat", nat);
	table(&t, "filter", filter);
	if (one_in(g->r, 6) && probe_has(g->have, "iptables security"))
		table(&t, "security", filter);
}

void gen_ipt(struct script *s, struct rng *r, const struct features *have)
{
	struct gen g = { .s = s, .r = r, .have = have };
	bool legacy = one_in(r, 2) && probe_has(have, "iptables-legacy");
	bool four = !one_in(r, 10), six = !four || !one_in(r, 5);
	bool tracked = one_in(r, 3);
	for (int f = 0; f < FAMILY_COUNT; f++) {
		s->tracked[f] = tracked;
		if (probe_has(have, "ipset"))
			sets(&g, (enum family)f);
	}
	for (int f = 0; f < FAMILY_COUNT; f++) {
		if (!(f == FAMILY_V4 ? four : six)) {
			s->tracked[f] = false;
			continue;
		}
		enum part part = legacy ? (f == FAMILY_V4 ? PART_LEGACY4 : PART_LEGACY6)
					: (f == FAMILY_V4 ? PART_XNFT4 : PART_XNFT6);
		family(&g, part, (enum family)f);
	}
	if (legacy && one_in(r, 6))
		gen_nft(s, r, have);
}
