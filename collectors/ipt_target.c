/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of the packet: -j and -g (iptables-extensions(8), TARGET EXTENSIONS). A target
 * that isn't known may do anything: its verdict is unknown, and so are marks and addresses
 * behind it.
 */
#include "collectors/ipt_internal.h"

#include <errno.h>
#include <string.h>

enum fate {
	FATE_ACCEPT,
	FATE_DROP,
	FATE_RETURN,
	FATE_GO_ON,
	FATE_UNKNOWN,
	FATE_MARK,
	FATE_CONNMARK,
	FATE_CT,
	FATE_SET,
	FATE_NAT_SOURCE,
	FATE_NAT_DESTINATION,
	FATE_NAT_BOTH, /* by the hook */
	FATE_REDIRECT,
	FATE_PREFIX, /* stateless, both ways */
};

static const struct target {
	const char *name;
	enum fate fate;
	bool tracks, marks; /* asks for connection tracking; may set the mark */
	const char *why;    /* of FATE_UNKNOWN */
} targets[] = {
	{ "ACCEPT", FATE_ACCEPT, false, false, NULL },
	{ "DROP", FATE_DROP, false, false, NULL },
	{ "REJECT", FATE_DROP, false, false, NULL },
	/* answers or swallows: the packet goes no further */
	{ "TARPIT", FATE_DROP, false, false, NULL },
	{ "DELUDE", FATE_DROP, false, false, NULL },
	{ "CHAOS", FATE_DROP, false, false, NULL },
	{ "STEAL", FATE_DROP, false, false, NULL },
	{ "RETURN", FATE_RETURN, false, false, NULL },
	{ "LOG", FATE_GO_ON, false, false, NULL },
	{ "LOGMARK", FATE_GO_ON, false, false, NULL },
	{ "NFLOG", FATE_GO_ON, false, false, NULL },
	{ "ULOG", FATE_GO_ON, false, false, NULL },
	{ "TRACE", FATE_GO_ON, false, false, NULL },
	{ "AUDIT", FATE_GO_ON, false, false, NULL },
	{ "TOS", FATE_GO_ON, false, false, NULL },
	{ "DSCP", FATE_GO_ON, false, false, NULL },
	{ "ECN", FATE_GO_ON, false, false, NULL },
	{ "TTL", FATE_GO_ON, false, false, NULL },
	{ "HL", FATE_GO_ON, false, false, NULL },
	{ "TCPMSS", FATE_GO_ON, false, false, NULL },
	{ "TCPOPTSTRIP", FATE_GO_ON, false, false, NULL },
	{ "IPV4OPTSSTRIP", FATE_GO_ON, false, false, NULL },
	{ "CLASSIFY", FATE_GO_ON, false, false, NULL },
	{ "CHECKSUM", FATE_GO_ON, false, false, NULL },
	{ "SECMARK", FATE_GO_ON, false, false, NULL },
	{ "CONNSECMARK", FATE_GO_ON, true, false, NULL },
	{ "IDLETIMER", FATE_GO_ON, false, false, NULL },
	{ "LED", FATE_GO_ON, false, false, NULL },
	{ "RATEEST", FATE_GO_ON, false, false, NULL },
	{ "ACCOUNT", FATE_GO_ON, false, false, NULL },
	{ "TEE", FATE_GO_ON, false, false, NULL },
	{ "SYSRQ", FATE_GO_ON, false, false, NULL },
	{ "MARK", FATE_MARK, false, true, NULL },
	{ "CONNMARK", FATE_CONNMARK, true, true, NULL },
	{ "CT", FATE_CT, true, false, NULL },
	{ "NOTRACK", FATE_CT, false, false, NULL },
	{ "SET", FATE_SET, false, true, NULL },
	{ "HMARK", FATE_MARK, false, true, NULL },
	{ "QUEUE", FATE_UNKNOWN, false, false, "queue to a program" },
	{ "NFQUEUE", FATE_UNKNOWN, false, true, "queue to a program" },
	{ "TPROXY", FATE_UNKNOWN, true, true, "tproxy hands it to a local program" },
	{ "SYNPROXY", FATE_UNKNOWN, true, false, "synproxy answers in the host's place" },
	{ "MIRROR", FATE_UNKNOWN, false, false, "mirror sends it back" },
	{ "SNAT", FATE_NAT_SOURCE, true, false, NULL },
	{ "MASQUERADE", FATE_NAT_SOURCE, true, false, NULL },
	{ "SAME", FATE_NAT_SOURCE, true, false, NULL },
	{ "DNAT", FATE_NAT_DESTINATION, true, false, NULL },
	{ "REDIRECT", FATE_REDIRECT, true, false, NULL },
	{ "NETMAP", FATE_NAT_BOTH, true, false, NULL },
	{ "SNPT", FATE_PREFIX, false, false, NULL },
	{ "DNPT", FATE_PREFIX, false, false, NULL },
};

static const struct target *target_of(const char *name)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
		if (!strcmp(targets[i].name, name))
			return &targets[i];
	return NULL;
}

bool ipt_target_tracks(const char *name)
{
	const struct target *t = target_of(name);
	return t && t->tracks;
}

bool ipt_target_marks(const char *name)
{
	const struct target *t = target_of(name);
	return t && t->marks;
}

bool ipt_match_tracks(const char *name)
{
	static const char *const v[] = { "state",     "conntrack", "connmark", "connbytes",
					 "connlabel", "connlimit", "helper",   "cluster",
					 "ipvs",      "socket",	   "ndpi",     "layer7" };
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		if (!strcmp(v[i], name))
			return true;
	return false;
}

/* The value behind an option of the target; NULL where it isn't there. "" for one without. */
static const char *option(const struct ipt_parse *p, const char *name)
{
	for (size_t i = p->first; i < p->w.n; i++)
		if (!p->w.quoted[i] && !strcmp(p->w.v[i], name))
			return i + 1 < p->w.n ? p->w.v[i + 1] : "";
	return NULL;
}

static void effect(struct ipt_parse *p, enum ipt_effect e, uint32_t value, uint32_t mask)
{
	p->rule->effect = (uint8_t)e;
	p->rule->value = value;
	p->rule->mask = mask;
}

/* --set-mark and its kin, of MARK and CONNMARK alike (libxt_MARK.c); false where none is there
 */
static bool set_mark(struct ipt_parse *p, enum ipt_effect e)
{
	uint32_t v, m;
	const char *s;
	if ((s = option(p, "--set-xmark")) && ipt_value_mask(s, &v, &m))
		effect(p, e, v, m);
	else if ((s = option(p, "--set-mark")) && ipt_value_mask(s, &v, &m))
		effect(p, e, v, strchr(s, '/') ? m | v : UINT32_MAX);
	else if ((s = option(p, "--or-mark")) && ipt_number(s, strlen(s), &v))
		effect(p, e, v, v);
	else if ((s = option(p, "--and-mark")) && ipt_number(s, strlen(s), &v))
		effect(p, e, 0, ~v);
	else if ((s = option(p, "--xor-mark")) && ipt_number(s, strlen(s), &v))
		effect(p, e, v, 0);
	else
		return false;
	return true;
}

static void mark(struct ipt_parse *p)
{
	if (!set_mark(p, EFFECT_MARK))
		effect(p, EFFECT_MARK_UNKNOWN, 0, 0);
}

static void connmark(struct ipt_parse *p)
{
	struct ipt_rule *r = p->rule;
	uint32_t nf = UINT32_MAX, ct = UINT32_MAX;
	const char *s;
	p->l->connmarks = true;
	if (set_mark(p, EFFECT_CONNMARK))
		return;
	bool save = option(p, "--save-mark"), restore = option(p, "--restore-mark"), ok = true;
	if ((s = option(p, "--mask"))) {
		ok &= ipt_number(s, strlen(s), &nf);
		ct = nf;
	}
	if ((s = option(p, "--nfmask")))
		ok &= ipt_number(s, strlen(s), &nf);
	if ((s = option(p, "--ctmask")))
		ok &= ipt_number(s, strlen(s), &ct);
	if (option(p, "--left-shift-mark") || option(p, "--right-shift-mark"))
		ok = false;
	if (save && !restore && ok) {
		r->effect = EFFECT_SAVE;
		r->mask = nf, r->mask2 = ct;
	} else if (restore && !save && ok) {
		r->effect = EFFECT_RESTORE;
		r->mask = nf, r->mask2 = ct;
	} else {
		r->effect = EFFECT_MARK_UNKNOWN;
	}
}

/*
 * "a", "a-b", "a:port", "[a]-[b]:port": the addresses; none where only a port is given. ret_ports:
 * what stands behind the colon, or NULL.
 */
static bool nat_address(enum family f, const char *s, struct span *ret, bool *ret_none,
			const char **ret_ports)
{
	char plain[128];
	size_t n = 0;
	const char *end = s + strlen(s);
	*ret_ports = NULL;
	if (f == FAMILY_V4) {
		const char *colon = strrchr(s, ':');
		end = colon ? colon : end;
	} else if (strchr(s, ']')) {
		end = strrchr(s, ']') + 1;
	} else if (*s == ':' && s[1] != ':') {
		end = s;
	}
	if (*end == ':')
		*ret_ports = end + 1;
	for (const char *c = s; c < end && n + 1 < sizeof(plain); c++)
		if (*c != '[' && *c != ']')
			plain[n++] = *c;
	plain[n] = '\0';
	*ret_none = !n;
	return !n || ipt_span(f, plain, n, ret);
}

struct translation {
	struct span to[32];
	struct range ports[32]; /* beside each address; 0 to 0: as it was */
	size_t n;
	bool unknown; /* addresses that aren't in the file */
	bool odd;     /* understood in part: ports that follow the old ones... */
	bool only;    /* only ports change */
	struct range to_ports;
};

/* "8080", "8080-8090", "8080/random"; false with all ports where it isn't that */
static bool port_range(const char *s, struct range *ret)
{
	*ret = (struct range){ 0, 65535 };
	size_t len = strcspn(s, "-/");
	int lo = ipt_port(s, len), hi = lo;
	const char *behind = s + len;
	if (*behind == '-') {
		hi = ipt_port(behind + 1, strcspn(behind + 1, "/"));
		behind += 1 + strcspn(behind + 1, "/");
	}
	if (!len || lo < 0 || hi < lo)
		return false;
	*ret = (struct range){ (uint16_t)lo, (uint16_t)hi };
	/* "/random" doesn't matter; "/3000" takes the old port along */
	return !*behind || !strcmp(behind, "/random");
}

static void translation_targets(struct ipt_parse *p, struct translation *t)
{
	static const char *const names[] = { "--to-source", "--to-destination", "--to" };
	bool any = false;
	for (size_t i = p->first; i + 1 < p->w.n; i++)
		for (size_t k = 0; k < 3; k++) {
			bool none;
			const char *s = p->w.v[i + 1], *ports;
			if (p->w.quoted[i] || strcmp(p->w.v[i], names[k]) != 0)
				continue;
			any = true;
			if (t->n == sizeof(t->to) / sizeof(*t->to) || !p->l->families ||
			    !nat_address(p->family, s, &t->to[t->n], &none, &ports)) {
				t->unknown = true;
				continue;
			}
			struct range r = { 0, 0 };
			if (ports)
				t->odd |= !port_range(ports, &r);
			if (none)
				t->only = true, t->to_ports = r;
			else
				t->ports[t->n++] = r;
		}
	t->unknown |= !any;
	const char *to = option(p, "--to-ports");
	if (to) {
		t->only = true;
		t->odd |= !port_range(to, &t->to_ports);
	} else if (option(p, "--random") || option(p, "--random-fully")) {
		/* of sources: any port that the kernel takes, unless one is told */
		const struct range any_port = { 1, 65535 };
		if (t->to_ports.hi == 0)
			t->to_ports = any_port;
		for (size_t i = 0; i < t->n; i++)
			if (t->ports[i].hi == 0)
				t->ports[i] = any_port;
	}
}

/* The rule's translation, for the nat chains that it is in. */
static struct nf_translation *told(struct ipt_parse *p, enum fate fate,
				   const struct translation *t)
{
	struct ipt_reader *r = p->r;
	struct nf_translation *ret = arena_alloc(r->arena, sizeof(*ret));
	struct nf_nat_target *v = arena_array(r->arena, t->n + 1, sizeof(*v));
	bool own = fate == FATE_REDIRECT || !strcmp(p->target, "MASQUERADE");
	ret->families = p->l->families ? p->l->families : IPT_V4 | IPT_V6;
	ret->v = v;
	ret->how = own				? fate == FATE_REDIRECT ? NF_NAT_REDIRECT : NF_NAT_MASQUERADE
		   : fate == FATE_NAT_BOTH	? NF_NAT_PREFIX
						: NF_NAT_TO;
	for (size_t i = 0; i < t->n; i++) {
		struct nf_nat_target *to = &v[ret->n++];
		to->to = arena_copy(r->arena, &t->to[i], sizeof(t->to[i]));
		to->n_to = 1;
		to->has_port = t->ports[i].hi != 0;
		to->port_lo = t->ports[i].lo, to->port_hi = t->ports[i].hi;
	}
	if (own || t->only) {
		struct nf_nat_target *to = &v[ret->n++];
		to->has_port = t->to_ports.hi != 0;
		to->port_lo = t->to_ports.lo, to->port_hi = t->to_ports.hi;
	}
	/* several targets in one rule are of kernels long gone, which chose among them */
	bool known = fate != FATE_PREFIX && !t->odd && ret->n == 1 && (own || !t->unknown);
	if (!known || !strcmp(p->target, "SAME") || (fate == FATE_NAT_BOTH && t->only))
		ret->how = NF_NAT_BOUND;
	return ret;
}

static void translate(struct ipt_parse *p, enum fate fate)
{
	struct ipt_reader *r = p->r;
	struct matches *m = r->m;
	struct translation t = { .n = 0 };
	struct text text = { 0 };
	bool masquerade = !strcmp(p->target, "MASQUERADE");
	const struct match *touches = p->touch;
	if (p->l->families)
		touches = match_and(m, touches, match_family(m, p->family));
	const struct match *takes = touches, *back = match_swap(m, touches);
	text_put(&text, p->target);
	translation_targets(p, &t);
	if (fate == FATE_PREFIX)
		t.n = 0, t.unknown = true;
	const struct match *source = match_none(m), *destination = source;
	if (t.n) {
		text_put(&text, " to ");
		span_print(&text, p->family, t.to[0]);
		if (t.ports[0].hi)
			text_putf(&text, " port %u", t.ports[0].lo);
		if (t.ports[0].hi > t.ports[0].lo)
			text_putf(&text, "-%u", t.ports[0].hi);
		if (t.n > 1)
			text_put(&text, ", ...");
		source = match_spans(m, FIELD_SRC, p->family, t.to, t.n);
		destination = match_spans(m, FIELD_DST, p->family, t.to, t.n);
	}
	if (t.only && t.to_ports.hi)
		text_putf(&text, " to port %u", t.to_ports.lo);
	if (t.only && t.to_ports.hi > t.to_ports.lo)
		text_putf(&text, "-%u", t.to_ports.hi);
	bool far = t.unknown && !masquerade && fate != FATE_REDIRECT;
	touches = match_or(m, match_or(m, touches, back), match_or(m, source, destination));
	if (t.only)
		touches = match_or(m, touches,
				   match_or(m, match_ranges(m, FIELD_SPORT, &t.to_ports, 1),
					    match_ranges(m, FIELD_DPORT, &t.to_ports, 1)));
	if (far)
		touches = match_all(m);
	struct nf_translation *x = told(p, fate, &t);
	x->at = p->rule->at;
	x->text = arena_str(r->arena, text.s);
	x->touches = touches;
	x->takes = takes;
	x->rewrites = fate == FATE_NAT_SOURCE		? NAT_SOURCE
		      : fate == FATE_NAT_DESTINATION	? NAT_DESTINATION
		      : fate == FATE_REDIRECT		? NAT_DESTINATION
							: NAT_NOT_TOLD;
	if (fate != FATE_PREFIX && p->chain->table->id == TABLE_NAT)
		p->rule->translation = x;
	else
		nf_nat_bound(r->b, x);
	text_finish(&text);

	/* how translated packets look behind PREROUTING and OUTPUT; the protocol stays */
	struct range answers[] = { { STATE_ESTABLISHED, STATE_RELATED } };
	const struct match *looks;
	bool source_only = fate == FATE_NAT_SOURCE;
	if (source_only)
		looks = match_and(m, back, match_ranges(m, FIELD_STATE, answers, 1));
	else if (fate == FATE_NAT_DESTINATION && !far && !t.only)
		looks = destination;
	else
		looks = match_all(m);
	if (p->proto >= 0 && !p->proto_negated)
		looks = match_and(m, looks, match_value(m, FIELD_PROTO, (unsigned)p->proto));
	for (enum family f = FAMILY_V4; f < FAMILY_COUNT; f++) {
		if (p->l->families && !(p->l->families & 1u << f))
			continue;
		r->sources[f] |= fate != FATE_NAT_DESTINATION && fate != FATE_REDIRECT;
		r->destinations[f] |= !source_only;
		if (fate == FATE_REDIRECT) /* they go to the host itself */
			r->redirects = true;
		else
			*vec_add(&r->looks[f]) = looks;
	}
	p->rule->translates = true;
}

/* The names of the sets that the rule changes were noted before any rule was read. */
static void change_set(struct ipt_parse *p)
{
	if (option(p, "--map-set"))
		p->rule->effect = EFFECT_MARK_UNKNOWN;
}

static void unknown(struct ipt_parse *p, const char *why)
{
	p->rule->verdict = VERDICT_UNKNOWN;
	p->rule->note = why;
}

static void go_to_chain(struct ipt_parse *p, struct ipt_chain *to)
{
	struct ipt_reader *r = p->r;
	if (to->hook >= 0) {
		diag_error(r->d, EINVAL, "ipt.jump-to-builtin", p->rule->at,
			   "a rule can't call the built-in chain %s", to->name);
		unknown(p, "a call of a built-in chain");
		return;
	}
	p->rule->to = to;
	p->rule->verdict = p->go_to ? VERDICT_GOTO : VERDICT_JUMP;
}

void ipt_target(struct ipt_parse *p)
{
	struct ipt_reader *r = p->r;
	struct ipt_rule *rule = p->rule;
	bool nat_table = p->chain->table->id == TABLE_NAT;
	rule->verdict = VERDICT_CONTINUE;
	if (!p->target)
		return;
	struct ipt_chain *to = ipt_chain_find(p->chain->table, p->target);
	if (to) {
		go_to_chain(p, to);
		return;
	}
	const struct target *t = target_of(p->target);
	if (p->go_to || !t) {
		const char *why = arena_printf(r->arena, "target %s", p->target);
		p->missing = true;
		diag_error(r->d, EINVAL, "ipt.target-missing", rule->at,
			   "%s is neither a target that is known nor a chain of this table",
			   p->target);
		unknown(p, why);
		rule->effect = EFFECT_MARK_UNKNOWN;
		if (!p->go_to) {
			translate(p, FATE_PREFIX);
			rule->translates = false;
		}
		return;
	}
	switch (t->fate) {
	case FATE_ACCEPT:
		rule->verdict = VERDICT_PERMIT;
		break;
	case FATE_DROP:
		rule->verdict = VERDICT_DENY;
		break;
	case FATE_RETURN:
		rule->verdict = VERDICT_RETURN;
		break;
	case FATE_GO_ON:
		break;
	case FATE_UNKNOWN:
		unknown(p, t->why);
		if (t->marks)
			rule->effect = EFFECT_MARK_UNKNOWN;
		break;
	case FATE_MARK:
		mark(p);
		break;
	case FATE_CONNMARK:
		connmark(p);
		break;
	case FATE_CT:
		if (!strcmp(p->target, "NOTRACK") || option(p, "--notrack"))
			rule->effect = EFFECT_UNTRACK;
		break;
	case FATE_SET:
		change_set(p);
		break;
	case FATE_PREFIX:
		translate(p, t->fate);
		break;
	default:
		translate(p, t->fate);
		rule->verdict = VERDICT_PERMIT;
		if (!nat_table)
			unknown(p, "a translation outside of the table nat");
		break;
	}
}
