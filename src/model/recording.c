/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/recording.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "model/ranges.h"

static const struct {
	char suffix;
	uint64_t unit;
} units[] = {{'g', 1 << 30}, {'m', 1 << 20}, {'k', 1 << 10}, {'\0', 1000000}};

bool recording_print_size(uint64_t size, FILE *out)
{
	size_t i = 0;

	if (!size)
		return false;
	while (i + 1 < sizeof units / sizeof units[0] && size % units[i].unit)
		i++;
	fprintf(out, "%llu", (unsigned long long)(size / units[i].unit));
	if (units[i].suffix)
		fputc(units[i].suffix, out);
	return true;
}

int recording_parse_size(const char *text, uint64_t *size, struct error *error)
{
	uint64_t number;
	const char *end = range_number(text, UINT64_MAX, &number);

	if (end && number && (!*end || !end[1]))
		for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
			if (units[i].suffix == (*end | (*end ? 0x20 : 0)) && number <= RECORDING_SIZE_MAX / units[i].unit) {
				*size = number * units[i].unit;
				return 0;
			}
	return fail(error, EINVAL, "size '%s' must be a number of millions of bytes, or end with k, m or g (KiB, MiB, GiB)", text);
}

int recording_parse_sync(const char *text, struct recording_sync *sync, struct error *error)
{
	uint64_t seconds;
	const char *end;

	*sync = (struct recording_sync){.rotated = strcmp(text, "none") != 0};
	if (!sync->rotated || strcmp(text, "rotate") == 0)
		return 0;
	end = range_number(text, RECORDING_SYNC_SECONDS_MAX, &seconds);
	if (!end || *end || !seconds)
		return fail(error, EINVAL, "fsync must be none, rotate or a number of seconds up to %d, not '%s'",
			    RECORDING_SYNC_SECONDS_MAX, text);
	sync->seconds = (unsigned int)seconds;
	return 0;
}

int recording_parse_compress(const char *text, bool *zstd, struct error *error)
{
	*zstd = strcmp(text, "zstd") == 0;
	return *zstd ? 0 : fail(error, EINVAL, "compression must be zstd, not '%s'", text);
}

int recording_parse_listen(const char *text, struct address *address, uint16_t *port, struct error *error)
{
	const char *colon = strrchr(text, ':'), *digits = colon ? colon + 1 : text, *end;
	char host[RECORDING_LISTEN_MAX] = "127.0.0.1";
	size_t len = colon ? (size_t)(colon - text) : 0;
	uint64_t number;
	bool bracket = len > 2 && text[0] == '[' && text[len - 1] == ']';

	if (colon)
		snprintf(host, sizeof host, "%.*s", (int)(len - 2 * bracket), text + bracket);
	end = range_number(digits, UINT16_MAX, &number);
	if (!end || *end || address_parse(host, address) || bracket != (address->family == 6))
		return fail(error, EINVAL, "'%s' is not [ADDRESS:]PORT, with a port up to 65535 and an IPv6 address in brackets", text);
	*port = (uint16_t)number;
	return 0;
}
