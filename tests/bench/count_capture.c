/* SPDX-License-Identifier: Apache-2.0 */
/* count_capture FILE: what reading alone costs: libpcap's pcap_loop(3PCAP), and a count. */
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

static void count(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
	(void)h;
	(void)bytes;
	++*(uint64_t *)(void *)user;
}

int main(int argc, char **argv)
{
	char error[PCAP_ERRBUF_SIZE];
	uint64_t n = 0;
	pcap_t *p = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
	if (!p || pcap_loop(p, -1, count, (u_char *)(void *)&n))
		return 1;
	printf("%llu\n", (unsigned long long)n);
	pcap_close(p);
	return 0;
}
