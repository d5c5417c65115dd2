/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_CURSOR_H
#define CAPTURE_CURSOR_H

/*
 * A place in captured bytes that can't be left: the one file of the decoder with pointer
 * arithmetic. It knows how many bytes were captured from here on, and how many there were, so
 * that a header cut by the capture and one that never was whole are told apart.
 */

#include <stdbool.h>
#include <stdint.h>

struct cursor {
	const uint8_t *p;
	uint32_t left; /* captured, from here on */
	uint32_t wire; /* there were, from here on; never less than left */
};

static inline struct cursor cursor_of(const uint8_t *bytes, uint32_t left, uint32_t wire)
{
	return (struct cursor){ bytes, left < wire ? left : wire, wire };
}

/* Whether the next n bytes were captured. */
static inline bool cursor_has(const struct cursor *c, uint32_t n)
{
	return n <= c->left;
}

/* Big-endian numbers at an offset from here; 0 where not all of it was captured. */
static inline unsigned cursor_u8(const struct cursor *c, uint32_t at)
{
	return at < c->left ? c->p[at] : 0;
}

static inline unsigned cursor_u16(const struct cursor *c, uint32_t at)
{
	uint16_t v;

	if (at > c->left || c->left - at < sizeof(v))
		return 0;
	__builtin_memcpy(&v, c->p + at, sizeof(v));
	return __builtin_bswap16(v);
}

static inline uint32_t cursor_u32(const struct cursor *c, uint32_t at)
{
	uint32_t v;

	if (at > c->left || c->left - at < sizeof(v))
		return 0;
	__builtin_memcpy(&v, c->p + at, sizeof(v));
	return __builtin_bswap32(v);
}

static inline uint64_t cursor_u64(const struct cursor *c, uint32_t at)
{
	uint64_t v;

	if (at > c->left || c->left - at < sizeof(v))
		return 0;
	__builtin_memcpy(&v, c->p + at, sizeof(v));
	return __builtin_bswap64(v);
}

/* n bytes at an offset to `to`; false and nothing done where not all were captured. */
static inline bool cursor_copy(const struct cursor *c, uint32_t at, void *to, uint32_t n)
{
	if (at > c->left || c->left - at < n)
		return false;
	__builtin_memcpy(to, c->p + at, n);
	return true;
}

/* Goes on; false and nothing done where not all of it was captured. */
static inline bool cursor_skip(struct cursor *c, uint32_t n)
{
	if (n > c->left)
		return false;
	c->p += n;
	c->left -= n;
	c->wire -= n;
	return true;
}

/* Nothing behind the next n bytes counts; false where there never were n. */
static inline bool cursor_limit(struct cursor *c, uint32_t n)
{
	if (n > c->wire)
		return false;
	c->wire = n;
	if (c->left > n)
		c->left = n;
	return true;
}

#endif
