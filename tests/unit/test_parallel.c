/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "diff/parallel.h"

enum { ITEMS = 5000 };

struct tally {
	atomic_uint times[ITEMS];
	size_t last[8]; /* by worker, item + 1 */
	atomic_bool backwards;
	size_t told, calls;
};

static void count(void *user, size_t worker, size_t item)
{
	struct tally *t = user;
	atomic_fetch_add(&t->times[item], 1);
	if (item + 1 <= t->last[worker])
		t->backwards = true;
	t->last[worker] = item + 1;
}

static void tell(void *user, size_t done)
{
	struct tally *t = user;
	cr_assert_geq(done, t->told);
	t->told = done;
	t->calls++;
}

static void once(size_t jobs, size_t n)
{
	struct tally *t = calloc(1, sizeof(*t));
	parallel_each(jobs, n, count, t, tell, t);
	for (size_t i = 0; i < ITEMS; i++)
		cr_assert_eq(t->times[i], i < n, "item %zu of %zu by %zu workers", i, n, jobs);
	cr_assert(!t->backwards);
	cr_assert_eq(t->told, n);
	cr_assert_geq(t->calls, 1);
	free(t);
}

Test(parallel, every_item_once)
{
	static const size_t jobs[] = { 0, 1, 2, 3, 8 };
	for (size_t i = 0; i < sizeof(jobs) / sizeof(*jobs); i++) {
		once(jobs[i], ITEMS);
		once(jobs[i], 1);
		once(jobs[i], 0);
	}
}

Test(arena, join_keeps_both)
{
	for (int round = 0; round < 4; round++) {
		struct arena *a = arena_create(), *b = arena_create();
		char *x = round & 1 ? arena_str(a, "of a") : NULL;
		char *y = round & 2 ? arena_alloc(b, 100000) : NULL;
		size_t used = arena_used(a) + arena_used(b);
		if (y)
			memset(y, 'y', 100000);
		arena_join(a, b);
		cr_assert_eq(arena_used(a), used);
		char *z = arena_alloc(a, 50000);
		memset(z, 'z', 50000);
		if (x)
			cr_assert_str_eq(x, "of a");
		for (size_t i = 0; y && i < 100000; i++)
			cr_assert_eq(y[i], 'y');
		arena_destroy(a);
	}
}

Test(diags, join_is_as_if_reported_there)
{
	struct arena *a = arena_create(), *b = arena_create();
	struct diags all, whole, part[2];
	diags_init(&all, a);
	diags_init(&whole, a);
	diags_init(&part[0], b);
	diags_init(&part[1], b);
	for (int i = 0; i < 3 * DIAG_CAP_PER_CODE; i++) {
		struct diags *to[] = { &whole, &part[i >= DIAG_CAP_PER_CODE / 2] };
		for (int k = 0; k < 2; k++) {
			if (i % 3)
				diag_error(to[k], 1, "x.error", LOC_NONE, "number %d", i);
			else
				diag_warning(to[k], "x.warning", LOC_NONE, "number %d", i);
			diag_related(to[k], LOC_NONE, "beside %d", i);
		}
	}
	diags_join(&all, &part[0]);
	diags_join(&all, &part[1]);
	diags_finish(&part[0]);
	diags_finish(&part[1]);
	arena_destroy(b);
	cr_assert_eq(all.n, whole.n);
	cr_assert_eq(all.n_errors, whole.n_errors);
	cr_assert_eq(all.n_warnings, whole.n_warnings);
	cr_assert_eq(diags_count(&all, "x.error"), diags_count(&whole, "x.error"));
	cr_assert_eq(diags_count(&all, "x.warning"), diags_count(&whole, "x.warning"));
	for (size_t i = 0; i < all.n; i++) {
		cr_assert_str_eq(all.v[i].code, whole.v[i].code);
		cr_assert_str_eq(all.v[i].text, whole.v[i].text);
		cr_assert_eq(all.v[i].n_related, 1);
		cr_assert_str_eq(all.v[i].related_text[0], whole.v[i].related_text[0]);
	}
	diags_finish(&all);
	diags_finish(&whole);
	arena_destroy(a);
}
