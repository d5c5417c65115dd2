/* SPDX-License-Identifier: Apache-2.0 */
/* IP of both versions with what stands before and behind it. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/decode_frames.h"

#define SYN "tcp 10.1.0.1 40000 10.2.0.2 443 flags=S"
#define A6  "2001:db8::1"
#define B6  "2001:db8::2"

enum { RAW = 101 };

static void v4(struct frame *f, unsigned proto)
{
	memset(f, 0, sizeof(*f));
	ipv4(f, "10.1.0.1", "10.2.0.2", proto);
}

static void v6(struct frame *f, unsigned next)
{
	memset(f, 0, sizeof(*f));
	ipv6(f, A6, B6, next);
}

Test(decode_ip, transports)
{
	static const struct {
		unsigned proto;
		const char *bytes, *said;
	} t[] = {
		{ PROTO_UDP, "03e8 0035 0008 0000", "udp 10.1.0.1 1000 10.2.0.2 53" },
		{ PROTO_UDPLITE, "03e8 0035 0008 0000", "udplite 10.1.0.1 1000 10.2.0.2 53" },
		{ PROTO_SCTP, "03e8 0035 00000001 00000000", "sctp 10.1.0.1 1000 10.2.0.2 53" },
		{ PROTO_DCCP, "03e8 0035 03000000 00000000", "dccp 10.1.0.1 1000 10.2.0.2 53" },
		{ PROTO_ICMP, "0800 0000 0102 0001", "icmp 10.1.0.1 8 10.2.0.2 0 id=258" },
		{ PROTO_ICMP, "2a00 0000 0102 0001", "icmp 10.1.0.1 42 10.2.0.2 0 id=258" },
		{ PROTO_ICMP, "0903 0000 0102 0001", "icmp 10.1.0.1 9 10.2.0.2 3" },
		{ PROTO_ICMPV6, "8000 0000 0102 0001", "ip:58 10.1.0.1 10.2.0.2" },
		{ PROTO_IGMP, "1164 0000 00000000", "ip:2 10.1.0.1 10.2.0.2" },
		{ 89, "0201 0000", "ip:89 10.1.0.1 10.2.0.2" },
		{ 200, "", "ip:200 10.1.0.1 10.2.0.2" },
		{ PROTO_ESP, "00000001 00000001",
		  "ip:50 10.1.0.1 10.2.0.2 | opaque encrypted" },
		{ 108, "04000001", "ip:108 10.1.0.1 10.2.0.2 | opaque encapsulation" },
		{ 115, "00000001", "ip:115 10.1.0.1 10.2.0.2 | opaque encapsulation" },
		{ 44, "06000000 00000001", "ip:44 10.1.0.1 10.2.0.2" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f;

		v4(&f, t[i].proto);
		put(&f, t[i].bytes);
		expect(take(&f, RAW), t[i].said);
	}
}

Test(decode_ip, transports_v6)
{
	static const struct {
		unsigned proto;
		const char *bytes, *said;
	} t[] = {
		{ PROTO_UDP, "03e8 0035 0008 0000", "udp " A6 " 1000 " B6 " 53" },
		{ PROTO_SCTP, "03e8 0035 00000001 00000000", "sctp " A6 " 1000 " B6 " 53" },
		{ PROTO_ICMPV6, "8100 0000 0102 0001", "icmpv6 " A6 " 129 " B6 " 0 id=258" },
		{ PROTO_ICMPV6, "8700 0000 0000 0000", "icmpv6 " A6 " 135 " B6 " 0" },
		{ PROTO_ICMP, "0800 0000 0102 0001", "ip:1 " A6 " " B6 },
		{ 59, "", "ip:59 " A6 " " B6 },
		{ PROTO_ESP, "00000001", "ip:50 " A6 " " B6 " | opaque encrypted" },
		/* Mobility, and nothing behind it. */
		{ 135, "3b000500 00000000", "ip:135 " A6 " " B6 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f;

		v6(&f, t[i].proto);
		put(&f, t[i].bytes);
		expect(take(&f, RAW), t[i].said);
	}
}

Test(decode_ip, headers_that_are_too_short)
{
	static const struct {
		unsigned proto;
		const char *bytes, *said;
	} t[] = {
		{ PROTO_TCP, "9c40 01", "ip:6 10.1.0.1 10.2.0.2 | malformed | opaque cut" },
		{ PROTO_TCP, "9c40 01bb",
		  "tcp 10.1.0.1 40000 10.2.0.2 443 flags=- | malformed" },
		{ PROTO_TCP, "9c40 01bb 00000001 00000000 40 02 ffff 00000000",
		  SYN " | malformed" },
		{ PROTO_TCP, "9c40 01bb 00000001 00000000 60 02 ffff 00000000",
		  SYN " | malformed" },
		{ PROTO_TCP, "9c40 01bb 00000001 00000000 52 02 ffff 00000000",
		  SYN " | reserved" },
		{ PROTO_UDP, "", "ip:17 10.1.0.1 10.2.0.2 | malformed | opaque cut" },
		{ PROTO_UDP, "03e8 0035 0007 0000",
		  "udp 10.1.0.1 1000 10.2.0.2 53 | malformed" },
		{ PROTO_UDP, "03e8 0035 0009 0000",
		  "udp 10.1.0.1 1000 10.2.0.2 53 | malformed" },
		{ PROTO_UDP, "03e8 0035 0000 0000", "udp 10.1.0.1 1000 10.2.0.2 53" },
		{ PROTO_ICMP, "08", "ip:1 10.1.0.1 10.2.0.2 | malformed | opaque cut" },
		{ PROTO_ICMP, "0800", "icmp 10.1.0.1 8 10.2.0.2 0 | malformed" },
		{ PROTO_SCTP, "03e8 0035", "sctp 10.1.0.1 1000 10.2.0.2 53 | malformed" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f;
		struct decoded d;

		v4(&f, t[i].proto);
		put(&f, t[i].bytes);
		d = take(&f, RAW);
		/* Without ports a packet is told with zeros. */
		if (d.opaque == OPAQUE_CUT) {
			cr_expect(d.has_ip && !d.packet.sport && !d.packet.dport &&
				  !d.packet.icmp_type && d.packet.proto == t[i].proto &&
				  d.anomalies == ANOMALY_MALFORMED);
			cr_expect_not_null(strstr(t[i].said, "opaque cut"));
		} else {
			expect(d, t[i].said);
		}
	}
}

Test(decode_ip, cut_before_the_ports)
{
	struct frame f;
	struct decoded d;

	v4(&f, PROTO_TCP);
	tcp(&f, 40000, 443, TCP_SYN);
	close_lengths(&f);
	decode(RAW, f.bytes, 23, 40, &d);
	cr_expect(d.has_ip && d.opaque == OPAQUE_CUT && d.anomalies == ANOMALY_TRUNCATED);
	decode(RAW, f.bytes, 24, 40, &d);
	expect(d, "tcp 10.1.0.1 40000 10.2.0.2 443 flags=- | truncated");
	decode(RAW, f.bytes, 34, 40, &d);
	expect(d, SYN " | truncated");
	decode(RAW, f.bytes, 40, 60, &d);
	expect(d, SYN);
	decode(RAW, f.bytes, 19, 40, &d);
	expect(d, "none | truncated | opaque cut");
}

Test(decode_ip, more_captured_than_there_was)
{
	struct frame f;
	struct decoded d;

	v4(&f, PROTO_TCP);
	tcp(&f, 40000, 443, TCP_SYN);
	close_lengths(&f);
	decode(RAW, f.bytes, 40, 30, &d);
	cr_expect_eq(d.anomalies,
		     ANOMALY_CAPLEN | ANOMALY_MALFORMED); /* and the IP length too long */
	cr_expect_eq(d.packet.dport, 443);
	decode(RAW, f.bytes, 40, 10, &d);
	cr_expect_eq(d.anomalies, ANOMALY_CAPLEN | ANOMALY_MALFORMED);
	cr_expect_not(d.has_ip);
}

Test(decode_ip, lengths)
{
	struct frame f;

	v4(&f, PROTO_TCP);
	tcp(&f, 40000, 443, TCP_SYN);
	close_lengths(&f);
	f.bytes[3] = 41;
	expect(take_plain(&f, RAW), SYN " | malformed");
	f.bytes[3] = 19;
	cr_expect_eq(take_plain(&f, RAW).opaque, OPAQUE_CUT);
	f.bytes[3] = 40;
	f.bytes[0] = 0x44;
	expect(take_plain(&f, RAW), "none | malformed | opaque cut");
	f.bytes[0] = 0x55;
	expect(take_plain(&f, RAW), "none | malformed | opaque cut");
}

/* What a card is to segment has a length of 0; what may be padding isn't taken for it. */
Test(decode_ip, offload)
{
	struct frame f;

	v4(&f, PROTO_TCP);
	tcp(&f, 40000, 443, TCP_SYN);
	close_lengths(&f);
	f.bytes[3] = 0;
	cr_expect_eq(take_plain(&f, RAW).anomalies, ANOMALY_MALFORMED);
	pad(&f, 2000);
	expect(take_plain(&f, RAW), SYN);
	v6(&f, PROTO_TCP);
	tcp(&f, 40000, 443, TCP_SYN);
	pad(&f, 2000);
	close_lengths(&f);
	f.bytes[4] = f.bytes[5] = 0;
	expect(take_plain(&f, RAW), "tcp " A6 " 40000 " B6 " 443 flags=S");
	v6(&f, 59);
	close_lengths(&f);
	pad(&f, 6);
	expect(take_plain(&f, RAW), "ip:59 " A6 " " B6);
}

Test(decode_ip, lengths_v6)
{
	struct frame f;

	v6(&f, PROTO_UDP);
	udp(&f, 1000, 53);
	close_lengths(&f);
	f.bytes[5]++;
	expect(take_plain(&f, RAW), "udp " A6 " 1000 " B6 " 53 | malformed");
	f.bytes[0] = 0x70;
	expect(take_plain(&f, RAW), "none | malformed | opaque cut");
	expect(take_plain(&f, DLT_IPV6), "none | malformed | opaque cut");
}

Test(decode_ip, options)
{
	static const struct {
		const char *options, *said;
	} t[] = {
		{ "01010101", SYN },
		{ "94040000", SYN },		    /* router alert */
		{ "01000000", SYN },		    /* end of list */
		{ "94050000", SYN " | malformed" }, /* longer than there is */
		{ "94010000", SYN " | malformed" },
		{ "01010194", SYN " | malformed" },
		/* Routes: used up, and to 10.3.0.3 over 10.2.0.2. */
		{ "83070801 0203 0400", SYN " | reserved" },
		{ "83070401 0203 0400",
		  "tcp 10.1.0.1 40000 1.2.3.4 443 flags=S | 10.1.0.1>10.2.0.2 43 | reserved" },
		{ "890b0801 02030405 06070800",
		  "tcp 10.1.0.1 40000 5.6.7.8 443 flags=S | 10.1.0.1>10.2.0.2 43 | reserved" },
		{ "83050400 00000000", SYN " | reserved" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f;

		v4(&f, PROTO_TCP);
		put(&f, t[i].options);
		f.bytes[0] = (uint8_t)(0x40 | f.n / 4);
		tcp(&f, 40000, 443, TCP_SYN);
		expect(take(&f, RAW), t[i].said);
	}
}

Test(decode_ip, too_many_routes)
{
	struct frame f;

	v4(&f, PROTO_TCP);
	for (int i = 0; i < 5; i++)
		put(&f, "83070401020304");
	put(&f, "00");
	f.bytes[0] = 0x4e;
	tcp(&f, 40000, 443, TCP_SYN);
	expect(take(&f, RAW),
	       "tcp 10.1.0.1 0 1.2.3.4 0 flags=- | 10.1.0.1>10.2.0.2 43 | 10.1.0.1>1.2.3.4 43 "
	       "| "
	       "10.1.0.1>1.2.3.4 43 | 10.1.0.1>1.2.3.4 43 | layers | reserved | opaque "
	       "encapsulation");
}

Test(decode_ip, fragments)
{
	struct frame f = { 0 };

	ipv4_part(&f, "10.1.0.1", "10.2.0.2", PROTO_TCP, 77, 0, true);
	tcp(&f, 40000, 443, TCP_SYN);
	pad(&f, 4);
	expect(take(&f, RAW), SYN " first fragment=77");
	memset(&f, 0, sizeof(f));
	ipv4_part(&f, "10.1.0.1", "10.2.0.2", PROTO_TCP, 77, 24, true);
	tcp(&f, 40000, 443, TCP_SYN);
	pad(&f, 4);
	expect(take(&f, RAW), "ip:6 10.1.0.1 10.2.0.2 frag=1 fragment=77");
	memset(&f, 0, sizeof(f));
	ipv4_part(&f, "10.1.0.1", "10.2.0.2", PROTO_TCP, 77, 8, false);
	tcp(&f, 40000, 443, TCP_SYN);
	expect(take(&f, RAW), "ip:6 10.1.0.1 10.2.0.2 frag=1 fragment=77 | overlap");
	memset(&f, 0, sizeof(f));
	ipv4_part(&f, "10.1.0.1", "10.2.0.2", PROTO_UDP, 77, 65528, false);
	pad(&f, 8);
	expect(take(&f, RAW), "ip:17 10.1.0.1 10.2.0.2 frag=1 fragment=77 | malformed");
	memset(&f, 0, sizeof(f));
	ipv4_part(&f, "10.1.0.1", "10.2.0.2", PROTO_UDP, 77, 8, true);
	pad(&f, 7);
	expect(take(&f, RAW), "ip:17 10.1.0.1 10.2.0.2 frag=1 fragment=77 | malformed");
}

Test(decode_ip, reserved_flag)
{
	struct frame f;

	v4(&f, PROTO_TCP);
	tcp(&f, 40000, 443, TCP_SYN);
	f.bytes[6] = 0x80;
	expect(take(&f, RAW), SYN " | reserved");
}

Test(decode_ip, tiny_first_fragment)
{
	struct frame f = { 0 };
	struct decoded d;

	ipv4_part(&f, "10.1.0.1", "10.2.0.2", PROTO_TCP, 77, 0, true);
	put(&f, "9c40 01bb 00000001");
	expect(take(&f, RAW),
	       "tcp 10.1.0.1 40000 10.2.0.2 443 flags=- first fragment=77 | tiny-fragment");
	memset(&f, 0, sizeof(f));
	ipv4_part(&f, "10.1.0.1", "10.2.0.2", PROTO_TCP, 77, 0, true);
	d = take(&f, RAW);
	cr_expect(d.anomalies == ANOMALY_TINY_FRAGMENT && d.opaque == OPAQUE_CUT &&
		  d.first_fragment);
}

/* Nothing is made of what a later fragment begins with. */
Test(decode_ip, later_fragments_by_protocol)
{
	static const struct {
		unsigned proto, opaque;
	} t[] = {
		{ PROTO_UDP, OPAQUE_NOT },
		{ PROTO_ICMP, OPAQUE_NOT },
		{ PROTO_SCTP, OPAQUE_NOT },
		{ PROTO_ESP, OPAQUE_ENCRYPTED },
		{ PROTO_GRE, OPAQUE_ENCAPSULATION },
		{ 4, OPAQUE_ENCAPSULATION },
		{ 41, OPAQUE_ENCAPSULATION },
		{ 137, OPAQUE_ENCAPSULATION },
		{ PROTO_AH, OPAQUE_CUT },
		{ 60, OPAQUE_NOT },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f = { 0 };
		struct decoded d;

		ipv4_part(&f, "10.1.0.1", "10.2.0.2", t[i].proto, 9, 16, false);
		inner_packet(&f);
		d = take(&f, RAW);
		cr_expect(d.packet.fragment && d.packet.proto == t[i].proto &&
			  d.opaque == t[i].opaque && !d.packet.icmp_type && !d.n_tunnels);
	}
}

Test(decode_ip, authentication_is_looked_behind)
{
	struct frame f;

	v4(&f, PROTO_AH);
	put(&f, "06 04 0000 00000001 00000001 000000000000000000000000");
	tcp(&f, 40000, 443, TCP_SYN);
	expect(take(&f, RAW), SYN);
	v6(&f, PROTO_AH);
	put(&f, "06 04 0000 00000001 00000001 000000000000000000000000");
	tcp(&f, 40000, 443, TCP_SYN);
	expect(take(&f, RAW), "tcp " A6 " 40000 " B6 " 443 flags=S");
	v4(&f, PROTO_AH);
	put(&f, "06 00 0000 00000001 00000001");
	tcp(&f, 40000, 443, TCP_SYN);
	expect(take(&f, RAW), "ip:51 10.1.0.1 10.2.0.2 | malformed | opaque cut");
}

Test(decode_ip, too_many_authentications)
{
	for (unsigned n = 16; n <= 17; n++) {
		struct frame f;

		v4(&f, PROTO_AH);
		for (unsigned i = 0; i < n; i++)
			put(&f, i + 1 < n ? "33 01 0000 00000001 00000001"
					  : "06 01 0000 00000001 00000001");
		tcp(&f, 40000, 443, TCP_SYN);
		expect(take(&f, RAW), n == 16 ? SYN
					      : "ip:51 10.1.0.1 10.2.0.2 | layers | opaque "
						"encapsulation");
	}
}

#define V6_SYN "tcp " A6 " 40000 " B6 " 443 flags=S"

Test(decode_ip, extension_headers)
{
	static const struct {
		unsigned next;
		const char *headers, *said;
	} t[] = {
		{ 0, "06 00 0104 00000000", V6_SYN },
		{ 60, "06 00 0104 00000000", V6_SYN },
		{ 0, "3c 00 0104 00000000 2b 00 0104 00000000 06 00 0400 00000000", V6_SYN },
		{ 60, "00 00 0104 00000000 06 00 0104 00000000", V6_SYN " | malformed" },
		{ 139, "06 00 0000 00000000", V6_SYN },
		{ 140, "06 00 0000 00000000", V6_SYN },
		{ 135, "06 00 0000 00000000", V6_SYN },
		/* Options: padding of 1, longer than the header, a home address, a jumbogram
		 * that isn't one. */
		{ 60, "06 00 00 00 00 00 00 00", V6_SYN },
		{ 60, "06 00 0105 00000000", V6_SYN " | malformed" },
		{ 60, "06 02 c910 20010db8000000000000000000000003 00000000",
		  V6_SYN " | reserved" },
		{ 0, "06 00 c204 00010000", V6_SYN " | malformed" },
		{ 60, "06 00 c204 00010000", V6_SYN " | malformed" },
		/* Routing: used up; type 0; mobile; one that isn't known. */
		{ 43, "06 00 0400 00000000", V6_SYN },
		{ 43, "06 02 0000 00000000 20010db8000000000000000000000003",
		  V6_SYN " | reserved" },
		{ 43, "06 02 0001 00000000 20010db8000000000000000000000003",
		  "tcp " A6 " 40000 2001:db8::3 443 flags=S | " A6 ">" B6 " 43 | reserved" },
		{ 43, "06 02 0401 00000000 20010db8000000000000000000000003",
		  "tcp " A6 " 40000 2001:db8::3 443 flags=S | " A6 ">" B6 " 43" },
		{ 43,
		  "06 04 0401 01000000 20010db8000000000000000000000003 "
		  "20010db8000000000000000000000002",
		  "tcp " A6 " 40000 2001:db8::3 443 flags=S | " A6 ">" B6 " 43" },
		{ 43, "06 02 0201 00000000 20010db8000000000000000000000003", V6_SYN },
		{ 43, "06 00 6301 00000000",
		  "ip:43 " A6 " " B6 " | reserved | opaque encapsulation" },
		{ 43, "06 02 0002 00000000 20010db8000000000000000000000003",
		  "ip:43 " A6 " " B6 " | malformed | reserved | opaque encapsulation" },
		{ 43, "06 00 0401 00000000",
		  "ip:43 " A6 " " B6 " | malformed | opaque encapsulation" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f;

		v6(&f, t[i].next);
		put(&f, t[i].headers);
		tcp(&f, 40000, 443, TCP_SYN);
		expect(take(&f, RAW), t[i].said);
	}
}

Test(decode_ip, too_many_extension_headers)
{
	for (unsigned n = 16; n <= 17; n++) {
		struct frame f;

		v6(&f, 60);
		for (unsigned i = 0; i < n; i++)
			put(&f, i + 1 < n ? "3c 00 0104 00000000" : "06 00 0104 00000000");
		tcp(&f, 40000, 443, TCP_SYN);
		expect(take(&f, RAW), n == 16 ? V6_SYN
					      : "ip:60 " A6 " " B6
						" | layers | opaque encapsulation");
	}
}

Test(decode_ip, too_many_options)
{
	for (unsigned n = 5; n <= 6; n++) {
		struct frame f;

		v6(&f, 60);
		put8(&f, 6);
		put8(&f, n - 1);
		pad(&f, n * 8 - 2);
		tcp(&f, 40000, 443, TCP_SYN);
		expect(take(&f, RAW), n == 5 ? V6_SYN : V6_SYN " | layers");
	}
}

Test(decode_ip, jumbogram)
{
	static uint8_t frame[40 + 65536 + 16];
	struct frame f;
	struct decoded d;

	v6(&f, 0);
	put(&f, "06 00 c204 00010000");
	tcp(&f, 40000, 443, TCP_SYN);
	f.bytes[4] = f.bytes[5] = 0;
	memcpy(frame, f.bytes, f.n);
	decode(RAW, frame, 40 + 65536, 40 + 65536, &d);
	expect(d, V6_SYN);
	decode(RAW, frame, sizeof(frame), sizeof(frame), &d); /* padded */
	expect(d, V6_SYN);
	decode(RAW, frame, 256, 40 + 65536, &d);
	expect(d, V6_SYN);
	decode(RAW, frame, 40 + 65535, 40 + 65535, &d);
	expect(d, V6_SYN " | malformed");
}

Test(decode_ip, fragments_v6)
{
	static const struct {
		const char *headers, *said;
	} t[] = {
		{ "06 00 0000 00000063", V6_SYN }, /* atomic: RFC 6946 */
		{ "06 00 0001 00000063", V6_SYN " first fragment=99" },
		{ "06 00 0019 00000063", "ip:6 " A6 " " B6 " frag=1 fragment=99" },
		{ "2c 00 0001 00000063 06 00 0019 00000064",
		  "ip:6 " A6 " " B6 " frag=1 fragment=100 | reserved" },
		{ "3c 00 0019 00000063",
		  "ip:60 " A6 " " B6 " frag=1 fragment=99 | opaque cut" },
		{ "32 00 0019 00000063",
		  "ip:50 " A6 " " B6 " frag=1 fragment=99 | opaque encrypted" },
		{ "06 00 0006 00000063", V6_SYN " | reserved" },
		{ "06 00 0009 00000063", "ip:6 " A6 " " B6 " frag=1 fragment=99 | overlap" },
		{ "3c 00 0001 00000063 06 00 0104 00000000", V6_SYN " first fragment=99" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f;

		v6(&f, 44);
		put(&f, t[i].headers);
		tcp(&f, 40000, 443, TCP_SYN);
		pad(&f, 4);
		expect(take(&f, RAW), t[i].said);
	}
}

/* RFC 7112: all headers in the first one. */
Test(decode_ip, first_fragment_ends_in_the_chain)
{
	struct frame f;

	v6(&f, 44);
	put(&f, "3c 00 0001 00000063");
	expect(take(&f, RAW),
	       "ip:60 " A6 " " B6 " first fragment=99 | tiny-fragment | opaque cut");
}

Test(decode_ip, errors_quote)
{
	static const unsigned types[] = { 3, 4, 5, 11, 12 };

	for (unsigned i = 0; i < 5; i++) {
		struct frame f = { 0 };
		struct text t = { 0 };

		ipv4(&f, "10.9.0.9", "10.1.0.1", PROTO_ICMP);
		put8(&f, types[i]);
		put(&f, "01 0000 00000000");
		inner_packet(&f);
		text_putf(&t,
			  "icmp 10.9.0.9 %u 10.1.0.1 1 | quotes 6 10.1.0.1 40000 10.2.0.2 443",
			  types[i]);
		expect(take(&f, RAW), t.s);
		text_finish(&t);
	}
}

Test(decode_ip, errors_quote_v6)
{
	static const unsigned types[] = { 1, 2, 3, 4 };

	for (unsigned i = 0; i < 4; i++) {
		struct frame f = { 0 };
		struct text t = { 0 };

		ipv6(&f, "2001:db8::9", A6, PROTO_ICMPV6);
		put8(&f, types[i]);
		put(&f, "00 0000 00000500");
		ipv6(&f, A6, B6, 0);
		put(&f, "2c 00 0104 00000000 33 00 0000 00000007 06 01 0000 00000001 00000001");
		tcp(&f, 40000, 443, TCP_SYN);
		text_putf(&t,
			  "icmpv6 2001:db8::9 %u " A6 " 0 | quotes 6 " A6 " 40000 " B6 " 443",
			  types[i]);
		expect(take(&f, RAW), t.s);
		text_finish(&t);
	}
}

Test(decode_ip, redirects_quote_v6)
{
	struct frame f = { 0 };

	ipv6(&f, "2001:db8::9", A6, PROTO_ICMPV6);
	put(&f, "89 00 0000 00000000");
	pad(&f, 32);
	put(&f, "02 01 020000000002 04 07 000000000000");
	ipv6(&f, A6, B6, PROTO_UDP);
	udp(&f, 1000, 53);
	expect(take(&f, RAW),
	       "icmpv6 2001:db8::9 137 " A6 " 0 | quotes 17 " A6 " 1000 " B6 " 53");
	f.bytes[80] = 5; /* no redirected packet, and an option without a length */
	f.bytes[81] = 0;
	f.bytes[88] = 5;
	expect(take(&f, RAW), "icmpv6 2001:db8::9 137 " A6 " 0");
}

Test(decode_ip, short_quotes)
{
	static const struct {
		const char *quote, *said;
	} t[] = {
		{ "", "icmp 10.9.0.9 3 10.1.0.1 1 | malformed" },
		{ "4500", "icmp 10.9.0.9 3 10.1.0.1 1 | malformed" },
		{ "45000028 00070000 40060000 0a010001 0a020002",
		  "icmp 10.9.0.9 3 10.1.0.1 1 | quotes 6 10.1.0.1 10.2.0.2" },
		{ "45000028 00070000 40060000 0a010001 0a020002 9c4001bb",
		  "icmp 10.9.0.9 3 10.1.0.1 1 | quotes 6 10.1.0.1 40000 10.2.0.2 443" },
		{ "46000028 00070000 40060000 0a010001 0a020002",
		  "icmp 10.9.0.9 3 10.1.0.1 1 | quotes 6 10.1.0.1 10.2.0.2" },
		/* A later fragment has no ports to quote. */
		{ "45000028 00070002 40060000 0a010001 0a020002 9c4001bb",
		  "icmp 10.9.0.9 3 10.1.0.1 1 | quotes 6 10.1.0.1 10.2.0.2" },
		{ "45000028 00070000 40010000 0a010001 0a020002 0800f7ff",
		  "icmp 10.9.0.9 3 10.1.0.1 1 | quotes 1 10.1.0.1 10.2.0.2" },
		{ "44000028 00070000 40060000 0a010001 0a020002 9c4001bb",
		  "icmp 10.9.0.9 3 10.1.0.1 1 | malformed" },
		{ "35000028 00070000 40060000 0a010001 0a020002 9c4001bb",
		  "icmp 10.9.0.9 3 10.1.0.1 1 | malformed" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct frame f = { 0 };

		ipv4(&f, "10.9.0.9", "10.1.0.1", PROTO_ICMP);
		put(&f, "03 01 0000 00000000");
		put(&f, t[i].quote);
		close_lengths(&f);
		expect(take_plain(&f, RAW), t[i].said);
	}
}
