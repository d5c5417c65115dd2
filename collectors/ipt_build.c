/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From chains to rulesets, along the ways that packets take through the hooks:
 *
 *	PREROUTING  raw, mangle, nat  then  INPUT    mangle, filter, security, nat
 *	                              or    FORWARD  mangle, filter, security
 *	OUTPUT      raw, mangle, nat, filter, security
 *	POSTROUTING mangle, nat       behind FORWARD and OUTPUT
 *
 * The marks go along (ipt_mark.c). A chain whose answer depends on them is made once for each
 * way to it on which they differ; the copies are glue. To know which packets get to a rule that
 * sets a mark, `reach` is kept while walking (ipt_reach.c): without those that the chain
 * accepted before, or that returned. Those that were dropped don't matter any more, with which
 * mark ever.
 */
#include "collectors/ipt_internal.h"
#include "collectors/netfilter_nat.h"

#include <string.h>

enum { COPIES_MOST = 400000, STEPS_MOST = 4000000 };

struct build {
	struct ipt_reader *r;
	uint32_t versions;
	size_t copied, steps;
};

struct walk {
	struct build *b;
	struct ipt_reader *r;
	struct ipt_listing *l;
	enum ipt_hook hook;
	bool early;  /* before connection tracking */
	bool follow; /* something on the way changes marks or tracking */
	struct ipt_marks *k;
};

struct rules {
	struct rule *v;
	size_t n, cap;
	VEC(struct nf_translation *) translations; /* beside each rule; NULL: none */
};

/* Rules of ours and copies of the reader's: each with what it translates. */
static struct rule *add(struct rules *out, struct nf_translation *t)
{
	*vec_add(&out->translations) = t;
	return vec_add(out);
}

/* Gives the rules to the ruleset and says which of them translate; frees what out holds. */
static void keep(struct ipt_reader *r, struct ruleset *rs, struct rules *out)
{
	if (rs) {
		device_build_rules(r->b, rs, out->v, out->n);
		for (size_t i = 0; i < out->n; i++)
			if (out->translations.v[i])
				nf_nat_rule(r->nats, &rs->rules[i], out->translations.v[i]);
	}
	vec_free(&out->translations);
	vec_free(out);
}

/* Fields of the place that the hook doesn't have are empty there, wherever it is asked later.
 */
static const struct match *settle(struct walk *w, const struct match *m)
{
	struct matches *ms = w->r->m;
	if (!m->placed && !m->linked)
		return m;
	if (m->kind == MATCH_IFACE) {
		bool in = m->field == FIELD_IIF || m->field == FIELD_PHYSIN ||
			  m->field == FIELD_MAC;
		bool none = in ? w->hook == OUTPUT : w->hook == PREROUTING || w->hook == INPUT;
		if (!none)
			return m;
		return *m->iface.name ? match_none(ms) : match_all(ms);
	}
	if (m->kind == MATCH_NOT)
		return match_not(ms, settle(w, m->kids[0]));
	const struct match **v = xreallocarray(NULL, m->n + 1, sizeof(*v));
	for (uint32_t i = 0; i < m->n; i++)
		v[i] = settle(w, m->kids[i]);
	const struct match *ret =
		m->kind == MATCH_AND ? match_and_n(ms, v, m->n) : match_or_n(ms, v, m->n);
	free(v);
	return ret;
}

static const struct match *condition(struct walk *w, const struct ipt_rule *rule)
{
	const struct match *m = rule->cond;
	for (size_t i = 0; i < rule->n_asks; i++)
		m = match_and(w->r->m, m, ipt_marks_ask(w->k, w->l, &rule->asks[i], w->early));
	return m;
}

static struct ruleset *new_ruleset(struct ipt_reader *r, struct ipt_chain *ch, const char *name)
{
	struct ruleset *rs = device_build_ruleset(r->b, name, "chain", ch->at);
	/* one that is called never asks for it */
	rs->dflt = ch->hook >= 0 ? ch->policy : VERDICT_PERMIT;
	rs->dflt_at = ch->policy_at;
	return rs;
}

/* The ruleset to be filled: the chain's own the first time, else a copy. */
static struct ruleset *open_ruleset(struct walk *w, struct ipt_chain *ch)
{
	struct ruleset *rs = ch->plain;
	if (ch->filled) {
		rs = new_ruleset(w->r, ch,
				 arena_printf(w->r->arena, "%s (%u)", ch->plain->name,
					      ++ch->n_copies + 1));
		rs->glue = true;
		w->b->copied += ch->rules.n;
	}
	ch->filled = true;
	return rs;
}

static void emit(struct walk *w, struct rules *out, struct ipt_rule *rule, size_t number,
		 const struct match *cond, const struct ruleset *target, bool copy)
{
	const char *why = NULL;
	bool decides = rule->verdict != VERDICT_CONTINUE;
	if (rule->verdict == VERDICT_UNKNOWN)
		why = rule->note ? rule->note : "not understood";
	else if (cond->inexact && decides)
		why = match_first_unknown(cond)->unknown.reason;
	if (why && !rule->bounded) {
		rule->bounded = true;
		rule->why = why;
	}
	*add(out, rule->translation) = (struct rule){
		.at = rule->at,
		.name = arena_printf(w->r->arena, "rule %zu", number),
		.match = cond,
		.target = target,
		.note = rule->note,
		.verdict = rule->verdict,
		.flags = (uint8_t)(copy || rule->translates ? RULE_GLUE : 0),
	};
}

static const struct ruleset *walk_chain(struct walk *w, struct ipt_chain *ch,
					const struct match *reach, unsigned depth,
					const struct rule *glue, size_t n_glue,
					const struct match **ret_accepted);

/* What the chain accepts of all packets that enter, where that doesn't depend on the way. */
static const struct match *accepted(struct walk *w, struct ipt_chain *ch, unsigned depth)
{
	struct matches *m = w->r->m;
	if (!ch->accepts)
		return match_none(m);
	if (!ch->accepted) {
		ch->accepted = match_unknown(m, LOC_NONE, "what a chain accepts");
		const struct match *acc;
		walk_chain(w, ch, match_all(m), depth, NULL, 0, &acc);
		ch->accepted = acc;
	}
	return ch->accepted;
}

/* Nothing is known of marks any more, and nobody looks after them. */
static void lose(struct walk *w)
{
	struct matches *m = w->r->m;
	w->k->n = 0;
	w->k->rest.known = w->k->rest.ct_known = 0;
	w->k->waiting.when.n = 0;
	w->k->untracked = match_unknown(m, LOC_NONE, "packets taken out of tracking");
	nf_nat_untracked(w->r->nats, w->k->untracked);
	w->k->version = 0;
	w->follow = false;
}

/* The chain's ruleset for the marks as they are, where it has been made. */
static const struct ruleset *memo(const struct ipt_chain *ch, struct ipt_marks *k)
{
	if (!ch->asks)
		return ch->filled ? ch->plain : NULL;
	uint32_t version = ipt_marks_version(k);
	for (size_t i = 0; i < ch->memo.n; i++)
		if (ch->memo.v[i].version == version)
			return ch->memo.v[i].ruleset;
	return NULL;
}

/* Calls the rule's chain; *ret_accepted: what it accepts of the packets of `reach`. */
static const struct ruleset *call(struct walk *w, struct ipt_chain *to,
				  const struct match *reach, unsigned depth,
				  const struct match **ret_accepted)
{
	struct matches *m = w->r->m;
	*ret_accepted = match_none(m);
	if (to->busy || depth >= RULESET_DEPTH) {
		if (w->follow)
			lose(w);
		return to->plain;
	}
	if (!w->follow || (!to->asks && !to->changes)) {
		const struct match *none;
		const struct ruleset *rs = memo(to, w->k);
		bool follow = w->follow;
		if (!rs) {
			w->follow = false;
			rs = walk_chain(w, to, reach, depth, NULL, 0, &none);
			w->follow = follow;
		}
		if (w->follow && to->accepts)
			*ret_accepted = ipt_reach_limited(
				w->r->m, match_and(m, reach, accepted(w, to, depth)));
		return rs;
	}
	return walk_chain(w, to, reach, depth, NULL, 0, ret_accepted);
}

static const struct ruleset *walk_chain(struct walk *w, struct ipt_chain *ch,
					const struct match *reach, unsigned depth,
					const struct rule *glue, size_t n_glue,
					const struct match **ret_accepted)
{
	struct matches *m = w->r->m;
	struct rules out = { 0 };
	const struct ruleset *known = memo(ch, w->k);
	uint32_t version = w->k->version;
	/* a chain whose marks change inside has no answer for one version alone */
	bool making = !known || (ch->asks && ch->changes && w->follow);
	const struct match *acc = match_none(m);
	struct ipt_reach here = { .base = reach };
	struct ruleset *rs = making ? open_ruleset(w, ch) : NULL;
	bool copy = rs != ch->plain;
	size_t number = 0;
	ch->busy = true;
	for (size_t i = 0; making && i < n_glue; i++)
		*add(&out, NULL) = glue[i];
	if (++w->b->steps > STEPS_MOST || w->b->copied > COPIES_MOST)
		if (w->follow)
			lose(w);
	vec_each (rule, &ch->rules) {
		const struct ruleset *target = NULL;
		const struct match *c, *in, *sub = match_none(m);
		number++;
		if (rule->other)
			continue;
		w->b->steps++;
		in = c = condition(w, rule);
		if (w->follow)
			in = ipt_reach_within(w->r->m, &here, settle(w, c), &w->b->steps);
		if (rule->to)
			target = call(w, rule->to, in, depth + 1, &sub);
		if (making)
			emit(w, &out, rule, number, c, target, copy);
		if (!w->follow)
			continue;
		if (rule->effect != EFFECT_NONE)
			ipt_marks_change(w->k, rule, in);
		const struct match *gone = match_none(m);
		switch ((enum verdict)rule->verdict) {
		case VERDICT_PERMIT:
			sub = gone = in;
			break;
		case VERDICT_UNKNOWN:
			gone = sub = match_and(
				m, in,
				match_unknown(m, LOC_NONE, "%s", rule->note ? rule->note : ""));
			break;
		case VERDICT_RETURN:
		case VERDICT_GOTO:
			gone = in;
			break;
		case VERDICT_JUMP:
			gone = sub;
			break;
		default:
			break;
		}
		acc = ipt_reach_limited(w->r->m, match_or(m, acc, sub));
		if (gone->kind != MATCH_NONE)
			ipt_reach_without(&here, gone);
	}
	ch->busy = false;
	keep(w->r, rs, &out);
	if (making) {
		known = rs;
		if (ch->asks && !ch->changes)
			*vec_add(&ch->memo) = (struct ipt_memo){ version, rs };
	}
	vec_free(&here.gone);
	*ret_accepted = acc;
	return known;
}

/* Of one family: connection tracking joins its fragments before any chain sees them. */
static bool joins(const struct walk *w)
{
	bool tracked = false;
	for (enum family f = FAMILY_V4; f < FAMILY_COUNT; f++) {
		if (w->l->families && !(w->l->families & 1u << f))
			continue;
		tracked |= w->r->h->tracked[f] == NF_YES || w->r->tracks[f];
	}
	return tracked;
}

/* How many nat tables the packets of this listing meet at one hook. */
static bool several_nats(const struct walk *w, const char *chain)
{
	size_t n = w->r->h->nat_doubt ? 1 : 0;
	vec_each (l, &w->r->listings) {
		unsigned both = (*l)->families & w->l->families;
		if ((both || !(*l)->families || !w->l->families) &&
		    map_get(&(*l)->tables[TABLE_NAT].chains, chain))
			n++;
	}
	return n > 1;
}

enum { GLUE_MOST = 8 };

/* What never gets to a base chain's rules, or may not. */
static size_t glue_of(struct walk *w, struct ipt_chain *ch, struct rule *v)
{
	struct matches *m = w->r->m;
	struct ipt_listing *l = w->l;
	size_t n = 0;
	const struct match *later = match_value(m, FIELD_FRAGMENT, 1);
	if (l->families == IPT_V4 || l->families == IPT_V6)
		v[n++] = nf_glue(match_family(m, l->families == IPT_V4 ? FAMILY_V6 : FAMILY_V4),
				 VERDICT_PERMIT, ch->at, "the table sees one family only");
	else if (!l->families)
		v[n++] = nf_glue(match_unknown(m, LOC_NONE, "which family the listing is of"),
				 VERDICT_PERMIT, ch->at, "the table sees one family only");
	if (joins(w)) {
		v[n++] = nf_glue(later, VERDICT_UNKNOWN, ch->at,
				 "connection tracking joins fragments: a later one goes as "
				 "its first");
	} else if (l->transport && l->backend != IPT_LEGACY) {
		v[n++] = nf_glue(later, VERDICT_UNKNOWN, ch->at,
				 "a later fragment: kernels differ in what they compare");
	} else if (l->transport) {
		/* xt_tcpudp.c: one that would overwrite the flags is dropped where TCP is asked
		 */
		const struct match *all[] = { later, match_value(m, FIELD_PROTO, PROTO_TCP),
					      match_unknown(m, LOC_NONE,
							    "a fragment at offset 1") };
		v[n++] = nf_glue(match_and_n(m, all, 3), VERDICT_DENY, ch->at,
				 "a fragment at offset 1 is dropped");
	}
	if (ch->table->id != TABLE_NAT)
		return n;
	struct range later_ones[] = { { STATE_ESTABLISHED, STATE_ESTABLISHED },
				      { STATE_INVALID, STATE_UNTRACKED } };
	static const char first[] = "a nat chain sees first packets only";
	v[n++] = nf_glue(
		match_or(m, match_ranges(m, FIELD_STATE, later_ones, 2), w->k->untracked),
		VERDICT_PERMIT, ch->at, first);
	v[n++] = nf_glue(match_and(m, match_value(m, FIELD_STATE, STATE_RELATED),
				   match_unknown(m, LOC_NONE, "nat of related packets")),
			 VERDICT_PERMIT, ch->at, first);
	if (several_nats(w, ch->name))
		v[n++] = nf_glue(match_unknown(m, LOC_NONE, "another nat chain may come first"),
				 VERDICT_PERMIT, ch->at,
				 "once translated, nat chains are passed by");
	return n;
}

/* Which packets get to a base chain's first rule. */
static const struct match *reach_of(struct walk *w, struct ipt_chain *ch)
{
	struct matches *m = w->r->m;
	if (ch->table->id != TABLE_NAT)
		return match_all(m);
	const struct match *in =
		match_or(m, match_value(m, FIELD_STATE, STATE_NEW),
			 match_and(m, match_value(m, FIELD_STATE, STATE_RELATED),
				   match_unknown(m, LOC_NONE, "nat of related packets")));
	in = match_and(m, in, match_not(m, w->k->untracked));
	if (several_nats(w, ch->name))
		in = match_and(m, in,
			       match_unknown(m, LOC_NONE, "another nat chain may come first"));
	return in;
}

/* First packets that are seen by the listing's nat chains, as far as it tells alone. */
static const struct match *nat_reach(struct walk *w)
{
	struct matches *m = w->r->m;
	const struct match *in = match_not(m, w->k->untracked);
	if (w->l->families == IPT_V4 || w->l->families == IPT_V6)
		in = match_and(
			m, in,
			match_family(m, w->l->families == IPT_V4 ? FAMILY_V4 : FAMILY_V6));
	return in;
}

static void base_chain(struct walk *w, enum ipt_table_id table)
{
	static const struct {
		const char *name;
		enum hook_kind kind;
	} hooks[IPT_HOOKS] = { [PREROUTING] = { "PREROUTING", HOOK_IN },
			       [INPUT] = { "INPUT", HOOK_LOCAL_IN },
			       [FORWARD] = { "FORWARD", HOOK_FORWARD },
			       [OUTPUT] = { "OUTPUT", HOOK_LOCAL_OUT },
			       [POSTROUTING] = { "POSTROUTING", HOOK_OUT } };
	struct ipt_chain *ch = map_get(&w->l->tables[table].chains, hooks[w->hook].name);
	struct rule glue[GLUE_MOST];
	const struct match *acc;
	if (!ch || ch->hook != (int)w->hook)
		return;
	w->early = table == TABLE_RAW;
	w->follow = ch->changes;
	const struct match *reach = nat_reach(w);
	size_t n = glue_of(w, ch, glue);
	walk_chain(w, ch, reach_of(w, ch), 0, glue, n, &acc);
	ch->plain->stateful = w->k->untracked->kind == MATCH_NONE && nf_is_stateful(ch->plain);
	unsigned families = w->l->families ? w->l->families : IPT_V4 | IPT_V6;
	int priority = ipt_priority(table, w->hook);
	nf_bind(w->r->b, w->r->h, ch->plain, hooks[w->hook].kind, priority, families, ch->at);
	if (table == TABLE_NAT)
		nf_nat_chain(w->r->nats, &(struct nf_nat_chain){ .kind = hooks[w->hook].kind,
								 .priority = priority,
								 .families = families,
								 .ruleset = ch->plain,
								 .reach = reach });
}

/* The marks that packets have when they come in by an interface. */
static void wire_marks(struct build *b, struct ipt_listing *l, struct ipt_marks *k)
{
	struct ipt_reader *r = b->r;
	ipt_marks_init(k, r, &b->versions);
	if (!l->tests)
		return;
	if (r->h->mark_doubt || r->mark_doubt || l->alone) {
		k->rest.known = 0;
		return;
	}
	const struct match *own = match_iface(r->m, FIELD_IIF, "lo", false);
	if (r->h->unwrapped)
		own = match_or(r->m, own, r->h->unwrapped);
	ipt_marks_own(k, own);
}

/* What routing asks of marks. */
static void tell_marks(struct ipt_reader *r, struct ipt_listing *l, struct ipt_marks *k)
{
	for (size_t i = 0; i < r->h->n_marks; i++) {
		struct nf_mark *x = &r->h->marks[i];
		const struct ipt_ask ask = { ASK_MARK, false, x->value & x->mask, x->mask };
		if (l->marks && l->families & 1u << x->family)
			x->is = ipt_marks_ask(k, l, &ask, false);
	}
}

static void listing(struct build *b, struct ipt_listing *l)
{
	struct ipt_reader *r = b->r;
	struct ipt_marks pre, in, forward, out;
	struct walk w = { .b = b, .r = r, .l = l };
	const struct match *translated = match_none(r->m), *all = match_all(r->m);
	for (enum family f = FAMILY_V4; f < FAMILY_COUNT; f++)
		if ((!l->families || l->families & 1u << f) && r->translated[f])
			translated = match_or(r->m, translated, r->translated[f]);
	if (r->h->nat_doubt)
		translated = all;
	wire_marks(b, l, &pre);
	w.k = &pre, w.hook = PREROUTING;
	base_chain(&w, TABLE_RAW);
	if (l->connmarks)
		ipt_marks_connect(&pre);
	base_chain(&w, TABLE_MANGLE);
	base_chain(&w, TABLE_NAT);
	ipt_marks_doubt(&pre, translated);
	tell_marks(r, l, &pre);
	ipt_marks_copy(&in, &pre);
	ipt_marks_copy(&forward, &pre);
	if (r->redirects)
		ipt_marks_doubt(&in, all);
	w.k = &in, w.hook = INPUT;
	base_chain(&w, TABLE_MANGLE);
	base_chain(&w, TABLE_FILTER);
	base_chain(&w, TABLE_SECURITY);
	base_chain(&w, TABLE_NAT);
	/* the host's own are not forwarded; what it unwrapped may be */
	ipt_marks_own(&forward, r->h->unwrapped ? r->h->unwrapped : match_none(r->m));
	w.k = &forward, w.hook = FORWARD;
	base_chain(&w, TABLE_MANGLE);
	base_chain(&w, TABLE_FILTER);
	base_chain(&w, TABLE_SECURITY);
	/* programs mark what they send */
	ipt_marks_init(&out, r, &b->versions);
	out.rest.known = 0;
	w.k = &out, w.hook = OUTPUT;
	base_chain(&w, TABLE_RAW);
	if (l->connmarks)
		ipt_marks_connect(&out);
	base_chain(&w, TABLE_MANGLE);
	base_chain(&w, TABLE_NAT);
	ipt_marks_doubt(&out, r->redirects ? all : translated);
	base_chain(&w, TABLE_FILTER);
	base_chain(&w, TABLE_SECURITY);
	ipt_marks_join(&forward, &out, match_iface(r->m, FIELD_IIF, "", false));
	w.k = &forward, w.hook = POSTROUTING;
	base_chain(&w, TABLE_MANGLE);
	base_chain(&w, TABLE_NAT);

	/* chains that nothing calls */
	struct ipt_marks alone;
	const struct match *acc;
	wire_marks(b, l, &alone);
	w.k = &alone, w.hook = FORWARD, w.follow = false;
	for (int t = 0; t < IPT_TABLES; t++)
		vec_each (ch, &l->tables[t].order) {
			w.early = t == TABLE_RAW;
			if (!(*ch)->filled)
				walk_chain(&w, *ch, match_all(r->m), 0, NULL, 0, &acc);
		}
	ipt_marks_finish(&alone);
	ipt_marks_finish(&pre);
	ipt_marks_finish(&in);
	ipt_marks_finish(&forward);
	ipt_marks_finish(&out);
}

static void properties(struct ipt_listing *l, struct ipt_chain *ch, unsigned depth)
{
	if (ch->colour)
		return;
	ch->colour = 1;
	vec_each (rule, &ch->rules) {
		for (size_t i = 0; i < rule->n_asks; i++)
			ch->asks |= rule->asks[i].kind != ASK_STATE || l->untracks;
		ch->changes |= rule->effect != EFFECT_NONE &&
			       (l->tests || rule->effect == EFFECT_UNTRACK);
		ch->accepts |=
			rule->verdict == VERDICT_PERMIT || rule->verdict == VERDICT_UNKNOWN;
		if (!rule->to)
			continue;
		if (depth < RULESET_DEPTH)
			properties(l, rule->to, depth + 1);
		/* a chain on the way to itself, or too deep to tell */
		bool open = rule->to->colour != 2;
		ch->asks |= rule->to->asks;
		ch->changes |= rule->to->changes || (open && (l->marks || l->untracks));
		ch->accepts |= rule->to->accepts || open;
	}
	ch->colour = 2;
}

void ipt_build(struct ipt_reader *r)
{
	struct build b = { .r = r };
	vec_each (l, &r->listings)
		for (int t = 0; t < IPT_TABLES; t++)
			vec_each (ch, &(*l)->tables[t].order) {
				properties(*l, *ch, 0);
				(*ch)->plain = new_ruleset(
					r, *ch,
					arena_printf(r->arena, "%s%s %s", (*l)->prefix,
						     ipt_table_name((enum ipt_table_id)t),
						     (*ch)->name));
			}
	vec_each (l, &r->listings)
		listing(&b, *l);
}
