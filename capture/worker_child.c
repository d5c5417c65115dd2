/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that reads packets: nothing it says is believed before it was checked, and
 * nothing it holds is of use to whoever takes it over. Records are gathered and written in
 * large pieces; a packet of a known flow costs no system call and no allocation.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "capture/worker_internal.h"

enum {
	BATCH = 1 << 17,
	FLOWS_DEFAULT = 1 << 18,
	/* libpcap's structures, and the buffer before a file */
	MEMORY = 64 << 20,
	EXIT_MEMORY = 70,
	EXIT_PIPE,
};

_Noreturn void child_leave(void)
{
	_exit(EXIT_PIPE);
}

static _Noreturn void no_memory(size_t size)
{
	_exit(EXIT_MEMORY);
}

void child_push(struct child *c)
{
	const uint8_t *p = c->batch;
	while (c->n_batch) {
		ssize_t n = write(c->out, p, c->n_batch);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(EXIT_PIPE); /* nobody listens */
		p += n;
		c->n_batch -= (size_t)n;
	}
}

static void put(struct child *c, const void *bytes, size_t n)
{
	memcpy(c->batch + c->n_batch, bytes, n);
	c->n_batch += n;
}

/* A flow_sink. */
static void record(void *user, const struct flow_record *r, const void *more, size_t n)
{
	struct child *c = user;
	uint32_t size = (uint32_t)(n < MORE_MAX ? n : MORE_MAX);
	struct flow_record linked;
	if (c->n_batch + WIRE_MOST + sizeof(size) + size > BATCH)
		child_push(c);
	if (r->kind == RECORD_EXCERPT) {
		linked = *r;
		linked.link = c->dlt;
		r = &linked;
	}
	c->n_batch += wire_put(c->batch + c->n_batch, r);
	if (wire_has_more(r->kind)) {
		put(c, &size, sizeof(size));
		put(c, more, size);
	}
}

void child_fault(struct child *c, enum fault what, uint64_t file, const char *text)
{
	struct flow_record r = { .kind = RECORD_FAULT,
				 .ethertype = (uint16_t)what,
				 .file = file };
	record(c, &r, text, strnlen(text, FAULT_TEXT));
}

static void totals(struct child *c)
{
	struct flow_record r = { .kind = RECORD_COUNTS };
	flows_count(c->flows, &c->counts);
	if (!c->in->interface)
		c->counts.received = c->counts.processed;
	record(c, &r, &c->counts, sizeof(c->counts));
}

void child_tick(struct child *c, int64_t at)
{
	struct flow_record r = { .kind = RECORD_TICK, .at = at, .number = c->ticked };
	child_settle(c);
	flows_flush(c->flows, false);
	totals(c);
	record(c, &r, NULL, 0);
	child_push(c);
}

bool child_tick_asked(struct child *c)
{
	unsigned asked = atomic_load_explicit(&c->orders->tick, memory_order_acquire);
	bool fresh = asked != c->ticked;
	c->ticked = asked;
	return fresh;
}

bool child_link(struct child *c, int dlt)
{
	c->dlt = dlt;
	c->expression = NULL;
	for (size_t i = 0; i < c->n_expressions; i++)
		if (c->expressions[i].dlt == dlt)
			c->expression = &c->expressions[i].program;
	return c->expression || !c->in->expression;
}

static void tally(struct capture_counts *n, const struct decoded *d, int64_t at)
{
	if (!n->processed) {
		n->first = n->last = at;
	} else if (at < n->last) {
		n->backwards++;
		if (at < n->first)
			n->first = at;
	} else {
		n->last = at;
	}
	n->processed++;
	n->bytes += d->length;
	n->no_ip += !d->has_ip;
	n->opaque += d->opaque != OPAQUE_NOT && d->opaque != OPAQUE_NO_IP;
	if (!d->anomalies)
		return;
	n->anomalous++;
	n->truncated += !!(d->anomalies & ANOMALY_TRUNCATED);
	for (size_t i = 0; i < sizeof(n->anomaly) / sizeof(*n->anomaly); i++)
		n->anomaly[i] += d->anomalies >> i & 1;
}

void child_settle(struct child *c)
{
	flows_settle(c->flows);
}

void child_packet(struct child *c, const uint8_t *bytes, uint32_t caplen, uint32_t len,
		  int64_t at)
{
	c->number++;
	if (c->expression && !bpf_filter(c->expression->bf_insns, bytes, len, caplen)) {
		c->left_out++;
		return;
	}
	struct decoded *d = c->place;
	decode(c->dlt, bytes, caplen, len, d);
	tally(&c->counts, d, at);
	c->place = flows_put(c->flows, 0, c->file, c->number, at, bytes, caplen);
	c->full = c->counts.processed == c->in->count;
}

void child_lock(const struct child *c, struct ready *r)
{
	struct sandbox s = { .live = !!c->in->interface, .memory = MEMORY };
	r->locked = !sandbox_enter(&s);
	memcpy(r->sandbox, s.text, sizeof(r->sandbox));
}

void child_ready(struct child *c, const struct ready *ready)
{
	struct flow_record r = { .kind = RECORD_READY };
	record(c, &r, ready, sizeof(*ready));
	child_push(c);
}

_Noreturn void child_run(struct child *c)
{
	struct flow_record end = { .kind = RECORD_END };
	oom_set_handler(no_memory);
	c->batch = xmalloc(BATCH);
	c->flows = flows_create(
		c->in->flows_max ? c->in->flows_max : FLOWS_DEFAULT,
		c->in->excerpt_bytes < MORE_MAX ? c->in->excerpt_bytes : MORE_MAX, record, c);
	c->place = flows_place(c->flows);
	if (c->in->interface)
		child_live(c);
	else
		child_files(c);
	flows_flush(c->flows, true);
	totals(c);
	end.at = c->counts.last;
	record(c, &end, NULL, 0);
	child_push(c);
	_exit(0);
}
