/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and ports as the lines of lists name them. */
#include "collectors/asa_internal.h"

#include <string.h>

bool asa_addr(const struct asa *a, struct word w, enum family *ret_family,
	      struct addr *ret_addr)
{
	const struct asa_name *n;

	if (addr_parse(w.s, w.len, ret_family, ret_addr))
		return true;
	if (w.len == 1 && *w.s == '0') {
		*ret_family = FAMILY_V4;
		*ret_addr = (struct addr){ 0, 0 };
		return true;
	}
	n = map_getn(&a->names, w.s, w.len);
	if (!n)
		return false;
	*ret_family = n->family;
	*ret_addr = n->addr;
	return true;
}

/* The name was used, if it is one. */
void asa_used_name(struct asa *a, struct word w, uint32_t line)
{
	enum family f;
	struct addr x;

	if (!addr_parse(w.s, w.len, &f, &x) && map_getn(&a->names, w.s, w.len))
		asa_use(a, "name", asa_str(a, w), line, false);
}

const struct match *asa_masked(struct asa *a, enum field field, enum family f, struct addr addr,
			       struct addr mask, uint32_t line)
{
	if (!addr_equal(addr_and(addr, mask), addr))
		diag_warning(a->d, "asa.host-bits", asa_loc(a, line),
			     "the address has bits set that the mask leaves out; the firewall "
			     "takes them for zero");
	if (addr_mask_len(f, mask) < 0 && addr_mask_len(f, addr_not(f, mask)) >= 0)
		diag_warning(a->d, "asa.wildcard-mask", asa_loc(a, line),
			     "this looks like a wildcard mask of IOS; here it is a netmask and "
			     "was read as one, bit for bit");
	return match_wild(a->m, field, f, addr_and(addr, mask), mask);
}

const struct match *asa_any(struct asa *a, unsigned other_families, uint32_t line)
{
	const struct match *v4 = match_family(a->m, FAMILY_V4);

	switch (a->any) {
	case ASA_ANY_V4:
		return v4;
	case ASA_ANY_BOTH:
		return match_all(a->m);
	default:
		break;
	}
	if (other_families == FAMILIES_V4)
		return v4;
	return match_or(a->m, v4,
			match_and(a->m, match_family(a->m, FAMILY_V6),
				  match_unknown(a->m, LOC_NONE,
						"software version not told (`any` covers IPv6 "
						"from 9.0 on)")));
}

bool asa_mask_word(const struct asa *a, struct word w, struct addr *ret)
{
	enum family f;

	return asa_addr(a, w, &f, ret) && f == FAMILY_V4;
}

bool asa_address_ahead(struct asa *a, const struct line *l)
{
	static const char *const words[] = { "any",    "any4",	       "any6",	   "host",
					     "object", "object-group", "interface" };
	struct word w = line_peek(l, 0);
	enum family f;
	struct addr x;
	unsigned len;
	bool bits;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (word_is(w, words[i]))
			return true;
	return asa_addr(a, w, &f, &x) || prefix_parse(w.s, w.len, &f, &x, &len, &bits);
}

static struct addr_spec refuse(const char *why)
{
	return (struct addr_spec){ .why = why };
}

static struct addr_spec spec(const struct match *m, unsigned families)
{
	return (struct addr_spec){ .match = m, .families = families };
}

static struct addr_spec of_def(struct asa *a, struct def *d, struct word name,
			       enum def_kind want, const char *kind, enum field field,
			       uint32_t line)
{
	asa_use(a, kind, asa_str(a, name), line, false);
	if (!d)
		return spec(asa_undefined(a, kind, name, line), FAMILIES_BOTH);
	if (d->kind != want) {
		if (d->kind == DEF_NETWORK_SERVICE)
			return spec(match_unknown(a->m, asa_loc(a, line), "network service %s",
						  d->name),
				    FAMILIES_BOTH);
		return refuse(
			arena_printf(a->arena, "%s %s does not hold addresses", kind, d->name));
	}
	asa_resolve(a, d, 0);
	if (d->empty) {
		diag_warning(a->d, "asa.empty-group", asa_loc(a, line),
			     "%s %s is empty: a firewall does not take it in a rule", kind,
			     d->name);
		return spec(match_unknown(a->m, asa_loc(a, line), "%s %s, which is empty", kind,
					  d->name),
			    FAMILIES_BOTH);
	}
	return spec(field == FIELD_SRC ? d->src : d->dst, d->families);
}

/* `interface NAME`: the interface's own addresses. */
static struct addr_spec of_interface(struct asa *a, struct word name, enum field field,
				     uint32_t line)
{
	struct intf *i = asa_port(a, name);
	const struct match *m = match_none(a->m);
	unsigned families = FAMILIES_V4;

	if (!i)
		return spec(match_unknown(a->m, asa_loc(a, line),
					  "address of interface %.*s, which is not defined",
					  (int)name.len, name.s),
			    FAMILIES_BOTH);
	for (size_t k = 0; k < i->addrs.n; k++) {
		enum family f = i->prefixes.v[k].family;
		const struct match *one =
			match_prefix(a->m, field, f, i->addrs.v[k], addr_bits(f));

		/* Whether the word covers the interface's IPv6 addresses isn't said. */
		if (f == FAMILY_V6) {
			one = match_and(a->m, one,
					match_unknown(a->m, asa_loc(a, line),
						      "IPv6 address of interface %s", i->name));
			families = FAMILIES_BOTH;
		}
		m = match_or(a->m, m, one);
	}
	if (i->dynamic || !i->addrs.n || i->unknown_v6) {
		m = match_unknown(a->m, asa_loc(a, line),
				  "address of interface %s, which is not written", i->name);
		return spec(m, FAMILIES_BOTH);
	}
	return spec(m, families);
}

struct addr_spec asa_address(struct asa *a, struct line *l, enum field field, bool v6_list)
{
	struct word w = line_peek(l, 0), next;
	enum family f;
	struct addr addr, mask;
	unsigned len;
	bool bits;

	if (!w.len)
		return refuse("an address is missing");
	if (line_take(l, "any")) {
		if (v6_list)
			return spec(match_family(a->m, FAMILY_V6), FAMILIES_V6);
		return (struct addr_spec){ .match = match_all(a->m),
					   .any = true,
					   .families = a->any == ASA_ANY_V4 ? FAMILIES_V4
									    : FAMILIES_BOTH };
	}
	if (line_take(l, "any4"))
		return spec(match_family(a->m, FAMILY_V4), FAMILIES_V4);
	if (line_take(l, "any6"))
		return spec(match_family(a->m, FAMILY_V6), FAMILIES_V6);
	if (line_take(l, "object")) {
		next = line_next(l);
		return of_def(a, asa_object(a, next), next, DEF_NET_OBJECT, "object", field,
			      l->no);
	}
	if (line_take(l, "object-group")) {
		next = line_next(l);
		return of_def(a, asa_group(a, next), next, DEF_NET_GROUP, "object-group", field,
			      l->no);
	}
	if (line_take(l, "object-group-network-service")) {
		next = line_next(l);
		return spec(match_unknown(a->m, asa_loc(a, l->no), "network service %.*s",
					  (int)next.len, next.s),
			    FAMILIES_BOTH);
	}
	if (line_take(l, "interface"))
		return of_interface(a, line_next(l), field, l->no);
	if (line_take(l, "host")) {
		w = line_next(l);
		if (!asa_addr(a, w, &f, &addr))
			return refuse(arena_printf(a->arena,
						   "\"%.*s\" is no address and no name",
						   (int)w.len, w.s));
		asa_used_name(a, w, l->no);
		return spec(match_prefix(a->m, field, f, addr, addr_bits(f)), 1u << f);
	}
	if (memchr(w.s, '/', w.len)) {
		l->i++;
		if (!prefix_parse(w.s, w.len, &f, &addr, &len, &bits))
			return refuse(arena_printf(a->arena, "\"%.*s\" is no prefix",
						   (int)w.len, w.s));
		return spec(asa_masked(a, field, f, addr, addr_mask(f, len), l->no), 1u << f);
	}
	if (!asa_addr(a, w, &f, &addr))
		return refuse(arena_printf(a->arena, "\"%.*s\" is no address and no name",
					   (int)w.len, w.s));
	asa_used_name(a, w, l->no);
	l->i++;
	if (f == FAMILY_V6)
		return refuse("an IPv6 address needs `host` or a prefix length");
	next = line_next(l);
	if (!asa_mask_word(a, next, &mask))
		return refuse("the netmask is missing or none");
	return spec(asa_masked(a, field, f, addr, mask, l->no), FAMILIES_V4);
}

/* Ports */

bool asa_port_op_ahead(const struct line *l)
{
	return line_at(l, "eq") || line_at(l, "neq") || line_at(l, "lt") || line_at(l, "gt") ||
	       line_at(l, "range");
}

const struct match *asa_port_op(struct asa *a, struct line *l, enum field field,
				const char **ret_why)
{
	struct word op = line_next(l), w = line_next(l);
	int v = asa_port_name(w), hi;
	struct range r[2];
	size_t n = 0;

	if (v < 0) {
		*ret_why = arena_printf(a->arena, "\"%.*s\" is no port", (int)w.len, w.s);
		return NULL;
	}
	if (word_is(op, "eq")) {
		r[n++] = (struct range){ (uint16_t)v, (uint16_t)v };
	} else if (word_is(op, "neq")) {
		if (v > 0)
			r[n++] = (struct range){ 0, (uint16_t)(v - 1) };
		if (v < 65535)
			r[n++] = (struct range){ (uint16_t)(v + 1), 65535 };
	} else if (word_is(op, "lt")) {
		if (v > 0)
			r[n++] = (struct range){ 0, (uint16_t)(v - 1) };
	} else if (word_is(op, "gt")) {
		if (v < 65535)
			r[n++] = (struct range){ (uint16_t)(v + 1), 65535 };
	} else if (word_is(op, "range")) {
		w = line_next(l);
		hi = asa_port_name(w);
		if (hi < v) {
			*ret_why = hi < 0 ? arena_printf(a->arena, "\"%.*s\" is no port",
							 (int)w.len, w.s)
					  : "the range of ports ends before it begins";
			return NULL;
		}
		r[n++] = (struct range){ (uint16_t)v, (uint16_t)hi };
	} else {
		*ret_why = "no port operator";
		return NULL;
	}
	return match_ranges(a->m, field, r, n);
}
