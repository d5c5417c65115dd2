/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/oracle/gen.h"

#include <string.h>

/* Few nets and few ends, so that rules overlap and packets meet them. */
static struct addr any_addr(struct gen *g, enum family f)
{
	static const uint8_t last4[] = { 0, 1, 2, 5, 127, 128, 254, 255 };
	static const uint16_t last6[] = { 0, 1, 2, 5, 0xff, 0x100, 0xffff };
	struct addr a = { 0 };
	if (f == FAMILY_V4) {
		a.lo = 0x0a000000 | below(g->r, 4) << 8 | PICK(g->r, last4);
	} else {
		a.hi = 0xfd00000000000000u;
		a.lo = (uint64_t)below(g->r, 3) << 16 | PICK(g->r, last6);
	}
	return a;
}

static const char *text_of(struct gen *g, enum family f, struct addr a)
{
	struct text t = { 0 };
	addr_print(&t, f, a);
	const char *s = arena_str(g->s->arena, t.s);
	text_finish(&t);
	return s;
}

static void note(struct gen *g, enum family f, struct span s)
{
	pool_addr(&g->s->pool, f, s.lo);
	pool_addr(&g->s->pool, f, s.hi);
}

const char *gen_addr(struct gen *g, enum family f, unsigned kinds)
{
	static const uint8_t len4[] = { 8, 16, 22, 23, 24, 25, 30, 31, 32 };
	static const uint8_t len6[] = { 32, 64, 96, 111, 112, 113, 120, 127, 128 };
	unsigned kind;
	do
		kind = 1u << below(g->r, 3);
	while (!(kind & kinds));
	struct addr a = any_addr(g, f), b = any_addr(g, f);
	struct span s = { a, a };
	if (kind == CONST_PREFIX) {
		unsigned len = f == FAMILY_V4 ? PICK(g->r, len4) : PICK(g->r, len6);
		s = span_prefix(f, a, len);
		note(g, f, s);
		return SAY(g, "%s/%u", text_of(g, f, s.lo), len);
	}
	if (kind == CONST_RANGE && addr_compare(a, b))
		s = addr_compare(a, b) < 0 ? (struct span){ a, b } : (struct span){ b, a };
	note(g, f, s);
	return kind == CONST_RANGE && addr_compare(a, b)
		       ? SAY(g, "%s-%s", text_of(g, f, s.lo), text_of(g, f, s.hi))
		       : text_of(g, f, a);
}

const char *gen_masked(struct gen *g, enum family f, const char *sep)
{
	static const uint32_t masks4[] = { 0xffff00ff, 0x0000ff00, 0x000000ff,
					   0xff000300, 0x0000007f, 0x00000201 };
	static const uint64_t masks6[] = { 0xffff, 0xff, 0x3ffff, 0x20001 };
	struct addr m = f == FAMILY_V4 ? (struct addr){ .lo = PICK(g->r, masks4) }
				       : (struct addr){ .lo = PICK(g->r, masks6) };
	if (f == FAMILY_V6 && one_in(g->r, 2))
		m.hi = 0xffff000000000000u;
	struct addr a = addr_and(any_addr(g, f), m);
	struct addr full = any_addr(g, f);
	full = addr_or(addr_and(full, addr_not(f, m)), a);
	pool_addr(&g->s->pool, f, full);
	return SAY(g, "%s%s%s", text_of(g, f, a), sep, text_of(g, f, m));
}

static unsigned any_port(struct gen *g)
{
	static const uint16_t ports[] = { 0, 1, 5, 22, 23, 53, 80, 81, 100, 1023, 65535 };
	unsigned p = PICK(g->r, ports);
	pool_port(&g->s->pool, p);
	return p;
}

const char *gen_port(struct gen *g)
{
	return SAY(g, "%u", any_port(g));
}

const char *gen_ports(struct gen *g, const char *sep)
{
	unsigned a = any_port(g), b = one_in(g->r, 2) ? a : any_port(g);
	if (a == b)
		return SAY(g, "%u", a);
	return SAY(g, "%u%s%u", a < b ? a : b, sep, a < b ? b : a);
}

const char *gen_list(struct gen *g, unsigned n, const char *sep,
		     const char *(*make)(struct gen *))
{
	const char *v[16];
	struct text t = { 0 };
	for (unsigned i = 0; i < n && i < 16; i++) {
		bool twice = false;
		v[i] = make(g);
		for (unsigned k = 0; k < i; k++)
			twice |= !strcmp(v[k], v[i]);
		if (!twice)
			text_putf(&t, "%s%s", t.len ? sep : "", v[i]);
	}
	const char *s = arena_str(g->s->arena, t.s);
	text_finish(&t);
	return s;
}
