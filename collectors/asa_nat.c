/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translation. A line says how the addresses of a real and of a mapped port go together; what
 * it makes of the first packet of a conversation depends on the side that begins it:
 *
 *	from the real side	source real > mapped, destination (mapped) > (real)
 *	from the mapped side	destination mapped > real, source (real) > (mapped)
 *
 * where those in brackets are there with `destination static` alone, and the second line with
 * static translations alone. From 8.3 on lists name real addresses everywhere: destinations are
 * translated in front of the list on the way in, sources behind the one on the way out. Before,
 * a list names what is seen at its port: the other way round (ASA 8.3 migration guide, "Real IP
 * addresses in access lists").
 *
 * A rule that translates both ends asks for the destination as the packet came with it, which
 * is no longer seen when its source is translated: there its match is under an unknown.
 */
#include "collectors/asa_nat.h"

#include <stdlib.h>
#include <string.h>

/* Addresses */

struct xaddr xaddr_any(void)
{
	return (struct xaddr){ .any = true };
}

struct xaddr xaddr_span(struct asa *a, enum family f, struct addr lo, struct addr hi)
{
	struct span *s = arena_array(a->arena, 1, sizeof(*s));

	*s = (struct span){ lo, hi };
	return (struct xaddr){ .src = match_spans(a->m, FIELD_SRC, f, s, 1),
			       .dst = match_spans(a->m, FIELD_DST, f, s, 1),
			       .v = s,
			       .n = 1,
			       .family = f,
			       .known = true };
}

typedef VEC(struct span) spans;

/* Spans of one family below m; false where there is anything else. */
static bool take_spans(const struct match *m, enum family f, unsigned depth, spans *v)
{
	if (m->kind == MATCH_SPANS && m->family == f) {
		for (uint32_t i = 0; i < m->n; i++)
			*vec_add(v) = m->spans[i];
		return true;
	}
	if (m->kind != MATCH_OR || depth > ASA_NESTING || m->weight > 100000)
		return false;
	for (uint32_t i = 0; i < m->n; i++)
		if (!take_spans(m->kids[i], f, depth + 1, v))
			return false;
	return true;
}

static struct xaddr of_matches(struct asa *a, const struct match *src, const struct match *dst)
{
	struct xaddr x = { .src = src, .dst = dst };

	for (int f = 0; f < FAMILY_COUNT && !x.known; f++) {
		spans v = { 0 };

		if (take_spans(src, (enum family)f, 0, &v) && v.n) {
			v.n = spans_normalise(v.v, v.n);
			x.v = vec_keep(a->arena, &v);
			x.n = v.n;
			x.family = (enum family)f;
			x.known = true;
		}
		vec_free(&v);
	}
	return x;
}

struct xaddr xaddr_join(struct asa *a, struct xaddr x, struct xaddr y)
{
	if (!x.src || !y.src)
		return xaddr_any();
	return of_matches(a, match_or(a->m, x.src, y.src), match_or(a->m, x.dst, y.dst));
}

struct xaddr xaddr_of_port(struct asa *a, const char *port)
{
	const struct intf *i = port ? asa_port_named(a, port) : NULL;

	if (i && !i->dynamic)
		for (size_t k = 0; k < i->addrs.n; k++)
			if (i->prefixes.v[k].family == FAMILY_V4)
				return xaddr_span(a, FAMILY_V4, i->addrs.v[k], i->addrs.v[k]);
	return (struct xaddr){ 0 };
}

struct xaddr xaddr_def(struct asa *a, struct def *d)
{
	asa_resolve(a, d, 0);
	if (d->empty || (d->kind != DEF_NET_OBJECT && d->kind != DEF_NET_GROUP))
		return (struct xaddr){ 0 };
	return of_matches(a, d->src, d->dst);
}

struct xaddr xaddr_word(struct asa *a, struct word w, const char *port, uint32_t line)
{
	struct def *d;
	enum family f;
	struct addr x;

	if (word_is(w, "any"))
		return xaddr_any();
	if (word_is(w, "interface"))
		return xaddr_of_port(a, port);
	d = asa_object(a, w);
	if (d)
		asa_use(a, "object", d->name, line, false);
	if (!d && (d = asa_group(a, w)))
		asa_use(a, "object-group", d->name, line, false);
	if (d)
		return xaddr_def(a, d);
	if (asa_addr(a, w, &f, &x))
		return xaddr_span(a, f, x, x);
	asa_use(a, "object", asa_str(a, w), line, false);
	diag_warning(a->d, "asa.undefined-name", asa_loc(a, line), "object %.*s is not defined",
		     (int)w.len, w.s);
	return (struct xaddr){ 0 };
}

bool xaddr_same(struct xaddr x, struct xaddr y)
{
	if (x.any || y.any)
		return x.any && y.any;
	if (!x.known || !y.known || x.n != y.n || x.family != y.family)
		return false;
	return !x.n || !memcmp(x.v, y.v, x.n * sizeof(*x.v));
}

uint64_t xaddr_count(struct xaddr x)
{
	uint64_t n = 0;

	if (!x.known || x.family != FAMILY_V4)
		return UINT64_MAX;
	for (size_t i = 0; i < x.n; i++)
		n += x.v[i].hi.lo - x.v[i].lo.lo + 1;
	return n;
}

const struct match *xaddr_between(struct asa *a, struct xaddr x, struct xaddr y)
{
	const struct match *there = match_all(a->m), *back = match_all(a->m);

	if (!x.src && !y.src)
		return match_all(a->m);
	if (x.src) {
		there = match_and(a->m, there, x.src);
		back = match_and(a->m, back, x.dst);
	}
	if (y.src) {
		there = match_and(a->m, there, y.dst);
		back = match_and(a->m, back, y.src);
	}
	return match_or(a->m, there, back);
}

/* Lines */

bool nat_port_pair(struct asa *a, struct word w, const char **ret_in, const char **ret_out)
{
	const char *comma, *close;
	struct word part[2] = { 0 };

	*ret_in = *ret_out = NULL;
	if (w.len < 3 || w.s[0] != '(' || w.s[w.len - 1] != ')')
		return false;
	close = w.s + w.len - 1;
	comma = memchr(w.s, ',', w.len);
	part[0] = (struct word){ w.s + 1, (uint32_t)((comma ? comma : close) - w.s - 1) };
	if (comma)
		part[1] = (struct word){ comma + 1, (uint32_t)(close - comma - 1) };
	for (int k = 0; k < (comma ? 2 : 1); k++) {
		const struct intf *i = asa_port(a, part[k]);

		if (word_is(part[k], "any"))
			continue;
		if (!i)
			return false;
		*(k ? ret_out : ret_in) = i->name;
	}
	return true;
}

struct xlate *nat_add(struct nat_work *k, const struct line *l)
{
	struct xlate *x = vec_add(&k->v);
	struct line all = *l;

	all.i = 0;
	x->line = l->no;
	x->text = line_rest(k->a->arena, k->a->src, &all);
	x->section = 1;
	x->index = k->v.n;
	x->touches = match_all(k->a->m);
	return x;
}

void nat_wrong(struct nat_work *k, const struct line *l, const char *why)
{
	struct xlate *x = nat_add(k, l);

	x->why = why;
	asa_refuse(k->a, l->no, "asa.nat", "the translation was not understood: %s", why);
}

/* Rules */

static bool same_range(struct range x, struct range y)
{
	return x.lo == y.lo && x.hi == y.hi;
}

/* What becomes of addresses of `from`, written into n. */
static void put_change(struct asa *a, struct nat *n, struct xaddr from, struct xaddr to,
		       bool pool, const struct range *port)
{
	static const struct span v4 = { { 0, 0 }, { 0, UINT32_MAX } };
	struct span *all;

	if (port) {
		n->has_port = true;
		n->port_lo = port->lo;
		n->port_hi = port->hi;
	}
	if (!pool && xaddr_same(from, to)) {
		if (!port) {
			n->kind = NAT_KEEP;
			return;
		}
		all = arena_array(a->arena, 1, sizeof(*all));
		*all = from.known && from.family == FAMILY_V6
			       ? (struct span){ { 0, 0 }, addr_max(FAMILY_V6) }
			       : v4;
		n->kind = NAT_SHIFT;
		n->from = *all;
		n->to = all;
		n->n_to = 1;
		return;
	}
	if (!pool && from.known && to.known && from.n == 1 && to.n == 1 &&
	    from.family == to.family && xaddr_count(from) == xaddr_count(to) &&
	    (from.family == FAMILY_V4 || addr_equal(from.v[0].lo, from.v[0].hi))) {
		n->kind = NAT_SHIFT;
		n->from = from.v[0];
		n->to = to.v;
		n->n_to = 1;
		return;
	}
	n->kind = NAT_POOL;
	if (to.known) {
		n->to = to.v;
		n->n_to = to.n;
	} else {
		all = arena_array(a->arena, 1, sizeof(*all));
		*all = v4;
		n->to = all;
		n->n_to = 1;
	}
}

static const struct match *ports_match(struct asa *a, const struct xlate *x, bool has_s,
				       struct range s, bool has_d, struct range d)
{
	const struct match *m = match_all(a->m);

	if (!x->has_service)
		return m;
	m = match_value(a->m, FIELD_PROTO, x->proto);
	if (has_s)
		m = match_and(a->m, m, match_ranges(a->m, FIELD_SPORT, &s, 1));
	if (has_d)
		m = match_and(a->m, m, match_ranges(a->m, FIELD_DPORT, &d, 1));
	return m;
}

static const struct match *with(struct asa *a, const struct match *m, const struct match *x)
{
	return x ? match_and(a->m, m, x) : m;
}

/* What it rewrites and touches is of one IP version, unless it leaves all as it is. */
static const struct match *family_of(struct asa *a, struct xaddr from, struct xaddr to)
{
	if (from.any && to.any)
		return match_all(a->m);
	return match_family(a->m,
			    from.known && from.family == FAMILY_V6 ? FAMILY_V6 : FAMILY_V4);
}

static struct nat *put(struct nat_work *k, const struct xlate *x, enum nat_rewrites what,
		       const char *in, const char *out, const struct match *match)
{
	struct asa *a = k->a;
	struct nat *n = vec_add(&a->b->nats);
	bool before = (what == NAT_DESTINATION) != k->old;

	if (x->unsure)
		match = match_and(a->m, match,
				  match_unknown(a->m, asa_loc(a, x->line),
						"a translation between ports of equal "
						"security"));
	*n = (struct nat){ .at = asa_loc(a, x->line),
			   .in = in,
			   .out = out,
			   .text = x->text,
			   .touches = x->touches,
			   .rewrites = (uint8_t)what,
			   .takes = match,
			   .match = match,
			   .order = before ? ASA_ORDER_BEFORE : ASA_ORDER_BEHIND };
	return n;
}

static const struct match *first_seen(struct asa *a, const struct xlate *x,
				      const struct match *m)
{
	return match_and(a->m, m,
			 match_unknown(a->m, asa_loc(a, x->line),
				       "a translation of both ends: which address the packet "
				       "came with"));
}

/* Nobody is told apart by ports there: such packets may be dropped. */
static void put_other_protocols(struct nat_work *k, const struct xlate *x,
				const struct match *match)
{
	static const struct range known[] = { { PROTO_ICMP, PROTO_ICMP },
					      { PROTO_TCP, PROTO_TCP },
					      { PROTO_UDP, PROTO_UDP } };
	struct asa *a = k->a;
	const struct match *rest = match_and(
		a->m, match, match_not(a->m, match_ranges(a->m, FIELD_PROTO, known, 3)));
	struct nat *n;

	if (rest->kind == MATCH_NONE)
		return;
	n = put(k, x, NAT_SOURCE, x->in, x->out, rest);
	n->kind = NAT_BOUND;
	n->touches = rest;
}

/* Where an identity goes: 8.3 knew no other way than by its routes (8.4(2) release notes). */
static bool by_routes(const struct nat_work *k, const struct xlate *x)
{
	return x->route_lookup || (k->a->version_known && k->a->major == 8 && k->a->minor == 3);
}

static void put_forward(struct nat_work *k, const struct xlate *x, bool moves_dest)
{
	struct asa *a = k->a;
	const struct xports *o = &x->first, *t = &x->then;
	bool sport = x->has_service && o->source && t->source && !same_range(o->s, t->s);
	bool dport = x->has_service && o->dest && t->dest && !same_range(o->d, t->d);
	const struct match *m, *fam = family_of(a, x->real, x->mapped);
	struct range all_ports = { 0, UINT16_MAX };
	struct nat *n;

	if (x->has_dest || dport) {
		m = with(a, with(a, fam, x->real.src), x->dest_mapped.dst);
		m = match_and(a->m, with(a, m, x->guard),
			      ports_match(a, x, o->source, o->s, o->dest, o->d));
		/* An identity may leave the way to the routes. */
		n = put(k, x, NAT_DESTINATION, x->in,
			moves_dest || !by_routes(k, x) ? x->out : NULL, m);
		put_change(a, n, x->has_dest ? x->dest_mapped : xaddr_any(),
			   x->has_dest ? x->dest_real : xaddr_any(), false,
			   dport ? &t->d : NULL);
	}
	if (x->stuck)
		return;
	m = with(a, with(a, fam, x->real.src), x->dest_real.dst);
	m = match_and(a->m, with(a, m, x->guard),
		      ports_match(a, x, o->source, o->s, t->dest, t->d));
	if (moves_dest)
		m = first_seen(a, x, m);
	n = put(k, x, NAT_SOURCE, x->in, x->out, m);
	if (x->pat_only) {
		static const struct range known[] = { { PROTO_ICMP, PROTO_ICMP },
						      { PROTO_TCP, PROTO_TCP },
						      { PROTO_UDP, PROTO_UDP } };

		n->match = n->takes =
			match_and(a->m, n->match, match_ranges(a->m, FIELD_PROTO, known, 3));
	}
	put_change(a, n, x->real, x->mapped, x->dynamic,
		   sport    ? &t->s
		   : x->pat ? &all_ports
			    : NULL);
	if (x->pat_only)
		put_other_protocols(k, x, m);
}

/* Whether any other translation has a say in sources that come in by the mapped port. */
static bool others_from_outside(const struct nat_work *k, const struct xlate *x)
{
	if (k->v.n > XLATES_COMPARED)
		return true;
	vec_each (y, &k->v) {
		bool there = (!y->in || !x->out || !strcmp(y->in, x->out)) &&
			     (!y->out || !x->in || !strcmp(y->out, x->in));
		bool back = !y->dynamic && !y->one_way && y->has_dest &&
			    (!y->out || !x->out || !strcmp(y->out, x->out)) &&
			    (!y->in || !x->in || !strcmp(y->in, x->in)) &&
			    !xaddr_same(y->dest_mapped, y->dest_real);

		if (y->why) /* before 8.3 no line changes both ends */
			back = !k->old && y->touches->kind != MATCH_NONE;
		if (y != x && (there || back))
			return true;
	}
	return false;
}

static void put_backward(struct nat_work *k, const struct xlate *x, bool moves_source)
{
	struct asa *a = k->a;
	const struct xports *o = &x->first, *t = &x->then;
	bool sport = x->has_service && o->source && t->source && !same_range(o->s, t->s);
	bool dport = x->has_service && o->dest && t->dest && !same_range(o->d, t->d);
	const struct match *guard = x->guard ? match_swap(a->m, x->guard) : NULL;
	const struct match *m, *fam = family_of(a, x->real, x->mapped);
	struct nat *n;

	m = with(a, with(a, fam, x->dest_real.src), x->mapped.dst);
	m = match_and(a->m, with(a, m, guard),
		      ports_match(a, x, t->dest, t->d, t->source, t->s));
	n = put(k, x, NAT_DESTINATION, x->out, moves_source || !by_routes(k, x) ? x->in : NULL,
		m);
	put_change(a, n, x->mapped, x->real, false, sport ? &o->s : NULL);
	if (!x->has_dest)
		return;
	/* To leave a source as it is means nothing where nothing else would change it. */
	if (moves_source && !dport && xaddr_same(x->dest_real, x->dest_mapped) &&
	    !others_from_outside(k, x))
		return;
	m = with(a, with(a, fam, x->dest_real.src), x->real.dst);
	m = match_and(a->m, m, ports_match(a, x, t->dest, t->d, o->source, o->s));
	if (moves_source)
		m = first_seen(a, x, m);
	n = put(k, x, NAT_SOURCE, x->out, x->in, m);
	put_change(a, n, x->dest_real, x->dest_mapped, false, dport ? &o->d : NULL);
}

/* While a host has an address of a pool, anybody may call it there. */
static void put_pool_back(struct nat_work *k, const struct xlate *x)
{
	struct asa *a = k->a;
	struct nat *n;
	const struct match *m;

	if (x->pat_only || x->mapped.any || x->stuck)
		return;
	m = x->mapped.dst ? x->mapped.dst : match_family(a->m, FAMILY_V4);
	n = put(k, x, NAT_DESTINATION, x->out, x->in, m);
	n->kind = NAT_BOUND;
	n->touches = m;
	n->match = NULL;
}

/* The firewall answers ARP for mapped addresses in the networks of the mapped port. */
static void put_proxies(struct nat_work *k, const struct xlate *x)
{
	if (!x->no_proxy_arp && x->mapped.known && x->mapped.family == FAMILY_V4 &&
	    !xaddr_same(x->real, x->mapped))
		answer_for(k->a->b, x->out, x->mapped.v, x->mapped.n, &k->proxies);
}

static void emit(struct nat_work *k, struct xlate *x)
{
	struct asa *a = k->a;
	const struct xports *o = &x->first, *t = &x->then;
	bool moves_dest, moves_source;
	const char *why = NULL;

	x->from_nat = a->b->nats.n;
	if (x->why) {
		struct nat *n = vec_add(&a->b->nats);

		*n = (struct nat){ .at = asa_loc(a, x->line),
				   .in = x->in,
				   .out = x->out,
				   .text = x->text,
				   .touches = x->touches };
		if (x->touches->kind == MATCH_NONE)
			ASA_EXACT(a, x->line);
		else
			asa_class(a, x->line, ACCOUNT_BOUNDED, true, x->why);
		x->to_nat = a->b->nats.n;
		return;
	}
	moves_dest = (x->has_dest && !xaddr_same(x->dest_mapped, x->dest_real)) ||
		     (x->has_service && o->dest && t->dest && !same_range(o->d, t->d));
	moves_source = x->dynamic || !xaddr_same(x->real, x->mapped) ||
		       (x->has_service && o->source && t->source && !same_range(o->s, t->s));
	put_forward(k, x, moves_dest);
	if (x->dynamic)
		put_pool_back(k, x);
	else if (!x->one_way)
		put_backward(k, x, moves_source);
	put_proxies(k, x);
	x->to_nat = a->b->nats.n;
	for (size_t i = x->from_nat; i < x->to_nat; i++)
		if (a->b->nats.v[i].kind == NAT_BOUND)
			why = why ? why : "what a translation does to some packets isn't known";
		else if (a->b->nats.v[i].match->inexact)
			why = match_first_unknown(a->b->nats.v[i].match)->unknown.reason;
	/* That a pool's addresses may be called, and that ports alone tell hosts apart, is how
	 * such a translation is, not a want of understanding. */
	if (why && !x->dynamic)
		asa_class(a, x->line, ACCOUNT_BOUNDED, true, why);
	else
		ASA_EXACT(a, x->line);
}

static int by_order(const void *p, const void *q)
{
	const struct xlate *x = p, *y = q;
	int c;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	for (size_t i = 0; i < 3; i++)
		if (x->rank[i] != y->rank[i])
			return x->rank[i] < y->rank[i] ? -1 : 1;
	c = x->name && y->name ? strcmp(x->name, y->name) : 0;
	if (c)
		return c;
	return x->index < y->index ? -1 : x->index > y->index;
}

void asa_nat_build(struct asa *a)
{
	struct nat_work k = { .a = a, .proxies = PROXY_MAX };

	k.old = a->version_known ? a->flavour != ASA_ASA || a->major < 8 ||
					   (a->major == 8 && a->minor < 3)
				 : a->saw_old_nat && !a->saw_new_nat;
	nat_read_new(&k);
	nat_read_old(&k);
	if (k.v.n > XLATES_MAX)
		asa_reject(a, k.v.v[XLATES_MAX].line, NULL, "asa.too-many-lines",
			   "more than %d translations", XLATES_MAX);
	else if (k.v.n)
		qsort(k.v.v, k.v.n, sizeof(*k.v.v), by_order);
	for (size_t i = 0; i < k.v.n && i < XLATES_MAX; i++)
		emit(&k, &k.v.v[i]);
	nat_checks(&k);
	vec_free(&k.v);
}
