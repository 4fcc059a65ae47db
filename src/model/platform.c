/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/platform.h"

#include <errno.h>

#include "wire/fields.h"

enum {
	PLATFORMS = 8,
};

/* The bits of each field. */
enum {
#define BITS(name, word, shift, width) PLATFORM1_##name = width,
	PLATF1_FIELDS(BITS)
#undef BITS
};
enum {
#define BITS(name, word, shift, width) PLATFORM3_##name = width,
	PLATF3_FIELDS(BITS)
#undef BITS
};
enum {
#define BITS(name, word, shift, width) PLATFORM5_##name = width,
	PLATF5_FIELDS(BITS)
#undef BITS
};
enum {
#define BITS(name, word, shift, width) PLATFORM7_##name = width,
	PLATF7_FIELDS(BITS)
#undef BITS
};

static const struct {
	enum endpoint_key key;
	uint8_t bits[PLATFORMS]; /* 0: there is no such field */
	const char *platforms;
} rows[] = {
	{ENDPOINT_KEY_port_id,
	 {[1] = PLATFORM1_port_id, [3] = PLATFORM3_port_id, [5] = PLATFORM5_port_id, [6] = PLATFORM5_port_id, [7] = PLATFORM7_port_id},
	 "1, 3, 5, 6 or 7"},
	{ENDPOINT_KEY_switch_id, {[5] = PLATFORM5_switch_id, [6] = PLATFORM5_switch_id}, "5 or 6"},
	{ENDPOINT_KEY_domain_id, {[1] = PLATFORM1_domain_id}, "1"},
};

enum {
	ROWS = sizeof rows / sizeof rows[0]
};

int platform_check(const struct endpoint *destination, enum key_names names, struct error *error)
{
	const uint32_t numbers[ROWS] = {destination->port_id, destination->switch_id, destination->domain_id};

	for (unsigned int i = 0; i < ROWS; i++) {
		const char *name = endpoint_key_name(destination->kinds, ENDPOINT_DESTINATION, names, rows[i].key);
		const uint32_t bits = rows[i].bits[destination->platform];

		if (!endpoint_has(destination, rows[i].key))
			continue;
		if (!bits)
			return fail(error, EINVAL, "%s needs platform %s", name, rows[i].platforms);
		if (numbers[i] > WIRE_MASK(bits))
			return fail(error, EINVAL, "%s must be a number from 0 to %u on platform %u, not '%u'", name, WIRE_MASK(bits),
				    destination->platform, numbers[i]);
	}
	return 0;
}
