/* SPDX-License-Identifier: Apache-2.0 */
#include "report/metrics.h"

#include "report/doc.h"
#include "report/statement.h"

void metrics_finish(struct metrics *m)
{
	vec_each (p, &m->pairs) {
		free(p->from);
		free(p->to);
	}
	vec_free(&m->pairs);
	map_finish(&m->pair_at);
	free(m->estate);
	free(m->policy);
	free(m->policy_version);
	free(m->digest);
	memset(m, 0, sizeof(*m));
}

/* --- counting --- */

static void keep(char **at, const char *s)
{
	char *copy = xstrdup(s ? s : "");
	free(*at);
	*at = copy;
}

void metrics_standing(struct metrics *m, const char *estate, const char *policy,
		      const char *policy_version, const char *digest)
{
	keep(&m->estate, estate);
	keep(&m->policy, policy);
	keep(&m->policy_version, policy_version);
	keep(&m->digest, digest);
}

static void add_pair(struct metrics *m, const struct pair_seen *s)
{
	struct text key = { 0 };
	uint64_t bad = 0;
	for (int i = OBSERVED_UNDECLARED; i < OBSERVED_COUNT; i++)
		bad += s->by[i];
	if (!bad)
		return;
	text_putf(&key, "%s\n%s", s->from, s->to);
	uintptr_t at = (uintptr_t)map_getn(&m->pair_at, key.s, key.len);
	if (!at && m->pairs.n < METRICS_PAIRS) {
		*vec_add(&m->pairs) =
			(struct metrics_pair){ xstrdup(s->from), xstrdup(s->to), 0 };
		at = m->pairs.n;
		*map_atn(&m->pair_at, key.s, key.len) = (void *)at;
	}
	if (at)
		m->pairs.v[at - 1].violating += bad;
	else
		m->violating_left += bad;
	text_finish(&key);
}

static void add_counts(struct capture_counts *to, const struct capture_counts *c)
{
	to->received += c->received;
	to->processed += c->processed;
	to->dropped_kernel += c->dropped_kernel;
	to->dropped_interface += c->dropped_interface;
	to->sampled_out += c->sampled_out;
	to->truncated += c->truncated;
	to->anomalous += c->anomalous;
	to->bytes += c->bytes;
	to->evicted += c->evicted;
}

void metrics_period(struct metrics *m, const struct results *res, int64_t begin, int64_t end)
{
	const struct statement *st = res->statement;
	add_counts(&m->counts, &st->counts);
	for (size_t i = 0; i < OBSERVED_COUNT; i++) {
		m->flows[i] += st->by[i];
		m->packets[i] += st->by_packets[i];
	}
	for (size_t i = 0; i < st->n_tenants; i++)
		add_pair(m, &st->tenants[i]);
	if (res->exit_code >= 0 && res->exit_code < METRICS_EXITS)
		m->periods[res->exit_code]++;
	memset(m->severity, 0, sizeof(m->severity));
	vec_each (f, &res->findings)
		m->severity[f->severity] += !f->excepted.exception || f->excepted.expired;
	m->flows_now = st->counts.flows_now;
	m->between = st->between;
	m->between_violating = st->between_violating;
	m->covered = st->n_tenants;
	m->missed = st->n_tenants_missed + st->tenants_missed_left;
	m->positive = st->positive;
	m->reasons = st->n_inconclusive;
	m->bound_between = st->bound_between;
	m->bound_all = st->bound_all;
	m->begin = begin;
	m->end = end;
	m->exit_code = res->exit_code;
}

/* --- the format --- */

static void family(struct text *t, const char *name, const char *type, const char *help)
{
	text_putf(t, "# HELP plumbline_%s %s\n# TYPE plumbline_%s %s\n", name, help, name,
		  type);
}

/* `,key="value"`, or `{key="value"` where it is the first. */
static void label(struct text *t, bool first, const char *key, const char *value)
{
	text_putf(t, "%c%s=\"", first ? '{' : ',', key);
	for (const char *s = value ? value : ""; *s; s++) {
		if (*s == '\n')
			text_put(t, "\\n");
		else if (*s == '\\' || *s == '"')
			text_putf(t, "\\%c", *s);
		else
			text_putc(t, *s);
	}
	text_putc(t, '"');
}

static void number(struct text *t, uint64_t n)
{
	text_putf(t, " %llu\n", (unsigned long long)n);
}

/* A series with one label, or none (key NULL). */
static void series(struct text *t, const char *name, const char *key, const char *value,
		   uint64_t n)
{
	text_putf(t, "plumbline_%s", name);
	if (key) {
		label(t, true, key, value);
		text_putc(t, '}');
	}
	number(t, n);
}

static void counter(struct text *t, const char *name, const char *help, uint64_t n)
{
	family(t, name, "counter", help);
	series(t, name, NULL, NULL, n);
}

static void gauge(struct text *t, const char *name, const char *help, uint64_t n)
{
	family(t, name, "gauge", help);
	series(t, name, NULL, NULL, n);
}

static void gauge_real(struct text *t, const char *name, const char *help, double v)
{
	family(t, name, "gauge", help);
	text_putf(t, "plumbline_%s %.12g\n", name, v);
}

static void gauge_time(struct text *t, const char *name, const char *help, int64_t ns)
{
	family(t, name, "gauge", help);
	text_putf(t, "plumbline_%s %lld.%03lld\n", name, (long long)(ns / 1000000000),
		  (long long)(ns / 1000000 % 1000));
}

static void put_packets(const struct metrics *m, struct text *t)
{
	const struct capture_counts *c = &m->counts;
	counter(t, "packets_received_total", "Packets that came by: processed or dropped.",
		c->received);
	counter(t, "packets_processed_total", "Packets that were decoded.", c->processed);
	family(t, "packets_dropped_total", "counter",
	       "Packets that were lost before decoding.");
	series(t, "packets_dropped_total", "reason", "kernel", c->dropped_kernel);
	series(t, "packets_dropped_total", "reason", "interface", c->dropped_interface);
	counter(t, "packets_sampled_out_total",
		"Packets processed and not judged: not between tenants, left out by 1 in N.",
		c->sampled_out);
	counter(t, "packets_truncated_total",
		"Packets of which too little was captured to tell all headers.", c->truncated);
	counter(t, "packets_anomalous_total", "Packets that are odd; judged like others.",
		c->anomalous);
	counter(t, "bytes_total", "Bytes of the packets processed, on the wire.", c->bytes);
}

static void put_flows(const struct metrics *m, struct text *t)
{
	family(t, "flows_total", "counter",
	       "Flows judged, by verdict; one that lasts counts once a period.");
	for (size_t i = 0; i < OBSERVED_COUNT; i++)
		series(t, "flows_total", "verdict", observed_name((enum observed)i), m->flows[i]);
	family(t, "flow_packets_total", "counter", "Packets of the flows judged, by verdict.");
	for (size_t i = 0; i < OBSERVED_COUNT; i++)
		series(t, "flow_packets_total", "verdict", observed_name((enum observed)i), m->packets[i]);
	counter(t, "flows_evicted_total", "Flows put out of the table while it was full.",
		m->counts.evicted);
	family(t, "violations_total", "counter",
	       "Flows that violate the policy (those that an exception holds too), by the "
	       "tenants (or "
	       "zones without one) of both ends; one that lasts counts once a period.");
	for (size_t i = 0; i < m->pairs.n; i++) {
		text_put(t, "plumbline_violations_total");
		label(t, true, "from", m->pairs.v[i].from);
		label(t, false, "to", m->pairs.v[i].to);
		text_putc(t, '}');
		number(t, m->pairs.v[i].violating);
	}
	counter(t, "violations_left_total",
		"Flows that violate the policy, of pairs beyond those that are told apart.",
		m->violating_left);
}

static void put_run(const struct metrics *m, struct text *t)
{
	static const char *const outcomes[METRICS_EXITS] = { "clean", "violations", "usage",
							     "unreadable", "inconclusive" };
	family(t, "periods_total", "counter", "Periods that ended, by outcome.");
	for (size_t i = 0; i < METRICS_EXITS; i++)
		if (i != 2) /* a run that is called wrongly has none */
			series(t, "periods_total", "outcome", outcomes[i], m->periods[i]);
	family(t, "reloads_total", "counter", "How often the estate was read again.");
	series(t, "reloads_total", "result", "success", m->reloads[1]);
	series(t, "reloads_total", "result", "failure", m->reloads[0]);
	counter(t, "documents_removed_total", "Result documents removed, the oldest first.",
		m->documents_removed);
	gauge(t, "estate_outdated",
	      "1: the estate couldn't be read again when that was asked for, and the earlier "
	      "one "
	      "judges.",
	      m->outdated);
	family(t, "estate_info", "gauge",
	       "What is judged by; digest is SHA-256 of all inputs.");
	text_put(t, "plumbline_estate_info");
	label(t, true, "estate", m->estate);
	label(t, false, "policy", m->policy);
	label(t, false, "policy_version", m->policy_version);
	label(t, false, "digest", m->digest);
	text_put(t, "} 1\n");
	family(t, "build_info", "gauge", "The program's version.");
	series(t, "build_info", "version", doc_version(), 1);
}

static bool any_period(const struct metrics *m)
{
	for (size_t i = 0; i < METRICS_EXITS; i++)
		if (m->periods[i])
			return true;
	return false;
}

static void put_last(const struct metrics *m, struct text *t)
{
	gauge_time(t, "period_begin_timestamp_seconds", "When the last period began.",
		   m->begin);
	gauge_time(t, "period_end_timestamp_seconds", "When the last period ended.", m->end);
	gauge(t, "period_exit_code",
	      "Its outcome: 0 clean, 1 violations, 3 an input unreadable, 4 inconclusive.",
	      (uint64_t)m->exit_code);
	gauge(t, "period_inconclusive_reasons", "Why it can't be called clean.", m->reasons);
	family(t, "period_findings", "gauge", "Its findings.");
	for (int i = SEVERITY_CRITICAL; i >= SEVERITY_LOW; i--)
		series(t, "period_findings", "severity", severity_name((enum severity)i),
		       m->severity[i]);
	gauge(t, "period_flows_between_tenants", "Its flows between tenants.", m->between);
	gauge(t, "period_violations_between_tenants", "Those of them that violate the policy.",
	      m->between_violating);
	gauge(t, "period_positive_control", "Its declared flows.", m->positive);
	gauge(t, "period_tenant_pairs_covered", "Pairs of tenants of which flows were seen.",
	      m->covered);
	gauge(t, "period_tenant_pairs_missed",
	      "Pairs told apart or declared that weren't seen.", m->missed);
	gauge_real(t, "period_rate_bound_between_tenants",
		   "95 % upper bound of the rate of violating flows, between tenants.",
		   m->bound_between);
	gauge_real(t, "period_rate_bound",
		   "95 % upper bound of the rate of violating flows, of all.", m->bound_all);
	gauge(t, "flows_open", "Flows in the table as the period ended.", m->flows_now);
}

void metrics_text(const struct metrics *m, struct text *t)
{
	put_packets(m, t);
	put_flows(m, t);
	put_run(m, t);
	if (any_period(m))
		put_last(m, t);
}
