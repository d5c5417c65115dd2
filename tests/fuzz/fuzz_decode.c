/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A captured frame. The first byte chooses the link type, the next two how much longer than
 * what was captured it was on the wire; 0xffff: shorter by half.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capture/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int links[] = { 1, 0, 9, 12, 14, 50, 51, 101, 108, 113, 228, 229, 276 };

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(int dlt, const struct decoded *d)
{
	const struct packet *p = &d->packet;

	for (unsigned bit = 1; bit <= ANOMALY_OVERLAP; bit <<= 1)
		require(*anomaly_name((enum anomaly)bit));
	require(*opaque_name((enum opaque)d->opaque));
	require(decode_link_known(dlt));
	require(d->n_segments <= SEGMENTS_MAX && d->n_tunnels <= TUNNELS_MAX &&
		d->layers <= LAYERS_MAX && d->opaque <= OPAQUE_NO_IP && d->anomalies < 128);
	require(d->has_ip || d->opaque);
	require(!d->has_ip || d->opaque != OPAQUE_NO_IP);
	require(p->family < FAMILY_COUNT && p->state == STATE_NEW && p->fragment <= 1);
	require(!p->fragment || !(p->sport | p->dport | p->flags | p->icmp_type));
	require(proto_has_ports(p->proto) || !(p->sport | p->dport));
	require(p->family == FAMILY_V6 || !(p->src.hi | p->dst.hi | p->src.lo >> 32));
	require(!d->icmp_id || packet_has_icmp(p));
	require(!d->quoted.any || packet_has_icmp(p));
	require(!d->first_fragment || !p->fragment);
	for (unsigned i = 0; i < d->n_segments; i++) {
		require(d->segments[i].kind >= SEGMENT_VLAN &&
			d->segments[i].kind <= SEGMENT_NSH);
		require(!d->segments[i].inner || (d->has_ip && d->opaque));
	}
}

/* Whether two say the same of what they vouch for. */
static bool same(const struct decoded *x, const struct decoded *y)
{
	bool equal = x->has_ip == y->has_ip && x->icmp_id == y->icmp_id &&
		     x->first_fragment == y->first_fragment &&
		     x->fragment_id == y->fragment_id && x->opaque == y->opaque &&
		     x->ethertype == y->ethertype && x->n_segments == y->n_segments &&
		     x->n_tunnels == y->n_tunnels && x->layers == y->layers &&
		     x->quoted.any == y->quoted.any && x->has_macs == y->has_macs &&
		     x->packet.proto == y->packet.proto && x->packet.sport == y->packet.sport &&
		     x->packet.dport == y->packet.dport && x->packet.flags == y->packet.flags &&
		     addr_equal(x->packet.src, y->packet.src) &&
		     addr_equal(x->packet.dst, y->packet.dst);

	for (unsigned i = 0; equal && i < x->n_segments; i++)
		equal = x->segments[i].kind == y->segments[i].kind &&
			x->segments[i].id == y->segments[i].id &&
			x->segments[i].inner == y->segments[i].inner;
	for (unsigned i = 0; equal && i < x->n_tunnels; i++)
		equal = x->tunnels[i].proto == y->tunnels[i].proto &&
			x->tunnels[i].dport == y->tunnels[i].dport &&
			addr_equal(x->tunnels[i].src, y->tunnels[i].src) &&
			addr_equal(x->tunnels[i].dst, y->tunnels[i].dst);
	return equal;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct decoded d, again, cut;
	struct text t = { 0 };
	uint32_t caplen, len;
	int dlt;

	if (size < 3)
		return 0;
	dlt = links[data[0] % (sizeof(links) / sizeof(*links))];
	caplen = (uint32_t)size - 3;
	len = caplen + (data[1] << 8 | data[2]);
	if (len == caplen + 0xffff)
		len = caplen / 2;
	memset(&d, 0, sizeof(d));
	memset(&again, 0xff, sizeof(again));
	decode(dlt, data + 3, caplen, len, &d);
	decode(dlt, data + 3, caplen, len, &again);
	check(dlt, &d);
	check(dlt, &again);
	require(same(&d, &again) && d.anomalies == again.anomalies);
	require(caplen <= len || d.anomalies & ANOMALY_CAPLEN);
	segments_print(&t, d.segments, d.n_segments);
	text_finish(&t);
	/* What a shorter capture of the same frame leaves out is told, or changes nothing. */
	for (unsigned i = 1; i < 8 && caplen <= len; i++) {
		decode(dlt, data + 3, caplen * i / 8, len, &cut);
		check(dlt, &cut);
		require(cut.anomalies & ANOMALY_TRUNCATED || same(&d, &cut));
	}
	return 0;
}
