/* SPDX-License-Identifier: Apache-2.0 */
/* `show` for people: devices with their rulesets as they were read, then the accounts. */
#include <string.h>

#include "report/doc.h"
#include "report/parts.h"
#include "report/place.h"

enum { ENTRIES_TOLD = 50, MATCH_TOLD = 300 };

static void put_at(struct text *s, const json_t *obj)
{
	struct place p = place_of_json(obj);
	if (!p.file && !p.path)
		return;
	text_put(s, s->len ? "  (" : "(");
	place_print(s, &p);
	text_putc(s, ')');
}

static void field(struct text *s, const char *before, const char *v)
{
	if (*v)
		text_putf(s, "%s%s", before, v);
}

static void put_port(struct text *t, struct report_style st, const json_t *p)
{
	struct text s = { 0 };
	size_t i;
	json_t *v;
	field(&s, "", doc_get(p, "name"));
	field(&s, " alias ", doc_get(p, "alias"));
	field(&s, ", segment ", doc_get(p, "segment"));
	if (doc_int(p, "vlan"))
		text_putf(&s, ", vlan %lld", doc_int(p, "vlan"));
	if (!doc_bool(p, "up"))
		text_put(&s, ", down");
	json_array_foreach (doc_array(p, "prefixes"), i, v)
		field(&s, i ? ", " : ": ", json_string_value(v) ? json_string_value(v) : "");
	put_at(&s, p);
	page_wrap(t, st, INK_PLAIN, "    port", 12, s.s);
	text_finish(&s);
}

static void put_hook(struct text *t, struct report_style st, const json_t *h)
{
	struct text s = { 0 };
	field(&s, "", doc_get(h, "kind"));
	field(&s, " ", *doc_get(h, "port") ? doc_get(h, "port") : "any port");
	field(&s, ": ", doc_get(h, "ruleset"));
	put_at(&s, h);
	page_wrap(t, st, INK_PLAIN, "    hook", 12, s.s);
	text_finish(&s);
}

static void put_rule(struct text *t, struct report_style st, const json_t *r)
{
	struct text s = { 0 };
	const char *match = doc_get_or_null(r, "match");
	field(&s, "", doc_get(r, "verdict"));
	field(&s, " ", doc_get(r, "target"));
	size_t len = match ? strlen(match) : 0;
	text_put(&s, " ");
	if (!match)
		text_put(&s, "(a condition too long to be written out)");
	else if (len <= MATCH_TOLD)
		text_put(&s, match);
	else
		text_putf(&s, "%.*s... (%zu more)", MATCH_TOLD, match, len - MATCH_TOLD);
	if (!doc_bool(r, "exact"))
		text_put(&s, "  NOT EXACT");
	field(&s, ": ", doc_get(r, "unknown"));
	field(&s, "; ", doc_get(r, "note"));
	if (doc_bool(r, "inactive"))
		text_put(&s, "  inactive");
	if (doc_bool(r, "implicit"))
		text_put(&s, "  not written");
	put_at(&s, r);
	struct text label = { 0 };
	text_putf(&label, "      %s ", doc_get(r, "name"));
	page_wrap(t, st, INK_PLAIN, label.s, 16, s.s);
	text_finish(&label);
	text_finish(&s);
}

static void put_ruleset(struct text *t, struct report_style st, const json_t *rs)
{
	struct text s = { 0 };
	size_t i;
	json_t *v;
	text_putf(&s, "%s %s", doc_get(rs, "kind"), doc_get(rs, "name"));
	text_putf(&s, ", %zu rules, then %s%s", json_array_size(doc_array(rs, "rules")),
		  doc_get(rs, "default"), doc_bool(rs, "stateful") ? ", stateful" : "");
	put_at(&s, rs);
	page_wrap(t, st, INK_PLAIN, "    ", 4, s.s);
	text_finish(&s);
	json_array_foreach (doc_array(rs, "rules"), i, v)
		put_rule(t, st, v);
}

static void put_simple(struct text *t, struct report_style st, const char *label,
		       const json_t *list, const char *const *keys)
{
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v) {
		struct text s = { 0 };
		for (size_t k = 0; keys[k]; k += 2)
			field(&s, keys[k], doc_get(v, keys[k + 1]));
		if (doc_bool(v, "drop"))
			text_put(&s, " dropped");
		put_at(&s, v);
		page_wrap(t, st, INK_PLAIN, label, 12, s.s ? s.s : "");
		text_finish(&s);
	}
}

static void put_device(struct text *t, struct report_style st, const json_t *d)
{
	static const char *const route[] = { "",       "destination", " via ", "via",
					     " port ", "port",	      NULL };
	static const char *const nat[] = { "", "what", ", in ", "in", ", out ", "out", NULL };
	static const char *const taint[] = { "", "why", ", port ", "port", NULL };
	struct text s = { 0 };
	size_t i;
	json_t *v;

	text_putf(&s, "Device %s (%s, %s plane)", doc_get(d, "name"), doc_get(d, "vendor"),
		  doc_get(d, "plane"));
	part_heading(t, st, s.s);
	text_finish(&s);
	json_array_foreach (doc_array(d, "ports"), i, v)
		put_port(t, st, v);
	json_array_foreach (doc_array(d, "hooks"), i, v)
		put_hook(t, st, v);
	put_simple(t, st, "    route", doc_array(d, "routes"), route);
	put_simple(t, st, "    nat", doc_array(d, "nats"), nat);
	put_simple(t, st, "    unread", doc_array(d, "taints"), taint);
	json_array_foreach (doc_array(d, "rulesets"), i, v)
		put_ruleset(t, st, v);
}

void snapshot_text(const json_t *doc, struct text *out, struct report_style style)
{
	size_t i;
	json_t *v;
	json_array_foreach (doc_array(doc, "devices"), i, v)
		put_device(out, style, v);
	part_sources(out, style, doc, ENTRIES_TOLD);
	part_diagnostics(out, style, doc);
}
