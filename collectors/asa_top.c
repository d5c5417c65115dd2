/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines outside of any block: what each command says, by its first word. Those that need
 * names which may come later are only kept here, by their line.
 */
#include "collectors/asa_internal.h"

#include <string.h>

/* `ASA Version 9.8(2) <context>` */
bool asa_version_line(const struct line *l, enum asa_flavour *ret)
{
	if (l->n < 2 || !word_is(l->w[1], "Version"))
		return false;
	if (word_is(l->w[0], "ASA"))
		*ret = ASA_ASA;
	else if (word_is(l->w[0], "PIX"))
		*ret = ASA_PIX;
	else if (word_is(l->w[0], "FWSM"))
		*ret = ASA_FWSM;
	else
		return false;
	return true;
}

static void take_version(struct asa *a, const struct line *l, enum asa_flavour flavour)
{
	struct word w = l->n > 2 ? l->w[2] : (struct word){ "", 0 };
	const char *dot = memchr(w.s, '.', w.len);
	uint32_t digits = 0;

	a->flavour = (uint8_t)flavour;
	if (dot) {
		const char *minor = dot + 1;

		while (minor + digits < w.s + w.len && minor[digits] >= '0' &&
		       minor[digits] <= '9')
			digits++;
		a->version_known = word_number((struct word){ w.s, (uint32_t)(dot - w.s) }, 99,
					       &a->major) &&
				   word_number((struct word){ minor, digits }, 99, &a->minor);
	}
	if (l->n > 3 && word_is(l->w[3], "<system>"))
		a->system_space = true;
	asa_irrelevant(a, l->no);
}

/* Whether a word is the name of a list, object or group used on a line that has no say. */
void asa_note_uses(struct asa *a, const struct line *l)
{
	for (unsigned i = 1; i < l->n; i++) {
		struct word w = l->w[i];

		if (map_getn(&a->names, w.s, w.len))
			asa_use(a, "name", asa_str(a, w), l->no, false);
		if (map_getn(&a->lists, w.s, w.len))
			asa_use(a, "access list", asa_str(a, w), l->no, false);
		if ((word_is(l->w[i - 1], "object") && asa_object(a, w)))
			asa_use(a, "object", asa_str(a, w), l->no, false);
		if (word_is(l->w[i - 1], "object-group") && asa_group(a, w))
			asa_use(a, "object-group", asa_str(a, w), l->no, false);
	}
}

static void name_line(struct asa *a, struct line *l)
{
	struct word addr = line_next(l), name = line_next(l);
	struct asa_name *n;
	enum family f;
	struct addr x;

	if (!name.len || !addr_parse(addr.s, addr.len, &f, &x)) {
		asa_reject(a, l->no, NULL, "asa.name", "`name` needs an address and a word");
		return;
	}
	n = arena_alloc(a->arena, sizeof(*n));
	*n = (struct asa_name){ (uint8_t)f, x, l->no };
	*map_atn(&a->names, name.s, name.len) = n;
	asa_use(a, "name", asa_str(a, name), l->no, true);
	ASA_EXACT(a, l->no);
}

/* `clear [configure|config] WHAT [NAME]`: takes earlier lines back. */
static void clear_line(struct asa *a, struct line *l)
{
	struct word name;

	if (!line_take(l, "configure"))
		line_take(l, "config");
	if (line_take(l, "access-list")) {
		name = line_next(l);
		if (name.len) {
			struct list *list = asa_list(a, name, false, false, 0);

			if (list)
				asa_list_clear(a, list, l->no);
		} else {
			vec_each (list, &a->all_lists)
				asa_list_clear(a, *list, l->no);
		}
		ASA_EXACT(a, l->no);
		return;
	}
	if (line_take(l, "object") || line_take(l, "object-group") || line_take(l, "names") ||
	    line_take(l, "name") || line_take(l, "access-group") || line_take(l, "conduit") ||
	    line_take(l, "outbound") || line_take(l, "alias") || line_take(l, "route") ||
	    line_take(l, "nat") || line_take(l, "static") || line_take(l, "global")) {
		/* Only what stands before; scripts clear what the device had. */
		struct word what = l->w[l->i - 1];
		bool before = word_is(what, "object")	      ? a->objects.n
			      : word_is(what, "object-group") ? a->groups.n
			      : word_starts(what, "name")     ? a->names.n
			      : word_is(what, "access-group") ? a->bindings.n
			      : word_is(what, "conduit")      ? a->conduits.n
			      : word_is(what, "route")	      ? a->routes.n
			      : word_is(what, "outbound")     ? 0
							  : a->nat_lines.n + a->object_nats.n;

		if (before)
			asa_reject(a, l->no, NULL, "asa.command",
				   "takes earlier lines back: give the running configuration "
				   "instead");
		else
			asa_irrelevant(a, l->no);
		return;
	}
	if (line_at(l, "all") || line_at(l, "primary") || line_at(l, "secondary") ||
	    line_at(l, "interface") || line_at(l, "ip") ||
	    line_at(l, "same-security-traffic") || line_at(l, "ipv6")) {
		asa_reject(a, l->no, NULL, "asa.command",
			   "takes earlier lines back: give the running configuration instead");
		return;
	}
	asa_irrelevant(a, l->no);
}

/* `no ...`: states a default, or takes a line back. */
static void no_line(struct asa *a, struct line *l)
{
	enum keyword kw = asa_keyword(line_peek(l, 0));

	switch (kw) {
	case KW_SYSOPT:
		if (word_is(line_peek(l, 1), "connection") &&
		    word_starts(line_peek(l, 2), "permit-")) {
			a->vpn_bypass_said = true;
			a->vpn_bypass = false;
			ASA_EXACT(a, l->no);
			return;
		}
		asa_irrelevant(a, l->no);
		return;
	case KW_NAT_CONTROL:
		a->nat_control_off = true;
		ASA_EXACT(a, l->no);
		return;
	case KW_ACCESS_GROUP:
	case KW_ACCESS_LIST:
	case KW_ALIAS:
	case KW_APPLY:
	case KW_CONDUIT:
	case KW_GLOBAL:
	case KW_INTERFACE:
	case KW_NAME:
	case KW_NAMEIF:
	case KW_NAT:
	case KW_OBJECT:
	case KW_OBJECT_GROUP:
	case KW_OUTBOUND:
	case KW_ROUTE:
	case KW_STATIC:
	case KW_TIME_RANGE:
	case KW_UNKNOWN:
		asa_reject(a, l->no, NULL, "asa.command",
			   "takes a line back that is not known here: give the running "
			   "configuration instead");
		return;
	case KW_IP:
	case KW_IPV6:
		if (word_is(line_peek(l, 1), "address") || word_is(line_peek(l, 1), "route") ||
		    word_is(line_peek(l, 1), "access-list")) {
			asa_reject(a, l->no, NULL, "asa.command",
				   "takes a line back that is not known here: give the running "
				   "configuration instead");
			return;
		}
		asa_irrelevant(a, l->no);
		return;
	case KW_SAME_SECURITY:
		if (word_is(line_peek(l, 2), "inter-interface"))
			a->same_inter = false;
		else if (word_is(line_peek(l, 2), "intra-interface"))
			a->same_intra = false;
		ASA_EXACT(a, l->no);
		return;
	default:
		asa_irrelevant(a, l->no);
		return;
	}
}

static void aaa_line(struct asa *a, struct line *l)
{
	if ((line_at(l, "authentication") || line_at(l, "authorization")) &&
	    (word_is(line_peek(l, 1), "match") || word_is(line_peek(l, 1), "include"))) {
		a->user_lists = true;
		*vec_add(&a->aaa_lines) = l->no;
		return;
	}
	asa_irrelevant(a, l->no);
	asa_note_uses(a, l);
}

static void ip_line(struct asa *a, struct line *l)
{
	if (line_take(l, "address")) {
		asa_ip_address_line(a, l);
	} else if (line_at(l, "local") && word_is(line_peek(l, 1), "pool")) {
		*vec_add(&a->pools) = l->no;
	} else if (line_at(l, "verify") && word_is(line_peek(l, 1), "reverse-path")) {
		*vec_add(&a->verifies) = l->no;
	} else if (line_at(l, "audit")) {
		asa_bounded(a, l->no,
			    "intrusion signatures may drop packets for what they carry");
	} else {
		asa_irrelevant(a, l->no);
	}
}

static void ipv6_line(struct asa *a, struct line *l)
{
	if (line_take(l, "access-list")) {
		asa_list_line(a, l, true);
	} else if (line_at(l, "route")) {
		a->saw_v6 = true;
		*vec_add(&a->routes) = l->no;
	} else if (line_at(l, "local") && word_is(line_peek(l, 1), "pool")) {
		*vec_add(&a->pools) = l->no;
	} else {
		if (line_at(l, "router"))
			asa_learned(a, l->no, "an IPv6 routing protocol");
		asa_irrelevant(a, l->no);
	}
}

static void crypto_line(struct asa_reader *r, struct line *l)
{
	struct asa *a = r->a;
	bool map = line_at(l, "map");

	r->mode = MODE_BLOCK;
	asa_irrelevant(a, l->no);
	if (map &&
	    (word_is(line_peek(l, 2), "interface") ||
	     (word_is(line_peek(l, 3), "match") && word_is(line_peek(l, 4), "address")) ||
	     (word_is(line_peek(l, 3), "ipsec-isakmp") &&
	      word_is(line_peek(l, 4), "dynamic")))) {
		if (word_is(line_peek(l, 4), "dynamic"))
			a->user_lists = true;
		*vec_add(&a->crypto) = l->no;
		if (word_is(line_peek(l, 4), "address"))
			asa_use(a, "access list", asa_str(a, l->w[l->n - 1]), l->no, false);
		ASA_EXACT(a, l->no);
		return;
	}
	asa_note_uses(a, l);
}

static void firewall_line(struct asa *a, struct line *l)
{
	a->transparent |= line_at(l, "transparent");
	ASA_EXACT(a, l->no);
}

static void same_security_line(struct asa *a, struct line *l)
{
	line_take(l, "permit");
	if (line_take(l, "inter-interface")) {
		a->same_inter = true;
		a->same_inter_line = l->no;
	} else if (line_take(l, "intra-interface")) {
		a->same_intra = true;
		a->same_intra_line = l->no;
	} else {
		asa_reject(a, l->no, NULL, "asa.syntax", "not understood");
		return;
	}
	ASA_EXACT(a, l->no);
}

static void sysopt_line(struct asa *a, struct line *l)
{
	if (line_at(l, "connection") && word_starts(line_peek(l, 1), "permit-")) {
		a->vpn_bypass_said = a->vpn_bypass = true;
		ASA_EXACT(a, l->no);
	} else if (line_at(l, "ipsec")) {
		asa_reject(a, l->no, NULL, "asa.sysopt",
			   "IPsec packets may pass around translation and lists");
	} else {
		asa_irrelevant(a, l->no);
	}
}

static void nat_line(struct asa *a, struct line *l)
{
	bool source = false;

	for (unsigned i = 1; i < l->n; i++)
		source |= word_is(l->w[i], "source");
	if (source)
		a->saw_new_nat = true;
	else
		a->saw_old_nat = true;
	*vec_add(&a->nat_lines) = l->no;
	asa_note_uses(a, l);
}

static const char *line_whole(struct asa *a, const struct line *l)
{
	struct line all = *l;

	all.i = 0;
	return line_rest(a->arena, a->src, &all);
}

static void time_range_line(struct asa *a, struct line *l)
{
	struct word name = line_next(l);

	*map_atn(&a->time_ranges, name.s, name.len) = a;
	asa_use(a, "time-range", asa_str(a, name), l->no, true);
	asa_bounded(a, l->no, "what the time is isn't known");
}

/* A line outside of any block. */
void asa_top_line(struct asa_reader *r, struct line *l)
{
	struct asa *a = r->a;
	enum keyword kw = asa_keyword(line_peek(l, 0));
	enum asa_flavour flavour;

	r->mode = MODE_NONE;
	if (asa_version_line(l, &flavour)) {
		take_version(a, l, flavour);
		a->n_known++;
		return;
	}
	a->n_known += kw != KW_UNKNOWN;
	line_next(l);
	switch (kw) {
	case KW_BLOCK:
		r->mode = MODE_BLOCK;
		asa_irrelevant(a, l->no);
		asa_note_uses(a, l);
		break;
	case KW_IRRELEVANT:
		asa_irrelevant(a, l->no);
		if (word_is(l->w[0], "fixup") || word_is(l->w[0], "pdm"))
			a->pix6 = true;
		if (!word_is(l->w[0], "banner"))
			asa_note_uses(a, l);
		break;
	case KW_ACCESS_GROUP:
		asa_binding_line(a, l);
		break;
	case KW_ACCESS_LIST:
		asa_list_line(a, l, false);
		break;
	case KW_AAA:
		aaa_line(a, l);
		break;
	case KW_APPLY:
	case KW_OUTBOUND:
		asa_reject(
			a, l->no, NULL, "asa.outbound",
			"outbound lists of PIX are not modelled: convert them to access lists");
		break;
	case KW_CLEAR:
		clear_line(a, l);
		break;
	case KW_CONDUIT:
		asa_conduit_line(a, l);
		break;
	case KW_CONTEXT:
		r->mode = MODE_BLOCK;
		asa_irrelevant(a, l->no);
		break;
	case KW_CRYPTO:
		crypto_line(r, l);
		break;
	case KW_DYNAMIC_FILTER:
		asa_bounded(a, l->no,
			    "a list of bad addresses from elsewhere may drop packets");
		break;
	case KW_ESTABLISHED:
		asa_reject(a, l->no, NULL, "asa.established",
			   "`established` opens ways that depend on other conversations");
		break;
	case KW_FILTER:
		*vec_add(&a->filters) = l->no;
		break;
	case KW_FIREWALL:
		firewall_line(a, l);
		break;
	case KW_FRAGMENT:
		asa_bounded(a, l->no, "fragments may be dropped for their number");
		break;
	case KW_GLOBAL:
	case KW_STATIC:
	case KW_ALIAS:
	case KW_NAT:
		nat_line(a, l);
		break;
	case KW_GROUP_POLICY:
	case KW_USERNAME:
		r->mode = MODE_TUNNEL_GROUP;
		asa_irrelevant(a, l->no);
		asa_note_uses(a, l);
		break;
	case KW_HOSTNAME:
		a->hostname = asa_str(a, line_next(l));
		asa_irrelevant(a, l->no);
		break;
	case KW_INTERFACE:
		asa_interface_line(a, l, &r->intf);
		r->mode = r->intf ? MODE_INTERFACE : MODE_REFUSED;
		break;
	case KW_IP:
		ip_line(a, l);
		break;
	case KW_IPV6:
		ipv6_line(a, l);
		break;
	case KW_MANAGEMENT_ACCESS:
		if (asa_port(a, line_peek(l, 0)))
			asa_port(a, line_peek(l, 0))->far_access = true;
		ASA_EXACT(a, l->no);
		break;
	case KW_NAME:
		name_line(a, l);
		break;
	case KW_NAMEIF:
		asa_nameif_line(a, l);
		break;
	case KW_NAMES:
		ASA_EXACT(a, l->no);
		break;
	case KW_NAT_CONTROL:
		a->nat_control = true;
		a->nat_control_line = l->no;
		asa_bounded(a, l->no, "a packet that no translation covers is dropped");
		break;
	case KW_NO:
		no_line(a, l);
		break;
	case KW_OBJECT:
		asa_object_line(a, l, &r->def);
		r->mode = r->def ? MODE_OBJECT : MODE_REFUSED;
		break;
	case KW_OBJECT_GROUP:
		asa_group_line(a, l, &r->def);
		r->mode = r->def ? MODE_OBJECT : MODE_REFUSED;
		break;
	case KW_POLICY_MAP:
		r->mode = line_at(l, "type") ? MODE_BLOCK : MODE_POLICY_MAP;
		asa_irrelevant(a, l->no);
		break;
	case KW_ROUTE:
		*vec_add(&a->routes) = l->no;
		asa_note_uses(a, l);
		break;
	case KW_ROUTE_MAP:
		asa_route_map_line(a, l);
		r->mode = MODE_ROUTE_MAP;
		break;
	case KW_ROUTER:
		r->mode = MODE_BLOCK;
		asa_learned(a, l->no, line_whole(a, l));
		asa_bounded(a, l->no, "learned routes are not in a configuration");
		break;
	case KW_SAME_SECURITY:
		same_security_line(a, l);
		break;
	case KW_SHUN:
		asa_reject(a, l->no, NULL, "asa.shun",
			   "a host that is shunned is not modelled");
		break;
	case KW_SYSOPT:
		sysopt_line(a, l);
		break;
	case KW_THREAT_DETECTION:
		if (line_at(l, "scanning-threat") && word_is(line_peek(l, 1), "shun"))
			asa_bounded(a, l->no, "hosts that scan are shut out for a while");
		else
			asa_irrelevant(a, l->no);
		break;
	case KW_TIME_RANGE:
		time_range_line(a, l);
		r->mode = MODE_TIME_RANGE;
		break;
	case KW_TUNNEL_GROUP:
		for (unsigned i = 1; i < l->n; i++)
			a->user_lists |= word_is(l->w[i], "remote-access") ||
					 word_is(l->w[i], "ipsec-ra") ||
					 word_is(l->w[i], "webvpn");
		r->mode = MODE_TUNNEL_GROUP;
		asa_irrelevant(a, l->no);
		break;
	case KW_VPDN:
		if (line_at(l, "enable")) {
			a->user_lists = true;
			*vec_add(&a->vpn_ports) = l->no;
		} else {
			asa_irrelevant(a, l->no);
		}
		break;
	case KW_WCCP:
		asa_reject(a, l->no, NULL, "asa.wccp",
			   "packets may be sent to a cache instead of their destination");
		break;
	case KW_WEBVPN:
		r->mode = MODE_WEBVPN;
		asa_irrelevant(a, l->no);
		break;
	case KW_VERSION:
	case KW_UNKNOWN:
		asa_reject(a, l->no, NULL, "asa.unknown-line", "\"%.*s\" is no command we know",
			   (int)l->w[0].len, l->w[0].s);
		break;
	}
}
