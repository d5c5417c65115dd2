/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device does with packets that come to it: which are its own, and where routes send the
 * rest.
 */
#include <string.h>

#include "model/search_internal.h"

/* Of the ports of one segment; segment NULL: of all. */
static struct spans own_addresses(struct arena *a, const struct device *d, const char *segment,
				  enum family f)
{
	VEC(struct span) own = { 0 };
	for (size_t i = 0; i < d->n_ports; i++) {
		const struct port *p = &d->ports[i];
		if ((segment && strcmp(p->segment ? p->segment : "", segment)) || !p->addrs ||
		    p->edge || p->part)
			continue;
		for (size_t k = 0; k < p->n_prefixes; k++)
			if (p->prefixes[k].family == f)
				*vec_add(&own) = (struct span){ p->addrs[k], p->addrs[k] };
	}
	struct spans r = { vec_keep(a, &own), own.n };
	r.n = spans_normalise((struct span *)r.v, own.n);
	vec_free(&own);
	return r;
}

/* The destination is the device itself. */
static void local(struct visit *v, struct spans mine, struct takes routed, struct loc at)
{
	struct search *s = v->s;
	struct spans wanted = spans_both(s->f->arena, mine, s->to_spans);
	struct spans others = spans_without(s->f->arena, mine, s->to_spans);
	struct side self = { .local = true };
	struct point pt;
	v->routed = routed;
	if (others.n)
		search_end_inside(v,
				  path_take_spans(s->f, (struct takes){ 0 }, s->family,
						  FIELD_DST, mine, others),
				  WAY_DROPPED, at,
				  search_say(s, "%s is an address of %s itself",
					     search_spans_text(s, others), v->d->name));
	if (!wanted.n)
		return;
	if (!path_point(s->f, v->d, v->side, self, v->in->at, &pt)) {
		search_end_inside(v, (struct takes){ 0 }, WAY_UNKNOWN, s->f->why_at, s->f->why);
		s->f->why = NULL;
		return;
	}
	path_weave(
		s->f, &pt, v->w->takes, v->branch, v->routed, (struct nat_list){ 0 },
		path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, mine, wanted));
	pt.route = "its own address";
	pt.route_at = at;
	bool alone =
		spans_within(s->to_spans, own_addresses(s->f->arena, v->d, NULL, s->family));
	search_end(s, search_add_point(s, v->w->trail, &pt), alone ? WAY_ARRIVES : WAY_ASIDE,
		   alone ? NULL
			 : search_say(s, "%s is an address of %s itself",
				      search_spans_text(s, wanted), v->d->name),
		   at);
}

static void follow(struct visit *v, const struct fib_hop *h)
{
	struct search *s = v->s;
	struct loc at = h->route ? h->route->at : h->port->at;
	if (v->d->routing == ROUTING_PART && h->route && !h->route->local)
		search_end_inside(v, (struct takes){ 0 }, WAY_UNKNOWN, v->d->routing_at,
				  search_say(s, "%s may know better routes than %s: %s",
					     v->d->name, search_hop_text(s, h),
					     v->d->routing_why ? v->d->routing_why
							       : "not all were read"));
	else if (h->odd)
		search_end_inside(v, (struct takes){ 0 }, WAY_UNKNOWN, at,
				  search_say(s, "the route %s of %s: %s", search_hop_text(s, h),
					     v->d->name, h->odd));
	else if (h->route && h->route->drop)
		search_end_inside(v, (struct takes){ 0 }, WAY_DROPPED, at,
				  search_say(s, "%s drops what goes to %s", v->d->name,
					     search_hop_text(s, h)));
	else if (h->route && h->route->local)
		local(v, v->dst, v->routed, at);
	else
		search_depart(v, h,
			      (uint32_t)(s->g->nodes[v->in->node].first +
					 (size_t)(h->port - v->d->ports)));
}

struct group {
	const struct fib_hop *hops;
	size_t n;
	struct spans dst;
};

static bool same_hops(const struct group *g, const struct fib_piece *p)
{
	if (g->n != p->n)
		return false;
	for (size_t i = 0; i < g->n; i++) {
		const struct fib_hop *a = &g->hops[i], *b = &p->hops[i];
		bool drops = a->route && a->route->drop, local = a->route && a->route->local;
		if (a->port != b->port || a->has_via != b->has_via || a->odd != b->odd ||
		    (a->has_via && !addr_equal(a->via, b->via)) || !a->route != !b->route ||
		    drops != (b->route && b->route->drop) ||
		    local != (b->route && b->route->local) ||
		    (a->route && b->route && a->route->into != b->route->into))
			return false;
	}
	return true;
}

struct groups {
	VEC(struct group) v;
};

/* The destinations by where the table sends them. */
static void group_routes(struct search *s, const struct fib *t, struct spans dst,
			 struct groups *out)
{
	enum family f = s->family;
	for (size_t i = 0; i < dst.n; i++)
		for (size_t k = fib_piece_of(t, f, dst.v[i].lo);
		     k < t->n[f] && addr_compare(t->pieces[f][k].span.lo, dst.v[i].hi) <= 0;
		     k++) {
			const struct fib_piece *p = &t->pieces[f][k];
			struct group *g = NULL;
			struct span *part = arena_alloc(s->f->arena, sizeof(*part));
			part->lo = addr_compare(p->span.lo, dst.v[i].lo) > 0 ? p->span.lo
									     : dst.v[i].lo;
			part->hi = addr_compare(p->span.hi, dst.v[i].hi) < 0 ? p->span.hi
									     : dst.v[i].hi;
			vec_each (x, &out->v)
				if (same_hops(x, p))
					g = x;
			if (!g) {
				g = vec_add(&out->v);
				*g = (struct group){ p->hops, p->n, { NULL, 0 } };
			}
			g->dst = spans_either(s->f->arena, g->dst, (struct spans){ part, 1 });
		}
}

enum { TABLES_MAX = 8 };

/* Looks the destinations up; what the table has no route for is in *ret_none. */
static void look_up(struct visit *v, const char *table, int suppress, unsigned depth,
		    struct spans *ret_none)
{
	struct search *s = v->s;
	const struct fib *t = fib_find(&s->g->nodes[v->in->node].fibs, table, suppress);
	struct groups gs = { { 0 } };
	struct spans dst = v->dst;
	struct takes routed = v->routed;
	*ret_none = dst;
	if (!t)
		return;
	*ret_none = (struct spans){ NULL, 0 };
	group_routes(s, t, dst, &gs);
	vec_each (g, &gs.v) {
		if (!g->n || (g->hops[0].route && g->hops[0].route->pass)) {
			*ret_none = spans_either(s->f->arena, *ret_none, g->dst);
			continue;
		}
		v->dst = g->dst;
		v->routed = path_take_spans(s->f, routed, s->family, FIELD_DST, dst, g->dst);
		for (size_t i = 0; i < g->n; i++) {
			const struct route *r = g->hops[i].route;
			bool again = r && r->into && !r->has_via && !r->port && !r->drop &&
				     !r->local;
			if (!again || v->d->routing == ROUTING_PART) {
				follow(v, &g->hops[i]);
				continue;
			}
			struct spans none = { NULL, 0 };
			struct visit inner = *v;
			if (depth < TABLES_MAX)
				look_up(&inner, r->into, -1, depth + 1, &none);
			if (none.n || depth >= TABLES_MAX)
				search_end_inside(
					v, (struct takes){ 0 }, WAY_DROPPED, r->at,
					search_say(s, "no route to %s in %s of %s",
						   search_spans_text(s, none.n ? none : v->dst),
						   *r->into ? r->into : "the default table",
						   v->d->name));
		}
	}
	v->dst = dst;
	v->routed = routed;
	vec_free(&gs.v);
}

static void no_route(struct visit *v, struct spans dst)
{
	struct search *s = v->s;
	struct takes more =
		path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, v->dst, dst);
	if (v->d->routing == ROUTING_PART)
		search_end_inside(
			v, more, WAY_UNKNOWN, v->d->routing_at,
			search_say(
				s, "no route of %s to %s was read, others may be learned: %s",
				v->d->name, search_spans_text(s, dst),
				v->d->routing_why ? v->d->routing_why : "not all were read"));
	else
		search_end_inside(v, more, WAY_DROPPED, v->d->at,
				  search_say(s, "%s has no route to %s", v->d->name,
					     search_spans_text(s, dst)));
}

static bool rule_is_here(const struct visit *v, const struct route_rule *r)
{
	if (!r->in)
		return true;
	const struct graph_port *gp =
		v->in->port == GRAPH_NONE ? NULL : &v->s->g->ports[v->in->port];
	if (gp && gp->master != GRAPH_NONE &&
	    !strcmp(v->s->g->ports[gp->master].port->name, r->in))
		return true;
	if (gp && gp->master != GRAPH_NONE && v->d->netfilter)
		return false; /* it came in by the bridge, and by nothing else */
	for (size_t i = 0; i < v->side.n; i++)
		if (!strcmp(v->side.ports[i], r->in))
			return true;
	return false;
}

static void route_from(struct visit *v, size_t i);

/* One rule for the packets that it takes; what it has no route for goes on to the next. */
static void apply_rule(struct visit *v, size_t i)
{
	struct search *s = v->s;
	const struct route_rule *r = &v->d->route_rules[i];
	struct spans none = { NULL, 0 };
	struct fib_hop hop = { .dst = { .family = (uint8_t)s->family },
			       .via = r->via,
			       .has_via = r->has_via };
	struct route as = { .dst = hop.dst, .at = r->at };
	uint32_t port = GRAPH_NONE;
	switch ((enum route_rule_kind)r->kind) {
	case ROUTE_LOOKUP:
		look_up(v, r->table, r->suppress, 0, &none);
		if (!none.n)
			return;
		/* what isn't in the table may have been learned */
		if (!r->falls || v->d->routing == ROUTING_PART)
			no_route(v, none);
		if (!r->falls)
			return;
		struct visit rest = *v;
		rest.routed =
			path_take_spans(s->f, v->routed, s->family, FIELD_DST, v->dst, none);
		rest.dst = none;
		route_from(&rest, i + 1);
		return;
	case ROUTE_VIA:
		hop.route = &as;
		if (r->port)
			port = graph_port_of(s->g, v->in->node, r->port);
		for (size_t k = 0; !r->port && r->has_via && k < v->d->n_ports; k++)
			for (size_t m = 0; m < v->d->ports[k].n_prefixes; m++) {
				const struct prefix *x = &v->d->ports[k].prefixes[m];
				if (v->d->ports[k].up && x->family == s->family &&
				    span_has(span_prefix(s->family, x->addr, x->len), r->via))
					port = (uint32_t)(s->g->nodes[v->in->node].first + k);
			}
		if (port == GRAPH_NONE || !s->g->ports[port].port->up) {
			search_end_inside(v, (struct takes){ 0 }, WAY_UNKNOWN, r->at,
					  "policy routing to a next hop that is on no network "
					  "of the device");
			return;
		}
		hop.port = s->g->ports[port].port;
		search_depart(v, &hop, port);
		return;
	case ROUTE_DROP:
		search_end_inside(v, (struct takes){ 0 }, WAY_DROPPED, r->at,
				  search_say(s, "policy routing of %s drops it", v->d->name));
		return;
	case ROUTE_UNKNOWN:
		break;
	}
	search_end_inside(v, (struct takes){ 0 }, WAY_UNKNOWN, r->at,
			  search_say(s, "policy routing of %s: %s", v->d->name,
				     r->why ? r->why : "not known"));
}

static void route_from(struct visit *v, size_t i)
{
	struct search *s = v->s;
	struct visit here = *v;
	for (; i < v->d->n_route_rules; i++) {
		const struct route_rule *r = &v->d->route_rules[i];
		struct footprint fp = { .family = (uint8_t)s->family,
					.src = here.branch->src,
					.dst = here.dst,
					.iif = path_seen(v->d, &here.side) };
		if (!rule_is_here(&here, r))
			continue;
		enum truth t = r->match ? footprint_judge(&fp, r->match) : TRUTH_TRUE;
		if (t == TRUTH_FALSE)
			continue;
		if (t == TRUTH_TRUE) {
			apply_rule(&here, i);
			return;
		}
		struct visit taken = here;
		taken.routed = path_take(s->f, here.routed, r->match, false);
		taken.dst =
			footprint_bound(s->f->arena, s->family, FIELD_DST, r->match, here.dst);
		if (taken.dst.n)
			apply_rule(&taken, i);
		here.routed = path_take(s->f, here.routed, r->match, true);
	}
	no_route(&here, here.dst);
}

static void route(struct visit *v)
{
	struct search *s = v->s;
	const struct port *p =
		v->in->port == GRAPH_NONE
			? NULL
			: s->g->ports[search_routed_port(s->g, v->in->port)].port;
	struct spans none;
	if (v->d->n_route_rules) {
		route_from(v, 0);
		return;
	}
	look_up(v, p ? p->segment : NULL, -1, 0, &none);
	if (none.n)
		no_route(v, none);
}

/* One address, and the same one. */
static bool one_address(struct spans a, struct spans b)
{
	return a.n == 1 && b.n == 1 && addr_equal(a.v[0].lo, a.v[0].hi) &&
	       addr_equal(b.v[0].lo, b.v[0].hi) && addr_equal(a.v[0].lo, b.v[0].lo);
}

enum { ROUNDS_MAX = 3 };

/*
 * The same packets have been here. What was translated since is another packet, which may yet
 * leave the loop: *ret_rounds counts how often such came by.
 */
static bool looped(const struct trail *t, const struct place *in, const struct walk *w,
		   unsigned *ret_rounds)
{
	*ret_rounds = 0;
	bool moved[] = {
		[NAT_NOT_TOLD] = false, [NAT_SOURCE] = false, [NAT_DESTINATION] = false
	};
	for (; t; t = t->up) {
		for (size_t i = 0; i < t->pt.n_steps; i++)
			if (t->pt.steps[i].kind == STEP_REWRITE)
				moved[t->pt.steps[i].nats[0]->rewrites] = true;
		if (t->node != in->node || t->port != in->port ||
		    !spans_within(w->dst, t->dst) || !spans_within(w->src, t->src))
			continue;
		if ((!moved[NAT_DESTINATION] || one_address(w->dst, t->dst)) &&
		    (!moved[NAT_SOURCE] || one_address(w->src, t->src)))
			return true;
		++*ret_rounds;
	}
	return false;
}

static void enter_branch(struct visit *v)
{
	struct search *s = v->s;
	const struct nat_branch *b = v->branch;
	const struct port *p =
		v->in->port == GRAPH_NONE
			? NULL
			: s->g->ports[search_routed_port(s->g, v->in->port)].port;
	v->dst = b->dst;
	v->routed = (struct takes){ 0 };
	if (!v->dst.n || !b->src.n)
		return;
	if (b->nat && b->nat->out) {
		uint32_t out = graph_port_of(s->g, v->in->node, b->nat->out);
		if (out != GRAPH_NONE && s->g->ports[out].port->up) {
			/* the port is the translation's, the next hop on it the routes' */
			const struct port *op = s->g->ports[out].port;
			const struct fib *t =
				fib_find(&s->g->nodes[v->in->node].fibs, op->segment, -1);
			struct groups gs = { { 0 } };
			if (t)
				group_routes(s, t, v->dst, &gs);
			struct spans all = v->dst;
			vec_each (g, &gs.v) {
				const struct fib_hop *h = NULL;
				for (size_t i = 0; i < g->n && !h; i++)
					h = g->hops[i].port == op && !g->hops[i].odd
						    ? &g->hops[i]
						    : NULL;
				v->dst = g->dst;
				v->routed = path_take_spans(s->f, (struct takes){ 0 },
							    s->family, FIELD_DST, all, g->dst);
				if (h)
					follow(v, h);
				else
					search_depart(v, NULL, out);
			}
			vec_free(&gs.v);
			return;
		}
	}
	struct spans own =
		own_addresses(s->f->arena, v->d, p && p->segment ? p->segment : "", s->family);
	struct spans mine = spans_both(s->f->arena, v->dst, own);
	struct spans rest = spans_without(s->f->arena, v->dst, own);
	struct spans all = v->dst;
	if (mine.n) {
		v->dst = mine;
		local(v, mine,
		      path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, all,
				      mine),
		      v->d->at);
	}
	v->dst = rest;
	v->routed = path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, all, rest);
	if (rest.n)
		route(v);
}

void search_enter(struct search *s, struct walk w, struct place in)
{
	const struct device *d = s->g->nodes[in.node].device;
	struct nat_branch branches[NAT_BRANCHES_MAX];
	struct nat_branch none = { .src = w.src, .dst = w.dst };
	struct visit v = { .s = s, .w = &w, .d = d, .in = &in, .branch = &none };
	unsigned rounds;
	size_t n = 0;
	if (s->full)
		return;
	v.side = (struct side){ in.ports, in.n_ports, false };
	s->f->why = NULL;
	if (!path_side(s->f, d, &v.side, in.at)) {
		search_end(s, search_condition(s, w.trail, w.takes), WAY_UNKNOWN, s->f->why,
			   s->f->why_at);
		s->f->why = NULL;
		return;
	}
	if (looped(w.trail, &in, &w, &rounds)) {
		search_end_inside(
			&v, (struct takes){ 0 }, WAY_DROPPED, d->at,
			search_say(s, "a routing loop: it comes to %s again", d->name));
		return;
	}
	if (rounds >= ROUNDS_MAX) {
		search_end_inside(
			&v, (struct takes){ 0 }, WAY_UNKNOWN, d->at,
			search_say(
				s,
				"it comes to %s again and again, and is translated in between",
				d->name));
		return;
	}
	if (w.trail && w.trail->depth > DEVICES_MAX) {
		search_end_inside(
			&v, (struct takes){ 0 }, WAY_UNKNOWN, d->at,
			search_say(s, "a way across more than %d devices", DEVICES_MAX));
		return;
	}
	if (d->routing == ROUTING_NONE) {
		search_end_inside(
			&v, (struct takes){ 0 }, WAY_UNKNOWN, d->at,
			search_say(s, "where %s sends packets was not read: declare the path",
				   d->name));
		return;
	}
	struct footprint fp = { .family = (uint8_t)s->family,
				.src = w.src,
				.dst = w.dst,
				.iif = path_seen(d, &v.side) };
	v.level = w.level;
	if (s->answers) {
		size_t at = path_translates(s->answers, d, w.level);
		if (at == PATH_OUT_OF_ORDER) {
			search_end_inside(&v, (struct takes){ 0 }, WAY_UNKNOWN, d->at,
					  search_say(s, "answers come to %s before what was translated "
							"behind it is translated back", d->name));
			return;
		}
		if (at != SIZE_MAX && d->untracked &&
		    footprint_judge(&fp, d->untracked) != TRUTH_FALSE) {
			search_end_inside(&v, (struct takes){ 0 }, WAY_UNKNOWN, d->at,
					  search_say(s, "%s may not track the answer, and then doesn't "
							"translate it back", d->name));
			return;
		}
		if (at != SIZE_MAX) {
			none = (struct nat_branch){ .src = s->answers->dst[at],
						    .dst = s->answers->src[at] };
			path_restores(s->answers, at, &none);
			if (none.late)
				none.src = w.src;
			v.level = at;
		}
		if (at != SIZE_MAX || search_crossed(s->answers, d)) {
			enter_branch(&v);
			return;
		}
	}
	for (const struct trail *t = w.trail; t && !s->answers; t = t->up)
		if (path_again(&t->pt, d) > v.again)
			v.again = path_again(&t->pt, d);
	if (!path_nat_destinations(s->f, d, &v.side, &fp, branches, &n)) {
		search_end_inside(&v, (struct takes){ 0 }, WAY_UNKNOWN, s->f->why_at,
				  s->f->why);
		s->f->why = NULL;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *why = path_decided(s->f->arena, v.again, d, &branches[i],
					       (struct nat_list){ NULL, 0 });
		v.branch = &branches[i];
		if (why)
			search_end_inside(&v, (struct takes){ 0 }, WAY_UNKNOWN,
					  branches[i].nat ? branches[i].nat->at : d->at, why);
		else if (s->answers && branches[i].nat && branches[i].nat->kind != NAT_KEEP)
			search_end_inside(
				&v, (struct takes){ 0 }, WAY_UNKNOWN, branches[i].nat->at,
				search_say(s,
					   "%s may translate answers of a conversation that it "
					   "didn't see",
					   d->name));
		else
			enter_branch(&v);
	}
}
