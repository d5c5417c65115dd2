/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/netfilter_nat.h"

#include <string.h>

enum {
	NAT_DST = -100,
	NAT_SRC = 100,
	STEPS_MOST = 1 << 22,
	ENTRIES_MOST = 1 << 19,
	CHAINS_MOST = 256,
	DEPTH_MOST = RULESET_DEPTH,
};

struct entry {
	struct nat nat;
	uint8_t families;
};

struct list {
	const struct nf_nat_chain *ch;
	VEC(struct entry) v;
};

struct walk {
	struct nf_nats *n;
	struct matches *m;
	struct list *out;
	struct map own;	   /* "4 eth0" to struct own: what masquerading there gives */
	struct map useful; /* ids of rulesets: 1 not, 2 is */
	size_t steps, entries;
	bool lost; /* too much to follow */
};

void nf_nat_rule(struct nf_nats *n, const struct rule *rule, struct nf_translation *t)
{
	*map_atn(&n->by_rule, (const char *)&rule->id, sizeof(rule->id)) = t;
}

void nf_nat_chain(struct nf_nats *n, const struct nf_nat_chain *ch)
{
	*vec_add(&n->chains) = *ch;
}

void nf_nat_untracked(struct nf_nats *n, const struct match *when)
{
	struct device *d = &n->b->dev;
	d->untracked = d->untracked ? match_or(&n->b->snap->matches, d->untracked, when) : when;
}

static struct nat plain(const struct nf_translation *t)
{
	return (struct nat){ .at = t->at,
			     .text = t->text,
			     .touches = t->touches,
			     .takes = t->takes,
			     .rewrites = t->rewrites };
}

void nf_nat_bound(struct device_build *b, struct nf_translation *t)
{
	if (!t->told)
		*vec_add(&b->nats) = plain(t);
	t->told = true;
}

/* The condition at a port of the name in that place. */
static const struct match *at_port(struct matches *m, const struct match *x, enum field f,
				   const char *name)
{
	if (!x->placed)
		return x;
	if (x->kind == MATCH_IFACE) {
		if (x->field != f)
			return x;
		bool same = x->iface.prefix ? has_prefix(name, x->iface.name)
					    : !strcmp(x->iface.name, name);
		return same ? match_all(m) : match_none(m);
	}
	if (x->kind == MATCH_NOT)
		return match_not(m, at_port(m, x->kids[0], f, name));
	const struct match **v = xreallocarray(NULL, x->n + 1, sizeof(*v));
	for (uint32_t i = 0; i < x->n; i++)
		v[i] = at_port(m, x->kids[i], f, name);
	const struct match *ret =
		x->kind == MATCH_AND ? match_and_n(m, v, x->n) : match_or_n(m, v, x->n);
	free(v);
	return ret;
}

static struct nat *put(struct walk *w, const struct nf_translation *t, const struct match *when,
		       enum family f, enum nat_kind kind)
{
	struct entry *e = vec_add(&w->out->v);
	w->lost |= ++w->entries > ENTRIES_MOST;
	e->nat = plain(t);
	e->nat.kind = (uint8_t)kind;
	e->nat.match = match_and(w->m, when, match_family(w->m, f));
	e->families = (uint8_t)(1u << f);
	return &e->nat;
}

static void set_port(struct nat *x, const struct nf_nat_target *to)
{
	x->has_port = to->has_port;
	x->port_lo = to->port_lo, x->port_hi = to->port_hi;
}

static struct span all_of(enum family f)
{
	return (struct span){ { 0, 0 }, addr_max(f) };
}

/* One span of addresses that every packet of the condition has, or the whole family. */
static struct span within(const struct match *x, enum field field, enum family f)
{
	struct span ret = all_of(f);
	const struct match *const *kids = x->kind == MATCH_AND ? x->kids : &x;
	for (uint32_t i = 0, n = x->kind == MATCH_AND ? x->n : 1; i < n; i++) {
		const struct match *k = kids[i];
		if (k->kind != MATCH_SPANS || k->field != field || k->family != f || !k->n)
			continue;
		struct span s = { k->spans[0].lo, k->spans[k->n - 1].hi };
		if (addr_compare(s.lo, ret.lo) > 0)
			ret.lo = s.lo;
		if (addr_compare(s.hi, ret.hi) < 0)
			ret.hi = s.hi;
	}
	return ret;
}

/* The prefix of `to`'s size that holds every address of `from`; false where none does. */
static bool block(enum family f, struct span to, struct span from, struct span *ret)
{
	for (unsigned len = 0; len <= addr_bits(f); len++) {
		struct span s = span_prefix(f, to.lo, len);
		if (!addr_equal(s.lo, to.lo) || !addr_equal(s.hi, to.hi))
			continue;
		*ret = span_prefix(f, from.lo, len);
		return span_has(*ret, from.hi);
	}
	return false;
}

static bool give(struct walk *w, const struct nf_translation *t, const struct nf_nat_target *to,
		 const struct match *when, enum family f)
{
	enum field field = w->out->ch->kind == HOOK_OUT ? FIELD_SRC : FIELD_DST;
	struct nat *x;
	if (to->is)
		when = match_and(w->m, when, to->is);
	if (when->kind == MATCH_NONE)
		return true;
	struct span *one = arena_alloc(w->n->b->snap->arena, sizeof(*one));
	if (!to->n_to) {
		*one = all_of(f);
		x = put(w, t, when, f, NAT_SHIFT);
		x->from = *one, x->to = one, x->n_to = 1;
	} else if (t->how == NF_NAT_PREFIX) {
		struct span from;
		if (to->n_to != 1 || !block(f, to->to[0], within(when, field, f), &from))
			return false;
		x = put(w, t, when, f, NAT_SHIFT);
		x->from = from, x->to = to->to, x->n_to = 1;
	} else {
		x = put(w, t, when, f, NAT_POOL);
		x->to = to->to, x->n_to = to->n_to;
	}
	set_port(x, to);
	return true;
}

struct own {
	VEC(struct span) masquerade, redirect;
};

static struct own *own_at(struct walk *w, enum family f, const char *port)
{
	void **slot = map_at(&w->own, arena_printf(w->n->b->snap->arena, "%d %s", f, port));
	if (!*slot)
		*slot = xcalloc(1, sizeof(struct own));
	return *slot;
}

/*
 * Addresses that masquerading or redirecting at a port may give: its own; where it has none,
 * those of all others (inet_select_addr() in net/ipv4/devinet.c, ipv6_dev_get_saddr()): "".
 */
static void sort_addresses(struct walk *w)
{
	const struct nf_host *h = w->n->h;
	for (size_t i = 0; h->addrs && i < h->n_addrs; i++) {
		const struct nf_addr *a = &h->addrs[i];
		enum family f = (enum family)a->family;
		struct span s = { a->addr, a->addr };
		struct own *o = own_at(w, f, a->port);
		if (a->secondary)
			continue;
		/* the first one of IPv4 */
		if (f != FAMILY_V4 || !o->redirect.n)
			*vec_add(&o->redirect) = s;
		if (a->narrow)
			continue;
		*vec_add(&o->masquerade) = s;
		*vec_add(&own_at(w, f, "")->masquerade) = s;
	}
	for (size_t i = 0; i < w->own.n; i++) {
		struct own *o = w->own.entries[i].value, keep = *o;
		o->masquerade.v = vec_keep(w->n->b->snap->arena, &keep.masquerade);
		o->redirect.v = vec_keep(w->n->b->snap->arena, &keep.redirect);
		vec_free(&keep.masquerade);
		vec_free(&keep.redirect);
	}
}

static size_t own(struct walk *w, const char *port, enum family f, bool redirect,
		  const struct span **ret)
{
	const struct own *o = own_at(w, f, port);
	if (!redirect && !o->masquerade.n)
		o = own_at(w, f, "");
	*ret = redirect ? o->redirect.v : o->masquerade.v;
	return redirect ? o->redirect.n : o->masquerade.n;
}

static bool give_own(struct walk *w, const struct nf_translation *t, const struct match *when,
		     enum family f)
{
	bool redirect = t->how == NF_NAT_REDIRECT;
	const struct nf_nat_target none = { 0 }, *to = t->n ? &t->v[0] : &none;
	if (redirect && w->out->ch->kind == HOOK_LOCAL_OUT) {
		struct span *lo = arena_alloc(w->n->b->snap->arena, sizeof(*lo));
		lo->lo = lo->hi =
			f == FAMILY_V4 ? (struct addr){ 0, 0x7f000001 } : (struct addr){ 0, 1 };
		struct nat *x = put(w, t, when, f, NAT_POOL);
		x->to = lo, x->n_to = 1;
		set_port(x, to);
		return true;
	}
	if (!w->n->h->addrs)
		return false;
	vec_each (p, &w->n->b->ports) {
		const struct span *v;
		w->lost |= ++w->steps > STEPS_MOST;
		if (p->master || w->lost) /* its packets are the bridge's */
			continue;
		const struct match *here =
			at_port(w->m, when, redirect ? FIELD_IIF : FIELD_OIF, p->name);
		if (here->kind == MATCH_NONE)
			continue;
		size_t n = own(w, p->name, f, redirect, &v);
		if (!n) /* without any address the kernel drops it */
			continue;
		struct nat *x = put(w, t, here, f, NAT_POOL);
		x->to = v, x->n_to = n;
		*(redirect ? &x->in : &x->out) = p->name;
		set_port(x, to);
	}
	return true;
}

/* The device may send packets to some of the addresses by the port. */
static bool leads(const struct walk *w, const struct nf_nat_target *to, enum family f,
		  const char *port)
{
	vec_each (x, &w->n->b->routes) {
		struct span net =
			span_prefix((enum family)x->dst.family, x->dst.addr, x->dst.len);
		if (x->dst.family != f || !x->port || strcmp(x->port, port))
			continue;
		for (size_t i = 0; i < to->n_to; i++)
			if (addr_compare(net.lo, to->to[i].hi) <= 0 &&
			    addr_compare(to->to[i].lo, net.hi) <= 0)
				return true;
	}
	return false;
}

/*
 * A bridge that shows its frames to the IP hooks: one that comes in by it and is translated to
 * an address behind the same bridge is not routed but bridged on, or lost where it came from
 * (br_nf_pre_routing_finish() in net/bridge/br_netfilter_hooks.c). A bound beside the entry.
 */
static void bridged_back(struct walk *w, const struct nf_translation *t,
			 const struct match *when)
{
	const struct nf_host *h = w->n->h;
	for (enum family f = FAMILY_V4; f < FAMILY_COUNT && h->bridges; f++) {
		if (h->bridged[f] == NF_NO || !(t->families & 1u << f))
			continue;
		vec_each (p, &w->n->b->ports) {
			bool back = false;
			if (!p->kind || strcmp(p->kind, "bridge") || ++w->steps > STEPS_MOST ||
			    at_port(w->m, when, FIELD_IIF, p->name)->kind == MATCH_NONE)
				continue;
			for (size_t i = 0; i < t->n && !back; i++)
				back = leads(w, &t->v[i], f, p->name);
			if (!back)
				continue;
			struct nat x = plain(t);
			/* a way tells the bridge, or its port */
			vec_each (q, &w->n->b->ports) {
				if (q != p && (!q->master || strcmp(q->master, p->name)))
					continue;
				x.in = q->name;
				*vec_add(&w->n->b->nats) = x;
			}
		}
	}
}

static void translate(struct walk *w, struct nf_translation *t, const struct match *when)
{
	const struct nf_nat_chain *ch = w->out->ch;
	bool ok = t->how != NF_NAT_BOUND && ch->kind != HOOK_LOCAL_IN && !t->told;
	size_t before = w->out->v.n;
	for (enum family f = FAMILY_V4; f < FAMILY_COUNT && ok; f++) {
		if (!(t->families & ch->families & 1u << f))
			continue;
		if (t->how == NF_NAT_MASQUERADE || t->how == NF_NAT_REDIRECT)
			ok = give_own(w, t, when, f);
		for (size_t i = 0;
		     i < t->n && ok && t->how != NF_NAT_MASQUERADE && t->how != NF_NAT_REDIRECT;
		     i++)
			ok = give(w, t, &t->v[i], when, f);
	}
	if (ok && ch->kind == HOOK_IN && t->how != NF_NAT_REDIRECT)
		bridged_back(w, t, when);
	if (ok)
		return;
	w->out->v.n = before;
	nf_nat_bound(w->n->b, t);
}

/* Whether going through the ruleset may end a packet's search. */
static bool useful(struct walk *w, const struct ruleset *rs, unsigned depth)
{
	void **slot = map_atn(&w->useful, (const char *)&rs->id, sizeof(rs->id));
	if (*slot || depth > DEPTH_MOST)
		return *slot != (void *)1;
	*slot = (void *)1; /* a circle */
	bool is = false;
	for (uint32_t i = 0; i < rs->n && !is; i++) {
		const struct rule *x = &rs->rules[i];
		if (x->verdict == VERDICT_JUMP || x->verdict == VERDICT_GOTO)
			is = useful(w, x->target, depth + 1);
		else
			is = !(x->flags & RULE_IMPLICIT) && x->verdict != VERDICT_CONTINUE &&
			     x->verdict != VERDICT_RETURN;
	}
	*map_atn(&w->useful, (const char *)&rs->id, sizeof(rs->id)) = (void *)(is ? 2L : 1L);
	return is;
}

static void walk(struct walk *w, const struct ruleset *rs, const struct match *reach,
		 unsigned depth)
{
	struct matches *m = w->m;
	const char *f = "what a rule did to it";
	if (depth > DEPTH_MOST) {
		w->lost = true;
		return;
	}
	for (uint32_t i = 0; i < rs->n && !w->lost && reach->kind != MATCH_NONE; i++) {
		const struct rule *x = &rs->rules[i];
		if (x->flags & (RULE_IMPLICIT | RULE_INACTIVE))
			continue;
		const struct match *when = match_and(m, reach, x->match);
		struct nf_translation *t =
			map_getn(&w->n->by_rule, (const char *)&x->id, sizeof(x->id));
		w->lost = ++w->steps > STEPS_MOST;
		if (when->kind == MATCH_NONE)
			continue;
		if (t) {
			translate(w, t, when);
			continue;
		}
		switch ((enum verdict)x->verdict) {
		case VERDICT_PERMIT:
		case VERDICT_DENY:
			*vec_add(&w->out->v) = (struct entry){
				.nat = { .at = x->at,
					 .text = "no translation",
					 .touches = match_none(m),
					 .takes = match_none(m),
					 .kind = NAT_KEEP,
					 .match = when },
				.families = (uint8_t)w->out->ch->families,
			};
			break;
		case VERDICT_RETURN:
			reach = match_and(m, reach, match_not(m, x->match));
			break;
		case VERDICT_JUMP:
			if (useful(w, x->target, depth))
				walk(w, x->target, when, depth + 1);
			break;
		case VERDICT_GOTO:
			if (useful(w, x->target, depth))
				walk(w, x->target, when, depth + 1);
			reach = match_and(m, reach, match_not(m, x->match));
			break;
		case VERDICT_UNKNOWN:
			reach = match_and(m, reach,
					  match_or(m, match_not(m, x->match),
						   match_unknown(m, x->at, "%s", f)));
			break;
		case VERDICT_CONTINUE:
			break;
		}
	}
}

/* All translations of the ruleset and those it calls are bounds. */
static void bound_all(struct walk *w, const struct ruleset *base)
{
	VEC(const struct ruleset *) open = { 0 };
	struct map seen = { 0 };
	*vec_add(&open) = base;
	while (open.n) {
		const struct ruleset *rs = open.v[--open.n];
		void **slot = map_atn(&seen, (const char *)&rs->id, sizeof(rs->id));
		if (*slot)
			continue;
		*slot = &seen;
		for (uint32_t i = 0; i < rs->n; i++) {
			const struct rule *x = &rs->rules[i];
			struct nf_translation *t =
				map_getn(&w->n->by_rule, (const char *)&x->id, sizeof(x->id));
			if (t)
				nf_nat_bound(w->n->b, t);
			if (x->target)
				*vec_add(&open) = x->target;
		}
	}
	vec_free(&open);
	map_finish(&seen);
}

/* A chain of another kind at the very priority of translation: which comes first isn't known.
 */
static bool beside(const struct nf_nats *n, const struct nf_nat_chain *ch, int order)
{
	if (n->chains.n > CHAINS_MOST)
		return true;
	vec_each (h, &n->b->hooks) {
		bool nat = false;
		if (h->kind != ch->kind || h->order != order || h->layer != LAYER_IP ||
		    h->ruleset->incidental)
			continue;
		vec_each (c, &n->chains)
			nat |= c->ruleset == h->ruleset;
		if (!nat)
			return true;
	}
	return false;
}

/* Another chain that translates, and may come before or behind. */
static bool tied(const struct list *v, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++)
		if (k != i && v[k].v.n && v[k].ch->kind == v[i].ch->kind &&
		    v[k].ch->families & v[i].ch->families &&
		    v[k].ch->priority == v[i].ch->priority)
			return true;
	return false;
}

/* A chain of the hook behind it translates. */
static bool followed(const struct list *v, size_t n, size_t i)
{
	for (size_t k = i + 1; k < n; k++)
		if (v[k].v.n && v[k].ch->kind == v[i].ch->kind &&
		    v[k].ch->families & v[i].ch->families)
			return true;
	return false;
}

/* Puts one chain's list to the device's. */
static void add(struct walk *w, const struct list *l, bool tie, bool behind)
{
	struct matches *m = w->m;
	const struct match *kept = match_none(m), *place = match_all(m);
	enum hook_kind kind = l->ch->kind;
	/* what comes in, and what the host itself sends, meet other chains */
	const struct match *own = match_iface(m, FIELD_IIF, "", false);
	if (kind == HOOK_LOCAL_OUT)
		place = own;
	else if (kind == HOOK_IN)
		place = match_not(m, own);
	if (tie)
		place = match_and(
			m, place,
			match_unknown(m, LOC_NONE, "another nat chain may come first"));
	vec_each (e, &l->v) {
		struct nat x = e->nat;
		bool source = kind == HOOK_OUT;
		x.rewrites = source ? NAT_SOURCE : NAT_DESTINATION;
		x.order = (source ? NAT_SRC : NAT_DST) + 1;
		if (x.kind == NAT_KEEP && (behind || tie)) {
			/* it ends this chain alone */
			kept = match_or(m, kept, x.match);
			continue;
		}
		x.match = match_and(m, match_and(m, x.match, match_not(m, kept)), place);
		if (x.match->kind != MATCH_NONE)
			*vec_add(&w->n->b->nats) = x;
	}
}

static int by_priority(const void *x, const void *y)
{
	const struct nf_nat_chain *a = x, *b = y;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return a->ruleset->id < b->ruleset->id ? -1 : a->ruleset->id > b->ruleset->id;
}

void nf_nats_build(struct nf_nats *n)
{
	struct walk w = { .n = n, .m = &n->b->snap->matches };
	struct list *lists = xcalloc(n->chains.n + 1, sizeof(*lists));
	sort_addresses(&w);
	if (n->chains.n)
		qsort(n->chains.v, n->chains.n, sizeof(*n->chains.v), by_priority);
	for (size_t i = 0; i < n->chains.n; i++) {
		struct list *l = &lists[i];
		const struct nf_nat_chain *ch = &n->chains.v[i];
		bool source = ch->kind == HOOK_OUT || ch->kind == HOOK_LOCAL_IN;
		l->ch = ch;
		w.out = l;
		w.lost = beside(n, ch, source ? NAT_SRC : NAT_DST);
		if (!w.lost)
			walk(&w, ch->ruleset, ch->reach, 0);
		if (w.lost) {
			l->v.n = 0;
			bound_all(&w, ch->ruleset);
		}
		/* what isn't translated behind the last translation needs no word */
		while (l->v.n && l->v.v[l->v.n - 1].nat.kind == NAT_KEEP)
			l->v.n--;
	}
	for (size_t i = 0; i < n->chains.n && n->chains.n <= CHAINS_MOST; i++)
		add(&w, &lists[i], tied(lists, n->chains.n, i),
		    followed(lists, n->chains.n, i));
	for (size_t i = 0; i < n->chains.n; i++)
		vec_free(&lists[i].v);
	free(lists);
	for (size_t i = 0; i < w.own.n; i++)
		free(w.own.entries[i].value);
	map_finish(&w.own);
	map_finish(&w.useful);
	map_finish(&n->by_rule);
	vec_free(&n->chains);
}
