/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy rules (fib_rules_lookup() in net/core/fib_rules.c): the first that holds looks the
 * packet up in its table; where that has no route the next one is asked. What a rule asks
 * becomes a condition on the packet as it is routed, behind translation of destinations:
 *
 *	iif	the interface that it came in by; lo: the host itself sends it
 *	oif	a socket that is bound to an interface: never of a packet that is passed on
 *	uid	that of the namespace's root where it is passed on (sock_net_uid())
 *	fwmark	what the rulesets before routing made of the mark (struct nf_mark)
 *	goto	the rules in between ask for the contrary
 *	l3mdev	the table of the VRF that it came in by
 */
#include "collectors/linux_internal.h"

#include <string.h>

enum {
	TABLE_DEFAULT = 253,
	TABLE_MAIN = 254,
	TABLE_LOCAL = 255,
	JUMPS_MOST = 64,
	RULES_MOST = 1 << 19
};

struct jump {
	int64_t to; /* priority */
	const struct match *when;
};

struct policy {
	struct linux_read *r;
	enum family family;
	VEC(struct jump) jumps;
	const char
		*in; /* of the rule that is read: its interface; NULL: none, or in its match */
	bool full;   /* too many: the last one says so */
	bool local_first; /* nothing has been asked before the local table */
};

static bool is(const char *s, const char *word)
{
	return s && !strcmp(s, word);
}

static int family_of(const json_t *v)
{
	const char *s = linux_str(v, "family");
	return is(s, "ipv4") ? FAMILY_V4 : is(s, "ipv6") ? FAMILY_V6 : -1;
}

static void mark_of(const json_t *v, uint32_t *ret_value, uint32_t *ret_mask)
{
	int64_t value = linux_number(v, "fwmark"), mask = linux_number(v, "fwmask");
	*ret_value = value < 0 ? 0 : (uint32_t)value;
	*ret_mask = mask < 0 ? value < 0 ? 0 : UINT32_MAX : (uint32_t)mask;
}

static struct nf_mark *mark_at(struct linux_read *r, enum family f, uint32_t value,
			       uint32_t mask)
{
	vec_each (x, &r->marks)
		if (x->family == f && x->value == value && x->mask == mask)
			return x;
	return NULL;
}

void linux_marks(struct linux_read *r)
{
	enum { MARKS_MOST = 1024 };
	const json_t *data = json_object_get(r->parts[PART_RULES].v, "data");
	for (size_t i = 0; i < json_array_size(data); i++) {
		const json_t *v = json_array_get(data, i);
		uint32_t value, mask;
		int f = family_of(v);
		mark_of(v, &value, &mask);
		if (f >= 0 && mask && r->marks.n < MARKS_MOST &&
		    !mark_at(r, (enum family)f, value, mask))
			*vec_add(&r->marks) =
				(struct nf_mark){ (enum family)f, value, mask, NULL };
	}
	r->host.marks = r->marks.v;
	r->host.n_marks = r->marks.n;
}

/* The packet's mark; one that no ruleset sets is that of the wire, none. */
static const struct match *marked(struct linux_read *r, enum family f, uint32_t value,
				  uint32_t mask)
{
	struct matches *m = r->m;
	const struct nf_mark *x = mark_at(r, f, value, mask);
	const struct match *doubt = match_unknown(m, LOC_NONE, "the packet's mark");
	if (!x || (!x->is && r->host.sets_marks[f]) || r->parts[PART_NFTABLES].trouble ||
	    r->parts[PART_IPTABLES].trouble)
		return doubt;
	if (x->is)
		return x->is;
	/* what programs of the host and tunnels mark */
	const struct match *other = match_iface(m, FIELD_IIF, "", false);
	other = match_or(m, other, match_iface(m, FIELD_IIF, "lo", false));
	if (r->host.unwrapped)
		other = match_or(m, other, r->host.unwrapped);
	other = match_and(m, other, doubt);
	return value & mask ? other : match_or(m, match_not(m, other), other);
}

static const struct match *from_host(struct linux_read *r)
{
	return match_iface(r->m, FIELD_IIF, "", false);
}

/* Packets that are looked up as those of the interface. */
static const struct match *came_by(struct linux_read *r, const char *name)
{
	struct matches *m = r->m;
	const struct linux_link *l = linux_link(r, name);
	void **slot = map_at(&r->came, name);
	if (*slot)
		return *slot;
	if (l && l->loopback)
		return from_host(r);
	const struct match *is = match_iface(m, FIELD_IIF, name, false);
	*slot = (void *)is;
	if (l && l->master && !strcmp(l->master->kind, "vrf"))
		return match_and(m, is, match_unknown(m, LOC_NONE, "an interface of a VRF"));
	VEC(const struct match *) all = { 0 };
	if (l && !strcmp(l->kind, "vrf"))
		vec_each (lp, &r->links)
			if ((*lp)->master == l)
				*vec_add(&all) = match_iface(m, FIELD_IIF, (*lp)->name, false);
	*vec_add(&all) = is;
	*slot = (void *)match_or_n(m, all.v, all.n);
	vec_free(&all);
	return *slot;
}

static const struct match *ports(struct linux_read *r, const json_t *v, const char *key,
				 const char *mask, enum field f)
{
	struct matches *m = r->m;
	const json_t *range = json_object_get(v, key);
	const json_t *bits = json_object_get(v, mask);
	if (!range || json_is_null(range))
		return match_all(m);
	json_int_t lo = json_integer_value(json_array_get(range, 0));
	json_int_t hi = json_integer_value(json_array_get(range, 1));
	if (json_array_size(range) != 2 || lo < 0 || hi > 65535 || lo > hi ||
	    (bits && !json_is_null(bits) && json_integer_value(bits) != 65535))
		return match_unknown(m, LOC_NONE, "%s of a policy rule", key);
	return match_range(m, f, (unsigned)lo, (unsigned)hi);
}

static bool given(const json_t *v, const char *key)
{
	const json_t *x = json_object_get(v, key);
	return x && !json_is_null(x) && !json_is_false(x) &&
	       !(json_is_integer(x) && !json_integer_value(x));
}

const struct match *linux_asked(struct linux_read *r, enum family f, const json_t *v,
				enum linux_view view)
{
	static const char *const unknown[] = { "tos",	    "dscp",	      "dscp_mask", "flowlabel",
					       "tunnel_id", "flowlabel_mask", NULL };
	struct matches *m = r->m;
	const struct match *ret = match_all(m);
	bool back = view == LINUX_BACK;
	static const struct {
		const char *key;
		enum field field, back;
	} ends[] = { { "from", FIELD_SRC, FIELD_DST }, { "to", FIELD_DST, FIELD_SRC } };
	for (size_t i = 0; i < 2; i++) {
		struct prefix net;
		if (!given(v, ends[i].key))
			continue;
		if (linux_prefix(v, ends[i].key, &net) && net.family == f)
			ret = match_and(m, ret,
					match_prefix(m, back ? ends[i].back : ends[i].field, f,
						     net.addr, net.len));
		else
			ret = match_and(m, ret,
					match_unknown(m, LOC_NONE, "an address of a policy rule"));
	}
	const char *iif = linux_str(v, "iif"), *oif = linux_str(v, "oif");
	const struct linux_link *lo = linux_link(r, iif);
	if (iif && back)
		ret = lo && lo->loopback ? ret : match_none(m);
	else if (iif && view != LINUX_BUT_PLACE)
		ret = match_and(m, ret,
				linux_true(v, "iif_detached") ? match_none(m) : came_by(r, iif));
	if (oif && (back || linux_true(v, "oif_detached")))
		ret = match_none(m);
	else if (oif)
		ret = match_and(m, ret,
				match_and(m, from_host(r),
					  match_unknown(m, LOC_NONE, "a socket's interface")));
	uint32_t value, mask;
	mark_of(v, &value, &mask);
	if (mask && !back)
		ret = match_and(m, ret, marked(r, f, value, mask));
	else if (value & mask)
		ret = match_none(m); /* the way back is looked up without one */
	if (given(v, "ip_proto")) {
		int64_t proto = linux_number(v, "ip_proto");
		ret = match_and(m, ret,
				proto >= 0 && proto < 256
					? match_value(m, FIELD_PROTO, (unsigned)proto)
					: match_unknown(m, LOC_NONE, "a policy rule's protocol"));
	}
	ret = match_and(m, ret,
			ports(r, v, "sport", "sport_mask", back ? FIELD_DPORT : FIELD_SPORT));
	ret = match_and(m, ret,
			ports(r, v, "dport", "dport_mask", back ? FIELD_SPORT : FIELD_DPORT));
	const json_t *uid = json_object_get(v, "uid_range");
	if (json_is_array(uid)) {
		bool root = json_array_size(uid) == 2 &&
			    !json_integer_value(json_array_get(uid, 0));
		const struct match *own =
			match_and(m, from_host(r), match_unknown(m, LOC_NONE, "a socket's user"));
		ret = match_and(m, ret,
				root ? match_or(m, match_not(m, from_host(r)), own) : own);
	}
	for (size_t i = 0; unknown[i]; i++)
		if (given(v, unknown[i]))
			ret = match_and(m, ret,
					match_unknown(m, LOC_NONE, "%s of a policy rule",
						      unknown[i]));
	return linux_true(v, "invert") ? match_not(m, ret) : ret;
}

static void put(struct policy *p, struct route_rule x, const struct match *when, struct loc at)
{
	if (when->kind == MATCH_NONE)
		return;
	if (!x.in)
		x.in = p->in;
	x.match = when;
	x.at = at;
	*vec_add(&p->r->b->route_rules) = x;
}

static void unknown(struct policy *p, const struct match *when, struct loc at, const char *why)
{
	put(p, (struct route_rule){ .kind = ROUTE_UNKNOWN, .suppress = -1, .why = why }, when,
	    at);
}

/* One table, and before it what the table has no routes for. in: a port, or NULL. */
static void look_up(struct policy *p, unsigned table, int suppress, const char *in,
		    const struct match *when, struct loc at)
{
	struct linux_read *r = p->r;
	struct matches *m = r->m;
	const struct linux_fib_route *first;
	const struct match *space = linux_space(r, p->family, table, FATE_UNKNOWN, 128, &first);
	if (first)
		put(p,
		    (struct route_rule){ .kind = ROUTE_UNKNOWN,
					 .in = in,
					 .suppress = -1,
					 .why = first->why ? first->why
						: first->odd
							? first->odd
							: "a route that may not be in force" },
		    match_and(m, when, space), first->at);
	if (suppress >= 0) {
		/* only routes that lead somewhere are passed over */
		space = linux_space(r, p->family, table, FATE_DROP, (unsigned)suppress, &first);
		if (first)
			put(p,
			    (struct route_rule){ .kind = ROUTE_DROP, .in = in, .suppress = -1 },
			    match_and(m, when, space), first->at);
	}
	space = linux_space(r, p->family, table, FATE_THROW, 128, &first);
	put(p,
	    (struct route_rule){ .kind = ROUTE_LOOKUP,
				 .falls = true,
				 .in = in,
				 .table = linux_table(r, table),
				 .suppress = suppress },
	    first ? match_and(m, when, match_not(m, space)) : when, at);
}

/* The tables of VRFs, for what comes in by their interfaces. */
static void look_up_vrfs(struct policy *p, int suppress, const struct match *when,
			 struct loc at)
{
	struct linux_read *r = p->r;
	vec_each (lp, &r->links) {
		const struct linux_link *vrf =
			!strcmp((*lp)->kind, "vrf") ? *lp : (*lp)->master;
		if (!vrf || strcmp(vrf->kind, "vrf"))
			continue;
		if (vrf->vrf_table)
			look_up(p, vrf->vrf_table, suppress, (*lp)->name, when, at);
		else
			put(p,
			    (struct route_rule){ .kind = ROUTE_UNKNOWN,
						 .in = (*lp)->name,
						 .suppress = -1,
						 .why = "a VRF whose table isn't told" },
			    when, at);
	}
}

/* Routes of the interfaces of one group are passed over: told where there are any. */
static bool has_group(struct linux_read *r, int64_t group)
{
	return map_getn(&r->groups, (const char *)&group, sizeof(group)) != NULL;
}

static void read_rule(struct policy *p, const json_t *v)
{
	struct linux_read *r = p->r;
	struct matches *m = r->m;
	struct loc at = linux_loc(r, v);
	const char *action = linux_str(v, "action");
	int64_t priority = linux_number(v, "priority"), table = linux_number(v, "table");
	int64_t suppress = linux_number(v, "suppress_prefixlength");
	int64_t group = linux_number(v, "suppress_ifgroup");
	const struct match *of = match_family(m, p->family), *when;
	bool l3mdev = linux_true(v, "l3mdev"), invert = linux_true(v, "invert");
	const struct linux_link *iif = linux_link(r, linux_str(v, "iif"));
	p->in = NULL;
	if (p->full)
		return;
	if (r->b->route_rules.n > RULES_MOST) {
		p->full = true;
		unknown(p, of, at, "more policy rules than are followed");
		return;
	}
	if (iif && !invert && !l3mdev && !is(action, "goto") && strcmp(iif->kind, "vrf") &&
	    !(iif->master && !strcmp(iif->master->kind, "vrf")))
		p->in = iif->loopback ? "" : iif->name;
	when = linux_asked(r, p->family, v, p->in ? LINUX_BUT_PLACE : LINUX_FORTH);
	size_t kept = 0;
	if (priority < 0 || given(v, "unknown_attributes") || (invert && l3mdev))
		when = match_unknown(m, at, "a policy rule that was not understood");
	when = match_and(m, of, when);
	vec_each (j, &p->jumps) {
		if (j->to <= priority)
			continue;
		when = match_and(m, when, match_not(m, j->when));
		p->jumps.v[kept++] = *j;
	}
	p->jumps.n = kept;
	if (when->kind == MATCH_NONE)
		return;
	bool to_table = is(action, "table"), local = to_table && table == TABLE_LOCAL;
	if (p->local_first && local && when == of && !p->in)
		p->local_first = false; /* asked at once */
	else if (p->local_first && !is(action, "nop") &&
		 !(to_table && table >= 0 && linux_only_local(r, p->family, (unsigned)table))) {
		/* own addresses are the host's own in the model, whatever is asked before */
		device_build_taint(r->b, NULL, at,
				   "policy rules ask others before the local table");
		p->local_first = false;
	}
	if (is(action, "goto")) {
		int64_t to = linux_number(v, "goto");
		if (linux_true(v, "unresolved"))
			return; /* the kernel passes it by */
		if (to <= priority || p->jumps.n == JUMPS_MOST)
			unknown(p, when, at, "a jump among policy rules");
		else
			*vec_add(&p->jumps) = (struct jump){ to, when };
	} else if (is(action, "blackhole") || is(action, "unreachable") ||
		   is(action, "prohibit")) {
		put(p, (struct route_rule){ .kind = ROUTE_DROP, .suppress = -1 }, when, at);
	} else if (group >= 0 && group < UINT32_MAX && has_group(r, group)) {
		unknown(p, when, at, "routes of a group of interfaces are passed over");
	} else if (to_table && l3mdev) {
		look_up_vrfs(p, suppress > 128 ? -1 : (int)suppress, when, at);
	} else if (to_table && table > 0) {
		look_up(p, (unsigned)table, suppress > 128 ? -1 : (int)suppress, NULL, when,
			at);
	} else if (!is(action, "nop")) {
		unknown(p, when, at, "a policy rule whose action isn't known");
	}
}

void linux_policy(struct linux_read *r)
{
	const json_t *data = json_object_get(r->parts[PART_RULES].v, "data");
	struct loc at = r->parts[PART_RULES].at;
	if (r->b->dev.routing != ROUTING_WHOLE) {
		*vec_add(&r->b->route_rules) =
			(struct route_rule){ .kind = ROUTE_UNKNOWN,
					     .suppress = -1,
					     .why = r->b->dev.routing_why,
					     .at = r->b->dev.routing_at };
		return;
	}
	for (int f = 0; f < FAMILY_COUNT; f++) {
		struct policy p = { .r = r, .family = (enum family)f, .local_first = true };
		for (size_t i = 0; i < json_array_size(data); i++)
			if (family_of(json_array_get(data, i)) == f)
				read_rule(&p, json_array_get(data, i));
		vec_free(&p.jumps);
		if (json_array_size(data))
			continue;
		/* a kernel without policy routing */
		const struct match *of = match_family(r->m, (enum family)f);
		look_up(&p, TABLE_LOCAL, -1, NULL, of, at);
		look_up(&p, TABLE_MAIN, -1, NULL, of, at);
		look_up(&p, TABLE_DEFAULT, -1, NULL, of, at);
	}
}
