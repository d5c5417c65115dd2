/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "model/match.h"

static struct arena *arena;
static struct matches m;

static void setup(void)
{
	arena = arena_create();
	matches_init(&m, arena);
}

static void teardown(void)
{
	matches_finish(&m);
	arena_destroy(arena);
}

TestSuite(match, .init = setup, .fini = teardown);

static struct packet packet(const char *line)
{
	struct packet p;
	const char *why = "";
	cr_assert(packet_parse(arena, line, strlen(line), &p, &why), "%s: %s", line, why);
	return p;
}

static enum truth judge(const struct match *x, const char *line)
{
	struct packet p = packet(line);
	return match_judge(x, &p);
}

static const struct match *prefix(enum field f, const char *s)
{
	enum family fam;
	struct addr a;
	unsigned len;
	bool host_bits;
	cr_assert(prefix_parse(s, strlen(s), &fam, &a, &len, &host_bits));
	return match_prefix(&m, f, fam, a, len);
}

Test(match, equal_nodes_are_one)
{
	cr_assert_eq(prefix(FIELD_SRC, "10.0.0.0/8"), prefix(FIELD_SRC, "10.0.0.0/8"));
	cr_assert_neq(prefix(FIELD_SRC, "10.0.0.0/8"), prefix(FIELD_DST, "10.0.0.0/8"));
	const struct match *a = match_value(&m, FIELD_PROTO, 6);
	const struct match *b = match_value(&m, FIELD_DPORT, 80);
	cr_assert_eq(match_and(&m, a, b), match_and(&m, a, b));
	cr_assert_eq(match_and(&m, a, match_all(&m)), a);
	cr_assert_eq(match_and(&m, a, match_none(&m)), match_none(&m));
	cr_assert_eq(match_or(&m, a, match_none(&m)), a);
	cr_assert_eq(match_not(&m, match_not(&m, a)), a);
	cr_assert_eq(match_range(&m, FIELD_PROTO, 0, 255), match_all(&m));
	cr_assert_eq(match_range(&m, FIELD_DPORT, 9, 8), match_none(&m));
}

Test(match, either_joins_leaves)
{
	const struct match *x = match_or(&m, match_value(&m, FIELD_DPORT, 80),
					 match_value(&m, FIELD_DPORT, 81));
	cr_assert_eq(x, match_range(&m, FIELD_DPORT, 80, 81));
	struct range inner[] = { { 10, 100 }, { 20, 30 } };
	cr_assert_eq(match_ranges(&m, FIELD_DPORT, inner, 2), match_range(&m, FIELD_DPORT, 10, 100));
	const struct match *v[] = { prefix(FIELD_SRC, "10.0.0.0/9"), match_value(&m, FIELD_PROTO, 6),
				    prefix(FIELD_SRC, "10.128.0.0/9"), match_value(&m, FIELD_PROTO, 17) };
	const struct match *y = match_or_n(&m, v, 4);
	cr_assert_eq(y->n, 2);
	cr_assert_eq(judge(y, "udp 1.1.1.1 1 2.2.2.2 2"), TRUTH_TRUE);
	cr_assert_eq(judge(y, "ip:50 10.200.1.1 0 2.2.2.2 0"), TRUTH_TRUE);
	cr_assert_eq(judge(y, "ip:50 11.0.0.1 0 2.2.2.2 0"), TRUTH_FALSE);
}

Test(match, fields_that_do_not_exist_are_false)
{
	const struct match *port = match_range(&m, FIELD_DPORT, 0, 65535);
	cr_assert_eq(judge(port, "ip:50 10.0.0.1 0 2.2.2.2 0"), TRUTH_FALSE);
	cr_assert_eq(judge(port, "tcp 10.0.0.1 1 2.2.2.2 0"), TRUTH_TRUE);
	cr_assert_eq(judge(port, "tcp 10.0.0.1 1 2.2.2.2 0 frag=1"), TRUTH_FALSE);
	cr_assert_eq(judge(match_not(&m, port), "ip:50 10.0.0.1 0 2.2.2.2 0"), TRUTH_TRUE);
	const struct match *type = match_value(&m, FIELD_ICMP_TYPE, 8);
	cr_assert_eq(judge(type, "icmp 10.0.0.1 8 2.2.2.2 0"), TRUTH_TRUE);
	cr_assert_eq(judge(type, "icmpv6 2001:db8::1 8 2001:db8::2 0"), TRUTH_TRUE);
	cr_assert_eq(judge(type, "ip:1 2001:db8::1 0 2001:db8::2 0"), TRUTH_FALSE);
	cr_assert_eq(judge(match_flags(&m, 0, 0), "udp 1.1.1.1 1 2.2.2.2 2"), TRUTH_FALSE);
	cr_assert_eq(judge(port, "sctp 10.0.0.1 1 2.2.2.2 5"), TRUTH_TRUE);
	cr_assert_eq(judge(port, "dccp 10.0.0.1 1 2.2.2.2 5"), TRUTH_TRUE);
	cr_assert_eq(judge(port, "udplite 10.0.0.1 1 2.2.2.2 5"), TRUTH_TRUE);
	/* an IPv6 address whose number is that of an IPv4 one */
	cr_assert_eq(judge(prefix(FIELD_SRC, "0.0.0.0/0"), "udp ::1.2.3.4 1 ::2 2"), TRUTH_FALSE);
	cr_assert_eq(judge(prefix(FIELD_SRC, "0.0.0.0/0"), "udp 2001:db8::1 1 2001:db8::2 2"),
		     TRUTH_FALSE);
}

Test(match, unknown_is_neither)
{
	const struct match *u = match_unknown(&m, LOC_NONE, "time-range %s", "WORK");
	const struct match *tcp = match_value(&m, FIELD_PROTO, 6);
	const struct match *both = match_and(&m, tcp, u);
	cr_assert_eq(judge(match_not(&m, u), "tcp 1.1.1.1 1 2.2.2.2 2"), TRUTH_UNKNOWN);
	cr_assert(both->inexact);
	cr_assert_eq(judge(both, "tcp 1.1.1.1 1 2.2.2.2 2"), TRUTH_UNKNOWN);
	cr_assert_eq(judge(both, "udp 1.1.1.1 1 2.2.2.2 2"), TRUTH_FALSE);
	cr_assert_eq(judge(match_or(&m, tcp, u), "tcp 1.1.1.1 1 2.2.2.2 2"), TRUTH_TRUE);
	cr_assert_eq(judge(match_not(&m, both), "tcp 1.1.1.1 1 2.2.2.2 2"), TRUTH_UNKNOWN);
	cr_assert_eq(judge(match_not(&m, both), "udp 1.1.1.1 1 2.2.2.2 2"), TRUTH_TRUE);
	cr_assert_str_eq(match_first_unknown(match_not(&m, both))->unknown.reason, "time-range WORK");
}

Test(match, wildcards_are_exact)
{
	struct addr value = { 0, 0x800c0001 }, mask = { 0, 0xffff00ff };
	const struct match *w = match_wild(&m, FIELD_SRC, FAMILY_V4, value, mask);
	cr_assert_eq(w->kind, MATCH_WILD);
	cr_assert_eq(judge(w, "udp 128.12.77.1 1 2.2.2.2 2"), TRUTH_TRUE);
	cr_assert_eq(judge(w, "udp 128.12.77.2 1 2.2.2.2 2"), TRUTH_FALSE);
	cr_assert_eq(judge(w, "udp ::128.12.77.1 1 ::2 2"), TRUTH_FALSE);
	mask.lo = 0xffffff00;
	cr_assert_eq(match_wild(&m, FIELD_SRC, FAMILY_V4, value, mask),
		     prefix(FIELD_SRC, "128.12.0.0/24"));
}

Test(match, interfaces_are_place)
{
	const struct match *w = match_iface(&m, FIELD_IIF, "eth", true);
	cr_assert_eq(judge(w, "udp 1.1.1.1 1 2.2.2.2 2"), TRUTH_UNKNOWN);
	cr_assert_eq(judge(w, "udp 1.1.1.1 1 2.2.2.2 2 iif=eth0"), TRUTH_TRUE);
	cr_assert_eq(judge(w, "udp 1.1.1.1 1 2.2.2.2 2 iif=wlan0"), TRUTH_FALSE);
	cr_assert_eq(judge(match_iface(&m, FIELD_OIF, "eth0", false),
			   "udp 1.1.1.1 1 2.2.2.2 2 oif=eth01"), TRUTH_FALSE);
}

Test(match, swap_exchanges_the_ends)
{
	const struct match *v[] = { prefix(FIELD_SRC, "10.0.0.0/8"),
				    match_not(&m, match_value(&m, FIELD_DPORT, 22)),
				    match_iface(&m, FIELD_IIF, "a", false) };
	const struct match *x = match_and_n(&m, v, 3), *y = match_swap(&m, x);
	cr_assert_eq(judge(x, "tcp 10.0.0.1 1 2.2.2.2 80 iif=a oif=b"), TRUTH_TRUE);
	cr_assert_eq(judge(y, "tcp 2.2.2.2 80 10.0.0.1 1 iif=b oif=a"), TRUTH_TRUE);
	cr_assert_eq(judge(y, "tcp 2.2.2.2 22 10.0.0.1 1 iif=b oif=a"), TRUTH_FALSE);
	cr_assert_eq(match_swap(&m, y), x);
}

Test(match, spans)
{
	struct span v[] = { { { 0, 10 }, { 0, 20 } }, { { 0, 21 }, { 0, 30 } }, { { 0, 5 }, { 0, 7 } },
			    { { 0, 100 }, { 0, 0xffffffff } }, { { 0, 200 }, { 0, 300 } } };
	size_t n = spans_normalise(v, 5);
	cr_assert_eq(n, 3);
	cr_assert_eq(v[1].lo.lo, 10);
	cr_assert_eq(v[1].hi.lo, 30);
	struct span y[] = { { { 0, 12 }, { 0, 13 } }, { { 0, 30 }, { 0, 400 } } };
	size_t left;
	struct span *out = spans_minus(arena, v, n, y, 2, &left);
	cr_assert_eq(left, 4);
	cr_assert_eq(out[1].hi.lo, 11);
	cr_assert_eq(out[2].lo.lo, 14);
	cr_assert_eq(out[3].lo.lo, 401);
}

static const struct {
	const char *in, *out;
} lines[] = {
	{ "tcp 10.0.0.1 40000 10.0.0.2 443", "tcp 10.0.0.1 40000 10.0.0.2 443 flags=S state=new" },
	{ "tcp 10.0.0.1 4 10.0.0.2 44 flags=- iif=eth0 oif=e1",
	  "tcp 10.0.0.1 4 10.0.0.2 44 flags=- state=new iif=eth0 oif=e1" },
	{ "icmpv6 2001:db8::1 128 2001:DB8:0::2 0 state=related",
	  "icmpv6 2001:db8::1 128 2001:db8::2 0 state=related" },
	{ "ip:47 1.1.1.1 0 2.2.2.2 0", "ip:47 1.1.1.1 0 2.2.2.2 0 state=new" },
	{ "ip:6 1.1.1.1 5 2.2.2.2 6", "tcp 1.1.1.1 5 2.2.2.2 6 flags=S state=new" },
	{ "gre 1.1.1.1 0 2.2.2.2 0", NULL },
	{ "tcp 1.1.1.1 1 2.2.2.2", NULL },
	{ "tcp 1.1.1.1 1 2001::1 1", NULL },
	{ "tcp 1.1.1.01 1 2.2.2.2 1", NULL },
	{ "tcp 1.1.1.1 70000 2.2.2.2 1", NULL },
	{ "tcp 1.1.1.1 1 2.2.2.2 1 state=old", NULL },
	{ "udp 1.1.1.1 1 2.2.2.2 1 flags=S", NULL },
	{ "tcp 1.1.1.1 1 2.2.2.2 1 colour=red", NULL },
	{ "icmp 1.1.1.1 256 2.2.2.2 0", NULL },
	{ "ip:47 1.1.1.1 1 2.2.2.2 0", NULL },
	{ "ip:256 1.1.1.1 0 2.2.2.2 0", NULL },
	{ "", NULL },
};

Test(match, packet_lines)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct packet p;
		const char *why = NULL;
		bool ok = packet_parse(arena, lines[i].in, strlen(lines[i].in), &p, &why);
		cr_assert_eq(ok, lines[i].out != NULL, "%s", lines[i].in);
		if (!ok) {
			cr_assert_not_null(why);
			continue;
		}
		struct text t = { 0 };
		packet_print(&t, &p);
		cr_assert_str_eq(t.s, lines[i].out);
		text_finish(&t);
	}
}

/*
 * Conditions that share what they ask of: a tree of more nodes than anybody could walk. Each
 * level says "if this port, then what is below, else the same but for one more".
 */
Test(match, shared_nodes_are_judged_once)
{
	const struct match *yes = match_value(&m, FIELD_DPORT, 7);
	const struct match *no = match_not(&m, yes);
	for (unsigned i = 0; i < 60; i++) {
		const struct match *is = match_value(&m, FIELD_SPORT, i);
		const struct match *then = match_or(&m, match_and(&m, is, no),
						    match_and(&m, match_not(&m, is), yes));
		no = match_or(&m, match_and(&m, is, yes),
			      match_and(&m, match_not(&m, is), no));
		yes = then;
	}
	cr_assert_eq(yes->weight, UINT32_MAX);
	/* port 5 turns the answer round once, ports above 59 never */
	struct packet p = { .proto = PROTO_TCP, .sport = 5, .dport = 7 };
	cr_assert_eq(match_judge(yes, &p), TRUTH_FALSE);
	cr_assert_eq(match_judge(no, &p), TRUTH_TRUE);
	p.sport = 60;
	cr_assert_eq(match_judge(yes, &p), TRUTH_TRUE);
	struct text t = { 0 };
	match_print(&t, yes);
	cr_assert(t.len < 1000);
	text_finish(&t);
}
