/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Route maps, as far as they say something of packets: for policy routing and for translation.
 * A clause means the packets that one of its lists permits; without a match it means all. The
 * first clause that means a packet decides: `permit` applies what it sets, `deny` leaves the
 * packet to the routing table. Of several `set` lines IOS asks next hops first, then ports,
 * then the two for packets without a route of their own (IOS IP routing: protocol-independent
 * configuration guide, "Policy-Based Routing").
 */
#include "collectors/ios_internal.h"

#include <stdlib.h>
#include <strings.h>

static struct route_map *find(struct ios *x, const char *name)
{
	return map_get(&x->maps, name);
}

/* route-map NAME [permit|deny] [SEQ] */
void ios_map_open(struct ios *x, const struct toks *w)
{
	const char *name = tok_str(x, w, 1);
	void **slot = map_at(&x->maps, name);
	struct map_clause *c;
	uint64_t seq = 0;
	bool deny = false;
	if (!*slot) {
		struct route_map *m = arena_alloc(x->arena, sizeof(*m));
		m->name = name;
		*slot = m;
	}
	x->map = *slot;
	for (unsigned i = 2; i < w->n; i++) {
		if (tok_is(w, i, "deny"))
			deny = true;
		else
			tok_number(w, i, 0, UINT32_MAX, &seq);
	}
	if (!seq)
		seq = x->map->clauses.n ? x->map->clauses.v[x->map->clauses.n - 1].seq + 10
					: 10;
	if (x->map->clauses.n > POLICY_CLAUSES_MAX) {
		x->map->clauses.v[0].other = "too many clauses";
		x->map = NULL;
		return;
	}
	/* a clause that is opened again goes on */
	vec_each (old, &x->map->clauses)
		if (old->seq == seq) {
			struct map_clause again = *old;
			again.deny = deny;
			*old = x->map->clauses.v[x->map->clauses.n - 1];
			x->map->clauses.v[x->map->clauses.n - 1] = again;
			return;
		}
	c = vec_add(&x->map->clauses);
	c->seq = seq;
	c->deny = deny;
	c->at = tok_line(x, w);
}

static void put_set(struct map_clause *c, struct map_set s)
{
	if (c->sets.n >= IOS_SETS_MAX) {
		c->sets.n = 1;
		c->sets.v[0] = (struct map_set){ .kind = SET_UNKNOWN, .why = "too many sets" };
		return;
	}
	*vec_add(&c->sets) = s;
}

static void set_hops(const struct toks *w, unsigned i, enum family f, bool fallback,
		     struct map_clause *c)
{
	bool some = false;
	for (; i < w->n; i++) {
		struct map_set s = { .kind = fallback ? SET_DEFAULT_VIA : SET_VIA,
				     .family = (uint8_t)f };
		enum family got;
		if (!addr_parse(w->v[i].s, w->v[i].len, &got, &s.via) || got != f) {
			/* force-order, load-share of NX-OS, and what else may stand there */
			put_set(c, (struct map_set){
					   .kind = SET_UNKNOWN,
					   .why = "a next hop that was not understood" });
			return;
		}
		put_set(c, s);
		some = true;
	}
	if (!some)
		put_set(c, (struct map_set){ .kind = SET_UNKNOWN, .why = "no next hop" });
}

static void set_ip(struct ios *x, const struct toks *w, enum family f, struct map_clause *c)
{
	unsigned i = 2;
	bool fallback = tok_is(w, i, "default");
	static const char *const idle[] = { "precedence", "tos", "dscp", "df", "ttl" };
	for (size_t k = 0; k < sizeof(idle) / sizeof(*idle); k++)
		if (tok_is(w, i, idle[k]))
			return;
	if (fallback)
		i++;
	if (tok_is(w, i, "next-hop") && tok_is(w, i + 1, "verify-availability") && w->n > i + 2)
		put_set(c, (struct map_set){ .kind = SET_UNKNOWN,
					     .why = "a next hop that hangs on a track" });
	else if (tok_is(w, i, "next-hop") &&
		 (tok_is(w, i + 1, "verify-availability") || tok_is(w, i + 1, "recursive") ||
		  tok_is(w, i + 1, "peer-address") || tok_is(w, i + 1, "unchanged") ||
		  tok_is(w, i + 1, "dynamic") || tok_is(w, i + 1, "self")))
		put_set(c, (struct map_set){ .kind = SET_UNKNOWN,
					     .why = arena_printf(x->arena, "set next-hop %s",
								 tok_str(x, w, i + 1)) });
	else if (tok_is(w, i, "next-hop"))
		set_hops(w, i + 1, f, fallback, c);
	else
		put_set(c, (struct map_set){ .kind = SET_UNKNOWN,
					     .why = arena_printf(x->arena, "set ip %s",
								 tok_str(x, w, i)) });
}

/* A port that has one other end: nothing else has to be known of the next hop. */
static bool point_to_point(const char *port)
{
	static const char *const types[] = { "serial", "tunnel",    "dialer", "pos",
					     "async",  "multilink", "bri",    "virtual-ppp" };
	for (size_t k = 0; k < sizeof(types) / sizeof(*types); k++)
		if (!strncasecmp(port, types[k], strlen(types[k])))
			return true;
	return false;
}

static void set_ports(struct ios *x, const struct toks *w, unsigned i, bool fallback,
		      struct map_clause *c)
{
	while (i < w->n) {
		const char *port = ios_port_word(x, w, i, &i);
		struct map_set s = { .kind = fallback ? SET_DEFAULT_PORT : SET_PORT,
				     .port = port };
		if (!strncasecmp(port, "null", 4))
			s.kind = fallback ? SET_DEFAULT_DROP : SET_DROP;
		else if (!point_to_point(port)) /* IOS takes it only with a route of its own */
			s = (struct map_set){ .kind = SET_UNKNOWN,
					      .why = "set interface, without a next hop" };
		put_set(c, s);
	}
}

static void add_names(struct ios *x, const struct toks *w, unsigned i, struct map_clause *c,
		      enum family f)
{
	for (; i < w->n; i++)
		if (c->acls[f].n < IOS_CLAUSES_MAX)
			*vec_add(&c->acls[f]) = tok_str(x, w, i);
		else
			c->other = "too many lists";
}

void ios_map_line(struct ios *x, const struct toks *w)
{
	struct map_clause *c;
	if (!x->map || !x->map->clauses.n)
		return;
	c = &x->map->clauses.v[x->map->clauses.n - 1];
	if (tok_is(w, 0, "match")) {
		enum family f = tok_is(w, 1, "ipv6") ? FAMILY_V6 : FAMILY_V4;
		if ((tok_is(w, 1, "ip") || tok_is(w, 1, "ipv6")) && tok_is(w, 2, "address") &&
		    !tok_is(w, 3, "prefix-list") && w->n > 3)
			add_names(x, w, tok_is(w, 3, "access-list") ? 4 : 3, c, f);
		else if (tok_is(w, 1, "interface"))
			for (unsigned i = 2; i < w->n;)
				*vec_add(&c->ports) = ios_port_word(x, w, i, &i);
		else
			c->other = arena_printf(x->arena, "match %s", tok_str(x, w, 1));
		return;
	}
	if (!tok_is(w, 0, "set")) {
		if (tok_is(w, 0, "continue"))
			c->other = "continue";
		return;
	}
	if (tok_is(w, 1, "ip") && (tok_is(w, 2, "vrf") || tok_is(w, 2, "global")))
		put_set(c, (struct map_set){ .kind = SET_UNKNOWN,
					     .why = "a next hop of another table" });
	else if (tok_is(w, 1, "ip"))
		set_ip(x, w, FAMILY_V4, c);
	else if (tok_is(w, 1, "ipv6"))
		set_ip(x, w, FAMILY_V6, c);
	else if (tok_is(w, 1, "interface"))
		set_ports(x, w, 2, false, c);
	else if (toks_are(w, 1, "default interface"))
		set_ports(x, w, 3, true, c);
	else if (tok_is(w, 1, "vrf") && w->n == 3)
		put_set(c, (struct map_set){ .kind = SET_TABLE, .table = tok_str(x, w, 2) });
	else if (tok_is(w, 1, "global"))
		put_set(c, (struct map_set){ .kind = SET_TABLE });
	/* metric, tag, community and the like are of routes */
}

/* What a clause means, without its verdict. */
static const struct match *clause_match(struct ios *x, const struct map_clause *c,
					enum family f, bool for_nat)
{
	VEC(const struct match *) v = { 0 };
	const struct match *m = match_family(x->m, f);
	bool other_family = c->acls[!f].n > 0;
	x->work += c->acls[f].n;
	for (size_t i = 0; i < c->acls[f].n; i++)
		*vec_add(&v) = ios_acl_permits(x, f, c->acls[f].v[i]);
	if (v.n)
		m = match_and(x->m, m, match_or_n(x->m, v.v, v.n));
	else if (other_family)
		m = match_and(x->m, m,
			      match_unknown(x->m, c->at, "a list of the other IP version"));
	v.n = 0;
	for (size_t i = 0; i < c->ports.n && for_nat; i++)
		*vec_add(&v) = match_iface(x->m, FIELD_OIF, c->ports.v[i], false);
	if (v.n)
		m = match_and(x->m, m, match_or_n(x->m, v.v, v.n));
	else if (c->ports.n)
		m = match_and(x->m, m, match_unknown(x->m, c->at, "match interface"));
	if (c->other || x->work > IOS_WORK_MAX)
		m = match_and(x->m, m,
			      match_unknown(x->m, c->at, "%s",
					    c->other ? c->other : "too many lists"));
	vec_free(&v);
	return m;
}

static int by_seq(const void *a, const void *b)
{
	const struct map_clause *c = a, *d = b;
	return c->seq < d->seq ? -1 : c->seq > d->seq;
}

static void sort_clauses(struct route_map *m)
{
	if (m->clauses.n)
		qsort(m->clauses.v, m->clauses.n, sizeof(*m->clauses.v), by_seq);
}

const struct match *ios_map_match(struct ios *x, const char *name, enum family f)
{
	struct route_map *m = find(x, name);
	const struct match *below = match_none(x->m);
	if (!m)
		return NULL;
	sort_clauses(m);
	if (m->clauses.n > PERMITS_BLOCKS_MAX)
		return match_and(x->m, match_family(x->m, f),
				 match_unknown(x->m, LOC_NONE, "route map %s", name));
	for (size_t i = m->clauses.n; i-- > 0;) {
		const struct match *one = clause_match(x, &m->clauses.v[i], f, true);
		below = m->clauses.v[i].deny ? match_and(x->m, below, match_not(x->m, one))
					     : match_or(x->m, one, below);
	}
	return below;
}

static int rank(const struct map_set *s)
{
	switch (s->kind) {
	case SET_TABLE:
		return 0;
	case SET_UNKNOWN:
	case SET_VIA:
		return 1;
	case SET_PORT:
	case SET_DROP:
		return 2;
	case SET_DEFAULT_VIA:
		return 3;
	default:
		return 4;
	}
}

static size_t clause_sets(struct ios *x, const struct map_clause *c,
			  const struct policy_set **ret_sets)
{
	struct policy_set *v = arena_array(x->arena, c->sets.n, sizeof(*v));
	size_t n = 0;
	for (int r = 0; r <= 4; r++)
		vec_each (s, &c->sets) {
			if (rank(s) != r)
				continue;
			const struct iface *f =
				s->port ? ios_iface(x, s->port, false, LOC_NONE) : NULL;
			v[n++] = (struct policy_set){ .kind = s->kind,
						      .family = s->family,
						      .via = s->via,
						      .port = f ? f->name : NULL,
						      .table = s->table,
						      .why = s->why };
		}
	*ret_sets = v;
	return n;
}

void ios_doubt(struct ios *x, const char *in, const char *why, struct loc at)
{
	*vec_add(&x->doubts) = (struct route_doubt){ in, why, at };
}

static void unknown_rule(struct ios *x, const char *in, const struct match *m, const char *why,
			 struct loc at)
{
	struct route_rule *r = vec_add(&x->b->route_rules);
	*r = (struct route_rule){ .kind = ROUTE_UNKNOWN,
				  .in = in,
				  .match = m,
				  .suppress = -1,
				  .why = why,
				  .at = at };
}

static void apply_map(struct ios *x, const char *name, enum family f, const char *in,
		      const char *segment, struct loc at)
{
	struct route_map *m = find(x, name);
	if (!m || !m->clauses.n || m->clauses.n > POLICY_CLAUSES_MAX ||
	    (x->work += m->clauses.n * (1 + x->b->ports.n / 16)) > IOS_WORK_MAX) {
		if (!m)
			diag_warning(
				x->d, "ios.route-map-missing", at,
				"route map %s is not defined: what becomes of packets that "
				"come in here isn't known",
				name);
		unknown_rule(x, in, match_family(x->m, f),
			     m ? "a route map of too many clauses"
			       : "a route map that isn't defined",
			     at);
		return;
	}
	sort_clauses(m);
	struct policy_clause *v = arena_array(x->arena, m->clauses.n, sizeof(*v));
	for (size_t i = 0; i < m->clauses.n; i++) {
		const struct map_clause *c = &m->clauses.v[i];
		v[i] = (struct policy_clause){ .match = clause_match(x, c, f, false),
					       .deny = c->deny,
					       .at = c->at };
		v[i].n_sets = clause_sets(x, c, &v[i].sets);
	}
	policy_rules(x->b, f, in, segment, v, m->clauses.n);
}

void ios_policies_build(struct ios *x)
{
	vec_each (d, &x->doubts)
		unknown_rule(x, d->in, NULL, d->why, d->at);
	for (size_t i = 0; i < x->ifaces.n; i++) {
		const struct iface *it = &x->ifaces.v[i];
		for (int f = 0; f < FAMILY_COUNT; f++)
			if (it->policy[f])
				apply_map(x, it->policy[f], (enum family)f, it->name, it->vrf,
					  it->policy_map_at[f]);
	}
	if (x->local_policy)
		apply_map(x, x->local_policy, FAMILY_V4, "", NULL, x->local_policy_at);
	policy_rules_finish(x->b);
}

void ios_policy_finish(struct ios *x)
{
	for (size_t i = 0; i < x->maps.n; i++) {
		struct route_map *m = x->maps.entries[i].value;
		vec_each (c, &m->clauses) {
			vec_free(&c->acls[FAMILY_V4]);
			vec_free(&c->acls[FAMILY_V6]);
			vec_free(&c->ports);
			vec_free(&c->sets);
		}
		vec_free(&m->clauses);
	}
}
