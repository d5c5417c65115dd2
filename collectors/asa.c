/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cisco ASA configurations, PIX 6.3 to ASA 9.x, and the firewall services module. The text is
 * what `show running-config` prints, or a script of the same commands. This file knows the
 * file as a whole: where a configuration begins and ends, which line belongs to which block,
 * and what became of every line.
 */
#include "collectors/asa_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

extern const struct collector collector_asa;

/* Configurations */

static void settle_version(struct asa *a)
{
	bool v9 = a->version_known && a->flavour == ASA_ASA && a->major >= 9;
	bool old = (a->version_known && a->major < 9) || a->flavour == ASA_FWSM ||
		   a->flavour == ASA_PIX || a->pix6 || a->saw_v6_list || a->saw_old_nat;

	if (a->flavour == ASA_PIX && a->version_known && a->major < 7)
		a->pix6 = true;
	if (a->pix6)
		a->nat_control = true;
	if (a->flavour == ASA_ASA && a->version_known &&
	    (a->major > 8 || (a->major == 8 && a->minor >= 3)))
		a->nat_control = false;
	if (v9 || (!old && a->saw_any46))
		a->any = ASA_ANY_BOTH;
	else if (old)
		a->any = ASA_ANY_V4;
	/* Without an IPv6 address on any port no IPv6 is routed, whatever lists say. */
	else if (a->intf_names.n && !a->saw_v6 && !a->transparent)
		a->any = ASA_ANY_V4;
	else
		a->any = ASA_ANY_UNSURE;
}

static void build(struct asa *a)
{
	settle_version(a);
	a->b = device_build_start(a->snap, a->name, "asa", a->c->plane,
				  source_line_loc(a->src, a->first));
	a->b->dev.hostname = a->hostname;
	asa_ports_build(a);
	asa_resolve_all(a);
	asa_lists_build(a);
	asa_routes_build(a);
	asa_nat_build(a);
	asa_extras_build(a);
	asa_bind_build(a);
	if (a->any == ASA_ANY_BOTH && a->saw_v6_list)
		asa_reject(a, a->first, NULL, "asa.version",
			   "lists for IPv6 alone in a version that has none");
	for (size_t i = 0; i < a->taints.n && i < ASA_TAINTS; i++)
		device_build_taint(a->b, a->taints.v[i].port, asa_loc(a, a->taints.v[i].line),
				   "%s", a->taints.v[i].why);
	if (a->taints.n > ASA_TAINTS)
		device_build_taint(a->b, NULL, asa_loc(a, a->taints.v[ASA_TAINTS].line),
				   "%zu more lines like these", a->taints.n - ASA_TAINTS);
	device_build_finish(a->b);
}

static void finish(struct asa *a)
{
	vec_each (d, &a->defs)
		vec_free(&(*d)->members);
	vec_each (l, &a->all_lists)
		vec_free(&(*l)->aces);
	vec_each (i, &a->intfs) {
		vec_free(&(*i)->prefixes);
		vec_free(&(*i)->addrs);
		vec_free(&(*i)->standby);
	}
	asa_routes_finish(a);
	vec_free(&a->verifies);
	map_finish(&a->names);
	map_finish(&a->objects);
	map_finish(&a->groups);
	map_finish(&a->lists);
	map_finish(&a->lists6);
	map_finish(&a->time_ranges);
	map_finish(&a->intf_names);
	map_finish(&a->intf_hw);
	vec_free(&a->defs);
	vec_free(&a->all_lists);
	vec_free(&a->intfs);
	vec_free(&a->bindings);
	vec_free(&a->conduits);
	vec_free(&a->nat_lines);
	vec_free(&a->routes);
	vec_free(&a->aaa_lines);
	vec_free(&a->filters);
	vec_free(&a->crypto);
	vec_free(&a->pools);
	vec_free(&a->vpn_ports);
	vec_free(&a->modules);
	vec_free(&a->object_nats);
	vec_free(&a->extras);
	vec_free(&a->taints);
}

/* Where configurations begin: at a `: Saved` or version line behind another one's. */
struct section {
	uint32_t first, last;
};

typedef VEC(struct section) section_vec;

static void split_sections(const struct source *src, section_vec *ret)
{
	bool version = false, content = false;
	struct section s = { 1, src->n_lines };
	uint32_t saved = 0; /* of a head that goes on until the version line */

	for (uint32_t no = 1; no <= src->n_lines; no++) {
		struct line l;
		enum asa_flavour f;

		line_split(src, no, &l);
		if (!l.n || l.w[0].s[0] == '!')
			continue;
		if (l.n == 2 && word_is(l.w[0], ":") && word_is(l.w[1], "Saved")) {
			saved = no;
		} else if (l.w[0].s[0] == ':') {
			continue;
		} else if (!l.indent && asa_version_line(&l, &f)) {
			if (version && content && ret->n + 1 < ASA_CONTEXTS) {
				s.last = (saved ? saved : no) - 1;
				*vec_add(ret) = s;
				s = (struct section){ s.last + 1, src->n_lines };
				content = false;
			}
			version = true;
			saved = 0;
		} else {
			content = true;
			saved = 0;
		}
	}
	*vec_add(ret) = s;
}

/* Output of a show command that is no configuration, or NULL. */
static const char *show_output(const struct source *src)
{
	for (uint32_t no = 1; no <= src->n_lines && no <= 40; no++) {
		struct line l;

		line_split(src, no, &l);
		if (l.n < 2)
			continue;
		if (word_is(l.w[0], "access-list")) {
			if (word_is(l.w[1], "cached"))
				return "show access-list";
			if (l.n >= 4 && l.w[1].len && l.w[1].s[l.w[1].len - 1] == ';' &&
			    word_starts(l.w[3], "elements"))
				return "show access-list";
			for (unsigned i = 2; i < l.n; i++)
				if (word_starts(l.w[i], "(hitcnt="))
					return "show access-list";
		}
		if ((word_is(l.w[0], "Manual") || word_is(l.w[0], "Auto")) &&
		    word_is(l.w[1], "NAT"))
			return "show nat";
		if (word_is(l.w[0], "Interface") && word_starts(l.w[1], "IP-Address"))
			return "show interface ip brief";
		if (word_is(l.w[0], "Codes:"))
			return "show route";
	}
	return NULL;
}

/* Blank lines and comments alone: a firewall without a configuration is not believed. */
static int no_lines(struct collect *c, const struct source *src)
{
	struct account *acc = snapshot_account(c->snap, src, "asa", "line");

	acc->failed = true;
	for (uint32_t no = 1; no <= src->n_lines; no++)
		account_add(c->snap, acc, ACCOUNT_IRRELEVANT, false, source_line_loc(src, no),
			    NULL);
	return diag_error(c->diags, ENODATA, "asa.empty", source_line_loc(src, 1),
			  "there is no configuration in this file: export `show "
			  "running-config` again");
}

static int not_configuration(struct collect *c, const struct source *src, const char *show)
{
	struct account *acc = snapshot_account(c->snap, src, "asa", "line");

	acc->failed = true;
	for (uint32_t no = 1; no <= src->n_lines; no++)
		account_add(c->snap, acc, ACCOUNT_REJECTED, false, source_line_loc(src, no),
			    "no line of a configuration");
	if (show)
		return diag_error(c->diags, EINVAL, "asa.not-configuration",
				  source_line_loc(src, 1),
				  "this is the output of `%s`, not a configuration: export "
				  "`show running-config` (or `more system:running-config`)",
				  show);
	return diag_error(c->diags, EINVAL, "asa.not-configuration", source_line_loc(src, 1),
			  "this does not look like an ASA, PIX or FWSM configuration: export "
			  "`show running-config`");
}

/* The device's name: the estate's, and the host's behind it where there are several. */
static const char *section_name(struct collect *c, struct asa *a, size_t n, size_t index)
{
	const char *name = c->device, *host = a->hostname;

	if (n > 1) {
		if (a->system_space)
			host = "system";
		name = host ? arena_printf(a->arena, "%s:%s", c->device, host)
			    : arena_printf(a->arena, "%s:%zu", c->device, index + 1);
	}
	if (snapshot_device(c->snap, name) && n == 1 && host)
		name = arena_printf(a->arena, "%s:%s", c->device, host);
	for (unsigned k = 2; snapshot_device(c->snap, name) && k < 10000; k++)
		name = arena_printf(a->arena, "%s:%s#%u", c->device, host ? host : "", k);
	return name;
}

static const char *find_hostname(struct asa *a)
{
	for (uint32_t no = a->first; no <= a->last; no++) {
		struct line l;

		line_split(a->src, no, &l);
		if (!l.indent && l.n > 1 && word_is(l.w[0], "hostname"))
			return asa_str(a, l.w[1]);
	}
	return NULL;
}

static int read_section(struct asa *a, size_t n, size_t index)
{
	struct asa_reader r = { .a = a };
	int err = 0;

	for (uint32_t no = a->first; no <= a->last; no++) {
		enum asa_flavour f;
		struct line l;

		line_split(a->src, no, &l);
		if (!l.indent && asa_version_line(&l, &f) &&
		    word_is(line_peek(&l, 3), "<system>"))
			a->system_space = true;
	}
	a->hostname = find_hostname(a);
	a->name = section_name(a->c, a, n, index);
	for (uint32_t no = a->first; no <= a->last; no++)
		asa_take_line(&r, no);
	if (a->saved_mark && !a->end_mark) {
		err = diag_error(
			a->d, EBADMSG, "asa.truncated", asa_loc(a, a->last),
			"the configuration begins with \": Saved\" but does not end with "
			"\": end\": it was cut off; export it again, whole");
		*vec_add(&a->taints) =
			(struct asa_taint){ a->last, NULL, "the configuration was cut off" };
	}
	if (a->flavour != ASA_UNKNOWN && !a->saved_mark && !a->end_mark)
		diag_note(a->d, "asa.no-end-mark", asa_loc(a, a->last),
			  "the configuration does not end with \": end\", so nothing tells "
			  "whether "
			  "it is whole");
	build(a);
	finish(a);
	return err;
}

/* Counts every line once, in order. */
static void write_account(struct collect *c, const struct source *src,
			  const struct line_state *state, struct account *acc)
{
	for (uint32_t no = 1; no <= src->n_lines; no++) {
		const struct line_state *s = &state[no - 1];
		enum account_class class =
			s->counted ? (enum account_class)s->class : ACCOUNT_REJECTED;

		account_add(c->snap, acc, class, s->policy, source_line_loc(src, no),
			    s->why ? s->why : "not understood");
	}
}

/* Whether anything in the file is a line of a firewall's configuration. */
static bool looks_like(const struct source *src, bool *ret_empty)
{
	size_t known = 0, unknown = 0;
	bool block = false;

	for (uint32_t no = 1; no <= src->n_lines; no++) {
		struct line l;
		enum asa_flavour f;

		line_split(src, no, &l);
		if (!l.n || l.w[0].s[0] == '!' || l.w[0].s[0] == ':')
			continue;
		if (asa_version_line(&l, &f) || asa_keyword(l.w[0]) != KW_UNKNOWN) {
			known++;
			block = true;
		} else if (!(block && l.indent)) {
			unknown++;
		}
	}
	*ret_empty = !known && !unknown;
	return known >= unknown;
}

static int asa_read(struct collect *c, const struct source *src)
{
	const char *show = show_output(src);
	struct line_state *state;
	struct account *acc;
	section_vec sections = { 0 };
	bool empty = false;
	int err = 0;

	if (show || !looks_like(src, &empty))
		return not_configuration(c, src, show);
	if (empty)
		return no_lines(c, src);
	acc = snapshot_account(c->snap, src, "asa", "line");
	state = xcalloc((size_t)src->n_lines + 1, sizeof(*state));
	split_sections(src, &sections);
	if (sections.n == ASA_CONTEXTS)
		err = diag_error(c->diags, E2BIG, "asa.too-many-contexts",
				 source_line_loc(src, sections.v[sections.n - 1].first),
				 "more than %d configurations in one file: give each its own",
				 ASA_CONTEXTS - 1);
	for (size_t i = 0; i < sections.n; i++) {
		struct asa a = { .c = c,
				 .snap = c->snap,
				 .d = c->diags,
				 .arena = c->snap->arena,
				 .m = &c->snap->matches,
				 .src = src,
				 .state = state,
				 .first = sections.v[i].first,
				 .last = sections.v[i].last };
		int one = read_section(&a, sections.n, i);

		err = err ? err : one;
	}
	write_account(c, src, state, acc);
	acc->failed = err != 0;
	vec_free(&sections);
	free(state);
	return err;
}

/* Probing */

struct probe {
	int score;
	bool version, other;
	bool numbered; /* lists that IOS writes as well: only their masks tell */
	bool netmask, wildcard;
};

/* "access-list 101 permit tcp 10.0.0.0 255.255.255.0 any": a mask of which vendor's kind? */
static void probe_numbered(struct probe *p, const struct line *l)
{
	p->numbered = true;
	/* a standard list of IOS tells no protocol; the firewalls' has the word standard */
	p->other |= memchr(l->w[3].s, '.', l->w[3].len) || word_is(l->w[3], "any") ||
		    word_is(l->w[3], "host");
	for (size_t i = 3; i < l->n; i++) {
		p->netmask |= word_starts(l->w[i], "255.");
		p->wildcard |= word_starts(l->w[i], "0.") && !word_is(l->w[i], "0.0.0.0");
	}
}

static void probe_line(struct probe *p, const struct line *l)
{
	enum asa_flavour f;

	if (!l->indent && asa_version_line(l, &f)) {
		p->version = true;
		return;
	}
	if (l->n < 2)
		return;
	if (((word_is(l->w[0], "ip") || word_is(l->w[0], "mac")) &&
	     (word_is(l->w[1], "access-list") || word_is(l->w[1], "access-group") ||
	      word_is(l->w[1], "route"))) ||
	    (word_is(l->w[0], "line") &&
	     (word_is(l->w[1], "vty") || word_is(l->w[1], "con"))) ||
	    (word_is(l->w[0], "version") && !l->indent) ||
	    (word_is(l->w[0], "ipv6") && word_is(l->w[1], "traffic-filter")))
		p->other = true; /* IOS has these, no firewall does */
	else if (word_is(l->w[0], "access-list") && l->n > 5 && word_is(l->w[2], "extended") &&
		 (word_is(l->w[3], "permit") || word_is(l->w[3], "deny")))
		p->score += 80;
	else if (word_is(l->w[0], "access-list") && l->n > 3 &&
		 (word_is(l->w[2], "extended") || word_is(l->w[2], "standard") ||
		  word_is(l->w[2], "ethertype") || word_is(l->w[2], "webtype") ||
		  word_is(l->w[2], "line")))
		p->score += 30;
	else if (word_is(l->w[0], "access-group") && l->n >= 3 &&
		 (word_is(l->w[2], "global") || (l->n > 4 && word_is(l->w[3], "interface"))))
		p->score += 30;
	else if (word_is(l->w[0], "security-level") || word_is(l->w[0], "nameif"))
		p->score += 20;
	else if (word_is(l->w[0], "same-security-traffic") || word_is(l->w[0], "fixup") ||
		 word_is(l->w[0], "conduit") || word_is(l->w[0], "threat-detection") ||
		 word_is(l->w[0], "nat-control"))
		p->score += 20;
	else if (word_is(l->w[0], "object") &&
		 (word_is(l->w[1], "network") || word_is(l->w[1], "service")))
		p->score += 10;
	else if ((word_is(l->w[0], "nat") || word_is(l->w[0], "global") ||
		  word_is(l->w[0], "static")) &&
		 l->w[1].s[0] == '(')
		p->score += 20;
	else if (word_is(l->w[0], "clear") && word_starts(l->w[1], "config"))
		p->score += 10;
	else if ((word_is(l->w[0], "ssh") || word_is(l->w[0], "telnet") ||
		  word_is(l->w[0], "http")) &&
		 l->n == 4 && l->w[1].s[0] >= '0' && l->w[1].s[0] <= '9')
		p->score += 25;
	else if (word_is(l->w[0], ":") && word_is(l->w[1], "Saved"))
		p->score += 20;
	else if (word_is(l->w[0], "access-list") && l->n > 3 && l->w[1].s[0] >= '0' &&
		 l->w[1].s[0] <= '9' && (word_is(l->w[2], "permit") || word_is(l->w[2], "deny")))
		probe_numbered(p, l);
	else if (word_is(l->w[0], "access-list") && l->n > 6 && word_is(l->w[2], "permit") &&
		 !(l->w[1].s[0] >= '0' && l->w[1].s[0] <= '9'))
		p->score += 15; /* PIX: a name where IOS has a number */
}

static int asa_probe(const char *head, size_t len, const char *filename)
{
	struct probe p = { 0 };
	size_t lines = 0;

	for (size_t at = 0; at < len && lines < 4000; lines++) {
		const char *end = memchr(head + at, '\n', len - at);
		const char *cr = memchr(head + at, '\r',
					end ? (size_t)(end - head - (ptrdiff_t)at) : len - at);
		size_t n = end ? (size_t)(end - head) - at : len - at;
		struct line l;

		if (cr && (size_t)(cr - head) - at < n)
			n = (size_t)(cr - head) - at;
		line_of(head + at, n, &l);
		if (l.n)
			probe_line(&p, &l);
		at += n + 1;
	}
	if (p.version)
		return 98;
	if (p.other)
		return 0;
	if (!p.score && p.numbered && p.wildcard == p.netmask)
		return 30; /* as likely as IOS */
	if (!p.score && p.numbered)
		return p.netmask ? 40 : 0;
	return p.score > 90 ? 90 : p.score;
}

const struct collector collector_asa = {
	.name = "asa",
	.summary = "Cisco ASA, PIX and FWSM configurations (show running-config)",
	.plane = PLANE_PHYSICAL,
	.probe = asa_probe,
	.read = asa_read,
};
