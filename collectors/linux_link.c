/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces become the device's ports. What stands between a wire and the hooks of netfilter, or
 * in their place, is told by a taint of the port: a program at the driver (XDP), filters of traffic
 * control, bonds and switches that aren't the kernel's own bridge, VRF devices (which packets
 * pass a second time) where rules ask for interfaces.
 */
#include "collectors/linux_internal.h"

#include <errno.h>
#include <string.h>

struct linux_link *linux_link(struct linux_read *r, const char *name)
{
	return name ? map_get(&r->link_names, name) : NULL;
}

bool linux_is_bridge(const struct linux_link *l)
{
	return !strcmp(l->kind, "bridge");
}

bool linux_is_bridged(const struct linux_link *l)
{
	return l->master && linux_is_bridge(l->master);
}

const struct linux_link *linux_vrf(const struct linux_link *l)
{
	if (linux_is_bridged(l))
		l = l->master;
	return l->master && !strcmp(l->master->kind, "vrf") ? l->master : NULL;
}

/* A rule asks where packets come in or go out. */
static bool asks_place(struct linux_read *r)
{
	vec_each (rs, &r->b->rulesets)
		for (uint32_t i = 0; i < (*rs)->n && !(*rs)->incidental; i++)
			if ((*rs)->rules[i].match->placed)
				return true;
	return false;
}

void linux_vrfs(struct linux_read *r)
{
	bool differ = asks_place(r) || r->host.sets_marks[FAMILY_V4] ||
		      r->host.sets_marks[FAMILY_V6];
	vec_each (lp, &r->links)
		if (differ && linux_vrf(*lp))
			device_build_taint(r->b, (*lp)->name, (*lp)->at,
					   "%s is in the VRF %s: its packets pass the hooks a second "
					   "time with that device, which isn't modelled",
					   (*lp)->name, linux_vrf(*lp)->name);
}

static void read_link(struct linux_read *r, const json_t *v)
{
	static const char known[] =
		"index name kind type flags up state mtu mac group altnames master master_index "
		"parent parent_index parent_namespace peer peer_index peer_namespace xdp vlan vxlan "
		"vrf bridge macvlan ipvlan tunnel unread_info unknown_attributes";
	const char *name = linux_str(v, "name"), *kind = linux_str(v, "kind");
	struct loc at = linux_loc(r, v);
	void **slot = name && *name ? map_at(&r->link_names, name) : NULL;
	const json_t *flags = json_object_get(v, "flags"), *up = json_object_get(v, "up");
	if (!slot || *slot || !json_is_boolean(up) || !json_is_array(flags)) {
		linux_reject(r, at, "%s", slot && *slot ? "an interface that is there twice" :
				    slot ? "an interface of which isn't told whether it is up" :
					   "an interface without a name");
		return;
	}
	struct linux_link *l = *slot = arena_alloc(r->arena, sizeof(*l));
	*vec_add(&r->links) = l;
	bool ok = linux_keys(r, v, known, true);
	l->v = v;
	l->name = arena_str(r->arena, name);
	l->kind = arena_str(r->arena, kind ? kind : "");
	l->at = at;
	l->up = json_is_true(up);
	l->running = linux_has_flag(v, "running");
	l->loopback = linux_has_flag(v, "loopback");
	const json_t *bridge = json_object_get(v, "bridge"), *vlan = json_object_get(v, "vlan");
	ok &= linux_keys(r, bridge,
			 "vlan_filtering vlan_protocol default_pvid stp nf_call_iptables "
			 "nf_call_ip6tables nf_call_arptables group_fwd_mask", true);
	l->vlan_filtering = linux_true(bridge, "vlan_filtering");
	l->calls[FAMILY_V4] = linux_true(bridge, "nf_call_iptables");
	l->calls[FAMILY_V6] = linux_true(bridge, "nf_call_ip6tables");
	int64_t table = linux_number(json_object_get(v, "vrf"), "table");
	l->vrf_table = table > 0 ? (unsigned)table : 0;
	int64_t group = linux_number(v, "group");
	*map_atn(&r->groups, (const char *)&group, sizeof(group)) = l;
	l->port = r->b->ports.n;
	int64_t id = linux_number(vlan, "id");
	*vec_add(&r->b->ports) = (struct port){
		.name = l->name,
		.kind = linux_is_bridge(l) ? "bridge" : "interface",
		.vlan = id > 0 && id < 4095 ? (int)id : 0,
		.up = l->up,
		.at = at,
	};
	if (ok)
		linux_exact(r, v);
	if (json_object_get(v, "xdp"))
		device_build_taint(r->b, l->name, linux_member(r, v, "xdp"),
				   "%s: a program looks at packets before the kernel does (XDP)",
				   l->name);
	if (json_object_get(v, "unknown_attributes"))
		device_build_taint(r->b, l->name, linux_member(r, v, "unknown_attributes"),
				   "%s has attributes that the collecting side didn't know",
				   l->name);
	if (!ok)
		account_add(r->c->snap, r->acc, ACCOUNT_REJECTED, true, at,
			    "members that are not known");
}

/* The lower devices and masters, which may come later in the list. */
static void tie(struct linux_read *r, struct linux_link *l, const json_t *v)
{
	const char *master = linux_str(v, "master"), *parent = linux_str(v, "parent");
	const json_t *peer_ns = json_object_get(v, "parent_namespace");
	struct port *p = &r->b->ports.v[l->port];
	if (linux_str(v, "peer") && !linux_str(v, "peer_namespace"))
		l->looped = true;
	if (parent && !json_is_string(peer_ns))
		l->parent = linux_link(r, parent);
	if (!master && !json_is_integer(json_object_get(v, "master_index")))
		return;
	l->master = linux_link(r, master);
	struct loc at = linux_member(r, v, "master");
	if (!l->master) {
		device_build_taint(r->b, l->name, at, "%s is in %s, which isn't among the links",
				   l->name, master ? master : "something");
	} else if (linux_is_bridge(l->master)) {
		p->master = l->master->name;
	} else if (!strcmp(l->master->kind, "vrf")) {
		p->segment = l->master->name; /* linux_vrfs() says the rest */
	} else {
		device_build_taint(r->b, l->name, at,
				   "%s is a part of %s (%s): packets are seen there, or not at all; "
				   "bind the zone to %s", l->name, master,
				   *l->master->kind ? l->master->kind : "a device", master);
	}
}

static void read_traffic_control(struct linux_read *r)
{
	const json_t *data = linux_data(r, PART_TRAFFIC_CONTROL, JSON_ARRAY);
	for (size_t i = 0; i < json_array_size(data); i++) {
		const json_t *v = json_array_get(data, i), *n = json_object_get(v, "filters");
		const char *link = linux_str(v, "link");
		struct loc at = linux_loc(r, v);
		linux_keys(r, v, "link link_index kind filters unknown_attributes", true);
		if (json_is_integer(n) && !json_integer_value(n)) {
			linux_irrelevant(r, v);
			continue;
		}
		const char *why = "filters of traffic control may drop or redirect anything";
		account_add(r->c->snap, r->acc, ACCOUNT_BOUNDED, true, at, why);
		device_build_taint(r->b, linux_link(r, link) ? link : NULL, at, "%s: %s",
				   link ? link : "?", why);
	}
}

static void read_xfrm(struct linux_read *r)
{
	const json_t *data = linux_data(r, PART_XFRM, JSON_OBJECT);
	if (!data)
		return;
	linux_keys(r, data, "policies states", true);
	if (linux_number(data, "policies") == 0 && linux_number(data, "states") == 0) {
		linux_irrelevant(r, data);
		return;
	}
	const char *why = "IPsec policies may demand or wrap any packet";
	account_add(r->c->snap, r->acc, ACCOUNT_BOUNDED, true, linux_loc(r, data), why);
	device_build_taint(r->b, NULL, linux_loc(r, data), "%s", why);
}

void linux_links(struct linux_read *r)
{
	const json_t *data = linux_data(r, PART_LINKS, JSON_ARRAY);
	for (size_t i = 0; i < json_array_size(data); i++)
		read_link(r, json_array_get(data, i));
	for (size_t i = 0; i < json_array_size(data); i++) {
		const json_t *v = json_array_get(data, i);
		struct linux_link *l = linux_link(r, linux_str(v, "name"));
		if (l)
			tie(r, l, v);
	}
	if (data && !json_array_size(data))
		linux_trouble(r, PART_LINKS, linux_loc(r, data),
			      "no interface at all, not even lo");
	read_traffic_control(r);
	read_xfrm(r);
}

struct owned {
	size_t port;
	struct prefix net;
	struct addr addr;
};

static int by_port(const void *x, const void *y)
{
	const struct owned *a = x, *b = y;
	return a->port < b->port ? -1 : a->port > b->port;
}

void linux_addresses(struct linux_read *r)
{
	const json_t *data = linux_data(r, PART_ADDRESSES, JSON_ARRAY);
	VEC(struct owned) all = { 0 };
	struct nf_addr *told =
		arena_array(r->arena, json_array_size(data) + 1, sizeof(*told));
	r->host.addrs = r->parts[PART_ADDRESSES].trouble ? NULL : told;
	for (size_t i = 0; i < json_array_size(data); i++) {
		const json_t *v = json_array_get(data, i);
		struct linux_link *l = linux_link(r, linux_str(v, "link"));
		struct prefix p;
		int64_t len = linux_number(v, "prefix_length");
		bool ok = linux_keys(r, v,
				     "link link_index family address prefix_length peer broadcast "
				     "scope label flags unknown_attributes", true);
		if (!l || !linux_prefix(v, "address", &p) || len < 0 ||
		    len > (int64_t)addr_bits((enum family)p.family)) {
			struct loc at = linux_loc(r, v);
			account_add(r->c->snap, r->acc, ACCOUNT_REJECTED, true, at,
				    "an address that isn't one, or of no interface");
			linux_trouble(r, PART_ADDRESSES, at, "an address that isn't one");
			continue;
		}
		if (ok)
			linux_exact(r, v);
		else
			account_add(r->c->snap, r->acc, ACCOUNT_REJECTED, true, linux_loc(r, v),
				    "members that are not known");
		l->addressed |= p.family == FAMILY_V4;
		const char *scope = linux_str(v, "scope");
		told[r->host.n_addrs++] = (struct nf_addr){
			.port = l->name,
			.family = p.family,
			.secondary = p.family == FAMILY_V4 && linux_has_flag(v, "secondary"),
			.narrow = !scope || strcmp(scope, "global"),
			.addr = p.addr,
		};
		struct owned *o = vec_add(&all);
		o->port = l->port;
		o->addr = p.addr;
		/* of a point-to-point link the other end is what lies behind it */
		struct prefix peer;
		p.addr = linux_prefix(v, "peer", &peer) && peer.family == p.family ? peer.addr
										   : p.addr;
		p.len = (uint8_t)len;
		p.addr = addr_and(p.addr, addr_mask((enum family)p.family, p.len));
		o->net = p;
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_port);
	for (size_t i = 0, k; i < all.n; i = k) {
		struct port *p = &r->b->ports.v[all.v[i].port];
		for (k = i; k < all.n && all.v[k].port == all.v[i].port;)
			k++;
		struct prefix *nets = arena_array(r->arena, k - i, sizeof(*nets));
		struct addr *addrs = arena_array(r->arena, k - i, sizeof(*addrs));
		for (size_t j = i; j < k; j++)
			nets[j - i] = all.v[j].net, addrs[j - i] = all.v[j].addr;
		p->prefixes = nets, p->addrs = addrs, p->n_prefixes = k - i;
	}
	vec_free(&all);
}

static void read_port(struct linux_read *r, const json_t *v)
{
	static const char known[] = "link link_index master state isolated learning flood hairpin "
				    "guard proxy_arp locked neigh_suppress vlan_tunnel "
				    "unknown_attributes";
	struct linux_link *l = linux_link(r, linux_str(v, "link"));
	const char *state = linux_str(v, "state");
	struct loc at = linux_loc(r, v);
	if (!l || !l->master || !state) {
		linux_reject(r, at, "a port of a bridge that isn't among the links");
		return;
	}
	bool ok = linux_keys(r, v, known, true);
	l->port_at = at;
	l->isolated = linux_true(v, "isolated");
	l->blocked = strcmp(state, "forwarding") != 0;
	const char *why = linux_true(v, "locked")      ? "it lets known senders pass only (locked)" :
			  linux_true(v, "vlan_tunnel") ? "it maps VLANs to tunnels" :
			  json_object_get(v, "unknown_attributes")
				  ? "attributes that the collecting side didn't know"
				  : NULL;
	if (why)
		device_build_taint(r->b, l->name, at, "%s: %s", l->name, why);
	account_add(r->c->snap, r->acc,
		    !ok	  ? ACCOUNT_REJECTED
		    : why ? ACCOUNT_BOUNDED
			  : ACCOUNT_EXACT,
		    true, at, why ? why : "members that are not known");
}

static void read_vlan(struct linux_read *r, const json_t *v)
{
	struct linux_link *l = linux_link(r, linux_str(v, "link"));
	int64_t id = linux_number(v, "vlan");
	if (!l || id < 0 || id > 4095 || l->vlans.n > 4096) {
		linux_reject(r, linux_loc(r, v), "a VLAN of no interface");
		return;
	}
	*vec_add(&l->vlans) = (struct linux_vlan){ .id = (unsigned)id,
						   .pvid = linux_true(v, "pvid"),
						   .untagged = linux_true(v, "untagged") };
	if (linux_keys(r, v, "link link_index vlan pvid untagged master unknown_attributes", true))
		linux_exact(r, v);
	else
		account_add(r->c->snap, r->acc, ACCOUNT_REJECTED, true, linux_loc(r, v),
			    "members that are not known");
}

void linux_bridges(struct linux_read *r)
{
	const json_t *data = linux_data(r, PART_BRIDGE, JSON_OBJECT);
	const json_t *ports = json_object_get(data, "ports"),
		     *vlans = json_object_get(data, "vlans");
	linux_keys(r, data, "ports fdb vlans", true);
	if (data && (!json_is_array(ports) || !json_is_array(vlans)))
		linux_trouble(r, PART_BRIDGE, linux_loc(r, data), "no list of ports or of VLANs");
	for (size_t i = 0; i < json_array_size(ports); i++)
		read_port(r, json_array_get(ports, i));
	for (size_t i = 0; i < json_array_size(vlans); i++)
		read_vlan(r, json_array_get(vlans, i));
	linux_count(r, json_object_get(data, "fdb"), NULL);
	vec_each (at, &r->links) {
		struct linux_link *l = *at;
		if (data && linux_is_bridged(l) && !l->port_at.line)
			device_build_taint(r->b, l->name, l->at,
					   "%s is in a bridge that doesn't tell of it", l->name);
	}
}
