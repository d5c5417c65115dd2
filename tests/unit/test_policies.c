/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy_run.h"

#include <dirent.h>
#include <jansson.h>
#include <unistd.h>

#include "policies/keys.h"

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
