/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/estate_read.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "policies/policy_read.h"

/* Zones that exist twice, and which of their addresses stand for each other. */

struct twins {
	VEC(struct twin_span) v;
};

static struct addr size_of(struct span s)
{
	return (struct addr){ s.hi.hi - s.lo.hi - (s.hi.lo < s.lo.lo), s.hi.lo - s.lo.lo };
}

/* Spans are sorted and apart. */
static bool zone_holds(const struct zone *z, uint8_t family, struct span s)
{
	size_t lo = 0, hi = z->n_spans[family];
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (addr_compare(z->spans[family][mid].hi, s.lo) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < z->n_spans[family] && span_has(z->spans[family][lo], s.lo) &&
	       span_has(z->spans[family][lo], s.hi);
}

/* Addresses that no zone has may be those by which the zone is reached through translation. */
static bool is_free(const struct estate_reader *er, uint8_t family, struct span s)
{
	for (size_t i = 0; i < er->words.n_zones; i++)
		if (er->words.zones[i].external)
			return zone_holds(&er->words.zones[i], family, s);
	return false;
}

static bool read_side(struct estate_reader *er, const struct node *map,
		      const struct counterpart *c, int plane, struct claim *ret)
{
	const struct node *node = node_get(map, plane_words[plane]);
	if (!node || !prefix_of(&er->r, node, ret))
		return false;
	const struct zone *z = c->zone[plane];
	if (!z || zone_holds(z, ret->family, ret->span) || is_free(er, ret->family, ret->span))
		return true;
	diag_error(er->r.d, EINVAL, "estate.counterpart-outside", node->at,
		   "%s is not wholly inside the zone '%s', nor outside all zones: map its own "
		   "addresses, or those that are translated to them",
		   shown(&er->r, node->s), z->name);
	return false;
}

static void read_twin(struct estate_reader *er, const struct node *map,
		      const struct counterpart *c, struct twins *twins)
{
	struct claim side[PLANE_COUNT];
	bool ok = check_shape(&er->r, map, &shape_twin);
	for (int plane = 0; ok && plane < PLANE_COUNT; plane++)
		ok = read_side(er, map, c, plane, &side[plane]);
	if (!ok)
		return;
	if (side[0].family != side[1].family ||
	    !addr_equal(size_of(side[0].span), size_of(side[1].span))) {
		diag_error(
			er->r.d, EINVAL, "estate.counterpart-size", map->at,
			"the two stand for each other address by address: they have to be of "
			"one family and of equal length");
		return;
	}
	*vec_add(&twins->v) =
		(struct twin_span){ side[0].family, { side[0].span, side[1].span }, map->at };
}

struct sorted_twin {
	const struct twin_span *twin;
	int plane;
};

static int compare_twins(const void *a, const void *b)
{
	const struct sorted_twin *x = a, *y = b;
	if (x->twin->family != y->twin->family)
		return x->twin->family < y->twin->family ? -1 : 1;
	int c = addr_compare(x->twin->span[x->plane].lo, y->twin->span[y->plane].lo);
	return c ? c : loc_compare(x->twin->at, y->twin->at);
}

/* No address has two counterparts. */
static void check_twins(struct estate_reader *er, const struct twins *twins, int plane)
{
	struct sorted_twin *v = xcalloc(twins->v.n, sizeof(*v));
	for (size_t i = 0; i < twins->v.n; i++)
		v[i] = (struct sorted_twin){ &twins->v.v[i], plane };
	if (twins->v.n)
		qsort(v, twins->v.n, sizeof(*v), compare_twins);
	/* the one so far that reaches furthest */
	size_t far = 0;
	for (size_t i = 1; i < twins->v.n; i++) {
		const struct twin_span *a = v[far].twin, *b = v[i].twin;
		if (a->family == b->family &&
		    addr_compare(b->span[plane].lo, a->span[plane].hi) <= 0) {
			diag_error(er->r.d, EEXIST, "estate.counterpart-map-twice", b->at,
				   "these %s addresses are mapped already: each has one "
				   "counterpart",
				   plane_words[plane]);
			diag_related(er->r.d, a->at, "first here");
		}
		if (a->family != b->family ||
		    addr_compare(b->span[plane].hi, a->span[plane].hi) > 0)
			far = i;
	}
	free(v);
}

/* In order, where both zones have as many addresses in runs of equal sizes. */
static void default_twins(const struct counterpart *c, struct twins *twins)
{
	for (int f = 0; f < FAMILY_COUNT; f++) {
		const struct zone *a = c->zone[PLANE_PHYSICAL], *b = c->zone[PLANE_VIRTUAL];
		bool equal = a->n_spans[f] == b->n_spans[f];
		for (size_t i = 0; equal && i < a->n_spans[f]; i++)
			equal = addr_equal(size_of(a->spans[f][i]), size_of(b->spans[f][i]));
		for (size_t i = 0; equal && i < a->n_spans[f]; i++)
			*vec_add(&twins->v) = (struct twin_span){
				(uint8_t)f, { a->spans[f][i], b->spans[f][i] }, c->at
			};
	}
}

static void read_counterpart(struct estate_reader *er, const struct node *node,
			     struct counterpart *c)
{
	struct reader *r = &er->r;
	const struct node *const *items = NULL;
	struct twins twins = { 0 };
	c->at = node->at;
	c->id = name_at(r, node, "id");
	for (int plane = 0; plane < PLANE_COUNT; plane++) {
		if (!er->policy)
			name_at(r, node, plane_words[plane]);
		else
			c->zone[plane] =
				zone_at(r, &er->words, node, plane_words[plane], false);
		if (c->zone[plane] && c->zone[plane]->external)
			diag_error(r->d, EINVAL, "estate.counterpart-external", node->at,
				   "'%s' is everything that no other zone has: it has no "
				   "counterpart",
				   c->zone[plane]->name);
	}
	const struct zone *a = c->zone[PLANE_PHYSICAL], *b = c->zone[PLANE_VIRTUAL];
	if (a && a == b)
		diag_error(r->d, EINVAL, "estate.counterpart-itself", node->at,
			   "'%s' is its own counterpart: name two zones", a->name);
	c->mapped = node_get(node, "map") != NULL;
	size_t n = list_at(r, node, "map", &items);
	for (size_t i = 0; i < n; i++)
		read_twin(er, items[i], c, &twins);
	for (int plane = 0; plane < PLANE_COUNT; plane++)
		check_twins(er, &twins, plane);
	if (!c->mapped && a && b)
		default_twins(c, &twins);
	c->twins = vec_keep(r->arena, &twins.v);
	c->n_twins = twins.v.n;
	vec_free(&twins.v);
}

/* Which counterpart a zone stands for would not be clear. */
static void check_once(struct estate_reader *er, const struct counterpart *c,
		       const struct counterpart **first)
{
	for (int plane = 0; plane < PLANE_COUNT; plane++) {
		const struct zone *z = c->zone[plane];
		if (!z)
			continue;
		const struct counterpart **at = &first[z - er->words.zones];
		if (*at && *at != c) {
			diag_error(er->r.d, EEXIST, "estate.counterpart-twice", c->at,
				   "'%s' has a counterpart already: a zone has one", z->name);
			diag_related(er->r.d, (*at)->at, "first here");
		}
		*at = *at ? *at : c;
	}
}

void read_counterparts(struct estate_reader *er)
{
	struct reader *r = &er->r;
	const struct node *const *items = NULL;
	size_t n = list_at(r, er->root, "counterparts", &items);
	struct counterpart *v = arena_array(r->arena, n, sizeof(*v));
	const struct counterpart **first =
		xcalloc(er->policy ? er->words.n_zones : 1, sizeof(*first));
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		if (!check_shape(r, items[i], &shape_counterpart))
			continue;
		struct counterpart *c = &v[used++];
		read_counterpart(er, items[i], c);
		check_once(er, c, first);
	}
	free(first);
	er->estate->counterparts = v;
	er->estate->n_counterparts = used;
}
