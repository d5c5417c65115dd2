/* SPDX-License-Identifier: Apache-2.0 */
#include "report/page.h"

#include <string.h>

static const char *const inks[] = {
	[INK_PLAIN] = "",	 [INK_STRONG] = "\033[1m",
	[INK_FAINT] = "\033[2m", [INK_CRITICAL] = "\033[1;31m",
	[INK_HIGH] = "\033[31m", [INK_MEDIUM] = "\033[33m",
	[INK_LOW] = "\033[36m",	 [INK_GOOD] = "\033[32m",
};

struct points {
	uint32_t lo, hi;
};

/* Combining marks: they take no column (Unicode 15, the blocks that exports really hold). */
static const struct points narrow[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd },   { 0x0610, 0x061a },
	{ 0x064b, 0x065f }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },   { 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xe0100, 0xe01ef },
};

/* East Asian wide and full-width characters and pictures: two columns (UAX #11). */
static const struct points wide[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0x33ff },	  { 0x3400, 0x4dbf },
	{ 0x4e00, 0x9fff },   { 0xa000, 0xa4cf },   { 0xa960, 0xa97f },	  { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },	  { 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

/* Characters that change how others look, or can't be seen at all. */
static const struct points hidden[] = {
	{ 0x061c, 0x061c }, { 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
	{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
};

static bool among(uint32_t c, const struct points *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= v[i].lo && c <= v[i].hi)
			return true;
	return false;
}

#define AMONG(c, table) among((c), (table), sizeof(table) / sizeof(*(table)))

unsigned page_width(struct report_style st)
{
	unsigned w = st.width ? st.width : 80;
	return w < PAGE_WIDTH_MIN ? PAGE_WIDTH_MIN : w > PAGE_WIDTH_MAX ? PAGE_WIDTH_MAX : w;
}

void page_ink(struct text *t, struct report_style st, enum ink ink)
{
	if (st.colour)
		text_put(t, inks[ink]);
}

void page_plain(struct text *t, struct report_style st)
{
	if (st.colour)
		text_put(t, "\033[0m");
}

size_t page_char(const char *s, size_t len, uint32_t *ret_code_point)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n == 1) {
		*ret_code_point = p[0];
		return 1;
	}
	if (n > len || utf8_valid(s, n) != n) {
		*ret_code_point = 0xfffd;
		return 1;
	}
	uint32_t c = p[0] & (0xff >> (n + 1));
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	*ret_code_point = c;
	return n;
}

static unsigned columns_of(uint32_t c)
{
	if (c < 0x300)
		return 1;
	return AMONG(c, narrow) ? 0 : AMONG(c, wide) ? 2 : 1;
}

unsigned page_put_char(struct text *t, const char *s, size_t len, uint32_t c)
{
	size_t before = t->len;
	if (c == '\n')
		text_put(t, "\\n");
	else if (c == '\r')
		text_put(t, "\\r");
	else if (c == '\t')
		text_putc(t, ' ');
	else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		text_putf(t, "\\x%02x", c);
	else if (c == 0xfffd && len == 1)
		text_put(t, "?");
	else if (AMONG(c, hidden))
		text_putf(t, "<U+%04X>", c);
	else {
		text_putn(t, s, len);
		return columns_of(c);
	}
	return (unsigned)(t->len - before);
}

/* How many bytes from s on are plain: one column each, nothing to escape. */
static size_t plain_run(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len && s[n] >= 0x20 && s[n] < 0x7f)
		n++;
	return n;
}

void page_putn(struct text *t, const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t n = plain_run(s + i, len - i);
		if (n) {
			text_putn(t, s + i, n);
		} else {
			n = page_char(s + i, len - i, &c);
			page_put_char(t, s + i, n, c);
		}
		i += n;
	}
}

void page_put(struct text *t, const char *s)
{
	page_putn(t, s, strlen(s));
}

void page_inked(struct text *t, struct report_style st, enum ink ink, const char *s)
{
	page_ink(t, st, ink);
	page_put(t, s);
	page_plain(t, st);
}

size_t page_columns(const char *s, size_t len)
{
	size_t columns = 0;
	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t n = plain_run(s + i, len - i);
		columns += n;
		i += n;
		if (i == len)
			break;
		i += page_char(s + i, len - i, &c);
		columns += columns_of(c);
	}
	return columns;
}

void page_repeat(struct text *t, char c, size_t n)
{
	char run[64];
	memset(run, c, sizeof(run));
	for (; n > sizeof(run); n -= sizeof(run))
		text_putn(t, run, sizeof(run));
	text_putn(t, run, n);
}

void page_pad(struct text *t, const char *s, unsigned columns)
{
	size_t before = t->len;
	page_put(t, s);
	size_t n = page_columns(t->s ? t->s + before : "", t->len - before);
	page_repeat(t, ' ', n < columns ? columns - n : 0);
}

void page_wrap(struct text *t, struct report_style st, enum ink ink, const char *label,
	       unsigned at, const char *s)
{
	struct text made = { 0 };
	size_t len = strlen(s);
	const char *safe = s;
	if (plain_run(s, len) < len) {
		page_putn(&made, s, len);
		safe = made.s;
		len = made.len;
	}
	unsigned width = page_width(st);
	bool first = true;
	size_t column = 0;
	for (size_t i = 0; i < len;) {
		if (safe[i] == ' ') {
			i++;
			continue;
		}
		const char *blank = memchr(safe + i, ' ', len - i);
		size_t word = blank ? (size_t)(blank - safe) - i : len - i;
		size_t w = page_columns(safe + i, word);
		if (first) {
			if (ink != INK_PLAIN)
				page_ink(t, st, ink);
			page_put(t, label);
			column = page_columns(label, strlen(label));
			if (ink != INK_PLAIN)
				page_plain(t, st);
			page_repeat(t, ' ', column < at ? at - column : 0);
			column = column < at ? at : column;
		} else if (column + 1 + w > width && column > at) {
			text_putc(t, '\n');
			page_repeat(t, ' ', at);
			column = at;
		} else {
			text_putc(t, ' ');
			column++;
		}
		text_putn(t, safe + i, word);
		column += w;
		i += word;
		first = false;
	}
	if (!first)
		text_putc(t, '\n');
	text_finish(&made);
}
