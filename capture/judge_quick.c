/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most flows are judged as another one was before: of what tells them apart nothing counts but
 * what is known of each address (its cell, capture/identity_address.c), the tags, and the label
 * that the zone pair's function has for the packet. So judgements are kept by these, and a flow
 * costs two cells, one walk and one look. Where anything else could count (a translation, a
 * tunnel, ports that aren't known, a flow that is asked for as it arrives) nothing is kept, and
 * the caller judges in full. So it does for violations, which are told with their packets.
 */
#include <stdlib.h>
#include <string.h>

#include "capture/identity_internal.h"
#include "capture/judge_internal.h"

enum {
	WAYS = 1024, /* powers of two */
	ANSWERS = 2048,
	TAGS = 2,
	FAMILY_BIT = 48, /* of a way's first tag, and above it: */
	REVERSED_BIT = 49,
	OFTEN = 1000,	       /* flows of a pair */
	IMAGE_MOST = 16 << 20, /* bytes, of one and of all */
	IMAGES_MOST = 128 << 20,
};

/* All that a judgement depends on but for the label: the cells are of the family and role. */
struct way {
	const struct address_cell *from, *to;
	uint64_t tags[TAGS];
};

struct kept_way {
	struct way way;
	uint64_t number;      /* 0: free */
	struct zone_pair *zp; /* NULL: no label counts */
};

struct kept_answer {
	uint64_t way; /* its number; 0: free */
	uint32_t label;
	bool told; /* false: it depends on more than is kept */
	struct judgement of;
};

struct quick {
	uint64_t ways_made;
	struct kept_way ways[WAYS];
	struct kept_answer answers[ANSWERS];
};

struct quick *quick_create(void)
{
	return xcalloc(1, sizeof(struct quick));
}

void quick_destroy(struct quick *q)
{
	free(q);
}

/* Whether nothing but addresses, tags, protocol, ports, type and code counts. */
static inline bool is_ordinary(const struct judge *j, const char *interface,
			       const struct flow_record *r)
{
	if (!r->has_ip || r->n_tunnels || r->related || r->opaque || r->fragments ||
	    r->packet.fragment || (r->anomalies & ANOMALY_TINY_FRAGMENT) ||
	    r->n_segments > TAGS || (interface && identity_asks_interface(j->identity)))
		return false;
	for (size_t i = 0; i < r->n_segments; i++)
		if (r->segments[i].inner)
			return false;
	return true;
}

/* An address whose cell doesn't tell all: local addresses and groups are of no zone. */
static inline bool is_odd(const struct address_cell *c, enum family f, struct addr a)
{
	return c->translated || (c->open && (address_is_local(f, a) || address_is_group(f, a)));
}

static inline bool same_way(const struct way *a, const struct way *b)
{
	return a->from == b->from && a->to == b->to && a->tags[0] == b->tags[0] &&
	       a->tags[1] == b->tags[1];
}

static inline size_t hash_of(uint64_t a, uint64_t b)
{
	return (size_t)(((a ^ b * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu) >> 40);
}

static inline struct kept_way *way_at(struct quick *q, const struct way *w)
{
	size_t h = hash_of((uintptr_t)w->from ^ w->tags[0],
			   (uintptr_t)w->to ^ w->tags[1] * 0x9e3779b97f4a7c15u);
	return &q->ways[h & (WAYS - 1)];
}

static inline struct kept_answer *answer_at(struct quick *q, uint64_t way, uint32_t label)
{
	return &q->answers[hash_of(way, label) & (ANSWERS - 1)];
}

/* What is asked so often is laid out for that, as long as there is room. */
static void lay_out(struct judge *j, struct pair_family *pf, enum family f)
{
	size_t left = IMAGES_MOST - j->images;
	pf->image = pset_image_create(j->engine.space[f], j->kept[f].v[pf->exact.kept],
				      left < IMAGE_MOST ? left : IMAGE_MOST);
	j->images += pf->image ? pset_image_bytes(pf->image) : 0;
}

/* True: *ret is what the pair's function says of it. */
static inline bool label_of(struct judge *j, struct zone_pair *zp, const struct packet *p,
			    uint32_t *ret)
{
	struct pair_family *pf = &zp->family[p->family];
	if (!pf->made || pf->spent)
		return false;
	if (pf->image) {
		*ret = pset_image_label_of(pf->image, p);
		return true;
	}
	if (pf->asked < OFTEN && ++pf->asked == OFTEN)
		lay_out(j, pf, (enum family)p->family);
	*ret = pset_label_of(j->engine.space[p->family], j->kept[p->family].v[pf->exact.kept],
			     p);
	return true;
}

/* Whether nothing of the packet counts beside its label. */
static bool label_tells(const struct zone_pair *zp, enum family f, uint32_t label)
{
	const struct pair_family *pf = &zp->family[f];
	unsigned bits = label ? pf->exact.labels.v[label - 1].bits : 0;
	return (bits & (PAIR_EXCLUDED | PAIR_DECLARED)) ||
	       (!pf->rewrites && (bits & PAIR_KNOWN));
}

/* Judges in full, and keeps what may be kept. NULL: the caller has to. */
static const struct judgement *learn(struct judge *j, const char *interface,
				     const struct flow_record *r, const struct packet *p,
				     bool reversed, const struct way *way)
{
	struct quick *q = j->quick;
	struct kept_way *w = way_at(q, way);
	struct judgement g = {
		.certainty = CERTAIN, .pair = JUDGE_NO_PAIR, .packet = *p, .reversed = reversed
	};
	uint32_t label = 0;
	identity_of(j->identity, interface, r, &g.parties);
	if (reversed)
		identity_again(j->identity, p, &g.parties);
	judge_one(j, r, &g);
	if (!same_way(&w->way, way) || !w->number) {
		const struct zone *from = g.parties.from.zone, *to = g.parties.to.zone;
		bool by_sets = g.pair != JUDGE_NO_PAIR && (from != to || from->self);
		*w = (struct kept_way){ *way, ++q->ways_made,
					by_sets ? j->pairs.v[g.pair] : NULL };
	}
	if (w->zp && !label_of(j, w->zp, p, &label))
		return NULL;
	struct kept_answer *a = answer_at(q, w->number, label);
	g.parties.segment = NULL; /* it points into a record that goes */
	*a = (struct kept_answer){ .way = w->number, .label = label, .of = g };
	a->told = !w->zp || label_tells(w->zp, (enum family)p->family, label);
	return a->told ? &a->of : NULL;
}

/* In one direction; p: what begins it. */
static inline const struct judgement *one(struct judge *j, const char *interface,
					  const struct flow_record *r, const struct packet *p,
					  bool reversed)
{
	enum family f = (enum family)p->family;
	struct way way = { identity_cell(j->identity, ROLE_FROM, f, p->src),
			   identity_cell(j->identity, ROLE_TO, f, p->dst),
			   { (uint64_t)f << FAMILY_BIT | (uint64_t)reversed << REVERSED_BIT } };
	if (is_odd(way.from, f, p->src) || is_odd(way.to, f, p->dst))
		return NULL;
	/* no kind is 0 */
	for (size_t i = 0; i < r->n_segments; i++)
		way.tags[i] |= (uint64_t)r->segments[i].kind << 32 | r->segments[i].id;
	struct kept_way *w = way_at(j->quick, &way);
	uint32_t label = 0;
	if (!w->number || !same_way(&w->way, &way))
		return learn(j, interface, r, p, reversed, &way);
	if (w->zp && !label_of(j, w->zp, p, &label))
		return NULL;
	struct kept_answer *a = answer_at(j->quick, w->number, label);
	if (a->way != w->number || a->label != label)
		return learn(j, interface, r, p, reversed, &way);
	return a->told ? &a->of : NULL;
}

/* As the sets have it: the packet itself, where it is so already. */
static inline const struct packet *begun(const struct packet *p, struct packet *place)
{
	if (p->flags == (p->proto == PROTO_TCP ? TCP_SYN : 0) && p->state == STATE_NEW)
		return p;
	*place = judge_first_packet(*p);
	return place;
}

const struct judgement *judge_quick(struct judge *j, const char *interface,
				    const struct flow_record *r)
{
	struct packet place, back;
	const struct judgement *g[2];
	if (!is_ordinary(j, interface, r))
		return NULL;
	if (r->began == BEGAN_REVERSE) {
		back = judge_first_packet(judge_reversed(&r->packet));
		g[0] = one(j, interface, r, &back, true);
		return g[0] && g[0]->observed < OBSERVED_UNDECLARED ? g[0] : NULL;
	}
	g[0] = one(j, interface, r, begun(&r->packet, &place), false);
	if (!g[0])
		return NULL;
	if (r->began == BEGAN_GUESSED && g[0]->observed != OBSERVED_DECLARED &&
	    g[0]->observed != OBSERVED_EXCLUDED) {
		uint8_t forth = g[0]->observed;
		back = judge_first_packet(judge_reversed(&r->packet));
		g[1] = one(j, interface, r, &back, true);
		if (!g[1])
			return NULL;
		if (judge_believe(forth, g[1]->observed, &r->packet))
			g[0] = g[1];
		else
			/* the second may have taken its place */
			g[0] = one(j, interface, r, begun(&r->packet, &place), false);
	}
	return g[0] && g[0]->observed < OBSERVED_UNDECLARED ? g[0] : NULL;
}
