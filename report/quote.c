/* SPDX-License-Identifier: Apache-2.0 */
#include "report/quote.h"

#include <stdio.h>
#include <string.h>

static const char dots[] = "...";
/* A long line is folded into a few rows, a very long one is cut. */
enum { DOTS = 3, LEAST_TEXT = 20, ROWS = 3, EXCERPT_ROWS = 6 };

/* One character on the screen: where its text begins in the shown line, and its columns. */
struct cell {
	size_t at;
	unsigned columns;
	uint32_t byte; /* its column in bytes, as places count them */
};

/* More than one place ever shows: the rest is not looked at. */
enum { CELLS_MAX = 2 * PLACE_EXCERPT_MAX };

struct shown {
	struct text text;
	struct cell cells[CELLS_MAX + 1]; /* and one behind the last */
	size_t n;
};

static void show(struct shown *s, const struct place *p)
{
	size_t i = 0;
	s->text = (struct text){ 0 };
	for (s->n = 0; i < p->len && s->n < CELLS_MAX; s->n++) {
		uint32_t c;
		size_t n = page_char(p->text + i, p->len - i, &c);
		struct cell *cell = &s->cells[s->n];
		cell->at = s->text.len;
		cell->byte = p->from + (uint32_t)i;
		cell->columns = page_put_char(&s->text, p->text + i, n, c);
		i += n;
	}
	s->cells[s->n++] = (struct cell){ s->text.len, 0, p->from + (uint32_t)i };
}

/* The first cell at or behind the byte column. */
static size_t cell_of(const struct shown *s, uint32_t byte)
{
	size_t i = 0;
	while (i + 1 < s->n && s->cells[i].byte < byte)
		i++;
	return i;
}

static size_t columns_between(const struct shown *s, size_t from, size_t to)
{
	size_t n = 0;
	for (size_t i = from; i < to; i++)
		n += s->cells[i].columns;
	return n;
}

/*
 * The cells [*lo, *hi) that take at most `room` columns: all where they fit, else as many
 * round those that are marked.
 */
static void window(const struct shown *s, size_t from, size_t to, size_t room, size_t *lo,
		   size_t *hi)
{
	const struct cell *v = s->cells;
	size_t last = s->n - 1;
	*lo = *hi = from;
	size_t used = 0;
	/* What is marked, as far as it fits. */
	while (*hi < to && used + v[*hi].columns <= room)
		used += v[(*hi)++].columns;
	/* Then what stands before and behind it, in turn. */
	for (bool before = true, behind = true; before || behind;) {
		before = *lo > 0 && used + v[*lo - 1].columns <= room;
		if (before)
			used += v[--*lo].columns;
		behind = *hi < last && used + v[*hi].columns <= room;
		if (behind)
			used += v[(*hi)++].columns;
	}
}

/* Where a row that begins at lo ends: at hi, or behind the last blank that fits. */
static size_t row_end(const struct shown *s, size_t lo, size_t hi, size_t room)
{
	size_t used = 0, blank = 0, i;
	for (i = lo; i < hi && used + s->cells[i].columns <= room; i++) {
		used += s->cells[i].columns;
		if (s->text.s[s->cells[i].at] == ' ')
			blank = i + 1;
	}
	if (i == hi)
		return hi;
	return blank > lo + (i - lo) / 2 ? blank : i > lo ? i : lo + 1;
}

static void gutter(struct text *t, struct report_style st, unsigned indent, unsigned digits,
		   uint32_t line)
{
	page_repeat(t, ' ', indent);
	page_ink(t, st, INK_FAINT);
	if (line)
		text_putf(t, "%*u", (int)digits, line);
	else
		page_repeat(t, ' ', digits);
	text_put(t, " |");
	page_plain(t, st);
}

static void put_row(struct text *t, struct report_style st, unsigned indent, unsigned digits,
		    const struct shown *s, size_t lo, size_t hi, uint32_t line,
		    const char *before, const char *behind)
{
	const struct cell *v = s->cells;
	gutter(t, st, indent, digits, line);
	size_t row = t->len;
	text_putc(t, ' ');
	text_put(t, before);
	text_putn(t, s->text.s ? s->text.s + v[lo].at : "", v[hi].at - v[lo].at);
	text_put(t, behind);
	while (t->len > row && t->s[t->len - 1] == ' ')
		t->s[--t->len] = 0;
	text_putc(t, '\n');
}

static void put_marks(struct text *t, struct report_style st, unsigned indent, unsigned digits,
		      const struct shown *s, size_t lo, size_t hi, size_t from, size_t to,
		      const char *before, enum ink ink)
{
	size_t lead = 1 + strlen(before), marks = 1;
	if (from >= to ? from < lo || from > hi : from >= hi || to <= lo)
		return;
	from = from < lo ? lo : from;
	to = to > hi ? hi : to;
	if (from < to)
		marks = columns_between(s, from, to);
	gutter(t, st, indent, digits, 0);
	page_repeat(t, ' ', lead + columns_between(s, lo, from));
	page_ink(t, st, ink);
	page_repeat(t, '^', marks ? marks : 1);
	page_plain(t, st);
	text_putc(t, '\n');
}

static void put_line(struct text *t, struct report_style st, unsigned indent, unsigned digits,
		     const struct place *p, size_t rows, enum ink ink)
{
	struct shown s;
	show(&s, p);
	size_t last = s.n - 1;
	size_t from = p->col ? cell_of(&s, p->col) : 0, to = from;
	if (p->col)
		to = p->end_col > p->col ? cell_of(&s, p->end_col) : from + 1;
	to = to > last ? last : to;
	unsigned taken = indent + digits + 3 + 2 * DOTS, width = page_width(st);
	size_t room = width > taken + LEAST_TEXT ? width - taken : LEAST_TEXT, lo, hi;
	window(&s, from, to, room * rows, &lo, &hi);

	gutter(t, st, indent, digits, 0);
	text_putc(t, '\n');
	for (size_t row = lo; row < hi || row == lo;) {
		bool first = row == lo, cut = first && (lo > 0 || p->from > 1);
		/* A row that needs no dots may use their room. */
		size_t end = row_end(&s, row, hi, room + 2 * DOTS);
		if (cut || (end == hi && (hi < last || p->left)))
			end = row_end(&s, row, hi, room);
		bool more = end == hi && (hi < last || p->left);
		const char *before = cut ? dots : "";
		put_row(t, st, indent, digits, &s, row, end, first ? p->line : 0, before,
			more ? dots : "");
		if (p->col)
			put_marks(t, st, indent, digits, &s, row, end, from, to, before, ink);
		if (end >= hi)
			break;
		row = end;
	}
	text_finish(&s.text);
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
	if (p->excerpt && p->line) {
		/* All of it is meant: it needs no marks. */
		struct place whole = { .line = p->line, .text = p->excerpt, .from = 1 };
		whole.len = strnlen(p->excerpt, 2 * PLACE_EXCERPT_MAX);
		put_line(t, st, indent, digits_of(p->line), &whole, EXCERPT_ROWS, ink);
	} else if (p->text && p->line) {
		put_line(t, st, indent, digits_of(p->line), p, ROWS, ink);
	}
}

void quote_put(struct text *t, struct report_style st, unsigned indent, const struct place *p,
	       enum ink ink)
{
	if (!p->file && !p->path)
		return;
	struct text at = { 0 };
	place_print(&at, p);
	page_repeat(t, ' ', indent + digits_of(p->line));
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
