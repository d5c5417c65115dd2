/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways found through the graph. What is followed is not one packet but all packets of some
 * sources and destinations at once; wherever a device may treat some of them in another way than
 * others (a route for a part of the destinations, a policy rule on ports, a translation), the walk
 * goes on in several branches, each with the condition that a packet takes it by. So for every
 * packet there is a way that it takes: one that arrives, one that ends with the reason, or one that
 * ends in something that nobody told, which is a gap with a name. Several ways take one packet only
 * where the device may choose (ECMP), where it isn't known from which of several ports the
 * packet comes, or where a condition isn't known.
 *
 *	start    the ports that the source zone is behind
 *	enter    a device: translation of destinations, its own addresses, route rules, tables
 *	depart   by a port: translation of sources, who has the next hop on the link, over bridges
 *	end      the way is told
 */
#include <string.h>

#include "model/path_internal.h"

enum { DEVICES_MAX = 32, LINKS_MAX = 256 };

/* The points of a way so far, the last first. */
struct trail {
	const struct trail *up;
	struct point pt;
	/* how the device was entered, to know a loop by */
	uint32_t node, port;
	struct spans src, dst;
	size_t depth;
};

struct walk {
	struct spans src, dst;
	const struct trail *trail;
	struct takes takes; /* to be put in front of the next point */
	size_t level;	    /* of an answer, as in struct point */
};

struct place {
	uint32_t node, port;
	const char *const *ports;
	size_t n_ports;
	struct loc at;
};

struct search {
	struct finder *f;
	const struct graph *g;
	const struct zone *from, *to;
	enum family family;
	struct spans to_spans;
	struct way_list *ways;
	const struct forward *answers; /* NULL: first packets; otherwise what they answer */
	bool full;
};

/* A device on the way, between coming in and going out. */
struct visit {
	struct search *s;
	const struct walk *w;
	const struct device *d;
	const struct place *in;
	struct side side;
	const struct nat_branch *branch;
	struct spans dst; /* of what is looked at now */
	struct takes routed;
	size_t level; /* of an answer, behind the branch */
};

static const char *zone_text(const struct zone *z)
{
	return z->name;
}

/* ---- ends ---- */

static void finish_way(struct search *s, const struct trail *t, enum way_end end, const char *why,
		       struct loc why_at)
{
	size_t n = t ? t->depth : 0;
	if (s->ways->v.n == WAYS_MAX) {
		s->full = true;
		return;
	}
	struct point *pts = arena_array(s->f->arena, n, sizeof(*pts));
	bool rewrites = false;
	for (size_t i = n; i-- > 0; t = t->up) {
		pts[i] = t->pt;
		for (size_t k = 0; k < pts[i].n_steps; k++)
			rewrites |= pts[i].steps[k].kind == STEP_REWRITE;
	}
	*vec_add(&s->ways->v) = (struct route_way){ .points = pts,
						    .n_points = n,
						    .families = (uint8_t)(1u << s->family),
						    .rewrites = rewrites,
						    .end = (uint8_t)end,
						    .why = why,
						    .why_at = why_at };
}

/* A point that only holds the conditions by which packets end here. */
static const struct trail *condition(struct search *s, const struct trail *up, struct takes a)
{
	size_t level = s->answers ? s->answers->way->n_points : 0;
	if (!a.n)
		return up;
	struct trail *t = arena_alloc(s->f->arena, sizeof(*t));
	*t = (struct trail){ .up = up,
			     .pt = { .text = "",
				     .steps = a.v,
				     .n_steps = a.n,
				     .level_in = level,
				     .level_out = level },
			     .node = GRAPH_NONE,
			     .port = GRAPH_NONE,
			     .depth = up ? up->depth + 1 : 1 };
	return t;
}

static const struct trail *add_point(struct search *s, const struct trail *up,
				     const struct point *pt)
{
	struct trail *t = arena_alloc(s->f->arena, sizeof(*t));
	*t = (struct trail){ .up = up,
			     .pt = *pt,
			     .node = GRAPH_NONE,
			     .port = GRAPH_NONE,
			     .depth = up ? up->depth + 1 : 1 };
	return t;
}

/* The way ends within the device, before it has left by a port. */
static void end_inside(struct visit *v, struct takes more, enum way_end end, struct loc at,
		       const char *why)
{
	struct search *s = v->s;
	struct point pt = { .device = v->d,
			    .source = path_source(s->f->estate, v->d),
			    .text = v->d->name,
			    .ip_iif = path_seen(v->d, &v->side),
			    .level_in = v->w->level,
			    .level_out = v->level,
			    .at = v->in->at };
	struct takes routed = v->routed;
	for (size_t i = 0; i < more.n; i++)
		routed = path_take(s->f, routed, more.v[i].match, more.v[i].negate);
	path_weave(s->f, &pt, v->w->takes, v->branch, routed, (struct nat_list){ 0 },
		   (struct takes){ 0 });
	finish_way(s, add_point(s, v->w->trail, &pt), end, why, at);
}

static const char *sayf(struct search *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static const char *sayf(struct search *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *t = arena_vprintf(s->f->arena, fmt, ap);
	va_end(ap);
	return t;
}

static const char *addr_text(struct search *s, struct addr a)
{
	struct text t = { 0 };
	addr_print(&t, s->family, a);
	const char *r = arena_str(s->f->arena, t.s);
	text_finish(&t);
	return r;
}

static const char *span_text(struct search *s, struct spans x)
{
	struct text t = { 0 };
	if (x.n)
		span_print(&t, s->family, x.v[0]);
	if (x.n > 1)
		text_putf(&t, " and %zu more", x.n - 1);
	const char *r = arena_str(s->f->arena, t.s ? t.s : "nothing");
	text_finish(&t);
	return r;
}

/* "10.2.0.0/16 via 192.0.2.1" */
static const char *hop_text(struct search *s, const struct fib_hop *h)
{
	struct text t = { 0 };
	addr_print(&t, s->family, h->dst.addr);
	text_putf(&t, "/%u", h->dst.len);
	if (h->route && h->has_via) {
		text_put(&t, " via ");
		addr_print(&t, s->family, h->via);
	} else if (h->port) {
		text_putf(&t, "%s%s", h->route ? " by " : " connected to ", h->port->name);
	}
	const char *r = arena_str(s->f->arena, t.s);
	text_finish(&t);
	return r;
}

/* ---- links and bridges ---- */

/* A link that frames reach, and how. */
struct reached {
	uint32_t link;
	size_t parent;	    /* index, or SIZE_MAX: the first */
	uint32_t in, out;   /* ports of the bridge between parent and this one, or GRAPH_NONE */
	uint32_t start;	    /* the port that the device sends by */
};

struct domain {
	struct reached v[LINKS_MAX];
	size_t n;
	bool looped; /* some link is reached in two ways */
	bool full;
};

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
 * All links that frames get to that leave by the port (or by any port of that bridge); behind: that
 * somebody on the port's link sends.
 */
static void flood(const struct graph *g, uint32_t port, bool behind, struct domain *dm)
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
static uint32_t routed_port(const struct graph *g, uint32_t port)
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
static bool cross_bridges(struct search *s, const struct domain *dm, size_t i, size_t level,
			  const struct trail **trail)
{
	const struct reached *r = &dm->v[i];
	if (r->parent == SIZE_MAX)
		return true;
	if (!cross_bridges(s, dm, r->parent, level, trail))
		return false;
	const struct graph_port *in = &s->g->ports[r->in], *out = &s->g->ports[r->out];
	struct point pt;
	struct side from = { &in->port->name, 1, false }, to = { &out->port->name, 1, false };
	if (!path_point(s->f, in->device, from, to, in->port->at, &pt))
		return false;
	for (size_t k = 0; k < pt.n_stages; k++)
		if (pt.stages[k].hook->layer == LAYER_BRIDGED && in->device->n_nats) {
			path_complain(s->f, in->port->at,
				      "%s may translate the frames that it bridges", in->device->name);
			return false;
		}
	pt.level_in = pt.level_out = level;
	pt.route = "bridged";
	pt.route_at = in->port->at;
	*trail = add_point(s, *trail, &pt);
	return true;
}

/* Where the zone's addresses are on links that are reached; index in dm, or SIZE_MAX. */
static size_t attached_at(const struct search *s, const struct domain *dm,
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

static const struct graph_attach *attaches(const struct search *s, const struct zone *z,
					   size_t *ret_n)
{
	size_t i = (size_t)(z - s->f->estate->policy->zones);
	*ret_n = s->g->attached[i].n;
	return s->g->attached[i].v;
}

/* ---- a device is left ---- */

static void enter(struct search *s, struct walk w, struct place in);

/* The conversation came across the device. */
static bool crossed(const struct forward *fw, const struct device *d)
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
 * bridge it leaves by, `to` (or NULL) to whom. False where the point can't be told; the way is ended then.
 */
static bool leave(struct departure *dp, size_t reached, const struct graph_attach *to,
		  struct takes last, struct walk *ret)
{
	struct visit *v = dp->v;
	struct search *s = v->s;
	const struct reached *r = &dp->dm.v[reached];
	struct side out = { &s->g->ports[r->start].port->name, 1, false };
	if (to && s->g->ports[to->port].port->edge) /* groups of a binding count as well */
		out = (struct side){ to->ports, to->n_ports, false };
	struct side routed = { &s->g->ports[dp->out].port->name, 1, false };
	struct point pt;
	s->f->why = NULL;
	if (!path_point(s->f, v->d, v->side, out, v->in->at, &pt)) {
		const char *why = s->f->why;
		struct loc at = s->f->why_at;
		s->f->why = NULL;
		end_inside(v, last, WAY_UNKNOWN, at, why);
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
		if (sources.n && !crossed(s->answers, v->d)) {
			end_inside(v, last, WAY_UNKNOWN, sources.v[0]->at,
				   sayf(s, "%s may translate answers of a conversation that it "
					   "didn't see", v->d->name));
			return false;
		}
		sources.n = 0;
		src = v->branch->src;
	}
	pt.level_in = v->w->level, pt.level_out = v->level;
	path_weave(s->f, &pt, v->w->takes, v->branch, v->routed, sources, last);
	pt.route = dp->hop ? hop_text(s, dp->hop) : "sent on by its translation";
	pt.route_at = !dp->hop		? v->branch->nat->at
		      : dp->hop->route ? dp->hop->route->at
				       : dp->hop->port->at;
	const struct trail *trail = add_point(s, v->w->trail, &pt);
	struct trail *mine = (struct trail *)trail;
	mine->node = v->in->node, mine->port = v->in->port;
	mine->src = v->w->src, mine->dst = v->w->dst;
	s->f->why = NULL;
	if (!cross_bridges(s, &dp->dm, reached, v->level, &trail)) {
		finish_way(s, trail, WAY_UNKNOWN, s->f->why, s->f->why_at);
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
	struct loc at = dp->hop && dp->hop->route ? dp->hop->route->at : s->g->ports[dp->out].port->at;
	if (l->why)
		why = sayf(s, "%s; %s", why, l->why);
	if (dp->dm.full)
		why = sayf(s, "%s; more than %d links are bridged together", why, LINKS_MAX);
	end_inside(dp->v, last, WAY_UNKNOWN, at, why);
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
	const struct graph_attach *at = attaches(s, s->to, &n);
	struct spans left = v->dst;
	for (size_t i = 0; i < n; i++) {
		struct spans mine = spans_both(a, v->dst, at[i].spans[s->family]);
		size_t reached = mine.n ? attached_at(s, &dp->dm, &at[i]) : SIZE_MAX;
		struct walk w;
		if (reached == SIZE_MAX)
			continue;
		left = spans_without(a, left, mine);
		struct takes last = path_take_spans(s->f, (struct takes){ 0 }, s->family,
						    FIELD_DST, v->dst, mine);
		if (dp->dm.looped && dp->dm.v[reached].parent != SIZE_MAX)
			gap(dp, last, "bridges connect the links in more ways than one");
		else if (leave(dp, reached, &at[i], last, &w))
			finish_way(s, w.trail, WAY_ARRIVES, NULL, LOC_NONE);
	}
	if (!left.n)
		return;
	struct spans others = spans_without(a, left, s->to_spans);
	struct spans lost = spans_both(a, left, s->to_spans);
	struct walk w;
	/* an address that no zone claims belongs to the external one, wherever it is */
	if (lost.n && s->to->external && !(behind && dp->hop && dp->hop->has_via)) {
		if (leave(dp, 0, NULL,
			  path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, v->dst,
					  lost),
			  &w))
			finish_way(s, w.trail, WAY_ARRIVES, NULL, LOC_NONE);
		lost.n = 0;
	}
	const struct port *out = s->g->ports[dp->out].port;
	/* who isn't known to be there may carry it anywhere */
	bool alone = out->wire && s->g->links[s->g->ports[dp->out].link].n == 1 && !out->edge;
	if (others.n && ((behind && dp->hop && dp->hop->has_via) || alone)) {
		lost = left;
		others.n = 0;
	}
	if (others.n)
		end_inside(v,
			   path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST,
					   v->dst, others),
			   WAY_DROPPED, out->at,
			   sayf(s, "%s goes out by %s of %s, and isn't an address of %s",
				span_text(s, others), out->name, v->d->name, zone_text(s->to)));
	if (!lost.n)
		return;
	struct takes last = path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, v->dst,
					    lost);
	if (behind && dp->hop && dp->hop->has_via)
		gap(dp, last,
		    sayf(s, "nobody on the link of %s %s has the next hop %s: declare the link, or "
			    "bind what is behind it",
			 v->d->name, out->name, addr_text(s, dp->hop->via)));
	else
		gap(dp, last,
		    sayf(s, "%s sends it out by %s, and nothing says that %s is there",
			 v->d->name, out->name, zone_text(s->to)));
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
	if (dp->dm.looped && dp->dm.v[reached].parent != SIZE_MAX) {
		gap(dp, (struct takes){ 0 }, "bridges connect the links in more ways than one");
		return;
	}
	if (leave(dp, reached, NULL, (struct takes){ 0 }, &w))
		enter(s, w, (struct place){ q->node, port, &q->port->name, 1, q->port->at });
}

static size_t reached_of(const struct domain *dm, uint32_t link)
{
	for (size_t i = 0; i < dm->n; i++)
		if (dm->v[i].link == link)
			return i;
	return SIZE_MAX;
}

/* Who of those on the Internet takes the packets: one for each port that announces them. */
struct announcer {
	uint32_t port; /* GRAPH_NONE: nobody that was read */
	struct takes takes;
	struct spans dst;
};

struct announcers {
	VEC(struct announcer) v;
};

static void find_announcers(struct search *s, uint32_t leaving, struct spans src,
			    struct spans dst, struct announcers *out)
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
		struct takes mine = t == TRUTH_TRUE
					    ? (struct takes){ 0 }
					    : path_take(s->f, (struct takes){ 0 }, p->announced, false);
		*vec_add(&out->v) = (struct announcer){
			i, mine,
			footprint_bound(s->f->arena, s->family, FIELD_DST, p->announced, dst)
		};
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
		end_inside(v,
			   path_take_spans(s->f, an->takes, s->family, FIELD_DST, an->dst, lost),
			   WAY_DROPPED, s->g->ports[dp->out].port->at,
			   sayf(s, "%s leaves by %s of %s, and nobody announces it",
				span_text(s, wanted.n ? wanted : lost),
				s->g->ports[dp->out].port->name, v->d->name));
	}
	v->dst = mine;
	if (mine.n &&
	    leave(dp, 0, NULL,
		  path_take_spans(s->f, an->takes, s->family, FIELD_DST, an->dst, mine), &w))
		finish_way(s, w.trail, WAY_ARRIVES, NULL, LOC_NONE);
}

/* Out onto the Internet: back in by a port that announces the destination, or away. */
static void go_outside(struct departure *dp)
{
	struct visit *v = dp->v;
	struct search *s = v->s;
	struct announcers as = { { 0 } };
	struct spans dst = v->dst;
	find_announcers(s, dp->out, v->branch->src, dst, &as);
	vec_each (a, &as.v) {
		struct walk w;
		if (!a->dst.n)
			continue;
		v->dst = a->dst;
		if (a->port == GRAPH_NONE) {
			go_away(dp, a);
		} else if (leave(dp, 0, NULL, a->takes, &w)) {
			const struct graph_port *q = &s->g->ports[a->port];
			enter(s, w,
			      (struct place){ q->node, a->port, &q->port->name, 1, q->port->at });
		}
	}
	v->dst = dst;
	vec_free(&as.v);
}

/* What the port answers for of dst, where its device is another one, which routes. */
static struct spans owned(struct search *s, uint32_t out, uint32_t port, struct spans dst)
{
	const struct graph_port *q = &s->g->ports[routed_port(s->g, port)];
	VEC(struct span) own = { 0 };
	bool may = q->node != s->g->ports[out].node && q->port->up && q->port->addrs &&
		   q->device->routing != ROUTING_NONE && !q->port->edge && !q->port->part;
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

static void depart(struct visit *v, const struct fib_hop *hop, uint32_t out)
{
	struct search *s = v->s;
	const struct graph *g = s->g;
	struct departure dp = { .v = v, .hop = hop, .out = out };
	flood(g, out, false, &dp.dm);
	if (g->ports[out].port->outside) {
		go_outside(&dp);
		return;
	}
	/* The kernel bridges what was translated so, or drops it (br_nf_pre_routing_finish). */
	if (v->branch->nat && v->branch->nat->kind != NAT_KEEP && v->in->port != GRAPH_NONE &&
	    g->ports[v->in->port].master == out) {
		gap(&dp, (struct takes){ 0 }, "it is translated to go back across the same bridge");
		return;
	}
	if (!hop || !hop->has_via) {
		/* onto the link itself: to a device that has the address, */
		struct spans all = v->dst;
		struct takes routed = v->routed;
		for (size_t i = 0; i < dp.dm.n; i++) {
			const struct graph_link *l = &g->links[dp.dm.v[i].link];
			for (size_t k = 0; k < l->n; k++) {
				struct spans mine = owned(s, out, l->ports[k], all);
				struct spans left = v->dst;
				if (!mine.n || l->ports[k] == dp.dm.v[i].start ||
				    l->ports[k] == dp.dm.v[i].out)
					continue;
				v->dst = mine;
				v->routed = path_take_spans(s->f, routed, s->family, FIELD_DST, all,
							    mine);
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
		const struct graph_attach *at = attaches(s, s->to, &n);
		for (size_t i = 0; i < n && other != GRAPH_NONE; i++)
			if (spans_meet(v->dst, at[i].spans[s->family]) &&
			    attached_at(s, &dp.dm, &at[i]) != SIZE_MAX)
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
			    !owns(g->ports[routed_port(g, q)].port, s->family, hop->via))
				continue;
			found = true;
			arrive_at(&dp, i, q);
		}
	}
	if (!found)
		deliver(&dp, true);
}

/* ---- a device is entered ---- */

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
		end_inside(v,
			   path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, mine,
					   others),
			   WAY_DROPPED, at,
			   sayf(s, "%s is an address of %s itself", span_text(s, others),
				v->d->name));
	if (!wanted.n)
		return;
	if (!path_point(s->f, v->d, v->side, self, v->in->at, &pt)) {
		end_inside(v, (struct takes){ 0 }, WAY_UNKNOWN, s->f->why_at, s->f->why);
		s->f->why = NULL;
		return;
	}
	path_weave(s->f, &pt, v->w->takes, v->branch, v->routed, (struct nat_list){ 0 },
		   path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, mine, wanted));
	pt.route = "its own address";
	pt.route_at = at;
	bool alone = spans_within(s->to_spans, own_addresses(s->f->arena, v->d, NULL, s->family));
	finish_way(s, add_point(s, v->w->trail, &pt), alone ? WAY_ARRIVES : WAY_ASIDE,
		   alone ? NULL
			 : sayf(s, "%s is an address of %s itself", span_text(s, wanted), v->d->name),
		   at);
}

static void follow(struct visit *v, const struct fib_hop *h)
{
	struct search *s = v->s;
	struct loc at = h->route ? h->route->at : h->port->at;
	if (v->d->routing == ROUTING_PART && h->route && !h->route->local)
		end_inside(v, (struct takes){ 0 }, WAY_UNKNOWN, v->d->routing_at,
			   sayf(s, "%s may know better routes than %s: %s", v->d->name,
				hop_text(s, h),
				v->d->routing_why ? v->d->routing_why : "not all were read"));
	else if (h->odd)
		end_inside(v, (struct takes){ 0 }, WAY_UNKNOWN, at,
			   sayf(s, "the route %s of %s: %s", hop_text(s, h), v->d->name, h->odd));
	else if (h->route && h->route->drop)
		end_inside(v, (struct takes){ 0 }, WAY_DROPPED, at,
			   sayf(s, "%s drops what goes to %s", v->d->name, hop_text(s, h)));
	else if (h->route && h->route->local)
		local(v, v->dst, v->routed, at);
	else
		depart(v, h, (uint32_t)(s->g->nodes[v->in->node].first +
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
		     k < t->n[f] && addr_compare(t->pieces[f][k].span.lo, dst.v[i].hi) <= 0; k++) {
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
			bool again = r && r->into && !r->has_via && !r->port && !r->drop && !r->local;
			if (!again) {
				follow(v, &g->hops[i]);
				continue;
			}
			struct spans none = { NULL, 0 };
			struct visit inner = *v;
			if (depth < TABLES_MAX)
				look_up(&inner, r->into, -1, depth + 1, &none);
			if (none.n || depth >= TABLES_MAX)
				end_inside(v, (struct takes){ 0 }, WAY_DROPPED, r->at,
					   sayf(s, "no route to %s in %s of %s",
						span_text(s, none.n ? none : v->dst),
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
	struct takes more = path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, v->dst,
					    dst);
	if (v->d->routing == ROUTING_PART)
		end_inside(v, more, WAY_UNKNOWN, v->d->routing_at,
			   sayf(s, "no route of %s to %s was read, others may be learned: %s",
				v->d->name, span_text(s, dst),
				v->d->routing_why ? v->d->routing_why : "not all were read"));
	else
		end_inside(v, more, WAY_DROPPED, v->d->at,
			   sayf(s, "%s has no route to %s", v->d->name, span_text(s, dst)));
}

static bool rule_is_here(const struct visit *v, const struct route_rule *r)
{
	if (!r->in)
		return true;
	const struct graph_port *gp = v->in->port == GRAPH_NONE ? NULL : &v->s->g->ports[v->in->port];
	if (gp && gp->master != GRAPH_NONE &&
	    !strcmp(v->s->g->ports[gp->master].port->name, r->in))
		return true;
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
	struct fib_hop hop = { .dst = { .family = (uint8_t)s->family }, .via = r->via,
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
		rest.routed = path_take_spans(s->f, v->routed, s->family, FIELD_DST, v->dst, none);
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
			end_inside(v, (struct takes){ 0 }, WAY_UNKNOWN, r->at,
				   "policy routing to a next hop that is on no network of the device");
			return;
		}
		hop.port = s->g->ports[port].port;
		depart(v, &hop, port);
		return;
	case ROUTE_DROP:
		end_inside(v, (struct takes){ 0 }, WAY_DROPPED, r->at,
			   sayf(s, "policy routing of %s drops it", v->d->name));
		return;
	case ROUTE_UNKNOWN:
		break;
	}
	end_inside(v, (struct takes){ 0 }, WAY_UNKNOWN, r->at,
		   sayf(s, "policy routing of %s: %s", v->d->name, r->why ? r->why : "not known"));
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
		taken.dst = footprint_bound(s->f->arena, s->family, FIELD_DST, r->match, here.dst);
		if (taken.dst.n)
			apply_rule(&taken, i);
		here.routed = path_take(s->f, here.routed, r->match, true);
	}
	no_route(&here, here.dst);
}

static void route(struct visit *v)
{
	struct search *s = v->s;
	const struct port *p = v->in->port == GRAPH_NONE
				       ? NULL
				       : s->g->ports[routed_port(s->g, v->in->port)].port;
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
	bool moved[] = { [NAT_NOT_TOLD] = false, [NAT_SOURCE] = false, [NAT_DESTINATION] = false };
	for (; t; t = t->up) {
		for (size_t i = 0; i < t->pt.n_steps; i++)
			if (t->pt.steps[i].kind == STEP_REWRITE)
				moved[t->pt.steps[i].nats[0]->rewrites] = true;
		if (t->node != in->node || t->port != in->port || !spans_within(w->dst, t->dst) ||
		    !spans_within(w->src, t->src))
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
	const struct port *p = v->in->port == GRAPH_NONE
				       ? NULL
				       : s->g->ports[routed_port(s->g, v->in->port)].port;
	v->dst = b->dst;
	v->routed = (struct takes){ 0 };
	if (!v->dst.n || !b->src.n)
		return;
	if (b->nat && b->nat->out) {
		uint32_t out = graph_port_of(s->g, v->in->node, b->nat->out);
		if (out != GRAPH_NONE && s->g->ports[out].port->up) {
			/* the port is the translation's, the next hop on it the routes' */
			const struct port *op = s->g->ports[out].port;
			const struct fib *t = fib_find(&s->g->nodes[v->in->node].fibs, op->segment, -1);
			struct groups gs = { { 0 } };
			if (t)
				group_routes(s, t, v->dst, &gs);
			struct spans all = v->dst;
			vec_each (g, &gs.v) {
				const struct fib_hop *h = NULL;
				for (size_t i = 0; i < g->n && !h; i++)
					h = g->hops[i].port == op && !g->hops[i].odd ? &g->hops[i]
										     : NULL;
				v->dst = g->dst;
				v->routed = path_take_spans(s->f, (struct takes){ 0 }, s->family,
							    FIELD_DST, all, g->dst);
				if (h)
					follow(v, h);
				else
					depart(v, NULL, out);
			}
			vec_free(&gs.v);
			return;
		}
	}
	struct spans own = own_addresses(
		s->f->arena, v->d, p && p->segment ? p->segment : "", s->family);
	struct spans mine = spans_both(s->f->arena, v->dst, own);
	struct spans rest = spans_without(s->f->arena, v->dst, own);
	struct spans all = v->dst;
	if (mine.n) {
		v->dst = mine;
		local(v, mine,
		      path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, all, mine),
		      v->d->at);
	}
	v->dst = rest;
	v->routed = path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_DST, all, rest);
	if (rest.n)
		route(v);
}

static void enter(struct search *s, struct walk w, struct place in)
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
		finish_way(s, condition(s, w.trail, w.takes), WAY_UNKNOWN,
			   s->f->why, s->f->why_at);
		s->f->why = NULL;
		return;
	}
	if (looped(w.trail, &in, &w, &rounds)) {
		end_inside(&v, (struct takes){ 0 }, WAY_DROPPED, d->at,
			   sayf(s, "a routing loop: it comes to %s again", d->name));
		return;
	}
	if (rounds >= ROUNDS_MAX) {
		end_inside(&v, (struct takes){ 0 }, WAY_UNKNOWN, d->at,
			   sayf(s, "it comes to %s again and again, and is translated in between",
				d->name));
		return;
	}
	if (w.trail && w.trail->depth > DEVICES_MAX) {
		end_inside(&v, (struct takes){ 0 }, WAY_UNKNOWN, d->at,
			   sayf(s, "a way across more than %d devices", DEVICES_MAX));
		return;
	}
	if (d->routing == ROUTING_NONE) {
		end_inside(&v, (struct takes){ 0 }, WAY_UNKNOWN, d->at,
			   sayf(s, "where %s sends packets was not read: declare the path", d->name));
		return;
	}
	struct footprint fp = { .family = (uint8_t)s->family,
				.src = w.src,
				.dst = w.dst,
				.iif = path_seen(d, &v.side) };
	v.level = w.level;
	if (s->answers) {
		size_t at = path_translates(s->answers, d, w.level);
		if (at != SIZE_MAX) {
			none = (struct nat_branch){ .src = s->answers->dst[at],
						    .dst = s->answers->src[at],
						    .restores = true };
			v.level = at;
		}
		if (at != SIZE_MAX || crossed(s->answers, d)) {
			enter_branch(&v);
			return;
		}
	}
	if (!path_nat_destinations(s->f, d, &v.side, &fp, branches, &n)) {
		end_inside(&v, (struct takes){ 0 }, WAY_UNKNOWN, s->f->why_at, s->f->why);
		s->f->why = NULL;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		v.branch = &branches[i];
		if (s->answers && branches[i].nat && branches[i].nat->kind != NAT_KEEP)
			end_inside(&v, (struct takes){ 0 }, WAY_UNKNOWN, branches[i].nat->at,
				   sayf(s, "%s may translate answers of a conversation that it "
					   "didn't see", d->name));
		else
			enter_branch(&v);
	}
}

/* ---- the beginning ---- */

/* Both zones are on one link: nothing routes between them. What isn't there is left. */
static struct spans neighbours(struct search *s, const struct graph_attach *from, struct walk w)
{
	struct domain dm;
	size_t n;
	const struct graph_attach *to = attaches(s, s->to, &n);
	struct spans left = w.dst;
	if (from->port == GRAPH_NONE || s->g->ports[from->port].port->edge ||
	    s->g->ports[from->port].port->outside)
		return left;
	flood(s->g, from->port, true, &dm);
	for (size_t i = 0; i < n; i++) {
		struct spans mine = spans_both(s->f->arena, left, to[i].spans[s->family]);
		size_t reached = mine.n ? attached_at(s, &dm, &to[i]) : SIZE_MAX;
		const struct trail *t = w.trail;
		if (reached == SIZE_MAX)
			continue;
		left = spans_without(s->f->arena, left, mine);
		struct takes takes =
			path_take_spans(s->f, w.takes, s->family, FIELD_DST, w.dst, mine);
		t = condition(s, t, takes);
		s->f->why = NULL;
		if (dm.v[reached].parent == SIZE_MAX && s->answers)
			finish_way(s, t, WAY_ARRIVES, NULL, LOC_NONE);
		else if (dm.v[reached].parent == SIZE_MAX)
			finish_way(s, t, WAY_UNKNOWN,
				   sayf(s, "both are behind %s of %s: what is between them there isn't "
					   "told",
					s->g->ports[from->port].port->name,
					s->g->nodes[from->node].device->name),
				   from->at);
		else if (cross_bridges(s, &dm, reached, w.level, &t))
			finish_way(s, t, WAY_ARRIVES, NULL, LOC_NONE);
		else
			finish_way(s, t, WAY_UNKNOWN, s->f->why, s->f->why_at);
		s->f->why = NULL;
	}
	return left;
}

/* A zone behind a mere bridge, or a switch: the routers on its links. */
static void gateways(struct search *s, const struct graph_attach *at, struct walk w)
{
	struct domain dm;
	bool any = false;
	flood(s->g, at->port, true, &dm);
	for (size_t i = 0; i < dm.n; i++) {
		const struct graph_link *l = &s->g->links[dm.v[i].link];
		for (size_t k = 0; k < l->n; k++) {
			uint32_t q = l->ports[k];
			const struct port *p = s->g->ports[routed_port(s->g, q)].port;
			bool holds = false;
			for (size_t m = 0; m < p->n_prefixes; m++) {
				struct span net = span_prefix((enum family)p->prefixes[m].family,
							      p->prefixes[m].addr, p->prefixes[m].len);
				holds |= p->prefixes[m].family == s->family && p->up &&
					 spans_meet(w.src, (struct spans){ &net, 1 });
			}
			const struct trail *t = w.trail;
			if (!holds || q == dm.v[i].out)
				continue;
			any = true;
			s->f->why = NULL;
			if (!cross_bridges(s, &dm, i, w.level, &t)) {
				finish_way(s, t, WAY_UNKNOWN, s->f->why, s->f->why_at);
				s->f->why = NULL;
				continue;
			}
			struct walk next = w;
			next.trail = t;
			const struct graph_port *gp = &s->g->ports[q];
			enter(s, next, (struct place){ gp->node, q, &gp->port->name, 1, at->at });
		}
	}
	if (!any)
		finish_way(s,
			   condition(s, w.trail, w.takes),
			   WAY_UNKNOWN,
			   sayf(s, "no router is on the link of %s: declare the link",
				zone_text(s->from)),
			   at->at);
}

/* Whether the device routes for what is behind the port. */
static bool is_gateway(const struct search *s, const struct graph_attach *at)
{
	const struct graph_port *gp = &s->g->ports[at->port];
	const struct device *d = gp->device;
	uint32_t r = routed_port(s->g, at->port);
	if (gp->port->edge || !d->netfilter)
		return true;
	/* behind a bridge there may be other routers */
	return r == at->port && !gp->n_members;
}

static void start(struct search *s, const struct graph_attach *at, struct spans src,
		  struct spans dst)
{
	struct walk w = { .src = spans_both(s->f->arena, src, at->spans[s->family]), .dst = dst };
	if (s->answers)
		w.level = s->answers->way->n_points;
	if (!w.src.n)
		return;
	w.takes = path_take_spans(s->f, w.takes, s->family, FIELD_SRC, src, w.src);
	if (at->port == GRAPH_NONE) {
		finish_way(s,
			   condition(s, NULL, w.takes),
			   WAY_UNKNOWN,
			   sayf(s, "the port of %s that %s is bound to was not read",
				s->g->nodes[at->node].device->name, zone_text(s->from)),
			   at->at);
		return;
	}
	struct spans left = neighbours(s, at, w);
	if (!left.n)
		return;
	w.takes = path_take_spans(s->f, w.takes, s->family, FIELD_DST, w.dst, left);
	w.dst = left;
	if (is_gateway(s, at))
		enter(s, w, (struct place){ at->node, at->port, at->ports, at->n_ports, at->at });
	else
		gateways(s, at, w);
}

/* Packets of the external zone that come by a port to the Internet: by the one that announces them. */
static void start_outside(struct search *s, struct spans src, struct spans dst)
{
	struct announcers as = { { 0 } };
	find_announcers(s, GRAPH_NONE, src, dst, &as);
	vec_each (a, &as.v) {
		struct walk w = { .src = src, .dst = a->dst, .takes = a->takes };
		if (s->answers)
			w.level = s->answers->way->n_points;
		if (!a->dst.n)
			continue;
		if (a->port == GRAPH_NONE) {
			finish_way(s, condition(s, NULL, a->takes), WAY_DROPPED,
				   sayf(s, "nobody announces %s to the Internet",
					span_text(s, a->dst)),
				   s->to->at);
			continue;
		}
		const struct graph_port *q = &s->g->ports[a->port];
		enter(s, w, (struct place){ q->node, a->port, &q->port->name, 1, q->port->at });
	}
	vec_free(&as.v);
}

/* From everywhere that the source zone is. */
static void start_all(struct search *s, struct spans src, struct spans dst)
{
	size_t n;
	const struct graph_attach *at = attaches(s, s->from, &n);
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
	struct takes t = path_take_spans(s->f, (struct takes){ 0 }, s->family, FIELD_SRC, src,
					 nowhere);
	finish_way(s, condition(s, NULL, t), WAY_UNKNOWN,
		   sayf(s,
			"no path: nothing tells where %s of %s is: bind the zone, or declare the path",
			span_text(s, nowhere), zone_text(s->from)),
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
	struct search s = { .f = f,	 .g = f->graph, .from = from,
			    .to = to,	 .ways = ret,	.answers = fw,
			    .family = family };
	s.to_spans = (struct spans){ to->spans[family], to->n_spans[family] };
	if (fw->dst[end].n && fw->src[end].n)
		start_all(&s, fw->dst[end], fw->src[end]);
	if (s.full)
		path_complain(f, from->at, "more than %d ways back: declare the path", WAYS_MAX);
}
