/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel as the judge: random rulesets are loaded into a namespace, listed and read the
 * way a user would, and packets drawn from their constants are sent through. What the kernel
 * does with each must lie between `sure` and `maybe` of the interpreter and of the sets, and
 * where the two are one, be the same. docs/oracle.md tells more.
 *
 *	oracle [--rulesets N] [--packets M] [--seed S] [--jobs J] [--only nft|iptables|linux]
 *	oracle --first ...	 ends at the first mismatch, without showing it
 *	oracle --ruleset SEED	 one ruleset by its own seed, printed
 *	oracle --probe		 what isn't there, a line each (tests/oracle/skips.txt)
 *	oracle --skips FILE ...	 fails where that isn't what FILE says
 *	oracle --scripted	 the scenes of scenes.h
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/oracle/probe.h"
#include "tests/oracle/replay.h"
#include "tests/oracle/scenes.h"

enum { REPORTS_MAX = 4, KINDS = 3, SKIPPED = 77 };

/* The share of packets whose answer may be a bound, in percent, by reading; so that the
 * oracle can't come to say nothing. */
static const unsigned unknown_max[KINDS] = {
	[READ_NFT] = 15, [READ_IPTABLES] = 15, [READ_LINUX] = 15
};
static const char *const kind_names[KINDS] = { "nft", "iptables", "linux" };

struct options {
	size_t rulesets, packets;
	uint64_t seed, one;
	unsigned jobs;
	int only;
	bool probe, scripted, first;
	const char *skips;
	struct features have;
};

/* What one worker counts; in memory that all share. */
struct totals {
	struct {
		size_t rulesets, packets, bounded, rules, rules_bounded;
	} kind[KINDS];
	size_t rulesets, refused, packets, arrived, one_sided, lopsided, spent, tainted,
		mismatches;
	size_t strange, failed;
};

static enum reading choose(const struct options *o, struct rng *r)
{
	unsigned k = below(r, 20);
	return o->only >= 0 ? (enum reading)o->only
	       : k < 9	    ? READ_NFT
	       : k < 18	    ? READ_IPTABLES
			    : READ_LINUX;
}

static void generate(struct script *s, enum reading how, struct rng *r,
		     const struct features *have)
{
	if (how == READ_NFT || (how == READ_LINUX && one_in(r, 2)))
		gen_nft(s, r, have);
	else
		gen_ipt(s, r, have);
}

/* An earlier packet of the batch is of the same connection, or nearly. */
static bool known(const struct shot *v, size_t i)
{
	const struct packet *p = &v[i].packet;
	for (size_t k = 0; k < i; k++) {
		const struct packet *q = &v[k].packet;
		if (p->family == q->family && p->proto == q->proto &&
		    ((addr_equal(p->src, q->src) && addr_equal(p->dst, q->dst) &&
		      p->sport == q->sport && p->dport == q->dport) ||
		     (addr_equal(p->src, q->dst) && addr_equal(p->dst, q->src) &&
		      p->sport == q->dport && p->dport == q->sport)))
			return true;
	}
	return false;
}

/* Sends n packets through the loaded script and compares. */
static void shoot(struct kernel *k, const struct options *o, struct judge *j, struct script *s,
		  enum reading how, struct rng *r, size_t n, struct totals *t)
{
	struct shot v[BATCH], bad = { 0 };
	bool arrived[BATCH], any_bad = false;
	size_t in = 0, out = 0;
	for (size_t done = 0; done < n && !(o->first && any_bad); done += BATCH) {
		if (s->tracked[FAMILY_V4] || s->tracked[FAMILY_V6])
			kernel_forget();
		for (size_t i = 0; i < BATCH; i++) {
			do {
				wire_draw(r, s, &v[i]);
				kernel_place(r, &v[i]);
			} while (s->tracked[v[i].packet.family] && known(v, i));
		}
		kernel_send(k, v, BATCH, arrived);
		for (size_t i = 0; i < BATCH; i++) {
			struct answer a = judge_packet(j, &v[i]);
			t->kind[how].bounded += a.sure != a.maybe;
			t->spent += a.spent;
			arrived[i] ? in++ : out++;
			if (!replay_differs(&a, arrived[i]))
				continue;
			if (!any_bad)
				bad = v[i], any_bad = true;
			t->mismatches++;
		}
	}
	t->kind[how].packets += in + out;
	t->packets += in + out;
	t->arrived += in;
	t->one_sided += !in || !out;
	t->lopsided += in * 50 < n || out * 50 < n;
	if (any_bad && t->failed++ < REPORTS_MAX && !o->first)
		replay(k, s, how, &bad);
}

static void one_ruleset(struct kernel *k, const struct options *o, const struct features *have,
			uint64_t seed, size_t packets, struct totals *t)
{
	struct rng r = { seed };
	struct script s;
	struct judge j;
	script_init(&s, seed);
	enum reading how = choose(o, &r);
	generate(&s, how, &r, have);
	const char *why = kernel_clear(k) ? kernel_load(k, &s) : "not cleared";
	if (o->one) {
		struct text text = { 0 };
		script_print(&s, &text);
		printf("%s%s", text.s, why ? why : "");
		text_finish(&text);
	}
	if (why) {
		if (t->refused++ < 2)
			printf("ruleset seed %" PRIu64 " is not loaded: %s\n", seed, why);
	} else {
		if (judge_open(&j, &s, how)) {
			printf("ruleset seed %" PRIu64 " can't be read\n", seed);
			t->mismatches++;
		} else {
			t->rulesets++;
			t->kind[how].rulesets++;
			t->kind[how].rules += j.n_exact + j.n_bounded;
			t->kind[how].rules_bounded += j.n_bounded;
			if (j.tainted && !t->tainted++)
				printf("ruleset seed %" PRIu64 ": a bound for everything: %s\n",
				       seed, j.taint);
			shoot(k, o, &j, &s, how, &r, packets, t);
		}
		judge_close(&j);
	}
	script_finish(&s);
}

/* A ruleset that accepts everything passes all, one that drops everything none. */
static bool controls(struct kernel *k, size_t *ret_packets)
{
	static const char *const policy[] = { "drop", "accept" };
	bool ok = true;
	for (int pass = 0; pass < 2; pass++) {
		struct rng r = { 1 };
		struct script s;
		struct shot v[BATCH];
		bool arrived[BATCH];
		script_init(&s, 0);
		script_put(&s, PART_NFT, false,
			   "table inet c {\n"
			   "chain f { type filter hook forward priority 0; policy %s; }\n"
			   "chain i { type filter hook input priority 0; policy %s; }\n"
			   "chain o { type filter hook output priority 0; policy %s; }\n}",
			   policy[pass], policy[pass], policy[pass]);
		ok = ok && kernel_clear(k) && !kernel_load(k, &s);
		for (size_t b = 0; b < 40; b++) {
			for (size_t i = 0; i < BATCH; i++) {
				wire_draw(&r, &s, &v[i]);
				kernel_place(&r, &v[i]);
			}
			kernel_send(k, v, BATCH, arrived);
			for (size_t i = 0; i < BATCH; i++) {
				if (arrived[i] == pass)
					continue;
				struct text t = { 0 };
				packet_print(&t, &v[i].packet);
				if (ok)
					printf("control: policy %s, yet %s from %s to %s (wire "
					       "%u) %s\n",
					       policy[pass], t.s, in_names[v[i].in],
					       out_names[v[i].out], v[i].wire,
					       pass ? "is dropped" : "passes");
				text_finish(&t);
				ok = false;
			}
		}
		*ret_packets += (size_t)40 * BATCH;
		script_finish(&s);
	}
	return ok;
}

static int work(const struct options *o, unsigned job, struct totals *t)
{
	struct kernel k;
	size_t n_controls = 0;
	int err = kernel_open(&k);
	if (err) {
		printf("no router: %s\n", strerror(-err));
		return 1;
	}
	if (!controls(&k, &n_controls))
		return 1;
	if (o->one) {
		one_ruleset(&k, o, &o->have, o->one, o->packets, t);
	} else {
		size_t each = o->packets / o->rulesets;
		for (size_t i = job; i < o->rulesets && !(o->first && t->mismatches);
		     i += o->jobs)
			one_ruleset(&k, o, &o->have, o->seed * 1000003 + i, each, t);
	}
	t->strange = k.strange;
	kernel_close(&k);
	return 0;
}

static int report(const struct options *o, const struct totals *v, double seconds)
{
	struct totals t = { 0 };
	const size_t words = sizeof(t) / sizeof(size_t);
	for (unsigned j = 0; j < o->jobs; j++)
		for (size_t i = 0; i < words; i++)
			((size_t *)&t)[i] += ((const size_t *)&v[j])[i];
	bool ok = !t.mismatches && !t.strange && t.packets;
	printf("seed %" PRIu64
	       ": %zu rulesets (%zu refused by the tools), %zu packets (%zu arrived, "
	       "%zu dropped), %.0f s\n",
	       o->seed, t.rulesets, t.refused, t.packets, t.arrived, t.packets - t.arrived,
	       seconds);
	for (int i = 0; i < KINDS; i++) {
		if (!t.kind[i].rulesets)
			continue;
		double share = 100.0 * (double)t.kind[i].bounded / (double)t.kind[i].packets;
		printf("%s: %zu rulesets, %zu rules (%zu bounded), %zu packets, %.2f %% with a "
		       "bound "
		       "(at most %u %%)\n",
		       kind_names[i], t.kind[i].rulesets, t.kind[i].rules,
		       t.kind[i].rules_bounded, t.kind[i].packets, share, unknown_max[i]);
		/* of few rulesets one says too much */
		ok = ok && (share <= unknown_max[i] || t.kind[i].rulesets < 20);
	}
	printf("%zu rulesets pass all or nothing (%zu nearly so), %zu tainted, %zu answers too "
	       "large for sets, %zu "
	       "packets out of the wrong interface\n",
	       t.one_sided, t.lopsided, t.tainted, t.spent, t.strange);
	if (t.one_sided * 5 > t.rulesets || t.refused * 5 > t.rulesets ||
	    t.tainted * 5 > t.rulesets)
		ok = false, printf("too many rulesets that say too little\n");
	printf("%zu mismatches in %zu rulesets\n", t.mismatches, t.failed);
	return !ok;
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = { { "rulesets", required_argument, NULL, 'r' },
					       { "packets", required_argument, NULL, 'p' },
					       { "seed", required_argument, NULL, 's' },
					       { "jobs", required_argument, NULL, 'j' },
					       { "only", required_argument, NULL, 'o' },
					       { "ruleset", required_argument, NULL, 'u' },
					       { "skips", required_argument, NULL, 'k' },
					       { "first", no_argument, NULL, 'f' },
					       { "probe", no_argument, NULL, 'b' },
					       { "scripted", no_argument, NULL, 'c' },
					       { 0 } };
	int c;
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'r')
			o->rulesets = strtoul(optarg, NULL, 10);
		else if (c == 'p')
			o->packets = strtoul(optarg, NULL, 10);
		else if (c == 's')
			o->seed = strtoull(optarg, NULL, 10);
		else if (c == 'j')
			o->jobs = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'u')
			o->one = strtoull(optarg, NULL, 10);
		else if (c == 'k')
			o->skips = optarg;
		else if (c == 'f')
			o->first = true;
		else if (c == 'b')
			o->probe = true;
		else if (c == 'c')
			o->scripted = true;
		else if (c == 'o')
			for (int i = 0; i < KINDS; i++)
				o->only = strcmp(optarg, kind_names[i]) ? o->only : i;
		else
			return false;
	}
	if (o->one)
		o->jobs = 1;
	return optind == argc && o->rulesets && o->packets && o->jobs && o->jobs <= 64;
}

/* Probes in a namespace of its own, in a child. */
static bool find_features(struct features *ret)
{
	struct features *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 1;
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNET))
			_exit(1);
		probe_all(f);
		_exit(0);
	}
	bool ok = waitpid(pid, &status, 0) == pid && !status;
	*ret = *f;
	munmap(f, sizeof(*f));
	return ok;
}

/* What is missing is what the file says, or nothing is believed. */
static bool skips_hold(const struct options *o)
{
	struct text now = { 0 }, then = { 0 };
	char line[256];
	FILE *f = fopen(o->skips, "re");
	while (f && fgets(line, sizeof(line), f))
		if (*line != '#')
			text_put(&then, line);
	if (f)
		fclose(f);
	probe_missing(&o->have, &now);
	bool same = f && now.len == then.len && (!now.len || !strcmp(now.s, then.s));
	printf("%zu of %zu features are missing here and left out\n", o->have.n_missing,
	       o->have.n);
	if (!same)
		printf("that is not what %s says. Missing now:\n%sIf that is right for this "
		       "kernel and "
		       "these tools, put it there (oracle --probe prints it).\n",
		       o->skips, now.s ? now.s : "");
	text_finish(&now);
	text_finish(&then);
	return same;
}

int main(int argc, char **argv)
{
	struct options o = {
		.rulesets = 100, .packets = 1000000, .seed = 1, .jobs = 2, .only = -1
	};
	struct timespec from, to;
	if (!parse(argc, argv, &o)) {
		fprintf(stderr, "usage: see the head of tests/oracle/main.c\n");
		return 2;
	}
	if (geteuid() || access("/dev/net/tun", R_OK | W_OK)) {
		printf("skipped: needs root and /dev/net/tun\n");
		return SKIPPED;
	}
	if (!find_features(&o.have)) {
		printf("skipped: no namespace of the network can be made\n");
		return SKIPPED;
	}
	if (o.probe) {
		struct text text = { 0 };
		probe_missing(&o.have, &text);
		fputs(text.s ? text.s : "", stdout);
		text_finish(&text);
		return 0;
	}
	if (o.skips && !skips_hold(&o))
		return 1;
	if (o.scripted) {
		struct scene_count c;
		scenes_play(&o.have, &c);
		printf("%zu scenes, %zu left out, %zu packets (%zu answered with a bound), %zu "
		       "failed\n",
		       c.played, c.skipped, c.packets, c.bounds, c.failed);
		return c.failed || !c.played;
	}
	struct totals *t = mmap(NULL, o.jobs * sizeof(*t), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[64];
	int bad = 0, status;
	clock_gettime(CLOCK_MONOTONIC, &from);
	fflush(stdout);
	for (unsigned j = 0; j < o.jobs; j++) {
		pid[j] = fork();
		if (!pid[j]) {
			int code = work(&o, j, &t[j]);
			fflush(stdout);
			_exit(code);
		}
	}
	for (unsigned j = 0; j < o.jobs; j++)
		bad |= waitpid(pid[j], &status, 0) < 0 || status;
	clock_gettime(CLOCK_MONOTONIC, &to);
	return report(&o, t, (double)(to.tv_sec - from.tv_sec)) || bad;
}
