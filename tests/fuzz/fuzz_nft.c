/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An nftables listing from untrusted bytes: read, and every hook asked about a packet. Text is
 * looked through for its places alone; reading it is nft's work, in a process of its own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/collector.h"
#include "collectors/nft_script.h"
#include "model/interp.h"

extern const struct collector collector_nft;

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

static void scan(struct arena *a, const struct source *src)
{
	struct nft_script s = { 0 };
	nft_script_scan(&s, a, src->data, src->size);
	for (size_t i = 0; i < s.chains.n; i++) {
		const struct nft_block *b = s.chains.entries[i].value;
		for (size_t k = 0; k < b->rules.n + b->inserted.n; k++) {
			struct nft_place p = nft_block_rule(b, k);
			if (p.off + p.len > src->size)
				abort();
		}
	}
	nft_script_finish(&s);
}

static bool is_json(const struct source *src)
{
	const char *s = src->data + strspn(src->data, " \t\r\n");
	return *s == '[' || (*s == '{' && !(s[1] && strchr("{%#", s[1])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct diags d;
	const struct source *src;
	diags_init(&d, a);
	bool have = !source_from_bytes(a, &d, "ruleset.json", data, size, &src);
	if (have)
		scan(a, src);
	if (have && is_json(src)) {
		struct snapshot *snap = snapshot_create();
		struct collect c = { .snap = snap,
				     .diags = &d,
				     .device = "host",
				     .plane = PLANE_VIRTUAL,
				     .sources = &src,
				     .n_sources = 1 };
		int err = collector_nft.read(&c, src);
		size_t errors = d.n_errors;
		collector_nft.probe(src->data, src->size, "ruleset.json");
		if (snap->accounts.n != 1 || (err && !errors) ||
		    (err != 0) != snap->accounts.v[0]->failed)
			abort();
		for (size_t i = 0; i < snap->devices.n; i++)
			ask(snap->devices.v[i]);
		snapshot_destroy(snap);
	}
	diags_finish(&d);
	arena_destroy(a);
	return 0;
}
