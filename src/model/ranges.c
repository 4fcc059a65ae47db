/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/cpus.h"

const char *range_number(const char *text, uint64_t max, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !errno && *number <= max ? end : NULL;
}

int ranges_parse(const char *text, uint64_t max, void (*add)(void *context, uint64_t first, uint64_t last), void *context)
{
	const char *at = text;

	do {
		uint64_t first, last;

		at = range_number(at, max, &first);
		last = first;
		if (at && *at == '-')
			at = range_number(at + 1, max, &last);
		if (!at || last < first || (*at && *at != ','))
			return -EINVAL;
		add(context, first, last);
	} while (*at++);
	return 0;
}

/* ---- sets ---- */

unsigned long number_read(const char *text, char **end)
{
	return strtoul(text, end, text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10);
}

/* Behind the number, or NULL. */
static const char *set_number(const char *text, uint32_t max, uint32_t *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = number_read(text, &end);
	*number = (uint32_t)value;
	return *text >= '0' && *text <= '9' && !errno && value <= max ? end : NULL;
}

int number_set_parse(const char *text, uint32_t max, struct number_set *set)
{
	const char *at = text;

	set->count = 0;
	if (strcmp(text, "any") == 0)
		return 0;
	do {
		uint32_t first, last;

		at = set_number(at, max, &first);
		last = first;
		if (at && *at == '-')
			at = set_number(at + 1, max, &last);
		if (!at || last < first || (*at && *at != '+') || set->count == NUMBER_RANGES_MAX)
			return -EINVAL;
		set->ranges[set->count].first = first;
		set->ranges[set->count++].last = last;
	} while (*at++);
	return 0;
}

bool number_set_has(const struct number_set *set, uint32_t number)
{
	for (unsigned int i = 0; i < set->count; i++)
		if (number >= set->ranges[i].first && number <= set->ranges[i].last)
			return true;
	return set->count == 0;
}

bool number_set_is_one(const struct number_set *set)
{
	return set->count == 1 && set->ranges[0].first == set->ranges[0].last;
}

void range_print(bool behind, uint64_t first, uint64_t last, FILE *out)
{
	fprintf(out, "%s%llu", behind ? "," : "", (unsigned long long)first);
	if (last > first)
		fprintf(out, "-%llu", (unsigned long long)last);
}

/* ---- CPUs ---- */

static void add_cpus(void *context, uint64_t first, uint64_t last)
{
	struct cpus *cpus = context;

	for (uint64_t cpu = first; cpu <= last; cpu++)
		cpus->words[cpu / 32] |= 1u << cpu % 32;
}

int cpus_parse(const char *text, struct cpus *cpus, struct error *error)
{
	if (ranges_parse(text, CPUS_MAX - 1, add_cpus, cpus))
		return fail(error, EINVAL, "CPUs must be numbers and ranges from 0 to %d, as in 1,4-7, not '%s'", CPUS_MAX - 1, text);
	cpus->some = true;
	return 0;
}

static bool has_cpu(const struct cpus *cpus, unsigned int cpu)
{
	return cpus->words[cpu / 32] >> cpu % 32 & 1;
}

bool cpus_print(const struct cpus *cpus, FILE *out)
{
	bool some = false;

	for (unsigned int cpu = 0, last; cpus->some && cpu < CPUS_MAX; cpu = last + 1) {
		last = cpu;
		if (!has_cpu(cpus, cpu))
			continue;
		while (last + 1 < CPUS_MAX && has_cpu(cpus, last + 1))
			last++;
		range_print(some, cpu, last, out);
		some = true;
	}
	return some;
}
