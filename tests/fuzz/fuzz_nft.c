/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An nftables listing from untrusted bytes: read, and every hook asked about a packet. Text is
 * looked through for its places alone; reading it is nft's work, in a process of its own.
 */
#include "collectors/nft_script.h"
#include "tests/fuzz/reading.h"

extern const struct collector collector_nft;

static void ask(const struct device *d)
{
	struct packet p = { .proto = PROTO_TCP, .dport = 22, .sport = 40000, .flags = TCP_SYN };
	p.src.lo = 0x0a000001;
	p.dst.lo = 0xc0a80101;
	p.iif = "eth0";
	for (size_t i = 0; i < d->n_hooks && i < 16; i++)
		reading_ask(d->hooks[i].ruleset, p);
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
	struct reading r;
	reading_start(&r, "ruleset.json", data, size);
	if (r.src)
		scan(r.arena, r.src);
	if (r.src && is_json(r.src))
		reading_run(&r, &collector_nft);
	if (r.snap) {
		if ((r.err != 0) != reading_account(&r)->failed)
			abort();
		vec_each (d, &r.snap->devices)
			ask(*d);
	}
	reading_done(&r);
	return 0;
}
