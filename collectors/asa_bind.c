/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a packet meets at a port. On the way in: the interface's list, then the global list,
 * then a denial; with a global list alone, that one and the denial; with neither, security
 * levels: from a higher to a lower one permitted, to a higher one denied, to an equal one
 * only with `same-security-traffic permit inter-interface` (out of the same port again:
 * `intra-interface`). On the way out: the list bound `out`, where there is one. (ASA firewall
 * configuration guide, "Access Rules".)
 *
 * The firewall remembers conversations: what belongs to one passes without asking a list.
 * What an inspection opens on the side (`related`) is not known. ICMP takes part only where
 * it is inspected; an echo reply is judged as a new packet here, as it is without inspection.
 *
 * Before 9.0 IPv6 has lists of its own, and a list bound for IPv4 says nothing about IPv6:
 * then security levels decide for that family.
 */
#include "collectors/asa_internal.h"

#include <string.h>
#include <strings.h>

void asa_binding_line(struct asa *a, struct line *l)
{
	struct binding_line b = { .line = l->no };
	struct word list = line_next(l), port;

	b.list = asa_str(a, list);
	if (line_take(l, "global")) {
		asa_use(a, "access list", b.list, l->no, false);
		*vec_add(&a->bindings) = b;
		return;
	}
	if (line_take(l, "out"))
		b.out = true;
	else if (!line_take(l, "in"))
		goto wrong;
	if (!line_take(l, "interface"))
		goto wrong;
	port = line_next(l);
	if (!port.len)
		goto wrong;
	b.port = asa_str(a, port);
	while (!line_ended(l)) {
		if (line_take(l, "per-user-override"))
			b.per_user = true;
		else if (line_take(l, "control-plane"))
			b.control_plane = true;
		else
			goto wrong;
	}
	asa_use(a, "access list", b.list, l->no, false);
	*vec_add(&a->bindings) = b;
	return;
wrong:
	asa_reject(a, l->no, NULL, "asa.access-group", "the binding was not understood");
}

/* What is bound at one port, by direction and family. */
struct bound {
	const struct binding_line *in[FAMILY_COUNT], *out[FAMILY_COUNT];
	bool per_user;
};

struct rules {
	VEC(struct rule) v;
};

static void add(struct rules *r, enum verdict verdict, const struct match *m, struct loc at,
		const struct ruleset *target, const char *note)
{
	if (m->kind == MATCH_NONE)
		return;
	*vec_add(&r->v) = (struct rule){ .at = at,
					 .match = m,
					 .target = target,
					 .note = note,
					 .verdict = (uint8_t)verdict,
					 .flags = RULE_IMPLICIT | RULE_GLUE };
}

/* The conversation is known: no list is asked. */
static void add_state(struct asa *a, struct rules *r, struct loc at)
{
	const struct match *related = match_value(a->m, FIELD_STATE, STATE_RELATED);

	add(r, VERDICT_PERMIT, match_value(a->m, FIELD_STATE, STATE_ESTABLISHED), at, NULL,
	    "belongs to a conversation that was let in");
	add(r, VERDICT_PERMIT,
	    match_and(a->m, related,
		      match_unknown(a->m, LOC_NONE, "what inspections open on the side")),
	    at, NULL, NULL);
	add(r, VERDICT_DENY,
	    match_or(a->m, related, match_value(a->m, FIELD_STATE, STATE_INVALID)), at, NULL,
	    "belongs to no conversation");
}

/*
 * The list of a binding as a call; what can't be called (missing, emptied, of another kind)
 * leaves the packet unknown.
 */
static void add_list(struct asa *a, struct rules *r, const struct binding_line *b, bool v6,
		     const struct match *guard)
{
	struct word name = { b->list, (uint32_t)strlen(b->list) };
	const struct list *l = asa_list(a, name, v6, false, 0);

	if (!l || !l->ruleset || l->cleared > b->line) {
		add(r, VERDICT_UNKNOWN, guard, asa_loc(a, b->line), NULL,
		    arena_printf(a->arena, "access list %s, which is not defined", b->list));
		return;
	}
	if (l->type != LIST_EXTENDED) {
		add(r, VERDICT_UNKNOWN, guard, asa_loc(a, b->line), NULL,
		    arena_printf(a->arena, "access list %s, which can't be bound", b->list));
		return;
	}
	add(r, VERDICT_JUMP, guard, asa_loc(a, b->line), l->ruleset, NULL);
}

/* Whether a list of that name is bound for the family: v4 lists first. */
static bool list_is_v6(struct asa *a, const char *name)
{
	return !map_get(&a->lists, name) && map_get(&a->lists6, name);
}

static bool ether_may_drop_ip(struct asa *a, const struct list *l)
{
	vec_each (e, &l->aces) {
		struct line line;

		line_split(a->src, e->line, &line);
		line.i = 2;
		if (line_take(&line, "line"))
			line_next(&line);
		line_next(&line); /* ethertype */
		if (line_take(&line, "deny") && !line_at(&line, "bpdu") &&
		    !line_at(&line, "mpls-unicast") && !line_at(&line, "mpls-multicast") &&
		    !line_at(&line, "isis") && !line_at(&line, "ipx"))
			return true;
	}
	return false;
}

/* One binding line: told in the account, and put where it belongs. */
static void take_binding(struct asa *a, const struct binding_line *b, struct bound *ports,
			 const struct binding_line **globals)
{
	struct word name = { b->list, (uint32_t)strlen(b->list) };
	bool v6 = list_is_v6(a, b->list);
	const struct list *l = asa_list(a, name, v6, false, 0);
	const struct intf *i = b->port ? asa_port_named(a, b->port) : NULL;
	struct bound *at;

	if (b->port && !i) {
		asa_refuse(a, b->line, "asa.undefined-name",
			   "the list is bound to interface %s, which is not defined", b->port);
		return;
	}
	if (l && l->type == LIST_ETHERTYPE) {
		if (ether_may_drop_ip(a, l))
			asa_reject(a, b->line, b->port, "asa.ethertype",
				   "the EtherType list may drop IP packets");
		else
			asa_class(a, b->line, ACCOUNT_IRRELEVANT, false, NULL);
		return;
	}
	if (!l || !l->aces.n) {
		diag_error(a->d, 0, "asa.undefined-list", asa_loc(a, b->line),
			   "access list %s is bound but not defined: what passes there is not "
			   "known; export the whole running configuration",
			   b->list);
		asa_class(a, b->line, ACCOUNT_BOUNDED, true,
			  "binds an access list that is not defined");
	} else if (l->cleared > b->line) {
		asa_class(a, b->line, ACCOUNT_BOUNDED, true,
			  "binds an access list that is emptied later");
	} else if (l->type != LIST_EXTENDED) {
		asa_refuse(a, b->line, "asa.list-kind",
			   "access list %s is of a kind that can't be bound to an interface",
			   b->list);
	} else if (b->per_user && a->user_lists) {
		asa_class(a, b->line, ACCOUNT_BOUNDED, true,
			  "lists of single users may override this one");
	} else {
		ASA_EXACT(a, b->line);
	}
	if (b->control_plane) {
		if (l && l->ruleset)
			device_build_hook(a->b, HOOK_OTHER, 0, i->name, l->ruleset,
					  asa_loc(a, b->line));
		return;
	}
	if (!b->port) {
		globals[v6 ? FAMILY_V6 : FAMILY_V4] = b;
		return;
	}
	at = &ports[i->index];
	(b->out ? at->out : at->in)[v6 ? FAMILY_V6 : FAMILY_V4] = b;
	at->per_user |= b->per_user && a->user_lists && !b->out;
}

/* Ports by security level, as conditions on where the packet leaves. */
struct levels {
	const struct match *at[101];	/* of that level */
	const struct match *below[102]; /* of a lower one */
	const struct match *no_ipv6;	/* without IPv6 */
};

/*
 * A port without an IPv6 address or `ipv6 enable` does not take part in IPv6 (ASA general
 * operations guide: it is off by default). Where the text may be a part of a configuration,
 * that is not certain.
 */
static bool has_ipv6(const struct asa *a, const struct intf *i)
{
	bool has = i->unknown_v6;

	for (size_t k = 0; k < i->prefixes.n; k++)
		has |= i->prefixes.v[k].family == FAMILY_V6;
	return has || a->transparent || i->bridge || i->bvi;
}

static void gather_levels(struct asa *a, struct levels *lv)
{
	VEC(const struct match *) none = { 0 };
	for (int k = 0; k <= 100; k++)
		lv->at[k] = match_none(a->m);
	for (int k = 0; k <= 100; k++) {
		VEC(const struct match *) v = { 0 };

		vec_each (p, &a->b->ports) {
			const struct intf *i = asa_port_named(a, p->name);

			if (i && asa_level(i) == k)
				*vec_add(&v) = match_iface(a->m, FIELD_OIF, p->name, false);
		}
		lv->at[k] = match_or_n(a->m, v.v, v.n);
		vec_free(&v);
	}
	lv->no_ipv6 = match_none(a->m);
	vec_each (p, &a->b->ports) {
		const struct intf *i = asa_port_named(a, p->name);

		if (i && !has_ipv6(a, i))
			*vec_add(&none) = match_iface(a->m, FIELD_OIF, p->name, false);
	}
	lv->no_ipv6 = match_or_n(a->m, none.v, none.n);
	vec_free(&none);
	lv->below[0] = match_none(a->m);
	for (int k = 0; k <= 100; k++)
		lv->below[k + 1] = match_or(a->m, lv->below[k], lv->at[k]);
}

static struct loc level_loc(const struct asa *a, const struct intf *i)
{
	return asa_loc(a, i->level_line ? i->level_line : i->line);
}

/* The other ports of the same level. */
static const struct match *equals(struct asa *a, const struct levels *lv, const struct intf *i)
{
	const struct match *self = match_iface(a->m, FIELD_OIF, i->name, false);
	const struct match *all = lv->at[asa_level(i)];

	return all == self ? match_none(a->m) : match_and(a->m, all, match_not(a->m, self));
}

/* Without a list: security levels. */
static void add_levels(struct asa *a, struct rules *r, const struct intf *i,
		       const struct levels *lv, const struct match *guard,
		       const struct ruleset *conduits)
{
	int level = asa_level(i);
	const struct match *self = match_iface(a->m, FIELD_OIF, i->name, false);
	const struct match *equal = equals(a, lv, i);

	/* The services module permits nothing without a list. */
	if (a->flavour == ASA_FWSM)
		return;
	add(r, VERDICT_PERMIT, match_and(a->m, guard, lv->below[level]), level_loc(a, i), NULL,
	    "to a lower security level");
	if (a->same_inter)
		add(r, VERDICT_PERMIT, match_and(a->m, guard, equal),
		    asa_loc(a, a->same_inter_line), NULL, "to an equal security level");
	if (a->same_intra)
		add(r, VERDICT_PERMIT, match_and(a->m, guard, self),
		    asa_loc(a, a->same_intra_line), NULL, "out of the port it came in");
	if (conduits)
		add(r, VERDICT_JUMP, match_and(a->m, guard, match_family(a->m, FAMILY_V4)),
		    asa_loc(a, a->conduits.v[0]), conduits, NULL);
}

/* With a list: it still does not open the way between ports of the same level. */
static void add_same_security(struct asa *a, struct rules *r, const struct intf *i,
			      const struct levels *lv)
{
	const struct match *self = match_iface(a->m, FIELD_OIF, i->name, false);
	const struct match *equal = equals(a, lv, i);

	if (!a->same_inter)
		add(r, VERDICT_DENY,
		    match_and(a->m, equal,
			      match_unknown(a->m, LOC_NONE,
					    "equal security levels without "
					    "same-security-traffic permit inter-interface")),
		    level_loc(a, i), NULL, NULL);
	if (!a->same_intra)
		add(r, VERDICT_DENY, self, level_loc(a, i), NULL,
		    "out of the port it came in, without same-security-traffic permit "
		    "intra-interface");
}

static bool takes_own(const struct nat *n, const struct intf *i)
{
	if (n->kind != NAT_SHIFT)
		return true;
	for (size_t k = 0; k < i->addrs.n; k++)
		if (span_has(n->from, i->addrs.v[k]))
			return true;
	return false;
}

/* Packets to the firewall itself are none of a list's business. */
static void add_own(struct asa *a, struct rules *r, const struct intf *i)
{
	const struct match *own = match_none(a->m);

	for (size_t k = 0; k < i->addrs.n; k++)
		own = match_or(a->m, own,
			       match_prefix(a->m, FIELD_DST, i->prefixes.v[k].family,
					    i->addrs.v[k], addr_bits(i->prefixes.v[k].family)));
	/* What is translated behind this list is for somebody else. */
	vec_each (n, &a->b->nats)
		if (n->rewrites == NAT_DESTINATION && n->match && n->order > 0 &&
		    (!n->in || !strcmp(n->in, i->name)) && takes_own(n, i))
			own = match_and(a->m, own, match_not(a->m, n->match));
	if (i->addrs.n && !i->dynamic)
		add(r, VERDICT_UNKNOWN, own, asa_loc(a, i->line), NULL,
		    "to the firewall itself, which lists on interfaces don't filter");
}

static bool add_no_ipv6(struct asa *a, struct rules *r, const struct intf *i,
			const struct levels *lv)
{
	bool in = !has_ipv6(a, i);
	const struct match *v6 = match_family(a->m, FAMILY_V6);

	if (!in)
		v6 = match_and(a->m, v6, lv->no_ipv6);
	if (!a->version_known)
		v6 = match_and(a->m, v6,
			       match_unknown(a->m, LOC_NONE, "IPv6 is not seen to be on here"));
	add(r, VERDICT_DENY, v6, asa_loc(a, i->line), NULL,
	    in ? "the port has no IPv6" : "the port it leaves by has no IPv6");
	return in && a->version_known;
}

static void add_extras(struct asa *a, struct rules *r, const struct intf *i, bool out)
{
	vec_each (x, &a->extras) {
		const struct match *m = x->match;

		if (out) {
			if (!x->out_too)
				continue;
			if (x->port)
				m = match_and(a->m, m,
					      match_iface(a->m, FIELD_IIF, x->port, false));
		} else if (x->port && strcmp(x->port, i->name)) {
			continue;
		}
		add(r, (enum verdict)x->verdict, m, asa_loc(a, x->line), NULL, NULL);
	}
}

static void finish(struct asa *a, struct rules *r, const struct intf *i, const char *dir,
		   enum hook_kind kind, struct loc at)
{
	struct ruleset *rs = device_build_ruleset(
		a->b, arena_printf(a->arena, "interface %s %s", i->name, dir), "interface", at);

	rs->stateful = true;
	rs->glue = true;
	device_build_rules(a->b, rs, r->v.v, r->v.n);
	device_build_hook(a->b, kind, 0, i->name, rs, at);
	vec_free(&r->v);
}

/* A port through which nothing goes. */
static bool closed(struct asa *a, struct rules *r, const struct intf *i, const char *dir,
		   enum hook_kind kind)
{
	struct loc at;

	if (i->management) {
		at = asa_loc(a, i->management_line);
		add(r, VERDICT_DENY, match_all(a->m), at, NULL,
		    "management-only: nothing goes through");
	} else if (asa_down(a, i)) {
		at = asa_loc(a, i->line);
		add(r, VERDICT_DENY, match_all(a->m), at, NULL, "the port is shut down");
	} else {
		return false;
	}
	finish(a, r, i, dir, kind, at);
	return true;
}

static void bind_in(struct asa *a, const struct intf *i, const struct bound *bd,
		    const struct binding_line *const *globals, const struct levels *lv,
		    const struct ruleset *conduits)
{
	struct rules r = { 0 };
	/* One list for both families from 9.0 on; before, each has its own. */
	int families = a->any == ASA_ANY_V4 ? FAMILY_COUNT : 1;
	struct loc at = asa_loc(a, i->line);
	bool no_ipv6;

	if (closed(a, &r, i, "in", HOOK_IN))
		return;
	add_state(a, &r, at);
	no_ipv6 = add_no_ipv6(a, &r, i, lv);
	add_own(a, &r, i);
	if (i->no_forward) {
		const struct intf *to = NULL;

		vec_each (p, &a->intfs)
			if (!strcasecmp((*p)->hw, i->no_forward))
				to = *p;
		if (to && to->name)
			add(&r, VERDICT_DENY, match_iface(a->m, FIELD_OIF, to->name, false),
			    asa_loc(a, i->no_forward_line), NULL, "no forward interface");
	}
	add_extras(a, &r, i, false);
	for (int f = 0; f < families; f++) {
		const struct match *guard =
			families == 1 ? match_all(a->m) : match_family(a->m, (enum family)f);
		const struct binding_line *own = bd ? bd->in[f] : NULL, *global = globals[f];

		if (families > 1 && f == FAMILY_V6 && no_ipv6)
			continue;
		if (own)
			at = asa_loc(a, own->line);
		if (!own && !global) {
			add_levels(a, &r, i, lv, guard, conduits);
			add(&r, VERDICT_DENY, guard, level_loc(a, i), NULL,
			    "not to a lower security level");
			continue;
		}
		add_same_security(a, &r, i, lv);
		if (bd && bd->per_user)
			add(&r, VERDICT_UNKNOWN,
			    match_and(a->m, guard,
				      match_unknown(a->m, LOC_NONE, "lists of single users")),
			    asa_loc(a, own ? own->line : i->line), NULL,
			    "a list of a single user may override this one");
		if (own)
			add_list(a, &r, own, f == FAMILY_V6 && families > 1, guard);
		if (global)
			add_list(a, &r, global, f == FAMILY_V6 && families > 1, guard);
		/* Version unknown: IPv6 may have its own lists, and none here. */
		if (a->any == ASA_ANY_UNSURE)
			add(&r, VERDICT_UNKNOWN,
			    match_and(
				    a->m, match_family(a->m, FAMILY_V6),
				    match_unknown(a->m, LOC_NONE, "software version not told")),
			    asa_loc(a, own ? own->line : global->line), NULL,
			    "before 9.0 this list says nothing about IPv6");
		else
			add(&r, VERDICT_DENY, guard, asa_loc(a, own ? own->line : global->line),
			    NULL, "end of the list");
	}
	finish(a, &r, i, "in", HOOK_IN, at);
}

static void bind_out(struct asa *a, const struct intf *i, const struct bound *bd)
{
	struct rules r = { 0 };
	int families = a->any == ASA_ANY_V4 ? FAMILY_COUNT : 1;
	struct loc at = asa_loc(a, i->line);

	if (closed(a, &r, i, "out", HOOK_OUT))
		return;
	if (!bd || (!bd->out[FAMILY_V4] && !bd->out[FAMILY_V6]))
		return;
	add_state(a, &r, at);
	add_extras(a, &r, i, true);
	for (int f = 0; f < families; f++) {
		const struct match *guard =
			families == 1 ? match_all(a->m) : match_family(a->m, (enum family)f);
		const struct binding_line *own = bd->out[f];

		if (!own) {
			add(&r, VERDICT_PERMIT, guard, at, NULL, "no list for this family");
			continue;
		}
		at = asa_loc(a, own->line);
		add_list(a, &r, own, f == FAMILY_V6 && families > 1, guard);
		if (a->any == ASA_ANY_UNSURE)
			add(&r, VERDICT_UNKNOWN,
			    match_and(
				    a->m, match_family(a->m, FAMILY_V6),
				    match_unknown(a->m, LOC_NONE, "software version not told")),
			    at, NULL, "before 9.0 this list says nothing about IPv6");
		else
			add(&r, VERDICT_DENY, guard, at, NULL, "end of the list");
	}
	finish(a, &r, i, "out", HOOK_OUT, at);
}

/* Nobody gets to the firewall by the address of another port than that he came in by, but for
 * `management-access` (ASA command reference). */
static void add_far(struct asa *a, struct rules *r)
{
	vec_each (p, &a->intfs) {
		const struct intf *i = *p;
		VEC(const struct match *) own = { 0 };

		for (size_t k = 0; i->name && !i->far_access && k < i->addrs.n; k++)
			*vec_add(&own) = match_prefix(
				a->m, FIELD_DST, (enum family)i->prefixes.v[k].family,
				i->addrs.v[k], addr_bits(i->prefixes.v[k].family));
		if (own.n)
			add(r, VERDICT_DENY,
			    match_and(a->m, match_or_n(a->m, own.v, own.n),
				      match_not(a->m,
						match_iface(a->m, FIELD_IIF, i->name, false))),
			    asa_loc(a, i->line), NULL, "the address of another port");
		vec_free(&own);
	}
}

/* To and from the firewall itself: ssh, http, icmp and the like, which we don't model. */
static void bind_local(struct asa *a)
{
	static const enum hook_kind kinds[] = { HOOK_LOCAL_IN, HOOK_LOCAL_OUT };
	static const char *const names[] = { "to the firewall", "from the firewall" };

	for (int k = 0; k < 2; k++) {
		struct rules r = { 0 };
		struct ruleset *rs =
			device_build_ruleset(a->b, names[k], "management", a->b->dev.at);

		if (kinds[k] == HOOK_LOCAL_IN && !a->transparent)
			add_far(a, &r);
		add(&r, VERDICT_UNKNOWN, match_all(a->m), a->b->dev.at, NULL,
		    "access to the firewall itself is not modelled");
		rs->glue = true;
		device_build_rules(a->b, rs, r.v.v, r.v.n);
		vec_free(&r.v);
		device_build_hook(a->b, kinds[k], 0, NULL, rs, a->b->dev.at);
	}
}

void asa_bind_build(struct asa *a)
{
	const struct binding_line *globals[FAMILY_COUNT] = { 0 };
	const struct ruleset *conduits = asa_conduits_build(a);
	struct levels *lv = xcalloc(1, sizeof(*lv));
	struct bound *ports;
	size_t n = 0;

	ports = xcalloc(a->intfs.n + 1, sizeof(*ports));
	vec_each (p, &a->intfs)
		(*p)->index = (uint32_t)n++;
	vec_each (b, &a->bindings)
		take_binding(a, b, ports, globals);
	gather_levels(a, lv);
	n = 0;
	vec_each (p, &a->intfs) {
		const struct intf *i = *p;

		if (!i->name || ++n > ASA_PORTS)
			continue;
		bind_in(a, i, &ports[i->index], globals, lv, conduits);
		bind_out(a, i, &ports[i->index]);
	}
	bind_local(a);
	free(ports);
	free(lv);
}
