/* SPDX-License-Identifier: Apache-2.0 */
#include "report/statement.h"

#include "report/doc.h"
#include "report/place.h"

static void put_count(json_t *j, const char *key, uint64_t n)
{
	doc_put(j, key, json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n));
}

const char *observed_name(enum observed o)
{
	static const char *const names[OBSERVED_COUNT] = {
		[OBSERVED_DECLARED] = "declared",
		[OBSERVED_EXCLUDED] = "excluded",
		[OBSERVED_WITHIN] = "within",
		[OBSERVED_UNKNOWN] = "unknown",
		[OBSERVED_UNDECLARED] = "undeclared",
		[OBSERVED_OPAQUE] = "opaque",
		[OBSERVED_NOT_IN_MODEL] = "not-in-model",
		[OBSERVED_CROSS_TALK] = "cross-talk",
		[OBSERVED_SPOOFED] = "spoofed",
	};
	return names[o];
}

json_t *packets_json(const struct capture_counts *c)
{
	static const char *const anomalies[] = {
		"truncated", "malformed", "layers",  "tiny-fragment",
		"caplen",    "reserved",  "overlap",
	};
	json_t *j = json_object(), *odd = json_array();
	put_count(j, "received", c->received);
	put_count(j, "processed", c->processed);
	put_count(j, "dropped_kernel", c->dropped_kernel);
	put_count(j, "dropped_interface", c->dropped_interface);
	doc_put_bool(j, "drops_known", c->drops_known);
	put_count(j, "sampled_out", c->sampled_out);
	put_count(j, "truncated", c->truncated);
	put_count(j, "anomalous", c->anomalous);
	put_count(j, "no_ip", c->no_ip);
	put_count(j, "opaque", c->opaque);
	put_count(j, "backwards", c->backwards);
	put_count(j, "bytes", c->bytes);
	for (size_t i = 0; i < sizeof(anomalies) / sizeof(*anomalies); i++) {
		if (!c->anomaly[i])
			continue;
		json_t *a = json_object();
		doc_put_string(a, "anomaly", anomalies[i]);
		put_count(a, "packets", c->anomaly[i]);
		json_array_append_new(odd, a);
	}
	doc_put(j, "anomalies", odd);
	return j;
}

static json_t *pairs_json(const struct pair_seen *v, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		uint64_t bad = 0;
		for (int k = OBSERVED_UNDECLARED; k < OBSERVED_COUNT; k++)
			bad += v[i].by[k];
		json_t *j = json_object();
		doc_put_string(j, "from", v[i].from);
		doc_put_string(j, "to", v[i].to);
		put_count(j, "flows", v[i].flows);
		put_count(j, "packets", v[i].packets);
		put_count(j, "bytes", v[i].bytes);
		put_count(j, "declared", v[i].by[OBSERVED_DECLARED]);
		put_count(j, "unknown", v[i].by[OBSERVED_UNKNOWN]);
		put_count(j, "violating", bad);
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *missed_json(const struct statement *st)
{
	json_t *list = json_array();
	for (size_t i = 0; i < st->n_tenants_missed; i++) {
		json_t *j = json_object();
		doc_put_string(j, "from", st->tenants_missed[i].from);
		doc_put_string(j, "to", st->tenants_missed[i].to);
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *flows_json(const struct statement *st)
{
	json_t *list = json_array();
	for (size_t i = 0; i < st->n_flows; i++) {
		const struct flow_seen *f = &st->flows[i];
		json_t *j = json_object();
		doc_put_string(j, "id", f->flow->id);
		doc_put_string(j, "action",
			       f->flow->action == FLOW_REQUIRE ? "require" : "allow");
		put_count(j, "flows", f->flows);
		put_count(j, "packets", f->packets);
		doc_put(j, "last", f->packets ? doc_time(f->last) : json_null());
		place_put(j, f->flow->at);
		json_array_append_new(list, j);
	}
	return list;
}

json_t *verdicts_json(const struct statement *st)
{
	json_t *list = json_array();
	for (int i = 0; i < OBSERVED_COUNT; i++) {
		json_t *j = json_object();
		doc_put_string(j, "verdict", observed_name((enum observed)i));
		put_count(j, "flows", st->by[i]);
		put_count(j, "packets", st->by_packets[i]);
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *period_json(const struct statement_period *p)
{
	json_t *j = json_object();
	doc_put(j, "begin", doc_time(p->begin));
	doc_put(j, "end", doc_time(p->end));
	doc_put_string(j, "digest", p->digest);
	doc_put_bool(j, "outdated", p->outdated);
	return j;
}

json_t *statement_json(const struct statement *st)
{
	json_t *j = json_object(), *window = json_object(), *between = json_object(),
	       *all = json_object();
	const struct capture_counts *c = &st->counts;
	doc_put(j, "inputs", doc_strings(st->inputs, st->n_inputs));
	doc_put_bool(j, "live", st->live);
	doc_put_string(j, "filter", st->filter);
	doc_put_string(j, "sandbox", st->sandbox);
	doc_put(window, "first", c->processed ? doc_time(c->first) : json_null());
	doc_put(window, "last", c->processed ? doc_time(c->last) : json_null());
	doc_put(j, "window", window);
	if (st->period)
		doc_put(j, "period", period_json(st->period));
	doc_put(j, "packets", packets_json(c));
	doc_put_int(j, "one_in", st->one_in);
	put_count(j, "judged", st->judged);
	put_count(j, "evicted", c->evicted);
	put_count(j, "answers", st->answers);
	put_count(j, "excepted", st->excepted);
	put_count(j, "positive_control", st->positive);
	doc_put(j, "verdicts", verdicts_json(st));
	put_count(between, "flows", st->between);
	put_count(between, "violating", st->between_violating);
	put_count(between, "unknown", st->unknown_between);
	doc_put(between, "rate_bound_95", json_real(st->bound_between));
	doc_put(j, "between_tenants", between);
	put_count(all, "flows", st->judged);
	put_count(all, "violating", st->violating);
	doc_put(all, "rate_bound_95", json_real(st->bound_all));
	doc_put(j, "all", all);
	doc_put(j, "tenant_pairs", pairs_json(st->tenants, st->n_tenants));
	doc_put(j, "tenant_pairs_missed", missed_json(st));
	doc_put_int(j, "tenant_pairs_missed_left", st->tenants_missed_left);
	doc_put(j, "zone_pairs", pairs_json(st->zones, st->n_zones));
	doc_put(j, "declared_flows", flows_json(st));
	doc_put(j, "inconclusive", doc_strings(st->inconclusive, st->n_inconclusive));
	doc_put(j, "notes", doc_strings(st->notes, st->n_notes));
	return j;
}

json_t *sighting_json(const struct sighting *s)
{
	json_t *j = json_object();
	doc_put_string(j, "where", s->where);
	put_count(j, "packet", s->number);
	doc_put(j, "first", doc_time(s->first));
	doc_put(j, "last", doc_time(s->last));
	put_count(j, "flows", s->flows);
	put_count(j, "answered", s->answered);
	put_count(j, "packets", s->packets);
	put_count(j, "bytes", s->bytes);
	doc_put_string(j, "segment", s->segment);
	doc_put_string(j, "model", s->model);
	doc_put_string(j, "why", s->why);
	doc_put_string(j, "excerpt", s->file);
	return j;
}
