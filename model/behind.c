/* SPDX-License-Identifier: Apache-2.0 */
#include "model/behind.h"

#include <string.h>

#include "model/rewrite.h"

struct ifaces {
	const struct behind *v;
	size_t n;
};

static enum field address_of(enum field iface)
{
	return iface == FIELD_IIF ? FIELD_SRC : FIELD_DST;
}

static bool names(const struct match *leaf, const char *iface)
{
	size_t len = strlen(leaf->iface.name);
	return leaf->iface.prefix ? !strncmp(leaf->iface.name, iface, len)
				  : !strcmp(leaf->iface.name, iface);
}

static const struct match *rewrite_leaf(struct matches *m, const struct match *leaf, void *user)
{
	const struct ifaces *is = user;
	if (leaf->kind != MATCH_IFACE || (leaf->field != FIELD_IIF && leaf->field != FIELD_OIF))
		return leaf;
	enum field field = (enum field)leaf->field, at = address_of(field);
	const struct match *any = match_none(m);
	for (int f = 0; f < FAMILY_COUNT; f++) {
		const struct match *here = match_none(m), *spoken = here;
		bool whole = false; /* the condition names just one, and that is told of */
		for (size_t i = 0; i < is->n; i++) {
			if (!is->v[i].n[f])
				continue;
			const struct match *in = match_spans(m, at, (enum family)f,
							     is->v[i].spans[f], is->v[i].n[f]);
			spoken = match_or(m, spoken, in);
			if (!names(leaf, is->v[i].iface))
				continue;
			here = match_or(m, here, in);
			whole |= !leaf->iface.prefix;
		}
		const struct match *rest = match_and(m, leaf, match_not(m, spoken));
		if (!whole)
			here = match_or(m, here, rest);
		any = match_or(m, any,
			       match_and(m, match_family(m, (enum family)f), here));
	}
	return any;
}

const struct ruleset *behind_ruleset(struct matches *m, const struct ruleset *rs,
				     const struct behind *v, size_t n)
{
	struct ifaces ifaces = { v, n };
	struct rewriter rw = { .m = m, .leaf = rewrite_leaf, .user = &ifaces, .placed = true };
	if (!n)
		return rs;
	const struct ruleset *to = rewrite_ruleset(&rw, rs);
	rewriter_finish(&rw);
	return to;
}
