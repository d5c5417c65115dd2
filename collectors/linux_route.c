/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes. All are kept for whoever looks for paths. The IPv4 ones of the three tables that
 * every host asks in turn (local, main, default) also say which sources an interface expects:
 * the kernel looks the source up as if it were a destination (fib_validate_source() in
 * net/ipv4/fib_frontend.c) and wants to be sent back by the interface, or by any.
 */
#include "collectors/linux_internal.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE_DEFAULT = 253, TABLE_MAIN = 254, TABLE_LOCAL = 255 };

static bool is(const char *s, const char *word)
{
	return !strcmp(s, word);
}

static const json_t *nexthop_of(struct linux_read *r, int64_t id)
{
	const json_t *all = json_object_get(r->parts[PART_NEXTHOPS].v, "data");
	bool first = !r->nexthops.n;
	for (size_t i = 0; first && i < json_array_size(all); i++) {
		int64_t one = linux_number(json_array_get(all, i), "id");
		*map_atn(&r->nexthops, (const char *)&one, sizeof(one)) =
			(void *)json_array_get(all, i);
	}
	return map_getn(&r->nexthops, (const char *)&id, sizeof(id));
}

struct ways {
	VEC(struct linux_link *) links;
	VEC(const json_t *) hops; /* beside each link */
	const char *why;	  /* they can't be told */
	const char *gap;	  /* nor is it known whether they are in force */
	bool drop;
};

static void add_way(struct linux_read *r, struct ways *w, const json_t *v)
{
	struct linux_link *l = linux_link(r, linux_str(v, "link"));
	if (linux_has_flag(v, "dead"))
		return; /* the kernel passes it by */
	if (linux_has_flag(v, "linkdown"))
		w->why = "a route by an interface without carrier";
	if (json_object_get(v, "unknown_attributes"))
		w->gap = w->why = "a route with attributes that the collecting side didn't know";
	if (!l) {
		w->gap = w->why = "a route by an interface that isn't among the links";
		return;
	}
	*vec_add(&w->links) = l;
	*vec_add(&w->hops) = v;
}

static void ways_of(struct linux_read *r, const json_t *v, struct ways *w)
{
	const json_t *hops = json_object_get(v, "nexthops");
	int64_t id = linux_number(v, "nexthop_id");
	if (json_array_size(hops)) {
		for (size_t i = 0; i < json_array_size(hops); i++)
			add_way(r, w, json_array_get(hops, i));
	} else if (id > 0) {
		const json_t *h = nexthop_of(r, id), *group = json_object_get(h, "group");
		w->drop = linux_true(h, "blackhole");
		for (size_t i = 0; i < json_array_size(group); i++) {
			int64_t one = linux_number(json_array_get(group, i), "id");
			const json_t *member = one > 0 ? nexthop_of(r, one) : NULL;
			w->drop |= linux_true(member, "blackhole");
			if (member && !linux_true(member, "blackhole"))
				add_way(r, w, member);
		}
		if (!h)
			w->gap = w->why = "a route by a nexthop that the file hasn't got";
		else if (!json_array_size(group) && !w->drop)
			add_way(r, w, h);
		else if (w->drop && w->links.n)
			w->gap = w->why = "a group of nexthops with a hole";
	} else {
		add_way(r, w, v);
	}
}

/* A route by an interface without carrier is in force all the same. */
static bool kept_down(struct linux_read *r, const struct prefix *dst, const struct linux_link *l)
{
	const char *s = linux_sysctl(r, NULL, "net/%s/conf/%s/ignore_routes_with_linkdown",
				     dst->family == FAMILY_V4 ? "ipv4" : "ipv6", l->name);
	return s && !strcmp(s, "0");
}

/* The route as the device gets it; what isn't in force (all of its hops are dead) is left out. */
static void keep_route(struct linux_read *r, const json_t *v, const struct prefix *dst,
		       unsigned table, const struct ways *w, enum linux_fate fate, size_t order)
{
	int64_t metric = linux_number(v, "priority");
	struct linux_fib_route x = { .dst = *dst,
				     .table = table,
				     .metric = metric < 0 ? 0 : (uint32_t)metric,
				     .fate = (uint8_t)fate,
				     .at = linux_loc(r, v),
				     .order = order };
	struct linux_hop *hops = arena_array(r->arena, w->links.n, sizeof(*hops));
	const char *why = fate == FATE_UNKNOWN ? "a route of a type that isn't known" : w->gap;
	if (json_object_get(v, "unknown_attributes"))
		why = "a route with attributes that the collecting side didn't know";
	if (json_object_get(v, "encap"))
		why = "a route by which packets leave wrapped in others";
	for (size_t i = 0; i < w->links.n && (fate == FATE_LINKS || fate == FATE_LOCAL); i++) {
		const json_t *from = w->hops.v[i];
		struct linux_hop *h = &hops[x.n_hops++];
		struct prefix via;
		h->link = w->links.v[i];
		if (linux_prefix(from, "gateway", &via)) {
			h->via = via.addr, h->has_via = true;
			if (via.family != dst->family)
				why = "a route by a next hop of the other family";
		}
		if (json_object_get(from, "encap"))
			why = "a route by which packets leave wrapped in others";
		if (linux_has_flag(from, "linkdown") && !kept_down(r, dst, h->link))
			h->odd = "its interface has no carrier";
	}
	if (fate == FATE_LINKS && !x.n_hops && !why)
		return;
	if (linux_number(v, "tos") > 0)
		x.odd = "it is for one type of service", x.metric = 0;
	struct prefix source;
	if (linux_prefix(v, "source", &source) && source.len)
		x.odd = "it is for some sources", x.metric = 0;
	if (why && fate == FATE_LINKS)
		x.fate = FATE_UNKNOWN;
	x.why = x.fate == FATE_UNKNOWN ? why : NULL;
	x.hops = hops;
	*vec_add(&r->fib) = x;
}

static void read_route(struct linux_read *r, const json_t *v, size_t order)
{
	static const char known[] =
		"family table type destination source tos gateway link link_index priority protocol "
		"scope preferred_source flags expires nexthops nexthop_id encap preference "
		"unknown_attributes";
	const char *type = linux_str(v, "type");
	int64_t table = linux_number(v, "table"), metric = linux_number(v, "priority");
	struct prefix dst;
	bool ok = linux_keys(r, v, known, true);
	if (!ok || !type || table < 0 || !linux_prefix(v, "destination", &dst)) {
		account_add(r->c->snap, r->acc, ACCOUNT_REJECTED, true, linux_loc(r, v),
			    "a route that was not understood");
		linux_trouble(r, PART_ROUTES, linux_loc(r, v), "a route that was not understood");
		return;
	}
	linux_exact(r, v);
	if (table == TABLE_LOCAL && (is(type, "local") || is(type, "broadcast")))
		*vec_add(is(type, "local") ? &r->local[dst.family] : &r->broadcast[dst.family]) =
			span_prefix((enum family)dst.family, dst.addr, dst.len);
	bool unicast = is(type, "unicast"), local = is(type, "local");
	bool drop = is(type, "blackhole") || is(type, "unreachable") || is(type, "prohibit");
	struct ways w = { 0 };
	if (unicast || local)
		ways_of(r, v, &w);
	drop |= w.drop && !w.links.n;
	/* what comes in to a broadcast address is the host's own as well */
	bool own = local || is(type, "broadcast") || is(type, "anycast");
	if (!is(type, "multicast"))
		keep_route(r, v, &dst, (unsigned)table, &w,
			   drop			? FATE_DROP
			   : own		? FATE_LOCAL
			   : is(type, "throw")	? FATE_THROW
			   : unicast		? FATE_LINKS
						: FATE_UNKNOWN,
			   order);
	if (dst.family == FAMILY_V4) {
		struct linux_route *out = vec_add(&r->routes);
		*out = (struct linux_route){ .dst = dst,
					     .table = (unsigned)table,
					     .metric = metric < 0 ? 0 : (uint32_t)metric,
					     .at = linux_loc(r, v),
					     .order = order,
					     .why = w.why };
		out->target = local ? TARGET_LOCAL
			      : is(type, "broadcast") ? TARGET_BROADCAST
			      : drop	     ? TARGET_DROP
			      : unicast ? TARGET_LINKS
					     : TARGET_UNKNOWN;
		if (is(type, "throw"))
			out->target = TARGET_NONE;
		if (linux_number(v, "tos") > 0)
			out->why = "a route for one type of service";
		if (out->target == TARGET_LINKS && !w.links.n && !out->why)
			out->why = "a route without an interface that is up";
		if (out->target == TARGET_UNKNOWN && !out->why)
			out->why = "a route of a type that isn't known";
		if (out->why)
			out->target = TARGET_UNKNOWN;
		out->links = arena_copy(r->arena, w.links.v, w.links.n * sizeof(*w.links.v));
		out->n_links = w.links.n;
	}
	vec_free(&w.links);
	vec_free(&w.hops);
}

/* The three rules that every host has, and no other of IPv4. */
static void read_rules(struct linux_read *r)
{
	static const char known[] =
		"family priority invert from to iif iif_detached oif oif_detached fwmark fwmask "
		"ip_proto sport dport sport_mask dport_mask uid_range l3mdev tos dscp dscp_mask "
		"flowlabel flowlabel_mask tunnel_id action table goto unresolved "
		"suppress_prefixlength suppress_ifgroup realms protocol unknown_attributes";
	static const char plain[] = "family priority invert action table protocol tos l3mdev";
	static const struct {
		int64_t priority, table;
	} usual[] = { { 0, TABLE_LOCAL }, { 32766, TABLE_MAIN }, { 32767, TABLE_DEFAULT } };
	const json_t *data = linux_data(r, PART_RULES, JSON_ARRAY);
	size_t n = 0;
	for (size_t i = 0; i < json_array_size(data); i++) {
		const json_t *v = json_array_get(data, i);
		const char *family = linux_str(v, "family"), *action = linux_str(v, "action");
		bool ok = linux_keys(r, v, known, true), common = n < 3;
		if (ok)
			linux_exact(r, v);
		else
			account_add(r->c->snap, r->acc, ACCOUNT_REJECTED, true, linux_loc(r, v),
				    "members that are not known");
		if (family && strcmp(family, "ipv4"))
			continue;
		const char *key;
		json_t *value;
		json_object_foreach ((json_t *)v, key, value) {
			bool usual_key = false;
			for (const char *s = plain; *s; s += strcspn(s, " "), s += *s == ' ')
				usual_key |= !strncmp(s, key, strlen(key)) &&
					     (s[strlen(key)] == ' ' || !s[strlen(key)]);
			common &= usual_key || json_is_null(value) || json_is_false(value);
		}
		common = common && action && !strcmp(action, "table") &&
			 linux_number(v, "tos") <= 0 && !linux_true(v, "invert") &&
			 !linux_true(v, "l3mdev") &&
			 linux_number(v, "priority") == usual[n].priority &&
			 linux_number(v, "table") == usual[n].table;
		r->local_first |= common && !n;
		n++;
		if (!common && !r->rules_why) {
			r->rules_why = "policy rules choose among tables";
			r->rules_at = linux_loc(r, v);
		}
	}
	if (n != 3 && !r->rules_why) {
		r->rules_why = "not the policy rules that every host has";
		r->rules_at = r->parts[PART_RULES].at;
	}
}

static int by_prefix(const void *x, const void *y)
{
	const struct linux_route *a = x, *b = y;
	int c = addr_compare(a->dst.addr, b->dst.addr);
	if (c || a->dst.len != b->dst.len)
		return c ? c : a->dst.len < b->dst.len ? -1 : 1;
	if (a->metric != b->metric)
		return a->metric < b->metric ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void linux_routes(struct linux_read *r)
{
	const json_t *data = linux_data(r, PART_ROUTES, JSON_ARRAY);
	for (size_t i = 0; i < json_array_size(data); i++)
		read_route(r, json_array_get(data, i), i);
	const json_t *hops = linux_data(r, PART_NEXTHOPS, JSON_ARRAY);
	linux_count(r, hops,
		    "id family gateway link link_index blackhole fdb encap group flags protocol "
		    "scope unknown_attributes");
	read_rules(r);
	if (r->routes.n)
		qsort(r->routes.v, r->routes.n, sizeof(*r->routes.v), by_prefix);
}

static void put(struct linux_pieces *out, uint64_t lo, uint64_t hi, const struct linux_route *route)
{
	if (lo <= hi)
		*vec_add(out) = (struct linux_piece){ { { 0, lo }, { 0, hi } }, route };
}

static uint64_t last_of(const struct linux_route *x)
{
	return span_prefix(FAMILY_V4, x->dst.addr, x->dst.len).hi.lo;
}

/* The longest prefix wins: routes are nested, in the order of their first address. */
void linux_look_up(struct linux_read *r, unsigned table, struct linux_pieces *out)
{
	const struct linux_route *open[34];
	size_t n = 0;
	uint64_t at = 0; /* the first address that isn't settled */
	vec_each (x, &r->routes) {
		if (x->table != table)
			continue;
		uint64_t lo = x->dst.addr.lo;
		while (n && last_of(open[n - 1]) < lo) {
			put(out, at, last_of(open[n - 1]), open[n - 1]);
			at = last_of(open[n - 1]) + 1 > at ? last_of(open[n - 1]) + 1 : at;
			n--;
		}
		if (lo > at)
			put(out, at, lo - 1, n ? open[n - 1] : NULL);
		at = lo > at ? lo : at;
		/* of equal ones the first (of the least metric) is taken */
		if (n && open[n - 1]->dst.len == x->dst.len)
			continue;
		open[n++] = x;
	}
	while (n) {
		uint64_t hi = last_of(open[n - 1]);
		put(out, at, hi, open[n - 1]);
		at = hi + 1 > at ? hi + 1 : at;
		n--;
	}
	put(out, at, UINT32_MAX, NULL);
}

/* What the tables say one behind the other, told to the interfaces that it leads to. */
static void look_up_all(struct linux_read *r)
{
	static const unsigned tables[] = { TABLE_LOCAL, TABLE_MAIN, TABLE_DEFAULT };
	struct linux_pieces p[3] = { 0 };
	size_t i[3] = { 0 };
	for (int t = 0; t < 3; t++)
		linux_look_up(r, tables[t], &p[t]);
	for (uint64_t at = 0; at <= UINT32_MAX;) {
		const struct linux_route *x = NULL;
		uint64_t hi = UINT32_MAX;
		for (int t = 0; t < 3; t++) {
			while (p[t].v[i[t]].span.hi.lo < at)
				i[t]++;
			const struct linux_piece *one = &p[t].v[i[t]];
			hi = one->span.hi.lo < hi ? one->span.hi.lo : hi;
			if (!x && one->route && one->route->target != TARGET_NONE)
				x = one->route;
		}
		struct span s = { { 0, at }, { 0, hi } };
		if (x && x->target == TARGET_UNKNOWN) {
			r->unsure_why = x->why;
			*vec_add(&r->unsure) = s;
		} else if (x && x->target == TARGET_LINKS) {
			*vec_add(&r->reachable) = s;
			for (size_t k = 0; k < x->n_links; k++)
				*vec_add(&x->links[k]->sources) = s;
		}
		at = hi + 1;
	}
	for (int t = 0; t < 3; t++)
		vec_free(&p[t]);
}

const struct match *linux_sources(struct linux_read *r, const struct linux_link *l, bool strict)
{
	static const enum linux_part_id asked[] = { PART_ADDRESSES, PART_ROUTES, PART_NEXTHOPS,
						    PART_RULES };
	struct matches *m = r->m;
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++)
		if (r->parts[asked[i]].trouble)
			return match_unknown(m, r->parts[asked[i]].trouble_at,
					     "source check: %s", r->parts[asked[i]].trouble);
	if (r->rules_why)
		return linux_reverse(r, l, !strict && l->addressed);
	if (!r->looked_up)
		look_up_all(r);
	r->looked_up = true;
	bool any = !strict && l->addressed;
	const struct match *ret =
		match_spans(m, FIELD_SRC, FAMILY_V4, any ? r->reachable.v : l->sources.v,
			    any ? r->reachable.n : l->sources.n);
	return match_or(m, ret,
			match_and(m,
				  match_spans(m, FIELD_SRC, FAMILY_V4, r->unsure.v, r->unsure.n),
				  match_unknown(m, LOC_NONE, "source check: %s",
						r->unsure_why ? r->unsure_why : "a route")));
}
