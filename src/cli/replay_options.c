/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/replay_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/plural.h"
#include "cli/number.h"

void replay_defaults(struct replay_config *config)
{
	*config = (struct replay_config){.pace = REPLAY_AS_CAPTURED, .amount = 1, .loops = 1};
}

/* A decimal number above 0, with nothing else but perhaps the suffix behind it. */
static int parse_amount(const char *text, const char *what, const char *suffix, double *amount, struct error *error)
{
	size_t digits = strspn(text, "0123456789.");
	char *end;

	*amount = strtod(text, &end);
	if (digits && end == text + digits && (!*end || strcmp(end, suffix) == 0) && *amount >= 1e-6 && *amount <= 1e12)
		return 0;
	return fail(error, EINVAL, "mirror: %s must be a number above 0, as in 2%s or 0.5, not '%s'", what, suffix, text);
}

static int set_pace(struct replay_config *config, enum replay_pace pace, struct error *error)
{
	if (config->pace_given)
		return fail(error, EINVAL, "mirror: only one of --speed, --pps, --mbps and --topspeed can be given");
	config->pace = pace;
	config->pace_given = true;
	return 0;
}

static int parse_pace(int option, const char *value, struct replay_config *config, struct error *error)
{
	int rc;

	switch (option) {
	case OPTION_SPEED:
		rc = set_pace(config, REPLAY_AS_CAPTURED, error);
		return rc ? rc : parse_amount(value, "speed", "x", &config->amount, error);
	case OPTION_PPS:
		rc = set_pace(config, REPLAY_FRAMES, error);
		return rc ? rc : parse_amount(value, "pps", "", &config->amount, error);
	case OPTION_MBPS:
		rc = set_pace(config, REPLAY_BITS, error);
		if (!rc)
			rc = parse_amount(value, "mbps", "", &config->amount, error);
		config->amount *= 1e6;
		return rc;
	default:
		return set_pace(config, REPLAY_TOPSPEED, error);
	}
}

int replay_option(int option, const char *value, struct replay_config *config, struct error *error)
{
	if (option == OPTION_LOOP) {
		config->loops = 0;
		config->loops_given = true;
		return strcmp(value, "0") == 0 ? 0 : number_parse(value, "mirror: loop", UINT64_MAX, &config->loops, error);
	}
	if (option != REPLAY_OPTION_READ)
		return parse_pace(option, value, config, error);
	if (config->file)
		return fail(error, EINVAL, "mirror: only one file to read can be given");
	config->file = value;
	return 0;
}

int replay_check(const struct replay_config *config, struct error *error)
{
	if (config->file && config->loops != 1 && strcmp(config->file, "-") == 0)
		return fail(error, EINVAL, "mirror: the standard input can be read only once; --loop needs a file");
	if (!config->file && (config->pace_given || config->loops_given))
		return fail(error, EINVAL, "mirror: --speed, --pps, --mbps, --topspeed and --loop need a capture file (-r)");
	return 0;
}

void replay_report(FILE *out, const struct replay *replay)
{
	const char *separator = ";";
	unsigned long long frames = replay_count(replay, REPLAY_read);

	fprintf(out, "farspan: %llu frame%s of %s", frames, plural(frames), replay_name(replay));
	for (enum replay_counter row = REPLAY_read + 1; row < REPLAY_COUNTER_COUNT; row++) {
		unsigned long long count = replay_count(replay, row);

		if (!count)
			continue;
		fprintf(out, "%s %llu %s", separator, count, replay_counter_text(row));
		separator = ",";
	}
	fputc('\n', out);
}
