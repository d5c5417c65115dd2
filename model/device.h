/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_DEVICE_H
#define MODEL_DEVICE_H

/*
 * A device: what forwards packets between its ports and which rulesets a packet meets on the
 * way. A firewall, a router and a Linux host have interfaces for ports; a VPC is a device
 * whose ports are its subnets, security groups and network interfaces.
 *
 * A packet that crosses the device from port `in` to port `out` meets, in this order, the
 * hooks HOOK_IN of `in`, HOOK_FORWARD, HOOK_OUT of `out`, each sorted by order; all of them
 * must permit it. A hook with port NULL applies to every port. A packet to the device itself
 * meets HOOK_IN and HOOK_LOCAL_IN, one from it HOOK_LOCAL_OUT and HOOK_OUT.
 *
 * A Linux host has its hooks in layers. A packet that is routed meets those of LAYER_IP; one
 * that goes from one port of a bridge to another meets LAYER_BRIDGE, and LAYER_BRIDGED where
 * the bridge shows its frames to the IP hooks; one that is routed but comes in or goes out by
 * a port of a bridge meets the bridge's hooks for frames to or from the host as well. There a
 * rule of LAYER_IP or LAYER_BRIDGED sees the bridge as interface, and the ports as
 * FIELD_PHYSIN and FIELD_PHYSOUT. LAYER_LINK is the device's own: ingress and egress.
 */

#include "model/ruleset.h"

enum plane { PLANE_PHYSICAL, PLANE_VIRTUAL, PLANE_COUNT };

enum hook_kind {
	HOOK_IN,
	HOOK_FORWARD,
	HOOK_OUT,
	HOOK_LOCAL_IN,
	HOOK_LOCAL_OUT,
	HOOK_OTHER, /* VTY lines, control plane, netdev egress...: kept, on no path */
};

enum hook_layer { LAYER_IP, LAYER_BRIDGE, LAYER_BRIDGED, LAYER_LINK };

struct hook {
	uint8_t kind;	  /* enum hook_kind */
	uint8_t layer;	  /* enum hook_layer; 0 for all but Linux hosts */
	int order;	  /* netfilter priority, or 0 */
	const char *port; /* NULL: any */
	const struct ruleset *ruleset;
	struct loc at; /* the line that binds it */
};

struct prefix {
	uint8_t family;
	uint8_t len;
	struct addr addr;
};

struct port {
	const char *name;    /* "outside", "GigabitEthernet0/1", "eth0", "subnet-1", "sg-1" */
	const char *kind;    /* "interface", "subnet", "security-group", "network-interface" */
	const char *alias;   /* another name it goes by (hardware name of an ASA port), or NULL */
	const char *segment; /* VRF, VPC, namespace: tells reused addresses apart; NULL: none */
	int vlan;	     /* 0: none */
	uint32_t vni;	     /* of an overlay that it is a tunnel port of, where has_vni */
	bool has_vni;
	const char *master;  /* the bridge that it is a port of, itself a port; NULL: none */
	/*
	 * What it is plugged into, where the export tells: ports with equal wires are on one
	 * link, whatever device they belong to ("vni 100", "pcx-1", a pair of veths). NULL: not
	 * told; it is where other such ports have the same connected network.
	 */
	const char *wire;
	bool alone;	     /* loopback, null: nothing but the device is there */
	bool outside;	     /* the Internet is behind it (an internet gateway) */
	/* Of an outside port: the destinations (FIELD_DST, as they are sent) that the Internet
	 * sends here, whoever sends them: hosts out there or another outside port, this one too.
	 * Exact; NULL: not told. */
	const struct match *announced;
	/* A part of what is behind other ports (a network interface or a security group of a
	 * subnet): bound by its name, never found by its networks or addresses. */
	bool part;
	bool up;
	/* Hosts sit directly behind it: two zones behind the same edge port are still told
	 * apart by the device (a VPC). Otherwise one port is one segment. */
	bool edge;
	/* Where only some addresses have anybody behind them and that is known (a subnet
	 * whose network interfaces were all collected): the match over FIELD_SRC that they
	 * meet. NULL: anybody may be there. */
	const struct match *present;
	/* The same over FIELD_DST; where the reader gives none, by device_build_finish. */
	const struct match *present_dst;
	const struct prefix *prefixes; /* of its addresses, connected networks */
	size_t n_prefixes;
	const struct addr *addrs; /* its own addresses, as in prefixes */
	/* Addresses that it answers for together with others (HSRP, VRRP): a next hop may be one. */
	const struct addr *shared;
	size_t n_shared;
	struct loc at;
};

/*
 * Routing. A packet that is to be passed on goes through the device's route rules in order; the
 * first that holds looks its destination up in a table (the longest prefix, of those the
 * smallest metric, of those all: ECMP), or says by itself where it goes. Without any rule, the
 * table is that of the segment of the port it came in by. A table holds the routes with its name
 * as segment and, where device.connected, the networks of the ports of that segment.
 */
struct route {
	struct prefix dst;
	const char *segment; /* VRF or table; NULL: the default one */
	const char *port;    /* NULL: not told; found by the next hop */
	struct addr via;
	bool has_via;
	bool drop; /* Null0, blackhole */
	bool local; /* to the device itself */
	bool pass;  /* this table has no route for it: the next rule is asked (Linux: throw) */
	const char *into; /* looked up again in this table ("" for the default one); NULL: no */
	uint32_t metric;
	/* Why it may not be in force (it hangs on a tracked object, its port's state isn't
	 * known); NULL: it is. */
	const char *odd;
	struct loc at;
};

enum route_rule_kind {
	ROUTE_LOOKUP, /* in table; where that has no route, the next rule is asked if `falls` */
	ROUTE_VIA,    /* to the next hop (by port where told) */
	ROUTE_DROP,
	ROUTE_UNKNOWN, /* why says what isn't known */
};

struct route_rule {
	uint8_t kind;	    /* enum route_rule_kind */
	bool falls;
	const char *in;	    /* the port it came in by; NULL: any; "": from the device itself */
	const struct match *match; /* NULL: every packet. After translation of destinations */
	const char *table;  /* of LOOKUP; NULL: the default one */
	int suppress;	    /* LOOKUP: routes of this prefix length or shorter don't count; -1: all do */
	const char *port;   /* of VIA */
	struct addr via;
	bool has_via;
	const char *why;
	struct loc at;
};

/* What is known of a device's routing. */
enum routing {
	ROUTING_NONE,  /* nothing: it is crossed where bindings or declared paths say so */
	ROUTING_WHOLE, /* every route is here: what has none is dropped */
	ROUTING_PART,  /* other routes may be learned: only networks of its own are sure */
};

/*
 * A translation rule as it was read. `touches` is the set of packets (at least) that it may
 * rewrite, or that need it to be understood, on the way in either direction. As long as it is
 * not applied, every answer about such packets through these ports is a bound.
 */
struct nat {
	struct loc at;
	const char *in, *out; /* ports; NULL: any */
	const char *text;     /* one phrase for people: "static 10.0.0.5 to 198.51.100.5" */
	const struct match *touches;
	/*
	 * Of a conversation's first packet: which address is rewritten, and of which packets (at
	 * least); takes NULL: of those that it touches. A Linux host rewrites sources behind
	 * all that decides where a packet goes and whether.
	 */
	uint8_t rewrites; /* enum nat_rewrites */
	const struct match *takes;
	/*
	 * What it does, where that is understood (kind isn't NAT_BOUND). Of first packets, in
	 * the direction in > out, for one direction each: a static translation is two of these.
	 * Of all that rewrite the same address, in order, the first whose ports and match hold is
	 * applied and ends the search. Destinations are translated among the hooks HOOK_IN,
	 * before routing, so that `out` is the port that it sends the packet to, whatever the
	 * routes say (NULL: routes decide); sources among the hooks HOOK_OUT. It comes before
	 * hooks of an order >= its own. Replies of the conversation are translated back.
	 */
	uint8_t kind;		   /* enum nat_kind */
	const struct match *match; /* packets it takes as they are then; never NULL unless BOUND */
	struct span from;	   /* NAT_SHIFT: these addresses... */
	const struct span *to;	   /* ...become those of to[0], one by one; NAT_POOL: any of to */
	size_t n_to;
	bool has_port;		   /* the port (of the rewritten end) becomes one of port_lo..hi */
	uint16_t port_lo, port_hi;
	int order;
};

enum nat_rewrites { NAT_NOT_TOLD, NAT_SOURCE, NAT_DESTINATION };
enum nat_kind {
	NAT_BOUND, /* only touches and takes are known */
	NAT_KEEP,  /* taken, and left as it is (identity, exemption) */
	NAT_SHIFT,
	NAT_POOL, /* which address, is known to the device alone */
};

/* A line that was not understood and could change any verdict of this device. */
struct taint {
	struct loc at;
	const char *why;
	const char *port; /* NULL: the whole device; otherwise only paths through the port */
};

/* Another network namespace of the machine that a device was read from. */
struct beside {
	const char *id;	  /* "net:[4026532281]"; NULL: not told */
	const char *name; /* of `ip netns`, or NULL */
	const char *why;  /* what makes it forward, or why that isn't known; or NULL */
	bool forwards;	  /* it passes packets on between its interfaces, or may do so */
	bool linked;	  /* an interface of the device leads there, or may */
	struct loc at;
};

struct device {
	const char *name;   /* the source's name in the estate; hostname or VPC id behind a colon
			     * where one source holds several */
	const char *vendor; /* the collector's name */
	const char *hostname;
	uint8_t plane; /* enum plane */
	struct loc at;
	const struct port *ports;
	size_t n_ports;
	/* Ports that the export doesn't tell of may exist (a ruleset names only some). */
	bool open_ports;
	/*
	 * Rules see the place as Linux has it: HOOK_IN and HOOK_LOCAL_IN know no interface to
	 * go out of, HOOK_LOCAL_OUT none to come in by; HOOK_OUT may know it or not, by kernel.
	 */
	bool netfilter;
	const struct ruleset *const *rulesets; /* all, in order of definition */
	size_t n_rulesets;
	const struct hook *hooks;
	size_t n_hooks;
	const struct route *routes;
	size_t n_routes;
	uint8_t routing; /* enum routing */
	const char *routing_why; /* of ROUTING_PART: "router ospf 1" */
	struct loc routing_at;
	bool connected; /* the networks of its ports are routes by themselves */
	const struct route_rule *route_rules;
	size_t n_route_rules;
	const struct nat *nats;
	size_t n_nats;
	/*
	 * Packets, as they come in, that may pass by connection tracking: an answer among them isn't
	 * translated back. NULL: none.
	 */
	const struct match *untracked;
	const struct taint *taints;
	size_t n_taints;
	const char *netns; /* of a Linux host: which of the machine's, as in struct beside */
	const struct beside *beside;
	size_t n_beside;
};

/* By name or alias, ASCII case ignored where the exact name isn't there. NULL: none. */
const struct port *device_port(const struct device *d, const char *name);
const struct ruleset *device_ruleset(const struct device *d, const char *name);

#endif
