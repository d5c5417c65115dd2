/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where nodes live: the arena, the table that makes equal nodes one, the cache of
 * operations, and collection.
 *
 * Collection marks and compacts in place. A node lies behind its children, so one pass from
 * the end of the arena marks everything reachable, and one pass from its beginning moves the
 * living down; where a node goes to is the number of living words before it, found by
 * counting bits. Order is kept, so what comes after depends on the input alone. Cached
 * results survive where all of their nodes do.
 */

#include "model/pset_internal.h"

enum {
	FIRST_WORDS = 1 << 13,
	FIRST_SLOTS = 1 << 10,
	FIRST_CACHE = 1 << 9,
};

static size_t bytes_with(const struct pset_space *sp, size_t cap, size_t n_slots,
			 size_t n_cache)
{
	return cap * sizeof(*sp->words) + n_slots * sizeof(*sp->slots) +
	       n_cache * sizeof(*sp->cache) + sp->cap_memo * sizeof(*sp->memo);
}

size_t pset_space_bytes(const struct pset_space *sp)
{
	return bytes_with(sp, sp->cap, sp->n_slots, sp->n_cache);
}

static void set_levels(struct pset_space *sp)
{
	unsigned l = 0;

	sp->digits = sp->family == FAMILY_V4 ? 2 : 8;
	sp->level[FIELD_PROTO] = sp->level[FIELD_FRAGMENT] = (uint8_t)l;
	sp->top[l++] = PSET_PROTOS - 1;
	sp->level[FIELD_DST] = (uint8_t)l;
	for (unsigned i = 0; i < sp->digits; i++)
		sp->top[l++] = UINT16_MAX;
	sp->level[FIELD_SRC] = (uint8_t)l;
	for (unsigned i = 0; i < sp->digits; i++)
		sp->top[l++] = UINT16_MAX;
	sp->level[FIELD_DPORT] = sp->level[FIELD_ICMP_TYPE] = sp->level[FIELD_ICMP_CODE] =
		(uint8_t)l;
	sp->top[l++] = UINT16_MAX;
	sp->level[FIELD_SPORT] = (uint8_t)l;
	sp->top[l++] = UINT16_MAX;
	sp->level[FIELD_FLAGS] = (uint8_t)l;
	sp->top[l++] = UINT8_MAX;
	sp->level[FIELD_STATE] = (uint8_t)l;
	sp->top[l++] = STATE_COUNT - 1;
	sp->levels = (uint8_t)l;

	for (unsigned p = 0; p < PSET_FRAGMENT; p++)
		if (proto_has_ports(p))
			sp->class[p] = p == PROTO_TCP ? CLASS_TCP : CLASS_PORTS;
	sp->class[sp->family == FAMILY_V4 ? PROTO_ICMP : PROTO_ICMPV6] = CLASS_ICMP;
	for (unsigned p = 0; p < PSET_FRAGMENT; p++) {
		sp->whole[sp->class[p]][p / 64] |= UINT64_C(1) << (p % 64);
		if (sp->class[p] == CLASS_TCP)
			sp->whole[CLASS_PORTS][p / 64] |= UINT64_C(1) << (p % 64);
	}
}

struct pset_space *pset_space_create(enum family family, size_t budget)
{
	struct pset_space *sp = xcalloc(1, sizeof(*sp));

	sp->family = (uint8_t)family;
	sp->budget = budget ? budget : (size_t)1 << 30;
	/* A key of this process: nobody can prepare nodes that collide. */
	sp->seed = siphash("pset", 4) | 1;
	set_levels(sp);
	sp->cap = FIRST_WORDS;
	sp->words = xmalloc(sp->cap * sizeof(*sp->words));
	sp->n_slots = FIRST_SLOTS;
	sp->slots = xcalloc(sp->n_slots, sizeof(*sp->slots));
	sp->n_cache = FIRST_CACHE;
	sp->cache = xcalloc(sp->n_cache, sizeof(*sp->cache));
	/* Room for a full list on every level, so that it never moves; pages that no list
	 * reaches are never touched. */
	sp->stack_child = xmalloc(PSET_STACK * sizeof(*sp->stack_child));
	sp->stack_bound = xmalloc(PSET_STACK * sizeof(*sp->stack_bound));
	return sp;
}

void pset_space_destroy(struct pset_space *sp)
{
	if (!sp)
		return;
	free(sp->words);
	free(sp->slots);
	free(sp->cache);
	free(sp->stack_child);
	free(sp->stack_bound);
	free(sp->memo);
	map_finish(&sp->assumes);
	free(sp);
}

enum family pset_family(const struct pset_space *sp)
{
	return (enum family)sp->family;
}

static inline uint32_t node_hash(const struct pset_space *sp, const uint32_t *w, size_t n)
{
	uint64_t h = sp->seed, v;

	for (; n > 1; n -= 2, w += 2) {
		memcpy(&v, w, sizeof(v));
		h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	if (n) {
		h = (h ^ *w) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(h >> 32);
}

static bool grow_words(struct pset_space *sp, size_t need)
{
	size_t cap = sp->cap + sp->cap / 2, limit = (size_t)INT32_MAX + 1 - PSET_NODES;
	size_t rest = bytes_with(sp, 0, sp->n_slots, sp->n_cache);
	uint32_t *w;

	if (cap < need)
		cap = need;
	if (cap > limit)
		cap = limit;
	if (rest + cap * sizeof(*w) > sp->budget)
		cap = sp->budget > rest ? (sp->budget - rest) / sizeof(*w) : 0;
	if (cap < need)
		return false;
	w = realloc(sp->words, cap * sizeof(*w));
	if (!w)
		return false;
	sp->words = w;
	sp->cap = cap;
	return true;
}

static void put_slot(struct pset_slot *slots, size_t mask, uint32_t hash, uint32_t id)
{
	size_t i = hash & mask;

	while (slots[i].id)
		i = (i + 1) & mask;
	slots[i] = (struct pset_slot){ hash, id };
}

static void resize_cache(struct pset_space *sp, size_t n)
{
	struct pset_cached *old = sp->cache, *now = calloc(n, sizeof(*now));
	size_t n_old = sp->n_cache;

	if (!now)
		return; /* a smaller cache is only slower */
	sp->cache = now;
	sp->n_cache = n;
	/* in a smaller one the later of two in one place stays */
	for (size_t i = 0; i < n_old; i++)
		if (old[i].op)
			*cache_slot(sp, old[i].op, old[i].a, old[i].b) = old[i];
	free(old);
}

static bool resize_slots(struct pset_space *sp, size_t n)
{
	struct pset_slot *now = calloc(n, sizeof(*now));

	if (!now)
		return false;
	for (size_t i = 0; i < sp->n_slots; i++)
		if (sp->slots[i].id)
			put_slot(now, n - 1, sp->slots[i].hash, sp->slots[i].id);
	free(sp->slots);
	sp->slots = now;
	sp->n_slots = n;
	return true;
}

static bool grow_slots(struct pset_space *sp)
{
	size_t n = sp->n_slots * 2;

	if (bytes_with(sp, sp->cap, n, sp->n_cache) > sp->budget || !resize_slots(sp, n))
		return false;
	if (sp->n_cache < n / 2 && bytes_with(sp, sp->cap, n, n / 2) <= sp->budget)
		resize_cache(sp, n / 2);
	return true;
}

uint32_t node_make(struct pset_space *sp, unsigned level, size_t base)
{
	size_t n = sp->stack - base, words = node_words((uint32_t)n), i;
	const uint32_t *child = sp->stack_child + base;
	uint32_t *w, hash, id, partial = 0;

	sp->stack = base;
	if (n == 1)
		return child[0];
	if (sp->used + words > sp->cap && !grow_words(sp, sp->used + words))
		return PSET_SPENT;
	w = sp->words + sp->used;
	w[0] = level << 24 | (uint32_t)n;
	w[words - 1] = 0; /* the half word behind an odd number of bounds */
	memcpy(w + 1, child, n * sizeof(*child));
	memcpy(w + 1 + n, sp->stack_bound + base, n * sizeof(*sp->stack_bound));
	hash = node_hash(sp, w, words);

	for (i = hash & (sp->n_slots - 1); sp->slots[i].id; i = (i + 1) & (sp->n_slots - 1)) {
		id = sp->slots[i].id;
		if (sp->slots[i].hash == hash &&
		    memcmp(sp->words + node_offset(id), w, words * sizeof(*w)) == 0)
			return id;
	}
	if (sp->n_nodes + 1 > sp->n_slots / 4 * 3) {
		if (!grow_slots(sp))
			return PSET_SPENT;
		for (i = hash & (sp->n_slots - 1); sp->slots[i].id;)
			i = (i + 1) & (sp->n_slots - 1);
	}
	for (size_t k = 0; k < n; k++)
		partial |= is_total(child[k]) ? 0 : PSET_PARTIAL;
	id = (PSET_NODES + (uint32_t)sp->used) | partial;
	sp->slots[i] = (struct pset_slot){ hash, id };
	sp->n_nodes++;
	sp->used += words;
	return id;
}

/*
 * Collection.
 */

/* 64 words of the arena. */
struct block {
	uint64_t live;	 /* one bit a word: it belongs to a living node */
	uint32_t before; /* living words before these */
};

struct moving {
	struct block *blocks;
	uint64_t *starts; /* one bit a word: a living node begins here */
	size_t n;	  /* blocks */
};

/* Not every processor that we are compiled for counts bits by itself. */
static inline unsigned count_bits(uint64_t x)
{
	x -= x >> 1 & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)(x * UINT64_C(0x0101010101010101) >> 56);
}

static void live_fill(struct block *v, size_t i, size_t n)
{
	while (n) {
		size_t k = 64 - i % 64 < n ? 64 - i % 64 : n;

		v[i / 64].live |= (k == 64 ? ~UINT64_C(0) : (UINT64_C(1) << k) - 1) << (i % 64);
		i += k;
		n -= k;
	}
}

static inline void mark_id(struct moving *mv, uint32_t id)
{
	size_t at = node_offset(id);

	if (is_node(id) && id != PSET_SPENT)
		mv->starts[at / 64] |= UINT64_C(1) << (at % 64);
}

/* From the last node to the first: children lie always before their parents. */
static void mark_all(struct pset_space *sp, struct moving *mv)
{
	size_t sum = 0;

	for (size_t i = mv->n; i-- > 0;) {
		uint64_t seen = 0, todo;

		/* a child may lie in the same 64 words: look again */
		while ((todo = mv->starts[i] & ~seen)) {
			unsigned bit = 63 - (unsigned)__builtin_clzll(todo);
			size_t at = i * 64 + bit;
			uint32_t n = sp->words[at] & 0xffffff;

			seen |= UINT64_C(1) << bit;
			live_fill(mv->blocks, at, node_words(n));
			for (uint32_t k = 0; k < n; k++)
				mark_id(mv, sp->words[at + 1 + k]);
		}
	}
	for (size_t i = 0; i < mv->n; i++) {
		mv->blocks[i].before = (uint32_t)sum;
		sum += count_bits(mv->blocks[i].live);
	}
}

/* Where an id goes to; 0 for one that is not kept. */
static inline uint32_t moved(const struct moving *mv, uint32_t id)
{
	const struct block *b;
	uint64_t bit;

	if (!is_node(id) || id == PSET_SPENT)
		return id;
	b = &mv->blocks[node_offset(id) / 64];
	bit = UINT64_C(1) << (node_offset(id) % 64);
	if (!(b->live & bit))
		return 0;
	return (PSET_NODES + b->before + count_bits(b->live & (bit - 1))) | (id & PSET_PARTIAL);
}

/* Slots wait a little for their memory before they are filled. */
enum { SLOTS_WAITING = 16 };

static void move_nodes(struct pset_space *sp, const struct moving *mv)
{
	struct pset_slot waiting[SLOTS_WAITING];
	size_t to = 0, mask = sp->n_slots - 1, n_nodes = 0;

	memset(sp->slots, 0, sp->n_slots * sizeof(*sp->slots));
	for (size_t i = 0; i < mv->n; i++) {
		for (uint64_t todo = mv->starts[i]; todo; todo &= todo - 1) {
			size_t at = i * 64 + (unsigned)__builtin_ctzll(todo);
			uint32_t n = sp->words[at] & 0xffffff, partial = 0;
			struct pset_slot *slot = &waiting[n_nodes % SLOTS_WAITING];
			uint32_t *w = sp->words + to;

			memmove(w, sp->words + at, node_words(n) * sizeof(*w));
			for (uint32_t k = 1; k <= n; k++) {
				w[k] = moved(mv, w[k]);
				partial |= is_total(w[k]) ? 0 : PSET_PARTIAL;
			}
			if (n_nodes++ >= SLOTS_WAITING)
				put_slot(sp->slots, mask, slot->hash, slot->id);
			slot->hash = node_hash(sp, w, node_words(n));
			slot->id = (PSET_NODES + (uint32_t)to) | partial;
			__builtin_prefetch(&sp->slots[slot->hash & mask], 1);
			to += node_words(n);
		}
	}
	for (size_t i = 0; i < n_nodes && i < SLOTS_WAITING; i++)
		put_slot(sp->slots, mask, waiting[i].hash, waiting[i].id);
	sp->n_nodes = n_nodes;
	sp->used = sp->live = to;
}

static bool op_b_is_node(uint32_t op)
{
	return op < OP_LABEL;
}

static bool op_gives_node(uint32_t op)
{
	return op != OP_SUBSET && op != OP_DISJOINT;
}

static void move_cache(struct pset_space *sp, const struct moving *mv)
{
	struct pset_cached *old = sp->cache, *now = calloc(sp->n_cache, sizeof(*now));

	if (!now) {
		memset(sp->cache, 0, sp->n_cache * sizeof(*sp->cache));
		return;
	}
	sp->cache = now;
	for (size_t i = 0; i < sp->n_cache; i++) {
		struct pset_cached c = old[i];
		uint32_t a, b, r;

		if (!c.op)
			continue;
		a = moved(mv, c.a);
		b = op_b_is_node(c.op) ? moved(mv, c.b) : c.b;
		r = op_gives_node(c.op) ? moved(mv, c.result) : c.result;
		/* 0 is both "not kept" and the empty set: only what was empty stays empty */
		if ((a == 0) == (c.a == 0) && (b == 0) == (c.b == 0) &&
		    (r == 0) == (c.result == 0))
			cache_put(sp, c.op, a, b, r);
	}
	free(old);
}

static void move_memo(struct pset_space *sp, const struct moving *mv)
{
	for (size_t i = 0; i < sp->cap_memo; i++) {
		struct pset_memo *e = &sp->memo[i];
		uint32_t id = moved(mv, e->id);

		/* the place stays taken, the value is built again when it is asked for */
		if (e->match)
			e->id = id || !e->id ? id : PSET_SPENT;
	}
}

void pset_space_collect(struct pset_space *sp, struct pset *const *roots, size_t n)
{
	struct moving mv = { .n = (sp->used + 63) / 64 + 1 };

	mv.blocks = xcalloc(mv.n, sizeof(*mv.blocks));
	mv.starts = xcalloc(mv.n, sizeof(*mv.starts));
	for (size_t i = 0; i < n; i++)
		mark_id(&mv, roots[i]->id);
	mark_all(sp, &mv);
	for (size_t i = 0; i < n; i++)
		roots[i]->id = moved(&mv, roots[i]->id);
	move_nodes(sp, &mv);
	move_cache(sp, &mv);
	move_memo(sp, &mv);
	free(mv.blocks);
	free(mv.starts);
}

bool pset_space_is_full(const struct pset_space *sp)
{
	enum { WORTH_COLLECTING = 1 << 21 };

	return sp->used > WORTH_COLLECTING && sp->used / 3 > sp->live;
}

void pset_space_trim(struct pset_space *sp, size_t spare)
{
	size_t n = sp->n_slots, cap = 2 * sp->used;
	uint32_t *w;

	if (pset_space_bytes(sp) <= spare)
		return;
	while (n > FIRST_SLOTS && sp->n_nodes <= n / 8)
		n /= 2;
	if (n < sp->n_slots)
		resize_slots(sp, n);
	if (sp->n_cache > n / 2)
		resize_cache(sp, n / 2);
	cap = cap < FIRST_WORDS ? FIRST_WORDS : cap;
	if (cap >= sp->cap)
		return;
	w = realloc(sp->words, cap * sizeof(*w));
	if (!w)
		return;
	sp->words = w;
	sp->cap = cap;
}

void pset_space_seal(struct pset_space *sp)
{
	uint32_t *w = realloc(sp->words, (sp->used + 1) * sizeof(*w));

	sp->words = w ? w : sp->words;
	sp->cap = sp->used;
	free(sp->slots);
	free(sp->cache);
	free(sp->memo);
	free(sp->stack_child);
	free(sp->stack_bound);
	sp->slots = NULL;
	sp->cache = NULL;
	sp->memo = NULL;
	sp->stack_child = NULL;
	sp->stack_bound = NULL;
	sp->n_slots = sp->n_cache = sp->n_memo = sp->cap_memo = 0;
}

double *node_map_at(struct node_map *m, uint32_t id, bool *ret_new)
{
	size_t i;

	if (m->n * 2 >= m->cap) {
		struct node_map old = *m;

		m->cap = old.cap ? old.cap * 2 : 64;
		m->key = xcalloc(m->cap, sizeof(*m->key));
		m->value = xcalloc(m->cap, sizeof(*m->value));
		m->n = 0;
		for (i = 0; i < old.cap; i++)
			if (old.key[i])
				*node_map_at(m, old.key[i], ret_new) = old.value[i];
		free(old.key);
		free(old.value);
	}
	i = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (m->cap - 1);
	while (m->key[i] && m->key[i] != id)
		i = (i + 1) & (m->cap - 1);
	*ret_new = !m->key[i];
	if (!m->key[i]) {
		m->key[i] = id;
		m->n++;
	}
	return &m->value[i];
}

void node_map_finish(struct node_map *m)
{
	free(m->key);
	free(m->value);
	*m = (struct node_map){ 0 };
}
