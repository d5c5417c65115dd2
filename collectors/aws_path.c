/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How packets go through a VPC: which table they look up, where its routes send them, and the
 * ports of the gateways that stand at its edge (aws_gate.c says what those do).
 *
 *	port			wire		behind it
 *	subnet-1		(its network)	hosts
 *	igw-1			internet	the Internet; addresses are exchanged
 *	eigw-1			internet	the Internet, IPv6, out only
 *	nat-1			nat-1		a device with one port
 *	pcx-1			pcx-1		another VPC
 *	tgw-attach-1/subnet-1	the same	a transit gateway
 *	vgw-1, vpce-1, ...	the same	nobody, unless the estate links it
 *
 * Every subnet looks up its own route table (or the VPC's main one), and so do interfaces of
 * gateways that stand in it; what comes in by a gateway finds the VPC's own networks (table
 * "local") or the table that is associated with the gateway. A route to "local" leads into the
 * table "local" too, so that each subnet is a route in one place only. VPC user guide:
 * "Configure route tables"; "Transit gateway route tables" and "How transit gateways and
 * network ACLs work".
 */
#include <string.h>

#include "collectors/aws_internal.h"

static const char local_table[] = "local";

/* ---- who belongs to what ---- */

static void join_tables(struct aws *w)
{
	for (size_t i = 0; i < w->tables.n; i++) {
		struct aws_table *t = w->tables.entries[i].value;
		struct aws_vpc *v = t->vpc_id ? map_get(&w->vpcs, t->vpc_id) : NULL;
		if (!v)
			continue;
		*vec_add(&v->tables) = t;
		if (t->main && v->main)
			t->odd = v->main->odd = "the VPC has two main route tables";
		if (t->main)
			v->main = t;
	}
}

static void join_gates(struct aws *w)
{
	for (size_t i = 0; i < w->gates.n; i++) {
		struct aws_gate *g = w->gates.entries[i].value;
		for (size_t k = 0; k < 2 && !g->gone; k++) {
			struct aws_vpc *v = g->ends[k] ? map_get(&w->vpcs, g->ends[k]) : NULL;
			if (v)
				*vec_add(&v->gates) = g;
		}
		if (!g->gone && g->subnet)
			*vec_add(&g->subnet->relays) = g->id;
	}
}

static void join_publics(struct aws *w)
{
	for (size_t i = 0; i < w->interfaces.n; i++) {
		struct aws_interface *n = w->interfaces.entries[i].value;
		for (size_t k = 0; n->vpc && k < n->publics.n; k++)
			*vec_add(&n->vpc->publics) = n->publics.v[k];
	}
	vec_each (a, &w->addresses) {
		struct aws_interface *n = map_get(&w->interfaces, a->interface);
		bool had = false;
		if (!n || !n->vpc)
			continue;
		vec_each (p, &n->publics)
			had |= addr_equal(p->public, a->pair.public) &&
			       addr_equal(p->private, a->pair.private);
		if (!had)
			*vec_add(&n->vpc->publics) = a->pair;
	}
}

void aws_path_join(struct aws *w)
{
	join_tables(w);
	join_gates(w);
	join_publics(w);
	aws_transit_join(w);
	aws_balance_join(w);
}

/* ---- routes ---- */

void aws_add_route(struct aws *w, struct device_build *b, struct route r)
{
	(void)w;
	*vec_add(&b->routes) = r;
}

struct port *aws_path_port(struct aws *w, struct aws_vpc *v, const char *id, const char *kind,
			   struct loc at)
{
	void **had = map_at(&v->ports, id);
	if (*had)
		return NULL; /* it is there; pointers into the vector don't last */
	*had = w;
	struct port *p = vec_add(&v->build->ports);
	const char *name = arena_str(w->snap->arena, id);
	*p = (struct port){ .name = name,
			    .kind = kind,
			    .segment = arena_str(w->snap->arena, v->id),
			    .wire = name,
			    .up = true,
			    .at = at };
	return p;
}

static const char *kind_of(const char *id)
{
	static const struct {
		const char *prefix, *kind;
	} kinds[] = {
		{ "igw-", "internet-gateway" }, { "eigw-", "egress-only-internet-gateway" },
		{ "nat-", "nat-gateway" },	{ "pcx-", "peering-connection" },
		{ "tgw-", "transit-gateway" },	{ "vgw-", "vpn-gateway" },
		{ "vpce-", "endpoint" },	{ "lgw-", "local-gateway" },
		{ "cagw-", "carrier-gateway" },
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (has_prefix(id, kinds[i].prefix))
			return kinds[i].kind;
	return "gateway";
}

/* The port that leads to what a route names; what isn't a gateway has a port already, or none.
 */
static const char *port_to(struct aws *w, struct aws_vpc *v, const char *id, struct loc at)
{
	const char *kind = kind_of(id);
	if (!strcmp(kind, "gateway"))
		id = arena_printf(w->arena, "to %s", id);
	aws_path_port(w, v, id, kind, at);
	return arena_str(w->snap->arena, id);
}

static void rule(struct aws_vpc *v, enum route_rule_kind kind, const char *in,
		 const struct match *match, const char *table, const char *why, struct loc at)
{
	*vec_add(&v->build->route_rules) = (struct route_rule){ .kind = (uint8_t)kind,
								.in = in,
								.match = match,
								.table = table,
								.suppress = -1,
								.why = why,
								.at = at };
}

static struct aws_table *table_of(const struct aws_subnet *s)
{
	return s->table ? s->table : s->vpc ? s->vpc->main : NULL;
}

/* A table that leads to a transit gateway leads to its interface in the packet's own zone. */
static const char *table_name(struct aws *w, const struct aws_table *t, const char *zone)
{
	return t->transit ? arena_printf(w->snap->arena, "%s from %s", t->id,
					 zone ? zone : "any zone")
			  : t->id;
}

/* To the attachment's port in the zone; in no zone of it: nowhere. */
static void to_transit(struct aws *w, struct aws_vpc *v, struct route r, const char *tgw,
		       const char *zone)
{
	bool many, told = true;
	struct aws_attachment *a = aws_transit_of(v, tgw, &many);
	size_t n = 0;
	if (!a || a->odd || !a->subnets.n) {
		r.port = port_to(w, v, a ? a->id : tgw, r.at);
		aws_add_route(w, v->build, r);
		return;
	}
	vec_each (s, &a->subnets)
		told &= (*s)->zone != NULL;
	vec_each (s, &a->subnets) {
		if (zone && told && strcmp((*s)->zone, zone))
			continue;
		r.port = aws_transit_port(w, a, *s);
		aws_add_route(w, v->build, r);
		n++;
	}
	r.drop = true;
	r.port = NULL;
	if (!n)
		aws_add_route(w, v->build, r);
}

/* The interface of the route: beside an instance it is told as well. */
static struct aws_interface *interface_of(struct aws *w, const struct aws_hop *h)
{
	const char *id = h->interface	 ? h->interface
			 : has_prefix(h->target, "eni-") ? h->target
							 : NULL;
	struct aws_interface *n = id ? map_get(&w->interfaces, id) : NULL;
	return n && n->defined ? n : NULL;
}

/*
 * What isn't sent to it by its own address reaches an instance only where its interface has no
 * source/destination check. What it does then is not the VPC's to say.
 */
static void to_interface(struct aws *w, struct aws_vpc *v, struct route r,
			 const struct aws_interface *n)
{
	enum family f = (enum family)r.dst.family;
	if (n->unchecked)
		r.odd = arena_printf(w->snap->arena,
				     "the source/destination check of %s is not told", n->id);
	if (!n->forwards && !n->unchecked) {
		r.drop = true;
	} else if (n->subnet && n->vpc == v && n->addrs.of[f].n) {
		r.port = n->subnet->id;
		r.via = n->addrs.of[f].v[0].lo;
		r.has_via = true;
	} else {
		r.port = port_to(w, v, n->id, r.at);
	}
	aws_add_route(w, v->build, r);
}

static void add_hop(struct aws *w, struct aws_vpc *v, const struct aws_hop *h, struct route r,
		    const char *zone)
{
	struct aws_interface *n;
	if (h->blackhole || !h->target) {
		r.drop = true;
		aws_add_route(w, v->build, r);
	} else if (!strcmp(h->target, "local")) {
		r.into = local_table;
		aws_add_route(w, v->build, r);
	} else if (has_prefix(h->target, "tgw-")) {
		to_transit(w, v, r, h->target, zone);
	} else if ((n = interface_of(w, h))) {
		to_interface(w, v, r, n);
	} else {
		r.port = port_to(w, v, h->target, h->at);
		aws_add_route(w, v->build, r);
	}
}

static bool list_whole(const struct aws_list *l)
{
	return l->has_entries && !l->odd && (!l->open || l->last);
}

/* Fills the table for packets from the zone, once. */
static void fill_table(struct aws *w, struct aws_vpc *v, struct map *made,
		       const struct aws_table *t, const char *zone)
{
	const char *name = table_name(w, t, zone);
	void **had = map_at(made, name);
	if (*had)
		return;
	*had = (void *)name;
	vec_each (h, &t->routes) {
		struct route r = { .dst = h->dst, .segment = name, .at = h->at };
		if (!h->list) {
			add_hop(w, v, h, r, zone);
			continue;
		}
		/* A static route to the same network is preferred to a list's. */
		r.metric = 1;
		for (int f = 0; f < FAMILY_COUNT; f++)
			vec_each (s, &h->list->spans.of[f]) {
				r.dst = (struct prefix){ .family = (uint8_t)f,
							 .len = (uint8_t)aws_span_len(
								 (enum family)f, *s),
							 .addr = s->lo };
				add_hop(w, v, h, r, zone);
			}
	}
}

/* The packets for which the table may have a route that isn't told. */
static void find_missing(struct aws *w, struct aws_table *t)
{
	if (!t->lists || t->looked)
		return;
	t->looked = true;
	VEC(const struct match *) all = { 0 };
	vec_each (h, &t->routes) {
		if (!h->list || list_whole(h->list))
			continue;
		const struct match *m =
			match_unknown(w->m, h->at, "prefix list %s", h->list->id);
		if (h->list->family >= 0)
			m = match_and(w->m, match_family(w->m, (enum family)h->list->family),
				      m);
		*vec_add(&all) = m;
		t->missing_why = arena_printf(
			w->snap->arena, "the entries of prefix list %s were not collected",
			h->list->id);
	}
	if (all.n)
		t->missing = match_or_n(w->m, all.v, all.n);
	vec_free(&all);
}

/*
 * What comes in by this port looks up the table of the subnet. Before that come the
 * destinations of which the table doesn't tell: lists whose entries weren't collected.
 */
static void look_up(struct aws *w, struct aws_vpc *v, struct map *made, const char *in,
		    const struct match *match, const struct aws_subnet *s)
{
	struct arena *a = w->snap->arena;
	struct aws_table *t = table_of(s);
	const char *why =
		s->table_odd			     ? s->table_odd
		: !s->table && w->missing[AWS_TABLE] ? "a page of the route tables is missing"
		: !t				     ? "no route table is told"
		: !t->defined			     ? "its route table was not collected"
		: t->vpc_id && strcmp(t->vpc_id, v->id) ? "its route table is another VPC's"
							: t->odd;
	if (why) {
		rule(v, ROUTE_UNKNOWN, in, match, NULL, arena_printf(a, "%s: %s", s->id, why),
		     s->table ? s->table_at : s->at);
		return;
	}
	find_missing(w, t);
	if (t->missing)
		rule(v, ROUTE_UNKNOWN, in,
		     match ? match_and(w->m, match, t->missing) : t->missing, NULL,
		     t->missing_why, t->at);
	rule(v, ROUTE_LOOKUP, in, match, table_name(w, t, s->zone), NULL,
	     s->table ? s->table_at : t->main_at);
	fill_table(w, v, made, t, s->zone);
}

void aws_path_look_up(struct aws *w, struct aws_vpc *v, struct map *made, const char *in,
		      const struct aws_subnet *s)
{
	look_up(w, v, made, in, NULL, s);
}

/* What comes in by a gateway: the table associated with it, or the VPC's own networks. */
static void from_gate(struct aws *w, struct aws_vpc *v, struct map *made, const char *in,
		      const struct aws_gate *g)
{
	const struct aws_table *t = g ? g->table : NULL;
	if (t && (!t->defined || t->odd)) {
		rule(v, ROUTE_UNKNOWN, in, NULL, NULL,
		     arena_printf(w->snap->arena, "%s: %s", t->id,
				  t->odd ? t->odd : "it was not collected"),
		     g->table_at);
	} else if (t) {
		rule(v, ROUTE_LOOKUP, in, NULL, table_name(w, t, NULL), NULL, g->table_at);
		fill_table(w, v, made, t, NULL);
	} else {
		rule(v, ROUTE_LOOKUP, in, NULL, local_table, NULL, g ? g->at : v->at);
	}
}

static void local_routes(struct aws *w, struct aws_vpc *v)
{
	vec_each (s, &v->subnets)
		vec_each (p, &(*s)->prefixes)
			aws_add_route(w, v->build,
				      (struct route){ .dst = *p,
						      .segment = local_table,
						      .port = (*s)->id,
						      .at = (*s)->at });
	/* a NAT gateway's own addresses are no host's */
	vec_each (g, &v->gates) {
		if ((*g)->kind != AWS_NAT)
			continue;
		vec_each (span, &(*g)->addrs.of[FAMILY_V4])
			aws_add_route(w, v->build,
				      (struct route){ .dst = { .family = FAMILY_V4,
							       .len = 32,
							       .addr = span->lo },
						      .segment = local_table,
						      .port = (*g)->id,
						      .at = (*g)->at });
	}
}

/* ---- gateways ---- */

/*
 * What goes through an interface in the subnet crosses the subnet's border. passage: also what
 * comes from within the subnet.
 */
static void hook_border(struct aws *w, struct aws_vpc *v, const char *port,
			const struct aws_subnet *s, bool passage)
{
	bool known = s && s->vpc == v && s->border[AWS_EGRESS];
	struct loc at = s && s->acl ? s->acl_at : v->at;
	device_build_hook(v->build, HOOK_IN, 1, port,
			  known ? s->border[AWS_EGRESS] : aws_no_border(w, v, AWS_EGRESS), at);
	device_build_hook(v->build, HOOK_OUT, 1, port,
			  known && passage ? s->passage
			  : known	   ? s->border[AWS_INGRESS]
					   : aws_no_border(w, v, AWS_INGRESS),
			  at);
}

static void gates(struct aws *w, struct aws_vpc *v, struct map *made)
{
	bool igw = false;
	vec_each (g, &v->gates)
		igw |= (*g)->kind == AWS_IGW;
	vec_each (at, &v->gates) {
		const struct aws_gate *g = *at;
		if (g->kind == AWS_IGW) {
			aws_gate_internet(w, v, g->id, g->at);
		} else if (g->kind == AWS_EIGW) {
			aws_gate_egress(w, v, g->id, g->at, !igw);
		} else if (g->kind == AWS_NAT) {
			aws_path_port(w, v, g->id, "nat-gateway", g->at);
			if (g->odd)
				device_build_taint(v->build, g->id, g->at, "%s: %s", g->id,
						   g->odd);
			hook_border(w, v, g->id, g->subnet, false);
			if (!g->subnet)
				continue;
			look_up(w, v, made, g->id, NULL, g->subnet);
			continue;
		} else {
			aws_path_port(w, v, g->id, kind_of(g->id), g->at);
			if (g->odd)
				device_build_taint(v->build, g->id, g->at, "%s: %s", g->id,
						   g->odd);
		}
		from_gate(w, v, made, g->id, g);
	}
}

static void transits(struct aws *w, struct aws_vpc *v, struct map *made)
{
	vec_each (at, &v->attachments) {
		const struct aws_attachment *a = *at;
		vec_each (s, &a->subnets) {
			const char *name = aws_transit_port(w, a, *s);
			aws_path_port(w, v, name, "transit-gateway-attachment", a->at);
			hook_border(w, v, name, *s, true);
			look_up(w, v, made, name, NULL, *s);
		}
	}
}

/* Gateways that routes name and nobody lists: an internet gateway is one all the same. */
static void named_gates(struct aws *w, struct aws_vpc *v, struct map *made)
{
	vec_each (t, &v->tables) {
		vec_each (h, &(*t)->routes) {
			if (h->blackhole || !h->target || map_get(&v->ports, h->target))
				continue;
			if (has_prefix(h->target, "igw-"))
				aws_gate_internet(w, v, h->target, h->at);
			else if (has_prefix(h->target, "eigw-"))
				aws_gate_egress(w, v, h->target, h->at, true);
			else if (has_prefix(h->target, "pcx-") || has_prefix(h->target, "vgw-"))
				aws_path_port(w, v, h->target, kind_of(h->target), h->at);
			else
				continue;
			from_gate(w, v, made, arena_str(w->snap->arena, h->target),
				  map_get(&w->gates, h->target));
		}
	}
}

/* Whether the networks of all its subnets are known; NULL or why not. */
static const char *subnets_odd(struct aws *w, struct aws_vpc *v)
{
	if (w->failed)
		return arena_printf(w->snap->arena, "%s could not be read", w->failed);
	if (w->missing[AWS_SUBNET])
		return "a page of the subnets is missing";
	if (!v->subnets.n)
		return "subnets were not collected";
	vec_each (s, &v->subnets)
		if (!(*s)->defined || (*s)->odd)
			return arena_printf(w->snap->arena, "%s: %s", (*s)->id,
					    (*s)->odd ? (*s)->odd : "it was not collected");
	return NULL;
}

void aws_path_build(struct aws *w, struct aws_vpc *v)
{
	struct map made = { 0 };
	struct device *dev = &v->build->dev;
	if (!v->tables.n)
		return; /* nothing is known of where packets go */
	dev->routing_why = subnets_odd(w, v);
	dev->routing = dev->routing_why ? ROUTING_PART : ROUTING_WHOLE;
	dev->routing_at = v->at;
	gates(w, v, &made);
	transits(w, v, &made);
	named_gates(w, v, &made);
	aws_balance_ports(w, v, &made);
	local_routes(w, v);
	rule(v, ROUTE_LOOKUP, "edge", NULL, local_table, NULL, v->at);
	vec_each (s, &v->subnets)
		look_up(w, v, &made, (*s)->id, NULL, *s);
	/* by a group or an interface: the address tells the subnet */
	vec_each (s, &v->subnets)
		if ((*s)->defined)
			look_up(w, v, &made, NULL, aws_spans_match(w, &(*s)->cidrs, FIELD_SRC),
				*s);
	rule(v, ROUTE_UNKNOWN, NULL, NULL, NULL,
	     "its source is in no subnet that was collected", v->at);
	map_finish(&made);
}

void aws_path_devices(struct aws *w)
{
	for (size_t i = 0; i < w->gates.n; i++) {
		const struct aws_gate *g = w->gates.entries[i].value;
		struct aws_vpc *v = g->ends[0] ? map_get(&w->vpcs, g->ends[0]) : NULL;
		if (g->kind == AWS_NAT && !g->gone && v && v->tables.n &&
		    g->addrs.of[FAMILY_V4].n)
			aws_gate_nat(w, v, g);
	}
	aws_transit_devices(w);
	aws_balance_devices(w);
}

void aws_path_finish(struct aws *w)
{
	for (size_t i = 0; i < w->tables.n; i++)
		vec_free(&((struct aws_table *)w->tables.entries[i].value)->routes);
	for (size_t i = 0; i < w->gates.n; i++)
		aws_spans_finish(&((struct aws_gate *)w->gates.entries[i].value)->addrs);
	vec_free(&w->addresses);
	map_finish(&w->tables);
	map_finish(&w->gates);
	aws_transit_finish(w);
	aws_balance_finish(w);
}
