/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/judge.h"

#include <stdlib.h>
#include <string.h>

#include "capture/judge_internal.h"

static bool is_stale(const struct estate_source *src, int64_t as_of)
{
	return src->max_age >= 0 &&
	       (src->collected_at < 0 || as_of * 86400 - src->collected_at > src->max_age);
}

struct judge *judge_create(struct arena *a, const struct estate *e, const struct snapshot *s,
			   const struct check_options *o)
{
	struct judge *j = xcalloc(1, sizeof(*j));
	struct graph *g = graph_create(a, e, s);
	j->arena = a;
	j->estate = e;
	j->policy = e->policy;
	j->options = o;
	j->stale = xcalloc(e->n_sources + 1, sizeof(*j->stale));
	for (size_t i = 0; i < e->n_sources; i++)
		j->stale[i] = is_stale(&e->sources[i], o->as_of);
	engine_init(&j->engine, a, e, s, g, o->budget, o->failed, NULL);
	j->engine.stale = j->stale;
	j->identity = identity_create(a, e, g);
	return j;
}

void judge_destroy(struct judge *j)
{
	if (!j)
		return;
	engine_finish(&j->engine);
	for (size_t i = 0; i < j->pairs.n; i++) {
		for (int f = 0; f < FAMILY_COUNT; f++) {
			vec_free(&j->pairs.v[i]->family[f].exact.labels);
			vec_free(&j->pairs.v[i]->family[f].loose.labels);
		}
		free(j->pairs.v[i]);
	}
	vec_free(&j->pairs);
	for (int f = 0; f < FAMILY_COUNT; f++)
		vec_free(&j->kept[f]);
	free(j->slots);
	free(j->stale);
	free(j);
}

const struct policy *judge_policy(const struct judge *j)
{
	return j->policy;
}

const struct estate *judge_estate(const struct judge *j)
{
	return j->estate;
}

size_t judge_pairs(const struct judge *j)
{
	return j->pairs.n;
}

void judge_pair_zones(const struct judge *j, uint32_t pair, const struct zone **ret_from,
		      const struct zone **ret_to)
{
	*ret_from = j->pairs.v[pair]->from;
	*ret_to = j->pairs.v[pair]->to;
}

/* --- one conversation in one direction --- */

static void unknown(struct judgement *g, const char *why)
{
	g->observed = OBSERVED_UNKNOWN;
	g->why = why;
}

static bool listed(const struct segregation *s, const struct tenant *t)
{
	for (size_t i = 0; i < s->n_between; i++)
		if (s->between[i] == t)
			return true;
	return false;
}

/* Two tenants, neither serving the other, or told apart by name. */
static bool kept_apart(const struct policy *p, const struct tenant *a, const struct tenant *b)
{
	if (!a || !b || a == b)
		return false;
	if (!a->shared && !b->shared)
		return true;
	for (size_t i = 0; i < p->n_segregations; i++)
		if (listed(&p->segregations[i], a) && listed(&p->segregations[i], b))
			return true;
	return false;
}

/* Where an end isn't known: whether it could be another tenant's than the other end. */
static bool may_cross(const struct party *a, const struct party *b)
{
	bool a_open = a->ambiguous || a->masked || a->n_candidates;
	bool b_open = b->ambiguous || b->masked || b->n_candidates;
	const struct tenant *s = a->tenant, *t = b->tenant;
	if (s && t && s == t && !a->masked && !b->masked)
		return false;
	return (a_open && (b_open || (t && !t->shared))) ||
	       (b_open && (a_open || (s && !s->shared)));
}

/* Whether the pair's sets know of such a packet. */
static bool takes(struct judge *j, const struct zone *from, const struct zone *to,
		  const struct packet *p)
{
	uint32_t at = pair_of(j, from, to);
	const struct pair_label *l =
		at == JUDGE_NO_PAIR ? NULL : pair_label(j, j->pairs.v[at], p);
	return l && (l->bits & (PAIR_KNOWN | PAIR_GAP | PAIR_BEHIND));
}

static void settle(struct party *p, const struct candidate *c)
{
	if (c->translated)
		p->addr = addr_shift(p->addr, c->seen, c->from);
	p->zone = c->zone;
	p->tenant = c->zone->tenant;
	p->translated = c->translated;
	p->n_candidates = 0;
}

static const struct candidate *own_candidate(const struct party *p)
{
	for (size_t i = 0; i < p->n_candidates; i++)
		if (p->candidates[i].own)
			return &p->candidates[i];
	return NULL;
}

/*
 * An address that leads to zones by translation: the one whose packets such a packet is, or the
 * zone that has the address itself. Of the one who begins, a static translation has replaced
 * it.
 */
static void settle_translated(struct judge *j, struct party *from, struct party *to,
			      struct packet *p)
{
	const struct candidate *own = own_candidate(from), *only = NULL;
	size_t n = 0;
	for (size_t i = 0; i < from->n_candidates && !from->ambiguous; i++)
		if (from->candidates[i].translated)
			only = &from->candidates[i], n++;
	if (n == 1 && (!own || own->zone->external)) {
		settle(from, only);
		p->src = from->addr;
	}
	if (!to->n_candidates || to->ambiguous || !from->zone)
		return;
	own = own_candidate(to);
	n = 0;
	for (size_t i = 0; i < to->n_candidates; i++)
		if (to->candidates[i].translated &&
		    takes(j, from->zone, to->candidates[i].zone, p))
			only = &to->candidates[i], n++;
	if (n == 1)
		settle(to, only);
	else if (!n && own)
		settle(to, own);
}

static const char no_zone[] = "no zone of the policy has the address";
static const char several[] = "zones of several segments have the address";
static const char hidden[] = "others are translated to the address, so that it isn't known "
			     "whose packets they are";
static const char leads[] = "the address is translated to several zones";
static const char group[] = "a multicast group, which the model doesn't follow";
static const char too_large[] =
	"the sets of packets are too large for the memory they may take";

/* Ends that can't be told, or that say all. True: it is decided. */
static bool by_ends(struct judge *j, struct judgement *g)
{
	struct party *from = &g->parties.from, *to = &g->parties.to;
	if (from->excluded || to->excluded || !j->policy->families[g->packet.family]) {
		g->observed = OBSERVED_EXCLUDED;
		return true;
	}
	if (from->local || to->local) {
		g->observed = OBSERVED_WITHIN;
		return true;
	}
	if (from->group || to->group) {
		unknown(g, group);
		return true;
	}
	g->across = may_cross(from, to);
	if (from->masked) {
		unknown(g, hidden);
		return true;
	}
	settle_translated(j, from, to, &g->packet);
	if (from->zone && to->zone)
		return false;
	const struct party *p = from->zone ? to : from;
	unknown(g, p->ambiguous ? several : p->n_candidates ? leads : no_zone);
	return true;
}

/* What a service asks of the packet, where translations have it as it arrives. */
static const struct flow *declared_here(struct judge *j, const struct zone_pair *zp,
					const struct packet *p)
{
	const struct flow *fl, *found = NULL;
	for (size_t at = 0; (fl = flows_next(&j->engine.flows, zp->from, zp->to, &at));) {
		if (match_judge(fl->service, p) != TRUTH_TRUE)
			continue;
		if (fl->action == FLOW_DENY)
			return NULL;
		found = found ? found : fl;
	}
	return found;
}

static uint8_t answer(unsigned bits, unsigned sure, unsigned maybe)
{
	return bits & sure ? 2 : bits & maybe ? 1 : 0;
}

/* What the model lets through. */
static void by_model(const struct zone_pair *zp, const struct pair_family *pf, unsigned bits,
		     struct judgement *g)
{
	bool told = zp->known && (bits & PAIR_KNOWN) && !(bits & PAIR_GAP);
	for (int i = 0; i < PLANE_COUNT; i++) {
		uint8_t a = answer(bits, PAIR_PLANE_SURE << i, PAIR_PLANE_MAYBE << i);
		if (!a && (!told || (bits & PAIR_BEHIND)))
			a = 1;
		g->plane[i] = pf->present[i] ? a : 3;
	}
	g->together = answer(bits, PAIR_SURE, PAIR_MAYBE);
	if (!g->together && (bits & PAIR_BEHIND))
		g->together = 1;
	if (!told && g->together != 1) {
		g->together = 1;
		g->why = !zp->known && zp->path.why ? zp->path.why
			 : bits & PAIR_GAP	    ? "their way isn't known to its end"
					   : "the model knows no way for these packets, or "
					     "nobody at their address";
		g->why_at = zp->path.why_at;
	}
}

/* Whether a flow names the protocol, and doesn't just let everything through. */
static bool declares_such(const struct flow *fl)
{
	return fl && fl->service->kind != MATCH_ALL;
}

static bool is_opaque(const struct flow_record *r)
{
	return r->opaque == OPAQUE_ENCRYPTED || r->opaque == OPAQUE_ENCAPSULATION;
}

static void possible(struct judgement *g, const char *why, struct loc at)
{
	g->certainty = POSSIBLE;
	g->why = why;
	g->why_at = at;
}

static void by_sets(struct judge *j, const struct flow_record *r, struct judgement *g)
{
	struct zone_pair *zp = j->pairs.v[g->pair];
	const struct zone *from = zp->from, *to = zp->to;
	struct packet *p = &g->packet;
	const struct pair_label *l = g->portless ? pair_loose(j, zp, p) : pair_label(j, zp, p);
	bool opaque = is_opaque(r) && from->tenant != to->tenant;
	if (!l) {
		unknown(g, too_large);
		return;
	}
	const struct pair_family *pf = &zp->family[p->family];
	if (l->bits & PAIR_EXCLUDED) {
		g->observed = OBSERVED_EXCLUDED;
		return;
	}
	bool declared = l->bits & PAIR_DECLARED;
	g->flow = l->flow;
	if (!declared && pf->rewrites && !g->portless) {
		g->flow = declared_here(j, zp, p);
		declared = g->flow;
	}
	by_model(zp, pf, l->bits, g);
	if (!declared && (opaque || g->across)) {
		g->observed = opaque ? OBSERVED_OPAQUE : OBSERVED_CROSS_TALK;
		g->why = NULL;
	} else if (!g->together) {
		g->observed = OBSERVED_NOT_IN_MODEL;
		if (zp->taint)
			possible(g, zp->taint, zp->taint_at);
		else if (l->bits & PAIR_BOUND)
			possible(g, "a translation on the way isn't understood", LOC_NONE);
	} else if (opaque && !declares_such(g->flow)) {
		g->observed = OBSERVED_OPAQUE;
	} else if (!declared) {
		g->observed = OBSERVED_UNDECLARED;
	} else if (g->portless) {
		unknown(g, "the ports aren't known, and some are declared");
	} else {
		g->observed = OBSERVED_DECLARED;
	}
}

/* Whose addresses were told by a segment that nobody declared: a hint, no more. */
static void by_hint(struct judgement *g)
{
	const struct parties *ps = &g->parties;
	if (g->observed < OBSERVED_UNDECLARED || ps->declared || g->certainty == POSSIBLE)
		return;
	if (g->observed == OBSERVED_SPOOFED || ps->from.by_segment || ps->to.by_segment)
		possible(g, "whose the segment is was drawn from what was read: declare it",
			 ps->at);
}

/* A first packet, as the sets have them. */
static struct packet first_packet(struct packet p)
{
	p.state = STATE_NEW;
	p.fragment = 0;
	p.flags = p.proto == PROTO_TCP ? TCP_SYN : 0;
	return p;
}

/* g->packet, parties are set. */
static void judge_one(struct judge *j, const struct flow_record *r, struct judgement *g)
{
	const struct parties *ps = &g->parties;
	g->packet = first_packet(g->packet);
	if (ps->spoofed) {
		g->observed = OBSERVED_SPOOFED;
		g->across = true;
		by_hint(g);
		return;
	}
	if (by_ends(j, g))
		return;
	g->across = kept_apart(j->policy, ps->from.tenant, ps->to.tenant);
	g->pair = pair_of(j, ps->from.zone, ps->to.zone);
	if (g->pair == JUDGE_NO_PAIR)
		unknown(g, "more zone pairs than are followed");
	else if (ps->from.zone == ps->to.zone && !ps->from.zone->self)
		g->observed = OBSERVED_WITHIN;
	else
		by_sets(j, r, g);
	by_hint(g);
}

static struct packet reversed(const struct packet *p)
{
	struct packet q = *p;
	q.src = p->dst;
	q.dst = p->src;
	if (packet_has_ports(p)) {
		q.sport = p->dport;
		q.dport = p->sport;
	}
	return q;
}

/* Of two readings of one conversation, the one to believe: 0 or 1. */
static int believe(const struct judgement *g)
{
	static const uint8_t rank[OBSERVED_COUNT] = {
		[OBSERVED_DECLARED] = 0,     [OBSERVED_EXCLUDED] = 1,	[OBSERVED_UNKNOWN] = 2,
		[OBSERVED_WITHIN] = 3,	     [OBSERVED_UNDECLARED] = 4, [OBSERVED_OPAQUE] = 5,
		[OBSERVED_NOT_IN_MODEL] = 6, [OBSERVED_CROSS_TALK] = 7, [OBSERVED_SPOOFED] = 8,
	};
	int a = rank[g[0].observed], b = rank[g[1].observed];
	if (a != b)
		return b < a;
	/* servers have the lower port */
	return packet_has_ports(&g[0].packet) && g[0].packet.dport > g[0].packet.sport &&
	       g[0].packet.dport >= 1024;
}

/* In one direction, or, where it isn't known who began, in the one that the policy declares. */
static void judge_conversation(struct judge *j, const struct flow_record *r, bool guessed,
			       struct judgement *g)
{
	judge_one(j, r, g);
	if (!guessed || g->observed == OBSERVED_DECLARED || g->observed == OBSERVED_EXCLUDED)
		return;
	struct judgement both[2] = { *g, { .certainty = CERTAIN, .pair = JUDGE_NO_PAIR } };
	both[1].parties = g->parties;
	both[1].packet = reversed(&r->packet);
	if (r->related)
		both[1].packet = reversed(&g->packet);
	both[1].portless = g->portless;
	both[1].reversed = true;
	identity_again(j->identity, &both[1].packet, &both[1].parties);
	judge_one(j, r, &both[1]);
	*g = both[believe(both)];
}

static bool ports_unknown(const struct flow_record *r)
{
	const struct packet *p = &r->packet;
	return r->fragments || p->fragment || r->opaque == OPAQUE_CUT ||
	       ((r->anomalies & ANOMALY_TINY_FRAGMENT) && !p->sport && !p->dport);
}

/* Where a packet is cut among its extension headers, not even the protocol is known. */
static bool proto_unknown(const struct flow_record *r)
{
	static const uint8_t extensions[] = { 0, 43, 44, 51, 60, 135, 139, 140 };
	for (size_t i = 0; i < sizeof(extensions); i++)
		if (r->opaque == OPAQUE_CUT && r->packet.proto == extensions[i])
			return true;
	return false;
}

static void judge_proto_unknown(struct judge *j, struct judgement *g)
{
	const struct parties *ps = &g->parties;
	size_t at = 0;
	bool declared = false;
	if (ps->from.zone && ps->to.zone) {
		const struct flow *fl;
		while ((fl = flows_next(&j->engine.flows, ps->from.zone, ps->to.zone, &at)))
			declared |= fl->action != FLOW_DENY;
	}
	if (declared)
		unknown(g, "the protocol isn't known, and some are declared");
}

/* Frames of protocols that carry no IP, and never leave their link. */
static bool is_link_protocol(uint16_t ethertype)
{
	static const uint16_t known[] = {
		0x0806, /* ARP */
		0x8035, /* reverse ARP */
		0x8808, /* pause */
		0x8809, /* LACP and its like */
		0x8863, /* PPPoE, discovery */
		0x888e, /* 802.1X */
		0x88cc, /* LLDP */
		0x88f7, /* PTP */
		0x8902, /* connectivity faults */
		0x9000, /* loopback test */
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (ethertype == known[i])
			return true;
	return ethertype && ethertype < 0x600; /* 802.3: spanning tree, CDP */
}

static void judge_frame(const struct flow_record *r, struct judgement *g)
{
	if (r->opaque == OPAQUE_NO_IP && is_link_protocol(r->ethertype)) {
		g->observed = OBSERVED_WITHIN;
		return;
	}
	/* what may hold a packet may hold one between tenants */
	g->across = r->opaque != OPAQUE_NO_IP;
	unknown(g, g->across ? "what the frame carries can't be told"
			     : "a protocol that carries no IP, of which nothing is known");
}

/* The conversation that an error is about, where it can be that. */
static bool judge_related(struct judge *j, const struct flow_record *r, struct judgement *g)
{
	const struct quoted *q = &r->quoted;
	if (!r->related || !q->any || q->family != r->packet.family ||
	    !addr_equal(q->src, r->packet.dst))
		return false;
	struct judgement of = { .certainty = CERTAIN, .pair = JUDGE_NO_PAIR };
	of.parties = g->parties;
	of.packet = (struct packet){ .family = q->family,
				     .proto = q->proto,
				     .sport = q->sport,
				     .dport = q->dport,
				     .src = q->src,
				     .dst = q->dst };
	of.portless = !q->has_ports && proto_has_ports(q->proto);
	identity_again(j->identity, &of.packet, &of.parties);
	/* a third tenant's host has no say in it */
	const struct tenant *sender = g->parties.from.tenant;
	if (of.parties.spoofed ||
	    (sender && !sender->shared && sender != of.parties.from.tenant &&
	     sender != of.parties.to.tenant))
		return false;
	judge_conversation(j, r, true, &of);
	if (of.observed != OBSERVED_DECLARED && of.observed != OBSERVED_EXCLUDED &&
	    of.observed != OBSERVED_WITHIN)
		return false;
	*g = of;
	return true;
}

/* The packets that carry the inner one may cross tenants themselves. */
static void judge_tunnels(struct judge *j, const struct flow_record *r, struct judgement *g)
{
	for (size_t i = 0; i < r->n_tunnels && i < TUNNELS_MAX; i++) {
		const struct tunnel_end *e = &r->tunnels[i];
		struct judgement of = { .certainty = CERTAIN, .pair = JUDGE_NO_PAIR };
		of.packet = (struct packet){ .family = e->family,
					     .proto = e->proto,
					     .sport = e->proto == PROTO_UDP ? 49152 : 0,
					     .dport = e->dport,
					     .src = e->src,
					     .dst = e->dst };
		of.tunnel = (uint8_t)(i + 1);
		identity_again(j->identity, &of.packet, &of.parties);
		if (!kept_apart(j->policy, of.parties.from.tenant, of.parties.to.tenant))
			continue;
		struct flow_record plain = { .kind = r->kind, .packet = of.packet };
		judge_one(j, &plain, &of);
		if (of.observed > g->observed)
			*g = of;
	}
}

static bool covers(const struct exception *x, const struct judgement *g, const char *id,
		   const char *alike)
{
	const struct parties *ps = &g->parties;
	return !x->plane && (check_matches(x->check, id) || check_matches(x->check, alike)) &&
	       (!x->from || x->from == ps->from.zone) && (!x->to || x->to == ps->to.zone) &&
	       match_judge(x->service, &g->packet) == TRUTH_TRUE;
}

/* What holds the finding that would be raised of the packets themselves, or of the rules that
 * let them through. */
static void by_exceptions(struct judge *j, struct judgement *g)
{
	static const char *const ids[OBSERVED_COUNT][2] = {
		[OBSERVED_UNDECLARED] = { "observed.undeclared", "intent.exposed" },
		[OBSERVED_OPAQUE] = { "observed.opaque", "observed.opaque" },
		[OBSERVED_NOT_IN_MODEL] = { "observed.not-in-model", "observed.not-in-model" },
		[OBSERVED_CROSS_TALK] = { "observed.cross-talk", "tenant.cross-talk" },
		[OBSERVED_SPOOFED] = { "observed.spoofed", "observed.spoofed" },
	};
	for (size_t i = 0; ids[g->observed][0] && i < j->policy->n_exceptions; i++) {
		const struct exception *x = &j->policy->exceptions[i];
		if (g->portless || !covers(x, g, ids[g->observed][0], ids[g->observed][1]))
			continue;
		bool expired = x->expires < j->options->as_of;
		if (g->excepted.exception && expired)
			continue;
		g->excepted = (struct exception_use){ x, expired };
		if (!expired)
			return;
	}
}

void judge_flow(struct judge *j, const char *interface, const struct flow_record *r,
		struct judgement *ret)
{
	*ret = (struct judgement){ .certainty = CERTAIN, .pair = JUDGE_NO_PAIR };
	identity_of(j->identity, interface, r, &ret->parties);
	ret->packet = r->packet;
	if (!r->has_ip) {
		judge_frame(r, ret);
	} else if (!judge_related(j, r, ret)) {
		ret->portless = ports_unknown(r);
		judge_conversation(j, r, r->began == BEGAN_GUESSED, ret);
		if (proto_unknown(r) && ret->observed != OBSERVED_SPOOFED)
			judge_proto_unknown(j, ret);
	}
	if (r->n_tunnels)
		judge_tunnels(j, r, ret);
	if (ret->observed >= OBSERVED_UNDECLARED && j->policy->n_exceptions)
		by_exceptions(j, ret);
}

bool judge_baseline(struct judge *j, const char *interface, const struct flow_record *r)
{
	struct parties ps;
	identity_of(j->identity, interface, r, &ps);
	if (!r->has_ip)
		return r->opaque == OPAQUE_NO_IP;
	if (ps.spoofed || may_cross(&ps.from, &ps.to) || r->n_tunnels || r->related ||
	    r->opaque || ps.from.n_candidates || ps.to.n_candidates)
		return false;
	const struct tenant *s = ps.from.tenant, *t = ps.to.tenant;
	return !(s && t && s != t);
}
