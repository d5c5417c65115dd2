/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

/*
 * A growing array of any type, on the heap:
 *
 *	VEC(struct rule) rules = { 0 };
 *	*vec_add(&rules) = (struct rule){ ... };
 *	vec_free(&rules);
 */

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* The pointer, the count in use, the room there is. */
#define VEC(type) \
	struct { \
		type *v; \
		size_t n, cap; \
	}

/* A pointer to a new zeroed last element; earlier pointers into the array may move. */
#define vec_add(vec) \
	((vec)->v = vec_room((vec)->v, (vec)->n, &(vec)->cap, sizeof(*(vec)->v)), \
	 memset(&(vec)->v[(vec)->n], 0, sizeof(*(vec)->v)), &(vec)->v[(vec)->n++])

#define vec_each(it, vec) \
	for (__typeof__((vec)->v + 0) it = (vec)->v; it && it < (vec)->v + (vec)->n; it++)

#define vec_free(vec) (free((vec)->v), (vec)->v = NULL, (vec)->n = (vec)->cap = 0)

/* An exact-size copy of the elements that lives in the arena. */
#define vec_keep(arena, vec) \
	((__typeof__((vec)->v))arena_copy((arena), (vec)->v, (vec)->n * sizeof(*(vec)->v)))

static inline void *vec_room(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;
	*cap = *cap ? *cap * 2 : 8;
	return xreallocarray(v, *cap, size);
}

#endif
