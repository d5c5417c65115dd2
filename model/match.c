/* SPDX-License-Identifier: Apache-2.0 */
#include "model/match.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"

/*
 * Nodes are hash-consed: equal content gives the same node, so that a prefix that stands in a
 * thousand rules is one leaf and its packet set is built once.
 */
struct match_table {
	const struct match **slots;
	size_t n, n_slots;
};

void matches_init(struct matches *m, struct arena *a)
{
	m->arena = a;
	m->n = 0;
	m->table = xcalloc(1, sizeof(*m->table));
}

void matches_finish(struct matches *m)
{
	if (m->table)
		free(m->table->slots);
	free(m->table);
	m->table = NULL;
}

/* The payload that tells nodes of one kind apart. */
static size_t payload(const struct match *x, const void **ret_data)
{
	switch ((enum match_kind)x->kind) {
	case MATCH_AND:
	case MATCH_OR:
	case MATCH_NOT:
		*ret_data = x->kids;
		return x->n * sizeof(*x->kids);
	case MATCH_SPANS:
		*ret_data = x->spans;
		return x->n * sizeof(*x->spans);
	case MATCH_RANGES:
		*ret_data = x->ranges;
		return x->n * sizeof(*x->ranges);
	case MATCH_WILD:
		*ret_data = &x->wild;
		return sizeof(x->wild);
	case MATCH_FLAGS:
		*ret_data = &x->flags;
		return sizeof(x->flags);
	case MATCH_IFACE:
		*ret_data = x->iface.name;
		return strlen(x->iface.name);
	case MATCH_UNKNOWN:
		*ret_data = x->unknown.reason;
		return strlen(x->unknown.reason);
	case MATCH_ALL:
	case MATCH_NONE:
		break;
	}
	*ret_data = NULL;
	return 0;
}

static bool same_place(struct loc a, struct loc b)
{
	return a.src == b.src && a.line == b.line && a.col == b.col && a.path == b.path;
}

static bool same_node(const struct match *a, const struct match *b)
{
	const void *da, *db;
	if (a->kind != b->kind || a->field != b->field || a->family != b->family || a->n != b->n)
		return false;
	size_t la = payload(a, &da), lb = payload(b, &db);
	if (la != lb || (la && memcmp(da, db, la)))
		return false;
	if (a->kind == MATCH_IFACE)
		return a->iface.prefix == b->iface.prefix;
	return a->kind != MATCH_UNKNOWN || same_place(a->unknown.at, b->unknown.at);
}

/* Kids count by their own hashes, not by their addresses. */
static uint64_t hash_kids(const struct match *x)
{
	uint64_t v[16], h = 0;
	uint32_t n = 0;
	for (uint32_t i = 0; i < x->n; i++) {
		v[n++] = x->kids[i]->hash;
		if (n < 16 && i + 1 < x->n)
			continue;
		h = siphash(v, n * sizeof(*v));
		v[0] = h;
		n = 1;
	}
	return h;
}

static uint64_t hash_node(const struct match *x)
{
	bool kids = x->kind == MATCH_AND || x->kind == MATCH_OR || x->kind == MATCH_NOT;
	bool prefix = x->kind == MATCH_IFACE && x->iface.prefix;
	const void *data;
	size_t len = payload(x, &data);
	uint64_t head[2] = { (uint64_t)x->kind | (uint64_t)x->field << 8 |
				     (uint64_t)x->family << 16 | (uint64_t)prefix << 24 |
				     (uint64_t)x->n << 32,
			     kids ? hash_kids(x) : len ? siphash(data, len) : 0 };
	return siphash(head, sizeof(head));
}

/* Unknowns of one reason at many places say the same, but must not share a slot. */
static uint64_t hash_slot(const struct match *x)
{
	const void *data;
	if (!x->inexact)
		return x->hash;
	uint64_t v[3] = { x->hash, 0, 0 };
	if (x->kind == MATCH_UNKNOWN) {
		v[1] = (uintptr_t)x->unknown.at.src ^ (uintptr_t)x->unknown.at.path;
		v[2] = (uint64_t)x->unknown.at.line << 32 | x->unknown.at.col;
	} else {
		size_t len = payload(x, &data);
		v[1] = siphash(data, len);
	}
	return siphash(v, sizeof(v));
}

static size_t slot_of(const struct match_table *t, const struct match *x)
{
	size_t mask = t->n_slots - 1, i = hash_slot(x) & mask;
	while (t->slots[i] && !same_node(t->slots[i], x))
		i = (i + 1) & mask;
	return i;
}

/* The node with x's content: the one there is, or a copy in the arena with its own arrays. */
static const struct match *intern(struct matches *m, struct match *x)
{
	struct match_table *t = m->table;
	if (t->n * 3 >= t->n_slots * 2) {
		const struct match **old = t->slots;
		size_t n_old = t->n_slots;
		t->n_slots = n_old ? n_old * 2 : 64;
		t->slots = xcalloc(t->n_slots, sizeof(*t->slots));
		for (size_t i = 0; i < n_old; i++)
			if (old[i])
				t->slots[slot_of(t, old[i])] = old[i];
		free(old);
	}
	x->hash = hash_node(x);
	size_t slot = slot_of(t, x);
	if (t->slots[slot])
		return t->slots[slot];
	const void *data;
	size_t len = payload(x, &data);
	if (x->kind == MATCH_AND || x->kind == MATCH_OR || x->kind == MATCH_NOT)
		x->kids = arena_copy(m->arena, data, len);
	else if (x->kind == MATCH_SPANS)
		x->spans = arena_copy(m->arena, data, len);
	else if (x->kind == MATCH_RANGES)
		x->ranges = arena_copy(m->arena, data, len);
	else if (x->kind == MATCH_IFACE)
		x->iface.name = arena_str(m->arena, x->iface.name);
	else if (x->kind == MATCH_UNKNOWN)
		x->unknown.reason = arena_str(m->arena, x->unknown.reason);
	x->id = ++m->n;
	t->slots[slot] = arena_copy(m->arena, x, sizeof(*x));
	t->n++;
	return t->slots[slot];
}

const struct match *match_all(struct matches *m)
{
	return intern(m, &(struct match){ .kind = MATCH_ALL });
}

const struct match *match_none(struct matches *m)
{
	return intern(m, &(struct match){ .kind = MATCH_NONE });
}

const struct match *match_unknown(struct matches *m, struct loc at, const char *fmt, ...)
{
	struct text t = { 0 };
	va_list ap;
	va_start(ap, fmt);
	text_vputf(&t, fmt, ap);
	va_end(ap);
	struct match x = { .kind = MATCH_UNKNOWN, .inexact = true };
	x.unknown.reason = t.s ? t.s : "";
	x.unknown.at = at;
	const struct match *ret = intern(m, &x);
	text_finish(&t);
	return ret;
}

typedef const struct match *node;

struct nodes {
	node *v;
	size_t n, cap;
};

/* Adds x and, where it is of the same kind, its kids instead; false when the whole is decided. */
static bool gather(struct nodes *out, enum match_kind kind, node x)
{
	if (x->kind == (kind == MATCH_AND ? MATCH_NONE : MATCH_ALL))
		return false;
	if (x->kind == (kind == MATCH_AND ? MATCH_ALL : MATCH_NONE))
		return true;
	if (x->kind == kind) {
		for (uint32_t i = 0; i < x->n; i++)
			if (!gather(out, kind, x->kids[i]))
				return false;
		return true;
	}
	if (out->n < 16) /* repeats in long lists are left to the sets */
		for (size_t i = 0; i < out->n; i++)
			if (out->v[i] == x)
				return true;
	*vec_add(out) = x;
	return true;
}

/* Joins the leaves of an OR that speak of the same field into one leaf. */
static void join_leaves(struct matches *m, struct nodes *v)
{
	for (size_t i = 0; i < v->n; i++) {
		node first = v->v[i];
		if (first->kind != MATCH_SPANS && first->kind != MATCH_RANGES)
			continue;
		VEC(struct span) spans = { 0 };
		VEC(struct range) ranges = { 0 };
		size_t out = i + 1, joined = 1;
		for (size_t k = i; k < v->n; k++) {
			node x = v->v[k];
			bool same = x->kind == first->kind && x->field == first->field &&
				    x->family == first->family;
			if (!same) {
				if (k > i)
					v->v[out++] = x;
				continue;
			}
			joined += k > i;
			for (uint32_t j = 0; j < x->n; j++)
				if (x->kind == MATCH_SPANS)
					*vec_add(&spans) = x->spans[j];
				else
					*vec_add(&ranges) = x->ranges[j];
		}
		if (joined > 1) {
			v->n = out;
			v->v[i] = first->kind == MATCH_SPANS
					  ? match_spans(m, first->field, first->family, spans.v,
							spans.n)
					  : match_ranges(m, first->field, ranges.v, ranges.n);
		}
		vec_free(&spans);
		vec_free(&ranges);
	}
}

static uint32_t add_weight(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - 1 - b ? UINT32_MAX : a + b + 1;
}

static node combine(struct matches *m, enum match_kind kind, const node *v, size_t n)
{
	struct nodes kids = { 0 };
	bool open = true;
	for (size_t i = 0; i < n && open; i++)
		open = gather(&kids, kind, v[i]);
	node ret;
	if (open && kind == MATCH_OR) {
		join_leaves(m, &kids);
		for (size_t i = 0; i < kids.n && open; i++)
			open = kids.v[i]->kind != MATCH_ALL;
	}
	if (!open) {
		ret = kind == MATCH_AND ? match_none(m) : match_all(m);
	} else if (!kids.n) {
		ret = kind == MATCH_AND ? match_all(m) : match_none(m);
	} else if (kids.n == 1) {
		ret = kids.v[0];
	} else {
		struct match x = { .kind = (uint8_t)kind, .n = (uint32_t)kids.n };
		x.kids = kids.v;
		for (size_t i = 0; i < kids.n; i++)
			x.weight = add_weight(x.weight, kids.v[i]->weight),
				x.inexact |= kids.v[i]->inexact, x.placed |= kids.v[i]->placed,
				x.linked |= kids.v[i]->linked;
		ret = intern(m, &x);
	}
	vec_free(&kids);
	return ret;
}

node match_and(struct matches *m, node a, node b)
{
	return combine(m, MATCH_AND, (node[]){ a, b }, 2);
}

node match_or(struct matches *m, node a, node b)
{
	return combine(m, MATCH_OR, (node[]){ a, b }, 2);
}

node match_and_n(struct matches *m, const node *v, size_t n)
{
	return combine(m, MATCH_AND, v, n);
}

node match_or_n(struct matches *m, const node *v, size_t n)
{
	return combine(m, MATCH_OR, v, n);
}

node match_not(struct matches *m, node a)
{
	switch ((enum match_kind)a->kind) {
	case MATCH_ALL:
		return match_none(m);
	case MATCH_NONE:
		return match_all(m);
	case MATCH_NOT:
		return a->kids[0];
	case MATCH_UNKNOWN:
		return a; /* not known either way */
	default:
		break;
	}
	struct match x = {
		.kind = MATCH_NOT, .n = 1, .inexact = a->inexact, .placed = a->placed,
		.linked = a->linked,
		.weight = add_weight(a->weight, 0)
	};
	x.kids = &a;
	return intern(m, &x);
}

node match_spans(struct matches *m, enum field field, enum family family, const struct span *v,
		 size_t n)
{
	if (!n)
		return match_none(m);
	struct span *copy = xreallocarray(NULL, n, sizeof(*copy));
	memcpy(copy, v, n * sizeof(*copy));
	struct match x = { .kind = MATCH_SPANS,
			   .field = (uint8_t)field,
			   .family = (uint8_t)family,
			   .n = (uint32_t)spans_normalise(copy, n) };
	x.spans = copy;
	node ret = intern(m, &x);
	free(copy);
	return ret;
}

node match_prefix(struct matches *m, enum field field, enum family family, struct addr a,
		  unsigned len)
{
	struct span s = span_prefix(family, a, len);
	return match_spans(m, field, family, &s, 1);
}

node match_wild(struct matches *m, enum field field, enum family family, struct addr value,
		struct addr mask)
{
	int len = addr_mask_len(family, mask);
	if (len >= 0)
		return match_prefix(m, field, family, value, (unsigned)len);
	struct match x = { .kind = MATCH_WILD,
			   .field = (uint8_t)field,
			   .family = (uint8_t)family };
	x.wild.value = addr_and(value, mask);
	x.wild.mask = mask;
	return intern(m, &x);
}

static int range_order(const void *x, const void *y)
{
	const struct range *a = x, *b = y;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->hi < b->hi ? -1 : a->hi > b->hi;
}

static unsigned field_max(enum field field)
{
	switch (field) {
	case FIELD_FAMILY:
	case FIELD_FRAGMENT:
		return 1;
	case FIELD_STATE:
		return STATE_COUNT - 1;
	case FIELD_PROTO:
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		return 255;
	default:
		return 65535;
	}
}

node match_ranges(struct matches *m, enum field field, const struct range *v, size_t n)
{
	unsigned max = field_max(field);
	struct range *copy = xreallocarray(NULL, n, sizeof(*copy));
	size_t in = 0, out = 0;
	for (size_t i = 0; i < n; i++)
		if (v[i].lo <= max && v[i].lo <= v[i].hi)
			copy[in++] = (struct range){ v[i].lo, v[i].hi > max ? (uint16_t)max
									    : v[i].hi };
	qsort(copy, in, sizeof(*copy), range_order);
	for (size_t i = 0; i < in; i++) {
		if (out && copy[i].lo <= (unsigned)copy[out - 1].hi + 1) {
			if (copy[i].hi > copy[out - 1].hi)
				copy[out - 1].hi = copy[i].hi;
		} else {
			copy[out++] = copy[i];
		}
	}
	bool whole = out == 1 && !copy[0].lo && copy[0].hi == max;
	bool always = field == FIELD_FAMILY || field == FIELD_PROTO || field == FIELD_STATE ||
		      field == FIELD_FRAGMENT;
	node ret;
	if (!out) {
		ret = match_none(m);
	} else if (whole && always) {
		ret = match_all(m);
	} else {
		struct match x = { .kind = MATCH_RANGES,
				   .field = (uint8_t)field,
				   .n = (uint32_t)out };
		x.ranges = copy;
		ret = intern(m, &x);
	}
	free(copy);
	return ret;
}

node match_range(struct matches *m, enum field field, unsigned lo, unsigned hi)
{
	if (lo > hi || lo > 65535)
		return match_none(m);
	struct range r = { (uint16_t)lo, hi > 65535 ? 65535 : (uint16_t)hi };
	return match_ranges(m, field, &r, 1);
}

node match_value(struct matches *m, enum field field, unsigned value)
{
	return match_range(m, field, value, value);
}

node match_family(struct matches *m, enum family f)
{
	return match_value(m, FIELD_FAMILY, f);
}

node match_flags(struct matches *m, unsigned value, unsigned mask)
{
	if (value & ~mask)
		return match_none(m);
	struct match x = { .kind = MATCH_FLAGS, .field = FIELD_FLAGS };
	x.flags.value = (uint8_t)value;
	x.flags.mask = (uint8_t)mask;
	return intern(m, &x);
}

node match_iface(struct matches *m, enum field field, const char *name, bool prefix)
{
	if (prefix && !*name)
		return match_all(m);
	bool linked = field != FIELD_IIF && field != FIELD_OIF;
	struct match x = { .kind = MATCH_IFACE, .field = (uint8_t)field, .placed = !linked,
			   .linked = linked };
	x.iface.name = name;
	x.iface.prefix = prefix;
	return intern(m, &x);
}

static enum field swap_field(enum field f)
{
	switch (f) {
	case FIELD_SRC:
		return FIELD_DST;
	case FIELD_DST:
		return FIELD_SRC;
	case FIELD_SPORT:
		return FIELD_DPORT;
	case FIELD_DPORT:
		return FIELD_SPORT;
	case FIELD_IIF:
		return FIELD_OIF;
	case FIELD_OIF:
		return FIELD_IIF;
	case FIELD_PHYSIN:
		return FIELD_PHYSOUT;
	case FIELD_PHYSOUT:
		return FIELD_PHYSIN;
	default:
		return f;
	}
}

node match_swap(struct matches *m, node a)
{
	struct match x = *a;
	if (a->kind == MATCH_NOT)
		return match_not(m, match_swap(m, a->kids[0]));
	if (a->kind == MATCH_AND || a->kind == MATCH_OR) {
		struct nodes kids = { 0 };
		for (uint32_t i = 0; i < a->n; i++)
			*vec_add(&kids) = match_swap(m, a->kids[i]);
		node ret = combine(m, a->kind, kids.v, kids.n);
		vec_free(&kids);
		return ret;
	}
	x.field = (uint8_t)swap_field(a->field);
	return x.field == a->field ? a : intern(m, &x);
}
