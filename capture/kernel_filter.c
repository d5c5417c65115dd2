/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program, for frames that begin with an Ethernet header:
 *
 *	what isn't plain IPv4 or IPv6 with TCP, UDP or ICMP right behind it	passes
 *	tunnels' ports, ICMP errors						pass
 *	class of the source, class of the destination				by two trees
 *	neither is nobody, and they differ (or one of them is many)		passes
 *	the rest								1 in N
 *
 * An address's class is the tenant that has it; many where several do. The trees compare 32
 *bits at a time: a digit that lies wholly in one class ends there, another goes on to the next
 *four bytes. Jumps go forward alone, so both addresses have a tree of their own.
 *
 * Where that is too long, neighbours are joined (kernel_filter_class.c), which can only add
 * pairs: in the end one range holds all, and everything passes.
 */
#include "capture/kernel_filter.h"

#include <linux/filter.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "capture/kernel_filter_internal.h"

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	AT_TYPE = 12, /* in an Ethernet frame without a tag */
	AT_IP = 14,
	SHORTEST_V4 = AT_IP + 24, /* up to both ports */
	SHORTEST_V6 = AT_IP + 44,
	MEM_CLASS = 0,
	MEM_PORTS = 1,
	/* Jumps that are set when what they lead to is there: k of a BPF_JA. */
	TO_END = 1,
	TO_REST = 2,
	TO_FIRST_MARK = 0x7ffffff0,
	ROOM = 2 * KERNEL_FILTER_MAX,
};

struct program {
	struct sock_filter v[ROOM];
	size_t n;
	bool full;
	unsigned one_in;
	bool by_flow;
};

static void put(struct program *p, struct sock_filter s)
{
	if (p->n == ROOM)
		p->full = true;
	else
		p->v[p->n++] = s;
}

#define STMT(code, k) ((struct sock_filter){ (uint16_t)(code), 0, 0, (k) })
#define JUMP(code, k, t, f)                                                                    \
	((struct sock_filter){ (uint16_t)(BPF_JMP | BPF_K | (code)), (t), (f), (k) })

static void load(struct program *p, unsigned size, uint32_t at)
{
	put(p, STMT(BPF_LD | BPF_ABS | size, at));
}

static void pass(struct program *p)
{
	put(p, STMT(BPF_RET | BPF_K, UINT32_MAX));
}

static void drop(struct program *p)
{
	put(p, STMT(BPF_RET | BPF_K, 0));
}

/* Where the accumulator is k, it passes. */
static void pass_if(struct program *p, uint32_t k)
{
	put(p, JUMP(BPF_JEQ, k, 0, 1));
	pass(p);
}

static void pass_unless(struct program *p, uint32_t k)
{
	put(p, JUMP(BPF_JEQ, k, 1, 0));
	pass(p);
}

static void mark(struct program *p, uint32_t what)
{
	put(p, STMT(BPF_JMP | BPF_JA, TO_FIRST_MARK + what));
}

/* Marks of the kind from `from` on lead to where the program is now. */
static void land(struct program *p, size_t from, uint32_t what)
{
	for (size_t i = from; i < p->n; i++)
		if (p->v[i].code == (BPF_JMP | BPF_JA) && p->v[i].k == TO_FIRST_MARK + what)
			p->v[i].k = (uint32_t)(p->n - i - 1);
}

/* ---- trees ---------------------------------------------------------------------------- */

/* A run of digits, and what they mean: a class, or the ranges that go on below. */
struct run {
	uint32_t first;
	uint32_t class;
	size_t lo, n; /* ranges; n 0: the class says it */
};

struct tree {
	struct program *p;
	enum family family;
	const struct class_range *v;
	uint32_t at; /* of the address */
};

static uint32_t digit(enum family f, struct addr a, unsigned level)
{
	if (f == FAMILY_V4)
		return (uint32_t)a.lo;
	return (uint32_t)((level < 2 ? a.hi : a.lo) >> (level & 1 ? 0 : 32));
}

static unsigned levels(enum family f)
{
	return f == FAMILY_V4 ? 1 : 4;
}

/* Whether the digits above the level are those of the address. */
static bool below(enum family f, struct addr a, struct addr of, unsigned level)
{
	for (unsigned i = 0; i < level; i++)
		if (digit(f, a, i) != digit(f, of, i))
			return false;
	return true;
}

/* Whether the digits behind the level are all zero (ones). */
static bool at_edge(enum family f, struct addr a, unsigned level, bool ones)
{
	for (unsigned i = level + 1; i < levels(f); i++)
		if (digit(f, a, i) != (ones ? UINT32_MAX : 0))
			return false;
	return true;
}

static void leaf(struct tree *t, uint32_t class)
{
	if (class == CLASS_NOBODY) {
		mark(t->p, TO_REST);
		return;
	}
	put(t->p, STMT(BPF_LD | BPF_IMM, class));
	mark(t->p, TO_END);
}

static void digits(struct tree *t, size_t lo, size_t n, struct addr of, unsigned level);

static void one_run(struct tree *t, const struct run *r, struct addr of, unsigned level)
{
	if (!r->n) {
		leaf(t, r->class);
		return;
	}
	/* any address of the digit tells the digits so far */
	struct addr in = t->v[r->lo].span.lo;
	if (!below(t->family, in, of, level) || digit(t->family, in, level) != r->first)
		in = t->v[r->lo].span.hi;
	digits(t, r->lo, r->n, in, level + 1);
}

/* Halves the runs: below the middle one falls through, the others are jumped to. */
static void search(struct tree *t, const struct run *v, size_t n, struct addr of,
		   unsigned level)
{
	if (t->p->full)
		return;
	if (n == 1) {
		one_run(t, v, of, level);
		return;
	}
	size_t middle = n / 2, at = t->p->n;
	put(t->p, JUMP(BPF_JGE, v[middle].first, 0, 1));
	put(t->p, STMT(BPF_JMP | BPF_JA, 0));
	search(t, v, middle, of, level);
	size_t over = t->p->n - at - 2;
	if (t->p->full)
		return;
	if (over <= UINT8_MAX) {
		/* near enough for the comparison itself; what stands in between jumps within
		 * itself alone, or by a mark */
		memmove(&t->p->v[at + 1], &t->p->v[at + 2], over * sizeof(*t->p->v));
		t->p->n--;
		t->p->v[at].jt = (uint8_t)over;
		t->p->v[at].jf = 0;
	} else {
		t->p->v[at + 1].k = (uint32_t)over;
	}
	search(t, v + middle, n - middle, of, level);
}

/* Ends the run before where this one says something else. */
static void add_run(struct run *v, size_t *n, struct run r)
{
	struct run *last = *n ? &v[*n - 1] : NULL;
	if (last && last->first == r.first)
		*last = r;
	else if (!last || last->n || r.n || last->class != r.class)
		v[(*n)++] = r;
}

/* The n ranges from lo on that have addresses with the digits of `of` above the level. */
static void digits(struct tree *t, size_t lo, size_t n, struct addr of, unsigned level)
{
	enum family f = t->family;
	struct run *v = xcalloc(4 * n + 2, sizeof(*v));
	size_t n_runs = 0;
	add_run(v, &n_runs, (struct run){ 0, CLASS_NOBODY, 0, 0 });
	for (size_t i = lo; i < lo + n; i++) {
		const struct class_range *r = &t->v[i];
		bool from_above = !below(f, r->span.lo, of, level);
		bool to_above = !below(f, r->span.hi, of, level);
		uint32_t first = from_above ? 0 : digit(f, r->span.lo, level);
		uint32_t last = to_above ? UINT32_MAX : digit(f, r->span.hi, level);
		bool first_part = !from_above && !at_edge(f, r->span.lo, level, false);
		bool last_part = !to_above && !at_edge(f, r->span.hi, level, true);
		if (first_part || (last_part && first == last)) {
			/* may share the digit with the range before, whose end is noted already
			 */
			struct run *open = &v[n_runs - 1];
			if (n_runs > 1 && !open->n && open->first == first + 1)
				open--;
			if (open->n && open->first == first)
				open->n++;
			else
				add_run(v, &n_runs, (struct run){ first, 0, i, 1 });
			if (first == last) {
				if (first != UINT32_MAX)
					add_run(v, &n_runs,
						(struct run){ first + 1, CLASS_NOBODY, 0, 0 });
				continue;
			}
			first++;
		}
		if (!last_part || first < last)
			add_run(v, &n_runs, (struct run){ first, r->class, 0, 0 });
		if (last_part)
			add_run(v, &n_runs, (struct run){ last, 0, i, 1 });
		if (last != UINT32_MAX)
			add_run(v, &n_runs, (struct run){ last + 1, CLASS_NOBODY, 0, 0 });
	}
	load(t->p, BPF_W, t->at + 4 * level);
	search(t, v, n_runs, of, level);
	free(v);
}

/* The class of the address at `at` in the accumulator; nobody's goes to the rest. */
static void classify(struct program *p, enum family f, const struct classes *c, uint32_t at)
{
	struct tree t = { .p = p, .family = f, .v = c->v[f], .at = at };
	size_t from = p->n;
	digits(&t, 0, c->n[f], (struct addr){ 0 }, 0);
	land(p, from, TO_END);
}

/* ---- 1 in N --------------------------------------------------------------------------- */

/* Mixes 32 bits so that every bit of the accumulator counts in the upper ones. */
static void stir(struct program *p)
{
	put(p, STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1));
	put(p, STMT(BPF_MISC | BPF_TAX, 0));
	put(p, STMT(BPF_ALU | BPF_RSH | BPF_K, 15));
	put(p, STMT(BPF_ALU | BPF_XOR | BPF_X, 0));
}

static void fold(struct program *p, uint32_t at)
{
	put(p, STMT(BPF_MISC | BPF_TAX, 0));
	load(p, BPF_W, at);
	put(p, STMT(BPF_ALU | BPF_XOR | BPF_X, 0));
}

/*
 * Keyed, so that nobody can choose ports that are never looked at; the same for both
 * directions: what is mixed is the exclusive or of both ends.
 */
static void hash(struct program *p, enum family f)
{
	uint64_t key = siphash("sampling", 8);
	uint32_t src = f == FAMILY_V4 ? AT_IP + 12 : AT_IP + 8, words = levels(f);
	put(p, STMT(BPF_LD | BPF_MEM, MEM_PORTS));
	put(p, STMT(BPF_ALU | BPF_XOR | BPF_K, (uint32_t)key));
	stir(p);
	for (uint32_t i = 0; i < words; i++) {
		fold(p, src + 4 * i);
		fold(p, src + 4 * (i + words));
		stir(p);
	}
	put(p, STMT(BPF_ALU | BPF_XOR | BPF_K, (uint32_t)(key >> 32)));
	stir(p);
}

static void rest(struct program *p, enum family f)
{
	if (p->one_in <= 1) {
		pass(p);
		return;
	}
	if (p->by_flow)
		hash(p, f);
	else
		load(p, BPF_W, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
	put(p, JUMP(BPF_JGT, UINT32_MAX / p->one_in, 0, 1));
	drop(p);
	pass(p);
}

/* ---- headers -------------------------------------------------------------------------- */

/* Asked for by the decoder, whatever end has the port (capture/decode_tunnel.c). */
static const uint16_t tunnel_ports[] = { 1701, 2152, 3544, 4341, 4500, 4754, 4789,
					 4790, 5072, 5247, 6081, 6635, 8472 };

/* Ports, exclusive or, to memory; tunnels pass. at: of the transport header. */
static void ports(struct program *p, uint32_t at, bool udp)
{
	for (uint32_t i = 0; i < 2; i++) {
		load(p, BPF_H, at + 2 * i);
		for (size_t k = 0; udp && k < sizeof(tunnel_ports) / sizeof(*tunnel_ports); k++)
			pass_if(p, tunnel_ports[k]);
		if (!i)
			put(p, STMT(BPF_MISC | BPF_TAX, 0));
	}
	put(p, STMT(BPF_ALU | BPF_XOR | BPF_X, 0));
	put(p, STMT(BPF_ST, MEM_PORTS));
}

/* A jump over what comes next: its place, for over_end(). */
static size_t over(struct program *p)
{
	put(p, STMT(BPF_JMP | BPF_JA, 0));
	return p->n - 1;
}

static void over_end(struct program *p, size_t at)
{
	if (!p->full)
		p->v[at].k = (uint32_t)(p->n - at - 1);
}

/* The protocol is in the accumulator. */
static void transport(struct program *p, enum family f, uint32_t at)
{
	uint32_t ask = f == FAMILY_V4 ? 8 : 128, answer = f == FAMILY_V4 ? 0 : 129;
	put(p, JUMP(BPF_JEQ, PROTO_TCP, 0, 1));
	size_t tcp = over(p);
	put(p, JUMP(BPF_JEQ, PROTO_UDP, 0, 1));
	size_t udp = over(p);
	pass_unless(p, f == FAMILY_V4 ? PROTO_ICMP : PROTO_ICMPV6);
	/* errors are about another conversation */
	load(p, BPF_B, at);
	put(p, JUMP(BPF_JEQ, ask, 2, 0));
	put(p, JUMP(BPF_JEQ, answer, 1, 0));
	pass(p);
	put(p, STMT(BPF_LD | BPF_IMM, 0));
	put(p, STMT(BPF_ST, MEM_PORTS));
	size_t icmp_end = over(p);
	over_end(p, udp);
	ports(p, at, true);
	size_t udp_end = over(p);
	over_end(p, tcp);
	ports(p, at, false);
	over_end(p, udp_end);
	over_end(p, icmp_end);
}

static void between(struct program *p, enum family f, const struct classes *c, uint32_t src,
		    uint32_t dst)
{
	size_t from = p->n;
	if (c->n[f]) {
		classify(p, f, c, src);
		put(p, STMT(BPF_ST, MEM_CLASS));
		classify(p, f, c, dst);
		put(p, STMT(BPF_MISC | BPF_TAX, 0));
		put(p, STMT(BPF_LD | BPF_MEM, MEM_CLASS));
		put(p, JUMP(BPF_JEQ | BPF_X, 0, 1, 0));
		pass(p);
		pass_if(p, CLASS_MANY);
	}
	land(p, from, TO_REST);
	rest(p, f);
}

static void ipv4(struct program *p, const struct classes *c)
{
	load(p, BPF_B, AT_IP);
	pass_unless(p, 0x45); /* no options */
	load(p, BPF_H, AT_IP + 6);
	put(p, JUMP(BPF_JSET, 0x3fff, 0, 1)); /* a fragment, the first one too */
	pass(p);
	load(p, BPF_B, AT_IP + 9);
	transport(p, FAMILY_V4, AT_IP + 20);
	between(p, FAMILY_V4, c, AT_IP + 12, AT_IP + 16);
}

static void ipv6(struct program *p, const struct classes *c)
{
	put(p, STMT(BPF_LD | BPF_W | BPF_LEN, 0));
	put(p, JUMP(BPF_JGE, SHORTEST_V6, 1, 0));
	pass(p);
	load(p, BPF_B, AT_IP + 6);
	transport(p, FAMILY_V6, AT_IP + 40);
	between(p, FAMILY_V6, c, AT_IP + 8, AT_IP + 24);
}

/* False: it is too long. */
static bool whole(struct program *p, const struct classes *c)
{
	p->n = 0;
	p->full = false;
	put(p, STMT(BPF_LD | BPF_W | BPF_LEN, 0));
	put(p, JUMP(BPF_JGE, SHORTEST_V4, 1, 0));
	pass(p);
	load(p, BPF_H, AT_TYPE);
	put(p, JUMP(BPF_JEQ, TYPE_IPV4, 0, 1));
	size_t v4 = over(p);
	pass_unless(p, TYPE_IPV6);
	ipv6(p, c);
	over_end(p, v4);
	ipv4(p, c);
	return !p->full && p->n <= KERNEL_FILTER_MAX;
}

void kernel_filter_build(struct arena *a, const struct policy *policy, unsigned one_in,
			 bool by_flow, struct kernel_filter *ret)
{
	struct classes c = { 0 };
	struct program *p = xcalloc(1, sizeof(*p));
	p->one_in = one_in;
	p->by_flow = by_flow;
	classes_init(&c, policy);
	size_t n_exact = c.n[FAMILY_V4] + c.n[FAMILY_V6];
	while (!whole(p, &c) && classes_widen(&c))
		;
	struct sock_fprog *program = arena_alloc(a, sizeof(*program));
	program->len = (unsigned short)p->n;
	program->filter = arena_copy(a, p->v, p->n * sizeof(*p->v));
	struct text t = { 0 };
	text_putf(&t,
		  "all that is between two of %zu tenants (%zu address ranges), tagged, in a "
		  "tunnel, a fragment, has options or is neither TCP, UDP nor a ping over IP",
		  c.n_tenants, n_exact);
	if (c.widened)
		text_putf(&t, "; widened to %zu ranges, which pass more", c.n[0] + c.n[1]);
	if (one_in > 1)
		text_putf(&t, "; 1 in %u %s of the rest", one_in,
			  by_flow ? "flows" : "packets");
	else
		text_put(&t, "; and the rest");
	*ret = (struct kernel_filter){ .program = program,
				       .one_in = one_in ? one_in : 1,
				       .by_flow = by_flow,
				       .text = arena_str(a, t.s) };
	text_finish(&t);
	classes_finish(&c);
	free(p);
}
