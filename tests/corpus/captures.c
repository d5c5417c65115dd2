/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads captures and prints the flows in them, for captures.py to hold against what others say
 * of the same files:
 *
 *	file NAME read|cut|refused|link PACKETS WHY
 *	flow NUMBER V4|V6|- PROTO SRC SPORT DST DPORT TYPE CODE SEGMENTS TUNNELS OPAQUE
 *ETHERTYPE FRAGMENTS ANOMALIES THERE BACK
 *
 * by tabs; further lines of a flow's number add to its counts. Fails where a packet that was
 * read isn't in exactly one flow.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "capture/flows.h"

static uint64_t counted;

static void print_record(void *user, const struct flow_record *r, const void *more, size_t n)
{
	const struct packet *p = &r->packet;
	struct text t = { 0 };

	(void)user, (void)more, (void)n;
	if (r->kind != RECORD_FIRST && r->kind != RECORD_MORE && r->kind != RECORD_LAST)
		return;
	if (!flow_record_valid(r)) {
		fprintf(stderr, "a record that isn't valid\n");
		exit(1);
	}
	counted += r->packets[0] + r->packets[1];
	text_putf(&t, "flow\t%" PRIu64 "\t%s\t%u\t", r->flow,
		  !r->has_ip		   ? "-"
		  : p->family == FAMILY_V4 ? "V4"
					   : "V6",
		  p->proto);
	addr_print(&t, p->family, p->src);
	text_putf(&t, "\t%u\t", p->sport);
	addr_print(&t, p->family, p->dst);
	text_putf(&t, "\t%u\t%u\t%u\t", p->dport, p->icmp_type, p->icmp_code);
	segments_print(&t, r->segments, r->n_segments);
	text_putc(&t, '\t');
	for (unsigned i = 0; i < r->n_tunnels; i++) {
		const struct tunnel_end *e = &r->tunnels[i];

		text_put(&t, i ? " " : "");
		addr_print(&t, e->family, e->src);
		text_putc(&t, '>');
		addr_print(&t, e->family, e->dst);
		text_putf(&t, ">%u>%u", e->proto, e->dport);
	}
	text_putf(&t, "\t%s\t%04x\t%u\t", opaque_name((enum opaque)r->opaque), r->ethertype,
		  r->fragments || p->fragment);
	for (unsigned bit = 1; bit <= ANOMALY_OVERLAP; bit <<= 1)
		if (r->anomalies & bit)
			text_putf(&t, "%s ", anomaly_name((enum anomaly)bit));
	text_putf(&t, "\t%" PRIu64 "\t%" PRIu64, r->packets[0], r->packets[1]);
	puts(t.s);
	text_finish(&t);
}

static void read_file(const char *name)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p =
		pcap_open_offline_with_tstamp_precision(name, PCAP_TSTAMP_PRECISION_NANO, why);
	struct pcap_pkthdr *h;
	const u_char *bytes;
	uint64_t n = 0;
	int got;

	if (!p) {
		printf("file\t%s\trefused\t0\t%s\n", name, why);
		return;
	}
	if (!decode_link_known(pcap_datalink(p))) {
		const char *link = pcap_datalink_val_to_name(pcap_datalink(p));

		printf("file\t%s\tlink\t0\t%s\n", name, link ? link : "a number without name");
		pcap_close(p);
		return;
	}
	struct flows *f = flows_create(65536, 0, print_record, NULL);
	counted = 0;
	while ((got = pcap_next_ex(p, &h, &bytes)) == 1) {
		/* Memory that ends with the packet, so that a byte read behind it is seen. */
		uint8_t *copy = xmalloc(h->caplen ? h->caplen : 1);
		struct decoded d;

		memcpy(copy, bytes, h->caplen);
		decode(pcap_datalink(p), copy, h->caplen, h->len, &d);
		flows_add(f, &d, 0, 0, ++n, (int64_t)h->ts.tv_sec * 1000000000 + h->ts.tv_usec,
			  copy, h->caplen);
		free(copy);
	}
	flows_flush(f, true);
	flows_destroy(f);
	printf("file\t%s\t%s\t%" PRIu64 "\t%s\n", name, got == PCAP_ERROR ? "cut" : "read", n,
	       got == PCAP_ERROR ? pcap_geterr(p) : "");
	pcap_close(p);
	if (counted != n) {
		fprintf(stderr, "%s: %" PRIu64 " packets, %" PRIu64 " in flows\n", name, n,
			counted);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		read_file(argv[i]);
	return argc < 2;
}
