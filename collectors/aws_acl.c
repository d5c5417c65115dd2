/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network ACLs and prefix lists. A member that isn't known may say anything: what it could
 * change is then unknown (EC2 API, version 2016-11-15).
 */
#include <string.h>

#include "collectors/aws_internal.h"

static void acl_associations(struct aws *w, struct aws_acl *acl, const json_t *o)
{
	bool bad = false;
	size_t i;
	const json_t *e;
	json_array_foreach (aws_array(o, "Associations", &bad), i, e) {
		const char *id = aws_string(w, e, "SubnetId");
		struct loc at = aws_at_member(w, e, "SubnetId");
		if (!id) {
			aws_account(w, ACCOUNT_REJECTED, true, at, "without SubnetId");
			continue;
		}
		struct aws_subnet *s = aws_subnet(w, id, at);
		if (s->acl && s->acl != acl)
			s->acl_odd =
				arena_printf(w->arena, "%s and %s are both associated with it",
					     s->acl->id, acl->id);
		s->acl = acl;
		s->acl_at = at;
		if (!s->vpc) {
			s->vpc = acl->vpc;
			*vec_add(&acl->vpc->subnets) = s;
		}
		aws_account(w, s->acl_odd ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, true, at, "%s",
			    s->acl_odd ? s->acl_odd : "");
	}
	if (bad)
		aws_account(w, ACCOUNT_REJECTED, true, acl->at, "Associations is not a list");
}

/* The two families of an entry together; exactly one of them is there in an export. */
static const struct match *entry_peer(struct aws *w, struct loc at, const json_t *e,
				      enum field field, uint8_t *class, const char **why)
{
	const json_t *v4 = aws_member(e, "CidrBlock"), *v6 = aws_member(e, "Ipv6CidrBlock");
	if (v4 && v6)
		return match_or(w->m, aws_cidr(w, at, v4, FAMILY_V4, field, class, why),
				aws_cidr(w, at, v6, FAMILY_V6, field, class, why));
	return aws_cidr(w, at, v6 ? v6 : v4, v6 ? FAMILY_V6 : FAMILY_V4, field, class, why);
}

static bool acl_entry(struct aws *w, struct aws_acl *acl, const json_t *e)
{
	static const char *const known[] = { "CidrBlock",     "Egress",	    "IcmpTypeCode",
					     "Ipv6CidrBlock", "PortRange",  "Protocol",
					     "RuleAction",    "RuleNumber", NULL };
	struct loc at = aws_at_member(w, e, "RuleNumber");
	int64_t number;
	const json_t *egress = aws_member(e, "Egress"), *ports = aws_member(e, "PortRange");
	const json_t *icmp = aws_member(e, "IcmpTypeCode"), *proto = aws_member(e, "Protocol");
	if (!json_is_boolean(egress) || !aws_number(aws_member(e, "RuleNumber"), &number) ||
	    number < 0) {
		aws_account(w, ACCOUNT_REJECTED, true, at,
			    "without the direction or the number that gives its place");
		return false;
	}
	enum aws_direction d = json_is_true(egress) ? AWS_EGRESS : AWS_INGRESS;
	uint8_t class = ACCOUNT_EXACT;
	const char *why = NULL;
	int64_t p;
	bool is_icmp =
		aws_number(proto, &p) ? p == PROTO_ICMP || p == PROTO_ICMPV6 : icmp && !ports;
	const struct match *service =
		is_icmp ? aws_service(w, proto, aws_member(icmp, "Type"),
				      aws_member(icmp, "Code"), &class, &why)
			: aws_service(w, proto, aws_member(ports, "From"),
				      aws_member(ports, "To"), &class, &why);
	const struct match *peer = entry_peer(w, at, e, aws_peer_field(d), &class, &why);
	struct aws_acl_entry entry = {
		.at = at,
		.number = (uint64_t)number,
		.match = match_and(w->m, peer, service),
		.families = (aws_member(e, "CidrBlock") ? 1 << FAMILY_V4 : 0) |
			    (aws_member(e, "Ipv6CidrBlock") ? 1 << FAMILY_V6 : 0),
		.implicit = number >= 32767
	};
	const char *action = json_string_value(aws_member(e, "RuleAction"));
	if (action && !strcmp(action, "allow")) {
		entry.verdict = VERDICT_PERMIT;
	} else if (action && !strcmp(action, "deny")) {
		entry.verdict = VERDICT_DENY;
	} else {
		entry.verdict = VERDICT_UNKNOWN;
		entry.why = why = "neither allow nor deny";
		class = ACCOUNT_REJECTED;
	}
	const char *unknown = aws_unknown_member(e, known);
	if (unknown) {
		why = arena_printf(w->arena, "member \"%s\" is not known", unknown);
		entry.match =
			match_and(w->m, entry.match, match_unknown(w->m, LOC_NONE, "%s", why));
		if (class == ACCOUNT_EXACT)
			class = ACCOUNT_BOUNDED;
	}
	*vec_add(&acl->entries[d]) = entry;
	aws_account(w, class, true, at, "%s", why ? why : "");
	return true;
}

void aws_read_acl(struct aws *w, const json_t *o)
{
	static const char *const known[] = { "Associations", "Entries", "IsDefault",
					     "NetworkAclId", "Tags",	"VpcId",
					     "OwnerId",	     NULL };
	static const char *const ignore[] = { "Tags", NULL };
	const char *id = aws_id(w, o, "NetworkAclId", true);
	const char *vpc = id ? aws_id(w, o, "VpcId", true) : NULL;
	if (!vpc)
		return;
	bool is_new, bad = !aws_member(o, "Entries");
	struct aws_acl *acl = aws_object(w, &w->acls, id, sizeof(*acl), &is_new);
	struct loc at = aws_at_member(w, o, "NetworkAclId");
	if (!aws_first(w, o, id, &acl->defined, &acl->print, ignore, acl->at, &acl->odd))
		return;
	acl->id = arena_str(w->snap->arena, id);
	acl->at = at;
	acl->name = aws_name_tag(w, o, "Tags");
	acl->vpc = aws_vpc(w, vpc, NULL, at);
	*vec_add(&acl->vpc->acls) = acl;
	size_t i;
	const json_t *e;
	json_array_foreach (aws_array(o, "Entries", &bad), i, e)
		if (!acl_entry(w, acl, e))
			bad = true;
	const char *unknown = aws_unknown_member(o, known);
	if (bad)
		acl->odd = "not all of its entries are understood";
	else if (unknown)
		acl->odd = arena_printf(w->arena, "member \"%s\" is not known", unknown);
	aws_account(w, acl->odd ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, false, at, "%s",
		    acl->odd ? acl->odd : "");
	acl_associations(w, acl, o);
}

static void list_cidr(struct aws *w, struct aws_list *l, const json_t *value, struct loc at)
{
	enum family f;
	struct span span;
	if (!value || !aws_parse_cidr(w, at, value, l->family, &f, &span)) {
		l->odd = true;
		aws_account(w, ACCOUNT_REJECTED, true, at, "not a prefix: %s",
			    aws_say(w, value));
		return;
	}
	aws_spans_add(&l->spans, f, span);
	aws_account(w, ACCOUNT_EXACT, true, at, NULL);
}

void aws_read_entries(struct aws *w, struct aws_list *list, const json_t *entries, bool open)
{
	size_t i;
	const json_t *e;
	if (!list && json_array_size(entries))
		diag_warning(
			w->c->diags, "aws.entries-without-list", aws_at(w, entries),
			"these entries don't say of which prefix list they are: put the list's "
			"id (pl-...) into the file's name");
	if (list) {
		list->has_entries = true;
		list->open += open;
		list->last += !open;
	}
	json_array_foreach (entries, i, e) {
		struct loc at = aws_at_member(w, e, "Cidr");
		if (list)
			list_cidr(w, list, aws_member(e, "Cidr"), at);
		else
			aws_account(w, ACCOUNT_BOUNDED, true, at, "of no known prefix list");
	}
}

void aws_read_list(struct aws *w, const json_t *o)
{
	static const char *const but_cidrs[] = {
		"PrefixListId",
		"AddressFamily",
		"State",
		"StateMessage",
		"PrefixListArn",
		"PrefixListName",
		"MaxEntries",
		"Version",
		"Tags",
		"OwnerId",
		"IpamPrefixListResolverTargetId",
		"IpamPrefixListResolverSyncEnabled",
		NULL,
	};
	const char *id = aws_id(w, o, "PrefixListId", true);
	if (!id)
		return;
	struct loc at = aws_at_member(w, o, "PrefixListId");
	struct aws_list *l = aws_list(w, id, at);
	const char *family = aws_string(w, o, "AddressFamily");
	l->defined = true;
	l->at = at;
	if (!l->name)
		l->name = aws_string(w, o, "PrefixListName");
	if (family && !strcmp(family, "IPv4"))
		l->family = FAMILY_V4;
	else if (family && !strcmp(family, "IPv6"))
		l->family = FAMILY_V6;
	bool bad = false;
	size_t i;
	const json_t *e, *cidrs = aws_array(o, "Cidrs", &bad);
	const char *odd = NULL;
	if (bad) {
		l->odd = true;
		aws_account(w, ACCOUNT_REJECTED, true, at, "Cidrs is not a list");
		return;
	}
	if (!cidrs) {
		aws_account(w, ACCOUNT_EXACT, false, at, NULL);
		return;
	}
	if (!aws_first(w, o, id, &l->has_cidrs, &l->print, but_cidrs, l->at, &odd)) {
		l->odd |= odd != NULL;
		return;
	}
	aws_account(w, ACCOUNT_EXACT, false, at, NULL);
	l->has_entries = true;
	l->last++;
	json_array_foreach (cidrs, i, e)
		list_cidr(w, l, e, aws_at(w, e));
}
