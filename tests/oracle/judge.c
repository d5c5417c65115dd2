/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/oracle/judge.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "collectors/collector.h"

/* partly: exit code 4 of ours, what is missing is told in the output. */
static bool list(const char *const *argv, bool partly, struct text *out)
{
	struct ran r;
	run_child(argv, NULL, &r);
	/* both backends on one host: what is said of the other isn't about this one */
	bool ok = partly ? !r.status || r.status == 4
			 : !r.status && (!r.err.len || has_prefix(r.err.s, "# Warning: ip"));
	if (ok && r.out.len)
		text_putn(out, r.out.s, r.out.len);
	if (!ok)
		fprintf(stderr, "%s: status %d: %s\n", argv[0], r.status,
			r.err.s ? r.err.s : "");
	ran_finish(&r);
	return ok;
}

static bool has_part(const struct script *s, enum part part)
{
	vec_each (l, &s->lines)
		if (l->part == part)
			return true;
	return false;
}

static int read_text(struct judge *j, const char *collector, const char *name,
		     const struct text *t)
{
	const struct source *src;
	const struct collector *c = collector_find(collector);
	if (!c)
		return -ENOSYS;
	int err = source_from_bytes(j->arena, &j->diags, name, t->s ? t->s : "", t->len, &src);
	return err ? err : collector_run(c, j->snap, &j->diags, name, PLANE_VIRTUAL, &src, 1);
}

static int read_nft(struct judge *j)
{
	static const char *const argv[] = { "nft", "-j", "list", "ruleset", NULL };
	struct text t = { 0 };
	int err = list(argv, false, &t) ? read_text(j, "nft", "ruleset.json", &t) : -EIO;
	text_finish(&t);
	return err;
}

static int read_iptables(struct judge *j, const struct script *s, bool legacy)
{
	const char *const save[][2] = { { "iptables-nft-save", NULL },
					{ "ip6tables-nft-save", NULL },
					{ "iptables-legacy-save", NULL },
					{ "ip6tables-legacy-save", NULL } };
	static const char *const ipset[] = { "ipset", "save", NULL };
	struct text t = { 0 };
	bool ok = true;
	if (has_part(s, PART_IPSET))
		ok = list(ipset, false, &t);
	for (size_t i = 0; i < 2; i++)
		ok = ok && list(save[2 * legacy + i], false, &t);
	int err = ok ? read_text(j, "iptables", legacy ? "legacy" : "xtables", &t) : -EIO;
	text_finish(&t);
	return err;
}

/* The program: as the environment says, or where it stands beside this one in the build. */
static const char *plumbline(struct judge *j)
{
	const char *told = getenv("PLUMBLINE");
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (told || n <= 0)
		return told ? told : "plumbline";
	self[n] = 0;
	char *slash = strrchr(self, '/');
	return arena_printf(j->arena, "%.*s/../../cli/plumbline", (int)(slash - self), self);
}

static int read_linux(struct judge *j)
{
	const char *const argv[] = { plumbline(j), "collect", "linux", NULL };
	struct text t = { 0 };
	int err = list(argv, true, &t) ? read_text(j, "linux", "state.json", &t) : -EIO;
	text_finish(&t);
	return err;
}

/* What a packet meets between two interfaces, of all devices: they are one host. */
static size_t seats_between(struct judge *j, const char *iif, const char *oif, struct seat *v)
{
	size_t n = 0;
	vec_each (dev, &j->snap->devices) {
		struct point pt;
		const char *why;
		if (!path_cross(j->arena, *dev, iif, oif, &pt, &why)) {
			fprintf(stderr, "no way from %s to %s: %s\n", iif, oif, why);
			return SEATS + 1;
		}
		for (size_t i = 0; i < pt.n_stages && n < SEATS; i++)
			v[n++] = (struct seat){ .at = pt.stages[i] };
	}
	return n;
}

static int seat_all(struct judge *j)
{
	j->seated = true;
	for (unsigned in = 0; in <= N_IN; in++)
		for (unsigned out = 0; out <= N_OUT; out++) {
			if (in == IN_SELF && out == OUT_SELF)
				continue;
			j->n_seats[in][out] = seats_between(j, in_names[in], out_names[out],
							    j->seats[in][out]);
			if (j->n_seats[in][out] > SEATS)
				return -EINVAL;
		}
	return 0;
}

int judge_open(struct judge *j, const struct script *s, enum reading how)
{
	int err = 0;
	*j = (struct judge){ .arena = arena_create(), .snap = snapshot_create() };
	diags_init(&j->diags, j->arena);
	for (int f = 0; f < FAMILY_COUNT; f++)
		j->space[f] = pset_space_create((enum family)f, 256u << 20);
	bool legacy = has_part(s, PART_LEGACY4) || has_part(s, PART_LEGACY6);
	bool xnft = has_part(s, PART_XNFT4) || has_part(s, PART_XNFT6);
	bool nft = has_part(s, PART_NFT);
	/* rules of one reach into the other's by marks and tracking: listings alone don't show
	 * it */
	if (how == READ_LINUX || (nft && (legacy || xnft))) {
		err = read_linux(j);
	} else {
		if (legacy)
			err = read_iptables(j, s, true);
		if (!err && xnft)
			err = read_iptables(j, s, false);
		if (!err && nft)
			err = read_nft(j);
	}
	vec_each (acc, &j->snap->accounts) {
		j->n_exact += (*acc)->policy[ACCOUNT_EXACT];
		j->n_bounded += (*acc)->policy[ACCOUNT_BOUNDED];
		j->n_rejected += (*acc)->count[ACCOUNT_REJECTED];
	}
	vec_each (dev, &j->snap->devices)
		for (size_t i = 0; i < (*dev)->n_taints; i++) {
			j->tainted |= !(*dev)->taints[i].port;
			if (!j->taint)
				j->taint = (*dev)->taints[i].why;
		}
	if (err)
		for (size_t i = 0; i < j->diags.n && i < 10; i++)
			fprintf(stderr, "%s: %s\n", j->diags.v[i].code, j->diags.v[i].text);
	return err;
}

void judge_close(struct judge *j)
{
	for (int f = 0; f < FAMILY_COUNT; f++)
		pset_space_destroy(j->space[f]);
	snapshot_destroy(j->snap);
	diags_finish(&j->diags);
	arena_destroy(j->arena);
}

static const struct lowered *sets_of(struct judge *j, struct seat *s, int f, const char *mac)
{
	if (s->ready[f])
		return &s->low[f];
	struct pset_assume as = { .iif = s->at.iif,
				  .oif = s->at.oif,
				  .physin = s->at.physin,
				  .physout = s->at.physout,
				  .mac = mac,
				  .state = -1,
				  .fragment = -1 };
	s->low[f] = lower(j->space[f], s->at.ruleset, &as, pset_all(j->space[f]));
	s->ready[f] = true;
	return &s->low[f];
}

/* As docs/soundness.md has it: what a translation may touch is never sure. */
static bool touched(const struct judge *j, const struct packet *p)
{
	vec_each (dev, &j->snap->devices)
		for (size_t i = 0; i < (*dev)->n_nats; i++)
			if (match_judge((*dev)->nats[i].touches, p) != TRUTH_FALSE)
				return true;
	return false;
}

static struct answer ask(struct judge *j, struct seat *v, size_t n, const struct packet *p)
{
	struct answer a = { .sure = true, .maybe = true, .set_sure = true, .set_maybe = true };
	int f = p->family;
	for (size_t i = 0; i < n; i++) {
		struct seat *s = &v[i];
		struct packet here = stage_packet(&s->at, p);
		struct interp_answer x = interp(s->at.ruleset, &here);
		const struct lowered *low = sets_of(j, s, f, p->mac);
		if (a.maybe && (!x.maybe || (a.sure && !x.sure))) {
			a.decides = s;
			a.rule = x.maybe ? x.sure_rule : x.maybe_rule;
		}
		a.sure &= x.sure;
		a.maybe &= x.maybe;
		a.spent |= pset_is_spent(low->sure) || pset_is_spent(low->maybe);
		if (!a.spent) {
			a.set_sure &= pset_has(j->space[f], low->sure, &here);
			a.set_maybe &= pset_has(j->space[f], low->maybe, &here);
		}
	}
	if (j->tainted || touched(j, p)) {
		a.nat = true;
		a.sure = a.set_sure = false;
		a.maybe = a.set_maybe = true;
	}
	return a;
}

struct answer judge_packet(struct judge *j, const struct shot *shot)
{
	if (!j->seated && seat_all(j))
		return (struct answer){ .sure = true }; /* differs from everything */
	return ask(j, j->seats[shot->in][shot->out], j->n_seats[shot->in][shot->out],
		   &shot->packet);
}

struct answer judge_way(struct judge *j, const char *iif, const char *oif,
			const struct packet *p)
{
	struct seat *v = arena_array(j->arena, SEATS + 1, sizeof(*v));
	size_t n = seats_between(j, iif, oif, v);
	return n > SEATS ? (struct answer){ .sure = true } : ask(j, v, n, p);
}

void judge_say(const struct answer *a, struct text *t)
{
	text_putf(t, "rules: %s; sets: %s",
		  a->sure    ? "permit"
		  : a->maybe ? "unknown"
			     : "deny",
		  a->spent	 ? "spent"
		  : a->set_sure	 ? "permit"
		  : a->set_maybe ? "unknown"
				 : "deny");
	if (!a->decides) {
		text_put(t, ", nothing denies it\n");
		return;
	}
	const struct ruleset *rs = a->decides->at.ruleset;
	text_putf(t, ", decided in %s by %s\n", rs->name, a->rule ? "" : "its default");
	if (!a->rule)
		return;
	text_putf(t, "  %s", a->rule->at.path ? a->rule->at.path : "");
	if (a->rule->at.line)
		text_putf(t, " line %u", a->rule->at.line);
	text_put(t, ": ");
	match_print(t, a->rule->match);
	text_putc(t, '\n');
}
