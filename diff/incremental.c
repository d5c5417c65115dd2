/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which packets can be treated otherwise after a change, and so which zone pairs have to be
 * looked at. What it rests on:
 *
 *  1. The ways of a pair and what passes on them are a function of the two zones, the estate's
 *     bindings, paths, links and exclusions, and the devices as they were read. If zones, estate
 *     and every device but for its rulesets, routes, route rules and translations are equal in
 *     both, two packets that are equal meet the same devices, ports and hooks until one of those
 *     four makes the difference. Any other difference reaches everything (`whole`).
 *  2. A ruleset can differ only on the region of cone_diff(): what a rule that stands in one of
 *     the two lists alone may match, also through the chains that it calls. Interfaces are left
 *     unknown there, so that the region holds for every place.
 *  3. A routing table gives the same for a destination unless a route that holds the destination
 *     differs, or the next hop of one is itself looked up through one that differs. Tables of
 *     one device are taken together. Routes to the device itself and what makes a device a
 *     neighbour of another one count as `whole`.
 *  4. A list of translations, or of routing rules, gives the same for a packet that none of the
 *     entries between the common beginning and the common end matches.
 *  5. Those are packets as the device sees them. A device before it may have rewritten them:
 *     for every translation of both estates, what it may turn into a packet of the region is
 *     added, until nothing is added any more. A translation that is only bounded may make
 *     anything of what it touches.
 *  6. Equal is what has equal content: of conditions, equal hashes (SipHash with a key of the
 *     process, 64 bits) of what they say. An unknown condition is equal to another one of the
 *     same reason only where the device was read from the same bytes (its source is shared by
 *     both snapshots): elsewhere what it leaves open is part of the region, and a taint, a
 *     bounded translation or routing that is known in part reach as far as they may.
 *
 * Whatever is not said here to be compared, is compared as a whole by same_device(); the test
 * of this file holds the sizes of the structures against those it was written for, so that a
 * new member can't be forgotten.
 */
#include "diff/incremental.h"

#include <stdlib.h>
#include <string.h>

#include "diff/incremental_same.h"
#include "model/cone.h"

enum { ROUNDS_MAX = 16 };

struct job {
	struct arena *arena;
	struct engine *was, *is;
	struct reach r;
	const struct device *old, *new; /* the pair at hand */
	bool shared;			/* both were made of the same bytes */
	struct map seen;		/* pairs of rulesets */
};

static const struct pset_assume first = { .first = true };

static void everything(struct job *j, struct loc at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void everything(struct job *j, struct loc at, const char *fmt, ...)
{
	if (j->r.whole)
		return;
	va_list ap;
	va_start(ap, fmt);
	j->r.why = arena_vprintf(j->arena, fmt, ap);
	va_end(ap);
	j->r.at = at;
	j->r.whole = true;
}

/* How many entries two lists begin and end with in common; equal ones: all of them. */
#define COMMON(old, n_old, new, n_new, same, ret_head, ret_tail)                               \
	do {                                                                                   \
		size_t least = (n_old) < (n_new) ? (n_old) : (n_new);                          \
		*(ret_head) = *(ret_tail) = 0;                                                 \
		while (*(ret_head) < least && same(&(old)[*(ret_head)], &(new)[*(ret_head)]))  \
			++*(ret_head);                                                         \
		while (*(ret_tail) < least - *(ret_head) &&                                    \
		       same(&(old)[(n_old)-1 - *(ret_tail)], &(new)[(n_new)-1 - *(ret_tail)])) \
			++*(ret_tail);                                                         \
	} while (0)

/* Regions */

static void add(struct job *j, enum family f, struct pset s)
{
	struct pset_space *sp = j->is->space[f];
	j->r.region[f] = pset_or(sp, j->r.region[f], s);
	if (pset_is_spent(j->r.region[f]))
		everything(j, LOC_NONE, "what changed is too large for the memory it may take");
}

static void add_match(struct job *j, const struct match *m)
{
	for (int f = 0; f < FAMILY_COUNT; f++)
		add(j, (enum family)f,
		    m ? pset_hi(j->is->space[f], m, &first)
		      : pset_universe(j->is->space[f], &first));
}

/* What an unknown inside leaves open. */
static void add_open(struct job *j, const struct match *m)
{
	for (int f = 0; m && m->inexact && f < FAMILY_COUNT; f++) {
		struct pset_space *sp = j->is->space[f];
		add(j, (enum family)f,
		    pset_minus(sp, pset_hi(sp, m, &first), pset_lo(sp, m, &first)));
	}
}

static void add_destination(struct job *j, const struct prefix *p)
{
	struct pset_space *sp = j->is->space[p->family];
	struct span s = span_prefix(p->family, p->addr, p->len);
	add(j, p->family,
	    pset_and(sp, pset_spans(sp, FIELD_DST, &s, 1), pset_universe(sp, &first)));
}

/* Unknowns of a ruleset and of all that it calls. */
static void add_open_rules(struct job *j, const struct ruleset *rs, unsigned depth)
{
	char key[32];
	snprintf(key, sizeof(key), "open %u", rs->id);
	void **at = map_at(&j->seen, key);
	if (*at)
		return;
	*at = j;
	if (rs->opaque || depth > RULESET_DEPTH || rs->dflt == VERDICT_UNKNOWN) {
		everything(j, rs->at, "%s %s is not understood whole, and its source changed",
			   rs->kind, rs->name);
		return;
	}
	for (uint32_t i = 0; i < rs->n && !j->r.whole; i++) {
		const struct rule *r = &rs->rules[i];
		if (r->flags & RULE_INACTIVE)
			continue;
		if (r->verdict == VERDICT_UNKNOWN)
			add_match(j, r->match);
		else
			add_open(j, r->match);
		if (r->target)
			add_open_rules(j, r->target, depth + 1);
	}
}

static void compare_rulesets(struct job *j, const struct ruleset *old,
			     const struct ruleset *new)
{
	char key[32];
	snprintf(key, sizeof(key), "%u %u", old->id, new->id);
	void **at = map_at(&j->seen, key);
	if (*at)
		return;
	*at = j;
	if (old->stateful != new->stateful || old->opaque != new->opaque ||
	    old->incidental != new->incidental) {
		everything(j, new->at, "%s %s became another kind of list", new->kind,
			   new->name);
		return;
	}
	bool differ = false;
	for (int f = 0; f < FAMILY_COUNT; f++) {
		struct cone c = cone_diff(j->is->space[f], old, new, &first);
		if (c.spent)
			everything(j, new->at,
				   "the change of %s %s is too large for the memory "
				   "it may take",
				   new->kind, new->name);
		else
			add(j, (enum family)f, c.region);
		differ |= !pset_is_empty(c.region);
	}
	j->r.n_rulesets += differ;
	add_open_rules(j, old, 0);
	add_open_rules(j, new, 0);
}

static void compare_hooks(struct job *j)
{
	const struct device *o = j->old, *n = j->new;
	bool same = o->n_hooks == n->n_hooks;
	for (size_t i = 0; i < o->n_hooks && same; i++)
		same = same_hook(&o->hooks[i], &n->hooks[i]);
	if (!same) {
		everything(j, n->at, "%s has its rulesets at other places", n->name);
		return;
	}
	for (size_t i = 0; i < o->n_hooks && !j->r.whole; i++)
		compare_rulesets(j, o->hooks[i].ruleset, n->hooks[i].ruleset);
}

/* Routes */

struct route_list {
	const struct route *v;
	size_t n;
	bool *reached;
};

static bool within(const struct prefix *p, const struct prefix *net)
{
	return p->family == net->family && p->len >= net->len &&
	       addr_equal(addr_and(p->addr, addr_mask(net->family, net->len)),
			  addr_and(net->addr, addr_mask(net->family, net->len)));
}

static uint64_t route_hash(const struct route *r)
{
	struct text t = { 0 };
	text_putf(&t, "%u/%u/%llx/%llx/%s/%s/%d", r->dst.family, r->dst.len,
		  (unsigned long long)r->dst.addr.hi, (unsigned long long)r->dst.addr.lo,
		  r->segment ? r->segment : "\n", r->port ? r->port : "\n", r->has_via);
	if (r->has_via)
		text_putf(&t, "/%llx/%llx", (unsigned long long)r->via.hi,
			  (unsigned long long)r->via.lo);
	uint64_t h = siphash(t.s, t.len);
	text_finish(&t);
	return h;
}

struct hashed {
	uint64_t hash;
	size_t index;
	bool new;
};

static int by_hash(const void *x, const void *y)
{
	const struct hashed *a = x, *b = y;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->new != b->new)
		return a->new ? 1 : -1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* Routes that stand in one of the two tables alone; their order says nothing. */
static void mark_routes(struct route_list *o, struct route_list *n)
{
	size_t all = o->n + n->n;
	struct hashed *v = xcalloc(all, sizeof(*v));
	bool *taken = xcalloc(n->n, sizeof(*taken));
	for (size_t i = 0; i < o->n; i++)
		v[i] = (struct hashed){ route_hash(&o->v[i]), i, false };
	for (size_t i = 0; i < n->n; i++)
		v[o->n + i] = (struct hashed){ route_hash(&n->v[i]), i, true };
	if (all)
		qsort(v, all, sizeof(*v), by_hash);
	for (size_t i = 0, end; i < all; i = end) {
		for (end = i; end < all && v[end].hash == v[i].hash;)
			end++;
		for (size_t k = i; k < end; k++) {
			bool met = v[k].new;
			for (size_t m = i; m < end && !met; m++) {
				if (!v[m].new || taken[v[m].index] ||
				    !same_route(&o->v[v[k].index], &n->v[v[m].index]))
					continue;
				taken[v[m].index] = met = true;
			}
			if (!met)
				o->reached[v[k].index] = true;
		}
	}
	for (size_t i = 0; i < n->n; i++)
		n->reached[i] = !taken[i];
	free(taken);
	free(v);
}

/* Routes whose next hop is looked up through one that differs are reached as well. */
static bool spread_routes(struct route_list *l, const struct route_list *other)
{
	const struct route_list *from[] = { l, other };
	bool more = false;
	for (size_t i = 0; i < l->n; i++) {
		const struct route *r = &l->v[i];
		struct prefix via = { r->dst.family, (uint8_t)addr_bits(r->dst.family),
				      r->via };
		if (l->reached[i] || !r->has_via)
			continue;
		for (size_t s = 0; s < 2 && !l->reached[i]; s++)
			for (size_t k = 0; k < from[s]->n && !l->reached[i]; k++)
				l->reached[i] =
					from[s]->reached[k] && within(&via, &from[s]->v[k].dst);
		more |= l->reached[i];
	}
	return more;
}

static void compare_routes(struct job *j)
{
	struct route_list l[2] = { { j->old->routes, j->old->n_routes, NULL },
				   { j->new->routes, j->new->n_routes, NULL } };
	size_t differ = 0;
	for (int s = 0; s < 2; s++)
		l[s].reached = xcalloc(l[s].n, sizeof(bool));
	mark_routes(&l[0], &l[1]);
	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < l[s].n; i++) {
			if (!l[s].reached[i])
				continue;
			differ++;
			if (l[s].v[i].local)
				everything(j, l[s].v[i].at, "%s has other addresses of its own",
					   j->new->name);
		}
	/* A route that may hold or not: the bytes that decide it may be other ones. */
	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < l[s].n; i++)
			l[s].reached[i] |= l[s].v[i].odd != NULL;
	size_t rounds = 0;
	while (!j->r.whole && ((unsigned)spread_routes(&l[0], &l[1]) | (unsigned)spread_routes(&l[1], &l[0])))
		if (++rounds == ROUNDS_MAX)
			everything(j, j->new->at, "the next hops of %s hang on each other",
				   j->new->name);
	for (int s = 0; s < 2; s++) {
		for (size_t i = 0; i < l[s].n && !j->r.whole; i++)
			if (l[s].reached[i])
				add_destination(j, &l[s].v[i].dst);
		free(l[s].reached);
	}
	j->r.n_routes += differ;
}

static void compare_route_rules(struct job *j)
{
	const struct device *o = j->old, *n = j->new;
	size_t head, tail;
	COMMON(o->route_rules, o->n_route_rules, n->route_rules, n->n_route_rules,
	       same_route_rule, &head, &tail);
	for (size_t i = 0; i < o->n_route_rules; i++) {
		const struct route_rule *r = &o->route_rules[i];
		bool differs = i >= head && i < o->n_route_rules - tail;
		if (differs || r->kind == ROUTE_UNKNOWN)
			add_match(j, r->match);
		else
			add_open(j, r->match);
		j->r.n_routes += differs;
	}
	for (size_t i = head; i < n->n_route_rules - tail; i++, j->r.n_routes++)
		add_match(j, n->route_rules[i].match);
}

static void compare_nats(struct job *j)
{
	const struct device *o = j->old, *n = j->new;
	size_t head, tail;
	COMMON(o->nats, o->n_nats, n->nats, n->n_nats, same_nat, &head, &tail);
	for (size_t i = 0; i < o->n_nats; i++) {
		const struct nat *x = &o->nats[i];
		bool differs = i >= head && i < o->n_nats - tail;
		if (differs || x->kind == NAT_BOUND)
			add_match(j, x->kind == NAT_BOUND ? x->touches : x->match);
		else
			add_open(j, x->match);
		j->r.n_nats += differs;
	}
	for (size_t i = head; i < n->n_nats - tail; i++, j->r.n_nats++)
		add_match(j,
			  n->nats[i].kind == NAT_BOUND ? n->nats[i].touches : n->nats[i].match);
}

/* Devices */

static void compare_devices(struct job *j)
{
	if (!same_device(j->old, j->new)) {
		everything(j, j->new->at, "%s has other ports, neighbours or limits",
			   j->new->name);
		return;
	}
	if (same_body(j->old, j->new))
		return;
	if (j->new->n_taints)
		everything(j, j->new->taints[0].at, "%s is not understood whole, and changed",
			   j->new->name);
	else if (j->new->routing == ROUTING_PART)
		everything(j, j->new->routing_at, "routes of %s are not known, and it changed",
			   j->new->name);
	if (!j->r.whole)
		compare_hooks(j);
	if (!j->r.whole)
		compare_routes(j);
	if (!j->r.whole)
		compare_route_rules(j);
	if (!j->r.whole)
		compare_nats(j);
}

static void compare_snapshots(struct job *j)
{
	const struct snapshot *o = j->was->snap, *n = j->is->snap;
	struct map old = { 0 };
	if (o->devices.n != n->devices.n)
		everything(j, LOC_NONE, "there are other devices");
	vec_each (dp, &o->devices)
		*map_at(&old, (*dp)->name) = *dp;
	for (size_t i = 0; i < n->devices.n && !j->r.whole; i++) {
		j->new = n->devices.v[i];
		j->old = map_get(&old, j->new->name);
		if (!j->old)
			everything(j, j->new->at, "%s is new", j->new->name);
		else
			compare_devices(j);
	}
	map_finish(&old);
}

/* The estates */

static void compare_estates(struct job *j)
{
	const struct estate *o = j->was->estate, *n = j->is->estate;
	const struct policy *p = o->policy, *q = n->policy;
	bool same = o->n_sources == n->n_sources;
	for (size_t i = 0; i < o->n_sources && same; i++) {
		bool failed = (j->was->failed && j->was->failed[i]) ||
			      (j->is->failed && j->is->failed[i]);
		same = same_source(&o->sources[i], &n->sources[i]);
		if (failed)
			everything(j, n->sources[i].at, "%s could not be read to its end",
				   n->sources[i].name);
	}
	if (!same)
		everything(j, n->at, "the estate has other sources");
	same = o->n_bindings == n->n_bindings;
	for (size_t i = 0; i < o->n_bindings && same; i++)
		same = same_binding(&o->bindings[i], &n->bindings[i]);
	if (!same)
		everything(j, n->at, "the estate has other bindings");
	same = o->n_paths == n->n_paths;
	for (size_t i = 0; i < o->n_paths && same; i++)
		same = same_path(&o->paths[i], &n->paths[i]);
	if (!same)
		everything(j, n->at, "the estate has other paths");
	same = o->n_links == n->n_links;
	for (size_t i = 0; i < o->n_links && same; i++)
		same = same_link(&o->links[i], &n->links[i]);
	if (!same)
		everything(j, n->at, "the estate has other links");
	same = p->n_zones == q->n_zones;
	for (size_t i = 0; i < p->n_zones && same; i++)
		same = same_zone(&p->zones[i], &q->zones[i]);
	if (!same)
		everything(j, LOC_NONE, "the policy has other zones");
	same = p->n_exclusions == q->n_exclusions;
	for (size_t i = 0; i < p->n_exclusions && same; i++)
		same = same_match(p->exclusions[i].match, q->exclusions[i].match);
	j->r.same_scope = same && !memcmp(p->families, q->families, sizeof(p->families));
	if (!j->r.same_scope)
		everything(j, LOC_NONE, "the policy has another scope");
}

/* Translations on the way to what changed */

static struct pset free_end(struct pset_space *sp, struct pset s, const struct nat *n)
{
	bool src = n->rewrites != NAT_DESTINATION, dst = n->rewrites != NAT_SOURCE;
	if (src)
		s = pset_project(sp, s, FIELD_SRC);
	if (dst)
		s = pset_project(sp, s, FIELD_DST);
	if (src && (n->kind == NAT_BOUND || n->has_port))
		s = pset_project(sp, s, FIELD_SPORT);
	if (dst && (n->kind == NAT_BOUND || n->has_port))
		s = pset_project(sp, s, FIELD_DPORT);
	return s;
}

/* At least the packets that the translation may turn into one of s. */
static struct pset before(struct pset_space *sp, const struct nat *n, struct pset s)
{
	if (n->kind == NAT_KEEP)
		return pset_none();
	if (n->kind == NAT_BOUND)
		return pset_and(sp, free_end(sp, s, n), pset_hi(sp, n->touches, &first));
	enum field end = n->rewrites == NAT_SOURCE ? FIELD_SRC : FIELD_DST;
	enum field port = n->rewrites == NAT_SOURCE ? FIELD_SPORT : FIELD_DPORT;
	s = pset_and(sp, s, pset_spans(sp, end, n->to, n->n_to));
	if (n->has_port) {
		struct range r = { n->port_lo, n->port_hi };
		s = pset_and(sp, s, pset_ranges(sp, port, &r, 1));
	}
	if (pset_is_empty(s))
		return s;
	return pset_and(sp, free_end(sp, s, n), pset_hi(sp, n->match, &first));
}

static bool pull_back(struct job *j, const struct snapshot *s)
{
	bool more = false;
	vec_each (dp, &s->devices)
		for (size_t i = 0; i < (*dp)->n_nats; i++)
			for (int f = 0; f < FAMILY_COUNT; f++) {
				struct pset old = j->r.region[f];
				if (pset_is_empty(old))
					continue;
				add(j, (enum family)f,
				    before(j->is->space[f], &(*dp)->nats[i], old));
				more |= !pset_equal(old, j->r.region[f]);
			}
	return more;
}

/* What may be meant for another zone than that of its destination. */
static void find_redirected(struct job *j, const struct snapshot *s)
{
	vec_each (dp, &s->devices)
		for (size_t i = 0; i < (*dp)->n_nats; i++) {
			const struct nat *n = &(*dp)->nats[i];
			if (n->kind == NAT_KEEP || n->rewrites == NAT_SOURCE)
				continue;
			const struct match *m = n->kind == NAT_BOUND ? n->touches : n->match;
			for (int f = 0; f < FAMILY_COUNT; f++) {
				struct pset_space *sp = j->is->space[f];
				struct pset hit =
					pset_and(sp, j->r.region[f], pset_hi(sp, m, &first));
				j->r.redirected[f] = pset_or(sp, j->r.redirected[f], hit);
				if (pset_is_spent(j->r.redirected[f]))
					everything(j, LOC_NONE,
						   "what changed is too large for "
						   "the memory it may take");
			}
		}
}

void reach_find(struct arena *a, struct engine *was, struct engine *is, struct reach *ret)
{
	struct job j = { .arena = a, .was = was, .is = is };
	for (int f = 0; f < FAMILY_COUNT; f++)
		j.r.region[f] = j.r.redirected[f] = pset_none();
	compare_estates(&j);
	if (!j.r.whole)
		compare_snapshots(&j);
	size_t rounds = 0;
	while (!j.r.whole && ((unsigned)pull_back(&j, was->snap) | (unsigned)pull_back(&j, is->snap)))
		if (++rounds == ROUNDS_MAX)
			everything(&j, LOC_NONE, "translations feed each other");
	if (!j.r.whole) {
		find_redirected(&j, was->snap);
		find_redirected(&j, is->snap);
	}
	map_finish(&j.seen);
	*ret = j.r;
}
