/* SPDX-License-Identifier: Apache-2.0 */
#include <pcap/dlt.h>

#include "capture/decode_parts.h"

enum {
	LINKTYPE_RAW = 101,
	RAW_LINUX = 12,
	RAW_OPENBSD = 14,
};

static enum step first_step(int dlt)
{
	switch (dlt) {
	case DLT_EN10MB:
		return STEP_ETHERNET;
	case RAW_LINUX:
	case RAW_OPENBSD:
	case LINKTYPE_RAW:
		return STEP_IP;
	case DLT_IPV4:
		return STEP_IPV4;
	case DLT_IPV6:
		return STEP_IPV6;
	case DLT_LINUX_SLL:
		return STEP_SLL;
	case DLT_LINUX_SLL2:
		return STEP_SLL2;
	case DLT_NULL:
	case DLT_LOOP:
		return STEP_LOOP;
	case DLT_PPP:
	case DLT_PPP_SERIAL:
		return STEP_PPP;
	case DLT_PPP_ETHER:
		return STEP_PPPOE;
	default:
		return STEP_DONE;
	}
}

bool decode_link_known(int dlt)
{
	return first_step(dlt) != STEP_DONE;
}

enum step stop(struct work *w, unsigned why)
{
	w->d->opaque = (uint8_t)why;
	return STEP_DONE;
}

void want(struct work *w, uint32_t n)
{
	const struct cursor *c = &w->c;

	if (cursor_has(c, n))
		return;
	if (n > c->wire)
		w->d->anomalies |= w->partial ? ANOMALY_TINY_FRAGMENT : ANOMALY_MALFORMED;
	if (c->left < c->wire)
		w->d->anomalies |= ANOMALY_TRUNCATED;
}

enum step lack(struct work *w, uint32_t n)
{
	want(w, n);
	return stop(w, OPAQUE_CUT);
}

enum step malformed(struct work *w)
{
	w->d->anomalies |= ANOMALY_MALFORMED;
	return stop(w, OPAQUE_CUT);
}

enum step too_deep(struct work *w)
{
	w->d->anomalies |= ANOMALY_LAYERS;
	return stop(w, OPAQUE_ENCAPSULATION);
}

enum step unknown(struct work *w, unsigned ethertype)
{
	w->d->ethertype = (uint16_t)ethertype;
	return stop(w, OPAQUE_ENCAPSULATION);
}

bool tag(struct work *w, enum segment_kind kind, uint32_t id)
{
	struct decoded *d = w->d;

	if (d->n_segments == SEGMENTS_MAX) {
		too_deep(w);
		return false;
	}
	d->segments[d->n_segments++] =
		(struct segment_tag){ .kind = (uint8_t)kind, .inner = d->has_ip, .id = id };
	return true;
}

/* By field: as a whole compilers make a string instruction of it, which costs half of all. */
static void clear(struct packet *p)
{
	p->family = p->proto = p->flags = p->state = p->fragment = 0;
	p->icmp_type = p->icmp_code = 0;
	p->sport = p->dport = 0;
	p->src = p->dst = (struct addr){ 0 };
	p->iif = p->oif = p->physin = p->physout = p->mac = NULL;
}

static bool tunnel_add(struct work *w, unsigned proto, struct addr dst)
{
	struct decoded *d = w->d;
	const struct packet *p = &d->packet;

	if (d->n_tunnels == TUNNELS_MAX) {
		too_deep(w);
		return false;
	}
	d->tunnels[d->n_tunnels++] =
		(struct tunnel_end){ .family = p->family,
				     .proto = (uint8_t)proto,
				     .dport = proto == PROTO_UDP ? p->dport : 0,
				     .src = p->src,
				     .dst = dst };
	return true;
}

/* The packet told so far is around what comes. */
static bool packet_leave(struct work *w)
{
	struct decoded *d = w->d;

	if (!tunnel_add(w, d->packet.proto, d->packet.dst))
		return false;
	for (unsigned i = 0; i < d->n_segments; i++)
		d->segments[i].inner = false;
	clear(&d->packet);
	d->has_ip = d->first_fragment = d->quoted.any = false;
	d->fragment_id = d->icmp_id = 0;
	w->extensions = 0;
	return true;
}

bool packet_begin(struct work *w)
{
	if (w->d->has_ip && !packet_leave(w))
		return false;
	w->d->has_ip = true;
	return true;
}

bool packet_routed(struct work *w, struct addr last)
{
	if (!tunnel_add(w, 43, w->d->packet.dst))
		return false;
	w->d->packet.dst = last;
	return true;
}

enum step no_ip(struct work *w, unsigned ethertype)
{
	if (w->d->has_ip && !packet_leave(w))
		return STEP_DONE;
	w->d->ethertype = (uint16_t)ethertype;
	return stop(w, OPAQUE_NO_IP);
}

static enum step (*const steps[])(struct work *) = {
	[STEP_ETHERNET] = step_ethernet,
	[STEP_LLC] = step_llc,
	[STEP_VLAN] = step_vlan,
	[STEP_MACSEC] = step_macsec,
	[STEP_VNTAG] = step_vntag,
	[STEP_ETAG] = step_etag,
	[STEP_FABRICPATH] = step_fabricpath,
	[STEP_MPLS] = step_mpls,
	[STEP_PPPOE] = step_pppoe,
	[STEP_PPP] = step_ppp,
	[STEP_SLL] = step_sll,
	[STEP_SLL2] = step_sll2,
	[STEP_LOOP] = step_loop,
	[STEP_IP] = step_ip,
	[STEP_IPV4] = step_ipv4,
	[STEP_IPV6] = step_ipv6,
	[STEP_GRE] = step_gre,
	[STEP_ERSPAN2] = step_erspan2,
	[STEP_ERSPAN3] = step_erspan3,
	[STEP_VXLAN] = step_vxlan,
	[STEP_VXLAN_GPE] = step_vxlan_gpe,
	[STEP_GENEVE] = step_geneve,
	[STEP_GTPU] = step_gtpu,
	[STEP_NSH] = step_nsh,
	[STEP_TEREDO] = step_teredo,
	[STEP_ETHERIP] = step_etherip,
};

/*
 * What most frames are, at once: Ethernet, at most one VLAN tag, and an IPv4 header without
 * options, whole, of a packet that is no fragment. Says nothing that the steps wouldn't say.
 * Offsets are constants where it is called: that is what makes it quick.
 */
static inline __attribute__((always_inline)) enum step plain_at(struct work *w, uint32_t at)
{
	struct cursor *c = &w->c;
	struct decoded *d = w->d;
	unsigned total = cursor_u16(c, at + 2), proto = cursor_u8(c, at + 9);

	if (!cursor_has(c, at + 20) || cursor_u8(c, at) != 0x45 ||
	    cursor_u16(c, at + 6) & 0xbfff || proto == PROTO_AH || total < 20 ||
	    total + at > c->wire)
		return STEP_ETHERNET;
	cursor_copy(c, 0, d->mac_dst, 6);
	cursor_copy(c, 6, d->mac_src, 6);
	d->packet.proto = (uint8_t)proto;
	d->packet.src.lo = cursor_u32(c, at + 12);
	d->packet.dst.lo = cursor_u32(c, at + 16);
	d->has_macs = d->has_ip = true;
	d->layers = 2;
	cursor_limit(c, total + at);
	cursor_skip(c, at + 20);
	return by_protocol(w, proto);
}

static enum step plain_tagged(struct work *w)
{
	unsigned id = cursor_u16(&w->c, 14) & 0xfff;
	enum step next;

	if (!id || id == 0xfff || cursor_u16(&w->c, 16) != 0x0800)
		return STEP_ETHERNET;
	tag(w, SEGMENT_VLAN, id);
	next = plain_at(w, 18);
	if (!w->d->has_ip)
		w->d->n_segments = 0;
	else
		w->d->layers++;
	return next;
}

static enum step plain(struct work *w)
{
	switch (cursor_u16(&w->c, 12)) {
	case 0x0800:
		return plain_at(w, 14);
	case 0x8100:
		return plain_tagged(w);
	default:
		return STEP_ETHERNET;
	}
}

void decode(int dlt, const uint8_t *bytes, uint32_t caplen, uint32_t len, struct decoded *ret)
{
	struct work w = { .c = cursor_of(bytes, caplen, len), .d = ret };
	enum step step = first_step(dlt);

	clear(&ret->packet);
	ret->has_ip = ret->first_fragment = ret->has_macs = ret->quoted.any = false;
	ret->icmp_id = ret->ethertype = ret->anomalies = 0;
	ret->fragment_id = 0;
	ret->opaque = ret->n_segments = ret->n_tunnels = ret->layers = 0;
	ret->length = len;
	if (caplen > len)
		ret->anomalies = ANOMALY_CAPLEN;
	if (step == STEP_DONE)
		unknown(&w, 0);
	else if (step == STEP_ETHERNET)
		step = plain(&w);
	while (step != STEP_DONE) {
		if (ret->layers == LAYERS_MAX) {
			too_deep(&w);
			break;
		}
		ret->layers++;
		step = steps[step](&w);
	}
}

void segments_print(struct text *t, const struct segment_tag *v, size_t n)
{
	static const char *const names[] = {
		[SEGMENT_VLAN] = "vlan",       [SEGMENT_VNI] = "vni",
		[SEGMENT_GRE_KEY] = "gre-key", [SEGMENT_MPLS] = "mpls",
		[SEGMENT_TEID] = "teid",       [SEGMENT_ERSPAN] = "erspan",
		[SEGMENT_PPPOE] = "pppoe",     [SEGMENT_NSH] = "nsh",
	};

	for (size_t i = 0; i < n; i++) {
		bool known = v[i].kind && v[i].kind < sizeof(names) / sizeof(*names);

		text_putf(t, "%s%s %u", i ? ", " : "", known ? names[v[i].kind] : "tag",
			  v[i].id);
	}
	if (!n)
		text_put(t, "");
}

const char *anomaly_name(enum anomaly a)
{
	switch (a) {
	case ANOMALY_TRUNCATED:
		return "truncated";
	case ANOMALY_MALFORMED:
		return "malformed";
	case ANOMALY_LAYERS:
		return "layers";
	case ANOMALY_TINY_FRAGMENT:
		return "tiny-fragment";
	case ANOMALY_CAPLEN:
		return "caplen";
	case ANOMALY_RESERVED:
		return "reserved";
	case ANOMALY_OVERLAP:
		return "overlap";
	}
	return "unknown";
}

const char *opaque_name(enum opaque o)
{
	switch (o) {
	case OPAQUE_NOT:
		return "not";
	case OPAQUE_ENCRYPTED:
		return "encrypted";
	case OPAQUE_ENCAPSULATION:
		return "encapsulation";
	case OPAQUE_CUT:
		return "cut";
	case OPAQUE_NO_IP:
		return "no-ip";
	}
	return "unknown";
}
