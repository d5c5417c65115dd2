/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document as text without its tree. The coverage of a large estate is nearly all of it, two
 * million entries that say the same few things: each text and list is encoded once, and the entries
 * are put between what jansson makes of the rest, in its own layout (indented by two).
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "report/doc.h"
#include "report/place.h"
#include "report/report.h"

enum { FLAGS = JSON_INDENT(2) | JSON_ENCODE_ANY };

static int put(const char *s, size_t len, void *out)
{
	text_putn(out, s, len);
	return 0;
}

/* What was encoded, by where it stands: the results keep equal texts and lists at one address as
 * far as they can. */
struct encoded {
	size_t len;
	char s[];
};

struct encoder {
	struct map texts, lists, places;
	struct text one;
};

/* The value, whose members stand `depth` deep in the document; takes the reference. */
static struct encoded *encode(struct encoder *en, json_t *value, unsigned depth)
{
	struct text *t = &en->one;
	text_clear(t);
	json_dump_callback(value, put, t, FLAGS);
	json_decref(value);
	size_t lines = 0, n = 0;
	for (size_t i = 0; i < t->len; i++)
		lines += t->s[i] == '\n';
	struct encoded *e = xmalloc(sizeof(*e) + t->len + lines * 2 * depth);
	/* within strings a line break is written as an escape */
	for (size_t i = 0; i < t->len; i++) {
		e->s[n++] = t->s[i];
		if (t->s[i] != '\n')
			continue;
		memset(e->s + n, ' ', (size_t)2 * depth);
		n += (size_t)2 * depth;
	}
	e->len = n;
	return e;
}

static void put_encoded(struct text *out, const char *key, const struct encoded *e)
{
	text_put(out, key);
	text_putn(out, e->s, e->len);
}

enum { DEPTH = 3 }; /* of an entry's members */

static void put_string(struct encoder *en, struct text *out, const char *key, const char *s)
{
	void **at = map_atn(&en->texts, (const char *)&s, sizeof(s));
	if (!*at)
		*at = encode(en, doc_string(s), DEPTH);
	put_encoded(out, key, *at);
}

static void put_list(struct encoder *en, struct text *out, const char *key, const char *const *v,
		     size_t n)
{
	v = n ? v : NULL;
	void **at = map_atn(&en->lists, (const char *)&v, sizeof(v));
	if (!*at)
		*at = encode(en, doc_strings(v, n), DEPTH);
	put_encoded(out, key, *at);
}

static void put_place(struct encoder *en, struct text *out, const char *key, struct loc at)
{
	struct {
		const struct source *src;
		const char *path;
		uint64_t line, col, end_col;
	} k = { at.src, at.path, at.line, at.col, at.end_col };
	void **found = map_atn(&en->places, (const char *)&k, sizeof(k));
	if (!*found)
		*found = encode(en, place_json(at), DEPTH);
	put_encoded(out, key, *found);
}

static void put_coverage(struct encoder *en, struct text *out, const struct coverage *c)
{
	put_string(en, out, "\n    {\n      \"from\": ", c->from);
	put_string(en, out, ",\n      \"to\": ", c->to);
	put_string(en, out, ",\n      \"plane\": ", c->plane);
	put_string(en, out, ",\n      \"verdict\": ", coverage_name(c->verdict));
	put_string(en, out, ",\n      \"why\": ", c->why ? c->why : "");
	put_place(en, out, ",\n      \"place\": ", c->why_at);
	put_list(en, out, ",\n      \"points\": ", c->points, c->n_points);
	put_list(en, out, ",\n      \"findings\": ", c->findings, c->n_findings);
	text_put(out, "\n    }");
}

static void finish(struct map *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->entries[i].value);
	map_finish(m);
}

void results_text(const struct results *res, struct text *out)
{
	/* No line within a string begins like that, and no member deeper down. */
	static const char gap[] = "\n  \"coverage\": [";
	struct encoder en = { { 0 }, { 0 }, { 0 }, { 0 } };
	struct text rest = { 0 };
	json_t *doc = results_but_coverage(res);
	json_dump_callback(doc, put, &rest, FLAGS);
	json_decref(doc);
	const char *behind = strstr(rest.s, gap) + strlen(gap);
	text_putn(out, rest.s, (size_t)(behind - rest.s));
	for (size_t i = 0; i < res->coverage.n; i++) {
		text_put(out, i ? "," : "");
		put_coverage(&en, out, &res->coverage.v[i]);
	}
	text_put(out, res->coverage.n ? "\n  " : "");
	text_putn(out, behind, rest.len - (size_t)(behind - rest.s));
	text_putc(out, '\n');
	text_finish(&rest);
	text_finish(&en.one);
	finish(&en.texts);
	finish(&en.lists);
	finish(&en.places);
}
