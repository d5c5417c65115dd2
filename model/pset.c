/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The operations of packet sets.
 *
 * All binary operations are one walk: two nodes of one level are merged run by run, of two
 * levels the upper one is walked with the lower one as it is. They differ in what is settled
 * without walking; the walk is compiled once for each.
 */

#include "model/pset_internal.h"

struct pset pset_none(void)
{
	return (struct pset){ 0 };
}

struct pset pset_all(const struct pset_space *sp)
{
	return (struct pset){ 1 };
}

struct pset pset_spent(void)
{
	return (struct pset){ PSET_SPENT };
}

bool pset_is_spent(struct pset s)
{
	return s.id == PSET_SPENT;
}

bool pset_is_empty(struct pset s)
{
	return s.id == 0;
}

bool pset_equal(struct pset a, struct pset b)
{
	return a.id == b.id && a.id != PSET_SPENT;
}

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* What needs no walk. */
ALWAYS_INLINE bool settled(enum pset_op op, uint32_t f, uint32_t g, uint32_t *ret)
{
	switch (op) {
	case OP_OVER:
		if (is_total(f) || g == 0 || f == g)
			return *ret = f, true;
		if (f == 0)
			return *ret = g, true;
		return false;
	case OP_OR:
		if (f == 1 || g == 0 || f == g)
			return *ret = f, true;
		if (g == 1 || f == 0)
			return *ret = g, true;
		return false;
	case OP_AND:
		if (f == 0 || g == 1 || f == g)
			return *ret = f, true;
		if (g == 0 || f == 1)
			return *ret = g, true;
		return false;
	case OP_WITHIN:
		if (f == 0 || g == 1 || f == g)
			return *ret = f, true;
		if (g == 0 || f == 1)
			return *ret = g, true;
		return false;
	case OP_LEAST:
		if (f == 1 || g == 0 || f == g)
			return *ret = f, true;
		if (g == 1 || f == 0)
			return *ret = g, true;
		if (!is_node(f) && !is_node(g))
			return *ret = f < g ? f : g, true;
		return false;
	case OP_MINUS:
		if (f == 0 || g == 0)
			return *ret = f, true;
		if (g == 1 || f == g)
			return *ret = 0, true;
		return false;
	default:
		return false;
	}
}

/* Whether a child of f (g) alone settles the run, whatever stands on the other side. */
ALWAYS_INLINE bool settles_f(enum pset_op op, uint32_t f)
{
	if (op == OP_OVER)
		return is_total(f);
	return f == (op == OP_OR || op == OP_LEAST ? 1 : 0);
}

ALWAYS_INLINE bool settles_g(enum pset_op op, uint32_t g, uint32_t *ret)
{
	if ((op == OP_OR || op == OP_LEAST) && g == 1)
		return *ret = 1, true;
	if ((op == OP_AND || op == OP_WITHIN) && g == 0)
		return *ret = 0, true;
	if (op == OP_MINUS && g == 1)
		return *ret = 0, true;
	return false;
}

typedef uint32_t binary_fn(struct pset_space *sp, uint32_t f, uint32_t g);

/* One side is walked, the other (of a lower level) stays. */
ALWAYS_INLINE bool walk_one(struct pset_space *sp, enum pset_op op, binary_fn *self, uint32_t f,
			    uint32_t g, bool walk_f, size_t base)
{
	struct node nd = node_get(sp, walk_f ? f : g);
	uint32_t n = nd.n;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t c = nd.child[i], r;
		unsigned bound = nd.bound[i];

		if (!settled(op, walk_f ? c : f, walk_f ? g : c, &r)) {
			r = self(sp, walk_f ? c : f, walk_f ? g : c);
			if (r == PSET_SPENT)
				return false;
			nd = node_get(sp, walk_f ? f : g); /* nodes may have moved */
		}
		push_run(sp, base, bound, r);
	}
	return true;
}

ALWAYS_INLINE bool walk_both(struct pset_space *sp, enum pset_op op, binary_fn *self,
			     uint32_t f, uint32_t g, size_t base)
{
	struct node nf = node_get(sp, f), ng = node_get(sp, g);
	uint32_t i = 0, j = 0, n = nf.n;

	while (i < n) {
		unsigned bf = nf.bound[i], bg = ng.bound[j];
		uint32_t cf = nf.child[i], cg = ng.child[j], r;

		if (settles_f(op, cf)) {
			push_run(sp, base, bf, cf);
			while (ng.bound[j] < bf)
				j++;
			j += ng.bound[j] == bf;
			i++;
			continue;
		}
		if (settles_g(op, cg, &r)) {
			push_run(sp, base, bg, r);
			while (nf.bound[i] < bg)
				i++;
			i += nf.bound[i] == bg;
			j++;
			continue;
		}
		if (!settled(op, cf, cg, &r)) {
			r = self(sp, cf, cg);
			if (r == PSET_SPENT)
				return false;
			nf = node_get(sp, f);
			ng = node_get(sp, g);
		}
		push_run(sp, base, bf < bg ? bf : bg, r);
		i += bf <= bg;
		j += bg <= bf;
	}
	return true;
}

ALWAYS_INLINE uint32_t walk(struct pset_space *sp, enum pset_op op, binary_fn *self, uint32_t f,
			    uint32_t g)
{
	size_t base = sp->stack;
	unsigned lf, lg;
	uint32_t r;
	bool done;

	if (settled(op, f, g, &r))
		return r;
	if ((op == OP_OR || op == OP_AND || op == OP_LEAST) && f > g) {
		r = f;
		f = g;
		g = r;
	}
	if (cache_get(sp, op, f, g, &r))
		return r;
	lf = node_level(sp, f);
	lg = node_level(sp, g);
	if (lf == lg)
		done = walk_both(sp, op, self, f, g, base);
	else if (lf < lg)
		done = walk_one(sp, op, self, f, g, true, base);
	else
		done = walk_one(sp, op, self, f, g, false, base);
	if (!done)
		return node_abandon(sp, base);
	r = node_make(sp, lf < lg ? lf : lg, base);
	if (r != PSET_SPENT)
		cache_put(sp, op, f, g, r);
	return r;
}

uint32_t op_over(struct pset_space *sp, uint32_t f, uint32_t g)
{
	return walk(sp, OP_OVER, op_over, f, g);
}

uint32_t op_or(struct pset_space *sp, uint32_t f, uint32_t g)
{
	return walk(sp, OP_OR, op_or, f, g);
}

uint32_t op_and(struct pset_space *sp, uint32_t f, uint32_t g)
{
	return walk(sp, OP_AND, op_and, f, g);
}

uint32_t op_least(struct pset_space *sp, uint32_t f, uint32_t g)
{
	return walk(sp, OP_LEAST, op_least, f, g);
}

uint32_t op_within(struct pset_space *sp, uint32_t f, uint32_t set)
{
	return walk(sp, OP_WITHIN, op_within, f, set);
}

uint32_t op_minus(struct pset_space *sp, uint32_t f, uint32_t set)
{
	return walk(sp, OP_MINUS, op_minus, f, set);
}

uint32_t op_or_n(struct pset_space *sp, uint32_t *v, size_t n)
{
	if (!n)
		return 0;
	for (; n > 1; n = (n + 1) / 2) {
		for (size_t i = 0; i < n / 2; i++) {
			v[i] = op_or(sp, v[2 * i], v[2 * i + 1]);
			if (v[i] == PSET_SPENT)
				return PSET_SPENT;
		}
		if (n % 2)
			v[n / 2] = v[n - 1];
	}
	return v[0];
}

/*
 * Yes or no: nothing is made, and the first packet that decides ends the walk. Operands are
 * sets.
 */
ALWAYS_INLINE bool holds_settled(enum pset_op op, uint32_t f, uint32_t g, bool *ret)
{
	if (op == OP_SUBSET) {
		if (f == 0 || g == 1 || f == g)
			return *ret = true, true;
		if (g == 0 || f == 1)
			return *ret = false, true;
		return false;
	}
	if (f == 0 || g == 0)
		return *ret = true, true;
	if (f == 1 || g == 1 || f == g)
		return *ret = false, true;
	return false;
}

typedef bool holds_fn(struct pset_space *sp, uint32_t f, uint32_t g);

ALWAYS_INLINE bool holds(struct pset_space *sp, enum pset_op op, holds_fn *self, uint32_t f,
			 uint32_t g)
{
	unsigned lf, lg;
	bool yes = true;
	uint32_t r;

	if (holds_settled(op, f, g, &yes))
		return yes;
	if (op == OP_DISJOINT && f > g) {
		r = f;
		f = g;
		g = r;
	}
	if (cache_get(sp, op, f, g, &r))
		return r;
	lf = node_level(sp, f);
	lg = node_level(sp, g);
	if (lf == lg) {
		struct node nf = node_get(sp, f), ng = node_get(sp, g);

		for (uint32_t i = 0, j = 0; yes && i < nf.n;) {
			unsigned bf = nf.bound[i], bg = ng.bound[j];

			yes = self(sp, nf.child[i], ng.child[j]);
			i += bf <= bg;
			j += bg <= bf;
		}
	} else {
		struct node nd = node_get(sp, lf < lg ? f : g);

		for (uint32_t i = 0; yes && i < nd.n; i++)
			yes = lf < lg ? self(sp, nd.child[i], g) : self(sp, f, nd.child[i]);
	}
	cache_put(sp, op, f, g, yes);
	return yes;
}

static bool op_subset(struct pset_space *sp, uint32_t f, uint32_t g)
{
	return holds(sp, OP_SUBSET, op_subset, f, g);
}

static bool op_disjoint(struct pset_space *sp, uint32_t f, uint32_t g)
{
	return holds(sp, OP_DISJOINT, op_disjoint, f, g);
}

static bool either_spent(struct pset a, struct pset b)
{
	return a.id == PSET_SPENT || b.id == PSET_SPENT;
}

#define PUBLIC_OPERATION(name, op)                                                             \
	struct pset name(struct pset_space *sp, struct pset a, struct pset b)                  \
	{                                                                                      \
		return either_spent(a, b) ? pset_spent()                                       \
					  : (struct pset){ op(sp, a.id, b.id) };               \
	}

PUBLIC_OPERATION(pset_or, op_or)
PUBLIC_OPERATION(pset_and, op_and)
PUBLIC_OPERATION(pset_minus, op_minus)
PUBLIC_OPERATION(pset_over, op_over)
PUBLIC_OPERATION(pset_within, op_within)

struct pset pset_not(struct pset_space *sp, struct pset a)
{
	return pset_minus(sp, pset_all(sp), a);
}

bool pset_subset(struct pset_space *sp, struct pset a, struct pset b)
{
	return !either_spent(a, b) && op_subset(sp, a.id, b.id);
}

bool pset_disjoint(struct pset_space *sp, struct pset a, struct pset b)
{
	return !either_spent(a, b) && op_disjoint(sp, a.id, b.id);
}

/* set with label in the place of 1 (OP_LABEL); f with 1 where it says label (OP_WHERE). */
static uint32_t op_leaves(struct pset_space *sp, enum pset_op op, uint32_t f, uint32_t label)
{
	size_t base = sp->stack;
	uint32_t r, n;

	if (!is_node(f)) {
		if (op == OP_LABEL)
			return f ? label : 0;
		return f == label;
	}
	if (op == OP_WHERE && label == 0 && is_total(f))
		return 0;
	if (cache_get(sp, op, f, label, &r))
		return r;
	n = node_get(sp, f).n;
	for (uint32_t i = 0; i < n; i++) {
		struct node nd = node_get(sp, f);
		unsigned bound = nd.bound[i];

		r = op_leaves(sp, op, nd.child[i], label);
		if (r == PSET_SPENT)
			return node_abandon(sp, base);
		push_run(sp, base, bound, r);
	}
	r = node_make(sp, node_level(sp, f), base);
	if (r != PSET_SPENT)
		cache_put(sp, op, f, label, r);
	return r;
}

struct pset pset_label(struct pset_space *sp, struct pset set, uint32_t label)
{
	if (pset_is_spent(set) || label == 1)
		return set;
	return (struct pset){ op_leaves(sp, OP_LABEL, set.id, label) };
}

struct pset pset_where(struct pset_space *sp, struct pset f, uint32_t label)
{
	if (pset_is_spent(f))
		return f;
	return (struct pset){ op_leaves(sp, OP_WHERE, f.id, label) };
}

/* Balanced: v[from] becomes the function of the part; the others become empty. */
struct compiling {
	struct pset_space *sp;
	struct pset *v;
	struct pset **roots;
	size_t n_roots;
};

static bool compile_part(struct compiling *c, size_t from, size_t to)
{
	struct pset_space *sp = c->sp;
	size_t mid = from + (to - from) / 2;
	struct pset both;

	if (to - from < 2)
		return !pset_is_spent(c->v[from]);
	if (!compile_part(c, from, mid) || !compile_part(c, mid, to))
		return false;
	both = pset_over(sp, c->v[from], c->v[mid]);
	if (pset_is_spent(both) && c->roots) {
		pset_space_collect(sp, c->roots, c->n_roots);
		both = pset_over(sp, c->v[from], c->v[mid]);
	}
	c->v[from] = both;
	c->v[mid] = pset_none();
	if (c->roots && pset_space_is_full(sp))
		pset_space_collect(sp, c->roots, c->n_roots);
	return !pset_is_spent(both);
}

struct pset pset_compile(struct pset_space *sp, struct pset *v, size_t n, bool collect,
			 struct pset *const *keep, size_t n_keep)
{
	struct compiling c = { .sp = sp, .v = v };

	if (!n)
		return pset_none();
	if (collect) {
		c.roots = xmalloc((n + n_keep) * sizeof(*c.roots));
		for (size_t i = 0; i < n; i++)
			c.roots[c.n_roots++] = &v[i];
		for (size_t i = 0; i < n_keep; i++)
			c.roots[c.n_roots++] = keep[i];
	}
	if (!compile_part(&c, 0, n))
		v[0] = pset_spent();
	free(c.roots);
	return v[0];
}

void packet_digits(const struct pset_space *sp, const struct packet *p, uint16_t *ret)
{
	unsigned first = p->proto | (p->fragment ? PSET_FRAGMENT : 0), l = 0;
	enum proto_class class = (enum proto_class)sp->class[first];

	ret[l++] = (uint16_t)first;
	for (unsigned k = 0; k < sp->digits; k++)
		ret[l++] = (uint16_t)addr_digit(sp, p->dst, k);
	for (unsigned k = 0; k < sp->digits; k++)
		ret[l++] = (uint16_t)addr_digit(sp, p->src, k);
	ret[l++] = class == CLASS_ICMP	 ? (uint16_t)(p->icmp_type << 8 | p->icmp_code)
		   : class == CLASS_NONE ? 0
					 : p->dport;
	ret[l++] = class == CLASS_PORTS || class == CLASS_TCP ? p->sport : 0;
	ret[l++] = class == CLASS_TCP ? p->flags : 0;
	ret[l++] = p->state < STATE_COUNT ? p->state : 0;
}

uint32_t pset_label_of(const struct pset_space *sp, struct pset f, const struct packet *p)
{
	uint16_t digit[PSET_LEVELS_MAX];
	uint32_t id = f.id;

	if (id == PSET_SPENT || p->family != sp->family)
		return 0;
	packet_digits(sp, p, digit);
	while (is_node(id)) {
		struct node nd = node_get(sp, id);

		id = node_child(&nd, digit[nd.level]);
	}
	return id;
}

bool pset_has(const struct pset_space *sp, struct pset s, const struct packet *p)
{
	return pset_label_of(sp, s, p) != 0;
}
