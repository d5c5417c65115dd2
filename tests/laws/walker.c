/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/laws/walker.h"

#include <stdlib.h>
#include <string.h>

#include "model/interp.h"

enum { STEPS_MAX = 2000, DEPTH_MAX = 40, HOPS_MAX = 24, EVENTS_MAX = 48 };

static bool same(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

bool zone_has(const struct zone *z, const struct packet *p, bool source)
{
	for (size_t i = 0; i < z->n_spans[p->family]; i++)
		if (span_has(z->spans[p->family][i], source ? p->src : p->dst))
			return true;
	return false;
}

static bool prefix_has(struct prefix x, enum family f, struct addr a)
{
	return x.family == f && span_has(span_prefix(f, x.addr, x.len), a);
}

static bool on_network(const struct port *p, enum family f, struct addr a)
{
	for (size_t i = 0; i < p->n_prefixes; i++)
		if (prefix_has(p->prefixes[i], f, a))
			return true;
	return false;
}

static bool owns(const struct port *p, enum family f, struct addr a, bool shared)
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

/* ---- links and attachments ---- */

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
			one |= x.len == y.len && prefix_has(x, (enum family)y.family, y.addr);
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

static size_t port_at(const struct walker *w, const char *device, const char *port)
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
			attach(w, z, port_at(w, b->device, b->ports[k]), true);
	}
	if (w->places.n > before)
		return;
	for (size_t i = 0; i < w->ports.n; i++) {
		const struct port *p = w->ports.v[i].port;
		if (z->segment && !same(z->segment, p->segment))
			continue;
		if (z->external ? p->outside : !p->outside && !p->alone && meets(z, p))
			attach(w, z, i, z->external);
	}
	/* nowhere else: behind the uplinks */
	for (size_t i = 0; w->places.n == before && i < w->estate->n_sources; i++)
		if (w->estate->sources[i].uplink)
			attach(w, z,
			       port_at(w, w->estate->sources[i].name,
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
		size_t first = port_at(w, l->device[0], l->port[0]);
		for (size_t k = 1; k < l->n; k++) {
			size_t other = port_at(w, l->device[k], l->port[k]);
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

/* ---- one packet ---- */

struct walk {
	const struct walker *w;
	unsigned planes;
	struct fates *fates;
	size_t steps;
	/* Where it has been: the same again would go round for ever. */
	struct been {
		size_t port;
		struct packet packet;
	} been[DEPTH_MAX];
	size_t depth;
};

/* What a packet meets on one side of a device, in order: rulesets and translations. */
struct event {
	int order;
	const struct hook *hook;
	const struct nat *nat;
};

/* A packet at a device. */
struct leg {
	const struct device *d;
	size_t in;	 /* among the walker's ports */
	const char *out; /* the port by which it goes; while it isn't routed: NULL, or told by a
			  * translation */
	size_t out_port;
	struct addr via;
	bool has_via;
	bool routed; /* by a route, not by a connected network */
	struct packet p;
	struct event ev[EVENTS_MAX];
	size_t n_ev;
};

static bool same_packet(const struct packet *a, const struct packet *b)
{
	return addr_equal(a->src, b->src) && addr_equal(a->dst, b->dst) &&
	       a->sport == b->sport && a->dport == b->dport;
}

static void end(struct walk *k, enum fate_kind kind, const struct zone *z,
		const struct device *d, const struct packet *p, const char *why, struct loc at)
{
	struct fates *f = k->fates;
	struct packet plain = *p;
	plain.iif = plain.oif = plain.physin = plain.physout = NULL;
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].kind == kind && f->v[i].zone == z &&
		    same_packet(&f->v[i].packet, p))
			return;
	if (f->n == FATES_MAX) {
		f->many = true;
		return;
	}
	f->v[f->n++] = (struct fate){ (uint8_t)kind, z, d, plain, why, at };
}

static void at_device(struct walk *k, size_t port, const struct packet *p);

/* Somewhere in 0 .. n - 1, by the packet, so that a walk can be repeated. */
static size_t somewhere(const struct packet *p, size_t n, unsigned salt)
{
	uint64_t z = p->src.lo * 0x9e3779b97f4a7c15u ^ p->dst.lo * 0xbf58476d1ce4e5b9u ^
		     ((uint64_t)p->sport << 32 | p->dport) ^ (uint64_t)salt << 48;
	z = (z ^ (z >> 30)) * 0x94d049bb133111ebu;
	return n ? (size_t)((z ^ (z >> 31)) % n) : 0;
}

static struct addr addr_add(struct addr a, struct addr b)
{
	struct addr r = { a.hi + b.hi, a.lo + b.lo };
	r.hi += r.lo < a.lo;
	return r;
}

static struct addr addr_sub(struct addr a, struct addr b)
{
	struct addr r = { a.hi - b.hi, a.lo - b.lo };
	r.hi -= a.lo < b.lo;
	return r;
}

static void push_event(struct walk *k, struct leg *l, struct event e)
{
	if (l->n_ev == EVENTS_MAX) {
		k->fates->many = true;
		return;
	}
	/* A translation comes before hooks of an order >= its own. */
	size_t i = l->n_ev++;
	for (; i > 0; i--) {
		const struct event *x = &l->ev[i - 1];
		if (x->order < e.order || (x->order == e.order && (!e.nat || x->nat)))
			break;
		l->ev[i] = *x;
	}
	l->ev[i] = e;
}

static void push_hooks(struct walk *k, struct leg *l, enum hook_kind kind, const char *in,
		       const char *out)
{
	for (size_t i = 0; i < l->d->n_hooks; i++) {
		const struct hook *h = &l->d->hooks[i];
		bool here = !h->port || (in && !strcmp(h->port, in)) ||
			    (out && !strcmp(h->port, out));
		if (h->kind == kind && here && k->planes >> l->d->plane & 1)
			push_event(k, l, (struct event){ h->order, h, NULL });
	}
}

static void push_nats(struct walk *k, struct leg *l, enum nat_rewrites what, const char *in,
		      const char *out)
{
	for (size_t i = 0; i < l->d->n_nats; i++) {
		const struct nat *n = &l->d->nats[i];
		bool bound = n->kind == NAT_BOUND;
		if (n->rewrites != what && !(bound && n->rewrites == NAT_NOT_TOLD))
			continue;
		bool there =
			(!n->in || same(n->in, in)) && (!n->out || !out || same(n->out, out));
		bool back =
			(!n->in || !out || same(n->in, out)) && (!n->out || same(n->out, in));
		if (there || (bound && n->rewrites == NAT_NOT_TOLD && back))
			push_event(k, l, (struct event){ n->order, NULL, n });
	}
}

/* The packet as conditions of translations see it. */
static struct packet seen(const struct walk *k, const struct leg *l)
{
	struct packet p = l->p;
	p.iif = k->w->ports.v[l->in].port->name;
	p.oif = l->out_port != SIZE_MAX ? k->w->ports.v[l->out_port].port->name : NULL;
	return p;
}

static void events(struct walk *k, const struct leg *l, size_t i, bool translated,
		   void (*then)(struct walk *k, const struct leg *l));

/* The rewritten address of p: of the source or of the destination. */
static struct addr *end_of(struct packet *p, const struct nat *n)
{
	return n->rewrites == NAT_SOURCE ? &p->src : &p->dst;
}

static void rewritten(struct walk *k, const struct leg *l, size_t i, const struct nat *n,
		      void (*then)(struct walk *k, const struct leg *l))
{
	struct leg to = *l;
	struct addr addrs[3];
	unsigned ports[3], n_addrs = 0, n_ports = 0;
	struct addr was = *end_of(&to.p, n);
	uint16_t *port = n->rewrites == NAT_SOURCE ? &to.p.sport : &to.p.dport;
	if (n->rewrites == NAT_DESTINATION && n->out)
		to.out = n->out;
	if (n->kind == NAT_KEEP)
		addrs[n_addrs++] = was;
	if (n->kind == NAT_SHIFT)
		addrs[n_addrs++] = span_has(n->from, was)
					   ? addr_add(n->to[0].lo, addr_sub(was, n->from.lo))
					   : was;
	if (n->kind == NAT_POOL) {
		struct span s = n->to[somewhere(&l->p, n->n_to, 1)];
		addrs[n_addrs++] = n->to[0].lo;
		addrs[n_addrs++] = n->to[n->n_to - 1].hi;
		addrs[n_addrs++] = somewhere(&l->p, 2, 2) ? s.lo : s.hi;
	}
	ports[n_ports++] = *port;
	if (n->has_port && n->kind != NAT_KEEP && packet_has_ports(&l->p)) {
		n_ports = 0;
		ports[n_ports++] = n->port_lo;
		if (n->port_hi != n->port_lo) {
			ports[n_ports++] = n->port_hi;
			ports[n_ports++] =
				n->port_lo +
				(unsigned)somewhere(&l->p, n->port_hi - n->port_lo, 3);
		}
	}
	for (unsigned a = 0; a < n_addrs; a++)
		for (unsigned o = 0; o < n_ports; o++) {
			*end_of(&to.p, n) = addrs[a];
			*port = (uint16_t)ports[o];
			events(k, &to, i + 1, true, then);
		}
}

/* It may be rewritten, to what isn't told. */
static void bounded(struct walk *k, const struct leg *l, size_t i, const struct nat *n,
		    bool source, void (*then)(struct walk *k, const struct leg *l))
{
	const struct walker *w = k->w;
	end(k, FATE_UNSURE, NULL, l->d, &l->p, n->text, n->at);
	for (unsigned t = 0; t < 2 && w->n_sample[l->p.family]; t++) {
		struct leg to = *l;
		*(source ? &to.p.src : &to.p.dst) =
			w->sample[l->p.family]
				 [somewhere(&l->p, w->n_sample[l->p.family], 4 + t)];
		events(k, &to, i + 1, true, then);
	}
}

static void translate(struct walk *k, const struct leg *l, size_t i, bool source,
		      void (*then)(struct walk *k, const struct leg *l))
{
	const struct nat *n = l->ev[i].nat;
	const struct match *m = n->kind != NAT_BOUND			  ? n->match
				: n->rewrites != NAT_NOT_TOLD && n->takes ? n->takes
									  : n->touches;
	struct packet here = seen(k, l);
	enum truth t = match_judge(m, &here);
	if (t != TRUTH_FALSE) {
		if (n->kind == NAT_BOUND)
			bounded(k, l, i, n, source, then);
		else
			rewritten(k, l, i, n, then);
	}
	if (t != TRUTH_TRUE || n->kind == NAT_BOUND)
		events(k, l, i + 1, false, then);
}

/* From event i on; the first translation that takes the packet ends the search for others. */
static void events(struct walk *k, const struct leg *l, size_t i, bool translated,
		   void (*then)(struct walk *k, const struct leg *l))
{
	if (++k->steps > STEPS_MAX)
		k->fates->many = true;
	if (k->fates->many)
		return;
	if (i == l->n_ev) {
		then(k, l);
		return;
	}
	const struct event *e = &l->ev[i];
	if (e->nat) {
		if (translated)
			events(k, l, i + 1, true, then);
		else
			translate(k, l, i, l->out_port != SIZE_MAX, then);
		return;
	}
	struct packet here = l->p;
	const char *in = k->w->ports.v[l->in].port->name;
	enum hook_kind kind = (enum hook_kind)e->hook->kind;
	here.iif = in;
	here.oif = l->out_port != SIZE_MAX ? k->w->ports.v[l->out_port].port->name : NULL;
	if (l->d->netfilter && kind == HOOK_IN)
		here.oif = "";
	if (l->d->netfilter && kind == HOOK_OUT)
		here.iif = NULL;
	struct interp_answer a = interp(e->hook->ruleset, &here);
	if (!a.sure)
		end(k, FATE_DROPPED, NULL, l->d, &l->p, e->hook->ruleset->name, e->hook->at);
	if (a.maybe)
		events(k, l, i + 1, translated, then);
}

/* ---- routes ---- */

enum hop_kind { HOP_NONE, HOP_DROP, HOP_LOCAL, HOP_PORT, HOP_GAP };

struct hop {
	uint8_t kind;
	size_t port; /* among the walker's ports */
	struct addr via;
	bool has_via;
	struct loc at;
	bool routed;
};

struct hops {
	struct hop v[HOPS_MAX];
	size_t n;
};

static void add_hop(struct walk *k, struct hops *h, struct hop x)
{
	if (h->n == HOPS_MAX)
		k->fates->many = true;
	else
		h->v[h->n++] = x;
}

static size_t device_port_at(const struct walk *k, const struct device *d, const char *name)
{
	return port_at(k->w, d->name, name);
}

/* One line of a table: a route, or a connected network. */
struct line {
	unsigned len;
	uint32_t metric;
	const struct route *r;
	size_t port; /* of a connected network */
	bool used;
};

static void lookup(struct walk *k, const struct device *d, enum family f, struct addr a,
		   const char *table, int suppress, const char *only, unsigned depth,
		   struct hops *ret);

/* The next hop is on a network of the table's ports, or is itself looked up. */
static void by_next_hop(struct walk *k, const struct device *d, enum family f,
			const struct route *r, unsigned depth, struct hops *ret)
{
	for (size_t i = 0; i < d->n_ports; i++)
		if (d->ports[i].up && same(d->ports[i].segment, r->segment) &&
		    on_network(&d->ports[i], f, r->via)) {
			add_hop(k, ret,
				(struct hop){ HOP_PORT, device_port_at(k, d, d->ports[i].name),
					      r->via, true, r->at });
			return;
		}
	struct hops there = { .n = 0 };
	lookup(k, d, f, r->via, r->segment, -1, NULL, depth + 1, &there);
	for (size_t i = 0; i < there.n; i++) {
		struct hop h = there.v[i];
		if (h.kind == HOP_PORT && !h.has_via)
			h.via = r->via, h.has_via = true;
		if (h.kind == HOP_NONE)
			h.kind = HOP_GAP;
		add_hop(k, ret, h);
	}
}

static void resolve(struct walk *k, const struct device *d, enum family f, struct addr a,
		    const struct route *r, unsigned depth, struct hops *ret)
{
	if (r->drop)
		add_hop(k, ret, (struct hop){ .kind = HOP_DROP, .at = r->at });
	else if (r->local)
		add_hop(k, ret, (struct hop){ .kind = HOP_LOCAL, .at = r->at });
	else if (r->into)
		lookup(k, d, f, a, r->into, -1, NULL, depth + 1, ret);
	else if (r->port)
		add_hop(k, ret,
			(struct hop){ HOP_PORT, device_port_at(k, d, r->port), r->via,
				      r->has_via, r->at, true });
	else
		by_next_hop(k, d, f, r, depth, ret);
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
static void lookup(struct walk *k, const struct device *d, enum family f, struct addr a,
		   const char *table, int suppress, const char *only, unsigned depth,
		   struct hops *ret)
{
	struct line v[64];
	size_t n = 0, group[64], m;
	if (depth > 8) {
		add_hop(k, ret, (struct hop){ .kind = HOP_DROP });
		return;
	}
	for (size_t i = 0; i < d->n_routes && n < 64; i++) {
		const struct route *r = &d->routes[i];
		if (same(r->segment, table) && prefix_has(r->dst, f, a) &&
		    (int)r->dst.len > suppress &&
		    (!only || (r->port && !strcmp(only, r->port))))
			v[n++] =
				(struct line){ .len = r->dst.len, .metric = r->metric, .r = r };
	}
	for (size_t i = 0; d->connected && i < d->n_ports && n < 64; i++) {
		const struct port *p = &d->ports[i];
		if (!p->up || !same(p->segment, table) || (only && strcmp(only, p->name)))
			continue;
		for (size_t x = 0; x < p->n_prefixes && n < 64; x++)
			if (prefix_has(p->prefixes[x], f, a) &&
			    (int)p->prefixes[x].len > suppress)
				v[n++] = (struct line){ .len = p->prefixes[x].len,
							.port = device_port_at(k, d, p->name) };
	}
	if (n == 64)
		k->fates->many = true;
	while ((m = best(v, n, group))) {
		bool sure = false;
		for (size_t i = 0; i < m; i++) {
			const struct line *x = &v[group[i]];
			if (!x->r) {
				add_hop(k, ret,
					(struct hop){ .kind = HOP_PORT, .port = x->port });
				sure = true;
				continue;
			}
			/* a learned route may be better */
			if (d->routing == ROUTING_PART && !x->r->local)
				add_hop(k, ret,
					(struct hop){ .kind = HOP_GAP, .at = d->routing_at });
			resolve(k, d, f, a, x->r, depth, ret);
			sure |= !x->r->odd;
		}
		if (sure)
			return;
	}
	add_hop(k, ret,
		(struct hop){ .kind = d->routing == ROUTING_PART ? HOP_GAP : HOP_NONE,
			      .at = d->at });
}

static void leave(struct walk *k, const struct leg *l);

static void take_hop(struct walk *k, const struct leg *l, const struct hop *h)
{
	struct leg to = *l;
	switch ((enum hop_kind)h->kind) {
	case HOP_NONE:
		end(k, FATE_DROPPED, NULL, l->d, &l->p, "no route", l->d->at);
		return;
	case HOP_DROP:
		end(k, FATE_DROPPED, NULL, l->d, &l->p, "a route that drops", h->at);
		return;
	case HOP_LOCAL:
		end(k, FATE_OWN, NULL, l->d, &l->p, "local", h->at);
		return;
	case HOP_GAP:
		end(k, FATE_UNKNOWN, NULL, l->d, &l->p, "routes that aren't known", h->at);
		return;
	case HOP_PORT:
		break;
	}
	if (h->port >= k->w->ports.n) {
		end(k, FATE_UNKNOWN, NULL, l->d, &l->p, "no such port", h->at);
		return;
	}
	to.out_port = h->port;
	to.via = h->via;
	to.has_via = h->has_via;
	to.routed = h->routed;
	const char *in = k->w->ports.v[l->in].port->name;
	const char *out = k->w->ports.v[to.out_port].port->name;
	to.n_ev = 0;
	push_hooks(k, &to, HOOK_OUT, NULL, out);
	push_nats(k, &to, NAT_SOURCE, in, out);
	struct leg all = to;
	/* HOOK_FORWARD as a whole comes first */
	all.n_ev = 0;
	push_hooks(k, &all, HOOK_FORWARD, in, out);
	for (size_t i = 0; i < to.n_ev; i++)
		if (all.n_ev < EVENTS_MAX)
			all.ev[all.n_ev++] = to.ev[i];
	events(k, &all, 0, false, leave);
}

static void take_hops(struct walk *k, const struct leg *l, const struct hops *h)
{
	for (size_t i = 0; i < h->n; i++)
		take_hop(k, l, &h->v[i]);
}

static void rule(struct walk *k, const struct leg *l, size_t i)
{
	const struct device *d = l->d;
	const char *in = k->w->ports.v[l->in].port->name;
	if (i == d->n_route_rules) {
		end(k, FATE_DROPPED, NULL, d, &l->p, "no route", d->at);
		return;
	}
	const struct route_rule *r = &d->route_rules[i];
	struct packet here = l->p;
	struct hops h = { .n = 0 }, some = { .n = 0 };
	here.iif = in;
	enum truth t = r->in && strcmp(r->in, in) ? TRUTH_FALSE
		       : r->match		  ? match_judge(r->match, &here)
						  : TRUTH_TRUE;
	if (t != TRUTH_TRUE)
		rule(k, l, i + 1);
	if (t == TRUTH_FALSE)
		return;
	switch ((enum route_rule_kind)r->kind) {
	case ROUTE_DROP:
		end(k, FATE_DROPPED, NULL, d, &l->p, "a rule that drops", r->at);
		return;
	case ROUTE_UNKNOWN:
		end(k, FATE_UNKNOWN, NULL, d, &l->p, r->why, r->at);
		return;
	case ROUTE_VIA:
		if (r->port) {
			add_hop(k, &h,
				(struct hop){ HOP_PORT, device_port_at(k, d, r->port), r->via,
					      r->has_via, r->at });
		} else {
			struct route via = { .segment = k->w->ports.v[l->in].port->segment,
					     .via = r->via,
					     .has_via = true,
					     .at = r->at };
			by_next_hop(k, d, (enum family)l->p.family, &via, 0, &h);
		}
		take_hops(k, l, &h);
		return;
	case ROUTE_LOOKUP:
		break;
	}
	lookup(k, d, (enum family)l->p.family, l->p.dst, r->table, r->suppress, NULL, 0, &h);
	for (size_t x = 0; x < h.n; x++) {
		if (h.v[x].kind == HOP_NONE && r->falls) {
			rule(k, l, i + 1);
			continue;
		}
		/* what is learned may be what is missing here */
		if (h.v[x].kind == HOP_GAP && r->falls)
			rule(k, l, i + 1);
		add_hop(k, &some, h.v[x]);
	}
	take_hops(k, l, &some);
}

static void route(struct walk *k, const struct leg *l)
{
	const struct device *d = l->d;
	const struct port *in = k->w->ports.v[l->in].port;
	enum family f = (enum family)l->p.family;
	for (size_t i = 0; i < d->n_ports; i++)
		if (d->ports[i].up && same(d->ports[i].segment, in->segment) &&
		    owns(&d->ports[i], f, l->p.dst, true)) {
			end(k, FATE_OWN, NULL, d, &l->p, "its own address", d->ports[i].at);
			return;
		}
	if (l->out) {
		/* sent there by a translation: the routes tell the next hop alone */
		struct hops h = { .n = 0 };
		lookup(k, d, f, l->p.dst, in->segment, -1, l->out, 0, &h);
		if (h.n == 1 && h.v[0].kind == HOP_NONE)
			h.v[0] = (struct hop){ .kind = HOP_PORT,
					       .port = device_port_at(k, d, l->out) };
		take_hops(k, l, &h);
	} else if (d->n_route_rules) {
		rule(k, l, 0);
	} else {
		struct hops h = { .n = 0 };
		lookup(k, d, f, l->p.dst, in->segment, -1, NULL, 0, &h);
		take_hops(k, l, &h);
	}
}

/* On the link of the port that it leaves by. */
static void leave(struct walk *k, const struct leg *l)
{
	const struct walker *w = k->w;
	const struct walker_port *out = &w->ports.v[l->out_port];
	enum family f = (enum family)l->p.family;
	struct addr next = l->has_via ? l->via : l->p.dst;
	bool any = false;
	if (out->port->alone || !out->port->up) {
		end(k, FATE_DROPPED, NULL, l->d, &l->p, "nothing is behind the port",
		    out->port->at);
		return;
	}
	for (size_t i = 0; i < w->ports.n; i++) {
		const struct walker_port *p = &w->ports.v[i];
		if (i == l->out_port || p->link != out->link || !p->port->up ||
		    !owns(p->port, f, next, true))
			continue;
		any = true;
		at_device(k, i, &l->p);
	}
	for (size_t i = 0; !any && i < w->places.n; i++) {
		const struct walker_place *at = &w->places.v[i];
		if (w->ports.v[at->port].link != out->link || !zone_has(at->zone, &l->p, false))
			continue;
		bool there = at->bound || on_network(w->ports.v[at->port].port, f, l->p.dst) ||
			     !l->has_via;
		end(k, there ? FATE_ARRIVES : FATE_UNKNOWN, there ? at->zone : NULL, l->d,
		    &l->p, "zone", out->port->at);
		any = true;
	}
	/* a route onto a cable with one other end leads there */
	size_t other = w->ports.n, others = 0;
	for (size_t i = 0; i < w->ports.n; i++)
		if (w->ports.v[i].link == out->link && w->ports.v[i].device != l->d &&
		    w->ports.v[i].port->up)
			other = i, others++;
	if (!any && !l->has_via && l->routed && others == 1) {
		at_device(k, other, &l->p);
		return;
	}
	/* an address that no zone claims belongs to the external one, wherever it is */
	for (size_t i = 0; !any && !l->has_via && i < w->estate->policy->n_zones; i++) {
		const struct zone *z = &w->estate->policy->zones[i];
		if (!z->external || !zone_has(z, &l->p, false))
			continue;
		end(k, FATE_ARRIVES, z, l->d, &l->p, "external", out->port->at);
		any = true;
	}
	/* a host that isn't there, on a network of the device's own, gets nothing; nor does one
	 * of ours beyond the Internet */
	bool gone = out->port->outside || (!l->has_via && on_network(out->port, f, l->p.dst));
	if (!any)
		end(k, gone ? FATE_UNSURE : FATE_UNKNOWN, NULL, l->d, &l->p,
		    "nobody has the next hop", out->port->at);
}

static void at_device(struct walk *k, size_t port, const struct packet *p)
{
	const struct device *d = k->w->ports.v[port].device;
	for (size_t i = 0; i < k->depth; i++)
		if (k->been[i].port == port && same_packet(&k->been[i].packet, p)) {
			end(k, FATE_DROPPED, NULL, d, p, "a loop", d->at);
			return;
		}
	if (d->routing == ROUTING_NONE) {
		end(k, FATE_UNKNOWN, NULL, d, p, "nothing is known of its routes", d->at);
		return;
	}
	if (k->depth == DEPTH_MAX || k->fates->many) {
		k->fates->many = true;
		return;
	}
	k->been[k->depth++] = (struct been){ port, *p };
	struct leg l = { .d = d, .in = port, .out_port = SIZE_MAX, .p = *p };
	const char *in = k->w->ports.v[port].port->name;
	push_hooks(k, &l, HOOK_IN, in, NULL);
	push_nats(k, &l, NAT_DESTINATION, in, NULL);
	events(k, &l, 0, false, route);
	k->depth--;
}

void walker_walk(const struct walker *w, const struct zone *from, const struct packet *p,
		 unsigned planes, struct fates *ret)
{
	struct walk k = { .w = w, .planes = planes, .fates = ret };
	enum family f = (enum family)p->family;
	bool exact = false;
	ret->n = 0;
	ret->many = false;
	for (size_t i = 0; i < w->places.n; i++)
		exact |= w->places.v[i].zone == from && !w->places.v[i].bound &&
			 on_network(w->ports.v[w->places.v[i].port].port, f, p->src);
	for (size_t i = 0; i < w->places.n; i++) {
		const struct walker_place *at = &w->places.v[i];
		const struct walker_port *here = &w->ports.v[at->port];
		if (at->zone != from || (exact && !on_network(here->port, f, p->src)))
			continue;
		at_device(&k, at->port, p);
		/* those on one network reach each other without any device */
		bool device = false;
		for (size_t x = 0; x < w->ports.n; x++)
			device |= w->ports.v[x].link == here->link &&
				  owns(w->ports.v[x].port, f, p->dst, true);
		for (size_t x = 0; x < w->places.n && !device; x++)
			if (w->ports.v[w->places.v[x].port].link == here->link &&
			    zone_has(w->places.v[x].zone, p, false) &&
			    on_network(here->port, f, p->dst))
				end(&k, FATE_ARRIVES, w->places.v[x].zone, NULL, p, "one link",
				    here->port->at);
	}
	if (!ret->n && !ret->many)
		end(&k, FATE_UNKNOWN, NULL, NULL, p, "nowhere attached", LOC_NONE);
}
