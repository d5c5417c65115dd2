/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security groups. A permission is a service (protocol and ports) with any number of ranges,
 * prefix lists and other groups; each of those is one rule, as the console shows it and as
 * `describe-security-group-rules` numbers it.
 */
#include <string.h>

#include "collectors/aws_internal.h"

struct aws_group *aws_group(struct aws *w, const char *id, struct loc at)
{
	void **slot = map_at(&w->groups, id);
	if (!*slot) {
		struct aws_group *g = arena_alloc(w->arena, sizeof(*g));
		g->id = arena_str(w->snap->arena, id);
		g->at = at;
		*slot = g;
	}
	return *slot;
}

const char *aws_say(struct aws *w, const json_t *value)
{
	if (json_is_string(value))
		return arena_printf(w->arena, "\"%.60s\"", json_string_value(value));
	if (json_is_integer(value))
		return arena_printf(w->arena, "%lld", (long long)json_integer_value(value));
	return value ? "not a value of its kind" : "nothing";
}

bool aws_parse_cidr(struct aws *w, struct loc at, const json_t *value, int family,
		    enum family *ret_family, struct span *ret_span)
{
	enum family f;
	struct addr a;
	unsigned len;
	bool host_bits;
	if (!json_is_string(value) ||
	    !prefix_parse(json_string_value(value), json_string_length(value), &f, &a, &len,
			  &host_bits) ||
	    (family >= 0 && f != (enum family)family))
		return false;
	if (host_bits)
		diag_warning(w->c->diags, "aws.host-bits", at,
			     "%s has bits set behind its length: they are not looked at",
			     json_string_value(value));
	*ret_family = f;
	*ret_span = span_prefix(f, a, len);
	return true;
}

const struct match *aws_cidr(struct aws *w, struct loc at, const json_t *value,
			     enum family family, enum field field, uint8_t *ret_class,
			     const char **ret_why)
{
	enum family f;
	struct span span;
	if (aws_parse_cidr(w, at, value, family, &f, &span))
		return match_spans(w->m, field, f, &span, 1);
	*ret_class = ACCOUNT_REJECTED;
	*ret_why = arena_printf(w->arena, "not an IPv%d prefix: %s",
				family == FAMILY_V4 ? 4 : 6, aws_say(w, value));
	return match_unknown(w->m, LOC_NONE, "%s", *ret_why);
}

/* Protocol number, -1 for all, -2 where it isn't one. */
static int protocol(const json_t *value)
{
	int64_t n;
	if (aws_number(value, &n))
		return n >= -1 && n <= 255 ? (int)n : -2;
	const char *name = json_string_value(value);
	if (!name)
		return -2;
	if (!strcmp(name, "all"))
		return -1;
	int p = proto_number(name, strlen(name));
	return p < 0 ? -2 : p;
}

/* -1 for all; false where it is no number within [0, max]. */
static bool bounded(const json_t *value, int64_t max, int64_t *ret)
{
	*ret = -1;
	return !value || (aws_number(value, ret) && *ret >= -1 && *ret <= max);
}

static const struct match *icmp(struct aws *w, const json_t *type, const json_t *code)
{
	int64_t t, c;
	if (!bounded(type, 255, &t) || !bounded(code, 255, &c) || (t < 0 && c >= 0))
		return NULL;
	const struct match *m = match_all(w->m);
	if (t >= 0)
		m = match_value(w->m, FIELD_ICMP_TYPE, (unsigned)t);
	if (c >= 0)
		m = match_and(w->m, m, match_value(w->m, FIELD_ICMP_CODE, (unsigned)c));
	return m;
}

static const struct match *ports(struct aws *w, const json_t *from, const json_t *to)
{
	int64_t lo, hi;
	if (!from && !to)
		return match_all(w->m);
	if (!bounded(from, 65535, &lo) || !bounded(to, 65535, &hi) || lo < 0 || lo > hi)
		return NULL;
	if (!lo && hi == 65535)
		return match_all(w->m);
	return match_range(w->m, FIELD_DPORT, (unsigned)lo, (unsigned)hi);
}

/*
 * Unknowns have no place of their own, here and where references are resolved: it is that of
 * the rule, and equal ones are one node.
 */
const struct match *aws_service(struct aws *w, const json_t *proto, const json_t *lo,
				const json_t *hi, uint8_t *ret_class, const char **ret_why)
{
	int p = protocol(proto);
	if (p == -1)
		return match_all(w->m);
	if (p < -1) {
		*ret_class = ACCOUNT_REJECTED;
		*ret_why =
			arena_printf(w->arena, "protocol %s is not known", aws_say(w, proto));
		return match_unknown(w->m, LOC_NONE, "%s", *ret_why);
	}
	const struct match *is = match_value(w->m, FIELD_PROTO, (unsigned)p), *tail;
	if (p == PROTO_TCP || p == PROTO_UDP)
		tail = ports(w, lo, hi);
	else if (p == PROTO_ICMP || p == PROTO_ICMPV6)
		tail = icmp(w, lo, hi);
	else
		tail = match_all(w->m); /* ports are not looked at */
	if (!tail) {
		*ret_class = ACCOUNT_REJECTED;
		*ret_why = arena_printf(w->arena, "%s %s to %s is not a range",
					p == PROTO_TCP || p == PROTO_UDP ? "ports"
									 : "type and code",
					aws_say(w, lo), aws_say(w, hi));
		tail = match_unknown(w->m, LOC_NONE, "%s", *ret_why);
	}
	return match_and(w->m, is, tail);
}

/* What a permission's ranges, lists and pairs share. */
struct permission {
	struct aws_group *group;
	enum aws_direction direction;
	const struct match *service;
	uint8_t class;
	const char *why;
};

static struct aws_rule *add_rule(struct aws *w, const struct permission *p, const json_t *e,
				 const char *key, const char *const *known)
{
	struct aws_rule *r = vec_add(&p->group->rules[p->direction]);
	*r = (struct aws_rule){ .at = aws_at_member(w, e, key),
				.account = w->account,
				.service = p->service,
				.class = p->class,
				.why = p->why };
	const char *note = aws_string(w, e, "Description");
	if (note)
		r->note = arena_str(w->snap->arena, note);
	const char *unknown = aws_unknown_member(e, known);
	if (unknown) {
		r->why = arena_printf(w->arena, "member \"%s\" is not known", unknown);
		r->service = match_and(w->m, r->service,
				       match_unknown(w->m, LOC_NONE, "%s", r->why));
		if (r->class == ACCOUNT_EXACT)
			r->class = ACCOUNT_BOUNDED;
	}
	return r;
}

static void add_range(struct aws *w, const struct permission *p, const json_t *e,
		      const char *key, enum family family)
{
	static const char *const known[] = { "CidrIp", "CidrIpv6", "Description", NULL };
	struct aws_rule *r = add_rule(w, p, e, key, known);
	r->peer = aws_cidr(w, r->at, aws_member(e, key), family, aws_peer_field(p->direction),
			   &r->class, &r->why);
}

static void add_list(struct aws *w, const struct permission *p, const json_t *e)
{
	static const char *const known[] = { "PrefixListId", "Description", NULL };
	struct aws_rule *r = add_rule(w, p, e, "PrefixListId", known);
	const char *id = aws_string(w, e, "PrefixListId");
	if (id) {
		r->list = aws_list(w, id, r->at);
		return;
	}
	r->class = ACCOUNT_REJECTED;
	r->why = "without PrefixListId";
	r->peer = match_unknown(w->m, LOC_NONE, "prefix list that is not named");
}

static void add_pair(struct aws *w, const struct permission *p, const json_t *e)
{
	static const char *const known[] = {
		"Description",
		"GroupId",
		"GroupName",
		"PeeringStatus",
		"UserId",
		"VpcId",
		"VpcPeeringConnectionId",
		NULL,
	};
	struct aws_rule *r = add_rule(w, p, e, "GroupId", known);
	const char *id = aws_string(w, e, "GroupId");
	r->user = aws_string(w, e, "UserId");
	r->vpc_id = aws_string(w, e, "VpcId");
	r->status = aws_string(w, e, "PeeringStatus");
	r->peered = aws_string(w, e, "VpcPeeringConnectionId") != NULL;
	if (id) {
		r->group = aws_group(w, id, r->at);
		return;
	}
	r->class = ACCOUNT_REJECTED;
	r->why = "without GroupId";
	r->peer = match_unknown(w->m, LOC_NONE, "security group that is not named by its id");
}

/* False where the permission isn't understood as a whole. */
static bool read_permission(struct aws *w, struct aws_group *g, enum aws_direction d,
			    const json_t *o)
{
	static const char *const known[] = { "IpProtocol",	 "FromPort",   "ToPort",
					     "IpRanges",	 "Ipv6Ranges", "PrefixListIds",
					     "UserIdGroupPairs", NULL };
	struct permission p = { .group = g, .direction = d, .class = ACCOUNT_EXACT };
	struct loc at = aws_at_member(w, o, "IpProtocol");
	size_t i, before = g->rules[d].n;
	const json_t *e;
	if (!json_is_object(o)) {
		aws_account(w, ACCOUNT_REJECTED, true, at, "not a permission");
		return false;
	}
	p.service = aws_service(w, aws_member(o, "IpProtocol"), aws_member(o, "FromPort"),
				aws_member(o, "ToPort"), &p.class, &p.why);
	bool bad = false;
	json_array_foreach (aws_array(o, "IpRanges", &bad), i, e)
		add_range(w, &p, e, "CidrIp", FAMILY_V4);
	json_array_foreach (aws_array(o, "Ipv6Ranges", &bad), i, e)
		add_range(w, &p, e, "CidrIpv6", FAMILY_V6);
	json_array_foreach (aws_array(o, "PrefixListIds", &bad), i, e)
		add_list(w, &p, e);
	json_array_foreach (aws_array(o, "UserIdGroupPairs", &bad), i, e)
		add_pair(w, &p, e);
	const char *unknown = aws_unknown_member(o, known);
	if (bad || unknown) {
		const char *why =
			bad ? "a member is not the list it should be"
			    : arena_printf(w->arena, "member \"%s\" is not known", unknown);
		aws_account(w, ACCOUNT_REJECTED, true, at, "%s", why);
		g->extra[d] = why;
		return true;
	}
	if (g->rules[d].n == before) /* it permits nothing */
		aws_account(w, ACCOUNT_IRRELEVANT, true, at, NULL);
	return true;
}

static void read_permissions(struct aws *w, struct aws_group *g, enum aws_direction d,
			     const json_t *o, const char *key)
{
	bool bad = false;
	size_t i;
	const json_t *e;
	g->has[d] = json_object_get(o, key) != NULL; /* null stands for none */
	json_array_foreach (aws_array(o, key, &bad), i, e)
		if (!read_permission(w, g, d, e))
			bad = true;
	if (bad)
		g->extra[d] = "not all of its permissions are understood";
	else if (!g->has[d])
		g->extra[d] = arena_printf(w->arena, "%s is not in the export", key);
}

void aws_read_group(struct aws *w, const json_t *o)
{
	static const char *const known[] = { "GroupId",	      "IpPermissionsEgress",
					     "Tags",	      "VpcId",
					     "OwnerId",	      "SecurityGroupArn",
					     "GroupName",     "Description",
					     "IpPermissions", NULL };
	static const char *const ignore[] = { "Tags", "SecurityGroupArn", NULL };
	const char *id = aws_string(w, o, "GroupId"), *vpc = aws_string(w, o, "VpcId");
	struct loc at = aws_at_member(w, o, "GroupId");
	if (!id || !vpc) {
		aws_account(w, ACCOUNT_REJECTED, true, at,
			    id ? "in no VPC (EC2-Classic is gone)" : "without GroupId");
		return;
	}
	if (!json_object_get(o, "IpPermissions") &&
	    !json_object_get(o, "IpPermissionsEgress")) {
		aws_account(w, ACCOUNT_REJECTED, true, at, "a name only, without permissions");
		return;
	}
	struct aws_group *g = aws_group(w, id, at);
	if (!aws_first(w, o, id, &g->defined, &g->print, ignore, g->at, &g->odd))
		return;
	g->at = at;
	g->name = aws_string(w, o, "GroupName");
	g->owner = aws_string(w, o, "OwnerId");
	g->vpc = aws_vpc(w, vpc, g->owner, at);
	*vec_add(&g->vpc->groups) = g;
	const char *unknown = aws_unknown_member(o, known);
	if (unknown)
		g->odd = arena_printf(w->arena, "member \"%s\" is not known", unknown);
	aws_account(w, unknown ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false, at, "%s",
		    unknown ? g->odd : "");
	read_permissions(w, g, AWS_INGRESS, o, "IpPermissions");
	read_permissions(w, g, AWS_EGRESS, o, "IpPermissionsEgress");
}
