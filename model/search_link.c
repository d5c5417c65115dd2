/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a port of a device to whoever is there: over the link, the bridges on it and theirs.
 */
#include <string.h>

#include "model/search_internal.h"

static bool known(const struct domain *dm, uint32_t link)
{
	for (size_t i = 0; i < dm->n; i++)
		if (dm->v[i].link == link)
			return true;
	return false;
}

static void reach(struct domain *dm, struct reached r)
{
	if (known(dm, r.link))
		dm->looped = true;
	else if (dm->n == LINKS_MAX)
		dm->full = true;
	else
		dm->v[dm->n++] = r;
}

/*
 * All links that frames get to that leave by the port (or by any port of that bridge); behind:
 * that somebody on the port's link sends.
 */
void search_flood(const struct graph *g, uint32_t port, bool behind, struct domain *dm)
{
	const struct graph_port *p = &g->ports[port];
	*dm = (struct domain){ .n = 0 };
	reach(dm, (struct reached){ p->link, SIZE_MAX, GRAPH_NONE, GRAPH_NONE,
				    behind ? GRAPH_NONE : port });
	for (size_t i = 0; i < p->n_members; i++)
		if (g->ports[p->members[i]].port->up)
			reach(dm, (struct reached){ g->ports[p->members[i]].link, SIZE_MAX,
						    GRAPH_NONE, GRAPH_NONE,
						    behind ? GRAPH_NONE : p->members[i] });
	for (size_t i = 0; i < dm->n; i++) {
		const struct graph_link *l = &g->links[dm->v[i].link];
		for (size_t k = 0; k < l->n; k++) {
			const struct graph_port *q = &g->ports[l->ports[k]];
			if (q->master == GRAPH_NONE || !q->port->up ||
			    l->ports[k] == dm->v[i].start || l->ports[k] == dm->v[i].out)
				continue;
			const struct graph_port *bridge = &g->ports[q->master];
			for (size_t m = 0; m < bridge->n_members; m++) {
				uint32_t r = bridge->members[m];
				if (r != l->ports[k] && g->ports[r].port->up)
					reach(dm, (struct reached){ g->ports[r].link, i,
								    l->ports[k], r,
								    dm->v[i].start });
			}
		}
	}
}

/* The port itself, or the bridge that it belongs to. */
uint32_t search_routed_port(const struct graph *g, uint32_t port)
{
	return g->ports[port].master == GRAPH_NONE ? port : g->ports[port].master;
}

static bool owns(const struct port *p, enum family f, struct addr a)
{
	for (size_t i = 0; i < p->n_prefixes && p->addrs; i++)
		if (p->prefixes[i].family == f && addr_equal(p->addrs[i], a))
			return true;
	for (size_t i = 0; i < p->n_shared; i++)
		if (addr_equal(p->shared[i], a))
			return true;
	return false;
}

/* The bridges crossed to reach dm->v[i], as points. False where one can't be told. */
bool search_cross_bridges(struct search *s, const struct domain *dm, size_t i, size_t level,
			  const struct trail **trail)
{
	const struct reached *r = &dm->v[i];
	if (r->parent == SIZE_MAX)
		return true;
	if (!search_cross_bridges(s, dm, r->parent, level, trail))
		return false;
	const struct graph_port *in = &s->g->ports[r->in], *out = &s->g->ports[r->out];
	struct point pt;
	struct side from = { &in->port->name, 1, false }, to = { &out->port->name, 1, false };
	if (!path_point(s->f, in->device, from, to, in->port->at, &pt))
		return false;
	for (size_t k = 0; k < pt.n_stages; k++)
		if (pt.stages[k].hook->layer == LAYER_BRIDGED && in->device->n_nats) {
			path_complain(s->f, in->port->at,
				      "%s may translate the frames that it bridges",
				      in->device->name);
			return false;
		}
	pt.level_in = pt.level_out = level;
	pt.route = "bridged";
	pt.route_at = in->port->at;
	*trail = search_add_point(s, *trail, &pt);
	return true;
}

/* Where the zone's addresses are on links that are reached; index in dm, or SIZE_MAX. */
size_t search_attached_at(const struct search *s, const struct domain *dm,
			  const struct graph_attach *at)
{
	const struct graph *g = s->g;
	if (at->port == GRAPH_NONE)
		return SIZE_MAX;
	/* a network interface is in the subnet that has its address */
	const struct graph_port *mine = &g->ports[at->port], *out = &g->ports[dm->v[0].start];
	if (mine->port->part)
		return mine->node == out->node && out->port->edge ? 0 : SIZE_MAX;
	for (size_t i = 0; i < dm->n; i++) {
		if (g->ports[at->port].link == dm->v[i].link)
			return i;
		/* bound to a bridge: behind any of its ports */
		const struct graph_link *l = &g->links[dm->v[i].link];
		for (size_t k = 0; k < l->n && g->ports[at->port].n_members; k++)
			if (g->ports[l->ports[k]].master == at->port)
				return i;
	}
	return SIZE_MAX;
}

const struct graph_attach *search_attached(const struct search *s, const struct zone *z,
					   size_t *ret_n)
{
	size_t i = (size_t)(z - s->f->estate->policy->zones);
	*ret_n = s->g->attached[i].n;
	return s->g->attached[i].v;
}

/* The conversation came across the device. */
bool search_crossed(const struct forward *fw, const struct device *d)
{
	for (size_t i = 0; i < fw->way->n_points; i++)
		if (fw->way->points[i].device == d)
			return true;
	return false;
}

/* What a packet leaves the device by. */
struct departure {
	struct visit *v;
	const struct fib_hop *hop;
	uint32_t out; /* port */
	struct domain dm;
};

/*
 * The device is crossed: stages, conditions, translations. `reached` says which port of a
 * bridge it leaves by, `to` (or NULL) to whom. False where the point can't be told; the way is
 * ended then.
 */
static bool leave(struct departure *dp, size_t reached, const struct graph_attach *to,
		  struct takes last, struct walk *ret)
{
	struct visit *v = dp->v;
	struct search *s = v->s;
	const struct reached *r = &dp->dm.v[reached];
	struct side out = { &s->g->ports[r->start].port->name, 1, false, true };
	if (to && s->g->ports[to->port].port->edge) /* groups of a binding count as well */
		out = (struct side){ to->ports, to->n_ports, false, true };
	struct side routed = { &s->g->ports[dp->out].port->name, 1, false };
	struct point pt;
	s->f->why = NULL;
	if (!path_point(s->f, v->d, v->side, out, v->in->at, &pt)) {
		const char *why = s->f->why;
		struct loc at = s->f->why_at;
		s->f->why = NULL;
		search_end_inside(v, last, WAY_UNKNOWN, at, why);
		return false;
	}
	struct footprint fp = { .family = (uint8_t)s->family,
				.src = v->branch->src,
				.dst = v->dst,
				.iif = pt.ip_iif,
				.oif = routed.ports[0] };
	struct spans src;
	struct nat_list sources = path_nat_sources(s->f, v->d, &v->side, &routed, &fp, &src);
	if (s->answers) {
		if (sources.n && !search_crossed(s->answers, v->d)) {
			search_end_inside(
				v, last, WAY_UNKNOWN, sources.v[0]->at,
				search_say(s,
					   "%s may translate answers of a conversation that it "
					   "didn't see",
					   v->d->name));
			return false;
		}
		sources.n = 0;
		src = v->branch->late ? s->answers->dst[v->level] : v->branch->src;
	}
	const char *why = path_decided(s->f->arena, v->again, v->d, NULL, sources);
	if (why) {
		search_end_inside(v, last, WAY_UNKNOWN, sources.n ? sources.v[0]->at : v->d->at,
				  why);
		return false;
	}
	pt.level_in = v->w->level, pt.level_out = v->level;
	path_weave(s->f, &pt, v->w->takes, v->branch, v->routed, sources, last);
	pt.route = dp->hop ? search_hop_text(s, dp->hop) : "sent on by its translation";
	pt.route_at = !dp->hop	       ? v->branch->nat->at
		      : dp->hop->route ? dp->hop->route->at
				       : dp->hop->port->at;
	const struct trail *trail = search_add_point(s, v->w->trail, &pt);
	struct trail *mine = (struct trail *)trail;
	mine->node = v->in->node, mine->port = v->in->port;
	mine->src = v->w->src, mine->dst = v->w->dst;
	s->f->why = NULL;
	if (!search_cross_bridges(s, &dp->dm, reached, v->level, &trail)) {
		search_end(s, trail, WAY_UNKNOWN, s->f->why, s->f->why_at);
		s->f->why = NULL;
		return false;
	}
	*ret = (struct walk){ .src = src, .dst = v->dst, .trail = trail, .level = v->level };
	return true;
}

static void gap(struct departure *dp, struct takes last, const char *why)
{
	struct search *s = dp->v->s;
	const struct graph_link *l = &s->g->links[s->g->ports[dp->out].link];
	struct loc at =
		dp->hop && dp->hop->route ? dp->hop->route->at : s->g->ports[dp->out].port->at;
	if (l->why)
		why = search_say(s, "%s; %s", why, l->why);
	if (dp->dm.full)
		why = search_say(s, "%s; more than %d links are bridged together", why,
				 LINKS_MAX);
	search_end_inside(dp->v, last, WAY_UNKNOWN, at, why);
}

/* The networks that are connected by the port, or by the bridge that it belongs to. */
static struct spans port_networks(struct search *s, uint32_t port)
{
	const struct port *p = s->g->ports[search_routed_port(s->g, port)].port;
	struct span *v = arena_array(s->f->arena, p->n_prefixes, sizeof(*v));
	size_t n = 0;
	for (size_t i = 0; i < p->n_prefixes; i++)
		if (p->prefixes[i].family == s->family)
			v[n++] =
				span_prefix(s->family, p->prefixes[i].addr, p->prefixes[i].len);
	return (struct spans){ v, spans_normalise(v, n) };
}

/*
 * The destination's hosts are on links that are reached. What of it is attached elsewhere, or
 * isn't of the zone, ends here.
 */
static void deliver(struct departure *dp, bool behind)
{
	struct visit *v = dp->v;
	struct search *s = v->s;
	struct arena *a = s->f->arena;
	size_t n;
	const struct graph_attach *at = search_attached(s, s->to, &n);
	struct spans left = v->dst, near = { NULL, 0 };
	/* what is on the link, and is sent to somebody there instead, may go anywhere */
	if (behind && dp->hop && dp->hop->has_via && !s->g->ports[dp->out].port->edge)
		near = port_networks(s, dp->out);
	for (size_t i = 0; i < n; i++) {
		struct spans mine = spans_both(a, v->dst, at[i].spans[s->family]);
		if (near.n)
			mine = spans_without(a, mine, near);
		size_t reached = mine.n ? search_attached_at(s, &dp->dm, &at[i]) : SIZE_MAX;
		struct walk w;
		if (reached == SIZE_MAX)
			continue;
		left = spans_without(a, left, mine);
		struct takes last = path_take_spans(s->f, (struct takes){ 0 }, s->family,
						    FIELD_DST, v->dst, mine);
		const char *torn = s->g->links[dp->dm.v[reached].link].torn;
		if (torn || (dp->dm.looped && dp->dm.v[reached].parent != SIZE_MAX))
			gap(dp, last,
			    torn ? torn : "bridges connect the links in more ways than one");
		else if (leave(dp, reached, &at[i], last, &w))
			search_end(s, w.trail, WAY_ARRIVES, NULL, LOC_NONE);
	}
	if (!left.n)
		return;
	/* who is there beyond the port's own networks may carry it anywhere, if anybody is */
	const struct port *out = s->g->ports[dp->out].port;
	struct spans here = { NULL, 0 };
	if (!behind || !dp->hop || !dp->hop->has_via)
		here = spans_both(a, left, port_networks(s, dp->out));
	struct spans others = spans_without(a, here, s->to_spans);
	struct spans lost = spans_without(a, left, others), unclaimed = { NULL, 0 };
	struct walk w;
	/* an address that no zone claims belongs to the external one, wherever it is */
	if (s->to->external)
		unclaimed = spans_without(a, here, others);
	const char *torn = NULL;
	for (size_t i = 0; i < dp->dm.n && !torn; i++)
		torn = s->g->links[dp->dm.v[i].link].torn;
	if (unclaimed.n && torn)
		gap(dp,
		    path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, v->dst,
				    unclaimed),
		    torn);
	else if (unclaimed.n && leave(dp, 0, NULL,
				 path_take_spans(s->f, (struct takes){ 0 }, s->family,
						 FIELD_DST, v->dst, unclaimed),
				 &w))
		search_end(s, w.trail, WAY_ARRIVES, NULL, LOC_NONE);
	lost = spans_without(a, lost, unclaimed);
	if (others.n)
		search_end_inside(
			v,
			path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, v->dst,
					others),
			WAY_DROPPED, out->at,
			search_say(s, "%s goes out by %s of %s, and isn't an address of %s",
				   search_spans_text(s, others), out->name, v->d->name,
				   s->to->name));
	if (!lost.n)
		return;
	struct takes last =
		path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, v->dst, lost);
	if (behind && dp->hop && dp->hop->has_via)
		gap(dp, last,
		    search_say(s,
			       "nobody on the link of %s %s has the next hop %s: declare the "
			       "link, or "
			       "bind what is behind it",
			       v->d->name, out->name, search_addr_text(s, dp->hop->via)));
	else
		gap(dp, last,
		    search_say(s, "%s sends it out by %s, and nothing says that %s is there",
			       v->d->name, out->name, s->to->name));
}

/* The one other device on a link of two ports. */
static uint32_t other_end(const struct graph *g, const struct domain *dm, uint32_t out)
{
	uint32_t found = GRAPH_NONE;
	for (size_t i = 0; i < dm->n; i++) {
		const struct graph_link *l = &g->links[dm->v[i].link];
		for (size_t k = 0; k < l->n; k++) {
			const struct graph_port *q = &g->ports[l->ports[k]];
			if (l->ports[k] == out || q->node == g->ports[out].node || !q->port->up)
				continue;
			if (q->master != GRAPH_NONE && !g->ports[q->master].port->n_prefixes)
				continue; /* a mere bridge */
			if (found != GRAPH_NONE)
				return GRAPH_NONE;
			found = l->ports[k];
		}
	}
	return found;
}

static void arrive_at(struct departure *dp, size_t reached, uint32_t port)
{
	struct search *s = dp->v->s;
	const struct graph_port *q = &s->g->ports[port];
	struct walk w;
	const char *torn = s->g->links[dp->dm.v[reached].link].torn;
	if (torn || (dp->dm.looped && dp->dm.v[reached].parent != SIZE_MAX)) {
		gap(dp, (struct takes){ 0 },
		    torn ? torn : "bridges connect the links in more ways than one");
		return;
	}
	if (leave(dp, reached, NULL, (struct takes){ 0 }, &w))
		search_enter(s, w,
			     (struct place){ q->node, port, &q->port->name, 1, q->port->at });
}

static size_t reached_of(const struct domain *dm, uint32_t link)
{
	for (size_t i = 0; i < dm->n; i++)
		if (dm->v[i].link == link)
			return i;
	return SIZE_MAX;
}

void search_announcers(struct search *s, uint32_t leaving, struct spans src, struct spans dst,
		       struct announcers *out)
{
	struct takes nobody = { 0 };
	bool open = false; /* some port doesn't tell what it announces */
	for (uint32_t i = 0; i < s->g->n_ports; i++) {
		const struct port *p = s->g->ports[i].port;
		struct footprint fp = { (uint8_t)s->family, src, dst, NULL, NULL };
		if (!p->outside || !p->up || (i == leaving && !p->announced))
			continue;
		if (!p->announced) {
			open = true;
			*vec_add(&out->v) = (struct announcer){ i, { 0 }, dst };
			continue;
		}
		enum truth t = footprint_judge(&fp, p->announced);
		if (t == TRUTH_FALSE)
			continue;
		struct takes mine = t == TRUTH_TRUE ? (struct takes){ 0 }
						    : path_take(s->f, (struct takes){ 0 },
								p->announced, false);
		*vec_add(&out->v) =
			(struct announcer){ i, mine,
					    footprint_bound(s->f->arena, s->family, FIELD_DST,
							    p->announced, dst) };
		if (t == TRUTH_TRUE)
			return;
		nobody = path_take(s->f, nobody, p->announced, true);
		dst = footprint_bound(s->f->arena, s->family, FIELD_DST,
				      match_not(s->f->matches, p->announced), dst);
	}
	if ((!open || leaving != GRAPH_NONE) && dst.n)
		*vec_add(&out->v) = (struct announcer){ GRAPH_NONE, nobody, dst };
}

/* To hosts on the Internet, as far as the external zone has the address. */
static void go_away(struct departure *dp, const struct announcer *an)
{
	struct visit *v = dp->v;
	struct search *s = v->s;
	struct arena *a = s->f->arena;
	struct spans mine = { NULL, 0 };
	struct walk w;
	if (s->to->external)
		mine = spans_both(a, an->dst, s->to_spans);
	struct spans lost = spans_without(a, an->dst, mine);
	if (lost.n) {
		struct spans wanted = spans_both(a, lost, s->to_spans);
		search_end_inside(
			v,
			path_take_spans(s->f, an->takes, s->family, FIELD_DST, an->dst, lost),
			WAY_DROPPED, s->g->ports[dp->out].port->at,
			search_say(s, "%s leaves by %s of %s, and nobody announces it",
				   search_spans_text(s, wanted.n ? wanted : lost),
				   s->g->ports[dp->out].port->name, v->d->name));
	}
	v->dst = mine;
	if (mine.n &&
	    leave(dp, 0, NULL,
		  path_take_spans(s->f, an->takes, s->family, FIELD_DST, an->dst, mine), &w))
		search_end(s, w.trail, WAY_ARRIVES, NULL, LOC_NONE);
}

/* Out onto the Internet: back in by a port that announces the destination, or away. */
static void go_outside(struct departure *dp)
{
	struct visit *v = dp->v;
	struct search *s = v->s;
	struct announcers as = { { 0 } };
	struct spans dst = v->dst;
	search_announcers(s, dp->out, v->branch->src, dst, &as);
	vec_each (a, &as.v) {
		struct walk w;
		if (!a->dst.n)
			continue;
		v->dst = a->dst;
		if (a->port == GRAPH_NONE) {
			go_away(dp, a);
		} else if (leave(dp, 0, NULL, a->takes, &w)) {
			const struct graph_port *q = &s->g->ports[a->port];
			search_enter(s, w,
				     (struct place){ q->node, a->port, &q->port->name, 1,
						     q->port->at });
		}
	}
	v->dst = dst;
	vec_free(&as.v);
}

struct spans search_owned(struct search *s, uint32_t port, struct spans dst)
{
	const struct graph_port *q = &s->g->ports[search_routed_port(s->g, port)];
	VEC(struct span) own = { 0 };
	bool may = q->port->up && q->port->addrs && !q->port->edge && !q->port->part;
	for (size_t k = 0; may && k < q->port->n_prefixes; k++) {
		struct span a = { q->port->addrs[k], q->port->addrs[k] };
		if (q->port->prefixes[k].family == s->family &&
		    spans_meet(dst, (struct spans){ &a, 1 }))
			*vec_add(&own) = a;
	}
	for (size_t k = 0; may && k < q->port->n_shared; k++) {
		struct span a = { q->port->shared[k], q->port->shared[k] };
		if (spans_meet(dst, (struct spans){ &a, 1 }))
			*vec_add(&own) = a;
	}
	struct spans r = { vec_keep(s->f->arena, &own), own.n };
	r.n = own.n ? spans_normalise((struct span *)r.v, own.n) : 0;
	vec_free(&own);
	return r;
}

void search_depart(struct visit *v, const struct fib_hop *hop, uint32_t out)
{
	struct search *s = v->s;
	const struct graph *g = s->g;
	struct departure dp = { .v = v, .hop = hop, .out = out };
	search_flood(g, out, false, &dp.dm);
	if (g->ports[out].port->outside) {
		go_outside(&dp);
		return;
	}
	/* The kernel bridges what was translated so, or drops it (br_nf_pre_routing_finish). */
	if (v->branch->nat && v->branch->nat->kind != NAT_KEEP && v->in->port != GRAPH_NONE &&
	    g->ports[v->in->port].master == out) {
		gap(&dp, (struct takes){ 0 },
		    "it is translated to go back across the same bridge");
		return;
	}
	if (!hop || !hop->has_via) {
		/* onto the link itself: to a device that has the address, */
		struct spans all = v->dst;
		struct takes routed = v->routed;
		for (size_t i = 0; i < dp.dm.n; i++) {
			const struct graph_link *l = &g->links[dp.dm.v[i].link];
			for (size_t k = 0; k < l->n; k++) {
				struct spans mine = { NULL, 0 };
				struct spans left = v->dst;
				if (g->ports[l->ports[k]].node != g->ports[out].node)
					mine = search_owned(s, l->ports[k], all);
				if (!mine.n || l->ports[k] == dp.dm.v[i].start ||
				    l->ports[k] == dp.dm.v[i].out)
					continue;
				v->dst = mine;
				v->routed = path_take_spans(s->f, routed, s->family, FIELD_DST,
							    all, mine);
				arrive_at(&dp, i, l->ports[k]);
				v->dst = spans_without(s->f->arena, left, mine);
			}
		}
		v->routed = path_take_spans(s->f, routed, s->family, FIELD_DST, all, v->dst);
		if (!v->dst.n) {
			v->dst = all, v->routed = routed;
			return;
		}
		/* by a wire with one other end, to that, */
		uint32_t other = hop && hop->route ? other_end(g, &dp.dm, out) : GRAPH_NONE;
		size_t n;
		const struct graph_attach *at = search_attached(s, s->to, &n);
		for (size_t i = 0; i < n && other != GRAPH_NONE; i++)
			if (spans_meet(v->dst, at[i].spans[s->family]) &&
			    search_attached_at(s, &dp.dm, &at[i]) != SIZE_MAX)
				other = GRAPH_NONE;
		if (other != GRAPH_NONE)
			arrive_at(&dp, reached_of(&dp.dm, g->ports[other].link), other);
		else
			deliver(&dp, false); /* or to the zones that are there */
		v->dst = all, v->routed = routed;
		return;
	}
	bool found = false;
	for (size_t i = 0; i < dp.dm.n; i++) {
		const struct graph_link *l = &g->links[dp.dm.v[i].link];
		for (size_t k = 0; k < l->n; k++) {
			uint32_t q = l->ports[k];
			if (q == dp.dm.v[i].start || q == dp.dm.v[i].out ||
			    !g->ports[q].port->up ||
			    !owns(g->ports[search_routed_port(g, q)].port, s->family, hop->via))
				continue;
			found = true;
			arrive_at(&dp, i, q);
		}
	}
	if (!found)
		deliver(&dp, true);
}
