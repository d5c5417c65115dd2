/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What looks at packets beside netfilter: traffic control, programs on interfaces, IPVS and
 * IPsec. Any of them may drop, rewrite or send on what the rulesets never see.
 */
#include "collectors/live_internal.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How many filters hang on a class or discipline; -1: not told. */
static json_int_t count_filters(int index, uint32_t parent)
{
	struct tcmsg ask = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = index,
			     .tcm_parent = parent };
	LIVE_DUMP d = { 0 };
	if (live_ask(NETLINK_ROUTE, RTM_GETTFILTER, true, &ask, sizeof(ask), &d))
		return -1;
	return (json_int_t)d.n;
}

static void add_item(struct live *l, json_t *data, int index, const char *kind, json_int_t n)
{
	json_t *item = json_object();
	live_set_link(l, item, index);
	live_set_string(l, item, "kind", kind);
	live_set(item, "filters", n < 0 ? json_null() : json_integer(n));
	json_array_append_new(data, item);
}

static int read_qdisc(struct live *l, const struct nlmsghdr *m, json_t *data)
{
	const struct tcmsg *t = live_header(m, sizeof(*t));
	struct live_attr tb[TCA_MAX + 1];
	if (!t || m->nlmsg_type != RTM_NEWQDISC)
		return -EPROTO;
	int err = live_attrs(l, m, sizeof(*t), "qdisc", tb, TCA_MAX, NULL);
	if (err)
		return err;
	const char *kind = live_text(l, tb[TCA_KIND]);
	bool in = !strcmp(kind, "ingress"), both = !strcmp(kind, "clsact");
	json_int_t n;
	if (both) {
		json_int_t e =
			count_filters(t->tcm_ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS));
		n = count_filters(t->tcm_ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS));
		n = n < 0 || e < 0 ? -1 : n + e;
	} else {
		n = t->tcm_handle ? count_filters(t->tcm_ifindex, t->tcm_handle) : 0;
	}
	/* Other disciplines only queue, unless filters hang on them. */
	if (!in && !both && !n)
		return 0;
	add_item(l, data, t->tcm_ifindex, kind, n);
	return 0;
}

/* bpf(2): enum bpf_attach_type and the part of union bpf_attr that BPF_PROG_QUERY takes. */
enum { TCX_INGRESS = 46, TCX_EGRESS = 47, NETKIT_PRIMARY = 54, NETKIT_PEER = 55 };

struct prog_query {
	uint32_t target, attach_type, query_flags, attach_flags;
	uint64_t prog_ids;
	uint32_t prog_cnt, pad;
	uint64_t rest[6];
};

/* Programs that hang on a link beside traffic control, which it doesn't tell of (Linux 6.6). */
static int count_programs(int index, uint32_t type, json_int_t *n)
{
	struct prog_query q = { .target = (uint32_t)index, .attach_type = type };
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &q, sizeof(q))) {
		/* an older kernel, a link of another kind, or one that is gone */
		bool none = errno == EINVAL || errno == ENOSYS || errno == ENOENT ||
			    errno == ENODEV || errno == EOPNOTSUPP || errno == ENXIO ||
			    errno == E2BIG;
		return none ? 0 : -errno;
	}
	*n += q.prog_cnt;
	return 0;
}

static void find_programs(struct live *l, json_t *data)
{
	static const struct {
		uint32_t type;
		const char *kind;
	} types[] = { { TCX_INGRESS, "tcx" },
		      { TCX_EGRESS, "tcx" },
		      { NETKIT_PRIMARY, "netkit" },
		      { NETKIT_PEER, "netkit" } };
	int err = 0;
	vec_each (k, &l->links) {
		for (size_t i = 0; i < sizeof(types) / sizeof(*types) && !err; i++) {
			json_int_t n = 0;
			err = count_programs(k->index, types[i].type, &n);
			if (n)
				add_item(l, data, k->index, types[i].kind, n);
		}
	}
	if (err == -EPERM || err == -EACCES)
		live_problem(l, "capability", "CAP_NET_ADMIN for programs on interfaces");
	else if (err)
		live_problem(l, "failed", "programs on interfaces can't be asked for: %s",
			     strerror(-err));
}

/* Load balancing by IPVS rewrites packets to the host; its services, below a head of 3 lines.
 */
static void find_ipvs(struct live *l, json_t *data)
{
	int err;
	size_t len, lines = 0;
	char *s = live_slurp("/proc/thread-self/net/ip_vs", &len, &err);
	for (size_t i = 0; s && i < len; i++)
		lines += s[i] == '\n';
	bool there = s != NULL;
	free(s);
	if (there ? lines > 3 : err != -ENOENT)
		add_item(l, data, 0, "ipvs", there ? (json_int_t)lines - 3 : -1);
}

void live_traffic_control(struct live *l)
{
	struct tcmsg ask = { .tcm_family = AF_UNSPEC };
	json_t *data = json_array();
	const struct nlmsghdr *m;
	LIVE_DUMP d = { 0 };
	int err = live_ask(NETLINK_ROUTE, RTM_GETQDISC, true, &ask, sizeof(ask), &d);
	if (err == -EOPNOTSUPP)
		err = 0; /* none in this kernel */
	for (size_t pos = 0; !err && (m = live_next(&d, &pos));)
		err = read_qdisc(l, m, data);
	if (err) {
		json_decref(data);
		live_failed(l, err, "CAP_NET_ADMIN", "traffic control");
		return;
	}
	find_programs(l, data);
	find_ipvs(l, data);
	live_set(l->now->body, "data", data);
}

/* A count that the kernel gives: XFRM_MSG_GETSADINFO and XFRM_MSG_GETSPDINFO. */
static int ask_xfrm(struct live *l, int type, struct live_attr *tb, unsigned max)
{
	uint32_t flags = UINT32_MAX;
	size_t pos = 0;
	LIVE_DUMP d = { 0 };
	int err = live_ask(NETLINK_XFRM, type, false, &flags, sizeof(flags), &d);
	const struct nlmsghdr *m = err ? NULL : live_next(&d, &pos);
	if (!err)
		err = m ? live_attrs(l, m, sizeof(flags), "xfrm", tb, max, NULL) : -EPROTO;
	if (err)
		return err;
	/* The answers point into the dump: keep what they hold. */
	for (unsigned i = 0; i <= max; i++)
		if (tb[i].data)
			tb[i].data = arena_copy(l->arena, tb[i].data, tb[i].len);
	return 0;
}

void live_xfrm(struct live *l)
{
	struct live_attr sa[XFRMA_SAD_MAX + 1], sp[XFRMA_SPD_MAX + 1];
	json_int_t states = 0, policies = 0;
	int err = 0;
	if (live_module(l, "xfrm_user") != MODULE_ABSENT ||
	    live_module(l, "af_key") != MODULE_ABSENT)
		err = ask_xfrm(l, XFRM_MSG_GETSADINFO, sa, XFRMA_SAD_MAX);
	else
		sa[XFRMA_SAD_CNT] = sp[XFRMA_SPD_INFO] = (struct live_attr){ 0 };
	if (err == -EPROTONOSUPPORT) {
		sa[XFRMA_SAD_CNT] = sp[XFRMA_SPD_INFO] = (struct live_attr){ 0 };
		err = 0; /* no IPsec in this kernel */
	} else if (!err && sa[XFRMA_SAD_CNT].data) {
		states = live_u32(sa[XFRMA_SAD_CNT]);
		err = ask_xfrm(l, XFRM_MSG_GETSPDINFO, sp, XFRMA_SPD_MAX);
		struct xfrmu_spdinfo info = { 0 };
		if (!err && sp[XFRMA_SPD_INFO].len >= sizeof(info)) {
			memcpy(&info, sp[XFRMA_SPD_INFO].data, sizeof(info));
			policies = (json_int_t)info.incnt + info.outcnt + info.fwdcnt;
		} else if (!err) {
			err = -EPROTO;
		}
	}
	if (err) {
		live_failed(l, err, "CAP_NET_ADMIN", "IPsec policies");
		return;
	}
	json_t *data = json_object();
	live_set_int(data, "policies", policies);
	live_set_int(data, "states", states);
	live_set(l->now->body, "data", data);
}
