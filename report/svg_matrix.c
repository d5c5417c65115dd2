/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zones by zones as symbols. The ground is a pattern of the most frequent letter, so that a
 * picture of 200 zones holds no 40,000 squares; every other pair is drawn on it, and says in a
 * tooltip which it is.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "report/svg.h"

enum { ALONE_MAX = 40, GROUPS_GOOD = 72, LABEL_MAX = 30 };

struct grid {
	const struct drawing *d;
	struct text *t;
	struct zone_matrix m; /* with letters folded where that helps */
	struct zone_groups g;
	int x, y, cell; /* the corner of the cells */
	bool names;	/* above the columns */
};

static void copy_matrix(const struct zone_matrix *m, struct zone_matrix *ret)
{
	*ret = *m;
	ret->names = xcalloc(m->n, sizeof(*ret->names));
	ret->tenants = xcalloc(m->n, sizeof(*ret->tenants));
	ret->external = xcalloc(m->n, sizeof(*ret->external));
	ret->cells = xcalloc(m->n, m->n);
	for (size_t i = 0; i < m->n; i++) {
		ret->names[i] = m->names[i];
		ret->tenants[i] = m->tenants[i];
		ret->external[i] = m->external[i];
		memcpy(&ret->cells[i * m->n], &m->cells[i * m->n], m->n);
	}
}

static const char *label(const struct grid *g, size_t group)
{
	const char *name = g->m.names[g->g.first[group]];
	return g->g.count[group] == 1
		       ? name
		       : arena_printf(g->d->arena, "%s +%u", name, g->g.count[group] - 1);
}

/* "" where rows don't stand in blocks of tenants. */
static const char *tenant(const struct grid *g, size_t group)
{
	const char *s = g->g.by_tenant ? g->m.tenants[g->g.first[group]] : NULL;
	return s ? s : "";
}

static char ground_letter(const struct grid *g)
{
	size_t count[UCHAR_MAX + 1] = { 0 };
	char most = PAIR_ALIGNED;
	for (size_t i = 0; i < g->g.n; i++)
		for (size_t k = 0; k < g->g.n; k++)
			count[(unsigned char)zone_groups_cell(&g->m, &g->g, i, k)]++;
	for (const char *p = pair_letters; *p; p++)
		if (count[(unsigned char)*p] > count[(unsigned char)most])
			most = *p;
	return most;
}

static void put_cells(const struct grid *g)
{
	char ground = ground_letter(g);
	int side = (int)g->g.n * g->cell;
	text_putf(g->t,
		  "<pattern id=\"ground\" patternUnits=\"userSpaceOnUse\" x=\"%d\" y=\"%d\" "
		  "width=\"%d\" height=\"%d\">",
		  g->x, g->y, g->cell, g->cell);
	svg_symbol(g->t, ground, 0, 0, g->cell - 1);
	text_putf(g->t,
		  "</pattern>\n<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
		  "fill=\"url(#ground)\"/>\n",
		  g->x, g->y, side, side);
	for (size_t i = 0; i < g->g.n; i++)
		for (size_t k = 0; k < g->g.n; k++) {
			char c = zone_groups_cell(&g->m, &g->g, i, k);
			if (c == ground)
				continue;
			text_put(g->t, "<g><title>");
			svg_put(g->t, label(g, i));
			text_put(g->t, " -&gt; ");
			svg_put(g->t, label(g, k));
			text_putf(g->t, ": %s</title>", pair_letter_says(c));
			svg_symbol(g->t, c, g->x + (int)k * g->cell, g->y + (int)i * g->cell,
				   g->cell - 1);
			text_put(g->t, "</g>\n");
		}
}

/* Lines between the blocks of tenants, and their names at the left. */
static void put_blocks(const struct grid *g, int left)
{
	int side = (int)g->g.n * g->cell;
	for (size_t i = 0; i < g->g.n; i++) {
		if (i && !strcmp(tenant(g, i), tenant(g, i - 1)))
			continue;
		int at = (int)i * g->cell;
		if (i)
			text_putf(g->t, "<path class=\"grid\" d=\"M%d %dH%dM%d %dV%d\"/>\n",
				  left, g->y + at, g->x + side, g->x + at, g->y, g->y + side);
		if (*tenant(g, i))
			svg_text(g->t, left, g->y + at + (g->cell + 8) / 2, "b", tenant(g, i),
				 16);
	}
	text_putf(g->t, "<rect class=\"grid\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
		  g->x, g->y, side, side);
}

static void put_labels(const struct grid *g, int at)
{
	for (size_t i = 0; i < g->g.n; i++) {
		struct text s = { 0 };
		text_putf(&s, "%*zu %s", 3, i + 1, label(g, i));
		svg_text(g->t, at, g->y + (int)i * g->cell + (g->cell + 8) / 2, "t", s.s,
			 LABEL_MAX + 4);
		text_clear(&s);
		text_putf(&s, "%zu%s%s", i + 1, g->names ? " " : "",
			  g->names ? label(g, i) : "");
		text_putf(g->t, "<g transform=\"translate(%d %d) rotate(-90)\">",
			  g->x + (int)i * g->cell + (g->cell + 8) / 2, g->y - 6);
		svg_text(g->t, 0, 0, "t", s.s, LABEL_MAX + 4);
		text_put(g->t, "</g>\n");
		text_finish(&s);
	}
}

static int put_members(const struct grid *g, int x, int y, unsigned columns)
{
	struct text s = { 0 };
	bool any = false;
	for (size_t i = 0; i < g->g.n; i++) {
		if (g->g.count[i] < 2)
			continue;
		if (!any) {
			svg_text(g->t, x, y + 16, "b",
				 "Zones told as one in the matrix, for everything is the same "
				 "for "
				 "them",
				 200);
			y += 28;
		}
		any = true;
		text_clear(&s);
		text_putf(&s, "%zu ", i + 1);
		const char *last = NULL;
		for (size_t z = 0; z < g->m.n; z++) {
			const char *its = g->m.tenants[z] ? g->m.tenants[z] : "";
			if (g->g.of[z] != i)
				continue;
			text_put(&s, last ? ", " : "");
			if (!g->g.by_tenant && *its && (!last || strcmp(last, its)))
				text_putf(&s, "%s: ", its);
			last = its;
			text_put(&s, g->m.names[z]);
		}
		y = svg_wrap(g->t, x, y + 12, "t", s.s, columns) - 10;
	}
	text_finish(&s);
	return any ? y + 8 : y;
}

int svg_matrix(const struct drawing *d, struct text *t, int x, int *y)
{
	struct grid g = { .d = d, .t = t };
	int names = 0, tenants = 0;
	if (!d->m.n)
		return 0;
	copy_matrix(&d->m, &g.m);
	zone_groups_of(&g.m, ALONE_MAX, GROUPS_GOOD, &g.g);
	g.cell = g.g.n <= 48 ? 18 : 15;
	for (size_t i = 0; i < g.g.n; i++) {
		int w = svg_width(label(&g, i), LABEL_MAX), v = svg_width(tenant(&g, i), 16);
		names = w > names ? w : names;
		tenants = v > tenants ? v : tenants;
	}
	g.names = g.g.n <= 60;
	svg_text(t, x, *y + 16, "b", "Zones by zones, from row to column", 100);
	g.x = x + (tenants ? tenants + 12 : 0) + names + 4 * SVG_CHAR_10 / 10 + 10;
	g.y = *y + 34 + (g.names ? names + 4 * SVG_CHAR_10 / 10 : 3 * SVG_CHAR_10 / 10) + 8;
	put_cells(&g);
	put_blocks(&g, x);
	put_labels(&g, x + (tenants ? tenants + 12 : 0));
	int width = g.x + (int)g.g.n * g.cell - x;
	*y = g.y + (int)g.g.n * g.cell + 12;
	if (g.g.folded) {
		svg_text(t, x, *y + 12, "m",
			 "Aligned pairs are one symbol here: whether one plane stands alone "
			 "differs "
			 "from zone to zone.",
			 120);
		*y += 24;
	}
	*y = put_members(&g, x, *y, (unsigned)((width > 900 ? width : 900) * 10 / SVG_CHAR_10));
	zone_groups_finish(&g.g);
	zone_matrix_finish(&g.m);
	return width;
}
