/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static routes. Their next hops may stand in another table, and their ports may be defined
 * later, so that they are kept as they were read until all ports are known. What else makes
 * routes (protocols, addresses that are given later) is told by its first line: then only
 * networks of the device's own are sure.
 */
#include "collectors/ios_internal.h"

#include <ctype.h>
#include <strings.h>

void ios_learned(struct ios *x, const struct toks *w, const char *why)
{
	if (x->learned)
		return;
	x->learned = why;
	x->learned_at = tok_line(x, w);
}

static bool addr_at(const struct toks *w, unsigned i, enum family f, struct addr *ret)
{
	enum family got;
	return i < w->n && addr_parse(w->v[i].s, w->v[i].len, &got, ret) && got == f;
}

static bool destination(const struct toks *w, unsigned *i, enum family f, struct prefix *ret)
{
	enum family got;
	struct addr mask;
	unsigned len;
	bool host_bits;
	ret->family = (uint8_t)f;
	if (*i >= w->n)
		return false;
	if (memchr(w->v[*i].s, '/', w->v[*i].len)) {
		if (!prefix_parse(w->v[*i].s, w->v[*i].len, &got, &ret->addr, &len,
				  &host_bits) ||
		    got != f)
			return false;
		*i += 1;
	} else {
		if (f == FAMILY_V6 || !addr_at(w, *i, f, &ret->addr) ||
		    !addr_at(w, *i + 1, f, &mask) || addr_mask_len(f, mask) < 0)
			return false;
		len = (unsigned)addr_mask_len(f, mask);
		*i += 2;
	}
	ret->len = (uint8_t)len;
	ret->addr = addr_and(ret->addr, addr_mask(f, len));
	return true;
}

static bool is_port(const struct toks *w, unsigned i)
{
	static const char *const words[] = { "name",	    "tag",	     "track",
					     "permanent",   "global",	     "dhcp",
					     "vrf",	    "multicast",     "unicast",
					     "nexthop-vrf", "metric",	     "preference",
					     "bfd",	    "nexthop-group", "egress-vrf" };
	if (i >= w->n || !isalpha((unsigned char)*w->v[i].s))
		return false;
	for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++)
		if (tok_is(w, i, words[k]))
			return false;
	return !memchr(w->v[i].s, ':', w->v[i].len);
}

const char *ios_port_word(struct ios *x, const struct toks *w, unsigned i, unsigned *ret_next)
{
	const char *name = tok_str(x, w, i++);
	/* "GigabitEthernet 0/1" in two words */
	if (i < w->n && *name && !isdigit((unsigned char)name[strlen(name) - 1]) &&
	    isdigit((unsigned char)*w->v[i].s) && !memchr(w->v[i].s, '.', w->v[i].len))
		name = arena_printf(x->arena, "%s%s", name, tok_str(x, w, i++));
	*ret_next = i;
	return ios_iface_name(x->arena, name, strlen(name));
}

static bool next_hop(const struct toks *w, unsigned i, enum family f, struct route *r)
{
	enum family got;
	if (i >= w->n)
		return false;
	size_t len = w->v[i].len;
	const char *pct = memchr(w->v[i].s, '%', len); /* NX-OS, EOS: A%interface */
	if (pct)
		len = (size_t)(pct - w->v[i].s);
	if (memchr(w->v[i].s, '/', len))
		len = (size_t)((const char *)memchr(w->v[i].s, '/', len) - w->v[i].s);
	r->has_via = addr_parse(w->v[i].s, len, &got, &r->via) && got == f;
	return r->has_via;
}

/*
 * [DISTANCE] [METRIC] [tag N] [name S] [track N] [permanent] [global] [vrf V]..., in any order.
 * The first bare number is the administrative distance (IOS: "distance metric"; NX-OS calls it
 * preference; EOS: distance).
 */
static bool options(struct ios *x, const struct toks *w, unsigned k, struct route_line *l)
{
	struct route *r = &l->route;
	bool distance = false, bound = false;
	uint64_t n;
	for (; k < w->n; k++) {
		if (tok_is(w, k, "tag") || tok_is(w, k, "name") ||
		    tok_is(w, k, "description") || tok_is(w, k, "metric")) {
			k++;
		} else if (tok_is(w, k, "track")) {
			r->odd = arena_printf(x->arena, "it hangs on track %s",
					      tok_str(x, w, k + 1));
			bound = true;
			k++;
		} else if (tok_is(w, k, "bfd")) {
			r->odd = "it hangs on BFD";
			bound = true;
		} else if (tok_is(w, k, "dhcp")) {
			r->odd = "its next hop comes from DHCP";
			bound = true;
		} else if (tok_is(w, k, "global")) {
			l->other = true;
			l->other_name = NULL;
		} else if ((tok_is(w, k, "vrf") || tok_is(w, k, "nexthop-vrf")) &&
			   k + 1 < w->n) {
			l->other = true;
			l->other_name = tok_str(x, w, ++k);
			if (!strcasecmp(l->other_name, "default"))
				l->other_name = NULL;
		} else if (tok_is(w, k, "nexthop-group")) {
			r->odd = "its next hops are a group that isn't read";
			bound = true;
			k++;
		} else if (tok_is(w, k, "multicast")) {
			r->odd = "it is a route of multicast";
			bound = true;
		} else if (!distance && tok_number(w, k, 1, 255, &n)) {
			r->metric = (uint32_t)n;
			distance = true;
		}
	}
	return bound;
}

bool ios_route(struct ios *x, const struct toks *w, unsigned i, enum family f, const char *vrf)
{
	struct route_line l = { .route = { .segment = vrf, .metric = 1, .at = tok_line(x, w) },
				.line = w->line };
	struct route *r = &l.route;
	x->routes_seen = true;
	if (tok_is(w, i, "vrf") && i + 1 < w->n) {
		r->segment = tok_str(x, w, i + 1);
		i += 2;
	}
	if (r->segment && !strcasecmp(r->segment, "default"))
		r->segment = NULL;
	if (tok_is(w, i, "topology"))
		i += 2;
	if (!destination(w, &i, f, &r->dst)) {
		ios_reject(x, w, "ios.bad-route", tok_loc(x, w, i), "not a destination");
		device_build_taint(x->b, NULL, tok_line(x, w),
				   "a route that is not understood");
		ios_learned(x, w, "a route that is not understood");
		return true;
	}
	if (tok_is(w, i, "egress-vrf") && i + 1 < w->n) { /* EOS */
		l.other = true;
		l.other_name = tok_str(x, w, i + 1);
		if (!strcasecmp(l.other_name, "default"))
			l.other_name = NULL;
		i += 2;
	}
	if (is_port(w, i)) {
		if (!strncasecmp(w->v[i].s, "null", 4)) {
			unsigned next;
			r->drop = true;
			ios_port_word(x, w, i, &next); /* "Null 0" */
			i = next;
		} else {
			r->port = ios_port_word(x, w, i, &i);
		}
	}
	if (!r->drop && next_hop(w, i, f, r)) {
		const char *pct = memchr(w->v[i].s, '%', w->v[i].len);
		if (pct && !r->port)
			r->port = ios_iface_name(x->arena, pct + 1,
						 w->v[i].len - (size_t)(pct + 1 - w->v[i].s));
		i++;
	}
	bool bound = options(x, w, i, &l);
	if (!r->drop && !r->port && !r->has_via) {
		if (!r->odd)
			r->odd = "where it leads isn't known";
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true,
			 "where this route leads isn't known");
	} else if (bound) {
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "a route under a condition");
	} else {
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
	}
	*vec_add(&x->routes) = l;
	return true;
}

/* What the line comes to now that all ports are known. */
static void build_route(struct ios *x, const struct route_line *l)
{
	struct route r = l->route;
	const char *table = l->other ? l->other_name : r.segment;
	if (r.port) {
		const struct iface *it = ios_iface(x, r.port, false, LOC_NONE);
		/* ports were made of the interfaces, one by one */
		const struct port *p = it ? &x->b->ports.v[it - x->ifaces.v] : NULL;
		if (p && !p->up)
			return; /* not in the table while its port is shut down */
		if (p)
			r.port = p->name;
		else if (!r.odd)
			r.odd = "its port isn't defined";
		if (p && p->alone && !r.has_via)
			r.drop = true;
	} else if (l->other && !r.drop) {
		x->work += x->b->ports.n / 16;
		const struct port *p = r.has_via && x->work <= IOS_WORK_MAX
					       ? port_towards(x->b, table, r.dst.family, r.via)
					       : NULL;
		if (p) {
			r.port = p->name;
		} else if (!r.has_via) { /* EOS: the destination is looked up there */
			r.into = table ? table : "";
			r.odd = NULL;
		} else if (!r.odd) {
			r.odd = "its next hop is found by another table's routes";
		}
	}
	*vec_add(&x->b->routes) = r;
}

/* Ports that a packet may come in by and go out of. */
static size_t routed_ports(const struct ios *x)
{
	size_t n = 0;
	vec_each (p, &x->b->ports)
		n += p->up && p->n_prefixes && !p->alone;
	return n;
}

static void routing_off(struct ios *x, const char *why, const struct match *m, struct loc at)
{
	struct route_rule *r = vec_add(&x->b->route_rules);
	*r = (struct route_rule){ .kind = why ? ROUTE_UNKNOWN : ROUTE_DROP,
				  .match = m,
				  .suppress = -1,
				  .why = why,
				  .at = at };
}

/*
 * Whether the device routes at all. `ip routing` is shown where it isn't the default: routers
 * have it on, most switches and all of EOS have it off; which of the two a device is, only its
 * switch ports tell. IPv6 is off until `ipv6 unicast-routing` in IOS and EOS.
 */
static void whether_it_routes(struct ios *x)
{
	bool switches = false, v6 = false;
	vec_each (f, &x->ifaces) {
		switches |= f->switchport;
		for (size_t i = 0; i < f->addrs.n; i++)
			v6 |= f->addrs.v[i].family == FAMILY_V6;
	}
	if (x->routing < 0)
		routing_off(x, NULL, match_family(x->m, FAMILY_V4), x->routing_at);
	else if (!x->routing && routed_ports(x) > 1 &&
		 (x->dialect == IOS_EOS ||
		  (x->dialect == IOS_IOS && switches && !x->routes_seen && !x->learned)))
		routing_off(x, "whether it routes isn't told (`ip routing`)",
			    match_family(x->m, FAMILY_V4), x->b->dev.at);
	if (v6 && !x->routing6 && x->dialect != IOS_NXOS)
		routing_off(x,
			    x->whole ? NULL
				     : "whether it routes IPv6 isn't told "
				       "(`ipv6 unicast-routing`)",
			    match_family(x->m, FAMILY_V6), x->b->dev.at);
}

void ios_routes_build(struct ios *x)
{
	bool addressed = false;
	struct device *d = &x->b->dev;
	vec_each (p, &x->b->ports)
		addressed |= p->n_prefixes > 0;
	vec_each (l, &x->routes)
		build_route(x, l);
	if (!addressed && !x->b->routes.n && !x->learned) {
		d->routing = ROUTING_NONE;
		return;
	}
	d->connected = true;
	d->routing = ROUTING_WHOLE;
	d->routing_at = d->at;
	if (x->learned) {
		d->routing = ROUTING_PART;
		d->routing_why = x->learned;
		d->routing_at = x->learned_at;
	} else if (!x->whole) {
		d->routing = ROUTING_PART;
		d->routing_why = "nothing tells that this is the whole configuration";
	}
	whether_it_routes(x);
}
