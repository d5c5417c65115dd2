/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who calls whom. The kernel refuses cycles and chains of more than 16 jumps, a file has no
 * such guard: both are named here, and the lowering takes a call that closes a cycle for
 * unknown. A verdict map that rules share is a node of its own, so that a thousand rules with
 * a map of a thousand verdicts are two thousand edges.
 */
#include "collectors/nft_internal.h"

#include <errno.h>
#include <string.h>

enum { DEPTH_MAX = 16 };

static void add_call(struct nft *n, struct nft_chain *from, const json_t *verdict,
		     struct loc at)
{
	const json_t *v = json_object_get(verdict, "jump");
	const char *name;
	if (!v)
		v = json_object_get(verdict, "goto");
	name = nft_str(v, "target");
	struct nft_chain *to =
		name ? map_get(&n->chains, nft_key_of(n, nft_family_name(from->table->family),
						      from->table->name, name))
		     : NULL;
	if (to)
		*vec_add(&from->calls) = (struct nft_call){ to, at };
}

static void add_elements(struct nft *n, struct nft_chain *from, const json_t *list,
			 struct loc at)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i);
		const json_t *val = json_object_get(json_object_get(e, "elem"), "val");
		if (json_is_array(val))
			e = val;
		if (json_is_array(e))
			add_call(n, from, json_array_get(e, 1), at);
	}
}

void nft_graph_calls(struct nft *n, struct nft_chain *from, const json_t *stmt,
		     const json_t *rule)
{
	const json_t *vmap = json_object_get(stmt, "vmap");
	const char *name;
	if (!vmap && !json_object_get(stmt, "jump") && !json_object_get(stmt, "goto"))
		return;
	struct loc at = nft_rule_loc(n, from, rule, &name);
	if (!vmap) {
		add_call(n, from, stmt, at);
		return;
	}
	const json_t *data = json_object_get(vmap, "data"),
		     *list = json_object_get(data, "set");
	const char *ref = json_string_value(data ? data : NULL);
	if (!ref)
		ref = json_string_value(list);
	if (!ref) {
		add_elements(n, from, list, at);
		return;
	}
	struct nft_set *set =
		map_get(&n->sets, nft_key_of(n, nft_family_name(from->table->family),
					     from->table->name, ref + (*ref == '@')));
	if (!set)
		return;
	if (!set->node) {
		set->node = arena_alloc(n->arena, sizeof(*set->node));
		set->node->table = from->table;
		set->node->path = set->label;
		set->node->at = set->at;
		vec_each (list_of, &set->elems)
			add_elements(n, set->node, *list_of, set->at);
	}
	*vec_add(&from->calls) = (struct nft_call){ set->node, at };
}

static void name_cycle(struct nft *n, struct nft_chain *const *way, size_t len, struct loc at)
{
	struct text t = { 0 };
	size_t from = 0;
	while (from + 1 < len && way[from] != way[len - 1])
		from++;
	for (size_t i = from; i < len; i++) {
		if (i == from + 8 && i + 1 < len) {
			text_put(&t, " -> ...");
			break;
		}
		text_putf(&t, "%s%s", i > from ? " -> " : "", way[i]->path);
	}
	diag_error(n->d, ELOOP, "nft.chain-cycle", at, "chains call each other in a circle: %s",
		   t.s);
	for (size_t i = from; i + 1 < len && i < from + DIAG_RELATED; i++)
		diag_related(n->d, way[i]->at, "%s", way[i]->path);
	text_finish(&t);
}

/* Depth first without recursion: a file may chain a hundred thousand calls. */
static void walk(struct nft *n, struct nft_chain *root)
{
	VEC(struct nft_chain *) way = { 0 };
	if (root->colour)
		return;
	root->colour = 1;
	*vec_add(&way) = root;
	while (way.n) {
		struct nft_chain *ch = way.v[way.n - 1];
		if (ch->next == ch->calls.n) {
			ch->colour = 2;
			way.n--;
			if (way.n && ch->depth + 1 > way.v[way.n - 1]->depth)
				way.v[way.n - 1]->depth = ch->depth + 1;
			continue;
		}
		struct nft_call call = ch->calls.v[ch->next++];
		if (!call.to->colour) {
			call.to->colour = 1;
			*vec_add(&way) = call.to;
		} else if (call.to->colour == 1) {
			*vec_add(&way) = call.to;
			name_cycle(n, way.v, way.n, call.at);
			way.n--;
		} else if (call.to->depth + 1 > ch->depth) {
			ch->depth = call.to->depth + 1;
		}
	}
	vec_free(&way);
}

/* What reaches a chain reaches what it calls. */
static void spread(struct nft *n)
{
	VEC(struct nft_chain *) open = { 0 };
	vec_each (ch, &n->order)
		if ((*ch)->reach)
			*vec_add(&open) = *ch;
	while (open.n) {
		struct nft_chain *ch = open.v[--open.n];
		for (size_t i = 0; i < ch->calls.n; i++) {
			struct nft_chain *to = ch->calls.v[i].to;
			if ((to->reach | ch->reach) != to->reach) {
				to->reach |= ch->reach;
				*vec_add(&open) = to;
			}
		}
	}
	vec_free(&open);
}

void nft_graph(struct nft *n)
{
	vec_each (ch, &n->order)
		walk(n, *ch);
	spread(n);
	vec_each (ch, &n->order)
		if ((*ch)->base && (*ch)->depth > DEPTH_MAX)
			diag_warning(n->d, "nft.chain-depth", (*ch)->at,
				     "%s: calls are %u deep, the kernel allows %d", (*ch)->path,
				     (*ch)->depth, DEPTH_MAX);
}
