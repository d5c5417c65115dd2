/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of nft, as nft(8) and libnftables-json(5) list them. Numbers are those of the
 * headers (RFC 792, RFC 4443, RFC 9293) and of linux/netfilter.h.
 */
#include "collectors/nft_internal.h"

#include <string.h>

struct word {
	const char *name;
	unsigned number;
};

static const struct word icmp_types[] = {
	{ "echo-reply", 0 },	       { "destination-unreachable", 3 },
	{ "source-quench", 4 },	       { "redirect", 5 },
	{ "echo-request", 8 },	       { "router-advertisement", 9 },
	{ "router-solicitation", 10 }, { "time-exceeded", 11 },
	{ "parameter-problem", 12 },   { "timestamp-request", 13 },
	{ "timestamp-reply", 14 },     { "info-request", 15 },
	{ "info-reply", 16 },	       { "address-mask-request", 17 },
	{ "address-mask-reply", 18 },  { NULL, 0 },
};

static const struct word icmpv6_types[] = {
	{ "destination-unreachable", 1 }, { "packet-too-big", 2 },
	{ "time-exceeded", 3 },		  { "parameter-problem", 4 },
	{ "echo-request", 128 },	  { "echo-reply", 129 },
	{ "mld-listener-query", 130 },	  { "mld-listener-report", 131 },
	{ "mld-listener-done", 132 },	  { "mld-listener-reduction", 132 },
	{ "nd-router-solicit", 133 },	  { "nd-router-advert", 134 },
	{ "nd-neighbor-solicit", 135 },	  { "nd-neighbor-advert", 136 },
	{ "nd-redirect", 137 },		  { "router-renumbering", 138 },
	{ "ind-neighbor-solicit", 141 },  { "ind-neighbor-advert", 142 },
	{ "mld2-listener-report", 143 },  { NULL, 0 },
};

static const struct word icmp_codes[] = {
	{ "net-unreachable", 0 },  { "host-unreachable", 1 },  { "prot-unreachable", 2 },
	{ "port-unreachable", 3 }, { "frag-needed", 4 },       { "net-prohibited", 9 },
	{ "host-prohibited", 10 }, { "admin-prohibited", 13 }, { NULL, 0 },
};

static const struct word icmpv6_codes[] = {
	{ "no-route", 0 },
	{ "admin-prohibited", 1 },
	{ "addr-unreachable", 3 },
	{ "port-unreachable", 4 },
	{ "policy-fail", 5 },
	{ "reject-route", 6 },
	{ NULL, 0 },
};

static const struct word tcp_flags[] = {
	{ "fin", 1 },  { "syn", 2 },  { "rst", 4 },   { "psh", 8 }, { "ack", 16 },
	{ "urg", 32 }, { "ecn", 64 }, { "cwr", 128 }, { NULL, 0 },
};

static const struct word ct_states[] = {
	{ "invalid", 1 }, { "established", 2 }, { "related", 4 },
	{ "new", 8 },	  { "untracked", 64 },	{ NULL, 0 },
};

const uint8_t nft_state_bit[STATE_COUNT] = {
	[STATE_NEW] = 8,     [STATE_ESTABLISHED] = 2, [STATE_RELATED] = 4,
	[STATE_INVALID] = 1, [STATE_UNTRACKED] = 64,
};

static const struct word nfprotos[] = { { "ipv4", 2 }, { "ipv6", 10 }, { NULL, 0 } };

static const struct word fib_types[] = {
	{ "unspec", 0 },      { "unicast", 1 },	  { "local", 2 },
	{ "broadcast", 3 },   { "anycast", 4 },	  { "multicast", 5 },
	{ "blackhole", 6 },   { "unreachable", 7 }, { "prohibit", 8 },
	{ NULL, 0 },
};

static const struct word ethertypes[] = {
	{ "ip", 0x0800 },    { "arp", 0x0806 },	   { "ip6", 0x86dd }, { "vlan", 0x8100 },
	{ "8021q", 0x8100 }, { "8021ad", 0x88a8 }, { NULL, 0 },
};

static const struct word *words_of(enum nft_domain d)
{
	switch (d) {
	case DOMAIN_ICMP_TYPE:
		return icmp_types;
	case DOMAIN_ICMP_CODE:
		return icmp_codes;
	case DOMAIN_ICMPV6_TYPE:
		return icmpv6_types;
	case DOMAIN_ICMPV6_CODE:
		return icmpv6_codes;
	case DOMAIN_TCP_FLAGS:
		return tcp_flags;
	case DOMAIN_CT_STATE:
		return ct_states;
	case DOMAIN_NFPROTO:
		return nfprotos;
	case DOMAIN_ETHERTYPE:
		return ethertypes;
	case DOMAIN_FIB_TYPE:
		return fib_types;
	default:
		return NULL;
	}
}

unsigned nft_domain_max(enum nft_domain d)
{
	switch (d) {
	case DOMAIN_PORT:
	case DOMAIN_ETHERTYPE:
	case DOMAIN_FRAG_OFF:
		return 65535;
	case DOMAIN_VERSION:
		return 15;
	case DOMAIN_FIB_TYPE:
		return NFT_FIB_TYPES - 1;
	case DOMAIN_MARK:
		return UINT32_MAX;
	default:
		return 255;
	}
}

bool nft_domain_is_bits(enum nft_domain d)
{
	return d == DOMAIN_TCP_FLAGS || d == DOMAIN_CT_STATE;
}

static bool word(enum nft_domain d, const char *s, uint64_t *ret)
{
	for (const struct word *w = words_of(d); w && w->name; w++)
		if (!strcmp(w->name, s)) {
			*ret = w->number;
			return true;
		}
	if (parse_number(s, strlen(s), 0, nft_domain_max(d), false, ret))
		return true;
	int number = -1;
	if (d == DOMAIN_PROTO || d == DOMAIN_PROTO4 || d == DOMAIN_NEXTHDR)
		number = nf_protocol(s, strlen(s));
	else if (d == DOMAIN_PORT)
		number = nf_service(s, strlen(s));
	if (number >= 0)
		*ret = (uint64_t)number;
	return number >= 0;
}

/* Joined constants nest as deep as their author likes; nft itself writes at most 8. */
static bool number(enum nft_domain d, const json_t *v, int depth, uint64_t *ret)
{
	if (json_is_integer(v)) {
		json_int_t i = json_integer_value(v);
		if (i < 0)
			return false;
		*ret = (uint64_t)i;
		return true;
	}
	if (json_is_string(v))
		return word(d, json_string_value(v), ret);
	const json_t *list = json_is_array(v) ? v : json_object_get(v, "|");
	if (!nft_domain_is_bits(d) || !json_array_size(list) || depth > 16 ||
	    (json_is_object(v) && json_object_size(v) != 1))
		return false;
	uint64_t all = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		uint64_t one;
		if (!number(d, json_array_get(list, i), depth + 1, &one))
			return false;
		all |= one;
	}
	*ret = all;
	return true;
}

bool nft_number(enum nft_domain d, const json_t *v, uint64_t *ret)
{
	return number(d, v, 0, ret);
}

static const char *const families[] = {
	[NFT_IP] = "ip",   [NFT_IP6] = "ip6",	    [NFT_INET] = "inet",
	[NFT_ARP] = "arp", [NFT_BRIDGE] = "bridge", [NFT_NETDEV] = "netdev"
};

const char *nft_family_name(enum nft_family f)
{
	return families[f];
}

int nft_family(const char *name)
{
	for (size_t i = 0; name && i < sizeof(families) / sizeof(*families); i++)
		if (!strcmp(families[i], name))
			return (int)i;
	return -1;
}

bool nft_priority(enum nft_family f, const json_t *v, int *ret)
{
	static const struct {
		const char *name;
		int ip, bridge;
	} names[] = { { "raw", -300, 0 },    { "mangle", -150, 0 }, { "dstnat", -100, -300 },
		      { "filter", 0, -200 }, { "security", 50, 0 }, { "srcnat", 100, 300 },
		      { "out", 0, 100 } };
	if (json_is_integer(v)) {
		json_int_t i = json_integer_value(v);
		if (i < INT32_MIN || i > INT32_MAX)
			return false;
		*ret = (int)i;
		return true;
	}
	if (!json_is_string(v))
		return false;
	const char *s = json_string_value(v);
	size_t len = strcspn(s, " +-");
	int at = 0;
	bool known = !len;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !known; i++) {
		known = strlen(names[i].name) == len && !strncmp(names[i].name, s, len);
		at = f == NFT_BRIDGE ? names[i].bridge : names[i].ip;
	}
	if (!known) {
		uint64_t plain;
		if (!parse_number(s, len, 0, 1 << 29, false, &plain))
			return false;
		at = (int)plain;
	}
	s += len;
	s += strspn(s, " ");
	if (!*s) {
		*ret = at;
		return len > 0;
	}
	bool minus = *s == '-';
	s += 1 + strspn(s + 1, " ");
	uint64_t offset;
	if (!parse_number(s, strlen(s), 0, 1 << 29, false, &offset))
		return false;
	*ret = minus ? at - (int)offset : at + (int)offset;
	return true;
}
