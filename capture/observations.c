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
	free(o->open);
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

/* --- open flows: linear probing, without tombstones --- */

static size_t home(const struct observations *o, uint64_t flow)
{
	return (size_t)(flow * 0x9e3779b97f4a7c15u >> 20) & (o->n_slots - 1);
}

static struct open_flow *find_open(const struct observations *o, uint64_t flow)
{
	size_t i = home(o, flow);
	while (o->open[i].flow && o->open[i].flow != flow)
		i = (i + 1) & (o->n_slots - 1);
	return &o->open[i];
}

static void grow(struct observations *o)
{
	struct open_flow *old = o->open;
	size_t n = o->n_slots;
	o->n_slots = n ? n * 2 : 1024;
	o->open = xcalloc(o->n_slots, sizeof(*o->open));
	for (size_t i = 0; i < n; i++)
		if (old[i].flow)
			*find_open(o, old[i].flow) = old[i];
	free(old);
}

static void put_open(struct observations *o, const struct open_flow *of)
{
	if (o->n_open * 2 >= o->n_slots)
		grow(o);
	struct open_flow *at = find_open(o, of->flow);
	o->n_open += !at->flow;
	*at = *of;
}

static void drop_open(struct observations *o, struct open_flow *at)
{
	size_t mask = o->n_slots - 1, hole = (size_t)(at - o->open);
	for (size_t i = (hole + 1) & mask; o->open[i].flow; i = (i + 1) & mask) {
		size_t want = home(o, o->open[i].flow);
		/* it may move to the hole, unless its home lies behind that */
		if (((i - want) & mask) < ((i - hole) & mask))
			continue;
		o->open[hole] = o->open[i];
		hole = i;
	}
	o->open[hole].flow = 0;
	o->n_open--;
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

static void key_of(const struct judgement *g, struct group_key *k)
{
	const struct packet *p = &g->packet;
	memset(k, 0, sizeof(*k));
	k->observed = g->observed;
	k->from = g->parties.from.zone;
	k->to = g->parties.to.zone;
	k->segment_tenant = g->parties.segment_tenant;
	k->exception = g->excepted.exception;
	if (g->parties.segment) {
		k->segment = g->parties.segment->id;
		k->segment_kind = g->parties.segment->kind;
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
	key_of(g, &key);
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

static void add_to_group(struct group *g, const struct flow_record *r)
{
	g->packets += r->packets[0] + r->packets[1];
	g->bytes += r->bytes[0] + r->bytes[1];
	g->until = r->until > g->until ? r->until : g->until;
}

/* --- records --- */

static bool is_violation(const struct judgement *g)
{
	return g->observed >= OBSERVED_UNDECLARED;
}

static void count_pair(struct observations *o, const struct judgement *g)
{
	if (g->pair == JUDGE_NO_PAIR)
		return;
	while (o->pairs.n <= g->pair)
		vec_add(&o->pairs);
	o->pairs.v[g->pair].flows++;
	o->pairs.v[g->pair].by[g->observed]++;
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

static void count_flow(struct observations *o, const struct judgement *g)
{
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
	o->positive += g->observed == OBSERVED_DECLARED;
	count_pair(o, g);
}

/* What a record counts, added to what was said of its flow. */
static void count_packets(struct observations *o, struct open_flow *of,
			  const struct flow_record *r)
{
	uint64_t packets = r->packets[0] + r->packets[1], bytes = r->bytes[0] + r->bytes[1];
	o->by_packets[of->observed] += packets;
	o->answers += r->packets[1];
	if (of->pair != JUDGE_NO_PAIR) {
		o->pairs.v[of->pair].packets += packets;
		o->pairs.v[of->pair].bytes += bytes;
	}
	if (of->declared != GROUP_NONE) {
		struct flow_seen *fs = &o->flows[of->declared];
		fs->packets += packets;
		fs->last = r->until > fs->last ? r->until : fs->last;
	}
	if (of->group != GROUP_NONE) {
		struct group *g = &o->groups.v[of->group];
		add_to_group(g, r);
		g->answered += r->packets[1] && !of->answered;
	}
	of->answered |= r->packets[1] != 0;
}

static void first_record(struct observations *o, const struct flow_record *r)
{
	struct judgement g;
	struct open_flow of = { .flow = r->flow, .group = GROUP_NONE, .declared = GROUP_NONE };
	const char *interface =
		o->options.interface ? o->options.interface(o->options.user, r->interface)
				     : NULL;
	if (!is_sampled(o, r) && judge_baseline(o->judge, interface, r)) {
		o->out_flows++;
		o->out_packets += r->packets[0] + r->packets[1];
		return;
	}
	judge_flow(o->judge, interface, r, &g);
	count_flow(o, &g);
	of.pair = g.pair;
	of.observed = g.observed;
	if (g.observed == OBSERVED_DECLARED && g.flow) {
		of.declared = (uint32_t)(g.flow - o->policy->flows);
		o->flows[of.declared].flows++;
	}
	if (is_violation(&g)) {
		struct group *at = group_of(o, &g, r);
		of.group = (uint32_t)(at - o->groups.v);
		at->flows++;
		add_talk(at, &g.packet);
	}
	count_packets(o, &of, r);
	put_open(o, &of);
}

static void next_record(struct observations *o, const struct flow_record *r)
{
	struct open_flow *of = o->n_slots ? find_open(o, r->flow) : NULL;
	if (!of || !of->flow) {
		o->out_packets += r->packets[0] + r->packets[1];
		return;
	}
	count_packets(o, of, r);
	if (r->kind == RECORD_LAST)
		drop_open(o, of);
}

static void keep_excerpt(struct observations *o, const struct flow_record *r, const void *more,
			 size_t n)
{
	struct open_flow *of = o->n_slots ? find_open(o, r->flow) : NULL;
	if (!of || !of->flow || of->group == GROUP_NONE)
		return;
	struct group *g = &o->groups.v[of->group];
	if (g->excerpts.n >= o->options.excerpts)
		return;
	uint64_t len = r->bytes[0] + r->bytes[1];
	*vec_add(&g->excerpts) = (struct excerpt){
		.at = r->at,
		.dlt = o->options.link ? o->options.link(o->options.user, r->interface) : 1,
		.caplen = (uint32_t)n,
		.len = len > n && len < UINT32_MAX ? (uint32_t)len : (uint32_t)n,
		.bytes = arena_copy(o->arena, more, n),
	};
}

static void keep_fault(struct observations *o, const char *s, size_t n)
{
	struct text t = { 0 };
	text_put(&t, "not all was read: ");
	text_putn(&t, s, strnlen(s, n < 400 ? n : 400));
	observations_doubt(o, t.s);
	text_finish(&t);
}

void observations_add(void *user, const struct flow_record *r, const void *more, size_t n)
{
	struct observations *o = user;
	switch (r->kind) {
	case RECORD_FIRST:
		first_record(o, r);
		break;
	case RECORD_MORE:
	case RECORD_LAST:
		next_record(o, r);
		break;
	case RECORD_COUNTS:
		if (n == sizeof(o->counts))
			memcpy(&o->counts, more, n);
		break;
	case RECORD_EXCERPT:
		keep_excerpt(o, r, more, n);
		break;
	case RECORD_FAULT:
		keep_fault(o, more, n);
		break;
	}
}
