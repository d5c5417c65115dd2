/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLLECTORS_IOS_INTERNAL_H
#define COLLECTORS_IOS_INTERNAL_H

/*
 * Shared by the files of the ios collector only.
 *
 * A configuration is read in two goes. The first walks the lines in order with a stack of one
 * mode (interface, access list, ...), keeps what it finds and puts off what may name something
 * that comes later. The second reads object groups and access list entries, and then the
 * device is built. What becomes of each line is kept in an array and counted at the end, so
 * that the account is in the order of the file.
 */

#include "base/map.h"
#include "base/vec.h"
#include "collectors/cisco_route.h"
#include "collectors/collector.h"

enum ios_dialect { IOS_IOS, IOS_NXOS, IOS_EOS };

enum {
	IOS_WORDS_MAX = 96,	  /* words of a line that are looked at */
	IOS_GROUP_DEPTH = 64,	  /* object groups within object groups */
	IOS_RANGE_MAX = 4096,	  /* interfaces of one `interface range` */
	IOS_WORK_MAX = 5000000,	  /* lines times interfaces they are for */
	IOS_ATOMS_MAX = 10000000, /* members of all groups together, as expanded */
	IOS_COPIES_MAX = 500000,  /* entries copied into VLAN access maps */
	IOS_ADDRS_MAX = 4096,	  /* addresses of one interface */
	IOS_NARROWS_MAX = 16,	  /* checks of one interface */
	IOS_CLAUSES_MAX = 1000,	  /* of one VLAN access map, and lists of one route map */
	IOS_SETS_MAX = 64,	  /* of one clause of a route map */
	IOS_EDITS_MAX = 1000,	  /* `no permit ...` and resequence lines of one list */
};

/* Keyword tables: a name of the vendor and its number. Sorted by nothing; NULL-terminated. */
struct ios_name {
	const char *name;
	int value;
};

struct ios_icmp_name {
	const char *name;
	int type, code; /* code -1: any */
};

/* Number of a port name in the dialect, -1 where it isn't one. proto: PROTO_TCP or UDP. */
int ios_port_name(enum ios_dialect d, unsigned proto, const char *s, size_t len);
/* Number of a protocol keyword, -1 where it isn't one; "ip" and "ipv6" are not here. */
int ios_proto_name(enum family f, const char *s, size_t len);
/* False where it isn't the name of an ICMP (ICMPv6) message. */
bool ios_icmp_name(enum family f, const char *s, size_t len, int *ret_type, int *ret_code);

struct tok {
	const char *s;
	uint32_t len;
	uint32_t col; /* 1-based byte column */
};

struct toks {
	uint32_t line;
	uint32_t indent;  /* blanks in front, a tab counts as eight */
	const char *text; /* the line without its line end */
	size_t len;
	unsigned n;
	bool more; /* there were more than IOS_WORDS_MAX */
	struct tok v[IOS_WORDS_MAX];
};

/* An entry of an access list, or an edit of one; see ios_acl.c. */
struct ace {
	uint64_t seq;
	uint32_t order, line;
	uint16_t key_col; /* where the text that `no` repeats begins; 0: none */
	bool numbered;	  /* the sequence number was written */
	bool remove;	  /* `no 30`: takes what has its number away */
	struct rule rule;
};

struct acl {
	const char *name;
	enum family family;
	bool standard;
	bool defined;
	bool unsorted;
	struct loc at;
	VEC(struct ace) aces;
	uint64_t last_seq;
	uint32_t order, edits;
	bool remarks;
	int fragments; /* NX-OS: 1 permit-all, 2 deny-all */
	struct loc fragments_at;
	struct ruleset *rs;
	const struct ruleset *hooks; /* what a binding of it asks; made on demand */
	const struct match *touches; /* all that it permits, and answers; made on demand */
	const struct match *permits; /* all that it permits; made on demand */
};

enum group_kind { GROUP_NETWORK, GROUP_NETWORK6, GROUP_SERVICE, GROUP_PORT, GROUP_OTHER };

enum group_state { GROUP_NEW, GROUP_OPEN, GROUP_DONE };

struct group {
	const char *name;
	enum group_kind kind;
	uint8_t state;
	bool vendor_ip; /* NX-OS `object-group ip address`: wildcards, not netmasks */
	bool v6;	/* services of IPv6 */
	struct loc at;
	VEC(uint32_t) lines;
	/* Results: addresses as source and destination, ports likewise; of services the
	 * whole condition for permits and denies, and its protocols alone. */
	const struct match *m[2];
	const struct match *permit, *deny, *protos;
};

struct ios_addr {
	enum family family;
	struct addr addr;
	unsigned len;
	bool secondary;
};

enum bind_what { BIND_V4, BIND_V6, BIND_MAC };

struct bind {
	enum bind_what what;
	bool out;
	bool port_acl;
	const char *name;
	struct loc at;
};

/* Something on an interface that may drop packets and that we can't judge. */
struct narrow {
	const char *why;
	bool out;
	bool v4_only;
	bool urpf;
	bool loose, allow_default; /* of urpf */
	const char *list;	   /* what it permits passes the check all the same; or NULL */
	struct loc at;
};

struct iface {
	const char *name;
	const char *alias;
	struct loc at;
	const char *vrf;
	int vlan;
	bool shutdown, no_shutdown;
	bool switchport, no_switchport, trunk;
	bool nat_inside, nat_outside, nat_enable;
	bool open_v4; /* gets an address that isn't written */
	const char *unnumbered;
	const char *policy[FAMILY_COUNT]; /* route maps of policy routing */
	struct loc policy_map_at[FAMILY_COUNT];
	struct {
		const char *source, *key;
		struct addr dest;
		bool has_dest, many;
	} tunnel;
	VEC(struct ios_addr) addrs;
	VEC(struct ios_addr) virtuals; /* standby, VRRP, GLBP */
	VEC(struct bind) binds;
	VEC(struct narrow) narrows;
	const char *crypto_map;
	struct loc crypto_at;
	const char *policy_maps[2]; /* in, out */
	struct loc policy_at[2];
};

/* A line put off to the second go. */
enum later_kind { LATER_ACE, LATER_NO, LATER_CLEAR, LATER_RESEQ, LATER_FRAGMENTS };

struct later {
	struct acl *acl;
	uint32_t line;
	uint16_t first; /* the word to begin with */
	uint8_t kind;
};

struct vacl_clause {
	uint64_t seq;
	bool drop;
	bool has_action, has_other; /* an action was read; a match that isn't modelled */
	struct loc at;
	VEC(const char *) acls4;
	VEC(const char *) acls6;
};

struct vacl {
	const char *name;
	struct loc at;
	VEC(struct vacl_clause) clauses;
	const struct ruleset *rs;
};

struct vlan_filter {
	const char *map;
	uint32_t lo, hi;
	struct loc at;
};

/* A static route; what its next hop means is told when all ports are known. */
struct route_line {
	struct route route;
	uint32_t line;
	bool other;		/* the next hop is of another table */
	const char *other_name; /* NULL: of the default one */
};

/* One clause of a route map. */
struct map_set {
	uint8_t kind; /* enum policy_set_kind */
	uint8_t family;
	struct addr via;
	const char *port; /* as written */
	const char *table, *why;
};

struct map_clause {
	uint64_t seq;
	bool deny;
	struct loc at;
	VEC(const char *) acls[FAMILY_COUNT];
	VEC(const char *) ports; /* match interface */
	const char *other;	 /* a match that isn't known, or NULL */
	VEC(struct map_set) sets;
};

struct route_map {
	const char *name;
	VEC(struct map_clause) clauses;
};

/* A rule of policy routing that isn't one of a route map. */
struct route_doubt {
	const char *in, *why;
	struct loc at;
};

struct nat_line {
	uint32_t line;
	const char *port; /* EOS puts them under an interface */
};

struct access_class {
	const char *line, *name;
	bool v6;
	struct loc at;
};

enum ios_mode {
	MODE_GLOBAL,
	MODE_ACL,
	MODE_IFACE,
	MODE_GROUP,
	MODE_LINE,
	MODE_VRF,
	MODE_VACL,
	MODE_ROUTE_MAP,
	MODE_POLICY_MAP,
	MODE_CRYPTO_MAP,
	MODE_CONTROL,
	MODE_IGNORE, /* a section that has no say in reachability */
	MODE_BOUNDED,
	MODE_BAD, /* below a line that was not understood */
};

struct why {
	uint32_t line, order;
	const char *text;
};

struct ios {
	struct collect *c;
	const struct source *src;
	struct snapshot *snap;
	struct arena *arena; /* the snapshot's */
	struct matches *m;
	struct diags *d;
	struct device_build *b;
	const char *device;
	enum ios_dialect dialect;

	uint8_t *classes; /* of each line: enum account_class, 0x40 policy, 0xff not judged */
	VEC(struct why) whys;

	const char *hostname;
	enum ios_mode mode;
	uint32_t mode_indent; /* of the line that opened the mode */
	uint32_t sub_indent;  /* of the first line inside; 0: none yet */
	const char *mode_name;
	struct acl *acl;
	struct group *group;
	struct vacl *vacl;
	VEC(uint32_t) current; /* interfaces that are being configured */
	bool standby_sub;      /* inside `hsrp 1` or `vrrp 1` of an interface */
	const char *line_name;
	bool leaf; /* the last global line can't have lines below it */
	bool ended;

	struct map acls;     /* "4 name" or "6 name" to struct acl */
	struct map groups;   /* "kind name" to struct group */
	struct map iface_at; /* lower-case full name to index + 1 */
	VEC(struct iface) ifaces;
	VEC(struct acl *) acl_list;
	VEC(struct group *) group_list;
	VEC(struct later) later;
	struct map vacls;
	VEC(struct vlan_filter) filters;
	VEC(struct nat_line) nats;
	VEC(struct access_class) classes_of_lines;
	VEC(struct access_class) control_lists;
	struct map drop_policies; /* policy maps that drop; value: a name */
	struct map crypto_maps;	  /* to their lists, ios_nat.c */
	struct map maps;	  /* to struct route_map */
	struct route_map *map;	  /* whose clause is being read, the last one */
	VEC(struct route_line) routes;
	VEC(struct route_doubt) doubts;
	const char *learned; /* where routes may come from that aren't written, or NULL */
	struct loc learned_at;
	bool whole;  /* something tells that this is a whole configuration */
	int routing; /* `ip routing`: 1, `no ip routing`: -1 */
	struct loc routing_at;
	bool routing6; /* ipv6 unicast-routing */
	const char *local_policy;
	struct loc local_policy_at;
	struct map pools;
	struct nat_pool *pool; /* whose ranges may stand below */
	const char *vrf;       /* whose section this is */
	bool routes_seen;
	const char *control_policy;
	struct loc control_at;
	bool default_shutdown; /* NX-OS: system default switchport shutdown */
	struct map rulesets;   /* by name */
	size_t work;	       /* of ranges, see IOS_WORK_MAX */
	size_t atoms, copies;
	bool no_etx; /* no ^C stands below */
	bool svis_tainted;
	uint32_t missing_line; /* the last one told of */
	uint32_t efp_indent;   /* of `service instance`, + 1; 0: not inside one */
};

/* ios_lines.c */
void ios_words(const struct source *src, uint32_t line, struct toks *w);
bool tok_is(const struct toks *w, unsigned i, const char *s);
/* All of the space-separated words of s stand at i, i + 1, ... */
bool toks_are(const struct toks *w, unsigned i, const char *s);
const char *tok_str(struct ios *x, const struct toks *w, unsigned i); /* "" beyond the end */
bool tok_number(const struct toks *w, unsigned i, uint64_t lo, uint64_t hi, uint64_t *ret);
struct loc tok_loc(const struct ios *x, const struct toks *w, unsigned i);
struct loc tok_line(const struct ios *x, const struct toks *w);
/* The last line of the banner or certificate that begins on this line (itself where it ends
 * there); *ret_open where the end is missing. */
uint32_t ios_banner_end(struct ios *x, const struct toks *w, bool *ret_open);
enum ios_dialect ios_guess_dialect(const char *text, size_t len);
int ios_probe(const char *head, size_t len, const char *filename);
/* NULL, or the reason why this is not a configuration that is read; *ret_code for it. */
const char *ios_refuse(const struct source *src, const char **ret_code, uint32_t *ret_line);

/* ios.c: the account. fmt NULL only for exact and irrelevant lines. */
void ios_mark(struct ios *x, uint32_t line, enum account_class class, bool policy,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A line without a say in reachability. */
void ios_irrelevant(struct ios *x, const struct toks *w);
/* Rejects a line, with a diagnostic. */
void ios_reject(struct ios *x, const struct toks *w, const char *code, struct loc at,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void ios_use(struct ios *x, const char *kind, const char *name, struct loc at);
void ios_define(struct ios *x, const char *kind, const char *name, struct loc at);

/* ios_acl.c */
struct acl *ios_acl(struct ios *x, enum family f, const char *name, bool create);
void ios_later(struct ios *x, struct acl *a, enum later_kind kind, uint32_t line,
	       unsigned first);
void ios_acl_define(struct ios *x, struct acl *a, bool standard, struct loc at);
void ios_acl_line(struct ios *x, const struct later *l);
void ios_acl_settle(struct ios *x, struct acl *a);
/* One line of an access list section; false where it isn't one. */
bool ios_acl_mode(struct ios *x, const struct toks *w);

/* ios_words.c: words that begin lines without a say. */
enum ios_table_id {
	IOS_LEAVES,
	IOS_BLOCKS,
	IOS_IP_LEAVES,
	IOS_IP_BLOCKS,
	IOS_IPV6_LEAVES,
	IOS_IPV6_BLOCKS,
	IOS_IF,
	IOS_IF_IP,
	IOS_TABLES
};
struct ios_table {
	const char *const *words;
	size_t n;
};
extern const struct ios_table ios_tables[IOS_TABLES];
bool ios_known(enum ios_table_id id, const struct toks *w, unsigned i);

/* ios_ace.c: reads an entry from word i on (permit or deny). 0, or -EINVAL with *ret_why and
 * the word that is wrong in *ret_bad. *ret_bound is why it is a bound, NULL where exact. */
int ios_ace(struct ios *x, const struct acl *a, const struct toks *w, unsigned i,
	    struct rule *ret_rule, const char **ret_bound, const char **ret_why,
	    unsigned *ret_bad);
/* ios_field.c: an operator and its ports at *i; NULL where there is none or after *ret_why. */
const struct match *ios_ports(struct ios *x, unsigned proto, const struct toks *w, unsigned *i,
			      enum field field, const char **ret_why);
/* Shared by groups: ICMP type and code at *i; NULL where there is none or after *ret_why. */
const struct match *ios_icmp(struct ios *x, enum family f, const struct toks *w, unsigned *i,
			     const char **ret_why);
bool ios_proto(struct ios *x, enum family f, const struct toks *w, unsigned i, int *ret);

/* ios_group.c */
struct group *ios_group(struct ios *x, enum group_kind kind, const char *name, bool create);
void ios_group_clear(struct ios *x, struct group *g); /* no object-group */
bool ios_group_open(struct ios *x, const struct toks *w);
void ios_group_resolve(struct ios *x, struct group *g, unsigned depth);

/* ios_ifname.c */
const char *ios_iface_name(struct arena *a, const char *s, size_t len);
struct iface *ios_iface(struct ios *x, const char *name, bool create, struct loc at);
void ios_iface_open(struct ios *x, const struct toks *w, unsigned first);
/* ios_iface.c: one line of an interface's section; false where it isn't known. */
bool ios_iface_line(struct ios *x, const struct toks *w);

/* ios_global.c */
bool ios_global_line(struct ios *x, const struct toks *w);
/* Notes the names of access lists that an otherwise irrelevant line uses. */
void ios_note_uses(struct ios *x, const struct toks *w);

/* ios_section.c */
bool ios_sub_line(struct ios *x, const struct toks *w);

/* ios_route.c */
bool ios_route(struct ios *x, const struct toks *w, unsigned i, enum family f, const char *vrf);
/* Routes may come from elsewhere; the first reason stands. */
void ios_learned(struct ios *x, const struct toks *w, const char *why);
void ios_routes_build(struct ios *x);
/* Word i as the name of an interface, which may be two words; *ret_next is behind it. */
const char *ios_port_word(struct ios *x, const struct toks *w, unsigned i, unsigned *ret_next);

/* ios_policy.c: route maps, and policy routing by them */
void ios_map_open(struct ios *x, const struct toks *w);
void ios_map_line(struct ios *x, const struct toks *w);
void ios_doubt(struct ios *x, const char *in, const char *why, struct loc at);
void ios_policies_build(struct ios *x);
void ios_policy_finish(struct ios *x);
/* What the route map takes of a family (NULL: not there), over source, destination, service
 * and, where it asks for ports, the port it leaves by. */
const struct match *ios_map_match(struct ios *x, const char *name, enum family f);

/* ios_nat.c */
void ios_nat_pool(struct ios *x, const struct toks *w);
void ios_nat_pool_range(struct ios *x, const struct toks *w);
void ios_crypto_acl(struct ios *x, const char *map, const char *acl);
const struct match *ios_nat_touches(struct ios *x, const struct toks *w);
/* The pool's addresses, in the arena; false where they aren't known. */
bool ios_nat_pool_spans(struct ios *x, const char *name, const struct span **ret_v,
			size_t *ret_n);
void ios_crypto(struct ios *x);
void ios_nat_finish(struct ios *x);

/* ios_xlate.c: what translations make of first packets */
void ios_nats(struct ios *x);

/* ios_build.c */
void ios_build(struct ios *x);
const struct match *ios_acl_touches(struct ios *x, const char *name);
/* Exactly what the list permits, as far as it is known. */
const struct match *ios_acl_permits(struct ios *x, enum family f, const char *name);

#endif
