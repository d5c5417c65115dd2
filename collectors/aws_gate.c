/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateways at a VPC's edge. An internet gateway puts the public address in the place of the
 * private one and back, one by one; an address that has no public one doesn't get through
 * (IPv4; IPv6 goes as it is). An egress-only one passes IPv6 out. A NAT gateway is a device of
 * its own with one port. VPC user guide: "Internet gateways", "Egress-only internet gateways",
 * "NAT gateways".
 */
#include "collectors/aws_internal.h"

static const char internet[] = "internet";

/* Over field, the addresses that have a counterpart: public ones, or the private ones. */
static const struct match *public_match(struct aws *w, struct aws_vpc *v, enum field field,
					bool public)
{
	VEC(struct span) spans = { 0 };
	vec_each (p, &v->publics) {
		struct addr a = public ? p->public : p->private;
		*vec_add(&spans) = (struct span){ a, a };
	}
	const struct match *m = match_spans(w->m, field, FAMILY_V4, spans.v, spans.n);
	vec_free(&spans);
	return m;
}

static const struct match *v6_match(struct aws *w, struct aws_vpc *v, enum field field)
{
	VEC(struct span) spans = { 0 };
	for (size_t i = 0; i < v->cidrs.of[FAMILY_V6].n; i++)
		*vec_add(&spans) = v->cidrs.of[FAMILY_V6].v[i];
	vec_each (s, &v->subnets)
		for (size_t i = 0; i < (*s)->cidrs.of[FAMILY_V6].n; i++)
			*vec_add(&spans) = (*s)->cidrs.of[FAMILY_V6].v[i];
	const struct match *m = match_spans(w->m, field, FAMILY_V6, spans.v, spans.n);
	vec_free(&spans);
	return m;
}

/* What the gateway does by itself, not by anybody's rules. */
static struct ruleset *nature(struct device_build *b, struct aws_rules *r, const char *name,
			      struct loc at, bool stateful)
{
	struct ruleset *rs = aws_rules_finish(b, r, name, "gateway", at, stateful);
	rs->incidental = true;
	return rs;
}

/* One address for another, out by the port or in by it. */
static void translate_one(struct aws *w, struct aws_vpc *v, const char *port, struct loc at,
			  const char *say, enum nat_rewrites end, const struct span *from,
			  const struct span *to)
{
	const struct match *m = match_spans(w->m, end == NAT_SOURCE ? FIELD_SRC : FIELD_DST,
					    FAMILY_V4, from, 1);
	*vec_add(&v->build->nats) = (struct nat){ .at = at,
						  .in = end == NAT_SOURCE ? NULL : port,
						  .out = end == NAT_SOURCE ? port : NULL,
						  .text = say,
						  .touches = m,
						  .takes = m,
						  .rewrites = (uint8_t)end,
						  .kind = NAT_SHIFT,
						  .match = m,
						  .from = *from,
						  .to = to,
						  .n_to = 1,
						  .order = 1 };
}

static void translate(struct aws *w, struct aws_vpc *v, const char *port)
{
	struct arena *a = w->snap->arena;
	vec_each (p, &v->publics) {
		struct span *ends = arena_array(a, 2, sizeof(*ends));
		struct text t = { 0 };
		ends[0] = (struct span){ p->private, p->private };
		ends[1] = (struct span){ p->public, p->public };
		addr_print(&t, FAMILY_V4, p->private);
		text_put(&t, " is ");
		addr_print(&t, FAMILY_V4, p->public);
		text_put(&t, " outside");
		const char *say = arena_str(a, t.s);
		text_finish(&t);
		translate_one(w, v, port, p->at, say, NAT_SOURCE, &ends[0], &ends[1]);
		translate_one(w, v, port, p->at, say, NAT_DESTINATION, &ends[1], &ends[0]);
	}
}

/* Which addresses have public ones isn't known where interfaces may be missing. */
static void translate_unknown(struct aws *w, struct aws_vpc *v, const char *port)
{
	const char *say = arena_printf(w->snap->arena, "public addresses: %s", v->partial);
	const struct match *v4 = match_family(w->m, FAMILY_V4);
	for (int i = 0; i < 2; i++)
		*vec_add(&v->build->nats) = (struct nat){
			.at = v->at,
			.in = i ? port : NULL,
			.out = i ? NULL : port,
			.text = say,
			.touches = v4,
			.rewrites = i ? NAT_DESTINATION : NAT_SOURCE,
			.order = 1,
		};
}

void aws_gate_internet(struct aws *w, struct aws_vpc *v, const char *id, struct loc at)
{
	struct port *p = aws_path_port(w, v, id, "internet-gateway", at);
	if (!p)
		return;
	const char *name = p->name;
	p->wire = p->segment = internet;
	p->outside = true;
	const struct match *v6 = v6_match(w, v, FIELD_DST);
	if (!v->partial)
		p->announced = match_or(w->m, public_match(w, v, FIELD_DST, true), v6);
	for (int i = 0; i < AWS_DIRECTIONS; i++) {
		enum aws_direction d = (enum aws_direction)i;
		enum field own = d == AWS_EGRESS ? FIELD_SRC : FIELD_DST;
		struct aws_rules r = { 0 };
		aws_rule(&r, VERDICT_PERMIT, public_match(w, v, own, d == AWS_INGRESS), NULL,
			 at, "has a public address");
		/* an answer, whichever of the two it is seen by */
		aws_rule(&r, VERDICT_PERMIT,
			 match_and(w->m, public_match(w, v, own, d == AWS_EGRESS),
				   match_value(w->m, FIELD_STATE, STATE_ESTABLISHED)),
			 NULL, at, "has a public address");
		aws_rule(&r, VERDICT_PERMIT, v6_match(w, v, own), NULL, at,
			 "an address of the VPC");
		if (v->partial)
			aws_rule(&r, VERDICT_UNKNOWN, match_family(w->m, FAMILY_V4), NULL, at,
				 arena_printf(w->snap->arena, "public addresses: %s",
					      v->partial));
		struct ruleset *rs = nature(
			v->build, &r,
			arena_printf(w->arena, "%s %s", id, aws_direction_name(d)), at, false);
		/* in at the gateway is ingress of the VPC: the packet comes from outside */
		device_build_hook(v->build, d == AWS_EGRESS ? HOOK_OUT : HOOK_IN, 0, name, rs,
				  at);
	}
	if (v->partial)
		translate_unknown(w, v, name);
	else
		translate(w, v, name);
	if (v->blocked)
		device_build_taint(v->build, name, v->at, "block public access is on (%s)",
				   v->blocked);
}

/* IPv6 only, and only out: answers come back. */
void aws_gate_egress(struct aws *w, struct aws_vpc *v, const char *id, struct loc at,
		     bool alone)
{
	struct port *p = aws_path_port(w, v, id, "egress-only-internet-gateway", at);
	struct aws_rules out = { 0 }, in = { 0 };
	if (!p)
		return;
	const char *name = p->name;
	p->wire = p->segment = internet;
	p->outside = true;
	p->announced = alone ? v6_match(w, v, FIELD_DST) : match_none(w->m);
	aws_rule(&out, VERDICT_PERMIT, v6_match(w, v, FIELD_SRC), NULL, at, "IPv6 only");
	aws_rule(&in, VERDICT_PERMIT,
		 match_and(w->m, v6_match(w, v, FIELD_DST),
			   match_value(w->m, FIELD_STATE, STATE_ESTABLISHED)),
		 NULL, at, "answers");
	aws_rule(&in, VERDICT_UNKNOWN,
		 match_and(w->m, v6_match(w, v, FIELD_DST),
			   match_value(w->m, FIELD_STATE, STATE_RELATED)),
		 NULL, at, "whether errors about a connection pass is not documented");
	device_build_hook(
		v->build, HOOK_OUT, 0, name,
		nature(v->build, &out, arena_printf(w->arena, "%s egress", id), at, true), at);
	device_build_hook(
		v->build, HOOK_IN, 0, name,
		nature(v->build, &in, arena_printf(w->arena, "%s ingress", id), at, true), at);
	if (v->blocked)
		device_build_taint(v->build, name, v->at, "block public access is on (%s)",
				   v->blocked);
}

void aws_gate_nat(struct aws *w, struct aws_vpc *v, const struct aws_gate *g)
{
	struct arena *a = w->snap->arena;
	struct device_build *b =
		device_build_start(w->snap, arena_printf(a, "%s:%s", w->c->device, g->id),
				   "aws", w->c->plane, g->at);
	struct aws_rules in = { 0 }, self = { 0 };
	b->dev.hostname = g->id;
	b->dev.routing = ROUTING_WHOLE;
	size_t n = g->addrs.of[FAMILY_V4].n;
	struct prefix *prefixes = arena_array(a, n, sizeof(*prefixes));
	struct addr *addrs = arena_array(a, n, sizeof(*addrs));
	struct span *pool = arena_array(a, n, sizeof(*pool));
	for (size_t i = 0; i < n; i++) {
		pool[i] = g->addrs.of[FAMILY_V4].v[i];
		addrs[i] = pool[i].lo;
		prefixes[i] =
			(struct prefix){ .family = FAMILY_V4, .len = 32, .addr = addrs[i] };
	}
	*vec_add(&b->ports) = (struct port){ .name = g->id,
					     .kind = "nat-gateway",
					     .segment = arena_str(a, v->id),
					     .wire = g->id,
					     .alone = true, /* no host has its addresses */
					     .up = true,
					     .prefixes = prefixes,
					     .n_prefixes = n,
					     .addrs = addrs,
					     .at = g->at };
	aws_add_route(w, b,
		      (struct route){ .dst = { .family = FAMILY_V4 },
				      .segment = b->ports.v[0].segment,
				      .port = g->id,
				      .at = g->at });
	/* TCP, UDP and ICMP only; what arrives for itself is an answer or nothing (VPC user
	 * guide, "NAT gateway basics") */
	static const struct range passed[] = { { PROTO_ICMP, PROTO_ICMP },
					       { PROTO_TCP, PROTO_TCP },
					       { PROTO_UDP, PROTO_UDP } };
	static const struct range ported[] = { { PROTO_TCP, PROTO_TCP },
					       { PROTO_UDP, PROTO_UDP } };
	const struct match *v4 = match_family(w->m, FAMILY_V4);
	const struct match *all =
		match_and(w->m, v4, match_ranges(w->m, FIELD_PROTO, passed, 3));
	const struct match *ports =
		match_and(w->m, v4, match_ranges(w->m, FIELD_PROTO, ported, 2));
	aws_rule(&in, VERDICT_PERMIT, all, NULL, g->at, "TCP, UDP and ICMP");
	aws_rule(&in, VERDICT_UNKNOWN, match_family(w->m, FAMILY_V6), NULL, g->at,
		 "NAT64 is not followed");
	aws_rule(&self, VERDICT_PERMIT, match_value(w->m, FIELD_STATE, STATE_ESTABLISHED), NULL,
		 g->at, "answers");
	struct ruleset *rs = nature(b, &in, "protocols", g->at, true);
	device_build_hook(b, HOOK_IN, 0, g->id, rs, g->at);
	rs = nature(b, &self, "its own addresses", g->at, true);
	device_build_hook(b, HOOK_LOCAL_IN, 0, g->id, rs, g->at);
	for (int i = 0; i < 2; i++)
		*vec_add(&b->nats) =
			(struct nat){ .at = g->at,
				      .out = g->id,
				      .text = "sources become the gateway's address",
				      .touches = i ? all : ports,
				      .takes = i ? all : ports,
				      .rewrites = NAT_SOURCE,
				      .kind = g->odd ? NAT_BOUND : NAT_POOL,
				      .match = i ? all : ports,
				      .to = pool,
				      .n_to = n,
				      .has_port = !i,
				      .port_lo = 1024,
				      .port_hi = 65535,
				      .order = 0 };
	if (w->failed)
		device_build_taint(b, NULL, (struct loc){ .src = w->src },
				   "%s could not be read to its end", w->failed);
	device_build_finish(b);
}
