/* SPDX-License-Identifier: Apache-2.0 */
/* iptables-save and ipset text from untrusted bytes: read, and every hook asked about a packet. */
#include "tests/fuzz/reading.h"

extern const struct collector collector_iptables;

static void ask(const struct device *d)
{
	struct packet p = { .proto = PROTO_TCP, .dport = 22, .sport = 40000, .flags = TCP_SYN };
	p.src.lo = 0x0a000001;
	p.dst.lo = 0xc0a80101;
	p.iif = "eth0";
	for (size_t i = 0; i < d->n_hooks && i < 16; i++)
		reading_ask(d->hooks[i].ruleset, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading r;
	reading_start(&r, "host.save", data, size);
	reading_run(&r, &collector_iptables);
	if (r.snap) {
		if ((r.err != 0) != reading_account(&r)->failed)
			abort();
		/* each line has its account */
		if (r.snap->devices.n && account_total(reading_account(&r)) != r.src->n_lines)
			abort();
		vec_each (d, &r.snap->devices)
			ask(*d);
	}
	reading_done(&r);
	return 0;
}
