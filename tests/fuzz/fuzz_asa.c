/* SPDX-License-Identifier: Apache-2.0 */
/* A firewall's configuration from untrusted bytes: read, and every hook asked about a packet.
 */
#include "tests/fuzz/reading.h"

extern const struct collector collector_asa;

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
		reading_ask(d->hooks[i].ruleset, p);
	for (size_t i = 0; i < d->n_nats; i++)
		match_judge(d->nats[i].touches, &p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading r;

	reading_start(&r, "fw.cfg", data, size);
	reading_run(&r, &collector_asa);
	if (r.snap) {
		const struct account *acc = reading_account(&r);

		if (account_total(acc) != r.src->n_lines || (r.err != 0) != acc->failed ||
		    acc->entries.n !=
			    acc->count[ACCOUNT_BOUNDED] + acc->count[ACCOUNT_REJECTED])
			abort();
		vec_each (d, &r.snap->devices)
			ask(*d);
	}
	reading_done(&r);
	return 0;
}
