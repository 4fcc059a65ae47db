/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts the generated functions in the place of those in bpf/filters.h while libbpf loads a program: when it has all of the program's
 * functions behind each other, calls resolved, and before it hands them to the kernel. Whatever stands behind a function moves.
 *
 *     | main | ... | exclude_by_filters_0: stub | ... |
 *     | main | ... | exclude_by_filters_0: generated, longer | ... |
 */
#include "filter/filter.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/emit.h"

enum {
	GROUPS = FILTERS_MAX / FILTER_GROUP_SIZE
};

/* What is to be put in. */
struct splice {
	const struct btf *btf;
	struct filter_code groups[GROUPS];
	unsigned int group_count;
	void *functions, *lines; /* the kernel's tables, as moved */
};

/* While filter_load() runs; else NULL. libbpf's callback has no other way to learn of it. */
static _Thread_local struct splice *under_way;

/* A program's instructions with a hole: those from start to end are to be replaced by others. */
struct hole {
	size_t start, end, size;
};

/* Where an instruction outside of the hole, or at its start, is afterwards. */
static size_t moved(const struct hole *hole, size_t at)
{
	return at < hole->end ? at : at - hole->end + hole->start + hole->size;
}

static bool is_call(const struct bpf_insn *in)
{
	return in->code == (BPF_JMP | BPF_CALL) && in->src_reg == BPF_PSEUDO_CALL;
}

/* The address of a function, as bpf_loop() takes it. */
static bool is_function_address(const struct bpf_insn *in)
{
	return in->code == (BPF_LD | BPF_IMM | BPF_DW) && in->src_reg == BPF_PSEUDO_FUNC;
}

/* Jumps stay within their function, so only what names other functions changes. */
static void move_calls(struct bpf_insn *insns, size_t count, const struct hole *hole)
{
	for (size_t at = 0; at < count; at++) {
		size_t target = at + 1 + (size_t)insns[at].imm;

		if ((at < hole->start || at >= hole->end) && (is_call(&insns[at]) || is_function_address(&insns[at])))
			insns[at].imm = (int)(moved(hole, target) - moved(hole, at) - 1);
	}
}

static int replace_insns(struct bpf_program *program, const struct hole *hole, const struct bpf_insn *body)
{
	size_t count = bpf_program__insn_cnt(program), behind = count - hole->end;
	struct bpf_insn *insns = calloc(count + hole->size, sizeof *insns);
	int rc;

	if (!insns)
		return -ENOMEM;
	memcpy(insns, bpf_program__insns(program), count * sizeof *insns);
	move_calls(insns, count, hole);
	memmove(insns + hole->start + hole->size, insns + hole->end, behind * sizeof *insns);
	memcpy(insns + hole->start, body, hole->size * sizeof *insns);
	rc = bpf_program__set_insns(program, insns, hole->start + hole->size + behind);
	free(insns);
	return rc;
}

/*
 * Copies one of the kernel's tables, of records that begin with the number of an instruction, and moves them. What told of the inside of
 * the old body is left out. *count is of records.
 */
static void *move_table(const void *table, __u32 size, __u32 *count, const struct hole *hole)
{
	char *copy = malloc((size_t)size * *count + 1);
	__u32 kept = 0;

	for (__u32 i = 0; copy && i < *count; i++) {
		__u32 at;

		memcpy(copy + (size_t)kept * size, (const char *)table + (size_t)i * size, size);
		memcpy(&at, copy + (size_t)kept * size, sizeof at);
		if (at > hole->start && at < hole->end)
			continue;
		at = (__u32)moved(hole, at);
		memcpy(copy + (size_t)kept++ * size, &at, sizeof at);
	}
	*count = kept;
	return copy;
}

/* Where the function begins and ends, by the names that the kernel gets to know too. */
static int find_function(const struct bpf_prog_load_opts *options, const char *name, size_t insn_count, struct hole *hole)
{
	for (__u32 i = 0; i < options->func_info_cnt; i++) {
		const char *at = (const char *)options->func_info + (size_t)i * options->func_info_rec_size;
		struct bpf_func_info function, next = {.insn_off = (__u32)insn_count};
		const struct btf_type *type;

		memcpy(&function, at, sizeof function);
		if (i + 1 < options->func_info_cnt)
			memcpy(&next, at + options->func_info_rec_size, sizeof next);
		type = btf__type_by_id(under_way->btf, function.type_id);
		if (type && strcmp(btf__name_by_offset(under_way->btf, type->name_off), name) == 0) {
			hole->start = function.insn_off;
			hole->end = next.insn_off;
			return 0;
		}
	}
	return -ENOENT;
}

/* Moves both tables; what they were before, if we made it, is freed. */
static int move_tables(struct bpf_prog_load_opts *options, const struct hole *hole)
{
	void *functions = move_table(options->func_info, options->func_info_rec_size, &options->func_info_cnt, hole);
	void *lines = move_table(options->line_info, options->line_info_rec_size, &options->line_info_cnt, hole);

	free(under_way->functions);
	free(under_way->lines);
	options->func_info = under_way->functions = functions;
	options->line_info = under_way->lines = lines;
	return functions && lines ? 0 : -ENOMEM;
}

static int prepare(struct bpf_program *program, struct bpf_prog_load_opts *options, long cookie)
{
	(void)cookie;
	for (unsigned int group = 0; under_way && group < under_way->group_count; group++) {
		const struct filter_code *code = &under_way->groups[group];
		struct hole hole = {.size = code->count};
		char name[32];
		int rc;

		snprintf(name, sizeof name, "exclude_by_filters_%u", group);
		rc = find_function(options, name, bpf_program__insn_cnt(program), &hole);
		if (rc || (rc = replace_insns(program, &hole, code->insns)) || (rc = move_tables(options, &hole)))
			return rc;
	}
	return 0;
}

int filter_setup(struct error *error)
{
	/* In the place of libbpf's own handler, which does nothing for these programs. */
	LIBBPF_OPTS(libbpf_prog_handler_opts, options, .prog_prepare_load_fn = prepare);
	static int handler;

	if (handler <= 0)
		handler = libbpf_register_prog_handler("tc", BPF_PROG_TYPE_SCHED_CLS, 0, &options);
	return handler > 0 ? 0 : fail(error, -handler, "filter: libbpf: %s", strerror(-handler));
}

static int emit(struct splice *splice, const struct filter *const *filters, unsigned int count, enum direction direction,
		struct error *error)
{
	int rc = 0;

	if (count > FILTERS_MAX)
		return fail(error, ENOSPC, "more than %d filters on one interface", FILTERS_MAX);
	for (unsigned int i = 0; i < count && !rc; i += FILTER_GROUP_SIZE) {
		unsigned int left = count - i;

		rc = filter_emit(filters + i, left < FILTER_GROUP_SIZE ? left : FILTER_GROUP_SIZE, direction,
				 &splice->groups[splice->group_count++], error);
	}
	return rc;
}

static int load(struct bpf_object_skeleton *skeleton, struct splice *splice, unsigned int filters, struct error *error)
{
	/* A refusal of the verifier would come with pages of instructions that nobody wrote. */
	libbpf_print_fn_t print = filters ? libbpf_set_print(NULL) : NULL;
	int rc;

	under_way = splice;
	rc = bpf_object__load_skeleton(skeleton);
	under_way = NULL;
	if (filters)
		libbpf_set_print(print);
	if (rc == -EFAULT || rc == -E2BIG || rc == -ENOSPC) /* what the verifier says to that depends on what it ran out of */
		return fail(error, E2BIG, "%u filters, too much together for the kernel's verifier", filters);
	return rc ? fail(error, -rc, "%s", strerror(-rc)) : 0;
}

int filter_load(struct bpf_object_skeleton *skeleton, const struct filter *const *filters, unsigned int count, enum direction direction,
		struct error *error)
{
	struct splice splice = {.btf = bpf_object__btf(*skeleton->obj)};
	int rc = emit(&splice, filters, count, direction, error);

	if (!rc)
		rc = load(skeleton, &splice, count, error);
	for (unsigned int i = 0; i < splice.group_count; i++)
		free(splice.groups[i].insns);
	free(splice.functions);
	free(splice.lines);
	return rc;
}
