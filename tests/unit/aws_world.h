/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_AWS_WORLD_H
#define TESTS_UNIT_AWS_WORLD_H

/* A set of AWS exports read as the estate entry "cloud", and questions to it. */

#include <criterion/criterion.h>

#include "collectors/collector.h"
#include "model/interp.h"

extern const struct collector collector_aws;

enum { FILES_MAX = 16 };

struct world {
	struct snapshot *snap;
	struct arena *arena;
	struct diags diags;
	const struct source *src[FILES_MAX];
	size_t n;
	int err; /* what the reader gave */
};

/* A zeroed world grows by files, is read once and thrown away, then zeroed again. */
void add_file(struct world *w, const char *name, const char *text);
void run(struct world *w);
void done(struct world *w);

/*
 * A file of tests/fuzz/corpus/aws: two subnets with one ACL each, web in one, db and an
 * administrator's host in the other, and a prefix list that nobody collected. The caller frees.
 */
char *load(const char *name);
void add_loaded(struct world *w, const char *name);
void add_all(struct world *w); /* the whole set */
void whole(struct world *w);   /* and read */

const struct device *device(struct world *w, const char *name);
/* "permit", "deny" or "unknown": all rulesets of the two ports together. */
const char *judge(struct world *w, const char *dev, const char *in, const char *out,
		  const char *line);
/* The same of one ruleset. */
const char *judge_one(struct world *w, const char *dev, const char *ruleset, const char *line);
const struct account *account_of(struct world *w, const char *name);

#define is_counted(w, name, irrelevant, exact, bounded, rejected)                              \
	do {                                                                                   \
		const struct account *acc_ = account_of(w, name);                              \
		cr_expect_eq(acc_->count[ACCOUNT_IRRELEVANT], irrelevant, "irrelevant %zu",    \
			     acc_->count[ACCOUNT_IRRELEVANT]);                                 \
		cr_expect_eq(acc_->count[ACCOUNT_EXACT], exact, "exact %zu",                   \
			     acc_->count[ACCOUNT_EXACT]);                                      \
		cr_expect_eq(acc_->count[ACCOUNT_BOUNDED], bounded, "bounded %zu",             \
			     acc_->count[ACCOUNT_BOUNDED]);                                    \
		cr_expect_eq(acc_->count[ACCOUNT_REJECTED], rejected, "rejected %zu",          \
			     acc_->count[ACCOUNT_REJECTED]);                                   \
		cr_expect_eq(acc_->entries.n, (size_t)(bounded) + (rejected));                 \
	} while (0)

#define is(a, b) cr_expect_str_eq((a), (b))

#endif
