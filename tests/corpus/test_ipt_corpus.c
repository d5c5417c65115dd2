/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other people's iptables: every file is read with a complete account, or refused by a named
 * diagnostic that ipt_known_refusals.tsv expects (scripts, listings for people, notes). Prints
 * the share modelled exactly and the reasons of the rest by count.
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
#include "model/interp.h"

extern const struct collector collector_iptables;

static const char *corpus(void)
{
	static char top[4000];
	const char *shared = getenv("PLUMBLINE_SHARED"), *root = getenv("SOURCE_ROOT");
	struct stat st;
	if (shared)
		snprintf(top, sizeof(top), "%s/corpus/iptables", shared);
	else
		snprintf(top, sizeof(top), "%s/../shared/corpus/iptables", root ? root : ".");
	if (!stat(top, &st))
		return top;
	printf("skipped: no corpus at %s\n", top);
	return NULL;
}

static VEC(char *) paths;

static int gather(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)ftw;
	if (type == FTW_F)
		*vec_add(&paths) = xstrdup(path);
	return 0;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

/* The code beside the first part of the path that the list has; NULL: none, or "-". */
static const char *known_refusal(struct arena *a, const char *path)
{
	static const struct source *list;
	const char *root = getenv("SOURCE_ROOT");
	char name[4096];
	if (!list) {
		struct diags d;
		diags_init(&d, a);
		snprintf(name, sizeof(name), "%s/tests/corpus/ipt_known_refusals.tsv",
			 root ? root : ".");
		cr_assert_eq(source_open(a, &d, name, name, &list), 0);
		diags_finish(&d);
	}
	for (uint32_t i = 1; i <= list->n_lines; i++) {
		size_t len;
		const char *s = source_line(list, i, &len);
		const char *tab = memchr(s, '\t', len);
		if (tab && *s != '#' && strstr(path, arena_strn(a, s, (size_t)(tab - s))))
			return tab[1] == '-' ? NULL
					     : arena_strn(a, tab + 1, strcspn(tab + 1, "\t\n"));
	}
	return NULL;
}

static int by_count(const void *x, const void *y)
{
	const struct map_entry *a = x, *b = y;
	if (a->value != b->value)
		return a->value < b->value ? 1 : -1;
	return strcmp(a->key, b->key);
}

/* Every ruleset answers, and its certain answer is a possible one. */
static void ask(const struct device *d, const char *path)
{
	struct packet p = { .proto = PROTO_TCP, .dport = 22, .sport = 40000, .flags = TCP_SYN };
	p.src.lo = 0x0a000001, p.dst.lo = 0xc0a80101;
	p.iif = "eth0", p.oif = "eth1";
	for (size_t i = 0; i < d->n_hooks; i++) {
		struct interp_answer a = interp(d->hooks[i].ruleset, &p);
		cr_expect(!a.sure || a.maybe, "%s", path);
	}
}

Test(ipt_corpus, every_file, .timeout = 600)
{
	const char *top = corpus();
	size_t total[ACCOUNT_CLASSES] = { 0 }, policy[ACCOUNT_CLASSES] = { 0 }, refused = 0;
	struct map reasons = { 0 };
	if (!top)
		return;
	nftw(top, gather, 16, FTW_PHYS);
	cr_assert_gt(paths.n, 100);
	qsort(paths.v, paths.n, sizeof(*paths.v), by_name);
	struct arena *lists = arena_create();
	vec_each (path, &paths) {
		struct arena *arena = arena_create();
		struct diags d;
		const struct source *src;
		struct timespec from, to;
		diags_init(&d, arena);
		cr_assert_eq(source_open(arena, &d, *path, *path, &src), 0);
		struct snapshot *snap = snapshot_create();
		struct collect c = { .snap = snap,
				     .diags = &d,
				     .device = "host",
				     .plane = PLANE_VIRTUAL,
				     .sources = &src,
				     .n_sources = 1 };
		clock_gettime(CLOCK_MONOTONIC, &from);
		int err = collector_iptables.read(&c, src);
		clock_gettime(CLOCK_MONOTONIC, &to);
		cr_expect_lt(to.tv_sec - from.tv_sec, 5, "%s took too long", *path);
		const char *code = known_refusal(lists, *path);
		const struct account *acc = snap->accounts.v[0];
		cr_expect_eq(err != 0, code != NULL, "%s: %s", *path,
			     code  ? "is read now"
			     : d.n ? d.v[d.n - 1].code
				   : "?");
		cr_expect_eq(err != 0, acc->failed, "%s", *path);
		if (code) {
			cr_expect(diags_has(&d, code), "%s: not refused by %s", *path, code);
			refused++;
		} else {
			cr_expect_eq(account_total(acc), src->n_lines, "%s: %zu of %u lines",
				     *path, account_total(acc), src->n_lines);
			cr_assert_eq(snap->devices.n, 1, "%s", *path);
			ask(snap->devices.v[0], *path);
			for (int i = 0; i < ACCOUNT_CLASSES; i++)
				total[i] += acc->count[i], policy[i] += acc->policy[i];
			vec_each (e, &acc->entries) {
				void **n = map_at(&reasons, e->why);
				*n = (void *)((uintptr_t)*n + 1);
				cr_expect_not_null(e->at.src);
			}
		}
		snapshot_destroy(snap);
		diags_finish(&d);
		arena_destroy(arena);
	}
	size_t all = policy[ACCOUNT_EXACT] + policy[ACCOUNT_BOUNDED] + policy[ACCOUNT_REJECTED];
	printf("%zu files read, %zu refused\n", paths.n - refused, refused);
	printf("%zu exact, %zu bounded, %zu rejected of %zu lines that carry policy (%.1f %% "
	       "exact); %zu without a say\n",
	       policy[ACCOUNT_EXACT], policy[ACCOUNT_BOUNDED], policy[ACCOUNT_REJECTED], all,
	       all ? 100.0 * (double)policy[ACCOUNT_EXACT] / (double)all : 0,
	       total[ACCOUNT_IRRELEVANT]);
	if (reasons.n)
		qsort(reasons.entries, reasons.n, sizeof(*reasons.entries), by_count);
	for (size_t i = 0; i < reasons.n && i < 60; i++)
		printf("\t%zu\t%s\n", (size_t)reasons.entries[i].value, reasons.entries[i].key);
	map_finish(&reasons);
	arena_destroy(lists);
}
