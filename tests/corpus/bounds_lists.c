/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/corpus/bounds_lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"

char *bounds_text(const char *path)
{
	FILE *f = fopen(path, "r");
	struct text t = { 0 };
	char buf[65536];
	size_t n;
	if (!f)
		return NULL;
	while ((n = fread(buf, 1, sizeof(buf), f)))
		text_putn(&t, buf, n);
	fclose(f);
	text_put(&t, "");
	return t.s;
}

size_t bounds_split(char *line, const char *at, char **ret, size_t most)
{
	size_t n = 0;
	for (char *save = NULL, *s = strtok_r(line, at, &save); s;
	     s = strtok_r(NULL, at, &save))
		if (n < most)
			ret[n++] = s;
		else
			return most + 1;
	return n;
}

/* One of its ports: "dpt:22", "spts:410:415". False where it is something else. */
static bool port_match(struct matches *m, const char *s, const struct match **ret)
{
	unsigned lo, hi;
	char which;
	int end = 0;
	if (sscanf(s, "%cpts:%u:%u%n", &which, &lo, &hi, &end) != 3 || s[end]) {
		if (sscanf(s, "%cpt:%u%n", &which, &lo, &end) != 2 || s[end])
			return false;
		hi = lo;
	}
	if ((which != 's' && which != 'd') || lo > hi || hi > UINT16_MAX)
		return false;
	*ret = match_range(m, which == 's' ? FIELD_SPORT : FIELD_DPORT, lo, hi);
	return true;
}

/* PROTO SOURCE DESTINATION [PROTO] [PORTS]...; NULL where a word is not known. */
const struct match *bounds_words(struct matches *m, char *const *v, size_t n)
{
	const struct match *x = match_family(m, FAMILY_V4);
	if (n < 3)
		return NULL;
	if (strcmp(v[0], "all")) {
		int proto = proto_number(v[0], strlen(v[0]));
		if (proto < 0)
			return NULL;
		x = match_and(m, x, match_value(m, FIELD_PROTO, (unsigned)proto));
	}
	for (size_t i = 1; i < 3; i++) {
		enum family f;
		struct addr a;
		unsigned len;
		bool host;
		if (!prefix_parse(v[i], strlen(v[i]), &f, &a, &len, &host) || f != FAMILY_V4)
			return NULL;
		x = match_and(m, x, match_prefix(m, i == 1 ? FIELD_SRC : FIELD_DST, f, a, len));
	}
	for (size_t i = 3; i < n; i++) {
		const struct match *ports;
		if (!strcmp(v[i], v[0]))
			continue;
		if (!port_match(m, v[i], &ports))
			return NULL;
		x = match_and(m, x, ports);
	}
	return x;
}

/* A list as `iptables -L -n` would print it: its one chain with rules. */
struct ruleset *bounds_list(struct snapshot *snap, const char *path, const char *chain)
{
	char *text = bounds_text(path);
	struct matches *m = &snap->matches;
	VEC(struct rule) rules = { 0 };
	bool inside = false, closed = false;
	if (!text)
		return NULL;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *v[LINE_FIELDS + 1] = { 0 };
		if (has_prefix(line, "Chain ")) {
			inside = !strncmp(line + 6, chain, strlen(chain));
			continue;
		}
		if (!inside || has_prefix(line, "target"))
			continue;
		size_t n = bounds_split(line, " ", v, LINE_FIELDS);
		bool accept = n && !strcmp(v[0], "ACCEPT");
		const struct match *x = NULL;
		if (n >= 5 && n <= LINE_FIELDS && (accept || !strcmp(v[0], "DROP")) &&
		    !strcmp(v[2], "--")) {
			v[2] = v[1];
			x = bounds_words(m, v + 2, n - 2);
		}
		if (!x) {
			printf("%s: a line is not known: %s\n", path, n ? v[0] : "");
			closed = false;
			break;
		}
		closed |= n == 5 && !strcmp(v[2], "all") && !strcmp(v[3], "0.0.0.0/0") &&
			  !strcmp(v[4], "0.0.0.0/0");
		*vec_add(&rules) = (struct rule){
			.match = x,
			.id = ++snap->n_rules,
			.verdict = accept ? VERDICT_PERMIT : VERDICT_DENY,
		};
	}
	free(text);
	if (!closed) {
		printf("%s: has no rule for everything\n", path);
		vec_free(&rules);
		return NULL;
	}
	struct ruleset *rs = arena_alloc(snap->arena, sizeof(*rs));
	*rs = (struct ruleset){ .name = chain,
				.rules = vec_keep(snap->arena, &rules),
				.n = (uint32_t)rules.n,
				.id = ++snap->n_rulesets,
				.dflt = VERDICT_UNKNOWN };
	vec_free(&rules);
	return rs;
}

/* "[22]", "[873, 3260, 3240:3259]": ports, from the bracket on; NULL where it is none. */
static const struct match *closure_ports(struct matches *m, enum field field, const char **at)
{
	VEC(struct range) v = { 0 };
	const char *s = *at;
	const struct match *x = NULL;
	while (*s == '[' || *s == ' ' || *s == ',') {
		unsigned lo, hi;
		int end = 0;
		s++;
		if (*s == ' ')
			continue;
		if (sscanf(s, "%u:%u%n", &lo, &hi, &end) != 2) {
			if (sscanf(s, "%u%n", &lo, &end) != 1)
				break;
			hi = lo;
		}
		*vec_add(&v) = (struct range){ (uint16_t)lo, (uint16_t)hi };
		s += end;
	}
	if (*s == ']' && v.n)
		x = match_ranges(m, field, v.v, v.n);
	vec_free(&v);
	*at = s + 1;
	return x;
}

/* "[TCP_SYN, TCP_ACK]" as flags; -1 where it is none. */
static int closure_flags(const char **at)
{
	static const struct {
		const char *name;
		int flag;
	} names[] = { { "TCP_FIN", TCP_FIN }, { "TCP_SYN", TCP_SYN }, { "TCP_RST", TCP_RST },
		      { "TCP_PSH", TCP_PSH }, { "TCP_ACK", TCP_ACK }, { "TCP_URG", TCP_URG } };
	const char *s = *at, *end = strchr(s, ']');
	int flags = 0;
	if (*s != '[' || !end)
		return -1;
	for (s++; s < end; s += strspn(s, ", ")) {
		size_t len = strcspn(s, ",]"), i = 0;
		while (i < 6 &&
		       (strlen(names[i].name) != len || strncmp(names[i].name, s, len)))
			i++;
		if (i == 6)
			return -1;
		flags |= names[i].flag;
		s += len;
	}
	*at = end + 1;
	return flags;
}

static const struct match *closure_states(struct matches *m, const char *s)
{
	const struct match *x = match_none(m);
	for (; *s; s += strspn(s, ",")) {
		size_t len = strcspn(s, ",");
		int state = 0;
		while (state < STATE_COUNT && (strlen(state_name(state)) != len ||
					       strncasecmp(state_name(state), s, len)))
			state++;
		if (state == STATE_COUNT)
			return NULL;
		x = match_or(m, x, match_value(m, FIELD_STATE, (unsigned)state));
		s += len;
	}
	return x;
}

static const struct match *closure_prefix(struct matches *m, enum field field, const char *s)
{
	enum family f;
	struct addr a;
	unsigned len;
	bool host;
	if (!prefix_parse(s, strlen(s), &f, &a, &len, &host))
		return NULL;
	return match_prefix(m, field, f, a, len);
}

/* One option with its value; *at is moved behind them. */
static const struct match *closure_option(struct matches *m, const char *opt, const char **at)
{
	char word[128];
	int end = 0;
	if (!strcmp(opt, "--dpts") || !strcmp(opt, "--spts"))
		return closure_ports(m, opt[2] == 'd' ? FIELD_DPORT : FIELD_SPORT, at);
	if (!strcmp(opt, "--tcp-flags")) {
		int mask = closure_flags(at), value;
		*at += **at == ' ';
		value = closure_flags(at);
		return mask < 0 || value < 0 ? NULL
					     : match_flags(m, (unsigned)value, (unsigned)mask);
	}
	if (sscanf(*at, "%127s%n", word, &end) != 1)
		return NULL;
	*at += end;
	if (!strcmp(opt, "-s") || !strcmp(opt, "-d"))
		return closure_prefix(m, opt[1] == 's' ? FIELD_SRC : FIELD_DST, word);
	if (!strcmp(opt, "-i") || !strcmp(opt, "-o"))
		return match_iface(m, opt[1] == 'i' ? FIELD_IIF : FIELD_OIF, word, false);
	if (!strcmp(opt, "--state"))
		return closure_states(m, word);
	if (!strcmp(opt, "-m"))
		return match_all(m);
	int proto = strcmp(opt, "-p") ? -1 : proto_number(word, strlen(word));
	return proto < 0 ? NULL : match_value(m, FIELD_PROTO, (unsigned)proto);
}

/* "(-i lup -s 192.168.0.0/16, -j DROP)" */
static bool closure_rule(struct matches *m, const char *s, const struct match **ret,
			 bool *ret_accept)
{
	const struct match *x = match_family(m, FAMILY_V4);
	for (s++; *s;) {
		char opt[32];
		int end = 0;
		bool no = false;
		s += strspn(s, " ");
		if (has_prefix(s, ", -j ")) {
			*ret_accept = !strcmp(s, ", -j ACCEPT)");
			*ret = x;
			return *ret_accept || !strcmp(s, ", -j DROP)");
		}
		if (has_prefix(s, "! "))
			no = true, s += 2;
		if (sscanf(s, "%31s%n", opt, &end) != 1)
			return false;
		s += end;
		s += *s == ' ';
		/* A value that ends the condition has the comma behind it. */
		char *comma = strstr(s, ", -j "), keep = 0;
		if (comma)
			keep = *comma, *comma = '\0';
		const struct match *one = closure_option(m, opt, &s);
		if (comma)
			*comma = keep;
		if (!one)
			return false;
		x = match_and(m, x, no ? match_not(m, one) : one);
	}
	return false;
}

struct ruleset *bounds_closure(struct snapshot *snap, const char *path, const char *title)
{
	char *text = bounds_text(path);
	VEC(struct rule) rules = { 0 };
	bool inside = false, fine = text;
	for (char *save = NULL, *line = text ? strtok_r(text, "\n", &save) : NULL; line && fine;
	     line = strtok_r(NULL, "\n", &save)) {
		const struct match *x;
		bool accept;
		if (has_prefix(line, "== ")) {
			inside = !strcmp(line, title);
			continue;
		}
		if (!inside)
			continue;
		fine = closure_rule(&snap->matches, line, &x, &accept);
		if (!fine)
			printf("%s: a rule is not known: %s\n", path, line);
		else
			*vec_add(&rules) = (struct rule){
				.match = x,
				.id = ++snap->n_rules,
				.verdict = accept ? VERDICT_PERMIT : VERDICT_DENY,
			};
	}
	struct ruleset *rs = arena_alloc(snap->arena, sizeof(*rs));
	*rs = (struct ruleset){ .name = title,
				.rules = vec_keep(snap->arena, &rules),
				.n = (uint32_t)rules.n,
				.id = ++snap->n_rulesets,
				.dflt = VERDICT_UNKNOWN };
	fine &= rules.n > 0;
	vec_free(&rules);
	free(text);
	return fine ? rs : NULL;
}
