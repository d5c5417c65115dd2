/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first words of top-level lines, as data. What stands here as irrelevant is known to
 * have no say in which packets pass between two ports: management access to the firewall
 * itself (ssh, telnet, http, icmp, snmp), logging, authentication of administrators,
 * failover, timers, crypto parameters. A word that isn't here makes its line rejected and the
 * device inconclusive.
 *
 * Inspection (fixup, class-map, policy-map of inspections) may drop packets of a conversation
 * for what they carry; the first packet, by which a conversation is judged, carries nothing
 * yet. Unicast reverse path checks drop what does not come from where the routes say; the
 * source zone of a question is, by the path, where it comes from.
 */
#include "collectors/asa_internal.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	const char *word; /* lower case; sorted */
	uint8_t keyword;
};

#define IRRELEVANT(w)                                                                          \
	{                                                                                      \
		w, KW_IRRELEVANT                                                               \
	}
#define BLOCK(w)                                                                               \
	{                                                                                      \
		w, KW_BLOCK                                                                    \
	}

static const struct entry words[] = {
	{ "aaa", KW_AAA },
	BLOCK("aaa-server"),
	{ "access-group", KW_ACCESS_GROUP },
	{ "access-list", KW_ACCESS_LIST },
	IRRELEVANT("admin-context"),
	{ "alias", KW_ALIAS },
	IRRELEVANT("app-agent"),
	{ "apply", KW_APPLY },
	IRRELEVANT("arp"),
	IRRELEVANT("arp-inspection"),
	IRRELEVANT("as-path"),
	IRRELEVANT("asdm"),
	IRRELEVANT("asp"),
	IRRELEVANT("auth-prompt"),
	IRRELEVANT("auto-update"),
	IRRELEVANT("banner"),
	IRRELEVANT("bfd"),
	BLOCK("bfd-template"),
	IRRELEVANT("boot"),
	IRRELEVANT("ca"),
	BLOCK("call-home"),
	IRRELEVANT("capture"),
	IRRELEVANT("cdp"),
	IRRELEVANT("changeto"),
	IRRELEVANT("checkheaps"),
	BLOCK("class"),
	BLOCK("class-map"),
	{ "clear", KW_CLEAR },
	IRRELEVANT("clns"),
	IRRELEVANT("clock"),
	BLOCK("cluster"),
	IRRELEVANT("command-alias"),
	IRRELEVANT("community-list"),
	IRRELEVANT("compression"),
	{ "conduit", KW_CONDUIT },
	IRRELEVANT("conf"),
	IRRELEVANT("config-register"),
	IRRELEVANT("configure"),
	IRRELEVANT("conn"),
	IRRELEVANT("console"),
	{ "context", KW_CONTEXT },
	IRRELEVANT("copy"),
	IRRELEVANT("coredump"),
	IRRELEVANT("crashinfo"),
	{ "crypto", KW_CRYPTO },
	IRRELEVANT("cryptochecksum"),
	BLOCK("ctl-file"),
	BLOCK("ctl-provider"),
	BLOCK("cts"),
	BLOCK("ddns"),
	IRRELEVANT("debug"),
	IRRELEVANT("dhcp-client"),
	IRRELEVANT("dhcpd"),
	IRRELEVANT("dhcprelay"),
	IRRELEVANT("disable"),
	BLOCK("dns"),
	BLOCK("dns-group"),
	IRRELEVANT("dns-guard"),
	IRRELEVANT("domain-name"),
	IRRELEVANT("dp-tcp-proxy"),
	BLOCK("dynamic-access-policy-record"),
	{ "dynamic-filter", KW_DYNAMIC_FILTER },
	IRRELEVANT("eject"),
	IRRELEVANT("email"),
	IRRELEVANT("enable"),
	IRRELEVANT("end"),
	IRRELEVANT("eou"),
	{ "established", KW_ESTABLISHED },
	BLOCK("event"),
	IRRELEVANT("exit"),
	BLOCK("failover"),
	{ "filter", KW_FILTER },
	IRRELEVANT("fips"),
	{ "firewall", KW_FIREWALL },
	IRRELEVANT("fixup"),
	IRRELEVANT("floodguard"),
	IRRELEVANT("flow-export"),
	IRRELEVANT("flow-offload"),
	IRRELEVANT("forward-reference"),
	{ "fragment", KW_FRAGMENT },
	IRRELEVANT("ftp"),
	IRRELEVANT("ftp-map"),
	IRRELEVANT("gdb"),
	{ "global", KW_GLOBAL },
	{ "group-policy", KW_GROUP_POLICY },
	BLOCK("gtp-map"),
	BLOCK("h225-map"),
	{ "hostname", KW_HOSTNAME },
	BLOCK("hpm"),
	IRRELEVANT("http"),
	BLOCK("http-map"),
	IRRELEVANT("hw-module"),
	IRRELEVANT("icmp"),
	{ "interface", KW_INTERFACE },
	IRRELEVANT("interface-policy"),
	{ "ip", KW_IP },
	BLOCK("ip-client"),
	BLOCK("ipsec"),
	{ "ipv6", KW_IPV6 },
	BLOCK("ipv6-vpn-addr-assign"),
	BLOCK("isakmp"),
	IRRELEVANT("jumbo-frame"),
	BLOCK("key"),
	BLOCK("l2tp"),
	IRRELEVANT("lacp"),
	BLOCK("ldap"),
	BLOCK("license"),
	BLOCK("license-server"),
	IRRELEVANT("lldp"),
	IRRELEVANT("logging"),
	IRRELEVANT("login"),
	IRRELEVANT("logout"),
	IRRELEVANT("mac-address"),
	IRRELEVANT("mac-address-table"),
	IRRELEVANT("mac-learn"),
	IRRELEVANT("mac-list"),
	{ "management-access", KW_MANAGEMENT_ACCESS },
	BLOCK("map-name"),
	BLOCK("mdm-proxy"),
	BLOCK("media-termination"),
	IRRELEVANT("memory"),
	BLOCK("mgcp-map"),
	IRRELEVANT("migrate"),
	IRRELEVANT("mode"),
	IRRELEVANT("monitor-interface"),
	IRRELEVANT("more"),
	BLOCK("mount"),
	IRRELEVANT("mroute"),
	IRRELEVANT("mtu"),
	IRRELEVANT("multicast"),
	IRRELEVANT("multicast-routing"),
	BLOCK("nac-policy"),
	{ "name", KW_NAME },
	IRRELEVANT("name-interface"),
	{ "nameif", KW_NAMEIF },
	{ "names", KW_NAMES },
	{ "nat", KW_NAT },
	{ "nat-control", KW_NAT_CONTROL },
	{ "no", KW_NO },
	IRRELEVANT("ntp"),
	BLOCK("nve"),
	{ "object", KW_OBJECT },
	{ "object-group", KW_OBJECT_GROUP },
	IRRELEVANT("object-group-search"),
	{ "outbound", KW_OUTBOUND },
	IRRELEVANT("pager"),
	IRRELEVANT("passwd"),
	IRRELEVANT("password"),
	IRRELEVANT("password-policy"),
	IRRELEVANT("pdm"),
	BLOCK("phone-proxy"),
	IRRELEVANT("pim"),
	IRRELEVANT("ping"),
	BLOCK("policy-list"),
	{ "policy-map", KW_POLICY_MAP },
	IRRELEVANT("prefix-list"),
	IRRELEVANT("priority-queue"),
	IRRELEVANT("privilege"),
	IRRELEVANT("prompt"),
	IRRELEVANT("quit"),
	IRRELEVANT("quota"),
	IRRELEVANT("regex"),
	IRRELEVANT("reload"),
	IRRELEVANT("resource"),
	IRRELEVANT("rest-api"),
	{ "rip", KW_ROUTER },
	{ "route", KW_ROUTE },
	{ "route-map", KW_ROUTE_MAP },
	{ "router", KW_ROUTER },
	{ "same-security-traffic", KW_SAME_SECURITY },
	BLOCK("scansafe"),
	IRRELEVANT("service"),
	IRRELEVANT("service-interface"),
	BLOCK("service-policy"),
	IRRELEVANT("setup"),
	IRRELEVANT("sh"),
	IRRELEVANT("show"),
	{ "shun", KW_SHUN },
	BLOCK("sla"),
	BLOCK("smart-tunnel"),
	IRRELEVANT("smtp-server"),
	BLOCK("smtps"),
	BLOCK("snmp-map"),
	IRRELEVANT("snmp-server"),
	BLOCK("snmpmap"),
	IRRELEVANT("snort"),
	IRRELEVANT("ssh"),
	IRRELEVANT("ssl"),
	{ "static", KW_STATIC },
	IRRELEVANT("sunrpc-server"),
	{ "sysopt", KW_SYSOPT },
	BLOCK("tcp-map"),
	BLOCK("telemetry"),
	IRRELEVANT("telnet"),
	IRRELEVANT("terminal"),
	IRRELEVANT("tftp-server"),
	{ "threat-detection", KW_THREAT_DETECTION },
	{ "time-range", KW_TIME_RANGE },
	IRRELEVANT("timeout"),
	BLOCK("tls-proxy"),
	IRRELEVANT("traceroute"),
	BLOCK("track"),
	{ "tunnel-group", KW_TUNNEL_GROUP },
	IRRELEVANT("tunnel-group-map"),
	BLOCK("uc-ime"),
	BLOCK("umbrella-global"),
	IRRELEVANT("url-block"),
	IRRELEVANT("url-cache"),
	IRRELEVANT("url-list"),
	IRRELEVANT("url-server"),
	IRRELEVANT("user-identity"),
	BLOCK("user-statistics"),
	{ "username", KW_USERNAME },
	IRRELEVANT("version"),
	IRRELEVANT("virtual"),
	BLOCK("vlan"),
	{ "vpdn", KW_VPDN },
	BLOCK("vpn"),
	IRRELEVANT("vpn-addr-assign"),
	BLOCK("vpn-load-balancing"),
	IRRELEVANT("vpn-sessiondb"),
	IRRELEVANT("vpnclient"),
	BLOCK("vpngroup"),
	IRRELEVANT("vxlan"),
	{ "wccp", KW_WCCP },
	{ "webvpn", KW_WEBVPN },
	IRRELEVANT("write"),
	BLOCK("xlate"),
	IRRELEVANT("xlate-bypass"),
	BLOCK("zone"),
	IRRELEVANT("zonelabs-integrity"),
};

/* First words inside an `interface` block that say nothing about what passes. */
static const char *const interface_words[] = {
	"allow-ssc-mgmt",
	"asr-group",
	"authentication",
	"backup",
	"bfd",
	"bundle",
	"cdp",
	"channel-group",
	"cluster",
	"cts",
	"ddns",
	"delay",
	"description",
	"dhcp",
	"dhcprelay",
	"duplex",
	"eigrp",
	"failover",
	"flowcontrol",
	"hardware",
	"hello-interval",
	"hold-time",
	"igmp",
	"isis",
	"join-failover-group",
	"lacp",
	"lldp",
	"load-interval",
	"mac-address",
	"media-type",
	"member-interface",
	"mfib",
	"mtu",
	"multicast",
	"nve-only",
	"ospf",
	"pim",
	"port-channel",
	"power",
	"pppoe",
	"priority",
	"rip",
	"snmp",
	"speed",
	"split-horizon",
	"summary-address",
	"switchport",
	"tunnel",
};

static int compare_entry(const void *key, const void *elem)
{
	return strcmp(key, ((const struct entry *)elem)->word);
}

static int compare_word(const void *key, const void *elem)
{
	return strcmp(key, *(const char *const *)elem);
}

static bool lower(struct word w, char *ret, size_t size)
{
	if (w.len >= size)
		return false;
	for (uint32_t i = 0; i < w.len; i++)
		ret[i] = w.s[i] >= 'A' && w.s[i] <= 'Z' ? (char)(w.s[i] + 32) : w.s[i];
	ret[w.len] = '\0';
	return true;
}

enum keyword asa_keyword(struct word w)
{
	char key[40];
	const struct entry *hit;

	if (word_starts(w, "Cryptochecksum:"))
		return KW_IRRELEVANT;
	if (!lower(w, key, sizeof(key)))
		return KW_UNKNOWN;
	hit = bsearch(key, words, sizeof(words) / sizeof(words[0]), sizeof(words[0]),
		      compare_entry);
	return hit ? hit->keyword : KW_UNKNOWN;
}

bool asa_interface_irrelevant(struct word w)
{
	char key[40];

	return lower(w, key, sizeof(key)) &&
	       bsearch(key, interface_words,
		       sizeof(interface_words) / sizeof(interface_words[0]),
		       sizeof(interface_words[0]), compare_word);
}

bool asa_keywords_sorted(void)
{
	for (size_t i = 1; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i - 1].word, words[i].word) >= 0)
			return false;
	for (size_t i = 1; i < sizeof(interface_words) / sizeof(interface_words[0]); i++)
		if (strcmp(interface_words[i - 1], interface_words[i]) >= 0)
			return false;
	return true;
}
