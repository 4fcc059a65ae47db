/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fuzz targets share: an oracle that ends the program, and inputs in heap blocks of exact size. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define MUST(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

/* To be freed with exact_free(). An empty input gets a pointer to the end of a block, so that reading it is seen too. */
static inline uint8_t *exact_copy(const uint8_t *data, size_t len)
{
	uint8_t *block = malloc(len ? len : 1);

	MUST(block);
	if (!len)
		return block + 1;
	memcpy(block, data, len);
	return block;
}

static inline void exact_free(uint8_t *copy, size_t len)
{
	free(len ? copy : copy - 1);
}

#endif
