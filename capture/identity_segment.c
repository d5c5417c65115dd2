/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a segment is. What the estate declares asks for several tags at once; what was read
 * gives one tag to each port that a zone is behind. Either is found by one of its tags.
 *
 * A tag outside of a tunnel tells of the packet that carries the tunnel, not of the one inside:
 * only what has its innermost tag at the last tunnel or behind it counts.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "capture/identity_internal.h"

_Static_assert((int)SEGMENT_VLAN == TAG_VLAN && (int)SEGMENT_VNI == TAG_VNI &&
		       (int)SEGMENT_GRE_KEY == TAG_GRE_KEY && (int)SEGMENT_MPLS == TAG_MPLS &&
		       (int)SEGMENT_TEID == TAG_TEID && (int)SEGMENT_ERSPAN == TAG_ERSPAN &&
		       (int)SEGMENT_PPPOE == TAG_PPPOE && (int)SEGMENT_NSH == TAG_NSH,
	       "the estate tells segments by the numbers of captured ones");

enum { SOURCE_ROUTED = 43 }; /* tunnel_end.proto: no tunnel, the packet's next stop */

struct entry {
	const struct estate_tag *tags;
	size_t n_tags;
	const char *interface;
	struct segment_owner owner;
	uint32_t next; /* of the same slot; 0: the last */
};

struct segment_index {
	struct entry *v; /* from 1 */
	size_t n;
	uint32_t *slots; /* by hash of the entry's last tag */
	uint32_t mask;
	uint32_t interfaces; /* the first entry of those without tags; by next */
};

static uint32_t slot_of(const struct segment_index *x, uint8_t kind, uint32_t id)
{
	uint64_t h = ((uint64_t)kind << 32 | id) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 40) & x->mask;
}

struct entries {
	VEC(struct entry) v;
	struct map hints; /* "kind id": place in v, + 1 */
};

static bool same_owner(const struct segment_owner *a, const struct segment_owner *b)
{
	return a->tenant == b->tenant && a->zone == b->zone;
}

static void add_hint(struct arena *a, struct entries *out, uint8_t kind, uint32_t id,
		     const struct zone *z, struct loc at)
{
	struct estate_tag tag = { kind, id };
	struct segment_owner owner = { .tenant = z->tenant, .zone = z, .at = at };
	struct {
		uint32_t kind, id;
	} key = { kind, id };
	void **seen = map_atn(&out->hints, (const char *)&key, sizeof(key));
	if (*seen) {
		struct segment_owner *o = &out->v.v[(uintptr_t)*seen - 1].owner;
		if (same_owner(o, &owner))
			return;
		/* several zones, of one tenant or of several */
		o->mixed |= !z->tenant || o->tenant != z->tenant;
		o->zone = NULL;
		return;
	}
	*vec_add(&out->v) = (struct entry){ .tags = arena_copy(a, &tag, sizeof(tag)),
					    .n_tags = 1,
					    .owner = owner };
	*seen = (void *)(uintptr_t)out->v.n;
}

static void hint_of_port(struct arena *a, struct entries *out, const struct zone *z,
			 const struct port *p, struct loc at)
{
	if (p->vlan > 0)
		add_hint(a, out, TAG_VLAN, (uint32_t)p->vlan, z, at);
	if (p->has_vni)
		add_hint(a, out, TAG_VNI, p->vni, z, at);
}

/* A zone behind a port is on its VLAN and its overlay, and on those of the bridge it belongs
 * to. */
static void add_hints(struct arena *a, const struct graph *g, struct entries *out)
{
	const struct policy *p = g->estate->policy;
	for (size_t i = 0; i < p->n_zones; i++)
		for (size_t k = 0; k < g->attached[i].n; k++) {
			const struct graph_attach *at = &g->attached[i].v[k];
			if (at->port == GRAPH_NONE || p->zones[i].external)
				continue;
			const struct graph_port *gp = &g->ports[at->port];
			hint_of_port(a, out, &p->zones[i], gp->port, at->at);
			if (gp->master != GRAPH_NONE) {
				gp = &g->ports[gp->master];
				hint_of_port(a, out, &p->zones[i], gp->port, at->at);
			}
			for (size_t m = 0; m < gp->n_members; m++)
				hint_of_port(a, out, &p->zones[i],
					     g->ports[gp->members[m]].port, at->at);
		}
}

struct segment_index *segment_index_build(struct arena *a, const struct estate *e,
					  const struct graph *g)
{
	struct segment_index *x = arena_alloc(a, sizeof(*x));
	struct entries all = { { 0 } };
	vec_add(&all.v);
	for (size_t i = 0; i < e->n_segments; i++) {
		const struct estate_segment *s = &e->segments[i];
		const struct tenant *tenant = s->tenant ? s->tenant
					      : s->zone ? s->zone->tenant
							: NULL;
		*vec_add(&all.v) = (struct entry){ .tags = s->tags,
						   .n_tags = s->n_tags,
						   .interface = s->interface,
						   .owner = { .tenant = tenant,
							      .zone = s->zone,
							      .declared = true,
							      .at = s->at } };
	}
	add_hints(a, g, &all);
	x->n = all.v.n;
	x->v = vec_keep(a, &all.v);
	vec_free(&all.v);
	map_finish(&all.hints);
	for (x->mask = 15; x->mask < 2 * x->n && x->mask < 1u << 24; x->mask = x->mask * 2 + 1)
		;
	x->slots = arena_array(a, (size_t)x->mask + 1, sizeof(*x->slots));
	for (uint32_t i = 1; i < x->n; i++) {
		struct entry *en = &x->v[i];
		const struct estate_tag *last = en->n_tags ? &en->tags[en->n_tags - 1] : NULL;
		uint32_t *head =
			last ? &x->slots[slot_of(x, last->kind, last->id)] : &x->interfaces;
		en->next = *head;
		*head = i;
	}
	return x;
}

/* Tags that count: no priority tags (802.1Q: VLAN 0 is none). */
struct tags {
	const struct segment_tag *v[SEGMENTS_MAX];
	size_t n, inner; /* from inner on they are those of the innermost packet */
};

static bool is_tunnel(uint8_t kind)
{
	return kind == SEGMENT_VNI || kind == SEGMENT_GRE_KEY || kind == SEGMENT_TEID ||
	       kind == SEGMENT_ERSPAN;
}

/* The innermost tunnel; NULL: the packet isn't in any. */
static const struct tunnel_end *last_tunnel(const struct flow_record *r)
{
	for (size_t i = r->n_tunnels < TUNNELS_MAX ? r->n_tunnels : TUNNELS_MAX; i-- > 0;)
		if (r->tunnels[i].proto != SOURCE_ROUTED)
			return &r->tunnels[i];
	return NULL;
}

static bool tag_of_tunnel(const struct tunnel_end *e, uint8_t kind)
{
	return e->proto == PROTO_GRE
		       ? kind == SEGMENT_GRE_KEY || kind == SEGMENT_ERSPAN
		       : e->proto == PROTO_UDP && (kind == SEGMENT_VNI || kind == SEGMENT_TEID);
}

static void tags_of(const struct flow_record *r, struct tags *t)
{
	const struct tunnel_end *last = last_tunnel(r);
	uint8_t kind = 0;
	t->n = t->inner = 0;
	for (size_t i = 0; i < r->n_segments && i < SEGMENTS_MAX; i++) {
		const struct segment_tag *tag = &r->segments[i];
		if (tag->inner || (tag->kind == SEGMENT_VLAN && !tag->id))
			continue;
		if (is_tunnel(tag->kind)) {
			t->inner = t->n;
			kind = tag->kind;
		}
		t->v[t->n++] = tag;
	}
	/* the innermost tunnel has no tag: none is surely behind it */
	if (last && !tag_of_tunnel(last, kind))
		t->inner = t->n;
}

static bool is_kind(const struct tags *t, size_t i, uint8_t kind)
{
	return i < t->n && t->v[i]->kind == kind;
}

/* The place of the innermost tag by which the condition holds; SIZE_MAX: it doesn't. */
static size_t find_tag(const struct tags *t, const struct estate_tag *want, size_t n)
{
	for (size_t i = t->n; i-- > 0;) {
		if (t->v[i]->kind != want->kind)
			continue;
		/* all VLAN tags in a row are told; of labels, the innermost */
		if (want->kind == TAG_VLAN && (i + 1 < n || is_kind(t, i + 1, TAG_VLAN) ||
					       (i >= n && is_kind(t, i - n, TAG_VLAN))))
			continue;
		if (want->kind == TAG_MPLS && is_kind(t, i + 1, TAG_MPLS))
			continue;
		bool all = true;
		for (size_t k = 0; k < n; k++)
			all &= t->v[i + 1 - n + k]->kind == want[k].kind &&
			       t->v[i + 1 - n + k]->id == want[k].id;
		if (all)
			return i;
	}
	return SIZE_MAX;
}

/* The place of the innermost tag that the entry asks for, + 1. */
static bool holds(const struct entry *e, const struct tags *t, const char *interface,
		  size_t *ret_depth)
{
	size_t depth = 0;
	if (e->interface && (!interface || strcmp(e->interface, interface)))
		return false;
	for (size_t i = 0, n; i < e->n_tags; i += n) {
		n = i + 1 < e->n_tags && e->tags[i + 1].kind == e->tags[i].kind ? 2 : 1;
		size_t at = find_tag(t, &e->tags[i], n);
		if (at == SIZE_MAX)
			return false;
		depth = at + 1 > depth ? at + 1 : depth;
	}
	*ret_depth = depth;
	return depth > t->inner || !e->n_tags;
}

struct best {
	const struct entry *e;
	size_t depth;
};

/* The innermost tag counts first, then how much is asked for, then what is declared. */
static void offer(struct best *b, const struct entry *e, size_t depth, bool *mixed)
{
	size_t asks = e->n_tags + (e->interface != NULL);
	size_t had = b->e ? b->e->n_tags + (b->e->interface != NULL) : 0;
	bool more = !b->e || depth > b->depth || (depth == b->depth && asks > had);
	bool equal = b->e && depth == b->depth && asks == had;
	if (more || (equal && e->owner.declared && !b->e->owner.declared)) {
		*b = (struct best){ e, depth };
		*mixed = false;
	} else if (equal && e->owner.declared == b->e->owner.declared) {
		*mixed |= !same_owner(&e->owner, &b->e->owner);
	}
}

bool segments_ask_interface(const struct segment_index *x)
{
	for (size_t i = 1; i < x->n; i++)
		if (x->v[i].interface)
			return true;
	return false;
}

bool segment_find(const struct segment_index *x, const char *interface,
		  const struct flow_record *r, struct segment_owner *ret,
		  const struct segment_tag **ret_tag)
{
	struct tags t;
	struct best best = { 0 };
	bool mixed = false;
	size_t depth;
	if (x->n < 2 || (!r->n_segments && !x->interfaces))
		return false;
	tags_of(r, &t);
	for (uint32_t i = x->interfaces; i && !last_tunnel(r); i = x->v[i].next)
		if (holds(&x->v[i], &t, interface, &depth))
			offer(&best, &x->v[i], depth, &mixed);
	for (size_t k = 0; k < t.n; k++)
		for (uint32_t i = x->slots[slot_of(x, t.v[k]->kind, t.v[k]->id)]; i;
		     i = x->v[i].next)
			if (holds(&x->v[i], &t, interface, &depth))
				offer(&best, &x->v[i], depth, &mixed);
	if (!best.e)
		return false;
	*ret = best.e->owner;
	ret->mixed |= mixed;
	*ret_tag = best.depth ? t.v[best.depth - 1] : NULL;
	return true;
}
