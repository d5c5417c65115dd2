/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors/aws_internal.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

const json_t *aws_member(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);
	return json_is_null(v) ? NULL : v;
}

const char *aws_string(struct aws *w, const json_t *object, const char *key)
{
	const json_t *v = aws_member(object, key);
	if (!json_is_string(v) || !json_string_length(v))
		return NULL;
	return arena_strn(w->arena, json_string_value(v), json_string_length(v));
}

const char *aws_name_tag(struct aws *w, const json_t *object, const char *key)
{
	size_t i;
	const json_t *tag;
	json_array_foreach (aws_member(object, key), i, tag) {
		const char *name = json_string_value(aws_member(tag, "Key"));
		if (name && !strcmp(name, "Name"))
			return aws_string(w, tag, "Value");
	}
	return NULL;
}

const json_t *aws_array(const json_t *object, const char *key, bool *ret_bad)
{
	const json_t *v = aws_member(object, key);
	if (v && !json_is_array(v))
		*ret_bad = true;
	return json_is_array(v) ? v : NULL;
}

bool aws_number(const json_t *value, int64_t *ret)
{
	if (json_is_integer(value)) {
		*ret = json_integer_value(value);
		return true;
	}
	if (!json_is_string(value))
		return false;
	const char *s = json_string_value(value);
	bool minus = *s == '-';
	uint64_t n;
	if (!parse_number(s + minus, strlen(s + minus), 0, INT32_MAX, false, &n))
		return false;
	*ret = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

static bool in_list(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

/* Members without content can't carry anything. */
static bool says_nothing(const json_t *v)
{
	return json_is_null(v) || (json_is_array(v) && !json_array_size(v)) ||
	       (json_is_object(v) && !json_object_size(v)) ||
	       (json_is_string(v) && !json_string_length(v));
}

const char *aws_unknown_member(const json_t *object, const char *const *known)
{
	const char *key;
	json_t *v;
	json_object_foreach ((json_t *)object, key, v) {
		if (!in_list(known, key) && !says_nothing(v))
			return key;
	}
	return NULL;
}

struct loc aws_at(struct aws *w, const json_t *value)
{
	struct loc at = jsonloc_of(w->places, w->snap->arena, value);
	if (!at.src)
		at.src = w->src;
	return at;
}

struct loc aws_at_member(struct aws *w, const json_t *object, const char *key)
{
	struct loc at = aws_at(w, object);
	if (at.end_col > at.col + 2 || !aws_member(object, key))
		return at;
	struct loc k = jsonloc_key(w->places, NULL, object, key);
	struct loc v = jsonloc_member(w->places, NULL, object, key);
	at.line = k.line;
	at.col = k.col;
	at.end_col = v.line == k.line ? v.end_col : k.end_col;
	return at;
}

void aws_account(struct aws *w, enum account_class class, bool policy, struct loc at,
		 const char *fmt, ...)
{
	const char *why = NULL;
	if (fmt) {
		va_list ap;
		va_start(ap, fmt);
		why = arena_vprintf(w->arena, fmt, ap);
		va_end(ap);
	}
	account_add(w->snap, w->account, class, policy, at, why);
}

/*
 * The hash of a value, whatever the order of members in objects. siphash() is keyed, so nobody
 * can make two objects that look the same.
 */
static uint64_t print_of(const json_t *v)
{
	const char *key;
	json_t *e;
	size_t i;
	uint64_t h[2] = { (uint64_t)json_typeof(v), 0 };
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		json_object_foreach ((json_t *)v, key, e) {
			uint64_t member[2] = { siphash(key, strlen(key)), print_of(e) };
			if (!says_nothing(e))
				h[1] += siphash(member, sizeof(member));
		}
		break;
	case JSON_ARRAY:
		json_array_foreach (v, i, e) {
			uint64_t element[2] = { h[1], print_of(e) };
			h[1] = siphash(element, sizeof(element));
		}
		break;
	case JSON_STRING:
		h[1] = siphash(json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		h[1] = (uint64_t)json_integer_value(v);
		break;
	case JSON_REAL: {
		double d = json_real_value(v);
		memcpy(&h[1], &d, sizeof(d));
		break;
	}
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		break;
	}
	return siphash(h, sizeof(h));
}

uint64_t aws_print(const json_t *object, const char *const *ignore)
{
	const char *key;
	json_t *v;
	uint64_t sum = 0;
	json_object_foreach ((json_t *)object, key, v) {
		uint64_t member[2] = { siphash(key, strlen(key)), 0 };
		if (in_list(ignore, key) || says_nothing(v))
			continue;
		member[1] = print_of(v);
		sum += siphash(member, sizeof(member));
	}
	return sum;
}

bool aws_first(struct aws *w, const json_t *object, const char *id, bool *defined,
	       uint64_t *print, const char *const *ignore, struct loc before, const char **odd)
{
	uint64_t h = aws_print(object, ignore);
	if (!*defined) {
		*defined = true;
		*print = h;
		return true;
	}
	if (*print == h) {
		aws_account(w, ACCOUNT_IRRELEVANT, false, jsonloc_of(w->places, NULL, object),
			    NULL);
		return false;
	}
	struct loc at = aws_at(w, object);
	diag_error(w->c->diags, EINVAL, "aws.duplicate", at,
		   "%s is described twice and differently: keep the files of one moment only",
		   id);
	diag_related(w->c->diags, before, "the other description");
	aws_account(w, ACCOUNT_REJECTED, true, at, "%s differs from its other description", id);
	*odd = arena_printf(w->arena, "%s is described twice and differently", id);
	return false;
}

void aws_spans_add(struct aws_spans *s, enum family f, struct span span)
{
	*vec_add(&s->of[f]) = span;
}

unsigned aws_span_len(enum family f, struct span s)
{
	unsigned len = 0;
	struct span p = span_prefix(f, s.lo, len);
	while (len < addr_bits(f) && !(addr_equal(p.lo, s.lo) && addr_equal(p.hi, s.hi)))
		p = span_prefix(f, s.lo, ++len);
	return len;
}

void aws_spans_join(struct aws_spans *s, const struct aws_spans *more)
{
	for (int f = 0; f < FAMILY_COUNT; f++)
		vec_each (span, &more->of[f])
			*vec_add(&s->of[f]) = *span;
}

void aws_spans_finish(struct aws_spans *s)
{
	for (int f = 0; f < FAMILY_COUNT; f++)
		vec_free(&s->of[f]);
}

const struct match *aws_interfaces_match(struct aws *w, struct aws_interface *const *v,
					 size_t n, enum field field)
{
	struct aws_spans all = { 0 };
	for (size_t i = 0; i < n; i++)
		aws_spans_join(&all, &v[i]->addrs);
	const struct match *m = aws_spans_match(w, &all, field);
	aws_spans_finish(&all);
	return m;
}

const struct match *aws_spans_match(struct aws *w, const struct aws_spans *s, enum field field)
{
	return match_or(
		w->m,
		match_spans(w->m, field, FAMILY_V4, s->of[FAMILY_V4].v, s->of[FAMILY_V4].n),
		match_spans(w->m, field, FAMILY_V6, s->of[FAMILY_V6].v, s->of[FAMILY_V6].n));
}

const char *aws_id(struct aws *w, const json_t *o, const char *key, bool policy)
{
	const char *id = aws_string(w, o, key);
	if (!id)
		aws_account(w, ACCOUNT_REJECTED, policy, aws_at(w, o), "without %s", key);
	return id;
}
