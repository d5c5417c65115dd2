/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "tests/corpus/walk.h"

const char *corpus_folder(const char *below)
{
	static char top[4000];
	const char *shared = getenv("PLUMBLINE_SHARED"), *root = getenv("SOURCE_ROOT");
	struct stat st;

	if (shared)
		snprintf(top, sizeof(top), "%s/corpus/%s", shared, below);
	else
		snprintf(top, sizeof(top), "%s/../shared/corpus/%s", root ? root : ".", below);
	if (!stat(top, &st))
		return top;
	printf("skipped: no corpus at %s\n", top);
	return NULL;
}

/* nftw() has no argument of its own for what it calls. */
static struct paths *gathered;
static bool (*takes)(const char *path, const struct stat *st);

static int gather(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_F && (!takes || takes(path, st)))
		*vec_add(gathered) = xstrdup(path);
	return 0;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

void paths_gather(struct paths *ps, const char *folder,
		  bool (*wanted)(const char *path, const struct stat *st))
{
	gathered = ps;
	takes = wanted;
	nftw(folder, gather, 16, FTW_PHYS);
	if (ps->n)
		qsort(ps->v, ps->n, sizeof(*ps->v), by_name);
}

void paths_free(struct paths *ps)
{
	vec_each (p, ps)
		free(*p);
	vec_free(ps);
}

const struct source *corpus_list(struct arena *a, const char *name)
{
	const char *root = getenv("SOURCE_ROOT");
	char path[4096];
	const struct source *list;
	struct diags d;

	diags_init(&d, a);
	snprintf(path, sizeof(path), "%s/tests/corpus/%s", root ? root : ".", name);
	cr_assert_eq(source_open(a, &d, path, path, &list), 0, "%s", path);
	diags_finish(&d);
	return list;
}

const char *corpus_listed(struct arena *a, const struct source *list, const char *path)
{
	for (uint32_t i = 1; i <= list->n_lines; i++) {
		size_t len;
		const char *s = source_line(list, i, &len);
		const char *tab = memchr(s, '\t', len);

		if (tab && *s != '#' && strstr(path, arena_strn(a, s, (size_t)(tab - s))))
			return arena_strn(a, tab + 1, len - (size_t)(tab - s) - 1);
	}
	return NULL;
}

void reading_start(struct reading *r)
{
	*r = (struct reading){ .snap = snapshot_create(), .arena = arena_create() };
	diags_init(&r->diags, r->arena);
}

void reading_open(struct reading *r, const char *path)
{
	cr_assert_eq(source_open(r->arena, &r->diags, path, path, &r->src), 0, "%s", path);
}

void reading_run(struct reading *r, const struct collector *c, const char *device,
		 enum plane plane)
{
	double began = clock_now();

	r->err = collector_run(c, r->snap, &r->diags, device, plane, &r->src, 1);
	r->seconds = clock_now() - began;
}

void reading_done(struct reading *r)
{
	snapshot_destroy(r->snap);
	diags_finish(&r->diags);
	arena_destroy(r->arena);
}

double share_exact(const size_t *v)
{
	size_t all = v[ACCOUNT_EXACT] + v[ACCOUNT_BOUNDED] + v[ACCOUNT_REJECTED];

	return all ? 100.0 * (double)v[ACCOUNT_EXACT] / (double)all : 100;
}

void reasons_count(struct map *reasons, const char *why)
{
	void **n = map_at(reasons, why);

	*n = (void *)((uintptr_t)*n + 1);
}

void reasons_count_alike(struct map *reasons, const char *why, bool dashes)
{
	struct text t = { 0 };

	for (const char *word = why; *word;) {
		size_t len = strcspn(word, " ");

		if (strcspn(word, dashes ? "-0123456789" : "0123456789") < len)
			text_put(&t, "*");
		else
			text_putn(&t, word, len);
		word += len;
		if (*word)
			text_putc(&t, *word++);
	}
	reasons_count(reasons, t.s ? t.s : "");
	text_finish(&t);
}

static int by_count(const void *x, const void *y)
{
	const struct map_entry *a = x, *b = y;

	if (a->value != b->value)
		return a->value < b->value ? 1 : -1;
	return strcmp(a->key, b->key);
}

void reasons_print(struct map *reasons)
{
	if (reasons->n)
		qsort(reasons->entries, reasons->n, sizeof(*reasons->entries), by_count);
	for (size_t i = 0; i < reasons->n && i < 60; i++)
		printf("  %6zu  %s\n", (size_t)(uintptr_t)reasons->entries[i].value,
		       reasons->entries[i].key);
	map_finish(reasons);
}

double clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
