/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which block a line belongs to. `show running-config` indents the lines of a block; a script
 * may not, so that a word which only makes sense inside the open block is taken there. A
 * command that the firewall obeys wherever it stands ends the block.
 */
#include "collectors/asa_internal.h"

#include <string.h>

static void object_sub(struct asa_reader *r, struct line *l)
{
	struct asa *a = r->a;

	if (line_at(l, "description")) {
		asa_irrelevant(a, l->no);
	} else if (line_at(l, "nat") && r->def->kind == DEF_NET_OBJECT) {
		a->saw_new_nat = true;
		*vec_add(&a->object_nats) = (__typeof__(*a->object_nats.v)){ l->no, r->def };
	} else if (line_at(l, "no")) {
		asa_refuse(a, l->no, "asa.command",
			   "takes a member back: give the running configuration instead");
		*vec_add(&r->def->members) = l->no;
	} else {
		*vec_add(&r->def->members) = l->no;
	}
}

static void policy_map_sub(struct asa *a, struct line *l)
{
	struct word w = line_peek(l, 0);

	if (word_is(w, "sfr") || word_is(w, "cxsc") || word_is(w, "ips") || word_is(w, "csc")) {
		bool monitor = false;

		for (unsigned i = 1; i < l->n; i++)
			monitor |= word_is(l->w[i], "monitor-only") ||
				   word_is(l->w[i], "promiscuous");
		if (monitor) {
			asa_irrelevant(a, l->no);
			return;
		}
		asa_bounded(a, l->no, "a module with rules of its own sees the packets");
		*vec_add(&a->modules) = l->no;
	} else if (word_is(w, "set") && word_is(line_peek(l, 1), "connection") &&
		   word_is(line_peek(l, 2), "advanced-options")) {
		if (word_is(line_peek(l, 3), "tcp-state-bypass"))
			asa_reject(a, l->no, NULL, "asa.state-bypass",
				   "some conversations pass without state");
		else
			asa_irrelevant(a, l->no);
	} else if (word_is(w, "set") && word_is(line_peek(l, 1), "connection")) {
		asa_bounded(a, l->no, "connections may be refused for their number");
	} else {
		asa_irrelevant(a, l->no);
	}
}

static void sub_line(struct asa_reader *r, struct line *l)
{
	struct asa *a = r->a;

	switch (r->mode) {
	case MODE_INTERFACE:
		asa_interface_sub(a, l, r->intf);
		break;
	case MODE_OBJECT:
		object_sub(r, l);
		break;
	case MODE_TIME_RANGE:
		asa_bounded(a, l->no, "what the time is isn't known");
		break;
	case MODE_POLICY_MAP:
		policy_map_sub(a, l);
		break;
	case MODE_ROUTE_MAP:
		asa_route_map_sub(a, l);
		break;
	case MODE_WEBVPN:
		if (line_at(l, "enable") && l->n > 1 && !a->state[l->no - 1].counted) {
			a->user_lists = true;
			*vec_add(&a->vpn_ports) = l->no;
			break;
		}
		asa_irrelevant(a, l->no);
		break;
	case MODE_TUNNEL_GROUP:
		if (line_at(l, "vpn-framed-ip-address") || line_at(l, "dhcp-server"))
			a->framed_addresses = true;
		asa_irrelevant(a, l->no);
		asa_note_uses(a, l);
		break;
	case MODE_REFUSED:
		asa_class(a, l->no, ACCOUNT_REJECTED, true,
			  "belongs to a line that was not understood");
		break;
	default:
		asa_irrelevant(a, l->no);
		asa_note_uses(a, l);
		break;
	}
}

/* Commands that a firewall obeys wherever they stand; inside a block they end it. */
static bool always_top(const struct line *l)
{
	static const char *const words[] = { "access-list", "access-group", "object-group",
					     "conduit", "same-security-traffic" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (word_is(l->w[0], words[i]))
			return true;
	return word_is(l->w[0], "object") && l->n > 2 &&
	       (word_is(l->w[1], "network") || word_is(l->w[1], "service"));
}

/* Whether a line without indentation still belongs to the block that is open. */
static bool belongs(const struct asa_reader *r, const struct line *l)
{
	static const char *const members[] = {
		"network-object",  "port-object", "service-object",
		"protocol-object", "icmp-object", "group-object",
		"description",	   "host",	  "subnet",
		"range",	   "fqdn"
	};

	static const char *const inspections[] = {
		"parameters", "match", "class", "inspect", "set",      "sfr",
		"cxsc",	      "ips",   "csc",	"police",  "priority", "user-statistics"
	};

	if (r->mode == MODE_POLICY_MAP || r->mode == MODE_BLOCK) {
		for (size_t i = 0; i < sizeof(inspections) / sizeof(inspections[0]); i++)
			if (word_is(l->w[0], inspections[i]))
				return r->mode == MODE_POLICY_MAP || i < 2;
		return false;
	}
	if (r->mode == MODE_INTERFACE)
		return asa_interface_word(l);
	if (r->mode == MODE_ROUTE_MAP)
		return word_is(l->w[0], "match") || word_is(l->w[0], "set");
	if (r->mode == MODE_TIME_RANGE)
		return word_is(l->w[0], "periodic") || word_is(l->w[0], "absolute");
	if (r->mode == MODE_REFUSED)
		return asa_keyword(l->w[0]) == KW_UNKNOWN;
	if (r->mode != MODE_OBJECT)
		return false;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (word_is(l->w[0], members[i]))
			return true;
	if (word_is(l->w[0], "service"))
		return r->def->kind == DEF_SERVICE_OBJECT && l->n > 1 &&
		       asa_protocol(l->w[1]) >= 0;
	if (word_is(l->w[0], "nat") && r->def->kind == DEF_NET_OBJECT) {
		for (unsigned i = 1; i < l->n; i++)
			if (word_is(l->w[i], "source"))
				return false;
		return true;
	}
	return false;
}

/* "hostname# show running-config", "<--- More --->": left over from a terminal. */
static bool terminal_line(const struct line *l)
{
	struct word w = l->w[0];

	if (word_is(w, "<---") && l->n > 1 && word_is(l->w[1], "More"))
		return true;
	if (w.len > 1 && (w.s[w.len - 1] == '#' || w.s[w.len - 1] == '>'))
		return l->n == 1 || word_starts(l->w[1], "sh") || word_starts(l->w[1], "ter") ||
		       word_starts(l->w[1], "exit") || word_starts(l->w[1], "more") ||
		       word_starts(l->w[1], "en") || word_starts(l->w[1], "wr") ||
		       word_starts(l->w[1], "changeto");
	return false;
}

void asa_take_line(struct asa_reader *r, uint32_t no)
{
	struct asa *a = r->a;
	struct line l;

	line_split(a->src, no, &l);
	if (!l.n || l.w[0].s[0] == '!' || l.w[0].s[0] == ':') {
		asa_irrelevant(a, no);
		if (l.n > 1 && l.w[0].len == 1 && l.w[0].s[0] == ':') {
			if (word_is(l.w[1], "Saved") && !a->saved_mark) {
				a->saved_mark = true;
				a->saved_line = no;
			} else if (word_is(l.w[1], "end")) {
				a->end_mark = true;
			}
		}
		return;
	}
	if (word_starts(l.w[0], "Cryptochecksum:"))
		a->end_mark = true;
	if (terminal_line(&l)) {
		asa_irrelevant(a, no);
		return;
	}
	if (word_is(l.w[0], "exit") && r->mode != MODE_NONE) {
		asa_irrelevant(a, no);
		if (l.indent <= r->indent)
			r->mode = MODE_NONE;
		return;
	}
	if (r->mode != MODE_NONE && !always_top(&l) &&
	    (l.indent > r->indent || belongs(r, &l))) {
		sub_line(r, &l);
		return;
	}
	r->indent = l.indent;
	asa_top_line(r, &l);
}
