/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SARIF 2.1.0 (OASIS Standard with errata 01) for code hosts: one run, a result a finding.
 *
 * A host that shows no result looks as if all were well. So what could not be judged is told
 * too: as results of kind "open" where a finding is only possible, and as notifications of
 * the run where a zone pair is inconclusive or a source was not read.
 *
 * Written with GitHub's limits in mind: at most 25,000 results a run, only the first location
 * shown, 1,000 locations a result, and of the fingerprints only primaryLocationLineHash read.
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "report/doc.h"
#include "report/formats.h"
#include "report/place.h"
#include "report/sarif_rules.h"

enum { RESULTS_MAX = 25000, RELATED_MAX = 100, NOTICES_MAX = 1000, TRAFFIC_MAX = 5 };

struct sarif {
	const json_t *doc;
	/* Names to their index + 1 in the document's files, checks and controls. */
	struct map files, checks, controls;
	json_t *results;
	size_t left; /* findings over the limit */
};

static void index_names(struct map *m, const json_t *list, const char *key)
{
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v) {
		void **at = map_at(m, doc_get(v, key));
		if (!*at)
			*at = (void *)(uintptr_t)(i + 1);
	}
}

/* False where the name is not in the document. */
static bool find_name(const struct map *m, const char *name, size_t *ret_index)
{
	uintptr_t i = (uintptr_t)map_get(m, name);
	if (i)
		*ret_index = i - 1;
	return i != 0;
}

/* RFC 3986: what may stand in a path stays, all else is percent-encoded. */
static json_t *uri_of(const char *file)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/!$&'()*+,;=@";
	struct text t = { 0 };
	for (const char *p = file; *p; p++)
		if (strchr(plain, *p))
			text_putc(&t, *p);
		else
			text_putf(&t, "%%%02X", (unsigned char)*p);
	json_t *uri = doc_string(t.s ? t.s : "");
	text_finish(&t);
	return uri;
}

static json_t *artifact_location(const struct sarif *s, const char *file)
{
	json_t *j = json_object();
	size_t i;
	doc_put(j, "uri", uri_of(file));
	if (find_name(&s->files, file, &i))
		doc_put_int(j, "index", i);
	return j;
}

/* Four numbers, as GitHub wants them; a place without a column is its whole line. */
static json_t *region_of(const struct place *p)
{
	json_t *j = json_object();
	uint32_t line = p->line ? p->line : 1;
	uint32_t from = p->col ? place_utf16(p, p->col) : 1, to = from + 1;
	uint32_t end = p->from + (uint32_t)p->len;
	if (p->col && p->end_col > p->col)
		to = place_utf16(p, p->end_col);
	else if (p->text && !p->left)
		to = place_utf16(p, end);
	if (to <= from)
		to = from + 1;
	doc_put_int(j, "startLine", line);
	doc_put_int(j, "startColumn", from);
	doc_put_int(j, "endLine", line);
	doc_put_int(j, "endColumn", to);
	/* The marked text itself, where all of it is at hand. */
	uint32_t stop = p->end_col > p->col ? p->end_col : end;
	if (p->text && p->col >= p->from && stop <= end && p->col < stop) {
		json_t *snippet = json_object();
		doc_put(snippet, "text",
			doc_stringn(p->text + (p->col - p->from), stop - p->col));
		doc_put(j, "snippet", snippet);
	}
	return j;
}

static json_t *physical_location(const struct sarif *s, const struct place *p)
{
	json_t *j = json_object();
	doc_put(j, "artifactLocation", artifact_location(s, p->file));
	doc_put(j, "region", region_of(p));
	return j;
}

static void join(struct text *t, const char *before, const char *s)
{
	if (*s)
		text_putf(t, "%s%s", t->len ? before : "", s);
}

/* "edge/access list outside_in/line 1" */
static json_t *logical_locations(const json_t *rule)
{
	struct text t = { 0 };
	join(&t, "", doc_get(rule, "device"));
	join(&t, "/", doc_get(rule, "kind"));
	join(&t, *doc_get(rule, "kind") ? " " : "/", doc_get(rule, "ruleset"));
	join(&t, "/", doc_get(rule, "rule"));
	join(&t, "#", doc_get(rule, "path"));
	if (!t.len) {
		text_finish(&t);
		return NULL;
	}
	json_t *list = json_array(), *j = json_object();
	doc_put_string(j, "fullyQualifiedName", t.s);
	json_array_append_new(list, j);
	text_finish(&t);
	return list;
}

/* "permits: edge, access list outside_in, line 1 (time-range WORK)" */
static void say_rule(struct text *t, const json_t *rule)
{
	text_put(t, doc_get(rule, "role"));
	text_put(t, ": ");
	text_put(t, *doc_get(rule, "device") ? doc_get(rule, "device") : "the policy");
	if (*doc_get(rule, "ruleset"))
		text_putf(t, ", %s%s%s", doc_get(rule, "kind"),
			  *doc_get(rule, "kind") ? " " : "", doc_get(rule, "ruleset"));
	if (*doc_get(rule, "rule"))
		text_putf(t, ", %s", doc_get(rule, "rule"));
	if (*doc_get(rule, "note"))
		text_putf(t, " (%s)", doc_get(rule, "note"));
}

static json_t *location_of(const struct sarif *s, const json_t *rule, const struct place *p,
			   size_t id)
{
	json_t *j = json_object(), *logical = logical_locations(rule);
	if (id)
		doc_put_int(j, "id", id);
	doc_put(j, "physicalLocation", physical_location(s, p));
	if (logical)
		doc_put(j, "logicalLocations", logical);
	struct text t = { 0 };
	say_rule(&t, rule);
	sarif_put_message(j, "message", t.s, 0);
	text_finish(&t);
	return j;
}

/* A finding whose rules have no file: the first file of the run, so that a host shows it. */
static json_t *location_anywhere(const struct sarif *s)
{
	const json_t *first = json_array_get(doc_array(s->doc, "files"), 0);
	if (!first)
		return NULL;
	struct place p = { .file = doc_get(first, "name"), .line = 1, .col = 1, .from = 1 };
	json_t *j = json_object();
	doc_put(j, "physicalLocation", physical_location(s, &p));
	return j;
}

/* Literal brackets would be taken for links. */
static void put_plain(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == '[' || *s == ']' || *s == '\\')
			text_putc(t, '\\');
		text_putc(t, *s);
	}
}

static void put_message(json_t *result, const json_t *f, const char *related)
{
	const json_t *w = doc_object(f, "witness"), *traffic = doc_array(f, "traffic");
	struct text t = { 0 };
	put_plain(&t, doc_get(f, "title"));
	if (*doc_get(f, "from") || *doc_get(f, "to")) {
		text_put(&t, " From ");
		put_plain(&t, doc_get(f, "from"));
		text_put(&t, " to ");
		put_plain(&t, doc_get(f, "to"));
		text_put(&t, ".");
	}
	if (w) {
		text_put(&t, " For example ");
		put_plain(&t, doc_get(w, "say"));
		text_put(&t, ".");
	}
	const json_t *twin = doc_object(f, "counterpart");
	if (twin) {
		text_put(&t, " Held against ");
		put_plain(&t, doc_get(twin, "from"));
		text_put(&t, " to ");
		put_plain(&t, doc_get(twin, "to"));
		text_put(&t, ".");
	}
	if (!strcmp(doc_get(f, "certainty"), "possible"))
		text_put(&t, " Possible only: it rests on what was not understood.");
	if (*doc_get(f, "message")) {
		text_putc(&t, ' ');
		put_plain(&t, doc_get(f, "message"));
	}
	size_t i;
	json_t *v;
	json_array_foreach (traffic, i, v) {
		if (i == TRAFFIC_MAX)
			break;
		text_put(&t, i ? ", " : " Traffic: ");
		put_plain(&t, json_string_value(v) ? json_string_value(v) : "");
	}
	if (i) {
		long long more =
			doc_int(f, "traffic_left") + (long long)(json_array_size(traffic) - i);
		if (more > 0)
			text_putf(&t, " and %lld more", more);
		text_put(&t, ".");
	}
	text_put(&t, related);
	sarif_put_message(result, "message", t.s, 0);
	text_finish(&t);
}

/*
 * The first rule that stands in a file is where to act; the others are related, and the
 * message links to them.
 */
static void put_places(json_t *result, const struct sarif *s, const json_t *f)
{
	json_t *first = NULL, *related = json_array(), *v;
	struct text links = { 0 };
	size_t i;
	json_array_foreach (doc_array(f, "rules"), i, v) {
		struct place p = place_of_json(v);
		struct text say = { 0 };
		say_rule(&say, v);
		if (p.file && !first) {
			first = location_of(s, v, &p, 0);
		} else if (p.file && json_array_size(related) < RELATED_MAX) {
			size_t id = json_array_size(related) + 1;
			json_array_append_new(related, location_of(s, v, &p, id));
			text_put(&links, links.len ? "; [" : " See [");
			put_plain(&links, say.s);
			text_putf(&links, "](%zu)", id);
		} else if (!p.file) {
			text_put(&links, links.len ? "; " : " See ");
			put_plain(&links, say.s);
		}
		text_finish(&say);
	}
	if (links.len)
		text_put(&links, ".");
	put_message(result, f, links.s ? links.s : "");
	text_finish(&links);

	if (!first)
		first = location_anywhere(s);
	json_t *locations = json_array();
	if (first)
		json_array_append_new(locations, first);
	doc_put(result, "locations", locations);
	if (json_array_size(related))
		doc_put(result, "relatedLocations", related);
	else
		json_decref(related);
}

static void put_fingerprints(json_t *result, const json_t *f)
{
	const char *print = doc_get(f, "fingerprint");
	if (!*print)
		return;
	json_t *j = json_object();
	struct text t = { 0 };
	text_putf(&t, "%.16s:1", print);
	doc_put_string(j, "primaryLocationLineHash", t.s);
	doc_put_string(j, "plumblineFinding/v1", print);
	doc_put(result, "partialFingerprints", j);
	text_finish(&t);
}

static void put_suppression(json_t *result, const json_t *f)
{
	const json_t *e = doc_object(f, "exception");
	if (!e || doc_bool(e, "expired"))
		return;
	json_t *list = json_array(), *j = json_object(), *props = json_object();
	doc_put_string(j, "kind", "external");
	doc_put_string(j, "status", "accepted");
	doc_put_string(j, "justification", doc_get(e, "justification"));
	doc_put_string(props, "exception", doc_get(e, "id"));
	doc_put_string(props, "owner", doc_get(e, "owner"));
	doc_put_string(props, "approvedBy", doc_get(e, "approved_by"));
	doc_put_string(props, "expires", doc_get(e, "expires"));
	doc_put(j, "properties", props);
	json_array_append_new(list, j);
	doc_put(result, "suppressions", list);
}

static void put_taxa(json_t *result, const struct sarif *s, const json_t *f)
{
	json_t *taxa = json_array(), *v;
	size_t i;
	json_array_foreach (doc_array(f, "controls"), i, v) {
		size_t k;
		if (!json_is_string(v) || !find_name(&s->controls, json_string_value(v), &k))
			continue;
		const json_t *control = json_array_get(doc_array(s->doc, "controls"), k);
		json_array_append_new(taxa, sarif_taxon(control));
	}
	if (json_array_size(taxa))
		doc_put(result, "taxa", taxa);
	else
		json_decref(taxa);
}

static void copy(json_t *to, const char *key, const json_t *from, const char *member)
{
	json_t *v = json_object_get(from, member);
	if (v && !json_is_null(v))
		json_object_set_nocheck(to, key, v);
}

static json_t *result_of(const struct sarif *s, const json_t *f)
{
	json_t *j = json_object();
	const char *severity = doc_get(f, "severity");
	size_t i;

	doc_put_string(j, "ruleId", doc_get(f, "check"));
	if (find_name(&s->checks, doc_get(f, "check"), &i))
		doc_put_int(j, "ruleIndex", i);
	/*
	 * A level beside a kind other than "fail" has to be "none", which GitHub does not know;
	 * left out, it takes the rule's own.
	 */
	if (!strcmp(doc_get(f, "certainty"), "possible")) {
		doc_put_string(j, "kind", "open");
	} else {
		doc_put_string(j, "kind", "fail");
		doc_put_string(j, "level", sarif_level(severity));
	}
	put_places(j, s, f);
	put_fingerprints(j, f);
	put_suppression(j, f);
	put_taxa(j, s, f);
	json_t *props = json_object();
	doc_put_string(props, "id", doc_get(f, "id"));
	doc_put_string(props, "severity", severity);
	doc_put_string(props, "security-severity", sarif_score(severity));
	copy(props, "certainty", f, "certainty");
	copy(props, "from", f, "from");
	copy(props, "to", f, "to");
	copy(props, "plane", f, "plane");
	copy(props, "owner", f, "owner");
	copy(props, "responsible", f, "responsible");
	copy(props, "path", f, "path");
	copy(props, "witness", doc_object(f, "witness"), "text");
	doc_put(j, "properties", props);
	return j;
}

static json_t *notice(const char *level, const char *id, const char *message)
{
	json_t *j = json_object(), *descriptor = json_object();
	doc_put_string(descriptor, "id", id);
	doc_put(j, "descriptor", descriptor);
	doc_put_string(j, "level", level);
	sarif_put_message(j, "message", message, 0);
	return j;
}

static void notice_at(json_t *j, const struct sarif *s, const json_t *at)
{
	struct place p = place_of_json(at);
	if (!p.file)
		return;
	json_t *locations = json_array(), *l = json_object();
	doc_put(l, "physicalLocation", physical_location(s, &p));
	json_array_append_new(locations, l);
	doc_put(j, "locations", locations);
}

static void put_left(json_t *list, const char *what, size_t n)
{
	struct text t = { 0 };
	text_putf(&t, "%zu %s left out here: the JSON document has them all.", n, what);
	json_array_append_new(list, notice("warning", "plumbline.left-out", t.s));
	text_finish(&t);
}

static void put_inconclusive(json_t *list, const struct sarif *s, const json_t *c)
{
	struct text t = { 0 };
	text_putf(&t, "Inconclusive: %s to %s on the %s plane: %s.", doc_get(c, "from"),
		  doc_get(c, "to"), doc_get(c, "plane"), doc_get(c, "why"));
	json_t *n = notice("warning", "plumbline.inconclusive", t.s);
	notice_at(n, s, doc_object(c, "place"));
	json_array_append_new(list, n);
	text_finish(&t);
}

static json_t *invocations_of(const struct sarif *s)
{
	const json_t *doc = s->doc;
	json_t *list = json_array(), *j = json_object(), *notices = json_array(), *v;
	const json_t *sum = doc_object(doc, "summary");
	long long code = doc_int(sum, "exit_code");
	size_t i, left = 0;

	if (s->left)
		put_left(notices, "findings are", s->left);
	json_array_foreach (doc_array(doc, "coverage"), i, v) {
		if (strcmp(doc_get(v, "verdict"), "inconclusive"))
			continue;
		if (json_array_size(notices) < NOTICES_MAX)
			put_inconclusive(notices, s, v);
		else
			left++;
	}
	json_array_foreach (doc_array(doc, "diagnostics"), i, v) {
		if (json_array_size(notices) >= 2 * NOTICES_MAX) {
			left++;
			continue;
		}
		json_t *n = notice(doc_get(v, "severity"), doc_get(v, "code"),
				   doc_get(v, "message"));
		notice_at(n, s, v);
		json_array_append_new(notices, n);
	}
	json_array_foreach (doc_array(doc, "diagnostics_left"), i, v)
		left += (size_t)doc_int(v, "left");
	if (left)
		put_left(notices, "notifications are", left);

	/* Findings and inconclusive pairs are what the tool is for; 2 and 3 are failures. */
	doc_put_bool(j, "executionSuccessful", code != 2 && code != 3);
	doc_put(j, "exitCode", json_integer(code));
	doc_put_string(j, "exitCodeDescription", doc_get(sum, "exit_reason"));
	doc_put(j, "toolExecutionNotifications", notices);
	json_array_append_new(list, j);
	return list;
}

static json_t *artifacts_of(const json_t *doc)
{
	json_t *list = json_array(), *v;
	size_t i;
	json_array_foreach (doc_array(doc, "files"), i, v) {
		json_t *j = json_object(), *at = json_object();
		doc_put(at, "uri", uri_of(doc_get(v, "name")));
		doc_put(j, "location", at);
		if (*doc_get(v, "sha256")) {
			json_t *hashes = json_object();
			doc_put_string(hashes, "sha-256", doc_get(v, "sha256"));
			doc_put(j, "hashes", hashes);
		}
		json_array_append_new(list, j);
	}
	return list;
}

/* "plumbline/ESTATE/": a category of its own for each estate, and no run's own name. */
static json_t *automation_of(const json_t *doc)
{
	json_t *j = json_object();
	struct text t = { 0 };
	text_put(&t, "plumbline/");
	text_put(&t, doc_get(doc, "command"));
	if (*doc_get(doc, "estate")) {
		text_putc(&t, '/');
		for (const char *p = doc_get(doc, "estate"); *p; p++)
			text_putc(&t, *p == '/' ? '-' : *p);
	}
	text_putc(&t, '/');
	doc_put_string(j, "id", t.s);
	text_finish(&t);
	return j;
}

static void sarif_begin(struct report *r)
{
	struct sarif *s = xcalloc(1, sizeof(*s));
	s->doc = r->results;
	s->results = json_array();
	index_names(&s->files, doc_array(s->doc, "files"), "name");
	index_names(&s->checks, doc_array(s->doc, "checks"), "id");
	index_names(&s->controls, doc_array(s->doc, "controls"), "id");
	r->state = s;
}

static void sarif_finding(struct report *r, const json_t *finding)
{
	struct sarif *s = r->state;
	if (json_array_size(s->results) < RESULTS_MAX)
		json_array_append_new(s->results, result_of(s, finding));
	else
		s->left++;
}

static int put(const char *s, size_t len, void *out)
{
	text_putn(out, s, len);
	return 0;
}

static void sarif_end(struct report *r)
{
	struct sarif *s = r->state;
	const json_t *doc = r->results;
	json_t *log = json_object(), *runs = json_array(), *run = json_object();
	json_t *tool = json_object(), *taxonomies = sarif_taxonomies(doc);

	doc_put_string(log, "$schema",
		       "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
		       "sarif-schema-2.1.0.json");
	doc_put_string(log, "version", "2.1.0");
	doc_put(tool, "driver", sarif_driver(doc));
	doc_put(run, "tool", tool);
	doc_put(run, "automationDetails", automation_of(doc));
	doc_put(run, "invocations", invocations_of(s));
	doc_put(run, "artifacts", artifacts_of(doc));
	doc_put(run, "results", s->results);
	if (taxonomies)
		doc_put(run, "taxonomies", taxonomies);
	doc_put_string(run, "columnKind", "utf16CodeUnits");
	json_array_append_new(runs, run);
	doc_put(log, "runs", runs);
	json_dump_callback(log, put, r->out, JSON_INDENT(2));
	text_putc(r->out, '\n');
	json_decref(log);
	map_finish(&s->files);
	map_finish(&s->checks);
	map_finish(&s->controls);
	free(s);
	r->state = NULL;
}

const struct report_format report_sarif = {
	.name = "sarif",
	.summary = "SARIF 2.1.0 for code hosts",
	.begin = sarif_begin,
	.finding = sarif_finding,
	.end = sarif_end,
};
