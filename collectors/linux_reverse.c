/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of IPv4 sources (rp_filter) on a host with policy rules of its own. The kernel
 * looks up the packet back (__fib_validate_source() in net/ipv4/fib_frontend.c): from its
 * destination to its source, with its ports exchanged, as if it came in by lo, and without a
 * mark unless src_valid_mark says otherwise. The rules are gone through in order for all
 * packets at once: what a rule's table has a route for is settled there.
 */
#include "collectors/linux_internal.h"

#include <string.h>

enum { RULES_MOST = 64 };

/* What one table says of sources. */
struct reach {
	struct linux_spans has;	   /* it has a route */
	struct linux_spans any;	   /* by some interface */
	struct linux_spans unsure; /* nobody knows */
	const char *why;	   /* of unsure */
	struct map links;	   /* address of a struct linux_link to struct linux_spans */
};

static struct linux_spans *by_link(struct reach *x, const struct linux_link *l)
{
	void **slot = map_atn(&x->links, (const char *)&l, sizeof(l));
	if (!*slot)
		*slot = xcalloc(1, sizeof(struct linux_spans));
	return *slot;
}

/* suppress: routes that lead somewhere don't count with a prefix so long or shorter; -1: all
 * do. */
static struct reach *reach_of(struct linux_read *r, unsigned table, int suppress)
{
	struct {
		unsigned table;
		int suppress;
	} key = { table, suppress };
	void **slot = map_atn(&r->reaches, (const char *)&key, sizeof(key));
	if (*slot)
		return *slot;
	struct reach *x = *slot = xcalloc(1, sizeof(*x));
	struct linux_pieces p = { 0 };
	linux_look_up(r, table, &p);
	vec_each (one, &p) {
		const struct linux_route *to = one->route;
		if (!to || to->target == TARGET_NONE ||
		    (to->target != TARGET_DROP && suppress >= 0 && to->dst.len <= suppress))
			continue;
		*vec_add(&x->has) = one->span;
		if (to->target == TARGET_UNKNOWN) {
			*vec_add(&x->unsure) = one->span;
			x->why = to->why;
		} else if (to->target == TARGET_LINKS) {
			*vec_add(&x->any) = one->span;
			for (size_t i = 0; i < to->n_links; i++)
				*vec_add(by_link(x, to->links[i])) = one->span;
		}
	}
	vec_free(&p);
	return x;
}

static const struct match *in(struct linux_read *r, const struct linux_spans *v)
{
	return match_spans(r->m, FIELD_SRC, FAMILY_V4, v->v, v->n);
}

struct jump {
	int64_t to;
	const struct match *when;
};

struct reverse {
	struct linux_read *r;
	const struct linux_link *l;
	bool any;
	const struct match *left, *ok; /* not settled yet; lets pass */
	VEC(struct jump) jumps;
};

static bool is(const char *s, const char *word)
{
	return s && !strcmp(s, word);
}

static void settle(struct reverse *x, const struct match *when)
{
	x->left = match_and(x->r->m, x->left, match_not(x->r->m, when));
}

static void give_up(struct reverse *x, const struct match *when, const char *why)
{
	struct matches *m = x->r->m;
	const struct match *maybe = match_unknown(m, LOC_NONE, "source check: %s", why);
	x->ok = match_or(m, x->ok, match_and(m, match_and(m, x->left, when), maybe));
	settle(x, when);
}

static void look_up(struct reverse *x, unsigned table, int suppress, const struct match *when)
{
	struct linux_read *r = x->r;
	struct matches *m = r->m;
	struct reach *to = reach_of(r, table, suppress);
	const struct match *here = match_and(m, x->left, when);
	const struct match *via = in(r, x->any ? &to->any : by_link(to, x->l));
	if (to->unsure.n)
		via = match_or(m, via,
			       match_and(m, in(r, &to->unsure),
					 match_unknown(m, LOC_NONE, "source check: %s",
						       to->why ? to->why : "a route")));
	x->ok = match_or(m, x->ok, match_and(m, here, via));
	settle(x, match_and(m, when, in(r, &to->has)));
}

static void one_rule(struct reverse *x, const json_t *v)
{
	struct linux_read *r = x->r;
	struct matches *m = r->m;
	const char *action = linux_str(v, "action");
	int64_t priority = linux_number(v, "priority"), table = linux_number(v, "table");
	int64_t suppress = linux_number(v, "suppress_prefixlength");
	int64_t group = linux_number(v, "suppress_ifgroup");
	const struct match *when = linux_asked(r, FAMILY_V4, v, LINUX_BACK);
	size_t kept = 0;
	if (json_object_get(v, "unknown_attributes") || priority < 0)
		when = match_unknown(m, LOC_NONE, "a policy rule that was not understood");
	vec_each (j, &x->jumps) {
		if (j->to <= priority)
			continue;
		when = match_and(m, when, match_not(m, j->when));
		x->jumps.v[kept++] = *j;
	}
	x->jumps.n = kept;
	bool drops =
		is(action, "blackhole") || is(action, "unreachable") || is(action, "prohibit");
	if (is(action, "goto")) {
		int64_t to = linux_number(v, "goto");
		if (to > priority && !linux_true(v, "unresolved"))
			*vec_add(&x->jumps) = (struct jump){ to, when };
		else if (!linux_true(v, "unresolved"))
			give_up(x, when, "a jump among policy rules");
	} else if (drops) {
		settle(x, when);
	} else if (linux_true(v, "l3mdev")) {
		if (linux_true(v, "invert"))
			give_up(x, match_all(m), "a policy rule that was not understood");
		return; /* of a VRF's packets alone */
	} else if (is(action, "table") && table > 0 && (group < 0 || group == UINT32_MAX)) {
		look_up(x, (unsigned)table, suppress > 32 ? -1 : (int)suppress, when);
	} else if (!is(action, "nop")) {
		give_up(x, when, "a policy rule whose effect isn't known");
	}
}

static bool marks_count(struct linux_read *r, const struct linux_link *l)
{
	const char *all = linux_sysctl(r, NULL, "net/ipv4/conf/all/src_valid_mark");
	const char *one = linux_sysctl(r, NULL, "net/ipv4/conf/%s/src_valid_mark", l->name);
	return (all && strcmp(all, "0")) || (one && strcmp(one, "0"));
}

const struct match *linux_reverse(struct linux_read *r, const struct linux_link *l, bool any)
{
	const json_t *data = json_object_get(r->parts[PART_RULES].v, "data");
	struct matches *m = r->m;
	struct reverse x = { .r = r, .l = l, .any = any };
	size_t n = 0;
	bool marks = false;
	for (size_t i = 0; i < json_array_size(data); i++) {
		const json_t *v = json_array_get(data, i);
		n += is(linux_str(v, "family"), "ipv4");
		marks |= linux_number(v, "fwmark") >= 0;
	}
	if (!n || n > RULES_MOST || linux_vrf(l) || (marks && marks_count(r, l)))
		return match_unknown(m, r->rules_at, "source check: %s", r->rules_why);
	x.left = match_family(m, FAMILY_V4);
	x.ok = match_none(m);
	for (size_t i = 0; i < json_array_size(data); i++)
		if (is(linux_str(json_array_get(data, i), "family"), "ipv4"))
			one_rule(&x, json_array_get(data, i));
	vec_free(&x.jumps);
	return x.ok;
}

void linux_reverse_finish(struct linux_read *r)
{
	for (size_t i = 0; i < r->reaches.n; i++) {
		struct reach *x = r->reaches.entries[i].value;
		for (size_t k = 0; k < x->links.n; k++) {
			struct linux_spans *v = x->links.entries[k].value;
			vec_free(v);
			free(v);
		}
		map_finish(&x->links);
		vec_free(&x->has);
		vec_free(&x->any);
		vec_free(&x->unsure);
		free(x);
	}
	map_finish(&r->reaches);
}
