/* SPDX-License-Identifier: Apache-2.0 */
/* Where a device's tables send an address: the longest prefix, the least metric. */
#include <string.h>

#include "tests/laws/walker_internal.h"

void walker_add_hop(struct hops *h, struct hop x)
{
	if (h->n == HOPS_MAX)
		h->many = true;
	else
		h->v[h->n++] = x;
}

/* One line of a table: a route, or a connected network. */
struct line {
	unsigned len;
	uint32_t metric;
	const struct route *r;
	size_t port; /* of a connected network */
	bool used;
};

/* The next hop is on a network of the table's ports, or is itself looked up. */
void walker_next_hop(const struct walker *w, const struct device *d, enum family f,
		     const struct route *r, unsigned depth, struct hops *ret)
{
	for (size_t i = 0; i < d->n_ports; i++)
		if (d->ports[i].up && walker_same(d->ports[i].segment, r->segment) &&
		    walker_on_network(&d->ports[i], f, r->via)) {
			walker_add_hop(
				ret, (struct hop){ HOP_PORT,
						   walker_port_at(w, d->name, d->ports[i].name),
						   r->via, true, r->at });
			return;
		}
	struct hops there = { .n = 0 };
	walker_lookup(w, d, f, r->via, r->segment, -1, NULL, depth + 1, &there);
	ret->many |= there.many;
	for (size_t i = 0; i < there.n; i++) {
		struct hop h = there.v[i];
		if (h.kind == HOP_PORT && !h.has_via)
			h.via = r->via, h.has_via = true;
		if (h.kind == HOP_NONE)
			h.kind = HOP_GAP;
		walker_add_hop(ret, h);
	}
}

static void resolve(const struct walker *w, const struct device *d, enum family f,
		    struct addr a, const struct route *r, unsigned depth, struct hops *ret)
{
	if (r->drop)
		walker_add_hop(ret, (struct hop){ .kind = HOP_DROP, .at = r->at });
	else if (r->local)
		walker_add_hop(ret, (struct hop){ .kind = HOP_LOCAL, .at = r->at });
	else if (r->into)
		walker_lookup(w, d, f, a, r->into, -1, NULL, depth + 1, ret);
	else if (r->port)
		walker_add_hop(ret, (struct hop){ HOP_PORT, walker_port_at(w, d->name, r->port),
						  r->via, r->has_via, r->at, true });
	else
		walker_next_hop(w, d, f, r, depth, ret);
}

/* The best unused lines of all; the number of them. */
static size_t best(struct line *v, size_t n, size_t *ret)
{
	size_t b = n, count = 0;
	for (size_t i = 0; i < n; i++)
		if (!v[i].used && (b == n || v[i].len > v[b].len ||
				   (v[i].len == v[b].len && v[i].metric < v[b].metric)))
			b = i;
	for (size_t i = 0; b < n && i < n; i++)
		if (!v[i].used && v[i].len == v[b].len && v[i].metric == v[b].metric)
			ret[count++] = i;
	for (size_t i = 0; i < count; i++)
		v[ret[i]].used = true;
	return count;
}

/* only: routes that leave by this port; NULL: any */
void walker_lookup(const struct walker *w, const struct device *d, enum family f, struct addr a,
		   const char *table, int suppress, const char *only, unsigned depth,
		   struct hops *ret)
{
	struct line v[64];
	size_t n = 0, group[64], m;
	if (depth > 8) {
		walker_add_hop(ret, (struct hop){ .kind = HOP_DROP });
		return;
	}
	for (size_t i = 0; i < d->n_routes && n < 64; i++) {
		const struct route *r = &d->routes[i];
		if (walker_same(r->segment, table) && walker_prefix_has(r->dst, f, a) &&
		    (int)r->dst.len > suppress &&
		    (!only || (r->port && !strcmp(only, r->port))))
			v[n++] =
				(struct line){ .len = r->dst.len, .metric = r->metric, .r = r };
	}
	for (size_t i = 0; d->connected && i < d->n_ports && n < 64; i++) {
		const struct port *p = &d->ports[i];
		if (!p->up || !walker_same(p->segment, table) ||
		    (only && strcmp(only, p->name)))
			continue;
		for (size_t x = 0; x < p->n_prefixes && n < 64; x++)
			if (walker_prefix_has(p->prefixes[x], f, a) &&
			    (int)p->prefixes[x].len > suppress)
				v[n++] = (struct line){ .len = p->prefixes[x].len,
							.port = walker_port_at(w, d->name,
									       p->name) };
	}
	if (n == 64)
		ret->many = true;
	while ((m = best(v, n, group))) {
		bool sure = false;
		for (size_t i = 0; i < m; i++) {
			const struct line *x = &v[group[i]];
			if (!x->r) {
				walker_add_hop(
					ret, (struct hop){ .kind = HOP_PORT, .port = x->port });
				sure = true;
				continue;
			}
			/* a learned route may be better */
			if (d->routing == ROUTING_PART && !x->r->local)
				walker_add_hop(ret, (struct hop){ .kind = HOP_GAP,
								  .at = d->routing_at });
			resolve(w, d, f, a, x->r, depth, ret);
			sure |= !x->r->odd;
		}
		if (sure)
			return;
	}
	walker_add_hop(ret,
		       (struct hop){ .kind = d->routing == ROUTING_PART ? HOP_GAP : HOP_NONE,
				     .at = d->at });
}
