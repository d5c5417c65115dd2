/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where zones are. A binding says it; otherwise the networks that ports are connected to do, or
 * an uplink takes what nothing else tells of. A binding names a zone, and may mean but one of
 * its subnets: addresses that no router on the bound link has a network for, and that are in a
 * connected network elsewhere, are there as well.
 */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "model/search_internal.h"

struct builder {
	struct arena *arena;
	struct graph *g;
};

struct attaches {
	VEC(struct graph_attach) v;
};

struct ends {
	VEC(uint32_t) v; /* ports */
	bool cut;	 /* there was another, which is down */
};

static struct spans zone_spans(const struct zone *z, int f)
{
	return (struct spans){ z->spans[f], z->n_spans[f] };
}

static struct spans port_spans(struct arena *a, const struct port *p, int f)
{
	struct span *v = arena_array(a, p->n_prefixes, sizeof(*v));
	size_t n = 0;
	for (size_t i = 0; i < p->n_prefixes; i++)
		if (p->prefixes[i].family == f)
			v[n++] = span_prefix((enum family)f, p->prefixes[i].addr,
					     p->prefixes[i].len);
	return (struct spans){ v, spans_normalise(v, n) };
}

/* The networks of those that route on the links that frames from the port get to. */
static struct spans link_spans(struct builder *b, uint32_t port, enum family f)
{
	const struct graph *g = b->g;
	VEC(struct span) nets = { 0 };
	struct domain dm;
	if (g->ports[port].port->edge || g->ports[port].port->outside)
		return port_spans(b->arena, g->ports[port].port, f);
	search_flood(g, port, true, &dm);
	for (size_t i = 0; i < dm.n; i++) {
		const struct graph_link *l = &g->links[dm.v[i].link];
		for (size_t k = 0; k < l->n; k++) {
			const struct port *p =
				g->ports[search_routed_port(g, l->ports[k])].port;
			for (size_t m = 0; m < p->n_prefixes; m++)
				if (p->prefixes[m].family == f)
					*vec_add(&nets) = span_prefix(f, p->prefixes[m].addr,
								      p->prefixes[m].len);
		}
	}
	struct spans r = { vec_keep(b->arena, &nets), nets.n };
	r.n = spans_normalise((struct span *)r.v, r.n);
	vec_free(&nets);
	return r;
}

/* The port of a binding that has a link: a subnet rather than the groups beside it. */
static uint32_t main_port(struct builder *b, uint32_t node, const struct binding *x)
{
	uint32_t best = GRAPH_NONE;
	for (size_t i = 0; i < x->n_ports; i++) {
		const char *name = x->ports[i];
		uint32_t p = graph_port_of(b->g, node, name);
		if (p == GRAPH_NONE && !strncmp(name, "vlan:", 5)) {
			int vlan = atoi(name + 5);
			const struct device *d = b->g->nodes[node].device;
			for (uint32_t k = 0; k < d->n_ports; k++)
				if (d->ports[k].vlan == vlan &&
				    (p == GRAPH_NONE || d->ports[k].n_prefixes))
					p = b->g->nodes[node].first + k;
		}
		if (p == GRAPH_NONE)
			return GRAPH_NONE;
		const char *kind = b->g->ports[p].port->kind;
		if (kind && !strcmp(kind, "security-group"))
			continue;
		if (best == GRAPH_NONE || !b->g->ports[p].port->part)
			best = p;
	}
	return best;
}

/*
 * Of several ports that a zone is behind, an address in the network of one is behind that one;
 * an address in none of their networks may be behind any.
 */
static void share_out(struct builder *b, struct attaches *as, const struct zone *z)
{
	for (int f = 0; f < FAMILY_COUNT; f++) {
		struct spans all = zone_spans(z, f), taken = { NULL, 0 };
		struct spans *own = xcalloc(as->v.n, sizeof(*own));
		for (size_t i = 0; i < as->v.n; i++) {
			if (as->v.v[i].port == GRAPH_NONE)
				continue;
			own[i] = spans_both(b->arena, all,
					    link_spans(b, as->v.v[i].port, (enum family)f));
			taken = spans_either(b->arena, taken, own[i]);
		}
		struct spans rest = as->v.n > 1 ? spans_without(b->arena, all, taken) : all;
		for (size_t i = 0; i < as->v.n; i++)
			as->v.v[i].spans[f] =
				as->v.n > 1 ? spans_either(b->arena, own[i], rest) : all;
		free(own);
	}
}

static void attach_bound(struct builder *b, const struct zone *z, struct attaches *out)
{
	const struct estate *e = b->g->estate;
	for (size_t i = 0; i < e->n_bindings; i++) {
		const struct binding *x = &e->bindings[i];
		if (x->zone != z)
			continue;
		uint32_t node = graph_node_named(b->g, x->device);
		if (node == GRAPH_NONE) {
			struct graph_zone *gz = &b->g->attached[z - e->policy->zones];
			gz->unread = gz->unread ? gz->unread : x;
			continue;
		}
		*vec_add(&out->v) = (struct graph_attach){ .zone = z,
							   .node = node,
							   .ports = x->ports,
							   .n_ports = x->n_ports,
							   .port = main_port(b, node, x),
							   .bound = true,
							   .at = x->at };
	}
	share_out(b, out, z);
}

static void attach_at(struct builder *b, const struct zone *z, uint32_t port,
		      const struct spans spans[FAMILY_COUNT], struct attaches *out)
{
	const struct graph_port *gp = &b->g->ports[port];
	const char **name;
	struct graph_attach at = {
		.zone = z, .node = gp->node, .n_ports = 1, .port = port, .at = gp->port->at
	};
	bool any = false;
	for (int f = 0; f < FAMILY_COUNT; f++)
		any |= spans[f].n > 0, at.spans[f] = spans[f];
	if (!any)
		return;
	name = arena_array(b->arena, 1, sizeof(*name));
	name[0] = gp->port->name;
	at.ports = name;
	*vec_add(&out->v) = at;
}

/* Those that are in a network of the port. */
static void attach_by_network(struct builder *b, uint32_t port, const struct zone *z,
			      const struct spans of[FAMILY_COUNT], struct attaches *out)
{
	const struct port *p = b->g->ports[port].port;
	struct spans mine[FAMILY_COUNT];
	bool meets = false;
	for (size_t i = 0; i < p->n_prefixes && !meets; i++) {
		enum family f = (enum family)p->prefixes[i].family;
		struct span net = span_prefix(f, p->prefixes[i].addr, p->prefixes[i].len);
		meets = spans_meet(of[f], (struct spans){ &net, 1 });
	}
	if (!meets)
		return;
	for (int f = 0; f < FAMILY_COUNT; f++)
		mine[f] = spans_both(b->arena, of[f], port_spans(b->arena, p, f));
	attach_at(b, z, port, mine, out);
}

/* Where an address says that a zone's hosts are. */
static bool holds_hosts(const struct port *p)
{
	return p->up && !p->alone && !p->part && !p->outside && p->n_prefixes;
}

/*
 * A port that is down has some of the zone's addresses: nothing tells where the zone is now. (Of a
 * Linux port that is down no IPv6 network is told.)
 */
static bool cut_off(struct builder *b, const struct zone *z, const struct port *p)
{
	bool meets = false;
	for (int f = 0; f < FAMILY_COUNT; f++)
		meets |= spans_meet(zone_spans(z, f), port_spans(b->arena, p, f));
	return meets && !p->up && !p->alone && !p->part;
}

static bool in_segment(const struct zone *z, const struct port *p)
{
	return !z->segment || (p->segment && !strcmp(p->segment, z->segment));
}

/* What no port has is behind the uplinks. */
static void attach_uplinks(struct builder *b, const struct zone *z,
			   const struct spans of[FAMILY_COUNT], struct attaches *out)
{
	for (uint32_t i = 0; i < b->g->n_nodes; i++) {
		const char *name = b->g->nodes[i].device->name;
		for (size_t k = 0; k < b->g->estate->n_sources; k++) {
			const struct estate_source *src = &b->g->estate->sources[k];
			size_t len = strlen(src->name);
			if (!src->uplink || strncmp(name, src->name, len) ||
			    (name[len] && name[len] != ':'))
				continue;
			uint32_t p = graph_port_of(b->g, i, src->uplink);
			if (p != GRAPH_NONE)
				attach_at(b, z, p, of, out);
		}
	}
}

static void attach_found(struct builder *b, const struct zone *z, struct attaches *out)
{
	struct spans rest[FAMILY_COUNT] = { zone_spans(z, FAMILY_V4),
					    zone_spans(z, FAMILY_V6) };
	const struct spans all[FAMILY_COUNT] = { rest[FAMILY_V4], rest[FAMILY_V6] };
	bool lost = false;
	for (uint32_t i = 0; i < b->g->n_ports; i++) {
		const struct port *p = b->g->ports[i].port;
		if (z->external && p->outside)
			attach_at(b, z, i, all, out);
		else if (!z->external && holds_hosts(p) && in_segment(z, p))
			attach_by_network(b, i, z, all, out);
		else if (!z->external && in_segment(z, p))
			lost |= cut_off(b, z, p);
	}
	if (z->external && out->v.n)
		return;
	vec_each (at, &out->v)
		for (int f = 0; f < FAMILY_COUNT; f++)
			rest[f] = spans_without(b->arena, rest[f], at->spans[f]);
	if (!lost)
		attach_uplinks(b, z, rest, out);
}

/*
 * A port's own link may be a cable to a bridge, and the bridge's other ports cables to others:
 * the hosts of its network are where cables end at nobody that was read. Those ports, by the
 * links that frames get to; where the only ones are down, nothing tells where the hosts are now.
 */
static void dead_ends(const struct graph *g, uint32_t port, struct ends *out)
{
	VEC(uint32_t) links = { 0 };
	bool *known = xcalloc(g->n_links, sizeof(*known));
	const struct graph_port *p = &g->ports[port];
	for (size_t i = 0; i < p->n_members; i++)
		*vec_add(&links) = g->ports[p->members[i]].link;
	if (!p->n_members)
		*vec_add(&links) = p->link;
	vec_each (l, &links)
		known[*l] = true;
	for (size_t i = 0; i < links.n; i++) {
		const struct graph_link *l = &g->links[links.v[i]];
		for (size_t k = 0; k < l->n; k++) {
			const struct graph_port *q = &g->ports[l->ports[k]];
			bool lone = l->n == 1 && q->port->up;
			if (q->master == GRAPH_NONE || (lone && l->ports[k] == port))
				continue;
			if (lone)
				*vec_add(&out->v) = l->ports[k];
			const struct graph_port *bridge = &g->ports[q->master];
			for (size_t m = 0; m < bridge->n_members; m++) {
				const struct graph_port *next = &g->ports[bridge->members[m]];
				out->cut |= !next->port->up;
				if (!next->port->up || known[next->link])
					continue;
				known[next->link] = true;
				*vec_add(&links) = next->link;
			}
		}
	}
	free(known);
	vec_free(&links);
}

/* Whether hosts may be on the port's own link: it isn't a cable with a bridge at its other end.
 */
static bool has_room(const struct graph *g, uint32_t port)
{
	const struct graph_link *l = &g->links[g->ports[port].link];
	if (g->ports[port].n_members)
		return false;
	return !(g->ports[port].port->wire && l->n == 2 &&
		 (g->ports[l->ports[0]].master != GRAPH_NONE ||
		  g->ports[l->ports[1]].master != GRAPH_NONE));
}

/* Zones that were found by a network, moved to where its hosts are. */
static void move_to_ends(struct builder *b, struct attaches *as)
{
	struct attaches moved = { { 0 } };
	vec_each (at, &as->v) {
		struct ends ends = { { 0 } };
		if (!has_room(b->g, at->port))
			dead_ends(b->g, at->port, &ends);
		if (!ends.v.n && !ends.cut)
			*vec_add(&moved.v) = *at;
		vec_each (e, &ends.v) {
			const struct graph_port *gp = &b->g->ports[*e];
			bool old = false;
			vec_each (m, &moved.v)
				old |= m->port == *e;
			if (old)
				continue;
			const char **name = arena_array(b->arena, 1, sizeof(*name));
			name[0] = gp->port->name;
			struct graph_attach *m = vec_add(&moved.v);
			*m = *at;
			m->node = gp->node;
			m->port = *e;
			m->ports = name;
		}
		vec_free(&ends.v);
	}
	vec_free(&as->v);
	*as = moved;
}

/* Another zone is on the link of the port, which has an address of s: tenants may have the
 * same. */
static bool others_there(const struct builder *b, const struct attaches *all, size_t n,
			 uint32_t port, enum family f, struct spans s)
{
	const struct graph *g = b->g;
	for (size_t i = 0; i < n; i++)
		vec_each (at, &all[i].v) {
			struct domain dm;
			if ((all[i].v.v[0].bound && !at->bound) || at->port == GRAPH_NONE ||
			    !spans_meet(at->spans[f], s))
				continue;
			search_flood(g, at->port, true, &dm);
			for (size_t k = 0; k < dm.n; k++)
				if (dm.v[k].link == g->ports[port].link)
					return true;
			for (size_t m = 0; m < g->ports[port].n_members; m++)
				for (size_t k = 0; k < dm.n; k++)
					if (dm.v[k].link ==
					    g->ports[g->ports[port].members[m]].link)
						return true;
		}
	return false;
}

/* Of a zone that is bound: what is in connected networks elsewhere, and in none where it is
 * bound. */
static void attach_elsewhere(struct builder *b, const struct zone *z, struct attaches *all,
			     size_t n, struct attaches *bound)
{
	struct spans rest[FAMILY_COUNT];
	struct attaches found = { { 0 } };
	bool any = false;
	for (int f = 0; f < FAMILY_COUNT; f++) {
		rest[f] = zone_spans(z, f);
		vec_each (at, &bound->v)
			if (at->port != GRAPH_NONE && rest[f].n)
				rest[f] =
					spans_without(b->arena, rest[f],
						      link_spans(b, at->port, (enum family)f));
		any |= rest[f].n > 0;
	}
	for (uint32_t i = 0; i < b->g->n_ports && any; i++) {
		const struct port *p = b->g->ports[i].port;
		if (!holds_hosts(p) || p->edge || !in_segment(z, p))
			continue;
		size_t before = found.v.n;
		attach_by_network(b, i, z, rest, &found);
		for (int f = 0; f < FAMILY_COUNT && found.v.n > before; f++)
			if (others_there(b, all, n, i, (enum family)f,
					 found.v.v[before].spans[f]))
				found.v.n = before;
	}
	if (found.v.n)
		move_to_ends(b, &found);
	vec_each (x, &found.v) {
		/* nobody routes for them behind a mere bridge with other networks */
		vec_each (at, &bound->v)
			for (int f = 0; f < FAMILY_COUNT; f++)
				if (at->port != GRAPH_NONE &&
				    !graph_is_gateway(b->g, at->port) &&
				    link_spans(b, at->port, (enum family)f).n)
					at->spans[f] = spans_without(b->arena, at->spans[f],
								     x->spans[f]);
		*vec_add(&bound->v) = *x;
	}
	vec_free(&found.v);
}

static void attach_zones(struct builder *b)
{
	const struct policy *p = b->g->estate->policy;
	struct attaches *all = xcalloc(p->n_zones, sizeof(*all));
	b->g->attached = arena_array(b->arena, p->n_zones, sizeof(*b->g->attached));
	for (size_t i = 0; i < p->n_zones; i++) {
		attach_bound(b, &p->zones[i], &all[i]);
		if (all[i].v.n)
			continue;
		attach_found(b, &p->zones[i], &all[i]);
		move_to_ends(b, &all[i]);
	}
	for (size_t i = 0; i < p->n_zones; i++)
		if (all[i].v.n && all[i].v.v[0].bound && !p->zones[i].external)
			attach_elsewhere(b, &p->zones[i], all, p->n_zones, &all[i]);
	for (size_t i = 0; i < p->n_zones; i++) {
		b->g->attached[i].v = vec_keep(b->arena, &all[i].v);
		b->g->attached[i].n = all[i].v.n;
		vec_free(&all[i].v);
		for (int f = 0; f < FAMILY_COUNT; f++)
			b->g->attached[i].destinations[f] =
				path_destinations(b->arena, b->g->snap, (enum family)f,
						  zone_spans(&p->zones[i], f));
	}
	free(all);
}

/* Counts where a link has no room yet, and then puts them there. */
static void zone_on_link(struct graph_link *l, const struct graph_attach *at)
{
	if (l->zones)
		l->zones[l->n_zones] = at;
	l->n_zones++;
}

static void zones_on_links(struct graph *g)
{
	for (size_t i = 0; i < g->estate->policy->n_zones; i++)
		for (size_t k = 0; k < g->attached[i].n; k++) {
			const struct graph_attach *at = &g->attached[i].v[k];
			if (at->port == GRAPH_NONE)
				continue;
			const struct graph_port *p = &g->ports[at->port];
			zone_on_link(&g->links[p->link], at);
			for (size_t m = 0; m < p->n_members; m++)
				zone_on_link(&g->links[g->ports[p->members[m]].link], at);
		}
}

void graph_zones(struct arena *a, struct graph *g)
{
	struct builder b = { a, g };
	attach_zones(&b);
	zones_on_links(g);
	for (size_t i = 0; i < g->n_links; i++) {
		struct graph_link *l = &g->links[i];
		l->zones = arena_array(a, l->n_zones, sizeof(*l->zones));
		l->n_zones = 0;
	}
	zones_on_links(g);
}
