/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/policy_read.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/*
 * Tenants and zones. An address belongs to one zone of its segment: where two zones claim it,
 * nobody could say which flows it may use, so that is an error with both places. What no zone
 * claims, in any segment, is the external zone's.
 */

void read_tenants(struct policy_reader *pr)
{
	struct reader *r = &pr->r;
	VEC(struct tenant) tenants = { 0 };
	for (struct section s = { 0 }; section_next(pr, &s, "tenants", &shape_tenant);) {
		const char *name = name_at(r, s.node, "name");
		struct tenant t = {
			.name = name,
			.shared = bool_at(r, s.node, "shared"),
			.responsible = (uint8_t)(1 + word_at(r, s.node, "responsible",
							     responsible_words, -1)),
			.owner = text_at(r, s.node, "owner"),
			.at = s.node->at,
		};
		if (name && !strcasecmp(name, "any"))
			diag_error(r->d, EINVAL, "policy.reserved-name", s.node->at,
				   "'any' has a meaning already: name the tenant otherwise");
		else if (name && names_add(r, &pr->tenants, name, s.node->at, tenants.n))
			*vec_add(&tenants) = t;
	}
	pr->policy->tenants = vec_keep(r->arena, &tenants);
	pr->policy->n_tenants = tenants.n;
	vec_free(&tenants);
}

static bool bad_prefix(struct reader *r, const struct node *node, const char *why)
{
	diag_error(r->d, EINVAL, "policy.prefix", node->at, "'%s' is no prefix: %s",
		   shown(r, node->s), why);
	return false;
}

static const char *prefix_advice(const char *s)
{
	const char *slash = strchr(s, '/');
	uint64_t len;
	if (strchr(s, '-'))
		return "write a range as prefixes, such as 10.0.0.0/25 and 10.0.0.128/26";
	if (slash && strchr(slash, '.'))
		return "write the length instead of the mask, such as 10.0.0.0/8";
	if (slash && slash[1] == '0' && slash[2])
		return "the length has no leading zero";
	if (slash && parse_number(slash + 1, strlen(slash + 1), 0, UINT32_MAX, false, &len) &&
	    len > (strchr(s, ':') ? 128 : 32))
		return "the length goes to 32 for IPv4 and to 128 for IPv6";
	return "write an address and a length, such as 10.0.0.0/8 or 2001:db8::/32, without "
	       "leading zeros";
}

bool prefix_of(struct reader *r, const struct node *node, struct claim *ret_claim)
{
	const char *s = text_of(r, node);
	enum family f;
	struct addr a;
	unsigned len;
	bool host_bits;
	if (!s)
		return false;
	if (!prefix_parse(s, strlen(s), &f, &a, &len, &host_bits))
		return bad_prefix(r, node, prefix_advice(s));
	if (host_bits) {
		struct text t = { 0 };
		addr_print(&t, f, addr_and(a, addr_mask(f, len)));
		diag_error(r->d, EINVAL, "policy.host-bits", node->at,
			   "%s has bits behind its length: write %s/%u for the network, or "
			   "%.*s/%u for the host",
			   s, t.s, len, (int)strcspn(s, "/"), s, addr_bits(f));
		text_finish(&t);
		return false;
	}
	*ret_claim = (struct claim){ span_prefix(f, a, len), (uint8_t)f, node->at };
	return true;
}

/* Prefixes under a key, of both families. */
struct claims {
	VEC(struct claim) v;
};

static void claims_at(struct reader *r, const struct node *map, const char *key,
		      struct claims *c)
{
	const char *const *unused;
	const struct node *const *items = NULL;
	size_t n = texts_at(r, map, key, &unused, &items);
	for (size_t i = 0; i < n; i++) {
		struct claim claim;
		if (prefix_of(r, items[i], &claim))
			*vec_add(&c->v) = claim;
	}
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	int c = addr_compare(x->span.lo, y->span.lo);
	if (!c)
		c = addr_compare(y->span.hi, x->span.hi); /* the wider one first */
	return c ? c : loc_compare(x->at, y->at);
}

/* Sorts; says which prefixes add nothing to the others of the same list. */
static void claims_sort(struct reader *r, struct claims *c)
{
	const struct claim *wide = NULL;
	if (c->v.n)
		qsort(c->v.v, c->v.n, sizeof(*c->v.v), compare_claims);
	vec_each (x, &c->v) {
		if (wide && wide->family == x->family && span_has(wide->span, x->span.lo)) {
			diag_warning(r->d, "policy.redundant-prefix", x->at,
				     "this prefix is inside another one of the list: take it "
				     "out, or correct it");
			diag_related(r->d, wide->at, "inside this one");
		} else {
			wide = x;
		}
	}
}

static struct span *spans_of(struct reader *r, const struct claims *c, enum family f,
			     size_t *ret_n)
{
	struct span *v = arena_array(r->arena, c->v.n, sizeof(*v));
	size_t n = 0;
	vec_each (x, &c->v)
		if (x->family == f)
			v[n++] = x->span;
	*ret_n = spans_normalise(v, n);
	return v;
}

/* One zone while the others are read: what it claims, with places. */
struct zone_claims {
	struct claims prefixes, exclude;
};

struct zone_list {
	VEC(struct zone) zones;
	VEC(struct zone_claims) claims;
};

static void zone_spans(struct policy_reader *pr, struct zone *z, struct zone_claims *c)
{
	struct reader *r = &pr->r;
	size_t errors = r->d->n_errors;
	claims_sort(r, &c->prefixes);
	claims_sort(r, &c->exclude);
	struct span *in[FAMILY_COUNT];
	size_t n_in[FAMILY_COUNT];
	for (int f = 0; f < FAMILY_COUNT; f++) {
		size_t n_out;
		in[f] = spans_of(r, &c->prefixes, f, &n_in[f]);
		struct span *out = spans_of(r, &c->exclude, f, &n_out);
		z->spans[f] = spans_minus(r->arena, in[f], n_in[f], out, n_out, &z->n_spans[f]);
	}
	vec_each (x, &c->exclude.v) {
		size_t lo = 0, hi = n_in[x->family]; /* the last one that begins before x */
		while (hi - lo > 1) {
			size_t mid = lo + (hi - lo) / 2;
			if (addr_compare(in[x->family][mid].lo, x->span.lo) <= 0)
				lo = mid;
			else
				hi = mid;
		}
		if (!hi || !span_has(in[x->family][lo], x->span.lo) ||
		    !span_has(in[x->family][lo], x->span.hi))
			diag_error(
				r->d, EINVAL, "policy.exclude-outside", x->at,
				"this is not wholly inside the zone's prefixes: take it out, "
				"or correct it");
	}
	if (c->prefixes.v.n && !z->n_spans[FAMILY_V4] && !z->n_spans[FAMILY_V6] &&
	    r->d->n_errors == errors)
		diag_error(r->d, EINVAL, "policy.zone-empty", z->at,
			   "the zone '%s' excludes all its addresses: nothing is left of it",
			   z->name);
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (n_in[f] && !pr->policy->families[f])
			diag_warning(
				r->d, "policy.family-out-of-scope", z->at,
				"the zone '%s' has %s addresses, which 'scope' leaves out: "
				"nothing will be said about them",
				z->name, f == FAMILY_V4 ? "IPv4" : "IPv6");
}

static void read_zone(struct policy_reader *pr, const struct node *node, struct zone_list *list,
		      const struct zone **external)
{
	struct reader *r = &pr->r;
	struct zone_claims claims = { 0 };
	struct zone z = {
		.name = name_at(r, node, "name"),
		.external = bool_at(r, node, "external"),
		.segment = name_at(r, node, "segment"),
		.owner = text_at(r, node, "owner"),
		.self = bool_at(r, node, "self"),
		.at = node->at,
	};
	const char *tenant = name_at(r, node, "tenant");
	if (tenant) {
		ptrdiff_t t = names_index(r, &pr->tenants, tenant);
		if (t < 0)
			names_undefined(r, "policy.undefined-tenant", &pr->tenants, NULL,
					tenant, node_get(node, "tenant")->at);
		else
			z.tenant = &pr->policy->tenants[t];
	}
	claims_at(r, node, "prefixes", &claims.prefixes);
	claims_at(r, node, "exclude", &claims.exclude);
	if (z.external &&
	    (node_get(node, "prefixes") || node_get(node, "exclude") || z.segment))
		diag_error(r->d, EINVAL, "policy.external-prefixes", node->at,
			   "an external zone is all that no other zone claims: it has no "
			   "'prefixes', 'exclude' or 'segment'");
	if (!z.external && !node_get(node, "prefixes"))
		diag_error(r->d, EINVAL, "yaml.missing-key", node->at,
			   "this zone needs the key 'prefixes' (or 'external: true')");
	if (z.external && *external) {
		diag_error(r->d, EEXIST, "policy.two-externals", node->at,
			   "a second external zone: there is one 'everything else'");
		diag_related(r->d, (*external)->at, "the first one");
	}
	if (z.name && !strcasecmp(z.name, "any")) {
		diag_error(r->d, EINVAL, "policy.reserved-name", node->at,
			   "'any' has a meaning already: name the zone otherwise");
		z.name = NULL;
	}
	ptrdiff_t same = z.name ? names_index(r, &pr->tenants, z.name) : -1;
	if (same >= 0) {
		diag_error(r->d, EEXIST, "yaml.duplicate-name", node->at,
			   "'%s' is a tenant already, and flows name both: rename the zone",
			   z.name);
		diag_related(r->d, pr->policy->tenants[same].at, "the tenant");
	}
	if (!z.name || !names_add(r, &pr->zones, z.name, node->at, list->zones.n)) {
		vec_free(&claims.prefixes.v);
		vec_free(&claims.exclude.v);
		return;
	}
	zone_spans(pr, &z, &claims);
	*vec_add(&list->claims) = claims;
	*vec_add(&list->zones) = z;
	if (z.external && !*external)
		*external = arena_copy(r->arena, &z, sizeof(z));
}

/* A span of a zone, for finding those that two zones claim. */
struct held {
	struct span span;
	const char *segment; /* "" for none */
	uint32_t zone;
	uint8_t family;
};

static int compare_held(const void *a, const void *b)
{
	const struct held *x = a, *y = b;
	int c = strcmp(x->segment, y->segment);
	if (!c)
		c = (int)x->family - (int)y->family;
	if (!c)
		c = addr_compare(x->span.lo, y->span.lo);
	return c ? c : (x->zone > y->zone) - (x->zone < y->zone);
}

/* The prefix of the zone that holds the address. */
static struct loc claim_at(const struct zone_list *list, uint32_t zone, enum family f,
			   struct addr a)
{
	vec_each (x, &list->claims.v[zone].prefixes.v)
		if (x->family == f && span_has(x->span, a))
			return x->at;
	return list->zones.v[zone].at;
}

static void report_overlap(struct reader *r, const struct zone_list *list, const struct held *a,
			   const struct held *b)
{
	if (diags_count(r->d, "policy.zone-overlap") >= DIAG_CAP_PER_CODE) {
		diag_error(r->d, EINVAL, "policy.zone-overlap", LOC_NONE, "counted only");
		return;
	}
	struct text t = { 0 };
	struct span both = { b->span.lo, addr_compare(a->span.hi, b->span.hi) < 0
						 ? a->span.hi
						 : b->span.hi };
	const struct zone *x = &list->zones.v[a->zone], *y = &list->zones.v[b->zone];
	struct loc at = claim_at(list, a->zone, a->family, both.lo);
	struct loc other = claim_at(list, b->zone, b->family, both.lo);
	if (a->zone > b->zone) { /* the message stands at the later definition */
		const struct zone *z = x;
		struct loc l = at;
		x = y, y = z;
		at = other, other = l;
	}
	span_print(&t, a->family, both);
	diag_error(r->d, EINVAL, "policy.zone-overlap", other,
		   "%s belongs to the zones '%s' and '%s': put it under 'exclude' of one of "
		   "them, or tell them apart by 'segment'",
		   t.s, x->name, y->name);
	diag_related(r->d, at, "claimed by '%s' here", x->name);
	text_finish(&t);
}

/* Two zones that both claim an address: of one segment, or (segments false) of any. */
static void sweep(struct policy_reader *pr, const struct zone_list *list, bool segments,
		  uint32_t *ret_shares)
{
	VEC(struct held) held = { 0 };
	for (size_t i = 0; i < list->zones.n; i++) {
		const struct zone *z = &list->zones.v[i];
		const char *segment = segments && z->segment ? z->segment : "";
		for (int f = 0; f < FAMILY_COUNT; f++)
			for (size_t k = 0; k < z->n_spans[f]; k++)
				*vec_add(&held) = (struct held){ z->spans[f][k], segment,
								 (uint32_t)i, (uint8_t)f };
	}
	if (held.n)
		qsort(held.v, held.n, sizeof(*held.v), compare_held);
	const struct held *reach = NULL; /* of those so far, the one that reaches furthest */
	vec_each (x, &held) {
		bool same = reach && reach->family == x->family &&
			    !strcmp(reach->segment, x->segment);
		if (same && addr_compare(x->span.lo, reach->span.hi) <= 0) {
			if (segments)
				report_overlap(&pr->r, list, reach, x);
			ret_shares[x->zone] = reach->zone;
			ret_shares[reach->zone] = x->zone;
		}
		if (!same || addr_compare(x->span.hi, reach->span.hi) > 0)
			reach = x;
	}
	vec_free(&held);
}

static void check_overlaps(struct policy_reader *pr, const struct zone_list *list)
{
	uint32_t *shares = arena_array(pr->r.arena, list->zones.n, sizeof(*shares));
	sweep(pr, list, true, shares);
	for (size_t i = 0; i < list->zones.n; i++)
		shares[i] = UINT32_MAX;
	sweep(pr, list, false, shares);
	pr->shares = arena_array(pr->r.arena, list->zones.n, sizeof(*pr->shares));
	for (size_t i = 0; i < list->zones.n; i++)
		if (shares[i] != UINT32_MAX)
			pr->shares[i] = &pr->policy->zones[shares[i]];
}

/* The external zone has what is left of the whole family. */
static void complement(struct policy_reader *pr, struct zone_list *list)
{
	struct reader *r = &pr->r;
	for (int f = 0; f < FAMILY_COUNT; f++) {
		VEC(struct span) all = { 0 };
		vec_each (z, &list->zones)
			for (size_t k = 0; k < z->n_spans[f]; k++)
				*vec_add(&all) = z->spans[f][k];
		size_t n = spans_normalise(all.v, all.n), n_left;
		struct span whole = { { 0, 0 }, addr_max(f) };
		const struct span *left = spans_minus(r->arena, &whole, 1, all.v, n, &n_left);
		vec_free(&all);
		vec_each (z, &list->zones)
			if (z->external) {
				z->spans[f] = left;
				z->n_spans[f] = n_left;
				break;
			}
	}
}

void read_zones(struct policy_reader *pr)
{
	struct reader *r = &pr->r;
	struct zone_list list = { 0 };
	const struct zone *external = NULL;
	bool judged = false;
	for (struct section s = { 0 }; section_next(pr, &s, "zones", &shape_zone);) {
		if (list.zones.n == MAX_ZONES) {
			diag_error(r->d, E2BIG, "policy.too-large", s.node->at,
				   "more than %d zones: join those that the same flows name",
				   MAX_ZONES);
			break;
		}
		read_zone(pr, s.node, &list, &external);
	}
	complement(pr, &list);
	pr->policy->zones = vec_keep(r->arena, &list.zones);
	pr->policy->n_zones = list.zones.n;
	check_overlaps(pr, &list);
	vec_each (z, &list.zones)
		judged |= z->self;
	if (list.zones.n < 2 && !judged && !r->d->n_errors)
		diag_error(r->d, EINVAL, "policy.nothing-to-judge",
			   (struct loc){ .src = pr->roots[0]->at.src },
			   "%s: at least two zones are needed, or one with 'self: true'",
			   list.zones.n ? "there is one zone alone" : "there is no zone");
	else if (!external)
		diag_note(r->d, "policy.no-external",
			  (struct loc){ .src = pr->roots[0]->at.src },
			  "no zone is external: nothing is said about addresses that no zone "
			  "claims");
	vec_each (c, &list.claims) {
		vec_free(&c->prefixes.v);
		vec_free(&c->exclude.v);
	}
	vec_free(&list.zones);
	vec_free(&list.claims);
}
