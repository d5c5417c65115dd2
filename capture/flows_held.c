/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Later fragments that came before their first one: counted for each datagram, in the order in
 * which datagrams began. Few are under way at a time, so that they are looked through.
 */
#include <stdlib.h>
#include <string.h>

#include "capture/flows_internal.h"

struct held_back *held_create(size_t excerpt_bytes)
{
	struct held_back *h = xcalloc(1, sizeof(*h));
	if (excerpt_bytes)
		h->excerpts = xcalloc(HELD, excerpt_bytes);
	for (size_t i = 0; i < HELD && excerpt_bytes; i++)
		h->slots[i].bytes_at = h->excerpts + i * excerpt_bytes;
	h->excerpt_bytes = excerpt_bytes;
	return h;
}

void held_destroy(struct held_back *h)
{
	free(h->excerpts);
	free(h);
}

struct held *held_find(struct held_back *h, uint64_t hash, const struct fragment *f)
{
	for (uint64_t i = h->gone; i != h->put; i++) {
		struct held *s = &h->slots[i % HELD];
		if (h->hash[i % HELD] == hash && fragment_same(&s->key, f) &&
		    fragment_near(&s->key, f))
			return s;
	}
	return NULL;
}

struct held *held_add(struct held_back *h, uint64_t hash, const struct fragment *f,
		      const uint8_t *bytes, uint32_t caplen)
{
	struct held *s = &h->slots[h->put % HELD];
	h->hash[h->put++ % HELD] = hash;
	*s = (struct held){ .key = *f, .bytes_at = s->bytes_at };
	s->key.used = 1;
	s->caplen = caplen < h->excerpt_bytes ? caplen : (uint32_t)h->excerpt_bytes;
	if (s->caplen)
		memcpy(s->bytes_at, bytes, s->caplen);
	return s;
}

struct held *held_oldest(struct held_back *h)
{
	while (h->gone != h->put && !h->slots[h->gone % HELD].key.used)
		h->gone++;
	return h->gone == h->put ? NULL : &h->slots[h->gone % HELD];
}
