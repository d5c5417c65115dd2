/* SPDX-License-Identifier: Apache-2.0 */
/* One flow as it is told, and the memory that many are in. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "capture/flows_internal.h"

enum { LARGE = 2 << 20 };

void *flow_table(size_t n, size_t size, size_t *ret_mapped)
{
	size_t bytes = (n * size + LARGE - 1) / LARGE * LARGE;
	uint8_t *p = n * size < LARGE ? MAP_FAILED
				      : mmap(NULL, bytes + LARGE, PROT_READ | PROT_WRITE,
					     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*ret_mapped = p == MAP_FAILED ? 0 : bytes;
	if (p == MAP_FAILED)
		return xcalloc(n, size);
	/* what stands over at both ends goes */
	size_t before = -(uintptr_t)p & (LARGE - 1);
	if (before)
		munmap(p, before);
	munmap(p + before + bytes, LARGE - before);
	madvise(p + before, bytes, MADV_HUGEPAGE);
	return p + before;
}

void flow_table_free(void *p, size_t mapped)
{
	if (mapped)
		munmap(p, mapped);
	else
		free(p);
}

static uint8_t icmp_answer(uint8_t family, uint8_t question)
{
	return family == FAMILY_V4 && question == 8 ? 0 : question + 1;
}

void flow_describe(const struct entry *e, const struct entry_more *m, struct flow_record *r)
{
	const struct flow_key *k = &e->key;
	/* all but the arrays, of which nothing counts beyond what is put there */
	r->began = e->began;
	r->opaque = k->opaque;
	r->has_ip = k->bits & FLOW_IP;
	r->related = !!(k->bits & FLOW_RELATED);
	r->fragments = !!(k->bits & FLOW_PORTLESS);
	r->interface = k->interface;
	r->anomalies = e->anomalies;
	r->packet = (struct packet){ .family = k->family,
				     .proto = k->proto,
				     .flags = e->flags,
				     .fragment = r->fragments,
				     .icmp_type = k->icmp_type,
				     .icmp_code = k->icmp_code,
				     .sport = k->port[e->turned],
				     .dport = k->port[!e->turned],
				     .src = k->end[e->turned],
				     .dst = k->end[!e->turned] };
	bool icmp = r->has_ip && !k->opaque && packet_has_icmp(&r->packet);
	if (icmp && e->turned)
		r->packet.icmp_type = icmp_answer(k->family, k->icmp_type);
	r->ethertype = icmp ? 0 : k->ethertype;
	r->n_segments = k->n_segments;
	r->n_tunnels = k->n_tunnels;
	if (k->n_segments)
		memcpy(r->segments, m->segments, k->n_segments * sizeof(*m->segments));
	if (k->n_tunnels)
		memcpy(r->tunnels, m->tunnels, k->n_tunnels * sizeof(*m->tunnels));
	r->quoted = r->related ? m->quoted : (struct quoted){ 0 };
	memcpy(r->mac_src, e->mac_src, sizeof(r->mac_src));
	r->flow = e->flow;
	r->file = e->file;
	r->number = e->number;
	r->link = 0;
	r->at = e->at;
	r->until = e->until;
	for (size_t i = 0; i < 2; i++) {
		r->packets[i] = e->packets[i];
		r->bytes[i] = e->bytes[i];
	}
}
