/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lists begin and end with alike is passed over by comparing. The middle is aligned by
 * hashes: the k-th rule of one hash with the k-th of the other list, then the longest run of
 * pairs that keeps the order. Any common subsequence would do, a longer one leaves fewer rules
 * alone.
 */
#include "model/align.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

/* Rules are asked for so much earlier, since memory is what long lists wait for. */
enum { AHEAD = 8 };

static uint64_t hash_two(uint64_t a, uint64_t b)
{
	uint64_t v[2] = { a, b };
	return siphash(v, sizeof(v));
}

bool align_is_call(const struct rule *r)
{
	return r->verdict == VERDICT_JUMP || r->verdict == VERDICT_GOTO;
}

/*
 * All but what stands in the target. Conditions are told by their hashes: keyed, with a chance
 * of a mistake among a million rules of less than one in ten million.
 */
static bool same_rule(const struct rule *a, const struct rule *b)
{
	return a->verdict == b->verdict && a->match->hash == b->match->hash &&
	       (!align_is_call(a) || !strcmp(a->target->name, b->target->name));
}

static uint64_t hash_rule(const struct rule *r)
{
	uint64_t h = hash_two(r->match->hash, r->verdict);
	return align_is_call(r) ? hash_two(h, siphash(r->target->name, strlen(r->target->name)))
				: h;
}

static void list_init(struct align_list *l, const struct ruleset *rs)
{
	l->v = xreallocarray(NULL, (size_t)rs->n + 1, sizeof(*l->v));
	l->n = 0;
	for (uint32_t i = 0; i < rs->n; i++)
		if (!(rs->rules[i].flags & RULE_INACTIVE) &&
		    rs->rules[i].verdict != VERDICT_CONTINUE)
			l->v[l->n++] = &rs->rules[i];
	l->partner = xreallocarray(NULL, (size_t)l->n + 1, sizeof(*l->partner));
	memset(l->partner, 0xff, l->n * sizeof(*l->partner));
	l->met = xcalloc((size_t)l->n + 1, sizeof(*l->met));
}

static void list_finish(struct align_list *l)
{
	free(l->v);
	free(l->partner);
	free(l->met);
}

static void make_pair(struct alignment *al, uint32_t i, uint32_t k)
{
	al->old.partner[i] = k;
	al->new.partner[k] = i;
	if (align_is_call(al->old.v[i]))
		*vec_add(&al->calls) = (struct align_pair){ i, k };
}

struct hashed {
	uint64_t hash;
	uint32_t at;
};

static int hashed_order(const void *x, const void *y)
{
	const struct hashed *a = x, *b = y;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static struct hashed *hash_range(const struct align_list *l, uint32_t from, uint32_t to)
{
	struct hashed *v = xreallocarray(NULL, (size_t)(to - from) + 1, sizeof(*v));
	for (uint32_t i = from; i < to; i++)
		v[i - from] = (struct hashed){ hash_rule(l->v[i]), i };
	qsort(v, to - from, sizeof(*v), hashed_order);
	return v;
}

/* The longest run of pairs that rises on both sides; partner[i] is UINT32_MAX for none. */
static void align_rising(struct alignment *al, const uint32_t *partner, uint32_t from,
			 uint32_t n)
{
	uint32_t *tail =
		xreallocarray(NULL, (size_t)n + 1, sizeof(*tail)); /* ends, by length */
	uint32_t *before = xreallocarray(NULL, (size_t)n + 1, sizeof(*before));
	uint32_t most = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (partner[i] == UINT32_MAX)
			continue;
		uint32_t lo = 0, hi = most;
		while (lo < hi) {
			uint32_t mid = (lo + hi) / 2;
			if (partner[tail[mid]] < partner[i])
				lo = mid + 1;
			else
				hi = mid;
		}
		before[i] = lo ? tail[lo - 1] : UINT32_MAX;
		tail[lo] = i;
		most += lo == most;
	}
	for (uint32_t i = most ? tail[most - 1] : UINT32_MAX; i != UINT32_MAX; i = before[i])
		make_pair(al, from + i, partner[i]);
	free(tail);
	free(before);
}

static void align_middle(struct alignment *al, uint32_t from, uint32_t old_to, uint32_t new_to)
{
	struct hashed *a = hash_range(&al->old, from, old_to);
	struct hashed *b = hash_range(&al->new, from, new_to);
	uint32_t n = old_to - from, m = new_to - from;
	uint32_t *partner = xreallocarray(NULL, (size_t)n + 1, sizeof(*partner));
	memset(partner, 0xff, n * sizeof(*partner));
	for (uint32_t i = 0, k = 0; i < n && k < m;) {
		if (a[i].hash != b[k].hash) {
			if (a[i].hash < b[k].hash)
				i++;
			else
				k++;
			continue;
		}
		if (same_rule(al->old.v[a[i].at], al->new.v[b[k].at]))
			partner[a[i].at - from] = b[k].at;
		i++;
		k++;
	}
	align_rising(al, partner, from, n);
	free(a);
	free(b);
	free(partner);
}

void align(struct alignment *al, const struct ruleset *old, const struct ruleset *new)
{
	memset(al, 0, sizeof(*al));
	list_init(&al->old, old);
	list_init(&al->new, new);
	uint32_t n = al->old.n, m = al->new.n, i = 0;
	while (i < n && i < m && same_rule(al->old.v[i], al->new.v[i])) {
		if (i + AHEAD < n && i + AHEAD < m) {
			__builtin_prefetch(al->old.v[i + AHEAD]->match);
			__builtin_prefetch(al->new.v[i + AHEAD]->match);
		}
		make_pair(al, i, i);
		i++;
	}
	al->prefix = i;
	while (n > i && m > i && same_rule(al->old.v[n - 1], al->new.v[m - 1])) {
		if (n > i + AHEAD && m > i + AHEAD) {
			__builtin_prefetch(al->old.v[n - AHEAD]->match);
			__builtin_prefetch(al->new.v[m - AHEAD]->match);
		}
		make_pair(al, --n, --m);
	}
	if (n > i && m > i)
		align_middle(al, i, n, m);
}

void align_finish(struct alignment *al)
{
	list_finish(&al->old);
	list_finish(&al->new);
	vec_free(&al->calls);
}
