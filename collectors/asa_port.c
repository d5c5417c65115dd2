/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces, their addresses and security levels. A port goes by its
 * nameif, as every other line of the configuration does; an interface without one carries no
 * traffic and is no port.
 */
#include "collectors/asa_internal.h"

#include <string.h>

static const char *lower_key(struct asa *a, struct word w)
{
	char *s = asa_str(a, w);

	for (char *p = s; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	return s;
}

static struct intf *get(const struct map *m, struct word w)
{
	char key[128];

	if (w.len >= sizeof(key))
		return NULL;
	for (uint32_t i = 0; i < w.len; i++)
		key[i] = w.s[i] >= 'A' && w.s[i] <= 'Z' ? (char)(w.s[i] + 32) : w.s[i];
	return map_getn(m, key, w.len);
}

struct intf *asa_port(const struct asa *a, struct word name)
{
	return get(&a->intf_names, name);
}

struct intf *asa_port_named(const struct asa *a, const char *name)
{
	return asa_port(a, (struct word){ name, (uint32_t)strlen(name) });
}

/* Without a security-level line, `inside` is 100 and every other one 0. */
int asa_level(const struct intf *i)
{
	static const char inside[] = "inside";

	if (i->level >= 0)
		return i->level;
	return word_is((struct word){ i->name, (uint32_t)strlen(i->name) }, inside) ? 100 : 0;
}

static struct intf *by_hw(struct asa *a, struct word hw, uint32_t line)
{
	struct intf *i = get(&a->intf_hw, hw);

	if (i)
		return i;
	i = arena_alloc(a->arena, sizeof(*i));
	i->hw = asa_str(a, hw);
	i->level = -1;
	i->line = line;
	i->tunnel = word_starts(hw, "Tunnel");
	i->bvi = word_starts(hw, "BVI");
	if (word_starts(hw, "Vlan")) {
		unsigned v;

		if (word_number((struct word){ hw.s + 4, hw.len - 4 }, 4094, &v))
			i->vlan = (int)v;
	}
	if (hw.len < 128)
		*map_at(&a->intf_hw, lower_key(a, hw)) = i;
	*vec_add(&a->intfs) = i;
	return i;
}

static void set_name(struct asa *a, struct intf *i, struct word name, uint32_t line)
{
	struct intf *other = asa_port(a, name);

	if (name.len >= 128) {
		asa_reject(a, line, NULL, "asa.syntax", "the interface's name is too long");
		return;
	}
	if (other && other != i) {
		asa_reject(a, line, other->name, "asa.duplicate-name",
			   "two interfaces are called %.*s", (int)name.len, name.s);
		return;
	}
	i->name = asa_str(a, name);
	*map_at(&a->intf_names, lower_key(a, name)) = i;
	ASA_EXACT(a, line);
}

/*
 * `interface NAME`, and PIX 6's `interface ethernet0 auto [shutdown]` and
 * `interface ethernet0 vlan20 logical`.
 */
void asa_interface_line(struct asa *a, struct line *l, struct intf **ret_intf)
{
	struct word hw = line_next(l);
	struct intf *i;

	*ret_intf = NULL;
	/* "interface Ethernet 0/1" as it may be typed. */
	if (!line_ended(l) && line_peek(l, 0).s[0] >= '0' && line_peek(l, 0).s[0] <= '9' &&
	    hw.len && !(hw.s[hw.len - 1] >= '0' && hw.s[hw.len - 1] <= '9')) {
		struct word n = line_next(l);
		const char *joined =
			arena_printf(a->arena, "%.*s%.*s", (int)hw.len, hw.s, (int)n.len, n.s);

		hw = (struct word){ joined, (uint32_t)strlen(joined) };
	}
	if (!hw.len) {
		asa_reject(a, l->no, NULL, "asa.syntax", "an interface without a name");
		return;
	}
	i = by_hw(a, hw, l->no);
	while (!line_ended(l)) {
		struct word w = line_next(l);
		unsigned v;

		if (word_is(w, "shutdown"))
			i->shutdown = true;
		else if (word_starts(w, "vlan") &&
			 word_number((struct word){ w.s + 4, w.len - 4 }, 4094, &v)) {
			/* A logical interface of PIX 6.3 goes by its VLAN in nameif. */
			struct intf *logical = by_hw(a, w, l->no);

			if (line_at(l, "logical"))
				logical->vlan = (int)v;
			a->pix6 = true;
		}
	}
	*ret_intf = i;
	ASA_EXACT(a, l->no);
}

/* ADDRESS MASK [standby A], dhcp, pppoe, or ADDRESS/LEN: behind `ip address`. */
static void address(struct asa *a, struct line *l, struct intf *i)
{
	struct word w = line_next(l);
	enum family f, f2;
	struct addr addr, mask, other;

	if (word_is(w, "dhcp") || word_is(w, "pppoe")) {
		i->dynamic = true;
		while (!line_ended(l))
			i->setroute |= word_is(line_next(l), "setroute");
		asa_learned(a, l->no,
			    arena_printf(a->arena, "%s gets its address from elsewhere",
					 i->name ? i->name : i->hw));
		asa_class(a, l->no, ACCOUNT_BOUNDED, true,
			  "the interface gets its address from elsewhere");
		return;
	}
	if (!asa_addr(a, w, &f, &addr) || f != FAMILY_V4) {
		asa_reject(a, l->no, i->name, "asa.interface", "\"%.*s\" is no address",
			   (int)w.len, w.s);
		return;
	}
	w = line_peek(l, 0);
	if (!asa_addr(a, w, &f2, &mask) || addr_mask_len(FAMILY_V4, mask) < 0) {
		/* The mask may be left out: that of the address's class. */
		unsigned len = addr.lo >> 31 == 0 ? 8 : addr.lo >> 30 == 2 ? 16 : 24;

		if (w.len && !word_is(w, "standby") && !word_is(w, "pppoe")) {
			asa_reject(a, l->no, i->name, "asa.interface", "\"%.*s\" is no netmask",
				   (int)w.len, w.s);
			return;
		}
		mask = addr_mask(FAMILY_V4, len);
	} else {
		l->i++;
	}
	if (line_take(l, "standby") && asa_addr(a, line_peek(l, 0), &f2, &other) &&
	    f2 == FAMILY_V4)
		*vec_add(&i->standby) = other;
	/* One IPv4 address an interface: a later line replaces it. */
	for (size_t k = 0; k < i->prefixes.n; k++)
		if (i->prefixes.v[k].family == FAMILY_V4) {
			i->prefixes.v[k] = i->prefixes.v[--i->prefixes.n];
			i->addrs.v[k] = i->addrs.v[--i->addrs.n];
			break;
		}
	i->dynamic = false;
	*vec_add(&i->prefixes) =
		(struct prefix){ FAMILY_V4, (uint8_t)addr_mask_len(FAMILY_V4, mask),
				 addr_and(addr, mask) };
	*vec_add(&i->addrs) = addr;
	ASA_EXACT(a, l->no);
}

/* Behind `ipv6`: address X/L [eui-64] [standby Y], address autoconfig, enable, nd ... */
static void address6(struct asa *a, struct line *l, struct intf *i)
{
	enum family f;
	struct addr addr;
	unsigned len;
	bool bits;
	struct word w;

	a->saw_v6 = true;
	if (line_take(l, "enable")) {
		i->unknown_v6 = true;
		ASA_EXACT(a, l->no);
		return;
	}
	if (!line_take(l, "address")) {
		asa_class(a, l->no, ACCOUNT_IRRELEVANT, false, NULL);
		return;
	}
	w = line_next(l);
	if (word_is(w, "autoconfig") || word_is(w, "dhcp")) {
		i->unknown_v6 = true;
		asa_learned(a, l->no, "an IPv6 address from elsewhere");
		asa_class(a, l->no, ACCOUNT_BOUNDED, true,
			  "the interface gets its address from elsewhere");
		return;
	}
	if (prefix_parse(w.s, w.len, &f, &addr, &len, &bits) && f == FAMILY_V6) {
		struct prefix p = { FAMILY_V6, (uint8_t)len,
				    addr_and(addr, addr_mask(FAMILY_V6, len)) };

		if (line_at(l, "eui-64") || !memchr(w.s, '/', w.len)) {
			/* A link-local address, or half of one. */
			i->unknown_v6 = true;
			if (!memchr(w.s, '/', w.len)) {
				ASA_EXACT(a, l->no);
				return;
			}
		}
		*vec_add(&i->prefixes) = p;
		*vec_add(&i->addrs) = addr;
		if (line_take(l, "standby") &&
		    addr_parse(line_peek(l, 0).s, line_peek(l, 0).len, &f, &addr) &&
		    f == FAMILY_V6)
			*vec_add(&i->standby) = addr;
		ASA_EXACT(a, l->no);
		return;
	}
	asa_reject(a, l->no, i->name, "asa.interface", "\"%.*s\" is no IPv6 address",
		   (int)w.len, w.s);
}

/* tunnel source interface X | A, tunnel destination A */
static void tunnel(struct asa *a, struct line *l, struct intf *i)
{
	enum family f;

	if (line_take(l, "source")) {
		line_take(l, "interface");
		i->tunnel_source = asa_str(a, line_next(l));
	} else if (line_take(l, "destination")) {
		i->has_tunnel_dest =
			asa_addr(a, line_next(l), &f, &i->tunnel_dest) && f == FAMILY_V4;
	}
	asa_class(a, l->no, ACCOUNT_IRRELEVANT, false, NULL);
}

static void no_line(struct asa *a, struct line *l, struct intf *i)
{
	if (line_take(l, "forward")) {
		line_take(l, "interface");
		if (line_at(l, "vlan")) { /* "vlan 1" for Vlan1 */
			line_next(l);
			i->no_forward =
				arena_printf(a->arena, "Vlan%.*s", (int)line_peek(l, 0).len,
					     line_peek(l, 0).s);
		} else {
			i->no_forward = asa_str(a, line_next(l));
		}
		i->no_forward_line = l->no;
		ASA_EXACT(a, l->no);
		return;
	}
	if (line_at(l, "ip") && word_is(line_peek(l, 1), "address")) {
		i->prefixes.n = i->addrs.n = 0;
		i->dynamic = false;
	} else if (line_take(l, "shutdown"))
		i->shutdown = false;
	else if (line_take(l, "management-only"))
		i->management = false;
	ASA_EXACT(a, l->no);
}

/* One line inside an interface block. */
void asa_interface_sub(struct asa *a, struct line *l, struct intf *i)
{
	struct word w = line_next(l);
	unsigned v;

	if (word_is(w, "nameif")) {
		set_name(a, i, line_next(l), l->no);
	} else if (word_is(w, "security-level")) {
		if (!word_number(line_next(l), 100, &v)) {
			asa_reject(a, l->no, i->name, "asa.interface",
				   "a security level is a number from 0 to 100");
			return;
		}
		i->level = (int)v;
		i->level_line = l->no;
		ASA_EXACT(a, l->no);
	} else if (word_is(w, "vlan")) {
		if (word_number(line_next(l), 4094, &v))
			i->vlan = (int)v;
		ASA_EXACT(a, l->no);
	} else if (word_is(w, "shutdown")) {
		i->shutdown = true;
		ASA_EXACT(a, l->no);
	} else if (word_is(w, "management-only")) {
		i->management = true;
		i->management_line = l->no;
		ASA_EXACT(a, l->no);
	} else if (word_is(w, "ip") && line_take(l, "address")) {
		address(a, l, i);
	} else if (word_is(w, "ip")) {
		asa_class(a, l->no, ACCOUNT_IRRELEVANT, false, NULL);
	} else if (word_is(w, "ipv6")) {
		address6(a, l, i);
	} else if (word_is(w, "no")) {
		no_line(a, l, i);
	} else if (word_is(w, "bridge-group")) {
		if (word_number(line_next(l), 1000, &v))
			i->bridge = v;
		ASA_EXACT(a, l->no);
	} else if (word_is(w, "zone-member")) {
		asa_reject(a, l->no, i->name, "asa.traffic-zone",
			   "traffic may enter and leave at any interface of a traffic zone");
	} else if (word_is(w, "policy-route")) {
		if (!line_take(l, "route-map")) { /* cost, path-monitoring */
			asa_class(a, l->no, ACCOUNT_IRRELEVANT, false, NULL);
			return;
		}
		i->policy = asa_str(a, line_next(l));
		i->policy_line = l->no;
		ASA_EXACT(a, l->no);
	} else if (word_is(w, "tunnel")) {
		tunnel(a, l, i);
	} else if (word_is(w, "exit") || asa_interface_irrelevant(w)) {
		asa_class(a, l->no, ACCOUNT_IRRELEVANT, false, NULL);
	} else {
		asa_reject(a, l->no, i->name, "asa.interface",
			   "\"%.*s\" was not understood inside an interface", (int)w.len, w.s);
	}
}

/* Whether an unindented line still belongs to the open interface block. */
bool asa_interface_word(const struct line *l)
{
	struct word w = line_peek(l, 0), next = line_peek(l, 1), third = line_peek(l, 2);
	enum family f;
	struct addr x;

	if (word_is(w, "nameif"))
		return l->n == 2;
	if (word_is(w, "security-level") || word_is(w, "vlan") || word_is(w, "description") ||
	    word_is(w, "management-only") || word_is(w, "bridge-group") ||
	    word_is(w, "zone-member") || word_is(w, "policy-route"))
		return true;
	if (word_is(w, "shutdown") || word_is(w, "speed") || word_is(w, "duplex"))
		return true;
	if (word_is(w, "ip") && word_is(next, "address"))
		return word_is(third, "dhcp") || word_is(third, "pppoe") ||
		       addr_parse(third.s, third.len, &f, &x);
	if (word_is(w, "ipv6"))
		return word_is(next, "address") || word_is(next, "enable") ||
		       word_is(next, "nd");
	if (word_is(w, "no"))
		return word_is(next, "nameif") || word_is(next, "security-level") ||
		       word_is(next, "shutdown") || word_is(next, "management-only") ||
		       (word_is(next, "ip") && word_is(third, "address"));
	return false;
}

/* PIX 6: `nameif ethernet0 outside security0` */
void asa_nameif_line(struct asa *a, struct line *l)
{
	struct word hw = line_next(l), name = line_next(l), sec = line_next(l);
	struct intf *i;
	unsigned v;

	if (!word_starts(sec, "security") ||
	    !word_number((struct word){ sec.s + 8, sec.len - 8 }, 100, &v)) {
		asa_reject(a, l->no, NULL, "asa.interface",
			   "nameif needs an interface, a name and a security level");
		return;
	}
	a->pix6 = true;
	i = by_hw(a, hw, l->no);
	i->level = (int)v;
	i->level_line = l->no;
	set_name(a, i, name, l->no);
}

/* PIX 6: `ip address outside 192.0.2.1 255.255.255.0` */
void asa_ip_address_line(struct asa *a, struct line *l)
{
	struct word name = line_next(l);
	struct intf *i = asa_port(a, name);

	if (!i) {
		asa_reject(a, l->no, NULL, "asa.undefined-name", "there is no interface %.*s",
			   (int)name.len, name.s);
		return;
	}
	a->pix6 = true;
	address(a, l, i);
}

bool asa_down(const struct asa *a, const struct intf *i)
{
	const char *dot = strchr(i->hw, '.');
	const struct intf *parent =
		dot ? get(&a->intf_hw, (struct word){ i->hw, (uint32_t)(dot - i->hw) }) : NULL;

	return i->shutdown || (parent && parent->shutdown);
}

/* Both ends of a tunnel name the same two addresses; where one isn't told, nobody else has
 * such a wire, and the way ends there by name. */
static const char *tunnel_wire(struct asa *a, const struct intf *i)
{
	const struct intf *src = i->tunnel_source ? asa_port_named(a, i->tunnel_source) : NULL;
	struct addr own = { 0, 0 };
	struct text t = { 0 };
	const char *wire;
	enum family f;
	bool has = i->tunnel_source &&
		   addr_parse(i->tunnel_source, strlen(i->tunnel_source), &f, &own) &&
		   f == FAMILY_V4;
	bool less;

	for (size_t k = 0; src && !has && k < src->addrs.n; k++)
		if (src->prefixes.v[k].family == FAMILY_V4) {
			own = src->addrs.v[k];
			has = true;
		}
	if (!has || !i->has_tunnel_dest)
		return arena_printf(a->arena, "tunnel of %s %s", a->name, i->name);
	less = addr_compare(own, i->tunnel_dest) < 0;
	text_put(&t, "tunnel ");
	addr_print(&t, FAMILY_V4, less ? own : i->tunnel_dest);
	text_putc(&t, ' ');
	addr_print(&t, FAMILY_V4, less ? i->tunnel_dest : own);
	wire = arena_str(a->arena, t.s);
	text_finish(&t);
	return wire;
}

static void build_port(struct asa *a, const struct intf *i, const struct intf *bvi)
{
	const struct intf *of = bvi ? bvi : i;

	struct port *p = vec_add(&a->b->ports);

	p->name = i->name;
	p->kind = "interface";
	p->alias = i->hw;
	p->vlan = i->vlan;
	p->up = !asa_down(a, i);
	p->n_prefixes = of->prefixes.n;
	p->prefixes = vec_keep(a->arena, &of->prefixes);
	p->addrs = vec_keep(a->arena, &of->addrs);
	p->shared = vec_keep(a->arena, &of->standby);
	p->n_shared = of->standby.n;
	p->alone = word_starts((struct word){ i->hw, (uint32_t)strlen(i->hw) }, "Loopback");
	if (i->tunnel)
		p->wire = tunnel_wire(a, i);
	if (i->management && asa_own_table(a))
		p->segment = ASA_MANAGEMENT;
	p->at = asa_loc(a, i->line);
}

void asa_ports_build(struct asa *a)
{
	struct intf **bvis = xcalloc(1001, sizeof(*bvis));
	size_t n = 0;

	vec_each (p, &a->intfs) {
		struct word hw = { (*p)->hw, (uint32_t)strlen((*p)->hw) };
		unsigned v;

		if ((*p)->bvi && word_number((struct word){ hw.s + 3, hw.len - 3 }, 1000, &v))
			bvis[v] = *p;
	}
	vec_each (p, &a->intfs) {
		const struct intf *i = *p, *bvi = i->bridge ? bvis[i->bridge] : NULL;

		if (!i->name)
			continue;
		if (++n > ASA_PORTS) {
			diag_error(a->d, 0, "asa.too-many-interfaces", asa_loc(a, i->line),
				   "more than %d named interfaces", ASA_PORTS);
			device_build_taint(a->b, NULL, asa_loc(a, i->line),
					   "too many interfaces");
			break;
		}
		build_port(a, i, bvi);
		/* A routed bridge group has lists on its members and on itself. */
		if (i->bridge && !a->transparent) {
			device_build_taint(a->b, i->name, asa_loc(a, i->line),
					   "member of a routed bridge group");
			if (bvi && bvi->name)
				device_build_taint(a->b, bvi->name, asa_loc(a, bvi->line),
						   "a routed bridge group");
		}
	}
	free(bvis);
}
