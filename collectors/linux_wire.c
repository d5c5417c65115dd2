/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an interface is plugged into, as far as the host tells: ports with the same text are on
 * one link, whatever source they are from.
 *
 *	veth	the pair of its ends, each by namespace and index: the files of two namespaces
 *		of one machine say the same; the machine is told by its boot
 *	vxlan	the VNI, the port, and the group or all addresses between which frames go
 *	tunnels	the pair of addresses
 *	vlan	its lower device's wire, and the number
 *	macvlan	its lower device's wire
 *	bridge	one of its own, where every port of it leads to a wire that is told
 *
 * A network card has none: where it is plugged in, only networks tell. What certainly leads
 * somewhere, and isn't known where (a tunnel without addresses, WireGuard), has a wire that
 * nobody else has, so that it isn't taken for a neighbour of whoever has the same network.
 */
#include "collectors/linux_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { DEPTH_MOST = 16, ENDS_MOST = 4096, SOURCES_MOST = 1024 };

static bool is(const struct linux_link *l, const char *kind)
{
	return !strcmp(l->kind, kind);
}

static bool is_any(const struct linux_link *l, const char *const *kinds)
{
	while (*kinds && !is(l, *kinds))
		kinds++;
	return *kinds != NULL;
}

/* Which machine it is: two of them may have one name, and the same numbers of namespaces. */
static const char *machine(struct linux_read *r)
{
	return linux_str(json_object_get(r->root, "host"), "boot");
}

/* A wire that no other port has. */
static const char *own(struct linux_read *r, const struct linux_link *l)
{
	return arena_printf(r->arena, "%s %s of %s", *l->kind ? l->kind : "link", l->name,
			    r->b->dev.name);
}

/* The namespace's number in "net:[4026532281]"; NULL where it isn't that. */
static const char *space(struct linux_read *r, const char *id)
{
	size_t len = id ? strlen(id) : 0;
	if (len < 7 || strncmp(id, "net:[", 5) || id[len - 1] != ']')
		return NULL;
	return arena_strn(r->arena, id + 5, len - 6);
}

static const char *pair(struct linux_read *r, const struct linux_link *l)
{
	const json_t *away = json_object_get(l->v, "peer_namespace");
	int64_t index = linux_number(l->v, "index"), peer = linux_number(l->v, "peer_index");
	const char *here = space(r, r->b->dev.netns), *boot = machine(r);
	const char *there = json_is_string(away) ? space(r, json_string_value(away)) : here;
	if (index <= 0 || peer <= 0)
		return own(r, l);
	if (!boot && !json_is_string(away)) /* nobody else has to say the same */
		boot = r->b->dev.name, here = there = "0";
	if (!boot || !here || !there)
		return own(r, l);
	const char *a = arena_printf(r->arena, "%s/%lld", here, (long long)index);
	const char *b = arena_printf(r->arena, "%s/%lld", there, (long long)peer);
	bool swap = strcmp(a, b) > 0;
	return arena_printf(r->arena, "%s %s-%s of %s", l->kind, swap ? b : a, swap ? a : b,
			    boot);
}

struct ends {
	struct prefix *v;
	size_t n, cap;
};

static int by_address(const void *x, const void *y)
{
	const struct prefix *a = x, *b = y;
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return addr_compare(a->addr, b->addr);
}

static bool is_group(const struct prefix *p)
{
	return p->family == FAMILY_V4 ? p->addr.lo >> 28 == 0xe : p->addr.hi >> 56 == 0xff;
}

static bool is_set(const struct prefix *p)
{
	return p->addr.hi || p->addr.lo;
}

/*
 * The address that the host sends from to the remote one, where nothing else comes into
 * question: of the interface that is told, of the network that it shares with the remote one,
 * or its only one.
 */
static bool source_of(struct linux_read *r, const json_t *v, const struct prefix *remote,
		      struct prefix *ret)
{
	const char *link = linux_str(v, "link");
	size_t n[3] = { 0 };
	struct addr found[3] = { { 0, 0 } };
	for (size_t i = 0; i < r->host.n_addrs; i++) {
		const struct nf_addr *a = &r->host.addrs[i];
		const struct linux_link *l = linux_link(r, a->port);
		const struct port *p = l ? &r->b->ports.v[l->port] : NULL;
		bool here[3] = { link && !strcmp(a->port, link), false, !link };
		if (a->family != remote->family || a->narrow || a->secondary || !p)
			continue;
		for (size_t k = 0; k < p->n_prefixes; k++)
			here[1] |=
				p->prefixes[k].family == remote->family &&
				addr_equal(p->addrs[k], a->addr) &&
				span_has(span_prefix((enum family)remote->family,
						     p->prefixes[k].addr, p->prefixes[k].len),
					 remote->addr);
		for (int k = 0; k < 3; k++)
			if (here[k])
				found[k] = a->addr, n[k]++;
	}
	for (int k = 0; k < 3; k++) {
		if (n[k] != 1)
			continue;
		*ret = (struct prefix){ remote->family, (uint8_t)addr_bits(remote->family),
					found[k] };
		return true;
	}
	return false;
}

static void put_end(struct text *t, const struct prefix *p)
{
	addr_print(t, (enum family)p->family, p->addr);
}

/* Where frames of the interface go, by the bridge's table. */
static void forwarding_ends(const struct linux_link *l, struct ends *out)
{
	for (size_t i = 0; i < l->fdb.n && out->n < ENDS_MOST; i++) {
		struct prefix e;
		if (linux_prefix(l->fdb.v[i], "destination", &e) && is_set(&e))
			*vec_add(out) = e;
	}
}

static const char *overlay(struct linux_read *r, const struct linux_link *l)
{
	const json_t *v = json_object_get(l->v, "vxlan");
	int64_t vni = linux_number(v, "vni"), port = linux_number(v, "port");
	struct prefix local, remote;
	struct ends ends = { 0 };
	struct text t = { 0 };
	bool has_remote = linux_prefix(v, "remote", &remote) && is_set(&remote);
	bool has_local = linux_prefix(v, "local", &local) && is_set(&local);
	if (vni < 0 || linux_true(v, "external") || linux_true(v, "vnifilter"))
		return own(r, l);
	text_putf(&t, "vxlan %lld port %lld ", (long long)vni, (long long)port);
	if (has_remote && is_group(&remote)) {
		text_put(&t, "group ");
		put_end(&t, &remote);
	} else {
		forwarding_ends(l, &ends);
		if (has_remote)
			*vec_add(&ends) = remote;
		if (!has_local && ends.n && ++r->sources_asked <= SOURCES_MOST)
			has_local = source_of(r, v, &ends.v[0], &local);
		if (!has_local || !ends.n || ends.n >= ENDS_MOST) {
			vec_free(&ends);
			text_finish(&t);
			return own(r, l);
		}
		*vec_add(&ends) = local;
		qsort(ends.v, ends.n, sizeof(*ends.v), by_address);
		text_put(&t, "among ");
		for (size_t i = 0; i < ends.n; i++) {
			if (i && !by_address(&ends.v[i - 1], &ends.v[i]))
				continue;
			text_put(&t, i ? ", " : "");
			put_end(&t, &ends.v[i]);
		}
	}
	const char *ret = arena_str(r->arena, t.s);
	vec_free(&ends);
	text_finish(&t);
	return ret;
}

static const char *tunnel(struct linux_read *r, const struct linux_link *l)
{
	const json_t *v = json_object_get(l->v, "tunnel");
	struct prefix local, remote;
	struct text t = { 0 };
	if (!linux_prefix(v, "local", &local) || !linux_prefix(v, "remote", &remote) ||
	    is_group(&remote) || linux_true(v, "external"))
		return own(r, l);
	/* each end with the key that it is sent with */
	long long in = linux_number(v, "in_key"), out = linux_number(v, "out_key");
	bool swap = by_address(&local, &remote) > 0;
	text_putf(&t, "%s ", l->kind);
	put_end(&t, swap ? &remote : &local);
	text_putf(&t, " key %lld - ", swap ? out : in);
	put_end(&t, swap ? &local : &remote);
	text_putf(&t, " key %lld", swap ? in : out);
	const char *ret = arena_str(r->arena, t.s);
	text_finish(&t);
	return ret;
}

static const char *wire_of(struct linux_read *r, struct linux_link *l, int depth);

/* Every port leads to a wire that is told: the bridge isn't plugged in anywhere else. */
static const char *bridge(struct linux_read *r, const struct linux_link *l, int depth)
{
	vec_each (p, &l->members)
		if (!wire_of(r, *p, depth + 1))
			return NULL;
	return own(r, l);
}

static const char *lower(struct linux_read *r, const struct linux_link *l, int depth)
{
	const char *wire = l->parent ? wire_of(r, l->parent, depth + 1) : NULL;
	int vlan = r->b->ports.v[l->port].vlan;
	if (!wire || !is(l, "vlan"))
		return wire;
	return vlan ? arena_printf(r->arena, "%s vlan %d", wire, vlan) : own(r, l);
}

static const char *find(struct linux_read *r, struct linux_link *l, int depth)
{
	static const char *const pairs[] = { "veth", "netkit", NULL };
	static const char *const tunnels[] = { "gre",  "gretap", "ip6gre", "ip6gretap",
					       "ipip", "sit",	 "ip6tnl", NULL };
	/* they lead to a program, or to whoever has the key */
	static const char *const elsewhere[] = { "tun",	      "wireguard", "vti",  "vti6",
						 "xfrm",      "geneve",	   "gtp",  "ppp",
						 "bareudp",   "ipvtap",	   "ovpn", "erspan",
						 "ip6erspan", "amt",	   NULL };
	static const char *const uppers[] = { "macvlan", "macvtap", "ipvlan", NULL };
	if (depth > DEPTH_MOST)
		return NULL;
	if (is_any(l, pairs))
		return pair(r, l);
	if (is(l, "vxlan"))
		return overlay(r, l);
	if (is_any(l, tunnels))
		return tunnel(r, l);
	if (is_any(l, elsewhere))
		return own(r, l);
	if (is(l, "bridge"))
		return bridge(r, l, depth);
	if (is(l, "vlan"))
		return lower(r, l, depth);
	if (is_any(l, uppers)) {
		const char *mode = linux_str(
			json_object_get(l->v, l->kind[0] == 'm' ? "macvlan" : "ipvlan"),
			"mode");
		bool open = mode && (!strcmp(mode, "bridge") || !strcmp(mode, "passthru") ||
				     !strcmp(mode, "l2"));
		/* others' neighbours are not those of the lower device */
		return open ? lower(r, l, depth) : own(r, l);
	}
	return NULL;
}

static const char *wire_of(struct linux_read *r, struct linux_link *l, int depth)
{
	if (!l->wired) {
		l->wired = true; /* a circle has none */
		l->wire = find(r, l, depth);
	}
	return l->wire;
}

/* Of an interface that all of one overlay's frames go through. */
static void tell_vni(struct port *p, const struct linux_link *l)
{
	const json_t *v = json_object_get(l->v, "vxlan");
	int64_t vni = is(l, "vxlan") ? linux_number(v, "vni") : -1;
	p->has_vni = vni >= 0 && vni < 1 << 24 && !linux_true(v, "external") &&
		     !linux_true(v, "vnifilter");
	p->vni = p->has_vni ? (uint32_t)vni : 0;
}

void linux_wires(struct linux_read *r)
{
	static const char *const alone[] = { "dummy", "ifb", "nlmon", "vrf", "vcan", NULL };
	const json_t *fdb =
		json_object_get(json_object_get(r->parts[PART_BRIDGE].v, "data"), "fdb");
	for (size_t i = 0; i < json_array_size(fdb); i++) {
		const json_t *v = json_array_get(fdb, i);
		struct linux_link *l = linux_link(r, linux_str(v, "link"));
		if (l && json_object_get(v, "destination"))
			*vec_add(&l->fdb) = v;
	}
	vec_each (lp, &r->links)
		if (linux_is_bridged(*lp))
			*vec_add(&(*lp)->master->members) = *lp;
	vec_each (lp, &r->links) {
		struct port *p = &r->b->ports.v[(*lp)->port];
		p->wire = wire_of(r, *lp, 0);
		tell_vni(p, *lp);
		p->alone = (*lp)->loopback || is_any(*lp, alone);
	}
}
