/* SPDX-License-Identifier: Apache-2.0 */
/* One line of `ip nat` as its words say it. */
#include "collectors/ios_xlate.h"

static bool addr_word(const struct toks *w, unsigned i, struct addr *ret)
{
	enum family f;
	return i < w->n && addr_parse(w->v[i].s, w->v[i].len, &f, ret) && f == FAMILY_V4;
}

static bool port_word(const struct toks *w, unsigned i, unsigned proto, uint16_t *ret)
{
	uint64_t n;
	int named;
	if (tok_number(w, i, 1, 65535, &n)) {
		*ret = (uint16_t)n;
		return true;
	}
	named = i < w->n ? ios_port_name(IOS_IOS, proto, w->v[i].s, w->v[i].len) : -1;
	if (named < 0)
		return false;
	*ret = (uint16_t)named;
	return true;
}

static struct span one(struct addr a)
{
	return (struct span){ a, a };
}

/* The first IPv4 address of the port. */
static bool port_addr(struct ios *x, const char *name, struct addr *ret)
{
	const struct iface *f = ios_iface(x, name, false, LOC_NONE);
	for (size_t i = 0; f && !f->open_v4 && i < f->addrs.n; i++)
		if (f->addrs.v[i].family == FAMILY_V4 && !f->addrs.v[i].secondary) {
			*ret = f->addrs.v[i].addr;
			return true;
		}
	return false;
}

/* Behind an address pair: words that are of no consequence, VRF and route map. */
static void read_options(struct ios *x, const struct toks *w, unsigned i, struct xlate *t)
{
	static const char *const idle[] = { "extendable", "no-alias",	  "no-payload",
					    "add-route",  "match-in-vrf", "forced",
					    "mapping-id", "oer" };
	for (; i < w->n; i++) {
		bool known = false;
		for (size_t k = 0; k < sizeof(idle) / sizeof(*idle); k++)
			known |= tok_is(w, i, idle[k]);
		t->no_alias |= tok_is(w, i, "no-alias");
		if (tok_is(w, i, "mapping-id") || tok_is(w, i, "redundancy")) {
			i++;
		} else if (tok_is(w, i, "vrf") && i + 1 < w->n) {
			t->vrf = tok_str(x, w, ++i);
		} else if (tok_is(w, i, "route-map") && i + 1 < w->n) {
			t->map = tok_str(x, w, ++i);
			if (t->rank == RANK_HOST)
				t->rank = RANK_MAPPED_HOST;
		} else if (!known && !t->why) {
			t->why = arena_printf(x->arena, "\"%s\" in a translation",
					      tok_str(x, w, i));
		}
	}
}

/* static [tcp|udp] A [PORT] B|interface X [PORT] ... | static network A B MASK ... */
static void read_static(struct ios *x, const struct toks *w, unsigned i, struct xlate *t)
{
	struct addr a, b, mask;
	unsigned len = 32;
	t->rank = RANK_HOST;
	if (tok_is(w, i, "network")) {
		uint64_t n = 0;
		t->rank = RANK_NETWORK;
		if (!addr_word(w, i + 1, &a) || !addr_word(w, i + 2, &b)) {
			t->why = "the networks were not understood";
			return;
		}
		if (addr_word(w, i + 3, &mask) && addr_mask_len(FAMILY_V4, mask) > 0)
			len = (unsigned)addr_mask_len(FAMILY_V4, mask);
		else if (i + 3 < w->n && *w->v[i + 3].s == '/' &&
			 parse_number(w->v[i + 3].s + 1, w->v[i + 3].len - 1, 1, 32, true, &n))
			len = (unsigned)n;
		else
			t->why = "the netmask was not understood";
		t->from = span_prefix(FAMILY_V4, a, len);
		t->to = span_prefix(FAMILY_V4, b, len);
		t->to_known = true;
		read_options(x, w, i + 4, t);
		return;
	}
	if (tok_is(w, i, "tcp") || tok_is(w, i, "udp")) {
		t->proto = tok_is(w, i, "tcp") ? PROTO_TCP : PROTO_UDP;
		t->rank = RANK_PORT;
		i++;
	} else if (tok_is(w, i, "esp")) {
		t->why = "a translation of ESP";
		return;
	}
	if (!addr_word(w, i, &a)) {
		t->why = "the address was not understood";
		return;
	}
	t->from = one(a);
	i++;
	if (t->proto >= 0 && !port_word(w, i++, (unsigned)t->proto, &t->from_port)) {
		t->why = "the port was not understood";
		return;
	}
	if (tok_is(w, i, "interface")) {
		t->to_known = port_addr(x, ios_port_word(x, w, i + 1, &i), &b);
		if (t->proto < 0)
			t->why = "a translation of a whole port's address";
	} else {
		t->to_known = addr_word(w, i, &b);
		if (!t->to_known)
			t->why = "the address was not understood";
		i++;
	}
	if (t->to_known)
		t->to = one(b);
	else if (!t->why)
		t->why = "an address that isn't written";
	if (t->proto >= 0 && !port_word(w, i++, (unsigned)t->proto, &t->to_port)) {
		t->why = "the port was not understood";
		return;
	}
	read_options(x, w, i, t);
}

/* list|route-map N pool P | interface X [overload] ... */
static void read_dynamic(struct ios *x, const struct toks *w, unsigned i, struct xlate *t)
{
	struct addr a;
	t->rank = RANK_DYNAMIC;
	if (tok_is(w, i, "list"))
		t->list = tok_str(x, w, i + 1);
	else
		t->map = tok_str(x, w, i + 1);
	i += 2;
	if (tok_is(w, i, "pool")) {
		t->to_known = ios_nat_pool_spans(x, tok_str(x, w, i + 1), &t->pool, &t->n_pool);
		i += 2;
	} else if (tok_is(w, i, "interface")) {
		t->to_known = port_addr(x, ios_port_word(x, w, i + 1, &i), &a);
		if (t->to_known) {
			struct span *s = arena_array(x->arena, 1, sizeof(*s));
			*s = one(a);
			t->pool = s;
			t->n_pool = 1;
		}
		t->overload = true;
	} else {
		t->why = "neither a pool nor an interface";
		return;
	}
	for (; i < w->n; i++) {
		if (tok_is(w, i, "overload"))
			t->overload = true;
		else if (tok_is(w, i, "vrf") && i + 1 < w->n)
			t->vrf = tok_str(x, w, ++i);
		else if (!tok_is(w, i, "oer") && !tok_is(w, i, "match-in-vrf") && !t->why)
			t->why = arena_printf(x->arena, "\"%s\" in a translation",
					      tok_str(x, w, i));
	}
}

void ios_xlate_line(struct ios *x, const struct nat_line *l, struct xlate *t)
{
	struct toks w;
	ios_words(x->src, l->line, &w);
	t->line = l->line;
	t->proto = -1;
	t->text = arena_strn(x->arena, w.v[0].s,
			     (size_t)(w.v[w.n - 1].s - w.v[0].s) + w.v[w.n - 1].len);
	t->touches = ios_nat_touches(x, &w);
	if (l->port || w.more)
		t->why = "a translation of a port, which is not modelled";
	else if (!tok_is(&w, 3, "source"))
		t->why = "a translation of destinations by a list";
	else if (!tok_is(&w, 2, "inside") && !tok_is(&w, 2, "outside"))
		t->why = "a translation between ports that are neither inside nor outside";
	if (t->why)
		return;
	t->outside = tok_is(&w, 2, "outside");
	if (tok_is(&w, 4, "static"))
		read_static(x, &w, 5, t);
	else if (tok_is(&w, 4, "list") || tok_is(&w, 4, "route-map"))
		read_dynamic(x, &w, 4, t);
	else
		t->why = "neither static nor by a list";
}
