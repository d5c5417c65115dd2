/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ORACLE_WIRE_H
#define TESTS_ORACLE_WIRE_H

/*
 * Packets: drawn from a ruleset's constants, and as bytes.
 *
 * What the model says nothing of is drawn as well, and must not matter: IPv4 options, IPv6
 * extension headers, the first of several fragments, UDP headers cut behind the ports.
 */

#include "tests/oracle/script.h"

enum {
	WIRE_OPTIONS = 1, /* IPv4 options; IPv6 hop-by-hop and destination options */
	WIRE_FIRST = 2,	  /* more fragments follow */
	WIRE_ATOMIC = 4,  /* IPv6: a fragment header, but all in one piece */
	WIRE_SHORT = 8,	  /* UDP: the ports and nothing else */
	WIRE_MAX = 256	  /* bytes of a packet */
};

struct shot {
	struct packet packet;
	uint8_t wire;  /* WIRE_ flags */
	uint8_t in;    /* which of the interfaces it comes in by */
	uint8_t out;   /* which it leaves by */
	uint64_t salt; /* of what the bytes leave open */
};

/* One packet for the script, without its place. */
void wire_draw(struct rng *r, const struct script *s, struct shot *ret);
/* Its bytes, at most WIRE_MAX; how many. id (20 bits) can be read back. */
size_t wire_build(const struct shot *shot, unsigned id, uint8_t *ret);
/*
 * The id of a packet as it came out, -1 where it is none. It must be compared with what was
 * sent: answers of the kernel's own carry ids as well.
 */
int wire_id(const uint8_t *b, size_t len);
/* Same packet but for what forwarding changes (TTL, checksum). */
bool wire_same(const uint8_t *sent, size_t len, const uint8_t *got, size_t got_len);

/* Puts the right checksum into the transport header at b, of n bytes with what follows. */
void wire_checksum(const struct packet *p, uint8_t *b, size_t n);
/* Internet checksum of the bytes, with a sum to start from. */
uint16_t wire_sum(const uint8_t *b, size_t len, uint32_t sum);

#endif
