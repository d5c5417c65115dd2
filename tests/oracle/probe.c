/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/oracle/probe.h"

#include <stdio.h>

#include "tests/oracle/kernel.h"

enum ask { ASK_NFT, ASK_LEGACY, ASK_XNFT, ASK_IPSET, ASK_SHELL, ASK_TABLE };

static const struct {
	const char *name;
	enum ask ask;
	/* A rule for the chain "f" at the forward hook of an inet table; a rule of iptables;
	 * a type of set; a command; a table of nft. */
	const char *text;
} table[] = {
	{ "nft inet", ASK_NFT, "accept" },
	{ "nft sets", ASK_NFT, "ip saddr { 10.0.0.0/8, 192.0.2.1-192.0.2.9 } accept" },
	{ "nft concatenated intervals", ASK_NFT,
	  "ip saddr . tcp dport { 10.0.0.0/8 . 1-9 } accept" },
	{ "nft verdict maps", ASK_NFT, "tcp dport vmap { 1 : accept, 2-9 : drop }" },
	{ "nft ct state", ASK_NFT, "ct state new accept" },
	{ "nft ct helper", ASK_NFT, "ct helper \"ftp\" accept" },
	{ "nft reject", ASK_NFT, "reject" },
	{ "nft meta mark", ASK_NFT, "meta mark set 1" },
	{ "nft numgen", ASK_NFT, "numgen random mod 2 0 accept" },
	{ "nft fib", ASK_NFT, "fib daddr type local accept" },
	{ "nft limit", ASK_NFT, "limit rate 1/second accept" },
	{ "nft quota", ASK_NFT, "quota 10 mbytes accept" },
	{ "nft log", ASK_NFT, "log prefix \"x\" accept" },
	{ "nft queue", ASK_NFT, "queue num 0" },
	{ "nft synproxy", ASK_NFT, "tcp dport 1 synproxy mss 1460" },
	{ "nft notrack", ASK_TABLE,
	  "table ip n {\nchain c { type filter hook prerouting priority -300; notrack;\n}\n}" },
	{ "nft dnat", ASK_TABLE,
	  "table ip n {\nchain c { type nat hook prerouting priority -100; dnat to "
	  "10.0.0.1;\n}\n}" },
	{ "nft masquerade", ASK_TABLE,
	  "table ip n {\nchain c { type nat hook postrouting priority 100; masquerade;\n}\n}" },
	{ "nft redirect", ASK_TABLE,
	  "table ip n {\nchain c { type nat hook prerouting priority -100; tcp dport 1 "
	  "redirect to :2;\n}\n}" },
	{ "nft tproxy", ASK_TABLE,
	  "table ip n {\nchain c { type filter hook prerouting priority -150; tcp dport 1 "
	  "tproxy to :2;\n}\n}" },
	{ "nft flowtable", ASK_TABLE,
	  "table inet n {\nflowtable f { hook ingress priority 0; devices = { lo };\n}\n}" },
	{ "nft ingress", ASK_TABLE,
	  "table netdev n {\nchain c { type filter hook ingress device lo priority 0;\n}\n}" },
	{ "nft egress", ASK_TABLE,
	  "table netdev n {\nchain c { type filter hook egress device lo priority 0;\n}\n}" },
	{ "nft bridge", ASK_TABLE,
	  "table bridge n {\nchain c { type filter hook forward priority 0; ether type ip "
	  "accept;\n}\n}" },
	{ "nft bridge ct state", ASK_TABLE,
	  "table bridge n {\nchain c { type filter hook forward priority 0; ct state new "
	  "accept;\n}\n}" },
	{ "nft bridge meta ibrname", ASK_TABLE,
	  "table bridge n {\nchain c { type filter hook forward priority 0; meta ibrname \"b\" "
	  "accept;\n}\n}" },
	{ "nft bridge reject", ASK_TABLE,
	  "table bridge n {\nchain c { type filter hook input priority 0; reject;\n}\n}" },
	{ "nft arp", ASK_TABLE,
	  "table arp n {\nchain c { type filter hook input priority 0;\n}\n}" },

	{ "iptables-legacy", ASK_LEGACY, "-j ACCEPT" },
	{ "iptables-nft", ASK_XNFT, "-j ACCEPT" },
	{ "iptables multiport", ASK_LEGACY, "-p tcp -m multiport --ports 1,2:9" },
	{ "iptables iprange", ASK_LEGACY, "-m iprange --src-range 10.0.0.1-10.0.0.9" },
	{ "iptables mark", ASK_LEGACY, "-m mark --mark 1" },
	{ "iptables MARK", ASK_LEGACY, "-j MARK --set-mark 1" },
	{ "iptables connmark", ASK_LEGACY, "-m connmark --mark 1" },
	{ "iptables CONNMARK", ASK_LEGACY, "-j CONNMARK --save-mark" },
	{ "iptables conntrack", ASK_LEGACY, "-m conntrack --ctstate NEW" },
	{ "iptables state", ASK_LEGACY, "-m state --state NEW" },
	{ "iptables addrtype", ASK_LEGACY, "-m addrtype --dst-type LOCAL" },
	{ "iptables mac", ASK_LEGACY, "-m mac --mac-source 02:00:5e:10:00:01" },
	{ "iptables physdev", ASK_LEGACY, "-m physdev --physdev-in eth0" },
	{ "iptables sctp", ASK_LEGACY, "-p sctp --dport 1" },
	{ "iptables dccp", ASK_LEGACY, "-p dccp --dport 1" },
	{ "iptables ecn", ASK_LEGACY, "-p tcp -m ecn --ecn-tcp-cwr" },
	{ "iptables esp", ASK_LEGACY, "-p esp -m esp --espspi 1" },
	{ "iptables ah", ASK_LEGACY, "-p ah -m ah --ahspi 1" },
	{ "iptables bpf", ASK_LEGACY, "-m bpf --bytecode \"1,6 0 0 65535\"" },
	{ "iptables cluster", ASK_LEGACY,
	  "-m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 1" },
	{ "iptables comment", ASK_LEGACY, "-m comment --comment x" },
	{ "iptables connbytes", ASK_LEGACY,
	  "-m connbytes --connbytes 1:2 --connbytes-dir both --connbytes-mode packets" },
	{ "iptables connlabel", ASK_LEGACY, "-m connlabel --label 1" },
	{ "iptables connlimit", ASK_LEGACY, "-m connlimit --connlimit-above 1" },
	{ "iptables cpu", ASK_LEGACY, "-m cpu --cpu 0" },
	{ "iptables devgroup", ASK_LEGACY, "-m devgroup --src-group 1" },
	{ "iptables dscp", ASK_LEGACY, "-m dscp --dscp 1" },
	{ "iptables hashlimit", ASK_LEGACY,
	  "-m hashlimit --hashlimit-upto 1/s --hashlimit-name x" },
	{ "iptables helper", ASK_LEGACY, "-m helper --helper ftp" },
	{ "iptables ipvs", ASK_LEGACY, "-m ipvs --ipvs" },
	{ "iptables length", ASK_LEGACY, "-m length --length 1:9" },
	{ "iptables limit", ASK_LEGACY, "-m limit --limit 1/s" },
	{ "iptables nfacct", ASK_LEGACY, "-m nfacct --nfacct-name x" },
	{ "iptables osf", ASK_LEGACY, "-p tcp -m osf --genre Linux" },
	{ "iptables pkttype", ASK_LEGACY, "-m pkttype --pkt-type unicast" },
	{ "iptables policy", ASK_LEGACY, "-m policy --dir in --pol none" },
	{ "iptables quota", ASK_LEGACY, "-m quota --quota 1" },
	{ "iptables realm", ASK_LEGACY, "-m realm --realm 1" },
	{ "iptables recent", ASK_LEGACY, "-m recent --set" },
	{ "iptables statistic", ASK_LEGACY, "-m statistic --mode random --probability 0.5" },
	{ "iptables string", ASK_LEGACY, "-m string --algo bm --string x" },
	{ "iptables tcpmss", ASK_LEGACY, "-p tcp -m tcpmss --mss 1" },
	{ "iptables time", ASK_LEGACY, "-m time --timestart 01:00" },
	{ "iptables tos", ASK_LEGACY, "-m tos --tos 1" },
	{ "iptables ttl", ASK_LEGACY, "-m ttl --ttl-eq 1" },
	{ "iptables u32", ASK_LEGACY, "-m u32 --u32 \"0>>28=4\"" },
	{ "iptables REJECT", ASK_LEGACY, "-j REJECT" },
	{ "iptables LOG", ASK_LEGACY, "-j LOG" },
	{ "iptables NFLOG", ASK_LEGACY, "-j NFLOG" },
	{ "iptables NFQUEUE", ASK_LEGACY, "-j NFQUEUE" },
	{ "iptables TEE", ASK_LEGACY, "-j TEE --gateway 10.0.0.1" },
	{ "iptables AUDIT", ASK_LEGACY, "-j AUDIT --type accept" },
	{ "iptables CLASSIFY", ASK_LEGACY, "-j CLASSIFY --set-class 1:1" },
	{ "iptables security", ASK_SHELL,
	  "iptables-legacy -w -t security -A FORWARD -j ACCEPT" },
	{ "iptables CT", ASK_SHELL, "iptables-legacy -w -t raw -A PREROUTING -j CT --notrack" },
	{ "iptables NOTRACK", ASK_SHELL, "iptables-legacy -w -t raw -A PREROUTING -j NOTRACK" },
	{ "iptables TPROXY", ASK_SHELL,
	  "iptables-legacy -w -t mangle -A PREROUTING -p tcp -j TPROXY --on-port 1" },
	{ "iptables SNAT", ASK_SHELL,
	  "iptables-legacy -w -t nat -A POSTROUTING -j SNAT --to-source 10.0.0.1" },
	{ "iptables MASQUERADE", ASK_SHELL,
	  "iptables-legacy -w -t nat -A POSTROUTING -j MASQUERADE" },
	{ "iptables REDIRECT", ASK_SHELL,
	  "iptables-legacy -w -t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 1" },
	{ "iptables NETMAP", ASK_SHELL,
	  "iptables-legacy -w -t nat -A PREROUTING -d 10.0.0.0/24 -j NETMAP --to 10.0.1.0/24" },

	{ "ipset", ASK_IPSET, "hash:ip" },
	{ "iptables set", ASK_SHELL,
	  "ipset create probe_s hash:ip && iptables-legacy -w -A FORWARD -m set --match-set "
	  "probe_s src" },
	{ "ipset hash:ip", ASK_IPSET, "hash:ip" },
	{ "ipset hash:net", ASK_IPSET, "hash:net" },
	{ "ipset hash:mac", ASK_IPSET, "hash:mac" },
	{ "ipset hash:ip,mac", ASK_IPSET, "hash:ip,mac" },
	{ "ipset hash:ip,mark", ASK_IPSET, "hash:ip,mark" },
	{ "ipset hash:ip,port", ASK_IPSET, "hash:ip,port" },
	{ "ipset hash:net,port", ASK_IPSET, "hash:net,port" },
	{ "ipset hash:net,net", ASK_IPSET, "hash:net,net" },
	{ "ipset hash:net,iface", ASK_IPSET, "hash:net,iface" },
	{ "ipset hash:ip,port,ip", ASK_IPSET, "hash:ip,port,ip" },
	{ "ipset hash:ip,port,net", ASK_IPSET, "hash:ip,port,net" },
	{ "ipset hash:net,port,net", ASK_IPSET, "hash:net,port,net" },
	{ "ipset bitmap:ip", ASK_IPSET, "bitmap:ip range 10.0.0.0/24" },
	{ "ipset bitmap:ip,mac", ASK_IPSET, "bitmap:ip,mac range 10.0.0.0/24" },
	{ "ipset bitmap:port", ASK_IPSET, "bitmap:port range 1-9" },
	{ "ipset list:set", ASK_IPSET, "list:set" },

	{ "link tap", ASK_SHELL, "ip tuntap add probe_t mode tap" },
	{ "link bridge", ASK_SHELL, "ip link add probe_b type bridge" },
	{ "link bridge vlan_filtering", ASK_SHELL,
	  "ip link add probe_b2 type bridge vlan_filtering 1" },
	{ "link bridge isolated", ASK_SHELL,
	  "ip link add probe_b3 type bridge && ip link add probe_v3 type veth && ip link set "
	  "probe_v3 "
	  "master probe_b3 && ip link set probe_v3 type bridge_slave isolated on" },
	{ "link veth", ASK_SHELL, "ip link add probe_v type veth" },
	{ "link vxlan", ASK_SHELL,
	  "ip link add probe_x type vxlan id 5 remote 192.0.2.1 dstport 4789" },
	{ "link vlan", ASK_SHELL, "ip link add link lo name probe_l type vlan id 5" },
	{ "link vrf", ASK_SHELL, "ip link add probe_r type vrf table 10" },
	{ "link macvlan", ASK_SHELL,
	  "ip link add probe_m0 type veth && ip link add link probe_m0 name probe_m type "
	  "macvlan" },
	{ "link dummy", ASK_SHELL, "ip link add probe_d type dummy" },
	{ "link gre", ASK_SHELL, "ip link add probe_g type gre remote 192.0.2.1" },
	{ "bridge-nf-call-iptables", ASK_SHELL,
	  "test -e /proc/sys/net/bridge/bridge-nf-call-iptables" },
};

enum { N_FEATURES = sizeof(table) / sizeof(*table) };
_Static_assert((int)N_FEATURES <= (int)FEATURES_MAX, "FEATURES_MAX is too small");

static bool feed(const char *const *argv, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool feed(const char *const *argv, const char *fmt, ...)
{
	struct text t = { 0 };
	struct ran r;
	va_list ap;
	va_start(ap, fmt);
	text_vputf(&t, fmt, ap);
	va_end(ap);
	run_child(argv, &t, &r);
	bool ok = !r.status;
	ran_finish(&r);
	text_finish(&t);
	return ok;
}

static bool ask(enum ask how, const char *text)
{
	static const char *const nft[] = { "nft", "-f", "-", NULL };
	static const char *const legacy[] = { "iptables-legacy-restore", "-w", NULL };
	static const char *const xnft[] = { "iptables-nft-restore", NULL };
	static const char *const ipset[] = { "ipset", "restore", NULL };
	switch (how) {
	case ASK_NFT:
		return feed(nft,
			    "table inet p\nflush table inet p\ntable inet p { chain f { type "
			    "filter hook "
			    "forward priority 0;\n%s\n}\n}\n",
			    text);
	case ASK_LEGACY:
	case ASK_XNFT:
		return feed(how == ASK_LEGACY ? legacy : xnft,
			    "*filter\n-A FORWARD %s\nCOMMIT\n", text);
	case ASK_IPSET:
		run_shell("ipset destroy probe");
		return feed(ipset, "create probe %s\n", text);
	case ASK_TABLE:
		return feed(nft, "flush ruleset\n%s\n", text);
	case ASK_SHELL:
		break;
	}
	return run_shell(text);
}

void probe_all(struct features *ret)
{
	*ret = (struct features){ .n = N_FEATURES };
	for (size_t i = 0; i < N_FEATURES; i++) {
		ret->have[i] = ask(table[i].ask, table[i].text);
		ret->n_missing += !ret->have[i];
	}
}

bool probe_has(const struct features *f, const char *name)
{
	for (size_t i = 0; i < N_FEATURES; i++)
		if (!strcmp(table[i].name, name))
			return f->have[i];
	fprintf(stderr, "the feature \"%s\" is never asked for\n", name);
	abort();
}

void probe_missing(const struct features *f, struct text *t)
{
	for (size_t i = 0; i < N_FEATURES; i++)
		if (!f->have[i])
			text_putf(t, "%s\n", table[i].name);
}
