/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks. The mark of a packet at a rule is a function of the packet and of the way to that
 * rule: along the way it is kept as a list of pieces, conditions that exclude each other with a
 * value each, and a value for all other packets. Some bits of a value may not be known. A rule
 * that sets the mark moves the packets that get there and meet its condition to another piece;
 * a rule that asks for the mark becomes a condition over the packet, the union of the pieces
 * with the right value. Conditions that aren't exact keep that sound: such a packet is in a
 * piece or except, and both ways count.
 *
 * What grows too large is given up: the bits in which pieces differ are not known then.
 */
#include "collectors/ipt_internal.h"
#include "collectors/netfilter_nat.h"

#include <string.h>

enum { PIECE_WEIGHT = 1 << 16, ASK_WEIGHT = 1 << 17, WAITING_MOST = 1 << 14 };

static size_t weigh(const struct match *m, size_t left)
{
	size_t n = 1;
	if (m->kind == MATCH_AND || m->kind == MATCH_OR || m->kind == MATCH_NOT)
		for (uint32_t i = 0; i < m->n && n <= left; i++)
			n += weigh(m->kids[i], left - n);
	return n;
}

size_t ipt_weight(const struct match *m, size_t most)
{
	return weigh(m, most);
}

static void changed(struct ipt_marks *k)
{
	k->version = ++*k->versions;
}

void ipt_marks_init(struct ipt_marks *k, struct ipt_reader *r, uint32_t *versions)
{
	*k = (struct ipt_marks){ .r = r, .versions = versions };
	k->untracked = match_none(r->m);
	k->rest = (struct ipt_piece){ .known = UINT32_MAX };
	k->lost[LOST_OWN].cond = k->lost[LOST_TRANSLATED].cond = match_none(r->m);
	changed(k);
}

void ipt_marks_finish(struct ipt_marks *k)
{
	vec_free(&k->waiting.when);
}

static bool same(const struct ipt_piece *a, const struct ipt_piece *b)
{
	return a->known == b->known && a->ct_known == b->ct_known &&
	       !((a->mark ^ b->mark) & a->known) && !((a->ct ^ b->ct) & a->ct_known);
}

/* Only what x also says stays known. */
static void agree(struct ipt_piece *to, const struct ipt_piece *x)
{
	to->known &= x->known & ~(x->mark ^ to->mark);
	to->ct_known &= x->ct_known & ~(x->ct ^ to->ct);
}

/* One value for all packets: the bits in which the pieces agree. */
static void give_up(struct ipt_marks *k)
{
	for (size_t i = 0; i < k->n; i++)
		agree(&k->rest, &k->v[i]);
	k->n = 0;
}

/* Adds to the pieces, joining those of one value; false where there is no room. */
static bool put(struct ipt_marks *k, struct ipt_piece x)
{
	if (x.cond->kind == MATCH_NONE || same(&x, &k->rest))
		return true;
	for (size_t i = 0; i < k->n; i++)
		if (same(&x, &k->v[i])) {
			k->v[i].cond = match_or(k->r->m, k->v[i].cond, x.cond);
			return true;
		}
	if (k->n == IPT_PIECES)
		return false;
	k->v[k->n++] = x;
	return true;
}

static bool heavy(const struct ipt_marks *k)
{
	size_t all = 0;
	for (size_t i = 0; i < k->n && all <= PIECE_WEIGHT; i++)
		all += ipt_weight(k->v[i].cond, PIECE_WEIGHT);
	return all > PIECE_WEIGHT;
}

static const struct match *in_none(const struct ipt_marks *k)
{
	const struct match *v[IPT_PIECES];
	for (size_t i = 0; i < k->n; i++)
		v[i] = k->v[i].cond;
	return match_not(k->r->m, match_or_n(k->r->m, v, k->n));
}

/* The piece's values behind the rule. */
static struct ipt_piece after(const struct ipt_rule *r, struct ipt_piece x)
{
	uint32_t from = 0, known = 0;
	switch ((enum ipt_effect)r->effect) {
	case EFFECT_MARK:
		x.mark = (x.mark & ~r->mask) ^ r->value;
		x.known |= r->mask;
		break;
	case EFFECT_CONNMARK:
		x.ct = (x.ct & ~r->mask) ^ r->value;
		x.ct_known |= r->mask;
		break;
	case EFFECT_SAVE:
		from = x.mark & r->mask;
		known = x.known | ~r->mask;
		x.ct_known = ((x.ct_known | r->mask2) & known);
		x.ct = (x.ct & ~r->mask2) ^ from;
		break;
	case EFFECT_RESTORE:
		from = x.ct & r->mask2;
		known = x.ct_known | ~r->mask2;
		x.known = ((x.known | r->mask) & known);
		x.mark = (x.mark & ~r->mask) ^ from;
		break;
	default:
		x.known = x.ct_known = 0;
		break;
	}
	return x;
}

static void apply(struct ipt_marks *k, const struct ipt_rule *rule, const struct match *when)
{
	struct matches *m = k->r->m;
	struct ipt_marks old = *k;
	struct ipt_piece to = after(rule, k->rest);
	const struct match *others = match_not(m, when);
	bool one = true, room = true;
	if (when->kind == MATCH_NONE)
		return;
	for (size_t i = 0; i < 2; i++) {
		struct ipt_piece x = after(rule, k->lost[i]);
		agree(&k->lost[i], &x);
	}
	memcpy(old.lost, k->lost, sizeof(old.lost));
	for (size_t i = 0; i < old.n; i++) {
		struct ipt_piece x = after(rule, old.v[i]);
		one = one && same(&x, &to);
	}
	k->n = 0;
	for (size_t i = 0; i < old.n; i++) {
		struct ipt_piece x = old.v[i], next = after(rule, x);
		if (same(&x, &next)) {
			room &= put(k, x);
			continue;
		}
		next.cond = match_and(m, x.cond, when);
		x.cond = match_and(m, x.cond, others);
		room &= put(k, x);
		if (!one)
			room &= put(k, next);
	}
	to.cond = one ? when : match_and(m, when, in_none(&old));
	room &= put(k, to);
	if (!room || heavy(k)) {
		/* of the old pieces and of the new ones */
		*k = old;
		give_up(k);
		to = after(rule, k->rest);
		agree(&k->rest, &to);
	}
	changed(k);
}

static void flush(struct ipt_marks *k)
{
	if (!k->waiting.when.n)
		return;
	struct ipt_rule rule = { .effect = EFFECT_MARK,
				 .value = k->waiting.value,
				 .mask = k->waiting.mask };
	const struct match *when = match_or_n(k->r->m, k->waiting.when.v, k->waiting.when.n);
	k->waiting.when.n = 0;
	apply(k, &rule, when);
}

uint32_t ipt_marks_version(struct ipt_marks *k)
{
	flush(k);
	return k->version;
}

void ipt_marks_copy(struct ipt_marks *to, struct ipt_marks *from)
{
	flush(from);
	*to = *from;
	memset(&to->waiting, 0, sizeof(to->waiting));
}

/* The packets that were taken out of tracking, as they look now. */
static const struct match *untracked(struct ipt_marks *k)
{
	struct matches *m = k->r->m;
	const struct match *lost =
		match_or(m, k->lost[LOST_OWN].cond, k->lost[LOST_TRANSLATED].cond);
	if (k->untracked->kind == MATCH_NONE || lost->kind == MATCH_NONE)
		return k->untracked;
	return match_or(m, match_and(m, k->untracked, match_not(m, lost)),
			match_and(m, lost,
				  match_unknown(m, LOC_NONE, "packets taken out of tracking")));
}

/* The packets that belong to a connection. */
static const struct match *connected(struct ipt_marks *k)
{
	struct matches *m = k->r->m;
	struct range r = { STATE_NEW, STATE_RELATED };
	return match_and(m, match_ranges(m, FIELD_STATE, &r, 1), match_not(m, untracked(k)));
}

void ipt_marks_change(struct ipt_marks *k, const struct ipt_rule *rule,
		      const struct match *when)
{
	struct matches *m = k->r->m;
	if (rule->effect == EFFECT_UNTRACK) {
		k->untracked = match_or(m, k->untracked, when);
		nf_nat_untracked(k->r->nats, when);
		if (ipt_weight(k->untracked, PIECE_WEIGHT) > PIECE_WEIGHT)
			k->untracked =
				match_unknown(m, LOC_NONE, "packets taken out of tracking");
		changed(k);
		return;
	}
	if (rule->effect == EFFECT_CONNMARK || rule->effect == EFFECT_SAVE ||
	    rule->effect == EFFECT_RESTORE) {
		/* xt_connmark.c: nothing is done without a connection */
		flush(k);
		when = match_and(m, when, connected(k));
	}
	bool again = !(rule->value & ~rule->mask); /* twice does what once does */
	if (rule->effect != EFFECT_MARK || !again) {
		flush(k);
		apply(k, rule, when);
		return;
	}
	if (k->waiting.when.n &&
	    (k->waiting.value != rule->value || k->waiting.mask != rule->mask ||
	     k->waiting.when.n >= WAITING_MOST))
		flush(k);
	k->waiting.value = rule->value;
	k->waiting.mask = rule->mask;
	*vec_add(&k->waiting.when) = when;
}

static const struct match *whether(struct ipt_marks *k, const struct ipt_ask *a,
				   const struct ipt_piece *x)
{
	struct matches *m = k->r->m;
	bool ct = a->kind == ASK_CONNMARK;
	uint32_t value = ct ? x->ct : x->mark, known = ct ? x->ct_known : x->known;
	if (a->value & ~a->mask || (value ^ a->value) & a->mask & known)
		return match_none(m);
	if (!(a->mask & ~known))
		return match_all(m);
	return match_unknown(m, LOC_NONE, ct ? "the connection's mark" : "the packet's mark");
}

static const struct match *ask_mark(struct ipt_marks *k, const struct ipt_ask *a)
{
	struct matches *m = k->r->m;
	const struct match *rest = whether(k, a, &k->rest), *is = match_none(m), *except = is;
	for (size_t i = 0; i < k->n; i++) {
		const struct match *one = whether(k, a, &k->v[i]);
		is = match_or(m, is, match_and(m, k->v[i].cond, one));
		if (one != rest)
			except = match_or(m, except, k->v[i].cond);
	}
	if (rest->kind != MATCH_NONE)
		is = match_or(m, match_and(m, match_not(m, except), rest), is);
	for (size_t i = 0; i < 2; i++) {
		const struct match *lost = k->lost[i].cond;
		if (lost->kind != MATCH_NONE)
			is = match_or(m, match_and(m, is, match_not(m, lost)),
				      match_and(m, lost, whether(k, a, &k->lost[i])));
	}
	if (ipt_weight(is, ASK_WEIGHT) > ASK_WEIGHT)
		return match_unknown(m, LOC_NONE, "marks set in more ways than are followed");
	return is;
}

/* Whether the connection is one that is translated, as far as rules tell. */
static const struct match *ask_translated(struct ipt_marks *k, const struct ipt_listing *l,
					  uint32_t bits)
{
	struct ipt_reader *r = k->r;
	struct matches *m = r->m;
	const struct match *doubt = match_unknown(m, LOC_NONE, "whether it is translated");
	const struct match *is = match_none(m);
	if (r->h->nat_doubt || l->alone || !l->families)
		return doubt;
	enum family f = l->families == IPT_V6 ? FAMILY_V6 : FAMILY_V4;
	if (bits & ASK_SNAT && r->sources[f])
		is = doubt;
	if (bits & ASK_DNAT && r->destinations[f]) {
		/* first packets that don't look like a result of it are none */
		const struct match *may = match_not(m, match_value(m, FIELD_STATE, STATE_NEW));
		if (r->redirects)
			may = match_all(m);
		else if (r->translated[f])
			may = match_or(m, may, r->translated[f]);
		is = match_or(m, is, match_and(m, may, doubt));
	}
	return is;
}

static const struct match *ask_state(struct ipt_marks *k, const struct ipt_listing *l,
				     const struct ipt_ask *a)
{
	struct matches *m = k->r->m;
	struct range r[STATE_COUNT];
	size_t n = 0;
	for (uint16_t s = 0; s < STATE_COUNT; s++)
		if (a->mask & 1u << s)
			r[n++] = (struct range){ s, s };
	const struct match *is = match_ranges(m, FIELD_STATE, r, n);
	if (a->value)
		is = match_or(m, is, ask_translated(k, l, a->value));
	const struct match *except = untracked(k);
	if (except->kind == MATCH_NONE)
		return is;
	is = match_and(m, is, match_not(m, except));
	if (a->mask & 1u << STATE_UNTRACKED)
		is = match_or(m, is, except);
	return is;
}

const struct match *ipt_marks_ask(struct ipt_marks *k, const struct ipt_listing *l,
				  const struct ipt_ask *a, bool early)
{
	struct matches *m = k->r->m;
	const struct match *is;
	flush(k);
	if (a->kind == ASK_STATE) {
		if (early)
			return match_unknown(m, LOC_NONE, "a state before connection tracking");
		is = ask_state(k, l, a);
	} else {
		if (early && a->kind == ASK_CONNMARK)
			return match_unknown(m, LOC_NONE,
					     "a connection's mark before tracking");
		is = ask_mark(k, a);
	}
	if (a->negate)
		is = match_not(m, is);
	if (a->kind == ASK_CONNMARK) {
		/* xt_connmark.c: without a connection it fails, negated or not */
		is = match_and(m, is, connected(k));
	}
	return is;
}

void ipt_marks_own(struct ipt_marks *k, const struct match *when)
{
	k->lost[LOST_OWN] = (struct ipt_piece){ .cond = when };
	changed(k);
}

void ipt_marks_doubt(struct ipt_marks *k, const struct match *when)
{
	struct ipt_piece *lost = &k->lost[LOST_TRANSLATED];
	flush(k);
	if (when->kind == MATCH_NONE || (!k->n && k->untracked->kind == MATCH_NONE))
		return; /* all packets are alike */
	struct ipt_marks agreed = *k;
	give_up(&agreed);
	if (lost->cond->kind != MATCH_NONE)
		agree(&agreed.rest, lost);
	agreed.rest.cond = match_or(k->r->m, lost->cond, when);
	*lost = agreed.rest;
	changed(k);
}

void ipt_marks_join(struct ipt_marks *k, struct ipt_marks *other, const struct match *where)
{
	struct matches *m = k->r->m;
	const struct match *except = match_not(m, where);
	flush(k);
	flush(other);
	if (k->untracked != other->untracked)
		k->untracked = match_or(m, match_and(m, k->untracked, except),
					match_and(m, other->untracked, where));
	for (size_t i = 0; i < 2; i++) {
		const struct ipt_piece *x = &other->lost[i];
		struct ipt_piece *to = &k->lost[i];
		const struct match *was = to->cond;
		if (x->cond->kind == MATCH_NONE)
			continue;
		if (was->kind == MATCH_NONE)
			*to = *x;
		else
			agree(to, x);
		to->cond = match_or(m, match_and(m, x->cond, where), was);
	}
	struct ipt_marks old = *k;
	bool room = true;
	k->n = 0;
	for (size_t i = 0; i < old.n; i++) {
		struct ipt_piece x = old.v[i];
		x.cond = match_and(m, x.cond, except);
		room &= put(k, x);
	}
	for (size_t i = 0; i < other->n; i++) {
		struct ipt_piece x = other->v[i];
		x.cond = match_and(m, x.cond, where);
		room &= put(k, x);
	}
	struct ipt_piece x = other->rest;
	x.cond = match_and(m, where, in_none(other));
	room &= put(k, x);
	if (!room || heavy(k)) {
		struct ipt_marks agreed = *other;
		give_up(&agreed);
		*k = old;
		give_up(k);
		agree(&k->rest, &agreed.rest);
	}
	changed(k);
}

void ipt_marks_connect(struct ipt_marks *k)
{
	struct matches *m = k->r->m;
	const struct match *new = match_value(m, FIELD_STATE, STATE_NEW);
	flush(k);
	struct ipt_marks old = *k;
	bool room = true;
	k->n = 0;
	for (size_t i = 0; i < old.n; i++) {
		struct ipt_piece x = old.v[i];
		x.cond = match_and(m, old.v[i].cond, match_not(m, new));
		room &= put(k, x);
		x.cond = match_and(m, old.v[i].cond, new);
		x.ct = 0, x.ct_known = UINT32_MAX;
		room &= put(k, x);
	}
	struct ipt_piece x = old.rest;
	x.cond = match_and(m, new, in_none(&old));
	x.ct = 0, x.ct_known = UINT32_MAX;
	room &= put(k, x);
	if (!room || heavy(k)) {
		*k = old;
		give_up(k);
	}
	changed(k);
}
