/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words as iptables-restore(8) splits them (xshared.c, add_param_to_argv): blanks part them,
 * double and single quotes keep blanks, a backslash within quotes keeps the next byte.
 */
#include "collectors/ipt_internal.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

void ipt_split(struct ipt_reader *r, const struct ipt_line *line, struct ipt_words *ret)
{
	size_t start[IPT_WORDS];
	ret->n = 0;
	ret->overflow = ret->open_quote = false;
	text_clear(&r->scratch);
	for (size_t i = 0; i < line->len;) {
		while (i < line->len && blank(line->s[i]))
			i++;
		if (i == line->len)
			break;
		if (ret->n == IPT_WORDS) {
			ret->overflow = true;
			break;
		}
		char quote = 0;
		ret->off[ret->n] = (uint32_t)i;
		ret->quoted[ret->n] = line->s[i] == '"' || line->s[i] == '\'';
		start[ret->n] = r->scratch.len;
		for (; i < line->len && (quote || !blank(line->s[i])); i++) {
			char c = line->s[i];
			if (quote && c == '\\' && i + 1 < line->len)
				text_putc(&r->scratch, line->s[++i]);
			else if (quote ? c == quote : (c == '"' || c == '\''))
				quote = quote ? 0 : c;
			else
				text_putc(&r->scratch, c);
		}
		ret->open_quote |= quote != 0;
		ret->end[ret->n] = (uint32_t)i;
		text_putc(&r->scratch, '\0');
		ret->n++;
	}
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i] = r->scratch.s + start[i];
}

struct loc ipt_line_loc(const struct ipt_line *line, size_t from, size_t to)
{
	struct loc at = line->at;
	if (!at.col)
		return at;
	at.end_col = at.col + (uint32_t)to;
	at.col += (uint32_t)from;
	return at;
}
