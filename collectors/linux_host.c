/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host does with packets without any ruleset, told as rulesets whose rules stand where the
 * file says so: an interface that is down, forwarding switched off, the check of IPv4 sources,
 * ports of a bridge that don't talk to each other. They are incidental: a host that does only
 * this has no firewall.
 *
 * IPv4 forwarding is asked of the interface that a packet comes in by (ip_route_input_slow()),
 * IPv6 forwarding of all at once, or since Linux 6.17 by the interface's force_forwarding
 * (ip6_forward()). Martian destinations (127.0.0.0/8 and the like) are not modelled: docs/soundness.md.
 */
#include "collectors/linux_internal.h"

#include <limits.h>
#include <string.h>

#include "base/text.h"

struct rules {
	struct rule *v;
	size_t n, cap;
};

const char *linux_sysctl(struct linux_read *r, struct loc *ret_at, const char *fmt, ...)
{
	const json_t *data = json_object_get(r->parts[PART_SYSCTLS].v, "data");
	struct text t = { 0 };
	va_list ap;
	va_start(ap, fmt);
	text_vputf(&t, fmt, ap);
	va_end(ap);
	const char *ret = linux_str(data, t.s);
	if (ret_at)
		*ret_at = ret ? linux_member(r, data, t.s) : r->parts[PART_SYSCTLS].at;
	text_finish(&t);
	return ret;
}

/* A number, -1 where it isn't told. */
static int64_t number(const char *s)
{
	uint64_t n;
	return s && parse_number(s, strlen(s), 0, INT32_MAX, false, &n) ? (int64_t)n : -1;
}

static const struct match *iface(struct linux_read *r, enum field f, const struct linux_link *l)
{
	return match_iface(r->m, f, l->name, false);
}

static void add(struct rules *v, struct loc at, const struct match *m, enum verdict verdict,
		const char *note)
{
	*vec_add(v) = (struct rule){
		.at = at, .match = m, .verdict = (uint8_t)verdict, .note = note,
		.flags = RULE_GLUE
	};
}

/* Puts the rules to a hook, if there are any; frees them. */
static void bind(struct linux_read *r, struct rules *v, const char *name, enum hook_kind kind,
		 enum hook_layer layer, const char *port, enum verdict dflt, struct loc at)
{
	if (v->n || dflt != VERDICT_PERMIT) {
		struct ruleset *rs = device_build_ruleset(r->b, name, "host", at);
		rs->dflt = (uint8_t)dflt;
		rs->dflt_at = at;
		rs->incidental = true;
		device_build_rules(r->b, rs, v->v, v->n);
		/* answers are told by the same: no conversation is tracked here */
		device_build_hook(r->b, kind, kind == HOOK_IN ? INT_MAX : INT_MIN, port, rs, at);
		r->b->hooks.v[r->b->hooks.n - 1].layer = (uint8_t)layer;
	}
	vec_free(v);
}

static void links_down(struct linux_read *r)
{
	vec_each (lp, &r->links) {
		const struct linux_link *l = *lp;
		struct rules none = { 0 };
		if (l->up && l->running)
			continue;
		/* without a carrier it is a matter of somebody plugging it in */
		enum verdict v = l->up ? VERDICT_UNKNOWN : VERDICT_DENY;
		const char *name = arena_printf(r->arena, "link %s %s", l->name,
						l->up ? "without carrier" : "down");
		bind(r, &none, name, HOOK_IN, LAYER_LINK, l->name, v, l->at);
		device_build_hook(r->b, HOOK_OUT, INT_MAX, l->name,
				  r->b->hooks.v[r->b->hooks.n - 1].ruleset, l->at);
		r->b->hooks.v[r->b->hooks.n - 1].layer = LAYER_LINK;
	}
}

/* The interface whose settings count for packets that come in by it: its VRF (l3mdev_ip_rcv()). */
static const struct linux_link *settings_of(const struct linux_link *l)
{
	const struct linux_link *vrf = linux_vrf(l);
	return vrf ? vrf : l;
}

static void forwarding_v4(struct linux_read *r)
{
	struct matches *m = r->m;
	const struct match *v4 = match_family(m, FAMILY_V4);
	struct rules v = { 0 };
	struct loc at = r->parts[PART_SYSCTLS].at;
	vec_each (lp, &r->links) {
		const struct linux_link *l = *lp;
		int64_t on = number(linux_sysctl(r, &at, "net/ipv4/conf/%s/forwarding",
						settings_of(l)->name));
		const struct match *here = match_and(m, iface(r, FIELD_IIF, l), v4);
		if (!on)
			add(&v, at, here, VERDICT_DENY, "IPv4 forwarding is off");
		else if (on < 0)
			add(&v, l->at, here, VERDICT_UNKNOWN,
			    "whether it forwards IPv4 isn't told");
	}
	bind(r, &v, "ipv4 forwarding", HOOK_FORWARD, LAYER_IP, NULL, VERDICT_PERMIT, at);
}

static void forwarding_v6(struct linux_read *r)
{
	struct matches *m = r->m;
	const struct match *v6 = match_family(m, FAMILY_V6);
	struct rules v = { 0 };
	VEC(const struct match *) forced = { 0 };
	struct loc at;
	int64_t all = number(linux_sysctl(r, &at, "net/ipv6/conf/all/forwarding"));
	vec_each (lp, &r->links)
		if (number(linux_sysctl(r, NULL, "net/ipv6/conf/%s/force_forwarding",
					(*lp)->name)) > 0)
			*vec_add(&forced) = iface(r, FIELD_IIF, *lp);
	if (!all)
		add(&v, at,
		    match_and(m, v6, match_not(m, match_or_n(m, forced.v, forced.n))),
		    VERDICT_DENY, "IPv6 forwarding is off");
	else if (all < 0)
		add(&v, at, v6, VERDICT_UNKNOWN, "whether IPv6 is forwarded isn't told");
	vec_free(&forced);
	bind(r, &v, "ipv6 forwarding", HOOK_FORWARD, LAYER_IP, NULL, VERDICT_PERMIT, at);
}

/* IPv6 switched off on an interface: it takes none in and sends none out. */
static void disabled_v6(struct linux_read *r)
{
	const struct match *v6 = match_family(r->m, FAMILY_V6);
	struct rules in = { 0 }, out = { 0 };
	struct loc at = r->parts[PART_SYSCTLS].at;
	vec_each (lp, &r->links) {
		if (number(linux_sysctl(r, &at, "net/ipv6/conf/%s/disable_ipv6", (*lp)->name)) <= 0)
			continue;
		add(&in, at, match_and(r->m, v6, iface(r, FIELD_IIF, *lp)), VERDICT_DENY,
		    "IPv6 is disabled there");
		add(&out, at, match_and(r->m, v6, iface(r, FIELD_OIF, *lp)), VERDICT_DENY,
		    "IPv6 is disabled there");
	}
	bind(r, &in, "ipv6 disabled in", HOOK_IN, LAYER_IP, NULL, VERDICT_PERMIT, at);
	bind(r, &out, "ipv6 disabled out", HOOK_OUT, LAYER_IP, NULL, VERDICT_PERMIT, at);
}

static int64_t either(struct linux_read *r, const struct linux_link *l, const char *name)
{
	int64_t all = number(linux_sysctl(r, NULL, "net/ipv4/conf/all/%s", name));
	int64_t one = number(linux_sysctl(r, NULL, "net/ipv4/conf/%s/%s", settings_of(l)->name, name));
	return one > all ? one : all;
}

static const struct match *sources_in(struct linux_read *r, const struct linux_spans *v)
{
	return match_spans(r->m, FIELD_SRC, FAMILY_V4, v->v, v->n);
}

static void add_span(struct linux_spans *v, enum family f, uint64_t hi, uint64_t lo, unsigned len)
{
	*vec_add(v) = span_prefix(f, (struct addr){ hi, lo }, len);
}

/*
 * IPv4 sources that no interface takes in, whatever it checks (ip_route_input_slow()): 0.0.0.0,
 * loopback, multicast, and unless accept_local says otherwise the host's own addresses.
 */
static const struct match *martians(struct linux_read *r, const struct linux_link *l)
{
	struct linux_spans v = { 0 };
	add_span(&v, FAMILY_V4, 0, 0, 32);
	add_span(&v, FAMILY_V4, 0, 0xe0000000, 4);
	add_span(&v, FAMILY_V4, 0, UINT32_MAX, 32);
	if (either(r, l, "route_localnet") <= 0)
		add_span(&v, FAMILY_V4, 0, 0x7f000000, 8);
	const struct match *ret = sources_in(r, &v);
	if (either(r, l, "accept_local") <= 0 && r->local_first &&
	    !r->parts[PART_ROUTES].trouble && !r->parts[PART_RULES].trouble)
		ret = match_or(r->m, ret, sources_in(r, &r->local[FAMILY_V4]));
	vec_free(&v);
	return ret;
}

/* Nobody behind the interface has one of those, nor a broadcast address that is never let in. */
static void present(struct linux_read *r, const struct linux_link *port, bool checks)
{
	struct matches *m = r->m;
	struct linux_spans v = { 0 };
	struct port *p = &r->b->ports.v[port->port];
	const struct linux_link *l = linux_is_bridged(port) ? port->master : port;
	add_span(&v, FAMILY_V6, 0, 0, 127);			/* :: and ::1 */
	add_span(&v, FAMILY_V6, UINT64_C(0xff) << 56, 0, 8); /* multicast */
	const struct match *none =
		match_or(m, martians(r, l), match_spans(m, FIELD_SRC, FAMILY_V6, v.v, v.n));
	if (checks)
		none = match_or(m, none, sources_in(r, &r->broadcast[FAMILY_V4]));
	p->present = match_not(m, none);
	/* what is sent to the host's own addresses isn't passed on, but it is sent */
	p->present_dst = match_all(m);
	vec_free(&v);
}

/* The check of one interface, behind what every interface is spared. */
static void check_sources(struct linux_read *r, struct rules *v, const struct linux_link *l,
			  bool strict, struct loc at)
{
	struct matches *m = r->m;
	const struct match *here =
		match_and(m, iface(r, FIELD_IIF, l), match_family(m, FAMILY_V4));
	const struct match *ok = linux_sources(r, l, strict);
	const char *mode = strict ? "strict source check: it isn't reached by this interface"
				  : "loose source check: it isn't reached by any interface";
	if (either(r, l, "accept_local") > 0)
		ok = match_or(m, ok,
			      match_and(m, sources_in(r, &r->local[FAMILY_V4]),
					match_unknown(m, at, "accept_local: the host's own "
							     "address as a source")));
	add(v, at, match_and(m, here, ok), VERDICT_PERMIT, NULL);
	add(v, at, here, VERDICT_DENY, mode);
}

/* What every interface is spared. */
static void spare(struct linux_read *r, struct rules *v, struct loc at)
{
	struct matches *m = r->m;
	struct linux_spans all = { 0 };
	add_span(&all, FAMILY_V4, 0, 0xe0000000, 4);
	add_span(&all, FAMILY_V4, 0, UINT32_MAX, 32);
	/* who has no address yet asks all for one */
	add(v, at,
	    match_and(m, match_prefix(m, FIELD_SRC, FAMILY_V4, (struct addr){ 0, 0 }, 32),
		      match_spans(m, FIELD_DST, FAMILY_V4, all.v, all.n)),
	    VERDICT_PERMIT, NULL);
	/* a socket's own route spares the question */
	const struct match *to_socket[] = {
		match_spans(m, FIELD_DST, FAMILY_V4, r->local[FAMILY_V4].v,
			    r->local[FAMILY_V4].n),
		match_value(m, FIELD_STATE, STATE_ESTABLISHED),
		match_unknown(m, at, "a socket's own route"),
	};
	add(v, at, match_and_n(m, to_socket, 3), VERDICT_PERMIT, NULL);
	vec_free(&all);
}

static void rp_filter(struct linux_read *r)
{
	struct matches *m = r->m;
	struct rules v = { 0 };
	struct loc all_at, at;
	int64_t all = number(linux_sysctl(r, &all_at, "net/ipv4/conf/all/rp_filter"));
	spare(r, &v, all_at);
	vec_each (lp, &r->links) {
		const struct linux_link *l = linux_is_bridged(*lp) ? (*lp)->master : *lp;
		int64_t one = number(linux_sysctl(r, &at, "net/ipv4/conf/%s/rp_filter",
						  settings_of(l)->name));
		int64_t mode = one > all ? one : all;
		if (l->loopback)
			continue;
		present(r, *lp, mode > 0);
		if (l != *lp)
			continue; /* its frames are the bridge's */
		add(&v, l->at, match_and(m, iface(r, FIELD_IIF, l), martians(r, l)), VERDICT_DENY,
		    "nobody's address as a source");
		if (one < 0 || all < 0)
			add(&v, l->at,
			    match_and(m, iface(r, FIELD_IIF, l), match_family(m, FAMILY_V4)),
			    VERDICT_UNKNOWN, "its source check (rp_filter) isn't told");
		else if (mode > 0)
			check_sources(r, &v, l, mode == 1, one >= all ? at : all_at);
	}
	bind(r, &v, "ipv4 source check", HOOK_IN, LAYER_IP, NULL, VERDICT_PERMIT, all_at);
}

/* Ports of one bridge as a condition. */
static const struct match *ports(struct linux_read *r, enum field f, const struct linux_link *br,
				 bool (*want)(const struct linux_link *))
{
	VEC(const struct match *) v = { 0 };
	vec_each (lp, &r->links)
		if ((*lp)->master == br && (!want || want(*lp)))
			*vec_add(&v) = iface(r, f, *lp);
	const struct match *ret = match_or_n(r->m, v.v, v.n);
	vec_free(&v);
	return ret;
}

static bool is_isolated(const struct linux_link *l)
{
	return l->isolated;
}

static void isolated(struct linux_read *r, const struct linux_link *br)
{
	struct rules v = { 0 };
	struct loc at = br->at;
	vec_each (lp, &r->links)
		if ((*lp)->master == br && (*lp)->isolated)
			at = (*lp)->port_at;
	const struct match *m = match_and(r->m, ports(r, FIELD_IIF, br, is_isolated),
					  ports(r, FIELD_OIF, br, is_isolated));
	if (m->kind == MATCH_NONE)
		return;
	add(&v, at, m, VERDICT_DENY, "isolated ports don't talk to each other");
	bind(r, &v, arena_printf(r->arena, "bridge %s isolated ports", br->name), HOOK_FORWARD,
	     LAYER_BRIDGE, NULL, VERDICT_PERMIT, at);
}

static void blocked(struct linux_read *r)
{
	struct rules in = { 0 }, out = { 0 };
	struct loc at = r->parts[PART_BRIDGE].at;
	vec_each (lp, &r->links) {
		if (!(*lp)->blocked)
			continue;
		at = (*lp)->port_at;
		add(&in, at, iface(r, FIELD_IIF, *lp), VERDICT_DENY,
		    "the bridge's port isn't forwarding");
		add(&out, at, iface(r, FIELD_OIF, *lp), VERDICT_DENY,
		    "the bridge's port isn't forwarding");
	}
	bind(r, &in, "bridge ports blocked in", HOOK_IN, LAYER_BRIDGE, NULL, VERDICT_PERMIT, at);
	bind(r, &out, "bridge ports blocked out", HOOK_OUT, LAYER_BRIDGE, NULL, VERDICT_PERMIT, at);
}

static const struct linux_vlan *vlan_of(const struct linux_link *l, unsigned id)
{
	for (size_t i = 0; i < l->vlans.n; i++)
		if (l->vlans.v[i].id == id)
			return &l->vlans.v[i];
	return NULL;
}

struct ifaces {
	const struct match **v;
	size_t n, cap;
};

struct vlan_sets {
	struct ifaces in, plain, tagged; /* over FIELD_IIF, and twice FIELD_OIF */
};

static const struct match *any_of(struct linux_read *r, struct ifaces *v)
{
	const struct match *ret = match_or_n(r->m, v->v, v->n);
	vec_free(v);
	return ret;
}

/*
 * A bridge that looks at VLANs. Zones are behind ports without tags: a frame takes on the VLAN
 * of its port (pvid), and leaves by a port that has this VLAN without a tag. One that leaves
 * with a tag is another segment's.
 */
static void vlans(struct linux_read *r, const struct linux_link *br)
{
	struct matches *m = r->m;
	struct map ids = { 0 };
	vec_each (lp, &r->links) {
		const struct linux_link *l = *lp;
		for (size_t i = 0; l->master == br && i < l->vlans.n; i++) {
			const struct linux_vlan *x = &l->vlans.v[i];
			void **slot =
				map_atn(&ids, (const char *)&x->id, sizeof(x->id));
			struct vlan_sets *s = *slot;
			if (!s)
				s = *slot = arena_alloc(r->arena, sizeof(*s));
			if (x->pvid)
				*vec_add(&s->in) = iface(r, FIELD_IIF, l);
			*vec_add(x->untagged ? &s->plain : &s->tagged) = iface(r, FIELD_OIF, l);
		}
	}
	struct rules v = { 0 }, to = { 0 }, from = { 0 };
	static const char tag[] = "it leaves with a VLAN tag: another segment";
	static const char own[] = "the bridge's own VLANs: bind the VLAN's interface";
	for (size_t i = 0; i < ids.n; i++) {
		struct vlan_sets *s = ids.entries[i].value;
		unsigned id;
		memcpy(&id, ids.entries[i].key, sizeof(id));
		const struct linux_vlan *self = vlan_of(br, id);
		const struct match *in = any_of(r, &s->in), *plain = any_of(r, &s->plain);
		add(&v, br->at, match_and(m, in, plain), VERDICT_PERMIT, NULL);
		add(&v, br->at, match_and(m, in, any_of(r, &s->tagged)), VERDICT_UNKNOWN, tag);
		if (self && self->untagged)
			add(&to, br->at, in, VERDICT_PERMIT, NULL);
		if (self && self->pvid)
			add(&from, br->at, plain, VERDICT_PERMIT, NULL);
	}
	add(&v, br->at, ports(r, FIELD_IIF, br, NULL), VERDICT_DENY, "not of the port's VLAN");
	add(&to, br->at, ports(r, FIELD_IIF, br, NULL), VERDICT_UNKNOWN, own);
	add(&from, br->at, ports(r, FIELD_OIF, br, NULL), VERDICT_UNKNOWN, own);
	map_finish(&ids);
	bind(r, &v, arena_printf(r->arena, "bridge %s vlans", br->name), HOOK_FORWARD,
	     LAYER_BRIDGE, NULL, VERDICT_PERMIT, br->at);
	bind(r, &to, arena_printf(r->arena, "bridge %s vlans in", br->name), HOOK_LOCAL_IN,
	     LAYER_BRIDGE, NULL, VERDICT_PERMIT, br->at);
	bind(r, &from, arena_printf(r->arena, "bridge %s vlans out", br->name), HOOK_LOCAL_OUT,
	     LAYER_BRIDGE, NULL, VERDICT_PERMIT, br->at);
}

/* Whether all bridges show their frames to the IP hooks: for all by sysctl, or each. */
static enum nf_fact bridged(struct linux_read *r, enum family f)
{
	size_t yes = 0, no = 0;
	const char *all = linux_sysctl(r, NULL, "net/bridge/bridge-nf-call-%s",
				       f == FAMILY_V4 ? "iptables" : "ip6tables");
	if (r->parts[PART_SYSCTLS].trouble || r->parts[PART_LINKS].trouble)
		return NF_OPEN;
	if (!all)
		return NF_NO; /* br_netfilter isn't there */
	if (number(all) != 0)
		return number(all) > 0 ? NF_YES : NF_OPEN;
	vec_each (lp, &r->links)
		if (linux_is_bridge(*lp))
			(*lp)->calls[f] ? yes++ : no++;
	return !yes ? NF_NO : !no ? NF_YES : NF_OPEN;
}

void linux_facts(struct linux_read *r)
{
	static const char *const tunnels[] = { "vxlan",	   "gre",     "gretap",	  "ip6gre",
					       "ip6gretap", "erspan", "ip6erspan", "ipip",
					       "sit",	   "ip6tnl",  "vti",	  "vti6",
					       "geneve",   "wireguard", "xfrm",	  "bareudp",
					       "gtp",	   "ipvlan",  "macvlan" };
	struct nf_host *h = &r->host;
	h->addressed = !r->parts[PART_ROUTES].trouble;
	for (int f = 0; f < FAMILY_COUNT; f++) {
		struct linux_spans *l = &r->local[f], *b = &r->broadcast[f];
		h->local[f].n = l->n ? spans_normalise(l->v, l->n) : 0;
		h->broadcast[f].n = b->n ? spans_normalise(b->v, b->n) : 0;
		h->local[f].v = arena_copy(r->arena, l->v, h->local[f].n * sizeof(*l->v));
		h->broadcast[f].v = arena_copy(r->arena, b->v, h->broadcast[f].n * sizeof(*b->v));
		l->n = h->local[f].n;
		h->bridged[f] = bridged(r, (enum family)f);
	}
	struct ifaces wrapped = { 0 };
	vec_each (lp, &r->links) {
		h->bridges |= linux_is_bridge(*lp);
		bool tunnel = (*lp)->looped;
		for (size_t i = 0; i < sizeof(tunnels) / sizeof(*tunnels); i++)
			tunnel |= !strcmp(tunnels[i], (*lp)->kind);
		if (tunnel)
			*vec_add(&wrapped) = iface(r, FIELD_IIF, *lp);
	}
	h->unwrapped = wrapped.n ? any_of(r, &wrapped) : NULL;
}

void linux_host(struct linux_read *r)
{
	const json_t *data = linux_data(r, PART_SYSCTLS, JSON_OBJECT);
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)data, key, value)
		account_add(r->c->snap, r->acc,
			    json_is_string(value) ? ACCOUNT_EXACT : ACCOUNT_REJECTED, false,
			    linux_member(r, data, key), "a sysctl that isn't text");
	links_down(r);
	forwarding_v4(r);
	forwarding_v6(r);
	disabled_v6(r);
	rp_filter(r);
	blocked(r);
	vec_each (lp, &r->links) {
		if (!linux_is_bridge(*lp))
			continue;
		isolated(r, *lp);
		if ((*lp)->vlan_filtering)
			vlans(r, *lp);
	}
}
