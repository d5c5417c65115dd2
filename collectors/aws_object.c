/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VPCs, subnets and network interfaces: one reader each (network ACLs: aws_acl.c).
 *
 * Every reader knows the members of its object in the EC2 API (version 2016-11-15). A member
 * that it doesn't know may say anything: what it could change is then unknown.
 */
#include <errno.h>
#include <string.h>

#include "collectors/aws_internal.h"

void *aws_object(struct aws *w, struct map *m, const char *id, size_t size, bool *ret_new)
{
	void **at = map_at(m, id);
	*ret_new = !*at;
	if (!*at)
		*at = arena_alloc(w->arena, size);
	return *at;
}

struct aws_vpc *aws_vpc(struct aws *w, const char *id, const char *owner, struct loc at)
{
	bool is_new;
	struct aws_vpc *v = aws_object(w, &w->vpcs, id, sizeof(*v), &is_new);
	if (is_new) {
		v->id = arena_str(w->snap->arena, id);
		v->at = at;
	}
	if (owner && !v->owner)
		v->owner = owner;
	else if (owner && strcmp(owner, v->owner))
		v->second = owner;
	return v;
}

struct aws_subnet *aws_subnet(struct aws *w, const char *id, struct loc at)
{
	bool is_new;
	struct aws_subnet *s = aws_object(w, &w->subnets, id, sizeof(*s), &is_new);
	if (is_new) {
		s->id = arena_str(w->snap->arena, id);
		s->at = at;
	}
	return s;
}

struct aws_list *aws_list(struct aws *w, const char *id, struct loc at)
{
	bool is_new;
	struct aws_list *l = aws_object(w, &w->lists, id, sizeof(*l), &is_new);
	if (is_new) {
		l->id = arena_str(w->snap->arena, id);
		l->at = at;
		l->family = -1;
	}
	return l;
}

/* "associated" and on the way to it; what was taken away is kept in the list for a while. */
static bool in_force(const json_t *assoc, const char *state_key)
{
	const char *s = json_string_value(aws_member(aws_member(assoc, state_key), "State"));
	return !s || (strcmp(s, "disassociated") && strcmp(s, "disassociating") &&
		      strcmp(s, "failing") && strcmp(s, "failed"));
}

static const char *blocked_mode(struct aws *w, const json_t *o)
{
	const json_t *states = aws_member(o, "BlockPublicAccessStates");
	const char *mode = aws_string(w, states, "InternetGatewayBlockMode");
	return mode && strcmp(mode, "off") ? mode : NULL;
}

static bool vpc_cidr(struct aws *w, struct aws_vpc *v, const json_t *value, int family)
{
	enum family f;
	struct span span;
	if (!value || !aws_parse_cidr(w, aws_at(w, value), value, family, &f, &span))
		return false;
	const struct span *first = v->cidrs.of[f].v;
	if (v->cidrs.of[f].n && addr_equal(first->lo, span.lo) &&
	    addr_equal(first->hi, span.hi))
		return true; /* the primary one stands in the list too */
	aws_spans_add(&v->cidrs, f, span);
	*vec_add(&v->prefixes) = (struct prefix){ .family = (uint8_t)f,
						  .len = (uint8_t)aws_span_len(f, span),
						  .addr = span.lo };
	return true;
}

/* What transit gateways learn of it, and what an internet gateway answers for. */
static void vpc_networks(struct aws *w, struct aws_vpc *v, const json_t *o)
{
	static const struct {
		const char *list, *key, *state;
		enum family family;
	} where[] = {
		{ "CidrBlockAssociationSet", "CidrBlock", "CidrBlockState", FAMILY_V4 },
		{ "Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock", "Ipv6CidrBlockState",
		  FAMILY_V6 },
	};
	const json_t *e;
	size_t i;
	bool bad = false;
	if (aws_member(o, "CidrBlock") &&
	    !vpc_cidr(w, v, aws_member(o, "CidrBlock"), FAMILY_V4))
		bad = true;
	for (size_t k = 0; k < sizeof(where) / sizeof(*where); k++)
		json_array_foreach (aws_array(o, where[k].list, &bad), i, e)
			if (in_force(e, where[k].state) &&
			    !vpc_cidr(w, v, aws_member(e, where[k].key), (int)where[k].family))
				bad = true;
	if (bad)
		v->cidrs_odd = "its networks are not understood";
}

void aws_read_vpc(struct aws *w, const json_t *o)
{
	static const char *const known[] = {
		"VpcId",
		"CidrBlock",
		"CidrBlockAssociationSet",
		"IsDefault",
		"DhcpOptionsId",
		"Ipv6CidrBlockAssociationSet",
		"Tags",
		"OwnerId",
		"InstanceTenancy",
		"State",
		"Region",
		"BlockPublicAccessStates",
		"VpcArn",
		NULL,
	};
	static const char *const ignore[] = { "Tags", "State", "Region", "DhcpOptionsId",
					      NULL };
	const char *id = aws_id(w, o, "VpcId", true);
	if (!id)
		return;
	struct loc at = aws_at_member(w, o, "VpcId");
	struct aws_vpc *v = aws_vpc(w, id, aws_string(w, o, "OwnerId"), at);
	const char *odd = NULL;
	if (!aws_first(w, o, id, &v->defined, &v->print, ignore, v->at, &odd)) {
		if (odd)
			v->odd = odd, v->odd_at = at;
		return;
	}
	v->at = at;
	v->name = aws_name_tag(w, o, "Tags");
	v->blocked = blocked_mode(w, o);
	vpc_networks(w, v, o);
	const char *unknown = aws_unknown_member(o, known);
	if (unknown) {
		v->odd = arena_printf(w->arena, "member \"%s\" is not known", unknown);
		v->odd_at = at;
		aws_account(w, ACCOUNT_BOUNDED, false, at, "%s", v->odd);
	} else {
		aws_account(w, ACCOUNT_EXACT, false, at, NULL);
	}
}

static bool subnet_cidr(struct aws *w, struct aws_subnet *s, const json_t *value, int family)
{
	enum family f;
	struct span span;
	if (!aws_parse_cidr(w, aws_at(w, value), value, family, &f, &span))
		return false;
	aws_spans_add(&s->cidrs, f, span);
	*vec_add(&s->prefixes) = (struct prefix){ .family = (uint8_t)f,
						  .len = (uint8_t)aws_span_len(f, span),
						  .addr = span.lo };
	return true;
}

void aws_read_subnet(struct aws *w, const json_t *o)
{
	static const char *const known[] = {
		"AvailabilityZoneId",
		"EnableLniAtDeviceIndex",
		"MapCustomerOwnedIpOnLaunch",
		"CustomerOwnedIpv4Pool",
		"OwnerId",
		"AssignIpv6AddressOnCreation",
		"Ipv6CidrBlockAssociationSet",
		"Tags",
		"SubnetArn",
		"OutpostArn",
		"EnableDns64",
		"Ipv6Native",
		"PrivateDnsNameOptionsOnLaunch",
		"BlockPublicAccessStates",
		"Type",
		"SubnetId",
		"State",
		"VpcId",
		"CidrBlock",
		"AvailableIpAddressCount",
		"AvailabilityZone",
		"DefaultForAz",
		"MapPublicIpOnLaunch",
		NULL,
	};
	static const char *const ignore[] = { "Tags", "State", "AvailableIpAddressCount",
					      "SubnetArn", NULL };
	const char *id = aws_id(w, o, "SubnetId", true);
	const char *vpc = id ? aws_id(w, o, "VpcId", true) : NULL;
	if (!vpc)
		return;
	struct loc at = aws_at_member(w, o, "SubnetId");
	struct aws_subnet *s = aws_subnet(w, id, at);
	if (!aws_first(w, o, id, &s->defined, &s->print, ignore, s->at, &s->odd))
		return;
	s->at = at;
	s->name = aws_name_tag(w, o, "Tags");
	struct aws_vpc *v = aws_vpc(w, vpc, aws_string(w, o, "OwnerId"), at);
	if (!s->vpc)
		*vec_add(&v->subnets) = s;
	else if (s->vpc != v)
		s->odd = "its VPC is told differently elsewhere";
	s->vpc = s->vpc ? s->vpc : v;
	const char *mode = blocked_mode(w, o);
	if (mode)
		v->blocked = mode;
	/* an account's own names for zones mean others in the next account */
	const char *zone = aws_string(w, o, "AvailabilityZone");
	s->zone = aws_string(w, o, "AvailabilityZoneId");
	s->zone_name = zone;
	if (!s->zone && zone)
		s->zone = arena_printf(w->arena, "%s of %s", zone, v->owner ? v->owner : "?");
	const json_t *cidr = aws_member(o, "CidrBlock"), *assoc;
	bool bad = false;
	size_t i;
	if (cidr && !subnet_cidr(w, s, cidr, FAMILY_V4))
		bad = true;
	json_array_foreach (aws_array(o, "Ipv6CidrBlockAssociationSet", &bad), i, assoc) {
		cidr = aws_member(assoc, "Ipv6CidrBlock");
		if (!in_force(assoc, "Ipv6CidrBlockState"))
			continue;
		if (!cidr || !subnet_cidr(w, s, cidr, FAMILY_V6))
			bad = true;
	}
	const char *unknown = aws_unknown_member(o, known);
	if (bad || (!s->cidrs.of[FAMILY_V4].n && !s->cidrs.of[FAMILY_V6].n))
		s->odd = "its addresses are not understood";
	else if (unknown)
		s->odd = arena_printf(w->arena, "member \"%s\" is not known", unknown);
	aws_account(w, s->odd ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false, at, "%s",
		    s->odd ? s->odd : "");
}

/* Adds the address or prefix under key of o (or of each object of the list). */
static bool interface_addr(struct aws *w, struct aws_interface *n, const json_t *o,
			   const char *key, int family)
{
	const json_t *v = aws_member(o, key);
	enum family f;
	struct span span;
	if (!v || !aws_parse_cidr(w, n->at, v, family, &f, &span))
		return false;
	vec_each (had, &n->addrs.of[f])
		if (addr_equal(had->lo, span.lo) && addr_equal(had->hi, span.hi))
			return true; /* the primary address stands in the list too */
	aws_spans_add(&n->addrs, f, span);
	return true;
}

/* A public address stands beside the private one that it belongs to. */
static bool interface_public(struct aws *w, struct aws_interface *n, const json_t *o)
{
	const json_t *private = aws_member(o, "PrivateIpAddress");
	const json_t *public = aws_member(aws_member(o, "Association"), "PublicIp");
	enum family f;
	struct span in, out;
	if (!public)
		return true;
	if (!private || !aws_parse_cidr(w, n->at, private, FAMILY_V4, &f, &in) ||
	    !aws_parse_cidr(w, n->at, public, FAMILY_V4, &f, &out))
		return false;
	vec_each (had, &n->publics)
		if (addr_equal(had->private, in.lo) && addr_equal(had->public, out.lo))
			return true;
	*vec_add(&n->publics) = (struct aws_public){ .private = in.lo,
						     .public = out.lo,
						     .at = aws_at(w, public) };
	return true;
}

static bool interface_addrs(struct aws *w, struct aws_interface *n, const json_t *o)
{
	static const struct {
		const char *list, *key;
		enum family family;
	} where[] = {
		{ "PrivateIpAddresses", "PrivateIpAddress", FAMILY_V4 },
		{ "Ipv6Addresses", "Ipv6Address", FAMILY_V6 },
		{ "Ipv4Prefixes", "Ipv4Prefix", FAMILY_V4 },
		{ "Ipv6Prefixes", "Ipv6Prefix", FAMILY_V6 },
	};
	bool bad = false;
	size_t i;
	const json_t *e;
	for (size_t k = 0; k < sizeof(where) / sizeof(*where); k++)
		json_array_foreach (aws_array(o, where[k].list, &bad), i, e)
			if (!interface_addr(w, n, e, where[k].key, where[k].family))
				bad = true;
	json_array_foreach (aws_array(o, "PrivateIpAddresses", &bad), i, e)
		if (!interface_public(w, n, e))
			bad = true;
	if (!interface_public(w, n, o))
		bad = true;
	/* The primary addresses stand in the lists too; some tools leave those out. */
	if (aws_member(o, "PrivateIpAddress") && !n->addrs.of[FAMILY_V4].n &&
	    !interface_addr(w, n, o, "PrivateIpAddress", FAMILY_V4))
		bad = true;
	if (aws_member(o, "Ipv6Address") && !n->addrs.of[FAMILY_V6].n &&
	    !interface_addr(w, n, o, "Ipv6Address", FAMILY_V6))
		bad = true;
	return !bad;
}

/* Interfaces of services that forward for others or have no security groups by nature. */
static bool is_service(const char *type)
{
	static const char *const types[] = {
		"nat_gateway",		 "natGateway",
		"transit_gateway",	 "network_load_balancer",
		"gateway_load_balancer", "gateway_load_balancer_endpoint"
	};
	for (size_t i = 0; type && i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(types[i], type))
			return true;
	return false;
}

/* AWS lets an interface hold 16 groups; the limit keeps lists of members short. */
enum { GROUPS_MAX = 64 };

static void hold(struct aws *w, struct aws_interface *n, const char *id)
{
	struct aws_group *g = aws_group(w, id, n->at);
	vec_each (had, &n->groups)
		if (*had == g)
			return;
	if (n->groups.n < GROUPS_MAX)
		*vec_add(&n->groups) = g;
	else
		n->odd = n->lost = "it holds more security groups than there can be";
}

static void interface_groups(struct aws *w, struct aws_interface *n, const json_t *o)
{
	bool bad = !aws_member(o, "Groups");
	size_t i;
	const json_t *e;
	json_array_foreach (aws_array(o, "Groups", &bad), i, e) {
		const char *id = aws_string(w, e, "GroupId");
		if (id)
			hold(w, n, id);
		else
			bad = true;
	}
	if (bad)
		n->odd = "its security groups are not told";
	else if (!n->groups.n && is_service(n->type))
		n->unfiltered = true;
	else if (!n->groups.n)
		n->odd = "it holds no security group";
}

static void interface_oddities(struct aws *w, struct aws_interface *n, const json_t *o)
{
	static const char *const known[] = {
		"Association",
		"Attachment",
		"AvailabilityZone",
		"AvailabilityZoneId",
		"ConnectionTrackingConfiguration",
		"DenyAllIgwTraffic",
		"Description",
		"Groups",
		"InterfaceType",
		"Ipv4Prefixes",
		"Ipv6Address",
		"Ipv6Addresses",
		"Ipv6Native",
		"Ipv6Prefixes",
		"MacAddress",
		"NetworkInterfaceId",
		"Operator",
		"OutpostArn",
		"OwnerId",
		"PrivateDnsName",
		"PrivateIpAddress",
		"PrivateIpAddresses",
		"PublicDnsName",
		"PublicIpDnsNameOptions",
		"RequesterId",
		"RequesterManaged",
		"SourceDestCheck",
		"Status",
		"SubnetId",
		"TagSet",
		"Tags",
		"VpcId",
		NULL,
	};
	const char *unknown = aws_unknown_member(o, known);
	if (unknown) {
		const json_t *v = aws_member(o, unknown);
		n->odd = arena_printf(w->arena, "member \"%s\" is not known", unknown);
		/* A list may hold addresses, a word can't. */
		if (json_is_array(v) || json_is_object(v))
			n->lost = n->odd;
	}
	if (json_is_true(aws_member(o, "DenyAllIgwTraffic")) && n->addrs.of[FAMILY_V6].n)
		n->odd = "traffic of its gateway is denied in part";
	const json_t *check = aws_member(o, "SourceDestCheck");
	n->forwards = !json_is_true(check) && !is_service(n->type);
	n->unchecked = !check;
	n->instance = aws_string(w, aws_member(o, "Attachment"), "InstanceId");
	int64_t index;
	n->first = aws_number(aws_member(aws_member(o, "Attachment"), "DeviceIndex"), &index) &&
		   !index;
	n->description = aws_string(w, o, "Description");
	if (!interface_addrs(w, n, o))
		n->odd = n->lost = "its addresses are not understood";
}

static struct aws_interface *read_interface(struct aws *w, struct map *map, const json_t *o)
{
	static const char *const ignore[] = { "Attachment", "Association", "Description",
					      "Status",	    "TagSet",	   "Tags",
					      "Operator",   NULL };
	const char *id = aws_id(w, o, "NetworkInterfaceId", true);
	if (!id)
		return NULL;
	bool is_new;
	struct aws_interface *n = aws_object(w, map, id, sizeof(*n), &is_new);
	struct loc at = aws_at_member(w, o, "NetworkInterfaceId");
	if (!aws_first(w, o, id, &n->defined, &n->print, ignore, n->at, &n->odd)) {
		n->lost = n->odd;
		return NULL;
	}
	n->id = arena_str(w->snap->arena, id);
	n->at = at;
	n->name = aws_name_tag(w, o, "TagSet");
	n->type = aws_string(w, o, "InterfaceType");
	const char *vpc = aws_string(w, o, "VpcId"), *subnet = aws_string(w, o, "SubnetId");
	if (vpc)
		n->vpc = aws_vpc(w, vpc, aws_string(w, o, "OwnerId"), at);
	if (subnet)
		n->subnet = aws_subnet(w, subnet, at);
	interface_groups(w, n, o);
	interface_oddities(w, n, o);
	return n;
}

void aws_read_interface(struct aws *w, const json_t *o)
{
	const struct aws_interface *n = read_interface(w, &w->interfaces, o);
	if (n)
		aws_account(w, n->odd ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, true, n->at, "%s",
			    n->odd ? n->odd : "");
}

void aws_read_instance(struct aws *w, const json_t *o)
{
	bool bad = false;
	size_t i;
	const json_t *e;
	struct loc at = aws_at_member(w, o, "InstanceId");
	const char *id = aws_string(w, o, "InstanceId");
	json_array_foreach (aws_array(o, "NetworkInterfaces", &bad), i, e) {
		struct aws_interface *n = read_interface(w, &w->of_instances, e);
		if (n)
			n->instance = id, n->account = w->account;
	}
	aws_account(w, bad ? ACCOUNT_REJECTED : ACCOUNT_IRRELEVANT, bad, at, "%s",
		    bad ? "NetworkInterfaces is not a list" : "");
}

bool aws_take_instances(struct aws *w)
{
	bool listed = !w->of_instances.n;
	for (size_t i = 0; i < w->interfaces.n; i++)
		listed |= ((struct aws_interface *)w->interfaces.entries[i].value)->defined;
	for (size_t i = 0; i < w->of_instances.n; i++) {
		struct aws_interface *n = w->of_instances.entries[i].value, *all;
		bool is_new;
		enum account_class class = listed   ? ACCOUNT_IRRELEVANT
					   : n->odd ? ACCOUNT_BOUNDED
						    : ACCOUNT_EXACT;
		account_add(w->snap, n->account, class, !listed, n->at,
			    !listed ? n->odd : NULL);
		if (listed)
			continue;
		/* a route may have named it before */
		all = aws_object(w, &w->interfaces, n->id, sizeof(*all), &is_new);
		*all = *n;
		*n = (struct aws_interface){ .id = n->id };
	}
	return !listed;
}
