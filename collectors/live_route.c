/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes, next hop objects and policy rules. A dump of routes carries no mark of having been
 * disturbed (NLM_F_DUMP_INTR) in many kernels: it is made twice, and both have to say the same.
 */
#include "collectors/live_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* Of newer kernels than the headers at hand (linux/fib_rules.h of 6.15, linux/rtnetlink.h). */
enum {
	RULE_DSCP = FRA_DPORT_RANGE + 1,
	RULE_FLOWLABEL,
	RULE_FLOWLABEL_MASK,
	RULE_SPORT_MASK,
	RULE_DPORT_MASK,
	RULE_DSCP_MASK,
	RULE_KNOWN = RULE_DSCP_MASK,
	ROUTE_KNOWN = 31,   /* RTA_FLOWLABEL */
	NEXTHOP_KNOWN = 17, /* NHA_HW_STATS_USED */
	RULE_INVERT = 2,    /* FIB_RULE_INVERT */
	FAMILY_MPLS = 28,
	FAMILY_IPMR = 128,
	FAMILY_IP6MR = 129,
};

#define N(v) (sizeof(v) / sizeof(*(v)))

static const char *const types[] = { "unspec",	 "unicast",   "local",	   "broadcast",
				     "anycast",	 "multicast", "blackhole", "unreachable",
				     "prohibit", "throw",     "nat",	   "xresolve" };
static const char *const hop_flags[] = { "dead",     "pervasive",  "onlink", "offload",
					 "linkdown", "unresolved", "trap",   NULL };
static const char *const preferences[] = { "medium", "high", NULL, "low" };

static const char *protocol_word(struct live *l, unsigned v)
{
	static const struct {
		unsigned v;
		const char *name;
	} names[] = { { 0, "unspec" }, { 1, "redirect" }, { 2, "kernel" },	{ 3, "boot" },
		      { 4, "static" }, { 8, "gated" },	  { 9, "ra" },		{ 11, "zebra" },
		      { 12, "bird" },  { 16, "dhcp" },	  { 18, "keepalived" }, { 42, "babel" },
		      { 186, "bgp" },  { 187, "isis" },	  { 188, "ospf" },	{ 189, "rip" },
		      { 192, "eigrp" } };
	for (size_t i = 0; i < N(names); i++)
		if (names[i].v == v)
			return names[i].name;
	return arena_printf(l->arena, "%u", v);
}

/* RTA_GATEWAY, or RTA_VIA where it is of another family. */
static const char *gateway_of(struct live *l, struct live_attr gateway, struct live_attr via)
{
	if (gateway.data)
		return live_ip(l, gateway);
	if (via.len > 2)
		return live_ip(l, (struct live_attr){ via.data + 2, via.len - 2 });
	return NULL;
}

static void set_gateway(struct live *l, json_t *item, struct live_attr *tb)
{
	const char *gw = gateway_of(l, tb[RTA_GATEWAY], tb[RTA_VIA]);
	live_set(item, "gateway", gw ? json_string(gw) : json_null());
	if (tb[RTA_ENCAP_TYPE].data)
		live_set_int(item, "encap", live_u16(tb[RTA_ENCAP_TYPE]));
}

/* struct rtnexthop, one behind the other, each with attributes of its own. */
static int set_hops(struct live *l, json_t *item, struct live_attr rest)
{
	json_t *hops = json_array();
	live_set(item, "nexthops", hops);
	while (rest.len) {
		struct rtnexthop h;
		struct live_attr tb[ROUTE_KNOWN + 1];
		if (rest.len < sizeof(h))
			return -EPROTO;
		memcpy(&h, rest.data, sizeof(h));
		if (h.rtnh_len < sizeof(h) || h.rtnh_len > rest.len)
			return -EPROTO;
		struct live_attr in = { rest.data + sizeof(h), h.rtnh_len - sizeof(h) };
		json_t *hop = json_object();
		json_array_append_new(hops, hop);
		int err = live_nested(l, in, "nexthop", tb, ROUTE_KNOWN, hop);
		if (err)
			return err;
		set_gateway(l, hop, tb);
		live_set_link(l, hop, h.rtnh_ifindex);
		live_set_int(hop, "weight", h.rtnh_hops + 1);
		live_set(hop, "flags", live_flags(h.rtnh_flags, hop_flags));
		size_t step =
			((size_t)h.rtnh_len + RTNH_ALIGNTO - 1) & ~(size_t)(RTNH_ALIGNTO - 1);
		step = step < rest.len ? step : rest.len;
		rest.data += step, rest.len -= step;
	}
	return 0;
}

static int read_route(struct live *l, const struct nlmsghdr *m, json_t *data)
{
	const struct rtmsg *r = live_header(m, sizeof(*r));
	struct live_attr tb[ROUTE_KNOWN + 1];
	json_t *item = json_object();
	json_array_append_new(data, item);
	int err = live_attrs(l, m, sizeof(*r), "route", tb, ROUTE_KNOWN, item);
	if (err)
		return err;
	const char *dst = live_prefix(l, r->rtm_family, tb[RTA_DST], r->rtm_dst_len);
	const char *src = live_prefix(l, r->rtm_family, tb[RTA_SRC], r->rtm_src_len);
	if (!dst || !src)
		return -EPROTO;
	live_set_string(l, item, "family", live_family(r->rtm_family));
	live_set_int(item, "table",
		     tb[RTA_TABLE].data ? live_u32(tb[RTA_TABLE]) : r->rtm_table);
	live_set(item, "type", live_word(r->rtm_type, types, N(types)));
	live_set_string(l, item, "destination", dst);
	if (r->rtm_src_len)
		live_set_string(l, item, "source", src);
	if (r->rtm_tos)
		live_set_int(item, "tos", r->rtm_tos);
	set_gateway(l, item, tb);
	if (tb[RTA_OIF].data)
		live_set_link(l, item, (int)live_u32(tb[RTA_OIF]));
	live_set_int(item, "priority", live_u32(tb[RTA_PRIORITY]));
	live_set_string(l, item, "protocol", protocol_word(l, r->rtm_protocol));
	live_set_string(l, item, "scope", live_scope(l, r->rtm_scope));
	if (tb[RTA_PREFSRC].data)
		live_set_string(l, item, "preferred_source", live_ip(l, tb[RTA_PREFSRC]));
	live_set(item, "flags", live_flags(r->rtm_flags & ~(uint32_t)RTM_F_CLONED, hop_flags));
	if (tb[RTA_CACHEINFO].len >= sizeof(struct rta_cacheinfo)) {
		struct rta_cacheinfo ci;
		memcpy(&ci, tb[RTA_CACHEINFO].data, sizeof(ci));
		if (ci.rta_expires)
			live_set_bool(item, "expires", true);
	}
	if (tb[RTA_NH_ID].data)
		live_set_int(item, "nexthop_id", live_u32(tb[RTA_NH_ID]));
	if (tb[RTA_PREF].data)
		live_set(item, "preference",
			 live_word(live_u8(tb[RTA_PREF]), preferences, N(preferences)));
	if (tb[RTA_MULTIPATH].data)
		err = set_hops(l, item, tb[RTA_MULTIPATH]);
	return err;
}

/*
 * One dump of a family. A kernel that has no reader for the family answers for all of them, so
 * every message says which it is of; others only counts.
 */
static int dump_routes(struct live *l, int family, json_t *data, json_int_t *others)
{
	struct rtmsg ask = { .rtm_family = (unsigned char)family };
	const struct nlmsghdr *m;
	LIVE_DUMP d = { 0 };
	int err = live_ask(NETLINK_ROUTE, RTM_GETROUTE, true, &ask, sizeof(ask), &d);
	for (size_t pos = 0; !err && (m = live_next(&d, &pos));) {
		const struct rtmsg *r = live_header(m, sizeof(*r));
		if (!r || m->nlmsg_type != RTM_NEWROUTE)
			return -EPROTO;
		if (r->rtm_family != family)
			continue;
		if (others)
			++*others;
		else if (!(r->rtm_flags & RTM_F_CLONED))
			err = read_route(l, m, data);
	}
	return err;
}

/* Whether a family that a kernel needn't have is missing. */
static bool no_family(int err)
{
	return err == -EOPNOTSUPP || err == -EAFNOSUPPORT || err == -EPROTONOSUPPORT ||
	       err == -EINVAL;
}

static json_t *list_routes(struct live *l, int *ret_err)
{
	static const struct {
		int family;
		const char *name;
	} more[] = { { FAMILY_MPLS, "mpls" },
		     { FAMILY_IPMR, "ipv4_multicast" },
		     { FAMILY_IP6MR, "ipv6_multicast" } };
	json_t *both = json_object(), *data = json_array(), *others = json_object();
	live_set(both, "data", data);
	live_set(both, "others", others);
	int err = dump_routes(l, AF_INET, data, NULL);
	if (!err) {
		err = dump_routes(l, AF_INET6, data, NULL);
		err = no_family(err) ? 0 : err;
	}
	for (size_t i = 0; !err && i < N(more); i++) {
		json_int_t n = 0;
		err = dump_routes(l, more[i].family, NULL, &n);
		err = no_family(err) ? 0 : err;
		live_set_int(others, more[i].name, n);
	}
	if (!err)
		return both;
	json_decref(both);
	*ret_err = err;
	return NULL;
}

/* Reads until two reads in a row agree. */
static void read_twice(struct live *l, json_t *(*read)(struct live *, int *), const char *what)
{
	int err = 0;
	json_t *last = read(l, &err);
	for (int i = 0; last && i < LIVE_TRIES; i++) {
		json_object_clear(l->now->unknown);
		json_t *again = read(l, &err);
		bool same = again && json_equal(last, again);
		json_decref(last);
		last = again;
		if (same) {
			json_object_update(l->now->body, last);
			json_decref(last);
			return;
		}
	}
	if (last) {
		live_problem(l, "moved", "%s changed between %d reads in a row", what,
			     LIVE_TRIES + 1);
		json_object_update(l->now->body, last);
		json_decref(last);
	} else {
		live_failed(l, err, "CAP_NET_ADMIN", what);
	}
}

void live_routes(struct live *l)
{
	read_twice(l, list_routes, "the routes");
}

static int read_nexthop(struct live *l, const struct nlmsghdr *m, json_t *data)
{
	const struct nhmsg *h = live_header(m, sizeof(*h));
	struct live_attr tb[NEXTHOP_KNOWN + 1];
	json_t *item = json_object();
	json_array_append_new(data, item);
	if (!h || m->nlmsg_type != RTM_NEWNEXTHOP)
		return -EPROTO;
	int err = live_attrs(l, m, sizeof(*h), "nexthop", tb, NEXTHOP_KNOWN, item);
	if (err)
		return err;
	const char *gw = tb[NHA_GATEWAY].data ? live_ip(l, tb[NHA_GATEWAY]) : NULL;
	const char *family = live_family(h->nh_family);
	live_set_int(item, "id", live_u32(tb[NHA_ID]));
	live_set(item, "family", family ? json_string(family) : json_null());
	live_set(item, "gateway", gw ? json_string(gw) : json_null());
	if (tb[NHA_OIF].data)
		live_set_link(l, item, (int)live_u32(tb[NHA_OIF]));
	live_set_bool(item, "blackhole", tb[NHA_BLACKHOLE].data != NULL);
	live_set_bool(item, "fdb", tb[NHA_FDB].data != NULL);
	if (tb[NHA_ENCAP_TYPE].data)
		live_set_int(item, "encap", live_u16(tb[NHA_ENCAP_TYPE]));
	if (tb[NHA_GROUP].data) {
		json_t *v = json_array();
		struct nexthop_grp g;
		for (size_t i = 0; i + sizeof(g) <= tb[NHA_GROUP].len; i += sizeof(g)) {
			memcpy(&g, tb[NHA_GROUP].data + i, sizeof(g));
			json_t *one = json_object();
			live_set_int(one, "id", g.id);
			/* the high byte is behind it in newer kernels */
			live_set_int(one, "weight", (g.weight | g.resvd1 << 8) + 1);
			json_array_append_new(v, one);
		}
		live_set(item, "group", v);
	}
	live_set(item, "flags", live_flags(h->nh_flags, hop_flags));
	live_set_string(l, item, "protocol", protocol_word(l, h->nh_protocol));
	live_set_string(l, item, "scope", live_scope(l, h->nh_scope));
	return 0;
}

static json_t *list_nexthops(struct live *l, int *ret_err)
{
	struct nhmsg ask = { .nh_family = AF_UNSPEC };
	const struct nlmsghdr *m;
	LIVE_DUMP d = { 0 };
	json_t *both = json_object(), *data = json_array();
	live_set(both, "data", data);
	int err = live_ask(NETLINK_ROUTE, RTM_GETNEXTHOP, true, &ask, sizeof(ask), &d);
	if (err == -EOPNOTSUPP || err == -EINVAL)
		return both; /* before Linux 5.3 */
	for (size_t pos = 0; !err && (m = live_next(&d, &pos));)
		err = read_nexthop(l, m, data);
	if (!err)
		return both;
	json_decref(both);
	*ret_err = err;
	return NULL;
}

void live_nexthops(struct live *l)
{
	read_twice(l, list_nexthops, "the next hops");
}

static void set_range(json_t *item, const char *key, struct live_attr a)
{
	struct fib_rule_port_range r;
	if (a.len >= sizeof(r)) {
		memcpy(&r, a.data, sizeof(r));
		live_set(item, key, json_pack("[i,i]", r.start, r.end));
	}
}

static void set_number(json_t *item, const char *key, struct live_attr a)
{
	if (a.data)
		live_set_int(item, key,
			     a.len >= 4	  ? live_u32(a)
			     : a.len >= 2 ? live_u16(a)
					  : live_u8(a));
}

static void set_marks(json_t *item, struct live_attr *tb)
{
	/* The kernel tells a mask of 0xffffffff too; without either any mark will do. */
	uint32_t mark = live_u32(tb[FRA_FWMARK]);
	uint32_t mask = tb[FRA_FWMASK].data ? live_u32(tb[FRA_FWMASK]) : mark ? UINT32_MAX : 0;
	if (!mark && !mask)
		return;
	live_set_int(item, "fwmark", mark);
	live_set_int(item, "fwmask", mask);
}

static void set_places(struct live *l, json_t *item, struct live_attr *tb, uint32_t flags)
{
	if (tb[FRA_IIFNAME].data)
		live_set_string(l, item, "iif", live_text(l, tb[FRA_IIFNAME]));
	if (flags & FIB_RULE_IIF_DETACHED)
		live_set_bool(item, "iif_detached", true);
	if (tb[FRA_OIFNAME].data)
		live_set_string(l, item, "oif", live_text(l, tb[FRA_OIFNAME]));
	if (flags & FIB_RULE_OIF_DETACHED)
		live_set_bool(item, "oif_detached", true);
}

static void set_action(struct live *l, json_t *item, const struct fib_rule_hdr *r,
		       struct live_attr *tb)
{
	static const char *const actions[] = { NULL,	    "table",	   "goto",
					       "nop",	    NULL,	   NULL,
					       "blackhole", "unreachable", "prohibit" };
	live_set(item, "action", live_word(r->action, actions, N(actions)));
	if (r->action == FR_ACT_TO_TBL)
		live_set_int(item, "table",
			     tb[FRA_TABLE].data ? live_u32(tb[FRA_TABLE]) : r->table);
	if (tb[FRA_GOTO].data)
		live_set_int(item, "goto", live_u32(tb[FRA_GOTO]));
	if (r->flags & FIB_RULE_UNRESOLVED)
		live_set_bool(item, "unresolved", true);
	/* -1: not asked for */
	uint32_t prefix = live_u32(tb[FRA_SUPPRESS_PREFIXLEN]);
	if (tb[FRA_SUPPRESS_PREFIXLEN].data && prefix != UINT32_MAX)
		live_set_int(item, "suppress_prefixlength", prefix);
	uint32_t group = live_u32(tb[FRA_SUPPRESS_IFGROUP]);
	if (tb[FRA_SUPPRESS_IFGROUP].data && group != UINT32_MAX)
		live_set_int(item, "suppress_ifgroup", group);
}

static int read_rule(struct live *l, const struct nlmsghdr *m, json_t *data)
{
	const struct fib_rule_hdr *r = live_header(m, sizeof(*r));
	struct live_attr tb[RULE_KNOWN + 1];
	json_t *item = json_object();
	json_array_append_new(data, item);
	int err = live_attrs(l, m, sizeof(*r), "rule", tb, RULE_KNOWN, item);
	if (err)
		return err;
	live_set_string(l, item, "family", live_family(r->family));
	live_set_int(item, "priority", live_u32(tb[FRA_PRIORITY]));
	live_set_bool(item, "invert", r->flags & RULE_INVERT);
	if (r->src_len)
		live_set_string(l, item, "from",
				live_prefix(l, r->family, tb[FRA_SRC], r->src_len));
	if (r->dst_len)
		live_set_string(l, item, "to",
				live_prefix(l, r->family, tb[FRA_DST], r->dst_len));
	set_places(l, item, tb, r->flags);
	set_marks(item, tb);
	set_number(item, "ip_proto", tb[FRA_IP_PROTO]);
	set_range(item, "sport", tb[FRA_SPORT_RANGE]);
	set_range(item, "dport", tb[FRA_DPORT_RANGE]);
	/* the whole port is the same as a range of one */
	if (live_u16(tb[RULE_SPORT_MASK]) != UINT16_MAX)
		set_number(item, "sport_mask", tb[RULE_SPORT_MASK]);
	if (live_u16(tb[RULE_DPORT_MASK]) != UINT16_MAX)
		set_number(item, "dport_mask", tb[RULE_DPORT_MASK]);
	if (tb[FRA_UID_RANGE].len >= sizeof(struct fib_rule_uid_range)) {
		struct fib_rule_uid_range u;
		memcpy(&u, tb[FRA_UID_RANGE].data, sizeof(u));
		live_set(item, "uid_range",
			 json_pack("[I,I]", (json_int_t)u.start, (json_int_t)u.end));
	}
	if (live_u8(tb[FRA_L3MDEV]))
		live_set_bool(item, "l3mdev", true);
	if (r->tos)
		live_set_int(item, "tos", r->tos);
	set_number(item, "dscp", tb[RULE_DSCP]);
	set_number(item, "dscp_mask", tb[RULE_DSCP_MASK]);
	if (tb[RULE_FLOWLABEL].data)
		live_set_int(item, "flowlabel", live_be32(tb[RULE_FLOWLABEL]));
	if (tb[RULE_FLOWLABEL_MASK].data)
		live_set_int(item, "flowlabel_mask", live_be32(tb[RULE_FLOWLABEL_MASK]));
	if (tb[FRA_TUN_ID].data && live_be64(tb[FRA_TUN_ID]))
		live_set_int(item, "tunnel_id", (json_int_t)live_be64(tb[FRA_TUN_ID]));
	set_action(l, item, r, tb);
	if (live_u32(tb[FRA_FLOW]))
		live_set_int(item, "realms", live_u32(tb[FRA_FLOW]));
	if (tb[FRA_PROTOCOL].data)
		live_set_string(l, item, "protocol",
				protocol_word(l, live_u8(tb[FRA_PROTOCOL])));
	return 0;
}

static int dump_rules(struct live *l, int family, json_t *data, json_int_t *others)
{
	struct fib_rule_hdr ask = { .family = (uint8_t)family };
	const struct nlmsghdr *m;
	LIVE_DUMP d = { 0 };
	int err = live_ask(NETLINK_ROUTE, RTM_GETRULE, true, &ask, sizeof(ask), &d);
	for (size_t pos = 0; !err && (m = live_next(&d, &pos));) {
		const struct fib_rule_hdr *r = live_header(m, sizeof(*r));
		if (!r || m->nlmsg_type != RTM_NEWRULE)
			return -EPROTO;
		if (r->family != family)
			continue;
		if (others)
			++*others;
		else
			err = read_rule(l, m, data);
	}
	return err;
}

static json_t *list_rules(struct live *l, int *ret_err)
{
	json_t *both = json_object(), *data = json_array(), *others = json_object();
	json_int_t n4 = 0, n6 = 0;
	live_set(both, "data", data);
	live_set(both, "others", others);
	/* A kernel without policy routing looks into the local, the main and the default table.
	 */
	int err = dump_rules(l, AF_INET, data, NULL);
	if (err == -EOPNOTSUPP || err == -EAFNOSUPPORT)
		err = 0;
	if (!err) {
		err = dump_rules(l, AF_INET6, data, NULL);
		err = no_family(err) ? 0 : err;
	}
	if (!err) {
		err = dump_rules(l, FAMILY_IPMR, NULL, &n4);
		err = no_family(err) ? 0 : err;
	}
	if (!err) {
		err = dump_rules(l, FAMILY_IP6MR, NULL, &n6);
		err = no_family(err) ? 0 : err;
	}
	live_set_int(others, "ipv4_multicast", n4);
	live_set_int(others, "ipv6_multicast", n6);
	if (!err)
		return both;
	json_decref(both);
	*ret_err = err;
	return NULL;
}

void live_rules(struct live *l)
{
	read_twice(l, list_rules, "the policy rules");
}
