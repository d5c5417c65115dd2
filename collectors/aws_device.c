/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VPC as a device. Its ports are its subnets, security groups and network interfaces, and
 * "edge" for all that lies outside. A packet that enters from a port meets the egress rules
 * there, one that leaves to a port the ingress rules:
 *
 *	port		HOOK_IN / HOOK_OUT, order 0		order 1
 *	interface	the union of its groups			ACL of its subnet
 *	subnet		by address: the groups of the		its ACL
 *			interface that has it
 *	security group	by address the same, an address that	by address: the ACL
 *			no interface has: this group		of the subnet
 *	edge		nothing					nothing
 *
 * Groups only permit, so the union of groups is a list of jumps: the first that permits
 * decides, and the list ends with a deny. "By address" is one jump for every group, on the
 * addresses of the interfaces that hold it. An ACL sees what crosses the border of its subnet
 * only: packets between two addresses of one subnet pass it by.
 *
 * What AWS doesn't filter at all (the resolver, the instance metadata) has no port here.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/aws_internal.h"

static const char edge_name[] = "edge";

void aws_rule(struct aws_rules *r, enum verdict verdict, const struct match *m,
	      const struct ruleset *target, struct loc at, const char *note)
{
	*vec_add(&r->v) = (struct rule){ .at = at,
					 .match = m,
					 .target = target,
					 .verdict = (uint8_t)verdict,
					 .flags = RULE_GLUE,
					 .note = note };
}

struct ruleset *aws_rules_finish(struct device_build *b, struct aws_rules *r, const char *name,
				 const char *kind, struct loc at, bool stateful)
{
	struct ruleset *rs = device_build_ruleset(b, name, kind, at);
	rs->glue = true;
	rs->stateful = stateful;
	rs->dflt = VERDICT_DENY;
	rs->dflt_at = at;
	device_build_rules(b, rs, r->v.v, r->v.n);
	vec_free(&r->v);
	return rs;
}

static struct ruleset *finish_rules(struct aws_vpc *v, struct aws_rules *r, const char *name,
				    const char *kind, struct loc at, bool stateful)
{
	return aws_rules_finish(v->build, r, name, kind, at, stateful);
}

/* Security groups are stateful: what belongs to a connection passes before any rule. */
static void add_tracked(struct aws *w, struct aws_rules *r, struct loc at)
{
	aws_rule(r, VERDICT_PERMIT, match_value(w->m, FIELD_STATE, STATE_ESTABLISHED), NULL, at,
		 NULL);
	r->v.v[r->v.n - 1].flags |= RULE_IMPLICIT;
	aws_rule(r, VERDICT_UNKNOWN, match_value(w->m, FIELD_STATE, STATE_RELATED), NULL, at,
		 "whether errors about a connection pass is not documented");
}

static const struct match *here(struct aws *w, const struct aws_group *g, enum field field)
{
	return aws_interfaces_match(w, g->here.v, g->here.n, field);
}

/*
 * Every interface of the list by its groups, told by its address. What no group permits falls
 * off the end.
 */
static void add_members(struct aws *w, struct aws_vpc *v, struct aws_rules *r,
			struct aws_interface *const *list, size_t n, enum aws_direction d)
{
	enum field own = aws_own_field(d);
	VEC(struct aws_group *) groups = { 0 };
	struct arena *a = w->snap->arena;
	for (size_t i = 0; i < n; i++) {
		struct aws_interface *it = list[i];
		if (it->odd)
			aws_rule(r, VERDICT_UNKNOWN, aws_spans_match(w, &it->addrs, own), NULL,
				 it->at,
				 arena_printf(a, "network interface %s: %s", it->id, it->odd));
		vec_each (g, &it->groups) {
			if (!(*g)->here.n)
				*vec_add(&groups) = *g;
			*vec_add(&(*g)->here) = it;
		}
	}
	vec_each (g, &groups) {
		aws_build_group(w, v, *g);
		if ((*g)->defined)
			aws_rule(r, VERDICT_JUMP, here(w, *g, own), (*g)->ruleset[d], (*g)->at,
				 NULL);
	}
	vec_each (g, &groups) {
		if (!(*g)->defined)
			aws_rule(r, VERDICT_UNKNOWN, here(w, *g, own), NULL, (*g)->at,
				 arena_printf(a, "security group %s was not collected",
					      (*g)->id));
		vec_free(&(*g)->here);
	}
	for (size_t i = 0; i < n; i++)
		if (list[i]->unfiltered && !list[i]->odd)
			aws_rule(r, VERDICT_PERMIT, aws_spans_match(w, &list[i]->addrs, own),
				 NULL, list[i]->at,
				 arena_printf(a, "%s has no security groups", list[i]->id));
	vec_free(&groups);
}

static const char *by_direction(struct aws *w, const char *what, enum aws_direction d)
{
	return arena_printf(w->arena, "%s %s", what, aws_direction_name(d));
}

static void hook(struct aws_vpc *v, enum aws_direction d, int order, const char *port,
		 const struct ruleset *rs, struct loc at)
{
	device_build_hook(v->build, d == AWS_EGRESS ? HOOK_IN : HOOK_OUT, order, port, rs, at);
}

/*
 * What stays within the subnet. A packet to or from elsewhere does so where a gateway's
 * interface stands in the subnet itself, as long as it goes between the two; what a transit
 * gateway sends to its own subnet isn't filtered, what goes to it is ("How transit gateways and
 * network ACLs work").
 */
static void add_within(struct aws *w, struct aws_rules *r, const struct aws_subnet *s,
		       enum aws_direction d)
{
	const struct match *same = aws_spans_match(w, &s->cidrs, aws_peer_field(d));
	if (!s->defined || s->odd)
		same = match_or(w->m, same,
				match_unknown(w->m, s->at, "addresses of %s: %s", s->id,
					      s->odd ? s->odd : "it was not collected"));
	aws_rule(r, VERDICT_PERMIT, same, NULL, s->at, "within the subnet");
	r->v.v[0].flags |= RULE_IMPLICIT;
	const struct match *there = match_none(w->m);
	enum field place = d == AWS_EGRESS ? FIELD_OIF : FIELD_IIF;
	vec_each (name, &s->relays)
		there = match_or(w->m, there, match_iface(w->m, place, *name, false));
	for (size_t i = 0; d == AWS_INGRESS && i < s->transits.n; i++)
		there = match_or(w->m, there,
				 match_iface(w->m, place, s->transits.v[i], false));
	aws_rule(r, VERDICT_PERMIT, there, NULL, s->at, "within the subnet");
	r->v.v[1].flags |= RULE_IMPLICIT;
}

/* What crosses the border of a subnet meets its ACL. within: what stays inside doesn't. */
static struct ruleset *build_border(struct aws *w, struct aws_vpc *v, struct aws_subnet *s,
				    enum aws_direction d, bool within)
{
	struct aws_rules r = { 0 };
	struct arena *a = w->snap->arena;
	struct loc at = s->acl ? s->acl_at : s->at;
	if (within)
		add_within(w, &r, s, d);
	if (s->acl && !s->acl_odd && s->acl->vpc == v)
		aws_rule(&r, VERDICT_GOTO, match_all(w->m), s->acl->ruleset[d], at, NULL);
	else
		aws_rule(&r, VERDICT_UNKNOWN, match_all(w->m), NULL, at,
			 s->acl_odd  ? arena_str(a, s->acl_odd)
			 : s->acl    ? arena_printf(a, "%s belongs to another VPC", s->acl->id)
			 : v->acls.n ? arena_printf(a, "no network ACL is told for %s", s->id)
				     : "network ACLs were not collected");
	struct ruleset *rs =
		finish_rules(v, &r,
			     arena_printf(w->arena, "%s %s %s", s->id,
					  within ? "border" : "passage", aws_direction_name(d)),
			     "network ACL", s->at, false);
	if (s->acl)
		rs->dflt_at = s->acl->at;
	return rs;
}

/* The ACL of the subnet that the address belongs to. */
static struct ruleset *build_borders(struct aws *w, struct aws_vpc *v, enum aws_direction d)
{
	struct aws_rules r = { 0 };
	vec_each (s, &v->subnets) {
		if ((*s)->defined)
			aws_rule(&r, VERDICT_GOTO,
				 aws_spans_match(w, &(*s)->cidrs, aws_own_field(d)),
				 (*s)->border[d], (*s)->at, NULL);
	}
	aws_rule(&r, VERDICT_UNKNOWN, match_all(w->m), NULL, v->at,
		 r.v.n ? "the address is in no subnet that was collected"
		       : "subnets were not collected");
	return finish_rules(v, &r, by_direction(w, "subnet borders", d), "network ACL", v->at,
			    false);
}

static struct ruleset *build_subnet(struct aws *w, struct aws_vpc *v, struct aws_subnet *s,
				    enum aws_direction d, const struct aws_interface *forwarder)
{
	struct aws_rules r = { 0 };
	add_tracked(w, &r, s->at);
	add_members(w, v, &r, s->interfaces.v, s->interfaces.n, d);
	const struct match *nobody =
		match_not(w->m, aws_interfaces_match(w, s->interfaces.v, s->interfaces.n,
						     aws_own_field(d)));
	if (v->partial)
		aws_rule(&r, VERDICT_UNKNOWN, nobody, NULL, s->at,
			 arena_printf(w->snap->arena, "security groups of the address: %s",
				      v->partial));
	else if (forwarder)
		aws_rule(&r, VERDICT_UNKNOWN, nobody, NULL, forwarder->at,
			 arena_printf(w->snap->arena,
				      "%s forwards for others (no source check)",
				      forwarder->id));
	return finish_rules(
		v, &r, arena_printf(w->arena, "%s interfaces %s", s->id, aws_direction_name(d)),
		"security groups", s->at, true);
}

static struct port *add_port(struct aws *w, struct aws_vpc *v, const char *name,
			     const char *kind, struct loc at)
{
	struct port *p = vec_add(&v->build->ports);
	*p = (struct port){ .name = arena_str(w->snap->arena, name),
			    .kind = kind,
			    .segment = arena_str(w->snap->arena, v->id),
			    .up = true,
			    .edge = true,
			    .at = at };
	return p;
}

static void add_subnet(struct aws *w, struct aws_vpc *v, struct aws_subnet *s)
{
	struct arena *a = w->snap->arena;
	const struct aws_interface *forwarder = NULL;
	vec_each (n, &s->interfaces) {
		if ((*n)->forwards)
			forwarder = *n;
	}
	struct port *p = add_port(w, v, s->id, "subnet", s->at);
	if (!v->partial && !forwarder)
		p->present =
			aws_interfaces_match(w, s->interfaces.v, s->interfaces.n, FIELD_SRC);
	p->prefixes = vec_keep(a, &s->prefixes);
	p->n_prefixes = s->prefixes.n;
	struct addr *router = arena_array(a, s->prefixes.n, sizeof(*router));
	for (size_t i = 0; i < s->prefixes.n; i++)
		router[i] = addr_next(s->prefixes.v[i].addr);
	p->addrs = router;
	for (int d = 0; d < AWS_DIRECTIONS; d++) {
		hook(v, (enum aws_direction)d, 0, s->id,
		     build_subnet(w, v, s, (enum aws_direction)d, forwarder), s->at);
		hook(v, (enum aws_direction)d, 1, s->id, s->border[d],
		     s->acl ? s->acl_at : s->at);
	}
}

static void add_group(struct aws *w, struct aws_vpc *v, struct aws_group *g)
{
	struct arena *a = w->snap->arena;
	add_port(w, v, g->id, "security-group", g->at)->part = true;
	for (int i = 0; i < AWS_DIRECTIONS; i++) {
		enum aws_direction d = (enum aws_direction)i;
		struct aws_rules r = { 0 };
		add_tracked(w, &r, g->at);
		aws_rule(&r, VERDICT_GOTO, v->held_match[d], v->members[d], g->at, NULL);
		aws_rule(&r, VERDICT_JUMP, match_all(w->m), g->ruleset[d], g->at, NULL);
		if (v->partial)
			aws_rule(&r, VERDICT_UNKNOWN, match_all(w->m), NULL, g->at,
				 arena_printf(a, "other groups of the same interface: %s",
					      v->partial));
		struct ruleset *rs = finish_rules(
			v, &r,
			arena_printf(w->arena, "%s members %s", g->id, aws_direction_name(d)),
			"security groups", g->at, true);
		hook(v, d, 0, g->id, rs, g->at);
		hook(v, d, 1, g->id, v->borders[d], g->at);
	}
	snapshot_name(w->snap, v->device, "security group", g->id, g->at, true);
	/* AWS makes it and never takes it away: an unused one is nobody's mistake. */
	if (g->name && !strcmp(g->name, "default"))
		snapshot_name(w->snap, v->device, "security group", g->id, g->at, false);
}

static int group_order(const void *x, const void *y)
{
	const struct aws_group *const *a = x, *const *b = y;
	return strcmp((*a)->id, (*b)->id);
}

/* The name of what an interface's groups permit together; the same for the same groups. */
static const char *set_name(struct aws *w, struct aws_interface *n)
{
	struct text t = { 0 };
	if (n->groups.n)
		qsort(n->groups.v, n->groups.n, sizeof(*n->groups.v), group_order);
	text_put(&t, n->odd || n->unfiltered ? n->id : "interface with");
	for (size_t i = 0; i < n->groups.n && !n->odd && !n->unfiltered; i++)
		text_putf(&t, "%s%s", i ? "+" : " ", n->groups.v[i]->id);
	const char *name = arena_str(w->arena, t.s);
	text_finish(&t);
	return name;
}

static void set_rules(struct aws *w, struct aws_vpc *v, struct aws_rules *r,
		      const struct aws_interface *n, enum aws_direction d)
{
	struct arena *a = w->snap->arena;
	add_tracked(w, r, n->at);
	if (n->odd)
		aws_rule(r, VERDICT_UNKNOWN, match_all(w->m), NULL, n->at,
			 arena_printf(a, "network interface %s: %s", n->id, n->odd));
	if (n->unfiltered && !n->odd)
		aws_rule(r, VERDICT_PERMIT, match_all(w->m), NULL, n->at,
			 arena_printf(a, "%s has no security groups", n->id));
	vec_each (g, &n->groups) {
		aws_build_group(w, v, *g);
		if ((*g)->defined)
			aws_rule(r, VERDICT_JUMP, match_all(w->m), (*g)->ruleset[d], (*g)->at,
				 NULL);
	}
	vec_each (g, &n->groups)
		if (!(*g)->defined)
			aws_rule(r, VERDICT_UNKNOWN, match_all(w->m), NULL, (*g)->at,
				 arena_printf(a, "security group %s was not collected",
					      (*g)->id));
}

static void interface_addrs(struct aws *w, struct port *p, const struct aws_interface *n)
{
	struct arena *a = w->snap->arena;
	size_t count = n->addrs.of[FAMILY_V4].n + n->addrs.of[FAMILY_V6].n, i = 0;
	struct prefix *prefixes = arena_array(a, count, sizeof(*prefixes));
	struct addr *addrs = arena_array(a, count, sizeof(*addrs));
	for (int f = 0; f < FAMILY_COUNT; f++) {
		vec_each (span, &n->addrs.of[f]) {
			prefixes[i] = (struct prefix){
				.family = (uint8_t)f,
				.len = (uint8_t)aws_span_len((enum family)f, *span),
				.addr = span->lo,
			};
			addrs[i++] = span->lo;
		}
	}
	p->prefixes = prefixes;
	p->addrs = addrs;
	p->n_prefixes = count;
	if (!n->forwards && !n->lost)
		p->present = aws_spans_match(w, &n->addrs, FIELD_SRC);
}

struct ruleset *aws_no_border(struct aws *w, struct aws_vpc *v, enum aws_direction d)
{
	if (v->no_border[d])
		return v->no_border[d];
	struct aws_rules r = { 0 };
	aws_rule(&r, VERDICT_UNKNOWN, match_all(w->m), NULL, v->at, "the subnet is not told");
	return v->no_border[d] =
		       finish_rules(v, &r, by_direction(w, "unknown subnet border", d),
				    "network ACL", v->at, false);
}

/* What equal sets of groups permit is built once. */
void aws_hook_interface(struct aws *w, struct aws_vpc *v, const char *port,
			struct aws_interface *n)
{
	const char *name = set_name(w, n);
	for (int i = 0; i < AWS_DIRECTIONS; i++) {
		enum aws_direction d = (enum aws_direction)i;
		const char *full = by_direction(w, name, d);
		void **rs = map_at(&v->sets, full);
		if (!*rs) {
			struct aws_rules r = { 0 };
			set_rules(w, v, &r, n, d);
			*rs = finish_rules(v, &r, full, "security groups", n->at, true);
		}
		hook(v, d, 0, port, *rs, n->at);
		if (n->subnet && n->subnet->vpc == v && n->subnet->border[d])
			hook(v, d, 1, port, n->subnet->border[d],
			     n->subnet->acl ? n->subnet->acl_at : n->at);
		else
			hook(v, d, 1, port, aws_no_border(w, v, d), n->at);
	}
}

static void add_interface(struct aws *w, struct aws_vpc *v, struct aws_interface *n)
{
	struct port *p = add_port(w, v, n->id, "network-interface", n->at);
	p->part = true;
	interface_addrs(w, p, n);
	aws_hook_interface(w, v, n->id, n);
	vec_each (g, &n->groups) {
		const struct aws_vpc *in = (*g)->defined ? (*g)->vpc : v;
		snapshot_name(w->snap, in->device, "security group", (*g)->id, n->at, false);
	}
}

/* Ports go by their names too, where those are told from each other. */
static void add_aliases(struct aws *w, struct aws_vpc *v)
{
	struct map seen = { 0 };
	VEC(const char *) names = { 0 };
	vec_each (s, &v->subnets)
		*vec_add(&names) = (*s)->name;
	vec_each (g, &v->groups)
		*vec_add(&names) = (*g)->name;
	vec_each (n, &v->interfaces)
		*vec_add(&names) = (*n)->name;
	*vec_add(&names) = NULL; /* the edge */
	const char **lower = arena_array(w->arena, names.n, sizeof(*lower));
	struct port *ports = v->build->ports.v;
	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < names.n; i++) {
			const char *name = pass ? ports[i].name : names.v[i];
			if (!name)
				continue;
			char *low = arena_str(w->arena, name);
			for (char *c = low; *c; c++)
				*c = (char)tolower((unsigned char)*c);
			if (!pass)
				lower[i] = low;
			void **n = map_at(&seen, low);
			*n = (void *)((uintptr_t)*n + 1);
		}
	}
	for (size_t i = 0; i < names.n; i++)
		if (lower[i] && (uintptr_t)map_get(&seen, lower[i]) == 1)
			ports[i].alias = arena_str(w->snap->arena, names.v[i]);
	vec_free(&names);
	map_finish(&seen);
}

static void add_taints(struct aws *w, struct aws_vpc *v)
{
	if (v->blocked)
		device_build_taint(v->build, edge_name, v->at, "block public access is on (%s)",
				   v->blocked);
	if (v->odd)
		device_build_taint(v->build, NULL, v->odd_at, "%s: %s", v->id, v->odd);
	if (w->failed)
		device_build_taint(v->build, NULL, (struct loc){ .src = w->src },
				   "%s could not be read to its end", w->failed);
	vec_each (s, &v->subnets)
		if ((*s)->odd)
			device_build_taint(v->build, (*s)->id, (*s)->at, "%s: %s", (*s)->id,
					   (*s)->odd);
}

void aws_build_device(struct aws *w, struct aws_vpc *v)
{
	v->build = device_build_start(w->snap, v->device, "aws", w->c->plane, v->at);
	v->build->dev.hostname = v->name ? arena_str(w->snap->arena, v->name) : v->id;
	if (!v->interfaces.n)
		diag_warning(
			w->c->diags, "aws.no-interfaces", v->at,
			"no network interface of %s was collected: which groups apply to an "
			"address, and whom a reference to a group means, is not known",
			v->id);
	if (!v->acls.n)
		diag_warning(
			w->c->diags, "aws.no-acls", v->at,
			"no network ACL of %s was collected: what crosses a subnet's border is "
			"not known",
			v->id);
	vec_each (g, &v->groups)
		aws_build_group(w, v, *g);
	vec_each (acl, &v->acls)
		aws_build_acl(w, v, *acl);
	for (int i = 0; i < AWS_DIRECTIONS; i++) {
		enum aws_direction d = (enum aws_direction)i;
		struct aws_rules r = { 0 };
		v->held_match[d] = aws_interfaces_match(w, v->interfaces.v, v->interfaces.n,
							aws_own_field(d));
		add_members(w, v, &r, v->interfaces.v, v->interfaces.n, d);
		v->members[d] = finish_rules(v, &r, by_direction(w, "interfaces", d),
					     "security groups", v->at, true);
		vec_each (s, &v->subnets)
			(*s)->border[d] = build_border(w, v, *s, d, true);
		v->borders[d] = build_borders(w, v, d);
	}
	vec_each (s, &v->subnets)
		if ((*s)->transits.n)
			(*s)->passage = build_border(w, v, *s, AWS_INGRESS, false);
	vec_each (s, &v->subnets)
		add_subnet(w, v, *s);
	vec_each (g, &v->groups)
		add_group(w, v, *g);
	vec_each (n, &v->interfaces)
		add_interface(w, v, *n);
	add_port(w, v, edge_name, "vpc-edge", v->at);
	add_aliases(w, v);
	add_taints(w, v);
	aws_path_build(w, v);
	device_build_finish(v->build);
	v->build = NULL;
	map_finish(&v->sets);
}
