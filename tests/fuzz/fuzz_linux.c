/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a Linux host from untrusted bytes: read, and crossed between its ports. */
#include "model/path.h"
#include "tests/fuzz/reading.h"

extern const struct collector collector_linux;

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
	struct reading r;
	reading_start(&r, "host.json", data, size);
	reading_run(&r, &collector_linux);
	if (r.snap) {
		if ((r.err != 0) != (reading_account(&r)->failed && !r.snap->devices.n))
			abort();
		snapshot_namespaces(r.snap, &r.diags);
		vec_each (at, &r.snap->devices) {
			const struct device *d = *at;
			for (size_t k = 0; k < d->n_ports && k < 6; k++)
				for (size_t j = 0; j < d->n_ports && j < 6; j++)
					cross(r.arena, d, d->ports[k].name, d->ports[j].name);
		}
	}
	reading_done(&r);
	return 0;
}
