/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/oracle/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const in_names[] = { "in0", "in1", "self" };
const char *const out_names[] = { "out0", "out1", "self" };

/* linux/in6.h, which doesn't go with netinet/in.h */
#ifndef IPV6_FLOWINFO
#define IPV6_FLOWINFO 11
#endif

/* ---- children ---- */

static void read_all(int fd, struct text *t)
{
	char buf[65536];
	ssize_t n;
	off_t at = 0;
	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		text_putn(t, buf, (size_t)n);
		at += n;
	}
	close(fd);
}

void run_child(const char *const *argv, const struct text *in, struct ran *ret)
{
	int fd[3], status = 0;
	for (int i = 0; i < 3; i++)
		fd[i] = memfd_create("child", MFD_CLOEXEC);
	*ret = (struct ran){ .status = 127 };
	for (size_t done = 0; in && done < in->len;) {
		ssize_t n = write(fd[0], in->s + done, in->len - done);
		if (n <= 0)
			return;
		done += (size_t)n;
	}
	lseek(fd[0], 0, SEEK_SET);
	pid_t pid = fork();
	if (!pid) {
		for (int i = 0; i < 3; i++)
			dup2(fd[i], i);
		setenv("TZ", "UTC", 1);
		setenv("LC_ALL", "C", 1);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	close(fd[0]);
	read_all(fd[1], &ret->out);
	read_all(fd[2], &ret->err);
}

void ran_finish(struct ran *r)
{
	text_finish(&r->out);
	text_finish(&r->err);
}

bool run_shell(const char *command)
{
	struct ran r;
	run_child((const char *const[]){ "sh", "-c", command, NULL }, NULL, &r);
	bool ok = !r.status;
	ran_finish(&r);
	return ok;
}

/* ---- the router ---- */

static int tun(const char *name)
{
	struct ifreq req = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &req) < 0) {
		int err = errno;
		close(fd);
		return -err;
	}
	return fd;
}

static const char setup[] =
	"set -e\n"
	"sysctl -qw net.ipv6.conf.default.addr_gen_mode=1 net.ipv6.conf.all.forwarding=1 "
	"net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 "
	"net.ipv4.icmp_ratemask=0 net.ipv6.icmp.ratelimit=0\n"
	"ip link set lo up\n"
	"for i in in0 in1 out0 out1; do\n"
	"  sysctl -qw net.ipv4.conf.$i.rp_filter=0 net.ipv6.conf.$i.addr_gen_mode=1\n"
	"  ip link set $i up txqueuelen 4096\n"
	"done\n"
	"ip addr add 169.254.1.1/32 dev in0\n"
	"ip -6 addr add fd99::1/128 dev in0 nodad\n"
	"ip route add 10.0.0.0/23 dev out0\n"
	"ip route add default dev out1\n"
	"ip -6 route add fd00::/112 dev out0\n"
	"ip -6 route add default dev out1\n"
	"ip addr add 10.0.3.5/32 dev lo\n"
	"ip -6 addr add fd00::2:5/128 dev lo nodad\n";

static const uint8_t raw_protos[FAMILY_COUNT][N_RAW] = { { 1, 6, 17, 20, 33, 47, 132, 136 },
							 { 58, 6, 17, 20, 33, 47, 132, 136 } };

static bool open_raw(struct kernel *k)
{
	int on = 1;
	for (int f = 0; f < FAMILY_COUNT; f++) {
		int domain = f == FAMILY_V4 ? AF_INET : AF_INET6;
		int type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
		k->sender[f] = socket(domain, type, IPPROTO_RAW);
		if (k->sender[f] < 0)
			return false;
		for (int i = 0; i < N_RAW; i++) {
			int fd = k->raw[f][i] = socket(domain, type, raw_protos[f][i]);
			if (fd < 0 ||
			    (f == FAMILY_V6 &&
			     setsockopt(fd, IPPROTO_IPV6, IPV6_FLOWINFO, &on, sizeof(on)) < 0))
				return false;
		}
	}
	/* in IPv4 the protocol says it, in IPv6 as well (ipv6(7)) */
	return true;
}

int kernel_open(struct kernel *k)
{
	*k = (struct kernel){ .epoch = 1 };
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	for (int i = 0; i < N_IN; i++)
		if ((k->in[i] = tun(in_names[i])) < 0)
			return k->in[i];
	for (int i = 0; i < N_OUT; i++)
		if ((k->out[i] = tun(out_names[i])) < 0)
			return k->out[i];
	struct ran r;
	run_child((const char *const[]){ "sh", "-c", setup, NULL }, NULL, &r);
	if (r.status)
		fprintf(stderr, "%s", r.err.s ? r.err.s : "the router can't be built\n");
	int err = r.status ? -EOPNOTSUPP : 0;
	ran_finish(&r);
	return err ? err : open_raw(k) ? 0 : -errno;
}

void kernel_close(struct kernel *k)
{
	for (int i = 0; i < N_IN; i++)
		close(k->in[i]);
	for (int i = 0; i < N_OUT; i++)
		close(k->out[i]);
	for (int f = 0; f < FAMILY_COUNT; f++) {
		close(k->sender[f]);
		for (int i = 0; i < N_RAW; i++)
			close(k->raw[f][i]);
	}
}

static const struct addr own[FAMILY_COUNT] = { { 0, 0x0a000305 },
					       { 0xfd00000000000000u, 0x20005 } };

static unsigned route(const struct packet *p)
{
	if (addr_equal(p->dst, own[p->family]))
		return OUT_SELF;
	if (p->family == FAMILY_V4)
		return p->dst.lo >> 9 != 0x0a000000 >> 9;
	return !(p->dst.hi == 0xfd00000000000000u && !(p->dst.lo >> 16));
}

/* Nothing but whole packets of protocols that somebody reads are seen to come in. */
static void readable(struct shot *shot)
{
	struct packet *p = &shot->packet;
	shot->wire &= (uint8_t)~WIRE_FIRST;
	bool known = !p->fragment;
	for (int i = 0; known && i < N_RAW; i++)
		if (raw_protos[p->family][i] == p->proto)
			return;
	p->fragment = 0;
	p->proto = PROTO_UDP;
	p->flags = p->icmp_type = p->icmp_code = 0;
	p->state = STATE_NEW;
}

void kernel_place(struct rng *r, struct shot *shot)
{
	struct packet *p = &shot->packet;
	unsigned k = below(r, 16);
	if (k == 0)
		p->dst = own[p->family];
	shot->in = (uint8_t)(k == 1 ? IN_SELF : below(r, N_IN));
	/* its own address comes from nowhere else (a martian), and it doesn't send to itself
	 * by these interfaces */
	if (shot->in != IN_SELF && addr_equal(p->src, own[p->family]))
		p->src = addr_next(p->src);
	if (shot->in == IN_SELF && addr_equal(p->dst, own[p->family]))
		p->dst = addr_next(p->dst);
	shot->out = (uint8_t)route(p);
	if (shot->out == OUT_SELF)
		readable(shot);
}

/* ---- rulesets ---- */

int kernel_forget(void)
{
	struct {
		struct nlmsghdr n;
		struct nfgenmsg g;
	} msg = {
		.n = { .nlmsg_len = sizeof(msg),
		       .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | 2 /* IPCTNL_MSG_CT_DELETE */,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
	};
	char buf[256];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	int err = fd < 0 || send(fd, &msg, sizeof(msg), 0) < 0 ||
				  recv(fd, buf, sizeof(buf), 0) < 0
			  ? -errno
			  : 0;
	if (fd >= 0)
		close(fd);
	return err;
}

static const char clear_iptables[] =
	"for f in ip ip6; do\n"
	"  [ -e /proc/net/${f}_tables_names ] || continue\n"
	"  for t in $(cat /proc/net/${f}_tables_names); do\n"
	"    case $t in nat) c='PREROUTING INPUT OUTPUT POSTROUTING';;\n"
	"    raw) c='PREROUTING OUTPUT';;\n"
	"    mangle) c='PREROUTING INPUT FORWARD OUTPUT POSTROUTING';;\n"
	"    *) c='INPUT FORWARD OUTPUT';; esac\n"
	"    { echo \"*$t\"; for x in $c; do echo \":$x ACCEPT [0:0]\"; done; echo COMMIT; } "
	"|\n"
	"      ${f}tables-legacy-restore -w\n"
	"  done\n"
	"done\n";

/* Rules let go of their sets a little later. */
static const char clear_sets[] =
	"for n in 1 2 3 4 5 6 7 8 9 10; do ipset flush; ipset destroy 2>/dev/null && exit 0; "
	"sleep 0.02; done\n"
	"exit 1\n";

bool kernel_clear(struct kernel *k)
{
	bool *used = k->used;
	bool ok = true;
	if (used[PART_LEGACY4] || used[PART_LEGACY6])
		ok = run_shell(clear_iptables);
	if (used[PART_NFT] || used[PART_XNFT4] || used[PART_XNFT6])
		ok = run_shell("nft flush ruleset") && ok;
	if (used[PART_IPSET])
		ok = run_shell(clear_sets) && ok;
	memset(used, 0, sizeof(k->used));
	return !kernel_forget() && ok;
}

static const char *const *loader(enum part part)
{
	static const char *const ipset[] = { "ipset", "restore", NULL };
	static const char *const legacy4[] = { "iptables-legacy-restore", "-w", NULL };
	static const char *const legacy6[] = { "ip6tables-legacy-restore", "-w", NULL };
	static const char *const xnft4[] = { "iptables-nft-restore", NULL };
	static const char *const xnft6[] = { "ip6tables-nft-restore", NULL };
	static const char *const nft[] = { "nft", "-f", "-", NULL };
	static const char *const *const all[] = {
		[PART_IPSET] = ipset, [PART_LEGACY4] = legacy4, [PART_LEGACY6] = legacy6,
		[PART_XNFT4] = xnft4, [PART_XNFT6] = xnft6,	[PART_NFT] = nft
	};
	return all[part];
}

/* The script's line that holds line `at` of its part's text. */
static struct script_line *line_at(struct script *s, enum part part, unsigned at)
{
	unsigned now = 1;
	vec_each (l, &s->lines) {
		if (l->part != part || l->removed)
			continue;
		for (const char *c = l->text; *c; c++)
			now += *c == '\n';
		if (at <= now++)
			return l;
	}
	return NULL;
}

/*
 * The tools refuse what a generator can't foresee (sets whose elements overlap, protocols that
 * exclude each other) and name the lines: those go, where they may.
 */
static bool drop_refused(struct script *s, enum part part, const char *err)
{
	static const char *const marks[] = { "/dev/stdin:", "line ", "line: " };
	struct script_line *bad[64];
	size_t n = 0;
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		for (const char *c = err; (c = strstr(c, marks[i])) && n < 64; c++) {
			struct script_line *l = line_at(
				s, part, (unsigned)strtoul(c + strlen(marks[i]), NULL, 10));
			if (l && l->free)
				bad[n++] = l;
		}
	for (size_t i = 0; i < n; i++)
		bad[i]->removed = true;
	return n;
}

static const char *load_part(struct script *s, enum part part)
{
	const char *why = NULL;
	bool retry = true;
	for (int tries = 0; tries < 12 && retry; tries++) {
		struct text t = { 0 };
		struct ran r = { 0 };
		why = NULL;
		retry = false;
		if (script_text(s, part, &t))
			run_child(loader(part), &t, &r);
		if (r.status) {
			why = arena_printf(s->arena, "%s: status %d: %s", *loader(part),
					   r.status, r.err.s ? r.err.s : "");
			retry = drop_refused(s, part, why);
		}
		ran_finish(&r);
		text_finish(&t);
	}
	return why;
}

const char *kernel_load(struct kernel *k, struct script *s)
{
	const char *why = NULL;
	for (int part = 0; part < PART_COUNT && !why; part++) {
		vec_each (l, &s->lines)
			k->used[part] |= l->part == part;
		why = load_part(s, (enum part)part);
	}
	return why;
}

/* ---- packets ---- */

static void drain(int fd)
{
	uint8_t b[2048];
	while (read(fd, b, sizeof(b)) > 0)
		;
}

struct batch {
	uint8_t bytes[BATCH][WIRE_MAX];
	size_t len[BATCH];
	const struct shot *v;
	size_t n;
	unsigned epoch;
	bool *arrived;
};

/* The place in the batch of a packet that came out, -1: none of ours. */
static int place_of(const struct batch *b, int id)
{
	return id >= 0 && (unsigned)id >> 6 == b->epoch && (size_t)(id & 63) < b->n ? id & 63
										    : -1;
}

static bool give(struct kernel *k, const struct batch *b, size_t i)
{
	const struct shot *shot = &b->v[i];
	const uint8_t *bytes = b->bytes[i];
	if (shot->in != IN_SELF)
		return write(k->in[shot->in], bytes, b->len[i]) == (ssize_t)b->len[i];
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	bool v4 = shot->packet.family == FAMILY_V4;
	memcpy(&to4.sin_addr, bytes + 16, 4);
	memcpy(&to6.sin6_addr, bytes + 24, 16);
	/* that a ruleset drops it is told as an error */
	sendto(k->sender[shot->packet.family], bytes, b->len[i], 0,
	       v4 ? (const struct sockaddr *)&to4 : (const struct sockaddr *)&to6,
	       v4 ? sizeof(to4) : sizeof(to6));
	return true;
}

static void take_out(struct kernel *k, const struct batch *b)
{
	uint8_t got[2048];
	for (unsigned o = 0; o < N_OUT; o++) {
		ssize_t size;
		while ((size = read(k->out[o], got, sizeof(got))) > 0) {
			int i = place_of(b, wire_id(got, (size_t)size));
			if (i < 0 || !wire_same(b->bytes[i], b->len[i], got, (size_t)size))
				continue;
			b->arrived[i] = true;
			k->strange += o != b->v[i].out;
		}
	}
	for (int i = 0; i < N_IN; i++)
		drain(k->in[i]);
}

/* IPv6: the header is gone, its flow label is told beside the packet. */
static int flow_of(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		uint8_t flow[4];
		if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_FLOWINFO)
			continue;
		memcpy(flow, CMSG_DATA(c), 4);
		return (flow[1] & 0xf) << 16 | flow[2] << 8 | flow[3];
	}
	return -1;
}

static void take_own(struct kernel *k, const struct batch *b)
{
	uint8_t got[2048];
	char control[256];
	struct sockaddr_in6 from;
	for (int f = 0; f < FAMILY_COUNT; f++)
		for (int p = 0; p < N_RAW; p++)
			for (;;) {
				struct iovec io = { got, sizeof(got) };
				struct msghdr m = { .msg_name = &from,
						    .msg_namelen = sizeof(from),
						    .msg_iov = &io,
						    .msg_iovlen = 1,
						    .msg_control = control,
						    .msg_controllen = sizeof(control) };
				ssize_t size = recvmsg(k->raw[f][p], &m, 0);
				if (size < 0)
					break;
				int i = place_of(b, f == FAMILY_V6
							    ? flow_of(&m)
							    : wire_id(got, (size_t)size));
				if (i < 0 || b->v[i].out != OUT_SELF)
					continue;
				b->arrived[i] |=
					f == FAMILY_V6
						? !memcmp(&from.sin6_addr, b->bytes[i] + 8, 16)
						: wire_same(b->bytes[i], b->len[i], got,
							    (size_t)size);
			}
}

void kernel_send(struct kernel *k, const struct shot *v, size_t n, bool *ret_arrived)
{
	static struct batch b;
	bool own_any = false;
	/* 16 bits in IPv4: ten of the epoch, six of the place in the batch */
	k->epoch = k->epoch % 1023 + 1;
	b.v = v, b.n = n, b.epoch = k->epoch, b.arrived = ret_arrived;
	memset(ret_arrived, 0, n * sizeof(*ret_arrived));
	for (size_t i = 0; i < n; i++) {
		b.len[i] = wire_build(&v[i], k->epoch << 6 | (unsigned)i, b.bytes[i]);
		own_any |= v[i].out == OUT_SELF;
		k->strange += !give(k, &b, i);
	}
	take_out(k, &b);
	if (own_any)
		take_own(k, &b);
}
