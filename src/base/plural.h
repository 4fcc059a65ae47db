/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a word behind a number: "1 session", "2 sessions". */
#ifndef BASE_PLURAL_H
#define BASE_PLURAL_H

#include <stdint.h>

static inline const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

#endif
