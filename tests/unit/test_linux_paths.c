/* SPDX-License-Identifier: Apache-2.0 */
/* Where a Linux host sends packets: routes, policy rules, what ports are plugged into. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/host_world.h"
#include "tests/unit/linux_state.h"

static void start(const struct linux_state *s)
{
	struct text t = { 0 };
	linux_state(&t, s);
	cr_assert_eq(host_read(&collector_linux, "r", "r.json", t.s, t.len, NULL), 0, "%s", t.s);
	text_finish(&t);
}

static void expect_text(struct text *t, const char *want)
{
	cr_expect_str_eq(t->s ? t->s : "", want, "is:\n%s\nwant:\n%s", t->s ? t->s : "", want);
	text_finish(t);
}

/* The routes of one table, a line each; "" for main. */
static void expect_routes(const char *table, const char *want)
{
	struct text t = { 0 };
	for (size_t i = 0; i < device->n_routes; i++) {
		const struct route *x = &device->routes[i];
		if (strcmp(x->segment ? x->segment : "", table))
			continue;
		span_print(&t, x->dst.family, span_prefix(x->dst.family, x->dst.addr, x->dst.len));
		if (x->port)
			text_putf(&t, " dev %s", x->port);
		if (x->has_via) {
			text_put(&t, " via ");
			addr_print(&t, x->dst.family, x->via);
		}
		if (x->metric)
			text_putf(&t, " metric %u", x->metric);
		text_putf(&t, "%s%s%s%s\n", x->drop ? " drop" : "", x->local ? " local" : "",
			  x->odd ? " odd: " : "", x->odd ? x->odd : "");
		cr_expect_not_null(x->at.src);
	}
	expect_text(&t, want);
}

static void expect_rules(enum family f, const char *want)
{
	static const char *const kinds[] = { "lookup", "via", "drop", "unknown" };
	struct text t = { 0 };
	const struct match *other = match_family(&snap->matches, !f);
	for (size_t i = 0; i < device->n_route_rules; i++) {
		const struct route_rule *x = &device->route_rules[i];
		if (x->match && match_and(&snap->matches, x->match, other)->kind != MATCH_NONE &&
		    x->match == match_and(&snap->matches, x->match, other))
			continue;
		if (x->in)
			text_putf(&t, "in %s: ", *x->in ? x->in : "self");
		text_put(&t, kinds[x->kind]);
		if (x->kind == ROUTE_LOOKUP)
			text_putf(&t, " %s%s", x->table ? x->table : "main",
				  x->falls ? "" : " (ends)");
		if (x->suppress >= 0)
			text_putf(&t, " suppress %d", x->suppress);
		if (x->kind == ROUTE_UNKNOWN)
			text_putf(&t, " (%s)", x->why);
		text_put(&t, ": ");
		match_print(&t, x->match ? x->match : match_all(&snap->matches));
		text_put(&t, "\n");
		cr_expect_not_null(x->at.src);
	}
	expect_text(&t, want);
}

static const char usual[] = "lookup local: family ipv4\n"
			    "lookup main: family ipv4\n"
			    "lookup table 253: family ipv4\n";

Test(linux_paths, plain_host)
{
	start(&(struct linux_state){ 0 });
	cr_expect_eq(device->routing, ROUTING_WHOLE);
	cr_expect(!device->connected);
	expect_routes("", "any dev eth1 via 10.1.0.254\n"
			  "10.0.0.0/24 dev eth0\n"
			  "10.1.0.0/24 dev eth1\n");
	expect_routes("local", "10.0.0.1 dev eth0 local\n"
			       "10.0.0.255 local\n"
			       "10.1.0.1 dev eth1 local\n");
	expect_rules(FAMILY_V4, usual);
	expect_rules(FAMILY_V6, "lookup local: family ipv6\nlookup main: family ipv6\n");
	done();
}

static const char routes[] =
	"{'family':'ipv4','table':254,'type':'unicast','destination':'10.8.0.0/16',"
	"'gateway':null,'link':null,'priority':5,'nexthops':[{'gateway':'10.0.0.7','link':'eth0'},"
	"{'gateway':'10.1.0.7','link':'eth1'},{'gateway':'10.1.0.8','link':'eth1',"
	"'flags':['dead']}]},"
	/* a second one of the same metric is not asked, one of a larger metric neither */
	"{'family':'ipv4','table':254,'type':'unicast','destination':'10.7.0.0/16',"
	"'gateway':'10.0.0.9','link':'eth0','priority':10},"
	"{'family':'ipv4','table':254,'type':'unicast','destination':'10.7.0.0/16',"
	"'gateway':'10.0.0.8','link':'eth0','priority':10},"
	"{'family':'ipv4','table':254,'type':'unicast','destination':'10.7.0.0/16',"
	"'gateway':'10.0.0.6','link':'eth0','priority':20},"
	"{'family':'ipv4','table':254,'type':'blackhole','destination':'10.6.0.0/16','priority':0},"
	"{'family':'ipv4','table':254,'type':'unreachable','destination':'10.5.0.0/16',"
	"'priority':7},"
	"{'family':'ipv4','table':254,'type':'unicast','destination':'10.4.0.0/16','priority':0,"
	"'nexthop_id':9,'gateway':null,'link':null},"
	"{'family':'ipv4','table':254,'type':'unicast','destination':'10.3.0.0/16','priority':0,"
	"'gateway':'10.0.0.3','link':'eth0','tos':16},"
	"{'family':'ipv4','table':254,'type':'unicast','destination':'10.2.0.0/16','priority':0,"
	"'gateway':'10.0.0.3','link':'eth0','flags':['dead']},"
	"{'family':'ipv4','table':254,'type':'unicast','destination':'10.9.0.0/16','priority':0,"
	"'gateway':null,'link':'eth0','flags':['linkdown']},"
	"{'family':'ipv6','table':254,'type':'unicast','destination':'2001:db8::/32','priority':1024,"
	"'gateway':'fe80::1','link':'eth0'}";

static const char nexthops[] =
	"{'id':1,'family':'ipv4','gateway':'10.0.0.4','link':'eth0'},"
	"{'id':2,'family':'ipv4','gateway':'10.1.0.4','link':'eth1'},"
	"{'id':9,'group':[{'id':1,'weight':1},{'id':2,'weight':3}]}";

Test(linux_paths, kinds_of_routes)
{
	start(&(struct linux_state){ .routes = routes, .nexthops = nexthops });
	expect_routes("", "10.3.0.0/16 dev eth0 via 10.0.0.3 odd: it is for one type of service\n"
			  "10.4.0.0/16 dev eth0 via 10.0.0.4\n"
			  "10.4.0.0/16 dev eth1 via 10.1.0.4\n"
			  "10.5.0.0/16 metric 7 drop\n"
			  "10.6.0.0/16 drop\n"
			  "10.7.0.0/16 dev eth0 via 10.0.0.9 metric 10\n"
			  "10.7.0.0/16 dev eth0 via 10.0.0.6 metric 20\n"
			  "10.8.0.0/16 dev eth0 via 10.0.0.7 metric 5\n"
			  "10.8.0.0/16 dev eth1 via 10.1.0.7 metric 5\n"
			  "10.9.0.0/16 dev eth0 odd: its interface has no carrier\n"
			  "2001:db8::/32 dev eth0 via fe80::1 metric 1024\n");
	cr_expect_eq(device->routing, ROUTING_WHOLE);
	done();
	/* where the sysctl keeps it in force it is */
	start(&(struct linux_state){
		.routes = "{'family':'ipv4','table':254,'type':'unicast','destination':"
			  "'10.9.0.0/16','priority':0,'gateway':null,'link':'eth0',"
			  "'flags':['linkdown']}",
		.sysctls = ",'net/ipv4/conf/eth0/ignore_routes_with_linkdown':'0'" });
	expect_routes("", "10.9.0.0/16 dev eth0\n");
	done();
}

/* What a table says that a route can't is asked of the destination, before the table. */
Test(linux_paths, what_a_route_cannot_say)
{
	start(&(struct linux_state){
		.routes =
			"{'family':'ipv4','table':254,'type':'unicast','destination':'0.0.0.0/0',"
			"'gateway':'10.1.0.254','link':'eth1','priority':0},"
			"{'family':'ipv4','table':254,'type':'throw','destination':'10.4.0.0/14',"
			"'priority':0},"
			"{'family':'ipv4','table':254,'type':'unicast','destination':"
			"'10.5.0.0/16','gateway':'10.0.0.5','link':'eth0','priority':0},"
			"{'family':'ipv4','table':254,'type':'unicast','destination':"
			"'10.5.128.0/17','gateway':'10.0.0.5','link':'eth0','priority':0,"
			"'encap':6},"
			"{'family':'ipv4','table':253,'type':'unicast','destination':"
			"'192.0.2.0/24','gateway':'fe80::1','link':'eth0','priority':0}" });
	expect_routes("", "any dev eth1 via 10.1.0.254\n10.5.0.0/16 dev eth0 via 10.0.0.5\n");
	expect_routes("table 253", "");
	expect_rules(FAMILY_V4,
		     "lookup local: family ipv4\n"
		     "unknown (a route by which packets leave wrapped in others): family ipv4 and "
		     "dst 10.5.128.0/17\n"
		     "lookup main: family ipv4 and not dst 10.4.0.0/16,10.6.0.0/15\n"
		     "unknown (a route by a next hop of the other family): family ipv4 and dst "
		     "192.0.2.0/24\n"
		     "lookup table 253: family ipv4\n");
	done();
}

#define RULE(priority, more) \
	"{'family':'ipv4','priority':" priority ",'invert':false," more "},"
#define LOCAL RULE("0", "'action':'table','table':255")
#define LAST \
	"{'family':'ipv4','priority':32766,'invert':false,'action':'table','table':254}"

static void expect_policy(const char *rules, const char *want)
{
	char *all = NULL;
	cr_assert_geq(asprintf(&all, LOCAL "%s" LAST, rules), 0);
	start(&(struct linux_state){ .rules = all });
	free(all);
	struct text t = { 0 };
	text_putf(&t, "lookup local: family ipv4\n%s", want);
	expect_rules(FAMILY_V4, t.s);
	text_finish(&t);
	cr_expect_eq(device->n_taints, 0);
	done();
}

Test(linux_paths, what_policy_rules_ask)
{
#define MAIN "lookup main: family ipv4\n"
	expect_policy(RULE("10", "'from':'10.0.0.0/24','to':'10.9.0.0/16','action':'table',"
				 "'table':7"),
		      "lookup table 7: family ipv4 and src 10.0.0.0/24 and dst 10.9.0.0/16\n" MAIN);
	expect_policy(RULE("10", "'iif':'eth0','ip_proto':6,'dport':[80,81],'action':'blackhole'"),
		      "in eth0: drop: family ipv4 and proto tcp and dport 80-81\n" MAIN);
	expect_policy(RULE("10", "'iif':'lo','action':'prohibit'"),
		      "in self: drop: family ipv4\n" MAIN);
	/* an interface that isn't there never matches */
	expect_policy(RULE("10", "'iif':'gone','iif_detached':true,'action':'prohibit'"), MAIN);
	expect_policy("{'family':'ipv4','priority':10,'invert':true,'iif':'eth0','action':'table',"
		      "'table':7},",
		      "lookup table 7: family ipv4 and not iif eth0\n" MAIN);
	/* packets that are passed on are of no socket */
	expect_policy(RULE("10", "'oif':'eth0','action':'unreachable'"),
		      "drop: family ipv4 and iif none and unknown(a socket's interface)\n" MAIN);
	expect_policy(RULE("10", "'uid_range':[1000,1000],'action':'unreachable'"),
		      "drop: family ipv4 and iif none and unknown(a socket's user)\n" MAIN);
	expect_policy(RULE("10", "'tos':16,'action':'unreachable'"),
		      "drop: family ipv4 and unknown(tos of a policy rule)\n" MAIN);
	expect_policy(RULE("10", "'action':'nop'"), MAIN);
	expect_policy(RULE("10", "'action':'9'"),
		      "unknown (a policy rule whose action isn't known): family ipv4\n" MAIN);
	/* nobody sets marks: those of the wire are 0 */
	expect_policy(RULE("10", "'fwmark':5,'fwmask':255,'iif':'eth0','action':'unreachable'"),
		      "in eth0: drop: family ipv4 and (iif none or iif lo) and unknown(the "
		      "packet's mark)\n" MAIN);
	expect_policy(RULE("10", "'from':'10.0.0.0/24','action':'goto','goto':20")
			      RULE("15", "'action':'blackhole'")
				      RULE("20", "'action':'table','table':7"),
		      "drop: family ipv4 and not (family ipv4 and src "
		      "10.0.0.0/24)\nlookup table 7: family "
		      "ipv4\n" MAIN);
	expect_policy(RULE("10", "'action':'goto','goto':20,'unresolved':true"), MAIN);
	expect_policy(RULE("10", "'suppress_prefixlength':0,'action':'table','table':254"),
		      "lookup main suppress 0: family ipv4\n" MAIN);
	expect_policy(RULE("10", "'suppress_ifgroup':3,'action':'table','table':7"),
		      "lookup table 7: family ipv4\n" MAIN);
}

Test(linux_paths, the_local_table_is_asked_first)
{
	start(&(struct linux_state){
		.rules = RULE("0", "'from':'10.0.0.0/24','action':'table','table':254") RULE(
			"1", "'action':'table','table':255") LAST });
	cr_expect_eq(device->n_taints, 1);
	done();
}

Test(linux_paths, vrfs)
{
	start(&(struct linux_state){
		.links = ",{'index':9,'name':'red','kind':'vrf','flags':['up','running'],'up':true,"
			 "'vrf':{'table':10},'master':null},"
			 "{'index':10,'name':'eth2','kind':null,'flags':['up','running'],'up':true,"
			 "'master':'red','master_index':9}",
		.rules = LOCAL RULE("1000", "'l3mdev':true,'action':'table','table':0") LAST });
	expect_rules(FAMILY_V4, "lookup local: family ipv4\n"
				"in red: lookup table 10: family ipv4\n"
				"in eth2: lookup table 10: family ipv4\n"
				"lookup main: family ipv4\n");
	cr_expect_str_eq(device_port(device, "eth2")->segment, "red");
	cr_expect_eq(device->n_taints, 0);
	done();
	/* a rule that asks for the interface sees the VRF's the second time */
	start(&(struct linux_state){
		.links = ",{'index':9,'name':'red','kind':'vrf','flags':['up','running'],'up':true,"
			 "'vrf':{'table':10},'master':null},"
			 "{'index':10,'name':'eth2','kind':null,'flags':['up','running'],'up':true,"
			 "'master':'red','master_index':9}",
		.iptables = "'listings':[{'family':'ipv4','backend':'legacy','tables':['filter'],"
			    "'text':['*filter',':INPUT ACCEPT [0:0]',':FORWARD ACCEPT [0:0]',"
			    "':OUTPUT ACCEPT [0:0]','-A FORWARD -i eth2 -j DROP','COMMIT']}]" });
	cr_assert_eq(device->n_taints, 1);
	cr_expect_str_eq(device->taints[0].port, "eth2");
	done();
}

/* Marks that rulesets set are conditions on the packet when policy rules ask for them. */
Test(linux_paths, marks)
{
	static const char rules[] =
		LOCAL RULE("10", "'fwmark':7,'fwmask':255,'action':'table','table':7") LAST;
	start(&(struct linux_state){
		.rules = rules,
		.iptables = "'listings':[{'family':'ipv4','backend':'legacy','tables':['mangle'],"
			    "'text':['*mangle',':PREROUTING ACCEPT [0:0]','-A PREROUTING -i eth0 -p "
			    "udp -m udp --dport 53 -j MARK --set-xmark 0x107/0xffffffff',"
			    "'COMMIT']}]" });
	cr_assert_eq(device->n_route_rules, 3);
	static const struct {
		const char *packet;
		enum truth want;
	} rows[] = { { "udp 10.0.0.5 1 10.9.0.1 53 iif=eth0", TRUTH_TRUE },
		     { "udp 10.0.0.5 1 10.9.0.1 53 iif=eth1", TRUTH_FALSE },
		     { "udp 10.0.0.5 1 10.9.0.1 54 iif=eth0", TRUTH_FALSE } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct packet p;
		const char *why;
		cr_assert(packet_parse(arena, rows[i].packet, strlen(rows[i].packet), &p, &why));
		cr_expect_eq(match_judge(device->route_rules[1].match, &p), rows[i].want, "%s",
			     rows[i].packet);
	}
	done();
}

Test(linux_paths, routing_that_is_not_told)
{
	static const char *const parts[] = { "routes", "rules", "nexthops", "addresses" };
	for (size_t i = 0; i < 4; i++) {
		start(&(struct linux_state){ .lacks = parts[i] });
		cr_expect_eq(device->routing, ROUTING_PART, "%s", parts[i]);
		cr_expect_not_null(device->routing_why);
		cr_assert_eq(device->n_route_rules, 1);
		cr_expect_eq(device->route_rules[0].kind, ROUTE_UNKNOWN);
		done();
	}
}

/* wires */

#define HEAD(boot, space) \
	"'linux_state':1,'plumbline':'0.1.0','host':{'hostname':'hv1','kernel':'6.18.0'," \
	"'machine':'x86_64','boot':'" boot "'},'namespace':{'id':'net:[" space "]'," \
	"'name':null,'pid':null},'started':'2026-11-22T03:00:00Z','ended':" \
	"'2026-11-22T03:00:01Z','complete':true,'problems':[],'commands':[],'beside':[]"
#define UP "'flags':['up','running'],'up':true"

static char *wire_in(const char *head, const char *links, const char *bridge, const char *port)
{
	start(&(struct linux_state){ .head = head, .links = links, .bridge = bridge });
	const struct port *p = device_port(device, port);
	cr_assert_not_null(p);
	char *ret = p->wire ? strdup(p->wire) : NULL;
	done();
	return ret;
}

static void expect_wires(const char *a, const char *b, bool same)
{
	cr_assert_not_null(a);
	cr_assert_not_null(b);
	cr_expect_eq(!strcmp(a, b), same, "%s\n%s", a, b);
	free((char *)a);
	free((char *)b);
}

#define VETH(index, name, peer, space) \
	",{'index':" index ",'name':'" name "','kind':'veth'," UP ",'master':null,'peer':null," \
	"'peer_index':" peer ",'peer_namespace':" space "}"

Test(linux_paths, veths_of_two_namespaces_of_one_machine)
{
	const char *a = VETH("7", "v", "8", "'net:[102]'"), *b = VETH("8", "w", "7", "'net:[101]'");
	expect_wires(wire_in(HEAD("b1", "101"), a, NULL, "v"),
		     wire_in(HEAD("b1", "102"), b, NULL, "w"), true);
	/* another machine with the same name and numbers */
	expect_wires(wire_in(HEAD("b1", "101"), a, NULL, "v"),
		     wire_in(HEAD("b2", "102"), b, NULL, "w"), false);
	/* both ends in one namespace */
	const char *both = VETH("7", "v", "8", "null") VETH("8", "w", "7", "null");
	expect_wires(wire_in(HEAD("b1", "101"), both, NULL, "v"),
		     wire_in(HEAD("b1", "101"), both, NULL, "w"), true);
	/* a namespace that isn't told is nobody's */
	expect_wires(wire_in(HEAD("b1", "101"), VETH("7", "v", "8", "'?'"), NULL, "v"),
		     wire_in(HEAD("b1", "102"), b, NULL, "w"), false);
	/* VLANs on the ends of a pair */
#define VLAN(id, lower) \
	",{'index':9,'name':'sub','kind':'vlan'," UP ",'master':null,'parent':'" lower "'," \
	"'parent_index':7,'vlan':{'id':" id ",'protocol':'802.1Q'}}"
	expect_wires(wire_in(HEAD("b1", "101"), VETH("7", "v", "8", "'net:[102]'") VLAN("20", "v"),
			     NULL, "sub"),
		     wire_in(HEAD("b1", "102"), VETH("8", "w", "7", "'net:[101]'") VLAN("20", "w"),
			     NULL, "sub"),
		     true);
	expect_wires(wire_in(HEAD("b1", "101"), VETH("7", "v", "8", "'net:[102]'") VLAN("20", "v"),
			     NULL, "sub"),
		     wire_in(HEAD("b1", "102"), VETH("8", "w", "7", "'net:[101]'") VLAN("30", "w"),
			     NULL, "sub"),
		     false);
}

#define VXLAN(more) \
	",{'index':9,'name':'vx','kind':'vxlan'," UP ",'master':null,'vxlan':{'vni':100,'port':4789" \
	more "}}"
#define PORTS "'ports':[],'vlans':[],'fdb':["
#define TO(addr) "{'link':'vx','mac':'00:00:00:00:00:00','destination':'" addr "'}"

Test(linux_paths, overlays)
{
	const char *h = HEAD("b1", "101"), *k = HEAD("b2", "101");
	const char *a = VXLAN(",'local':'192.0.2.1','remote':'192.0.2.2'");
	expect_wires(wire_in(h, a, NULL, "vx"),
		     wire_in(k, VXLAN(",'local':'192.0.2.2','remote':'192.0.2.1'"), NULL, "vx"), true);
	expect_wires(wire_in(h, a, NULL, "vx"),
		     wire_in(k, VXLAN(",'local':'192.0.2.3','remote':'192.0.2.1'"), NULL, "vx"),
		     false);
	/* of one group */
	expect_wires(wire_in(h, VXLAN(",'remote':'239.1.1.1'"), NULL, "vx"),
		     wire_in(k, VXLAN(",'remote':'239.1.1.1','local':'192.0.2.7'"), NULL, "vx"), true);
	expect_wires(wire_in(h, VXLAN(",'remote':'239.1.1.1'"), NULL, "vx"),
		     wire_in(k, VXLAN(",'remote':'239.1.1.2'"), NULL, "vx"), false);
	/* a mesh by the bridge's table: all tell the same three */
	expect_wires(wire_in(h, VXLAN(",'local':'192.0.2.1'"),
			     PORTS TO("192.0.2.2") "," TO("192.0.2.3") "," TO("192.0.2.2") "]", "vx"),
		     wire_in(k, VXLAN(",'local':'192.0.2.3'"),
			     PORTS TO("192.0.2.1") "," TO("192.0.2.2") "]", "vx"), true);
	expect_wires(wire_in(h, VXLAN(",'local':'192.0.2.1'"),
			     PORTS TO("192.0.2.2") "," TO("192.0.2.3") "]", "vx"),
		     wire_in(k, VXLAN(",'local':'192.0.2.3'"), PORTS TO("192.0.2.1") "]", "vx"),
		     false);
	/* the host's own address, by the network of the remote one: 10.0.0.1/24 of eth0 */
	expect_wires(wire_in(h, VXLAN(",'remote':'10.0.0.2'"), NULL, "vx"),
		     wire_in(k, VXLAN(",'local':'10.0.0.2','remote':'10.0.0.1'"), NULL, "vx"), true);
	/* where it isn't told where it leads, nobody is at the other end */
	char *own = wire_in(h, VXLAN(",'local':'192.0.2.1','external':true"), NULL, "vx");
	cr_expect_not_null(own);
	cr_expect_null(strstr(own, "100"));
	free(own);
}

Test(linux_paths, tunnels)
{
#define GRE(more) \
	",{'index':9,'name':'g','kind':'gre'," UP ",'master':null,'unread_info':true,'tunnel':{" \
	more "}}"
	const char *h = HEAD("b1", "101"), *k = HEAD("b2", "101");
	const char *a = GRE("'local':'192.0.2.1','remote':'192.0.2.2','in_key':1,'out_key':2");
	expect_wires(
		wire_in(h, a, NULL, "g"),
		wire_in(k, GRE("'local':'192.0.2.2','remote':'192.0.2.1','in_key':2,'out_key':1"),
			NULL, "g"),
		true);
	expect_wires(
		wire_in(h, a, NULL, "g"),
		wire_in(k, GRE("'local':'192.0.2.2','remote':'192.0.2.1','in_key':1,'out_key':2"),
			NULL, "g"),
		false);
}

#define BRIDGE ",{'index':20,'name':'br','kind':'bridge'," UP ",'master':null}"
#define IN(link) "{'link':'" link "','master':'br','state':'forwarding'}"

/* A bridge that no network card is in is plugged in nowhere else. */
Test(linux_paths, bridges)
{
	const char *h = HEAD("b1", "101");
	char *inner = wire_in(h,
			      BRIDGE ",{'index':7,'name':'v','kind':'veth'," UP ",'master':'br',"
				     "'master_index':20,'peer_index':8,'peer_namespace':'net:[102]'}",
			      "'fdb':[],'vlans':[],'ports':[" IN("v") "]", "br");
	cr_expect_not_null(inner);
	free(inner);
	char *outer = wire_in(h,
			      BRIDGE ",{'index':7,'name':'nic','kind':null," UP ",'master':'br',"
				     "'master_index':20}",
			      "'fdb':[],'vlans':[],'ports':[" IN("nic") "]", "br");
	cr_expect_null(outer, "%s", outer);
	start(&(struct linux_state){ .head = h,
				     .links = ",{'index':7,'name':'d','kind':'dummy'," UP
					      ",'master':null}" });
	cr_expect(device_port(device, "d")->alone);
	cr_expect(!device_port(device, "eth0")->alone);
	done();
}
