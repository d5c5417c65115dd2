/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries stand in one array of a fixed size, found through a table of buckets, each a line of
 * a cache with eight slots (at most half are taken; what finds its bucket full stands in the
 * next; deletion by shifting back) that hold 32 bits of a keyed hash: a packet of a known flow
 * costs one line of the table and one entry, and nothing is guessed on the way. The key is
 * drawn once a table, so that nobody can choose addresses that collide.
 *
 * When all entries are taken, a hand goes round (a clock): what had a packet since the hand
 * came by last stays, what had only its first goes first. A scan of addresses puts itself out.
 */
#include "capture/flows.h"

#include <stddef.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/map.h"
#include "capture/flows_internal.h"

enum {
	FLOWS_MOST = 1 << 26,
	SLOTS = 8,
	WAITING = 8, /* packets; a power of two */
	/* entries, as the hand goes: so far ahead their slots are fetched, and they before */
	HAND_AHEAD = 8,
	HAND_FAR = 16,
};

/* A line of the table. An entry stands in the bucket of its hash, or, where that and all
 * between are full, in one behind it. */
struct bucket {
	uint32_t hash[SLOTS];
	uint32_t entry[SLOTS]; /* + 1; 0: free */
};

/* Where and what was captured. */
struct where {
	uint64_t file, number;
	int64_t at;
	const uint8_t *bytes;
	uint32_t caplen;
};

/* What is known of a packet before the table was looked at. */
struct prepared {
	struct flow_key key;
	struct flow_view seen;
	uint32_t hash;
};

/*
 * A packet on its way: while it waits its slot is fetched, then its entry, and meanwhile others
 * are decoded.
 */
struct waiting {
	struct decoded d;
	struct prepared p;
	struct where w;
	unsigned interface;
};

struct flows {
	struct bucket *buckets;
	struct entry *entries;
	struct entry_more *more;
	struct fragments *fragments;
	struct held_back *held;
	uint32_t *untold; /* entries with counts since their last record, each once */
	size_t n_untold;
	size_t mask, max, n, hand;
	size_t buckets_mapped, entries_mapped; /* bytes; 0: on the heap */
	size_t excerpt_bytes;
	flow_sink *sink;
	void *user;
	uint64_t told, evicted;
	uint64_t seed[FLOW_SEEDS];
	struct waiting waiting[WAITING];
	uint64_t put, added; /* packets so far */
};

struct flows *flows_create(size_t flows_max, size_t excerpt_bytes, flow_sink *sink, void *user)
{
	struct flows *f = xcalloc(1, sizeof(*f));
	f->max = flows_max < 1 ? 1 : flows_max > FLOWS_MOST ? FLOWS_MOST : flows_max;
	f->excerpt_bytes = excerpt_bytes;
	f->sink = sink;
	f->user = user;
	size_t n_buckets = 2;
	while (n_buckets * SLOTS < 2 * f->max)
		n_buckets *= 2;
	f->mask = n_buckets - 1;
	f->buckets = flow_table(n_buckets, sizeof(*f->buckets), &f->buckets_mapped);
	f->entries = flow_table(f->max, sizeof(*f->entries), &f->entries_mapped);
	f->more = xcalloc(f->max, sizeof(*f->more));
	f->untold = xcalloc(f->max, sizeof(*f->untold));
	f->fragments = fragments_create();
	f->held = held_create(excerpt_bytes);
	/* the process's own key stands in where the kernel has none to give yet */
	if (getrandom(f->seed, sizeof(f->seed), GRND_NONBLOCK) != sizeof(f->seed))
		for (size_t i = 0; i < FLOW_SEEDS; i++)
			f->seed[i] = siphash(&i, sizeof(i));
	return f;
}

void flows_destroy(struct flows *f)
{
	if (!f)
		return;
	flow_table_free(f->buckets, f->buckets_mapped);
	flow_table_free(f->entries, f->entries_mapped);
	free(f->more);
	free(f->untold);
	fragments_destroy(f->fragments);
	held_destroy(f->held);
	free(f);
}

void flows_count(const struct flows *f, struct capture_counts *c)
{
	c->flows = f->told;
	c->evicted = f->evicted;
	c->flows_now = f->n;
}

/* ---- records ------------------------------------------------------------------------- */

/* What was counted goes out, where there is anything. */
static void tell(struct flows *f, struct entry *e, enum record_kind kind)
{
	if (!e->packets[0] && !e->packets[1])
		return;
	struct flow_record r;
	flow_describe(e, &f->more[e - f->entries], &r);
	r.kind = (uint8_t)kind;
	e->packets[0] = e->packets[1] = 0;
	e->bytes[0] = e->bytes[1] = 0;
	f->sink(f->user, &r, NULL, 0);
}

/* n packets more; w is where the first of them was. */
static inline void count(struct flows *f, struct entry *e, bool back, const struct where *w,
			 uint32_t n, uint64_t bytes, uint16_t anomalies)
{
	if (!e->packets[0] && !e->packets[1]) {
		e->file = (uint32_t)w->file;
		e->number = w->number;
		e->at = e->until = w->at;
		if (!e->listed) {
			e->listed = 1;
			f->untold[f->n_untold++] = (uint32_t)(e - f->entries);
		}
	}
	if (w->at > e->until)
		e->until = w->at;
	e->packets[back] += n;
	e->bytes[back] += bytes;
	e->anomalies |= anomalies;
	e->touched = 1;
	if (__builtin_expect(e->packets[back] >= UINT32_MAX / 2, 0))
		tell(f, e, RECORD_MORE);
}

/* ---- the table ----------------------------------------------------------------------- */

/* Compared field by field: tags have holes. */
static bool same_tags(const struct entry_more *m, const struct decoded *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (m->segments[i].kind != d->segments[i].kind ||
		    m->segments[i].inner != d->segments[i].inner ||
		    m->segments[i].id != d->segments[i].id)
			return false;
	return true;
}

static bool same_tunnels(const struct entry_more *m, const struct decoded *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct tunnel_end *a = &m->tunnels[i], *b = &d->tunnels[i];
		if (a->family != b->family || a->proto != b->proto ||
		    !((addr_equal(a->src, b->src) && addr_equal(a->dst, b->dst)) ||
		      (addr_equal(a->src, b->dst) && addr_equal(a->dst, b->src))))
			return false;
	}
	return true;
}

static bool same_quoted(const struct quoted *a, const struct quoted *b)
{
	return a->family == b->family && a->proto == b->proto && a->has_ports == b->has_ports &&
	       a->sport == b->sport && a->dport == b->dport && addr_equal(a->src, b->src) &&
	       addr_equal(a->dst, b->dst);
}

/* Of eight numbers those that are x, one bit each. */
static inline unsigned equal(const uint32_t *v, uint32_t x)
{
#ifdef __SSE2__
	const __m128i *p = (const __m128i *)(const void *)v, all = _mm_set1_epi32((int)x);
	__m128i low = _mm_cmpeq_epi32(_mm_loadu_si128(p), all);
	__m128i high = _mm_cmpeq_epi32(_mm_loadu_si128(p + 1), all);
	return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(low)) |
	       (unsigned)_mm_movemask_ps(_mm_castsi128_ps(high)) << 4;
#else
	unsigned is = 0;
	for (unsigned i = 0; i < SLOTS; i++)
		is |= (unsigned)(v[i] == x) << i;
	return is;
#endif
}

static inline bool is_flow(const struct flows *f, const struct entry *e,
			   const struct flow_key *k, const struct decoded *d)
{
	const struct entry_more *m = &f->more[e - f->entries];
	return !memcmp(&e->key, k, sizeof(*k)) && same_tags(m, d, k->n_segments) &&
	       same_tunnels(m, d, k->n_tunnels) &&
	       (!(k->bits & FLOW_RELATED) || same_quoted(&m->quoted, &d->quoted));
}

static inline struct entry *find(struct flows *f, const struct flow_key *k, uint32_t hash,
				 const struct decoded *d)
{
	for (size_t i = hash & f->mask;; i = (i + 1) & f->mask) {
		const struct bucket *b = &f->buckets[i];
		unsigned free = equal(b->entry, 0);
		for (unsigned is = equal(b->hash, hash) & ~free; is; is &= is - 1) {
			struct entry *e = &f->entries[b->entry[__builtin_ctz(is)] - 1];
			if (is_flow(f, e, k, d))
				return e;
		}
		if (free)
			return NULL;
	}
}

/* A slot of a bucket that was full: what stands behind it only for want of it moves up. */
static void fill_gap(struct flows *f, size_t i, unsigned slot)
{
	for (size_t j = (i + 1) & f->mask;; j = (j + 1) & f->mask) {
		struct bucket *b = &f->buckets[j];
		unsigned free = equal(b->entry, 0), k = 0;
		/* stays where its home lies behind the gap */
		while (k < SLOTS &&
		       (free >> k & 1 || ((j - b->hash[k]) & f->mask) < ((j - i) & f->mask)))
			k++;
		if (k < SLOTS) {
			f->buckets[i].hash[slot] = b->hash[k];
			f->buckets[i].entry[slot] = b->entry[k];
			b->entry[k] = 0;
			i = j;
			slot = k;
		}
		if (free)
			return;
	}
}

static inline void remove_slot(struct flows *f, const struct entry *e)
{
	uint32_t want = (uint32_t)(e - f->entries) + 1;
	size_t i = e->hash & f->mask;
	unsigned is;
	while (!(is = equal(f->buckets[i].entry, want)))
		i = (i + 1) & f->mask;
	struct bucket *b = &f->buckets[i];
	unsigned slot = (unsigned)__builtin_ctz(is);
	bool full = !equal(b->entry, 0);
	b->entry[slot] = 0;
	if (full)
		fill_gap(f, i, slot);
}

/* Room for one more: a new entry, or that of what was quiet longest. */
static struct entry *room(struct flows *f)
{
	if (f->n < f->max)
		return &f->entries[f->n++];
	for (;;) {
		struct entry *e = &f->entries[f->hand];
		if (f->hand + HAND_FAR < f->max) {
			__builtin_prefetch(&e[HAND_FAR], 1);
			__builtin_prefetch(&e[HAND_FAR].bytes, 1);
			__builtin_prefetch(&f->buckets[e[HAND_AHEAD].hash & f->mask], 1);
		}
		f->hand = f->hand + 1 == f->max ? 0 : f->hand + 1;
		if (e->touched) {
			e->touched = 0;
			continue;
		}
		tell(f, e, RECORD_LAST);
		remove_slot(f, e);
		f->evicted++;
		return e;
	}
}

/* The first packet of what stands in e from now on. */
static void begin(struct flows *f, struct entry *e, const struct decoded *d,
		  const struct flow_view *s, const struct where *w)
{
	struct flow_record r;
	struct flow_key key = e->key;
	uint32_t hash = e->hash;
	*e = (struct entry){ .key = key,
			     .hash = hash,
			     .packets = { 1 },
			     .bytes = { d->length },
			     .file = (uint32_t)w->file,
			     .number = w->number,
			     .at = w->at,
			     .until = w->at,
			     .anomalies = d->anomalies,
			     .listed = e->listed, /* of the entry, whoever is in it */
			     .turned = s->turned,
			     .began = s->began,
			     .flow = ++f->told };
	e->flags = packet_has_flags(&d->packet) && !(key.bits & FLOW_PORTLESS) ? d->packet.flags
									       : 0;
	if (d->has_macs)
		memcpy(e->mac_src, d->mac_src, sizeof(e->mac_src));
	if (d->n_segments || d->n_tunnels || (key.bits & FLOW_RELATED)) {
		struct entry_more *m = &f->more[e - f->entries];
		memcpy(m->segments, d->segments, d->n_segments * sizeof(*m->segments));
		memcpy(m->tunnels, d->tunnels, d->n_tunnels * sizeof(*m->tunnels));
		m->quoted = key.bits & FLOW_RELATED ? d->quoted : (struct quoted){ 0 };
	}
	if (f->excerpt_bytes) {
		size_t n = w->caplen < f->excerpt_bytes ? w->caplen : f->excerpt_bytes;
		flow_describe(e, &f->more[e - f->entries], &r);
		r.kind = RECORD_EXCERPT;
		tell(f, e, RECORD_FIRST);
		f->sink(f->user, &r, w->bytes, n);
		return;
	}
	tell(f, e, RECORD_FIRST);
}

static struct entry *insert(struct flows *f, const struct flow_key *k, uint32_t hash)
{
	struct entry *e = room(f);
	size_t i = hash & f->mask;
	unsigned free;
	while (!(free = equal(f->buckets[i].entry, 0)))
		i = (i + 1) & f->mask;
	f->buckets[i].hash[__builtin_ctz(free)] = hash;
	f->buckets[i].entry[__builtin_ctz(free)] = (uint32_t)(e - f->entries) + 1;
	e->key = *k;
	e->hash = hash;
	return e;
}

/* ---- fragments ----------------------------------------------------------------------- */

static uint64_t fragment_of(const struct flows *f, const struct decoded *d, unsigned interface,
			    int64_t at, struct fragment *ret)
{
	const struct packet *p = &d->packet;
	*ret = (struct fragment){ .src = p->src,
				  .dst = p->dst,
				  .at = at,
				  .id = d->fragment_id,
				  .interface = (uint16_t)interface,
				  .family = p->family,
				  .proto = p->family == FAMILY_V4 ? p->proto : 0 };
	ret->segments = flow_hash_tags(f->seed, f->seed[0], d->segments, d->n_segments);
	uint64_t h = flow_mix(p->src.hi ^ f->seed[1], p->src.lo ^ f->seed[2]) ^
		     flow_mix(p->dst.hi ^ f->seed[3], p->dst.lo ^ f->seed[4]);
	h = flow_mix(h ^ ret->segments ^ f->seed[5],
		     ((uint64_t)ret->id << 32 | ret->proto) ^ f->seed[6]);
	return flow_mix(h ^ f->seed[7], f->seed[0]);
}

/* A later fragment: counted with its first one's flow where that is known. */
static bool join(struct flows *f, const struct decoded *d, unsigned interface,
		 const struct where *w)
{
	struct fragment later;
	uint64_t hash = fragment_of(f, d, interface, w->at, &later);
	const struct fragment *first = fragments_find(f->fragments, hash, &later);
	if (!first || f->entries[first->entry].flow != first->flow)
		return false;
	count(f, &f->entries[first->entry], first->way, w, 1, d->length, d->anomalies);
	return true;
}

/* ---- packets ------------------------------------------------------------------------- */

static inline void prepare(const struct flows *f, const struct decoded *d, unsigned interface,
			   struct prepared *p)
{
	p->hash = (uint32_t)(flow_key_of(f->seed, d, interface, &p->key, &p->seen) >> 16);
}

/* Counted with its flow, which begins where there is none. */
static inline struct entry *enter(struct flows *f, const struct decoded *d,
				  const struct prepared *p, const struct where *w)
{
	const struct flow_view *s = &p->seen;
	struct entry *e = find(f, &p->key, p->hash, d);
	if (!e) {
		e = insert(f, &p->key, p->hash);
		begin(f, e, d, s, w);
	} else if (s->began != BEGAN_GUESSED &&
		   (e->began == BEGAN_GUESSED ||
		    (s->fresh && (e->began == BEGAN_SEEN) != (e->turned == s->turned)))) {
		/* who begins is known only now, or it is the other end this time: what was said
		 * of the flow doesn't hold for what follows */
		tell(f, e, RECORD_LAST);
		begin(f, e, d, s, w);
	} else {
		count(f, e, e->turned != s->turned, w, 1, d->length, d->anomalies);
	}
	return e;
}

/* Of what was held back, all but the first `told` packets (0 or 1), which are counted already.
 */
static void count_held(struct flows *f, struct entry *e, bool back, struct held *h,
		       uint32_t told)
{
	struct where w = { .file = h->file, .number = h->number, .at = h->key.at };
	h->key.used = 0;
	if (h->packets == told)
		return;
	count(f, e, back, &w, h->packets - told, h->bytes - (told ? h->d.length : 0),
	      h->anomalies);
	if (h->until > e->until)
		e->until = h->until;
}

/* It stays without ports. */
static void let_go(struct flows *f, struct held *h)
{
	struct where w = { h->file, h->number, h->key.at, h->bytes_at, h->caplen };
	struct prepared p;
	prepare(f, &h->d, h->interface, &p);
	struct entry *e = enter(f, &h->d, &p, &w);
	count_held(f, e, e->turned != p.seen.turned, h, 1);
}

static void make_room_to_hold(struct flows *f)
{
	struct held *h = held_oldest(f->held);
	if (!h || !held_full(f->held))
		return;
	let_go(f, h);
	held_oldest(f->held); /* its place is passed by */
}

/* A later fragment without its first one: perhaps that is still to come. */
static void hold(struct flows *f, const struct decoded *d, unsigned interface,
		 const struct where *w)
{
	struct fragment later;
	uint64_t hash = fragment_of(f, d, interface, w->at, &later);
	struct held *h = held_find(f->held, hash, &later);
	if (h && h->packets == HELD_PACKETS) {
		let_go(f, h);
		h = NULL;
	}
	if (!h) {
		make_room_to_hold(f);
		h = held_add(f->held, hash, &later, w->bytes, w->caplen);
		h->d = *d;
		h->interface = interface;
		h->file = w->file;
		h->number = w->number;
		h->until = w->at;
	}
	h->packets++;
	h->bytes += d->length;
	h->anomalies |= d->anomalies;
	if (w->at > h->until)
		h->until = w->at;
}

/* What has waited for longer than a datagram is put together for has no ports. */
static void let_old_go(struct flows *f, int64_t at)
{
	struct fragment now = { .at = at };
	struct held *h;
	while ((h = held_oldest(f->held)) && !fragment_near(&h->key, &now))
		let_go(f, h);
}

/* Later ones find it, those that were there before it as well. */
static void remember_first(struct flows *f, const struct decoded *d, const struct entry *e,
			   bool back, unsigned interface, const struct where *w)
{
	struct fragment first;
	uint64_t hash = fragment_of(f, d, interface, w->at, &first);
	struct held *h = held_find(f->held, hash, &first);
	first.entry = (uint32_t)(e - f->entries);
	first.flow = e->flow;
	first.way = back;
	fragments_add(f->fragments, hash, &first);
	if (h)
		count_held(f, &f->entries[first.entry], back, h, 0);
}

static inline void add(struct flows *f, const struct decoded *d, const struct prepared *p,
		       unsigned interface, const struct where *w)
{
	if (f->held->put != f->held->gone)
		let_old_go(f, w->at);
	if (d->has_ip && d->packet.fragment) {
		if (!join(f, d, interface, w))
			hold(f, d, interface, w);
		return;
	}
	struct entry *e = enter(f, d, p, w);
	if (d->first_fragment && !(p->key.bits & FLOW_PORTLESS))
		remember_first(f, d, e, e->turned != p->seen.turned, interface, w);
}

void flows_add(struct flows *f, const struct decoded *d, unsigned interface, uint64_t file,
	       uint64_t number, int64_t at, const uint8_t *bytes, uint32_t caplen)
{
	struct where w = { file, number, at, bytes, caplen };
	struct prepared p;
	flows_settle(f);
	prepare(f, d, interface, &p);
	add(f, d, &p, interface, &w);
}

struct decoded *flows_place(struct flows *f)
{
	return &f->waiting[f->put % WAITING].d;
}

/* Both lines of the entry that the hash leads to: nearly always the packet's own. A call that
 * does nothing but this would be taken for one without effect, and left out (gcc 12). */
__attribute__((always_inline)) static inline void ask_entry(const struct flows *f,
							    uint32_t hash)
{
	const struct bucket *b = &f->buckets[hash & f->mask];
	unsigned is = equal(b->hash, hash);
	uint32_t at = b->entry[is ? __builtin_ctz(is) : 0];
	if (!is || !at)
		return;
	const struct entry *e = &f->entries[at - 1];
	__builtin_prefetch(e, 1);
	__builtin_prefetch(&e->bytes, 1);
}

static inline void add_oldest(struct flows *f)
{
	struct waiting *x = &f->waiting[f->added++ % WAITING];
	add(f, &x->d, &x->p, x->interface, &x->w);
}

struct decoded *flows_put(struct flows *f, unsigned interface, uint64_t file, uint64_t number,
			  int64_t at, const uint8_t *bytes, uint32_t caplen)
{
	struct waiting *x = &f->waiting[f->put++ % WAITING];
	x->w = (struct where){ file, number, at, bytes, caplen };
	x->interface = interface;
	prepare(f, &x->d, interface, &x->p);
	__builtin_prefetch(&f->buckets[x->p.hash & f->mask], 1);
	if (f->put - f->added > WAITING / 2)
		ask_entry(f, f->waiting[(f->put - WAITING / 2 - 1) % WAITING].p.hash);
	if (f->put - f->added == WAITING)
		add_oldest(f);
	return flows_place(f);
}

void flows_settle(struct flows *f)
{
	while (f->added != f->put)
		add_oldest(f);
}

void flows_flush(struct flows *f, bool end)
{
	struct held *h;
	flows_settle(f);
	while ((h = held_oldest(f->held)))
		let_go(f, h);
	for (size_t i = 0; i < f->n_untold; i++) {
		struct entry *e = &f->entries[f->untold[i]];
		e->listed = 0;
		tell(f, e, end ? RECORD_LAST : RECORD_MORE);
	}
	f->n_untold = 0;
}
