/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A set as disjoint boxes for people, the largest first.
 *
 * Every path through a diagram is a box, and there may be more paths than anybody can list.
 * So the paths are not listed: the size of the largest box below each node is worked out once
 * (a product along the best path), and paths are grown best first, which yields the boxes in
 * order of size and stops when enough are told. How many there are in all is a sum over the
 * nodes. An address is a span only where all digits but the last partial one are single:
 * runs above a partial digit are told value by value.
 *
 * Boxes that touch in one dimension and agree in all others are joined at the end, which
 * mends what digits cut apart.
 */

#include "model/pset_internal.h"

struct path {
	double size;   /* of the largest box that it can become */
	double pieces; /* paths that were joined into it */
	uint32_t f;    /* where it stands; at the end what is asked of flags and state */
	uint8_t level; /* the next level to choose */
	uint8_t class; /* enum proto_class */
	uint8_t half;  /* whole packets, later fragments, or both */
	bool many;     /* the last digit has several values above a partial one */
	struct range proto;
	struct span addr[2];  /* dst, src */
	struct range port[2]; /* dport or ICMP, sport */
};

enum { HALF_WHOLE, HALF_LATER, HALF_BOTH, HALVES };

struct boxing {
	struct pset_space *sp;
	struct node_map largest[CLASS_COUNT], number[CLASS_COUNT];
	VEC(struct path) heap, told;
	uint32_t tcp_tail, other_tail; /* of first packets */
};

static bool digit_of_addr(const struct pset_space *sp, unsigned level, unsigned *ret_k)
{
	unsigned dst = sp->level[FIELD_DST], src = sp->level[FIELD_SRC];

	if (level < dst || level >= src + sp->digits)
		return false;
	*ret_k = (level - dst) % sp->digits;
	return true;
}

/* Whether the digits of the same address behind this level are free in f. */
static bool rest_is_free(const struct pset_space *sp, uint32_t f, unsigned level, unsigned k)
{
	return node_level(sp, f) >= level + sp->digits - k;
}

static double level_size(const struct pset_space *sp, enum proto_class class, unsigned level)
{
	if (level == sp->level[FIELD_DPORT] && class == CLASS_NONE)
		return 1;
	if (level == sp->level[FIELD_SPORT] && (class == CLASS_NONE || class == CLASS_ICMP))
		return 1;
	return sp->top[level] + 1.0;
}

/*
 * The size of the largest box of f, and how many there are, from `level` on. Flags and state
 * count for nothing: what they ask is one tail.
 */
static double largest(struct boxing *b, enum proto_class class, uint32_t f, unsigned level,
		      double *ret_number)
{
	const struct pset_space *sp = b->sp;
	unsigned l = node_level(sp, f), tail = sp->level[FIELD_FLAGS], next = 0, k = 0;
	double above = 1, best = 0, number = 0;
	bool new, addr;
	struct node nd;

	if (!f) {
		*ret_number = 0;
		return 0;
	}
	for (unsigned i = level; i < tail && i < l; i++)
		above *= level_size(sp, class, i);
	if (l >= tail) {
		*ret_number = 1;
		return above;
	}
	best = *node_map_at(&b->largest[class], f, &new);
	if (!new) {
		*ret_number = *node_map_at(&b->number[class], f, &new);
		return above * best;
	}
	nd = node_get(sp, f);
	addr = digit_of_addr(sp, l, &k);
	for (uint32_t i = 0; i < nd.n; next = nd.bound[i] + 1u, i++) {
		double width = nd.bound[i] + 1.0 - next, times = 1, n, size;

		if (!nd.child[i])
			continue;
		if (addr && !rest_is_free(sp, nd.child[i], l, k)) {
			times = width;
			width = 1;
		}
		size = width * largest(b, class, nd.child[i], l + 1, &n);
		number += times * n;
		if (size > best)
			best = size;
	}
	*node_map_at(&b->largest[class], f, &new) = best;
	*node_map_at(&b->number[class], f, &new) = number;
	*ret_number = number;
	return above * best;
}

static int range_compare(struct range a, struct range b)
{
	return a.lo != b.lo ? (a.lo > b.lo) - (a.lo < b.lo) : (a.hi > b.hi) - (a.hi < b.hi);
}

static int span_compare(struct span a, struct span b)
{
	int c = addr_compare(a.lo, b.lo);

	return c ? c : addr_compare(a.hi, b.hi);
}

/* Larger first; then in order of the fields, so that the answer depends on the set alone. */
static bool path_before(const struct path *a, const struct path *b)
{
	int c = 0;

	if (a->size != b->size)
		return a->size > b->size;
	if (a->half != b->half)
		return a->half > b->half;
	c = range_compare(a->proto, b->proto);
	for (int i = 0; i < 2 && !c; i++)
		c = span_compare(a->addr[i], b->addr[i]);
	for (int i = 0; i < 2 && !c; i++)
		c = range_compare(a->port[i], b->port[i]);
	return c ? c < 0 : a->level > b->level;
}

static void heap_add(struct boxing *b, struct path p)
{
	size_t i;

	*vec_add(&b->heap) = p;
	for (i = b->heap.n - 1; i && path_before(&p, &b->heap.v[(i - 1) / 2]); i = (i - 1) / 2)
		b->heap.v[i] = b->heap.v[(i - 1) / 2];
	b->heap.v[i] = p;
}

static struct path heap_take(struct boxing *b)
{
	struct path top = b->heap.v[0], last = b->heap.v[--b->heap.n];
	size_t i = 0, kid;

	while ((kid = 2 * i + 1) < b->heap.n) {
		if (kid + 1 < b->heap.n && path_before(&b->heap.v[kid + 1], &b->heap.v[kid]))
			kid++;
		if (!path_before(&b->heap.v[kid], &last))
			break;
		b->heap.v[i] = b->heap.v[kid];
		i = kid;
	}
	if (b->heap.n)
		b->heap.v[i] = last;
	return top;
}

static double range_size(unsigned lo, unsigned hi)
{
	return hi + 1.0 - lo;
}

static void set_digit(const struct pset_space *sp, struct span *s, unsigned k, unsigned lo,
		      unsigned hi)
{
	unsigned shift = sp->family == FAMILY_V4 ? 16 - 16 * k : 48 - 16 * (k & 3);
	bool high = sp->family == FAMILY_V6 && k < 4;
	uint64_t *l = high ? &s->lo.hi : &s->lo.lo, *h = high ? &s->hi.hi : &s->hi.lo;

	*l = (*l & ~(UINT64_C(0xffff) << shift)) | (uint64_t)lo << shift;
	*h = (*h & ~(UINT64_C(0xffff) << shift)) | (uint64_t)hi << shift;
}

/* Grows a path by one run of its next level; share: of the size that it can reach. */
static void grow(struct boxing *b, const struct path *from, unsigned lo, unsigned hi,
		 uint32_t child, double share)
{
	const struct pset_space *sp = b->sp;
	unsigned level = from->level, k;
	struct path p = *from;

	p.f = child;
	p.level = (uint8_t)(level + 1);
	p.size *= share;
	if (digit_of_addr(sp, level, &k)) {
		set_digit(sp, &p.addr[level >= sp->level[FIELD_SRC]], k, lo, hi);
		if (rest_is_free(sp, child, level, k))
			p.level = (uint8_t)(level + sp->digits - k);
		else
			p.many = lo < hi;
	} else {
		p.port[level == sp->level[FIELD_SPORT]] =
			(struct range){ (uint16_t)lo, (uint16_t)hi };
	}
	heap_add(b, p);
}

/*
 * A run of many values above a partial digit is as many boxes of one size: the path goes on
 * with the first value, the others wait.
 */
static void split_many(struct boxing *b, struct path *p)
{
	const struct pset_space *sp = b->sp;
	bool src = p->level > sp->level[FIELD_SRC];
	unsigned k = p->level - 1u - sp->level[src ? FIELD_SRC : FIELD_DST];
	unsigned lo = addr_digit(sp, p->addr[src].lo, k),
		 hi = addr_digit(sp, p->addr[src].hi, k);
	struct path rest = *p;

	set_digit(sp, &rest.addr[src], k, lo + 1, hi);
	rest.many = lo + 1 < hi;
	heap_add(b, rest);
	set_digit(sp, &p->addr[src], k, lo, lo);
	p->many = false;
}

/* The largest box through run i of a node, up to what all of its runs share. */
static double through(struct boxing *b, const struct path *p, const struct node *nd, uint32_t i)
{
	unsigned k, lo = i ? nd->bound[i - 1] + 1u : 0;
	bool single = digit_of_addr(b->sp, p->level, &k) &&
		      !rest_is_free(b->sp, nd->child[i], p->level, k);
	double number, width = single ? 1 : nd->bound[i] + 1.0 - lo;

	return width * largest(b, p->class, nd->child[i], p->level + 1u, &number);
}

/*
 * All runs of the next level. The best of them keep the size of the path to the last bit:
 * if rounding made it less, every other path of that size would be grown before them.
 */
static void step_path(struct boxing *b, const struct path *p)
{
	double best = 0, size;
	struct node nd;

	if (node_level(b->sp, p->f) != p->level) {
		grow(b, p, 0, b->sp->top[p->level], p->f, 1);
		return;
	}
	nd = node_get(b->sp, p->f);
	for (uint32_t i = 0; i < nd.n; i++) {
		size = through(b, p, &nd, i);
		best = size > best ? size : best;
	}
	for (uint32_t i = 0; i < nd.n; i++)
		if (nd.child[i])
			grow(b, p, i ? nd.bound[i - 1] + 1u : 0, nd.bound[i], nd.child[i],
			     through(b, p, &nd, i) / best);
}

/* What stands below a protocol, seen as whole packets, later fragments, or both alike. */
static uint32_t below_proto(const struct pset_space *sp, uint32_t s, unsigned proto, int half)
{
	uint32_t whole = s, later = s;

	if (node_level(sp, s) == 0) {
		struct node nd = node_get(sp, s);

		whole = node_child(&nd, proto);
		later = node_child(&nd, proto | PSET_FRAGMENT);
	}
	if (half == HALF_BOTH)
		return whole == later ? whole : 0;
	return whole == later ? 0 : half == HALF_WHOLE ? whole : later;
}

/* Of several protocols in one box the one with most fields counts. */
static enum proto_class class_of(const struct pset_space *sp, struct range protos, int half)
{
	enum proto_class most = CLASS_NONE;

	for (unsigned x = protos.lo; x <= protos.hi && half != HALF_LATER; x++) {
		enum proto_class class = (enum proto_class)sp->class[x];

		if (class == CLASS_PORTS || class == CLASS_TCP ||
		    (class == CLASS_ICMP && most == CLASS_NONE))
			most = class;
	}
	return most;
}

static void start_paths(struct boxing *b, uint32_t s)
{
	const struct pset_space *sp = b->sp;
	double number;

	for (int half = 0; half < HALVES; half++) {
		for (unsigned x = 0; x < PSET_FRAGMENT; x++) {
			struct range any = { 0, UINT16_MAX };
			struct path p = { .level = 1,
					  .half = (uint8_t)half,
					  .pieces = 1,
					  .port = { any, any } };

			p.addr[0].hi = p.addr[1].hi = addr_max((enum family)sp->family);
			p.f = below_proto(sp, s, x, half);
			p.proto.lo = p.proto.hi = (uint16_t)x;
			if (!p.f)
				continue;
			while (x + 1 < PSET_FRAGMENT && below_proto(sp, s, x + 1, half) == p.f)
				p.proto.hi = (uint16_t)++x;
			p.class = (uint8_t)class_of(sp, p.proto, half);
			p.size = range_size(p.proto.lo, p.proto.hi) *
				 largest(b, p.class, p.f, p.level, &number);
			heap_add(b, p);
		}
	}
}

static double number_of_boxes(struct boxing *b)
{
	double sum = 0, number;

	vec_each (p, &b->heap) {
		largest(b, p->class, p->f, p->level, &number);
		sum += number;
	}
	return sum;
}

/*
 * Joining.
 */

enum dimension { DIM_DST, DIM_SRC, DIM_DPORT, DIM_SPORT, DIM_COUNT };

/* Order by everything but one dimension, then by that. */
static int joint_order(const void *x, const void *y, void *arg)
{
	enum dimension dim = *(const enum dimension *)arg;
	const struct path *a = x, *b = y;
	int c = range_compare(a->proto, b->proto);

	if (!c)
		c = (a->half > b->half) - (a->half < b->half);
	if (!c)
		c = (a->f > b->f) - (a->f < b->f);
	for (int i = 0; i < 2 && !c; i++) {
		if (dim != (i ? DIM_SRC : DIM_DST))
			c = span_compare(a->addr[i], b->addr[i]);
		if (!c && dim != (i ? DIM_SPORT : DIM_DPORT))
			c = range_compare(a->port[i], b->port[i]);
	}
	return c;
}

static int dim_order(const void *x, const void *y, void *arg)
{
	enum dimension dim = *(const enum dimension *)arg;
	const struct path *a = x, *b = y;
	int c = joint_order(x, y, arg);

	if (c)
		return c;
	if (dim == DIM_DST || dim == DIM_SRC)
		return span_compare(a->addr[dim == DIM_SRC], b->addr[dim == DIM_SRC]);
	return range_compare(a->port[dim == DIM_SPORT], b->port[dim == DIM_SPORT]);
}

/* Whether b goes on where a ends; makes a hold both. */
static bool join(struct path *a, const struct path *b, enum dimension dim)
{
	struct span *sa = &a->addr[dim == DIM_SRC];
	const struct span *sb = &b->addr[dim == DIM_SRC];
	struct range *ra = &a->port[dim == DIM_SPORT];
	const struct range *rb = &b->port[dim == DIM_SPORT];

	if (dim == DIM_DST || dim == DIM_SRC) {
		if (!addr_equal(addr_next(sa->hi), sb->lo))
			return false;
		sa->hi = sb->hi;
	} else {
		if (ra->hi + 1 != rb->lo)
			return false;
		ra->hi = rb->hi;
	}
	a->size += b->size;
	a->pieces += b->pieces;
	return true;
}

static void join_boxes(struct boxing *b)
{
	bool again = true;

	for (int round = 0; again && round < 8; round++) {
		again = false;
		for (enum dimension dim = 0; dim < DIM_COUNT; dim++) {
			struct path *v = b->told.v;
			size_t out = 0;

			qsort_r(v, b->told.n, sizeof(*v), dim_order, &dim);
			for (size_t i = 1; i < b->told.n; i++)
				if (joint_order(&v[out], &v[i], &dim) ||
				    !join(&v[out], &v[i], dim))
					v[++out] = v[i];
			again |= out + 1 < b->told.n;
			b->told.n = out + 1;
		}
	}
}

static int size_order(const void *x, const void *y)
{
	const struct path *a = x, *b = y;

	return path_before(a, b) ? -1 : path_before(b, a);
}

static struct pset_box box_of(const struct boxing *b, const struct path *p)
{
	bool tcp = p->class == CLASS_TCP, ports = tcp || p->class == CLASS_PORTS;
	struct range any = { 0, UINT16_MAX };
	struct pset_box box = { .dst = p->addr[0],
				.src = p->addr[1],
				.proto = p->proto,
				.dport = any,
				.sport = any,
				.icmp = any,
				.count = p->size };
	bool narrow = range_compare(p->port[0], any) || range_compare(p->port[1], any);

	if (ports && p->proto.lo == p->proto.hi) {
		box.has_ports = true;
		box.dport = p->port[0];
		box.sport = p->port[1];
	} else if (p->class == CLASS_ICMP && p->proto.lo == p->proto.hi) {
		box.has_icmp = true;
		box.icmp = p->port[0];
	}
	/* where ports or a type are asked for there are no later fragments to ask for */
	box.any_tail = p->f == 1 && (p->half == HALF_BOTH || (p->half == HALF_WHOLE && narrow));
	box.first_tail = p->half == HALF_WHOLE && p->f == (tcp ? b->tcp_tail : b->other_tail);
	return box;
}

static void first_tails(struct boxing *b)
{
	struct pset_assume first = { .first = true };
	uint32_t u = pset_universe(b->sp, &first).id;

	if (u == PSET_SPENT)
		return;
	b->tcp_tail = below_proto(b->sp, u, PROTO_TCP, HALF_WHOLE);
	b->other_tail = below_proto(b->sp, u, PROTO_UDP, HALF_WHOLE);
}

size_t pset_boxes(struct pset_space *sp, struct pset s, struct pset_box *ret, size_t max,
		  size_t *ret_left)
{
	struct boxing b = { .sp = sp };
	size_t want = max < 1 << 16 ? 4 * max + 2048 : SIZE_MAX, n;
	double left;

	*ret_left = 0;
	if (pset_is_spent(s) || pset_is_empty(s))
		return 0;
	first_tails(&b);
	start_paths(&b, s.id);
	left = number_of_boxes(&b);
	while (b.heap.n && b.told.n < want) {
		struct path p = heap_take(&b);

		if (p.many)
			split_many(&b, &p);
		if (p.level >= sp->level[FIELD_FLAGS])
			*vec_add(&b.told) = p;
		else
			step_path(&b, &p);
	}
	join_boxes(&b);
	qsort(b.told.v, b.told.n, sizeof(*b.told.v), size_order);
	for (n = 0; n < b.told.n && n < max; n++) {
		ret[n] = box_of(&b, &b.told.v[n]);
		left -= b.told.v[n].pieces;
	}
	*ret_left = left < 0.5 ? 0 : left > 1e18 ? SIZE_MAX : (size_t)(left + 0.5);
	if (n < b.told.n && !*ret_left)
		*ret_left = b.told.n - n;
	for (int c = 0; c < CLASS_COUNT; c++) {
		node_map_finish(&b.largest[c]);
		node_map_finish(&b.number[c]);
	}
	vec_free(&b.heap);
	vec_free(&b.told);
	return n;
}

static void print_range(struct text *t, struct range r)
{
	text_putf(t, r.lo == r.hi ? "%u" : "%u-%u", r.lo, r.hi);
}

static void print_proto(struct text *t, struct range r)
{
	const char *name = r.lo == r.hi ? proto_name(r.lo) : NULL;

	if (r.lo == 0 && r.hi == 255) {
		text_put(t, "any protocol");
	} else if (name) {
		text_put(t, name);
	} else {
		text_put(t, r.lo == r.hi ? "protocol " : "protocols ");
		print_range(t, r);
	}
}

void pset_box_print(struct text *t, enum family f, const struct pset_box *b)
{
	bool any_dport = b->dport.lo == 0 && b->dport.hi == UINT16_MAX;
	bool any_sport = b->sport.lo == 0 && b->sport.hi == UINT16_MAX;

	span_print(t, f, b->src);
	text_put(t, " -> ");
	span_print(t, f, b->dst);
	text_put(t, ", ");
	print_proto(t, b->proto);
	if (b->has_ports && !any_dport) {
		text_putc(t, ' ');
		print_range(t, b->dport);
	}
	if (b->has_ports && !any_sport) {
		text_put(t, " from port ");
		print_range(t, b->sport);
	}
	if (b->has_icmp && (b->icmp.lo || b->icmp.hi != UINT16_MAX)) {
		struct range type = { b->icmp.lo >> 8, b->icmp.hi >> 8 };

		text_put(t, " type ");
		print_range(t, type);
		if ((b->icmp.lo & 255) != 0 || (b->icmp.hi & 255) != 255) {
			struct range code = { b->icmp.lo & 255, b->icmp.hi & 255 };

			text_put(t, type.lo == type.hi ? " code " : " from/to code ");
			print_range(t, code);
		}
	}
	if (!b->any_tail && !b->first_tail)
		text_put(t, " (some flags, states or fragments)");
}
