/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_SNAPSHOT_H
#define MODEL_SNAPSHOT_H

/*
 * All that was read: devices with their rulesets as written, and for every source an account
 * of what became of each of its lines. Built by the collectors, then frozen.
 */

#include "base/map.h"
#include "base/source.h"
#include "base/vec.h"
#include "model/device.h"

/* What became of a line (or of a JSON member that carries policy). */
enum account_class {
	ACCOUNT_IRRELEVANT, /* known, has no say in reachability; blank lines and comments too */
	ACCOUNT_EXACT,
	ACCOUNT_BOUNDED,  /* understood up to an unknown condition */
	ACCOUNT_REJECTED, /* not understood, or wrong */
	ACCOUNT_CLASSES
};

struct account_entry {
	struct loc at;
	uint8_t class; /* ACCOUNT_BOUNDED or ACCOUNT_REJECTED */
	const char *why;
};

struct account {
	const struct source *src;
	const char *collector;
	const char *unit; /* "line", "member", "rule" */
	size_t count[ACCOUNT_CLASSES];
	/* of the policy lines alone (rules, groups, bindings), for the share understood */
	size_t policy[ACCOUNT_CLASSES];
	VEC(struct account_entry) entries; /* every bounded and rejected one, in order */
	bool failed; /* the source could not be read to its end */
};

/* A name that was defined or used: what `lint` tells undefined and unused names from. */
struct name_use {
	const char *device;
	const char *kind; /* "access list", "object-group", "chain", "set"... */
	const char *name;
	struct loc at;
	bool defines;
};

struct snapshot {
	struct arena *arena; /* owned: everything below lives there */
	struct matches matches;
	VEC(struct device *) devices;
	VEC(struct account *) accounts;
	VEC(struct name_use) names;
	uint32_t n_rules, n_rulesets; /* ids given out */
};

struct snapshot *snapshot_create(void);
void snapshot_destroy(struct snapshot *s);

const struct device *snapshot_device(const struct snapshot *s, const char *name);

/*
 * Once all sources are read: a device of a machine that has another network namespace, which may
 * pass packets on to or from the device and of which no source tells, is tainted, with
 * `linux.namespace-missing`. Namespaces are the same where their id and the host's name are.
 */
void snapshot_namespaces(struct snapshot *s, struct diags *d);

/*
 * Building. A device_build collects one device; device_build_finish copies it into the
 * snapshot. Rulesets may be declared before they are filled, so that a jump can name one
 * that comes later.
 */
struct device_build {
	struct snapshot *snap;
	struct device dev;
	VEC(struct port) ports;
	VEC(struct ruleset *) rulesets;
	VEC(struct hook) hooks;
	VEC(struct route) routes;
	VEC(struct route_rule) route_rules;
	VEC(struct nat) nats;
	VEC(struct taint) taints;
};

/* name, vendor are copied. */
struct device_build *device_build_start(struct snapshot *s, const char *name,
					const char *vendor, enum plane plane, struct loc at);
/* An empty ruleset of that name (copied); default VERDICT_DENY until changed. */
struct ruleset *device_build_ruleset(struct device_build *b, const char *name,
				     const char *kind, struct loc at);
/* The ruleset of that name so far, or NULL. */
struct ruleset *device_build_find(struct device_build *b, const char *name);
/* Puts the rules (copied, ids given here) into rs; call once for each ruleset. */
void device_build_rules(struct device_build *b, struct ruleset *rs, const struct rule *v,
			size_t n);
void device_build_hook(struct device_build *b, enum hook_kind kind, int order,
		       const char *port, const struct ruleset *rs, struct loc at);
/* why: a phrase for people. port NULL: the whole device. */
void device_build_taint(struct device_build *b, const char *port, struct loc at,
			const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Adds the device to the snapshot and frees the builder. */
const struct device *device_build_finish(struct device_build *b);

/* An account for src; unit is a literal. */
struct account *snapshot_account(struct snapshot *s, const struct source *src,
				 const char *collector, const char *unit);
/*
 * Counts one unit. policy: the unit says what passes (a rule, a group's member, a binding),
 * not just how the device is set up. why (copied) is needed for bounded and rejected ones.
 */
void account_add(struct snapshot *s, struct account *acc, enum account_class class,
		 bool policy, struct loc at, const char *why);
size_t account_total(const struct account *acc);

void snapshot_name(struct snapshot *s, const char *device, const char *kind, const char *name,
		   struct loc at, bool defines);

#endif
