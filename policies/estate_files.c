/* SPDX-License-Identifier: Apache-2.0 */
#include "policies/estate_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/*
 * Exports of cloud accounts come as folders of accounts and regions. A folder that is read
 * only in part would end as "nothing is permitted there", so whatever we can't list is put
 * among the files by its own name: whoever opens it fails, and the source counts as unread.
 */

enum { DIR_MAX_DEPTH = 8, DIR_MAX_FILES = 100000 };

const char *file_of(struct reader *r, const struct node *node)
{
	const char *s = text_of(r, node);
	if (!s || *s != '/')
		return s;
	diag_error(r->d, EINVAL, "estate.absolute-path", node->at,
		   "'%s' begins with /: name it from the estate's folder, so that the estate "
		   "means the same elsewhere ('..' is fine)",
		   shown(r, s));
	return NULL;
}

struct listing {
	struct reader *r;
	struct loc at;
	size_t hidden;
	VEC(const char *) files;
};

static void give_up(struct listing *l, const char *name, const char *why)
{
	diag_warning(l->r->d, "estate.dir", l->at, "%s: %s", name, why);
	*vec_add(&l->files) = name;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void list_dir(struct listing *l, int parent, const char *entry, const char *name,
		     unsigned depth);

/* One entry of the open folder: a file, a folder, or what is neither. */
static void list_entry(struct listing *l, int fd, const char *entry, const char *dir,
		       unsigned depth)
{
	const char *name = arena_printf(l->r->arena, "%s/%s", dir, entry);
	struct stat st;
	/* Names go into reports, which are UTF-8. */
	if (utf8_valid(entry, strlen(entry)) != strlen(entry))
		give_up(l, dir, "the name of a file in it is not UTF-8: rename the file");
	else if (!fstatat(fd, entry, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode))
		list_dir(l, fd, entry, name, depth + 1);
	else
		*vec_add(&l->files) = name;
}

static void list_dir(struct listing *l, int parent, const char *entry, const char *name,
		     unsigned depth)
{
	if (depth > DIR_MAX_DEPTH) {
		give_up(l, name, "folders in folders beyond 8 levels");
		return;
	}
	int fd = openat(parent, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		give_up(l, name,
			errno == ENOTDIR ? "not a folder (links are not followed)"
					 : strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	VEC(const char *) entries = { 0 };
	struct dirent *ent;
	while (errno = 0, (ent = readdir(dir)))
		if (ent->d_name[0] != '.')
			*vec_add(&entries) = arena_str(l->r->arena, ent->d_name);
		else if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, ".."))
			l->hidden++;
	if (errno)
		give_up(l, name, strerror(errno));
	if (entries.n)
		qsort(entries.v, entries.n, sizeof(*entries.v), compare_names);
	vec_each (e, &entries) {
		if (l->files.n >= DIR_MAX_FILES) {
			give_up(l, name, "more than 100000 files");
			break;
		}
		list_entry(l, fd, *e, name, depth);
	}
	vec_free(&entries);
	closedir(dir);
}

void files_below(struct reader *r, const char *folder, const char *dir, struct loc at,
		 const char *const **ret_files, size_t *ret_n)
{
	struct listing l = { .r = r, .at = at };
	size_t len = strlen(dir);
	while (len > 1 && dir[len - 1] == '/') /* behind a slash a link would be followed */
		len--;
	dir = arena_strn(r->arena, dir, len);
	list_dir(&l, AT_FDCWD, arena_printf(r->arena, "%s/%s", folder, dir), dir, 0);
	if (l.hidden)
		diag_note(r->d, "estate.hidden", at,
			  "%zu files with a dot in front are left out: rename them if they are "
			  "exports",
			  l.hidden);
	if (!l.files.n)
		give_up(&l, dir, "no file in this folder: put the exports there");
	if (l.files.n)
		qsort(l.files.v, l.files.n, sizeof(*l.files.v), compare_names);
	*ret_files = (const char *const *)vec_keep(r->arena, &l.files);
	*ret_n = l.files.n;
	vec_free(&l.files);
}
