/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges, with and without the IP hooks, and VXLAN. */
#include "tests/oracle/scenes.h"

#define BRIDGE(call)                                                                           \
	"ip link add br0 type bridge stp_state 0\nip link set br0 up\n"                        \
	"for i in 0 1 2 3; do sysctl -qw net.ipv6.conf.p$i.disable_ipv6=1\n"                   \
	"ip link set p$i master br0 up\ndone\n"                                                \
	"sysctl -qw net.bridge.bridge-nf-call-iptables=" call                                  \
	" net.bridge.bridge-nf-call-ip6tables=" call "\n"

#define WEB  "tcp 10.0.0.1 1000 10.0.0.2 80 flags=S state=new"
#define SSH  "tcp 10.0.0.1 1000 10.0.0.2 22 flags=S state=new"
#define WEB6 "tcp fd00::1 1000 fd00::2 80 flags=S state=new"

#define VX                                                                                     \
	"ip addr add 192.0.2.1/32 dev out0\nip route add 192.0.2.2/32 dev out0\n"              \
	"ip link add vx0 address 02:00:00:00:00:05 type vxlan id 5 remote 192.0.2.2 local "    \
	"192.0.2.1 "                                                                           \
	"dstport 4789 nolearning udpcsum\nip link set vx0 up mtu 1400\n"                       \
	"ip route add 10.9.0.0/24 dev vx0\n"                                                   \
	"for i in 4 5 6; do ip neigh add 10.9.0.$i lladdr 02:00:00:00:00:06 dev vx0 nud "      \
	"permanent\ndone\n"                                                                    \
	"sysctl -qw net.ipv4.conf.vx0.rp_filter=0\nip route add 10.1.0.0/24 dev in0\n"

#define OUTER	 "udp 192.0.2.1 5000 192.0.2.2 4789 state=new"
#define OUTER_IN "udp 192.0.2.2 5000 192.0.2.1 4789 state=new"

const struct scene scenes_bridge[] = {
	{ .name = "bridge: the IP hooks see frames when told to",
	  .needs = { "link bridge", "link tap", "bridge-nf-call-iptables" },
	  .reading = SCENE_STATE,
	  .host = BRIDGE("1"),
	  .legacy4 = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp -m tcp --dport 80 -j "
		     "ACCEPT\nCOMMIT",
	  .steps = { { "p0", "p1", WEB, true },
		     { "p0", "p1", SSH, false },
		     { "p0", "p1", WEB6, true } } },
	{ .name = "bridge: and don't otherwise",
	  .needs = { "link bridge", "link tap", "bridge-nf-call-iptables" },
	  .reading = SCENE_STATE,
	  .host = BRIDGE("0"),
	  .legacy4 = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp -m tcp --dport 80 -j "
		     "ACCEPT\nCOMMIT",
	  .steps = { { "p0", "p1", WEB, true }, { "p0", "p1", SSH, true } } },
	{ .name = "bridge: nft's IP tables",
	  .needs = { "link bridge", "link tap", "bridge-nf-call-iptables" },
	  .reading = SCENE_STATE,
	  .host = BRIDGE("1"),
	  .nft = "table inet t { chain f { type filter hook forward priority 0; policy drop;\n"
		 "tcp dport 80 iifname \"br0\" oifname \"br0\" accept\n}\n}",
	  .steps = { { "p0", "p1", WEB, true },
		     { "p0", "p1", SSH, false },
		     { "p0", "p1", WEB6, true } } },
	{ .name = "bridge: nft's IP tables, off",
	  .needs = { "link bridge", "link tap", "bridge-nf-call-iptables" },
	  .reading = SCENE_STATE,
	  .host = BRIDGE("0"),
	  .nft = "table inet t { chain f { type filter hook forward priority 0; policy drop;\n"
		 "tcp dport 80 accept\n}\n}",
	  .steps = { { "p0", "p1", WEB, true }, { "p0", "p1", SSH, true } } },
	{ .name = "bridge: nft's own family",
	  .needs = { "nft bridge", "link tap" },
	  .reading = SCENE_STATE,
	  .host = BRIDGE("0"),
	  .nft = "table bridge t { chain f { type filter hook forward priority 0; policy "
		 "drop;\n"
		 "ip daddr 10.0.0.2 tcp dport 80 iifname \"p0\" oifname \"p1\" accept\n"
		 "ether type ip6 iifname \"p2\" accept\n}\n}",
	  .steps = { { "p0", "p1", WEB, true },
		     { "p0", "p2", WEB, false },
		     { "p1", "p0", WEB, false },
		     { "p0", "p1", SSH, false },
		     { "p2", "p0", WEB6, true },
		     { "p1", "p0", WEB6, false } } },
	{ .name = "bridge: ports by physdev",
	  .needs = { "iptables physdev", "link bridge", "bridge-nf-call-iptables" },
	  .reading = SCENE_STATE,
	  .host = BRIDGE("1"),
	  .legacy4 = "*filter\n:FORWARD DROP [0:0]\n"
		     "-A FORWARD -m physdev --physdev-in p0 --physdev-out p1 -j ACCEPT\n"
		     "-A FORWARD -m physdev ! --physdev-is-bridged -j ACCEPT\n"
		     "-A FORWARD -m physdev --physdev-in p2 -p tcp -m tcp --dport 22 -j "
		     "ACCEPT\nCOMMIT",
	  .steps = { { "p0", "p1", WEB, true },
		     { "p0", "p2", WEB, false },
		     { "p1", "p0", WEB, false },
		     { "p2", "p3", SSH, true },
		     { "p2", "p3", WEB, false } } },
	{ .name = "bridge: senders by MAC address",
	  .needs = { "iptables mac", "link bridge", "bridge-nf-call-iptables" },
	  .reading = SCENE_STATE,
	  .host = BRIDGE("1"),
	  .legacy4 = "*filter\n:FORWARD DROP [0:0]\n"
		     "-A FORWARD -m mac --mac-source 02:00:00:00:00:0A -j ACCEPT\n"
		     "-A FORWARD -p tcp -m mac ! --mac-source 02:00:00:00:00:0B -m tcp --dport "
		     "22 -j "
		     "ACCEPT\nCOMMIT",
	  .steps = { { "p0", "p1", WEB " mac=02:00:00:00:00:0a", true },
		     { "p0", "p1", WEB " mac=02:00:00:00:00:0b", false },
		     { "p0", "p1", SSH " mac=02:00:00:00:00:0b", false },
		     { "p0", "p1", SSH " mac=02:00:00:00:00:0c", true } } },
	{ .name = "bridge: isolated ports",
	  .needs = { "link bridge isolated", "link tap" },
	  .reading = SCENE_STATE,
	  .host = BRIDGE("0") "ip link set p0 type bridge_slave isolated on\n"
			      "ip link set p1 type bridge_slave isolated on\n",
	  .nft = "table inet t { chain f { type filter hook forward priority 0;\n}\n}",
	  .steps = { { "p0", "p1", WEB, false },
		     { "p1", "p0", WEB, false },
		     { "p0", "p2", WEB, true },
		     { "p2", "p1", WEB, true } } },

	{ .name = "VXLAN: rules on what it carries",
	  .needs = { "link vxlan" },
	  .host = VX,
	  .nft = "table inet t { chain f { type filter hook forward priority 0; policy drop;\n"
		 "ip daddr 10.9.0.5 oifname \"vx0\" accept\nip daddr 10.1.0.1 iifname \"vx0\" "
		 "accept\n}\n}",
	  .steps = { { "in0", "vx0", "udp 10.1.0.1 1 10.9.0.5 2", true, .wire = "out0",
		       .wrapped = OUTER },
		     { "in0", "vx0", "udp 10.1.0.1 1 10.9.0.6 2", false, .wire = "out0",
		       .wrapped = OUTER },
		     { "vx0", "in0", "udp 10.9.0.5 1 10.1.0.1 2", true, .wire = "out0",
		       .wrapped = OUTER_IN },
		     { "vx0", "in0", "udp 10.9.0.5 1 10.1.0.2 2", false, .wire = "out0",
		       .wrapped = OUTER_IN } } },
	{ .name = "VXLAN: rules on its own packets",
	  .needs = { "link vxlan" },
	  .host = VX,
	  .nft = "table inet t { chain o { type filter hook output priority 0;\n"
		 "udp dport 4789 ip daddr 192.0.2.2 drop\n}\n"
		 "chain i { type filter hook input priority 0;\nudp dport 4789 accept\n}\n}",
	  .steps = { { "in0", "vx0", "udp 10.1.0.1 1 10.9.0.5 2", false, .wire = "out0",
		       .wrapped = OUTER },
		     { "vx0", "in0", "udp 10.9.0.5 1 10.1.0.1 2", true, .wire = "out0",
		       .wrapped = OUTER_IN } } },
	{ .name = "VXLAN: its own packets come in only where they may",
	  .needs = { "link vxlan" },
	  .host = VX,
	  .nft = "table inet t { chain o { type filter hook output priority 0; policy drop;\n"
		 "oifname \"out0\" udp dport 4789 accept\n}\n"
		 "chain i { type filter hook input priority 0; policy accept;\n"
		 "iifname \"out0\" udp dport 4789 drop\n}\n}",
	  .steps = { { "in0", "vx0", "udp 10.1.0.1 1 10.9.0.5 2", true, .wire = "out0",
		       .wrapped = OUTER },
		     { "vx0", "in0", "udp 10.9.0.5 1 10.1.0.1 2", false, .wire = "out0",
		       .wrapped = OUTER_IN } } },
	{ 0 },
};
