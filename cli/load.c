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

/* Keeps what the collectors made of the entry, before anything else is done with it. */
static void remember(struct loaded *l, size_t i, const struct source *const *files, size_t n,
		     size_t first_device, size_t first_account)
{
	struct snapshot *s = l->snap;
	size_t n_devices = s->devices.n - first_device;
	struct device *v = arena_array(s->arena, n_devices, sizeof(*v));
	for (size_t k = 0; k < n_devices; k++)
		v[k] = *s->devices.v[first_device + k];
	l->sources[i] = (struct loaded_source){
		.files = arena_copy(s->arena, files, n * sizeof(*files)),
		.n_files = n,
		.devices = v,
		.n_devices = n_devices,
		.accounts = arena_copy(s->arena, s->accounts.v + first_account,
				       (s->accounts.n - first_account) * sizeof(*s->accounts.v)),
		.n_accounts = s->accounts.n - first_account,
	};
}

static bool same_word(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* The entry of the same name and kind that was read whole from the same bytes, or NULL. */
static const struct loaded_source *read_before(const struct loaded *after,
					       const struct estate_source *es,
					       const struct source *const *files, size_t n)
{
	for (size_t i = 0; after && i < after->estate->n_sources; i++) {
		const struct estate_source *old = &after->estate->sources[i];
		const struct loaded_source *ls = &after->sources[i];
		if (strcmp(old->name, es->name))
			continue;
		if (after->failed[i] || old->plane != es->plane ||
		    !same_word(old->collector, es->collector) || ls->n_files != n ||
		    n != es->n_files)
			return NULL;
		for (size_t k = 0; k < n; k++)
			if (strcmp(ls->files[k]->name, files[k]->name) ||
			    strcmp(ls->files[k]->sha256, files[k]->sha256))
				return NULL;
		return ls;
	}
	return NULL;
}

static void take_over(struct snapshot *s, const struct loaded_source *ls)
{
	for (size_t i = 0; i < ls->n_devices; i++)
		*vec_add(&s->devices) = arena_copy(s->arena, &ls->devices[i],
						   sizeof(*ls->devices));
	for (size_t i = 0; i < ls->n_accounts; i++)
		*vec_add(&s->accounts) = ls->accounts[i];
}

struct files {
	const struct source **v;
	size_t n, cap;
};

/* Opens the entry's files; true where something of it can't be read. */
static bool open_files(struct app *app, struct arena *a, struct diags *d, const char *folder,
		       const struct estate_source *es, struct files *out)
{
	bool failed = false;
	for (size_t k = 0; k < es->n_files; k++) {
		const struct source *src;
		const char *full = arena_printf(app->arena, "%s%s", folder, es->files[k]);
		if (source_open(a, d, full, es->files[k], &src)) {
			failed = true;
			continue;
		}
		/* An empty file is no evidence of a device that has no rules. */
		failed |= !src->size;
		*vec_add(out) = src;
	}
	return failed;
}

static void load_source(struct app *app, const char *folder, const struct loaded *after,
			struct loaded *l, size_t i)
{
	const struct estate_source *es = &l->estate->sources[i];
	struct snapshot *s = l->snap;
	struct arena *bytes = arena_create();
	struct files files = { 0 };
	struct diags said;
	size_t first_device = s->devices.n, first_account = s->accounts.n;
	diags_init(&said, bytes);
	l->failed[i] = open_files(app, bytes, &said, folder, es, &files);
	const struct loaded_source *before =
		l->failed[i] ? NULL : read_before(after, es, files.v, files.n);
	if (before) {
		take_over(s, before);
		l->sources[i] = *before;
		diags_finish(&said); /* it was said when they were read */
		arena_destroy(bytes);
	} else {
		diags_join(&app->diags, &said);
		diags_finish(&said);
		arena_join(s->arena, bytes);
		if (read_entry(app, s, es->name, files.v, files.n, es->collector, es->plane) ||
		    entry_failed(s, files.v, files.n))
			l->failed[i] = true;
		remember(l, i, files.v, files.n, first_device, first_account);
	}
	l->any_failed |= l->failed[i];
	vec_free(&files);
}

int load_estate(struct app *app, const char *path, const struct loaded *after,
		struct loaded *ret)
{
	struct loaded l = { .snap = new_snapshot(after ? after->snap : NULL) };
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
	l.sources = xcalloc(e->n_sources, sizeof(*l.sources));
	for (size_t i = 0; i < e->n_sources; i++)
		load_source(app, folder, after, &l, i);
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
	free(l->sources);
	snapshot_destroy(l->snap);
	memset(l, 0, sizeof(*l));
}
