/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fib.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

/* As deep as routes may lead to a next hop that other routes have to find. */
enum { RECURSION_MAX = 8 };

struct entry {
	struct span span;
	uint32_t metric;
	struct fib_hop hop;
};

struct entries {
	VEC(struct entry) v;
};

static const char *name_of(const char *table)
{
	return table ? table : "";
}

static bool in_table(const char *segment, const char *table)
{
	return !strcmp(name_of(segment), table);
}

/* The port of the table's segment whose network holds the address, or NULL. */
static const struct port *connected_to(const struct device *d, const char *table,
				       enum family f, struct addr a)
{
	const struct port *best = NULL;
	int len = -1;
	for (size_t i = 0; i < d->n_ports; i++) {
		const struct port *p = &d->ports[i];
		if (!p->up || !in_table(p->segment, table))
			continue;
		for (size_t k = 0; k < p->n_prefixes; k++) {
			const struct prefix *x = &p->prefixes[k];
			if (x->family == f && x->len > len &&
			    span_has(span_prefix(f, x->addr, x->len), a))
				best = p, len = x->len;
		}
	}
	return best;
}

/* The route of the table that holds the address best, other than `not`; or NULL. */
static const struct route *route_to(const struct device *d, const char *table, enum family f,
				    struct addr a, const struct route *not)
{
	const struct route *best = NULL;
	for (size_t i = 0; i < d->n_routes; i++) {
		const struct route *r = &d->routes[i];
		if (r == not || r->dst.family != f || !in_table(r->segment, table) ||
		    !span_has(span_prefix(f, r->dst.addr, r->dst.len), a))
			continue;
		if (!best || r->dst.len > best->dst.len ||
		    (r->dst.len == best->dst.len && r->metric < best->metric))
			best = r;
	}
	return best;
}

/* Where a route's next hop is: by its port, by a connected network, or by other routes. */
static void resolve(const struct device *d, const char *table, const struct route *r,
		    struct fib_hop *hop)
{
	const struct route *at = r;
	const char *in = r->into ? r->into : table;
	for (int depth = 0; depth < RECURSION_MAX; depth++) {
		hop->odd = hop->odd ? hop->odd : at->odd;
		if (at->drop || at->local) {
			if (at != r && !hop->odd)
				hop->odd = at->drop ? "its next hop is led to by a route that drops"
						    : "its next hop is the device itself";
			return;
		}
		if (at->port) {
			hop->port = device_port(d, at->port);
			if (!hop->port)
				hop->odd = "its port is not among those that were read";
			return;
		}
		if (!at->has_via) {
			hop->odd = hop->odd ? hop->odd : "it tells neither port nor next hop";
			return;
		}
		enum family f = (enum family)r->dst.family;
		hop->via = at->via, hop->has_via = true;
		hop->port = connected_to(d, in, f, at->via);
		if (hop->port)
			return;
		at = route_to(d, in, f, at->via, at);
		if (!at || at == r)
			break;
		if (at->port && !at->has_via) { /* the next hop is on that port's link */
			hop->odd = hop->odd ? hop->odd : at->odd;
			hop->port = device_port(d, at->port);
			if (hop->port)
				return;
		}
	}
	hop->odd = hop->odd ? hop->odd : "its next hop is on no network that the device is on";
}

static void add_entries(const struct device *d, const char *table, int suppress, enum family f,
			struct entries *out)
{
	for (size_t i = 0; d->connected && i < d->n_ports; i++) {
		const struct port *p = &d->ports[i];
		if (!p->up || !in_table(p->segment, table))
			continue;
		for (size_t k = 0; k < p->n_prefixes; k++) {
			const struct prefix *x = &p->prefixes[k];
			if (x->family != f || (int)x->len <= suppress)
				continue;
			*vec_add(&out->v) = (struct entry){
				.span = span_prefix(f, x->addr, x->len),
				.hop = { .dst = *x, .port = p },
			};
		}
	}
	for (size_t i = 0; i < d->n_routes; i++) {
		const struct route *r = &d->routes[i];
		if (r->dst.family != f || !in_table(r->segment, table) ||
		    (int)r->dst.len <= suppress)
			continue;
		struct fib_hop hop = { .dst = r->dst, .route = r, .via = r->via,
				       .has_via = r->has_via };
		resolve(d, table, r, &hop);
		/* a route by a port that is down isn't in force */
		if (hop.port && !hop.port->up)
			continue;
		*vec_add(&out->v) = (struct entry){
			.span = span_prefix(f, r->dst.addr, r->dst.len),
			.metric = r->metric,
			.hop = hop,
		};
	}
}

/* Wider ones first where they begin together, then by metric, then as written. */
static int entry_order(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int c = addr_compare(a->span.lo, b->span.lo);
	c = c ? c : addr_compare(b->span.hi, a->span.hi);
	if (c)
		return c;
	if (a->metric != b->metric)
		return a->metric < b->metric ? -1 : 1;
	if (!a->hop.route || !b->hop.route)
		return (a->hop.route != NULL) - (b->hop.route != NULL);
	return a->hop.route < b->hop.route ? -1 : a->hop.route > b->hop.route;
}

static bool same_hop(const struct fib_hop *a, const struct fib_hop *b)
{
	return a->port == b->port && a->has_via == b->has_via &&
	       (!a->has_via || addr_equal(a->via, b->via)) && !a->odd == !b->odd &&
	       !(a->route && a->route->drop) == !(b->route && b->route->drop) &&
	       !(a->route && a->route->local) == !(b->route && b->route->local);
}

struct layer {
	struct span span;
	const struct fib_hop *hops;
	size_t n;
};

/* One layer for each prefix: its best routes. */
static size_t make_layers(struct arena *a, const struct entries *es, struct layer *out)
{
	size_t n = 0;
	for (size_t i = 0; i < es->v.n;) {
		const struct entry *e = &es->v.v[i];
		size_t end = i;
		while (end < es->v.n && addr_equal(es->v.v[end].span.lo, e->span.lo) &&
		       addr_equal(es->v.v[end].span.hi, e->span.hi))
			end++;
		struct fib_hop *hops = arena_array(a, end - i, sizeof(*hops));
		size_t k = 0;
		for (size_t j = i; j < end && es->v.v[j].metric == e->metric; j++) {
			bool old = false;
			for (size_t m = 0; m < k && !old; m++)
				old = same_hop(&hops[m], &es->v.v[j].hop);
			if (!old)
				hops[k++] = es->v.v[j].hop;
		}
		out[n++] = (struct layer){ e->span, hops, k };
		i = end;
	}
	return n;
}

struct pieces {
	VEC(struct fib_piece) v;
};

static void put_piece(struct pieces *out, struct addr lo, struct addr hi, const struct layer *l)
{
	*vec_add(&out->v) =
		(struct fib_piece){ { lo, hi }, l ? l->hops : NULL, l ? l->n : 0 };
}

/* Prefixes are nested or apart: one sweep with a stack of those that are open. */
static void sweep(enum family f, const struct layer *v, size_t n, struct pieces *out)
{
	VEC(const struct layer *) open = { 0 };
	struct addr at = { 0, 0 };
	bool over = false;
	for (size_t i = 0; i <= n; i++) {
		while (open.n && (i == n || addr_compare(open.v[open.n - 1]->span.hi,
							 v[i].span.lo) < 0)) {
			const struct layer *top = open.v[--open.n];
			if (!over && addr_compare(at, top->span.hi) <= 0) {
				put_piece(out, at, top->span.hi, top);
				over = addr_equal(top->span.hi, addr_max(f));
				at = addr_next(top->span.hi);
			}
		}
		if (i == n)
			break;
		if (!over && addr_compare(at, v[i].span.lo) < 0) {
			put_piece(out, at, addr_prev(v[i].span.lo),
				  open.n ? open.v[open.n - 1] : NULL);
			at = v[i].span.lo;
		}
		*vec_add(&open) = &v[i];
	}
	if (!over)
		put_piece(out, at, addr_max(f), NULL);
	vec_free(&open);
}

static struct fib build(struct arena *a, const struct device *d, const char *table,
			int suppress)
{
	struct fib t = { .table = table, .suppress = suppress };
	for (int f = 0; f < FAMILY_COUNT; f++) {
		struct entries es = { { 0 } };
		struct pieces out = { { 0 } };
		add_entries(d, table, suppress, (enum family)f, &es);
		if (es.v.n)
			qsort(es.v.v, es.v.n, sizeof(*es.v.v), entry_order);
		struct layer *layers = arena_array(a, es.v.n, sizeof(*layers));
		size_t n = make_layers(a, &es, layers);
		sweep((enum family)f, layers, n, &out);
		t.pieces[f] = vec_keep(a, &out.v);
		t.n[f] = out.v.n;
		vec_free(&out.v);
		vec_free(&es.v);
	}
	return t;
}

struct wanted {
	struct {
		const char *table;
		int suppress;
	} *v;
	size_t n, cap;
};

static void want(struct wanted *w, const char *table, int suppress)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->v[i].table, name_of(table)) && w->v[i].suppress == suppress)
			return;
	w->v = vec_room(w->v, w->n, &w->cap, sizeof(*w->v));
	w->v[w->n].table = name_of(table);
	w->v[w->n++].suppress = suppress;
}

struct fibs fibs_build(struct arena *a, const struct device *d)
{
	struct wanted w = { 0 };
	want(&w, NULL, -1);
	for (size_t i = 0; i < d->n_ports; i++)
		want(&w, d->ports[i].segment, -1);
	for (size_t i = 0; i < d->n_routes; i++) {
		want(&w, d->routes[i].segment, -1);
		if (d->routes[i].into)
			want(&w, d->routes[i].into, -1);
	}
	for (size_t i = 0; i < d->n_route_rules; i++)
		if (d->route_rules[i].kind == ROUTE_LOOKUP)
			want(&w, d->route_rules[i].table, d->route_rules[i].suppress);
	struct fib *v = arena_array(a, w.n, sizeof(*v));
	for (size_t i = 0; i < w.n; i++)
		v[i] = build(a, d, w.v[i].table, w.v[i].suppress);
	free(w.v);
	return (struct fibs){ v, w.n };
}

const struct fib *fib_find(const struct fibs *f, const char *table, int suppress)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].suppress == suppress && !strcmp(f->v[i].table, name_of(table)))
			return &f->v[i];
	return NULL;
}

size_t fib_piece_of(const struct fib *t, enum family f, struct addr a)
{
	size_t lo = 0, hi = t->n[f];
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (addr_compare(t->pieces[f][mid].span.lo, a) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}
