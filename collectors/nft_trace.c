/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What earlier rules did to a packet: the mark it has, and whether it was taken out of
 * connection tracking. Where some rule does either, the base chains are walked in the order of
 * their hooks, once for the way through the host, to it and from it, up to
 * where the ways meet again. Along a way the packets
 * that get to a rule are a condition; a rule that sets the mark moves those that meet it to a
 * piece of the packets with one value. What a rule finds is kept with it, and a chain that is
 * reached with different marks on different ways knows none. Conditions that aren't exact keep
 * all that sound; what grows too large is given up.
 *
 * A packet comes from the wire with no mark (skb_scrub_packet(), alloc_skb()); one that the
 * host sends has what its program set.
 */
#include "collectors/nft_internal.h"

#include <string.h>

enum { PIECES = 48, VISITS = 3000, EFFECTS = 512, DEPTH = 16 };

struct nft_piece {
	const struct match *cond;
	uint32_t known, value; /* bits that are known, and what they are */
};

struct nft_marks {
	const struct nft_piece *v; /* conditions exclude each other */
	size_t n;
	struct nft_piece rest; /* of all other packets; cond NULL */
	const struct match *untracked;
	uint32_t version;
};

struct walk {
	struct nft *n;
	const struct nft_chain *base; /* the chain of the hook that is being walked */
	unsigned hook;
	struct nft_marks now;
	uint32_t versions;
	struct map changers; /* chains with a rule that changes something, by address */
	size_t visits, effects;
	bool lost;
};

static const struct nft_marks differ; /* its address says that ways disagree */

static const struct match *in_none(struct matches *m, const struct nft_marks *k)
{
	const struct match *any = match_none(m);
	for (size_t i = 0; i < k->n; i++)
		any = match_or(m, any, k->v[i].cond);
	return match_not(m, any);
}

static void put(struct matches *m, struct nft_piece *v, size_t *n, struct nft_piece x)
{
	if (x.cond->kind == MATCH_NONE)
		return;
	for (size_t i = 0; i < *n; i++)
		if (v[i].known == x.known && v[i].value == x.value) {
			v[i].cond = match_or(m, v[i].cond, x.cond);
			return;
		}
	v[(*n)++] = x;
}

/* mark' = (mark & keep) ^ flip, for the packets `when`; any: nobody knows to what. */
static void set_mark(struct walk *w, const struct match *when, uint32_t keep, uint32_t flip,
		     bool any)
{
	struct matches *m = w->n->m;
	struct nft_marks *k = &w->now;
	struct nft_piece v[2 * PIECES + 2];
	size_t n = 0;
	if (when->kind == MATCH_NONE)
		return;
	if (k->n >= PIECES || ++w->effects > EFFECTS) {
		w->lost = true;
		return;
	}
	const struct match *out = match_not(m, when);
	for (size_t i = 0; i <= k->n; i++) {
		struct nft_piece in = i < k->n ? k->v[i] : k->rest;
		if (i < k->n) {
			struct nft_piece stay = in;
			stay.cond = match_and(m, stay.cond, out);
			put(m, v, &n, stay);
		} else {
			in.cond = in_none(m, k);
		}
		in.cond = match_and(m, in.cond, when);
		in.value = (in.value & keep) ^ flip;
		in.known = any ? 0 : in.known | ~keep;
		in.value &= in.known;
		put(m, v, &n, in);
	}
	if (n > PIECES) {
		w->lost = true;
		return;
	}
	k->v = arena_copy(w->n->arena, v, n * sizeof(*v));
	k->n = n;
	k->version = ++w->versions;
}

/* A constant, or the mark itself under operations with constants. */
static bool linear(const json_t *v, int depth, uint32_t *keep, uint32_t *flip)
{
	static const char *const ops[] = { "&", "|", "^" };
	if (json_is_integer(v)) {
		*keep = 0;
		*flip = (uint32_t)json_integer_value(v);
		return json_integer_value(v) >= 0 && json_integer_value(v) <= UINT32_MAX;
	}
	const char *key = nft_str(json_object_get(v, "meta"), "key");
	if (key) {
		*keep = UINT32_MAX;
		*flip = 0;
		return !strcmp(key, "mark") && json_object_size(v) == 1;
	}
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops) && depth < 16; i++) {
		const json_t *args = json_object_get(v, ops[i]);
		if (json_array_size(args) < 2 || json_object_size(v) != 1)
			continue;
		if (!linear(json_array_get(args, 0), depth + 1, keep, flip))
			return false;
		for (size_t k = 1; k < json_array_size(args); k++) {
			const json_t *c = json_array_get(args, k);
			uint32_t x = (uint32_t)json_integer_value(c);
			if (!json_is_integer(c) || json_integer_value(c) < 0 ||
			    json_integer_value(c) > UINT32_MAX)
				return false;
			if (i == 0)
				*keep &= x, *flip &= x;
			else if (i == 1)
				*keep &= ~x, *flip |= x;
			else
				*flip ^= x;
		}
		return true;
	}
	return false;
}

/* {"mangle": {"key": {"meta": {"key": "mark"}}, "value": v}} */
static const json_t *mark_value(const json_t *stmt)
{
	const json_t *v = json_object_get(stmt, "mangle");
	const char *key = nft_str(json_object_get(json_object_get(v, "key"), "meta"), "key");
	return key && !strcmp(key, "mark") ? json_object_get(v, "value") : NULL;
}

static void untrack(struct walk *w, const struct match *when)
{
	enum { TRACKING = -200 }; /* NF_IP_PRI_CONNTRACK */
	struct matches *m = w->n->m;
	const struct match *maybe = match_unknown(m, LOC_NONE, "packets taken out of tracking");
	if (w->base->prio > TRACKING) {
		/* one that is tracked stays so; an invalid one has no connection */
		when = match_and(m, when, match_value(m, FIELD_STATE, STATE_INVALID));
	} else if (w->base->prio == TRACKING) {
		when = match_and(m, when, maybe);
	} else if (w->hook == REACH_IN) {
		/* what the host sent to itself is tracked before it comes in again */
		const struct match *lo = match_iface(m, FIELD_IIF, "lo", false);
		when = match_and(m, when, match_or(m, match_not(m, lo), maybe));
	}
	if (when->kind == MATCH_NONE)
		return;
	w->now.untracked = match_or(m, w->now.untracked, when);
	w->now.version = ++w->versions;
}

static const struct match *walk_chain(struct walk *w, struct nft_chain *ch,
				      const struct match *reach, int depth);

/* Packets that `is` leads somewhere: what is left in the chain, and what leaves to its caller.
 */
static void go(struct walk *w, const struct nft_verdict *to, const struct match *is, int depth,
	       const struct match **stay, const struct match **falls)
{
	struct matches *m = w->n->m;
	const struct match *back = match_none(m);
	const struct nft_chain *target =
		to->target ? map_get(&w->n->chains, to->target->name) : NULL;
	switch (to->verdict) {
	case VERDICT_CONTINUE:
		*stay = match_or(m, *stay, is);
		break;
	case VERDICT_RETURN:
		*falls = match_or(m, *falls, is);
		break;
	case VERDICT_JUMP:
	case VERDICT_GOTO:
		if (target)
			back = walk_chain(w, (struct nft_chain *)target, is, depth + 1);
		else
			w->lost = true;
		if (to->verdict == VERDICT_JUMP)
			*stay = match_or(m, *stay, back);
		else
			*falls = match_or(m, *falls, back);
		break;
	case VERDICT_UNKNOWN:
		*stay = match_or(m, *stay,
				 match_and(m, is, match_unknown(m, LOC_NONE, "its fate")));
		break;
	default: /* decided: no later rule of this hook's chain sees it */
		break;
	}
}

static bool is_one(const char *name, const char *const *list)
{
	while (*list && strcmp(*list, name))
		list++;
	return *list != NULL;
}

/* One rule: packets of `reach` that are left behind it. */
static const struct match *walk_rule(struct walk *w, struct nft_chain *ch, const json_t *rule,
				     const struct match *reach, int depth,
				     const struct match **falls)
{
	static const char *const silent[] = { "counter", "log",	    "last",
					      "mangle",	 "notrack", NULL };
	static const char *const ends[] = { "reject",	  "dnat",     "snat",
					    "masquerade", "redirect", NULL };
	static const char *const fates[] = { "queue", "synproxy", "tproxy", "fwd", NULL };
	struct matches *m = w->n->m;
	struct nft_rule r;
	const struct match *cond = match_all(m), *stay = match_none(m);
	const json_t *list = json_object_get(rule, "expr");
	nft_rule_start(&r, w->n, ch, rule);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *stmt = json_array_get(list, i), *v = NULL, *value;
		const char *name = nft_only_member(stmt, &v);
		struct nft_keys k;
		struct nft_verdict to = { VERDICT_UNKNOWN, NULL, NULL };
		uint32_t keep = 0, flip = 0;
		const char *why;
		r.marks = w->lost ? NULL : arena_copy(w->n->arena, &w->now, sizeof(w->now));
		if (!name || json_is_string(stmt)) {
			cond = match_and(m, cond, nft_doubt(&r, "a statement in words"));
		} else if (!strcmp(name, "match")) {
			cond = match_and(m, cond, nft_match(&r, v, &k));
		} else if ((value = mark_value(stmt))) {
			bool known = linear(value, 0, &keep, &flip);
			set_mark(w, match_and(m, reach, cond), keep, flip, !known);
			if (!known) /* reading the value may end the rule */
				cond = match_and(m, cond,
						 nft_doubt(&r, "a value that may be missing"));
		} else if (!strcmp(name, "notrack")) {
			untrack(w, match_and(m, reach, cond));
		} else if (!strcmp(name, "mangle") &&
			   !json_object_get(json_object_get(v, "key"), "meta")) {
			cond = match_and(m, cond, nft_doubt(&r, "a field that may be missing"));
		} else if (is_one(name, silent)) {
			continue;
		} else if (!strcmp(name, "vmap")) {
			const struct nft_vmap *map = nft_vmap(&r, v, &k, &why);
			const struct match *all = match_and(m, reach, cond),
					   *on = match_none(m);
			for (size_t j = 0; map && j < map->n; j++) {
				const struct match *is = match_and(m, all, map->v[j].is);
				if (map->v[j].to.verdict == VERDICT_CONTINUE)
					on = match_or(m, on, map->v[j].is);
				else
					go(w, &map->v[j].to, is, depth, &stay, falls);
				reach = match_and(
					m, reach,
					match_not(m, match_and(m, cond, map->v[j].is)));
			}
			if (!map)
				w->lost = true;
			/* those that go on are back in the rule */
			reach = match_or(m, reach, match_and(m, all, on));
			cond = match_and(m, cond, on);
		} else if (nft_verdict(&r, name, v, &to) || is_one(name, ends) ||
			   is_one(name, fates)) {
			if (is_one(name, ends))
				to = (struct nft_verdict){ VERDICT_DENY, NULL, NULL };
			if (to.verdict == VERDICT_CONTINUE)
				continue;
			go(w, &to, match_and(m, reach, cond), depth, &stay, falls);
			reach = match_and(m, reach, match_not(m, cond));
			break;
		} else {
			cond = match_and(m, cond,
					 nft_doubt(&r, "a statement that may end the rule"));
		}
	}
	return match_or(m, reach, stay);
}

static void note(struct walk *w, const json_t *rule)
{
	void **at = map_atn(&w->n->at_rule, (const char *)&rule, sizeof(rule));
	const struct nft_marks *k = *at;
	if (!k)
		*at = arena_copy(w->n->arena, &w->now, sizeof(w->now));
	else if (k->version != w->now.version)
		*at = (void *)&differ;
}

/* The packets that come back to who called the chain. */
static const struct match *walk_chain(struct walk *w, struct nft_chain *ch,
				      const struct match *reach, int depth)
{
	struct matches *m = w->n->m;
	const struct match *falls = match_none(m);
	w->lost |= depth > DEPTH;
	for (size_t i = 0; i < ch->rules.n && !w->lost; i++) {
		w->lost |= ++w->visits > VISITS;
		note(w, ch->rules.v[i]);
		reach = walk_rule(w, ch, ch->rules.v[i], reach, depth, &falls);
	}
	return match_or(m, reach, falls);
}

/* A chain that changes nothing, and those it calls: all their rules find the same. */
static void note_all(struct walk *w, struct nft_chain *base)
{
	VEC(struct nft_chain *) open = { 0 };
	struct map seen = { 0 };
	*vec_add(&open) = base;
	while (open.n) {
		struct nft_chain *ch = open.v[--open.n];
		void **slot = map_atn(&seen, (const char *)&ch, sizeof(ch));
		if (*slot)
			continue;
		*slot = ch;
		vec_each (rule, &ch->rules)
			note(w, *rule);
		vec_each (call, &ch->calls)
			*vec_add(&open) = call->to;
	}
	vec_free(&open);
	map_finish(&seen);
}

/* Packets that get to the first rule of a base chain. */
static const struct match *to_chain(struct nft *n, const struct nft_chain *ch)
{
	struct matches *m = n->m;
	const struct nft_table *t = ch->table;
	const struct match *ret = match_all(m);
	if (t->family == NFT_IP || t->family == NFT_IP6)
		ret = match_family(m, t->family == NFT_IP ? FAMILY_V4 : FAMILY_V6);
	if (t->doubt)
		ret = match_and(m, ret, match_unknown(m, LOC_NONE, "%s", t->doubt));
	if (ch->nat) {
		const struct match *maybe =
			match_unknown(m, LOC_NONE, "a nat chain may be passed by");
		struct range first[] = { { STATE_NEW, STATE_NEW },
					 { STATE_RELATED, STATE_RELATED } };
		ret = match_and(m, ret, match_ranges(m, FIELD_STATE, first, 2));
		ret = match_and(m, ret, maybe);
	}
	return ret;
}

/* Whether rules of the chain, or of one that it calls, change anything. */
static bool changes(struct walk *w, struct nft_chain *base)
{
	VEC(struct nft_chain *) open = { 0 };
	struct map seen = { 0 };
	bool ret = false;
	*vec_add(&open) = base;
	while (open.n && !ret) {
		struct nft_chain *ch = open.v[--open.n];
		void **slot = map_atn(&seen, (const char *)&ch, sizeof(ch));
		if (*slot)
			continue;
		*slot = ch;
		ret = map_getn(&w->changers, (const char *)&ch, sizeof(ch)) != NULL;
		vec_each (call, &ch->calls)
			*vec_add(&open) = call->to;
	}
	vec_free(&open);
	map_finish(&seen);
	return ret;
}

/* The base chains of a hook, by priority; at one priority nobody knows which comes first. */
static void walk_hook(struct walk *w, unsigned hook)
{
	struct nft *n = w->n;
	VEC(struct nft_chain *) chains = { 0 };
	w->hook = hook;
	vec_each (ch, &n->order)
		if ((*ch)->base && (*ch)->hook && !(*ch)->table->dormant &&
		    !((*ch)->own_reach & REACH_FRAME) && (*ch)->own_reach & hook)
			*vec_add(&chains) = *ch;
	for (size_t i = 1; i < chains.n; i++)
		for (size_t k = i; k && chains.v[k]->prio < chains.v[k - 1]->prio; k--) {
			struct nft_chain *x = chains.v[k];
			chains.v[k] = chains.v[k - 1];
			chains.v[k - 1] = x;
		}
	for (size_t i = 0; i < chains.n && !w->lost; i++) {
		struct nft_chain *ch = chains.v[i];
		bool tie = (i && chains.v[i - 1]->prio == ch->prio) ||
			   (i + 1 < chains.n && chains.v[i + 1]->prio == ch->prio);
		w->base = ch;
		if (!changes(w, ch)) {
			note_all(w, ch);
			continue;
		}
		w->lost |= tie;
		walk_chain(w, ch, to_chain(n, ch), 0);
	}
	vec_free(&chains);
}

/* What rules do somewhere in the file. */
static void look(struct walk *w, bool *ret_marks)
{
	vec_each (ch, &w->n->order) {
		if ((*ch)->table->dormant)
			continue;
		vec_each (rule, &(*ch)->rules) {
			const json_t *list = json_object_get(*rule, "expr");
			for (size_t i = 0; i < json_array_size(list); i++) {
				const json_t *stmt = json_array_get(list, i);
				const char *s = json_string_value(stmt);
				bool mark = mark_value(stmt);
				*ret_marks |= mark;
				if (mark || json_object_get(stmt, "notrack"))
					*map_atn(&w->changers, (const char *)ch, sizeof(*ch)) =
						*ch;
				w->lost |= json_object_get(stmt, "xt") ||
					   (s && strstr(s, "mark")) ||
					   (mark && (*ch)->reach & REACH_FRAME);
			}
		}
	}
}

/* Chains that a hook reaches, which was not walked, know nothing. */
static void unmark(struct walk *w, unsigned hook)
{
	vec_each (ch, &w->n->order) {
		if (!((*ch)->reach & (hook | REACH_FRAME)))
			continue;
		vec_each (rule, &(*ch)->rules)
			*map_atn(&w->n->at_rule, (const char *)rule, sizeof(*rule)) =
				(void *)&differ;
	}
}

/* How packets look that rules have translated before routing, and what the host sends; NULL: none. */
static const struct match *translated(struct nft *n)
{
	const struct match *ret = NULL;
	vec_each (ch, &n->order) {
		unsigned reach = (*ch)->reach;
		if ((*ch)->table->dormant || !(reach & (REACH_IN | REACH_LOCAL_OUT)))
			continue;
		vec_each (rule, &(*ch)->rules) {
			const json_t *list = json_object_get(*rule, "expr");
			struct nft_rule r;
			nft_rule_start(&r, n, *ch, *rule);
			for (size_t i = 0; i < json_array_size(list); i++) {
				const json_t *v = NULL;
				const char *name = nft_only_member(json_array_get(list, i), &v);
				const struct match *looks = name ? nft_looks(&r, name, v) : NULL;
				if (looks)
					ret = ret ? match_or(n->m, ret, looks) : looks;
			}
		}
	}
	if (n->host->nat_doubt)
		ret = match_all(n->m);
	return ret;
}

/* Behind translation, packets that look like its results may have looked otherwise before. */
static void doubt(struct walk *w, const struct match *looks)
{
	struct matches *m = w->n->m;
	struct nft_marks *k = &w->now;
	if (!looks || (!k->n && k->untracked->kind == MATCH_NONE))
		return; /* all packets are alike */
	struct nft_piece *v = arena_array(w->n->arena, k->n + 1, sizeof(*v));
	struct nft_piece agreed = k->rest;
	const struct match *others = match_not(m, looks);
	for (size_t i = 0; i < k->n; i++) {
		v[i] = k->v[i];
		v[i].cond = match_and(m, v[i].cond, others);
		agreed.known &= v[i].known & ~(v[i].value ^ agreed.value);
	}
	agreed.value &= agreed.known;
	agreed.cond = looks;
	v[k->n] = agreed;
	k->untracked = match_and(
		m, k->untracked,
		match_or(m, others,
			 match_unknown(m, LOC_NONE, "packets taken out of tracking")));
	k->v = v;
	k->n++;
	k->version = ++w->versions;
}

/* What routing asks of marks. */
static void tell_marks(struct walk *w, bool sets)
{
	struct nft *n = w->n;
	for (size_t i = 0; i < n->host->n_marks && sets; i++) {
		struct nf_mark *x = &n->host->marks[i];
		struct nft_marks now = w->now;
		struct nft_key k = { .marks = &now, .n_ops = 1 };
		struct nft_rule r = { .n = n };
		struct span s = { { 0, x->value & x->mask }, { 0, x->value & x->mask } };
		const struct nft_spans v = { &s, 1, 1 };
		k.ops[0].op = '&';
		k.ops[0].number = x->mask;
		x->is = w->lost ? match_unknown(n->m, LOC_NONE, "the packet's mark")
				: nft_mark_in(&r, &k, &v, false);
	}
}

void nft_trace(struct nft *n)
{
	struct walk w = { .n = n };
	bool marks = false;
	look(&w, &marks);
	/* a file that sets no marks and asks for them has others set them */
	bool zero = (marks || n->facts) && !n->host->mark_doubt;
	struct nft_marks from_wire = { .rest = { .known = zero ? UINT32_MAX : 0 },
				       .untracked = match_none(n->m),
				       .version = ++w.versions };
	struct nft_marks from_host = { .untracked = match_none(n->m), .version = ++w.versions };
	struct nft_piece unwrapped = { .cond = n->host->unwrapped };
	if (zero && unwrapped.cond) {
		from_wire.v = arena_copy(n->arena, &unwrapped, sizeof(unwrapped));
		from_wire.n = 1;
	}
	if (w.changers.n && !w.lost) {
		const struct match *looks = translated(n);
		w.now = from_wire;
		walk_hook(&w, REACH_IN);
		doubt(&w, looks);
		tell_marks(&w, marks);
		struct nft_marks in = w.now;
		walk_hook(&w, REACH_FORWARD);
		w.now = in;
		walk_hook(&w, REACH_LOCAL_IN);
		w.now = from_host;
		walk_hook(&w, REACH_LOCAL_OUT);
		/* behind routing both ways meet, and rules there know nothing */
		unmark(&w, REACH_OUT);
	}
	if (w.lost) {
		tell_marks(&w, marks);
		map_finish(&n->at_rule);
		n->at_rule = (struct map){ 0 };
	}
	map_finish(&w.changers);
}

const struct nft_marks *nft_marks_at(const struct nft *n, const json_t *rule)
{
	const struct nft_marks *k =
		n->at_rule.n ? map_getn(&n->at_rule, (const char *)&rule, sizeof(rule)) : NULL;
	return k == &differ ? NULL : k;
}

const struct match *nft_marks_untracked(const struct nft_marks *k)
{
	return k->untracked;
}

uint32_t nft_marks_version(const struct nft_marks *k)
{
	return k->version;
}

const struct match *nft_mark_in(struct nft_rule *r, const struct nft_key *k,
				const struct nft_spans *v, bool negate)
{
	struct matches *m = r->n->m;
	const struct nft_marks *marks = k->marks;
	const struct match *ret = match_none(m);
	for (size_t i = 0; i <= marks->n; i++) {
		struct nft_piece x = i < marks->n ? marks->v[i] : marks->rest;
		const struct match *cond = i < marks->n ? x.cond : in_none(m, marks);
		for (unsigned op = 0; op < k->n_ops; op++) {
			uint32_t y = (uint32_t)k->ops[op].number;
			if (k->ops[op].op == '&')
				x.value &= y, x.known |= ~y;
			else if (k->ops[op].op == '|')
				x.value |= y, x.known |= y;
			else
				x.value ^= y;
		}
		if (x.known != UINT32_MAX)
			cond = match_and(m, cond, nft_doubt(r, "a mark that is not known"));
		else if (nft_spans_have(v, x.value) == negate)
			continue;
		ret = match_or(m, ret, cond);
	}
	return ret;
}
