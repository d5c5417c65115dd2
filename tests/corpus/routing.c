/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a configuration tells of routing, a line each, for traces.py:
 *
 *	routing whole|part|none WHY
 *	port NAME up|down PREFIX ADDRESS
 *	route PREFIX PORT|- VIA|- drop|- odd|-
 *
 *	routing FILE
 */
#include <stdio.h>
#include <string.h>

#include "collectors/collector.h"

extern const struct collector collector_ios;

static const char *prefix_text(struct text *t, const struct prefix *p)
{
	text_clear(t);
	addr_print(t, (enum family)p->family, p->addr);
	text_putf(t, "/%u", p->len);
	return t->s;
}

static const char *addr_text(struct text *t, unsigned family, struct addr a)
{
	text_clear(t);
	addr_print(t, (enum family)family, a);
	return t->s;
}

static void tell(const struct device *d)
{
	static const char *const words[] = { "none", "whole", "part" };
	struct text t = { 0 }, u = { 0 };

	printf("routing %s %s\n", words[d->routing], d->routing_why ? d->routing_why : "");
	for (size_t i = 0; i < d->n_ports; i++)
		for (size_t k = 0; k < d->ports[i].n_prefixes; k++)
			printf("port %s %s %s %s\n", d->ports[i].name,
			       d->ports[i].up ? "up" : "down",
			       prefix_text(&t, &d->ports[i].prefixes[k]),
			       addr_text(&u, d->ports[i].prefixes[k].family,
					 d->ports[i].addrs[k]));
	for (size_t i = 0; i < d->n_routes; i++) {
		const struct route *r = &d->routes[i];

		printf("route %s %s %s %s %s\n", prefix_text(&t, &r->dst),
		       r->port ? r->port : "-",
		       r->has_via ? addr_text(&u, r->dst.family, r->via) : "-",
		       r->drop ? "drop" : "-", r->odd ? "odd" : "-");
	}
	text_finish(&t);
	text_finish(&u);
}

int main(int argc, char **argv)
{
	struct snapshot *s = snapshot_create();
	struct arena *a = arena_create();
	const struct source *src;
	struct diags diags;
	int err;

	diags_init(&diags, a);
	err = argc == 2 ? source_open(a, &diags, argv[1], argv[1], &src) : -1;
	if (!err)
		err = collector_run(&collector_ios, s, &diags, "d", PLANE_PHYSICAL, &src, 1);
	for (size_t i = 0; !err && i < s->devices.n; i++)
		tell(s->devices.v[i]);
	snapshot_destroy(s);
	diags_finish(&diags);
	arena_destroy(a);
	return err ? 1 : 0;
}
