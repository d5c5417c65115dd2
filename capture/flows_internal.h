/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_FLOWS_INTERNAL_H
#define CAPTURE_FLOWS_INTERNAL_H

/* Between flows.c and the memory of first fragments. */

#include "capture/flows.h"

enum {
	FRAGMENT_WAYS = 4,
	FRAGMENT_SETS = 4096, /* a power of two */
};

/* Linux gives up a datagram after 30 s (ip(7), ipfrag_time); numbers are used again after. */
#define FRAGMENT_AGE INT64_C(30000000000)

/* A first fragment, and the flow that its ports put it in. All zero: none. */
struct fragment {
	struct addr src, dst;
	uint64_t segments; /* keyed hash of the tags */
	uint64_t flow;	   /* its number: the entry may belong to another flow by now */
	int64_t at;
	uint32_t id, entry;
	uint16_t interface;
	uint8_t family;
	uint8_t proto; /* of IPv4 (RFC 791); 0 for IPv6, whose id is told by the addresses alone
			*/
	uint8_t way;   /* the direction within the flow */
	uint8_t used;
};

struct fragments;

struct fragments *fragments_create(void);
void fragments_destroy(struct fragments *f);
/* hash: keyed, of all that is compared. */
void fragments_add(struct fragments *f, uint64_t hash, const struct fragment *first);
/* The first fragment of the datagram that `later` is of; NULL where it isn't remembered. */
const struct fragment *fragments_find(const struct fragments *f, uint64_t hash,
				      const struct fragment *later);

#endif
