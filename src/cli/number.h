/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers on command lines. */
#ifndef CLI_NUMBER_H
#define CLI_NUMBER_H

#include <stdint.h>

#include "base/error.h"

/* Reads a number from 1 to max, UINT64_MAX for as many as there are. -EINVAL, *error saying what must be such a number: "decode: count". */
int number_parse(const char *text, const char *what, uint64_t max, uint64_t *number, struct error *error);

#endif
