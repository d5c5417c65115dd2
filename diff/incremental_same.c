/* SPDX-License-Identifier: Apache-2.0 */
#include "diff/incremental_same.h"

#include <stdio.h>
#include <string.h>

bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool same_match(const struct match *a, const struct match *b)
{
	return a == b || (a && b && a->hash == b->hash);
}

static bool same_addrs(const struct addr *a, const struct addr *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!addr_equal(a[i], b[i]))
			return false;
	return true;
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->family == b->family && a->len == b->len && addr_equal(a->addr, b->addr);
}

static bool same_spans(const struct span *a, size_t na, const struct span *b, size_t nb)
{
	bool same = na == nb;
	for (size_t i = 0; i < na && same; i++)
		same = addr_equal(a[i].lo, b[i].lo) && addr_equal(a[i].hi, b[i].hi);
	return same;
}

bool same_names(const char *const *a, size_t na, const char *const *b, size_t nb)
{
	bool same = na == nb;
	for (size_t i = 0; i < na && same; i++)
		same = same_text(a[i], b[i]);
	return same;
}

static bool same_port(const struct port *a, const struct port *b)
{
	bool same = same_text(a->name, b->name) && same_text(a->kind, b->kind) &&
		    same_text(a->alias, b->alias) && same_text(a->segment, b->segment) &&
		    a->vlan == b->vlan && same_text(a->master, b->master) &&
		    same_text(a->wire, b->wire) && a->alone == b->alone &&
		    a->outside == b->outside && same_match(a->announced, b->announced) &&
		    a->has_vni == b->has_vni && (!a->has_vni || a->vni == b->vni) &&
		    a->part == b->part && a->up == b->up && a->edge == b->edge &&
		    same_match(a->present, b->present) &&
		    same_match(a->present_dst, b->present_dst) &&
		    a->n_prefixes == b->n_prefixes && a->n_shared == b->n_shared;
	for (size_t i = 0; i < a->n_prefixes && same; i++)
		same = same_prefix(&a->prefixes[i], &b->prefixes[i]);
	return same && same_addrs(a->addrs, b->addrs, a->n_prefixes) &&
	       same_addrs(a->shared, b->shared, a->n_shared);
}

bool same_hook(const struct hook *a, const struct hook *b)
{
	return a->kind == b->kind && a->layer == b->layer && a->order == b->order &&
	       same_text(a->port, b->port);
}

bool same_route(const struct route *a, const struct route *b)
{
	return same_prefix(&a->dst, &b->dst) && same_text(a->segment, b->segment) &&
	       same_text(a->port, b->port) && a->has_via == b->has_via &&
	       (!a->has_via || addr_equal(a->via, b->via)) && a->drop == b->drop &&
	       a->local == b->local && same_text(a->into, b->into) && a->metric == b->metric &&
	       same_text(a->odd, b->odd);
}

bool same_route_rule(const struct route_rule *a, const struct route_rule *b)
{
	return a->kind == b->kind && a->falls == b->falls && same_text(a->in, b->in) &&
	       same_match(a->match, b->match) && same_text(a->table, b->table) &&
	       a->suppress == b->suppress && same_text(a->port, b->port) &&
	       a->has_via == b->has_via && (!a->has_via || addr_equal(a->via, b->via)) &&
	       same_text(a->why, b->why);
}

bool same_nat(const struct nat *a, const struct nat *b)
{
	return same_text(a->in, b->in) && same_text(a->out, b->out) &&
	       same_text(a->text, b->text) && same_match(a->touches, b->touches) &&
	       a->rewrites == b->rewrites && same_match(a->takes, b->takes) &&
	       a->kind == b->kind && same_match(a->match, b->match) &&
	       (a->kind != NAT_SHIFT || same_spans(&a->from, 1, &b->from, 1)) &&
	       same_spans(a->to, a->n_to, b->to, b->n_to) && a->has_port == b->has_port &&
	       a->port_lo == b->port_lo && a->port_hi == b->port_hi && a->order == b->order;
}

static bool same_taint(const struct taint *a, const struct taint *b)
{
	return same_text(a->why, b->why) && same_text(a->port, b->port);
}

/* Both were put together from the same bytes: the loader gives them one body. */
bool same_body(const struct device *a, const struct device *b)
{
	return a == b || (a->n_rulesets && a->rulesets == b->rulesets && a->ports == b->ports &&
			  a->hooks == b->hooks && a->routes == b->routes &&
			  a->nats == b->nats && a->route_rules == b->route_rules);
}

/* All but rulesets, routes, route rules and translations. */
bool same_device(const struct device *a, const struct device *b)
{
	bool same = same_text(a->vendor, b->vendor) && same_text(a->hostname, b->hostname) &&
		    a->plane == b->plane && a->n_ports == b->n_ports &&
		    a->open_ports == b->open_ports && a->netfilter == b->netfilter &&
		    a->routing == b->routing && same_text(a->routing_why, b->routing_why) &&
		    a->connected == b->connected && a->n_taints == b->n_taints &&
		    same_text(a->netns, b->netns) && same_match(a->untracked, b->untracked);
	for (size_t i = 0; i < a->n_ports && same && a->ports != b->ports; i++)
		same = same_port(&a->ports[i], &b->ports[i]);
	for (size_t i = 0; i < a->n_taints && same; i++)
		same = same_taint(&a->taints[i], &b->taints[i]);
	return same;
}

bool same_zone(const struct zone *a, const struct zone *b)
{
	bool same = same_text(a->name, b->name) && a->external == b->external &&
		    same_text(a->segment, b->segment) && a->self == b->self;
	for (int f = 0; f < FAMILY_COUNT && same; f++)
		same = same_spans(a->spans[f], a->n_spans[f], b->spans[f], b->n_spans[f]);
	return same;
}

static bool same_zones(const struct zone *const *a, size_t na, const struct zone *const *b,
		       size_t nb)
{
	bool same = na == nb;
	for (size_t i = 0; i < na && same; i++)
		same = same_text(a[i]->name, b[i]->name);
	return same;
}

static bool same_hop(const struct estate_hop *a, const struct estate_hop *b)
{
	return same_text(a->device, b->device) && same_names(a->in, a->n_in, b->in, b->n_in) &&
	       same_names(a->out, a->n_out, b->out, b->n_out) && a->local_in == b->local_in &&
	       a->local_out == b->local_out;
}

bool same_path(const struct estate_path *a, const struct estate_path *b)
{
	bool same = same_zones(a->from, a->n_from, b->from, b->n_from) &&
		    same_zones(a->to, a->n_to, b->to, b->n_to) &&
		    a->both_ways == b->both_ways && a->none == b->none &&
		    a->n_hops == b->n_hops;
	for (size_t i = 0; i < a->n_hops && same; i++)
		same = same_hop(&a->hops[i], &b->hops[i]);
	return same;
}

bool same_binding(const struct binding *a, const struct binding *b)
{
	return same_text(a->zone->name, b->zone->name) && same_text(a->device, b->device) &&
	       same_names(a->ports, a->n_ports, b->ports, b->n_ports);
}

bool same_link(const struct estate_link *a, const struct estate_link *b)
{
	return same_names(a->device, a->n, b->device, b->n) &&
	       same_names(a->port, a->n, b->port, b->n);
}

bool same_source(const struct estate_source *a, const struct estate_source *b)
{
	return same_text(a->name, b->name) && a->plane == b->plane &&
	       same_text(a->uplink, b->uplink);
}

/* Rulesets and ways */

enum { SAME_YES = 1, SAME_NO };

static bool same_rules(struct same_memo *m, const struct ruleset *a, const struct ruleset *b,
		       bool shared, unsigned depth);

static bool same_rule(struct same_memo *m, const struct rule *a, const struct rule *b,
		      bool shared, unsigned depth)
{
	if (a->verdict != b->verdict || (a->flags ^ b->flags) & RULE_INACTIVE ||
	    !same_match(a->match, b->match) || !a->target != !b->target)
		return false;
	if (!shared && (a->match->inexact || a->verdict == VERDICT_UNKNOWN))
		return false;
	return !a->target || same_rules(m, a->target, b->target, shared, depth + 1);
}

static bool same_rules(struct same_memo *m, const struct ruleset *a, const struct ruleset *b,
		       bool shared, unsigned depth)
{
	char key[32];
	if (a == b)
		return true;
	if (a->opaque || b->opaque || depth > RULESET_DEPTH || a->n != b->n ||
	    a->dflt != b->dflt || a->stateful != b->stateful ||
	    a->incidental != b->incidental || (!shared && a->dflt == VERDICT_UNKNOWN))
		return false;
	snprintf(key, sizeof(key), "%u %u", a->id, b->id);
	uintptr_t known = (uintptr_t)map_get(&m->rulesets, key);
	if (known)
		return known == SAME_YES;
	bool same = true;
	for (uint32_t i = 0; i < a->n && same; i++)
		same = same_rule(m, &a->rules[i], &b->rules[i], shared, depth);
	*map_at(&m->rulesets, key) = (void *)(uintptr_t)(same ? SAME_YES : SAME_NO);
	return same;
}

static bool same_stage(struct same_memo *m, const struct stage *a, const struct stage *b,
		       bool shared)
{
	return same_text(a->iif, b->iif) && same_text(a->oif, b->oif) &&
	       same_text(a->physin, b->physin) && same_text(a->physout, b->physout) &&
	       same_rules(m, a->ruleset, b->ruleset, shared, 0);
}

static bool same_step(struct same_memo *m, const struct way_step *a, const struct way_step *b,
		      bool shared)
{
	if (a->kind != b->kind || a->negate != b->negate || !a->stage != !b->stage ||
	    a->n_nats != b->n_nats || !same_match(a->match, b->match))
		return false;
	if (!shared && a->match && a->match->inexact)
		return false;
	for (size_t i = 0; i < a->n_nats; i++)
		if (!same_nat(a->nats[i], b->nats[i]) ||
		    (!shared && a->nats[i]->match->inexact))
			return false;
	return !a->stage || same_stage(m, a->stage, b->stage, shared);
}

static bool same_point(struct same_memo *m, const struct point *a, const struct point *b)
{
	const struct device *x = a->device, *y = b->device;
	bool shared = same_body(x, y);
	bool same = same_text(x->name, y->name) && x->plane == y->plane &&
		    same_text(a->iif, b->iif) && same_text(a->oif, b->oif) &&
		    same_text(a->ip_iif, b->ip_iif) && same_text(a->ip_oif, b->ip_oif) &&
		    x->n_taints == y->n_taints && (shared || !x->n_taints) &&
		    a->bridged == b->bridged && a->out.routed == b->out.routed &&
		    a->n_stages == b->n_stages && a->n_steps == b->n_steps &&
		    same_match(a->present_src, b->present_src) &&
		    same_match(a->present_dst, b->present_dst) &&
		    (shared || x->n_nats == y->n_nats);
	for (size_t i = 0; i < x->n_taints && same; i++)
		same = same_taint(&x->taints[i], &y->taints[i]);
	/* Bounded translations hold by being there, in a step or not. */
	for (size_t i = 0; i < x->n_nats && same && !shared; i++)
		same = x->nats[i].kind != NAT_BOUND && same_nat(&x->nats[i], &y->nats[i]);
	for (size_t i = 0; i < a->n_stages && same; i++)
		same = same_stage(m, &a->stages[i], &b->stages[i], shared);
	for (size_t i = 0; i < a->n_steps && same; i++)
		same = same_step(m, &a->steps[i], &b->steps[i], shared);
	return same;
}

bool same_ways(struct same_memo *m, const struct path *a, const struct path *b)
{
	bool same = a->n_ways == b->n_ways && a->none == b->none && (a->n_ways || a->none);
	for (size_t w = 0; w < a->n_ways && same; w++) {
		const struct route_way *x = &a->ways[w], *y = &b->ways[w];
		same = x->n_points == y->n_points && x->end == y->end &&
		       same_text(x->why, y->why);
		for (size_t i = 0; i < x->n_points && same; i++)
			same = same_point(m, &x->points[i], &y->points[i]);
	}
	return same;
}
