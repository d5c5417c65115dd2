/* SPDX-License-Identifier: Apache-2.0 */
/* Where the results of periods go. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/sample.h"

static int complain(const char *path, const char *what, int err)
{
	fprintf(stderr, "plumbline: %s can't be %s: %s\n", path, what, strerror(err));
	return EXIT_INPUT;
}

int sample_worse(int a, int b)
{
	static const int order[] = { EXIT_USAGE, EXIT_INPUT, EXIT_FINDINGS, EXIT_INCONCLUSIVE };
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return EXIT_ALIGNED;
}

/* Of the same length, so that they are in order as text. */
static const char pattern[] = "sample-ddddddddTdddddd.dddZ.json";

const char *sample_name(struct arena *a, int64_t begin)
{
	char day[32];
	struct tm tm;
	int64_t ms = begin > 0 ? begin / 1000000 : 0;
	time_t s = (time_t)(ms / 1000);
	if (!gmtime_r(&s, &tm) || !strftime(day, sizeof(day), "%Y%m%dT%H%M%S", &tm))
		return "sample-00000000T000000.000Z.json";
	return arena_printf(a, "sample-%s.%03dZ.json", day, (int)(ms % 1000));
}

static bool is_ours(const char *name)
{
	const char *p = pattern;
	for (; *p && *name; p++, name++)
		if (*p == 'd' ? !isdigit((unsigned char)*name) : *p != *name)
			return false;
	return !*p && !*name;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct names {
	VEC(const char *) v;
};

static bool list(struct arena *a, const char *folder, struct names *out)
{
	DIR *d = opendir(folder);
	const struct dirent *e;
	if (!d)
		return false;
	while (errno = 0, (e = readdir(d)))
		if (is_ours(e->d_name))
			*vec_add(&out->v) = arena_str(a, e->d_name);
	bool whole = !errno;
	closedir(d);
	if (out->v.n)
		qsort(out->v.v, out->v.n, sizeof(*out->v.v), by_name);
	return whole;
}

static int rotate(struct app *app, const char *folder, const char *fresh, uint64_t keep,
		  const char *const **ret_removed, size_t *ret_n)
{
	struct names names = { { 0 } };
	int code = 0;
	size_t n = 0;
	if (!list(app->arena, folder, &names))
		code = complain(folder, "read", errno);
	const char **removed = arena_array(app->arena, names.v.n, sizeof(*removed));
	size_t left = names.v.n;
	for (size_t i = 0; i < names.v.n && left > keep; i++) {
		const char *path = arena_printf(app->arena, "%s/%s", folder, names.v.v[i]);
		struct stat st;
		/* the one just written isn't the oldest, whatever the clock said */
		if (!strcmp(names.v.v[i], fresh) || lstat(path, &st) || !S_ISREG(st.st_mode))
			continue;
		if (unlink(path)) {
			code = complain(path, "removed", errno);
			continue;
		}
		removed[n++] = path;
		left--;
	}
	vec_free(&names.v);
	*ret_removed = removed;
	*ret_n = n;
	return code;
}

int sample_write(struct app *app, const char *folder, const char *name, uint64_t keep,
		 const struct results *res, const char *const **ret_removed, size_t *ret_n)
{
	struct text t = { 0 };
	const char *path = arena_printf(app->arena, "%s/%s", folder, name);
	if (mkdir(folder, 0777) && errno != EEXIST)
		return complain(folder, "made", errno);
	results_text(res, &t);
	int err = file_write(path, t.s, t.len);
	text_finish(&t);
	if (err)
		return complain(path, "written", -err);
	return rotate(app, folder, name, keep, ret_removed, ret_n);
}

int sample_write_metrics(const char *path, const struct metrics *m)
{
	struct text t = { 0 };
	metrics_text(m, &t);
	int err = file_write(path, t.s, t.len);
	text_finish(&t);
	return err ? complain(path, "written", -err) : 0;
}
