/* SPDX-License-Identifier: Apache-2.0 */
#include "report/notice.h"
#include "report/quote.h"

enum ink notice_ink(const char *severity)
{
	return severity[0] == 'e' ? INK_CRITICAL : severity[0] == 'w' ? INK_MEDIUM : INK_LOW;
}

const char *notice_severity(enum diag_severity s)
{
	return s == DIAG_ERROR ? "error" : s == DIAG_WARNING ? "warning" : "note";
}

void notice_put(struct text *t, struct report_style st, const char *severity, const char *code,
		const char *message, const struct place *at)
{
	struct text where = { 0 };
	place_print(&where, at);
	if (where.len) {
		page_inked(t, st, INK_STRONG, where.s);
		text_put(t, ": ");
	}
	page_inked(t, st, notice_ink(severity), severity);
	text_put(t, ": ");
	page_put(t, message);
	if (code) {
		text_put(t, " [");
		page_put(t, code);
		text_putc(t, ']');
	}
	text_putc(t, '\n');
	text_finish(&where);
	quote_line_put(t, st, 2, at, notice_ink(severity));
}

void report_diag(const struct diag *d, struct report_style style, struct text *out)
{
	struct place at = place_of_loc(d->loc);
	notice_put(out, style, notice_severity(d->severity), d->code, d->text, &at);
	for (unsigned i = 0; i < d->n_related; i++) {
		at = place_of_loc(d->related[i]);
		notice_put(out, style, "note", NULL, d->related_text[i], &at);
	}
}
