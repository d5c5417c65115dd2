/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translations as 8.3 and later write them. They are asked in three sections: `nat` lines in
 * their order, those of objects, `nat ... after-auto` lines. Those of objects are sorted:
 * static before dynamic, then the one of fewer real addresses, then the lower address, then by
 * name (ASA CLI book 2, "NAT rule order").
 */
#include "collectors/asa_nat.h"

#include <string.h>

static bool usable(struct xaddr x)
{
	return x.any || x.src;
}

/* Each message names the first thing that isn't understood. */
static void doubt(struct xlate *x, const char *why)
{
	if (!x->why)
		x->why = why;
}

/* Lines that say nothing which a packet meets. */
static bool passed_over(struct line *l)
{
	static const char *const words[] = {
		"dns",	"net-to-net",	   "round-robin",     "extended",
		"flat", "include-reserve", "block-allocation"
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (line_take(l, words[i]))
			return true;
	return false;
}

/* Ports of `service tcp source eq 80 destination range 1 9`; false where it isn't that. */
static bool service_ports(struct asa *a, struct word name, uint32_t line, unsigned *ret_proto,
			  struct xports *ret)
{
	struct def *d = asa_object(a, name);
	const struct match *m;
	const char *why = NULL;
	struct line l;
	int proto;

	*ret = (struct xports){ 0 };
	if (!d || d->kind != DEF_SERVICE_OBJECT || !d->members.n)
		return false;
	asa_use(a, "object", d->name, line, false);
	line_split(a->src, d->members.v[d->members.n - 1], &l);
	line_next(&l); /* service */
	proto = asa_protocol(line_next(&l));
	if (proto != PROTO_TCP && proto != PROTO_UDP)
		return false;
	*ret_proto = (unsigned)proto;
	if (line_take(&l, "source")) {
		m = asa_port_op(a, &l, FIELD_SPORT, &why);
		if (!m || m->kind != MATCH_RANGES || m->n != 1)
			return false;
		ret->source = true;
		ret->s = m->ranges[0];
	}
	line_take(&l, "destination");
	if (asa_port_op_ahead(&l)) {
		m = asa_port_op(a, &l, FIELD_DPORT, &why);
		if (!m || m->kind != MATCH_RANGES || m->n != 1)
			return false;
		ret->dest = true;
		ret->d = m->ranges[0];
	}
	return line_ended(&l);
}

static void read_service(struct asa *a, struct line *l, struct xlate *x)
{
	struct word first = line_next(l), then = line_next(l);
	unsigned proto = 0;

	if (word_is(first, "any") && word_is(then, "any"))
		return;
	x->has_service = true;
	if (!service_ports(a, first, l->no, &x->proto, &x->first) ||
	    !service_ports(a, then, l->no, &proto, &x->then) || proto != x->proto ||
	    x->first.source != x->then.source || x->first.dest != x->then.dest)
		doubt(x, "a service that isn't of one port or range on both sides");
}

/* Ports that go with a mapped address, by what stands in its place. */
static void read_pool(struct asa *a, struct line *l, struct xlate *x)
{
	bool pool = line_take(l, "pat-pool");
	struct word w = line_next(l);
	struct def *d = asa_object(a, w);

	x->mapped = xaddr_word(a, w, x->out, l->no);
	if (pool || word_is(w, "interface") || (!d && !asa_group(a, w)) ||
	    (d && xaddr_count(x->mapped) == 1))
		x->pat = x->pat_only = true;
	else if (!d)
		x->pat = true; /* single addresses of a group are shared by their ports */
	if (word_is(w, "any"))
		doubt(x, "a pool of all addresses");
}

static void fallback(struct asa *a, struct xlate *x)
{
	struct xaddr own = xaddr_of_port(a, x->out);

	x->pat = true;
	x->mapped = own.known && x->mapped.known ? xaddr_join(a, x->mapped, own)
						 : (struct xaddr){ 0 };
}

/* Families must agree for anything to be said. */
static void settle(struct asa *a, struct xlate *x)
{
	struct xaddr y = xaddr_any();

	if (!usable(x->real))
		doubt(x, "real addresses that aren't known");
	if (!x->dynamic && !usable(x->mapped))
		doubt(x, "mapped addresses that aren't known");
	if (!x->dynamic && x->real.any != x->mapped.any)
		doubt(x, "a translation between all addresses and some");
	if (x->real.known && x->mapped.known && x->real.family != x->mapped.family)
		doubt(x, "a translation between the two IP versions");
	if (x->has_dest) {
		if (!usable(x->dest_mapped) || !usable(x->dest_real) ||
		    x->dest_mapped.any != x->dest_real.any)
			doubt(x, "destinations that aren't known");
		if (x->dest_mapped.known && x->dest_real.known &&
		    x->dest_mapped.family != x->dest_real.family)
			doubt(x, "a translation between the two IP versions");
		y = xaddr_join(a, x->dest_mapped, x->dest_real);
	}
	x->touches = xaddr_between(a, xaddr_join(a, x->real, x->mapped), y);
	if (!x->why && !x->dynamic && xaddr_same(x->real, x->mapped) &&
	    (!x->has_dest || xaddr_same(x->dest_mapped, x->dest_real)) && !x->has_service)
		x->touches = match_none(a->m);
}

static void wrong_ports(struct asa *a, struct xlate *x)
{
	x->in = x->out = NULL;
	doubt(x, "an interface that is not defined");
	diag_warning(a->d, "asa.undefined-name", asa_loc(a, x->line),
		     "the translation names an interface that is not defined");
}

/*
 * nat [(a,b)] [LINE | after-auto [LINE]] source static|dynamic REAL MAPPED
 *	[destination static MAPPED REAL] [service ...] [inactive]
 */
static void read_twice(struct nat_work *k, struct line *l, unsigned *ret_at)
{
	struct asa *a = k->a;
	struct xlate *x = nat_add(k, l);
	bool inactive = false;

	*ret_at = 0;
	if (line_peek(l, 0).len && line_peek(l, 0).s[0] == '(' &&
	    !nat_port_pair(a, line_next(l), &x->in, &x->out))
		wrong_ports(a, x);
	while (!line_ended(l) && !line_at(l, "source")) {
		if (line_at(l, "after-auto"))
			x->section = 3;
		word_number(line_next(l), 2147483647, ret_at);
	}
	line_next(l);
	x->dynamic = line_at(l, "dynamic");
	if (!x->dynamic && !line_at(l, "static")) {
		doubt(x, "neither static nor dynamic");
		asa_refuse(a, l->no, "asa.nat",
			   "the translation was not understood: neither static nor dynamic");
		return;
	}
	line_next(l);
	x->real = xaddr_word(a, line_next(l), x->in, l->no);
	if (x->dynamic)
		read_pool(a, l, x);
	else
		x->mapped = xaddr_word(a, line_next(l), x->out, l->no);
	while (!line_ended(l)) {
		if (line_take(l, "destination")) {
			line_take(l, "static");
			x->has_dest = true;
			x->dest_mapped = xaddr_word(a, line_next(l), x->in, l->no);
			line_take(l, "ipv6");
			x->dest_real = xaddr_word(a, line_next(l), x->out, l->no);
		} else if (line_take(l, "service")) {
			read_service(a, l, x);
		} else if (line_take(l, "description")) {
			break;
		} else if (line_take(l, "inactive")) {
			inactive = true;
		} else if (line_take(l, "interface")) {
			fallback(a, x);
			line_take(l, "ipv6");
		} else if (line_take(l, "pat-pool")) {
			l->i--;
			read_pool(a, l, x);
		} else if (line_take(l, "unidirectional")) {
			x->one_way = true;
		} else if (line_take(l, "no-proxy-arp")) {
			x->no_proxy_arp = true;
		} else if (line_take(l, "route-lookup")) {
			x->route_lookup = true;
		} else if (!passed_over(l)) {
			struct word w = line_next(l);

			doubt(x, arena_printf(a->arena, "\"%.*s\" in a translation", (int)w.len,
					      w.s));
		}
	}
	settle(a, x);
	if (inactive) {
		x->why = "not in force";
		x->touches = match_none(a->m);
	}
}

/* As many addresses as the object has, from this one on. */
static struct xaddr block_from(struct asa *a, struct xaddr real, enum family f,
			       struct addr from)
{
	struct addr to = from;
	uint64_t n = xaddr_count(real);

	if (real.known && real.family == f && f == FAMILY_V6 && real.n == 1 &&
	    addr_equal(real.v[0].lo, real.v[0].hi))
		return xaddr_span(a, f, from, from);
	if (f != FAMILY_V4 || !real.known || real.n != 1 || real.family != f ||
	    from.lo + n - 1 > UINT32_MAX)
		return (struct xaddr){ 0 };
	to.lo += n - 1;
	return xaddr_span(a, f, from, to);
}

/* service tcp|udp|sctp REAL MAPPED */
static void object_service(struct line *l, struct xlate *x)
{
	int proto = asa_protocol(line_next(l)), real = asa_port_name(line_next(l)),
	    mapped = asa_port_name(line_next(l));

	x->has_service = true;
	if (proto < 0 || !proto_has_ports((unsigned)proto) || real < 0 || mapped < 0) {
		doubt(x, "a service that was not understood");
		return;
	}
	x->proto = (unsigned)proto;
	x->first.source = x->then.source = true;
	x->first.s = (struct range){ (uint16_t)real, (uint16_t)real };
	x->then.s = (struct range){ (uint16_t)mapped, (uint16_t)mapped };
}

/* Inside an object: nat [(a,b)] static MAPPED ... | dynamic [pat-pool] MAPPED [interface] ...
 */
static void read_object(struct nat_work *k, struct line *l, struct def *d)
{
	struct asa *a = k->a;
	struct xlate *x = nat_add(k, l);
	struct word w;
	enum family f;
	struct addr addr;

	x->section = 2;
	x->name = d->name;
	line_next(l);
	if (line_peek(l, 0).len && line_peek(l, 0).s[0] == '(' &&
	    !nat_port_pair(a, line_next(l), &x->in, &x->out))
		wrong_ports(a, x);
	if (!line_at(l, "static") && !line_at(l, "dynamic")) {
		doubt(x, "neither static nor dynamic");
		asa_refuse(a, l->no, "asa.nat",
			   "the translation was not understood: neither static nor dynamic");
		return;
	}
	x->dynamic = line_at(l, "dynamic");
	line_next(l);
	asa_use(a, "object", d->name, l->no, false);
	x->real = xaddr_def(a, d);
	w = line_peek(l, 0);
	if (x->dynamic) {
		read_pool(a, l, x);
	} else if (addr_parse(w.s, w.len, &f, &addr)) {
		line_next(l);
		x->mapped = block_from(a, x->real, f, addr);
	} else {
		x->mapped = xaddr_word(a, line_next(l), x->out, l->no);
	}
	while (!line_ended(l)) {
		if (line_take(l, "interface")) {
			fallback(a, x);
			line_take(l, "ipv6");
		} else if (line_take(l, "pat-pool")) {
			l->i--;
			read_pool(a, l, x);
		} else if (line_take(l, "service")) {
			object_service(l, x);
		} else if (line_take(l, "no-proxy-arp")) {
			x->no_proxy_arp = true;
		} else if (line_take(l, "route-lookup")) {
			x->route_lookup = true;
		} else if (!passed_over(l)) {
			w = line_next(l);
			doubt(x, arena_printf(a->arena, "\"%.*s\" in a translation", (int)w.len,
					      w.s));
		}
	}
	settle(a, x);
	x->rank[0] = x->dynamic;
	x->rank[1] = xaddr_count(x->real);
	x->rank[2] = x->real.known && x->real.n ? x->real.v[0].lo.lo : 0;
}

/* A number puts the line in front of the one that has it; sections have numbers of their own.
 */
static void renumber(struct nat_work *k, const unsigned *at, size_t n)
{
	VEC(size_t) order[2] = { 0 };

	for (size_t i = 0; i < n; i++) {
		int s = k->v.v[i].section == 3;
		size_t pos = order[s].n;

		*vec_add(&order[s]) = i;
		if (at[i] && at[i] <= pos && n <= XLATES_COMPARED) {
			memmove(&order[s].v[at[i]], &order[s].v[at[i] - 1],
				(pos - at[i] + 1) * sizeof(size_t));
			order[s].v[at[i] - 1] = i;
		}
	}
	for (int s = 0; s < 2; s++) {
		for (size_t i = 0; i < order[s].n; i++)
			k->v.v[order[s].v[i]].rank[0] = i;
		vec_free(&order[s]);
	}
}

void nat_read_new(struct nat_work *k)
{
	struct asa *a = k->a;
	VEC(unsigned) at = { 0 };

	vec_each (no, &a->nat_lines) {
		struct line l;
		bool source = false;

		line_split(a->src, *no, &l);
		for (unsigned i = 1; i < l.n; i++)
			source |= word_is(l.w[i], "source");
		if (!source || !word_is(line_next(&l), "nat"))
			continue;
		read_twice(k, &l, vec_add(&at));
	}
	renumber(k, at.v, at.n);
	vec_free(&at);
	vec_each (o, &a->object_nats) {
		struct line l;

		line_split(a->src, o->line, &l);
		read_object(k, &l, o->object);
	}
}
