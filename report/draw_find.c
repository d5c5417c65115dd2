/* SPDX-License-Identifier: Apache-2.0 */
#include "report/draw_find.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/graph.h"

/* --- devices --- */

static size_t device_of(struct draw_found *fd, const char *name)
{
	void **at = map_at(&fd->device_index, name);
	if (*at)
		return (size_t)(uintptr_t)*at - 1;
	const struct device *d = snapshot_device(fd->snap, name);
	struct draw_device *dd = vec_add(&fd->devices);
	*at = (void *)(uintptr_t)fd->devices.n;
	*vec_add(&fd->models) = d;
	dd->label = name;
	dd->says = d ? d->vendor : "not read";
	dd->missing = !d;
	if (d) {
		dd->plane = d->plane;
		return fd->devices.n - 1;
	}
	size_t len = strcspn(name, ":");
	for (size_t i = 0; i < fd->estate->n_sources; i++) {
		const struct estate_source *src = &fd->estate->sources[i];
		if (!strncmp(src->name, name, len) && !src->name[len] && src->plane >= 0)
			dd->plane = (uint8_t)src->plane;
	}
	return fd->devices.n - 1;
}

static void add_devices(struct draw_found *fd)
{
	for (size_t i = 0; i < fd->snap->devices.n; i++)
		device_of(fd, fd->snap->devices.v[i]->name);
	/* A source that gave no device has its place all the same. */
	for (size_t i = 0; i < fd->estate->n_sources; i++) {
		bool any = false;
		for (size_t k = 0; k < fd->snap->devices.n && !any; k++)
			any = path_source(fd->estate, fd->snap->devices.v[k]) ==
			      &fd->estate->sources[i];
		if (!any)
			device_of(fd, fd->estate->sources[i].name);
	}
}

/* --- where zones are --- */

/* The device's own name for a port of the estate, several of which may apply together. */
static const char *port_label(struct draw_found *fd, size_t device, const char *const *v,
			      size_t n)
{
	const struct device *d = fd->models.v[device];
	struct text t = { 0 };
	for (size_t i = 0; i < n; i++) {
		const struct port *p = d ? device_port(d, v[i]) : NULL;
		text_putf(&t, "%s%s", i ? " + " : "",
			  p ? p->name
			  : !strncmp(v[i], "vlan:", 5)
				  ? arena_printf(fd->arena, "VLAN %s", v[i] + 5)
				  : v[i]);
	}
	const char *label = arena_str(fd->arena, t.s ? t.s : "itself");
	text_finish(&t);
	return label;
}

static void add_place(struct draw_found *fd, const struct zone *z, size_t device,
		      const char *port)
{
	size_t zone = (size_t)(uintptr_t)map_get(&fd->zone_index, z->name);
	struct text key = { 0 };
	if (!zone)
		return;
	text_putf(&key, "%zu %zu %s", zone, device, port);
	void **at = map_atn(&fd->seen, key.s, key.len);
	if (!*at)
		*vec_add(&fd->places) = (struct draw_place){ zone - 1, device, port };
	*at = fd;
	text_finish(&key);
}

static void places_of_bindings(struct draw_found *fd)
{
	for (size_t i = 0; i < fd->estate->n_bindings; i++) {
		const struct binding *b = &fd->estate->bindings[i];
		size_t device = device_of(fd, b->device);
		add_place(fd, b->zone, device, port_label(fd, device, b->ports, b->n_ports));
	}
}

static void hop_places(struct draw_found *fd, const struct zone *const *zones, size_t n,
		       const struct estate_hop *h, bool first)
{
	size_t device = device_of(fd, h->device);
	size_t n_ports = first ? h->n_in : h->n_out;
	if (!n_ports && !(first ? h->local_out : h->local_in))
		return;
	const char *port = port_label(fd, device, first ? h->in : h->out, n_ports);
	for (size_t i = 0; i < n; i++)
		add_place(fd, zones[i], device, port);
}

static void places_of_paths(struct draw_found *fd)
{
	for (size_t i = 0; i < fd->estate->n_paths; i++) {
		const struct estate_path *p = &fd->estate->paths[i];
		if (!p->n_hops)
			continue;
		hop_places(fd, p->from, p->n_from, &p->hops[0], true);
		hop_places(fd, p->to, p->n_to, &p->hops[p->n_hops - 1], false);
	}
}

/* Zones that nothing names are where their addresses are. */
static void places_found(struct draw_found *fd, const struct graph *g)
{
	const struct policy *p = fd->estate->policy;
	for (size_t i = 0; i < p->n_zones; i++)
		for (size_t k = 0; k < g->attached[i].n; k++) {
			const struct graph_attach *at = &g->attached[i].v[k];
			size_t device = device_of(fd, g->nodes[at->node].device->name);
			if (!at->bound && at->port != GRAPH_NONE)
				add_place(fd, &p->zones[i], device,
					  g->ports[at->port].port->name);
		}
}

/* --- what is joined --- */

/* The ports in one network, or on one wire. */
struct ends {
	const char *says;
	VEC(struct draw_port) v;
};

/* Ports of at least two devices, or what the estate says. */
static void add_joint(struct draw_found *fd, const struct draw_port *v, size_t n,
		      const char *says)
{
	*vec_add(&fd->joints) =
		(struct draw_joint){ arena_copy(fd->arena, v, n * sizeof(*v)), n, says };
}

static void links_declared(struct draw_found *fd)
{
	for (size_t i = 0; i < fd->estate->n_links; i++) {
		const struct estate_link *l = &fd->estate->links[i];
		struct draw_port *v = arena_array(fd->arena, l->n, sizeof(*v));
		for (size_t k = 0; k < l->n; k++) {
			v[k].device = device_of(fd, l->device[k]);
			v[k].label = port_label(fd, v[k].device, &l->port[k], 1);
		}
		add_joint(fd, v, l->n, "declared");
	}
	for (size_t i = 0; i < fd->estate->n_paths; i++) {
		const struct estate_path *p = &fd->estate->paths[i];
		for (size_t k = 1; k < p->n_hops; k++) {
			const struct estate_hop *a = &p->hops[k - 1], *b = &p->hops[k];
			if (!a->n_out || !b->n_in)
				continue;
			struct draw_port v[2] = { { .device = device_of(fd, a->device) },
						  { .device = device_of(fd, b->device) } };
			v[0].label = port_label(fd, v[0].device, a->out, a->n_out);
			v[1].label = port_label(fd, v[1].device, b->in, b->n_in);
			add_joint(fd, v, 2, "declared path");
		}
	}
}

/* What the ports of a link have in common, for people. */
static const char *link_says(struct draw_found *fd, const struct graph *g,
			     const struct graph_link *l)
{
	const struct port *a = g->ports[l->ports[0]].port, *b = g->ports[l->ports[1]].port;
	if (a->wire)
		return a->wire;
	for (size_t i = 0; i < a->n_prefixes; i++)
		for (size_t k = 0; k < b->n_prefixes; k++) {
			const struct prefix *p = &a->prefixes[i], *q = &b->prefixes[k];
			if (p->family != q->family || p->len != q->len ||
			    !addr_equal(p->addr, q->addr))
				continue;
			struct text t = { 0 };
			span_print(&t, (enum family)p->family,
				   span_prefix((enum family)p->family, p->addr, p->len));
			const char *says = arena_str(fd->arena, t.s);
			text_finish(&t);
			return says;
		}
	return "a link";
}

/* The links by which ways are found. */
static void links_found(struct draw_found *fd, const struct graph *g)
{
	for (size_t i = 0; i < g->n_links; i++) {
		const struct graph_link *l = &g->links[i];
		bool two = false;
		for (size_t k = 1; k < l->n; k++)
			two |= g->ports[l->ports[k]].node != g->ports[l->ports[0]].node;
		if (!two)
			continue;
		struct draw_port *v = arena_array(fd->arena, l->n, sizeof(*v));
		for (size_t k = 0; k < l->n; k++) {
			const struct graph_port *p = &g->ports[l->ports[k]];
			v[k].device = device_of(fd, p->device->name);
			v[k].label = p->port->name;
		}
		add_joint(fd, v, l->n, link_says(fd, g, l));
	}
}

void draw_find(struct draw_found *fd)
{
	const struct graph *g = graph_create(fd->arena, fd->estate, fd->snap);
	for (size_t i = 0; i < fd->m->n; i++)
		*map_at(&fd->zone_index, fd->m->names[i]) = (void *)(uintptr_t)(i + 1);
	add_devices(fd);
	places_of_bindings(fd);
	places_of_paths(fd);
	places_found(fd, g);
	links_declared(fd);
	links_found(fd, g);
}

void draw_found_finish(struct draw_found *fd)
{
	map_finish(&fd->zone_index);
	map_finish(&fd->device_index);
	map_finish(&fd->seen);
	vec_free(&fd->devices);
	vec_free(&fd->models);
	vec_free(&fd->places);
	vec_free(&fd->joints);
}
