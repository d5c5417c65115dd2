/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One buffer before the file. libpcap reads from it through a stream of our own
 * (fopencookie(3)), unbuffered, so that it takes exactly what it asks for and the packets
 * begin where its header ended.
 */
#include "capture/reader.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/vec.h"
#include "capture/reader_internal.h"

enum {
	BUFFER = 384 << 10, /* what is read stays in a cache until it is decoded */
	PIECE = 128 << 10,
	LONGEST = 262144, /* MAXIMUM_SNAPLEN of libpcap, for every link type that we know */
	FILE_HEADER = 24,
	RECORD_HEADER = 16,
	PATIENCE_MS = 100,
};

_Static_assert(BUFFER > LONGEST + RECORD_HEADER, "a packet fits");

struct reader {
	int fd;
	bool waits, refilled, plain, swapped;
	struct blocks blocks; /* of pcapng */
	int error;	      /* of read(2) */
	const atomic_uint *stop;
	uint32_t snapshot, fraction; /* nanoseconds of one unit of a time's second part */
	pcap_t *pcap;
	uint64_t before; /* bytes of the file before those that are here */
	size_t at, end;
	uint8_t bytes[BUFFER];
};

static uint32_t word(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t order(const struct reader *r, uint32_t v)
{
	return r->swapped ? __builtin_bswap32(v) : v;
}

/* Until there is something to read; false: asked to stop, or nothing ever comes. */
static bool await(struct reader *r)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	while (r->waits) {
		int n = poll(&p, 1, PATIENCE_MS);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR) {
			r->error = errno;
			return false;
		}
		if (r->stop && atomic_load_explicit(r->stop, memory_order_relaxed))
			return false;
	}
	return true;
}

/* More bytes behind those that there are; false: there are none. */
static bool fill(struct reader *r)
{
	if (r->error)
		return false;
	if (r->at) {
		memmove(r->bytes, r->bytes + r->at, r->end - r->at);
		r->end -= r->at;
		r->before += r->at;
		r->at = 0;
	}
	r->refilled = true;
	if (!await(r))
		return false;
	ssize_t n;
	do
		n = read(r->fd, r->bytes + r->end,
			 BUFFER - r->end < PIECE ? BUFFER - r->end : PIECE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		r->error = errno;
	if (n <= 0)
		return false;
	r->end += (size_t)n;
	return true;
}

/* Whether size bytes (less than the buffer) are there. */
static inline bool have(struct reader *r, size_t size)
{
	while (r->end - r->at < size)
		if (!fill(r))
			return false;
	return true;
}

static ssize_t take(void *cookie, char *to, size_t size)
{
	struct reader *r = cookie;
	if (r->at == r->end && !fill(r)) {
		errno = r->error;
		return r->error ? -1 : 0;
	}
	size_t n = r->end - r->at < size ? r->end - r->at : size;
	memcpy(to, r->bytes + r->at, n);
	blocks_follow(&r->blocks, r->bytes + r->at, n);
	r->at += n;
	return (ssize_t)n;
}

/* Whether packets can be taken from the buffer: the plain format, and its byte order. */
static bool is_plain(struct reader *r)
{
	if (!have(r, FILE_HEADER))
		return false;
	uint16_t version[2];
	uint32_t magic = word(r->bytes);
	r->swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	magic = order(r, magic);
	if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d)
		return false;
	r->fraction = magic == 0xa1b2c3d4 ? 1000 : 1;
	memcpy(version, r->bytes + 4, sizeof(version));
	for (size_t i = 0; i < 2; i++)
		version[i] = r->swapped ? __builtin_bswap16(version[i]) : version[i];
	return version[0] == 2 && version[1] == 4;
}

static void say(char *error, const char *text)
{
	snprintf(error, READER_ERROR, "%s", text);
}

/* Where there is less than a header, there is no use in asking what of. */
static bool has_header(const struct reader *r, char *error)
{
	if (r->error || r->end >= FILE_HEADER)
		return true;
	if (r->end)
		snprintf(error, READER_ERROR, "it has %zu bytes, fewer than a capture's header",
			 r->end);
	else
		say(error, "it is empty: 0 bytes");
	return false;
}

int reader_open(int fd, bool waits, const atomic_uint *stop, char *error, struct reader **ret)
{
	static const cookie_io_functions_t io = { .read = take };
	char why[PCAP_ERRBUF_SIZE] = "";
	struct reader *r = xcalloc(1, sizeof(*r));
	r->fd = fd;
	r->waits = waits;
	r->stop = stop;
	bool plain = is_plain(r);
	if (!has_header(r, error)) {
		free(r);
		return -EINVAL;
	}
	FILE *f = fopencookie(r, "r", io);
	if (!f) {
		say(error, "no memory for a stream");
		free(r);
		return -EINVAL;
	}
	setvbuf(f, NULL, _IONBF, 0);
	r->pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!r->pcap) {
		say(error, why);
		fclose(f);
		free(r);
		return -EINVAL;
	}
	r->plain = plain && r->at == FILE_HEADER;
	r->snapshot = (uint32_t)pcap_snapshot(r->pcap);
	*ret = r;
	return 0;
}

void reader_destroy(struct reader *r)
{
	if (!r)
		return;
	pcap_close(r->pcap);
	free(r);
}

int reader_dlt(const struct reader *r)
{
	return pcap_datalink(r->pcap);
}

bool reader_refilled(struct reader *r)
{
	bool is = r->refilled;
	r->refilled = false;
	return is;
}

static unsigned long long offset(const struct reader *r)
{
	return r->before + r->at;
}

static int cut(const struct reader *r, const char *what, uint32_t size, char *error)
{
	if (r->error)
		snprintf(error, READER_ERROR, "%s", strerror(r->error));
	else
		snprintf(error, READER_ERROR,
			 "it is cut within %s at byte %llu: %zu bytes of %u are there", what,
			 offset(r), r->end - r->at, size);
	return -EIO;
}

/* A packet that is in the buffer whole, size bytes with its header. */
static inline void take_plain(struct reader *r, uint32_t caplen, struct reader_packet *ret)
{
	const uint8_t *h = r->bytes + r->at;
	*ret = (struct reader_packet){
		.bytes = h + RECORD_HEADER,
		.caplen = caplen < r->snapshot ? caplen : r->snapshot,
		.len = order(r, word(h + 12)),
		/* parts above a second carry over; no sum reaches 2^63 */
		.at = (int64_t)order(r, word(h)) * 1000000000 +
		      (int64_t)order(r, word(h + 4)) * r->fraction,
	};
	r->at += RECORD_HEADER + caplen;
}

static int next_plain(struct reader *r, struct reader_packet *v, size_t max, char *error)
{
	if (!have(r, RECORD_HEADER))
		return r->at == r->end && !r->error ? 0 : cut(r, "a packet's header", RECORD_HEADER,
								    error);
	uint32_t caplen = order(r, word(r->bytes + r->at + 8));
	if (caplen > LONGEST) {
		snprintf(error, READER_ERROR,
			 "a packet of %u bytes at byte %llu is longer than any can be", caplen,
			 offset(r));
		return -EIO;
	}
	if (!have(r, RECORD_HEADER + caplen))
		return cut(r, "the packet", RECORD_HEADER + caplen, error);
	take_plain(r, caplen, v);
	size_t n = 1;
	for (; n < max && r->end - r->at >= RECORD_HEADER; n++) {
		caplen = order(r, word(r->bytes + r->at + 8));
		if (caplen > LONGEST || r->end - r->at - RECORD_HEADER < caplen)
			break;
		take_plain(r, caplen, &v[n]);
		__builtin_prefetch(v[n].bytes);
	}
	return (int)n;
}

static int64_t time_of(const struct timeval *tv)
{
	int64_t at;
	if (__builtin_mul_overflow((int64_t)tv->tv_sec, INT64_C(1000000000), &at) ||
	    __builtin_add_overflow(at, (int64_t)tv->tv_usec, &at))
		return tv->tv_sec < 0 ? 0 : INT64_MAX;
	return at < 0 ? 0 : at;
}

/* Those of pcapng that are taken past libpcap: how many. */
static size_t next_blocks(struct reader *r, struct reader_packet *v, size_t max)
{
	size_t n = 0, size, want;
	/* twice: its length first */
	for (int i = 0; i < 2; i++)
		if ((want = blocks_want(&r->blocks, r->bytes + r->at, r->end - r->at)))
			have(r, want);
	for (; n < max; n++, r->at += size) {
		if (!blocks_want(&r->blocks, r->bytes + r->at, r->end - r->at))
			break;
		size = blocks_packet(&r->blocks, r->bytes + r->at, r->end - r->at, r->snapshot,
				     &v[n]);
		if (!size)
			break;
		__builtin_prefetch(v[n].bytes);
	}
	return n;
}

int reader_next(struct reader *r, struct reader_packet *v, size_t max, char *error)
{
	if (r->plain)
		return next_plain(r, v, max, error);
	size_t taken = next_blocks(r, v, max);
	if (taken)
		return (int)taken;
	struct pcap_pkthdr *h;
	const u_char *bytes;
	int n = pcap_next_ex(r->pcap, &h, &bytes);
	if (n == PCAP_ERROR_BREAK)
		return 0;
	if (n != 1) {
		snprintf(error, READER_ERROR, "%s, before byte %llu", pcap_geterr(r->pcap),
			 offset(r));
		return -EIO;
	}
	*v = (struct reader_packet){
		.bytes = bytes, .caplen = h->caplen, .len = h->len, .at = time_of(&h->ts)
	};
	return 1;
}
