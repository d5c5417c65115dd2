/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One finding, as an engineer has to act on it: what is wrong, one packet that shows it, the
 * lines that decide on each side, how much more traffic is concerned, and what to do.
 */
#include <string.h>

#include "report/doc.h"
#include "report/parts.h"
#include "report/quote.h"
#include "report/statement.h"

/* Where what a label says begins. */
enum { LABEL = 14, INDENT = 2 };

enum ink part_ink(const char *severity)
{
	if (!strcmp(severity, "critical"))
		return INK_CRITICAL;
	if (!strcmp(severity, "high"))
		return INK_HIGH;
	return strcmp(severity, "medium") ? INK_LOW : INK_MEDIUM;
}

static const struct role {
	const char *name, *says;
	enum ink ink;
} roles[] = {
	{ "permits", "permits", INK_HIGH },
	{ "denies", "denies", INK_LOW },
	{ "default-deny", "denies by default", INK_LOW },
	{ "default-permit", "permits by default", INK_HIGH },
	{ "not-understood", "not understood", INK_MEDIUM },
	{ "declares", "declares", INK_LOW },
	{ "hides", "decides first", INK_LOW },
	{ "hidden", "never decides", INK_MEDIUM },
	{ "never", "never decides", INK_MEDIUM },
	{ "names", "names", INK_LOW },
	{ "address-translation", "translates addresses", INK_MEDIUM },
};

static const struct role *role_of(const char *name)
{
	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		if (!strcmp(roles[i].name, name))
			return &roles[i];
	return NULL;
}

static void add(struct text *t, const char *before, const char *s, const char *behind)
{
	if (*s)
		text_putf(t, "%s%s%s", before, s, behind);
}

/* "edge (physical), access list outside_in, line 3; looked after by netops" */
static void put_rule(struct text *t, struct report_style st, const json_t *rule)
{
	const char *role = doc_get(rule, "role");
	const struct role *known = role_of(role);
	const char *device = doc_get(rule, "device");
	const char *kind = doc_get(rule, "kind"), *ruleset = doc_get(rule, "ruleset");
	struct text s = { 0 };

	text_put(&s, *device ? device : "the policy");
	if (*device)
		add(&s, " (", doc_get(rule, "plane"), ")");
	if (*ruleset) {
		text_put(&s, ", ");
		add(&s, "", kind, " ");
		text_put(&s, ruleset);
	}
	add(&s, ", ", doc_get(rule, "rule"), "");
	add(&s, "; looked after by ", doc_get(rule, "owner"), "");

	struct text label = { 0 };
	text_putf(&label, "%*s%s:", INDENT, "", known ? known->says : role);
	struct text safe = { 0 };
	page_put(&safe, label.s);
	page_wrap(t, st, known ? known->ink : INK_STRONG, safe.s,
		  (unsigned)page_columns(safe.s, safe.len) + 1, s.s);
	text_finish(&safe);
	text_finish(&label);
	text_finish(&s);

	const char *note = doc_get(rule, "note");
	if (*note) {
		bool unknown = !strcmp(role, "not-understood");
		page_wrap(t, st, INK_PLAIN,
			  unknown ? "    because: " : "    note: ", unknown ? LABEL : 10, note);
	}
	struct place at = place_of_json(rule);
	quote_put(t, st, INDENT, &at, known ? known->ink : INK_STRONG);
}

static void put_zone(struct text *t, const json_t *finding, const char *zone,
		     const char *tenant)
{
	text_put(t, doc_get(finding, zone));
	add(t, " (tenant ", doc_get(finding, tenant), ")");
}

static void put_head(struct text *t, struct report_style st, const json_t *f)
{
	const char *severity = doc_get(f, "severity");
	struct text s = { 0 }, line = { 0 };

	text_putf(&s, "%s [%s]: %s", severity, doc_get(f, "check"), doc_get(f, "title"));
	page_wrap(&line, st, INK_PLAIN, "", 0, s.s);
	/* The grave part is coloured, as far as the first blank behind the check's id. */
	size_t label = strlen(severity) + 1;
	label = label < line.len ? label + strcspn(line.s + label, " \n") : line.len - 1;
	page_ink(t, st, part_ink(severity));
	text_putn(t, line.s, label);
	page_plain(t, st);
	page_ink(t, st, INK_STRONG);
	text_putn(t, line.s + label, line.len - label - 1);
	page_plain(t, st);
	text_putc(t, '\n');
	text_finish(&line);
	text_clear(&s);

	text_putf(&s, "%s", doc_get(f, "id"));
	if (*doc_get(f, "from") || *doc_get(f, "to")) {
		text_put(&s, "; ");
		put_zone(&s, f, "from", "from_tenant");
		text_put(&s, " -> ");
		put_zone(&s, f, "to", "to_tenant");
	}
	add(&s, "; plane: ", doc_get(f, "plane"), "");
	const json_t *e = doc_object(f, "exception");
	if (e && !doc_bool(e, "expired"))
		add(&s, "; excepted by ", doc_get(e, "id"), "");
	bool possible = !strcmp(doc_get(f, "certainty"), "possible");
	text_put(&s,
		 possible ? "; possible: it rests on what was not understood" : "; certain");
	page_wrap(t, st, INK_PLAIN, "  ", INDENT, s.s);
	text_finish(&s);
}

static void put_exception(struct text *t, struct report_style st, const json_t *f)
{
	const json_t *e = doc_object(f, "exception");
	if (!e)
		return;
	struct text s = { 0 };
	bool expired = doc_bool(e, "expired");
	text_putf(&s, "%s %s %s", doc_get(e, "id"), expired ? "EXPIRED on" : "holds until",
		  doc_get(e, "expires"));
	add(&s, ", approved by ", doc_get(e, "approved_by"), "");
	add(&s, ", owner ", doc_get(e, "owner"), "");
	add(&s, ": ", doc_get(e, "justification"), "");
	page_wrap(t, st, INK_PLAIN, "  exception: ", LABEL, s.s);
	text_finish(&s);
}

static void put_list(struct text *t, struct report_style st, const char *label,
		     const json_t *list, const char *between)
{
	struct text s = { 0 };
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v) {
		if (i)
			text_put(&s, between);
		text_put(&s, json_string_value(v) ? json_string_value(v) : "");
	}
	if (s.len)
		page_wrap(t, st, INK_PLAIN, label, LABEL, s.s);
	text_finish(&s);
}

static void put_traffic(struct text *t, struct report_style st, const json_t *f)
{
	const json_t *boxes = doc_array(f, "traffic");
	long long left = doc_int(f, "traffic_left");
	size_t i;
	json_t *v;
	json_array_foreach (boxes, i, v)
		page_wrap(t, st, INK_PLAIN, i ? "" : "  traffic:", LABEL,
			  json_string_value(v) ? json_string_value(v) : "");
	if (left > 0)
		text_putf(t, "%*sand %lld more\n", LABEL, "", left);
}

/* Where the zones exist twice: what the packet is held against. */
static void put_twin(struct text *t, struct report_style st, const json_t *twin)
{
	const json_t *w = twin ? doc_object(twin, "witness") : NULL;
	struct text s = { 0 };
	if (!twin)
		return;
	text_putf(&s, "%s to %s", doc_get(twin, "from"), doc_get(twin, "to"));
	if (w)
		text_putf(&s, ": %s", doc_get(w, "say"));
	page_wrap(t, st, INK_PLAIN, "  against:", LABEL, s.s);
	if (w)
		page_wrap(t, st, INK_PLAIN, "", LABEL, doc_get(w, "text"));
	text_finish(&s);
}

void part_finding(struct text *t, struct report_style st, const json_t *f)
{
	const json_t *rules = doc_array(f, "rules"), *w = doc_object(f, "witness");
	size_t i;
	json_t *v;

	put_head(t, st, f);
	if (w) {
		text_putc(t, '\n');
		page_wrap(t, st, INK_PLAIN, "  packet:", LABEL, doc_get(w, "say"));
		page_wrap(t, st, INK_PLAIN, "", LABEL, doc_get(w, "text"));
	}
	put_twin(t, st, doc_object(f, "counterpart"));
	part_seen(t, st, f);
	json_array_foreach (rules, i, v) {
		text_putc(t, '\n');
		put_rule(t, st, v);
	}
	text_putc(t, '\n');
	put_traffic(t, st, f);
	put_list(t, st, "  path:", doc_array(f, "path"), ", then ");
	struct text s = { 0 };
	const char *responsible = doc_get(f, "responsible");
	text_put(&s, doc_get(f, "owner"));
	if (*responsible) {
		text_put(&s, s.len ? " (" : "");
		text_put(&s, !strcmp(responsible, "csp")   ? "the cloud service provider"
			     : !strcmp(responsible, "csc") ? "the cloud service customer"
							   : "provider and customer together");
		text_put(&s, *doc_get(f, "owner") ? ")" : "");
	}
	if (s.len)
		page_wrap(t, st, INK_PLAIN, "  who acts:", LABEL, s.s);
	text_finish(&s);
	page_wrap(t, st, INK_PLAIN, "  what to do:", LABEL, doc_get(f, "message"));
	put_list(t, st, "  controls:", doc_array(f, "controls"), ", ");
	put_exception(t, st, f);
}
