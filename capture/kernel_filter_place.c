/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/filter.h>
#include <pcap/pcap.h>
#include <string.h>

#include "capture/kernel_filter.h"

enum { ETHERNET = 14, ETHERTYPE_AT = 12 };

/* Whether an instruction loads from the frame, at k or at k beyond the index register. */
static bool loads(const struct sock_filter *s)
{
	switch (BPF_CLASS(s->code)) {
	case BPF_LD:
		return (BPF_MODE(s->code) == BPF_ABS && (int32_t)s->k >= 0) ||
		       BPF_MODE(s->code) == BPF_IND;
	case BPF_LDX:
		return BPF_MODE(s->code) == BPF_MSH;
	}
	return false;
}

size_t kernel_filter_place(const struct sock_filter *v, size_t n, int dlt,
			   struct sock_filter *to)
{
	const struct sock_filter tagged[KERNEL_FILTER_EXTRA] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
			 (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	memcpy(to, tagged, sizeof(tagged));
	to += sizeof(tagged) / sizeof(*tagged);
	memcpy(to, v, n * sizeof(*v));
	if (dlt != DLT_EN10MB)
		for (size_t i = 0; i < n; i++) {
			if (!loads(&to[i]))
				continue;
			if (to[i].k == ETHERTYPE_AT && BPF_MODE(to[i].code) == BPF_ABS)
				to[i].k = (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL);
			else
				to[i].k -= ETHERNET;
		}
	return n + sizeof(tagged) / sizeof(*tagged);
}
