/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where each value of a JSON text stands.
 *
 * jansson keeps the members of an object in the order of the text, so one pass over the text
 * that steps through the tree at the same time meets the same values. The values of one
 * container lie side by side in `nodes`; a node's index within its container is therefore its
 * distance from the first, and a path can be told without being stored.
 *
 * A node is found by an address: its own, or, because jansson has only one true, one false
 * and one null, the address of its key inside the object. Such values inside arrays have no
 * address at all and are found through the array.
 */
#include "base/jsonloc.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"

enum { LONGEST_MARK = 4096 }; /* bytes of a container that its place may span */

struct node {
	const void *address; /* NULL: true, false, null in an array */
	uint32_t off;	     /* of the value's first byte */
	uint32_t parent;     /* the container's node; NO_NODE at the root */
	uint32_t first;	     /* of a container: the node of its first value */
};

#define NO_NODE UINT32_MAX

struct jsonloc {
	const struct source *src;
	VEC(struct node) nodes;
	uint32_t *slots; /* node + 1; 0: free */
	size_t n_slots;
};

static size_t slot_of(const struct jsonloc *l, const void *address)
{
	uint64_t h = (uint64_t)(uintptr_t)address;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	h ^= h >> 29;
	return (size_t)h & (l->n_slots - 1);
}

static uint32_t find(const struct jsonloc *l, const void *address)
{
	if (!address || !l->n_slots)
		return NO_NODE;
	for (size_t s = slot_of(l, address); l->slots[s]; s = (s + 1) & (l->n_slots - 1)) {
		if (l->nodes.v[l->slots[s] - 1].address == address)
			return l->slots[s] - 1;
	}
	return NO_NODE;
}

static void index_nodes(struct jsonloc *l)
{
	l->n_slots = 16;
	while (l->n_slots < l->nodes.n + l->nodes.n / 2)
		l->n_slots *= 2;
	l->slots = xcalloc(l->n_slots, sizeof(*l->slots));
	for (size_t i = 0; i < l->nodes.n; i++) {
		if (!l->nodes.v[i].address)
			continue;
		size_t s = slot_of(l, l->nodes.v[i].address);
		while (l->slots[s])
			s = (s + 1) & (l->n_slots - 1);
		l->slots[s] = (uint32_t)i + 1;
	}
}

/* The text was accepted by jansson before: these only step over what is known to be there. */

static size_t skip_blank(const struct source *s, size_t at)
{
	while (at < s->size && memchr(" \t\r\n", s->data[at], 4))
		at++;
	return at;
}

static size_t skip_scalar(const struct source *s, size_t at)
{
	if (at < s->size && s->data[at] == '"') {
		for (at++; at < s->size && s->data[at] != '"'; at++)
			at += s->data[at] == '\\';
		return at < s->size ? at + 1 : s->size;
	}
	while (at < s->size && !memchr(" \t\r\n,:]}[{\"", s->data[at], 11))
		at++;
	return at;
}

struct frame {
	const json_t *value;
	void *iter; /* of an object: the member that comes next */
	uint32_t node, done, n;
};

static bool is_shared(const json_t *v)
{
	return json_is_boolean(v) || json_is_null(v);
}

static uint32_t size_of(const json_t *v)
{
	return (uint32_t)(json_is_object(v) ? json_object_size(v) : json_array_size(v));
}

/* Places for the n values of a container, side by side. */
static uint32_t reserve(struct jsonloc *l, uint32_t parent, uint32_t n)
{
	uint32_t first = (uint32_t)l->nodes.n;
	for (uint32_t i = 0; i < n; i++)
		*vec_add(&l->nodes) = (struct node){ .parent = parent };
	return first;
}

/* Walks one document that begins at `at`; gives the offset behind it. */
static size_t walk(struct jsonloc *l, const json_t *root, size_t at)
{
	const struct source *s = l->src;
	VEC(struct frame) stack = { 0 };
	const json_t *v = root;
	uint32_t node = reserve(l, NO_NODE, 1);
	l->nodes.v[node].address = v;
	for (;;) {
		at = skip_blank(s, at);
		l->nodes.v[node].off = (uint32_t)at;
		if (json_is_object(v) || json_is_array(v)) {
			uint32_t n = size_of(v), first = reserve(l, node, n);
			l->nodes.v[node].first = first;
			*vec_add(&stack) = (struct frame){
				.value = v,
				.iter = json_is_object(v) ? json_object_iter((json_t *)v)
							  : NULL,
				.node = node,
				.n = n,
			};
			at++;
		} else {
			at = skip_scalar(s, at);
		}
		/* Leave the containers that are through. */
		while (stack.n && stack.v[stack.n - 1].done == stack.v[stack.n - 1].n) {
			at = skip_blank(s, at) + 1;
			stack.n--;
		}
		if (!stack.n)
			break;
		struct frame *f = &stack.v[stack.n - 1];
		at = skip_blank(s, at);
		if (f->done)
			at = skip_blank(s, at + 1); /* the comma */
		node = l->nodes.v[f->node].first + f->done;
		if (f->iter) {
			at = skip_blank(s, skip_scalar(s, at)) + 1; /* key and colon */
			v = json_object_iter_value(f->iter);
			const char *key = json_object_iter_key(f->iter);
			l->nodes.v[node].address = is_shared(v) ? (const void *)key : v;
			f->iter = json_object_iter_next((json_t *)f->value, f->iter);
		} else {
			v = json_array_get(f->value, f->done);
			l->nodes.v[node].address = is_shared(v) ? NULL : v;
		}
		f->done++;
	}
	vec_free(&stack);
	return at;
}

/* The token of the document at `from` that ends at `end`; [end - 1, end) where none does. */
static struct loc token_ending(const struct source *s, size_t from, size_t end)
{
	for (size_t at = skip_blank(s, from); at < end;) {
		size_t next = memchr("{}[],:", s->data[at], 6) ? at + 1 : skip_scalar(s, at);
		if (next >= end)
			return source_loc(s, at, end - at);
		at = skip_blank(s, next);
	}
	return source_loc(s, end ? end - 1 : 0, 1);
}

static int report(struct diags *d, const struct source *s, size_t from, const json_error_t *e)
{
	size_t pos = from + (e->position > 0 ? (size_t)e->position : 0);
	if (pos > s->size)
		pos = s->size;
	switch (json_error_code(e)) {
	case json_error_duplicate_key:
		return diag_error(
			d, EINVAL, "json.duplicate-key", token_ending(s, from, pos),
			"this key stands twice in one object: only one of the two can "
			"be meant");
	case json_error_stack_overflow:
		return diag_error(d, E2BIG, "json.too-deep",
				  source_loc(s, pos ? pos - 1 : 0, 1),
				  "nested too deeply to be an export");
	case json_error_out_of_memory:
		return diag_error(d, ENOMEM, "json.too-large", (struct loc){ .src = s },
				  "no memory to hold this file");
	case json_error_premature_end_of_input:
		return diag_error(d, EINVAL, "json.syntax", source_loc(s, s->size, 0),
				  "the text ends in the middle: is the export cut off?");
	default:
		return diag_error(d, EINVAL, "json.syntax", source_loc(s, pos ? pos - 1 : 0, 1),
				  "not JSON: %s", e->text);
	}
}

int jsonloc_parse(struct diags *d, const struct source *src, json_t ***ret_roots, size_t *ret_n,
		  struct jsonloc **ret_loc)
{
	struct jsonloc *l = xcalloc(1, sizeof(*l));
	VEC(json_t *) roots = { 0 };
	int err = 0;
	l->src = src;
	size_t at = skip_blank(src, 0);
	if (at == src->size)
		err = diag_error(d, EINVAL, "json.syntax", (struct loc){ .src = src },
				 "the file holds no JSON at all");
	while (!err && at < src->size) {
		json_error_t e;
		json_t *root = json_loadb(
			src->data + at, src->size - at,
			JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &e);
		if (!root) {
			err = report(d, src, at, &e);
			break;
		}
		*vec_add(&roots) = root;
		at = skip_blank(src, walk(l, root, at));
	}
	if (err) {
		jsonloc_roots_free(roots.v, roots.n);
		jsonloc_destroy(l);
		return err;
	}
	l->nodes.v = xreallocarray(l->nodes.v, l->nodes.n, sizeof(*l->nodes.v));
	l->nodes.cap = l->nodes.n;
	index_nodes(l);
	*ret_roots = roots.v;
	*ret_n = roots.n;
	*ret_loc = l;
	return 0;
}

void jsonloc_roots_free(json_t **roots, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_decref(roots[i]);
	free(roots);
}

void jsonloc_destroy(struct jsonloc *l)
{
	if (!l)
		return;
	vec_free(&l->nodes);
	free(l->slots);
	free(l);
}

/* Length of the value at off, on its first line. */
static size_t mark_len(const struct source *s, size_t off)
{
	char c = off < s->size ? s->data[off] : 0;
	if (c != '{' && c != '[')
		return skip_scalar(s, off) - off;
	size_t at = off, depth = 0;
	while (at < s->size && at - off < LONGEST_MARK && s->data[at] != '\n') {
		c = s->data[at];
		if (c == '"') {
			at = skip_scalar(s, at);
			continue;
		}
		depth += c == '{' || c == '[';
		at++;
		if ((c == '}' || c == ']') && !--depth)
			break;
	}
	return at - off;
}

/*
 * The key before the value at off. Going back, every quote inside the key has an odd number
 * of backslashes before it, the one that opens it has none.
 */
static size_t key_before(const struct source *s, size_t off, size_t *ret_len)
{
	size_t end = off;
	while (end && s->data[end - 1] != '"')
		end--;
	size_t at = end ? end - 1 : 0;
	while (at) {
		size_t slashes = 0;
		at--;
		if (s->data[at] != '"')
			continue;
		while (slashes < at && s->data[at - slashes - 1] == '\\')
			slashes++;
		if (slashes % 2 == 0)
			break;
	}
	*ret_len = end - at;
	return at;
}

static void put_pointer(struct text *t, const char *key, size_t len)
{
	text_putc(t, '/');
	for (size_t i = 0; i < len; i++) {
		if (key[i] == '~')
			text_put(t, "~0");
		else if (key[i] == '/')
			text_put(t, "~1");
		else
			text_putc(t, key[i]);
	}
}

/* The key as jansson decodes it: escapes are undone by parsing the token alone. */
static void put_key(struct text *t, const struct source *s, size_t off)
{
	size_t len, at = key_before(s, off, &len);
	if (len < 2)
		return;
	if (!memchr(s->data + at, '\\', len)) {
		put_pointer(t, s->data + at + 1, len - 2);
		return;
	}
	json_t *key = json_loadb(s->data + at, len, JSON_DECODE_ANY, NULL);
	if (key)
		put_pointer(t, json_string_value(key), json_string_length(key));
	json_decref(key);
}

static const char *path_of(const struct jsonloc *l, struct arena *a, uint32_t node)
{
	VEC(uint32_t) up = { 0 };
	struct text t = { 0 };
	for (; l->nodes.v[node].parent != NO_NODE; node = l->nodes.v[node].parent)
		*vec_add(&up) = node;
	while (up.n) {
		uint32_t at = up.v[--up.n];
		const struct node *parent = &l->nodes.v[l->nodes.v[at].parent];
		if (l->src->data[parent->off] == '{')
			put_key(&t, l->src, l->nodes.v[at].off);
		else
			text_putf(&t, "/%u", at - parent->first);
	}
	const char *path = arena_strn(a, t.s ? t.s : "", t.len);
	vec_free(&up);
	text_finish(&t);
	return path;
}

static struct loc place(const struct jsonloc *l, struct arena *a, uint32_t node)
{
	if (node == NO_NODE)
		return LOC_NONE;
	size_t off = l->nodes.v[node].off;
	struct loc at = source_loc(l->src, off, mark_len(l->src, off));
	if (a)
		at.path = path_of(l, a, node);
	return at;
}

static uint32_t find_member(const struct jsonloc *l, const json_t *object, const char *key)
{
	void *iter = json_object_iter_at((json_t *)object, key);
	if (!iter)
		return NO_NODE;
	const json_t *v = json_object_iter_value(iter);
	return find(l, is_shared(v) ? (const void *)json_object_iter_key(iter) : v);
}

struct loc jsonloc_of(const struct jsonloc *l, struct arena *a, const json_t *value)
{
	return place(l, a, find(l, value));
}

struct loc jsonloc_member(const struct jsonloc *l, struct arena *a, const json_t *object,
			  const char *key)
{
	return place(l, a, find_member(l, object, key));
}

struct loc jsonloc_index(const struct jsonloc *l, struct arena *a, const json_t *array,
			 size_t index)
{
	uint32_t node = find(l, array);
	if (node == NO_NODE || !json_is_array(array) || index >= json_array_size(array))
		return LOC_NONE;
	return place(l, a, l->nodes.v[node].first + (uint32_t)index);
}

struct loc jsonloc_key(const struct jsonloc *l, struct arena *a, const json_t *object,
		       const char *key)
{
	uint32_t node = find_member(l, object, key);
	if (node == NO_NODE)
		return LOC_NONE;
	size_t len, off = key_before(l->src, l->nodes.v[node].off, &len);
	struct loc at = source_loc(l->src, off, len);
	if (a)
		at.path = path_of(l, a, node);
	return at;
}

size_t jsonloc_count(const struct jsonloc *l)
{
	return l->nodes.n;
}

size_t jsonloc_bytes(const struct jsonloc *l)
{
	return l->nodes.cap * sizeof(*l->nodes.v) + l->n_slots * sizeof(*l->slots);
}
