/* SPDX-License-Identifier: Apache-2.0 */
#include "report/events.h"

#include "report/doc.h"
#include "report/report.h"
#include "report/statement.h"

static int put(const char *s, size_t len, void *out)
{
	text_putn(out, s, len);
	return 0;
}

static json_t *event(const char *what, int64_t at)
{
	json_t *j = json_object();
	doc_put_string(j, "event", what);
	doc_put(j, "time", doc_time(at));
	return j;
}

/* Takes the reference. */
static void line(struct text *t, json_t *j)
{
	json_dump_callback(j, put, t, JSON_COMPACT);
	text_putc(t, '\n');
	json_decref(j);
}

static json_t *standing_json(const struct event_standing *s)
{
	json_t *j = json_object();
	doc_put_string(j, "estate", s->estate);
	doc_put_string(j, "policy", s->policy);
	doc_put_string(j, "policy_version", s->policy_version);
	doc_put_string(j, "digest", s->digest);
	return j;
}

void event_start(struct text *t, int64_t at, const struct event_standing *s,
		 const char *const *inputs, size_t n_inputs)
{
	json_t *j = event("start", at);
	doc_put(j, "plumbline", doc_stamp());
	doc_put(j, "judged_by", standing_json(s));
	doc_put(j, "inputs", doc_strings(inputs, n_inputs));
	line(t, j);
}

void event_finding(struct text *t, int64_t at, const struct finding *f)
{
	json_t *j = event("finding", at);
	doc_put(j, "finding", finding_json(f));
	line(t, j);
}

void event_period(struct text *t, int64_t at, const struct event_period *p)
{
	const struct results *res = p->results;
	const struct statement *st = res->statement;
	json_t *j = event("period", at), *ids = json_array();
	doc_put(j, "begin", doc_time(p->begin));
	doc_put(j, "end", doc_time(p->end));
	doc_put_string(j, "digest", p->digest);
	doc_put(j, "exit_code", json_integer(res->exit_code));
	doc_put_string(j, "exit_reason", res->exit_reason ? res->exit_reason : "");
	doc_put(j, "packets", packets_json(&st->counts));
	doc_put(j, "verdicts", verdicts_json(st));
	vec_each (f, &res->findings)
		json_array_append_new(ids, doc_string(f->id));
	doc_put(j, "findings", ids);
	doc_put(j, "inconclusive", doc_strings(st->inconclusive, st->n_inconclusive));
	doc_put_string(j, "document", p->document);
	doc_put(j, "removed", doc_strings(p->removed, p->n_removed));
	line(t, j);
}

void event_reload(struct text *t, int64_t at, const struct event_standing *s, const char *why)
{
	json_t *j = event("reload", at);
	doc_put_bool(j, "done", !why);
	doc_put_string(j, "why", why);
	doc_put(j, "judged_by", standing_json(s));
	line(t, j);
}

void event_end(struct text *t, int64_t at, int exit_code, const char *reason)
{
	json_t *j = event("end", at);
	doc_put(j, "exit_code", json_integer(exit_code));
	doc_put_string(j, "exit_reason", reason);
	line(t, j);
}
