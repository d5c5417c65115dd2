/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First words of lines that have no say in reachability: the union of the three systems', for
 * a word that one of them has never filters in another. Each table is sorted, for it is
 * searched by halves. Sources: the configuration fundamentals and interface command references
 * of IOS 15, IOS-XE 16 and NX-OS 9, and the EOS user manual.
 */
#include "collectors/ios_internal.h"

#include <strings.h>

/* clang-format off */
/* One line, nothing below it. */
static const char *const leaves_words[] = {
	"access-session", "agent", "alias", "appletalk", "arp", "async-bootp",
	"authentication", "banner", "boot", "boot-end-marker", "boot-start-marker", "bridge",
	"buffers", "cdp", "cef", "cfs", "chat-script", "clns", "clock", "config-register",
	"configuration", "copp", "decnet", "default-gateway", "device-sensor", "dialer",
	"dialer-list", "domain-lookup", "domain-name", "dot1x", "eee", "enable",
	"energywise", "environment", "errdisable", "exception", "exit", "feature",
	"feature-set", "file", "fips", "frame-relay", "ftp-server", "help", "install", "ipc",
	"ipx", "isdn", "lacp", "license", "lldp", "load-interval", "locale", "logging",
	"login", "mac", "mac-address-table", "memory", "memory-size", "mls", "mmi",
	"modemcap", "mop", "msrp", "multilink", "mvrp", "name-server", "netconf",
	"network-clock", "network-clock-participate", "network-clock-select", "ngoam", "ntp",
	"password", "passwords", "port-channel", "power", "privilege", "process", "prompt",
	"quit", "radius-server", "rate-limit", "rmon", "rtr", "sdm", "service", "sflow",
	"snmp", "snmp-server", "spd", "ssh", "storm-control", "switch", "switchname",
	"tacacs-server", "tag-switching", "telnet", "terminal", "tftp-server", "udld",
	"upgrade", "username", "version", "vmps", "vtp", "wccp", "xml",
};

/* May have lines below that are of it. */
static const char *const blocks_words[] = {
	"aaa", "app-hosting", "archive", "auto", "bfd", "bfd-template", "cable", "call",
	"call-home", "card", "ccm-manager", "class-map", "cli", "cns", "controller",
	"crypto", "cts", "cvx", "daemon", "device-tracking", "diagnostic", "dial-peer",
	"domain", "dot11", "dspfarm", "ephone", "ephone-dn", "ethernet", "evc", "event",
	"event-handler", "event-monitor", "evpn", "fabric", "fabricpath", "facility-alarm",
	"fex", "flow", "gatekeeper", "gateway", "gtp", "guestshell", "hardware", "hw-module",
	"hw-switch", "identity", "igmp", "iox", "isis", "kerberos", "key", "kron", "l2",
	"l2-filter", "l2tp-class", "l2vpn", "ldap", "link", "lisp", "location",
	"maintenance", "management", "map-class", "map-list", "mediatrace", "menu",
	"metadata", "mgcp", "mirror", "mlag", "mobility", "module", "monitor", "mpls",
	"multicast", "mvr", "nat64", "nat66", "nv", "openflow", "parameter-map", "parser",
	"patch", "peer", "performance", "platform", "port-profile", "pseudowire-class",
	"ptp", "qos", "queue-monitor", "radius", "redundancy", "resource", "role", "router",
	"sampler", "sccp", "scheduler", "scripting", "security", "sip-ua", "slot",
	"spanning-tree", "stackwise", "subscriber", "system", "table-map", "tacacs",
	"tacacs+", "tap", "tcam", "telemetry", "telephony-service", "template", "time-range",
	"track", "transceiver", "tunnel", "ucse", "vdc", "virtual-service", "vlan",
	"vmtracer", "voice", "voice-card", "vpc", "vpdn", "vpdn-group", "vpn", "vrrs",
	"vxlan", "webvpn", "wireless", "wlccp", "wsma", "zone", "zone-pair",
};

/* Behind `ip`. */
static const char *const ip_leaves_words[] = {
	"accounting-list", "accounting-threshold", "accounting-transits", "address-pool",
	"adjacency", "adjacency-prefix", "admission", "alias", "arp", "as-path", "audit",
	"auth-proxy", "authentication", "bgp", "bgp-community", "bootp", "cache", "cef",
	"classless", "community", "community-list", "default-gateway", "default-network",
	"device", "dhcp-client", "dns", "domain", "domain-list", "domain-lookup",
	"domain-name", "dvmrp", "extcommunity-list", "extended-community-list", "fib",
	"flow", "flow-cache", "flow-capture", "flow-export", "forward-protocol", "ftp",
	"ftp-server", "gdp", "gratuitous-arps", "hardware", "host", "host-routing", "http",
	"icmp", "identd", "igmp", "inspect", "ips", "irdp", "kernel", "large-community-list",
	"load-sharing", "local", "mfib", "mroute", "msdp", "mtu", "multicast",
	"multicast-routing", "name-server", "nbar", "nd", "nhrp", "options", "ospf", "pgm",
	"pim", "port-map", "proxy-arp", "radius", "rcmd", "redirect", "redirects",
	"reflexive-list", "reserve", "rip", "route-cache", "routing", "rsvp", "rtcp", "sap",
	"scp", "sdr", "security", "snmp", "source", "source-route", "spd", "ssh",
	"sticky-arp", "subnet-zero", "tacacs", "tcp", "telnet", "tftp",
	"trigger-authentication", "tunnel", "tunnel-vrf", "udp", "unicast", "unreachables",
	"urlfilter", "verify", "virtual-reassembly", "virtual-router", "visibility", "wccp",
};

/* Behind `ip`, with lines below. */
static const char *const ip_blocks_words[] = {
	"accounting", "decap-group", "dhcp", "explicit-path", "flow-aggregation",
	"flow-top-talkers", "host-list", "ipsec", "load", "policy-list", "prefix-list",
	"rsvp", "sla", "slb",
};

/* Behind `ipv6`. */
static const char *const ipv6_leaves_words[] = {
	"address", "adjacency", "as-path", "cache", "cef", "eigrp", "flow", "flowset",
	"general-prefix", "hardware", "hop-limit", "host", "icmp", "inspect", "local",
	"mfib", "mfib-mode", "mld", "mobile", "mtu", "multicast", "multicast-routing", "nat",
	"neighbor", "nhrp", "ospf", "pim", "redirects", "rip", "routing", "snooping",
	"source-route", "spd", "tacacs", "traffic", "unicast", "unicast-routing",
	"unreachables", "urpf", "verify",
};

/* Behind `ipv6`, with lines below. */
static const char *const ipv6_blocks_words[] = {
	"destination-guard", "dhcp", "dhcp-ldra", "nd", "prefix-list", "router",
	"snooping-policy", "source-guard",
};

/* Of an interface. */
static const char *const if_words[] = {
	"abr", "access-session", "advertise", "aggregation", "antenna", "appletalk", "arp",
	"async", "atm", "attach", "authentication", "auto", "autostate", "backup",
	"bandwidth", "beacon", "bfd", "bgp", "breakout", "bridge-group", "broadcast-key",
	"bundle-enable", "cablelength", "carrier-delay", "cbr", "cdp", "channel",
	"channel-group", "channel-protocol", "clns", "clock", "comment", "compress",
	"counter", "crypto", "cts", "dampening", "dcbx", "decnet", "default", "delay",
	"description", "designated-forwarder", "device", "dialer", "dialer-group", "domain",
	"dot11", "dot1x", "down-when-looped", "dsl", "dslam", "duplex", "eigrp",
	"encapsulation", "encryption", "errdisable", "error-correction", "ethernet", "evpn",
	"exit", "fabric", "fair-queue", "fex", "flow", "flow-spec", "flowcontrol",
	"forwarding-threshold", "frame-relay", "framing", "fras", "full-duplex", "glbp",
	"global", "group-range", "half-duplex", "hardware", "hold-queue",
	"host-reachability", "hsrp", "hw-module", "identifier", "igmp", "ignore-dcd",
	"inarp", "infrastructure-client", "ingress-replication", "interface", "invert",
	"ip-mtu", "ipv4", "ipv6-hsrp", "ipx", "isdn", "isis", "keepalive", "keepalives",
	"l2", "l2-protocol", "l2protocol", "l2protocol-tunnel", "lacp", "lapb", "layer2",
	"linecode", "link", "link-debounce", "lisp", "llc2", "lldp", "load-balance",
	"load-interval", "logging", "loopback", "lre", "mab", "mac-address", "macro",
	"management", "map-group", "max-associations", "max-reserved-bandwidth",
	"mcast-group", "mdix", "media-type", "medium", "member", "metric", "mfib", "mlag",
	"mld", "mls", "mode", "modem", "monitor", "mop", "mpls", "msrp", "mtu", "multicast",
	"mvr", "mvrp", "name", "nat", "negotiate", "negotiation", "no", "ntp", "nv", "nve",
	"oam", "oam-pvc", "operating", "ospfv3", "overlay", "passive", "peer", "peer-ip",
	"peer-vtep", "phy", "physical-layer", "pim", "platform", "port-channel",
	"port-security", "port-type", "power", "ppp", "pppoe", "pppoe-client", "preempt",
	"priority", "priority-flow-control", "priority-queue", "propagate", "protocol",
	"ptp", "pvc", "qos", "queue-set", "radius", "random-detect", "rate-mode",
	"rcv-queue", "redundancy", "rep", "ring-speed", "rip", "rts", "rx-queue", "sap",
	"serial", "service", "sflow", "shape", "shutdown-lan", "smrp", "snmp", "snmp-server",
	"snooping", "source-interface", "spanning-tree", "speed", "speed-duplex", "srlg",
	"srr-queue", "ssid", "stackwise", "standby", "station-role", "storm-control",
	"suppress-arp", "tag-switching", "text", "timer", "timers", "topology", "track",
	"traffic-engineering", "traffic-loopback", "traffic-shape", "transceiver",
	"transmit-interface", "trust", "tunnel", "tx-power", "tx-queue", "tx-ring-limit",
	"ubr", "ubr+", "udld", "unidirectional", "vbr-nrt", "vbr-rt", "version", "vines",
	"virtual-reassembly", "vlan", "vlan-id", "vmtracer", "voice", "vpc", "vrrp", "vtp",
	"vxlan", "world-mode", "wrr-queue", "x25", "xconnect", "xns",
};

/* Of an interface, behind `ip` and `ipv6`. */
static const char *const if_ip_words[] = {
	"accounting", "advertise", "arp", "attached-host-routes", "attached-routes",
	"authentication", "autoconfig", "bandwidth-percent", "bgp", "cef", "cgmp", "crypto",
	"ddns", "delay", "destination-guard", "device", "dhcp", "directed-broadcast",
	"distribute-list", "dns", "dvmrp", "eigrp", "enable", "fabric", "flow", "forward",
	"general-prefix", "gratuitous-arps", "header-compression", "hello-interval",
	"helper-address", "hold-time", "hop-limit", "icmp", "idle-group", "igmp", "iphc",
	"irdp", "isis", "link-local", "load-sharing", "local-interface", "local-proxy-arp",
	"mask-reply", "mfib", "mld", "mobile", "mroute-cache", "mtu", "multicast",
	"multicast-routing", "nbar", "nd", "neighbor", "next-hop-self", "nhrp", "ntp",
	"null0", "ospf", "ospfv3", "passive-interface", "pgm", "pim", "policy",
	"policy-list", "port-unreachable", "probe", "proxy-arp", "proxy-mobile", "receive",
	"redirects", "rgmp", "rip", "route-cache", "route-preference", "router", "rsvp",
	"rtp", "sap", "sdr", "security", "snooping", "source", "spd", "split-horizon",
	"sticky-arp", "summary-address", "tcp", "tunnel", "unreachables", "urd",
	"virtual-reassembly", "vrf-receive", "vrrp", "wccp",
};

/* clang-format on */

#define TABLE(t)                                                                               \
	{                                                                                      \
		t, sizeof(t) / sizeof(*(t))                                                    \
	}

const struct ios_table ios_tables[IOS_TABLES] = {
	[IOS_LEAVES] = TABLE(leaves_words),
	[IOS_BLOCKS] = TABLE(blocks_words),
	[IOS_IP_LEAVES] = TABLE(ip_leaves_words),
	[IOS_IP_BLOCKS] = TABLE(ip_blocks_words),
	[IOS_IPV6_LEAVES] = TABLE(ipv6_leaves_words),
	[IOS_IPV6_BLOCKS] = TABLE(ipv6_blocks_words),
	[IOS_IF] = TABLE(if_words),
	[IOS_IF_IP] = TABLE(if_ip_words),
};

bool ios_known(enum ios_table_id id, const struct toks *w, unsigned i)
{
	const struct ios_table *t = &ios_tables[id];
	size_t lo = 0, hi = t->n;
	if (i >= w->n)
		return false;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strncasecmp(w->v[i].s, t->words[mid], w->v[i].len);
		if (!c && t->words[mid][w->v[i].len])
			c = -1;
		if (!c)
			return true;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}
