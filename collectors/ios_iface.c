/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces: their names, addresses, VRF and VLAN, the lists bound to them, and what else on
 * them may drop a packet. A line that is in none of the tables below taints the interface.
 */
#include "collectors/ios_internal.h"

#include <ctype.h>
#include <strings.h>

#define EACH_CURRENT(f)                                                                        \
	for (size_t f##_i = 0; f##_i < x->current.n; f##_i++)                                  \
		for (struct iface *f = &x->ifaces.v[x->current.v[f##_i]]; f; f = NULL)

static void put_narrow(struct ios *x, struct iface *f, struct narrow n)
{
	if (f->narrows.n < IOS_NARROWS_MAX)
		*vec_add(&f->narrows) = n;
	else
		device_build_taint(x->b, f->name, n.at, "%s", n.why);
}

/* Something here may drop packets, in a way that we can't judge. */
static void add_narrow(struct ios *x, const struct toks *w, const char *why, bool out, bool v4)
{
	EACH_CURRENT (f)
		put_narrow(
			x, f,
			(struct narrow){
				.why = why, .out = out, .v4_only = v4, .at = tok_line(x, w) });
	ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "%s", why);
}

static void taint_current(struct ios *x, const struct toks *w, const char *why)
{
	EACH_CURRENT (f)
		device_build_taint(x->b, f->name, tok_line(x, w), "%s", why);
}

static void bad_address(struct ios *x, const struct toks *w, unsigned i, const char *why)
{
	ios_reject(x, w, "ios.bad-address", tok_loc(x, w, i), "%s", why);
	taint_current(x, w, "an address that is not understood");
}

static void put_address(struct ios *x, const struct toks *w, struct ios_addr a)
{
	EACH_CURRENT (f) {
		if (f->addrs.n >= IOS_ADDRS_MAX) {
			bad_address(x, w, 0, "too many addresses");
			return;
		}
		/* The second primary address replaces the first. */
		for (size_t k = 0; !a.secondary && a.family == FAMILY_V4 && k < f->addrs.n; k++)
			if (f->addrs.v[k].family == FAMILY_V4 && !f->addrs.v[k].secondary) {
				memmove(&f->addrs.v[k], &f->addrs.v[k + 1],
					(f->addrs.n - k - 1) * sizeof(*f->addrs.v));
				f->addrs.n--;
				break;
			}
		*vec_add(&f->addrs) = a;
	}
	ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
}

static bool v4_at(const struct toks *w, unsigned i, struct addr *ret)
{
	enum family f;
	return i < w->n && addr_parse(w->v[i].s, w->v[i].len, &f, ret) && f == FAMILY_V4;
}

static void ip_address(struct ios *x, const struct toks *w, unsigned i)
{
	struct ios_addr a = { .family = FAMILY_V4 };
	struct addr mask;
	enum family f;
	bool host_bits;
	if (tok_is(w, i, "virtual"))
		i++;
	if (tok_is(w, i, "dhcp") || tok_is(w, i, "negotiated") || tok_is(w, i, "pool") ||
	    tok_is(w, i, "slarp")) {
		EACH_CURRENT (it)
			it->open_v4 = true;
		ios_learned(x, w, "an address that is given later");
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "an address that is given later");
		return;
	}
	if (i < w->n && memchr(w->v[i].s, '/', w->v[i].len)) {
		if (!prefix_parse(w->v[i].s, w->v[i].len, &f, &a.addr, &a.len, &host_bits) ||
		    f != FAMILY_V4) {
			bad_address(x, w, i, "not an address with a prefix length");
			return;
		}
		i++;
	} else {
		if (!v4_at(w, i, &a.addr) || !v4_at(w, i + 1, &mask) ||
		    addr_mask_len(FAMILY_V4, mask) < 0) {
			bad_address(x, w, i, "not an address with a netmask");
			return;
		}
		a.len = (unsigned)addr_mask_len(FAMILY_V4, mask);
		i += 2;
	}
	a.secondary = tok_is(w, i, "secondary");
	put_address(x, w, a);
}

static void ipv6_address(struct ios *x, const struct toks *w, unsigned i)
{
	struct ios_addr a = { .family = FAMILY_V6, .len = 128 };
	enum family f;
	bool host_bits;
	if (tok_is(w, i, "autoconfig") || tok_is(w, i, "dhcp") ||
	    tok_is(w, i, "use-link-local-only")) {
		ios_learned(x, w, "an address that is given later");
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "an address that is given later");
		return;
	}
	if (i >= w->n ||
	    !prefix_parse(w->v[i].s, w->v[i].len, &f, &a.addr, &a.len, &host_bits) ||
	    f != FAMILY_V6) {
		if (w->n == i + 2) { /* a general prefix and the rest */
			ios_learned(x, w, "an address under a general prefix");
			ios_mark(x, w->line, ACCOUNT_BOUNDED, true,
				 "an address under a general prefix");
			return;
		}
		bad_address(x, w, i, "not an IPv6 address with a prefix length");
		return;
	}
	if (tok_is(w, i + 1, "link-local"))
		a.len = 64;
	put_address(x, w, a);
}

static void virtual_address(struct ios *x, const struct toks *w, unsigned i)
{
	struct ios_addr a = { 0 };
	enum family f;
	unsigned len;
	bool host_bits;
	if (i >= w->n || tok_is(w, i, "autoconfig")) { /* learnt from the others */
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "a virtual address that is learnt");
		return;
	}
	if (!prefix_parse(w->v[i].s, w->v[i].len, &f, &a.addr, &len, &host_bits)) {
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true,
			 "a virtual address that is not read");
		return;
	}
	a.family = f;
	a.len = addr_bits(f);
	EACH_CURRENT (it) {
		if (it->virtuals.n >= IOS_ADDRS_MAX) {
			bad_address(x, w, 0, "too many addresses");
			return;
		}
		*vec_add(&it->virtuals) = a;
	}
	ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
}

static void set_vrf(struct ios *x, const struct toks *w, unsigned i)
{
	if (i >= w->n) {
		ios_reject(x, w, "ios.bad-line", tok_line(x, w),
			   "the name of a VRF is missing");
		taint_current(x, w, "a VRF that is not understood");
		return;
	}
	const char *vrf = tok_str(x, w, i);
	EACH_CURRENT (f) {
		if (f->addrs.n)
			diag_warning(x->d, "ios.vrf-clears-addresses", tok_line(x, w),
				     "the addresses given to %s before go away with its VRF",
				     f->name);
		f->addrs.n = 0;
		f->vrf = vrf;
	}
	ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
}

static void bind(struct ios *x, const struct toks *w, unsigned i, enum bind_what what,
		 bool port_acl)
{
	/* IOS-XE: `ip access-group common C NAME in`: C goes first */
	bool common = tok_is(w, i, "common") && w->n >= i + 4;
	if (common)
		i++;
	if (w->n < i + 2 || !(tok_is(w, w->n - 1, "in") || tok_is(w, w->n - 1, "out"))) {
		ios_reject(x, w, "ios.bad-binding", tok_line(x, w),
			   "a list and `in` or `out` are expected");
		taint_current(x, w, "a list bound in a way that is not understood");
		return;
	}
	bool out = tok_is(w, w->n - 1, "out");
	unsigned last = common ? i + 2 : i + 1;
	if (w->n > last + 1) {
		ios_reject(x, w, "ios.bad-binding", tok_loc(x, w, i + 1),
			   "a list and `in` or `out` are expected");
		taint_current(x, w, "a list bound in a way that is not understood");
		return;
	}
	if (what == BIND_MAC) {
		add_narrow(x, w, "a MAC list is bound here", out, false);
		return;
	}
	const char *names[2] = { tok_str(x, w, i), common ? tok_str(x, w, i + 1) : "" };
	EACH_CURRENT (f) {
		size_t keep = 0; /* a later line replaces an earlier one */
		for (size_t k = 0; k < f->binds.n; k++)
			if (f->binds.v[k].what != what || f->binds.v[k].out != out ||
			    f->binds.v[k].port_acl != port_acl)
				f->binds.v[keep++] = f->binds.v[k];
		f->binds.n = keep;
		for (unsigned k = i; k < last; k++)
			*vec_add(&f->binds) = (struct bind){ .what = what,
							     .out = out,
							     .port_acl = port_acl,
							     .name = names[k - i],
							     .at = tok_loc(x, w, k) };
	}
	for (unsigned k = i; k < last; k++)
		ios_use(x, "access list", tok_str(x, w, k), tok_loc(x, w, k));
	ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
}

static void unbind(struct ios *x, const struct toks *w, enum bind_what what)
{
	bool in = tok_is(w, w->n - 1, "in"), out = tok_is(w, w->n - 1, "out");
	EACH_CURRENT (f) {
		size_t keep = 0;
		for (size_t k = 0; k < f->binds.n; k++) {
			const struct bind *b = &f->binds.v[k];
			if (b->what != what || (in && b->out) || (out && !b->out))
				f->binds.v[keep++] = *b;
		}
		f->binds.n = keep;
	}
	ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
}

/* Lines that only `no` begins; what isn't handled takes something away that never filtered. */
static bool no_line(struct ios *x, const struct toks *w)
{
	if (tok_is(w, 1, "shutdown")) {
		EACH_CURRENT (f)
			f->shutdown = false, f->no_shutdown = true;
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
	} else if (tok_is(w, 1, "switchport") && w->n == 2) {
		EACH_CURRENT (f)
			f->no_switchport = true, f->switchport = false;
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
	} else if (toks_are(w, 1, "ip address")) {
		EACH_CURRENT (f) {
			size_t keep = 0;
			for (size_t k = 0; k < f->addrs.n; k++)
				if (f->addrs.v[k].family != FAMILY_V4)
					f->addrs.v[keep++] = f->addrs.v[k];
			if (w->n == 3)
				f->addrs.n = keep;
			else if (keep < f->addrs.n)
				device_build_taint(x->b, f->name, tok_line(x, w),
						   "one address is taken away");
		}
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
	} else if (toks_are(w, 1, "ip access-group") ||
		   toks_are(w, 1, "ip port access-group")) {
		unbind(x, w, BIND_V4);
	} else if (toks_are(w, 1, "ipv6 traffic-filter") ||
		   toks_are(w, 1, "ipv6 access-group")) {
		unbind(x, w, BIND_V6);
	} else {
		static const char *const takes[] = { "ip nat",	    "ip inspect",
						     "zone-member", "mac access-group",
						     "crypto map",  "ipv6 address",
						     "ip verify",   "service-policy" };
		/* Undoing what stands above: rare, and it could open what we hold shut. */
		for (size_t k = 0; k < sizeof(takes) / sizeof(*takes); k++)
			if (toks_are(w, 1, takes[k]))
				EACH_CURRENT (f)
					if (f->narrows.n || f->crypto_map || f->nat_inside ||
					    f->nat_outside || f->addrs.n > 1)
						device_build_taint(x->b, f->name,
								   tok_line(x, w),
								   "something is taken away");
		ios_irrelevant(x, w);
	}
	return true;
}

static bool verify(struct ios *x, const struct toks *w, enum family f)
{
	if (tok_is(w, 2, "unicast")) {
		struct narrow n = { .why = "unicast reverse path check",
				    .v4_only = f == FAMILY_V4,
				    .at = tok_line(x, w) };
		if (f == FAMILY_V4 && toks_are(w, 3, "source reachable-via") &&
		    (tok_is(w, 5, "rx") || tok_is(w, 5, "any"))) {
			n.urpf = true;
			n.loose = tok_is(w, 5, "any");
			for (unsigned i = 6; i < w->n; i++) {
				if (tok_is(w, i, "allow-default"))
					n.allow_default = true;
				else if (!tok_is(w, i, "allow-self-ping"))
					n.list = tok_str(x, w, i);
			}
		}
		EACH_CURRENT (it)
			put_narrow(x, it, n);
		ios_note_uses(x, w);
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "unicast reverse path check");
		return true;
	}
	add_narrow(x, w, "source guard", false, f == FAMILY_V4);
	return true;
}

static bool ip_line(struct ios *x, const struct toks *w, enum family f)
{
	enum bind_what what = f == FAMILY_V4 ? BIND_V4 : BIND_V6;
	if (tok_is(w, 1, "address")) {
		if (f == FAMILY_V4)
			ip_address(x, w, 2);
		else
			ipv6_address(x, w, 2);
	} else if (tok_is(w, 1, "access-group") || tok_is(w, 1, "traffic-filter")) {
		bind(x, w, 2, what, false);
	} else if (toks_are(w, 1, "port access-group") ||
		   toks_are(w, 1, "port traffic-filter")) {
		bind(x, w, 3, what, true);
	} else if (toks_are(w, 1, "vrf forwarding") || toks_are(w, 1, "vrf sitemap")) {
		set_vrf(x, w, 3);
	} else if (toks_are(w, 1, "nat inside") && w->n == 3) {
		EACH_CURRENT (it)
			it->nat_inside = true;
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
	} else if (toks_are(w, 1, "nat outside") && w->n == 3) {
		EACH_CURRENT (it)
			it->nat_outside = true;
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
	} else if (tok_is(w, 1, "nat")) { /* EOS, and NVI's `ip nat enable` */
		EACH_CURRENT (it)
			*vec_add(&x->nats) = (struct nat_line){ w->line, it->name };
		ios_note_uses(x, w);
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "address translation");
	} else if (tok_is(w, 1, "inspect")) {
		taint_current(x, w, "ip inspect opens the way back and may drop");
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "ip inspect");
	} else if (tok_is(w, 1, "verify")) {
		return verify(x, w, f);
	} else if (tok_is(w, 1, "unnumbered")) {
		EACH_CURRENT (it)
			it->unnumbered = tok_str(x, w, 2);
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "the address of another interface");
	} else if (tok_is(w, 1, "ips") || tok_is(w, 1, "audit") || tok_is(w, 1, "admission") ||
		   tok_is(w, 1, "auth-proxy")) {
		add_narrow(x, w, "an inspection that may drop", tok_is(w, w->n - 1, "out"),
			   f == FAMILY_V4);
	} else if (toks_are(w, 1, "virtual-router address")) {
		virtual_address(x, w, 3);
	} else if (toks_are(w, 1, "policy route-map") && w->n > 3) {
		EACH_CURRENT (it) {
			it->policy[f] = tok_str(x, w, 3);
			it->policy_map_at[f] = tok_line(x, w);
		}
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
	} else if (tok_is(w, 1, "wccp")) {
		EACH_CURRENT (it)
			ios_doubt(x, tok_is(w, w->n - 1, "out") ? NULL : it->name,
				  "packets may be sent to a cache", tok_line(x, w));
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "packets may be sent to a cache");
	} else if (x->standby_sub && w->n >= 2 && isdigit((unsigned char)*w->v[1].s)) {
		virtual_address(x, w, 1);
	} else if (ios_known(IOS_IF_IP, w, 1)) {
		if (tok_is(w, 1, "nhrp") || (f == FAMILY_V6 && tok_is(w, 1, "rip")))
			ios_learned(x, w,
				    arena_printf(x->arena, "%s %s", tok_str(x, w, 0),
						 tok_str(x, w, 1)));
		ios_note_uses(x, w);
		ios_irrelevant(x, w);
	} else {
		return false;
	}
	return true;
}

static bool switchport(struct ios *x, const struct toks *w)
{
	uint64_t v;
	if (toks_are(w, 1, "access vlan") && tok_number(w, 3, 1, 4094, &v)) {
		EACH_CURRENT (f)
			f->vlan = (int)v, f->switchport = true;
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
		return true;
	}
	if (toks_are(w, 1, "mode trunk") || toks_are(w, 1, "mode dot1q-tunnel"))
		EACH_CURRENT (f)
			f->trunk = true;
	if (tok_is(w, 1, "protected") || tok_is(w, 1, "private-vlan") ||
	    toks_are(w, 1, "mode private-vlan")) {
		taint_current(x, w, "ports of one VLAN are kept apart");
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "ports of one VLAN are kept apart");
		return true;
	}
	EACH_CURRENT (f)
		f->switchport = true;
	ios_irrelevant(x, w);
	return true;
}

/* standby 1 ip A, vrrp 2 ip A, glbp 3 ip A; hsrp 1 and vrrp 1 alone open a section. */
static bool standby(struct ios *x, const struct toks *w)
{
	uint64_t n;
	unsigned i = 1;
	if (tok_number(w, i, 0, 65535, &n))
		i++;
	if (i == w->n || tok_is(w, i, "ipv6") || tok_is(w, i, "address-family") ||
	    (tok_is(w, 0, "hsrp") && i > 1)) {
		if (w->n <= i + 1 || tok_is(w, i, "address-family")) {
			x->standby_sub = true;
			ios_irrelevant(x, w);
			return true;
		}
	}
	if (tok_is(w, i, "ip") || tok_is(w, i, "ipv4") || tok_is(w, i, "ipv6"))
		virtual_address(x, w, i + 1);
	else
		ios_irrelevant(x, w);
	return true;
}

/* A line below `service instance`: of one of the port's frames' classes only. */
static bool service_instance(struct ios *x, const struct toks *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (tok_is(w, i, "access-group") || tok_is(w, i, "service-policy")) {
			taint_current(x, w, "a list on a service instance");
			ios_note_uses(x, w);
			ios_mark(x, w->line, ACCOUNT_BOUNDED, true,
				 "a list on a service instance");
			return true;
		}
	ios_irrelevant(x, w);
	return true;
}

/* tunnel source X, destination A, mode M, key N */
static void tunnel_line(struct ios *x, const struct toks *w)
{
	enum family f;
	struct addr a;
	unsigned next;
	EACH_CURRENT (it) {
		if (tok_is(w, 1, "source") && w->n > 2) {
			it->tunnel.source = addr_parse(w->v[2].s, w->v[2].len, &f, &a)
						    ? tok_str(x, w, 2)
						    : ios_port_word(x, w, 2, &next);
		} else if (tok_is(w, 1, "destination")) {
			it->tunnel.has_dest =
				w->n > 2 &&
				addr_parse(w->v[2].s, w->v[2].len, &f, &it->tunnel.dest) &&
				f == FAMILY_V4;
		} else if (tok_is(w, 1, "mode")) {
			it->tunnel.many = tok_is(w, w->n - 1, "multipoint");
		} else if (tok_is(w, 1, "key")) {
			it->tunnel.key = tok_str(x, w, 2);
		}
	}
	ios_irrelevant(x, w);
}

bool ios_iface_line(struct ios *x, const struct toks *w)
{
	x->work += x->current.n;
	if (x->work > IOS_WORK_MAX)
		return false;
	if (x->efp_indent && w->indent >= x->efp_indent)
		return service_instance(x, w);
	x->efp_indent = toks_are(w, 0, "service instance") ? w->indent + 1 : 0;
	if (tok_is(w, 0, "no") || (tok_is(w, 0, "default") && w->n > 1))
		return no_line(x, w);
	if (tok_is(w, 0, "ip"))
		return ip_line(x, w, FAMILY_V4);
	if (tok_is(w, 0, "ipv6"))
		return ip_line(x, w, FAMILY_V6);
	if (tok_is(w, 0, "shutdown")) {
		EACH_CURRENT (f)
			f->shutdown = true, f->no_shutdown = false;
		ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
		return true;
	}
	if (toks_are(w, 0, "vrf forwarding") || toks_are(w, 0, "vrf member")) {
		set_vrf(x, w, 2);
		return true;
	}
	if (tok_is(w, 0, "vrf") && w->n == 2) {
		set_vrf(x, w, 1);
		return true;
	}
	if (tok_is(w, 0, "switchport"))
		return switchport(x, w);
	if (tok_is(w, 0, "tunnel")) {
		tunnel_line(x, w);
		return true;
	}
	if (tok_is(w, 0, "standby") || tok_is(w, 0, "vrrp") || tok_is(w, 0, "glbp") ||
	    tok_is(w, 0, "hsrp"))
		return standby(x, w);
	if (x->standby_sub && tok_is(w, 0, "address")) {
		virtual_address(x, w, 1);
		return true;
	}
	if (tok_is(w, 0, "encapsulation") && (tok_is(w, 1, "dot1q") || tok_is(w, 1, "isl"))) {
		uint64_t v;
		unsigned i = tok_is(w, 2, "vlan") ? 3 : 2;
		if (tok_number(w, i, 1, 4094, &v)) {
			EACH_CURRENT (f)
				f->vlan = (int)v;
			ios_mark(x, w->line, ACCOUNT_EXACT, true, NULL);
			return true;
		}
	}
	if (toks_are(w, 0, "mac access-group") || toks_are(w, 0, "mac port access-group")) {
		bind(x, w, tok_is(w, 1, "port") ? 3 : 2, BIND_MAC, true);
		return true;
	}
	if (toks_are(w, 0, "zone-member security")) {
		taint_current(x, w, "zone-based firewall, which is not modelled");
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "zone-based firewall");
		return true;
	}
	if (toks_are(w, 0, "crypto map")) {
		EACH_CURRENT (f)
			f->crypto_map = tok_str(x, w, 2), f->crypto_at = tok_line(x, w);
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "IPsec by crypto map");
		return true;
	}
	if (tok_is(w, 0, "traffic-policy")) {
		taint_current(x, w, "a traffic policy, which is not modelled");
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "a traffic policy");
		return true;
	}
	if (tok_is(w, 0, "service-policy")) {
		/* [type T] input|output NAME; judged when all policy maps are known */
		unsigned i = tok_is(w, 1, "type") ? 3 : 1;
		bool out = tok_is(w, i, "output");
		if (toks_are(w, 1, "type pbr")) {
			EACH_CURRENT (f)
				ios_doubt(x, f->name, "a policy map routes", tok_line(x, w));
			ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "a policy map routes");
			return true;
		}
		EACH_CURRENT (f) {
			f->policy_maps[out] = tok_str(x, w, i + 1);
			f->policy_at[out] = tok_line(x, w);
		}
		ios_irrelevant(x, w);
		return true;
	}
	if (toks_are(w, 0, "private-vlan mapping")) {
		taint_current(x, w, "ports of one VLAN are kept apart");
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "ports of one VLAN are kept apart");
		return true;
	}
	/* of `cts manual` */
	if (toks_are(w, 0, "policy static sgt")) {
		ios_irrelevant(x, w);
		return true;
	}
	if (tok_is(w, 0, "rate-limit")) {
		bool drop = false;
		for (unsigned i = 1; i + 1 < w->n; i++)
			drop |= toks_are(w, i, "conform-action drop");
		ios_note_uses(x, w);
		if (drop)
			add_narrow(x, w, "a rate limit that drops", tok_is(w, 1, "output"),
				   false);
		else
			ios_irrelevant(x, w);
		return true;
	}
	if (tok_is(w, 0, "bridge-group") && w->n > 2 &&
	    (memmem(w->v[2].s, w->v[2].len, "-list", 5) || tok_is(w, 2, "input-type-list"))) {
		add_narrow(x, w, "a list of bridging", false, false);
		return true;
	}
	if (toks_are(w, 0, "inherit port-profile")) {
		taint_current(x, w, "lines of a port profile, which are not followed");
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "lines of a port profile");
		return true;
	}
	if (toks_are(w, 0, "port access-map") || tok_is(w, 0, "access-group")) {
		/* `access-group mode prefer port|vlan|merge`: which of port and VLAN lists wins
		 */
		taint_current(x, w, "which lists of port and VLAN are in force");
		ios_mark(x, w->line, ACCOUNT_BOUNDED, true, "which lists are in force");
		return true;
	}
	if (tok_is(w, 0, "port") || ios_known(IOS_IF, w, 0)) {
		ios_irrelevant(x, w);
		return true;
	}
	return false;
}
