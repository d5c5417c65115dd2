/* SPDX-License-Identifier: Apache-2.0 */
/* A firewall's configuration from untrusted bytes: read, and every hook asked about a packet.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/collector.h"
#include "model/interp.h"

extern const struct collector collector_asa;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct device *d)
{
	struct packet p = {
		.proto = PROTO_TCP, .dport = 443, .sport = 40000, .flags = TCP_SYN
	};

	p.src.lo = 0x0a000009;
	p.dst.lo = 0xc0000209;
	p.iif = "outside";
	p.oif = "inside";
	for (size_t i = 0; i < d->n_hooks && i < 16; i++)
		for (p.family = FAMILY_V4; p.family < FAMILY_COUNT; p.family++) {
			struct interp_answer a = interp(d->hooks[i].ruleset, &p);

			if (a.sure && !a.maybe)
				abort();
		}
	for (size_t i = 0; i < d->n_nats; i++)
		match_judge(d->nats[i].touches, &p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct diags d;
	const struct source *src;

	diags_init(&d, a);
	if (!source_from_bytes(a, &d, "fw.cfg", data, size, &src)) {
		struct snapshot *snap = snapshot_create();
		struct collect c = { .snap = snap,
				     .diags = &d,
				     .device = "fw",
				     .plane = PLANE_PHYSICAL,
				     .sources = &src,
				     .n_sources = 1 };
		int err = collector_asa.read(&c, src);
		const struct account *acc;

		collector_asa.probe(src->data, src->size, "fw.cfg");
		if (snap->accounts.n != 1)
			abort();
		acc = snap->accounts.v[0];
		if (account_total(acc) != src->n_lines || (err != 0) != acc->failed ||
		    (err && !d.n_errors) ||
		    acc->entries.n !=
			    acc->count[ACCOUNT_BOUNDED] + acc->count[ACCOUNT_REJECTED])
			abort();
		for (size_t i = 0; i < snap->devices.n; i++)
			ask(snap->devices.v[i]);
		snapshot_destroy(snap);
	}
	diags_finish(&d);
	arena_destroy(a);
	return 0;
}
