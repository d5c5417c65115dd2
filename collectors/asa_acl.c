/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access lists, and the conduits of PIX. Entries of a list may be spread over the file; their
 * order is the order of appearance, except where `line N` puts one further up. The first pass
 * keeps the places, the second reads the entries when every name is known.
 */
#include "collectors/asa_internal.h"

#include <string.h>

struct list *asa_list(struct asa *a, struct word name, bool v6, bool create, uint32_t line)
{
	struct map *map = v6 ? &a->lists6 : &a->lists;
	struct list *l = map_getn(map, name.s, name.len);

	if (l || !create)
		return l;
	l = arena_alloc(a->arena, sizeof(*l));
	l->name = asa_str(a, name);
	l->v6 = v6;
	l->line = line;
	*map_atn(map, name.s, name.len) = l;
	*vec_add(&a->all_lists) = l;
	return l;
}

void asa_list_clear(struct asa *a, struct list *l, uint32_t line)
{
	vec_each (e, &l->aces)
		ASA_EXACT(a, e->line);
	l->aces.n = 0;
	l->cleared = line;
}

/* Words that stand where a list's name would, in lines that set how lists work. */
static bool list_setting(const struct line *l)
{
	static const char *const words[] = { "alert-interval", "deny-flow-max", "mode",
					     "compiled",       "commit",	"cached" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (line_at(l, words[i]) && !word_is(line_peek(l, 1), "permit") &&
		    !word_is(line_peek(l, 1), "deny") &&
		    !word_is(line_peek(l, 1), "extended") &&
		    !word_is(line_peek(l, 1), "remark"))
			return true;
	return false;
}

void asa_list_line(struct asa *a, struct line *l, bool v6)
{
	struct list *list;
	struct word name;
	unsigned at = 0;

	if (list_setting(l)) {
		if (line_at(l, "mode") && a->flavour == ASA_UNKNOWN)
			a->flavour = ASA_FWSM;
		asa_class(a, l->no, ACCOUNT_IRRELEVANT, false, NULL);
		return;
	}
	name = line_next(l);
	if (!name.len || line_ended(l)) {
		asa_reject(a, l->no, NULL, "asa.syntax",
			   "an access list line without an entry");
		return;
	}
	if (line_at(l, "compiled") || line_at(l, "object-group-search")) {
		asa_class(a, l->no, ACCOUNT_IRRELEVANT, false, NULL);
		return;
	}
	if (line_at(l, "rename")) {
		asa_reject(a, l->no, NULL, "asa.command",
			   "renames an access list: give the running configuration instead");
		return;
	}
	list = asa_list(a, name, v6, true, l->no);
	if (line_take(l, "line") && !word_number(line_next(l), UINT32_MAX, &at)) {
		asa_refuse(a, l->no, "asa.ace", "the line number is none");
		at = 0;
	}
	if (!list->aces.n) {
		asa_use(a, "access list", list->name, l->no, true);
		list->line = l->no;
		list->type = LIST_EXTENDED;
	}
	if (line_at(l, "standard"))
		list->type = LIST_STANDARD;
	else if (line_at(l, "ethertype"))
		list->type = LIST_ETHERTYPE;
	else if (line_at(l, "webtype"))
		list->type = LIST_WEBTYPE;
	if (v6) {
		a->saw_v6_list = true;
	} else {
		for (unsigned i = l->i; i < l->n; i++)
			if (word_is(l->w[i], "any4") || word_is(l->w[i], "any6") ||
			    (memchr(l->w[i].s, ':', l->w[i].len) &&
			     memchr(l->w[i].s, '/', l->w[i].len)))
				a->saw_any46 |= !line_at(l, "remark");
	}
	*vec_add(&list->aces) = (struct ace){ l->no, at };
}

/*
 * Entries in the order they have on the firewall. An entry with `line N` goes to place N of
 * the list as it is then. Going backwards, the last one inserted keeps its place, and each
 * earlier one takes the place that is the Nth of those still free: a binary indexed tree over
 * free places finds it in log n.
 */
static void order(struct list *l)
{
	size_t n = l->aces.n, top = 1;
	struct ace *out;
	uint32_t *tree;
	bool any = false;

	vec_each (e, &l->aces)
		any |= e->at != 0;
	if (!any)
		return;
	out = xcalloc(n, sizeof(*out));
	tree = xcalloc(n + 1, sizeof(*tree));
	for (size_t i = 1; i <= n; i++)
		tree[i] = (uint32_t)(i & (~i + 1));
	while (top * 2 <= n)
		top *= 2;
	for (size_t k = n; k-- > 0;) {
		uint32_t want = l->aces.v[k].at;
		size_t pos = 0;

		/* Entry k came when k others were there. */
		if (!want || want > k + 1)
			want = (uint32_t)(k + 1);
		for (size_t step = top; step; step /= 2)
			if (pos + step <= n && tree[pos + step] < want) {
				pos += step;
				want -= tree[pos];
			}
		out[pos] = l->aces.v[k];
		for (size_t i = pos + 1; i <= n; i += i & (~i + 1))
			tree[i]--;
	}
	memcpy(l->aces.v, out, n * sizeof(*out));
	free(out);
	free(tree);
}

/* Entries */

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

static bool proto_object(struct asa *a, struct line *l, struct proto *ret, struct entry *e)
{
	struct word name = line_next(l);
	struct def *d = asa_object(a, name);
	int number, type;

	if (!d && asa_builtin_service(name, &number, &type)) {
		ret->match = number == 256 ? match_all(a->m)
					   : match_value(a->m, FIELD_PROTO, (unsigned)number);
		if (type >= 0)
			ret->match =
				match_and(a->m, ret->match,
					  match_value(a->m, FIELD_ICMP_TYPE, (unsigned)type));
		ret->service = true;
		return true;
	}
	asa_use(a, "object", asa_str(a, name), l->no, false);
	ret->service = true;
	if (!d) {
		diag_warning(a->d, "asa.undefined-name", asa_loc(a, l->no),
			     "object %.*s is not defined", (int)name.len, name.s);
		ret->match = match_unknown(a->m, asa_loc(a, l->no),
					   "object %.*s, which is not defined", (int)name.len,
					   name.s);
		return true;
	}
	if (d->kind != DEF_SERVICE_OBJECT)
		return fail(e, arena_printf(a->arena, "object %s holds no service", d->name));
	asa_resolve(a, d, 0);
	ret->match = d->empty ? match_unknown(a->m, asa_loc(a, l->no),
					      "object %s, which is empty", d->name)
			      : d->match;
	return true;
}

static bool proto_group(struct asa *a, struct line *l, struct proto *ret, struct entry *e)
{
	struct word name = line_next(l);
	struct def *d = asa_group(a, name);

	asa_use(a, "object-group", asa_str(a, name), l->no, false);
	ret->group = true;
	if (!d) {
		diag_warning(a->d, "asa.undefined-name", asa_loc(a, l->no),
			     "object-group %.*s is not defined", (int)name.len, name.s);
		ret->match = match_unknown(a->m, asa_loc(a, l->no),
					   "object-group %.*s, which is not defined",
					   (int)name.len, name.s);
		return true;
	}
	if (d->kind != DEF_PROTOCOL_GROUP && d->kind != DEF_SERVICE_GROUP)
		return fail(e, arena_printf(a->arena,
					    "object-group %s holds no protocols or services",
					    d->name));
	ret->service = d->kind == DEF_SERVICE_GROUP;
	asa_resolve(a, d, 0);
	ret->match = d->empty ? match_unknown(a->m, asa_loc(a, l->no),
					      "object-group %s, which is empty", d->name)
			      : d->match;
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
		diag_warning(a->d, "asa.undefined-name", asa_loc(a, l->no),
			     "object-group %.*s is not defined", (int)name.len, name.s);
		*ret = match_unknown(a->m, asa_loc(a, l->no),
				     "object-group %.*s, which is not defined", (int)name.len,
				     name.s);
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
	*ret = d->empty ? match_unknown(a->m, asa_loc(a, l->no),
					"object-group %s, which is empty", d->name)
			: (field == FIELD_SPORT ? d->sport : d->dport);
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

/*
 * Reads the entry of a line that stands behind the list's name and `line N`. A line that
 * can't be read gives an unknown condition on everything, with the verdict it names.
 */
static struct rule read_entry(struct asa *a, struct line *l, const struct list *list,
			      bool conduit)
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
		good = entry(a, l, list && list->v6, conduit, &e);
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

/* Past `access-list NAME [line N]` or `ipv6 access-list NAME [line N]`. */
static void to_entry(struct line *l, bool v6)
{
	l->i = v6 ? 3 : 2;
	if (line_take(l, "line"))
		line_next(l);
}

typedef const struct match *match_ptr;

static void build_list(struct asa *a, struct list *list)
{
	VEC(struct rule) rules = { 0 };
	VEC(match_ptr) permits = { 0 };
	const char *remark = NULL;
	unsigned number = 0;

	order(list);
	vec_each (e, &list->aces) {
		struct line l;
		struct rule r;

		line_split(a->src, e->line, &l);
		to_entry(&l, list->v6);
		number++;
		if (line_take(&l, "remark")) {
			remark = line_rest(a->arena, a->src, &l);
			asa_class(a, e->line, ACCOUNT_IRRELEVANT, false, NULL);
			continue;
		}
		if (list->type == LIST_WEBTYPE || list->type == LIST_ETHERTYPE) {
			asa_class(a, e->line, ACCOUNT_IRRELEVANT, false, NULL);
			continue;
		}
		r = read_entry(a, &l, list, false);
		r.name = arena_printf(a->arena, "line %u", number);
		if (remark && !r.note)
			r.note = remark;
		remark = NULL;
		*vec_add(&rules) = r;
		if (r.verdict != VERDICT_DENY && !(r.flags & RULE_INACTIVE))
			*vec_add(&permits) = r.match;
	}
	list->permits = match_or_n(a->m, permits.v, permits.n);
	if (list->ruleset)
		device_build_rules(a->b, list->ruleset, rules.v, rules.n);
	vec_free(&rules);
	vec_free(&permits);
}

/* Makes every list a ruleset of its own. */
void asa_lists_build(struct asa *a)
{
	vec_each (p, &a->all_lists) {
		struct list *l = *p;

		if (l->aces.n && l->type != LIST_ETHERTYPE && l->type != LIST_WEBTYPE) {
			const char *name = l->name;

			if (l->v6 && map_get(&a->lists, name))
				name = arena_printf(a->arena, "%s (ipv6)", name);
			l->ruleset = device_build_ruleset(a->b, name, "access list",
							  asa_loc(a, l->line));
		}
		build_list(a, l);
	}
}

const struct match *asa_list_permits(struct asa *a, struct word name, uint32_t line)
{
	struct list *l = asa_list(a, name, false, false, 0);

	if (!l || !l->ruleset || l->cleared || l->type != LIST_EXTENDED)
		return match_unknown(a->m, asa_loc(a, line),
				     "access list %.*s, which is not %s", (int)name.len, name.s,
				     l ? "an extended one" : "defined");
	if (!l->exact)
		l->exact = rules_permit(a->m, l->ruleset->rules, l->ruleset->n);
	return l->exact;
}

void asa_conduit_line(struct asa *a, struct line *l)
{
	a->pix6 = true;
	*vec_add(&a->conduits) = l->no;
}

/* The conduits of PIX as one ruleset; NULL where there are none. */
struct ruleset *asa_conduits_build(struct asa *a)
{
	VEC(struct rule) rules = { 0 };
	struct ruleset *rs;

	if (!a->conduits.n)
		return NULL;
	rs = device_build_ruleset(a->b, "conduit lines", "conduits",
				  asa_loc(a, a->conduits.v[0]));
	vec_each (no, &a->conduits) {
		struct line l;
		struct rule r;

		line_split(a->src, *no, &l);
		l.i = 1;
		r = read_entry(a, &l, NULL, true);
		r.name = arena_printf(a->arena, "conduit %zu", rules.n + 1);
		*vec_add(&rules) = r;
	}
	device_build_rules(a->b, rs, rules.v, rules.n);
	vec_free(&rules);
	return rs;
}
