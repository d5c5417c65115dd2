/* SPDX-License-Identifier: Apache-2.0 */
/* iptables-save and ipset text from untrusted bytes: read, and every hook asked about a packet. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/collector.h"
#include "model/interp.h"

extern const struct collector collector_iptables;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct device *d)
{
	struct packet p = { .proto = PROTO_TCP, .dport = 22, .sport = 40000, .flags = TCP_SYN };
	p.src.lo = 0x0a000001;
	p.dst.lo = 0xc0a80101;
	p.iif = "eth0";
	for (size_t i = 0; i < d->n_hooks && i < 16; i++)
		for (p.family = FAMILY_V4; p.family < FAMILY_COUNT; p.family++) {
			struct interp_answer a = interp(d->hooks[i].ruleset, &p);
			if (a.sure && !a.maybe)
				abort();
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct diags d;
	const struct source *src;
	diags_init(&d, a);
	if (!source_from_bytes(a, &d, "host.save", data, size, &src)) {
		struct snapshot *snap = snapshot_create();
		struct collect c = { .snap = snap,
				     .diags = &d,
				     .device = "host",
				     .plane = PLANE_VIRTUAL,
				     .sources = &src,
				     .n_sources = 1 };
		int err = collector_iptables.read(&c, src);
		collector_iptables.probe(src->data, src->size, "host.save");
		const struct account *acc = snap->accounts.n ? snap->accounts.v[0] : NULL;
		if (!acc || (err && !d.n_errors) || (err != 0) != acc->failed)
			abort();
		/* each line has its account */
		if (snap->devices.n && account_total(acc) != src->n_lines)
			abort();
		for (size_t i = 0; i < snap->devices.n; i++)
			ask(snap->devices.v[i]);
		snapshot_destroy(snap);
	}
	diags_finish(&d);
	arena_destroy(a);
	return 0;
}
