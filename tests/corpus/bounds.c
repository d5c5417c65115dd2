/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A proved analyser's bounds (Diekmann, Michaelis, Haslbeck, Carle, "Verified iptables Firewall
 * Analysis"; Isabelle/HOL, Archive of Formal Proofs): for real rulesets it gives two simple
 * lists, of which one accepts at most what the host accepts, and one at least that. Ours are as
 * near:
 *
 *	its lower bound  ⊆  sure  ⊆  maybe  ⊆  its upper bound
 *
 * Where that is not so although both can be right, bounds-differences.tsv says within which
 * packets and why; an entry that nothing needs is a failure too. That sure ⊆ upper and
 * lower ⊆ maybe, without which one of both would be wrong, has no exceptions.
 *
 * Its conventions, taken over here: first packets of connections (state NEW), whole ones; IPv4;
 * and which addresses are behind which interface, where its lists depend on that: `lo` has
 * 127.0.0.0/8 (its default), the others as in its own assignment of that host.
 *
 *	bounds DIFFERENCES
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "base/vec.h"
#include "collectors/collector.h"
#include "model/behind.h"
#include "model/lower.h"
#include "tests/corpus/bounds_lists.h"

enum { BEHIND_MAX = 8 };

#define EVAL "thy/Iptables_Semantics/Examples/IPPartEval/"

struct pair {
	const char *name, *save, *chain, *lists; /* lists: without ".lower" and ".upper" */
	const char *behind[BEHIND_MAX];
};

static const struct pair pairs[] = {
	{ "random-server",
	  EVAL "config_random_srv/iptables-save",
	  "INPUT",
	  EVAL "config_random_srv/iptables.INP.Ln",
	  { "lo=127.0.0.0/8" } },
	{ "shorewall-2014",
	  EVAL "configs_sqrl_shorewall/2014_sep_iptables-saveakachan",
	  "FORWARD",
	  EVAL "configs_sqrl_shorewall/2014_sep_iptables-saveakachan.Ln.FWD",
	  { "lo=127.0.0.0/8" } },
	{ "shorewall-2015",
	  EVAL "configs_sqrl_shorewall/2015_aug_iptables-save-spoofing-protection",
	  "FORWARD",
	  EVAL "configs_sqrl_shorewall/2015_aug_iptables-save-spoofing-protection.Ln.FWD",
	  { "lo=127.0.0.0/8" } },
	{ "shorewall-2015",
	  EVAL "configs_sqrl_shorewall/2015_aug_iptables-save-spoofing-protection",
	  "INPUT",
	  EVAL "configs_sqrl_shorewall/2015_aug_iptables-save-spoofing-protection.Ln.INP",
	  { "lo=127.0.0.0/8" } },
	{ "ufw",
	  EVAL "configs_srvs_ufw/server2-iptables-save",
	  "INPUT",
	  EVAL "configs_srvs_ufw/server2-iptables-save.Ln.INP",
	  { "lo=127.0.0.0/8" } },
	{ "diskstation",
	  EVAL "configs_synology_diskstation_ds414/iptables-save_jun_2015_legacyifacerules",
	  "INPUT",
	  EVAL
	  "configs_synology_diskstation_ds414/iptables-save_jun_2015_legacyifacerules.Ln.INP",
	  { "lo=127.0.0.0/8" } },
	{ "docker",
	  EVAL "docker_topos/iptables-save.topos4.1",
	  "FORWARD",
	  EVAL "docker_topos/iptables-save.Ln.FWD",
	  { "lo=127.0.0.0/8" } },
	{ "linux.gda.pl",
	  EVAL "linux.gda.pl/firewallp.txt",
	  "FORWARD",
	  EVAL "linux.gda.pl/firewallp.txt.Ln.FWD",
	  { "lo=127.0.0.0/8" } },
};

/* Outputs that hold the whole chain unfolded, its unknown conditions resolved: an upper bound
 * that still asks for interfaces, states and flags. Held for each interface by itself. */
static const struct pair closures[] = {
	{ "diskstation-2",
	  "thy/Iptables_Semantics/Examples/Synology_Diskstation_DS414/"
	  "iptables-save_jun_2015_cleanup",
	  "INPUT",
	  "haskell_tool/test/Suites/GoldenFiles/synology_iptables-save_jun_2015_cleanup",
	  { 0 } },
	{ "shorewall-raw",
	  "thy/Iptables_Semantics/Examples/SQRL_Shorewall/"
	  "2015_aug_iptables-save-spoofing-protection",
	  "raw PREROUTING",
	  "haskell_tool/test/Suites/GoldenFiles/"
	  "sqrl_2015_aug_iptables-save-spoofing-protection",
	  { 0 } },
};
static const char *const ifaces[] = { "lo",    "eth0", "eth1", "lup",	"ldit",	  "lmd",
				      "loben", "wg",   "wt",   "vshit", "others0" };

struct difference {
	const char *name, *chain, *relation;
	const struct match *within;
	bool used;
	unsigned line;
};

struct world {
	struct snapshot *snap;
	struct pset_space *sp;
	const char *corpus;
	VEC(struct difference) known;
	size_t failed;
	bool verbose;
};

static const struct pset_assume new_whole = { .state = STATE_NEW, .fragment = 0 };

static const char *corpus(struct arena *a)
{
	const char *shared = getenv("PLUMBLINE_SHARED"), *root = getenv("SOURCE_ROOT");
	const char *top = shared ? shared : arena_printf(a, "%s/../shared", root ? root : ".");
	return arena_printf(a, "%s/corpus/iptables/diekmann__Iptables_Semantics", top);
}

static struct behind behind_of(struct world *w, const char *s)
{
	const char *eq = strchr(s, '=');
	struct behind b = { .iface = arena_strn(w->snap->arena, s, (size_t)(eq - s)) };
	bool except = eq[1] == '!';
	VEC(struct span) spans = { 0 };
	for (const char *p = eq + 1 + except; *p; p += *p == ',') {
		size_t len = strcspn(p, ",");
		enum family f;
		struct addr a;
		unsigned bits;
		bool host;
		if (!prefix_parse(p, len, &f, &a, &bits, &host))
			abort();
		*vec_add(&spans) = span_prefix(f, a, bits);
		p += len;
	}
	size_t n = spans_normalise(spans.v, spans.n);
	struct span all = { { 0, 0 }, { 0, UINT32_MAX } };
	struct span *v = arena_copy(w->snap->arena, spans.v, n * sizeof(*v));
	if (except)
		v = spans_minus(w->snap->arena, &all, 1, v, n, &n);
	vec_free(&spans);
	b.spans[FAMILY_V4] = v;
	b.n[FAMILY_V4] = n;
	return b;
}

static const struct ruleset *read_chain(struct world *w, const struct pair *p)
{
	struct diags diags;
	struct arena *a = w->snap->arena;
	const char *path = arena_printf(a, "%s/%s", w->corpus, p->save);
	const struct source *src;
	struct behind behind[BEHIND_MAX];
	size_t n = 0;
	diags_init(&diags, a);
	if (source_open(a, &diags, path, p->name, &src))
		return NULL;
	const char *device = arena_printf(a, "%s %s", p->name, p->chain);
	int err = collector_run(collector_find("iptables"), w->snap, &diags, device,
				PLANE_VIRTUAL, &src, 1);
	for (size_t i = 0; i < diags.n; i++)
		if (diags.v[i].severity == DIAG_ERROR || w->verbose)
			printf("  %s: %s [%s]\n", loc_print(a, diags.v[i].loc), diags.v[i].text,
			       diags.v[i].code);
	diags_finish(&diags);
	const struct device *d = snapshot_device(w->snap, device);
	const struct ruleset *rs =
		d ? device_ruleset(d, strchr(p->chain, ' ')
					      ? p->chain
					      : arena_printf(a, "filter %s", p->chain))
		  : NULL;
	for (; n < BEHIND_MAX && p->behind[n]; n++)
		behind[n] = behind_of(w, p->behind[n]);
	return err || !rs ? NULL : behind_ruleset(&w->snap->matches, rs, behind, n);
}

/* a ⊆ b but for what is known. relation: its name in the table of differences. */
static void hold(struct world *w, const struct pair *p, const char *relation, struct pset a,
		 struct pset b)
{
	struct pset_box boxes[4];
	struct pset over = pset_minus(w->sp, a, b), left = over;
	if (pset_is_spent(over)) {
		printf("  %s: too large\n", relation);
		w->failed++;
		return;
	}
	vec_each (d, &w->known) {
		if (strcmp(d->name, p->name) || strcmp(d->chain, p->chain) ||
		    strcmp(d->relation, relation))
			continue;
		struct pset within = pset_hi(w->sp, d->within, &new_whole);
		d->used |= !pset_disjoint(w->sp, over, within);
		left = pset_minus(w->sp, left, within);
	}
	if (pset_is_empty(left))
		return;
	w->failed++;
	size_t more, n = pset_boxes(w->sp, left, boxes, 4, &more);
	printf("  %s %s: not %s: %zu boxes, as\n", p->name, p->chain, relation, n + more);
	for (size_t i = 0; i < n; i++) {
		struct text t = { 0 };
		pset_box_print(&t, FAMILY_V4, &boxes[i]);
		printf("    %s\n", t.s);
		text_finish(&t);
	}
}

/* How much of what lies between its bounds ours leave open, in percent. */
static double share(struct world *w, struct pset between, struct pset of)
{
	double all = pset_count(w->sp, of);
	return all > 0 ? 100 * pset_count(w->sp, between) / all : 0;
}

static void compare(struct world *w, const struct pair *p)
{
	struct arena *a = w->snap->arena;
	const struct ruleset *rs = read_chain(w, p);
	const struct ruleset *lo = bounds_list(
		w->snap, arena_printf(a, "%s/%s.lower", w->corpus, p->lists), p->chain);
	const struct ruleset *hi = bounds_list(
		w->snap, arena_printf(a, "%s/%s.upper", w->corpus, p->lists), p->chain);
	if (!rs || !lo || !hi) {
		printf("%s %s: can't be read\n", p->name, p->chain);
		w->failed++;
		return;
	}
	struct pset_assume as = new_whole;
	if (!strcmp(p->chain, "INPUT"))
		as.oif = "";
	struct pset all = pset_universe(w->sp, &as);
	struct lowered ours = lower(w->sp, rs, &as, all);
	struct pset lower_set = lower(w->sp, lo, &as, all).sure;
	struct pset upper_set = lower(w->sp, hi, &as, all).maybe;
	struct pset theirs_open = pset_minus(w->sp, upper_set, lower_set);
	struct pset ours_open = pset_minus(w->sp, ours.maybe, ours.sure);
	printf("%-15s %-8s its bounds leave %7.3f %% of all packets open, ours %7.3f %%\n",
	       p->name, p->chain, share(w, theirs_open, all), share(w, ours_open, all));
	hold(w, p, "lower<sure", lower_set, ours.sure);
	hold(w, p, "maybe<upper", ours.maybe, upper_set);
	/* Where these fail one of both analysers is wrong, or a convention is not the same. */
	hold(w, p, "lower<maybe", lower_set, ours.maybe);
	hold(w, p, "sure<upper", ours.sure, upper_set);
	hold(w, p, "sure<maybe", ours.sure, ours.maybe);
}

static void compare_closure(struct world *w, const struct pair *p)
{
	struct arena *a = w->snap->arena;
	const struct ruleset *rs = read_chain(w, p);
	const struct ruleset *hi = bounds_closure(
		w->snap, arena_printf(a, "%s/%s", w->corpus, p->lists),
		arena_printf(a, "== unfolded %s chain (upper closure) ==",
			     strchr(p->chain, ' ') ? strchr(p->chain, ' ') + 1 : p->chain));
	if (!rs || !hi) {
		printf("%s %s: can't be read\n", p->name, p->chain);
		w->failed++;
		return;
	}
	printf("%-15s %-8s %u unfolded rules\n", p->name, p->chain, hi->n);
	for (size_t i = 0; i < sizeof(ifaces) / sizeof(*ifaces); i++) {
		struct pset_assume as = { .iif = ifaces[i], .oif = "", .state = -1 };
		struct pset all = pset_universe(w->sp, &as);
		struct lowered ours = lower(w->sp, rs, &as, all);
		struct pset upper_set = lower(w->sp, hi, &as, all).maybe;
		hold(w, p, "maybe<upper", ours.maybe, upper_set);
		hold(w, p, "sure<upper", ours.sure, upper_set);
	}
}

static void read_known(struct world *w, const char *path)
{
	char *text = bounds_text(path);
	unsigned n_line = 0;
	if (!text) {
		printf("%s: can't be read\n", path);
		w->failed++;
		return;
	}
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *v[6], *words[LINE_FIELDS + 1];
		n_line++;
		if (*line == '#')
			continue;
		size_t n = bounds_split(line, "\t", v, 5);
		const struct match *x = NULL;
		if (n == 5)
			x = bounds_words(&w->snap->matches, words,
					 bounds_split(v[3], " ", words, LINE_FIELDS));
		if (!x) {
			printf("%s:%u: not NAME CHAIN RELATION PACKETS WHY\n", path, n_line);
			w->failed++;
			continue;
		}
		*vec_add(&w->known) = (struct difference){ arena_str(w->snap->arena, v[0]),
							   arena_str(w->snap->arena, v[1]),
							   arena_str(w->snap->arena, v[2]),
							   x,
							   false,
							   n_line };
	}
	free(text);
}

int main(int argc, char **argv)
{
	struct world w = { .verbose = getenv("BOUNDS_VERBOSE") != NULL };
	struct stat st;
	if (argc < 2)
		return 2;
	w.snap = snapshot_create();
	w.corpus = corpus(w.snap->arena);
	if (stat(w.corpus, &st)) {
		printf("skipped: no corpus at %s\n", w.corpus);
		return 77;
	}
	if (!collector_find("iptables")) {
		printf("skipped: there is no iptables collector\n");
		return 77;
	}
	w.sp = pset_space_create(FAMILY_V4, 0);
	read_known(&w, argv[1]);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		compare(&w, &pairs[i]);
	for (size_t i = 0; i < sizeof(closures) / sizeof(*closures); i++)
		compare_closure(&w, &closures[i]);
	vec_each (d, &w.known)
		if (!d->used) {
			printf("%s:%u: nothing needs this entry\n", argv[1], d->line);
			w.failed++;
		}
	printf("%zu pairs of bounds, %zu closures, %zu failures\n",
	       sizeof(pairs) / sizeof(*pairs), sizeof(closures) / sizeof(*closures), w.failed);
	vec_free(&w.known);
	pset_space_destroy(w.sp);
	snapshot_destroy(w.snap);
	return w.failed ? 1 : 0;
}
