/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First every rule is held against those before it, from the top. A packet of the rule that
 * no earlier rule surely matches clears it at once, and one drawn at random does for most
 * rules; a single earlier box around it settles most of the others; what is left needs a
 * proof. A rule that never decides is skipped from then on: whatever it covers, the rules
 * that cover it cover too.
 *
 * Then, from the bottom, every rule that does decide is held against those behind it. It is
 * redundant when the packets that it decides would be decided alike without it, that is
 * when for each later rule s of another effect, what both may match is surely taken before:
 * by a rule above, or by one between with the rule's own effect. Where the default has
 * another effect, all that the rule may match must be. A rule found redundant covers nothing
 * from then on, so that of two that could each do without the other only one is named; but it
 * and the hidden ones still count among the later rules of another effect, which might come
 * to life. So a claim holds whether the others are acted upon or not.
 *
 * Of a rule that never decides the same question, put to the rules above, tells whether it is
 * shadowed (some packet meets another effect there) or merely redundant.
 */
#include "model/shadow.h"

#include <stdlib.h>
#include <string.h>

#include "model/cover.h"

enum {
	DRAWS = 8,
	DRAWS_ALIKE = 3,
	DRAWS_BELOW = 3,
	DRAWS_TELL = 4,
	DRAWS_MEET = 8,
	MEETS_MAX = 65536,
	FUEL_LOOK = 200
};

enum state { ALIVE, EMPTY, HIDDEN, OPEN };

struct hidden {
	uint8_t state; /* enum state */
	bool single;   /* by one rule alone: */
	bool drawn;    /* drawing from this seed gives a packet that the rule decides: */
	uint32_t by;
	uint64_t seed;
};

struct finding_rules {
	struct arena *arena;
	const struct ruleset *rs;
	bool called;
	struct cover cover[FAMILY_COUNT];
	struct hidden *hidden[FAMILY_COUNT];
	bool *below; /* redundant because of what follows */
	bool *open;
	uint32_t *next; /* the next part of the same written rule; UINT32_MAX: none */
	uint32_t *head; /* its first part */
	VEC(struct shadow) out;
};

const char *shadow_kind_name(enum shadow_kind k)
{
	static const char *const names[] = { "dead", "shadowed", "redundant" };
	return names[k];
}

/* From the top */

static struct hidden judge_above(struct cover *c, uint32_t rule)
{
	struct cover_part above = { 0, rule, COVER_LO };
	struct cover_point p;
	struct hidden h = { .state = HIDDEN };
	enum answer a = cover_empty(c, rule);
	if (a != ANSWER_NO) {
		h.state = a == ANSWER_YES ? EMPTY : OPEN;
		return h;
	}
	h.seed = c->random;
	if (cover_draw(c, rule, &p) && !cover_hit(c, &p, above)) {
		h.state = ALIVE;
		h.drawn = true;
		return h;
	}
	bool all_single = true, same = true;
	for (uint32_t i = c->at[rule]; i < c->end[rule] && all_single; i++) {
		uint32_t by;
		all_single = cover_single(c, &c->cell[i], above, &by);
		if (all_single) {
			same &= i == c->at[rule] || by == h.by;
			h.by = by;
		}
	}
	if (all_single) {
		h.single = same;
		return h;
	}
	for (int i = 1; i < DRAWS; i++) {
		h.seed = c->random;
		if (cover_draw(c, rule, &p) && !cover_hit(c, &p, above)) {
			h.state = ALIVE;
			h.drawn = true;
			return h;
		}
	}
	a = cover_proof(c, rule, UINT32_MAX, &above, 1);
	h.state = a == ANSWER_YES ? HIDDEN : a == ANSWER_NO ? ALIVE : OPEN;
	return h;
}

/* The same effect */

struct effect {
	struct cover *c;
	uint32_t rule;
	/* what counts: rules of the same effect from here on; what is taken by `above` doesn't
	 */
	uint32_t from;
	struct cover_part above;
	unsigned same_lo, other;
	enum answer answer; /* YES as long as no packet meets another effect */
	unsigned n_meets;
};

static unsigned lo_kind(const struct rule *r)
{
	return r->verdict == VERDICT_PERMIT ? COVER_LO_PERMIT : COVER_LO_DENY;
}

/* One box of the rule with one of the other; a quick look. */
static enum answer look(struct cover *c, const struct cell *cell,
			const struct cover_part parts[2])
{
	struct cover_point p;
	uint32_t by;
	for (int d = 0; d < DRAWS_MEET; d++) {
		cover_draw_cell(c, cell, &p);
		if (!cover_hit(c, &p, parts[0]) && !cover_hit(c, &p, parts[1]))
			return ANSWER_NO;
		if (!d && (cover_single(c, cell, parts[1], &by) ||
			   cover_single(c, cell, parts[0], &by)))
			return ANSWER_YES;
	}
	return ANSWER_OPEN;
}

/* Whether what the rule and the other one both may match is surely taken before. */
static bool visit_other(void *user, uint32_t other)
{
	struct effect *e = user;
	struct cover *c = e->c;
	struct cover_part parts[] = { e->above, { e->from, other, e->same_lo } };
	bool open = false;
	if (++e->n_meets > MEETS_MAX || c->fuel < FUEL_LOOK) {
		e->answer = ANSWER_OPEN;
		return true;
	}
	c->fuel -= FUEL_LOOK;
	for (uint32_t i = c->at[e->rule]; i < c->end[e->rule]; i++)
		for (uint32_t k = c->at[other]; k < c->end[other]; k++) {
			struct cell cell = c->cell[i];
			enum answer a = ANSWER_OPEN;
			if (!cell_clip(&cell, &c->cell[k]))
				continue;
			if (!c->rough[e->rule] && !c->rough[other])
				a = look(c, &cell, parts);
			if (a == ANSWER_NO) {
				e->answer = a;
				return true;
			}
			open |= a == ANSWER_OPEN;
		}
	e->answer = open ? cover_proof(c, e->rule, other, parts, 2) : ANSWER_YES;
	return e->answer != ANSWER_YES;
}

/* Whether no packet of the rule meets a rule of another effect among from..to-1 first. */
static enum answer same_effect(struct effect *e, uint32_t to)
{
	struct cover_part others = { e->from, to, e->other };
	e->answer = ANSWER_YES;
	cover_each(e->c, e->rule, others, visit_other, e);
	return e->answer;
}

/* Of a rule that never decides: whether all that takes its packets has its own effect. */
static bool hidden_alike(struct cover *c, uint32_t rule, const struct hidden *h)
{
	const struct rule *r = &c->rs->rules[rule];
	struct cover_point p;
	uint32_t first;
	if (r->verdict != VERDICT_PERMIT && r->verdict != VERDICT_DENY)
		return false;
	for (int i = 0; i < DRAWS_ALIKE; i++)
		if (cover_draw(c, rule, &p) &&
		    cover_first(c, &p, (struct cover_part){ 0, rule, COVER_LO }, &first) &&
		    c->rs->rules[first].verdict != r->verdict)
			return false;
	struct effect e = { .c = c, .rule = rule, .same_lo = lo_kind(r) };
	e.other = COVER_LO & ~e.same_lo;
	/* nothing of it comes behind a rule that takes it all */
	return same_effect(&e, h->single ? h->by + 1 : rule) != ANSWER_NO;
}

/* From the bottom */

static bool default_alike(const struct finding_rules *f, const struct rule *r)
{
	return !f->called && f->rs->dflt == r->verdict;
}

static enum answer judge_below(struct finding_rules *f, struct cover *c, uint32_t rule)
{
	const struct rule *r = &f->rs->rules[rule];
	uint32_t n = f->rs->n, next;
	struct effect e = { .c = c, .rule = rule, .from = rule + 1, .same_lo = lo_kind(r) };
	struct cover_point p;
	bool dflt = default_alike(f, r);
	e.above = (struct cover_part){ 0, rule, COVER_LO };
	e.other = COVER_HI & ~(e.same_lo * (COVER_HI_PERMIT / COVER_LO_PERMIT));
	const struct hidden *h = &f->hidden[c->family][rule];
	for (int i = 0; i < DRAWS_BELOW; i++) {
		struct cover_part behind = { rule + 1, n, e.same_lo | e.other };
		bool again = !i && h->drawn;
		if (again)
			c->random = h->seed;
		if (!cover_draw(c, rule, &p) || (!again && cover_hit(c, &p, e.above)))
			continue;
		if (!cover_first(c, &p, behind, &next)) {
			if (!dflt)
				return ANSWER_NO;
		} else if (f->rs->rules[next].verdict != r->verdict) {
			return ANSWER_NO;
		}
	}
	struct cover_part parts[] = { e.above, { rule + 1, n, e.same_lo } };
	if (!dflt) {
		enum answer a = cover_proof(c, rule, UINT32_MAX, parts, 2);
		if (a != ANSWER_YES)
			return a;
	}
	return same_effect(&e, n);
}

/* In all families. */
static enum answer judge_below_all(struct finding_rules *f, uint32_t rule)
{
	const struct rule *r = &f->rs->rules[rule];
	for (int fam = 0; fam < FAMILY_COUNT; fam++) {
		uint8_t state = f->hidden[fam][rule].state;
		if (state == EMPTY || state == HIDDEN)
			continue;
		if (r->verdict != VERDICT_PERMIT && r->verdict != VERDICT_DENY)
			return ANSWER_NO;
		enum answer a = judge_below(f, &f->cover[fam], rule);
		if (a != ANSWER_YES)
			return a;
	}
	return ANSWER_YES;
}

/* Written rules */

static bool is_subject(const struct rule *r)
{
	return !(r->flags & (RULE_INACTIVE | RULE_IMPLICIT | RULE_GLUE));
}

struct part {
	struct loc at;
	uint32_t rule;
};

static int part_order(const void *x, const void *y)
{
	const struct part *a = x, *b = y;
	if (a->at.src != b->at.src)
		return (uintptr_t)a->at.src < (uintptr_t)b->at.src ? -1 : 1;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.col != b->at.col)
		return a->at.col < b->at.col ? -1 : 1;
	if (a->at.path != b->at.path && (!a->at.path || !b->at.path))
		return a->at.path ? 1 : -1;
	int c = a->at.path ? strcmp(a->at.path, b->at.path) : 0;
	return c ? c : a->rule < b->rule ? -1 : a->rule > b->rule;
}

static bool same_written(const struct part *a, const struct part *b)
{
	struct part x = *b;
	x.rule = a->rule;
	return !part_order(a, &x);
}

static void link_parts(struct finding_rules *f)
{
	VEC(struct part) parts = { 0 };
	for (uint32_t i = 0; i < f->rs->n; i++) {
		const struct rule *r = &f->rs->rules[i];
		f->next[i] = UINT32_MAX;
		f->head[i] = i;
		if ((r->flags & RULE_PART) && is_subject(r))
			*vec_add(&parts) = (struct part){ r->at, i };
	}
	if (parts.n)
		qsort(parts.v, parts.n, sizeof(*parts.v), part_order);
	for (size_t i = 1; i < parts.n; i++)
		if (same_written(&parts.v[i - 1], &parts.v[i])) {
			f->next[parts.v[i - 1].rule] = parts.v[i].rule;
			f->head[parts.v[i].rule] = f->head[parts.v[i - 1].rule];
		}
	vec_free(&parts);
}

/* Of one rule over the families. */
static enum state state_of(const struct finding_rules *f, uint32_t rule)
{
	bool any = false;
	for (int fam = 0; fam < FAMILY_COUNT; fam++) {
		enum state s = f->hidden[fam][rule].state;
		if (s == ALIVE || s == OPEN)
			return s;
		any |= s == HIDDEN;
	}
	return any ? HIDDEN : EMPTY;
}

/* Whether no part of a written rule ever decides. */
static bool written_hidden(const struct finding_rules *f, uint32_t head)
{
	for (uint32_t i = head; i != UINT32_MAX; i = f->next[i])
		if (state_of(f, i) != HIDDEN && state_of(f, i) != EMPTY)
			return false;
	return true;
}

static void set_skip(struct finding_rules *f, uint32_t rule, bool skip)
{
	for (int fam = 0; fam < FAMILY_COUNT; fam++)
		f->cover[fam].skip[rule] = skip;
}

/* From here on what covers is a rule that isn't going to be named. */
static void skip_hidden(struct finding_rules *f)
{
	for (uint32_t head = 0; head < f->rs->n; head++) {
		if (f->head[head] != head)
			continue;
		bool hidden = is_subject(&f->rs->rules[head]) && written_hidden(f, head);
		for (uint32_t i = head; i != UINT32_MAX; i = f->next[i])
			set_skip(f, i, hidden);
	}
}

/* All parts of a written rule at once, the last one first. */
static bool written_below(struct finding_rules *f, uint32_t head)
{
	VEC(uint32_t) parts = { 0 };
	enum answer a = ANSWER_YES;
	if (written_hidden(f, head))
		return false;
	for (uint32_t i = head; i != UINT32_MAX; i = f->next[i])
		*vec_add(&parts) = i;
	for (size_t k = parts.n; k-- > 0 && a == ANSWER_YES;) {
		a = judge_below_all(f, parts.v[k]);
		set_skip(f, parts.v[k], true);
	}
	if (a != ANSWER_YES)
		vec_each (i, &parts)
			set_skip(f, *i, false);
	f->open[head] |= a == ANSWER_OPEN;
	vec_free(&parts);
	return a == ANSWER_YES;
}

/* Telling */

/* How many of the drawn packets a rule decides, and the first of them. */
struct tally {
	uint32_t rule, n;
	struct packet packet;
};

#define BY_DEFAULT UINT32_MAX

struct deciders {
	VEC(struct tally) v;
};

static int tally_order(const void *x, const void *y)
{
	const struct tally *a = x, *b = y;
	if ((a->rule == BY_DEFAULT) != (b->rule == BY_DEFAULT))
		return a->rule == BY_DEFAULT ? 1 : -1;
	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static void count(struct finding_rules *f, struct deciders *d, uint32_t rule, struct cover *c,
		  struct cover_point *point)
{
	vec_each (t, &d->v)
		if (t->rule == rule) {
			t->n++;
			return;
		}
	const struct packet *p = cover_packet(c, point);
	struct tally *t = vec_add(&d->v);
	*t = (struct tally){ rule, 1, *p };
	bool placed = c->names.cuts.n > 0;
	t->packet.iif = placed ? arena_str(f->arena, p->iif) : NULL;
	t->packet.oif = placed ? arena_str(f->arena, p->oif) : NULL;
}

/* Counts for one packet which rule of the part decides it instead. */
static void tally_one(struct finding_rules *f, struct cover *c, struct cover_point *p,
		      struct cover_part part, struct deciders *d)
{
	uint32_t by;
	if (!cover_first(c, p, part, &by))
		by = BY_DEFAULT;
	count(f, d, by, c, p);
}

/* The first one is for people, if there is one. */
static bool draw(struct cover *c, uint32_t rule, int i, struct cover_point *p)
{
	return (!i && cover_plain(c, rule, p)) || cover_draw(c, rule, p);
}

/* Draws packets of a hidden rule. */
static void tally_above(struct finding_rules *f, struct cover *c, uint32_t rule,
			enum shadow_kind kind, struct deciders *d)
{
	const struct hidden *h = &f->hidden[c->family][rule];
	const struct rule *rules = f->rs->rules;
	struct cover_part above = { 0, rule, COVER_LO };
	struct cover_point p;
	bool any = false;
	/* one rule alone says it all, unless others make the difference */
	if (h->single &&
	    (kind != SHADOW_SHADOWED || rules[h->by].verdict != rules[rule].verdict) &&
	    cover_plain(c, rule, &p)) {
		count(f, d, h->by, c, &p);
		return;
	}
	for (int i = 0; i < DRAWS_TELL; i++)
		if (draw(c, rule, i, &p)) {
			tally_one(f, c, &p, above, d);
			any = true;
		}
	if (!any && cover_proof(c, rule, UINT32_MAX, NULL, 0) == ANSWER_NO && c->has_hole)
		tally_one(f, c, &c->hole, above, d);
}

/* Draws packets that the rule decides. */
static void tally_below(struct finding_rules *f, struct cover *c, uint32_t rule,
			struct deciders *d)
{
	struct cover_part above = { 0, rule, COVER_LO };
	struct cover_part behind = { rule + 1, f->rs->n, lo_kind(&f->rs->rules[rule]) };
	struct cover_point p;
	bool any = false;
	for (int i = 0; i < DRAWS_TELL; i++)
		if (draw(c, rule, i, &p) && !cover_hit(c, &p, above)) {
			tally_one(f, c, &p, behind, d);
			any = true;
		}
	if (!any && cover_proof(c, rule, UINT32_MAX, &above, 1) == ANSWER_NO && c->has_hole)
		tally_one(f, c, &c->hole, behind, d);
}

static void tell(struct finding_rules *f, uint32_t head, enum shadow_kind kind, bool below)
{
	struct shadow s = { .kind = (uint8_t)kind, .below = below };
	struct deciders d = { 0 };
	uint32_t single = UINT32_MAX, n_parts = 0;
	for (uint32_t i = head; i != UINT32_MAX; i = f->next[i]) {
		if (state_of(f, i) == EMPTY && kind != SHADOW_DEAD)
			continue;
		if (!s.rule)
			s.rule = &f->rs->rules[i];
		for (int fam = 0; fam < FAMILY_COUNT && kind != SHADOW_DEAD; fam++) {
			struct hidden h = f->hidden[fam][i];
			if (h.state == EMPTY)
				continue;
			if (h.state == HIDDEN)
				tally_above(f, &f->cover[fam], i, kind, &d);
			else
				tally_below(f, &f->cover[fam], i, &d);
			uint32_t by = h.single ? h.by : UINT32_MAX;
			single = !n_parts++ || single == by ? by : UINT32_MAX;
		}
	}
	if (d.v.n)
		qsort(d.v.v, d.v.n, sizeof(*d.v.v), tally_order);
	if (single != UINT32_MAX)
		s.covers[s.n_covers++] = &f->rs->rules[single];
	vec_each (t, &d.v) {
		if (!s.has_witness || (t->rule == single && single != BY_DEFAULT))
			s.witness = t->packet;
		s.has_witness = true;
		if (t->rule == BY_DEFAULT || t->rule == single || s.n_covers == SHADOW_COVERS)
			continue;
		const struct rule *by = &f->rs->rules[t->rule];
		/* beside a rule that hides it alone, only who makes the difference */
		if (single == UINT32_MAX ||
		    (kind == SHADOW_SHADOWED && by->verdict != s.rule->verdict &&
		     s.covers[0]->verdict == s.rule->verdict))
			s.covers[s.n_covers++] = by;
	}
	s.by_default = below && s.has_witness && !s.n_covers;
	vec_free(&d.v);
	*vec_add(&f->out) = s;
}

static void judge_written(struct finding_rules *f, uint32_t head)
{
	bool all_empty = true, alike = true;
	for (uint32_t i = head; i != UINT32_MAX; i = f->next[i])
		all_empty &= state_of(f, i) == EMPTY;
	if (all_empty) {
		tell(f, head, SHADOW_DEAD, false);
		return;
	}
	if (!written_hidden(f, head)) {
		if (f->below[head])
			tell(f, head, SHADOW_REDUNDANT, true);
		return;
	}
	for (uint32_t i = head; i != UINT32_MAX; i = f->next[i])
		for (int fam = 0; fam < FAMILY_COUNT && alike; fam++)
			if (f->hidden[fam][i].state == HIDDEN)
				alike = hidden_alike(&f->cover[fam], i, &f->hidden[fam][i]);
	tell(f, head, alike ? SHADOW_REDUNDANT : SHADOW_SHADOWED, false);
}

struct shadows shadow_find(struct arena *a, const struct ruleset *rs, bool called)
{
	struct finding_rules f = { .arena = a, .rs = rs, .called = called };
	size_t n = (size_t)rs->n + 1;
	struct shadows ret = { 0 };
	f.below = xcalloc(n, sizeof(*f.below));
	f.open = xcalloc(n, sizeof(*f.open));
	f.next = xcalloc(n, sizeof(*f.next));
	f.head = xcalloc(n, sizeof(*f.head));
	link_parts(&f);
	for (int fam = 0; fam < FAMILY_COUNT; fam++) {
		struct cover *c = &f.cover[fam];
		f.hidden[fam] = xcalloc(n, sizeof(**f.hidden));
		cover_init(c, rs, (enum family)fam);
		for (uint32_t i = 0; i < rs->n; i++) {
			f.hidden[fam][i] = judge_above(c, i);
			c->skip[i] = f.hidden[fam][i].state == HIDDEN;
			f.open[f.head[i]] |= f.hidden[fam][i].state == OPEN;
		}
	}
	/* when a written rule's last part is met, all that stands behind it has been judged */
	skip_hidden(&f);
	for (uint32_t i = rs->n; i-- > 0;)
		if (f.next[i] == UINT32_MAX && is_subject(&rs->rules[i]))
			f.below[f.head[i]] = written_below(&f, f.head[i]);
	/* told is what takes over as the rules stand */
	skip_hidden(&f);
	for (uint32_t i = 0; i < rs->n; i++)
		if (f.head[i] == i && is_subject(&rs->rules[i])) {
			size_t before = f.out.n;
			judge_written(&f, i);
			ret.n_open += f.open[i] && f.out.n == before;
		}
	ret.n = f.out.n;
	ret.v = vec_keep(a, &f.out);
	for (int fam = 0; fam < FAMILY_COUNT; fam++) {
		cover_finish(&f.cover[fam]);
		free(f.hidden[fam]);
	}
	free(f.below);
	free(f.open);
	free(f.next);
	free(f.head);
	vec_free(&f.out);
	return ret;
}
