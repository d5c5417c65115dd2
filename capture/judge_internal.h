/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_JUDGE_INTERNAL_H
#define CAPTURE_JUDGE_INTERNAL_H

/* The sets of a zone pair, folded into one function that is walked once for each flow. */

#include "base/vec.h"
#include "capture/judge.h"
#include "diff/engine.h"
#include "model/pset_image.h"

/* What a pair's function says of a packet, or'ed. */
enum pair_bit {
	PAIR_DECLARED = 1 << 0,
	PAIR_KNOWN = 1 << 1, /* it is one of the pair's packets */
	PAIR_GAP = 1 << 2,   /* it takes a way that isn't known to its end */
	PAIR_EXCLUDED = 1 << 3,
	PAIR_BOUND = 1 << 4, /* a translation that isn't understood may take it */
	PAIR_SURE = 1 << 5,  /* permitted by both planes together */
	PAIR_MAYBE = 1 << 6,
	PAIR_BEHIND = 1 << 7,	  /* a packet that is permitted looks so behind a translation */
	PAIR_PLANE_SURE = 1 << 8, /* and, by plane, one more to the left */
	PAIR_PLANE_MAYBE = 1 << 10,
};

struct pair_label {
	unsigned bits;
	const struct flow *flow; /* the first that declares it; NULL: none, or not told */
};

/* One function: where it is kept over collections, and what its labels (from 1) mean. */
struct pair_function {
	size_t kept;
	VEC(struct pair_label) labels;
};

struct pair_family {
	bool made, loose_made, spent, lost;
	bool rewrites; /* some way translates */
	bool present[PLANE_COUNT];
	struct pair_function exact;
	size_t universe; /* where the pair's packets are kept over collections */
	struct pset_image *image; /* of exact; NULL: not asked often enough, or too large */
	uint32_t asked;
	struct pair_function loose; /* of packets whose ports aren't known: for some of them */
};

struct zone_pair {
	const struct zone *from, *to;
	struct path path;
	bool found, known;
	const char *taint; /* something on the way that isn't understood whole; NULL: nothing */
	struct loc taint_at;
	struct pair_family family[FAMILY_COUNT];
};

struct quick;

struct judge {
	struct arena *arena;
	const struct estate *estate;
	const struct policy *policy;
	const struct check_options *options;
	struct identity *identity;
	struct engine engine;
	bool *stale;
	VEC(struct zone_pair *) pairs;
	uint32_t *slots; /* place in pairs, + 1 */
	size_t n_slots;
	VEC(struct pset) kept[FAMILY_COUNT];
	struct quick *quick;
	size_t images; /* bytes of all images */
};

/* One conversation in one direction: g->packet and g->parties are set, and the rest follows. */
void judge_one(struct judge *j, const struct flow_record *r, struct judgement *g);
void judge_unknown(struct judgement *g, const char *why);
/* A first packet, as the sets have them. */
struct packet judge_first_packet(struct packet p);
/* The packet that this one would be an answer to. */
struct packet judge_reversed(const struct packet *p);
/* Of two readings of one conversation the one to believe: 0, as the packet goes, or 1. */
int judge_believe(unsigned forth, unsigned back, const struct packet *p);
/* Two tenants, neither serving the other, or told apart by name. */
bool kept_apart(const struct policy *p, const struct tenant *a, const struct tenant *b);
/* Where an end isn't known: whether it could be another tenant's than the other end. */
bool may_cross(const struct party *a, const struct party *b);
/* Whether anything is declared between the two at all. */
bool declares_some(struct judge *j, const struct zone *from, const struct zone *to);

/* ---- judge_quick.c: judgements that hold for more than one flow */
struct quick *quick_create(void);
void quick_destroy(struct quick *q);

/* ---- judge_pair.c */

/* The pair's place; JUDGE_NO_PAIR: there are too many. */
uint32_t pair_of(struct judge *j, const struct zone *from, const struct zone *to);
/* What its function says of a first packet. NULL: the sets don't fit. */
const struct pair_label *pair_label(struct judge *j, struct zone_pair *zp,
				    const struct packet *p);
/* Which ends no packet has whose way is known to its end, or'ed. 0 also where that isn't known. */
enum { STRANGER_SOURCE = 1, STRANGER_DESTINATION = 2 };
unsigned pair_strangers(struct judge *j, const struct judgement *g);
/* Of a packet whose ports aren't known: what holds for some. */
const struct pair_label *pair_loose(struct judge *j, struct zone_pair *zp,
				    const struct packet *p);

#endif
