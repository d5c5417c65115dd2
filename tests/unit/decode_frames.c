/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/decode_frames.h"

void put8(struct frame *f, unsigned v)
{
	cr_assert_lt(f->n, (size_t)FRAME_MAX);
	f->bytes[f->n++] = (uint8_t)v;
}

void put16(struct frame *f, unsigned v)
{
	put8(f, v >> 8);
	put8(f, v & 255);
}

void put32(struct frame *f, uint32_t v)
{
	put16(f, v >> 16);
	put16(f, v & 0xffff);
}

void pad(struct frame *f, size_t n)
{
	while (n--)
		put8(f, 0);
}

void put(struct frame *f, const char *hex)
{
	for (; *hex; hex++) {
		char two[3] = { hex[0], hex[1], 0 };

		if (*hex == ' ')
			continue;
		put8(f, (unsigned)strtoul(two, NULL, 16));
		hex++;
	}
}

static void put_addr(struct frame *f, const char *s)
{
	enum family family;
	struct addr a;

	cr_assert(addr_parse(s, strlen(s), &family, &a), "%s", s);
	if (family == FAMILY_V6) {
		put32(f, (uint32_t)(a.hi >> 32));
		put32(f, (uint32_t)a.hi);
		put32(f, (uint32_t)(a.lo >> 32));
	}
	put32(f, (uint32_t)a.lo);
}

/* A length of 16 bits here, of what stands from `from` on, less off. */
static void put_length(struct frame *f, size_t from, unsigned off)
{
	cr_assert_lt(f->n_lengths, (size_t)LENGTHS_MAX);
	f->lengths[f->n_lengths].at = f->n;
	f->lengths[f->n_lengths].from = from;
	f->lengths[f->n_lengths++].off = off;
	put16(f, 0);
}

void ethernet(struct frame *f, unsigned type)
{
	put(f, "02 00 00 00 00 02  02 00 00 00 00 01");
	put16(f, type);
}

void vlan(struct frame *f, unsigned id, unsigned type)
{
	put16(f, id);
	put16(f, type);
}

void ipv4_part(struct frame *f, const char *src, const char *dst, unsigned proto, unsigned id,
	       unsigned offset, bool more)
{
	size_t start = f->n;

	put(f, "45 00");
	put_length(f, start, 0);
	put16(f, id);
	put16(f, offset / 8 | (more ? 0x2000 : 0));
	put8(f, 64);
	f->proto = f->n;
	put8(f, proto);
	put16(f, 0);
	put_addr(f, src);
	put_addr(f, dst);
}

void ipv4(struct frame *f, const char *src, const char *dst, unsigned proto)
{
	ipv4_part(f, src, dst, proto, 7, 0, false);
}

void ipv6(struct frame *f, const char *src, const char *dst, unsigned next)
{
	size_t start = f->n;

	put32(f, 0x60000000);
	put_length(f, start, 40);
	f->proto = f->n;
	put8(f, next);
	put8(f, 64);
	put_addr(f, src);
	put_addr(f, dst);
}

void tcp(struct frame *f, unsigned sport, unsigned dport, unsigned flags)
{
	put16(f, sport);
	put16(f, dport);
	put(f, "00000001 00000000 50");
	put8(f, flags);
	put(f, "ffff 0000 0000");
}

void udp(struct frame *f, unsigned sport, unsigned dport)
{
	size_t start = f->n;

	put16(f, sport);
	put16(f, dport);
	put_length(f, start, 0);
	put16(f, 0);
}

void vxlan(struct frame *f, uint32_t vni)
{
	put32(f, 0x08000000);
	put32(f, vni << 8);
}

void inner_packet(struct frame *f)
{
	ipv4(f, "10.1.0.1", "10.2.0.2", PROTO_TCP);
	tcp(f, 40000, 443, TCP_SYN);
}

void inner_frame(struct frame *f)
{
	ethernet(f, 0x0800);
	inner_packet(f);
}

void close_lengths(struct frame *f)
{
	for (size_t i = 0; i < f->n_lengths; i++) {
		size_t v = f->n - f->lengths[i].from - f->lengths[i].off;

		f->bytes[f->lengths[i].at] = (uint8_t)(v >> 8);
		f->bytes[f->lengths[i].at + 1] = (uint8_t)v;
	}
}

/* Decoded from memory that ends with it, into memory full of other things. */
static struct decoded decode_exactly(int dlt, const uint8_t *bytes, size_t caplen, size_t len)
{
	uint8_t *copy = malloc(caplen ? caplen : 1);
	struct decoded d;

	cr_assert(copy);
	memcpy(copy, bytes, caplen);
	memset(&d, 0xa5, sizeof(d));
	decode(dlt, copy, (uint32_t)caplen, (uint32_t)len, &d);
	free(copy);
	cr_assert_leq(d.n_segments, SEGMENTS_MAX);
	cr_assert_leq(d.n_tunnels, TUNNELS_MAX);
	cr_assert_leq(d.layers, LAYERS_MAX);
	cr_assert_eq(d.length, len);
	cr_assert(d.has_ip || d.opaque != OPAQUE_NOT);
	cr_assert(!d.has_ip || d.opaque != OPAQUE_NO_IP);
	cr_assert(!d.packet.fragment || (!d.packet.sport && !d.packet.dport));
	for (unsigned i = 0; i < d.n_segments; i++)
		cr_assert(!d.segments[i].inner || (d.has_ip && d.opaque));
	return d;
}

static void say(struct text *t, const struct decoded *d)
{
	if (d->has_ip) {
		const struct packet *p = &d->packet;

		if (packet_has_ports(p) || packet_has_icmp(p)) {
			packet_print(t, p);
			/* Always new. */
			char *state = strstr(t->s, " state=new");
			if (state) {
				memmove(state, state + 10, strlen(state + 10) + 1);
				t->len -= 10;
			}
		} else {
			text_putf(t, "ip:%u ", p->proto);
			addr_print(t, p->family, p->src);
			text_put(t, " ");
			addr_print(t, p->family, p->dst);
			if (p->fragment)
				text_put(t, " frag=1");
		}
	} else {
		text_put(t, "none");
	}
	if (d->icmp_id)
		text_putf(t, " id=%u", d->icmp_id);
	if (d->first_fragment)
		text_put(t, " first");
	if (d->fragment_id)
		text_putf(t, " fragment=%u", d->fragment_id);
	if (d->n_segments) {
		text_put(t, " | ");
		segments_print(t, d->segments, d->n_segments);
		if (d->segments[d->n_segments - 1].inner)
			text_put(t, " inner");
	}
	for (unsigned i = 0; i < d->n_tunnels; i++) {
		const struct tunnel_end *e = &d->tunnels[i];

		text_put(t, " | ");
		addr_print(t, e->family, e->src);
		text_put(t, ">");
		addr_print(t, e->family, e->dst);
		text_putf(t, " %u", e->proto);
		if (e->dport)
			text_putf(t, ":%u", e->dport);
	}
	if (d->quoted.any) {
		const struct quoted *q = &d->quoted;

		text_putf(t, " | quotes %u ", q->proto);
		addr_print(t, q->family, q->src);
		if (q->has_ports)
			text_putf(t, " %u", q->sport);
		text_put(t, " ");
		addr_print(t, q->family, q->dst);
		if (q->has_ports)
			text_putf(t, " %u", q->dport);
	}
	for (unsigned bit = 1; bit <= ANOMALY_OVERLAP; bit <<= 1)
		if (d->anomalies & bit)
			text_putf(t, " | %s", anomaly_name((enum anomaly)bit));
	if (d->opaque)
		text_putf(t, " | opaque %s", opaque_name((enum opaque)d->opaque));
	if (d->ethertype)
		text_putf(t, " %04x", d->ethertype);
}

struct decoded take_plain(const struct frame *f, int dlt)
{
	return decode_exactly(dlt, f->bytes, f->n, f->n);
}

struct decoded take(struct frame *f, int dlt)
{
	struct text whole = { 0 }, part = { 0 };
	struct decoded d;

	close_lengths(f);
	d = decode_exactly(dlt, f->bytes, f->n, f->n);
	say(&whole, &d);
	for (size_t n = 0; n < f->n; n++) {
		struct decoded cut = decode_exactly(dlt, f->bytes, n, f->n);

		text_clear(&part);
		say(&part, &cut);
		if (!(cut.anomalies & ANOMALY_TRUNCATED))
			cr_assert_str_eq(part.s, whole.s, "cut at %zu of %zu", n, f->n);
		decode_exactly(dlt, f->bytes, n, n);
		/* More captured than there was: what there was counts. */
		cut = decode_exactly(dlt, f->bytes, f->n, n);
		cr_assert(cut.anomalies & ANOMALY_CAPLEN);
	}
	text_finish(&whole);
	text_finish(&part);
	return d;
}

void expect(struct decoded d, const char *said)
{
	struct text t = { 0 };

	say(&t, &d);
	cr_expect_str_eq(t.s, said, "is       %s\nexpected %s", t.s, said);
	text_finish(&t);
}
