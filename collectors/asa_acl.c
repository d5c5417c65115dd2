/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access lists, and the conduits of PIX. Entries of a list may be spread over the file; their
 * order is the order of appearance, except where `line N` puts one further up. The first pass
 * keeps the places, the second has the entries read (asa_ace.c) when every name is known.
 */
#include "collectors/asa_internal.h"

#include <string.h>

struct list *asa_list(struct asa *a, struct word name, bool v6, bool create, uint32_t line)
{
	struct map *map = v6 ? &a->lists6 : &a->lists;
	struct list *l = map_getn(map, name.s, name.len);

	if (l || !create)
		return l;
	l = arena_alloc(a->arena, sizeof(*l));
	l->name = asa_str(a, name);
	l->v6 = v6;
	l->line = line;
	*map_atn(map, name.s, name.len) = l;
	*vec_add(&a->all_lists) = l;
	return l;
}

void asa_list_clear(struct asa *a, struct list *l, uint32_t line)
{
	vec_each (e, &l->aces)
		ASA_EXACT(a, e->line);
	l->aces.n = 0;
	l->cleared = line;
}

/* Words that stand where a list's name would, in lines that set how lists work. */
static bool list_setting(const struct line *l)
{
	static const char *const words[] = { "alert-interval", "deny-flow-max", "mode",
					     "compiled",       "commit",	"cached" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (line_at(l, words[i]) && !word_is(line_peek(l, 1), "permit") &&
		    !word_is(line_peek(l, 1), "deny") &&
		    !word_is(line_peek(l, 1), "extended") &&
		    !word_is(line_peek(l, 1), "remark"))
			return true;
	return false;
}

void asa_list_line(struct asa *a, struct line *l, bool v6)
{
	struct list *list;
	struct word name;
	unsigned at = 0;

	if (list_setting(l)) {
		if (line_at(l, "mode") && a->flavour == ASA_UNKNOWN)
			a->flavour = ASA_FWSM;
		asa_class(a, l->no, ACCOUNT_IRRELEVANT, false, NULL);
		return;
	}
	name = line_next(l);
	if (!name.len || line_ended(l)) {
		asa_reject(a, l->no, NULL, "asa.syntax",
			   "an access list line without an entry");
		return;
	}
	if (line_at(l, "compiled") || line_at(l, "object-group-search")) {
		asa_class(a, l->no, ACCOUNT_IRRELEVANT, false, NULL);
		return;
	}
	if (line_at(l, "rename")) {
		asa_reject(a, l->no, NULL, "asa.command",
			   "renames an access list: give the running configuration instead");
		return;
	}
	list = asa_list(a, name, v6, true, l->no);
	if (line_take(l, "line") && !word_number(line_next(l), UINT32_MAX, &at)) {
		asa_refuse(a, l->no, "asa.ace", "the line number is none");
		at = 0;
	}
	if (!list->aces.n) {
		asa_use(a, "access list", list->name, l->no, true);
		list->line = l->no;
		list->type = LIST_EXTENDED;
	}
	if (line_at(l, "standard"))
		list->type = LIST_STANDARD;
	else if (line_at(l, "ethertype"))
		list->type = LIST_ETHERTYPE;
	else if (line_at(l, "webtype"))
		list->type = LIST_WEBTYPE;
	if (v6) {
		a->saw_v6_list = true;
	} else {
		for (unsigned i = l->i; i < l->n; i++)
			if (word_is(l->w[i], "any4") || word_is(l->w[i], "any6") ||
			    (memchr(l->w[i].s, ':', l->w[i].len) &&
			     memchr(l->w[i].s, '/', l->w[i].len)))
				a->saw_any46 |= !line_at(l, "remark");
	}
	*vec_add(&list->aces) = (struct ace){ l->no, at };
}

/*
 * Entries in the order they have on the firewall. An entry with `line N` goes to place N of
 * the list as it is then. Going backwards, the last one inserted keeps its place, and each
 * earlier one takes the place that is the Nth of those still free: a binary indexed tree over
 * free places finds it in log n.
 */
static void order(struct list *l)
{
	size_t n = l->aces.n, top = 1;
	struct ace *out;
	uint32_t *tree;
	bool any = false;

	vec_each (e, &l->aces)
		any |= e->at != 0;
	if (!any)
		return;
	out = xcalloc(n, sizeof(*out));
	tree = xcalloc(n + 1, sizeof(*tree));
	for (size_t i = 1; i <= n; i++)
		tree[i] = (uint32_t)(i & (~i + 1));
	while (top * 2 <= n)
		top *= 2;
	for (size_t k = n; k-- > 0;) {
		uint32_t want = l->aces.v[k].at;
		size_t pos = 0;

		/* Entry k came when k others were there. */
		if (!want || want > k + 1)
			want = (uint32_t)(k + 1);
		for (size_t step = top; step; step /= 2)
			if (pos + step <= n && tree[pos + step] < want) {
				pos += step;
				want -= tree[pos];
			}
		out[pos] = l->aces.v[k];
		for (size_t i = pos + 1; i <= n; i += i & (~i + 1))
			tree[i]--;
	}
	memcpy(l->aces.v, out, n * sizeof(*out));
	free(out);
	free(tree);
}

/* Past `access-list NAME [line N]` or `ipv6 access-list NAME [line N]`. */
static void to_entry(struct line *l, bool v6)
{
	l->i = v6 ? 3 : 2;
	if (line_take(l, "line"))
		line_next(l);
}

static void build_list(struct asa *a, struct list *list)
{
	VEC(struct rule) rules = { 0 };
	VEC(const struct match *) permits = { 0 };
	const char *remark = NULL;
	unsigned number = 0;

	order(list);
	vec_each (e, &list->aces) {
		struct line l;
		struct rule r;

		line_split(a->src, e->line, &l);
		to_entry(&l, list->v6);
		number++;
		if (line_take(&l, "remark")) {
			remark = line_rest(a->arena, a->src, &l);
			asa_class(a, e->line, ACCOUNT_IRRELEVANT, false, NULL);
			continue;
		}
		if (list->type == LIST_WEBTYPE || list->type == LIST_ETHERTYPE) {
			asa_class(a, e->line, ACCOUNT_IRRELEVANT, false, NULL);
			continue;
		}
		r = asa_ace(a, &l, list);
		r.name = arena_printf(a->arena, "line %u", number);
		if (remark && !r.note)
			r.note = remark;
		remark = NULL;
		*vec_add(&rules) = r;
		if (r.verdict != VERDICT_DENY && !(r.flags & RULE_INACTIVE))
			*vec_add(&permits) = r.match;
	}
	list->permits = match_or_n(a->m, permits.v, permits.n);
	if (list->ruleset)
		device_build_rules(a->b, list->ruleset, rules.v, rules.n);
	vec_free(&rules);
	vec_free(&permits);
}

/* Makes every list a ruleset of its own. */
void asa_lists_build(struct asa *a)
{
	vec_each (p, &a->all_lists) {
		struct list *l = *p;

		if (l->aces.n && l->type != LIST_ETHERTYPE && l->type != LIST_WEBTYPE) {
			const char *name = l->name;

			if (l->v6 && map_get(&a->lists, name))
				name = arena_printf(a->arena, "%s (ipv6)", name);
			l->ruleset = device_build_ruleset(a->b, name, "access list",
							  asa_loc(a, l->line));
		}
		build_list(a, l);
	}
}

const struct match *asa_list_permits(struct asa *a, struct word name, uint32_t line)
{
	struct list *l = asa_list(a, name, false, false, 0);

	if (!l || !l->ruleset || l->cleared || l->type != LIST_EXTENDED)
		return match_unknown(a->m, asa_loc(a, line),
				     "access list %.*s, which is not %s", (int)name.len, name.s,
				     l ? "an extended one" : "defined");
	if (!l->exact)
		l->exact = rules_permit(a->m, l->ruleset->rules, l->ruleset->n);
	return l->exact;
}

void asa_conduit_line(struct asa *a, struct line *l)
{
	a->pix6 = true;
	*vec_add(&a->conduits) = l->no;
}

/* The conduits of PIX as one ruleset; NULL where there are none. */
struct ruleset *asa_conduits_build(struct asa *a)
{
	VEC(struct rule) rules = { 0 };
	struct ruleset *rs;

	if (!a->conduits.n)
		return NULL;
	rs = device_build_ruleset(a->b, "conduit lines", "conduits",
				  asa_loc(a, a->conduits.v[0]));
	vec_each (no, &a->conduits) {
		struct line l;
		struct rule r;

		line_split(a->src, *no, &l);
		l.i = 1;
		r = asa_ace(a, &l, NULL);
		r.name = arena_printf(a->arena, "conduit %zu", rules.n + 1);
		*vec_add(&rules) = r;
	}
	device_build_rules(a->b, rs, rules.v, rules.n);
	vec_free(&rules);
	return rs;
}
