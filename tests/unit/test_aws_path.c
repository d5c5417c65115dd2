/* SPDX-License-Identifier: Apache-2.0 */
/* Where a VPC sends packets: tables, gateways, public addresses, transit gateways, balancers.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/aws_world.h"

static void gateways(struct world *w)
{
	add_all(w);
	add_loaded(w, "gateways.json");
	run(w);
	cr_assert_eq(w->err, 0);
}

static struct addr v4(const char *s)
{
	enum family f;
	struct addr a;
	cr_assert(addr_parse(s, strlen(s), &f, &a));
	return a;
}

/* The route of that destination in the table, and how many there are. */
static const struct route *route(const struct device *d, const char *table, const char *dst,
				 size_t *ret_n)
{
	enum family f;
	struct addr a;
	unsigned len;
	bool bits;
	const struct route *found = NULL;
	size_t n = 0;
	cr_assert(prefix_parse(dst, strlen(dst), &f, &a, &len, &bits));
	for (size_t i = 0; i < d->n_routes; i++) {
		const struct route *r = &d->routes[i];
		if (strcmp(r->segment ? r->segment : "", table) || r->dst.family != f ||
		    r->dst.len != len || !addr_equal(r->dst.addr, a))
			continue;
		found = r;
		n++;
	}
	if (ret_n)
		*ret_n = n;
	return found;
}

/* The first rule for what comes in by the port, from behind what `skip` rules there are. */
static const struct route_rule *rule(const struct device *d, const char *in, size_t skip)
{
	for (size_t i = 0; i < d->n_route_rules; i++)
		if (d->route_rules[i].in && !strcmp(d->route_rules[i].in, in) && !skip--)
			return &d->route_rules[i];
	return NULL;
}

static bool holds(struct world *w, const struct match *m, const char *line, enum truth want)
{
	struct packet p;
	const char *why;
	cr_assert(packet_parse(w->arena, line, strlen(line), &p, &why));
	return match_judge(m, &p) == want;
}

Test(aws_path, nothing_without_tables)
{
	struct world w = { 0 };
	whole(&w);
	cr_expect_eq(device(&w, "cloud")->routing, ROUTING_NONE);
	cr_expect_eq(device(&w, "cloud")->n_route_rules, 0);
	done(&w);
}

Test(aws_path, each_subnet_its_table)
{
	struct world w = { 0 };
	gateways(&w);
	const struct device *d = device(&w, "cloud");
	size_t n;
	cr_expect_eq(d->routing, ROUTING_WHOLE);
	cr_expect_not(d->connected);
	/* the list that nobody collected comes before the table */
	const struct route_rule *r = rule(d, "subnet-a", 0);
	cr_assert(r);
	cr_expect_eq(r->kind, ROUTE_UNKNOWN);
	cr_expect_eq(match_judge(r->match, &(struct packet){ .family = FAMILY_V4 }),
		     TRUTH_UNKNOWN);
	r = rule(d, "subnet-a", 1);
	cr_assert(r);
	cr_expect_eq(r->kind, ROUTE_LOOKUP);
	is(r->table, "rtb-front");
	cr_expect_eq(r->suppress, -1);
	r = rule(d, "subnet-b", 0);
	cr_assert(r);
	is(r->table, "rtb-main from any zone");
	is(rule(d, "igw-1", 0)->table, "local");
	is(rule(d, "pcx-1", 0)->table, "local");
	/* the NAT gateway stands in subnet-a */
	is(rule(d, "nat-1", 1)->table, "rtb-front");
	is(route(d, "rtb-front", "10.0.0.0/16", &n)->into, "local");
	cr_expect_eq(n, 1);
	is(route(d, "local", "10.0.1.0/24", NULL)->port, "subnet-a");
	is(route(d, "local", "2001:db8:1::/64", NULL)->port, "subnet-a");
	is(route(d, "local", "10.0.1.99/32", NULL)->port, "nat-1");
	is(route(d, "rtb-front", "0.0.0.0/0", NULL)->port, "igw-1");
	done(&w);
}

Test(aws_path, targets)
{
	struct world w = { 0 };
	gateways(&w);
	const struct device *d = device(&w, "cloud");
	const char *t = "rtb-main from any zone";
	is(route(d, t, "0.0.0.0/0", NULL)->port, "nat-1");
	is(route(d, t, "::/0", NULL)->port, "eigw-1");
	is(route(d, t, "10.1.0.0/16", NULL)->port, "pcx-1");
	is(route(d, t, "192.168.0.0/16", NULL)->port, "vgw-1");
	is(device_port(d, "vgw-1")->wire, "vgw-1");
	cr_expect(route(d, t, "10.9.0.0/16", NULL)->drop);
	/* with its source/destination check on an instance takes nothing for others */
	cr_expect(route(d, t, "10.7.0.0/16", NULL)->drop);
	const struct route *r = route(d, t, "10.8.0.0/16", NULL);
	cr_expect_not(r->drop);
	is(r->port, "subnet-b");
	cr_expect(r->has_via && addr_equal(r->via, v4("10.0.2.5")));
	/* nothing is known of the transit gateway's attachments */
	is(route(d, t, "10.2.0.0/16", NULL)->port, "tgw-1");
	cr_expect(device_port(d, "sg-web")->part && device_port(d, "eni-web")->part);
	cr_expect_not(device_port(d, "subnet-a")->part);
	done(&w);
}

Test(aws_path, internet_gateway)
{
	struct world w = { 0 };
	gateways(&w);
	const struct device *d = device(&w, "cloud");
	const struct port *p = device_port(d, "igw-1");
	cr_assert(p && p->outside && p->announced);
	is(p->wire, "internet");
	cr_expect(holds(&w, p->announced, "tcp 8.8.8.8 9 198.51.100.10 9", TRUTH_TRUE));
	cr_expect(holds(&w, p->announced, "tcp 8.8.8.8 9 198.51.100.5 9", TRUTH_TRUE));
	cr_expect(holds(&w, p->announced, "tcp 8.8.8.8 9 198.51.100.200 9", TRUTH_FALSE));
	cr_expect(holds(&w, p->announced, "tcp 8.8.8.8 9 10.0.1.10 9", TRUTH_FALSE));
	cr_expect(holds(&w, p->announced, "tcp 2001:db8:9::1 9 2001:db8:1::9 9", TRUTH_TRUE));
	is(judge_one(&w, "cloud", "igw-1 egress", "tcp 10.0.1.10 9 8.8.8.8 9"), "permit");
	is(judge_one(&w, "cloud", "igw-1 egress", "tcp 10.0.1.11 9 8.8.8.8 9"), "deny");
	is(judge_one(&w, "cloud", "igw-1 egress", "tcp 2001:db8:1::9 9 2001:db8:9::1 9"),
	   "permit");
	is(judge_one(&w, "cloud", "igw-1 ingress", "tcp 8.8.8.8 9 198.51.100.10 9"), "permit");
	is(judge_one(&w, "cloud", "igw-1 ingress", "tcp 8.8.8.8 9 10.0.1.10 9"), "deny");
	unsigned out = 0, in = 0;
	for (size_t i = 0; i < d->n_nats; i++) {
		const struct nat *n = &d->nats[i];
		cr_expect_eq(n->kind, NAT_SHIFT);
		cr_expect_eq(n->n_to, 1);
		if (n->out && addr_equal(n->from.lo, v4("10.0.1.10"))) {
			cr_expect_eq(n->rewrites, NAT_SOURCE);
			cr_expect(addr_equal(n->to[0].lo, v4("198.51.100.10")));
			out++;
		}
		if (n->in && addr_equal(n->from.lo, v4("198.51.100.10"))) {
			cr_expect_eq(n->rewrites, NAT_DESTINATION);
			cr_expect(addr_equal(n->to[0].lo, v4("10.0.1.10")));
			in++;
		}
	}
	cr_expect_eq(out, 1);
	cr_expect_eq(in, 1);
	/* IPv6 goes out at the egress-only gateway and doesn't come in */
	is(judge_one(&w, "cloud", "eigw-1 egress", "tcp 2001:db8:1::9 9 2001:db8:9::1 9"),
	   "permit");
	is(judge_one(&w, "cloud", "eigw-1 egress", "tcp 10.0.1.10 9 8.8.8.8 9"), "deny");
	is(judge_one(&w, "cloud", "eigw-1 ingress", "tcp 2001:db8:9::1 9 2001:db8:1::9 9"),
	   "deny");
	is(judge_one(&w, "cloud", "eigw-1 ingress",
		     "tcp 2001:db8:9::1 9 2001:db8:1::9 9 state=established"),
	   "permit");
	done(&w);
}

/* Without all interfaces the public addresses aren't known. */
Test(aws_path, public_addresses_not_known)
{
	struct world w = { 0 };
	add_loaded(&w, "groups.json");
	add_loaded(&w, "subnets.json");
	add_loaded(&w, "acls.json");
	add_loaded(&w, "vpcs.json");
	add_file(
		&w, "routes.json",
		"{\"RouteTables\": [{\"RouteTableId\": \"rtb-1\", \"VpcId\": \"vpc-1\","
		" \"Associations\": [{\"Main\": true}], \"Routes\": [{\"DestinationCidrBlock\":"
		" \"0.0.0.0/0\", \"GatewayId\": \"igw-1\", \"State\": \"active\"}]}]}");
	run(&w);
	const struct device *d = device(&w, "cloud");
	cr_assert(device_port(d, "igw-1"));
	cr_expect(device_port(d, "igw-1")->outside);
	cr_expect_null(device_port(d, "igw-1")->announced);
	is(judge_one(&w, "cloud", "igw-1 egress", "tcp 10.0.1.10 9 8.8.8.8 9"), "unknown");
	is(judge_one(&w, "cloud", "igw-1 ingress", "tcp 8.8.8.8 9 198.51.100.10 9"), "unknown");
	cr_assert_eq(d->n_nats, 2);
	cr_expect_eq(d->nats[0].kind, NAT_BOUND);
	done(&w);
}

Test(aws_path, nat_gateway)
{
	struct world w = { 0 };
	gateways(&w);
	const struct device *d = device(&w, "cloud:nat-1");
	cr_expect_null(snapshot_device(w.snap, "cloud:nat-0"));
	cr_assert_eq(d->n_ports, 1);
	is(d->ports[0].wire, device_port(device(&w, "cloud"), "nat-1")->wire);
	is(route(d, d->ports[0].segment, "0.0.0.0/0", NULL)->port, "nat-1");
	cr_assert_eq(d->n_nats, 2);
	cr_expect_eq(d->nats[0].kind, NAT_POOL);
	cr_expect_eq(d->nats[0].rewrites, NAT_SOURCE);
	cr_expect(addr_equal(d->nats[0].to[0].lo, v4("10.0.1.99")));
	cr_expect(d->nats[0].has_port && !d->nats[1].has_port);
	is(judge_one(&w, "cloud:nat-1", "protocols", "udp 10.0.2.20 9 8.8.8.8 9"), "permit");
	is(judge_one(&w, "cloud:nat-1", "protocols", "sctp 10.0.2.20 9 8.8.8.8 9"), "deny");
	is(judge_one(&w, "cloud:nat-1", "its own addresses", "tcp 8.8.8.8 9 10.0.1.99 9"),
	   "deny");
	done(&w);
}

/* The gateway's interface stands behind the list of its subnet; within the subnet there is
 * none. */
Test(aws_path, lists_at_gateways)
{
	struct world w = { 0 };
	gateways(&w);
	const struct device *d = device(&w, "cloud");
	unsigned n = 0;
	for (size_t i = 0; i < d->n_hooks; i++)
		if (d->hooks[i].port && !strcmp(d->hooks[i].port, "nat-1")) {
			is(d->hooks[i].ruleset->name, d->hooks[i].kind == HOOK_IN
							      ? "subnet-a border egress"
							      : "subnet-a border ingress");
			n++;
		}
	cr_expect_eq(n, 2);
	is(judge_one(&w, "cloud", "subnet-a border egress",
		     "udp 10.0.1.10 9 8.8.8.8 9 oif=nat-1"),
	   "permit");
	is(judge_one(&w, "cloud", "subnet-a border egress",
		     "udp 10.0.1.10 9 8.8.8.8 9 oif=igw-1"),
	   judge_one(&w, "cloud", "acl-a egress", "udp 10.0.1.10 9 8.8.8.8 9"));
	done(&w);
}

Test(aws_path, transit_gateway)
{
	struct world w = { 0 };
	gateways(&w);
	done(&w);
	add_all(&w);
	add_loaded(&w, "gateways.json");
	add_loaded(&w, "transit.json");
	run(&w);
	const struct device *v = device(&w, "cloud"), *t = device(&w, "cloud:tgw-1");
	const char *a = "tgw-attach-1/subnet-a", *b = "tgw-attach-1/subnet-b";
	size_t n;
	cr_assert(device_port(v, a) && device_port(t, a));
	is(device_port(v, a)->wire, device_port(t, a)->wire);
	/* which zone subnet-b is in isn't told: the packet may take either interface */
	cr_assert(route(v, "rtb-main from any zone", "10.2.0.0/16", &n));
	cr_expect_eq(n, 2);
	is(rule(v, b, 0)->table, "rtb-main from any zone");
	is(rule(t, a, 0)->table, "tgw-rtb-1 from eu-west-1a of 111111111111");
	is(route(t, "tgw-rtb-1 from eu-west-1a of 111111111111", "10.0.0.0/16", &n)->port, a);
	cr_expect_eq(n, 1);
	cr_assert(route(t, "tgw-rtb-1", "10.0.0.0/16", &n));
	cr_expect_eq(n, 2);
	is(route(t, "tgw-rtb-1", "10.2.0.0/16", NULL)->port, "tgw-attach-2");
	cr_expect(route(t, "tgw-rtb-1", "10.3.0.0/16", NULL)->drop);
	/* no table is associated with the VPN: what comes from there is dropped */
	cr_expect_eq(rule(t, "tgw-attach-3", 0)->kind, ROUTE_DROP);
	/* what it sends to its own subnet meets no list; what goes to it does */
	is(judge_one(&w, "cloud", "subnet-a border ingress",
		     "tcp 10.2.0.1 9 10.0.1.10 9999 iif=tgw-attach-1/subnet-a"),
	   "permit");
	is(judge_one(&w, "cloud", "subnet-a passage ingress", "tcp 10.0.1.10 9 10.2.0.1 9999"),
	   judge_one(&w, "cloud", "acl-a ingress", "tcp 10.0.1.10 9 10.2.0.1 9999"));
	done(&w);
}

Test(aws_path, transit_routes_not_collected)
{
	struct world w = { 0 };
	add_all(&w);
	add_loaded(&w, "gateways.json");
	char *text = load("transit.json");
	char *cut = strstr(text, "\"TransitGatewayStaticRoutes\"");
	cr_assert(cut);
	*cut = 0; /* the last list: the comma before it closes the document */
	*strrchr(text, ',') = '}';
	add_file(&w, "transit.json", text);
	free(text);
	run(&w);
	const struct device *t = device(&w, "cloud:tgw-1");
	cr_expect_eq(rule(t, "tgw-attach-2", 0)->kind, ROUTE_UNKNOWN);
	cr_expect_null(rule(t, "tgw-attach-2", 0)->match);
	done(&w);
}

Test(aws_path, load_balancer)
{
	struct world w = { 0 };
	add_all(&w);
	add_loaded(&w, "gateways.json");
	add_loaded(&w, "balance.json");
	run(&w);
	const struct device *b = device(&w, "cloud:net/front/0123456789abcdef");
	const struct device *v = device(&w, "cloud");
	cr_assert_eq(b->n_ports, 1);
	is(route(v, "local", "10.0.1.50/32", NULL)->port, "net/front/subnet-a");
	is(device_port(v, "net/front/subnet-a")->wire, "eni-nlb");
	/* clients keep their address; targets out of use don't count, unhealthy ones do */
	cr_assert_eq(b->n_nats, 1);
	const struct nat *n = &b->nats[0];
	cr_expect_eq(n->kind, NAT_POOL);
	cr_expect_eq(n->rewrites, NAT_DESTINATION);
	cr_expect_eq(n->n_to, 2);
	cr_expect_eq(n->port_lo, 5432);
	cr_expect_eq(n->port_hi, 5433);
	cr_expect(holds(&w, n->match, "tcp 8.8.8.8 9 10.0.1.50 443", TRUTH_TRUE));
	cr_expect(holds(&w, n->match, "tcp 8.8.8.8 9 10.0.1.50 80", TRUTH_FALSE));
	cr_expect(holds(&w, n->match, "udp 8.8.8.8 9 10.0.1.50 443", TRUTH_FALSE));
	is(judge_one(&w, "cloud:net/front/0123456789abcdef", "no listener",
		     "tcp 8.8.8.8 9 10.0.1.50 80"),
	   "deny");
	done(&w);
}

/* What isn't told of a balancer: each row takes one thing away. */
Test(aws_path, load_balancer_in_doubt)
{
	static const struct {
		const char *word, *instead;
		uint8_t kind; /* of the first translation */
		size_t n;
	} rows[] = {
		/* the client's address may be replaced: twice the translation */
		{ "preserve_client_ip", "something_else", NAT_POOL, 2 },
		{ "\"true\"}]}],\n \"LoadBalancerTargetHealth\"",
		  "\"false\"}]}],\n \"LoadBalancerTargetHealth\"", NAT_POOL, 2 },
		{ "\"TargetType\": \"ip\"", "\"TargetType\": \"alb\"", NAT_BOUND, 1 },
		{ "LoadBalancerTargetHealth", "SomethingElse", NAT_BOUND, 1 },
		{ "\"Type\": \"forward\"", "\"Type\": \"other\"", NAT_BOUND, 1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct world w = { 0 };
		char *text = load("balance.json"), *at = strstr(text, rows[i].word);
		struct text t = { 0 };
		cr_assert(at, "row %zu", i);
		text_putf(&t, "%.*s%s%s", (int)(at - text), text, rows[i].instead,
			  at + strlen(rows[i].word));
		add_all(&w);
		add_loaded(&w, "gateways.json");
		add_file(&w, "balance.json", t.s);
		run(&w);
		const struct device *b = device(&w, "cloud:net/front/0123456789abcdef");
		cr_assert_eq(b->n_nats, rows[i].n, "row %zu: %zu", i, b->n_nats);
		cr_expect_eq(b->nats[0].kind, rows[i].kind, "row %zu", i);
		if (rows[i].n == 2)
			cr_expect_eq(b->nats[1].match->inexact, i == 0, "row %zu", i);
		text_finish(&t);
		free(text);
		done(&w);
	}
}

/* A table that isn't understood may send a packet anywhere. */
Test(aws_path, tables_in_doubt)
{
	static const struct {
		const char *word, *instead, *in;
	} rows[] = {
		{ "\"GatewayId\": \"igw-1\"", "\"MysteryId\": \"igw-1\"", "subnet-a" },
		{ "\"0.0.0.0/0\", \"GatewayId\"", "\"0.0.0.0/40\", \"GatewayId\"", "subnet-a" },
		{ "\"State\": \"active\"},\n   {\"DestinationPrefixListId\"",
		  "\"State\": \"odd\"},\n   {\"DestinationPrefixListId\"", "subnet-a" },
		{ "\"Main\": true", "\"Main\": false", "subnet-b" },
		{ "{\"Main\": true", "{\"SubnetId\": \"subnet-a\"", "subnet-a" },
		{ "\"Routes\"", "\"Roads\"", "subnet-b" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct world w = { 0 };
		char *text = load("gateways.json"), *at = strstr(text, rows[i].word);
		struct text t = { 0 };
		cr_assert(at, "row %zu", i);
		text_putf(&t, "%.*s%s%s", (int)(at - text), text, rows[i].instead,
			  at + strlen(rows[i].word));
		add_all(&w);
		add_file(&w, "gateways.json", t.s);
		run(&w);
		const struct route_rule *r = rule(device(&w, "cloud"), rows[i].in, 0);
		cr_assert(r, "row %zu", i);
		cr_expect_eq(r->kind, ROUTE_UNKNOWN, "row %zu", i);
		cr_expect_null(r->match, "row %zu", i);
		text_finish(&t);
		free(text);
		done(&w);
	}
}

Test(aws_path, subnets_not_collected)
{
	struct world w = { 0 };
	add_loaded(&w, "groups.json");
	add_loaded(&w, "interfaces.json");
	add_loaded(&w, "acls.json");
	add_loaded(&w, "vpcs.json");
	add_loaded(&w, "gateways.json");
	run(&w);
	cr_expect_eq(device(&w, "cloud")->routing, ROUTING_PART);
	cr_expect(device(&w, "cloud")->routing_why);
	done(&w);
}

/* What the gateway's table says of what comes in by it. */
Test(aws_path, gateway_association)
{
	struct world w = { 0 };
	add_all(&w);
	add_loaded(&w, "gateways.json");
	add_file(&w, "edge.json",
		 "{\"RouteTables\": [{\"RouteTableId\": \"rtb-edge\", \"VpcId\": \"vpc-1\","
		 " \"Associations\": [{\"GatewayId\": \"igw-1\"}], \"Routes\":"
		 " [{\"DestinationCidrBlock\": \"10.0.1.0/24\", \"NetworkInterfaceId\":"
		 " \"eni-fw\", \"State\": \"active\"}]}]}");
	run(&w);
	const struct device *d = device(&w, "cloud");
	is(rule(d, "igw-1", 0)->table, "rtb-edge");
	is(route(d, "rtb-edge", "10.0.1.0/24", NULL)->port, "subnet-b");
	done(&w);
}
