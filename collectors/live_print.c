/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document: made as text without blanks, which is what the digests are of, then laid out so
 * that an item, an object of the ruleset and a line of a listing each stand on a line.
 */
#include "collectors/live_internal.h"

#include <string.h>

#include "base/digest.h"

static void put_json(struct text *t, json_t *v)
{
	char *s = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	text_put(t, s ? s : "null");
	free(s);
}

static void put_member(struct text *t, const char *key, json_t *v)
{
	text_putf(t, "%s\"%s\":", t->s && t->s[t->len - 1] == '{' ? "" : ",", key);
	put_json(t, v);
	json_decref(v);
}

/* {"sha256":..., the rest}: the digest is of the object without it. */
static void put_part(const struct live *l, struct text *t, const struct reading *r)
{
	struct text body = { 0 };
	const char *key;
	json_t *v;
	text_putc(&body, '{');
	if (r->listing) {
		text_put(&body, "\"listing\":");
		text_putn(&body, r->listing, r->listing_len);
	}
	json_object_foreach (r->body, key, v)
		put_member(&body, key, json_incref(v));
	text_putc(&body, '}');
	struct arena_mark mark = arena_mark(l->arena);
	text_putf(t, "{\"sha256\":\"%s\"%s", sha256_hex(l->arena, body.s, body.len),
		  body.len > 2 ? "," : "");
	arena_rewind(l->arena, mark);
	text_putn(t, body.s + 1, body.len - 1);
	text_finish(&body);
}

static void put_problems(struct text *t, const char *part, json_t *problems, bool *first)
{
	size_t i;
	json_t *p;
	json_array_foreach (problems, i, p) {
		json_t *v = json_object();
		live_set(v, "part", json_string(part));
		json_object_update(v, p);
		if (!*first)
			text_putc(t, ',');
		*first = false;
		put_json(t, v);
		json_decref(v);
	}
}

static json_t *word(const char *s)
{
	json_t *v = s ? json_string(s) : NULL;
	return v ? v : json_null();
}

static void put_document(const struct live *l, const char *version, const char *started,
			 const char *ended, struct text *t)
{
	text_put(t, "{");
	put_member(t, "linux_state", json_integer(1));
	put_member(t, "plumbline", word(version));
	put_member(t, "host",
		   json_pack("{s:o,s:o,s:o,s:o}", "hostname", word(l->hostname), "kernel",
			     word(l->kernel), "machine", word(l->machine), "boot",
			     word(l->boot)));
	put_member(t, "namespace",
		   json_pack("{s:o,s:o,s:o}", "id", word(l->netns_id), "name",
			     word(l->netns_name), "pid",
			     l->netns_pid ? json_integer(l->netns_pid) : json_null()));
	put_member(t, "started", word(started));
	put_member(t, "ended", word(ended));
	put_member(t, "complete", json_boolean(live_complete(l)));
	bool first = true;
	text_put(t, ",\"problems\":[");
	for (size_t i = 0; i < live_n_parts(); i++)
		put_problems(t, live_part_name(i), l->readings[i].problems, &first);
	put_problems(t, "beside", l->general.problems, &first);
	text_put(t, "]");
	json_t *commands = json_array();
	for (size_t i = 0; i < live_n_parts(); i++)
		json_array_extend(commands, l->readings[i].commands);
	put_member(t, "commands", commands);
	put_member(t, "beside", json_incref(l->beside));
	text_put(t, ",\"parts\":{");
	for (size_t i = 0; i < live_n_parts(); i++) {
		text_putf(t, "%s\"%s\":", i ? "," : "", live_part_name(i));
		put_part(l, t, &l->readings[i]);
	}
	text_put(t, "}}");
}

/*
 * Which containers are laid out with a member on each line: by their key, or, of elements of
 * an array, by the array's. What stands in one that isn't is on the same line as that.
 */
static bool is_laid_out(const char *key, size_t len, bool element)
{
	static const char *const keys[] = { "parts",	   "problems",	 "commands", "beside",
					    "data",	   "listing",	 "nftables", "kernel",
					    "differences", "tables",	 "chains",   "sets",
					    "objects",	   "flowtables", "listings", "text",
					    "ports",	   "fdb",	 "vlans" };
	static const char *const elements[] = { "tables", "listings" };
	const char *const *v = element ? elements : keys;
	size_t n =
		element ? sizeof(elements) / sizeof(*elements) : sizeof(keys) / sizeof(*keys);
	for (size_t i = 0; i < n; i++)
		if (strlen(v[i]) == len && !memcmp(v[i], key, len))
			return true;
	return false;
}

enum { DEPTH = 12 };

struct level {
	const char *key;
	size_t key_len;
	bool array;
};

/* The end of the string that begins at i. */
static size_t string_end(const char *s, size_t i)
{
	for (i++; s[i] != '"'; i++)
		i += s[i] == '\\';
	return i + 1;
}

/* The end of the container that begins at i. */
static size_t container_end(const char *s, size_t i)
{
	size_t depth = 0;
	do {
		if (s[i] == '"') {
			i = string_end(s, i);
			continue;
		}
		depth += s[i] == '{' || s[i] == '[';
		depth -= s[i] == '}' || s[i] == ']';
		i++;
	} while (depth);
	return i;
}

static void indent(struct text *t, size_t depth)
{
	text_putc(t, '\n');
	for (size_t i = 0; i < depth; i++)
		text_put(t, "  ");
}

static bool lay_out(const struct level *up, const struct level *parts, const char *key,
		    size_t len)
{
	if (!up)
		return true;
	if (up->array)
		return is_laid_out(up->key, up->key_len, true);
	return up == parts || is_laid_out(key, len, false);
}

/* in: well-formed JSON without blanks, made by put_document. */
static void pretty(const char *s, size_t len, struct text *t)
{
	struct level stack[DEPTH];
	const char *key = "";
	size_t depth = 0, key_len = 0;
	for (size_t i = 0; i < len;) {
		struct level *up = depth ? &stack[depth - 1] : NULL;
		if (s[i] == '"') {
			size_t end = string_end(s, i);
			text_putn(t, s + i, end - i);
			if (s[end] == ':' && up && !up->array) {
				key = s + i + 1;
				key_len = end - i - 2;
				text_put(t, ": ");
				end++;
			}
			i = end;
		} else if (s[i] == '{' || s[i] == '[') {
			const struct level *in_parts = depth == 2 ? &stack[1] : NULL;
			if (depth == DEPTH || s[i + 1] == s[i] + 2 ||
			    !lay_out(up, in_parts, key, key_len)) {
				size_t end = container_end(s, i);
				text_putn(t, s + i, end - i);
				i = end;
				continue;
			}
			stack[depth++] = (struct level){ key, key_len, s[i] == '[' };
			text_putc(t, s[i++]);
			indent(t, depth);
		} else if (s[i] == '}' || s[i] == ']') {
			indent(t, --depth);
			text_putc(t, s[i++]);
		} else if (s[i] == ',') {
			text_putc(t, s[i++]);
			indent(t, depth);
		} else {
			text_putc(t, s[i++]);
		}
	}
	text_putc(t, '\n');
}

void live_print(const struct live *l, const char *version, const char *started,
		const char *ended, struct text *t)
{
	struct text flat = { 0 };
	put_document(l, version, started, ended, &flat);
	pretty(flat.s, flat.len, t);
	text_finish(&flat);
}
