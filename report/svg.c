/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture: what it is of, a legend, the devices of both planes with the zones between
 * them, the matrix of zones, and what needs words. It is one file without scripts, fonts or
 * anything else from elsewhere.
 */
#include "report/svg.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "model/policy.h"
#include "report/page.h"
#include "report/place.h"

enum { FINDINGS_TOLD = 60, REASONS_TOLD = 20, WIDTH_MIN = 900 };

/* Each text has a contrast of 4.5 or more to its ground (WCAG 2.1, 1.4.3); a test reckons it.
 */
static const char style[] =
	"<style>\n"
	"text{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:12px;"
	"fill:#1b1f24;white-space:pre}\n"
	".h{font-size:18px;font-weight:bold}.b{font-weight:bold}.m{fill:#57606a}"
	".n{font-size:10px;fill:#57606a}\n"
	".pl{fill:#1f4e8c;font-weight:bold}.vl{fill:#6a2c91;font-weight:bold}.cm{fill:#4a535d}"
	"\n"
	".pd{fill:#e8eef7;stroke:#1f4e8c}.vd{fill:#f3ecf8;stroke:#6a2c91;stroke-dasharray:6 "
	"3}\n"
	".zd{fill:#ffffff;stroke:#57606a}.xd{fill:#ffffff;stroke:#1b1f24;stroke-width:3}\n"
	".tie{fill:none;stroke:#57606a}.link{fill:none;stroke:#1b1f24;stroke-width:2}\n"
	".decl{fill:none;stroke:#1b1f24;stroke-width:2;stroke-dasharray:5 "
	"3}.dot{fill:#1b1f24}\n"
	".grid{fill:none;stroke:#57606a}.r{fill:#9b1c1c}.q{fill:#5c4400}\n"
	"</style>\n";

static const char symbols[] =
	"<defs>\n"
	"<symbol id=\"sX\" viewBox=\"0 0 16 16\"><rect width=\"16\" height=\"16\" "
	"fill=\"#9b1c1c\"/>"
	"<path d=\"M3 3L13 13M13 3L3 13\" stroke=\"#ffffff\" stroke-width=\"3\"/></symbol>\n"
	"<symbol id=\"sx\" viewBox=\"0 0 16 16\"><rect x=\"1\" y=\"1\" width=\"14\" "
	"height=\"14\" "
	"fill=\"#ffffff\" stroke=\"#9b1c1c\" stroke-width=\"2\"/>"
	"<path d=\"M5 5L11 11M11 5L5 11\" stroke=\"#9b1c1c\" stroke-width=\"2\"/></symbol>\n"
	"<symbol id=\"so\" viewBox=\"0 0 16 16\"><rect x=\"1\" y=\"1\" width=\"14\" "
	"height=\"14\" "
	"fill=\"#fff4ce\" stroke=\"#5c4400\" stroke-width=\"1\" stroke-dasharray=\"2 2\"/>"
	"<path d=\"M5 6Q5 3 8 3Q11 3 11 6Q11 8 8 8V10M8 12V14\" fill=\"none\" "
	"stroke=\"#5c4400\" stroke-width=\"2\"/></symbol>\n"
	"<symbol id=\"se\" viewBox=\"0 0 16 16\"><rect width=\"16\" height=\"16\" "
	"fill=\"#e6edf5\"/>"
	"<circle cx=\"8\" cy=\"8\" r=\"4\" fill=\"none\" stroke=\"#1f4e8c\" "
	"stroke-width=\"2\"/>"
	"</symbol>\n"
	"<symbol id=\"sp\" viewBox=\"0 0 16 16\"><rect width=\"16\" height=\"16\" "
	"fill=\"#e9f2ec\"/>"
	"<path d=\"M4 3V13\" stroke=\"#2a5f40\" stroke-width=\"2\"/></symbol>\n"
	"<symbol id=\"sv\" viewBox=\"0 0 16 16\"><rect width=\"16\" height=\"16\" "
	"fill=\"#e9f2ec\"/>"
	"<path d=\"M12 3V13\" stroke=\"#2a5f40\" stroke-width=\"2\" stroke-dasharray=\"2 2\"/>"
	"</symbol>\n"
	"<symbol id=\"sn\" viewBox=\"0 0 16 16\"><rect width=\"16\" height=\"16\" "
	"fill=\"#e9f2ec\"/>"
	"<path d=\"M4 8H12\" stroke=\"#2a5f40\" stroke-width=\"2\"/></symbol>\n"
	"<symbol id=\"sa\" viewBox=\"0 0 16 16\"><rect width=\"16\" height=\"16\" "
	"fill=\"#e9f2ec\"/>"
	"<circle cx=\"8\" cy=\"8\" r=\"2\" fill=\"#2a5f40\"/></symbol>\n"
	"<symbol id=\"s-\" viewBox=\"0 0 16 16\"><rect width=\"16\" height=\"16\" "
	"fill=\"#ffffff\"/>"
	"<path d=\"M3 13L13 3\" stroke=\"#57606a\" stroke-width=\"1\"/></symbol>\n"
	"</defs>\n";

void svg_put(struct text *t, const char *s)
{
	struct text safe = { 0 };
	page_put(&safe, s);
	for (size_t i = 0; i < safe.len;) {
		uint32_t c;
		size_t len = page_char(safe.s + i, safe.len - i, &c);
		if (c == '&')
			text_put(t, "&amp;");
		else if (c == '<')
			text_put(t, "&lt;");
		else if (c == '>')
			text_put(t, "&gt;");
		else if (c == '"')
			text_put(t, "&quot;");
		else if ((c & 0xfffe) == 0xfffe) /* no characters of XML 1.0 */
			text_put_utf8(t, 0xfffd);
		else
			text_putn(t, safe.s + i, len);
		i += len;
	}
	text_finish(&safe);
}

static size_t columns_of(const char *s)
{
	struct text safe = { 0 };
	page_put(&safe, s);
	size_t n = safe.s ? page_columns(safe.s, safe.len) : 0;
	text_finish(&safe);
	return n;
}

static int pixels(size_t columns)
{
	return (int)(columns * SVG_CHAR_10 + 9) / 10;
}

int svg_width(const char *s, unsigned most)
{
	size_t n = columns_of(s);
	return pixels(n > most ? most : n);
}

void svg_text(struct text *t, int x, int y, const char *class, const char *s, unsigned most)
{
	struct text safe = { 0 };
	page_put(&safe, s);
	size_t columns = safe.s ? page_columns(safe.s, safe.len) : 0;
	if (columns > most) {
		size_t keep = 0, used = 0;
		while (keep < safe.len) {
			uint32_t c;
			size_t len = page_char(safe.s + keep, safe.len - keep, &c);
			size_t wide = page_columns(safe.s + keep, len);
			if (used + wide + 1 > most)
				break;
			used += wide;
			keep += len;
		}
		safe.s[safe.len = keep] = '\0';
	}
	text_putf(t, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
	if (columns > most) {
		text_put(t, "<title>");
		svg_put(t, s);
		text_put(t, "</title>");
	}
	svg_put(t, safe.s ? safe.s : "");
	text_put(t, columns > most ? "\xe2\x80\xa6</text>\n" : "</text>\n");
	text_finish(&safe);
}

int svg_wrap(struct text *t, int x, int y, const char *class, const char *s, unsigned columns)
{
	struct text line = { 0 };
	while (*s) {
		size_t word = strcspn(s, " "), blanks = strspn(s + word, " ");
		struct text longer = { 0 };
		if (line.len)
			text_putf(&longer, "%s ", line.s);
		text_putn(&longer, s, word);
		if (line.len && columns_of(longer.s) > columns) {
			svg_text(t, x, y, class, line.s, columns);
			y += SVG_LINE;
			text_clear(&line);
			text_putn(&line, s, word);
		} else {
			text_clear(&line);
			text_put(&line, longer.s);
		}
		text_finish(&longer);
		s += word + blanks;
	}
	if (line.len) {
		svg_text(t, x, y, class, line.s, columns);
		y += SVG_LINE;
	}
	text_finish(&line);
	return y;
}

void svg_symbol(struct text *t, char letter, int x, int y, int size)
{
	char id = letter == PAIR_ALIGNED ? 'a' : letter == PAIR_OPEN ? 'o' : letter;
	text_putf(t, "<use href=\"#s%c\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", id, x,
		  y, size, size);
}

/* --- the whole --- */

static int put_head(const struct drawing *d, struct text *t, int y)
{
	struct text s = { 0 };
	y += 18;
	svg_text(t, SVG_MARGIN, y, "h", d->res->estate ? d->res->estate : "", 70);
	y += SVG_LINE + 4;
	draw_outcome(d, &s);
	svg_text(t, SVG_MARGIN, y, "b", s.s, 200);
	text_clear(&s);
	text_putf(&s, "against policy %s%s%s%s%s",
		  d->res->policy_name ? d->res->policy_name : "",
		  d->res->policy_version ? " " : "",
		  d->res->policy_version ? d->res->policy_version : "",
		  d->res->as_of ? ", as of " : "", d->res->as_of ? d->res->as_of : "");
	y += SVG_LINE;
	svg_text(t, SVG_MARGIN, y, "m", s.s, 120);
	text_finish(&s);
	return y + 12;
}

static int put_legend(const struct drawing *d, struct text *t, int y)
{
	size_t count[256] = { 0 };
	struct text s = { 0 };
	int x = SVG_MARGIN;
	for (size_t i = 0; i < d->m.n * d->m.n; i++)
		count[(unsigned char)d->m.cells[i]]++;
	for (const char *p = pair_letters; *p; p++) {
		if (!count[(unsigned char)*p])
			continue;
		text_clear(&s);
		text_putf(&s, "%zu %s", count[(unsigned char)*p], pair_letter_says(*p));
		int width = 16 + 8 + svg_width(s.s, 80) + 24;
		if (x > SVG_MARGIN && x + width > WIDTH_MIN) {
			x = SVG_MARGIN;
			y += 24;
		}
		svg_symbol(t, *p, x, y, 16);
		svg_text(t, x + 24, y + 12, "t", s.s, 80);
		x += width;
	}
	text_finish(&s);
	return y + 40;
}

static int heading(struct text *t, int y, const char *s)
{
	svg_text(t, SVG_MARGIN, y + 16, "b", s, 200);
	return y + 28;
}

static int put_findings(const struct drawing *d, struct text *t, int y, unsigned columns)
{
	struct text s = { 0 };
	size_t told = 0, left = 0;
	for (size_t i = 0; i < d->res->findings.n; i++) {
		const struct finding *f = &d->res->findings.v[i];
		if (!f->from || f->certainty != CERTAIN || f->excepted.exception)
			continue;
		if (told == FINDINGS_TOLD) {
			left++;
			continue;
		}
		if (!told++)
			y = heading(t, y, "Misaligned");
		svg_symbol(t, f->severity >= SEVERITY_HIGH ? PAIR_GRAVE : PAIR_WRONG,
			   SVG_MARGIN, y, 14);
		text_clear(&s);
		text_putf(&s, "%s -> %s, %s, %s: %s", f->from, f->to,
			  severity_name((enum severity)f->severity), f->id, f->title);
		y = svg_wrap(t, SVG_MARGIN + 22, y + 12, "t", s.s, columns) - 10;
	}
	if (left) {
		text_clear(&s);
		text_putf(&s, "and %zu more findings, which plumbline check tells", left);
		y = svg_wrap(t, SVG_MARGIN + 22, y + 12, "m", s.s, columns) - 10;
	}
	text_finish(&s);
	return told ? y + 12 : y;
}

/* A reason why pairs are inconclusive, and of how many. */
struct reason {
	const char *says;
	size_t n, order;
};

static int most_first(const void *x, const void *y)
{
	const struct reason *a = x, *b = y;
	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int put_reasons(const struct drawing *d, struct text *t, int y, unsigned columns)
{
	struct map index = { 0 };
	VEC(struct reason) v = { 0 };
	struct text s = { 0 };
	for (size_t i = 0; i < d->res->coverage.n; i++) {
		const struct coverage *c = &d->res->coverage.v[i];
		const struct coverage *last = i ? c - 1 : NULL;
		if (c->verdict != COVER_INCONCLUSIVE)
			continue;
		text_clear(&s);
		text_put(&s, c->why ? c->why : "");
		struct place p = place_of_loc(c->why_at);
		if (c->why_at.src) {
			text_put(&s, " (");
			place_print(&s, &p);
			text_put(&s, ")");
		}
		void **at = map_at(&index, s.s ? s.s : "");
		if (!*at) {
			*vec_add(&v) =
				(struct reason){ arena_str(d->arena, s.s ? s.s : ""), 0, v.n };
			*at = (void *)(uintptr_t)v.n;
		}
		/* Both planes of one pair count once. */
		if (!last || strcmp(last->from, c->from) || strcmp(last->to, c->to) ||
		    last->verdict != c->verdict || last->why != c->why)
			v.v[(uintptr_t)*at - 1].n++;
	}
	if (v.n) {
		y = heading(t, y, "Inconclusive");
		qsort(v.v, v.n, sizeof(*v.v), most_first);
	}
	size_t told = v.n > REASONS_TOLD ? REASONS_TOLD : v.n;
	for (size_t i = 0; i < told; i++) {
		text_clear(&s);
		text_putf(&s, "%zu %s: %s", v.v[i].n, v.v[i].n == 1 ? "pair" : "pairs",
			  v.v[i].says);
		svg_symbol(t, PAIR_OPEN, SVG_MARGIN, y, 14);
		y = svg_wrap(t, SVG_MARGIN + 22, y + 12, "t", s.s, columns) - 10;
	}
	if (v.n > told) {
		text_clear(&s);
		text_putf(&s, "and %zu more reasons, which plumbline check tells", v.n - told);
		y = svg_wrap(t, SVG_MARGIN + 22, y + 12, "m", s.s, columns) - 10;
	}
	if (v.n)
		y += 12;
	vec_free(&v);
	map_finish(&index);
	text_finish(&s);
	return y;
}

static int put_members(const struct drawing *d, struct text *t, int y, unsigned columns,
		       bool devices)
{
	struct text s = { 0 };
	bool any = false;
	for (size_t i = 0; i < (devices ? d->n_devices : d->n_nodes); i++) {
		size_t n = devices ? d->devices[i].n : d->nodes[i].n;
		if (n < 2)
			continue;
		if (!any)
			y = heading(t, y,
				    devices ? "Devices drawn as one: of one kind, and joined "
					      "to the "
					      "same others"
				    : d->by_tenant
					    ? "Zones drawn as one: of one tenant"
					    : "Zones drawn as one: of one tenant, and behind "
					      "the same devices");
		any = true;
		text_clear(&s);
		text_putf(&s, "%s:",
			  devices ? d->devices[i].label
			  : d->by_tenant && d->nodes[i].tenant != SIZE_MAX
				  ? d->tenants[d->nodes[i].tenant]
				  : d->nodes[i].label);
		for (size_t k = 0; k < n; k++)
			text_putf(&s, "%s %s", k ? "," : "",
				  devices ? d->devices[i].names[k]
					  : d->m.names[d->nodes[i].zones[k]]);
		y = svg_wrap(t, SVG_MARGIN, y + 12, "t", s.s, columns) - 10;
	}
	text_finish(&s);
	return any ? y + 12 : y;
}

/* What words stand for that lines would be too many for. */
static int put_behind(const struct drawing *d, struct text *t, int y, unsigned columns)
{
	struct text s = { 0 };
	bool any = false;
	for (size_t i = 0; i < d->n_ports; i++) {
		const struct draw_port *p = &d->ports[i];
		if (!p->behind)
			continue;
		if (!any)
			y = heading(t, y,
				    "Tenants behind devices that have too many for lines");
		any = true;
		text_clear(&s);
		text_putf(&s, "%s, %s: %s", d->devices[p->device].label, p->label, p->behind);
		y = svg_wrap(t, SVG_MARGIN, y + 12, "t", s.s, columns) - 10;
	}
	text_finish(&s);
	return any ? y + 12 : y;
}

void draw_svg(const struct drawing *d, struct text *out)
{
	struct text body = { 0 };
	int y = put_legend(d, &body, put_head(d, &body, SVG_MARGIN)), width = WIDTH_MIN, w;
	w = svg_ladder(d, &body, SVG_MARGIN, &y);
	width = w > width ? w : width;
	y += 16;
	w = svg_matrix(d, &body, SVG_MARGIN, &y);
	width = w > width ? w : width;
	y += 8;
	unsigned columns = (unsigned)((width - 22) * 10 / SVG_CHAR_10);
	y = put_findings(d, &body, y, columns);
	y = put_reasons(d, &body, y, columns);
	y = put_behind(d, &body, y, columns);
	y = put_members(d, &body, y, columns, true);
	y = put_members(d, &body, y, columns, false);
	width += 2 * SVG_MARGIN;
	y += SVG_MARGIN;
	text_putf(out,
		  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		  "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"%d\" "
		  "height=\"%d\" "
		  "viewBox=\"0 0 %d %d\">\n<title>",
		  width, y, width, y);
	svg_put(out, d->res->estate ? d->res->estate : "");
	text_put(out, "</title>\n<desc>");
	draw_outcome(d, out);
	text_put(out, "</desc>\n");
	text_put(out, style);
	text_put(out, symbols);
	text_putf(out, "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", width, y);
	text_putn(out, body.s, body.len);
	text_put(out, "</svg>\n");
	text_finish(&body);
}
