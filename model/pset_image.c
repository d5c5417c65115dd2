/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node of few runs is one line of a cache: all its bounds are compared, and how many lie
 * below the digit tells the child, without a branch. A node of more is a table by the digit's
 * upper byte; where a bound falls within a byte's values, a node of few runs or a table by the
 * lower byte is below it. A reference tells kind and level, so that the next digit is known
 * before the node has come from memory.
 */
#include "model/pset_image.h"

#include "model/pset_internal.h"

enum {
	FEW = 8,   /* runs */
	UNIT = 16, /* words of a line */
	TABLE = 256,
	KIND_SHIFT = 29,
	LEVEL_SHIFT = 24,
	UNITS_MOST = 1 << LEVEL_SHIFT,
};

/* A reference is a label, or has this bit and kind, level and place (in lines). */
#define REFERENCE UINT32_C(0x80000000)

enum kind { KIND_FEW, KIND_UPPER, KIND_LOWER };

struct few {
	uint32_t child[FEW];
	uint16_t bound[FEW]; /* behind the last one the greatest value */
	uint32_t unused[4];
};

_Static_assert(sizeof(struct few) == UNIT * sizeof(uint32_t), "one line");

struct line {
	uint32_t word[UNIT];
} __attribute__((aligned(64)));

struct pset_image {
	const struct pset_space *sp;
	struct line *lines;
	size_t n, cap, most; /* lines */
	uint32_t root;
};

/* Nodes that were laid out already. */
struct laid {
	uint32_t id, reference; /* id 0: free */
};

struct layout {
	struct pset_image *im;
	struct laid *laid;
	size_t n_laid, cap_laid; /* a power of two */
	bool full;
};

static struct laid *laid_at(struct layout *l, uint32_t id)
{
	size_t i = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (l->cap_laid - 1);
	while (l->laid[i].id && l->laid[i].id != id)
		i = (i + 1) & (l->cap_laid - 1);
	return &l->laid[i];
}

static void remember(struct layout *l, uint32_t id, uint32_t reference)
{
	if (2 * l->n_laid >= l->cap_laid) {
		struct laid *old = l->laid;
		size_t n = l->cap_laid;
		l->cap_laid = n ? 2 * n : 256;
		l->laid = xcalloc(l->cap_laid, sizeof(*l->laid));
		for (size_t i = 0; i < n; i++)
			if (old[i].id)
				*laid_at(l, old[i].id) = old[i];
		free(old);
	}
	*laid_at(l, id) = (struct laid){ id, reference };
	l->n_laid++;
}

/* So many lines more: where they begin. */
static size_t lines(struct layout *l, size_t n)
{
	struct pset_image *im = l->im;
	if (im->n + n > im->most) {
		l->full = true;
		return 0;
	}
	if (im->n + n > im->cap) {
		size_t cap = im->cap ? im->cap * 2 : 64;
		while (cap < im->n + n)
			cap *= 2;
		struct line *v = aligned_alloc(sizeof(*v), cap * sizeof(*v));
		if (!v) {
			l->full = true;
			return 0;
		}
		if (im->n)
			memcpy(v, im->lines, im->n * sizeof(*v));
		free(im->lines);
		im->lines = v;
		im->cap = cap;
	}
	im->n += n;
	return im->n - n;
}

static uint32_t reference(enum kind kind, unsigned level, size_t at)
{
	return REFERENCE | (uint32_t)kind << KIND_SHIFT | (uint32_t)level << LEVEL_SHIFT |
	       (uint32_t)at;
}

/* Runs of one level, whose children are laid out. */
struct runs {
	unsigned level;
	size_t n;
	const uint32_t *child;
	const uint16_t *bound;
};

static uint32_t lay_few(struct layout *l, const struct runs *r)
{
	struct few f;
	size_t at = lines(l, 1);
	if (l->full)
		return 0;
	memset(&f, 0, sizeof(f));
	for (size_t i = 0; i < FEW; i++) {
		f.child[i] = r->child[i < r->n ? i : r->n - 1];
		f.bound[i] = i + 1 < r->n ? r->bound[i] : UINT16_MAX;
	}
	memcpy(&l->im->lines[at], &f, sizeof(f));
	return reference(KIND_FEW, r->level, at);
}

static uint32_t lay_table(struct layout *l, const struct runs *r, enum kind kind,
			  const uint32_t *of)
{
	size_t at = lines(l, TABLE / UNIT);
	if (l->full)
		return 0;
	memcpy(&l->im->lines[at], of, TABLE * sizeof(*of));
	return reference(kind, r->level, at);
}

static uint32_t lay_lower(struct layout *l, const struct runs *r, unsigned upper)
{
	uint32_t of[TABLE];
	for (size_t v = 0, i = 0; v < TABLE; v++) {
		while (i + 1 < r->n && r->bound[i] < (upper << 8 | v))
			i++;
		of[v] = r->child[i];
	}
	return lay_table(l, r, KIND_LOWER, of);
}

static uint32_t lay_upper(struct layout *l, const struct runs *r)
{
	uint32_t of[TABLE];
	size_t first = 0;
	for (unsigned v = 0; v < TABLE && !l->full; v++) {
		while (first + 1 < r->n && r->bound[first] < v << 8)
			first++;
		size_t last = first;
		while (last + 1 < r->n && r->bound[last] < (v << 8 | 0xff))
			last++;
		struct runs part = { r->level, last - first + 1, r->child + first,
				     r->bound + first };
		of[v] = part.n == 1	? *part.child
			: part.n <= FEW ? lay_few(l, &part)
					: lay_lower(l, &part, v);
	}
	return l->full ? 0 : lay_table(l, r, KIND_UPPER, of);
}

/* As deep as there are levels. */
static uint32_t lay(struct layout *l, uint32_t id)
{
	if (!is_node(id) || l->full)
		return id;
	const struct laid *known = l->cap_laid ? laid_at(l, id) : NULL;
	if (known && known->id)
		return known->reference;
	struct node nd = node_get(l->im->sp, id);
	uint32_t *child = xmalloc(nd.n * sizeof(*child));
	for (uint32_t i = 0; i < nd.n; i++)
		child[i] = lay(l, nd.child[i]);
	struct runs r = { nd.level, nd.n, child, nd.bound };
	uint32_t ref = l->full ? 0 : nd.n <= FEW ? lay_few(l, &r) : lay_upper(l, &r);
	free(child);
	if (!l->full)
		remember(l, id, ref);
	return ref;
}

struct pset_image *pset_image_create(const struct pset_space *sp, struct pset f, size_t most)
{
	if (f.id == PSET_SPENT)
		return NULL;
	struct pset_image *im = xcalloc(1, sizeof(*im));
	struct layout l = { .im = im };
	im->sp = sp;
	im->most = most / sizeof(struct line);
	if (im->most > UNITS_MOST)
		im->most = UNITS_MOST;
	im->root = lay(&l, f.id);
	free(l.laid);
	if (!l.full)
		return im;
	pset_image_destroy(im);
	return NULL;
}

void pset_image_destroy(struct pset_image *im)
{
	if (!im)
		return;
	free(im->lines);
	free(im);
}

size_t pset_image_bytes(const struct pset_image *im)
{
	return im->cap * sizeof(struct line);
}

static inline uint32_t below(const struct few *f, unsigned digit)
{
	unsigned at = 0;
	for (size_t i = 0; i < FEW - 1; i++)
		at += f->bound[i] < digit;
	return f->child[at];
}

uint32_t pset_image_label_of(const struct pset_image *im, const struct packet *p)
{
	uint16_t digit[PSET_LEVELS_MAX];
	const uint32_t *words = (const uint32_t *)(const void *)im->lines;
	uint32_t at = im->root;
	if (p->family != im->sp->family)
		return 0;
	packet_digits(im->sp, p, digit);
	while (at & REFERENCE) {
		/* of a table, all of its lines */
		const uint32_t *word = words + (size_t)(at & (UNITS_MOST - 1)) * UNIT;
		unsigned d = digit[at >> LEVEL_SHIFT & 0x1f];
		switch ((enum kind)(at >> KIND_SHIFT & 3)) {
		case KIND_FEW:
			at = below((const struct few *)(const void *)word, d);
			break;
		case KIND_UPPER:
			at = word[d >> 8];
			break;
		case KIND_LOWER:
			at = word[d & 0xff];
			break;
		}
	}
	return at;
}
