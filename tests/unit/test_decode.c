/* SPDX-License-Identifier: Apache-2.0 */
/* Links, IP and transports. Tunnels: test_decode_tunnel.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/decode_frames.h"

#define SYN "tcp 10.1.0.1 40000 10.2.0.2 443 flags=S"

Test(decode, plain_tcp)
{
	struct frame f = { 0 };
	struct decoded d;

	inner_frame(&f);
	d = take(&f, DLT_EN10MB);
	expect(d, SYN);
	cr_expect_eq(d.layers, 2);
	cr_expect(d.has_macs);
	cr_expect_eq(d.mac_dst[5], 2);
	cr_expect_eq(d.mac_src[5], 1);
	cr_expect_eq(d.packet.state, STATE_NEW);
	cr_expect_null(d.packet.iif);
}

/* Every bit behind the Ethernet header, changed: the short way for plain frames says what the
 * steps say behind a cooked header. */
static void both_ways(struct frame *f)
{
	enum { COOKED = 16, ETHERNET = 14 };

	for (size_t bit = ETHERNET * 8; bit < f->n * 8; bit++) {
		struct frame g = { 0 };
		struct decoded x, y;

		f->bytes[bit / 8] ^= 1 << bit % 8;
		put(&g, "0000 0001 0006 0200000000010000");
		put8(&g, f->bytes[12]);
		put8(&g, f->bytes[13]);
		memcpy(g.bytes + COOKED, f->bytes + ETHERNET, f->n - ETHERNET);
		g.n = f->n + COOKED - ETHERNET;
		x = take_plain(f, DLT_EN10MB);
		y = take_plain(&g, DLT_LINUX_SLL);
		cr_expect_eq(memcmp(&x.packet, &y.packet, sizeof(x.packet)), 0);
		cr_expect(x.has_ip == y.has_ip && x.opaque == y.opaque &&
				  x.anomalies == y.anomalies && x.layers == y.layers &&
				  x.n_segments == y.n_segments && x.n_tunnels == y.n_tunnels &&
				  x.icmp_id == y.icmp_id && x.ethertype == y.ethertype &&
				  x.fragment_id == y.fragment_id &&
				  x.first_fragment == y.first_fragment,
			  "bit %zu", bit);
		for (unsigned i = 0; i < x.n_segments && i < y.n_segments; i++)
			cr_expect(x.segments[i].id == y.segments[i].id &&
				  x.segments[i].inner == y.segments[i].inner);
		f->bytes[bit / 8] ^= 1 << bit % 8;
	}
}

Test(decode, short_way_and_long_way)
{
	for (unsigned n = 0; n < 3; n++)
		for (unsigned proto = 0; proto < 4; proto++) {
			struct frame f = { 0 };

			ethernet(&f, n ? 0x8100 : proto < 2 ? 0x0800 : 0x86dd);
			for (unsigned i = 1; i <= n; i++)
				vlan(&f, 20 + i, i < n ? 0x88a8 : proto < 2 ? 0x0800 : 0x86dd);
			if (proto < 2)
				ipv4(&f, "10.1.0.1", "10.2.0.2", proto ? PROTO_UDP : PROTO_TCP);
			else
				ipv6(&f, "2001:db8::1", "2001:db8::2",
				     proto > 2 ? PROTO_UDP : PROTO_TCP);
			if (proto % 2)
				udp(&f, 40000, 443);
			else
				tcp(&f, 40000, 443, TCP_SYN);
			close_lengths(&f);
			both_ways(&f);
			pad(&f, 30);
			both_ways(&f);
		}
}

/* Tags of a frame within a tunnel, the short way. */
Test(decode, plain_frame_within)
{
	struct frame f = { 0 };
	struct decoded d;

	ethernet(&f, 0x0800);
	ipv4(&f, "192.0.2.1", "192.0.2.2", PROTO_UDP);
	udp(&f, 50000, 4789);
	vxlan(&f, 5001);
	ethernet(&f, 0x8100);
	vlan(&f, 7, 0x86dd);
	ipv6(&f, "2001:db8::1", "2001:db8::2", PROTO_UDP);
	udp(&f, 1, 2);
	d = take(&f, DLT_EN10MB);
	expect(d, "udp 2001:db8::1 1 2001:db8::2 2 | vni 5001, vlan 7 | 192.0.2.1>192.0.2.2 "
		  "17:4789");
	cr_expect_eq(d.layers, 6);
	cr_expect_not(d.segments[1].inner);
}

Test(decode, padding_is_no_payload)
{
	struct frame f = { 0 };

	ethernet(&f, 0x0800);
	ipv4(&f, "10.1.0.1", "10.2.0.2", PROTO_UDP);
	udp(&f, 1000, 4789);
	close_lengths(&f);
	/* Were the padding payload, it would be a tunnel. */
	put32(&f, 0x08000000);
	put32(&f, 5 << 8);
	inner_frame(&f);
	f.n_lengths = 0;
	expect(take_plain(&f, DLT_EN10MB), "udp 10.1.0.1 1000 10.2.0.2 4789 | malformed");
}

Test(decode, vlans)
{
	static const unsigned types[] = { 0x8100, 0x88a8, 0x9100 };

	for (unsigned i = 0; i < 3; i++) {
		struct frame f = { 0 };

		ethernet(&f, types[i]);
		vlan(&f, 0xe000 | 20, types[(i + 1) % 3]);
		vlan(&f, 30, 0x0800);
		inner_packet(&f);
		expect(take(&f, DLT_EN10MB), SYN " | vlan 20, vlan 30");
	}
}

Test(decode, priority_tag_is_no_vlan)
{
	struct frame f = { 0 };

	ethernet(&f, 0x8100);
	vlan(&f, 0x6000, 0x0800);
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN);
}

Test(decode, reserved_vlan)
{
	struct frame f = { 0 };

	ethernet(&f, 0x8100);
	vlan(&f, 4095, 0x0800);
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN " | vlan 4095 | reserved");
}

Test(decode, too_many_tags)
{
	struct frame f = { 0 };

	ethernet(&f, 0x8100);
	for (unsigned i = 1; i <= 8; i++)
		vlan(&f, i, 0x8100);
	vlan(&f, 9, 0x0800);
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB),
	       "none | vlan 1, vlan 2, vlan 3, vlan 4, vlan 5, vlan 6, vlan 7, vlan 8 | layers "
	       "| opaque encapsulation");
}

Test(decode, too_many_layers)
{
	struct frame f = { 0 };

	ethernet(&f, 0x8100);
	for (unsigned i = 0; i < 14; i++)
		vlan(&f, 0, i == 13 ? 0x0800 : 0x8100);
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN); /* 16 */
	memset(&f, 0, sizeof(f));
	ethernet(&f, 0x8100);
	for (unsigned i = 0; i < 15; i++)
		vlan(&f, 0, i == 14 ? 0x0800 : 0x8100);
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), "none | layers | opaque encapsulation");
}

Test(decode, switch_port_tags)
{
	struct frame f = { 0 };

	ethernet(&f, 0x8926);
	put(&f, "0001 0002 8100");
	vlan(&f, 7, 0x0800);
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN " | vlan 7");
	memset(&f, 0, sizeof(f));
	ethernet(&f, 0x893f);
	put(&f, "0001 0002 0003 0800");
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN);
	memset(&f, 0, sizeof(f));
	ethernet(&f, 0x8903);
	put(&f, "0001");
	inner_frame(&f);
	expect(take(&f, DLT_EN10MB), SYN);
}

Test(decode, authenticated_and_not_encrypted)
{
	struct frame f = { 0 };

	ethernet(&f, 0x88e5);
	put(&f, "20000000 0001 0200000000010001 8100");
	vlan(&f, 7, 0x0800);
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN " | vlan 7");
	memset(&f, 0, sizeof(f));
	ethernet(&f, 0x88e5);
	put(&f, "00000000 0001 0800");
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN);
}

Test(decode, frames_without_ip)
{
	struct frame f = { 0 };

	ethernet(&f, 0x8100);
	vlan(&f, 7, 0x0806);
	put(&f, "0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002");
	expect(take(&f, DLT_EN10MB), "none | vlan 7 | opaque no-ip 0806");
	memset(&f, 0, sizeof(f));
	ethernet(&f, 3);
	put(&f, "424203");
	expect(take(&f, DLT_EN10MB), "none | opaque no-ip");
	memset(&f, 0, sizeof(f));
	ethernet(&f, 4);
	put(&f, "fefe0383");
	expect(take(&f, DLT_EN10MB), "none | opaque no-ip");
	memset(&f, 0, sizeof(f));
	ethernet(&f, 8);
	put(&f, "aaaa03 00000c 2000");
	expect(take(&f, DLT_EN10MB), "none | opaque no-ip 2000");
}

Test(decode, frames_that_may_hide_it)
{
	static const struct {
		unsigned type;
		const char *bytes, *said;
	} t[] = {
		{ 0x88e7, "00000000", "none | opaque encapsulation 88e7" },
		{ 0x1234, "00000000", "none | opaque encapsulation 1234" },
		{ 0x88e5, "2c000000 0001 0200000000010001 0800",
		  "none | opaque encrypted 88e5" },
		{ 0x88e5, "08000000 0001 0800", "none | opaque encrypted 88e5" },
		{ 0x88e5, "04000000 0001 0800", "none | opaque encrypted 88e5" },
		{ 8, "aaaa03 0080c2 0007", "none | opaque encapsulation 0007" },
		{ 4, "fefe03cc", "none | opaque encapsulation" },
		{ 3, "121203", "none | opaque encapsulation" },
		{ 0x05ff, "00000000", "none | opaque encapsulation 05ff" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f = { 0 };

		ethernet(&f, t[i].type);
		put(&f, t[i].bytes);
		expect(take(&f, DLT_EN10MB), t[i].said);
	}
}

Test(decode, llc_with_ip)
{
	struct frame f = { 0 };

	ethernet(&f, 48);
	put(&f, "aaaa03 000000 0800");
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN);
	memset(&f, 0, sizeof(f));
	ethernet(&f, 43);
	put(&f, "060603");
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN);
	memset(&f, 0, sizeof(f));
	ethernet(&f, 0x8870);
	put(&f, "aaaa03 000000 0800");
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN);
	memset(&f, 0, sizeof(f));
	ethernet(&f, 100);
	put(&f, "aaaa03 000000 0800");
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN " | malformed");
}

Test(decode, link_types)
{
	static const struct {
		int dlt;
		const char *header;
	} t[] = {
		{ 12, "" },
		{ 14, "" },
		{ 101, "" },
		{ DLT_IPV4, "" },
		{ DLT_NULL, "02000000" },
		{ DLT_NULL, "00000002" },
		{ DLT_LOOP, "00000002" },
		{ DLT_LINUX_SLL, "0000 0001 0006 0200000000010000 0800" },
		{ DLT_LINUX_SLL, "0000 030a 0000 0000000000000000 0800" },
		{ DLT_LINUX_SLL2, "0800 0000 00000002 0001 00 06 0200000000010000" },
		{ DLT_PPP, "ff03 0021" },
		{ DLT_PPP, "0021" },
		{ DLT_PPP, "21" },
		{ DLT_PPP_SERIAL, "ff03 21" },
		{ DLT_PPP_SERIAL, "0f00 0800" },
		{ DLT_PPP_SERIAL, "8f00 0800" },
		{ DLT_EN10MB, "020000000002 020000000001 0800" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f = { 0 };

		put(&f, t[i].header);
		inner_packet(&f);
		cr_expect(decode_link_known(t[i].dlt));
		expect(take(&f, t[i].dlt), SYN);
	}
}

Test(decode, link_types_v6)
{
	static const struct {
		int dlt;
		const char *header;
	} t[] = {
		{ 101, "" },
		{ DLT_IPV6, "" },
		{ DLT_NULL, "18000000" },
		{ DLT_NULL, "1c000000" },
		{ DLT_NULL, "0000001e" },
		{ DLT_NULL, "0a000000" },
		{ DLT_PPP, "ff03 0057" },
		{ DLT_PPP_SERIAL, "57" },
		{ DLT_LINUX_SLL, "0000 0001 0006 0200000000010000 86dd" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f = { 0 };

		put(&f, t[i].header);
		ipv6(&f, "2001:db8::1", "2001:db8::2", PROTO_UDP);
		udp(&f, 1000, 53);
		cr_expect(decode_link_known(t[i].dlt));
		expect(take(&f, t[i].dlt), "udp 2001:db8::1 1000 2001:db8::2 53");
	}
}

Test(decode, links_without_ip)
{
	static const struct {
		int dlt;
		const char *bytes, *said;
	} t[] = {
		{ DLT_NULL, "07000000 00", "none | opaque encapsulation" },
		{ DLT_LINUX_SLL, "0004 0338 0000 0000000000000000 0000",
		  "none | opaque no-ip" },
		{ DLT_LINUX_SLL, "0004 0323 0000 0000000000000000 0019",
		  "none | opaque encapsulation" },
		{ DLT_LINUX_SLL, "0000 0001 0006 0200000000010000 0001",
		  "none | opaque no-ip" },
		{ DLT_LINUX_SLL, "0000 0001 0006 0200000000010000 0004 424203",
		  "none | opaque no-ip" },
		{ DLT_PPP, "ff03 c021", "none | opaque no-ip" },
		{ DLT_PPP, "ff03 002d", "none | opaque encapsulation" },
		{ DLT_PPP, "ff03 0053", "none | opaque encrypted" },
		{ 101, "90", "none | malformed | opaque cut" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f = { 0 };

		put(&f, t[i].bytes);
		expect(take(&f, t[i].dlt), t[i].said);
	}
	cr_expect_not(decode_link_known(105));
	cr_expect_not(decode_link_known(-1));
}

Test(decode, unknown_link_is_opaque)
{
	struct frame f = { 0 };

	inner_packet(&f);
	close_lengths(&f);
	expect(take_plain(&f, 105), "none | opaque encapsulation");
}

Test(decode, no_bytes)
{
	struct decoded d;

	decode(DLT_EN10MB, NULL, 0, 0, &d);
	expect(d, "none | malformed | opaque cut");
	decode(101, NULL, 0, 60, &d);
	expect(d, "none | truncated | opaque cut");
}

Test(decode, pppoe)
{
	struct frame f = { 0 };

	ethernet(&f, 0x8864);
	put(&f, "11 00 0123 002a 0021");
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN " | pppoe 291");
	expect(take_plain(&f, DLT_EN10MB), SYN " | pppoe 291");
	memmove(f.bytes, f.bytes + 14, f.n - 14);
	f.n -= 14;
	expect(take_plain(&f, DLT_PPP_ETHER), SYN " | pppoe 291");
	f.bytes[5]++;
	expect(take_plain(&f, DLT_PPP_ETHER), SYN " | pppoe 291 | malformed");
	f.bytes[1] = 0xa7;
	expect(take_plain(&f, DLT_PPP_ETHER), "none | opaque no-ip 8863");
	f.bytes[0] = 0x21;
	expect(take_plain(&f, DLT_PPP_ETHER), "none | malformed | opaque cut");
}

Test(decode, mpls)
{
	static const struct {
		const char *labels, *said;
	} t[] = {
		{ "00064140", SYN " | mpls 100" },
		{ "0006403f 000c813f", SYN " | mpls 100, mpls 200" },
		{ "0000013f", SYN },				     /* explicit null */
		{ "0006403f 0000703f fffff13f", SYN " | mpls 100" }, /* entropy */
		{ "0000303f 0006413f", SYN " | mpls 100 | reserved" },
		{ "0006403f 0000f03f 0006413f", "none | mpls 100 | opaque encapsulation" },
		{ "0006403f 0000e13f", "none | mpls 100 | opaque encapsulation" },
		{ "0006403f 0000d13f", "none | mpls 100 | opaque no-ip" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f = { 0 };

		ethernet(&f, i % 2 ? 0x8847 : 0x8848);
		put(&f, t[i].labels);
		inner_packet(&f);
		expect(take(&f, DLT_EN10MB), t[i].said);
	}
}

Test(decode, mpls_v6)
{
	struct frame f = { 0 };

	ethernet(&f, 0x8847);
	put(&f, "0006403f 0000213f");
	ipv6(&f, "2001:db8::1", "2001:db8::2", PROTO_TCP);
	tcp(&f, 40000, 443, TCP_ACK);
	expect(take(&f, DLT_EN10MB),
	       "tcp 2001:db8::1 40000 2001:db8::2 443 flags=A | mpls 100");
	f.bytes[16] = 0x65; /* not at the bottom: label 100 alone */
	memset(&f, 0, sizeof(f));
	ethernet(&f, 0x8847);
	put(&f, "0006413f");
	ipv6(&f, "2001:db8::1", "2001:db8::2", PROTO_TCP);
	tcp(&f, 40000, 443, TCP_ACK);
	expect(take(&f, DLT_EN10MB),
	       "tcp 2001:db8::1 40000 2001:db8::2 443 flags=A | mpls 100");
}

Test(decode, pseudowires)
{
	static const struct {
		const char *before, *mac, *said;
	} t[] = {
		{ "00000000", "02", SYN " | mpls 100" }, /* control word */
		{ "", "02", SYN " | mpls 100" },	 { "", "00", SYN " | mpls 100" },
		{ "", "44", SYN " | mpls 100" },	 { "", "66", SYN " | mpls 100" },
		{ "", "12", SYN " | mpls 100" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f = { 0 };

		ethernet(&f, 0x8847);
		put(&f, "0006413f");
		put(&f, t[i].before);
		put(&f, t[i].mac);
		put(&f, "ffffffff02 020000000001 0800");
		inner_packet(&f);
		expect(take(&f, DLT_EN10MB), t[i].said);
	}
}

Test(decode, pseudowires_of_other_things)
{
	static const struct {
		const char *payload, *said;
	} t[] = {
		{ "00000000 01020304 05060708 0102030405060708 0102030405060708",
		  "none | mpls 100 | opaque encapsulation" },
		{ "80000000 01020304 05060708 0102030405060708 0102030405060708",
		  "none | mpls 100 | opaque encapsulation" },
		{ "10000007 01020304 05060708 0102030405060708 0102030405060708",
		  "none | mpls 100 | opaque no-ip" },
		/* Ethernet with a control word, and without one: both may be. */
		{ "00000000 0102 0304 05060708 0800 4501 86dd 6000 00000000 00000000 00000000",
		  "none | mpls 100 | opaque encapsulation" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f = { 0 };

		ethernet(&f, 0x8847);
		put(&f, "0006413f");
		put(&f, t[i].payload);
		expect(take(&f, DLT_EN10MB), t[i].said);
	}
}

/* An IPv4 header whose sender looks like an EtherType: its checksum says which it is. */
Test(decode, mpls_either_way)
{
	struct frame f = { 0 };
	uint32_t sum = 0;

	ethernet(&f, 0x8847);
	put(&f, "0006413f");
	ipv4(&f, "8.0.69.1", "10.2.0.2", PROTO_TCP);
	tcp(&f, 40000, 443, TCP_SYN);
	expect(take(&f, DLT_EN10MB), "none | mpls 100 | opaque encapsulation");
	for (unsigned i = 18; i < 38; i += 2)
		sum += (uint32_t)(f.bytes[i] << 8 | f.bytes[i + 1]);
	sum = ~(sum + (sum >> 16)) & 0xffff;
	f.bytes[28] = (uint8_t)(sum >> 8);
	f.bytes[29] = (uint8_t)sum;
	expect(take(&f, DLT_EN10MB), "tcp 8.0.69.1 40000 10.2.0.2 443 flags=S | mpls 100");
}

Test(decode, associated_channel_with_ip)
{
	struct frame f = { 0 };

	ethernet(&f, 0x8847);
	put(&f, "0006413f 10000021");
	inner_packet(&f);
	expect(take(&f, DLT_EN10MB), SYN " | mpls 100");
	memset(&f, 0, sizeof(f));
	ethernet(&f, 0x8847);
	put(&f, "0006413f 10000057");
	ipv6(&f, "2001:db8::1", "2001:db8::2", PROTO_UDP);
	udp(&f, 1, 2);
	expect(take(&f, DLT_EN10MB), "udp 2001:db8::1 1 2001:db8::2 2 | mpls 100");
}

Test(decode, names)
{
	static const struct segment_tag tags[] = {
		{ SEGMENT_VLAN, false, 20 },
		{ SEGMENT_VNI, false, 5001 },
		{ SEGMENT_GRE_KEY, false, 1 },
		{ SEGMENT_MPLS, false, 100 },
		{ SEGMENT_TEID, false, 2 },
		{ SEGMENT_ERSPAN, false, 3 },
		{ SEGMENT_PPPOE, false, 4 },
		{ SEGMENT_NSH, false, 5 },
		{ 99, false, 6 },
	};
	struct text t = { 0 };

	segments_print(&t, tags, 9);
	cr_expect_str_eq(t.s, "vlan 20, vni 5001, gre-key 1, mpls 100, teid 2, erspan 3, "
			      "pppoe 4, nsh 5, tag 6");
	text_clear(&t);
	segments_print(&t, tags, 0);
	cr_expect_str_eq(t.s, "");
	text_finish(&t);
	for (unsigned bit = 1; bit <= ANOMALY_OVERLAP; bit <<= 1)
		cr_expect_str_neq(anomaly_name((enum anomaly)bit), "unknown");
	cr_expect_str_eq(anomaly_name((enum anomaly)0), "unknown");
	cr_expect_str_eq(opaque_name(OPAQUE_NOT), "not");
	cr_expect_str_eq(opaque_name((enum opaque)77), "unknown");
}
