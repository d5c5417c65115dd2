/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One device crossed from one port to another: which of its rulesets a packet meets, in which
 * order, and what each sees of the ports.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/path_internal.h"

void path_complain(struct finder *f, struct loc at, const char *fmt, ...)
{
	if (f->why)
		return;
	va_list ap;
	va_start(ap, fmt);
	f->why = arena_vprintf(f->arena, fmt, ap);
	f->why_at = at;
	va_end(ap);
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
	path_complain(f, at, "%s has no port \"%s\"", d->name, name);
	return NULL;
}

bool path_side(struct finder *f, const struct device *d, struct side *s,
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
		path_complain(f, at,
			 "several security groups of %s in one place permit what any of them "
			 "does, which is not followed: bind the subnet, with its network "
			 "interfaces "
			 "collected",
			 d->name);
	if (master && (free || mixed))
		path_complain(f, at, "ports of a bridge and others of %s in one place meet different "
			 "hooks: bind them one by one", d->name);
	return !f->why;
}

static bool side_has(const struct side *s, const char *port)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->ports[i] == port || !strcmp(s->ports[i], port))
			return true;
	return false;
}

/* The side is a bridge: behind one of its ports, and nobody says which. */
static bool is_bridge(const struct device *d, const struct side *s)
{
	const struct port *p = s->n == 1 ? device_port(d, s->ports[0]) : NULL;
	return p && p->kind && !strcmp(p->kind, "bridge");
}

/* The bridge that the side's ports belong to (path_side() sees to it that it is one), or
 * that it is; or NULL. */
static const char *bridge_of(const struct device *d, const struct side *s)
{
	const struct port *p = s->n ? device_port(d, s->ports[0]) : NULL;
	if (is_bridge(d, s))
		return p->name;
	return p ? p->master : NULL;
}

/* One bridge has both sides, and the frame isn't for the host. */
static bool is_bridged(const struct device *d, const struct side *in, const struct side *out)
{
	const char *from = bridge_of(d, in), *to = bridge_of(d, out);
	return from && to && !out->routed && !strcmp(from, to);
}

/* Whether the hook's layer of a Linux host is on the way. */
static bool layer_applies(const struct device *d, const struct hook *h, const struct side *in,
			  const struct side *out)
{
	const char *from = bridge_of(d, in), *to = bridge_of(d, out);
	bool bridged = is_bridged(d, in, out);
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
int path_hook_rank(const struct hook *h)
{
	static const uint8_t rank[][HOOK_OTHER + 1] = {
		[LAYER_IP] = { [HOOK_IN] = PATH_RANK_IN,
			       [HOOK_LOCAL_OUT] = PATH_RANK_IN,
			       [HOOK_FORWARD] = 6,
			       [HOOK_LOCAL_IN] = 6,
			       [HOOK_OUT] = PATH_RANK_OUT,
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
	if (path_hook_rank(a->hook) != path_hook_rank(b->hook))
		return path_hook_rank(a->hook) - path_hook_rank(b->hook);
	if (a->hook->order != b->hook->order)
		return a->hook->order < b->hook->order ? -1 : 1;
	return a->hook < b->hook ? -1 : a->hook > b->hook;
}

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
	/* Asked for every stage of every pair: nothing is formatted. */
	text_putn(t, (const char *)&st->ruleset->id, sizeof(st->ruleset->id));
	for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++) {
		text_putc(t, word[i] ? 'w' : '-');
		if (word[i])
			text_putn(t, word[i], strlen(word[i]) + 1);
	}
}

/* The port of a side that tells which addresses have somebody behind it, or NULL. */
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

const char *path_seen(const struct device *d, const struct side *s)
{
	const char *bridge = d->netfilter ? bridge_of(d, s) : NULL;
	return s->local ? "" : bridge ? bridge : s->n == 1 ? s->ports[0] : NULL;
}

static void put_side(struct text *t, const struct side *s)
{
	if (s->local)
		text_put(t, "self");
	else if (!s->n)
		text_put(t, "?");
	for (size_t i = 0; i < s->n; i++) {
		text_put(t, i ? "+" : "");
		text_put(t, s->ports[i]);
	}
}

bool path_point(struct finder *f, const struct device *d, struct side in,
		       struct side out, struct loc at, struct point *ret)
{
	if (!path_side(f, d, &in, at) || !path_side(f, d, &out, at))
		return false;
	if ((!in.local && !in.n && needs_port(d, true)) ||
	    (!out.local && !out.n && needs_port(d, false))) {
		path_complain(f, at, "%s is crossed by a port that is not told", d->name);
		return false;
	}
	struct point p = { .device = d,
			   .source = f->graph ? graph_source_of(f->graph, d) : NULL,
			   .iif = in.n == 1 ? in.ports[0] : NULL,
			   .oif = out.n == 1 ? out.ports[0] : NULL,
			   .ip_iif = path_seen(d, &in),
			   .ip_oif = path_seen(d, &out),
			   .in = in,
			   .out = out,
			   .at = at };
	if (d->netfilter && !out.routed && is_bridge(d, &in) && is_bridge(d, &out) &&
	    !strcmp(in.ports[0], out.ports[0])) {
		path_complain(f, at, "%s: from %s to itself: bind its ports, which its rules see",
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
	struct way_step *steps = arena_array(f->arena, p.n_stages, sizeof(*steps));
	for (size_t i = 0; i < p.n_stages; i++)
		steps[i] = (struct way_step){ .kind = STEP_STAGE, .stage = &stages[i] };
	p.steps = steps;
	p.n_steps = p.n_stages;
	/* a bridge takes frames from anybody, whatever the host that holds it knows */
	p.bridged = d->netfilter && is_bridged(d, &in, &out);
	const struct port *src = p.bridged ? NULL : present(d, &in);
	const struct port *dst = p.bridged ? NULL : present(d, &out);
	p.present_src = src ? src->present : NULL;
	p.present_dst = dst ? dst->present_dst : NULL;
	struct text t = { 0 };
	text_put(&t, d->name);
	text_putc(&t, ' ');
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
	if (path_point(&f, d, from, to, d->at, ret_point))
		return true;
	*ret_why = f.why;
	return false;
}

