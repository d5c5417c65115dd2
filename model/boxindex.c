/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of bounding cells, cut at the median of that axis on which the boxes are best told
 * apart (the width of all of them against their own widths added up). Wide boxes would blow
 * up every node that they are in, so boxes are first sorted into classes by how wide their
 * source and their destination are, and each class has a tree of its own.
 */
#include "model/boxindex.h"

#include <stdlib.h>
#include <string.h>

enum { LEAF = 8, CLASSES = 2, FLAG_CLASSES = 32, SAMPLE = 20 };

struct node {
	struct cell around; /* kinds: of all inside */
	uint32_t first, n;  /* cells, of a leaf */
	uint32_t right;	    /* node; 0: a leaf. The left one is the next. */
};

struct addr_axis {
	struct addr *cut; /* where pieces begin, the first one 0 */
	size_t n;
};

struct port_axis {
	uint16_t *piece; /* of every port */
	uint16_t *cut;
	size_t n;
};

struct box_index {
	enum family family;
	const struct box_names *names;
	struct addr_axis addr[2]; /* AXIS_DST, AXIS_SRC */
	struct port_axis port[2]; /* AXIS_DPORT, AXIS_SPORT */
	uint8_t flag_class[256];
	uint8_t flag_example[FLAG_CLASSES];
	unsigned n_flags;
	struct cell *cells;
	size_t n;
	VEC(struct node) nodes;
	uint32_t roots[CLASSES * CLASSES];
	unsigned n_roots;
};

/* Axes */

static int addr_order(const void *x, const void *y)
{
	const struct addr *a = x, *b = y;
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

static void add_span(struct addr_axis *x, const struct span *s, struct addr max)
{
	x->cut[x->n++] = s->lo;
	if (!addr_equal(s->hi, max))
		x->cut[x->n++] = addr_next(s->hi);
}

static void make_addr_axis(struct addr_axis *x, enum family f, const struct box *box, size_t n,
			   bool src)
{
	struct addr max = addr_max(f);
	x->cut = xreallocarray(NULL, 2 * n + 1, sizeof(*x->cut));
	x->n = 0;
	x->cut[x->n++] = (struct addr){ 0, 0 };
	for (size_t i = 0; i < n; i++)
		add_span(x, src ? &box[i].src : &box[i].dst, max);
	qsort(x->cut, x->n, sizeof(*x->cut), addr_order);
	size_t out = 1;
	for (size_t i = 1; i < x->n; i++)
		if (!addr_equal(x->cut[i], x->cut[out - 1]))
			x->cut[out++] = x->cut[i];
	x->n = out;
}

/* The piece that the address lies in. */
static int32_t addr_piece(const struct addr_axis *x, struct addr a)
{
	size_t lo = 0, hi = x->n;
	while (hi - lo > 1) {
		size_t mid = (lo + hi) / 2;
		if (addr_order(&x->cut[mid], &a) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	return (int32_t)lo;
}

static void make_port_axis(struct port_axis *x, const struct box *box, size_t n, bool src)
{
	bool *begins = xcalloc(UINT16_MAX + 2, sizeof(*begins));
	begins[0] = true;
	for (size_t i = 0; i < n; i++) {
		const struct range *r = src ? &box[i].sport : &box[i].dport;
		begins[r->lo] = begins[r->hi + 1] = true;
	}
	x->piece = xcalloc(UINT16_MAX + 1, sizeof(*x->piece));
	x->cut = xcalloc(UINT16_MAX + 1, sizeof(*x->cut));
	x->n = 0;
	for (unsigned p = 0; p <= UINT16_MAX; p++) {
		if (begins[p])
			x->cut[x->n++] = (uint16_t)p;
		x->piece[p] = (uint16_t)(x->n - 1);
	}
	free(begins);
}

/* Splits the classes of flag values by one more set, as long as there is room. */
static void split_flags(struct box_index *ix, const uint64_t *set)
{
	unsigned with[FLAG_CLASSES] = { 0 }, without[FLAG_CLASSES] = { 0 }, more = 0;
	uint8_t other[FLAG_CLASSES];
	if ((set[0] & set[1] & set[2] & set[3]) == UINT64_MAX)
		return;
	for (unsigned v = 0; v < 256; v++)
		(set[v / 64] >> v % 64 & 1 ? with : without)[ix->flag_class[v]]++;
	for (unsigned c = 0; c < ix->n_flags; c++)
		more += with[c] && without[c];
	if (!more || ix->n_flags + more > FLAG_CLASSES)
		return;
	for (unsigned c = 0, n = ix->n_flags; c < n; c++)
		other[c] = (uint8_t)(with[c] && without[c] ? ix->n_flags++ : c);
	for (unsigned v = 0; v < 256; v++)
		if (set[v / 64] >> v % 64 & 1)
			ix->flag_class[v] = other[ix->flag_class[v]];
}

static uint32_t flag_classes(const struct box_index *ix, const uint64_t *set, bool *ret_blurs)
{
	uint32_t in = 0, out = 0;
	if ((set[0] & set[1] & set[2] & set[3]) == UINT64_MAX) {
		*ret_blurs = false;
		return ix->n_flags == 32 ? UINT32_MAX : (1u << ix->n_flags) - 1;
	}
	for (unsigned v = 0; v < 256; v++)
		*(set[v / 64] >> v % 64 & 1 ? &in : &out) |= 1u << ix->flag_class[v];
	*ret_blurs = in & out;
	return in;
}

static void set_span(struct cell *c, int axis, const struct addr_axis *x, const struct span *s)
{
	c->lo[axis] = addr_piece(x, s->lo);
	c->hi[axis] = addr_piece(x, s->hi);
}

static void set_range(struct cell *c, int axis, struct range r)
{
	c->lo[axis] = r.lo;
	c->hi[axis] = r.hi;
}

struct cell box_index_cell(const struct box_index *ix, const struct box *b)
{
	struct cell c = { 0 };
	bool blurs;
	set_span(&c, AXIS_DST, &ix->addr[AXIS_DST], &b->dst);
	set_span(&c, AXIS_SRC, &ix->addr[AXIS_SRC], &b->src);
	c.lo[AXIS_DPORT] = ix->port[0].piece[b->dport.lo];
	c.hi[AXIS_DPORT] = ix->port[0].piece[b->dport.hi];
	c.lo[AXIS_SPORT] = ix->port[1].piece[b->sport.lo];
	c.hi[AXIS_SPORT] = ix->port[1].piece[b->sport.hi];
	set_range(&c, AXIS_PROTO, b->proto);
	set_range(&c, AXIS_IIF, b->iif);
	set_range(&c, AXIS_OIF, b->oif);
	c.hi[AXIS_RULE] = INT32_MAX;
	c.flags = flag_classes(ix, b->flags, &blurs);
	c.tail = (uint8_t)(b->state | b->frag << STATE_COUNT);
	c.kinds = UINT8_MAX;
	return c;
}

bool box_index_blurs(const struct box_index *ix, const struct box *b)
{
	bool blurs;
	flag_classes(ix, b->flags, &blurs);
	return blurs;
}

struct cell box_index_point(const struct box_index *ix, const struct packet *p)
{
	unsigned x = p->sport, y = p->dport;
	struct box b = { .src = { p->src, p->src }, .dst = { p->dst, p->dst } };
	b.proto.lo = b.proto.hi = (uint16_t)box_proto_rank(p->proto);
	if (packet_has_icmp(p)) {
		x = p->icmp_type == 255 ? UINT16_MAX : p->icmp_type;
		y = p->icmp_code == 255 ? UINT16_MAX : p->icmp_code;
	}
	b.sport.lo = b.sport.hi = (uint16_t)x;
	b.dport.lo = b.dport.hi = (uint16_t)y;
	b.iif.lo = b.iif.hi = p->iif ? (uint16_t)box_names_rank(ix->names, p->iif) : 0;
	b.oif.lo = b.oif.hi = p->oif ? (uint16_t)box_names_rank(ix->names, p->oif) : 0;
	b.state = (uint8_t)(1u << p->state);
	b.frag = (uint8_t)(1u << p->fragment);
	b.flags[p->flags / 64] = 1ull << p->flags % 64;
	struct cell c = box_index_cell(ix, &b);
	c.flags = 1u << ix->flag_class[p->flags];
	return c;
}

struct box box_index_box(const struct box_index *ix, const struct cell *c)
{
	struct addr max = addr_max(ix->family);
	struct box b = box_all(ix->family, ix->names);
	struct span *s[] = { &b.dst, &b.src };
	struct range *r[] = { &b.dport, &b.sport };
	for (int i = 0; i < 2; i++) {
		const struct addr_axis *x = &ix->addr[i];
		size_t end = (size_t)c->hi[i] + 1;
		s[i]->lo = x->cut[c->lo[i]];
		s[i]->hi = end < x->n ? addr_prev(x->cut[end]) : max;
	}
	for (int i = 0; i < 2; i++) {
		const struct port_axis *x = &ix->port[i];
		size_t end = (size_t)c->hi[AXIS_DPORT + i] + 1;
		r[i]->lo = x->cut[c->lo[AXIS_DPORT + i]];
		r[i]->hi = end < x->n ? (uint16_t)(x->cut[end] - 1) : UINT16_MAX;
	}
	b.proto = (struct range){ (uint16_t)c->lo[AXIS_PROTO], (uint16_t)c->hi[AXIS_PROTO] };
	b.iif = (struct range){ (uint16_t)c->lo[AXIS_IIF], (uint16_t)c->hi[AXIS_IIF] };
	b.oif = (struct range){ (uint16_t)c->lo[AXIS_OIF], (uint16_t)c->hi[AXIS_OIF] };
	b.state = c->tail & 0x1f;
	b.frag = c->tail >> STATE_COUNT & 3;
	for (unsigned v = 0; v < 256 && ix->n_flags > 1; v++)
		if (!(c->flags >> ix->flag_class[v] & 1))
			b.flags[v / 64] &= ~(1ull << v % 64);
	return b;
}

bool cell_clip(struct cell *a, const struct cell *b)
{
	if (!cell_meets(a, b))
		return false;
	for (int d = 0; d < AXIS_COUNT; d++) {
		a->lo[d] = a->lo[d] > b->lo[d] ? a->lo[d] : b->lo[d];
		a->hi[d] = a->hi[d] < b->hi[d] ? a->hi[d] : b->hi[d];
	}
	a->flags &= b->flags;
	a->tail &= b->tail;
	return true;
}

static uint32_t random_bit(uint64_t random, uint32_t set)
{
	unsigned i = random & 31;
	while (!(set >> i & 1))
		i = (i + 1) & 31;
	return 1u << i;
}

struct cell box_index_draw(const struct cell *c, uint64_t *random)
{
	struct cell p = *c;
	for (int d = 0; d < AXIS_RULE; d++) {
		uint32_t width = (uint32_t)(c->hi[d] - c->lo[d]);
		if (width)
			p.lo[d] +=
				(int32_t)(((box_random(random) >> 32) * (width + 1ull)) >> 32);
		p.hi[d] = p.lo[d];
	}
	uint64_t x = box_random(random);
	p.flags = random_bit(x, c->flags);
	p.tail = (uint8_t)(random_bit(x >> 8, c->tail & 0x1f) |
			   random_bit(x >> 16, c->tail & 0x60));
	return p;
}

struct packet box_index_packet(const struct box_index *ix, const struct cell *point,
			       uint64_t *random, char *iif, char *oif)
{
	struct box b = box_index_box(ix, point);
	return box_packet(&b, ix->family, ix->names, random, iif, oif);
}

/* Trees */

static void cell_join(struct cell *a, const struct cell *b)
{
	for (int d = 0; d < AXIS_COUNT; d++) {
		a->lo[d] = a->lo[d] < b->lo[d] ? a->lo[d] : b->lo[d];
		a->hi[d] = a->hi[d] > b->hi[d] ? a->hi[d] : b->hi[d];
	}
	a->flags |= b->flags;
	a->tail |= b->tail;
	a->kinds |= b->kinds;
}

/* Puts the n/2 cells with the smaller middle on the axis first (quickselect). */
static void halve(struct cell *v, size_t n, int axis)
{
	size_t lo = 0, hi = n - 1, k = n / 2;
	while (lo < hi) {
		struct cell *m = &v[(lo + hi) / 2];
		int64_t pivot = (int64_t)m->lo[axis] + m->hi[axis];
		size_t i = lo, j = hi;
		while (i <= j) {
			while ((int64_t)v[i].lo[axis] + v[i].hi[axis] < pivot)
				i++;
			while ((int64_t)v[j].lo[axis] + v[j].hi[axis] > pivot)
				j--;
			if (i > j)
				break;
			struct cell t = v[i];
			v[i++] = v[j];
			v[j] = t;
			if (!j)
				break;
			j--;
		}
		if (k <= j)
			hi = j;
		else if (k >= i)
			lo = i;
		else
			break;
	}
}

static int64_t middle(const struct cell *c, int axis)
{
	return (int64_t)c->lo[axis] + c->hi[axis];
}

static int middle_order(const void *x, const void *y)
{
	const int64_t *a = x, *b = y;
	return *a < *b ? -1 : *a > *b;
}

/*
 * How many of the points, which are drawn like packets are asked for, would lead into both
 * halves of the cells, or all of them where there are no halves.
 */
static size_t led_astray(const struct cell *v, size_t n, int axis, const struct cell *points,
			 size_t n_points)
{
	int64_t mid[SAMPLE];
	int32_t left_hi = -1, right_lo = INT32_MAX;
	size_t astray = 0, n_left = 0;
	for (size_t i = 0; i < n_points; i++)
		mid[i] = middle(&v[i * (n / n_points)], axis);
	qsort(mid, n_points, sizeof(*mid), middle_order);
	int64_t pivot = mid[n_points / 2];
	for (size_t i = 0; i < n; i++) {
		if (middle(&v[i], axis) < pivot) {
			n_left++;
			left_hi = v[i].hi[axis] > left_hi ? v[i].hi[axis] : left_hi;
		} else {
			right_lo = v[i].lo[axis] < right_lo ? v[i].lo[axis] : right_lo;
		}
	}
	/* a cut that leaves little on one side brings little */
	if (n_left < n / 8 || n - n_left < n / 8)
		return n_points;
	for (size_t i = 0; i < n_points; i++)
		astray += points[i].lo[axis] <= left_hi && points[i].lo[axis] >= right_lo;
	return astray;
}

/* The axis on which the cells are best told apart; -1: on none. */
static int best_axis(const struct cell *v, size_t n, const struct cell *around)
{
	struct cell points[SAMPLE];
	size_t n_points = n < SAMPLE ? n : SAMPLE, least = n_points - n_points / 16;
	uint64_t random = n;
	int axis = -1;
	for (size_t i = 0; i < n_points; i++)
		points[i] = box_index_draw(&v[i * (n / n_points)], &random);
	for (int d = 0; d < AXIS_RULE; d++) {
		if (around->lo[d] == around->hi[d])
			continue;
		size_t astray = led_astray(v, n, d, points, n_points);
		if (astray < least) {
			least = astray;
			axis = d;
		}
	}
	return axis;
}

static uint32_t build(struct box_index *ix, size_t first, size_t n)
{
	struct cell *v = ix->cells + first;
	uint32_t at = (uint32_t)ix->nodes.n;
	struct node *node = vec_add(&ix->nodes);
	node->around = v[0];
	for (size_t i = 1; i < n; i++)
		cell_join(&node->around, &v[i]);
	node->first = (uint32_t)first;
	node->n = (uint32_t)n;
	if (n <= LEAF)
		return at;
	struct cell around = node->around;
	int axis = best_axis(v, n, &around);
	halve(v, n, axis < 0 ? AXIS_RULE : axis);
	build(ix, first, n / 2);
	uint32_t right = build(ix, first + n / 2, n - n / 2);
	ix->nodes.v[at].right = right;
	return at;
}

static unsigned width_class(const struct cell *c, int axis, size_t pieces)
{
	size_t width = (size_t)(c->hi[axis] - c->lo[axis]) + 1;
	return width * 8 > pieces;
}

struct box_index *box_index_create(enum family f, const struct box_names *names,
				   const struct box *box, const uint32_t *rule,
				   const uint8_t *kinds, unsigned blurred, size_t n,
				   struct cell *ret_cells)
{
	struct box_index *ix = xcalloc(1, sizeof(*ix));
	size_t count[CLASSES * CLASSES + 1] = { 0 };
	ix->family = f;
	ix->names = names;
	ix->n = n;
	ix->n_flags = 1;
	make_addr_axis(&ix->addr[AXIS_DST], f, box, n, false);
	make_addr_axis(&ix->addr[AXIS_SRC], f, box, n, true);
	make_port_axis(&ix->port[0], box, n, false);
	make_port_axis(&ix->port[1], box, n, true);
	for (size_t i = 0; i < n; i++)
		split_flags(ix, box[i].flags);
	struct cell *cells = xreallocarray(NULL, n + 1, sizeof(*cells));
	uint8_t *class = xmalloc(n + 1);
	for (size_t i = 0; i < n; i++) {
		cells[i] = box_index_cell(ix, &box[i]);
		if (ret_cells)
			ret_cells[i] = cells[i];
		cells[i].lo[AXIS_RULE] = cells[i].hi[AXIS_RULE] = (int32_t)rule[i];
		cells[i].kinds = kinds[i];
		if (box_index_blurs(ix, &box[i]))
			cells[i].kinds |= (uint8_t)blurred;
		class[i] = (uint8_t)(width_class(&cells[i], AXIS_DST, ix->addr[0].n) * CLASSES +
				     width_class(&cells[i], AXIS_SRC, ix->addr[1].n));
		count[class[i] + 1]++;
	}
	for (unsigned c = 0; c < CLASSES * CLASSES; c++)
		count[c + 1] += count[c];
	ix->cells = xreallocarray(NULL, n + 1, sizeof(*ix->cells));
	for (size_t i = 0; i < n; i++)
		ix->cells[count[class[i]]++] = cells[i];
	free(class);
	free(cells);
	/* count[c] is now where class c ends */
	for (size_t c = 0, first = 0; c < CLASSES * CLASSES; first = count[c++])
		if (count[c] > first)
			ix->roots[ix->n_roots++] = build(ix, first, count[c] - first);
	return ix;
}

void box_index_destroy(struct box_index *ix)
{
	if (!ix)
		return;
	for (int i = 0; i < 2; i++) {
		free(ix->addr[i].cut);
		free(ix->port[i].piece);
		free(ix->port[i].cut);
	}
	vec_free(&ix->nodes);
	free(ix->cells);
	free(ix);
}

bool box_index_each(const struct box_index *ix, struct cell *q,
		    bool (*visit)(void *user, struct cell *q, const struct cell *c), void *user)
{
	uint32_t stack[64 + CLASSES * CLASSES]; /* halves: at most 32 deep */
	unsigned n = 0;
	for (unsigned i = 0; i < ix->n_roots; i++)
		stack[n++] = ix->roots[i];
	while (n) {
		uint32_t at = stack[--n];
		const struct node *x = &ix->nodes.v[at];
		if (!(x->around.kinds & q->kinds) || !cell_meets(&x->around, q))
			continue;
		if (x->right) {
			const struct node *l = x + 1, *r = &ix->nodes.v[x->right];
			bool swap = l->around.lo[AXIS_RULE] > r->around.lo[AXIS_RULE];
			stack[n++] = swap ? at + 1 : x->right;
			stack[n++] = swap ? x->right : at + 1;
			continue;
		}
		for (uint32_t i = x->first; i < x->first + x->n; i++) {
			const struct cell *c = &ix->cells[i];
			if ((c->kinds & q->kinds) && cell_meets(c, q) && visit(user, q, c))
				return true;
		}
	}
	return false;
}
