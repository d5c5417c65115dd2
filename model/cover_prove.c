/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether boxes cover a box: take the one that covers most of it, cut what sticks out into
 * smaller boxes, and go on with each of them and only those boxes that meet it. A piece that
 * no box meets ends it with No. It is exponential at worst, so there is fuel; when that is
 * spent, or when a match is not made of boxes, packet sets decide.
 */
#include "model/cover_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	FUEL = 200 * 1000, /* boxes looked at */
	FUEL_PEEL = 256,   /* points looked up */
	DEPTH_MAX = 1500,
	SETS_MAX = 96 << 20, /* bytes of a packet set space */
	PLACES_MAX = 256,    /* pairs of interfaces judged one by one */
	DRAWS_EMPTY = 16,
};

/* Boxes that cover a box */

struct gathering {
	struct cover *c;
	bool rough; /* met a box that is not its match */
};

static bool visit_gather(void *user, struct cell *at, const struct cell *x)
{
	struct gathering *g = user;
	if (cover_skipped(g->c, at, x))
		return false;
	if (x->kinds & COVER_ROUGH)
		g->rough = true;
	else
		*vec_add(&g->c->found) = *x;
	return false;
}

/* How much of the cell the box takes, 0..1. */
static double share(const struct cell *x, const struct cell *cell)
{
	double v = 1;
	for (int d = 0; d < AXIS_RULE; d++) {
		int32_t lo = x->lo[d] > cell->lo[d] ? x->lo[d] : cell->lo[d];
		int32_t hi = x->hi[d] < cell->hi[d] ? x->hi[d] : cell->hi[d];
		if (cell->hi[d] > cell->lo[d])
			v *= (double)(hi - lo + 1) / (double)(cell->hi[d] - cell->lo[d] + 1);
	}
	return v * __builtin_popcount(x->flags & cell->flags) *
	       __builtin_popcount(x->tail & cell->tail & 0x1f) *
	       __builtin_popcount(x->tail & cell->tail & 0x60);
}

enum { SIDES = 2 * AXIS_RULE + 3 };

/* Cuts off what of the cell sticks out of x on that side; false where nothing does. */
static bool cut_off(struct cell *cell, const struct cell *x, int side, struct cell *ret)
{
	*ret = *cell;
	if (side < 2 * AXIS_RULE) {
		int d = side / 2;
		if (side % 2 == 0 && x->lo[d] > cell->lo[d]) {
			ret->hi[d] = x->lo[d] - 1;
			cell->lo[d] = x->lo[d];
			return true;
		}
		if (side % 2 == 1 && x->hi[d] < cell->hi[d]) {
			ret->lo[d] = x->hi[d] + 1;
			cell->hi[d] = x->hi[d];
			return true;
		}
		return false;
	}
	if (side == 2 * AXIS_RULE) {
		ret->flags &= ~x->flags;
		cell->flags &= x->flags;
		return ret->flags;
	}
	uint8_t set = side == SIDES - 1 ? 0x60 : 0x1f;
	ret->tail &= (uint8_t) ~(x->tail & set);
	cell->tail &= (uint8_t)(x->tail | ~set);
	return ret->tail & set;
}

struct covering {
	struct cover *c;
	size_t fuel;
	unsigned depth;
};

/* Whether the cell is covered by the boxes that stack.v[from..to-1] name. */
static enum answer covered(struct covering *w, struct cell cell, size_t from, size_t to)
{
	struct cover *c = w->c;
	size_t first = c->stack.n, best = 0;
	double most = -1;
	if (w->fuel < to - from || w->depth >= DEPTH_MAX)
		return ANSWER_OPEN;
	w->fuel -= to - from;
	for (size_t i = from; i < to; i++) {
		uint32_t which = c->stack.v[i];
		const struct cell *x = &c->found.v[which];
		if (!cell_meets(x, &cell))
			continue;
		if (cell_holds(x, &cell)) {
			c->stack.n = first;
			return ANSWER_YES;
		}
		double s = share(x, &cell);
		if (s > most) {
			most = s;
			best = c->stack.n;
		}
		*vec_add(&c->stack) = which;
	}
	if (most < 0) {
		cover_draw_cell(c, &cell, &c->hole);
		c->has_hole = true;
		return ANSWER_NO;
	}
	/* the best one goes out of the list: no piece meets it */
	struct cell x = c->found.v[c->stack.v[best]], piece;
	c->stack.v[best] = c->stack.v[--c->stack.n];
	size_t end = c->stack.n;
	enum answer all = ANSWER_YES, one;
	w->depth++;
	for (int side = 0; side < SIDES && all != ANSWER_NO; side++)
		if (cut_off(&cell, &x, side, &piece) &&
		    (one = covered(w, piece, first, end)) != ANSWER_YES)
			all = one;
	w->depth--;
	c->stack.n = first;
	return all;
}

/*
 * The same without gathering all boxes first: the boxes at a random point of the cell are
 * looked up, and the largest of them is cut out. Good where few boxes do.
 */
struct peeling {
	struct cover *c;
	const struct cover_part *parts;
	size_t n;
	unsigned fuel;
};

struct widest {
	struct cover *c;
	const struct cell *cell;
	bool rough, any, all;
	double most;
	struct cell box;
};

static bool visit_widest(void *user, struct cell *at, const struct cell *x)
{
	struct widest *w = user;
	if (cover_skipped(w->c, at, x))
		return false;
	if (x->kinds & COVER_ROUGH) {
		w->rough = true;
		return false;
	}
	if (cell_holds(x, w->cell)) {
		w->all = true;
		return true;
	}
	double s = share(x, w->cell);
	if (!w->any || s > w->most) {
		w->most = s;
		w->box = *x;
	}
	w->any = true;
	return false;
}

static enum answer peel(struct peeling *w, struct cell cell)
{
	struct cover *c = w->c;
	struct widest best = { .c = c, .cell = &cell };
	struct cover_point p;
	if (!w->fuel)
		return ANSWER_OPEN;
	w->fuel--;
	cover_draw_cell(c, &cell, &p);
	for (size_t i = 0; i < w->n; i++) {
		struct cell q = p.cell;
		if (cover_ask(&q, w->parts[i]) &&
		    box_index_each(c->index, &q, visit_widest, &best))
			return ANSWER_YES;
	}
	if (!best.any) {
		if (best.rough)
			return ANSWER_OPEN;
		c->hole = p;
		c->has_hole = true;
		return ANSWER_NO;
	}
	struct cell piece;
	enum answer a = ANSWER_YES;
	for (int side = 0; side < SIDES && a == ANSWER_YES; side++)
		if (cut_off(&cell, &best.box, side, &piece))
			a = peel(w, piece);
	return a;
}

/* One cell; rough: a No is not to be believed. */
static enum answer cell_covered(struct cover *c, const struct cell *cell,
				const struct cover_part *parts, size_t n, bool rough)
{
	struct gathering g = { c, rough };
	struct covering w = { c, c->fuel < FUEL ? c->fuel : FUEL, 0 };
	size_t fuel = w.fuel;
	struct peeling first = { c, parts, n, FUEL_PEEL };
	enum answer a = peel(&first, *cell);
	if (a != ANSWER_OPEN)
		return a == ANSWER_NO && rough ? ANSWER_OPEN : a;
	c->found.n = c->stack.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct cell q = *cell;
		if (cover_ask(&q, parts[i]))
			box_index_each(c->index, &q, visit_gather, &g);
	}
	for (uint32_t i = 0; i < c->found.n; i++)
		*vec_add(&c->stack) = i;
	a = covered(&w, *cell, 0, c->stack.n);
	c->fuel -= fuel - w.fuel;
	return a == ANSWER_NO && g.rough ? ANSWER_OPEN : a;
}

/* Packet sets */

struct rules {
	VEC(uint32_t) v;
};

static bool visit_rule(void *user, uint32_t rule)
{
	struct rules *r = user;
	*vec_add(&r->v) = rule;
	return false;
}

static int rule_order(const void *x, const void *y)
{
	const uint32_t *a = x, *b = y;
	return *a < *b ? -1 : *a > *b;
}

/* At one pair of interfaces. */
static enum answer sets_proof_at(struct cover *c, const struct pset_assume *as, uint32_t rule,
				 uint32_t with, const uint32_t *by, size_t n)
{
	const struct rule *r = c->rs->rules;
	if (c->sp && pset_space_bytes(c->sp) > SETS_MAX / 2) {
		pset_space_destroy(c->sp);
		c->sp = NULL;
		c->spaces_left--;
	}
	if (!c->spaces_left)
		return ANSWER_OPEN;
	if (!c->sp)
		c->sp = pset_space_create(c->family, SETS_MAX);
	struct pset s = pset_hi(c->sp, r[rule].match, as);
	if (with != UINT32_MAX)
		s = pset_and(c->sp, s, pset_hi(c->sp, r[with].match, as));
	for (size_t i = 0; i < n && !pset_is_empty(s); i++) {
		if (pset_is_spent(s) || !c->sets_left)
			return ANSWER_OPEN;
		c->sets_left--;
		s = pset_minus(c->sp, s, pset_lo(c->sp, r[by[i]].match, as));
	}
	if (pset_is_spent(s))
		return ANSWER_OPEN;
	if (!pset_pick(c->sp, s, &c->hole.packet))
		return ANSWER_YES;
	c->has_hole = c->hole.made = true;
	strcpy(c->hole.iif, as->iif);
	strcpy(c->hole.oif, as->oif);
	c->hole.packet.iif = c->hole.iif;
	c->hole.packet.oif = c->hole.oif;
	c->hole.cell = box_index_point(c->index, &c->hole.packet);
	return ANSWER_NO;
}

static enum answer sets_proof(struct cover *c, uint32_t rule, uint32_t with,
			      const struct cover_part *parts, size_t n)
{
	struct rules by = { 0 };
	struct pset_assume as = { .state = -1, .fragment = -1 };
	char iif[BOX_NAME], oif[BOX_NAME];
	struct cell around = c->cell[c->at[rule]];
	enum answer all = ANSWER_YES, one;
	for (size_t i = 0; i < n; i++)
		cover_each(c, rule, parts[i], visit_rule, &by);
	size_t n_by = 0;
	if (by.v.n)
		qsort(by.v.v, by.v.n, sizeof(*by.v.v), rule_order);
	vec_each (x, &by.v)
		if (!n_by || *x != by.v.v[n_by - 1])
			by.v.v[n_by++] = *x;
	for (uint32_t k = c->at[rule] + 1; k < c->end[rule]; k++)
		for (int d = AXIS_IIF; d <= AXIS_OIF; d++) {
			const struct cell *x = &c->cell[k];
			around.lo[d] = x->lo[d] < around.lo[d] ? x->lo[d] : around.lo[d];
			around.hi[d] = x->hi[d] > around.hi[d] ? x->hi[d] : around.hi[d];
		}
	int64_t places = (int64_t)(around.hi[AXIS_IIF] - around.lo[AXIS_IIF] + 1) *
			 (around.hi[AXIS_OIF] - around.lo[AXIS_OIF] + 1);
	if (places > PLACES_MAX)
		all = ANSWER_OPEN;
	for (int32_t i = around.lo[AXIS_IIF]; i <= around.hi[AXIS_IIF] && all == ANSWER_YES;
	     i++)
		for (int32_t o = around.lo[AXIS_OIF];
		     o <= around.hi[AXIS_OIF] && all == ANSWER_YES; o++) {
			box_names_example(&c->names, (unsigned)i, iif, sizeof(iif));
			box_names_example(&c->names, (unsigned)o, oif, sizeof(oif));
			as.iif = iif;
			as.oif = oif;
			one = sets_proof_at(c, &as, rule, with, by.v.v, n_by);
			if (one != ANSWER_YES)
				all = one;
		}
	vec_free(&by.v);
	return all;
}

enum answer cover_proof(struct cover *c, uint32_t rule, uint32_t with,
			const struct cover_part *parts, size_t n)
{
	bool other = with != UINT32_MAX, open = false;
	bool rough = c->rough[rule] || (other && c->rough[with]);
	c->has_hole = false;
	for (uint32_t i = c->at[rule]; i < c->end[rule]; i++) {
		uint32_t k = other ? c->at[with] : 0, end = other ? c->end[with] : 1;
		for (; k < end; k++) {
			struct cell cell = c->cell[i];
			if (other && !cell_clip(&cell, &c->cell[k]))
				continue;
			enum answer a = cell_covered(c, &cell, parts, n, rough);
			if (a == ANSWER_NO)
				return a;
			open |= a == ANSWER_OPEN;
		}
	}
	c->has_hole = false;
	return open ? sets_proof(c, rule, with, parts, n) : ANSWER_YES;
}

enum answer cover_empty(struct cover *c, uint32_t rule)
{
	struct cover_point p;
	if (c->at[rule] == c->end[rule])
		return ANSWER_YES;
	if (!c->rough[rule])
		return ANSWER_NO;
	for (int i = 0; i < DRAWS_EMPTY; i++)
		if (cover_draw(c, rule, &p))
			return ANSWER_NO;
	return sets_proof(c, rule, UINT32_MAX, NULL, 0);
}
