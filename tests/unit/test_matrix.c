/* SPDX-License-Identifier: Apache-2.0 */
/* Service matrices, and interfaces turned into addresses, against the interpreter. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "model/behind.h"
#include "model/interp.h"
#include "model/matrix.h"
#include "tests/unit/random_rules.h"

enum { SEEDS = 250, RULES_MAX = 12, BLOCKS = 6, BLOCK = 0x8000 };

struct world {
	struct arena *arena;
	struct matches m;
	struct rule rules[RULES_MAX], called[3];
	struct ruleset rs, target;
};

static void world_init(struct world *w, struct small *s, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->arena = arena_create();
	matches_init(&w->m, w->arena);
	small_init(s, &w->m, seed);
	w->target = (struct ruleset){ .rules = w->called, .n = 3, .id = 2, .name = "called" };
	w->target.dflt = VERDICT_PERMIT;
	for (uint32_t i = 0; i < 3; i++)
		w->called[i] = small_rule(s, 100 + i);
	w->rs = (struct ruleset){ .rules = w->rules, .id = 1, .name = "list" };
	w->rs.n = 1 + small_random(s, RULES_MAX);
	w->rs.dflt = small_random(s, 2) ? VERDICT_PERMIT : VERDICT_DENY;
	for (uint32_t i = 0; i < w->rs.n; i++) {
		w->rules[i] = small_rule(s, 1 + i);
		if (!small_random(s, 6)) {
			w->rules[i].verdict = VERDICT_JUMP;
			w->rules[i].target = &w->target;
		}
	}
}

static void world_finish(struct world *w)
{
	matches_finish(&w->m);
	arena_destroy(w->arena);
}

static struct packet packet_of(unsigned from, unsigned to, unsigned sport, unsigned dport)
{
	return (struct packet){ .family = FAMILY_V4,
				.proto = PROTO_TCP,
				.flags = TCP_SYN,
				.sport = (uint16_t)sport,
				.dport = (uint16_t)dport,
				.src = { 0, (uint64_t)from * BLOCK + 5 },
				.dst = { 0, (uint64_t)to * BLOCK + 5 } };
}

static size_t class_of(const struct matrix *m, struct addr a)
{
	size_t found = SIZE_MAX;
	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < m->classes[i].n; k++)
			if (span_has(m->classes[i].spans[k], a)) {
				cr_assert_eq(found, SIZE_MAX, "an address in two classes");
				found = i;
			}
	cr_assert_neq(found, SIZE_MAX, "an address in no class");
	return found;
}

/* What the interpreter says for every packet of the service between two blocks. */
static enum matrix_cell by_interp(const struct world *w, unsigned from, unsigned to,
				  const struct matrix_service *s)
{
	bool all = true, some = false;
	for (unsigned sport = s->sport.lo; sport <= 2 && sport <= s->sport.hi; sport++)
		for (unsigned dport = s->dport.lo; dport <= 2 && dport <= s->dport.hi;
		     dport++) {
			struct packet p = packet_of(from, to, sport, dport);
			struct interp_answer a = interp(&w->rs, &p), b = interp(&w->target, &p);
			all &= a.sure && b.sure;
			some |= a.maybe && b.maybe;
		}
	return all ? MATRIX_PERMIT : some ? MATRIX_MAYBE : MATRIX_DENY;
}

/* False where a mask in the middle of addresses makes too many ranges to be told. */
static bool check_matrix(struct world *w, const struct matrix_service *s, bool wild,
			 uint64_t seed)
{
	struct pset_space *sp = pset_space_create(FAMILY_V4, 0);
	struct stage st[] = { { .ruleset = &w->rs }, { .ruleset = &w->target } };
	struct matrix m;
	int err = matrix_of(w->arena, sp, st, 2, s, &m);
	if (wild && err == -EFBIG) {
		pset_space_destroy(sp);
		return false;
	}
	cr_assert_eq(err, 0);
	for (unsigned i = 0; i < BLOCKS; i++)
		for (unsigned k = 0; k < BLOCKS; k++) {
			struct packet p = packet_of(i, k, 0, 0);
			unsigned got = m.cells[class_of(&m, p.src) * m.n + class_of(&m, p.dst)];
			unsigned want = by_interp(w, i, k, s);
			cr_assert_eq(got, want, "seed %lu: %u to %u: %u, the interpreter %u",
				     (unsigned long)seed, i, k, got, want);
		}
	for (size_t x = 0; x < m.n; x++)
		for (size_t y = 0; y < x; y++) {
			bool differ = false;
			for (size_t z = 0; z < m.n; z++)
				differ |= m.cells[x * m.n + z] != m.cells[y * m.n + z] ||
					  m.cells[z * m.n + x] != m.cells[z * m.n + y];
			cr_assert(differ, "seed %lu: two classes behave alike",
				  (unsigned long)seed);
		}
	pset_space_destroy(sp);
	return true;
}

Test(matrix, agrees_with_the_interpreter)
{
	size_t done = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world w;
		struct small s;
		struct matrix_service one = { PROTO_TCP, { 1, 1 }, { 0, 0 }, { 0, 255 } };
		struct matrix_service open = { PROTO_TCP, { 0, 65535 }, { 0, 1 }, { 0, 255 } };
		world_init(&w, &s, seed);
		done += check_matrix(&w, &one, s.wild, seed);
		done += check_matrix(&w, &open, s.wild, seed);
		world_finish(&w);
	}
	cr_assert_gt(done, SEEDS);
}

Test(matrix, names_of_services)
{
	struct matrix_service s;
	const char *why;
	cr_assert(matrix_service_parse("tcp/10000:22", &s, &why));
	cr_assert(s.proto == PROTO_TCP && s.sport.lo == 10000 && s.sport.hi == 10000);
	cr_assert(s.dport.lo == 22 && s.dport.hi == 22);
	cr_assert(matrix_service_parse("udp/53", &s, &why));
	cr_assert(s.proto == PROTO_UDP && s.sport.lo == 0 && s.sport.hi == 65535);
	cr_assert(matrix_service_parse("tcp/8000-8080", &s, &why));
	cr_assert(s.dport.lo == 8000 && s.dport.hi == 8080);
	cr_assert(matrix_service_parse("icmp/8", &s, &why) && s.icmp_type.hi == 8);
	cr_assert(matrix_service_parse("esp", &s, &why) && s.proto == PROTO_ESP);
	cr_assert(matrix_service_parse("47", &s, &why) && s.proto == PROTO_GRE);
	static const char *const wrong[] = { "",	"tcp/",	  "tcp/x",     "tcp/65536",
					     "tcp/2-1", "esp/1",  "icmp/256",  "256",
					     "tcp/1:",	"tcp/:1", "nothing/1", "tcp/1:2:3" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		cr_assert_not(matrix_service_parse(wrong[i], &s, &why), "%s", wrong[i]);
}

Test(matrix, no_such_packets)
{
	struct pset_space *sp = pset_space_create(FAMILY_V4, 0);
	struct arena *a = arena_create();
	struct matrix m;
	struct matrix_service s;
	const char *why;
	cr_assert(matrix_service_parse("icmpv6/128", &s, &why));
	cr_assert_eq(matrix_of(a, sp, NULL, 0, &s, &m), -ENOENT);
	arena_destroy(a);
	pset_space_destroy(sp);
}

Test(matrix, too_many_classes_is_said)
{
	struct arena *a = arena_create();
	struct matches m;
	enum { MANY = MATRIX_CLASSES_MAX + 1 };
	matches_init(&m, a);
	struct rule *rules = arena_array(a, MANY, sizeof(*rules));
	for (uint32_t i = 0; i < MANY; i++) {
		struct span at = { { 0, 16u * i }, { 0, 16u * i } };
		rules[i] = (struct rule){
			.match = match_and(&m, match_spans(&m, FIELD_SRC, FAMILY_V4, &at, 1),
					   match_spans(&m, FIELD_DST, FAMILY_V4, &at, 1)),
			.id = i + 1,
			.verdict = VERDICT_PERMIT,
		};
	}
	struct ruleset rs = { .rules = rules, .n = MANY, .id = 1, .dflt = VERDICT_DENY };
	struct stage st = { .ruleset = &rs };
	struct matrix_service s;
	struct matrix ret;
	const char *why;
	cr_assert(matrix_service_parse("tcp/22", &s, &why));
	struct pset_space *sp = pset_space_create(FAMILY_V4, 0);
	cr_assert_eq(matrix_of(a, sp, &st, 1, &s, &ret), -EFBIG);
	pset_space_destroy(sp);
	matches_finish(&m);
	arena_destroy(a);
}

/* A packet whose interfaces are told, and the same without, asked of the rewritten rules. */
Test(behind, interfaces_become_addresses)
{
	static const char *const names[] = { "eth0", "eth1", "wan" };
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world w;
		struct small s;
		struct span spans[3] = { { { 0, 0 }, { 0, BLOCK - 1 } },
					 { { 0, BLOCK }, { 0, 3 * BLOCK - 1 } },
					 { { 0, 3 * BLOCK }, { 0, UINT32_MAX } } };
		struct behind v[3] = { 0 };
		for (int i = 0; i < 3; i++) {
			v[i].iface = names[i];
			v[i].spans[FAMILY_V4] = &spans[i];
			v[i].n[FAMILY_V4] = 1;
		}
		world_init(&w, &s, seed);
		for (uint32_t i = 0; i < w.rs.n; i++)
			w.rules[i].match = match_and(
				&w.m, w.rules[i].match,
				match_iface(&w.m, i % 2 ? FIELD_IIF : FIELD_OIF,
					    i % 3 ? names[i % 3] : "eth", i % 3 == 0));
		for (uint32_t i = 0; i < 3; i++)
			w.called[i].match =
				match_and(&w.m, w.called[i].match,
					  match_iface(&w.m, FIELD_IIF, "eth1", false));
		const struct ruleset *to = behind_ruleset(&w.m, &w.rs, v, 3);
		for (unsigned i = 0; i < BLOCKS; i++)
			for (unsigned k = 0; k < BLOCKS; k++)
				for (unsigned port = 0; port < 9; port++) {
					struct packet p = packet_of(i, k, port / 3, port % 3),
						      q = p;
					q.iif = names[i < 1 ? 0 : i < 3 ? 1 : 2];
					q.oif = names[k < 1 ? 0 : k < 3 ? 1 : 2];
					struct interp_answer want = interp(&w.rs, &q);
					struct interp_answer got = interp(to, &p);
					cr_assert(want.sure == got.sure &&
							  want.maybe == got.maybe,
						  "seed %lu: %u to %u", (unsigned long)seed, i,
						  k);
				}
		world_finish(&w);
	}
}

/* An interface that nothing is said of stays unknown, but has none of the others' addresses. */
Test(behind, unnamed_interfaces)
{
	struct world w;
	struct small s;
	world_init(&w, &s, 1);
	struct span lo = { { 0, 0 }, { 0, BLOCK - 1 } };
	struct behind v = { .iface = "lo" };
	v.spans[FAMILY_V4] = &lo;
	v.n[FAMILY_V4] = 1;
	w.rules[0] = (struct rule){ .match = match_iface(&w.m, FIELD_IIF, "eth0", false),
				    .id = 1,
				    .verdict = VERDICT_PERMIT };
	w.rs.n = 1;
	w.rs.dflt = VERDICT_DENY;
	const struct ruleset *to = behind_ruleset(&w.m, &w.rs, &v, 1);
	struct packet inside = packet_of(0, 0, 1, 1), outside = packet_of(1, 0, 1, 1);
	struct packet six = inside;
	six.family = FAMILY_V6;
	struct interp_answer a = interp(to, &inside);
	cr_assert(!a.sure && !a.maybe);
	a = interp(to, &outside);
	cr_assert(!a.sure && a.maybe);
	a = interp(to, &six);
	cr_assert(!a.sure && a.maybe, "nothing was said of IPv6");
	w.rules[0].match = match_iface(&w.m, FIELD_IIF, "lo", false);
	to = behind_ruleset(&w.m, &w.rs, &v, 1);
	a = interp(to, &inside);
	cr_assert(a.sure);
	a = interp(to, &outside);
	cr_assert(!a.maybe, "all that comes in by lo is behind it");
	a = interp(to, &six);
	cr_assert(!a.sure && a.maybe);
	cr_assert_eq(behind_ruleset(&w.m, &w.rs, NULL, 0), &w.rs);
	world_finish(&w);
}
