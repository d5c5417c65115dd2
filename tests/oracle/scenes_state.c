/* SPDX-License-Identifier: Apache-2.0 */
/* Connections, translations, and what is taken out of tracking. */
#include "tests/oracle/scenes.h"

#define STATES "table inet t { chain f { type filter hook forward priority 0; policy drop;\n"

#define FLOW(state)  "udp 10.1.0.1 1000 10.0.0.2 53 state=" state
#define REPLY(state) "udp 10.0.0.2 53 10.1.0.1 1000 state=" state

const struct scene scenes_state[] = {
	{ .name = "states: established after new",
	  .needs = { "nft ct state" },
	  .host = "ip route add 10.1.0.0/24 dev in0",
	  .nft = STATES
	  "ct state established accept\niifname \"in0\" ct state new accept\n}\n}",
	  .steps = { { "out0", "in0", REPLY("new"), false },
		     { "in0", "out0", FLOW("new"), true },
		     { "out0", "in0", REPLY("established"), true },
		     { "in0", "out0", FLOW("established"), true },
		     { "out0", "in0", "udp 10.0.0.2 53 10.1.0.1 1001 state=new", false } } },
	{ .name = "states: TCP handshake and stray packets",
	  .needs = { "nft ct state" },
	  .host = "ip route add 10.1.0.0/24 dev in0",
	  .nft = STATES
	  "ct state established accept\nct state invalid drop\n"
	  "iifname \"in0\" tcp flags & (fin|syn|rst|ack) == syn ct state new accept\n}\n}",
	  .steps = { { "in0", "out0", "tcp 10.1.0.1 40000 10.0.0.2 22 flags=S state=new",
		       true },
		     { "out0", "in0",
		       "tcp 10.0.0.2 22 10.1.0.1 40000 flags=SA state=established", true },
		     { "in0", "out0", "tcp 10.1.0.1 40001 10.0.0.2 22 flags=A state=new",
		       false },
		     { "in0", "out0", "tcp 10.1.0.1 40002 10.0.0.2 22 flags=SF state=invalid",
		       false },
		     { "out0", "in0", "tcp 10.0.0.2 22 10.1.0.1 40003 flags=SA state=invalid",
		       false } } },
	{ .name = "states: ICMP errors",
	  .needs = { "nft ct state" },
	  .host = "ip route add 10.1.0.0/24 dev in0",
	  .nft = STATES "ct state related accept\niifname \"in0\" ct state new accept\n}\n}",
	  .steps = { { "in0", "out0", FLOW("new"), true },
		     { "out0", "in0", "icmp 10.0.0.2 3 10.1.0.1 3 state=related", true,
		       .quotes = FLOW("new") },
		     { "out0", "in0", "icmp 10.0.0.2 3 10.1.0.1 3 state=invalid", false,
		       .quotes = "udp 10.1.0.1 999 10.0.0.2 53" } } },
	{ .name = "states: IPv6",
	  .needs = { "nft ct state" },
	  .host = "ip -6 route add fd01::/64 dev in0",
	  .nft = STATES
	  "ct state established accept\niifname \"in0\" ct state new accept\n}\n}",
	  .steps = { { "out0", "in0", "icmpv6 fd00::2 129 fd01::1 0 state=invalid", false },
		     { "in0", "out0", "icmpv6 fd01::1 128 fd00::2 0 state=new", true },
		     { "in0", "out0", "udp fd01::1 1 fd00::2 2 state=new", true },
		     { "out0", "in0", "udp fd00::2 2 fd01::1 1 state=established", true },
		     { "out0", "in0", "udp fd00::2 2 fd01::1 3 state=new", false },
		     { "in0", "out0", "icmpv6 fd01::1 135 fd00::2 0 state=untracked",
		       false } } },
	{ .name = "states: taken out of tracking",
	  .needs = { "nft notrack" },
	  .host = "ip route add 10.1.0.0/24 dev in0",
	  .nft = "table inet t { chain r { type filter hook prerouting priority -300;\n"
		 "udp dport 53 notrack\n}\nchain f { type filter hook forward priority 0; "
		 "policy drop;\n"
		 "ct state untracked accept\nct state established accept\n"
		 "iifname \"in0\" udp dport 54 ct state new accept\n}\n}",
	  .steps = { { "in0", "out0", FLOW("untracked"), true },
		     /* the answer is tracked, and the first that tracking sees */
		     { "out0", "in0", REPLY("new"), false },
		     { "in0", "out0", "udp 10.1.0.1 1000 10.0.0.2 54 state=new", true },
		     { "out0", "in0", "udp 10.0.0.2 54 10.1.0.1 1000 state=established",
		       true } } },
	{ .name = "states: iptables by both names",
	  .needs = { "iptables conntrack", "iptables state" },
	  .host = "ip route add 10.1.0.0/24 dev in0",
	  .legacy4 = "*filter\n:FORWARD DROP [0:0]\n"
		     "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
		     "-A FORWARD -i in0 -m state --state NEW -j ACCEPT\nCOMMIT",
	  .steps = { { "out0", "in0", REPLY("new"), false },
		     { "in0", "out0", FLOW("new"), true },
		     { "out0", "in0", REPLY("established"), true },
		     { "out0", "in0", "icmp 10.0.0.2 3 10.1.0.1 3 state=related", true,
		       .quotes = FLOW("new") },
		     { "out0", "in0", "icmp 10.0.0.2 3 10.1.0.1 3 state=invalid", false,
		       .quotes = "udp 10.1.0.1 999 10.0.0.2 53" } } },
	{ .name = "states: iptables-nft",
	  .needs = { "iptables-nft" },
	  .host = "ip route add 10.1.0.0/24 dev in0",
	  .xnft4 = "*raw\n-A PREROUTING -p udp -m udp --dport 54 -j CT --notrack\nCOMMIT\n"
		   "*filter\n:FORWARD DROP [0:0]\n"
		   "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
		   "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n"
		   "-A FORWARD -i in0 -m conntrack ! --ctstate UNTRACKED -j ACCEPT\nCOMMIT",
	  .steps = { { "out0", "in0", REPLY("new"), false },
		     { "in0", "out0", FLOW("new"), true },
		     { "out0", "in0", REPLY("established"), true },
		     { "in0", "out0", "udp 10.1.0.1 1000 10.0.0.2 54 state=untracked", false },
		     { "in0", "out0", "tcp 10.1.0.1 1 10.0.0.2 2 flags=SF state=invalid",
		       false } } },

	{ .name = "translation: dnat",
	  .needs = { "nft dnat" },
	  .nft = "table ip n { chain p { type nat hook prerouting priority -100;\n"
		 "ip daddr 203.0.113.5 tcp dport 80 dnat to 10.0.0.5:8080\n}\n}\n"
		 "table ip t { chain f { type filter hook forward priority 0; policy drop;\n"
		 "ip daddr 10.0.0.5 tcp dport 8080 accept\nip daddr 10.0.0.6 tcp dport 80 "
		 "accept\n}\n}",
	  .steps = { { "in0", "out0", "tcp 10.1.0.1 1000 203.0.113.5 80 state=new", true,
		       .becomes = "tcp 10.1.0.1 1000 10.0.0.5 8080", .bound = true },
		     { "in0", "out0", "tcp 10.1.0.1 1001 10.0.0.6 80 state=new", true },
		     { "in0", "out1", "tcp 10.1.0.1 1001 203.0.113.5 81 state=new", false } } },
	{ .name = "translation: dnat hides what the filter drops",
	  .needs = { "nft dnat" },
	  .nft = "table ip n { chain p { type nat hook prerouting priority -100;\n"
		 "ip daddr 203.0.113.5 tcp dport 80 dnat to 10.0.0.5:8080\n}\n}\n"
		 "table ip t { chain f { type filter hook forward priority 0; policy accept;\n"
		 "ip daddr 10.0.0.5 drop\n}\n}",
	  .steps = { { "in0", "out0", "tcp 10.1.0.1 1000 203.0.113.5 80 state=new", false,
		       .bound = true },
		     { "in0", "out1", "tcp 10.1.0.1 1000 203.0.113.5 81 state=new", true } } },
	{ .name = "translation: snat and masquerade",
	  .needs = { "nft masquerade" },
	  .host = "ip addr add 192.0.2.7/32 dev out1",
	  .nft = "table ip n { chain q { type nat hook postrouting priority 100;\n"
		 "oifname \"out0\" snat to 192.0.2.9\noifname \"out1\" masquerade\n}\n}\n"
		 "table ip t { chain f { type filter hook forward priority 0; policy drop;\n"
		 "ip saddr 10.1.0.0/24 accept\n}\n}",
	  .steps = { { "in0", "out0", "udp 10.1.0.1 1000 10.0.0.5 53 state=new", true,
		       .becomes = "udp 192.0.2.9 1000 10.0.0.5 53" },
		     { "in0", "out1", "udp 10.1.0.1 1001 10.9.0.5 53 state=new", true,
		       .becomes = "udp 192.0.2.7 1001 10.9.0.5 53" },
		     { "in0", "out0", "udp 10.2.0.1 1000 10.0.0.5 53 state=new", false } } },
	{ .name = "translation: iptables DNAT and MASQUERADE",
	  .needs = { "iptables MASQUERADE" },
	  .host = "ip addr add 192.0.2.7/32 dev out0",
	  .legacy4 = "*nat\n-A PREROUTING -d 203.0.113.5/32 -p tcp -m tcp --dport 80 -j DNAT "
		     "--to-destination 10.0.0.5:8080\n-A POSTROUTING -o out0 -j "
		     "MASQUERADE\nCOMMIT\n"
		     "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -d 10.0.0.5/32 -p tcp -m tcp "
		     "--dport "
		     "8080 -j ACCEPT\nCOMMIT",
	  .steps = { { "in0", "out0", "tcp 10.1.0.1 1000 203.0.113.5 80 state=new", true,
		       .becomes = "tcp 192.0.2.7 1000 10.0.0.5 8080", .bound = true },
		     { "in0", "out1", "tcp 10.1.0.1 1000 203.0.113.5 81 state=new", false } } },
	{ 0 },
};
