/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "model/interp.h"
#include "tests/laws/walker_internal.h"

enum { STEPS_MAX = 2000, DEPTH_MAX = 40, EVENTS_MAX = 48 };

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
		bool there = (!n->in || walker_same(n->in, in)) &&
			     (!n->out || !out || walker_same(n->out, out));
		bool back = (!n->in || !out || walker_same(n->in, out)) &&
			    (!n->out || walker_same(n->out, in));
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
	k->fates->many |= h->many;
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
			walker_add_hop(&h, (struct hop){ HOP_PORT,
							 walker_port_at(k->w, d->name, r->port),
							 r->via, r->has_via, r->at });
		} else {
			struct route via = { .segment = k->w->ports.v[l->in].port->segment,
					     .via = r->via,
					     .has_via = true,
					     .at = r->at };
			walker_next_hop(k->w, d, (enum family)l->p.family, &via, 0, &h);
		}
		take_hops(k, l, &h);
		return;
	case ROUTE_LOOKUP:
		break;
	}
	walker_lookup(k->w, d, (enum family)l->p.family, l->p.dst, r->table, r->suppress, NULL,
		      0, &h);
	k->fates->many |= h.many;
	for (size_t x = 0; x < h.n; x++) {
		if (h.v[x].kind == HOP_NONE && r->falls) {
			rule(k, l, i + 1);
			continue;
		}
		/* what is learned may be what is missing here */
		if (h.v[x].kind == HOP_GAP && r->falls)
			rule(k, l, i + 1);
		walker_add_hop(&some, h.v[x]);
	}
	take_hops(k, l, &some);
}

static void route(struct walk *k, const struct leg *l)
{
	const struct device *d = l->d;
	const struct port *in = k->w->ports.v[l->in].port;
	enum family f = (enum family)l->p.family;
	for (size_t i = 0; i < d->n_ports; i++)
		if (d->ports[i].up && walker_same(d->ports[i].segment, in->segment) &&
		    walker_owns(&d->ports[i], f, l->p.dst, true)) {
			end(k, FATE_OWN, NULL, d, &l->p, "its own address", d->ports[i].at);
			return;
		}
	if (l->out) {
		/* sent there by a translation: the routes tell the next hop alone */
		struct hops h = { .n = 0 };
		walker_lookup(k->w, d, f, l->p.dst, in->segment, -1, l->out, 0, &h);
		if (h.n == 1 && h.v[0].kind == HOP_NONE)
			h.v[0] = (struct hop){ .kind = HOP_PORT,
					       .port = walker_port_at(k->w, d->name, l->out) };
		take_hops(k, l, &h);
	} else if (d->n_route_rules) {
		rule(k, l, 0);
	} else {
		struct hops h = { .n = 0 };
		walker_lookup(k->w, d, f, l->p.dst, in->segment, -1, NULL, 0, &h);
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
		    !walker_owns(p->port, f, next, true))
			continue;
		any = true;
		at_device(k, i, &l->p);
	}
	for (size_t i = 0; !any && i < w->places.n; i++) {
		const struct walker_place *at = &w->places.v[i];
		if (w->ports.v[at->port].link != out->link || !zone_has(at->zone, &l->p, false))
			continue;
		bool there = at->bound ||
			     walker_on_network(w->ports.v[at->port].port, f, l->p.dst) ||
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
	bool gone = out->port->outside ||
		    (!l->has_via && walker_on_network(out->port, f, l->p.dst));
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

/* Source and destination are in one network of the port. */
static bool one_network_has(const struct port *q, enum family f, const struct packet *p)
{
	for (size_t i = 0; i < q->n_prefixes; i++)
		if (walker_prefix_has(q->prefixes[i], f, p->src) &&
		    walker_prefix_has(q->prefixes[i], f, p->dst))
			return true;
	return false;
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
			 walker_on_network(w->ports.v[w->places.v[i].port].port, f, p->src);
	for (size_t i = 0; i < w->places.n; i++) {
		const struct walker_place *at = &w->places.v[i];
		const struct walker_port *here = &w->ports.v[at->port];
		if (at->zone != from || (exact && !walker_on_network(here->port, f, p->src)))
			continue;
		/* to another device's address on the link itself, not by this one */
		size_t n = 0;
		for (size_t x = 0; x < w->ports.n; x++)
			if (w->ports.v[x].link == here->link && at->port != x &&
			    w->ports.v[x].port->up && !here->port->edge &&
			    walker_owns(w->ports.v[x].port, f, p->dst, true) &&
			    one_network_has(w->ports.v[x].port, f, p))
				at_device(&k, x, p), n++;
		if (!n || walker_owns(here->port, f, p->dst, true))
			at_device(&k, at->port, p);
		/* those on one network reach each other without any device */
		bool device = false;
		for (size_t x = 0; x < w->ports.n; x++)
			device |= w->ports.v[x].link == here->link &&
				  walker_owns(w->ports.v[x].port, f, p->dst, true);
		for (size_t x = 0; x < w->places.n && !device; x++)
			if (w->ports.v[w->places.v[x].port].link == here->link &&
			    zone_has(w->places.v[x].zone, p, false) &&
			    walker_on_network(here->port, f, p->dst))
				end(&k, FATE_ARRIVES, w->places.v[x].zone, NULL, p, "one link",
				    here->port->at);
	}
	if (!ret->n && !ret->many)
		end(&k, FATE_UNKNOWN, NULL, NULL, p, "nowhere attached", LOC_NONE);
}
