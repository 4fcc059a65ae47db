/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/ranges.h"

enum {
	TEXT_MAX = 256,
	VLAN_MAX = 4095,
	TRUNCATE_MIN = 14, /* an Ethernet header */
	TRUNCATE_MAX = 65535,
	BURST_DEFAULT_NS = 10 * 1000 * 1000,
};

static const uint64_t burst_max_ns = 10 * NS_PER_S;
static const uint64_t rate_min_bits = 8000;
static const uint64_t rate_max = 1000ull * 1000 * 1000 * 1000;

/* ---- VLANs ---- */

static void add_vlans(void *context, uint64_t first, uint64_t last)
{
	struct vlan_set *set = context;

	for (uint64_t vlan = first; vlan <= last; vlan++)
		set->bits[vlan / 64] |= 1ull << vlan % 64;
}

static bool has_vlan(const struct shape *shape, unsigned int vlan)
{
	return shape->vlans.bits[vlan / 64] >> vlan % 64 & 1;
}

int shape_parse_vlans(const char *text, struct shape *shape, struct error *error)
{
	if (ranges_parse(text, VLAN_MAX, add_vlans, &shape->vlans))
		return fail(error, EINVAL, "VLANs must be numbers and ranges from 0 (untagged) to %d, as in 10,20-29, not '%s'", VLAN_MAX,
			    text);
	shape->some_vlans = true;
	return 0;
}

bool shape_print_vlans(const struct shape *shape, FILE *out)
{
	bool some = false;

	for (unsigned int vlan = 0, last; shape->some_vlans && vlan <= VLAN_MAX; vlan = last + 1) {
		last = vlan;
		if (!has_vlan(shape, vlan))
			continue;
		while (last < VLAN_MAX && has_vlan(shape, last + 1))
			last++;
		range_print(some, vlan, last, out);
		some = true;
	}
	return some;
}

/* ---- sample ---- */

static const struct {
	const char *prefix;
	enum sample_mode mode;
} sample_modes[] = {{"random:", SAMPLE_RANDOM}, {"count:", SAMPLE_COUNT}, {"flow:", SAMPLE_FLOW}, {"", SAMPLE_RANDOM}};

enum {
	SAMPLE_MODES = sizeof sample_modes / sizeof sample_modes[0]
};

int shape_parse_sample(const char *text, struct shape *shape, struct error *error)
{
	uint64_t n;

	for (unsigned int i = 0; i < SAMPLE_MODES; i++) {
		size_t len = strlen(sample_modes[i].prefix);
		const char *end;

		if (strncmp(text, sample_modes[i].prefix, len) != 0)
			continue;
		end = range_number(text + len, UINT32_MAX, &n);
		if (!end || *end || !n)
			break;
		shape->sample = sample_modes[i].mode;
		shape->sample_n = (uint32_t)n;
		return 0;
	}
	return fail(error, EINVAL, "sample must be N, random:N, count:N or flow:N, for 1 in N, which is 1 to %u, not '%s'", UINT32_MAX,
		    text);
}

bool shape_print_sample(const struct shape *shape, FILE *out)
{
	for (unsigned int i = 0; shape->sample_n && i < SAMPLE_MODES; i++) {
		if (sample_modes[i].mode != shape->sample)
			continue;
		fprintf(out, "%s%u", sample_modes[i].prefix, shape->sample_n);
		return true;
	}
	return false;
}

/* ---- rate ---- */

static const struct {
	const char *unit;
	uint64_t ns;
} burst_units[] = {{"s", NS_PER_S}, {"ms", NS_PER_MS}, {"us", NS_PER_US}};

enum {
	BURST_UNITS = sizeof burst_units / sizeof burst_units[0]
};

int shape_parse_burst(const char *text, struct shape *shape, struct error *error)
{
	uint64_t number;
	const char *end = range_number(text, burst_max_ns, &number);

	for (unsigned int i = 0; end && i < BURST_UNITS; i++) {
		if (strcmp(end, burst_units[i].unit) != 0 || number > burst_max_ns / burst_units[i].ns)
			continue;
		shape->burst_ns = number * burst_units[i].ns;
		return 0;
	}
	return fail(error, EINVAL, "burst must be a time from 0 to 10s, in s, ms or us, as in 20ms, not '%s'", text);
}

bool shape_print_burst(const struct shape *shape, FILE *out)
{
	unsigned int i = 0;

	if (!shape->limited || shape->burst_ns == BURST_DEFAULT_NS)
		return false;
	while (i + 1 < BURST_UNITS && shape->burst_ns % burst_units[i].ns)
		i++;
	fprintf(out, "%llu%s", (unsigned long long)(shape->burst_ns / burst_units[i].ns), burst_units[i].unit);
	return true;
}

static const struct {
	char letter;
	uint64_t factor;
} rate_prefixes[] = {{'g', 1000ull * 1000 * 1000}, {'m', 1000 * 1000}, {'k', 1000}};

enum {
	RATE_PREFIXES = sizeof rate_prefixes / sizeof rate_prefixes[0]
};

/* "10mbit", "500pps", "2kpps", "1g": bits unless it says packets. */
static int parse_per_second(const char *text, struct shape *shape)
{
	const char *unit = range_number(text, rate_max, &shape->rate);
	uint64_t factor = 1;

	if (!unit)
		return -EINVAL;
	for (unsigned int i = 0; i < RATE_PREFIXES; i++)
		if ((*unit | 0x20) == rate_prefixes[i].letter)
			factor = rate_prefixes[i].factor;
	unit += factor > 1;
	shape->rate_in_bits = strcmp(unit, "pps") != 0;
	if (shape->rate_in_bits && *unit && strcmp(unit, "bit") != 0 && strcmp(unit, "bps") != 0)
		return -EINVAL;
	if (shape->rate > rate_max / factor)
		return -EINVAL;
	shape->rate *= factor;
	return shape->rate >= (shape->rate_in_bits ? rate_min_bits : 1) ? 0 : -EINVAL;
}

int shape_parse_rate(const char *text, struct shape *shape, struct error *error)
{
	char copy[TEXT_MAX], *burst;

	snprintf(copy, sizeof copy, "%s", text);
	burst = strchr(copy, ',');
	if (burst)
		*burst++ = '\0';
	shape->burst_ns = BURST_DEFAULT_NS;
	if (strlen(text) >= sizeof copy || parse_per_second(copy, shape))
		return fail(error, EINVAL,
			    "rate must be bits per second from 8kbit to 1000gbit, or packets from 1pps to 1000gpps, as in 10mbit or "
			    "500pps, not '%s'",
			    text);
	shape->limited = true;
	if (!burst)
		return 0;
	if (strncmp(burst, "burst=", 6) != 0)
		return fail(error, EINVAL, "behind a rate stands a burst, as in 10mbit,burst=20ms, not '%s'", burst);
	return shape_parse_burst(burst + 6, shape, error);
}

bool shape_print_rate(const struct shape *shape, FILE *out)
{
	uint64_t rate = shape->rate;
	unsigned int i = 0;

	if (!shape->limited)
		return false;
	while (i < RATE_PREFIXES && rate % rate_prefixes[i].factor)
		i++;
	if (i < RATE_PREFIXES)
		rate /= rate_prefixes[i].factor;
	fprintf(out, "%llu", (unsigned long long)rate);
	if (i < RATE_PREFIXES)
		fputc(rate_prefixes[i].letter, out);
	fputs(shape->rate_in_bits ? "bit" : "pps", out);
	return true;
}

uint64_t shape_cost_scale(const struct shape *shape)
{
	return shape->limited ? (NS_PER_S << RATE_SCALE_BITS) / shape->rate : 0;
}

/* ---- truncate ---- */

static const struct {
	const char *name;
	enum truncate_mode mode;
} layers[] = {{"l2", TRUNCATE_L2}, {"l3", TRUNCATE_L3}, {"l4", TRUNCATE_L4}};

enum {
	LAYERS = sizeof layers / sizeof layers[0]
};

bool shape_print_truncate(const struct shape *shape, FILE *out)
{
	for (unsigned int i = 0; i < LAYERS; i++)
		if (layers[i].mode == shape->truncate)
			return fputs(layers[i].name, out) >= 0;
	if (shape->truncate == TRUNCATE_BYTES)
		fprintf(out, "%u", shape->truncate_bytes);
	return shape->truncate == TRUNCATE_BYTES;
}

int shape_parse_truncate(const char *text, struct shape *shape, struct error *error)
{
	uint64_t bytes;
	const char *end;

	for (unsigned int i = 0; i < LAYERS; i++) {
		if (strcmp(text, layers[i].name) == 0) {
			shape->truncate = layers[i].mode;
			return 0;
		}
	}
	end = range_number(text, TRUNCATE_MAX, &bytes);
	if (!end || *end || bytes < TRUNCATE_MIN)
		return fail(error, EINVAL, "truncate must be %d to %d bytes, or l2, l3 or l4 (the end of those headers), not '%s'",
			    TRUNCATE_MIN, TRUNCATE_MAX, text);
	shape->truncate = TRUNCATE_BYTES;
	shape->truncate_bytes = (uint32_t)bytes;
	return 0;
}
