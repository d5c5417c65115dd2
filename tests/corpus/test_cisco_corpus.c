/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other people's ASA, IOS, NX-OS and EOS configurations: what is told of their routing and
 * translation keeps to the contract of model/device.h. Prints how much of it there is, by
 * class.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/corpus/walk.h"

extern const struct collector collector_asa, collector_ios;

struct tally {
	const char *name, *below;
	const struct collector *collector;
	size_t files, devices, routing[3];
	size_t ports, routes, odd, rules, unknown_rules;
	size_t lines, exact; /* translation lines */
};

static bool has_port(const struct device *d, const char *name)
{
	for (size_t i = 0; i < d->n_ports; i++)
		if (!strcmp(d->ports[i].name, name))
			return true;
	return false;
}

static void check_nat(const struct device *d, const struct nat *n, const char *path)
{
	unsigned line = n->at.line;

	cr_expect(n->text && n->touches, "%s:%u", path, line);
	cr_expect(!n->in || has_port(d, n->in), "%s:%u: %s", path, line, n->in);
	cr_expect(!n->out || has_port(d, n->out), "%s:%u: %s", path, line, n->out);
	if (n->kind == NAT_BOUND)
		return;
	cr_expect(n->match, "%s:%u", path, line);
	cr_expect_neq(n->rewrites, NAT_NOT_TOLD, "%s:%u", path, line);
	cr_expect_neq(n->order, 0, "%s:%u: beside the lists", path, line);
	if (n->kind == NAT_KEEP)
		return;
	cr_expect_gt(n->n_to, 0, "%s:%u", path, line);
	for (size_t i = 0; i < n->n_to; i++)
		cr_expect_leq(addr_compare(n->to[i].lo, n->to[i].hi), 0, "%s:%u", path, line);
	cr_expect_leq(n->port_lo, n->port_hi, "%s:%u", path, line);
	if (n->kind == NAT_SHIFT) {
		cr_expect_eq(n->n_to, 1, "%s:%u", path, line);
		cr_expect_eq(n->from.hi.lo - n->from.lo.lo, n->to[0].hi.lo - n->to[0].lo.lo,
			     "%s:%u", path, line);
	}
}

/* Translation lines, and those of which some packet's fate is a bound. A pool is one by its
 * nature where it is called, or by what has no ports. */
static void count_nats(struct tally *t, const struct snapshot *s, const struct device *d)
{
	const struct account *acc = s->accounts.v[0];
	uint32_t last = 0;

	for (size_t i = 0; i < d->n_nats; i++) {
		bool bounded = false;

		if (d->nats[i].at.line == last)
			continue;
		last = d->nats[i].at.line;
		for (size_t k = 0; k < i; k++)
			if (d->nats[k].at.line == last)
				goto next;
		vec_each (e, &acc->entries)
			bounded |= e->at.line == last;
		t->lines++;
		t->exact += !bounded;
	next:;
	}
}

static void check_device(struct tally *t, const struct snapshot *s, const struct device *d,
			 const char *path)
{
	t->devices++;
	t->routing[d->routing]++;
	t->ports += d->n_ports;
	t->routes += d->n_routes;
	t->rules += d->n_route_rules;
	cr_expect_eq(d->routing == ROUTING_PART, d->routing_why != NULL, "%s", path);
	for (size_t i = 0; i < d->n_routes; i++) {
		const struct route *r = &d->routes[i];

		t->odd += r->odd != NULL;
		cr_expect(r->drop || r->port || r->has_via || r->into || r->odd, "%s:%u", path,
			  r->at.line);
		cr_expect(!r->port || r->odd || has_port(d, r->port), "%s:%u: %s", path,
			  r->at.line, r->port);
	}
	for (size_t i = 0; i < d->n_route_rules; i++) {
		const struct route_rule *r = &d->route_rules[i];

		t->unknown_rules += r->kind == ROUTE_UNKNOWN;
		cr_expect(!r->in || !*r->in || has_port(d, r->in), "%s:%u", path, r->at.line);
		cr_expect(!r->port || has_port(d, r->port), "%s:%u", path, r->at.line);
		cr_expect_eq(r->kind == ROUTE_UNKNOWN, r->why != NULL, "%s:%u", path,
			     r->at.line);
	}
	for (size_t i = 0; i < d->n_nats; i++)
		check_nat(d, &d->nats[i], path);
	count_nats(t, s, d);
}

static void read_path(struct tally *t, const char *path)
{
	struct reading r;

	reading_start(&r);
	reading_open(&r, path);
	reading_run(&r, t->collector, "d", PLANE_PHYSICAL);
	if (!r.err) {
		t->files++;
		vec_each (d, &r.snap->devices)
			check_device(t, r.snap, *d, path);
	}
	reading_done(&r);
}

Test(cisco_corpus, routing_and_translation)
{
	struct tally tallies[] = {
		{ "ASA, PIX, FWSM", "cisco-asa", &collector_asa },
		{ "IOS", "cisco-ios", &collector_ios },
		{ "NX-OS", "cisco-nxos", &collector_ios },
		{ "EOS", "arista", &collector_ios },
		{ "ASA by Batfish",
		  "batfish-ref/batfish__batfish/tests/parsing-tests/networks/unit-tests/"
		  "configs/cisco_asa",
		  &collector_asa },
		{ "IOS by Batfish", "batfish-ref/batfish__batfish/networks", &collector_ios },
		{ "IOS of notebooks",
		  "batfish-ref/batfish__pybatfish/jupyter_notebooks/networks", &collector_ios },
	};
	size_t n = 0;

	if (!corpus_folder(""))
		return;
	printf("%-18s %5s %5s %5s %5s %6s %5s %6s %7s %6s %6s\n", "", "whole", "part", "none",
	       "ports", "routes", "odd", "rules", "unknown", "nats", "exact");
	for (size_t i = 0; i < sizeof(tallies) / sizeof(*tallies); i++) {
		struct tally *t = &tallies[i];
		const char *folder = corpus_folder(t->below);
		struct paths paths = { 0 };

		if (folder)
			paths_gather(&paths, folder, NULL);
		vec_each (path, &paths)
			read_path(t, *path);
		paths_free(&paths);
		printf("%-18s %5zu %5zu %5zu %5zu %6zu %5zu %6zu %7zu %6zu %6zu\n", t->name,
		       t->routing[ROUTING_WHOLE], t->routing[ROUTING_PART],
		       t->routing[ROUTING_NONE], t->ports, t->routes, t->odd, t->rules,
		       t->unknown_rules, t->lines, t->exact);
		n += t->routes + t->lines;
	}
	cr_expect_gt(n, 100);
}
