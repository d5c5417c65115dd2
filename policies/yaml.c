/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"

/*
 * Only libyaml's event interface is used: its document loader expands nothing, but keeps
 * going in depth where its own cost grows with the square. Its marks count characters; the
 * cursor turns them into byte offsets by walking along with the events, so that a file of one
 * long line costs no more than one of many.
 */

/* For a value that was refused: good enough anywhere not to be complained of again. */
#define STAND_IN "_"

struct walk {
	struct arena *arena;
	struct diags *d;
	const struct source *src;
	yaml_parser_t *parser;
	size_t events;
	struct {
		size_t index, off; /* the same place in characters and in bytes */
	} cursor;
};

static size_t offset_of(struct walk *w, size_t index)
{
	const char *p = w->src->data;
	size_t at = w->cursor.index, off = w->cursor.off;
	for (; at < index && off < w->src->size; at++)
		do
			off++;
		while (off < w->src->size && ((unsigned char)p[off] & 0xc0) == 0x80);
	for (; at > index && off; at--)
		do
			off--;
		while (off && ((unsigned char)p[off] & 0xc0) == 0x80);
	w->cursor.index = at;
	w->cursor.off = off;
	return off;
}

/* From one mark to the other; a block collection is told by the rest of its first line. */
static struct loc event_loc(struct walk *w, const yaml_event_t *ev)
{
	size_t from = offset_of(w, ev->start_mark.index), len = 1;
	bool block = (ev->type == YAML_MAPPING_START_EVENT &&
		      ev->data.mapping_start.style == YAML_BLOCK_MAPPING_STYLE) ||
		     (ev->type == YAML_SEQUENCE_START_EVENT &&
		      ev->data.sequence_start.style == YAML_BLOCK_SEQUENCE_STYLE);
	if (block) {
		len = strcspn(w->src->data + from, "\r\n");
	} else if (ev->type == YAML_SCALAR_EVENT || ev->type == YAML_ALIAS_EVENT) {
		size_t index = w->cursor.index, to = offset_of(w, ev->end_mark.index);
		len = to - from;
		w->cursor.index = index;
		w->cursor.off = from;
	}
	return source_loc(w->src, from, len);
}

static const char *advice(const struct walk *w, const char *problem, size_t off)
{
	char c = off < w->src->size ? w->src->data[off] : 0;
	if (c == '\t')
		return "indent with spaces, not with a tab";
	if (strstr(problem, "cannot start any token") && c)
		return "put the text in double quotes";
	if (strstr(problem, "mapping values are not allowed"))
		return "put text that holds ': ' in double quotes, and check the indentation";
	if (strstr(problem, "control characters"))
		return "take the character out";
	if (strstr(problem, "scanning a quoted scalar") || strstr(problem, "end of stream"))
		return "close the quotation mark or bracket";
	return "check the indentation, the dashes and the brackets of this line and the one "
	       "above";
}

static int syntax_error(struct walk *w)
{
	const yaml_parser_t *p = w->parser;
	const char *problem = p->problem ? p->problem : "not YAML";
	size_t off = p->error == YAML_READER_ERROR ? p->problem_offset
						   : offset_of(w, p->problem_mark.index);
	if (p->error == YAML_MEMORY_ERROR)
		problem = "memory is spent";
	if (off > w->src->size)
		off = w->src->size;
	const char *context = p->context ? p->context : "reading";
	return diag_error(w->d, EINVAL, "yaml.syntax", source_loc(w->src, off, 1),
			  "not YAML: %s (while %s): %s", problem,
			  has_prefix(context, "while ") ? context + 6 : context,
			  advice(w, problem, off));
}

static int next(struct walk *w, yaml_event_t *ret_event)
{
	if (!yaml_parser_parse(w->parser, ret_event))
		return syntax_error(w);
	if (++w->events <= YAML_MAX_EVENTS)
		return 0;
	struct loc at = event_loc(w, ret_event);
	yaml_event_delete(ret_event);
	return diag_error(w->d, E2BIG, "yaml.too-many", at,
			  "more than %d values: split the file", YAML_MAX_EVENTS);
}

/* Code points that change how a terminal or an editor shows the text around them. */
static bool misleading(const char *s, size_t len, size_t *ret_at)
{
	for (size_t i = 0; i < len; i++) {
		const unsigned char *p = (const unsigned char *)s + i;
		bool bad = (*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f;
		if (len - i > 1 && p[0] == 0xc2) /* U+0080 to U+009F */
			bad |= p[1] < 0xa0;
		if (len - i > 2 && p[0] == 0xe2 && p[1] == 0x80) /* U+202A to U+202E */
			bad |= p[2] >= 0xaa && p[2] <= 0xae;
		if (len - i > 2 && p[0] == 0xe2 && p[1] == 0x81) /* U+2066 to U+2069 */
			bad |= p[2] >= 0xa6 && p[2] <= 0xa9;
		if (bad) {
			*ret_at = i;
			return true;
		}
	}
	return false;
}

static void check_extras(struct walk *w, struct loc at, const void *anchor, const void *tag)
{
	if (anchor)
		diag_error(w->d, EINVAL, "yaml.anchor", at,
			   "an anchor (&%s): write the value out where it is needed",
			   (const char *)anchor);
	if (tag)
		diag_error(w->d, EINVAL, "yaml.tag", at, "a tag (%s): leave it out",
			   (const char *)tag);
}

static struct node *scalar_node(struct walk *w, const yaml_event_t *ev, struct loc at)
{
	struct node *node = arena_alloc(w->arena, sizeof(*node));
	const char *s = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length, bad;
	check_extras(w, at, ev->data.scalar.anchor, ev->data.scalar.tag);
	if (misleading(s, len, &bad)) {
		diag_error(w->d, EINVAL, "yaml.control-character", at,
			   "a control character at byte %zu of the value: take it out",
			   bad + 1);
		s = STAND_IN;
		len = strlen(STAND_IN);
	}
	*node = (struct node){ .kind = NODE_SCALAR,
			       .plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
			       .at = at,
			       .s = arena_strn(w->arena, s, len),
			       .len = len };
	return node;
}

static int read_node(struct walk *w, const yaml_event_t *ev, unsigned depth,
		     const struct node **ret_node);

static int read_list(struct walk *w, struct node *list, unsigned depth)
{
	VEC(const struct node *) items = { 0 };
	int err;
	for (;;) {
		yaml_event_t ev;
		err = next(w, &ev);
		if (err)
			break;
		bool end = ev.type == YAML_SEQUENCE_END_EVENT;
		const struct node *item;
		if (!end)
			err = read_node(w, &ev, depth, &item);
		yaml_event_delete(&ev);
		if (end || err)
			break;
		*vec_add(&items) = item;
	}
	list->items = vec_keep(w->arena, &items);
	list->n = items.n;
	vec_free(&items);
	return err;
}

/* NULL where the key can't be one; its value is read and left out. */
static const struct node *check_key(struct walk *w, struct map *seen, const struct node *key)
{
	if (key->kind != NODE_SCALAR || !key->len) {
		diag_error(w->d, EINVAL, "yaml.key", key->at,
			   "a key must be a word: quote text that begins with a bracket, a "
			   "brace or a question mark");
		return NULL;
	}
	void **first = map_atn(seen, key->s, key->len);
	if (*first) {
		diag_error(w->d, EEXIST, "yaml.duplicate-key", key->at,
			   "the key '%s' stands here a second time: keep one of the two",
			   key->s);
		diag_related(w->d, ((const struct node *)*first)->at, "first here");
		return NULL;
	}
	*first = (void *)key;
	return key;
}

static int read_map(struct walk *w, struct node *map, unsigned depth)
{
	VEC(const struct node *) keys = { 0 };
	VEC(const struct node *) values = { 0 };
	struct map seen = { 0 };
	int err;
	for (bool is_key = true;; is_key = !is_key) {
		yaml_event_t ev;
		err = next(w, &ev);
		if (err)
			break;
		bool end = ev.type == YAML_MAPPING_END_EVENT;
		const struct node *node;
		if (!end)
			err = read_node(w, &ev, depth, &node);
		yaml_event_delete(&ev);
		if (end || err)
			break;
		if (is_key)
			*vec_add(&keys) = check_key(w, &seen, node);
		else if (keys.v[keys.n - 1])
			*vec_add(&values) = node;
		else
			keys.n--;
	}
	map_finish(&seen);
	map->keys = vec_keep(w->arena, &keys);
	map->items = vec_keep(w->arena, &values);
	map->n = values.n;
	vec_free(&keys);
	vec_free(&values);
	return err;
}

/* ev is the node's first event; it stays the caller's. */
static int read_node(struct walk *w, const yaml_event_t *ev, unsigned depth,
		     const struct node **ret_node)
{
	struct loc at = event_loc(w, ev);
	struct node *node;
	int err = 0;
	if (ev->type == YAML_SCALAR_EVENT) {
		*ret_node = scalar_node(w, ev, at);
		return 0;
	}
	node = arena_alloc(w->arena, sizeof(*node));
	node->at = at;
	if (ev->type == YAML_ALIAS_EVENT) {
		diag_error(w->d, EINVAL, "yaml.alias", at,
			   "an alias (*%s): write the value out; text that begins with * goes "
			   "in quotes",
			   ev->data.alias.anchor);
		node->kind = NODE_SCALAR;
		node->s = STAND_IN;
		node->len = strlen(STAND_IN);
		*ret_node = node;
		return 0;
	}
	if (depth >= YAML_MAX_DEPTH)
		return diag_error(w->d, E2BIG, "yaml.too-deep", at,
				  "more than %d levels: no key needs so many", YAML_MAX_DEPTH);
	if (ev->type == YAML_SEQUENCE_START_EVENT) {
		check_extras(w, at, ev->data.sequence_start.anchor,
			     ev->data.sequence_start.tag);
		node->kind = NODE_LIST;
		err = read_list(w, node, depth + 1);
	} else {
		check_extras(w, at, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
		node->kind = NODE_MAP;
		err = read_map(w, node, depth + 1);
	}
	*ret_node = node;
	return err;
}

/* Stream start, one document, stream end. */
static int read_stream(struct walk *w, const struct node **ret_root)
{
	const struct node *root = NULL;
	for (;;) {
		yaml_event_t ev;
		int err = next(w, &ev);
		if (err)
			return err;
		yaml_event_type_t type = ev.type;
		if (type == YAML_DOCUMENT_START_EVENT) {
			struct loc at = event_loc(w, &ev);
			if (ev.data.document_start.version_directive ||
			    ev.data.document_start.tag_directives.start !=
				    ev.data.document_start.tag_directives.end)
				diag_error(w->d, EINVAL, "yaml.directive", at,
					   "a directive (a line with %%): leave it out");
			if (root)
				err = diag_error(w->d, EINVAL, "yaml.multiple-documents", at,
						 "a second document: keep one in a file");
		} else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_END_EVENT &&
			   type != YAML_STREAM_END_EVENT) {
			err = read_node(w, &ev, 0, &root);
		}
		yaml_event_delete(&ev);
		if (err)
			return err;
		if (type == YAML_STREAM_END_EVENT)
			break;
	}
	if (!root)
		return diag_error(w->d, EINVAL, "yaml.empty", (struct loc){ .src = w->src },
				  "nothing but comments: begin with 'version: 1'");
	*ret_root = root;
	return 0;
}

int yaml_parse(struct arena *a, struct diags *d, const struct source *src,
	       const struct node **ret_root)
{
	if (src->size > YAML_MAX_BYTES)
		return diag_error(d, EFBIG, "yaml.too-large", (struct loc){ .src = src },
				  "%zu bytes, the limit is %d: split the file", src->size,
				  YAML_MAX_BYTES);
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return diag_error(d, ENOMEM, "yaml.syntax", (struct loc){ .src = src },
				  "memory is spent");
	struct walk w = { .arena = a, .d = d, .src = src, .parser = &parser };
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)src->data, src->size);
	int err = read_stream(&w, ret_root);
	yaml_parser_delete(&parser);
	return err;
}

const struct node *node_get(const struct node *map, const char *key)
{
	if (map && map->kind == NODE_MAP)
		for (size_t i = 0; i < map->n; i++)
			if (!strcmp(map->keys[i]->s, key))
				return map->items[i];
	return NULL;
}

struct loc node_key_at(const struct node *map, const char *key)
{
	if (map->kind == NODE_MAP)
		for (size_t i = 0; i < map->n; i++)
			if (!strcmp(map->keys[i]->s, key))
				return map->keys[i]->at;
	return map->at;
}

/*
 * Whether s begins like a number to a YAML reader: digits with a sign, a point, an exponent,
 * underscores, a base, or sexagesimal colons, and nothing else. Wider than any one reader.
 */
static bool looks_like_number(const char *s)
{
	s += *s == '+' || *s == '-';
	if (!strcasecmp(s, ".inf") || !strcasecmp(s, ".nan"))
		return true;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return s[2 + strspn(s + 2, "0123456789abcdefABCDEF_")] == 0;
	if (s[0] == '0' && (s[1] == 'o' || s[1] == 'b'))
		return s[2 + strspn(s + 2, "01234567_")] == 0;
	const char *p = s + (*s == '.');
	if (*p < '0' || *p > '9')
		return false;
	s += strspn(s, "0123456789_");
	while (*s == ':' && s[1] >= '0' && s[1] <= '9')
		s += 1 + strspn(s + 1, "0123456789");
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789_");
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '+' || *s == '-';
		s += strspn(s, "0123456789");
	}
	return !*s;
}

const char *node_not_text(const struct node *scalar)
{
	/* y and n are in the list of YAML 1.1, but no reader in use follows it there. */
	static const char *const booleans[] = { "yes", "no", "on", "off", "true", "false" };
	if (!scalar->plain)
		return NULL;
	if (!scalar->len || !strcmp(scalar->s, "~") || !strcasecmp(scalar->s, "null"))
		return "nothing";
	for (size_t i = 0; i < sizeof(booleans) / sizeof(*booleans); i++)
		if (!strcasecmp(scalar->s, booleans[i]))
			return "a boolean";
	return looks_like_number(scalar->s) ? "a number" : NULL;
}
