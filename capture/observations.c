/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run has seen. A flow is judged when its first record comes; what is counted of it
 * later is added to what was said then. Everything is bounded: open flows by the decoder's
 * table, findings by their number, pairs by the zones.
 */
#include <stdlib.h>
#include <string.h>

#include "capture/observations_internal.h"

enum { FINDINGS_MAX = 200 };

struct observations *observations_create(struct judge *j, const struct observation_options *op)
{
	struct observations *o = xcalloc(1, sizeof(*o));
	o->judge = j;
	o->policy = judge_policy(j);
	o->options = *op;
	if (!o->options.findings_max)
		o->options.findings_max = FINDINGS_MAX;
	if (op->before) {
		o->counts = o->before = *op->before;
		o->options.before = &o->before;
	}
	o->first = INT64_MAX;
	o->arena = arena_create();
	o->flows = xcalloc(o->policy->n_flows + 1, sizeof(*o->flows));
	return o;
}

void observations_destroy(struct observations *o)
{
	if (!o)
		return;
	vec_each (g, &o->groups)
		vec_free(&g->excerpts);
	vec_free(&o->groups);
	vec_free(&o->pairs);
	map_finish(&o->keys);
	free(o->answered);
	free(o->flows);
	arena_destroy(o->arena);
	free(o);
}

void observations_doubt(struct observations *o, const char *why)
{
	for (size_t i = 0; i < o->n_doubts; i++)
		if (!strcmp(o->doubts[i], why))
			return;
	if (o->n_doubts < DOUBTS_MAX)
		o->doubts[o->n_doubts++] = arena_str(o->arena, why);
}

/* Whether the flow's answers are new. Which were counted is forgotten when there are too many.
 */
static bool first_answer(struct observations *o, uint64_t flow)
{
	size_t mask = ANSWERED_SLOTS - 1, i = (size_t)(flow * 0x9e3779b97f4a7c15u >> 20) & mask;
	if (!o->answered)
		o->answered = xcalloc(ANSWERED_SLOTS, sizeof(*o->answered));
	if (o->n_answered > ANSWERED_SLOTS / 2) {
		memset(o->answered, 0, ANSWERED_SLOTS * sizeof(*o->answered));
		o->n_answered = 0;
	}
	for (; o->answered[i]; i = (i + 1) & mask)
		if (o->answered[i] == flow)
			return false;
	o->answered[i] = flow;
	o->n_answered++;
	return true;
}

/* --- findings --- */

/* What makes flows one finding. Compared as bytes: zeroed before it is filled. */
struct group_key {
	const struct zone *from, *to;
	const struct tenant *segment_tenant;
	const struct exception *exception;
	uint32_t segment;
	uint16_t service;
	uint8_t segment_kind, observed, certainty, proto, rest, tunnel, portless;
};

static void key_of(const struct judgement *g, const struct flow_record *r, struct group_key *k)
{
	const struct packet *p = &g->packet;
	memset(k, 0, sizeof(*k));
	k->observed = g->observed;
	k->from = g->parties.from.zone;
	k->to = g->parties.to.zone;
	k->segment_tenant = g->parties.segment_tenant;
	k->exception = g->excepted.exception;
	const struct segment_tag *tag = g->parties.segment;
	if (!tag && r->n_segments)
		tag = &r->segments[r->n_segments - 1];
	if (tag) {
		k->segment = tag->id;
		k->segment_kind = tag->kind;
	}
	k->certainty = g->certainty;
	k->proto = p->proto;
	k->service = packet_has_icmp(p) ? p->icmp_type : p->dport;
	k->tunnel = g->tunnel;
	k->portless = g->portless;
}

static struct group *group_of(struct observations *o, const struct judgement *g,
			      const struct flow_record *r)
{
	struct group_key key;
	key_of(g, r, &key);
	uintptr_t at = (uintptr_t)map_getn(&o->keys, (const char *)&key, sizeof(key));
	if (!at && o->groups.n >= o->options.findings_max) {
		memset(&key, 0, sizeof(key));
		key.observed = g->observed;
		key.certainty = g->certainty;
		key.exception = g->excepted.exception;
		key.rest = 1;
		at = (uintptr_t)map_getn(&o->keys, (const char *)&key, sizeof(key));
	}
	if (!at) {
		struct group *n = vec_add(&o->groups);
		n->first = *g;
		n->record = *r;
		n->first.parties.segment = NULL; /* it points into a record that goes */
		n->rest = key.rest;
		n->from = r->at;
		n->where = o->options.where
				   ? arena_str(o->arena, o->options.where(o->options.user, r))
				   : "";
		at = o->groups.n;
		*map_atn(&o->keys, (const char *)&key, sizeof(key)) = (void *)at;
	}
	return &o->groups.v[at - 1];
}

static bool same_talk(const struct packet *a, const struct packet *b)
{
	return a->family == b->family && a->proto == b->proto && a->dport == b->dport &&
	       addr_equal(a->src, b->src) && addr_equal(a->dst, b->dst);
}

static void add_talk(struct group *g, const struct packet *p)
{
	for (size_t i = 0; i < g->n_talks; i++)
		if (same_talk(&g->talks[i].packet, p)) {
			g->talks[i].flows++;
			return;
		}
	if (g->n_talks == TALKS_MAX) {
		g->talks_left++;
		return;
	}
	g->talks[g->n_talks++] = (struct talk){ *p, 1 };
}

/* --- records --- */

static bool is_violation(const struct judgement *g)
{
	return g->observed >= OBSERVED_UNDECLARED;
}

/* Equal for both directions of one conversation. */
static bool is_sampled(const struct observations *o, const struct flow_record *r)
{
	const struct packet *p = &r->packet;
	struct {
		uint64_t addresses[4];
		uint32_t ports, proto, segment;
	} key;
	if (o->options.one_in < 2)
		return true;
	memset(&key, 0, sizeof(key));
	key.addresses[0] = p->src.hi ^ p->dst.hi;
	key.addresses[1] = p->src.lo ^ p->dst.lo;
	key.addresses[2] = p->src.hi + p->dst.hi;
	key.addresses[3] = p->src.lo + p->dst.lo;
	key.ports = (uint32_t)p->sport + p->dport;
	key.proto = p->proto;
	key.segment = r->n_segments ? r->segments[r->n_segments - 1].id : 0;
	return siphash(&key, sizeof(key)) % o->options.one_in == 0;
}

static struct pair_count *pair_count_at(struct observations *o, uint32_t pair)
{
	while (o->pairs.n <= pair)
		vec_add(&o->pairs);
	return &o->pairs.v[pair];
}

static void count_flow(struct observations *o, const struct judgement *g)
{
	const struct parties *ps = &g->parties;
	bool by_hint = (ps->from.by_segment || ps->to.by_segment) && !ps->declared;
	bool bad = is_violation(g) && (!g->excepted.exception || g->excepted.expired);
	o->judged++;
	o->by[g->observed]++;
	o->excepted += is_violation(g) && !bad;
	o->violating += bad;
	if (g->across && g->observed != OBSERVED_UNKNOWN && g->observed != OBSERVED_EXCLUDED) {
		o->between++;
		o->between_violating += bad;
	}
	o->unknown_between += g->across && g->observed == OBSERVED_UNKNOWN;
	o->undecided += g->undecided && !g->across;
	o->hinted += by_hint && g->observed == OBSERVED_DECLARED;
	o->positive += g->observed == OBSERVED_DECLARED;
	if (g->pair != JUDGE_NO_PAIR) {
		struct pair_count *pc = pair_count_at(o, g->pair);
		pc->flows++;
		pc->by[g->observed]++;
	}
}

/* What a record counts. */
static void count_packets(struct observations *o, const struct judgement *g,
			  const struct flow_record *r)
{
	uint64_t packets = r->packets[0] + r->packets[1], bytes = r->bytes[0] + r->bytes[1];
	uint64_t answers = r->packets[!g->reversed];
	o->by_packets[g->observed] += packets;
	o->answers += answers;
	if (g->pair != JUDGE_NO_PAIR) {
		struct pair_count *pc = pair_count_at(o, g->pair);
		pc->packets += packets;
		pc->bytes += bytes;
	}
	if (g->observed == OBSERVED_DECLARED && g->flow) {
		struct flow_seen *fs = &o->flows[g->flow - o->policy->flows];
		fs->packets += packets;
		fs->last = r->until > fs->last ? r->until : fs->last;
	}
	if (is_violation(g)) {
		struct group *at = group_of(o, g, r);
		at->packets += packets;
		at->bytes += bytes;
		at->until = r->until > at->until ? r->until : at->until;
		at->answered += answers && first_answer(o, r->flow);
	}
}

static const char *interface_of(const struct observations *o, const struct flow_record *r)
{
	return o->options.interface ? o->options.interface(o->options.user, r->interface)
				    : NULL;
}

static void flow_record(struct observations *o, const struct flow_record *r)
{
	struct judgement whole;
	const char *interface = interface_of(o, r);
	bool first = r->kind == RECORD_FIRST || r->flow <= o->options.flows_before;
	o->first = r->at < o->first ? r->at : o->first;
	o->last = r->until > o->last ? r->until : o->last;
	if (!is_sampled(o, r) && judge_baseline(o->judge, interface, r)) {
		o->out_flows += first;
		o->out_packets += r->packets[0] + r->packets[1];
		return;
	}
	const struct judgement *g = judge_quick(o->judge, interface, r);
	if (!g) {
		judge_flow(o->judge, interface, r, &whole);
		g = &whole;
	}
	if (first) {
		count_flow(o, g);
		if (g->observed == OBSERVED_DECLARED && g->flow)
			o->flows[g->flow - o->policy->flows].flows++;
		if (is_violation(g)) {
			struct group *at = group_of(o, g, r);
			at->flows++;
			add_talk(at, &g->packet);
		}
	}
	count_packets(o, g, r);
}

static void keep_excerpt(struct observations *o, const struct flow_record *r, const void *more,
			 size_t n)
{
	struct judgement g;
	judge_flow(o->judge, interface_of(o, r), r, &g);
	if (!is_violation(&g))
		return;
	struct group *at = group_of(o, &g, r);
	if (at->excerpts.n >= o->options.excerpts)
		return;
	*vec_add(&at->excerpts) = (struct excerpt){
		.at = r->at,
		.dlt = (int)r->link,
		.caplen = (uint32_t)n,
		.len = r->bytes[0] > n ? (uint32_t)r->bytes[0] : (uint32_t)n,
		.bytes = arena_copy(o->arena, more, n),
	};
}

static void keep_fault(struct observations *o, const struct flow_record *r, const char *s,
		       size_t n)
{
	struct text t = { 0 };
	const char *where = o->options.where ? o->options.where(o->options.user, r) : NULL;
	text_putf(&t, "%s: ", where ? where : "what was captured");
	text_putn(&t, s, strnlen(s, n < 400 ? n : 400));
	observations_doubt(o, t.s);
	text_finish(&t);
}

void observations_add(void *user, const struct flow_record *r, const void *more, size_t n)
{
	struct observations *o = user;
	switch (r->kind) {
	case RECORD_FIRST:
	case RECORD_MORE:
	case RECORD_LAST:
		flow_record(o, r);
		break;
	case RECORD_COUNTS:
		if (n == sizeof(o->counts))
			memcpy(&o->counts, more, n);
		break;
	case RECORD_EXCERPT:
		keep_excerpt(o, r, more, n);
		break;
	case RECORD_FAULT:
		keep_fault(o, r, more, n);
		break;
	}
}
