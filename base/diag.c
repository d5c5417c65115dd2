/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <stdlib.h>
#include <string.h>

#include "base/source.h"

void diags_init(struct diags *d, struct arena *a)
{
	memset(d, 0, sizeof(*d));
	d->arena = a;
}

void diags_finish(struct diags *d)
{
	free(d->v);
	free(d->counts);
	memset(d, 0, sizeof(*d));
}

static struct diag_count *diag_count(struct diags *d, const char *code)
{
	for (size_t i = 0; i < d->n_counts; i++)
		if (!strcmp(d->counts[i].code, code))
			return &d->counts[i];
	if (d->n_counts == d->cap_counts) {
		d->cap_counts = d->cap_counts ? d->cap_counts * 2 : 8;
		d->counts = xreallocarray(d->counts, d->cap_counts, sizeof(*d->counts));
	}
	d->counts[d->n_counts] = (struct diag_count){ code, 0 };
	return &d->counts[d->n_counts++];
}

static void diag_add(struct diags *d, enum diag_severity severity, const char *code,
		     struct loc at, const char *fmt, va_list ap)
	__attribute__((format(printf, 5, 0)));

static void diag_add(struct diags *d, enum diag_severity severity, const char *code,
		     struct loc at, const char *fmt, va_list ap)
{
	struct diag_count *count = diag_count(d, code);
	d->n_errors += severity == DIAG_ERROR;
	d->n_warnings += severity == DIAG_WARNING;
	d->only_counted = ++count->n > DIAG_CAP_PER_CODE;
	if (d->only_counted)
		return;
	if (d->n == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 16;
		d->v = xreallocarray(d->v, d->cap, sizeof(*d->v));
	}
	d->v[d->n++] = (struct diag){ .severity = severity,
				      .code = code,
				      .loc = at,
				      .text = arena_vprintf(d->arena, fmt, ap) };
}

int diag_error(struct diags *d, int err, const char *code, struct loc at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	diag_add(d, DIAG_ERROR, code, at, fmt, ap);
	va_end(ap);
	return err < 0 ? err : -err;
}

void diag_warning(struct diags *d, const char *code, struct loc at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	diag_add(d, DIAG_WARNING, code, at, fmt, ap);
	va_end(ap);
}

void diag_note(struct diags *d, const char *code, struct loc at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	diag_add(d, DIAG_NOTE, code, at, fmt, ap);
	va_end(ap);
}

void diag_related(struct diags *d, struct loc at, const char *fmt, ...)
{
	if (!d->n || d->only_counted || d->v[d->n - 1].n_related == DIAG_RELATED)
		return;
	struct diag *last = &d->v[d->n - 1];
	va_list ap;
	va_start(ap, fmt);
	last->related[last->n_related] = at;
	last->related_text[last->n_related++] = arena_vprintf(d->arena, fmt, ap);
	va_end(ap);
}

void diags_join(struct diags *d, const struct diags *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct diag *x = &from->v[i];
		struct diag_count *count = diag_count(d, x->code);
		if (++count->n > DIAG_CAP_PER_CODE)
			continue;
		if (d->n == d->cap) {
			d->cap = d->cap ? d->cap * 2 : 16;
			d->v = xreallocarray(d->v, d->cap, sizeof(*d->v));
		}
		struct diag *y = &d->v[d->n++];
		*y = *x;
		y->text = arena_str(d->arena, x->text);
		for (unsigned k = 0; k < x->n_related; k++)
			y->related_text[k] = arena_str(d->arena, x->related_text[k]);
	}
	/* What was only counted there is only counted here. */
	for (size_t i = 0; i < from->n_counts; i++)
		if (from->counts[i].n > DIAG_CAP_PER_CODE)
			diag_count(d, from->counts[i].code)->n +=
				from->counts[i].n - DIAG_CAP_PER_CODE;
	d->n_errors += from->n_errors;
	d->n_warnings += from->n_warnings;
}

size_t diags_count(const struct diags *d, const char *code)
{
	for (size_t i = 0; i < d->n_counts; i++)
		if (!strcmp(d->counts[i].code, code))
			return d->counts[i].n;
	return 0;
}

bool diags_has(const struct diags *d, const char *code)
{
	return diags_count(d, code) > 0;
}

const char *loc_print(struct arena *a, struct loc at)
{
	if (!at.src)
		return at.path ? at.path : "-";
	if (at.line && at.col)
		return arena_printf(a, "%s:%u:%u", at.src->name, at.line, at.col);
	if (at.line)
		return arena_printf(a, "%s:%u", at.src->name, at.line);
	return at.src->name;
}

int loc_compare(struct loc a, struct loc b)
{
	if (a.src != b.src) {
		int c = strcmp(a.src ? a.src->name : "", b.src ? b.src->name : "");
		if (c)
			return c;
	}
	if (a.line != b.line)
		return a.line < b.line ? -1 : 1;
	if (a.col != b.col)
		return a.col < b.col ? -1 : 1;
	return strcmp(a.path ? a.path : "", b.path ? b.path : "");
}
