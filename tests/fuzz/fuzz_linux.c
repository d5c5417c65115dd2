/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a Linux host from untrusted bytes: read, and crossed between its ports. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/collector.h"
#include "model/interp.h"
#include "model/path.h"

extern const struct collector collector_linux;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void cross(struct arena *a, const struct device *d, const char *in, const char *out)
{
	struct packet p = { .proto = PROTO_TCP, .dport = 22, .sport = 40000, .flags = TCP_SYN };
	struct point pt;
	const char *why;
	p.src.lo = 0x0a000001;
	p.dst.lo = 0xc0a80101;
	if (!path_cross(a, d, in, out, &pt, &why))
		return;
	for (size_t i = 0; i < pt.n_stages; i++)
		for (p.family = FAMILY_V4; p.family < FAMILY_COUNT; p.family++) {
			struct packet here = stage_packet(&pt.stages[i], &p);
			struct interp_answer x = interp(pt.stages[i].ruleset, &here);
			if (x.sure && !x.maybe)
				abort();
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct diags d;
	const struct source *src;
	diags_init(&d, a);
	if (!source_from_bytes(a, &d, "host.json", data, size, &src)) {
		struct snapshot *snap = snapshot_create();
		struct collect c = { .snap = snap,
				     .diags = &d,
				     .device = "host",
				     .plane = PLANE_VIRTUAL,
				     .sources = &src,
				     .n_sources = 1 };
		int err = collector_linux.read(&c, src);
		size_t errors = d.n_errors;
		collector_linux.probe(src->data, src->size, "host.json");
		if (snap->accounts.n != 1 || (err && !errors) ||
		    (err != 0) != (snap->accounts.v[0]->failed && !snap->devices.n))
			abort();
		snapshot_namespaces(snap, &d);
		for (size_t i = 0; i < snap->devices.n; i++) {
			const struct device *dev = snap->devices.v[i];
			for (size_t k = 0; k < dev->n_ports && k < 6; k++)
				for (size_t j = 0; j < dev->n_ports && j < 6; j++)
					cross(a, dev, dev->ports[k].name, dev->ports[j].name);
		}
		snapshot_destroy(snap);
	}
	diags_finish(&d);
	arena_destroy(a);
	return 0;
}
