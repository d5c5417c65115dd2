/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rule of nft is a row of statements that are done in order as long as each one holds; it
 * becomes one rule of ours, or several parts where a verdict map ends it in several ways. What
 * the statements before the verdict ask is one condition; a limit, a quota, a set that may be
 * full is an unknown in it.
 */
#include "collectors/nft_internal.h"

#include <errno.h>
#include <string.h>

struct rules {
	struct rule *v;
	size_t n, cap;
};

enum { PARTS_MAX = 4000000 };

struct building {
	struct nft_rule r;
	const struct match *cond;  /* what the statements so far ask */
	const struct match *touch; /* of it, what stays true of a connection's other packets */
	struct rules *out;
	size_t n_parts; /* rules given out for this one */
	uint8_t flags;	/* of the rules to come */
	const char *comment;
	struct nf_translation *translation; /* of the last rule given out; NULL: none */
	bool done;
};

static void give(struct building *b, const struct match *m, enum verdict verdict,
		 const struct ruleset *target, const char *note)
{
	if (m->kind == MATCH_NONE && b->n_parts)
		return;
	*vec_add(b->out) = (struct rule){ .at = b->r.at,
					  .name = b->r.name,
					  .match = m,
					  .target = target,
					  .note = note ? note : b->comment,
					  .verdict = (uint8_t)verdict,
					  .flags = b->flags };
	b->n_parts++;
}

static void ask(struct building *b, const struct match *m)
{
	b->cond = match_and(b->r.n->m, b->cond, m);
}

static void ask_unknown(struct building *b, const char *why)
{
	ask(b, nft_doubt(&b->r, why));
}

/* A statement whose outcome nobody can tell from the file. */
static void give_unknown(struct building *b, const struct match *m, const char *why)
{
	give(b, m, VERDICT_UNKNOWN, NULL, why);
	b->done = true;
}

static void vmap(struct building *b, const json_t *v)
{
	struct matches *m = b->r.n->m;
	struct nft_keys k;
	const char *why;
	const struct nft_vmap *map = nft_vmap(&b->r, v, &k, &why);
	const struct match *goes_on = match_none(m);
	if (map && (b->r.n->n_parts += map->n) > PARTS_MAX) {
		diag_warning(b->r.n->d, "nft.too-many-parts", b->r.at,
			     "verdict maps make more than %d rules of this file's", PARTS_MAX);
		map = NULL;
		why = "a verdict map too many";
	}
	if (!map) {
		give_unknown(b, match_and(m, b->cond, nft_need(&b->r, &k)), why);
		return;
	}
	for (size_t i = 0; i < map->n; i++) {
		const struct match *is = match_and(m, b->cond, map->v[i].is);
		if (map->v[i].to.verdict == VERDICT_CONTINUE)
			goes_on = match_or(m, goes_on, is);
		else if (is->kind != MATCH_NONE)
			give(b, is, map->v[i].to.verdict, map->v[i].to.target,
			     map->v[i].to.note);
	}
	b->cond = goes_on;
	b->done = goes_on->kind == MATCH_NONE && b->n_parts;
}

static void add_nat(struct building *b, const char *text, const struct match *touches,
		    enum nat_rewrites rewrites, const struct match *takes)
{
	struct nft *n = b->r.n;
	if (b->r.chain->table->dormant)
		return;
	*vec_add(&n->b->nats) = (struct nat){ .at = b->r.at,
					      .text = arena_str(n->arena, text),
					      .touches = touches,
					      .rewrites = (uint8_t)rewrites,
					      .takes = takes };
}

/* Whether reading the value can fail, which ends the rule. */
static bool may_break(const json_t *v, int depth)
{
	const char *key;
	json_t *value;
	size_t i;
	if (depth > 8)
		return true;
	if (json_is_array(v)) {
		json_array_foreach ((json_t *)v, i, value)
			if (may_break(value, depth + 1))
				return true;
		return false;
	}
	if (!json_is_object(v))
		return false;
	json_object_foreach ((json_t *)v, key, value) {
		if (!strcmp(key, "meta") || !strcmp(key, "range") || !strcmp(key, "prefix"))
			continue;
		if (strlen(key) > 2 || !strchr("&|^<>", *key) || may_break(value, depth + 1))
			return true;
	}
	return false;
}

static void nat(struct building *b, const char *name, const json_t *v)
{
	struct nft_rule *r = &b->r;
	const json_t *addr = json_object_get(v, "addr"), *port = json_object_get(v, "port");
	struct nf_translation *t = nft_translation(r, name, v, b->touch);
	/* a map without the key ends the rule */
	const json_t *maps[] = { json_object_get(addr, "map"), json_object_get(port, "map") };
	for (size_t i = 0; i < 2; i++)
		if (maps[i] && !nft_covers(r, maps[i]))
			ask(b, nft_has_entry(r, maps[i]));
	if ((json_is_object(addr) && !maps[0] && may_break(addr, 0)) ||
	    (json_is_object(port) && !maps[1] && may_break(port, 0)))
		ask_unknown(b, "a translation that was not understood");
	b->flags = RULE_GLUE; /* it does more than let pass: never to be called redundant */
	give(b, b->cond, VERDICT_PERMIT, NULL, NULL);
	b->done = true;
	if (r->chain->table->dormant)
		return;
	if (r->chain->nat || !r->chain->base)
		b->translation = t;
	else
		nf_nat_bound(r->n->b, t);
}

static void mangle(struct building *b, const json_t *v)
{
	struct nft_rule *r = &b->r;
	struct nft_keys k;
	r->marks = NULL; /* from here on they are others */
	nft_keys(r, json_object_get(v, "key"), &k);
	const json_t *payload = json_object_get(json_object_get(v, "key"), "payload");
	if (payload) {
		const char *field = nft_str(payload, "field");
		static const char *const plain[] = { "dscp",	 "ecn",	      "ttl",
						     "hoplimit", "flowlabel", "length",
						     "checksum" };
		bool rewrites = true;
		ask(b, nft_need(r, &k));
		for (size_t i = 0; field && i < sizeof(plain) / sizeof(*plain); i++)
			rewrites = rewrites && strcmp(plain[i], field);
		if (rewrites)
			add_nat(b, "rewrites a header field",
				match_or(r->n->m, b->touch, match_swap(r->n->m, b->touch)),
				NAT_NOT_TOLD, NULL);
	} else if (!json_object_get(json_object_get(v, "key"), "meta") &&
		   !json_object_get(json_object_get(v, "key"), "ct")) {
		ask_unknown(b, "a header option that may be missing");
	}
	const json_t *value = json_object_get(v, "value"), *map = json_object_get(value, "map");
	if (map)
		ask(b, nft_has_entry(r, map));
	else if (may_break(value, 0))
		ask_unknown(b, "a value that may be missing");
}

/* An extension of iptables: the export has its name, newer nft also says what it is for. */
static void xt(struct building *b, const json_t *v)
{
	static const char *const harmless[] = { "LOG",	    "NFLOG",  "MARK",  "CONNMARK",
						"TCPMSS",   "TRACE",  "AUDIT", "CHECKSUM",
						"CLASSIFY", "DSCP",   "TOS",   "TTL",
						"HL",	    "SET",    "LED",   "CT",
						"SECMARK",  "NOTRACK" };
	struct nft *n = b->r.n;
	const char *type = nft_str(v, "type"), *name = nft_str(v, "name");
	const char *why = arena_printf(n->arena, "iptables extension %s", name ? name : "");
	diag_warning(n->d, "nft.xt", b->r.at,
		     "%s: nft does not show what it asks; read iptables-save as well", why);
	if (type && !strcmp(type, "match")) {
		ask_unknown(b, why);
		return;
	}
	if (type && !strcmp(type, "watcher"))
		return;
	if (type && name && !strcmp(type, "target")) {
		for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
			if (!strcmp(harmless[i], name))
				return;
		if (!strcmp(name, "REJECT")) {
			give(b, b->cond, VERDICT_DENY, NULL, NULL);
			b->done = true;
			return;
		}
	}
	/* may be DNAT or the like: translations that we don't see */
	add_nat(b, why, match_or(n->m, b->touch, match_swap(n->m, b->touch)), NAT_NOT_TOLD, NULL);
	give_unknown(b, b->cond, why);
}

static const char full[] = "a set that takes what it sees and may be full";

/* Statements that may end the rule, for a reason that the file doesn't tell. */
static const struct {
	const char *name, *why;
} doubtful[] = {
	{ "limit", "a rate limit" },
	{ "quota", "a quota" },
	{ "ct count", "a number of connections" },
	{ "meter", "a meter" },
	{ "ct expectation", "a connection's expectation" },
};

static const struct {
	const char *name, *why;
} fates[] = {
	{ "queue", "queue to a program" },
	{ "synproxy", "synproxy answers in the host's place" },
	{ "tproxy", "tproxy hands it to a local program" },
	{ "fwd", "sent out of another device" },
};

static const char *const silent[] = { "counter",   "log",	 "last",    "notrack", "dup",
				      "ct helper", "ct timeout", "secmark", "tunnel" };

/* nft 1.0.6 has no JSON for what rules do to maps and prints the text instead. */
static bool is_map_update(const char *s)
{
	return has_prefix(s, "add @") || has_prefix(s, "update @") || has_prefix(s, "delete @");
}

/*
 * What an answer by ICMP or a TCP reset asks of the packet: nft writes no condition that the
 * answer says already (`meta nfproto ipv4 reject` is listed as `reject with icmp ...`).
 */
static const struct match *rejected(struct nft_rule *r, const json_t *v)
{
	struct matches *m = r->n->m;
	const char *type = nft_str(v, "type");
	if (type && !strcmp(type, "icmp"))
		return match_and(m, r->frame, match_family(m, FAMILY_V4));
	if (type && !strcmp(type, "icmpv6"))
		return match_and(m, r->frame, match_family(m, FAMILY_V6));
	if (type && !strcmp(type, "tcp reset"))
		return match_and(m, r->frame, match_value(m, FIELD_PROTO, PROTO_TCP));
	return match_all(m);
}

static void statement(struct building *b, const json_t *stmt)
{
	struct nft_rule *r = &b->r;
	const json_t *v = NULL;
	const char *name = nft_only_member(stmt, &v);
	struct nft_verdict to;
	if (!name) {
		give_unknown(b, b->cond, "a statement that was not understood");
		return;
	}
	if (json_is_string(stmt) && is_map_update(name)) {
		ask_unknown(b, full);
		return;
	}
	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++)
		if (!strcmp(silent[i], name)) {
			/* an object chosen by a map: no entry ends the rule */
			if (json_object_get(v, "map") ||
			    json_is_object(json_object_get(v, "addr")))
				ask_unknown(b, "a map");
			return;
		}
	for (size_t i = 0; i < sizeof(doubtful) / sizeof(*doubtful); i++)
		if (!strcmp(doubtful[i].name, name)) {
			ask_unknown(b, doubtful[i].why);
			return;
		}
	for (size_t i = 0; i < sizeof(fates) / sizeof(*fates); i++)
		if (!strcmp(fates[i].name, name)) {
			give_unknown(b, b->cond, fates[i].why);
			return;
		}
	if (!strcmp(name, "match")) {
		struct nft_keys k;
		const struct match *m = nft_match(r, v, &k);
		bool lasting = true;
		ask(b, m);
		for (size_t i = 0; i < k.n; i++)
			lasting = lasting && k.v[i].field != FIELD_STATE &&
				  k.v[i].field != FIELD_FLAGS &&
				  k.v[i].field != FIELD_FRAGMENT && k.v[i].kind != KEY_UNKNOWN;
		if (lasting)
			b->touch = match_and(r->n->m, b->touch, m);
	} else if (!strcmp(name, "vmap")) {
		vmap(b, v);
	} else if (!strcmp(name, "mangle")) {
		mangle(b, v);
	} else if (!strcmp(name, "set") || !strcmp(name, "map")) {
		struct nft_keys k;
		nft_keys(r, json_object_get(v, "elem"), &k);
		ask(b, nft_need(r, &k));
		ask_unknown(b, full);
	} else if (!strcmp(name, "dnat") || !strcmp(name, "snat") ||
		   !strcmp(name, "masquerade") || !strcmp(name, "redirect")) {
		nat(b, name, v);
	} else if (!strcmp(name, "flow")) {
		ask(b, match_value(r->n->m, FIELD_STATE, STATE_ESTABLISHED));
		ask_unknown(b, "a flow that may be offloaded");
	} else if (!strcmp(name, "reject")) {
		ask(b, rejected(r, v));
		give(b, b->cond, VERDICT_DENY, NULL, b->comment ? NULL : "reject");
		b->done = true;
	} else if (!strcmp(name, "xt")) {
		xt(b, v);
	} else if (nft_verdict(r, name, v, &to)) {
		if (to.verdict == VERDICT_CONTINUE)
			return;
		give(b, b->cond, to.verdict, to.target, to.note);
		b->done = true;
	} else {
		const char *why = arena_printf(r->n->arena, "statement \"%s\"", name);
		diag_warning(r->n->d, "nft.statement", r->at, "%s is not known", why);
		give_unknown(b, b->cond, why);
	}
}

void nft_rule_start(struct nft_rule *r, struct nft *n, struct nft_chain *ch, const json_t *rule)
{
	*r = (struct nft_rule){ .n = n, .rule = rule, .chain = ch, .frame = match_all(n->m) };
	r->at = nft_rule_loc(n, ch, rule, &r->name);
	r->marks = nft_marks_at(n, rule);
	memset(r->protos, 0xff, sizeof(r->protos));
	/* with the host's ports a zone is told apart by them: a VLAN is a port of its own */
	if (ch->reach & REACH_FRAME && !n->facts) {
		const struct nft_table *t = ch->table;
		r->frame = match_unknown(n->m, LOC_NONE, "a frame that may carry a VLAN tag");
		if (t->dev && !t->many_devs)
			r->frame = match_or(n->m, r->frame,
					    match_iface(n->m, FIELD_IIF, t->dev, false));
	}
}

static void start(struct building *b, struct nft *n, struct nft_chain *ch, const json_t *rule)
{
	*b = (struct building){ 0 };
	nft_rule_start(&b->r, n, ch, rule);
	b->cond = b->touch = match_all(n->m);
	b->comment = nft_str(rule, "comment");
	if (b->comment)
		b->comment = arena_str(n->arena, b->comment);
}

const struct match *nft_rule_match(struct nft *n, struct nft_chain *ch, const json_t *rule)
{
	struct building b;
	struct nft_keys k;
	start(&b, n, ch, rule);
	const json_t *list = json_object_get(rule, "expr");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *match = json_object_get(json_array_get(list, i), "match");
		if (match)
			ask(&b, nft_match(&b.r, match, &k));
	}
	return b.cond;
}

static void account(struct nft *n, struct building *b, const struct rule *v, size_t count)
{
	const char *why = NULL;
	bool decides = false;
	for (size_t i = 0; i < count; i++) {
		const struct match *u =
			v[i].match->inexact ? match_first_unknown(v[i].match) : NULL;
		if (v[i].verdict == VERDICT_CONTINUE)
			continue;
		decides = true;
		if (v[i].verdict == VERDICT_UNKNOWN && !why)
			why = v[i].note ? v[i].note : "not understood";
		if (u && !why)
			why = u->unknown.reason;
	}
	if (!b->r.chain->table->dormant && decides)
		account_add(n->c->snap, n->acc, why ? ACCOUNT_BOUNDED : ACCOUNT_EXACT, true,
			    b->r.at, why);
	else
		account_add(n->c->snap, n->acc, ACCOUNT_IRRELEVANT, false, b->r.at, NULL);
}

/* Whether the rule's outcome may hang on the transport header. */
static bool looks_at_transport(const struct building *b, size_t first)
{
	if (b->r.transport)
		return true;
	for (size_t i = first; i < b->out->n; i++)
		if (b->out->v[i].target)
			return true;
	return false;
}

/* *fragments: later fragments have been dealt with. What its last part translates, or NULL. */
static struct nf_translation *read_rule(struct nft *n, struct nft_chain *ch, const json_t *rule,
					struct rules *out, bool *fragments)
{
	static const char *const known[] = { "family",	 "table", "chain",   "handle", "index",
					     "position", "expr",  "comment", NULL };
	struct building b;
	start(&b, n, ch, rule);
	b.out = out;
	size_t first = out->n;
	const json_t *list = json_object_get(rule, "expr");
	if (!nft_only(rule, known))
		ask_unknown(&b, "a rule with keys that are not known");
	if (!json_is_array(list))
		give_unknown(&b, b.cond, "a rule without its expressions");
	for (size_t i = 0; i < json_array_size(list) && !b.done; i++)
		statement(&b, json_array_get(list, i));
	if (!b.done)
		give(&b, b.cond, VERDICT_CONTINUE, NULL, NULL);
	if (b.n_parts > 1)
		for (size_t i = first; i < out->n; i++)
			out->v[i].flags |= RULE_PART;
	account(n, &b, out->v + first, out->n - first);
	if (!*fragments && looks_at_transport(&b, first)) {
		struct rule glue;
		nft_glue_fragments(n, ch, &glue);
		(void)vec_add(out);
		memmove(out->v + first + 1, out->v + first,
			(out->n - 1 - first) * sizeof(glue));
		out->v[first] = glue;
		*fragments = true;
	}
	return b.translation;
}

void nft_chain_rules(struct nft *n, struct nft_chain *ch, struct rule *glue, size_t n_glue)
{
	struct rules rules = { 0 };
	bool fragments = !ch->base; /* their callers see to them */
	for (size_t i = 0; i < n_glue; i++)
		*vec_add(&rules) = glue[i];
	if (ch->base && ch->rules.n && nft_joins_fragments(n, ch)) {
		struct rule first;
		nft_glue_fragments(n, ch, &first);
		*vec_add(&rules) = first;
		fragments = true;
	}
	struct translated {
		size_t rule;
		struct nf_translation *t;
	};
	VEC(struct translated) translated = { 0 };
	vec_each (rule, &ch->rules) {
		struct nf_translation *t = read_rule(n, ch, *rule, &rules, &fragments);
		if (t)
			*vec_add(&translated) = (struct translated){ rules.n - 1, t };
	}
	device_build_rules(n->b, ch->ruleset, rules.v, rules.n);
	vec_each (x, &translated)
		nf_nat_rule(n->nats, &ch->ruleset->rules[x->rule], x->t);
	vec_free(&translated);
	vec_free(&rules);
}
