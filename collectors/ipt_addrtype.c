/* SPDX-License-Identifier: Apache-2.0 */
/* What -m addrtype asks of an address: what the host's routing tables have it for. */
#include <string.h>
#include <strings.h>

#include "collectors/ipt_internal.h"

static const struct match *spans(struct ipt_parse *p, enum field f, enum family family,
				 const struct nf_spans *s)
{
	return match_spans(p->r->m, f, family, s->v, s->n);
}

static const struct match *prefix(struct ipt_parse *p, enum field f, enum family family,
				  const char *text)
{
	struct span s;
	if (!ipt_span(family, text, strlen(text), &s))
		return match_none(p->r->m);
	return match_spans(p->r->m, f, family, &s, 1);
}

/*
 * xt_addrtype.c asks the routing tables. Multicast and the two addresses that are always
 * broadcast need none; what is the host's own is known where its addresses are.
 */
const struct match *ipt_of_type(struct ipt_parse *p, enum field f, const char *type, size_t len)
{
	struct matches *m = p->r->m;
	const struct nf_host *h = p->r->h;
	bool v6 = p->family == FAMILY_V6;
	enum family family = p->family;
	if (!p->l->families)
		return match_unknown(m, LOC_NONE, "address type in a family that is not told");
	const struct match *multicast = prefix(p, f, family, v6 ? "ff00::/8" : "224.0.0.0/4");
	const struct match *fixed = v6 ? match_none(m)
				       : match_or(m, prefix(p, f, family, "255.255.255.255"),
						  prefix(p, f, family, "0.0.0.0"));
	/* the rest of 0/8 was broadcast before Linux 5.3 */
	const struct match *zero =
		v6 ? match_none(m)
		   : match_and(m, prefix(p, f, family, "0.0.0.0/8"),
			       match_unknown(m, LOC_NONE, "addresses of 0.0.0.0/8"));
	const struct match *other = match_not(m, match_or(m, multicast, fixed));
	const struct match *own, *broadcast;
	if (h->addressed) {
		own = spans(p, f, family, &h->local[family]);
		broadcast = v6 ? match_none(m) : spans(p, f, family, &h->broadcast[family]);
	} else {
		own = match_unknown(m, LOC_NONE, "which addresses are the host's own");
		broadcast = v6 ? match_none(m)
			       : match_unknown(m, LOC_NONE, "which addresses are broadcast");
	}
	const struct match *all4 = match_family(m, family);
	if (len == 9 && !strncasecmp(type, "MULTICAST", 9))
		return multicast;
	if (len == 5 && !strncasecmp(type, "LOCAL", 5))
		return match_and(m, match_and(m, all4, other), own);
	if (!v6 && len == 9 && !strncasecmp(type, "BROADCAST", 9))
		return match_or(m, match_or(m, fixed, zero),
				match_and(m, match_and(m, all4, other), broadcast));
	if (!v6 && len == 7 && !strncasecmp(type, "UNICAST", 7)) {
		const struct match *taken = match_or(m, zero, match_or(m, own, broadcast));
		const struct match *all[] = { all4, other, match_not(m, taken),
					      match_unknown(m, LOC_NONE,
							    "routes of other types") };
		/* a route to nowhere, to a translation... in the local table */
		return match_and_n(m, all, h->addressed ? 3 : 4);
	}
	if (v6 && len == 7 && !strncasecmp(type, "UNICAST", 7))
		return match_and(m, match_and(m, all4, match_not(m, multicast)),
				 match_not(m, prefix(p, f, family, "::")));
	return match_unknown(m, LOC_NONE, "address type %.*s", (int)len, type);
}
