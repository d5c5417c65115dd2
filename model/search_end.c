/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/search_internal.h"

void search_end(struct search *s, const struct trail *t, enum way_end end, const char *why,
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
const struct trail *search_condition(struct search *s, const struct trail *up, struct takes a)
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

const struct trail *search_add_point(struct search *s, const struct trail *up,
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
void search_end_inside(struct visit *v, struct takes more, enum way_end end, struct loc at,
		       const char *why)
{
	struct search *s = v->s;
	struct point pt = { .device = v->d,
			    .source = graph_source_of(s->g, v->d),
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
	search_end(s, search_add_point(s, v->w->trail, &pt), end, why, at);
}

const char *search_say(struct search *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *t = arena_vprintf(s->f->arena, fmt, ap);
	va_end(ap);
	return t;
}

const char *search_addr_text(struct search *s, struct addr a)
{
	struct text t = { 0 };
	addr_print(&t, s->family, a);
	const char *r = arena_str(s->f->arena, t.s);
	text_finish(&t);
	return r;
}

const char *search_spans_text(struct search *s, struct spans x)
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
const char *search_hop_text(struct search *s, const struct fib_hop *h)
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
