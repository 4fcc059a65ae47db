/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each filter becomes up to two copies of its code. The fast one reads the frame in place; where that ends too early (frames of which only
 * the first part lies in one piece, or short ones), it gives up, and the slow one starts anew, which has the kernel fetch each word.
 *
 *     fast copy --> hit ------------.
 *        | beyond what is in place  |
 *        v                          v
 *     slow copy --> miss --> set the filter's bit --> next filter
 *
 * In front of filters that are alike stands the fast copy of their guard. Where it misses, their bits are set and all of them are left
 * out; where it gives up they are asked.
 *
 * Registers:  r6 skb   r7 A   r8 X   r9 the answers
 *             fast: r5 first byte of the frame, r4 end of what is in place, r2 and r3 pointers   slow: r1 to r4 arguments
 * Stack:      -4 a word fetched   -8 to -68 M[]
 */
#include "filter/emit.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "filter/guard.h"

enum {
	R0,
	R1,
	R2,
	R3,
	R4,
	R5,
	SKB,
	A,
	X,
	ANSWERS,
	FP,
	FRAME = R5,
	FRAME_END = R4,
};

enum {
	STACK_WORD = -4,
	STACK_MEMORY = -8,
	EMITTED_MAX = 16,      /* per classic instruction and copy */
	IN_PLACE_MAX = 0x7000, /* farther offsets are left to the slow copy: the kernel's verifier stops at 64 KiB */
	UNREACHED = UINT32_MAX,
};

/* Jump targets besides the classic instructions. */
enum {
	TO_SLOW = 1 << 24,
	TO_MISS,
	TO_HIT,
	TARGETS_END,
};

struct jump {
	size_t at;
	uint32_t to;
};

struct emitter {
	struct bpf_insn *insns;
	size_t count;
	enum direction direction;
	const struct filter *filter;
	struct jump *jumps;
	size_t jump_count;
	size_t *places;  /* where the copy under way has each classic instruction */
	uint32_t *known; /* bytes that surely are in place before each classic instruction; UNREACHED if nothing leads there */
	uint32_t have;   /* the same behind what was emitted last */
	bool slow;       /* which copy */
	struct error *error;
};

/* Words of the frame's metadata, at SKF_AD_OFF and behind. */
static const struct ancillary {
	uint32_t offset;
	const char *name;
	int16_t field; /* in struct __sk_buff; -1: not there */
	bool network_order;
} ancillaries[] = {
	{SKF_AD_PROTOCOL, "protocol", offsetof(struct __sk_buff, protocol), true},
	{SKF_AD_IFINDEX, "interface", offsetof(struct __sk_buff, ifindex), false},
	{SKF_AD_MARK, "mark", offsetof(struct __sk_buff, mark), false},
	{SKF_AD_QUEUE, "queue", offsetof(struct __sk_buff, queue_mapping), false},
	{SKF_AD_RXHASH, "hash", offsetof(struct __sk_buff, hash), false},
	{SKF_AD_VLAN_TAG, "VLAN tag", offsetof(struct __sk_buff, vlan_tci), false},
	{SKF_AD_VLAN_TAG_PRESENT, "VLAN tag's presence", offsetof(struct __sk_buff, vlan_present), false},
	{SKF_AD_VLAN_TPID, "VLAN tag's type", offsetof(struct __sk_buff, vlan_proto), true},
	{SKF_AD_NLATTR, "netlink attribute", -1, false},
	{SKF_AD_NLATTR_NEST, "nested netlink attribute", -1, false},
	{SKF_AD_HATYPE, "device's hardware type", -1, false},
	{SKF_AD_CPU, "processor", -1, false},
	{SKF_AD_ALU_XOR_X, "exclusive or", -1, false},
	{SKF_AD_PAY_OFFSET, "payload offset", -1, false},
	{SKF_AD_RANDOM, "random number", -1, false},
};

/* What [pkttype] is here: nothing in the frame, but where the program stands. */
static const int packet_types[] = {[DIRECTION_RX] = PACKET_HOST, [DIRECTION_TX] = PACKET_OUTGOING};

/* ---- instructions ---- */

static void put(struct emitter *e, unsigned int code, unsigned int dst, unsigned int src, int off, int64_t imm)
{
	e->insns[e->count++] = (struct bpf_insn){
		.code = (uint8_t)code,
		.dst_reg = dst & 15,
		.src_reg = src & 15,
		.off = (int16_t)off,
		.imm = (int32_t)(uint32_t)imm,
	};
}

static void put_move(struct emitter *e, unsigned int dst, unsigned int src)
{
	put(e, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void put_move32(struct emitter *e, unsigned int dst, unsigned int src)
{
	put(e, BPF_ALU | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void put_set32(struct emitter *e, unsigned int dst, uint32_t value)
{
	put(e, BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, value);
}

static void put_add(struct emitter *e, unsigned int dst, uint32_t value)
{
	put(e, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value);
}

static void put_read(struct emitter *e, unsigned int size, unsigned int dst, unsigned int base, int off)
{
	put(e, BPF_LDX | BPF_MEM | size, dst, base, off, 0);
}

/* A jump that is taken or not; TO_... or the index of a classic instruction. */
static void put_jump(struct emitter *e, unsigned int code, unsigned int dst, unsigned int src, int64_t imm, uint32_t to)
{
	e->jumps[e->jump_count++] = (struct jump){e->count, to};
	if (to < TO_SLOW && e->known[to] > e->have)
		e->known[to] = e->have;
	put(e, code, dst, src, 0, imm);
}

/* A jump that is always taken: nothing follows unless something else jumps there. */
static void put_goto(struct emitter *e, uint32_t to)
{
	put_jump(e, BPF_JMP | BPF_JA, 0, 0, 0, to);
	e->have = UNREACHED;
}

/* ---- loads ---- */

static unsigned int size_bytes(unsigned int code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

static void put_to_host(struct emitter *e, unsigned int reg, unsigned int bytes)
{
	if (bytes > 1)
		put(e, BPF_ALU | BPF_END | BPF_TO_BE, reg, 0, 0, bytes * 8);
}

/* Goes slow unless that many bytes are in place. */
static void put_bounds(struct emitter *e, uint32_t bytes)
{
	if (bytes <= e->have)
		return;
	put_move(e, R2, FRAME);
	put_add(e, R2, bytes);
	put_jump(e, BPF_JMP | BPF_JGT | BPF_X, R2, FRAME_END, 0, TO_SLOW);
	e->have = bytes;
}

/* Reads at an offset, of X if so wanted, in place. */
static void put_fast_read(struct emitter *e, unsigned int code, uint32_t k, bool from_x, unsigned int dst)
{
	unsigned int bytes = size_bytes(code), base = FRAME;

	if (k > IN_PLACE_MAX) {
		put_goto(e, TO_SLOW);
		return;
	}
	if (from_x) {
		put_move32(e, R3, X);
		put_jump(e, BPF_JMP | BPF_JGT | BPF_K, R3, 0, IN_PLACE_MAX, TO_SLOW);
		put_move(e, R2, FRAME);
		put(e, BPF_ALU64 | BPF_ADD | BPF_X, R2, R3, 0, 0);
		put_move(e, R3, R2);
		put_add(e, R3, k + bytes);
		put_jump(e, BPF_JMP | BPF_JGT | BPF_X, R3, FRAME_END, 0, TO_SLOW);
		base = R2;
	} else {
		put_bounds(e, k + bytes);
	}
	put_read(e, BPF_SIZE(code), dst, base, (int)k);
	put_to_host(e, dst, bytes);
}

/* The same, wherever the bytes are. An offset that overflows is beyond the end of every frame. */
static void put_slow_read(struct emitter *e, unsigned int code, uint32_t k, bool from_x, unsigned int dst)
{
	unsigned int bytes = size_bytes(code);

	if (k > INT32_MAX) {
		put_goto(e, TO_MISS);
		return;
	}
	if (from_x) {
		put_move32(e, R2, X);
		put_add(e, R2, k);
		put_jump(e, BPF_JMP | BPF_JGT | BPF_K, R2, 0, INT32_MAX, TO_MISS);
	} else {
		put_set32(e, R2, k);
	}
	put_move(e, R1, SKB);
	put_move(e, R3, FP);
	put(e, BPF_ALU64 | BPF_ADD | BPF_K, R3, 0, 0, STACK_WORD);
	put_set32(e, R4, bytes);
	put(e, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_load_bytes);
	put_jump(e, BPF_JMP | BPF_JNE | BPF_K, R0, 0, 0, TO_MISS);
	put_read(e, BPF_SIZE(code), dst, FP, STACK_WORD);
	put_to_host(e, dst, bytes);
}

static void put_frame_read(struct emitter *e, unsigned int code, uint32_t k, bool from_x, unsigned int dst)
{
	if (e->slow)
		put_slow_read(e, code, k, from_x, dst);
	else
		put_fast_read(e, code, k, from_x, dst);
}

static int put_ancillary(struct emitter *e, uint32_t offset)
{
	if (offset == SKF_AD_PKTTYPE) {
		put_set32(e, A, (uint32_t)packet_types[e->direction]);
		return 0;
	}
	for (size_t i = 0; i < sizeof ancillaries / sizeof ancillaries[0]; i++) {
		const struct ancillary *row = &ancillaries[i];

		if (row->offset != offset)
			continue;
		if (row->field < 0)
			return fail(e->error, ENOTSUP, "it asks for the %s, which a mirror does not have", row->name);
		put_read(e, BPF_W, A, SKB, row->field);
		if (row->network_order)
			put_to_host(e, A, 2);
		return 0;
	}
	return fail(e->error, ENOTSUP, "it asks for the word %u of a frame's metadata, which is none", offset);
}

static int memory_offset(uint32_t k)
{
	return STACK_MEMORY - 4 * (int)k;
}

static int refuse(struct emitter *e, const struct filter_insn *in)
{
	return fail(e->error, ENOTSUP, "it compiles to an instruction that is not known here (0x%02x, %u)", in->code, in->k);
}

static int translate_load(struct emitter *e, const struct filter_insn *in, uint32_t next)
{
	unsigned int dst = BPF_CLASS(in->code) == BPF_LD ? A : X;

	(void)next;
	switch (BPF_MODE(in->code)) {
	case BPF_IMM:
		put_set32(e, dst, in->k);
		return 0;
	case BPF_MEM:
		if (in->k >= BPF_MEMWORDS)
			return refuse(e, in);
		put_read(e, BPF_W, dst, FP, memory_offset(in->k));
		return 0;
	case BPF_LEN:
		put_read(e, BPF_W, dst, SKB, offsetof(struct __sk_buff, len));
		return 0;
	case BPF_MSH: /* the length of an IPv4 header */
		put_frame_read(e, BPF_B, in->k, false, X);
		if (e->have == UNREACHED)
			return 0;
		put(e, BPF_ALU | BPF_AND | BPF_K, X, 0, 0, 15);
		put(e, BPF_ALU | BPF_LSH | BPF_K, X, 0, 0, 2);
		return 0;
	case BPF_ABS:
		if (in->k >= (uint32_t)SKF_AD_OFF)
			return put_ancillary(e, in->k - (uint32_t)SKF_AD_OFF);
		put_frame_read(e, in->code, in->k, false, A);
		return 0;
	case BPF_IND:
		put_frame_read(e, in->code, in->k, true, A);
		return 0;
	}
	return refuse(e, in);
}

static int translate_store(struct emitter *e, const struct filter_insn *in, uint32_t next)
{
	(void)next;
	if (in->k >= BPF_MEMWORDS)
		return refuse(e, in);
	put(e, BPF_STX | BPF_MEM | BPF_W, FP, BPF_CLASS(in->code) == BPF_ST ? A : X, memory_offset(in->k), 0);
	return 0;
}

/* ---- arithmetic and jumps ---- */

/* Classic shifts by 32 and more give 0; extended ones go by the lowest five bits. */
static void put_shift(struct emitter *e, const struct filter_insn *in)
{
	if (BPF_SRC(in->code) == BPF_K) {
		if (in->k >= 32)
			put_set32(e, A, 0);
		else
			put(e, in->code, A, 0, 0, in->k);
		return;
	}
	put(e, BPF_JMP32 | BPF_JLT | BPF_K, X, 0, 1, 32);
	put_set32(e, A, 0);
	put(e, BPF_JMP32 | BPF_JGE | BPF_K, X, 0, 1, 32);
	put(e, in->code, A, X, 0, 0);
}

/* The codes of both languages are the same. */
static int translate_arithmetic(struct emitter *e, const struct filter_insn *in, uint32_t next)
{
	unsigned int operation = BPF_OP(in->code);
	bool by_x = BPF_SRC(in->code) == BPF_X;

	(void)next;
	if (operation > BPF_XOR)
		return refuse(e, in);
	if (operation == BPF_LSH || operation == BPF_RSH) {
		put_shift(e, in);
		return 0;
	}
	if (operation == BPF_DIV || operation == BPF_MOD) {
		/* Who divides by zero does not match. */
		if (by_x)
			put_jump(e, BPF_JMP32 | BPF_JEQ | BPF_K, X, 0, 0, TO_MISS);
		else if (in->k == 0) {
			put_goto(e, TO_MISS);
			return 0;
		}
	}
	if (operation == BPF_NEG)
		put(e, BPF_ALU | BPF_NEG, A, 0, 0, 0);
	else
		put(e, in->code, A, by_x ? X : 0, 0, by_x ? 0 : in->k);
	return 0;
}

/* The comparison that is true where the other one is false; 0: there is none. */
static unsigned int opposite(unsigned int operation)
{
	return operation == BPF_JEQ ? BPF_JNE : operation == BPF_JGT ? BPF_JLE : operation == BPF_JGE ? BPF_JLT : 0;
}

static void put_comparison(struct emitter *e, unsigned int operation, const struct filter_insn *in, uint32_t to)
{
	bool by_x = BPF_SRC(in->code) == BPF_X;

	put_jump(e, BPF_JMP32 | operation | BPF_SRC(in->code), A, by_x ? X : 0, by_x ? 0 : in->k, to);
}

static int translate_jump(struct emitter *e, const struct filter_insn *in, uint32_t next)
{
	unsigned int operation = BPF_OP(in->code);

	if (operation == BPF_JA && in->k > INT32_MAX)
		return fail(e->error, ELOOP, "it goes through the headers in a loop, which the kernel does not run");
	if (operation > BPF_JSET || (operation == BPF_JA ? in->k : in->jt > in->jf ? in->jt : in->jf) >= e->filter->count - next)
		return refuse(e, in);
	if (operation == BPF_JA) {
		put_goto(e, next + in->k);
		return 0;
	}
	if (in->jt == 0 && opposite(operation)) {
		put_comparison(e, opposite(operation), in, next + in->jf);
		return 0;
	}
	put_comparison(e, operation, in, next + in->jt);
	if (in->jf)
		put_goto(e, next + in->jf);
	return 0;
}

static int translate_return(struct emitter *e, const struct filter_insn *in, uint32_t next)
{
	(void)next;
	if (BPF_RVAL(in->code) == BPF_A) {
		put_jump(e, BPF_JMP32 | BPF_JNE | BPF_K, A, 0, 0, TO_HIT);
		put_goto(e, TO_MISS);
	} else {
		put_goto(e, in->k ? TO_HIT : TO_MISS);
	}
	return 0;
}

static int translate_transfer(struct emitter *e, const struct filter_insn *in, uint32_t next)
{
	bool to_a = BPF_MISCOP(in->code) == BPF_TXA;

	(void)next;
	put_move32(e, to_a ? A : X, to_a ? X : A);
	return 0;
}

/* ---- a filter ---- */

static int (*const translators[])(struct emitter *e, const struct filter_insn *in, uint32_t next) = {
	[BPF_LD] = translate_load,        [BPF_LDX] = translate_load, [BPF_ST] = translate_store,   [BPF_STX] = translate_store,
	[BPF_ALU] = translate_arithmetic, [BPF_JMP] = translate_jump, [BPF_RET] = translate_return, [BPF_MISC] = translate_transfer,
};

/* Sets the offsets of the jumps from the index on, whose targets are below limit: of all that is known by now. */
static int resolve(struct emitter *e, size_t from, uint32_t low, uint32_t high, const size_t *places)
{
	for (size_t i = from; i < e->jump_count; i++) {
		const struct jump *jump = &e->jumps[i];
		size_t distance;

		if (jump->to < low || jump->to >= high)
			continue;
		distance = places[jump->to - low] - jump->at - 1;
		if (distance > INT16_MAX)
			return fail(e->error, E2BIG, "it is too long: its %u instructions need jumps that the kernel cannot make",
				    e->filter->count);
		e->insns[jump->at].off = (int16_t)distance;
	}
	return 0;
}

static void put_start(struct emitter *e)
{
	uint32_t used = 0;

	for (unsigned int i = 0; i < e->filter->count; i++) {
		const struct filter_insn *in = &e->filter->insns[i];
		unsigned int class = BPF_CLASS(in->code);

		if ((class == BPF_LD || class == BPF_LDX) && BPF_MODE(in->code) == BPF_MEM && in->k < BPF_MEMWORDS)
			used |= 1u << in->k;
	}
	for (uint32_t k = 0; k < BPF_MEMWORDS; k++)
		if (used >> k & 1)
			put(e, BPF_ST | BPF_MEM | BPF_W, FP, 0, memory_offset(k), 0);
	put_set32(e, A, 0);
	put_set32(e, X, 0);
	if (!e->slow) {
		put_read(e, BPF_W, FRAME, SKB, offsetof(struct __sk_buff, data));
		put_read(e, BPF_W, FRAME_END, SKB, offsetof(struct __sk_buff, data_end));
	}
}

/* Classic jumps lead forwards only, so that one pass finds what leads where. What nothing leads to is left out: the kernel wants it so. */
static int put_copy(struct emitter *e, bool slow)
{
	const struct filter *filter = e->filter;
	size_t first_jump = e->jump_count;

	e->slow = slow;
	put_start(e);
	memset(e->known, 0xff, filter->count * sizeof *e->known);
	e->have = 0;
	for (unsigned int i = 0; i < filter->count; i++) {
		int rc;

		e->places[i] = e->count;
		if (e->have < e->known[i])
			e->known[i] = e->have;
		e->have = e->known[i];
		if (e->have == UNREACHED)
			continue;
		rc = translators[BPF_CLASS(filter->insns[i].code)](e, &filter->insns[i], i + 1);
		if (rc)
			return rc;
	}
	if (e->have != UNREACHED)
		return fail(e->error, ENOTSUP, "it does not end");
	return resolve(e, first_jump, 0, filter->count, e->places);
}

static bool leads_to(const struct emitter *e, uint32_t target)
{
	for (size_t i = 0; i < e->jump_count; i++)
		if (e->jumps[i].to == target)
			return true;
	return false;
}

/* Makes room for what the filter may need, and forgets the one before. */
static int begin_filter(struct emitter *e, const struct filter *filter)
{
	size_t steps = filter->count ? filter->count : 1, room = e->count + (steps * EMITTED_MAX + 2 * BPF_MEMWORDS) * 2;
	struct bpf_insn *insns = realloc(e->insns, room * sizeof *insns);
	struct jump *jumps = realloc(e->jumps, steps * 2 * 4 * sizeof *jumps);
	size_t *places = realloc(e->places, steps * sizeof *places);
	uint32_t *known = realloc(e->known, steps * sizeof *known);

	e->insns = insns ? insns : e->insns;
	e->jumps = jumps ? jumps : e->jumps;
	e->places = places ? places : e->places;
	e->known = known ? known : e->known;
	e->filter = filter;
	e->jump_count = 0;
	return insns && jumps && places && known ? 0 : fail(e->error, ENOMEM, "filter: out of memory");
}

static int put_filter(struct emitter *e, const struct filter *filter, unsigned int bit)
{
	size_t places[TARGETS_END - TO_SLOW];
	int rc = begin_filter(e, filter);

	if (rc || (rc = put_copy(e, false)))
		return rc;
	places[TO_SLOW - TO_SLOW] = e->count;
	if (leads_to(e, TO_SLOW) && (rc = put_copy(e, true)))
		return rc;
	places[TO_MISS - TO_SLOW] = e->count;
	if (leads_to(e, TO_MISS))
		put(e, BPF_ALU | BPF_XOR | BPF_K, ANSWERS, 0, 0, 1u << bit);
	places[TO_HIT - TO_SLOW] = e->count;
	return resolve(e, 0, TO_SLOW, TARGETS_END, places);
}

/* ---- filters that are alike ---- */

/* *skip: where the jump is that leaves the guarded filters out. */
static int put_guard(struct emitter *e, const struct filter *guard, uint32_t guarded, size_t *skip)
{
	size_t places[TARGETS_END - TO_SLOW];
	int rc = begin_filter(e, guard);

	if (rc || (rc = put_copy(e, false)))
		return rc;
	places[TO_MISS - TO_SLOW] = e->count;
	put(e, BPF_ALU | BPF_XOR | BPF_K, ANSWERS, 0, 0, guarded);
	*skip = e->count;
	put(e, BPF_JMP | BPF_JA, 0, 0, 0, 0);
	places[TO_SLOW - TO_SLOW] = places[TO_HIT - TO_SLOW] = e->count;
	return resolve(e, 0, TO_SLOW, TARGETS_END, places);
}

/* The first of those left, and all that are alike; *left is what is left then. */
static int put_alike(struct emitter *e, const struct filter *const *filters, uint32_t *left)
{
	uint32_t guarded;
	struct filter *guard = filter_guard(filters, *left, &guarded);
	size_t skip = 0;
	int rc = guard ? put_guard(e, guard, guarded, &skip) : 0;

	for (unsigned int i = 0; i < FILTER_GROUP_SIZE && !rc; i++)
		if (guarded >> i & 1)
			rc = put_filter(e, filters[i], i);
	if (!rc && guard)
		e->insns[skip].off = (int16_t)(e->count - skip - 1);
	free(guard);
	*left &= ~guarded;
	return rc;
}

/* ---- the function ---- */

static int put_function(struct emitter *e, const struct filter *const *filters, unsigned int count)
{
	static const struct filter nothing = {0};
	uint32_t left = count ? UINT32_MAX >> (FILTER_GROUP_SIZE - count) : 0;
	int rc = begin_filter(e, &nothing);

	if (rc)
		return rc;
	put_move(e, SKB, R1);
	/*
	 * Zero, but such that the kernel's verifier does not know it. If it did, it could tell each set of answers from each other and
	 * never end; so they stay unknown whatever bits are set, and the ways through a filter meet behind it.
	 */
	put_read(e, BPF_W, ANSWERS, SKB, offsetof(struct __sk_buff, len));
	put_read(e, BPF_W, R1, SKB, offsetof(struct __sk_buff, len));
	put(e, BPF_ALU | BPF_XOR | BPF_X, ANSWERS, R1, 0, 0);
	put(e, BPF_ALU | BPF_XOR | BPF_K, ANSWERS, 0, 0, ~left);
	while (left)
		if ((rc = put_alike(e, filters, &left)))
			return rc;
	put_move32(e, R0, ANSWERS);
	put(e, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return 0;
}

int filter_emit(const struct filter *const *filters, unsigned int count, enum direction direction, struct filter_code *code,
		struct error *error)
{
	struct emitter e = {.direction = direction, .error = error};
	int rc = put_function(&e, filters, count);

	free(e.jumps);
	free(e.places);
	free(e.known);
	if (rc) {
		free(e.insns);
		e.insns = NULL;
	}
	*code = (struct filter_code){e.insns, rc ? 0 : e.count};
	return rc;
}

int filter_check(const struct filter *filter, struct error *error)
{
	struct filter_code code;
	int rc = filter_emit(&filter, 1, DIRECTION_RX, &code, error);

	free(code.insns);
	return rc;
}
