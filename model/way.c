/* SPDX-License-Identifier: Apache-2.0 */
#include "model/way.h"

struct packet way_translate(const struct nat *nat, const struct packet *p)
{
	struct packet q = *p;
	bool source = nat->rewrites == NAT_SOURCE;
	struct addr *a = source ? &q.src : &q.dst;
	if (nat->kind == NAT_KEEP)
		return q;
	if (nat->kind == NAT_SHIFT)
		*a = addr_shift(*a, nat->from.lo, nat->to[0].lo);
	else if (nat->n_to)
		*a = nat->to[0].lo;
	if (nat->has_port && packet_has_ports(&q)) {
		uint16_t *port = source ? &q.sport : &q.dport;
		/* a port that may stay as it is stays */
		if (*port < nat->port_lo || *port > nat->port_hi)
			*port = nat->port_lo;
	}
	return q;
}

static struct packet placed(const struct point *pt, const struct packet *p)
{
	struct packet q = *p;
	q.iif = pt->ip_iif, q.oif = pt->ip_oif;
	q.physin = q.physout = NULL;
	return q;
}

const struct nat *way_nat(const struct point *pt, const struct way_step *st,
			  const struct packet *p, enum truth *ret_truth)
{
	struct packet here = placed(pt, p);
	*ret_truth = TRUTH_TRUE;
	for (size_t i = 0; i < st->n_nats; i++) {
		enum truth t = match_judge(st->nats[i]->match, &here);
		if (t == TRUTH_FALSE)
			continue;
		if (t == TRUTH_UNKNOWN)
			*ret_truth = TRUTH_UNKNOWN;
		return st->nats[i];
	}
	return NULL;
}

enum truth way_step_packet(const struct point *pt, const struct way_step *st, struct packet *p)
{
	struct packet here;
	const struct nat *n;
	enum truth t = TRUTH_TRUE;
	switch ((enum step_kind)st->kind) {
	case STEP_STAGE:
	case STEP_RESTORE:
		break;
	case STEP_TAKE:
		here = placed(pt, p);
		t = match_judge(st->match, &here);
		return !st->negate ? t : t == TRUTH_UNKNOWN ? t : t == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
	case STEP_REWRITE:
		n = way_nat(pt, st, p, &t);
		if (n)
			*p = way_translate(n, p);
		return TRUTH_TRUE;
	}
	return t;
}

static bool chooses(const struct nat *n, const struct packet *p)
{
	if (n->kind == NAT_KEEP)
		return false;
	if (n->kind == NAT_POOL &&
	    (n->n_to > 1 || (n->n_to && !addr_equal(n->to[0].lo, n->to[0].hi))))
		return true;
	return n->has_port && n->port_lo != n->port_hi && packet_has_ports(p);
}

struct way_walk way_walk(const struct route_way *way, const struct packet *p,
			 struct way_event *ret)
{
	struct way_walk w = { .takes = TRUTH_TRUE, .sure = true, .maybe = true, .packet = *p };
	if (!(way->families >> p->family & 1)) {
		w.takes = TRUTH_FALSE;
		return w;
	}
	for (size_t i = 0; i < way->n_points; i++) {
		const struct point *pt = &way->points[i];
		for (size_t k = 0; k < pt->n_steps; k++) {
			const struct way_step *st = &pt->steps[k];
			struct way_event ev = { .point = pt, .step = st, .before = w.packet };
			struct packet here;
			enum truth sure = TRUTH_TRUE;
			if (st->kind == STEP_STAGE) {
				here = stage_packet(st->stage, &w.packet);
				ev.answer = interp(st->stage->ruleset, &here);
				w.sure &= ev.answer.sure;
				w.maybe &= ev.answer.maybe;
			} else if (st->kind == STEP_REWRITE) {
				ev.nat = way_nat(pt, st, &w.packet, &sure);
				w.chosen |= sure == TRUTH_UNKNOWN ||
					    (ev.nat && chooses(ev.nat, &w.packet));
			}
			enum truth t = way_step_packet(pt, st, &w.packet);
			if (t < w.takes)
				w.takes = t;
			ev.after = w.packet;
			if (ret && w.n < WAY_EVENTS_MAX)
				ret[w.n++] = ev;
			if (w.takes == TRUTH_FALSE)
				return w;
		}
	}
	return w;
}
