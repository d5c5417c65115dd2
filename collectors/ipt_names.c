/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of iptables, as iptables-extensions(8) lists them; numbers are those of RFC 792,
 * RFC 4443 and RFC 9293. iptables-save writes numbers of protocols and services, other programs
 * write names.
 */
#include "collectors/ipt_internal.h"

#include <string.h>
#include <strings.h>

bool ipt_proto(const char *s, unsigned *ret)
{
	uint32_t n;
	if (!strcasecmp(s, "all")) {
		*ret = 0;
		return true;
	}
	if (ipt_number(s, strlen(s), &n) && n < 256) {
		*ret = n;
		return true;
	}
	int found = nf_protocol(s, strlen(s));
	if (found >= 0)
		*ret = (unsigned)found;
	return found >= 0;
}

int ipt_port(const char *s, size_t len)
{
	uint64_t n;
	if (parse_number(s, len, 0, 65535, true, &n))
		return (int)n;
	return nf_service(s, len);
}

struct icmp_name {
	const char *name;
	uint8_t type;
	int16_t code; /* -1: any */
};

static const struct icmp_name icmp4[] = {
	{ "any", 255, -1 },
	{ "echo-reply", 0, -1 },
	{ "pong", 0, -1 },
	{ "destination-unreachable", 3, -1 },
	{ "network-unreachable", 3, 0 },
	{ "host-unreachable", 3, 1 },
	{ "protocol-unreachable", 3, 2 },
	{ "port-unreachable", 3, 3 },
	{ "fragmentation-needed", 3, 4 },
	{ "source-route-failed", 3, 5 },
	{ "network-unknown", 3, 6 },
	{ "host-unknown", 3, 7 },
	{ "network-prohibited", 3, 9 },
	{ "host-prohibited", 3, 10 },
	{ "TOS-network-unreachable", 3, 11 },
	{ "TOS-host-unreachable", 3, 12 },
	{ "communication-prohibited", 3, 13 },
	{ "host-precedence-violation", 3, 14 },
	{ "precedence-cutoff", 3, 15 },
	{ "source-quench", 4, -1 },
	{ "redirect", 5, -1 },
	{ "network-redirect", 5, 0 },
	{ "host-redirect", 5, 1 },
	{ "TOS-network-redirect", 5, 2 },
	{ "TOS-host-redirect", 5, 3 },
	{ "echo-request", 8, -1 },
	{ "ping", 8, -1 },
	{ "router-advertisement", 9, -1 },
	{ "router-solicitation", 10, -1 },
	{ "time-exceeded", 11, -1 },
	{ "ttl-exceeded", 11, -1 },
	{ "ttl-zero-during-transit", 11, 0 },
	{ "ttl-zero-during-reassembly", 11, 1 },
	{ "parameter-problem", 12, -1 },
	{ "ip-header-bad", 12, 0 },
	{ "required-option-missing", 12, 1 },
	{ "timestamp-request", 13, -1 },
	{ "timestamp-reply", 14, -1 },
	{ "address-mask-request", 17, -1 },
	{ "address-mask-reply", 18, -1 },
	{ NULL, 0, 0 },
};

static const struct icmp_name icmp6[] = {
	{ "destination-unreachable", 1, -1 },
	{ "no-route", 1, 0 },
	{ "communication-prohibited", 1, 1 },
	{ "beyond-scope", 1, 2 },
	{ "address-unreachable", 1, 3 },
	{ "port-unreachable", 1, 4 },
	{ "failed-policy", 1, 5 },
	{ "reject-route", 1, 6 },
	{ "packet-too-big", 2, -1 },
	{ "time-exceeded", 3, -1 },
	{ "ttl-exceeded", 3, -1 },
	{ "ttl-zero-during-transit", 3, 0 },
	{ "ttl-zero-during-reassembly", 3, 1 },
	{ "parameter-problem", 4, -1 },
	{ "bad-header", 4, 0 },
	{ "unknown-header-type", 4, 1 },
	{ "unknown-option", 4, 2 },
	{ "echo-request", 128, -1 },
	{ "ping", 128, -1 },
	{ "echo-reply", 129, -1 },
	{ "pong", 129, -1 },
	{ "mld-listener-query", 130, -1 },
	{ "mld-listener-report", 131, -1 },
	{ "mld-listener-done", 132, -1 },
	{ "mld-listener-reduction", 132, -1 },
	{ "router-solicitation", 133, -1 },
	{ "router-advertisement", 134, -1 },
	{ "neighbour-solicitation", 135, -1 },
	{ "neighbor-solicitation", 135, -1 },
	{ "neighbour-advertisement", 136, -1 },
	{ "neighbor-advertisement", 136, -1 },
	{ "redirect", 137, -1 },
	{ NULL, 0, 0 },
};

/* A name, or the beginning of just one. */
static const struct icmp_name *icmp_name(const struct icmp_name *v, const char *s)
{
	const struct icmp_name *found = NULL;
	for (const struct icmp_name *x = v; x->name; x++)
		if (!strcasecmp(x->name, s))
			return x;
	for (const struct icmp_name *x = v; x->name && *s; x++)
		if (!strncasecmp(x->name, s, strlen(s))) {
			if (found && (found->type != x->type || found->code != x->code))
				return NULL;
			found = x;
		}
	return found;
}

bool ipt_icmp(bool v6, const char *s, unsigned *ret_type, struct range *ret_code)
{
	const char *slash = strchr(s, '/');
	uint64_t type, code = 0;
	if (!parse_number(s, slash ? (size_t)(slash - s) : strlen(s), 0, 255, true, &type)) {
		const struct icmp_name *x = icmp_name(v6 ? icmp6 : icmp4, s);
		if (!x)
			return false;
		*ret_type = x->type;
		*ret_code = x->code < 0
				    ? (struct range){ 0, 255 }
				    : (struct range){ (uint16_t)x->code, (uint16_t)x->code };
		return true;
	}
	if (slash && !parse_number(slash + 1, strlen(slash + 1), 0, 255, true, &code))
		return false;
	*ret_type = (unsigned)type;
	*ret_code = slash ? (struct range){ (uint16_t)code, (uint16_t)code }
			  : (struct range){ 0, 255 };
	return true;
}

bool ipt_tcp_flags(const char *s, unsigned *ret)
{
	static const struct {
		const char *name;
		unsigned bits;
	} flags[] = { { "FIN", TCP_FIN }, { "SYN", TCP_SYN }, { "RST", TCP_RST },
		      { "PSH", TCP_PSH }, { "ACK", TCP_ACK }, { "URG", TCP_URG },
		      { "ALL", 63 },	  { "NONE", 0 } };
	unsigned all = 0;
	uint32_t number;
	if (!strncmp(s, "0x", 2) && ipt_number(s, strlen(s), &number) && number < 256) {
		*ret = number;
		return true;
	}
	for (;;) {
		size_t len = strcspn(s, ",");
		size_t i = 0, n = sizeof(flags) / sizeof(*flags);
		while (i < n &&
		       (strlen(flags[i].name) != len || strncasecmp(flags[i].name, s, len)))
			i++;
		if (i == n)
			return false;
		all |= flags[i].bits;
		if (!s[len])
			break;
		s += len + 1;
	}
	*ret = all;
	return true;
}

static const char *const tables[] = { [TABLE_RAW] = "raw",
				      [TABLE_MANGLE] = "mangle",
				      [TABLE_NAT] = "nat",
				      [TABLE_FILTER] = "filter",
				      [TABLE_SECURITY] = "security" };

static const char *const hooks[] = { [PREROUTING] = "PREROUTING",
				     [INPUT] = "INPUT",
				     [FORWARD] = "FORWARD",
				     [OUTPUT] = "OUTPUT",
				     [POSTROUTING] = "POSTROUTING" };

int ipt_table_id(const char *name)
{
	for (int i = 0; i < IPT_TABLES; i++)
		if (!strcmp(tables[i], name))
			return i;
	return -1;
}

const char *ipt_table_name(enum ipt_table_id id)
{
	return tables[id];
}

int ipt_hook_id(const char *name)
{
	for (int i = 0; i < IPT_HOOKS; i++)
		if (!strcmp(hooks[i], name))
			return i;
	return -1;
}

/* linux/netfilter_ipv4.h, enum nf_ip_hook_priorities; the hooks of ip*table_*.c */
bool ipt_table_has(enum ipt_table_id table, enum ipt_hook hook)
{
	static const unsigned has[IPT_TABLES] = {
		[TABLE_RAW] = 1u << PREROUTING | 1u << OUTPUT,
		[TABLE_MANGLE] = 31,
		[TABLE_NAT] = 1u << PREROUTING | 1u << INPUT | 1u << OUTPUT | 1u << POSTROUTING,
		[TABLE_FILTER] = 1u << INPUT | 1u << FORWARD | 1u << OUTPUT,
		[TABLE_SECURITY] = 1u << INPUT | 1u << FORWARD | 1u << OUTPUT,
	};
	return has[table] & 1u << hook;
}

int ipt_priority(enum ipt_table_id table, enum ipt_hook hook)
{
	static const int at[IPT_TABLES] = { [TABLE_RAW] = -300,
					    [TABLE_MANGLE] = -150,
					    [TABLE_NAT] = -100,
					    [TABLE_FILTER] = 0,
					    [TABLE_SECURITY] = 50 };
	if (table == TABLE_NAT && (hook == INPUT || hook == POSTROUTING))
		return 100;
	return at[table];
}
