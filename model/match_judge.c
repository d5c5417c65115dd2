/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions asked of one packet. */
#include "model/match.h"

#include <string.h>

#include "base/map.h"
#include "base/text.h"

static bool spans_have(const struct span *v, uint32_t n, struct addr a)
{
	uint32_t lo = 0, hi = n;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (addr_compare(v[mid].hi, a) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && addr_compare(v[lo].lo, a) <= 0;
}

static bool ranges_have(const struct range *v, uint32_t n, unsigned x)
{
	for (uint32_t i = 0; i < n && v[i].lo <= x; i++)
		if (x <= v[i].hi)
			return true;
	return false;
}

static bool judge_ranges(const struct match *m, const struct packet *p)
{
	switch ((enum field)m->field) {
	case FIELD_FAMILY:
		return ranges_have(m->ranges, m->n, p->family);
	case FIELD_PROTO:
		return ranges_have(m->ranges, m->n, p->proto);
	case FIELD_STATE:
		return ranges_have(m->ranges, m->n, p->state);
	case FIELD_FRAGMENT:
		return ranges_have(m->ranges, m->n, p->fragment);
	case FIELD_SPORT:
		return packet_has_ports(p) && ranges_have(m->ranges, m->n, p->sport);
	case FIELD_DPORT:
		return packet_has_ports(p) && ranges_have(m->ranges, m->n, p->dport);
	case FIELD_ICMP_TYPE:
		return packet_has_icmp(p) && ranges_have(m->ranges, m->n, p->icmp_type);
	case FIELD_ICMP_CODE:
		return packet_has_icmp(p) && ranges_have(m->ranges, m->n, p->icmp_code);
	default:
		return false;
	}
}

const char *packet_word(const struct packet *p, enum field field)
{
	switch (field) {
	case FIELD_IIF:
		return p->iif;
	case FIELD_OIF:
		return p->oif;
	case FIELD_PHYSIN:
		return p->physin;
	case FIELD_PHYSOUT:
		return p->physout;
	case FIELD_MAC:
		return p->mac;
	default:
		return NULL;
	}
}

static enum truth judge_iface(const struct match *m, const struct packet *p)
{
	const char *name = packet_word(p, (enum field)m->field);
	if (!name)
		return TRUTH_UNKNOWN;
	bool is = m->iface.prefix ? has_prefix(name, m->iface.name) : !strcmp(name, m->iface.name);
	return is ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth truth(bool is)
{
	return is ? TRUTH_TRUE : TRUTH_FALSE;
}

/*
 * Shared nodes of heavy trees are judged once: memo has what was found, by node; NULL where the
 * tree is light enough to be walked.
 */
enum { JUDGE_PLAIN = 1024, JUDGE_KEEP = 32 };

static enum truth judge_node(const struct match *m, const struct packet *p, struct map *memo);

static enum truth judge(const struct match *m, const struct packet *p, struct map *memo)
{
	if (!memo || m->weight < JUDGE_KEEP)
		return judge_node(m, p, memo);
	void *found = map_getn(memo, (const char *)&m, sizeof(m));
	if (found)
		return (enum truth)((uintptr_t)found - 1);
	enum truth t = judge_node(m, p, memo);
	*map_atn(memo, (const char *)&m, sizeof(m)) = (void *)((uintptr_t)t + 1);
	return t;
}

enum truth match_judge(const struct match *m, const struct packet *p)
{
	if (m->weight < JUDGE_PLAIN)
		return judge_node(m, p, NULL);
	struct map memo = { 0 };
	enum truth t = judge(m, p, &memo);
	map_finish(&memo);
	return t;
}

static enum truth judge_node(const struct match *m, const struct packet *p, struct map *memo)
{
	enum truth t, all;
	struct addr a = m->field == FIELD_SRC ? p->src : p->dst;
	switch ((enum match_kind)m->kind) {
	case MATCH_ALL:
		return TRUTH_TRUE;
	case MATCH_NONE:
		return TRUTH_FALSE;
	case MATCH_UNKNOWN:
		return TRUTH_UNKNOWN;
	case MATCH_AND:
		all = TRUTH_TRUE;
		for (uint32_t i = 0; i < m->n && all != TRUTH_FALSE; i++)
			if ((t = judge(m->kids[i], p, memo)) < all)
				all = t;
		return all;
	case MATCH_OR:
		all = TRUTH_FALSE;
		for (uint32_t i = 0; i < m->n && all != TRUTH_TRUE; i++)
			if ((t = judge(m->kids[i], p, memo)) > all)
				all = t;
		return all;
	case MATCH_NOT:
		return TRUTH_TRUE - judge(m->kids[0], p, memo);
	case MATCH_SPANS:
		return truth(m->family == p->family && spans_have(m->spans, m->n, a));
	case MATCH_WILD:
		return truth(m->family == p->family &&
			     addr_equal(addr_and(a, m->wild.mask), m->wild.value));
	case MATCH_RANGES:
		return truth(judge_ranges(m, p));
	case MATCH_FLAGS:
		return truth(packet_has_flags(p) && (p->flags & m->flags.mask) == m->flags.value);
	case MATCH_IFACE:
		return judge_iface(m, p);
	}
	return TRUTH_UNKNOWN;
}

const struct match *match_first_unknown(const struct match *m)
{
	if (!m->inexact)
		return NULL;
	if (m->kind == MATCH_UNKNOWN)
		return m;
	for (uint32_t i = 0; i < m->n; i++) {
		const struct match *u = match_first_unknown(m->kids[i]);
		if (u)
			return u;
	}
	return NULL;
}
