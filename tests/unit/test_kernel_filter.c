/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's part of sampling against the plain question: is it between two tenants, or does
 * it hide what it is? Programs run in libpcap's interpreter, which has no random numbers (so
 * that nothing of the rest passes where it is sampled by packet), and in the kernel's.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/filter.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/vec.h"
#include "capture/decode.h"
#include "capture/kernel_filter.h"

enum { FRAME = 128, NEVER = 1 << 30 };

/* ---- policies -------------------------------------------------------------------------- */

struct world {
	struct arena *arena;
	struct policy policy;
	struct tenant *tenants;
	struct zone *zones;
};

static uint64_t seed = 88172645463325252u;

static uint64_t draw(uint64_t below)
{
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return (seed >> 11) % below;
}

/* A zone for each tenant and one without; spans are added by give(). */
static struct world world(size_t tenants)
{
	struct world w = { .arena = arena_create() };
	w.tenants = arena_array(w.arena, tenants, sizeof(*w.tenants));
	w.zones = arena_array(w.arena, tenants + 1, sizeof(*w.zones));
	for (size_t i = 0; i < tenants; i++)
		w.zones[i].tenant = &w.tenants[i];
	w.policy = (struct policy){ .tenants = w.tenants,
				    .n_tenants = tenants,
				    .zones = w.zones,
				    .n_zones = tenants + 1 };
	return w;
}

static void give(struct world *w, size_t zone, enum family f, struct addr a, unsigned len)
{
	struct zone *z = &w->zones[zone];
	size_t n = z->n_spans[f];
	struct span *v = arena_array(w->arena, n + 1, sizeof(*v));
	if (n)
		memcpy(v, z->spans[f], n * sizeof(*v));
	v[n] = span_prefix(f, a, len);
	z->n_spans[f] = spans_normalise(v, n + 1);
	z->spans[f] = v;
}

static struct addr v4(uint32_t a)
{
	return (struct addr){ 0, a };
}

static bool has(const struct zone *z, enum family f, struct addr a)
{
	size_t lo = 0, hi = z->n_spans[f];
	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;
		if (addr_compare(z->spans[f][middle].hi, a) < 0)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo < z->n_spans[f] && span_has(z->spans[f][lo], a);
}

static bool between(const struct world *w, enum family f, struct addr src, struct addr dst)
{
	size_t from = 0, to = 0, both = 0; /* tenants that have them */
	for (size_t i = 0; i < w->policy.n_tenants; i++) {
		if (w->tenants[i].shared)
			continue;
		bool s = has(&w->zones[i], f, src), d = has(&w->zones[i], f, dst);
		from += s;
		to += d;
		both += s && d;
	}
	return from * to > both;
}

/* ---- frames ---------------------------------------------------------------------------- */

struct frame {
	uint8_t b[FRAME];
	size_t n;
};

static void put32(uint8_t *to, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(to, &v, 4);
}

static void put16(uint8_t *to, unsigned v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
}

static struct frame frame(enum family f, uint8_t proto, struct addr src, struct addr dst,
			  uint16_t sport, uint16_t dport)
{
	struct frame t = { .n = 14 + (f == FAMILY_V4 ? 20 : 40) + 24 };
	uint8_t *ip = t.b + 14, *l4 = ip + (f == FAMILY_V4 ? 20 : 40);
	put16(t.b + 12, f == FAMILY_V4 ? 0x0800 : 0x86dd);
	if (f == FAMILY_V4) {
		ip[0] = 0x45;
		put16(ip + 2, 44);
		ip[9] = proto;
		put32(ip + 12, (uint32_t)src.lo);
		put32(ip + 16, (uint32_t)dst.lo);
	} else {
		ip[0] = 0x60;
		put16(ip + 4, 24);
		ip[6] = proto;
		for (int i = 0; i < 2; i++) {
			struct addr a = i ? dst : src;
			put32(ip + 8 + 16 * i, (uint32_t)(a.hi >> 32));
			put32(ip + 12 + 16 * i, (uint32_t)a.hi);
			put32(ip + 16 + 16 * i, (uint32_t)(a.lo >> 32));
			put32(ip + 20 + 16 * i, (uint32_t)a.lo);
		}
	}
	put16(l4, sport);
	put16(l4 + 2, dport);
	if (proto == PROTO_TCP)
		l4[12] = 0x50;
	else if (proto == PROTO_UDP)
		put16(l4 + 4, 24);
	return t;
}

static bool passes(const struct kernel_filter *k, const struct frame *f)
{
	return bpf_filter((const struct bpf_insn *)(const void *)k->program->filter, f->b,
			  (unsigned)f->n, (unsigned)f->n) != 0;
}

static struct kernel_filter build(struct world *w, unsigned one_in, bool by_flow)
{
	struct kernel_filter k;
	kernel_filter_build(w->arena, &w->policy, one_in, by_flow, &k);
	cr_assert(k.program->len && k.program->len <= KERNEL_FILTER_MAX, "%u", k.program->len);
	cr_assert(bpf_validate((const struct bpf_insn *)(const void *)k.program->filter,
			       k.program->len));
	return k;
}

/* ---- what is between tenants ------------------------------------------------------------ */

/* An address at or beside an end of something, or any. */
static struct addr edge(const struct world *w, enum family f)
{
	const struct zone *z = &w->zones[draw(w->policy.n_zones)];
	if (!z->n_spans[f] || !draw(6))
		return f == FAMILY_V4 ? v4((uint32_t)draw(UINT32_MAX))
				      : (struct addr){ draw(UINT64_MAX), draw(UINT64_MAX) };
	struct span s = z->spans[f][draw(z->n_spans[f])];
	struct addr a = draw(2) ? s.lo : s.hi;
	switch (draw(4)) {
	case 0:
		a = addr_next(a);
		break;
	case 1:
		a = addr_prev(a);
		break;
	}
	return f == FAMILY_V4 ? v4((uint32_t)a.lo) : a;
}

/* exact: nothing else passes either. */
static void hold(struct world *w, const struct kernel_filter *k, bool exact, size_t n)
{
	size_t crossing = 0, more = 0;
	for (size_t i = 0; i < n; i++) {
		enum family f = draw(2) ? FAMILY_V4 : FAMILY_V6;
		struct addr src = edge(w, f), dst = edge(w, f);
		struct frame t =
			frame(f, draw(2) ? PROTO_TCP : PROTO_UDP, src, dst, 40000, 443);
		bool is = between(w, f, src, dst), does = passes(k, &t);
		struct text text = { 0 };
		addr_print(&text, f, src);
		text_put(&text, " to ");
		addr_print(&text, f, dst);
		cr_assert(does || !is, "%s doesn't pass", text.s);
		cr_assert(is || !does || !exact, "%s passes", text.s);
		text_finish(&text);
		crossing += is;
		more += does && !is;
	}
	cr_assert(crossing > n / 100, "%zu of %zu", crossing, n);
	cr_expect(exact || more, "nothing was widened");
}

static void random_spans(struct world *w, size_t n, unsigned narrow)
{
	for (size_t i = 0; i < n; i++) {
		enum family f = draw(3) ? FAMILY_V4 : FAMILY_V6;
		size_t zone = draw(w->policy.n_zones);
		/* near one another, so that they touch and overlap at every depth */
		if (f == FAMILY_V4)
			give(w, zone, f, v4(0x0a000000 | (uint32_t)draw(1u << 24)),
			     8 + (unsigned)draw(25) / narrow * narrow);
		else
			give(w, zone, f,
			     (struct addr){ UINT64_C(0x20010db800000000) | draw(4) << 30 |
						    draw(UINT64_C(1) << 34),
					    draw(3) ? 0 : draw(UINT64_MAX) },
			     30 + (unsigned)draw(99) / narrow * narrow);
	}
}

Test(kernel_filter, passes_what_is_between_tenants_and_no_more)
{
	for (int round = 0; round < 200; round++) {
		struct world w = world(1 + draw(6));
		w.tenants[draw(w.policy.n_tenants)].shared = !draw(3);
		if (w.policy.n_tenants > 1)
			w.tenants[0].shared = w.tenants[1].shared = false;
		random_spans(&w, 1 + draw(24), 1);
		struct kernel_filter k = build(&w, NEVER, false);
		for (size_t i = 0; i < 400; i++) {
			enum family f = draw(2) ? FAMILY_V4 : FAMILY_V6;
			struct addr src = edge(&w, f), dst = edge(&w, f);
			struct frame t = frame(f, PROTO_TCP, src, dst, 1, 2);
			cr_assert_eq(passes(&k, &t), between(&w, f, src, dst), "round %d",
				     round);
		}
		arena_destroy(w.arena);
	}
}

Test(kernel_filter, whole_address_spaces)
{
	struct world w = world(2);
	give(&w, 0, FAMILY_V4, v4(0), 1);
	give(&w, 1, FAMILY_V4, v4(0x80000000), 1);
	give(&w, 0, FAMILY_V6, (struct addr){ 0, 0 }, 0);
	give(&w, 1, FAMILY_V6, (struct addr){ UINT64_MAX, UINT64_MAX }, 128);
	struct kernel_filter k = build(&w, NEVER, false);
	hold(&w, &k, true, 4000);
	arena_destroy(w.arena);
}

Test(kernel_filter, is_widened_where_it_is_too_long)
{
	static const size_t sizes[] = { 300, 3000, 100000 };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct world w = world(200);
		VEC(struct span) v4s = { 0 };
		for (size_t t = 0; t < 200; t++) {
			/* a block each, sown with prefixes */
			v4s.n = 0;
			for (size_t k = 0; k < sizes[i] / 200 + 1; k++)
				*vec_add(&v4s) = span_prefix(
					FAMILY_V4, v4((uint32_t)(t << 22 | draw(1 << 22))), 28);
			w.zones[t].n_spans[FAMILY_V4] = spans_normalise(v4s.v, v4s.n);
			w.zones[t].spans[FAMILY_V4] =
				arena_copy(w.arena, v4s.v, v4s.n * sizeof(*v4s.v));
			give(&w, t, FAMILY_V6,
			     (struct addr){ UINT64_C(0x20010db800000000) | t << 16, 0 }, 48);
		}
		struct kernel_filter k = build(&w, NEVER, false);
		hold(&w, &k, false, 3000);
		cr_expect(strstr(k.text, "widened"));
		vec_free(&v4s);
		arena_destroy(w.arena);
	}
}

Test(kernel_filter, few_tenants_stay_exact)
{
	struct world w = world(100);
	for (size_t t = 0; t < 100; t++) {
		give(&w, t, FAMILY_V4, v4(0x0a000000 | (uint32_t)t << 16), 24);
		give(&w, t, FAMILY_V6,
		     (struct addr){ UINT64_C(0x20010db800000000) | t << 16, 0 }, 48);
	}
	struct kernel_filter k = build(&w, NEVER, false);
	hold(&w, &k, true, 10000);
	cr_expect(!strstr(k.text, "widened"), "%u instructions", k.program->len);
	arena_destroy(w.arena);
}

Test(kernel_filter, without_tenants_all_is_rest)
{
	struct world w = world(1);
	give(&w, 1, FAMILY_V4, v4(0x0a000000), 8);
	struct kernel_filter none = build(&w, NEVER, false), all = build(&w, 1, false);
	struct frame t = frame(FAMILY_V4, PROTO_TCP, v4(0x0a000001), v4(0x0b000001), 1, 2);
	cr_expect(!passes(&none, &t));
	cr_expect(passes(&all, &t));
	arena_destroy(w.arena);
}

/* ---- what hides ------------------------------------------------------------------------- */

/* Whatever the decoder finds more in than a plain packet: it passes, whosever it is. */
Test(kernel_filter, what_the_decoder_looks_into_passes)
{
	struct world w = world(2);
	struct kernel_filter k = build(&w, NEVER, false);
	struct decoded d;
	size_t hidden = 0;
	for (unsigned f = 0; f < FAMILY_COUNT; f++) {
		struct addr a = { f ? 1 : 0, 1 }, b = { f ? 2 : 0, 2 };
		for (unsigned proto = 0; proto < 256; proto++) {
			struct frame t = frame(f, (uint8_t)proto, a, b, 1, 2);
			decode(DLT_EN10MB, t.b, (uint32_t)t.n, (uint32_t)t.n, &d);
			/* a ping's answer, by its type */
			bool plain = d.packet.proto == PROTO_TCP ||
				     d.packet.proto == PROTO_UDP || packet_has_icmp(&d.packet);
			bool is = !plain || d.opaque || d.n_tunnels || d.packet.fragment;
			cr_expect(passes(&k, &t) || !is, "protocol %u", proto);
			hidden += is;
		}
		for (unsigned port = 0; port < 65536; port++)
			for (int back = 0; back < 2; back++) {
				struct frame t = frame(f, PROTO_UDP, a, b,
						       (uint16_t)(back ? port : 40000),
						       (uint16_t)(back ? 40000 : port));
				decode(DLT_EN10MB, t.b, (uint32_t)t.n, (uint32_t)t.n, &d);
				bool is = d.opaque || d.n_tunnels || d.n_segments ||
					  d.packet.proto != PROTO_UDP;
				cr_assert(passes(&k, &t) || !is, "port %u", port);
				hidden += is;
			}
		for (unsigned type = 0; type < 65536; type++) {
			struct frame t = frame(f, PROTO_TCP, a, b, 1, 2);
			put16(t.b + 12, type);
			decode(DLT_EN10MB, t.b, (uint32_t)t.n, (uint32_t)t.n, &d);
			bool is = !d.has_ip || d.n_segments || d.n_tunnels || d.opaque;
			cr_assert(passes(&k, &t) || !is, "type %x", type);
		}
		for (unsigned type = 0; type < 256; type++) {
			struct frame t = frame(f, f ? PROTO_ICMPV6 : PROTO_ICMP, a, b,
					       (uint16_t)(type << 8), 0);
			bool ping = f ? type == 128 || type == 129 : type == 0 || type == 8;
			cr_expect_eq(passes(&k, &t), !ping, "type %u", type);
		}
	}
	cr_expect(hidden > 500, "%zu", hidden);
	arena_destroy(w.arena);
}

Test(kernel_filter, fragments_options_and_what_is_short_pass)
{
	struct world w = world(2);
	struct kernel_filter k = build(&w, NEVER, false);
	struct addr a = v4(1), b = v4(2);
	struct frame plain = frame(FAMILY_V4, PROTO_TCP, a, b, 1, 2), t = plain;
	cr_expect(!passes(&k, &plain));
	put16(t.b + 20, 0x4000); /* don't fragment */
	cr_expect(!passes(&k, &t));
	put16(t.b + 20, 0x2000);
	cr_expect(passes(&k, &t));
	put16(t.b + 20, 1);
	cr_expect(passes(&k, &t));
	t = plain;
	t.b[14] = 0x46;
	cr_expect(passes(&k, &t));
	for (unsigned f = 0; f < FAMILY_COUNT; f++)
		for (t = frame(f, PROTO_UDP, a, b, 1, 2); t.n; t.n--)
			if (t.n < 14 + (f ? 44 : 24))
				cr_expect(passes(&k, &t), "%zu bytes", t.n);
	arena_destroy(w.arena);
}

/* ---- 1 in N ----------------------------------------------------------------------------- */

Test(kernel_filter, flows_are_sampled_whole)
{
	enum { FLOWS = 40000, ONE_IN = 10 };
	struct world w = world(1);
	struct kernel_filter k = build(&w, ONE_IN, true);
	for (unsigned f = 0; f < FAMILY_COUNT; f++)
		for (unsigned kind = 0; kind < 3; kind++) {
			size_t n = 0;
			for (uint32_t i = 0; i < FLOWS; i++) {
				/* as a scan has them: of addresses, of ports, at random */
				struct addr a = { f, kind ? 5 : i },
					    b = { f, kind == 2 ? draw(UINT32_MAX) : 7 };
				uint16_t s = kind == 1 ? (uint16_t)i : 999;
				struct frame t = frame(f, PROTO_TCP, a, b, s, 443),
					     u = frame(f, PROTO_TCP, b, a, 443, s);
				cr_assert_eq(passes(&k, &t), passes(&k, &u), "its answer");
				n += passes(&k, &t);
			}
			cr_expect(n > FLOWS / ONE_IN * 8 / 10 && n < FLOWS / ONE_IN * 12 / 10,
				  "kind %u of family %u: %zu of %d", kind, f, n, FLOWS);
		}
	arena_destroy(w.arena);
}

/* Whichever policy the program was built from: conversations go on while it is read again. */
Test(kernel_filter, another_policy_chooses_the_same_flows)
{
	enum { FLOWS = 4000, ONE_IN = 10 };
	struct world few = world(1), many = world(40);
	for (unsigned f = 0; f < FAMILY_COUNT; f++)
		for (uint32_t i = 0; i < 40; i++)
			give(&many, i, f, (struct addr){ 0, 0x0a000000 + (i << 8) },
			     f ? 120 : 24);
	struct kernel_filter k[] = { build(&few, ONE_IN, true), build(&many, ONE_IN, true) };
	size_t n = 0;
	cr_assert_neq(k[0].program->len, k[1].program->len);
	for (unsigned f = 0; f < FAMILY_COUNT; f++)
		for (uint32_t i = 0; i < FLOWS; i++) {
			/* addresses that no tenant has */
			struct addr a = { f, 0xf0000000 + i }, b = { f, 7 };
			struct frame t = frame(f, PROTO_TCP, a, b, 999, 443);
			cr_assert_eq(passes(&k[0], &t), passes(&k[1], &t), "flow %u", i);
			n += passes(&k[0], &t);
		}
	cr_expect(n && n < FLOWS, "%zu", n);
	arena_destroy(few.arena);
	arena_destroy(many.arena);
}

/* ---- the kernel ------------------------------------------------------------------------- */

/* A pair of sockets, the filter at one end: a frame is what is sent (socket(7)). */
static size_t through_kernel(struct sock_filter *v, size_t len, const struct frame *f, size_t n)
{
	int ends[2];
	struct sock_fprog p = { .len = (unsigned short)len, .filter = v };
	uint8_t b[FRAME];
	size_t got = 0;
	cr_assert(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends));
	cr_assert(!setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)), "%s",
		  strerror(errno));
	for (size_t i = 0; i < n; i++) {
		ssize_t sent = send(ends[0], f->b, f->n, 0);
		cr_assert(sent == (ssize_t)f->n || (sent < 0 && errno == EPERM), "%s",
			  strerror(errno));
		got += recv(ends[1], b, sizeof(b), 0) > 0;
	}
	close(ends[0]);
	close(ends[1]);
	return got;
}

Test(kernel_filter, the_kernel_agrees)
{
	for (int round = 0; round < 20; round++) {
		struct world w = world(4);
		random_spans(&w, 60, 8);
		struct kernel_filter k = build(&w, NEVER, false);
		for (size_t i = 0; i < 100; i++) {
			enum family f = draw(2) ? FAMILY_V4 : FAMILY_V6;
			struct frame t = frame(f, PROTO_TCP, edge(&w, f), edge(&w, f), 1, 2);
			cr_assert_eq(through_kernel(k.program->filter, k.program->len, &t, 1),
				     passes(&k, &t));
		}
		arena_destroy(w.arena);
	}
}

Test(kernel_filter, packets_are_sampled_by_the_kernel)
{
	enum { PACKETS = 20000, ONE_IN = 10 };
	struct world w = world(2);
	give(&w, 0, FAMILY_V4, v4(0x0a000000), 24);
	give(&w, 1, FAMILY_V4, v4(0x0a000100), 24);
	struct kernel_filter k = build(&w, ONE_IN, false);
	struct frame same = frame(FAMILY_V4, PROTO_TCP, v4(0x0a000001), v4(0x0a000002), 1, 2);
	struct frame cross = frame(FAMILY_V4, PROTO_TCP, v4(0x0a000001), v4(0x0a000102), 1, 2);
	size_t n = through_kernel(k.program->filter, k.program->len, &same, PACKETS);
	cr_expect(n > PACKETS / ONE_IN * 8 / 10 && n < PACKETS / ONE_IN * 12 / 10, "%zu", n);
	cr_expect_eq(through_kernel(k.program->filter, k.program->len, &cross, 100), 100);
	arena_destroy(w.arena);
}

/* Without the Ethernet header, what is left are the same offsets, fourteen lower. */
Test(kernel_filter, is_placed_on_other_links)
{
	struct world w = world(3);
	random_spans(&w, 60, 8);
	struct kernel_filter k = build(&w, NEVER, false);
	struct sock_filter v[KERNEL_FILTER_MAX + KERNEL_FILTER_EXTRA];
	size_t n = kernel_filter_place(k.program->filter, k.program->len, DLT_RAW, v);
	cr_assert_eq(n, k.program->len + (size_t)KERNEL_FILTER_EXTRA);
	/* the kernel knows the EtherType; here it is set */
	for (size_t i = 0; i < n; i++)
		if (v[i].k == (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL))
			v[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0x0800);
	size_t crossing = 0;
	for (size_t i = 0; i < 2000; i++) {
		struct frame t = frame(FAMILY_V4, PROTO_TCP, edge(&w, FAMILY_V4),
				       edge(&w, FAMILY_V4), 1, 2);
		bool is = passes(&k, &t);
		crossing += is;
		cr_assert_eq(bpf_filter((const struct bpf_insn *)(const void *)v +
						KERNEL_FILTER_EXTRA,
					t.b + 14, (unsigned)t.n - 14, (unsigned)t.n - 14) != 0,
			     is);
	}
	cr_expect(crossing > 20);
	arena_destroy(w.arena);
}
