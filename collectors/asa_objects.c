/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects and object groups. The first pass keeps the lines of each; the second makes one
 * match of a group when it is first asked for, for the source and for the destination at
 * once, and every rule that names the group points to it. A group in a group is a kid of an
 * OR, not a copy: nothing is expanded, so nothing can grow beyond the file. Services are read
 * by asa_service.c.
 */
#include "collectors/asa_group.h"

#include <string.h>

/* Names */

struct def *asa_object(struct asa *a, struct word name)
{
	return map_getn(&a->objects, name.s, name.len);
}

struct def *asa_group(struct asa *a, struct word name)
{
	return map_getn(&a->groups, name.s, name.len);
}

struct def *asa_define(struct asa *a, struct map *map, struct word name, enum def_kind kind,
		       uint32_t line)
{
	void **at = map_atn(map, name.s, name.len);
	struct def *d = *at;

	if (d && d->kind == kind)
		return d;
	if (d)
		return NULL;
	d = arena_alloc(a->arena, sizeof(*d));
	d->name = asa_str(a, name);
	d->kind = (uint8_t)kind;
	d->line = line;
	*at = d;
	*vec_add(&a->defs) = d;
	asa_use(a, map == &a->objects ? "object" : "object-group", d->name, line, true);
	return d;
}

const struct match *asa_undefined(struct asa *a, const char *kind, struct word name,
				  uint32_t line)
{
	diag_warning(a->d, "asa.undefined-name", asa_loc(a, line), "%s %.*s is not defined",
		     kind, (int)name.len, name.s);
	return match_unknown(a->m, asa_loc(a, line), "%s %.*s, which is not defined", kind,
			     (int)name.len, name.s);
}

/* `object network|service|network-service NAME` */
void asa_object_line(struct asa *a, struct line *l, struct def **ret_def)
{
	enum def_kind kind;
	struct word name;

	*ret_def = NULL;
	if (line_take(l, "network")) {
		kind = DEF_NET_OBJECT;
	} else if (line_take(l, "service")) {
		kind = DEF_SERVICE_OBJECT;
	} else if (line_take(l, "network-service")) {
		kind = DEF_NETWORK_SERVICE;
	} else {
		asa_refuse(a, l->no, "asa.object-kind", "an object of unknown kind");
		return;
	}
	name = line_next(l);
	if (!name.len) {
		asa_refuse(a, l->no, "asa.syntax", "an object without a name");
		return;
	}
	*ret_def = asa_define(a, &a->objects, name, kind, l->no);
	if (!*ret_def)
		asa_refuse(a, l->no, "asa.duplicate-name",
			   "object %.*s is defined a second time with another kind",
			   (int)name.len, name.s);
	else
		ASA_EXACT(a, l->no);
}

static bool port_group_type(struct word w, uint8_t *ret)
{
	if (word_is(w, "tcp"))
		*ret = PORTS_TCP;
	else if (word_is(w, "udp"))
		*ret = PORTS_UDP;
	else if (word_is(w, "tcp-udp"))
		*ret = PORTS_TCP | PORTS_UDP;
	else if (word_is(w, "sctp"))
		*ret = PORTS_SCTP;
	else
		return false;
	return true;
}

/* `object-group network|service|protocol|icmp-type|user|security|network-service NAME` */
void asa_group_line(struct asa *a, struct line *l, struct def **ret_def)
{
	enum def_kind kind;
	struct word what = line_next(l), name = line_next(l);
	uint8_t ports_of = 0;

	*ret_def = NULL;
	if (!name.len) {
		asa_refuse(a, l->no, "asa.syntax", "an object group without a name");
		return;
	}
	if (word_is(what, "network")) {
		kind = DEF_NET_GROUP;
	} else if (word_is(what, "service")) {
		kind = DEF_SERVICE_GROUP;
		if (!line_ended(l)) {
			kind = DEF_PORT_GROUP;
			if (!port_group_type(line_next(l), &ports_of)) {
				asa_refuse(a, l->no, "asa.object-kind",
					   "a service group of unknown protocol");
				return;
			}
		}
	} else if (word_is(what, "protocol")) {
		kind = DEF_PROTOCOL_GROUP;
	} else if (word_is(what, "icmp-type")) {
		kind = DEF_ICMP_GROUP;
	} else if (word_is(what, "user")) {
		kind = DEF_USER_GROUP;
	} else if (word_is(what, "security")) {
		kind = DEF_SECURITY_GROUP;
	} else if (word_is(what, "network-service")) {
		kind = DEF_NETWORK_SERVICE;
	} else {
		asa_refuse(a, l->no, "asa.object-kind", "an object group of unknown kind");
		return;
	}
	*ret_def = asa_define(a, &a->groups, name, kind, l->no);
	if (*ret_def && (*ret_def)->kind == DEF_PORT_GROUP && (*ret_def)->ports_of &&
	    (*ret_def)->ports_of != ports_of)
		*ret_def = NULL;
	if (!*ret_def) {
		asa_refuse(a, l->no, "asa.duplicate-name",
			   "object group %.*s is defined a second time with another kind",
			   (int)name.len, name.s);
		return;
	}
	(*ret_def)->ports_of = ports_of;
	ASA_EXACT(a, l->no);
}

/* Members */

void asa_gather(struct gather *g, const struct match *src, const struct match *dst,
		unsigned families)
{
	*vec_add(&g->src) = src;
	*vec_add(&g->dst) = dst;
	g->families |= families;
}

static void gather_free(struct gather *g)
{
	vec_free(&g->spans[FAMILY_V4]);
	vec_free(&g->spans[FAMILY_V6]);
	vec_free(&g->src);
	vec_free(&g->dst);
}

static void gather_clear(struct gather *g)
{
	g->spans[FAMILY_V4].n = g->spans[FAMILY_V6].n = g->src.n = g->dst.n = 0;
	g->families = 0;
}

static void gather_span(struct gather *g, enum family f, struct addr lo, struct addr hi)
{
	*vec_add(&g->spans[f]) = (struct span){ lo, hi };
	g->families |= 1u << f;
}

static void gather_unknown(struct asa *a, struct gather *g, const struct match *m,
			   unsigned families, uint32_t line)
{
	asa_gather(g, m, m, families);
	asa_class_by(a, line, m);
}

/* A mask as a span, or as bits where its ones aren't in front. */
static void gather_masked(struct asa *a, struct gather *g, struct addr addr, struct addr mask,
			  uint32_t line)
{
	if (addr_mask_len(FAMILY_V4, mask) >= 0) {
		struct addr lo = addr_and(addr, mask);

		if (!addr_equal(lo, addr))
			diag_warning(a->d, "asa.host-bits", asa_loc(a, line),
				     "the address has bits set that the mask leaves out; the "
				     "firewall takes them for zero");
		gather_span(g, FAMILY_V4, lo, addr_or(lo, addr_not(FAMILY_V4, mask)));
		return;
	}
	asa_gather(g, asa_masked(a, FIELD_SRC, FAMILY_V4, addr, mask, line),
		   match_wild(a->m, FIELD_DST, FAMILY_V4, addr_and(addr, mask), mask),
		   FAMILIES_V4);
}

/* ADDRESS MASK or PREFIX, to the end of the line. */
static const char *member_subnet(struct asa *a, struct line *l, struct gather *g)
{
	struct word w = line_next(l);
	enum family f;
	struct addr addr, mask;
	unsigned len;
	bool bits;

	if (memchr(w.s, '/', w.len)) {
		struct span s;

		if (!prefix_parse(w.s, w.len, &f, &addr, &len, &bits))
			return arena_printf(a->arena, "\"%.*s\" is no prefix", (int)w.len, w.s);
		if (bits)
			diag_warning(a->d, "asa.host-bits", asa_loc(a, l->no),
				     "the address has bits set behind the prefix length; the "
				     "firewall takes them for zero");
		s = span_prefix(f, addr, len);
		gather_span(g, f, s.lo, s.hi);
		return NULL;
	}
	if (!asa_addr(a, w, &f, &addr))
		return arena_printf(a->arena, "\"%.*s\" is no address and no name", (int)w.len,
				    w.s);
	asa_used_name(a, w, l->no);
	if (f == FAMILY_V6 || !asa_mask_word(a, line_next(l), &mask))
		return "the netmask is missing or none";
	gather_masked(a, g, addr, mask, l->no);
	return NULL;
}

static const char *member_host(struct asa *a, struct line *l, struct gather *g)
{
	struct word w = line_next(l);
	enum family f;
	struct addr addr;

	if (!asa_addr(a, w, &f, &addr))
		return arena_printf(a->arena, "\"%.*s\" is no address and no name", (int)w.len,
				    w.s);
	asa_used_name(a, w, l->no);
	gather_span(g, f, addr, addr);
	return NULL;
}

/* One line of `object network`; an object holds one value, so a later one replaces it. */
static const char *net_object_member(struct asa *a, struct line *l, struct gather *g)
{
	const char *why = NULL;
	enum family f, f2;
	struct addr lo, hi;

	gather_clear(g);
	if (line_take(l, "host")) {
		why = member_host(a, l, g);
	} else if (line_take(l, "subnet")) {
		why = member_subnet(a, l, g);
	} else if (line_take(l, "range")) {
		struct word x = line_next(l), y = line_next(l);

		if (!asa_addr(a, x, &f, &lo) || !asa_addr(a, y, &f2, &hi) || f != f2)
			return "a range needs two addresses";
		if (addr_compare(hi, lo) < 0)
			return "the range ends before it begins";
		gather_span(g, f, lo, hi);
	} else if (line_take(l, "fqdn")) {
		bool v4 = line_take(l, "v4"), v6 = !v4 && line_take(l, "v6");
		struct word n = line_next(l);
		const struct match *m = match_unknown(a->m, asa_loc(a, l->no), "host name %.*s",
						      (int)n.len, n.s);
		unsigned families = v4 ? FAMILIES_V4 : v6 ? FAMILIES_V6 : FAMILIES_BOTH;

		if (v4 || v6)
			m = match_and(a->m, match_family(a->m, v4 ? FAMILY_V4 : FAMILY_V6), m);
		gather_unknown(a, g, m, families, l->no);
		return NULL;
	} else {
		return "not understood inside `object network`";
	}
	if (!why && !line_ended(l))
		why = "there is more on the line than was understood";
	if (!why)
		ASA_EXACT(a, l->no);
	return why;
}

void asa_nested(struct asa *a, struct def *d, struct def *inner, struct word name,
		const char *kind, uint32_t line, unsigned depth,
		bool (*fits)(const struct def *, const struct def *), struct gather *g)
{
	asa_use(a, kind, asa_str(a, name), line, false);
	if (!inner) {
		gather_unknown(a, g, asa_undefined(a, kind, name, line), FAMILIES_BOTH, line);
		return;
	}
	if (!fits(d, inner)) {
		asa_refuse(a, line, "asa.group-kind",
			   "%s %s is of another kind than the group %s", kind, inner->name,
			   d->name);
		asa_gather(g,
			   match_unknown(a->m, asa_loc(a, line), "%s %s of another kind", kind,
					 inner->name),
			   match_unknown(a->m, asa_loc(a, line), "%s %s of another kind", kind,
					 inner->name),
			   FAMILIES_BOTH);
		return;
	}
	if (inner->state == 1) {
		diag_error(a->d, 0, "asa.object-cycle", asa_loc(a, line),
			   "object groups name each other in a circle: %s holds %s, which is "
			   "being resolved; the firewall refuses this, so take out one of the "
			   "lines",
			   d->name, inner->name);
		diag_related(a->d, asa_loc(a, inner->line), "%s begins here", inner->name);
		asa_class(a, line, ACCOUNT_REJECTED, true,
			  "groups name each other in a circle");
		asa_gather(g,
			   match_unknown(a->m, asa_loc(a, line), "circle of groups at %s",
					 inner->name),
			   match_unknown(a->m, asa_loc(a, line), "circle of groups at %s",
					 inner->name),
			   FAMILIES_BOTH);
		return;
	}
	if (inner->state == 0 && depth >= ASA_NESTING) {
		asa_refuse(a, line, "asa.object-depth", "groups are nested more than %d deep",
			   ASA_NESTING);
		asa_gather(g, match_unknown(a->m, asa_loc(a, line), "groups nested too deep"),
			   match_unknown(a->m, asa_loc(a, line), "groups nested too deep"),
			   FAMILIES_BOTH);
		return;
	}
	asa_resolve(a, inner, depth + 1);
	if (inner->kind == DEF_NET_GROUP || inner->kind == DEF_NET_OBJECT)
		asa_gather(g, inner->src, inner->dst, inner->families);
	else if (inner->kind == DEF_PORT_GROUP)
		asa_gather(g, inner->sport, inner->dport, 0);
	else
		asa_gather(g, inner->match, inner->match, 0);
	asa_class_by(a, line, g->src.v[g->src.n - 1]);
}

static bool fits_group(const struct def *outer, const struct def *inner)
{
	if (outer->kind == DEF_PORT_GROUP)
		return inner->kind == DEF_PORT_GROUP && !(outer->ports_of & ~inner->ports_of);
	return inner->kind == outer->kind;
}

static bool fits_net_object(const struct def *outer, const struct def *inner)
{
	return inner->kind == DEF_NET_OBJECT;
}

static const char *net_group_member(struct asa *a, struct def *d, struct line *l,
				    struct gather *g, unsigned depth)
{
	const char *why;

	if (!line_take(l, "network-object"))
		return "not understood inside `object-group network`";
	if (line_take(l, "object")) {
		struct word name = line_next(l);

		asa_nested(a, d, asa_object(a, name), name, "object", l->no, depth,
			   fits_net_object, g);
		return NULL;
	}
	if (line_take(l, "host"))
		why = member_host(a, l, g);
	else
		why = member_subnet(a, l, g);
	if (!why && !line_ended(l))
		why = "there is more on the line than was understood";
	if (!why)
		ASA_EXACT(a, l->no);
	return why;
}

static bool takes_groups(const struct def *d)
{
	return d->kind == DEF_NET_GROUP || d->kind == DEF_SERVICE_GROUP ||
	       d->kind == DEF_PORT_GROUP || d->kind == DEF_PROTOCOL_GROUP ||
	       d->kind == DEF_ICMP_GROUP;
}

static const char *member(struct asa *a, struct def *d, struct line *l, struct gather *g,
			  unsigned depth)
{
	const char *why = NULL;
	const struct match *m;

	if (takes_groups(d) && line_take(l, "group-object")) {
		struct word name = line_next(l);

		asa_nested(a, d, asa_group(a, name), name, "object-group", l->no, depth,
			   fits_group, g);
		return NULL;
	}
	switch (d->kind) {
	case DEF_NET_OBJECT:
		return net_object_member(a, l, g);
	case DEF_NET_GROUP:
		return net_group_member(a, d, l, g, depth);
	case DEF_SERVICE_OBJECT:
		gather_clear(g);
		if (!line_take(l, "service"))
			return "not understood inside `object service`";
		m = asa_service_spec(a, l, &why);
		if (m) {
			asa_gather(g, m, m, 0);
			asa_class_by(a, l->no, m);
		}
		return why;
	case DEF_SERVICE_GROUP:
		return asa_service_member(a, d, l, g, depth);
	case DEF_PORT_GROUP:
		return asa_port_member(a, l, g);
	case DEF_PROTOCOL_GROUP:
		return asa_protocol_member(a, d, l, g, depth);
	case DEF_ICMP_GROUP:
		return asa_icmp_member(a, l, g);
	default:
		asa_class(a, l->no, ACCOUNT_BOUNDED, true,
			  "users, security groups and applications can't be told from packets");
		m = match_unknown(a->m, asa_loc(a, l->no), "group %s", d->name);
		asa_gather(g, m, m, FAMILIES_BOTH);
		return NULL;
	}
}

void asa_resolve(struct asa *a, struct def *d, unsigned depth)
{
	struct gather g = { 0 };
	struct line l;

	if (d->state)
		return;
	d->state = 1;
	vec_each (no, &d->members) {
		const char *why;

		line_split(a->src, *no, &l);
		why = l.more ? "the line has too many words" : member(a, d, &l, &g, depth);
		if (why) {
			const struct match *m =
				match_unknown(a->m, asa_loc(a, *no),
					      "a line of %s that was not understood", d->name);

			asa_refuse(a, *no, "asa.object-member", "in %s: %s", d->name, why);
			asa_gather(&g, m, m, FAMILIES_BOTH);
		}
	}
	for (int f = 0; f < FAMILY_COUNT; f++) {
		if (!g.spans[f].n)
			continue;
		asa_gather(&g,
			   match_spans(a->m, FIELD_SRC, (enum family)f, g.spans[f].v,
				       g.spans[f].n),
			   match_spans(a->m, FIELD_DST, (enum family)f, g.spans[f].v,
				       g.spans[f].n),
			   1u << f);
	}
	d->empty = !g.src.n;
	d->families = (uint8_t)(g.families ? g.families : FAMILIES_BOTH);
	if (d->kind == DEF_PORT_GROUP) {
		d->sport = match_or_n(a->m, g.src.v, g.src.n);
		d->dport = match_or_n(a->m, g.dst.v, g.dst.n);
	} else {
		d->src = match_or_n(a->m, g.src.v, g.src.n);
		d->dst = match_or_n(a->m, g.dst.v, g.dst.n);
		d->match = d->src;
	}
	gather_free(&g);
	d->state = 2;
}

void asa_resolve_all(struct asa *a)
{
	vec_each (d, &a->defs)
		asa_resolve(a, *d, 0);
}
