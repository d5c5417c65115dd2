/* SPDX-License-Identifier: Apache-2.0 */
/* What is on one link, and where zones are attached. */
#include <string.h>

#include "tests/laws/walker_internal.h"

bool zone_has(const struct zone *z, const struct packet *p, bool source)
{
	for (size_t i = 0; i < z->n_spans[p->family]; i++)
		if (span_has(z->spans[p->family][i], source ? p->src : p->dst))
			return true;
	return false;
}

bool walker_same(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

bool walker_prefix_has(struct prefix x, enum family f, struct addr a)
{
	return x.family == f && span_has(span_prefix(f, x.addr, x.len), a);
}

bool walker_on_network(const struct port *p, enum family f, struct addr a)
{
	for (size_t i = 0; i < p->n_prefixes; i++)
		if (walker_prefix_has(p->prefixes[i], f, a))
			return true;
	return false;
}

bool walker_owns(const struct port *p, enum family f, struct addr a, bool shared)
{
	for (size_t i = 0; i < p->n_prefixes; i++)
		if (p->prefixes[i].family == f && addr_equal(p->addrs[i], a))
			return true;
	/* Families of shared addresses aren't told: one of IPv4 has no high half. */
	for (size_t i = 0; shared && i < p->n_shared; i++)
		if (addr_equal(p->shared[i], a))
			return true;
	return false;
}

static bool one_network(const struct port *a, const struct port *b)
{
	bool one = false;
	if (a->vlan && b->vlan && a->vlan != b->vlan)
		return false;
	for (size_t i = 0; i < a->n_prefixes; i++)
		for (size_t k = 0; k < b->n_prefixes; k++) {
			struct prefix x = a->prefixes[i], y = b->prefixes[k];
			if (x.family != y.family)
				continue;
			if (addr_equal(a->addrs[i], b->addrs[k]))
				return false; /* one address twice: two networks */
			one |= x.len == y.len &&
			       walker_prefix_has(x, (enum family)y.family, y.addr);
		}
	return one;
}

static bool one_link(const struct port *a, const struct port *b)
{
	if (!a->up || !b->up || a->alone || b->alone)
		return false;
	if (a->wire && b->wire)
		return !strcmp(a->wire, b->wire);
	return !a->wire && !b->wire && one_network(a, b);
}

size_t walker_port_at(const struct walker *w, const char *device, const char *port)
{
	for (size_t i = 0; i < w->ports.n; i++)
		if (!strcmp(w->ports.v[i].device->name, device) &&
		    !strcmp(w->ports.v[i].port->name, port))
			return i;
	return w->ports.n;
}

static void join(struct walker *w, size_t a, size_t b)
{
	size_t from = w->ports.v[a].link, to = w->ports.v[b].link;
	for (size_t i = 0; i < w->ports.n; i++)
		if (w->ports.v[i].link == from)
			w->ports.v[i].link = to;
}

static void attach(struct walker *w, const struct zone *z, size_t port, bool bound)
{
	if (port < w->ports.n && w->ports.v[port].port->up)
		*vec_add(&w->places) = (struct walker_place){ z, port, bound };
}

static bool meets(const struct zone *z, const struct port *p)
{
	for (size_t i = 0; i < p->n_prefixes; i++) {
		struct prefix x = p->prefixes[i];
		struct span s = span_prefix((enum family)x.family, x.addr, x.len);
		for (size_t k = 0; k < z->n_spans[x.family]; k++)
			if (addr_compare(z->spans[x.family][k].lo, s.hi) <= 0 &&
			    addr_compare(s.lo, z->spans[x.family][k].hi) <= 0)
				return true;
	}
	return false;
}

static void attach_zone(struct walker *w, const struct zone *z)
{
	size_t before = w->places.n;
	for (size_t i = 0; i < w->estate->n_bindings; i++) {
		const struct binding *b = &w->estate->bindings[i];
		for (size_t k = 0; b->zone == z && k < b->n_ports; k++)
			attach(w, z, walker_port_at(w, b->device, b->ports[k]), true);
	}
	if (w->places.n > before)
		return;
	for (size_t i = 0; i < w->ports.n; i++) {
		const struct port *p = w->ports.v[i].port;
		if (z->segment && !walker_same(z->segment, p->segment))
			continue;
		if (z->external ? p->outside : !p->outside && !p->alone && meets(z, p))
			attach(w, z, i, z->external);
	}
	/* nowhere else: behind the uplinks */
	for (size_t i = 0; w->places.n == before && i < w->estate->n_sources; i++)
		if (w->estate->sources[i].uplink)
			attach(w, z,
			       walker_port_at(w, w->estate->sources[i].name,
					      w->estate->sources[i].uplink),
			       true);
}

void walker_init(struct walker *w, const struct estate *e, const struct snapshot *s)
{
	memset(w, 0, sizeof(*w));
	w->estate = e;
	w->snap = s;
	vec_each (d, &s->devices)
		for (size_t i = 0; i < (*d)->n_ports; i++) {
			struct walker_port *p = vec_add(&w->ports);
			*p = (struct walker_port){ *d, &(*d)->ports[i], w->ports.n - 1 };
		}
	for (size_t i = 0; i < w->ports.n; i++)
		for (size_t k = 0; k < i; k++)
			if (one_link(w->ports.v[i].port, w->ports.v[k].port))
				join(w, i, k);
	for (size_t i = 0; i < e->n_links; i++) {
		const struct estate_link *l = &e->links[i];
		size_t first = walker_port_at(w, l->device[0], l->port[0]);
		for (size_t k = 1; k < l->n; k++) {
			size_t other = walker_port_at(w, l->device[k], l->port[k]);
			if (first < w->ports.n && other < w->ports.n)
				join(w, other, first);
		}
	}
	for (size_t i = 0; i < e->policy->n_zones; i++)
		attach_zone(w, &e->policy->zones[i]);
}

void walker_finish(struct walker *w)
{
	vec_free(&w->ports);
	vec_free(&w->places);
}
