/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drawing for Graphviz. Devices stand in a cluster of their plane, zones in one of their
 * tenant. Between zones there are edges only where something is wrong or not known: aligned
 * pairs would be nearly all, and a picture of them says nothing. Where the edges are too many
 * to be told apart, they go between tenants; where even those are, their number is said.
 */
#include <string.h>

#include "base/vec.h"
#include "report/draw.h"
#include "report/page.h"

enum { EDGES_MAX = 100 };

/* In quotes. Graphviz knows escapes by backslash, and entities of HTML, in every label. */
static void put_quoted(struct text *t, const char *s)
{
	struct text safe = { 0 };
	page_put(&safe, s);
	text_putc(t, '"');
	for (const char *p = safe.s ? safe.s : ""; *p; p++) {
		if (*p == '"' || *p == '\\')
			text_putc(t, '\\');
		text_put(t, *p == '&' ? "&amp;" : (char[]){ *p, '\0' });
	}
	text_putc(t, '"');
	text_finish(&safe);
}

/* The same with a second line. */
static void put_two_lines(struct text *t, const char *first, const char *second)
{
	put_quoted(t, first);
	if (!*second)
		return;
	t->len--; /* the quote */
	text_put(t, "\\n");
	size_t at = t->len;
	put_quoted(t, second);
	memmove(&t->s[at], &t->s[at + 1], t->len - at);
	t->len--;
}

/* With what is behind it in words, where there are no lines for it. */
static void put_device_label(const struct drawing *d, size_t device, struct text *t)
{
	struct text s = { 0 };
	text_put(&s, d->devices[device].says);
	for (size_t i = 0; i < d->n_ports; i++)
		if (d->ports[i].device == device && d->ports[i].behind)
			text_putf(&s, ", %s", d->ports[i].label);
	put_two_lines(t, d->devices[device].label, s.s);
	text_finish(&s);
	for (size_t i = 0; i < d->n_ports; i++)
		if (d->ports[i].device == device && d->ports[i].behind) {
			text_put(t, ", tooltip=");
			put_quoted(t, d->ports[i].behind);
			break;
		}
}

static void put_devices(const struct drawing *d, enum plane plane, struct text *t)
{
	static const char *const names[] = { "physical plane", "virtual plane" };
	bool any = false;
	for (size_t i = 0; i < d->n_devices; i++) {
		const struct draw_device *dev = &d->devices[i];
		if (dev->plane != plane)
			continue;
		if (!any)
			text_putf(t,
				  "  subgraph cluster_plane%d {\n"
				  "    label=\"%s\"; style=\"%s\"; color=\"%s\"; "
				  "fontcolor=\"%s\";\n",
				  plane, names[plane], plane ? "rounded,dashed" : "rounded",
				  plane ? "#6a2c91" : "#1f4e8c", plane ? "#6a2c91" : "#1f4e8c");
		any = true;
		text_putf(t,
			  "    d%zu [shape=box, style=\"filled%s\", fillcolor=\"%s\", label=",
			  i, dev->missing ? ",dotted" : "", plane ? "#f3ecf8" : "#e8eef7");
		put_device_label(d, i, t);
		text_put(t, "];\n");
	}
	if (any)
		text_put(t, "  }\n");
}

static void put_counts(struct text *t, const struct draw_counts *c)
{
	const char *between = "";
	if (c->grave)
		text_putf(t, "X %zu", c->grave), between = "  ";
	if (c->wrong)
		text_putf(t, "%sx %zu", between, c->wrong), between = "  ";
	if (c->open)
		text_putf(t, "%s? %zu", between, c->open);
}

static void put_zones(const struct drawing *d, struct text *t)
{
	struct text says = { 0 };
	size_t tenant = SIZE_MAX;
	for (size_t i = 0; i < d->n_nodes; i++) {
		const struct draw_node *n = &d->nodes[i];
		if (n->tenant != tenant) {
			text_put(t, tenant != SIZE_MAX ? "  }\n" : "");
			tenant = n->tenant;
			if (tenant != SIZE_MAX) {
				text_putf(t,
					  "  subgraph cluster_tenant%zu {\n"
					  "    style=\"rounded\"; color=\"#57606a\"; label=",
					  tenant);
				text_put(&says, "tenant ");
				text_put(&says, d->tenants[tenant]);
				put_quoted(t, says.s);
				text_clear(&says);
				text_put(t, ";\n");
			}
		}
		text_putf(t,
			  "%sz%zu [shape=%s, style=\"filled%s\", fillcolor=\"#ffffff\", label=",
			  tenant != SIZE_MAX ? "    " : "  ", i,
			  n->external ? "doubleoctagon" : "ellipse",
			  n->counts.grave + n->counts.wrong ? ",bold"
			  : n->counts.open		    ? ",dashed"
							    : "");
		text_clear(&says);
		put_counts(&says, &n->counts);
		put_two_lines(t, n->label, says.s ? says.s : "");
		text_clear(&says);
		if (n->n > 1) {
			for (size_t k = 0; k < n->n; k++)
				text_putf(&says, "%s%s", k ? ", " : "",
					  d->m.names[n->zones[k]]);
			text_put(t, ", tooltip=");
			put_quoted(t, says.s);
			text_clear(&says);
		}
		text_put(t, "];\n");
	}
	text_put(t, tenant != SIZE_MAX ? "  }\n" : "");
	text_finish(&says);
}

static void put_ties(const struct drawing *d, struct text *t)
{
	for (size_t i = 0; i < d->n_ties; i++) {
		const struct draw_port *p = &d->ports[d->ties[i].port];
		text_putf(t,
			  "  d%zu -> z%zu [dir=none, color=\"#57606a\", taillabel=", p->device,
			  d->ties[i].node);
		put_quoted(t, p->label);
		text_put(t, "];\n");
	}
}

/* Two ends are an edge; more meet in a point. */
static void put_links(const struct drawing *d, struct text *t)
{
	for (size_t i = 0; i < d->n_links; i++) {
		const struct draw_link *l = &d->links[i];
		if (l->n > 2) {
			text_putf(t, "  l%zu [shape=point, xlabel=", i);
			put_quoted(t, l->says);
			text_put(t, "];\n");
		}
		for (size_t k = 0; k < l->n; k++) {
			const struct draw_port *p = &d->ports[l->ports[k]];
			if (l->n == 2 && k)
				break;
			text_putf(t, "  d%zu -> ", p->device);
			if (l->n == 2)
				text_putf(t, "d%zu", d->ports[l->ports[1]].device);
			else
				text_putf(t, "l%zu", i);
			text_putf(t,
				  " [dir=none, penwidth=2, style=%s, color=\"#1b1f24\", label=",
				  !strncmp(l->says, "declared", 8) ? "dashed" : "solid");
			if (l->n == 2) {
				struct text s = { 0 };
				text_putf(&s, "%s - %s", p->label, d->ports[l->ports[1]].label);
				put_two_lines(t, s.s, l->says);
				text_finish(&s);
			} else {
				put_quoted(t, p->label);
			}
			text_put(t, "];\n");
		}
	}
}

/* --- pairs --- */

struct edge {
	size_t from, to;
	struct draw_counts c;
};

struct edges {
	VEC(struct edge) v;
	size_t n_wrong, n_open;
};

static void collect(const struct drawing *d, bool tenants, struct edges *ret)
{
	for (size_t i = 0; i < d->n_nodes; i++) {
		if (tenants && i && d->nodes[i].tenant != SIZE_MAX &&
		    d->nodes[i].tenant == d->nodes[i - 1].tenant)
			continue;
		for (size_t k = 0; k < d->n_nodes; k++) {
			bool same = tenants && k && d->nodes[k].tenant != SIZE_MAX &&
				    d->nodes[k].tenant == d->nodes[k - 1].tenant;
			struct draw_counts c = { 0 };
			if (same)
				continue;
			/* all nodes of the two tenants */
			for (size_t a = i; a < d->n_nodes; a++) {
				if (a != i && (!tenants || d->nodes[a].tenant == SIZE_MAX ||
					       d->nodes[a].tenant != d->nodes[i].tenant))
					break;
				for (size_t b = k; b < d->n_nodes; b++) {
					if (b != k &&
					    (!tenants || d->nodes[b].tenant == SIZE_MAX ||
					     d->nodes[b].tenant != d->nodes[k].tenant))
						break;
					struct draw_counts x = draw_between(d, a, b);
					c.grave += x.grave;
					c.wrong += x.wrong;
					c.open += x.open;
				}
			}
			if (c.grave || c.wrong || c.open)
				*vec_add(&ret->v) = (struct edge){ i, k, c };
			ret->n_wrong += c.grave || c.wrong;
			ret->n_open += c.open > 0;
		}
	}
}

static void put_edge(const struct drawing *d, const struct edge *e, bool tenants, bool open,
		     struct text *t)
{
	struct draw_counts c = e->c;
	struct text says = { 0 };
	text_putf(t, "  z%zu -> z%zu [%s", e->from, e->to,
		  d->by_tenant ? "" : "constraint=false, ");
	if (tenants && d->nodes[e->from].tenant != SIZE_MAX)
		text_putf(t, "ltail=cluster_tenant%zu, ", d->nodes[e->from].tenant);
	if (tenants && d->nodes[e->to].tenant != SIZE_MAX)
		text_putf(t, "lhead=cluster_tenant%zu, ", d->nodes[e->to].tenant);
	if (open) {
		c.grave = c.wrong = 0;
		text_put(t, "style=dashed, arrowhead=odot, color=\"#5c4400\", "
			    "fontcolor=\"#5c4400\", label=");
	} else {
		c.open = 0;
		text_putf(t,
			  "style=bold, penwidth=%d, arrowhead=%s, color=\"#9b1c1c\", "
			  "fontcolor=\"#9b1c1c\", label=",
			  c.grave ? 3 : 2, c.grave ? "normal" : "empty");
	}
	put_counts(&says, &c);
	put_quoted(t, says.s);
	text_put(t, "];\n");
	text_finish(&says);
}

/* One kind of pairs; what isn't drawn is said in *note. */
static void put_kind(const struct drawing *d, bool open, struct text *t, struct text *note)
{
	for (int tenants = 0; tenants < 2; tenants++) {
		struct edges e = { 0 };
		collect(d, tenants, &e);
		size_t n = open ? e.n_open : e.n_wrong;
		if (n <= EDGES_MAX) {
			vec_each (x, &e.v)
				if (open ? x->c.open : x->c.grave + x->c.wrong)
					put_edge(d, x, tenants, open, t);
			if (tenants && n)
				text_putf(note, "%s pairs are drawn between tenants\\l",
					  open ? "inconclusive" : "misaligned");
			vec_free(&e.v);
			return;
		}
		vec_free(&e.v);
		if (tenants)
			text_putf(note,
				  "%zu %s pairs are not drawn: more than %d lines between "
				  "tenants\\l",
				  open ? d->all.open : d->all.grave + d->all.wrong,
				  open ? "inconclusive" : "misaligned", EDGES_MAX);
	}
}

void draw_dot(const struct drawing *d, struct text *out)
{
	struct text s = { 0 }, note = { 0 };
	text_put(out,
		 "digraph plumbline {\n"
		 "  graph [rankdir=LR, compound=true, labelloc=t, fontname=\"sans-serif\", "
		 "forcelabels=true,\n    label=");
	text_putf(&s, "%s: ", d->res->estate ? d->res->estate : "");
	draw_outcome(d, &s);
	put_quoted(out, s.s);
	text_put(out, "];\n  node [fontname=\"sans-serif\"];\n"
		      "  edge [fontname=\"sans-serif\", fontsize=10];\n");
	put_devices(d, PLANE_PHYSICAL, out);
	put_devices(d, PLANE_VIRTUAL, out);
	put_zones(d, out);
	put_ties(d, out);
	put_links(d, out);
	put_kind(d, false, out, &note);
	put_kind(d, true, out, &note);
	text_put(
		out,
		"  legend [shape=note, fontsize=10, label=\"a line without an arrow: a port, a "
		"link\\l"
		"thick arrow, X: misaligned, critical or high findings\\l"
		"arrow with an empty head, x: misaligned, medium or low\\l"
		"dashed arrow with a circle, ?: inconclusive\\l"
		"no arrow: aligned\\lnumbers count pairs; at a zone, those from and to it\\l");
	text_put(out, note.s ? note.s : "");
	text_put(out, "\"];\n}\n");
	text_finish(&s);
	text_finish(&note);
}
