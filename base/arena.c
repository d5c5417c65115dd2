/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_FIRST = 16 * 1024, ARENA_MOST = 1024 * 1024 };

struct block {
	struct block *prev;
	size_t size, used;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct block *top;
	struct block *spare; /* given up by a rewind: the next one to be used; or NULL */
	size_t total;
};

static void (*oom_handler)(size_t size);

void oom_set_handler(void (*handler)(size_t size))
{
	oom_handler = handler;
}

static _Noreturn void oom(size_t size)
{
	if (oom_handler)
		oom_handler(size);
	abort();
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);
	if (!p)
		oom(size);
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);
	if (!p)
		oom(size);
	return p;
}

void *xrealloc(void *p, size_t size)
{
	void *q = realloc(p, size ? size : 1);
	if (!q)
		oom(size);
	return q;
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(n, size, &bytes))
		oom(SIZE_MAX);
	return xrealloc(p, bytes);
}

char *xstrdup(const char *s)
{
	size_t len = strlen(s) + 1;
	return memcpy(xmalloc(len), s, len);
}

struct arena *arena_create(void)
{
	return xcalloc(1, sizeof(struct arena));
}

void arena_destroy(struct arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->top, *prev; b; b = prev) {
		prev = b->prev;
		free(b);
	}
	free(a->spare);
	free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t need;
	if (__builtin_add_overflow(size ? size : 1, alignof(max_align_t) - 1, &need))
		oom(size);
	need &= ~(alignof(max_align_t) - 1);
	struct block *b = a->top;
	if ((!b || b->size - b->used < need) && a->spare && a->spare->size >= need) {
		b = a->spare;
		a->spare = NULL;
		b->prev = a->top;
		b->used = 0;
		a->top = b;
	} else if (!b || b->size - b->used < need) {
		size_t want = b ? b->size * 2 : ARENA_FIRST, bytes;
		if (want > ARENA_MOST)
			want = ARENA_MOST;
		if (want < need)
			want = need;
		if (__builtin_add_overflow(want, sizeof(*b), &bytes))
			oom(size);
		b = xmalloc(bytes);
		b->prev = a->top;
		b->size = want;
		b->used = 0;
		a->top = b;
	}
	void *p = b->data + b->used;
	b->used += need;
	a->total += need;
	return memset(p, 0, need);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(n, size, &bytes))
		oom(SIZE_MAX);
	return arena_alloc(a, bytes);
}

void *arena_copy(struct arena *a, const void *data, size_t size)
{
	void *p = arena_alloc(a, size);
	if (size)
		memcpy(p, data, size);
	return p;
}

char *arena_strn(struct arena *a, const char *s, size_t len)
{
	char *p = arena_alloc(a, len + 1);
	if (len)
		memcpy(p, s, len);
	return p;
}

char *arena_str(struct arena *a, const char *s)
{
	return arena_strn(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		return arena_str(a, "");
	char *p = arena_alloc(a, (size_t)len + 1);
	vsnprintf(p, (size_t)len + 1, fmt, ap);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}

size_t arena_used(const struct arena *a)
{
	return a->total;
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark){ a->top, a->top ? a->top->used : 0, a->total };
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
	while (a->top && a->top != mark.block) {
		struct block *b = a->top, *less = a->spare;
		a->top = b->prev;
		if (!less || less->size < b->size)
			a->spare = b, b = less;
		free(b);
	}
	if (a->top)
		a->top->used = mark.used;
	a->total = mark.total;
}

void arena_join(struct arena *a, struct arena *from)
{
	struct block *bottom = from->top;
	while (bottom && bottom->prev)
		bottom = bottom->prev;
	if (bottom && a->top) {
		/* Below the top, which still has room. */
		bottom->prev = a->top->prev;
		a->top->prev = from->top;
	} else if (bottom) {
		a->top = from->top;
	}
	a->total += from->total;
	free(from->spare);
	free(from);
}
