/* SPDX-License-Identifier: Apache-2.0 */
/* The matrix of zones: its letters, its groups, and that its text loses none of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "diff/diff.h"
#include "report/doc.h"
#include "report/parts.h"
#include "report/zone_matrix.h"

enum { WIDTHS = 3 };
static const unsigned widths[WIDTHS] = { 40, 80, 160 };

/* xorshift: the same numbers everywhere. */
static unsigned next(uint64_t *seed, unsigned below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (unsigned)(*seed >> 33) % below;
}

/* n zones of `tenants` tenants in blocks, `kinds` kinds of zones with equal letters. */
struct planted {
	struct zone_matrix m;
	char (*names)[24], (*tenants)[24];
	unsigned *kind;
};

static struct planted plant(uint64_t seed, size_t n, unsigned tenants, unsigned kinds)
{
	struct planted p = { .m.n = n };
	static const char letters[] = "Xx?epvn.";
	char between[64][64];
	p.m.names = calloc(n, sizeof(*p.m.names));
	p.m.tenants = calloc(n, sizeof(*p.m.tenants));
	p.m.external = calloc(n, sizeof(*p.m.external));
	p.m.cells = malloc(n * n);
	p.names = calloc(n, sizeof(*p.names));
	p.tenants = calloc(n, sizeof(*p.tenants));
	p.kind = calloc(n, sizeof(*p.kind));
	for (unsigned i = 0; i < kinds; i++)
		for (unsigned k = 0; k < kinds; k++)
			between[i][k] = letters[next(&seed, 8)];
	for (size_t i = 0; i < n; i++) {
		snprintf(p.names[i], sizeof(p.names[i]), "zone-%zu", i);
		snprintf(p.tenants[i], sizeof(p.tenants[i]), "tenant-%zu", i * tenants / n);
		p.m.names[i] = p.names[i];
		p.m.tenants[i] = tenants > 1 ? p.tenants[i] : NULL;
		p.kind[i] = next(&seed, kinds);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			p.m.cells[i * n + k] = i == k ? '-' : between[p.kind[i]][p.kind[k]];
	return p;
}

static void unplant(struct planted *p)
{
	zone_matrix_finish(&p->m);
	free(p->names);
	free(p->tenants);
	free(p->kind);
}

static void expect_true(struct zone_matrix *m, const struct zone_groups *g, uint64_t seed)
{
	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < m->n; k++)
			if (i != k)
				cr_assert_eq(zone_groups_cell(m, g, g->of[i], g->of[k]),
					     m->cells[i * m->n + k], "seed %lu: %zu to %zu",
					     (unsigned long)seed, i, k);
}

Test(zone_matrix, groups_tell_every_pair)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		unsigned kinds = 1 + (unsigned)seed % 12;
		struct planted p = plant(seed * 77773, 20 + seed, 1 + seed % 3, kinds);
		struct zone_groups g;
		zone_groups_of(&p.m, 0, 0, &g);
		expect_true(&p.m, &g, seed);
		cr_expect_leq(g.n, kinds, "seed %lu", (unsigned long)seed);
		cr_expect(!g.by_tenant);
		zone_groups_finish(&g);
		zone_groups_of(&p.m, 0, p.m.n, &g);
		expect_true(&p.m, &g, seed);
		cr_expect(g.by_tenant);
		for (size_t i = 0; i < p.m.n; i++)
			if (p.m.tenants[i])
				cr_expect_str_eq(p.m.tenants[i], p.m.tenants[g.first[g.of[i]]]);
		zone_groups_finish(&g);
		unplant(&p);
	}
}

/* Equal rows are not enough: columns and the pairs among the zones count as well. */
Test(zone_matrix, zones_that_differ_in_one_letter_are_not_one)
{
	struct planted p = plant(1, 30, 1, 1);
	struct zone_groups g;
	size_t n = p.m.n;
	zone_groups_of(&p.m, 0, n, &g);
	cr_expect_eq(g.n, 1);
	zone_groups_finish(&g);
	p.m.cells[3 * n + 7] = 'n' == p.m.cells[1] ? '.' : 'n';
	zone_groups_of(&p.m, 0, n, &g);
	expect_true(&p.m, &g, 1);
	cr_expect_eq(g.n, 3);
	zone_groups_finish(&g);
	p.m.external[11] = true;
	zone_groups_of(&p.m, 0, n, &g);
	cr_expect_eq(g.n, 4);
	zone_groups_finish(&g);
	zone_groups_of(&p.m, n, n, &g);
	cr_expect(g.whole);
	zone_groups_finish(&g);
	unplant(&p);
}

/* What a person sees: letters by number of row and column, and which zones a number means. */
struct seen {
	size_t n;	       /* numbers */
	char (*cells)[256];    /* by row and column, 0: none */
	char names[256][4096]; /* by number */
	size_t widest;
};

static void see_line(struct seen *s, const char *line, const size_t *column)
{
	unsigned row;
	int at;
	if (sscanf(line, "%u %n", &row, &at) != 1 || !row || row > 255)
		return;
	/* the first zone's name, and how many more */
	sscanf(line + at, "%100s", s->names[row]);
	for (size_t i = 0; line[i]; i++)
		if (i < 256 && column[i]) {
			cr_assert(!s->cells[row][column[i]], "twice: %u, %zu", row, column[i]);
			cr_assert(strchr(pair_letters, line[i]), "%s", line);
			s->cells[row][column[i]] = line[i];
			s->n = row > s->n ? row : s->n;
		}
}

static struct seen *look(char *text)
{
	struct seen *s = calloc(1, sizeof(*s));
	size_t column[256] = { 0 }, heads = 0;
	bool members = false;
	unsigned last = 0;
	s->cells = calloc(256, sizeof(*s->cells));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		size_t blanks = strspn(line, " "), len = strlen(line);
		s->widest = len > s->widest ? len : s->widest;
		if (strstr(line, "told as one")) {
			members = true;
		} else if (members) {
			unsigned number;
			int at = 0;
			if (blanks <= 4 && sscanf(line, "%u %n", &number, &at) == 1)
				last = number;
			strcat(s->names[last], ", ");
			strcat(s->names[last], line + at);
		} else if (len && strspn(line, " 0123456789") == len) {
			/* the numbers of columns, a digit a line */
			if (!heads++)
				memset(column, 0, sizeof(column));
			for (size_t i = 0; i < len && i < 256; i++)
				if (line[i] != ' ')
					column[i] = column[i] * 10 + (size_t)(line[i] - '0');
		} else {
			heads = 0;
			if (blanks && !strstr(line, "aligned") && !strstr(line, "inconcl") &&
			    !strstr(line, "not asked"))
				see_line(s, line, column);
		}
	}
	return s;
}

static size_t number_of(const struct seen *s, const char *name)
{
	size_t len = strlen(name), found = 0;
	for (size_t i = 1; i <= s->n; i++)
		for (const char *p = s->names[i]; (p = strstr(p, name)); p += len)
			if ((p == s->names[i] || p[-1] == ' ') && (!p[len] || p[len] == ','))
				found = i;
	return found;
}

static void expect_whole(const struct planted *p, unsigned width)
{
	struct text t = { 0 };
	struct zone_matrix folded;
	struct zone_groups g;
	json_t *doc = json_object();
	doc_put(doc, "matrix", zone_matrix_json(&p->m));
	cr_assert(part_matrix(&t, (struct report_style){ .width = width }, doc));
	/* Kinds of aligned pairs are told apart where that leaves the groups few. */
	cr_assert(zone_matrix_read(json_object_get(doc, "matrix"), &folded));
	zone_groups_of(&folded, 24, SIZE_MAX, &g);
	bool fold = g.n > 48 && p->m.n > 24;
	zone_groups_finish(&g);
	zone_matrix_finish(&folded);
	struct seen *s = look(t.s);
	cr_expect_leq(s->widest, width, "%zu columns of %u", s->widest, width);
	for (size_t i = 0; i < p->m.n; i++)
		for (size_t k = 0; k < p->m.n; k++) {
			size_t a = number_of(s, p->m.names[i]), b = number_of(s, p->m.names[k]);
			cr_assert(a && b, "%s", p->m.names[i]);
			if (i != k)
				cr_assert_eq(
					s->cells[a][b],
					fold ? pair_letter_folded(p->m.cells[i * p->m.n + k])
					     : p->m.cells[i * p->m.n + k],
					"width %u, %zu to %zu", width, i, k);
		}
	free(s->cells);
	free(s);
	text_finish(&t);
	json_decref(doc);
}

Test(zone_matrix, the_text_tells_every_pair)
{
	static const struct {
		size_t n;
		unsigned tenants, kinds;
	} rows[] = { { 1, 1, 1 },   { 5, 2, 5 },    { 24, 3, 24 },  { 25, 3, 25 },
		     { 80, 8, 60 }, { 100, 1, 60 }, { 200, 40, 5 }, { 200, 4, 60 } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (size_t w = 0; w < WIDTHS; w++) {
			struct planted p =
				plant(99 + i, rows[i].n, rows[i].tenants, rows[i].kinds);
			expect_whole(&p, widths[w]);
			unplant(&p);
		}
}

Test(zone_matrix, a_document_that_contradicts_itself_has_none)
{
	struct planted p = plant(5, 3, 1, 3);
	struct zone_matrix m;
	json_t *doc = zone_matrix_json(&p.m), *rows = json_object_get(doc, "rows");
	cr_assert(zone_matrix_read(doc, &m));
	cr_expect(!memcmp(m.cells, p.m.cells, 9));
	zone_matrix_finish(&m);
	json_array_set_new(rows, 1, json_string(".."));
	cr_expect(!zone_matrix_read(doc, &m));
	json_array_set_new(rows, 1, json_string("..Q"));
	cr_expect(!zone_matrix_read(doc, &m));
	json_array_set_new(rows, 1, json_integer(3));
	cr_expect(!zone_matrix_read(doc, &m));
	json_array_set_new(rows, 1, json_string("..."));
	cr_expect(zone_matrix_read(doc, &m));
	zone_matrix_finish(&m);
	json_array_remove(rows, 2);
	cr_expect(!zone_matrix_read(doc, &m));
	cr_expect(!zone_matrix_read(NULL, &m));
	json_decref(doc);
	unplant(&p);
}

/* --- letters --- */

static char letter_of(const struct coverage *planes, size_t n, const struct finding *f)
{
	static const struct zone zones[] = { { .name = "a" }, { .name = "b" } };
	struct policy p = { .zones = zones, .n_zones = 2 };
	struct arena *arena = arena_create();
	struct results res;
	struct zone_matrix m;
	results_init(&res, arena, "check");
	res.policy = &p;
	for (size_t i = 0; i < n; i++) {
		struct coverage c = planes[i];
		c.from = "a";
		c.to = "b";
		c.plane = i ? "virtual" : "physical";
		*vec_add(&res.coverage) = c;
	}
	if (f)
		*vec_add(&res.findings) = *f;
	zone_matrix_of(&res, &m);
	cr_expect_eq(m.cells[0], '-');
	char c = m.cells[1];
	zone_matrix_finish(&m);
	results_finish(&res);
	arena_destroy(arena);
	return c;
}

Test(zone_matrix, letters)
{
	static const char *const ids[] = { "F-1" };
	static const struct exception ex = { .id = "X" };
	struct coverage ok = { .verdict = COVER_ALIGNED, .enforced = true };
	struct coverage absent = { .verdict = COVER_ALIGNED };
	struct coverage apart = { .verdict = COVER_ALIGNED, .apart = true };
	struct coverage open = { .verdict = COVER_INCONCLUSIVE, .enforced = true };
	struct coverage bad = { .verdict = COVER_MISALIGNED, .findings = ids, .n_findings = 1 };
	struct coverage held = ok;
	struct finding f = { .id = "F-1", .severity = SEVERITY_HIGH, .certainty = CERTAIN };
	held.findings = ids;
	held.n_findings = 1;
	cr_expect_eq(letter_of((struct coverage[]){ ok, ok }, 2, NULL), PAIR_ALIGNED);
	cr_expect_eq(letter_of((struct coverage[]){ ok, absent }, 2, NULL), PAIR_ONE_PHYSICAL);
	cr_expect_eq(letter_of((struct coverage[]){ absent, ok }, 2, NULL), PAIR_ONE_VIRTUAL);
	cr_expect_eq(letter_of((struct coverage[]){ apart, apart }, 2, NULL), PAIR_APART);
	cr_expect_eq(letter_of((struct coverage[]){ ok, open }, 2, NULL), PAIR_OPEN);
	cr_expect_eq(letter_of((struct coverage[]){ ok, held }, 2, &f), PAIR_EXCEPTED);
	cr_expect_eq(letter_of((struct coverage[]){ open, bad }, 2, &f), PAIR_GRAVE);
	f.severity = SEVERITY_MEDIUM;
	cr_expect_eq(letter_of((struct coverage[]){ bad, ok }, 2, &f), PAIR_WRONG);
	f.severity = SEVERITY_CRITICAL;
	f.excepted.exception = &ex;
	cr_expect_eq(letter_of((struct coverage[]){ bad, ok }, 2, &f), PAIR_WRONG);
	/* A plane that nothing was said of is not aligned. */
	cr_expect_eq(letter_of((struct coverage[]){ ok }, 1, NULL), PAIR_OPEN);
	cr_expect_eq(letter_of(NULL, 0, NULL), PAIR_NOT_ASKED);
	for (const char *s = pair_letters; *s; s++)
		cr_expect(*pair_letter_says(*s), "%c", *s);
}
