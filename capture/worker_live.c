/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interface, through libpcap's ring of TPACKET_V3 (packet(7)). The kernel's filter and its
 * counters are handled here and not by libpcap: it would run a filter again in user space, and
 * it counts in 32 bits.
 *
 * Counts are exact: the socket first lets nothing pass, until the ring is empty; what comes
 * then is counted from zero; at the end nothing passes again, and what the ring still holds is
 * taken out, until as many packets were handed over as the kernel says there were.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "capture/kernel_filter.h"
#include "capture/worker_internal.h"

enum {
	SNAPLEN_DEFAULT = 256,
	SNAPLEN_MOST = 262144,
	BUFFER_DEFAULT = 16 << 20,
	TIMEOUT_MS = 100, /* of a block of the ring */
	BURST = 1 << 14,  /* packets between two looks at anything else */
	PUSH_MS = 200,
	SETTLE_MS = 3000, /* for the ring to run empty */
};

struct live {
	struct child *c;
	pcap_t *pcap;
	int fd, netlink, index;
	unsigned loopback; /* index of lo; 0: there is none */
	unsigned filter_turn;
	uint32_t snaplen;
	uint64_t handed, beyond;   /* to us; of those, behind the last that was wanted */
	uint64_t counted, dropped; /* by the kernel; counted has the dropped ones in it */
	struct counter interface; /* packets that it lost itself */
	bool discard;
};

static int64_t now_of(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- opening ------------------------------------------------------------------------- */

static int enter(const char *netns)
{
	char path[PATH_MAX];
	uint64_t pid;
	if (strchr(netns, '/'))
		snprintf(path, sizeof(path), "%s", netns);
	else
		snprintf(path, sizeof(path), "/run/netns/%s", netns);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT &&
	    parse_number(netns, strlen(netns), 1, INT32_MAX, false, &pid)) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	int err = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	return err;
}

/* FAULT_COUNT: it is open. */
static enum fault activate(struct live *l, char *why, size_t size)
{
	const struct capture_input *in = l->c->in;
	char error[PCAP_ERRBUF_SIZE] = "";
	int err = in->netns ? enter(in->netns) : 0;
	if (err) {
		snprintf(why, size, "%s: %s", in->netns,
			 err == -EPERM ? "it takes CAP_SYS_ADMIN to enter it" : strerror(-err));
		return FAULT_NETNS;
	}
	l->index = (int)if_nametoindex(in->interface);
	l->loopback = if_nametoindex("lo");
	if (!l->index && strcmp(in->interface, "any")) {
		snprintf(why, size, "there is no such interface");
		return FAULT_INTERFACE;
	}
	l->pcap = pcap_create(in->interface, error);
	if (!l->pcap) {
		snprintf(why, size, "%s", error);
		return FAULT_INTERFACE;
	}
	l->snaplen = in->snaplen ? in->snaplen : SNAPLEN_DEFAULT;
	if (l->snaplen > SNAPLEN_MOST)
		l->snaplen = SNAPLEN_MOST;
	size_t buffer = in->buffer ? in->buffer : BUFFER_DEFAULT;
	pcap_set_snaplen(l->pcap, (int)l->snaplen);
	pcap_set_promisc(l->pcap, 0);
	pcap_set_timeout(l->pcap, TIMEOUT_MS);
	pcap_set_immediate_mode(l->pcap, 0);
	pcap_set_buffer_size(l->pcap, buffer < INT32_MAX ? (int)buffer : INT32_MAX);
	pcap_set_tstamp_precision(l->pcap, PCAP_TSTAMP_PRECISION_NANO);
	err = pcap_activate(l->pcap);
	if (err == PCAP_ERROR_PERM_DENIED || err == PCAP_ERROR_PROMISC_PERM_DENIED) {
		snprintf(why, size, "opening an interface takes CAP_NET_RAW");
		return FAULT_PERMISSION;
	}
	if (err < 0 || pcap_setnonblock(l->pcap, 1, error)) {
		snprintf(why, size, "%s",
			 err == PCAP_ERROR || err >= 0 ? pcap_geterr(l->pcap)
						       : pcap_statustostr(err));
		return FAULT_INTERFACE;
	}
	return FAULT_COUNT;
}

static enum fault open_live(struct live *l, char *why, size_t size)
{
	enum fault f = activate(l, why, size);
	if (f != FAULT_COUNT)
		return f;
	int version = -1;
	socklen_t len = sizeof(version);
	l->fd = pcap_get_selectable_fd(l->pcap);
	if (getsockopt(l->fd, SOL_PACKET, PACKET_VERSION, &version, &len) ||
	    version != TPACKET_V3) {
		snprintf(why, size, "libpcap doesn't use TPACKET_V3 on it");
		return FAULT_INTERFACE;
	}
	int dlt = pcap_datalink(l->pcap);
	if (!decode_link_known(dlt)) {
		snprintf(why, size, "%s", pcap_datalink_val_to_description_or_dlt(dlt));
		return FAULT_LINK_TYPE;
	}
	if (!child_link(l->c, dlt)) {
		snprintf(why, size, "%s", pcap_datalink_val_to_description_or_dlt(dlt));
		return FAULT_EXPRESSION;
	}
	/* What the interface itself loses is asked for through descriptor 0; without an answer
	 * it isn't told. */
	l->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (l->netlink >= 0 && dup2(l->netlink, 0) == 0) {
		close(l->netlink);
		l->netlink = 0;
	}
	return FAULT_COUNT;
}

/* ---- counters ------------------------------------------------------------------------ */

static void count_kernel(struct live *l)
{
	struct tpacket_stats_v3 s;
	socklen_t len = sizeof(s);
	if (getsockopt(l->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len))
		return;
	l->counted += s.tp_packets; /* with the dropped ones (packet_getsockopt()) */
	l->dropped += s.tp_drops;
}

/* Packets that the interface lost before the kernel saw them, since it was made (rtnetlink(7)):
 * what libpcap takes for it. False where it isn't told. */
static bool interface_losses(const struct live *l, uint64_t *ret)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} ask = { .h = { .nlmsg_len = sizeof(ask),
			 .nlmsg_type = RTM_GETLINK,
			 .nlmsg_flags = NLM_F_REQUEST },
		  .i = { .ifi_index = l->index } };
	_Alignas(struct nlmsghdr) char answer[16384];
	if (l->netlink != 0 || !l->index ||
	    write(l->netlink, &ask, sizeof(ask)) != (ssize_t)sizeof(ask))
		return false;
	ssize_t n = read(l->netlink, answer, sizeof(answer));
	struct nlmsghdr *h = (struct nlmsghdr *)answer;
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct ifinfomsg)) || !NLMSG_OK(h, (size_t)n) ||
	    h->nlmsg_type != RTM_NEWLINK)
		return false;
	int left = (int)IFLA_PAYLOAD(h);
	struct ifinfomsg *i = NLMSG_DATA(h);
	for (struct rtattr *a = IFLA_RTA(i); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		struct rtnl_link_stats64 s = { 0 };
		if (a->rta_type != IFLA_STATS64)
			continue;
		size_t size = RTA_PAYLOAD(a) < sizeof(s) ? RTA_PAYLOAD(a) : sizeof(s);
		memcpy(&s, RTA_DATA(a), size);
		*ret = s.rx_missed_errors + s.rx_fifo_errors;
		return true;
	}
	return false;
}

bool counter_read(struct counter *c, uint64_t now)
{
	bool back = c->known && now < c->last;
	if (c->known)
		c->sum += back ? now : now - c->last;
	c->last = now;
	c->known = true;
	return !back;
}

static void count_interface(struct live *l)
{
	uint64_t lost;
	if (interface_losses(l, &lost) && !counter_read(&l->interface, lost))
		child_fault(l->c, FAULT_COUNTS, NO_FILE,
			    "the interface counts what it loses from zero again");
}

static void tell_counts(struct live *l)
{
	struct capture_counts *n = &l->c->counts;
	count_kernel(l);
	count_interface(l);
	n->dropped_kernel = l->dropped;
	n->dropped_interface = l->interface.sum;
	n->drops_known = true;
	/* what is in the ring belongs to the next period */
	n->received = n->processed + n->dropped_kernel + n->dropped_interface;
}

/* ---- the kernel's filter -------------------------------------------------------------- */

static int attach(const struct live *l, struct sock_filter *v, size_t n)
{
	struct sock_fprog p = { .len = (unsigned short)n, .filter = v };
	return setsockopt(l->fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)) ? -errno : 0;
}

static void pass_nothing(const struct live *l)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	if (attach(l, &none, 1))
		child_fault(l->c, FAULT_FILTER, NO_FILE, strerrordesc_np(errno));
}

/*
 * libpcap leaves out what goes out on the loopback interface, since it comes in as well: the
 * kernel is told not to count it.
 */
static size_t without_echo(const struct live *l, struct sock_filter *to)
{
	unsigned lo = l->loopback;
	const struct sock_filter prologue[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, lo, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	if (!lo || (l->index && (unsigned)l->index != lo))
		return 0;
	memcpy(to, prologue, sizeof(prologue));
	return sizeof(prologue) / sizeof(*prologue);
}

/* The policy's program, or all: cut to the snap length. */
static void filter(struct live *l, const struct sock_filter *v, size_t n)
{
	static const struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, UINT32_MAX) };
	struct sock_filter whole[FILTER_MAX + 16];
	size_t at = without_echo(l, whole);
	if (n)
		at += kernel_filter_place(v, n, l->c->dlt, whole + at);
	else
		whole[at++] = all[0];
	for (size_t i = 0; i < at; i++)
		if (whole[i].code == (BPF_RET | BPF_K) && whole[i].k)
			whole[i].k = l->snaplen;
	if (at > FILTER_MAX || attach(l, whole, at))
		child_fault(l->c, FAULT_FILTER, NO_FILE,
			    strerrordesc_np(at > FILTER_MAX ? E2BIG : errno));
}

/* Another filter, where the parent has written one since. */
static void refilter(struct live *l)
{
	struct orders *k = l->c->orders;
	unsigned turn = atomic_load_explicit(&k->filter_turn, memory_order_acquire);
	if (turn == l->filter_turn || turn & 1)
		return;
	struct sock_filter copy[FILTER_MAX];
	size_t n = k->n_filter < FILTER_MAX ? k->n_filter : FILTER_MAX;
	memcpy(copy, k->filter, n * sizeof(*copy));
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&k->filter_turn, memory_order_relaxed) != turn)
		return; /* the next look has it */
	l->filter_turn = turn;
	filter(l, copy, n);
}

/* ---- packets -------------------------------------------------------------------------- */

static void packet(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct live *l = (struct live *)user;
	l->handed++;
	if (l->discard)
		return;
	if (l->c->full) {
		l->beyond++;
		return;
	}
	int64_t at = (int64_t)h->ts.tv_sec * 1000000000 + h->ts.tv_usec;
	child_packet(l->c, bytes, h->caplen, h->len, at < 0 ? 0 : at);
	child_settle(l->c); /* the ring takes its bytes back */
}

/* What is there, at most a burst; false: the interface is gone. */
static bool burst(struct live *l, int wait_ms)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	if (wait_ms)
		poll(&p, 1, wait_ms);
	int n = pcap_dispatch(l->pcap, BURST, packet, (u_char *)l);
	if (n >= 0)
		return true;
	child_fault(l->c, FAULT_CUT, NO_FILE,
		    n == PCAP_ERROR ? pcap_geterr(l->pcap) : pcap_statustostr(n));
	return false;
}

/* Nothing passes any more; takes out what there is. True: all that passed was handed over. */
static bool settle(struct live *l)
{
	int64_t end = now_of(CLOCK_MONOTONIC) + SETTLE_MS * INT64_C(1000000);
	pass_nothing(l);
	do {
		count_kernel(l);
		if (l->handed + l->dropped >= l->counted)
			return l->handed + l->dropped == l->counted;
	} while (burst(l, TIMEOUT_MS / 4) && now_of(CLOCK_MONOTONIC) < end);
	count_kernel(l);
	return l->handed + l->dropped == l->counted;
}

static bool start(struct live *l)
{
	struct orders *k = l->c->orders;
	l->discard = true;
	if (!settle(l))
		return false;
	l->discard = false;
	l->handed = l->counted = l->dropped = 0;
	l->interface = (struct counter){ 0 };
	count_interface(l);
	l->filter_turn = atomic_load_explicit(&k->filter_turn, memory_order_acquire);
	filter(l, k->filter, k->n_filter);
	return true;
}

static void loop(struct live *l)
{
	struct child *c = l->c;
	int64_t now = now_of(CLOCK_MONOTONIC), pushed = now;
	int64_t end = c->in->duration ? now + c->in->duration : INT64_MAX;
	int64_t tick = c->in->interval ? now + c->in->interval : INT64_MAX;
	while (!c->full && !child_stopped(c) && now < end) {
		int64_t next = end < tick ? end : tick;
		int64_t wait = next == INT64_MAX ? TIMEOUT_MS : (next - now) / 1000000 + 1;
		if (!burst(l, (int)(wait < TIMEOUT_MS ? wait : TIMEOUT_MS)))
			break;
		bool at_once = child_tick_asked(c);
		if (at_once)
			refilter(l); /* so that no packet of the old one's comes behind it */
		now = now_of(CLOCK_MONOTONIC);
		if (now >= tick || at_once) {
			tell_counts(l);
			child_tick(c, now_of(CLOCK_REALTIME));
			if (now >= tick)
				tick += c->in->interval;
			if (tick <= now)
				tick = now + c->in->interval;
		}
		if (now - pushed >= PUSH_MS * INT64_C(1000000)) {
			count_kernel(l); /* the kernel's own counters have 32 bits */
			child_push(c);
			pushed = now;
		}
	}
}

void child_live(struct child *c)
{
	struct live l = { .c = c, .netlink = -1 };
	struct ready ready = { 0 };
	char why[FAULT_TEXT];
	enum fault f = open_live(&l, why, sizeof(why));
	if (f == FAULT_COUNT) {
		child_lock(c, &ready);
		if (!ready.locked) {
			f = FAULT_SANDBOX;
			snprintf(why, sizeof(why), "%s", ready.sandbox);
		} else if (!start(&l)) {
			f = FAULT_COUNTS;
			snprintf(why, sizeof(why), "the ring doesn't run empty");
		}
	}
	if (f != FAULT_COUNT) {
		child_fault(c, f, NO_FILE, why);
		ready.failed = f;
	}
	child_ready(c, &ready);
	if (f != FAULT_COUNT)
		return;
	loop(&l);
	bool exact = settle(&l);
	tell_counts(&l);
	exact = exact && l.handed == c->counts.processed + c->left_out + l.beyond;
	if (!exact) {
		snprintf(why, sizeof(why),
			 "the kernel counted %llu packets and dropped %llu, %llu were read",
			 (unsigned long long)l.counted, (unsigned long long)l.dropped,
			 (unsigned long long)l.handed);
		child_fault(c, FAULT_COUNTS, NO_FILE, why);
	}
}
