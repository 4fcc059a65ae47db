/* SPDX-License-Identifier: BSD-2-Clause */
/* A compiled filter, as the parts of the filter module see it. Free of the headers of libpcap and libbpf, which exclude each other. */
#ifndef FILTER_CODE_H
#define FILTER_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A classic BPF instruction. */
struct filter_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

struct filter {
	unsigned int count;
	struct filter_insn insns[];
};

/*
 * Whether the filter can be translated; if not, the error says what stands against it. -ELOOP: it jumps backwards, which is what
 * "protochain" compiles to.
 */
int filter_check(const struct filter *filter, struct error *error);

#endif
