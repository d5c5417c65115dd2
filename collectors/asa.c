/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cisco ASA configurations, PIX 6.3 to ASA 9.x, and the firewall services module. The text is
 * what `show running-config` prints, or a script of the same commands. This file knows the
 * file as a whole: where a configuration begins and ends, which line belongs to which block,
 * and what became of every line.
 */
#include "collectors/asa_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

extern const struct collector collector_asa;

/* Account and diagnostics */

struct loc asa_loc(const struct asa *a, uint32_t line)
{
	return source_line_loc(a->src, line);
}

void asa_class(struct asa *a, uint32_t line, enum account_class class, bool policy,
	       const char *why)
{
	struct line_state *s = &a->state[line - 1];

	/* A line that was refused once stays so. */
	if (s->counted && s->class == ACCOUNT_REJECTED)
		return;
	s->class = (uint8_t) class;
	s->policy = policy;
	s->why = why;
	s->counted = true;
}

void asa_class_by(struct asa *a, uint32_t line, const struct match *m)
{
	const struct match *u = m->inexact ? match_first_unknown(m) : NULL;

	if (u)
		asa_class(a, line, ACCOUNT_BOUNDED, true, u->unknown.reason);
	else
		ASA_EXACT(a, line);
}

static void refuse(struct asa *a, uint32_t line, const char *code, const char *text)
{
	diag_warning(a->d, code, asa_loc(a, line), "%s", text);
	asa_class(a, line, ACCOUNT_REJECTED, true, text);
}

void asa_refuse(struct asa *a, uint32_t line, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	refuse(a, line, code, arena_vprintf(a->arena, fmt, ap));
	va_end(ap);
}

void asa_reject(struct asa *a, uint32_t line, const char *port, const char *code,
		const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(a->arena, fmt, ap);
	va_end(ap);
	refuse(a, line, code, text);
	*vec_add(&a->taints) = (struct asa_taint){ line, port, text };
}

char *asa_str(struct asa *a, struct word w)
{
	return arena_strn(a->arena, w.s, w.len);
}

void asa_use(struct asa *a, const char *kind, const char *name, uint32_t line, bool defines)
{
	snapshot_name(a->snap, a->name, kind, name, asa_loc(a, line), defines);
}

static void irrelevant(struct asa *a, uint32_t line)
{
	asa_class(a, line, ACCOUNT_IRRELEVANT, false, NULL);
}

static void bounded(struct asa *a, uint32_t line, const char *why)
{
	asa_class(a, line, ACCOUNT_BOUNDED, true, why);
}

/* Lines */

enum mode {
	MODE_NONE,
	MODE_BLOCK, /* of lines that have no say */
	MODE_INTERFACE,
	MODE_OBJECT, /* and groups */
	MODE_TIME_RANGE,
	MODE_POLICY_MAP,
	MODE_WEBVPN,
	MODE_TUNNEL_GROUP,
	MODE_REFUSED, /* of lines that belong to one that was refused */
};

struct reader {
	struct asa *a;
	enum mode mode;
	struct def *def;
	struct intf *intf;
};

/* `ASA Version 9.8(2) <context>` */
static bool version_line(const struct line *l, enum asa_flavour *ret)
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
	irrelevant(a, l->no);
}

/* Whether a word is the name of a list, object or group used on a line that has no say. */
static void note_uses(struct asa *a, const struct line *l)
{
	for (unsigned i = 1; i < l->n; i++) {
		struct word w = l->w[i];

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
			irrelevant(a, l->no);
		return;
	}
	if (line_at(l, "all") || line_at(l, "primary") || line_at(l, "secondary") ||
	    line_at(l, "interface") || line_at(l, "ip") ||
	    line_at(l, "same-security-traffic") || line_at(l, "ipv6")) {
		asa_reject(a, l->no, NULL, "asa.command",
			   "takes earlier lines back: give the running configuration instead");
		return;
	}
	irrelevant(a, l->no);
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
		irrelevant(a, l->no);
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
		irrelevant(a, l->no);
		return;
	case KW_SAME_SECURITY:
		if (word_is(line_peek(l, 2), "inter-interface"))
			a->same_inter = false;
		else if (word_is(line_peek(l, 2), "intra-interface"))
			a->same_intra = false;
		ASA_EXACT(a, l->no);
		return;
	default:
		irrelevant(a, l->no);
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
	irrelevant(a, l->no);
	note_uses(a, l);
}

static void ip_line(struct asa *a, struct line *l)
{
	if (line_take(l, "address")) {
		asa_ip_address_line(a, l);
	} else if (line_at(l, "local") && word_is(line_peek(l, 1), "pool")) {
		*vec_add(&a->pools) = l->no;
	} else if (line_at(l, "audit")) {
		bounded(a, l->no, "intrusion signatures may drop packets for what they carry");
	} else {
		irrelevant(a, l->no);
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
		irrelevant(a, l->no);
	}
}

static void crypto_line(struct reader *r, struct line *l)
{
	struct asa *a = r->a;
	bool map = line_at(l, "map");

	r->mode = MODE_BLOCK;
	irrelevant(a, l->no);
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
	note_uses(a, l);
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
		irrelevant(a, l->no);
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
	note_uses(a, l);
}

/* A line outside of any block. */
static void top_line(struct reader *r, struct line *l)
{
	struct asa *a = r->a;
	enum keyword kw = asa_keyword(line_peek(l, 0));
	enum asa_flavour flavour;

	r->mode = MODE_NONE;
	if (version_line(l, &flavour)) {
		take_version(a, l, flavour);
		a->n_known++;
		return;
	}
	a->n_known += kw != KW_UNKNOWN;
	line_next(l);
	switch (kw) {
	case KW_BLOCK:
		r->mode = MODE_BLOCK;
		irrelevant(a, l->no);
		note_uses(a, l);
		break;
	case KW_IRRELEVANT:
		irrelevant(a, l->no);
		if (word_is(l->w[0], "fixup") || word_is(l->w[0], "pdm"))
			a->pix6 = true;
		if (!word_is(l->w[0], "banner"))
			note_uses(a, l);
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
		irrelevant(a, l->no);
		break;
	case KW_CRYPTO:
		crypto_line(r, l);
		break;
	case KW_DYNAMIC_FILTER:
		bounded(a, l->no, "a list of bad addresses from elsewhere may drop packets");
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
		bounded(a, l->no, "fragments may be dropped for their number");
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
		irrelevant(a, l->no);
		note_uses(a, l);
		break;
	case KW_HOSTNAME:
		a->hostname = asa_str(a, line_next(l));
		irrelevant(a, l->no);
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
		bounded(a, l->no, "a packet that no translation covers is dropped");
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
		irrelevant(a, l->no);
		break;
	case KW_ROUTE:
		*vec_add(&a->routes) = l->no;
		break;
	case KW_ROUTER:
		r->mode = MODE_BLOCK;
		bounded(a, l->no, "learned routes are not in a configuration");
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
			bounded(a, l->no, "hosts that scan are shut out for a while");
		else
			irrelevant(a, l->no);
		break;
	case KW_TIME_RANGE:
		*map_atn(&a->time_ranges, l->w[l->n - 1].s, l->w[l->n - 1].len) = a;
		asa_use(a, "time-range", asa_str(a, l->w[l->n - 1]), l->no, true);
		bounded(a, l->no, "what the time is isn't known");
		r->mode = MODE_TIME_RANGE;
		break;
	case KW_TUNNEL_GROUP:
		for (unsigned i = 1; i < l->n; i++)
			a->user_lists |= word_is(l->w[i], "remote-access") ||
					 word_is(l->w[i], "ipsec-ra") ||
					 word_is(l->w[i], "webvpn");
		r->mode = MODE_TUNNEL_GROUP;
		irrelevant(a, l->no);
		break;
	case KW_VPDN:
		if (line_at(l, "enable")) {
			a->user_lists = true;
			*vec_add(&a->vpn_ports) = l->no;
		} else {
			irrelevant(a, l->no);
		}
		break;
	case KW_WCCP:
		asa_reject(a, l->no, NULL, "asa.wccp",
			   "packets may be sent to a cache instead of their destination");
		break;
	case KW_WEBVPN:
		r->mode = MODE_WEBVPN;
		irrelevant(a, l->no);
		break;
	case KW_VERSION:
	case KW_UNKNOWN:
		asa_reject(a, l->no, NULL, "asa.unknown-line", "\"%.*s\" is no command we know",
			   (int)l->w[0].len, l->w[0].s);
		break;
	}
}

static void object_sub(struct reader *r, struct line *l)
{
	struct asa *a = r->a;

	if (line_at(l, "description")) {
		irrelevant(a, l->no);
	} else if (line_at(l, "nat") && r->def->kind == DEF_NET_OBJECT) {
		a->saw_new_nat = true;
		*vec_add(&a->object_nats) = (__typeof__(*a->object_nats.v)){ l->no, r->def };
	} else if (line_at(l, "no")) {
		asa_refuse(a, l->no, "asa.command",
			   "takes a member back: give the running configuration instead");
		*vec_add(&r->def->members) = l->no;
	} else {
		*vec_add(&r->def->members) = l->no;
	}
}

static void policy_map_sub(struct asa *a, struct line *l)
{
	struct word w = line_peek(l, 0);

	if (word_is(w, "sfr") || word_is(w, "cxsc") || word_is(w, "ips") || word_is(w, "csc")) {
		bool monitor = false;

		for (unsigned i = 1; i < l->n; i++)
			monitor |= word_is(l->w[i], "monitor-only") ||
				   word_is(l->w[i], "promiscuous");
		if (monitor) {
			irrelevant(a, l->no);
			return;
		}
		bounded(a, l->no, "a module with rules of its own sees the packets");
		*vec_add(&a->modules) = l->no;
	} else if (word_is(w, "set") && word_is(line_peek(l, 1), "connection") &&
		   word_is(line_peek(l, 2), "advanced-options")) {
		if (word_is(line_peek(l, 3), "tcp-state-bypass"))
			asa_reject(a, l->no, NULL, "asa.state-bypass",
				   "some conversations pass without state");
		else
			irrelevant(a, l->no);
	} else if (word_is(w, "set") && word_is(line_peek(l, 1), "connection")) {
		bounded(a, l->no, "connections may be refused for their number");
	} else {
		irrelevant(a, l->no);
	}
}

static void sub_line(struct reader *r, struct line *l)
{
	struct asa *a = r->a;

	switch (r->mode) {
	case MODE_INTERFACE:
		asa_interface_sub(a, l, r->intf);
		break;
	case MODE_OBJECT:
		object_sub(r, l);
		break;
	case MODE_TIME_RANGE:
		bounded(a, l->no, "what the time is isn't known");
		break;
	case MODE_POLICY_MAP:
		policy_map_sub(a, l);
		break;
	case MODE_WEBVPN:
		if (line_at(l, "enable") && l->n > 1 && !a->state[l->no - 1].counted) {
			a->user_lists = true;
			*vec_add(&a->vpn_ports) = l->no;
			break;
		}
		irrelevant(a, l->no);
		break;
	case MODE_TUNNEL_GROUP:
		if (line_at(l, "vpn-framed-ip-address") || line_at(l, "dhcp-server"))
			a->framed_addresses = true;
		irrelevant(a, l->no);
		note_uses(a, l);
		break;
	case MODE_REFUSED:
		asa_class(a, l->no, ACCOUNT_REJECTED, true,
			  "belongs to a line that was not understood");
		break;
	default:
		irrelevant(a, l->no);
		note_uses(a, l);
		break;
	}
}

/* Commands that a firewall obeys wherever they stand; inside a block they end it. */
static bool always_top(const struct line *l)
{
	static const char *const words[] = { "access-list", "access-group", "object-group",
					     "conduit", "same-security-traffic" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (word_is(l->w[0], words[i]))
			return true;
	return word_is(l->w[0], "object") && l->n > 2 &&
	       (word_is(l->w[1], "network") || word_is(l->w[1], "service"));
}

/* Whether a line without indentation still belongs to the block that is open. */
static bool belongs(const struct reader *r, const struct line *l)
{
	static const char *const members[] = {
		"network-object",  "port-object", "service-object",
		"protocol-object", "icmp-object", "group-object",
		"description",	   "host",	  "subnet",
		"range",	   "fqdn"
	};

	if (r->mode == MODE_INTERFACE)
		return asa_interface_word(l);
	if (r->mode == MODE_TIME_RANGE)
		return word_is(l->w[0], "periodic") || word_is(l->w[0], "absolute");
	if (r->mode == MODE_REFUSED)
		return asa_keyword(l->w[0]) == KW_UNKNOWN;
	if (r->mode != MODE_OBJECT)
		return false;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (word_is(l->w[0], members[i]))
			return true;
	if (word_is(l->w[0], "service"))
		return r->def->kind == DEF_SERVICE_OBJECT && l->n > 1 &&
		       asa_protocol(l->w[1]) >= 0;
	if (word_is(l->w[0], "nat") && r->def->kind == DEF_NET_OBJECT) {
		for (unsigned i = 1; i < l->n; i++)
			if (word_is(l->w[i], "source"))
				return false;
		return true;
	}
	return false;
}

/* "hostname# show running-config", "<--- More --->": left over from a terminal. */
static bool terminal_line(const struct line *l)
{
	struct word w = l->w[0];

	if (word_is(w, "<---") && l->n > 1 && word_is(l->w[1], "More"))
		return true;
	if (w.len > 1 && (w.s[w.len - 1] == '#' || w.s[w.len - 1] == '>'))
		return l->n == 1 || word_starts(l->w[1], "sh") || word_starts(l->w[1], "ter") ||
		       word_starts(l->w[1], "exit") || word_starts(l->w[1], "more") ||
		       word_starts(l->w[1], "en") || word_starts(l->w[1], "wr") ||
		       word_starts(l->w[1], "changeto");
	return false;
}

static void take_line(struct reader *r, uint32_t no)
{
	struct asa *a = r->a;
	struct line l;

	line_split(a->src, no, &l);
	if (!l.n || l.w[0].s[0] == '!' || l.w[0].s[0] == ':') {
		irrelevant(a, no);
		if (l.n > 1 && l.w[0].len == 1 && l.w[0].s[0] == ':') {
			if (word_is(l.w[1], "Saved") && !a->saved_mark) {
				a->saved_mark = true;
				a->saved_line = no;
			} else if (word_is(l.w[1], "end")) {
				a->end_mark = true;
			}
		}
		return;
	}
	if (terminal_line(&l)) {
		irrelevant(a, no);
		return;
	}
	if (word_is(l.w[0], "exit") && r->mode != MODE_NONE) {
		irrelevant(a, no);
		if (!l.indent)
			r->mode = MODE_NONE;
		return;
	}
	if (r->mode != MODE_NONE && !always_top(&l) && (l.indent || belongs(r, &l)))
		sub_line(r, &l);
	else
		top_line(r, &l);
}

/* Configurations */

static void settle_version(struct asa *a)
{
	bool v9 = a->version_known && a->flavour == ASA_ASA && a->major >= 9;
	bool old = (a->version_known && a->major < 9) || a->flavour == ASA_FWSM ||
		   a->flavour == ASA_PIX || a->pix6 || a->saw_v6_list || a->saw_old_nat;

	if (a->flavour == ASA_PIX && a->version_known && a->major < 7)
		a->pix6 = true;
	if (a->pix6)
		a->nat_control = true;
	if (a->flavour == ASA_ASA && a->version_known &&
	    (a->major > 8 || (a->major == 8 && a->minor >= 3)))
		a->nat_control = false;
	if (v9 || (!old && a->saw_any46))
		a->any = ASA_ANY_BOTH;
	else if (old)
		a->any = ASA_ANY_V4;
	/* Without an IPv6 address on any port no IPv6 is routed, whatever lists say. */
	else if (a->intf_names.n && !a->saw_v6 && !a->transparent)
		a->any = ASA_ANY_V4;
	else
		a->any = ASA_ANY_UNSURE;
}

static void build(struct asa *a)
{
	settle_version(a);
	a->b = device_build_start(a->snap, a->name, "asa", a->c->plane,
				  source_line_loc(a->src, a->first));
	a->b->dev.hostname = a->hostname;
	asa_ports_build(a);
	asa_resolve_all(a);
	asa_lists_build(a);
	asa_routes_build(a);
	asa_nat_build(a);
	asa_extras_build(a);
	asa_bind_build(a);
	if (a->any == ASA_ANY_BOTH && a->saw_v6_list)
		asa_reject(a, a->first, NULL, "asa.version",
			   "lists for IPv6 alone in a version that has none");
	for (size_t i = 0; i < a->taints.n && i < ASA_TAINTS; i++)
		device_build_taint(a->b, a->taints.v[i].port, asa_loc(a, a->taints.v[i].line),
				   "%s", a->taints.v[i].why);
	device_build_finish(a->b);
}

static void finish(struct asa *a)
{
	vec_each (d, &a->defs)
		vec_free(&(*d)->members);
	vec_each (l, &a->all_lists)
		vec_free(&(*l)->aces);
	vec_each (i, &a->intfs) {
		vec_free(&(*i)->prefixes);
		vec_free(&(*i)->addrs);
	}
	map_finish(&a->names);
	map_finish(&a->objects);
	map_finish(&a->groups);
	map_finish(&a->lists);
	map_finish(&a->lists6);
	map_finish(&a->time_ranges);
	map_finish(&a->intf_names);
	map_finish(&a->intf_hw);
	vec_free(&a->defs);
	vec_free(&a->all_lists);
	vec_free(&a->intfs);
	vec_free(&a->bindings);
	vec_free(&a->conduits);
	vec_free(&a->nat_lines);
	vec_free(&a->routes);
	vec_free(&a->aaa_lines);
	vec_free(&a->filters);
	vec_free(&a->crypto);
	vec_free(&a->pools);
	vec_free(&a->vpn_ports);
	vec_free(&a->modules);
	vec_free(&a->object_nats);
	vec_free(&a->extras);
	vec_free(&a->taints);
}

/* Where configurations begin: at a `: Saved` or version line behind another one's. */
struct section {
	uint32_t first, last;
};

typedef VEC(struct section) section_vec;

static void split_sections(const struct source *src, section_vec *ret)
{
	bool version = false, content = false;
	struct section s = { 1, src->n_lines };
	uint32_t saved = 0; /* of a head that goes on until the version line */

	for (uint32_t no = 1; no <= src->n_lines; no++) {
		struct line l;
		enum asa_flavour f;

		line_split(src, no, &l);
		if (!l.n || l.w[0].s[0] == '!')
			continue;
		if (l.n == 2 && word_is(l.w[0], ":") && word_is(l.w[1], "Saved")) {
			saved = no;
		} else if (l.w[0].s[0] == ':') {
			continue;
		} else if (!l.indent && version_line(&l, &f)) {
			if (version && content) {
				s.last = (saved ? saved : no) - 1;
				*vec_add(ret) = s;
				s = (struct section){ s.last + 1, src->n_lines };
				content = false;
			}
			version = true;
			saved = 0;
		} else {
			content = true;
			saved = 0;
		}
	}
	*vec_add(ret) = s;
}

/* Output of a show command that is no configuration, or NULL. */
static const char *show_output(const struct source *src)
{
	for (uint32_t no = 1; no <= src->n_lines && no <= 40; no++) {
		struct line l;

		line_split(src, no, &l);
		if (l.n < 2)
			continue;
		if (word_is(l.w[0], "access-list")) {
			if (word_is(l.w[1], "cached"))
				return "show access-list";
			if (l.n >= 4 && l.w[1].len && l.w[1].s[l.w[1].len - 1] == ';' &&
			    word_starts(l.w[3], "elements"))
				return "show access-list";
			for (unsigned i = 2; i < l.n; i++)
				if (word_starts(l.w[i], "(hitcnt="))
					return "show access-list";
		}
		if ((word_is(l.w[0], "Manual") || word_is(l.w[0], "Auto")) &&
		    word_is(l.w[1], "NAT"))
			return "show nat";
		if (word_is(l.w[0], "Interface") && word_starts(l.w[1], "IP-Address"))
			return "show interface ip brief";
		if (word_is(l.w[0], "Codes:"))
			return "show route";
	}
	return NULL;
}

static int not_configuration(struct collect *c, const struct source *src, const char *show)
{
	struct account *acc = snapshot_account(c->snap, src, "asa", "line");

	acc->failed = true;
	for (uint32_t no = 1; no <= src->n_lines; no++)
		account_add(c->snap, acc, ACCOUNT_REJECTED, false, source_line_loc(src, no),
			    "no line of a configuration");
	if (show)
		return diag_error(c->diags, EINVAL, "asa.not-configuration",
				  source_line_loc(src, 1),
				  "this is the output of `%s`, not a configuration: export "
				  "`show running-config` (or `more system:running-config`)",
				  show);
	return diag_error(c->diags, EINVAL, "asa.not-configuration", source_line_loc(src, 1),
			  "this does not look like an ASA, PIX or FWSM configuration: export "
			  "`show running-config`");
}

/* The device's name: the estate's, and the host's behind it where there are several. */
static const char *section_name(struct collect *c, struct asa *a, size_t n, size_t index)
{
	const char *name = c->device, *host = a->hostname;

	if (n > 1) {
		if (a->system_space)
			host = "system";
		name = host ? arena_printf(a->arena, "%s:%s", c->device, host)
			    : arena_printf(a->arena, "%s:%zu", c->device, index + 1);
	}
	if (snapshot_device(c->snap, name) && n == 1 && host)
		name = arena_printf(a->arena, "%s:%s", c->device, host);
	for (unsigned k = 2; snapshot_device(c->snap, name) && k < 10000; k++)
		name = arena_printf(a->arena, "%s:%s#%u", c->device, host ? host : "", k);
	return name;
}

static const char *find_hostname(struct asa *a)
{
	for (uint32_t no = a->first; no <= a->last; no++) {
		struct line l;

		line_split(a->src, no, &l);
		if (!l.indent && l.n > 1 && word_is(l.w[0], "hostname"))
			return asa_str(a, l.w[1]);
	}
	return NULL;
}

static int read_section(struct asa *a, size_t n, size_t index)
{
	struct reader r = { .a = a };
	int err = 0;

	for (uint32_t no = a->first; no <= a->last; no++) {
		enum asa_flavour f;
		struct line l;

		line_split(a->src, no, &l);
		if (!l.indent && version_line(&l, &f) && word_is(line_peek(&l, 3), "<system>"))
			a->system_space = true;
	}
	a->hostname = find_hostname(a);
	a->name = section_name(a->c, a, n, index);
	for (uint32_t no = a->first; no <= a->last; no++)
		take_line(&r, no);
	if (a->saved_mark && !a->end_mark) {
		err = diag_error(
			a->d, EBADMSG, "asa.truncated", asa_loc(a, a->last),
			"the configuration begins with \": Saved\" but does not end with "
			"\": end\": it was cut off; export it again, whole");
		*vec_add(&a->taints) =
			(struct asa_taint){ a->last, NULL, "the configuration was cut off" };
	}
	build(a);
	finish(a);
	return err;
}

/* Counts every line once, in order. */
static void write_account(struct collect *c, const struct source *src,
			  const struct line_state *state, struct account *acc)
{
	for (uint32_t no = 1; no <= src->n_lines; no++) {
		const struct line_state *s = &state[no - 1];
		enum account_class class =
			s->counted ? (enum account_class)s->class : ACCOUNT_REJECTED;

		account_add(c->snap, acc, class, s->policy, source_line_loc(src, no),
			    s->why ? s->why : "not understood");
	}
}

/* Whether anything in the file is a line of a firewall's configuration. */
static bool looks_like(const struct source *src)
{
	size_t known = 0, unknown = 0;
	bool block = false;

	for (uint32_t no = 1; no <= src->n_lines; no++) {
		struct line l;
		enum asa_flavour f;

		line_split(src, no, &l);
		if (!l.n || l.w[0].s[0] == '!' || l.w[0].s[0] == ':')
			continue;
		if (version_line(&l, &f) || asa_keyword(l.w[0]) != KW_UNKNOWN) {
			known++;
			block = true;
		} else if (!(block && l.indent)) {
			unknown++;
		}
	}
	return known >= unknown && (known || !unknown);
}

static int asa_read(struct collect *c, const struct source *src)
{
	const char *show = show_output(src);
	struct line_state *state;
	struct account *acc;
	section_vec sections = { 0 };
	int err = 0;

	if (show || !looks_like(src))
		return not_configuration(c, src, show);
	acc = snapshot_account(c->snap, src, "asa", "line");
	state = xcalloc((size_t)src->n_lines + 1, sizeof(*state));
	split_sections(src, &sections);
	for (size_t i = 0; i < sections.n; i++) {
		struct asa a = { .c = c,
				 .snap = c->snap,
				 .d = c->diags,
				 .arena = c->snap->arena,
				 .m = &c->snap->matches,
				 .src = src,
				 .acc = acc,
				 .state = state,
				 .first = sections.v[i].first,
				 .last = sections.v[i].last };
		int one = read_section(&a, sections.n, i);

		err = err ? err : one;
	}
	write_account(c, src, state, acc);
	acc->failed = err != 0;
	vec_free(&sections);
	free(state);
	return err;
}

/* Probing */

struct probe {
	int score;
	bool version;
};

static void probe_line(struct probe *p, const struct line *l)
{
	enum asa_flavour f;

	if (!l->indent && version_line(l, &f)) {
		p->version = true;
		return;
	}
	if (l->n < 2)
		return;
	if (word_is(l->w[0], "access-list") && l->n > 3 &&
	    (word_is(l->w[2], "extended") || word_is(l->w[2], "standard") ||
	     word_is(l->w[2], "ethertype") || word_is(l->w[2], "webtype") ||
	     word_is(l->w[2], "line")))
		p->score += 30;
	else if (word_is(l->w[0], "access-group") && l->n >= 3 &&
		 (word_is(l->w[2], "global") || (l->n > 4 && word_is(l->w[3], "interface"))))
		p->score += 30;
	else if (word_is(l->w[0], "security-level") || word_is(l->w[0], "nameif"))
		p->score += 20;
	else if (word_is(l->w[0], "same-security-traffic") || word_is(l->w[0], "fixup") ||
		 word_is(l->w[0], "conduit") || word_is(l->w[0], "threat-detection") ||
		 word_is(l->w[0], "nat-control"))
		p->score += 20;
	else if (word_is(l->w[0], "object") &&
		 (word_is(l->w[1], "network") || word_is(l->w[1], "service")))
		p->score += 10;
	else if ((word_is(l->w[0], "nat") || word_is(l->w[0], "global") ||
		  word_is(l->w[0], "static")) &&
		 l->w[1].s[0] == '(')
		p->score += 20;
	else if (word_is(l->w[0], "clear") && word_starts(l->w[1], "config"))
		p->score += 10;
	else if ((word_is(l->w[0], "ssh") || word_is(l->w[0], "telnet") ||
		  word_is(l->w[0], "http")) &&
		 l->n == 4 && l->w[1].s[0] >= '0' && l->w[1].s[0] <= '9')
		p->score += 15;
	else if (word_is(l->w[0], ":") && word_is(l->w[1], "Saved"))
		p->score += 20;
	else if (word_is(l->w[0], "access-list") && l->n > 6 && word_is(l->w[2], "permit") &&
		 !(l->w[1].s[0] >= '0' && l->w[1].s[0] <= '9'))
		p->score += 15; /* PIX: a name where IOS has a number */
}

static int asa_probe(const char *head, size_t len, const char *filename)
{
	struct probe p = { 0 };
	size_t lines = 0;

	for (size_t at = 0; at < len && lines < 4000; lines++) {
		const char *end = memchr(head + at, '\n', len - at);
		const char *cr = memchr(head + at, '\r',
					end ? (size_t)(end - head - (ptrdiff_t)at) : len - at);
		size_t n = end ? (size_t)(end - head) - at : len - at;
		struct line l;

		if (cr && (size_t)(cr - head) - at < n)
			n = (size_t)(cr - head) - at;
		line_of(head + at, n, &l);
		if (l.n)
			probe_line(&p, &l);
		at += n + 1;
	}
	if (p.version)
		return 98;
	return p.score > 90 ? 90 : p.score;
}

const struct collector collector_asa = {
	.name = "asa",
	.summary = "Cisco ASA, PIX and FWSM configurations (show running-config)",
	.plane = PLANE_PHYSICAL,
	.probe = asa_probe,
	.read = asa_read,
};
