/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From conditions to sets.
 *
 * Most rules are a conjunction of at most one condition a field. Such a rule needs no
 * operation at all: its diagram is a chain, built from the last level to the first. What does
 * not fit into the chain (a second condition on a field, OR, NOT) becomes a set of its own,
 * once for each expression however many rules share it, and is intersected.
 *
 * The first digit says what a packet is. Under an assumption about fragments both halves of
 * that digit are built alike, so that no set depends on what is assumed.
 */

#include "model/pset_internal.h"

enum { DEPTH_MAX = 2000 }; /* alternations of AND, OR, NOT; deeper ones are spent */

/* What is known beforehand, from struct pset_assume. */
struct known {
	const char *word[FIELD_MAC - FIELD_IIF + 1]; /* NULL: not known */
	int state, fragment;	   /* -1: not known */
	uint8_t flags, flags_mask; /* TCP flags that are known */
	uint32_t number;	   /* of the assumption within the space */
	enum pset_bound bound;
};

/* The conditions of a conjunction, at most one a field. */
struct chain {
	const struct match *dst, *src;
	const struct match *dport, *sport, *type, *code;
	uint64_t first[PSET_PROTOS / 64]; /* allowed values of the first digit */
	uint8_t flags, flags_mask, states;
	bool none;
};

/*
 * Conjunctions.
 */

static void chain_start(struct chain *c)
{
	memset(c, 0, sizeof(*c));
	memset(c->first, 0xff, sizeof(c->first));
	c->states = (1 << STATE_COUNT) - 1;
}

enum { HALF = PSET_FRAGMENT / 64 }; /* words of the first digit that are not fragments */

static void chain_protos(struct chain *c, const struct match *m)
{
	uint64_t keep[HALF] = { 0 };

	for (uint32_t i = 0; i < m->n; i++) {
		unsigned hi = m->ranges[i].hi < 255 ? m->ranges[i].hi : 255;

		for (unsigned x = m->ranges[i].lo; x <= hi; x++)
			keep[x / 64] |= UINT64_C(1) << (x % 64);
	}
	for (unsigned i = 0; i < HALF; i++) {
		c->first[i] &= keep[i];
		c->first[i + HALF] &= keep[i];
	}
}

/*
 * Keeps the packets that have the fields of a class: no later fragments, unless it is known
 * whether they are.
 */
static void chain_class(struct chain *c, const struct pset_space *sp, const struct known *kn,
			enum proto_class class)
{
	for (unsigned i = 0; i < HALF; i++) {
		uint64_t whole = sp->whole[class][i];

		c->first[i] &= kn->fragment == 1 ? 0 : whole;
		c->first[i + HALF] &= kn->fragment == 0 ? whole : 0;
	}
}

static void chain_fragment(struct chain *c, const struct match *m, const struct known *kn)
{
	if (kn->fragment >= 0) {
		c->none |= !match_has(m, (unsigned)kn->fragment);
		return;
	}
	if (!match_has(m, 0))
		memset(c->first, 0, HALF * sizeof(*c->first));
	if (!match_has(m, 1))
		memset(c->first + HALF, 0, HALF * sizeof(*c->first));
}

/* False where the place is taken. */
static bool chain_take(const struct match **place, const struct match *m)
{
	if (*place && *place != m)
		return false;
	*place = m;
	return true;
}

static bool chain_ranges(struct chain *c, const struct pset_space *sp, const struct match *m,
			 const struct known *kn)
{
	switch ((enum field)m->field) {
	case FIELD_FAMILY:
		c->none |= !match_has(m, sp->family);
		return true;
	case FIELD_PROTO:
		chain_protos(c, m);
		return true;
	case FIELD_FRAGMENT:
		chain_fragment(c, m, kn);
		return true;
	case FIELD_STATE:
		for (unsigned s = 0; s < STATE_COUNT; s++)
			if (!match_has(m, kn->state < 0 ? s : (unsigned)kn->state))
				c->states &= (uint8_t) ~(1u << s);
		c->none |= !c->states;
		return true;
	case FIELD_SPORT:
	case FIELD_DPORT:
		if (!chain_take(m->field == FIELD_SPORT ? &c->sport : &c->dport, m))
			return false;
		chain_class(c, sp, kn, CLASS_PORTS);
		return true;
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		if (!chain_take(m->field == FIELD_ICMP_TYPE ? &c->type : &c->code, m))
			return false;
		chain_class(c, sp, kn, CLASS_ICMP);
		return true;
	default:
		c->none = true;
		return true;
	}
}

static void chain_flags(struct chain *c, const struct pset_space *sp, const struct match *m,
			const struct known *kn)
{
	unsigned value = m->flags.value, mask = m->flags.mask;

	chain_class(c, sp, kn, CLASS_TCP);
	if ((value ^ kn->flags) & mask & kn->flags_mask ||
	    (value ^ c->flags) & mask & c->flags_mask || value & ~mask) {
		c->none = true;
		return;
	}
	mask &= ~(unsigned)kn->flags_mask;
	c->flags |= (uint8_t)(value & mask);
	c->flags_mask |= (uint8_t)mask;
}

static bool name_fits(const struct match *m, const char *name)
{
	return m->iface.prefix ? has_prefix(name, m->iface.name)
			       : strcmp(name, m->iface.name) == 0;
}

/* Adds one condition; false where it doesn't fit into the chain. */
static bool chain_add(struct pset_space *sp, struct chain *c, const struct match *m,
		      const struct known *kn)
{
	switch ((enum match_kind)m->kind) {
	case MATCH_ALL:
		return true;
	case MATCH_NONE:
		c->none = true;
		return true;
	case MATCH_UNKNOWN:
		sp->loose = true;
		c->none |= kn->bound == PSET_LO;
		return true;
	case MATCH_SPANS:
	case MATCH_WILD:
		if (m->family != sp->family ||
		    (m->field != FIELD_SRC && m->field != FIELD_DST)) {
			c->none = true;
			return true;
		}
		return chain_take(m->field == FIELD_DST ? &c->dst : &c->src, m);
	case MATCH_RANGES:
		return chain_ranges(c, sp, m, kn);
	case MATCH_FLAGS:
		chain_flags(c, sp, m, kn);
		return true;
	case MATCH_IFACE:
		if (kn->word[m->field - FIELD_IIF]) {
			c->none |= !name_fits(m, kn->word[m->field - FIELD_IIF]);
		} else {
			sp->loose = true;
			c->none |= kn->bound == PSET_LO;
		}
		return true;
	default:
		return false;
	}
}

static uint32_t chain_addrs(struct pset_space *sp, const struct match *m, uint32_t below)
{
	if (!m)
		return below;
	if (m->kind == MATCH_WILD)
		return field_wild(sp, (enum field)m->field, m->wild.value, m->wild.mask, below);
	return field_spans(sp, (enum field)m->field, m->spans, m->n, below);
}

static uint32_t chain_build(struct pset_space *sp, const struct chain *c, uint32_t label)
{
	uint32_t r = label;

	if (c->none || ((c->dport || c->sport) && (c->type || c->code)))
		return 0;
	if (c->states != (1 << STATE_COUNT) - 1)
		r = field_states(sp, c->states, r);
	if (c->flags_mask && r != PSET_SPENT)
		r = field_flags(sp, c->flags, c->flags_mask, r);
	if (c->sport && r != PSET_SPENT)
		r = field_ranges(sp, sp->level[FIELD_SPORT], c->sport->ranges, c->sport->n, r);
	if (c->dport && r != PSET_SPENT)
		r = field_ranges(sp, sp->level[FIELD_DPORT], c->dport->ranges, c->dport->n, r);
	if ((c->type || c->code) && r != PSET_SPENT)
		r = field_icmp(sp, c->type, c->code, r);
	if (r != PSET_SPENT)
		r = chain_addrs(sp, c->src, r);
	if (r != PSET_SPENT)
		r = chain_addrs(sp, c->dst, r);
	return r == PSET_SPENT ? r : first_node(sp, c->first, r);
}

/*
 * Expressions.
 */

static uint32_t build(struct pset_space *sp, const struct match *m, const struct known *kn,
		      uint32_t label);

static uint32_t build_and(struct pset_space *sp, const struct match *m, const struct known *kn,
			  uint32_t label)
{
	const struct match **rest = NULL;
	size_t n_rest = 0;
	struct chain c;
	uint32_t r;

	chain_start(&c);
	for (uint32_t i = 0; i < m->n && !c.none; i++) {
		if (chain_add(sp, &c, m->kids[i], kn))
			continue;
		if (!rest)
			rest = xmalloc(m->n * sizeof(const struct match *));
		rest[n_rest++] = m->kids[i];
	}
	r = chain_build(sp, &c, label);
	for (size_t i = 0; i < n_rest && r && r != PSET_SPENT; i++) {
		uint32_t set = build(sp, rest[i], kn, 1);

		r = set == PSET_SPENT ? set : op_within(sp, r, set);
	}
	free(rest);
	return r;
}

static uint32_t build_or(struct pset_space *sp, const struct match *m, const struct known *kn)
{
	uint32_t *v = xmalloc(m->n * sizeof(*v)), r = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < m->n && r != PSET_SPENT; i++) {
		r = build(sp, m->kids[i], kn, 1);
		if (r)
			v[n++] = r;
	}
	r = r == PSET_SPENT ? r : op_or_n(sp, v, n);
	free(v);
	return r;
}

static uint32_t build_not(struct pset_space *sp, const struct match *m, const struct known *kn)
{
	struct known other = *kn;
	uint32_t r;

	other.bound = kn->bound == PSET_LO ? PSET_HI : PSET_LO;
	r = build(sp, m->kids[0], &other, 1);
	return r == PSET_SPENT ? r : op_minus(sp, 1, r);
}

/* The place of a sub-expression's set in the memo; the table has room. */
static struct pset_memo *memo_slot(struct pset_space *sp, const struct match *m, uint32_t key)
{
	uint64_t h = ((uintptr_t)m >> 4 ^ (uint64_t)key << 40) * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (h >> 32) & (sp->cap_memo - 1);

	while (sp->memo[i].match && (sp->memo[i].match != m || sp->memo[i].key != key))
		i = (i + 1) & (sp->cap_memo - 1);
	return &sp->memo[i];
}

static void memo_put(struct pset_space *sp, const struct match *m, uint32_t key, uint32_t id)
{
	struct pset_memo *slot;

	if (sp->n_memo * 4 >= sp->cap_memo * 3) {
		struct pset_memo *old = sp->memo;
		size_t n = sp->cap_memo;

		sp->cap_memo = n ? n * 2 : 64;
		sp->memo = xcalloc(sp->cap_memo, sizeof(*sp->memo));
		sp->n_memo = 0;
		for (size_t i = 0; i < n; i++) {
			if (!old[i].match || old[i].id == PSET_SPENT)
				continue;
			*memo_slot(sp, old[i].match, old[i].key) = old[i];
			sp->n_memo++;
		}
		free(old);
	}
	slot = memo_slot(sp, m, key);
	sp->n_memo += !slot->match;
	*slot = (struct pset_memo){ m, key, id };
}

static bool memo_get(struct pset_space *sp, const struct match *m, uint32_t key, uint32_t *ret)
{
	const struct pset_memo *slot;

	if (!sp->cap_memo)
		return false;
	slot = memo_slot(sp, m, key);
	if (!slot->match || slot->id == PSET_SPENT)
		return false;
	*ret = slot->id;
	return true;
}

enum { MEMO_EXACT = 2 }; /* in the place of the bound: lo and hi are the same */

/* A set that is worth remembering, once a bound or once for both. */
static uint32_t build_shared(struct pset_space *sp, const struct match *m,
			     const struct known *kn)
{
	uint32_t key = kn->number << 2, r;
	bool loose = sp->loose;

	if (memo_get(sp, m, key | MEMO_EXACT, &r))
		return r;
	if (memo_get(sp, m, key | kn->bound, &r)) {
		sp->loose = true;
		return r;
	}
	if (sp->depth >= DEPTH_MAX)
		return PSET_SPENT;
	sp->depth++;
	sp->loose = false;
	r = m->kind == MATCH_OR	   ? build_or(sp, m, kn)
	    : m->kind == MATCH_NOT ? build_not(sp, m, kn)
				   : build_and(sp, m, kn, 1);
	sp->depth--;
	if (r != PSET_SPENT)
		memo_put(sp, m, key | (sp->loose ? (uint32_t)kn->bound : MEMO_EXACT), r);
	sp->loose |= loose;
	return r;
}

static uint32_t build(struct pset_space *sp, const struct match *m, const struct known *kn,
		      uint32_t label)
{
	struct chain c;
	uint32_t r;

	if (m->kind == MATCH_AND || m->kind == MATCH_OR || m->kind == MATCH_NOT) {
		if (label != 1 && m->kind == MATCH_AND)
			return build_and(sp, m, kn, label);
		r = build_shared(sp, m, kn);
		return label == 1 || r == PSET_SPENT ? r : op_within(sp, label, r);
	}
	chain_start(&c);
	chain_add(sp, &c, m, kn);
	return chain_build(sp, &c, label);
}

/* The number of an assumption: what a remembered set depends on. */
static uint32_t known_number(struct pset_space *sp, const struct known *kn)
{
	struct text t = { 0 };
	bool any = false;
	void **place;

	for (size_t i = 0; i < sizeof(kn->word) / sizeof(*kn->word); i++)
		any |= kn->word[i] != NULL;
	if (!any)
		return (uint32_t)((kn->state + 1) << 4 | (kn->fragment + 1) << 2 |
				  (kn->flags_mask != 0));
	for (size_t i = 0; i < sizeof(kn->word) / sizeof(*kn->word); i++) {
		text_putc(&t, kn->word[i] ? 'w' : '-');
		text_put(&t, kn->word[i] ? kn->word[i] : "");
		text_putc(&t, '\n');
	}
	text_putf(&t, "%d %d %d", kn->state, kn->fragment, kn->flags_mask);
	place = map_atn(&sp->assumes, t.s, t.len);
	if (!*place)
		*place = (void *)(sp->assumes.n + 127);
	text_finish(&t);
	return (uint32_t)(uintptr_t)*place;
}

/* What is known of the place counts for conditions on it alone: others are the same anywhere. */
static void known_start(struct pset_space *sp, struct known *kn, const struct match *m,
			const struct pset_assume *as, enum pset_bound bound)
{
	memset(kn, 0, sizeof(*kn));
	kn->state = kn->fragment = -1;
	kn->bound = bound;
	if (as) {
		const char *const word[] = { as->iif, as->oif, as->physin, as->physout, as->mac };
		if (m->placed || m->linked)
			memcpy(kn->word, word, sizeof(word));
		kn->state = as->first ? STATE_NEW : as->state;
		kn->fragment = as->first ? 0 : as->fragment;
		kn->flags = as->first ? TCP_SYN : 0;
		kn->flags_mask = as->first ? 0x3f : 0;
	}
	kn->number = known_number(sp, kn);
}

struct pset pset_of_match(struct pset_space *sp, const struct match *m,
			  const struct pset_assume *as, enum pset_bound bound, uint32_t label)
{
	struct known kn;

	known_start(sp, &kn, m, as, bound);
	return (struct pset){ build(sp, m, &kn, label) };
}

struct pset pset_lo(struct pset_space *sp, const struct match *m, const struct pset_assume *as)
{
	return pset_of_match(sp, m, as, PSET_LO, 1);
}

struct pset pset_hi(struct pset_space *sp, const struct match *m, const struct pset_assume *as)
{
	return pset_of_match(sp, m, as, PSET_HI, 1);
}

struct pset pset_universe(struct pset_space *sp, const struct pset_assume *as)
{
	bool first = as && as->first;
	int state = !as ? -1 : first ? STATE_NEW : as->state;
	int fragment = !as ? -1 : first ? 0 : as->fragment;
	uint32_t other = 1, tcp;
	size_t base;

	if (state >= 0)
		other = field_states(sp, 1u << state, 1);
	if (other == PSET_SPENT)
		return pset_spent();
	tcp = first ? field_flags(sp, TCP_SYN, 0x3f, other) : other;
	if (tcp == PSET_SPENT)
		return pset_spent();
	base = sp->stack;
	for (unsigned x = 0; x < PSET_PROTOS; x++) {
		bool in = fragment < 0 || (unsigned)fragment == x / PSET_FRAGMENT;

		push_run(sp, base, x, !in ? 0 : sp->class[x] == CLASS_TCP ? tcp : other);
	}
	return (struct pset){ node_make(sp, 0, base) };
}

/* Conditions on one field. */

static struct pset build_leaf(struct pset_space *sp, const struct match *m)
{
	struct known kn = { .state = -1, .fragment = -1 };

	return (struct pset){ build(sp, m, &kn, 1) };
}

struct pset pset_spans(struct pset_space *sp, enum field field, const struct span *v, size_t n)
{
	struct span *own = xreallocarray(NULL, n + 1, sizeof(*own));
	uint32_t r;

	if (n)
		memcpy(own, v, n * sizeof(*own));
	n = spans_normalise(own, n);
	r = field_spans(sp, field, own, n, 1);
	free(own);
	return (struct pset){ r };
}

struct pset pset_wild(struct pset_space *sp, enum field field, struct addr value,
		      struct addr mask)
{
	return (struct pset){ field_wild(sp, field, value, mask, 1) };
}

static int range_order(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->lo != y->lo ? (x->lo > y->lo) - (x->lo < y->lo) : 0;
}

struct pset pset_ranges(struct pset_space *sp, enum field field, const struct range *v,
			size_t n)
{
	struct range *own = xreallocarray(NULL, n + 1, sizeof(*own));
	struct match m = { .kind = MATCH_RANGES, .field = (uint8_t)field };
	struct pset r;
	size_t out = 0;

	if (n)
		memcpy(own, v, n * sizeof(*own));
	qsort(own, n, sizeof(*own), range_order);
	for (size_t i = 0; i < n; i++) {
		if (out && own[i].lo <= own[out - 1].hi + 1u) {
			if (own[i].hi > own[out - 1].hi)
				own[out - 1].hi = own[i].hi;
		} else {
			own[out++] = own[i];
		}
	}
	m.n = (uint32_t)out;
	m.ranges = own;
	r = out ? build_leaf(sp, &m) : pset_none();
	free(own);
	return r;
}

struct pset pset_flags(struct pset_space *sp, unsigned value, unsigned mask)
{
	struct match m = { .kind = MATCH_FLAGS, .field = FIELD_FLAGS };

	m.flags.value = (uint8_t)value;
	m.flags.mask = (uint8_t)mask;
	return build_leaf(sp, &m);
}
