/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_READER_INTERNAL_H
#define CAPTURE_READER_INTERNAL_H

/* Blocks of pcapng, on the way from a file to libpcap. */

#include "capture/reader.h"

enum { INTERFACES = 64 };

/* What is known of the section. All zero: nothing was seen yet. */
struct blocks {
	bool native; /* this machine's byte order */
	bool lost;   /* nothing is taken past libpcap any more */
	uint8_t head[12];
	size_t n_head; /* 0: between two blocks */
	uint32_t type, left;
	uint8_t body[1024];
	size_t n_body;
	uint32_t unit[INTERFACES]; /* nanoseconds of a unit of time; 0: libpcap's to tell */
	uint32_t n_units;
};

/* Bytes that libpcap has taken. */
void blocks_follow(struct blocks *b, const uint8_t *bytes, size_t n);
/* How many bytes have to be there for a packet to be taken past libpcap; 0: none can be. */
size_t blocks_want(const struct blocks *b, const uint8_t *bytes, size_t n);
/* The packet whose block the bytes begin with: how long the block is; 0: it is libpcap's. */
size_t blocks_packet(const struct blocks *b, const uint8_t *bytes, size_t n, uint32_t snapshot,
		     struct reader_packet *ret);

#endif
