/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writers against documents that were looked at by a person and kept in
 * tests/cases/report/. After a wanted change, run this program with UPDATE_GOLDEN=1 and look at
 * the difference.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/source.h"
#include "diff/check.h"
#include "report/doc.h"
#include "report/quote.h"
#include "report/report.h"
#include "tests/unit/report_fixture.h"

static char *read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return NULL;
	struct text t = { 0 };
	char buf[4096];
	size_t n;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		text_putn(&t, buf, n);
	fclose(f);
	*ret_size = t.len;
	return t.s;
}

static void golden_path(struct text *path, const char *name)
{
	const char *root = getenv("SOURCE_ROOT");
	text_putf(path, "%s/tests/cases/report/%s", root ? root : ".", name);
}

static void expect_golden(const char *name, const struct text *got)
{
	struct text path = { 0 };
	golden_path(&path, name);
	if (getenv("UPDATE_GOLDEN")) {
		FILE *f = fopen(path.s, "wb");
		cr_assert(f, "%s", path.s);
		fwrite(got->s, 1, got->len, f);
		fclose(f);
	}
	size_t size = 0, i = 0;
	char *want = read_file(path.s, &size);
	cr_assert(want, "%s is missing", path.s);
	while (i < size && i < got->len && want[i] == got->s[i])
		i++;
	cr_expect(size == got->len && i == size, "%s differs from byte %zu on:\n%.*s", name, i,
		  200, got->s + (i > 60 ? i - 60 : 0));
	free(want);
	text_finish(&path);
}

/* What the list of checks and the program's version say is held by other tests. */
static json_t *fixed(json_t *doc)
{
	static const char *const ids[][3] = {
		{ "tenant.cross-talk", "Traffic crosses tenants", "critical" },
		{ "intent.blocked", "A required flow is blocked", "high" },
		{ "drift.physical-permits-more", "The physical network permits more",
		  "medium" },
		{ "rule.shadowed", "A rule never decides", "low" },
	};
	json_t *list = json_array();
	for (size_t i = 0; i < 4; i++) {
		json_t *c = json_object();
		doc_put_string(c, "id", ids[i][0]);
		doc_put_string(c, "title", ids[i][1]);
		doc_put_string(c, "help", "What it means, and what to do about it.");
		doc_put_string(c, "severity", ids[i][2]);
		json_array_append_new(list, c);
	}
	if (json_object_get(doc, "checks"))
		doc_put(doc, "checks", list);
	else
		json_decref(list);
	doc_put_string(json_object_get(doc, "plumbline"), "version", "1.2.3");
	return doc;
}

static void render(const json_t *doc, const char *format, struct report_style st,
		   struct text *out)
{
	const struct report_format *f = report_format_find(format);
	cr_assert(f, "%s", format);
	text_clear(out);
	report_render(f, doc, st, out);
}

/* Without the tree the same bytes come out. */
static void expect_same_text(const struct results *res)
{
	struct text tree = { 0 }, text = { 0 };
	json_t *doc = results_json(res);
	render(doc, "json", (struct report_style){ 0 }, &tree);
	results_text(res, &text);
	cr_expect_str_eq(text.s, tree.s);
	json_decref(doc);
	text_finish(&tree);
	text_finish(&text);
}

Test(report, text_without_the_tree_is_the_same)
{
	struct fixture *f = fixture_misaligned();
	struct coverage *c = f->res.coverage.v;
	size_t placed = 0;
	cr_assert_gt(f->res.coverage.n, 1);
	expect_same_text(&f->res);
	/* quotes, a line break and bytes that are no UTF-8, in a text, a list and a place */
	static const char *const odd[] = { "\"a\"\n  \"coverage\": [", "\xff\xc3\xa4", "" };
	c[0].why = odd[0];
	c[0].points = odd, c[0].n_points = 3;
	c[1].points = odd, c[1].n_points = 3;
	c[1].why = NULL;
	c[1].why_at = (struct loc){ .path = odd[1] };
	expect_same_text(&f->res);
	for (size_t i = 0; i < f->res.findings.n && !placed; i++)
		if (f->res.findings.v[i].n_rules && f->res.findings.v[i].rules[0].at.src) {
			c[0].why_at = c[1].why_at = f->res.findings.v[i].rules[0].at;
			placed = 1;
		}
	cr_assert(placed);
	expect_same_text(&f->res);
	f->res.coverage.n = 0;
	expect_same_text(&f->res);
	fixture_destroy(f);
}

static json_t *read_text(struct fixture *f, const char *text, size_t len)
{
	const struct source *src = NULL;
	cr_assert_eq(source_from_bytes(f->arena, &f->diags, "results.json", text, len, &src),
		     0);
	return results_read(&f->diags, src);
}

static json_t *read_golden(struct fixture *f, const char *name)
{
	struct text path = { 0 };
	golden_path(&path, name);
	size_t size = 0;
	char *s = read_file(path.s, &size);
	cr_assert(s, "%s is missing", path.s);
	json_t *doc = read_text(f, s, size);
	free(s);
	text_finish(&path);
	return doc;
}

Test(report, golden_documents)
{
	struct text out = { 0 };
	struct fixture *f = fixture_misaligned();
	json_t *doc = fixed(results_json(&f->res));
	render(doc, "json", (struct report_style){ 0 }, &out);
	expect_golden("misaligned.json", &out);
	json_decref(doc);
	doc = fixed(snapshot_json(f->snap, &f->diags));
	text_clear(&out);
	char *s = json_dumps(doc, JSON_INDENT(2));
	text_putf(&out, "%s\n", s);
	free(s);
	expect_golden("show.json", &out);
	text_clear(&out);
	snapshot_text(doc, &out, (struct report_style){ 0 });
	expect_golden("show.txt", &out);
	json_decref(doc);
	fixture_destroy(f);

	f = fixture_aligned();
	doc = fixed(results_json(&f->res));
	render(doc, "json", (struct report_style){ 0 }, &out);
	expect_golden("aligned.json", &out);
	json_decref(doc);
	fixture_destroy(f);
	text_finish(&out);
}

/* Every format from the document alone, read back from its file. */
Test(report, golden_formats)
{
	static const struct {
		const char *doc, *format, *golden;
		struct report_style style;
	} rows[] = {
		{ "misaligned.json", "text", "misaligned.txt", { false, 0 } },
		{ "misaligned.json", "text", "misaligned-wide-colour.txt", { true, 120 } },
		{ "misaligned.json", "text", "misaligned-narrow.txt", { false, 40 } },
		{ "misaligned.json", "sarif", "misaligned.sarif", { false, 0 } },
		{ "misaligned.json", "json", "misaligned.json", { false, 0 } },
		{ "aligned.json", "text", "aligned.txt", { false, 0 } },
		{ "aligned.json", "sarif", "aligned.sarif", { false, 0 } },
		{ "inconclusive.json", "text", "inconclusive.txt", { false, 0 } },
		{ "lint.json", "text", "lint.txt", { false, 0 } },
		{ "diff.json", "text", "diff.txt", { false, 0 } },
	};
	struct fixture *f = fixture_aligned();
	struct text out = { 0 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_t *doc = read_golden(f, rows[i].doc);
		cr_assert(doc, "%s", rows[i].doc);
		render(doc, rows[i].format, rows[i].style, &out);
		expect_golden(rows[i].golden, &out);
		json_decref(doc);
	}
	text_finish(&out);
	fixture_destroy(f);
}

Test(report, the_same_run_gives_the_same_bytes)
{
	struct text a = { 0 }, b = { 0 };
	struct fixture *f = fixture_misaligned(), *g = fixture_misaligned();
	json_t *x = results_json(&f->res), *y = results_json(&g->res);
	render(x, "sarif", (struct report_style){ 0 }, &a);
	render(y, "sarif", (struct report_style){ 0 }, &b);
	cr_expect_str_eq(a.s, b.s);
	cr_expect(!strstr(a.s, "\"/"), "an absolute path");
	json_decref(x);
	json_decref(y);
	fixture_destroy(f);
	fixture_destroy(g);
	text_finish(&a);
	text_finish(&b);
}

Test(report, only_the_checks_that_ran_are_listed)
{
	struct fixture *f = fixture_aligned();
	json_t *doc = results_json(&f->res), *v;
	size_t i, n = 0;
	json_array_foreach (doc_array(doc, "checks"), i, v)
		n += !has_prefix(doc_get(v, "id"), "diff.");
	size_t want = 0;
	for (i = 0; checks[i]; i++)
		want += !has_prefix(checks[i]->id, "diff.") &&
			!has_prefix(checks[i]->id, "observed.");
	cr_expect_eq(n, want);
	cr_expect_eq(n, json_array_size(doc_array(doc, "checks")));
	json_decref(doc);
	f->res.command = "lint";
	doc = results_json(&f->res);
	json_array_foreach (doc_array(doc, "checks"), i, v)
		cr_expect(!has_prefix(doc_get(v, "id"), "intent."), "%s", doc_get(v, "id"));
	json_decref(doc);
	fixture_destroy(f);
}

/* Nothing compared, nothing read, or nothing judged must never look like agreement. */
Test(report, only_agreement_is_called_aligned)
{
	struct fixture *f = fixture_aligned();
	struct text out = { 0 };
	for (int i = 0; i < 5; i++) {
		size_t n = f->res.coverage.n;
		uint8_t verdict = f->res.coverage.v[0].verdict;
		switch (i) {
		case 0:
			break;
		case 1:
			f->res.coverage.n = 0;
			break;
		case 2:
			f->res.coverage.v[0].verdict = COVER_INCONCLUSIVE;
			f->res.exit_code = 4;
			break;
		case 3:
			f->res.exit_code = 3;
			break;
		case 4:
			f->res.coverage.v[0].verdict = COVER_MISALIGNED;
			f->res.exit_code = 1;
			break;
		}
		json_t *doc = results_json(&f->res);
		render(doc, "text", (struct report_style){ 0 }, &out);
		cr_expect_eq(has_prefix(out.s, "ALIGNED:"), i == 0, "case %d: %s", i, out.s);
		render(doc, "sarif", (struct report_style){ 0 }, &out);
		cr_expect_eq(strstr(out.s, "plumbline.inconclusive") != NULL, i == 2, "case %d",
			     i);
		cr_expect_eq(strstr(out.s, "\"executionSuccessful\": false") != NULL, i == 3,
			     "case %d", i);
		json_decref(doc);
		f->res.coverage.n = n;
		f->res.coverage.v[0].verdict = verdict;
		f->res.exit_code = 0;
	}
	text_finish(&out);
	fixture_destroy(f);
}

static bool is_word(const char *key)
{
	return !strcmp(key, "command") || !strcmp(key, "severity") || !strcmp(key, "class") ||
	       !strcmp(key, "certainty") || !strcmp(key, "verdict");
}

/* Every string of the document but its fixed words becomes s. */
static json_t *replaced(const json_t *v, const char *key, const char *s)
{
	if (json_is_object(v)) {
		json_t *o = json_object(), *member;
		const char *k;
		json_object_foreach ((json_t *)(uintptr_t)v, k, member)
			doc_put(o, k, replaced(member, k, s));
		return o;
	}
	if (json_is_array(v)) {
		json_t *a = json_array(), *item;
		size_t i;
		json_array_foreach (v, i, item)
			json_array_append_new(a, replaced(item, key, s));
		return a;
	}
	if (json_is_string(v) && !is_word(key))
		return doc_string(s);
	return json_deep_copy(v);
}

Test(report, nothing_in_a_document_reaches_the_terminal)
{
	static const char *const bad[] = {
		"\x1b]0;owned\x07\x1b[2J\nALIGNED: all\r\t\x7f",
		"\xc2\x9b"
		"31m\xe2\x80\xae\xe2\x80\x8b\xef\xbb\xbf x",
		"  two  blanks   ",
		"",
		" ",
		"\n",
		"]( [a](1) \\",
		"averyverylongwordwithoutanyblankinitthatnolinecanholdwhateveritswidthmaybe0123"
		"456789",
	};
	struct fixture *f = fixture_misaligned();
	json_t *good = results_json(&f->res), *model = snapshot_json(f->snap, &f->diags);
	struct text out = { 0 };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		json_t *doc = replaced(good, "", bad[i]), *show = replaced(model, "", bad[i]);
		for (unsigned width = 0; width < 200; width += 66) {
			struct report_style st = { false, width };
			render(doc, "text", st, &out);
			snapshot_text(show, &out, st);
			cr_expect_eq(utf8_valid(out.s, out.len), out.len);
			for (size_t k = 0; k < out.len; k++) {
				unsigned char c = (unsigned char)out.s[k];
				cr_assert(c == '\n' || (c >= 0x20 && c != 0x7f),
					  "row %zu: control character %02x at %zu", i, c, k);
			}
			cr_expect(!strstr(out.s, "\xc2\x9b") &&
				  !strstr(out.s, "\xe2\x80\xae") &&
				  !strstr(out.s, "\xe2\x80\x8b") &&
				  !strstr(out.s, "\xef\xbb\xbf"));
		}
		render(doc, "sarif", (struct report_style){ 0 }, &out);
		json_t *back = json_loadb(out.s, out.len, 0, NULL);
		cr_expect(back, "row %zu", i);
		json_decref(back);
		json_decref(doc);
		json_decref(show);
	}
	json_decref(good);
	json_decref(model);
	text_finish(&out);
	fixture_destroy(f);
}

struct walk {
	struct fixture *f;
	json_t *root;
	const json_t *schema;
	size_t required, optional;
};

static bool is_read(struct walk *w)
{
	char *s = json_dumps(w->root, 0);
	json_t *doc = read_text(w->f, s, strlen(s));
	free(s);
	bool ok = doc != NULL;
	json_decref(doc);
	return ok;
}

/* Numbers that no run gives, in a document that the reader lets through. */
static void wild_numbers(json_t *v, uint32_t *seed)
{
	static const uint32_t some[] = { 0, 1, 2, 9, 80, 0x7fffffff, 0x80000000, 0xffffffff };
	if (json_is_integer(v)) {
		*seed = *seed * 1664525 + 1013904223;
		json_integer_set(v, some[*seed >> 29]);
		return;
	}
	const char *k;
	json_t *member;
	size_t i;
	json_object_foreach (v, k, member)
		if (strcmp(k, "plumbline") != 0)
			wild_numbers(member, seed);
	json_array_foreach (v, i, member)
		wild_numbers(member, seed);
}

Test(report, numbers_of_a_document_are_not_trusted)
{
	struct fixture *f = fixture_misaligned();
	json_t *doc = results_json(&f->res);
	json_t *model = snapshot_json(f->snap, &f->diags);
	/* A hundred equal notes would only cost time. */
	while (json_array_size(json_object_get(doc, "diagnostics")) > 5)
		json_array_remove(json_object_get(doc, "diagnostics"), 5);
	struct text out = { 0 };
	for (uint32_t seed = 1; seed <= 300; seed++) {
		uint32_t s = seed;
		wild_numbers(doc, &s);
		wild_numbers(model, &s);
		struct walk w = { f, doc, NULL, 0, 0 };
		cr_assert(is_read(&w), "seed %u", seed);
		render(doc, "text", (struct report_style){ seed & 1, seed }, &out);
		cr_expect_eq(utf8_valid(out.s, out.len), out.len, "seed %u", seed);
		snapshot_text(model, &out, (struct report_style){ seed & 1, seed });
		render(doc, "sarif", (struct report_style){ 0 }, &out);
		cr_expect_eq(utf8_valid(out.s, out.len), out.len, "seed %u", seed);
	}
	json_decref(doc);
	json_decref(model);
	text_finish(&out);
	fixture_destroy(f);
}

static json_t *parsed_schema(void)
{
	struct text path = { 0 };
	const char *root = getenv("SOURCE_ROOT");
	text_putf(&path, "%s/docs/results.schema.json", root ? root : ".");
	json_t *schema = json_load_file(path.s, 0, NULL);
	cr_assert(schema, "%s", path.s);
	text_finish(&path);
	return schema;
}

/* What a schema says of a value, behind $ref and "null or". */
static const json_t *resolve(const json_t *schema, const json_t *s)
{
	for (;;) {
		const char *ref = doc_get(s, "$ref");
		if (has_prefix(ref, "#/definitions/"))
			s = doc_object(doc_object(schema, "definitions"), ref + 14);
		else if (json_array_size(doc_array(s, "anyOf")) == 2)
			s = json_array_get(doc_array(s, "anyOf"), 1);
		else
			return s;
	}
}

static bool is_listed(const json_t *list, const char *key)
{
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v)
		if (!strcmp(json_string_value(v), key))
			return true;
	return false;
}

/*
 * Takes each member out, and puts a value of another type in: the reader refuses exactly what
 * the schema refuses.
 */
static void walk(struct walk *w, json_t *v, const json_t *s)
{
	s = resolve(w->schema, s);
	if (json_is_array(v)) {
		/* One of a kind is enough, and the last one is as good as any. */
		size_t n = json_array_size(v);
		if (n)
			walk(w, json_array_get(v, n - 1), doc_object(s, "items"));
		return;
	}
	if (!json_is_object(v))
		return;
	const json_t *members = doc_object(s, "properties"),
		     *required = doc_array(s, "required");
	json_t *keys = json_array(), *key;
	const char *k;
	json_t *member;
	json_object_foreach (v, k, member)
		json_array_append_new(keys, json_string(k));
	size_t i;
	json_array_foreach (keys, i, key) {
		const char *name = json_string_value(key);
		cr_expect(json_object_get(members, name), "\"%s\" is not in the schema", name);
		json_t *kept = json_incref(json_object_get(v, name));
		bool must = is_listed(required, name);
		json_object_del(v, name);
		cr_expect_eq(is_read(w), !must, "without \"%s\"", name);
		if (must) {
			json_object_set_new(v, name, json_real(1.5));
			cr_expect(!is_read(w), "\"%s\" of another type", name);
			w->required++;
		} else {
			w->optional++;
		}
		json_object_set_new(v, name, kept);
		walk(w, json_object_get(v, name), json_object_get(members, name));
	}
	size_t all = json_array_size(required);
	for (i = 0; i < all; i++)
		cr_expect(is_listed(keys, json_string_value(json_array_get(required, i))),
			  "the schema requires \"%s\", which is not written",
			  json_string_value(json_array_get(required, i)));
	json_decref(keys);
}

Test(report, reader_and_schema_agree)
{
	struct fixture *f = fixture_misaligned();
	/* The last of each list is looked at: let it be the one that has everything. */
	struct finding first = f->res.findings.v[0];
	first.excepted = f->res.findings.v[1].excepted;
	f->res.findings.v[f->res.findings.n - 1] = first;
	f->res.coverage.v[f->res.coverage.n - 1].why_at = first.rules[0].at;
	json_t *doc = results_json(&f->res);
	/* The first diagnostic by place has none; the one with related places goes last. */
	json_t *diags = json_object_get(doc, "diagnostics"), *d;
	size_t i;
	json_array_foreach (diags, i, d)
		if (json_array_size(json_object_get(d, "related"))) {
			json_array_append(diags, d);
			break;
		}
	json_t *schema = parsed_schema();
	struct walk w = { f, doc, schema, 0, 0 };
	cr_assert(is_read(&w));
	walk(&w, doc, schema);
	cr_expect_geq(w.required, 150, "%zu", w.required);
	json_decref(doc);
	json_decref(schema);
	fixture_destroy(f);
}

Test(report, documents_that_are_refused)
{
	static const struct {
		const char *text, *code;
		unsigned line;
	} rows[] = {
		{ "", "json.syntax", 0 },
		{ "{", "json.syntax", 0 },
		{ "[]", "results.json", 1 },
		{ "{}", "results.json", 1 },
		{ "{\n\"plumbline\": {\"version\": \"9\",\n\"schema\": 2}}", "results.version",
		  3 },
		{ "{\"plumbline\": {\"version\": \"1\", \"schema\": 1}}", "results.json", 1 },
		{ "{\"plumbline\": {\"version\": \"1\", \"schema\": 1}}\n{}", "results.json",
		  0 },
		{ "{\"plumbline\": {\"version\": \"1\", \"schema\": 1,\n \"schema\": 1}}",
		  "json.duplicate-key", 0 },
		{ "{\"plumbline\": {\"version\": \"1\", \"schema\": 1},\n\"command\": 7}",
		  "results.json", 2 },
		{ "{\"plumbline\": {\"version\": \"1\", \"schema\": 1},\n\"command\": \"rm\"}",
		  "results.json", 2 },
		{ "{\"plumbline\": {\"version\": \"1\", \"schema\": 1}, \"command\": "
		  "\"lint\",\n"
		  "\"estate\": null, \"policy\": null, \"as_of\": null,\n"
		  "\"findings\": [{\n\"id\": null}]}",
		  "results.json", 3 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct arena *a = arena_create();
		struct diags d;
		const struct source *src = NULL;
		diags_init(&d, a);
		cr_assert_eq(source_from_bytes(a, &d, "r.json", rows[i].text,
					       strlen(rows[i].text), &src),
			     0);
		cr_expect_null(results_read(&d, src), "row %zu", i);
		cr_expect(diags_has(&d, rows[i].code), "row %zu: %s", i,
			  d.n ? d.v[d.n - 1].code : "nothing");
		if (rows[i].line)
			cr_expect_eq(d.v[d.n - 1].loc.line, rows[i].line, "row %zu: line %u", i,
				     d.v[d.n - 1].loc.line);
		diags_finish(&d);
		arena_destroy(a);
	}
}

static void quote(struct text *out, const char *line, uint32_t col, uint32_t end,
		  unsigned width)
{
	struct place p = { .file = "f",
			   .line = 7,
			   .col = col,
			   .end_col = end,
			   .text = line,
			   .len = strlen(line),
			   .from = 1,
			   .from_utf16 = 1 };
	text_clear(out);
	quote_put(out, (struct report_style){ false, width }, 0, &p, INK_STRONG);
}

Test(report, quotes)
{
	struct text out = { 0 };
	quote(&out, "permit ip any", 8, 10, 80);
	cr_expect_str_eq(out.s, "  --> f:7:8\n   |\n 7 | permit ip any\n   |        ^^\n");
	/* A tab takes one column, an umlaut one, a wide character two, a mark none. */
	quote(&out,
	      "\t\xc3\xa4\xe6\x97\xa5"
	      "a\xcc\x81 x",
	      11, 12, 80);
	cr_expect_str_eq(out.s, "  --> f:7:11\n   |\n 7 |  \xc3\xa4\xe6\x97\xa5"
				"a\xcc\x81 x\n"
				"   |       ^\n");
	/* Behind the last byte, and a range that is none. */
	quote(&out, "abc", 4, 0, 80);
	cr_expect_str_eq(out.s, "  --> f:7:4\n   |\n 7 | abc\n   |    ^\n");
	quote(&out, "abc", 2, 1, 80);
	cr_expect_str_eq(out.s, "  --> f:7:2\n   |\n 7 | abc\n   |  ^\n");
	quote(&out, "abc", 900, 1000, 80);
	cr_expect_str_eq(out.s, "  --> f:7:900\n   |\n 7 | abc\n   |    ^\n");
	quote(&out, "", 1, 0, 80);
	cr_expect_str_eq(out.s, "  --> f:7:1\n   |\n 7 |\n   | ^\n");
	quote(&out, "abc", 0, 0, 80);
	cr_expect_str_eq(out.s, "  --> f:7\n   |\n 7 | abc\n");
	text_finish(&out);
}

/* However long the line and wherever the mark, no row is wider than the page. */
Test(report, long_lines_are_folded_or_cut)
{
	char line[PLACE_TEXT_MAX + 1];
	struct text out = { 0 };
	for (size_t len = 1; len <= PLACE_TEXT_MAX; len += 7) {
		memset(line, 'a', len);
		line[len] = 0;
		for (size_t i = 11; i < len; i += 23)
			line[i] = ' ';
		for (uint32_t col = 1; col <= len; col += 13) {
			line[col - 1] = '!';
			quote(&out, line, col, col + 1, 60);
			const char *mark = strchr(out.s, '^'), *row = out.s;
			cr_assert(mark, "len %zu col %u", len, col);
			/* The mark stands right below the "!". */
			const char *start = mark;
			while (start[-1] != '\n')
				start--;
			const char *above = start - 1;
			while (above[-1] != '\n')
				above--;
			cr_assert_eq(above[mark - start], '!', "len %zu col %u:\n%s", len, col,
				     out.s);
			for (; *row; row = strchr(row, '\n') + 1)
				cr_assert_leq(strcspn(row, "\n"), 60, "len %zu col %u", len,
					      col);
			line[col - 1] = 'a';
		}
	}
	text_finish(&out);
}

/* A bracket is quoted with what it opens, as far as there is room, in one line. */
Test(report, json_values_are_quoted_whole)
{
	static const struct {
		const char *text;
		uint32_t line, col;
		const char *want;
	} rows[] = {
		{ "[\n {\n  \"a\": [1,\t2],\n\r\n \"b\":\"x  y\\\"}\"\n }\n]", 2, 2,
		  "{\"a\": [1, 2], \"b\": \"x  y\\\"}\"}" },
		{ "{\"a\": {}}\n", 1, 7, NULL },
		{ "{\"a\":\n 1}\n", 1, 2, NULL },
		{ "{\n\"a\": [", 1, 1, NULL },
		{ "{\n\"a", 1, 1, NULL },
		{ "{\n", 1, 9, NULL },
	};
	struct fixture *f = fixture_aligned();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct source *src = NULL;
		source_from_bytes(f->arena, &f->diags, "x.json", rows[i].text,
				  strlen(rows[i].text), &src);
		json_t *j = place_json((struct loc){ src, rows[i].line, rows[i].col, 0, NULL });
		const char *got = doc_get_or_null(j, "excerpt");
		cr_expect(rows[i].want ? got && !strcmp(got, rows[i].want) : !got,
			  "row %zu: %s", i, got ? got : "none");
		json_decref(j);
	}
	/* Cut in the middle of anything. */
	struct text big = { 0 };
	for (size_t pad = 0; pad < 8; pad++) {
		const struct source *src = NULL;
		text_clear(&big);
		text_put(&big, "[\n\"");
		text_putf(&big, "%.*s", (int)pad, "12345678");
		for (int k = 0; k < 400; k++)
			text_put(&big, k % 3 ? "\xf0\x9f\x98\x80" : "\xc3\xa4");
		text_put(&big, "\"]");
		source_from_bytes(f->arena, &f->diags, "x.json", big.s, big.len, &src);
		json_t *j = place_json((struct loc){ src, 1, 1, 2, NULL });
		const char *got = doc_get(j, "excerpt");
		cr_expect(strlen(got) > 500 && strlen(got) < PLACE_EXCERPT_MAX + 10);
		cr_expect(has_suffix(got, "...") && !strstr(got, "\xef\xbf\xbd"), "%s", got);
		json_decref(j);
	}
	text_finish(&big);
	fixture_destroy(f);
}

/* One line of a megabyte: what is kept of it is small, and right. */
Test(report, a_line_of_a_megabyte_is_cut)
{
	struct fixture *f = fixture_aligned();
	struct text big = { 0 };
	for (int i = 0; i < 100000; i++)
		text_putf(&big, "{\"\xc3\xa4\": %5d},", i);
	const struct source *src = NULL;
	source_from_bytes(f->arena, &f->diags, "one-line.json", big.s, big.len, &src);
	for (uint32_t col = 1; col < big.len; col += 99991) {
		struct loc at = { .src = src, .line = 1, .col = col, .end_col = col + 12 };
		struct place p = place_of_loc(at);
		cr_assert_leq(p.len, PLACE_TEXT_MAX);
		cr_expect_eq(utf8_valid(p.text, p.len), p.len);
		cr_assert(p.from <= col && col < p.from + p.len, "col %u", col);
		cr_expect_eq(p.text[col - p.from], big.s[col - 1]);
		json_t *j = place_json(at);
		struct place q = place_of_json(j);
		cr_expect(q.len == p.len && q.from == p.from && q.left == p.left);
		json_decref(j);
	}
	text_finish(&big);
	fixture_destroy(f);
}

Test(report, columns_in_utf16)
{
	/* "a", U+00E4 (2 bytes, 1 unit), U+1F600 (4 bytes, 2 units), "b" */
	static const char line[] = "a\xc3\xa4\xf0\x9f\x98\x80"
				   "b";
	struct place p = { .text = line, .len = strlen(line), .from = 1, .from_utf16 = 1 };
	cr_expect_eq(place_utf16(&p, 1), 1);
	cr_expect_eq(place_utf16(&p, 2), 2);
	cr_expect_eq(place_utf16(&p, 4), 3);
	cr_expect_eq(place_utf16(&p, 8), 5);
	cr_expect_eq(place_utf16(&p, 9), 6);
}

Test(report, diagnostics)
{
	struct fixture *f = fixture_misaligned();
	struct text out = { 0 };
	report_diag(&f->diags.v[0], (struct report_style){ 0 }, &out);
	cr_expect(has_prefix(out.s, "edge firewall.cfg:6:1: warning: "), "%s", out.s);
	cr_expect(strstr(out.s, "[asa.unknown-command]\n"));
	cr_expect(strstr(out.s, "frobnicate \\x1b[2J"));
	cr_expect(strstr(out.s, "edge firewall.cfg:1:10: note: "));
	text_clear(&out);
	report_diag(&f->diags.v[1], (struct report_style){ true, 0 }, &out);
	cr_expect(strstr(out.s, "\033[1;31merror\033[0m: "), "%s", out.s);
	text_finish(&out);
	fixture_destroy(f);
}

Test(report, formats_are_found_by_name)
{
	for (size_t i = 0; report_formats[i]; i++) {
		cr_expect_eq(report_format_find(report_formats[i]->name), report_formats[i]);
		cr_expect_gt(strlen(report_formats[i]->summary), 5);
	}
	cr_expect_null(report_format_find("word"));
}

/* Many aligned pairs are told in few lines, and none of the others is lost among them. */
Test(report, coverage_of_many_pairs_is_compact)
{
	struct fixture *f = fixture_aligned();
	struct text out = { 0 }, row = { 0 };
	f->res.coverage.n = 0;
	for (int i = 0; i < 400; i++)
		*vec_add(&f->res.coverage) = (struct coverage){
			.from = arena_printf(f->arena, "from-%d", i / 40),
			.to = arena_printf(f->arena, "to-%d", i / 2 % 20),
			.plane = i % 2 ? "virtual" : "physical",
			.verdict = i % 50 ? COVER_ALIGNED : COVER_INCONCLUSIVE,
			.why = i == 399 ? "stands alone"
			       : i % 50 ? NULL
					: "no path",
		};
	json_t *doc = results_json(&f->res);
	render(doc, "text", (struct report_style){ 0 }, &out);
	size_t lines = 0, open = 0;
	for (const char *s = out.s; (s = strchr(s, '\n')); s++)
		lines++;
	for (const char *s = out.s; (s = strstr(s, "  inconclusive")); s++)
		open++;
	cr_expect_leq(lines, 90, "%zu lines", lines);
	cr_expect_eq(open, 1);
	cr_expect(strstr(out.s, "  inconclusive physical, no path:\n"
				"      from-0 -> to-0\n      from-1 -> to-5\n"
				"      from-2 -> to-10\n      from-3 -> to-15\n"
				"      from-5 -> to-0\n      from-6 -> to-5\n"
				"      from-7 -> to-10\n      from-8 -> to-15\n"));
	cr_expect(strstr(out.s, "200 zone pairs, 400 comparisons by plane"));
	/* What is special about an aligned one is told of it. */
	cr_expect(strstr(out.s, "  aligned virtual, stands alone:\n      from-9 -> to-19\n"));
	for (int i = 0; i < 10; i++) {
		text_clear(&row);
		text_putf(&row, "      from-%d -> to-%s, to-", i, i % 5 ? "0" : "1");
		cr_expect(strstr(out.s, row.s), "%s", row.s);
	}
	json_decref(doc);
	text_finish(&out);
	text_finish(&row);
	fixture_destroy(f);
}

/* GitHub refuses a run of more than 25,000 results: the rest is counted, in the log itself. */
Test(report, sarif_is_cut_at_the_limit)
{
	struct fixture *f = fixture_aligned();
	for (int i = 0; i < 25007; i++)
		*vec_add(&f->res.findings) = (struct finding){ .id = "F-1",
							       .check = "rule.dead",
							       .title = "A rule.",
							       .fingerprint = "00" };
	json_t *doc = results_json(&f->res);
	struct text out = { 0 };
	render(doc, "sarif", (struct report_style){ 0 }, &out);
	json_t *log = json_loadb(out.s, out.len, 0, NULL);
	const json_t *run = json_array_get(doc_array(log, "runs"), 0);
	cr_expect_eq(json_array_size(doc_array(run, "results")), 25000);
	cr_expect(strstr(out.s, "\"7 findings are left out here"));
	json_decref(log);
	json_decref(doc);
	text_finish(&out);
	fixture_destroy(f);
}
