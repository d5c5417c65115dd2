/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sample supports, for whoever quotes it: what was looked at, what follows from it, what
 * doesn't, and why. Every number is of this capture, at its place and in its window.
 */
#include <string.h>

#include "report/doc.h"
#include "report/parts.h"
#include "report/statement.h"

enum { LABEL = 16, PAIRS_TOLD = 40, FLOWS_TOLD = 60 };

static void put_count(struct text *t, long long n, const char *one, const char *many)
{
	part_count(t, n, one, many);
}

static void line(struct text *t, struct report_style st, const char *label, struct text *s)
{
	if (s->len)
		page_wrap(t, st, INK_PLAIN, label, LABEL, s->s);
	text_clear(s);
}

/* A rate for people: "0.3 %"; never less than it is. */
static void put_rate(struct text *t, double rate)
{
	double percent = rate * 100;
	if (percent >= 10)
		text_putf(t, "%.0f %%", percent + 0.5 < 100 ? percent + 0.5 : 100);
	else if (percent >= 0.1)
		text_putf(t, "%.2f %%", percent + 0.005);
	else
		text_putf(t, "%.2g %%", percent * 1.05);
}

static double real(const json_t *obj, const char *key)
{
	return json_number_value(json_object_get(obj, key));
}

static long long violations(const json_t *doc)
{
	return doc_int(doc_object(doc_object(doc, "statement"), "all"), "violating");
}

const char *statement_verdict(const json_t *doc, enum ink *ret_ink, struct text *rest)
{
	const json_t *st = doc_object(doc, "statement"), *sum = doc_object(doc, "summary");
	long long exit = doc_int(sum, "exit_code"), judged = doc_int(st, "judged");
	if (exit == 1 || (exit == 3 && violations(doc))) {
		put_count(rest, doc_int(sum, "findings"), "finding", "findings");
		text_put(rest, " in ");
		put_count(rest, judged, "flow", "flows");
		if (exit == 3)
			text_put(rest, "; an input could not be read");
		*ret_ink = INK_CRITICAL;
		return "VIOLATIONS";
	}
	if (exit == 2 || exit == 3) {
		text_put(rest, doc_get(sum, "exit_reason"));
		*ret_ink = INK_CRITICAL;
		return "INCOMPLETE";
	}
	if (exit) {
		text_put(rest, doc_get(sum, "exit_reason"));
		*ret_ink = INK_MEDIUM;
		return "INCONCLUSIVE";
	}
	const json_t *between = doc_object(st, "between_tenants");
	if (violations(doc) || doc_int(sum, "findings"))
		text_put(rest, "nothing at or above the level asked for in ");
	else
		text_put(rest, "no violation in ");
	put_count(rest, judged, "flow", "flows");
	text_put(rest, ", ");
	text_putf(rest, "%lld of them between tenants", doc_int(between, "flows"));
	*ret_ink = INK_GOOD;
	return "CLEAN";
}

void part_seen(struct text *t, struct report_style st, const json_t *finding)
{
	const json_t *seen = doc_object(finding, "seen");
	struct text s = { 0 };
	if (!seen)
		return;
	text_putf(&s, "%s, packet %lld, %s", doc_get(seen, "where"), doc_int(seen, "packet"),
		  doc_get(seen, "first"));
	if (*doc_get(seen, "segment"))
		text_putf(&s, ", %s", doc_get(seen, "segment"));
	page_wrap(t, st, INK_PLAIN, "  seen:", 14, s.s);
	text_clear(&s);
	put_count(&s, doc_int(seen, "flows"), "flow", "flows");
	text_putf(&s, " (%lld answered), ", doc_int(seen, "answered"));
	put_count(&s, doc_int(seen, "packets"), "packet", "packets");
	text_putf(&s, ", the last at %s", doc_get(seen, "last"));
	page_wrap(t, st, INK_PLAIN, "", 14, s.s);
	text_clear(&s);
	if (*doc_get(seen, "model")) {
		text_putf(&s, "%s", doc_get(seen, "model"));
		page_wrap(t, st, INK_PLAIN, "  model:", 14, s.s);
	}
	if (*doc_get(seen, "why"))
		page_wrap(t, st, INK_PLAIN, "  not known:", 14, doc_get(seen, "why"));
	if (*doc_get(seen, "excerpt"))
		page_wrap(t, st, INK_PLAIN, "  excerpt:", 14, doc_get(seen, "excerpt"));
	text_finish(&s);
}

static void put_inputs(struct text *t, struct report_style style, const json_t *st)
{
	const json_t *inputs = doc_array(st, "inputs"), *w = doc_object(st, "window"),
		     *p = doc_object(st, "period");
	struct text s = { 0 };
	size_t i;
	json_t *v;
	json_array_foreach (inputs, i, v) {
		if (i == 10) {
			text_putf(&s, " and %zu more", json_array_size(inputs) - i);
			break;
		}
		text_putf(&s, "%s%s", i ? ", " : "",
			  json_string_value(v) ? json_string_value(v) : "");
	}
	line(t, style, "  from:", &s);
	if (*doc_get(w, "first"))
		text_putf(&s, "%s to %s", doc_get(w, "first"), doc_get(w, "last"));
	line(t, style, "  window:", &s);
	if (p)
		text_putf(&s, "%s to %s, judged by what has the digest %.16s%s",
			  doc_get(p, "begin"), doc_get(p, "end"), doc_get(p, "digest"),
			  doc_bool(p, "outdated") ? ", which is out of date" : "");
	line(t, style, "  period:", &s);
	text_put(&s, doc_get(st, "filter"));
	line(t, style, "  filter:", &s);
	text_put(&s, doc_get(st, "sandbox"));
	line(t, style, "  decoded in:", &s);
	text_finish(&s);
}

static void put_packets(struct text *t, struct report_style style, const json_t *st)
{
	const json_t *p = doc_object(st, "packets");
	struct text s = { 0 };
	long long kernel = doc_int(p, "dropped_kernel"),
		  iface = doc_int(p, "dropped_interface");
	text_putf(&s, "%lld received = %lld processed + %lld dropped", doc_int(p, "received"),
		  doc_int(p, "processed"), kernel + iface);
	if (kernel || iface)
		text_putf(&s, " (%lld by the kernel, %lld by the interface)", kernel, iface);
	if (doc_int(p, "sampled_out"))
		text_putf(&s, "; %lld left out by sampling", doc_int(p, "sampled_out"));
	line(t, style, "  packets:", &s);
	size_t i;
	json_t *v;
	json_array_foreach (doc_array(p, "anomalies"), i, v)
		text_putf(&s, "%s%lld %s", i ? ", " : "", doc_int(v, "packets"),
			  doc_get(v, "anomaly"));
	line(t, style, "  odd packets:", &s);
	text_putf(&s, "%lld judged", doc_int(st, "judged"));
	if (doc_int(st, "one_in") > 1)
		text_putf(&s, "; all that may be between tenants, 1 in %lld of the others",
			  doc_int(st, "one_in"));
	line(t, style, "  flows:", &s);
	json_array_foreach (doc_array(st, "verdicts"), i, v)
		if (doc_int(v, "flows"))
			text_putf(&s, "%s%lld %s", s.len ? ", " : "", doc_int(v, "flows"),
				  doc_get(v, "verdict"));
	if (doc_int(st, "excepted"))
		text_putf(&s, " (%lld under an exception)", doc_int(st, "excepted"));
	line(t, style, "  verdicts:", &s);
	text_finish(&s);
}

static void put_bound(struct text *s, const json_t *of, const char *what, const char *none)
{
	long long n = doc_int(of, "flows"), bad = doc_int(of, "violating");
	if (!n) {
		text_put(s, none);
		return;
	}
	text_put(s, "Of ");
	put_count(s, n, "flow", "flows");
	if (bad)
		text_putf(s, " %s, %lld %s the policy", what, bad,
			  bad == 1 ? "violates" : "violate");
	else
		text_putf(s, " %s, none violates the policy", what);
	text_put(s, ": with 95 % confidence at most ");
	put_rate(s, real(of, "rate_bound_95"));
	text_put(s, " of such flows do, at this place and in this window.");
}

static void put_support(struct text *t, struct report_style style, const json_t *st)
{
	const json_t *between = doc_object(st, "between_tenants");
	struct text s = { 0 };
	put_bound(&s, between, "between tenants",
		  "No flow between tenants was seen: nothing follows about them.");
	if (doc_int(between, "unknown"))
		text_putf(&s, " Of %lld more it isn't known.", doc_int(between, "unknown"));
	page_wrap(t, style, INK_PLAIN, "  ", 2, s.s);
	text_clear(&s);
	put_bound(&s, doc_object(st, "all"), "in all", "No flow was judged.");
	page_wrap(t, style, INK_PLAIN, "  ", 2, s.s);
	text_clear(&s);
	text_put(&s, "Positive control: ");
	if (doc_int(st, "positive_control")) {
		put_count(&s, doc_int(st, "positive_control"), "declared flow was",
			  "declared flows were");
		text_put(&s, " seen, so that the traffic passes here.");
	} else {
		text_put(&s, "none. No declared flow was seen.");
	}
	page_wrap(t, style, INK_PLAIN, "  ", 2, s.s);
	text_finish(&s);
}

static void put_pairs(struct text *t, struct report_style style, const json_t *st)
{
	const json_t *pairs = doc_array(st, "tenant_pairs"),
		     *missed = doc_array(st, "tenant_pairs_missed");
	struct text s = { 0 };
	size_t i;
	json_t *v;
	json_array_foreach (pairs, i, v) {
		if (i == PAIRS_TOLD) {
			text_putf(t, "%*sand %zu more\n", LABEL, "",
				  json_array_size(pairs) - i);
			break;
		}
		text_putf(&s, "%s -> %s: ", doc_get(v, "from"), doc_get(v, "to"));
		put_count(&s, doc_int(v, "flows"), "flow", "flows");
		text_put(&s, ", ");
		put_count(&s, doc_int(v, "packets"), "packet", "packets");
		if (doc_int(v, "violating"))
			text_putf(&s, ", %lld violating", doc_int(v, "violating"));
		if (doc_int(v, "unknown"))
			text_putf(&s, ", %lld unknown", doc_int(v, "unknown"));
		line(t, style, i ? "" : "  covered:", &s);
	}
	json_array_foreach (missed, i, v) {
		if (i == PAIRS_TOLD)
			break;
		text_putf(&s, "%s%s and %s", i ? "; " : "", doc_get(v, "from"),
			  doc_get(v, "to"));
	}
	size_t n = json_array_size(missed) + (size_t)doc_int(st, "tenant_pairs_missed_left");
	if (n > PAIRS_TOLD)
		text_putf(&s, "; and %zu more", n - PAIRS_TOLD);
	line(t, style, "  not covered:", &s);
	text_finish(&s);
}

static void put_flows(struct text *t, struct report_style style, const json_t *st, bool seen)
{
	struct text s = { 0 };
	size_t i, n = 0;
	json_t *v;
	json_array_foreach (doc_array(st, "declared_flows"), i, v) {
		if ((doc_int(v, "flows") > 0) != seen)
			continue;
		if (++n > FLOWS_TOLD)
			continue;
		text_putf(&s, "%s%s", n > 1 ? ", " : "", doc_get(v, "id"));
		if (seen)
			text_putf(&s, " (%lld)", doc_int(v, "flows"));
	}
	if (n > FLOWS_TOLD)
		text_putf(&s, ", and %zu more", n - FLOWS_TOLD);
	if (n && !seen)
		text_put(&s, ": candidates to close, if this window is long enough");
	line(t, style, seen ? "  seen:" : "  never seen:", &s);
	text_finish(&s);
}

static void put_list(struct text *t, struct report_style style, const json_t *list)
{
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v)
		page_wrap(t, style, INK_PLAIN, "  - ", 4,
			  json_string_value(v) ? json_string_value(v) : "");
}

void part_statement(struct text *t, struct report_style style, const json_t *doc)
{
	const json_t *st = doc_object(doc, "statement");
	if (!st)
		return;
	part_heading(t, style, "What was looked at");
	put_inputs(t, style, st);
	put_packets(t, style, st);
	part_heading(t, style, "What it supports");
	put_support(t, style, st);
	part_heading(t, style, "Pairs of tenants");
	put_pairs(t, style, st);
	part_heading(t, style, "Declared flows");
	put_flows(t, style, st, true);
	put_flows(t, style, st, false);
	if (json_array_size(doc_array(st, "inconclusive"))) {
		part_heading(t, style, "Why it isn't clean");
		put_list(t, style, doc_array(st, "inconclusive"));
	}
	if (json_array_size(doc_array(st, "notes"))) {
		part_heading(t, style, "To be known besides");
		put_list(t, style, doc_array(st, "notes"));
	}
}
