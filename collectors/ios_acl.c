/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access lists: their lines, the order that sequence numbers give, and edits of them (`no`,
 * resequence). An entry without a number comes ten behind the highest so far. A number given
 * twice is refused by IOS ("Duplicate sequence number") and the first stays; what NX-OS and
 * EOS do depends on the release, so there both become one entry whose verdict isn't known.
 */
#include "collectors/ios_internal.h"

#include <stdlib.h>

struct acl *ios_acl(struct ios *x, enum family f, const char *name, bool create)
{
	const char *key = arena_printf(x->arena, "%d %s", f, name);
	struct acl *a = map_get(&x->acls, key);
	if (a || !create)
		return a;
	a = arena_alloc(x->arena, sizeof(*a));
	a->name = arena_str(x->arena, name);
	a->family = f;
	*map_at(&x->acls, key) = a;
	*vec_add(&x->acl_list) = a;
	return a;
}

void ios_acl_define(struct ios *x, struct acl *a, bool standard, struct loc at)
{
	if (!a->defined) {
		a->defined = true;
		a->standard = standard;
		a->at = at;
	} else if (a->standard != standard) {
		diag_warning(x->d, "ios.acl-type", at,
			     "access list %s was %s before; a device refuses the change",
			     a->name, a->standard ? "standard" : "extended");
	}
}

void ios_later(struct ios *x, struct acl *a, enum later_kind kind, uint32_t line,
	       unsigned first)
{
	*vec_add(&x->later) = (struct later){ a, line, (uint16_t)first, (uint8_t)kind };
}

static bool is_action(const struct toks *w, unsigned i)
{
	return tok_is(w, i, "permit") || tok_is(w, i, "deny") || tok_is(w, i, "evaluate") ||
	       tok_is(w, i, "dynamic");
}

/* Lines of a list that say nothing about packets. */
static bool is_idle(const struct toks *w)
{
	static const char *const idle[] = { "statistics per-entry", "counters per-entry",
					    "fragment-rules",	    "exit",
					    "match-local-traffic",  "hardware",
					    "description" };
	unsigned i = tok_is(w, 0, "no") || tok_is(w, 0, "default");
	for (size_t k = 0; k < sizeof(idle) / sizeof(*idle); k++)
		if (toks_are(w, i, idle[k]))
			return !i || !tok_is(w, i, "fragment-rules");
	return false;
}

bool ios_acl_mode(struct ios *x, const struct toks *w)
{
	uint64_t n;
	unsigned i = 0;
	bool no = tok_is(w, 0, "no");
	if (no)
		i++;
	unsigned first = i;
	if (tok_number(w, i, 0, UINT32_MAX, &n))
		i++;
	else if (tok_is(w, i, "sequence") && tok_number(w, i + 1, 0, UINT32_MAX, &n))
		i += 2;
	if (tok_is(w, i, "remark")) {
		x->acl->remarks |= !no;
		ios_mark(x, w->line, ACCOUNT_IRRELEVANT, false, NULL);
		return true;
	}
	if (is_idle(w)) {
		ios_mark(x, w->line, ACCOUNT_IRRELEVANT, false, NULL);
		return true;
	}
	if (no && (is_action(w, i) || (i > first && i == w->n))) {
		ios_later(x, x->acl, LATER_NO, w->line, first);
		return true;
	}
	if (!no && is_action(w, i)) {
		ios_later(x, x->acl, LATER_ACE, w->line, first);
		return true;
	}
	if (tok_is(w, 0, "fragments") &&
	    (tok_is(w, 1, "permit-all") || tok_is(w, 1, "deny-all"))) {
		ios_later(x, x->acl, LATER_FRAGMENTS, w->line, 0);
		return true;
	}
	if (w->indent <= x->mode_indent)
		return false;
	ios_later(x, x->acl, LATER_ACE, w->line, first);
	return true;
}

static struct ace *add(struct acl *a, uint32_t line, uint64_t seq, bool numbered)
{
	struct ace *e = vec_add(&a->aces);
	if (!numbered)
		seq = a->last_seq + 10;
	if (seq < a->last_seq)
		a->unsorted = true;
	else if (seq == a->last_seq && a->aces.n > 1)
		a->unsorted = true;
	else
		a->last_seq = seq;
	e->seq = seq;
	e->numbered = numbered;
	e->line = line;
	e->order = ++a->order;
	return e;
}

static void unknown_entry(struct ios *x, struct acl *a, struct ace *e, struct loc at,
			  const struct match *m, const char *why)
{
	e->rule.at = at;
	e->rule.verdict = VERDICT_UNKNOWN;
	e->rule.match = m ? m : match_family(x->m, a->family);
	e->rule.note = why;
}

/* Takes a sequence number off the words at *i. */
static bool take_seq(const struct toks *w, unsigned *i, uint64_t *ret)
{
	if (tok_number(w, *i, 0, UINT32_MAX, ret)) {
		++*i;
		return true;
	}
	if (tok_is(w, *i, "sequence") && tok_number(w, *i + 1, 0, UINT32_MAX, ret)) {
		*i += 2;
		return true;
	}
	if (w->n >= 2 && !w->more && tok_is(w, w->n - 2, "sequence"))
		return tok_number(w, w->n - 1, 0, UINT32_MAX, ret); /* IPv6: at the end */
	return false;
}

static void add_ace(struct ios *x, struct acl *a, const struct toks *w, unsigned i)
{
	struct rule r = { 0 };
	const char *bound = NULL, *why = NULL;
	unsigned bad = 0;
	uint64_t seq = 0;
	bool numbered = take_seq(w, &i, &seq);
	struct ace *e = add(a, w->line, seq, numbered);
	struct loc at = tok_line(x, w);
	if (i && !numbered && i < w->n)
		at.col = w->v[i].col; /* access-list 101 permit ...: from the entry on */
	if (ios_ace(x, a, w, i, &r, &bound, &why, &bad)) {
		ios_reject(x, w, "ios.bad-entry", tok_loc(x, w, bad),
			   "%s: what this entry of %s does isn't known", why, a->name);
		unknown_entry(x, a, e, at, NULL, why);
	} else {
		e->rule = r;
		e->rule.at = at;
		ios_mark(x, w->line, bound ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, true, "%s",
			 bound ? bound : "");
	}
	e->rule.name = numbered ? arena_printf(x->arena, "seq %llu", (unsigned long long)seq)
				: arena_printf(x->arena, "line %u", a->order);
}

/* `no permit ...`: takes the entry away that says the same. */
static void remove_ace(struct ios *x, struct acl *a, const struct toks *w, unsigned i)
{
	struct rule r = { 0 };
	const char *bound = NULL, *why = NULL;
	unsigned bad = 0;
	uint64_t seq;
	bool numbered = take_seq(w, &i, &seq);
	if (numbered && i >= w->n) {
		struct ace *e = vec_add(&a->aces);
		*e = (struct ace){
			.seq = seq, .order = ++a->order, .line = w->line, .remove = true
		};
		a->unsorted = true;
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
		return;
	}
	bool many = ++a->edits > IOS_EDITS_MAX;
	int err = many ? -1 : ios_ace(x, a, w, i, &r, &bound, &why, &bad);
	for (size_t k = a->aces.n; !err && k-- > 0;) {
		struct ace *e = &a->aces.v[k];
		if (e->remove || e->rule.verdict != r.verdict || e->rule.match != r.match)
			continue;
		memmove(e, e + 1, (a->aces.n - k - 1) * sizeof(*e));
		a->aces.n--;
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
		return;
	}
	/* What it took away can only be something that it matches. */
	struct ace *e = add(a, w->line, 0, true);
	why = many ? "too many edits of one list" : "which entry this takes away isn't known";
	unknown_entry(x, a, e, tok_line(x, w), err ? NULL : r.match, why);
	ios_reject(x, w, "ios.no-entry", tok_line(x, w), "%s", why);
}

static int by_seq(const void *x, const void *y)
{
	const struct ace *a = x, *b = y;
	if (a->seq != b->seq)
		return a->seq < b->seq ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static void duplicate(struct ios *x, struct acl *a, struct ace *first, const struct ace *e)
{
	struct toks w;
	ios_words(x->src, e->line, &w);
	if (first->rule.match == e->rule.match && first->rule.verdict == e->rule.verdict)
		return;
	ios_reject(x, &w, "ios.duplicate-sequence", tok_line(x, &w),
		   "sequence number %llu is in use in %s", (unsigned long long)e->seq, a->name);
	diag_related(x->d, first->rule.at, "the first one");
	if (x->dialect != IOS_IOS)
		unknown_entry(x, a, first, first->rule.at,
			      match_or(x->m, first->rule.match, e->rule.match),
			      "its sequence number is given twice");
}

void ios_acl_settle(struct ios *x, struct acl *a)
{
	if (!a->unsorted || !a->aces.n)
		return;
	qsort(a->aces.v, a->aces.n, sizeof(*a->aces.v), by_seq);
	size_t out = 0;
	for (size_t i = 0; i < a->aces.n; i++) {
		struct ace *e = &a->aces.v[i], *last = out ? &a->aces.v[out - 1] : NULL;
		bool same = last && last->seq == e->seq && e->seq;
		if (e->remove)
			out -= same;
		else if (same)
			duplicate(x, a, last, e);
		else
			a->aces.v[out++] = *e;
	}
	a->aces.n = out;
	a->unsorted = false;
	a->last_seq = out ? a->aces.v[out - 1].seq : 0;
}

static void resequence(struct ios *x, struct acl *a, const struct toks *w, unsigned i)
{
	uint64_t start = 10, step = 10;
	if (++a->edits > IOS_EDITS_MAX ||
	    (i < w->n && !tok_number(w, i, 1, UINT32_MAX, &start)) ||
	    (i + 1 < w->n && !tok_number(w, i + 1, 1, UINT32_MAX, &step))) {
		ios_reject(x, w, "ios.bad-entry", tok_line(x, w),
			   "not a resequence that is read");
		device_build_taint(x->b, NULL, tok_line(x, w), "resequence of %s", a->name);
		return;
	}
	ios_acl_settle(x, a);
	for (size_t k = 0; k < a->aces.n; k++)
		a->aces.v[k].seq = start + k * step;
	if (a->aces.n)
		a->last_seq = a->aces.v[a->aces.n - 1].seq;
	ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
}

void ios_acl_line(struct ios *x, const struct later *l)
{
	struct toks w;
	struct acl *a = l->acl;
	ios_words(x->src, l->line, &w);
	switch ((enum later_kind)l->kind) {
	case LATER_ACE:
		add_ace(x, a, &w, l->first);
		break;
	case LATER_NO:
		remove_ace(x, a, &w, l->first);
		break;
	case LATER_CLEAR:
		a->aces.n = 0;
		a->last_seq = a->order = 0;
		a->fragments = 0;
		a->unsorted = false;
		ios_mark(x, w.line, ACCOUNT_EXACT, true, NULL);
		break;
	case LATER_RESEQ:
		resequence(x, a, &w, l->first);
		break;
	case LATER_FRAGMENTS:
		a->fragments = tok_is(&w, 1, "permit-all") ? 1 : 2;
		a->fragments_at = tok_line(x, &w);
		ios_mark(x, w.line, a->fragments == 1 ? ACCOUNT_EXACT : ACCOUNT_BOUNDED, true,
			 "which later fragments deny-all drops");
		break;
	}
}
