/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines and words of an ASA configuration. A word ends at a blank; one that begins with a
 * quotation mark ends at the closing one ("LAB\\Domain Users"), where there is one.
 */
#include "collectors/asa_internal.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f' || c == '\v' || c == '\b';
}

void line_of(const char *s, size_t len, struct line *ret)
{
	const char *end = s + len, *p = s;

	ret->no = 0;
	ret->n = ret->i = 0;
	ret->more = false;
	while (p < end && is_blank(*p))
		p++;
	ret->indent = (uint32_t)(p - s);
	while (p < end) {
		const char *w = p;

		if (ret->n == ASA_WORDS) {
			ret->more = true;
			return;
		}
		if (*p == '"') {
			const char *close = memchr(p + 1, '"', (size_t)(end - p - 1));

			p = close && (close + 1 == end || is_blank(close[1])) ? close + 1 : p;
		}
		while (p < end && !is_blank(*p))
			p++;
		ret->w[ret->n++] = (struct word){ w, (uint32_t)(p - w) };
		while (p < end && is_blank(*p))
			p++;
	}
}

void line_split(const struct source *src, uint32_t no, struct line *ret)
{
	size_t len;
	const char *s = source_line(src, no, &len);

	line_of(s, len, ret);
	ret->no = no;
}

bool line_ended(const struct line *l)
{
	return l->i >= l->n;
}

struct word line_peek(const struct line *l, unsigned ahead)
{
	return l->i + ahead < l->n ? l->w[l->i + ahead] : (struct word){ "", 0 };
}

struct word line_next(struct line *l)
{
	return l->i < l->n ? l->w[l->i++] : (struct word){ "", 0 };
}

bool word_is(struct word w, const char *keyword)
{
	return strlen(keyword) == w.len && strncasecmp(w.s, keyword, w.len) == 0;
}

bool word_starts(struct word w, const char *prefix)
{
	size_t n = strlen(prefix);

	return w.len >= n && strncasecmp(w.s, prefix, n) == 0;
}

bool line_at(const struct line *l, const char *keyword)
{
	return l->i < l->n && word_is(l->w[l->i], keyword);
}

bool line_take(struct line *l, const char *keyword)
{
	if (!line_at(l, keyword))
		return false;
	l->i++;
	return true;
}

bool word_number(struct word w, uint64_t hi, unsigned *ret)
{
	uint64_t v;

	if (!parse_number(w.s, w.len, 0, hi, true, &v))
		return false;
	*ret = (unsigned)v;
	return true;
}

const char *line_rest(struct arena *a, const struct source *src, const struct line *l)
{
	size_t len;
	const char *s = source_line(src, l->no, &len), *from;

	if (line_ended(l))
		return "";
	from = l->w[l->i].s;
	len -= (size_t)(from - s);
	while (len && is_blank(from[len - 1]))
		len--;
	return arena_strn(a, from, len);
}
