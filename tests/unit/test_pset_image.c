/* SPDX-License-Identifier: Apache-2.0 */
/* An image says of every packet what the diagram says. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "model/pset_image.h"

enum { LABELS = 400, PACKETS = 200000, ROOM = 64 << 20 };

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s >> 8;
}

/* Few networks, so that many boxes lie side by side; hosts close to each other. */
static struct addr any_address(enum family f, uint64_t *s)
{
	static const uint32_t nets[] = { 0x0a000000, 0x0a010000, 0x0aff0000, 0xc0000200 };
	uint64_t low =
		nets[next_random(s) % 4] | (next_random(s) % 4 << 8) | (next_random(s) & 0xff);
	if (f == FAMILY_V4)
		return (struct addr){ 0, low };
	return (struct addr){ 0x20010db800000000 | next_random(s) % 3, low };
}

static struct packet any_packet(enum family f, uint64_t *s)
{
	static const uint8_t protos[] = { PROTO_TCP, PROTO_UDP, PROTO_GRE, 0 };
	struct packet p = { .family = f,
			    .proto = protos[next_random(s) % 4],
			    .src = any_address(f, s),
			    .dst = any_address(f, s) };
	if (!p.proto)
		p.proto = f == FAMILY_V4 ? PROTO_ICMP : PROTO_ICMPV6;
	if (packet_has_ports(&p)) {
		p.sport = (uint16_t)next_random(s);
		p.dport = (uint16_t)(next_random(s) % 2000);
	}
	if (packet_has_icmp(&p))
		p.icmp_type = next_random(s) % 16;
	if (p.proto == PROTO_TCP)
		p.flags = next_random(s) & 0xff;
	p.state = next_random(s) % STATE_COUNT;
	return p;
}

static struct span any_span(enum family f, uint64_t *s)
{
	struct addr a = any_address(f, s), b = a;
	b.lo |= (UINT64_C(1) << next_random(s) % 12) - 1;
	return next_random(s) % 40 ? (struct span){ a, b }
				  : (struct span){ { 0, 0 }, addr_max(f) };
}

static struct pset any_box(struct pset_space *sp, enum family f, uint64_t *s)
{
	struct span src = any_span(f, s), dst = any_span(f, s);
	struct pset b = pset_and(sp, pset_spans(sp, FIELD_SRC, &src, 1),
				 pset_spans(sp, FIELD_DST, &dst, 1));
	uint16_t from = (uint16_t)(next_random(s) % 2000);
	struct range r = { from, (uint16_t)(from + next_random(s) % 300) };
	return next_random(s) % 3 ? pset_and(sp, b, pset_ranges(sp, FIELD_DPORT, &r, 1)) : b;
}

/* The first of many boxes. */
static void compare(enum family f)
{
	struct pset_space *sp = pset_space_create(f, 0);
	struct pset all = pset_none();
	uint64_t s = 2026;
	bool seen[LABELS + 1] = { false };
	size_t told = 0;
	for (uint32_t i = 1; i <= LABELS; i++)
		all = pset_over(sp, all, pset_label(sp, any_box(sp, f, &s), i));
	cr_assert(!pset_is_spent(all));
	struct pset_image *im = pset_image_create(sp, all, ROOM);
	cr_assert(im);
	cr_expect(pset_image_bytes(im) > 4096 && pset_image_bytes(im) <= ROOM);
	for (int i = 0; i < PACKETS; i++) {
		struct packet p = any_packet(f, &s);
		uint32_t l = pset_label_of(sp, all, &p);
		cr_assert_eq(pset_image_label_of(im, &p), l, "packet %d", i);
		told += !seen[l];
		seen[l] = true;
	}
	cr_expect_gt(told, 50, "%zu labels", told);
	struct packet other = any_packet(f == FAMILY_V4 ? FAMILY_V6 : FAMILY_V4, &s);
	cr_expect_eq(pset_image_label_of(im, &other), 0);
	cr_expect_null(pset_image_create(sp, all, 4096), "too large");
	pset_image_destroy(im);
	pset_space_destroy(sp);
}

Test(pset_image, says_what_the_diagram_says_of_ipv4)
{
	compare(FAMILY_V4);
}

Test(pset_image, says_what_the_diagram_says_of_ipv6)
{
	compare(FAMILY_V6);
}

Test(pset_image, constants_and_spent_sets)
{
	struct pset_space *sp = pset_space_create(FAMILY_V4, 0);
	struct packet p = { .proto = PROTO_TCP };
	struct pset_image *im = pset_image_create(sp, pset_none(), 0);
	cr_assert(im);
	cr_expect_eq(pset_image_label_of(im, &p), 0);
	pset_image_destroy(im);
	cr_expect_null(pset_image_create(sp, pset_spent(), ROOM));
	pset_space_destroy(sp);
}
