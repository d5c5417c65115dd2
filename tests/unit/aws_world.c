/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/aws_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void add_file(struct world *w, const char *name, const char *text)
{
	if (!w->snap) {
		w->snap = snapshot_create();
		w->arena = arena_create();
		diags_init(&w->diags, w->arena);
	}
	cr_assert_eq(
		source_from_bytes(w->arena, &w->diags, name, text, strlen(text), &w->src[w->n]),
		0);
	w->n++;
}

void run(struct world *w)
{
	w->err = collector_run(&collector_aws, w->snap, &w->diags, "cloud", PLANE_VIRTUAL,
			       w->src, w->n);
}

void done(struct world *w)
{
	snapshot_destroy(w->snap);
	diags_finish(&w->diags);
	arena_destroy(w->arena);
	memset(w, 0, sizeof(*w));
}

const struct device *device(struct world *w, const char *name)
{
	const struct device *d = snapshot_device(w->snap, name);
	cr_assert(d, "no device %s", name);
	return d;
}

static bool on(const struct hook *h, const char *in, const char *out)
{
	return (h->kind == HOOK_IN && !strcmp(h->port, in)) ||
	       (h->kind == HOOK_OUT && !strcmp(h->port, out));
}

const char *judge(struct world *w, const char *dev, const char *in, const char *out,
		  const char *line)
{
	struct packet p;
	const char *why = "";
	const struct device *d = device(w, dev);
	cr_assert(packet_parse(w->arena, line, strlen(line), &p, &why), "%s: %s", line, why);
	cr_assert(device_port(d, in) && device_port(d, out), "%s > %s", in, out);
	in = device_port(d, in)->name;
	out = device_port(d, out)->name;
	bool sure = true, maybe = true;
	for (size_t i = 0; i < d->n_hooks; i++) {
		if (!on(&d->hooks[i], in, out))
			continue;
		struct interp_answer a = interp(d->hooks[i].ruleset, &p);
		cr_assert(!a.sure || a.maybe);
		sure &= a.sure;
		maybe &= a.maybe;
	}
	return sure ? "permit" : maybe ? "unknown" : "deny";
}

const char *judge_one(struct world *w, const char *dev, const char *ruleset, const char *line)
{
	struct packet p;
	const char *why = "";
	const struct ruleset *rs = device_ruleset(device(w, dev), ruleset);
	cr_assert(rs, "no ruleset %s", ruleset);
	cr_assert(packet_parse(w->arena, line, strlen(line), &p, &why), "%s: %s", line, why);
	struct interp_answer a = interp(rs, &p);
	return a.sure ? "permit" : a.maybe ? "unknown" : "deny";
}

const struct account *account_of(struct world *w, const char *name)
{
	vec_each (acc, &w->snap->accounts)
		if (!strcmp((*acc)->src->name, name))
			return *acc;
	cr_assert(false, "no account of %s", name);
	return NULL;
}

char *load(const char *name)
{
	const char *root = getenv("SOURCE_ROOT");
	char path[4096];
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/aws/%s", root ? root : ".", name);
	FILE *f = fopen(path, "r");
	cr_assert(f, "%s", path);
	char *text = xcalloc(1, 8192);
	size_t len = fread(text, 1, 8191, f);
	cr_assert(len > 0 && len < 8191, "%s", path);
	fclose(f);
	return text;
}

void add_loaded(struct world *w, const char *name)
{
	char *text = load(name);
	add_file(w, name, text);
	free(text);
}

void add_all(struct world *w)
{
	add_loaded(w, "groups.json");
	add_loaded(w, "interfaces.json");
	add_loaded(w, "subnets.json");
	add_loaded(w, "acls.json");
	add_loaded(w, "vpcs.json");
}

void whole(struct world *w)
{
	add_all(w);
	run(w);
	cr_assert_eq(w->err, 0);
}
