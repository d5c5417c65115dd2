/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces and their addresses (rtnetlink(7), linux/if_link.h). */
#include "collectors/live_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <string.h>

/*
 * The last attributes whose meaning is known here, by newer kernels than the headers at hand:
 * IFLA_TAILROOM, IFLA_BR_FDB_MAX_LEARNED, IFLA_VXLAN_MC_ROUTE.
 */
enum { LINK_KNOWN = 69, BRIDGE_KNOWN = 49, VXLAN_KNOWN = 34, VXLAN_LOCALBYPASS = 31 };

static const char *const link_flags[] = {
	"up",	      "broadcast", "debug",	"loopback", "pointopoint",
	"notrailers", "running",   "noarp",	"promisc",  "allmulti",
	"master",     "slave",	   "multicast", "portsel",  "automedia",
	"dynamic",    "lower_up",  "dormant",	"echo",	    NULL,
};

static const char *const states[] = { "unknown", "notpresent", "down", "lowerlayerdown",
				      "testing", "dormant",    "up" };

static const char *const macvlan_modes[] = { NULL, "private", "vepa", NULL, "bridge" };
static const char *const ipvlan_modes[] = { "l2", "l3", "l3s" };
static const char *const xdp_modes[] = { NULL, "driver", "generic", "offload", "several" };

#define N(v) (sizeof(v) / sizeof(*(v)))

/* Kinds whose attributes either are read or decide nothing. */
static const char *const plain_kinds[] = { "veth", "dummy", "ifb", "tun", "nlmon" };

static json_t *protocol_name(struct live *l, uint16_t p)
{
	return live_string(l, p == 0x8100   ? "802.1Q"
			      : p == 0x88a8 ? "802.1ad"
					    : arena_printf(l->arena, "0x%04x", p));
}

static int read_vlan(struct live *l, struct live_attr data, json_t *item)
{
	struct live_attr tb[IFLA_VLAN_MAX + 1];
	int err = live_nested(l, data, "vlan", tb, IFLA_VLAN_MAX, item);
	if (err)
		return err;
	json_t *v = json_object();
	live_set_int(v, "id", live_u16(tb[IFLA_VLAN_ID]));
	live_set(v, "protocol",
		 tb[IFLA_VLAN_PROTOCOL].data
			 ? protocol_name(l, live_be16(tb[IFLA_VLAN_PROTOCOL]))
			 : json_string("802.1Q"));
	live_set(item, "vlan", v);
	return 0;
}

static void set_flag(json_t *v, const char *key, struct live_attr a, bool by_presence)
{
	if (by_presence ? true : a.data != NULL)
		live_set_bool(v, key, by_presence ? a.data != NULL : live_u8(a) != 0);
}

static int read_vxlan(struct live *l, struct live_attr data, json_t *item)
{
	struct live_attr tb[VXLAN_KNOWN + 1];
	int err = live_nested(l, data, "vxlan", tb, VXLAN_KNOWN, item);
	if (err)
		return err;
	json_t *v = json_object();
	live_set_int(v, "vni", live_u32(tb[IFLA_VXLAN_ID]));
	struct live_attr remote =
		tb[IFLA_VXLAN_GROUP].data ? tb[IFLA_VXLAN_GROUP] : tb[IFLA_VXLAN_GROUP6];
	struct live_attr local =
		tb[IFLA_VXLAN_LOCAL].data ? tb[IFLA_VXLAN_LOCAL] : tb[IFLA_VXLAN_LOCAL6];
	if (remote.data)
		live_set_string(l, v, "remote", live_ip(l, remote));
	if (local.data)
		live_set_string(l, v, "local", live_ip(l, local));
	if (tb[IFLA_VXLAN_LINK].data) {
		const struct live_link *k = live_link(l, (int)live_u32(tb[IFLA_VXLAN_LINK]));
		live_set(v, "link", k ? live_string(l, k->name) : json_null());
	}
	if (tb[IFLA_VXLAN_PORT].data)
		live_set_int(v, "port", live_be16(tb[IFLA_VXLAN_PORT]));
	struct live_attr range = tb[IFLA_VXLAN_PORT_RANGE];
	if (range.len >= 4 && (range.data[0] | range.data[1] | range.data[2] | range.data[3]))
		live_set(v, "port_range",
			 json_pack("[i,i]", range.data[0] << 8 | range.data[1],
				   range.data[2] << 8 | range.data[3]));
	set_flag(v, "learning", tb[IFLA_VXLAN_LEARNING], false);
	set_flag(v, "proxy", tb[IFLA_VXLAN_PROXY], false);
	set_flag(v, "rsc", tb[IFLA_VXLAN_RSC], false);
	set_flag(v, "l2miss", tb[IFLA_VXLAN_L2MISS], false);
	set_flag(v, "l3miss", tb[IFLA_VXLAN_L3MISS], false);
	set_flag(v, "external", tb[IFLA_VXLAN_COLLECT_METADATA], false);
	set_flag(v, "vnifilter", tb[IFLA_VXLAN_VNIFILTER], false);
	set_flag(v, "gbp", tb[IFLA_VXLAN_GBP], true);
	set_flag(v, "gpe", tb[IFLA_VXLAN_GPE], true);
	set_flag(v, "localbypass", tb[VXLAN_LOCALBYPASS], false);
	live_set(item, "vxlan", v);
	return 0;
}

static int read_bridge(struct live *l, struct live_attr data, json_t *item)
{
	struct live_attr tb[BRIDGE_KNOWN + 1];
	int err = live_nested(l, data, "bridge", tb, BRIDGE_KNOWN, item);
	if (err)
		return err;
	json_t *v = json_object();
	set_flag(v, "vlan_filtering", tb[IFLA_BR_VLAN_FILTERING], false);
	if (tb[IFLA_BR_VLAN_PROTOCOL].data)
		live_set(v, "vlan_protocol",
			 protocol_name(l, live_be16(tb[IFLA_BR_VLAN_PROTOCOL])));
	if (tb[IFLA_BR_VLAN_DEFAULT_PVID].data)
		live_set_int(v, "default_pvid", live_u16(tb[IFLA_BR_VLAN_DEFAULT_PVID]));
	if (tb[IFLA_BR_STP_STATE].data)
		live_set_bool(v, "stp", live_u32(tb[IFLA_BR_STP_STATE]) != 0);
	set_flag(v, "nf_call_iptables", tb[IFLA_BR_NF_CALL_IPTABLES], false);
	set_flag(v, "nf_call_ip6tables", tb[IFLA_BR_NF_CALL_IP6TABLES], false);
	set_flag(v, "nf_call_arptables", tb[IFLA_BR_NF_CALL_ARPTABLES], false);
	if (tb[IFLA_BR_GROUP_FWD_MASK].data)
		live_set_int(v, "group_fwd_mask", live_u16(tb[IFLA_BR_GROUP_FWD_MASK]));
	live_set(item, "bridge", v);
	return 0;
}

static int read_vrf(struct live *l, struct live_attr data, json_t *item)
{
	struct live_attr tb[IFLA_VRF_MAX + 1];
	int err = live_nested(l, data, "vrf", tb, IFLA_VRF_MAX, item);
	if (!err)
		live_set(item, "vrf",
			 json_pack("{s:I}", "table", (json_int_t)live_u32(tb[IFLA_VRF_TABLE])));
	return err;
}

static int read_macvlan(struct live *l, struct live_attr data, json_t *item)
{
	struct live_attr tb[IFLA_MACVLAN_MAX + 1];
	int err = live_nested(l, data, "macvlan", tb, IFLA_MACVLAN_MAX, item);
	uint32_t mode = live_u32(tb[IFLA_MACVLAN_MODE]);
	if (!err)
		live_set(item, "macvlan",
			 json_pack("{s:o}", "mode",
				   mode == MACVLAN_MODE_PASSTHRU ? json_string("passthru")
				   : mode == MACVLAN_MODE_SOURCE
					   ? json_string("source")
					   : live_word(mode, macvlan_modes, N(macvlan_modes))));
	return err;
}

static int read_ipvlan(struct live *l, struct live_attr data, json_t *item)
{
	struct live_attr tb[IFLA_IPVLAN_MAX + 1];
	int err = live_nested(l, data, "ipvlan", tb, IFLA_IPVLAN_MAX, item);
	if (!err)
		live_set(item, "ipvlan",
			 json_pack("{s:o}", "mode",
				   live_word(live_u16(tb[IFLA_IPVLAN_MODE]), ipvlan_modes,
					     N(ipvlan_modes))));
	return err;
}

static void set_end(struct live *l, json_t *v, const char *key, struct live_attr a)
{
	static const uint8_t zero[16];
	if (a.data && a.len <= sizeof(zero) && memcmp(a.data, zero, a.len))
		live_set_string(l, v, key, live_ip(l, a));
}

static int read_gre(struct live *l, struct live_attr data, json_t *item)
{
	struct live_attr tb[IFLA_GRE_MAX + 1];
	int err = live_nested(l, data, "gre", tb, IFLA_GRE_MAX, item);
	if (err)
		return err;
	json_t *v = json_object();
	set_end(l, v, "local", tb[IFLA_GRE_LOCAL]);
	set_end(l, v, "remote", tb[IFLA_GRE_REMOTE]);
	if (tb[IFLA_GRE_IKEY].data)
		live_set_int(v, "in_key", live_be32(tb[IFLA_GRE_IKEY]));
	if (tb[IFLA_GRE_OKEY].data)
		live_set_int(v, "out_key", live_be32(tb[IFLA_GRE_OKEY]));
	if (tb[IFLA_GRE_COLLECT_METADATA].data)
		live_set_bool(v, "external", true);
	live_set(item, "tunnel", v);
	live_set_bool(item, "unread_info", true);
	return 0;
}

static int read_iptunnel(struct live *l, struct live_attr data, json_t *item)
{
	struct live_attr tb[IFLA_IPTUN_MAX + 1];
	int err = live_nested(l, data, "tunnel", tb, IFLA_IPTUN_MAX, item);
	if (err)
		return err;
	json_t *v = json_object();
	set_end(l, v, "local", tb[IFLA_IPTUN_LOCAL]);
	set_end(l, v, "remote", tb[IFLA_IPTUN_REMOTE]);
	if (tb[IFLA_IPTUN_COLLECT_METADATA].data)
		live_set_bool(v, "external", true);
	live_set(item, "tunnel", v);
	live_set_bool(item, "unread_info", true);
	return 0;
}

static const struct {
	const char *kind;
	int (*read)(struct live *l, struct live_attr data, json_t *item);
} kinds[] = {
	{ "vlan", read_vlan },	   { "vxlan", read_vxlan },	{ "bridge", read_bridge },
	{ "vrf", read_vrf },	   { "macvlan", read_macvlan }, { "macvtap", read_macvlan },
	{ "ipvlan", read_ipvlan }, { "ipvtap", read_ipvlan },	{ "gre", read_gre },
	{ "gretap", read_gre },	   { "ip6gre", read_gre },	{ "ip6gretap", read_gre },
	{ "ipip", read_iptunnel }, { "sit", read_iptunnel },	{ "ip6tnl", read_iptunnel },
};

static int read_info(struct live *l, struct live_attr info, json_t *item)
{
	struct live_attr tb[IFLA_INFO_MAX + 1];
	int err = live_nested(l, info, "linkinfo", tb, IFLA_INFO_MAX, item);
	if (err || !tb[IFLA_INFO_KIND].data)
		return err;
	const char *kind = live_text(l, tb[IFLA_INFO_KIND]);
	live_set_string(l, item, "kind", kind);
	for (size_t i = 0; i < N(kinds); i++)
		if (!strcmp(kinds[i].kind, kind))
			return kinds[i].read(l, tb[IFLA_INFO_DATA], item);
	bool plain = false;
	for (size_t i = 0; i < N(plain_kinds); i++)
		plain |= !strcmp(plain_kinds[i], kind);
	if (!plain && tb[IFLA_INFO_DATA].len)
		live_set_bool(item, "unread_info", true);
	return 0;
}

/*
 * IFLA_LINK is the other end of a veth, the lower device of anything else; it is an index of
 * the namespace that IFLA_LINK_NETNSID numbers, of this one without.
 */
static void set_lower(struct live *l, json_t *item, struct live_attr *tb, int index)
{
	const char *kind = json_string_value(json_object_get(item, "kind"));
	bool veth = kind && (!strcmp(kind, "veth") || !strcmp(kind, "netkit"));
	const char *name = veth ? "peer" : "parent";
	const char *at = veth ? "peer_index" : "parent_index";
	const char *space = veth ? "peer_namespace" : "parent_namespace";
	int lower = tb[IFLA_LINK].data ? (int)live_u32(tb[IFLA_LINK]) : 0;
	bool away = tb[IFLA_LINK_NETNSID].data != NULL;
	if (!away && (!lower || lower == index)) {
		live_set(item, at, json_null());
		return;
	}
	const struct live_link *k = away ? NULL : live_link(l, lower);
	live_set(item, name, k ? live_string(l, k->name) : json_null());
	live_set(item, at, lower ? json_integer(lower) : json_null());
	live_set(item, space,
		 away ? live_string(l, live_space_id(l, (int)live_u32(tb[IFLA_LINK_NETNSID])))
		      : json_null());
}

static int set_altnames(struct live *l, struct live_attr list, json_t *item)
{
	int type;
	struct live_attr a;
	json_t *v = json_array();
	while (live_attr_next(&list, &type, &a))
		if (type == IFLA_ALT_IFNAME)
			json_array_append_new(v, live_string(l, live_text(l, a)));
	live_set(item, "altnames", v);
	return 0;
}

static int read_link(struct live *l, const struct nlmsghdr *m, json_t *data)
{
	const struct ifinfomsg *i = live_header(m, sizeof(*i));
	struct live_attr tb[LINK_KNOWN + 1], xdp[IFLA_XDP_MAX + 1];
	json_t *item = json_object();
	json_array_append_new(data, item);
	if (!i)
		return -EPROTO;
	int err = live_attrs(l, m, sizeof(*i), "link", tb, LINK_KNOWN, item);
	if (err)
		return err;
	live_set_int(item, "index", i->ifi_index);
	live_set_string(l, item, "name", live_text(l, tb[IFLA_IFNAME]));
	live_set(item, "kind", json_null());
	live_set_int(item, "type", i->ifi_type);
	live_set(item, "flags", live_flags(i->ifi_flags, link_flags));
	live_set_bool(item, "up", i->ifi_flags & IFF_UP);
	live_set(item, "state", live_word(live_u8(tb[IFLA_OPERSTATE]), states, N(states)));
	live_set_int(item, "mtu", live_u32(tb[IFLA_MTU]));
	live_set(item, "mac", live_mac(tb[IFLA_ADDRESS]));
	live_set_int(item, "group", live_u32(tb[IFLA_GROUP]));
	int master = tb[IFLA_MASTER].data ? (int)live_u32(tb[IFLA_MASTER]) : 0;
	const struct live_link *k = master ? live_link(l, master) : NULL;
	live_set(item, "master", k ? live_string(l, k->name) : json_null());
	live_set(item, "master_index", master ? json_integer(master) : json_null());
	if (tb[IFLA_LINKINFO].data)
		err = read_info(l, tb[IFLA_LINKINFO], item);
	set_lower(l, item, tb, i->ifi_index);
	if (!err && tb[IFLA_PROP_LIST].data)
		err = set_altnames(l, tb[IFLA_PROP_LIST], item);
	if (!err && tb[IFLA_XDP].data) {
		err = live_nested(l, tb[IFLA_XDP], "xdp", xdp, IFLA_XDP_MAX, item);
		unsigned mode = live_u8(xdp[IFLA_XDP_ATTACHED]);
		if (mode)
			live_set(item, "xdp", live_word(mode, xdp_modes, N(xdp_modes)));
	}
	return err;
}

static int by_index(const void *a, const void *b)
{
	const struct live_link *x = a, *y = b;
	return (x->index > y->index) - (x->index < y->index);
}

/* Names and kinds first: the rest refers to them. */
static int list_links(struct live *l, const struct live_dump *d)
{
	const struct nlmsghdr *m;
	l->links.n = 0;
	for (size_t pos = 0; (m = live_next(d, &pos));) {
		const struct ifinfomsg *i = live_header(m, sizeof(*i));
		struct live_attr tb[LINK_KNOWN + 1], info[IFLA_INFO_MAX + 1];
		json_t *unknown = l->now->unknown;
		if (m->nlmsg_type != RTM_NEWLINK || !i)
			return -EPROTO;
		l->now->unknown = json_object(); /* counted when they are read */
		int err = live_attrs(l, m, sizeof(*i), "link", tb, LINK_KNOWN, NULL);
		if (!err)
			err = live_nested(l, tb[IFLA_LINKINFO], "linkinfo", info, IFLA_INFO_MAX,
					  NULL);
		json_decref(l->now->unknown);
		l->now->unknown = unknown;
		if (err || !tb[IFLA_IFNAME].data)
			return -EPROTO;
		*vec_add(&l->links) = (struct live_link){
			.index = i->ifi_index,
			.name = live_text(l, tb[IFLA_IFNAME]),
			.kind = info[IFLA_INFO_KIND].data ? live_text(l, info[IFLA_INFO_KIND])
							  : NULL,
			.ethernet = i->ifi_type == ARPHRD_ETHER,
		};
	}
	if (l->links.n)
		qsort(l->links.v, l->links.n, sizeof(*l->links.v), by_index);
	return 0;
}

static int order_index(const void *a, const void *b)
{
	json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "index"));
	json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "index"));
	return (x > y) - (x < y);
}

void live_links(struct live *l)
{
	struct ifinfomsg ask = { .ifi_family = AF_UNSPEC };
	struct text body = { 0 };
	uint32_t mask = RTEXT_FILTER_SKIP_STATS;
	LIVE_DUMP d = { 0 };
	text_putn(&body, (const char *)&ask, sizeof(ask));
	live_put_attr(&body, IFLA_EXT_MASK, &mask, sizeof(mask));
	int err = live_ask(NETLINK_ROUTE, RTM_GETLINK, true, body.s, body.len, &d);
	text_finish(&body);
	if (!err)
		err = list_links(l, &d);
	if (!err && !l->links.n)
		err = -ENODATA; /* there is always a loopback */
	json_t *data = json_array();
	const struct nlmsghdr *m;
	for (size_t pos = 0; !err && (m = live_next(&d, &pos));)
		err = read_link(l, m, data);
	if (err) {
		json_decref(data);
		live_failed(l, err, "CAP_NET_ADMIN", "the interfaces");
		return;
	}
	live_set(l->now->body, "data", live_sorted(data, order_index));
	if (!l->boot)
		live_problem(l, "failed", "the machine's boot id, which tells what interfaces are "
					  "plugged into, can't be read");
}

static const char *const addr_flags[] = {
	"secondary",  "nodad",		"optimistic", "dadfailed",	"homeaddress",
	"deprecated", "tentative",	"permanent",  "managetempaddr", "noprefixroute",
	"mcautojoin", "stable_privacy", NULL,
};

/* IFA_PROTO, the last that is known */
enum { ADDRESS_KNOWN = 11 };

static int read_address(struct live *l, const struct nlmsghdr *m, json_t *data)
{
	const struct ifaddrmsg *a = live_header(m, sizeof(*a));
	struct live_attr tb[ADDRESS_KNOWN + 1];
	if (!a || m->nlmsg_type != RTM_NEWADDR)
		return -EPROTO;
	if (!live_family(a->ifa_family))
		return 0;
	json_t *item = json_object();
	json_array_append_new(data, item);
	int err = live_attrs(l, m, sizeof(*a), "address", tb, ADDRESS_KNOWN, item);
	if (err)
		return err;
	/* IFA_ADDRESS is the peer's where the link is point to point, IFA_LOCAL our own. */
	struct live_attr own = tb[IFA_LOCAL].data ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	const char *ip = live_ip(l, own);
	if (!ip)
		return -EPROTO;
	live_set_link(l, item, (int)a->ifa_index);
	live_set_string(l, item, "family", live_family(a->ifa_family));
	live_set_string(l, item, "address", ip);
	live_set_int(item, "prefix_length", a->ifa_prefixlen);
	if (tb[IFA_LOCAL].data && tb[IFA_ADDRESS].data &&
	    (tb[IFA_LOCAL].len != tb[IFA_ADDRESS].len ||
	     memcmp(tb[IFA_LOCAL].data, tb[IFA_ADDRESS].data, tb[IFA_LOCAL].len)))
		live_set_string(l, item, "peer", live_ip(l, tb[IFA_ADDRESS]));
	if (tb[IFA_BROADCAST].data)
		live_set_string(l, item, "broadcast", live_ip(l, tb[IFA_BROADCAST]));
	live_set_string(l, item, "scope", live_scope(l, a->ifa_scope));
	if (tb[IFA_LABEL].data)
		live_set_string(l, item, "label", live_text(l, tb[IFA_LABEL]));
	uint32_t flags = tb[IFA_FLAGS].data ? live_u32(tb[IFA_FLAGS]) : a->ifa_flags;
	live_set(item, "flags", live_flags(flags, addr_flags));
	return 0;
}

void live_addresses(struct live *l)
{
	struct ifaddrmsg ask = { .ifa_family = AF_UNSPEC };
	LIVE_DUMP d = { 0 };
	int err = live_ask(NETLINK_ROUTE, RTM_GETADDR, true, &ask, sizeof(ask), &d);
	json_t *data = json_array();
	const struct nlmsghdr *m;
	for (size_t pos = 0; !err && (m = live_next(&d, &pos));)
		err = read_address(l, m, data);
	if (err) {
		json_decref(data);
		live_failed(l, err, "CAP_NET_ADMIN", "the addresses");
		return;
	}
	live_set(l->now->body, "data", data);
}
