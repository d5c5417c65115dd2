/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_FLOWS_INTERNAL_H
#define CAPTURE_FLOWS_INTERNAL_H

/* Between flows.c, what a packet belongs to, and the memory of fragments. */

#include "capture/flows.h"

/* Of flow_key.bits. */
enum {
	FLOW_IP = 1,
	FLOW_PORTLESS = 2, /* fragments whose ports aren't known */
	FLOW_RELATED = 4,  /* quoted is part of the key */
};

/* Compared as bytes: no holes. */
struct flow_key {
	struct addr end[2];
	uint16_t port[2];
	uint8_t family, proto, icmp_type, icmp_code; /* of a query: the question's type */
	uint8_t opaque, bits, n_segments, n_tunnels;
	uint16_t interface;
	uint16_t ethertype; /* of ICMP: the identifier */
};

/* The packet's own view: which way it goes within its key, and what it says of who began. */
struct flow_view {
	uint8_t turned; /* it goes from end[1] to end[0] */
	uint8_t began;	/* enum beginning, of this packet's src */
	bool fresh;	/* it begins a conversation, whatever was before */
};

_Static_assert(sizeof(struct flow_key) == 48, "no holes");

enum { FLOW_SEEDS = 8 };

__extension__ typedef unsigned __int128 flow_wide;

static inline uint64_t flow_mix(uint64_t a, uint64_t b)
{
	flow_wide p = (flow_wide)a * b;
	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* The key and view of a packet, and the keyed hash of all that tells its flow (also of what is
 * compared beside the key: tags, tunnels, what is quoted). seed: FLOW_SEEDS of them. */
uint64_t flow_key_of(const uint64_t *seed, const struct decoded *d, unsigned interface,
		     struct flow_key *ret, struct flow_view *ret_view);
uint64_t flow_hash_tags(const uint64_t *seed, uint64_t h, const struct segment_tag *v,
			size_t n);

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

/* Of the same datagram; at such times that its number can't have been used again. */
bool fragment_same(const struct fragment *known, const struct fragment *f);
bool fragment_near(const struct fragment *known, const struct fragment *f);

enum {
	HELD = 256,	      /* datagrams */
	HELD_PACKETS = 65536, /* of one: more than a datagram can have */
};

/* Later fragments of one datagram, whose first one may still come. */
struct held {
	struct fragment key; /* used: it is; at: of the first that was seen */
	struct decoded d;    /* that one; of segments and tunnels as far as there are any */
	unsigned interface;
	uint64_t file, number;
	int64_t until;
	uint64_t bytes; /* of all */
	uint32_t packets;
	uint16_t anomalies;
	uint32_t caplen;
	uint8_t *bytes_at; /* for an excerpt; NULL: none is wanted */
};

/* A ring: from gone to put, those whose first one came have key.used 0. */
struct held_back {
	uint64_t put, gone;
	uint64_t hash[HELD];
	struct held slots[HELD];
	size_t excerpt_bytes;
	uint8_t *excerpts;
};

struct held_back *held_create(size_t excerpt_bytes);
void held_destroy(struct held_back *h);
/* NULL: there is none. */
struct held *held_find(struct held_back *h, uint64_t hash, const struct fragment *f);
/* There has to be room. What is counted, and d, is the caller's to set. */
struct held *held_add(struct held_back *h, uint64_t hash, const struct fragment *f,
		      const uint8_t *bytes, uint32_t caplen);
/* Of those that wait; NULL: none does. */
struct held *held_oldest(struct held_back *h);
static inline bool held_full(const struct held_back *h)
{
	return h->put - h->gone == HELD;
}

/*
 * The first packet went from end[turned] to the other; counts are since the last record, and
 * anomalies of all its packets.
 */
struct entry {
	struct flow_key key;
	uint32_t hash;
	uint32_t packets[2]; /* [0]: as the first packet went */
	uint32_t file;
	uint64_t bytes[2];
	int64_t at, until;
	uint64_t number, flow;
	uint8_t mac_src[6];
	uint16_t anomalies;
	uint8_t flags, began, turned, touched, listed;
};

/* What few flows have; its memory is touched by those alone. */
struct entry_more {
	struct segment_tag segments[SEGMENTS_MAX];
	struct tunnel_end tunnels[TUNNELS_MAX];
	struct quoted quoted;
};

_Static_assert(sizeof(struct entry) <= 128, "two lines");

/* The record of an entry, but for its kind. */
void flow_describe(const struct entry *e, const struct entry_more *m, struct flow_record *r);

/*
 * n zeros of that size: in large pages where the system has any (most of a lookup is finding
 * pages), none of which is there before it is touched. *ret_mapped is for freeing it.
 */
void *flow_table(size_t n, size_t size, size_t *ret_mapped);
void flow_table_free(void *p, size_t mapped);

#endif
