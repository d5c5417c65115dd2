/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rulesets of the host: nftables as `nft` tells it, with what the kernel itself says beside
 * it, and what iptables tells of its own. Tables that iptables-nft made stand in both; they are
 * read once, from iptables, whose matches nft can't show, and their rules are counted against
 * the kernel's.
 */
#include "collectors/linux_internal.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "collectors/ipt.h"
#include "collectors/netfilter_nat.h"
#include "collectors/nft.h"

enum { RIDERS_MAX = 1 << 18, STEPS_MAX = 1 << 20 };

struct texts {
	struct ipt_text *v;
	size_t n, cap;
};

struct rulesets {
	struct nft_facts facts;
	bool frames; /* some chain lies on a device */
	struct map shared; /* "ip filter" to struct linux_shared_table */
	struct texts texts;
};

static const char *key_of(struct linux_read *r, const json_t *table, const char *name)
{
	const char *family = linux_str(table, "family"), *of = linux_str(table, "name");
	return arena_printf(r->arena, name ? "%s %s %s" : "%s %s", family ? family : "?",
			    of ? of : "?", name);
}

static void chain_fact(struct linux_read *r, struct rulesets *x, const json_t *table,
		       const json_t *v)
{
	const char *name = linux_str(v, "name");
	const json_t *devs = json_object_get(v, "devices");
	linux_keys(r, v,
		   "name handle flags rules rule_handles type hook priority policy devices "
		   "unknown_attributes", true);
	linux_irrelevant(r, v);
	if (!name)
		return;
	struct nft_chain_fact *f = arena_alloc(r->arena, sizeof(*f));
	const char **list = arena_array(r->arena, json_array_size(devs), sizeof(*list));
	for (size_t i = 0; i < json_array_size(devs); i++) {
		const char *s = json_string_value(json_array_get(devs, i));
		if (s)
			list[f->n_devs++] = arena_str(r->arena, s);
	}
	f->devs = list;
	x->frames |= f->n_devs > 0;
	*map_at(&x->facts.chains, key_of(r, table, name)) = f;
}

/*
 * What stands in the place of a chain whose table is switched off: a firewall that lets all pass,
 * which is not the same as none.
 */
static void switched_off(struct linux_read *r, const json_t *table, const json_t *chain)
{
	static const struct {
		const char *name;
		enum hook_kind kind;
	} hooks[] = { { "prerouting", HOOK_IN },    { "ingress", HOOK_IN },
		      { "forward", HOOK_FORWARD },  { "postrouting", HOOK_OUT },
		      { "egress", HOOK_OUT },	    { "input", HOOK_LOCAL_IN },
		      { "output", HOOK_LOCAL_OUT } };
	const char *hook = linux_str(chain, "hook"), *name = linux_str(chain, "name");
	const char *family = linux_str(table, "family"), *type = linux_str(chain, "type");
	if (!hook || !name || !family || !strcmp(family, "arp") || !type ||
	    strcmp(type, "filter"))
		return;
	struct loc at = linux_loc(r, chain);
	struct ruleset *rs = device_build_ruleset(
		r->b, arena_printf(r->arena, "%s (dormant)", key_of(r, table, name)), "chain", at);
	rs->glue = true;
	rs->dflt = VERDICT_PERMIT;
	rs->dflt_at = at;
	rs->stateful = true;
	bool gress = !strcmp(hook, "ingress") || !strcmp(hook, "egress");
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++) {
		if (strcmp(hooks[i].name, hook))
			continue;
		if (!gress && strcmp(family, "bridge")) {
			nf_bind(r->b, &r->host, rs, hooks[i].kind, 0,
				1u << FAMILY_V4 | 1u << FAMILY_V6, at);
			continue;
		}
		device_build_hook(r->b, hooks[i].kind, 0, NULL, rs, at);
		r->b->hooks.v[r->b->hooks.n - 1].layer = gress ? LAYER_LINK : LAYER_BRIDGE;
	}
}

static void kernel_facts(struct linux_read *r, struct rulesets *x, const json_t *kernel)
{
	const json_t *tables = json_object_get(kernel, "tables");
	linux_keys(r, kernel, "generation tables", true);
	for (size_t i = 0; i < json_array_size(tables); i++) {
		const json_t *t = json_array_get(tables, i);
		const json_t *chains = json_object_get(t, "chains");
		const json_t *sets = json_object_get(t, "sets");
		struct nft_table_fact *f = arena_alloc(r->arena, sizeof(*f));
		linux_keys(r, t,
			   "family name handle flags owner chains sets objects flowtables "
			   "unknown_attributes", true);
		linux_irrelevant(r, t);
		f->dormant = linux_has_flag(t, "dormant");
		*map_at(&x->facts.tables, key_of(r, t, NULL)) = f;
		for (size_t k = 0; k < json_array_size(chains); k++) {
			chain_fact(r, x, t, json_array_get(chains, k));
			if (f->dormant)
				switched_off(r, t, json_array_get(chains, k));
		}
		for (size_t k = 0; k < json_array_size(sets); k++) {
			const json_t *s = json_array_get(sets, k);
			struct nft_set_fact *sf = arena_alloc(r->arena, sizeof(*sf));
			linux_irrelevant(r, s);
			sf->dynamic = linux_has_flag(s, "dynamic");
			if (linux_str(s, "name"))
				*map_at(&x->facts.sets, key_of(r, t, linux_str(s, "name"))) = sf;
		}
	}
}

/* Every lower device of l, and what hangs on those. */
static void riders(struct linux_read *r, struct rulesets *x, const struct linux_link *l,
		   const struct linux_link *at, int depth)
{
	if (depth > 8 || x->facts.riders.n > RIDERS_MAX)
		return;
	if (at != l)
		*vec_add(&x->facts.riders) = (struct nft_rider){ at->name, l->name };
	if (at->parent)
		riders(r, x, l, at->parent, depth + 1);
	vec_each (lp, &r->links)
		if ((*lp)->master == at && *lp != l)
			riders(r, x, l, *lp, depth + 1);
}

static void all_riders(struct linux_read *r, struct rulesets *x)
{
	vec_each (lp, &r->links) {
		riders(r, x, *lp, *lp, 0);
		if ((*lp)->master)
			*vec_add(&x->facts.riders) =
				(struct nft_rider){ (*lp)->master->name, (*lp)->name };
		if (x->facts.riders.n > RIDERS_MAX) {
			device_build_taint(r->b, NULL, (*lp)->at,
					   "interfaces on top of each other: too many to follow");
			return;
		}
	}
}

/* "-A NAME", perhaps behind counters; NULL where the line is none. */
static const char *appends_to(const char *s, size_t *ret_len)
{
	if (*s == '[') {
		s = strchr(s, ']');
		s = s && s[1] == ' ' ? s + 2 : NULL;
	}
	if (!s || !has_prefix(s, "-A "))
		return NULL;
	*ret_len = strcspn(s + 3, " ");
	return s + 3;
}

/* A table of iptables-nft: as many rules in each chain as the kernel has. */
static void compare_table(struct linux_read *r, const json_t *kernel_table, struct map *counts,
			  size_t n_rules, struct loc at)
{
	const json_t *chains = json_object_get(kernel_table, "chains");
	size_t sum = 0;
	bool same = true;
	for (size_t i = 0; i < json_array_size(chains); i++) {
		const json_t *ch = json_array_get(chains, i);
		const char *name = linux_str(ch, "name");
		size_t here = name ? (size_t)(uintptr_t)map_get(counts, name) : 0;
		int64_t want = linux_number(ch, "rules");
		same &= want >= 0 && (size_t)want == here;
		sum += here;
	}
	if (same && sum == n_rules)
		return;
	diag_error(r->d, EINVAL, "linux.iptables-differs", at,
		   "iptables-save and the kernel don't have the same rules in %s",
		   key_of(r, kernel_table, NULL));
	device_build_taint(r->b, NULL, at, "iptables-save and the kernel differ in %s",
			   key_of(r, kernel_table, NULL));
}

static const json_t *kernel_table(struct linux_read *r, const char *family, const char *name)
{
	const json_t *tables =
		json_object_get(json_object_get(r->parts[PART_NFTABLES].v, "kernel"), "tables");
	for (size_t i = 0; i < json_array_size(tables); i++) {
		const json_t *t = json_array_get(tables, i);
		const char *f = linux_str(t, "family"), *n = linux_str(t, "name");
		if (f && n && !strcmp(f, family) && !strcmp(n, name))
			return t;
	}
	return NULL;
}

/* The tables of one listing that iptables-nft printed: compared, claimed, or left out. */
struct sections {
	const char *family; /* "ip", "ip6" */
	const json_t *table;
	bool skip; /* not in force, or read from nft's listing */
	struct map counts;
	size_t n_rules;
	struct loc at;
};

static void end_section(struct linux_read *r, struct sections *s)
{
	if (s->table)
		compare_table(r, s->table, &s->counts, s->n_rules, s->at);
	map_finish(&s->counts);
	*s = (struct sections){ .family = s->family };
}

static void begin_section(struct linux_read *r, struct rulesets *x, struct sections *s,
			  const char *line, struct loc at)
{
	end_section(r, s);
	s->at = at;
	s->table = kernel_table(r, s->family, line + 1);
	struct nft_table_fact *f = map_get(
		&x->facts.tables, arena_printf(r->arena, "%s %s", s->family, line + 1));
	if (!f) {
		diag_error(r->d, EINVAL, "linux.iptables-differs", at,
			   "iptables-save has a table %s that the kernel hasn't", line + 1);
		device_build_taint(r->b, NULL, at, "a table of iptables that the kernel hasn't");
		return;
	}
	struct linux_shared_table *t =
		map_get(&x->shared, arena_printf(r->arena, "%s %s", s->family, line + 1));
	bool by_nft = t && t->why && !t->xt;
	f->elsewhere = !by_nft;
	s->skip = f->dormant || by_nft;
	if (!t || !t->why || f->dormant)
		return;
	diag_warning(r->d, "linux.nft-in-iptables", t->at,
		     "a rule of nft in a table of iptables, which iptables-save shows as another "
		     "(%s)%s", t->why, by_nft ? ": the table is read from nft's listing" : "");
	if (!by_nft)
		device_build_taint(r->b, NULL, t->at,
				   "a rule of nft in a table of iptables: %s; neither listing "
				   "tells the table whole", t->why);
}

static void iptables_listing(struct linux_read *r, struct rulesets *x, const json_t *v)
{
	const char *family = linux_str(v, "family"), *backend = linux_str(v, "backend");
	const json_t *text = json_object_get(v, "text");
	bool nft = backend && !strcmp(backend, "nft");
	struct loc at = linux_loc(r, v);
	linux_keys(r, v, "family backend tables text", true);
	if (family && !strcmp(family, "arp")) {
		linux_count(r, text, NULL);
		return;
	}
	bool v4 = family && !strcmp(family, "ipv4"), v6 = family && !strcmp(family, "ipv6");
	if ((!v4 && !v6) || !json_is_array(text) ||
	    (!nft && (!backend || strcmp(backend, "legacy")))) {
		linux_reject(r, at, "a listing of iptables of no known family or backend");
		return;
	}
	size_t n = 0, tables = 0;
	struct ipt_line *lines = arena_array(r->arena, json_array_size(text), sizeof(*lines));
	const json_t **kept = arena_array(r->arena, json_array_size(text), sizeof(*kept));
	struct sections s = { .family = v4 ? "ip" : "ip6" };
	for (size_t i = 0; i < json_array_size(text); i++) {
		const json_t *item = json_array_get(text, i);
		const char *line = json_string_value(item);
		struct loc here = linux_loc(r, item);
		size_t len;
		if (!line) {
			linux_reject(r, here, "a line of a listing that isn't text");
			continue;
		}
		if (nft && *line == '*')
			begin_section(r, x, &s, line, here);
		const char *chain = appends_to(line, &len);
		if (nft && chain) {
			void **count = map_atn(&s.counts, chain, len);
			*count = (void *)((uintptr_t)*count + 1);
			s.n_rules++;
		}
		if (s.skip) {
			linux_irrelevant(r, item);
		} else {
			here.col++; /* behind the quote */
			tables += *line == '*';
			kept[n] = item;
			lines[n++] = (struct ipt_line){ line, json_string_length(item), here };
		}
		if (!strcmp(line, "COMMIT"))
			s.skip = false;
	}
	end_section(r, &s);
	for (size_t i = 0; nft && !tables && i < n; i++)
		linux_irrelevant(r, kept[i]); /* comments around tables that were skipped */
	if (n && (tables || !nft))
		*vec_add(&x->texts) =
			(struct ipt_text){ .kind = IPT_RULES,
					   .families = v4 ? IPT_V4 : IPT_V6,
					   .backend = nft ? IPT_NFT : IPT_LEGACY,
					   .v = lines,
					   .n = n,
					   .acc = r->acc,
					   .at = at,
					   .name = v4 ? "iptables-save" : "ip6tables-save" };
}

static void ipsets(struct linux_read *r, struct rulesets *x)
{
	const json_t *part = r->parts[PART_IPSETS].v, *text = json_object_get(part, "text");
	const json_t *kernel = json_object_get(part, "kernel");
	struct map counts = { 0 };
	struct ipt_line *lines = arena_array(r->arena, json_array_size(text), sizeof(*lines));
	size_t n = 0;
	for (size_t i = 0; i < json_array_size(text); i++) {
		const json_t *item = json_array_get(text, i);
		const char *s = json_string_value(item);
		struct loc at = linux_loc(r, item);
		if (!s) {
			linux_reject(r, at, "a line of a listing that isn't text");
			continue;
		}
		if (has_prefix(s, "add ") || has_prefix(s, "create ")) {
			const char *name = strchr(s, ' ') + 1;
			void **count = map_atn(&counts, name, strcspn(name, " "));
			*count = (void *)((uintptr_t)*count + 1);
		}
		at.col++;
		lines[n++] = (struct ipt_line){ s, json_string_length(item), at };
	}
	for (size_t i = 0; i < json_array_size(kernel); i++) {
		const json_t *v = json_array_get(kernel, i);
		const char *name = linux_str(v, "name");
		size_t have = name ? (size_t)(uintptr_t)map_get(&counts, name) : 0;
		int64_t want = linux_number(v, "elements");
		linux_keys(r, v, "name type family elements references", true);
		linux_irrelevant(r, v);
		if (have && (want < 0 || have == (size_t)want + 1))
			continue;
		diag_error(r->d, EINVAL, "linux.ipset-differs", linux_loc(r, v),
			   "the set %s has another number of elements in the kernel",
			   name ? name : "?");
		linux_trouble(r, PART_IPSETS, linux_loc(r, v), "the set %s differs from the kernel's",
			      name ? name : "?");
	}
	map_finish(&counts);
	if (n)
		*vec_add(&x->texts) = (struct ipt_text){ .kind = IPT_SETS,
							 .v = lines,
							 .n = n,
							 .acc = r->acc,
							 .at = linux_loc(r, text),
							 .name = "ipset save" };
}

/* Rules on frames by ebtables of old; those of ebtables-nft stand in nft's listing. */
static void ebtables(struct linux_read *r)
{
	const json_t *list = json_object_get(r->parts[PART_EBTABLES].v, "listings");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i), *text = json_object_get(v, "text");
		const char *backend = linux_str(v, "backend");
		linux_keys(r, v, "family backend tables text", true);
		bool nft = backend && !strcmp(backend, "nft");
		for (size_t k = 0; k < json_array_size(text); k++) {
			const json_t *item = json_array_get(text, k);
			const char *s = json_string_value(item);
			const char *policy = s && *s == ':' ? strchr(s, ' ') : NULL;
			bool plain = s && (!*s || *s == '#' || *s == '*' ||
					   !strcmp(s, "COMMIT") ||
					   (policy && has_prefix(policy, " ACCEPT")));
			if (nft || plain) {
				linux_irrelevant(r, item);
				continue;
			}
			const char *why = "ebtables may drop or change frames";
			struct loc at = linux_loc(r, item);
			account_add(r->c->snap, r->acc, ACCOUNT_BOUNDED, true, at, why);
			device_build_taint(r->b, NULL, at, "%s", why);
		}
	}
}

static bool text_untracks(const struct texts *t)
{
	vec_each (x, t)
		for (size_t i = 0; i < x->n; i++)
			if (strstr(x->v[i].s, "NOTRACK") || strstr(x->v[i].s, "--notrack"))
				return true;
	return false;
}

/* What one reader's rules do to the other's. */
static void between(struct linux_read *r, struct rulesets *x, const json_t *listing,
		    struct nf_host *ret_nft, struct nf_host *ret_ipt)
{
	struct nft_glance n = { 0 };
	struct ipt_glance t = { 0 };
	struct nf_host *h = &r->host;
	bool sure = !r->parts[PART_NFTABLES].trouble && !r->parts[PART_IPTABLES].trouble;
	if (listing)
		nft_glance(&x->facts, &listing, 1, &n);
	ipt_glance(x->texts.v, x->texts.n, &t);
	for (int f = 0; f < FAMILY_COUNT; f++)
		h->tracked[f] = n.tracks[f] || t.tracks[f] ? NF_YES : sure ? NF_NO : NF_OPEN;
	for (int f = 0; f < FAMILY_COUNT; f++)
		h->sets_marks[f] = n.marks || t.marks[f];
	*ret_nft = *ret_ipt = *h;
	ret_ipt->whole = sure;
	if (n.marks)
		ret_ipt->mark_doubt = "rules of nftables set marks";
	if (t.marks[FAMILY_V4] || t.marks[FAMILY_V6])
		ret_nft->mark_doubt = "rules of iptables set marks";
	if (n.nats)
		ret_ipt->nat_doubt = "nat chains of nftables may come first";
	if (t.nats[FAMILY_V4] || t.nats[FAMILY_V6])
		ret_nft->nat_doubt = "nat chains of iptables may come first";
	if ((n.untracks && x->texts.n && (t.tracks[FAMILY_V4] || t.tracks[FAMILY_V6])) ||
	    (text_untracks(&x->texts) && (n.tracks[FAMILY_V4] || n.tracks[FAMILY_V6])))
		device_build_taint(r->b, NULL, r->parts[PART_NFTABLES].at,
				   "rules of nftables and of iptables, of which one takes packets "
				   "out of tracking and the other asks for their state");
}

void linux_rules(struct linux_read *r)
{
	const json_t *part = r->parts[PART_NFTABLES].v;
	const json_t *listing = json_object_get(part, "listing");
	const json_t *kernel = json_object_get(part, "kernel");
	const json_t *list = json_object_get(r->parts[PART_IPTABLES].v, "listings");
	struct rulesets x = { 0 };
	if (part && !json_is_object(kernel))
		linux_trouble(r, PART_NFTABLES, r->parts[PART_NFTABLES].at,
			      "the kernel's own list is not there");
	else if (!listing && json_array_size(json_object_get(kernel, "tables")))
		linux_trouble(r, PART_NFTABLES, r->parts[PART_NFTABLES].at,
			      "the kernel has tables, and no listing tells of them");
	kernel_facts(r, &x, kernel);
	linux_shared(r, listing, &x.shared);
	for (size_t i = 0; i < json_array_size(list); i++)
		iptables_listing(r, &x, json_array_get(list, i));
	ipsets(r, &x);
	ebtables(r);
	if (x.frames)
		all_riders(r, &x);
	struct nf_host nft, ipt;
	struct nf_nats nats = { .b = r->b, .h = &r->host };
	r->host.nats = &nats;
	between(r, &x, listing, &nft, &ipt);
	if (listing) {
		struct nft_embed e = { .c = r->c,
				       .src = r->src,
				       .loc = r->loc,
				       .b = r->b,
				       .acc = r->acc,
				       .host = &nft,
				       .facts = &x.facts };
		nft_read_documents(&e, &listing, 1);
	}
	if (x.texts.n)
		ipt_read_texts(r->c, r->b, &ipt, x.texts.v, x.texts.n);
	nf_nats_build(&nats);
	r->host.nats = NULL;
	map_finish(&x.shared);
	map_finish(&x.facts.tables);
	map_finish(&x.facts.chains);
	map_finish(&x.facts.sets);
	vec_free(&x.facts.riders);
	vec_free(&x.texts);
}

/* The ruleset may deny something of the family. */
static bool denies(const struct ruleset *rs, enum family f, int depth, size_t *steps)
{
	if (depth > RULESET_DEPTH)
		return true;
	for (uint32_t i = 0; i < rs->n; i++) {
		if (++*steps > STEPS_MAX)
			return true;
		const struct rule *x = &rs->rules[i];
		const struct match *m = x->match;
		bool of_family = m->kind == MATCH_RANGES && m->field == FIELD_FAMILY &&
				 m->ranges[0].lo <= (unsigned)f && (unsigned)f <= m->ranges[0].hi;
		bool calls = x->verdict == VERDICT_JUMP || x->verdict == VERDICT_GOTO;
		if (x->flags & RULE_IMPLICIT && x->verdict == VERDICT_UNKNOWN)
			continue; /* fragments, and what else is the reader's own */
		if (x->verdict == VERDICT_PERMIT && !m->inexact &&
		    (of_family || m->kind == MATCH_ALL))
			return false;
		if (x->verdict == VERDICT_DENY || x->verdict == VERDICT_UNKNOWN ||
		    (calls && denies(x->target, f, depth + 1, steps)))
			return true;
	}
	return !depth && rs->dflt != VERDICT_PERMIT;
}

struct filtering {
	const char *what;
	enum hook_kind kind;
	enum hook_layer layer;
	const char *sysctl, *off; /* IPv6 doesn't get there at all */
};

void linux_families(struct linux_read *r)
{
	static const struct filtering all[] = {
		{ "passes on", HOOK_FORWARD, LAYER_IP, "net/ipv6/conf/all/forwarding", "0" },
		{ "takes in", HOOK_LOCAL_IN, LAYER_IP, "net/ipv6/conf/all/disable_ipv6", "1" },
		{ "sends", HOOK_LOCAL_OUT, LAYER_IP, "net/ipv6/conf/all/disable_ipv6", "1" },
		{ "bridges", HOOK_FORWARD, LAYER_BRIDGED, NULL, NULL },
	};
	for (size_t k = 0; k < sizeof(all) / sizeof(*all); k++) {
		const struct hook *v4 = NULL, *v6 = NULL;
		vec_each (h, &r->b->hooks) {
			/* frames of a bridge are filtered by its own rules, too */
			bool here = h->layer == all[k].layer ||
				    (all[k].layer == LAYER_BRIDGED && h->layer == LAYER_BRIDGE);
			if (h->kind != all[k].kind || !here || h->ruleset->incidental)
				continue;
			size_t steps = 0;
			if (denies(h->ruleset, FAMILY_V4, 0, &steps))
				v4 = h;
			steps = 0;
			if (denies(h->ruleset, FAMILY_V6, 0, &steps))
				v6 = h;
		}
		const char *on = all[k].sysctl ? linux_sysctl(r, NULL, "%s", all[k].sysctl) : NULL;
		if (v4 && !v6 && !(on && !strcmp(on, all[k].off)))
			diag_warning(r->d, "linux.ipv6-open", v4->ruleset->at,
				     "the host filters the IPv4 that it %s, and lets all IPv6 pass",
				     all[k].what);
	}
}
