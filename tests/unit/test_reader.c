/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of pcapng in this machine's byte order are read by our own hand where they are
 * ordinary, those in the other order by libpcap alone: what is in both is the same, whatever is
 * wrong with it.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/vec.h"
#include "capture/reader.h"

struct file {
	VEC(uint8_t) b;
	bool swapped;
};

static void put(struct file *f, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*vec_add(&f->b) = ((const uint8_t *)bytes)[i];
}

static void put16(struct file *f, unsigned v)
{
	uint16_t x = (uint16_t)(f->swapped ? __builtin_bswap16((uint16_t)v) : v);
	put(f, &x, sizeof(x));
}

static void put32(struct file *f, uint32_t v)
{
	v = f->swapped ? __builtin_bswap32(v) : v;
	put(f, &v, sizeof(v));
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s >> 8;
}

static void put_section(struct file *f)
{
	put32(f, 0x0a0d0d0a);
	put32(f, 28);
	put32(f, 0x1a2b3c4d);
	put16(f, 1);
	put16(f, 0);
	put32(f, UINT32_MAX);
	put32(f, UINT32_MAX);
	put32(f, 28);
}

/* resolution 0: not told (microseconds); offset: seconds, told where it isn't 0. */
static void put_interface(struct file *f, uint8_t resolution, uint32_t offset)
{
	uint32_t len = 20 + (resolution ? 8 : 0) + (offset ? 12 : 0) + 4 + 8;
	put32(f, 1);
	put32(f, len);
	put16(f, 1);
	put16(f, 0);
	put32(f, 2000);
	put16(f, 2); /* its name */
	put16(f, 3);
	put(f, "lo\0", 4);
	if (resolution) {
		put16(f, 9);
		put16(f, 1);
		put(f, &resolution, 1);
		put(f, "\0\0\0", 3);
	}
	if (offset) {
		put16(f, 14);
		put16(f, 8);
		put32(f, f->swapped ? 0 : offset);
		put32(f, f->swapped ? offset : 0);
	}
	put16(f, 0);
	put16(f, 0);
	put32(f, len);
}

/* A block that is none of a packet. */
static void put_other(struct file *f, uint32_t type, uint32_t len)
{
	put32(f, type);
	put32(f, len);
	for (uint32_t i = 12; i < len; i++)
		put(f, "x", 1);
	put32(f, len);
}

enum wrong { RIGHT, TRAILER, CAPLEN, INTERFACE, SNAPSHOT, SHORT, LONG, WRONGS };

static void put_packet(struct file *f, uint64_t *s, uint32_t n_interfaces, enum wrong wrong)
{
	uint32_t caplen = wrong == SNAPSHOT ? 2001 : (uint32_t)(next_random(s) % 300);
	uint32_t options = next_random(s) % 3 ? 0 : 12, padded = (caplen + 3) & ~3u;
	uint32_t len = 32 + padded + options;
	uint32_t told = wrong == SHORT ? 20 : wrong == LONG ? 1u << 30 : len;
	uint64_t at = UINT64_C(1790000000000000) + next_random(s) % 1000000000;
	put32(f, 6);
	put32(f, told);
	put32(f, wrong == INTERFACE ? n_interfaces : (uint32_t)(next_random(s) % n_interfaces));
	put32(f, (uint32_t)(at >> 32));
	put32(f, (uint32_t)at);
	put32(f, wrong == CAPLEN ? padded + options + 4 : caplen);
	put32(f, caplen + (uint32_t)(next_random(s) % 2 * 100));
	for (uint32_t i = 0; i < padded; i++) {
		uint8_t x = (uint8_t)next_random(s);
		put(f, &x, 1);
	}
	if (options) {
		put16(f, 2); /* flags */
		put16(f, 4);
		put32(f, 1);
		put16(f, 0);
		put16(f, 0);
	}
	put32(f, wrong == TRAILER ? told + 4 : told);
}

static void put_simple(struct file *f)
{
	put32(f, 3);
	put32(f, 16 + 8);
	put32(f, 8);
	put(f, "simplest", 8);
	put32(f, 16 + 8);
}

/* The same for the same seed, but for the order of bytes. */
static void make(struct file *f, uint64_t seed, bool swapped)
{
	static const uint8_t resolutions[] = { 0, 6, 9, 3, 0, 0x8a, 10, 2 };
	uint64_t s = seed * 2654435761u + 12345;
	uint32_t n = 1;
	f->b.n = 0;
	f->swapped = swapped;
	put_section(f);
	put_interface(f, resolutions[next_random(&s) % 8], 0);
	for (int i = 0; i < 60; i++) {
		switch (next_random(&s) % 40) {
		case 0:
			put_interface(f, resolutions[next_random(&s) % 8],
				      next_random(&s) % 4 ? 0 : 5);
			n++;
			break;
		case 1:
			put_other(f, 4, 12 + 4 * (uint32_t)(next_random(&s) % 40));
			break;
		case 2:
			put_other(f, 0x80000bad, 5000);
			break;
		case 3:
			put_simple(f);
			break;
		case 4:
			if (next_random(&s) % 4)
				break;
			put_section(f);
			put_interface(f, resolutions[next_random(&s) % 8], 0);
			n = 1;
			break;
		case 5:
			if (next_random(&s) % 4 == 0)
				put_packet(f, &s, n, (enum wrong)(next_random(&s) % WRONGS));
			break;
		default:
			put_packet(f, &s, n, RIGHT);
		}
	}
}

/* What is read of it: packets, and whether it ended before its end. */
struct told {
	VEC(struct one {
		struct reader_packet p;
		size_t at; /* of its bytes */
	})
	v;
	VEC(uint8_t) bytes;
	bool opened, cut;
	size_t most; /* packets that came at once */
};

static void read_all(const struct file *f, size_t n, struct told *t)
{
	char error[READER_ERROR];
	struct reader *r;
	struct reader_packet v[16];
	int fd = memfd_create("capture", 0), got;
	cr_assert_eq(write(fd, f->b.v, n), (ssize_t)n);
	lseek(fd, 0, SEEK_SET);
	t->v.n = t->bytes.n = t->most = 0;
	t->cut = false;
	t->opened = !reader_open(fd, false, NULL, error, &r);
	while (t->opened && (got = reader_next(r, v, 16, error))) {
		t->cut = got < 0;
		if (t->cut)
			break;
		t->most = (size_t)got > t->most ? (size_t)got : t->most;
		for (int i = 0; i < got; i++) {
			*vec_add(&t->v) = (struct one){ v[i], t->bytes.n };
			for (uint32_t k = 0; k < v[i].caplen; k++)
				*vec_add(&t->bytes) = v[i].bytes[k];
		}
	}
	if (t->opened)
		reader_destroy(r);
	close(fd);
}

static void expect_same(const struct told *a, const struct told *b, uint64_t seed, size_t n)
{
	cr_assert_eq(a->opened, b->opened, "seed %d, %zu bytes", (int)seed, n);
	cr_assert_eq(a->v.n, b->v.n, "seed %d, %zu bytes: %zu packets and %zu", (int)seed, n,
		     a->v.n, b->v.n);
	cr_assert_eq(a->cut, b->cut, "seed %d, %zu bytes", (int)seed, n);
	for (size_t i = 0; i < a->v.n; i++) {
		const struct one *x = &a->v.v[i], *y = &b->v.v[i];
		cr_assert(x->p.caplen == y->p.caplen && x->p.len == y->p.len &&
				  x->p.at == y->p.at && x->at == y->at,
			  "seed %d, packet %zu", (int)seed, i);
	}
	cr_assert(!a->bytes.n || !memcmp(a->bytes.v, b->bytes.v, a->bytes.n));
}

static void finish(struct told *t)
{
	vec_free(&t->v);
	vec_free(&t->bytes);
}

Test(reader, blocks_are_read_as_libpcap_reads_them)
{
	struct file f = { .swapped = false }, g = { .swapped = true };
	struct told a = { .opened = false }, b = { .opened = false };
	size_t cut = 0, packets = 0, most = 0;
	for (uint64_t seed = 1; seed <= 600; seed++) {
		make(&f, seed, false);
		make(&g, seed, true);
		cr_assert_eq(f.b.n, g.b.n);
		read_all(&f, f.b.n, &a);
		read_all(&g, g.b.n, &b);
		expect_same(&a, &b, seed, f.b.n);
		cr_assert(b.most <= 1, "libpcap gives one at a time");
		cut += a.cut;
		packets += a.v.n;
		most = a.most > most ? a.most : most;
	}
	cr_expect(cut > 100 && cut < 500, "%zu", cut);
	cr_expect_gt(packets, 10000);
	cr_expect_eq(most, 16, "several at once");
	vec_free(&f.b);
	vec_free(&g.b);
	finish(&a);
	finish(&b);
}

Test(reader, blocks_may_end_anywhere)
{
	struct file f = { .swapped = false }, g = { .swapped = true };
	struct told a = { .opened = false }, b = { .opened = false };
	make(&f, 3, false);
	make(&g, 3, true);
	for (size_t n = 0; n < f.b.n && n < 3000; n++) {
		read_all(&f, n, &a);
		read_all(&g, n, &b);
		expect_same(&a, &b, 3, n);
	}
	vec_free(&f.b);
	vec_free(&g.b);
	finish(&a);
	finish(&b);
}
