/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/number.h"

#include <errno.h>
#include <stdlib.h>

int number_parse(const char *text, const char *what, uint64_t max, uint64_t *number, struct error *error)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && *number && *number <= max)
		return 0;
	if (max == UINT64_MAX)
		return fail(error, EINVAL, "%s must be a number from 1 on, not '%s'", what, text);
	return fail(error, EINVAL, "%s must be a number from 1 to %llu, not '%s'", what, (unsigned long long)max, text);
}
