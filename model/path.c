/* SPDX-License-Identifier: Apache-2.0 */
#include "model/path_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

const struct estate_source *path_source(const struct estate *e, const struct device *d)
{
	for (size_t i = 0; i < e->n_sources; i++) {
		size_t len = strlen(e->sources[i].name);
		if (!strncmp(d->name, e->sources[i].name, len) &&
		    (!d->name[len] || d->name[len] == ':'))
			return &e->sources[i];
	}
	return NULL;
}

static bool names_zone(const struct zone *const *v, size_t n, const struct zone *z)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == z)
			return true;
	return false;
}

/* The declared way, walked backwards where the path speaks of the other direction. */
static bool declared_way(struct finder *f, const struct estate_path *ep, bool back,
			 struct route_way *ret)
{
	struct point *points = arena_array(f->arena, ep->n_hops, sizeof(*points));
	for (size_t i = 0; i < ep->n_hops; i++) {
		const struct estate_hop *h = &ep->hops[back ? ep->n_hops - 1 - i : i];
		const struct device *d = snapshot_device(f->snap, h->device);
		/* What is to the device itself one way is from it the other. */
		struct side in = { h->in, h->n_in, h->local_out };
		struct side out = { h->out, h->n_out, h->local_in };
		if (!d) {
			path_complain(f, h->at, "the device %s was not read", h->device);
			return false;
		}
		if (!path_point(f, d, back ? out : in, back ? in : out, h->at, &points[i]))
			return false;
	}
	*ret = (struct route_way){ points, ep->n_hops };
	return true;
}

static void declared(struct finder *f, struct path *p)
{
	struct route_way *ways = arena_array(f->arena, f->estate->n_paths, sizeof(*ways));
	for (size_t i = 0; i < f->estate->n_paths; i++) {
		const struct estate_path *ep = &f->estate->paths[i];
		bool on = names_zone(ep->from, ep->n_from, p->from) &&
			  names_zone(ep->to, ep->n_to, p->to);
		bool back = !on && ep->both_ways && names_zone(ep->from, ep->n_from, p->to) &&
			    names_zone(ep->to, ep->n_to, p->from);
		if (!on && !back)
			continue;
		if (ep->none) {
			p->none = true;
			f->why = ep->reason;
			f->why_at = ep->at;
		} else if (declared_way(f, ep, back, &ways[p->n_ways])) {
			p->n_ways++;
		}
	}
	p->ways = ways;
}

struct bound_to {
	const struct graph_attach *v[8];
	size_t n;
};

static const struct graph_zone *attached(const struct finder *f, const struct zone *z)
{
	return &f->graph->attached[z - f->estate->policy->zones];
}

/* The bindings of a zone to a device. */
static struct bound_to bindings_of(const struct finder *f, uint32_t node, const struct zone *z,
				   bool *ret_many)
{
	struct bound_to b = { 0 };
	const struct graph_zone *gz = attached(f, z);
	for (size_t i = 0; i < gz->n; i++) {
		if (!gz->v[i].bound || gz->v[i].node != node)
			continue;
		if (b.n == sizeof(b.v) / sizeof(*b.v))
			*ret_many = true;
		else
			b.v[b.n++] = &gz->v[i];
	}
	return b;
}

static bool same_segment(const struct device *d, const struct side *in, const struct side *out)
{
	if (in->n != 1 || out->n != 1 || strcmp(in->ports[0], out->ports[0]))
		return false;
	const struct port *p = device_port(d, in->ports[0]);
	return !p || !p->edge;
}

/* Bound to nothing, and on a network of a port that isn't the uplink. */
static bool found_elsewhere(const struct finder *f, uint32_t node, const char *uplink,
			    const struct zone *z)
{
	const struct graph_zone *gz = attached(f, z);
	uint32_t port = graph_port_of(f->graph, node, uplink);
	bool elsewhere = false;
	for (size_t i = 0; i < gz->n; i++) {
		if (gz->v[i].bound)
			return false;
		elsewhere |= gz->v[i].node != node || gz->v[i].port != port;
	}
	return elsewhere;
}

/*
 * All points by which the device may be crossed; more than one are alternatives. One with
 * device NULL is the way that doesn't cross it (both zones behind one port).
 */
static size_t derive_device(struct finder *f, uint32_t node, const struct path *p,
			    struct point *ret, size_t max)
{
	const struct device *d = f->graph->nodes[node].device;
	bool many = false, around = false;
	struct bound_to from = bindings_of(f, node, p->from, &many);
	struct bound_to to = bindings_of(f, node, p->to, &many);
	const struct estate_source *src = path_source(f->estate, d);
	const char *const *uplink = src && src->uplink ? &src->uplink : NULL;
	size_t n = 0;
	if (!from.n && !to.n)
		return 0;
	if (many) {
		path_complain(f, d->at,
			 "a zone is bound to more ports of %s than are followed: declare "
			 "the path",
			 d->name);
		return 0;
	}
	const struct zone *missing = from.n ? p->to : p->from;
	if ((!from.n || !to.n) && (!uplink || found_elsewhere(f, node, *uplink, missing))) {
		struct loc at = from.n ? from.v[0]->at : to.v[0]->at;
		f->open |= !f->why;
		path_complain(f, at,
			 "no path: %s holds %s but not %s; bind %s there, name the uplink of "
			 "the source, or declare the path",
			 d->name, (from.n ? p->from : p->to)->name, missing->name,
			 missing->name);
		return 0;
	}
	for (size_t i = 0; i < (from.n ? from.n : 1); i++)
		for (size_t k = 0; k < (to.n ? to.n : 1); k++) {
			struct side in = from.n ? (struct side){ from.v[i]->ports,
								 from.v[i]->n_ports, false }
						: (struct side){ uplink, 1, false };
			struct side out =
				to.n ? (struct side){ to.v[k]->ports, to.v[k]->n_ports, false }
				     : (struct side){ uplink, 1, false };
			struct loc at = from.n ? from.v[i]->at : to.v[k]->at;
			if (!path_side(f, d, &in, at) || !path_side(f, d, &out, at))
				return 0;
			if (same_segment(d, &in, &out)) {
				around = true;
				continue;
			}
			if (n + 1 == max) {
				path_complain(f, at, "too many ways across %s: declare the path",
					 d->name);
				return 0;
			}
			if (!path_point(f, d, in, out, at, &ret[n]))
				return 0;
			n++;
		}
	if (n && around)
		ret[n++] = (struct point){ 0 };
	return n;
}

/* A zone that is bound to a device that isn't there may be filtered by it. */
static void check_bindings(struct finder *f, const struct path *p)
{
	const struct binding *b = attached(f, p->from)->unread;
	b = b ? b : attached(f, p->to)->unread;
	if (b)
		path_complain(f, b->at, "%s is bound to %s, which was not read", b->zone->name,
			      b->device);
}

/* The devices that one of the two zones is bound to, by plane, then as they were read. */
static size_t bound_nodes(const struct finder *f, const struct path *p, uint32_t *ret)
{
	const struct graph_zone *z[2] = { attached(f, p->from), attached(f, p->to) };
	size_t n = 0;
	for (int plane = 0; plane < PLANE_COUNT; plane++) {
		size_t first = n;
		for (size_t k = 0; k < 2; k++)
			for (size_t i = 0; i < z[k]->n; i++) {
				uint32_t node = z[k]->v[i].node;
				size_t at = first;
				if (!z[k]->v[i].bound ||
				    f->graph->nodes[node].device->plane != plane)
					continue;
				while (at < n && ret[at] < node)
					at++;
				if (at < n && ret[at] == node)
					continue;
				memmove(&ret[at + 1], &ret[at], (n - at) * sizeof(*ret));
				ret[at] = node;
				n++;
			}
	}
	return n;
}

/* Of one device: a zone has at most so many bindings to it, squared, and the way around. */
enum { ALTERNATIVES_MAX = 8 * 8 + 2 };

static void derive(struct finder *f, struct path *p)
{
	check_bindings(f, p);
	if (f->why)
		return;
	size_t n_bound = attached(f, p->from)->n + attached(f, p->to)->n, n = 1;
	uint32_t *nodes = arena_array(f->arena, n_bound + 1, sizeof(*nodes));
	size_t n_dev = bound_nodes(f, p, nodes);
	struct way_list list = { { 0 } };
	struct point *alt = n_dev ? xreallocarray(NULL, ALTERNATIVES_MAX, sizeof(*alt)) : NULL;
	*vec_add(&list.v) = (struct route_way){ 0 };
	for (size_t i = 0; i < n_dev && !f->why; i++) {
		size_t n_alt = derive_device(f, nodes[i], p, alt, ALTERNATIVES_MAX);
		if (f->why || !n_alt)
			continue;
		if (n * n_alt > WAYS_MAX) {
			path_complain(f, f->graph->nodes[nodes[i]].device->at,
				      "more than %d ways: declare the path", WAYS_MAX);
			break;
		}
		struct way_list longer = { { 0 } };
		for (size_t w = 0; w < n * n_alt; w++) {
			const struct route_way *old = &list.v.v[w % n];
			bool more = alt[w / n].device != NULL;
			struct point *pts =
				arena_array(f->arena, old->n_points + more, sizeof(*pts));
			if (old->n_points)
				memcpy(pts, old->points, old->n_points * sizeof(*pts));
			if (more)
				pts[old->n_points] = alt[w / n];
			*vec_add(&longer.v) = (struct route_way){ pts, old->n_points + more };
		}
		vec_free(&list.v);
		list = longer;
		n *= n_alt;
	}
	free(alt);
	struct route_way *ways = vec_keep(f->arena, &list.v);
	vec_free(&list.v);
	if (f->why)
		return;
	if (!ways[0].n_points) {
		f->open |= !f->why;
		path_complain(f, p->from->at,
			 "no path: no device has both zones, and the estate declares "
			 "none");
		return;
	}
	p->ways = ways;
	p->n_ways = n;
}

/* What each device on the ways translates. */
static void translate(struct finder *f, struct path *p)
{
	struct way_list out = { { 0 } };
	for (size_t i = 0; i < p->n_ways; i++)
		path_translate(f, &p->ways[i], p->from, p->to, &out);
	p->ways = vec_keep(f->arena, &out.v);
	p->n_ways = out.v.n;
	vec_free(&out.v);
}

/* The ways that the devices tell. Where they tell nothing, what the bindings lack is said. */
static void search(struct finder *f, struct path *p)
{
	struct way_list out = { { 0 } };
	const struct route_way *gap = NULL;
	bool known = false;
	p->found = true;
	const char *why = f->why;
	struct loc at = f->why_at;
	f->why = NULL;
	path_search(f, p->from, p->to, &out);
	p->ways = vec_keep(f->arena, &out.v);
	p->n_ways = out.v.n;
	vec_free(&out.v);
	for (size_t i = 0; i < p->n_ways; i++) {
		known |= p->ways[i].end != WAY_UNKNOWN && p->ways[i].end != WAY_ASIDE;
		if (!gap && p->ways[i].end == WAY_UNKNOWN)
			gap = &p->ways[i];
	}
	if (f->why) {
		p->n_ways = 0;
	} else if (gap) {
		f->why = gap->why, f->why_at = gap->why_at;
	} else if (!known && why) {
		f->why = why, f->why_at = at;
	}
}

bool path_known(const struct path *p)
{
	for (size_t i = 0; i < p->n_ways; i++)
		if (p->ways[i].end != WAY_UNKNOWN && p->ways[i].end != WAY_ASIDE)
			return true;
	return p->none;
}

bool path_arrives(const struct path *p)
{
	for (size_t i = 0; i < p->n_ways; i++)
		if (p->ways[i].end == WAY_ARRIVES)
			return true;
	return false;
}

void path_said(struct finder *f, struct path *p)
{
	declared(f, p);
	bool bound = !p->n_ways && !p->none && !f->why;
	if (p->n_ways && !p->none && f->why)
		p->n_ways = 0; /* one of the declared ways can't be followed: none is believed */
	if (!p->n_ways && !p->none && !f->why)
		derive(f, p);
	f->bound = bound && p->n_ways;
}

/* Behind both devices at once: one after the other, as the estate says. */
static bool in_series(const struct graph_attach *a, const struct graph_attach *b)
{
	bool apart = false;
	if (!a->bound || !b->bound || a->node == b->node)
		return false;
	for (int f = 0; f < FAMILY_COUNT; f++) {
		if (spans_meet(a->spans[f], b->spans[f]))
			return true;
		apart |= a->spans[f].n && b->spans[f].n;
	}
	return !apart;
}

/*
 * The ways are from bindings, and all devices that the zones are behind know their routes: those say
 * where packets go, what is translated to come back, and who else is on the links. A gap that they
 * leave is one: that both zones are bound there is no reason for a packet to take that way.
 */
static bool routes_tell(struct finder *f, const struct path *p)
{
	const struct graph_zone *z[2] = { attached(f, p->from), attached(f, p->to) };
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < z[k]->n; i++) {
			const struct graph_attach *at = &z[k]->v[i];
			const struct device *d = f->graph->nodes[at->node].device;
			if (at->port == GRAPH_NONE || d->routing != ROUTING_WHOLE || !d->n_routes)
				return false;
			for (size_t m = 0; m < i; m++)
				if (in_series(at, &z[k]->v[m]))
					return false;
		}
	return z[0]->n && z[1]->n;
}

void path_find(struct arena *a, const struct graph *g, struct matches *m,
	       const struct zone *from, const struct zone *to, struct path *ret_path)
{
	struct finder f = { .arena = a, .graph = g, .estate = g->estate, .snap = g->snap,
			    .matches = m };
	struct path p = { .from = from, .to = to };
	path_said(&f, &p);
	bool found = f.bound ? routes_tell(&f, &p) : !p.n_ways && f.open;
	if (found)
		search(&f, &p);
	else if (p.n_ways)
		translate(&f, &p);
	p.why = f.why;
	p.why_at = f.why_at;
	*ret_path = p;
}
