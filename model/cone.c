/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of both lists are aligned: what they begin and end with alike is passed over by
 * comparing, the middle is aligned by hashes (the k-th rule of one hash with the k-th of the
 * other list, then the longest run of pairs that keeps the order; any common subsequence will
 * do, a longer one makes a smaller region). The region is the union of what the unaligned
 * rules may match; of aligned calls whose targets differ, the target's region within the
 * call's condition. What is surely decided by the common beginning is taken out of it. Then
 * each list is cut down to the rules that may meet the region, and lowered within it.
 */
#include "model/cone.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "model/box.h"

/* AHEAD: rules are asked for so much earlier, since memory is what long lists wait for. */
enum { BOXES_MAX = 64, BOXES_RULE = 4, BOXES_IMPLY = 4, SPANS_FEW = 8, AHEAD = 12 };

/* Structure */

static uint64_t hash_two(uint64_t a, uint64_t b)
{
	uint64_t v[2] = { a, b };
	return siphash(v, sizeof(v));
}

static bool is_call(const struct rule *r)
{
	return r->verdict == VERDICT_JUMP || r->verdict == VERDICT_GOTO;
}

/*
 * All but what stands in the target. Conditions are told by their hashes: keyed, with a chance
 * of a mistake among a million rules of less than one in ten million.
 */
static bool same_rule(const struct rule *a, const struct rule *b)
{
	return a->verdict == b->verdict && a->match->hash == b->match->hash &&
	       (!is_call(a) || !strcmp(a->target->name, b->target->name));
}

static uint64_t hash_rule(const struct rule *r)
{
	uint64_t h = hash_two(r->match->hash, r->verdict);
	return is_call(r) ? hash_two(h, siphash(r->target->name, strlen(r->target->name))) : h;
}

/* Alignment */

/* The rules that can decide, and which one of the other list each is the same as. */
struct list {
	const struct rule **v;
	uint32_t n;
	uint32_t *partner; /* ALONE: none */
	bool *met;	   /* may meet what changed */
};

#define ALONE UINT32_MAX

static void list_init(struct list *l, const struct ruleset *rs)
{
	l->v = xreallocarray(NULL, (size_t)rs->n + 1, sizeof(*l->v));
	l->n = 0;
	for (uint32_t i = 0; i < rs->n; i++)
		if (!(rs->rules[i].flags & RULE_INACTIVE) &&
		    rs->rules[i].verdict != VERDICT_CONTINUE)
			l->v[l->n++] = &rs->rules[i];
	l->partner = xreallocarray(NULL, (size_t)l->n + 1, sizeof(*l->partner));
	memset(l->partner, 0xff, l->n * sizeof(*l->partner));
	l->met = xcalloc((size_t)l->n + 1, sizeof(*l->met));
}

static void list_finish(struct list *l)
{
	free(l->v);
	free(l->partner);
	free(l->met);
}

struct pair {
	uint32_t old, new;
};

struct alignment {
	struct list old, new;
	uint32_t prefix;	/* how many rules both begin with; no changed call among them */
	VEC(struct pair) calls; /* aligned jumps and gotos */
};

static void align_pair(struct alignment *al, uint32_t i, uint32_t k)
{
	al->old.partner[i] = k;
	al->new.partner[k] = i;
	if (is_call(al->old.v[i]))
		*vec_add(&al->calls) = (struct pair){ i, k };
}

struct hashed {
	uint64_t hash;
	uint32_t at;
};

static int hashed_order(const void *x, const void *y)
{
	const struct hashed *a = x, *b = y;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static struct hashed *hash_range(const struct list *l, uint32_t from, uint32_t to)
{
	struct hashed *v = xreallocarray(NULL, (size_t)(to - from) + 1, sizeof(*v));
	for (uint32_t i = from; i < to; i++)
		v[i - from] = (struct hashed){ hash_rule(l->v[i]), i };
	qsort(v, to - from, sizeof(*v), hashed_order);
	return v;
}

/* The longest run of pairs that rises on both sides; partner[i] is UINT32_MAX for none. */
static void align_rising(struct alignment *al, const uint32_t *partner, uint32_t from,
			 uint32_t n)
{
	uint32_t *tail =
		xreallocarray(NULL, (size_t)n + 1, sizeof(*tail)); /* ends, by length */
	uint32_t *before = xreallocarray(NULL, (size_t)n + 1, sizeof(*before));
	uint32_t most = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (partner[i] == UINT32_MAX)
			continue;
		uint32_t lo = 0, hi = most;
		while (lo < hi) {
			uint32_t mid = (lo + hi) / 2;
			if (partner[tail[mid]] < partner[i])
				lo = mid + 1;
			else
				hi = mid;
		}
		before[i] = lo ? tail[lo - 1] : UINT32_MAX;
		tail[lo] = i;
		most += lo == most;
	}
	for (uint32_t i = most ? tail[most - 1] : UINT32_MAX; i != UINT32_MAX; i = before[i])
		align_pair(al, from + i, partner[i]);
	free(tail);
	free(before);
}

static void align_middle(struct alignment *al, uint32_t from, uint32_t old_to, uint32_t new_to)
{
	struct hashed *a = hash_range(&al->old, from, old_to);
	struct hashed *b = hash_range(&al->new, from, new_to);
	uint32_t n = old_to - from, m = new_to - from;
	uint32_t *partner = xreallocarray(NULL, (size_t)n + 1, sizeof(*partner));
	memset(partner, 0xff, n * sizeof(*partner));
	for (uint32_t i = 0, k = 0; i < n && k < m;) {
		if (a[i].hash != b[k].hash) {
			if (a[i].hash < b[k].hash)
				i++;
			else
				k++;
			continue;
		}
		if (same_rule(al->old.v[a[i].at], al->new.v[b[k].at]))
			partner[a[i].at - from] = b[k].at;
		i++;
		k++;
	}
	align_rising(al, partner, from, n);
	free(a);
	free(b);
	free(partner);
}

static void align(struct alignment *al, const struct ruleset *old, const struct ruleset *new)
{
	memset(al, 0, sizeof(*al));
	list_init(&al->old, old);
	list_init(&al->new, new);
	uint32_t n = al->old.n, m = al->new.n, i = 0;
	while (i < n && i < m && same_rule(al->old.v[i], al->new.v[i])) {
		if (i + AHEAD < n && i + AHEAD < m) {
			__builtin_prefetch(al->old.v[i + AHEAD]->match);
			__builtin_prefetch(al->new.v[i + AHEAD]->match);
		}
		align_pair(al, i, i);
		i++;
	}
	al->prefix = i;
	while (n > i && m > i && same_rule(al->old.v[n - 1], al->new.v[m - 1])) {
		if (n > i + AHEAD && m > i + AHEAD) {
			__builtin_prefetch(al->old.v[n - AHEAD]->match);
			__builtin_prefetch(al->new.v[m - AHEAD]->match);
		}
		align_pair(al, --n, --m);
	}
	if (n > i && m > i)
		align_middle(al, i, n, m);
}

static void align_finish(struct alignment *al)
{
	list_finish(&al->old);
	list_finish(&al->new);
	vec_free(&al->calls);
}

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

static void add_unpaired(struct job *j, const struct list *l, struct sets *sets)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (l->partner[i] == ALONE)
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
		al->old.partner[c->old] = al->new.partner[c->new] = ALONE;
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
	const struct list *lists[] = { &al->old, &al->new };
	struct box_names names = { 0 };
	struct boxes one = { 0 };
	bool few = true;
	for (int side = 0; side < 2; side++)
		for (uint32_t i = 0; i < lists[side]->n; i++)
			if (lists[side]->partner[i] == ALONE &&
			    lists[side]->v[i]->match->placed)
				box_names_add(&names, lists[side]->v[i]->match);
	box_names_freeze(&names);
	for (int side = 0; side < 2; side++)
		for (uint32_t i = 0; i < lists[side]->n && few; i++) {
			if (lists[side]->partner[i] != ALONE)
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
		bool met = !few || al->old.partner[i] == ALONE;
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
		al->new.met[i] = al->new.partner[i] == ALONE || al->old.met[al->new.partner[i]];
}

static void cut_down(struct cut *cut, const struct ruleset *rs, const struct list *l)
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
	return !m->inexact && (!m->placed || (j->as && j->as->iif && j->as->oif));
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
		plain &= !is_call(r) && r->verdict != VERDICT_RETURN;
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
	bool copied = r >= cut->rules.v && r < cut->rules.v + cut->rules.n;
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
		c.n_removed += al.old.partner[i] == ALONE;
	for (uint32_t i = 0; i < al.new.n; i++)
		c.n_added += al.new.partner[i] == ALONE;
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
