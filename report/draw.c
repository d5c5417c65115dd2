/* SPDX-License-Identifier: Apache-2.0 */
#include "report/draw.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/draw_find.h"

enum {
	ALONE_MAX = 24,	   /* zones, each of them drawn */
	TOGETHER_MAX = 60, /* zones, drawn by where they are */
	TIES_MAX = 8,	   /* lines to one port, where nodes are whole tenants */
	DEVICES_MAX = 20,  /* each of them drawn */
};

struct maker {
	struct arena *arena;
	struct drawing *d;
	struct draw_found f;
	struct map port_index, link_index;
	VEC(struct draw_port) ports;
	VEC(struct draw_tie) ties;
	VEC(struct draw_link) links;
	size_t *group;	    /* by device: the one it is drawn as */
	size_t *zone_ports; /* by that: on how many ports it has zones */
	bool large;	    /* a port isn't drawn for itself */
};

/* --- nodes --- */

static int by_size(const void *x, const void *y)
{
	const size_t *a = x, *b = y;
	return *a < *b ? -1 : *a > *b;
}

/* What a zone has to have in common with others to be told with them. */
static void node_key(struct maker *mk, size_t zone, const size_t *first, const size_t *n,
		     const size_t *sorted, struct text *key)
{
	const struct drawing *d = mk->d;
	text_clear(key);
	if (d->m.n <= ALONE_MAX || d->m.external[zone]) {
		text_putf(key, "zone %zu", zone);
		return;
	}
	text_putf(key, "%s\n", d->m.tenants[zone] ? d->m.tenants[zone] : "");
	size_t last = SIZE_MAX;
	if (d->by_tenant && d->m.tenants[zone])
		return;
	for (size_t i = 0; i < n[zone]; i++) {
		size_t device = sorted[first[zone] + i];
		if (device != last)
			text_putf(key, " %zu", device);
		last = device;
	}
}

static void make_nodes(struct maker *mk)
{
	struct drawing *d = mk->d;
	size_t zones = d->m.n, total = 0;
	size_t *n = xcalloc(zones, sizeof(*n)), *first = xcalloc(zones, sizeof(*first));
	size_t *sorted = xcalloc(mk->f.places.n, sizeof(*sorted)),
	       *used = xcalloc(zones, sizeof(*used));
	struct map index = { 0 };
	struct text key = { 0 };
	vec_each (p, &mk->f.places)
		n[p->zone]++;
	for (size_t z = 0; z < zones; total += n[z++])
		first[z] = total;
	vec_each (p, &mk->f.places)
		sorted[first[p->zone] + used[p->zone]++] = mk->group[p->device];
	d->by_tenant = zones > TOGETHER_MAX;
	d->nodes = arena_array(mk->arena, zones, sizeof(*d->nodes));
	d->node_of = arena_array(mk->arena, zones, sizeof(*d->node_of));
	d->tenants = arena_array(mk->arena, zones, sizeof(*d->tenants));
	for (size_t z = 0; z < zones; z++) {
		qsort(&sorted[first[z]], n[z], sizeof(*sorted), by_size);
		node_key(mk, z, first, n, sorted, &key);
		void **at = map_atn(&index, key.s, key.len);
		const char *tenant = d->m.tenants[z];
		if (!*at) {
			if (tenant &&
			    (!d->n_tenants || strcmp(d->tenants[d->n_tenants - 1], tenant)))
				d->tenants[d->n_tenants++] = tenant;
			d->nodes[d->n_nodes++] =
				(struct draw_node){ .tenant = tenant ? d->n_tenants - 1
								     : SIZE_MAX,
						    .external = d->m.external[z] };
			*at = (void *)(uintptr_t)d->n_nodes;
		}
		d->node_of[z] = (size_t)(uintptr_t)*at - 1;
		d->nodes[d->node_of[z]].n++;
	}
	for (size_t i = 0; i < d->n_nodes; i++) {
		struct draw_node *node = &d->nodes[i];
		size_t *v = arena_array(mk->arena, node->n, sizeof(*v));
		node->zones = v;
		for (size_t z = 0; z < zones; z++)
			if (d->node_of[z] == i)
				*v++ = z;
		const char *name = d->m.names[node->zones[0]];
		node->label = node->n == 1 ? name
			      : d->by_tenant
				      ? arena_printf(mk->arena, "%zu zones", node->n)
				      : arena_printf(mk->arena, "%s +%zu", name, node->n - 1);
	}
	map_finish(&index);
	text_finish(&key);
	free(n);
	free(first);
	free(sorted);
	free(used);
}

static void count(struct draw_counts *c, char letter)
{
	c->pairs += letter != PAIR_NOT_ASKED;
	c->grave += letter == PAIR_GRAVE;
	c->wrong += letter == PAIR_WRONG;
	c->open += letter == PAIR_OPEN;
}

static void count_pairs(struct drawing *d)
{
	for (size_t i = 0; i < d->m.n; i++)
		for (size_t k = 0; k < d->m.n; k++) {
			char c = d->m.cells[i * d->m.n + k];
			count(&d->all, c);
			count(&d->nodes[d->node_of[i]].counts, c);
			if (d->node_of[i] != d->node_of[k])
				count(&d->nodes[d->node_of[k]].counts, c);
		}
}

struct draw_counts draw_between(const struct drawing *d, size_t from, size_t to)
{
	const struct draw_node *a = &d->nodes[from], *b = &d->nodes[to];
	struct draw_counts c = { 0 };
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			count(&c, d->m.cells[a->zones[i] * d->m.n + b->zones[k]]);
	return c;
}

/* --- ports and what is behind them --- */

static size_t port_of(struct maker *mk, size_t device, const char *label)
{
	struct text key = { 0 };
	text_putf(&key, "%zu %s", device, label);
	void **at = map_atn(&mk->port_index, key.s, key.len);
	text_finish(&key);
	if (!*at) {
		*vec_add(&mk->ports) = (struct draw_port){ .device = device, .label = label };
		*at = (void *)(uintptr_t)mk->ports.n;
	}
	return (size_t)(uintptr_t)*at - 1;
}

/* --- devices together --- */

static size_t group_of(const struct maker *mk, const struct draw_port *p)
{
	return mk->group[p->device];
}

/* Per device the others that it is joined to, sorted, each once. */
static void neighbours(struct maker *mk, size_t device, struct text *key)
{
	VEC(size_t) v = { 0 };
	vec_each (j, &mk->f.joints) {
		bool on = false;
		for (size_t i = 0; i < j->n; i++)
			on |= j->v[i].device == device;
		for (size_t i = 0; on && i < j->n; i++)
			if (j->v[i].device != device)
				*vec_add(&v) = j->v[i].device;
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), by_size);
	for (size_t i = 0; i < v.n; i++)
		if (!i || v.v[i] != v.v[i - 1])
			text_putf(key, " %zu", v.v[i]);
	vec_free(&v);
}

static void group_devices(struct maker *mk)
{
	struct map index = { 0 };
	struct text key = { 0 };
	VEC(struct draw_device) kept = { 0 };
	bool many = mk->f.devices.n > DEVICES_MAX;
	mk->group = xcalloc(mk->f.devices.n, sizeof(*mk->group));
	for (size_t i = 0; i < mk->f.devices.n; i++) {
		const struct draw_device *dev = &mk->f.devices.v[i];
		text_clear(&key);
		text_putf(&key, "%d %s", dev->plane, dev->says);
		if (many)
			neighbours(mk, i, &key);
		else
			text_putf(&key, "\n%zu", i);
		void **at = map_atn(&index, key.s, key.len);
		if (!*at) {
			*vec_add(&kept) = *dev;
			*at = (void *)(uintptr_t)kept.n;
		}
		mk->group[i] = (size_t)(uintptr_t)*at - 1;
		kept.v[mk->group[i]].n++;
	}
	for (size_t i = 0; i < kept.n; i++) {
		struct draw_device *dev = &kept.v[i];
		size_t n = 0;
		dev->names = arena_array(mk->arena, dev->n, sizeof(*dev->names));
		for (size_t k = 0; k < mk->f.devices.n; k++)
			if (mk->group[k] == i)
				dev->names[n++] = mk->f.devices.v[k].label;
		if (dev->n > 1)
			dev->label =
				arena_printf(mk->arena, "%s +%zu", dev->names[0], dev->n - 1);
	}
	mk->large = kept.n < mk->f.devices.n || mk->d->m.n > TOGETHER_MAX;
	mk->zone_ports = xcalloc(mk->f.devices.n, sizeof(*mk->zone_ports));
	map_finish(&index);
	index = (struct map){ 0 };
	vec_each (p, &mk->f.places) {
		text_clear(&key);
		text_putf(&key, "%zu %s", p->device, p->port);
		void **at = map_atn(&index, key.s, key.len);
		mk->zone_ports[mk->group[p->device]] += !*at;
		*at = mk;
	}
	mk->d->devices = vec_keep(mk->arena, &kept);
	mk->d->n_devices = kept.n;
	vec_free(&kept);
	map_finish(&index);
	text_finish(&key);
}

/* --- the drawn ports and lines --- */

/* All places of a node on one device. */
struct site {
	size_t n; /* ports */
	const char *first;
};

/* How a port is drawn: by its name, or as one with all others of its device. */
static const char *drawn_port(struct maker *mk, const struct draw_place *p)
{
	size_t n = mk->zone_ports[mk->group[p->device]];
	return mk->large && n > 1 ? arena_printf(mk->arena, "%zu ports: zones", n) : p->port;
}

static void make_ties(struct maker *mk)
{
	struct map index = { 0 }, once = { 0 };
	VEC(struct site) sites = { 0 };
	struct text key = { 0 };
	/* How many different ports each node has on each device. */
	vec_each (p, &mk->f.places) {
		size_t node = mk->d->node_of[p->zone];
		text_clear(&key);
		const char *name = drawn_port(mk, p);
		text_putf(&key, "%zu %zu", node, mk->group[p->device]);
		void **at = map_atn(&index, key.s, key.len);
		if (!*at) {
			*vec_add(&sites) = (struct site){ 0, name };
			*at = (void *)(uintptr_t)sites.n;
		}
		size_t site = (size_t)(uintptr_t)*at - 1;
		text_putf(&key, " %s", name);
		void **seen = map_atn(&once, key.s, key.len);
		sites.v[site].n += !*seen;
		*seen = mk;
	}
	vec_each (p, &mk->f.places) {
		size_t node = mk->d->node_of[p->zone];
		text_clear(&key);
		const char *name = drawn_port(mk, p);
		text_putf(&key, "%zu %zu", node, mk->group[p->device]);
		const struct site *s =
			&sites.v[(uintptr_t)map_getn(&index, key.s, key.len) - 1];
		bool together = s->n > 1 && mk->d->nodes[node].n > 1;
		if (together && strcmp(name, s->first))
			continue;
		size_t port = port_of(
			mk, mk->group[p->device],
			together ? arena_printf(mk->arena, "%s +%zu", s->first, s->n - 1)
				 : name);
		text_putf(&key, " tie %zu", port);
		void **seen = map_atn(&once, key.s, key.len);
		if (!*seen)
			*vec_add(&mk->ties) = (struct draw_tie){ node, port };
		*seen = mk;
	}
	vec_free(&sites);
	map_finish(&index);
	map_finish(&once);
	text_finish(&key);
}

/* A port behind which nearly everybody is tells so in words: so many lines tell nothing. */
static void thin_ties(struct maker *mk)
{
	size_t *n = xcalloc(mk->ports.n, sizeof(*n)), kept = 0;
	struct text s = { 0 };
	vec_each (t, &mk->ties)
		n[t->port]++;
	for (size_t i = 0; i < mk->ports.n && mk->d->by_tenant; i++) {
		struct draw_port *p = &mk->ports.v[i];
		if (n[i] <= TIES_MAX)
			continue;
		text_clear(&s);
		vec_each (t, &mk->ties) {
			const struct draw_node *node = &mk->d->nodes[t->node];
			if (t->port == i)
				text_putf(&s, "%s%s", s.len ? ", " : "",
					  node->tenant == SIZE_MAX
						  ? node->label
						  : mk->d->tenants[node->tenant]);
		}
		p->behind = arena_str(mk->arena, s.s);
		p->label = arena_printf(mk->arena, "%s of %s%zu tenants", p->label,
					n[i] == mk->d->n_tenants ? "all " : "", n[i]);
	}
	for (size_t i = 0; i < mk->ties.n; i++)
		if (!mk->ports.v[mk->ties.v[i].port].behind)
			mk->ties.v[kept++] = mk->ties.v[i];
	mk->ties.n = kept;
	text_finish(&s);
	free(n);
}

/* One line, each once. says: of the line. */
static void add_link(struct maker *mk, const struct draw_port *v, size_t n, const char *says)
{
	size_t *ports = arena_array(mk->arena, n, sizeof(*ports)), kept = 0;
	struct text key = { 0 };
	for (size_t i = 0; i < n; i++)
		ports[i] = port_of(mk, v[i].device, v[i].label);
	qsort(ports, n, sizeof(*ports), by_size);
	for (size_t i = 0; i < n; i++)
		if (!i || ports[i] != ports[i - 1])
			ports[kept++] = ports[i];
	for (size_t i = 0; i < kept; i++)
		text_putf(&key, "%zu ", ports[i]);
	void **at = kept > 1 ? map_atn(&mk->link_index, key.s, key.len) : NULL;
	if (at && !*at) {
		*vec_add(&mk->links) = (struct draw_link){ ports, kept, says };
		*at = mk;
	}
	text_finish(&key);
}

/* Lines between the same two devices, of which one stands for several. */
struct bundle {
	size_t n;
	struct draw_port ends[2];
	size_t ports[2]; /* different ones at each end */
};

static const char *bundled(struct maker *mk, const struct bundle *b, int end)
{
	return b->ports[end] > 1 ? arena_printf(mk->arena, "%s +%zu", b->ends[end].label,
						b->ports[end] - 1)
				 : b->ends[end].label;
}

static void make_links(struct maker *mk)
{
	struct map index = { 0 }, once = { 0 };
	VEC(struct bundle) bundles = { 0 };
	struct text key = { 0 };
	vec_each (j, &mk->f.joints) {
		struct draw_port *v = arena_copy(mk->arena, j->v, j->n * sizeof(*v));
		for (size_t i = 0; i < j->n; i++)
			v[i].device = group_of(mk, &j->v[i]);
		bool several = j->n == 2 && (mk->d->devices[v[0].device].n > 1 ||
					     mk->d->devices[v[1].device].n > 1);
		if (!several) {
			add_link(mk, v, j->n, j->says);
			continue;
		}
		int first = v[0].device > v[1].device;
		text_clear(&key);
		text_putf(&key, "%zu %zu", v[first].device, v[!first].device);
		void **at = map_atn(&index, key.s, key.len);
		if (!*at) {
			*vec_add(&bundles) =
				(struct bundle){ 0, { v[first], v[!first] }, { 0, 0 } };
			*at = (void *)(uintptr_t)bundles.n;
		}
		struct bundle *b = &bundles.v[(uintptr_t)*at - 1];
		b->n++;
		for (int end = 0; end < 2; end++) {
			const struct draw_port *raw = &j->v[end ? !first : first];
			text_clear(&key);
			text_putf(&key, "%zu %zu %d %zu %s", (size_t)(b - bundles.v),
				  b->ends[end].device, end, raw->device, raw->label);
			void **seen = map_atn(&once, key.s, key.len);
			b->ports[end] += !*seen;
			*seen = mk;
		}
	}
	vec_each (b, &bundles) {
		struct draw_port v[2] = { { b->ends[0].device, bundled(mk, b, 0) },
					  { b->ends[1].device, bundled(mk, b, 1) } };
		add_link(mk, v, 2,
			 b->n > 1 ? arena_printf(mk->arena, "%zu links", b->n) : "a link");
	}
	vec_free(&bundles);
	map_finish(&index);
	map_finish(&once);
	text_finish(&key);
}

/* --- all of it --- */

void draw_make(struct arena *a, const struct estate *e, const struct snapshot *s,
	       const struct results *res, struct drawing *ret)
{
	struct maker mk = { .arena = a,
			    .d = ret,
			    .f = { .arena = a, .estate = e, .snap = s, .m = &ret->m } };
	*ret = (struct drawing){ .arena = a, .res = res };
	zone_matrix_of(res, &ret->m);
	draw_find(&mk.f);
	group_devices(&mk);
	make_nodes(&mk);
	count_pairs(ret);
	make_ties(&mk);
	thin_ties(&mk);
	make_links(&mk);
	ret->ports = vec_keep(a, &mk.ports);
	ret->n_ports = mk.ports.n;
	ret->ties = vec_keep(a, &mk.ties);
	ret->n_ties = mk.ties.n;
	ret->links = vec_keep(a, &mk.links);
	ret->n_links = mk.links.n;
	map_finish(&mk.port_index);
	map_finish(&mk.link_index);
	vec_free(&mk.ports);
	vec_free(&mk.ties);
	vec_free(&mk.links);
	draw_found_finish(&mk.f);
	free(mk.group);
	free(mk.zone_ports);
}

void draw_finish(struct drawing *d)
{
	zone_matrix_finish(&d->m);
}

void draw_outcome(const struct drawing *d, struct text *t)
{
	size_t bad = d->all.grave + d->all.wrong;
	text_putf(t, "%zu zone pairs: %zu aligned, %zu misaligned, %zu inconclusive",
		  d->all.pairs, d->all.pairs - bad - d->all.open, bad, d->all.open);
}
