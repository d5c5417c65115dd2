/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/policy_read.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

/* What an auditor asks for: controls, exceptions with who answers for them, exclusions. */

enum { JUSTIFICATION_MIN = 10 };

/* A check's id, or a glob that finds one. */
static bool known_check(struct reader *r, const char *glob, struct loc at)
{
	size_t n = 0;
	for (; check_ids[n]; n++)
		if (check_matches(glob, check_ids[n]))
			return true;
	diag_error(r->d, ENOENT, "policy.undefined-check", at,
		   "there is no check '%s'%s: 'plumbline list checks' names them", glob,
		   did_you_mean(r, glob, check_ids, n));
	return false;
}

void read_controls(struct policy_reader *pr)
{
	struct reader *r = &pr->r;
	VEC(struct control) all = { 0 };
	for (struct section s = { 0 }; section_next(pr, &s, "controls", &shape_control);) {
		const struct node *const *items = NULL;
		struct control c = {
			.id = name_at(r, s.node, "id"),
			.framework = text_at(r, s.node, "framework"),
			.title = text_at(r, s.node, "title"),
			.responsible = (uint8_t)(1 + word_at(r, s.node, "responsible",
							     responsible_words, -1)),
			.at = s.node->at,
		};
		c.n_checks = texts_at(r, s.node, "checks", &c.checks, &items);
		for (size_t i = 0; i < c.n_checks; i++)
			known_check(r, c.checks[i], items[i]->at);
		if (c.id && names_add(r, &pr->controls, c.id, s.node->at, all.n))
			*vec_add(&all) = c;
	}
	pr->policy->controls = vec_keep(r->arena, &all);
	pr->policy->n_controls = all.n;
	vec_free(&all);
}

static void read_expiry(struct reader *r, const struct node *node, struct exception *x)
{
	const struct node *expires = node_get(node, "expires");
	if (!expires)
		return;
	x->expires_text = text_of(r, expires);
	if (x->expires_text &&
	    !parse_date(x->expires_text, strlen(x->expires_text), &x->expires))
		diag_error(r->d, EINVAL, "policy.date", expires->at,
			   "'%s' is no day: write the last day it holds as YYYY-MM-DD",
			   shown(r, x->expires_text));
}

/* Who answers for it: four eyes, and a reason that says something. */
static void read_approval(struct reader *r, const struct node *node, struct exception *x)
{
	x->owner = text_at(r, node, "owner");
	x->approved_by = text_at(r, node, "approved_by");
	x->justification = text_at(r, node, "justification");
	if (x->owner && x->approved_by && !strcmp(x->owner, x->approved_by))
		diag_warning(r->d, "policy.self-approved", node_get(node, "approved_by")->at,
			     "owner and approver are the same: let somebody else approve");
	if (x->justification && strlen(x->justification) < JUSTIFICATION_MIN)
		diag_error(r->d, EINVAL, "policy.justification",
			   node_get(node, "justification")->at,
			   "say why in at least %d letters: an auditor will read it",
			   JUSTIFICATION_MIN);
}

/* Whether the exception is for every finding that there can be. */
static bool excepts_all(const struct exception *x)
{
	if (x->from || x->to || x->plane || x->service->kind != MATCH_ALL)
		return false;
	for (size_t i = 0; check_ids[i]; i++)
		if (!check_matches(x->check, check_ids[i]))
			return false;
	return true;
}

static void read_exception(struct policy_reader *pr, const struct node *node,
			   struct exception *x)
{
	struct reader *r = &pr->r;
	struct service_parts parts;
	size_t errors = r->d->n_errors;
	const char *text, *id = name_at(r, node, "id");
	x->at = node->at;
	x->id = id && names_add(r, &pr->exception_ids, id, node->at, 0) ? id : NULL;
	x->check = text_at(r, node, "check");
	if (x->check)
		known_check(r, x->check, node_get(node, "check")->at);
	x->from = zone_at(r, &pr->words, node, "from", true);
	x->to = zone_at(r, &pr->words, node, "to", true);
	x->service = node_get(node, "service") ? service_at(pr, node, "service", &parts, &text)
					       : match_all(r->m);
	int plane = word_at(r, node, "plane", plane_words, -1);
	x->plane = plane < 0 ? NULL : plane_words[plane];
	read_approval(r, node, x);
	read_expiry(r, node, x);
	if (r->d->n_errors == errors && x->check && excepts_all(x))
		diag_error(
			r->d, EINVAL, "policy.exception-everything", node->at,
			"this accepts every finding there can be: name the check, or narrow it "
			"by 'from', 'to', 'service' or 'plane'");
}

void read_exceptions(struct policy_reader *pr)
{
	VEC(struct exception) all = { 0 };
	for (struct section s = { 0 }; section_next(pr, &s, "exceptions", &shape_exception);)
		read_exception(pr, s.node, vec_add(&all));
	pr->policy->exceptions = vec_keep(pr->r.arena, &all);
	pr->policy->n_exceptions = all.n;
	vec_free(&all);
}

/* Addresses that an exclusion names. */
struct excluded {
	VEC(struct span) v[FAMILY_COUNT];
	bool whole[FAMILY_COUNT]; /* all addresses of the family */
};

/* Packets from or to one of the addresses, which are given up. */
static const struct match *either_end(struct matches *m, struct excluded *x)
{
	const struct match *match = match_none(m);
	for (int f = 0; f < FAMILY_COUNT; f++) {
		size_t n = spans_normalise(x->v[f].v, x->v[f].n);
		match = match_or(m, match, match_spans(m, FIELD_SRC, f, x->v[f].v, n));
		match = match_or(m, match, match_spans(m, FIELD_DST, f, x->v[f].v, n));
		x->whole[f] = n == 1 && addr_equal(x->v[f].v->lo, (struct addr){ 0, 0 }) &&
			      addr_equal(x->v[f].v->hi, addr_max(f));
		vec_free(&x->v[f]);
	}
	return match;
}

static void exclude_prefixes(struct policy_reader *pr, const struct node *node,
			     struct excluded *x, struct text *text)
{
	struct reader *r = &pr->r;
	const char *const *unused;
	const struct node *const *items = NULL;
	size_t n = texts_at(r, node, "prefixes", &unused, &items);
	for (size_t i = 0; i < n; i++) {
		struct claim c;
		if (!prefix_of(r, items[i], &c))
			continue;
		*vec_add(&x->v[c.family]) = c.span;
		text_putf(text, "%s%s", i ? ", " : "from or to ", items[i]->s);
	}
}

/* An exclusion goes by address, and would hide another zone with the same ones. */
static void check_segment(struct policy_reader *pr, const struct zone *z, struct loc at)
{
	const struct zone *other = pr->shares[z - pr->policy->zones];
	if (!other)
		return;
	diag_error(pr->r.d, EINVAL, "policy.exclusion-segment", at,
		   "'%s' shares addresses with '%s' in another segment, and an exclusion goes "
		   "by address: it would hide both",
		   z->name, other->name);
	diag_related(pr->r.d, other->at, "'%s' is defined here", other->name);
}

static void exclude_zones(struct policy_reader *pr, const struct node *node, struct excluded *x,
			  struct text *text)
{
	const struct zone *const *zones = NULL;
	struct loc at = node_get(node, "zones")->at;
	size_t n = zones_at(&pr->r, &pr->words, node, "zones", &zones);
	for (size_t i = 0; i < n; i++) {
		check_segment(pr, zones[i], at);
		size_t n_spans = zones[i]->n_spans[FAMILY_V4] + zones[i]->n_spans[FAMILY_V6];
		if (n_spans > MAX_EXCLUDED_SPANS - pr->n_excluded) {
			diag_error(pr->r.d, E2BIG, "policy.too-large", at,
				   "the exclusions' zones have more than %d prefixes in all",
				   MAX_EXCLUDED_SPANS);
			return;
		}
		pr->n_excluded += n_spans;
		for (int f = 0; f < FAMILY_COUNT; f++)
			for (size_t k = 0; k < zones[i]->n_spans[f]; k++)
				*vec_add(&x->v[f]) = zones[i]->spans[f][k];
		text_putf(text, "%s%s",
			  i	      ? ", "
			  : text->len ? "; zones "
				      : "zones ",
			  zones[i]->name);
	}
}

/* Packets that fit all that the entry says. *ret_all: that is every packet of a family. */
static const struct match *excluded_match(struct policy_reader *pr, const struct node *node,
					  struct text *text, bool *ret_all)
{
	struct matches *m = pr->r.m;
	struct service_parts parts;
	struct excluded x = { 0 };
	const char *service;
	const struct match *match = match_all(m);
	bool whole[FAMILY_COUNT];
	memcpy(whole, pr->policy->families, sizeof(whole));
	if (node_get(node, "prefixes")) {
		exclude_prefixes(pr, node, &x, text);
		match = match_and(m, match, either_end(m, &x));
		for (int f = 0; f < FAMILY_COUNT; f++)
			whole[f] &= x.whole[f];
	}
	if (node_get(node, "zones")) {
		exclude_zones(pr, node, &x, text);
		match = match_and(m, match, either_end(m, &x));
		for (int f = 0; f < FAMILY_COUNT; f++)
			whole[f] &= x.whole[f];
	}
	*ret_all = whole[FAMILY_V4] || whole[FAMILY_V6];
	const struct match *services = service_at(pr, node, "service", &parts, &service);
	if (services) {
		match = match_and(m, match, services);
		text_putf(text, "%sservice %s", text->len ? "; " : "", service);
		*ret_all &= !parts.v;
	}
	return match;
}

static void read_exclusion(struct policy_reader *pr, const struct node *node,
			   struct exclusion *x)
{
	struct reader *r = &pr->r;
	size_t errors = r->d->n_errors;
	const char *id = name_at(r, node, "id");
	struct text text = { 0 };
	bool all;
	x->at = node->at;
	x->id = id && names_add(r, &pr->exclusion_ids, id, node->at, 0) ? id : NULL;
	x->reason = text_at(r, node, "reason");
	x->responsible = (uint8_t)(1 + word_at(r, node, "responsible", responsible_words, -1));
	x->match = excluded_match(pr, node, &text, &all);
	x->text = arena_str(r->arena, text.s ? text.s : "");
	text_finish(&text);
	if (!node_get(node, "prefixes") && !node_get(node, "zones") &&
	    !node_get(node, "service"))
		diag_error(r->d, EINVAL, "policy.exclusion-empty", node->at,
			   "say what is excluded: 'prefixes', 'zones' or 'service'");
	else if (r->d->n_errors == errors && all)
		diag_error(r->d, EINVAL, "policy.exclusion-everything", node->at,
			   "this takes every packet out of scope, so that nothing would be "
			   "judged: narrow it, or use 'scope' for a whole address family");
}

void read_exclusions(struct policy_reader *pr)
{
	VEC(struct exclusion) all = { 0 };
	for (struct section s = { 0 }; section_next(pr, &s, "exclusions", &shape_exclusion);)
		read_exclusion(pr, s.node, vec_add(&all));
	pr->policy->exclusions = vec_keep(pr->r.arena, &all);
	pr->policy->n_exclusions = all.n;
	vec_free(&all);
}
