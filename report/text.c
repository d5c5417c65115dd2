/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report for people. Its first line is the outcome, its last line is the outcome and the
 * exit code; in between the findings, the gravest first, then what the outcome rests on.
 */
#include <string.h>

#include "report/doc.h"
#include "report/formats.h"
#include "report/parts.h"
#include "report/statement.h"

enum { ENTRIES_TOLD = 10 };

static void put_findings_count(struct text *t, const json_t *sum)
{
	static const char *const names[] = { "critical", "high", "medium", "low" };
	const char *between = " (";
	part_count(t, doc_int(sum, "findings"), "finding", "findings");
	for (size_t i = 0; i < 4; i++) {
		long long n = doc_int(sum, names[i]);
		if (!n)
			continue;
		text_putf(t, "%s%lld %s", between, n, names[i]);
		between = ", ";
	}
	if (*between == ',')
		text_putc(t, ')');
	if (doc_int(sum, "possible"))
		text_putf(t, ", %lld of them possible", doc_int(sum, "possible"));
	if (doc_int(sum, "excepted"))
		text_putf(t, ", %lld more excepted", doc_int(sum, "excepted"));
}

/* How many units of the sources were not understood exactly, and failed sources. */
static void gaps(const json_t *doc, long long *ret_inexact, long long *ret_failed)
{
	size_t i;
	json_t *v;
	*ret_inexact = *ret_failed = 0;
	json_array_foreach (doc_array(doc, "sources"), i, v) {
		const json_t *acc = doc_object(v, "account");
		*ret_inexact += doc_int(acc, "bounded") + doc_int(acc, "rejected");
		*ret_failed += doc_bool(v, "failed");
	}
}

static const char *verdict_lint(const json_t *doc, enum ink *ret_ink, struct text *rest)
{
	const json_t *sum = doc_object(doc, "summary");
	long long inexact, failed;
	gaps(doc, &inexact, &failed);
	if (doc_int(sum, "findings")) {
		put_findings_count(rest, sum);
		*ret_ink = INK_MEDIUM;
		return "FOUND";
	}
	if (!json_array_size(doc_array(doc, "sources")) || failed) {
		text_put(rest, failed ? "a source could not be read to its end"
				      : "no source was read");
		*ret_ink = INK_MEDIUM;
		return "INCOMPLETE";
	}
	text_put(rest, "no dead, shadowed or redundant rule, no undefined or unused name");
	if (inexact)
		text_putf(rest, "; %lld lines were not understood exactly, see below", inexact);
	*ret_ink = INK_GOOD;
	return "CLEAN";
}

static const char *verdict_diff(const json_t *doc, enum ink *ret_ink, struct text *rest)
{
	const json_t *sum = doc_object(doc, "summary");
	size_t i, opened = 0, closed = 0;
	json_t *f;
	json_array_foreach (doc_array(doc, "findings"), i, f) {
		opened += !strcmp(doc_get(f, "check"), "diff.opened");
		closed += !strcmp(doc_get(f, "check"), "diff.closed");
	}
	if (json_array_size(doc_array(doc, "findings"))) {
		text_putf(rest, "%zu %s, %zu %s", opened, opened == 1 ? "opening" : "openings",
			  closed, closed == 1 ? "closing" : "closings");
		*ret_ink = INK_MEDIUM;
		return "CHANGED";
	}
	if (doc_int(sum, "exit_code")) {
		text_put(rest, doc_get(sum, "exit_reason"));
		*ret_ink = INK_MEDIUM;
		return "INCONCLUSIVE";
	}
	text_put(rest, "the same packets pass before and after");
	*ret_ink = INK_GOOD;
	return "UNCHANGED";
}

const char *part_verdict(const json_t *doc, enum ink *ret_ink, struct text *rest)
{
	const json_t *sum = doc_object(doc, "summary"), *cover = doc_object(sum, "coverage");
	const char *command = doc_get(doc, "command");
	if (!strcmp(command, "lint"))
		return verdict_lint(doc, ret_ink, rest);
	if (!strcmp(command, "diff"))
		return verdict_diff(doc, ret_ink, rest);
	if (!strcmp(command, "sample"))
		return statement_verdict(doc, ret_ink, rest);

	long long aligned = doc_int(cover, "aligned"), bad = doc_int(cover, "misaligned");
	long long open = doc_int(cover, "inconclusive"), all = aligned + bad + open;
	long long exit = doc_int(sum, "exit_code");
	if (bad || exit == 1) {
		put_findings_count(rest, sum);
		if (open)
			text_putf(rest, "; %lld of %lld comparisons inconclusive", open, all);
		if (exit == 3)
			text_put(rest, "; an input could not be read");
		*ret_ink = INK_CRITICAL;
		return bad ? "MISALIGNED" : "FINDINGS";
	}
	if (exit == 2 || exit == 3) {
		text_put(rest, doc_get(sum, "exit_reason"));
		*ret_ink = INK_CRITICAL;
		return "INCOMPLETE";
	}
	if (!all) {
		text_put(rest, "no zone pair was compared");
		*ret_ink = INK_MEDIUM;
		return "INCONCLUSIVE";
	}
	if (open || exit) {
		text_putf(rest, "%lld of %lld comparisons could not be judged", open, all);
		if (doc_int(sum, "findings")) {
			text_put(rest, "; ");
			put_findings_count(rest, sum);
		}
		*ret_ink = INK_MEDIUM;
		return "INCONCLUSIVE";
	}
	part_count(rest, part_pairs(doc_array(doc, "coverage")),
		   "zone pair agrees with the policy and between planes",
		   "zone pairs agree with the policy and between planes");
	text_putf(rest, ", %lld of %lld comparisons", aligned, all);
	long long inexact, failed;
	gaps(doc, &inexact, &failed);
	if (inexact)
		text_putf(
			rest,
			"; %lld units of what was read were not understood exactly, see below",
			inexact);
	if (doc_int(sum, "findings") || doc_int(sum, "excepted")) {
		text_put(rest, "; ");
		put_findings_count(rest, sum);
	}
	*ret_ink = INK_GOOD;
	return "ALIGNED";
}

static void put_verdict(struct report *r)
{
	struct text rest = { 0 }, line = { 0 };
	enum ink ink;
	const char *word = part_verdict(r->results, &ink, &rest);
	text_putf(&line, "%s: %s.", word, rest.s ? rest.s : "");
	struct text wrapped = { 0 };
	page_wrap(&wrapped, r->style, INK_PLAIN, "", 0, line.s);
	page_ink(r->out, r->style, ink);
	text_put(r->out, word);
	page_plain(r->out, r->style);
	text_put(r->out, wrapped.s + strlen(word));
	text_finish(&wrapped);
	text_finish(&line);
	text_finish(&rest);
}

/* What a reader does about an outcome that is none. */
static void put_advice(struct report *r)
{
	const json_t *sum = doc_object(r->results, "summary");
	long long open = doc_int(doc_object(sum, "coverage"), "inconclusive");
	if (!open)
		return;
	page_wrap(
		r->out, r->style, INK_PLAIN, "  ", 2,
		"Inconclusive is not aligned: nothing is said about those pairs. The coverage "
		"below gives each one's reason and the line to look at; declare the path in "
		"the estate, collect the missing export, or rewrite the line that was not "
		"understood.");
}

static void text_begin(struct report *r)
{
	const json_t *doc = r->results, *policy = doc_object(doc, "policy");
	struct text s = { 0 };

	put_verdict(r);
	text_putf(&s, "plumbline %s %s", doc_get(doc_object(doc, "plumbline"), "version"),
		  doc_get(doc, "command"));
	if (*doc_get(doc, "estate"))
		text_putf(&s, ": estate %s", doc_get(doc, "estate"));
	if (policy) {
		text_putf(&s, " against policy %s", doc_get(policy, "name"));
		if (*doc_get(policy, "version"))
			text_putf(&s, " %s", doc_get(policy, "version"));
	}
	if (*doc_get(doc, "as_of"))
		text_putf(&s, ", as of %s", doc_get(doc, "as_of"));
	page_ink(r->out, r->style, INK_FAINT);
	page_wrap(r->out, r->style, INK_PLAIN, "  ", 2, s.s);
	page_plain(r->out, r->style);
	text_finish(&s);
	put_advice(r);
}

static void text_finding(struct report *r, const json_t *finding)
{
	text_putc(r->out, '\n');
	part_finding(r->out, r->style, finding);
}

static void text_end(struct report *r)
{
	const json_t *sum = doc_object(r->results, "summary");
	struct text s = { 0 };

	part_statement(r->out, r->style, r->results);
	part_matrix(r->out, r->style, r->results);
	part_coverage(r->out, r->style, r->results);
	part_sources(r->out, r->style, r->results, ENTRIES_TOLD);
	part_diagnostics(r->out, r->style, r->results);

	text_putc(r->out, '\n');
	long long n = doc_int(sum, "witnesses"), replayed = doc_int(sum, "replayed");
	if (n && n == replayed)
		text_putf(&s,
			  "Every packet above was replayed rule by rule: %lld of %lld agree.",
			  replayed, n);
	else if (n)
		text_putf(&s,
			  "Only %lld of %lld packets agreed when they were replayed rule by "
			  "rule: this is an error of this program, please report it.",
			  replayed, n);
	if (s.len)
		page_wrap(r->out, r->style, INK_PLAIN, "", 0, s.s);
	put_verdict(r);
	text_clear(&s);
	text_putf(&s, "exit %lld", doc_int(sum, "exit_code"));
	if (*doc_get(sum, "exit_reason"))
		text_putf(&s, ": %s", doc_get(sum, "exit_reason"));
	page_wrap(r->out, r->style, INK_PLAIN, "  ", 2, s.s);
	text_finish(&s);
}

const struct report_format report_text = {
	.name = "text",
	.summary = "for people: findings with the packet, the quoted lines and what to do",
	.begin = text_begin,
	.finding = text_finding,
	.end = text_end,
};
