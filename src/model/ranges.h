/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of numbers and ranges: 10,20-29, or 10+20-29 where a comma means something else. */
#ifndef MODEL_RANGES_H
#define MODEL_RANGES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
	NUMBER_RANGES_MAX = 16
};

/* Numbers from ranges, both ends included; count 0: any number. */
struct number_set {
	unsigned int count;
	struct {
		uint32_t first, last;
	} ranges[NUMBER_RANGES_MAX];
};

/* The number that the text begins with: decimal, also behind zeros, or hexadecimal behind 0x. *end and errno are as strtoul(3) has them. */
unsigned long number_read(const char *text, char **end);

/* Reads "any", or numbers and ranges from 0 to max with + between them, 0x for hexadecimal ones. 0 or -EINVAL. */
int number_set_parse(const char *text, uint32_t max, struct number_set *set);

/* Whether the number is in the set; any is in that of any number. */
bool number_set_has(const struct number_set *set, uint32_t number);

/* Whether one number alone is in the set. */
bool number_set_is_one(const struct number_set *set);

/* Reads a number up to max; returns what stands behind it, or NULL if there is none, or a larger one. */
const char *range_number(const char *text, uint64_t max, uint64_t *number);

/* Calls add for each range of the text, a single number being one of itself. 0, or -EINVAL, possibly after some calls. */
int ranges_parse(const char *text, uint64_t max, void (*add)(void *context, uint64_t first, uint64_t last), void *context);

/* Writes a range of such a list, behind a comma if it is not the first. */
void range_print(bool behind, uint64_t first, uint64_t last, FILE *out);

#endif
