/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions as people read them. */
#include "model/match.h"

#include <string.h>

#include "base/text.h"

static const char *const field_names[FIELD_COUNT] = {
	[FIELD_FAMILY] = "family",   [FIELD_PROTO] = "proto",	  [FIELD_SRC] = "src",
	[FIELD_DST] = "dst",	     [FIELD_SPORT] = "sport",	  [FIELD_DPORT] = "dport",
	[FIELD_ICMP_TYPE] = "type",  [FIELD_ICMP_CODE] = "code",  [FIELD_FLAGS] = "flags",
	[FIELD_STATE] = "state",     [FIELD_FRAGMENT] = "frag", [FIELD_IIF] = "iif",
	[FIELD_OIF] = "oif",	     [FIELD_PHYSIN] = "physin",  [FIELD_PHYSOUT] = "physout",
	[FIELD_MAC] = "mac",
};

static void print_value(struct text *t, enum field f, unsigned v)
{
	const char *name = f == FIELD_PROTO  ? proto_name(v)
			   : f == FIELD_STATE ? state_name(v)
			   : f == FIELD_FAMILY ? (v ? "ipv6" : "ipv4")
					       : NULL;
	if (name)
		text_put(t, name);
	else
		text_putf(t, "%u", v);
}

enum { PRINT_WEIGHT = 1 << 14 }; /* nodes of a tree that people are still shown */
enum { PRINT_MOST = 64 }; /* items of a long list; the rest is counted */

static void print_more(struct text *t, uint32_t n)
{
	if (n > PRINT_MOST)
		text_putf(t, ",(%u more)", n - PRINT_MOST);
}

static void print_leaf(struct text *t, const struct match *m)
{
	text_put(t, field_names[m->field]);
	text_putc(t, ' ');
	if (m->kind == MATCH_RANGES) {
		for (uint32_t i = 0; i < m->n && i < PRINT_MOST; i++) {
			if (i)
				text_putc(t, ',');
			print_value(t, m->field, m->ranges[i].lo);
			if (m->ranges[i].hi != m->ranges[i].lo) {
				text_putc(t, '-');
				print_value(t, m->field, m->ranges[i].hi);
			}
		}
		print_more(t, m->n);
	} else if (m->kind == MATCH_SPANS) {
		for (uint32_t i = 0; i < m->n && i < PRINT_MOST; i++) {
			if (i)
				text_putc(t, ',');
			struct text one = { 0 };
			span_print(&one, m->family, m->spans[i]);
			bool any = !strcmp(one.s, "any");
			text_put(t, any ? m->family == FAMILY_V4 ? "any4" : "any6" : one.s);
			text_finish(&one);
		}
		print_more(t, m->n);
	} else if (m->kind == MATCH_WILD) {
		addr_print(t, m->family, m->wild.value);
		text_put(t, " mask ");
		addr_print(t, m->family, m->wild.mask);
	} else if (m->kind == MATCH_FLAGS) {
		text_putf(t, "0x%02x/0x%02x", m->flags.value, m->flags.mask);
	} else if (!*m->iface.name && !m->iface.prefix) {
		text_put(t, "none");
	} else {
		text_putf(t, "%s%s", m->iface.name, m->iface.prefix ? "*" : "");
	}
}

static void print_within(struct text *t, const struct match *m, bool inside)
{
	const char *joint = m->kind == MATCH_AND ? " and " : " or ";
	switch ((enum match_kind)m->kind) {
	case MATCH_ALL:
		text_put(t, "any");
		return;
	case MATCH_NONE:
		text_put(t, "nothing");
		return;
	case MATCH_UNKNOWN:
		text_putf(t, "unknown(%s)", m->unknown.reason);
		return;
	case MATCH_NOT:
		text_put(t, "not ");
		print_within(t, m->kids[0], true);
		return;
	case MATCH_AND:
	case MATCH_OR:
		if (m->weight > PRINT_WEIGHT) {
			text_putf(t, "(a condition of %u parts)", m->weight);
			return;
		}
		if (inside)
			text_putc(t, '(');
		for (uint32_t i = 0; i < m->n && i < PRINT_MOST; i++) {
			if (i)
				text_put(t, joint);
			print_within(t, m->kids[i], true);
		}
		if (m->n > PRINT_MOST)
			text_putf(t, "%s(%u more)", joint, m->n - PRINT_MOST);
		if (inside)
			text_putc(t, ')');
		return;
	default:
		print_leaf(t, m);
	}
}

void match_print(struct text *t, const struct match *m)
{
	print_within(t, m, false);
}
