/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 (RFC 791) and IPv6 (RFC 8200) with what may stand before a transport. */
#include "capture/decode_parts.h"

enum {
	EXT_HOP_BY_HOP = 0,
	EXT_ROUTING = 43,
	EXT_FRAGMENT = 44,
	EXT_DESTINATION = 60,
	EXT_MOBILITY = 135,
	EXT_HIP = 139,
	EXT_SHIM6 = 140,
	NO_NEXT = 59,
	OPTIONS_MAX = 40,
	/* A frame that is no longer than this behind its Ethernet header may be padded. */
	PADDED = 46,
};

enum step step_ip(struct work *w)
{
	unsigned version = cursor_u8(&w->c, 0) >> 4;

	if (!cursor_has(&w->c, 1))
		return lack(w, 1);
	w->d->layers--; /* the header that follows is the layer */
	return version == 4 ? STEP_IPV4 : version == 6 ? STEP_IPV6 : malformed(w);
}

/* The last address of a source route that isn't used up. */
static bool source_route(struct work *w, struct cursor o)
{
	unsigned len = cursor_u8(&o, 1), pointer = cursor_u8(&o, 2);

	w->d->anomalies |= ANOMALY_RESERVED;
	if (len < 7 || pointer < 4 || pointer + 3 > len)
		return true;
	return packet_routed(w, (struct addr){ .lo = cursor_u32(&o, len - 4) });
}

/* o is the options alone, at most 40 bytes. */
static bool options_v4(struct work *w, struct cursor o)
{
	enum { END, NOP, LOOSE_ROUTE = 131, STRICT_ROUTE = 137 };

	while (o.left) {
		unsigned kind = cursor_u8(&o, 0), len = cursor_u8(&o, 1);

		if (kind == END)
			break;
		if (kind == NOP) {
			cursor_skip(&o, 1);
			continue;
		}
		if (len < 2 || !cursor_has(&o, len)) {
			w->d->anomalies |= ANOMALY_MALFORMED;
			break;
		}
		if ((kind == LOOSE_ROUTE || kind == STRICT_ROUTE) && !source_route(w, o))
			return false;
		cursor_skip(&o, len);
	}
	return true;
}

/* True: a later fragment. offset in bytes; c is behind all headers. */
static bool fragment(struct work *w, unsigned offset, bool more, uint32_t id, unsigned proto)
{
	struct decoded *d = w->d;

	if (offset + w->c.wire > 0xffff || (more && w->c.wire % 8))
		d->anomalies |= ANOMALY_MALFORMED;
	if (!offset && !more)
		return false;
	/* a fragment of a fragment: nobody sends that (RFC 8200, 4.1) */
	if (d->first_fragment)
		d->anomalies |= ANOMALY_RESERVED;
	d->fragment_id = id;
	if (!offset) {
		d->first_fragment = w->partial = true;
		return false;
	}
	if (offset == 8 && proto == PROTO_TCP)
		d->anomalies |= ANOMALY_OVERLAP;
	d->first_fragment = false;
	d->packet.fragment = 1;
	d->packet.proto = (uint8_t)proto;
	return true;
}

/* RFC 4302: 32-bit words, minus 2. Skips it. */
static bool authentication(struct work *w, unsigned *proto)
{
	unsigned next = cursor_u8(&w->c, 0), len = (cursor_u8(&w->c, 1) + 2) * 4;

	if (!cursor_has(&w->c, 12)) {
		lack(w, 12);
		return false;
	}
	if (len < 12) {
		malformed(w);
		return false;
	}
	if (++w->extensions > EXTENSIONS_MAX) {
		too_deep(w);
		return false;
	}
	if (!cursor_skip(&w->c, len)) {
		lack(w, len);
		return false;
	}
	*proto = next;
	return true;
}

enum step step_ipv4(struct work *w)
{
	struct cursor *c = &w->c, options;
	struct packet *p = &w->d->packet;
	unsigned first = cursor_u8(c, 0), header = (first & 15) * 4, total = cursor_u16(c, 2),
		 id = cursor_u16(c, 4), place = cursor_u16(c, 6), proto = cursor_u8(c, 9);

	if (!cursor_has(c, 20))
		return lack(w, 20);
	if (first >> 4 != 4 || header < 20)
		return malformed(w);
	if (!packet_begin(w))
		return STEP_DONE;
	p->family = FAMILY_V4;
	p->proto = (uint8_t)proto;
	p->src.lo = cursor_u32(c, 12);
	p->dst.lo = cursor_u32(c, 16);
	/* A host that leaves segmentation to its card hands over 0 for what is too long. */
	if (!total && c->wire > PADDED)
		total = c->wire;
	if (total < header)
		return malformed(w);
	if (!cursor_limit(c, total) && !w->partial)
		w->d->anomalies |= ANOMALY_MALFORMED;
	options = *c;
	if (!cursor_skip(c, header))
		return lack(w, header);
	if (header > 20) {
		cursor_limit(&options, header);
		cursor_skip(&options, 20);
		if (!options_v4(w, options))
			return STEP_DONE;
	}
	if (place & 0x8000)
		w->d->anomalies |= ANOMALY_RESERVED;
	if (place & 0x3fff && fragment(w, (place & 0x1fff) * 8, place & 0x2000, id, proto))
		return later_fragment(w, proto);
	while (proto == PROTO_AH) {
		if (!authentication(w, &proto))
			return STEP_DONE;
		p->proto = (uint8_t)proto;
	}
	return by_protocol(w, proto);
}

/* Options of a hop-by-hop or destination header: o is what is in it. */
static void options_v6(struct work *w, struct cursor o, bool *empty)
{
	enum { PAD1 = 0, JUMBO = 0xc2, HOME_ADDRESS = 0xc9 };
	struct decoded *d = w->d;

	for (unsigned n = 0; o.left; n++) {
		unsigned kind = cursor_u8(&o, 0), len = cursor_u8(&o, 1);

		if (n == OPTIONS_MAX) {
			d->anomalies |= ANOMALY_LAYERS;
			return;
		}
		if (kind == PAD1) {
			cursor_skip(&o, 1);
			continue;
		}
		if (!cursor_has(&o, len + 2)) {
			d->anomalies |= ANOMALY_MALFORMED;
			return;
		}
		if (kind == JUMBO) {
			/* RFC 2675: counts from behind the IPv6 header, where the hop-by-hop
			 * header stands. */
			if (!empty || !*empty || len != 4 || cursor_u32(&o, 2) <= 0xffff ||
			    !cursor_limit(&w->c, cursor_u32(&o, 2)))
				d->anomalies |= ANOMALY_MALFORMED;
			if (empty)
				*empty = false;
		}
		/* RFC 6275: who it says it is when at home. It was sent by src. */
		if (kind == HOME_ADDRESS)
			d->anomalies |= ANOMALY_RESERVED;
		cursor_skip(&o, len + 2);
	}
}

/* r is the routing header, whole. False: ended. */
static bool routing(struct work *w, const struct cursor *r)
{
	enum { SOURCE = 0, MOBILE = 2, SEGMENTS = 4 };
	unsigned len = cursor_u8(r, 1), type = cursor_u8(r, 2), left = cursor_u8(r, 3), at;

	if (type == SOURCE) /* RFC 5095 */
		w->d->anomalies |= ANOMALY_RESERVED;
	if (!left)
		return true;
	switch (type) {
	case SOURCE:
		at = len * 8 - 8;
		break;
	case SEGMENTS: /* RFC 8754: the last one first */
		at = 8;
		break;
	case MOBILE: /* RFC 6275: the same node's address at home */
		return true;
	default: /* where it ends isn't known */
		w->d->anomalies |= ANOMALY_RESERVED;
		unknown(w, 0);
		return false;
	}
	if (len < 2 || (type == SOURCE && (len % 2 || left > len / 2))) {
		w->d->anomalies |= ANOMALY_MALFORMED;
		unknown(w, 0);
		return false;
	}
	return packet_routed(
		w, (struct addr){ .hi = cursor_u64(r, at), .lo = cursor_u64(r, at + 8) });
}

/* The headers from `next` on, which for the first may be hop-by-hop. */
static enum step chain(struct work *w, unsigned next, bool *empty)
{
	struct packet *p = &w->d->packet;
	struct cursor *c = &w->c, whole;
	bool first = true;

	for (;; first = false) {
		unsigned len = (cursor_u8(c, 1) + 1) * 8, follows = cursor_u8(c, 0),
			 kind = next;

		p->proto = (uint8_t)kind;
		switch (kind) {
		case EXT_FRAGMENT:
			len = 8;
			break;
		case EXT_HOP_BY_HOP:
			if (!first)
				w->d->anomalies |= ANOMALY_MALFORMED;
			break;
		case EXT_MOBILITY:
		case EXT_HIP:
		case EXT_SHIM6:
			/* Mostly it is all there is. */
			if (cursor_has(c, 8) && follows == NO_NEXT)
				return STEP_DONE;
			break;
		case EXT_ROUTING:
		case EXT_DESTINATION:
			break;
		case PROTO_AH:
			if (!authentication(w, &next))
				return STEP_DONE;
			continue;
		default:
			return by_protocol(w, kind);
		}
		if (++w->extensions > EXTENSIONS_MAX)
			return too_deep(w);
		if (!cursor_has(c, 8) || !cursor_has(c, len))
			return lack(w, cursor_has(c, 8) ? len : 8);
		whole = *c;
		cursor_limit(&whole, len);
		if (kind == EXT_HOP_BY_HOP || kind == EXT_DESTINATION) {
			cursor_skip(&whole, 2);
			options_v6(w, whole, kind == EXT_HOP_BY_HOP && first ? empty : NULL);
		} else if (kind == EXT_ROUTING && !routing(w, &whole)) {
			return STEP_DONE;
		}
		cursor_skip(c, len);
		next = follows;
		if (kind == EXT_FRAGMENT) {
			unsigned place = cursor_u16(&whole, 2);

			if (place & 6)
				w->d->anomalies |= ANOMALY_RESERVED;
			if (fragment(w, place & 0xfff8, place & 1, cursor_u32(&whole, 4), next))
				return later_fragment(w, next);
		}
	}
}

enum step step_ipv6(struct work *w)
{
	struct cursor *c = &w->c;
	struct packet *p = &w->d->packet;
	unsigned version = cursor_u8(c, 0) >> 4, length = cursor_u16(c, 4),
		 next = cursor_u8(c, 6);
	bool empty = !length;

	if (!cursor_has(c, 40))
		return lack(w, 40);
	if (version != 6)
		return malformed(w);
	if (!packet_begin(w))
		return STEP_DONE;
	p->family = FAMILY_V6;
	p->src = (struct addr){ .hi = cursor_u64(c, 8), .lo = cursor_u64(c, 16) };
	p->dst = (struct addr){ .hi = cursor_u64(c, 24), .lo = cursor_u64(c, 32) };
	/* As with IPv4's 0; or a jumbogram, which its option tells. */
	if (length || c->wire <= PADDED) {
		if (!cursor_limit(c, 40 + length) && !w->partial)
			w->d->anomalies |= ANOMALY_MALFORMED;
	}
	cursor_skip(c, 40);
	return chain(w, next, &empty);
}

enum step later_fragment(struct work *w, unsigned proto)
{
	switch (proto) {
	case PROTO_ESP:
		return stop(w, OPAQUE_ENCRYPTED);
	case EXT_HOP_BY_HOP:
	case EXT_ROUTING:
	case EXT_FRAGMENT:
	case EXT_DESTINATION:
	case EXT_MOBILITY:
	case EXT_HIP:
	case EXT_SHIM6:
		return w->d->packet.family == FAMILY_V6 ? stop(w, OPAQUE_CUT) : STEP_DONE;
	case PROTO_AH:
		return stop(w, OPAQUE_CUT);
	case 4: /* what a first fragment would be followed into */
	case 41:
	case PROTO_GRE:
	case 97:
	case 137:
	case 143:
	case 145:
		return stop(w, OPAQUE_ENCAPSULATION);
	default:
		return STEP_DONE;
	}
}

/* Goes on to what is behind the headers: 1; 0: a later fragment, or the quote ends before; -1:
 * the capture does. */
static int quote_v6(struct cursor *c, unsigned *proto)
{
	*proto = cursor_u8(c, 6);
	cursor_skip(c, 40);
	for (unsigned n = 0; n < EXTENSIONS_MAX; n++) {
		unsigned len = (cursor_u8(c, 1) + 1) * 8, place = 0;

		switch (*proto) {
		case EXT_FRAGMENT:
			len = 8;
			place = cursor_u16(c, 2) & 0xfff8;
			break;
		case PROTO_AH:
			len = (cursor_u8(c, 1) + 2) * 4;
			break;
		case EXT_HOP_BY_HOP:
		case EXT_ROUTING:
		case EXT_DESTINATION:
			break;
		default:
			return 1;
		}
		if (!cursor_has(c, 8) || !cursor_has(c, len))
			return c->wire > c->left ? -1 : 0;
		*proto = cursor_u8(c, 0);
		cursor_skip(c, len);
		if (place)
			return 0;
	}
	return 0;
}

/*
 * The headers of the packet that an error tells of, as far as they go: most senders quote few
 * bytes, so that a quote may end anywhere.
 */
void quote(struct work *w, uint32_t at)
{
	struct quoted *q = &w->d->quoted;
	struct cursor c = w->c;
	unsigned first, proto, header, least;
	int transport;

	cursor_skip(&c, at);
	first = cursor_u8(&c, 0);
	header = first >> 4 == 6 ? 40 : (first & 15) * 4;
	least = first >> 4 == 6 ? 40 : 20;
	if (!cursor_has(&c, least)) {
		w->d->anomalies |= c.wire >= least ? ANOMALY_TRUNCATED : ANOMALY_MALFORMED;
		return;
	}
	if (header < least || (first >> 4 != 4 && first >> 4 != 6)) {
		w->d->anomalies |= ANOMALY_MALFORMED;
		return;
	}
	*q = (struct quoted){ .any = true };
	if (first >> 4 == 6) {
		q->family = FAMILY_V6;
		q->src = (struct addr){ .hi = cursor_u64(&c, 8), .lo = cursor_u64(&c, 16) };
		q->dst = (struct addr){ .hi = cursor_u64(&c, 24), .lo = cursor_u64(&c, 32) };
		transport = quote_v6(&c, &proto);
	} else {
		q->family = FAMILY_V4;
		q->src.lo = cursor_u32(&c, 12);
		q->dst.lo = cursor_u32(&c, 16);
		proto = cursor_u8(&c, 9);
		transport = !(cursor_u16(&c, 6) & 0x1fff);
		if (!cursor_skip(&c, header))
			transport = c.wire > c.left ? -1 : 0;
	}
	q->proto = (uint8_t)proto;
	if (transport < 0)
		w->d->anomalies |= ANOMALY_TRUNCATED;
	if (transport <= 0 || !proto_has_ports(proto))
		return;
	q->has_ports = cursor_has(&c, 4);
	q->sport = (uint16_t)cursor_u16(&c, 0);
	q->dport = (uint16_t)cursor_u16(&c, 2);
	if (!q->has_ports && c.wire >= 4)
		w->d->anomalies |= ANOMALY_TRUNCATED;
}
