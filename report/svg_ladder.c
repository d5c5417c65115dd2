/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices and zones as a ladder: the devices of the physical plane on the left, those of the
 * virtual one on the right, the zones by tenant between them. A zone that both planes know
 * has a line to each side, and one that only one plane knows is seen by the line that is
 * missing. Links inside a plane run beside its devices, links across the planes behind the
 * zones. Devices stand at the height of what is attached to them, which keeps lines short.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "report/svg.h"

enum {
	LABEL_MAX = 32,
	HEADER = 24,
	ROW = 18,
	GAP = 14,
	WAY = 150, /* between columns, for the lines */
	LANE = 10,
};

struct row {
	int y;	    /* its middle */
	int sum, n; /* of what is attached, for the order */
	size_t port;
	const struct draw_link *link; /* the first one; NULL: none */
};

struct card {
	size_t device, first, n; /* rows */
	int sum, count, y;
};

struct ladder {
	const struct drawing *d;
	struct text *t;
	struct row *rows; /* by place; sorted within a card */
	size_t *row_of;	  /* by port */
	struct card *cards;
	size_t n_cards;
	int *node_y; /* by node: the middle of its line */
	int card_x[PLANE_COUNT], card_w[PLANE_COUNT], zone_x, zone_w;
	int top, bottom;
};

/* --- sizes --- */

/* What stands on a port's line: its name, and what it leads to where that is one place. */
static const char *row_text(const struct ladder *l, const struct row *r)
{
	const struct draw_port *p = &l->d->ports[r->port];
	if (!r->link)
		return p->label;
	if (r->link->n > 2)
		return arena_printf(l->d->arena, "%s  on %s", p->label, r->link->says);
	size_t other = r->link->ports[0] == r->port ? r->link->ports[1] : r->link->ports[0];
	return arena_printf(l->d->arena, "%s  to %s %s", p->label,
			    l->d->devices[l->d->ports[other].device].label,
			    l->d->ports[other].label);
}

static const char *badge(const struct ladder *l, const struct draw_node *n)
{
	const char *s = "";
	if (n->counts.grave)
		s = arena_printf(l->d->arena, " X%zu", n->counts.grave);
	if (n->counts.wrong)
		s = arena_printf(l->d->arena, "%s x%zu", s, n->counts.wrong);
	if (n->counts.open)
		s = arena_printf(l->d->arena, "%s ?%zu", s, n->counts.open);
	return s;
}

static void at_least(int *v, int want)
{
	*v = want > *v ? want : *v;
}

static void measure(struct ladder *l)
{
	const struct drawing *d = l->d;
	l->zone_w = 140;
	for (size_t i = 0; i < d->n_nodes; i++)
		at_least(&l->zone_w, svg_width(d->nodes[i].label, LABEL_MAX) +
					     svg_width(badge(l, &d->nodes[i]), 30) + 24);
	for (size_t i = 0; i < d->n_tenants; i++)
		at_least(&l->zone_w, svg_width(d->tenants[i], LABEL_MAX) + 24);
	for (size_t i = 0; i < l->n_cards; i++) {
		const struct card *c = &l->cards[i];
		const struct draw_device *dev = &d->devices[c->device];
		int *w = &l->card_w[dev->plane];
		at_least(w, 150);
		at_least(w, svg_width(dev->label, LABEL_MAX) + svg_width(dev->says, 12) + 32);
		for (size_t k = 0; k < c->n; k++)
			at_least(w,
				 svg_width(row_text(l, &l->rows[c->first + k]), 2 * LABEL_MAX) +
					 20);
	}
}

/* --- where everything stands --- */

static int place_zones(struct ladder *l)
{
	const struct drawing *d = l->d;
	int y = l->top;
	for (size_t i = 0; i < d->n_nodes; i++) {
		bool begins = !i || d->nodes[i].tenant != d->nodes[i - 1].tenant ||
			      d->nodes[i].tenant == SIZE_MAX;
		if (begins)
			y += (i ? GAP : 0) + (d->nodes[i].tenant == SIZE_MAX ? 4 : HEADER);
		l->node_y[i] = y + ROW / 2;
		y += ROW;
		if (i + 1 == d->n_nodes || d->nodes[i + 1].tenant != d->nodes[i].tenant ||
		    d->nodes[i].tenant == SIZE_MAX)
			y += 4;
	}
	return y;
}

static int by_height(int a_sum, int a_n, int b_sum, int b_n)
{
	if (!a_n || !b_n) /* what nothing is attached to stands last */
		return !a_n - !b_n;
	long long a = (long long)a_sum * b_n, b = (long long)b_sum * a_n;
	return a < b ? -1 : a > b;
}

static int row_order(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	int c = by_height(a->sum, a->n, b->sum, b->n);
	return c ? c : a->port < b->port ? -1 : a->port > b->port;
}

static int card_order(const void *x, const void *y)
{
	const struct card *a = x, *b = y;
	int c = by_height(a->sum, a->count, b->sum, b->count);
	return c ? c : a->device < b->device ? -1 : a->device > b->device;
}

static void make_rows(struct ladder *l)
{
	const struct drawing *d = l->d;
	size_t *used = xcalloc(d->n_devices, sizeof(*used)), total = 0;
	for (size_t i = 0; i < d->n_devices; i++)
		l->cards[i].device = i;
	l->n_cards = d->n_devices;
	for (size_t i = 0; i < d->n_ports; i++)
		l->cards[d->ports[i].device].n++;
	for (size_t i = 0; i < d->n_devices; total += l->cards[i++].n)
		l->cards[i].first = total;
	for (size_t i = 0; i < d->n_ports; i++) {
		const struct card *c = &l->cards[d->ports[i].device];
		size_t at = c->first + used[d->ports[i].device]++;
		l->rows[at] = (struct row){ .port = i };
		l->row_of[i] = at;
	}
	for (size_t i = 0; i < d->n_links; i++)
		for (size_t k = 0; k < d->links[i].n; k++) {
			struct row *r = &l->rows[l->row_of[d->links[i].ports[k]]];
			r->link = r->link ? r->link : &d->links[i];
		}
	for (size_t i = 0; i < d->n_ties; i++) {
		struct row *r = &l->rows[l->row_of[d->ties[i].port]];
		r->sum += l->node_y[d->ties[i].node];
		r->n++;
	}
	for (size_t i = 0; i < d->n_devices; i++) {
		struct card *c = &l->cards[i];
		qsort(&l->rows[c->first], c->n, sizeof(*l->rows), row_order);
		for (size_t k = 0; k < c->n; k++) {
			c->sum += l->rows[c->first + k].sum;
			c->count += l->rows[c->first + k].n;
		}
	}
	for (size_t i = 0; i < d->n_ports; i++)
		l->row_of[l->rows[i].port] = i;
	qsort(l->cards, l->n_cards, sizeof(*l->cards), card_order);
	free(used);
}

static int card_height(const struct card *c)
{
	return HEADER + (int)c->n * ROW + (c->n ? 6 : 0);
}

static void place_cards(struct ladder *l, int zones_end)
{
	int y[PLANE_COUNT] = { l->top, l->top };
	l->bottom = zones_end;
	/* Room that is left, so that one that stands low doesn't push the others out. */
	int left[PLANE_COUNT] = { 0 };
	for (size_t i = 0; i < l->n_cards; i++)
		left[l->d->devices[l->cards[i].device].plane] +=
			card_height(&l->cards[i]) + GAP;
	for (size_t i = 0; i < l->n_cards; i++) {
		struct card *c = &l->cards[i];
		int plane = l->d->devices[c->device].plane, h = card_height(c);
		int want = c->count ? c->sum / c->count - h / 2 : y[plane];
		int most = zones_end - left[plane] + GAP;
		want = want > most ? most : want;
		c->y = want > y[plane] ? want : y[plane];
		y[plane] = c->y + h + GAP;
		left[plane] -= h + GAP;
		at_least(&l->bottom, c->y + h);
		for (size_t k = 0; k < c->n; k++)
			l->rows[c->first + k].y = c->y + HEADER + (int)k * ROW + ROW / 2;
	}
}

/* --- drawing --- */

static void put_card(const struct ladder *l, const struct card *c)
{
	const struct draw_device *dev = &l->d->devices[c->device];
	int x = l->card_x[dev->plane], w = l->card_w[dev->plane];
	text_putf(
		l->t,
		"<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"/>\n",
		dev->plane == PLANE_PHYSICAL ? "pd" : "vd", x, c->y, w, card_height(c),
		dev->plane == PLANE_PHYSICAL ? 2 : 10);
	svg_text(l->t, x + 10, c->y + 16, dev->plane == PLANE_PHYSICAL ? "pl" : "vl",
		 dev->label, LABEL_MAX);
	svg_text(l->t, x + w - 10 - svg_width(dev->says, 12), c->y + 16, "cm", dev->says, 12);
	for (size_t k = 0; k < c->n; k++)
		svg_text(l->t, x + 10, l->rows[c->first + k].y + 4, "t",
			 row_text(l, &l->rows[c->first + k]), 2 * LABEL_MAX);
}

static void put_node(const struct ladder *l, size_t i)
{
	const struct draw_node *n = &l->d->nodes[i];
	int x = l->zone_x + 12, right = l->zone_x + l->zone_w - 10, y = l->node_y[i] + 4;
	const struct {
		size_t n;
		char letter;
		const char *class;
	} kinds[] = { { n->counts.open, PAIR_OPEN, "q" },
		      { n->counts.wrong, PAIR_WRONG, "r" },
		      { n->counts.grave, PAIR_GRAVE, "r" } };
	svg_text(l->t, x, y, "t", n->label, LABEL_MAX);
	for (size_t k = 0; k < 3; k++) {
		struct text s = { 0 };
		if (!kinds[k].n)
			continue;
		text_putf(&s, "%c%zu", kinds[k].letter, kinds[k].n);
		right -= svg_width(s.s, 12);
		svg_text(l->t, right, y, kinds[k].class, s.s, 12);
		right -= SVG_CHAR_10 / 10;
		text_finish(&s);
	}
}

static void put_zones(const struct ladder *l)
{
	const struct drawing *d = l->d;
	for (size_t i = 0, k; i < d->n_nodes; i = k) {
		const struct draw_node *n = &d->nodes[i];
		bool loose = n->tenant == SIZE_MAX;
		for (k = i + 1; !loose && k < d->n_nodes && d->nodes[k].tenant == n->tenant;)
			k++;
		int top = l->node_y[i] - ROW / 2 - (loose ? 4 : HEADER);
		text_putf(l->t,
			  "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
			  "rx=\"4\"/>\n",
			  loose && n->external ? "xd" : "zd", l->zone_x, top, l->zone_w,
			  l->node_y[k - 1] + ROW / 2 + 4 - top);
		if (!loose)
			svg_text(l->t, l->zone_x + 10, top + 16, "b", d->tenants[n->tenant],
				 LABEL_MAX);
		for (size_t z = i; z < k; z++)
			put_node(l, z);
	}
}

static int plane_of(const struct ladder *l, size_t port)
{
	return l->d->devices[l->d->ports[port].device].plane;
}

static void put_ties(const struct ladder *l)
{
	for (size_t i = 0; i < l->d->n_ties; i++) {
		const struct draw_tie *tie = &l->d->ties[i];
		int plane = plane_of(l, tie->port), y1 = l->rows[l->row_of[tie->port]].y;
		int y2 = l->node_y[tie->node];
		int x1 = plane == PLANE_PHYSICAL ? l->card_x[plane] + l->card_w[plane]
						 : l->card_x[plane];
		int x2 = plane == PLANE_PHYSICAL ? l->zone_x : l->zone_x + l->zone_w;
		int mid = (x1 + x2) / 2;
		text_putf(l->t, "<path class=\"tie\" d=\"M%d %dC%d %d %d %d %d %d\"/>\n", x1,
			  y1, mid, y1, mid, y2, x2, y2);
	}
}

/* The ends of one link on one side. */
struct bus {
	const struct draw_link *link;
	int lo, hi, lane;
};

static int bus_order(const void *x, const void *y)
{
	const struct bus *a = x, *b = y;
	return a->lo != b->lo ? (a->lo < b->lo ? -1 : 1) : a->link < b->link ? -1 : 1;
}

/* Buses of one plane, each in a lane of its own beside those that it overlaps with. Gives the
 * number of lanes. */
static int lay_buses(const struct ladder *l, int plane, struct bus *v, size_t *ret_n)
{
	size_t n = 0;
	int lanes = 0;
	for (size_t i = 0; i < l->d->n_links; i++) {
		struct bus b = { &l->d->links[i], INT_MAX, INT_MIN, 0 };
		int ends = 0;
		for (size_t k = 0; k < b.link->n; k++) {
			int y = l->rows[l->row_of[b.link->ports[k]]].y;
			if (plane_of(l, b.link->ports[k]) != plane)
				continue;
			ends++;
			b.lo = y < b.lo ? y : b.lo;
			b.hi = y > b.hi ? y : b.hi;
		}
		if (ends > 1)
			v[n++] = b;
	}
	qsort(v, n, sizeof(*v), bus_order);
	int *free_from = xcalloc(n, sizeof(*free_from));
	for (size_t i = 0; i < n; i++) {
		int lane = 0;
		while (lane < lanes && free_from[lane] >= v[i].lo)
			lane++;
		lanes = lane == lanes ? lanes + 1 : lanes;
		free_from[lane] = v[i].hi;
		v[i].lane = lane;
	}
	free(free_from);
	*ret_n = n;
	return lanes;
}

static const char *link_class(const struct draw_link *link)
{
	return !strncmp(link->says, "declared", 8) ? "decl" : "link";
}

static void put_title(const struct ladder *l, const struct draw_link *link)
{
	text_put(l->t, "<title>");
	svg_put(l->t, link->says);
	for (size_t k = 0; k < link->n; k++) {
		const struct draw_port *p = &l->d->ports[link->ports[k]];
		text_put(l->t, k ? ", " : ": ");
		svg_put(l->t, l->d->devices[p->device].label);
		text_putc(l->t, ' ');
		svg_put(l->t, p->label);
	}
	text_put(l->t, "</title>");
}

static void put_buses(const struct ladder *l, int plane, const struct bus *v, size_t n)
{
	bool left = plane == PLANE_PHYSICAL;
	int edge = left ? l->card_x[plane] : l->card_x[plane] + l->card_w[plane];
	for (size_t i = 0; i < n; i++) {
		int x = edge + (left ? -1 : 1) * (v[i].lane + 1) * LANE;
		text_put(l->t, "<g>");
		put_title(l, v[i].link);
		text_putf(l->t, "<path class=\"%s\" d=\"M%d %dV%d", link_class(v[i].link), x,
			  v[i].lo, v[i].hi);
		for (size_t k = 0; k < v[i].link->n; k++)
			if (plane_of(l, v[i].link->ports[k]) == plane)
				text_putf(l->t, "M%d %dH%d", edge,
					  l->rows[l->row_of[v[i].link->ports[k]]].y, x);
		text_put(l->t, "\"/>");
		for (size_t k = 0; k < v[i].link->n; k++)
			if (plane_of(l, v[i].link->ports[k]) == plane)
				text_putf(l->t,
					  "<circle class=\"dot\" cx=\"%d\" cy=\"%d\" r=\"3\"/>",
					  x, l->rows[l->row_of[v[i].link->ports[k]]].y);
		text_put(l->t, "</g>\n");
	}
}

/* Links across the planes: behind the zones, between the first end on each side. */
static void put_crossings(const struct ladder *l)
{
	for (size_t i = 0; i < l->d->n_links; i++) {
		const struct draw_link *link = &l->d->links[i];
		int y[PLANE_COUNT] = { 0 };
		bool has[PLANE_COUNT] = { false, false };
		for (size_t k = 0; k < link->n; k++) {
			int plane = plane_of(l, link->ports[k]);
			if (!has[plane])
				y[plane] = l->rows[l->row_of[link->ports[k]]].y;
			has[plane] = true;
		}
		if (!has[PLANE_PHYSICAL] || !has[PLANE_VIRTUAL])
			continue;
		int x1 = l->card_x[PLANE_PHYSICAL] + l->card_w[PLANE_PHYSICAL];
		int x2 = l->card_x[PLANE_VIRTUAL], mid = (x1 + x2) / 2;
		text_put(l->t, "<g>");
		put_title(l, link);
		text_putf(l->t, "<path class=\"%s\" d=\"M%d %dC%d %d %d %d %d %d\"/></g>\n",
			  link_class(link), x1, y[PLANE_PHYSICAL], mid, y[PLANE_PHYSICAL], mid,
			  y[PLANE_VIRTUAL], x2, y[PLANE_VIRTUAL]);
	}
}

int svg_ladder(const struct drawing *d, struct text *t, int x, int *y)
{
	struct ladder l = { .d = d, .t = t, .top = *y + 30 };
	struct bus *buses[PLANE_COUNT];
	size_t n_buses[PLANE_COUNT];
	l.rows = xcalloc(d->n_ports, sizeof(*l.rows));
	l.row_of = xcalloc(d->n_ports, sizeof(*l.row_of));
	l.cards = xcalloc(d->n_devices, sizeof(*l.cards));
	l.node_y = xcalloc(d->n_nodes, sizeof(*l.node_y));
	int zones_end = place_zones(&l);
	make_rows(&l);
	place_cards(&l, zones_end);
	measure(&l);
	int lanes[PLANE_COUNT];
	for (int p = 0; p < PLANE_COUNT; p++) {
		buses[p] = xcalloc(d->n_links, sizeof(*buses[p]));
		lanes[p] = lay_buses(&l, p, buses[p], &n_buses[p]);
	}
	l.card_x[PLANE_PHYSICAL] = x + (lanes[0] ? (lanes[0] + 1) * LANE : 0);
	l.zone_x = l.card_w[0] ? l.card_x[0] + l.card_w[0] + WAY : x;
	l.card_x[PLANE_VIRTUAL] = l.zone_x + l.zone_w + WAY;
	int width = (l.card_w[1] ? l.card_x[1] + l.card_w[1] +
					   (lanes[1] ? (lanes[1] + 1) * LANE : 0)
				 : l.zone_x + l.zone_w) -
		    x;
	if (l.card_w[0])
		svg_text(t, l.card_x[0], *y + 16, "pl", "physical plane", 40);
	svg_text(t, l.zone_x, *y + 16, "b", "zones by tenant", 40);
	if (l.card_w[1])
		svg_text(t, l.card_x[1], *y + 16, "vl", "virtual plane", 40);
	put_crossings(&l);
	put_ties(&l);
	for (int p = 0; p < PLANE_COUNT; p++)
		put_buses(&l, p, buses[p], n_buses[p]);
	for (size_t i = 0; i < l.n_cards; i++)
		put_card(&l, &l.cards[i]);
	put_zones(&l);
	*y = l.bottom + 8;
	for (int p = 0; p < PLANE_COUNT; p++)
		free(buses[p]);
	free(l.rows);
	free(l.row_of);
	free(l.cards);
	free(l.node_y);
	return width;
}
