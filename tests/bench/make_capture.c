/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_capture FILE BYTES PER_FLOW PREFIXES: a capture file (pcap, Ethernet, microseconds) of at
 * least so many bytes. Prints how many packets it has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/traffic.h"

static struct traffic traffic;

int main(int argc, char **argv)
{
	static const uint32_t header[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, 1 };
	static uint8_t record[16 + FRAME_MAX];
	if (argc != 5)
		return 2;
	FILE *f = fopen(argv[1], "wb");
	uint64_t bytes = sizeof(header), want = strtoull(argv[2], NULL, 10), n = 0;
	if (!f || fwrite(header, sizeof(header), 1, f) != 1)
		return 1;
	setvbuf(f, NULL, _IOFBF, 1 << 20);
	traffic_init(&traffic, (unsigned)strtoul(argv[3], NULL, 10),
		     (unsigned)strtoul(argv[4], NULL, 10));
	for (; bytes < want; n++) {
		unsigned size = traffic_next(&traffic, record + 16);
		/* a microsecond and a half between two */
		uint64_t us = n + n / 2;
		uint32_t h[4] = { 1790000000 + (uint32_t)(us / 1000000),
				  (uint32_t)(us % 1000000), size, size };
		memcpy(record, h, sizeof(h));
		if (fwrite(record, 16 + size, 1, f) != 1)
			return 1;
		bytes += 16 + size;
	}
	printf("%llu\n", (unsigned long long)n);
	return fclose(f) ? 1 : 0;
}
