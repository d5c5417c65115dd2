/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The left side of a match. What the export shows of a rule is less than what the kernel
 * runs: `tcp dport 22` stands for two steps, the protocol is TCP and two bytes of its header
 * are 22, and a step that can't be taken (no such header, a later fragment) ends the rule
 * whatever it asks, so that `tcp dport != 22` is no match for UDP. Every key therefore says
 * what the packet needs to have it; nft's own rules for these are in its proto.c and
 * payload.c, and `nft --debug=netlink` shows them.
 */
#include "collectors/nft_internal.h"

#include <string.h>

struct layer {
	const char *name;
	int proto;  /* -1: none */
	int family; /* enum family, -1: both */
};

static const struct layer layers[] = {
	{ "ip", -1, FAMILY_V4 },  { "ip6", -1, FAMILY_V6 }, { "tcp", 6, -1 },
	{ "udp", 17, -1 },	  { "udplite", 136, -1 },   { "dccp", 33, -1 },
	{ "sctp", 132, -1 },	  { "icmp", 1, FAMILY_V4 }, { "icmpv6", 58, FAMILY_V6 },
	{ "igmp", 2, FAMILY_V4 }, { "esp", 50, -1 },	    { "ah", 51, -1 },
	{ "comp", 108, -1 },	  { "gre", 47, -1 },	    { "th", -1, -1 },
	{ "ether", -1, -1 },	  { "vlan", -1, -1 },	    { "arp", -1, -1 },
};

bool nft_only(const json_t *object, const char *const *keys)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)object, key, value) {
		const char *const *k = keys;
		while (*k && strcmp(*k, key))
			k++;
		if (!*k)
			return false;
	}
	return true;
}

static void protos_only(struct nft_key *k, unsigned proto)
{
	memset(k->protos, 0, sizeof(k->protos));
	k->protos[proto / 64] = 1ull << proto % 64;
}

static void unknown(struct nft_rule *r, struct nft_key *k, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void unknown(struct nft_rule *r, struct nft_key *k, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	k->kind = KEY_UNKNOWN;
	k->why = arena_vprintf(r->n->arena, fmt, ap);
	va_end(ap);
}

static void number(struct nft_key *k, enum nft_domain domain, enum field field)
{
	k->kind = KEY_NUMBER;
	k->domain = domain;
	k->field = (uint8_t)field;
}

/* The condition that the rule's earlier matches leave only protocols with ports. */
static bool ports_only(const struct nft_rule *r)
{
	for (unsigned p = 0; p < 256; p++)
		if (r->protos[p / 64] >> p % 64 & 1 && !proto_has_ports(p))
			return false;
	return true;
}

static void need(struct nft_rule *r, struct nft_key *k, const struct match *m)
{
	k->need = match_and(r->n->m, k->need, m);
}

static void need_layer(struct nft_rule *r, struct nft_key *k, const struct layer *l)
{
	need(r, k, r->frame);
	if (l->family >= 0)
		need(r, k, match_family(r->n->m, (enum family)l->family));
	if (l->proto >= 0) {
		need(r, k, match_value(r->n->m, FIELD_PROTO, (unsigned)l->proto));
		protos_only(k, (unsigned)l->proto);
	}
	/* the transport header is in whole packets and first fragments alone */
	if (l->proto >= 0 || !strcmp(l->name, "th"))
		k->have = match_value(r->n->m, FIELD_FRAGMENT, 0), r->transport = true;
}

static void ip_field(struct nft_rule *r, struct nft_key *k, const struct layer *l,
		     const char *field)
{
	bool v4 = l->family == FAMILY_V4;
	if (!strcmp(field, "saddr") || !strcmp(field, "daddr")) {
		k->kind = KEY_ADDR;
		k->family = (uint8_t)l->family;
		k->field = *field == 's' ? FIELD_SRC : FIELD_DST;
	} else if (v4 && !strcmp(field, "protocol")) {
		number(k, DOMAIN_PROTO4, FIELD_PROTO);
	} else if (!v4 && !strcmp(field, "nexthdr")) {
		number(k, DOMAIN_NEXTHDR, FIELD_PROTO);
	} else if (!strcmp(field, "version")) {
		number(k, DOMAIN_VERSION, FIELD_FAMILY);
	} else if (v4 && !strcmp(field, "frag-off")) {
		number(k, DOMAIN_FRAG_OFF, FIELD_FRAGMENT);
	}
}

static void payload(struct nft_rule *r, struct nft_key *k, const json_t *v)
{
	static const char *const known[] = { "protocol", "field", NULL };
	const char *proto = nft_str(v, "protocol"), *field = nft_str(v, "field");
	if (!proto || !field) {
		unknown(r, k, "bytes of the packet");
		return;
	}
	unknown(r, k, "%s %s", proto, field);
	if (!nft_only(v, known)) {
		unknown(r, k, "%s %s inside a tunnel", proto, field);
		return;
	}
	const struct layer *l = NULL;
	for (size_t i = 0; i < sizeof(layers) / sizeof(*layers) && !l; i++)
		if (!strcmp(layers[i].name, proto))
			l = &layers[i];
	if (!l)
		return;
	need_layer(r, k, l);
	bool sport = !strcmp(field, "sport"), dport = !strcmp(field, "dport");
	bool icmp = l->proto == PROTO_ICMP || l->proto == PROTO_ICMPV6;
	if (l->family >= 0 && l->proto < 0) {
		ip_field(r, k, l, field);
	} else if ((sport || dport) && l->proto >= 0 && proto_has_ports((unsigned)l->proto)) {
		number(k, DOMAIN_PORT, sport ? FIELD_SPORT : FIELD_DPORT);
	} else if ((sport || dport) && !strcmp(proto, "th")) {
		number(k, DOMAIN_PORT, sport ? FIELD_SPORT : FIELD_DPORT);
		k->raw_ports = !ports_only(r);
	} else if (l->proto == PROTO_TCP && !strcmp(field, "flags")) {
		number(k, DOMAIN_TCP_FLAGS, FIELD_FLAGS);
	} else if (icmp && !strcmp(field, "type")) {
		number(k, l->proto == PROTO_ICMP ? DOMAIN_ICMP_TYPE : DOMAIN_ICMPV6_TYPE,
		       FIELD_ICMP_TYPE);
	} else if (icmp && !strcmp(field, "code")) {
		number(k, l->proto == PROTO_ICMP ? DOMAIN_ICMP_CODE : DOMAIN_ICMPV6_CODE,
		       FIELD_ICMP_CODE);
	}
}

/*
 * Interfaces are known where the hook has them: none to go out of before routing, none to
 * come in by on the way out of the host, which no name matches and every != does (nft_meta.c,
 * nft_meta_store_ifname). Behind the forward hook the one to come in by is told by newer
 * kernels only. Frames meet a bridge's ports, not its interface.
 */
static void interface(struct nft_rule *r, struct nft_key *k, const char *key)
{
	unsigned hooks = r->chain->reach & (REACH_IN | REACH_FORWARD | REACH_OUT |
					    REACH_LOCAL_IN | REACH_LOCAL_OUT);
	bool in = key[0] == 'i', frame = r->chain->reach & REACH_FRAME;
	unsigned never = in ? REACH_LOCAL_OUT : REACH_IN | REACH_LOCAL_IN;
	unsigned blind = never | (in ? REACH_OUT : 0u);
	if (frame && !r->n->facts) {
		unknown(r, k, "%s of a frame", key);
		return;
	}
	k->absent = !frame && hooks && !(hooks & ~never);
	if (!k->absent && hooks & blind && !r->n->facts) {
		unknown(r, k, "%s at a hook that may not know it", key);
		return;
	}
	k->kind = KEY_IFACE;
	k->field = in ? FIELD_IIF : FIELD_OIF;
}

static void meta(struct nft_rule *r, struct nft_key *k, const json_t *v)
{
	static const char *const known[] = { "key", NULL };
	const char *key = nft_str(v, "key");
	unknown(r, k, "meta %s", key ? key : "key");
	if (!key || !nft_only(v, known))
		return;
	if (!strcmp(key, "iifname") || !strcmp(key, "oifname") || !strcmp(key, "iif") ||
	    !strcmp(key, "oif")) {
		interface(r, k, key);
	} else if (!strcmp(key, "l4proto")) {
		number(k, DOMAIN_PROTO, FIELD_PROTO);
		need(r, k, r->frame);
	} else if (!strcmp(key, "protocol")) {
		number(k, DOMAIN_ETHERTYPE, FIELD_FAMILY);
		need(r, k, r->frame);
	} else if (!strcmp(key, "mark") && r->marks) {
		/* as FIELD_STATE it is: of this packet, not of its connection's others */
		number(k, DOMAIN_MARK, FIELD_STATE);
		k->marks = r->marks;
	} else if (!strcmp(key, "nfproto") && !(r->chain->reach & REACH_FRAME)) {
		number(k, DOMAIN_NFPROTO, FIELD_FAMILY);
	}
}

static void ct(struct nft_rule *r, struct nft_key *k, const json_t *v)
{
	static const char *const known[] = { "key", NULL };
	const char *key = nft_str(v, "key");
	unknown(r, k, "ct %s", key ? key : "key");
	if (!key || !nft_only(v, known) || strcmp(key, "state"))
		return;
	if (r->chain->reach & (REACH_EARLY | REACH_FRAME)) {
		unknown(r, k, "ct state before connection tracking");
		return;
	}
	number(k, DOMAIN_CT_STATE, FIELD_STATE);
	k->over = r->n->notrack;
	if (k->over && r->marks) {
		const struct match *out = nft_marks_untracked(r->marks);
		k->over = out->kind == MATCH_NONE ? NULL : out;
		k->over_known = true;
	}
}

static void exthdr(struct nft_rule *r, struct nft_key *k, const json_t *v)
{
	const char *name = nft_str(v, "name");
	unknown(r, k, "IPv6 extension header %s", name ? name : "");
	need(r, k, r->frame);
	need(r, k, match_family(r->n->m, FAMILY_V6));
}

/* {"result": "type", "flags": "daddr"}, or several flags in a list. */
static void fib(struct nft_rule *r, struct nft_key *k, const json_t *v)
{
	static const char *const known[] = { "result", "flags", NULL };
	const char *result = nft_str(v, "result");
	const json_t *flags = json_object_get(v, "flags");
	size_t n = json_is_array(flags) ? json_array_size(flags) : 1, addrs = 0;
	unknown(r, k, "fib %s: the host's addresses and routes", result ? result : "lookup");
	need(r, k, r->frame);
	if (!result || strcmp(result, "type") || !nft_only(v, known))
		return;
	bool dev = false;
	for (size_t i = 0; i < n; i++) {
		const char *f = json_string_value(json_is_array(flags) ? json_array_get(flags, i)
								       : flags);
		if (!f)
			return;
		if (!strcmp(f, "saddr") || !strcmp(f, "daddr")) {
			k->field = *f == 's' ? FIELD_SRC : FIELD_DST;
			addrs++;
		} else if (!strcmp(f, "iif") || !strcmp(f, "oif")) {
			dev = true;
		} else if (strcmp(f, "mark")) {
			return;
		}
	}
	if (addrs != 1)
		return;
	k->fib_dev = dev;
	number(k, DOMAIN_FIB_TYPE, (enum field)k->field);
}

/* Masks alone: a shift works on the bytes as the kernel holds them, which differs by field. */
static char operation(const char *name)
{
	return strlen(name) == 1 && strchr("&|^", *name) ? *name : 0;
}

static void single(struct nft_rule *r, const json_t *left, int depth, struct nft_key *k);

static void binary(struct nft_rule *r, struct nft_key *k, char op, const json_t *args,
		   int depth)
{
	if (json_array_size(args) < 2 || depth > 8) {
		unknown(r, k, "an expression of bits");
		return;
	}
	single(r, json_array_get(args, 0), depth + 1, k);
	for (size_t i = 1; i < json_array_size(args) && k->kind != KEY_UNKNOWN; i++) {
		const json_t *v = json_array_get(args, i);
		struct span s;
		bool ok = k->n_ops < NFT_OPS;
		if (ok && k->kind == KEY_NUMBER) {
			ok = nft_number(k->domain, v, &k->ops[k->n_ops].number);
		} else if (ok && k->kind == KEY_ADDR) {
			ok = op == '&' && !k->n_ops &&
			     nft_addr((enum family)k->family, v, &s) && addr_equal(s.lo, s.hi);
			if (ok)
				k->ops[0].addr = s.lo;
		} else {
			ok = false;
		}
		if (!ok)
			unknown(r, k, "an expression of bits");
		else
			k->ops[k->n_ops++].op = op;
	}
}

static void single(struct nft_rule *r, const json_t *left, int depth, struct nft_key *k)
{
	*k = (struct nft_key){ 0 };
	k->need = k->have = match_all(r->n->m);
	memset(k->protos, 0xff, sizeof(k->protos));
	const char *name = NULL, *key;
	json_t *v = NULL, *value;
	json_object_foreach ((json_t *)left, key, value)
		name = key, v = value;
	if (!name || json_object_size(left) != 1) {
		unknown(r, k, "an expression");
	} else if (!strcmp(name, "payload")) {
		payload(r, k, v);
	} else if (!strcmp(name, "meta")) {
		meta(r, k, v);
	} else if (!strcmp(name, "ct")) {
		ct(r, k, v);
	} else if (!strcmp(name, "exthdr")) {
		exthdr(r, k, v);
	} else if (!strcmp(name, "tcp option")) {
		need_layer(r, k, &layers[2]);
		unknown(r, k, "a TCP option");
	} else if (!strcmp(name, "fib")) {
		fib(r, k, v);
	} else if (operation(name)) {
		binary(r, k, operation(name), v, depth);
	} else {
		/* numgen, jhash, symhash, osf, socket, rt, ipsec, map, ... */
		unknown(r, k, "%s", name);
	}
}

void nft_keys(struct nft_rule *r, const json_t *left, struct nft_keys *ret)
{
	const json_t *list = json_object_get(left, "concat");
	ret->n = 0;
	if (!json_array_size(list) || json_object_size(left) != 1) {
		single(r, left, 0, &ret->v[ret->n++]);
		return;
	}
	if (json_array_size(list) > NFT_KEYS) {
		single(r, NULL, 0, &ret->v[ret->n++]);
		return;
	}
	for (size_t i = 0; i < json_array_size(list); i++)
		single(r, json_array_get(list, i), 0, &ret->v[ret->n++]);
}
