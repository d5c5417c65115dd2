/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of access lists and conduits: PROTOCOL SOURCE [PORTS] DESTINATION [PORTS] OPTIONS.
 */
#include "collectors/asa_internal.h"

struct entry {
	const char *why; /* not NULL: rejected, and why */
	const struct match *match;
	uint8_t verdict;
	bool inactive;
};

static bool fail(struct entry *e, const char *why)
{
	e->why = why;
	return false;
}

/* What may stand in the place of the protocol. */
struct proto {
	const struct match *match;
	int number;	   /* -1: a group or an object */
	unsigned ports_of; /* PORTS_* where ports may follow */
	bool group;	   /* a protocol group: ports may follow too */
	bool service;	   /* a service: ports are in it */
};

/* m is of d, which was resolved. */
static const struct match *unless_empty(struct asa *a, const struct line *l, const char *kind,
					const struct def *d, const struct match *m)
{
	return d->empty ? match_unknown(a->m, asa_loc(a, l->no), "%s %s, which is empty", kind,
					d->name)
			: m;
}

static bool proto_object(struct asa *a, struct line *l, struct proto *ret, struct entry *e)
{
	struct word name = line_next(l);
	struct def *d = asa_object(a, name);

	ret->service = true;
	ret->match = d ? NULL : asa_builtin_match(a, name);
	if (ret->match)
		return true;
	asa_use(a, "object", asa_str(a, name), l->no, false);
	if (!d) {
		ret->match = asa_undefined(a, "object", name, l->no);
		return true;
	}
	if (d->kind != DEF_SERVICE_OBJECT)
		return fail(e, arena_printf(a->arena, "object %s holds no service", d->name));
	asa_resolve(a, d, 0);
	ret->match = unless_empty(a, l, "object", d, d->match);
	return true;
}

static bool proto_group(struct asa *a, struct line *l, struct proto *ret, struct entry *e)
{
	struct word name = line_next(l);
	struct def *d = asa_group(a, name);

	asa_use(a, "object-group", asa_str(a, name), l->no, false);
	ret->group = true;
	if (!d) {
		ret->match = asa_undefined(a, "object-group", name, l->no);
		return true;
	}
	if (d->kind != DEF_PROTOCOL_GROUP && d->kind != DEF_SERVICE_GROUP)
		return fail(e, arena_printf(a->arena,
					    "object-group %s holds no protocols or services",
					    d->name));
	ret->service = d->kind == DEF_SERVICE_GROUP;
	asa_resolve(a, d, 0);
	ret->match = unless_empty(a, l, "object-group", d, d->match);
	return true;
}

static bool proto(struct asa *a, struct line *l, struct proto *ret, struct entry *e)
{
	struct word w;

	*ret = (struct proto){ .number = -1 };
	if (line_take(l, "object"))
		return proto_object(a, l, ret, e);
	if (line_take(l, "object-group"))
		return proto_group(a, l, ret, e);
	w = line_next(l);
	ret->number = asa_protocol(w);
	if (ret->number < 0)
		return fail(e,
			    arena_printf(a->arena, "\"%.*s\" is no protocol", (int)w.len, w.s));
	if (ret->number == 256)
		ret->match = match_all(a->m);
	else if (ret->number == 0)
		ret->match = match_unknown(a->m, LOC_NONE, "protocol number 0");
	else
		ret->match = match_value(a->m, FIELD_PROTO, (unsigned)ret->number);
	ret->ports_of = ret->number == PROTO_TCP    ? PORTS_TCP
			: ret->number == PROTO_UDP  ? PORTS_UDP
			: ret->number == PROTO_SCTP ? PORTS_SCTP
						    : 0;
	return true;
}

/* Users and security groups: conditions that packets don't show. NULL where none stands here.
 */
static const struct match *identity(struct asa *a, struct line *l)
{
	const char *what = NULL;
	struct word w;

	if (line_take(l, "user") || line_take(l, "user-group")) {
		what = "user";
	} else if (line_take(l, "object-group-user")) {
		what = "user group";
	} else if (line_take(l, "security-group")) {
		what = "security group";
		line_next(l); /* name or tag */
	} else if (line_take(l, "object-group-security")) {
		what = "security group";
	} else {
		return NULL;
	}
	w = line_next(l);
	if (asa_group(a, w))
		asa_use(a, "object-group", asa_str(a, w), l->no, false);
	return match_unknown(a->m, asa_loc(a, l->no), "%s %.*s", what, (int)w.len, w.s);
}

/*
 * Whether `object-group NAME` at the cursor stands for ports. A group that isn't defined does
 * where an address follows it.
 */
static bool group_is_ports(struct asa *a, const struct line *l)
{
	struct def *d;
	struct line ahead;

	if (!line_at(l, "object-group"))
		return false;
	d = asa_group(a, line_peek(l, 1));
	if (d)
		return d->kind == DEF_PORT_GROUP;
	ahead = *l;
	ahead.i += 2;
	if (line_at(&ahead, "object-group")) {
		d = asa_group(a, line_peek(&ahead, 1));
		return d && d->kind == DEF_NET_GROUP;
	}
	return asa_address_ahead(a, &ahead);
}

/* Ports where they may stand; true without a match where none do. */
static bool ports(struct asa *a, struct line *l, const struct proto *p, enum field field,
		  bool last, const struct match **ret, struct entry *e)
{
	const char *why = NULL;
	struct def *d;
	struct word name;

	if (p->service || (!p->ports_of && !p->group))
		return true;
	if (asa_port_op_ahead(l)) {
		*ret = asa_port_op(a, l, field, &why);
		return *ret || fail(e, why);
	}
	if (!(last ? line_at(l, "object-group") : group_is_ports(a, l)))
		return true;
	l->i++;
	name = line_next(l);
	d = asa_group(a, name);
	asa_use(a, "object-group", asa_str(a, name), l->no, false);
	if (!d) {
		*ret = asa_undefined(a, "object-group", name, l->no);
		return true;
	}
	if (d->kind != DEF_PORT_GROUP)
		return fail(e,
			    arena_printf(a->arena, "object-group %s holds no ports", d->name));
	if (p->ports_of & ~d->ports_of)
		return fail(e,
			    arena_printf(a->arena,
					 "the ports of object-group %s are of another protocol",
					 d->name));
	asa_resolve(a, d, 0);
	*ret = unless_empty(a, l, "object-group", d,
			    field == FIELD_SPORT ? d->sport : d->dport);
	return true;
}

/* [TYPE [CODE] | object-group G] behind the addresses of an ICMP entry. */
static bool icmp(struct asa *a, struct line *l, const struct proto *p, const struct match **ret,
		 struct entry *e)
{
	bool v6 = p->number == PROTO_ICMPV6;
	struct word w = line_peek(l, 0);
	unsigned code;
	int type;

	if (p->number != PROTO_ICMP && !v6)
		return true;
	if (line_take(l, "object-group")) {
		struct word name = line_next(l);
		struct def *d = asa_group(a, name);

		asa_use(a, "object-group", asa_str(a, name), l->no, false);
		if (d && d->kind != DEF_ICMP_GROUP)
			return fail(e, arena_printf(a->arena,
						    "object-group %s holds no ICMP types",
						    d->name));
		if (d)
			asa_resolve(a, d, 0);
		else
			diag_warning(a->d, "asa.undefined-name", asa_loc(a, l->no),
				     "object-group %.*s is not defined", (int)name.len, name.s);
		/* The names of a group are those of IPv4: other numbers mean other things. */
		*ret = d && !d->empty && !v6
			       ? d->match
			       : match_unknown(a->m, asa_loc(a, l->no), "object-group %.*s",
					       (int)name.len, name.s);
		return true;
	}
	type = w.len ? asa_icmp_type(w, v6) : -1;
	if (type < 0)
		return true;
	l->i++;
	*ret = match_value(a->m, FIELD_ICMP_TYPE, (unsigned)type);
	if (word_number(line_peek(l, 0), 255, &code)) {
		l->i++;
		*ret = match_and(a->m, *ret, match_value(a->m, FIELD_ICMP_CODE, code));
	}
	return true;
}

/* log [LEVEL] [interval N] [disable|default], time-range NAME, inactive: in any order. */
static bool options(struct asa *a, struct line *l, struct entry *e)
{
	static const char *const levels[] = { "emergencies",   "alerts",    "critical",
					      "errors",	       "warnings",  "notifications",
					      "informational", "debugging", "disable",
					      "default" };
	unsigned v;

	while (!line_ended(l)) {
		struct word w;

		if (line_take(l, "log")) {
			bool level = word_number(line_peek(l, 0), 7, &v);

			for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]) && !level;
			     i++)
				level = line_at(l, levels[i]);
			if (level)
				l->i++;
			if (line_take(l, "interval") && !word_number(line_next(l), 1000000, &v))
				return fail(e, "the log interval is none");
		} else if (line_take(l, "time-range")) {
			w = line_next(l);
			asa_use(a, "time-range", asa_str(a, w), l->no, false);
			if (!map_getn(&a->time_ranges, w.s, w.len))
				diag_warning(a->d, "asa.undefined-name", asa_loc(a, l->no),
					     "time-range %.*s is not defined", (int)w.len, w.s);
			e->match = match_and(a->m, e->match,
					     match_unknown(a->m, asa_loc(a, l->no),
							   "time-range %.*s", (int)w.len, w.s));
		} else if (line_take(l, "inactive")) {
			e->inactive = true;
		} else {
			w = line_next(l);
			return fail(e,
				    arena_printf(a->arena, "\"%.*s\" was not understood here",
						 (int)w.len, w.s));
		}
	}
	return true;
}

/*
 * PROTOCOL SOURCE [PORTS] DESTINATION [PORTS] OPTIONS. A conduit names the destination first.
 */
static bool entry(struct asa *a, struct line *l, bool v6, bool conduit, struct entry *e)
{
	enum field first = conduit ? FIELD_DST : FIELD_SRC;
	enum field second = conduit ? FIELD_SRC : FIELD_DST;
	const struct match *parts[8], *m;
	struct addr_spec x, y;
	struct proto p;
	size_t n = 0;

	if (!proto(a, l, &p, e))
		return false;
	parts[n++] = p.match;
	for (int i = 0; i < 2 && (m = identity(a, l)); i++)
		parts[n++] = m;
	x = asa_address(a, l, first, v6);
	if (!x.match)
		return fail(e, x.why);
	m = NULL;
	if (!ports(a, l, &p, conduit ? FIELD_DPORT : FIELD_SPORT, false, &m, e))
		return false;
	if (m)
		parts[n++] = m;
	m = identity(a, l);
	if (m)
		parts[n++] = m;
	y = asa_address(a, l, second, v6);
	if (!y.match)
		return fail(e, y.why);
	parts[n++] = x.any ? asa_any(a, y.families, l->no) : x.match;
	parts[n++] = y.any ? asa_any(a, x.families, l->no) : y.match;
	m = NULL;
	if (!ports(a, l, &p, conduit ? FIELD_SPORT : FIELD_DPORT, true, &m, e))
		return false;
	if (!m && !icmp(a, l, &p, &m, e))
		return false;
	if (m)
		parts[n++] = m;
	e->match = match_and_n(a->m, parts, n);
	return options(a, l, e);
}

/* Standard lists name destinations: of routes, or of what goes through a tunnel. */
static bool standard(struct asa *a, struct line *l, struct entry *e)
{
	struct addr_spec x = asa_address(a, l, FIELD_DST, false);

	if (!x.match)
		return fail(e, x.why);
	e->match = x.any ? asa_any(a, FAMILIES_V4, l->no) : x.match;
	return options(a, l, e);
}

struct rule asa_ace(struct asa *a, struct line *l, const struct list *list)
{
	struct entry e = { .verdict = VERDICT_UNKNOWN };
	struct rule r = { .at = asa_loc(a, l->no) };
	bool good;

	line_take(l, "extended");
	line_take(l, "standard");
	if (line_take(l, "permit"))
		e.verdict = VERDICT_PERMIT;
	else if (line_take(l, "deny"))
		e.verdict = VERDICT_DENY;
	if (l->more)
		good = fail(&e, "the line has too many words");
	else if (e.verdict == VERDICT_UNKNOWN)
		good = fail(&e, "neither permit nor deny");
	else if (list && list->type == LIST_STANDARD)
		good = standard(a, l, &e);
	else
		good = entry(a, l, list && list->v6, !list, &e);
	r.verdict = e.verdict;
	if (!good) {
		asa_refuse(a, l->no, "asa.ace", "the entry was not understood: %s", e.why);
		r.match = match_unknown(a->m, r.at, "an entry that was not understood");
		r.note = e.why;
		return r;
	}
	r.match = e.match;
	if (e.inactive) {
		r.flags |= RULE_INACTIVE;
		ASA_EXACT(a, l->no);
	} else {
		asa_class_by(a, l->no, e.match);
	}
	return r;
}
