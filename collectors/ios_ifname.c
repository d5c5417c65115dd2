/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces by name: abbreviations, and `interface range` with its lists and spans. An
 * interface is known by its full name; the name as it was written is kept as an alias.
 */
#include "collectors/ios_internal.h"

#include <ctype.h>
#include <strings.h>

/* Types in the order in which an abbreviation finds them. */
static const char *const types[] = {
	"Ethernet",
	"FastEthernet",
	"GigabitEthernet",
	"TenGigabitEthernet",
	"TwoGigabitEthernet",
	"FiveGigabitEthernet",
	"TwentyFiveGigE",
	"TwentyFiveGigabitEthernet",
	"FortyGigabitEthernet",
	"HundredGigE",
	"FourHundredGigE",
	"FiftyGigE",
	"AppGigabitEthernet",
	"Wlan-GigabitEthernet",
	"Loopback",
	"Vlan",
	"Port-channel",
	"Tunnel",
	"Serial",
	"Management",
	"mgmt",
	"Null",
	"Dialer",
	"BVI",
	"BDI",
	"ATM",
	"POS",
	"Multilink",
	"Virtual-Template",
	"Virtual-Access",
	"Virtual-PPP",
	"Group-Async",
	"Async",
	"Cellular",
	"Dot11Radio",
	"Embedded-Service-Engine",
	"nve",
	"Vxlan",
	"Recirc-Channel",
	"vasileft",
	"vasiright",
	"LISP",
	"NVI",
	"Hssi",
	"TokenRing",
	"Fddi",
	"MFR",
	"CEM",
	"Content-Engine",
	"Integrated-Service-Engine",
	"Service-Engine",
	"ucse",
	"VirtualPortGroup",
	"Bundle-Ether",
	"overlay",
	"sup-eth",
	"San-port-channel",
	"Vfc",
	"fc",
	"SM",
	"Modular-Cable",
	"Cable",
	"Internal-Data",
	"Control",
	"pseudowire",
	"port-channel",
};

static const char *type_of(const char *s, size_t len)
{
	size_t n = sizeof(types) / sizeof(*types);
	for (size_t i = 0; i < n; i++)
		if (!strncasecmp(types[i], s, len) && !types[i][len])
			return types[i];
	if (len < 2)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!strncasecmp(types[i], s, len))
			return types[i];
	return NULL;
}

const char *ios_iface_name(struct arena *a, const char *s, size_t len)
{
	size_t k = 0;
	while (k < len && (isalpha((unsigned char)s[k]) || s[k] == '-' || s[k] == '_'))
		k++;
	/* Types that have digits in the middle are known whole. */
	if (len >= 10 && !strncasecmp(s, "Dot11Radio", 10))
		k = 10;
	while (k && s[k - 1] == '-')
		k--;
	const char *type = type_of(s, k);
	if (!type || strlen(type) == k) /* unknown, or whole: as it was written */
		return arena_strn(a, s, len);
	return arena_printf(a, "%s%.*s", type, (int)(len - k), s + k);
}

struct iface *ios_iface(struct ios *x, const char *name, bool create, struct loc at)
{
	char key[128];
	size_t n = 0;
	const char *full = ios_iface_name(x->arena, name, strlen(name));
	for (; full[n] && n < sizeof(key) - 1; n++)
		key[n] = (char)tolower((unsigned char)full[n]);
	void **slot = map_atn(&x->iface_at, key, n);
	uintptr_t have = (uintptr_t)*slot;
	if (have)
		return &x->ifaces.v[have - 1];
	if (!create)
		return NULL;
	struct iface *f = vec_add(&x->ifaces);
	*slot = (void *)(uintptr_t)x->ifaces.n;
	f->name = full;
	f->at = at;
	if (strcmp(full, name))
		f->alias = arena_str(x->arena, name);
	if (!strncasecmp(full, "vlan", 4) && isdigit((unsigned char)full[4])) {
		uint64_t v;
		if (parse_number(full + 4, strlen(full + 4), 1, 4094, true, &v))
			f->vlan = (int)v;
	}
	return f;
}

static void add_current(struct ios *x, const char *name, struct loc at)
{
	struct iface *f = ios_iface(x, name, true, at);
	*vec_add(&x->current) = (uint32_t)(f - x->ifaces.v);
}

/* "Ethernet1/1-48", "Gi0/1 - 24": the number at the end runs on. */
static void add_range(struct ios *x, const char *first, uint64_t hi, struct loc at)
{
	size_t n = strlen(first);
	uint64_t lo;
	while (n && isdigit((unsigned char)first[n - 1]))
		n--;
	if (!parse_number(first + n, strlen(first + n), 0, UINT32_MAX, true, &lo) || hi < lo ||
	    hi - lo >= IOS_RANGE_MAX || x->current.n >= IOS_RANGE_MAX) {
		diag_warning(x->d, "ios.range", at, "not a range of interfaces that is read");
		device_build_taint(x->b, NULL, at, "a range of interfaces that is not read");
		add_current(x, first, at);
		return;
	}
	for (uint64_t k = lo; k <= hi; k++)
		add_current(x,
			    arena_printf(x->arena, "%.*s%llu", (int)n, first,
					 (unsigned long long)k),
			    at);
}

/* One item of a range: NAME, NAME-NUMBER, or only NUMBER[-NUMBER] behind an earlier type. */
static void range_item(struct ios *x, struct text *item, const char **prefix, struct loc at)
{
	if (!item->len)
		return;
	const char *s = item->s;
	if (isdigit((unsigned char)*s) && *prefix)
		s = arena_printf(x->arena, "%s%s", *prefix, s);
	size_t k = 0;
	while (isalpha((unsigned char)s[k]) ||
	       (s[k] == '-' && isalpha((unsigned char)s[k + 1])))
		k++;
	*prefix = arena_strn(x->arena, s, k);
	const char *dash = strchr(s + k, '-');
	uint64_t hi;
	const char *tail = dash ? strrchr(dash, '/') : NULL;
	tail = tail ? tail + 1 : dash ? dash + 1 : NULL;
	while (tail && isalpha((unsigned char)*tail))
		tail++;
	if (dash && parse_number(tail, strlen(tail), 0, UINT32_MAX, true, &hi))
		add_range(x, arena_strn(x->arena, s, (size_t)(dash - s)), hi, at);
	else
		add_current(x, arena_str(x->arena, s), at);
	text_clear(item);
}

void ios_iface_open(struct ios *x, const struct toks *w, unsigned first)
{
	struct loc at = tok_line(x, w);
	struct text item = { 0 };
	const char *prefix = NULL;
	bool range = tok_is(w, first, "range");
	x->current.n = 0;
	x->standby_sub = false;
	x->efp_indent = 0;
	if (range)
		first++;
	/* Blanks within an item mean nothing: "Gi 0/1 - 24 , Gi 1/1". A word behind the number
	 * (point-to-point) is not of the name. */
	for (unsigned i = first; i < w->n; i++) {
		bool digits = item.len && isdigit((unsigned char)item.s[item.len - 1]);
		const struct tok *v = &w->v[i];
		if (digits && isalpha((unsigned char)*v->s))
			break;
		for (uint32_t k = 0; k < v->len; k++)
			if (v->s[k] == ',')
				range_item(x, &item, &prefix, at);
			else
				text_putc(&item, v->s[k]);
	}
	bool many = item.len && (range || strchr(item.s, '-') || prefix);
	if (many)
		range_item(x, &item, &prefix, at);
	else if (item.len)
		add_current(x, item.s, at);
	text_finish(&item);
}
