/* SPDX-License-Identifier: Apache-2.0 */
#include "model/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "model/path_internal.h"

struct builder {
	struct arena *arena;
	struct graph *g;
	uint32_t *group;  /* of each port: union-find */
	const char **why; /* of each port: why its link isn't whole */
	struct loc *why_at;
	bool *wired; /* joined by a wire or a declared link */
};

static uint32_t find(struct builder *b, uint32_t x)
{
	while (b->group[x] != x)
		x = b->group[x] = b->group[b->group[x]];
	return x;
}

static void join(struct builder *b, uint32_t x, uint32_t y)
{
	x = find(b, x), y = find(b, y);
	if (x < y)
		b->group[y] = x;
	else
		b->group[x] = y;
}

static int name_order(const void *x, const void *y, void *arg)
{
	const struct graph *g = arg;
	return strcmp(g->ports[*(const uint32_t *)x].port->name,
		      g->ports[*(const uint32_t *)y].port->name);
}

uint32_t graph_port_of(const struct graph *g, uint32_t node, const char *name)
{
	const struct graph_node *n = &g->nodes[node];
	size_t lo = 0, hi = n->device->n_ports;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(name, g->ports[n->by_name[mid]].port->name);
		if (!c)
			return n->by_name[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	const struct port *p = device_port(n->device, name);
	return p ? n->first + (uint32_t)(p - n->device->ports) : GRAPH_NONE;
}

uint32_t graph_node_of(const struct graph *g, const struct device *d)
{
	for (size_t i = 0; i < g->n_nodes; i++)
		if (g->nodes[i].device == d)
			return (uint32_t)i;
	return GRAPH_NONE;
}

const struct estate_source *graph_source_of(const struct graph *g, const struct device *d)
{
	uint32_t node = graph_node_of(g, d);
	return node == GRAPH_NONE ? NULL : g->nodes[node].source;
}

static void add_ports(struct builder *b)
{
	struct graph *g = b->g;
	size_t n = 0;
	g->n_nodes = g->snap->devices.n;
	g->nodes = arena_array(b->arena, g->n_nodes, sizeof(*g->nodes));
	for (size_t i = 0; i < g->n_nodes; i++) {
		g->nodes[i].device = g->snap->devices.v[i];
		g->nodes[i].source = path_source(g->estate, g->nodes[i].device);
		g->nodes[i].first = (uint32_t)n;
		n += g->nodes[i].device->n_ports;
	}
	g->ports = arena_array(b->arena, n, sizeof(*g->ports));
	g->n_ports = n;
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		struct graph_node *nd = &g->nodes[i];
		size_t m = nd->device->n_ports;
		uint32_t *names = arena_array(b->arena, m, sizeof(*names));
		for (uint32_t k = 0; k < m; k++) {
			g->ports[nd->first + k] =
				(struct graph_port){ .device = nd->device,
						     .port = &nd->device->ports[k],
						     .node = i,
						     .master = GRAPH_NONE };
			names[k] = nd->first + k;
		}
		if (m)
			qsort_r(names, m, sizeof(*names), name_order, g);
		nd->by_name = names;
		nd->fibs = fibs_build(b->arena, nd->device);
	}
}

static bool is_bridge(const struct port *p)
{
	return p->kind && !strcmp(p->kind, "bridge");
}

static void add_bridges(struct builder *b)
{
	struct graph *g = b->g;
	for (uint32_t i = 0; i < g->n_ports; i++) {
		if (!is_bridge(g->ports[i].port))
			continue;
		const struct device *d = g->ports[i].device;
		uint32_t first = g->nodes[g->ports[i].node].first;
		VEC(uint32_t) members = { 0 };
		for (uint32_t k = first; k < first + d->n_ports; k++) {
			const char *master = g->ports[k].port->master;
			if (!master || strcmp(master, g->ports[i].port->name))
				continue;
			g->ports[k].master = i;
			*vec_add(&members) = k;
		}
		g->ports[i].members = vec_keep(b->arena, &members);
		g->ports[i].n_members = members.n;
		vec_free(&members);
	}
}

static void join_wires(struct builder *b)
{
	struct map wires = { 0 };
	for (uint32_t i = 0; i < b->g->n_ports; i++) {
		const struct port *p = b->g->ports[i].port;
		if (!p->wire)
			continue;
		b->wired[i] = true;
		void **at = map_at(&wires, p->wire);
		if (*at)
			join(b, (uint32_t)((uintptr_t)*at - 1), i);
		else
			*at = (void *)((uintptr_t)i + 1);
	}
	map_finish(&wires);
}

uint32_t graph_node_named(const struct graph *g, const char *device)
{
	for (uint32_t i = 0; i < g->n_nodes; i++)
		if (!strcmp(g->nodes[i].device->name, device))
			return i;
	return GRAPH_NONE;
}

static void join_declared(struct builder *b)
{
	const struct estate *e = b->g->estate;
	for (size_t i = 0; e && i < e->n_links; i++) {
		const struct estate_link *l = &e->links[i];
		uint32_t first = GRAPH_NONE;
		bool missing = false;
		VEC(uint32_t) ends = { 0 };
		for (size_t k = 0; k < l->n; k++) {
			uint32_t node = graph_node_named(b->g, l->device[k]);
			uint32_t p = node == GRAPH_NONE ? GRAPH_NONE
							: graph_port_of(b->g, node, l->port[k]);
			missing |= p == GRAPH_NONE;
			if (p == GRAPH_NONE)
				continue;
			*vec_add(&ends) = p;
			b->wired[p] = true;
			if (first != GRAPH_NONE)
				join(b, first, p);
			first = p;
		}
		vec_each (p, &ends)
			if (missing) {
				b->why[*p] = "another end of a declared link was not read";
				b->why_at[*p] = l->at;
			}
		vec_free(&ends);
	}
}

/* One port's claim that its link has that network. */
struct claim {
	struct prefix net;
	struct addr own;
	uint32_t port;	 /* that has the link */
	uint32_t holder; /* that has the address: the bridge, or the port */
};

static int claim_order(const void *x, const void *y)
{
	const struct claim *a = x, *b = y;
	if (a->net.family != b->net.family)
		return a->net.family < b->net.family ? -1 : 1;
	int c = addr_compare(a->net.addr, b->net.addr);
	if (c)
		return c;
	if (a->net.len != b->net.len)
		return a->net.len < b->net.len ? -1 : 1;
	return a->port < b->port ? -1 : a->port > b->port;
}

/* The port by which the holder of a network is on its link; GRAPH_NONE: on none that others
 * could share. */
static uint32_t port_of_network(struct builder *b, uint32_t i)
{
	const struct graph_port *gp = &b->g->ports[i];
	uint32_t open = GRAPH_NONE;
	size_t n = 0;
	if (!is_bridge(gp->port))
		return b->wired[i] || gp->port->edge ? GRAPH_NONE : i;
	for (size_t k = 0; k < gp->n_members; k++)
		if (!b->wired[gp->members[k]] && b->g->ports[gp->members[k]].port->up)
			open = gp->members[k], n++;
	/* one of several ports leads there: the bridge as a whole stands for them */
	return n > 1 ? i : open;
}

static bool is_network(const struct prefix *x)
{
	static const struct addr link_local = { 0xfe80ull << 48, 0 };
	if (x->len >= addr_bits((enum family)x->family))
		return false;
	return x->family == FAMILY_V4 || x->addr.hi >> 54 != link_local.hi >> 54;
}

static bool contradicts(const struct graph *g, const struct claim *a, const struct claim *b)
{
	const struct port *x = g->ports[a->holder].port, *y = g->ports[b->holder].port;
	if (addr_equal(a->own, b->own))
		return true;
	if (x->vlan && y->vlan && x->vlan != y->vlan)
		return true;
	return g->ports[a->holder].node == g->ports[b->holder].node;
}

static void join_network(struct builder *b, const struct claim *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n && n <= 4096; k++) {
			if (v[i].port == v[k].port || !contradicts(b->g, &v[i], &v[k]))
				continue;
			struct text t = { 0 };
			addr_print(&t, (enum family)v->net.family, v->net.addr);
			const char *why = arena_printf(
				b->arena,
				"%s/%u is there twice (%s %s and %s %s), and nothing tells the "
				"links apart: declare them",
				t.s, v->net.len, b->g->ports[v[i].holder].device->name,
				b->g->ports[v[i].holder].port->name,
				b->g->ports[v[k].holder].device->name,
				b->g->ports[v[k].holder].port->name);
			text_finish(&t);
			for (size_t m = 0; m < n; m++) {
				b->why[v[m].port] = why;
				b->why_at[v[m].port] = b->g->ports[v[m].holder].port->at;
			}
			return;
		}
	for (size_t i = 1; i < n; i++)
		join(b, v[0].port, v[i].port);
}

static void join_networks(struct builder *b)
{
	VEC(struct claim) claims = { 0 };
	for (uint32_t i = 0; i < b->g->n_ports; i++) {
		const struct port *p = b->g->ports[i].port;
		if (!p->up || p->alone || p->edge || p->part)
			continue;
		uint32_t at = port_of_network(b, i);
		for (size_t k = 0; k < p->n_prefixes && at != GRAPH_NONE; k++) {
			const struct prefix *x = &p->prefixes[k];
			if (!is_network(x))
				continue;
			*vec_add(&claims) = (struct claim){
				{ x->family, x->len,
				  addr_and(x->addr,
					   addr_mask((enum family)x->family, x->len)) },
				k < p->n_prefixes && p->addrs ? p->addrs[k] : x->addr,
				at,
				i
			};
		}
	}
	if (claims.n)
		qsort(claims.v, claims.n, sizeof(*claims.v), claim_order);
	for (size_t i = 0, end; i < claims.n; i = end) {
		for (end = i + 1; end < claims.n; end++)
			if (claims.v[end].net.family != claims.v[i].net.family ||
			    claims.v[end].net.len != claims.v[i].net.len ||
			    !addr_equal(claims.v[end].net.addr, claims.v[i].net.addr))
				break;
		if (end - i > 1)
			join_network(b, &claims.v[i], end - i);
	}
	vec_free(&claims);
}

static void make_links(struct builder *b)
{
	struct graph *g = b->g;
	uint32_t *count = xcalloc(g->n_ports, sizeof(*count));
	for (uint32_t i = 0; i < g->n_ports; i++)
		count[find(b, i)]++;
	g->links = arena_array(b->arena, g->n_ports, sizeof(*g->links));
	for (uint32_t i = 0; i < g->n_ports; i++) {
		uint32_t root = find(b, i);
		if (root == i) {
			g->ports[i].link = (uint32_t)g->n_links;
			g->links[g->n_links++].ports =
				arena_array(b->arena, count[i], sizeof(uint32_t));
		}
		struct graph_link *l = &g->links[g->ports[root].link];
		g->ports[i].link = g->ports[root].link;
		((uint32_t *)l->ports)[l->n++] = i;
		if (b->why[i] && !l->why)
			l->why = b->why[i], l->why_at = b->why_at[i];
	}
	free(count);
}

/* "vxlan 5 port 4789 among 192.0.2.1, 192.0.2.2": whether two such wires have an end in common. */
static bool share_an_end(const char *a, const char *b)
{
	const char *ends = strstr(a, " among "), *others = strstr(b, " among ");
	if (!ends || !others)
		return false;
	for (const char *e = ends + 7; *e;) {
		size_t len = strcspn(e, ",");
		for (const char *o = others + 7; *o;) {
			size_t n = strcspn(o, ",");
			if (n == len && !memcmp(e, o, n))
				return true;
			o += n + strspn(o + n, ", ");
		}
		e += len + strspn(e + len, ", ");
	}
	return false;
}

/* Tunnel ports of one overlay that know different ends of it. */
static void tear_overlays(struct builder *b)
{
	struct graph *g = b->g;
	for (uint32_t i = 0; i < g->n_ports; i++)
		for (uint32_t k = 0; k < g->n_ports && g->ports[i].port->has_vni; k++) {
			const struct port *p = g->ports[i].port, *q = g->ports[k].port;
			struct graph_link *l = &g->links[g->ports[i].link];
			if (l->torn || !q->has_vni || p->vni != q->vni || !p->wire || !q->wire ||
			    !strcmp(p->wire, q->wire) || !share_an_end(p->wire, q->wire))
				continue;
			l->torn = arena_printf(b->arena,
					       "%s of %s and %s of %s know different ends of VNI %u",
					       p->name, g->ports[i].device->name, q->name,
					       g->ports[k].device->name, p->vni);
		}
}

struct graph *graph_create(struct arena *a, const struct estate *e, const struct snapshot *s)
{
	struct graph *g = arena_alloc(a, sizeof(*g));
	struct builder b = { .arena = a, .g = g };
	g->estate = e;
	g->snap = s;
	add_ports(&b);
	b.group = xcalloc(g->n_ports, sizeof(*b.group));
	b.why = xcalloc(g->n_ports, sizeof(*b.why));
	b.why_at = xcalloc(g->n_ports, sizeof(*b.why_at));
	b.wired = xcalloc(g->n_ports, sizeof(*b.wired));
	for (uint32_t i = 0; i < g->n_ports; i++)
		b.group[i] = i;
	add_bridges(&b);
	join_wires(&b);
	join_declared(&b);
	join_networks(&b);
	make_links(&b);
	tear_overlays(&b);
	graph_zones(a, g);
	free(b.group);
	free(b.why);
	free(b.why_at);
	free(b.wired);
	return g;
}

bool graph_is_gateway(const struct graph *g, uint32_t port)
{
	const struct graph_port *gp = &g->ports[port];
	return gp->port->edge || !gp->device->netfilter ||
	       (gp->master == GRAPH_NONE && !gp->n_members);
}
