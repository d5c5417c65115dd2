/* SPDX-License-Identifier: Apache-2.0 */
#include "report/sarif_rules.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"
#include "report/doc.h"

/* Limits of GitHub's code scanning. */
enum { DESCRIPTION_MAX = 1024, NAME_MAX_BYTES = 255, TAGS_MAX = 20 };
/* More than any framework has: what a crafted document may cost. */
enum { CONTROLS_MAX = 1000, RULES_MAX = 25000 };

const char *sarif_level(const char *severity)
{
	if (!strcmp(severity, "critical") || !strcmp(severity, "high"))
		return "error";
	return strcmp(severity, "medium") ? "note" : "warning";
}

const char *sarif_score(const char *severity)
{
	if (!strcmp(severity, "critical"))
		return "9.5";
	if (!strcmp(severity, "high"))
		return "8.0";
	return strcmp(severity, "medium") ? "2.0" : "5.5";
}

void sarif_put_message(json_t *obj, const char *key, const char *s, size_t max)
{
	json_t *m = json_object();
	size_t len = strlen(s);
	if (max && len > max) {
		len = max - 3;
		while (len && ((unsigned char)s[len] & 0xc0) == 0x80)
			len--;
		struct text t = { 0 };
		text_putn(&t, s, len);
		text_put(&t, "...");
		doc_put_string(m, "text", t.s);
		text_finish(&t);
	} else {
		doc_put_string(m, "text", s);
	}
	doc_put(obj, key, m);
}

/* "drift.physical-permits-more" becomes "DriftPhysicalPermitsMore". */
static void put_name(json_t *rule, const char *id)
{
	struct text t = { 0 };
	bool up = true;
	for (const char *p = id; *p && t.len < NAME_MAX_BYTES; p++) {
		if (!isascii((unsigned char)*p) || !isalnum((unsigned char)*p)) {
			up = true;
			continue;
		}
		text_putc(&t, (char)(up ? toupper((unsigned char)*p) : *p));
		up = false;
	}
	if (t.len)
		doc_put_string(rule, "name", t.s);
	text_finish(&t);
}

static bool matches(const json_t *control, const char *check)
{
	size_t i;
	json_t *v;
	json_array_foreach (doc_array(control, "checks"), i, v)
		if (json_is_string(v) && strlen(json_string_value(v)) < 256 &&
		    !fnmatch(json_string_value(v), check, FNM_NOESCAPE))
			return true;
	return false;
}

/* "ISO/IEC 27017:2015" becomes "iso27017": what tags are made of. */
static void put_slug(struct text *t, const char *framework)
{
	for (const char *p = framework; *p && *p != ':'; p++) {
		if (has_prefix(p, "/IEC"))
			p += 3;
		else if (isascii((unsigned char)*p) && isalnum((unsigned char)*p))
			text_putc(t, (char)tolower((unsigned char)*p));
	}
}

static json_t *tags_of(const json_t *doc, const char *check)
{
	json_t *tags = json_array();
	json_array_append_new(tags, json_string("security"));
	json_array_append_new(tags, json_string("network"));
	size_t i;
	json_t *c;
	json_array_foreach (doc_array(doc, "controls"), i, c) {
		if (json_array_size(tags) >= TAGS_MAX || i >= CONTROLS_MAX)
			break;
		if (!matches(c, check))
			continue;
		struct text t = { 0 };
		text_put(&t, "external/");
		put_slug(&t, doc_get(c, "framework"));
		text_putf(&t, "/%s", doc_get(c, "id"));
		json_array_append_new(tags, doc_string(t.s));
		text_finish(&t);
	}
	return tags;
}

static void put_markdown(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (strchr("\\`*_{}[]<>#|", *s))
			text_putc(t, '\\');
		text_putc(t, *s);
	}
}

static json_t *rule_of(const json_t *doc, const json_t *check)
{
	const char *id = doc_get(check, "id"), *title = doc_get(check, "title");
	const char *help = doc_get(check, "help"), *severity = doc_get(check, "severity");
	json_t *rule = json_object(), *level = json_object(), *props = json_object();
	struct text t = { 0 };

	doc_put_string(rule, "id", id);
	put_name(rule, id);
	/* Sentences: viewers show them side by side. */
	text_putf(&t, "%s%s", *title ? title : id, has_suffix(title, ".") ? "" : ".");
	sarif_put_message(rule, "shortDescription", t.s, DESCRIPTION_MAX);
	text_clear(&t);
	text_putf(&t, "%s%s", *help ? help : title, has_suffix(help, ".") ? "" : ".");
	sarif_put_message(rule, "fullDescription", t.s, DESCRIPTION_MAX);
	sarif_put_message(rule, "help", t.s, 0);
	text_clear(&t);
	text_put(&t, "**");
	put_markdown(&t, title);
	text_put(&t, "**\n\n");
	put_markdown(&t, help);
	text_put(&t, "\n\nUsual severity: ");
	put_markdown(&t, severity);
	text_putc(&t, '\n');
	doc_put_string(json_object_get(rule, "help"), "markdown", t.s);
	doc_put_string(level, "level", sarif_level(severity));
	doc_put(rule, "defaultConfiguration", level);
	doc_put_string(props, "security-severity", sarif_score(severity));
	doc_put_string(props, "precision", "very-high");
	doc_put_string(props, "problem.severity",
		       !strcmp(sarif_level(severity), "note") ? "recommendation"
							      : sarif_level(severity));
	doc_put(props, "tags", tags_of(doc, id));
	doc_put(rule, "properties", props);
	text_finish(&t);
	return rule;
}

json_t *sarif_driver(const json_t *doc)
{
	const char *version = doc_get(doc_object(doc, "plumbline"), "version");
	json_t *driver = json_object(), *rules = json_array();
	size_t i;
	json_t *v;

	doc_put_string(driver, "name", "Plumbline");
	doc_put_string(driver, "version", version);
	doc_put_string(driver, "semanticVersion", version);
	sarif_put_message(driver, "fullDescription",
			  "Proves whether what the physical network enforces, what the virtual "
			  "network enforces and what the policy declares agree.",
			  0);
	json_array_foreach (doc_array(doc, "checks"), i, v)
		json_array_append_new(rules, rule_of(doc, v));
	doc_put(driver, "rules", rules);
	return driver;
}

json_t *sarif_taxonomies(const json_t *doc)
{
	json_t *list = json_array(), *c;
	struct map homes = { 0 };
	size_t i;
	json_array_foreach (doc_array(doc, "controls"), i, c) {
		void **home = map_at(&homes, doc_get(c, "framework"));
		if (!*home) {
			*home = json_object();
			doc_put_string(*home, "name", doc_get(c, "framework"));
			doc_put(*home, "taxa", json_array());
			json_array_append_new(list, *home);
		}
		json_t *taxon = json_object();
		doc_put_string(taxon, "id", doc_get(c, "id"));
		if (*doc_get(c, "title"))
			sarif_put_message(taxon, "shortDescription", doc_get(c, "title"),
					  DESCRIPTION_MAX);
		json_array_append_new(json_object_get(*home, "taxa"), taxon);
	}
	map_finish(&homes);
	if (!json_array_size(list)) {
		json_decref(list);
		return NULL;
	}
	return list;
}

json_t *sarif_taxon(const json_t *control)
{
	json_t *taxon = json_object(), *component = json_object();
	doc_put_string(taxon, "id", doc_get(control, "id"));
	doc_put_string(component, "name", doc_get(control, "framework"));
	doc_put(taxon, "toolComponent", component);
	return taxon;
}
