/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CORPUS_WALK_H
#define TESTS_CORPUS_WALK_H

/* Other people's files, for the tests that read all of them, and what is told of the reading.
 */

#include <sys/stat.h>

#include "base/map.h"
#include "base/vec.h"
#include "collectors/collector.h"

struct paths {
	char **v;
	size_t n, cap;
};

/*
 * The folder "cisco-asa" of the corpus, which is where PLUMBLINE_SHARED says, or in ../shared
 * beside the sources; valid until the next call. NULL, said on standard output: it isn't there.
 */
const char *corpus_folder(const char *below);

/* Adds the files of the folder and below it that `wanted` takes (NULL: all); all are sorted. */
void paths_gather(struct paths *ps, const char *folder,
		  bool (*wanted)(const char *path, const struct stat *st));
void paths_free(struct paths *ps);

/* A file of tests/corpus, in the arena. */
const struct source *corpus_list(struct arena *a, const char *name);
/* Behind the tab of the first line whose beginning stands in the path; NULL: no such line. */
const char *corpus_listed(struct arena *a, const struct source *list, const char *path);

/* One source read by one collector. */
struct reading {
	struct snapshot *snap;
	struct arena *arena;
	struct diags diags;
	const struct source *src;
	int err;
	double seconds;
};

void reading_start(struct reading *r);
/* Asserts that it can be opened. */
void reading_open(struct reading *r, const char *path);
void reading_run(struct reading *r, const struct collector *c, const char *device,
		 enum plane plane);
void reading_done(struct reading *r);

/* Of lines or members that carry policy, in percent. */
double share_exact(const size_t *classes);

/* Counts a reason in a map of counts. */
void reasons_count(struct map *reasons, const char *why);
/* The same without what is the file's own: words with digits, and with dashes if asked. */
void reasons_count_alike(struct map *reasons, const char *why, bool dashes);
/* Prints the 60 that are met most, and frees all. */
void reasons_print(struct map *reasons);

/* Seconds since some moment. */
double clock_now(void);

#endif
