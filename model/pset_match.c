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
	const char *iif, *oif;
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
 * Building the nodes of one field, above what stands below.
 */

struct spans_job {
	struct pset_space *sp;
	unsigned level; /* of the first digit */
	uint32_t inside;
};

/* The address with all digits behind k set to ones. */
static struct addr digit_end(const struct pset_space *sp, struct addr a, unsigned k)
{
	if (sp->family == FAMILY_V4) {
		a.lo |= k ? 0 : 0xffff;
	} else if (k < 4) {
		a.hi |= k == 3 ? 0 : UINT64_MAX >> (16 * (k + 1));
		a.lo = UINT64_MAX;
	} else {
		a.lo |= k == 7 ? 0 : UINT64_MAX >> (16 * (k - 3));
	}
	return a;
}

/* The first address whose digit k has the value, agreeing with a in the digits before. */
static struct addr digit_start(const struct pset_space *sp, struct addr a, unsigned k,
			       unsigned value)
{
	unsigned shift = sp->family == FAMILY_V4 ? 16 - 16 * k : 48 - 16 * (k & 3);
	bool high = sp->family == FAMILY_V6 && k < 4;
	uint64_t *part = high ? &a.hi : &a.lo;

	*part = (*part & ~(UINT64_MAX >> (48 - shift))) | (uint64_t)value << shift;
	if (sp->family == FAMILY_V4)
		a.lo &= UINT32_MAX;
	if (high)
		a.lo = 0;
	return a;
}

/*
 * The node of digit k for the addresses that agree with start before it. v: the normalised
 * spans that touch them, n > 0.
 */
static uint32_t spans_node(const struct spans_job *j, unsigned k, const struct span *v,
			   size_t n, struct addr start)
{
	struct pset_space *sp = j->sp;
	struct addr at = start; /* everything before it is told */
	struct addr end = k ? digit_end(sp, start, k - 1) : addr_max(sp->family);
	size_t base = sp->stack, i = 0;
	unsigned next = 0; /* the first value that is not told */

	while (i < n && next <= UINT16_MAX) {
		struct addr lo = addr_compare(v[i].lo, at) > 0 ? v[i].lo : at;
		struct addr hi = addr_compare(v[i].hi, end) < 0 ? v[i].hi : end;
		unsigned dl = addr_digit(sp, lo, k), dh = addr_digit(sp, hi, k);
		bool whole_lo = addr_equal(lo, digit_start(sp, lo, k, dl));
		bool whole_hi = addr_equal(hi, digit_end(sp, hi, k));
		struct addr dl_end;
		uint32_t child;
		size_t e = i;

		if (whole_lo && (whole_hi || dl < dh)) {
			unsigned to = whole_hi ? dh : dh - 1;

			if (dl > next)
				push_run(sp, base, dl - 1, 0);
			push_run(sp, base, to, j->inside);
			next = to + 1;
			i += whole_hi;
			if (next <= UINT16_MAX)
				at = digit_start(sp, lo, k, next);
			continue;
		}
		dl_end = digit_end(sp, lo, k);
		while (e < n && addr_compare(v[e].lo, dl_end) <= 0)
			e++;
		child = spans_node(j, k + 1, v + i, e - i, digit_start(sp, lo, k, dl));
		if (child == PSET_SPENT)
			return node_abandon(sp, base);
		if (dl > next)
			push_run(sp, base, dl - 1, 0);
		push_run(sp, base, dl, child);
		i = addr_compare(v[e - 1].hi, dl_end) > 0 ? e - 1 : e;
		next = dl + 1;
		if (next <= UINT16_MAX)
			at = digit_start(sp, lo, k, next);
	}
	if (next <= UINT16_MAX)
		push_run(sp, base, UINT16_MAX, 0);
	return node_make(sp, j->level + k, base);
}

static uint32_t field_spans(struct pset_space *sp, enum field field, const struct span *v,
			    size_t n, uint32_t inside)
{
	struct spans_job j = { sp, sp->level[field], inside };

	return n ? spans_node(&j, 0, v, n, (struct addr){ 0, 0 }) : 0;
}

/* (address & mask) == value: each digit by itself, the last one first. */
static uint32_t field_wild(struct pset_space *sp, enum field field, struct addr value,
			   struct addr mask, uint32_t inside)
{
	for (unsigned k = sp->digits; k-- > 0 && inside != PSET_SPENT;) {
		unsigned m = addr_digit(sp, mask, k), want = addr_digit(sp, value, k) & m;
		size_t base = sp->stack;
		unsigned next = 0;

		for (unsigned x = want; x <= UINT16_MAX; x = ((x | m) + 1) & ~m) {
			/* the next value that fits lies behind the carry over the fixed bits */
			x = (x & ~m) | want;
			if (x > next)
				push_run(sp, base, x - 1, 0);
			push_run(sp, base, x, inside);
			next = x + 1;
			if ((x | m) == UINT16_MAX)
				break;
		}
		if (next <= UINT16_MAX)
			push_run(sp, base, UINT16_MAX, 0);
		inside = node_make(sp, sp->level[field] + k, base);
	}
	return inside;
}

static uint32_t field_ranges(struct pset_space *sp, unsigned level, const struct range *v,
			     size_t n, uint32_t inside)
{
	size_t base = sp->stack;
	unsigned next = 0, top = sp->top[level];

	for (size_t i = 0; i < n && v[i].lo <= top; i++) {
		unsigned hi = v[i].hi < top ? v[i].hi : top;

		if (v[i].lo > next)
			push_run(sp, base, v[i].lo - 1u, 0);
		push_run(sp, base, hi, inside);
		next = hi + 1;
	}
	if (next <= top)
		push_run(sp, base, top, 0);
	return node_make(sp, level, base);
}

static bool ranges_have(const struct match *m, unsigned value)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (m->ranges[i].lo <= value && value <= m->ranges[i].hi)
			return true;
	return false;
}

/* Type and code share a digit. Either may be NULL. */
static uint32_t field_icmp(struct pset_space *sp, const struct match *type,
			   const struct match *code, uint32_t inside)
{
	size_t base = sp->stack;

	for (unsigned t = 0; t < 256; t++) {
		if (type && !ranges_have(type, t)) {
			push_run(sp, base, t << 8 | 255, 0);
			continue;
		}
		for (unsigned c = 0; c < 256; c++)
			push_run(sp, base, t << 8 | c,
				 !code || ranges_have(code, c) ? inside : 0);
	}
	return node_make(sp, sp->level[FIELD_ICMP_TYPE], base);
}

static uint32_t field_flags(struct pset_space *sp, unsigned value, unsigned mask,
			    uint32_t inside)
{
	size_t base = sp->stack;

	for (unsigned x = 0; x < 256; x++)
		push_run(sp, base, x, (x & mask) == value ? inside : 0);
	return node_make(sp, sp->level[FIELD_FLAGS], base);
}

static uint32_t field_states(struct pset_space *sp, unsigned states, uint32_t inside)
{
	size_t base = sp->stack;

	for (unsigned x = 0; x < STATE_COUNT; x++)
		push_run(sp, base, x, states >> x & 1 ? inside : 0);
	return node_make(sp, sp->level[FIELD_STATE], base);
}

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
		c->none |= !ranges_have(m, (unsigned)kn->fragment);
		return;
	}
	if (!ranges_have(m, 0))
		memset(c->first, 0, HALF * sizeof(*c->first));
	if (!ranges_have(m, 1))
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
		c->none |= !ranges_have(m, sp->family);
		return true;
	case FIELD_PROTO:
		chain_protos(c, m);
		return true;
	case FIELD_FRAGMENT:
		chain_fragment(c, m, kn);
		return true;
	case FIELD_STATE:
		for (unsigned s = 0; s < STATE_COUNT; s++)
			if (!ranges_have(m, kn->state < 0 ? s : (unsigned)kn->state))
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
	const char *name = m->field == FIELD_IIF ? kn->iif : kn->oif;

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
		if (name) {
			c->none |= !name_fits(m, name);
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

/* The node of the first digit: inside where the bit is set. */
static uint32_t first_node(struct pset_space *sp, const uint64_t *bits, uint32_t inside)
{
	size_t base = sp->stack;

	for (unsigned i = 0; i < PSET_PROTOS / 64; i++) {
		unsigned at = 0;

		while (at < 64) {
			bool in = bits[i] >> at & 1;
			uint64_t rest = (in ? ~bits[i] : bits[i]) >> at;
			unsigned n = rest ? (unsigned)__builtin_ctzll(rest) : 64 - at;

			at += n < 64 - at ? n : 64 - at;
			push_run(sp, base, i * 64 + at - 1, in ? inside : 0);
		}
	}
	return node_make(sp, 0, base);
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
	void **place;

	if (!kn->iif && !kn->oif)
		return (uint32_t)((kn->state + 1) << 4 | (kn->fragment + 1) << 2 |
				  (kn->flags_mask != 0));
	text_putf(&t, "%d %d %d %s\n%s%s\n%s", kn->state, kn->fragment, kn->flags_mask,
		  kn->iif ? "i" : "-", kn->iif ? kn->iif : "", kn->oif ? "o" : "-",
		  kn->oif ? kn->oif : "");
	place = map_atn(&sp->assumes, t.s, t.len);
	if (!*place)
		*place = (void *)(sp->assumes.n + 127);
	text_finish(&t);
	return (uint32_t)(uintptr_t)*place;
}

static void known_start(struct pset_space *sp, struct known *kn, const struct pset_assume *as,
			enum pset_bound bound)
{
	memset(kn, 0, sizeof(*kn));
	kn->state = kn->fragment = -1;
	kn->bound = bound;
	if (as) {
		kn->iif = as->iif;
		kn->oif = as->oif;
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

	known_start(sp, &kn, as, bound);
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
