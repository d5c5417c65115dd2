/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of both lists are aligned. The region is the union of what the rules that stand
 * alone may match; of aligned calls whose targets differ, the target's region within the
 * call's condition. What is surely decided by the common beginning is taken out of it. Then
 * each list is cut down to the rules that may meet the region, and lowered within it.
 */
#include "model/cone.h"

#include <stdlib.h>
#include <string.h>

#include "model/align.h"
#include "model/box.h"

/* AHEAD: rules are asked for so much earlier, since memory is what long lists wait for. */
enum { BOXES_MAX = 64, BOXES_RULE = 4, BOXES_IMPLY = 4, SPANS_FEW = 8, AHEAD = 8 };

/* Region */

/* Rulesets that were compared; region: where calls of them may differ. */
struct compared {
	const struct ruleset *old, *new;
	struct pset region;
	bool busy;
};

struct job {
	struct pset_space *sp;
	const struct pset_assume *as;
	struct pset all;
	const struct boxes *around; /* all that changed lies in these; none: not known */
	VEC(struct compared) done;
	unsigned depth;
};

static struct pset region_of(struct job *j, struct alignment *al);

static bool same_deeply(struct job *j, const struct ruleset *old, const struct ruleset *new)
{
	vec_each (c, &j->done)
		if (c->old == old && c->new == new)
			return true;
	*vec_add(&j->done) = (struct compared){ old, new, pset_none(), false };
	struct alignment al;
	align(&al, old, new);
	bool same = al.prefix == al.old.n && al.prefix == al.new.n;
	for (size_t i = 0; i < al.calls.n && same; i++)
		same = same_deeply(j, al.old.v[al.calls.v[i].old]->target,
				   al.new.v[al.calls.v[i].new]->target);
	align_finish(&al);
	return same;
}

/* Where calls of the two may give something else. */
static struct pset region_called(struct job *j, const struct ruleset *old,
				 const struct ruleset *new)
{
	if (old == new)
		return pset_none();
	for (size_t i = 0; i < j->done.n; i++)
		if (j->done.v[i].old == old && j->done.v[i].new == new)
			return j->done.v[i].busy ? j->all : j->done.v[i].region;
	if (old->opaque || new->opaque || j->depth >= RULESET_DEPTH) {
		/* in a cycle a rule may be reached by many ways; only equality is told */
		struct job sub = { .sp = j->sp, .as = j->as, .all = j->all };
		bool same = old->opaque == new->opaque &&same_deeply(&sub, old, new);
		vec_free(&sub.done);
		return same ? pset_none() : j->all;
	}
	size_t at = j->done.n;
	*vec_add(&j->done) = (struct compared){ old, new, j->all, true };
	struct alignment al;
	align(&al, old, new);
	j->depth++;
	struct pset region = region_of(j, &al);
	j->depth--;
	align_finish(&al);
	j->done.v[at].region = region;
	j->done.v[at].busy = false;
	return region;
}

struct sets {
	struct pset *v;
	size_t n, cap;
};

static void add_unpaired(struct job *j, const struct align_list *l, struct sets *sets)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (l->partner[i] == ALIGN_ALONE)
			*vec_add(sets) = pset_hi(j->sp, l->v[i]->match, j->as);
}

/*
 * Where the two lists may say different things, as far as the rules themselves go. Calls that
 * changed are marked as alone.
 */
static struct pset region_of(struct job *j, struct alignment *al)
{
	struct sets sets = { 0 };
	add_unpaired(j, &al->old, &sets);
	add_unpaired(j, &al->new, &sets);
	vec_each (c, &al->calls) {
		const struct rule *old = al->old.v[c->old], *new = al->new.v[c->new];
		struct pset inner = region_called(j, old->target, new->target);
		if (pset_is_empty(inner))
			continue;
		*vec_add(&sets) = pset_and(j->sp, inner, pset_hi(j->sp, old->match, j->as));
		al->old.partner[c->old] = al->new.partner[c->new] = ALIGN_ALONE;
		if (c->old < al->prefix)
			al->prefix = c->old;
	}
	struct pset region = pset_compile(j->sp, sets.v, sets.n, false, NULL, 0);
	vec_free(&sets);
	return region;
}

/* Cutting down */

/* Whether a match may meet a box; quickly, and rather too often yes. */
static bool meets(const struct match *m, enum family f, const struct box *b)
{
	const struct span *s;
	uint32_t i = 0, n = m->n;
	switch ((enum match_kind)m->kind) {
	case MATCH_NONE:
		return false;
	case MATCH_AND:
		for (i = 0; i < m->n; i++)
			if (!meets(m->kids[i], f, b))
				return false;
		return true;
	case MATCH_OR:
		for (i = 0; i < m->n; i++)
			if (meets(m->kids[i], f, b))
				return true;
		return false;
	case MATCH_SPANS:
		s = m->field == FIELD_SRC ? &b->src : &b->dst;
		if (m->family != f)
			return false;
		while (i < n) { /* the first span that ends at or behind s->lo */
			uint32_t mid = i + (n - i) / 2;
			if (addr_compare(m->spans[mid].hi, s->lo) < 0)
				i = mid + 1;
			else
				n = mid;
		}
		return i < m->n && addr_compare(m->spans[i].lo, s->hi) <= 0;
	case MATCH_RANGES:
		if (m->field == FIELD_PROTO && n == 1 && m->ranges[0].lo == m->ranges[0].hi) {
			unsigned rank = box_proto_rank(m->ranges[0].lo);
			return b->proto.lo <= rank && rank <= b->proto.hi;
		}
		if (m->field != FIELD_SPORT && m->field != FIELD_DPORT)
			return true;
		if (b->proto.lo > BOX_PORTS_LAST)
			return false;
		const struct range *r = m->field == FIELD_SPORT ? &b->sport : &b->dport;
		for (; i < n; i++)
			if (m->ranges[i].lo <= r->hi && r->lo <= m->ranges[i].hi)
				return true;
		return false;
	default:
		return true;
	}
}

/* Boxes around all rules that stand on one side only; false where they are too many. */
static bool boxes_around(const struct alignment *al, enum family f, struct boxes *ret)
{
	const struct align_list *lists[] = { &al->old, &al->new };
	struct box_names names = { 0 };
	struct boxes one = { 0 };
	bool few = true;
	for (int side = 0; side < 2; side++)
		for (uint32_t i = 0; i < lists[side]->n; i++)
			if (lists[side]->partner[i] == ALIGN_ALONE &&
			    lists[side]->v[i]->match->placed)
				box_names_add(&names, lists[side]->v[i]->match);
	box_names_freeze(&names);
	for (int side = 0; side < 2; side++)
		for (uint32_t i = 0; i < lists[side]->n && few; i++) {
			if (lists[side]->partner[i] != ALIGN_ALONE)
				continue;
			boxes_of(lists[side]->v[i]->match, f, BOX_HI, &names, BOXES_RULE, &one);
			for (size_t k = 0; k < one.n; k++)
				if (!ret->n ||
				    memcmp(&ret->v[ret->n - 1], &one.v[k], sizeof(*one.v)))
					*vec_add(ret) = one.v[k];
			few = ret->n <= BOXES_MAX;
		}
	boxes_free(&one);
	box_names_finish(&names);
	return few;
}

/* A list cut down: copies of the rules, and which they are copies of. */
struct cut {
	struct ruleset rs;
	VEC(struct rule) rules;
	VEC(const struct rule *) from;
};

/* Which rules may meet one of the boxes, or all of them where there were too many. */
static void find_met(struct alignment *al, enum family f, const struct boxes *around, bool few)
{
	for (uint32_t i = 0; i < al->old.n; i++) {
		bool met = !few || al->old.partner[i] == ALIGN_ALONE;
		if (i + 2 * AHEAD < al->old.n) {
			__builtin_prefetch(al->old.v[i + 2 * AHEAD]->match->kids);
			const struct match *next = al->old.v[i + AHEAD]->match;
			for (uint32_t k = 0; next->kind == MATCH_AND && k < next->n && k < 3;
			     k++)
				__builtin_prefetch(next->kids[k]);
		}
		for (size_t k = 0; k < around->n && !met; k++)
			met = meets(al->old.v[i]->match, f, &around->v[k]);
		al->old.met[i] = met;
	}
	for (uint32_t i = 0; i < al->new.n; i++)
		al->new.met[i] =
			al->new.partner[i] == ALIGN_ALONE || al->old.met[al->new.partner[i]];
}

static void cut_down(struct cut *cut, const struct ruleset *rs, const struct align_list *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		if (!l->met[i])
			continue;
		*vec_add(&cut->rules) = *l->v[i];
		*vec_add(&cut->from) = l->v[i];
	}
	cut->rs = *rs;
	cut->rs.rules = cut->rules.v;
	cut->rs.n = (uint32_t)cut->rules.n;
}

static void cut_finish(struct cut *cut)
{
	vec_free(&cut->rules);
	vec_free(&cut->from);
}

/* Whether the rule, where it surely matches, ends the walk on both sides alike. */
static bool ends_walk(const struct rule *r, bool same_default)
{
	return r->verdict == VERDICT_PERMIT || r->verdict == VERDICT_DENY ||
	       (r->verdict == VERDICT_RETURN && same_default);
}

/* Whether the condition is surely true for every packet of the box. */
static bool implied(const struct match *m, enum family f, const struct box *b)
{
	const struct span *s = m->field == FIELD_SRC ? &b->src : &b->dst;
	const struct range *r = m->field == FIELD_SPORT ? &b->sport : &b->dport;
	unsigned proto;
	if (m->kind == MATCH_SPANS) {
		for (uint32_t i = 0; i < m->n && m->n <= SPANS_FEW && m->family == f; i++)
			if (span_has(m->spans[i], s->lo) && span_has(m->spans[i], s->hi))
				return true;
		return false;
	}
	if (m->kind != MATCH_RANGES)
		return m->kind == MATCH_ALL;
	switch ((enum field)m->field) {
	case FIELD_PROTO:
		proto = box_rank_proto(b->proto.lo);
		return b->proto.lo == b->proto.hi && m->n == 1 && m->ranges[0].lo <= proto &&
		       proto <= m->ranges[0].hi;
	case FIELD_SPORT:
	case FIELD_DPORT:
		if (b->proto.hi > BOX_PORTS_LAST || b->frag != BOX_FRAG_WHOLE)
			return false;
		return m->n == 1 && m->ranges[0].lo <= r->lo && r->hi <= m->ranges[0].hi;
	default:
		return false;
	}
}

static bool implied_everywhere(const struct job *j, const struct match *m)
{
	if (!j->around || !j->around->n || j->around->n > BOXES_IMPLY)
		return false;
	for (size_t i = 0; i < j->around->n; i++)
		if (!implied(m, pset_family(j->sp), &j->around->v[i]))
			return false;
	return true;
}

/*
 * A bound of the condition, at least right where something changed: what all packets there
 * have in common is not asked for, which makes small sets of large ones.
 */
static struct pset bound_of(const struct job *j, const struct match *m, bool hi)
{
	if (implied_everywhere(j, m))
		return j->all;
	if (m->kind != MATCH_AND)
		return hi ? pset_hi(j->sp, m, j->as) : pset_lo(j->sp, m, j->as);
	struct pset s = j->all;
	for (uint32_t i = m->n; i-- > 0 && !pset_is_empty(s);)
		if (!implied_everywhere(j, m->kids[i]))
			s = pset_and(j->sp, bound_of(j, m->kids[i], hi), s);
	return s;
}

/* Whether the two bounds of the condition are one. */
static bool is_exact(const struct job *j, const struct match *m)
{
	return !m->inexact && !m->linked && (!m->placed || (j->as && j->as->iif && j->as->oif));
}

/*
 * Takes out of the region what the common beginning surely decides; of that, rules that say no
 * more are not needed any longer.
 */
static struct pset behind_prefix(struct job *j, struct alignment *al, bool same_default,
				 struct pset region)
{
	struct sets sets = { 0 };
	for (uint32_t i = 0; i < al->prefix; i++) {
		const struct rule *r = al->old.v[i];
		if (!al->old.met[i] || !ends_walk(r, same_default))
			continue;
		struct pset s = bound_of(j, r->match, false);
		*vec_add(&sets) = s;
		if (pset_equal(s, j->all)) {
			vec_free(&sets);
			return pset_none();
		}
		if (is_exact(j, r->match))
			al->old.met[i] = al->new.met[al->old.partner[i]] = false;
	}
	struct pset decided = pset_compile(j->sp, sets.v, sets.n, false, NULL, 0);
	vec_free(&sets);
	return pset_minus(j->sp, region, decided);
}

enum { LABEL_DENY = 1, LABEL_PERMIT = 2 };

/* What rules that neither call nor return permit, as lower.h has it for one bound. */
static struct pset lower_plain(struct job *j, const struct cut *cut, bool maybe,
			       struct pset region)
{
	struct sets sets = { 0 };
	bool open =
		cut->rs.dflt == VERDICT_PERMIT || (cut->rs.dflt == VERDICT_UNKNOWN && maybe);
	for (uint32_t i = 0; i < cut->rs.n; i++) {
		const struct rule *r = &cut->rules.v[i];
		bool unknown = r->verdict == VERDICT_UNKNOWN;
		bool permit = unknown ? maybe : r->verdict == VERDICT_PERMIT;
		/* what speaks against the bound counts wherever it may match */
		struct pset s = bound_of(j, r->match, unknown || permit == maybe);
		*vec_add(&sets) = pset_label(j->sp, s, permit ? LABEL_PERMIT : LABEL_DENY);
	}
	struct pset f = pset_compile(j->sp, sets.v, sets.n, false, NULL, 0);
	vec_free(&sets);
	f = pset_within(j->sp, f, region);
	return open ? pset_minus(j->sp, region, pset_where(j->sp, f, LABEL_DENY))
		    : pset_where(j->sp, f, LABEL_PERMIT);
}

/* A list cut down, lowered within the region. */
static struct lowered lower_cut(struct job *j, const struct cut *cut, struct pset within,
				struct pset region)
{
	bool plain = true, exact = cut->rs.dflt != VERDICT_UNKNOWN;
	for (uint32_t i = 0; i < cut->rs.n; i++) {
		const struct rule *r = &cut->rules.v[i];
		plain &= !align_is_call(r) && r->verdict != VERDICT_RETURN;
		exact &= r->verdict != VERDICT_UNKNOWN && is_exact(j, r->match);
	}
	struct lowered l;
	if (!plain) {
		l = lower(j->sp, &cut->rs, j->as, within);
		return (struct lowered){ pset_and(j->sp, l.sure, region),
					 pset_and(j->sp, l.maybe, region) };
	}
	l.sure = l.maybe = lower_plain(j, cut, false, region);
	if (!exact)
		l.maybe = lower_plain(j, cut, true, region);
	return l;
}

/* Witnesses */

static const struct rule *rule_behind(const struct cut *cut, const struct rule *r)
{
	bool copied = cut->rules.n && r >= cut->rules.v && r < cut->rules.v + cut->rules.n;
	return r && copied ? cut->from.v[r - cut->rules.v] : r;
}

static struct interp_answer answer(const struct cut *cut, const struct packet *p)
{
	struct interp_answer a = interp(&cut->rs, p);
	a.sure_rule = rule_behind(cut, a.sure_rule);
	a.maybe_rule = rule_behind(cut, a.maybe_rule);
	a.unknown_rule = rule_behind(cut, a.unknown_rule);
	return a;
}

/* What `to` permits and `from` doesn't. */
static struct cone_change change(struct job *j, const struct lowered *from,
				 const struct lowered *to, const struct cut *old,
				 const struct cut *new)
{
	struct cone_change c = {
		.certain = pset_minus(j->sp, to->sure, from->maybe),
		.possible = pset_minus(j->sp, to->maybe, from->sure),
	};
	if (!pset_pick(j->sp, c.certain, &c.witness) &&
	    !pset_pick(j->sp, c.possible, &c.witness))
		return c;
	if (j->as) {
		c.witness.iif = j->as->iif;
		c.witness.oif = j->as->oif;
	}
	c.old = answer(old, &c.witness);
	c.new = answer(new, &c.witness);
	return c;
}

struct cone cone_diff(struct pset_space *sp, const struct ruleset *old,
		      const struct ruleset *new, const struct pset_assume *as)
{
	struct job j = { .sp = sp, .as = as, .all = pset_universe(sp, as) };
	struct cone c = { .region = pset_none() };
	struct alignment al;
	struct cut cut_old = { 0 }, cut_new = { 0 };
	struct boxes around = { 0 };
	enum family f = pset_family(sp);
	align(&al, old, new);
	c.region = region_of(&j, &al);
	bool same_default = old->dflt == new->dflt;
	bool few = boxes_around(&al, f, &around) && same_default;
	if (!same_default)
		c.region = j.all;
	find_met(&al, f, &around, few);
	j.around = few ? &around : NULL;
	struct pset within = pset_and(sp, c.region, j.all);
	c.region = behind_prefix(&j, &al, same_default, within);
	for (uint32_t i = 0; i < al.old.n; i++)
		c.n_removed += al.old.partner[i] == ALIGN_ALONE;
	for (uint32_t i = 0; i < al.new.n; i++)
		c.n_added += al.new.partner[i] == ALIGN_ALONE;
	if (!pset_is_empty(c.region)) {
		cut_down(&cut_old, old, &al.old);
		cut_down(&cut_new, new, &al.new);
	}
	c.n_old = cut_old.rs.n;
	c.n_new = cut_new.rs.n;
	c.old = lower_cut(&j, &cut_old, within, c.region);
	c.new = lower_cut(&j, &cut_new, within, c.region);
	c.opened = change(&j, &c.old, &c.new, &cut_old, &cut_new);
	c.closed = change(&j, &c.new, &c.old, &cut_old, &cut_new);
	c.spent = pset_is_spent(c.opened.certain) || pset_is_spent(c.opened.possible) ||
		  pset_is_spent(c.closed.certain) || pset_is_spent(c.closed.possible);
	cut_finish(&cut_old);
	cut_finish(&cut_new);
	boxes_free(&around);
	align_finish(&al);
	vec_free(&j.done);
	return c;
}
