/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_BOX_H
#define MODEL_BOX_H

/*
 * A match as a few boxes: products of one interval for each field, one family at a time.
 * Most rules are one box; a list of ports or a negation makes a handful. Where it would take
 * too many (object groups multiplied with object groups, scattered wildcard masks), what is
 * given contains the match and says that it is not the match itself.
 *
 * The space is made plain, so that every product of intervals is a set of packets:
 *
 * - ICMP's type stands in the place of the source port, its code in that of the destination
 *   port, and a condition that reaches up to 255 reaches to the end of the axis there;
 * - packets without ports or type stand for all values on these two axes, packets without TCP
 *   flags for all flags: no condition on a field separates packets that haven't got it;
 * - protocols are numbered so that those with ports lie side by side (box_proto_rank);
 * - an interface is the rank of its name among the names that the rules speak of, so that
 *   "eth+" is an interval too. Every rank between two of them is some other name.
 */

#include "base/vec.h"
#include "model/match.h"
#include "model/packet.h"

enum {
	BOX_FRAG_WHOLE = 1,
	BOX_FRAG_LATER = 2,
	BOX_FRAG_ANY = 3,
	BOX_STATE_ANY = (1 << STATE_COUNT) - 1,
	/* ranks of protocols */
	BOX_PORTS_LAST = 4,
	BOX_ICMP = 5,
	BOX_ICMPV6 = 6,
	BOX_PROTO_MAX = 255,
};

struct box {
	struct span src, dst;
	struct range proto;	   /* ranks: box_proto_rank */
	struct range sport, dport; /* ICMP: type and code */
	struct range iif, oif;	   /* ranks: struct box_names */
	uint8_t state;		   /* set of enum conn_state, a bit each */
	uint8_t frag;		   /* set of BOX_FRAG_ */
	uint64_t flags[4];	   /* set of the 256 values of the TCP flags */
};

struct boxes {
	struct box *v;
	size_t n, cap;
};

/* The interface names that matter to a list of rules, ranked. */
struct box_names {
	VEC(struct box_name {
		char *s;
		size_t len;
	})
	cuts;
};

/* Adds the names that m speaks of; box_names_freeze() before the first use. */
void box_names_add(struct box_names *names, const struct match *m);
void box_names_freeze(struct box_names *names);
void box_names_finish(struct box_names *names);
/* A name of that rank, copied to buf of at least 8 bytes (cut off where it doesn't fit). */
void box_names_example(const struct box_names *names, unsigned rank, char *buf, size_t size);
/* The ranks that a condition on an interface is true for. */
void box_names_range(const struct box_names *names, const struct match *m, unsigned *ret_lo,
		     unsigned *ret_hi);
unsigned box_names_rank(const struct box_names *names, const char *name);

/* 0..4 are the protocols with ports, TCP first; 5 ICMP, 6 ICMPv6, then all others. */
unsigned box_proto_rank(unsigned proto);
unsigned box_rank_proto(unsigned rank);

struct box box_all(enum family f, const struct box_names *names);
/* False where nothing is left; *a is spoilt then. */
bool box_clip(struct box *a, const struct box *b);

enum box_bound { BOX_LO, BOX_HI };

/* Trees of more nodes are not walked: boxes_of() takes such a condition for anything. */
enum { BOX_WEIGHT = 1 << 20 };

/*
 * Puts into *ret (emptied before, memory kept) at most max (>= 1) boxes whose union is the
 * bound of m within the family, and returns true; or returns false and *ret holds boxes whose
 * union contains it. They may overlap. None at all: the bound is empty.
 */
bool boxes_of(const struct match *m, enum family f, enum box_bound bound,
	      const struct box_names *names, size_t max, struct boxes *ret);
void boxes_free(struct boxes *b);

/*
 * A box of the bound, chosen by the random state at every fork; false where the choice led
 * into nothing. For drawing packets from matches that are not boxes; a scattered mask under a
 * NOT is passed over, so judge the packet.
 */
bool box_draw(const struct match *m, enum family f, enum box_bound bound,
	      const struct box_names *names, uint64_t *random, struct box *ret);

/* A random number generator (SplitMix64), the same everywhere. */
uint64_t box_random(uint64_t *state);
/* Evenly within lo..hi. */
struct addr box_random_addr(uint64_t *state, struct span s);
/* A packet of the box; the names stay valid as long as the caller's two buffers. */
enum { BOX_NAME = 256 };
struct packet box_packet(const struct box *b, enum family f, const struct box_names *names,
			 uint64_t *random, char *iif, char *oif);
/* The same without chance, for people: a plain host, usual ports, a new connection. */
struct packet box_packet_plain(const struct box *b, enum family f,
			       const struct box_names *names, char *iif, char *oif);

#endif
