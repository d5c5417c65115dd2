/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways found through the graph. What is followed is not one packet but all packets of some
 * sources and destinations at once; wherever a device may treat some of them in another way
 *than others (a route for a part of the destinations, a policy rule on ports, a translation),
 *the walk goes on in several branches, each with the condition that a packet takes it by. So
 *for every packet there is a way that it takes: one that arrives, one that ends with the
 *reason, or one that ends in something that nobody told, which is a gap with a name. Several
 *ways take one packet only where the device may choose (ECMP), where it isn't known from which
 *of several ports the packet comes, or where a condition isn't known.
 *
 *	start    the ports that the source zone is behind
 *	enter    a device: translation of destinations, its own addresses, route rules, tables
 *	depart   by a port: translation of sources, who has the next hop on the link, over
 *bridges end      the way is told
 */
#include "model/search_internal.h"

/*
 * Tenants may have the same addresses. What another zone on the source's own link has (or the
 * source zone itself) needs no router: hosts there may answer, whatever a router would do. An
 * address that is only translated to the destination zone is answered for by who translates it.
 */
static void answered_here(struct search *s, const struct domain *dm, struct walk w)
{
	struct spans own = spans_both(s->f->arena, w.dst, s->to_spans);
	for (size_t i = 0; i < dm->n; i++) {
		const struct graph_link *l = &s->g->links[dm->v[i].link];
		for (size_t k = 0; k < l->n_zones; k++) {
			const struct graph_attach *at = l->zones[k];
			struct spans mine = { NULL, 0 };
			if (at->zone != s->to)
				mine = spans_both(s->f->arena, own, at->spans[s->family]);
			if (!mine.n)
				continue;
			struct takes takes =
				path_take_spans(s->f, w.takes, s->family, FIELD_DST, w.dst, mine);
			search_end(s, search_condition(s, w.trail, takes), WAY_DROPPED,
				   search_say(s, "%s is on the same link in %s, which may answer",
					      search_spans_text(s, mine), at->zone->name),
				   at->at);
		}
	}
}

/*
 * The port's own addresses of dst that senders take for addresses of their own link: in networks
 * that they are in. *ret_all: all of them are.
 */
static struct spans on_link(struct search *s, uint32_t port, struct spans src, struct spans dst,
			    bool *ret_all)
{
	const struct port *p = s->g->ports[search_routed_port(s->g, port)].port;
	struct arena *a = s->f->arena;
	struct spans own = search_owned(s, port, dst), r = { NULL, 0 };
	*ret_all = true;
	for (size_t m = 0; m < p->n_prefixes && own.n; m++) {
		struct span net = span_prefix((enum family)p->prefixes[m].family,
					      p->prefixes[m].addr, p->prefixes[m].len);
		struct spans there = { &net, 1 }, mine = { NULL, 0 };
		if (p->prefixes[m].family == s->family && spans_meet(src, there))
			mine = spans_both(a, own, there);
		*ret_all &= !mine.n || spans_within(src, there);
		r = spans_either(a, r, mine);
	}
	return r;
}

/* What is for the addresses of devices on the links themselves goes to them. What isn't is left. */
static struct spans to_routers(struct search *s, const struct graph_attach *from, struct walk w,
			       const struct domain *dm)
{
	struct spans left = w.dst;
	for (size_t i = 0; i < dm->n; i++) {
		const struct graph_link *l = &s->g->links[dm->v[i].link];
		for (size_t k = 0; k < l->n; k++) {
			const struct graph_port *gp = &s->g->ports[l->ports[k]];
			bool all;
			struct spans own = on_link(s, l->ports[k], w.src, w.dst, &all);
			struct place in = { gp->node, l->ports[k], &gp->port->name, 1, from->at };
			struct walk next = w;
			if (!own.n || l->ports[k] == dm->v[i].out)
				continue;
			if (l->ports[k] == from->port)
				in.ports = from->ports, in.n_ports = from->n_ports;
			if (all)
				left = spans_without(s->f->arena, left, own);
			next.takes = path_take_spans(s->f, w.takes, s->family, FIELD_DST, w.dst, own);
			next.dst = own;
			s->f->why = NULL;
			if (search_cross_bridges(s, dm, i, w.level, &next.trail))
				search_enter(s, next, in);
			else
				search_end(s, search_condition(s, next.trail, next.takes),
					   WAY_UNKNOWN, s->f->why, s->f->why_at);
			s->f->why = NULL;
		}
	}
	return left;
}

/* Both zones are on one link: nothing routes between them. What isn't there is left. */
static struct spans neighbours(struct search *s, const struct graph_attach *from, struct walk w)
{
	struct domain dm;
	size_t n;
	const struct graph_attach *to = search_attached(s, s->to, &n);
	struct spans left = w.dst;
	if (from->port == GRAPH_NONE || s->g->ports[from->port].port->edge ||
	    s->g->ports[from->port].port->outside)
		return left;
	search_flood(s->g, from->port, true, &dm);
	left = to_routers(s, from, w, &dm);
	for (size_t i = 0; i < n; i++) {
		struct spans mine = spans_both(s->f->arena, left, to[i].spans[s->family]);
		size_t reached = mine.n ? search_attached_at(s, &dm, &to[i]) : SIZE_MAX;
		const struct trail *t = w.trail;
		if (reached == SIZE_MAX)
			continue;
		left = spans_without(s->f->arena, left, mine);
		struct takes takes =
			path_take_spans(s->f, w.takes, s->family, FIELD_DST, w.dst, mine);
		t = search_condition(s, t, takes);
		s->f->why = NULL;
		if (dm.v[reached].parent == SIZE_MAX && s->answers)
			search_end(s, t, WAY_ARRIVES, NULL, LOC_NONE);
		else if (dm.v[reached].parent == SIZE_MAX)
			search_end(s, t, WAY_UNKNOWN,
				   search_say(s,
					      "both are behind %s of %s: what is between them "
					      "there isn't "
					      "told",
					      s->g->ports[from->port].port->name,
					      s->g->nodes[from->node].device->name),
				   from->at);
		else if (search_cross_bridges(s, &dm, reached, w.level, &t))
			search_end(s, t, WAY_ARRIVES, NULL, LOC_NONE);
		else
			search_end(s, t, WAY_UNKNOWN, s->f->why, s->f->why_at);
		s->f->why = NULL;
	}
	w.takes = path_take_spans(s->f, w.takes, s->family, FIELD_DST, w.dst, left);
	w.dst = left;
	answered_here(s, &dm, w);
	return left;
}

/* A zone behind a mere bridge, or a switch: the routers on its links. */
static void gateways(struct search *s, const struct graph_attach *at, struct walk w)
{
	struct domain dm;
	bool any = false;
	search_flood(s->g, at->port, true, &dm);
	for (size_t i = 0; i < dm.n; i++) {
		const struct graph_link *l = &s->g->links[dm.v[i].link];
		for (size_t k = 0; k < l->n; k++) {
			uint32_t q = l->ports[k];
			const struct port *p = s->g->ports[search_routed_port(s->g, q)].port;
			bool holds = false;
			for (size_t m = 0; m < p->n_prefixes; m++) {
				struct span net =
					span_prefix((enum family)p->prefixes[m].family,
						    p->prefixes[m].addr, p->prefixes[m].len);
				holds |= p->prefixes[m].family == s->family && p->up &&
					 spans_meet(w.src, (struct spans){ &net, 1 });
			}
			const struct trail *t = w.trail;
			if (!holds || q == dm.v[i].out)
				continue;
			any = true;
			s->f->why = NULL;
			if (!search_cross_bridges(s, &dm, i, w.level, &t)) {
				search_end(s, t, WAY_UNKNOWN, s->f->why, s->f->why_at);
				s->f->why = NULL;
				continue;
			}
			struct walk next = w;
			next.trail = t;
			const struct graph_port *gp = &s->g->ports[q];
			search_enter(s, next,
				     (struct place){ gp->node, q, &gp->port->name, 1, at->at });
		}
	}
	if (!any)
		search_end(s, search_condition(s, w.trail, w.takes), WAY_UNKNOWN,
			   search_say(s, "no router is on the link of %s: declare the link",
				      s->from->name),
			   at->at);
}

static void start(struct search *s, const struct graph_attach *at, struct spans src,
		  struct spans dst)
{
	struct walk w = { .src = spans_both(s->f->arena, src, at->spans[s->family]),
			  .dst = dst };
	if (s->answers)
		w.level = s->answers->way->n_points;
	if (!w.src.n)
		return;
	w.takes = path_take_spans(s->f, w.takes, s->family, FIELD_SRC, src, w.src);
	if (at->port == GRAPH_NONE) {
		search_end(s, search_condition(s, NULL, w.takes), WAY_UNKNOWN,
			   search_say(s, "the port of %s that %s is bound to was not read",
				      s->g->nodes[at->node].device->name, s->from->name),
			   at->at);
		return;
	}
	struct spans left = neighbours(s, at, w);
	if (!left.n)
		return;
	w.takes = path_take_spans(s->f, w.takes, s->family, FIELD_DST, w.dst, left);
	w.dst = left;
	if (graph_is_gateway(s->g, at->port))
		search_enter(
			s, w,
			(struct place){ at->node, at->port, at->ports, at->n_ports, at->at });
	else
		gateways(s, at, w);
}

/* Packets of the external zone that come by a port to the Internet: by the one that announces
 * them. */
static void start_outside(struct search *s, struct spans src, struct spans dst)
{
	struct announcers as = { { 0 } };
	search_announcers(s, GRAPH_NONE, src, dst, &as);
	vec_each (a, &as.v) {
		struct walk w = { .src = src, .dst = a->dst, .takes = a->takes };
		if (s->answers)
			w.level = s->answers->way->n_points;
		if (!a->dst.n)
			continue;
		if (a->port == GRAPH_NONE) {
			search_end(s, search_condition(s, NULL, a->takes), WAY_DROPPED,
				   search_say(s, "nobody announces %s to the Internet",
					      search_spans_text(s, a->dst)),
				   s->to->at);
			continue;
		}
		const struct graph_port *q = &s->g->ports[a->port];
		search_enter(
			s, w,
			(struct place){ q->node, a->port, &q->port->name, 1, q->port->at });
	}
	vec_free(&as.v);
}

/* From everywhere that the source zone is. */
static void start_all(struct search *s, struct spans src, struct spans dst)
{
	size_t n;
	const struct graph_attach *at = search_attached(s, s->from, &n);
	struct spans covered = { NULL, 0 };
	bool outside = false;
	for (size_t k = 0; k < n; k++) {
		bool there = !at[k].bound && at[k].port != GRAPH_NONE &&
			     s->g->ports[at[k].port].port->outside;
		if (there && !outside)
			start_outside(s, src, dst);
		outside |= there;
		if (there) {
			covered = src;
			continue;
		}
		covered = spans_either(s->f->arena, covered, at[k].spans[s->family]);
		start(s, &at[k], src, dst);
	}
	struct spans nowhere = spans_without(s->f->arena, src, covered);
	if (!nowhere.n)
		return;
	struct takes t =
		path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_SRC, src, nowhere);
	search_end(s, search_condition(s, NULL, t), WAY_UNKNOWN,
		   search_say(s,
			      "no path: nothing tells where %s of %s is: bind the zone, or "
			      "declare the path",
			      search_spans_text(s, nowhere), s->from->name),
		   s->from->at);
}

void path_search(struct finder *f, const struct zone *from, const struct zone *to,
		 struct way_list *ret)
{
	struct search s = { .f = f, .g = f->graph, .from = from, .to = to, .ways = ret };
	size_t i = (size_t)(to - f->estate->policy->zones);
	for (int fam = 0; fam < FAMILY_COUNT; fam++) {
		struct spans src = { from->spans[fam], from->n_spans[fam] };
		struct spans dst = f->graph->attached[i].destinations[fam];
		s.family = (enum family)fam;
		s.to_spans = (struct spans){ to->spans[fam], to->n_spans[fam] };
		if (f->estate->policy->families[fam] && src.n && dst.n)
			start_all(&s, src, dst);
	}
	if (s.full)
		path_complain(f, from->at, "more than %d ways: declare the path", WAYS_MAX);
}

void path_search_answers(struct finder *f, const struct forward *fw, enum family family,
			 const struct zone *from, const struct zone *to, struct way_list *ret)
{
	size_t end = fw->way->n_points;
	struct search s = { .f = f,
			    .g = f->graph,
			    .from = from,
			    .to = to,
			    .ways = ret,
			    .answers = fw,
			    .family = family };
	s.to_spans = (struct spans){ to->spans[family], to->n_spans[family] };
	if (fw->dst[end].n && fw->src[end].n)
		start_all(&s, fw->dst[end], fw->src[end]);
	if (s.full)
		path_complain(f, from->at, "more than %d ways back: declare the path",
			      WAYS_MAX);
}
