/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/oracle/script.h"

static const char *const names[] = {
	"ipset restore",	"iptables-legacy-restore", "ip6tables-legacy-restore",
	"iptables-nft-restore", "ip6tables-nft-restore",   "nft -f -"
};

void script_init(struct script *s, uint64_t seed)
{
	*s = (struct script){ .arena = arena_create(), .seed = seed };
}

void script_finish(struct script *s)
{
	vec_free(&s->lines);
	for (int f = 0; f < FAMILY_COUNT; f++) {
		vec_free(&s->pool.addr[f]);
		vec_free(&s->pool.type[f]);
	}
	vec_free(&s->pool.port);
	vec_free(&s->pool.proto);
	vec_free(&s->pool.code);
	arena_destroy(s->arena);
}

void script_put(struct script *s, enum part part, bool free, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	*vec_add(&s->lines) =
		(struct script_line){ .text = arena_vprintf(s->arena, fmt, ap),
				      .part = (uint8_t)part,
				      .free = free,
				      .part_of = free ? ++s->n_parts : s->part_of };
	va_end(ap);
}

void script_begin(struct script *s)
{
	s->part_of = ++s->n_parts;
}

void script_end(struct script *s)
{
	s->part_of = 0;
}

bool script_text(const struct script *s, enum part part, struct text *t)
{
	size_t before = t->len;
	vec_each (l, &s->lines)
		if (l->part == part && !l->removed)
			text_putf(t, "%s\n", l->text);
	return t->len > before;
}

void script_print(const struct script *s, struct text *t)
{
	for (int part = 0; part < PART_COUNT; part++) {
		struct text one = { 0 };
		if (script_text(s, (enum part)part, &one))
			text_putf(t, "---- %s\n%s", names[part], one.s);
		text_finish(&one);
	}
}

void pool_addr(struct pool *p, enum family f, struct addr a)
{
	*vec_add(&p->addr[f]) = a;
}

void pool_port(struct pool *p, unsigned port)
{
	*vec_add(&p->port) = (uint16_t)port;
}
