/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_SAMPLE_WORLD_H
#define TESTS_UNIT_SAMPLE_WORLD_H

/* An estate, what was read of it, and flows, for tests of what becomes of captured packets. */

#include "capture/judge.h"
#include "model/snapshot.h"
#include "tests/unit/policy_run.h"

struct world {
	struct run r;
	struct snapshot *snap;
	struct graph *graph;
};

/* The devices are added by `build`, which may be NULL. */
static inline struct world world(const char *policy_text, const char *estate_text,
				 void (*build)(struct snapshot *s))
{
	struct run p = policy(policy_text);
	cr_assert(!p.err, "%s", p.d.n ? p.d.v[0].text : "");
	end(&p);
	struct world w = { .r = estate(policy_text, estate_text) };
	cr_assert(!w.r.err, "%s", w.r.d.n ? w.r.d.v[0].text : "");
	w.snap = snapshot_create();
	if (build)
		build(w.snap);
	w.graph = graph_create(w.r.arena, w.r.estate, w.snap);
	return w;
}

static inline void world_end(struct world *w)
{
	snapshot_destroy(w->snap);
	end(&w->r);
}

static inline const struct zone *zone(const struct world *w, const char *name)
{
	const struct zone *z = policy_zone(w->r.policy, name);
	cr_assert(z, "%s", name);
	return z;
}

/* A first packet, as `plumbline eval` has it. */
static inline struct flow_record seen(const char *line)
{
	struct arena *a = arena_create();
	struct flow_record r = { .kind = RECORD_FIRST, .has_ip = 1, .began = BEGAN_SEEN };
	const char *why = NULL;
	cr_assert(packet_parse(a, line, strlen(line), &r.packet, &why), "%s: %s", line, why);
	r.packet.iif = r.packet.oif = r.packet.physin = r.packet.physout = r.packet.mac = NULL;
	r.packets[0] = 1;
	r.bytes[0] = 60;
	arena_destroy(a);
	return r;
}

static inline struct flow_record tagged(struct flow_record r, uint8_t kind, uint32_t id)
{
	r.segments[r.n_segments++] = (struct segment_tag){ .kind = kind, .id = id };
	return r;
}

/* The tag of a tunnel. */
static inline struct flow_record tunnelled(struct flow_record r, uint8_t kind, uint32_t id)
{
	bool udp = kind == SEGMENT_VNI || kind == SEGMENT_TEID;
	r.tunnels[r.n_tunnels++] = (struct tunnel_end){
		.proto = udp ? PROTO_UDP : PROTO_GRE, .dport = udp ? 4789 : 0
	};
	return tagged(r, kind, id);
}

#endif
