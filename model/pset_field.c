/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Operations that ask of single fields: projection, rewriting, counting; and the walks over
 * labels.
 */

#include <math.h>

#include "model/pset_internal.h"

static struct pset value_of(uint32_t id)
{
	return (struct pset){ id };
}

/*
 * Exists, over the levels from..to: below them nothing changes, within them the children are
 * united, above them each child is done by itself.
 */
static uint32_t quantify(struct pset_space *sp, uint32_t f, unsigned from, unsigned to,
			 uint32_t op)
{
	unsigned level = node_level(sp, f), bound;
	size_t base = sp->stack;
	uint32_t r, n, *v;

	if (level > to)
		return f;
	if (cache_get(sp, op, f, 0, &r))
		return r;
	n = node_get(sp, f).n;
	if (level >= from) {
		v = xmalloc(n * sizeof(*v));
		memcpy(v, node_get(sp, f).child, n * sizeof(*v));
		for (uint32_t i = 0; i < n; i++) {
			v[i] = quantify(sp, v[i], from, to, op);
			if (v[i] == PSET_SPENT) {
				free(v);
				return PSET_SPENT;
			}
		}
		r = op_or_n(sp, v, n);
		free(v);
	} else {
		for (uint32_t i = 0; i < n; i++) {
			struct node nd = node_get(sp, f);

			bound = nd.bound[i];
			r = quantify(sp, nd.child[i], from, to, op);
			if (r == PSET_SPENT)
				return node_abandon(sp, base);
			push_run(sp, base, bound, r);
		}
		r = node_make(sp, level, base);
	}
	if (r != PSET_SPENT)
		cache_put(sp, op, f, 0, r);
	return r;
}

static uint32_t quantify_field(struct pset_space *sp, uint32_t f, enum field field)
{
	unsigned from = sp->level[field], to = from;

	if (f == PSET_SPENT)
		return f;
	if (field == FIELD_SRC || field == FIELD_DST)
		to += sp->digits - 1u;
	return quantify(sp, f, from, to, OP_PROJECT + (uint32_t)field);
}

/* Exists, over the type or the code of a digit that holds both. */
static uint32_t quantify_icmp(struct pset_space *sp, uint32_t f, bool type)
{
	unsigned level = sp->level[FIELD_ICMP_TYPE];
	uint32_t op = OP_PROJECT + (uint32_t)(type ? FIELD_ICMP_TYPE : FIELD_ICMP_CODE);
	uint32_t part[256] = { 0 }, r, n;
	unsigned l = node_level(sp, f), next = 0;
	size_t base = sp->stack;

	if (l > level)
		return f;
	if (cache_get(sp, op, f, 0, &r))
		return r;
	n = node_get(sp, f).n;
	for (uint32_t i = 0; i < n; i++) {
		struct node nd = node_get(sp, f);
		unsigned bound = nd.bound[i];
		uint32_t child = nd.child[i];

		if (l < level) {
			r = quantify_icmp(sp, child, type);
			if (r == PSET_SPENT)
				return node_abandon(sp, base);
			push_run(sp, base, bound, r);
			continue;
		}
		for (unsigned x = next; x <= bound && child; x++) {
			uint32_t *p = &part[type ? x & 255 : x >> 8];

			if (*p != child)
				*p = op_or(sp, *p, child);
			if (*p == PSET_SPENT)
				return PSET_SPENT;
		}
		next = bound + 1;
	}
	if (l == level)
		for (unsigned x = 0; x <= UINT16_MAX; x++)
			push_run(sp, base, x, part[type ? x & 255 : x >> 8]);
	r = node_make(sp, l, base);
	if (r != PSET_SPENT)
		cache_put(sp, op, f, 0, r);
	return r;
}

/* The child of the first level for a value. */
static uint32_t below_first(const struct pset_space *sp, uint32_t f, unsigned value)
{
	struct node nd;

	if (node_level(sp, f) != 0)
		return f;
	nd = node_get(sp, f);
	return node_child(&nd, value);
}

/* What is left of a set below the first digit when fields that only it has are forgotten. */
static uint32_t forget_tcp(struct pset_space *sp, uint32_t f)
{
	return quantify_field(sp, f, FIELD_FLAGS);
}

static uint32_t forget_all(struct pset_space *sp, uint32_t f)
{
	f = quantify_field(sp, f, FIELD_FLAGS);
	f = quantify_field(sp, f, FIELD_SPORT);
	return quantify_field(sp, f, FIELD_DPORT);
}

/* Builds the node of the first digit from one child for each value. */
static uint32_t first_of(struct pset_space *sp, const uint32_t *child)
{
	size_t base = sp->stack;

	for (unsigned x = 0; x < PSET_PROTOS; x++) {
		if (child[x] == PSET_SPENT)
			return node_abandon(sp, base);
		push_run(sp, base, x, child[x]);
	}
	return node_make(sp, 0, base);
}

static uint32_t or_spent(struct pset_space *sp, uint32_t f, uint32_t g)
{
	return f == PSET_SPENT || g == PSET_SPENT ? PSET_SPENT : op_or(sp, f, g);
}

/*
 * A field that some first digits do not have is quantified below the others alone; the type
 * of ICMP stands where others have ports.
 */
static uint32_t project_below(struct pset_space *sp, uint32_t f, enum field field)
{
	uint32_t child[PSET_PROTOS];

	for (unsigned x = 0; x < PSET_PROTOS; x++) {
		enum proto_class class = (enum proto_class)sp->class[x];
		bool ports = class == CLASS_PORTS || class == CLASS_TCP;

		child[x] = below_first(sp, f, x);
		if (x && child[x] == below_first(sp, f, x - 1) && class == sp->class[x - 1])
			child[x] = child[x - 1];
		else if (field == FIELD_ICMP_TYPE || field == FIELD_ICMP_CODE)
			child[x] = class == CLASS_ICMP ? quantify_icmp(sp, child[x],
								       field == FIELD_ICMP_TYPE)
						       : child[x];
		else if (ports || (field != FIELD_SPORT && field != FIELD_DPORT))
			child[x] = quantify_field(sp, child[x], field);
	}
	return first_of(sp, child);
}

/* A packet that changes its protocol keeps the fields that both have, and loses the others. */
static uint32_t project_proto(struct pset_space *sp, uint32_t f)
{
	uint32_t child[PSET_PROTOS];

	for (unsigned half = 0; half < PSET_PROTOS; half += PSET_FRAGMENT) {
		uint32_t none = 0;  /* of protocols that have nothing of their own */
		uint32_t all = 0;   /* all, with fields of their own forgotten */
		uint32_t ports = 0; /* of protocols with ports, flags forgotten */
		uint32_t tcp = 0, icmp = 0;

		for (unsigned x = half; x < half + PSET_FRAGMENT; x++) {
			uint32_t g = below_first(sp, f, x);

			if (x > half && g == below_first(sp, f, x - 1) &&
			    sp->class[x] == sp->class[x - 1])
				continue;
			all = or_spent(sp, all, forget_all(sp, g));
			switch ((enum proto_class)sp->class[x]) {
			case CLASS_NONE:
			case CLASS_COUNT:
				none = or_spent(sp, none, g);
				break;
			case CLASS_ICMP:
				icmp = or_spent(sp, icmp, g);
				break;
			case CLASS_TCP:
				tcp = or_spent(sp, tcp, g);
				break;
			case CLASS_PORTS:
				ports = or_spent(sp, ports, g);
				break;
			}
		}
		for (unsigned x = half; x < half + PSET_FRAGMENT; x++) {
			enum proto_class class = (enum proto_class)sp->class[x];
			uint32_t others = or_spent(sp, none, forget_all(sp, icmp));

			if (class == CLASS_NONE) {
				child[x] = all;
			} else if (class == CLASS_ICMP) {
				child[x] = or_spent(sp, none, forget_all(sp, ports));
				child[x] = or_spent(sp, child[x], forget_all(sp, tcp));
				child[x] = or_spent(sp, child[x], icmp);
			} else {
				child[x] = or_spent(sp, others, ports);
				child[x] = or_spent(sp, child[x],
						    class == CLASS_TCP ? tcp
								       : forget_tcp(sp, tcp));
			}
		}
	}
	return first_of(sp, child);
}

/* A later fragment that becomes a whole packet may get any port. */
static uint32_t project_fragment(struct pset_space *sp, uint32_t f)
{
	uint32_t child[PSET_PROTOS];

	for (unsigned x = 0; x < PSET_FRAGMENT; x++) {
		uint32_t whole = below_first(sp, f, x);
		uint32_t later = below_first(sp, f, x | PSET_FRAGMENT);

		if (x && whole == below_first(sp, f, x - 1) &&
		    later == below_first(sp, f, (x - 1) | PSET_FRAGMENT) &&
		    sp->class[x] == sp->class[x - 1]) {
			child[x] = child[x - 1];
			child[x | PSET_FRAGMENT] = child[(x - 1) | PSET_FRAGMENT];
			continue;
		}
		child[x] = or_spent(sp, whole, later);
		child[x | PSET_FRAGMENT] = or_spent(sp, forget_all(sp, whole), later);
	}
	return first_of(sp, child);
}

struct pset pset_project(struct pset_space *sp, struct pset s, enum field field)
{
	if (pset_is_spent(s) || !is_node(s.id))
		return s;
	switch (field) {
	case FIELD_SRC:
	case FIELD_DST:
	case FIELD_STATE:
	case FIELD_FLAGS:
		return value_of(quantify_field(sp, s.id, field));
	case FIELD_SPORT:
	case FIELD_DPORT:
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		return value_of(project_below(sp, s.id, field));
	case FIELD_PROTO:
		return value_of(project_proto(sp, s.id));
	case FIELD_FRAGMENT:
		return value_of(project_fragment(sp, s.id));
	default:
		return s;
	}
}

struct pset pset_rewrite_addr(struct pset_space *sp, struct pset s, enum field field,
			      struct addr to)
{
	struct span one = { to, to };

	return pset_and(sp, pset_project(sp, s, field), pset_spans(sp, field, &one, 1));
}

struct pset pset_rewrite_port(struct pset_space *sp, struct pset s, enum field field,
			      unsigned to)
{
	struct range any = { 0, UINT16_MAX }, one = { (uint16_t)to, (uint16_t)to };
	struct pset with = pset_ranges(sp, field, &any, 1);
	struct pset moved = pset_project(sp, pset_and(sp, s, with), field);

	return pset_or(sp, pset_minus(sp, s, with),
		       pset_and(sp, moved, pset_ranges(sp, field, &one, 1)));
}

/*
 * Counting: a level that a packet has not counts once, whatever its digit would allow.
 */

struct counting {
	struct pset_space *sp;
	struct node_map seen;
	double size[PSET_LEVELS_MAX + 1]; /* values of a level; behind the last: 1 */
};

static double count_from(struct counting *c, uint32_t f, unsigned level)
{
	unsigned l = node_level(c->sp, f);
	double above = 1, sum = 0;
	bool new;

	if (!f)
		return 0;
	if (!is_node(f))
		l = c->sp->levels;
	for (unsigned i = level; i < l; i++)
		above *= c->size[i];
	if (!is_node(f))
		return above;
	sum = *node_map_at(&c->seen, f, &new);
	if (new) {
		struct node nd = node_get(c->sp, f);
		unsigned next = 0;

		for (uint32_t i = 0; i < nd.n; i++) {
			/* a level that is not there has one value, whatever the node says */
			double width = c->size[l] > 1 ? nd.bound[i] + 1.0 - next : i == 0;

			sum += width * count_from(c, nd.child[i], l + 1);
			next = nd.bound[i] + 1u;
		}
		*node_map_at(&c->seen, f, &new) = sum;
	}
	return above * sum;
}

double pset_count(struct pset_space *sp, struct pset s)
{
	double sum = 0;

	if (pset_is_spent(s))
		return 0;
	for (int class = 0; class < CLASS_COUNT; class ++) {
		struct counting c = { .sp = sp };
		double one = 0;

		for (unsigned l = 0; l < sp->levels; l++)
			c.size[l] = sp->top[l] + 1.0;
		if (class == CLASS_NONE)
			c.size[sp->level[FIELD_DPORT]] = 1;
		if (class == CLASS_NONE || class == CLASS_ICMP)
			c.size[sp->level[FIELD_SPORT]] = 1;
		if (class != CLASS_TCP)
			c.size[sp->level[FIELD_FLAGS]] = 1;
		for (unsigned x = 0; x < PSET_PROTOS; x++) {
			if (sp->class[x] != class)
				continue;
			one = count_from(&c, below_first(sp, s.id, x), 1);
			sum += one;
		}
		node_map_finish(&c.seen);
	}
	return sum;
}

/*
 * Labels.
 */

/* Calls visit for each node once, parents before children. */
typedef void visit_fn(const struct pset_space *sp, uint32_t id, void *arg);

static void visit_nodes(const struct pset_space *sp, struct node_map *seen, uint32_t f,
			visit_fn *visit, void *arg)
{
	struct node nd;
	bool new;

	if (!is_node(f))
		return;
	node_map_at(seen, f, &new);
	if (!new)
		return;
	visit(sp, f, arg);
	nd = node_get(sp, f);
	for (uint32_t i = 0; i < nd.n; i++)
		visit_nodes(sp, seen, nd.child[i], visit, arg);
}

struct labels {
	uint32_t *v;
	size_t n, cap;
};

static int label_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void sort_labels(struct labels *l)
{
	size_t out = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), label_order);
	for (size_t i = 0; i < l->n; i++)
		if (!out || l->v[out - 1] != l->v[i])
			l->v[out++] = l->v[i];
	l->n = out;
}

static void visit_labels(const struct pset_space *sp, uint32_t id, void *arg)
{
	struct node nd = node_get(sp, id);
	struct labels *l = arg;

	for (uint32_t i = 0; i < nd.n; i++) {
		if (is_node(nd.child[i]) || !nd.child[i])
			continue;
		if (l->n == l->cap && l->n > 1024) {
			sort_labels(l); /* mostly repeats: no need to keep them all */
			if (l->n * 2 > l->cap)
				l->v = vec_room(l->v, l->cap, &l->cap, sizeof(*l->v));
		}
		l->v = vec_room(l->v, l->n, &l->cap, sizeof(*l->v));
		l->v[l->n++] = nd.child[i];
	}
}

size_t pset_labels(struct pset_space *sp, struct pset f, uint32_t *ret, size_t max)
{
	struct labels l = { 0 };
	struct node_map seen = { 0 };

	if (pset_is_spent(f) || !f.id)
		return 0;
	if (!is_node(f.id)) {
		if (max)
			ret[0] = f.id;
		return 1;
	}
	visit_nodes(sp, &seen, f.id, visit_labels, &l);
	node_map_finish(&seen);
	sort_labels(&l);
	for (size_t i = 0; i < l.n && i < max; i++)
		ret[i] = l.v[i];
	free(l.v);
	return l.n;
}

struct size {
	size_t nodes, words;
};

static void visit_size(const struct pset_space *sp, uint32_t id, void *arg)
{
	struct size *s = arg;

	s->nodes++;
	s->words += node_words(node_get(sp, id).n);
}

void pset_size(const struct pset_space *sp, struct pset s, size_t *ret_nodes, size_t *ret_words)
{
	struct node_map seen = { 0 };
	struct size size = { 0 };

	if (!pset_is_spent(s))
		visit_nodes(sp, &seen, s.id, visit_size, &size);
	node_map_finish(&seen);
	*ret_nodes = size.nodes;
	*ret_words = size.words;
}

struct relabelling {
	struct node_map done;
	const uint32_t *to;
	size_t n;
};

static uint32_t relabel(struct pset_space *sp, struct relabelling *j, uint32_t f)
{
	size_t base = sp->stack;
	double known;
	uint32_t r, n;
	bool new;

	if (!is_node(f))
		return f < j->n ? j->to[f] : f;
	known = *node_map_at(&j->done, f, &new);
	if (!new)
		return (uint32_t)known;
	n = node_get(sp, f).n;
	for (uint32_t i = 0; i < n; i++) {
		struct node nd = node_get(sp, f);
		unsigned bound = nd.bound[i];

		r = relabel(sp, j, nd.child[i]);
		if (r == PSET_SPENT)
			return node_abandon(sp, base);
		push_run(sp, base, bound, r);
	}
	r = node_make(sp, node_level(sp, f), base);
	*node_map_at(&j->done, f, &new) = r;
	return r;
}

struct pset pset_relabel(struct pset_space *sp, struct pset f, const uint32_t *to, size_t n)
{
	struct relabelling j = { .to = to, .n = n };
	uint32_t r;

	if (pset_is_spent(f))
		return f;
	r = relabel(sp, &j, f.id);
	node_map_finish(&j.done);
	return value_of(r);
}
