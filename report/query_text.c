/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer for people: what each plane permits, then one packet on its way, device by
 * device, with the line that decides at each, and what the packet is before and after each
 * translation. Other ways are told by what sends packets there.
 */
#include <string.h>

#include "report/parts.h"
#include "report/place.h"
#include "report/query.h"

enum { LABEL = 19, WAYS_TOLD = 8 };

static const char *const names[] = { "physical", "virtual", "together" };

struct out {
	struct text *t;
	struct report_style st;
};

static void line(struct out *o, enum ink ink, const char *label, unsigned at, const char *s)
{
	page_wrap(o->t, o->st, ink, label, at, s);
}

static void put_place(struct text *s, struct loc at)
{
	struct place p = place_of_loc(at);
	if (!at.src && !at.path)
		return;
	text_put(s, s->len ? "  (" : "(");
	place_print(s, &p);
	text_putc(s, ')');
}

static enum ink verdict_ink(const char *word)
{
	return !word || !strcmp(word, "unknown") ? INK_MEDIUM
	       : !strcmp(word, "deny")		 ? INK_LOW
						 : INK_STRONG;
}

static bool same_set(const struct told_set *a, const struct told_set *b)
{
	if (a->n != b->n || a->left != b->left)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->boxes[i], b->boxes[i]))
			return false;
	return true;
}

static void put_set(struct out *o, const char *what, const struct told_set *s)
{
	struct text label = { 0 }, rest = { 0 };
	text_putf(&label, "    %s", what);
	for (size_t i = 0; i < s->n; i++)
		line(o, INK_PLAIN, i ? "" : label.s, LABEL, s->boxes[i]);
	if (s->left) {
		text_putf(&rest, "and %zu more", s->left);
		line(o, INK_PLAIN, "", LABEL, rest.s);
	}
	text_finish(&label);
	text_finish(&rest);
}

static void put_sets(struct out *o, const struct answer *ans, const struct answer_family *af)
{
	static const char *const maybe[] = { "maybe physical", "maybe virtual", "maybe" };
	static const char *const alone[] = { "only physical", "only virtual" };
	const struct told_set *all = &af->sure[PLANE_COUNT];
	bool same = all->n > 0;
	for (int i = 0; i < PLANE_COUNT; i++)
		same &= !ans->present[i] || same_set(&af->sure[i], all);
	if (same)
		put_set(o, "permitted", all);
	for (int i = 0; i <= PLANE_COUNT && !same; i++)
		put_set(o, names[i], &af->sure[i]);
	all = &af->possible[PLANE_COUNT];
	same = all->n > 0;
	for (int i = 0; i < PLANE_COUNT; i++)
		same &= !ans->present[i] || same_set(&af->possible[i], all);
	for (int i = same ? PLANE_COUNT : 0; i <= PLANE_COUNT; i++)
		put_set(o, maybe[i], &af->possible[i]);
	for (int i = 0; i < PLANE_COUNT; i++)
		put_set(o, alone[i], &af->alone[i]);
	put_set(o, "declared", &af->declared);
}

enum { QUOTED = 160 };

/* The line itself, below where it is named; of JSON, the whole object. */
static void quote(struct out *o, struct loc at)
{
	json_t *j = place_json(at);
	struct place p = place_of_json(j);
	const char *s = p.excerpt ? p.excerpt : p.text;
	size_t len = p.excerpt ? strlen(p.excerpt) : p.len;
	while (s && len && (*s == ' ' || *s == '\t'))
		s++, len--;
	if (s && len) {
		page_repeat(o->t, ' ', LABEL);
		text_put(o->t, "| ");
		page_putn(o->t, s, len > QUOTED ? QUOTED : len);
		text_put(o->t, len > QUOTED ? " ...\n" : "\n");
	}
	json_decref(j);
}

static void put_rule(struct out *o, const struct told_event *e)
{
	const struct evidence *ev = &e->by;
	struct text s = { 0 };
	text_putf(&s, "%s%s%s", ev->kind ? ev->kind : "", ev->kind ? " " : "",
		  ev->ruleset ? ev->ruleset : "");
	if (ev->rule)
		text_putf(&s, ", %s", ev->rule);
	else if (!strncmp(ev->role, "default", 7))
		text_put(&s, ", by default");
	put_place(&s, ev->at);
	if (e->sure != e->maybe && ev->note)
		text_putf(&s, ", not understood: %s", ev->note);
	line(o,
	     e->sure	? INK_GOOD
	     : e->maybe ? INK_MEDIUM
			: INK_HIGH,
	     e->sure	? "         permits"
	     : e->maybe ? "         unknown"
			: "         denies",
	     LABEL, s.s);
	quote(o, ev->at);
	text_finish(&s);
}

static void put_packet(struct out *o, const char *label, const struct packet *p)
{
	struct text s = { 0 };
	packet_say(&s, p);
	line(o, INK_PLAIN, label, LABEL, s.s);
	text_finish(&s);
}

static void put_event(struct out *o, const struct told_event *e)
{
	struct text s = { 0 };
	switch ((enum told_kind)e->kind) {
	case TOLD_RULE:
		put_rule(o, e);
		break;
	case TOLD_TAKE:
		text_putf(&s, "only packets with %s", e->text);
		put_place(&s, e->by.at);
		line(o, INK_PLAIN, "         takes", LABEL, s.s);
		break;
	case TOLD_REWRITE:
		text_put(&s, e->text ? e->text : "");
		put_place(&s, e->by.at);
		line(o, INK_LOW, "         rewrites", LABEL, s.s);
		quote(o, e->by.at);
		put_packet(o, "           before", &e->before);
		put_packet(o, "           after", &e->after);
		break;
	}
	text_finish(&s);
}

static void put_hop(struct out *o, const struct told_hop *h, size_t number)
{
	struct text s = { 0 }, label = { 0 };
	if (h->device) {
		text_putf(&label, "    %3zu.", number);
		text_putf(&s, "%s, %s plane", h->text, h->plane);
		line(o, INK_STRONG, label.s, 9, s.s);
	}
	for (size_t i = 0; i < h->n; i++)
		if (!h->events[i].aside)
			put_event(o, &h->events[i]);
	if (h->state)
		line(o, INK_GOOD, "         passes", LABEL, "it keeps state of the conversation");
	text_clear(&s);
	if (h->route) {
		text_put(&s, h->route);
		put_place(&s, h->route_at);
		line(o, INK_PLAIN, "         goes on", LABEL, s.s);
	}
	text_finish(&s);
	text_finish(&label);
}

static void put_end(struct out *o, const struct told_way *w)
{
	struct text s = { 0 };
	if (w->end == WAY_ARRIVES && w->may_take) {
		bool sure = w->sure[PLANE_COUNT], maybe = w->maybe[PLANE_COUNT];
		text_put(&s, maybe ? "" : "unfiltered it would arrive as ");
		packet_say(&s, &w->delivered);
		if (w->chosen)
			text_put(&s, "; the device may choose another address or port");
		line(o,
		     sure    ? INK_GOOD
		     : maybe ? INK_MEDIUM
			     : INK_HIGH,
		     sure    ? "    arrives"
		     : maybe ? "    may arrive"
			     : "    denied",
		     LABEL, s.s);
	} else if (w->end != WAY_ARRIVES) {
		text_put(&s, w->why ? w->why : "");
		put_place(&s, w->why_at);
		line(o, INK_MEDIUM, w->end == WAY_DROPPED ? "    dropped" : "    unknown",
		     LABEL, s.s);
	}
	text_finish(&s);
}

/* Which plane lets the packet through, where they don't agree or not all of it is known. */
static void put_planes(struct out *o, const struct told_way *w)
{
	struct text s = { 0 };
	for (int i = 0; i < PLANE_COUNT; i++) {
		text_putf(&s, "%s%s", s.len ? ", " : "", names[i]);
		text_put(&s, !w->present[i] ? " absent"
			     : w->sure[i]   ? " permits"
			     : w->maybe[i]  ? " unknown"
					    : " denies");
	}
	bool differ = w->present[0] && w->present[1] &&
		      ((w->sure[0] && !w->maybe[1]) || (w->sure[1] && !w->maybe[0]));
	if (differ)
		text_put(&s, ": the planes differ");
	line(o, differ ? INK_HIGH : INK_PLAIN, "    by plane", LABEL, s.s);
	text_finish(&s);
}

static void put_way(struct out *o, const struct told_way *w, bool first, bool only)
{
	struct text s = { 0 };
	size_t number = 0;
	text_put(&s, !w->example ? "    other packets go: "
		     : !w->takes ? "    it may go"
		     : !first	 ? "    or it goes"
		     : only	 ? "    it goes"
			    : "    it goes (one of several ways, any of which may be taken)");
	if (!w->example)
		packet_say(&s, &w->packet);
	line(o, INK_STRONG, "", 4, s.s);
	for (size_t i = 0; i < w->n; i++) {
		number += w->hops[i].device != NULL;
		put_hop(o, &w->hops[i], number);
	}
	put_end(o, w);
	if (w->may_take && w->end == WAY_ARRIVES)
		put_planes(o, w);
	text_finish(&s);
}

static void put_ways(struct out *o, const struct answer_family *af)
{
	struct text s = { 0 };
	size_t mine = 0, told = af->n_ways > WAYS_TOLD ? WAYS_TOLD : af->n_ways;
	for (size_t i = 0; i < af->n_ways; i++)
		mine += af->ways[i].example;
	for (size_t i = 0; i < told; i++)
		put_way(o, &af->ways[i], !i, mine < 2);
	size_t left = af->n_ways - told + af->ways_left;
	if (left) {
		text_putf(&s, "    and %zu more %s%s", left, left == 1 ? "way" : "ways",
			  af->ways_left ? "" : ", which --format json tells");
		line(o, INK_PLAIN, "", 4, s.s);
	}
	text_finish(&s);
}

static void put_back_end(struct out *o, const struct told_back *b)
{
	struct text s = { 0 };
	if (b->unseen)
		text_putf(&s, "%s keeps state, and saw no first packet", b->unseen);
	else if (b->stop)
		text_putf(&s, "at %s", b->stop->by.device);
	if (!b->maybe && b->stop && !b->stop->maybe) {
		line(o, INK_HIGH, "    blocked", LABEL, s.s);
	} else if (b->end != WAY_ARRIVES) {
		text_clear(&s);
		text_put(&s, b->why ? b->why : "");
		put_place(&s, b->why_at);
		line(o, INK_MEDIUM, b->end == WAY_DROPPED ? "    dropped" : "    unknown",
		     LABEL, s.s);
	} else {
		text_put(&s, s.len ? "" : "to ");
		if (!b->unseen && !b->stop)
			addr_print(&s, (enum family)b->packet.family, b->packet.src);
		line(o, b->sure ? INK_GOOD : INK_MEDIUM,
		     b->sure ? "    comes back" : "    may come back", LABEL, s.s);
	}
	text_finish(&s);
}

static void put_back(struct out *o, const struct told_back *b)
{
	struct text s = { 0 };
	size_t number = 0;
	text_put(&s, b->takes ? "    the answer goes back, to " : "    the answer may go back, to ");
	packet_say(&s, &b->packet);
	line(o, INK_STRONG, "", 4, s.s);
	for (size_t i = 0; i < b->n; i++) {
		number += b->hops[i].device != NULL;
		put_hop(o, &b->hops[i], number);
	}
	put_back_end(o, b);
	text_finish(&s);
}

static void put_reply(struct out *o, const struct told_reply *r)
{
	static const struct {
		const char *word, *says;
		enum ink ink;
	} words[] = {
		{ "passes", "come back", INK_GOOD },
		{ "blocked", "are blocked", INK_HIGH },
		{ "partly", "come back in part; others are blocked", INK_HIGH },
		{ "unknown", "not known: ", INK_MEDIUM },
	};
	struct text s = { 0 };
	size_t told = r->n_ways > WAYS_TOLD ? WAYS_TOLD : r->n_ways;
	for (size_t i = 0; r->verdict && i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(words[i].word, r->verdict) != 0)
			continue;
		text_put(&s, words[i].says);
		if (r->why) {
			text_put(&s, r->stopped ? " at " : words[i].ink == INK_HIGH ? ": " : "");
			text_put(&s, r->why);
			put_place(&s, r->why_at);
		}
		line(o, words[i].ink, "    answers", LABEL, s.s);
	}
	if (r->verdict && (r->passes.n || r->possible.n))
		put_set(o, "no answer", &r->blocked);
	for (size_t i = 0; i < told; i++)
		put_back(o, &r->ways[i]);
	size_t left = r->n_ways - told + r->ways_left;
	text_clear(&s);
	if (left) {
		text_putf(&s, "    and %zu more %s back%s", left, left == 1 ? "way" : "ways",
			  r->ways_left ? "" : ", which --format json tells");
		line(o, INK_PLAIN, "", 4, s.s);
	}
	text_finish(&s);
}

static void put_family(struct out *o, enum family f, const struct answer *ans,
		       const struct answer_family *af)
{
	struct text s = { 0 };
	text_putf(o->t, "\n  %s\n", f == FAMILY_V4 ? "IPv4" : "IPv6");
	put_sets(o, ans, af);
	if (af->has_packet) {
		packet_say(&s, &af->packet);
		text_putf(&s, ": %s%s%s", af->allowed ? "declared" : "not declared",
			  af->flow && af->allowed ? " by flow " : "",
			  af->flow && af->allowed ? af->flow : "");
		line(o, INK_STRONG, "    example", LABEL, s.s);
		put_ways(o, af);
		put_reply(o, &af->reply);
	}
	text_finish(&s);
}

static void put_answer(struct out *o, const struct question *q, const struct answer *ans)
{
	static const struct {
		const char *word, *says;
	} planes[] = {
		{ "agree", "agree" },
		{ "physical-permits-more", "differ: the physical one permits more" },
		{ "virtual-permits-more", "differ: the virtual one permits more" },
		{ "each-permits-more", "differ: each permits what the other denies" },
		{ "unknown", "may differ: not everything is understood" },
	};
	struct text s = { 0 };
	text_putf(&s, "%s to %s", q->from->name, q->to->name);
	line(o, INK_STRONG, "", 0, s.s);
	for (int i = 0; i <= PLANE_COUNT; i++) {
		const char *word = ans->verdict[i]			      ? ans->verdict[i]
				   : i < PLANE_COUNT && path_known(ans->path) ? "absent"
									      : "unknown";
		text_clear(&s);
		text_putf(&s, "  %-9s ", names[i]);
		text_put(o->t, s.s);
		page_inked(o->t, o->st, verdict_ink(word), word);
		text_putc(o->t, '\n');
	}
	for (size_t i = 0; ans->planes && i < sizeof(planes) / sizeof(*planes); i++)
		if (!strcmp(planes[i].word, ans->planes))
			line(o, INK_PLAIN, "  planes", 12, planes[i].says);
	text_clear(&s);
	if (ans->path->none)
		text_putf(&s, "declared: %s", ans->path->why ? ans->path->why : "");
	else if (ans->doubt)
		text_put(&s, ans->doubt);
	if (s.len) {
		put_place(&s, ans->path->none ? ans->path->why_at : ans->doubt_at);
		line(o, INK_MEDIUM, ans->path->none ? "  not connected," : "  not known:",
		     ans->path->none ? 17 : 14, s.s);
	}
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (ans->family[f].asked)
			put_family(o, (enum family)f, ans, &ans->family[f]);
	text_finish(&s);
}

void query_text(struct text *t, struct report_style st, const struct query *q)
{
	struct out o = { t, st };
	for (size_t i = 0; i < q->n; i++) {
		if (i)
			text_putc(t, '\n');
		put_answer(&o, &q->questions[i], &q->answers[i]);
	}
}
