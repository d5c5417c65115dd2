/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether boxes cover a box: take the one that covers most of it, cut what sticks out into
 * smaller boxes, and go on with each of them and only those boxes that meet it. A piece that
 * no box meets ends it with No. It is exponential at worst, so there is fuel; when that is
 * spent, or when a match is not made of boxes, packet sets decide.
 */
#include "model/cover.h"

#include <stdlib.h>
#include <string.h>

enum {
	BOXES_MAX = 24, /* of one rule */
	FUEL = 200 * 1000,
	FUEL_PEEL = 256,
	DEPTH_MAX = 1500,
	SETS_MAX = 96 << 20,	/* bytes of a packet set space */
	SETS_WORK = 200 * 1000, /* set operations of one ruleset and family */
	PLACES_MAX = 256,	/* pairs of interfaces judged one by one */
	LOOK_MAX = 1000,	/* rules of a called ruleset */
};

static unsigned class_of(const struct rule *r, unsigned permit, unsigned deny, unsigned other)
{
	return r->verdict == VERDICT_PERMIT ? permit
	       : r->verdict == VERDICT_DENY ? deny
					    : other;
}

/* Whether every packet that enters is surely decided there; long rulesets aren't looked
 * through. */
static bool decides_all(const struct ruleset *rs)
{
	for (uint32_t i = 0; i < rs->n && i < LOOK_MAX && !rs->opaque; i++) {
		const struct rule *r = &rs->rules[i];
		if (r->flags & RULE_INACTIVE)
			continue;
		if (r->verdict == VERDICT_RETURN || r->verdict == VERDICT_GOTO ||
		    r->verdict == VERDICT_UNKNOWN ||
		    (r->verdict == VERDICT_JUMP && r->target->opaque))
			return false;
		if (r->match->kind == MATCH_ALL &&
		    (r->verdict == VERDICT_PERMIT || r->verdict == VERDICT_DENY))
			return true;
	}
	return false;
}

/* Whether a packet that surely matches never comes to the rules behind. */
static bool ends_walk(const struct rule *r)
{
	switch ((enum verdict)r->verdict) {
	case VERDICT_PERMIT:
	case VERDICT_DENY:
	case VERDICT_RETURN:
		return true;
	case VERDICT_GOTO:
		return !r->target->opaque;
	case VERDICT_JUMP:
		return decides_all(r->target);
	default:
		return false;
	}
}

struct building {
	struct boxes all, one;
	VEC(uint32_t) rule;
	VEC(uint8_t) kinds;
};

static void add_boxes(struct building *b, const struct boxes *l, uint32_t rule, unsigned kinds)
{
	for (size_t i = 0; i < l->n; i++) {
		*vec_add(&b->all) = l->v[i];
		*vec_add(&b->rule) = rule;
		*vec_add(&b->kinds) = (uint8_t)kinds;
	}
}

static void add_rule(struct cover *c, struct building *b, uint32_t i)
{
	const struct rule *r = &c->rs->rules[i];
	unsigned lo_kind =
		ends_walk(r) ? class_of(r, COVER_LO_PERMIT, COVER_LO_DENY, COVER_LO_OTHER) : 0;
	unsigned hi_kind = class_of(r, COVER_HI_PERMIT, COVER_HI_DENY, COVER_HI_OTHER);
	c->at[i] = c->end[i] = (uint32_t)b->all.n;
	if (r->flags & RULE_INACTIVE)
		return;
	c->rough[i] = !boxes_of(r->match, c->family, BOX_HI, &c->names, BOXES_MAX, &b->one);
	c->end[i] += (uint32_t)b->one.n;
	/* a rule that decides nothing is in the index for its ends on the axes only */
	if (r->verdict == VERDICT_CONTINUE)
		lo_kind = hi_kind = 0;
	unsigned rough = c->rough[i] ? COVER_ROUGH : 0;
	if (!r->match->inexact) {
		add_boxes(b, &b->one, i, hi_kind | lo_kind | rough);
		return;
	}
	add_boxes(b, &b->one, i, hi_kind | rough);
	rough = 0;
	if (!boxes_of(r->match, c->family, BOX_LO, &c->names, BOXES_MAX, &b->one))
		rough = COVER_ROUGH;
	if (lo_kind)
		add_boxes(b, &b->one, i, lo_kind | rough);
}

void cover_init(struct cover *c, const struct ruleset *rs, enum family f)
{
	struct building b = { 0 };
	*c = (struct cover){ .rs = rs, .family = f, .random = 1, .sp_left = SETS_WORK };
	c->at = xcalloc(rs->n + 1, sizeof(*c->at));
	c->end = xcalloc(rs->n + 1, sizeof(*c->end));
	c->rough = xcalloc(rs->n + 1, sizeof(*c->rough));
	c->skip = xcalloc(rs->n + 1, sizeof(*c->skip));
	for (uint32_t i = 0; i < rs->n; i++)
		if (rs->rules[i].match->placed)
			box_names_add(&c->names, rs->rules[i].match);
	box_names_freeze(&c->names);
	for (uint32_t i = 0; i < rs->n; i++)
		add_rule(c, &b, i);
	size_t n = b.all.n;
	c->cell = xreallocarray(NULL, n + 1, sizeof(*c->cell));
	c->index = box_index_create(f, &c->names, b.all.v, b.rule.v, b.kinds.v, COVER_ROUGH, n,
				    c->cell);
	for (size_t k = 0; k < n; k++)
		if (box_index_blurs(c->index, &b.all.v[k]))
			c->rough[b.rule.v[k]] = true;
	boxes_free(&b.all);
	boxes_free(&b.one);
	vec_free(&b.rule);
	vec_free(&b.kinds);
}

void cover_finish(struct cover *c)
{
	if (c->sp)
		pset_space_destroy(c->sp);
	box_index_destroy(c->index);
	box_names_finish(&c->names);
	vec_free(&c->found);
	vec_free(&c->stack);
	free(c->cell);
	free(c->at);
	free(c->end);
	free(c->rough);
	free(c->skip);
}

/* Packets */

void cover_draw_cell(struct cover *c, const struct cell *cell, struct cover_point *ret)
{
	ret->cell = box_index_draw(cell, &c->random);
	ret->made = false;
}

const struct packet *cover_packet(struct cover *c, struct cover_point *p)
{
	if (!p->made)
		p->packet = box_index_packet(c->index, &p->cell, &c->random, p->iif, p->oif);
	p->made = true;
	return &p->packet;
}

bool cover_draw(struct cover *c, uint32_t rule, struct cover_point *ret)
{
	uint32_t at = c->at[rule], n = c->end[rule] - at;
	const struct match *m = c->rs->rules[rule].match;
	struct box b;
	if (!n)
		return false;
	if (!c->rough[rule]) {
		cover_draw_cell(c, &c->cell[at + (n > 1 ? box_random(&c->random) % n : 0)],
				ret);
		return true;
	}
	if (!box_draw(m, c->family, BOX_HI, &c->names, &c->random, &b))
		return false;
	ret->packet = box_packet(&b, c->family, &c->names, &c->random, ret->iif, ret->oif);
	ret->cell = box_index_point(c->index, &ret->packet);
	ret->made = true;
	return match_judge(m, &ret->packet) != TRUTH_FALSE;
}

bool cover_plain(struct cover *c, uint32_t rule, struct cover_point *ret)
{
	if (c->rough[rule] || c->at[rule] == c->end[rule])
		return false;
	struct box b = box_index_box(c->index, &c->cell[c->at[rule]]);
	ret->packet = box_packet_plain(&b, c->family, &c->names, ret->iif, ret->oif);
	ret->cell = box_index_point(c->index, &ret->packet);
	ret->made = true;
	return true;
}

struct asking {
	struct cover *c;
	struct cover_point *point;
	const struct cell *cell;
	bool first, any;
	int32_t rule;
};

/* Whether the question is about what the box's rule surely matches. */
static bool asks_lo(const struct cell *question, const struct cell *x)
{
	return question->kinds & x->kinds & COVER_LO;
}

/* Skipped rules cover nothing, but they still may match. */
static bool skipped(const struct cover *c, const struct cell *question, const struct cell *x)
{
	return c->skip[x->lo[AXIS_RULE]] && asks_lo(question, x);
}

/* Whether the rule, of which the box may be more than its match, really matches the packet. */
static bool really(const struct asking *q, const struct cell *question, const struct cell *x)
{
	const struct match *m = q->c->rs->rules[x->lo[AXIS_RULE]].match;
	enum truth t = match_judge(m, cover_packet(q->c, q->point));
	return asks_lo(question, x) ? t == TRUTH_TRUE : t != TRUTH_FALSE;
}

static bool visit_point(void *user, struct cell *at, const struct cell *x)
{
	struct asking *q = user;
	int32_t rule = x->lo[AXIS_RULE];
	if (skipped(q->c, at, x) || ((x->kinds & COVER_ROUGH) && !really(q, at, x)))
		return false;
	q->rule = rule;
	q->any = true;
	/* from now on only lower rules */
	at->hi[AXIS_RULE] = rule - 1;
	return !q->first || at->hi[AXIS_RULE] < at->lo[AXIS_RULE];
}

/* The cell as a question about the part; false where the part is empty. */
static bool ask(struct cell *q, struct cover_part part)
{
	q->lo[AXIS_RULE] = (int32_t)part.from;
	q->hi[AXIS_RULE] = (int32_t)part.to - 1;
	q->kinds = (uint8_t)part.kinds;
	return part.from < part.to && part.kinds;
}

bool cover_first(struct cover *c, struct cover_point *p, struct cover_part part,
		 uint32_t *ret_rule)
{
	struct asking q = { .c = c, .point = p, .first = true };
	struct cell at = p->cell;
	if (ask(&at, part))
		box_index_each(c->index, &at, visit_point, &q);
	if (q.any)
		*ret_rule = (uint32_t)q.rule;
	return q.any;
}

bool cover_hit(struct cover *c, struct cover_point *p, struct cover_part part)
{
	struct asking q = { .c = c, .point = p };
	struct cell at = p->cell;
	return ask(&at, part) && box_index_each(c->index, &at, visit_point, &q);
}

static bool visit_single(void *user, struct cell *at, const struct cell *x)
{
	struct asking *q = user;
	int32_t rule = x->lo[AXIS_RULE];
	if ((x->kinds & COVER_ROUGH) || skipped(q->c, at, x) || !cell_holds(x, q->cell))
		return false;
	q->any = true;
	q->rule = rule;
	at->hi[AXIS_RULE] = rule - 1;
	return at->hi[AXIS_RULE] < at->lo[AXIS_RULE];
}

bool cover_single(struct cover *c, const struct cell *cell, struct cover_part part,
		  uint32_t *ret_rule)
{
	struct asking q = { .c = c, .cell = cell };
	struct cover_point p;
	/* what holds the cell holds a point of it, and few boxes do */
	cover_draw_cell(c, cell, &p);
	if (ask(&p.cell, part))
		box_index_each(c->index, &p.cell, visit_single, &q);
	if (q.any)
		*ret_rule = (uint32_t)q.rule;
	return q.any;
}

/* Boxes that cover a box */

struct gathering {
	struct cover *c;
	bool rough; /* met a box that is not its match */
};

static bool visit_gather(void *user, struct cell *at, const struct cell *x)
{
	struct gathering *g = user;
	if (skipped(g->c, at, x))
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
	if (skipped(w->c, at, x))
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
		if (ask(&q, w->parts[i]) && box_index_each(c->index, &q, visit_widest, &best))
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
	struct covering w = { c, FUEL, 0 };
	struct peeling first = { c, parts, n, FUEL_PEEL };
	enum answer a = peel(&first, *cell);
	if (a != ANSWER_OPEN)
		return a == ANSWER_NO && rough ? ANSWER_OPEN : a;
	c->found.n = c->stack.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct cell q = *cell;
		if (ask(&q, parts[i]))
			box_index_each(c->index, &q, visit_gather, &g);
	}
	for (uint32_t i = 0; i < c->found.n; i++)
		*vec_add(&c->stack) = i;
	a = covered(&w, *cell, 0, c->stack.n);
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
	}
	if (!c->sp)
		c->sp = pset_space_create(c->family, SETS_MAX);
	struct pset s = pset_hi(c->sp, r[rule].match, as);
	if (with != UINT32_MAX)
		s = pset_and(c->sp, s, pset_hi(c->sp, r[with].match, as));
	for (size_t i = 0; i < n && !pset_is_empty(s); i++) {
		if (pset_is_spent(s) || !c->sp_left)
			return ANSWER_OPEN;
		c->sp_left--;
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

struct each {
	struct cover *c;
	bool (*visit)(void *user, uint32_t rule);
	void *user;
};

static bool visit_each(void *user, struct cell *at, const struct cell *x)
{
	struct each *e = user;
	uint32_t rule = (uint32_t)x->lo[AXIS_RULE];
	return !skipped(e->c, at, x) && e->visit(e->user, rule);
}

bool cover_each(struct cover *c, uint32_t rule, struct cover_part part,
		bool (*visit)(void *user, uint32_t rule), void *user)
{
	struct each e = { c, visit, user };
	for (uint32_t i = c->at[rule]; i < c->end[rule]; i++) {
		struct cell q = c->cell[i];
		if (ask(&q, part) && box_index_each(c->index, &q, visit_each, &e))
			return true;
	}
	return false;
}

enum { DRAWS_EMPTY = 16 };

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
