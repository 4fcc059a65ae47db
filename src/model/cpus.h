/* SPDX-License-Identifier: BSD-2-Clause */
/* A list of CPUs and its text. */
#ifndef MODEL_CPUS_H
#define MODEL_CPUS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum {
	CPUS_MAX = 1024,
	CPUS_WORDS = CPUS_MAX / 32,
};

struct cpus {
	bool some; /* else no list was given */
	uint32_t words[CPUS_WORDS];
};

/* Reads numbers and ranges, as in 1,4-7; 0 or -EINVAL. */
int cpus_parse(const char *text, struct cpus *cpus, struct error *error);

/* Writes the list; false, and nothing, if there is none. */
bool cpus_print(const struct cpus *cpus, FILE *out);

#endif
