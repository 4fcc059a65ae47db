/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters that differ in a port or an address differ in few instructions, and have the rest in the same places. A guard has those that are
 * the same in all of its filters, and "matches" in the place of each other one:
 *
 *     tcp dst port 80     tcp dst port 443     guard
 *     ...                 ...                  ...
 *     A = protocol        A = protocol         A = protocol
 *     A == 6 ? : miss     A == 6 ? : miss      A == 6 ? : miss
 *     A = port            A = port             A = port
 *     A == 80 ? : miss    A == 443 ? : miss    matches
 *
 * All that a guard does until it ends each of its filters does too, so where it misses, all of them do.
 */
#include "filter/guard.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	GUARDED_MIN = 3,  /* filters that are worth a guard */
	TESTS_MIN = 2,    /* ways to miss that are worth it: the protocol, and what it is carried in */
	GUARDED_MAX = 900 /* instructions of its filters together, as what skips them jumps not farther than 32767 of the kernel's */
};

static bool is_return(const struct filter_insn *in)
{
	return BPF_CLASS(in->code) == BPF_RET;
}

static bool misses(const struct filter_insn *in)
{
	return in->code == (BPF_RET | BPF_K) && in->k == 0;
}

static bool branches(const struct filter_insn *in)
{
	return BPF_CLASS(in->code) == BPF_JMP && BPF_OP(in->code) != BPF_JA;
}

static bool leads_to_miss(const struct filter *filter, unsigned int target)
{
	return target < filter->count && misses(&filter->insns[target]);
}

/* A copy whose branches miss at one place, its end, wherever the filter has its own. */
static struct filter *start_guard(const struct filter *filter)
{
	struct filter *guard = malloc(sizeof *guard + (filter->count + 1) * sizeof guard->insns[0]);
	unsigned int end = filter->count;

	if (!guard)
		return NULL;
	guard->count = end + 1;
	memcpy(guard->insns, filter->insns, end * sizeof guard->insns[0]);
	guard->insns[end] = (struct filter_insn){.code = BPF_RET | BPF_K};
	for (unsigned int i = 0; i < end; i++) {
		struct filter_insn *in = &guard->insns[i];

		if (!branches(in) || end - i - 1 > UINT8_MAX)
			continue;
		if (leads_to_miss(filter, i + 1 + in->jt))
			in->jt = (uint8_t)(end - i - 1);
		if (leads_to_miss(filter, i + 1 + in->jf))
			in->jf = (uint8_t)(end - i - 1);
	}
	return guard;
}

static bool goes_alike(const struct filter *guard, const struct filter *filter, unsigned int to_by_guard, unsigned int to)
{
	return (to_by_guard == to && to < guard->count - 1) || (leads_to_miss(guard, to_by_guard) && leads_to_miss(filter, to));
}

static bool is_alike(const struct filter *guard, const struct filter *filter, unsigned int at)
{
	const struct filter_insn *one = &guard->insns[at], *other = &filter->insns[at];

	if (at >= filter->count || one->code != other->code || one->k != other->k)
		return false;
	return !branches(one) || (goes_alike(guard, filter, at + 1 + one->jt, at + 1 + other->jt) &&
				  goes_alike(guard, filter, at + 1 + one->jf, at + 1 + other->jf));
}

/* Leaves in a guard what the filter does too. */
static void narrow(struct filter *guard, const struct filter *filter)
{
	for (unsigned int i = 0; i + 1 < guard->count; i++)
		if (!is_alike(guard, filter, i))
			guard->insns[i] = (struct filter_insn){.code = BPF_RET | BPF_K, .k = 1};
}

/* Branches that miss, among those that anything leads to. */
static unsigned int count_tests(const struct filter *guard)
{
	bool *reached = calloc(guard->count, sizeof *reached);
	unsigned int tests = 0;

	for (unsigned int i = 0; reached && i + 1 < guard->count; i++) {
		const struct filter_insn *in = &guard->insns[i];
		unsigned int jt = i + 1 + in->jt, jf = i + 1 + in->jf, to = i + 1;

		if ((i && !reached[i]) || is_return(in))
			continue;
		if (branches(in)) {
			tests += leads_to_miss(guard, jt) || leads_to_miss(guard, jf);
			reached[jt < guard->count ? jt : i] = reached[jf < guard->count ? jf : i] = true;
			continue;
		}
		if (BPF_CLASS(in->code) == BPF_JMP)
			to = in->k < guard->count - i - 1 ? to + in->k : i;
		reached[to] = true;
	}
	free(reached);
	return tests;
}

/* The guard with one filter more, if it is worth that; else NULL. */
static struct filter *extend(const struct filter *guard, const struct filter *filter)
{
	size_t size = sizeof *guard + guard->count * sizeof guard->insns[0];
	struct filter *narrower = malloc(size);

	if (!narrower)
		return NULL;
	memcpy(narrower, guard, size);
	narrow(narrower, filter);
	if (count_tests(narrower) >= TESTS_MIN)
		return narrower;
	free(narrower);
	return NULL;
}

struct filter *filter_guard(const struct filter *const *filters, uint32_t left, uint32_t *guarded)
{
	unsigned int first = (unsigned int)__builtin_ctz(left), together = filters[first]->count, members = 1;
	struct filter *guard = start_guard(filters[first]);

	*guarded = 1u << first;
	for (unsigned int i = first + 1; guard && i < 32; i++) {
		struct filter *more;

		if (!(left >> i & 1) || together + filters[i]->count > GUARDED_MAX || !(more = extend(guard, filters[i])))
			continue;
		free(guard);
		guard = more;
		together += filters[i]->count;
		*guarded |= 1u << i;
		members++;
	}
	if (members >= GUARDED_MIN)
		return guard;
	free(guard);
	*guarded = 1u << first;
	return NULL;
}
