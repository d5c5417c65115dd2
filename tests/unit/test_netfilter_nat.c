/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules of iptables and nft translate, told exactly. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/host_world.h"
#include "tests/unit/linux_state.h"

static void read_as(const struct collector *c, const char *name, const char *s, size_t len)
{
	cr_assert_eq(host_read(c, "r", name, s, len, NULL), 0, "%s", s);
}

static void read_state(const struct linux_state *s)
{
	struct text t = { 0 };
	linux_state(&t, s);
	read_as(&collector_linux, "r.json", t.s, t.len);
	text_finish(&t);
}

/* A host with a table nat; rules: 'words', 'words'. */
static void read_ipt(const char *rules)
{
	char *v = NULL;
	cr_assert_geq(asprintf(&v,
			       "'listings':[{'family':'ipv4','backend':'legacy','tables':['nat'],"
			       "'text':['*nat',':PREROUTING ACCEPT [0:0]',':INPUT ACCEPT [0:0]',"
			       "':OUTPUT ACCEPT [0:0]',':POSTROUTING ACCEPT [0:0]',%s,'COMMIT']}]",
			       rules),
		      0);
	read_state(&(struct linux_state){ .iptables = v });
	free(v);
}

/* What the entry makes of the end that it rewrites. */
static void put(struct text *t, const struct nat *x, const struct packet *p)
{
	struct addr was = x->rewrites == NAT_SOURCE ? p->src : p->dst;
	cr_expect_eq(x->order, x->rewrites == NAT_SOURCE ? 101 : -99);
	if (x->kind == NAT_KEEP) {
		text_put(t, "as it is");
	} else if (x->kind == NAT_SHIFT) {
		cr_expect(span_has(x->from, was));
		cr_assert_eq(x->n_to, 1);
		struct addr to = { x->to->lo.hi, x->to->lo.lo + was.lo - x->from.lo.lo };
		addr_print(t, p->family, to);
	} else {
		for (size_t k = 0; k < x->n_to; k++) {
			text_put(t, k ? "+" : "");
			span_print(t, p->family, x->to[k]);
		}
	}
	if (x->has_port)
		text_putf(t, x->port_hi > x->port_lo ? ":%u-%u" : ":%u", x->port_lo, x->port_hi);
}

/*
 * What becomes of the packet's destination or source by the list: the first entry that holds
 * decides; those before it that may hold are told first.
 */
static void expect(enum nat_rewrites end, const char *line, const char *want)
{
	struct packet p = packet_of(line);
	struct text t = { 0 };
	bool found = false;
	if (end == NAT_DESTINATION) {
		p.iif = p.iif ? p.iif : ""; /* the host itself sends it */
		p.oif = "";
	} else if (!p.iif) {
		p.iif = "eth9";
	}
	for (size_t i = 0; i < device->n_nats && !found; i++) {
		const struct nat *x = &device->nats[i];
		if (x->rewrites != end && x->kind != NAT_BOUND)
			continue;
		if ((x->in && (!p.iif || strcmp(x->in, p.iif))) ||
		    (x->out && (!p.oif || strcmp(x->out, p.oif))))
			continue;
		cr_expect_not_null(x->at.src);
		enum truth is = match_judge(x->kind == NAT_BOUND ? x->touches : x->match, &p);
		if (is == TRUTH_FALSE)
			continue;
		if (x->kind == NAT_BOUND) {
			text_put(&t, "bound ");
			continue;
		}
		found = is == TRUTH_TRUE;
		text_put(&t, found ? "" : "maybe ");
		put(&t, x, &p);
		text_put(&t, found ? "" : " or ");
	}
	if (!found)
		text_put(&t, "as it is");
	cr_expect_str_eq(t.s, want, "%s: %s, not %s", line, t.s, want);
	text_finish(&t);
}

static void no_bounds(void)
{
	for (size_t i = 0; i < device->n_nats; i++)
		cr_expect_neq(device->nats[i].kind, NAT_BOUND, "%s", device->nats[i].text);
}

static void dst(const char *line, const char *want)
{
	expect(NAT_DESTINATION, line, want);
}

static void src(const char *line, const char *want)
{
	expect(NAT_SOURCE, line, want);
}

#define TCP(to, port) "tcp 10.0.0.5 1000 " to " " port

Test(netfilter_nat, iptables_targets)
{
	read_ipt("'-A PREROUTING -d 198.51.100.1/32 -p tcp -m tcp --dport 8080 -j DNAT "
		 "--to-destination 10.1.0.2:80',"
		 "'-A PREROUTING -d 198.51.100.2/32 -j DNAT --to-destination 10.1.0.2-10.1.0.5 "
		 "--persistent',"
		 "'-A PREROUTING -d 198.51.100.3/32 -p udp -j DNAT --to-destination "
		 "10.1.0.2:1000-1010',"
		 "'-A PREROUTING -d 203.0.113.0/24 -j NETMAP --to 10.1.7.0/24',"
		 "'-A PREROUTING -d 203.0.114.64/27 -j NETMAP --to 10.1.8.0/24',"
		 "'-A PREROUTING -i eth0 -p tcp -m tcp --dport 8443 -j REDIRECT --to-ports 443',"
		 "'-A PREROUTING -i eth1 -p tcp -m tcp --dport 25 -j REDIRECT',"
		 "'-A PREROUTING -d 198.51.100.4/32 -p tcp -j DNAT --to-destination :81',"
		 "'-A POSTROUTING -s 10.0.0.0/24 -o eth1 -j MASQUERADE',"
		 "'-A POSTROUTING -s 10.2.0.0/24 -j SNAT --to-source 192.0.2.1-192.0.2.4',"
		 "'-A POSTROUTING -s 10.3.0.0/24 -p tcp -j SNAT --to-source 192.0.2.1:1024-2047',"
		 "'-A POSTROUTING -s 10.4.0.0/24 -j SNAT --to-source 192.0.2.1 --random',"
		 "'-A POSTROUTING -s 10.5.0.0/24 -j NETMAP --to 10.6.0.0/24'");
	dst(TCP("198.51.100.1", "8080") " iif=eth0", "10.1.0.2:80");
	dst(TCP("198.51.100.1", "8081") " iif=eth0", "as it is");
	dst("udp 10.0.0.5 1 198.51.100.1 8080 iif=eth0", "as it is");
	/* the host's own packets meet OUTPUT alone */
	dst(TCP("198.51.100.1", "8080") "", "as it is");
	dst(TCP("198.51.100.2", "1") " iif=eth0", "10.1.0.2-10.1.0.5");
	dst("udp 10.0.0.5 1 198.51.100.3 9 iif=eth0", "10.1.0.2:1000-1010");
	dst(TCP("203.0.113.77", "1") " iif=eth0", "10.1.7.77");
	dst(TCP("203.0.114.77", "1") " iif=eth0", "10.1.8.77");
	dst(TCP("192.0.2.99", "8443") " iif=eth0", "10.0.0.1:443");
	dst(TCP("192.0.2.99", "8443") " iif=eth1", "as it is");
	dst(TCP("192.0.2.99", "25") " iif=eth1", "10.1.0.1");
	dst(TCP("198.51.100.4", "7") " iif=eth0", "198.51.100.4:81");
	src(TCP("192.0.2.99", "80") " iif=eth0 oif=eth1", "10.1.0.1");
	src(TCP("192.0.2.99", "80") " iif=eth0 oif=eth0", "as it is");
	src("tcp 10.2.0.9 1 192.0.2.99 80 oif=eth0", "192.0.2.1-192.0.2.4");
	src("tcp 10.3.0.9 1 192.0.2.99 80 oif=eth0", "192.0.2.1:1024-2047");
	src("tcp 10.4.0.9 1 192.0.2.99 80 oif=eth0", "192.0.2.1:1-65535");
	src("tcp 10.5.0.9 1 192.0.2.99 80 oif=eth0", "10.6.0.9");
	no_bounds();
	done();
}

/* What nobody knows stays a bound. */
Test(netfilter_nat, iptables_bounds)
{
	read_ipt("'-A PREROUTING -d 198.51.100.1/32 -p tcp -j DNAT --to-destination "
		 "10.1.0.2:80-90/1000',"
		 "'-A PREROUTING -j NETMAP --to 10.1.7.0/24',"
		 "'-A INPUT -s 10.9.0.0/24 -j SNAT --to-source 10.1.0.9'");
	cr_expect_eq(device->n_nats, 3);
	dst(TCP("198.51.100.1", "8080") " iif=eth0", "bound bound as it is");
	src("tcp 10.9.0.1 1 192.0.2.99 80 oif=eth0", "bound bound as it is");
	done();
}

Test(netfilter_nat, iptables_chains)
{
	read_state(&(struct linux_state){
		.iptables =
			"'listings':[{'family':'ipv4','backend':'nft','tables':['nat'],'text':["
			"'*nat',':PREROUTING ACCEPT [0:0]',':INPUT ACCEPT [0:0]',"
			"':OUTPUT ACCEPT [0:0]',':POSTROUTING ACCEPT [0:0]',':DOCKER - [0:0]',"
			"':MORE - [0:0]','-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',"
			"'-A PREROUTING -d 198.51.100.9/32 -g MORE',"
			"'-A PREROUTING -d 198.51.100.0/24 -j DNAT --to-destination 10.1.0.99',"
			"'-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',"
			"'-A POSTROUTING -s 10.1.0.0/24 ! -o eth1 -j MASQUERADE',"
			"'-A POSTROUTING -s 10.1.0.2/32 -d 10.1.0.2/32 -p tcp -m tcp --dport 80 -j "
			"MASQUERADE',"
			"'-A DOCKER -i eth1 -j RETURN',"
			"'-A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination "
			"10.1.0.2:80',"
			"'-A MORE -p udp -j RETURN','-A MORE -p tcp -j ACCEPT',"
			"'-A MORE -j DNAT --to-destination 10.1.0.98','COMMIT']}]",
		.nftables =
			"'kernel':{'generation':[1,1],'tables':[{'family':'ip','name':'nat',"
			"'handle':1,'flags':[],'chains':[{'name':'PREROUTING','handle':1,'rules':3},"
			"{'name':'INPUT','handle':2,'rules':0},{'name':'OUTPUT','handle':3,"
			"'rules':1},{'name':'POSTROUTING','handle':4,'rules':2},{'name':'DOCKER',"
			"'handle':5,'rules':2},{'name':'MORE','handle':6,'rules':3}],'sets':[],"
			"'objects':[],'flowtables':[]}]},'listing':{'nftables':[{'metainfo':{"
			"'version':'1.0.6','json_schema_version':1}},{'table':{'family':'ip','name':"
			"'nat','handle':1}}]},'differences':[]" });
	cr_expect_eq(device->n_taints, 0, "%s", device->n_taints ? device->taints[0].why : "");
	/* published: from outside, and by the host itself */
	dst(TCP("10.0.0.1", "8080") " iif=eth0", "10.1.0.2:80");
	dst(TCP("10.0.0.1", "8080") " iif=eth1", "as it is");
	dst(TCP("10.0.0.1", "8080") "", "10.1.0.2:80");
	dst(TCP("10.0.0.1", "8081") " iif=eth0", "as it is");
	/* goto doesn't come back, what is accepted is left alone */
	dst("udp 10.0.0.5 1 198.51.100.9 80 iif=eth0", "as it is");
	dst(TCP("198.51.100.9", "80") " iif=eth0", "as it is");
	dst("ip:47 10.0.0.5 0 198.51.100.9 0 iif=eth0", "10.1.0.98");
	dst("udp 10.0.0.5 1 198.51.100.8 80 iif=eth0", "10.1.0.99");
	src("tcp 10.1.0.2 1 192.0.2.99 80 oif=eth0", "10.0.0.1");
	src("tcp 10.1.0.2 1 192.0.2.99 80 oif=eth1", "as it is");
	src("tcp 10.1.0.2 1 10.1.0.2 80 oif=eth1", "10.1.0.1");
	no_bounds();
	done();
}

/* A condition that isn't known: the entry may hold, those behind it as well. */
Test(netfilter_nat, iptables_conditions_that_are_not_known)
{
	read_ipt("'-A PREROUTING -d 198.51.100.1/32 -m statistic --mode random --probability "
		 "0.50000000000 -j DNAT --to-destination 10.1.0.2',"
		 "'-A PREROUTING -d 198.51.100.1/32 -j DNAT --to-destination 10.1.0.3'");
	dst(TCP("198.51.100.1", "80") " iif=eth0", "maybe 10.1.0.2 or 10.1.0.3");
	done();
}

Test(netfilter_nat, iptables_untracked)
{
	read_state(&(struct linux_state){
		.iptables =
			"'listings':[{'family':'ipv4','backend':'legacy','tables':['raw','nat'],"
			"'text':['*raw',':PREROUTING ACCEPT [0:0]',':OUTPUT ACCEPT [0:0]',"
			"'-A PREROUTING -s 10.0.0.7/32 -j CT --notrack','COMMIT','*nat',"
			"':PREROUTING ACCEPT [0:0]',':INPUT ACCEPT [0:0]',':OUTPUT ACCEPT [0:0]',"
			"':POSTROUTING ACCEPT [0:0]','-A PREROUTING -d 198.51.100.1/32 -j DNAT "
			"--to-destination 10.1.0.2','COMMIT']}]" });
	dst("tcp 10.0.0.5 1 198.51.100.1 80 iif=eth0", "10.1.0.2");
	dst("tcp 10.0.0.7 1 198.51.100.1 80 iif=eth0", "as it is");
	done();
}

/* A bare listing knows no addresses of its host. */
Test(netfilter_nat, iptables_alone)
{
	static const char text[] =
		"# Generated by iptables-save v1.8.9 on Sun Nov 22 03:00:00 2026\n*nat\n"
		":PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
		":POSTROUTING ACCEPT [0:0]\n-A PREROUTING -d 198.51.100.1/32 -j DNAT "
		"--to-destination 10.1.0.2\n-A POSTROUTING -s 10.1.0.0/24 -o eth0 -j MASQUERADE\n"
		"-A POSTROUTING -s 10.2.0.0/24 -o eth0 -j SNAT --to-source 192.0.2.1\nCOMMIT\n";
	read_as(&collector_iptables, "a.save", text, sizeof(text) - 1);
	dst("tcp 10.0.0.5 1 198.51.100.1 80 iif=eth0", "10.1.0.2");
	src("tcp 10.1.0.5 1 192.0.2.7 80 oif=eth0", "bound as it is");
	src("tcp 10.2.0.5 1 192.0.2.7 80 oif=eth0", "192.0.2.1");
	done();
}

/* nft */

#define META "{'metainfo':{'version':'1.0.6','json_schema_version':1}}"
#define TABLE(family) ",{'table':{'family':'" family "','name':'n','handle':1}}"
#define CHAIN(family, name, hook, prio) \
	",{'chain':{'family':'" family "','table':'n','name':'" name "','handle':2,'type':'nat'," \
	"'hook':'" hook "','prio':" prio ",'policy':'accept'}}"
#define RULE_OF(family, chain, expr) \
	",{'rule':{'family':'" family "','table':'n','chain':'" chain "','handle':9,'expr':[" expr "]}}"
#define RULE(chain, expr) RULE_OF("ip", chain, expr)
#define PRE CHAIN("ip", "pre", "prerouting", "-100")
#define POST CHAIN("ip", "post", "postrouting", "100")
#define IS(proto, field, value) \
	"{'match':{'op':'==','left':{'payload':{'protocol':'" proto "','field':'" field "'}}," \
	"'right':" value "}},"
#define DADDR "{'payload':{'protocol':'ip','field':'daddr'}}"
#define SADDR "{'payload':{'protocol':'ip','field':'saddr'}}"
#define DPORT "{'payload':{'protocol':'tcp','field':'dport'}}"

/* The listing, with and without the host around it. */
static void read_nft(const char *objects, bool host)
{
	char *v = NULL;
	if (host) {
		cr_assert_geq(asprintf(&v,
				       "'kernel':{'generation':[1,1],'tables':[{'family':'ip',"
				       "'name':'n','flags':[],'chains':[],'sets':[{'name':'m','flags':['map'],"
				       "'elements':2}],'objects':[],'flowtables':[]},{'family':'inet','name':'n','flags':[],"
				       "'chains':[],'sets':[],'objects':[],'flowtables':[]}]},'listing':{'nftables':["
				       META "%s]},'differences':[]",
				       objects),
			      0);
		read_state(&(struct linux_state){ .nftables = v });
	} else {
		cr_assert_geq(asprintf(&v, "{'nftables':[" META "%s]}", objects), 0);
		for (char *c = v; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		read_as(&collector_nft, "r.json", v, strlen(v));
	}
	free(v);
}

static void nft_targets(bool host)
{
	read_nft(
		TABLE("ip") PRE POST
		",{'map':{'family':'ip','table':'n','name':'m','handle':3,'type':['ipv4_addr',"
		"'inet_service'],'map':'ipv4_addr . inet_service','elem':[[{'concat':["
		"'198.51.100.1',80]},{'concat':['10.1.0.1',8080]}],[{'concat':['198.51.100.1',"
		"443]},{'concat':['10.1.0.2',8443]}]]}}"
		RULE("pre", "{'dnat':{'addr':{'map':{'key':{'concat':[" DADDR "," DPORT
			    "]},'data':'@m'}}}}")
		RULE("pre", IS("ip", "daddr", "'198.51.100.2'")
			    "{'dnat':{'addr':{'map':{'key':" DPORT ",'data':{'set':[[80,'10.1.0.3'],"
			    "[81,'10.1.0.4']]}}}}}")
		RULE("pre", IS("ip", "daddr", "'198.51.100.3'") "{'dnat':{'addr':{'range':["
			    "'10.1.0.5','10.1.0.7']},'port':{'range':[8080,8090]}}}")
		RULE("pre", "{'dnat':{'addr':{'map':{'key':" DADDR ",'data':{'set':[[{'prefix':{"
			    "'addr':'203.0.113.0','len':24}},{'prefix':{'addr':'10.1.7.0','len':24}}"
			    "]]}}},'flags':'netmap','type_flags':'prefix'}}")
		RULE("pre", IS("ip", "daddr", "'198.51.100.4'")
			    "{'dnat':{'addr':{'map':{'key':{'numgen':{'mode':'random','mod':2,"
			    "'offset':0}},'data':{'set':[[0,'10.1.0.8'],[1,'10.1.0.10']]}}}}}")
		RULE("pre", IS("ip", "daddr", "'198.51.100.5'")
			    "{'dnat':{'addr':{'map':{'key':{'numgen':{'mode':'random','mod':3,"
			    "'offset':0}},'data':{'set':[[0,'10.1.0.8'],[1,'10.1.0.10']]}}}}}")
		RULE("pre", IS("tcp", "dport", "2222") "{'redirect':{'port':22}}")
		RULE("post", "{'snat':{'addr':{'map':{'key':" SADDR ",'data':{'set':[['10.1.0.1',{"
			     "'range':['192.0.2.1','192.0.2.3']}]]}}}}}")
		RULE("post", IS("ip", "saddr", "'10.1.0.2'")
			     "{'snat':{'addr':'192.0.2.4','port':{'range':[100,200]}}}")
		RULE("post", "{'match':{'op':'==','left':{'meta':{'key':'oifname'}},'right':'eth1'}},"
			     "{'masquerade':{'flags':'fully-random'}}"),
		host);
	dst(TCP("198.51.100.1", "80") " iif=eth0", "10.1.0.1:8080");
	dst(TCP("198.51.100.1", "443") " iif=eth0", "10.1.0.2:8443");
	dst(TCP("198.51.100.1", "444") " iif=eth0", "as it is");
	dst("udp 10.0.0.5 1 198.51.100.1 80 iif=eth0", "as it is");
	dst(TCP("198.51.100.2", "80") " iif=eth0", "10.1.0.3");
	dst(TCP("198.51.100.2", "81") " iif=eth0", "10.1.0.4");
	dst(TCP("198.51.100.2", "82") " iif=eth0", "as it is");
	dst(TCP("198.51.100.3", "82") " iif=eth0", "10.1.0.5-10.1.0.7:8080-8090");
	dst(TCP("203.0.113.9", "82") " iif=eth0", "10.1.7.9");
	dst(TCP("198.51.100.4", "82") " iif=eth0", "10.1.0.8+10.1.0.10");
	dst(TCP("198.51.100.5", "82") " iif=eth0", "maybe 10.1.0.8+10.1.0.10 or as it is");
	dst(TCP("192.0.2.7", "2222") " iif=eth0", host ? "10.0.0.1:22" : "bound as it is");
	src("tcp 10.1.0.1 1 192.0.2.99 80 oif=eth0", "192.0.2.1-192.0.2.3");
	src("tcp 10.1.0.2 1 192.0.2.99 80 oif=eth0", "192.0.2.4:100-200");
	src("tcp 10.9.0.2 1 192.0.2.99 80 oif=eth1",
	    host ? "10.1.0.1:1-65535" : "bound as it is");
	src("tcp 10.9.0.2 1 192.0.2.99 80 oif=eth0", "as it is");
	done();
}

Test(netfilter_nat, nft_targets)
{
	nft_targets(true);
	nft_targets(false);
}

/* Chains of one hook are gone through until one translates, by priority. */
Test(netfilter_nat, nft_chains_of_one_hook)
{
	static const char chains[] = TABLE("ip") CHAIN("ip", "b", "prerouting", "-90")
		CHAIN("ip", "a", "prerouting", "-110")
		RULE("b", "{'dnat':{'addr':'10.1.0.2'}}")
		RULE("a", IS("ip", "daddr", "'198.51.100.1'") "{'accept':null}")
		RULE("a", IS("ip", "daddr", "'198.51.100.2'") "{'dnat':{'addr':'10.1.0.1'}}")
		RULE("a", IS("ip", "daddr", "'198.51.100.0/30'") "{'dnat':{'addr':'10.1.0.3'}}");
	read_nft(chains, true);
	/* an accept ends its own chain alone */
	dst(TCP("198.51.100.1", "80") " iif=eth0", "10.1.0.2");
	dst(TCP("198.51.100.2", "80") " iif=eth0", "10.1.0.1");
	dst(TCP("198.51.100.9", "80") " iif=eth0", "10.1.0.2");
	done();
	/* of one priority nobody knows which is first */
	read_nft(TABLE("ip") CHAIN("ip", "b", "prerouting", "-100") PRE
			 RULE("b", "{'dnat':{'addr':'10.1.0.2'}}")
				 RULE("pre", "{'dnat':{'addr':'10.1.0.1'}}"),
		 true);
	dst(TCP("198.51.100.1", "80") " iif=eth0", "maybe 10.1.0.2 or maybe 10.1.0.1 or as it is");
	done();
	/* a filter at the very priority of translation may see the packet before or behind */
	read_nft(TABLE("ip") PRE RULE("pre", "{'dnat':{'addr':'10.1.0.2'}}")
		 ",{'chain':{'family':'ip','table':'n','name':'f','handle':2,'type':'filter',"
		 "'hook':'prerouting','prio':-100,'policy':'accept'}}",
		 true);
	dst(TCP("198.51.100.1", "80") " iif=eth0", "bound as it is");
	done();
}

/* Jumps, verdict maps, and a table of both families. */
Test(netfilter_nat, nft_ways_to_a_rule)
{
#define INET(chain, expr) RULE_OF("inet", chain, expr)
	read_nft(TABLE("inet") CHAIN("inet", "pre", "prerouting", "-100")
		 ",{'chain':{'family':'inet','table':'n','name':'web','handle':5}}"
		 ",{'chain':{'family':'inet','table':'n','name':'dns','handle':6}}"
		 INET("pre", "{'vmap':{'key':" DPORT ",'data':{'set':[[80,{'jump':{'target':'web'}}],"
			     "[53,{'goto':{'target':'dns'}}],[22,{'accept':null}]]}}}")
		 INET("pre", "{'dnat':{'family':'ip','addr':'10.1.0.9'}}")
		 INET("pre", "{'dnat':{'family':'ip6','addr':'2001:db8::9'}}")
		 INET("web", IS("ip", "saddr", "'10.0.0.5'")
			     "{'dnat':{'family':'ip','addr':'10.1.0.1','port':8080}}")
		 INET("dns", IS("ip", "saddr", "'10.0.0.6'")
			     "{'dnat':{'family':'ip','addr':'10.1.0.2'}}"),
		 true);
	dst(TCP("198.51.100.1", "80") " iif=eth0", "10.1.0.1:8080");
	dst("tcp 10.0.0.7 1 198.51.100.1 80 iif=eth0", "10.1.0.9");
	dst("tcp 10.0.0.6 1 198.51.100.1 53 iif=eth0", "10.1.0.2");
	dst("tcp 10.0.0.7 1 198.51.100.1 53 iif=eth0", "as it is");
	dst(TCP("198.51.100.1", "22") " iif=eth0", "as it is");
	dst("udp 10.0.0.7 1 198.51.100.1 53 iif=eth0", "10.1.0.9");
	dst("udp 2001:db8::1 1 2001:db8::2 53 iif=eth0", "2001:db8::9");
	done();
}

/* A mark that a rule set before translation says nothing sure of a packet that looks translated. */
Test(netfilter_nat, nft_marks_behind_translation)
{
#define FILTER(name, hook, prio) \
	",{'chain':{'family':'ip','table':'n','name':'" name "','handle':2,'type':'filter','hook':'" \
	hook "','prio':" prio ",'policy':'accept'}}"
	read_nft(TABLE("ip") FILTER("m", "prerouting", "-150") PRE FILTER("f", "forward", "0")
		 RULE("m", IS("ip", "daddr", "'198.51.100.1'")
			   "{'mangle':{'key':{'meta':{'key':'mark'}},'value':7}}")
		 RULE("pre", IS("ip", "daddr", "'198.51.100.1'") "{'dnat':{'addr':'10.1.0.2'}}")
		 RULE("f", "{'match':{'op':'==','left':{'meta':{'key':'mark'}},'right':7}},"
			   "{'drop':null}"),
		 true);
	const struct ruleset *rs = device_ruleset(device, "ip n f");
	cr_assert_not_null(rs);
	const struct rule *drop = NULL;
	for (uint32_t i = 0; i < rs->n; i++)
		if (rs->rules[i].verdict == VERDICT_DENY)
			drop = &rs->rules[i];
	cr_assert_not_null(drop);
	static const struct {
		const char *line;
		enum truth want;
	} rows[] = { { "tcp 10.0.0.5 1 10.1.0.2 80 iif=eth0 oif=eth1", TRUTH_UNKNOWN },
		     { "tcp 10.0.0.5 1 10.1.0.3 80 iif=eth0 oif=eth1", TRUTH_FALSE } };
	for (size_t i = 0; i < 2; i++) {
		struct packet p;
		const char *why;
		cr_assert(packet_parse(arena, rows[i].line, strlen(rows[i].line), &p, &why));
		cr_expect_eq(match_judge(drop->match, &p), rows[i].want, "%s", rows[i].line);
	}
	done();
}

/* Translated back to where it came from, a frame isn't routed: the bridge sends it on, or loses it. */
Test(netfilter_nat, back_over_the_same_bridge)
{
#define BACK(on) \
	{ .links = ",{'index':9,'name':'br0','kind':'bridge','flags':['up','running'],'up':true," \
		   "'master':null,'bridge':{}}", \
	  .routes = "{'family':'ipv4','table':254,'type':'unicast','destination':'10.9.0.0/24'," \
		    "'gateway':null,'link':'br0','priority':0}", \
	  .sysctls = ",'net/bridge/bridge-nf-call-iptables':'" on "'", \
	  .iptables = "'listings':[{'family':'ipv4','backend':'legacy','tables':['nat'],'text':[" \
		      "'*nat',':PREROUTING ACCEPT [0:0]',':INPUT ACCEPT [0:0]'," \
		      "':OUTPUT ACCEPT [0:0]',':POSTROUTING ACCEPT [0:0]','-A PREROUTING -d " \
		      "198.51.100.1/32 -j DNAT --to-destination 10.9.0.2','-A PREROUTING -d " \
		      "198.51.100.2/32 -j DNAT --to-destination 10.8.0.2','COMMIT']}]" }
	read_state(&(struct linux_state)BACK("1"));
	dst("tcp 10.9.0.5 1 198.51.100.1 80 iif=br0", "bound 10.9.0.2");
	dst("tcp 10.9.0.5 1 198.51.100.1 80 iif=eth0", "10.9.0.2");
	dst("tcp 10.9.0.5 1 198.51.100.2 80 iif=br0", "10.8.0.2");
	done();
	read_state(&(struct linux_state)BACK("0"));
	dst("tcp 10.9.0.5 1 198.51.100.1 80 iif=br0", "10.9.0.2");
	done();
}
