/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services in objects and groups: protocols, ports, types of ICMP.
 */
#include "collectors/asa_group.h"

const struct match *asa_builtin_match(struct asa *a, struct word name)
{
	const struct match *m;
	int proto, type;

	if (!asa_builtin_service(name, &proto, &type))
		return NULL;
	m = proto == 256 ? match_all(a->m) : match_value(a->m, FIELD_PROTO, (unsigned)proto);
	if (type >= 0)
		m = match_and(a->m, m, match_value(a->m, FIELD_ICMP_TYPE, (unsigned)type));
	return m;
}

static bool fits_service_object(const struct def *outer, const struct def *inner)
{
	return inner->kind == DEF_SERVICE_OBJECT;
}

/* The protocol that a word names as a condition; `tcp-udp` is both. NULL where it is none. */
static const struct match *protocol_match(struct asa *a, struct word w, int *ret_proto)
{
	static const struct range both[] = { { PROTO_TCP, PROTO_TCP },
					     { PROTO_UDP, PROTO_UDP } };
	int p;

	if (word_is(w, "tcp-udp")) {
		*ret_proto = PROTO_TCP;
		return match_ranges(a->m, FIELD_PROTO, both, 2);
	}
	p = asa_protocol(w);
	*ret_proto = p;
	if (p < 0)
		return NULL;
	if (p == 256)
		return match_all(a->m);
	if (p == 0) /* IPv6 hop-by-hop, or `ip`: the vendor doesn't say */
		return match_unknown(a->m, LOC_NONE, "protocol number 0");
	return match_value(a->m, FIELD_PROTO, (unsigned)p);
}

/* [TYPE [CODE]] of ICMP. NULL match where there is none left on the line. */
static const struct match *icmp_rest(struct asa *a, struct line *l, bool v6,
				     const char **ret_why)
{
	struct word w = line_next(l);
	int type = asa_icmp_type(w, v6);
	const struct match *m;
	unsigned code;

	if (type < 0) {
		*ret_why = arena_printf(a->arena, "\"%.*s\" is no ICMP type", (int)w.len, w.s);
		return NULL;
	}
	m = match_value(a->m, FIELD_ICMP_TYPE, (unsigned)type);
	if (!line_ended(l) && word_number(line_peek(l, 0), 255, &code)) {
		l->i++;
		m = match_and(a->m, m, match_value(a->m, FIELD_ICMP_CODE, code));
	}
	return m;
}

/* PROTOCOL [source OP] [destination OP | OP] or icmp [TYPE [CODE]], to the end of the line. */
const struct match *asa_service_spec(struct asa *a, struct line *l, const char **ret_why)
{
	struct word w = line_next(l);
	int proto;
	const struct match *m = protocol_match(a, w, &proto), *ports;

	if (!m) {
		*ret_why = arena_printf(a->arena, "\"%.*s\" is no protocol", (int)w.len, w.s);
		return NULL;
	}
	if ((proto == PROTO_ICMP || proto == PROTO_ICMPV6) && !line_ended(l)) {
		ports = icmp_rest(a, l, proto == PROTO_ICMPV6, ret_why);
		if (!ports)
			return NULL;
		m = match_and(a->m, m, ports);
	}
	if (proto > 0 && proto < 256 && proto_has_ports((unsigned)proto)) {
		if (line_take(l, "source")) {
			ports = asa_port_op(a, l, FIELD_SPORT, ret_why);
			if (!ports)
				return NULL;
			m = match_and(a->m, m, ports);
		}
		line_take(l, "destination");
		if (asa_port_op_ahead(l)) {
			ports = asa_port_op(a, l, FIELD_DPORT, ret_why);
			if (!ports)
				return NULL;
			m = match_and(a->m, m, ports);
		}
	}
	if (!line_ended(l)) {
		*ret_why = "there is more on the line than was understood";
		return NULL;
	}
	return m;
}

const char *asa_service_member(struct asa *a, struct def *d, struct line *l, struct gather *g,
			       unsigned depth)
{
	const char *why = NULL;
	const struct match *m;
	struct word name;

	if (!line_take(l, "service-object"))
		return "not understood inside `object-group service`";
	if (line_take(l, "object")) {
		name = line_next(l);
		m = asa_object(a, name) ? NULL : asa_builtin_match(a, name);
		if (m) {
			asa_gather(g, m, m, 0);
			ASA_EXACT(a, l->no);
			return NULL;
		}
		asa_nested(a, d, asa_object(a, name), name, "object", l->no, depth,
			   fits_service_object, g);
		return NULL;
	}
	m = asa_service_spec(a, l, &why);
	if (!m)
		return why;
	asa_gather(g, m, m, 0);
	asa_class_by(a, l->no, m);
	return NULL;
}

const char *asa_port_member(struct asa *a, struct line *l, struct gather *g)
{
	const char *why = NULL;
	const struct match *s, *t;
	unsigned from;

	if (!line_take(l, "port-object"))
		return "not understood inside a typed `object-group service`";
	from = l->i;
	s = asa_port_op(a, l, FIELD_SPORT, &why);
	if (!s)
		return why;
	l->i = from;
	t = asa_port_op(a, l, FIELD_DPORT, &why);
	if (!line_ended(l))
		return "there is more on the line than was understood";
	asa_gather(g, s, t, 0);
	ASA_EXACT(a, l->no);
	return NULL;
}

const char *asa_protocol_member(struct asa *a, struct def *d, struct line *l, struct gather *g,
				unsigned depth)
{
	const struct match *m;
	struct word w;
	int proto;

	if (!line_take(l, "protocol-object"))
		return "not understood inside `object-group protocol`";
	if (line_take(l, "object")) {
		w = line_next(l);
		asa_nested(a, d, asa_object(a, w), w, "object", l->no, depth,
			   fits_service_object, g);
		return NULL;
	}
	w = line_next(l);
	m = protocol_match(a, w, &proto);
	if (!m || !line_ended(l))
		return "no protocol";
	asa_gather(g, m, m, 0);
	asa_class_by(a, l->no, m);
	return NULL;
}

const char *asa_icmp_member(struct asa *a, struct line *l, struct gather *g)
{
	const struct match *m;
	struct word w;
	int type;

	if (!line_take(l, "icmp-object"))
		return "not understood inside `object-group icmp-type`";
	w = line_next(l);
	type = asa_icmp_type(w, false);
	if (type < 0 || !line_ended(l))
		return "no ICMP type";
	m = match_value(a->m, FIELD_ICMP_TYPE, (unsigned)type);
	asa_gather(g, m, m, 0);
	ASA_EXACT(a, l->no);
	return NULL;
}
