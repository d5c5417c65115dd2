/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transit gateways. Each becomes a device: a port for every attachment (for one to a VPC, one
 * in every subnet that it stands in), the table that the attachment is associated with for what
 * comes in there, and in the tables static routes and what attachments propagate.
 *
 * A transit gateway keeps a packet in the zone that it comes from where the attachment it goes
 * to stands in that zone; otherwise it may choose any (and so with appliance mode on). Tables
 * are therefore made once for each zone that packets come from.
 *
 * The routes are those of search-transit-gateway-routes, which doesn't say of which table its
 * answer is: it has to stand beside the table's id (TransitGatewayRouteTableId), as do the
 * propagations of get-transit-gateway-route-table-propagations.
 */
#include <string.h>

#include "collectors/aws_internal.h"

static struct aws_tgw *transit(struct aws *w, const char *id, struct loc at)
{
	bool is_new;
	struct aws_tgw *t = aws_object(w, &w->tgws, id, sizeof(*t), &is_new);
	if (is_new) {
		t->id = arena_str(w->snap->arena, id);
		t->at = at;
	}
	return t;
}

static struct aws_tgw_table *tgw_table(struct aws *w, const char *id, struct loc at)
{
	bool is_new;
	struct aws_tgw_table *t = aws_object(w, &w->tgw_tables, id, sizeof(*t), &is_new);
	if (is_new) {
		t->id = arena_str(w->snap->arena, id);
		t->at = at;
	}
	return t;
}

static bool is_gone(const char *state)
{
	static const char *const gone[] = {
		"deleted",	     "deleting",  "failed",	 "failing",
		"rejected",	     "rejecting", "rollingBack", "pendingAcceptance",
		"initiatingRequest", "pending"
	};
	for (size_t i = 0; state && i < sizeof(gone) / sizeof(*gone); i++)
		if (!strcmp(gone[i], state))
			return true;
	return false;
}

/* An attachment of a peering has one id on both gateways. */
static struct aws_attachment *attachment(struct aws *w, const char *id, const char *tgw,
					 struct loc at)
{
	bool is_new;
	struct aws_attachment *a =
		aws_object(w, &w->attachments, arena_printf(w->arena, "%s %s", id, tgw),
			   sizeof(*a), &is_new);
	if (is_new) {
		a->id = arena_str(w->snap->arena, id);
		a->at = at;
		a->tgw = transit(w, tgw, at);
		*vec_add(&a->tgw->attachments) = a;
	}
	return a;
}

static void read_attachment(struct aws *w, const json_t *o)
{
	const char *id = aws_id(w, o, "TransitGatewayAttachmentId", false);
	const char *tgw = id ? aws_id(w, o, "TransitGatewayId", false) : NULL;
	if (!tgw)
		return;
	struct loc at = aws_at_member(w, o, "TransitGatewayAttachmentId");
	const json_t *assoc = aws_member(o, "Association");
	const char *table = aws_string(w, assoc, "TransitGatewayRouteTableId");
	const char *state = aws_string(w, assoc, "State");
	struct aws_attachment *a = attachment(w, id, tgw, at);
	a->type = aws_string(w, o, "ResourceType");
	a->gone |= is_gone(aws_string(w, o, "State"));
	if (a->type && !strcmp(a->type, "vpc"))
		a->vpc_id = aws_string(w, o, "ResourceId");
	/* An account that shares the gateway doesn't see associations. */
	const char *owner = aws_string(w, o, "TransitGatewayOwnerId");
	const char *mine = aws_string(w, o, "ResourceOwnerId");
	if (table && (!state || !strcmp(state, "associated"))) {
		struct aws_tgw_table *t = tgw_table(w, table, at);
		a->odd = a->table && a->table != t ? "two tables are associated with it"
						   : a->odd;
		a->table = t;
	}
	a->told |= table || (owner && mine && !strcmp(owner, mine));
	aws_account(w, ACCOUNT_EXACT, false, at, NULL);
}

/* An attachment has one subnet in a zone; no region has as many zones. */
enum { ZONES_MAX = 64 };

static void read_vpc_attachment(struct aws *w, const json_t *o)
{
	const char *id = aws_id(w, o, "TransitGatewayAttachmentId", false);
	const char *tgw = id ? aws_id(w, o, "TransitGatewayId", false) : NULL;
	const char *vpc = tgw ? aws_id(w, o, "VpcId", false) : NULL;
	if (!vpc)
		return;
	struct loc at = aws_at_member(w, o, "TransitGatewayAttachmentId");
	struct aws_attachment *a = attachment(w, id, tgw, at);
	const json_t *options = aws_member(o, "Options"), *e;
	const char *appliance = aws_string(w, options, "ApplianceModeSupport");
	const char *v6 = aws_string(w, options, "Ipv6Support");
	bool bad = false;
	size_t i;
	a->at = at;
	a->gone |= is_gone(aws_string(w, o, "State"));
	a->vpc_id = vpc;
	a->type = "vpc";
	a->appliance = appliance && strcmp(appliance, "disable");
	a->no_v6 = v6 && !strcmp(v6, "disable");
	a->subnets.n = 0; /* the account of the VPC and the gateway's say the same */
	json_array_foreach (aws_array(o, "SubnetIds", &bad), i, e) {
		const char *s = json_string_value(e);
		struct aws_subnet *in = s && *s ? aws_subnet(w, s, at) : NULL;
		vec_each (had, &a->subnets)
			bad |= *had == in;
		if (in && !bad && a->subnets.n < ZONES_MAX)
			*vec_add(&a->subnets) = in;
		else
			bad = true;
	}
	if (bad || (!a->gone && !a->subnets.n))
		a->odd = "its subnets are not told";
	aws_account(w, a->odd ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false, at, "%s",
		    a->odd ? a->odd : "");
}

static void read_routes(struct aws *w, const json_t *o)
{
	const char *id = aws_id(w, o, "TransitGatewayRouteTableId", false);
	if (!id)
		return;
	struct loc at = aws_at_member(w, o, "TransitGatewayRouteTableId");
	struct aws_tgw_table *t = tgw_table(w, id, at);
	size_t i, k;
	const json_t *e, *att;
	bool bad = !aws_member(o, "Routes");
	if (t->has_routes)
		t->odd = "its routes are told twice";
	t->has_routes = true;
	if (json_is_true(aws_member(o, "AdditionalRoutesAvailable")))
		t->odd = "it has more routes than are told here";
	json_array_foreach (aws_array(o, "Routes", &bad), i, e) {
		struct aws_tgw_route r = { .at = aws_at(w, e) };
		const json_t *cidr = aws_member(e, "DestinationCidrBlock");
		const char *list = aws_string(w, e, "PrefixListId");
		const char *state = aws_string(w, e, "State"), *type = aws_string(w, e, "Type");
		enum family f = FAMILY_V4;
		struct span span;
		const char *why = NULL;
		r.blackhole = state && !strcmp(state, "blackhole");
		r.propagated = type && !strcmp(type, "propagated");
		json_array_foreach (aws_array(e, "TransitGatewayAttachments", &bad), k, att) {
			const char *name = aws_string(w, att, "TransitGatewayAttachmentId");
			if (name)
				*vec_add(&r.attachments) = name;
		}
		if (list && !cidr)
			r.list = aws_list(w, list, r.at);
		else if (!cidr || !aws_parse_cidr(w, r.at, cidr, -1, &f, &span))
			why = "a route's destination is not understood";
		else
			r.dst = (struct prefix){ .family = (uint8_t)f,
						 .len = (uint8_t)aws_span_len(f, span),
						 .addr = span.lo };
		if (state && !r.blackhole && strcmp(state, "active"))
			why = "a route's state is not known";
		if (!r.blackhole && !r.attachments.n)
			why = "a route doesn't say where to";
		aws_account(w, why ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false, r.at, "%s",
			    why ? why : "");
		*vec_add(&t->routes) = r;
		t->odd = why ? why : t->odd;
	}
	if (bad)
		t->odd = "its routes are not understood";
	aws_account(w, t->odd ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false, at, "%s",
		    t->odd ? t->odd : "");
}

static void read_propagations(struct aws *w, const json_t *o)
{
	const char *id = aws_id(w, o, "TransitGatewayRouteTableId", false);
	if (!id)
		return;
	struct loc at = aws_at_member(w, o, "TransitGatewayRouteTableId");
	struct aws_tgw_table *t = tgw_table(w, id, at);
	size_t i;
	const json_t *e;
	bool bad = false;
	t->has_propagations = true;
	t->propagations_at = at;
	json_array_foreach (aws_array(o, "TransitGatewayRouteTablePropagations", &bad), i, e) {
		const char *name = aws_string(w, e, "TransitGatewayAttachmentId");
		const char *state = aws_string(w, e, "State");
		if (state && (!strcmp(state, "disabled") || !strcmp(state, "disabling")))
			continue;
		if (name)
			*vec_add(&t->propagations) = name;
		else
			bad = true;
	}
	if (bad)
		t->odd = "its propagations are not understood";
	aws_account(w, bad ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false, at, "%s",
		    bad ? t->odd : "");
}

void aws_read_transit(struct aws *w, enum aws_kind kind, const json_t *o)
{
	static const char *const ignore[] = { "Tags", "State", "CreationTime", NULL };
	const char *id, *odd = NULL;
	struct loc at;
	switch (kind) {
	case AWS_TGW_ATTACHMENT:
		read_attachment(w, o);
		return;
	case AWS_TGW_VPC:
		read_vpc_attachment(w, o);
		return;
	case AWS_TGW_ROUTES:
		read_routes(w, o);
		return;
	case AWS_TGW_PROPAGATION:
		read_propagations(w, o);
		return;
	case AWS_TGW_TABLE: {
		id = aws_id(w, o, "TransitGatewayRouteTableId", false);
		const char *tgw = id ? aws_id(w, o, "TransitGatewayId", false) : NULL;
		if (!tgw)
			return;
		at = aws_at_member(w, o, "TransitGatewayRouteTableId");
		struct aws_tgw_table *t = tgw_table(w, id, at);
		t->at = at;
		if (!t->tgw && !is_gone(aws_string(w, o, "State"))) {
			t->tgw = transit(w, tgw, at);
			*vec_add(&t->tgw->tables) = t;
		}
		aws_account(w, ACCOUNT_EXACT, false, at, NULL);
		return;
	}
	default:
		break;
	}
	id = aws_id(w, o, "TransitGatewayId", false);
	if (!id)
		return;
	at = aws_at_member(w, o, "TransitGatewayId");
	struct aws_tgw *t = transit(w, id, at);
	if (!aws_first(w, o, id, &t->defined, &t->print, ignore, t->at, &odd))
		return;
	t->at = at;
	t->name = aws_name_tag(w, o, "Tags");
	aws_account(w, ACCOUNT_EXACT, false, at, NULL);
}

const char *aws_transit_port(struct aws *w, const struct aws_attachment *a,
			     const struct aws_subnet *s)
{
	return s ? arena_printf(w->snap->arena, "%s/%s", a->id, s->id) : a->id;
}

struct aws_attachment *aws_transit_of(struct aws_vpc *v, const char *tgw, bool *ret_many)
{
	struct aws_attachment *found = NULL;
	*ret_many = false;
	vec_each (a, &v->attachments) {
		if (strcmp((*a)->tgw->id, tgw))
			continue;
		*ret_many |= found != NULL;
		found = *a;
	}
	return *ret_many ? NULL : found;
}

void aws_transit_join(struct aws *w)
{
	for (size_t i = 0; i < w->attachments.n; i++) {
		struct aws_attachment *a = w->attachments.entries[i].value;
		struct aws_vpc *v = a->vpc_id ? map_get(&w->vpcs, a->vpc_id) : NULL;
		if (a->gone || !v)
			continue;
		a->vpc = v;
		*vec_add(&v->attachments) = a;
		vec_each (s, &a->subnets)
			*vec_add(&(*s)->transits) = aws_transit_port(w, a, *s);
	}
}

/* A transit gateway while it becomes a device. */
struct hub {
	struct aws *w;
	struct aws_tgw *tgw;
	struct device_build *b;
	struct map by_id; /* its attachments that are in force */
	struct map made;  /* tables, by the name they go by */
};

/* Routes to an attachment, for packets from that zone. */
static void to_attachment(struct hub *h, const char *table, const char *zone, struct route r,
			  const struct aws_attachment *a)
{
	size_t in_zone = 0;
	vec_each (s, &a->subnets)
		in_zone += zone && !a->appliance && (*s)->zone && !strcmp((*s)->zone, zone);
	r.segment = table;
	if (a->no_v6 && r.dst.family == FAMILY_V6)
		r.odd = "the attachment doesn't support IPv6";
	vec_each (s, &a->subnets) {
		if (in_zone && !((*s)->zone && !strcmp((*s)->zone, zone)))
			continue;
		r.port = aws_transit_port(h->w, a, *s);
		aws_add_route(h->w, h->b, r);
	}
	if (!a->subnets.n) {
		r.port = a->id;
		aws_add_route(h->w, h->b, r);
	}
}

/* Of several routes to one prefix a static one is taken, then one that a VPC propagates. */
enum { METRIC_STATIC, METRIC_LIST, METRIC_PROPAGATED };

static void static_routes(struct hub *h, const char *name, const char *zone,
			  const struct aws_tgw_table *t)
{
	vec_each (r, &t->routes) {
		struct prefix one = r->dst, *dst = &one;
		VEC(struct prefix) all = { 0 };
		size_t n = 1;
		if (r->propagated)
			continue; /* the propagations tell it, with its zones */
		if (r->list) {
			for (int f = 0; f < FAMILY_COUNT; f++)
				vec_each (s, &r->list->spans.of[f])
					*vec_add(&all) =
						(struct prefix){ .family = (uint8_t)f,
								 .len = (uint8_t)aws_span_len(
									 (enum family)f, *s),
								 .addr = s->lo };
			dst = all.v, n = all.n;
		}
		for (size_t i = 0; i < n; i++) {
			struct route out = { .dst = dst[i],
					     .segment = name,
					     .metric = r->list ? METRIC_LIST : METRIC_STATIC,
					     .at = r->at };
			if (r->blackhole) {
				out.drop = true;
				aws_add_route(h->w, h->b, out);
				continue;
			}
			vec_each (id, &r->attachments) {
				const struct aws_attachment *a = map_get(&h->by_id, *id);
				if (a) {
					to_attachment(h, name, zone, out, a);
				} else {
					out.odd = arena_printf(
						h->w->snap->arena,
						"attachment %s was not collected", *id);
					aws_add_route(h->w, h->b, out);
				}
			}
		}
		vec_free(&all);
	}
}

static void propagated_routes(struct hub *h, const char *name, const char *zone,
			      const struct aws_tgw_table *t)
{
	vec_each (id, &t->propagations) {
		const struct aws_attachment *a = map_get(&h->by_id, *id);
		for (size_t i = 0; a && a->vpc && i < a->vpc->prefixes.n; i++) {
			struct route r = { .dst = a->vpc->prefixes.v[i],
					   .segment = name,
					   .metric = METRIC_PROPAGATED,
					   .at = t->propagations_at };
			if (r.dst.family != FAMILY_V6 || !a->no_v6)
				to_attachment(h, name, zone, r, a);
		}
	}
}

/* Why the table may have other routes than these, for any destination; or NULL. */
static const char *in_doubt(struct hub *h, const struct aws_tgw_table *t)
{
	struct arena *a = h->w->snap->arena;
	if (t->odd)
		return arena_printf(a, "%s: %s", t->id, t->odd);
	if (!t->has_routes)
		return arena_printf(a, "the routes of %s were not collected", t->id);
	if (!t->has_propagations)
		return arena_printf(a, "the propagations of %s were not collected", t->id);
	return NULL;
}

/* Rules for what may have a route that isn't told, before the table is asked. */
static void doubts(struct hub *h, const char *in, const struct aws_tgw_table *t)
{
	struct aws *w = h->w;
	const char *why = in_doubt(h, t);
	if (why)
		*vec_add(&h->b->route_rules) = (struct route_rule){
			.kind = ROUTE_UNKNOWN, .in = in, .suppress = -1, .why = why, .at = t->at
		};
	vec_each (id, &t->propagations) {
		const struct aws_attachment *a = map_get(&h->by_id, *id);
		if (!a || (a->vpc && a->vpc->defined && !a->vpc->cidrs_odd))
			continue;
		why = arena_printf(w->snap->arena, "what %s propagates (%s) was not collected",
				   a->id, a->type ? a->type : "unknown");
		*vec_add(&h->b->route_rules) =
			(struct route_rule){ .kind = ROUTE_UNKNOWN,
					     .in = in,
					     .match = match_unknown(w->m, a->at, "%s", why),
					     .suppress = -1,
					     .why = why,
					     .at = t->propagations_at };
	}
	vec_each (r, &t->routes) {
		if (!r->list || (r->list->has_entries && !r->list->odd))
			continue;
		why = arena_printf(w->snap->arena, "prefix list %s was not collected",
				   r->list->id);
		*vec_add(&h->b->route_rules) =
			(struct route_rule){ .kind = ROUTE_UNKNOWN,
					     .in = in,
					     .match = match_unknown(w->m, r->at, "%s", why),
					     .suppress = -1,
					     .why = why,
					     .at = r->at };
	}
}

static void add_port(struct hub *h, const struct aws_attachment *a, const struct aws_subnet *s)
{
	struct arena *arena = h->w->snap->arena;
	const char *name = aws_transit_port(h->w, a, s);
	*vec_add(&h->b->ports) = (struct port){ .name = name,
						.kind = "transit-gateway-attachment",
						.segment = h->tgw->id,
						.wire = name,
						.up = true,
						.at = a->at };
	if (a->odd || (!a->table && !a->told)) {
		*vec_add(&h->b->route_rules) = (struct route_rule){
			.kind = ROUTE_UNKNOWN,
			.in = name,
			.suppress = -1,
			.why = a->odd ? arena_printf(arena, "%s: %s", a->id, a->odd)
				      : arena_printf(
						arena,
						"which route table %s looks up is not told",
						a->id),
			.at = a->at
		};
		return;
	}
	if (!a->table) {
		*vec_add(&h->b->route_rules) = (struct route_rule){
			.kind = ROUTE_DROP, .in = name, .suppress = -1, .at = a->at
		};
		return;
	}
	doubts(h, name, a->table);
	const char *zone = s ? s->zone : NULL;
	const char *table =
		zone ? arena_printf(arena, "%s from %s", a->table->id, zone) : a->table->id;
	*vec_add(&h->b->route_rules) = (struct route_rule){
		.kind = ROUTE_LOOKUP, .in = name, .table = table, .suppress = -1, .at = a->at
	};
	void **made = map_at(&h->made, table);
	if (*made)
		return;
	*made = (void *)table;
	static_routes(h, table, zone, a->table);
	propagated_routes(h, table, zone, a->table);
}

static void build_hub(struct aws *w, struct aws_tgw *t)
{
	struct hub h = { .w = w, .tgw = t };
	h.b = device_build_start(w->snap,
				 arena_printf(w->snap->arena, "%s:%s", w->c->device, t->id),
				 "aws", w->c->plane, t->at);
	h.b->dev.hostname = t->name ? arena_str(w->snap->arena, t->name) : t->id;
	h.b->dev.routing = ROUTING_WHOLE;
	vec_each (a, &t->attachments) {
		if (!(*a)->gone)
			*map_at(&h.by_id, (*a)->id) = *a;
	}
	vec_each (a, &t->attachments) {
		if ((*a)->gone)
			continue;
		vec_each (s, &(*a)->subnets)
			add_port(&h, *a, *s);
		if (!(*a)->subnets.n)
			add_port(&h, *a, NULL);
	}
	if (w->failed)
		device_build_taint(h.b, NULL, (struct loc){ .src = w->src },
				   "%s could not be read to its end", w->failed);
	device_build_finish(h.b);
	map_finish(&h.by_id);
	map_finish(&h.made);
}

void aws_transit_devices(struct aws *w)
{
	/* An account that only shares a gateway doesn't see its tables: it is another's. */
	for (size_t i = 0; i < w->tgws.n; i++) {
		struct aws_tgw *t = w->tgws.entries[i].value;
		if (t->tables.n)
			build_hub(w, t);
	}
}

void aws_transit_finish(struct aws *w)
{
	for (size_t i = 0; i < w->attachments.n; i++)
		vec_free(&((struct aws_attachment *)w->attachments.entries[i].value)->subnets);
	for (size_t i = 0; i < w->tgws.n; i++) {
		struct aws_tgw *t = w->tgws.entries[i].value;
		vec_free(&t->attachments);
		vec_free(&t->tables);
	}
	for (size_t i = 0; i < w->tgw_tables.n; i++) {
		struct aws_tgw_table *t = w->tgw_tables.entries[i].value;
		vec_each (r, &t->routes)
			vec_free(&r->attachments);
		vec_free(&t->routes);
		vec_free(&t->propagations);
	}
	map_finish(&w->attachments);
	map_finish(&w->tgws);
	map_finish(&w->tgw_tables);
}
