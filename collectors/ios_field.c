/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocols, ports and ICMP messages, as list entries and object groups write them. A port
 * name that the vendor's table doesn't hold is an unknown in the place of that port.
 */
#include "collectors/ios_internal.h"

bool ios_proto(struct ios *x, enum family f, const struct toks *w, unsigned i, int *ret)
{
	uint64_t n;
	(void)x;
	if (i >= w->n)
		return false;
	if (tok_is(w, i, "ip") || tok_is(w, i, f == FAMILY_V6 ? "ipv6" : "ipv4")) {
		*ret = -1;
		return true;
	}
	if (tok_number(w, i, 0, 255, &n)) {
		*ret = (int)n;
		return true;
	}
	int p = ios_proto_name(f, w->v[i].s, w->v[i].len);
	if (p >= 0)
		*ret = p;
	return p >= 0;
}

/* A port at word i: 0 .. 65535, -1 where it isn't one, -2 a name that we don't know. */
static int port_at(struct ios *x, unsigned proto, const struct toks *w, unsigned i)
{
	uint64_t n;
	if (i >= w->n)
		return -1;
	if (tok_number(w, i, 0, 65535, &n))
		return (int)n;
	int p = ios_port_name(x->dialect, proto == PROTO_UDP ? PROTO_UDP : PROTO_TCP, w->v[i].s,
			      w->v[i].len);
	if (p >= 0)
		return p;
	bool word = w->v[i].len && (w->v[i].s[0] < '0' || w->v[i].s[0] > '9');
	return word && !tok_is(w, i, "any") && !tok_is(w, i, "host") ? -2 : -1;
}

static const struct match *unknown_port(struct ios *x, const struct toks *w, unsigned i,
					enum field field)
{
	return match_and(
		x->m, match_range(x->m, field, 0, 65535),
		match_unknown(x->m, tok_loc(x, w, i), "port name %s", tok_str(x, w, i)));
}

static const struct match *port_list(struct ios *x, unsigned proto, const struct toks *w,
				     unsigned *i, enum field field, bool negate,
				     const char **ret_why)
{
	VEC(struct range) r = { 0 };
	const struct match *unknown = NULL;
	unsigned first = *i;
	for (;; (*i)++) {
		int p = port_at(x, proto, w, *i);
		if (p == -2 && *i == first)
			unknown = unknown_port(x, w, *i, field);
		else if (p < 0)
			break;
		else
			*vec_add(&r) = (struct range){ (uint16_t)p, (uint16_t)p };
	}
	if (*i == first) {
		*ret_why = *i < w->n ? "not a port" : "a port is missing";
		return NULL;
	}
	const struct match *m = match_ranges(x->m, field, r.v, r.n);
	vec_free(&r);
	if (negate)
		m = match_and(x->m, match_range(x->m, field, 0, 65535), match_not(x->m, m));
	if (!unknown)
		return m;
	return negate ? match_and(x->m, m, unknown) : match_or(x->m, m, unknown);
}

static const struct match *port_range(struct ios *x, unsigned proto, const struct toks *w,
				      unsigned *i, enum field field, const char **ret_why)
{
	int lo = port_at(x, proto, w, *i), hi = port_at(x, proto, w, *i + 1);
	if (lo == -1 || hi == -1) {
		*ret_why = "range needs two ports";
		return NULL;
	}
	if (lo == -2 || hi == -2) {
		const struct match *u = unknown_port(x, w, lo == -2 ? *i : *i + 1, field);
		*i += 2;
		return u;
	}
	if (lo > hi) {
		*ret_why = "the range is the wrong way round";
		return NULL;
	}
	*i += 2;
	return match_range(x->m, field, (unsigned)lo, (unsigned)hi);
}

static const struct match *port_group(struct ios *x, const struct toks *w, unsigned *i,
				      enum field field, const char **ret_why)
{
	if (++*i >= w->n) {
		*ret_why = "portgroup needs a name";
		return NULL;
	}
	const char *name = tok_str(x, w, *i);
	struct loc at_name = tok_loc(x, w, *i);
	++*i;
	ios_use(x, "object-group", name, at_name);
	struct group *g = ios_group(x, GROUP_PORT, name, false);
	if (!g || !g->lines.n) {
		diag_warning(x->d, g ? "ios.group-empty" : "ios.group-missing", at_name,
			     "port group %s is %s", name, g ? "empty" : "not defined");
		return match_and(x->m, match_range(x->m, field, 0, 65535),
				 match_unknown(x->m, at_name, "port group %s is %s", name,
					       g ? "empty" : "not defined"));
	}
	ios_group_resolve(x, g, 0);
	return g->m[field == FIELD_DPORT];
}

const struct match *ios_ports(struct ios *x, unsigned proto, const struct toks *w, unsigned *i,
			      enum field field, const char **ret_why)
{
	static const char *const ops[] = { "eq", "neq", "gt", "lt", "range", "portgroup" };
	unsigned op = 0, max = 65535;
	while (op < 6 && !tok_is(w, *i, ops[op]))
		op++;
	if (op == 6)
		return NULL;
	if (op == 5)
		return port_group(x, w, i, field, ret_why);
	++*i;
	if (op < 2)
		return port_list(x, proto, w, i, field, op == 1, ret_why);
	if (op == 4)
		return port_range(x, proto, w, i, field, ret_why);
	int p = port_at(x, proto, w, *i);
	if (p == -1) {
		*ret_why = *i < w->n ? "not a port" : "a port is missing";
		return NULL;
	}
	if (p == -2)
		return unknown_port(x, w, (*i)++, field);
	if (op == 3 && !p) {
		*ret_why = "no port is less than 0";
		return NULL;
	}
	if (op == 2 && p == (int)max) {
		*ret_why = "no port is greater than 65535";
		return NULL;
	}
	++*i;
	return op == 2 ? match_range(x->m, field, (unsigned)p + 1, max)
		       : match_range(x->m, field, 0, (unsigned)p - 1);
}

const struct match *ios_icmp(struct ios *x, enum family f, const struct toks *w, unsigned *i,
			     const char **ret_why)
{
	uint64_t n;
	int type, code;
	if (*i >= w->n)
		return NULL;
	if (ios_icmp_name(f, w->v[*i].s, w->v[*i].len, &type, &code)) {
		++*i;
	} else if (*w->v[*i].s >= '0' && *w->v[*i].s <= '9') {
		if (!tok_number(w, *i, 0, 255, &n)) {
			*ret_why = "not an ICMP type";
			return NULL;
		}
		type = (int)n;
		code = -1;
		++*i;
		if (*i < w->n && *w->v[*i].s >= '0' && *w->v[*i].s <= '9') {
			if (!tok_number(w, *i, 0, 255, &n)) {
				*ret_why = "not an ICMP code";
				return NULL;
			}
			code = (int)n;
			++*i;
		}
	} else {
		return NULL;
	}
	const struct match *m = match_value(x->m, FIELD_ICMP_TYPE, (unsigned)type);
	if (code >= 0)
		m = match_and(x->m, m, match_value(x->m, FIELD_ICMP_CODE, (unsigned)code));
	return m;
}
