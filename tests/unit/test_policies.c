/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "policies/fields.h"
#include "policies/keys.h"
#include "policies/policies.h"
#include "policies/yaml.h"

/* One run of a reader, with all that it needs. */
struct run {
	struct arena *arena;
	struct diags d;
	struct matches m;
	const struct policy *policy;
	const struct estate *estate;
	int err;
};

static struct run begin(void)
{
	struct run r = { .arena = arena_create() };
	diags_init(&r.d, r.arena);
	return r;
}

static void end(struct run *r)
{
	matches_finish(&r->m);
	diags_finish(&r->d);
	arena_destroy(r->arena);
}

static const struct source *bytes(struct run *r, const char *name, const char *s)
{
	const struct source *src = NULL;
	cr_assert(!source_from_bytes(r->arena, &r->d, name, s, strlen(s), &src));
	return src;
}

static struct run policy(const char *text)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	const struct source *src = bytes(&r, "policy.yaml", text);
	r.err = policy_read(&r.m, &r.d, &src, 1, &r.policy);
	return r;
}

static struct run estate(const char *policy_text, const char *text)
{
	struct run r = policy(policy_text);
	cr_assert(!r.err);
	const struct source *src = bytes(&r, "estate.yaml", text);
	r.err = estate_parse(&r.m, &r.d, src, r.policy, NULL, &r.estate);
	return r;
}

static const struct diag *diag_of(const struct run *r, const char *code)
{
	for (size_t i = 0; i < r->d.n; i++)
		if (!strcmp(r->d.v[i].code, code))
			return &r->d.v[i];
	cr_assert_fail("no diagnostic %s", code);
	return NULL;
}

static const char *place(const struct run *r, const char *code)
{
	return loc_print(r->arena, diag_of(r, code)->loc);
}

static const char *root_path(struct run *r, const char *path)
{
	const char *root = getenv("SOURCE_ROOT");
	return arena_printf(r->arena, "%s/%s", root ? root : ".", path);
}

#define HEAD "version: 1\nname: test\n"
#define ZONES                                                                                  \
	"zones:\n"                                                                             \
	"  - {name: web, tenant: blue, prefixes: [10.1.0.0/24, \"2001:db8:1::/64\"]}\n"        \
	"  - {name: db, tenant: blue, prefixes: 10.2.0.0/24}\n"                                \
	"  - {name: app, tenant: green, prefixes: 10.3.0.0/24}\n"                              \
	"  - {name: internet, external: true}\n"
#define TENANTS "tenants: [{name: blue}, {name: green}, {name: all, shared: true}]\n"
#define BASE	HEAD TENANTS ZONES

/* --- fixtures: every bad one says what it expects, every good one is read --- */

static const char *expected(struct run *r, const struct source *src, const char *what)
{
	char word[64];
	snprintf(word, sizeof(word), "# %s: ", what);
	for (uint32_t i = 1; i <= src->n_lines; i++) {
		size_t len;
		const char *line = source_line(src, i, &len);
		if (len > strlen(word) && !strncmp(line, word, strlen(word)))
			return arena_strn(r->arena, line + strlen(word), len - strlen(word));
	}
	cr_assert_fail("%s doesn't say '%s'", src->name, word);
	return NULL;
}

static void read_fixture(struct run *r, const char *path, bool is_estate)
{
	if (is_estate) {
		r->err = estate_read(&r->m, &r->d, path, &r->estate);
		return;
	}
	const struct source *src;
	cr_assert(!source_open(r->arena, &r->d, path, "policy.yaml", &src));
	r->err = policy_read(&r->m, &r->d, &src, 1, &r->policy);
}

static bool names_code(const char *list, const char *code)
{
	size_t len = strlen(code);
	for (const char *at = list; (at = strstr(at, code)); at += len)
		if ((at == list || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

static void check_bad(const char *path, bool is_estate)
{
	struct run r = begin();
	const struct source *src;
	matches_init(&r.m, r.arena);
	cr_assert(!source_open(r.arena, &r.d, path, path, &src));
	const char *want = expected(&r, src, "expect");
	read_fixture(&r, path, is_estate);
	cr_expect(r.err < 0, "%s was read", path);
	cr_expect(!r.policy && !r.estate, "%s was given out", path);
	size_t words = 1;
	for (const char *c = want; *c; c++)
		words += *c == ' ';
	for (size_t i = 0; i < r.d.n; i++) {
		const struct diag *x = &r.d.v[i];
		if (x->severity != DIAG_ERROR)
			continue;
		cr_expect(names_code(want, x->code), "%s: unexpected %s: %s", path, x->code,
			  x->text);
		cr_expect(x->loc.src, "%s: %s has no place", path, x->code);
		bool whole_file = !strcmp(x->code, "yaml.empty") ||
				  !strcmp(x->code, "policy.nothing-to-judge") ||
				  !strncmp(x->code, "source.", 7);
		cr_expect(whole_file || (x->loc.line && x->loc.col), "%s: %s has no line", path,
			  x->code);
	}
	for (size_t i = 0; i < r.d.n_counts; i++)
		words -= names_code(want, r.d.counts[i].code);
	cr_expect(!words, "%s: expected all of: %s", path, want);
	end(&r);
}

static void check_good(const char *path, bool is_estate)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	read_fixture(&r, path, is_estate);
	cr_expect(!r.err, "%s: %s", path, r.d.n ? r.d.v[0].text : "");
	end(&r);
}

static void check_fixtures(const char *folder, bool is_estate, size_t at_least)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	const char *path = root_path(&r, folder);
	DIR *dir = opendir(path);
	size_t bad = 0, good = 0;
	struct dirent *ent;
	cr_assert(dir, "%s", path);
	while ((ent = readdir(dir))) {
		const char *file = arena_printf(r.arena, "%s/%s", path, ent->d_name);
		if (has_suffix(ent->d_name, ".bad.yaml")) {
			size_t stem = strlen(file) - strlen(".bad.yaml");
			const char *twin =
				arena_printf(r.arena, "%.*s.good.yaml", (int)stem, file);
			cr_expect(!access(twin, R_OK), "%s has no valid twin", file);
			check_bad(file, is_estate);
			bad++;
		} else if (has_suffix(ent->d_name, ".good.yaml")) {
			check_good(file, is_estate);
			good++;
		}
	}
	closedir(dir);
	cr_assert(bad == good && bad >= at_least, "%zu and %zu in %s", bad, good, path);
	end(&r);
}

Test(fixtures, policy)
{
	check_fixtures("tests/cases/policy/policy", false, 100);
}

Test(fixtures, estate)
{
	check_fixtures("tests/cases/policy/estate", true, 40);
}

/* --- the schemas name the keys that the readers know, and no others --- */

static json_t *load_schema(struct run *r, const char *path)
{
	json_error_t error;
	json_t *schema = json_load_file(root_path(r, path), JSON_REJECT_DUPLICATES, &error);
	cr_assert(schema, "%s: %s", path, error.text);
	return schema;
}

static json_t *definition(json_t *schema, const char *name, const char *root)
{
	if (!strcmp(name, root))
		return schema;
	return json_object_get(json_object_get(schema, "definitions"), name);
}

static bool array_has(const json_t *array, const char *word)
{
	size_t i;
	json_t *item;
	json_array_foreach (array, i, item)
		if (!strcmp(json_string_value(item), word))
			return true;
	return false;
}

static void check_shape_keys(json_t *def, const struct shape *shape)
{
	const char *name;
	json_t *value, *properties = json_object_get(def, "properties"),
		       *required = json_object_get(def, "required");
	size_t n = 0, needed = 0;
	cr_assert(properties, "no definition %s", shape->name);
	for (const struct key *key = shape->keys; key->name; key++, n++) {
		cr_expect(json_object_get(properties, key->name), "the schema's %s lacks %s",
			  shape->name, key->name);
		cr_expect(array_has(required, key->name) == key->needed,
			  "reader and schema differ in whether a %s needs %s", shape->name,
			  key->name);
		needed += key->needed;
	}
	json_object_foreach (properties, name, value) {
		bool known = false;
		for (const struct key *key = shape->keys; key->name; key++)
			known |= !strcmp(key->name, name);
		cr_expect(known, "the reader doesn't know %s of a %s", name, shape->name);
	}
	cr_expect(json_array_size(required) == needed, "%s", shape->name);
	cr_expect(json_is_false(json_object_get(def, "additionalProperties")), "%s",
		  shape->name);
}

static void check_schema(const char *path, const struct shape *const *shapes, const char *root)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	json_t *schema = load_schema(&r, path), *def;
	const char *name;
	for (size_t i = 0; shapes[i]; i++)
		check_shape_keys(definition(schema, shapes[i]->name, root), shapes[i]);
	json_object_foreach (json_object_get(schema, "definitions"), name, def) {
		bool known = !json_object_get(def, "properties");
		for (size_t i = 0; shapes[i]; i++)
			known |= !strcmp(shapes[i]->name, name);
		cr_expect(known, "the reader has no shape %s", name);
	}
	json_decref(schema);
	end(&r);
}

Test(schema, policy_keys)
{
	check_schema("docs/policy.schema.json", policy_shapes, "policy");
}

Test(schema, estate_keys)
{
	check_schema("docs/estate.schema.json", estate_shapes, "estate");
}

/* The enum of a property, or of the items of its list form. */
static const json_t *find_enum(const json_t *value)
{
	const json_t *found = json_object_get(value, "enum");
	if (found || json_is_string(value))
		return found;
	const char *key;
	size_t i;
	json_t *item;
	if (json_is_array(value)) {
		json_array_foreach (value, i, item)
			if ((found = find_enum(item)))
				return found;
	} else {
		json_object_foreach ((json_t *)value, key, item)
			if ((found = find_enum(item)))
				return found;
	}
	return NULL;
}

static void check_words(json_t *schema, const char *shape, const char *key,
			const char *const *words)
{
	json_t *def = json_object_get(json_object_get(schema, "definitions"), shape);
	if (key)
		def = json_object_get(json_object_get(def, "properties"), key);
	const json_t *list = find_enum(def);
	size_t n = 0;
	cr_assert(list, "%s.%s has no enum", shape, key ? key : "");
	for (; words[n]; n++)
		cr_expect(array_has(list, words[n]), "%s.%s lacks %s", shape, key ? key : "",
			  words[n]);
	cr_expect(json_array_size(list) == n, "%s.%s", shape, key ? key : "");
}

Test(schema, words)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	json_t *schema = load_schema(&r, "docs/policy.schema.json");
	check_words(schema, "flow", "action", action_words);
	check_words(schema, "alignment", "relation", relation_words);
	check_words(schema, "alignment", "planes", plane_words);
	check_words(schema, "exception", "plane", plane_words);
	check_words(schema, "scope", "families", family_words);
	check_words(schema, "responsible", NULL, responsible_words);
	const char *protocols[257] = { NULL };
	for (unsigned i = 0, n = 0; i < 256; i++)
		if (proto_name(i))
			protocols[n++] = proto_name(i);
	check_words(schema, "protocol", NULL, protocols);
	json_decref(schema);
	schema = load_schema(&r, "docs/estate.schema.json");
	check_words(schema, "source", "plane", plane_words);
	check_words(schema, "responsible", NULL, responsible_words);
	json_decref(schema);
	end(&r);
}

Test(schema, words_are_in_the_order_of_their_enums)
{
	cr_expect(!strcmp(responsible_words[RESPONSIBLE_CSP - 1], "csp"));
	cr_expect(!strcmp(responsible_words[RESPONSIBLE_CSC - 1], "csc"));
	cr_expect(!strcmp(responsible_words[RESPONSIBLE_SHARED - 1], "shared"));
	cr_expect(!strcmp(plane_words[PLANE_PHYSICAL], "physical"));
	cr_expect(!strcmp(plane_words[PLANE_VIRTUAL], "virtual"));
	cr_expect(!strcmp(action_words[FLOW_ALLOW], "allow"));
	cr_expect(!strcmp(action_words[FLOW_REQUIRE], "require"));
	cr_expect(!strcmp(action_words[FLOW_DENY], "deny"));
	cr_expect(!strcmp(family_words[FAMILY_V4], "ipv4"));
	cr_expect(!strcmp(family_words[FAMILY_V6], "ipv6"));
	for (int i = 0; relation_words[i]; i++)
		cr_expect(!strcmp(relation_words[i], alignment_name(i)));
	for (int i = RESPONSIBLE_CSP; i <= RESPONSIBLE_SHARED; i++)
		cr_expect(!strcmp(responsible_words[i - 1], responsibility_name(i)));
	cr_expect(!responsibility_name(RESPONSIBLE_UNSAID));
}

/* --- every code in the readers is in the documents, and the other way round --- */

static void collect_codes(struct run *r, const char *path, struct map *codes)
{
	const struct source *src;
	cr_assert(!source_open(r->arena, &r->d, root_path(r, path), path, &src));
	static const char *const areas[] = { "yaml.", "policy.", "estate." };
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz-0123456789";
	for (size_t i = 0; i < 3; i++)
		for (const char *at = src->data; (at = strstr(at, areas[i])); at++) {
			bool open = at > src->data && (at[-1] == '"' || at[-1] == '`');
			size_t area = strlen(areas[i]), len = area + strspn(at + area, letters);
			bool word = len > area && (at[len] == '"' || at[len] == '`');
			if (open && word && strncmp(at + area, "yaml", len - area))
				*map_atn(codes, at, len) = (void *)path;
		}
}

Test(documents, list_every_code)
{
	struct run r = begin();
	struct map known = { 0 }, told = { 0 };
	matches_init(&r.m, r.arena);
	const char *folder = root_path(&r, "policies");
	DIR *dir = opendir(folder);
	struct dirent *ent;
	cr_assert(dir);
	while ((ent = readdir(dir)))
		if (has_suffix(ent->d_name, ".c"))
			collect_codes(&r, arena_printf(r.arena, "policies/%s", ent->d_name),
				      &known);
	closedir(dir);
	collect_codes(&r, "docs/policy.md", &told);
	collect_codes(&r, "docs/estate.md", &told);
	cr_assert(known.n > 60);
	for (size_t i = 0; i < known.n; i++)
		cr_expect(map_get(&told, known.entries[i].key), "no document lists %s",
			  known.entries[i].key);
	for (size_t i = 0; i < told.n; i++)
		cr_expect(map_get(&known, told.entries[i].key), "%s is listed, but never given",
			  told.entries[i].key);
	map_finish(&known);
	map_finish(&told);
	end(&r);
}

/* The first fenced YAML of a document that is a whole file. */
static const char *example(struct run *r, const char *path)
{
	const struct source *src;
	static const char fence[] = "```yaml\nversion: 1\n";
	cr_assert(!source_open(r->arena, &r->d, root_path(r, path), path, &src));
	const char *from = strstr(src->data, fence),
		   *to = from ? strstr(from + 3, "\n```") : NULL;
	cr_assert(to, "%s has no example", path);
	from += strlen("```yaml\n");
	return arena_strn(r->arena, from, (size_t)(to + 1 - from));
}

Test(documents, examples_are_read_without_a_word)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	const struct source *src = bytes(&r, "policy.yaml", example(&r, "docs/policy.md"));
	cr_assert(!policy_read(&r.m, &r.d, &src, 1, &r.policy), "%s", r.d.v[0].text);
	src = bytes(&r, "estate.yaml", example(&r, "docs/estate.md"));
	cr_expect(!estate_parse(&r.m, &r.d, src, r.policy, NULL, &r.estate));
	for (size_t i = 0; i < r.d.n; i++)
		cr_expect(false, "%s", r.d.v[i].text);
	end(&r);
}

/* --- YAML --- */

static const struct node *tree(struct run *r, const char *text)
{
	const struct node *root = NULL;
	matches_init(&r->m, r->arena);
	r->err = yaml_parse(r->arena, &r->d, bytes(r, "t.yaml", text), &root);
	return root;
}

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

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
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

/* --- what a policy means --- */

static bool zone_has(const struct policy *p, const char *zone, const char *address)
{
	enum family f;
	struct addr a;
	cr_assert(addr_parse(address, strlen(address), &f, &a));
	const struct zone *z = policy_zone(p, zone);
	cr_assert(z, "%s", zone);
	for (size_t i = 0; i < z->n_spans[f]; i++)
		if (span_has(z->spans[f][i], a))
			return true;
	return false;
}

Test(policy, external_is_what_no_zone_claims)
{
	struct run r = policy(BASE);
	cr_assert(!r.err);
	cr_expect(zone_has(r.policy, "internet", "10.0.255.255"));
	cr_expect(!zone_has(r.policy, "internet", "10.1.0.0"));
	cr_expect(!zone_has(r.policy, "internet", "10.1.0.255"));
	cr_expect(zone_has(r.policy, "internet", "10.1.1.0"));
	cr_expect(zone_has(r.policy, "internet", "0.0.0.0"));
	cr_expect(zone_has(r.policy, "internet", "255.255.255.255"));
	cr_expect(zone_has(r.policy, "internet", "::"));
	cr_expect(!zone_has(r.policy, "internet", "2001:db8:1::ffff"));
	cr_expect(zone_has(r.policy, "internet", "2001:db8:1:1::"));
	cr_expect(zone_has(r.policy, "internet", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	end(&r);
}

Test(policy, excluded_addresses_are_external_unless_another_zone_has_them)
{
	struct run r = policy(HEAD "zones:\n"
				   "  - {name: a, prefixes: 10.0.0.0/8, exclude: [10.1.0.0/16, "
				   "10.2.0.0/16]}\n"
				   "  - {name: b, prefixes: 10.1.0.0/16}\n"
				   "  - {name: internet, external: true}\n");
	cr_assert(!r.err);
	cr_expect(zone_has(r.policy, "a", "10.0.0.1"));
	cr_expect(!zone_has(r.policy, "a", "10.1.0.1"));
	cr_expect(!zone_has(r.policy, "a", "10.2.0.1"));
	cr_expect(zone_has(r.policy, "internet", "10.2.0.1"));
	cr_expect(!zone_has(r.policy, "internet", "10.1.0.1"));
	end(&r);
}

Test(policy, segments_may_reuse_addresses_and_external_has_none_of_them)
{
	struct run r = policy(HEAD "zones:\n"
				   "  - {name: a, prefixes: 10.0.0.0/8, segment: vrf-a}\n"
				   "  - {name: b, prefixes: 10.0.0.0/9, segment: vrf-b}\n"
				   "  - {name: c, prefixes: 10.0.0.0/10}\n"
				   "  - {name: internet, external: true}\n");
	cr_assert(!r.err);
	cr_expect_str_eq(policy_zone(r.policy, "b")->segment, "vrf-b");
	cr_expect(!zone_has(r.policy, "internet", "10.255.255.255"));
	cr_expect(zone_has(r.policy, "internet", "11.0.0.0"));
	end(&r);
}

static bool lists(const struct zone *const *v, size_t n, const char *const *names)
{
	for (size_t i = 0; i < n; i++)
		if (!names[i] || strcmp(v[i]->name, names[i]))
			return false;
	return !names[n];
}

#define LISTS(v, n, ...) lists(v, n, (const char *const[]){ __VA_ARGS__, NULL })

Test(policy, from_and_to_take_zones_tenants_and_any)
{
	struct run r =
		policy(BASE "flows:\n"
			    "  - {id: a, from: blue, to: any, service: any, action: allow}\n"
			    "  - {id: b, from: [app, blue, web], to: internet, service: any, "
			    "action: allow}\n");
	cr_assert(!r.err);
	const struct flow *a = &r.policy->flows[0], *b = &r.policy->flows[1];
	cr_expect(LISTS(a->from, a->n_from, "web", "db"));
	cr_expect(LISTS(a->to, a->n_to, "web", "db", "app", "internet"));
	cr_expect(LISTS(b->from, b->n_from, "app", "web", "db"));
	cr_expect(LISTS(b->to, b->n_to, "internet"));
	end(&r);
}

static bool passes(const struct match *m, const char *line)
{
	struct arena *a = arena_create();
	struct packet p;
	const char *why;
	cr_assert(packet_parse(a, line, strlen(line), &p, &why), "%s: %s", line, why);
	enum truth t = match_judge(m, &p);
	arena_destroy(a);
	cr_assert(t != TRUTH_UNKNOWN);
	return t == TRUTH_TRUE;
}

Test(policy, services)
{
	struct run r = policy(
		BASE "services:\n"
		     "  web: [tcp/80, tcp/443]\n"
		     "  odd: {proto: tcp, port: [\"1000-2000\", 22], source_port: 1024-65535}\n"
		     "  ping: [icmp/8, {proto: icmpv6, type: 128, code: 0}]\n"
		     "  tunnel: {proto: 47}\n"
		     "flows:\n"
		     "  - {id: f, from: web, to: db, service: [web, udp/53, esp], "
		     "action: allow}\n");
	cr_assert(!r.err);
	const struct service *s = r.policy->services;
	cr_assert_eq(r.policy->n_services, 4);
	cr_expect(passes(s[0].match, "tcp 10.0.0.1 1 10.0.0.2 80"));
	cr_expect(passes(s[0].match, "tcp 2001:db8::1 1 2001:db8::2 443"));
	cr_expect(!passes(s[0].match, "tcp 10.0.0.1 1 10.0.0.2 81"));
	cr_expect(!passes(s[0].match, "udp 10.0.0.1 1 10.0.0.2 80"));
	cr_expect(passes(s[1].match, "tcp 10.0.0.1 1024 10.0.0.2 22"));
	cr_expect(!passes(s[1].match, "tcp 10.0.0.1 1023 10.0.0.2 22"));
	cr_expect(passes(s[1].match, "tcp 10.0.0.1 1024 10.0.0.2 2000"));
	cr_expect(!passes(s[1].match, "tcp 10.0.0.1 1024 10.0.0.2 2001"));
	cr_expect(passes(s[2].match, "icmp 10.0.0.1 8 10.0.0.2 5"));
	cr_expect(!passes(s[2].match, "icmp 10.0.0.1 0 10.0.0.2 0"));
	cr_expect(passes(s[2].match, "icmpv6 2001:db8::1 128 2001:db8::2 0"));
	cr_expect(!passes(s[2].match, "icmpv6 2001:db8::1 128 2001:db8::2 1"));
	cr_expect(passes(s[3].match, "ip:47 10.0.0.1 0 10.0.0.2 0"));
	const struct flow *f = r.policy->flows;
	cr_expect_str_eq(f->service_text, "web, udp/53, esp");
	cr_expect(passes(f->service, "tcp 10.0.0.1 1 10.0.0.2 443"));
	cr_expect(passes(f->service, "udp 10.0.0.1 1 10.0.0.2 53"));
	cr_expect(passes(f->service, "ip:50 10.0.0.1 0 10.0.0.2 0"));
	cr_expect(!passes(f->service, "ip:51 10.0.0.1 0 10.0.0.2 0"));
	cr_expect(!f->service->inexact);
	end(&r);
}

Test(policy, icmp_is_asked_of_its_own_family)
{
	struct run r = policy(BASE "services: {v4: {proto: icmp}, v6: {proto: icmpv6}}\n");
	cr_assert(!r.err);
	cr_expect(passes(r.policy->services[0].match, "icmp 10.0.0.1 8 10.0.0.2 0"));
	cr_expect(!passes(r.policy->services[0].match, "ip6:1 2001:db8::1 0 2001:db8::2 0"));
	cr_expect(passes(r.policy->services[1].match, "icmpv6 2001:db8::1 1 2001:db8::2 0"));
	cr_expect(!passes(r.policy->services[1].match, "ip:58 10.0.0.1 0 10.0.0.2 0"));
	end(&r);
}

Test(policy, files_add_up)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	const struct source *v[] = {
		bytes(&r, "flows.yaml",
		      HEAD "revision: \"7\"\nflows: [{id: f, from: web, to: db, service: s, "
			   "action: require, controls: c}]\n"),
		bytes(&r, "zones.yaml", "version: 1\nname: zones\nowner: me\n" TENANTS ZONES),
		bytes(&r, "more.yaml",
		      HEAD "services: {s: tcp/1}\ncontrols: [{id: c, framework: f, title: t, "
			   "responsible: csc, checks: [rule.*]}]\n"),
	};
	cr_assert(!policy_read(&r.m, &r.d, v, 3, &r.policy));
	cr_expect_str_eq(r.policy->name, "test");
	cr_expect_str_eq(r.policy->version, "7");
	cr_expect_str_eq(r.policy->owner, "me");
	cr_expect_eq(r.policy->n_zones, 4);
	cr_expect_eq(r.policy->flows[0].action, FLOW_REQUIRE);
	cr_expect_eq(r.policy->controls[0].responsible, RESPONSIBLE_CSC);
	end(&r);
}

Test(policy, names_are_defined_once_over_all_files)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	const struct source *v[] = {
		bytes(&r, "a.yaml", BASE "services: {s: tcp/1}\nscope: {families: ipv4}\n"),
		bytes(&r, "b.yaml", HEAD "services: {s: tcp/1}\nscope: {families: ipv4}\n"),
	};
	cr_expect(policy_read(&r.m, &r.d, v, 2, &r.policy) < 0);
	cr_expect_str_eq(place(&r, "yaml.duplicate-name"), "b.yaml:3:12");
	const struct diag *x = diag_of(&r, "yaml.duplicate-name");
	cr_expect_str_eq(loc_print(r.arena, x->related[0]), "a.yaml:9:12");
	cr_expect(diags_has(&r.d, "policy.duplicate-scope"));
	end(&r);
}

Test(policy, undefined_names_point_to_the_similar_one)
{
	struct run r = policy(BASE "flows: [{id: f, from: intrenet, to: DB, service: any, "
				   "action: allow}]\n");
	cr_assert(r.err < 0);
	cr_assert_eq(diags_count(&r.d, "policy.undefined-zone"), 2);
	for (size_t i = 0, k = 0; i < r.d.n; i++) {
		if (strcmp(r.d.v[i].code, "policy.undefined-zone"))
			continue;
		cr_assert_eq(r.d.v[i].n_related, 1);
		cr_expect_str_eq(loc_print(r.arena, r.d.v[i].related[0]),
				 k ? "policy.yaml:6:5" : "policy.yaml:8:5");
		k++;
	}
	end(&r);
}

Test(policy, all_errors_are_told_in_one_run)
{
	struct run r = policy(HEAD "onwer: a\n"
				   "services: {s: {proto: tcp, port: 70000}}\n"
				   "zones:\n"
				   "  - {name: a, prefixes: 10.0.0.5/8}\n"
				   "  - {name: b, prefixes: [11.0.0.0/8], tenant: x}\n"
				   "flows:\n"
				   "  - {id: f, from: c, to: b, service: t, action: permit}\n");
	cr_expect(r.err < 0);
	cr_expect_str_eq(place(&r, "yaml.unknown-key"), "policy.yaml:3:1");
	cr_expect_str_eq(place(&r, "policy.port"), "policy.yaml:4:34");
	cr_expect_str_eq(place(&r, "policy.host-bits"), "policy.yaml:6:25");
	cr_expect_str_eq(place(&r, "policy.undefined-tenant"), "policy.yaml:7:47");
	cr_expect_str_eq(place(&r, "policy.undefined-zone"), "policy.yaml:9:19");
	cr_expect_str_eq(place(&r, "policy.undefined-service"), "policy.yaml:9:38");
	cr_expect_str_eq(place(&r, "yaml.choice"), "policy.yaml:9:49");
	cr_expect_eq(r.d.n_errors, 7);
	end(&r);
}

Test(policy, host_bits_propose_the_network_and_the_host)
{
	struct run r = policy(HEAD "zones: [{name: a, prefixes: \"2001:db8::5/32\"}]\n");
	const struct diag *x = diag_of(&r, "policy.host-bits");
	cr_expect(strstr(x->text, "2001:db8::/32") && strstr(x->text, "2001:db8::5/128"));
	end(&r);
}

Test(policy, zone_overlap_names_both_prefixes)
{
	struct run r = policy(HEAD "zones:\n"
				   "  - {name: a, prefixes: [192.0.2.0/24, 10.0.0.0/8]}\n"
				   "  - {name: b, prefixes: [198.51.100.0/24, 10.1.0.0/16]}\n");
	cr_assert(r.err < 0);
	cr_expect_str_eq(place(&r, "policy.zone-overlap"), "policy.yaml:5:43");
	cr_expect_str_eq(loc_print(r.arena, diag_of(&r, "policy.zone-overlap")->related[0]),
			 "policy.yaml:4:40");
	cr_expect(strstr(diag_of(&r, "policy.zone-overlap")->text, "10.1.0.0/16"));
	end(&r);
}

/* A policy that is read, but with something to say. */
static void warns(const char *text, const char *code, enum diag_severity severity)
{
	struct run r = policy(text);
	cr_expect(!r.err, "%s", code);
	cr_expect_eq(diags_count(&r.d, code), 1, "%s", code);
	cr_expect_eq(diag_of(&r, code)->severity, severity, "%s", code);
	end(&r);
}

Test(policy, warnings)
{
#define FLOW(id, from, to, service, action)                                                    \
	"  - {id: " id ", from: " from ", to: " to ", service: " service ", action: " action   \
	"}\n"
	warns(BASE "flows:\n" FLOW("a", "web", "any", "tcp/400-500", "allow")
		      FLOW("d", "any", "db", "tcp/443", "deny"),
	      "policy.deny-overlaps-allow", DIAG_WARNING);
	warns(BASE "flows:\n" FLOW("a", "web", "db", "tcp/443", "allow")
		      FLOW("b", "web", "db", "tcp/443", "allow"),
	      "policy.flow-repeats", DIAG_NOTE);
	warns(BASE "flows:\n" FLOW("a", "web", "web", "tcp/443", "allow"),
	      "policy.flow-unjudged", DIAG_WARNING);
	warns(BASE "services: {s: {proto: tcp, port: 1-65535}}\n", "policy.all-ports-but-0",
	      DIAG_WARNING);
	warns(HEAD "zones:\n  - {name: a, prefixes: [10.0.0.0/8, 10.1.0.0/16]}\n"
		   "  - {name: b, external: true}\n",
	      "policy.redundant-prefix", DIAG_WARNING);
	warns(BASE "scope: {families: ipv4}\n", "policy.family-out-of-scope", DIAG_WARNING);
	warns(HEAD "zones:\n  - {name: a, prefixes: 10.0.0.0/8, self: true}\n",
	      "policy.no-external", DIAG_NOTE);
	warns(BASE "segregation: [{id: s, between: [blue, green, all]}]\n",
	      "policy.segregation-shared", DIAG_WARNING);
	warns(BASE "alignment: [{relation: equal}, {from: web, relation: effective}]\n",
	      "policy.alignment-hidden", DIAG_WARNING);
	warns(BASE
	      "exceptions: [{id: x, check: rule.*, owner: a, approved_by: a, justification: "
	      "long enough it is, expires: 2026-12-31}]\n",
	      "policy.self-approved", DIAG_WARNING);
}

static void quiet(const char *text, const char *code)
{
	struct run r = policy(text);
	cr_expect(!r.err, "%s", code);
	cr_expect(!diags_has(&r.d, code), "%s", code);
	end(&r);
}

Test(policy, no_warning_without_a_reason)
{
	quiet(BASE "flows:\n" FLOW("a", "web", "any", "tcp/400-442", "allow")
		      FLOW("d", "any", "db", "tcp/443", "deny"),
	      "policy.deny-overlaps-allow");
	quiet(BASE "flows:\n" FLOW("a", "web", "app", "any", "allow")
		      FLOW("d", "any", "db", "any", "deny"),
	      "policy.deny-overlaps-allow");
	quiet(BASE "flows:\n" FLOW("a", "web", "db", "icmp/8", "allow")
		      FLOW("d", "any", "db", "icmp/0", "deny"),
	      "policy.deny-overlaps-allow");
	quiet(BASE "flows:\n" FLOW("a", "web", "db", "tcp/1", "allow")
		      FLOW("b", "db", "web", "tcp/1", "allow"),
	      "policy.flow-repeats");
	quiet(BASE "flows:\n" FLOW("a", "web", "db", "tcp/1", "allow")
		      FLOW("b", "web", "db", "tcp/1", "require"),
	      "policy.flow-repeats");
	quiet(BASE "alignment: [{from: web, relation: effective}, {relation: equal}]\n",
	      "policy.alignment-hidden");
	quiet(BASE, "policy.no-external");
}

Test(policy, the_rest_of_the_file_arrives)
{
	struct run r = policy(
		BASE
		"segregation: [{id: s, between: any}]\n"
		"alignment:\n"
		"  - {from: internet, to: [web, db], relation: effective}\n"
		"  - {relation: virtual-within-physical, planes: [virtual, physical]}\n"
		"exceptions:\n"
		"  - {id: x, check: drift.*, from: web, to: any, service: tcp/22, plane: "
		"virtual, owner: a, approved_by: b, justification: \"long enough\\nit is\", "
		"expires: 1970-01-02}\n"
		"exclusions:\n"
		"  - {id: n, zones: db, prefixes: 169.254.0.0/16, service: udp/53, reason: "
		"r, responsible: csp}\n"
		"scope: {families: [ipv4]}\n");
	cr_assert(!r.err);
	const struct policy *p = r.policy;
	cr_assert_eq(p->segregations[0].n_between, 2);
	cr_expect_str_eq(p->segregations[0].between[1]->name, "green");
	cr_expect(LISTS(p->alignments[0].to, p->alignments[0].n_to, "web", "db"));
	cr_expect_eq(p->alignments[0].relation, ALIGN_EFFECTIVE);
	cr_expect_eq(p->alignments[0].demands, 0);
	cr_expect(!p->alignments[1].from && !p->alignments[1].to);
	cr_expect_eq(p->alignments[1].demands, 1 << PLANE_PHYSICAL | 1 << PLANE_VIRTUAL);
	const struct exception *x = p->exceptions;
	cr_expect(x->from == policy_zone(p, "web") && !x->to);
	cr_expect_str_eq(x->plane, "virtual");
	cr_expect_str_eq(x->justification, "long enough it is");
	cr_expect_eq(x->expires, 1);
	cr_expect(passes(x->service, "tcp 10.0.0.1 1 10.0.0.2 22"));
	const struct match *n = p->exclusions[0].match;
	cr_expect(passes(n, "udp 10.2.0.1 1 169.254.1.1 53"));
	cr_expect(passes(n, "udp 169.254.1.1 1 10.2.0.1 53"));
	cr_expect(!passes(n, "udp 10.1.0.1 1 169.254.1.1 53"));
	cr_expect(!passes(n, "udp 10.2.0.1 1 8.8.8.8 53"));
	cr_expect(!passes(n, "udp 10.2.0.1 1 169.254.1.1 54"));
	cr_expect_str_eq(p->exclusions[0].text,
			 "from or to 169.254.0.0/16; zones db; service udp/53");
	cr_expect(p->families[FAMILY_V4] && !p->families[FAMILY_V6]);
	end(&r);
}

Test(policy, an_exception_without_a_service_holds_for_any)
{
	struct run r = policy(BASE "exceptions: [{id: x, check: rule.dead, owner: a, "
				   "approved_by: b, justification: long enough, expires: "
				   "2026-12-31}]\n");
	cr_assert(!r.err);
	cr_expect_eq(r.policy->exceptions[0].service->kind, MATCH_ALL);
	cr_expect(!r.policy->exceptions[0].from && !r.policy->exceptions[0].plane);
	end(&r);
}

/* Files that are small, but would be large in memory or long in work if nobody counted. */
Test(policy, bombs)
{
	struct text t = { 0 };
	double start = seconds();
	text_put(&t, HEAD "tenants: [{name: t}, {name: u}]\nzones:\n");
	for (unsigned i = 0; i < 4000; i++)
		text_putf(&t, "  - {name: z%u, tenant: %s, prefixes: 10.%u.%u.0/24}\n", i,
			  i % 2 ? "t" : "u", i >> 8, i & 255);
	text_put(&t, "flows:\n");
	for (unsigned i = 0; i < 20000; i++)
		text_putf(&t,
			  "  - {id: f%u, from: [t, u], to: [u, t], service: any, action: %s}\n",
			  i, i % 2 ? "deny" : "allow");
	struct run r = policy(t.s);
	cr_expect(r.err < 0);
	cr_expect(diags_has(&r.d, "policy.too-large"));
	cr_expect_lt(seconds() - start, 60);
	end(&r);
	text_clear(&t);
	text_put(&t, BASE "flows:\n");
	for (unsigned i = 0; i < 20000; i++)
		text_putf(&t,
			  "  - {id: f%u, from: any, to: any, service: tcp/%u, action: %s}\n", i,
			  1 + i % 65535, i % 2 ? "deny" : "allow");
	start = seconds();
	r = policy(t.s);
	cr_expect(!r.err);
	cr_expect(diags_has(&r.d, "policy.overlaps-unchecked"));
	cr_expect_lt(seconds() - start, 60);
	end(&r);
	text_finish(&t);
}

Test(policy, too_many_zones)
{
	struct text t = { 0 };
	text_put(&t, HEAD "zones:\n");
	for (unsigned i = 0; i < 5000; i++)
		text_putf(&t, "  - {name: z%u, prefixes: 10.%u.%u.0/24}\n", i, i >> 8, i & 255);
	struct run r = policy(t.s);
	cr_expect(r.err < 0);
	cr_expect_eq(diags_count(&r.d, "policy.too-large"), 1);
	cr_expect_str_eq(place(&r, "policy.too-large"), "policy.yaml:4100:5");
	text_finish(&t);
	end(&r);
}

Test(policy, the_shipped_files_are_policies)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	static const char *const files[] = {
		"policies/controls/iso27017.yaml",
		"policies/packs/administration.yaml",
		"policies/packs/databases.yaml",
		"policies/packs/services.yaml",
	};
	const struct source *v[5] = { bytes(&r, "policy.yaml", BASE) };
	for (size_t i = 0; i < 4; i++)
		cr_assert(!source_open(r.arena, &r.d, root_path(&r, files[i]), files[i],
				       &v[i + 1]));
	cr_assert(!policy_read(&r.m, &r.d, v, 5, &r.policy), "%s", r.d.v[0].text);
	cr_expect_eq(r.d.n, 0);
	const char *want[] = { "CLD.13.1.4", "CLD.9.5.1" };
	for (size_t k = 0; k < 2; k++) {
		bool found = false;
		for (size_t i = 0; i < r.policy->n_controls; i++)
			found |= !strcmp(r.policy->controls[i].id, want[k]) &&
				 !strcmp(r.policy->controls[i].framework, "ISO/IEC 27017:2015");
		cr_expect(found, "%s", want[k]);
	}
	end(&r);
}

/* --- what an estate means --- */

#define ESTATE HEAD "policy: policy.yaml\n"
#define SOURCES                                                                                \
	"sources:\n"                                                                           \
	"  - {name: edge, file: edge.cfg, collector: asa, plane: physical, responsible: csp, " \
	"owner: o, uplink: outside, collected_at: 1970-01-01T01:00:00Z, max_age: 24h}\n"       \
	"  - {name: cloud, files: [b.json, a.json], responsible: shared}\n"

Test(estate, sources)
{
	struct run r = estate(BASE, ESTATE SOURCES);
	cr_assert(!r.err);
	const struct estate_source *s = r.estate->sources;
	cr_assert_eq(r.estate->n_sources, 2);
	cr_expect_str_eq(s[0].collector, "asa");
	cr_expect_eq(s[0].plane, PLANE_PHYSICAL);
	cr_expect_eq(s[0].responsible, RESPONSIBLE_CSP);
	cr_expect_str_eq(s[0].uplink, "outside");
	cr_expect_eq(s[0].collected_at, 3600);
	cr_expect_eq(s[0].max_age, 86400);
	cr_expect_eq(s[1].plane, -1);
	cr_expect_eq(s[1].collected_at, -1);
	cr_expect_eq(s[1].max_age, -1);
	cr_assert_eq(s[1].n_files, 2);
	cr_expect(r.estate->policy == r.policy);
	end(&r);
}

static bool ports_are(const char *const *v, size_t n, const char *const *names)
{
	for (size_t i = 0; i < n; i++)
		if (!names[i] || strcmp(v[i], names[i]))
			return false;
	return !names[n];
}

#define PORTS(v, n, ...) ports_are(v, n, (const char *const[]){ __VA_ARGS__, NULL })

Test(estate, interfaces_are_alternatives_and_groups_apply_together)
{
	struct run r = estate(BASE, ESTATE SOURCES
			      "bindings:\n"
			      "  - {zone: web, device: edge, interfaces: [dmz1, dmz2]}\n"
			      "  - {zone: db, device: \"cloud:vpc-1\", subnets: [s1, s2], "
			      "security_groups: [g1, "
			      "g2], port: eni}\n"
			      "  - {zone: app, device: cloud, security_group: g3}\n");
	cr_assert(!r.err);
	const struct binding *b = r.estate->bindings;
	cr_assert_eq(r.estate->n_bindings, 5);
	cr_expect(PORTS(b[0].ports, b[0].n_ports, "dmz1"));
	cr_expect(PORTS(b[1].ports, b[1].n_ports, "dmz2"));
	cr_expect(PORTS(b[2].ports, b[2].n_ports, "s1", "g1", "g2", "eni"));
	cr_expect(PORTS(b[3].ports, b[3].n_ports, "s2", "g1", "g2", "eni"));
	cr_expect(PORTS(b[4].ports, b[4].n_ports, "g3"));
	cr_expect_str_eq(b[2].device, "cloud:vpc-1");
	cr_expect(b[4].zone == policy_zone(r.policy, "app"));
	end(&r);
}

Test(estate, paths)
{
	struct run r =
		estate(BASE, ESTATE SOURCES
		       "paths:\n"
		       "  - {id: p, from: [web, green], to: internet, both_ways: true, hops: "
		       "[{device: \"cloud:v\", in: [s, g], out: igw}, {device: edge, out: "
		       "self}]}\n"
		       "  - {from: internet, to: db, none: true, reason: no cable}\n"
		       "  - {from: web, to: any, hops: [{device: edge, in: self}]}\n");
	cr_assert(!r.err);
	const struct estate_path *p = r.estate->paths;
	cr_expect(LISTS(p[0].from, p[0].n_from, "web", "app"));
	cr_expect(p[0].both_ways && !p[0].none);
	cr_assert_eq(p[0].n_hops, 2);
	cr_expect(PORTS(p[0].hops[0].in, p[0].hops[0].n_in, "s", "g"));
	cr_expect(PORTS(p[0].hops[0].out, p[0].hops[0].n_out, "igw"));
	/* The packet ends at the device: it is local input there. */
	cr_expect(p[0].hops[1].local_in && !p[0].hops[1].local_out);
	cr_expect_eq(p[0].hops[1].n_in, 0);
	cr_expect_eq(p[0].hops[1].n_out, 0);
	cr_expect(p[1].none && !p[1].both_ways);
	cr_expect_str_eq(p[1].reason, "no cable");
	cr_expect(p[2].hops[0].local_out && !p[2].hops[0].local_in);
	cr_expect(LISTS(p[2].to, p[2].n_to, "web", "db", "app", "internet"));
	end(&r);
}

Test(estate, warnings)
{
	struct run r = estate(BASE, ESTATE "sources:\n  - {name: a, file: x}\n"
					   "  - {name: b, files: [y, x]}\n"
					   "counterparts: [{physical: web, virtual: db}]\n");
	cr_assert(!r.err);
	cr_expect_str_eq(place(&r, "estate.file-twice"), "estate.yaml:6:5");
	cr_expect_str_eq(place(&r, "estate.counterparts-unused"), "estate.yaml:7:1");
	cr_expect_eq(r.d.n_warnings, 2);
	end(&r);
}

Test(estate, without_a_policy_names_of_zones_are_not_checked)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	const struct source *src = bytes(
		&r, "estate.yaml",
		ESTATE SOURCES "bindings: [{zone: nowhere, device: edge, interface: a}]\n");
	cr_expect(!estate_parse(&r.m, &r.d, src, NULL, NULL, &r.estate));
	cr_expect(!r.estate->policy);
	end(&r);
}

Test(estate, too_many_bindings)
{
	struct text t = { 0 };
	text_put(&t, ESTATE SOURCES "bindings:\n  - zone: web\n    device: edge\n    ports: [");
	for (unsigned i = 0; i < 20000; i++)
		text_putf(&t, "p%u, ", i);
	text_put(&t, "]\n    interfaces: [");
	for (unsigned i = 0; i < 20000; i++)
		text_putf(&t, "i%u, ", i);
	text_put(&t, "]\n");
	struct run r = estate(BASE, t.s);
	cr_expect_eq(diags_count(&r.d, "estate.too-large"), 1);
	text_finish(&t);
	end(&r);
}

/* --- files --- */

static void put(struct run *r, const char *folder, const char *name, const char *text)
{
	FILE *f = fopen(arena_printf(r->arena, "%s/%s", folder, name), "w");
	cr_assert(f);
	fputs(text, f);
	fclose(f);
}

static void sub(struct run *r, const char *folder, const char *name)
{
	cr_assert(!mkdir(arena_printf(r->arena, "%s/%s", folder, name), 0700));
}

static struct run folder(char *path)
{
	struct run r = begin();
	matches_init(&r.m, r.arena);
	strcpy(path, "/tmp/test_policies.XXXXXX");
	cr_assert(mkdtemp(path));
	return r;
}

static void clean(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *ent;
	while (dir && (ent = readdir(dir))) {
		char child[4096];
		snprintf(child, sizeof(child), "%s/%s", path, ent->d_name);
		if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, "..") && unlink(child))
			clean(child);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

Test(files, a_folder_is_listed_whole_and_sorted)
{
	char path[64];
	struct run r = folder(path);
	put(&r, path, "policy.yaml", BASE);
	put(&r, path, "estate.yaml", ESTATE "sources: [{name: cloud, dir: exports/}]\n");
	sub(&r, path, "exports");
	sub(&r, path, "exports/2");
	sub(&r, path, "exports/2/eu");
	put(&r, path, "exports/2/eu/b.json", "");
	put(&r, path, "exports/2/eu/a.json", "");
	put(&r, path, "exports/10.json", "");
	put(&r, path, "exports/.hidden", "");
	cr_assert(!symlink("/etc", arena_printf(r.arena, "%s/exports/link", path)));
	cr_assert(!mkfifo(arena_printf(r.arena, "%s/exports/pipe", path), 0600));
	cr_expect(!estate_read(&r.m, &r.d, arena_printf(r.arena, "%s/estate.yaml", path),
			       &r.estate));
	const struct estate_source *s = r.estate->sources;
	/* Link and pipe are there, so that reading them fails: nothing of /etc is. */
	cr_expect(PORTS(s->files, s->n_files, "exports/10.json", "exports/2/eu/a.json",
			"exports/2/eu/b.json", "exports/link", "exports/pipe"));
	cr_expect(diags_has(&r.d, "estate.hidden"));
	cr_expect(!diags_has(&r.d, "estate.dir"));
	clean(path);
	end(&r);
}

static void dir_is_its_own_file(struct run *r, const char *path, const char *dir)
{
	put(r, path, "estate.yaml",
	    arena_printf(r->arena, ESTATE "sources: [{name: cloud, dir: %s}]\n", dir));
	cr_assert(!estate_read(&r->m, &r->d, arena_printf(r->arena, "%s/estate.yaml", path),
			       &r->estate));
	const struct estate_source *s = r->estate->sources;
	cr_assert_eq(s->n_files, 1, "%s", dir);
	cr_expect_str_eq(s->files[0], dir);
	const struct source *src;
	cr_expect(source_open(r->arena, &r->d,
			      arena_printf(r->arena, "%s/%s", path, s->files[0]), dir,
			      &src) < 0,
		  "%s can be read", dir);
}

Test(files, a_folder_that_cannot_be_listed_cannot_be_read_either)
{
	char path[64];
	struct run r = folder(path);
	put(&r, path, "policy.yaml", BASE);
	sub(&r, path, "empty");
	cr_assert(!symlink("/etc", arena_printf(r.arena, "%s/link", path)));
	dir_is_its_own_file(&r, path, "missing");
	dir_is_its_own_file(&r, path, "empty");
	dir_is_its_own_file(&r, path, "link");
	cr_expect_eq(diags_count(&r.d, "estate.dir"), 3);
	clean(path);
	end(&r);
}

Test(files, folders_in_folders_end)
{
	char path[64];
	struct run r = folder(path);
	struct text t = { 0 };
	put(&r, path, "policy.yaml", BASE);
	text_put(&t, "d");
	sub(&r, path, t.s);
	for (unsigned i = 0; i < 8; i++) {
		text_put(&t, "/d");
		sub(&r, path, t.s);
	}
	put(&r, path, arena_printf(r.arena, "%s/deep", t.s), "");
	put(&r, path, "estate.yaml", ESTATE "sources: [{name: cloud, dir: d}]\n");
	cr_expect(!estate_read(&r.m, &r.d, arena_printf(r.arena, "%s/estate.yaml", path),
			       &r.estate));
	cr_expect_eq(r.estate->sources[0].n_files, 1);
	cr_expect(!diags_has(&r.d, "estate.dir"));
	text_put(&t, "/d");
	sub(&r, path, t.s);
	put(&r, path, arena_printf(r.arena, "%s/deeper", t.s), "");
	cr_expect(!estate_read(&r.m, &r.d, arena_printf(r.arena, "%s/estate.yaml", path),
			       &r.estate));
	cr_expect_eq(diags_count(&r.d, "estate.dir"), 1);
	cr_assert_eq(r.estate->sources[0].n_files, 2);
	cr_expect_str_eq(r.estate->sources[0].files[0], t.s);
	text_finish(&t);
	clean(path);
	end(&r);
}

Test(files, places_are_relative_to_the_estate)
{
	char path[64];
	struct run r = folder(path);
	sub(&r, path, "net");
	put(&r, path, "policy.yaml", BASE "onwer: a\n");
	put(&r, path, "net/estate.yaml",
	    HEAD "policy: [../policy.yaml, missing.yaml]\n" SOURCES "colector: b\n");
	cr_expect(estate_read(&r.m, &r.d, arena_printf(r.arena, "%s/net/estate.yaml", path),
			      &r.estate) < 0);
	cr_expect_str_eq(place(&r, "yaml.unknown-key"), "estate.yaml:7:1");
	cr_expect_str_eq(place(&r, "source.missing"), "missing.yaml");
	put(&r, path, "net/estate.yaml", HEAD "policy: ../policy.yaml\n" SOURCES);
	struct run s = begin();
	matches_init(&s.m, s.arena);
	cr_expect(estate_read(&s.m, &s.d, arena_printf(s.arena, "%s/net/estate.yaml", path),
			      &s.estate) < 0);
	cr_expect_str_eq(place(&s, "yaml.unknown-key"), "../policy.yaml:9:1");
	clean(path);
	end(&s);
	end(&r);
}
