/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/identity_internal.h"

#include <string.h>

#include "base/vec.h"

struct identity {
	const struct policy *policy;
	struct address_index at[FAMILY_COUNT][ROLE_COUNT];
	struct segment_index *segments;
	bool asks_interface;
};

struct identity *identity_create(struct arena *a, const struct estate *e, const struct graph *g)
{
	struct identity *id = arena_alloc(a, sizeof(*id));
	id->policy = e->policy;
	for (int f = 0; f < FAMILY_COUNT; f++)
		for (int role = 0; role < ROLE_COUNT; role++)
			address_index_build(a, e, g, (enum family)f, (enum end_role)role,
					    &id->at[f][role]);
	for (int f = 0; f < FAMILY_COUNT; f++)
		address_index_share(&id->at[f][ROLE_TO], &id->at[f][ROLE_FROM]);
	id->segments = segment_index_build(a, e, g);
	id->asks_interface = segments_ask_interface(id->segments);
	return id;
}

/* Whether a zone is one of the segment's. */
static bool owns(const struct parties *ps, const struct zone *z)
{
	return ps->segment_zone ? z == ps->segment_zone
				: ps->segment_tenant && z->tenant == ps->segment_tenant;
}

static void take(struct party *p, const struct candidate *c, struct addr a)
{
	p->zone = c->zone;
	p->tenant = c->zone->tenant;
	p->translated = c->translated;
	p->addr = c->translated ? addr_shift(a, c->seen, c->from) : a;
}

/* Several zones may have the address: the segment chooses, or nobody does. */
static void choose(const struct parties *ps, const struct address_cell *cell, struct addr a,
		   struct party *p)
{
	const struct candidate *only = NULL;
	size_t n_owned = 0, n_own = 0;
	for (size_t i = 0; i < cell->n; i++) {
		n_own += cell->v[i].own && !cell->v[i].zone->external;
		if (owns(ps, cell->v[i].zone)) {
			only = &cell->v[i];
			n_owned++;
		}
	}
	if (n_owned == 1 && n_own > 1) {
		take(p, only, a);
		p->by_segment = true;
		return;
	}
	p->candidates = cell->v;
	p->n_candidates = cell->n;
	p->ambiguous = n_own > 1;
	if (n_owned)
		p->tenant = only->zone->tenant;
	else
		for (size_t i = 0; i < cell->n; i++)
			p->tenant = !i || p->tenant == cell->v[i].zone->tenant
					    ? cell->v[i].zone->tenant
					    : NULL;
}

static struct party party_of(const struct identity *id, enum end_role role,
			     const struct parties *ps, enum family f, struct addr a)
{
	const struct address_cell *cell = address_find(&id->at[f][role], a);
	struct party p = { .addr = a, .excluded = cell->excluded, .masked = cell->masked };
	if (cell->many)
		p.ambiguous = true;
	else if (cell->n == 1)
		take(&p, cell->v, a);
	else if (cell->n)
		choose(ps, cell, a, &p);
	if (!cell->many && (!cell->n || (p.zone && p.zone->external))) {
		p.local = address_is_local(f, a);
		p.group = !p.local && address_is_group(f, a);
		if (p.local || p.group)
			p.zone = NULL, p.tenant = NULL;
	}
	return p;
}

/* Whether the end is the segment's own, or may be. */
static bool may_own(const struct parties *ps, const struct party *p)
{
	if (p->masked || (p->ambiguous && !p->n_candidates))
		return true;
	if (p->zone)
		return owns(ps, p->zone);
	for (size_t i = 0; i < p->n_candidates; i++)
		if (owns(ps, p->candidates[i].zone))
			return true;
	return false;
}

static bool is_spoofed(const struct parties *ps)
{
	const struct tenant *t = ps->segment_tenant;
	bool nobody_told = (ps->from.local || ps->from.group) && (ps->to.local || ps->to.group);
	/* a shared tenant's segment carries others' packets */
	if ((!t && !ps->segment_zone) || (t && t->shared) || nobody_told)
		return false;
	/* what was read says which tenant is there; other zones of it may be too */
	struct parties wide = *ps;
	if (!ps->declared && t)
		wide.segment_zone = NULL;
	return !may_own(&wide, &ps->from) && !may_own(&wide, &ps->to);
}

void identity_again(const struct identity *id, const struct packet *p, struct parties *io)
{
	enum family f = (enum family)p->family;
	io->from = party_of(id, ROLE_FROM, io, f, p->src);
	io->to = party_of(id, ROLE_TO, io, f, p->dst);
	io->spoofed = is_spoofed(io);
}

void identity_of(const struct identity *id, const char *interface, const struct flow_record *r,
		 struct parties *ret)
{
	struct segment_owner owner = { 0 };
	memset(ret, 0, sizeof(*ret));
	if (segment_find(id->segments, interface, r, &owner, &ret->segment)) {
		if (!owner.mixed) {
			ret->segment_tenant = owner.tenant;
			ret->segment_zone = owner.zone;
		}
		ret->declared = owner.declared;
		ret->at = owner.at;
	} else {
		ret->unknown_segment = r->n_segments != 0;
	}
	if (r->has_ip)
		identity_again(id, &r->packet, ret);
}

const struct address_cell *identity_cell(const struct identity *id, enum end_role role,
					 enum family f, struct addr a)
{
	return address_find(&id->at[f][role], a);
}

bool identity_asks_interface(const struct identity *id)
{
	return id->asks_interface;
}

const struct zone *identity_zone(const struct identity *id, enum family f, struct addr a)
{
	const struct address_cell *cell = address_find(&id->at[f][ROLE_TO], a);
	return cell->n == 1 && !cell->many ? cell->v[0].zone : NULL;
}
