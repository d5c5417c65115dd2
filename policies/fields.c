/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/fields.h"

#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"

enum { NAME_MAX_LEN = 128 };

static const char *kind_name(const struct node *node)
{
	static const char *const names[] = { "a single value", "a list", "a mapping" };
	return node->kind == NODE_SCALAR && !node->len && node->plain ? "nothing"
								      : names[node->kind];
}

const char *did_you_mean(struct reader *r, const char *word, const char *const *v, size_t n)
{
	const char *near = nearest_word(word, v, n);
	return near ? arena_printf(r->arena, "; did you mean '%s'?", near) : "";
}

const char *shown(struct reader *r, const char *s)
{
	size_t len = 60;
	if (strnlen(s, len + 1) <= len)
		return s;
	while (((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	return arena_printf(r->arena, "%.*s...", (int)len, s);
}

static size_t count_keys(const struct shape *shape)
{
	size_t n = 0;
	while (shape->keys[n].name)
		n++;
	return n;
}

static bool knows_key(const struct shape *shape, const char *name)
{
	for (const struct key *key = shape->keys; key->name; key++)
		if (!strcmp(key->name, name))
			return true;
	return false;
}

static void unknown_key(struct reader *r, const struct shape *shape, const struct node *key)
{
	const char *names[32] = { NULL };
	size_t n = count_keys(shape);
	for (size_t i = 0; i < n && i < 32; i++)
		names[i] = shape->keys[i].name;
	const char *near = nearest_word(key->s, names, n);
	if (near) {
		diag_error(r->d, EINVAL, "yaml.unknown-key", key->at,
			   "'%s' is no key of a %s; did you mean '%s'?", shown(r, key->s),
			   shape->name, near);
		return;
	}
	struct text all = { 0 };
	for (size_t i = 0; i < n; i++)
		text_putf(&all, "%s%s", i ? ", " : "", names[i]);
	diag_error(r->d, EINVAL, "yaml.unknown-key", key->at,
		   "'%s' is no key of a %s, which has %s; keys of your own begin with x-",
		   shown(r, key->s), shape->name, all.s);
	text_finish(&all);
}

bool check_shape(struct reader *r, const struct node *map, const struct shape *shape)
{
	if (map->kind != NODE_MAP) {
		diag_error(r->d, EINVAL, "yaml.type", map->at,
			   "%s where a %s is to stand, with keys such as '%s: ...'",
			   kind_name(map), shape->name, shape->keys[0].name);
		return false;
	}
	for (size_t i = 0; i < map->n; i++)
		if (!has_prefix(map->keys[i]->s, "x-") && !knows_key(shape, map->keys[i]->s))
			unknown_key(r, shape, map->keys[i]);
	for (const struct key *key = shape->keys; key->name; key++)
		if (key->needed && !node_get(map, key->name))
			diag_error(r->d, EINVAL, "yaml.missing-key", map->at,
				   "this %s needs the key '%s'", shape->name, key->name);
	return true;
}

void check_version(struct reader *r, const struct node *root, const char *what)
{
	const struct node *node = node_get(root, "version");
	if (node && (node->kind != NODE_SCALAR || !node->plain || strcmp(node->s, "1")))
		diag_error(r->d, EINVAL, "yaml.version", node->at,
			   "the version of %s format is the number 1", what);
}

/* NULL after a diagnostic where the node is no scalar or an empty one. */
static const struct node *scalar(struct reader *r, const struct node *node)
{
	if (node->kind != NODE_SCALAR) {
		diag_error(r->d, EINVAL, "yaml.type", node->at,
			   "%s where a single value is to stand", kind_name(node));
		return NULL;
	}
	const char *not_text = node_not_text(node);
	if (!node->len || (not_text && !strcmp(not_text, "nothing"))) {
		diag_error(r->d, EINVAL, "yaml.empty-value", node->at,
			   "no value: write one, or leave the key out");
		return NULL;
	}
	return node;
}

const char *text_of(struct reader *r, const struct node *node)
{
	if (!scalar(r, node))
		return NULL;
	const char *not_text = node_not_text(node);
	if (not_text) {
		diag_error(r->d, EINVAL, "yaml.not-quoted", node->at,
			   "other YAML readers take %s for %s: write \"%s\" in quotes if the "
			   "text is meant",
			   shown(r, node->s), not_text, shown(r, node->s));
		return NULL;
	}
	if (node->s[strspn(node->s, " \t\n")]) {
		char *copy = arena_strn(r->arena, node->s, node->len);
		for (char *c = copy; *c; c++)
			if (*c == '\n' || *c == '\t')
				*c = ' ';
		for (size_t n = node->len; n && copy[n - 1] == ' '; n--)
			copy[n - 1] = 0;
		return copy;
	}
	diag_error(r->d, EINVAL, "yaml.empty-value", node->at, "nothing but blanks");
	return NULL;
}

const char *text_at(struct reader *r, const struct node *map, const char *key)
{
	const struct node *node = node_get(map, key);
	return node ? text_of(r, node) : NULL;
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

const char *name_of(struct reader *r, const struct node *node)
{
	const char *s = text_of(r, node);
	if (!s)
		return NULL;
	bool good = is_word_char(*s) && node->len <= NAME_MAX_LEN && strlen(s) == node->len;
	for (const char *c = s; good && *c; c++)
		good = is_word_char(*c) || strchr(".-:@+", *c);
	if (good)
		return s;
	diag_error(r->d, EINVAL, "yaml.name", node->at,
		   "'%s' is no name: a name has up to %d letters (a to z), digits and "
		   "_ . - : @ + and begins with a letter, a digit or _",
		   shown(r, s), NAME_MAX_LEN);
	return NULL;
}

const char *name_at(struct reader *r, const struct node *map, const char *key)
{
	const struct node *node = node_get(map, key);
	return node ? name_of(r, node) : NULL;
}

bool bool_at(struct reader *r, const struct node *map, const char *key)
{
	const struct node *node = node_get(map, key);
	if (!node || !scalar(r, node))
		return false;
	if (node->plain && !strcmp(node->s, "true"))
		return true;
	if (!node->plain || strcmp(node->s, "false"))
		diag_error(
			r->d, EINVAL, "yaml.boolean", node->at,
			"'%s: %s' says neither true nor false: write one of these two words, "
			"without quotes",
			key, node->s);
	return false;
}

int word_of(struct reader *r, const struct node *node, const char *const *words, int dflt)
{
	if (!scalar(r, node))
		return dflt;
	size_t n = 0;
	struct text all = { 0 };
	for (; words[n]; n++) {
		if (!strcmp(node->s, words[n])) {
			text_finish(&all);
			return (int)n;
		}
		text_putf(&all, "%s%s", n ? ", " : "", words[n]);
	}
	diag_error(r->d, EINVAL, "yaml.choice", node->at, "'%s' is none of: %s%s",
		   shown(r, node->s), all.s, did_you_mean(r, node->s, words, n));
	text_finish(&all);
	return dflt;
}

int word_at(struct reader *r, const struct node *map, const char *key, const char *const *words,
	    int dflt)
{
	const struct node *node = node_get(map, key);
	return node ? word_of(r, node, words, dflt) : dflt;
}

size_t list_at(struct reader *r, const struct node *map, const char *key,
	       const struct node *const **ret_items)
{
	const struct node *node = node_get(map, key);
	if (!node)
		return 0;
	if (node->kind != NODE_LIST) {
		diag_error(r->d, EINVAL, "yaml.type", node->at,
			   "%s where the list '%s' is to stand: begin each item with a dash",
			   kind_name(node), key);
		return 0;
	}
	if (!node->n)
		diag_error(r->d, EINVAL, "yaml.empty-list", node->at,
			   "the list '%s' is empty: leave the key out, or say what is meant",
			   key);
	*ret_items = node->items;
	return node->n;
}

size_t items_at(struct reader *r, const struct node *map, const char *key,
		const struct node *const **ret_items)
{
	const struct node *node = node_get(map, key);
	if (!node || node->kind == NODE_LIST)
		return list_at(r, map, key, ret_items);
	/* The one value, as a list of one: its place in the mapping serves as the array. */
	for (size_t i = 0; i < map->n; i++)
		if (map->items[i] == node)
			*ret_items = &map->items[i];
	return 1;
}

static size_t strings_at(struct reader *r, const struct node *map, const char *key,
			 const char *(*read)(struct reader *, const struct node *),
			 const char *const **ret, const struct node *const **ret_nodes)
{
	const struct node *const *items = NULL;
	size_t n = items_at(r, map, key, &items), used = 0;
	const char **v = arena_array(r->arena, n, sizeof(*v));
	const struct node **nodes = arena_array(r->arena, n, sizeof(*nodes));
	struct map seen = { 0 };
	for (size_t i = 0; i < n; i++) {
		const char *s = read(r, items[i]);
		if (!s)
			continue;
		void **first = map_at(&seen, s);
		if (*first) {
			diag_error(r->d, EEXIST, "yaml.repeated", items[i]->at,
				   "'%s' stands in this list twice: keep one", shown(r, s));
			diag_related(r->d, ((const struct node *)*first)->at, "first here");
			continue;
		}
		*first = (void *)items[i];
		nodes[used] = items[i];
		v[used++] = s;
	}
	map_finish(&seen);
	*ret = v;
	if (ret_nodes)
		*ret_nodes = nodes;
	return used;
}

size_t names_at(struct reader *r, const struct node *map, const char *key,
		const char *const **ret_names, const struct node *const **ret_nodes)
{
	return strings_at(r, map, key, name_of, ret_names, ret_nodes);
}

size_t texts_at(struct reader *r, const struct node *map, const char *key,
		const char *const **ret_texts, const struct node *const **ret_nodes)
{
	return strings_at(r, map, key, text_of, ret_texts, ret_nodes);
}

bool parse_timestamp(const char *s, size_t len, int64_t *ret_seconds)
{
	int64_t days;
	uint64_t h, min, sec, oh = 0, om = 0;
	if (len < 20 || !parse_date(s, 10, &days) || (s[10] != 'T' && s[10] != 't') ||
	    s[13] != ':' || s[16] != ':' || !parse_number(s + 11, 2, 0, 23, true, &h) ||
	    !parse_number(s + 14, 2, 0, 59, true, &min) ||
	    !parse_number(s + 17, 2, 0, 60, true, &sec))
		return false;
	size_t at = 19;
	if (s[at] == '.') {
		size_t from = ++at;
		while (at < len && s[at] >= '0' && s[at] <= '9')
			at++;
		if (at == from)
			return false;
	}
	int sign = 0;
	if (len - at == 6 && (s[at] == '+' || s[at] == '-') && s[at + 3] == ':') {
		if (!parse_number(s + at + 1, 2, 0, 23, true, &oh) ||
		    !parse_number(s + at + 4, 2, 0, 59, true, &om))
			return false;
		sign = s[at] == '+' ? -1 : 1;
	} else if (len - at != 1 || (s[at] != 'Z' && s[at] != 'z')) {
		return false;
	}
	*ret_seconds = days * 86400 + (int64_t)(h * 3600 + min * 60 + sec) +
		       sign * (int64_t)(oh * 3600 + om * 60);
	return true;
}

bool parse_duration(const char *s, size_t len, int64_t *ret_seconds)
{
	uint64_t n;
	if (!len || (s[len - 1] != 'd' && s[len - 1] != 'h'))
		return false;
	unsigned unit = s[len - 1] == 'd' ? 86400 : 3600;
	if (!parse_number(s, len - 1, 1, 100ull * 366 * 86400 / unit, false, &n))
		return false;
	*ret_seconds = (int64_t)(n * unit);
	return true;
}
