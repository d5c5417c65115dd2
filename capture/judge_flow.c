/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a captured flow is: a conversation, an answer to one, an error about one, a frame
 * without any, or a tunnel that is a conversation of its own. Each is judged as its first
 * packet.
 */
#include "capture/judge_internal.h"

/* What asks for such an answer (RFC 792, RFC 950, RFC 4443). */
static uint8_t question_type(const struct packet *p)
{
	if (p->proto == PROTO_ICMPV6)
		return p->icmp_type == 129 ? 128 : p->icmp_type;
	switch (p->icmp_type) {
	case 0: /* echo */
		return 8;
	case 14: /* time stamp */
	case 16: /* information */
	case 18: /* address mask */
		return p->icmp_type - 1;
	}
	return p->icmp_type;
}

struct packet judge_reversed(const struct packet *p)
{
	struct packet q = *p;
	if (packet_has_icmp(p))
		q.icmp_type = question_type(p);
	q.src = p->dst;
	q.dst = p->src;
	if (packet_has_ports(p)) {
		q.sport = p->dport;
		q.dport = p->sport;
	}
	return q;
}

int judge_believe(unsigned forth, unsigned back, const struct packet *p)
{
	static const uint8_t rank[OBSERVED_COUNT] = {
		[OBSERVED_DECLARED] = 0,     [OBSERVED_EXCLUDED] = 1,	[OBSERVED_UNKNOWN] = 2,
		[OBSERVED_WITHIN] = 3,	     [OBSERVED_UNDECLARED] = 4, [OBSERVED_OPAQUE] = 5,
		[OBSERVED_NOT_IN_MODEL] = 6, [OBSERVED_CROSS_TALK] = 7, [OBSERVED_SPOOFED] = 8,
	};
	if (rank[forth] != rank[back])
		return rank[back] < rank[forth];
	/* servers have the lower port */
	return packet_has_ports(p) && p->dport > p->sport && p->dport >= 1024;
}

/* In one direction, or, where it isn't known who began, in the one that the policy declares. */
static void judge_conversation(struct judge *j, const struct flow_record *r, bool guessed,
			       struct judgement *g)
{
	struct packet other = guessed ? judge_reversed(&g->packet) : g->packet;
	judge_one(j, r, g);
	if (!guessed || g->observed == OBSERVED_DECLARED || g->observed == OBSERVED_EXCLUDED)
		return;
	struct judgement both[2] = { *g, { .certainty = CERTAIN, .pair = JUDGE_NO_PAIR } };
	both[1].parties = g->parties;
	both[1].packet = other;
	both[1].portless = g->portless;
	both[1].reversed = true;
	identity_again(j->identity, &both[1].packet, &both[1].parties);
	judge_one(j, r, &both[1]);
	*g = both[judge_believe(g->observed, both[1].observed, &g->packet)];
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
	if (ps->from.zone && ps->to.zone && declares_some(j, ps->from.zone, ps->to.zone)) {
		judge_unknown(g, "the protocol isn't known, and some are declared");
		g->undecided = true;
	}
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
	/* what may hold a packet may hold one between tenants, but on a tenant's own segment */
	bool opaque = r->opaque != OPAQUE_NO_IP;
	g->across = opaque && !(g->parties.declared && g->parties.segment_tenant);
	judge_unknown(g, opaque ? "what the frame carries can't be told"
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
	if (r->has_ip && r->began == BEGAN_REVERSE) {
		ret->packet = judge_reversed(&r->packet);
		ret->reversed = true;
		identity_again(j->identity, &ret->packet, &ret->parties);
	}
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
