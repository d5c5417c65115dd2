/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc tells: sysctls of the thread's namespace (proc(5); the directory net of /proc/sys
 * is that of the namespace of whoever opens it), kernel modules, conntrack where netlink
 * doesn't.
 */
#include "collectors/live_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SLURP_MOST = 64 << 20 };

char *live_slurp(const char *path, size_t *ret_len, int *ret_err)
{
	struct text t = { 0 };
	char buf[16 * 1024];
	int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 0;
	if (fd < 0)
		err = -errno;
	while (!err) {
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		if (t.len > SLURP_MOST)
			err = -EFBIG;
		else
			text_putn(&t, buf, (size_t)n);
	}
	if (fd >= 0)
		close(fd);
	if (err) {
		text_finish(&t);
		*ret_err = err;
		return NULL;
	}
	text_put(&t, "");
	if (ret_len)
		*ret_len = t.len;
	*ret_err = 0;
	return t.s;
}

enum live_module live_module(struct live *l, const char *name)
{
	int err;
	char *list = live_slurp("/proc/modules", NULL, &err);
	/* Without modules nothing can be loaded; without /proc it isn't known. */
	if (!list)
		return MODULE_UNKNOWN;
	const char *word = arena_printf(l->arena, "\n%s ", name);
	bool there = has_prefix(list, word + 1) || strstr(list, word);
	free(list);
	if (there)
		return MODULE_THERE;
	const char *path = arena_printf(l->arena, "/lib/modules/%s/modules.builtin", l->kernel);
	list = live_slurp(path, NULL, &err);
	if (!list)
		return MODULE_UNKNOWN;
	there = strstr(list, arena_printf(l->arena, "/%s.ko", name)) != NULL;
	free(list);
	return there ? MODULE_THERE : MODULE_ABSENT;
}

static const char *const global[] = {
	"net/bridge/bridge-nf-call-arptables",
	"net/bridge/bridge-nf-call-ip6tables",
	"net/bridge/bridge-nf-call-iptables",
	"net/bridge/bridge-nf-filter-pppoe-tagged",
	"net/bridge/bridge-nf-filter-vlan-tagged",
	"net/bridge/bridge-nf-pass-vlan-input-dev",
	"net/ipv4/fib_multipath_hash_policy",
	"net/ipv4/fib_multipath_use_neigh",
	"net/ipv4/fwmark_reflect",
	"net/ipv4/icmp_echo_ignore_all",
	"net/ipv4/icmp_echo_ignore_broadcasts",
	"net/ipv4/ip_forward",
	"net/ipv4/ip_nonlocal_bind",
	"net/ipv4/nexthop_compat_mode",
	"net/ipv4/raw_l3mdev_accept",
	"net/ipv4/tcp_fwmark_accept",
	"net/ipv4/tcp_l3mdev_accept",
	"net/ipv4/udp_l3mdev_accept",
	"net/ipv6/fib_multipath_hash_policy",
	"net/ipv6/fwmark_reflect",
	"net/ipv6/ip_nonlocal_bind",
	"net/mpls/platform_labels",
	"net/netfilter/nf_conntrack_checksum",
	"net/netfilter/nf_conntrack_helper",
	"net/netfilter/nf_conntrack_max",
	"net/netfilter/nf_conntrack_tcp_be_liberal",
	"net/netfilter/nf_conntrack_tcp_ignore_invalid_rst",
	"net/netfilter/nf_conntrack_tcp_loose",
	"net/netfilter/nf_hooks_lwtunnel",
	"net/vrf/strict_mode",
};

static const char *const of_ipv4[] = {
	"accept_local",
	"accept_source_route",
	"arp_filter",
	"arp_ignore",
	"disable_policy",
	"disable_xfrm",
	"drop_unicast_in_l2_multicast",
	"forwarding",
	"ignore_routes_with_linkdown",
	"mc_forwarding",
	"proxy_arp",
	"proxy_arp_pvlan",
	"route_localnet",
	"rp_filter",
	"send_redirects",
	"src_valid_mark",
};

static const char *const of_ipv6[] = {
	"accept_ra",
	"accept_source_route",
	"disable_ipv6",
	"disable_policy",
	"drop_unicast_in_l2_multicast",
	"force_forwarding",
	"forwarding",
	"ignore_routes_with_linkdown",
	"ioam6_enabled",
	"mc_forwarding",
	"proxy_ndp",
	"rpl_seg_enabled",
	"seg6_enabled",
};

static const char *const of_mpls[] = { "input" };

/* Adds the value of one; what the kernel hasn't is left out. The count of failures. */
static unsigned add_sysctl(struct live *l, json_t *data, const char *name)
{
	int err;
	size_t len;
	char *s = live_slurp(arena_printf(l->arena, "/proc/sys/%s", name), &len, &err);
	if (!s) {
		/* -EINVAL: an interface that went while it was read */
		if (err == -ENOENT || err == -ENOTDIR)
			return 0;
		live_failed(l, err, "root", name);
		return 1;
	}
	while (len && s[len - 1] == '\n')
		len--;
	json_t *key = live_string(l, name);
	json_object_set_new(data, json_string_value(key), live_stringn(l, s, len));
	json_decref(key);
	free(s);
	return 0;
}

static unsigned add_of(struct live *l, json_t *data, const char *top, const char *const *names,
		       size_t n, const char *link)
{
	unsigned failed = 0;
	for (size_t i = 0; i < n; i++)
		failed += add_sysctl(l, data,
				     arena_printf(l->arena, "%s/%s/%s", top, link, names[i]));
	return failed;
}

#define N(v) (sizeof(v) / sizeof(*(v)))

void live_sysctls(struct live *l)
{
	json_t *data = json_object();
	struct arena_mark mark = arena_mark(l->arena);
	size_t problems = json_array_size(l->now->problems);
	if (access("/proc/sys/net/ipv4", F_OK)) {
		live_failed(l, -errno, "root", "/proc/sys/net");
		json_decref(data);
		return;
	}
	for (size_t i = 0; i < N(global); i++)
		add_sysctl(l, data, global[i]);
	for (size_t i = 0; i < l->links.n + 2; i++) {
		const char *name = i == 0 ? "all" : i == 1 ? "default" : l->links.v[i - 2].name;
		add_of(l, data, "net/ipv4/conf", of_ipv4, N(of_ipv4), name);
		add_of(l, data, "net/ipv6/conf", of_ipv6, N(of_ipv6), name);
		add_of(l, data, "net/mpls/conf", of_mpls, N(of_mpls), name);
	}
	if (json_array_size(l->now->problems) == problems)
		arena_rewind(l->arena, mark);
	live_set(l->now->body, "data", data);
}

static int by_ctnetlink(struct live *l, json_int_t *entries, json_int_t *maximum)
{
	struct nfgenmsg g = { .nfgen_family = 0 };
	LIVE_DUMP d = { 0 };
	int err = live_ask(NETLINK_NETFILTER,
			   NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS, false, &g,
			   sizeof(g), &d);
	if (err)
		return err;
	size_t pos = 0;
	const struct nlmsghdr *m = live_next(&d, &pos);
	struct live_attr tb[CTA_STATS_GLOBAL_MAX_ENTRIES + 1];
	if (!m ||
	    live_attrs(l, m, sizeof(g), "conntrack", tb, CTA_STATS_GLOBAL_MAX_ENTRIES, NULL) ||
	    !tb[CTA_STATS_GLOBAL_ENTRIES].data)
		return -EPROTO;
	*entries = live_be32(tb[CTA_STATS_GLOBAL_ENTRIES]);
	if (tb[CTA_STATS_GLOBAL_MAX_ENTRIES].data)
		*maximum = live_be32(tb[CTA_STATS_GLOBAL_MAX_ENTRIES]);
	return 0;
}

static json_int_t number_of(const char *path)
{
	int err;
	char *s = live_slurp(path, NULL, &err);
	uint64_t v;
	bool good = s && parse_number(s, strcspn(s, "\n"), 0, INT64_MAX, false, &v);
	free(s);
	return good ? (json_int_t)v : -1;
}

void live_conntrack(struct live *l)
{
	json_int_t entries = -1,
		   maximum = number_of("/proc/sys/net/netfilter/nf_conntrack_max");
	/* Asking would load it where it isn't there. */
	bool there = !access("/proc/sys/net/netfilter/nf_conntrack_count", F_OK);
	if (there) {
		int err = by_ctnetlink(l, &entries, &maximum);
		if (err)
			entries = number_of("/proc/sys/net/netfilter/nf_conntrack_count");
		if (err && entries < 0) {
			live_failed(l, err, "CAP_NET_ADMIN", "the count of connections");
			return;
		}
	}
	live_set(l->now->body, "entries", entries < 0 ? json_null() : json_integer(entries));
	live_set(l->now->body, "maximum", maximum < 0 ? json_null() : json_integer(maximum));
	if (!there)
		return;
	struct nfgenmsg g = { .nfgen_family = 0 };
	LIVE_DUMP d = { 0 };
	int err =
		live_ask(NETLINK_NETFILTER, NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_GET,
			 true, &g, sizeof(g), &d);
	live_set(l->now->body, "expectations",
		 err ? json_null() : json_integer((json_int_t)d.n));
	if (err == -EPERM)
		live_problem(l, "capability", "CAP_NET_ADMIN for expected connections");
}
