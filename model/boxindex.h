/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_BOXINDEX_H
#define MODEL_BOXINDEX_H

/*
 * Which boxes of a long list hold this packet, lie across this box? Answered without looking
 * at all of them, whatever mixture of wide and narrow the boxes are.
 *
 * The addresses and ports at which boxes begin or end cut every axis into pieces; inside the
 * index a box is an interval of piece numbers on each axis (a cell), and so is a question.
 * The rule that a box belongs to is one more axis, so that "only earlier rules" is part of
 * the question.
 */

#include "model/box.h"

enum {
	AXIS_DST,
	AXIS_SRC,
	AXIS_DPORT,
	AXIS_SPORT,
	AXIS_PROTO,
	AXIS_IIF,
	AXIS_OIF,
	AXIS_RULE,
	AXIS_COUNT
};

struct cell {
	int32_t lo[AXIS_COUNT], hi[AXIS_COUNT];
	uint32_t flags; /* set of classes of TCP flag values */
	uint8_t tail;	/* set: 5 bits connection state, 2 bits fragment */
	uint8_t kinds;	/* set of what the box is, as the caller likes; nothing geometric */
};

/* Four axes at once, as compilers have it on every machine (GCC manual, Vector Extensions). */
typedef int32_t cell_lanes __attribute__((vector_size(16), aligned(4)));
typedef uint64_t cell_signs __attribute__((vector_size(16)));

/* Whether some number of the two vectors of differences is negative. */
static inline bool cell_negative(cell_lanes a, cell_lanes b)
{
	cell_signs s = (cell_signs)(a | b);
	return (s[0] | s[1]) & UINT64_C(0x8000000080000000);
}

static inline bool cell_meets(const struct cell *a, const struct cell *b)
{
	const cell_lanes *al = (const cell_lanes *)a->lo, *ah = (const cell_lanes *)a->hi;
	const cell_lanes *bl = (const cell_lanes *)b->lo, *bh = (const cell_lanes *)b->hi;
	unsigned tail = a->tail & b->tail;
	if (cell_negative((ah[0] - bl[0]) | (bh[0] - al[0]), (ah[1] - bl[1]) | (bh[1] - al[1])))
		return false;
	return (a->flags & b->flags) && (tail & 0x1f) && (tail & 0x60);
}

/* Whether b lies in a, AXIS_RULE left out. */
static inline bool cell_holds(const struct cell *a, const struct cell *b)
{
	int32_t out = 0;
	for (int d = 0; d < AXIS_RULE; d++)
		out |= (b->lo[d] - a->lo[d]) | (a->hi[d] - b->hi[d]);
	return out >= 0 && !(b->flags & ~a->flags) && !(b->tail & ~a->tail);
}

/* False where they don't meet; *a is untouched then. */
bool cell_clip(struct cell *a, const struct cell *b);

struct box_index;

/*
 * Copies the boxes; rule[i] (below 2^31) and kinds[i] belong to box[i]. Conditions on TCP
 * flags of too many different kinds can't be told apart any more: a box whose cell is larger
 * than it is has the kinds of `blurred` too, and box_index_blurs() says so. ret_cells[i] (NULL:
 * not wanted) becomes the cell of box[i], as box_index_cell() gives it.
 */
struct box_index *box_index_create(enum family f, const struct box_names *names,
				   const struct box *box, const uint32_t *rule,
				   const uint8_t *kinds, unsigned blurred, size_t n,
				   struct cell *ret_cells);
void box_index_destroy(struct box_index *ix);

/* The cell of a box; rules 0..INT32_MAX. Exact for the boxes that the index was made of. */
struct cell box_index_cell(const struct box_index *ix, const struct box *b);
bool box_index_blurs(const struct box_index *ix, const struct box *b);
/* The cell of one packet. */
struct cell box_index_point(const struct box_index *ix, const struct packet *p);
/* A random point of a cell, every piece of an axis alike. */
struct cell box_index_draw(const struct cell *c, uint64_t *random);
/* A packet in that point. */
struct packet box_index_packet(const struct box_index *ix, const struct cell *point,
			       uint64_t *random, char *iif, char *oif);
/* A box that is that cell. */
struct box box_index_box(const struct box_index *ix, const struct cell *c);

/*
 * Calls visit for every box that meets the cell *q and has a kind of q->kinds, in no
 * particular order but rather lower rules first, until it returns true. visit may narrow
 * q's axis of rules. True where visit did.
 */
bool box_index_each(const struct box_index *ix, struct cell *q,
		    bool (*visit)(void *user, struct cell *q, const struct cell *c),
		    void *user);

#endif
