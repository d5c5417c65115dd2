/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The matrix for people: a letter a pair, numbers for columns, tenants as blocks. Columns that
 * don't fit the page follow below, and zones that are all alike stand as one from a size on
 * that can't be taken in zone by zone; nothing is left out.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "report/doc.h"
#include "report/parts.h"
#include "report/zone_matrix.h"

enum { ALONE_MAX = 24, GROUPS_GOOD = 48, LABEL_MAX = 28 };

struct table {
	struct text *t;
	struct report_style st;
	const struct zone_matrix *m;
	size_t count[UCHAR_MAX + 1]; /* pairs of each letter */
	struct zone_groups g;
	bool tenants; /* rows and columns stand in blocks of tenants */
	unsigned label, digits;
};

static enum ink letter_ink(char c)
{
	switch ((enum pair_letter)c) {
	case PAIR_GRAVE:
		return INK_CRITICAL;
	case PAIR_WRONG:
	case PAIR_OPEN:
		return INK_MEDIUM;
	case PAIR_EXCEPTED:
		return INK_LOW;
	case PAIR_NOT_ASKED:
		return INK_FAINT;
	case PAIR_ONE_PHYSICAL:
	case PAIR_ONE_VIRTUAL:
	case PAIR_APART:
	case PAIR_ALIGNED:
		break;
	}
	return INK_PLAIN;
}

static const char *tenant_of(const struct table *tb, size_t group)
{
	const char *s = tb->m->tenants[tb->g.first[group]];
	return s ? s : "";
}

static bool block_begins(const struct table *tb, size_t group)
{
	return tb->tenants &&
	       (!group || strcmp(tenant_of(tb, group), tenant_of(tb, group - 1)));
}

/* "web-1", or "web-1 +11" for twelve zones. */
static void label(const struct table *tb, size_t group, struct text *s)
{
	struct text more = { 0 };
	const char *name = tb->m->names[tb->g.first[group]];
	if (tb->g.count[group] > 1)
		text_putf(&more, " +%u", tb->g.count[group] - 1);
	size_t room = LABEL_MAX - more.len;
	page_put(s, name);
	if (page_columns(s->s ? s->s : "", s->len) > room) {
		/* The full name stands in the coverage, or in the list of groups below. */
		size_t keep = 0, columns = 0;
		while (keep < s->len && columns + 2 < room) {
			uint32_t c;
			size_t len = page_char(s->s + keep, s->len - keep, &c);
			columns += page_columns(s->s + keep, len);
			keep += len;
		}
		s->len = keep;
		s->s[keep] = '\0';
		text_put(s, "..");
	}
	text_put(s, more.s ? more.s : "");
	text_finish(&more);
}

/* The numbers of the columns, a digit a line. */
static void put_numbers(struct table *tb, size_t from, size_t to)
{
	for (unsigned d = 0; d < tb->digits; d++) {
		struct text line = { 0 };
		page_repeat(&line, ' ', 2 + tb->digits + 1 + tb->label + 1);
		for (size_t g = from; g < to; g++) {
			char number[24];
			snprintf(number, sizeof(number), "%*zu", (int)tb->digits, g + 1);
			if (g > from && block_begins(tb, g))
				text_putc(&line, ' ');
			text_putc(&line, number[d]);
		}
		while (line.len && line.s[line.len - 1] == ' ')
			line.s[--line.len] = '\0';
		text_putf(tb->t, "%s\n", line.s);
		text_finish(&line);
	}
}

static void put_line(struct table *tb, size_t row, size_t from, size_t to)
{
	struct text s = { 0 };
	enum ink now = INK_PLAIN;
	label(tb, row, &s);
	text_putf(tb->t, "  %*zu ", (int)tb->digits, row + 1);
	text_put(tb->t, s.s ? s.s : "");
	page_repeat(tb->t, ' ', tb->label - page_columns(s.s ? s.s : "", s.len) + 1);
	for (size_t g = from; g < to; g++) {
		char c = zone_groups_cell(tb->m, &tb->g, row, g);
		if (g > from && block_begins(tb, g))
			text_putc(tb->t, ' ');
		if (letter_ink(c) != now) {
			page_plain(tb->t, tb->st);
			now = letter_ink(c);
			page_ink(tb->t, tb->st, now);
		}
		text_putc(tb->t, c);
	}
	if (now != INK_PLAIN)
		page_plain(tb->t, tb->st);
	text_putc(tb->t, '\n');
	text_finish(&s);
}

static void put_rows(struct table *tb, size_t from, size_t to)
{
	put_numbers(tb, from, to);
	for (size_t row = 0; row < tb->g.n; row++) {
		if (block_begins(tb, row) && *tenant_of(tb, row)) {
			text_put(tb->t, "  ");
			page_inked(tb->t, tb->st, INK_STRONG, tenant_of(tb, row));
			text_putc(tb->t, '\n');
		}
		put_line(tb, row, from, to);
	}
}

/* How many columns from `from` on fit into the page. */
static size_t fit(const struct table *tb, size_t from)
{
	size_t used = 2 + tb->digits + 1 + tb->label + 1, room = page_width(tb->st), to = from;
	while (to < tb->g.n) {
		size_t need = 1 + (to > from && block_begins(tb, to));
		if (used + need > room && to > from)
			break;
		used += need;
		to++;
	}
	return to;
}

static void put_legend(struct table *tb)
{
	struct text s = { 0 };
	for (const char *p = pair_letters; *p; p++) {
		size_t n = tb->count[(unsigned char)*p];
		/* Under a letter that stands for others too, those come as well. */
		char told = tb->g.folded ? pair_letter_folded(*p) : *p;
		if (!n)
			continue;
		char mark[] = { ' ', ' ', told, '\0' };
		text_clear(&s);
		text_putf(&s, "%zu %s", n, pair_letter_says(*p));
		if (told != *p)
			text_putf(&s, " (%c in JSON)", *p);
		page_wrap(tb->t, tb->st, letter_ink(told), mark, 6, s.s);
	}
	text_finish(&s);
}

/* Which zones a group has. */
static void put_groups(struct table *tb)
{
	struct text s = { 0 }, mark = { 0 };
	bool any = false;
	for (size_t g = 0; g < tb->g.n; g++) {
		if (tb->g.count[g] < 2)
			continue;
		if (!any)
			page_wrap(tb->t, tb->st, INK_PLAIN, "", 2,
				  "Zones told as one, for everything is the same for them:");
		any = true;
		text_clear(&s);
		text_clear(&mark);
		text_putf(&mark, "  %*zu", (int)tb->digits, g + 1);
		const char *tenant = NULL;
		for (size_t z = 0; z < tb->m->n; z++) {
			const char *its = tb->m->tenants[z] ? tb->m->tenants[z] : "";
			if (tb->g.of[z] != g)
				continue;
			text_put(&s, s.len ? ", " : "");
			if (!tb->tenants && *its && (!tenant || strcmp(tenant, its)))
				text_putf(&s, "%s: ", its);
			tenant = its;
			text_put(&s, tb->m->names[z]);
		}
		page_wrap(tb->t, tb->st, INK_PLAIN, mark.s, 2 + tb->digits + 1, s.s);
	}
	text_finish(&s);
	text_finish(&mark);
}

bool part_matrix(struct text *t, struct report_style st, const json_t *doc)
{
	struct zone_matrix m;
	if (!zone_matrix_read(doc_object(doc, "matrix"), &m))
		return false;
	struct table tb = { .t = t, .st = st, .m = &m };
	for (size_t i = 0; i < m.n * m.n; i++)
		tb.count[(unsigned char)m.cells[i]]++;
	zone_groups_of(&m, ALONE_MAX, GROUPS_GOOD, &tb.g);
	bool any = false;
	for (size_t i = 0; i < m.n; i++)
		any |= m.tenants[i] != NULL;
	tb.tenants = any && tb.g.by_tenant;
	char number[24];
	tb.digits = (unsigned)snprintf(number, sizeof(number), "%zu", tb.g.n);
	for (size_t g = 0; g < tb.g.n; g++) {
		struct text s = { 0 };
		label(&tb, g, &s);
		size_t columns = page_columns(s.s ? s.s : "", s.len);
		tb.label = columns > tb.label ? (unsigned)columns : tb.label;
		text_finish(&s);
	}
	part_heading(t, st, "Zones by zones, from row to column");
	for (size_t from = 0, to; from < tb.g.n; from = to) {
		to = fit(&tb, from);
		if (from)
			text_putc(t, '\n');
		put_rows(&tb, from, to);
	}
	put_legend(&tb);
	put_groups(&tb);
	zone_groups_finish(&tb.g);
	zone_matrix_finish(&m);
	return true;
}
