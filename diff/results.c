/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/map.h"
#include "diff/diff.h"

const char *coverage_name(enum coverage_verdict v)
{
	static const char *const names[] = { "aligned", "misaligned", "inconclusive" };
	return names[v];
}

const char *certainty_name(enum certainty c)
{
	return c == CERTAIN ? "certain" : "possible";
}

const char *plane_name(int plane)
{
	return plane == PLANE_PHYSICAL ? "physical" : "virtual";
}

void results_init(struct results *res, struct arena *a, const char *command)
{
	memset(res, 0, sizeof(*res));
	res->arena = a;
	res->command = command;
}

void results_of(struct results *res, const struct estate *e, const struct snapshot *s,
		struct diags *d)
{
	res->snap = s;
	res->diags = d;
	res->policy = e->policy;
	res->estate = e->name;
	res->policy_name = e->policy->name;
	res->policy_version = e->policy->version;
}

void results_finish(struct results *res)
{
	vec_free(&res->findings);
	vec_free(&res->coverage);
}

static int by_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int check_place(const char *id)
{
	int i = 0;
	while (checks[i] && strcmp(checks[i]->id, id))
		i++;
	return i;
}

static int finding_order(const void *x, const void *y)
{
	const struct finding *a = *(const struct finding *const *)x;
	const struct finding *b = *(const struct finding *const *)y;
	int c;
	if (!!a->excepted.exception != !!b->excepted.exception)
		return a->excepted.exception ? 1 : -1;
	if (a->severity != b->severity)
		return a->severity > b->severity ? -1 : 1;
	if (a->certainty != b->certainty)
		return a->certainty < b->certainty ? -1 : 1;
	if ((c = check_place(a->check) - check_place(b->check)))
		return c;
	if ((c = by_text(a->from, b->from)) || (c = by_text(a->to, b->to)))
		return c;
	if (a->n_rules && b->n_rules && (c = loc_compare(a->rules[0].at, b->rules[0].at)))
		return c;
	return by_text(a->fingerprint, b->fingerprint);
}

/* Two findings that say the same of two equal rules are told apart by their order. */
static void make_unique(struct results *res, struct finding **v, size_t n)
{
	struct map seen = { 0 };
	for (size_t i = 0; i < n; i++) {
		void **at = map_at(&seen, v[i]->fingerprint);
		size_t times = (uintptr_t)*at;
		*at = (void *)(uintptr_t)(times + 1);
		if (times) {
			const char *s = arena_printf(res->arena, "%s#%zu", v[i]->fingerprint, times);
			v[i]->fingerprint = sha256_hex(res->arena, s, strlen(s));
		}
	}
	map_finish(&seen);
	for (size_t i = 0; i < n; i++) {
		/* Ids are as long as it takes to be unique; eight digits nearly always do. */
		for (int digits = 8; digits <= 64; digits += 4) {
			v[i]->id = arena_printf(res->arena, "F-%.*s", digits, v[i]->fingerprint);
			if (!map_get(&seen, v[i]->id))
				break;
		}
		*map_at(&seen, v[i]->id) = v[i];
	}
	map_finish(&seen);
}

static int coverage_order(const void *x, const void *y)
{
	const struct coverage *a = x, *b = y;
	int c = by_text(a->from, b->from);
	if (!c)
		c = by_text(a->to, b->to);
	return c ? c : by_text(a->plane, b->plane);
}

void results_freeze(struct results *res)
{
	size_t n = res->findings.n;
	struct finding **order = xcalloc(n, sizeof(*order));
	struct finding *sorted = xcalloc(n, sizeof(*sorted));
	for (size_t i = 0; i < n; i++)
		order[i] = &res->findings.v[i];
	qsort(order, n, sizeof(struct finding *), finding_order);
	make_unique(res, order, n);
	vec_each(c, &res->coverage) {
		const char **ids = arena_array(res->arena, c->n_findings, sizeof(*ids));
		for (size_t i = 0; i < c->n_findings; i++)
			ids[i] = res->findings.v[c->finding_index[i]].id;
		c->findings = ids;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = *order[i];
	if (n)
		memcpy(res->findings.v, sorted, n * sizeof(*sorted));
	free(sorted);
	free(order);
	if (res->coverage.n)
		qsort(res->coverage.v, res->coverage.n, sizeof(*res->coverage.v), coverage_order);
}
