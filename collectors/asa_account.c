/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each line, and what is said about it. */
#include "collectors/asa_internal.h"

#include <stdarg.h>

struct loc asa_loc(const struct asa *a, uint32_t line)
{
	return source_line_loc(a->src, line);
}

void asa_class(struct asa *a, uint32_t line, enum account_class class, bool policy,
	       const char *why)
{
	struct line_state *s = &a->state[line - 1];

	/* A line that was refused once stays so. */
	if (s->counted && s->class == ACCOUNT_REJECTED)
		return;
	s->class = (uint8_t) class;
	s->policy = policy;
	s->why = why;
	s->counted = true;
}

void asa_class_by(struct asa *a, uint32_t line, const struct match *m)
{
	const struct match *u = m->inexact ? match_first_unknown(m) : NULL;

	if (u)
		asa_class(a, line, ACCOUNT_BOUNDED, true, u->unknown.reason);
	else
		ASA_EXACT(a, line);
}

static void refuse(struct asa *a, uint32_t line, const char *code, const char *text)
{
	diag_warning(a->d, code, asa_loc(a, line), "%s", text);
	asa_class(a, line, ACCOUNT_REJECTED, true, text);
}

void asa_refuse(struct asa *a, uint32_t line, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	refuse(a, line, code, arena_vprintf(a->arena, fmt, ap));
	va_end(ap);
}

void asa_reject(struct asa *a, uint32_t line, const char *port, const char *code,
		const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(a->arena, fmt, ap);
	va_end(ap);
	refuse(a, line, code, text);
	*vec_add(&a->taints) = (struct asa_taint){ line, port, text };
}

char *asa_str(struct asa *a, struct word w)
{
	return arena_strn(a->arena, w.s, w.len);
}

void asa_use(struct asa *a, const char *kind, const char *name, uint32_t line, bool defines)
{
	snapshot_name(a->snap, a->name, kind, name, asa_loc(a, line), defines);
}

void asa_irrelevant(struct asa *a, uint32_t line)
{
	asa_class(a, line, ACCOUNT_IRRELEVANT, false, NULL);
}

void asa_bounded(struct asa *a, uint32_t line, const char *why)
{
	asa_class(a, line, ACCOUNT_BOUNDED, true, why);
}
