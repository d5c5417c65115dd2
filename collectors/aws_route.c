/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Route tables, and the gateways that routes name: what describe-route-tables,
 * -internet-gateways, -egress-only-internet-gateways, -nat-gateways,
 * -vpc-peering-connections, -vpn-gateways, -vpc-endpoints and -addresses say.
 *
 * A route that isn't understood could be the longest for any packet: then the whole table is
 * in doubt.
 */
#include <string.h>

#include "collectors/aws_internal.h"

struct aws_table *aws_table(struct aws *w, const char *id, struct loc at)
{
	bool is_new;
	struct aws_table *t = aws_object(w, &w->tables, id, sizeof(*t), &is_new);
	if (is_new) {
		t->id = arena_str(w->snap->arena, id);
		t->at = at;
	}
	return t;
}

struct aws_gate *aws_gate(struct aws *w, const char *id, struct loc at)
{
	bool is_new;
	struct aws_gate *g = aws_object(w, &w->gates, id, sizeof(*g), &is_new);
	if (is_new) {
		g->id = arena_str(w->snap->arena, id);
		g->at = at;
		g->kind = AWS_OTHER;
	}
	return g;
}

static bool is_one_of(const char *word, const char *const *list)
{
	for (; word && *list; list++)
		if (!strcmp(word, *list))
			return true;
	return false;
}

/* Where a route sends packets: exactly one of these members is there. */
static const char *target_of(struct aws *w, const json_t *o)
{
	static const char *const keys[] = { "GatewayId",
					    "NatGatewayId",
					    "TransitGatewayId",
					    "VpcPeeringConnectionId",
					    "EgressOnlyInternetGatewayId",
					    "LocalGatewayId",
					    "CarrierGatewayId",
					    "CoreNetworkArn",
					    "OdbNetworkArn",
					    "InstanceId",
					    "NetworkInterfaceId" };
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *id = aws_string(w, o, keys[i]);
		if (id)
			return id;
	}
	return NULL;
}

/* NULL, or why the route isn't understood. */
static const char *read_hop(struct aws *w, const json_t *o, struct aws_hop *r)
{
	static const char *const known[] = {
		"CarrierGatewayId",
		"CoreNetworkArn",
		"DestinationCidrBlock",
		"DestinationIpv6CidrBlock",
		"DestinationPrefixListId",
		"EgressOnlyInternetGatewayId",
		"GatewayId",
		"InstanceId",
		"InstanceOwnerId",
		"LocalGatewayId",
		"NatGatewayId",
		"NetworkInterfaceId",
		"OdbNetworkArn",
		"Origin",
		"State",
		"TransitGatewayId",
		"VpcPeeringConnectionId",
		NULL,
	};
	const json_t *v4 = aws_member(o, "DestinationCidrBlock");
	const json_t *v6 = aws_member(o, "DestinationIpv6CidrBlock");
	const char *list = aws_string(w, o, "DestinationPrefixListId");
	const char *state = aws_string(w, o, "State"), *unknown = aws_unknown_member(o, known);
	enum family f;
	struct span span;
	r->at = aws_at_member(w, o,
			      list ? "DestinationPrefixListId"
			      : v6 ? "DestinationIpv6CidrBlock"
				   : "DestinationCidrBlock");
	if (!json_is_object(o))
		return "it is not a route";
	if (unknown)
		return arena_printf(w->arena, "member \"%s\" of a route is not known", unknown);
	if (list) {
		r->list = aws_list(w, list, r->at);
	} else if (!(v4 || v6) || !aws_parse_cidr(w, r->at, v6 ? v6 : v4,
						  v6 ? FAMILY_V6 : FAMILY_V4, &f, &span)) {
		return "a route's destination is not understood";
	} else {
		r->dst = (struct prefix){ .family = (uint8_t)f,
					  .len = (uint8_t)aws_span_len(f, span),
					  .addr = span.lo };
	}
	r->target = target_of(w, o);
	r->interface = aws_string(w, o, "NetworkInterfaceId");
	r->blackhole = state && !strcmp(state, "blackhole");
	if (state && !r->blackhole && strcmp(state, "active"))
		return arena_printf(w->arena, "state \"%s\" of a route is not known", state);
	return r->target || r->blackhole ? NULL : "a route doesn't say where to";
}

/* What was taken away is kept in the list for a while. */
static bool in_force(const json_t *assoc)
{
	static const char *const gone[] = { "disassociated", "disassociating", "failed", NULL };
	return !is_one_of(
		json_string_value(aws_member(aws_member(assoc, "AssociationState"), "State")),
		gone);
}

static void read_association(struct aws *w, struct aws_table *t, const json_t *o)
{
	const char *subnet = aws_string(w, o, "SubnetId"),
		   *gate = aws_string(w, o, "GatewayId");
	struct loc at = aws_at(w, o);
	if (!in_force(o)) {
		aws_account(w, ACCOUNT_IRRELEVANT, false, at, NULL);
		return;
	}
	if (subnet) {
		struct aws_subnet *s = aws_subnet(w, subnet, at);
		if (s->table && s->table != t)
			s->table_odd =
				arena_printf(w->arena, "%s and %s are both associated with it",
					     s->table->id, t->id);
		s->table = t;
		s->table_at = at;
	} else if (gate) {
		struct aws_gate *g = aws_gate(w, gate, at);
		if (g->table && g->table != t)
			g->odd = "two route tables are associated with it";
		g->table = t;
		g->table_at = at;
	} else if (json_is_true(aws_member(o, "Main"))) {
		t->main = true;
		t->main_at = at;
	} else {
		t->odd = "an association isn't understood";
		aws_account(w, ACCOUNT_BOUNDED, false, at, "%s", t->odd);
		return;
	}
	aws_account(w, ACCOUNT_EXACT, false, at, NULL);
}

void aws_read_table(struct aws *w, const json_t *o)
{
	static const char *const known[] = { "Associations", "PropagatingVgws",
					     "RouteTableId", "Routes",
					     "Tags",	     "VpcId",
					     "OwnerId",	     NULL };
	static const char *const ignore[] = { "Tags", NULL };
	const char *id = aws_id(w, o, "RouteTableId", false), *vpc = id ? aws_id(w, o, "VpcId", false) : NULL;
	if (!vpc)
		return;
	struct loc at = aws_at_member(w, o, "RouteTableId");
	struct aws_table *t = aws_table(w, id, at);
	if (!aws_first(w, o, id, &t->defined, &t->print, ignore, t->at, &t->odd))
		return;
	t->at = at;
	t->vpc_id = vpc;
	bool bad = !aws_member(o, "Routes");
	size_t i;
	const json_t *e;
	json_array_foreach (aws_array(o, "Routes", &bad), i, e) {
		struct aws_hop r = { 0 };
		const char *why = read_hop(w, e, &r);
		aws_account(w, why ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false, r.at, "%s",
			    why ? why : "");
		if (why)
			t->odd = why;
		else
			*vec_add(&t->routes) = r;
		t->transit |= r.target && has_prefix(r.target, "tgw-");
		t->lists |= r.list != NULL;
	}
	json_array_foreach (aws_array(o, "Associations", &bad), i, e)
		read_association(w, t, e);
	const char *unknown = aws_unknown_member(o, known);
	if (bad)
		t->odd = "its routes are not told";
	else if (unknown)
		t->odd = arena_printf(w->arena, "member \"%s\" is not known", unknown);
	aws_account(w, t->odd ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false, at, "%s",
		    t->odd ? t->odd : "");
}

/* Internet gateways, egress-only ones and VPN gateways: attached to a VPC, or not. */
static void read_attached(struct aws *w, struct aws_gate *g, const json_t *o, const char *key)
{
	static const char *const gone[] = { "detached", "detaching", NULL };
	size_t i;
	const json_t *e;
	bool bad = false;
	g->gone = true;
	json_array_foreach (aws_array(o, key, &bad), i, e) {
		const char *vpc = aws_string(w, e, "VpcId");
		if (!vpc || is_one_of(aws_string(w, e, "State"), gone))
			continue;
		g->gone = false;
		g->ends[0] = vpc;
	}
	if (bad)
		g->odd = "its attachments are not understood";
}

static void read_nat(struct aws *w, struct aws_gate *g, const json_t *o)
{
	static const char *const gone[] = { "deleted", "deleting", "failed", NULL };
	const char *vpc = aws_string(w, o, "VpcId"), *subnet = aws_string(w, o, "SubnetId");
	size_t i;
	const json_t *e;
	bool bad = false;
	g->gone = is_one_of(aws_string(w, o, "State"), gone);
	if (g->gone)
		return;
	g->ends[0] = vpc;
	if (subnet)
		g->subnet = aws_subnet(w, subnet, g->at);
	json_array_foreach (aws_array(o, "NatGatewayAddresses", &bad), i, e) {
		static const char *const off[] = { "unassigning", "disassociating", "failed",
						   NULL };
		const json_t *private = aws_member(e, "PrivateIp");
		enum family f;
		struct span span;
		if (is_one_of(aws_string(w, e, "Status"), off))
			continue;
		if (private && aws_parse_cidr(w, g->at, private, FAMILY_V4, &f, &span))
			aws_spans_add(&g->addrs, f, span);
		else
			bad = true;
	}
	if (bad || !g->addrs.of[FAMILY_V4].n)
		g->odd = "its private addresses are not told";
	else if (!vpc || !subnet)
		g->odd = "its subnet is not told";
}

static void read_peering(struct aws *w, struct aws_gate *g, const json_t *o)
{
	const json_t *from = aws_member(o, "RequesterVpcInfo");
	const json_t *to = aws_member(o, "AccepterVpcInfo");
	const char *state = aws_string(w, aws_member(o, "Status"), "Code");
	const char *a = aws_string(w, from, "VpcId"), *b = aws_string(w, to, "VpcId");
	g->gone = state && strcmp(state, "active");
	if (g->gone)
		return;
	if (!a || !b || !state) {
		g->odd = "its two VPCs or its status are not told";
		return;
	}
	g->ends[0] = a;
	g->ends[1] = b;
}

void aws_read_gate(struct aws *w, enum aws_kind kind, const json_t *o)
{
	static const char *const keys[AWS_KINDS] = {
		[AWS_IGW] = "InternetGatewayId", [AWS_EIGW] = "EgressOnlyInternetGatewayId",
		[AWS_NAT] = "NatGatewayId",	 [AWS_PEERING] = "VpcPeeringConnectionId",
		[AWS_VGW] = "VpnGatewayId",	 [AWS_ENDPOINT] = "VpcEndpointId",
	};
	static const char *const ignore[] = { "Tags",		"TagSet",  "CreateTime",
					      "DeleteTime",	"OwnerId", "DnsEntries",
					      "ExpirationTime", NULL };
	const char *id = aws_id(w, o, keys[kind], false);
	if (!id)
		return;
	struct loc at = aws_at_member(w, o, keys[kind]);
	struct aws_gate *g = aws_gate(w, id, at);
	/* the two accounts of a peering see other options of it */
	if (kind == AWS_PEERING && g->defined) {
		aws_account(w, ACCOUNT_IRRELEVANT, false, at, NULL);
		return;
	}
	if (!aws_first(w, o, id, &g->defined, &g->print, ignore, g->at, &g->odd))
		return;
	g->at = at;
	g->kind = (uint8_t)kind;
	switch (kind) {
	case AWS_IGW:
	case AWS_EIGW:
		read_attached(w, g, o, "Attachments");
		break;
	case AWS_VGW:
		read_attached(w, g, o, "VpcAttachments");
		break;
	case AWS_NAT:
		read_nat(w, g, o);
		break;
	case AWS_PEERING:
		read_peering(w, g, o);
		break;
	default:
		break;
	}
	aws_account(w, g->odd ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false, at, "%s",
		    g->odd ? g->odd : "");
}

void aws_read_address(struct aws *w, const json_t *o)
{
	const json_t *public = aws_member(o, "PublicIp");
	const json_t *private = aws_member(o, "PrivateIpAddress");
	struct loc at = aws_at_member(w, o, "PublicIp");
	enum family f;
	struct span in, out;
	if (!public || !private) { /* not in use, or one of a carrier or customer */
		aws_account(w, ACCOUNT_IRRELEVANT, false, at, NULL);
		return;
	}
	const char *interface = aws_string(w, o, "NetworkInterfaceId");
	if (!interface || !aws_parse_cidr(w, at, private, FAMILY_V4, &f, &in) ||
	    !aws_parse_cidr(w, at, public, FAMILY_V4, &f, &out)) {
		aws_account(w, ACCOUNT_REJECTED, false, at, "an address that isn't understood");
		return;
	}
	*vec_add(&w->addresses) = (struct aws_address){
		.pair = { .private = in.lo, .public = out.lo, .at = at },
		.interface = interface,
	};
	aws_account(w, ACCOUNT_EXACT, false, at, NULL);
}
