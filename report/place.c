/* SPDX-License-Identifier: Apache-2.0 */
#include "report/place.h"

#include <string.h>

#include "base/source.h"
#include "report/doc.h"

/* How much of a line is shown before the column when it must be cut. */
enum { PLACE_LEAD = 120 };
/* UTF-16 columns behind this many bytes of one line are counted in bytes: bounded work. */
enum { PLACE_COUNT_MAX = 16384 };

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t utf16_units(const char *s, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += !continues(s[i]) + ((unsigned char)s[i] >= 0xf0);
	return n;
}

struct place place_of_loc(struct loc at)
{
	struct place p = { .line = at.line,
			   .col = at.col,
			   .end_col = at.end_col,
			   .path = at.path,
			   .from = 1,
			   .from_utf16 = 1 };
	if (!at.src)
		return p;
	p.file = at.src->name;
	if (!at.line || at.line > at.src->n_lines)
		return p;
	size_t len;
	const char *line = source_line(at.src, at.line, &len);
	size_t lo = 0, hi = len;
	if (len > PLACE_TEXT_MAX) {
		lo = at.col > PLACE_LEAD ? at.col - PLACE_LEAD : 0;
		if (lo > len - PLACE_TEXT_MAX)
			lo = len - PLACE_TEXT_MAX;
		hi = lo + PLACE_TEXT_MAX;
		while (lo < hi && continues(line[lo]))
			lo++;
		while (hi > lo && hi < len && continues(line[hi]))
			hi--;
	}
	p.text = line + lo;
	p.len = hi - lo;
	p.left = len - hi;
	p.from = (uint32_t)lo + 1;
	p.from_utf16 = lo > PLACE_COUNT_MAX ? p.from : (uint32_t)utf16_units(line, lo) + 1;
	return p;
}

static uint32_t number(const json_t *obj, const char *key)
{
	long long n = doc_int(obj, key);
	return n < 0 || n > INT32_MAX ? 0 : (uint32_t)n;
}

struct place place_of_json(const json_t *obj)
{
	struct place p = {
		.file = doc_get_or_null(obj, "file"),
		.line = number(obj, "line"),
		.col = number(obj, "column"),
		.end_col = number(obj, "end_column"),
		.path = doc_get_or_null(obj, "path"),
		.text = doc_get_or_null(obj, "text"),
		.from = number(obj, "text_from"),
		.from_utf16 = number(obj, "text_from_utf16"),
		.left = number(obj, "text_left"),
		.excerpt = doc_get_or_null(obj, "excerpt"),
	};
	p.len = json_string_length(json_object_get(obj, "text"));
	/* A document of ours never quotes more; one by another hand may. */
	if (p.len > PLACE_TEXT_MAX) {
		size_t keep = PLACE_TEXT_MAX;
		while (keep && continues(p.text[keep]))
			keep--;
		p.left += p.len - keep;
		p.len = keep;
	}
	if (!p.from || (p.col && p.from > p.col))
		p.from = 1;
	if (!p.from_utf16)
		p.from_utf16 = p.from;
	return p;
}

/*
 * A bracket says nothing to who reads a quote: the value that it opens does. Blanks outside of
 * strings are taken out, and as much is read as the excerpt has room for.
 */
static void put_excerpt(json_t *obj, struct loc at)
{
	size_t len;
	const char *line = source_line(at.src, at.line, &len);
	if (!at.col || at.col > len || (line[at.col - 1] != '{' && line[at.col - 1] != '['))
		return;
	const char *p = line + at.col - 1, *end = at.src->data + at.src->size;
	struct text t = { 0 };
	unsigned depth = 0, lines = 0;
	bool quoted = false;
	for (; p < end && t.len < PLACE_EXCERPT_MAX; p++) {
		char c = *p;
		lines += c == '\n' || c == '\r';
		if (quoted) {
			text_putc(&t, c);
			if (c == '\\' && p + 1 < end)
				text_putc(&t, *++p);
			else if (c == '"')
				quoted = false;
			continue;
		}
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			continue;
		text_putc(&t, c);
		quoted = c == '"';
		if (c == ',' || c == ':')
			text_putc(&t, ' ');
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		if (!depth)
			break;
	}
	/* One that ends on its line is quoted as it is; one without an end is no JSON. */
	if (lines && (!depth || t.len >= PLACE_EXCERPT_MAX)) {
		while (depth && t.len && continues(t.s[t.len - 1]))
			t.s[--t.len] = 0;
		if (depth && (unsigned char)t.s[t.len - 1] >= 0xc0)
			t.s[--t.len] = 0;
		text_put(&t, depth ? "..." : "");
		doc_put(obj, "excerpt", doc_stringn(t.s, t.len));
	}
	text_finish(&t);
}

void place_put(json_t *obj, struct loc at)
{
	struct place p = place_of_loc(at);
	doc_put_string(obj, "file", p.file);
	doc_put(obj, "line", p.line ? json_integer(p.line) : json_null());
	doc_put(obj, "column", p.col ? json_integer(p.col) : json_null());
	doc_put(obj, "end_column", p.end_col ? json_integer(p.end_col) : json_null());
	doc_put_string(obj, "path", p.path);
	doc_put(obj, "text", doc_stringn(p.text, p.len));
	if (p.text)
		put_excerpt(obj, at);
	if (!p.text || (p.from == 1 && !p.left))
		return;
	doc_put_int(obj, "text_from", p.from);
	doc_put_int(obj, "text_from_utf16", p.from_utf16);
	doc_put_int(obj, "text_left", p.left);
}

json_t *place_json(struct loc at)
{
	if (!at.src && !at.path)
		return json_null();
	json_t *obj = json_object();
	place_put(obj, at);
	return obj;
}

void place_print(struct text *t, const struct place *p)
{
	if (!p->file) {
		text_put(t, p->path ? p->path : "");
		return;
	}
	text_put(t, p->file);
	if (p->line)
		text_putf(t, ":%u", p->line);
	if (p->line && p->col)
		text_putf(t, ":%u", p->col);
}

uint32_t place_utf16(const struct place *p, uint32_t col)
{
	if (!p->text || col < p->from || col - p->from > p->len)
		return col;
	return p->from_utf16 + (uint32_t)utf16_units(p->text, col - p->from);
}
