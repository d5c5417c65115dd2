/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other people's IOS, NX-OS and EOS configurations: each is read without a crash, every line
 * of it counted, in a bounded time. Prints the share of policy lines that were modelled
 * exactly, by class, and why the others weren't.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/corpus/walk.h"

extern const struct collector collector_ios;

/* Not configurations: parsed results, other tools' formats, route tables, Junos texts. */
static bool is_other(const char *path)
{
	static const char *const ends[] = { ".yml",   ".yaml",	 ".fwb", ".json",
					    ".md",    ".output", ".pol", ".inc",
					    ".ipynb", ".ref",	 ".gz" };
	static const char *const parts[] = { "apkeep",		"_route.txt", "/preprocess-",
					     "/preprocess",	"/show_",     "arista_tp/",
					     "example-juniper", "/hosts/",    "aws_configs",
					     "/iptables/",	"-juniper-" };
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strstr(path, parts[i]) && !strstr(path, "show_running"))
			return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (has_suffix(path, ends[i]))
			return !has_suffix(path, ".stdout.ref") &&
			       !has_suffix(path, ".acl.ref");
	return false;
}

static bool is_config(const char *path, const struct stat *st)
{
	(void)st;
	return !is_other(path);
}

struct shares {
	size_t files, unread, lines;
	size_t all[ACCOUNT_CLASSES], policy[ACCOUNT_CLASSES], entries[ACCOUNT_CLASSES];
	double slowest;
	struct map reasons;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* An access list's entry, as a plain look at the line tells. */
static bool is_entry(const char *s, size_t len)
{
	size_t i = 0;
	while (i < len && (s[i] == ' ' || s[i] == '\t'))
		i++;
	if (len - i > 12 && !memcmp(s + i, "access-list ", 12)) {
		i += 12;
		while (i < len && s[i] != ' ')
			i++;
		i++;
	} else if (!i) {
		return false;
	}
	while (i < len && (is_digit(s[i]) || s[i] == ' '))
		i++;
	return (len - i > 7 && !memcmp(s + i, "permit ", 7)) ||
	       (len - i > 5 && !memcmp(s + i, "deny ", 5));
}

static size_t count_entries(const struct source *src)
{
	size_t n = 0;
	for (uint32_t line = 1; line <= src->n_lines; line++) {
		size_t len;
		const char *s = source_line(src, line, &len);
		n += is_entry(s, len);
	}
	return n;
}

static void read_one(const char *path, struct shares *s)
{
	struct reading r;
	reading_start(&r);
	s->files++;
	if (source_open(r.arena, &r.diags, path, path, &r.src)) {
		s->unread++;
	} else {
		const struct source *src = r.src;
		reading_run(&r, &collector_ios, "device", PLANE_PHYSICAL);
		const struct account *acc = r.snap->accounts.v[0];
		if (r.seconds > s->slowest)
			s->slowest = r.seconds;
		cr_expect_lt(r.seconds, 5, "%s took %.1f s", path, r.seconds);
		cr_expect_eq(account_total(acc), src->n_lines, "%s", path);
		cr_expect_eq(r.err != 0, acc->failed, "%s", path);
		cr_expect_eq(acc->entries.n,
			     acc->count[ACCOUNT_BOUNDED] + acc->count[ACCOUNT_REJECTED], "%s",
			     path);
		if (acc->failed)
			s->unread++;
		s->lines += src->n_lines;
		for (int c = 0; c < ACCOUNT_CLASSES && !acc->failed; c++) {
			s->all[c] += acc->count[c];
			s->policy[c] += acc->policy[c];
		}
		if (!acc->failed)
			s->entries[ACCOUNT_EXACT] += count_entries(src);
		for (size_t i = 0; i < acc->entries.n && !acc->failed; i++) {
			const struct account_entry *e = &acc->entries.v[i];
			size_t len;
			const char *line = source_line(src, e->at.line, &len);
			if (is_entry(line, len)) {
				s->entries[e->class]++;
				s->entries[ACCOUNT_EXACT]--;
			}
			reasons_count_alike(&s->reasons, e->why, false);
		}
	}
	reading_done(&r);
}

static double read_class(const char *below)
{
	struct shares s = { 0 };
	struct paths paths = { 0 };
	const char *folder = corpus_folder(below);
	if (!folder)
		return 100;
	paths_gather(&paths, folder, is_config);
	cr_assert_gt(paths.n, 0, "%s", below);
	vec_each (p, &paths)
		read_one(*p, &s);
	printf("%s: %zu files (%zu unread), %zu lines; slowest %.2f s\n", below, s.files,
	       s.unread, s.lines, s.slowest);
	printf("  list entries: %.2f%% exact, %zu bounded, %zu rejected, of %zu\n",
	       share_exact(s.entries), s.entries[ACCOUNT_BOUNDED], s.entries[ACCOUNT_REJECTED],
	       s.entries[ACCOUNT_EXACT] + s.entries[ACCOUNT_BOUNDED] +
		       s.entries[ACCOUNT_REJECTED]);
	printf("  policy lines: %.2f%% exact, %zu bounded, %zu rejected; other lines: %zu "
	       "rejected\n",
	       share_exact(s.policy), s.policy[ACCOUNT_BOUNDED], s.policy[ACCOUNT_REJECTED],
	       s.all[ACCOUNT_REJECTED] - s.policy[ACCOUNT_REJECTED]);
	reasons_print(&s.reasons);
	paths_free(&paths);
	return share_exact(s.entries);
}

Test(ios_corpus, ios)
{
	cr_expect_gt(read_class("cisco-ios"), 97.0);
}

Test(ios_corpus, nxos)
{
	cr_expect_gt(read_class("cisco-nxos"),
		     80.0); /* a handful of entries, made to be wrong */
}

Test(ios_corpus, eos)
{
	cr_expect_gt(read_class("arista"), 97.0);
}

Test(ios_corpus, batfish_networks)
{
	cr_expect_gt(
		read_class("batfish-ref/batfish__lab-validation/snapshots/ios_example_network"),
		97.0);
	cr_expect_gt(read_class("batfish-ref/batfish__lab-validation/snapshots/"
				"iosxe_connectivity_sample"),
		     97.0);
	cr_expect_gt(read_class("batfish-ref/batfish__batfish/networks/example"), 97.0);
}

/* Everything else that lies there, whatever it is: counted whole, never a crash. */
static bool is_small(const char *path, const struct stat *st)
{
	(void)path;
	return st->st_size < 2000000;
}

Test(ios_corpus, any_text)
{
	static const char *const classes[] = { "cisco-ios", "cisco-nxos", "arista",
					       "cisco-asa", "cisco-xr",	  "policy-gen" };
	struct shares s = { 0 };
	struct paths paths = { 0 };
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		const char *folder = corpus_folder(classes[i]);
		if (folder)
			paths_gather(&paths, folder, is_small);
	}
	vec_each (p, &paths)
		read_one(*p, &s);
	printf("any text: %zu files, %zu refused, slowest %.2f s\n", s.files, s.unread,
	       s.slowest);
	map_finish(&s.reasons);
	paths_free(&paths);
}
