/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other people's IOS, NX-OS and EOS configurations: each is read without a crash, every line
 * of it counted, in a bounded time. Prints the share of policy lines that were modelled
 * exactly, by class, and why the others weren't.
 */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "collectors/collector.h"

extern const struct collector collector_ios;

static VEC(char *) paths;

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

static int gather(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)ftw;
	if (type == FTW_F && !is_other(path))
		*vec_add(&paths) = xstrdup(path);
	return 0;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

/* Fills paths with the configurations below, sorted. False where the corpus is absent. */
static bool find_files(const char *below)
{
	const char *shared = getenv("PLUMBLINE_SHARED"), *root = getenv("SOURCE_ROOT");
	char top[4096];
	vec_each (p, &paths)
		free(*p);
	paths.n = 0;
	if (shared)
		snprintf(top, sizeof(top), "%s/corpus/%s", shared, below);
	else
		snprintf(top, sizeof(top), "%s/../shared/corpus/%s", root ? root : ".", below);
	nftw(top, gather, 16, FTW_PHYS);
	if (!paths.n) {
		printf("skipped: no corpus at %s\n", top);
		return false;
	}
	qsort(paths.v, paths.n, sizeof(*paths.v), by_name);
	return true;
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

/* The reason without what is the file's own: words with digits in them. */
static void count_reason(struct map *reasons, const char *why)
{
	struct text t = { 0 };
	for (const char *word = why; *word;) {
		size_t len = strcspn(word, " ");
		bool own = false;
		for (size_t i = 0; i < len; i++)
			own |= is_digit(word[i]);
		if (own)
			text_put(&t, "*");
		else
			text_putn(&t, word, len);
		word += len;
		if (*word)
			text_putc(&t, *word++);
	}
	void **n = map_at(reasons, t.s ? t.s : "");
	*n = (void *)((uintptr_t)*n + 1);
	text_finish(&t);
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

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_one(const char *path, struct shares *s)
{
	struct snapshot *snap = snapshot_create();
	struct arena *a = arena_create();
	struct diags d;
	const struct source *src;
	diags_init(&d, a);
	s->files++;
	if (source_open(a, &d, path, path, &src)) {
		s->unread++;
	} else {
		double start = now();
		int err = collector_run(&collector_ios, snap, &d, "device", PLANE_PHYSICAL,
					&src, 1);
		double took = now() - start;
		const struct account *acc = snap->accounts.v[0];
		if (took > s->slowest)
			s->slowest = took;
		cr_expect_lt(took, 5, "%s took %.1f s", path, took);
		cr_expect_eq(account_total(acc), src->n_lines, "%s", path);
		cr_expect_eq(err != 0, acc->failed, "%s", path);
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
			count_reason(&s->reasons, e->why);
		}
	}
	snapshot_destroy(snap);
	diags_finish(&d);
	arena_destroy(a);
}

static double share(const size_t *v)
{
	size_t all = v[ACCOUNT_EXACT] + v[ACCOUNT_BOUNDED] + v[ACCOUNT_REJECTED];
	return all ? 100.0 * (double)v[ACCOUNT_EXACT] / (double)all : 100;
}

static double read_class(const char *below)
{
	struct shares s = { 0 };
	if (!find_files(below))
		return 100;
	vec_each (p, &paths)
		read_one(*p, &s);
	printf("%s: %zu files (%zu unread), %zu lines; slowest %.2f s\n", below, s.files,
	       s.unread, s.lines, s.slowest);
	printf("  list entries: %.2f%% exact, %zu bounded, %zu rejected, of %zu\n",
	       share(s.entries), s.entries[ACCOUNT_BOUNDED], s.entries[ACCOUNT_REJECTED],
	       s.entries[ACCOUNT_EXACT] + s.entries[ACCOUNT_BOUNDED] +
		       s.entries[ACCOUNT_REJECTED]);
	printf("  policy lines: %.2f%% exact, %zu bounded, %zu rejected; other lines: %zu "
	       "rejected\n",
	       share(s.policy), s.policy[ACCOUNT_BOUNDED], s.policy[ACCOUNT_REJECTED],
	       s.all[ACCOUNT_REJECTED] - s.policy[ACCOUNT_REJECTED]);
	for (size_t i = 0; i < s.reasons.n; i++)
		printf("    %6zu  %s\n", (size_t)(uintptr_t)s.reasons.entries[i].value,
		       s.reasons.entries[i].key);
	map_finish(&s.reasons);
	return share(s.entries);
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
static int gather_all(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_F && st->st_size < 2000000)
		*vec_add(&paths) = xstrdup(path);
	return 0;
}

Test(ios_corpus, any_text)
{
	static const char *const classes[] = { "cisco-ios", "cisco-nxos", "arista",
					       "cisco-asa", "cisco-xr",	  "policy-gen" };
	const char *shared = getenv("PLUMBLINE_SHARED"), *root = getenv("SOURCE_ROOT");
	struct shares s = { 0 };
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		char top[4096];
		if (shared)
			snprintf(top, sizeof(top), "%s/corpus/%s", shared, classes[i]);
		else
			snprintf(top, sizeof(top), "%s/../shared/corpus/%s", root ? root : ".",
				 classes[i]);
		nftw(top, gather_all, 16, FTW_PHYS);
	}
	if (!paths.n)
		printf("skipped: no corpus\n");
	vec_each (p, &paths)
		read_one(*p, &s);
	printf("any text: %zu files, %zu refused, slowest %.2f s\n", s.files, s.unread,
	       s.slowest);
	map_finish(&s.reasons);
}
