/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS exports from untrusted bytes: read alone and as two files that say the same, and every
 * ruleset asked about a packet.
 */
#include "tests/fuzz/reading.h"

extern const struct collector collector_aws;

static void ask(const struct device *d)
{
	struct packet p = {
		.proto = PROTO_TCP, .dport = 5432, .sport = 40000, .flags = TCP_SYN
	};
	p.src.lo = 0x0a00010a;
	p.dst.lo = 0x0a000214;
	for (size_t i = 0; i < d->n_rulesets && i < 64; i++)
		reading_ask(d->rulesets[i], p);
	for (size_t i = 0; i < d->n_hooks; i++)
		if (!d->hooks[i].ruleset ||
		    (d->hooks[i].port && !device_port(d, d->hooks[i].port)))
			abort();
	for (size_t i = 0; i < d->n_routes; i++)
		if (d->routes[i].port && !device_port(d, d->routes[i].port))
			abort();
	for (size_t i = 0; i < d->n_route_rules; i++)
		if (d->route_rules[i].in && !device_port(d, d->route_rules[i].in))
			abort();
	for (size_t i = 0; i < d->n_nats; i++)
		if (d->nats[i].kind != NAT_BOUND && !d->nats[i].match)
			abort();
}

static void read_files(struct diags *d, const struct source *const *v, size_t n)
{
	struct snapshot *snap = snapshot_create();
	struct collect c = { .snap = snap,
			     .diags = d,
			     .device = "cloud",
			     .plane = PLANE_VIRTUAL,
			     .sources = v,
			     .n_sources = n };
	int err = collector_aws.read(&c, v[0]);
	if (snap->accounts.n != n || !snap->devices.n || (err && !d->n_errors) ||
	    (err != 0) != snap->accounts.v[0]->failed)
		abort();
	for (size_t i = 0; i < snap->devices.n; i++)
		ask(snap->devices.v[i]);
	snapshot_destroy(snap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct diags d;
	const struct source *v[2];
	diags_init(&d, a);
	if (!source_from_bytes(a, &d, "pl-0aaaaaaa1/one.json", data, size, &v[0]) &&
	    !source_from_bytes(a, &d, "two.json", data, size, &v[1])) {
		collector_aws.probe(v[0]->data, v[0]->size, v[0]->name);
		read_files(&d, v, 1);
		read_files(&d, v, 2);
	}
	diags_finish(&d);
	arena_destroy(a);
	return 0;
}
