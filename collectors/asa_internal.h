/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_ASA_INTERNAL_H
#define COLLECTORS_ASA_INTERNAL_H

/*
 * What the files of the ASA collector share. One struct asa is one configuration (a context
 * of a device); a file may hold several. Reading goes in two passes: the first takes lines
 * apart far enough to know what they define (asa.c), the second resolves names and builds
 * matches (asa_objects.c, asa_ace.c, asa_nat.c) and joins the lists to what a packet meets
 * (asa_bind.c). Each physical line gets its class in a->state exactly once, and the account
 * is written from there at the end.
 */

#include "base/map.h"
#include "base/vec.h"
#include "collectors/cisco_route.h"
#include "collectors/collector.h"

/* One line taken apart at blanks. Words point into the source. */
enum {
	ASA_WORDS = 64,
	ASA_NESTING = 64,
	ASA_PORTS = 2048,
	ASA_TAINTS = 200,
	ASA_EXTRAS = 4096,
	ASA_CONTEXTS = 250,
	ASA_SETS = 64,		  /* of one clause of a route map */
	ASA_ROUTE_WORK = 20000000 /* steps of policy routing and reverse path checks */
};

/* What a packet meets in which order; the lists stand at 0. From 8.3 on they name real
 * addresses, before they name those that are seen at the port: see asa_nat.c. */
enum {
	ASA_ORDER_VERIFY = -300,
	ASA_ORDER_NAT_CHECK = -200,
	ASA_ORDER_BEFORE = -100,
	ASA_ORDER_BEHIND = 100,
};

/* The segment of management-only ports where they have a table of their own (from 9.5 on). */
#define ASA_MANAGEMENT "management-only"

struct word {
	const char *s;
	uint32_t len;
};

struct line {
	uint32_t no;	 /* 1-based */
	uint32_t indent; /* leading blanks */
	unsigned n, i;	 /* words, and the next one to read */
	bool more;	 /* there were more than ASA_WORDS */
	struct word w[ASA_WORDS];
};

/* asa_text.c: words and values */
void line_split(const struct source *src, uint32_t no, struct line *ret);
/* The same for a text that is no source's (probing); its number is 0. */
void line_of(const char *s, size_t len, struct line *ret);
bool line_ended(const struct line *l);
/* The next word, and past it; an empty word behind the last. */
struct word line_next(struct line *l);
struct word line_peek(const struct line *l, unsigned ahead);
/* Whether the next word is this keyword (ASCII case ignored); line_take also goes past it. */
bool line_at(const struct line *l, const char *keyword);
bool line_take(struct line *l, const char *keyword);
bool word_is(struct word w, const char *keyword);
bool word_starts(struct word w, const char *prefix);
bool word_number(struct word w, uint64_t hi, unsigned *ret);
/* The text from the next word to the line's end, in the arena. */
const char *line_rest(struct arena *a, const struct source *src, const struct line *l);

/* asa_names.c: Cisco's words for numbers; -1 where the word is none */
int asa_protocol(struct word w);
int asa_port_name(struct word w);
int asa_icmp_type(struct word w, bool v6);
/* A service object that every ASA has ("icmp-echo", "ospf"): protocol and ICMP type (-1). */
bool asa_builtin_service(struct word w, int *ret_proto, int *ret_type);

/* asa_keywords.c: what a top-level line's first word says */
enum keyword {
	KW_UNKNOWN,
	KW_IRRELEVANT, /* known, has no say in what passes */
	KW_BLOCK,      /* the same, and opens a block of lines that neither have */
	KW_ACCESS_GROUP,
	KW_ACCESS_LIST,
	KW_AAA,
	KW_ALIAS,
	KW_APPLY,
	KW_CLEAR,
	KW_CONDUIT,
	KW_CONTEXT,
	KW_CRYPTO,
	KW_DYNAMIC_FILTER,
	KW_ESTABLISHED,
	KW_FILTER,
	KW_FIREWALL,
	KW_FRAGMENT,
	KW_GLOBAL,
	KW_GROUP_POLICY,
	KW_HOSTNAME,
	KW_INTERFACE,
	KW_IP,
	KW_IPV6,
	KW_MANAGEMENT_ACCESS,
	KW_NAME,
	KW_NAMEIF,
	KW_NAMES,
	KW_NAT,
	KW_NAT_CONTROL,
	KW_NO,
	KW_OBJECT,
	KW_OBJECT_GROUP,
	KW_OUTBOUND,
	KW_POLICY_MAP,
	KW_ROUTE,
	KW_ROUTE_MAP,
	KW_ROUTER,
	KW_SAME_SECURITY,
	KW_SHUN,
	KW_STATIC,
	KW_SYSOPT,
	KW_THREAT_DETECTION,
	KW_TIME_RANGE,
	KW_TUNNEL_GROUP,
	KW_USERNAME,
	KW_VERSION,
	KW_VPDN,
	KW_WCCP,
	KW_WEBVPN,
};
enum keyword asa_keyword(struct word w);
/* Whether the tables can be searched: for the tests. */
bool asa_keywords_sorted(void);
bool asa_names_sorted(void);
/* Whether the word begins a line inside an `interface` block that has no say in what passes. */
bool asa_interface_irrelevant(struct word w);

/* What is known of one line when the file has been read. */
struct line_state {
	const char *why; /* of BOUNDED and REJECTED */
	uint8_t class;	 /* enum account_class */
	bool policy;
	bool counted;
};

enum asa_flavour { ASA_UNKNOWN, ASA_ASA, ASA_PIX, ASA_FWSM };

/* What `any` says about IPv6. */
enum asa_any { ASA_ANY_V4, ASA_ANY_BOTH, ASA_ANY_UNSURE };

enum def_kind {
	DEF_NET_OBJECT,
	DEF_SERVICE_OBJECT,
	DEF_NET_GROUP,
	DEF_SERVICE_GROUP, /* untyped: protocol, source and destination ports */
	DEF_PORT_GROUP,	   /* typed tcp, udp, tcp-udp or sctp: stands where a port stands */
	DEF_PROTOCOL_GROUP,
	DEF_ICMP_GROUP,
	DEF_USER_GROUP,
	DEF_SECURITY_GROUP,
	DEF_NETWORK_SERVICE, /* object or group of applications, by domain name */
};

enum { PORTS_TCP = 1, PORTS_UDP = 2, PORTS_SCTP = 4 };
enum { FAMILIES_V4 = 1, FAMILIES_V6 = 2, FAMILIES_BOTH = 3 };

/* An object or a group. Matches are made when it is first asked for. */
struct def {
	const char *name;
	uint8_t kind;	  /* enum def_kind */
	uint8_t ports_of; /* PORTS_* of a DEF_PORT_GROUP */
	uint8_t state;	  /* 0 untouched, 1 being resolved, 2 resolved */
	uint8_t families; /* of a network: FAMILIES_* that it may hold */
	bool empty;
	uint32_t line;			   /* where it is defined */
	VEC(uint32_t) members;		   /* lines */
	const struct match *src, *dst;	   /* networks */
	const struct match *sport, *dport; /* DEF_PORT_GROUP */
	const struct match *match;	   /* services, protocols, ICMP types */
};

enum list_type { LIST_EXTENDED, LIST_STANDARD, LIST_ETHERTYPE, LIST_WEBTYPE };

struct ace {
	uint32_t line;
	uint32_t at; /* position asked for by `line N`, 0: at the end */
};

struct list {
	const char *name;
	bool v6;      /* ipv6 access-list */
	uint8_t type; /* enum list_type, of its first entry */
	uint32_t line;
	uint32_t cleared; /* last line that emptied it (`clear`), 0: none */
	VEC(struct ace) aces;
	struct ruleset *ruleset; /* in the second pass */
	/* For VPN and NAT: what its permits may match, as written and with source and
	 * destination exchanged. */
	const struct match *permits;
	const struct match *exact; /* what it permits, denials taken off; made on demand */
};

struct binding_line {
	const char *list;
	const char *port; /* NULL: global */
	uint32_t line;
	bool out, per_user, control_plane;
};

struct intf {
	const char *hw;	  /* GigabitEthernet0/1 */
	const char *name; /* nameif, NULL: carries nothing */
	int level;	  /* -1: not said */
	int vlan;
	bool shutdown, management, dynamic, tunnel;
	uint32_t index; /* in a->intfs */
	uint32_t line, level_line, management_line;
	uint32_t no_forward_line;
	const char *no_forward; /* hardware name that it must not open connections to */
	bool bvi;
	unsigned bridge;	     /* 0: none */
	VEC(struct prefix) prefixes; /* connected networks */
	VEC(struct addr) addrs;	     /* its own, one for each prefix */
	VEC(struct addr) standby;    /* of the other unit of a pair */
	bool unknown_v6;	     /* has an IPv6 address that isn't written */
	bool far_access;	     /* `management-access`: may be called through others */
	bool verified;		     /* its check of reverse paths is there */
	bool setroute;		     /* the default route comes with the address */
	const char *policy;	     /* route map of policy routing */
	uint32_t policy_line;
	const char *tunnel_source;
	struct addr tunnel_dest;
	bool has_tunnel_dest;
};

/* One clause of a route map. */
struct map_set {
	struct policy_set set;
	struct word port; /* of SET_PORT */
};

struct map_clause {
	unsigned seq;
	bool deny;
	uint32_t line;
	const char *other; /* a match that isn't known, or NULL */
	VEC(struct word) lists;
	VEC(struct map_set) sets;
};

struct route_map {
	VEC(struct map_clause) clauses;
};

/* A condition that isn't written in a list and may change what it says. */
struct extra {
	uint32_t line;
	const char *port;	   /* NULL: every port */
	uint8_t verdict;	   /* DENY: may narrow; UNKNOWN: may permit or deny */
	const struct match *match; /* of incoming packets */
	bool out_too;		   /* holds at the outgoing list as well */
};

/* Taints wait until the device is built. */
struct asa_taint {
	uint32_t line;
	const char *port, *why;
};

struct asa {
	struct collect *c;
	struct snapshot *snap;
	struct diags *d;
	struct arena *arena;
	struct matches *m;
	const struct source *src;
	struct line_state *state; /* of every line of the file; [0] is line 1 */
	uint32_t first, last;	  /* lines of this configuration, both included */

	const char *name; /* device */
	const char *hostname;
	uint8_t flavour; /* enum asa_flavour */
	unsigned major, minor;
	bool version_known;
	bool system_space;
	bool pix6;   /* syntax of PIX 6 or older was seen */
	uint8_t any; /* enum asa_any */
	bool saw_any46, saw_v6_list, saw_v6, saw_old_nat, saw_new_nat;
	bool transparent;
	bool saved_mark, end_mark;
	uint32_t saved_line;
	size_t n_known;

	struct map names;	  /* struct asa_name */
	struct map objects;	  /* struct def */
	struct map groups;	  /* struct def */
	struct map lists, lists6; /* struct list */
	struct map time_ranges;
	VEC(struct def *) defs;
	VEC(struct list *) all_lists;
	VEC(struct intf *) intfs;
	struct map intf_names; /* lower-case nameif to struct intf */
	struct map intf_hw;    /* lower-case hardware name to struct intf */
	VEC(struct binding_line) bindings;
	VEC(uint32_t) conduits, nat_lines, routes, aaa_lines, filters, crypto, pools;
	VEC(uint32_t) verifies; /* ip verify reverse-path */
	struct map route_maps;	/* to struct route_map */
	struct route_map *map;	/* whose clause is being read, the last one */
	size_t route_work;
	const char *learned; /* where routes may come from that aren't written, or NULL */
	uint32_t learned_line;
	VEC(uint32_t) vpn_ports; /* lines that switch remote access on */
	VEC(struct object_nat {
		uint32_t line;
		struct def *object;
	})
	object_nats;
	VEC(struct extra) extras;
	VEC(struct asa_taint) taints;
	VEC(uint32_t) modules; /* lines that give packets to a module with rules of its own */

	bool same_inter, same_intra;
	uint32_t same_inter_line, same_intra_line;
	bool nat_control, nat_control_off;
	uint32_t nat_control_line;
	bool vpn_bypass_said, vpn_bypass; /* sysopt connection permit-vpn */
	bool user_lists;       /* something on the device can bring lists for single users */
	bool framed_addresses; /* VPN users may get addresses from elsewhere */

	struct device_build *b; /* second pass */
};

struct asa_name {
	uint8_t family;
	struct addr addr;
	uint32_t line;
};

/* asa_account.c */
struct loc asa_loc(const struct asa *a, uint32_t line);
void asa_class(struct asa *a, uint32_t line, enum account_class class, bool policy,
	       const char *why);
#define ASA_EXACT(a, line) asa_class(a, line, ACCOUNT_EXACT, true, NULL)
/*
 * Rejects a line: account and diagnostic. asa_reject also taints the device (or what goes
 * through the port), which refuse leaves to an unknown in the place of what it says.
 */
void asa_refuse(struct asa *a, uint32_t line, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void asa_reject(struct asa *a, uint32_t line, const char *port, const char *code,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Bounded, exact by what the match holds. policy lines. */
void asa_class_by(struct asa *a, uint32_t line, const struct match *m);
void asa_irrelevant(struct asa *a, uint32_t line);
void asa_bounded(struct asa *a, uint32_t line, const char *why); /* why: lives on */
char *asa_str(struct asa *a, struct word w);
void asa_use(struct asa *a, const char *kind, const char *name, uint32_t line, bool defines);

enum asa_mode {
	MODE_NONE,
	MODE_BLOCK, /* of lines that have no say */
	MODE_INTERFACE,
	MODE_OBJECT, /* and groups */
	MODE_TIME_RANGE,
	MODE_POLICY_MAP,
	MODE_WEBVPN,
	MODE_TUNNEL_GROUP,
	MODE_ROUTE_MAP,
	MODE_REFUSED, /* of lines that belong to one that was refused */
};

struct asa_reader {
	struct asa *a;
	enum asa_mode mode;
	struct def *def;
	struct intf *intf;
	uint32_t indent; /* of the line that opened the block */
};

/* asa_top.c */
bool asa_version_line(const struct line *l, enum asa_flavour *ret);
/* Notes names of lists and objects on a line that has no say itself. */
void asa_note_uses(struct asa *a, const struct line *l);
void asa_top_line(struct asa_reader *r, struct line *l);

/* asa_block.c: reads one line of the file, wherever it belongs */
void asa_take_line(struct asa_reader *r, uint32_t no);

/* asa_objects.c */
/* Warns that there is no such object or group, and gives an unknown condition. */
const struct match *asa_undefined(struct asa *a, const char *kind, struct word name,
				  uint32_t line);
struct def *asa_object(struct asa *a, struct word name);
struct def *asa_group(struct asa *a, struct word name);
struct def *asa_define(struct asa *a, struct map *map, struct word name, enum def_kind kind,
		       uint32_t line);
void asa_object_line(struct asa *a, struct line *l, struct def **ret_def);
void asa_group_line(struct asa *a, struct line *l, struct def **ret_def);
void asa_resolve(struct asa *a, struct def *d, unsigned depth);
void asa_resolve_all(struct asa *a);

/* asa_service.c: what a service object that every ASA has matches; NULL: none such */
const struct match *asa_builtin_match(struct asa *a, struct word name);

/* asa_addr.c */
/* A literal address or one of `names`. */
bool asa_addr(const struct asa *a, struct word w, enum family *ret_family,
	      struct addr *ret_addr);
/* The word was used, if it is one of `names`. */
void asa_used_name(struct asa *a, struct word w, uint32_t line);
bool asa_mask_word(const struct asa *a, struct word w, struct addr *ret);
struct addr_spec {
	const struct match *match; /* NULL: not understood, why says it */
	const char *why;
	bool any; /* the word `any`, whose families the version tells */
	unsigned families;
};
/* An address of an access list: any, host A, A M, A/L, object, object-group, interface. */
struct addr_spec asa_address(struct asa *a, struct line *l, enum field field, bool v6_list);
/* Whether the next word may begin an address. */
bool asa_address_ahead(struct asa *a, const struct line *l);
/* `any`, given which families the other end may have. */
const struct match *asa_any(struct asa *a, unsigned other_families, uint32_t line);
/* eq, neq, lt, gt, range. False where the words are none or wrong. */
bool asa_port_op_ahead(const struct line *l);
const struct match *asa_port_op(struct asa *a, struct line *l, enum field field,
				const char **ret_why);
/* Address and mask (or prefix); warns about host bits. NULL with *ret_why. */
const struct match *asa_masked(struct asa *a, enum field field, enum family f, struct addr addr,
			       struct addr mask, uint32_t line);

/* asa_ace.c */
/*
 * The entry of a line that stands behind the list's name and `line N`; list NULL: a conduit,
 * which names the destination first. A line that can't be read gives an unknown condition on
 * everything, with the verdict it names.
 */
struct rule asa_ace(struct asa *a, struct line *l, const struct list *list);

/* asa_acl.c */
void asa_list_line(struct asa *a, struct line *l, bool v6);
void asa_conduit_line(struct asa *a, struct line *l);
struct list *asa_list(struct asa *a, struct word name, bool v6, bool create, uint32_t line);
void asa_lists_build(struct asa *a);
struct ruleset *asa_conduits_build(struct asa *a);
void asa_list_clear(struct asa *a, struct list *l, uint32_t line);
/* Exactly what an extended list permits, as far as it is known. NULL name: none such. */
const struct match *asa_list_permits(struct asa *a, struct word name, uint32_t line);

/* asa_port.c */
void asa_interface_line(struct asa *a, struct line *l, struct intf **ret_intf);
void asa_interface_sub(struct asa *a, struct line *l, struct intf *i);
bool asa_interface_word(const struct line *l);
void asa_nameif_line(struct asa *a, struct line *l);	 /* PIX 6 */
void asa_ip_address_line(struct asa *a, struct line *l); /* PIX 6 */
struct intf *asa_port(const struct asa *a, struct word name);
struct intf *asa_port_named(const struct asa *a, const char *name);
int asa_level(const struct intf *i);
/* Shut down, or below one that is. */
bool asa_down(const struct asa *a, const struct intf *i);
void asa_ports_build(struct asa *a);

/* asa_route.c: static routes, policy routing, checks of reverse paths */
/* Routes may come from elsewhere; the first reason stands. */
void asa_learned(struct asa *a, uint32_t line, const char *why);
/* Whether management-only ports have a routing table of their own. */
bool asa_own_table(const struct asa *a);
void asa_route_map_line(struct asa *a, struct line *l);
void asa_route_map_sub(struct asa *a, struct line *l);
void asa_routes_build(struct asa *a);
void asa_routes_finish(struct asa *a);

/* asa_bind.c */
void asa_binding_line(struct asa *a, struct line *l);
void asa_bind_build(struct asa *a);
void asa_extras_build(struct asa *a);

/* asa_nat.c */
void asa_nat_build(struct asa *a);

#endif
