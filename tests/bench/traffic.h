/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

/*
 * Frames of Ethernet, IPv4 and TCP or UDP between two sets of prefixes, one after the other, the
 * same for the same arguments. Clients have the prefixes of 10.0.0.0/9, servers those of
 * 10.128.0.0/9; prefix i of n stands in the slot i * (65536 / n) of 128 addresses and has the
 * length 25 + i % 4. Sizes are those of the simple IMIX (7 : 4 : 1 of 64, 594 and 1,518 bytes
 * with the checksum, which isn't captured).
 */

#include <stdbool.h>
#include <stdint.h>

enum {
	FRAME_MAX = 1514,
	HEADERS = 54,	      /* of TCP */
	FLOWS_AT_ONCE = 1 << 14, /* conversations whose packets are mingled */
};

struct traffic {
	uint64_t state; /* of the numbers drawn */
	uint64_t flows; /* begun so far */
	unsigned per_flow, n_prefixes;
	struct talk {
		uint32_t client, server;
		uint16_t port;
		uint16_t left; /* packets that are to come */
	} talks[FLOWS_AT_ONCE];
};

/* per_flow 1: every packet is a flow that wasn't seen before. prefixes: on each side. */
void traffic_init(struct traffic *t, unsigned per_flow, unsigned prefixes);
/* The next frame's first HEADERS bytes; gives its length, behind them are zeros. */
unsigned traffic_next(struct traffic *t, uint8_t *frame);

#endif
