/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what was read to a device.
 *
 * A list of one family says nothing about the other. So what a binding asks is not the list
 * but a small ruleset in front of it: packets of the other family pass, the rest goes through
 * the list, and what the list doesn't decide meets its default there (a list that is called
 * returns, see model/ruleset.h). The list itself stays as it was written, under its name.
 *
 * Lists without an entry, and lists that aren't there, permit everything when they are bound:
 * IOS ("Configuring IP Access Lists", an undefined list is a permit any) and NX-OS ("an
 * undefined ACL is treated as empty and permits all traffic", Nexus 9000 Security Guide). For
 * EOS we have no document that says so, and the verdict isn't known.
 */
#include "collectors/ios_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

static struct ruleset *known(struct ios *x, const char *name)
{
	return map_get(&x->rulesets, name);
}

/* A new ruleset under a name that no other has: "name", "name #2" ... */
static struct ruleset *fresh(struct ios *x, const char *name, const char *kind, struct loc at)
{
	const char *full = name;
	for (unsigned k = 2; known(x, full); k++)
		full = arena_printf(x->arena, "%s #%u", name, k);
	struct ruleset *rs = device_build_ruleset(x->b, full, kind, at);
	*map_at(&x->rulesets, full) = rs;
	return rs;
}

static void implicit_nd(struct ios *x, const struct acl *a, struct rule *r, unsigned type)
{
	struct matches *m = x->m;
	const struct match *c =
		match_and_n(m,
			    (const struct match *[]){ match_family(m, FAMILY_V6),
						      match_value(m, FIELD_PROTO, PROTO_ICMPV6),
						      match_value(m, FIELD_ICMP_TYPE, type) },
			    3);
	/* NX-OS and EOS have them by platform. */
	if (x->dialect != IOS_IOS)
		c = match_and(m, c, match_unknown(m, a->at, "implicit neighbor discovery"));
	*r = (struct rule){ .at = a->at,
			    .name = type == 136	  ? "implicit nd-na"
				    : type == 135 ? "implicit nd-ns"
						  : "implicit router discovery",
			    .match = c,
			    .verdict = VERDICT_PERMIT,
			    .flags = RULE_IMPLICIT };
}

static void implicit_fragments(struct ios *x, const struct acl *a, struct rule *r)
{
	struct matches *m = x->m;
	const struct match *c =
		match_and(m, match_family(m, a->family), match_value(m, FIELD_FRAGMENT, 1));
	bool permit = a->fragments == 1;
	if (!permit)
		c = match_and(m, c, match_unknown(m, a->fragments_at, "fragments deny-all"));
	*r = (struct rule){ .at = a->fragments_at,
			    .name = permit ? "fragments permit-all" : "fragments deny-all",
			    .match = c,
			    .verdict = permit ? VERDICT_PERMIT : VERDICT_DENY,
			    .flags = RULE_IMPLICIT };
}

static void build_list(struct ios *x, struct acl *a)
{
	const char *name = a->name;
	ios_acl_settle(x, a);
	if (known(x, name))
		name = arena_printf(x->arena, "%s (%s)", name,
				    a->family == FAMILY_V6 ? "ipv6" : "ipv4");
	a->rs = fresh(x, name, a->family == FAMILY_V6 ? "IPv6 access list" : "access list",
		      a->at);
	struct rule *v = xcalloc(a->aces.n + 8, sizeof(*v));
	size_t n = 0;
	if (a->fragments == 2)
		implicit_fragments(x, a, &v[n++]);
	for (size_t i = 0; i < a->aces.n; i++)
		v[n++] = a->aces.v[i].rule;
	if (a->fragments == 1)
		implicit_fragments(x, a, &v[n++]);
	if (a->family == FAMILY_V6 && a->aces.n) {
		implicit_nd(x, a, &v[n++], 136);
		implicit_nd(x, a, &v[n++], 135);
		if (x->dialect == IOS_NXOS) {
			implicit_nd(x, a, &v[n++], 134);
			implicit_nd(x, a, &v[n++], 133);
		}
	}
	device_build_rules(x->b, a->rs, v, n);
	free(v);
	if (!a->aces.n)
		a->rs->dflt = x->dialect == IOS_EOS || a->remarks || a->fragments
				      ? VERDICT_UNKNOWN
				      : VERDICT_PERMIT;
}

static struct acl *find_list(struct ios *x, enum family f, const char *name)
{
	struct acl *a = ios_acl(x, f, name, false);
	return a && a->defined ? a : NULL;
}

/* What a binding of the list asks; made once. */
static const struct ruleset *hook_of(struct ios *x, struct acl *a)
{
	if (a->hooks)
		return a->hooks;
	struct ruleset *rs =
		fresh(x, arena_printf(x->arena, "%s (bound)", a->rs->name), "binding", a->at);
	struct rule v[2] = { { .at = a->at,
			       .match = match_family(x->m, a->family == FAMILY_V4 ? FAMILY_V6
										  : FAMILY_V4),
			       .verdict = VERDICT_PERMIT,
			       .flags = RULE_GLUE },
			     { .at = a->at,
			       .match = match_all(x->m),
			       .verdict = VERDICT_JUMP,
			       .target = a->rs,
			       .flags = RULE_GLUE } };
	device_build_rules(x->b, rs, v, 2);
	rs->glue = true;
	rs->dflt = a->rs->dflt;
	a->hooks = rs;
	return rs;
}

static const struct ruleset *missing(struct ios *x, enum family f, const char *name,
				     struct loc at)
{
	const char *full = arena_printf(x->arena, "%s (not defined%s)", name,
					f == FAMILY_V6 ? ", ipv6" : "");
	struct ruleset *rs = known(x, full);
	bool known = x->dialect != IOS_EOS;
	if (at.line != x->missing_line) /* a range of interfaces is told once */
		diag_warning(x->d, "ios.acl-missing", at,
			     "access list %s is bound here but not defined: %s", name,
			     known ? "the device permits everything"
				   : "what the device does isn't known");
	x->missing_line = at.line;
	if (rs)
		return rs;
	rs = fresh(x, full, "binding", at);
	rs->glue = true;
	rs->dflt = VERDICT_PERMIT;
	rs->dflt_at = at;
	if (!known) {
		struct rule r = { .at = at,
				  .match = match_family(x->m, f),
				  .verdict = VERDICT_UNKNOWN,
				  .flags = RULE_GLUE,
				  .note = "the list is not defined" };
		device_build_rules(x->b, rs, &r, 1);
	}
	return rs;
}

static void hook(struct ios *x, enum hook_kind kind, int order, const char *port, enum family f,
		 const char *name, struct loc at)
{
	struct acl *a = find_list(x, f, name);
	if (a && !a->aces.n)
		diag_warning(
			x->d, "ios.acl-empty", at, "access list %s is bound but empty%s", name,
			a->rs->dflt == VERDICT_PERMIT ? ": the device permits everything" : "");
	device_build_hook(x->b, kind, order, port, a ? hook_of(x, a) : missing(x, f, name, at),
			  at);
}

const struct match *ios_acl_touches(struct ios *x, const char *name)
{
	struct acl *a = find_list(x, FAMILY_V4, name);
	if (!a)
		return match_family(x->m, FAMILY_V4);
	if (a->touches) {
		x->work += a->touches->n;
		return x->work > IOS_WORK_MAX ? match_family(x->m, FAMILY_V4) : a->touches;
	}
	VEC(const struct match *) v = { 0 };
	vec_each (e, &a->aces)
		if (e->rule.verdict != VERDICT_DENY)
			*vec_add(&v) = e->rule.match;
	a->touches = match_or_n(x->m, v.v, v.n);
	a->touches = match_or(x->m, a->touches, match_swap(x->m, a->touches));
	vec_free(&v);
	return a->touches;
}

const struct match *ios_acl_permits(struct ios *x, enum family f, const char *name)
{
	struct acl *a = find_list(x, f, name);
	if (!a || !a->aces.n)
		return match_and(x->m, match_family(x->m, f),
				 match_unknown(x->m, LOC_NONE, "access list %s, which is %s",
					       name, a ? "empty" : "not defined"));
	if (!a->permits)
		a->permits = match_and(x->m, match_family(x->m, f),
				       rules_permit(x->m, a->rs->rules, a->rs->n));
	return a->permits;
}

static bool is_physical(const struct iface *f)
{
	return !strncasecmp(f->name, "eth", 3) || !strncasecmp(f->name, "port-channel", 12);
}

/* Bridges rather than routes. */
static bool is_l2(const struct ios *x, const struct iface *f)
{
	if (f->no_switchport || f->addrs.n || f->vrf || strchr(f->name, '.'))
		return false;
	return f->switchport || (x->dialect != IOS_IOS && is_physical(f));
}

/* A switch shows nothing of the mode of a port of VLAN 1: without an address it may bridge. */
static bool may_be_l2(const struct ios *x, const struct iface *f)
{
	return is_l2(x, f) || (x->dialect == IOS_IOS && !f->no_switchport && !f->addrs.n &&
			       !f->vrf && !strchr(f->name, '.') && strcasestr(f->name, "eth"));
}

static const char *svi_name(struct ios *x, uint32_t vlan)
{
	struct iface *f = ios_iface(x, arena_printf(x->arena, "Vlan%u", vlan), false, LOC_NONE);
	return f ? f->name : NULL;
}

static bool is_svi(const struct iface *f)
{
	return !strncasecmp(f->name, "vlan", 4) && isdigit((unsigned char)f->name[4]);
}

/* What filters on a bridged port filters before the VLAN's interface routes. */
static void taint_svis(struct ios *x, const struct iface *f, struct loc at, const char *what)
{
	if (!f->trunk && f->vlan) {
		const char *svi = svi_name(x, (uint32_t)f->vlan);
		if (svi)
			device_build_taint(x->b, svi, at, "%s on its port %s", what, f->name);
		return;
	}
	if (x->svis_tainted)
		return;
	x->svis_tainted = true;
	vec_each (it, &x->ifaces)
		if (is_svi(it))
			device_build_taint(x->b, it->name, at, "%s on the port %s", what,
					   f->name);
}

static void bind_lists(struct ios *x, const struct iface *f)
{
	bool l2 = is_l2(x, f);
	vec_each (b, &f->binds) {
		if (l2 && !b->port_acl && x->dialect == IOS_NXOS) {
			diag_warning(
				x->d, "ios.inactive-binding", b->at,
				"%s bridges: a list of routed packets is not in force on it",
				f->name);
			continue;
		}
		if (may_be_l2(x, f))
			taint_svis(x, f, b->at, "a list");
		hook(x, b->out ? HOOK_OUT : HOOK_IN, l2 ? -10 : 0, f->name,
		     b->what == BIND_V6 ? FAMILY_V6 : FAMILY_V4, b->name, b->at);
	}
}

/* A ruleset that may drop what `which` matches, and passes the rest. */
static void narrow_hook(struct ios *x, enum hook_kind kind, const char *port, const char *why,
			const struct match *which, struct loc at)
{
	const char *name = arena_printf(x->arena, "%s %s", port ? port : "control-plane", why);
	struct ruleset *rs = fresh(x, name, "check", at);
	struct rule r = { .at = at,
			  .match = match_and(x->m, which, match_unknown(x->m, at, "%s", why)),
			  .verdict = VERDICT_DENY,
			  .flags = RULE_GLUE };
	device_build_rules(x->b, rs, &r, 1);
	rs->glue = true;
	rs->dflt = VERDICT_PERMIT;
	device_build_hook(x->b, kind, 20, port, rs, at);
}

/* ip verify unicast source reachable-via rx|any: what its list permits passes all the same. */
static void bind_check(struct ios *x, const struct iface *f, const struct narrow *w)
{
	const char *name = arena_printf(x->arena, "%s %s", f->name, w->why);
	size_t n = x->b->ports.n + x->b->routes.n;
	bool whole = x->b->dev.routing == ROUTING_WHOLE && x->work < IOS_WORK_MAX;
	x->work += n > 1000 ? n : n * n / 16;
	const struct match *m = sources_refused(x->b, f->vrf, f->name, w->loose, FAMILY_V4,
						w->allow_default, whole, w->at);
	if (w->list)
		m = match_and(x->m, m, match_not(x->m, ios_acl_permits(x, FAMILY_V4, w->list)));
	ios_mark(x, w->at.line, m->inexact ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, true, "%s",
		 w->why);
	if (may_be_l2(x, f))
		taint_svis(x, f, w->at, w->why);
	if (m->kind == MATCH_NONE)
		return;
	struct ruleset *rs = fresh(x, name, "check", w->at);
	struct rule r = {
		.at = w->at, .match = m, .verdict = VERDICT_DENY, .flags = RULE_GLUE
	};
	device_build_rules(x->b, rs, &r, 1);
	rs->glue = true;
	rs->incidental = true;
	rs->dflt = VERDICT_PERMIT;
	device_build_hook(x->b, HOOK_IN, 20, f->name, rs, w->at);
}

static void bind_narrows(struct ios *x, const struct iface *f)
{
	vec_each (w, &f->narrows) {
		const struct match *which =
			w->v4_only ? match_family(x->m, FAMILY_V4) : match_all(x->m);
		if (w->urpf) {
			bind_check(x, f, w);
			continue;
		}
		if (may_be_l2(x, f))
			taint_svis(x, f, w->at, w->why);
		narrow_hook(x, w->out ? HOOK_OUT : HOOK_IN, f->name, w->why, which, w->at);
	}
	for (int out = 0; out < 2; out++)
		if (f->policy_maps[out] && map_get(&x->drop_policies, f->policy_maps[out]))
			narrow_hook(x, out ? HOOK_OUT : HOOK_IN, f->name,
				    arena_printf(x->arena, "policy map %s drops",
						 f->policy_maps[out]),
				    match_all(x->m), f->policy_at[out]);
}

static bool is_up(struct ios *x, const struct iface *f)
{
	const char *dot = strchr(f->name, '.');
	const struct iface *parent =
		dot ? ios_iface(x, arena_strn(x->arena, f->name, (size_t)(dot - f->name)),
				false, LOC_NONE)
		    : NULL;
	if (f->shutdown || (parent && parent->shutdown))
		return false;
	if (x->dialect != IOS_NXOS || f->no_shutdown)
		return true;
	/* NX-OS: SVIs and routed ports are down until they are told not to be. */
	if (is_svi(f) || (is_physical(f) && f->no_switchport && !strchr(f->name, '.') &&
			  !strncasecmp(f->name, "eth", 3)))
		return false;
	return !(x->default_shutdown && is_l2(x, f));
}

/* Both ends of a tunnel name the same two addresses. Where an end isn't told, nobody else has
 * such a wire, so that the way ends there, by name. */
static const char *tunnel_wire(struct ios *x, const struct iface *f)
{
	struct addr own = { 0, 0 }, a, b;
	enum family fam;
	bool has = false;
	if (f->tunnel.source) {
		const struct iface *src = ios_iface(x, f->tunnel.source, false, LOC_NONE);
		has = addr_parse(f->tunnel.source, strlen(f->tunnel.source), &fam, &own) &&
		      fam == FAMILY_V4;
		for (size_t i = 0; src && !has && i < src->addrs.n; i++)
			if (src->addrs.v[i].family == FAMILY_V4) {
				own = src->addrs.v[i].addr;
				has = true;
			}
	}
	if (!has || !f->tunnel.has_dest || f->tunnel.many)
		return arena_printf(x->arena, "tunnel of %s %s", x->device, f->name);
	bool less = addr_compare(own, f->tunnel.dest) < 0;
	a = less ? own : f->tunnel.dest;
	b = less ? f->tunnel.dest : own;
	struct text t = { 0 };
	text_put(&t, "tunnel ");
	addr_print(&t, FAMILY_V4, a);
	text_putc(&t, ' ');
	addr_print(&t, FAMILY_V4, b);
	if (f->tunnel.key)
		text_putf(&t, " key %s", f->tunnel.key);
	const char *wire = arena_str(x->arena, t.s);
	text_finish(&t);
	return wire;
}

static void build_port(struct ios *x, const struct iface *f)
{
	size_t n = f->addrs.n;
	struct prefix *prefixes = arena_array(x->arena, n, sizeof(*prefixes));
	struct addr *addrs = arena_array(x->arena, n, sizeof(*addrs));
	struct addr *shared = arena_array(x->arena, f->virtuals.n, sizeof(*shared));
	for (size_t i = 0; i < n; i++) {
		const struct ios_addr *a = &f->addrs.v[i];
		prefixes[i] =
			(struct prefix){ (uint8_t)a->family, (uint8_t)a->len,
					 addr_and(a->addr, addr_mask(a->family, a->len)) };
		addrs[i] = a->addr;
	}
	for (size_t i = 0; i < f->virtuals.n; i++)
		shared[i] = f->virtuals.v[i].addr;
	bool tunnel = !strncasecmp(f->name, "tunnel", 6);
	*vec_add(&x->b->ports) = (struct port){ .name = f->name,
						.kind = "interface",
						.alias = f->alias,
						.segment = f->vrf,
						.vlan = f->vlan,
						.wire = tunnel ? tunnel_wire(x, f) : NULL,
						.alone = !strncasecmp(f->name, "loopback", 8) ||
							 !strncasecmp(f->name, "null", 4),
						.up = is_up(x, f),
						.prefixes = prefixes,
						.n_prefixes = n,
						.addrs = addrs,
						.shared = shared,
						.n_shared = f->virtuals.n,
						.at = f->at };
}

/*
 * A VLAN access map: in each clause the lists say whether the packet is meant (permit) and the
 * action what becomes of it; a packet that no clause means is dropped where some clause speaks
 * of its family, and passes otherwise.
 */
static const struct ruleset *clause_rules(struct ios *x, const struct vacl *v,
					  const struct vacl_clause *c)
{
	const char *name =
		arena_printf(x->arena, "%s %llu", v->name, (unsigned long long)c->seq);
	struct ruleset *rs = fresh(x, name, "VLAN access map", c->at);
	uint8_t action = c->drop ? VERDICT_DENY : VERDICT_PERMIT;
	VEC(struct rule) rules = { 0 };
	rs->glue = true;
	if (!c->acls4.n && !c->acls6.n)
		*vec_add(&rules) =
			(struct rule){ .at = c->at,
				       .match = match_all(x->m),
				       .verdict = c->has_other ? VERDICT_UNKNOWN : action,
				       .flags = RULE_GLUE };
	for (int six = 0; six < 2; six++) {
		enum family f = six ? FAMILY_V6 : FAMILY_V4;
		size_t n = six ? c->acls6.n : c->acls4.n;
		for (size_t k = 0; k < n; k++) {
			const char *list = six ? c->acls6.v[k] : c->acls4.v[k];
			struct acl *a = find_list(x, f, list);
			if (!a || !a->aces.n || n > 1 ||
			    (x->copies += a->rs->n) > IOS_COPIES_MAX) {
				if (!a)
					diag_warning(x->d, "ios.acl-missing", c->at,
						     "access list %s is not defined", list);
				*vec_add(&rules) =
					(struct rule){ .at = c->at,
						       .match = match_family(x->m, f),
						       .verdict = VERDICT_UNKNOWN,
						       .flags = RULE_GLUE };
				break;
			}
			for (uint32_t j = 0; j < a->rs->n; j++) {
				struct rule r = a->rs->rules[j];
				r.flags |= RULE_GLUE;
				if (r.verdict == VERDICT_PERMIT)
					r.verdict = action;
				else if (r.verdict == VERDICT_DENY)
					r.verdict = VERDICT_RETURN;
				*vec_add(&rules) = r;
			}
		}
	}
	device_build_rules(x->b, rs, rules.v, rules.n);
	vec_free(&rules);
	return rs;
}

static int by_clause(const void *a, const void *b)
{
	const struct vacl_clause *c = a, *d = b;
	return c->seq < d->seq ? -1 : c->seq > d->seq;
}

static const struct ruleset *vacl_rules(struct ios *x, struct vacl *v)
{
	if (v->rs)
		return v->rs;
	struct ruleset *rs = fresh(x, arena_printf(x->arena, "%s (VLAN access map)", v->name),
				   "VLAN access map", v->at);
	VEC(struct rule) rules = { 0 };
	bool speaks[FAMILY_COUNT] = { false };
	v->rs = rs;
	rs->glue = true;
	if (v->clauses.n)
		qsort(v->clauses.v, v->clauses.n, sizeof(*v->clauses.v), by_clause);
	vec_each (c, &v->clauses) {
		speaks[FAMILY_V4] |= c->acls4.n > 0;
		speaks[FAMILY_V6] |= c->acls6.n > 0;
		*vec_add(&rules) = (struct rule){ .at = c->at,
						  .match = match_all(x->m),
						  .verdict = VERDICT_JUMP,
						  .target = clause_rules(x, v, c),
						  .flags = RULE_GLUE };
	}
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (!speaks[f])
			*vec_add(&rules) = (struct rule){ .at = v->at,
							  .match = match_family(x->m, f),
							  .verdict = VERDICT_PERMIT,
							  .flags = RULE_GLUE };
	device_build_rules(x->b, rs, rules.v, rules.n);
	vec_free(&rules);
	return rs;
}

static void bind_vlan_filters(struct ios *x)
{
	if (x->filters.n && x->ifaces.n > IOS_WORK_MAX / x->filters.n) {
		device_build_taint(x->b, NULL, x->filters.v[0].at, "too many VLAN filters");
		return;
	}
	vec_each (f, &x->filters) {
		struct vacl *v = map_get(&x->vacls, f->map);
		if (!v)
			diag_warning(x->d, "ios.vacl-missing", f->at,
				     "VLAN access map %s is not defined", f->map);
		vec_each (it, &x->ifaces) {
			bool in = it->vlan && (uint32_t)it->vlan >= f->lo &&
				  (uint32_t)it->vlan <= f->hi;
			if (is_l2(x, it) && (it->trunk || !it->vlan)) {
				device_build_taint(x->b, it->name, f->at,
						   "a VLAN access map on some of its VLANs");
				continue;
			}
			if (!in || !(is_svi(it) || is_l2(x, it)))
				continue;
			if (!v) {
				device_build_taint(x->b, it->name, f->at,
						   "VLAN access map %s is not defined", f->map);
				continue;
			}
			const struct ruleset *rs = vacl_rules(x, v);
			device_build_hook(x->b, HOOK_IN, -5, it->name, rs, f->at);
			device_build_hook(x->b, HOOK_OUT, 5, it->name, rs, f->at);
		}
	}
}

static void bind_lines(struct ios *x)
{
	vec_each (c, &x->classes_of_lines) {
		bool control = !strcmp(c->line, "control-plane");
		hook(x, control ? HOOK_LOCAL_IN : HOOK_OTHER, 0, control ? NULL : c->line,
		     c->v6 ? FAMILY_V6 : FAMILY_V4, c->name, c->at);
	}
	if (x->control_policy)
		narrow_hook(x, HOOK_LOCAL_IN, NULL, "control plane policing", match_all(x->m),
			    x->control_at);
}

void ios_build(struct ios *x)
{
	vec_each (g, &x->group_list)
		ios_group_resolve(x, *g, 0);
	vec_each (l, &x->later)
		ios_acl_line(x, l);
	vec_each (a, &x->acl_list)
		if ((*a)->defined || (*a)->aces.n) {
			(*a)->defined = true;
			build_list(x, *a);
		}
	for (size_t i = 0; i < x->ifaces.n; i++)
		build_port(x, &x->ifaces.v[i]);
	ios_routes_build(x);
	for (size_t i = 0; i < x->ifaces.n; i++) {
		bind_lists(x, &x->ifaces.v[i]);
		bind_narrows(x, &x->ifaces.v[i]);
	}
	bind_vlan_filters(x);
	bind_lines(x);
	ios_policies_build(x);
	ios_nats(x);
	ios_crypto(x);
	x->b->dev.hostname = x->hostname;
}
