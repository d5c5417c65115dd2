/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/*
 * The command line: the only room that prints, reads options and the clock, and exits. One
 * file a subcommand (cli/cmd_NAME.c), each with one const table, listed in cli/main.c.
 */

#include <getopt.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/vec.h"
#include "collectors/collector.h"
#include "diff/diff.h"
#include "policies/policies.h"
#include "report/report.h"

/* The words that other programs rely on. */
enum exit_code {
	EXIT_ALIGNED = 0,
	EXIT_FINDINGS = 1,
	EXIT_USAGE = 2,	       /* usage or configuration */
	EXIT_INPUT = 3,	       /* an input could not be read */
	EXIT_INCONCLUSIVE = 4, /* nothing worse than inconclusive */
};

struct app {
	struct arena *arena;
	struct diags diags;
	size_t printed; /* of the diagnostics */
	struct report_style out_style, err_style; /* of standard output and error */
	bool progress;				  /* standard error is a terminal */
	const char *usage;			  /* of the command at hand */
};

struct command {
	const char *name;
	const char *synopsis; /* "ESTATE [--fail-on LEVEL]..." */
	const char *summary;  /* one line for the list */
	const char *help;     /* the options, a line each */
	int (*run)(struct app *app, int argc, char **argv); /* argv[0] is the command's name */
};

extern const struct command cmd_check, cmd_diff, cmd_query, cmd_eval, cmd_lint, cmd_show,
	cmd_report, cmd_list, cmd_collect, cmd_sample;

/* Says what is wrong with the call and how it is called: EXIT_USAGE. */
int usage_error(const struct app *app, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints the diagnostics collected since the last call on standard error. They quote their
 * sources: call it before those are freed. */
void print_diags(struct app *app);

/*
 * Where documents go: --format F[:PATH], several times. Without a path a document goes to
 * standard output; at most one may.
 */
struct outputs {
	VEC(struct output {
		const struct report_format *format;
		const char *path; /* NULL: standard output */
	}) v;
};
/* EXIT_USAGE after a message, or 0. */
int outputs_add(struct app *app, struct outputs *o, const char *arg);
/* Renders the results to all of them; 0 or EXIT_INPUT when a file can't be written. */
int outputs_write(struct app *app, struct outputs *o, json_t *results);
/* The same of results that are no document yet. */
int outputs_write_results(struct app *app, struct outputs *o, const struct results *res);
void outputs_free(struct outputs *o);

/* All of standard output at once; EXIT_INPUT when it can't be written, or 0. */
int write_stdout(struct app *app, const char *s, size_t len);

/* What one entry of an estate's sources became. */
struct loaded_source {
	const struct source *const *files;
	size_t n_files;
	/* As the collector made them: nothing in them depends on other sources. */
	const struct device *devices;
	size_t n_devices;
	struct account *const *accounts;
	size_t n_accounts;
};

/* What was loaded. */
struct loaded {
	const struct estate *estate; /* NULL for plain sources */
	struct snapshot *snap;
	bool *failed; /* by place in estate->sources */
	bool any_failed;
	struct loaded_source *sources; /* by place in estate->sources; NULL for plain sources */
};

/*
 * Reads an estate, its policies and all its sources. after: what was loaded before and must
 * outlive this (two estates that are compared), or NULL: its ids are not used again, and a
 * source whose files are the same bytes is not read a second time but has the bodies of its
 * devices in common with it. 0, or EXIT_USAGE when the estate or a policy is wrong. Sources
 * that can't be read are marked failed, the others are still read.
 */
int load_estate(struct app *app, const char *path, const struct loaded *after,
		struct loaded *ret);
/* Plain exports: each a source of its own name; a directory is one source. */
int load_sources(struct app *app, char *const *paths, int n, const char *collector,
		 const struct snapshot *after, struct loaded *ret);
void loaded_free(struct loaded *l);

/*
 * What a question to one source is about: the ruleset of that name, or the only one there is
 * (*ret_ruleset), or the way across its only device (*ret_ruleset stays NULL). 0, or the exit
 * code after a message.
 */
int choose_subject(struct app *app, const struct snapshot *s, const char *name,
		   const struct device **ret_device, const struct ruleset **ret_ruleset);

/* Service matrices of one source, for `show --matrix`. */
struct matrix_options {
	VEC(const char *) services;
	VEC(const char *) behind; /* IFACE=PREFIX,... or IFACE=!PREFIX,... */
	const char *ruleset, *iif, *oif; /* NULL: not told */
	bool json;
};
int show_matrices(struct app *app, const struct loaded *l, const struct matrix_options *o);

/* How many threads can run at once here. */
size_t cores(void);

/* --fail-on LEVEL: an enum severity, or one beyond the last for "none". 0 or an exit code. */
int fail_on_option(const struct app *app, const char *arg, int *ret);
/* --as-of YYYY-MM-DD, or today (UTC) where it isn't given. False where it isn't a date. */
bool as_of_option(const char *arg, int64_t *ret_days);
const char *date_text(struct arena *a, int64_t days);

/* The exit code that follows from results; also puts it with its reason into them. */
int judge_results(struct results *res, enum severity fail_on, bool failed_input);

/* Progress on a terminal: "checking 12/144". */
void show_progress(void *user, size_t done, size_t all);

#endif
