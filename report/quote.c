/* SPDX-License-Identifier: Apache-2.0 */
#include "report/quote.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"

static const char dots[] = "...";
enum { DOTS = 3, LEAST_TEXT = 20 };

/* One character on the screen: where its text begins in the shown line, and its columns. */
struct cell {
	size_t at;
	unsigned columns;
	uint32_t byte; /* its column in bytes, as places count them */
};

struct shown {
	struct text text;
	VEC(struct cell) cells; /* and one behind the last */
};

static void show(struct shown *s, const struct place *p)
{
	for (size_t i = 0; i < p->len;) {
		uint32_t c;
		size_t n = page_char(p->text + i, p->len - i, &c);
		struct cell *cell = vec_add(&s->cells);
		cell->at = s->text.len;
		cell->byte = p->from + (uint32_t)i;
		cell->columns = page_put_char(&s->text, p->text + i, n, c);
		i += n;
	}
	struct cell *end = vec_add(&s->cells);
	end->at = s->text.len;
	end->byte = p->from + (uint32_t)p->len;
}

/* The first cell at or behind the byte column. */
static size_t cell_of(const struct shown *s, uint32_t byte)
{
	size_t i = 0;
	while (i + 1 < s->cells.n && s->cells.v[i].byte < byte)
		i++;
	return i;
}

static size_t columns_between(const struct shown *s, size_t from, size_t to)
{
	size_t n = 0;
	for (size_t i = from; i < to; i++)
		n += s->cells.v[i].columns;
	return n;
}

/* The cells [*lo, *hi) that fit into `room` columns and hold what is marked from `from`. */
static void window(const struct shown *s, bool more_before, bool more_behind, size_t from,
		   size_t to, size_t room, size_t *lo, size_t *hi)
{
	size_t last = s->cells.n - 1;
	*lo = 0;
	*hi = last;
	if (columns_between(s, 0, last) + (more_before ? DOTS : 0) + (more_behind ? DOTS : 0) <=
	    room)
		return;
	size_t text = room > 2 * DOTS + LEAST_TEXT ? room - 2 * DOTS : LEAST_TEXT;
	/* Marks that end within the first screenful need no cut in front. */
	if (columns_between(s, 0, to) > text) {
		size_t before = columns_between(s, from, to) < text
					? text - columns_between(s, from, to)
					: text / 4;
		size_t lead = 0;
		for (*lo = from; *lo > 0; (*lo)--) {
			lead += s->cells.v[*lo - 1].columns;
			if (lead > before / 2)
				break;
		}
	}
	size_t used = 0;
	for (*hi = *lo; *hi < last; (*hi)++) {
		used += s->cells.v[*hi].columns;
		if (used > text)
			break;
	}
}

static void gutter(struct text *t, struct report_style st, unsigned indent, unsigned digits,
		   uint32_t line)
{
	text_putf(t, "%*s", (int)indent, "");
	page_ink(t, st, INK_FAINT);
	if (line)
		text_putf(t, "%*u |", (int)digits, line);
	else
		text_putf(t, "%*s |", (int)digits, "");
	page_plain(t, st);
}

static void repeat(struct text *t, char c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text_putc(t, c);
}

static void put_line(struct text *t, struct report_style st, unsigned indent, unsigned digits,
		     const struct place *p, enum ink ink)
{
	struct shown s = { 0 };
	show(&s, p);
	size_t last = s.cells.n - 1;
	size_t from = p->col ? cell_of(&s, p->col) : 0;
	size_t to = p->col ? p->end_col > p->col ? cell_of(&s, p->end_col) : from + 1 : 0;
	if (to > last)
		to = last;
	unsigned taken = indent + digits + 3;
	unsigned width = page_width(st);
	size_t lo, hi, room = width > taken ? width - taken : 0;
	window(&s, p->from > 1, p->left > 0, from, to, room, &lo, &hi);
	bool before = lo > 0 || p->from > 1, behind = hi < last || p->left > 0;

	gutter(t, st, indent, digits, 0);
	text_putc(t, '\n');
	gutter(t, st, indent, digits, p->line);
	size_t line_from = t->len;
	text_putc(t, ' ');
	text_put(t, before ? dots : "");
	text_putn(t, s.text.s ? s.text.s + s.cells.v[lo].at : "",
		  s.cells.v[hi].at - s.cells.v[lo].at);
	text_put(t, behind ? dots : "");
	while (t->len > line_from && t->s[t->len - 1] == ' ')
		t->s[--t->len] = 0;
	text_putc(t, '\n');
	if (p->col) {
		gutter(t, st, indent, digits, 0);
		from = from < lo ? lo : from;
		to = to > hi ? hi : to;
		repeat(t, ' ', 1 + (before ? DOTS : 0) + columns_between(&s, lo, from));
		size_t marks = from < to ? columns_between(&s, from, to) : 1;
		page_ink(t, st, ink);
		repeat(t, '^', marks ? marks : 1);
		page_plain(t, st);
		text_putc(t, '\n');
	}
	text_finish(&s.text);
	vec_free(&s.cells);
}

static unsigned digits_of(uint32_t line)
{
	unsigned digits = 2;
	for (uint32_t n = line; n >= 100; n /= 10)
		digits++;
	return digits;
}

void quote_line_put(struct text *t, struct report_style st, unsigned indent,
		    const struct place *p, enum ink ink)
{
	if (p->text && p->line)
		put_line(t, st, indent, digits_of(p->line), p, ink);
}

void quote_put(struct text *t, struct report_style st, unsigned indent, const struct place *p,
	       enum ink ink)
{
	if (!p->file && !p->path)
		return;
	struct text at = { 0 };
	place_print(&at, p);
	text_putf(t, "%*s", (int)(indent + digits_of(p->line)), "");
	page_ink(t, st, INK_FAINT);
	text_put(t, "--> ");
	page_plain(t, st);
	page_put(t, at.s ? at.s : "");
	if (p->file && p->path) {
		text_put(t, " (");
		page_put(t, p->path);
		text_putc(t, ')');
	}
	text_putc(t, '\n');
	text_finish(&at);
	quote_line_put(t, st, indent, p, ink);
}
