/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks of a pcapng file (draft-ietf-opsawg-pcapng). libpcap gives one packet a call, in
 * memory that the next call overwrites, so packets of it can't be under way together. Here are
 * taken, as they stand in the buffer, those that leave nothing to judge: whole Enhanced Packet
 * Blocks in this machine's byte order, of an interface whose times are in a decimal fraction of
 * a second. All else is libpcap's, whatever comes of it; what it takes is followed, so that
 * interfaces and byte order are known.
 */
#include <string.h>

#include "capture/reader_internal.h"

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	MAGIC = 0x1a2b3c4d,
	OPTION_RESOLUTION = 9, /* if_tsresol */
	OPTION_OFFSET = 14,    /* if_tsoffset */
	DIGITS = 9,	       /* of a second's fraction */
	PACKET_HEADER = 28,    /* from the block's type to the packet's bytes */
	TRAILER = 4,
	BLOCK_MOST = 300000, /* bytes; it has to fit into the buffer */
};

static uint32_t word(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static uint16_t half(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* Nanoseconds of a unit of the interface's times; 0: it is libpcap's. */
static uint32_t unit_of(const uint8_t *body, size_t n)
{
	unsigned digits = 6;
	/* link type, reserved, snapshot length; then options, each of whole words */
	for (size_t at = 8; at + 4 <= n;) {
		unsigned code = half(body + at), len = half(body + at + 2);
		at += 4;
		if (!code)
			break;
		if (len > n - at)
			return 0;
		if (code == OPTION_OFFSET || (code == OPTION_RESOLUTION && len != 1))
			return 0;
		if (code == OPTION_RESOLUTION)
			digits = body[at];
		at += (len + 3) & ~3u;
	}
	uint32_t unit = 1;
	/* the highest bit: a power of two */
	for (; digits < DIGITS; digits++)
		unit *= 10;
	return digits == DIGITS ? unit : 0;
}

static void begin_block(struct blocks *b)
{
	uint32_t len = word(b->head + 4);
	b->type = word(b->head);
	if (b->type == BLOCK_SECTION) {
		b->native = word(b->head + 8) == MAGIC;
		b->n_units = 0;
	}
	if (!b->native || len < sizeof(b->head) || len % 4) {
		/* another byte order, or what libpcap refuses */
		b->lost = true;
		return;
	}
	b->left = len - (uint32_t)sizeof(b->head);
	memcpy(b->body, b->head + 8, 4);
	b->n_body = 4;
}

static void end_block(struct blocks *b)
{
	b->n_head = 0;
	if (b->type != BLOCK_INTERFACE)
		return;
	if (b->n_units < INTERFACES)
		b->unit[b->n_units] = b->n_body < sizeof(b->body) && b->n_body >= 8 + TRAILER
					      ? unit_of(b->body, b->n_body - TRAILER)
					      : 0;
	b->n_units += b->n_units < INTERFACES;
}

void blocks_follow(struct blocks *b, const uint8_t *bytes, size_t n)
{
	while (n && !b->lost) {
		size_t some;
		if (b->n_head < sizeof(b->head)) {
			some = sizeof(b->head) - b->n_head;
			some = some < n ? some : n;
			memcpy(b->head + b->n_head, bytes, some);
			b->n_head += some;
			if (b->n_head == sizeof(b->head))
				begin_block(b);
		} else {
			some = b->left < n ? b->left : n;
			size_t room = sizeof(b->body) - b->n_body;
			size_t kept = some < room ? some : room;
			memcpy(b->body + b->n_body, bytes, kept);
			b->n_body += kept;
			b->left -= (uint32_t)some;
		}
		bytes += some;
		n -= some;
		if (b->n_head == sizeof(b->head) && !b->left && !b->lost)
			end_block(b);
	}
}

size_t blocks_want(const struct blocks *b, const uint8_t *bytes, size_t n)
{
	if (b->lost || b->n_head || !b->n_units)
		return 0;
	if (n < 8)
		return 8;
	uint32_t len = word(bytes + 4);
	return word(bytes) == BLOCK_PACKET && len <= BLOCK_MOST ? len : 0;
}

size_t blocks_packet(const struct blocks *b, const uint8_t *bytes, size_t n, uint32_t snapshot,
		     struct reader_packet *ret)
{
	if (n < PACKET_HEADER + TRAILER || word(bytes) != BLOCK_PACKET)
		return 0;
	uint32_t len = word(bytes + 4), interface = word(bytes + 8), caplen = word(bytes + 20);
	uint64_t at = (uint64_t)word(bytes + 12) << 32 | word(bytes + 16);
	int64_t nanoseconds;
	if (len > n || len % 4 || len < PACKET_HEADER + TRAILER ||
	    caplen > len - PACKET_HEADER - TRAILER || caplen > snapshot ||
	    word(bytes + len - TRAILER) != len || interface >= b->n_units ||
	    !b->unit[interface] ||
	    __builtin_mul_overflow(at, (int64_t)b->unit[interface], &nanoseconds))
		return 0;
	*ret = (struct reader_packet){ .bytes = bytes + PACKET_HEADER,
				       .caplen = caplen,
				       .len = word(bytes + 24),
				       .at = nanoseconds };
	return len;
}
