/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of the answers: the sets by diff/reply.h, and the answer to one packet followed
 * along its ways back by the interpreter.
 */
#include <string.h>

#include "diff/reply.h"
#include "diff/run.h"
#include "diff/tell.h"
#include "model/way.h"

enum { BACKS_MAX = 64 };

static const char too_large[] = "the packet sets are too large for the budget";

struct back_teller {
	struct arena *a;
	struct engine *en;
	const struct pair *pair;
	const struct replies *rs;
	struct pset wanted, passes, blocked;
	struct answer_family *af;
	struct told_back *list;
	size_t n, left;
};

/* A ruleset of the device isn't asked, as it knows the conversation. */
static bool keeps_state(const struct reply_way *r, const struct point *pt)
{
	size_t stateful = 0, asked = 0;
	for (size_t i = 0; i < pt->n_stages; i++)
		stateful += pt->stages[i].ruleset->stateful;
	for (size_t k = 0; k < r->n_stages; k++)
		asked += r->stages[k].point == pt && r->stages[k].unseen;
	return stateful > asked;
}

static bool denies_more(const struct told_event *a, const struct told_event *b)
{
	return !b || (!a->maybe && b->maybe);
}

static void tell_back_hop(struct back_teller *bt, const struct reply_ways *rw,
			  const struct reply_way *r, const struct point *pt,
			  struct told_back *tb, struct told_hop *ret)
{
	struct told_event *list = arena_array(bt->a, r->n_stages, sizeof(*list));
	*ret = tell_hop(pt);
	ret->state = pt->device && keeps_state(r, pt);
	for (size_t k = 0; k < r->n_stages; k++) {
		const struct reply_stage *st = &r->stages[k];
		if (st->point != pt)
			continue;
		struct packet first = reply_packet(rw->way, st->level, &tb->packet);
		struct packet here = stage_packet(&st->stage, &first);
		struct told_event *ev = &list[ret->n++];
		*ev = tell_rule(bt->en, &st->stage, interp(st->stage.ruleset, &here));
		if (st->unseen) {
			ev->by.role = "saw-no-first-packet";
			ev->by.rule = NULL;
			tb->unseen = tb->unseen ? tb->unseen : st->stage.device->name;
		}
		ev->aside = st->stage.ruleset->incidental && ev->sure;
		tb->sure &= ev->sure;
		tb->maybe &= ev->maybe;
		if (!ev->sure && denies_more(ev, tb->stop))
			tb->stop = ev;
	}
	ret->events = list;
}

/* One way back of the answer to p. */
static void tell_back(struct back_teller *bt, const struct reply_ways *rw,
		      const struct reply_way *r, const struct packet *p, bool example)
{
	const struct route_way *back = r->back;
	enum truth takes = reply_takes(rw, r, p);
	if (takes == TRUTH_FALSE || back->end == WAY_ASIDE)
		return;
	if (bt->n == BACKS_MAX) {
		bt->left++;
		return;
	}
	struct told_back tb = { .packet = *p,
				.example = example,
				.way = SIZE_MAX,
				.takes = takes == TRUTH_TRUE,
				.n = back->n_points,
				.end = back->end,
				.sure = back->end == WAY_ARRIVES,
				.maybe = back->end != WAY_DROPPED };
	if (back->end != WAY_ARRIVES)
		tb.why = back->why, tb.why_at = back->why_at;
	for (size_t i = 0; i < bt->af->n_ways && tb.way == SIZE_MAX; i++)
		if (bt->af->ways[i].of == rw->way)
			tb.way = i;
	struct told_hop *hops = arena_array(bt->a, back->n_points, sizeof(*hops));
	for (size_t i = 0; i < back->n_points; i++)
		tell_back_hop(bt, rw, r, &back->points[i], &tb, &hops[i]);
	tb.hops = hops;
	/* nobody is behind these ports who sends or awaits it (diff/reply.c, somebody) */
	if (!tb.maybe && pset_has(bt->en->space[bt->pair->family], bt->passes, p))
		return;
	bt->list[bt->n++] = tb;
}

/* What is told of a way there: its example, and one packet each whose answer fares otherwise.
 */
static void tell_one(struct back_teller *bt, const struct reply_ways *rw)
{
	enum family f = bt->pair->family;
	struct pset_space *sp = bt->en->space[f];
	struct pset all = pset_all(sp);
	struct bounds b = { all, all };
	struct pset mine =
		pull_back(bt->en, f, rw->way, way_end_of(rw->way), 0, b, bt->wanted).maybe;
	struct pset blocked = pset_and(sp, mine, bt->blocked);
	struct pset open = pset_minus(sp, pset_minus(sp, mine, bt->passes), blocked);
	struct packet p = bt->af->packet;
	bool example = bt->af->has_packet && pset_has(sp, mine, &p), some = example;
	for (size_t i = 0; i < bt->af->n_ways && !some; i++) {
		p = bt->af->ways[i].packet;
		some = bt->af->ways[i].of == rw->way && pset_has(sp, mine, &p);
	}
	if (!some && !pset_pick(sp, mine, &p))
		return;
	struct packet told[3] = { p };
	size_t n = 1;
	if (!pset_has(sp, blocked, &p))
		n += pset_pick(sp, blocked, &told[n]);
	if (!pset_has(sp, open, &p))
		n += pset_pick(sp, open, &told[n]);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < rw->n; i++)
			tell_back(bt, rw, &rw->v[i], &told[k], example && !k);
}

/* A device on a way back that isn't understood whole. */
static void find_taint(const struct replies *rs, struct engine *en, struct told_reply *r)
{
	for (size_t w = 0; w < rs->n && !r->why; w++)
		for (size_t i = 0; i < rs->v[w].n && !r->why; i++) {
			const struct route_way *back = rs->v[w].v[i].back;
			for (size_t k = 0; rs->v[w].v[i].taken && k < back->n_points && !r->why; k++)
				engine_tainted(en, &back->points[k], &r->why, &r->why_at);
		}
}

static const char *who_stops(struct arena *a, const struct told_event *e)
{
	const struct evidence *ev = &e->by;
	if (e->maybe)
		return arena_printf(a, "%s: %s", ev->device,
				    ev->note ? ev->note : "a line isn't understood");
	return arena_printf(a, "%s, %s%s%s%s%s", ev->device, ev->kind ? ev->kind : "",
			    ev->kind ? " " : "", ev->ruleset ? ev->ruleset : "",
			    ev->rule ? ", " : ", by default", ev->rule ? ev->rule : "");
}

/* Why answers are blocked, or it isn't known whether they are, by those that are told. */
static void find_cause(struct arena *a, const struct back_teller *bt, bool blocked,
		       struct told_reply *r)
{
	for (size_t i = 0; i < bt->n && !r->why; i++) {
		const struct told_back *tb = &bt->list[i];
		if (blocked == tb->maybe || tb->sure)
			continue;
		if (tb->stop && tb->stop->maybe == tb->maybe) {
			r->why = who_stops(a, tb->stop);
			r->why_at = tb->stop->by.at;
			r->stopped = blocked;
		} else {
			r->why = tb->why, r->why_at = tb->why_at;
		}
	}
}

static const char *reply_word(struct pset_space *sp, struct pset wanted, struct pset passes,
			      struct pset blocked)
{
	if (pset_subset(sp, wanted, passes))
		return "passes";
	if (pset_subset(sp, wanted, blocked))
		return "blocked";
	return pset_subset(sp, wanted, pset_or(sp, passes, blocked)) ? "partly" : "unknown";
}

void tell_replies(struct arena *a, struct engine *en, const struct pair *p, struct pset there,
		  struct reply_doubt doubt, struct answer_family *af)
{
	struct pset_space *sp = en->space[p->family];
	struct told_reply *r = &af->reply;
	struct replies rs;
	there = replies_clients(sp, replies_expected(en, p->family, there));
	if (pset_is_empty(there))
		return;
	if (pset_is_spent(there)) {
		*r = (struct told_reply){ .verdict = "unknown", .why = too_large };
		return;
	}
	replies_find(en, a, p, there, &rs);
	struct pset wanted = pset_and(sp, there, rs.asked);
	if (pset_is_empty(wanted))
		return;
	wanted = pset_and(sp, wanted, rs.awaited);
	if (pset_is_empty(wanted)) {
		*r = (struct told_reply){ .verdict = "unknown",
					  .why = "nobody but a device itself awaits them" };
		return;
	}
	/* what may also go where nothing is known may be answered from there */
	struct pset lost = pset_and(sp, wanted, p->unknown);
	struct pset unknown = pset_or(sp, pset_and(sp, wanted, rs.unknown), lost);
	struct pset known = pset_minus(sp, wanted, unknown);
	struct back_teller bt = {
		.a = a, .en = en, .pair = p, .rs = &rs, .wanted = wanted, .af = af
	};
	bt.passes = pset_and(sp, known, rs.set.sure);
	bt.blocked = pset_minus(sp, known, rs.set.maybe);
	bt.list = arena_array(a, BACKS_MAX, sizeof(*bt.list));
	bool spent = pset_is_spent(bt.passes) || pset_is_spent(bt.blocked);
	for (size_t i = 0; i < rs.n && !spent; i++)
		tell_one(&bt, &rs.v[i]);
	if (spent)
		r->why = too_large;
	find_taint(&rs, en, r);
	if (!r->why && doubt.all)
		r->why = doubt.why, r->why_at = doubt.at;
	r->verdict = r->why ? "unknown" : reply_word(sp, wanted, bt.passes, bt.blocked);
	bool open = !strcmp(r->verdict, "unknown");
	if (open && !r->why && !pset_is_empty(pset_and(sp, wanted, rs.unknown)))
		r->why = rs.why, r->why_at = rs.why_at;
	if (open && !r->why && !pset_is_empty(lost))
		r->why = doubt.why, r->why_at = doubt.at;
	if (strcmp(r->verdict, "passes") != 0)
		find_cause(a, &bt, !open, r);
	if (open && !r->why)
		r->why = "not everything on the way back is understood";
	r->passes = tell_set(a, sp, bt.passes);
	r->blocked = tell_set(a, sp, bt.blocked);
	r->possible =
		tell_set(a, sp, pset_minus(sp, pset_minus(sp, wanted, bt.passes), bt.blocked));
	r->ways = bt.list;
	r->n_ways = bt.n;
	r->ways_left = bt.left;
}
