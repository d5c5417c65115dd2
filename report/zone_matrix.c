/* SPDX-License-Identifier: Apache-2.0 */
#include "report/zone_matrix.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "report/doc.h"

const char pair_letters[] = { PAIR_GRAVE,    PAIR_WRONG,	PAIR_OPEN,
			      PAIR_EXCEPTED, PAIR_ONE_PHYSICAL, PAIR_ONE_VIRTUAL,
			      PAIR_APART,    PAIR_ALIGNED,	PAIR_NOT_ASKED,
			      '\0' };

const char *pair_letter_says(char letter)
{
	switch ((enum pair_letter)letter) {
	case PAIR_GRAVE:
		return "misaligned, critical or high";
	case PAIR_WRONG:
		return "misaligned, medium or low";
	case PAIR_OPEN:
		return "inconclusive";
	case PAIR_EXCEPTED:
		return "aligned but for exceptions";
	case PAIR_ONE_PHYSICAL:
		return "aligned, only the physical plane filters";
	case PAIR_ONE_VIRTUAL:
		return "aligned, only the virtual plane filters";
	case PAIR_APART:
		return "aligned, declared as not connected";
	case PAIR_ALIGNED:
		return "aligned";
	case PAIR_NOT_ASKED:
		return "not asked";
	}
	return "";
}

static void make(struct zone_matrix *m, size_t n)
{
	*m = (struct zone_matrix){ .n = n };
	m->names = xcalloc(n, sizeof(*m->names));
	m->tenants = xcalloc(n, sizeof(*m->tenants));
	m->external = xcalloc(n, sizeof(*m->external));
	m->cells = xcalloc(n, n);
	memset(m->cells, PAIR_NOT_ASKED, n * n);
}

void zone_matrix_finish(struct zone_matrix *m)
{
	free(m->names);
	free(m->tenants);
	free(m->external);
	free(m->cells);
	memset(m, 0, sizeof(*m));
}

static void add_zones(struct zone_matrix *m, const struct policy *p,
		      const struct tenant *tenant)
{
	for (size_t i = 0; i < p->n_zones; i++) {
		const struct zone *z = &p->zones[i];
		if (z->tenant != tenant)
			continue;
		m->names[m->n] = z->name;
		m->tenants[m->n] = tenant ? tenant->name : NULL;
		m->external[m->n++] = z->external;
	}
}

/* Both planes of one pair. */
struct pair_cover {
	const struct coverage *plane[PLANE_COUNT];
};

static char misaligned(const struct pair_cover *pc, const struct map *grave)
{
	for (int i = 0; i < PLANE_COUNT; i++)
		for (size_t k = 0; pc->plane[i] && k < pc->plane[i]->n_findings; k++)
			if (map_get(grave, pc->plane[i]->findings[k]))
				return PAIR_GRAVE;
	return PAIR_WRONG;
}

static char letter(const struct pair_cover *pc, const struct map *grave)
{
	bool verdict[COVER_INCONCLUSIVE + 1] = { false }, excepted = false, apart = false;
	bool enforced[PLANE_COUNT] = { false };
	for (int i = 0; i < PLANE_COUNT; i++) {
		const struct coverage *c = pc->plane[i];
		/* What wasn't judged on both planes isn't judged. */
		verdict[c ? c->verdict : COVER_INCONCLUSIVE] = true;
		excepted |= c && c->n_findings;
		apart |= c && c->apart;
		enforced[i] = c && c->enforced;
	}
	if (verdict[COVER_MISALIGNED])
		return misaligned(pc, grave);
	if (verdict[COVER_INCONCLUSIVE])
		return PAIR_OPEN;
	if (excepted)
		return PAIR_EXCEPTED;
	if (apart)
		return PAIR_APART;
	if (enforced[PLANE_PHYSICAL] == enforced[PLANE_VIRTUAL])
		return PAIR_ALIGNED;
	return enforced[PLANE_PHYSICAL] ? PAIR_ONE_PHYSICAL : PAIR_ONE_VIRTUAL;
}

static size_t index_of(const struct map *index, const char *name)
{
	return (size_t)(uintptr_t)map_get(index, name); /* 0: none */
}

static void fill(struct zone_matrix *m, const struct results *res, const struct map *index,
		 const struct map *grave)
{
	/* The entries of one pair stand together. */
	for (size_t i = 0; i < res->coverage.n;) {
		const struct coverage *first = &res->coverage.v[i];
		struct pair_cover pc = { { NULL } };
		for (; i < res->coverage.n; i++) {
			const struct coverage *c = &res->coverage.v[i];
			if (strcmp(c->from, first->from) || strcmp(c->to, first->to))
				break;
			pc.plane[!strcmp(c->plane, "virtual") ? PLANE_VIRTUAL
							      : PLANE_PHYSICAL] = c;
		}
		size_t a = index_of(index, first->from), b = index_of(index, first->to);
		if (a && b)
			m->cells[(a - 1) * m->n + b - 1] = letter(&pc, grave);
	}
}

void zone_matrix_of(const struct results *res, struct zone_matrix *ret)
{
	const struct policy *p = res->policy;
	struct map index = { 0 }, grave = { 0 };
	make(ret, p->n_zones);
	ret->n = 0;
	add_zones(ret, p, NULL);
	for (size_t i = 0; i < p->n_tenants; i++)
		add_zones(ret, p, &p->tenants[i]);
	for (size_t i = 0; i < ret->n; i++)
		*map_at(&index, ret->names[i]) = (void *)(uintptr_t)(i + 1);
	for (size_t i = 0; i < res->findings.n; i++) {
		const struct finding *f = &res->findings.v[i];
		if (f->severity >= SEVERITY_HIGH && f->certainty == CERTAIN &&
		    !f->excepted.exception)
			*map_at(&grave, f->id) = (void *)f;
	}
	fill(ret, res, &index, &grave);
	map_finish(&index);
	map_finish(&grave);
}

bool zone_matrix_read(const json_t *matrix, struct zone_matrix *ret)
{
	const json_t *zones = doc_array(matrix, "zones"), *rows = doc_array(matrix, "rows");
	size_t n = json_array_size(zones);
	if (!n || json_array_size(rows) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *row = json_string_value(json_array_get(rows, i));
		if (!row || json_string_length(json_array_get(rows, i)) != n ||
		    strspn(row, pair_letters) != n)
			return false;
	}
	make(ret, n);
	for (size_t i = 0; i < n; i++) {
		const json_t *z = json_array_get(zones, i);
		ret->names[i] = doc_get(z, "name");
		ret->tenants[i] = doc_get_or_null(z, "tenant");
		ret->external[i] = doc_bool(z, "external");
		memcpy(&ret->cells[i * n], json_string_value(json_array_get(rows, i)), n);
	}
	return true;
}

json_t *zone_matrix_json(const struct zone_matrix *m)
{
	json_t *j = json_object(), *zones = json_array(), *legend = json_array();
	json_t *rows = json_array();
	for (size_t i = 0; i < m->n; i++) {
		json_t *z = json_object();
		doc_put_string(z, "name", m->names[i]);
		doc_put_string(z, "tenant", m->tenants[i]);
		doc_put_bool(z, "external", m->external[i]);
		json_array_append_new(zones, z);
		json_array_append_new(rows, doc_stringn(&m->cells[i * m->n], m->n));
	}
	for (const char *s = pair_letters; *s; s++) {
		const char mark[] = { *s, '\0' };
		json_t *l = json_object();
		doc_put_string(l, "letter", mark);
		doc_put_string(l, "says", pair_letter_says(*s));
		json_array_append_new(legend, l);
	}
	doc_put(j, "zones", zones);
	doc_put(j, "legend", legend);
	doc_put(j, "rows", rows);
	return j;
}

/* --- groups --- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Whether two rows are equal but for the places i and k. */
static bool equal_but(const char *a, const char *b, size_t n, size_t i, size_t k)
{
	size_t lo = i < k ? i : k, hi = i < k ? k : i;
	return !memcmp(a, b, lo) && !memcmp(a + lo + 1, b + lo + 1, hi - lo - 1) &&
	       !memcmp(a + hi + 1, b + hi + 1, n - hi - 1);
}

/*
 * Whether everything is the same for i and k: an equivalence, so that one member stands for
 * its group. (For i~k and k~l the letters i-l and l-i are those of i-k, by way of k's row.)
 */
static bool twins(const struct zone_matrix *m, const char *columns, size_t i, size_t k)
{
	size_t n = m->n;
	const char *c = m->cells;
	return m->external[i] == m->external[k] && c[i * n + k] == c[k * n + i] &&
	       c[i * n + i] == c[k * n + k] && equal_but(&c[i * n], &c[k * n], n, i, k) &&
	       equal_but(&columns[i * n], &columns[k * n], n, i, k);
}

static void group(const struct zone_matrix *m, const char *columns, bool by_tenant,
		  struct zone_groups *g)
{
	g->n = 0;
	g->by_tenant = by_tenant;
	for (size_t i = 0; i < m->n; i++) {
		size_t k = columns ? 0 : g->n;
		while (k < g->n &&
		       ((by_tenant && !same_text(m->tenants[i], m->tenants[g->first[k]])) ||
			!twins(m, columns, i, g->first[k])))
			k++;
		if (k == g->n) {
			g->first[k] = (uint32_t)i;
			g->count[g->n++] = 0;
		}
		g->of[i] = (uint32_t)k;
		g->count[k]++;
	}
	g->whole = g->n == m->n;
}

char pair_letter_folded(char letter)
{
	return letter == PAIR_ONE_PHYSICAL || letter == PAIR_ONE_VIRTUAL || letter == PAIR_APART
		       ? PAIR_ALIGNED
		       : letter;
}

static void turn(const struct zone_matrix *m, char *columns)
{
	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < m->n; k++)
			columns[k * m->n + i] = m->cells[i * m->n + k];
}

void zone_groups_of(struct zone_matrix *m, size_t alone, size_t most, struct zone_groups *ret)
{
	char *columns = NULL;
	*ret = (struct zone_groups){ 0 };
	ret->of = xcalloc(m->n, sizeof(*ret->of));
	ret->first = xcalloc(m->n, sizeof(*ret->first));
	ret->count = xcalloc(m->n, sizeof(*ret->count));
	if (m->n > alone) {
		columns = xmalloc(m->n * m->n);
		turn(m, columns);
	}
	group(m, columns, true, ret);
	if (columns && ret->n > most) {
		for (size_t i = 0; i < m->n * m->n; i++)
			m->cells[i] = pair_letter_folded(m->cells[i]);
		ret->folded = true;
		turn(m, columns);
		group(m, columns, true, ret);
	}
	if (columns && ret->n > most)
		group(m, columns, false, ret);
	free(columns);
}

void zone_groups_finish(struct zone_groups *g)
{
	free(g->of);
	free(g->first);
	free(g->count);
	memset(g, 0, sizeof(*g));
}

char zone_groups_cell(const struct zone_matrix *m, const struct zone_groups *g, size_t a,
		      size_t b)
{
	size_t i = g->first[a], k = g->first[b];
	/* Of several zones, the pairs among them are told: any other member will do. */
	for (size_t z = i + 1; a == b && g->count[a] > 1 && k == i; z++)
		if (g->of[z] == a)
			k = z;
	return m->cells[i * m->n + k];
}
