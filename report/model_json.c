/* SPDX-License-Identifier: Apache-2.0 */
#include "report/model_json.h"

#include <stdlib.h>
#include <string.h>

#include "report/doc.h"
#include "report/notice.h"
#include "report/place.h"

static const char *const class_names[ACCOUNT_CLASSES] = {
	[ACCOUNT_IRRELEVANT] = "irrelevant",
	[ACCOUNT_EXACT] = "exact",
	[ACCOUNT_BOUNDED] = "bounded",
	[ACCOUNT_REJECTED] = "rejected",
};

static void put_counts(json_t *obj, const size_t count[ACCOUNT_CLASSES])
{
	size_t total = 0;
	for (int c = 0; c < ACCOUNT_CLASSES; c++)
		total += count[c];
	doc_put_int(obj, "total", total);
	doc_put_int(obj, "exact", count[ACCOUNT_EXACT]);
	doc_put_int(obj, "bounded", count[ACCOUNT_BOUNDED]);
	doc_put_int(obj, "irrelevant", count[ACCOUNT_IRRELEVANT]);
	doc_put_int(obj, "rejected", count[ACCOUNT_REJECTED]);
}

static json_t *entry_json(const struct account_entry *e)
{
	json_t *j = json_object();
	doc_put_string(j, "class", class_names[e->class]);
	doc_put_string(j, "why", e->why ? e->why : "");
	place_put(j, e->at);
	return j;
}

static json_t *account_json(const struct account *acc)
{
	json_t *j = json_object();
	doc_put_string(j, "unit", acc->unit);
	put_counts(j, acc->count);
	json_t *policy = json_object();
	put_counts(policy, acc->policy);
	doc_put(j, "policy", policy);
	json_t *entries = json_array();
	for (size_t i = 0; i < acc->entries.n; i++)
		json_array_append_new(entries, entry_json(&acc->entries.v[i]));
	doc_put(j, "entries", entries);
	return j;
}

static const char *file_of(const struct account *acc)
{
	return acc->src ? acc->src->name : "";
}

struct ordered {
	const void *what;
	size_t i; /* as it came: makes the order total */
};

static int by_file(const void *va, const void *vb)
{
	const struct ordered *oa = va, *ob = vb;
	const struct account *a = oa->what, *b = ob->what;
	int c = strcmp(file_of(a), file_of(b));
	if (!c)
		c = strcmp(a->collector ? a->collector : "", b->collector ? b->collector : "");
	return c ? c : (oa->i > ob->i) - (oa->i < ob->i);
}

json_t *sources_json(const struct snapshot *snap)
{
	json_t *sources = json_array();
	if (!snap)
		return sources;
	size_t n = snap->accounts.n;
	struct ordered *v = xcalloc(n + 1, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = (struct ordered){ snap->accounts.v[i], i };
	qsort(v, n, sizeof(*v), by_file);
	for (size_t i = 0; i < n; i++) {
		const struct account *acc = v[i].what;
		json_t *j = json_object();
		bool known = acc->src && acc->src->sha256 && *acc->src->sha256;
		doc_put_string(j, "name", file_of(acc));
		doc_put_string(j, "sha256", known ? acc->src->sha256 : NULL);
		doc_put_string(j, "collector", acc->collector);
		doc_put_bool(j, "failed", acc->failed);
		doc_put(j, "account", account_json(acc));
		json_array_append_new(sources, j);
	}
	free(v);
	return sources;
}

static json_t *diag_json(const struct diag *d)
{
	json_t *j = json_object();
	doc_put_string(j, "severity", notice_severity(d->severity));
	doc_put_string(j, "code", d->code);
	doc_put_string(j, "message", d->text);
	place_put(j, d->loc);
	json_t *related = json_array();
	for (unsigned i = 0; i < d->n_related; i++) {
		json_t *r = json_object();
		doc_put_string(r, "message", d->related_text[i]);
		place_put(r, d->related[i]);
		json_array_append_new(related, r);
	}
	doc_put(j, "related", related);
	return j;
}

static int by_place(const void *va, const void *vb)
{
	const struct ordered *oa = va, *ob = vb;
	const struct diag *a = oa->what, *b = ob->what;
	int c = loc_compare(a->loc, b->loc);
	if (!c)
		c = strcmp(a->code, b->code);
	return c ? c : (oa->i > ob->i) - (oa->i < ob->i);
}

json_t *diags_json(const struct diags *d)
{
	json_t *list = json_array();
	if (!d)
		return list;
	struct ordered *v = xcalloc(d->n + 1, sizeof(*v));
	for (size_t i = 0; i < d->n; i++)
		v[i] = (struct ordered){ &d->v[i], i };
	qsort(v, d->n, sizeof(*v), by_place);
	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(list, diag_json(v[i].what));
	free(v);
	return list;
}

static int by_code(const void *va, const void *vb)
{
	const struct diag_count *const *a = va, *const *b = vb;
	return strcmp((*a)->code, (*b)->code);
}

json_t *diags_left_json(const struct diags *d)
{
	json_t *list = json_array();
	if (!d)
		return list;
	const struct diag_count **v = xcalloc(d->n_counts + 1, sizeof(*v));
	for (size_t i = 0; i < d->n_counts; i++)
		v[i] = &d->counts[i];
	qsort(v, d->n_counts, sizeof(*v), by_code);
	for (size_t i = 0; i < d->n_counts; i++) {
		if (v[i]->n <= DIAG_CAP_PER_CODE)
			continue;
		json_t *j = json_object();
		doc_put_string(j, "code", v[i]->code);
		doc_put_int(j, "left", v[i]->n - DIAG_CAP_PER_CODE);
		json_array_append_new(list, j);
	}
	free(v);
	return list;
}
