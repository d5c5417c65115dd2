/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration of IOS, NX-OS or EOS from untrusted bytes: read, and every ruleset asked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/collector.h"
#include "model/interp.h"

extern const struct collector collector_ios;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct ruleset *rs)
{
	struct packet p = { .proto = PROTO_TCP, .dport = 22, .sport = 40000, .flags = TCP_SYN };
	p.src.lo = 0x0a000001;
	p.dst.lo = 0xc0a80101;
	for (p.family = FAMILY_V4; p.family < FAMILY_COUNT; p.family++) {
		struct interp_answer a = interp(rs, &p);
		if (a.sure && !a.maybe)
			abort();
	}
}

static void check(const struct device *d)
{
	for (size_t i = 0; i < d->n_rulesets && i < 64; i++)
		ask(d->rulesets[i]);
	for (size_t i = 0; i < d->n_hooks; i++)
		if (!d->hooks[i].ruleset || !d->hooks[i].at.src)
			abort();
	for (size_t i = 0; i < d->n_nats; i++)
		if (!d->nats[i].touches || !d->nats[i].text)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct diags d;
	const struct source *src;
	diags_init(&d, a);
	if (!source_from_bytes(a, &d, "router.cfg", data, size, &src)) {
		struct snapshot *snap = snapshot_create();
		struct collect c = { .snap = snap,
				     .diags = &d,
				     .device = "router",
				     .plane = PLANE_PHYSICAL,
				     .sources = &src,
				     .n_sources = 1 };
		int err = collector_ios.read(&c, src);
		size_t errors = d.n_errors;
		collector_ios.probe(src->data, src->size, "router.cfg");
		if (snap->accounts.n != 1 || (err && !errors) ||
		    (err != 0) != snap->accounts.v[0]->failed ||
		    account_total(snap->accounts.v[0]) != src->n_lines)
			abort();
		for (size_t i = 0; i < snap->devices.n; i++)
			check(snap->devices.v[i]);
		snapshot_destroy(snap);
	}
	diags_finish(&d);
	arena_destroy(a);
	return 0;
}
