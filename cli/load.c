/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

static struct snapshot *new_snapshot(const struct snapshot *after)
{
	struct snapshot *s = snapshot_create();
	if (after) {
		s->matches.n = after->matches.n;
		s->n_rules = after->n_rules;
		s->n_rulesets = after->n_rulesets;
	}
	return s;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* "fw1.cfg" of the source "edge" is the device "edge:fw1". */
static const char *device_name(struct arena *a, const char *source, const char *file, bool one)
{
	if (one)
		return source;
	const char *base = last_part(file), *dot = strrchr(base, '.');
	size_t len = dot && dot != base ? (size_t)(dot - base) : strlen(base);
	return arena_printf(a, "%s:%.*s", source, (int)len, base);
}

/* One entry: its files, read by the collector that is named or that knows them. */
static int read_entry(struct app *app, struct snapshot *s, const char *name,
		      const struct source *const *v, size_t n, const char *collector, int plane)
{
	int err = 0;
	for (size_t i = 0; i < n;) {
		const struct collector *col = collector_choose(&app->diags, v[i], collector);
		if (!col) {
			err = -EINVAL;
			/* The account says that nothing of it was read. */
			snapshot_account(s, v[i], "none", "line")->failed = true;
			i++;
			continue;
		}
		enum plane pl = plane < 0 ? col->plane : (enum plane)plane;
		size_t take = col->whole ? n - i : 1;
		/* A folder of cloud exports is read whole, as far as the same collector knows it. */
		for (size_t k = 1; k < take; k++)
			if (!collector && collector_choose(&app->diags, v[i + k], NULL) != col)
				take = k;
		int one = collector_run(col, s, &app->diags,
					device_name(s->arena, name, v[i]->name, take == n), pl, &v[i],
					take);
		err = err ? err : one;
		i += take;
	}
	return err;
}

static bool entry_failed(const struct snapshot *s, const struct source *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vec_each(acc, &s->accounts)
			if ((*acc)->src == v[i] && (*acc)->failed)
				return true;
	return false;
}

int load_estate(struct app *app, const char *path, const struct snapshot *after,
		struct loaded *ret)
{
	struct loaded l = { .snap = new_snapshot(after) };
	const struct estate *e;
	int err = estate_read(&l.snap->matches, &app->diags, path, &e);
	if (err) {
		print_diags(app); /* they quote what goes with the snapshot */
		snapshot_destroy(l.snap);
		return EXIT_USAGE;
	}
	const char *slash = strrchr(path, '/');
	const char *folder = slash ? arena_strn(app->arena, path, (size_t)(slash - path) + 1) : "";
	l.estate = e;
	l.failed = xcalloc(e->n_sources, sizeof(bool));
	for (size_t i = 0; i < e->n_sources; i++) {
		const struct estate_source *es = &e->sources[i];
		VEC(const struct source *) files = { 0 };
		for (size_t k = 0; k < es->n_files; k++) {
			const struct source *src;
			const char *full = arena_printf(app->arena, "%s%s", folder, es->files[k]);
			if (source_open(l.snap->arena, &app->diags, full, es->files[k], &src)) {
				l.failed[i] = true;
				continue;
			}
			/* An empty file is no evidence of a device that has no rules. */
			l.failed[i] = l.failed[i] || !src->size;
			*vec_add(&files) = src;
		}
		if (read_entry(app, l.snap, es->name, files.v, files.n, es->collector, es->plane) ||
		    entry_failed(l.snap, files.v, files.n))
			l.failed[i] = true;
		l.any_failed |= l.failed[i];
		vec_free(&files);
	}
	snapshot_namespaces(l.snap, &app->diags);
	*ret = l;
	return 0;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

enum { FOLDER_DEPTH = 8 };

struct text_list {
	const char **v;
	size_t n, cap;
};

static bool unreadable(struct app *app, const char *path)
{
	diag_error(&app->diags, errno, "source.unreadable", LOC_NONE, "%s: %s", path,
		   strerror(errno));
	return false;
}

/* All files below path, sorted. False where a folder could not be read to its end. */
static bool walk(struct app *app, const char *path, int depth, struct text_list *out)
{
	struct text_list names = { 0 };
	DIR *dir = opendir(path);
	if (!dir)
		return unreadable(app, path);
	struct dirent *e;
	while (errno = 0, (e = readdir(dir)))
		if (e->d_name[0] != '.')
			*vec_add(&names) = arena_printf(app->arena, "%s/%s", path, e->d_name);
	bool whole = !errno || unreadable(app, path);
	closedir(dir);
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;
		/* What can't be asked is put among the files: opening it says why. */
		bool folder = !lstat(names.v[i], &st) && S_ISDIR(st.st_mode);
		if (folder && depth == FOLDER_DEPTH)
			whole = !diag_error(&app->diags, ELOOP, "source.too-deep", LOC_NONE,
					    "%s: folders nested deeper than %d are not read",
					    names.v[i], FOLDER_DEPTH);
		else if (folder)
			whole &= walk(app, names.v[i], depth + 1, out);
		else
			*vec_add(out) = names.v[i];
	}
	vec_free(&names);
	return whole;
}

int load_sources(struct app *app, char *const *paths, int n, const char *collector,
		 const struct snapshot *after, struct loaded *ret)
{
	struct loaded l = { .snap = new_snapshot(after) };
	if (collector && !collector_find(collector)) {
		snapshot_destroy(l.snap);
		return usage_error(app, "there is no collector \"%s\" (plumbline list collectors)",
				   collector);
	}
	for (int i = 0; i < n; i++) {
		struct text_list files = { 0 };
		VEC(const struct source *) srcs = { 0 };
		struct stat st;
		if (!lstat(paths[i], &st) && S_ISDIR(st.st_mode))
			l.any_failed |= !walk(app, paths[i], 0, &files);
		else
			*vec_add(&files) = paths[i];
		if (!files.n) {
			diag_error(&app->diags, ENOENT, "source.empty-folder", LOC_NONE,
				   "%s holds no file", paths[i]);
			l.any_failed = true;
		}
		for (size_t k = 0; k < files.n; k++) {
			const struct source *src;
			const char *name = files.v[k][0] == '/' ? last_part(files.v[k]) : files.v[k];
			if (source_open(l.snap->arena, &app->diags, files.v[k], name, &src)) {
				l.any_failed = true;
				continue;
			}
			l.any_failed |= !src->size;
			*vec_add(&srcs) = src;
		}
		if (read_entry(app, l.snap, device_name(app->arena, "", paths[i], false) + 1, srcs.v,
			       srcs.n, collector, -1) ||
		    entry_failed(l.snap, srcs.v, srcs.n))
			l.any_failed = true;
		vec_free(&srcs);
		vec_free(&files);
	}
	*ret = l;
	return 0;
}

void loaded_free(struct loaded *l)
{
	free(l->failed);
	snapshot_destroy(l->snap);
	memset(l, 0, sizeof(*l));
}
