/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "model/decide.h"
#include "model/pset.h"

static struct pset_space *sp;
static struct arena *arena;
static struct matches m;

static void start(void)
{
	sp = pset_space_create(FAMILY_V4, 0);
	arena = arena_create();
	matches_init(&m, arena);
}

static void finish(void)
{
	pset_space_destroy(sp);
	matches_finish(&m);
	arena_destroy(arena);
}

TestSuite(pset, .init = start, .fini = finish);

static struct packet packet(const char *line)
{
	const char *why = NULL;
	struct packet p;

	cr_assert(packet_parse(arena, line, strlen(line), &p, &why), "%s: %s", line, why);
	return p;
}

static struct span net(const char *text)
{
	enum family f;
	struct addr a;
	unsigned len;
	bool host_bits;

	cr_assert(prefix_parse(text, strlen(text), &f, &a, &len, &host_bits));
	return span_prefix(f, a, len);
}

static struct pset from(enum field field, const char *text)
{
	struct span s = net(text);

	return pset_spans(sp, field, &s, 1);
}

static struct pset value(enum field field, unsigned x)
{
	struct range r = { (uint16_t)x, (uint16_t)x };

	return pset_ranges(sp, field, &r, 1);
}

static bool has(struct pset s, const char *line)
{
	struct packet p = packet(line);

	return pset_has(sp, s, &p);
}

/* A condition on a port asks for a packet that has ports, and its complement does not. */
Test(pset, fields_exist)
{
	struct pset web = value(FIELD_DPORT, 80), none = pset_not(sp, web);

	cr_expect(has(web, "tcp 10.0.0.1 1 10.0.0.2 80"));
	cr_expect(has(web, "sctp 10.0.0.1 1 10.0.0.2 80"));
	cr_expect(!has(web, "tcp 10.0.0.1 1 10.0.0.2 81"));
	cr_expect(!has(web, "tcp 10.0.0.1 0 10.0.0.2 0 frag=1"));
	cr_expect(!has(web, "ip:50 10.0.0.1 0 10.0.0.2 0"));
	cr_expect(has(none, "tcp 10.0.0.1 0 10.0.0.2 0 frag=1"));
	cr_expect(has(none, "ip:50 10.0.0.1 0 10.0.0.2 0"));
	cr_expect(has(none, "icmp 10.0.0.1 0 10.0.0.2 80"));
}

Test(pset, icmp_has_type_and_code)
{
	struct pset echo = value(FIELD_ICMP_TYPE, 8), code = value(FIELD_ICMP_CODE, 1);

	cr_expect(has(echo, "icmp 10.0.0.1 8 10.0.0.2 0"));
	cr_expect(!has(echo, "icmp 10.0.0.1 0 10.0.0.2 0"));
	cr_expect(!has(echo, "tcp 10.0.0.1 1 10.0.0.2 2048"));
	cr_expect(has(code, "icmp 10.0.0.1 3 10.0.0.2 1"));
	cr_expect(!has(pset_and(sp, echo, value(FIELD_DPORT, 2048)),
		       "icmp 10.0.0.1 8 10.0.0.2 0"));
	cr_expect(pset_is_empty(pset_and(sp, echo, value(FIELD_DPORT, 2048))));
	/* ICMPv6 has no type among IPv4 packets */
	cr_expect(pset_is_empty(pset_and(sp, echo, value(FIELD_PROTO, PROTO_ICMPV6))));
}

Test(pset, equal_sets_are_one_value)
{
	struct pset low = from(FIELD_DST, "10.0.0.0/9"), high = from(FIELD_DST, "10.128.0.0/9");

	cr_expect(pset_equal(pset_or(sp, low, high), from(FIELD_DST, "10.0.0.0/8")));
	cr_expect(pset_equal(pset_minus(sp, from(FIELD_DST, "10.0.0.0/8"), low), high));
	cr_expect(pset_equal(pset_or(sp, low, pset_not(sp, low)), pset_all(sp)));
	cr_expect(!pset_equal(low, high));
	cr_expect(pset_disjoint(sp, low, high));
}

Test(pset, wildcard_is_exact)
{
	struct addr v = { 0, 0x0a000001 }, mask = { 0, 0xff0000ff };
	struct pset s = pset_wild(sp, FIELD_DST, v, mask);

	cr_expect(has(s, "udp 1.1.1.1 1 10.7.9.1 1"));
	cr_expect(!has(s, "udp 1.1.1.1 1 10.7.9.2 1"));
	cr_expect(!has(s, "udp 1.1.1.1 1 11.7.9.1 1"));
	cr_expect_eq(pset_count(sp, s) * 65536, pset_count(sp, pset_all(sp)));
}

/* A condition nobody knows: lo is empty, hi is the rest; NOT exchanges them. */
Test(pset, unknown_has_two_bounds)
{
	struct span s = net("10.0.0.0/8");
	const struct match *a = match_spans(&m, FIELD_DST, FAMILY_V4, &s, 1);
	const struct match *u = match_and(&m, a, match_unknown(&m, LOC_NONE, "a clock"));

	cr_expect(pset_is_empty(pset_lo(sp, u, NULL)));
	cr_expect(pset_equal(pset_hi(sp, u, NULL), from(FIELD_DST, "10.0.0.0/8")));
	cr_expect(pset_equal(pset_lo(sp, match_not(&m, u), NULL),
			     pset_not(sp, from(FIELD_DST, "10.0.0.0/8"))));
	cr_expect(pset_equal(pset_hi(sp, match_not(&m, u), NULL), pset_all(sp)));
}

Test(pset, interface_is_place)
{
	const struct match *in = match_iface(&m, FIELD_IIF, "eth", true);
	struct pset_assume eth0 = { .iif = "eth0", .state = -1, .fragment = -1 };
	struct pset_assume lan = { .iif = "lan", .state = -1, .fragment = -1 };

	cr_expect(pset_equal(pset_lo(sp, in, &eth0), pset_all(sp)));
	cr_expect(pset_is_empty(pset_hi(sp, in, &lan)));
	cr_expect(pset_is_empty(pset_lo(sp, in, NULL)));
	cr_expect(pset_equal(pset_hi(sp, in, NULL), pset_all(sp)));
}

Test(pset, first_packets)
{
	struct pset_assume first = { .first = true };
	struct pset u = pset_universe(sp, &first);
	const struct match *est = match_value(&m, FIELD_STATE, STATE_ESTABLISHED);
	const struct match *syn = match_flags(&m, TCP_SYN, TCP_SYN | TCP_ACK);

	cr_expect(has(u, "tcp 1.1.1.1 1 2.2.2.2 2 flags=S"));
	cr_expect(has(u, "tcp 1.1.1.1 1 2.2.2.2 2 flags=SE"));
	cr_expect(!has(u, "tcp 1.1.1.1 1 2.2.2.2 2 flags=SA"));
	cr_expect(!has(u, "udp 1.1.1.1 1 2.2.2.2 2 state=established"));
	cr_expect(!has(u, "udp 1.1.1.1 0 2.2.2.2 0 frag=1"));
	cr_expect(pset_is_empty(pset_hi(sp, est, &first)));
	cr_expect(pset_equal(pset_and(sp, pset_lo(sp, syn, &first), u),
			     pset_and(sp, value(FIELD_PROTO, PROTO_TCP), u)));
}

Test(pset, pick_is_readable)
{
	struct pset s =
		pset_and(sp, from(FIELD_SRC, "10.1.2.0/24"), from(FIELD_DST, "10.2.0.0/16"));
	struct packet p;

	cr_assert(pset_pick(sp, s, &p));
	cr_expect_eq(p.proto, PROTO_TCP);
	cr_expect_eq(p.src.lo, 0x0a010201);
	cr_expect_eq(p.dst.lo, 0x0a020001);
	cr_expect_eq(p.dport, 443);
	cr_expect_eq(p.sport, 40000);
	cr_expect_eq(p.flags, TCP_SYN);
	cr_expect_eq(p.state, STATE_NEW);
	cr_expect_eq(p.fragment, 0);
	cr_expect(!pset_pick(sp, pset_none(), &p));
	cr_expect(!pset_pick(sp, pset_spent(), &p));
}

Test(pset, boxes_largest_first)
{
	struct pset_assume first = { .first = true };
	struct pset web = pset_and(sp, from(FIELD_DST, "10.0.0.1/32"), value(FIELD_DPORT, 80));
	struct pset ssh = pset_and(sp, from(FIELD_DST, "10.1.0.0/16"), value(FIELD_DPORT, 22));
	struct pset tcp = value(FIELD_PROTO, PROTO_TCP);
	struct pset s = pset_and(sp, pset_and(sp, pset_or(sp, web, ssh), tcp),
				 pset_universe(sp, &first));
	struct pset_box box[4];
	struct text t = { 0 };
	size_t left;

	cr_assert_eq(pset_boxes(sp, s, box, 4, &left), 2);
	cr_expect_eq(left, 0);
	cr_expect(box[0].first_tail);
	pset_box_print(&t, FAMILY_V4, &box[0]);
	cr_expect_str_eq(t.s, "any -> 10.1.0.0/16, tcp 22");
	text_clear(&t);
	pset_box_print(&t, FAMILY_V4, &box[1]);
	cr_expect_str_eq(t.s, "any -> 10.0.0.1, tcp 80");
	text_finish(&t);
	cr_expect_eq(pset_boxes(sp, s, box, 1, &left), 1);
	cr_expect_eq(left, 1);
}

/* A span across digits is one box, not three. */
Test(pset, boxes_join_what_digits_cut)
{
	struct span s = { { 0, 0x0a000005 }, { 0, 0x0a0300fe } };
	struct pset_box box[4];
	size_t left;

	cr_assert_eq(pset_boxes(sp, pset_spans(sp, FIELD_SRC, &s, 1), box, 4, &left), 1);
	cr_expect_eq(box[0].src.lo.lo, s.lo.lo);
	cr_expect_eq(box[0].src.hi.lo, s.hi.lo);
	cr_expect(box[0].any_tail);
	cr_expect_eq(left, 0);
}

Test(pset, rewriting)
{
	struct pset s = pset_and(sp, from(FIELD_DST, "10.0.0.0/8"), value(FIELD_DPORT, 80));
	struct addr to = { 0, 0xc0a80001 };
	struct pset r = pset_rewrite_port(sp, pset_rewrite_addr(sp, s, FIELD_DST, to),
					  FIELD_DPORT, 8080);

	cr_expect(pset_equal(
		r, pset_and(sp, from(FIELD_DST, "192.168.0.1/32"), value(FIELD_DPORT, 8080))));
	/* what has no ports keeps what it is */
	s = value(FIELD_PROTO, PROTO_ESP);
	cr_expect(pset_equal(pset_rewrite_port(sp, s, FIELD_DPORT, 1), s));
}

/* Many sets that share little: the budget is spent, and that is for good. */
Test(pset, spent_is_for_good)
{
	struct pset_space *small = pset_space_create(FAMILY_V4, 200000);
	struct pset s = pset_none();

	for (unsigned i = 0; i < 100000 && !pset_is_spent(s); i++) {
		struct addr a = { 0, i * 2654435761u & UINT32_MAX };
		struct span one = { a, a };

		s = pset_or(small, s, pset_spans(small, FIELD_DST, &one, 1));
	}
	cr_assert(pset_is_spent(s));
	cr_expect_leq(pset_space_bytes(small), 200000);
	cr_expect(pset_is_spent(pset_not(small, s)));
	cr_expect(pset_is_spent(pset_and(small, s, pset_none())));
	cr_expect(!pset_is_empty(s));
	cr_expect(!pset_equal(s, s));
	cr_expect(!pset_subset(small, s, s));
	pset_space_destroy(small);
}

/* What grew with garbage becomes small behind it, and what is kept stays what it is. */
Test(pset, trim_gives_back_what_garbage_took)
{
	struct pset_space *space = pset_space_create(FAMILY_V4, 0);
	struct span ten = net("10.0.0.0/8");
	struct pset keep = pset_spans(space, FIELD_DST, &ten, 1), *roots[] = { &keep }, all;
	size_t full;

	for (unsigned i = 0; !pset_space_is_full(space); i++) {
		struct addr a = { 0, i * 2654435761u & UINT32_MAX };
		struct span one = { a, a };

		pset_and(space, keep, pset_spans(space, FIELD_SRC, &one, 1));
	}
	full = pset_space_bytes(space);
	pset_space_trim(space, full);
	cr_expect_eq(pset_space_bytes(space), full, "as much may be kept");
	pset_space_collect(space, roots, 1);
	pset_space_trim(space, 0);
	cr_expect_leq(pset_space_bytes(space), full / 4);
	cr_expect(!pset_space_is_full(space));
	cr_expect(pset_equal(keep, pset_spans(space, FIELD_DST, &ten, 1)));
	all = pset_or(space, keep, pset_not(space, keep));
	cr_expect(pset_equal(all, pset_all(space)));
	pset_space_destroy(space);
}

Test(pset, small_spaces_are_small)
{
	cr_expect_leq(pset_space_bytes(sp), 65536);
}

static const struct match *cube(const char *src, const char *dst)
{
	struct span s = net(src), d = net(dst);

	return match_and(&m, match_spans(&m, FIELD_SRC, FAMILY_V4, &s, 1),
			 match_spans(&m, FIELD_DST, FAMILY_V4, &d, 1));
}

Test(pset, decide_first_match_over_parts)
{
	struct span ten = net("10.0.0.0/8");
	struct decide_rule v[] = {
		{ cube("10.0.0.0/24", "10.1.0.0/24"), false },
		{ match_spans(&m, FIELD_DST, FAMILY_V4, &ten, 1), false }, /* any source */
		{ match_spans(&m, FIELD_SRC, FAMILY_V4, &ten, 1), false }, /* any destination */
		{ match_value(&m, FIELD_PROTO, PROTO_TCP), false },	   /* any, any */
	};
	struct decide *d = decide_create(FAMILY_V4, v, 4, NULL, 0);
	static const struct {
		const char *line;
		int64_t rule;
	} cases[] = {
		{ "tcp 10.0.0.1 1 10.1.0.1 1", 0 },
		{ "tcp 10.0.1.1 1 10.1.0.1 1", 1 },
		{ "udp 10.0.1.1 1 11.1.0.1 1", 2 },
		{ "tcp 11.0.1.1 1 11.1.0.1 1", 3 },
		{ "udp 11.0.1.1 1 11.1.0.1 1", DECIDE_NONE },
		{ "tcp 2001:db8::1 1 2001:db8::2 1", DECIDE_NONE },
	};
	size_t parts, nodes, words;

	cr_assert(d);
	decide_size(d, &parts, &nodes, &words);
	cr_expect_eq(parts, 4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct packet p = packet(cases[i].line);

		cr_expect_eq(decide_packet(d, &p), cases[i].rule, "%s", cases[i].line);
	}
	decide_destroy(d);
}

Test(pset, decide_says_when_it_cannot)
{
	struct decide_rule v[200];
	char a[32], b[32];

	for (unsigned i = 0; i < 200; i++) {
		snprintf(a, sizeof(a), "10.%u.0.%u/32", i * 7 % 256, i);
		snprintf(b, sizeof(b), "11.%u.3.%u/32", i * 11 % 256, i);
		v[i] = (struct decide_rule){ cube(a, b), false };
	}
	cr_expect_null(decide_create(FAMILY_V4, v, 200, NULL, 50000));
	struct decide *d = decide_create(FAMILY_V4, v, 200, NULL, 0);

	cr_expect(d);
	decide_destroy(d);
}
