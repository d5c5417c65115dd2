/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run's results as one JSON document. Members stand in the order of docs/results.schema.json
 * and lists in the order of the run, which sorted them; nothing here depends on an address, a
 * clock or a hash.
 */
#include <stdlib.h>
#include <string.h>

#include "diff/check.h"
#include "report/doc.h"
#include "report/model_json.h"
#include "report/place.h"
#include "report/report.h"
#include "report/statement.h"
#include "report/zone_matrix.h"

json_t *packet_json(const struct packet *p)
{
	json_t *j = json_object();
	struct text t = { 0 };
	const char *proto = proto_name(p->proto);
	const char *src_port = "source_port", *dst_port = "destination_port";

	doc_put_string(j, "family", p->family == FAMILY_V6 ? "ipv6" : "ipv4");
	doc_put_string(j, "protocol", proto ? proto : "");
	doc_put_int(j, "protocol_number", p->proto);
	text_clear(&t);
	addr_print(&t, p->family, p->src);
	doc_put_string(j, "source", t.s);
	doc_put(j, src_port, packet_has_ports(p) ? json_integer(p->sport) : json_null());
	text_clear(&t);
	addr_print(&t, p->family, p->dst);
	doc_put_string(j, "destination", t.s);
	doc_put(j, dst_port, packet_has_ports(p) ? json_integer(p->dport) : json_null());
	bool icmp = packet_has_icmp(p);
	doc_put(j, "icmp_type", icmp ? json_integer(p->icmp_type) : json_null());
	doc_put(j, "icmp_code", icmp ? json_integer(p->icmp_code) : json_null());
	char flags[9] = "";
	for (unsigned i = 0, n = 0; packet_has_flags(p) && i < 8; i++)
		if (p->flags & 1u << i)
			flags[n++] = "FSRPAUEC"[i];
	doc_put_string(j, "flags", packet_has_flags(p) ? flags : NULL);
	doc_put_string(j, "state", state_name(p->state));
	text_clear(&t);
	packet_print(&t, p);
	doc_put_string(j, "text", t.s);
	text_clear(&t);
	packet_say(&t, p);
	doc_put_string(j, "say", t.s);
	text_finish(&t);
	return j;
}

json_t *evidence_json(const struct evidence *e)
{
	json_t *j = json_object();
	doc_put_string(j, "role", e->role);
	doc_put_string(j, "device", e->device);
	doc_put_string(j, "plane", e->plane);
	doc_put_string(j, "ruleset", e->ruleset);
	doc_put_string(j, "kind", e->kind);
	doc_put_string(j, "rule", e->rule);
	doc_put_string(j, "note", e->note);
	doc_put_string(j, "owner", e->owner);
	place_put(j, e->at);
	return j;
}

static json_t *exception_json(const struct exception_use *use)
{
	if (!use->exception)
		return json_null();
	const struct exception *e = use->exception;
	json_t *j = json_object();
	doc_put_string(j, "id", e->id);
	doc_put_bool(j, "expired", use->expired);
	doc_put_string(j, "expires", e->expires_text);
	doc_put_string(j, "justification", e->justification);
	doc_put_string(j, "owner", e->owner);
	doc_put_string(j, "approved_by", e->approved_by);
	place_put(j, e->at);
	return j;
}

json_t *finding_json(const struct finding *f)
{
	json_t *j = json_object();
	doc_put_string(j, "id", f->id);
	doc_put_string(j, "check", f->check);
	doc_put_string(j, "severity", severity_name(f->severity));
	doc_put_string(j, "certainty", certainty_name(f->certainty));
	doc_put_string(j, "from", f->from);
	doc_put_string(j, "to", f->to);
	doc_put_string(j, "from_tenant", f->from_tenant);
	doc_put_string(j, "to_tenant", f->to_tenant);
	doc_put_string(j, "plane", f->plane);
	doc_put_string(j, "title", f->title);
	doc_put_string(j, "message", f->message);
	doc_put(j, "witness", f->has_witness ? packet_json(&f->witness) : json_null());
	if (f->twin_from) {
		json_t *twin = json_object();
		doc_put_string(twin, "from", f->twin_from);
		doc_put_string(twin, "to", f->twin_to);
		doc_put(twin, "witness", f->has_twin ? packet_json(&f->twin) : json_null());
		doc_put(j, "counterpart", twin);
	}
	json_t *rules = json_array();
	for (size_t i = 0; i < f->n_rules; i++)
		json_array_append_new(rules, evidence_json(&f->rules[i]));
	doc_put(j, "rules", rules);
	if (f->seen)
		doc_put(j, "seen", sighting_json(f->seen));
	doc_put(j, "traffic", doc_strings(f->traffic, f->n_traffic));
	doc_put_int(j, "traffic_left", f->traffic_left);
	doc_put(j, "path", doc_strings(f->path, f->n_path));
	doc_put_string(j, "owner", f->owner);
	doc_put_string(j, "responsible", f->responsible);
	doc_put(j, "controls", doc_strings(f->controls, f->n_controls));
	doc_put(j, "exception", exception_json(&f->excepted));
	doc_put_string(j, "fingerprint", f->fingerprint);
	return j;
}

/*
 * Values that many pairs have in common are one JSON value, counted and never changed. The
 * results keep equal texts and lists at one address as far as they can: told by address.
 */
struct shared {
	struct shared_value {
		const void *key;
		json_t *value;
	} *v;
	size_t n, cap; /* cap is a power of two */
};

static struct shared_value *shared_slot(const struct shared *s, const void *key)
{
	size_t i = ((uintptr_t)key >> 4) * 0x9e3779b97f4a7c15u >> 20;
	for (i &= s->cap - 1; s->v[i].key && s->v[i].key != key;)
		i = (i + 1) & (s->cap - 1);
	return &s->v[i];
}

/* The place of the key's value; NULL there when it is new. */
static json_t **shared_at(struct shared *s, const void *key)
{
	if (s->n * 2 >= s->cap) {
		struct shared old = *s;
		s->cap = old.cap ? old.cap * 2 : 256;
		s->v = xcalloc(s->cap, sizeof(*s->v));
		for (size_t i = 0; i < old.cap; i++)
			if (old.v[i].key)
				*shared_slot(s, old.v[i].key) = old.v[i];
		free(old.v);
	}
	struct shared_value *at = shared_slot(s, key);
	s->n += !at->key;
	at->key = key;
	return &at->value;
}

static void shared_finish(struct shared *s)
{
	for (size_t i = 0; i < s->cap; i++)
		json_decref(s->v[i].value);
	free(s->v);
}

static void put_shared(struct shared *s, json_t *obj, const char *key, const char *text)
{
	json_t **at = shared_at(s, text);
	if (!*at)
		*at = doc_string(text);
	doc_put(obj, key, json_incref(*at));
}

static void put_shared_list(struct shared *s, json_t *obj, const char *key,
			    const char *const *v, size_t n)
{
	static const char none[] = "";
	json_t **at = shared_at(s, n ? (const void *)v : (const void *)&none);
	if (!*at)
		*at = doc_strings(v, n);
	doc_put(obj, key, json_incref(*at));
}

static json_t *coverage_json(struct shared *texts, struct shared *lists, const struct coverage *c)
{
	json_t *j = json_object();
	put_shared(texts, j, "from", c->from);
	put_shared(texts, j, "to", c->to);
	put_shared(texts, j, "plane", c->plane);
	put_shared(texts, j, "verdict", coverage_name(c->verdict));
	put_shared(texts, j, "why", c->why ? c->why : "");
	doc_put(j, "place", place_json(c->why_at));
	put_shared_list(lists, j, "points", c->points, c->n_points);
	put_shared_list(lists, j, "findings", c->findings, c->n_findings);
	return j;
}

static json_t *coverages_json(const struct results *res)
{
	struct shared texts = { 0 }, lists = { 0 };
	json_t *list = json_array();
	for (size_t i = 0; i < res->coverage.n; i++)
		json_array_append_new(list,
				      coverage_json(&texts, &lists, &res->coverage.v[i]));
	shared_finish(&texts);
	shared_finish(&lists);
	return list;
}

/* The files that a run speaks of, by name: sources, and the estate and policy it was held
 * against. */
struct files {
	VEC(const struct source *) v;
};

static void files_add(struct files *f, struct loc at)
{
	/* Places of one file come together: the last one is the likely one. */
	if (at.src && (!f->v.n || f->v.v[f->v.n - 1] != at.src))
		*vec_add(&f->v) = at.src;
}

static int by_name(const void *va, const void *vb)
{
	const struct source *const *a = va, *const *b = vb;
	return strcmp((*a)->name, (*b)->name);
}

static void files_of_policy(struct files *f, const struct policy *p)
{
	for (size_t i = 0; i < p->n_services; i++)
		files_add(f, p->services[i].at);
	for (size_t i = 0; i < p->n_tenants; i++)
		files_add(f, p->tenants[i].at);
	for (size_t i = 0; i < p->n_zones; i++)
		files_add(f, p->zones[i].at);
	for (size_t i = 0; i < p->n_flows; i++)
		files_add(f, p->flows[i].at);
	for (size_t i = 0; i < p->n_exceptions; i++)
		files_add(f, p->exceptions[i].at);
	for (size_t i = 0; i < p->n_controls; i++)
		files_add(f, p->controls[i].at);
}

static json_t *files_json(const struct results *res)
{
	struct files f = { 0 };
	if (res->snap)
		for (size_t i = 0; i < res->snap->accounts.n; i++)
			files_add(&f, (struct loc){ .src = res->snap->accounts.v[i]->src });
	if (res->policy)
		files_of_policy(&f, res->policy);
	for (size_t i = 0; i < res->findings.n; i++)
		for (size_t k = 0; k < res->findings.v[i].n_rules; k++)
			files_add(&f, res->findings.v[i].rules[k].at);
	for (size_t i = 0; i < res->coverage.n; i++)
		files_add(&f, res->coverage.v[i].why_at);
	for (size_t i = 0; res->diags && i < res->diags->n; i++)
		files_add(&f, res->diags->v[i].loc);
	if (f.v.n)
		qsort(f.v.v, f.v.n, sizeof(*f.v.v), by_name);

	json_t *list = json_array();
	const char *last = NULL;
	for (size_t i = 0; i < f.v.n; i++) {
		const struct source *s = f.v.v[i];
		if (last && !strcmp(last, s->name))
			continue;
		last = s->name;
		json_t *j = json_object();
		doc_put_string(j, "name", s->name);
		doc_put_string(j, "sha256", s->sha256 && *s->sha256 ? s->sha256 : NULL);
		json_array_append_new(list, j);
	}
	vec_free(&f.v);
	return list;
}

/* Which checks a command runs; the others would claim in a report that they had been made. */
static bool check_belongs(const char *command, const char *id)
{
	if (!strcmp(command, "lint"))
		return has_prefix(id, "rule.") || has_prefix(id, "lint.") ||
		       has_prefix(id, "name.");
	if (!strcmp(command, "diff"))
		return has_prefix(id, "diff.");
	if (!strcmp(command, "sample"))
		return has_prefix(id, "observed.");
	return !has_prefix(id, "diff.") && !has_prefix(id, "lint.") &&
	       !has_prefix(id, "observed.");
}

static json_t *checks_json(const struct results *res)
{
	json_t *list = json_array();
	for (size_t i = 0; checks[i]; i++) {
		const struct check *c = checks[i];
		bool ran = check_belongs(res->command, c->id);
		for (size_t k = 0; !ran && k < res->findings.n; k++)
			ran = !strcmp(res->findings.v[k].check, c->id);
		if (!ran)
			continue;
		json_t *j = json_object();
		doc_put_string(j, "id", c->id);
		doc_put_string(j, "title", c->title);
		doc_put_string(j, "help", c->help);
		doc_put_string(j, "severity", severity_name(c->severity));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *controls_json(const struct policy *p)
{
	json_t *list = json_array();
	for (size_t i = 0; p && i < p->n_controls; i++) {
		const struct control *c = &p->controls[i];
		json_t *j = json_object();
		doc_put_string(j, "id", c->id);
		doc_put_string(j, "framework", c->framework);
		doc_put_string(j, "title", c->title);
		doc_put_string(j, "responsible", responsibility_name(c->responsible));
		doc_put(j, "checks", doc_strings(c->checks, c->n_checks));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *summary_json(const struct results *res)
{
	size_t severity[4] = { 0 }, certain = 0, possible = 0, excepted = 0, expired = 0;
	size_t cover[3] = { 0 };
	for (size_t i = 0; i < res->findings.n; i++) {
		const struct finding *f = &res->findings.v[i];
		expired += f->excepted.exception && f->excepted.expired;
		if (f->excepted.exception && !f->excepted.expired) {
			excepted++;
			continue;
		}
		severity[f->severity]++;
		certain += f->certainty == CERTAIN;
		possible += f->certainty == POSSIBLE;
	}
	for (size_t i = 0; i < res->coverage.n; i++)
		cover[res->coverage.v[i].verdict]++;

	json_t *j = json_object();
	doc_put_int(j, "findings", res->findings.n - excepted);
	doc_put_int(j, "critical", severity[SEVERITY_CRITICAL]);
	doc_put_int(j, "high", severity[SEVERITY_HIGH]);
	doc_put_int(j, "medium", severity[SEVERITY_MEDIUM]);
	doc_put_int(j, "low", severity[SEVERITY_LOW]);
	doc_put_int(j, "certain", certain);
	doc_put_int(j, "possible", possible);
	doc_put_int(j, "excepted", excepted);
	doc_put_int(j, "expired", expired);
	json_t *c = json_object();
	doc_put_int(c, "aligned", cover[COVER_ALIGNED]);
	doc_put_int(c, "misaligned", cover[COVER_MISALIGNED]);
	doc_put_int(c, "inconclusive", cover[COVER_INCONCLUSIVE]);
	doc_put(j, "coverage", c);
	doc_put_int(j, "errors", res->diags ? res->diags->n_errors : 0);
	doc_put_int(j, "warnings", res->diags ? res->diags->n_warnings : 0);
	doc_put_int(j, "witnesses", res->witnesses);
	doc_put_int(j, "replayed", res->replayed);
	doc_put(j, "exit_code", json_integer(res->exit_code));
	doc_put_string(j, "exit_reason", res->exit_reason ? res->exit_reason : "");
	return j;
}

/* coverage: the member of that name, whose reference it takes. */
static json_t *document(const struct results *res, json_t *coverage)
{
	json_t *doc = json_object();
	doc_put(doc, "plumbline", doc_stamp());
	doc_put_string(doc, "command", res->command);
	doc_put_string(doc, "estate", res->estate);
	json_t *policy = json_null();
	if (res->policy_name) {
		policy = json_object();
		doc_put_string(policy, "name", res->policy_name);
		doc_put_string(policy, "version", res->policy_version);
	}
	doc_put(doc, "policy", policy);
	doc_put_string(doc, "as_of", res->as_of);
	json_t *findings = json_array();
	for (size_t i = 0; i < res->findings.n; i++)
		json_array_append_new(findings, finding_json(&res->findings.v[i]));
	doc_put(doc, "findings", findings);
	doc_put(doc, "coverage", coverage);
	if (!strcmp(res->command, "check") && res->policy) {
		struct zone_matrix m;
		zone_matrix_of(res, &m);
		doc_put(doc, "matrix", zone_matrix_json(&m));
		zone_matrix_finish(&m);
	}
	if (res->statement)
		doc_put(doc, "statement", statement_json(res->statement));
	doc_put(doc, "sources", sources_json(res->snap));
	doc_put(doc, "files", files_json(res));
	doc_put(doc, "diagnostics", diags_json(res->diags));
	doc_put(doc, "diagnostics_left", diags_left_json(res->diags));
	doc_put(doc, "checks", checks_json(res));
	doc_put(doc, "controls", controls_json(res->policy));
	doc_put(doc, "summary", summary_json(res));
	return doc;
}

json_t *results_json(const struct results *res)
{
	return document(res, coverages_json(res));
}

json_t *results_but_coverage(const struct results *res)
{
	return document(res, json_array());
}
