/* SPDX-License-Identifier: Apache-2.0 */
#include "model/path.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* The ports of one side of a hop. */
struct side {
	const char *const *ports;
	size_t n;
	bool local; /* the device itself */
};

struct finder {
	struct arena *arena;
	const struct estate *estate;
	const struct snapshot *snap;
	const char *why;
	struct loc why_at;
};

static void complain(struct finder *f, struct loc at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void complain(struct finder *f, struct loc at, const char *fmt, ...)
{
	if (f->why)
		return;
	va_list ap;
	va_start(ap, fmt);
	f->why = arena_vprintf(f->arena, fmt, ap);
	f->why_at = at;
	va_end(ap);
}

const struct estate_source *path_source(const struct estate *e, const struct device *d)
{
	for (size_t i = 0; i < e->n_sources; i++) {
		size_t len = strlen(e->sources[i].name);
		if (!strncmp(d->name, e->sources[i].name, len) &&
		    (!d->name[len] || d->name[len] == ':'))
			return &e->sources[i];
	}
	return NULL;
}

/* The port's proper name; what isn't a port of the device is complained of. */
static const char *resolve_port(struct finder *f, const struct device *d, const char *name,
				struct loc at)
{
	const struct port *p = device_port(d, name);
	if (p)
		return p->name;
	if (!strncmp(name, "vlan:", 5)) {
		uint64_t vlan = 0;
		parse_number(name + 5, strlen(name + 5), 1, 4094, false, &vlan);
		for (size_t i = 0; i < d->n_ports; i++)
			if (vlan && d->ports[i].vlan == (int)vlan && d->ports[i].n_prefixes)
				return d->ports[i]
					.name; /* the routed one before a switched one */
		for (size_t i = 0; i < d->n_ports; i++)
			if (vlan && d->ports[i].vlan == (int)vlan)
				return d->ports[i].name;
	} else if (d->open_ports) {
		return name;
	}
	complain(f, at, "%s has no port \"%s\"", d->name, name);
	return NULL;
}

static bool resolve_side(struct finder *f, const struct device *d, struct side *s,
			 struct loc at)
{
	const char **ports = arena_array(f->arena, s->n, sizeof(*ports));
	const char *master = NULL;
	size_t groups = 0, free = 0;
	bool mixed = false;
	for (size_t i = 0; i < s->n; i++) {
		ports[i] = resolve_port(f, d, s->ports[i], at);
		if (!ports[i])
			return false;
		const struct port *p = device_port(d, ports[i]);
		groups += p && p->kind && !strcmp(p->kind, "security-group");
		if (!p || !p->master) {
			free++;
			continue;
		}
		mixed |= master && strcmp(master, p->master);
		master = p->master;
	}
	s->ports = ports;
	/* All hooks of a side must permit, but groups permit what any of them does. */
	if (groups > 1)
		complain(f, at,
			 "several security groups of %s in one place permit what any of them "
			 "does, which is not followed: bind the subnet, with its network "
			 "interfaces "
			 "collected",
			 d->name);
	if (master && (free || mixed))
		complain(f, at, "ports of a bridge and others of %s in one place meet different "
			 "hooks: bind them one by one", d->name);
	return !f->why;
}

static bool side_has(const struct side *s, const char *port)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->ports[i], port))
			return true;
	return false;
}

/* The side is a bridge: behind one of its ports, and nobody says which. */
static bool is_bridge(const struct device *d, const struct side *s)
{
	const struct port *p = s->n == 1 ? device_port(d, s->ports[0]) : NULL;
	return p && p->kind && !strcmp(p->kind, "bridge");
}

/* The bridge that the side's ports belong to (resolve_side() sees to it that it is one), or
 * that it is; or NULL. */
static const char *bridge_of(const struct device *d, const struct side *s)
{
	const struct port *p = s->n ? device_port(d, s->ports[0]) : NULL;
	if (is_bridge(d, s))
		return p->name;
	return p ? p->master : NULL;
}

/* Whether the hook's layer of a Linux host is on the way. */
static bool layer_applies(const struct device *d, const struct hook *h, const struct side *in,
			  const struct side *out)
{
	const char *from = bridge_of(d, in), *to = bridge_of(d, out);
	bool bridged = from && to && !strcmp(from, to);
	switch ((enum hook_layer)h->layer) {
	case LAYER_IP:
		return !bridged;
	case LAYER_BRIDGED:
		return bridged;
	case LAYER_BRIDGE:
		return bridged ? h->kind != HOOK_LOCAL_IN && h->kind != HOOK_LOCAL_OUT
			       : (from && (h->kind == HOOK_IN || h->kind == HOOK_LOCAL_IN)) ||
					 (to &&
					  (h->kind == HOOK_OUT || h->kind == HOOK_LOCAL_OUT));
	case LAYER_LINK:
		break;
	}
	return true;
}

static bool applies(const struct device *d, const struct hook *h, const struct side *in,
		    const struct side *out)
{
	if (d->netfilter && !layer_applies(d, h, in, out))
		return false;
	/* frames for the host meet the bridge's local hooks, wherever they go then */
	if (h->layer == LAYER_BRIDGE && h->kind == HOOK_LOCAL_IN)
		return true;
	if (h->layer == LAYER_BRIDGE && h->kind == HOOK_LOCAL_OUT)
		return true;
	switch ((enum hook_kind)h->kind) {
	case HOOK_IN:
		return !in->local && (!h->port || side_has(in, h->port));
	case HOOK_OUT:
		return !out->local && (!h->port || side_has(out, h->port));
	case HOOK_FORWARD:
		return !in->local && !out->local &&
		       (!h->port || side_has(in, h->port) || side_has(out, h->port));
	case HOOK_LOCAL_IN:
		return out->local && (!h->port || side_has(in, h->port));
	case HOOK_LOCAL_OUT:
		return in->local && (!h->port || side_has(out, h->port));
	case HOOK_OTHER:
		break;
	}
	return false;
}

/*
 * The place of a hook on the way of a packet: a frame goes through the bridge's hooks before the
 * host routes it, and again behind.
 */
static int hook_rank(const struct hook *h)
{
	static const uint8_t rank[][HOOK_OTHER + 1] = {
		[LAYER_IP] = { [HOOK_IN] = 5,
			       [HOOK_LOCAL_OUT] = 5,
			       [HOOK_FORWARD] = 6,
			       [HOOK_LOCAL_IN] = 6,
			       [HOOK_OUT] = 7,
			       [HOOK_OTHER] = 12 },
		[LAYER_BRIDGE] = { [HOOK_IN] = 1,
				   [HOOK_FORWARD] = 3,
				   [HOOK_LOCAL_IN] = 3,
				   [HOOK_LOCAL_OUT] = 8,
				   [HOOK_OUT] = 9,
				   [HOOK_OTHER] = 12 },
		[LAYER_BRIDGED] = { [HOOK_IN] = 2,
				    [HOOK_FORWARD] = 4,
				    [HOOK_OUT] = 10,
				    [HOOK_OTHER] = 12 },
		[LAYER_LINK] = { [HOOK_IN] = 0, [HOOK_OUT] = 11, [HOOK_OTHER] = 12 },
	};
	return rank[h->layer][h->kind];
}

static int stage_order(const void *x, const void *y)
{
	const struct stage *a = x, *b = y;
	if (hook_rank(a->hook) != hook_rank(b->hook))
		return hook_rank(a->hook) - hook_rank(b->hook);
	if (a->hook->order != b->hook->order)
		return a->hook->order < b->hook->order ? -1 : 1;
	return a->hook < b->hook ? -1 : a->hook > b->hook;
}

/* The port of a side that tells which addresses have somebody behind it, or NULL. */
/*
 * What a ruleset of a Linux host sees of the ports. A bridge's ports are its own hooks' places;
 * the IP hooks see the bridge, and the port beside it where the bridge passed them the frame.
 * Where the ports are not told apart nothing is known.
 */
static struct stage linux_stage(const struct device *d, const struct hook *h,
				const struct side *from, const struct side *to)
{
	const char *in = from->n == 1 ? from->ports[0] : NULL;
	const char *out = to->n == 1 ? to->ports[0] : NULL;
	const char *in_bridge = bridge_of(d, from), *out_bridge = bridge_of(d, to);
	if (h->layer != LAYER_LINK && is_bridge(d, from))
		in = NULL;
	if (h->layer != LAYER_LINK && is_bridge(d, to))
		out = NULL;
	struct stage st = { .device = d, .ruleset = h->ruleset, .hook = h };
	if (h->layer == LAYER_BRIDGE || h->layer == LAYER_LINK) {
		st.iif = in, st.oif = out;
		st.physin = st.physout = "";
		/* a frame that the host takes or gives is the bridge's own on the other side */
		if (h->layer == LAYER_BRIDGE && !out_bridge)
			st.oif = NULL;
		if (h->layer == LAYER_BRIDGE && !in_bridge)
			st.iif = NULL;
	} else {
		const struct port *p = in ? device_port(d, in) : NULL;
		bool plain = p && !p->master && p->kind && strcmp(p->kind, "bridge");
		st.iif = from->local ? "" : in_bridge ? in_bridge : in;
		st.oif = to->local ? "" : out_bridge ? out_bridge : out;
		st.physin = h->layer == LAYER_BRIDGED		       ? in
			    : from->local || (plain && !d->open_ports) ? ""
								       : NULL;
		st.physout = h->layer == LAYER_BRIDGED && h->kind != HOOK_IN ? out
			     : d->open_ports				     ? NULL
									     : "";
	}
	if (h->kind == HOOK_IN || h->kind == HOOK_LOCAL_IN)
		st.oif = "";
	if (h->kind == HOOK_LOCAL_OUT)
		st.iif = "";
	else if (h->kind == HOOK_OUT && !from->local)
		st.iif = NULL;
	return st;
}

struct packet stage_packet(const struct stage *st, const struct packet *p)
{
	struct packet here = *p;
	here.iif = st->iif, here.oif = st->oif;
	here.physin = st->physin, here.physout = st->physout;
	return here;
}

void stage_key(struct text *t, const struct stage *st)
{
	const char *const word[] = { st->iif, st->oif, st->physin, st->physout };
	text_putf(t, "%u", st->ruleset->id);
	for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++)
		text_putf(t, "\n%c%s", word[i] ? 'w' : '-', word[i] ? word[i] : "");
}

static const struct port *present(const struct device *d, const struct side *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct port *p = device_port(d, s->ports[i]);
		if (p && p->present)
			return p;
	}
	return NULL;
}

/* Whether a port's name has to be known: some ruleset hangs on one port of that side. */
static bool needs_port(const struct device *d, bool in)
{
	for (size_t i = 0; i < d->n_hooks; i++) {
		enum hook_kind k = d->hooks[i].kind;
		if (d->hooks[i].port && (k == HOOK_FORWARD || k == (in ? HOOK_IN : HOOK_OUT)))
			return true;
	}
	return false;
}

static void put_side(struct text *t, const struct side *s)
{
	if (s->local)
		text_put(t, "self");
	else if (!s->n)
		text_put(t, "?");
	for (size_t i = 0; i < s->n; i++)
		text_putf(t, "%s%s", i ? "+" : "", s->ports[i]);
}

static bool make_point(struct finder *f, const struct device *d, struct side in,
		       struct side out, struct loc at, struct point *ret)
{
	if (!resolve_side(f, d, &in, at) || !resolve_side(f, d, &out, at))
		return false;
	if ((!in.local && !in.n && needs_port(d, true)) ||
	    (!out.local && !out.n && needs_port(d, false))) {
		complain(f, at, "%s is crossed by a port that is not told", d->name);
		return false;
	}
	struct point p = { .device = d,
			   .source = f->estate ? path_source(f->estate, d) : NULL,
			   .iif = in.n == 1 ? in.ports[0] : NULL,
			   .oif = out.n == 1 ? out.ports[0] : NULL,
			   .at = at };
	if (d->netfilter && is_bridge(d, &in) && is_bridge(d, &out) &&
	    !strcmp(in.ports[0], out.ports[0])) {
		complain(f, at, "%s: from %s to itself: bind its ports, which its rules see",
			 d->name, in.ports[0]);
		return false;
	}
	size_t n = 0;
	for (size_t i = 0; i < d->n_hooks; i++)
		n += applies(d, &d->hooks[i], &in, &out);
	struct stage *stages = arena_array(f->arena, n, sizeof(*stages));
	for (size_t i = 0; i < d->n_hooks; i++) {
		const struct hook *h = &d->hooks[i];
		if (!applies(d, h, &in, &out))
			continue;
		stages[p.n_stages++] = d->netfilter ? linux_stage(d, h, &in, &out)
						    : (struct stage){ .device = d,
								      .ruleset = h->ruleset,
								      .hook = h,
								      .iif = p.iif,
								      .oif = p.oif };
	}
	if (p.n_stages)
		qsort(stages, p.n_stages, sizeof(*stages), stage_order);
	p.stages = stages;
	/* a bridge takes frames from anybody, whatever the host that holds it knows */
	const char *from = bridge_of(d, &in), *to = bridge_of(d, &out);
	bool bridged = d->netfilter && from && to && !strcmp(from, to);
	const struct port *src = bridged ? NULL : present(d, &in);
	const struct port *dst = bridged ? NULL : present(d, &out);
	p.present_src = src ? src->present : NULL;
	p.present_dst = dst ? dst->present_dst : NULL;
	struct text t = { 0 };
	text_putf(&t, "%s ", d->name);
	put_side(&t, &in);
	text_putc(&t, '>');
	put_side(&t, &out);
	p.text = arena_str(f->arena, t.s);
	text_finish(&t);
	*ret = p;
	return true;
}

bool path_cross(struct arena *a, const struct device *d, const char *in, const char *out,
		struct point *ret_point, const char **ret_why)
{
	struct finder f = { .arena = a };
	const char **names = arena_array(a, 2, sizeof(*names));
	names[0] = in, names[1] = out;
	struct side from = { &names[0], in != NULL, in && !strcmp(in, "self") };
	struct side to = { &names[1], out != NULL, out && !strcmp(out, "self") };
	from.n = from.local ? 0 : from.n;
	to.n = to.local ? 0 : to.n;
	if (make_point(&f, d, from, to, d->at, ret_point))
		return true;
	*ret_why = f.why;
	return false;
}

static bool names_zone(const struct zone *const *v, size_t n, const struct zone *z)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == z)
			return true;
	return false;
}

/* The declared way, walked backwards where the path speaks of the other direction. */
static bool declared_way(struct finder *f, const struct estate_path *ep, bool back,
			 struct route_way *ret)
{
	struct point *points = arena_array(f->arena, ep->n_hops, sizeof(*points));
	for (size_t i = 0; i < ep->n_hops; i++) {
		const struct estate_hop *h = &ep->hops[back ? ep->n_hops - 1 - i : i];
		const struct device *d = snapshot_device(f->snap, h->device);
		/* What is to the device itself one way is from it the other. */
		struct side in = { h->in, h->n_in, h->local_out };
		struct side out = { h->out, h->n_out, h->local_in };
		if (!d) {
			complain(f, h->at, "the device %s was not read", h->device);
			return false;
		}
		if (!make_point(f, d, back ? out : in, back ? in : out, h->at, &points[i]))
			return false;
	}
	*ret = (struct route_way){ points, ep->n_hops };
	return true;
}

static void declared(struct finder *f, struct path *p)
{
	struct route_way *ways = arena_array(f->arena, f->estate->n_paths, sizeof(*ways));
	for (size_t i = 0; i < f->estate->n_paths; i++) {
		const struct estate_path *ep = &f->estate->paths[i];
		bool on = names_zone(ep->from, ep->n_from, p->from) &&
			  names_zone(ep->to, ep->n_to, p->to);
		bool back = !on && ep->both_ways && names_zone(ep->from, ep->n_from, p->to) &&
			    names_zone(ep->to, ep->n_to, p->from);
		if (!on && !back)
			continue;
		if (ep->none) {
			p->none = true;
			f->why = ep->reason;
			f->why_at = ep->at;
		} else if (declared_way(f, ep, back, &ways[p->n_ways])) {
			p->n_ways++;
		}
	}
	p->ways = ways;
}

struct bound_to {
	const struct binding *v[8];
	size_t n;
};

/*
 * The bindings of a zone to a device. A device that came from a source of several (one VPC of
 * an account) also goes by the source's own name.
 */
static struct bound_to bindings_of(const struct finder *f, const struct device *d,
				   const struct zone *z, bool *ret_many)
{
	struct bound_to b = { 0 };
	for (size_t i = 0; i < f->estate->n_bindings; i++) {
		const struct binding *x = &f->estate->bindings[i];
		if (x->zone != z || strcmp(x->device, d->name))
			continue;
		if (b.n == sizeof(b.v) / sizeof(*b.v))
			*ret_many = true;
		else
			b.v[b.n++] = x;
	}
	return b;
}

static bool same_segment(const struct device *d, const struct side *in, const struct side *out)
{
	if (in->n != 1 || out->n != 1 || strcmp(in->ports[0], out->ports[0]))
		return false;
	const struct port *p = device_port(d, in->ports[0]);
	return !p || !p->edge;
}

/*
 * All points by which the device may be crossed; more than one are alternatives. One with
 * device NULL is the way that doesn't cross it (both zones behind one port).
 */
static size_t derive_device(struct finder *f, const struct device *d, const struct path *p,
			    struct point *ret, size_t max)
{
	bool many = false, around = false;
	struct bound_to from = bindings_of(f, d, p->from, &many);
	struct bound_to to = bindings_of(f, d, p->to, &many);
	const struct estate_source *src = path_source(f->estate, d);
	const char *const *uplink = src && src->uplink ? &src->uplink : NULL;
	size_t n = 0;
	if (!from.n && !to.n)
		return 0;
	if (many) {
		complain(f, d->at,
			 "a zone is bound to more ports of %s than are followed: declare "
			 "the path",
			 d->name);
		return 0;
	}
	if ((!from.n || !to.n) && !uplink) {
		const struct zone *missing = from.n ? p->to : p->from;
		struct loc at = from.n ? from.v[0]->at : to.v[0]->at;
		complain(f, at,
			 "no path: %s holds %s but not %s; bind %s there, name the uplink of "
			 "the source, or declare the path",
			 d->name, (from.n ? p->from : p->to)->name, missing->name,
			 missing->name);
		return 0;
	}
	for (size_t i = 0; i < (from.n ? from.n : 1); i++)
		for (size_t k = 0; k < (to.n ? to.n : 1); k++) {
			struct side in = from.n ? (struct side){ from.v[i]->ports,
								 from.v[i]->n_ports, false }
						: (struct side){ uplink, 1, false };
			struct side out =
				to.n ? (struct side){ to.v[k]->ports, to.v[k]->n_ports, false }
				     : (struct side){ uplink, 1, false };
			struct loc at = from.n ? from.v[i]->at : to.v[k]->at;
			if (!resolve_side(f, d, &in, at) || !resolve_side(f, d, &out, at))
				return 0;
			if (same_segment(d, &in, &out)) {
				around = true;
				continue;
			}
			if (n + 1 == max) {
				complain(f, at, "too many ways across %s: declare the path",
					 d->name);
				return 0;
			}
			if (!make_point(f, d, in, out, at, &ret[n]))
				return 0;
			n++;
		}
	if (n && around)
		ret[n++] = (struct point){ 0 };
	return n;
}

enum { WAYS_MAX = 64 };

/* A zone that is bound to a device that isn't there may be filtered by it. */
static void check_bindings(struct finder *f, const struct path *p)
{
	for (size_t i = 0; i < f->estate->n_bindings; i++) {
		const struct binding *b = &f->estate->bindings[i];
		if ((b->zone == p->from || b->zone == p->to) &&
		    !snapshot_device(f->snap, b->device))
			complain(f, b->at, "%s is bound to %s, which was not read",
				 b->zone->name, b->device);
	}
}

static void derive(struct finder *f, struct path *p)
{
	check_bindings(f, p);
	if (f->why)
		return;
	struct route_way *ways = arena_array(f->arena, WAYS_MAX, sizeof(*ways));
	size_t n_dev = f->snap->devices.n;
	ways[0].points = arena_array(f->arena, n_dev, sizeof(struct point));
	size_t n = 1;
	for (int plane = 0; plane < PLANE_COUNT; plane++) {
		vec_each (dp, &f->snap->devices) {
			if ((*dp)->plane != plane)
				continue;
			struct point alt[WAYS_MAX];
			size_t n_alt = derive_device(f, *dp, p, alt, WAYS_MAX);
			if (f->why)
				return;
			if (!n_alt)
				continue;
			if (n * n_alt > WAYS_MAX) {
				complain(f, (*dp)->at, "more than %d ways: declare the path",
					 WAYS_MAX);
				return;
			}
			for (size_t w = n * n_alt; w-- > 0;) {
				struct point *pts = arena_array(f->arena, n_dev, sizeof(*pts));
				const struct route_way *old = &ways[w % n];
				memcpy(pts, old->points, old->n_points * sizeof(*pts));
				pts[old->n_points] = alt[w / n];
				ways[w] =
					(struct route_way){ pts, old->n_points +
									 !!alt[w / n].device };
			}
			n *= n_alt;
		}
	}
	if (!ways[0].n_points) {
		complain(f, p->from->at,
			 "no path: no device has both zones, and the estate declares "
			 "none");
		return;
	}
	p->ways = ways;
	p->n_ways = n;
}

void path_find(struct arena *a, const struct estate *e, const struct snapshot *s,
	       const struct zone *from, const struct zone *to, struct path *ret_path)
{
	struct finder f = { .arena = a, .estate = e, .snap = s };
	struct path p = { .from = from, .to = to };
	declared(&f, &p);
	if (!p.n_ways && !f.why)
		derive(&f, &p);
	else if (f.why)
		p.n_ways = 0; /* one of the declared ways can't be followed: none is believed */
	p.why = f.why;
	p.why_at = f.why_at;
	*ret_path = p;
}
