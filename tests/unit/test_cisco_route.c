/* SPDX-License-Identifier: Apache-2.0 */
/* How ASA and IOS route: tables, policy routing, what isn't known of either. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "collectors/cisco_route.h"
#include "tests/unit/cisco_world.h"

static struct world read_ios(const char *text)
{
	return config_good(&collector_ios, text);
}

static struct world read_asa(const char *text)
{
	return config_good(&collector_asa, text);
}

static const struct route *route(const struct world *w, size_t i)
{
	cr_assert_gt(w->dev->n_routes, i);
	return &w->dev->routes[i];
}

/* The route rules that hold for the packet, in order, each by a letter: t a look-up, v a next
 * hop, d dropped, u not known; behind one that may hold, "?"; a table's or port's name. */
static void rules(const struct world *w, const char *in, const char *line, struct text *t)
{
	struct packet p = packet(w, line);

	text_clear(t);
	for (size_t i = 0; i < w->dev->n_route_rules; i++) {
		const struct route_rule *r = &w->dev->route_rules[i];
		enum truth holds = r->match ? match_judge(r->match, &p) : TRUTH_TRUE;

		if ((r->in && strcmp(r->in, in)) || holds == TRUTH_FALSE)
			continue;
		text_putf(t, "%s%c%s", t->len ? " " : "", "tvdu"[r->kind],
			  holds == TRUTH_UNKNOWN ? "?" : "");
		if (r->kind == ROUTE_LOOKUP)
			text_putf(t, "%s%s%s", r->table ? ":" : "", r->table ? r->table : "",
				  r->suppress == 0 ? "/0" : "");
		if (r->kind == ROUTE_VIA) {
			text_putf(t, ":%s", r->port ? r->port : "-");
			if (r->has_via) {
				text_putc(t, ':');
				addr_print(t, p.family, r->via);
			}
		}
		if (holds == TRUTH_TRUE && !r->falls)
			break;
	}
	if (!t->len)
		text_put(t, "-");
}

#define RULES(w, in, line, want)                                                               \
	do {                                                                                   \
		struct text t_ = { 0 };                                                        \
		rules(&(w), in, line, &t_);                                                    \
		cr_expect_str_eq(t_.s, want, "%s: %s", in, line);                              \
		text_finish(&t_);                                                              \
	} while (0)

Test(cisco_route, ios_forms_of_a_route)
{
	struct world w =
		read_ios("version 15.2\n"
			 "interface GigabitEthernet0/0\n"
			 " ip address 192.0.2.1 255.255.255.0\n"
			 "interface GigabitEthernet0/1\n"
			 " ip address 198.51.100.1 255.255.255.0\n"
			 "interface GigabitEthernet0/2\n"
			 " ip address 203.0.113.1 255.255.255.0\n"
			 " shutdown\n"
			 "ip route 10.0.0.0 255.0.0.0 192.0.2.9\n"
			 "ip route 10.1.0.0 255.255.0.0 Gi0/1\n"
			 "ip route 10.2.0.0 255.255.0.0 Gi 0/1 198.51.100.9 200 name x\n"
			 "ip route 10.3.0.0 255.255.0.0 Null 0 tag 7\n"
			 "ip route 10.4.0.0 255.255.0.0 203.0.113.9 permanent\n"
			 "ip route 10.5.0.0 255.255.0.0 Gi0/2 203.0.113.9\n"
			 "ip route 10.6.0.0 255.255.0.0 Gi0/9 203.0.113.9\n"
			 "ip route 10.7.0.0 255.255.0.0 192.0.2.9 track 3\n"
			 "end\n");

	cr_expect_eq(w.dev->routing, ROUTING_WHOLE);
	cr_expect(w.dev->connected);
	cr_assert_eq(w.dev->n_routes, 7, "not that by the port which is shut down");
	cr_expect_null(route(&w, 0)->port);
	cr_expect_eq(route(&w, 0)->via.lo, 0xc0000209);
	cr_expect_eq(route(&w, 0)->metric, 1);
	cr_expect_str_eq(route(&w, 1)->port, "GigabitEthernet0/1");
	cr_expect_not(route(&w, 1)->has_via);
	cr_expect_str_eq(route(&w, 2)->port, "GigabitEthernet0/1");
	cr_expect(route(&w, 2)->has_via);
	cr_expect_eq(route(&w, 2)->metric, 200);
	cr_expect(route(&w, 3)->drop);
	cr_expect_eq(route(&w, 3)->metric, 1, "a tag is no distance");
	cr_expect(route(&w, 4)->has_via);
	cr_expect(route(&w, 5)->odd, "a port that isn't there");
	cr_expect(route(&w, 6)->odd, "a track");
	cr_expect_eq(w.dev->n_route_rules, 0);
	cr_expect_eq(bounded(&w), 1);
	done(&w);
}

Test(cisco_route, ios_next_hops_of_other_tables)
{
	struct world w = read_ios("version 15.2\n"
				  "interface GigabitEthernet0/0\n"
				  " ip address 192.0.2.1 255.255.255.0\n"
				  "interface GigabitEthernet0/1\n"
				  " vrf forwarding RED\n"
				  " ip address 198.51.100.1 255.255.255.0\n"
				  "ip route vrf RED 0.0.0.0 0.0.0.0 192.0.2.9 global\n"
				  "ip route 10.0.0.0 255.0.0.0 Gi0/1 198.51.100.9\n"
				  "ip route vrf RED 10.9.0.0 255.255.0.0 172.16.0.1 global\n"
				  "end\n");

	cr_assert_eq(w.dev->n_routes, 3);
	cr_expect_str_eq(route(&w, 0)->segment, "RED");
	cr_expect_str_eq(route(&w, 0)->port, "GigabitEthernet0/0");
	cr_expect_null(route(&w, 0)->odd);
	cr_expect_null(route(&w, 1)->segment);
	cr_expect_str_eq(route(&w, 1)->port, "GigabitEthernet0/1");
	cr_expect(route(&w, 2)->odd);
	done(&w);
}

Test(cisco_route, nxos_and_eos_tables)
{
	struct world w = read_ios("!Command: show running-config\n"
				  "version 9.3(5)\n"
				  "feature interface-vlan\n"
				  "vrf context BLUE\n"
				  "  ip route 10.0.0.0/8 192.0.2.9 name up 50\n"
				  "  ip route 10.1.0.0/16 198.51.100.9 vrf default\n"
				  "interface Ethernet1/1\n"
				  "  no switchport\n"
				  "  vrf member BLUE\n"
				  "  ip address 192.0.2.1/24\n"
				  "  no shutdown\n"
				  "interface Ethernet1/2\n"
				  "  no switchport\n"
				  "  ip address 198.51.100.1/24\n"
				  "  no shutdown\n");

	cr_expect_eq(w.dev->routing, ROUTING_WHOLE);
	cr_assert_eq(w.dev->n_routes, 2);
	cr_expect_str_eq(route(&w, 0)->segment, "BLUE");
	cr_expect_eq(route(&w, 0)->metric, 50);
	cr_expect_str_eq(route(&w, 1)->port, "Ethernet1/2");
	cr_expect_eq(w.dev->n_route_rules, 0);
	done(&w);

	w = read_ios("! device: leaf1 (DCS-7050, EOS-4.24.0F)\n"
		     "hostname leaf1\n"
		     "vrf instance BLUE\n"
		     "interface Ethernet1\n"
		     "   no switchport\n"
		     "   vrf BLUE\n"
		     "   ip address 192.0.2.1/24\n"
		     "interface Ethernet2\n"
		     "   no switchport\n"
		     "   ip address 198.51.100.1/24\n"
		     "ip route vrf BLUE 10.0.0.0/8 egress-vrf default 198.51.100.9\n"
		     "ip route vrf BLUE 10.1.0.0/16 Ethernet1 192.0.2.9 150 tag 3\n");
	cr_assert_eq(w.dev->n_routes, 2);
	cr_expect_str_eq(route(&w, 0)->port, "Ethernet2");
	cr_expect_eq(route(&w, 1)->metric, 150);
	RULES(w, "Ethernet1", "tcp 192.0.2.7 1 198.51.100.7 2", "u");
	done(&w);
}

Test(cisco_route, what_else_makes_routes)
{
	static const struct {
		const char *text;
		enum routing routing;
	} asks[] = {
		{ "", ROUTING_WHOLE },
		{ "router ospf 1\n network 10.0.0.0 0.255.255.255 area 0\n", ROUTING_PART },
		{ "router bgp 65000\n", ROUTING_PART },
		{ "router pim\n", ROUTING_WHOLE },
		{ "ipv6 router ospf 1\n", ROUTING_PART },
		{ "interface Ethernet7\n ip address dhcp\n", ROUTING_PART },
		{ "interface Tunnel7\n ip nhrp network-id 1\n", ROUTING_PART },
		{ "ip default-network 10.0.0.0\n", ROUTING_PART },
	};

	for (size_t i = 0; i < sizeof(asks) / sizeof(*asks); i++) {
		struct text t = { 0 };
		struct world w;

		text_putf(&t,
			  "version 12.4\ninterface Ethernet0\n ip address 10.0.0.1 "
			  "255.255.255.0\n%s",
			  asks[i].text);
		w = read_ios(t.s);
		cr_expect_eq(w.dev->routing, asks[i].routing, "%s", asks[i].text);
		cr_expect_eq(w.dev->routing == ROUTING_PART, w.dev->routing_why != NULL);
		done(&w);
		text_finish(&t);
	}
	struct world w = read_ios("interface Ethernet0\n ip address 10.0.0.1 255.255.255.0\n");
	cr_expect_eq(w.dev->routing, ROUTING_PART, "a fragment, for all we know");
	done(&w);
	w = read_ios("access-list 1 permit any\nend\n");
	cr_expect_eq(w.dev->routing, ROUTING_NONE);
	done(&w);
}

Test(cisco_route, ios_that_does_not_route)
{
	static const char two[] = "version 15.0\ninterface Vlan10\n ip address 10.0.10.1 "
				  "255.255.255.0\ninterface Vlan20\n ip address 10.0.20.1 "
				  "255.255.255.0\ninterface FastEthernet0/1\n switchport mode "
				  "access\n switchport access vlan 10\n";
	static const struct {
		const char *text, *want;
	} asks[] = {
		{ "ip routing\n", "-" },
		{ "no ip routing\nip default-gateway 10.0.10.9\n", "d" },
		{ "", "u" },
		{ "ip route 0.0.0.0 0.0.0.0 10.0.10.9\n", "-" },
	};

	for (size_t i = 0; i < sizeof(asks) / sizeof(*asks); i++) {
		struct text t = { 0 };
		struct world w;

		text_putf(&t, "%s%s", two, asks[i].text);
		w = read_ios(t.s);
		RULES(w, "Vlan10", "tcp 10.0.10.7 1 10.0.20.7 2", asks[i].want);
		done(&w);
		text_finish(&t);
	}
}

Test(cisco_route, ios_ipv6_is_off_until_it_is_on)
{
	struct world w = read_ios("version 15.2\ninterface Ethernet0\n ipv6 address "
				  "2001:db8::1/64\nend\n");

	RULES(w, "Ethernet0", "tcp 2001:db8::2 1 2001:db8:1::1 2", "d");
	RULES(w, "Ethernet0", "tcp 10.0.0.2 1 10.1.0.1 2", "t");
	done(&w);
	w = read_ios("version 15.2\nipv6 unicast-routing\ninterface Ethernet0\n ipv6 address "
		     "2001:db8::1/64\nend\n");
	cr_expect_eq(w.dev->n_route_rules, 0);
	done(&w);
}

Test(cisco_route, ios_ports)
{
	struct world w = read_ios("version 15.2\n"
				  "interface Loopback0\n ip address 10.9.9.9 255.255.255.255\n"
				  "interface GigabitEthernet0/0\n shutdown\n"
				  "interface GigabitEthernet0/0.10\n encapsulation dot1Q 10\n"
				  " ip address 10.0.10.1 255.255.255.0\n"
				  "interface GigabitEthernet0/1\n"
				  " ip address 192.0.2.1 255.255.255.254\n"
				  " vrrp 3 ip 192.0.2.0\n glbp 4 ip 192.0.2.1\n"
				  "interface Tunnel1\n ip address 172.16.0.1 255.255.255.252\n"
				  " tunnel source GigabitEthernet0/1\n"
				  " tunnel destination 203.0.113.5\n"
				  "interface Tunnel2\n ip address 172.16.1.1 255.255.255.252\n"
				  " tunnel source Loopback0\n tunnel mode gre multipoint\n"
				  "end\n");

	cr_expect(device_port(w.dev, "Loopback0")->alone);
	cr_expect_not(device_port(w.dev, "GigabitEthernet0/0.10")->up, "its port is shut down");
	cr_expect_eq(device_port(w.dev, "GigabitEthernet0/1")->n_shared, 2);
	cr_expect_eq(device_port(w.dev, "GigabitEthernet0/1")->n_prefixes, 1);
	cr_expect_str_eq(device_port(w.dev, "Tunnel1")->wire, "tunnel 192.0.2.1 203.0.113.5");
	cr_expect(strstr(device_port(w.dev, "Tunnel2")->wire, "Tunnel2"));
	done(&w);
}

static const char policy[] =
	"version 15.2\n"
	"interface GigabitEthernet0/0\n ip address 10.0.0.1 255.255.255.0\n"
	" ip policy route-map PBR\n"
	"interface GigabitEthernet0/1\n ip address 192.0.2.1 255.255.255.0\n"
	"interface GigabitEthernet0/2\n vrf forwarding RED\n"
	" ip address 198.51.100.1 255.255.255.0\n"
	"interface Serial0/0\n ip address 172.16.0.1 255.255.255.252\n"
	"ip access-list extended WEB\n deny tcp host 10.0.0.9 any eq 80\n permit tcp any any "
	"eq 80\n"
	"ip access-list extended MAIL\n permit tcp any any eq 25\n"
	"ip access-list extended DNS\n permit udp any any eq 53\n"
	"ip access-list extended SSH\n permit tcp any any eq 22\n"
	"ip access-list extended TELNET\n permit tcp any any eq 23\n"
	"ip access-list extended NTP\n permit udp any any eq 123\n"
	"ip access-list extended FTP\n permit tcp any any eq 21\n"
	"route-map PBR permit 20\n match ip address MAIL DNS\n set interface Serial0/0\n"
	"route-map PBR permit 10\n match ip address WEB\n"
	" set ip next-hop 192.0.2.9 192.0.2.8\n"
	"route-map PBR deny 30\n match ip address SSH\n"
	"route-map PBR permit 40\n match ip address TELNET\n"
	" set ip default next-hop 192.0.2.7\n"
	"route-map PBR permit 50\n match ip address NTP\n set vrf RED\n"
	"route-map PBR permit 60\n match ip address FTP\n"
	" set ip next-hop verify-availability 192.0.2.9 1 track 4\n"
	"route-map PBR permit 70\n match length 1000 1500\n set interface Null0\n"
	"end\n";

Test(cisco_route, ios_policy_routing)
{
	struct world w = read_ios(policy);
	static const char in[] = "GigabitEthernet0/0";

	RULES(w, in, "tcp 10.0.0.5 1 8.8.8.8 80", "v:GigabitEthernet0/1:192.0.2.9");
	RULES(w, in, "tcp 10.0.0.9 1 8.8.8.8 80", "d? t");
	RULES(w, in, "tcp 10.0.0.5 1 8.8.8.8 25", "v:Serial0/0");
	RULES(w, in, "udp 10.0.0.5 1 8.8.8.8 53", "v:Serial0/0");
	RULES(w, in, "tcp 10.0.0.5 1 8.8.8.8 22", "t");
	RULES(w, in, "tcp 10.0.0.5 1 8.8.8.8 23", "t/0 v:GigabitEthernet0/1:192.0.2.7");
	RULES(w, in, "udp 10.0.0.5 1 8.8.8.8 123", "t:RED");
	RULES(w, in, "tcp 10.0.0.5 1 8.8.8.8 21", "u");
	RULES(w, in, "tcp 10.0.0.5 1 8.8.8.8 443", "d? t");
	RULES(w, "GigabitEthernet0/1", "tcp 10.0.0.5 1 8.8.8.8 80", "t");
	RULES(w, "GigabitEthernet0/2", "tcp 10.0.0.5 1 8.8.8.8 80", "t:RED");
	RULES(w, "", "tcp 10.0.0.5 1 8.8.8.8 80", "t");
	done(&w);

	w = read_ios("version 15.2\ninterface Ethernet0\n ip address 10.0.0.1 255.255.255.0\n"
		     " ip policy route-map NONE\nend\n");
	RULES(w, "Ethernet0", "tcp 10.0.0.5 1 8.8.8.8 80", "u");
	cr_expect(diags_has(&w.diags, "ios.route-map-missing"));
	done(&w);
}

static const struct ruleset *hook(const struct world *w, const char *port, int order)
{
	for (size_t i = 0; i < w->dev->n_hooks; i++)
		if (w->dev->hooks[i].kind == HOOK_IN && w->dev->hooks[i].order == order &&
		    !strcmp(w->dev->hooks[i].port, port))
			return w->dev->hooks[i].ruleset;
	return NULL;
}

static char ask(const struct world *w, const struct ruleset *rs, const char *line)
{
	struct packet p = packet(w, line);

	struct interp_answer a = interp(rs, &p);

	return a.sure ? 'P' : a.maybe ? 'U' : 'D';
}

Test(cisco_route, ios_reverse_paths)
{
	static const char text[] =
		"version 15.2\n%s"
		"interface GigabitEthernet0/0\n ip address 10.0.0.1 255.255.255.0\n"
		" ip verify unicast source reachable-via %s\n"
		"interface GigabitEthernet0/1\n ip address 192.0.2.1 255.255.255.0\n"
		"ip route 10.1.0.0 255.255.0.0 10.0.0.9\n"
		"ip route 10.1.7.0 255.255.255.0 192.0.2.9\n"
		"ip route 0.0.0.0 0.0.0.0 10.0.0.8\n"
		"access-list 7 permit 8.8.8.8\nend\n";
	static const struct {
		const char *first, *how, *source;
		char want;
	} asks[] = {
		{ "", "rx", "10.0.0.5", 'P' },
		{ "", "rx", "10.1.1.1", 'P' },
		{ "", "rx", "10.1.7.1", 'D' },
		{ "", "rx", "192.0.2.5", 'D' },
		{ "", "rx", "8.8.8.8", 'D' },
		{ "", "rx allow-default", "8.8.8.8", 'P' },
		{ "", "rx 7", "8.8.8.8", 'P' },
		{ "", "any", "192.0.2.5", 'P' },
		{ "", "any", "8.8.8.8", 'D' },
		{ "router rip\n", "rx", "10.0.0.5", 'P' },
		{ "router rip\n", "rx", "10.1.1.1", 'U' },
	};

	for (size_t i = 0; i < sizeof(asks) / sizeof(*asks); i++) {
		struct text t = { 0 };
		char line[100];
		struct world w;
		const struct ruleset *rs;

		text_putf(&t, text, asks[i].first, asks[i].how);
		w = read_ios(t.s);
		rs = hook(&w, "GigabitEthernet0/0", 20);
		cr_assert(rs);
		cr_expect(rs->incidental);
		snprintf(line, sizeof(line), "tcp %s 1 10.99.0.1 2", asks[i].source);
		cr_expect_eq(ask(&w, rs, line), asks[i].want, "%s%s %s", asks[i].first,
			     asks[i].how, asks[i].source);
		done(&w);
		text_finish(&t);
	}
}

#define ASA                                                                                    \
	"ASA Version 9.8(2)\n"                                                                 \
	"interface GigabitEthernet0/0\n nameif outside\n security-level 0\n"                   \
	" ip address 198.51.100.2 255.255.255.0 standby 198.51.100.3\n"                        \
	"interface GigabitEthernet0/1\n nameif inside\n security-level 100\n"                  \
	" ip address 10.0.0.1 255.255.255.0\n"                                                 \
	"interface GigabitEthernet0/2\n nameif backup\n security-level 0\n"                    \
	" ip address 203.0.113.2 255.255.255.0\n"                                              \
	"interface Management0/0\n management-only\n nameif mgmt\n security-level 100\n"       \
	" ip address 192.168.1.1 255.255.255.0\n"

Test(cisco_route, asa_tables)
{
	struct world w = read_asa(ASA "route outside 0.0.0.0 0.0.0.0 198.51.100.1 1 track 1\n"
				      "route backup 0.0.0.0 0.0.0.0 203.0.113.1 254\n"
				      "route mgmt 0.0.0.0 0.0.0.0 192.168.1.254\n");

	cr_expect_eq(w.dev->routing, ROUTING_WHOLE);
	cr_assert_eq(w.dev->n_routes, 3);
	cr_expect(route(&w, 0)->odd);
	cr_expect_eq(route(&w, 1)->metric, 254);
	cr_expect_null(route(&w, 1)->odd);
	cr_expect_str_eq(route(&w, 2)->segment, device_port(w.dev, "mgmt")->segment);
	cr_expect_null(device_port(w.dev, "outside")->segment);
	cr_assert_eq(device_port(w.dev, "outside")->n_shared, 1);
	cr_expect_eq(device_port(w.dev, "outside")->shared[0].lo, 0xc6336403);
	done(&w);

	w = read_asa(ASA "router ospf 1\n network 10.0.0.0 255.0.0.0 area 0\n");
	cr_expect_eq(w.dev->routing, ROUTING_PART);
	cr_expect_str_eq(w.dev->routing_why, "router ospf 1");
	done(&w);

	w = read_asa(ASA "interface GigabitEthernet0/3\n nameif isp\n security-level 0\n"
			 " ip address dhcp setroute\n");
	cr_expect_eq(w.dev->routing, ROUTING_PART);
	cr_assert_eq(w.dev->n_routes, 1);
	cr_expect(route(&w, 0)->odd);
	done(&w);

	w = read_asa("ASA Version 9.8(2)\nfirewall transparent\n"
		     "interface GigabitEthernet0/0\n nameif outside\n bridge-group 1\n"
		     "interface BVI1\n ip address 10.0.0.1 255.255.255.0\n");
	cr_expect_eq(w.dev->routing, ROUTING_NONE);
	done(&w);
}

Test(cisco_route, asa_policy_routing)
{
	struct world w =
		read_asa(ASA "access-list WEB extended permit tcp any any eq 80\n"
			     "access-list ALL extended permit ip any any\n"
			     "route-map PBR permit 10\n match ip address WEB\n"
			     " set ip next-hop 203.0.113.1\n"
			     "route-map PBR permit 20\n match ip address ALL\n"
			     " set ip next-hop verify-availability 203.0.113.1 1 track 1\n"
			     "interface GigabitEthernet0/1\n policy-route route-map PBR\n");

	RULES(w, "inside", "tcp 10.0.0.5 1 8.8.8.8 80", "v:backup:203.0.113.1");
	RULES(w, "inside", "tcp 10.0.0.5 1 8.8.8.8 81", "u");
	RULES(w, "outside", "tcp 10.0.0.5 1 8.8.8.8 80", "t");
	RULES(w, "mgmt", "tcp 10.0.0.5 1 8.8.8.8 80", "t:management-only");
	cr_expect_eq(w.dev->n_taints, 0);
	done(&w);
}

Test(cisco_route, asa_reverse_paths)
{
	struct world w = read_asa(ASA "route outside 0.0.0.0 0.0.0.0 198.51.100.1\n"
				      "route inside 10.1.0.0 255.255.0.0 10.0.0.9\n"
				      "ip verify reverse-path interface inside\n"
				      "ip verify reverse-path interface outside\n");
	const struct ruleset *in = hook(&w, "inside", -300), *out = hook(&w, "outside", -300);

	cr_assert(in && out);
	cr_expect_eq(ask(&w, in, "tcp 10.0.0.5 1 8.8.8.8 80"), 'P');
	cr_expect_eq(ask(&w, in, "tcp 10.1.0.5 1 8.8.8.8 80"), 'P');
	cr_expect_eq(ask(&w, in, "tcp 8.8.8.8 1 10.0.0.5 80"), 'D');
	cr_expect_eq(ask(&w, out, "tcp 8.8.8.8 1 10.0.0.5 80"), 'P');
	cr_expect_eq(ask(&w, out, "tcp 10.0.0.7 1 10.0.0.5 80"), 'D');
	cr_expect_eq(ask(&w, out, "tcp 192.168.1.7 1 10.0.0.5 80"), 'P', "of another table");
	cr_expect_eq(bounded(&w), 0);
	done(&w);
}

Test(cisco_route, a_list_as_a_condition)
{
	struct arena *a = arena_create();
	struct matches m;

	matches_init(&m, a);
	struct rule v[200];
	for (size_t i = 0; i < 200; i++)
		v[i] = (struct rule){ .match = match_value(&m, FIELD_DPORT, (unsigned)i + 1),
				      .verdict = i % 2 ? VERDICT_DENY : VERDICT_PERMIT };
	v[3] = (struct rule){ .match = match_all(&m), .verdict = VERDICT_DENY };
	v[0].flags = RULE_INACTIVE;
	const struct match *x = rules_permit(&m, v, 100);
	struct packet p = { .proto = PROTO_TCP, .dport = 3 };

	cr_expect_eq(match_judge(rules_permit(&m, v, 4), &p), TRUTH_TRUE);
	p.dport = 1;
	cr_expect_eq(match_judge(rules_permit(&m, v, 4), &p), TRUTH_FALSE);
	p.dport = 5;
	cr_expect_eq(match_judge(rules_permit(&m, v, 60), &p), TRUTH_FALSE);
	cr_expect(x->inexact, "too many turns");
	v[1].verdict = VERDICT_UNKNOWN;
	p.dport = 2;
	cr_expect_eq(match_judge(rules_permit(&m, v, 4), &p), TRUTH_UNKNOWN);
	p.dport = 3;
	cr_expect_eq(match_judge(rules_permit(&m, v, 4), &p), TRUTH_TRUE);
	matches_finish(&m);
	arena_destroy(a);
}

Test(cisco_route, asa_by_the_address_of_another_port)
{
	struct world w = read_asa(ASA "management-access inside\n");
	const struct ruleset *rs = device_ruleset(w.dev, "to the firewall");

	cr_assert(rs);
	cr_expect_eq(ask(&w, rs, "tcp 10.0.0.5 1 198.51.100.2 443 iif=inside"), 'D');
	cr_expect_eq(ask(&w, rs, "tcp 8.8.8.8 1 198.51.100.2 443 iif=outside"), 'U');
	cr_expect_eq(ask(&w, rs, "tcp 8.8.8.8 1 10.0.0.1 443 iif=outside"), 'U');
	cr_expect_eq(ask(&w, rs, "tcp 8.8.8.8 1 203.0.113.2 443 iif=outside"), 'D');
	done(&w);
}
