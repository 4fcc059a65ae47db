/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TESTS_FILTER_RUN_H
#define TESTS_FILTER_RUN_H

#include "bpf/abi.h"

/* Value of "runs", one element: what filter_run.bpf.c is to do with the next frame, and what came out of it. */
struct filter_run {
	__u32 tag_type; /* 0: no tag */
	__u32 tag_tci;
	__u32 count; /* frames so far */
	__u32 len;
	__u32 in_place; /* bytes of the frame that programs can read directly */
	struct exclusions answers;
};

#endif
