/* SPDX-License-Identifier: Apache-2.0 */
#include "model/cover_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	BOXES_MAX = 24,	  /* of one rule */
	LOOK_MAX = 1000,  /* rules of a called ruleset */
	FUEL_RULE = 2000, /* boxes looked at in proofs, for each rule on the average */
	FUEL_LIST = 20 * 1000 * 1000,
	SETS_LIST = 200 * 1000, /* set operations of one ruleset and family */
	SPACES_LIST = 24,
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
	if (!r->match->inexact && !r->match->linked) {
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
	*c = (struct cover){ .rs = rs,
			     .family = f,
			     .random = 1,
			     .fuel = (size_t)rs->n * FUEL_RULE + FUEL_LIST,
			     .sets_left = SETS_LIST,
			     .spaces_left = SPACES_LIST };
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

/* Whether the rule, of which the box may be more than its match, really matches the packet. */
static bool really(const struct asking *q, const struct cell *question, const struct cell *x)
{
	const struct match *m = q->c->rs->rules[x->lo[AXIS_RULE]].match;
	enum truth t = match_judge(m, cover_packet(q->c, q->point));
	return cover_asks_lo(question, x) ? t == TRUTH_TRUE : t != TRUTH_FALSE;
}

static bool visit_point(void *user, struct cell *at, const struct cell *x)
{
	struct asking *q = user;
	int32_t rule = x->lo[AXIS_RULE];
	if (cover_skipped(q->c, at, x) || ((x->kinds & COVER_ROUGH) && !really(q, at, x)))
		return false;
	q->rule = rule;
	q->any = true;
	/* from now on only lower rules */
	at->hi[AXIS_RULE] = rule - 1;
	return !q->first || at->hi[AXIS_RULE] < at->lo[AXIS_RULE];
}

bool cover_first(struct cover *c, struct cover_point *p, struct cover_part part,
		 uint32_t *ret_rule)
{
	struct asking q = { .c = c, .point = p, .first = true };
	struct cell at = p->cell;
	if (cover_ask(&at, part))
		box_index_each(c->index, &at, visit_point, &q);
	if (q.any)
		*ret_rule = (uint32_t)q.rule;
	return q.any;
}

bool cover_hit(struct cover *c, struct cover_point *p, struct cover_part part)
{
	struct asking q = { .c = c, .point = p };
	struct cell at = p->cell;
	return cover_ask(&at, part) && box_index_each(c->index, &at, visit_point, &q);
}

static bool visit_single(void *user, struct cell *at, const struct cell *x)
{
	struct asking *q = user;
	int32_t rule = x->lo[AXIS_RULE];
	if ((x->kinds & COVER_ROUGH) || cover_skipped(q->c, at, x) || !cell_holds(x, q->cell))
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
	if (cover_ask(&p.cell, part))
		box_index_each(c->index, &p.cell, visit_single, &q);
	if (q.any)
		*ret_rule = (uint32_t)q.rule;
	return q.any;
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
	return !cover_skipped(e->c, at, x) && e->visit(e->user, rule);
}

bool cover_each(struct cover *c, uint32_t rule, struct cover_part part,
		bool (*visit)(void *user, uint32_t rule), void *user)
{
	struct each e = { c, visit, user };
	for (uint32_t i = c->at[rule]; i < c->end[rule]; i++) {
		struct cell q = c->cell[i];
		if (cover_ask(&q, part) && box_index_each(c->index, &q, visit_each, &e))
			return true;
	}
	return false;
}
