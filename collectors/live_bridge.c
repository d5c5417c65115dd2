/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbours and bridges (AF_BRIDGE of rtnetlink). */
#include "collectors/live_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* IFLA_BRPORT_BACKUP_NHID, NDA_NDM_FLAGS_MASK, IFLA_TAILROOM: the last known here */
enum { PORT_KNOWN = 46, NEIGH_KNOWN = 17, LINK_KNOWN = 69 };

#define N(v) (sizeof(v) / sizeof(*(v)))

static const char *const neigh_states[] = { "incomplete", "reachable", "stale",
					    "delay",	  "probe",     "failed",
					    "noarp",	  "permanent", NULL };
static const char *const neigh_flags[] = { "use",    "self",	     "master",
					   "proxy",  "extern_learn", "offloaded",
					   "sticky", "router",	     NULL };
static const char *const more_flags[] = { "managed", "locked", "extern_validated", NULL };
static const char *const port_states[] = { "disabled", "listening", "learning", "forwarding",
					   "blocking" };

static json_t *all_flags(const struct ndmsg *n, struct live_attr *tb)
{
	json_t *v = live_flags(n->ndm_flags, neigh_flags);
	if (tb[NDA_FLAGS_EXT].data) {
		json_t *more = live_flags(live_u32(tb[NDA_FLAGS_EXT]), more_flags);
		json_array_extend(v, more);
		json_decref(more);
	}
	return v;
}

static int read_neighbour(struct live *l, const struct nlmsghdr *m, json_t *data)
{
	const struct ndmsg *n = live_header(m, sizeof(*n));
	struct live_attr tb[NEIGH_KNOWN + 1];
	if (!n || m->nlmsg_type != RTM_NEWNEIGH)
		return -EPROTO;
	if (!live_family(n->ndm_family))
		return 0;
	json_t *item = json_object();
	json_array_append_new(data, item);
	int err = live_attrs(l, m, sizeof(*n), "neighbour", tb, NEIGH_KNOWN, item);
	const char *ip = err ? NULL : live_ip(l, tb[NDA_DST]);
	if (!ip)
		return err ? err : -EPROTO;
	live_set_link(l, item, n->ndm_ifindex);
	live_set_string(l, item, "family", live_family(n->ndm_family));
	live_set_string(l, item, "address", ip);
	live_set(item, "mac", live_mac(tb[NDA_LLADDR]));
	live_set(item, "state", live_flags(n->ndm_state, neigh_states));
	live_set(item, "flags", all_flags(n, tb));
	return 0;
}

static int dump_neighbours(struct live *l, uint8_t flags, json_t *data)
{
	struct ndmsg ask = { .ndm_family = AF_UNSPEC, .ndm_flags = flags };
	const struct nlmsghdr *m;
	LIVE_DUMP d = { 0 };
	int err = live_ask(NETLINK_ROUTE, RTM_GETNEIGH, true, &ask, sizeof(ask), &d);
	for (size_t pos = 0; !err && (m = live_next(&d, &pos));)
		err = read_neighbour(l, m, data);
	return err;
}

static int text_order(json_t *x, json_t *y, const char *key)
{
	const char *a = json_string_value(json_object_get(x, key));
	const char *b = json_string_value(json_object_get(y, key));
	return strcmp(a ? a : "", b ? b : "");
}

static int number_order(json_t *x, json_t *y, const char *key)
{
	json_int_t a = json_integer_value(json_object_get(x, key));
	json_int_t b = json_integer_value(json_object_get(y, key));
	return (a > b) - (a < b);
}

/* The kernel lists hash tables in no order of its own. */
static int neigh_order(const void *p, const void *q)
{
	json_t *x = *(json_t *const *)p, *y = *(json_t *const *)q;
	int c = number_order(x, y, "link_index");
	c = c ? c : text_order(x, y, "address");
	c = c ? c : text_order(x, y, "mac");
	c = c ? c : number_order(x, y, "vlan");
	c = c ? c : number_order(x, y, "vni");
	c = c ? c : text_order(x, y, "destination");
	return c ? c
		 : (int)json_array_size(json_object_get(x, "flags")) -
			       (int)json_array_size(json_object_get(y, "flags"));
}

void live_neighbours(struct live *l)
{
	json_t *data = json_array();
	int err = dump_neighbours(l, 0, data);
	if (!err)
		err = dump_neighbours(l, NTF_PROXY, data);
	if (err) {
		json_decref(data);
		live_failed(l, err, "CAP_NET_ADMIN", "the neighbours");
		return;
	}
	live_set(l->now->body, "data", live_sorted(data, neigh_order));
}

static int read_fdb(struct live *l, const struct nlmsghdr *m, json_t *fdb)
{
	const struct ndmsg *n = live_header(m, sizeof(*n));
	struct live_attr tb[NEIGH_KNOWN + 1];
	if (!n || m->nlmsg_type != RTM_NEWNEIGH)
		return -EPROTO;
	if (n->ndm_family != AF_BRIDGE)
		return 0;
	json_t *item = json_object();
	json_array_append_new(fdb, item);
	int err = live_attrs(l, m, sizeof(*n), "fdb", tb, NEIGH_KNOWN, item);
	if (err)
		return err;
	live_set_link(l, item, n->ndm_ifindex);
	live_set(item, "mac", live_mac(tb[NDA_LLADDR]));
	const struct live_link *k = live_link(l, (int)live_u32(tb[NDA_MASTER]));
	live_set(item, "master",
		 tb[NDA_MASTER].data && k ? live_string(l, k->name) : json_null());
	if (tb[NDA_VLAN].data)
		live_set_int(item, "vlan", live_u16(tb[NDA_VLAN]));
	live_set(item, "state", live_flags(n->ndm_state, neigh_states));
	live_set(item, "flags", all_flags(n, tb));
	const char *dst = tb[NDA_DST].data ? live_ip(l, tb[NDA_DST]) : NULL;
	if (dst)
		live_set_string(l, item, "destination", dst);
	if (tb[NDA_VNI].data)
		live_set_int(item, "vni", live_u32(tb[NDA_VNI]));
	if (tb[NDA_SRC_VNI].data)
		live_set_int(item, "source_vni", live_u32(tb[NDA_SRC_VNI]));
	if (tb[NDA_PORT].data)
		live_set_int(item, "port", live_be16(tb[NDA_PORT]));
	if (tb[NDA_IFINDEX].data) {
		k = live_link(l, (int)live_u32(tb[NDA_IFINDEX]));
		live_set(item, "via", k ? live_string(l, k->name) : json_null());
	}
	if (tb[NDA_NH_ID].data)
		live_set_int(item, "nexthop_id", live_u32(tb[NDA_NH_ID]));
	return 0;
}

static int dump_fdb(struct live *l, json_t *fdb)
{
	/* By struct ifinfomsg, the older form, which every kernel takes. */
	struct ifinfomsg ask = { .ifi_family = AF_BRIDGE };
	const struct nlmsghdr *m;
	LIVE_DUMP d = { 0 };
	int err = live_ask(NETLINK_ROUTE, RTM_GETNEIGH, true, &ask, sizeof(ask), &d);
	for (size_t pos = 0; !err && (m = live_next(&d, &pos));)
		err = read_fdb(l, m, fdb);
	return err;
}

static int read_port(struct live *l, int index, int master, struct live_attr info,
		     json_t *ports)
{
	static const struct {
		int attr;
		const char *key;
	} flags[] = {
		{ IFLA_BRPORT_ISOLATED, "isolated" },
		{ IFLA_BRPORT_LEARNING, "learning" },
		{ IFLA_BRPORT_UNICAST_FLOOD, "flood" },
		{ IFLA_BRPORT_MODE, "hairpin" },
		{ IFLA_BRPORT_GUARD, "guard" },
		{ IFLA_BRPORT_PROXYARP, "proxy_arp" },
		{ IFLA_BRPORT_LOCKED, "locked" },
		{ IFLA_BRPORT_NEIGH_SUPPRESS, "neigh_suppress" },
		{ IFLA_BRPORT_VLAN_TUNNEL, "vlan_tunnel" },
	};
	struct live_attr tb[PORT_KNOWN + 1];
	json_t *item = json_object();
	json_array_append_new(ports, item);
	int err = live_nested(l, info, "port", tb, PORT_KNOWN, item);
	if (err)
		return err;
	live_set_link(l, item, index);
	const struct live_link *k = live_link(l, master);
	live_set(item, "master", k ? live_string(l, k->name) : json_null());
	live_set(item, "state",
		 live_word(live_u8(tb[IFLA_BRPORT_STATE]), port_states, N(port_states)));
	for (size_t i = 0; i < N(flags); i++)
		if (tb[flags[i].attr].data)
			live_set_bool(item, flags[i].key, live_u8(tb[flags[i].attr]) != 0);
	return 0;
}

static int read_vlans(struct live *l, int index, struct live_attr spec, json_t *vlans)
{
	int type;
	struct live_attr a;
	bool own = live_link(l, index) && live_link(l, index)->kind &&
		   !strcmp(live_link(l, index)->kind, "bridge");
	while (live_attr_next(&spec, &type, &a)) {
		struct bridge_vlan_info v;
		if (type < 0)
			return -EPROTO;
		if (type != IFLA_BRIDGE_VLAN_INFO || a.len < sizeof(v))
			continue;
		memcpy(&v, a.data, sizeof(v));
		json_t *item = json_object();
		live_set_link(l, item, index);
		live_set_int(item, "vlan", v.vid);
		live_set_bool(item, "pvid", v.flags & BRIDGE_VLAN_INFO_PVID);
		live_set_bool(item, "untagged", v.flags & BRIDGE_VLAN_INFO_UNTAGGED);
		live_set_bool(item, "master", own);
		json_array_append_new(vlans, item);
	}
	return 0;
}

/* Ports and VLANs both come with the links of AF_BRIDGE. */
static int dump_ports(struct live *l, json_t *ports, json_t *vlans)
{
	struct ifinfomsg ask = { .ifi_family = AF_BRIDGE };
	struct text body = { 0 };
	uint32_t mask = RTEXT_FILTER_BRVLAN;
	const struct nlmsghdr *m;
	LIVE_DUMP d = { 0 };
	text_putn(&body, (const char *)&ask, sizeof(ask));
	live_put_attr(&body, IFLA_EXT_MASK, &mask, sizeof(mask));
	int err = live_ask(NETLINK_ROUTE, RTM_GETLINK, true, body.s, body.len, &d);
	text_finish(&body);
	for (size_t pos = 0; !err && (m = live_next(&d, &pos));) {
		const struct ifinfomsg *i = live_header(m, sizeof(*i));
		struct live_attr tb[LINK_KNOWN + 1];
		if (!i || m->nlmsg_type != RTM_NEWLINK)
			return -EPROTO;
		if (i->ifi_family != AF_BRIDGE)
			continue;
		err = live_attrs(l, m, sizeof(*i), "link", tb, LINK_KNOWN, NULL);
		if (!err && tb[IFLA_PROTINFO].data)
			err = read_port(l, i->ifi_index, (int)live_u32(tb[IFLA_MASTER]),
					tb[IFLA_PROTINFO], ports);
		if (!err && tb[IFLA_AF_SPEC].data)
			err = read_vlans(l, i->ifi_index, tb[IFLA_AF_SPEC], vlans);
	}
	return err;
}

void live_bridge(struct live *l)
{
	json_t *data = json_object(), *ports = json_array(), *fdb = json_array();
	json_t *vlans = json_array();
	int err = dump_ports(l, ports, vlans);
	if (err == -EOPNOTSUPP)
		err = 0; /* no bridges in this kernel */
	if (!err) {
		err = dump_fdb(l, fdb);
		err = err == -EOPNOTSUPP ? 0 : err;
	}
	live_set(data, "ports", ports);
	live_set(data, "fdb", live_sorted(fdb, neigh_order));
	live_set(data, "vlans", vlans);
	if (err) {
		json_decref(data);
		live_failed(l, err, "CAP_NET_ADMIN", "the bridges");
		return;
	}
	live_set(l->now->body, "data", data);
}
