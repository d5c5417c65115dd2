/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts, and maps from values to them. What a map says is worked out once for each kind of
 * key that asks it, however many rules do.
 */
#include "collectors/nft_internal.h"

#include <errno.h>
#include <string.h>

static struct nft_verdict call(struct nft_rule *r, enum verdict verdict, const char *name)
{
	struct nft *n = r->n;
	struct nft_table *t = r->chain->table;
	struct nft_verdict ret = { VERDICT_UNKNOWN, NULL, "a chain that is not in this file" };
	struct nft_chain *to =
		name ? map_get(&n->chains,
			       nft_key_of(n, nft_family_name(t->family), t->name, name))
		     : NULL;
	if (!to) {
		diag_error(n->d, EINVAL, "nft.chain-missing", r->at,
			   "chain %s is not in this file", name ? name : "?");
		return ret;
	}
	snapshot_name(n->c->snap, n->c->device, "chain", to->ruleset->name, r->at, false);
	if (to->base) {
		diag_error(n->d, EINVAL, "nft.chain-base", r->at,
			   "%s is bound to a hook; the kernel lets no rule jump there",
			   to->path);
		ret.note = "a jump that the kernel refuses";
		return ret;
	}
	return (struct nft_verdict){ verdict, to->ruleset, NULL };
}

/* {"accept": null}, {"jump": {"target": "x"}}, ... False where it isn't a verdict. */
bool nft_verdict(struct nft_rule *r, const char *name, const json_t *v, struct nft_verdict *ret)
{
	static const struct {
		const char *name;
		enum verdict verdict;
	} plain[] = { { "accept", VERDICT_PERMIT },
		      { "drop", VERDICT_DENY },
		      { "continue", VERDICT_CONTINUE },
		      { "return", VERDICT_RETURN } };
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (!strcmp(name, plain[i].name)) {
			*ret = (struct nft_verdict){ plain[i].verdict, NULL, NULL };
			return true;
		}
	if (strcmp(name, "jump") && strcmp(name, "goto"))
		return false;
	*ret = call(r, *name == 'j' ? VERDICT_JUMP : VERDICT_GOTO, nft_str(v, "target"));
	return true;
}

/* Name and value of an object's only member. */
const char *nft_only_member(const json_t *v, const json_t **ret_value)
{
	const char *key, *name = NULL;
	json_t *value;
	if (json_is_string(v)) {
		*ret_value = NULL;
		return json_string_value(v);
	}
	if (json_object_size(v) != 1)
		return NULL;
	json_object_foreach ((json_t *)v, key, value)
		name = key, *ret_value = value;
	return name;
}

/* The elements with one verdict. */
struct group {
	struct nft_verdict to;
	struct nft_member *v;
	size_t n, cap;
	uint32_t index;
	bool star, maybe_star; /* holds the catch-all */
};

/* Sorts the elements by their verdicts; ret_group gives each element's. */
static void sort_out(struct nft_rule *r, const struct nft_members *ms, struct map *by_name,
		     uint32_t *ret_group)
{
	for (size_t i = 0; i < ms->n; i++) {
		const json_t *v = NULL;
		const char *name = nft_only_member(ms->v[i].data, &v);
		const char *target = v ? nft_str(v, "target") : NULL;
		struct text t = { 0 };
		text_putf(&t, "%s %s", name ? name : "", target ? target : "");
		void **at = map_atn(by_name, t.s, t.len);
		struct group *g = *at;
		if (!g) {
			g = *at = xcalloc(1, sizeof(*g));
			g->index = (uint32_t)by_name->n - 1;
			if (!name || !nft_verdict(r, name, v, &g->to))
				g->to = (struct nft_verdict){
					VERDICT_UNKNOWN, NULL,
					"a verdict that was not understood"
				};
		}
		text_finish(&t);
		if (ms->v[i].key)
			*vec_add(g) = ms->v[i];
		else if (ms->v[i].maybe)
			g->maybe_star = true;
		else
			g->star = true;
		ret_group[i] = g->index;
	}
}

/*
 * Elements with the same verdict become one outcome, the catch-all what is left. Elements
 * don't overlap (the kernel refuses it), so that their order does not matter; where an offline
 * file has some that do, nobody knows which one counts.
 */
static struct nft_vmap *work_out(struct nft_rule *r, const struct nft_keys *k,
				 const struct nft_members *ms)
{
	struct matches *m = r->n->m;
	struct map by_name = { 0 };
	struct nft_vmap *ret = arena_alloc(r->n->arena, sizeof(*ret));
	uint32_t *group = xcalloc(ms->n + 1, sizeof(*group));
	sort_out(r, ms, &by_name, group);
	ret->n = by_name.n;
	ret->v = arena_array(r->n->arena, ret->n, sizeof(*ret->v));
	const struct match **all = xcalloc(ret->n + 1, sizeof(*all));
	bool overlap = ret->n > 1 && nft_members_overlap(r, k, ms, group);
	if (overlap)
		diag_warning(r->n->d, "nft.overlap", r->at,
			     "elements of the map overlap and differ in their verdicts");
	for (size_t i = 0; i < ret->n; i++) {
		const struct group *g = by_name.entries[i].value;
		all[i] = nft_is_member(r, k, g->v, g->n);
		if (overlap)
			all[i] = match_and(m, all[i], nft_doubt(r, "elements that overlap"));
	}
	const struct match *rest =
		match_and(m, nft_need(r, k), match_not(m, match_or_n(m, all, ret->n)));
	for (size_t i = 0; i < ret->n; i++) {
		struct group *g = by_name.entries[i].value;
		ret->v[i].to = g->to;
		ret->v[i].is = nft_compare(r, k, all[i], false);
		if (g->star)
			ret->v[i].is = match_or(m, ret->v[i].is, rest);
		else if (g->maybe_star)
			ret->v[i].is = match_or(
				m, ret->v[i].is,
				match_and(m, rest,
					  nft_doubt(r, "an element that may have expired")));
		free(g->v);
		free(g);
	}
	map_finish(&by_name);
	free(group);
	free(all);
	return ret;
}

const struct nft_vmap *nft_vmap(struct nft_rule *r, const json_t *v, struct nft_keys *ret_keys,
				const char **ret_why)
{
	static const char *const known[] = { "key", "data", NULL };
	const json_t *data = json_object_get(v, "data"), *list = json_object_get(data, "set");
	const char *ref = json_string_value(json_is_string(data) ? data : list);
	struct nft_members ms = { 0 };
	struct nft_vmap *ret;
	nft_keys(r, json_object_get(v, "key"), ret_keys);
	if (!nft_only(v, known) || (!ref && !json_is_array(list))) {
		*ret_why = "a verdict map that was not understood";
		return NULL;
	}
	if (!ref) {
		nft_members_add(r, &ms, list, true);
		ret = work_out(r, ret_keys, &ms);
		vec_free(&ms);
		return ret;
	}
	struct nft_set *set = nft_set_find(r, ref);
	if (!set || set->loose || !set->is_map) {
		*ret_why = set && set->loose ? set->loose : "a map that is not in this file";
		return NULL;
	}
	struct text t = { 0 };
	text_put(&t, "verdicts ");
	nft_keys_text(&t, ret_keys);
	void **at = map_atn(&set->memo, t.s, t.len);
	text_finish(&t);
	if (*at)
		return *at;
	vec_each (array, &set->elems)
		nft_members_add(r, &ms, *array, true);
	ret = work_out(r, ret_keys, &ms);
	*at = ret;
	vec_free(&ms);
	return ret;
}
