/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

/*
 * Regions of memory: many small allocations that live and die together. Nothing taken from
 * an arena is freed by itself.
 *
 * No allocation of this program returns NULL. When memory is spent, the handler set with
 * oom_set_handler() is called; it must not return (the command line ends the process with
 * the exit code of an unread input). Without a handler the process aborts.
 */

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_create(void);
void arena_destroy(struct arena *a); /* NULL is fine */

/* Zeroed memory, aligned for any type; never NULL. size 0 gives a valid unique address. */
void *arena_alloc(struct arena *a, size_t size);
/* Like arena_alloc for n objects of size bytes; an overflow counts as memory spent. */
void *arena_array(struct arena *a, size_t n, size_t size);
/* A copy of size bytes. */
void *arena_copy(struct arena *a, const void *data, size_t size);
/* A NUL-terminated copy of the first len bytes of s (s may contain anything but NUL). */
char *arena_strn(struct arena *a, const char *s, size_t len);
char *arena_str(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Bytes handed out so far, for budgets and reports. */
size_t arena_used(const struct arena *a);

/* A point to come back to: everything allocated since is given up. */
struct arena_mark {
	void *block;
	size_t used;
	size_t total;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark mark);
/*
 * Everything of `from` lives in `a` from now on; `from` is freed. No mark of `a` may be
 * rewound to afterwards.
 */
void arena_join(struct arena *a, struct arena *from);

/* Heap memory with the same promise: never NULL. Freed with free(). */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);

/* Called with the size that could not be had; must not return. */
void oom_set_handler(void (*handler)(size_t size));

#endif
