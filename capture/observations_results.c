/* SPDX-License-Identifier: Apache-2.0 */
/* What was seen, told as findings: grouped, each with its packet and who should have stopped
 * it. */
#include <string.h>

#include "capture/observations_internal.h"
#include "diff/run.h"

static const struct kind {
	const char *check;
	uint8_t severity;
	const char *title, *message;
} kinds[OBSERVED_COUNT] = {
	[OBSERVED_SPOOFED] = { "observed.spoofed", SEVERITY_CRITICAL,
			       "Packets of others on a tenant's segment",
			       "Neither end is the segment's own: an address is forged, or "
			       "segments are joined. Find the port that lets them in." },
	[OBSERVED_CROSS_TALK] = { "observed.cross-talk", SEVERITY_CRITICAL,
				  "Packets cross from one tenant to another",
				  "No flow of the policy allows this. Find what let them "
				  "through, beginning with the rule that is named first." },
	[OBSERVED_NOT_IN_MODEL] = { "observed.not-in-model", SEVERITY_HIGH,
				    "Packets that every ruleset denies are here",
				    "What was read of the devices is out of date, or the "
				    "packets go round the rules named here. Collect the "
				    "devices again; then look for another way." },
	[OBSERVED_OPAQUE] = { "observed.opaque", SEVERITY_HIGH,
			      "What passes between tenants can't be seen",
			      "Declare the protocol between the two, or stop it." },
	[OBSERVED_UNDECLARED] = { "observed.undeclared", SEVERITY_MEDIUM,
				  "Undeclared packets are here",
				  "Declare the flow if it is wanted, or close the rule that "
				  "lets them through." },
};

static uint8_t severity_of(const struct judgement *g)
{
	const struct zone *from = g->parties.from.zone;
	if (g->observed == OBSERVED_UNDECLARED && from && from->external)
		return SEVERITY_HIGH;
	if (g->observed == OBSERVED_OPAQUE && g->across && !g->flow)
		return SEVERITY_CRITICAL;
	return kinds[g->observed].severity;
}

/* Where to act: the planes that let through what they should not. */
static const char *plane_of(const struct judgement *g)
{
	bool physical = g->plane[PLANE_PHYSICAL] != 3, virtual = g->plane[PLANE_VIRTUAL] != 3;
	if (g->pair == JUDGE_NO_PAIR || (!physical && !virtual))
		return "observed";
	/* of what nobody should let through, who surely denies it is gone round */
	if (g->observed == OBSERVED_NOT_IN_MODEL) {
		physical &= !g->plane[PLANE_PHYSICAL];
		virtual &= !g->plane[PLANE_VIRTUAL];
	}
	return physical && virtual ? "both"
	       : physical	   ? "physical"
	       : virtual	   ? "virtual"
				   : "both";
}

static const char *model_text(struct arena *a, struct judge *j, const struct judgement *g)
{
	static const char *const words[] = { "denies it", "may permit it", "permits it" };
	const char *s = NULL;
	if (g->pair == JUDGE_NO_PAIR || g->observed == OBSERVED_SPOOFED)
		return NULL;
	for (int i = 0; i < PLANE_COUNT; i++)
		if (g->plane[i] != 3)
			s = arena_printf(a, "%s%sthe %s plane %s", s ? s : "", s ? "; " : "",
					 i == PLANE_PHYSICAL ? "physical" : "virtual",
					 words[g->plane[i]]);
	s = s ? s : "no ruleset is on the way";
	const char *who = judge_strangers(j, a, g);
	return who ? arena_printf(a, "%s; %s", s, who) : s;
}

static void put_service(struct text *t, const struct judgement *g)
{
	const struct packet *p = &g->packet;
	const char *name = proto_name(p->proto);
	if (name)
		for (const char *s = name; *s; s++)
			text_putc(t, *s >= 'a' && *s <= 'z' ? (char)(*s - 32) : *s);
	else
		text_putf(t, "IP protocol %u", p->proto);
	if (g->portless) {
		text_put(t, " without ports");
	} else if (packet_has_ports(p)) {
		const char *service = service_name(p->proto, p->dport);
		text_putf(t, " port %u", p->dport);
		if (service)
			text_putf(t, " (%s)", service);
	} else if (packet_has_icmp(p)) {
		text_putf(t, " type %u", p->icmp_type);
	}
}

static const char *zone_name(const struct party *p)
{
	return p->zone ? p->zone->name : NULL;
}

static const char *title_of(struct arena *a, const struct group *g)
{
	struct text t = { 0 };
	const struct judgement *j = &g->first;
	text_putf(&t, "%s%s", j->certainty == POSSIBLE ? "Possibly: " : "",
		  kinds[j->observed].title);
	if (g->rest) {
		text_put(&t, ", in more ways than are told apart: ");
	} else {
		if (zone_name(&j->parties.from) && zone_name(&j->parties.to))
			text_putf(&t, ", from %s to %s", zone_name(&j->parties.from),
				  zone_name(&j->parties.to));
		text_put(&t, ": ");
	}
	put_service(&t, j);
	text_putc(&t, '.');
	const char *s = arena_str(a, t.s);
	text_finish(&t);
	return s;
}

static const char *talk_text(struct arena *a, const struct judgement *j, const struct talk *k)
{
	struct text t = { 0 };
	addr_print(&t, (enum family)k->packet.family, k->packet.src);
	text_put(&t, " to ");
	addr_print(&t, (enum family)k->packet.family, k->packet.dst);
	text_put(&t, ", ");
	struct judgement one = *j;
	one.packet = k->packet;
	put_service(&t, &one);
	text_putf(&t, ": %llu flow%s", (unsigned long long)k->flows, k->flows == 1 ? "" : "s");
	const char *s = arena_str(a, t.s);
	text_finish(&t);
	return s;
}

static void put_talks(struct arena *a, const struct group *g, struct finding *f)
{
	const char **v = arena_array(a, g->n_talks, sizeof(*v));
	for (size_t i = 0; i < g->n_talks; i++)
		v[i] = talk_text(a, &g->first, &g->talks[i]);
	f->traffic = v;
	f->n_traffic = g->n_talks;
	f->traffic_left = g->talks_left;
}

static const char *segment_text(struct arena *a, const struct flow_record *r)
{
	struct text t = { 0 };
	segments_print(&t, r->segments, r->n_segments);
	const char *s = t.s && *t.s ? arena_str(a, t.s) : NULL;
	text_finish(&t);
	return s;
}

static const struct sighting *sighting_of(struct arena *a, struct judge *j,
					  const struct group *g)
{
	struct sighting s = {
		.where = arena_str(a, g->where),
		.number = g->record.number,
		.first = g->from,
		.last = g->until,
		.flows = g->flows,
		.answered = g->answered,
		.packets = g->packets,
		.bytes = g->bytes,
		.segment = segment_text(a, &g->record),
		.why = g->first.why,
		.model = model_text(a, j, &g->first),
		.n_excerpts = g->excerpts.n,
	};
	struct excerpt *v = arena_copy(a, g->excerpts.v, g->excerpts.n * sizeof(*v));
	for (size_t i = 0; i < g->excerpts.n; i++)
		v[i].bytes = arena_copy(a, v[i].bytes, v[i].caplen);
	s.excerpts = v;
	return arena_copy(a, &s, sizeof(s));
}

static const char *salt_of(struct arena *a, const struct group *g)
{
	const struct judgement *j = &g->first;
	return arena_printf(a, "%u/%u/%s/%s/%u/%u/%u/%s", j->packet.proto,
			    packet_has_icmp(&j->packet) ? j->packet.icmp_type : j->packet.dport,
			    g->record.n_segments ? segment_text(a, &g->record) : "",
			    g->rest ? "rest" : "", j->certainty, j->tunnel, j->portless,
			    j->excepted.exception ? j->excepted.exception->id : "");
}

static void tell(struct observations *o, const struct group *g, struct results *res)
{
	struct arena *a = res->arena;
	const struct judgement *j = &g->first;
	const struct parties *ps = &j->parties;
	struct finding *f = vec_add(&res->findings);
	f->check = kinds[j->observed].check;
	f->severity = severity_of(j);
	f->certainty = j->certainty;
	f->from = zone_name(&ps->from);
	f->to = zone_name(&ps->to);
	f->from_tenant = ps->from.tenant ? ps->from.tenant->name : NULL;
	f->to_tenant = ps->to.tenant ? ps->to.tenant->name : NULL;
	f->plane = plane_of(j);
	f->title = title_of(a, g);
	f->message = kinds[j->observed].message;
	f->witness = j->packet;
	f->has_witness = g->record.has_ip || j->tunnel;
	f->excepted = j->excepted;
	judge_evidence(o->judge, a, j, f);
	put_talks(a, g, f);
	f->seen = sighting_of(a, o->judge, g);
	f->fingerprint = "";
	finish_finding(res, o->policy, f, salt_of(a, g));
	o->possible +=
		j->certainty == POSSIBLE && !(j->excepted.exception && !j->excepted.expired);
}

void observations_results(struct observations *o, struct results *res)
{
	o->possible = 0;
	vec_each (g, &o->groups)
		tell(o, g, res);
}

void observations_news(struct observations *o, struct results *res)
{
	for (; o->told < o->groups.n; o->told++)
		tell(o, &o->groups.v[o->told], res);
}
