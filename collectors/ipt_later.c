/* SPDX-License-Identifier: Apache-2.0 */
/* Until iptables' text is read: a host with rules of iptables is inconclusive. */
#include "collectors/collector.h"
#include "collectors/ipt.h"

__attribute__((weak)) void ipt_glance(const struct ipt_text *v, size_t n,
				      struct ipt_glance *ret)
{
	for (size_t i = 0; i < n; i++)
		for (int f = 0; f < FAMILY_COUNT; f++)
			ret->tracks[f] = ret->marks[f] = ret->nats[f] = v[i].kind == IPT_RULES;
}

__attribute__((weak)) int ipt_read_texts(struct collect *c, struct device_build *b,
					 const struct nf_host *h, const struct ipt_text *v,
					 size_t n)
{
	(void)h;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < v[i].n; k++)
			account_add(c->snap, v[i].acc, ACCOUNT_REJECTED, true, v[i].v[k].at,
				    "iptables is not read yet");
		device_build_taint(b, NULL, v[i].at, "iptables is not read yet");
	}
	return 0;
}
