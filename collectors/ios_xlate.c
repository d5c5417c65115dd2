/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `ip nat` makes of the first packet of a conversation. A packet that comes in by an
 * inside port and leaves by an outside one has its source translated once it is routed, in
 * front of the list on the way out; one that comes in by an outside port has its destination
 * translated behind the list on the way in and before it is routed ("NAT Order of Operation",
 * Cisco document 6209). Entries that stand in the configuration (static ones, those with ports
 * first) go before what a list or a route map would have translated; which of two such lines
 * takes a packet that both mean is not documented, and is left open.
 *
 * IOS passes a packet that is called by its inside address; the answers are translated all the
 * same and don't arrive. That is told as a check that may drop it.
 */
#include "collectors/ios_xlate.h"

#include <stdlib.h>
#include <string.h>

enum { ORDER_DST = 100, ORDER_CHECK = 50, ORDER_SRC = -100 };

enum {
	DYNAMICS_MAX = 32,
	LINES_MAX = 20000,
	OUTSIDES_MAX = 64,
	PROXY_MAX = 4096, /* addresses that are looked at one by one */
};

struct work {
	struct ios *x;
	VEC(struct xlate) v;
	const struct match *in_iif, *in_oif, *out_iif; /* inside and outside ports */
	const char *in;		/* the inside port, where there is one alone */
	VEC(const char *) outs; /* all outside ports: each has rules of its own */
	bool sides;		/* there are both */
	size_t proxies;		/* addresses that may still be looked at */
};

static const struct match *ports(struct ios *x, bool inside, enum field field, const char *vrf,
				 const char **ret_only)
{
	VEC(const struct match *) v = { 0 };
	*ret_only = NULL;
	for (size_t i = 0; i < x->ifaces.n; i++) {
		const struct iface *f = &x->ifaces.v[i];
		if (!(inside ? f->nat_inside : f->nat_outside))
			continue;
		if (vrf && (!f->vrf || strcmp(f->vrf, vrf)))
			continue;
		*vec_add(&v) = match_iface(x->m, field, f->name, false);
		*ret_only = f->name;
	}
	if (v.n != 1)
		*ret_only = NULL;
	const struct match *m = match_or_n(x->m, v.v, v.n);
	vec_free(&v);
	return m;
}

/* The line, unless there are too many or the ports aren't there. */
static void read_line(struct work *k, const struct nat_line *l)
{
	struct ios *x = k->x;
	struct xlate *t = vec_add(&k->v);
	t->index = (uint32_t)k->v.n;
	ios_xlate_line(x, l, t);
	if (!t->why &&
	    (k->outs.n > OUTSIDES_MAX || x->nats.n > LINES_MAX || x->work > IOS_WORK_MAX))
		t->why = "too many translations";
	if (t->vrf)
		x->work += x->ifaces.n;
	if (!t->why && !k->sides)
		t->why = "no ports are seen to be inside and outside";
	if (!t->why && t->outside && (t->rank == RANK_DYNAMIC || x->b->route_rules.n))
		t->why = "a translation of outside sources";
}

static const struct match *map_match(struct ios *x, const struct xlate *t)
{
	const struct match *m = t->map ? ios_map_match(x, t->map, FAMILY_V4) : NULL;
	if (t->map && !m)
		m = match_unknown(x->m, LOC_NONE, "route map %s, which is not defined", t->map);
	return m ? m : match_all(x->m);
}

static const struct match *span_match(struct ios *x, enum field field, struct span s)
{
	return match_spans(x->m, field, FAMILY_V4, &s, 1);
}

static const struct match *port_match(struct ios *x, const struct xlate *t, enum field field,
				      uint16_t port)
{
	if (t->proto < 0)
		return match_all(x->m);
	return match_and(x->m, match_value(x->m, FIELD_PROTO, (unsigned)t->proto),
			 match_value(x->m, field, port));
}

static struct nat *put(struct work *k, const struct xlate *t, enum nat_rewrites what,
		       const struct match *match)
{
	struct ios *x = k->x;
	struct nat *n = vec_add(&x->b->nats);
	*n = (struct nat){ .at = { .src = x->src, .line = t->line, .col = 1 },
			   .text = t->text,
			   .touches = t->touches,
			   .rewrites = (uint8_t)what,
			   .takes = match,
			   .match = match,
			   .order = what == NAT_SOURCE ? ORDER_SRC : ORDER_DST };
	return n;
}

static void shift(struct ios *x, struct nat *n, struct span from, struct span to)
{
	struct span *s = arena_array(x->arena, 1, sizeof(*s));
	*s = to;
	n->kind = NAT_SHIFT;
	n->from = from;
	n->to = s;
	n->n_to = 1;
}

static void set_port(struct nat *n, const struct xlate *t, uint16_t port)
{
	n->has_port = t->proto >= 0 && t->from_port != t->to_port;
	n->port_lo = n->port_hi = n->has_port ? port : 0;
}

static void bound(struct work *k, const struct xlate *t, enum nat_rewrites what, const char *in,
		  const char *out, const struct match *touches)
{
	struct nat *n = put(k, t, what, touches);
	n->in = in;
	n->out = out;
	n->kind = NAT_BOUND;
	n->touches = touches;
	n->match = NULL;
}

/* Inside ports of the translation as a condition, where `in` of its rules doesn't tell. */
static const struct match *insides(struct work *k, const struct xlate *t, const char **ret_in)
{
	const struct match *m = ports(k->x, true, FIELD_IIF, t->vrf, ret_in);
	return *ret_in ? match_all(k->x->m) : m;
}

/* Two of them mean one address: which is taken, isn't told. */
static void put_static(struct work *k, const struct xlate *t, bool twice)
{
	struct ios *x = k->x;
	const char *in;
	const struct match *m = match_and(x->m, span_match(x, FIELD_SRC, t->from),
					  port_match(x, t, FIELD_SPORT, t->from_port));
	struct nat *n;
	m = match_and(x->m, m, match_and(x->m, insides(k, t, &in), map_match(x, t)));
	if (twice)
		m = match_and(
			x->m, m,
			match_unknown(x->m, LOC_NONE, "several translations of one address"));
	vec_each (out, &k->outs) {
		n = put(k, t, NAT_SOURCE, m);
		n->in = in;
		n->out = *out;
		shift(x, n, t->from, t->to);
		set_port(n, t, t->to_port);
	}
	/* ... and what comes from outside, to the other address */
	m = match_and(x->m, span_match(x, FIELD_DST, t->to),
		      port_match(x, t, FIELD_DPORT, t->to_port));
	vec_each (out, &k->outs) {
		if (t->vrf || t->map) { /* on in another table; or the map may have a say */
			bound(k, t, NAT_DESTINATION, *out, NULL, m);
			continue;
		}
		n = put(k, t, NAT_DESTINATION, m);
		n->in = *out;
		shift(x, n, t->to, t->from);
		set_port(n, t, t->from_port);
	}
}

/* `ip nat outside source static GLOBAL LOCAL` */
static void put_outside(struct work *k, const struct xlate *t)
{
	struct ios *x = k->x;
	const struct match *m = match_and(x->m, span_match(x, FIELD_SRC, t->from),
					  port_match(x, t, FIELD_SPORT, t->from_port));
	m = match_and(x->m, m, map_match(x, t));
	if (!k->in)
		m = match_and(x->m, m, k->in_oif);
	vec_each (out, &k->outs) {
		struct nat *n = put(k, t, NAT_SOURCE, m);
		n->in = *out;
		n->out = k->in;
		shift(x, n, t->from, t->to);
		set_port(n, t, t->to_port);
	}
	/* From inside the destination is translated behind routing: by which address it goes,
	 * isn't followed. */
	m = match_and(x->m, span_match(x, FIELD_DST, t->to), k->in_iif);
	bound(k, t, NAT_DESTINATION, k->in, NULL, m);
}

static const struct match *dynamic_match(struct work *k, const struct xlate *t)
{
	struct ios *x = k->x;
	const char *in;
	const struct match *m =
		t->list ? ios_acl_permits(x, FAMILY_V4, t->list) : map_match(x, t);
	m = match_and(x->m, m, match_family(x->m, FAMILY_V4));
	return match_and(x->m, m, insides(k, t, &in));
}

static bool disjoint(const struct match *a, const struct match *b)
{
	struct source_spans x = { 0 }, y = { 0 };
	bool apart = match_sources(a, FAMILY_V4, &x) && match_sources(b, FAMILY_V4, &y);
	if (apart) {
		x.n = spans_normalise(x.v, x.n);
		y.n = spans_normalise(y.v, y.n);
		for (size_t i = 0, j = 0; i < x.n && j < y.n && apart;) {
			if (addr_compare(x.v[i].hi, y.v[j].lo) < 0)
				i++;
			else if (addr_compare(y.v[j].hi, x.v[i].lo) < 0)
				j++;
			else
				apart = false;
		}
	}
	vec_free(&x);
	vec_free(&y);
	return apart;
}

/* Ports that every clause of the map asks for: two maps of different ports never meet. */
static bool other_ports(struct ios *x, const struct xlate *a, const struct xlate *b)
{
	const struct route_map *m = a->map ? map_get(&x->maps, a->map) : NULL;
	const struct route_map *n = b->map ? map_get(&x->maps, b->map) : NULL;
	if (!m || !n || m->clauses.n * n->clauses.n > 10000)
		return false;
	vec_each (c, &m->clauses)
		vec_each (d, &n->clauses) {
			if (c->deny || d->deny)
				continue;
			if (!c->ports.n || !d->ports.n || c->ports.n * d->ports.n > 1000)
				return false;
			vec_each (p, &c->ports)
				vec_each (q, &d->ports)
					if (!strcmp(*p, *q))
						return false;
		}
	return true;
}

static void put_dynamic(struct work *k, struct xlate *t)
{
	static const struct range with_ports[] = { { PROTO_ICMP, PROTO_ICMP },
						   { PROTO_TCP, PROTO_TCP },
						   { PROTO_UDP, PROTO_UDP } };
	static const struct span all = { { 0, 0 }, { 0, UINT32_MAX } };
	struct ios *x = k->x;
	const struct match *m = t->takes, *other = match_none(x->m), *rest;
	struct nat *n;
	vec_each (y, &k->v)
		if (y != t && y->takes && !disjoint(y->takes, m) && !other_ports(x, t, y))
			other = match_or(x->m, other, y->takes);
	if (other->kind != MATCH_NONE)
		m = match_and(x->m, m,
			      match_or(x->m, match_not(x->m, other),
				       match_unknown(x->m, LOC_NONE,
						     "two translations that mean one packet")));
	rest = match_and(x->m, m,
			 match_not(x->m, match_ranges(x->m, FIELD_PROTO, with_ports, 3)));
	if (t->overload)
		m = match_and(x->m, m, match_ranges(x->m, FIELD_PROTO, with_ports, 3));
	const struct span *pool = t->pool;
	size_t n_pool = t->n_pool;
	const char *in;
	insides(k, t, &in);
	if (!t->to_known) {
		struct span *s = arena_array(x->arena, 1, sizeof(*s));
		*s = all;
		pool = s;
		n_pool = 1;
	}
	vec_each (out, &k->outs) {
		n = put(k, t, NAT_SOURCE, m);
		n->in = in;
		n->out = *out;
		n->kind = NAT_POOL;
		n->to = pool;
		n->n_to = n_pool;
		n->has_port = t->overload;
		n->port_hi = t->overload ? UINT16_MAX : 0;
		if (t->overload && rest->kind != MATCH_NONE)
			bound(k, t, NAT_SOURCE, in, *out, rest);
		/* While a host inside has an address of the pool, it may be called by it. */
		if (!t->overload)
			bound(k, t, NAT_DESTINATION, *out, NULL,
			      t->to_known
				      ? match_spans(x->m, FIELD_DST, FAMILY_V4, pool, n_pool)
				      : match_family(x->m, FAMILY_V4));
	}
}

static int by_rank(const void *a, const void *b)
{
	const struct xlate *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static int by_from(const void *a, const void *b)
{
	const struct xlate *x = *(const struct xlate *const *)a,
			   *y = *(const struct xlate *const *)b;
	int c = addr_compare(x->from.lo, y->from.lo);
	if (c)
		return c;
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	return x->from_port < y->from_port ? -1 : x->from_port > y->from_port;
}

/* Marks entries of one inside address (and port) that stand there more than once. */
static bool *find_twins(struct work *k)
{
	bool *twin = xcalloc(k->v.n + 1, sizeof(*twin));
	VEC(const struct xlate *) v = { 0 };
	vec_each (t, &k->v)
		if (!t->why && t->rank < RANK_NETWORK && !t->map && !t->vrf && !t->outside)
			*vec_add(&v) = t;
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), by_from);
	for (size_t i = 1; i < v.n; i++)
		if (!by_from(&v.v[i - 1], &v.v[i]) &&
		    (!addr_equal(v.v[i - 1]->to.lo, v.v[i]->to.lo) ||
		     v.v[i - 1]->to_port != v.v[i]->to_port))
			twin[v.v[i - 1] - k->v.v] = twin[v.v[i] - k->v.v] = true;
	vec_free(&v);
	return twin;
}

static void account(struct work *k, struct xlate *t)
{
	const char *why = NULL;
	for (size_t i = t->from_nat; i < t->to_nat; i++) {
		const struct nat *n = &k->x->b->nats.v[i];
		if (n->kind == NAT_BOUND && t->rank != RANK_DYNAMIC)
			why = "what a translation does to some packets isn't known";
		else if (n->match && n->match->inexact)
			why = match_first_unknown(n->match)->unknown.reason;
	}
	ios_mark(k->x, t->line, why ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, true, "%s",
		 why ? why : "");
}

/* Packets that are called by an address which their answers don't have. */
static void put_check(struct work *k)
{
	struct ios *x = k->x;
	VEC(struct rule) v = { 0 };
	struct loc at = x->b->dev.at;
	bool some = false;
	*vec_add(&v) = (struct rule){ .at = at,
				      .match = match_not(
					      x->m, match_value(x->m, FIELD_STATE, STATE_NEW)),
				      .verdict = VERDICT_PERMIT,
				      .flags = RULE_IMPLICIT | RULE_GLUE };
	for (int pass = 0; pass < 2; pass++)
		vec_each (n, &x->b->nats) {
			const struct match *m = n->match;
			if (n->rewrites != (pass ? NAT_SOURCE : NAT_DESTINATION) || !m)
				continue;
			some |= pass == 1;
			if (pass)
				m = match_and(x->m, match_swap(x->m, m),
					      match_unknown(x->m, n->at,
							    "answers that are translated"));
			if (pass && n->in)
				m = match_and(x->m, m,
					      match_iface(x->m, FIELD_OIF, n->in, false));
			if (pass ? n->out != NULL : n->in != NULL)
				m = match_and(x->m, m,
					      match_iface(x->m, FIELD_IIF,
							  pass ? n->out : n->in, false));
			*vec_add(&v) =
				(struct rule){ .at = n->at,
					       .match = m,
					       .verdict = pass ? VERDICT_DENY : VERDICT_PERMIT,
					       .flags = RULE_IMPLICIT | RULE_GLUE };
		}
	if (some) {
		struct ruleset *rs =
			device_build_ruleset(x->b, "of answers", "translation check", at);
		rs->dflt = VERDICT_PERMIT;
		rs->glue = true;
		rs->incidental = true;
		device_build_rules(x->b, rs, v.v, v.n);
		for (size_t i = 0; i < x->ifaces.n; i++)
			if (x->ifaces.v[i].nat_outside || x->ifaces.v[i].nat_inside)
				device_build_hook(x->b, HOOK_IN, ORDER_CHECK,
						  x->ifaces.v[i].name, rs, at);
	}
	vec_free(&v);
}

/* The router answers ARP for the addresses that it translates to, unless told not to. */
static void answer(struct work *k, const struct xlate *t)
{
	const struct match *side = t->outside ? k->in_iif : k->out_iif;
	const struct span *v = t->rank == RANK_DYNAMIC ? t->pool : &t->to;
	size_t n = t->rank == RANK_DYNAMIC ? t->n_pool : 1;
	if (t->no_alias || !t->to_known)
		return;
	if (side->kind == MATCH_IFACE)
		answer_for(k->x->b, side->iface.name, v, n, &k->proxies);
	for (uint32_t i = 0; side->kind == MATCH_OR && i < side->n; i++)
		answer_for(k->x->b, side->kids[i]->iface.name, v, n, &k->proxies);
}

void ios_nats(struct ios *x)
{
	struct work k = { .x = x, .proxies = PROXY_MAX };
	const char *only;
	size_t dynamics = 0;
	if (!x->nats.n)
		return;
	k.in_iif = ports(x, true, FIELD_IIF, NULL, &k.in);
	k.in_oif = ports(x, true, FIELD_OIF, NULL, &only);
	k.out_iif = ports(x, false, FIELD_IIF, NULL, &only);
	for (size_t i = 0; i < x->ifaces.n; i++)
		if (x->ifaces.v[i].nat_outside)
			*vec_add(&k.outs) = x->ifaces.v[i].name;
	k.sides = k.in_iif->kind != MATCH_NONE && k.out_iif->kind != MATCH_NONE;
	vec_each (l, &x->nats)
		read_line(&k, l);
	qsort(k.v.v, k.v.n, sizeof(*k.v.v), by_rank);
	bool *twin = find_twins(&k);
	vec_each (t, &k.v)
		if (!t->why && t->rank == RANK_DYNAMIC && ++dynamics > DYNAMICS_MAX)
			t->why = "too many translations by lists";
	vec_each (t, &k.v)
		if (!t->why && t->rank == RANK_DYNAMIC)
			t->takes = dynamic_match(&k, t);
	vec_each (t, &k.v) {
		t->from_nat = x->b->nats.n;
		if (t->why) {
			struct nat *n = put(&k, t, NAT_NOT_TOLD, NULL);
			n->kind = NAT_BOUND;
			ios_mark(x, t->line, ACCOUNT_BOUNDED, true, "%s", t->why);
			continue;
		}
		if (t->rank == RANK_DYNAMIC)
			put_dynamic(&k, t);
		else if (t->outside)
			put_outside(&k, t);
		else
			put_static(&k, t, twin[t - k.v.v]);
		t->to_nat = x->b->nats.n;
		account(&k, t);
		answer(&k, t);
	}
	put_check(&k);
	free(twin);
	vec_free(&k.outs);
	vec_free(&k.v);
}
