/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security groups and network ACLs as rulesets.
 *
 * A reference to a group stands for the private addresses of the interfaces that hold it, not
 * for its rules (VPC user guide, "Security group rules"). So a reference is as well known as
 * the interfaces are: where some may be missing, it may match more than we see.
 */
#include <stdlib.h>
#include <string.h>

#include "collectors/aws_internal.h"

/* The addresses that a reference to the group stands for. */
static const struct match *held_by(struct aws *w, struct aws_group *g, enum aws_direction d)
{
	if (g->held_match[d])
		return g->held_match[d];
	const struct match *m =
		aws_interfaces_match(w, g->holders.v, g->holders.n, aws_peer_field(d));
	if (!g->vpc || g->vpc->partial)
		m = match_or(w->m, m,
			     match_unknown(w->m, LOC_NONE, "who holds %s: %s", g->id,
					   g->vpc ? g->vpc->partial : "it was not collected"));
	g->held_match[d] = m;
	return m;
}

static void bound(struct aws_rule *r, const char *why)
{
	if (r->class == ACCOUNT_EXACT)
		r->class = ACCOUNT_BOUNDED;
	if (!r->why)
		r->why = why;
}

/* A peering connection in one of these states carries nothing, and won't again. */
static bool is_stale(const char *status)
{
	static const char *const gone[] = { "deleted", "deleting", "rejected", "expired",
					    "failed" };
	for (size_t i = 0; status && i < sizeof(gone) / sizeof(*gone); i++)
		if (!strcmp(gone[i], status))
			return true;
	return false;
}

static const struct match *group_peer(struct aws *w, const struct aws_vpc *v,
				      const struct aws_group *owner, struct aws_rule *r,
				      enum aws_direction d)
{
	struct aws_group *g = r->group;
	const struct aws_vpc *other = g->vpc;
	const struct match *held = held_by(w, g, d);
	if (is_stale(r->status)) {
		diag_warning(w->c->diags, "aws.stale-reference", r->at,
			     "%s refers to %s over a peering connection that is %s: it matches "
			     "nothing any more",
			     owner->id, g->id, r->status);
		return match_none(w->m);
	}
	if (!other) {
		const char *of = r->user && owner->owner && strcmp(r->user, owner->owner)
					 ? arena_printf(w->arena, " of account %s", r->user)
					 : "";
		const char *why = arena_printf(
			w->arena, "security group %s%s was not collected", g->id, of);
		bound(r, why);
		return match_unknown(w->m, LOC_NONE, "%s", why);
	}
	if (other != v && !r->peered && !r->status) {
		/* Only they can be meant, but nothing says that the two are connected. */
		const char *why = arena_printf(w->arena, "%s is in %s, and no peering is told",
					       g->id, other->id);
		bound(r, why);
		held = match_and(w->m, held, match_unknown(w->m, LOC_NONE, "%s", why));
	}
	if (other->partial)
		bound(r, arena_printf(w->arena, "who holds %s: %s", g->id, other->partial));
	return held;
}

static const struct match *list_peer(struct aws *w, struct aws_rule *r, enum aws_direction d)
{
	struct aws_list *l = r->list;
	bool whole = l->has_entries && !l->odd && (!l->open || l->last);
	if (!whole)
		bound(r,
		      arena_printf(w->arena, "the entries of prefix list %s%s%s%s were not %s",
				   l->id, l->name ? " (" : "", l->name ? l->name : "",
				   l->name ? ")" : "",
				   l->has_entries ? "all understood" : "collected"));
	if (l->match[d])
		return l->match[d];
	const struct match *m = aws_spans_match(w, &l->spans, aws_peer_field(d));
	if (!whole) {
		const struct match *u = match_unknown(w->m, LOC_NONE, "prefix list %s", l->id);
		if (l->family >= 0)
			u = match_and(w->m, match_family(w->m, (enum family)l->family), u);
		m = match_or(w->m, m, u);
	}
	l->match[d] = m;
	return m;
}

/* What was not collected isn't undefined: AWS lets no reference within a VPC dangle. */
static void name_uses(struct aws *w, struct aws_vpc *v, const struct aws_rule *r)
{
	if (r->list && r->list->defined) {
		if (r->list->named_in != v)
			snapshot_name(w->snap, v->device, "prefix list", r->list->id,
				      r->list->at, true);
		r->list->named_in = v;
		snapshot_name(w->snap, v->device, "prefix list", r->list->id, r->at, false);
	}
	if (r->group && r->group->defined)
		snapshot_name(w->snap, r->group->vpc->device, "security group", r->group->id,
			      r->at, false);
}

static struct rule unknown_rule(struct aws *w, struct loc at, const struct match *m,
				const char *id, const char *why)
{
	return (struct rule){ .at = at,
			      .match = m,
			      .verdict = VERDICT_UNKNOWN,
			      .flags = RULE_GLUE,
			      .note = arena_printf(w->snap->arena, "%s: %s", id, why) };
}

static void build_direction(struct aws *w, struct aws_vpc *v, struct aws_group *g,
			    enum aws_direction d)
{
	bool copy = g->vpc != v;
	VEC(struct rule) rules = { 0 };
	struct ruleset *rs = device_build_ruleset(
		v->build, arena_printf(w->arena, "%s %s", g->id, aws_direction_name(d)),
		"security group", g->at);
	rs->stateful = true;
	rs->glue = copy;
	rs->dflt = VERDICT_DENY;
	rs->dflt_at = g->at;
	if (g->odd)
		*vec_add(&rules) = unknown_rule(w, g->at, match_all(w->m), g->id, g->odd);
	vec_each (r, &g->rules[d]) {
		struct aws_rule here = *r;
		if (r->list)
			here.peer = list_peer(w, &here, d);
		else if (r->group)
			here.peer = group_peer(w, v, g, &here, d);
		*vec_add(&rules) =
			(struct rule){ .at = r->at,
				       .match = match_and(w->m, here.peer, r->service),
				       .verdict = VERDICT_PERMIT,
				       .note = r->note,
				       .flags = copy ? RULE_GLUE : 0 };
		if (copy)
			continue;
		account_add(w->snap, r->account, here.class, true, r->at, here.why);
		name_uses(w, v, r);
	}
	if (g->extra[d])
		*vec_add(&rules) = unknown_rule(w, g->at, match_all(w->m), g->id, g->extra[d]);
	device_build_rules(v->build, rs, rules.v, rules.n);
	vec_free(&rules);
	g->ruleset[d] = rs;
}

void aws_build_group(struct aws *w, struct aws_vpc *v, struct aws_group *g)
{
	if (!g->defined || g->built_in == v)
		return;
	build_direction(w, v, g, AWS_INGRESS);
	build_direction(w, v, g, AWS_EGRESS);
	g->built_in = v;
}

static int number_order(const void *x, const void *y)
{
	const struct aws_acl_entry *a = x, *b = y;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return loc_compare(a->at, b->at);
}

/* Two of one number and family: nothing says which comes first. */
static void find_contested(struct aws_acl_entry *e, size_t n)
{
	for (size_t i = 0, end; i < n; i = end) {
		uint8_t seen = 0, twice = 0;
		for (end = i; end < n && e[end].number == e[i].number; end++) {
			twice |= seen & e[end].families;
			seen |= e[end].families;
		}
		for (size_t k = i; k < end; k++)
			e[k].contested = e[k].families & twice;
	}
}

void aws_build_acl(struct aws *w, struct aws_vpc *v, struct aws_acl *acl)
{
	for (int d = 0; d < AWS_DIRECTIONS; d++) {
		VEC(struct rule) rules = { 0 };
		struct ruleset *rs = device_build_ruleset(
			v->build,
			arena_printf(w->arena, "%s %s", acl->id,
				     aws_direction_name((enum aws_direction)d)),
			"network ACL", acl->at);
		struct aws_acl_entry *e = acl->entries[d].v;
		size_t n = acl->entries[d].n;
		rs->dflt = VERDICT_DENY;
		rs->dflt_at = acl->at;
		if (n)
			qsort(e, n, sizeof(*e), number_order);
		find_contested(e, n);
		if (acl->odd)
			*vec_add(&rules) =
				unknown_rule(w, acl->at, match_all(w->m), acl->id, acl->odd);
		for (size_t i = 0; i < n; i++) {
			const struct match *m = e[i].match;
			if (e[i].contested) {
				diag_warning(w->c->diags, "aws.rule-number", e[i].at,
					     "rule number %llu stands twice in %s",
					     (unsigned long long)e[i].number, rs->name);
				m = match_and(
					w->m, m,
					match_unknown(w->m, LOC_NONE, "order of two rules"));
			}
			*vec_add(&rules) = (struct rule){
				.at = e[i].at,
				.name = arena_printf(w->snap->arena, "rule %llu",
						     (unsigned long long)e[i].number),
				.match = m,
				.verdict = e[i].verdict,
				.note = e[i].why ? arena_str(w->snap->arena, e[i].why) : NULL,
				.flags = e[i].implicit ? RULE_IMPLICIT : 0,
			};
		}
		device_build_rules(v->build, rs, rules.v, rules.n);
		vec_free(&rules);
		acl->ruleset[d] = rs;
	}
}
