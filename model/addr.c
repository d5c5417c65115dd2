/* SPDX-License-Identifier: Apache-2.0 */
#include "model/addr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

int addr_compare(struct addr a, struct addr b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo < b.lo ? -1 : a.lo > b.lo;
}

bool addr_equal(struct addr a, struct addr b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

struct addr addr_and(struct addr a, struct addr b)
{
	return (struct addr){ a.hi & b.hi, a.lo & b.lo };
}

struct addr addr_or(struct addr a, struct addr b)
{
	return (struct addr){ a.hi | b.hi, a.lo | b.lo };
}

struct addr addr_shift(struct addr a, struct addr from, struct addr to)
{
	struct addr d = { a.hi - from.hi - (a.lo < from.lo), a.lo - from.lo };
	struct addr r = { d.hi + to.hi, d.lo + to.lo };
	r.hi += r.lo < d.lo;
	return r;
}

struct addr addr_max(enum family f)
{
	return f == FAMILY_V4 ? (struct addr){ 0, UINT32_MAX }
			      : (struct addr){ UINT64_MAX, UINT64_MAX };
}

struct addr addr_not(enum family f, struct addr a)
{
	struct addr max = addr_max(f);
	return (struct addr){ ~a.hi & max.hi, ~a.lo & max.lo };
}

struct addr addr_next(struct addr a)
{
	a.hi += !++a.lo;
	return a;
}

struct addr addr_prev(struct addr a)
{
	a.hi -= !a.lo--;
	return a;
}

unsigned addr_bits(enum family f)
{
	return f == FAMILY_V4 ? 32 : 128;
}

struct addr addr_mask(enum family f, unsigned len)
{
	if (f == FAMILY_V4)
		return (struct addr){ 0, len ? UINT32_MAX << (32 - len) & UINT32_MAX : 0 };
	if (len <= 64)
		return (struct addr){ len ? UINT64_MAX << (64 - len) : 0, 0 };
	return (struct addr){ UINT64_MAX, UINT64_MAX << (128 - len) };
}

int addr_mask_len(enum family f, struct addr mask)
{
	for (unsigned len = 0; len <= addr_bits(f); len++)
		if (addr_equal(addr_mask(f, len), mask))
			return (int)len;
	return -1;
}

struct span span_prefix(enum family f, struct addr a, unsigned len)
{
	struct addr mask = addr_mask(f, len);
	a = addr_and(a, mask);
	return (struct span){ a, addr_or(a, addr_not(f, mask)) };
}

bool span_has(struct span s, struct addr a)
{
	return addr_compare(s.lo, a) <= 0 && addr_compare(a, s.hi) <= 0;
}

static int span_order(const void *x, const void *y)
{
	const struct span *a = x, *b = y;
	int c = addr_compare(a->lo, b->lo);
	return c ? c : addr_compare(a->hi, b->hi);
}

size_t spans_normalise(struct span *v, size_t n)
{
	if (!n)
		return 0;
	bool sorted = true;
	for (size_t i = 1; i < n && sorted; i++)
		sorted = span_order(&v[i - 1], &v[i]) <= 0;
	if (!sorted)
		qsort(v, n, sizeof(*v), span_order);
	size_t out = 0;
	for (size_t i = 1; i < n; i++) {
		struct addr edge = addr_next(v[out].hi);
		bool full = !edge.hi && !edge.lo; /* hi is the last address there is */
		if (full || addr_compare(v[i].lo, edge) <= 0) {
			if (addr_compare(v[i].hi, v[out].hi) > 0)
				v[out].hi = v[i].hi;
		} else {
			v[++out] = v[i];
		}
	}
	return out + 1;
}

struct span *spans_minus(struct arena *a, const struct span *x, size_t nx, const struct span *y,
			 size_t ny, size_t *ret_n)
{
	struct span *out = arena_array(a, nx + ny, sizeof(*out));
	size_t n = 0, j = 0;
	for (size_t i = 0; i < nx; i++) {
		struct addr lo = x[i].lo;
		bool open = true;
		while (j < ny && addr_compare(y[j].hi, lo) < 0)
			j++;
		for (size_t k = j; open && k < ny && addr_compare(y[k].lo, x[i].hi) <= 0; k++) {
			if (addr_compare(y[k].lo, lo) > 0)
				out[n++] = (struct span){ lo, addr_prev(y[k].lo) };
			open = addr_compare(y[k].hi, x[i].hi) < 0;
			lo = addr_next(y[k].hi);
		}
		if (open)
			out[n++] = (struct span){ lo, x[i].hi };
	}
	*ret_n = n;
	return out;
}

struct span *spans_and(struct arena *a, const struct span *x, size_t nx, const struct span *y,
		       size_t ny, size_t *ret_n)
{
	struct span *out = arena_array(a, nx + ny, sizeof(*out));
	size_t n = 0;
	for (size_t i = 0, j = 0; i < nx && j < ny;) {
		struct span s = { addr_compare(x[i].lo, y[j].lo) > 0 ? x[i].lo : y[j].lo,
				  addr_compare(x[i].hi, y[j].hi) < 0 ? x[i].hi : y[j].hi };
		if (addr_compare(s.lo, s.hi) <= 0)
			out[n++] = s;
		if (addr_compare(x[i].hi, y[j].hi) < 0)
			i++;
		else
			j++;
	}
	*ret_n = n;
	return out;
}

bool addr_parse(const char *s, size_t len, enum family *ret_family, struct addr *ret_addr)
{
	char buf[64];
	unsigned char b[16];
	if (!len || len >= sizeof(buf) || memchr(s, 0, len))
		return false;
	memcpy(buf, s, len);
	buf[len] = 0;
	if (!memchr(s, ':', len)) {
		struct addr out = { 0 };
		const char *p = s, *end = s + len;
		for (int i = 0; i < 4; i++) {
			const char *dot = i < 3 ? memchr(p, '.', (size_t)(end - p)) : end;
			uint64_t octet;
			if (!dot || !parse_number(p, (size_t)(dot - p), 0, 255, false, &octet))
				return false;
			out.lo = out.lo << 8 | octet;
			p = dot + 1;
		}
		*ret_family = FAMILY_V4;
		*ret_addr = out;
		return true;
	}
	if (inet_pton(AF_INET6, buf, b) != 1)
		return false;
	struct addr out = { 0 };
	for (int i = 0; i < 8; i++) {
		out.hi = out.hi << 8 | b[i];
		out.lo = out.lo << 8 | b[i + 8];
	}
	*ret_family = FAMILY_V6;
	*ret_addr = out;
	return true;
}

bool prefix_parse(const char *s, size_t len, enum family *ret_family, struct addr *ret_addr,
		  unsigned *ret_len, bool *ret_host_bits)
{
	const char *slash = memchr(s, '/', len);
	enum family f;
	struct addr a;
	uint64_t bits;
	if (!addr_parse(s, slash ? (size_t)(slash - s) : len, &f, &a))
		return false;
	if (!slash)
		bits = addr_bits(f);
	else if (!parse_number(slash + 1, len - (size_t)(slash + 1 - s), 0, addr_bits(f), false,
			       &bits))
		return false;
	*ret_family = f;
	*ret_addr = a;
	*ret_len = (unsigned)bits;
	*ret_host_bits = !addr_equal(a, addr_and(a, addr_mask(f, (unsigned)bits)));
	return true;
}

/* Below 1,000. */
static void put_number(struct text *t, unsigned n)
{
	if (n >= 100)
		text_putc(t, (char)('0' + n / 100));
	if (n >= 10)
		text_putc(t, (char)('0' + n / 10 % 10));
	text_putc(t, (char)('0' + n % 10));
}

void addr_print(struct text *t, enum family f, struct addr a)
{
	if (f == FAMILY_V4) {
		/* asked for every pair of zones: by hand */
		for (int shift = 24; shift >= 0; shift -= 8) {
			put_number(t, (unsigned)(a.lo >> shift & 255));
			if (shift)
				text_putc(t, '.');
		}
		return;
	}
	unsigned char b[16];
	char buf[INET6_ADDRSTRLEN];
	for (int i = 0; i < 8; i++) {
		b[i] = (unsigned char)(a.hi >> (56 - 8 * i));
		b[i + 8] = (unsigned char)(a.lo >> (56 - 8 * i));
	}
	text_put(t, inet_ntop(AF_INET6, b, buf, sizeof(buf)) ? buf : "?");
}

/* How many low bits are free in the span if it is a prefix; false where it is none. */
static bool free_bits(struct span s, unsigned *ret)
{
	uint64_t hi = s.lo.hi ^ s.hi.hi, lo = s.lo.lo ^ s.hi.lo;
	bool low = !(lo & (lo + 1)) && (!hi || lo == UINT64_MAX);
	if (!low || hi & (hi + 1) || s.lo.hi & hi || s.lo.lo & lo)
		return false;
	*ret = (unsigned)(__builtin_popcountll(hi) + __builtin_popcountll(lo));
	return true;
}

void span_print(struct text *t, enum family f, struct span s)
{
	unsigned open;
	if (!free_bits(s, &open)) {
		addr_print(t, f, s.lo);
		text_putc(t, '-');
		addr_print(t, f, s.hi);
	} else if (open == addr_bits(f)) {
		text_put(t, "any");
	} else {
		addr_print(t, f, s.lo);
		if (open) {
			text_putc(t, '/');
			put_number(t, addr_bits(f) - open);
		}
	}
}
