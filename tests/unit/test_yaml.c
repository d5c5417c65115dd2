/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy_run.h"

#include <errno.h>

#include "policies/fields.h"

/* --- YAML --- */

Test(yaml, places_count_bytes_and_lines_of_every_kind)
{
	struct run r = begin();
	const struct node *root = tree(&r, "a: 1\r\n"
					   "\xc3\xa4\xe2\x82\xac: x\r"
					   "b: \"\xf0\x9f\x98\x80\" # c\n"
					   "c:\n"
					   "  - {d: e}\n");
	cr_assert(!r.err);
	cr_assert_eq(root->n, 4);
	cr_expect_str_eq(loc_print(r.arena, root->items[0]->at), "t.yaml:1:4");
	cr_expect_str_eq(loc_print(r.arena, root->items[1]->at), "t.yaml:2:8");
	cr_expect_str_eq(loc_print(r.arena, root->items[2]->at), "t.yaml:3:4");
	cr_expect_eq(root->items[2]->at.end_col, 10);
	cr_expect_str_eq(loc_print(r.arena, root->items[3]->items[0]->items[0]->at),
			 "t.yaml:5:9");
	cr_expect_str_eq(loc_print(r.arena, node_key_at(root, "c")), "t.yaml:4:1");
	end(&r);
}

Test(yaml, next_line_characters_keep_the_places_right)
{
	/* U+0085 and U+2028 are line ends to libyaml, but not to editors. */
	struct run r = begin();
	const struct node *root = tree(&r, "a: \"x\xc2\x85y\xe2\x80\xa8z\"\nb: c\n");
	cr_assert_eq(root->n, 2);
	cr_expect_str_eq(loc_print(r.arena, root->items[1]->at), "t.yaml:2:4");
	end(&r);
}

static struct run parse_big(char *text)
{
	struct run r = begin();
	tree(&r, text);
	free(text);
	return r;
}

static char *repeat(const char *s, size_t n)
{
	struct text t = { 0 };
	for (size_t i = 0; i < n; i++)
		text_put(&t, s);
	return t.s;
}

Test(yaml, a_million_brackets_end_at_once)
{
	double start = seconds();
	struct run r = parse_big(repeat("[", 1000000));
	cr_expect(diags_has(&r.d, "yaml.too-deep"));
	cr_expect_lt(seconds() - start, 2);
	end(&r);
	start = seconds();
	r = parse_big(repeat("- ", 1000000));
	cr_expect(diags_has(&r.d, "yaml.too-deep"));
	cr_expect_lt(seconds() - start, 2);
	end(&r);
}

Test(yaml, a_million_values_are_too_many)
{
	double start = seconds();
	struct run r = parse_big(repeat("- a\n", YAML_MAX_EVENTS));
	cr_expect_eq(r.err, -E2BIG);
	cr_expect(diags_has(&r.d, "yaml.too-many"));
	cr_expect_lt(seconds() - start, 20);
	end(&r);
}

Test(yaml, one_long_line_costs_no_more_than_many)
{
	struct text t = { 0 };
	text_put(&t, "[");
	for (size_t i = 0; i < 200000; i++)
		text_put(&t, "\xc3\xa4, ");
	text_put(&t, "]");
	double start = seconds();
	struct run r = parse_big(t.s);
	cr_expect(!r.err);
	cr_expect_lt(seconds() - start, 10);
	end(&r);
}

Test(yaml, many_keys_are_checked_for_repeats_in_time)
{
	struct text t = { 0 };
	for (size_t i = 0; i < 200000; i++)
		text_putf(&t, "k%zu: v\n", i);
	text_put(&t, "k7: v\n");
	double start = seconds();
	struct run r = parse_big(t.s);
	cr_expect_eq(diags_count(&r.d, "yaml.duplicate-key"), 1);
	cr_expect_str_eq(place(&r, "yaml.duplicate-key"), "t.yaml:200001:1");
	cr_expect_str_eq(loc_print(r.arena, diag_of(&r, "yaml.duplicate-key")->related[0]),
			 "t.yaml:8:1");
	cr_expect_lt(seconds() - start, 20);
	end(&r);
}

Test(yaml, more_than_64_mib_is_refused_before_it_is_parsed)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	size_t size = YAML_MAX_BYTES + 1;
	char *big = malloc(size);
	memset(big, '#', size);
	const struct source src = { .name = "t.yaml", .data = big, .size = size };
	const struct node *root;
	cr_expect_eq(yaml_parse(r.arena, &r.d, &src, &root), -EFBIG);
	cr_expect(diags_has(&r.d, "yaml.too-large"));
	free(big);
	end(&r);
}

Test(yaml, what_other_readers_take_for_something_else)
{
	static const struct {
		const char *text;
		bool is_text;
	} rows[] = {
		{ "022", false },	 { "0o22", false },	{ "0x1f", false },
		{ "1e3", false },	 { "12:30:45", false }, { "1_000", false },
		{ "+1", false },	 { "-.5", false },	{ ".inf", false },
		{ "-.INF", false },	 { ".nan", false },	{ "0b101", false },
		{ "1.", false },	 { "no", false },	{ "Off", false },
		{ "Y", true },		 { "TRUE", false },	{ "~", false },
		{ "Null", false },	 { "null", false },	{ "1.2.3", true },
		{ "10.0.0.0/8", true },	 { "10.0.0.1", true },	{ "2026-12-31", true },
		{ "nope", true },	 { "0xyz", true },	{ "-a", true },
		{ "1-2", true },	 { "::1", true },	{ "1:2:3:4:5:6:7:8", false },
		{ "2001:db8::1", true }, { "e3", true },	{ ".5a", true },
		{ "\"022\"", true },	 { "'no'", true },	{ "\"~\"", true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct run r = begin();
		const struct node *root = tree(&r, rows[i].text);
		cr_assert(root && root->kind == NODE_SCALAR, "%s", rows[i].text);
		cr_expect(!node_not_text(root) == rows[i].is_text, "%s", rows[i].text);
		end(&r);
	}
}

/* --- values --- */

Test(fields, timestamps)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: refused */
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-20T08:00:00Z", 1795161600 },
		{ "2026-11-20T09:00:00+01:00", 1795161600 },
		{ "2026-11-20T02:30:00-05:30", 1795161600 },
		{ "2026-11-20t08:00:00.999z", 1795161600 },
		{ "2026-11-20T08:00:00", -1 },
		{ "2026-11-20 08:00:00Z", -1 },
		{ "2026-11-20T24:00:00Z", -1 },
		{ "2026-11-20T08:60:00Z", -1 },
		{ "2026-11-20T08:00:61Z", -1 },
		{ "2026-11-20T08:00:00.Z", -1 },
		{ "2026-11-20T08:00:00+1:00", -1 },
		{ "2026-11-20T08:00:00+24:00", -1 },
		{ "2026-11-20T08:00:00ZZ", -1 },
		{ "2026-13-20T08:00:00Z", -1 },
		{ "2026-11-20T8:00:00Z0", -1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t got = -1;
		bool good = parse_timestamp(rows[i].text, strlen(rows[i].text), &got);
		cr_expect(good == (rows[i].seconds >= 0) && got == rows[i].seconds, "%s: %lld",
			  rows[i].text, (long long)got);
	}
}

Test(fields, durations)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} rows[] = {
		{ "7d", 604800 },
		{ "24h", 86400 },
		{ "36600d", 3162240000 },
		{ "36601d", -1 },
		{ "0d", -1 },
		{ "d", -1 },
		{ "7", -1 },
		{ "07d", -1 },
		{ "-1d", -1 },
		{ "1w", -1 },
		{ "99999999999999999999d", -1 },
		{ "", -1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t got = -1;
		parse_duration(rows[i].text, strlen(rows[i].text), &got);
		cr_expect_eq(got, rows[i].seconds, "%s", rows[i].text);
	}
}

Test(checks, globs)
{
	cr_expect(check_matches("intent.exposed", "intent.exposed"));
	cr_expect(!check_matches("intent.expose", "intent.exposed"));
	cr_expect(!check_matches("intent.exposed2", "intent.exposed"));
	cr_expect(check_matches("intent.*", "intent.exposed"));
	cr_expect(check_matches("*", "rule.dead"));
	cr_expect(check_matches("*permits-more", "drift.physical-permits-more"));
	cr_expect(check_matches("d*p*more", "drift.physical-permits-more"));
	cr_expect(!check_matches("d*p*less", "drift.physical-permits-more"));
	cr_expect(check_matches("rule.dead*", "rule.dead"));
	cr_expect(!check_matches("", "rule.dead"));
}
