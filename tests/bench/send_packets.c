/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send_packets INTERFACE RATE SECONDS PER_FLOW PREFIXES: the traffic of tests/bench/traffic.h,
 * so many packets a second. Prints how many were sent, how many the interface refused, and in
 * how many seconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/bench/traffic.h"

enum { BATCH = 64 };

static struct traffic traffic;
static uint8_t frames[BATCH][FRAME_MAX];

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_on(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)))
		return -1;
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return fd;
}

int main(int argc, char **argv)
{
	struct mmsghdr m[BATCH] = { 0 };
	struct iovec v[BATCH];
	if (argc != 6)
		return 2;
	int fd = open_on(argv[1]);
	double rate = strtod(argv[2], NULL), seconds = strtod(argv[3], NULL);
	uint64_t sent = 0, refused = 0, want = (uint64_t)(rate * seconds);
	if (fd < 0)
		return 1;
	traffic_init(&traffic, (unsigned)strtoul(argv[4], NULL, 10),
		     (unsigned)strtoul(argv[5], NULL, 10));
	double start = now();
	while (sent + refused < want) {
		double ahead = (double)(sent + refused) / rate - (now() - start);
		/* a millisecond early is no matter: a timer isn't finer under load */
		if (ahead > 0.001)
			nanosleep(&(struct timespec){ 0, 500000 }, NULL);
		for (unsigned i = 0; i < BATCH; i++) {
			v[i].iov_base = frames[i];
			v[i].iov_len = traffic_next(&traffic, frames[i]);
			m[i].msg_hdr.msg_iov = &v[i];
			m[i].msg_hdr.msg_iovlen = 1;
		}
		for (int done = 0; done < BATCH;) {
			int n = sendmmsg(fd, m + done, (unsigned)(BATCH - done), 0);
			if (n < 0 && errno != ENOBUFS && errno != EAGAIN)
				return 1;
			sent += n < 0 ? 0 : (unsigned)n;
			refused += n < 0;
			done += n < 0 ? 1 : n;
		}
	}
	printf("%llu %llu %.3f\n", (unsigned long long)sent, (unsigned long long)refused,
	       now() - start);
	return 0;
}
