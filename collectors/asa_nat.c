/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translation rules, kept with their places until they are applied. Each says which packets
 * it may touch: those with an end in its real or in its mapped addresses, generously, and
 * everything between its ports where that can't be told. From 8.3 on rules stand in objects
 * or as `nat (a,b) source ...`; before, as nat/global pairs and `static`. A rule that maps
 * addresses to themselves rewrites nothing and touches nothing.
 */
#include "collectors/asa_internal.h"

#include <string.h>

static void put(struct asa *a, struct line *l, const char *in, const char *out,
		const struct match *touches)
{
	struct nat *n = vec_add(&a->b->nats);

	l->i = 0;
	n->at = asa_loc(a, l->no);
	n->in = in;
	n->out = out;
	n->text = line_rest(a->arena, a->src, l);
	n->touches = touches;
}

/* "(inside,outside)" or "(inside)": ports, NULL for any. False where one isn't known. */
static bool port_pair(struct asa *a, struct word w, const char **ret_in, const char **ret_out)
{
	const char *comma, *close;
	struct word x, y;

	*ret_in = *ret_out = NULL;
	if (w.len < 3 || w.s[0] != '(' || w.s[w.len - 1] != ')')
		return false;
	close = w.s + w.len - 1;
	comma = memchr(w.s, ',', w.len);
	x = (struct word){ w.s + 1, (uint32_t)((comma ? comma : close) - w.s - 1) };
	if (!word_is(x, "any")) {
		const struct intf *i = asa_port(a, x);

		if (!i)
			return false;
		*ret_in = i->name;
	}
	if (!comma)
		return true;
	y = (struct word){ comma + 1, (uint32_t)(close - comma - 1) };
	if (!word_is(y, "any")) {
		const struct intf *i = asa_port(a, y);

		if (!i)
			return false;
		*ret_out = i->name;
	}
	return true;
}

/* The two conditions of an address set. */
struct ends {
	const struct match *src, *dst; /* NULL: may be anything */
};

static struct ends everything(void)
{
	return (struct ends){ NULL, NULL };
}

static struct ends both_ends(struct asa *a, enum family f, struct addr lo, struct addr hi)
{
	struct span s = { lo, hi };

	return (struct ends){ match_spans(a->m, FIELD_SRC, f, &s, 1),
			      match_spans(a->m, FIELD_DST, f, &s, 1) };
}

static struct ends join(struct asa *a, struct ends x, struct ends y)
{
	if (!x.src || !y.src)
		return everything();
	return (struct ends){ match_or(a->m, x.src, y.src), match_or(a->m, x.dst, y.dst) };
}

static struct ends of_port(struct asa *a, const char *port)
{
	const struct intf *i = port ? asa_port_named(a, port) : NULL;
	struct ends e = { match_none(a->m), match_none(a->m) };

	if (!i || i->dynamic || !i->addrs.n)
		return everything();
	for (size_t k = 0; k < i->addrs.n; k++)
		e = join(a, e,
			 both_ends(a, i->prefixes.v[k].family, i->addrs.v[k], i->addrs.v[k]));
	return e;
}

/* An object, a group, `any`, `interface` or an address, as NAT lines name them. */
static struct ends of_word(struct asa *a, struct word w, const char *port, uint32_t line)
{
	struct def *d;
	enum family f;
	struct addr x;

	if (word_is(w, "any"))
		return everything();
	if (word_is(w, "interface"))
		return of_port(a, port);
	d = asa_object(a, w);
	if (d)
		asa_use(a, "object", d->name, line, false);
	if (!d && (d = asa_group(a, w)))
		asa_use(a, "object-group", d->name, line, false);
	if (d) {
		asa_resolve(a, d, 0);
		return d->empty || (d->kind != DEF_NET_OBJECT && d->kind != DEF_NET_GROUP)
			       ? everything()
			       : (struct ends){ d->src, d->dst };
	}
	if (asa_addr(a, w, &f, &x))
		return both_ends(a, f, x, x);
	asa_use(a, "object", asa_str(a, w), line, false);
	diag_warning(a->d, "asa.undefined-name", asa_loc(a, line), "object %.*s is not defined",
		     (int)w.len, w.s);
	return everything();
}

/*
 * Packets from x to y and back, where a NULL is anything. An end whose condition is not known
 * (a host name) is generous by its upper bound.
 */
static const struct match *between(struct asa *a, struct ends x, struct ends y)
{
	const struct match *there = match_all(a->m), *back = match_all(a->m);

	if (!x.src && !y.src)
		return match_all(a->m);
	if (x.src) {
		there = match_and(a->m, there, x.src);
		back = match_and(a->m, back, x.dst);
	}
	if (y.src) {
		there = match_and(a->m, there, y.dst);
		back = match_and(a->m, back, y.src);
	}
	return match_or(a->m, there, back);
}

static void account(struct asa *a, uint32_t line, const struct match *touches)
{
	if (touches == match_none(a->m))
		ASA_EXACT(a, line);
	else
		asa_class(a, line, ACCOUNT_BOUNDED, true,
			  "a translation that is not applied yet: answers about packets it may "
			  "touch are bounds");
}

static void wrong(struct asa *a, struct line *l, const char *why)
{
	put(a, l, NULL, NULL, match_all(a->m));
	asa_refuse(a, l->no, "asa.nat", "the translation was not understood: %s", why);
}

static void use_service(struct asa *a, struct word w, uint32_t line)
{
	if (asa_object(a, w))
		asa_use(a, "object", asa_str(a, w), line, false);
}

static bool same_word(struct word x, struct word y)
{
	return x.len == y.len && !memcmp(x.s, y.s, x.len);
}

/*
 * nat [(a,b)] [LINE | after-auto [LINE]] source static|dynamic REAL MAPPED
 *	[destination static MAPPED REAL] [service ...] [inactive]
 */
static void twice(struct asa *a, struct line *l)
{
	const char *in = NULL, *out = NULL;
	struct word real, mapped, to = { "", 0 }, to_real = { "", 0 };
	struct ends x, y = everything();
	bool dynamic, same, inactive = false;
	const struct match *touches;

	if (line_peek(l, 0).len && line_peek(l, 0).s[0] == '(' &&
	    !port_pair(a, line_next(l), &in, &out)) {
		in = out = NULL; /* an interface that isn't defined: any */
		diag_warning(a->d, "asa.undefined-name", asa_loc(a, l->no),
			     "the translation names an interface that is not defined");
	}
	while (!line_ended(l) && !line_at(l, "source"))
		line_next(l);
	line_next(l);
	dynamic = line_at(l, "dynamic");
	if (!dynamic && !line_at(l, "static")) {
		wrong(a, l, "neither static nor dynamic");
		return;
	}
	line_next(l);
	real = line_next(l);
	if (line_take(l, "pat-pool")) {
		mapped = line_next(l);
	} else {
		mapped = line_next(l);
	}
	x = join(a, of_word(a, real, in, l->no), of_word(a, mapped, out, l->no));
	same = !dynamic && same_word(real, mapped);
	while (!line_ended(l)) {
		if (line_take(l, "destination")) {
			line_take(l, "static");
			to = line_next(l);
			to_real = line_next(l);
			y = join(a, of_word(a, to, in, l->no), of_word(a, to_real, out, l->no));
			same &= same_word(to, to_real);
		} else if (line_take(l, "service")) {
			struct word s = line_next(l), t = line_next(l);

			use_service(a, s, l->no);
			use_service(a, t, l->no);
			same &= same_word(s, t);
		} else if (line_take(l, "description")) {
			break;
		} else if (line_take(l, "inactive")) {
			inactive = true;
		} else if (line_take(l, "pat-pool")) {
			x = join(a, x, of_word(a, line_next(l), out, l->no));
		} else if (line_take(l, "interface")) {
			x = join(a, x, of_port(a, out));
		} else {
			line_next(l);
		}
	}
	touches = same || inactive ? match_none(a->m) : between(a, x, y);
	put(a, l, in, out, touches);
	account(a, l->no, touches);
}

/* A static of a network maps to as many addresses from this one on. */
static struct ends mapped_block(struct asa *a, const struct def *d, enum family f,
				struct addr from)
{
	const struct match *m = d->src;
	struct addr to = from;
	uint64_t n;

	if (f != FAMILY_V4 || m->kind != MATCH_SPANS || m->n != 1 || m->family != FAMILY_V4)
		return everything();
	n = m->spans[0].hi.lo - m->spans[0].lo.lo;
	if (from.lo + n > UINT32_MAX)
		return everything();
	to.lo += n;
	return both_ends(a, f, from, to);
}

/* Inside an object: nat [(a,b)] static MAPPED ... | dynamic [pat-pool] MAPPED [interface] ...
 */
static void object_nat(struct asa *a, struct line *l, struct def *d)
{
	const char *in = NULL, *out = NULL;
	struct ends x;
	const struct match *touches;
	struct word w;
	enum family f;
	struct addr addr;
	bool fixed;
	line_next(l);
	if (line_peek(l, 0).len && line_peek(l, 0).s[0] == '(' &&
	    !port_pair(a, line_next(l), &in, &out)) {
		in = out = NULL;
		diag_warning(a->d, "asa.undefined-name", asa_loc(a, l->no),
			     "the translation names an interface that is not defined");
	}
	if (!line_take(l, "static") && !line_take(l, "dynamic")) {
		wrong(a, l, "neither static nor dynamic");
		return;
	}
	asa_use(a, "object", d->name, l->no, false);
	asa_resolve(a, d, 0);
	x = d->empty ? everything() : (struct ends){ d->src, d->dst };
	fixed = word_is(l->w[l->i - 1], "static");
	line_take(l, "pat-pool");
	w = line_next(l);
	if (fixed && addr_parse(w.s, w.len, &f, &addr))
		x = join(a, x, mapped_block(a, d, f, addr));
	else
		x = join(a, x, of_word(a, w, out, l->no));
	while (!line_ended(l)) {
		if (line_take(l, "interface"))
			x = join(a, x, of_port(a, out));
		else if (line_take(l, "pat-pool"))
			x = join(a, x, of_word(a, line_next(l), out, l->no));
		else
			line_next(l);
	}
	touches = between(a, x, everything());
	put(a, l, in, out, touches);
	account(a, l->no, touches);
}

/* Before 8.3: nat (port) ID ADDRESS MASK ... | nat (port) ID access-list NAME ... */
static void old_nat(struct asa *a, struct line *l)
{
	const char *in, *out;
	unsigned id = 1;
	struct word w;
	enum family f, f2;
	struct addr addr, mask;
	const struct match *touches = match_all(a->m);

	if (!port_pair(a, line_next(l), &in, &out)) {
		wrong(a, l, "its interface is not defined");
		return;
	}
	w = line_next(l);
	if (!word_number(w, 2147483647, &id)) {
		wrong(a, l, "a number was expected");
		return;
	}
	w = line_peek(l, 0);
	if (word_is(w, "access-list")) {
		struct word name = line_peek(l, 1);

		asa_use(a, "access list", asa_str(a, name), l->no, false);
		/* An exemption: rewritten in neither direction. */
		if (!id)
			touches = match_none(a->m);
	} else if (asa_addr(a, w, &f, &addr) && f == FAMILY_V4) {
		struct word m = line_peek(l, 1);

		if (!asa_addr(a, m, &f2, &mask) || f2 != FAMILY_V4)
			mask = addr.lo ? addr_max(FAMILY_V4) : addr;
		if (!id)
			touches = match_none(a->m);
		else if (mask.lo)
			touches = match_or(a->m, match_wild(a->m, FIELD_SRC, f, addr, mask),
					   match_wild(a->m, FIELD_DST, f, addr, mask));
	} else if (!id) {
		wrong(a, l, "an address or an access list was expected");
		return;
	}
	put(a, l, in, NULL, touches);
	account(a, l->no, touches);
}

/* global (port) ID interface | A[-B] [netmask M] */
static void global(struct asa *a, struct line *l)
{
	const char *port, *none;
	struct word w, lo, hi;
	const char *dash;
	enum family f, f2;
	struct addr x, y;
	struct ends e = everything();
	const struct match *touches;

	if (!port_pair(a, line_next(l), &port, &none)) {
		wrong(a, l, "its interface is not defined");
		return;
	}
	line_next(l); /* id */
	w = line_next(l);
	dash = memchr(w.s, '-', w.len);
	lo = dash ? (struct word){ w.s, (uint32_t)(dash - w.s) } : w;
	hi = dash ? (struct word){ dash + 1, w.len - lo.len - 1 } : w;
	if (word_is(w, "interface"))
		e = of_port(a, port);
	else if (asa_addr(a, lo, &f, &x) && asa_addr(a, hi, &f2, &y) && f == f2 &&
		 addr_compare(x, y) <= 0)
		e = both_ends(a, f, x, y);
	touches = between(a, e, everything());
	put(a, l, NULL, port, touches);
	account(a, l->no, touches);
}

/*
 * static (real,mapped) MAPPED REAL [netmask M] | static (real,mapped) tcp|udp MAPPED PORT REAL
 * PORT ... | static (real,mapped) MAPPED access-list NAME
 */
static void old_static(struct asa *a, struct line *l)
{
	const char *in, *out;
	struct word mapped, real;
	enum family f, f2, f3;
	struct addr x, y, mask = addr_max(FAMILY_V4);
	struct ends e;
	const struct match *touches;

	if (!port_pair(a, line_next(l), &in, &out)) {
		wrong(a, l, "its interfaces are not defined");
		return;
	}
	if (line_take(l, "tcp") || line_take(l, "udp")) {
		mapped = line_next(l);
		line_next(l); /* port */
		real = line_next(l);
	} else {
		mapped = line_next(l);
		real = line_next(l);
	}
	e = word_is(mapped, "interface") ? of_port(a, out) : everything();
	while (!line_ended(l))
		if (line_take(l, "netmask") &&
		    (!asa_addr(a, line_peek(l, 0), &f3, &mask) || f3 != FAMILY_V4))
			mask = (struct addr){ 0, 0 };
		else
			line_next(l);
	if (word_is(real, "access-list")) {
		asa_use(a, "access list", asa_str(a, line_peek(l, 0)), l->no, false);
		e = everything();
	} else if (asa_addr(a, real, &f2, &y) && f2 == FAMILY_V4) {
		struct addr hi = addr_or(addr_and(y, mask), addr_not(FAMILY_V4, mask));
		struct ends r = both_ends(a, f2, addr_and(y, mask), hi);

		if (asa_addr(a, mapped, &f, &x) && f == FAMILY_V4) {
			hi = addr_or(addr_and(x, mask), addr_not(FAMILY_V4, mask));
			e = join(a, r, both_ends(a, f, addr_and(x, mask), hi));
			if (addr_equal(x, y))
				e.src = e.dst = match_none(a->m);
		} else {
			e = join(a, r, e);
		}
		if (addr_mask_len(FAMILY_V4, mask) < 0)
			e = everything();
	} else {
		wrong(a, l, "the real address was not understood");
		return;
	}
	touches = between(a, e, everything());
	put(a, l, in, out, touches);
	account(a, l->no, touches);
}

void asa_nat_build(struct asa *a)
{
	vec_each (no, &a->nat_lines) {
		struct line l;
		struct word w;

		line_split(a->src, *no, &l);
		w = line_next(&l);
		if (word_is(w, "global")) {
			global(a, &l);
		} else if (word_is(w, "static")) {
			old_static(a, &l);
		} else if (word_is(w, "alias")) {
			wrong(a, &l, "alias is not modelled");
		} else {
			unsigned i = l.i;
			bool source = false;

			for (; i < l.n; i++)
				source |= word_is(l.w[i], "source");
			if (source)
				twice(a, &l);
			else
				old_nat(a, &l);
		}
	}
	vec_each (o, &a->object_nats) {
		struct line l;

		line_split(a->src, o->line, &l);
		object_nat(a, &l, o->object);
	}
	/* What no translation covers is dropped: which those are is not applied yet. */
	if (a->nat_control && !a->nat_control_off) {
		struct nat *n = vec_add(&a->b->nats);

		n->at = asa_loc(a, a->nat_control_line ? a->nat_control_line : a->first);
		n->text = "nat-control: a packet that no translation covers is dropped";
		n->touches = match_all(a->m);
	}
}
