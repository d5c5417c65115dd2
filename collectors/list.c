/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "collectors/collector.h"

extern const struct collector collector_asa, collector_aws, collector_ios, collector_iptables;
extern const struct collector collector_linux, collector_nft;

const struct collector *const collectors[] = {
	&collector_asa,	  &collector_aws, &collector_ios, &collector_iptables,
	&collector_linux, &collector_nft, NULL,
};

/* What a probe gets to see: enough for a configuration's head. */
enum { PROBE_HEAD = 256 * 1024 };

const struct collector *collector_find(const char *name)
{
	for (size_t i = 0; collectors[i]; i++)
		if (!strcmp(collectors[i]->name, name))
			return collectors[i];
	return NULL;
}

static const char *all_names(struct arena *a)
{
	struct text t = { 0 };
	for (size_t i = 0; collectors[i]; i++)
		text_putf(&t, "%s%s", i ? ", " : "", collectors[i]->name);
	const char *s = arena_str(a, t.s);
	text_finish(&t);
	return s;
}

static const struct collector *by_name(struct diags *d, const struct source *src,
				       const char *name)
{
	const struct collector *c = collector_find(name);
	if (c)
		return c;
	const char *names[32];
	size_t n = 0;
	while (collectors[n] && n < 32)
		names[n] = collectors[n]->name, n++;
	const char *near = nearest_word(name, names, n);
	diag_error(d, EINVAL, "collector.unknown-name", (struct loc){ .src = src },
		   "there is no collector \"%s\"%s%s%s: there are %s", name,
		   near ? "; did you mean \"" : "", near ? near : "", near ? "\"" : "",
		   all_names(d->arena));
	return NULL;
}

const struct collector *collector_choose(struct diags *d, const struct source *src,
					 const char *name)
{
	if (name)
		return by_name(d, src, name);
	const struct collector *best = NULL, *second = NULL;
	int most = 0;
	size_t len = src->size < PROBE_HEAD ? src->size : PROBE_HEAD;
	for (size_t i = 0; collectors[i]; i++) {
		if (collectors[i]->flags & COLLECTOR_LIVE || !collectors[i]->probe)
			continue;
		int sure = collectors[i]->probe(src->data, len, src->name);
		if (sure > most)
			most = sure, best = collectors[i], second = NULL;
		else if (sure && sure == most)
			second = collectors[i];
	}
	if (!best) {
		diag_error(d, EINVAL, "collector.unknown-vendor", (struct loc){ .src = src },
			   "no collector knows this text: name one with `collector:` in the estate "
			   "or --collector (%s), or export it again in a form that is read",
			   all_names(d->arena));
		return NULL;
	}
	if (second) {
		diag_error(d, EINVAL, "collector.tie", (struct loc){ .src = src },
			   "this could be %s (%s) as well as %s (%s): say which with `collector:` "
			   "in the estate or --collector",
			   best->name, best->summary, second->name, second->summary);
		return NULL;
	}
	return best;
}

/* Every source has an account that adds up; a collector that forgot one is told on. */
static int check_accounts(struct snapshot *snap, struct diags *d, const struct collector *col,
			  const struct source *src)
{
	vec_each(acc, &snap->accounts)
		if ((*acc)->src == src)
			return 0;
	struct account *acc = snapshot_account(snap, src, col->name, "line");
	acc->failed = true;
	return diag_error(d, EPROTO, "collector.no-account", (struct loc){ .src = src },
			  "the collector %s gave no account of this file: please report this",
			  col->name);
}

int collector_run(const struct collector *col, struct snapshot *snap, struct diags *d,
		  const char *name, enum plane plane, const struct source *const *v, size_t n)
{
	struct collect c = { .snap = snap,
			     .diags = d,
			     .device = name,
			     .plane = plane,
			     .sources = v,
			     .n_sources = n };
	int err = 0;
	for (size_t i = 0; i < n && (!i || !col->whole); i++) {
		if (!col->whole)
			c.sources = &v[i], c.n_sources = 1;
		int one = col->read(&c, v[i]);
		err = err ? err : one;
	}
	for (size_t i = 0; i < n; i++) {
		int one = check_accounts(snap, d, col, v[i]);
		err = err ? err : one;
	}
	return err;
}
