/* SPDX-License-Identifier: Apache-2.0 */
/* Files, one after the other. Time is that of the packets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "capture/reader.h"
#include "capture/worker_internal.h"

/* Packets; behind so many none is under way any more, so that it isn't few. */
enum { AT_ONCE = 128 };

/* Whether it can be read at all; otherwise told as a fault. */
static bool usable(struct child *c, uint64_t file, const struct reader *r)
{
	int dlt = reader_dlt(r);
	bool known = decode_link_known(dlt);
	if (known && child_link(c, dlt))
		return true;
	child_fault(c, known ? FAULT_EXPRESSION : FAULT_LINK_TYPE, file,
		    pcap_datalink_val_to_description_or_dlt(dlt));
	return false;
}

static bool is_stdin(const struct child *c, size_t i)
{
	return !strcmp(c->in->files[i], "-");
}

/* The header of file i; NULL, and a fault, where it is lost. */
static struct reader *open_file(struct child *c, size_t i)
{
	char error[READER_ERROR];
	struct reader *r;
	if (reader_open(c->fds[i], is_stdin(c, i), &c->orders->stop, error, &r)) {
		child_fault(c, FAULT_FORMAT, i, error);
		return NULL;
	}
	if (!usable(c, i, r)) {
		reader_destroy(r);
		return NULL;
	}
	return r;
}

struct clock {
	int64_t end, tick; /* INT64_MAX: none */
	bool running;
};

static int64_t after(int64_t at, int64_t span)
{
	int64_t sum;
	return span <= 0 || __builtin_add_overflow(at, span, &sum) ? INT64_MAX : sum;
}

/* False: the time that was asked for is over. */
static bool pass(struct child *c, struct clock *k, int64_t at)
{
	if (!k->running) {
		k->running = true;
		k->end = after(at, c->in->duration);
		k->tick = after(at, c->in->interval);
	}
	if (at >= k->end)
		return false;
	if (at >= k->tick) {
		child_tick(c, k->tick);
		/* periods of which nothing is there are passed over */
		k->tick = after(k->tick + (at - k->tick) / c->in->interval * c->in->interval,
				c->in->interval);
	}
	return true;
}

/* What was read of the file at once. False: no further packet is wanted. */
static bool packets(struct child *c, const struct reader_packet *v, size_t n, struct clock *k)
{
	for (size_t i = 0; i < n; i++) {
		if (!pass(c, k, v[i].at))
			return false;
		child_packet(c, v[i].bytes, v[i].caplen, v[i].len, v[i].at);
		if (c->full)
			return false;
	}
	return true;
}

/* False: no further file is wanted. */
static bool run(struct child *c, struct reader *r, struct clock *k)
{
	char error[READER_ERROR];
	struct reader_packet v[AT_ONCE];
	int n;
	c->number = 0;
	while ((n = reader_next(r, v, AT_ONCE, error)) > 0) {
		bool on = packets(c, v, (size_t)n, k);
		child_settle(c); /* their bytes go */
		if (!on)
			return false;
		if (!reader_refilled(r))
			continue;
		if (child_stopped(c))
			return false;
		if (child_tick_asked(c))
			child_tick(c, v[n - 1].at);
	}
	if (n < 0) {
		char text[READER_ERROR + 64];
		snprintf(text, sizeof(text), "behind packet %llu: %s",
			 (unsigned long long)c->number, error);
		child_fault(c, FAULT_CUT, c->file, text);
	} else if (!c->number && !child_stopped(c)) {
		child_fault(c, FAULT_EMPTY, c->file, "it ends behind its header");
	}
	return !child_stopped(c);
}

void child_files(struct child *c)
{
	size_t n = c->in->n_files;
	struct reader *waiting = NULL; /* standard input: what was read of it can't be again */
	struct ready ready = { 0 };
	struct clock k = { INT64_MAX, INT64_MAX, false };
	bool *lost = xcalloc(n + 1, sizeof(*lost));
	child_lock(c, &ready);
	for (size_t i = 0; i < n; i++) {
		struct reader *r = c->fds[i] < 0 ? NULL : open_file(c, i);
		lost[i] = !r;
		ready.lost += !r && c->fds[i] >= 0;
		if (r && is_stdin(c, i)) {
			waiting = r;
			continue;
		}
		reader_destroy(r);
		if (r && lseek(c->fds[i], 0, SEEK_SET)) {
			lost[i] = true;
			ready.lost++;
			child_fault(c, FAULT_OPEN, i,
				    "not a second time from its beginning");
		}
	}
	child_ready(c, &ready);
	for (size_t i = 0; i < n; i++) {
		if (lost[i])
			continue;
		struct reader *r = is_stdin(c, i) ? waiting : open_file(c, i);
		c->file = i;
		bool on = r && child_link(c, reader_dlt(r)) && run(c, r, &k);
		child_settle(c);
		reader_destroy(r);
		if (r && !on)
			break;
	}
	free(lost);
}
