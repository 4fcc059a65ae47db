/* SPDX-License-Identifier: BSD-2-Clause */
/* Classic to extended BPF: the bodies of the functions in bpf/filters.h. */
#ifndef FILTER_EMIT_H
#define FILTER_EMIT_H

#include <stddef.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "filter/code.h"

struct bpf_insn;

struct filter_code {
	struct bpf_insn *insns;
	size_t count;
};

/*
 * Translates up to FILTER_GROUP_SIZE filters into one function, which takes the skb and returns their answers. code->insns is the caller's,
 * to be freed; NULL after an error.
 */
int filter_emit(const struct filter *const *filters, unsigned int count, enum direction direction, struct filter_code *code,
		struct error *error);

#endif
