/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One access list entry.
 *
 * Fragments (Cisco, "Access Control Lists and IP Fragments"): an entry that speaks of layer 3
 * alone matches every fragment. A permit that speaks of layer 4 too permits the later
 * fragments that its layer 3 part matches; a deny that does leaves them to the entries below.
 * `fragments` matches later fragments alone. NX-OS and EOS do the same.
 *
 * What depends on what a packet of ours doesn't hold (DSCP, TTL, options, time) may only
 * narrow an entry: it becomes an unknown that is and'ed to the rest.
 */
#include "collectors/ios_internal.h"

#include <errno.h>
#include <strings.h>

struct entry {
	struct ios *x;
	const struct acl *acl;
	const struct toks *w;
	unsigned i;
	const char *why; /* set on the first error */
	bool permit;
	int proto; /* -1: any */
	const struct match *l3, *l4;
	const struct match *service_permit, *service_deny, *service_protos;
	bool has_l4, fragments, logged;
	const char *bound;
	unsigned set, clear; /* TCP flags of match-all, or of plain words */
	const struct match *any_flags, *all_flags;
	unsigned n_flags;
	unsigned nx_flags, nx_ignore;
	bool established, nx_mask;
};

static int fail(struct entry *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct entry *e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (!e->why)
		e->why = arena_vprintf(e->x->arena, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* And's an unknown to the layer 3 part: it may only narrow. */
static void narrow(struct entry *e, bool l4, const char *what)
{
	struct matches *m = e->x->m;
	const struct match *u = match_unknown(m, LOC_NONE, "%s", what);
	if (l4) {
		/* asked of whole packets and first fragments only */
		u = match_and(m, match_value(m, FIELD_FRAGMENT, 0), u);
		e->l4 = match_and(m, e->l4, u);
		e->has_l4 = true;
	} else {
		e->l3 = match_and(m, e->l3, u);
	}
	if (!e->bound)
		e->bound = arena_str(e->x->arena, what);
}

static bool at(const struct entry *e, const char *s)
{
	return tok_is(e->w, e->i, s);
}

static bool parse_addr_word(const struct toks *w, unsigned i, enum family want,
			    struct addr *ret)
{
	enum family f;
	return i < w->n && addr_parse(w->v[i].s, w->v[i].len, &f, ret) && f == want;
}

static const struct match *group_addresses(struct entry *e, const char *word, enum field field)
{
	struct ios *x = e->x;
	if (++e->i >= e->w->n)
		return fail(e, "%s needs a name", word), NULL;
	const char *name = tok_str(x, e->w, e->i);
	struct loc at_name = tok_loc(x, e->w, e->i);
	e->i++;
	enum group_kind kind = e->acl->family == FAMILY_V6 ? GROUP_NETWORK6 : GROUP_NETWORK;
	struct group *g = ios_group(x, kind, name, false);
	ios_use(x, "object-group", name, at_name);
	if (!g || !g->lines.n) {
		const char *why = arena_printf(x->arena, "object group %s is %s", name,
					       g ? "empty" : "not defined");
		diag_warning(x->d, g ? "ios.group-empty" : "ios.group-missing", at_name, "%s",
			     why);
		if (!e->bound)
			e->bound = why;
		return match_and(x->m, match_family(x->m, e->acl->family),
				 match_unknown(x->m, at_name, "%s", why));
	}
	ios_group_resolve(x, g, 0);
	const struct match *m = g->m[field == FIELD_DST];
	if (m->inexact && !e->bound)
		e->bound = arena_printf(x->arena, "object group %s is not known in full", name);
	return m;
}

/* A mask that looks like a netmask: ones in front, as only non-IOS lists have them. */
static bool looks_like_netmask(struct addr wild)
{
	uint32_t w = (uint32_t)wild.lo;
	return w && w != 0xffffffffu && w >> 31 && addr_mask_len(FAMILY_V4, wild) > 0;
}

static const struct match *address(struct entry *e, enum field field)
{
	struct ios *x = e->x;
	struct matches *m = x->m;
	enum family f = e->acl->family, got;
	struct addr a, wild;
	unsigned len;
	bool host_bits;
	const struct toks *w = e->w;
	if (e->i >= w->n)
		return fail(e, "an address is missing"), NULL;
	if (at(e, "any") || (f == FAMILY_V4 && at(e, "any4")) ||
	    (f == FAMILY_V6 && at(e, "any6"))) {
		e->i++;
		return match_family(m, f);
	}
	if (at(e, "host")) {
		e->i++;
		if (!parse_addr_word(w, e->i, f, &a))
			return fail(e, "host needs an address"), NULL;
		e->i++;
		return match_prefix(m, field, f, a, addr_bits(f));
	}
	if (at(e, "object-group") || at(e, "addrgroup"))
		return group_addresses(e, e->w->v[e->i].len == 9 ? "addrgroup" : "object-group",
				       field);
	const struct tok *v = &w->v[e->i];
	if (memchr(v->s, '/', v->len)) {
		if (!prefix_parse(v->s, v->len, &got, &a, &len, &host_bits) || got != f)
			return fail(e, "%.*s is not a prefix", (int)v->len, v->s), NULL;
		e->i++;
		return match_prefix(m, field, f, a, len);
	}
	if (!parse_addr_word(w, e->i, f, &a))
		return fail(e, "%.*s is not an address", (int)v->len, v->s), NULL;
	struct loc at_addr = tok_loc(x, w, e->i);
	e->i++;
	if (f == FAMILY_V6)
		return fail(e, "an IPv6 network needs a prefix length"), NULL;
	if (!parse_addr_word(w, e->i, f, &wild)) {
		if (e->acl->standard)
			return match_prefix(m, field, f, a, 32);
		return fail(e, "a wildcard mask is missing"), NULL;
	}
	at_addr.end_col = w->v[e->i].col + w->v[e->i].len;
	e->i++;
	if (!a.lo && !wild.lo)
		diag_warning(x->d, "ios.wildcard-zero", at_addr,
			     "0.0.0.0 with the wildcard 0.0.0.0 is the one host 0.0.0.0; every "
			     "address would be `any`");
	else if (looks_like_netmask(wild))
		diag_warning(
			x->d, "ios.wildcard-netmask", at_addr,
			"a wildcard mask with its ones in front looks like a netmask; it is "
			"read as the device reads it");
	return match_wild(m, field, f, a, addr_not(f, wild));
}

static bool flag_word(const char *s, size_t len, unsigned *ret)
{
	static const struct ios_name flags[] = {
		{ "fin", TCP_FIN }, { "syn", TCP_SYN }, { "rst", TCP_RST },
		{ "psh", TCP_PSH }, { "ack", TCP_ACK }, { "urg", TCP_URG },
		{ "ece", TCP_ECE }, { "cwr", TCP_CWR }, { NULL, 0 },
	};
	for (const struct ios_name *f = flags; f->name; f++)
		if (len == 3 && !strncasecmp(f->name, s, 3)) {
			*ret = (unsigned)f->value;
			return true;
		}
	return false;
}

/* match-any +ack -syn, match-all +ack -fin: the words behind. */
static int signed_flags(struct entry *e, bool all)
{
	struct matches *m = e->x->m;
	const struct match *sum = NULL;
	unsigned flag;
	for (e->i++; e->i < e->w->n; e->i++) {
		const struct tok *v = &e->w->v[e->i];
		if (v->len != 4 || (*v->s != '+' && *v->s != '-') ||
		    !flag_word(v->s + 1, 3, &flag))
			break;
		const struct match *one = match_flags(m, *v->s == '+' ? flag : 0, flag);
		sum = !sum ? one : all ? match_and(m, sum, one) : match_or(m, sum, one);
	}
	if (!sum)
		return fail(e, "match-%s needs flags such as +ack", all ? "all" : "any");
	e->l4 = match_and(m, e->l4, sum);
	e->has_l4 = true;
	return 0;
}

/* `ttl eq 30`, `packet-length range 1 2`, `ttl 5`: an operator and numbers, or one value. */
static bool operator_value(struct entry *e)
{
	static const char *const ops[] = { "eq", "neq", "gt", "lt", "range" };
	uint64_t n;
	unsigned values = 1;
	for (unsigned k = 0; k < 5; k++)
		if (at(e, ops[k])) {
			e->i++;
			values = k == 4 ? 2 : 1;
			break;
		}
	for (unsigned k = 0; k < values; k++, e->i++)
		if (!tok_number(e->w, e->i, 0, 65535, &n))
			return fail(e, "a number is missing"), false;
	while (tok_number(e->w, e->i, 0, 65535, &n)) /* EOS: several values */
		e->i++;
	return true;
}

/* Conditions on what our packet doesn't have: word, and what stands behind it. */
enum after { NOTHING, A_WORD, OPERATOR, A_NUMBER };

static const struct unknown_option {
	const char *name;
	enum after after;
	bool l4;
	const char *what;
} unknown_options[] = {
	{ "dscp", A_WORD, false, "DSCP" },
	{ "precedence", A_WORD, false, "IP precedence" },
	{ "tos", A_WORD, false, "type of service" },
	{ "option", A_WORD, false, "IP options" },
	{ "ttl", OPERATOR, false, "TTL" },
	{ "hop-limit", OPERATOR, false, "hop limit" },
	{ "time-range", A_WORD, false, "time range" },
	{ "packet-length", OPERATOR, false, "packet length" },
	{ "flow-label", OPERATOR, false, "flow label" },
	{ "routing", NOTHING, false, "IPv6 routing header" },
	{ "routing-type", A_NUMBER, false, "IPv6 routing header" },
	{ "hbh", NOTHING, false, "IPv6 hop-by-hop header" },
	{ "dest-option", NOTHING, false, "IPv6 destination options" },
	{ "dest-option-type", A_WORD, false, "IPv6 destination options" },
	{ "mobility", NOTHING, false, "IPv6 mobility header" },
	{ "mobility-type", A_WORD, false, "IPv6 mobility header" },
	{ "auth", NOTHING, false, "IPv6 authentication header" },
	{ "undetermined-transport", NOTHING, false, "undetermined transport" },
	{ "http-method", A_WORD, true, "HTTP method" },
	{ "tcp-option-length", A_WORD, true, "TCP option length" },
	{ "tracked", NOTHING, false, "tracked connections" },
	{ "vni", A_WORD, true, "VXLAN network" },
	{ "udf", A_WORD, false, "user-defined fields" },
	{ "vlan", A_WORD, false, "VLAN tag" },
	{ "cos", A_WORD, false, "class of service" },
};

static int unknown_option(struct entry *e, bool *ret_done)
{
	for (size_t k = 0; k < sizeof(unknown_options) / sizeof(*unknown_options); k++) {
		const struct unknown_option *o = &unknown_options[k];
		if (!at(e, o->name))
			continue;
		const char *what = o->what;
		uint64_t n;
		e->i++;
		*ret_done = true;
		if (o->after == A_WORD) {
			if (e->i >= e->w->n)
				return fail(e, "%s needs a value", o->name);
			what = arena_printf(e->x->arena, "%s %s", o->what,
					    tok_str(e->x, e->w, e->i));
			if (!strcmp(o->name, "time-range"))
				ios_use(e->x, "time-range", tok_str(e->x, e->w, e->i),
					tok_loc(e->x, e->w, e->i));
			e->i++;
		} else if (o->after == OPERATOR) {
			if (!operator_value(e))
				return -EINVAL;
		} else if (o->after == A_NUMBER) {
			if (!tok_number(e->w, e->i++, 0, 255, &n))
				return fail(e, "%s needs a number", o->name);
		}
		narrow(e, o->l4, what);
		return 0;
	}
	return 0;
}

/* Words that say nothing about the packet. */
static bool harmless(struct entry *e)
{
	uint64_t n;
	if (at(e, "log") || at(e, "log-input") || at(e, "log-update")) {
		e->i++;
		e->logged = true;
		return true;
	}
	if (at(e, "sequence") && tok_number(e->w, e->i + 1, 1, UINT32_MAX, &n)) {
		e->i += 2;
		return true;
	}
	if (at(e, "reflect")) { /* it permits; what it opens stands at `evaluate` */
		ios_define(e->x, "reflexive list", tok_str(e->x, e->w, e->i + 1),
			   tok_loc(e->x, e->w, e->i + 1));
		e->i += 2;
		if (at(e, "timeout"))
			e->i += 2;
		return true;
	}
	if (at(e, "capture") && tok_is(e->w, e->i + 1, "session")) {
		e->i += 3;
		return true;
	}
	return false;
}

static int option(struct entry *e)
{
	struct matches *m = e->x->m;
	unsigned flag;
	bool done = false;
	uint64_t n;
	if (at(e, "fragments") || at(e, "fragment")) {
		e->fragments = true;
		e->i++;
		return 0;
	}
	if (e->proto == PROTO_TCP) {
		const struct tok *v = &e->w->v[e->i];
		if (at(e, "established")) {
			e->established = true;
			e->n_flags++;
			flag = TCP_ACK | TCP_RST;
			const struct match *est = match_or(m, match_flags(m, TCP_ACK, TCP_ACK),
							   match_flags(m, TCP_RST, TCP_RST));
			e->any_flags = e->any_flags ? match_or(m, e->any_flags, est) : est;
			e->all_flags = e->all_flags ? match_and(m, e->all_flags, est) : est;
			e->i++;
			return 0;
		}
		if (flag_word(v->s, v->len, &flag)) {
			const struct match *one = match_flags(m, flag, flag);
			e->n_flags++;
			e->nx_flags |= flag;
			e->any_flags = e->any_flags ? match_or(m, e->any_flags, one) : one;
			e->all_flags = e->all_flags ? match_and(m, e->all_flags, one) : one;
			e->i++;
			return 0;
		}
		if (at(e, "match-any") || at(e, "match-all"))
			return signed_flags(e, at(e, "match-all"));
		if (at(e, "tcp-flags-mask")) {
			e->nx_mask = true;
			e->i += 2;
			return 0;
		}
	}
	if (harmless(e))
		return 0;
	int err = unknown_option(e, &done);
	if (err || done)
		return err;
	/* The word behind `log` is a cookie for the log. A number behind `option` or a repeated
	 * value never comes here. */
	if (e->logged && e->x->dialect == IOS_IOS && !tok_number(e->w, e->i, 0, 65535, &n)) {
		e->i++;
		e->logged = false;
		return 0;
	}
	return fail(e, "%.*s is not understood here", (int)e->w->v[e->i].len, e->w->v[e->i].s);
}

/*
 * The words ack, syn, established ... of one entry. NX-OS documents that the flags given are
 * those that must be set, but not whether others may be; several words on IOS and EOS may mean
 * any or all of them. What is certain either way is certain, the rest is a bound.
 */
static void flags_done(struct entry *e)
{
	struct matches *m = e->x->m;
	if (!e->n_flags)
		return;
	e->has_l4 = true;
	const struct match *any = e->any_flags, *all = e->all_flags, *sure = all;
	bool exact = e->n_flags == 1;
	if (e->x->dialect == IOS_NXOS && !e->established) {
		sure = match_flags(m, e->nx_flags, 0x3f);
		any = all;
		exact = e->nx_flags == 0x3f && !e->nx_mask;
		if (e->nx_mask)
			any = match_range(m, FIELD_DPORT, 0, 65535), sure = match_none(m);
	}
	if (exact) {
		e->l4 = match_and(m, e->l4, any);
		return;
	}
	const char *why = "how these TCP flags combine";
	e->l4 = match_and(
		m, e->l4,
		match_or(m, sure, match_and(m, any, match_unknown(m, LOC_NONE, "%s", why))));
	if (!e->bound)
		e->bound = why;
}

static int service_group(struct entry *e)
{
	struct ios *x = e->x;
	const char *name = tok_str(x, e->w, e->i + 1);
	struct loc at_name = tok_loc(x, e->w, e->i + 1);
	if (e->i + 1 >= e->w->n)
		return fail(e, "object-group needs a name");
	e->i += 2;
	ios_use(x, "object-group", name, at_name);
	struct group *g = ios_group(x, GROUP_SERVICE, name, false);
	if (!g || !g->lines.n) {
		diag_warning(x->d, g ? "ios.group-empty" : "ios.group-missing", at_name,
			     "object group %s is %s", name, g ? "empty" : "not defined");
		const struct match *u = match_unknown(x->m, at_name, "object group %s is %s",
						      name, g ? "empty" : "not defined");
		e->service_permit = e->service_deny = e->service_protos = u;
		e->bound = "an object group that is not known";
		return 0;
	}
	ios_group_resolve(x, g, 0);
	e->service_permit = g->permit;
	e->service_deny = g->deny;
	e->service_protos = g->protos;
	if (g->permit->inexact && !e->bound)
		e->bound = arena_printf(x->arena, "object group %s is not known in full", name);
	return 0;
}

/* The protocol, or what stands in its place. */
static int protocol(struct entry *e)
{
	struct matches *m = e->x->m;
	enum family f = e->acl->family;
	e->proto = -1;
	if (at(e, "object-group"))
		return service_group(e);
	if (f == FAMILY_V6 &&
	    (at(e, "any") || at(e, "host") ||
	     (e->i < e->w->n && memchr(e->w->v[e->i].s, ':', e->w->v[e->i].len))))
		return 0;   /* older IOS: `permit any any` */
	if (at(e, "hbh")) { /* generators write it into lists of IPv4 too */
		e->i++;
		narrow(e, false, "IPv6 hop-by-hop header");
		return 0;
	}
	if (!ios_proto(e->x, f, e->w, e->i, &e->proto))
		return e->i < e->w->n
			       ? fail(e, "%s is not a protocol", tok_str(e->x, e->w, e->i))
			       : fail(e, "a protocol is missing");
	if (!e->proto) {
		/* IOS holds `ip` as protocol 0; for IPv6 it is an extension header. */
		if (f == FAMILY_V6)
			narrow(e, false, "IPv6 hop-by-hop header");
		else
			e->l3 = match_or(m, match_value(m, FIELD_PROTO, 0),
					 match_unknown(m, LOC_NONE, "protocol 0 may mean ip"));
		e->bound = e->bound ? e->bound : "protocol 0 may mean ip";
		e->proto = -1;
	} else if (e->proto > 0) {
		e->l3 = match_value(m, FIELD_PROTO, (unsigned)e->proto);
	}
	e->i++;
	return 0;
}

static int ports_of(struct entry *e, enum field field)
{
	const char *why = NULL;
	bool ports = e->proto > 0 && proto_has_ports((unsigned)e->proto);
	unsigned i = e->i;
	const struct match *p = ios_ports(e->x, ports ? (unsigned)e->proto : PROTO_TCP, e->w,
					  &e->i, field, &why);
	if (why)
		return fail(e, "%s", why);
	if (!p)
		return 0;
	if (!ports) {
		e->i = i;
		return fail(e, "ports need tcp, udp or another protocol that has them");
	}
	if (p->inexact && !e->bound)
		e->bound = arena_str(e->x->arena, match_first_unknown(p)->unknown.reason);
	e->l4 = match_and(e->x->m, e->l4, p);
	e->has_l4 = true;
	return 0;
}

static int igmp_type(struct entry *e)
{
	static const char *const names[] = {
		"dvmrp", "host-query", "host-report", "pim",
		"trace", "v2-leave",   "v2-report",   "v3-report"
	};
	uint64_t n;
	bool named = false;
	for (unsigned k = 0; k < 8; k++)
		named |= at(e, names[k]);
	if (named || tok_number(e->w, e->i, 0, 255, &n)) {
		e->i++;
		narrow(e, true, "IGMP type");
	}
	return 0;
}

static int extended(struct entry *e)
{
	struct matches *m = e->x->m;
	const char *why = NULL;
	if (protocol(e))
		return -EINVAL;
	const struct match *src = address(e, FIELD_SRC);
	if (!src || ports_of(e, FIELD_SPORT))
		return -EINVAL;
	const struct match *dst = address(e, FIELD_DST);
	if (!dst || ports_of(e, FIELD_DPORT))
		return -EINVAL;
	e->l3 = match_and_n(m, (const struct match *[]){ e->l3, src, dst }, 3);
	if (e->proto == PROTO_ICMP || e->proto == PROTO_ICMPV6) {
		const struct match *icmp = ios_icmp(e->x, e->acl->family, e->w, &e->i, &why);
		if (why)
			return fail(e, "%s", why);
		if (icmp) {
			e->l4 = match_and(m, e->l4, icmp);
			e->has_l4 = true;
		}
	} else if (e->proto == PROTO_IGMP) {
		igmp_type(e);
	}
	while (e->i < e->w->n)
		if (option(e))
			return -EINVAL;
	flags_done(e);
	return 0;
}

static int standard(struct entry *e)
{
	const struct match *src = address(e, FIELD_SRC);
	if (!src)
		return -EINVAL;
	e->proto = -1;
	e->l3 = match_and(e->x->m, e->l3, src);
	while (e->i < e->w->n) {
		if (harmless(e))
			continue;
		if (e->logged && e->x->dialect == IOS_IOS) { /* a cookie for the log */
			e->logged = false;
			e->i++;
			continue;
		}
		return fail(e, "%s is not understood here", tok_str(e->x, e->w, e->i));
	}
	return 0;
}

/* `evaluate NAME`: the entries that `reflect NAME` made. They hold answers to packets that
 * went the other way, so a first packet of a conversation never meets one. */
static int evaluate(struct entry *e, struct rule *r)
{
	struct matches *m = e->x->m;
	if (e->i + 1 >= e->w->n)
		return fail(e, "evaluate needs a name");
	const char *name = tok_str(e->x, e->w, e->i + 1);
	ios_use(e->x, "reflexive list", name, tok_loc(e->x, e->w, e->i + 1));
	r->verdict = VERDICT_PERMIT;
	r->match = match_and_n(m,
			       (const struct match *[]){
				       match_family(m, e->acl->family),
				       match_not(m, match_value(m, FIELD_STATE, STATE_NEW)),
				       match_unknown(m, LOC_NONE, "reflexive list %s", name) },
			       3);
	e->bound = arena_printf(e->x->arena, "reflexive list %s", name);
	return 0;
}

static void finish(struct entry *e, struct rule *r)
{
	struct matches *m = e->x->m;
	const struct match *later = match_value(m, FIELD_FRAGMENT, 1);
	r->verdict = e->permit ? VERDICT_PERMIT : VERDICT_DENY;
	/* Each address, or `any`, says the family. */
	const struct match *l3 = e->l3;
	if (e->service_permit)
		l3 = match_and(m, l3,
			       e->fragments ? e->service_protos
			       : e->permit  ? e->service_permit
					    : e->service_deny);
	if (e->fragments)
		r->match = match_and(m, l3, later);
	else if (!e->has_l4)
		r->match = l3;
	else if (e->permit)
		r->match = match_and(m, l3, match_or(m, later, e->l4));
	else
		r->match = match_and(m, l3, e->l4);
}

int ios_ace(struct ios *x, const struct acl *a, const struct toks *w, unsigned i,
	    struct rule *ret_rule, const char **ret_bound, const char **ret_why,
	    unsigned *ret_bad)
{
	struct entry e = { .x = x, .acl = a, .w = w, .i = i, .proto = -1 };
	int err;
	e.l3 = e.l4 = match_all(x->m);
	if (w->more) {
		err = fail(&e, "the line has more than %d words", IOS_WORDS_MAX);
	} else if (at(&e, "evaluate")) {
		err = evaluate(&e, ret_rule);
	} else {
		if (at(&e, "dynamic")) { /* lock-and-key: in force after somebody logged in */
			e.i += 2;
			if (at(&e, "timeout"))
				e.i += 2;
			narrow(&e, false, "lock-and-key entry");
		}
		e.permit = at(&e, "permit");
		if (!e.permit && !at(&e, "deny"))
			err = fail(&e, "permit or deny is missing");
		else
			err = (e.i++, a->standard ? standard(&e) : extended(&e));
		if (!err && e.fragments && e.has_l4)
			err = fail(&e, "fragments have no ports, types or flags");
		if (!err)
			finish(&e, ret_rule);
	}
	*ret_why = e.why;
	*ret_bad = e.i;
	*ret_bound = e.bound;
	return err;
}
