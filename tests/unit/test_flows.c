/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/vec.h"
#include "capture/flows.h"

/* What came out. */
struct heard {
	VEC(struct flow_record) records;
	uint8_t excerpt[64];
	size_t n_excerpt;
};

static void hear(void *user, const struct flow_record *r, const void *more, size_t n)
{
	struct heard *h = user;
	cr_assert(flow_record_valid(r), "record %zu", h->records.n);
	*vec_add(&h->records) = *r;
	if (r->kind == RECORD_EXCERPT) {
		cr_assert(n <= sizeof(h->excerpt));
		memcpy(h->excerpt, more, n);
		h->n_excerpt = n;
	}
}

struct world {
	struct heard heard;
	struct flows *flows;
	uint64_t number;
};

#define WORLD(name, max, excerpt)                                                              \
	struct world name = { 0 };                                                             \
	name.flows = flows_create(max, excerpt, hear, &name.heard)

static void over(struct world *w)
{
	flows_destroy(w->flows);
	vec_free(&w->heard.records);
}

static struct decoded v4(uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst,
			 uint16_t dport)
{
	return (struct decoded){ .has_ip = true,
				 .length = 100,
				 .packet = { .family = FAMILY_V4,
					     .proto = proto,
					     .sport = sport,
					     .dport = dport,
					     .src = { 0, src },
					     .dst = { 0, dst } } };
}

static struct decoded tcp(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport,
			  uint8_t flags)
{
	struct decoded d = v4(PROTO_TCP, src, sport, dst, dport);
	d.packet.flags = flags;
	return d;
}

static struct decoded icmp(uint32_t src, uint32_t dst, uint8_t type)
{
	struct decoded d = v4(PROTO_ICMP, src, 0, dst, 0);
	d.packet.icmp_type = type;
	return d;
}

static void see_at(struct world *w, const struct decoded *d, int64_t at)
{
	static const uint8_t bytes[32] = "0123456789abcdef";
	flows_add(w->flows, d, 0, 0, ++w->number, at, bytes, sizeof(bytes));
}

static void see(struct world *w, struct decoded d)
{
	see_at(w, &d, (int64_t)w->number * 1000);
}

static const struct flow_record *record(const struct world *w, size_t i)
{
	cr_assert(i < w->heard.records.n, "only %zu records", w->heard.records.n);
	return &w->heard.records.v[i];
}

enum { A = 0x0a000001, B = 0x0a000002, C = 0x0a000003 };

Test(flows, both_directions_are_one)
{
	WORLD(w, 16, 0);
	see(&w, tcp(A, 40000, B, 443, TCP_SYN));
	see(&w, tcp(B, 443, A, 40000, TCP_SYN | TCP_ACK));
	see(&w, tcp(A, 40000, B, 443, TCP_ACK));
	see(&w, tcp(B, 443, A, 40000, TCP_ACK));
	see(&w, tcp(B, 443, A, 40000, TCP_ACK));
	cr_expect_eq(w.heard.records.n, 1);
	const struct flow_record *r = record(&w, 0);
	cr_expect_eq(r->kind, RECORD_FIRST);
	cr_expect_eq(r->began, BEGAN_SEEN);
	cr_expect_eq(r->packet.flags, TCP_SYN);
	cr_expect_eq(r->packet.src.lo, A);
	cr_expect_eq(r->packet.dport, 443);
	cr_expect_eq(r->number, 1);
	flows_flush(w.flows, false);
	r = record(&w, 1);
	cr_expect_eq(r->kind, RECORD_MORE);
	cr_expect_eq(r->flow, 1);
	cr_expect_eq(r->packet.src.lo, A);
	cr_expect_eq(r->packets[0], 1);
	cr_expect_eq(r->packets[1], 3);
	cr_expect_eq(r->bytes[1], 300);
	cr_expect_eq(r->number, 2);
	cr_expect_eq(r->at, 1000);
	cr_expect_eq(r->until, 4000);
	flows_flush(w.flows, false);
	flows_flush(w.flows, true);
	cr_expect_eq(w.heard.records.n, 2, "nothing was counted since");
	over(&w);
}

Test(flows, who_began)
{
	static const struct {
		uint8_t flags, began;
	} rows[] = {
		{ TCP_SYN, BEGAN_SEEN },
		{ TCP_SYN | TCP_ECE | TCP_CWR, BEGAN_SEEN },
		{ TCP_SYN | TCP_ACK, BEGAN_REVERSE },
		{ TCP_ACK, BEGAN_GUESSED },
		{ TCP_SYN | TCP_RST, BEGAN_GUESSED },
		{ TCP_FIN | TCP_ACK, BEGAN_GUESSED },
		{ 0, BEGAN_GUESSED },
	};
	WORLD(w, 16, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		see(&w, tcp(A, (uint16_t)(1000 + i), B, 443, rows[i].flags));
		cr_expect_eq(record(&w, i)->began, rows[i].began, "row %zu", i);
		cr_expect_eq(record(&w, i)->packet.src.lo, A);
	}
	over(&w);
}

/* Whoever was taken for the one who began: a beginning of the other end is another flow, to be
 * judged by itself. */
Test(flows, a_beginning_of_the_other_end_is_told)
{
	WORLD(w, 16, 0);
	see(&w, tcp(A, 40000, B, 443, TCP_SYN));
	see(&w, tcp(A, 40000, B, 443, TCP_ACK));
	see(&w, tcp(B, 443, A, 40000, TCP_SYN));
	cr_assert_eq(w.heard.records.n, 3);
	cr_expect_eq(record(&w, 1)->kind, RECORD_LAST);
	cr_expect_eq(record(&w, 1)->flow, 1);
	cr_expect_eq(record(&w, 2)->kind, RECORD_FIRST);
	cr_expect_eq(record(&w, 2)->flow, 2);
	cr_expect_eq(record(&w, 2)->began, BEGAN_SEEN);
	cr_expect_eq(record(&w, 2)->packet.src.lo, B);
	see(&w, tcp(B, 443, A, 40000, TCP_SYN));
	cr_expect_eq(w.heard.records.n, 3, "sent again");
	over(&w);
}

Test(flows, who_began_is_known_later)
{
	WORLD(w, 16, 0);
	see(&w, tcp(A, 40000, B, 443, TCP_ACK));
	see(&w, tcp(B, 443, A, 40000, TCP_ACK));
	see(&w, tcp(B, 443, A, 40000, TCP_SYN | TCP_ACK));
	cr_assert_eq(w.heard.records.n, 3);
	cr_expect_eq(record(&w, 1)->packets[1], 1);
	cr_expect_eq(record(&w, 2)->began, BEGAN_REVERSE);
	cr_expect_eq(record(&w, 2)->packet.src.lo, B);
	see(&w, tcp(A, 40000, B, 443, TCP_SYN));
	cr_expect_eq(w.heard.records.n, 3, "of the same end");
	over(&w);
}

Test(flows, pings_are_told_by_who_asks)
{
	WORLD(w, 16, 0);
	see(&w, icmp(A, B, 8));
	see(&w, icmp(B, A, 0));
	see(&w, icmp(B, A, 8));
	see(&w, icmp(C, A, 0));
	struct decoded other = icmp(A, B, 8);
	other.icmp_id = 7;
	see(&w, other);
	cr_assert_eq(w.heard.records.n, 4);
	cr_expect_eq(record(&w, 3)->ethertype, 0);
	cr_expect_eq(record(&w, 0)->began, BEGAN_SEEN);
	cr_expect_eq(record(&w, 1)->began, BEGAN_SEEN);
	cr_expect_eq(record(&w, 1)->packet.src.lo, B);
	cr_expect_eq(record(&w, 2)->began, BEGAN_REVERSE);
	cr_expect_eq(record(&w, 2)->packet.src.lo, C);
	cr_expect_eq(record(&w, 2)->packet.icmp_type, 0);
	flows_flush(w.flows, true);
	cr_expect_eq(record(&w, 4)->packets[1], 1);
	over(&w);
}

Test(flows, errors_go_with_what_they_quote)
{
	WORLD(w, 16, 0);
	for (uint16_t port = 1; port <= 2; port++)
		for (int again = 0; again < 2; again++) {
			struct decoded d = icmp(C, A, 3);
			d.packet.icmp_code = 13;
			d.quoted = (struct quoted){ .any = true,
						    .has_ports = true,
						    .proto = PROTO_UDP,
						    .sport = 500,
						    .dport = port,
						    .src = { 0, A },
						    .dst = { 0, B } };
			see(&w, d);
		}
	cr_assert_eq(w.heard.records.n, 2);
	for (size_t i = 0; i < 2; i++) {
		cr_expect_eq(record(&w, i)->related, 1);
		cr_expect_eq(record(&w, i)->quoted.dport, i + 1);
		cr_expect_eq(record(&w, i)->quoted.src.lo, A);
	}
	/* what its receiver never sent is no excuse */
	struct decoded forged = icmp(C, A, 3);
	forged.quoted = (struct quoted){ .any = true, .src = { 0, B }, .dst = { 0, C } };
	see(&w, forged);
	cr_expect_eq(record(&w, 2)->related, 0);
	/* nobody answers an error */
	see(&w, icmp(A, C, 3));
	cr_expect_eq(record(&w, 3)->related, 0);
	cr_expect_eq(record(&w, 3)->packet.src.lo, A);
	over(&w);
}

Test(flows, segments_tell_flows_apart)
{
	static const struct segment_tag stacks[][2] = {
		{ { .kind = SEGMENT_VLAN, .id = 10 } },
		{ { .kind = SEGMENT_VLAN, .id = 20 } },
		{ { .kind = SEGMENT_VNI, .id = 10 } },
		{ { .kind = SEGMENT_VLAN, .id = 10 }, { .kind = SEGMENT_VLAN, .id = 20 } },
		{ { .kind = SEGMENT_VLAN, .id = 20 }, { .kind = SEGMENT_VLAN, .id = 10 } },
		{ { .kind = SEGMENT_VLAN, .inner = true, .id = 10 } },
	};
	WORLD(w, 16, 0);
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < 7; i++) {
			struct decoded d = tcp(A, 40000, B, 443, TCP_SYN);
			if (i < 6) {
				memcpy(d.segments, stacks[i], sizeof(stacks[i]));
				d.n_segments = i == 3 || i == 4 ? 2 : 1;
			}
			see(&w, d);
		}
	cr_assert_eq(w.heard.records.n, 7);
	cr_expect_eq(record(&w, 4)->n_segments, 2);
	cr_expect_eq(record(&w, 4)->segments[0].id, 20);
	cr_expect_eq(record(&w, 6)->n_segments, 0);
	/* and interfaces do */
	struct decoded d = tcp(A, 40000, B, 443, TCP_SYN);
	flows_add(w.flows, &d, 1, 0, 99, 0, NULL, 0);
	cr_expect_eq(record(&w, 7)->interface, 1);
	over(&w);
}

/* What is carried must not hide behind the same between other ends. */
Test(flows, tunnels_tell_flows_apart)
{
	WORLD(w, 16, 0);
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 3; i++) {
			struct decoded d = tcp(A, 40000, B, 443, TCP_ACK),
				       no_ip = { .opaque = OPAQUE_NO_IP, .ethertype = 0x0806 };
			d.n_tunnels = no_ip.n_tunnels = i ? 1 : 0;
			d.tunnels[0] = no_ip.tunnels[0] = (struct tunnel_end){
				.proto = 17, .src = { 0, C }, .dst = { 0, C + i }
			};
			if (round) { /* and back */
				d = tcp(B, 443, A, 40000, TCP_ACK);
				d.n_tunnels = no_ip.n_tunnels;
				d.tunnels[0] = (struct tunnel_end){ .proto = 17,
								    .src = { 0, C + i },
								    .dst = { 0, C } };
			}
			see(&w, d);
			see(&w, no_ip);
		}
	cr_assert_eq(w.heard.records.n, 6);
	cr_expect_eq(record(&w, 4)->n_tunnels, 1);
	cr_expect_eq(record(&w, 4)->tunnels[0].dst.lo, C + 2);
	over(&w);
}

static struct decoded fragment(uint32_t src, uint32_t dst, uint32_t id, bool first)
{
	struct decoded d = v4(PROTO_UDP, src, first ? 7 : 0, dst, first ? 53 : 0);
	d.first_fragment = first;
	d.packet.fragment = !first;
	d.fragment_id = id;
	return d;
}

Test(flows, fragments_join_their_first)
{
	WORLD(w, 16, 0);
	see(&w, fragment(A, B, 77, true));
	see(&w, fragment(A, B, 77, false));
	see(&w, fragment(A, B, 77, false));
	cr_expect_eq(w.heard.records.n, 1);
	flows_flush(w.flows, false);
	cr_expect_eq(record(&w, 1)->packets[0], 2);
	cr_expect_eq(record(&w, 1)->packet.dport, 53);
	/* the answer's, which go the other way */
	struct decoded back = fragment(B, A, 78, true);
	back.packet.sport = 53;
	back.packet.dport = 7;
	see(&w, back);
	see(&w, fragment(B, A, 78, false));
	flows_flush(w.flows, false);
	cr_expect_eq(w.heard.records.n, 3);
	cr_expect_eq(record(&w, 2)->packets[1], 2);
	over(&w);
}

Test(flows, ports_of_fragments_are_never_guessed)
{
	WORLD(w, 16, 0);
	struct decoded tiny = fragment(A, B, 80, true), tagged = fragment(A, B, 77, false);
	see(&w, fragment(A, B, 77, true));
	see(&w, fragment(A, B, 78, false)); /* another datagram */
	flows_flush(w.flows, false);
	cr_assert_eq(w.heard.records.n, 2);
	cr_expect_eq(record(&w, 1)->fragments, 1);
	cr_expect_eq(record(&w, 1)->packet.fragment, 1);
	cr_expect_eq(record(&w, 1)->packet.dport, 0);
	/* another segment */
	tagged.n_segments = 1;
	tagged.segments[0] = (struct segment_tag){ .kind = SEGMENT_VLAN, .id = 5 };
	see(&w, tagged);
	flows_flush(w.flows, false);
	cr_expect_eq(record(&w, 2)->fragments, 1);
	/* a first one without its ports, and what belongs to it */
	tiny.anomalies = ANOMALY_TINY_FRAGMENT;
	tiny.packet.sport = tiny.packet.dport = 0;
	tiny.packet.src.lo = C;
	see(&w, tiny);
	cr_expect_eq(record(&w, 3)->fragments, 1);
	cr_expect_eq(record(&w, 3)->anomalies, ANOMALY_TINY_FRAGMENT);
	see(&w, fragment(C, B, 80, false));
	cr_expect_eq(w.heard.records.n, 4, "one flow without ports");
	/* and one whose number is used again, after its time */
	struct decoded late = fragment(A, B, 77, false);
	see_at(&w, &late, INT64_C(31000000000));
	flows_flush(w.flows, false);
	cr_assert_eq(w.heard.records.n, 6);
	for (size_t i = 4; i < 6; i++)
		cr_expect_eq(record(&w, i)->fragments, 1);
	over(&w);
}

Test(flows, a_first_fragment_of_a_flow_that_is_gone_is_no_help)
{
	WORLD(w, 1, 0);
	see(&w, fragment(A, B, 77, true));
	see(&w, tcp(A, 1, B, 2, TCP_SYN));
	see(&w, fragment(A, B, 77, false));
	flows_flush(w.flows, false);
	cr_assert_eq(w.heard.records.n, 3);
	cr_expect_eq(record(&w, 2)->fragments, 1);
	over(&w);
}

Test(flows, fragments_wait_for_their_first)
{
	WORLD(w, 16, 0);
	struct decoded back = fragment(B, A, 78, true);
	see(&w, fragment(A, B, 77, false));
	see(&w, fragment(B, A, 78, false));
	see(&w, fragment(A, B, 77, false));
	cr_expect_eq(w.heard.records.n, 0);
	see(&w, fragment(A, B, 77, true));
	see(&w, fragment(A, B, 77, false));
	back.packet.sport = 53;
	back.packet.dport = 7;
	see(&w, back);
	flows_flush(w.flows, false);
	cr_assert_eq(w.heard.records.n, 2);
	cr_expect_eq(record(&w, 0)->packet.dport, 53);
	cr_expect_eq(record(&w, 0)->number, 4);
	cr_expect_eq(record(&w, 1)->flow, 1);
	cr_expect_eq(record(&w, 1)->packets[0], 3);
	cr_expect_eq(record(&w, 1)->bytes[0], 300);
	cr_expect_eq(record(&w, 1)->packets[1], 2);
	cr_expect_eq(record(&w, 1)->number, 1);
	over(&w);
}

Test(flows, fragments_that_wait_in_vain_have_no_ports)
{
	/* what comes instead of the first one: of another datagram, segment or direction, a
	 * piece without its ports, too late a one, none */
	struct decoded instead[6];
	for (size_t i = 0; i < 6; i++)
		instead[i] = fragment(i == 2 ? B : A, i == 2 ? A : B, i == 0 ? 78 : 77, i != 5);
	instead[1].n_segments = 1;
	instead[1].segments[0] = (struct segment_tag){ .kind = SEGMENT_VLAN, .id = 5 };
	instead[3].anomalies = ANOMALY_TINY_FRAGMENT;
	instead[3].packet.sport = instead[3].packet.dport = 0;
	for (size_t i = 0; i < 6; i++) {
		WORLD(w, 16, 8);
		size_t portless = 0;
		struct decoded last = fragment(A, B, 77, false);
		see_at(&w, &last, 0);
		last.length = 50;
		see_at(&w, &last, 1);
		cr_expect_eq(w.heard.records.n, 0);
		see_at(&w, &instead[i], i == 4 ? INT64_C(31000000000) : 2);
		flows_flush(w.flows, false);
		uint64_t packets = 0, bytes = 0;
		vec_each (r, &w.heard.records) {
			if (r->kind == RECORD_EXCERPT)
				continue;
			bytes += r->bytes[0] + r->bytes[1];
			packets += r->packets[0] + r->packets[1];
			portless += r->kind == RECORD_FIRST && r->fragments;
			if (r->fragments)
				cr_expect(!r->packet.sport && !r->packet.dport);
		}
		cr_expect_eq(packets, 3, "%zu: %llu", i, (unsigned long long)packets);
		cr_expect_eq(bytes, 250);
		cr_expect_eq(portless, 1, "%zu: %zu", i, portless);
		cr_expect_eq(w.heard.n_excerpt, 8);
		over(&w);
	}
}

Test(flows, what_waited_too_long_is_told_at_once)
{
	WORLD(w, 16, 0);
	struct decoded d = fragment(A, B, 77, false), other = tcp(A, 1, B, 2, TCP_SYN);
	see_at(&w, &d, 0);
	see_at(&w, &other, INT64_C(30000000000));
	cr_expect_eq(w.heard.records.n, 1);
	see_at(&w, &other, INT64_C(30000000001));
	cr_assert_eq(w.heard.records.n, 2);
	cr_expect_eq(record(&w, 1)->fragments, 1);
	cr_expect_eq(record(&w, 1)->number, 1);
	over(&w);
}

static uint32_t draw(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
}

/* Whatever comes in whatever order, every packet is in one record, and no port of one without. */
Test(flows, pieces_at_random_are_all_counted)
{
	uint32_t state = 2026;
	for (unsigned turn = 0; turn < 20; turn++) {
		WORLD(w, turn % 2 ? 16 : 4096, turn % 3 ? 0 : 16);
		uint64_t n = 0, packets = 0, bytes = 0, sent = 0;
		int64_t at = 0;
		for (; n < 5000; n++) {
			bool first = !draw(&state, 4);
			uint32_t src = A + draw(&state, 3), dst = C + draw(&state, 3);
			struct decoded d = fragment(src, dst, draw(&state, 400), first);
			if (first && !draw(&state, 10))
				d.anomalies = ANOMALY_TINY_FRAGMENT;
			if (d.anomalies)
				d.packet.sport = d.packet.dport = 0;
			d.length = 60 + draw(&state, 1000);
			sent += d.length;
			at += draw(&state, turn < 10 ? 1000 : 1000000000) - (int64_t)(turn & 1);
			see_at(&w, &d, at < 0 ? 0 : at);
			if (!draw(&state, 1000))
				flows_flush(w.flows, false);
		}
		flows_flush(w.flows, true);
		vec_each (r, &w.heard.records) {
			if (r->kind == RECORD_EXCERPT)
				continue;
			packets += r->packets[0] + r->packets[1];
			bytes += r->bytes[0] + r->bytes[1];
			cr_assert_eq(r->fragments, !r->packet.dport, "turn %u", turn);
		}
		cr_expect_eq(packets, n, "turn %u: %llu", turn, (unsigned long long)packets);
		cr_expect_eq(bytes, sent, "turn %u", turn);
		over(&w);
	}
}

/* The oldest ones make room, and all are counted. */
Test(flows, few_datagrams_wait)
{
	enum { MANY = 2000 };
	WORLD(w, 4096, 0);
	for (uint32_t i = 0; i < MANY; i++) {
		see(&w, fragment(A + i, C, i, false));
		see(&w, fragment(A + i, C, i, false));
		if (i == 10) /* one in the middle goes */
			see(&w, fragment(A + 5, C, 5, true));
	}
	cr_expect_geq(w.heard.records.n, MANY - 256);
	flows_flush(w.flows, true);
	uint64_t packets = 0;
	vec_each (r, &w.heard.records)
		packets += r->packets[0] + r->packets[1];
	cr_expect_eq(packets, 2 * MANY + 1);
	struct capture_counts c;
	flows_count(w.flows, &c);
	cr_expect_eq(c.flows, MANY);
	over(&w);
}

Test(flows, a_scan_puts_itself_out)
{
	enum { MAX = 64, SCAN = 10000 };
	WORLD(w, MAX, 0);
	struct capture_counts n = { 0 };
	for (int i = 0; i < 3; i++)
		see(&w, tcp(A, 40000, B, 443, TCP_ACK));
	for (uint32_t i = 0; i < SCAN; i++) {
		see(&w, tcp(C, 1, 0x0b000000 + i, 80, TCP_SYN));
		if (i % 16 == 0)
			see(&w, tcp(B, 443, A, 40000, TCP_ACK));
	}
	flows_count(w.flows, &n);
	cr_expect_eq(n.flows, SCAN + 1, "%d: what speaks isn't put out", (int)n.flows);
	cr_expect_eq(n.flows_now, MAX);
	cr_expect_eq(n.evicted, SCAN + 1 - MAX);
	flows_flush(w.flows, true);
	uint64_t packets = 0;
	vec_each (r, &w.heard.records)
		packets += r->packets[0] + r->packets[1];
	cr_expect_eq(packets, w.number, "none is lost");
	over(&w);
}

/* Buckets of the table overflow now and then: what stands in the next one is found there, also
 * when there is room again. */
Test(flows, who_speaks_often_is_found)
{
	enum { MAX = 128, SPEAK = 24, ROUNDS = 12000 };
	WORLD(w, MAX, 0);
	struct capture_counts n = { 0 };
	uint64_t cold = 0;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		/* each in turn is another one from now on */
		for (uint32_t k = 0; k < SPEAK; k++) {
			uint32_t who = (i + k) / SPEAK * SPEAK + SPEAK - 1 - k;
			see(&w, tcp(A, 40000, 0x0a800000 + who * SPEAK + k, 443, TCP_ACK));
		}
		for (int k = 0; k < 30; k++, cold++)
			see(&w, tcp(C, 1, 0x0b000000 + (uint32_t)cold, 80, TCP_SYN));
		w.heard.records.n = 0;
	}
	flows_count(w.flows, &n);
	uint64_t spoke = 0;
	for (uint32_t k = 0; k < SPEAK; k++)
		spoke += (ROUNDS - 1 + k) / SPEAK - k / SPEAK + 1;
	cr_expect_eq(n.flows, cold + spoke, "%d too many", (int)(n.flows - cold - spoke));
	over(&w);
}

/* Against a plain list: random packets of few ends in a small table. */
Test(flows, every_packet_has_its_flow)
{
	enum { PACKETS = 200000, ENDS = 24 };
	WORLD(w, 97, 0);
	uint64_t seed = 88172645463325252u;
	struct {
		uint64_t packets, flow;
	} *all = calloc((size_t)ENDS * ENDS * 4, sizeof(*all));
	for (int i = 0; i < PACKETS; i++) {
		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		uint32_t s = seed % ENDS, t = (seed >> 16) % ENDS, p = (seed >> 32) % 4;
		see(&w, s < t ? v4(PROTO_UDP, A + s, 9, A + t, (uint16_t)(1 + p))
			      : v4(PROTO_UDP, A + s, (uint16_t)(1 + p), A + t, 9));
		uint32_t lo = s < t ? s : t, hi = s < t ? t : s;
		all[((size_t)lo * ENDS + hi) * 4 + p].packets++;
	}
	flows_flush(w.flows, true);
	vec_each (r, &w.heard.records) {
		uint32_t s = (uint32_t)r->packet.src.lo - A, t = (uint32_t)r->packet.dst.lo - A;
		uint32_t p = s < t ? r->packet.dport : r->packet.sport;
		uint32_t lo = s < t ? s : t, hi = s < t ? t : s;
		cr_assert(lo < ENDS && hi < ENDS && p - 1 < 4);
		all[((size_t)lo * ENDS + hi) * 4 + p - 1].packets -=
			r->packets[0] + r->packets[1];
	}
	for (size_t i = 0; i < (size_t)ENDS * ENDS * 4; i++)
		cr_assert_eq(all[i].packets, 0, "of %zu", i);
	free(all);
	over(&w);
}

Test(flows, excerpts_are_bounded)
{
	WORLD(w, 16, 10);
	see(&w, tcp(A, 1, B, 2, TCP_SYN));
	see(&w, tcp(A, 1, B, 2, TCP_ACK));
	cr_assert_eq(w.heard.records.n, 2);
	cr_expect_eq(record(&w, 1)->kind, RECORD_EXCERPT);
	cr_expect_eq(record(&w, 1)->flow, 1);
	cr_expect_eq(record(&w, 1)->bytes[0], 100);
	cr_expect_eq(w.heard.n_excerpt, 10);
	cr_expect_arr_eq(w.heard.excerpt, "0123456789", 10);
	over(&w);
}

Test(flows, what_has_no_address_has_a_flow)
{
	WORLD(w, 16, 0);
	struct decoded d = { .opaque = OPAQUE_NO_IP,
			     .ethertype = 0x0806,
			     .length = 60,
			     .has_macs = true,
			     .mac_src = { 2, 0, 0, 0, 0, 1 } };
	see(&w, d);
	d.mac_src[5] = 9;
	see(&w, d);
	d.ethertype = 0x88cc;
	see(&w, d);
	cr_assert_eq(w.heard.records.n, 2);
	cr_expect_eq(record(&w, 0)->has_ip, 0);
	cr_expect_eq(record(&w, 0)->mac_src[5], 1);
	cr_expect_eq(record(&w, 1)->ethertype, 0x88cc);
	over(&w);
}

Test(flows, times_may_go_back)
{
	WORLD(w, 16, 0);
	struct decoded d = tcp(A, 1, B, 2, TCP_ACK);
	see_at(&w, &d, 5000);
	see_at(&w, &d, 4000);
	see_at(&w, &d, 3000);
	flows_flush(w.flows, true);
	cr_expect_eq(record(&w, 1)->at, 4000);
	cr_expect_eq(record(&w, 1)->until, 4000);
	over(&w);
}

/* One field at a time of a good record becomes what it can't be. */
static struct flow_record good(void)
{
	return (struct flow_record){
		.kind = RECORD_FIRST,
		.has_ip = 1,
		.n_segments = 1,
		.n_tunnels = 1,
		.packet = { .proto = PROTO_TCP, .src = { 0, A }, .dst = { 0, B } },
		.segments = { { .kind = SEGMENT_VLAN, .id = 4095 } },
		.tunnels = { { FAMILY_V6, 17, 4789, { 1, 1 }, { 2, 2 } } },
		.flow = 1,
		.number = 1,
		.packets = { 1 },
		.bytes = { 60 },
	};
}

#define BAD(change)                                                                            \
	do {                                                                                   \
		struct flow_record r = good();                                                 \
		cr_assert(flow_record_valid(&r));                                              \
		change;                                                                        \
		cr_expect(!flow_record_valid(&r), "%s", #change);                              \
	} while (0)

static void poke(void *at, uint8_t v)
{
	memcpy(at, &v, 1);
}

Test(flows, records_are_looked_at_whole)
{
	BAD(r.kind = 0);
	BAD(r.kind = RECORD_END + 1);
	BAD(r.began = 3);
	BAD(r.opaque = OPAQUE_NO_IP + 1);
	BAD(r.has_ip = 2);
	BAD(r.n_segments = SEGMENTS_MAX + 1);
	BAD(r.n_tunnels = TUNNELS_MAX + 1);
	BAD(r.related = 2);
	BAD(r.fragments = 2);
	BAD(r.fragments = 1);
	BAD(r.anomalies = 1 << 7);
	BAD(r.packet.family = FAMILY_COUNT);
	BAD(r.packet.state = STATE_COUNT);
	BAD(r.packet.fragment = 2);
	BAD(r.packet.src.hi = 1);
	BAD(r.packet.dst.lo = UINT64_C(1) << 32);
	BAD(r.packet.iif = "eth0");
	BAD(r.packet.mac = "");
	BAD(r.packet.icmp_type = 8);
	BAD(r.packet.proto = PROTO_GRE; r.packet.sport = 1);
	BAD(r.packet.proto = PROTO_UDP; r.packet.flags = TCP_SYN);
	BAD(r.segments[0].kind = 0);
	BAD(r.segments[0].kind = SEGMENT_NSH + 1);
	BAD(r.segments[0].id = 4096);
	BAD(poke(&r.segments[0].inner, 2));
	BAD(r.segments[0] = ((struct segment_tag){ .kind = SEGMENT_VNI, .id = 1 << 24 }));
	BAD(r.segments[0] = ((struct segment_tag){ .kind = SEGMENT_MPLS, .id = 1 << 20 }));
	BAD(r.segments[0] = ((struct segment_tag){ .kind = SEGMENT_PPPOE, .id = 1 << 16 }));
	BAD(r.tunnels[0].family = FAMILY_COUNT);
	BAD(r.tunnels[0].family = FAMILY_V4);
	BAD(poke(&r.quoted.any, 2));
	BAD(poke(&r.quoted.has_ports, 255));
	BAD(r.quoted.family = FAMILY_COUNT);
	BAD(r.quoted.src.hi = 1);
	BAD(r.flow = 0);
	BAD(r.number = 0);
	BAD(r.until = -1);
	BAD(r.packets[0] = 2);
	BAD(r.packets[1] = 1);
	BAD(r.kind = RECORD_MORE; r.packets[0] = 0);
	BAD(r.kind = RECORD_MORE; r.packets[1] = UINT64_MAX);
	BAD(r.bytes[1] = UINT64_MAX);
}
