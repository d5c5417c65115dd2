/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rule: its options in order, each a condition that narrows. iptables-save writes `!` in
 * front of an option; old ones wrote it behind. What no option table has narrows by an unknown.
 */
#include "collectors/ipt_internal.h"

#include <string.h>

void ipt_and(struct ipt_parse *p, const struct match *m)
{
	p->cond = match_and(p->r->m, p->cond, m);
}

void ipt_and_lasting(struct ipt_parse *p, const struct match *m)
{
	ipt_and(p, m);
	p->touch = match_and(p->r->m, p->touch, m);
}

const struct match *ipt_unknown(struct ipt_parse *p, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *why = arena_vprintf(p->r->arena, fmt, ap);
	va_end(ap);
	if (!p->doubt)
		p->doubt = why;
	return match_unknown(p->r->m, LOC_NONE, "%s", why);
}

const char *ipt_value(struct ipt_parse *p)
{
	const struct ipt_words *w = &p->w;
	if (p->i == w->n)
		return NULL;
	const char *s = w->v[p->i];
	/* "-" alone and "-1" are values; an option has a letter behind its dashes */
	bool option = !w->quoted[p->i] && s[0] == '-' &&
		      ((s[1] == '-' && s[2]) || (s[1] >= 'A' && s[1] <= 'z'));
	if (option || (!w->quoted[p->i] && !strcmp(s, "!")))
		return NULL;
	return w->v[p->i++];
}

bool ipt_number(const char *s, size_t len, uint32_t *ret)
{
	uint64_t n = 0;
	if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		if (len > 10)
			return false;
		for (size_t i = 2; i < len; i++) {
			char c = s[i];
			unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
				     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
				     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
							    : 16;
			if (d == 16)
				return false;
			n = n << 4 | d;
		}
	} else if (!parse_number(s, len, 0, UINT32_MAX, false, &n)) {
		return false; /* also octal: nobody writes it on purpose */
	}
	*ret = (uint32_t)n;
	return true;
}

bool ipt_value_mask(const char *s, uint32_t *ret_value, uint32_t *ret_mask)
{
	const char *slash = strchr(s, '/');
	*ret_mask = UINT32_MAX;
	return ipt_number(s, slash ? (size_t)(slash - s) : strlen(s), ret_value) &&
	       (!slash || ipt_number(slash + 1, strlen(slash + 1), ret_mask));
}

static bool of_family(struct ipt_parse *p, enum family f)
{
	return !p->l->families || p->l->families & 1u << f;
}

bool ipt_span(enum family f, const char *s, size_t len, struct span *ret)
{
	const char *dash = memchr(s, '-', len);
	enum family fa, fb;
	unsigned plen;
	bool host;
	if (dash) {
		size_t first = (size_t)(dash - s);
		return addr_parse(s, first, &fa, &ret->lo) &&
		       addr_parse(dash + 1, len - first - 1, &fb, &ret->hi) && fa == f &&
		       fb == f && addr_compare(ret->lo, ret->hi) <= 0;
	}
	struct addr a;
	if (!prefix_parse(s, len, &fa, &a, &plen, &host) || fa != f)
		return false;
	*ret = span_prefix(f, a, plen);
	return true;
}

/* One address, with a length or a mask, which need not be contiguous. */
static const struct match *one_address(struct ipt_parse *p, enum field f, const char *s,
				       size_t len)
{
	struct matches *m = p->r->m;
	const char *slash = memchr(s, '/', len);
	enum family fa, fm;
	struct addr a, mask;
	uint64_t plen;
	if (!addr_parse(s, slash ? (size_t)(slash - s) : len, &fa, &a))
		return ipt_unknown(p, "address %.*s", (int)len, s);
	if (!of_family(p, fa))
		return ipt_unknown(p, "address %.*s of the other family", (int)len, s);
	if (!slash)
		return match_prefix(m, f, fa, a, addr_bits(fa));
	const char *behind = slash + 1;
	size_t n = len - (size_t)(behind - s);
	if (parse_number(behind, n, 0, addr_bits(fa), true, &plen))
		return match_prefix(m, f, fa, a, (unsigned)plen);
	if (addr_parse(behind, n, &fm, &mask) && fm == fa)
		return match_wild(m, f, fa, a, mask);
	return ipt_unknown(p, "address %.*s", (int)len, s);
}

const struct match *ipt_address(struct ipt_parse *p, enum field f, const char *s)
{
	const struct match *any = match_none(p->r->m);
	for (;;) {
		size_t len = strcspn(s, ",");
		any = match_or(p->r->m, any, one_address(p, f, s, len));
		if (!s[len])
			return any;
		s += len + 1;
	}
}

const struct match *ipt_iface(struct ipt_parse *p, enum field f, const char *s)
{
	size_t len = strlen(s);
	bool prefix = len && s[len - 1] == '+';
	if (!len) /* iptables takes it for "any" */
		return match_all(p->r->m);
	const char *name = arena_strn(p->r->arena, s, len - prefix);
	if (!prefix && p->r->b->dev.open_ports && (f == FIELD_IIF || f == FIELD_OIF)) {
		void **slot = map_at(&p->r->ports, name);
		if (!*slot) {
			*slot = p;
			*vec_add(&p->r->b->ports) = (struct port){
				.name = name, .kind = "interface", .up = true, .at = p->rule->at
			};
		}
	}
	return match_iface(p->r->m, f, name, prefix);
}

static const struct match *negated(struct ipt_parse *p, const struct match *m, bool negate)
{
	return negate ? match_not(p->r->m, m) : m;
}

static void protocol(struct ipt_parse *p, const char *s, bool negate)
{
	unsigned number;
	if (!ipt_proto(s, &number)) {
		ipt_and(p, ipt_unknown(p, "protocol %s", s));
		return;
	}
	if (!number) {
		if (negate)
			ipt_and(p, ipt_unknown(p, "no protocol at all"));
		return;
	}
	p->proto = (int)number;
	p->proto_negated = negate;
	const struct match *is = match_value(p->r->m, FIELD_PROTO, number);
	/* the kernel asks for what is behind the extension headers */
	if (p->family == FAMILY_V6 &&
	    (number == 43 || number == 44 || number == PROTO_AH || number == 60))
		is = match_and(p->r->m, is, ipt_unknown(p, "an extension header as protocol"));
	ipt_and_lasting(p, negated(p, is, negate));
}

enum option {
	OPT_SOURCE,
	OPT_DESTINATION,
	OPT_PROTOCOL,
	OPT_IN,
	OPT_OUT,
	OPT_FRAGMENT,
	OPT_MATCH,
	OPT_JUMP,
	OPT_GOTO,
	OPT_V4,
	OPT_V6,
	OPT_COUNTERS,
	OPT_NOTHING,
	OPT_NOTHING_OF_ONE,
};

static const struct {
	const char *name;
	enum option option;
} generic[] = {
	{ "-s", OPT_SOURCE },
	{ "--source", OPT_SOURCE },
	{ "--src", OPT_SOURCE },
	{ "-d", OPT_DESTINATION },
	{ "--destination", OPT_DESTINATION },
	{ "--dst", OPT_DESTINATION },
	{ "-p", OPT_PROTOCOL },
	{ "--protocol", OPT_PROTOCOL },
	{ "--proto", OPT_PROTOCOL },
	{ "-i", OPT_IN },
	{ "--in-interface", OPT_IN },
	{ "-o", OPT_OUT },
	{ "--out-interface", OPT_OUT },
	{ "-f", OPT_FRAGMENT },
	{ "--fragment", OPT_FRAGMENT },
	{ "--fragments", OPT_FRAGMENT },
	{ "-m", OPT_MATCH },
	{ "--match", OPT_MATCH },
	{ "-j", OPT_JUMP },
	{ "--jump", OPT_JUMP },
	{ "-g", OPT_GOTO },
	{ "--goto", OPT_GOTO },
	{ "-4", OPT_V4 },
	{ "--ipv4", OPT_V4 },
	{ "-6", OPT_V6 },
	{ "--ipv6", OPT_V6 },
	{ "-c", OPT_COUNTERS },
	{ "--set-counters", OPT_COUNTERS },
	{ "-n", OPT_NOTHING },
	{ "--numeric", OPT_NOTHING },
	{ "-v", OPT_NOTHING },
	{ "--verbose", OPT_NOTHING },
	{ "-w", OPT_NOTHING_OF_ONE },
	{ "--wait", OPT_NOTHING_OF_ONE },
	{ "--modprobe", OPT_NOTHING_OF_ONE },
};

static int generic_option(const char *s)
{
	for (size_t i = 0; i < sizeof(generic) / sizeof(*generic); i++)
		if (!strcmp(generic[i].name, s))
			return (int)generic[i].option;
	return -1;
}

static void jump(struct ipt_parse *p, bool go_to)
{
	const char *s = ipt_value(p);
	if (!s || p->target) {
		ipt_and(p,
			ipt_unknown(p, s ? "more than one target" : "a target without a name"));
		return;
	}
	p->target = arena_str(p->r->arena, s);
	p->go_to = go_to;
	p->first = p->i;
	p->n_after = p->n_modules;
}

/* An option of iptables itself; negate and value have been dealt with where it takes one. */
static void do_generic(struct ipt_parse *p, enum option o, bool negate)
{
	struct matches *m = p->r->m;
	if (o <= OPT_OUT || o == OPT_MATCH) {
		if (p->i < p->w.n && !p->w.quoted[p->i] && !strcmp(p->w.v[p->i], "!"))
			negate = !negate, p->i++;
		const char *s = ipt_value(p);
		if (!s) {
			ipt_and(p, ipt_unknown(p, "an option without its value"));
			return;
		}
		if (o == OPT_SOURCE || o == OPT_DESTINATION) {
			enum field f = o == OPT_SOURCE ? FIELD_SRC : FIELD_DST;
			ipt_and_lasting(p, negated(p, ipt_address(p, f, s), negate));
		} else if (o == OPT_PROTOCOL) {
			protocol(p, s, negate);
		} else if (o == OPT_MATCH) {
			ipt_module(p, s);
			if (negate)
				ipt_and(p, ipt_unknown(p, "a match turned round as a whole"));
		} else {
			enum field f = o == OPT_IN ? FIELD_IIF : FIELD_OIF;
			ipt_and_lasting(p, negated(p, ipt_iface(p, f, s), negate));
		}
		return;
	}
	switch (o) {
	case OPT_FRAGMENT:
		ipt_and(p, match_value(m, FIELD_FRAGMENT, !negate));
		if (p->family == FAMILY_V6)
			ipt_and(p, ipt_unknown(p, "-f, which ip6tables has not"));
		break;
	case OPT_JUMP:
	case OPT_GOTO:
		jump(p, o == OPT_GOTO);
		break;
	case OPT_V4:
	case OPT_V6:
		/* iptables-restore leaves out what is for the other family */
		if (p->l->families)
			p->rule->other |= !(p->l->families & (o == OPT_V4 ? IPT_V4 : IPT_V6));
		else
			ipt_and(p, match_family(m, o == OPT_V4 ? FAMILY_V4 : FAMILY_V6));
		break;
	case OPT_COUNTERS:
		ipt_value(p);
		ipt_value(p);
		break;
	case OPT_NOTHING_OF_ONE:
		ipt_value(p);
		break;
	default:
		break;
	}
}

static void option_of_match(struct ipt_parse *p, const char *s, bool negate)
{
	p->i++;
	if (ipt_option(p, s, negate))
		return;
	ipt_and(p, ipt_unknown(p, "option %s", s));
	while (ipt_value(p))
		;
}

static void words(struct ipt_parse *p)
{
	bool negate = false;
	struct ipt_words *w = &p->w;
	while (p->i < w->n) {
		const char *s = w->v[p->i];
		bool quoted = w->quoted[p->i];
		if (!quoted && !strcmp(s, "!")) {
			negate = !negate;
			p->i++;
			continue;
		}
		int o = quoted ? -1 : generic_option(s);
		if (o >= 0) {
			p->i++;
			do_generic(p, (enum option)o, negate);
		} else if (p->target && p->n_modules == p->n_after &&
			   !ipt_chain_find(p->chain->table, p->target) &&
			   strcmp(p->target, "ACCEPT") && strcmp(p->target, "DROP") &&
			   strcmp(p->target, "RETURN") && strcmp(p->target, "QUEUE")) {
			p->i++; /* the target's own */
		} else if (!quoted && s[0] == '-' && s[1] == '-' && s[2]) {
			option_of_match(p, s, negate);
		} else {
			ipt_and(p, ipt_unknown(p, "\"%s\"", s));
			p->i++;
		}
		negate = false;
	}
	if (negate)
		ipt_and(p, ipt_unknown(p, "\"!\" with nothing behind it"));
}

void ipt_rule(struct ipt_parse *p)
{
	struct ipt_rule *rule = p->rule;
	p->cond = p->touch = match_all(p->r->m);
	p->proto = -1;
	p->family = p->l->families == IPT_V6 ? FAMILY_V6 : FAMILY_V4;
	if (p->w.overflow || p->w.open_quote)
		ipt_and(p, ipt_unknown(p, p->w.overflow ? "more words than are read"
							: "a quote that does not end"));
	words(p);
	ipt_modules_end(p);
	ipt_target(p);
	rule->cond = p->cond;
	rule->n_asks = (uint16_t)p->asks.n;
	rule->asks = p->asks.n ? vec_keep(p->r->arena, &p->asks) : NULL;
	vec_free(&p->asks);
	if (p->doubt)
		diag_warning(p->r->d, "ipt.not-understood", rule->at,
			     "not understood: %s; both ways count", p->doubt);
}
