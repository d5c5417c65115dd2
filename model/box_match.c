/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A match is turned into boxes by narrowing a list of boxes, at first the whole space: a leaf
 * is a list of cuts (boxes that say one thing) and narrowing crosses the two lists. AND
 * narrows by each kid in turn, OR narrows a copy for each kid and gathers the results, NOT
 * goes through with the signs turned. What an unknown is depends only on the bound that is
 * wanted: everything for hi, nothing for lo, under a NOT as well.
 *
 * When the list would grow beyond its limit, a leaf's cuts are replaced by the one box around
 * them. A drawing takes one cut at random instead, at every leaf and every OR.
 */
#include "model/box.h"

#include <string.h>

struct narrowing {
	enum family family;
	enum box_bound bound;
	const struct box_names *names;
	size_t max;
	uint64_t *random; /* draw one way through; NULL: all */
	bool over;	  /* what is left contains the match, but isn't it */
	struct box all;
	struct boxes cuts; /* of the leaf at hand */
};

/* Cuts of leaves */

static struct box *add_box(struct boxes *l, const struct box *b)
{
	struct box *x = vec_add(l);
	*x = *b;
	return x;
}

static void cut_range(const struct narrowing *w, struct boxes *cuts, enum field field,
		      unsigned lo, unsigned hi)
{
	struct box *c = add_box(cuts, &w->all);
	struct range r = { (uint16_t)lo, (uint16_t)hi };
	switch (field) {
	case FIELD_SPORT:
	case FIELD_DPORT:
		c->proto = (struct range){ 0, BOX_PORTS_LAST };
		c->frag = BOX_FRAG_WHOLE;
		*(field == FIELD_SPORT ? &c->sport : &c->dport) = r;
		break;
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		c->proto.lo = c->proto.hi = w->family == FAMILY_V4 ? BOX_ICMP : BOX_ICMPV6;
		c->frag = BOX_FRAG_WHOLE;
		if (r.hi == 255)
			r.hi = UINT16_MAX;
		*(field == FIELD_ICMP_TYPE ? &c->sport : &c->dport) = r;
		break;
	case FIELD_STATE:
		c->state = (uint8_t)((2u << hi) - (1u << lo)) & BOX_STATE_ANY;
		break;
	case FIELD_FRAGMENT:
		c->frag = (uint8_t)((2u << hi) - (1u << lo)) & BOX_FRAG_ANY;
		break;
	default:
		break;
	}
}

/* The packets that haven't got the field at all: no condition on it is true for them. */
static void cut_without(const struct narrowing *w, struct boxes *cuts, enum field field)
{
	unsigned lo = 0, hi = BOX_PORTS_LAST;
	if (field == FIELD_ICMP_TYPE || field == FIELD_ICMP_CODE)
		lo = hi = w->family == FAMILY_V4 ? BOX_ICMP : BOX_ICMPV6;
	else if (field == FIELD_FLAGS)
		hi = 0;
	struct box *c;
	if (lo) {
		c = add_box(cuts, &w->all);
		c->proto.hi = (uint16_t)(lo - 1);
	}
	c = add_box(cuts, &w->all);
	c->proto.lo = (uint16_t)(hi + 1);
	c = add_box(cuts, &w->all);
	c->frag = BOX_FRAG_LATER;
}

static void cut_protos(const struct narrowing *w, const struct match *m, bool neg,
		       struct boxes *cuts)
{
	bool in[BOX_PROTO_MAX + 1] = { false };
	for (uint32_t i = 0; i < m->n; i++)
		for (unsigned p = m->ranges[i].lo; p <= m->ranges[i].hi && p <= 255; p++)
			in[box_proto_rank(p)] = true;
	for (unsigned r = 0; r <= BOX_PROTO_MAX; r++) {
		if (in[r] == neg)
			continue;
		struct box *c = add_box(cuts, &w->all);
		c->proto.lo = (uint16_t)r;
		while (r < BOX_PROTO_MAX && in[r + 1] != neg)
			r++;
		c->proto.hi = (uint16_t)r;
	}
}

static void cut_ranges(const struct narrowing *w, const struct match *m, bool neg,
		       struct boxes *cuts)
{
	enum field field = m->field;
	unsigned next = 0, max = 0;
	if (field == FIELD_FAMILY) {
		bool in = false;
		for (uint32_t i = 0; i < m->n; i++)
			in |= m->ranges[i].lo <= w->family && w->family <= m->ranges[i].hi;
		if (in != neg)
			add_box(cuts, &w->all);
		return;
	}
	if (field == FIELD_PROTO) {
		if (m->n == 1 && m->ranges[0].lo == m->ranges[0].hi && !neg) {
			struct box *c = add_box(cuts, &w->all);
			c->proto.lo = c->proto.hi =
				(uint16_t)box_proto_rank(m->ranges[0].lo & 255);
			return;
		}
		cut_protos(w, m, neg, cuts);
		return;
	}
	if (!neg) {
		for (uint32_t i = 0; i < m->n; i++)
			cut_range(w, cuts, field, m->ranges[i].lo, m->ranges[i].hi);
		return;
	}
	switch (field) {
	case FIELD_STATE:
		max = STATE_COUNT - 1;
		break;
	case FIELD_FRAGMENT:
		max = 1;
		break;
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		max = 255;
		break;
	default:
		max = UINT16_MAX;
	}
	if (field != FIELD_STATE && field != FIELD_FRAGMENT)
		cut_without(w, cuts, field);
	for (uint32_t i = 0; i < m->n; i++) {
		if (m->ranges[i].lo > next)
			cut_range(w, cuts, field, next, m->ranges[i].lo - 1u);
		next = m->ranges[i].hi + 1u;
	}
	if (next <= max)
		cut_range(w, cuts, field, next, max);
}

static void cut_span(const struct narrowing *w, struct boxes *cuts, enum field field,
		     struct span s)
{
	struct box *c = add_box(cuts, &w->all);
	*(field == FIELD_SRC ? &c->src : &c->dst) = s;
}

static void cut_spans(const struct narrowing *w, enum field field, const struct span *v,
		      size_t n, bool neg, struct boxes *cuts)
{
	struct addr next = { 0, 0 }, max = addr_max(w->family);
	bool more = true;
	for (size_t i = 0; i < n; i++) {
		if (!neg) {
			cut_span(w, cuts, field, v[i]);
			continue;
		}
		if (addr_compare(next, v[i].lo) < 0)
			cut_span(w, cuts, field, (struct span){ next, addr_prev(v[i].lo) });
		more = addr_compare(v[i].hi, max) < 0;
		next = addr_next(v[i].hi);
	}
	if (neg && more)
		cut_span(w, cuts, field, (struct span){ next, max });
}

enum { WILD_BITS = 4, SPANS_MANY = 8 };

static struct addr bit_at(unsigned i)
{
	return i < 64 ? (struct addr){ 0, 1ull << i } : (struct addr){ 1ull << (i - 64), 0 };
}

static bool has_bit(struct addr a, unsigned i)
{
	return i < 64 ? a.lo >> i & 1 : a.hi >> (i - 64) & 1;
}

/*
 * A mask with few free bits above the last fixed one is a few spans; one with many is not.
 * Fills *ret with the free bits, at most max of them, and the span of the all-zero choice.
 */
static unsigned wild_bits(enum family f, const struct match *m, unsigned *ret, unsigned max,
			  struct span *ret_first)
{
	unsigned n = 0, i = 0;
	struct addr low = { 0, 0 };
	for (; i < addr_bits(f) && !has_bit(m->wild.mask, i); i++)
		low = addr_or(low, bit_at(i));
	for (; i < addr_bits(f); i++)
		if (!has_bit(m->wild.mask, i)) {
			if (n < max)
				ret[n] = i;
			n++;
		}
	*ret_first = (struct span){ m->wild.value, addr_or(m->wild.value, low) };
	return n;
}

/* False where the mask is too scattered. */
static bool cut_wild(const struct narrowing *w, const struct match *m, bool neg,
		     struct boxes *cuts)
{
	unsigned bits[WILD_BITS];
	struct span first, v[1 << WILD_BITS];
	unsigned n = wild_bits(w->family, m, bits, WILD_BITS, &first);
	if (n > WILD_BITS)
		return false;
	for (unsigned i = 0; i < 1u << n; i++) {
		v[i] = first;
		for (unsigned k = 0; k < n; k++)
			if (i >> k & 1) {
				v[i].lo = addr_or(v[i].lo, bit_at(bits[k]));
				v[i].hi = addr_or(v[i].hi, bit_at(bits[k]));
			}
	}
	cut_spans(w, m->field, v, spans_normalise(v, 1u << n), neg, cuts);
	return true;
}

static void cut_flags(const struct narrowing *w, const struct match *m, bool neg,
		      struct boxes *cuts)
{
	if (neg)
		cut_without(w, cuts, FIELD_FLAGS);
	struct box *c = add_box(cuts, &w->all);
	c->proto.lo = c->proto.hi = 0;
	c->frag = BOX_FRAG_WHOLE;
	memset(c->flags, 0, sizeof(c->flags));
	for (unsigned v = 0; v < 256; v++)
		if (((v & m->flags.mask) == m->flags.value) != neg)
			c->flags[v / 64] |= 1ull << v % 64;
}

static void cut_iface(struct narrowing *w, const struct match *m, bool neg, struct boxes *cuts)
{
	if (w->names->cuts.n >= UINT16_MAX) {
		w->over = true;
		add_box(cuts, &w->all);
		return;
	}
	unsigned max = w->all.iif.hi, lo, hi;
	box_names_range(w->names, m, &lo, &hi);
	for (int part = 0; part < 3; part++) {
		unsigned a = part == 0 ? 0 : part == 1 ? lo : hi + 1;
		unsigned b = part == 0 ? lo - 1 : part == 1 ? hi : max;
		if ((part == 1) == neg || (part == 0 && !lo) || a > b)
			continue;
		struct box *c = add_box(cuts, &w->all);
		*(m->field == FIELD_IIF ? &c->iif : &c->oif) =
			(struct range){ (uint16_t)a, (uint16_t)b };
	}
}

static void join_span(struct span *a, const struct span *b)
{
	if (addr_compare(b->lo, a->lo) < 0)
		a->lo = b->lo;
	if (addr_compare(a->hi, b->hi) < 0)
		a->hi = b->hi;
}

static void join_range(struct range *a, const struct range *b)
{
	if (b->lo < a->lo)
		a->lo = b->lo;
	if (b->hi > a->hi)
		a->hi = b->hi;
}

/* The box around both. */
static void box_join(struct box *a, const struct box *b)
{
	join_span(&a->src, &b->src);
	join_span(&a->dst, &b->dst);
	join_range(&a->proto, &b->proto);
	join_range(&a->sport, &b->sport);
	join_range(&a->dport, &b->dport);
	join_range(&a->iif, &b->iif);
	join_range(&a->oif, &b->oif);
	a->state |= b->state;
	a->frag |= b->frag;
	for (int i = 0; i < 4; i++)
		a->flags[i] |= b->flags[i];
}

/* Narrowing */

static void keep_none(struct boxes *l)
{
	l->n = 0;
}

static void cross(struct narrowing *w, struct boxes *l, struct boxes *cuts)
{
	if (!cuts->n) {
		keep_none(l);
		return;
	}
	if (w->random && cuts->n > 1) {
		cuts->v[0] = cuts->v[box_random(w->random) % cuts->n];
		cuts->n = 1;
	}
	if (cuts->n > 1 && l->n * cuts->n > w->max) {
		/* most cuts may miss */
		size_t n = 0;
		for (size_t i = 0; i < l->n && n <= w->max; i++)
			for (size_t k = 0; k < cuts->n && n <= w->max; k++) {
				struct box b = l->v[i];
				n += box_clip(&b, &cuts->v[k]);
			}
		if (n > w->max) {
			for (size_t k = 1; k < cuts->n; k++)
				box_join(&cuts->v[0], &cuts->v[k]);
			cuts->n = 1;
			w->over = true;
		}
	}
	if (cuts->n == 1) {
		size_t n = 0;
		for (size_t i = 0; i < l->n; i++)
			if (box_clip(&l->v[i], &cuts->v[0])) {
				if (n < i)
					l->v[n] = l->v[i];
				n++;
			}
		l->n = n;
		return;
	}
	struct boxes out = { 0 };
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < cuts->n; k++) {
			struct box b = l->v[i];
			if (box_clip(&b, &cuts->v[k]))
				add_box(&out, &b);
		}
	vec_free(l);
	*l = out;
}

static void narrow(struct narrowing *w, const struct match *m, bool neg, struct boxes *l);

/* One after the other: AND, or a negated OR. */
static void narrow_all(struct narrowing *w, const struct match *m, bool neg, struct boxes *l)
{
	for (uint32_t i = 0; i < m->n && l->n; i++)
		narrow(w, m->kids[i], neg, l);
}

/* Side by side: OR, or a negated AND. */
static void narrow_any(struct narrowing *w, const struct match *m, bool neg, struct boxes *l)
{
	struct boxes out = { 0 }, one = { 0 };
	if (w->random) {
		narrow(w, m->kids[box_random(w->random) % m->n], neg, l);
		return;
	}
	for (uint32_t i = 0; i < m->n; i++) {
		one.n = 0;
		for (size_t k = 0; k < l->n; k++)
			add_box(&one, &l->v[k]);
		narrow(w, m->kids[i], neg, &one);
		for (size_t k = 0; k < one.n; k++)
			add_box(&out, &one.v[k]);
		if (out.n > w->max) {
			for (size_t k = 1; k < out.n; k++)
				box_join(&out.v[0], &out.v[k]);
			out.n = 1;
			w->over = true;
		}
	}
	vec_free(&one);
	vec_free(l);
	*l = out;
}

static void narrow(struct narrowing *w, const struct match *m, bool neg, struct boxes *l)
{
	struct boxes *cuts = &w->cuts;
	cuts->n = 0;
	if (m->weight > BOX_WEIGHT) {
		w->over = true; /* too large a tree to walk */
		return;
	}
	switch ((enum match_kind)m->kind) {
	case MATCH_ALL:
	case MATCH_NONE:
		if ((m->kind == MATCH_NONE) != neg)
			keep_none(l);
		return;
	case MATCH_UNKNOWN:
		if (w->bound == BOX_LO)
			keep_none(l);
		return;
	case MATCH_AND:
	case MATCH_OR:
		if ((m->kind == MATCH_AND) != neg)
			narrow_all(w, m, neg, l);
		else
			narrow_any(w, m, neg, l);
		return;
	case MATCH_NOT:
		narrow(w, m->kids[0], !neg, l);
		return;
	case MATCH_SPANS:
	case MATCH_WILD:
		if (m->family != w->family) {
			if (!neg)
				keep_none(l);
			return;
		}
		if (m->kind == MATCH_SPANS && m->n > SPANS_MANY * w->max) {
			/* far too many: don't even make the cuts */
			struct span s = { m->spans[0].lo, m->spans[m->n - 1].hi };
			w->over = true;
			if (neg)
				return;
			if (w->random)
				s = m->spans[box_random(w->random) % m->n];
			cut_span(w, cuts, m->field, s);
		} else if (m->kind == MATCH_SPANS) {
			cut_spans(w, m->field, m->spans, m->n, neg, cuts);
		} else if (!cut_wild(w, m, neg, cuts)) {
			struct addr free = addr_not(w->family, m->wild.mask);
			struct span s = { m->wild.value, addr_or(m->wild.value, free) };
			w->over = true;
			if (neg)
				return;
			if (w->random) {
				s.lo = box_random_addr(w->random, (struct span){ .hi = free });
				s.lo = s.hi = addr_or(m->wild.value, addr_and(s.lo, free));
			}
			cut_span(w, cuts, m->field, s);
		}
		break;
	case MATCH_RANGES:
		cut_ranges(w, m, neg, cuts);
		break;
	case MATCH_FLAGS:
		cut_flags(w, m, neg, cuts);
		break;
	case MATCH_IFACE:
		if (m->linked) {
			if (w->bound == BOX_LO)
				keep_none(l);
			return;
		}
		cut_iface(w, m, neg, cuts);
		break;
	}
	cross(w, l, cuts);
}

bool boxes_of(const struct match *m, enum family f, enum box_bound bound,
	      const struct box_names *names, size_t max, struct boxes *ret)
{
	struct narrowing w = { .family = f, .bound = bound, .names = names, .max = max };
	w.all = box_all(f, names);
	ret->n = 0;
	add_box(ret, &w.all);
	narrow(&w, m, false, ret);
	vec_free(&w.cuts);
	return !w.over;
}

bool box_draw(const struct match *m, enum family f, enum box_bound bound,
	      const struct box_names *names, uint64_t *random, struct box *ret)
{
	struct narrowing w = {
		.family = f, .bound = bound, .names = names, .max = 1, .random = random
	};
	struct boxes l = { 0 };
	w.all = box_all(f, names);
	add_box(&l, &w.all);
	narrow(&w, m, false, &l);
	bool some = l.n > 0;
	if (some)
		*ret = l.v[0];
	vec_free(&l);
	vec_free(&w.cuts);
	return some;
}
