/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of numbers and ranges: 10,20-29. */
#ifndef MODEL_RANGES_H
#define MODEL_RANGES_H

#include <stdint.h>

/* Reads a number up to max; returns what stands behind it, or NULL if there is none, or a larger one. */
const char *range_number(const char *text, uint64_t max, uint64_t *number);

/* Calls add for each range of the text, a single number being one of itself. 0, or -EINVAL, possibly after some calls. */
int ranges_parse(const char *text, uint64_t max, void (*add)(void *context, uint64_t first, uint64_t last), void *context);

#endif
