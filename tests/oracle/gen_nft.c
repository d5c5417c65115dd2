/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rulesets of nft: tables of the families inet, ip and ip6 with base chains at all hooks, user
 * chains, named sets and maps. Each expression function writes one condition; those that the
 * family of the table can't hold are drawn again.
 */
#include <string.h>

#include "tests/oracle/gen.h"

static const char *addr4(struct gen *g)
{
	return gen_addr(g, FAMILY_V4, CONST_ANY);
}

static const char *addr6(struct gen *g)
{
	return gen_addr(g, FAMILY_V6, CONST_ANY);
}

static const char *one4(struct gen *g)
{
	return gen_addr(g, FAMILY_V4, CONST_ADDR);
}

static const char *one6(struct gen *g)
{
	return gen_addr(g, FAMILY_V6, CONST_ADDR);
}

static const char *ports(struct gen *g)
{
	return gen_ports(g, "-");
}

static const char *ne(struct gen *g)
{
	if (!one_in(g->r, 4))
		return "";
	g->broad++;
	return "!= ";
}

/* "{ a, b }" of at most n. */
static const char *set_of(struct gen *g, unsigned n, const char *(*make)(struct gen *))
{
	return SAY(g, "{ %s }", gen_list(g, 1 + below(g->r, n), ", ", make));
}

static const char *side(struct gen *g)
{
	return one_in(g->r, 2) ? "saddr" : "daddr";
}

static const char *port_side(struct gen *g)
{
	return one_in(g->r, 2) ? "sport" : "dport";
}

/* "tcp dport" and the like, NULL where the rule is of ICMP. */
static const char *port_of(struct gen *g, const char *dflt, const char *which)
{
	if (g->l4 && !strcmp(g->l4, "icmp"))
		return NULL;
	return SAY(g, "%s %s", g->l4 ? g->l4 : dflt, which);
}

static const char *const with_ports[] = {
	"tcp", "tcp", "udp", "udp", "sctp", "udplite", "dccp"
};
static const char *const protos[] = { "tcp", "udp",	"icmp", "ipv6-icmp", "sctp",
				      "gre", "udplite", "dccp", "esp" };

/* ---- conditions ---- */

static const char *m_addr4(struct gen *g)
{
	if (!g->f4)
		return NULL;
	switch (below(g->r, 6)) {
	case 0:
		return SAY(g, "ip %s %s%s", side(g), ne(g), set_of(g, 4, addr4));
	case 1:
		return SAY(g, "ip %s %s@s%u", side(g), ne(g), 1 + below(g->r, 2));
	default:
		return SAY(g, "ip %s %s%s", side(g), ne(g), addr4(g));
	}
}

static const char *m_addr6(struct gen *g)
{
	if (!g->f6)
		return NULL;
	switch (below(g->r, 6)) {
	case 0:
		return SAY(g, "ip6 %s %s%s", side(g), ne(g), set_of(g, 4, addr6));
	case 1:
		return SAY(g, "ip6 %s %s@s3", side(g), ne(g));
	default:
		return SAY(g, "ip6 %s %s%s", side(g), ne(g), addr6(g));
	}
}

static const char *m_masked(struct gen *g)
{
	enum family f = g->f4 && (!g->f6 || one_in(g->r, 2)) ? FAMILY_V4 : FAMILY_V6;
	char *text = arena_str(g->s->arena, gen_masked(g, f, " "));
	char *mask = strchr(text, ' ');
	*mask++ = 0;
	const char *ip = f == FAMILY_V4 ? "ip" : "ip6";
	switch (below(g->r, 3)) {
	case 0:
		return SAY(g, "%s %s & %s != %s", ip, side(g), mask, text);
	case 1:
		return SAY(g, "%s %s & %s { %s }", ip, side(g), mask, text);
	default:
		return SAY(g, "%s %s & %s == %s", ip, side(g), mask, text);
	}
}

static const char *m_ports(struct gen *g)
{
	static const char *const compare[] = { "<", ">", "<=", ">=" };
	const char *p = g->l4 ? g->l4 : PICK(g->r, with_ports);
	if (!strcmp(p, "icmp"))
		return NULL;
	switch (below(g->r, 6)) {
	case 0:
		return SAY(g, "%s %s %s%s", p, port_side(g), ne(g), set_of(g, 5, ports));
	case 1:
		return SAY(g, "%s %s %s %u", p, port_side(g), PICK(g->r, compare),
			   1 + below(g->r, 120));
	case 2:
		return SAY(g, "%s %s %s@s4", p, port_side(g), ne(g));
	default:
		return SAY(g, "%s %s %s%s", p, port_side(g), ne(g), ports(g));
	}
}

static const char *flag_list(struct gen *g, const char *sep)
{
	static const char *const flags[] = { "fin", "syn", "rst", "psh", "ack", "urg" };
	unsigned chosen = 1u << below(g->r, 6) | 1u << below(g->r, 6);
	struct text t = { 0 };
	for (unsigned i = 0; i < 6; i++)
		if (chosen >> i & 1)
			text_putf(&t, "%s%s", t.len ? sep : "", flags[i]);
	const char *s = arena_str(g->s->arena, t.s);
	text_finish(&t);
	return s;
}

static const char *m_flags(struct gen *g)
{
	static const char *const fixed[] = {
		"tcp flags & (fin|syn|rst|ack) == syn",
		"tcp flags & (fin|syn|rst|ack) == 0",
		"tcp flags & (fin|syn|rst|ack) == syn|ack",
		"tcp flags & (fin|syn|rst) != syn",
		"tcp flags & (fin|syn|rst) != 0",
		"tcp flags { syn, syn|ack, fin|ack }",
		"tcp flags & (syn|ack) != 0",
		"tcp flags & (fin|syn|ack) { syn, ack }",
		"tcp flags ^ syn == ack",
		"tcp flags | fin == (fin|syn)",
		"tcp flags != { syn, ack }",
		"tcp flags & (fin|syn|rst|psh|ack|urg|ecn|cwr) == syn|ecn|cwr",
	};
	if (g->l4 && strcmp(g->l4, "tcp"))
		return NULL;
	switch (below(g->r, 6)) {
	case 0:
		return SAY(g, "tcp flags %s", flag_list(g, ","));
	case 1:
		return SAY(g, "tcp flags == %s", flag_list(g, "|"));
	case 2:
		return SAY(g, "tcp flags != %s", flag_list(g, "|"));
	case 3:
		return SAY(g, "tcp flags ! %s", flag_list(g, ","));
	default:
		return PICK(g->r, fixed);
	}
}

static void note_types(struct gen *g, enum family f)
{
	static const uint8_t v[FAMILY_COUNT][6] = { { 0, 3, 8, 5, 4, 11 },
						    { 1, 3, 128, 129, 130, 2 } };
	for (unsigned i = 0; i < 6; i++)
		*vec_add(&g->s->pool.type[f]) = v[f][i];
	for (unsigned i = 0; i < 9; i++)
		*vec_add(&g->s->pool.code) = (uint8_t)i;
}

static const char *m_icmp(struct gen *g)
{
	static const char *const four[] = {
		"0", "3", "8", "{ 0, 3, 5-8 }", "1-4", "echo-request", "{ echo-reply, 11 }"
	};
	static const char *const six[] = { "1",		  "3",
					   "128",	  "{ 1, 3, 128-130 }",
					   "1-4",	  "nd-neighbor-solicit",
					   "{ 128, 129 }" };
	bool v4 = g->f4 && (!g->f6 || one_in(g->r, 2));
	if (g->l4 && strcmp(g->l4, "icmp"))
		return NULL;
	note_types(g, v4 ? FAMILY_V4 : FAMILY_V6);
	if (one_in(g->r, 3))
		return SAY(g, "%s code %s%u", v4 ? "icmp" : "icmpv6", ne(g), below(g->r, 5));
	return v4 ? SAY(g, "icmp type %s%s", ne(g), PICK(g->r, four))
		  : SAY(g, "icmpv6 type %s%s", ne(g), PICK(g->r, six));
}

/*
 * Conditions on the protocol and the family that contradict others of the same rule are never
 * written: nft takes the second for the first's own and lists the rule without it (measured
 * with 1.0.6: `ip6 daddr & ::1 != ::1 meta protocol ip ip6 daddr ::2`), so that what the
 * kernel has can't be read back.
 */
static const char *m_proto(struct gen *g)
{
	static const char *const lists[] = {
		"{ tcp, udp }", "{ icmp, gre, ipv6-icmp }", "0-20", "{ 6, 17-47 }", "6", "!= 58"
	};
	const char *p = PICK(g->r, protos), *not = ne(g);
	*vec_add(&g->s->pool.proto) = 20;
	if (g->l4) {
		bool icmp = !strcmp(g->l4, "icmp");
		/* listed alike, with the family and without: `icmpv6 code 1` and `meta l4proto
		 * ipv6-icmp icmpv6 code 1`, which takes IPv4 packets of protocol 58 as well */
		if (icmp && g->inet)
			return NULL;
		p = !icmp ? g->l4 : g->f4 ? "icmp" : "ipv6-icmp";
		not = "";
		if (one_in(g->r, 3))
			return SAY(g, "meta l4proto { %s, esp, 200 }", p);
		if (one_in(g->r, 3))
			return SAY(g, "meta l4proto != { %s, gre }", icmp ? "tcp" : "icmp");
	} else if (!g->alone) {
		return NULL;
	} else if (one_in(g->r, 2)) {
		return SAY(g, "meta l4proto %s", PICK(g->r, lists));
	}
	switch (below(g->r, 3)) {
	case 0:
		return g->f4 ? SAY(g, "ip protocol %s%s", not, p) : NULL;
	case 1:
		/* beside ports it is lost as well: `ip6 nexthdr tcp tcp dport 22`, which is not
		 * the same where an extension header stands between */
		return g->f6 ? SAY(g, "ip6 nexthdr %s%s",
				   g->alone ? not : "!= ", g->alone ? p : "gre")
			     : NULL;
	default:
		return SAY(g, "meta l4proto %s%s", not, p);
	}
}

static const char *m_family(struct gen *g)
{
	static const char *const four[] = { "meta nfproto ipv4", "ip version 4",
					    "meta protocol ip", "meta protocol { ip, ip6 }" };
	static const char *const six[] = { "meta nfproto ipv6", "meta protocol ip6",
					   "meta nfproto != ipv4" };
	/* in a table of one family it is lost even beside what agrees with it */
	if (!g->inet || (g->f4 && g->f6 && !g->alone))
		return NULL;
	g->broad++;
	return g->f4 && (!g->f6 || one_in(g->r, 2)) ? PICK(g->r, four) : PICK(g->r, six);
}

static const char *m_bits(struct gen *g)
{
	static const char *const v[] = { "& 7 == 5", "& 3 != 1", "^ 1 == 22", "| 1 == 23",
					 "& 0xff00 == 0" };
	const char *port = port_of(g, one_in(g->r, 2) ? "tcp" : "udp", port_side(g));
	static const char *const frag[] = { "ip frag-off & 0x1fff != 0",
					    "ip frag-off & 0x1fff == 0",
					    "ip frag-off & 0x3fff != 0" };
	switch (below(g->r, 4)) {
	case 0:
		return g->f4 ? PICK(g->r, frag) : NULL;
	case 1:
		return !g->alone ? NULL
				 : SAY(g, "meta l4proto { tcp, udp } th %s %s%s", port_side(g),
				       ne(g), ports(g));
	case 2:
		return SAY(g, "th %s %s%s", port_side(g), ne(g), ports(g));
	default:
		return port ? SAY(g, "%s %s", port, PICK(g->r, v)) : NULL;
	}
}

static const char *m_iface(struct gen *g)
{
	static const char *const v[] = { "\"in0\"",
					 "\"out0\"",
					 "\"in*\"",
					 "\"o*\"",
					 "\"out1\"",
					 "\"in1\"",
					 "\"lo\"",
					 "{ \"in0\", \"x\" }",
					 "{ \"lo\", \"in*\" }",
					 "{ \"out0\", \"in1\" }" };
	g->broad++;
	return SAY(g, "%s %s%s", one_in(g->r, 2) ? "iifname" : "oifname", ne(g), PICK(g->r, v));
}

static const char *m_concat(struct gen *g)
{
	const char *port = port_of(g, "tcp", port_side(g));
	const char *udp = port_of(g, "udp", port_side(g));
	switch (below(g->r, 9)) {
	case 0:
		return g->f4 && port
			       ? SAY(g, "ip %s . %s %s{ %s . %s, %s . %s }", side(g), port,
				     ne(g), one4(g), gen_port(g), one4(g), gen_port(g))
			       : NULL;
	case 1:
		return SAY(g, "meta l4proto . th dport %s{ tcp . %s, udp . %s }", ne(g),
			   gen_port(g), gen_port(g));
	case 2:
		return g->f4 ? SAY(g,
				   "ip saddr . ip daddr . meta l4proto { %s . %s . tcp, %s . "
				   "%s . "
				   "udp }",
				   gen_addr(g, FAMILY_V4, CONST_PREFIX), one4(g), one4(g),
				   gen_addr(g, FAMILY_V4, CONST_PREFIX))
			     : NULL;
	case 3:
		return g->f6 && udp ? SAY(g, "ip6 saddr . %s %s{ %s . %s }", udp, ne(g),
					  one6(g), gen_port(g))
				    : NULL;
	case 4:
		return g->f4 && udp ? SAY(g, "ip daddr . %s { %s . %s }", udp,
					  gen_addr(g, FAMILY_V4, CONST_PREFIX), ports(g))
				    : NULL;
	case 5:
		note_types(g, FAMILY_V4);
		return g->f4 && (!g->l4 || !strcmp(g->l4, "icmp"))
			       ? SAY(g, "icmp type . ip saddr { 8 . %s, 0 . %s }", one4(g),
				     one4(g))
			       : NULL;
	case 6:
		return g->f4 && port ? SAY(g, "ip saddr . %s %s@s5", port, ne(g)) : NULL;
	case 7:
		return g->f4 ? SAY(g, "ip daddr . meta l4proto . th dport %s@s6", ne(g)) : NULL;
	default:
		return port ? SAY(g, "iifname . %s { \"in0\" . %s, \"in1\" . %s }", port,
				  gen_port(g), gen_port(g))
			    : NULL;
	}
}

static const char *m_mark(struct gen *g)
{
	static const char *const v[] = { "meta mark 1", "meta mark != 1", "meta mark & 2 == 2",
					 "meta mark 0", "meta mark { 1, 3 }" };
	return PICK(g->r, v);
}

/* Nobody can tell: the answer is a bound, and the kernel must lie within. */
static const char *m_random(struct gen *g)
{
	return SAY(g, "numgen random mod 2 %u", below(g->r, 2));
}

typedef const char *(*condition)(struct gen *);

static const char *one_condition(struct gen *g)
{
	static const condition common[] = { m_addr4,  m_addr4,	m_addr4, m_addr6, m_addr6,
					    m_ports,  m_ports,	m_ports, m_flags, m_icmp,
					    m_proto,  m_family, m_bits,	 m_iface, m_iface,
					    m_masked, m_concat, m_concat };
	for (;;) {
		condition c = one_in(g->r, 60)	 ? m_mark
			      : one_in(g->r, 80) ? m_random
						 : PICK(g->r, common);
		const char *s = c(g);
		if (s)
			return s;
	}
}

/* ---- verdicts ---- */

enum { CHAINS = 4 };

/* Of chain i (-1: a base chain) of those called pre0, pre1, ...; a chain calls later ones. */
static const char *verdict(struct gen *g, int i, const char *pre)
{
	static const char *const plain[] = { "accept", "drop",	 "accept",
					     "drop",   "return", "continue" };
	unsigned later = (unsigned)(CHAINS - 1 - i);
	unsigned k = below(g->r, 6 + 3 * later);
	if (k < 6)
		return plain[k];
	k -= 6;
	return SAY(g, "%s %s%d", k < 2 * later ? "jump" : "goto", pre,
		   i + 1 + (int)(k % later));
}

static const char *vmap(struct gen *g, int i, const char *pre)
{
#define V verdict(g, i, pre)
	static const uint16_t keys[] = { 0, 1, 5, 22, 23, 53, 80, 81 };
	unsigned at = below(g->r, 5);
	const char *other = one_in(g->r, 2) ? SAY(g, ", * : %s", V) : "";
	const char *tcp = port_of(g, "tcp", port_side(g)),
		   *udp = port_of(g, "udp", port_side(g));
	switch (below(g->r, 8)) {
	case 0:
		for (unsigned k = 0; k < 8; k++)
			pool_port(&g->s->pool, keys[k]);
		return tcp ? SAY(g, "%s vmap { %u : %s, %u : %s, %u : %s }", tcp, keys[at], V,
				 keys[at + 1], V, keys[at + 3], V)
			   : NULL;
	case 1:
		return g->f4 ? SAY(g, "ip saddr vmap { 10.0.0.0/24 : %s, 10.0.1.5 : %s%s }", V,
				   V, other)
			     : NULL;
	case 2:
		return SAY(g, "meta l4proto vmap { tcp : %s, udp : %s, icmp : %s }", V, V, V);
	case 3:
		return g->f4 && udp ? SAY(g,
					  "ip daddr . %s vmap { 10.0.0.5 . 53 : %s, 10.0.1.5 . "
					  "22 : %s%s }",
					  udp, V, V, other)
				    : NULL;
	case 4:
		return udp ? SAY(g, "%s vmap { 1-22 : %s, 80-100 : %s%s }", udp, V, V, other)
			   : NULL;
	case 5:
		return SAY(g, "iifname vmap { \"in0\" : %s, \"in1\" : %s }", V, V);
	case 6:
		return g->f6 ? SAY(g, "ip6 daddr vmap { fd00::/112 : %s, fd00::1:5 : %s%s }", V,
				   V, other)
			     : NULL;
	default:
		note_types(g, FAMILY_V4);
		return g->f4 && (!g->l4 || !strcmp(g->l4, "icmp"))
			       ? SAY(g, "icmp type vmap { 8 : %s, 3-5 : %s%s }", V, V, other)
			       : NULL;
	}
#undef V
}

static const char *rule(struct gen *g, int i, const char *pre, const char *hook)
{
	static const char *const rejects[] = { "reject", "reject with tcp reset",
					       "meta l4proto tcp reject",
					       "meta nfproto ipv4 reject" };
	static const uint8_t many[] = { 1, 1, 1, 1, 1, 2, 2, 3 };
	struct text t = { 0 };
	unsigned n = one_in(g->r, 100) ? 0 : PICK(g->r, many);
	unsigned kind = below(g->r, 20);
	bool f4 = g->f4, f6 = g->f6;
	if (one_in(g->r, 16)) {
		n = n ? 1 : 0;
		kind = 5 + kind % 15;
		g->alone = true;
	} else {
		bool four = f4 && (!f6 || one_in(g->r, 2));
		g->f4 = four, g->f6 = !four;
		g->l4 = one_in(g->r, 4) ? "icmp" : PICK(g->r, with_ports);
	}
	/* conditions that nearly every packet meets are never alone: else nothing is left to
	 * tell rules behind apart */
	g->broad = 0;
	for (unsigned k = 0; k < n || (!g->alone && k < 4 && k == g->broad); k++)
		text_putf(&t, "%s ", one_condition(g));
	const char *end = NULL;
	while (kind < 4 && !end)
		end = vmap(g, i, pre);
	const char *port = port_of(g, "udp", "dport");
	if (!end && kind == 4 && port)
		end = SAY(g, "%s vmap @v%s%d", port, pre, i + 1);
	if (!end && kind == 5)
		end = "counter";
	/* the conditions that many marks make take the interpreter too long */
	if (!end && kind == 6 && one_in(g->r, 3) && g->marks++ < 3)
		end = SAY(g, "meta mark set %u", below(g->r, 4));
	if (!end)
		end = verdict(g, i, pre);
	for (int tries = 0; g->alone && g->broad && tries < 4 && strchr("ad", *end); tries++)
		end = verdict(g, i, pre);
	bool may_reject = hook && strcmp(hook, "prerouting") && strcmp(hook, "postrouting");
	if (may_reject && !strcmp(end, "drop") && one_in(g->r, 12))
		end = g->alone || !g->l4	 ? "reject"
		      : !strcmp(g->l4, "tcp")	 ? rejects[below(g->r, g->f4 ? 4 : 3)]
		      : g->f4 && one_in(g->r, 2) ? rejects[3]
						 : rejects[0];
	text_put(&t, end);
	g->f4 = f4, g->f6 = f6, g->l4 = NULL, g->alone = false;
	const char *s = arena_str(g->s->arena, t.s);
	text_finish(&t);
	return s;
}

/* ---- tables ---- */

#define PUT(g, free, ...) script_put((g)->s, PART_NFT, free, __VA_ARGS__)

static void set(struct gen *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void set(struct gen *g, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	script_begin(g->s);
	PUT(g, false, "%s", arena_vprintf(g->s->arena, fmt, ap));
	script_end(g->s);
	va_end(ap);
}

static void sets(struct gen *g)
{
	if (g->f4) {
		set(g, "set s1 { type ipv4_addr; flags interval; auto-merge; elements = %s\n}",
		    set_of(g, 5, addr4));
		set(g, "set s2 { type ipv4_addr; elements = %s\n}", set_of(g, 5, one4));
		set(g,
		    "set s5 { type ipv4_addr . inet_service; elements = { %s . %s, %s . %s "
		    "}\n}",
		    one4(g), gen_port(g), one4(g), gen_port(g));
		set(g,
		    "set s6 { type ipv4_addr . inet_proto . inet_service; flags interval; "
		    "elements = { %s . tcp . %s, %s . udp . %s }\n}",
		    addr4(g), ports(g), addr4(g), ports(g));
	}
	if (g->f6)
		set(g, "set s3 { type ipv6_addr; flags interval; auto-merge; elements = %s\n}",
		    set_of(g, 5, addr6));
	set(g, "set s4 { type inet_service; flags interval; auto-merge; elements = %s\n}",
	    set_of(g, 6, ports));
}

/* A base chain with the chains that it may call. */
static void hook(struct gen *g, const char *name, const char *at, unsigned rules)
{
	/* what the rules leave over is not all one */
	static const char *const halves[] = { "tcp dport & 1 == 1",
					      "meta l4proto { tcp, icmp, ipv6-icmp }",
					      "ip saddr & 0.0.0.1 == 0.0.0.1",
					      "ip6 daddr & ::1 == ::1" };
	for (int i = CHAINS - 1; i >= -1; i--) {
		script_begin(g->s);
		PUT(g, false,
		    "map v%s%d { type inet_service : verdict; flags interval; elements = "
		    "{ %s : %s, 30-52 : %s }\n}",
		    name, i + 1, one_in(g->r, 2) ? "53-80" : "22", verdict(g, i, name),
		    verdict(g, i, name));
		script_begin(g->s);
		bool drop = one_in(g->r, *name == 'f' ? 2 : 6);
		if (i < 0)
			PUT(g, false, "chain %s { type filter hook %s priority %d; policy %s;",
			    name, at, (int)below(g->r, 10) - 5, drop ? "drop" : "accept");
		else
			PUT(g, false, "chain %s%d {", name, i);
		unsigned n = i < 0 ? rules : 1 + below(g->r, 4);
		for (unsigned k = 0; k < n; k++)
			PUT(g, true, "%s", rule(g, i, name, at));
		if (i < 0 && !one_in(g->r, 4))
			PUT(g, true, "%s %s", halves[below(g->r, g->inet ? 4 : 2)],
			    drop ? "accept" : "drop");
		PUT(g, false, "}");
		script_end(g->s);
	}
}

static void table(struct gen *g, const char *family, const char *name)
{
	struct rng *r = g->r;
	g->f4 = strcmp(family, "ip6") != 0;
	g->f6 = strcmp(family, "ip") != 0;
	g->inet = g->f4 && g->f6;
	PUT(g, false, "table %s %s {", family, name);
	sets(g);
	hook(g, "f", "forward", 2 + below(r, 7));
	if (one_in(r, 4))
		hook(g, "g", "forward", 1 + below(r, 3));
	if (one_in(r, 4))
		hook(g, "p", "prerouting", 1 + below(r, 4));
	if (one_in(r, 4))
		hook(g, "o", "postrouting", 1 + below(r, 4));
	if (one_in(r, 3))
		hook(g, "i", "input", 1 + below(r, 4));
	if (one_in(r, 3))
		hook(g, "u", "output", 1 + below(r, 4));
	PUT(g, false, "}");
}

void gen_nft(struct script *s, struct rng *r, const struct features *have)
{
	struct gen g = { .s = s, .r = r, .have = have };
	unsigned kind = below(r, 10);
	table(&g, kind < 8 ? "inet" : kind == 8 ? "ip" : "ip6", "a");
	if (one_in(r, 4))
		table(&g, "ip", "b");
	if (one_in(r, 4))
		table(&g, "ip6", "d");
	if (one_in(r, 10))
		table(&g, "inet", "e");
}
