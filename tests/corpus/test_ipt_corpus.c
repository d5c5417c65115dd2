/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other people's iptables: every file is read with a complete account, or refused by a named
 * diagnostic that ipt_known_refusals.tsv expects (scripts, listings for people, notes). Prints
 * the share modelled exactly and the reasons of the rest by count.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/interp.h"
#include "tests/corpus/walk.h"

extern const struct collector collector_iptables;

/* The code that the list expects of the file, or NULL. */
static const char *known_refusal(struct arena *a, const struct source *list, const char *path)
{
	const char *s = corpus_listed(a, list, path);
	return !s || *s == '-' ? NULL : arena_strn(a, s, strcspn(s, "\t\n"));
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
	const char *top = corpus_folder("iptables");
	size_t total[ACCOUNT_CLASSES] = { 0 }, policy[ACCOUNT_CLASSES] = { 0 }, refused = 0;
	struct map reasons = { 0 };
	struct paths paths = { 0 };
	if (!top)
		return;
	paths_gather(&paths, top, NULL);
	cr_assert_gt(paths.n, 100);
	struct arena *lists = arena_create();
	const struct source *refusals = corpus_list(lists, "ipt_known_refusals.tsv");
	vec_each (path, &paths) {
		struct reading r;
		reading_start(&r);
		reading_open(&r, *path);
		reading_run(&r, &collector_iptables, "host", PLANE_VIRTUAL);
		cr_expect_lt(r.seconds, 5, "%s took too long", *path);
		const char *code = known_refusal(lists, refusals, *path);
		const struct account *acc = r.snap->accounts.v[0];
		cr_expect_eq(r.err != 0, code != NULL, "%s: %s", *path,
			     code	 ? "is read now"
			     : r.diags.n ? r.diags.v[r.diags.n - 1].code
					 : "?");
		cr_expect_eq(r.err != 0, acc->failed, "%s", *path);
		if (code) {
			cr_expect(diags_has(&r.diags, code), "%s: not refused by %s", *path,
				  code);
			refused++;
		} else {
			cr_expect_eq(account_total(acc), r.src->n_lines, "%s: %zu of %u lines",
				     *path, account_total(acc), r.src->n_lines);
			cr_assert_eq(r.snap->devices.n, 1, "%s", *path);
			ask(r.snap->devices.v[0], *path);
			for (int i = 0; i < ACCOUNT_CLASSES; i++)
				total[i] += acc->count[i], policy[i] += acc->policy[i];
			vec_each (e, &acc->entries) {
				reasons_count(&reasons, e->why);
				cr_expect_not_null(e->at.src);
			}
		}
		reading_done(&r);
	}
	size_t all = policy[ACCOUNT_EXACT] + policy[ACCOUNT_BOUNDED] + policy[ACCOUNT_REJECTED];
	printf("%zu files read, %zu refused\n", paths.n - refused, refused);
	printf("%zu exact, %zu bounded, %zu rejected of %zu lines that carry policy (%.1f %% "
	       "exact); %zu without a say\n",
	       policy[ACCOUNT_EXACT], policy[ACCOUNT_BOUNDED], policy[ACCOUNT_REJECTED], all,
	       share_exact(policy), total[ACCOUNT_IRRELEVANT]);
	reasons_print(&reasons);
	arena_destroy(lists);
	paths_free(&paths);
}
