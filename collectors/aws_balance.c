/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network load balancers. Each becomes a device with a port for every interface that it has in
 * the VPC's subnets; a listener is a translation of the interface's address and port to one of
 * the targets of its groups, which one only the balancer knows. What no listener takes ends at
 * the balancer.
 *
 * With the client's address preserved the target sees the client, otherwise the interface's
 * address. Which of the two is an attribute of the target group; where that wasn't collected
 * both are possible. The answers of a target go back through the balancer in either case.
 *
 * An application load balancer, or one of the first kind, ends the connection and opens
 * another: for packets it is a host, its interfaces are as any others.
 *
 * Elastic Load Balancing user guide for network load balancers: "Client IP preservation",
 * "Cross-zone load balancing", "Target security groups". Of targets those count that are
 * registered and in use; which of them are healthy is a matter of the moment.
 */
#include <string.h>

#include "collectors/aws_internal.h"

/* The end of an ARN behind the word, "net/NAME/ID"; NULL: it isn't one. */
static const char *end_of(struct aws *w, const json_t *o, const char *key, const char *word)
{
	const char *arn = aws_string(w, o, key);
	const char *at = arn ? strstr(arn, word) : NULL;
	return at ? at + strlen(word) : NULL;
}

static struct aws_balancer *balancer(struct aws *w, const json_t *o, struct loc at)
{
	const char *id = end_of(w, o, "LoadBalancerArn", ":loadbalancer/");
	bool is_new;
	if (!id)
		return NULL;
	struct aws_balancer *b = aws_object(w, &w->balancers, id, sizeof(*b), &is_new);
	if (is_new) {
		b->id = arena_str(w->snap->arena, id);
		b->at = at;
	}
	return b;
}

static struct aws_target_group *target_group(struct aws *w, const json_t *o)
{
	const char *arn = aws_string(w, o, "TargetGroupArn");
	bool is_new;
	if (!arn)
		return NULL;
	struct aws_target_group *g = aws_object(w, &w->target_groups, arn, sizeof(*g), &is_new);
	if (is_new)
		g->at = aws_at_member(w, o, "TargetGroupArn");
	return g;
}

/* The value of an attribute in a list of keys and values, or NULL. */
static const char *attribute(struct aws *w, const json_t *o, const char *key)
{
	size_t i;
	const json_t *e;
	json_array_foreach (aws_member(o, "Attributes"), i, e) {
		const char *name = json_string_value(aws_member(e, "Key"));
		if (name && !strcmp(name, key))
			return aws_string(w, e, "Value");
	}
	return NULL;
}

static const struct match *listener_proto(struct aws *w, const char *s)
{
	static const struct range both[] = { { PROTO_TCP, PROTO_TCP },
					     { PROTO_UDP, PROTO_UDP } };
	if (s && (!strcmp(s, "TCP") || !strcmp(s, "TLS")))
		return match_value(w->m, FIELD_PROTO, PROTO_TCP);
	if (s && (!strcmp(s, "UDP") || !strcmp(s, "QUIC")))
		return match_value(w->m, FIELD_PROTO, PROTO_UDP);
	if (s && (!strcmp(s, "TCP_UDP") || !strcmp(s, "TCP_QUIC")))
		return match_ranges(w->m, FIELD_PROTO, both, 2);
	return NULL;
}

static bool forward_to(struct aws *w, struct aws_listener *l, const json_t *o)
{
	const char *arn = aws_string(w, o, "TargetGroupArn");
	if (arn)
		*vec_add(&l->groups) = arn;
	return arn != NULL;
}

static void read_listener(struct aws *w, const json_t *o)
{
	struct loc at = aws_at_member(w, o, "Port");
	struct aws_balancer *b = balancer(w, o, at);
	struct aws_listener l = { .at = at };
	int64_t port = 0;
	size_t i, k;
	const json_t *action, *group;
	bool bad = false;
	if (!b) {
		aws_account(w, ACCOUNT_REJECTED, false, at, "without LoadBalancerArn");
		return;
	}
	b->told = true;
	if (!has_prefix(b->id, "net/")) { /* ends the connection itself */
		aws_account(w, ACCOUNT_IRRELEVANT, false, at, NULL);
		return;
	}
	l.proto = listener_proto(w, aws_string(w, o, "Protocol"));
	if (!l.proto || !aws_number(aws_member(o, "Port"), &port) || port < 1 || port > 65535)
		l.odd = "its protocol or port is not understood";
	l.port = (uint16_t)port;
	json_array_foreach (aws_array(o, "DefaultActions", &bad), i, action) {
		const char *type = aws_string(w, action, "Type");
		const json_t *all =
			aws_member(aws_member(action, "ForwardConfig"), "TargetGroups");
		if (!type || strcmp(type, "forward"))
			bad = true;
		json_array_foreach (all, k, group)
			bad |= !forward_to(w, &l, group);
		if (!json_array_size(all))
			bad |= !forward_to(w, &l, action);
	}
	if (bad || !l.groups.n)
		l.odd = "what it does is not understood";
	*vec_add(&b->listeners) = l;
	aws_account(w, l.odd ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false, at, "%s",
		    l.odd ? l.odd : "");
}

/* What takes no new connection counts for nothing. */
static bool is_out_of_use(const json_t *o)
{
	const char *s = json_string_value(aws_member(aws_member(o, "TargetHealth"), "State"));
	return s && (!strcmp(s, "unused") || !strcmp(s, "draining"));
}

static void read_health(struct aws *w, struct aws_target_group *g, const json_t *o)
{
	size_t i;
	const json_t *e;
	bool bad = false;
	g->odd = g->has_targets ? "its targets are told twice" : g->odd;
	g->has_targets = true;
	json_array_foreach (aws_array(o, "TargetHealthDescriptions", &bad), i, e) {
		const json_t *target = aws_member(e, "Target");
		const char *id = aws_string(w, target, "Id");
		int64_t port = 0;
		if (is_out_of_use(e))
			continue;
		if (!id || !aws_number(aws_member(target, "Port"), &port) || port < 1 ||
		    port > 65535)
			bad = true;
		else
			*vec_add(&g->targets) = (struct aws_target){
				.id = id,
				.zone = aws_string(w, target, "AvailabilityZone"),
				.port = (uint16_t)port,
			};
	}
	if (bad)
		g->odd = "its targets are not understood";
}

static void read_balancer(struct aws *w, const json_t *o)
{
	static const char *const ignore[] = { "State", "CreatedTime", NULL };
	struct loc at = aws_at_member(w, o, "LoadBalancerArn");
	struct aws_balancer *b = balancer(w, o, at);
	if (!b) {
		aws_account(w, ACCOUNT_REJECTED, false, at, "without LoadBalancerArn");
		return;
	}
	if (!aws_first(w, o, b->id, &b->defined, &b->print, ignore, b->at, &b->odd))
		return;
	b->at = at;
	b->name = aws_string(w, o, "LoadBalancerName");
	b->vpc_id = aws_string(w, o, "VpcId");
	aws_account(w, ACCOUNT_EXACT, false, at, NULL);
}

void aws_read_balance(struct aws *w, enum aws_kind kind, const json_t *o)
{
	struct aws_balancer *b;
	struct aws_target_group *g = target_group(w, o);
	const json_t *list = aws_member(o, "Listeners"), *e;
	size_t i;
	switch (kind) {
	case AWS_BALANCER:
		read_balancer(w, o);
		return;
	case AWS_LISTENER:
		if (!json_is_array(list)) {
			read_listener(w, o);
			return;
		}
		b = balancer(w, o, aws_at(w, o));
		if (b)
			b->told = true;
		json_array_foreach (list, i, e)
			read_listener(w, e);
		break;
	case AWS_BALANCER_ATTRIBUTES:
		b = balancer(w, o, aws_at(w, o));
		if (b)
			b->cross_zone = attribute(w, o, "load_balancing.cross_zone.enabled");
		break;
	case AWS_TARGET_GROUP:
		if (g)
			g->type = aws_string(w, o, "TargetType");
		break;
	case AWS_TARGET_ATTRIBUTES:
		if (g)
			g->preserve = attribute(w, o, "preserve_client_ip.enabled");
		break;
	case AWS_TARGET_HEALTH:
		if (g)
			read_health(w, g, o);
		break;
	default:
		break;
	}
	aws_account(w, g && g->odd ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false, aws_at(w, o), "%s",
		    g && g->odd ? g->odd : "");
}

/* An interface tells in its description which balancer it belongs to: "ELB net/NAME/ID". */
void aws_balance_join(struct aws *w)
{
	for (size_t i = 0; i < w->interfaces.n; i++) {
		struct aws_interface *n = w->interfaces.entries[i].value;
		if (!n->vpc || !n->description || !has_prefix(n->description, "ELB net/"))
			continue;
		struct aws_balancer *b = map_get(&w->balancers, n->description + 4);
		if (!b)
			continue;
		*vec_add(&b->interfaces) = n;
		if (b->interfaces.n == 1)
			*vec_add(&n->vpc->balancers) = b;
	}
}

static const char *port_name(struct aws *w, const struct aws_balancer *b,
			     const struct aws_interface *n)
{
	return arena_printf(w->snap->arena, "net/%s/%s", b->name ? b->name : b->id,
			    n->subnet ? n->subnet->id : n->id);
}

void aws_balance_ports(struct aws *w, struct aws_vpc *v, struct map *made)
{
	vec_each (b, &v->balancers) {
		vec_each (at, &(*b)->interfaces) {
			struct aws_interface *n = *at;
			struct port *p = n->vpc != v ? NULL
						     : aws_path_port(w, v, port_name(w, *b, n),
								     "load-balancer", n->at);
			if (!p)
				continue;
			const char *name = p->name;
			p->wire = n->id;
			aws_hook_interface(w, v, name, n);
			if (n->subnet)
				aws_path_look_up(w, v, made, name, n->subnet);
			for (int f = 0; f < FAMILY_COUNT; f++)
				vec_each (s, &n->addrs.of[f])
					aws_add_route(
						w, v->build,
						(struct route){
							.dst = { .family = (uint8_t)f,
								 .len = (uint8_t)aws_span_len(
									 (enum family)f, *s),
								 .addr = s->lo },
							.segment = "local",
							.port = name,
							.at = n->at });
		}
	}
}

/* A balancer while it becomes a device. */
struct build {
	struct aws *w;
	struct aws_balancer *b;
	struct device_build *dev;
	const struct map *instances; /* the first interface of each, by the instance's id */
};

/* Where the targets of a listener are, seen from one interface. */
struct pool {
	VEC(struct span) spans;
	uint16_t lo, hi;
	const char *odd;       /* why there may be others */
	bool masked, unmasked; /* the client's address is replaced, or kept */
};

static void add_target(struct build *c, struct pool *p, const struct aws_interface *n,
		       const struct aws_target_group *g, const struct aws_target *t)
{
	const struct aws_interface *at = map_get(c->instances, t->id);
	const char *zone = t->zone ? t->zone : at && at->subnet ? at->subnet->zone_name : NULL;
	const char *here = n->subnet ? n->subnet->zone_name : NULL;
	enum family f;
	struct addr a;
	if (c->b->cross_zone && !strcmp(c->b->cross_zone, "false") && zone && here &&
	    strcmp(zone, "all") && strcmp(zone, here))
		return;
	if (g->type && !strcmp(g->type, "instance") && at && at->addrs.of[FAMILY_V4].n) {
		a = at->addrs.of[FAMILY_V4].v[0].lo;
	} else if (!(g->type && !strcmp(g->type, "ip") &&
		     addr_parse(t->id, strlen(t->id), &f, &a) && f == FAMILY_V4)) {
		p->odd = arena_printf(c->w->snap->arena, "target %s was not collected", t->id);
		return;
	}
	*vec_add(&p->spans) = (struct span){ a, a };
	p->lo = !p->lo || t->port < p->lo ? t->port : p->lo;
	p->hi = t->port > p->hi ? t->port : p->hi;
}

static void add_group(struct build *c, struct pool *p, const struct aws_interface *n,
		      const char *arn)
{
	const struct aws_target_group *g = map_get(&c->w->target_groups, arn);
	if (!g || !g->has_targets || !g->type) {
		p->odd = "the targets of a group were not collected";
		return;
	}
	p->odd = g->odd ? g->odd : p->odd;
	p->masked |= !g->preserve || strcmp(g->preserve, "true") != 0;
	p->unmasked |= !g->preserve || !strcmp(g->preserve, "true");
	vec_each (t, &g->targets)
		add_target(c, p, n, g, t);
}

/*
 * The translation of a listener at an interface's address, and what becomes of the source. A
 * group whose attribute isn't told may do either.
 */
static void listen(struct build *c, const char *port, const struct aws_interface *n,
		   const struct aws_listener *l, struct addr self)
{
	struct aws *w = c->w;
	struct arena *a = w->snap->arena;
	struct pool p = { .odd = l->odd ? l->odd : c->b->odd };
	struct span *own = arena_array(a, 1, sizeof(*own));
	own[0] = (struct span){ self, self };
	const struct match *mine = match_spans(w->m, FIELD_DST, FAMILY_V4, own, 1);
	const struct match *m = mine;
	if (l->proto && l->port)
		m = match_and(
			w->m, mine,
			match_and(w->m, l->proto, match_value(w->m, FIELD_DPORT, l->port)));
	for (size_t i = 0; i < l->groups.n; i++)
		add_group(c, &p, n, l->groups.v[i]);
	const struct span *to = vec_keep(a, &p.spans);
	size_t n_to = p.spans.n;
	vec_free(&p.spans);
	if (!n_to && !p.odd)
		return; /* nobody to send it to */
	*vec_add(&c->dev->nats) = (struct nat){
		.at = l->at,
		.in = port,
		.text = arena_printf(a, "listener %u of %s%s%s", l->port, c->b->id,
				     p.odd ? ": " : "", p.odd ? p.odd : ""),
		.touches = m,
		.takes = m,
		.rewrites = NAT_DESTINATION,
		.kind = p.odd ? NAT_BOUND : NAT_POOL,
		.match = m,
		.to = to,
		.n_to = n_to,
		.has_port = p.hi,
		.port_lo = p.lo,
		.port_hi = p.hi,
	};
	if (!p.masked || !n_to)
		return;
	const struct match *there =
		match_and(w->m, match_spans(w->m, FIELD_DST, FAMILY_V4, to, n_to),
			  match_and(w->m, l->proto ? l->proto : match_all(w->m),
				    match_range(w->m, FIELD_DPORT, p.lo, p.hi)));
	if (p.unmasked)
		there = match_and(w->m, there,
				  match_unknown(w->m, l->at,
						"whether the client's address is preserved "
						"(target group attributes)"));
	*vec_add(&c->dev->nats) = (struct nat){
		.at = l->at,
		.out = port,
		.text = arena_printf(a, "clients of %s may get its address", c->b->id),
		.touches = there,
		.takes = there,
		.rewrites = NAT_SOURCE,
		.kind = NAT_POOL,
		.match = there,
		.to = own,
		.n_to = 1,
		.has_port = true,
		.port_lo = 1024,
		.port_hi = 65535,
		.order = 1,
	};
}

/* A connection that no listener takes ends here, and so does one without targets. */
static void refuse(struct build *c)
{
	struct aws_rules r = { 0 };
	aws_rule(&r, VERDICT_PERMIT, match_value(c->w->m, FIELD_STATE, STATE_ESTABLISHED), NULL,
		 c->b->at, "answers");
	if (!c->b->told)
		aws_rule(&r, VERDICT_UNKNOWN, match_all(c->w->m), NULL, c->b->at,
			 "its listeners were not collected");
	struct ruleset *rs =
		aws_rules_finish(c->dev, &r, "no listener", "load balancer", c->b->at, true);
	rs->incidental = true;
	device_build_hook(c->dev, HOOK_LOCAL_IN, 0, NULL, rs, c->b->at);
}

static void build_balancer(struct build *c)
{
	struct aws *w = c->w;
	struct arena *a = w->snap->arena;
	c->dev = device_build_start(w->snap, arena_printf(a, "%s:%s", w->c->device, c->b->id),
				    "aws", w->c->plane, c->b->at);
	c->dev->dev.hostname = c->b->name ? arena_str(a, c->b->name) : c->b->id;
	c->dev->dev.routing = ROUTING_WHOLE;
	vec_each (at, &c->b->interfaces) {
		struct aws_interface *n = *at;
		const char *name = port_name(w, c->b, n);
		size_t count = n->addrs.of[FAMILY_V4].n;
		struct prefix *prefixes = arena_array(a, count, sizeof(*prefixes));
		struct addr *addrs = arena_array(a, count, sizeof(*addrs));
		for (size_t i = 0; i < count; i++) {
			addrs[i] = n->addrs.of[FAMILY_V4].v[i].lo;
			prefixes[i] = (struct prefix){ .family = FAMILY_V4,
						       .len = 32,
						       .addr = addrs[i] };
		}
		*vec_add(&c->dev->ports) = (struct port){ .name = name,
							  .kind = "load-balancer",
							  .segment = n->vpc->id,
							  .wire = n->id,
							  .alone = true,
							  .up = true,
							  .prefixes = prefixes,
							  .n_prefixes = count,
							  .addrs = addrs,
							  .at = n->at };
		*vec_add(&c->dev->route_rules) = (struct route_rule){ .kind = ROUTE_LOOKUP,
								      .in = name,
								      .table = name,
								      .suppress = -1,
								      .at = n->at };
		aws_add_route(w, c->dev,
			      (struct route){ .dst = { .family = FAMILY_V4 },
					      .segment = name,
					      .port = name,
					      .at = n->at });
		for (size_t i = 0; i < count; i++)
			vec_each (l, &c->b->listeners)
				listen(c, name, n, l, addrs[i]);
		/* IPv6 of a balancer is not followed */
		if (n->addrs.of[FAMILY_V6].n)
			device_build_taint(c->dev, name, n->at,
					   "IPv6 of a load balancer is not followed");
	}
	refuse(c);
	if (w->failed)
		device_build_taint(c->dev, NULL, (struct loc){ .src = w->src },
				   "%s could not be read to its end", w->failed);
	device_build_finish(c->dev);
}

void aws_balance_devices(struct aws *w)
{
	struct map instances = { 0 };
	for (size_t i = 0; i < w->interfaces.n; i++) {
		struct aws_interface *n = w->interfaces.entries[i].value;
		if (n->instance && n->first)
			*map_at(&instances, n->instance) = n;
	}
	for (size_t i = 0; i < w->balancers.n; i++) {
		struct build c = { .w = w,
				   .b = w->balancers.entries[i].value,
				   .instances = &instances };
		if (c.b->interfaces.n)
			build_balancer(&c);
	}
	map_finish(&instances);
}

void aws_balance_finish(struct aws *w)
{
	for (size_t i = 0; i < w->balancers.n; i++) {
		struct aws_balancer *b = w->balancers.entries[i].value;
		vec_each (l, &b->listeners)
			vec_free(&l->groups);
		vec_free(&b->listeners);
		vec_free(&b->interfaces);
	}
	for (size_t i = 0; i < w->target_groups.n; i++)
		vec_free(&((struct aws_target_group *)w->target_groups.entries[i].value)
				  ->targets);
	map_finish(&w->balancers);
	map_finish(&w->target_groups);
}
