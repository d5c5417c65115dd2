/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_FLOWS_H
#define CAPTURE_FLOWS_H

/*
 * Packets put together to flows, on the side that sees the packets. A flow is a 5-tuple (for
 * ICMP: type, code and identifier; for what is opaque: its kind) in one segment of one
 * interface, both directions together; the same 5-tuple in two segments is two flows. What
 * comes out are records of a fixed size: one when a flow is first seen, and further ones with
 * what was counted since. Memory is bounded: when the table is full, what was quiet longest is
 * put out (a last record) and counted as evicted.
 */

#include "capture/decode.h"
#include "diff/statement.h"

enum record_kind {
	RECORD_FIRST = 1, /* counts hold the first packet */
	RECORD_MORE,	  /* counted since the record before */
	RECORD_LAST,	  /* likewise, and the flow was evicted or has ended */
	RECORD_COUNTS,	  /* no flow: struct capture_counts */
	RECORD_EXCERPT, /* no flow: bytes of the packet of the FIRST record before (bounded) */
	RECORD_FAULT,	/* no flow: a text, why a source ended before its end */
	RECORD_TICK,	/* no flow: all before it belongs to the period that ends here */
	RECORD_END,
};

/*
 * How sure it is who began. A SYN without ACK against the one who is known, or guessed, to
 * have begun ends the flow and begins another: an answer's direction that turns into a
 * beginning is told, to be judged by itself. ICMP queries are keyed by who asks.
 */
enum beginning {
	BEGAN_SEEN,    /* SYN without ACK, an echo request, ...: src of the packet began */
	BEGAN_GUESSED, /* the first packet seen, which need not be the first there was */
	BEGAN_REVERSE, /* SYN with ACK, an echo reply, ...: dst of the packet began */
};

/*
 * Plain bytes that go through a pipe; the reader checks every field (flow_record_valid). MORE
 * and LAST come only where something was counted since the record before, and describe the flow
 * as FIRST did. EXCERPT is FIRST again, with as many bytes of the frame as are wanted.
 */
struct flow_record {
	uint8_t kind;	/* enum record_kind */
	uint8_t began;	/* enum beginning */
	uint8_t opaque; /* enum opaque */
	uint8_t has_ip, n_segments, n_tunnels;
	uint8_t related;    /* quoted holds the conversation that this ICMP error is about */
	uint8_t fragments;  /* fragments whose ports are unknown, because the first one wasn't
			       seen or is too short for them; packet.fragment says so too */
	uint16_t anomalies; /* enum anomaly, of all its packets */
	uint16_t interface; /* index in capture_input.names */
	uint16_t ethertype; /* of what has no IP */
	/* The first packet that was seen, as it was; place pointers NULL. BEGAN_REVERSE: it is
	 * an answer. */
	struct packet packet;
	struct segment_tag segments[SEGMENTS_MAX];
	struct tunnel_end tunnels[TUNNELS_MAX]; /* of the first packet */
	struct quoted quoted;
	uint8_t mac_src[6];
	uint64_t flow;	 /* its number in this run, from 1 */
	uint64_t file;	 /* index of the file, 0 for an interface */
	uint64_t number; /* of the first packet counted here, in its file or on the interface,
			    from 1 */
	int32_t link;	 /* of EXCERPT: the link type (DLT_) of the frame */
	int64_t at,
		until; /* nanoseconds since 1970 of the first and last packet counted here */
	uint64_t packets[2], bytes[2]; /* [0]: as packet goes, [1]: back; on the wire */
};

/* A table on the heap; flows_max and the bytes of an excerpt (0: none) are its bounds. */
struct flows;
/* Takes a record, or a record with more bytes behind it (EXCERPT, COUNTS, FAULT). */
typedef void flow_sink(void *user, const struct flow_record *r, const void *more, size_t n);

struct flows *flows_create(size_t flows_max, size_t excerpt_bytes, flow_sink *sink, void *user);
void flows_destroy(struct flows *f);
/* A decoded packet; number and file as in the record; bytes are the frame's (for the excerpt).
 */
void flows_add(struct flows *f, const struct decoded *d, unsigned interface, uint64_t file,
	       uint64_t number, int64_t at, const uint8_t *bytes, uint32_t caplen);
/*
 * The same in a stream, where a table larger than any cache isn't waited for: decode into
 * flows_place(), then flows_put(), which gives the next place. A few packets are under way; flows_settle() (and every other
 * call) ends that. Until then the bytes have to stay.
 */
struct decoded *flows_place(struct flows *f);
struct decoded *flows_put(struct flows *f, unsigned interface, uint64_t file, uint64_t number,
			  int64_t at, const uint8_t *bytes, uint32_t caplen);
void flows_settle(struct flows *f);
/* Everything that wasn't told yet goes out: at the end of a period, or of the capture. */
void flows_flush(struct flows *f, bool end);
/* What it counts itself: flows, evicted, flows_now. */
void flows_count(const struct flows *f, struct capture_counts *c);

/* Every field within its bounds; false: not one of ours. */
bool flow_record_valid(const struct flow_record *r);

#endif
