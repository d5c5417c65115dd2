/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets by the million, for tests of long runs: UDP of 10.1.0.5.
 *
 *	scan pcap N SIZE
 *		a capture on standard output: N addresses, 4,096 ports, 10 us apart
 *
 *	scan IF N SIZE
 *		the same, sent, with a pause behind every 64
 *
 *	scan IF N SIZE TO PORT
 *		N packets of one flow, to that address and port, as fast as they go
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BATCH = 64,
	MOST = 1500,
	LEAST = 60,
	PAUSE = 250,
	PORTS = 4096,
	FIRST = 0x0b000000 /* 11.0.0.0 */
};

static void frame(uint8_t *f, size_t size, uint32_t to, uint16_t port)
{
	static const uint8_t head[] = { 2, 0, 0, 0, 0, 1, 2, 0,	 0,  0, 0, 2,  8, 0, 0x45,
					0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0, 10, 1, 0, 5 };
	uint16_t ip = htons((uint16_t)(size - 14)), udp = htons((uint16_t)(size - 34));
	memset(f, 0, size);
	memcpy(f, head, sizeof(head));
	memcpy(f + 16, &ip, 2);
	to = htonl(to);
	memcpy(f + 30, &to, 4);
	f[34] = 0x9c, f[35] = 0x40;
	port = htons(port);
	memcpy(f + 36, &port, 2);
	memcpy(f + 38, &udp, 2);
}

static int write_capture(size_t n, size_t size)
{
	static const uint32_t head[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
	uint8_t f[MOST];
	fwrite(head, sizeof(head), 1, stdout);
	for (size_t i = 0; i < n; i++) {
		uint32_t at[] = { (uint32_t)(1795000000 + i / 100000),
				  (uint32_t)(i % 100000 * 10), (uint32_t)size, (uint32_t)size };
		frame(f, size, FIRST + (uint32_t)i, (uint16_t)(1 + i % PORTS));
		fwrite(at, sizeof(at), 1, stdout);
		fwrite(f, size, 1, stdout);
	}
	return fflush(stdout) || ferror(stdout);
}

static int send_all(const char *interface, size_t n, size_t size, uint32_t to, uint16_t port)
{
	static uint8_t f[BATCH][MOST];
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(interface),
				  .sll_halen = 6 };
	struct iovec v[BATCH];
	struct mmsghdr m[BATCH] = { 0 };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0 || !ll.sll_ifindex) {
		perror(interface);
		return 1;
	}
	for (size_t at = 0; at < n;) {
		size_t k = n - at < BATCH ? n - at : BATCH;
		for (size_t i = 0; i < k; i++) {
			if (to)
				frame(f[i], size, to, port);
			else
				frame(f[i], size, FIRST + (uint32_t)(at + i),
				      (uint16_t)(1 + (at + i) % PORTS));
			v[i] = (struct iovec){ f[i], size };
			m[i].msg_hdr = (struct msghdr){ .msg_name = &ll,
							.msg_namelen = sizeof(ll),
							.msg_iov = &v[i],
							.msg_iovlen = 1 };
		}
		int sent = sendmmsg(fd, m, (unsigned)k, 0);
		if (sent < 0 && (errno == ENOBUFS || errno == EINTR))
			continue;
		if (sent <= 0) {
			perror("sendmmsg");
			return 1;
		}
		at += (size_t)sent;
		if (!to)
			usleep(PAUSE);
	}
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	size_t n = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
	size_t size = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	struct in_addr to = { 0 };
	if ((argc != 4 && argc != 6) || !n || size < LEAST || size > MOST ||
	    (argc == 6 && !inet_aton(argv[4], &to)))
		return 2;
	if (!strcmp(argv[1], "pcap"))
		return write_capture(n, size);
	return send_all(argv[1], n, size, ntohl(to.s_addr),
			(uint16_t)(argc == 6 ? atoi(argv[5]) : 0));
}
