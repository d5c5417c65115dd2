/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pair of virtual interfaces in a network namespace of its own, packets into one end and the
 * worker at the other. Skipped, saying so, where no namespace can be made.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/vec.h"
#include "capture/kernel_filter.h"
#include "capture/worker.h"

enum { FRAME = 60, LONG_FRAME = 1000, BATCH = 64 };

/* ---- the world ------------------------------------------------------------------------- */

static void sh(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

static bool world(void)
{
	if (unshare(CLONE_NEWNET)) {
		cr_skip_test("no network namespace can be made: %s", strerror(errno));
		return false;
	}
	sh("ip link set lo up; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; "
	   "ip link add in0 type veth peer name out0 && ip link set in0 up && ip link set out0 "
	   "up");
	return true;
}

struct sender {
	int fd;
	struct sockaddr_ll to;
};

static struct sender sender(const char *interface)
{
	struct sender s = { .fd = socket(AF_PACKET, SOCK_RAW, 0),
			    .to = { .sll_family = AF_PACKET,
				    .sll_ifindex = (int)if_nametoindex(interface),
				    .sll_halen = 6 } };
	cr_assert(s.fd >= 0 && s.to.sll_ifindex);
	return s;
}

/* UDP from 10.0.0.1 to 10.0.0.9; every port is a flow. */
static size_t frame(uint8_t *f, uint16_t sport, size_t size)
{
	static const uint8_t head[] = { 2, 0, 0,    0, 0, 1, 2,	 0, 0, 0, 0,  2,
					8, 0, 0x45, 0, 0, 0, 0,	 1, 0, 0, 64, 17,
					0, 0, 10,   0, 0, 1, 10, 0, 0, 9 };
	memset(f, 0, size);
	memcpy(f, head, sizeof(head));
	uint16_t ip = htons((uint16_t)(size - 14)), udp = htons((uint16_t)(size - 34));
	memcpy(f + 16, &ip, 2);
	f[34] = (uint8_t)(sport >> 8), f[35] = (uint8_t)sport;
	f[37] = 53;
	memcpy(f + 38, &udp, 2);
	return size;
}

static void send_one(const struct sender *s, uint16_t sport)
{
	uint8_t f[LONG_FRAME];
	size_t n = frame(f, sport, FRAME);
	cr_assert_eq(sendto(s->fd, f, n, 0, (const void *)&s->to, sizeof(s->to)), (ssize_t)n);
}

/* n frames as fast as they go, of as many flows. */
static void flood(const struct sender *s, size_t n, size_t flows, size_t size)
{
	static uint8_t f[BATCH][LONG_FRAME];
	struct iovec v[BATCH];
	struct mmsghdr m[BATCH] = { 0 };
	for (size_t at = 0; at < n;) {
		size_t k = n - at < BATCH ? n - at : BATCH;
		for (size_t i = 0; i < k; i++) {
			v[i] = (struct iovec){ f[i], frame(f[i], (uint16_t)((at + i) % flows),
							   size) };
			m[i].msg_hdr = (struct msghdr){ .msg_name = (void *)(uintptr_t)&s->to,
							.msg_namelen = sizeof(s->to),
							.msg_iov = &v[i],
							.msg_iovlen = 1 };
		}
		int sent = sendmmsg(s->fd, m, (unsigned)k, 0);
		if (sent < 0 && (errno == ENOBUFS || errno == EINTR))
			continue;
		cr_assert(sent > 0, "%s", strerror(errno));
		at += (size_t)sent;
	}
}

/* ---- a run ------------------------------------------------------------------------------ */

struct run {
	struct arena *arena;
	struct diags diags;
	struct capture_counts counts;
	struct capture_worker *worker;
	uint64_t firsts, packets, tick; /* the number of the last one */
	size_t ticks, faults;
	int start, end;
};

static void hear(void *user, const struct flow_record *r, const void *more, size_t n)
{
	struct run *t = user;
	if (r->kind <= RECORD_LAST)
		t->packets += r->packets[0] + r->packets[1];
	t->firsts += r->kind == RECORD_FIRST;
	t->ticks += r->kind == RECORD_TICK;
	if (r->kind == RECORD_TICK)
		t->tick = r->number;
	t->faults += r->kind == RECORD_FAULT;
	if (r->kind == RECORD_COUNTS)
		memcpy(&t->counts, more, n);
}

static struct run begin(struct capture_input in)
{
	size_t lost;
	struct run t = { .arena = arena_create() };
	diags_init(&t.diags, t.arena);
	in.interface = in.interface ? in.interface : "out0";
	t.start = capture_start(t.arena, &t.diags, &in, &lost, &t.worker);
	return t;
}

static int next(struct run *t)
{
	int end;
	while ((end = capture_next(t->worker, &t->diags, hear, t)) == -EINTR)
		;
	return end;
}

static void over(struct run *t)
{
	diags_finish(&t->diags);
	arena_destroy(t->arena);
}

static void finish(struct run *t)
{
	cr_assert_eq(t->start, 0, "%s", t->diags.n ? t->diags.v[0].text : "");
	while ((t->end = next(t)) == 1)
		;
	cr_expect_eq(t->end, 0);
	for (size_t i = 0; i < t->diags.n; i++)
		cr_expect(false, "%s: %s", t->diags.v[i].code, t->diags.v[i].text);
	cr_expect_eq(t->counts.received, t->counts.processed + t->counts.dropped_kernel +
						 t->counts.dropped_interface);
	cr_expect_eq(t->packets, t->counts.processed);
	cr_expect(t->counts.drops_known);
	capture_destroy(t->worker);
	over(t);
}

static void stop(struct run *t)
{
	capture_stop(t->worker);
	finish(t);
}

/* The one child that this process has. */
static pid_t child(void)
{
	char path[64];
	int pid = 0;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	FILE *f = fopen(path, "r");
	cr_assert(f && fscanf(f, "%d", &pid) == 1);
	fclose(f);
	return pid;
}

/* ---- counts ----------------------------------------------------------------------------- */

Test(capture_live, every_packet_is_counted)
{
	if (!world())
		return;
	struct sender s = sender("in0");
	flood(&s, 1000, 5, FRAME); /* before: none of ours */
	/* all of them fit, however slow the process is */
	struct run t = begin((struct capture_input){ .buffer = (size_t)128 << 20 });
	flood(&s, 50000, 1000, LONG_FRAME);
	stop(&t);
	cr_expect_eq(t.counts.processed + t.counts.dropped_kernel, 50000, "%llu + %llu",
		     (unsigned long long)t.counts.processed,
		     (unsigned long long)t.counts.dropped_kernel);
	cr_expect_eq(t.counts.dropped_kernel, 0);
	cr_expect_eq(t.firsts, 1000);
	cr_expect_eq(t.counts.bytes, 50000 * LONG_FRAME);
	cr_expect_eq(t.counts.truncated, 0);
}

Test(capture_live, both_directions)
{
	if (!world())
		return;
	struct sender in = sender("in0"), out = sender("out0");
	struct run t = begin((struct capture_input){ 0 });
	flood(&in, 100, 1, FRAME);
	flood(&out, 50, 1, FRAME);
	stop(&t);
	cr_expect_eq(t.counts.processed, 150);
}

Test(capture_live, the_loopback_is_counted_once)
{
	if (!world())
		return;
	struct sender lo = sender("lo");
	struct run t = begin((struct capture_input){ .interface = "lo" });
	flood(&lo, 100, 1, FRAME);
	stop(&t);
	cr_expect_eq(t.counts.processed, 100);
}

Test(capture_live, any_interface)
{
	if (!world())
		return;
	struct sender s = sender("in0");
	struct run t = begin((struct capture_input){ .interface = "any" });
	flood(&s, 100, 1, FRAME);
	stop(&t);
	cr_expect_eq(t.counts.processed, 200, "out of one end and into the other");
}

Test(capture_live, loss_is_told_every_time)
{
	if (!world())
		return;
	/* the process is stopped while more comes than the ring holds */
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork(); /* capabilities are given up by each */
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			struct sender s = sender("in0");
			struct run t = begin((struct capture_input){ .buffer = 1 });
			cr_assert_eq(t.start, 0);
			pid_t worker = child();
			kill(worker, SIGSTOP);
			flood(&s, 40000, 100, FRAME);
			kill(worker, SIGCONT);
			stop(&t);
			_exit(t.counts.dropped_kernel > 0 && t.counts.received == 40000 &&
					      t.counts.processed > 0
				      ? 0
				      : 1);
		}
		int status;
		cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
		cr_expect(WIFEXITED(status) && !WEXITSTATUS(status), "run %d", i);
	}
}

/* ---- bounds ----------------------------------------------------------------------------- */

Test(capture_live, ends_after_so_many)
{
	if (!world())
		return;
	struct sender s = sender("in0");
	struct run t = begin((struct capture_input){ .count = 70 });
	flood(&s, 1000, 10, FRAME);
	finish(&t);
	cr_expect_eq(t.counts.processed, 70);
	cr_expect_eq(t.counts.received, 70);
}

Test(capture_live, ends_after_so_long_without_a_packet)
{
	if (!world())
		return;
	struct run t = begin((struct capture_input){ .duration = 300000000 });
	finish(&t);
	cr_expect_eq(t.counts.processed, 0);
}

Test(capture_live, periods_end)
{
	if (!world())
		return;
	struct sender s = sender("in0");
	struct run t = begin((struct capture_input){ .interval = 200000000 });
	send_one(&s, 1);
	cr_expect_eq(next(&t), 1);
	while (!t.counts.processed)
		cr_assert_eq(next(&t), 1);
	cr_expect_eq(t.counts.processed, 1);
	cr_expect_eq(t.packets, 1);
	send_one(&s, 1);
	stop(&t);
	cr_expect_eq(t.counts.processed, 2);
	cr_expect_geq(t.ticks, 1);
}

/* ---- filters ---------------------------------------------------------------------------- */

static struct sock_filter port_is[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 34),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};
static const struct sock_fprog port_program = { 4, port_is };
static const struct kernel_filter port_filter = { .program = &port_program, .one_in = 1 };

Test(capture_live, the_kernel_filters)
{
	if (!world())
		return;
	struct sender s = sender("in0");
	struct run t = begin((struct capture_input){ .filter = &port_filter });
	flood(&s, 1000, 10, FRAME);
	stop(&t);
	cr_expect_eq(t.counts.received, 100);
	cr_expect_eq(t.firsts, 1);
}

Test(capture_live, another_filter_from_now_on)
{
	if (!world())
		return;
	struct sender s = sender("in0");
	struct run t = begin((struct capture_input){ 0 });
	flood(&s, 1000, 10, FRAME);
	cr_expect_eq(capture_refilter(t.worker, &t.diags, &port_filter), 0);
	cr_expect_eq(next(&t), 1); /* the period ends there */
	cr_expect_eq(t.tick, 1);
	flood(&s, 1000, 10, FRAME);
	stop(&t);
	cr_expect_eq(t.counts.received, 1100);
}

Test(capture_live, a_period_ends_when_asked)
{
	if (!world())
		return;
	struct sender s = sender("in0");
	struct run t = begin((struct capture_input){ .interval = INT64_C(3600000000000) });
	for (uint64_t i = 1; i <= 3; i++) {
		send_one(&s, 1);
		capture_tick(t.worker);
		cr_expect_eq(next(&t), 1);
		cr_expect_eq(t.tick, i);
	}
	stop(&t);
	cr_expect_eq(t.ticks, 3);
	cr_expect_eq(t.counts.processed, 3);
}

Test(capture_live, an_expression_narrows)
{
	if (!world())
		return;
	struct sender s = sender("in0");
	struct run t = begin((struct capture_input){ .expression = "udp src port 3" });
	flood(&s, 1000, 10, FRAME);
	stop(&t);
	cr_expect_eq(t.counts.received, 100);
	cr_expect_eq(t.counts.processed, 100);
}

/* ---- rights ----------------------------------------------------------------------------- */

Test(capture_live, nothing_is_left_of_the_right_to_open)
{
	if (!world())
		return;
	struct run t = begin((struct capture_input){ 0 });
	cr_assert_eq(t.start, 0);
	cr_expect(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
	struct run again = begin((struct capture_input){ 0 });
	cr_expect_lt(again.start, 0);
	cr_expect(diags_has(&again.diags, "capture.permission"), "%s",
		  again.diags.n ? again.diags.v[0].text : "");
	over(&again);
	stop(&t);
}

Test(capture_live, what_cant_be_opened_is_told)
{
	if (!world())
		return;
	struct run t = begin((struct capture_input){ .interface = "none0" });
	cr_expect_lt(t.start, 0);
	cr_expect_eq(diags_count(&t.diags, "capture.interface"), 1, "it is said once");
	over(&t);
	t = begin((struct capture_input){ .netns = "plNone" });
	cr_expect_lt(t.start, 0);
	cr_expect_eq(diags_count(&t.diags, "capture.netns"), 1);
	over(&t);
}

Test(capture_live, another_namespace)
{
	if (!world())
		return;
	/* out0 goes to a process that lives in another one */
	int ends[2];
	char c, text[256];
	cr_assert(!pipe(ends));
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) || write(ends[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	cr_assert(pid > 0 && read(ends[0], &c, 1) == 1);
	snprintf(text, sizeof(text),
		 "ip link set out0 netns %d && nsenter -t %d -n sh -ec 'ip link set out0 up; "
		 "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6' && "
		 "until ip link show in0 | grep -q 'state UP'; do sleep 0.05; done",
		 pid, pid);
	sh(text);
	snprintf(text, sizeof(text), "%d", pid);
	struct sender s = sender("in0");
	struct run t = begin((struct capture_input){ .netns = text });
	cr_expect_eq(t.start, 0);
	cr_expect(if_nametoindex("in0"), "we stay where we are");
	flood(&s, 100, 1, FRAME);
	capture_stop(t.worker);
	finish(&t);
	cr_expect_eq(t.counts.processed, 100);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Runs a command once something is written to ret_go, with rights that are given up here. */
static pid_t later(const char *command, int *ret_go)
{
	int ends[2];
	char c;
	cr_assert(!pipe(ends));
	*ret_go = ends[1];
	pid_t pid = fork();
	if (pid) {
		close(ends[0]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(ends[1]);
	_exit(read(ends[0], &c, 1) != 1 || system(command) != 0);
}

/* n frames go by and are counted; then what waits may go on. */
static void count_and_go(struct run *t, const struct sender *s, size_t n, int go)
{
	flood(s, n, 1, FRAME);
	do {
		capture_tick(t->worker);
		cr_assert_eq(next(t), 1);
	} while (t->counts.processed < n);
	cr_assert_eq(write(go, "x", 1), 1);
	close(go);
}

Test(capture_live, an_interface_that_is_taken_away_is_told)
{
	if (!world())
		return;
	struct sender s = sender("in0");
	int go;
	pid_t pid = later("ip link del in0", &go);
	struct run t = begin((struct capture_input){ 0 });
	cr_assert_eq(t.start, 0);
	count_and_go(&t, &s, 10, go);
	cr_expect_eq(next(&t), 0);
	cr_expect(diags_has(&t.diags, "capture.cut"));
	cr_expect_eq(t.counts.processed, 10);
	capture_destroy(t.worker);
	over(&t);
	waitpid(pid, NULL, 0);
}

Test(capture_live, an_interface_that_was_down_goes_on)
{
	if (!world())
		return;
	struct sender s = sender("in0");
	int go;
	pid_t pid = later("ip link set out0 down; sleep 0.3; ip link set out0 up; "
			  "until ip link show in0 | grep -q 'state UP'; do sleep 0.05; done",
			  &go);
	struct run t = begin((struct capture_input){ 0 });
	cr_assert_eq(t.start, 0);
	count_and_go(&t, &s, 10, go);
	waitpid(pid, NULL, 0);
	flood(&s, 10, 1, FRAME);
	stop(&t);
	cr_expect_eq(t.counts.processed, 20);
}
