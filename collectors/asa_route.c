/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routing: static routes, route maps as policy routing uses them, and the checks of reverse
 * paths. Protocols and addresses that are given later make routes that a configuration doesn't
 * tell; then only networks of the firewall's own are sure. Management-only ports have a table
 * of their own from 9.5 on (ASA CLI book 1, "Routing Table for Management Traffic").
 */
#include "collectors/asa_internal.h"

#include <stdlib.h>
#include <string.h>

void asa_learned(struct asa *a, uint32_t line, const char *why)
{
	if (a->learned)
		return;
	a->learned = why;
	a->learned_line = line;
}

bool asa_own_table(const struct asa *a)
{
	return a->version_known && a->flavour == ASA_ASA &&
	       (a->major > 9 || (a->major == 9 && a->minor >= 5));
}

/* Static routes */

static bool parse_route(struct asa *a, struct line *l, bool v6, struct route *w,
			const char **why)
{
	struct word name = line_next(l), dst = line_next(l), gw;
	struct intf *i = asa_port(a, name);
	enum family f;
	struct addr mask;
	unsigned len, v;
	bool bits;

	*w = (struct route){ .metric = 1, .at = asa_loc(a, l->no) };
	w->drop = word_is(name, "Null0");
	if (!i && !w->drop)
		return *why = arena_printf(a->arena, "there is no interface %.*s",
					   (int)name.len, name.s),
		       false;
	w->port = i ? i->name : NULL;
	w->dst.family = v6 ? FAMILY_V6 : FAMILY_V4;
	if (v6) {
		if (!prefix_parse(dst.s, dst.len, &f, &w->dst.addr, &len, &bits) ||
		    f != FAMILY_V6)
			return *why = "no IPv6 prefix", false;
		w->dst.addr = addr_and(w->dst.addr, addr_mask(FAMILY_V6, len));
	} else {
		if (!asa_addr(a, dst, &f, &w->dst.addr) || f != FAMILY_V4 ||
		    !asa_addr(a, line_next(l), &f, &mask) || f != FAMILY_V4 ||
		    addr_mask_len(FAMILY_V4, mask) < 0)
			return *why = "a route needs an address and a netmask", false;
		len = (unsigned)addr_mask_len(FAMILY_V4, mask);
		w->dst.addr = addr_and(w->dst.addr, mask);
	}
	w->dst.len = (uint8_t)len;
	gw = line_peek(l, 0);
	if (asa_addr(a, gw, &f, &w->via) && f == w->dst.family) {
		l->i++;
		w->has_via = true;
	} else if (!w->drop) {
		return *why = "a route needs a gateway", false;
	}
	if (word_number(line_peek(l, 0), 255, &v)) {
		l->i++;
		w->metric = v;
	}
	return true;
}

/* One line; what is said behind the metric: `track N`, `tunneled`. */
static void build_route(struct asa *a, uint32_t no)
{
	struct line l;
	struct route r;
	const char *why = NULL;
	const struct intf *i;
	bool v6, tunneled = false, track = false;

	line_split(a->src, no, &l);
	v6 = line_take(&l, "ipv6");
	line_next(&l); /* route */
	if (!parse_route(a, &l, v6, &r, &why)) {
		asa_reject(a, no, NULL, "asa.route", "the route was not understood: %s", why);
		asa_learned(a, no, "a route that was not understood");
		return;
	}
	while (!line_ended(&l)) {
		if (line_take(&l, "track")) {
			struct word id = line_next(&l);

			track = true;
			r.odd = arena_printf(a->arena, "it hangs on track %.*s", (int)id.len,
					     id.s);
		} else {
			tunneled |= word_is(line_next(&l), "tunneled");
		}
	}
	if (tunneled) {
		asa_class(a, no, ACCOUNT_BOUNDED, true,
			  "a route for what comes out of tunnels only");
		return;
	}
	i = r.port ? asa_port_named(a, r.port) : NULL;
	if (i && i->management && asa_own_table(a))
		r.segment = ASA_MANAGEMENT;
	if (track)
		asa_class(a, no, ACCOUNT_BOUNDED, true, "a route that hangs on a track");
	else
		ASA_EXACT(a, no);
	/* Not in the table while its port is shut down. */
	if (!i || !asa_down(a, i))
		*vec_add(&a->b->routes) = r;
}

/* `ip address dhcp setroute`: a default route whose next hop isn't written. */
static void build_setroute(struct asa *a, const struct intf *i)
{
	if (!i->dynamic || !i->setroute || !i->name || asa_down(a, i))
		return;
	*vec_add(&a->b->routes) = (struct route){ .dst = { FAMILY_V4, 0, { 0, 0 } },
						  .port = i->name,
						  .metric = 1,
						  .odd = "its next hop comes with the address",
						  .at = asa_loc(a, i->line) };
}

/* Route maps */

/* route-map NAME [permit|deny] [SEQ] */
void asa_route_map_line(struct asa *a, struct line *l)
{
	struct word name = line_next(l);
	void **slot = map_atn(&a->route_maps, name.s, name.len);
	struct map_clause *c;
	unsigned seq = 10;

	if (!*slot)
		*slot = arena_alloc(a->arena, sizeof(struct route_map));
	a->map = *slot;
	asa_irrelevant(a, l->no);
	if (a->map->clauses.n >= POLICY_CLAUSES_MAX) {
		a->map->clauses.v[0].other = "too many clauses";
		a->map = NULL;
		return;
	}
	c = vec_add(&a->map->clauses);
	c->line = l->no;
	if (line_take(l, "deny"))
		c->deny = true;
	else
		line_take(l, "permit");
	word_number(line_next(l), 65535, &seq);
	c->seq = seq;
}

static void add_set(struct map_clause *c, struct policy_set set, struct word port)
{
	if (c->sets.n >= ASA_SETS) {
		c->sets.n = 1;
		c->sets.v[0].set =
			(struct policy_set){ .kind = SET_UNKNOWN, .why = "too many sets" };
		return;
	}
	*vec_add(&c->sets) = (struct map_set){ set, port };
}

static void set_unknown(struct map_clause *c, const char *why)
{
	add_set(c, (struct policy_set){ .kind = SET_UNKNOWN, .why = why },
		(struct word){ "", 0 });
}

/* set ip|ipv6 [default] next-hop A... | verify-availability ... | recursive A */
static void set_ip(struct asa *a, struct line *l, enum family f, struct map_clause *c)
{
	bool fallback = line_take(l, "default"), some = false;

	if (!line_take(l, "next-hop")) {
		if (!line_at(l, "df") && !line_at(l, "dscp") && !line_at(l, "precedence") &&
		    !line_at(l, "tos"))
			set_unknown(c, "a `set` that was not understood");
		return;
	}
	while (!line_ended(l)) {
		struct policy_set s = { .kind = fallback ? SET_DEFAULT_VIA : SET_VIA,
					.family = (uint8_t)f };
		enum family got;

		if (!asa_addr(a, line_next(l), &got, &s.via) || got != f) {
			set_unknown(c, "a next hop that may not be in force");
			return;
		}
		add_set(c, s, (struct word){ "", 0 });
		some = true;
	}
	if (!some)
		set_unknown(c, "no next hop");
}

static void set_port(struct asa *a, struct line *l, bool fallback, struct map_clause *c)
{
	(void)a;
	while (!line_ended(l)) {
		struct word w = line_next(l);
		uint8_t kind = fallback ? SET_DEFAULT_PORT : SET_PORT;

		if (word_is(w, "null0") || word_is(w, "null"))
			kind = fallback ? SET_DEFAULT_DROP : SET_DROP;
		/* The next hop is looked up among the routes of that port only. */
		if (kind == SET_PORT || kind == SET_DEFAULT_PORT)
			set_unknown(c, "set interface, without a next hop");
		else
			add_set(c, (struct policy_set){ .kind = kind }, w);
	}
}

void asa_route_map_sub(struct asa *a, struct line *l)
{
	struct map_clause *c;

	asa_irrelevant(a, l->no);
	asa_note_uses(a, l);
	if (!a->map || !a->map->clauses.n)
		return;
	c = &a->map->clauses.v[a->map->clauses.n - 1];
	if (line_take(l, "match")) {
		bool ip = line_at(l, "ip") || line_at(l, "ipv6");

		if (ip && word_is(line_peek(l, 1), "address") &&
		    !word_is(line_peek(l, 2), "prefix-list")) {
			l->i += 2;
			while (!line_ended(l) && c->lists.n < POLICY_CLAUSES_MAX)
				*vec_add(&c->lists) = line_next(l);
		} else {
			c->other = "a match that was not understood";
		}
	} else if (line_take(l, "set")) {
		if (line_take(l, "ip"))
			set_ip(a, l, FAMILY_V4, c);
		else if (line_take(l, "ipv6"))
			set_ip(a, l, FAMILY_V6, c);
		else if (line_take(l, "interface"))
			set_port(a, l, false, c);
		else if (line_at(l, "default") && word_is(line_peek(l, 1), "interface"))
			l->i += 2, set_port(a, l, true, c);
		else if (line_at(l, "adaptive-interface"))
			set_unknown(c, "set adaptive-interface");
		/* metric and the like are of routes */
	}
}

static int by_seq(const void *x, const void *y)
{
	const struct map_clause *c = x, *d = y;

	return c->seq < d->seq ? -1 : c->seq > d->seq;
}

static bool is_default(const struct policy_set *s)
{
	return s->kind == SET_DEFAULT_VIA || s->kind == SET_DEFAULT_PORT ||
	       s->kind == SET_DEFAULT_DROP;
}

/* Next hops, then ports, then the two for packets without a route of their own. */
static size_t clause_sets(struct asa *a, const struct map_clause *c,
			  const struct policy_set **ret_sets)
{
	struct policy_set *v = arena_array(a->arena, c->sets.n, sizeof(*v));
	size_t n = 0;

	for (int r = 0; r < 2; r++)
		vec_each (s, &c->sets)
			if (is_default(&s->set) == (r == 1))
				v[n++] = s->set;
	*ret_sets = v;
	return n;
}

static void build_policy(struct asa *a, const struct intf *i)
{
	struct word name = { i->policy, (uint32_t)strlen(i->policy) };
	struct route_map *map = map_getn(&a->route_maps, name.s, name.len);
	struct policy_clause *v;
	size_t n = 0;

	if (map)
		a->route_work += map->clauses.n * a->b->ports.n;
	if (!map || !map->clauses.n || a->route_work > ASA_ROUTE_WORK) {
		struct route_rule *r = vec_add(&a->b->route_rules);

		asa_refuse(a, i->policy_line, "asa.policy-route", "the route map %s is %s",
			   i->policy, map ? "too long for so many ports" : "not defined");
		*r = (struct route_rule){ .kind = ROUTE_UNKNOWN,
					  .in = i->name,
					  .suppress = -1,
					  .why = "a route map that isn't followed",
					  .at = asa_loc(a, i->policy_line) };
		return;
	}
	qsort(map->clauses.v, map->clauses.n, sizeof(*map->clauses.v), by_seq);
	v = arena_array(a->arena, map->clauses.n, sizeof(*v));
	vec_each (c, &map->clauses) {
		const struct match *m = NULL;

		vec_each (w, &c->lists) {
			const struct match *one = asa_list_permits(a, *w, c->line);

			m = m ? match_or(a->m, m, one) : one;
		}
		if (c->other)
			m = match_and(a->m, m ? m : match_all(a->m),
				      match_unknown(a->m, asa_loc(a, c->line), "%s", c->other));
		v[n] = (struct policy_clause){ .match = m,
					       .deny = c->deny,
					       .at = asa_loc(a, c->line) };
		v[n].n_sets = clause_sets(a, c, &v[n].sets);
		n++;
	}
	policy_rules(a->b, FAMILY_V4, i->name, NULL, v, n);
	policy_rules(a->b, FAMILY_V6, i->name, NULL, v, n);
}

/* ip verify reverse-path interface NAME */
static void build_verify(struct asa *a, uint32_t no)
{
	struct ruleset *rs;
	struct line l;
	struct intf *i;
	struct rule r;
	size_t n = a->b->routes.n + a->b->ports.n;
	bool whole = a->b->dev.routing == ROUTING_WHOLE && a->route_work < ASA_ROUTE_WORK;

	line_split(a->src, no, &l);
	i = asa_port(a, line_peek(&l, l.n - 1));
	if (!i || asa_down(a, i) || i->verified) {
		if (i)
			ASA_EXACT(a, no);
		else
			asa_refuse(a, no, "asa.undefined-name",
				   "the check names an interface that is not defined");
		return;
	}
	i->verified = true;
	a->route_work += n > 1000 ? n : n * n;
	r = (struct rule){ .at = asa_loc(a, no),
			   .match = sources_refused(a->b, NULL, i->name, false, FAMILY_V4, true,
						    whole, asa_loc(a, no)),
			   .verdict = VERDICT_DENY,
			   .note = "its source is not behind this port",
			   .flags = RULE_IMPLICIT | RULE_GLUE };
	asa_class_by(a, no, r.match);
	if (r.match->kind == MATCH_NONE)
		return;
	rs = device_build_ruleset(a->b,
				  arena_printf(a->arena, "of sources at %s", i->name),
				  "reverse path check", r.at);
	rs->dflt = VERDICT_PERMIT;
	rs->glue = true;
	rs->incidental = true;
	device_build_rules(a->b, rs, &r, 1);
	device_build_hook(a->b, HOOK_IN, ASA_ORDER_VERIFY, i->name, rs, r.at);
}

void asa_routes_build(struct asa *a)
{
	struct device *d = &a->b->dev;
	bool addressed = false;

	vec_each (no, &a->routes)
		build_route(a, *no);
	vec_each (p, &a->intfs)
		build_setroute(a, *p);
	vec_each (p, &a->b->ports)
		addressed |= p->n_prefixes > 0;
	/* A transparent firewall bridges: what it routes is its own. */
	if (!a->transparent && (addressed || a->b->routes.n || a->learned)) {
		d->routing = ROUTING_WHOLE;
		d->connected = true;
		if (a->learned) {
			d->routing = ROUTING_PART;
			d->routing_why = a->learned;
			d->routing_at = asa_loc(a, a->learned_line);
		} else if (a->flavour == ASA_UNKNOWN && !a->end_mark) {
			d->routing = ROUTING_PART;
			d->routing_why = "nothing tells that this is the whole configuration";
			d->routing_at = d->at;
		} else if (a->saved_mark && !a->end_mark) {
			d->routing = ROUTING_PART;
			d->routing_why = "the configuration was cut off";
			d->routing_at = asa_loc(a, a->last);
		}
	}
	vec_each (p, &a->intfs)
		if ((*p)->policy && (*p)->name)
			build_policy(a, *p);
	policy_rules_finish(a->b);
	vec_each (no, &a->verifies)
		build_verify(a, *no);
}

void asa_routes_finish(struct asa *a)
{
	for (size_t k = 0; k < a->route_maps.n; k++) {
		struct route_map *map = a->route_maps.entries[k].value;

		vec_each (c, &map->clauses) {
			vec_free(&c->lists);
			vec_free(&c->sets);
		}
		vec_free(&map->clauses);
	}
	map_finish(&a->route_maps);
}
