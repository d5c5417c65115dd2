/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

void text_finish(struct text *t)
{
	free(t->s);
	memset(t, 0, sizeof(*t));
}

void text_clear(struct text *t)
{
	t->len = 0;
	if (t->s)
		t->s[0] = 0;
}

static void text_room(struct text *t, size_t more)
{
	if (t->cap - t->len > more)
		return;
	size_t cap = t->cap ? t->cap : 64;
	while (cap - t->len <= more)
		cap *= 2;
	t->s = xrealloc(t->s, cap);
	t->cap = cap;
}

void text_putn(struct text *t, const char *s, size_t len)
{
	text_room(t, len);
	if (len)
		memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = 0;
}

void text_putc(struct text *t, char c)
{
	text_putn(t, &c, 1);
}

void text_put(struct text *t, const char *s)
{
	text_putn(t, s, strlen(s));
}

void text_vputf(struct text *t, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	text_room(t, 63); /* mostly enough */
	int len = vsnprintf(t->s + t->len, t->cap - t->len, fmt, again);
	va_end(again);
	if (len < 0)
		return;
	if ((size_t)len >= t->cap - t->len) {
		text_room(t, (size_t)len);
		vsnprintf(t->s + t->len, t->cap - t->len, fmt, ap);
	}
	t->len += (size_t)len;
}

void text_putf(struct text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	text_vputf(t, fmt, ap);
	va_end(ap);
}

void text_put_utf8(struct text *t, uint32_t c)
{
	char b[4];
	size_t n;
	if (c < 0x80)
		b[0] = (char)c, n = 1;
	else if (c < 0x800)
		b[0] = (char)(0xc0 | c >> 6), b[1] = (char)(0x80 | (c & 0x3f)), n = 2;
	else if (c < 0x10000)
		b[0] = (char)(0xe0 | c >> 12), b[1] = (char)(0x80 | (c >> 6 & 0x3f)),
		b[2] = (char)(0x80 | (c & 0x3f)), n = 3;
	else
		b[0] = (char)(0xf0 | c >> 18), b[1] = (char)(0x80 | (c >> 12 & 0x3f)),
		b[2] = (char)(0x80 | (c >> 6 & 0x3f)), b[3] = (char)(0x80 | (c & 0x3f)), n = 4;
	text_putn(t, b, n);
}

size_t utf8_valid(const void *data, size_t size)
{
	const unsigned char *p = data;
	size_t i = 0;
	while (i < size) {
		size_t n = p[i] < 0x80		 ? 1
			   : p[i] >> 5 == 6	 ? 2
			   : p[i] >> 4 == 0xe	 ? 3
			   : p[i] >> 3 == 0x1e ? 4
						 : 0;
		if (!n || n > size - i)
			return i;
		uint32_t c = n == 1 ? p[i] : p[i] & (0x7fu >> n);
		for (size_t k = 1; k < n; k++) {
			if (p[i + k] >> 6 != 2)
				return i;
			c = c << 6 | (p[i + k] & 0x3f);
		}
		static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
		if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return i;
		i += n;
	}
	return size;
}

bool parse_number(const char *s, size_t len, uint64_t lo, uint64_t hi, bool zeros,
		  uint64_t *ret)
{
	uint64_t v = 0;
	if (!len || (!zeros && len > 1 && s[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
			return false;
	if (v < lo || v > hi)
		return false;
	*ret = v;
	return true;
}

bool parse_date(const char *s, size_t len, int64_t *ret_days)
{
	uint64_t y, m, d;
	if (len != 10 || s[4] != '-' || s[7] != '-' || !parse_number(s, 4, 1, 9999, true, &y) ||
	    !parse_number(s + 5, 2, 1, 12, true, &m) || !parse_number(s + 8, 2, 1, 31, true, &d))
		return false;
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	static const unsigned days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	if (d > days[m - 1] + (leap && m == 2))
		return false;
	/* days from civil, Howard Hinnant's algorithm */
	int64_t yy = (int64_t)y - (m <= 2), era = yy / 400;
	int64_t yoe = yy - era * 400, mp = ((int64_t)m + 9) % 12;
	int64_t doy = (153 * mp + 2) / 5 + (int64_t)d - 1;
	*ret_days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
	return true;
}

static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	if (la > 63 || lb > 63)
		return 64;
	size_t row[64];
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diag = row[0];
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t up = row[j], best = diag + (a[i - 1] != b[j - 1]);
			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diag = up;
		}
	}
	return row[lb];
}

const char *nearest_word(const char *word, const char *const *candidates, size_t n)
{
	const char *best = NULL;
	size_t least = 3;
	for (size_t i = 0; i < n; i++) {
		size_t dist = distance(word, candidates[i]);
		if (dist < least && dist * 2 < strlen(candidates[i]) + 1)
			least = dist, best = candidates[i];
	}
	return best;
}

bool has_prefix(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool has_suffix(const char *s, const char *suffix)
{
	size_t ls = strlen(s), lx = strlen(suffix);
	return ls >= lx && !strcmp(s + ls - lx, suffix);
}
