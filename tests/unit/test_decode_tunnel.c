/* SPDX-License-Identifier: Apache-2.0 */
/* Packets in packets. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/decode_frames.h"

#define SYN   "tcp 10.1.0.1 40000 10.2.0.2 443 flags=S"
#define OUTER "192.0.2.1>192.0.2.2"

enum { RAW = 101 };

static void outer(struct frame *f, unsigned proto)
{
	memset(f, 0, sizeof(*f));
	ipv4(f, "192.0.2.1", "192.0.2.2", proto);
}

static void outer_udp(struct frame *f, unsigned port)
{
	outer(f, PROTO_UDP);
	udp(f, 50000, port);
}

Test(decode_tunnel, ip_in_ip)
{
	struct frame f;

	outer(&f, 4);
	inner_packet(&f);
	expect(take(&f, RAW), SYN " | " OUTER " 4");
	outer(&f, 41);
	ipv6(&f, "2001:db8::1", "2001:db8::2", PROTO_UDP);
	udp(&f, 1, 2);
	expect(take(&f, RAW), "udp 2001:db8::1 1 2001:db8::2 2 | " OUTER " 41");
	memset(&f, 0, sizeof(f));
	ipv6(&f, "2001:db8::1", "2001:db8::2", 4);
	inner_packet(&f);
	expect(take(&f, RAW), SYN " | 2001:db8::1>2001:db8::2 4");
	memset(&f, 0, sizeof(f));
	ipv6(&f, "2001:db8::1", "2001:db8::2", 60);
	put(&f, "29 00 0104 00000000");
	ipv6(&f, "2001:db8::3", "2001:db8::4", PROTO_ICMPV6);
	put(&f, "8000 0000 0102 0001");
	expect(take(&f, RAW),
	       "icmpv6 2001:db8::3 128 2001:db8::4 0 id=258 | 2001:db8::1>2001:db8::2 41");
}

Test(decode_tunnel, other_protocols_of_ip)
{
	struct frame f;

	outer(&f, 97);
	put(&f, "3000");
	inner_frame(&f);
	expect(take(&f, RAW), SYN " | " OUTER " 97");
	outer(&f, 97);
	put(&f, "4000");
	inner_frame(&f);
	expect(take(&f, RAW), "ip:97 192.0.2.1 192.0.2.2 | malformed | opaque cut");
	outer(&f, 137);
	put(&f, "00064140");
	inner_packet(&f);
	expect(take(&f, RAW), SYN " | mpls 100 | " OUTER " 137");
	outer(&f, 143);
	inner_frame(&f);
	expect(take(&f, RAW), SYN " | " OUTER " 143");
	outer(&f, 145);
	put(&f, "0fc2 01 01 000007 ff");
	inner_packet(&f);
	expect(take(&f, RAW), SYN " | nsh 7 | " OUTER " 145");
}

struct gre {
	const char *header, *said; /* what stands behind the outer packet's header */
};

/* Each with what `inside` puts behind it; NULL: nothing. */
static void expect_gre(const struct gre *t, size_t n, void (*inside)(struct frame *f))
{
	for (size_t i = 0; i < n; i++) {
		struct frame f;

		outer(&f, PROTO_GRE);
		put(&f, t[i].header);
		if (inside)
			inside(&f);
		expect(take(&f, RAW), t[i].said);
	}
}

Test(decode_tunnel, gre)
{
	static const struct gre t[] = {
		{ "0000 0800", SYN " | " OUTER " 47" },
		{ "8000 0800 00000000", SYN " | " OUTER " 47" },
		{ "2000 0800 00000007", SYN " | gre-key 7 | " OUTER " 47" },
		{ "1000 0800 00000007", SYN " | " OUTER " 47" },
		{ "b000 0800 00000000 fffffff0 00000001",
		  SYN " | gre-key 4294967280 | " OUTER " 47" },
		{ "4000 0800 00000000 0800 00 04 01020304 0000 00 00",
		  SYN " | " OUTER " 47 | reserved" },
		{ "0400 0800", SYN " | " OUTER " 47 | reserved" },
		{ "0000 8847 00064140", SYN " | mpls 100 | " OUTER " 47" },
		{ "2000 6558 00000007 020000000002 020000000001 0800",
		  SYN " | gre-key 7 | " OUTER " 47" },
		{ "0000 894f 0fc2 01 01 000007 ff", SYN " | nsh 7 | " OUTER " 47" },
	};

	expect_gre(t, sizeof(t) / sizeof(*t), inner_packet);
}

Test(decode_tunnel, gre_that_ends)
{
	static const struct gre t[] = {
		{ "0000 8200 00000000",
		  "ip:47 192.0.2.1 192.0.2.2 | opaque encapsulation 8200" },
		{ "2000 1234 00000007",
		  "ip:47 192.0.2.1 192.0.2.2 | gre-key 7 inner | opaque encapsulation 1234" },
		{ "0002 0800 00000000", "ip:47 192.0.2.1 192.0.2.2 | malformed | opaque cut" },
		{ "0001 0800 00000000", "ip:47 192.0.2.1 192.0.2.2 | malformed | opaque cut" },
		{ "0000 0806 00000000", "none | " OUTER " 47 | opaque no-ip 0806" },
		{ "0000 0800 25000000", "ip:47 192.0.2.1 192.0.2.2 | malformed | opaque cut" },
		{ "4000 0800 00000000 0800 00 04",
		  "ip:47 192.0.2.1 192.0.2.2 | malformed | reserved | opaque cut" },
		/* An acknowledgement of PPTP. */
		{ "2081 880b 0000 0009 00000001", "ip:47 192.0.2.1 192.0.2.2" },
	};

	expect_gre(t, sizeof(t) / sizeof(*t), NULL);
}

Test(decode_tunnel, gre_routes_without_end)
{
	struct frame f;

	outer(&f, PROTO_GRE);
	put(&f, "4000 0800 00000000");
	for (int i = 0; i < 16; i++)
		put(&f, "0800 00 04 01020304");
	put(&f, "0000 00 00");
	inner_packet(&f);
	expect(take(&f, RAW),
	       "ip:47 192.0.2.1 192.0.2.2 | layers | reserved | opaque encapsulation");
}

Test(decode_tunnel, pptp)
{
	static const char *const ppp[] = { "ff03 0021", "0021", "21" };

	for (unsigned i = 0; i < 3; i++) {
		struct frame f;
		size_t length;

		outer(&f, PROTO_GRE);
		put(&f, "3081 880b");
		length = f.n;
		put(&f, "0000 0009 00000001 00000002");
		put(&f, ppp[i]);
		inner_packet(&f);
		f.bytes[length + 1] = (uint8_t)(f.n - length - 12);
		expect(take(&f, RAW), SYN " | " OUTER " 47");
	}
}

Test(decode_tunnel, erspan)
{
	static const struct gre t[] = {
		/* I has no header, and no sequence number in GRE. */
		{ "0000 88be", SYN " | " OUTER " 47" },
		{ "1000 88be 00000001 1000 0064 00000000", SYN " | erspan 100 | " OUTER " 47" },
		{ "1000 88be 00000001 1007 0064 00000000",
		  SYN " | erspan 100, vlan 7 | " OUTER " 47" },
		{ "1000 88be 00000001 1007 1864 00000000", SYN " | erspan 100 | " OUTER " 47" },
		{ "1000 22eb 00000001 2007 0064 00000000 00000000",
		  SYN " | erspan 100, vlan 7 | " OUTER " 47" },
		{ "1000 22eb 00000001 2007 0064 00000000 00000001 0000000000000000",
		  SYN " | erspan 100, vlan 7 | " OUTER " 47" },
	};

	expect_gre(t, sizeof(t) / sizeof(*t), inner_frame);
}

Test(decode_tunnel, erspan_with_the_tag_in_both)
{
	struct frame f;

	outer(&f, PROTO_GRE);
	put(&f, "1000 22eb 00000001 2007 0064 00000000 00000000");
	ethernet(&f, 0x8100);
	vlan(&f, 7, 0x0800);
	inner_packet(&f);
	expect(take(&f, RAW), SYN " | erspan 100, vlan 7 | " OUTER " 47");
	f.bytes[20 + 8 + 1] = 8;
	expect(take(&f, RAW), SYN " | erspan 100, vlan 8, vlan 7 | " OUTER " 47");
}

Test(decode_tunnel, erspan_of_other_things)
{
	struct frame f;

	outer(&f, PROTO_GRE);
	put(&f, "1000 22eb 00000001 2000 0064 00000000 00000800");
	inner_packet(&f);
	expect(take(&f, RAW), SYN " | erspan 100 | " OUTER " 47");
	outer(&f, PROTO_GRE);
	put(&f, "1000 22eb 00000001 2000 0064 00000000 00001c00");
	inner_packet(&f);
	expect(take(&f, RAW),
	       "ip:47 192.0.2.1 192.0.2.2 | erspan 100 inner | opaque encapsulation");
	outer(&f, PROTO_GRE);
	put(&f, "1000 22eb 00000001 1000 0064 00000000 00000000");
	expect(take(&f, RAW), "ip:47 192.0.2.1 192.0.2.2 | malformed | opaque cut");
	outer(&f, PROTO_GRE);
	put(&f, "1000 88be 00000001 2000 0064 00000000");
	expect(take(&f, RAW), "ip:47 192.0.2.1 192.0.2.2 | malformed | opaque cut");
}

Test(decode_tunnel, over_udp)
{
	static const struct {
		unsigned port;
		const char *header, *said;
	} t[] = {
		{ 4789, "08000000 00138900 020000000002 020000000001 0800",
		  SYN " | vni 5001 | " OUTER " 17:4789" },
		{ 8472, "08000000 00138900 020000000002 020000000001 0800",
		  SYN " | vni 5001 | " OUTER " 17:8472" },
		{ 4789, "88400007 00138900 020000000002 020000000001 8100 0007 0800",
		  SYN " | vni 5001, vlan 7 | " OUTER " 17:4789" },
		{ 4790, "0c000001 00138900", SYN " | vni 5001 | " OUTER " 17:4790" },
		{ 4790, "0c000003 00138900 020000000002 020000000001 0800",
		  SYN " | vni 5001 | " OUTER " 17:4790" },
		{ 4790, "08000000 00138900 020000000002 020000000001 0800",
		  SYN " | vni 5001 | " OUTER " 17:4790" },
		{ 4790, "0c000004 00138900 0fc20101 000007ff",
		  SYN " | vni 5001, nsh 7 | " OUTER " 17:4790" },
		{ 4790, "0c000005 00138900 00064140",
		  SYN " | vni 5001, mpls 100 | " OUTER " 17:4790" },
		{ 6081, "00006558 00138900 020000000002 020000000001 0800",
		  SYN " | vni 5001 | " OUTER " 17:6081" },
		{ 6081, "02000800 00138900 0102 0301 01020304",
		  SYN " | vni 5001 | " OUTER " 17:6081" },
		{ 2152, "30ff0028 00000009", SYN " | teid 9 | " OUTER " 17:2152" },
		{ 2152, "32ff002c 00000009 00010000", SYN " | teid 9 | " OUTER " 17:2152" },
		{ 2152, "34ff0030 00000009 00000085 01000900",
		  SYN " | teid 9 | " OUTER " 17:2152" },
		{ 4754, "20000800 00000007", SYN " | gre-key 7 | " OUTER " 17:4754" },
		{ 6635, "00064140", SYN " | mpls 100 | " OUTER " 17:6635" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f;

		outer_udp(&f, t[i].port);
		put(&f, t[i].header);
		inner_packet(&f);
		expect(take(&f, RAW), t[i].said);
	}
}

/* What can't be the tunnel's header is a plain datagram. */
Test(decode_tunnel, plain_datagrams_to_tunnel_ports)
{
	static const struct {
		unsigned port;
		const char *bytes;
		bool odd;
	} t[] = {
		{ 4789, "00000000 00138900 0102", true },
		{ 4789, "08000000 001389", true },
		{ 4790, "00000000 00138900", true },
		{ 4790, "38000000 00138900", true },
		{ 6081, "40006558 00138900", true },
		{ 6081, "01006558 00138900", true },
		{ 6081, "01", true },
		{ 2152, "10ff0000 00000000", true },
		{ 2152, "30ff0020 00000009 45", true },
		{ 2152, "34ff0004 00000009 00000085 ", true },
		{ 2152, "34ff0008 00000009 00000085 00000000", true },
		{ 2152, "3201000400000009 00010000", false }, /* echo */
		{ 3544, "0102030405060708", false },
		{ 4500, "00000000 0102030405060708", false },
		{ 4500, "ff", false },
		{ 1701, "c8020014 0000 0000 0000 0000", false },
		{ 1701, "00", false },
		{ 53, "0102030405060708", false },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f;
		struct decoded d;
		struct text said = { 0 };

		outer_udp(&f, t[i].port);
		put(&f, t[i].bytes);
		d = take(&f, RAW);
		text_putf(&said, "udp 192.0.2.1 50000 192.0.2.2 %u%s", t[i].port,
			  t[i].odd ? " | malformed" : "");
		expect(d, said.s);
		cr_expect_eq(d.layers, 1);
		text_finish(&said);
	}
}

Test(decode_tunnel, opaque_datagrams)
{
	static const struct {
		unsigned sport, dport;
		const char *bytes;
		unsigned opaque;
	} t[] = {
		{ 4500, 50000, "00000001 00000001 01020304", OPAQUE_ENCRYPTED },
		{ 50000, 4500, "00000001 00000001 01020304", OPAQUE_ENCRYPTED },
		{ 1701, 1701, "0002 0001 0001 ff03 0021", OPAQUE_ENCAPSULATION },
		{ 1701, 50000, "0002 0001 0001 ff03 0021", OPAQUE_ENCAPSULATION },
		{ 50000, 4341, "00000000 00000000 45", OPAQUE_ENCAPSULATION },
		{ 50000, 5247, "00000000 00000000 45", OPAQUE_ENCAPSULATION },
		{ 5247, 50000, "00000000 00000000 45", OPAQUE_ENCAPSULATION },
		{ 50000, 5072, "00000000 00000000 45", OPAQUE_ENCAPSULATION },
		{ 5072, 50000, "00000000 00000000 45", OPAQUE_ENCAPSULATION },
		{ 50000, 4790, "0c000099 00138900", OPAQUE_ENCAPSULATION },
		{ 50000, 6081, "00001234 00138900", OPAQUE_ENCAPSULATION },
		{ 50000, 2152, "30ff0002 00000009 0102", OPAQUE_ENCAPSULATION },
		{ 50000, 2152, "30ff0000 00000009", OPAQUE_CUT },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f;
		struct decoded d;

		outer(&f, PROTO_UDP);
		udp(&f, t[i].sport, t[i].dport);
		put(&f, t[i].bytes);
		d = take(&f, RAW);
		cr_expect_eq(d.opaque, t[i].opaque);
		cr_expect(d.has_ip && d.packet.sport == t[i].sport &&
			  d.packet.dport == t[i].dport && !d.n_tunnels);
	}
}

/* The tag is of what the outer packet carries, and not of that packet. */
Test(decode_tunnel, cut_behind_the_tag)
{
	struct frame f;
	struct decoded d;

	outer_udp(&f, 4789);
	vxlan(&f, 5001);
	inner_frame(&f);
	close_lengths(&f);
	decode(RAW, f.bytes, 60, (uint32_t)f.n, &d);
	expect(d,
	       "udp 192.0.2.1 50000 192.0.2.2 4789 | vni 5001 inner | truncated | opaque cut");
	cr_expect(d.segments[0].inner);
	decode(RAW, f.bytes, 73, (uint32_t)f.n, &d);
	expect(d, "tcp 10.1.0.1 0 10.2.0.2 0 flags=- | vni 5001 | " OUTER
		  " 17:4789 | truncated | opaque "
		  "cut");
}

Test(decode_tunnel, no_ip_within)
{
	struct frame f;

	memset(&f, 0, sizeof(f));
	ethernet(&f, 0x8100);
	vlan(&f, 20, 0x0800);
	ipv4(&f, "192.0.2.1", "192.0.2.2", PROTO_UDP);
	udp(&f, 50000, 4789);
	vxlan(&f, 5001);
	ethernet(&f, 0x0806);
	put(&f, "0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002");
	expect(take(&f, DLT_EN10MB),
	       "none | vlan 20, vni 5001 | " OUTER " 17:4789 | opaque no-ip 0806");
}

Test(decode_tunnel, teredo)
{
	static const struct {
		const char *before, *said;
	} t[] = {
		{ "", "udp 2001::1 1 2001::2 2 | " OUTER " 17:3544" },
		{ "0000 0001 01020304", "udp 2001::1 1 2001::2 2 | " OUTER " 17:3544" },
		{ "0001 0000 0102030405060708 00",
		  "udp 2001::1 1 2001::2 2 | " OUTER " 17:3544" },
		{ "0001 0202 01020304 0102030405060708 00 0000 0001 01020304",
		  "udp 2001::1 1 2001::2 2 | " OUTER " 17:3544" },
	};
	struct frame f;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		outer_udp(&f, 3544);
		put(&f, t[i].before);
		ipv6(&f, "2001::1", "2001::2", PROTO_UDP);
		udp(&f, 1, 2);
		expect(take(&f, RAW), t[i].said);
	}
	outer(&f, PROTO_UDP);
	udp(&f, 3544, 50000);
	ipv6(&f, "2001::1", "2001::2", 59);
	expect(take(&f, RAW), "ip:59 2001::1 2001::2 | " OUTER " 17:50000");
	f.n_lengths = 0;
	f.bytes[20 + 8 + 5] = 9; /* longer than the datagram */
	expect(take_plain(&f, RAW), "udp 192.0.2.1 3544 192.0.2.2 50000");
}

Test(decode_tunnel, nsh)
{
	static const struct {
		const char *header, *said;
	} t[] = {
		{ "0fc6 01 03 000007 ff 00000000 00000000 00000000 00000000 020000000002 "
		  "020000000001 0800",
		  SYN " | nsh 7" },
		{ "0fc2 02 04 000007 ff 0fc2 02 01 000008 ff", SYN " | nsh 7, nsh 8" },
		{ "0fc2 02 05 000007 ff 00064140", SYN " | nsh 7, mpls 100" },
		{ "0fc2 02 07 000007 ff", "none | nsh 7 | opaque encapsulation" },
		{ "4fc2 02 01 000007 ff", "none | malformed | opaque cut" },
		{ "0fc1 02 01 000007 ff", "none | malformed | opaque cut" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f = { 0 };

		ethernet(&f, 0x894f);
		put(&f, t[i].header);
		inner_packet(&f);
		expect(take(&f, DLT_EN10MB), t[i].said);
	}
}

Test(decode_tunnel, nested)
{
	struct frame f = { 0 };

	ethernet(&f, 0x88a8);
	vlan(&f, 10, 0x8100);
	vlan(&f, 20, 0x0800);
	ipv4(&f, "192.0.2.1", "192.0.2.2", PROTO_UDP);
	udp(&f, 50000, 4789);
	vxlan(&f, 1);
	ethernet(&f, 0x86dd);
	ipv6(&f, "2001:db8::1", "2001:db8::2", PROTO_GRE);
	put(&f, "2000 0800 00000003");
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN " | vlan 10, vlan 20, vni 1, gre-key 3 | " OUTER
					 " 17:4789 | 2001:db8::1>2001:db8::2 47");
}

Test(decode_tunnel, five_packets_are_followed_and_six_are_not)
{
	struct frame f;

	for (unsigned n = 4; n <= 5; n++) {
		outer(&f, 4);
		for (unsigned i = 1; i < n; i++)
			ipv4(&f, "192.0.2.1", "192.0.2.2", 4);
		inner_packet(&f);
		expect(take(&f, RAW),
		       n == 4 ? SYN " | " OUTER " 4 | " OUTER " 4 | " OUTER " 4 | " OUTER " 4"
			      : "ip:4 192.0.2.1 192.0.2.2 | " OUTER " 4 | " OUTER " 4 | " OUTER
				" 4 | " OUTER " 4 | layers | opaque encapsulation");
	}
}

Test(decode_tunnel, four_vxlans)
{
	struct frame f = { 0 };
	struct decoded d;

	for (unsigned i = 0; i < 4; i++) {
		ethernet(&f, 0x0800);
		ipv4(&f, "192.0.2.1", "192.0.2.2", PROTO_UDP);
		udp(&f, 50000, 4789);
		vxlan(&f, i + 1);
	}
	inner_frame(&f);
	d = take(&f, DLT_EN10MB);
	cr_expect(d.n_tunnels == 4 && d.n_segments == 4 && !d.opaque && !d.anomalies &&
		  d.packet.dport == 443);
	cr_expect_eq(d.segments[3].id, 4);
}

/* The rest of the inner packet is in a later fragment of the outer one. */
Test(decode_tunnel, first_fragment_of_the_outer_packet)
{
	struct frame f = { 0 };

	ipv4_part(&f, "192.0.2.1", "192.0.2.2", 4, 77, 0, true);
	inner_packet(&f);
	close_lengths(&f);
	f.n_lengths = 0;
	f.bytes[20 + 2] = 4; /* the inner packet has 1,064 bytes */
	expect(take_plain(&f, RAW), SYN " | " OUTER " 4");
	memset(&f, 0, sizeof(f));
	ipv4_part(&f, "192.0.2.1", "192.0.2.2", PROTO_UDP, 77, 0, true);
	udp(&f, 50000, 4789);
	vxlan(&f, 5001);
	expect(take(&f, RAW), "udp 192.0.2.1 50000 192.0.2.2 4789 first fragment=77 | vni 5001 "
			      "inner | tiny-fragment | opaque cut");
}

Test(decode_tunnel, too_many_gtp_extensions)
{
	for (unsigned n = 16; n <= 17; n++) {
		struct frame f;

		outer_udp(&f, 2152);
		put(&f, "34ff");
		put16(&f, 4 + n * 4 + 40);
		put(&f, "00000009 00000085");
		for (unsigned i = 0; i < n; i++)
			put(&f, i + 1 < n ? "01000085" : "01000000");
		inner_packet(&f);
		expect(take(&f, RAW),
		       n == 16 ? SYN " | teid 9 | " OUTER " 17:2152"
			       : "udp 192.0.2.1 50000 192.0.2.2 2152 | layers | opaque "
				 "encapsulation");
	}
}
