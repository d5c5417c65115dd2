/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DECODE_FRAMES_H
#define TESTS_UNIT_DECODE_FRAMES_H

/*
 * Frames put together header by header, outermost first; lengths are filled in when the frame
 * is taken. Addresses are told as text, "10.0.0.1" or "2001:db8::1".
 */

#include <pcap/dlt.h>

#include "capture/decode.h"

enum { FRAME_MAX = 4096, LENGTHS_MAX = 32 };

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t n;
	struct {
		size_t at;    /* of the 16-bit field */
		size_t from;  /* counts from here */
		unsigned off; /* and less this */
	} lengths[LENGTHS_MAX];
	size_t n_lengths;
	size_t proto; /* where the last IP header says what follows */
};

void put(struct frame *f, const char *hex); /* "0102 03": blanks are skipped */
void put8(struct frame *f, unsigned v);
void put16(struct frame *f, unsigned v);
void put32(struct frame *f, uint32_t v);
void pad(struct frame *f, size_t n); /* zeros */

void ethernet(struct frame *f, unsigned type);
void vlan(struct frame *f, unsigned id, unsigned type);
void ipv4(struct frame *f, const char *src, const char *dst, unsigned proto);
void ipv6(struct frame *f, const char *src, const char *dst, unsigned next);
/* An IPv4 header of a fragment; offset in bytes. */
void ipv4_part(struct frame *f, const char *src, const char *dst, unsigned proto, unsigned id,
	       unsigned offset, bool more);
void tcp(struct frame *f, unsigned sport, unsigned dport, unsigned flags);
void udp(struct frame *f, unsigned sport, unsigned dport);
void vxlan(struct frame *f, uint32_t vni);
/* 10.1.0.1:40000 -> 10.2.0.2:443, SYN, with an Ethernet header or without. */
void inner_frame(struct frame *f);
void inner_packet(struct frame *f);

/* Lengths filled in, without decoding. */
void close_lengths(struct frame *f);
/*
 * Decodes it, and every beginning of it in memory of exactly that size: as cut by the capture,
 * where nothing may differ but what an anomaly or opaque tells, and as a whole frame.
 */
struct decoded take(struct frame *f, int dlt);
/* As it is, no lengths filled in and no beginnings. */
struct decoded take_plain(const struct frame *f, int dlt);

/* "tcp 10.1.0.1 40000 10.2.0.2 443 flags=S | vlan 20, vni 5001 | 10.0.0.1>10.0.0.2 17:4789 |
 * truncated | opaque cut 0806 ..." of what is there. */
void expect(struct decoded d, const char *said);

#endif
