/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonloc.h"
#include "base/text.h"

static struct arena *arena;
static struct diags diags;
static const struct source *src;
static json_t **roots;
static size_t n_roots;
static struct jsonloc *jl;

static int parse_n(const char *text, size_t len)
{
	arena = arena_create();
	diags_init(&diags, arena);
	cr_assert_eq(source_from_bytes(arena, &diags, "x.json", text, len, &src), 0);
	return jsonloc_parse(&diags, src, &roots, &n_roots, &jl);
}

static int parse(const char *text)
{
	return parse_n(text, strlen(text));
}

static void done(void)
{
	jsonloc_roots_free(roots, n_roots);
	jsonloc_destroy(jl);
	diags_finish(&diags);
	arena_destroy(arena);
	roots = NULL;
	n_roots = 0;
	jl = NULL;
}

static void is_at(struct loc l, unsigned line, unsigned col, unsigned end, const char *path)
{
	cr_expect_eq(l.src, src);
	cr_expect_eq(l.line, line, "line %u, not %u", l.line, line);
	cr_expect_eq(l.col, col, "col %u, not %u", l.col, col);
	cr_expect_eq(l.end_col, end, "end %u, not %u", l.end_col, end);
	if (path)
		cr_expect_str_eq(l.path, path);
	else
		cr_expect_null(l.path);
}

Test(jsonloc, places_of_every_kind)
{
	cr_assert_eq(parse("{ \"a\": [1, \"two\", {\"b\": -3.5e1}],\n"
			   "  \"t\" : true, \"f\":false,\n"
			   "\t\"n\": null, \"l\": [true, null, []] }\n"),
		     0);
	cr_assert_eq(n_roots, 1);
	json_t *r = roots[0], *a = json_object_get(r, "a"), *l = json_object_get(r, "l");
	is_at(jsonloc_of(jl, arena, r), 1, 1, 34, "");
	is_at(jsonloc_of(jl, arena, a), 1, 8, 33, "/a");
	is_at(jsonloc_of(jl, arena, json_array_get(a, 0)), 1, 9, 10, "/a/0");
	is_at(jsonloc_of(jl, arena, json_array_get(a, 1)), 1, 12, 17, "/a/1");
	json_t *b = json_object_get(json_array_get(a, 2), "b");
	is_at(jsonloc_of(jl, arena, b), 1, 25, 31, "/a/2/b");
	is_at(jsonloc_member(jl, arena, r, "t"), 2, 9, 13, "/t");
	is_at(jsonloc_member(jl, arena, r, "f"), 2, 19, 24, "/f");
	is_at(jsonloc_member(jl, NULL, r, "n"), 3, 7, 11, NULL);
	is_at(jsonloc_member(jl, arena, r, "l"), 3, 18, 34, "/l");
	is_at(jsonloc_index(jl, arena, l, 0), 3, 19, 23, "/l/0");
	is_at(jsonloc_index(jl, arena, l, 1), 3, 25, 29, "/l/1");
	is_at(jsonloc_index(jl, arena, l, 2), 3, 31, 33, "/l/2");
	is_at(jsonloc_key(jl, arena, r, "t"), 2, 3, 6, "/t");
	is_at(jsonloc_key(jl, arena, json_array_get(a, 2), "b"), 1, 20, 23, "/a/2/b");
	cr_expect_eq(jsonloc_count(jl), 13);
	done();
}

Test(jsonloc, nothing_of_another_tree)
{
	cr_assert_eq(parse("{\"a\": true, \"b\": []}"), 0);
	json_t *other = json_array();
	cr_expect_null(jsonloc_of(jl, arena, other).src);
	cr_expect_null(jsonloc_of(jl, arena, json_true()).src, "it has no single place");
	cr_expect_null(jsonloc_member(jl, arena, roots[0], "c").src);
	cr_expect_null(jsonloc_key(jl, arena, roots[0], "c").src);
	cr_expect_null(jsonloc_member(jl, arena, json_object_get(roots[0], "b"), "c").src);
	cr_expect_null(jsonloc_index(jl, arena, json_object_get(roots[0], "b"), 0).src);
	cr_expect_null(jsonloc_index(jl, arena, roots[0], 0).src);
	cr_expect_null(jsonloc_index(jl, arena, other, 0).src);
	json_decref(other);
	done();
}

Test(jsonloc, keys_with_escapes_and_pointers)
{
	cr_assert_eq(parse("{\"a/b\": {\"m~n\": {\"q\\\\\\\"\\u0041\" :[ 7 ]}}, \"\": 1,\n"
			   "\"{[,:\": \"}]\\\"\\\\\", \"\\\\\": 2}"),
		     0);
	json_t *m = json_object_get(json_object_get(roots[0], "a/b"), "m~n");
	json_t *q = json_object_get(m, "q\\\"A");
	cr_assert(q);
	is_at(jsonloc_of(jl, arena, json_array_get(q, 0)), 1, 35, 36, "/a~1b/m~0n/q\\\"A/0");
	is_at(jsonloc_key(jl, arena, m, "q\\\"A"), 1, 18, 31, "/a~1b/m~0n/q\\\"A");
	is_at(jsonloc_of(jl, arena, json_object_get(roots[0], "")), 1, 46, 47, "/");
	is_at(jsonloc_of(jl, arena, json_object_get(roots[0], "{[,:")), 2, 9, 17, "/{[,:");
	is_at(jsonloc_key(jl, arena, roots[0], "\\"), 2, 19, 23, "/\\");
	done();
}

Test(jsonloc, documents_behind_one_another)
{
	cr_assert_eq(parse("{\"a\": 1}\n{\"a\": 2} [\n3]\n\n true 4 \"x\"\n"), 0);
	cr_assert_eq(n_roots, 6);
	is_at(jsonloc_of(jl, arena, json_object_get(roots[0], "a")), 1, 7, 8, "/a");
	is_at(jsonloc_of(jl, arena, json_object_get(roots[1], "a")), 2, 7, 8, "/a");
	is_at(jsonloc_of(jl, arena, roots[2]), 2, 10, 11, "");
	is_at(jsonloc_of(jl, arena, json_array_get(roots[2], 0)), 3, 1, 2, "/0");
	is_at(jsonloc_of(jl, arena, roots[4]), 5, 7, 8, "");
	is_at(jsonloc_of(jl, arena, roots[5]), 5, 9, 12, "");
	done();
}

struct bad_row {
	const char *text, *code;
	unsigned line, col;
};

static const struct bad_row bad[] = {
	{ "", "json.syntax", 0, 0 },
	{ " \n\t ", "json.syntax", 0, 0 },
	{ "{\"a\": 1,\n \"a\": 2}", "json.duplicate-key", 2, 2 },
	{ "[{}, {\"x\": [\"a\"], \"y\": 0, \"x\" : 1}]", "json.duplicate-key", 1, 27 },
	{ "{\"a\": tru}", "json.syntax", 1, 9 },
	{ "{\"a\":\n\n 1,}", "json.syntax", 3, 4 },
	{ "{\"a\": [1, 2", "json.syntax", 1, 12 },
	{ "{\"a\": 1}\n{\"b\": }", "json.syntax", 2, 7 },
	{ "{\"a\": 1}\nmore", "json.syntax", 2, 4 },
	{ "{\"a\": \"x\\u0000\"}", "json.syntax", 1, 15 },
	{ "{'a': 1}", "json.syntax", 1, 2 },
	{ "[99999999999999999999999999]", "json.syntax", 1, 27 },
};

Test(jsonloc, bad_text_has_a_place)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cr_assert_lt(parse(bad[i].text), 0, "row %zu", i);
		cr_expect(diags_has(&diags, bad[i].code), "row %zu", i);
		const struct diag *last = &diags.v[diags.n - 1];
		cr_expect_eq(last->loc.line, bad[i].line, "row %zu line %u", i, last->loc.line);
		cr_expect_eq(last->loc.col, bad[i].col, "row %zu col %u", i, last->loc.col);
		cr_expect_null(jl);
		done();
	}
}

static void put_nested(struct text *t, size_t depth)
{
	for (size_t i = 0; i < depth; i++)
		text_put(t, i % 2 ? "{\"k\":" : "[");
	text_put(t, "0");
	for (size_t i = depth; i-- > 0;)
		text_putc(t, i % 2 ? '}' : ']');
}

Test(jsonloc, depth_is_limited)
{
	struct text t = { 0 };
	put_nested(&t, 2000);
	cr_assert_eq(parse_n(t.s, t.len), 0);
	const json_t *v = roots[0];
	while (json_is_array(v) || json_is_object(v))
		v = json_is_array(v) ? json_array_get(v, 0) : json_object_get(v, "k");
	struct loc at = jsonloc_of(jl, arena, v);
	cr_expect_eq(at.col, 1000 * 6 + 1);
	cr_expect_eq(strlen(at.path), 2000 * 2);
	done();
	text_clear(&t);
	put_nested(&t, 500000);
	cr_assert_lt(parse_n(t.s, t.len), 0);
	cr_expect(diags_has(&diags, "json.too-deep"));
	done();
	text_finish(&t);
}

/* Every value's place must hold the text that jansson read there. */
static void holds(json_t *v, struct loc at)
{
	size_t len;
	const char *line = source_line(src, at.line, &len);
	cr_assert_leq(at.end_col - 1, len);
	json_error_t e;
	json_t *again = json_loadb(line + at.col - 1, at.end_col - at.col,
				   JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &e);
	cr_assert(again, "%s at %u:%u-%u", e.text, at.line, at.col, at.end_col);
	cr_assert(json_equal(v, again));
	json_decref(again);
	size_t i;
	json_t *kid;
	const char *key;
	json_array_foreach (v, i, kid)
		holds(kid, jsonloc_index(jl, NULL, v, i));
	json_object_foreach (v, key, kid)
		holds(kid, jsonloc_member(jl, NULL, v, key));
}

static void put_random(struct text *t, unsigned *seed, unsigned depth)
{
	static const char *const scalars[] = {
		"true", "false",	 "null",       "0", "-1.5E+3",
		"\"\"", "\"a\\\"\\\\\"", "\"{[]},:\"", "12"
	};
	static const char *const blanks[] = { "", " ", "\t", "  " };
	unsigned what = (unsigned)rand_r(seed) % (depth ? 4 : 2);
	text_put(t, blanks[(unsigned)rand_r(seed) % 4]);
	if (what < 2) {
		text_put(t, scalars[(unsigned)rand_r(seed) % 9]);
	} else {
		unsigned n = (unsigned)rand_r(seed) % 5;
		text_putc(t, what == 2 ? '[' : '{');
		for (unsigned i = 0; i < n; i++) {
			if (i)
				text_putc(t, ',');
			if (what == 3)
				text_putf(t, "%s\"k\\\\%s%u\"%s:", blanks[i % 4],
					  i % 2 ? "\\\"" : "", i, blanks[(i + 1) % 4]);
			put_random(t, seed, depth - 1);
		}
		text_put(t, blanks[(unsigned)rand_r(seed) % 4]);
		text_putc(t, what == 2 ? ']' : '}');
	}
	text_put(t, blanks[(unsigned)rand_r(seed) % 4]);
}

Test(jsonloc, law_every_place_holds_its_value)
{
	unsigned seed = 20150725;
	for (int round = 0; round < 400; round++) {
		struct text t = { 0 };
		unsigned began = seed;
		size_t docs = 1 + (size_t)round % 3;
		for (size_t i = 0; i < docs; i++) {
			put_random(&t, &seed, 6);
			text_put(&t, round % 2 ? "\r\n" : "\n");
		}
		cr_assert_eq(parse_n(t.s, t.len), 0, "seed %u", began);
		cr_assert_eq(n_roots, docs, "seed %u", began);
		for (size_t i = 0; i < n_roots; i++) {
			/* A root of true, false or null has no address: it is the line itself.
			 */
			if (!json_is_boolean(roots[i]) && !json_is_null(roots[i]))
				holds(roots[i], jsonloc_of(jl, NULL, roots[i]));
		}
		done();
		text_finish(&t);
	}
}

Test(jsonloc, a_million_elements)
{
	enum { N = 1000000 };
	struct text t = { 0 };
	text_put(&t, "{\"v\":[");
	for (unsigned i = 0; i < N; i++)
		text_putf(&t, i ? ",%s" : "%s", i % 3 ? "\"ab\"" : "true");
	text_put(&t, "]}");
	cr_assert_eq(parse_n(t.s, t.len), 0);
	cr_expect_eq(jsonloc_count(jl), N + 2);
	cr_expect_lt(jsonloc_bytes(jl) / N, 40, "%zu bytes a value", jsonloc_bytes(jl) / N);
	json_t *v = json_object_get(roots[0], "v");
	uint32_t before = 0;
	for (size_t i = 0; i < N; i++) {
		struct loc at = jsonloc_index(jl, NULL, v, i);
		cr_assert_gt(at.col, before);
		before = at.col;
		json_t *e = json_array_get(v, i);
		if (json_is_string(e))
			cr_assert_eq(jsonloc_of(jl, NULL, e).col, at.col);
	}
	cr_expect_str_eq(jsonloc_index(jl, arena, v, N - 1).path, "/v/999999");
	done();
	text_finish(&t);
}
