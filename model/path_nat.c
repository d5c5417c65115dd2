/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translations on a way. Destinations decide where a packet goes, so each translation of one is
 * a way of its own, taken by the packets that it takes; sources don't, so all of a point's stay
 * one step, whose first that holds rewrites the packet.
 */
#include <string.h>

#include "model/path_internal.h"

static bool side_is(const struct device *d, const struct side *s, const char *port)
{
	const char *seen = path_seen(d, s);
	if (!s->n)
		return true; /* not told: it may be */
	if (seen && !strcmp(seen, port))
		return true;
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->ports[i], port))
			return true;
	return false;
}

struct takes path_take(struct finder *f, struct takes t, const struct match *m, bool negate)
{
	struct way_step *v = arena_array(f->arena, t.n + 1, sizeof(*v));
	if (t.n)
		memcpy(v, t.v, t.n * sizeof(*v));
	v[t.n] = (struct way_step){ .kind = STEP_TAKE, .match = m, .negate = negate };
	return (struct takes){ v, t.n + 1 };
}

struct takes path_take_spans(struct finder *f, struct takes t, enum family fam,
			     enum field field, struct spans have, struct spans s)
{
	if (spans_within(have, s))
		return t;
	return path_take(f, t, match_spans(f->matches, field, fam, s.v, s.n), false);
}

/* The addresses that nat makes of `have`. */
static struct spans image(struct arena *a, const struct nat *n, struct spans have)
{
	if (n->kind == NAT_KEEP)
		return have;
	if (n->kind == NAT_SHIFT) {
		struct spans in = spans_both(a, have, (struct spans){ &n->from, 1 });
		struct span *v = arena_array(a, in.n, sizeof(*v));
		for (size_t i = 0; i < in.n; i++)
			v[i] = (struct span){
				addr_shift(in.v[i].lo, n->from.lo, n->to[0].lo),
				addr_shift(in.v[i].hi, n->from.lo, n->to[0].lo),
			};
		return (struct spans){ v, spans_normalise(v, in.n) };
	}
	if (!n->n_to) /* the port alone is rewritten */
		return have;
	struct span *v = arena_copy(a, n->to, n->n_to * sizeof(*v));
	return (struct spans){ v, spans_normalise(v, n->n_to) };
}

/* The sources (destinations) that a SHIFT can take at all, and what its match leaves of both.
 */
static struct footprint taken(struct arena *a, const struct nat *n, const struct footprint *fp)
{
	struct footprint r = *fp;
	enum family f = (enum family)fp->family;
	r.src = footprint_bound(a, f, FIELD_SRC, n->match, fp->src);
	r.dst = footprint_bound(a, f, FIELD_DST, n->match, fp->dst);
	return r;
}

bool path_nat_destinations(struct finder *f, const struct device *d, const struct side *in,
			   const struct footprint *fp, struct nat_branch *ret, size_t *ret_n)
{
	struct takes before = { 0 };
	size_t n = 0;
	bool rest = true;
	for (size_t i = 0; i < d->n_nats && rest && !in->local; i++) {
		const struct nat *x = &d->nats[i];
		if (x->kind == NAT_BOUND || x->rewrites != NAT_DESTINATION ||
		    (x->in && !side_is(d, in, x->in)))
			continue;
		enum truth t = footprint_judge(fp, x->match);
		if (x->in && !in->n && t == TRUTH_TRUE)
			t = TRUTH_UNKNOWN;
		if (t == TRUTH_FALSE)
			continue;
		if (n + 1 == NAT_BRANCHES_MAX) {
			path_complain(f, x->at,
				      "more than %d translations of %s may take a packet: "
				      "split the zone",
				      NAT_BRANCHES_MAX - 1, d->name);
			return false;
		}
		struct footprint mine = taken(f->arena, x, fp);
		ret[n++] = (struct nat_branch){
			.takes = t == TRUTH_TRUE ? before
						 : path_take(f, before, x->match, false),
			.nat = x,
			.src = mine.src,
			.dst = image(f->arena, x, mine.dst),
		};
		if (t == TRUTH_TRUE)
			rest = false;
		else
			before = path_take(f, before, x->match, true);
	}
	if (rest)
		ret[n++] =
			(struct nat_branch){ .takes = before, .src = fp->src, .dst = fp->dst };
	*ret_n = n;
	return true;
}

struct nat_list path_nat_sources(struct finder *f, const struct device *d,
				 const struct side *in, const struct side *out,
				 const struct footprint *fp, struct spans *ret_src)
{
	VEC(const struct nat *) list = { 0 };
	struct spans src = { NULL, 0 };
	bool rest = true;
	for (size_t i = 0; i < d->n_nats && rest && !out->local; i++) {
		const struct nat *x = &d->nats[i];
		if (x->kind == NAT_BOUND || x->rewrites != NAT_SOURCE ||
		    (x->in && !side_is(d, in, x->in)) || (x->out && !side_is(d, out, x->out)))
			continue;
		enum truth t = footprint_judge(fp, x->match);
		if (t == TRUTH_FALSE)
			continue;
		*vec_add(&list) = x;
		src = spans_either(f->arena, src,
				   image(f->arena, x, taken(f->arena, x, fp).src));
		rest = t != TRUTH_TRUE;
	}
	*ret_src = rest ? spans_either(f->arena, src, fp->src) : src;
	struct nat_list r = { vec_keep(f->arena, &list), list.n };
	vec_free(&list);
	return r;
}

void path_image(struct arena *a, const struct way_step *st, enum family f, struct spans *src,
		struct spans *dst)
{
	bool source = st->nats[0]->rewrites == NAT_SOURCE, rest = true;
	struct footprint fp = { (uint8_t)f, *src, *dst, NULL, NULL };
	struct spans made = { NULL, 0 };
	for (size_t i = 0; i < st->n_nats && rest; i++) {
		const struct nat *x = st->nats[i];
		struct footprint mine = taken(a, x, &fp);
		made = spans_either(a, made, image(a, x, source ? mine.src : mine.dst));
		rest = footprint_judge(&fp, x->match) != TRUTH_TRUE;
	}
	if (source)
		*src = rest ? spans_either(a, made, *src) : made;
	else
		*dst = rest ? spans_either(a, made, *dst) : made;
}

struct weaving {
	struct way_step *v;
	size_t n;
};

static void put_takes(struct weaving *w, struct takes t)
{
	for (size_t i = 0; i < t.n; i++)
		w->v[w->n++] = t.v[i];
}

/* Before hooks of its place with an order that is not smaller. */
static bool before_stage(const struct nat *n, int rank, const struct stage *st)
{
	int r = path_hook_rank(st->hook);
	return r > rank || (r == rank && st->hook->order >= n->order);
}

/* Translations of sources that happen at the same place in the order are one step. */
static void put_sources(struct weaving *w, struct nat_list sources, size_t *next,
			const struct stage *st)
{
	while (*next < sources.n) {
		const struct nat *first = sources.v[*next];
		size_t end = *next;
		if (st && !before_stage(first, PATH_RANK_OUT, st))
			return;
		while (end < sources.n &&
		       (!st || before_stage(sources.v[end], PATH_RANK_OUT, st)))
			end++;
		w->v[w->n++] = (struct way_step){ .kind = STEP_REWRITE,
						  .nats = &sources.v[*next],
						  .n_nats = end - *next };
		*next = end;
	}
}

/*
 * Where a device translates answers back: Linux by its connection tracking before the
 * translation of destinations (priority -100), others behind what filters at the port.
 */
static bool restored_before(const struct stage *st, bool late)
{
	enum { PRIORITY_DSTNAT = -100, PRIORITY_SRCNAT = 100 };
	int r = path_hook_rank(st->hook);
	if (late)
		return r > PATH_RANK_OUT ||
		       (r == PATH_RANK_OUT && st->hook->order >= PRIORITY_SRCNAT);
	return r > PATH_RANK_IN || (st->device->netfilter && r == PATH_RANK_IN &&
				    st->hook->order >= PRIORITY_DSTNAT);
}

void path_weave(struct finder *f, struct point *pt, struct takes first,
		const struct nat_branch *b, struct takes routed, struct nat_list sources,
		struct takes last)
{
	size_t all = first.n + b->takes.n + 2 + routed.n + sources.n + last.n + pt->n_stages,
	       next = 0;
	if (!first.n && !b->takes.n && !b->nat && !b->restores && !routed.n && !sources.n &&
	    !last.n)
		return;
	struct weaving w = { arena_array(f->arena, all, sizeof(*w.v)), 0 };
	bool open = true; /* the destination isn't translated yet */
	bool late = b->restores && b->late, early = b->restores && (!b->late || b->both);
	put_takes(&w, first);
	for (size_t i = 0; i <= pt->n_stages; i++) {
		const struct stage *st = i < pt->n_stages ? &pt->stages[i] : NULL;
		if (open && (!st || (b->nat ? before_stage(b->nat, PATH_RANK_IN, st)
				     : early ? restored_before(st, false)
					     : path_hook_rank(st->hook) > PATH_RANK_IN))) {
			put_takes(&w, b->takes);
			if (b->nat && b->nat->kind != NAT_KEEP) {
				const struct nat **one = arena_array(f->arena, 1, sizeof(*one));
				one[0] = b->nat;
				w.v[w.n++] = (struct way_step){ .kind = STEP_REWRITE,
								.nats = one,
								.n_nats = 1 };
			}
			if (early)
				w.v[w.n++] = (struct way_step){ .kind = STEP_RESTORE,
								.partly = b->both };
			put_takes(&w, routed);
			open = false;
		}
		if (late && (!st || restored_before(st, true))) {
			w.v[w.n++] = (struct way_step){ .kind = STEP_RESTORE };
			late = false;
		}
		put_sources(&w, sources, &next, st);
		if (st)
			w.v[w.n++] = (struct way_step){ .kind = STEP_STAGE, .stage = st };
	}
	put_takes(&w, last);
	pt->steps = w.v;
	pt->n_steps = w.n;
}

/* What becomes an address of `to` by n; `all` are the addresses of the family. */
static struct spans preimage(struct arena *a, enum family f, const struct nat *n,
			     struct spans to, struct spans all)
{
	struct span *v = arena_copy(a, n->to, n->n_to * sizeof(*v));
	struct spans made = { v, spans_normalise(v, n->n_to) };
	struct spans hit = spans_both(a, made, to);
	struct spans takes = footprint_bound(a, f, FIELD_DST, n->match, all);
	if (n->kind != NAT_SHIFT)
		return hit.n ? takes : hit;
	struct span *back = arena_array(a, hit.n, sizeof(*back));
	for (size_t i = 0; i < hit.n; i++)
		back[i] = (struct span){ addr_shift(hit.v[i].lo, n->to[0].lo, n->from.lo),
					 addr_shift(hit.v[i].hi, n->to[0].lo, n->from.lo) };
	return spans_both(a, takes, (struct spans){ back, spans_normalise(back, hit.n) });
}

struct spans path_destinations(struct arena *a, const struct snapshot *s, enum family f,
			       struct spans to)
{
	/* destinations may be translated again on the way: until nothing is added */
	for (int round = 0; round < 4; round++) {
		struct spans old = to;
		vec_each (dp, &s->devices)
			for (size_t i = 0; i < (*dp)->n_nats; i++) {
				const struct nat *n = &(*dp)->nats[i];
				struct span *whole = arena_alloc(a, sizeof(*whole));
				*whole = (struct span){ { 0, 0 }, addr_max(f) };
				struct spans all = { whole, 1 };
				struct footprint any = { (uint8_t)f, all, all, NULL, NULL };
				if (n->kind == NAT_BOUND || n->kind == NAT_KEEP || !n->n_to ||
				    n->rewrites != NAT_DESTINATION ||
				    footprint_judge(&any, n->match) == TRUTH_FALSE)
					continue;
				struct spans from = preimage(a, f, n, to, all);
				if (from.n && !spans_within(from, to))
					to = spans_either(a, to, from);
			}
		if (to.n == old.n && spans_within(to, old))
			break;
	}
	return to;
}

enum again path_again(const struct point *before, const struct device *d)
{
	if (before->device != d || !d->netfilter || !d->n_nats || before->bridged)
		return AGAIN_NOT;
	for (size_t i = 0; i < before->n_steps; i++)
		if (before->steps[i].kind == STEP_REWRITE)
			return AGAIN_TRANSLATED;
	return AGAIN_SAME;
}

const char *path_decided(struct arena *a, enum again again, const struct device *d,
			 const struct nat_branch *b, struct nat_list sources)
{
	bool here = b && b->nat && b->nat->kind != NAT_KEEP;
	for (size_t i = 0; i < sources.n; i++)
		here |= sources.v[i]->kind != NAT_KEEP;
	if (again == AGAIN_TRANSLATED)
		return arena_printf(a, "it comes to %s again, which has translated it", d->name);
	if (again == AGAIN_SAME && here)
		return arena_printf(a,
				    "it comes to %s again, which decided what it translates when "
				    "it came first",
				    d->name);
	return NULL;
}

/* A way with known points, walked with what is left of the zones' addresses. */
struct unfolding {
	struct finder *f;
	const struct route_way *way;
	enum family family;
	struct spans to;
	struct way_list *ret;
	struct point *points; /* so far */
	bool rewrites;
};

static void emit(struct unfolding *u, size_t n, enum way_end end, const char *why,
		 struct loc at)
{
	if (u->ret->v.n == WAYS_MAX) {
		path_complain(u->f, u->way->points[0].at, "more than %d ways: declare the path",
			      WAYS_MAX);
		return;
	}
	*vec_add(&u->ret->v) = (struct route_way){
		.points = arena_copy(u->f->arena, u->points, n * sizeof(*u->points)),
		.n_points = n,
		.families = (uint8_t)(1u << u->family),
		.rewrites = u->rewrites,
		.end = (uint8_t)end,
		.why = why,
		.why_at = at,
	};
}

static void unfold(struct unfolding *u, size_t i, struct spans src, struct spans dst)
{
	struct arena *a = u->f->arena;
	if (i == u->way->n_points) {
		struct spans other = spans_without(a, dst, u->to),
			     mine = spans_both(a, dst, u->to);
		struct point *last = &u->points[i - 1], whole = *last;
		for (int k = 0; k < 2; k++) {
			struct spans part = k ? other : mine;
			struct takes t = path_take_spans(u->f, (struct takes){ 0 }, u->family,
							 FIELD_DST, dst, part);
			if (!part.n)
				continue;
			*last = whole;
			if (t.n) {
				struct way_step *v =
					arena_array(a, last->n_steps + t.n, sizeof(*v));
				memcpy(v, last->steps, last->n_steps * sizeof(*v));
				memcpy(v + last->n_steps, t.v, t.n * sizeof(*v));
				last->steps = v;
				last->n_steps += t.n;
			}
			emit(u, i, k ? WAY_DROPPED : WAY_ARRIVES,
			     k ? "it isn't translated to an address of the zone" : NULL,
			     last->at);
		}
		return;
	}
	const struct point *pt = &u->way->points[i];
	struct nat_branch branches[NAT_BRANCHES_MAX];
	struct footprint fp = { (uint8_t)u->family, src, dst, pt->ip_iif, NULL };
	size_t n = 0;
	if (!path_nat_destinations(u->f, pt->device, &pt->in, &fp, branches, &n))
		return;
	enum again again = AGAIN_NOT;
	for (size_t k = 0; k < i; k++)
		if (path_again(&u->points[k], pt->device) > again)
			again = path_again(&u->points[k], pt->device);
	for (size_t k = 0; k < n; k++) {
		struct nat_branch *b = &branches[k];
		struct spans behind;
		if (!b->src.n || !b->dst.n)
			continue;
		struct footprint out = { (uint8_t)u->family, b->src, b->dst, pt->ip_iif,
					 pt->ip_oif };
		struct nat_list sources =
			path_nat_sources(u->f, pt->device, &pt->in, &pt->out, &out, &behind);
		const char *why = path_decided(a, again, pt->device, b, sources);
		if (why) {
			emit(u, i, WAY_UNKNOWN, why, pt->at);
			return;
		}
		bool before = u->rewrites;
		u->points[i] = *pt;
		u->rewrites |= b->nat || sources.n;
		path_weave(u->f, &u->points[i], (struct takes){ 0 }, b, (struct takes){ 0 },
			   sources, (struct takes){ 0 });
		unfold(u, i + 1, behind, b->dst);
		u->rewrites = before;
	}
}

void path_translate(struct finder *f, const struct route_way *way, const struct zone *from,
		    const struct zone *to, struct way_list *ret)
{
	bool any = false;
	for (size_t i = 0; i < way->n_points && !any; i++)
		for (size_t k = 0; k < way->points[i].device->n_nats && !any; k++)
			any = way->points[i].device->nats[k].kind != NAT_BOUND;
	if (!any) {
		*vec_add(&ret->v) = *way;
		ret->v.v[ret->v.n - 1].families = (1u << FAMILY_COUNT) - 1;
		return;
	}
	struct unfolding u = { .f = f, .way = way, .ret = ret };
	u.points = arena_array(f->arena, way->n_points, sizeof(*u.points));
	for (int fam = 0; fam < FAMILY_COUNT; fam++) {
		size_t zone = (size_t)(to - f->estate->policy->zones);
		struct spans src = { from->spans[fam], from->n_spans[fam] };
		struct spans dst = f->graph->attached[zone].destinations[fam];
		u.family = (enum family)fam;
		u.to = (struct spans){ to->spans[fam], to->n_spans[fam] };
		if (src.n && dst.n)
			unfold(&u, 0, src, dst);
	}
}
