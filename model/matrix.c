/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes is a relation between sources and destinations. All packets of the service are
 * made alike but for their addresses: a field that the service leaves open is quantified away,
 * "some" for maybe and "all" for sure. The class of an address is then what is left of the
 * universe without those whose row in the relation differs from its own: a row is the relation
 * at one address, stretched over all, and where it and the relation differ is projected to
 * the addresses that are at fault. So there is one round for each class, not for each range.
 */
#include "model/matrix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "model/lower.h"

static bool range_parse(const char *s, size_t len, unsigned most, struct range *ret)
{
	const char *dash = memchr(s, '-', len);
	uint64_t lo, hi;
	if (!parse_number(s, dash ? (size_t)(dash - s) : len, 0, most, false, &lo))
		return false;
	hi = lo;
	if (dash && !parse_number(dash + 1, len - (size_t)(dash + 1 - s), lo, most, false, &hi))
		return false;
	*ret = (struct range){ (uint16_t)lo, (uint16_t)hi };
	return true;
}

static bool is_icmp(const struct matrix_service *s)
{
	return s->proto == PROTO_ICMP || s->proto == PROTO_ICMPV6;
}

bool matrix_service_parse(const char *s, struct matrix_service *ret_service,
			  const char **ret_why)
{
	const char *slash = strchr(s, '/');
	size_t len = slash ? (size_t)(slash - s) : strlen(s);
	struct matrix_service v = { .sport = { 0, UINT16_MAX },
				    .dport = { 0, UINT16_MAX },
				    .icmp_type = { 0, UINT8_MAX } };
	int proto = proto_number(s, len);
	uint64_t number;
	if (proto < 0 && parse_number(s, len, 0, 255, false, &number))
		proto = (int)number;
	*ret_why = "the protocol is not known";
	if (proto < 0)
		return false;
	v.proto = (uint8_t)proto;
	*ret_service = v;
	if (!slash)
		return true;
	const char *colon = strchr(slash, ':'), *last = colon ? colon + 1 : slash + 1;
	*ret_why = "the type is a number from 0 to 255";
	if (is_icmp(&v))
		return range_parse(slash + 1, strlen(slash + 1), UINT8_MAX,
				   &ret_service->icmp_type);
	*ret_why = "this protocol has no ports";
	if (!proto_has_ports(v.proto))
		return false;
	*ret_why =
		"ports are numbers from 0 to 65535 or ranges of them, as in tcp/1024-65535:22";
	if (colon && !range_parse(slash + 1, (size_t)(colon - slash - 1), UINT16_MAX,
				  &ret_service->sport))
		return false;
	return range_parse(last, strlen(last), UINT16_MAX, &ret_service->dport);
}

struct job {
	struct arena *a;
	struct pset_space *sp;
	const struct matrix_service *service;
	struct pset all; /* the service's packets */
	struct pset bound[2];
	VEC(struct pset) classes; /* over FIELD_SRC within all */
};

static const struct pset_assume first = { .first = true };

static struct pset service_set(struct pset_space *sp, const struct matrix_service *s)
{
	struct range proto = { s->proto, s->proto };
	struct pset all = pset_and(sp, pset_universe(sp, &first),
				   pset_ranges(sp, FIELD_PROTO, &proto, 1));
	if (is_icmp(s))
		return pset_and(sp, all, pset_ranges(sp, FIELD_ICMP_TYPE, &s->icmp_type, 1));
	if (!proto_has_ports(s->proto))
		return all;
	all = pset_and(sp, all, pset_ranges(sp, FIELD_SPORT, &s->sport, 1));
	return pset_and(sp, all, pset_ranges(sp, FIELD_DPORT, &s->dport, 1));
}

/* Some packet of the service between the same addresses is in s. */
static struct pset some(struct job *j, struct pset s)
{
	if (proto_has_ports(j->service->proto)) {
		s = pset_project(j->sp, s, FIELD_SPORT);
		s = pset_project(j->sp, s, FIELD_DPORT);
	} else if (is_icmp(j->service)) {
		s = pset_project(j->sp, s, FIELD_ICMP_TYPE);
		s = pset_project(j->sp, s, FIELD_ICMP_CODE);
	}
	s = pset_project(j->sp, s, FIELD_FLAGS);
	return pset_and(j->sp, s, j->all);
}

static void passing(struct job *j, const struct stage *stages, size_t n)
{
	struct pset sure = j->all, maybe = j->all;
	for (size_t i = 0; i < n; i++) {
		struct pset_assume as = { .iif = stages[i].iif,
					  .oif = stages[i].oif,
					  .physin = stages[i].physin,
					  .physout = stages[i].physout,
					  .first = true };
		struct lowered l = lower(j->sp, stages[i].ruleset, &as, j->all);
		sure = pset_and(j->sp, sure, l.sure);
		maybe = pset_and(j->sp, maybe, l.maybe);
	}
	j->bound[0] = pset_minus(j->sp, j->all, some(j, pset_minus(j->sp, j->all, sure)));
	j->bound[1] = some(j, maybe);
}

/* Sets over `key` that are alike in the relation; *ret is freed by the caller, always. */
static int alike(struct job *j, struct pset relation, enum field key, struct pset **ret,
		 size_t *ret_n)
{
	enum field other = key == FIELD_SRC ? FIELD_DST : FIELD_SRC;
	struct pset_space *sp = j->sp;
	struct pset rest = j->all;
	VEC(struct pset) parts = { 0 };
	struct packet p;
	int err = 0;
	while (!err && !pset_is_empty(rest)) {
		if (parts.n == MATRIX_CLASSES_MAX) {
			err = -EFBIG;
		} else if (!pset_pick(sp, rest, &p)) {
			err = -ENOMEM;
		} else {
			struct span one = { p.src, p.src };
			if (key == FIELD_DST)
				one.lo = one.hi = p.dst;
			struct pset row = pset_project(
				sp, pset_and(sp, relation, pset_spans(sp, key, &one, 1)), key);
			struct pset differ = pset_or(sp, pset_minus(sp, relation, row),
						     pset_minus(sp, row, relation));
			struct pset wrong = pset_project(sp, differ, other);
			*vec_add(&parts) = pset_minus(sp, rest, wrong);
			rest = pset_and(sp, rest, wrong);
			if (pset_is_spent(rest))
				err = -ENOMEM;
		}
	}
	*ret = parts.v;
	*ret_n = parts.n;
	return err;
}

static int by_address(const void *x, const void *y)
{
	return addr_compare(((const struct span *)x)->lo, ((const struct span *)y)->lo);
}

/* The addresses of a set over one field. */
static int spans_of(struct job *j, struct pset s, enum field key, const struct span **ret,
		    size_t *ret_n)
{
	struct packet p;
	size_t left;
	if (!pset_pick(j->sp, s, &p))
		return -ENOMEM;
	/* One value of the other address is enough, and keeps the boxes few. */
	struct span one = { p.dst, p.dst };
	enum field other = key == FIELD_SRC ? FIELD_DST : FIELD_SRC;
	if (key == FIELD_DST)
		one.lo = one.hi = p.src;
	s = pset_and(j->sp, s, pset_spans(j->sp, other, &one, 1));
	struct pset_box *boxes = xcalloc(MATRIX_SPANS_MAX, sizeof(*boxes));
	size_t n = pset_boxes(j->sp, s, boxes, MATRIX_SPANS_MAX, &left);
	struct span *v = arena_array(j->a, n, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = key == FIELD_SRC ? boxes[i].src : boxes[i].dst;
	free(boxes);
	*ret_n = spans_normalise(v, n);
	*ret = v;
	return left ? -EFBIG : 0;
}

/* Splits every class by the parts, which together are everything. */
static int refine(struct job *j, const struct pset *parts, size_t n)
{
	VEC(struct pset) next = { 0 };
	int err = 0;
	vec_each (c, &j->classes) {
		struct pset rest = *c;
		for (size_t i = 0; i < n && !err && !pset_is_empty(rest); i++) {
			struct pset both = pset_and(j->sp, rest, parts[i]);
			if (pset_is_empty(both))
				continue;
			if (pset_is_spent(both))
				err = -ENOMEM;
			else if (next.n == MATRIX_CLASSES_MAX)
				err = -EFBIG;
			else
				*vec_add(&next) = both;
			rest = pset_minus(j->sp, rest, parts[i]);
		}
	}
	vec_free(&j->classes);
	j->classes.v = next.v;
	j->classes.n = next.n;
	j->classes.cap = next.cap;
	return err;
}

static int split_by(struct job *j, struct pset relation, enum field key)
{
	struct pset *parts;
	size_t n;
	int err = alike(j, relation, key, &parts, &n);
	for (size_t i = 0; i < n && !err && key == FIELD_DST; i++) {
		const struct span *spans;
		size_t n_spans;
		err = spans_of(j, parts[i], FIELD_DST, &spans, &n_spans);
		if (!err)
			parts[i] = pset_and(j->sp, j->all,
					    pset_spans(j->sp, FIELD_SRC, spans, n_spans));
	}
	if (!err)
		err = refine(j, parts, n);
	free(parts);
	return err;
}

static int by_first(const void *x, const void *y)
{
	return by_address(((const struct matrix_class *)x)->spans,
			  ((const struct matrix_class *)y)->spans);
}

static enum matrix_cell cell(struct job *j, const struct matrix_class *from,
			     const struct matrix_class *to)
{
	struct packet p;
	if (!pset_pick(j->sp, j->all, &p))
		return MATRIX_MAYBE;
	p.src = from->spans[0].lo;
	p.dst = to->spans[0].lo;
	return pset_has(j->sp, j->bound[0], &p)	  ? MATRIX_PERMIT
	       : pset_has(j->sp, j->bound[1], &p) ? MATRIX_MAYBE
						  : MATRIX_DENY;
}

static int tell(struct job *j, struct matrix *ret)
{
	size_t n = j->classes.n;
	struct matrix_class *classes = arena_array(j->a, n, sizeof(*classes));
	uint8_t *cells = arena_alloc(j->a, n * n);
	for (size_t i = 0; i < n; i++) {
		int err = spans_of(j, j->classes.v[i], FIELD_SRC, &classes[i].spans,
				   &classes[i].n);
		if (err)
			return err;
	}
	qsort(classes, n, sizeof(*classes), by_first);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			cells[i * n + k] = (uint8_t)cell(j, &classes[i], &classes[k]);
	*ret = (struct matrix){ classes, n, cells };
	return 0;
}

int matrix_of(struct arena *a, struct pset_space *sp, const struct stage *stages, size_t n,
	      const struct matrix_service *s, struct matrix *ret_matrix)
{
	struct job j = { .a = a, .sp = sp, .service = s, .all = service_set(sp, s) };
	if (pset_is_empty(j.all))
		return -ENOENT;
	passing(&j, stages, n);
	if (pset_is_spent(j.bound[0]) || pset_is_spent(j.bound[1]))
		return -ENOMEM;
	*vec_add(&j.classes) = j.all;
	int err = 0;
	for (int b = 0; b < 2 && !err; b++) {
		if (b && pset_equal(j.bound[0], j.bound[1]))
			break;
		err = split_by(&j, j.bound[b], FIELD_SRC);
		if (!err)
			err = split_by(&j, j.bound[b], FIELD_DST);
	}
	if (!err)
		err = tell(&j, ret_matrix);
	vec_free(&j.classes);
	return err;
}
