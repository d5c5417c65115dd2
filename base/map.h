/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

/*
 * Strings to pointers, insertion order kept. Keys come from untrusted files: hashing is
 * SipHash-1-3 (Aumasson, Bernstein 2012) with a key drawn once a process, so that a crafted
 * file can't make it slow. Nothing printed depends on the hash order.
 */

#include <stddef.h>
#include <stdint.h>

struct map_entry {
	const char *key; /* the map's own copy */
	size_t len;
	void *value;
};

struct map {
	struct map_entry *entries; /* in order of insertion */
	size_t n, cap;
	uint32_t *slots;
	size_t n_slots;
};

/* A zeroed struct map is an empty one. Frees keys and table, not the values. */
void map_finish(struct map *m);

/* The value, or NULL where the key is unknown. */
void *map_get(const struct map *m, const char *key);
void *map_getn(const struct map *m, const char *key, size_t len);
/* The place of the key's value (NULL value when new): never NULL, valid until the next call. */
void **map_at(struct map *m, const char *key);
void **map_atn(struct map *m, const char *key, size_t len);

uint64_t siphash(const void *data, size_t len);

#endif
