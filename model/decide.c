/* SPDX-License-Identifier: Apache-2.0 */
#include "model/decide.h"

#include "model/pset_internal.h"

enum { PARTS = 4, SRC_ASKED = 1, DST_ASKED = 2 };

struct decide {
	struct pset_space *sp; /* its own */
	struct pset part[PARTS];
};

/* Which addresses an expression asks for: SRC_ASKED | DST_ASKED. */
static unsigned asked(const struct match *m, unsigned found)
{
	if (m->kind == MATCH_SPANS || m->kind == MATCH_WILD)
		return found | (m->field == FIELD_SRC ? SRC_ASKED : DST_ASKED);
	if (m->kind == MATCH_AND || m->kind == MATCH_OR || m->kind == MATCH_NOT)
		for (uint32_t i = 0; i < m->n && found != (SRC_ASKED | DST_ASKED); i++)
			found = asked(m->kids[i], found);
	return found;
}

/*
 * The rules of a part are not put on top of each other in their order: of two labels the
 * smaller one counts, which asks for no order, so they come sorted by destination. Then two
 * neighbouring blocks have little in common but the nodes at their seam, and joining them
 * costs little more than that.
 *
 * Like the ones of a binary number, blocks of as many rules are joined as they come: the work
 * is that of balanced halves, the memory that of what has come so far.
 */
struct pile {
	struct pset f[64];
	size_t rules[64];
	size_t n;
};

struct making {
	struct decide *d;
	struct pile pile[PARTS];
};

static void collect(struct making *mk)
{
	struct pset_space *sp = mk->d->sp;
	struct pset *roots[PARTS * 64];
	size_t n = 0;

	if (!pset_space_is_full(sp))
		return;
	for (int k = 0; k < PARTS; k++)
		for (size_t i = 0; i < mk->pile[k].n; i++)
			roots[n++] = &mk->pile[k].f[i];
	pset_space_collect(sp, roots, n);
}

/* Joins the last two blocks; false when the budget is spent. */
static bool join(struct making *mk, struct pile *p)
{
	uint32_t both = op_least(mk->d->sp, p->f[p->n - 2].id, p->f[p->n - 1].id);

	if (both == PSET_SPENT)
		return false;
	p->f[p->n - 2].id = both;
	p->rules[p->n - 2] += p->rules[p->n - 1];
	p->n--;
	collect(mk);
	return true;
}

static bool add(struct making *mk, struct pile *p, struct pset f)
{
	if (pset_is_spent(f))
		return false;
	p->f[p->n] = f;
	p->rules[p->n++] = 1;
	while (p->n > 1 && p->rules[p->n - 2] <= p->rules[p->n - 1])
		if (!join(mk, p))
			return false;
	return true;
}

/* A rule with where it lies, for sorting. */
struct placed {
	struct addr dst, src;
	uint32_t index;
	uint8_t part, proto;
};

/* The lowest addresses and protocol that an expression asks for, as far as it is plain. */
static void place(struct placed *pl, const struct match *m)
{
	if (m->kind == MATCH_AND)
		for (uint32_t i = 0; i < m->n; i++)
			place(pl, m->kids[i]);
	else if (m->kind == MATCH_SPANS)
		*(m->field == FIELD_DST ? &pl->dst : &pl->src) = m->spans[0].lo;
	else if (m->kind == MATCH_WILD)
		*(m->field == FIELD_DST ? &pl->dst : &pl->src) = m->wild.value;
	else if (m->kind == MATCH_RANGES && m->field == FIELD_PROTO)
		pl->proto = (uint8_t)m->ranges[0].lo;
}

static int placed_order(const void *x, const void *y)
{
	const struct placed *a = x, *b = y;
	int c = a->part - b->part;

	if (!c)
		c = addr_compare(a->dst, b->dst);
	if (!c)
		c = addr_compare(a->src, b->src);
	if (!c)
		c = a->proto - b->proto;
	return c ? c : (a->index > b->index) - (a->index < b->index);
}

static bool add_rules(struct making *mk, const struct decide_rule *v, size_t n,
		      const struct pset_assume *as)
{
	struct placed *order = xcalloc(n + 1, sizeof(*order));
	size_t n_order = 0;
	bool fits = true;

	for (size_t i = 0; i < n; i++) {
		struct placed *pl = &order[n_order];

		if (!v[i].match)
			continue;
		pl->index = (uint32_t)i;
		pl->part = (uint8_t)asked(v[i].match, 0);
		place(pl, v[i].match);
		n_order++;
	}
	qsort(order, n_order, sizeof(*order), placed_order);
	for (size_t i = 0; i < n_order && fits; i++) {
		const struct decide_rule *r = &v[order[i].index];

		fits = add(mk, &mk->pile[order[i].part],
			   pset_of_match(mk->d->sp, r->match, as, r->hi ? PSET_HI : PSET_LO,
					 order[i].index + 1));
	}
	free(order);
	return fits;
}

static bool make(struct making *mk, const struct decide_rule *v, size_t n,
		 const struct pset_assume *as)
{
	struct decide *d = mk->d;
	struct pset *roots[PARTS];

	if (!add_rules(mk, v, n, as))
		return false;
	for (int k = 0; k < PARTS; k++) {
		struct pile *p = &mk->pile[k];

		while (p->n > 1)
			if (!join(mk, p))
				return false;
	}
	for (int k = 0; k < PARTS; k++) { /* only now: joining moves what is in the piles */
		d->part[k] = mk->pile[k].n ? mk->pile[k].f[0] : pset_none();
		roots[k] = &d->part[k];
	}
	pset_space_collect(d->sp, roots, PARTS);
	pset_space_seal(d->sp);
	return true;
}

struct decide *decide_create(enum family family, const struct decide_rule *v, size_t n,
			     const struct pset_assume *as, size_t budget)
{
	struct making *mk;
	struct decide *d;

	if (n >= PSET_LABEL_MAX)
		return NULL;
	d = xcalloc(1, sizeof(*d));
	d->sp = pset_space_create(family, budget);
	mk = xcalloc(1, sizeof(*mk));
	mk->d = d;
	if (!make(mk, v, n, as)) {
		decide_destroy(d);
		d = NULL;
	}
	free(mk);
	return d;
}

struct decide *decide_ruleset(enum family family, const struct ruleset *rs,
			      const struct pset_assume *as, enum bound bound, size_t budget)
{
	struct decide_rule *v = xcalloc(rs->n, sizeof(*v));
	struct decide *d = NULL;
	bool plain = true;

	for (uint32_t i = 0; i < rs->n; i++) {
		const struct rule *r = &rs->rules[i];
		bool permit = r->verdict == VERDICT_PERMIT;

		if (r->flags & RULE_INACTIVE || r->verdict == VERDICT_CONTINUE)
			continue;
		v[i].match = r->match;
		v[i].hi = r->verdict == VERDICT_UNKNOWN || permit == (bound == BOUND_MAYBE);
		plain = plain &&
			(permit || r->verdict == VERDICT_DENY || r->verdict == VERDICT_UNKNOWN);
	}
	if (plain)
		d = decide_create(family, v, rs->n, as, budget);
	free(v);
	return d;
}

void decide_destroy(struct decide *d)
{
	if (!d)
		return;
	pset_space_destroy(d->sp);
	free(d);
}

/* The smallest label but 0, as an index. */
static int64_t first_of(const uint32_t *label)
{
	uint32_t first = 0;

	for (int k = 0; k < PARTS; k++)
		if (label[k] && label[k] - 1 < first - 1)
			first = label[k];
	return first ? (int64_t)first - 1 : DECIDE_NONE;
}

int64_t decide_packet(const struct decide *d, const struct packet *p)
{
	int64_t ret;

	decide_packets(d, p, 1, &ret);
	return ret;
}

void decide_packets(const struct decide *d, const struct packet *p, size_t n, int64_t *ret)
{
	enum {
		SIDE_BY_SIDE = 16
	}; /* walks, so that one computes while others wait for memory */
	const struct pset_space *sp = d->sp;
	uint16_t digit[SIDE_BY_SIDE][PSET_LEVELS_MAX];
	uint32_t at[SIDE_BY_SIDE][PARTS];

	for (size_t from = 0; from < n; from += SIDE_BY_SIDE) {
		size_t m = n - from < SIDE_BY_SIDE ? n - from : SIDE_BY_SIDE;
		bool walking = true;

		for (size_t i = 0; i < m; i++) {
			bool ours = p[from + i].family == sp->family;

			packet_digits(sp, &p[from + i], digit[i]);
			for (int k = 0; k < PARTS; k++)
				at[i][k] = ours ? d->part[k].id : 0;
		}
		while (walking) {
			walking = false;
			for (size_t i = 0; i < m; i++) {
				for (int k = 0; k < PARTS; k++) {
					struct node nd;

					if (!is_node(at[i][k]))
						continue;
					nd = node_get(sp, at[i][k]);
					at[i][k] = node_child(&nd, digit[i][nd.level]);
					if (!is_node(at[i][k]))
						continue;
					__builtin_prefetch(sp->words + node_offset(at[i][k]));
					walking = true;
				}
			}
		}
		for (size_t i = 0; i < m; i++)
			ret[from + i] = first_of(at[i]);
	}
}

size_t decide_bytes(const struct decide *d)
{
	return pset_space_bytes(d->sp);
}

void decide_size(const struct decide *d, size_t *ret_parts, size_t *ret_nodes,
		 size_t *ret_words)
{
	*ret_parts = 0;
	for (int k = 0; k < PARTS; k++)
		*ret_parts += !pset_is_empty(d->part[k]);
	*ret_nodes = d->sp->n_nodes;
	*ret_words = d->sp->used;
}
