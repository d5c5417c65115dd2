/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/laws/estate_random_internal.h"

/* ---- routes ---- */

/* Hops from every node to the nearest of the given ones; UINT_MAX: no way. */
static void distances(const struct maker *m, const unsigned *to, unsigned n_to, unsigned *ret)
{
	bool more = true;
	for (unsigned i = 0; i < m->n_nodes; i++)
		ret[i] = UINT32_MAX;
	for (unsigned i = 0; i < n_to; i++)
		ret[to[i]] = 0;
	while (more) {
		more = false;
		for (unsigned i = 0; i < m->n_nets; i++) {
			const struct net *n = &m->nets[i];
			unsigned least = UINT32_MAX;
			for (unsigned k = 0; k < n->n; k++)
				if (ret[n->member[k]] < least)
					least = ret[n->member[k]];
			for (unsigned k = 0; least != UINT32_MAX && k < n->n; k++)
				if (ret[n->member[k]] > least + 1)
					ret[n->member[k]] = least + 1, more = true;
		}
	}
}

static void push_route(struct maker *m, unsigned node, struct route r)
{
	struct device_build *b = m->build[m->nodes[node].device];
	struct prefix p = r.dst;
	enum family f = (enum family)p.family;
	remember(m->re, f, span_prefix(f, p.addr, p.len));
	*vec_add(&b->routes) = r;
}

/* Whether a half of the route would come to stand beside another one. */
static bool can_split(const struct device_build *b, const struct prefix *p)
{
	enum family f = (enum family)p->family;
	struct span s = span_prefix(f, p->addr, p->len);
	for (size_t i = 0; i < b->routes.n; i++) {
		const struct prefix *x = &b->routes.v[i].dst;
		if (x->family == f && x->len == p->len + 1u && span_has(s, x->addr))
			return false;
	}
	for (size_t i = 0; i < b->ports.n; i++)
		for (size_t k = 0; k < b->ports.v[i].n_prefixes; k++) {
			const struct prefix *x = &b->ports.v[i].prefixes[k];
			if (x->family == f && x->len == p->len + 1u && span_has(s, x->addr))
				return false;
		}
	for (size_t i = 0; i < b->route_rules.n; i++)
		if (b->route_rules.v[i].suppress >= 0)
			return false;
	return p->len < addr_bits(f);
}

void split_routes(struct device_build *b)
{
	VEC(struct route) v = { 0 };
	for (size_t i = 0; i < b->routes.n; i++) {
		struct route r = b->routes.v[i];
		struct prefix p = r.dst;
		enum family f = (enum family)p.family;
		if (can_split(b, &p)) {
			r.dst.len++;
			*vec_add(&v) = r;
			r.dst.addr =
				addr_or(p.addr, addr_and(addr_mask(f, p.len + 1u),
							 addr_not(f, addr_mask(f, p.len))));
		}
		*vec_add(&v) = r;
	}
	free(b->routes.v);
	b->routes.v = v.v, b->routes.n = v.n, b->routes.cap = v.cap;
}

/* A route over the net to that member. */
static struct route route_over(struct maker *m, unsigned node, struct prefix dst, unsigned net,
			       unsigned member)
{
	struct rng *r = &m->r;
	const struct net *n = &m->nets[net];
	enum family f = (enum family)dst.family;
	struct route x = { .dst = dst,
			   .segment = segment_of(m->nodes[node].color),
			   .has_via = true };
	unsigned own = 0;
	while (own + 1 < n->n && n->member[own] != node)
		own++;
	x.via = member_addr(n, f, member);
	if (n->shared && member < 2 && own > 1 && one_in(r, 2))
		x.via = shared_addr(n, f);
	if (one_in(r, 2))
		x.port = port_name(m, net, own);
	/* nobody has it */
	if (one_in(r, 60))
		x.via = net_addr(n, f, 77);
	if (m->unknowns && one_in(r, 30))
		x.odd = "it may not be in force";
	return x;
}

static void route_to(struct maker *m, unsigned node, struct prefix dst, const unsigned *dist)
{
	struct rng *r = &m->r;
	struct prefix all = { .family = dst.family };
	bool found = false;
	if (one_in(r, 30))
		return;
	if (one_in(r, 40)) {
		push_route(m, node,
			   (struct route){ .dst = dst,
					   .drop = true,
					   .segment = segment_of(m->nodes[node].color) });
		return;
	}
	bool several = m->ecmp && one_in(r, 2), wrong = one_in(r, 40);
	if (one_in(r, 16))
		dst = all;
	for (unsigned i = 0; i < m->n_nets; i++) {
		const struct net *n = &m->nets[i];
		bool on = false;
		for (unsigned k = 0; k < n->n; k++)
			on |= n->member[k] == node;
		for (unsigned k = 0; on && k < n->n; k++) {
			if (n->member[k] == node ||
			    (dist[n->member[k]] >= dist[node] && !wrong) || (found && !several))
				continue;
			struct route x = route_over(m, node, dst, i, k);
			push_route(m, node, x);
			if (m->unknowns && x.odd)
				continue;
			found = true;
			/* a worse one beside it, which is never taken */
			if (one_in(r, 30)) {
				x.metric = 7;
				x.via = net_addr(n, (enum family)dst.family, 77);
				push_route(m, node, x);
			}
		}
	}
}

static void routes_of(struct maker *m, struct prefix dst, const unsigned *to, unsigned n_to,
		      unsigned color)
{
	unsigned dist[NODES_MAX];
	distances(m, to, n_to, dist);
	for (unsigned i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].color == color && dist[i] && dist[i] != UINT32_MAX)
			route_to(m, i, dst, dist);
}

void random_routes(struct maker *m)
{
	struct rng *r = &m->r;
	unsigned families = m->v6 ? 2 : 1;
	for (unsigned i = 0; i < m->n_nets; i++) {
		const struct net *n = &m->nets[i];
		for (unsigned f = 0; (n->hosts || one_in(r, 3)) && f < families; f++) {
			struct prefix dst = { (uint8_t)f, (uint8_t)n->len[f],
					      net_addr(n, (enum family)f, 0) };
			routes_of(m, dst, n->member, n->n, n->color);
		}
	}
	for (unsigned f = 0; m->outside < m->n_nodes && f < families; f++) {
		struct prefix all = { .family = (uint8_t)f };
		routes_of(m, all, &m->outside, 1, m->nodes[m->outside].color);
		struct route x = { .dst = all,
				   .segment = segment_of(m->nodes[m->outside].color) };
		x.port = m->twist == TWIST_RENAME ? "renamed-way-out" : "way-out";
		if (f == FAMILY_V4 && one_in(r, 2))
			x.has_via = true, x.via = (struct addr){ 0, 0xcb007101 };
		push_route(m, m->outside, x);
	}
	/* addresses that are translated by a device are reached through it */
	for (unsigned d = 0; d < m->n_devices; d++)
		for (unsigned f = 0; f < families; f++)
			for (unsigned i = 0; i < m->n_nodes; i++)
				if (m->nodes[i].device == d && !one_in(r, 3))
					routes_of(m,
						  (struct prefix){
							  (uint8_t)f, f ? 64 : 24,
							  public_addr((enum family)f, d, 0) },
						  &i, 1, m->nodes[i].color);
}

static unsigned net_of_port(const struct maker *m, const char *name, unsigned *ret_member)
{
	for (unsigned i = 0; i < m->n_nets; i++)
		for (unsigned k = 0; k < m->nets[i].n; k++) {
			char old[32], new[32];
			snprintf(old, sizeof(old), "p%u.%u", i, k);
			snprintf(new, sizeof(new), "renamed-%u.%u", i, k);
			if (!strcmp(name, old) || !strcmp(name, new))
				return *ret_member = k, i;
		}
	return m->n_nets;
}

/* Mistakes, leaks between VRFs, narrower routes. */
void random_oddities(struct maker *m)
{
	struct rng *r = &m->r;
	for (unsigned node = 0; node < m->n_nodes; node++) {
		const struct node *me = &m->nodes[node];
		unsigned net = below(r, m->n_nets);
		enum family f = m->v6 && one_in(r, 3) ? FAMILY_V6 : FAMILY_V4;
		const struct net *n = &m->nets[net];
		struct prefix dst = { (uint8_t)f, (uint8_t)n->len[f], net_addr(n, f, 0) };
		if (m->colors && one_in(r, 3)) {
			bool both = false;
			for (unsigned i = 0; i < m->n_nodes; i++)
				both |= m->nodes[i].device == me->device &&
					m->nodes[i].color != me->color;
			if (both)
				push_route(m, node,
					   (struct route){ .dst = dst,
							   .segment = segment_of(me->color),
							   .into = me->color ? "" : "red" });
		}
		if (one_in(r, 6)) {
			/* a part of it goes another way */
			dst.len = (uint8_t)(dst.len + 1 + below(r, 4));
			if (one_in(r, 2)) {
				push_route(m, node,
					   (struct route){ .dst = dst,
							   .drop = true,
							   .segment = segment_of(me->color) });
			} else {
				unsigned own = 0, over = below(r, m->n_nets);
				const struct net *o = &m->nets[over];
				while (own < o->n && o->member[own] != node)
					own++;
				if (own < o->n && o->n > 1)
					push_route(m, node,
						   route_over(m, node, dst, over, own ? 0 : 1));
			}
		}
		if (one_in(r, 25))
			push_route(m, node,
				   (struct route){ .dst = { (uint8_t)f, (uint8_t)addr_bits(f),
							    net_addr(n, f, 9) },
						   .segment = segment_of(me->color),
						   .local = true });
	}
}

void connected_routes(struct maker *m, unsigned d)
{
	struct device_build *b = m->build[d];
	b->dev.connected = !one_in(&m->r, 10);
	for (size_t i = 0; !b->dev.connected && i < b->ports.n; i++)
		for (size_t k = 0; k < b->ports.v[i].n_prefixes; k++)
			*vec_add(&b->routes) = (struct route){ .dst = b->ports.v[i].prefixes[k],
							       .segment = b->ports.v[i].segment,
							       .port = b->ports.v[i].name };
}

/* ---- route rules ---- */

void random_rules(struct maker *m, unsigned d)
{
	struct rng *r = &m->r;
	struct device_build *b = m->build[d];
	if (!one_in(r, 4) || !b->ports.n)
		return;
	unsigned n = 1 + below(r, 3);
	for (unsigned i = 0; i < n; i++) {
		unsigned member = 0, kind = below(r, 12);
		const struct port *in = &b->ports.v[below(r, (unsigned)b->ports.n)];
		struct route_rule x = { .in = one_in(r, 2) ? in->name : NULL,
					.match = random_match(m),
					.suppress = -1 };
		const struct port *out = &b->ports.v[below(r, (unsigned)b->ports.n)];
		unsigned net = net_of_port(m, out->name, &member);
		if (kind < 6 && net < m->n_nets && m->nets[net].n > 1) {
			x.kind = ROUTE_VIA;
			x.has_via = true;
			x.via = member_addr(&m->nets[net], FAMILY_V4, member ? 0 : 1);
			x.match = match_and(&m->re->snap->matches, x.match,
					    match_family(&m->re->snap->matches, FAMILY_V4));
			x.port = out->name;
		} else if (kind < 7) {
			x.kind = ROUTE_DROP;
		} else if (kind < 8 && m->unknowns) {
			x.kind = ROUTE_UNKNOWN;
			x.why = "not told";
		} else {
			x.kind = ROUTE_LOOKUP;
			x.falls = !one_in(r, 4);
			x.table = "alt";
			if (one_in(r, 3))
				x.table = in->segment, x.in = in->name,
				x.suppress = (int)below(r, 24);
			struct route alt = { .segment = "alt", .dst = { .family = FAMILY_V4 } };
			struct addr a = some_addr(m->re, r, FAMILY_V4);
			alt.dst.len = PICK(r, ((const uint8_t[]){ 0, 8, 16, 24 }));
			alt.dst.addr = addr_and(a, addr_mask(FAMILY_V4, alt.dst.len));
			if (net < m->n_nets && m->nets[net].n > 1) {
				alt.port = out->name, alt.has_via = true;
				alt.via = member_addr(&m->nets[net], FAMILY_V4, member ? 0 : 1);
				*vec_add(&b->routes) = alt;
			}
		}
		*vec_add(&b->route_rules) = x;
	}
	for (size_t i = 0; i < b->ports.n; i++)
		if (b->ports.v[i].segment)
			*vec_add(&b->route_rules) =
				(struct route_rule){ .kind = ROUTE_LOOKUP,
						     .in = b->ports.v[i].name,
						     .table = b->ports.v[i].segment,
						     .suppress = -1 };
	*vec_add(&b->route_rules) = (struct route_rule){ .kind = ROUTE_LOOKUP, .suppress = -1 };
}
