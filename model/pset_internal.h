/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PSET_INTERNAL_H
#define MODEL_PSET_INTERNAL_H

/*
 * The inside of packet sets, shared by the model/pset*.c files alone.
 *
 * A value is a hash-consed run-length digit diagram (a finite decision diagram whose nodes
 * are lists of intervals; Christiansen and Fleury 2004 call the one-digit form MTIDD). The
 * packet is cut into digits of at most 16 bits, most significant first, one level a digit:
 *
 *	FRAGMENT << 8 | PROTO, DST (2 or 8), SRC (2 or 8), DPORT, SPORT, FLAGS, STATE
 *
 * The type and code of the family's ICMP stand on the DPORT level. Whether a field exists is
 * settled by the first digit alone, and below a first digit that has no ports no node of a
 * port level ever occurs: that is how "sets never constrain what does not exist" holds.
 *
 * A node is a run of words in one arena: a header (level << 24 | n), n children, n upper
 * bounds packed two a word; the last bound is always the greatest value of the level, no two
 * neighbouring children are equal, n > 1. A child lies always before its parents, which
 * makes collection two linear passes without recursion.
 *
 * An id below PSET_NODES is a label (0: nothing said). Other ids are PSET_NODES + the word
 * offset of the node, with bit 31 set when some packet gets no label from it: `over` stops at
 * functions that are total without touching memory.
 */

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"

#include "model/pset.h"

#define PSET_NODES   UINT32_C(0x10000000)
#define PSET_PARTIAL UINT32_C(0x80000000) /* some packet gets nothing */
#define PSET_SPENT   UINT32_C(0xffffffff)

enum {
	PSET_LEVELS_MAX = 21,
	PSET_LEVEL_END = 255, /* of a label */
	PSET_PROTOS = 512,    /* values of the first digit */
	PSET_FRAGMENT = 256,  /* its fragment bit */
	PSET_STACK = (PSET_LEVELS_MAX + 3) * 65536,
};

/* What fields exist below a value of the first digit. */
enum proto_class { CLASS_NONE, CLASS_PORTS, CLASS_TCP, CLASS_ICMP, CLASS_COUNT };

enum pset_op {
	OP_NONE, /* an empty cache entry */
	OP_OVER,
	OP_OR,
	OP_AND,
	OP_WITHIN,
	OP_MINUS,
	OP_LEAST,
	OP_SUBSET,
	OP_DISJOINT,
	OP_LABEL,   /* b: the label */
	OP_WHERE,   /* b: the label */
	OP_PROJECT, /* + enum field; b: the class of the first digit */
	OP_COUNT = OP_PROJECT + FIELD_COUNT
};

struct pset_slot {
	uint32_t hash, id; /* id 0: free */
};

struct pset_cached {
	uint32_t op, a, b, result;
};

/* A sub-expression that was built before: weak, dropped when its set is collected. */
struct pset_memo {
	const struct match *match; /* NULL: free */
	uint32_t key;		   /* assumption << 2 | bound */
	uint32_t id;
};

struct pset_space {
	uint8_t family;
	uint8_t digits;		    /* of an address */
	uint8_t levels;		    /* in all */
	uint8_t level[FIELD_COUNT]; /* the first of each field that has one */
	uint16_t top[PSET_LEVELS_MAX];
	uint8_t class[PSET_PROTOS]; /* enum proto_class */
	/* Protocols whose whole packets have the fields of a class; TCP has ports too. */
	uint64_t whole[CLASS_COUNT][PSET_FRAGMENT / 64];

	uint32_t *words;
	size_t used, cap;
	struct pset_slot *slots;
	size_t n_slots, n_nodes; /* n_slots: a power of two */
	struct pset_cached *cache;
	size_t n_cache; /* a power of two */
	size_t budget;
	uint64_t seed;

	/* Runs of the nodes being built; each level's list lies above its parent's. */
	uint32_t *stack_child;
	uint16_t *stack_bound;
	size_t stack;

	struct pset_memo *memo;
	size_t n_memo, cap_memo;
	struct map assumes; /* printed assumption -> its number + 1 */
	size_t live;	    /* words left by the last collection */
	unsigned depth;	    /* of expressions */
	bool loose;	    /* an unknown was met since it was cleared */
};

struct node {
	unsigned level;
	uint32_t n;
	const uint32_t *child;
	const uint16_t *bound;
};

static inline bool is_node(uint32_t id)
{
	return (id & ~PSET_PARTIAL) >= PSET_NODES;
}

static inline bool is_total(uint32_t id)
{
	return id && !(id & PSET_PARTIAL);
}

static inline size_t node_offset(uint32_t id)
{
	return (id & ~PSET_PARTIAL) - PSET_NODES;
}

static inline unsigned node_level(const struct pset_space *sp, uint32_t id)
{
	return is_node(id) ? sp->words[node_offset(id)] >> 24 : PSET_LEVEL_END;
}

/* Pointers are valid until the next node is made. */
static inline struct node node_get(const struct pset_space *sp, uint32_t id)
{
	const uint32_t *w = sp->words + node_offset(id);
	uint32_t n = w[0] & 0xffffff;

	return (struct node){ .level = w[0] >> 24,
			      .n = n,
			      .child = w + 1,
			      .bound = (const uint16_t *)(const void *)(w + 1 + n) };
}

static inline size_t node_words(uint32_t n)
{
	return 1 + n + (n + 1) / 2;
}

/* The child of a node for one value of its digit. */
static inline uint32_t node_child(const struct node *nd, unsigned value)
{
	uint32_t lo = 0, n = nd->n;

	while (n > 1) {
		uint32_t half = n / 2;

		lo = nd->bound[lo + half - 1] < value ? lo + half : lo;
		n -= half;
	}
	return nd->child[lo];
}

/* Appends a run to the node being built above base. */
static inline void push_run(struct pset_space *sp, size_t base, unsigned bound, uint32_t child)
{
	size_t top = sp->stack;

	if (top > base && sp->stack_child[top - 1] == child) {
		sp->stack_bound[top - 1] = (uint16_t)bound;
		return;
	}
	sp->stack_child[top] = child;
	sp->stack_bound[top] = (uint16_t)bound;
	sp->stack = top + 1;
}

/* The node of the runs above base (the only child where there is one); pops them. */
uint32_t node_make(struct pset_space *sp, unsigned level, size_t base);
/* Gives up a node half built. */
static inline uint32_t node_abandon(struct pset_space *sp, size_t base)
{
	sp->stack = base;
	return PSET_SPENT;
}

static inline struct pset_cached *cache_slot(struct pset_space *sp, uint32_t op, uint32_t a,
					     uint32_t b)
{
	uint64_t h = ((uint64_t)a << 32 | b) * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ (h >> 29) ^ op) * UINT64_C(0xbf58476d1ce4e5b9);
	return &sp->cache[(h >> 32) & (sp->n_cache - 1)];
}

static inline bool cache_get(struct pset_space *sp, uint32_t op, uint32_t a, uint32_t b,
			     uint32_t *ret)
{
	const struct pset_cached *c = cache_slot(sp, op, a, b);

	if (c->a != a || c->b != b || c->op != op)
		return false;
	*ret = c->result;
	return true;
}

static inline void cache_put(struct pset_space *sp, uint32_t op, uint32_t a, uint32_t b,
			     uint32_t result)
{
	*cache_slot(sp, op, a, b) = (struct pset_cached){ op, a, b, result };
}

/* The operations on ids; operands must not be spent, results may be. */
uint32_t op_over(struct pset_space *sp, uint32_t f, uint32_t g);
uint32_t op_or(struct pset_space *sp, uint32_t f, uint32_t g);
uint32_t op_and(struct pset_space *sp, uint32_t f, uint32_t g);
uint32_t op_within(struct pset_space *sp, uint32_t f, uint32_t set);
uint32_t op_minus(struct pset_space *sp, uint32_t f, uint32_t set);
/* Of two functions the smaller label, where both give one. */
uint32_t op_least(struct pset_space *sp, uint32_t f, uint32_t g);
/* Union of n sets, by halves; v is used up. */
uint32_t op_or_n(struct pset_space *sp, uint32_t *v, size_t n);

/* Whether the ranges of a leaf hold the value. */
bool match_has(const struct match *m, unsigned value);

/*
 * A field's nodes: `inside` where the condition holds, nothing elsewhere. Spans and ranges are
 * normalised. inside must not be spent, the result may be.
 */
uint32_t field_spans(struct pset_space *sp, enum field field, const struct span *v, size_t n,
		     uint32_t inside);
/* (address & mask) == value */
uint32_t field_wild(struct pset_space *sp, enum field field, struct addr value,
		    struct addr mask, uint32_t inside);
uint32_t field_ranges(struct pset_space *sp, unsigned level, const struct range *v, size_t n,
		      uint32_t inside);
/* Type and code share a digit; either may be NULL. */
uint32_t field_icmp(struct pset_space *sp, const struct match *type, const struct match *code,
		    uint32_t inside);
uint32_t field_flags(struct pset_space *sp, unsigned value, unsigned mask, uint32_t inside);
uint32_t field_states(struct pset_space *sp, unsigned states, uint32_t inside);
/* The first digit, by a bit a value. */
uint32_t first_node(struct pset_space *sp, const uint64_t *bits, uint32_t inside);

/* Digit k (0: most significant) of an address. */
static inline unsigned addr_digit(const struct pset_space *sp, struct addr a, unsigned k)
{
	if (sp->family == FAMILY_V4)
		return (unsigned)(a.lo >> (16 - 16 * k)) & 0xffff;
	return (unsigned)((k < 4 ? a.hi : a.lo) >> (48 - 16 * (k & 3))) & 0xffff;
}

/* The digits of a packet, one a level; fields that it has not are 0. */
void packet_digits(const struct pset_space *sp, const struct packet *p, uint16_t *ret);

/* `label` on the packets that the expression surely (maybe) matches. */
enum pset_bound { PSET_LO, PSET_HI };
struct pset pset_of_match(struct pset_space *sp, const struct match *m,
			  const struct pset_assume *as, enum pset_bound bound, uint32_t label);

/* Gives back all memory that only making new nodes needs: from here on the space is read. */
void pset_space_seal(struct pset_space *sp);

/* Marks of nodes or values for nodes, for one walk over a diagram. */
struct node_map {
	uint32_t *key; /* 0: free */
	double *value;
	size_t n, cap;
};

/* The place of a node's value; *ret_new says whether it was not there (value 0 then). */
double *node_map_at(struct node_map *m, uint32_t id, bool *ret_new);
void node_map_finish(struct node_map *m);

#endif
