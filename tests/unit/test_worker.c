/* SPDX-License-Identifier: Apache-2.0 */
/* Captures written here, read by the process that reads packets. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "capture/worker_internal.h"

enum { LINK_ETHERNET = 1, LINK_IEEE802_11 = 105, FRAME = 60 };

/* ---- captures ------------------------------------------------------------------------- */

struct bytes {
	VEC(uint8_t) b;
	bool swapped;
};

static void put(struct bytes *t, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*vec_add(&t->b) = ((const uint8_t *)p)[i];
}

static void put16(struct bytes *t, uint16_t v)
{
	v = t->swapped ? __builtin_bswap16(v) : v;
	put(t, &v, sizeof(v));
}

static void put32(struct bytes *t, uint32_t v)
{
	v = t->swapped ? __builtin_bswap32(v) : v;
	put(t, &v, sizeof(v));
}

static void pcap_begin(struct bytes *t, uint32_t magic, uint32_t snaplen, uint32_t link)
{
	put32(t, magic);
	put16(t, 2);
	put16(t, 4);
	put32(t, 0);
	put32(t, 0);
	put32(t, snaplen);
	put32(t, link);
}

/* Ethernet, IPv4, TCP; from 10.0.0.from to 10.0.0.to. */
static void frame(uint8_t *f, uint8_t from, uint8_t to, uint16_t sport, uint16_t dport,
		  uint8_t flags)
{
	static const uint8_t head[] = { 2, 0, 0,  0, 0, 1, 2, 0,  0, 0, 0, 2,  8, 0, 0x45,
					0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0 };
	memset(f, 0, FRAME);
	memcpy(f, head, sizeof(head));
	f[29] = from;
	f[30] = 10;
	f[33] = to;
	f[34] = (uint8_t)(sport >> 8), f[35] = (uint8_t)sport;
	f[36] = (uint8_t)(dport >> 8), f[37] = (uint8_t)dport;
	f[46] = 0x50;
	f[47] = flags;
}

static void pcap_packet(struct bytes *t, uint32_t sec, uint32_t part, uint32_t caplen,
			uint32_t len, uint8_t from, uint16_t sport, uint8_t flags)
{
	uint8_t f[FRAME];
	frame(f, from, 9, sport, 443, flags);
	put32(t, sec);
	put32(t, part);
	put32(t, caplen);
	put32(t, len);
	put(t, f, caplen < FRAME ? caplen : FRAME);
	for (uint32_t i = FRAME; i < caplen; i++)
		put(t, "", 1);
}

/* A file of n packets, each a flow of its own, a second apart. */
static struct bytes plain(uint32_t magic, bool swapped, size_t n)
{
	struct bytes t = { .swapped = swapped };
	pcap_begin(&t, magic, 65535, LINK_ETHERNET);
	for (size_t i = 0; i < n; i++)
		pcap_packet(&t, (uint32_t)(1000 + i), 5, FRAME, FRAME, 1, (uint16_t)(1000 + i),
			    2);
	return t;
}

static struct bytes pcapng(bool swapped, size_t n)
{
	struct bytes t = { .swapped = swapped };
	put32(&t, 0x0a0d0d0a);
	put32(&t, 28);
	put32(&t, 0x1a2b3c4d);
	put16(&t, 1);
	put16(&t, 0);
	put32(&t, UINT32_MAX);
	put32(&t, UINT32_MAX);
	put32(&t, 28);
	put32(&t, 1); /* interface */
	put32(&t, 20);
	put16(&t, LINK_ETHERNET);
	put16(&t, 0);
	put32(&t, 65535);
	put32(&t, 20);
	for (size_t i = 0; i < n; i++) {
		uint8_t f[FRAME];
		uint64_t at = (1000 + i) * 1000000 + 5;
		frame(f, 1, 9, (uint16_t)(1000 + i), 443, 2);
		put32(&t, 6);
		put32(&t, 32 + FRAME);
		put32(&t, 0);
		put32(&t, (uint32_t)(at >> 32));
		put32(&t, (uint32_t)at);
		put32(&t, FRAME);
		put32(&t, FRAME);
		put(&t, f, FRAME);
		put32(&t, 32 + FRAME);
	}
	return t;
}

/* ---- a run ---------------------------------------------------------------------------- */

struct run {
	struct arena *arena;
	struct diags diags;
	VEC(struct flow_record) flows;
	struct capture_counts counts;
	size_t ticks, faults, excerpts, lost;
	size_t excerpt_bytes;
	int start, end;
	char folder[64];
	const char *files[16];
	size_t n_files;
	char sandbox[256];
};

static void hear(void *user, const struct flow_record *r, const void *more, size_t n)
{
	struct run *t = user;
	if (r->kind <= RECORD_LAST)
		*vec_add(&t->flows) = *r;
	t->faults += r->kind == RECORD_FAULT;
	t->ticks += r->kind == RECORD_TICK;
	if (r->kind == RECORD_EXCERPT) {
		t->excerpts++;
		t->excerpt_bytes = n;
	}
	if (r->kind == RECORD_COUNTS)
		memcpy(&t->counts, more, n);
}

static struct run begin(void)
{
	struct run t = { .arena = arena_create(), .folder = "/tmp/plumbline-worker-XXXXXX" };
	cr_assert(mkdtemp(t.folder));
	return t;
}

static const char *name_of(struct run *t, const char *name)
{
	return arena_printf(t->arena, "%s/%s", t->folder, name);
}

/* Writes a file and captures it after those before. */
static void add(struct run *t, const char *name, struct bytes b, size_t n)
{
	const char *path = name_of(t, name);
	FILE *f = fopen(path, "w");
	cr_assert(f && fwrite(b.b.v, 1, n, f) == n && !fclose(f));
	vec_free(&b.b);
	t->files[t->n_files++] = path;
}

static void add_all(struct run *t, const char *name, struct bytes b)
{
	add(t, name, b, b.b.n);
}

static void go(struct run *t, struct capture_input in)
{
	struct capture_worker *w;
	diags_init(&t->diags, t->arena);
	in.files = t->files;
	in.n_files = t->n_files;
	t->start = capture_start(t->arena, &t->diags, &in, &t->lost, &w);
	if (t->start)
		return;
	do
		t->end = capture_next(w, &t->diags, hear, t);
	while (t->end == 1 || t->end == -EINTR);
	snprintf(t->sandbox, sizeof(t->sandbox), "%s", capture_sandbox_text(w));
	capture_destroy(w);
}

static void over(struct run *t)
{
	for (size_t i = 0; i < t->n_files; i++)
		if (strcmp(t->files[i], "-"))
			unlink(t->files[i]);
	cr_expect(!rmdir(t->folder), "%s", strerror(errno));
	vec_free(&t->flows);
	diags_finish(&t->diags);
	arena_destroy(t->arena);
}

static void expect_code(struct run *t, const char *code, size_t n)
{
	cr_expect_eq(diags_count(&t->diags, code), n, "%s: %zu", code,
		     diags_count(&t->diags, code));
}

/* ---- formats -------------------------------------------------------------------------- */

Test(worker, every_format_gives_the_same)
{
	static const struct {
		const char *name;
		uint32_t magic; /* 0: pcapng */
		bool swapped;
		int64_t part; /* nanoseconds */
	} rows[] = {
		{ "micro", 0xa1b2c3d4, false, 5000 },
		{ "micro-swapped", 0xa1b2c3d4, true, 5000 },
		{ "nano", 0xa1b23c4d, false, 5 },
		{ "nano-swapped", 0xa1b23c4d, true, 5 },
		{ "pcapng", 0, false, 5000 },
		{ "pcapng-swapped", 0, true, 5000 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct run t = begin();
		add_all(&t, rows[i].name,
			rows[i].magic ? plain(rows[i].magic, rows[i].swapped, 40)
				      : pcapng(rows[i].swapped, 40));
		go(&t, (struct capture_input){ 0 });
		cr_assert_eq(t.start, 0, "%s", rows[i].name);
		cr_assert_eq(t.end, 0, "%s", rows[i].name);
		cr_assert_eq(t.flows.n, 40, "%s: %zu", rows[i].name, t.flows.n);
		for (size_t k = 0; k < 40; k++) {
			const struct flow_record *r = &t.flows.v[k];
			cr_assert_eq(r->at, (int64_t)(1000 + k) * 1000000000 + rows[i].part,
				     "%s: %lld", rows[i].name, (long long)r->at);
			cr_assert_eq(r->number, k + 1);
			cr_assert_eq(r->packet.sport, 1000 + k);
			cr_assert_eq(r->packet.src.lo, 0x0a000001);
			cr_assert_eq(r->bytes[0], FRAME);
		}
		cr_expect_eq(t.counts.processed, 40);
		cr_expect_eq(t.counts.received, 40);
		cr_expect_eq(t.counts.bytes, 40 * FRAME);
		cr_expect_eq(t.counts.flows, 40);
		cr_expect(!t.counts.drops_known);
		cr_expect_eq(t.counts.last - t.counts.first, INT64_C(39000000000));
		cr_expect_eq(t.diags.n, 0, "%s", t.diags.n ? t.diags.v[0].text : "");
		over(&t);
	}
}

Test(worker, old_versions_are_libpcaps_matter)
{
	struct run t = begin();
	struct bytes b = plain(0xa1b2c3d4, false, 3);
	b.b.v[6] = 3; /* 2.3 */
	add_all(&t, "old", b);
	go(&t, (struct capture_input){ 0 });
	cr_expect_eq(t.counts.processed, 3);
	over(&t);
}

Test(worker, many_packets)
{
	struct run t = begin();
	struct bytes b = { 0 };
	pcap_begin(&b, 0xa1b2c3d4, 262144, LINK_ETHERNET);
	for (size_t i = 0; i < 20000; i++)
		pcap_packet(&b, 1, 0, (uint32_t)(FRAME + i % 700), 1500, 1, (uint16_t)(i % 7),
			    16);
	pcap_packet(&b, 1, 0, 262144, 262144, 1, 8, 16);
	add_all(&t, "many", b);
	go(&t, (struct capture_input){ 0 });
	cr_expect_eq(t.end, 0);
	cr_expect_eq(t.counts.processed, 20001);
	cr_expect_eq(t.counts.bytes, 20000 * 1500 + 262144);
	cr_expect_eq(t.counts.flows, 8);
	cr_expect_eq(t.flows.n, 15);
	over(&t);
}

/* ---- what isn't whole ------------------------------------------------------------------ */

Test(worker, cut_files_count_as_far_as_they_go)
{
	struct bytes whole = plain(0xa1b2c3d4, false, 3);
	size_t n = whole.b.n;
	vec_free(&whole.b);
	static const size_t off[] = { 1, 30, FRAME, FRAME + 1, FRAME + 15 };
	for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++) {
		struct run t = begin();
		add(&t, "cut", plain(0xa1b2c3d4, false, 3), n - off[i]);
		add_all(&t, "whole", plain(0xa1b2c3d4, false, 3));
		go(&t, (struct capture_input){ 0 });
		cr_expect_eq(t.end, 0);
		cr_expect_eq(t.counts.processed, 5);
		cr_expect_eq(t.faults, 1);
		expect_code(&t, "capture.cut", 1);
		over(&t);
	}
	struct run t = begin();
	struct bytes b = pcapng(false, 3);
	add(&t, "cut.pcapng", b, b.b.n - 7);
	go(&t, (struct capture_input){ 0 });
	cr_expect_eq(t.counts.processed, 2);
	expect_code(&t, "capture.cut", 1);
	over(&t);
}

Test(worker, a_length_that_cant_be_ends_the_file)
{
	struct run t = begin();
	struct bytes b = plain(0xa1b2c3d4, false, 2);
	pcap_packet(&b, 1, 0, 262145, 262145, 1, 1, 2);
	add_all(&t, "long", b);
	go(&t, (struct capture_input){ 0 });
	cr_expect_eq(t.counts.processed, 2);
	expect_code(&t, "capture.cut", 1);
	over(&t);
}

Test(worker, odd_packets_are_kept)
{
	struct run t = begin();
	struct bytes b = { 0 };
	pcap_begin(&b, 0xa1b2c3d4, 100, LINK_ETHERNET);
	pcap_packet(&b, 5, 0, FRAME, 20, 1, 1, 2); /* more captured than there was */
	pcap_packet(&b, 4, 4000000000, FRAME, FRAME, 1, 2, 2); /* parts above a second */
	pcap_packet(&b, 3, 0, FRAME, FRAME, 1, 3, 2);	       /* back in time */
	pcap_packet(&b, 4000000000, 0, 400, 400, 1, 4,
		    2); /* above the snap length, after 2038 */
	pcap_packet(&b, 4000000000, 0, 40, 400, 1, 5, 2); /* cut within TCP */
	pcap_packet(&b, 4000000000, 0, 0, 400, 1, 6, 2);  /* nothing of it */
	add_all(&t, "odd", b);
	go(&t, (struct capture_input){ .excerpt_bytes = 1000 });
	cr_expect_eq(t.end, 0);
	cr_expect_eq(t.counts.processed, 6);
	cr_expect_eq(t.counts.anomaly[4], 1);
	cr_expect_eq(t.counts.backwards, 1);
	cr_expect_eq(t.counts.first, INT64_C(3000000000));
	cr_expect_eq(t.counts.last, INT64_C(4000000000000000000));
	cr_expect_eq(t.counts.truncated, 2);
	cr_assert_geq(t.flows.n, 4);
	cr_expect_eq(t.flows.v[1].at, INT64_C(4004000000000));
	cr_expect_eq(t.flows.v[3].bytes[0], 400);
	cr_expect_eq(t.excerpts, t.counts.flows);
	over(&t);
}

/* ---- files that can't be read ----------------------------------------------------------- */

Test(worker, lost_files_are_told_and_the_others_read)
{
	struct run t = begin();
	struct bytes garbage = { 0 }, wifi = { 0 };
	put(&garbage, "this is no capture at all, but text", 35);
	pcap_begin(&wifi, 0xa1b2c3d4, 65535, LINK_IEEE802_11);
	t.files[t.n_files++] = name_of(&t, "missing");
	add_all(&t, "garbage", garbage);
	add(&t, "empty", plain(0xa1b2c3d4, false, 1), 0);
	add(&t, "cut-header", plain(0xa1b2c3d4, false, 1), 23);
	add_all(&t, "wifi", wifi);
	t.files[t.n_files++] = name_of(&t, "fifo");
	cr_assert(!mkfifo(t.files[t.n_files - 1], 0600));
	t.files[t.n_files++] = name_of(&t, "link");
	cr_assert(!symlink("good", t.files[t.n_files - 1]));
	add_all(&t, "good", plain(0xa1b2c3d4, false, 4));
	go(&t, (struct capture_input){ 0 });
	cr_expect_eq(t.end, 0);
	cr_expect_eq(t.lost, 7);
	cr_expect_eq(t.counts.processed, 4);
	cr_expect_eq(t.flows.v[0].file, 7);
	expect_code(&t, "capture.open", 3);
	expect_code(&t, "capture.format", 3);
	expect_code(&t, "capture.link-type", 1);
	cr_expect_eq(t.diags.n_errors, 7, "%zu", t.diags.n_errors);
	cr_expect_eq(t.diags.n_warnings, 0);
	over(&t);
}

Test(worker, nothing_to_read_is_an_error)
{
	struct run t = begin();
	t.files[t.n_files++] = name_of(&t, "missing");
	go(&t, (struct capture_input){ 0 });
	cr_expect_lt(t.start, 0);
	expect_code(&t, "capture.open", 1);
	cr_expect_eq(t.diags.n_errors, 1);
	over(&t);
	t = begin();
	add(&t, "empty", plain(0xa1b2c3d4, false, 1), 0);
	go(&t, (struct capture_input){ 0 });
	cr_expect_lt(t.start, 0);
	expect_code(&t, "capture.format", 1);
	over(&t);
	t = begin();
	go(&t, (struct capture_input){ 0 });
	cr_expect_lt(t.start, 0);
	expect_code(&t, "capture.input", 1);
	over(&t);
}

Test(worker, standard_input_may_be_a_pipe)
{
	struct run t = begin();
	struct bytes b = plain(0xa1b2c3d4, false, 40);
	int ends[2];
	cr_assert(!pipe(ends) && write(ends[1], b.b.v, b.b.n) == (ssize_t)b.b.n);
	close(ends[1]);
	cr_assert_eq(dup2(ends[0], 0), 0);
	vec_free(&b.b);
	add_all(&t, "first", plain(0xa1b2c3d4, false, 4));
	t.files[t.n_files++] = "-";
	add_all(&t, "last", pcapng(false, 4));
	go(&t, (struct capture_input){ 0 });
	cr_expect_eq(t.end, 0);
	cr_expect_eq(t.lost, 0);
	cr_expect_eq(t.counts.processed, 48);
	cr_expect_eq(t.counts.flows, 40, "the same ones again");
	over(&t);
}

Test(worker, many_files)
{
	struct run t = begin();
	for (size_t i = 0; i < 16; i++)
		add_all(&t, arena_printf(t.arena, "%zu", i), plain(0xa1b2c3d4, i & 1, i + 1));
	go(&t, (struct capture_input){ 0 });
	cr_expect_eq(t.counts.processed, 16 * 17 / 2);
	cr_expect_eq(t.flows.v[t.flows.n - 1].kind, RECORD_LAST);
	over(&t);
}

/* ---- bounds ---------------------------------------------------------------------------- */

Test(worker, is_bounded_by_count_and_time)
{
	struct run t = begin();
	add_all(&t, "a", plain(0xa1b2c3d4, false, 40));
	go(&t, (struct capture_input){ .count = 7 });
	cr_expect_eq(t.counts.processed, 7);
	cr_expect_eq(t.counts.received, 7);
	vec_free(&t.flows);
	go(&t, (struct capture_input){ .duration = INT64_C(10000000000) });
	cr_expect_eq(t.counts.processed, 10);
	over(&t);
}

Test(worker, periods_end_with_their_counts)
{
	struct run t = begin();
	add_all(&t, "a", plain(0xa1b2c3d4, false, 40));
	go(&t, (struct capture_input){ .interval = INT64_C(10000000000) });
	cr_expect_eq(t.ticks, 3);
	cr_expect_eq(t.counts.processed, 40);
	cr_expect_eq(t.flows.n, 40);
	over(&t);
	/* a gap of years is no loop */
	t = begin();
	struct bytes b = { 0 };
	pcap_begin(&b, 0xa1b2c3d4, 65535, LINK_ETHERNET);
	pcap_packet(&b, 0, 0, FRAME, FRAME, 1, 1, 2);
	pcap_packet(&b, 4000000000, 0, FRAME, FRAME, 1, 1, 16);
	pcap_packet(&b, 4000000001, 0, FRAME, FRAME, 1, 1, 16);
	add_all(&t, "gap", b);
	go(&t, (struct capture_input){ .interval = 1000000000 });
	cr_expect_eq(t.ticks, 2);
	cr_expect_eq(t.counts.processed, 3);
	over(&t);
}

/* Records go through the pipe with or without what few have; both arrive whole. */
Test(worker, tags_come_along)
{
	static const uint8_t tag[] = { 0x81, 0, 0, 20 };
	struct run t = begin();
	struct bytes b = { 0 };
	pcap_begin(&b, 0xa1b2c3d4, 65535, LINK_ETHERNET);
	for (uint16_t i = 0; i < 100; i++) {
		uint8_t f[FRAME];
		frame(f, 1, 9, i, 443, 2);
		put32(&b, 1);
		put32(&b, 0);
		put32(&b, FRAME + sizeof(tag) * (i & 1));
		put32(&b, FRAME + sizeof(tag) * (i & 1));
		put(&b, f, 12);
		put(&b, tag, sizeof(tag) * (i & 1));
		put(&b, f + 12, FRAME - 12);
	}
	add_all(&t, "tags", b);
	go(&t, (struct capture_input){ .excerpt_bytes = 60 });
	cr_assert_eq(t.flows.n, 100);
	for (uint16_t i = 0; i < 100; i++) {
		cr_assert_eq(t.flows.v[i].packet.sport, i);
		cr_assert_eq(t.flows.v[i].n_segments, i & 1);
		cr_assert_eq(t.flows.v[i].segments[0].id, i & 1 ? 20 : 0);
		cr_assert_eq(t.flows.v[i].number, i + 1);
	}
	cr_expect_eq(t.excerpts, 100);
	over(&t);
}

Test(worker, excerpts_come_along)
{
	struct run t = begin();
	add_all(&t, "a", plain(0xa1b2c3d4, false, 4));
	go(&t, (struct capture_input){ .excerpt_bytes = 50 });
	cr_expect_eq(t.excerpts, 4);
	cr_expect_eq(t.excerpt_bytes, 50);
	over(&t);
}

Test(worker, an_expression_narrows)
{
	struct run t = begin();
	add_all(&t, "a", plain(0xa1b2c3d4, false, 40));
	add_all(&t, "b", pcapng(true, 40));
	go(&t, (struct capture_input){ .expression = "src portrange 1000-1009" });
	cr_expect_eq(t.counts.processed, 20);
	cr_expect_eq(t.counts.received, 20);
	cr_expect_eq(t.flows.v[t.flows.n - 1].number, 10, "numbers are those of the file");
	vec_free(&t.flows);
	go(&t, (struct capture_input){ .expression = "nonsense of mine" });
	cr_expect_lt(t.start, 0);
	expect_code(&t, "capture.expression", 1);
	over(&t);
}

Test(worker, few_flows_are_kept)
{
	struct run t = begin();
	add_all(&t, "a", plain(0xa1b2c3d4, false, 4000));
	go(&t, (struct capture_input){ .flows_max = 10 });
	cr_expect_eq(t.counts.flows, 4000);
	cr_expect_eq(t.counts.flows_now, 10);
	cr_expect_eq(t.counts.evicted, 3990);
	over(&t);
}

/* ---- the process ----------------------------------------------------------------------- */

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

/* Starts on a pipe that nobody writes to but the header. */
static struct capture_worker *waiting(struct run *t, int *ret_fd)
{
	struct bytes b = plain(0xa1b2c3d4, false, 1);
	int ends[2];
	cr_assert(!pipe(ends) && write(ends[1], b.b.v, b.b.n) == (ssize_t)b.b.n);
	cr_assert_eq(dup2(ends[0], 0), 0);
	close(ends[0]);
	vec_free(&b.b);
	t->files[t->n_files++] = "-";
	struct capture_input in = { .files = t->files, .n_files = 1 };
	struct capture_worker *w;
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	diags_init(&t->diags, t->arena);
	cr_assert_eq(capture_start(t->arena, &t->diags, &in, &t->lost, &w), 0);
	*ret_fd = ends[1];
	return w;
}

Test(worker, a_dead_child_is_no_end)
{
	struct run t = begin();
	int fd, end;
	struct capture_worker *w = waiting(&t, &fd);
	kill(child(), SIGKILL);
	while ((end = capture_next(w, &t.diags, hear, &t)) == -EINTR)
		;
	cr_expect_eq(end, -EPROTO);
	expect_code(&t, "capture.worker", 1);
	cr_expect_eq(capture_next(w, &t.diags, hear, &t), -EPROTO, "and stays so");
	capture_destroy(w);
	close(fd);
	over(&t);
}

Test(worker, stops_when_asked)
{
	struct run t = begin();
	int fd, end;
	struct capture_worker *w = waiting(&t, &fd);
	cr_expect_eq(capture_next(w, &t.diags, hear, &t), -EINTR, "nothing comes");
	/* signals of the terminal are the parent's */
	kill(child(), SIGINT);
	kill(child(), SIGTERM);
	kill(child(), SIGHUP);
	cr_expect_eq(capture_next(w, &t.diags, hear, &t), -EINTR);
	capture_stop(w);
	while ((end = capture_next(w, &t.diags, hear, &t)) == -EINTR)
		;
	cr_expect_eq(end, 0);
	cr_expect_eq(t.counts.processed, 1);
	cr_expect_eq(t.diags.n, 0);
	capture_destroy(w);
	close(fd);
	over(&t);
}

static char *status_of(pid_t pid, const char *key)
{
	static char line[256];
	char path[64];
	size_t n = strlen(key);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *f = fopen(path, "r");
	cr_assert(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, n)) {
			fclose(f);
			line[strcspn(line, "\n")] = 0;
			return line + n;
		}
	fclose(f);
	return NULL;
}

Test(worker, the_child_is_locked_in)
{
	static const char *const sets[] = { "CapInh:\t", "CapPrm:\t", "CapEff:\t",
					    "CapAmb:\t" };
	struct run t = begin();
	int fd;
	struct capture_worker *w = waiting(&t, &fd);
	cr_expect(strstr(capture_sandbox_text(w), "seccomp"));
	cr_expect_str_eq(status_of(child(), "NoNewPrivs:\t"), "1");
	cr_expect_str_eq(status_of(child(), "Seccomp:\t"), "2");
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		cr_expect_str_eq(status_of(child(), sets[i]), "0000000000000000");
	/* nothing of ours is open there but what it reads and writes */
	char path[64], to[64] = "";
	for (int i = 3; i < 256; i++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", child(), i);
		cr_expect(readlink(path, to, sizeof(to) - 1) < 0, "%s", to);
	}
	capture_destroy(w);
	close(fd);
	over(&t);
}

/* An interface that was made anew, or whose driver begins anew. */
Test(worker, anothers_counter_never_goes_back)
{
	struct counter c = { 0 };
	cr_expect(counter_read(&c, 1000));
	cr_expect_eq(c.sum, 0, "what was before");
	cr_expect(counter_read(&c, 1007));
	cr_expect_eq(c.sum, 7);
	cr_expect_not(counter_read(&c, 3));
	cr_expect_eq(c.sum, 10);
	cr_expect(counter_read(&c, 3));
	cr_expect(counter_read(&c, 2000));
	cr_expect_eq(c.sum, 2007);
	cr_expect_not(counter_read(&c, 0));
	cr_expect_eq(c.sum, 2007);
}
