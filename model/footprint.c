/* SPDX-License-Identifier: Apache-2.0 */
#include "model/footprint.h"

#include <string.h>

bool spans_meet(struct spans a, struct spans b)
{
	for (size_t i = 0, j = 0; i < a.n && j < b.n;) {
		if (addr_compare(a.v[i].hi, b.v[j].lo) < 0)
			i++;
		else if (addr_compare(b.v[j].hi, a.v[i].lo) < 0)
			j++;
		else
			return true;
	}
	return false;
}

bool spans_within(struct spans a, struct spans b)
{
	for (size_t i = 0, j = 0; i < a.n; i++) {
		while (j < b.n && addr_compare(b.v[j].hi, a.v[i].lo) < 0)
			j++;
		if (j == b.n || addr_compare(b.v[j].lo, a.v[i].lo) > 0 ||
		    addr_compare(b.v[j].hi, a.v[i].hi) < 0)
			return false;
	}
	return true;
}

struct spans spans_both(struct arena *a, struct spans x, struct spans y)
{
	if (spans_within(x, y))
		return x;
	struct spans r;
	r.v = spans_and(a, x.v, x.n, y.v, y.n, &r.n);
	return r;
}

struct spans spans_without(struct arena *a, struct spans x, struct spans y)
{
	if (!spans_meet(x, y))
		return x;
	struct spans r;
	r.v = spans_minus(a, x.v, x.n, y.v, y.n, &r.n);
	return r;
}

struct spans spans_either(struct arena *a, struct spans x, struct spans y)
{
	if (!x.n || !y.n)
		return x.n ? x : y;
	struct span *v = arena_array(a, x.n + y.n, sizeof(*v));
	memcpy(v, x.v, x.n * sizeof(*v));
	memcpy(v + x.n, y.v, y.n * sizeof(*v));
	return (struct spans){ v, spans_normalise(v, x.n + y.n) };
}

static enum truth truth_not(enum truth t)
{
	return t == TRUTH_TRUE ? TRUTH_FALSE : t == TRUTH_FALSE ? TRUTH_TRUE : TRUTH_UNKNOWN;
}

static enum truth judge_spans(const struct footprint *fp, const struct match *m)
{
	struct spans have = m->field == FIELD_SRC ? fp->src : fp->dst;
	struct spans want = { m->spans, m->n };
	if (m->family != fp->family || !spans_meet(have, want))
		return TRUTH_FALSE;
	return spans_within(have, want) ? TRUTH_TRUE : TRUTH_UNKNOWN;
}

static enum truth judge_iface(const struct footprint *fp, const struct match *m)
{
	const char *word = m->field == FIELD_IIF   ? fp->iif
			   : m->field == FIELD_OIF ? fp->oif
						   : NULL;
	if (!word)
		return TRUTH_UNKNOWN;
	return (m->iface.prefix ? !strncmp(word, m->iface.name, strlen(m->iface.name))
				: !strcmp(word, m->iface.name))
		       ? TRUTH_TRUE
		       : TRUTH_FALSE;
}

/* Beyond this nothing is looked at: "perhaps" is always right. */
enum { WEIGHT_MAX = 1 << 20 };

enum truth footprint_judge(const struct footprint *fp, const struct match *m)
{
	enum truth t;
	if (m->weight > WEIGHT_MAX)
		return TRUTH_UNKNOWN;
	switch ((enum match_kind)m->kind) {
	case MATCH_ALL:
		return TRUTH_TRUE;
	case MATCH_NONE:
		return TRUTH_FALSE;
	case MATCH_NOT:
		return truth_not(footprint_judge(fp, m->kids[0]));
	case MATCH_AND:
		t = TRUTH_TRUE;
		for (uint32_t i = 0; i < m->n && t != TRUTH_FALSE; i++) {
			enum truth k = footprint_judge(fp, m->kids[i]);
			t = k < t ? k : t;
		}
		return t;
	case MATCH_OR:
		t = TRUTH_FALSE;
		for (uint32_t i = 0; i < m->n && t != TRUTH_TRUE; i++) {
			enum truth k = footprint_judge(fp, m->kids[i]);
			t = k > t ? k : t;
		}
		return t;
	case MATCH_SPANS:
		return judge_spans(fp, m);
	case MATCH_RANGES:
		if (m->field != FIELD_FAMILY)
			return TRUTH_UNKNOWN;
		for (uint32_t i = 0; i < m->n; i++)
			if (fp->family >= m->ranges[i].lo && fp->family <= m->ranges[i].hi)
				return TRUTH_TRUE;
		return TRUTH_FALSE;
	case MATCH_IFACE:
		return judge_iface(fp, m);
	case MATCH_WILD:
		return m->family == fp->family ? TRUTH_UNKNOWN : TRUTH_FALSE;
	case MATCH_UNKNOWN:
	case MATCH_FLAGS:
		break;
	}
	return TRUTH_UNKNOWN;
}

struct spans footprint_bound(struct arena *a, enum family f, enum field field,
			     const struct match *m, struct spans all)
{
	struct spans r = all;
	if (m->weight > WEIGHT_MAX)
		return all;
	switch ((enum match_kind)m->kind) {
	case MATCH_NONE:
		return (struct spans){ NULL, 0 };
	case MATCH_AND:
		for (uint32_t i = 0; i < m->n; i++)
			r = footprint_bound(a, f, field, m->kids[i], r);
		return r;
	case MATCH_OR:
		r = (struct spans){ NULL, 0 };
		for (uint32_t i = 0; i < m->n; i++)
			r = spans_either(a, r, footprint_bound(a, f, field, m->kids[i], all));
		return r;
	case MATCH_NOT:
		m = m->kids[0];
		if (m->kind == MATCH_SPANS && m->field == field && m->family == f)
			return spans_without(a, all, (struct spans){ m->spans, m->n });
		return all;
	case MATCH_SPANS:
		if (m->family != f)
			return (struct spans){ NULL, 0 };
		if (m->field == field)
			return spans_both(a, all, (struct spans){ m->spans, m->n });
		return all;
	default:
		return all;
	}
}
