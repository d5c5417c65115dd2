/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label stacks (RFC 3032, RFC 7274) say nothing of what is below them. IP is known by its
 * first half byte (RFC 4928); a pseudowire of Ethernet may have a control word before the
 * frame, which begins with a half byte of 0 (RFC 4385), or none, and then its first byte is
 * whatever a MAC address begins with. So each reading is tried for what it promises further
 * on, and where two are possible neither is taken.
 */
#include "capture/decode_parts.h"

enum {
	LABEL_EXPLICIT_NULL_V4 = 0,
	LABEL_ROUTER_ALERT = 1,
	LABEL_EXPLICIT_NULL_V6 = 2,
	LABEL_ENTROPY = 7, /* the next one is a hash of the flow (RFC 6790) */
	LABEL_GACH = 13,   /* RFC 5586 */
	LABEL_OAM_ALERT = 14,
	LABEL_EXTENSION = 15, /* RFC 7274 */
	CONTROL_WORD = 4,
	FRAME_SEEN = 18, /* bytes of a frame that are looked at */
};

bool may_be_ip(const struct cursor *c)
{
	unsigned first = cursor_u8(c, 0), header = (first & 15) * 4, total = cursor_u16(c, 2);

	switch (first >> 4) {
	case 4:
		return cursor_has(c, 20) && header >= 20 && total >= header && total <= c->wire;
	case 6:
		return cursor_has(c, 40) && cursor_u16(c, 4) + 40 <= c->wire;
	default:
		return false;
	}
}

static bool sums_up(const struct cursor *c)
{
	unsigned words = (cursor_u8(c, 0) & 15) * 2;
	uint32_t sum = 0;

	for (unsigned i = 0; i < words; i++)
		sum += cursor_u16(c, i * 2);
	sum = (sum & 0xffff) + (sum >> 16);
	return cursor_has(c, words * 2) && (sum & 0xffff) + (sum >> 16) == 0xffff;
}

/* Whether what an EtherType at its place promises is there. */
static bool may_be_ethernet(const struct cursor *c, uint32_t at)
{
	unsigned type = cursor_u16(c, at + 12), first = cursor_u8(c, at + 14),
		 both = cursor_u16(c, at + 14);

	if (!cursor_has(c, at + FRAME_SEEN - 2))
		return false;
	switch (type) {
	case 0x0800:
		return first >= 0x45 && first < 0x50;
	case 0x86dd:
		return first >> 4 == 6;
	case 0x0806:
		return both == 1;
	case 0x8863:
	case 0x8864:
		return first == 0x11;
	case 0x8100:
	case 0x88a8:
	case 0x9100:
	case 0x8847:
	case 0x8848:
	case 0x88cc:
		return true;
	default:
		return type >= 3 && type <= 1500 && type <= c->wire - at - 14 &&
		       (both == 0x4242 || both == 0xaaaa || both == 0xfefe);
	}
}

static enum step below(struct work *w)
{
	const struct cursor *c = &w->c;
	unsigned half = cursor_u8(c, 0) >> 4;
	bool bare = may_be_ethernet(c, 0), words = may_be_ethernet(c, CONTROL_WORD);

	if (c->left < CONTROL_WORD + FRAME_SEEN && c->left < c->wire)
		return lack(w, c->left + 1);
	switch (half) {
	case 4:
		if (may_be_ip(c) && (sums_up(c) || !bare))
			return STEP_IPV4;
		if (may_be_ip(c))
			return unknown(w, 0);
		break;
	case 6:
		if (!cursor_has(c, 40) && c->left < c->wire)
			return lack(w, 40);
		if (may_be_ip(c))
			return bare ? unknown(w, 0) : STEP_IPV6;
		break;
	case 0:
		if (words && !bare) {
			cursor_skip(&w->c, CONTROL_WORD);
			return STEP_ETHERNET;
		}
		if (words)
			return unknown(w, 0);
		break;
	case 1: /* an associated channel */
		if (bare)
			break;
		switch (cursor_u16(c, 2)) {
		case 0x0021:
			return cursor_skip(&w->c, 4) ? STEP_IPV4 : lack(w, 4);
		case 0x0057:
			return cursor_skip(&w->c, 4) ? STEP_IPV6 : lack(w, 4);
		default:
			return no_ip(w, 0);
		}
	}
	return bare ? STEP_ETHERNET : unknown(w, 0);
}

enum step step_mpls(struct work *w)
{
	uint32_t entry = cursor_u32(&w->c, 0), label = entry >> 12;

	if (!cursor_skip(&w->c, 4))
		return lack(w, 4);
	if (label == LABEL_ENTROPY && !(entry & 0x100)) {
		entry = cursor_u32(&w->c, 0);
		if (!cursor_skip(&w->c, 4))
			return lack(w, 4);
	} else if (label == LABEL_EXTENSION) {
		return unknown(w, 0);
	} else if (label > LABEL_EXTENSION) {
		if (!tag(w, SEGMENT_MPLS, label))
			return STEP_DONE;
	} else if (label > LABEL_EXPLICIT_NULL_V6 && label < LABEL_GACH) {
		w->d->anomalies |= ANOMALY_RESERVED;
	}
	if (!(entry & 0x100))
		return STEP_MPLS;
	switch (label) {
	case LABEL_EXPLICIT_NULL_V4:
		return STEP_IPV4;
	case LABEL_EXPLICIT_NULL_V6:
		return STEP_IPV6;
	case LABEL_GACH:
		return no_ip(w, 0);
	case LABEL_OAM_ALERT:
		return unknown(w, 0);
	default:
		return below(w);
	}
}
