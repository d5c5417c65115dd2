/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the firewall drops because of its translations.
 *
 * A packet whose answer would be translated, but which did not come by that translation, is
 * dropped ("Asymmetric NAT rules matched for forward and reverse flows", syslog 305013): a host
 * behind a translation can't be called by its real address. This is asked before anything is
 * translated: what some rule translates has to be the rule that its answers meet first; what
 * none translates must not have answers that one does.
 *
 * With nat-control (always in PIX 6) nothing passes between ports of different security
 * without a translation (305005); and what a `nat` line means must have a `global` on the port
 * that it leaves by.
 */
#include "collectors/asa_nat.h"

#include <string.h>

struct rules {
	VEC(struct rule) v;
};

static void add(struct rules *r, enum verdict verdict, const struct match *m, struct loc at,
		const char *note)
{
	if (m->kind == MATCH_NONE)
		return;
	*vec_add(&r->v) = (struct rule){ .at = at,
					 .match = m,
					 .note = note,
					 .verdict = (uint8_t)verdict,
					 .flags = RULE_IMPLICIT | RULE_GLUE };
}

static bool applies(const char *port, const char *at)
{
	return !port || !strcmp(port, at);
}

static bool overlap(const struct xaddr *x, const struct xaddr *y)
{
	if (!x->known || !y->known)
		return true;
	if (x->family != y->family)
		return false;
	for (size_t i = 0, j = 0; i < x->n && j < y->n;) {
		if (addr_compare(x->v[i].hi, y->v[j].lo) < 0)
			i++;
		else if (addr_compare(y->v[j].hi, x->v[i].lo) < 0)
			j++;
		else
			return true;
	}
	return false;
}

/* Destinations of x, as the packet comes, that become addresses of y; NULL: not told. */
static const struct match *common(struct asa *a, const struct xlate *x, const struct xlate *y)
{
	VEC(struct span) v = { 0 };
	const struct match *m = NULL;
	struct span from, to;

	if (!x->real.known || !x->mapped.known || !y->real.known || x->real.n != 1 ||
	    x->mapped.n != 1 || x->real.family != FAMILY_V4 || x->mapped.family != FAMILY_V4 ||
	    y->real.family != FAMILY_V4 || xaddr_count(x->real) != xaddr_count(x->mapped))
		return NULL;
	from = x->real.v[0];
	to = x->mapped.v[0];
	for (size_t i = 0; i < y->real.n; i++) {
		uint64_t lo = y->real.v[i].lo.lo, hi = y->real.v[i].hi.lo;

		lo = lo > from.lo.lo ? lo : from.lo.lo;
		hi = hi < from.hi.lo ? hi : from.hi.lo;
		if (lo <= hi)
			*vec_add(&v) = (struct span){ { 0, to.lo.lo + (lo - from.lo.lo) },
						      { 0, to.lo.lo + (hi - from.lo.lo) } };
	}
	m = match_spans(a->m, FIELD_DST, FAMILY_V4, v.v, v.n);
	vec_free(&v);
	return m;
}

/* Packets that come by x whose answers may meet a rule in front of it; made once. */
static const struct match *earlier(struct nat_work *k, struct xlate *x)
{
	struct asa *a = k->a;
	const struct match *some = match_none(a->m);

	if (x->earlier)
		return x->earlier;
	if (k->v.n > XLATES_COMPARED || k->work > NAT_WORK_MAX) {
		some = match_all(a->m);
	} else {
		for (const struct xlate *y = k->v.v; y < x; y++) {
			const struct match *one;

			k->work += 1 + y->real.n + x->real.n;
			if (y->from_nat == y->to_nat || y->touches->kind == MATCH_NONE ||
			    (y->in && x->in && strcmp(y->in, x->in)) ||
			    (y->out && x->out && strcmp(y->out, x->out)) ||
			    !overlap(&y->real, &x->real))
				continue;
			if (y->has_service && x->has_service &&
			    (y->proto != x->proto || (y->first.source && x->first.source &&
						      (y->first.s.hi < x->first.s.lo ||
						       x->first.s.hi < y->first.s.lo))))
				continue;
			one = common(a, x, y);
			if (!one)
				one = match_all(a->m);
			if (y->has_dest && y->dest_real.src)
				one = match_and(a->m, one, y->dest_real.src);
			some = match_or(a->m, some, one);
		}
	}
	x->earlier = some;
	return some;
}

static void add_earlier(struct nat_work *k, struct rules *r, struct xlate *x,
			const struct nat *n)
{
	struct asa *a = k->a;
	const struct match *some = earlier(k, x);

	if (some->kind != MATCH_NONE)
		add(r, VERDICT_DENY,
		    match_and(
			    a->m, match_and(a->m, n->match, some),
			    match_unknown(a->m, n->at,
					  "an earlier translation that its answers may meet")),
		    n->at, NULL);
}

/* Answers that leave by the port would be translated: the packet itself wasn't. */
static void add_reverse(struct nat_work *k, struct rules *r, const struct xlate *x,
			const struct nat *n)
{
	struct asa *a = k->a;
	const struct match *m = match_swap(a->m, n->match);

	if (n->in)
		m = match_and(a->m, m, match_iface(a->m, FIELD_OIF, n->in, false));
	if (n->kind == NAT_KEEP) {
		add(r, VERDICT_PERMIT, m, n->at, NULL);
		return;
	}
	/* Of earlier releases we have only the message, not the rule. */
	if (k->old)
		m = match_and(a->m, m,
			      match_unknown(a->m, n->at, "a reverse path check of NAT"));
	(void)x;
	add(r, VERDICT_DENY, m, n->at, "called by an address that its answers don't have");
}

static void finish(struct asa *a, struct rules *r, const char *name, enum hook_kind kind,
		   int order, const char *port)
{
	struct ruleset *rs;

	if (r->v.n) {
		rs = device_build_ruleset(a->b, name, "translation check", r->v.v[0].at);
		rs->dflt = VERDICT_PERMIT;
		rs->glue = true;
		rs->incidental = true;
		device_build_rules(a->b, rs, r->v.v, r->v.n);
		device_build_hook(a->b, kind, order, port, rs, r->v.v[0].at);
	}
	vec_free(&r->v);
}

static void check_reverse(struct nat_work *k, const char *port)
{
	struct asa *a = k->a;
	struct rules r = { 0 };
	bool some = false;

	/* A check of conversations: what belongs to one passes. */
	add(&r, VERDICT_PERMIT, match_not(a->m, match_value(a->m, FIELD_STATE, STATE_NEW)),
	    a->b->dev.at, NULL);
	vec_each (x, &k->v)
		for (size_t i = x->from_nat; i < x->to_nat; i++) {
			const struct nat *n = &a->b->nats.v[i];

			if (n->rewrites != NAT_DESTINATION || n->kind == NAT_BOUND ||
			    !applies(n->in, port))
				continue;
			if (n->in == x->out || !n->in) /* of the mapped side */
				add_earlier(k, &r, x, n);
			add(&r, VERDICT_PERMIT, n->match, n->at, NULL);
		}
	vec_each (x, &k->v)
		for (size_t i = x->from_nat; i < x->to_nat; i++) {
			const struct nat *n = &a->b->nats.v[i];

			if (n->rewrites != NAT_SOURCE || n->kind == NAT_BOUND ||
			    !applies(n->out, port))
				continue;
			some |= n->kind != NAT_KEEP;
			add_reverse(k, &r, x, n);
		}
	if (!some)
		r.v.n = 0;
	finish(a, &r, arena_printf(a->arena, "at %s", port), HOOK_IN,
	       ASA_ORDER_NAT_CHECK, port);
}

/* Ports of a security level on the given side of that of port p, as a condition. */
static const struct match *levels(struct asa *a, const struct intf *of, bool higher,
				  enum field field)
{
	VEC(const struct match *) v = { 0 };
	const struct match *m;

	vec_each (p, &a->b->ports) {
		const struct intf *i = asa_port_named(a, p->name);

		if (i && (higher ? asa_level(i) > asa_level(of) : asa_level(i) < asa_level(of)))
			*vec_add(&v) = match_iface(a->m, field, p->name, false);
	}
	m = match_or_n(a->m, v.v, v.n);
	vec_free(&v);
	return m;
}

/* Packets to a port of lower security that no rule means; before their source is translated. */
static void control_out(struct nat_work *k, const struct intf *i, struct loc at)
{
	struct asa *a = k->a;
	struct rules r = { 0 };
	const struct match *from = levels(a, i, true, FIELD_IIF);

	from = match_and(a->m, from, match_value(a->m, FIELD_STATE, STATE_NEW));
	vec_each (x, &k->v) {
		if (x->why && applies(x->out, i->name))
			add(&r, VERDICT_UNKNOWN, match_and(a->m, from, x->touches),
			    asa_loc(a, x->line), x->why);
		for (size_t n = x->from_nat; n < x->to_nat; n++) {
			const struct nat *t = &a->b->nats.v[n];
			const struct match *m;

			if (t->rewrites != NAT_SOURCE || !applies(t->out, i->name))
				continue;
			m = t->match ? t->match : t->touches;
			if (t->in)
				m = match_and(a->m, m,
					      match_iface(a->m, FIELD_IIF, t->in, false));
			add(&r, t->kind == NAT_BOUND ? VERDICT_UNKNOWN : VERDICT_PERMIT, m,
			    t->at, NULL);
		}
	}
	add(&r, VERDICT_DENY, from, at, "no translation, with nat-control");
	finish(a, &r, arena_printf(a->arena, "by nat-control to %s", i->name), HOOK_OUT,
	       ASA_ORDER_NAT_CHECK, i->name);
}

/* Packets to a port of higher security: by a translation, or as an exemption lets them. */
static void control_in(struct nat_work *k, const struct intf *i, struct loc at)
{
	struct asa *a = k->a;
	struct rules r = { 0 };
	const struct match *to = levels(a, i, true, FIELD_OIF);

	to = match_and(a->m, to, match_value(a->m, FIELD_STATE, STATE_NEW));
	vec_each (x, &k->v) {
		if (x->why && applies(x->out, i->name))
			add(&r, VERDICT_UNKNOWN, match_and(a->m, to, x->touches),
			    asa_loc(a, x->line), x->why);
		for (size_t n = x->from_nat; n < x->to_nat; n++) {
			const struct nat *t = &a->b->nats.v[n];

			if (t->rewrites == NAT_DESTINATION && applies(t->in, i->name))
				add(&r, t->kind == NAT_BOUND ? VERDICT_UNKNOWN : VERDICT_PERMIT,
				    t->match ? t->match : t->touches, t->at, NULL);
			/* Someone inside may have called first. */
			else if (t->rewrites == NAT_SOURCE && t->match &&
				 applies(t->out, i->name))
				add(&r, VERDICT_UNKNOWN, match_swap(a->m, t->match), t->at,
				    "a translation that another conversation may have made");
		}
	}
	add(&r, VERDICT_DENY, to, at, "no translation, with nat-control");
	finish(a, &r, arena_printf(a->arena, "by nat-control at %s", i->name), HOOK_IN,
	       ASA_ORDER_NAT_CHECK - 1, i->name);
}

/* A `nat` line without a `global` where the packet leaves. */
static void check_stuck(struct nat_work *k, const struct intf *i)
{
	struct asa *a = k->a;
	struct rules r = { 0 };
	bool some = false;

	vec_each (x, &k->v) {
		if (x->stuck && applies(x->out, i->name)) {
			const struct match *m = match_and(
				a->m, match_value(a->m, FIELD_STATE, STATE_NEW),
				match_and(a->m, x->real.src ? x->real.src : match_all(a->m),
					  match_iface(a->m, FIELD_IIF, x->in, false)));

			some = true;
			if (x->guard)
				m = match_and(a->m, m, x->guard);
			add(&r, VERDICT_DENY,
			    match_and(a->m, m,
				      match_unknown(a->m, asa_loc(a, x->line),
						    "a translation without a pool where the "
						    "packet leaves")),
			    asa_loc(a, x->line), NULL);
			continue;
		}
		for (size_t n = x->from_nat; n < x->to_nat; n++) {
			const struct nat *t = &a->b->nats.v[n];
			const struct match *m = t->match;

			if (t->rewrites != NAT_SOURCE || !applies(t->out, i->name) || !m)
				continue;
			if (t->in)
				m = match_and(a->m, m,
					      match_iface(a->m, FIELD_IIF, t->in, false));
			add(&r, VERDICT_PERMIT, m, t->at, NULL);
		}
	}
	if (!some)
		r.v.n = 0;
	finish(a, &r, arena_printf(a->arena, "for a pool at %s", i->name),
	       HOOK_OUT, ASA_ORDER_NAT_CHECK - 1, i->name);
}

void nat_checks(struct nat_work *k)
{
	struct asa *a = k->a;
	bool control = a->nat_control && !a->nat_control_off;
	struct loc at = asa_loc(a, a->nat_control_line ? a->nat_control_line : a->first);
	size_t ports = a->b->ports.n;

	if (a->transparent && !k->v.n)
		return;
	if (ports * (k->v.n + 1) > 1000000) {
		device_build_taint(a->b, NULL, at, "too many translations for so many ports");
		return;
	}
	for (size_t p = 0; p < ports; p++) {
		const struct intf *i = asa_port_named(a, a->b->ports.v[p].name);

		check_reverse(k, i->name);
		if (!k->old)
			continue;
		check_stuck(k, i);
		if (control) {
			control_out(k, i, at);
			control_in(k, i, at);
		}
	}
	if (control && a->nat_control_line)
		ASA_EXACT(a, a->nat_control_line);
}
