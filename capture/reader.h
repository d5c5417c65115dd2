/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_READER_H
#define CAPTURE_READER_H

/*
 * A capture file, packet by packet: pcap of both byte orders and both resolutions, pcapng
 * (pcap-savefile(5), draft-ietf-opsawg-pcapng), whatever libpcap reads. libpcap judges the
 * header and reads everything but the packets of a plain pcap file (version 2.4) and the ordinary
 * ones of pcapng (reader_blocks.c), which are taken from the buffer as they stand, by libpcap's
 * own rules (sf-pcap.c, sf-pcapng.c): copying each costs more than decoding it, and only one
 * could be looked at at a time.
 *
 * Nothing but read(2), poll(2) and memory is needed of the system.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader;

struct reader_packet {
	const uint8_t *bytes; /* valid until the next call; with reader_ready(), beyond it */
	uint32_t caplen, len; /* as they are in the file: caplen may be above len */
	int64_t at;	      /* nanoseconds since 1970, not negative: normalised */
};

enum { READER_ERROR = 256 }; /* bytes of a message, with its NUL */

/*
 * Reads the header. fd is borrowed; where it isn't a regular file (waits), it is looked after
 * *stop every 100 ms, and the file ends where that is set (stop may be NULL). -EINVAL: not a
 * capture, error (READER_ERROR bytes) says why; otherwise the caller destroys *ret.
 */
int reader_open(int fd, bool waits, const atomic_uint *stop, char *error, struct reader **ret);
void reader_destroy(struct reader *r); /* NULL is fine */

int reader_dlt(const struct reader *r);
/*
 * Up to max packets (1 or more), those that are there without waiting: how many, at least one.
 * 0: the end. -EIO: it ends before its end, error (READER_ERROR bytes) says how.
 */
int reader_next(struct reader *r, struct reader_packet *v, size_t max, char *error);
/* Bytes were read from the file since the last call: a good moment to look round. */
bool reader_refilled(struct reader *r);

#endif
