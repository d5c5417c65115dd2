/* SPDX-License-Identifier: Apache-2.0 */
#include "report/query.h"

#include <string.h>

#include "report/doc.h"
#include "report/model_json.h"
#include "report/place.h"

static const char *const plane_words[] = { "physical", "virtual", "together" };
static const char *const end_words[] = {
	[WAY_ARRIVES] = "arrives", [WAY_DROPPED] = "dropped", [WAY_UNKNOWN] = "unknown",
	[WAY_ASIDE] = "aside"
};

const char *query_verdict(const struct query *q, int plane)
{
	const char *word = NULL;
	for (size_t i = 0; i < q->n; i++)
		if (q->answers[i].verdict[plane])
			word = answer_join(word, q->answers[i].verdict[plane]);
	return word;
}

static json_t *set_json(const struct told_set *s)
{
	json_t *j = json_object();
	doc_put(j, "boxes", doc_strings(s->boxes, s->n));
	doc_put_int(j, "left", s->left);
	return j;
}

static json_t *rule_json(const struct told_event *e)
{
	json_t *j = evidence_json(&e->by);
	doc_put_string(j, "what", "rule");
	doc_put_bool(j, "aside", e->aside);
	doc_put_string(j, "permits", e->sure ? "yes" : e->maybe ? "unknown" : "no");
	return j;
}

static json_t *event_json(const struct told_event *e)
{
	json_t *j;
	switch ((enum told_kind)e->kind) {
	case TOLD_RULE:
		return rule_json(e);
	case TOLD_TAKE:
		j = json_object();
		doc_put_string(j, "what", "takes");
		doc_put_string(j, "text", e->text);
		doc_put(j, "place", place_json(e->by.at));
		return j;
	case TOLD_REWRITE:
		j = json_object();
		doc_put_string(j, "what", "rewrites");
		doc_put_string(j, "text", e->text);
		doc_put_string(j, "owner", e->by.owner);
		doc_put(j, "before", packet_json(&e->before));
		doc_put(j, "after", packet_json(&e->after));
		doc_put(j, "place", place_json(e->by.at));
		return j;
	}
	return json_null();
}

static json_t *hop_json(const struct told_hop *h)
{
	json_t *j = json_object(), *events = json_array();
	doc_put_string(j, "text", h->text);
	doc_put_string(j, "device", h->device);
	doc_put_string(j, "plane", h->plane);
	doc_put_string(j, "in", h->in);
	doc_put_string(j, "out", h->out);
	for (size_t i = 0; i < h->n; i++)
		json_array_append_new(events, event_json(&h->events[i]));
	doc_put(j, "events", events);
	doc_put_string(j, "route", h->route);
	doc_put(j, "route_place", place_json(h->route_at));
	doc_put(j, "place", place_json(h->at));
	return j;
}

static const char *permits(const struct told_way *w, int plane)
{
	if (plane < PLANE_COUNT && !w->present[plane])
		return NULL;
	return w->sure[plane] ? "yes" : w->maybe[plane] ? "unknown" : "no";
}

static json_t *way_json(const struct told_way *w)
{
	json_t *j = json_object(), *hops = json_array(), *by = json_object();
	doc_put(j, "packet", packet_json(&w->packet));
	doc_put_bool(j, "example", w->example);
	doc_put_string(j, "takes", w->takes ? "yes" : w->may_take ? "unknown" : "no");
	doc_put_string(j, "end", end_words[w->end]);
	doc_put_string(j, "why", w->why);
	doc_put(j, "place", place_json(w->why ? w->why_at : LOC_NONE));
	for (size_t i = 0; i < w->n; i++)
		json_array_append_new(hops, hop_json(&w->hops[i]));
	doc_put(j, "hops", hops);
	for (int i = 0; i <= PLANE_COUNT; i++)
		doc_put_string(by, plane_words[i], w->may_take ? permits(w, i) : NULL);
	doc_put(j, "permits", by);
	bool arrives = w->may_take && w->end == WAY_ARRIVES;
	doc_put(j, "delivered", arrives ? packet_json(&w->delivered) : json_null());
	doc_put_bool(j, "chosen", w->may_take && w->chosen);
	return j;
}

/* What both a family and a whole answer say. */
static json_t *reply_json(const struct told_reply *r)
{
	json_t *j = json_object();
	doc_put_string(j, "verdict", r->verdict);
	doc_put_string(j, "why", r->why);
	doc_put(j, "place", place_json(r->why ? r->why_at : LOC_NONE));
	return j;
}

static json_t *back_json(const struct told_back *b)
{
	json_t *j = json_object(), *hops = json_array();
	doc_put(j, "packet", packet_json(&b->packet));
	doc_put_bool(j, "example", b->example);
	doc_put(j, "way", b->way == SIZE_MAX ? json_null() : json_integer((json_int_t)b->way));
	doc_put_string(j, "takes", b->takes ? "yes" : "unknown");
	doc_put_string(j, "end", end_words[b->end]);
	doc_put_string(j, "why", b->why);
	doc_put(j, "place", place_json(b->why ? b->why_at : LOC_NONE));
	for (size_t i = 0; i < b->n; i++) {
		json_t *hop = hop_json(&b->hops[i]);
		doc_put_bool(hop, "state", b->hops[i].state);
		json_array_append_new(hops, hop);
	}
	doc_put(j, "hops", hops);
	doc_put_string(j, "comes_back", b->sure ? "yes" : b->maybe ? "unknown" : "no");
	doc_put(j, "stopped_by", b->stop ? rule_json(b->stop) : json_null());
	doc_put_string(j, "unseen", b->unseen);
	return j;
}

static json_t *family_reply_json(const struct told_reply *r)
{
	json_t *j = reply_json(r), *ways = json_array();
	doc_put(j, "passes", set_json(&r->passes));
	doc_put(j, "blocked", set_json(&r->blocked));
	doc_put(j, "possible", set_json(&r->possible));
	for (size_t i = 0; i < r->n_ways; i++)
		json_array_append_new(ways, back_json(&r->ways[i]));
	doc_put(j, "ways", ways);
	doc_put_int(j, "ways_left", r->ways_left);
	return j;
}

static json_t *family_json(enum family f, const struct answer_family *af)
{
	json_t *j = json_object(), *sets = json_object(), *possible = json_object();
	json_t *alone = json_object(), *ways = json_array();
	doc_put_string(j, "family", f == FAMILY_V4 ? "ipv4" : "ipv6");
	for (int i = 0; i <= PLANE_COUNT; i++) {
		doc_put(sets, plane_words[i], set_json(&af->sure[i]));
		doc_put(possible, plane_words[i], set_json(&af->possible[i]));
		if (i < PLANE_COUNT)
			doc_put(alone, plane_words[i], set_json(&af->alone[i]));
	}
	doc_put(j, "permitted", sets);
	doc_put(j, "possible", possible);
	doc_put(j, "alone", alone);
	doc_put(j, "declared", set_json(&af->declared));
	doc_put(j, "packet", af->has_packet ? packet_json(&af->packet) : json_null());
	doc_put_bool(j, "allowed", af->allowed);
	doc_put_string(j, "flow", af->flow);
	for (size_t i = 0; i < af->n_ways; i++)
		json_array_append_new(ways, way_json(&af->ways[i]));
	doc_put(j, "ways", ways);
	doc_put_int(j, "ways_left", af->ways_left);
	doc_put(j, "reply", family_reply_json(&af->reply));
	return j;
}

static json_t *answer_json(const struct question *q, const struct answer *ans)
{
	json_t *j = json_object(), *verdict = json_object(), *families = json_array();
	doc_put_string(j, "from", q->from->name);
	doc_put_string(j, "to", q->to->name);
	for (int i = 0; i <= PLANE_COUNT; i++)
		doc_put_string(verdict, plane_words[i], ans->verdict[i]);
	doc_put(j, "verdict", verdict);
	doc_put_string(j, "planes", ans->planes);
	doc_put_string(j, "doubt", ans->doubt);
	doc_put(j, "place", place_json(ans->doubt ? ans->doubt_at : LOC_NONE));
	doc_put(j, "reply", reply_json(&ans->reply));
	doc_put_string(j, "not_connected", ans->path->none ? ans->path->why : NULL);
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (ans->family[f].asked)
			json_array_append_new(families,
					      family_json((enum family)f, &ans->family[f]));
	doc_put(j, "families", families);
	return j;
}

json_t *query_json(const struct query *q, const struct diags *d)
{
	json_t *doc = json_object(), *verdict = json_object(), *answers = json_array();
	struct told_reply reply = { 0 };
	const char *doubt = NULL;
	doc_put(doc, "plumbline", doc_stamp());
	doc_put_string(doc, "command", "query");
	doc_put_string(doc, "estate", q->estate);
	doc_put_string(doc, "from", q->from);
	doc_put_string(doc, "to", q->to);
	doc_put_string(doc, "service", q->service);
	for (int i = 0; i <= PLANE_COUNT; i++)
		doc_put_string(verdict, plane_words[i], query_verdict(q, i));
	doc_put(doc, "verdict", verdict);
	for (size_t i = 0; i < q->n; i++) {
		doubt = doubt ? doubt : q->answers[i].doubt;
		reply_join(&reply, &q->answers[i].reply);
		json_array_append_new(answers, answer_json(&q->questions[i], &q->answers[i]));
	}
	doc_put_string(doc, "doubt", doubt);
	doc_put(doc, "reply", reply_json(&reply));
	doc_put(doc, "answers", answers);
	doc_put(doc, "diagnostics", diags_json(d));
	doc_put(doc, "diagnostics_left", diags_left_json(d));
	return doc;
}
