/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"

static inline uint64_t rotl(uint64_t x, int b)
{
	return (x << b) | (x >> (64 - b));
}

#define SIPROUND \
	do { \
		v0 += v1, v1 = rotl(v1, 13), v1 ^= v0, v0 = rotl(v0, 32); \
		v2 += v3, v3 = rotl(v3, 16), v3 ^= v2; \
		v0 += v3, v3 = rotl(v3, 21), v3 ^= v0; \
		v2 += v1, v1 = rotl(v1, 17), v1 ^= v2, v2 = rotl(v2, 32); \
	} while (0)

uint64_t siphash(const void *data, size_t len)
{
	/* Drawn by the first call of the process, which comes before there are threads. */
	static uint64_t key[2];
	if (!key[0]) {
		if (getrandom(key, sizeof(key), GRND_NONBLOCK) != sizeof(key))
			key[0] = (uintptr_t)&key ^ 0x9e3779b97f4a7c15u;
		key[0] |= 1;
	}
	const unsigned char *p = data;
	uint64_t v0 = key[0] ^ 0x736f6d6570736575u, v1 = key[1] ^ 0x646f72616e646f6du;
	uint64_t v2 = key[0] ^ 0x6c7967656e657261u, v3 = key[1] ^ 0x7465646279746573u, m;
	size_t left = len;
	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&m, p, 8);
		v3 ^= m;
		SIPROUND;
		v0 ^= m;
	}
	m = (uint64_t)len << 56;
	for (size_t i = 0; i < left; i++)
		m |= (uint64_t)p[i] << (8 * i);
	v3 ^= m;
	SIPROUND;
	v0 ^= m;
	v2 ^= 0xff;
	SIPROUND;
	SIPROUND;
	SIPROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

void map_finish(struct map *m)
{
	for (size_t i = 0; i < m->n; i++)
		free((char *)m->entries[i].key);
	free(m->entries);
	free(m->slots);
	memset(m, 0, sizeof(*m));
}

/* The slot that holds the key or the free one where it belongs; slots hold index + 1. */
static size_t map_slot(const struct map *m, const char *key, size_t len)
{
	size_t mask = m->n_slots - 1, i = siphash(key, len) & mask;
	for (; m->slots[i]; i = (i + 1) & mask) {
		const struct map_entry *e = &m->entries[m->slots[i] - 1];
		if (e->len == len && !memcmp(e->key, key, len))
			break;
	}
	return i;
}

void *map_getn(const struct map *m, const char *key, size_t len)
{
	if (!m->n_slots)
		return NULL;
	uint32_t at = m->slots[map_slot(m, key, len)];
	return at ? m->entries[at - 1].value : NULL;
}

void *map_get(const struct map *m, const char *key)
{
	return map_getn(m, key, strlen(key));
}

static void map_grow(struct map *m)
{
	free(m->slots);
	m->n_slots = m->n_slots ? m->n_slots * 2 : 16;
	m->slots = xcalloc(m->n_slots, sizeof(*m->slots));
	for (size_t i = 0; i < m->n; i++)
		m->slots[map_slot(m, m->entries[i].key, m->entries[i].len)] = (uint32_t)i + 1;
}

void **map_atn(struct map *m, const char *key, size_t len)
{
	if (m->n * 4 >= m->n_slots * 3)
		map_grow(m);
	size_t slot = map_slot(m, key, len);
	if (m->slots[slot])
		return &m->entries[m->slots[slot] - 1].value;
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 8;
		m->entries = xreallocarray(m->entries, m->cap, sizeof(*m->entries));
	}
	char *copy = xmalloc(len + 1);
	memcpy(copy, key, len);
	copy[len] = 0;
	m->entries[m->n] = (struct map_entry){ copy, len, NULL };
	m->slots[slot] = (uint32_t)++m->n;
	return &m->entries[m->n - 1].value;
}

void **map_at(struct map *m, const char *key)
{
	return map_atn(m, key, strlen(key));
}
