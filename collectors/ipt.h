/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_IPT_H
#define COLLECTORS_IPT_H

/*
 * The reader of iptables-save(8), ip6tables-save(8) and `ipset save` text, for the iptables
 * collector and for whoever holds such text inside another document (the linux collector).
 * Lines come with their places, so that it doesn't matter where they stand.
 */

#include "collectors/collector.h"
#include "collectors/netfilter.h"

struct ipt_line {
	const char *s; /* without its line end; not NUL-terminated */
	size_t len;
	struct loc
		at; /* of s[0]: line and col; what is said of a part of the line adds to col */
};

enum ipt_kind { IPT_RULES /* iptables-save, ip6tables-save */, IPT_SETS /* ipset save */ };

enum ipt_backend { IPT_ANY, IPT_LEGACY, IPT_NFT };

enum { IPT_V4 = 1 << FAMILY_V4, IPT_V6 = 1 << FAMILY_V6 };

/*
 * One text as a program printed it. Texts of rules may hold several listings one behind the
 * other (both families); each is told from the next by its head.
 */
struct ipt_text {
	enum ipt_kind kind;
	/* The family of the rules, IPT_V4 or IPT_V6; 0: by the text's own heads and words. */
	unsigned families;
	/* The program that printed it; IPT_ANY: by its heads, where they say so. */
	enum ipt_backend backend;
	const struct ipt_line *v;
	size_t n;
	/* Counts each line once; its unit is "line", or the document's own. */
	struct account *acc;
	/* Of the source, for families and complaints about the whole; may be the first line's.
	 */
	struct loc at;
	/* For people and for telling the family: the source's name; NULL: none. */
	const char *name;
};

/* What rules do beyond themselves: to be asked before anybody's rules are read. */
struct ipt_glance {
	bool tracks[FAMILY_COUNT]; /* a rule asks for connection tracking */
	bool marks[FAMILY_COUNT];  /* a rule sets packet marks */
	bool nats[FAMILY_COUNT];   /* a table nat with rules */
};

/* Adds what is found to *ret; conservative: a word in doubt counts. */
void ipt_glance(const struct ipt_text *v, size_t n, struct ipt_glance *ret);

/*
 * Reads all texts of one host into the device: rulesets ("filter FORWARD", "ip6 filter INPUT",
 * "legacy filter FORWARD" where both backends are there), hooks, translations, taints; each
 * line is counted once in its text's account. Call it once for a host: marks and sets go from
 * one text to the other. Sets the device's `netfilter`. h->tracked is what others ask for; what
 * these rules ask for themselves is added here.
 * 0, or a negative errno after an error diagnostic when some text was cut short; the account of
 * that text is marked failed then and the device tainted.
 */
int ipt_read_texts(struct collect *c, struct device_build *b, const struct nf_host *h,
		   const struct ipt_text *v, size_t n);

/* Splits a source into lines; *ret_v lives in the arena. How many. */
size_t ipt_lines_of(struct arena *a, const struct source *src, const struct ipt_line **ret_v);

#endif
