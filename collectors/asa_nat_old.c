/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translations as PIX, FWSM and ASA before 8.3 write them. They are asked in this order:
 * exemptions (`nat 0 access-list`) as they stand, `static` as they stand, `nat` lines with a
 * list as they stand, other `nat` lines by the longest mask (ASA 8.2 configuration guide,
 * "Order of NAT rules used to match real addresses"). A `nat` line goes with the `global` lines
 * of its number, one by one for each port; without `outside` it is for packets to ports of
 * lower security.
 */
#include "collectors/asa_nat.h"

#include <string.h>

struct global {
	unsigned id;
	const char *port;
	struct xaddr addr;
	bool many; /* a range: an address for each host */
};

typedef VEC(struct global) globals;

/* global (port) ID interface | A[-B] [netmask M] */
static void read_global(struct nat_work *k, struct line *l, globals *ret)
{
	struct asa *a = k->a;
	struct global g = { 0 };
	const char *none, *dash;
	struct word w, lo, hi;
	enum family f, f2;
	struct addr x, y;

	if (!nat_port_pair(a, line_next(l), &g.port, &none) || !g.port) {
		nat_wrong(k, l, "its interface is not defined");
		return;
	}
	if (!word_number(line_next(l), 2147483647, &g.id)) {
		nat_wrong(k, l, "a number was expected");
		return;
	}
	w = line_next(l);
	dash = memchr(w.s, '-', w.len);
	lo = dash ? (struct word){ w.s, (uint32_t)(dash - w.s) } : w;
	hi = dash ? (struct word){ dash + 1, w.len - lo.len - 1 } : w;
	if (word_is(w, "interface")) {
		g.addr = xaddr_of_port(a, g.port);
	} else if (asa_addr(a, lo, &f, &x) && asa_addr(a, hi, &f2, &y) && f == f2 &&
		   addr_compare(x, y) <= 0) {
		g.addr = xaddr_span(a, f, x, y);
		g.many = dash != NULL;
	}
	*vec_add(ret) = g;
	ASA_EXACT(a, l->no);
}

/* All pools of the number on the port as one. False where there is none. */
static bool pools(struct asa *a, const globals *g, unsigned id, const char *port,
		  struct xlate *x)
{
	bool some = false, many = false, single = false, unknown = false;

	vec_each (p, g) {
		if (p->id != id || strcmp(p->port, port))
			continue;
		x->mapped = some ? xaddr_join(a, x->mapped, p->addr) : p->addr;
		unknown |= !p->addr.known;
		many |= p->many;
		single |= !p->many;
		some = true;
	}
	if (unknown)
		x->mapped = (struct xaddr){ 0 };
	x->pat = single;
	x->pat_only = single && !many;
	return some;
}

/* One translation for each port that packets of the line may leave by. */
static void spread(struct nat_work *k, const struct line *l, const struct xlate *base,
		   unsigned id, bool outside, const globals *g)
{
	struct asa *a = k->a;
	const struct intf *in = asa_port_named(a, base->in);

	for (size_t p = 0; p < a->b->ports.n; p++) {
		const struct intf *out = asa_port_named(a, a->b->ports.v[p].name);
		bool lower = asa_level(out) < asa_level(in),
		     equal = asa_level(out) == asa_level(in);
		struct xlate *x, y = *base;

		if (out == in || (!lower && !equal && !outside) || k->v.n > XLATES_MAX)
			continue;
		y.out = out->name;
		if (id && !pools(a, g, id, out->name, &y)) {
			if (equal || outside)
				continue;
			y.stuck = true;
		}
		y.unsure = equal || outside;
		y.touches = xaddr_between(
			a, y.mapped.src ? xaddr_join(a, y.real, y.mapped) : y.real,
			xaddr_any());
		if (y.stuck && !y.real.src && !y.guard)
			y.touches = match_none(a->m);
		if (!id)
			y.touches = match_none(a->m);
		x = nat_add(k, l);
		y.index = x->index;
		y.text = x->text;
		*x = y;
	}
}

/* nat (port) ID ADDRESS MASK [outside] ... | nat (port) ID access-list NAME [outside] ... */
static void read_nat(struct nat_work *k, struct line *l, const globals *g)
{
	struct asa *a = k->a;
	struct xlate base = { .line = l->no, .section = 4 };
	const char *none;
	unsigned id = 1;
	struct word w;
	enum family f, f2;
	struct addr addr, mask;
	bool outside = false;

	if (!nat_port_pair(a, line_next(l), &base.in, &none) || !base.in) {
		nat_wrong(k, l, "its interface is not defined");
		return;
	}
	if (!word_number(line_next(l), 2147483647, &id)) {
		nat_wrong(k, l, "a number was expected");
		return;
	}
	base.real = xaddr_any();
	base.dynamic = id != 0;
	w = line_next(l);
	if (word_is(w, "access-list")) {
		struct word name = line_next(l);

		asa_use(a, "access list", asa_str(a, name), l->no, false);
		base.guard = match_and(a->m, match_family(a->m, FAMILY_V4),
				       asa_list_permits(a, name, l->no));
		base.section = id ? 3 : 1;
	} else if (asa_addr(a, w, &f, &addr) && f == FAMILY_V4) {
		int len;

		if (asa_addr(a, line_peek(l, 0), &f2, &mask) && f2 == FAMILY_V4)
			line_next(l);
		else
			mask = addr.lo ? addr_max(FAMILY_V4) : addr;
		len = addr_mask_len(FAMILY_V4, mask);
		if (len < 0) {
			nat_wrong(k, l, "a netmask with holes");
			return;
		}
		if (len) {
			struct span s =
				span_prefix(FAMILY_V4, addr_and(addr, mask), (unsigned)len);

			base.real = xaddr_span(a, FAMILY_V4, s.lo, s.hi);
		}
		base.rank[0] = (uint64_t)(32 - len);
	} else {
		nat_wrong(k, l, "an address or an access list was expected");
		return;
	}
	while (!line_ended(l))
		outside |= line_take(l, "outside") || (line_next(l), false);
	ASA_EXACT(a, l->no);
	if (!id && base.section == 1) {
		struct xlate *x = nat_add(k, l);

		/* Both sides may call, by the addresses that they have. */
		base.index = x->index;
		base.text = x->text;
		base.mapped = xaddr_any();
		base.touches = match_none(a->m);
		base.route_lookup = true;
		base.unsure = outside;
		*x = base;
		return;
	}
	if (!id) {
		base.mapped = base.real;
		base.one_way = true;
	}
	spread(k, l, &base, id, outside, g);
}

/* The parts of one entry of a list, where it asks for nothing else. */
struct entry {
	const struct match *dst; /* NULL: any */
	struct span src;
	int proto; /* -1: all */
	bool has_port;
	struct range port; /* of the source */
};

static bool take_entry(const struct match *m, struct entry *ret)
{
	const struct match *one = m;
	uint32_t n = m->kind == MATCH_AND ? m->n : 1;
	bool src = false;

	*ret = (struct entry){ .proto = -1 };
	for (uint32_t i = 0; i < n; i++) {
		if (m->kind == MATCH_AND)
			one = m->kids[i];
		if (one->kind == MATCH_SPANS && one->field == FIELD_SRC && one->n == 1 &&
		    one->family == FAMILY_V4 && !src) {
			ret->src = one->spans[0];
			src = true;
		} else if (one->kind == MATCH_RANGES && one->field == FIELD_PROTO &&
			   one->n == 1 && one->ranges[0].lo == one->ranges[0].hi) {
			ret->proto = one->ranges[0].lo;
		} else if (one->kind == MATCH_RANGES && one->field == FIELD_SPORT &&
			   one->n == 1) {
			ret->has_port = true;
			ret->port = one->ranges[0];
		} else if (one->kind == MATCH_RANGES && one->field == FIELD_FAMILY) {
			continue;
		} else if ((one->kind == MATCH_SPANS && one->field == FIELD_DST) ||
			   (one->kind == MATCH_OR && !ret->dst)) {
			ret->dst = one;
		} else {
			return false;
		}
	}
	return src;
}

/*
 * static (real,mapped) [tcp|udp] MAPPED [PORT] access-list NAME: for each entry a translation
 * of its source, as long as packets are for its destination. t holds what all have in common.
 */
static void read_policy(struct nat_work *k, struct line *l, const struct xlate *common,
			struct word list_name, struct word mapped, int proto,
			struct word mapped_port)
{
	struct asa *a = k->a;
	const struct list *list = asa_list(a, list_name, false, false, 0);
	int mp = proto < 0 ? 0 : asa_port_name(mapped_port);
	bool good = list && list->ruleset && list->type == LIST_EXTENDED && !list->cleared &&
		    mp >= 0;
	enum family f;
	struct addr base = { 0, 0 };
	struct xaddr own = { 0 };

	if (word_is(mapped, "interface")) {
		own = xaddr_of_port(a, common->out);
		good &= own.known;
		if (own.known)
			base = own.v[0].lo;
	} else {
		good &= asa_addr(a, mapped, &f, &base) && f == FAMILY_V4;
	}
	for (uint32_t i = 0; good && i < list->ruleset->n; i++) {
		const struct rule *r = &list->ruleset->rules[i];
		struct entry e;
		uint64_t n;

		if (r->flags & RULE_INACTIVE)
			continue;
		good = r->verdict == VERDICT_PERMIT && take_entry(r->match, &e) &&
		       e.proto == proto && e.has_port == (proto >= 0) &&
		       (!e.dst || e.dst->kind == MATCH_SPANS);
		n = e.src.hi.lo - e.src.lo.lo;
		good &= base.lo + n <= UINT32_MAX && (proto < 0 || !n);
	}
	if (!good || !list->ruleset->n || list->ruleset->n > XLATES_COMPARED) {
		struct xlate *t = nat_add(k, l);

		t->section = common->section;
		t->in = common->in;
		t->out = common->out;
		t->why = "a translation of what a list names";
		return;
	}
	for (uint32_t i = 0; i < list->ruleset->n; i++) {
		const struct rule *r = &list->ruleset->rules[i];
		struct xlate *t;
		struct entry e;
		struct addr to;

		if (r->flags & RULE_INACTIVE || !take_entry(r->match, &e))
			continue;
		t = nat_add(k, l);
		t->section = common->section;
		t->in = common->in;
		t->out = common->out;
		t->real = xaddr_span(a, FAMILY_V4, e.src.lo, e.src.hi);
		to = base;
		to.lo += e.src.hi.lo - e.src.lo.lo;
		t->mapped = xaddr_span(a, FAMILY_V4, base, to);
		t->has_dest = true;
		t->route_lookup = true;
		t->dest_real = t->dest_mapped = xaddr_any();
		if (e.dst) {
			t->dest_real.any = false;
			t->dest_real.src = match_swap(a->m, e.dst);
			t->dest_real.dst = e.dst;
			t->dest_real.v = e.dst->spans;
			t->dest_real.n = e.dst->n;
			t->dest_real.family = FAMILY_V4;
			t->dest_real.known = true;
			t->dest_mapped = t->dest_real;
		}
		if (proto >= 0) {
			t->has_service = true;
			t->proto = (unsigned)proto;
			t->first.source = t->then.source = true;
			t->first.s = e.port;
			t->then.s = (struct range){ (uint16_t)mp, (uint16_t)mp };
		}
		t->touches = xaddr_between(a, xaddr_join(a, t->real, t->mapped), t->dest_real);
	}
}

/*
 * static (real,mapped) MAPPED REAL [netmask M] | static (real,mapped) tcp|udp MAPPED PORT REAL
 * PORT ... | static (real,mapped) MAPPED access-list NAME
 */
static void read_static(struct nat_work *k, struct line *l)
{
	struct asa *a = k->a;
	struct addr x, y, mask = addr_max(FAMILY_V4), hi;
	struct word mapped, real, mapped_port = { "", 0 }, real_port = { "", 0 };
	const char *in, *out, *why = NULL;
	struct xlate *t;
	enum family f, f2, f3;
	int proto = -1, len;

	if (!nat_port_pair(a, line_next(l), &in, &out) || !in || !out) {
		nat_wrong(k, l, "its interfaces are not defined");
		return;
	}
	if (line_at(l, "tcp") || line_at(l, "udp")) {
		proto = asa_protocol(line_next(l));
		mapped = line_next(l);
		mapped_port = line_next(l);
		real = line_next(l);
		if (!word_is(real, "access-list"))
			real_port = line_next(l);
	} else {
		mapped = line_next(l);
		real = line_next(l);
	}
	if (word_is(real, "access-list")) {
		struct xlate common = { .section = 2, .in = in, .out = out };

		asa_use(a, "access list", asa_str(a, line_peek(l, 0)), l->no, false);
		read_policy(k, l, &common, line_peek(l, 0), mapped, proto, mapped_port);
		return;
	}
	t = nat_add(k, l);
	t->section = 2;
	t->in = in;
	t->out = out;
	while (!line_ended(l))
		if (line_take(l, "netmask") &&
		    (!asa_addr(a, line_peek(l, 0), &f3, &mask) || f3 != FAMILY_V4))
			mask = (struct addr){ 0, 0 };
		else
			line_next(l);
	len = addr_mask_len(FAMILY_V4, mask);
	if (!asa_addr(a, real, &f2, &y) || f2 != FAMILY_V4) {
		t->why = "the real address was not understood";
		asa_refuse(a, l->no, "asa.nat",
			   "the translation was not understood: the real address");
		return;
	}
	if (len <= 0)
		why = "a netmask with holes";
	hi = addr_or(addr_and(y, mask), addr_not(FAMILY_V4, mask));
	t->real = len > 0 ? xaddr_span(a, f2, addr_and(y, mask), hi) : xaddr_any();
	if (word_is(mapped, "interface")) {
		t->mapped = xaddr_of_port(a, out);
	} else if (asa_addr(a, mapped, &f, &x) && f == FAMILY_V4 && len > 0) {
		hi = addr_or(addr_and(x, mask), addr_not(FAMILY_V4, mask));
		t->mapped = xaddr_span(a, f, addr_and(x, mask), hi);
	}
	if (!t->mapped.known && !why)
		why = "mapped addresses that aren't known";
	if (proto >= 0) {
		int mp = asa_port_name(mapped_port), rp = asa_port_name(real_port);

		t->has_service = true;
		t->proto = (unsigned)proto;
		if (mp < 0 || rp < 0) {
			why = why ? why : "a port that was not understood";
		} else {
			t->first.source = t->then.source = true;
			t->first.s = (struct range){ (uint16_t)rp, (uint16_t)rp };
			t->then.s = (struct range){ (uint16_t)mp, (uint16_t)mp };
		}
	}
	t->why = why;
	t->touches = xaddr_between(
		a, t->mapped.known ? xaddr_join(a, t->real, t->mapped) : xaddr_any(),
		xaddr_any());
	if (!why && proto < 0 && xaddr_same(t->real, t->mapped))
		t->touches = match_none(a->m);
}

void nat_read_old(struct nat_work *k)
{
	struct asa *a = k->a;
	globals g = { 0 };

	vec_each (no, &a->nat_lines) {
		struct line l;

		line_split(a->src, *no, &l);
		if (word_is(line_next(&l), "global"))
			read_global(k, &l, &g);
	}
	vec_each (no, &a->nat_lines) {
		struct line l;
		struct word w;
		bool source = false;

		line_split(a->src, *no, &l);
		for (unsigned i = 1; i < l.n; i++)
			source |= word_is(l.w[i], "source");
		w = line_next(&l);
		if (word_is(w, "static"))
			read_static(k, &l);
		else if (word_is(w, "alias"))
			nat_wrong(k, &l, "alias is not modelled");
		else if (word_is(w, "nat") && !source)
			read_nat(k, &l, &g);
	}
	vec_free(&g);
}
