/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SAMPLE_H
#define CLI_SAMPLE_H

/*
 * `plumbline sample`: one run of capture, judged in one piece or, with --interval, period by
 * period. cmd_sample.c has the options, sample_run.c the run, sample_standing.c what is judged
 * by, sample_result.c what comes of a period, sample_files.c where that goes.
 */

#include <stdatomic.h>

#include "capture/kernel_filter.h"
#include "capture/sample.h"
#include "capture/worker.h"
#include "cli/cli.h"
#include "report/metrics.h"

struct sample_asked {
	struct check_options check; /* as_of: the day that the run began */
	struct outputs outputs;
	struct capture_input in; /* in.interval: of a long run; 0: one piece */
	VEC(const char *) files;
	const char *estate;
	const char *as_of, *excerpt;
	uint64_t one_in;
	bool per_packet;
	int fail_on; /* enum severity; one beyond the last: never */
	/* Of a long run. */
	const char *out, *metrics; /* NULL: not asked for */
	uint64_t keep;		   /* documents in out */
	bool events;
};

/* The whole run: an exit code. */
int sample_run(struct app *app, struct sample_asked *a);

/* ---- sample_standing.c */

/* What is judged by: an estate as it was read, with its policy, sources and judge. */
struct standing {
	struct app app; /* its diagnostics: what was said of the inputs */
	struct loaded loaded;
	struct check_options check;
	struct judge *judge;
	struct arena *judging;	     /* its memory */
	struct kernel_filter filter; /* program NULL: the kernel leaves nothing out */
	const char *digest;	     /* SHA-256 over the names and digests of all inputs */
	const char *why;	     /* it isn't fit to be judged by; NULL: it is */
};

/*
 * Reads all and makes the filter, not yet the judge. 0, or the exit code where nothing can be
 * judged by it. *ret is given out in both cases (for its diagnostics, and why). The app is only
 * looked at: another thread may use it.
 */
int standing_read(const struct app *app, const struct sample_asked *a, struct standing **ret);
/* Makes the judge, or another one for that day. Days since 1970. */
void standing_judge(struct standing *s, int64_t as_of);
void standing_destroy(struct standing *s); /* NULL is fine */

/* The same in a thread, so that packets go on being taken in meanwhile. */
struct reading;
struct reading *reading_begin(const struct app *app, const struct sample_asked *a,
			      int64_t as_of);
bool reading_over(const struct reading *r);
/* Waits, and frees it; the judge is made as well. As standing_read(). */
int reading_end(struct reading *r, struct standing **ret);

/* ---- sample_result.c */

enum { SAMPLE_EXCERPTS = 1000 }; /* files of excerpts of a long run */

struct sample_told {
	const struct sample_asked *asked;
	const struct standing *standing;
	const struct capture_worker *worker; /* NULL: it didn't come to that */
	const struct statement_period *period; /* NULL: the run is one */
	bool lost;			       /* an input could not be read */
	struct map *excerpts; /* of a long run: ids of which there are files; NULL otherwise */
};

/* Names of where records are from, for observation_options. */
const char *sample_interface(void *told, unsigned interface);
const char *sample_where(void *told, const struct flow_record *r);
/* A new array in the arena, of *ret_n. */
const char *const *sample_inputs(struct arena *a, const struct capture_input *in,
				 size_t *ret_n);

/*
 * Everything that follows from what was observed: findings, statement, exit code. res and st
 * live in the arena of app and are of the caller's; diags: what belongs to the document. 0, or
 * EXIT_INPUT where an excerpt couldn't be written.
 */
int sample_result(struct app *app, struct sample_told *told, struct observations *o,
		  const struct diags *diags, struct statement *st, struct results *res);

/* ---- sample_files.c */

/* Of two exit codes the one that matters more: 2, 3, 1, 4, 0. */
int sample_worse(int a, int b);
/* "sample-20261122T110000.000Z.json" */
const char *sample_name(struct arena *a, int64_t begin);
/*
 * Writes a period's document into the folder, which is made where it isn't there, then removes
 * the oldest of such documents until there are at most keep. 0 or EXIT_INPUT after a message.
 */
int sample_write(struct app *app, const char *folder, const char *name, uint64_t keep,
		 const struct results *res, const char *const **ret_removed, size_t *ret_n);
/* 0 or EXIT_INPUT after a message. */
int sample_write_metrics(const char *path, const struct metrics *m);

#endif
