/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "model/path.h"
#include "tests/unit/host_world.h"
#include "tests/unit/linux_state.h"

static int read_text(const char *s, size_t len)
{
	return host_read(&collector_linux, "hv1", "hv1.json", s, len, NULL);
}

static void start(const struct linux_state *s)
{
	struct text t = { 0 };
	linux_state(&t, s);
	cr_assert_eq(read_text(t.s, t.len), 0, "%s", t.s);
	cr_assert_not_null(device);
	text_finish(&t);
}

/* What the whole way across the host says of a packet, by its iif= and oif=. */
static const char *across(const char *line)
{
	struct packet p = packet_of(line);
	struct point pt;
	const char *why = "";
	cr_assert(path_cross(arena, device, p.iif, p.oif, &pt, &why), "%s: %s", line, why);
	bool sure = true, maybe = true;
	for (size_t i = 0; i < pt.n_stages; i++) {
		struct packet here = stage_packet(&pt.stages[i], &p);
		struct interp_answer a = interp(pt.stages[i].ruleset, &here);
		sure &= a.sure;
		maybe &= a.maybe;
	}
	return sure ? "permit" : maybe ? "unknown" : "deny";
}

static void expect(const char *line, const char *want)
{
	const char *is = across(line);
	cr_expect_str_eq(is, want, "%s: %s, not %s", line, is, want);
}

static size_t taints(const char *port)
{
	size_t n = 0;
	for (size_t i = 0; i < device->n_taints; i++) {
		const char *of = device->taints[i].port;
		n += port ? of && !strcmp(of, port) : !of;
	}
	return n;
}

static void plain_host(bool pretty)
{
	start(&(struct linux_state){ .pretty = pretty });
	cr_expect_eq(device->n_taints, 0, "%s", device->n_taints ? device->taints[0].why : "");
	cr_expect_eq(diags.n, 0, "%s", diags.n ? diags.v[0].text : "");
	cr_expect_eq(device->n_ports, 3);
	cr_expect(device->netfilter && !device->open_ports);
	cr_expect_str_eq(device->hostname, "hv1");
	cr_expect_str_eq(device->netns, "net:[4026531840]");
	cr_expect_eq(device_port(device, "eth0")->n_prefixes, 1);
	cr_expect_eq(device->n_routes, 6, "%zu", device->n_routes);
	cr_expect_eq(account->count[ACCOUNT_REJECTED] + account->count[ACCOUNT_BOUNDED], 0);
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	done();
}

Test(linux_host, plain_host)
{
	plain_host(false);
	plain_host(true);
}

Test(linux_host, another_version)
{
	const char *s = "{\"linux_state\": 2, \"parts\": {}}";
	cr_assert(read_text(s, strlen(s)) < 0);
	cr_expect(diags_has(&diags, "linux.version"));
	cr_expect(account->failed);
	cr_expect_null(device);
	done();
}

Test(linux_host, cut_anywhere)
{
	struct text t = { 0 };
	linux_state(&t, &(struct linux_state){ .pretty = true });
	for (size_t len = 1; len < t.len; len += 97) {
		cr_assert(read_text(t.s, len) < 0);
		cr_expect(account->failed);
		done();
	}
	text_finish(&t);
}

Test(linux_host, a_part_that_is_not_there)
{
	static const struct {
		const char *name;
		bool taints;
	} parts[] = {
		{ "links", true },     { "addresses", false },	    { "routes", false },
		{ "nexthops", false }, { "rules", false },	    { "neighbours", false },
		{ "bridge", true },    { "traffic_control", true }, { "xfrm", true },
		{ "sysctls", true },   { "nftables", true },	    { "iptables", true },
		{ "ebtables", true },  { "ipsets", true },	    { "conntrack", false }
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		start(&(struct linux_state){ .lacks = parts[i].name });
		cr_expect(diags_has(&diags, "linux.missing"), "%s", parts[i].name);
		cr_expect_eq(taints(NULL) > 0, parts[i].taints, "%s", parts[i].name);
		done();
		start(&(struct linux_state){ .edits = parts[i].name, .pretty = i % 2 });
		cr_expect(diags_has(&diags, "linux.digest"), "%s", parts[i].name);
		cr_expect_eq(taints(NULL) > 0, parts[i].taints, "%s", parts[i].name);
		done();
	}
}

Test(linux_host, routes_in_doubt_leave_the_source_check_open)
{
	start(&(struct linux_state){ .edits = "routes",
				     .sysctls = ",'net/ipv4/conf/lo/rp_filter':'1'" });
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	done();
	struct text t = { 0 };
	linux_state(&t, &(struct linux_state){ .edits = "routes" });
	char *at = strstr(t.s, "conf/all/rp_filter\":\"0");
	at[21] = '1';
	cr_assert_eq(read_text(t.s, t.len), 0);
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "unknown");
	text_finish(&t);
	done();
}

/* A head with something else in place of a member. */
static void start_with(const char *member, const char *instead)
{
	struct text t = { 0 }, u = { 0 };
	linux_state(&t, &(struct linux_state){ 0 });
	const char *at = strstr(t.s, member);
	cr_assert_not_null(at);
	text_putn(&u, t.s, (size_t)(at - t.s));
	text_put(&u, instead);
	text_put(&u, at + strlen(member));
	cr_assert_eq(read_text(u.s, u.len), 0, "%s", u.s);
	text_finish(&t);
	text_finish(&u);
}

Test(linux_host, problems)
{
	static const struct {
		const char *part;
		bool taints;
	} parts[] = { { "nftables", true }, { "links", true },	       { "routes", false },
		      { "host", false },    { "neighbours", false },   { "conntrack", false },
		      { "beside", true },   { "of another day", true } };
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		char s[256];
		snprintf(s, sizeof(s),
			 "\"complete\":false,\"problems\":[{\"part\":\"%s\",\"kind\":\"moved\","
			 "\"text\":\"it moved\"}]",
			 parts[i].part);
		start_with("\"complete\":true,\"problems\":[]", s);
		cr_expect(diags_has(&diags, "linux.problem"));
		cr_expect_eq(taints(NULL) > 0, parts[i].taints, "%s", parts[i].part);
		done();
	}
}

Test(linux_host, complete_says_what_problems_say)
{
	start_with("\"complete\":true", "\"complete\":false");
	cr_expect(diags_has(&diags, "linux.complete"));
	cr_expect_eq(taints(NULL), 1);
	done();
	start_with("\"ended\":\"2026-11-22T03:00:01Z\",", "");
	cr_expect(diags_has(&diags, "linux.value"));
	cr_expect_eq(taints(NULL), 1);
	done();
}

Test(linux_host, members_that_are_not_known)
{
	start_with("\"plumbline\"", "\"colour\":1,\"plumbline\"");
	cr_expect(diags_has(&diags, "linux.unknown-key"));
	cr_expect_eq(taints(NULL), 1);
	done();
	start(&(struct linux_state){
		.links = ",{'index':4,'name':'eth2','kind':'veth','flags':[],'up':true,"
			 "'master':null,'colour':'blue'}" });
	cr_expect(diags_has(&diags, "linux.unknown-key"));
	cr_expect_eq(taints(NULL), 1);
	done();
}

Test(linux_host, no_forwarding)
{
	struct linux_state s = { 0 };
	start_with("conf/eth0/forwarding\":\"1\"", "conf/eth0/forwarding\":\"0\"");
	(void)s;
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 192.0.2.1 1 10.0.0.5 80 iif=eth1 oif=eth0", "permit");
	expect("tcp 2001:db8::1 1 2001:db8:1::1 80 iif=eth0 oif=eth1", "permit");
	expect("tcp 10.0.0.5 1 10.0.0.1 22 iif=eth0 oif=self", "permit");
	done();
	start_with("ipv6/conf/all/forwarding\":\"1\"", "ipv6/conf/all/forwarding\":\"0\"");
	expect("tcp 2001:db8::1 1 2001:db8:1::1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	done();
	start_with("ipv6/conf/all/forwarding\":\"1\"",
		   "ipv6/conf/eth1/force_forwarding\":\"1\","
		   "\"net/ipv6/conf/all/forwarding\":\"0\"");
	expect("tcp 2001:db8::1 1 2001:db8:1::1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 2001:db8::1 1 2001:db8:1::1 80 iif=eth1 oif=eth0", "permit");
	done();
}

Test(linux_host, forwarding_that_is_not_told)
{
	start_with("\"net/ipv4/conf/eth0/forwarding\":\"1\",", "");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "unknown");
	done();
	start_with("\"net/ipv6/conf/all/forwarding\":\"1\",", "");
	expect("tcp 2001:db8::1 1 2001:db8:1::1 80 iif=eth0 oif=eth1", "unknown");
	done();
}

Test(linux_host, ipv6_disabled)
{
	start(&(struct linux_state){ .sysctls = ",'net/ipv6/conf/eth1/disable_ipv6':'1'" });
	expect("tcp 2001:db8::1 1 2001:db8:1::1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 2001:db8::1 1 2001:db8:1::1 80 iif=eth1 oif=eth0", "deny");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	done();
}

/* rp_filter 1 on eth0 (10.0.0.0/24), 2 on eth1 (the rest of the world). */
static void source_check(const char *routes, const char *rules)
{
	struct text t = { 0 }, u = { 0 };
	linux_state(&t, &(struct linux_state){ .routes = routes, .rules = rules });
	for (const char *s = t.s; *s; s++) {
		text_putc(&u, *s);
		if (has_suffix(u.s, "conf/eth0/rp_filter\":\""))
			text_putc(&u, '1'), s++;
		if (has_suffix(u.s, "conf/eth1/rp_filter\":\""))
			text_putc(&u, '2'), s++;
	}
	cr_assert_eq(read_text(u.s, u.len), 0);
	text_finish(&t);
	text_finish(&u);
}

Test(linux_host, source_check)
{
	source_check(NULL, NULL);
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	expect("tcp 10.0.0.1 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 10.0.0.255 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 10.0.1.0 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 9.255.255.255 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	/* loose: any interface will do, but no address of the host's own */
	expect("tcp 192.0.2.1 1 10.0.0.5 80 iif=eth1 oif=eth0", "permit");
	expect("tcp 10.0.0.6 1 10.0.0.5 80 iif=eth1 oif=eth0", "permit");
	expect("tcp 10.0.0.1 1 10.0.0.5 80 iif=eth1 oif=eth0", "deny");
	expect("tcp 2001:db8::1 1 2001:db8:1::1 80 iif=eth0 oif=eth1", "permit");
	expect("udp 0.0.0.0 68 255.255.255.255 67 iif=eth0 oif=self", "permit");
	expect("udp 0.0.0.0 68 10.0.0.1 67 iif=eth0 oif=self", "deny");
	done();
}

#define ROUTE(type, dst, more)                                                                 \
	"{'family':'ipv4','table':254,'type':'" type "','destination':'" dst "'" more "}"

/* Whether anybody behind the ports of the way may have the packet's source. */
static bool somebody(const char *line)
{
	struct packet p;
	struct point pt;
	const char *why = "";
	cr_assert(packet_parse(arena, line, strlen(line), &p, &why), "%s: %s", line, why);
	cr_assert(path_cross(arena, device, p.iif, p.oif, &pt, &why), "%s: %s", line, why);
	return !pt.present_src || match_judge(pt.present_src, &p) != TRUTH_FALSE;
}

/* Sources that no host has are denied, and nobody is missed who would send from them. */
Test(linux_host, sources_that_nobody_has)
{
	static const struct {
		const char *src;
		bool unchecked, checked;
	} rows[] = { { "10.0.0.5", true, true },    { "10.0.0.1", false, false },
		     { "10.1.0.1", false, false },  { "10.0.0.255", true, false },
		     { "0.0.0.0", false, false },   { "127.0.0.1", false, false },
		     { "224.0.0.1", false, false }, { "255.255.255.255", false, false } };
	for (int checked = 0; checked < 2; checked++) {
		if (checked)
			source_check(NULL, NULL);
		else
			start(&(struct linux_state){ 0 });
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			bool there = checked ? rows[i].checked : rows[i].unchecked;
			const char *line = arena_printf(
				arena, "tcp %s 1 192.0.2.1 80 iif=eth0 oif=eth1", rows[i].src);
			expect(line, there ? "permit" : "deny");
			cr_expect_eq(somebody(line), there, "%s", line);
		}
		done();
	}
	start(&(struct linux_state){ .sysctls = ",'net/ipv4/conf/all/accept_local':'1',"
						"'net/ipv4/conf/eth0/route_localnet':'1'" });
	expect("tcp 10.0.0.1 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	expect("tcp 127.0.0.1 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	expect("tcp 127.0.0.1 1 10.0.0.5 80 iif=eth1 oif=eth0", "deny");
	cr_expect(somebody("tcp 10.0.0.1 1 192.0.2.1 80 iif=eth0 oif=eth1"));
	done();
}

Test(linux_host, source_check_by_the_longest_prefix)
{
	source_check(ROUTE("unicast", "10.0.0.0/8", ",'link':'eth0','priority':0") "," ROUTE(
			     "unicast", "10.0.0.0/16",
			     ",'link':'eth1','priority':5") "," ROUTE("unicast", "10.0.0.0/16",
								      ",'link':'eth0','"
								      "priority':9") "," ROUTE("blackhole",
											       "10.9.0.0/16",
											       "") "," ROUTE("unicast",
													     "10.0.0.128/25",
													     ",'link':'eth0'") "," ROUTE("unicast",
																	 "10.2.0.0/16",
																	 ",'nexthops':[{'link':'eth1','weight':1},{'link':'eth0','weight':1}]"),
		     NULL);
	expect("tcp 10.0.0.127 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 10.0.0.128 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	expect("tcp 10.0.0.255 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	expect("tcp 10.0.1.0 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 10.1.0.0 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	expect("tcp 10.2.3.4 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	expect("tcp 10.9.3.4 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 10.10.0.0 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	expect("tcp 11.0.0.0 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 10.9.3.4 1 192.0.2.1 80 iif=eth1 oif=eth0", "deny");
	expect("tcp 11.0.0.0 1 192.0.2.1 80 iif=eth1 oif=eth0", "deny");
	expect("tcp 255.255.255.254 1 192.0.2.1 80 iif=eth1 oif=eth0", "deny");
	done();
}

#define RULES(own)                                                                             \
	"{'family':'ipv4','priority':0,'invert':false,'action':'table','table':255},"          \
	"{'family':'ipv4','priority':100,'invert':false," own "},"                             \
	"{'family':'ipv4','priority':32766,'invert':false,'action':'table','table':254}"

/* The packet back is looked up by the policy rules: from its destination, to its source. */
Test(linux_host, source_check_by_policy_rules)
{
	static const struct {
		const char *rules, *line, *want;
	} rows[] = {
		{ RULES("'from':'192.0.2.0/24','action':'table','table':100"),
		  "tcp 10.0.0.5 1 192.0.2.1 80", "deny" },
		{ RULES("'from':'192.0.2.0/24','action':'table','table':100"),
		  "tcp 10.0.0.5 1 192.0.3.1 80", "permit" },
		{ RULES("'from':'192.0.2.0/24','action':'table','table':101"),
		  "tcp 10.0.0.5 1 192.0.2.1 80", "permit" },
		{ RULES("'to':'10.0.0.0/29','action':'table','table':100"),
		  "tcp 10.0.0.5 1 192.0.2.1 80", "deny" },
		{ RULES("'to':'10.0.0.0/29','action':'table','table':100"),
		  "tcp 10.0.0.9 1 192.0.2.1 80", "permit" },
		{ RULES("'ip_proto':6,'dport':[1,1],'action':'table','table':100"),
		  "tcp 10.0.0.5 1 192.0.2.1 80", "deny" },
		{ RULES("'ip_proto':6,'dport':[80,80],'action':'table','table':100"),
		  "tcp 10.0.0.5 1 192.0.2.1 80", "permit" },
		{ RULES("'fwmark':5,'action':'table','table':100"),
		  "tcp 10.0.0.5 1 192.0.2.1 80", "permit" },
		{ RULES("'iif':'lo','action':'table','table':100"),
		  "tcp 10.0.0.5 1 192.0.2.1 80", "deny" },
		{ RULES("'iif':'eth0','action':'table','table':100"),
		  "tcp 10.0.0.5 1 192.0.2.1 80", "permit" },
		{ RULES("'from':'192.0.2.0/24','action':'blackhole'"),
		  "tcp 10.0.0.5 1 192.0.2.1 80", "deny" },
		{ RULES("'from':'192.0.2.0/24','action':'goto','goto':40000"),
		  "tcp 10.0.0.5 1 192.0.2.1 80", "deny" },
		{ RULES("'suppress_prefixlength':16,'action':'table','table':100"),
		  "tcp 10.0.0.5 1 192.0.2.1 80", "permit" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char line[128];
		source_check(ROUTE("unicast", "10.0.0.0/24", ",'link':'eth0'") ","
			     "{'family':'ipv4','table':100,'type':'unicast','destination':"
			     "'10.0.0.0/16','link':'eth1'}",
			     rows[i].rules);
		snprintf(line, sizeof(line), "%s iif=eth0 oif=eth1", rows[i].line);
		expect(line, rows[i].want);
		done();
	}
}

Test(linux_host, source_check_that_nobody_can_tell)
{
	/* a rule that asks what isn't known of packets may choose another table */
	source_check(
		ROUTE("unicast", "10.0.0.0/24", ",'link':'eth0'") ","
		"{'family':'ipv4','table':100,'type':'unicast','destination':'10.0.0.0/16',"
		"'link':'eth1'}",
		RULES("'tos':16,'action':'table','table':100"));
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "unknown");
	expect("tcp 10.0.1.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	done();
	source_check(ROUTE("unicast", "10.0.0.0/8", ",'link':'eth0','tos':16"), NULL);
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "unknown");
	expect("tcp 11.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	done();
	source_check(ROUTE("unicast", "10.0.0.0/8", ",'nexthop_id':7"), NULL);
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "unknown");
	done();
	source_check(ROUTE("unicast", "10.0.0.0/8", ",'link':null,'link_index':9"), NULL);
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "unknown");
	done();
}

#define LINK(i, name, kind, more)                                                              \
	",{'index':" i ",'name':'" name "','kind':" kind                                       \
	",'flags':['up','running'],'up':true,'master':null" more "}"
#define PORT_OF(i, name, master)                                                               \
	",{'index':" i ",'name':'" name                                                        \
	"','kind':'tun','flags':['up','running'],'up':true,'master':'" master "'}"

Test(linux_host, interfaces_that_are_down)
{
	start(&(struct linux_state){
		.links = ",{'index':4,'name':'eth2','kind':null,'flags':[],'up':false,'master':"
			 "null}"
			 ",{'index':5,'name':'eth3','kind':null,'flags':['up'],'up':true,"
			 "'master':null}",
		.sysctls = ",'net/ipv4/conf/eth2/forwarding':'1',"
			   "'net/ipv4/conf/eth2/rp_filter':'0',"
			   "'net/ipv4/conf/eth3/forwarding':'1',"
			   "'net/ipv4/conf/eth3/rp_filter':'0'" });
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth2", "deny");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth2 oif=eth0", "deny");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth3", "unknown");
	done();
}

static const char two_ports[] = LINK("4", "br0", "'bridge'", "") PORT_OF("5", "p1", "br0")
	PORT_OF("6", "p2", "br0") PORT_OF("7", "p3", "br0");

#define BRIDGE_PORT(name, state, isolated)                                                     \
	"{'link':'" name "','master':'br0','state':'" state "','isolated':" isolated "}"
#define BR0_SYSCTLS ",'net/ipv4/conf/br0/forwarding':'1','net/ipv4/conf/br0/rp_filter':'0'"

Test(linux_host, isolated_and_blocked_ports)
{
	start(&(struct linux_state){
		.links = two_ports,
		.sysctls = BR0_SYSCTLS,
		.bridge = "'ports':[" BRIDGE_PORT("p1", "forwarding", "true") "," BRIDGE_PORT(
			"p2", "forwarding",
			"true") "," BRIDGE_PORT("p3", "forwarding",
						"false") "],'fdb':[],'vlans':[]" });
	cr_expect_eq(device->n_taints, 0);
	cr_expect_str_eq(device_port(device, "p1")->master, "br0");
	/* whoever calls himself what the host is called is heard on the bridge, not beyond */
	cr_expect(somebody("tcp 10.0.0.1 1 10.0.0.6 80 iif=p1 oif=p3"));
	expect("tcp 10.0.0.1 1 10.0.0.6 80 iif=p1 oif=p3", "permit");
	cr_expect_not(somebody("tcp 10.0.0.1 1 192.0.2.1 80 iif=p1 oif=eth1"));
	expect("tcp 10.0.0.1 1 192.0.2.1 80 iif=p1 oif=eth1", "deny");
	expect("tcp 10.0.0.5 1 10.0.0.6 80 iif=p1 oif=p2", "deny");
	expect("tcp 10.0.0.5 1 10.0.0.6 80 iif=p1 oif=p3", "permit");
	expect("tcp 10.0.0.5 1 10.0.0.6 80 iif=p3 oif=p2", "permit");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=p1 oif=eth1", "permit");
	done();
	start(&(struct linux_state){
		.links = two_ports,
		.sysctls = BR0_SYSCTLS,
		.bridge = "'ports':[" BRIDGE_PORT("p1", "blocking", "false") "," BRIDGE_PORT(
			"p2", "forwarding", "false") "],'fdb':[],'vlans':[]" });
	expect("tcp 10.0.0.5 1 10.0.0.6 80 iif=p1 oif=p2", "deny");
	expect("tcp 10.0.0.5 1 10.0.0.6 80 iif=p2 oif=p1", "deny");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=p1 oif=eth1", "deny");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=p2 oif=eth1", "permit");
	cr_expect_eq(taints("p3"), 1); /* of which the bridge doesn't tell */
	done();
}

Test(linux_host, a_bridge_that_looks_at_vlans)
{
	start(&(struct linux_state){
		.links = LINK("4", "br0", "'bridge'", ",'bridge':{'vlan_filtering':true}")
			PORT_OF("5", "p1", "br0") PORT_OF("6", "p2", "br0")
				PORT_OF("7", "p3", "br0"),
		.sysctls = BR0_SYSCTLS,
		.bridge = "'ports':[" BRIDGE_PORT("p1", "forwarding", "false") "," BRIDGE_PORT(
			"p2", "forwarding",
			"false") "," BRIDGE_PORT("p3", "forwarding",
						 "false") "],'fdb':[],'vlans':["
							  "{'link':'p1','vlan':10,'pvid':true,'"
							  "untagged':true,'master':false},"
							  "{'link':'p2','vlan':20,'pvid':true,'"
							  "untagged':true,'master':false},"
							  "{'link':'p3','vlan':10,'pvid':true,'"
							  "untagged':true,'master':false},"
							  "{'link':'p3','vlan':20,'pvid':false,"
							  "'untagged':false,'master':false},"
							  "{'link':'br0','vlan':10,'pvid':true,"
							  "'untagged':true,'master':true}]" });
	cr_expect_eq(device->n_taints, 0);
	expect("tcp 10.0.0.5 1 10.0.0.6 80 iif=p1 oif=p2", "deny");
	expect("tcp 10.0.0.5 1 10.0.0.6 80 iif=p1 oif=p3", "permit");
	expect("tcp 10.0.0.5 1 10.0.0.6 80 iif=p2 oif=p3", "unknown");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=p1 oif=eth1", "permit");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=p2 oif=eth1", "unknown");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth1 oif=p3", "permit");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth1 oif=p2", "unknown");
	done();
}

Test(linux_host, what_stands_beside_netfilter)
{
	start(&(struct linux_state){
		.links = LINK("4", "eth2", "null", ",'xdp':'driver'")
			LINK("5", "bond0", "'bond'", "") PORT_OF("6", "eth3", "bond0")
				LINK("7", "red", "'vrf'", ",'vrf':{'table':10}")
					PORT_OF("8", "eth4", "red"),
		.traffic_control = "{'link':'eth1','kind':'clsact','filters':2},"
				   "{'link':'eth0','kind':'clsact','filters':0}",
	});
	cr_expect_eq(taints(NULL), 0);
	cr_expect_eq(taints("eth0"), 0);
	cr_expect_eq(taints("eth1"), 1);
	cr_expect_eq(taints("eth2"), 1);
	cr_expect_eq(taints("eth3"), 1);
	/* no rule that sees another interface when packets pass the hooks again */
	cr_expect_eq(taints("eth4"), 0);
	cr_expect_str_eq(device_port(device, "eth4")->segment, "red");
	done();
	start(&(struct linux_state){ .xfrm = "'policies':1,'states':0" });
	cr_expect_eq(taints(NULL), 1);
	done();
}

/* nftables: a chain that drops all but ssh; the kernel says what it says of table and chain. */

#define NFT(kernel_tables, objects)                                                            \
	"'listing':{'nftables':[{'metainfo':{'version':'1.0.6','json_schema_version':1}}"      \
	"," objects "]},'kernel':{'generation':[3,3],'tables':[" kernel_tables                 \
	"]},'differences':[]"
#define TABLE(family, flags, chains)                                                           \
	"{'family':'" family "','name':'f','handle':1,'flags':[" flags "],'chains':[" chains   \
	"],'sets':[]}"
#define CHAIN(hook, more)                                                                      \
	"{'name':'c','handle':1,'type':'filter','hook':'" hook                                 \
	"','priority':0,'policy':'drop',"                                                      \
	"'rules':1,'rule_handles':[2]" more "}"
#define SSH_ONLY(family, hook)                                                                 \
	"{'table':{'family':'" family "','name':'f','handle':1}},{'chain':{'family':'" family  \
	"','table':'f','name':'c','handle':1,'type':'filter','hook':'" hook                    \
	"','prio':0,'policy':'drop'}},{'rule':{'family':'" family "','table':'f','chain':'c'," \
	"'handle':2,'expr':[{'match':{'op':'==','left':{'payload':{'protocol':'tcp',"          \
	"'field':'dport'}},'right':22}},{'accept':null}]}}"

Test(linux_host, nftables)
{
	start(&(struct linux_state){ .nftables = NFT(TABLE("inet", "", CHAIN("forward", "")),
						     SSH_ONLY("inet", "forward")) });
	cr_expect_eq(device->n_taints, 0);
	expect("tcp 10.0.0.5 1 192.0.2.1 22 iif=eth0 oif=eth1", "permit");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 2001:db8::1 1 2001:db8:1::1 80 iif=eth0 oif=eth1", "deny");
	cr_expect_not(diags_has(&diags, "linux.ipv6-open"));
	done();
	/* the same for IPv4 alone: IPv6 is open, and that is said */
	start(&(struct linux_state){ .nftables = NFT(TABLE("ip", "", CHAIN("forward", "")),
						     SSH_ONLY("ip", "forward")) });
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 2001:db8::1 1 2001:db8:1::1 80 iif=eth0 oif=eth1", "permit");
	cr_expect(diags_has(&diags, "linux.ipv6-open"));
	done();
}

/* iptables-nft's table filter, whose second rule somebody added by nft. */
#define OWNED_RULE(handle, expr)                                                               \
	",{'rule':{'family':'ip','table':'filter','chain':'FORWARD','handle':" handle          \
	",'expr':[" expr "]}}"
#define OWNED(first, second)                                                                   \
	"'listing':{'nftables':[{'metainfo':{'version':'1.0.6','json_schema_version':1}},"     \
	"{'table':{'family':'ip','name':'filter','handle':1}},{'chain':{'family':'ip',"        \
	"'table':'filter','name':'FORWARD','handle':1,'type':'filter','hook':'forward',"       \
	"'prio':0,'policy':'drop'}}" OWNED_RULE("2", first)                                    \
		OWNED_RULE("3", second) "]},'kernel':{'generation':[3,3],'tables':[{'family':" \
					"'ip','name':'filter','handle':1,"                     \
					"'flags':[],'chains':[{'name':'FORWARD','handle':1,'"  \
					"type':'filter','hook':'forward',"                     \
					"'priority':0,'policy':'drop','rules':2,'rule_"        \
					"handles':[2,3]}],'sets':[]}]},"                       \
					"'differences':[]"
#define OWNED_TEXT(first, second)                                                              \
	"'listings':[{'family':'ipv4','backend':'nft','tables':['filter'],'text':["            \
	"'# Generated by iptables-nft-save v1.8.9 (nf_tables)','*filter',"                     \
	"':INPUT ACCEPT [0:0]',':FORWARD DROP [0:0]',':OUTPUT ACCEPT [0:0]',"                  \
	"'" first "','" second "','COMMIT','# Completed']}]"
#define PORT_99                                                                                \
	"{'match':{'op':'==','left':{'payload':{'protocol':'tcp','field':'dport'}},"           \
	"'right':99}},{'counter':{'packets':0,'bytes':0}},{'drop':null}"
#define PORT_SET                                                                               \
	"{'match':{'op':'==','left':{'payload':{'protocol':'tcp','field':'dport'}},"           \
	"'right':{'set':[22,80]}}},{'accept':null}"
#define MULTIPORT                                                                              \
	"{'match':{'op':'==','left':{'meta':{'key':'l4proto'}},'right':'tcp'}},"               \
	"{'xt':{'type':'match','name':'multiport'}},{'drop':null}"
#define TWICE                                                                                  \
	"{'match':{'op':'==','left':{'payload':{'protocol':'tcp','field':'dport'}},"           \
	"'right':{'range':[1,100]}}},{'match':{'op':'==','left':{'payload':"                   \
	"{'protocol':'tcp','field':'dport'}},'right':{'range':[50,200]}}},{'accept':null}"

Test(linux_host, rules_of_nft_in_a_table_of_iptables)
{
	static const struct {
		const char *nft, *ipt;
		bool told;
		const char *port_22, *port_443;
	} rows[] = {
		/* as iptables writes it: its own text */
		{ OWNED(PORT_99, MULTIPORT),
		  OWNED_TEXT("-A FORWARD -p tcp -m tcp --dport 99 -j DROP",
			     "-A FORWARD -p tcp -m multiport ! --dports 22 -j ACCEPT"),
		  false, "deny", "permit" },
		/* a set, which iptables-nft-save leaves out */
		{ OWNED(PORT_99, PORT_SET),
		  OWNED_TEXT("-A FORWARD -p tcp -m tcp --dport 99 -j DROP",
			     "-A FORWARD -p tcp -j ACCEPT"),
		  true, "permit", "deny" },
		/* two conditions on one field, of which it leaves out one */
		{ OWNED(PORT_99, TWICE),
		  OWNED_TEXT("-A FORWARD -p tcp -m tcp --dport 99 -j DROP",
			     "-A FORWARD -p tcp -m tcp --dport 1:100 -j ACCEPT"),
		  true, "deny", "deny" },
		/* and what only iptables can tell beside it: nobody tells all */
		{ OWNED(MULTIPORT, PORT_SET),
		  OWNED_TEXT("-A FORWARD -p tcp -m multiport --dports 99 -j DROP",
			     "-A FORWARD -p tcp -j ACCEPT"),
		  true, NULL, NULL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		start(&(struct linux_state){ .nftables = rows[i].nft,
					     .iptables = rows[i].ipt });
		cr_expect_eq(diags_has(&diags, "linux.nft-in-iptables"), rows[i].told);
		cr_expect_eq(taints(NULL), !rows[i].port_22, "row %zu: %s", i,
			     device->n_taints ? device->taints[0].why : "");
		if (rows[i].port_22) {
			expect("tcp 10.0.0.5 1 192.0.2.1 22 iif=eth0 oif=eth1",
			       rows[i].port_22);
			expect("tcp 10.0.0.5 1 192.0.2.1 443 iif=eth0 oif=eth1",
			       rows[i].port_443);
		}
		done();
	}
}

Test(linux_host, a_table_that_is_switched_off)
{
	start(&(struct linux_state){
		.nftables = NFT(TABLE("inet", "'dormant'", CHAIN("forward", "")),
				SSH_ONLY("inet", "forward")) });
	cr_expect_eq(device->n_taints, 0);
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	done();
}

Test(linux_host, a_chain_on_a_device)
{
	start(&(struct linux_state){
		.nftables = NFT(TABLE("netdev", "", CHAIN("ingress", ",'devices':['eth0']")),
				SSH_ONLY("netdev", "ingress")) });
	cr_expect_eq(device->n_taints, 0);
	cr_expect_eq(account->count[ACCOUNT_BOUNDED], 0);
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 10.0.0.5 1 192.0.2.1 22 iif=eth0 oif=eth1", "permit");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth1 oif=eth0", "permit");
	done();
	/* what lies on top of the device may pass it first */
	start(&(struct linux_state){
		.links = LINK("4", "eth0.5", "'vlan'",
			      ",'parent':'eth0','parent_namespace':null,"
			      "'vlan':{'id':5,'protocol':'802.1Q'}"),
		.sysctls = ",'net/ipv4/conf/eth0.5/forwarding':'1',"
			   "'net/ipv4/conf/eth0.5/rp_filter':'0'",
		.nftables = NFT(TABLE("netdev", "", CHAIN("ingress", ",'devices':['eth0']")),
				SSH_ONLY("netdev", "ingress")) });
	cr_expect_eq(device_port(device, "eth0.5")->vlan, 5);
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "deny");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0.5 oif=eth1", "unknown");
	done();
	/* its device is gone */
	start(&(struct linux_state){
		.nftables = NFT(TABLE("netdev", "", CHAIN("ingress", ",'devices':[]")),
				SSH_ONLY("netdev", "ingress")) });
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	done();
}

Test(linux_host, a_table_that_the_kernel_has_not)
{
	start(&(struct linux_state){ .nftables = NFT("", SSH_ONLY("inet", "forward")) });
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "unknown");
	done();
	start(&(struct linux_state){
		.nftables = "'kernel':{'generation':[3,3],'tables':[" TABLE(
			"inet", "", CHAIN("forward", "")) "]},'differences':[]" });
	cr_expect_eq(taints(NULL), 1);
	done();
	start(&(struct linux_state){ .nftables = "'kernel':{'generation':[3,4],'tables':[]},"
						 "'differences':['generation 3, then 4']" });
	cr_expect(diags_has(&diags, "linux.differs"));
	cr_expect_eq(taints(NULL), 1);
	done();
}

static const char three_ports[] =
	"'ports':[" BRIDGE_PORT("p1", "forwarding", "false") "," BRIDGE_PORT(
		"p2", "forwarding", "false") "," BRIDGE_PORT("p3", "forwarding",
							     "false") "],'fdb':[],'vlans':[]";

Test(linux_host, rules_on_bridged_frames)
{
	start(&(struct linux_state){ .links = two_ports,
				     .bridge = three_ports,
				     .sysctls = BR0_SYSCTLS,
				     .nftables = NFT(TABLE("bridge", "", CHAIN("forward", "")),
						     SSH_ONLY("bridge", "forward")) });
	cr_expect_eq(device->n_taints, 0);
	expect("tcp 10.0.0.5 1 10.0.0.6 80 iif=p1 oif=p2", "deny");
	expect("tcp 10.0.0.5 1 10.0.0.6 22 iif=p1 oif=p2", "permit");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=p1 oif=eth1", "permit");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=eth0 oif=eth1", "permit");
	done();
	start(&(struct linux_state){ .links = two_ports,
				     .bridge = three_ports,
				     .sysctls = BR0_SYSCTLS,
				     .nftables = NFT(TABLE("bridge", "", CHAIN("input", "")),
						     SSH_ONLY("bridge", "input")) });
	expect("tcp 10.0.0.5 1 10.0.0.6 80 iif=p1 oif=p2", "permit");
	expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=p1 oif=eth1", "deny");
	done();
}

Test(linux_host, ip_rules_on_bridged_frames)
{
	static const struct {
		const char *sysctls, *v4, *v6;
	} rows[] = {
		{ BR0_SYSCTLS, "permit", "permit" }, /* no br_netfilter at all */
		{ BR0_SYSCTLS ",'net/bridge/bridge-nf-call-iptables':'1',"
			      "'net/bridge/bridge-nf-call-ip6tables':'0'",
		  "deny", "permit" },
		{ BR0_SYSCTLS ",'net/bridge/bridge-nf-call-iptables':'0',"
			      "'net/bridge/bridge-nf-call-ip6tables':'1'",
		  "permit", "deny" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		start(&(struct linux_state){
			.links = two_ports,
			.bridge = three_ports,
			.sysctls = rows[i].sysctls,
			.nftables = NFT(TABLE("inet", "", CHAIN("forward", "")),
					SSH_ONLY("inet", "forward")) });
		expect("tcp 10.0.0.5 1 10.0.0.6 80 iif=p1 oif=p2", rows[i].v4);
		expect("tcp 2001:db8::1 1 2001:db8::2 80 iif=p1 oif=p2", rows[i].v6);
		expect("tcp 10.0.0.5 1 10.0.0.6 22 iif=p1 oif=p2", "permit");
		expect("tcp 10.0.0.5 1 192.0.2.1 80 iif=p1 oif=eth1", "deny");
		done();
	}
	/* by the bridge's own option */
	start(&(struct linux_state){
		.links = LINK("4", "br0", "'bridge'", ",'bridge':{'nf_call_iptables':true}")
			PORT_OF("5", "p1", "br0") PORT_OF("6", "p2", "br0")
				PORT_OF("7", "p3", "br0"),
		.bridge = three_ports,
		.sysctls = rows[2].sysctls,
		.nftables = NFT(TABLE("inet", "", CHAIN("forward", "")),
				SSH_ONLY("inet", "forward")) });
	expect("tcp 10.0.0.5 1 10.0.0.6 80 iif=p1 oif=p2", "deny");
	done();
}

Test(linux_host, ebtables_of_old)
{
	start(&(struct linux_state){
		.ebtables =
			"'listings':[{'family':'bridge','backend':'legacy','tables':['filter'],"
			"'text':['*filter',':INPUT ACCEPT',':FORWARD ACCEPT','']}]" });
	cr_expect_eq(device->n_taints, 0);
	done();
	start(&(struct linux_state){
		.ebtables =
			"'listings':[{'family':'bridge','backend':'legacy','tables':['filter'],"
			"'text':['*filter',':INPUT ACCEPT',':FORWARD DROP','-A FORWARD -j "
			"ACCEPT']}]" });
	cr_expect_eq(taints(NULL), 2);
	done();
}

Test(linux_host, namespaces_beside)
{
	static const struct {
		const char *forwards, *linked;
		bool missing;
	} rows[] = { { "true", "true", true },
		     { "null", "null", true },
		     { "false", "true", false },
		     { "true", "false", false } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char s[256];
		snprintf(s, sizeof(s),
			 "\"beside\":[{\"id\":\"net:[7]\",\"names\":[\"blue\"],\"pids\":[],"
			 "\"forwards\":%s,\"linked\":%s}]",
			 rows[i].forwards, rows[i].linked);
		start_with("\"beside\":[]", s);
		cr_expect_eq(device->n_taints, 0);
		snapshot_namespaces(snap, &diags);
		cr_expect_eq(diags_has(&diags, "linux.namespace-missing"), rows[i].missing);
		cr_expect_eq(device->n_taints, rows[i].missing ? 1 : 0);
		done();
	}
}

Test(linux_host, probe)
{
	static const char *const yes[] = { "{\n \"linux_state\": 1,\n", "{\"linux_state\":1}" };
	static const char *const no[] = { "{\"nftables\":[]}", "linux_state", "{", "" };
	for (size_t i = 0; i < 2; i++)
		cr_expect_eq(collector_linux.probe(yes[i], strlen(yes[i]), "x"), 100);
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(collector_linux.probe(no[i], strlen(no[i]), "x"), 0);
}
