/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/collect_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/number.h"
#include "cli/shape_options.h"

#define SIZE_LIMIT    (1ull << 50)
#define SECONDS_LIMIT (100ull * 366 * 86400)

enum {
	OPTION_JSON = 1024,
	OPTION_CLSACT,
	OPTION_PER_SESSION,
	OPTION_FSYNC,
	OPTION_LISTEN,
};

void collect_print_usage(FILE *out)
{
	fprintf(out,
		"usage: farspan collect -w FILE [-f SOURCE...] [-i IFACE | -r FILE] [-c COUNT] [-C SIZE] [-G SECONDS] [-W COUNT]\n"
		"                       [--per-session] [-z zstd] [--fsync WHEN] [-q] [--json] [--clsact]\n\n"
		"Takes the mirrored frames out of what senders send to this host, until interrupted, and writes them to a pcapng file.\n\n"
		"  -w, --write FILE      pcapng to write, not through a symbolic link; - is the standard output\n"
		"  -f, --from SOURCE     what to take, may be repeated; without it every type from anyone, but those that tunnel\n"
		"                        devices of this host take\n"
		"  -i, --interface IFACE listen on this interface only\n"
		"  -r, --read FILE       from a pcap or pcapng of outer packets instead; - is the standard input\n"
		"  -c, --count COUNT     end after that many frames\n"
		"  -C, --size SIZE       the next file after so many millions of bytes; with k, m, g: of KiB, MiB, GiB\n"
		"  -G, --seconds SECONDS the next file after so much time; FILE is then one of strftime(3)\n"
		"  -W, --files COUNT     with -C a ring of so many files; with -G the end after so many\n"
		"      --per-session     files for each session; %%{session} in FILE is where its name goes\n"
		"  -z, --compress zstd   compressed files; so are those with a FILE that ends with .zst\n"
		"      --fsync WHEN      none (default), rotate: wait for the disk when a file is complete, or also every SECONDS\n"
		"      --listen [ADDRESS:]PORT   the recording for whoever connects by TCP (pcap-over-IP); 127.0.0.1 without an address\n"
		"  -q, --quiet           no line of counters while running\n"
		"      --json            the summary as JSON on the standard output\n"
		"      --clsact          attach through clsact even where the kernel has tcx\n\n"
		"Sources, for example erspan:10.9.0.2,id=100,remote=10.1.0.0/16 or vxlan:any,vni=5:\n");
	endpoint_print_help(out, ENDPOINT_SOURCE);
}

/* Millions of bytes, or as the suffix says. */
static int parse_size(const char *text, uint64_t *size, struct error *error)
{
	static const struct {
		char suffix;
		uint64_t unit;
	} units[] = {{'\0', 1000000}, {'k', 1 << 10}, {'m', 1 << 20}, {'g', 1 << 30}};
	uint64_t number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !errno && number && (!*end || !end[1]))
		for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
			if (units[i].suffix == (*end | (*end ? 0x20 : 0)) && number <= SIZE_LIMIT / units[i].unit) {
				*size = number * units[i].unit;
				return 0;
			}
	return fail(error, EINVAL, "collect: size '%s' must be a number of millions of bytes, or end with k, m or g (KiB, MiB, GiB)", text);
}

static int parse_fsync(const char *text, struct recording_sync *sync, struct error *error)
{
	uint64_t seconds;

	*sync = (struct recording_sync){.rotated = strcmp(text, "none") != 0};
	if (!sync->rotated || strcmp(text, "rotate") == 0)
		return 0;
	if (number_parse(text, "", 86400, &seconds, NULL))
		return fail(error, EINVAL, "collect: fsync must be none, rotate or a number of seconds, not '%s'", text);
	sync->seconds = (unsigned int)seconds;
	return 0;
}

static int parse_compress(const char *text, bool *zstd, struct error *error)
{
	*zstd = strcmp(text, "zstd") == 0;
	return *zstd ? 0 : fail(error, EINVAL, "collect: compression must be zstd, not '%s'", text);
}

static int parse_files(const char *text, unsigned int *files, struct error *error)
{
	uint64_t number = 0;
	int rc = number_parse(text, "collect: files", 1000000, &number, error);

	*files = (unsigned int)number;
	return rc;
}

static int parse_source(const char *text, struct collect_options *options, struct error *error)
{
	if (options->source_count == COLLECT_SOURCES_MAX)
		return fail(error, EINVAL, "collect: at most %d sources can be given", COLLECT_SOURCES_MAX);
	return endpoint_parse(text, ENDPOINT_SOURCE, &options->sources[options->source_count++], error);
}

static int parse_file(const char **file, const char *what, struct error *error)
{
	if (*file)
		return fail(error, EINVAL, "collect: only one file to %s can be given", what);
	*file = optarg;
	return 0;
}

static int parse_interface(struct collect_options *options, struct error *error)
{
	if (options->interface)
		return fail(error, EINVAL, "collect: only one interface can be given");
	if (!*optarg || strlen(optarg) >= IFNAMSIZ)
		return fail(error, EINVAL, "collect: interface '%s': a name has 1 to %d characters", optarg, IFNAMSIZ - 1);
	options->interface = optarg;
	return 0;
}

/* The options that say how files are made. */
static int parse_recording(int option, struct collect_options *options, struct error *error)
{
	switch (option) {
	case 'C':
		return parse_size(optarg, &options->rotation.size, error);
	case 'G':
		return number_parse(optarg, "collect: seconds", SECONDS_LIMIT, &options->rotation.seconds, error);
	case 'W':
		return parse_files(optarg, &options->rotation.files, error);
	case 'z':
		return parse_compress(optarg, &options->zstd, error);
	case OPTION_FSYNC:
		return parse_fsync(optarg, &options->sync, error);
	default:
		options->rotation.per_session = true;
		return 0;
	}
}

static int parse_option(int option, char **argv, struct collect_options *options, struct error *error)
{
	if (option >= SHAPE_OPTION_FIRST && option < SHAPE_OPTION_END)
		return shape_option(option, optarg, &options->relay, error);
	switch (option) {
	case 'r':
		return parse_file(&options->read, "read", error);
	case 'w':
		return parse_file(&options->write, "write", error);
	case 'f':
		return parse_source(optarg, options, error);
	case 'c':
		return number_parse(optarg, "collect: count", UINT64_MAX, &options->count, error);
	case 't':
		return session_add_destination(&options->relay, optarg, error);
	case 'i':
		return parse_interface(options, error);
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_LISTEN:
		options->listen = optarg;
		return 0;
	case OPTION_CLSACT:
		options->way = ATTACH_CLSACT;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case 'C':
	case 'G':
	case 'W':
	case 'z':
	case OPTION_FSYNC:
	case OPTION_PER_SESSION:
		return parse_recording(option, options, error);
	case 'h':
		options->help = true;
		return 0;
	case ':':
		return fail(error, EINVAL, "collect: option '%s' needs a value", argv[optind - 1]);
	default:
		return fail(error, EINVAL, "collect: unknown option '%s'; \"farspan collect --help\" lists them", argv[optind - 1]);
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static int check(const struct collect_options *options, struct error *error)
{
	const struct recording_rotation *rotation = &options->rotation;

	if (options->read && options->interface)
		return fail(error, EINVAL, "collect: frames come from a file (-r) or an interface (-i), not both");
	if (!options->write && !options->listen && !options->relay.destination_count)
		return fail(error, EINVAL, "collect: neither a file to write (-w) nor a destination (-t, --listen) given");
	if (options->read && options->listen)
		return fail(error, EINVAL, "collect: a capture file (-r) is over before anyone connects (--listen)");
	if (options->json && options->write && strcmp(options->write, "-") == 0)
		return fail(error, EINVAL, "collect: --json and -w - both want the standard output");
	if (!options->write && (rotation->size || rotation->seconds || rotation->per_session || options->zstd))
		return fail(error, EINVAL, "collect: -C, -G, -z and --per-session need a file to write (-w)");
	if (rotation->files && !rotation->size && !rotation->seconds)
		return fail(error, EINVAL, "collect: -W needs files that follow each other by size (-C) or time (-G)");
	return 0;
}

int collect_options_parse(int argc, char **argv, struct collect_options *options, struct error *error)
{
	static const struct option words[] = {{"read", required_argument, NULL, 'r'},
					      {"write", required_argument, NULL, 'w'},
					      {"from", required_argument, NULL, 'f'},
					      {"count", required_argument, NULL, 'c'},
					      {"interface", required_argument, NULL, 'i'},
					      {"to", required_argument, NULL, 't'},
					      SHAPE_OPTIONS,
					      {"quiet", no_argument, NULL, 'q'},
					      {"clsact", no_argument, NULL, OPTION_CLSACT},
					      {"size", required_argument, NULL, 'C'},
					      {"seconds", required_argument, NULL, 'G'},
					      {"files", required_argument, NULL, 'W'},
					      {"per-session", no_argument, NULL, OPTION_PER_SESSION},
					      {"compress", required_argument, NULL, 'z'},
					      {"fsync", required_argument, NULL, OPTION_FSYNC},
					      {"listen", required_argument, NULL, OPTION_LISTEN},
					      {"json", no_argument, NULL, OPTION_JSON},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	int option, rc = 0;

	while (!rc && (option = getopt_long(argc, argv, ":r:w:f:t:i:c:C:G:W:z:qh", words, NULL)) >= 0)
		rc = parse_option(option, argv, options, error);
	if (rc || options->help)
		return rc;
	if (optind < argc)
		return fail(error, EINVAL, "collect: '%s' is one word too many", argv[optind]);
	if (options->write && ends_with(options->write, ".zst"))
		options->zstd = true;
	return check(options, error);
}
