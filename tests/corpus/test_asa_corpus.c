/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other people's ASA, PIX and FWSM configurations: every file is read or refused with advice,
 * its account is complete, the time is bounded. Prints the share of policy lines modelled
 * exactly by class of file, and the reasons of the rest by count. Known answers: fwbuilder's
 * reading of five configurations, and batfish's list of undefined and unused names.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tests/corpus/walk.h"

extern const struct collector collector_asa;

#define BATFISH_TESTS "batfish-ref/batfish__batfish/tests/parsing-tests"
#define BATFISH_REF   BATFISH_TESTS "/networks/unit-tests/configs"
#define FWBUILDER     "cisco-asa/fwbuilder__fwbuilder/src/unit_tests/PIXImporterTest/test_data"

/* Everything below the folder of the corpus; nothing, said, where it isn't there. */
static struct paths all_below(const char *below)
{
	struct paths paths = { 0 };
	const char *folder = corpus_folder(below);

	if (folder)
		paths_gather(&paths, folder, NULL);
	return paths;
}

static void read_path(struct reading *w, const char *path)
{
	reading_start(w);
	reading_open(w, path);
	reading_run(w, &collector_asa, "fw", PLANE_PHYSICAL);
}

struct tally {
	const char *name;
	size_t files, refused;
	size_t policy[ACCOUNT_CLASSES], lists[ACCOUNT_CLASSES];
};

/* Lines of lists, objects, groups and bindings, apart from translations and the rest. */
static bool list_line(const char *s, size_t len)
{
	static const char *const words[] = {
		"access-list ", "access-group ",   "object",	       "network-object ",
		"port-object ", "service-object ", "protocol-object ", "group-object ",
		"icmp-object ", "host ",	   "subnet ",	       "range ",
		"fqdn ",	"service ",	   "conduit ",	       "ipv6 access-list"
	};

	while (len && (*s == ' ' || *s == '\t'))
		s++, len--;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (len >= strlen(words[i]) && !strncmp(s, words[i], strlen(words[i])))
			return true;
	return false;
}

static void count(struct tally *t, const struct reading *w, struct map *reasons)
{
	const struct account *acc = w->snap->accounts.v[0];
	size_t all = 0;

	for (uint32_t no = 1; no <= w->src->n_lines; no++) {
		size_t len;
		const char *s = source_line(w->src, no, &len);

		all += list_line(s, len) && !memmem(s, len, " remark ", 8);
	}
	for (int c = 0; c < ACCOUNT_CLASSES; c++)
		t->policy[c] += acc->policy[c];
	vec_each (e, &acc->entries) {
		size_t len;
		const char *s = source_line(w->src, e->at.line, &len);

		/* One reason for all that differ by a name alone. */
		reasons_count(reasons, e->why);
		if (list_line(s, len)) {
			t->lists[e->class]++;
			all--;
		}
	}
	t->lists[ACCOUNT_EXACT] += all;
}

Test(asa_corpus, every_file)
{
	struct paths paths = all_below("cisco-asa");
	const char *batfish = corpus_folder(BATFISH_REF "/cisco_asa");
	struct tally tallies[] = { { .name = "batfish" },
				   { .name = "fwbuilder" },
				   { .name = "aerleon" },
				   { .name = "ciscoconfparse" },
				   { .name = "ntc-templates" } };
	struct tally *all = &(struct tally){ .name = "all" };
	struct map reasons = { 0 };

	if (!paths.n)
		return;
	if (batfish)
		paths_gather(&paths, batfish, NULL);
	vec_each (path, &paths) {
		struct reading w;
		struct account *acc;

		read_path(&w, *path);
		cr_assert_eq(w.snap->accounts.n, 1, "%s", *path);
		acc = w.snap->accounts.v[0];
		cr_expect_eq(account_total(acc), w.src->n_lines, "%s", *path);
		cr_expect_eq(acc->entries.n,
			     acc->count[ACCOUNT_BOUNDED] + acc->count[ACCOUNT_REJECTED], "%s",
			     *path);
		cr_expect_eq(acc->failed, w.err != 0, "%s", *path);
		cr_expect(!w.err || w.diags.n_errors, "%s", *path);
		cr_expect_lt(w.seconds, 5, "%s took %.1f s", *path, w.seconds);
		for (size_t i = 0; i < sizeof(tallies) / sizeof(tallies[0]); i++) {
			if (!strstr(*path, tallies[i].name))
				continue;
			tallies[i].files++;
			tallies[i].refused += diags_has(&w.diags, "asa.not-configuration");
			if (diags_has(&w.diags, "asa.not-configuration"))
				continue;
			count(&tallies[i], &w, &reasons);
			break;
		}
		reading_done(&w);
	}
	printf("policy lines modelled exactly (of those: lists, groups, bindings)\n");
	for (size_t i = 0; i < sizeof(tallies) / sizeof(tallies[0]); i++) {
		const struct tally *t = &tallies[i];

		printf("  %-16s %3zu files (%zu refused)  %6.2f %% of %zu  (%6.2f %% of %zu)\n",
		       t->name, t->files, t->refused, share_exact(t->policy),
		       t->policy[1] + t->policy[2] + t->policy[3], share_exact(t->lists),
		       t->lists[1] + t->lists[2] + t->lists[3]);
		for (int c = 0; c < ACCOUNT_CLASSES; c++) {
			all->policy[c] += t->policy[c];
			all->lists[c] += t->lists[c];
		}
	}
	printf("  %-16s %32.2f %%  (%.2f %%)\n", all->name, share_exact(all->policy),
	       share_exact(all->lists));
	reasons_print(&reasons);
	cr_expect_gt(share_exact(all->lists), 97.0);
	paths_free(&paths);
}

/* Output of show commands is recognised as such. */
Test(asa_corpus, what_is_no_configuration)
{
	struct paths paths = all_below("cisco-asa");

	vec_each (path, &paths) {
		bool foreign = has_suffix(*path, ".raw") || has_suffix(*path, ".yml") ||
			       has_suffix(*path, ".fwb") || has_suffix(*path, ".output");
		struct reading w;

		read_path(&w, *path);
		cr_expect_eq(diags_has(&w.diags, "asa.not-configuration"), foreign, "%s",
			     *path);
		cr_expect_eq(w.snap->devices.n == 0, foreign, "%s", *path);
		reading_done(&w);
	}
	paths_free(&paths);
}

/*
 * The listing's entries, with the counters taken off, are lines of a configuration: all that
 * name no object and no host name have to be exact.
 */
Test(asa_corpus, entries_of_listings_are_exact)
{
	struct paths paths = all_below(
		"cisco-asa/networktocode__ntc-templates/tests/cisco_asa/show_access-list");
	size_t n = 0;

	if (!paths.n)
		return;
	vec_each (path, &paths) {
		struct reading from, w;
		struct text t = { 0 };

		read_path(&from, *path);
		if (!has_suffix(*path, ".raw"))
			goto next;
		text_put(&t, "ASA Version 9.9(1)\n");
		for (uint32_t no = 1; no <= from.src->n_lines; no++) {
			size_t len;
			const char *s = source_line(from.src, no, &len);
			const char *end = memmem(s, len, " (hitcnt=", 9);

			if (!end || memmem(s, len, "object", 6) || memmem(s, len, "fqdn", 4) ||
			    memmem(s, len, "user", 4) || memmem(s, len, "security", 8) ||
			    memmem(s, len, "time-range", 10) ||
			    memmem(s, len, "interface", 9) || memmem(s, len, " range 1", 8))
				continue;
			text_putn(&t, s, (size_t)(end - s));
			text_putc(&t, '\n');
			n++;
		}
		reading_start(&w);
		cr_assert_eq(source_from_bytes(w.arena, &w.diags, *path, t.s, t.len, &w.src),
			     0);
		reading_run(&w, &collector_asa, "fw", PLANE_PHYSICAL);
		cr_expect_eq(w.err, 0);
		vec_each (e, &w.snap->accounts.v[0]->entries) {
			size_t len;
			const char *s = source_line(w.src, e->at.line, &len);

			cr_expect(false, "%s: %s: %.*s", *path, e->why, (int)len, s);
		}
		reading_done(&w);
		text_finish(&t);
	next:
		reading_done(&from);
	}
	paths_free(&paths);
	printf("listings: %zu entries\n", n);
	cr_expect_gt(n, 90);
}

/* asa_known_differences.tsv: program, pattern of file:name, reason. */
struct difference {
	char program[20], pattern[200];
	size_t met;
};

static struct difference differences[50];
static size_t n_differences;

static void read_differences(void)
{
	const char *root = getenv("SOURCE_ROOT");
	char path[4096], line[1000];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/corpus/asa_known_differences.tsv",
		 root ? root : ".");
	f = fopen(path, "r");
	cr_assert(f, "%s", path);
	n_differences = 0;
	while (fgets(line, sizeof(line), f)) {
		struct difference *d = &differences[n_differences];

		if (*line == '#')
			continue;
		cr_assert_lt(n_differences, 50);
		cr_assert_eq(sscanf(line, "%19[^\t]\t%199[^\t]\t", d->program, d->pattern), 2,
			     "%s", line);
		d->met = 0;
		n_differences++;
	}
	fclose(f);
}

static bool known(const char *program, const char *file, const char *name)
{
	char both[500];

	snprintf(both, sizeof(both), "%s:%s", file, name);
	for (size_t i = 0; i < n_differences; i++)
		if (!strcmp(differences[i].program, program) &&
		    !fnmatch(differences[i].pattern, both, 0)) {
			differences[i].met++;
			return true;
		}
	return false;
}

/* A difference that is no more has to leave the list. */
static void all_met(const char *program)
{
	for (size_t i = 0; i < n_differences; i++)
		if (!strcmp(differences[i].program, program))
			cr_expect_gt(differences[i].met, 0, "%s", differences[i].pattern);
}

static const struct rule *rule_at(const struct ruleset *rs, uint32_t line)
{
	for (uint32_t i = 0; i < rs->n; i++)
		if (rs->rules[i].at.line == line)
			return &rs->rules[i];
	return NULL;
}

/* One line of fwbuilder's trace; counts what it could be held against. */
static void check_trace(const struct device *d, const char *line, const char *file, size_t *n)
{
	unsigned no, a, b, c, e, m1, m2, m3, m4;
	char list[200], action[20];

	if (sscanf(line, "%u: filtering rule: access list %199[^,], action %19s", &no, list,
		   action) == 3) {
		const struct ruleset *rs = device_ruleset(d, list);
		const struct rule *r = rs ? rule_at(rs, no) : NULL;

		if (!r && known("fwbuilder", file, list))
			return;

		cr_expect(r, "%s:%u: a rule of %s", file, no, list);
		if (r)
			cr_expect_eq(r->verdict,
				     strcmp(action, "permit") ? VERDICT_DENY : VERDICT_PERMIT,
				     "%s:%u", file, no);
		++*n;
	} else if (sscanf(line, "%u: Interface address: %u.%u.%u.%u/%u.%u.%u.%u", &no, &a, &b,
			  &c, &e, &m1, &m2, &m3, &m4) == 9) {
		uint64_t addr = (uint64_t)a << 24 | b << 16 | c << 8 | e;
		struct addr mask = { 0, (uint64_t)m1 << 24 | m2 << 16 | m3 << 8 | m4 };
		bool found = false;

		for (size_t i = 0; i < d->n_ports; i++)
			for (size_t k = 0; k < d->ports[i].n_prefixes; k++)
				found |= d->ports[i].addrs[k].lo == addr &&
					 addr_mask_len(FAMILY_V4, mask) ==
						 d->ports[i].prefixes[k].len;
		cr_expect(found, "%s:%u: an address", file, no);
		++*n;
	}
}

Test(asa_corpus, fwbuilder_reads_the_same_rules)
{
	static const char *const names[] = { "asa8.3", "asa8.3-acl-object-groups",
					     "asa8.3-objects-and-groups", "fwsm1", "pix7" };
	const char *top = corpus_folder("");
	size_t n = 0;

	if (!top)
		return;
	read_differences();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[5000], line[2000];
		struct reading w;
		FILE *f;

		snprintf(path, sizeof(path), "%s/" FWBUILDER "/%s.test", top, names[i]);
		read_path(&w, path);
		snprintf(path, sizeof(path), "%s/" FWBUILDER "/%s.output", top, names[i]);
		f = fopen(path, "r");
		cr_assert(f, "%s", path);
		while (fgets(line, sizeof(line), f))
			check_trace(w.snap->devices.v[0], line, names[i], &n);
		fclose(f);
		reading_done(&w);
	}
	all_met("fwbuilder");
	printf("fwbuilder: %zu rules and addresses agree\n", n);
	cr_expect_geq(n, 50);
}

/* Walks the answer for rows, whatever is wrapped around them. */
static void rows(const json_t *j, const char *key, void (*row)(const json_t *, void *),
		 void *arg)
{
	const json_t *value;
	const char *name;
	size_t i;

	if (json_is_object(j) && json_is_string(json_object_get(j, key)))
		row(j, arg);
	json_object_foreach ((json_t *)j, name, value)
		rows(value, key, row, arg);
	json_array_foreach (j, i, value)
		rows(value, key, row, arg);
}

struct names {
	const char *top;
	bool undefined;
	size_t n;
};

static bool our_kind(const char *type)
{
	return strstr(type, "access-list") || strstr(type, "object");
}

static void check_row(const json_t *row, void *arg)
{
	struct names *names = arg;
	const char *type = json_string_value(
		json_object_get(row, names->undefined ? "Struct_Type" : "Structure_Type"));
	const char *name = json_string_value(
		json_object_get(row, names->undefined ? "Ref_Name" : "Structure_Name"));
	const json_t *lines = json_object_get(row, names->undefined ? "Lines" : "Source_Lines");
	const char *file = json_string_value(json_object_get(lines, "filename"));
	json_int_t line =
		json_integer_value(json_array_get(json_object_get(lines, "lines"), 0));
	char path[5000];
	bool defined = false, used = false, there = false;
	struct reading w;

	if (!type || !name || !file || strncmp(file, "configs/asa", 11) || !our_kind(type))
		return;
	snprintf(path, sizeof(path), "%s/" BATFISH_TESTS "/networks/unit-tests/%s", names->top,
		 file);
	read_path(&w, path);
	vec_each (u, &w.snap->names) {
		if (strcmp(u->name, name))
			continue;
		defined |= u->defines;
		used |= !u->defines;
		there |= u->at.line == line && u->defines != names->undefined;
	}
	if (!there || defined == names->undefined || used != names->undefined)
		cr_expect(known("batfish", file, name), "%s:%d %s", file, (int)line, name);
	else
		names->n++;
	reading_done(&w);
}

Test(asa_corpus, batfish_knows_the_same_names)
{
	static const char *const files[] = { "undefined", "unused" };
	const char *top = corpus_folder("");

	if (!top)
		return;
	read_differences();
	for (int i = 0; i < 2; i++) {
		struct names names = { top, i == 0, 0 };
		char path[5000];
		json_error_t e;
		json_t *j;

		snprintf(path, sizeof(path), "%s/" BATFISH_TESTS "/unit-tests-%s.ref", top,
			 files[i]);
		j = json_load_file(path, 0, &e);
		cr_assert(j, "%s: %s", path, e.text);
		rows(j, i == 0 ? "Ref_Name" : "Structure_Name", check_row, &names);
		json_decref(j);
		printf("batfish: %zu %s names agree\n", names.n, files[i]);
		cr_expect_gt(names.n, 0);
	}
	all_met("batfish");
}
