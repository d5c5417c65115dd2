/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/traffic.h"

#include <string.h>

enum { SLOTS = 1 << 16, SLOT_BITS = 7 };

static uint64_t draw(struct traffic *t)
{
	t->state ^= t->state << 13;
	t->state ^= t->state >> 7;
	t->state ^= t->state << 17;
	return t->state;
}

static uint32_t host(const struct traffic *t, uint32_t base, uint64_t r)
{
	uint32_t i = (uint32_t)(r % t->n_prefixes);
	uint32_t slot = i * (SLOTS / t->n_prefixes);
	uint32_t within = (uint32_t)(r >> 32) & ((1u << (SLOT_BITS - i % 4)) - 1);
	return base + (slot << SLOT_BITS) + within;
}

/* A new conversation: its number is in its address and port, so that none comes again soon. */
static void begin(struct traffic *t, struct talk *k)
{
	uint64_t r = draw(t);
	k->client = host(t, 0x0a000000, r);
	k->server = host(t, 0x0a800000, draw(t));
	k->port = (uint16_t)(1024 + t->flows % 64000);
	k->left = (uint16_t)t->per_flow;
	t->flows++;
}

void traffic_init(struct traffic *t, unsigned per_flow, unsigned prefixes)
{
	memset(t, 0, sizeof(*t));
	t->state = 2026;
	t->per_flow = per_flow;
	t->n_prefixes = prefixes;
	for (unsigned i = 0; i < FLOWS_AT_ONCE; i++)
		begin(t, &t->talks[i]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* Of IMIX; r has to be evenly spread. */
static unsigned size_of(uint64_t r)
{
	unsigned i = (unsigned)(r % 12);
	return i < 7 ? 60 : i < 11 ? 590 : FRAME_MAX;
}

static unsigned checksum(const uint8_t *p, unsigned n)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16)) & 0xffff;
}

/* FIN, SYN, ACK; PSH for data */
static unsigned flags_of(const struct traffic *t, const struct talk *k)
{
	unsigned seen = t->per_flow - k->left;
	return seen == 0 ? 2 : seen == 1 ? 0x12 : k->left == 1 ? 0x11 : 0x18;
}

unsigned traffic_next(struct traffic *t, uint8_t *f)
{
	uint64_t r = draw(t);
	struct talk *k = &t->talks[r >> 40 & (FLOWS_AT_ONCE - 1)];
	bool back = (t->per_flow - k->left) & 1;
	unsigned size = size_of(r & 0xffffffff);
	/* of flows of one packet, those with data are of UDP: a SYN has none */
	bool udp = t->per_flow == 1 && size > 60;
	if (t->per_flow > 1 && (k->left == t->per_flow || k->left == t->per_flow - 1u))
		size = 60;
	memset(f, 0, HEADERS);
	memcpy(f, back ? "\x02\0\0\0\0\x01\x02\0\0\0\0\x02" : "\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
	put16(f + 12, 0x0800);
	f[14] = 0x45;
	put16(f + 16, size - 14);
	put16(f + 18, (unsigned)(t->flows & 0xffff));
	f[20] = 0x40; /* not to be fragmented */
	f[22] = 64;
	f[23] = udp ? 17 : 6;
	put32(f + 26, back ? k->server : k->client);
	put32(f + 30, back ? k->client : k->server);
	put16(f + 24, checksum(f + 14, 20));
	put16(f + 34, back ? 443 : k->port);
	put16(f + 36, back ? k->port : 443);
	if (udp) {
		put16(f + 38, size - 34);
	} else {
		put32(f + 38, (uint32_t)r);
		f[46] = 0x50;
		f[47] = (uint8_t)flags_of(t, k);
		put16(f + 48, 64240);
	}
	if (!--k->left)
		begin(t, k);
	return size;
}
