/* SPDX-License-Identifier: Apache-2.0 */
/* JSON with places: at the place of every value the same value is written. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
	const struct source *src;
	const struct jsonloc *places;
	struct arena *arena;
	unsigned left; /* values still looked at */
};

static void check(struct walk *w, json_t *v, struct loc at)
{
	size_t len, i;
	json_t *kid;
	const char *key, *line = source_line(w->src, at.line, &len);
	if (!w->left)
		return;
	w->left--;
	if (at.src != w->src || !at.col || at.end_col <= at.col || at.end_col - 1 > len)
		abort();
	if (!json_is_array(v) && !json_is_object(v)) {
		json_t *again = json_loadb(line + at.col - 1, at.end_col - at.col,
					   JSON_DECODE_ANY, NULL);
		if (!again || !json_equal(v, again))
			abort();
		json_decref(again);
	}
	json_array_foreach (v, i, kid)
		check(w, kid, jsonloc_index(w->places, NULL, v, i));
	json_object_foreach (v, key, kid) {
		struct loc k = jsonloc_key(w->places, w->arena, v, key);
		if (!k.path || source_line(w->src, k.line, &len)[k.col - 1] != '"')
			abort();
		check(w, kid, jsonloc_member(w->places, NULL, v, key));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct diags d;
	struct walk w = { .arena = a, .left = 2000 };
	diags_init(&d, a);
	if (!source_from_bytes(a, &d, "x.json", data, size, &w.src)) {
		json_t **roots = NULL;
		struct jsonloc *places = NULL;
		size_t n = 0;
		int err = jsonloc_parse(&d, w.src, &roots, &n, &places);
		if ((err != 0) != (d.n_errors != 0) || (!err && !n))
			abort();
		w.places = places;
		for (size_t i = 0; i < n; i++)
			if (json_is_array(roots[i]) || json_is_object(roots[i]))
				check(&w, roots[i], jsonloc_of(places, a, roots[i]));
		jsonloc_roots_free(roots, n);
		jsonloc_destroy(places);
	}
	diags_finish(&d);
	arena_destroy(a);
	return 0;
}
