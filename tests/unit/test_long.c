/* SPDX-License-Identifier: Apache-2.0 */
/* What long runs count: periods of totals, and metrics. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "capture/sample.h"
#include "report/metrics.h"

Test(period, is_what_was_counted_since)
{
	struct capture_counts a = { .received = 10, .processed = 8, .dropped_kernel = 2 };
	struct capture_counts b = { .received = 31,
				    .processed = 24,
				    .dropped_kernel = 6,
				    .dropped_interface = 1,
				    .evicted = 3,
				    .anomaly = { 0, 4 },
				    .flows_now = 7,
				    .drops_known = true };
	struct capture_counts c;
	cr_expect(counts_since(&b, &a, &c));
	cr_expect_eq(c.received, 21);
	cr_expect_eq(c.processed, 16);
	cr_expect_eq(c.dropped_kernel, 4);
	cr_expect_eq(c.dropped_interface, 1);
	cr_expect_eq(c.evicted, 3);
	cr_expect_eq(c.anomaly[1], 4);
	cr_expect_eq(c.flows_now, 7, "what there is isn't counted");
	cr_expect(c.drops_known);
}

Test(period, a_counter_that_goes_back_is_told)
{
	struct capture_counts a = { .received = 10, .processed = 4, .dropped_interface = 6 };
	struct capture_counts b = { .received = 9, .processed = 8, .dropped_interface = 1 };
	struct capture_counts c;
	cr_expect_not(counts_since(&b, &a, &c));
	cr_expect_eq(c.processed, 4);
	cr_expect_eq(c.dropped_interface, 0);
	cr_expect_eq(c.received, 4);
}

Test(period, totals_that_dont_add_up_are_seen)
{
	struct capture_counts a = { .received = 10, .processed = 10 };
	struct capture_counts b = { .received = 30, .processed = 20 };
	struct capture_counts c;
	cr_expect(counts_since(&b, &a, &c));
	cr_expect_eq(c.received, 20);
	cr_expect_eq(c.processed, 10);
}

static struct text told(const struct metrics *m)
{
	struct text t = { 0 };
	metrics_text(m, &t);
	return t;
}

Test(metrics, labels_are_escaped)
{
	struct metrics m = { 0 };
	metrics_standing(&m, "a \"b\"\\c\nd", NULL, "2", "ab");
	struct text t = told(&m);
	cr_expect(strstr(t.s,
			 "plumbline_estate_info{estate=\"a \\\"b\\\"\\\\c\\nd\",policy=\"\","
			 "policy_version=\"2\",digest=\"ab\"} 1\n"));
	text_finish(&t);
	metrics_finish(&m);
}

static void period(struct metrics *m, const struct statement *st, int code)
{
	struct results res = { .statement = st, .exit_code = code };
	metrics_period(m, &res, 5000000000, 6500000000);
}

Test(metrics, nothing_is_said_of_a_last_period_that_wasnt)
{
	struct metrics m = { 0 };
	struct statement st = { .bound_between = 0.25 };
	struct text t = told(&m);
	cr_expect_not(strstr(t.s, "plumbline_period_"));
	text_finish(&t);
	period(&m, &st, 4);
	t = told(&m);
	cr_expect(strstr(t.s, "\nplumbline_period_exit_code 4\n"));
	cr_expect(strstr(t.s, "\nplumbline_period_end_timestamp_seconds 6.500\n"));
	cr_expect(strstr(t.s, "\nplumbline_period_rate_bound_between_tenants 0.25\n"));
	cr_expect(strstr(t.s, "\nplumbline_periods_total{outcome=\"inconclusive\"} 1\n"));
	text_finish(&t);
	metrics_finish(&m);
}

Test(metrics, counters_add_up_and_gauges_dont)
{
	struct metrics m = { 0 };
	struct statement st = {
		.counts = { .received = 5, .processed = 3, .dropped_kernel = 2 }, .positive = 9
	};
	period(&m, &st, 0);
	period(&m, &st, 1);
	struct text t = told(&m);
	cr_expect(strstr(t.s, "\nplumbline_packets_received_total 10\n"));
	cr_expect(strstr(t.s, "\nplumbline_packets_dropped_total{reason=\"kernel\"} 4\n"));
	cr_expect(strstr(t.s, "\nplumbline_period_positive_control 9\n"));
	text_finish(&t);
	metrics_finish(&m);
}

Test(metrics, pairs_are_bounded)
{
	enum { MORE = 7 };
	static struct pair_seen v[METRICS_PAIRS + MORE];
	static char names[METRICS_PAIRS + MORE][16];
	struct metrics m = { 0 };
	for (size_t i = 0; i < METRICS_PAIRS + MORE; i++) {
		snprintf(names[i], sizeof(names[i]), "t%zu", i);
		v[i] = (struct pair_seen){ .from = names[i], .to = "x", .flows = 3 };
		v[i].by[OBSERVED_CROSS_TALK] = 2;
		v[i].by[OBSERVED_DECLARED] = 1;
	}
	struct statement st = { .tenants = v, .n_tenants = METRICS_PAIRS + MORE };
	period(&m, &st, 1);
	period(&m, &st, 1);
	struct text t = told(&m);
	cr_expect(strstr(t.s, "\nplumbline_violations_total{from=\"t999\",to=\"x\"} 4\n"));
	cr_expect_not(strstr(t.s, "\"t1000\""));
	cr_expect(strstr(t.s, "\nplumbline_violations_left_total 28\n"));
	text_finish(&t);
	metrics_finish(&m);
}
