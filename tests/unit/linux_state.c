/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/linux_state.h"

#include <string.h>

#include "base/digest.h"

static const char head[] =
	"'linux_state':1,'plumbline':'0.1.0','host':{'hostname':'hv1','kernel':'6.18.0',"
	"'machine':'x86_64'},'namespace':{'id':'net:[4026531840]','name':null,'pid':null},"
	"'started':'2026-11-22T03:00:00Z','ended':'2026-11-22T03:00:01Z','complete':true,"
	"'problems':[],'commands':[],'beside':[]";

static const char links[] =
	"{'index':1,'name':'lo','kind':null,'flags':['up','running','loopback'],'up':true,"
	"'mtu':65536,'mac':null,'master':null},"
	"{'index':2,'name':'eth0','kind':'veth','flags':['up','running'],'up':true,'mtu':1500,"
	"'mac':'02:00:00:00:00:02','master':null},"
	"{'index':3,'name':'eth1','kind':'veth','flags':['up','running'],'up':true,'mtu':1500,"
	"'mac':'02:00:00:00:00:03','master':null}";

static const char addresses[] =
	"{'link':'eth0','family':'ipv4','address':'10.0.0.1','prefix_length':24,"
	"'scope':'global'},"
	"{'link':'eth1','family':'ipv4','address':'10.1.0.1','prefix_length':24,"
	"'scope':'global'}";

static const char routes[] =
	"{'family':'ipv4','table':254,'type':'unicast','destination':'0.0.0.0/0',"
	"'gateway':'10.1.0.254','link':'eth1','priority':0},"
	"{'family':'ipv4','table':254,'type':'unicast','destination':'10.0.0.0/24',"
	"'gateway':null,'link':'eth0','priority':0},"
	"{'family':'ipv4','table':254,'type':'unicast','destination':'10.1.0.0/24',"
	"'gateway':null,'link':'eth1','priority':0},"
	"{'family':'ipv4','table':255,'type':'local','destination':'10.0.0.1/32',"
	"'gateway':null,'link':'eth0','priority':0},"
	"{'family':'ipv4','table':255,'type':'local','destination':'10.1.0.1/32',"
	"'gateway':null,'link':'eth1','priority':0},"
	"{'family':'ipv4','table':255,'type':'broadcast','destination':'10.0.0.255/32',"
	"'gateway':null,'link':'eth0','priority':0}";

static const char rules[] =
	"{'family':'ipv4','priority':0,'invert':false,'action':'table','table':255},"
	"{'family':'ipv4','priority':32766,'invert':false,'action':'table','table':254},"
	"{'family':'ipv4','priority':32767,'invert':false,'action':'table','table':253},"
	"{'family':'ipv6','priority':0,'invert':false,'action':'table','table':255},"
	"{'family':'ipv6','priority':32766,'invert':false,'action':'table','table':254}";

static const char sysctls[] =
	"'net/ipv4/ip_forward':'1','net/ipv4/conf/all/rp_filter':'0',"
	"'net/ipv4/conf/lo/forwarding':'1','net/ipv4/conf/eth0/forwarding':'1',"
	"'net/ipv4/conf/eth1/forwarding':'1','net/ipv4/conf/eth0/rp_filter':'0',"
	"'net/ipv4/conf/eth1/rp_filter':'0','net/ipv6/conf/all/forwarding':'1',"
	"'net/ipv6/conf/all/disable_ipv6':'0'";

static void put(struct text *t, const char *s)
{
	for (; *s; s++)
		text_putc(t, *s == '\'' ? '"' : *s);
}

static void put_part(struct text *t, const struct linux_state *s, const char *name,
		     const char *members, bool *first)
{
	struct text part = { 0 };
	struct arena *a = arena_create();
	if (s->lacks && !strcmp(s->lacks, name)) {
		arena_destroy(a);
		return;
	}
	put(&part, "{");
	put(&part, members);
	put(&part, "}");
	const char *hex = sha256_hex(a, part.s, part.len);
	text_putf(t, "%s\"%s\":", *first ? "" : ",", name);
	*first = false;
	/* the member stands in front, or behind where there are blanks */
	if (s->edits && !strcmp(s->edits, name))
		hex = "0000000000000000000000000000000000000000000000000000000000000000";
	if (s->pretty)
		text_putf(t, "%.*s ,\n \"sha256\" : \"%s\" }", (int)part.len - 1, part.s, hex);
	else
		text_putf(t, "{\"sha256\":\"%s\",%s", hex, part.s + 1);
	text_finish(&part);
	arena_destroy(a);
}

static const char *data(struct arena *a, const char *v, const char *plain, char open, char close)
{
	return arena_printf(a, "'data':%c%s%c", open, v ? v : plain, close);
}

void linux_state(struct text *t, const struct linux_state *s)
{
	struct arena *a = arena_create();
	bool first = true;
	put(t, "{");
	if (s->pretty)
		put(t, "\n ");
	put(t, s->head ? s->head : head);
	put(t, ",'parts':{");
	put_part(t, s, "links",
		 data(a, arena_printf(a, "%s%s", links, s->links ? s->links : ""), "", '[', ']'),
		 &first);
	put_part(t, s, "addresses", data(a, s->addresses, addresses, '[', ']'), &first);
	put_part(t, s, "routes", data(a, s->routes, routes, '[', ']'), &first);
	put_part(t, s, "nexthops", data(a, s->nexthops, "", '[', ']'), &first);
	put_part(t, s, "rules", data(a, s->rules, rules, '[', ']'), &first);
	put_part(t, s, "neighbours", data(a, s->neighbours, "", '[', ']'), &first);
	put_part(t, s, "bridge",
		 data(a, s->bridge, "'ports':[],'fdb':[],'vlans':[]", '{', '}'), &first);
	put_part(t, s, "traffic_control", data(a, s->traffic_control, "", '[', ']'), &first);
	put_part(t, s, "xfrm", data(a, s->xfrm, "'policies':0,'states':0", '{', '}'), &first);
	put_part(t, s, "sysctls",
		 data(a, arena_printf(a, "%s%s", sysctls, s->sysctls ? s->sysctls : ""), "",
		      '{', '}'),
		 &first);
	put_part(t, s, "nftables",
		 s->nftables ? s->nftables
			     : "'kernel':{'generation':[1,1],'tables':[]},'differences':[]",
		 &first);
	put_part(t, s, "iptables", s->iptables ? s->iptables : "'listings':[]", &first);
	put_part(t, s, "ebtables", s->ebtables ? s->ebtables : "'listings':[]", &first);
	put_part(t, s, "ipsets",
		 s->ipsets ? s->ipsets : "'text':[],'kernel':[],'differences':[]", &first);
	put_part(t, s, "conntrack", "'entries':0,'maximum':262144,'expectations':0", &first);
	put(t, "}}");
	arena_destroy(a);
}
