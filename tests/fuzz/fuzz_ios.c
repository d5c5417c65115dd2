/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration of IOS, NX-OS or EOS from untrusted bytes: read, and every ruleset asked. */
#include "tests/fuzz/reading.h"

extern const struct collector collector_ios;

static void check(const struct device *d)
{
	struct packet p = { .proto = PROTO_TCP, .dport = 22, .sport = 40000, .flags = TCP_SYN };
	p.src.lo = 0x0a000001;
	p.dst.lo = 0xc0a80101;
	for (size_t i = 0; i < d->n_rulesets && i < 64; i++)
		reading_ask(d->rulesets[i], p);
	for (size_t i = 0; i < d->n_hooks; i++)
		if (!d->hooks[i].ruleset || !d->hooks[i].at.src)
			abort();
	for (size_t i = 0; i < d->n_nats; i++)
		if (!d->nats[i].touches || !d->nats[i].text)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading r;
	reading_start(&r, "router.cfg", data, size);
	reading_run(&r, &collector_ios);
	if (r.snap) {
		if ((r.err != 0) != reading_account(&r)->failed ||
		    account_total(reading_account(&r)) != r.src->n_lines)
			abort();
		vec_each (d, &r.snap->devices)
			check(*d);
	}
	reading_done(&r);
	return 0;
}
