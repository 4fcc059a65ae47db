/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/collect_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/number.h"
#include "cli/shape_options.h"
#include "model/match.h"

enum {
	OPTION_JSON = 1024,
	OPTION_CLSACT,
	OPTION_PER_SESSION,
	OPTION_FSYNC,
	OPTION_LISTEN,
	OPTION_INNER,
	OPTION_TIME,
	OPTION_STATS,
	OPTION_HOOK,
	OPTION_MATCH,
};

void collect_print_usage(FILE *out)
{
	fprintf(out,
		"usage: farspan collect [OUTPUT] [-f SOURCE... [OUTPUT]]... [-i IFACE | -r FILE] [OPTION...]\n\n"
		"Takes the mirrored frames out of what senders send to this host, until interrupted, and writes them to pcapng files or "
		"hands\n"
		"them on. OUTPUT is any of -w -t -C -G -W -z --per-session --fsync --inner and the options that shape what goes to "
		"tunnels: those\n"
		"before the first -f are for all frames, those behind one for the frames of that -f and of others directly in front of "
		"it.\n\n"
		"  -w, --write FILE      pcapng to write, not through a symbolic link; - is the standard output\n"
		"  -t, --to DESTINATION  an interface, VLAN or tunnel to hand the frames to, may be repeated\n"
		"  -f, --from SOURCE     what to take, may be repeated; without it every type from anyone, but those that tunnel\n"
		"                        devices of this host take\n"
		"  -i, --interface IFACE listen on this interface only, may be repeated\n"
		"  -r, --read FILE       from a pcap or pcapng (also .zst) of outer packets instead; - is the standard input\n"
		"  -j, --time-stamp-type TYPE    when packets came: host (default), or adapter, the time of the network card\n"
		"  -c, --count COUNT     end after that many frames\n"
		"  -C, --size SIZE       the next file after so many millions of bytes; with k, m, g: of KiB, MiB, GiB\n"
		"  -G, --seconds SECONDS the next file after so much time; FILE is then one of strftime(3)\n"
		"  -W, --files COUNT     with -C a ring of so many files; with -G the end after so many\n"
		"      --per-session     files for each session; %%{session} in FILE is where its name goes\n"
		"  -z, --compress zstd   compressed files; so are those with a FILE that ends with .zst\n"
		"      --fsync WHEN      none (default), rotate: wait for the disk when a file is complete, or also every SECONDS\n"
		"      --match RULE      which frames go to which destinations, and what is said of them, may be repeated:\n"
		"                        --match 'id=7,vlan=10-20 -> id=9,type=erspan3,to=2'\n"
		"      --hook OBJECT     a hook of yours that sees, changes or refuses every frame on its way to a destination\n"
		"      --inner LIST      undo in the frames: fabricpath, vntag, ttag, cmd, fcs, tag, tag_likely; with commas, or all\n"
		"      --listen [ADDRESS:]PORT   the recording for whoever connects by TCP (pcap-over-IP); 127.0.0.1 without an address\n"
		"      --time receive|source     with Type III: also when the switch saw the frame, as a comment, or as the packet's time\n"
		"      --stats SECONDS   tell of each session what came, every so many seconds; with --json as JSON lines\n"
		"  -q, --quiet           no line of counters while running\n"
		"      --json            the summary as JSON on the standard output\n"
		"      --clsact          attach through clsact even where the kernel has XDP and tcx\n"
		"  -h, --help            this text\n\n"
		"Sources, for example erspan:10.9.0.2,id=100,remote=10.1.0.0/16 or vxlan:any,vni=5:\n");
	endpoint_print_help(out, ENDPOINT_SOURCE);
}

static int parse_files(const char *text, unsigned int *files, struct error *error)
{
	uint64_t number = 0;
	int rc = number_parse(text, "collect: files", RECORDING_FILES_MAX, &number, error);

	*files = (unsigned int)number;
	return rc;
}

static struct collect_output_options *current_output(struct collect_options *options)
{
	return &options->outputs[options->output_count - 1];
}

static int parse_source(const char *text, struct collect_options *options, struct error *error)
{
	if (options->source_count == COLLECT_SOURCES_MAX)
		return fail(error, EINVAL, "collect: at most %d sources can be given", COLLECT_SOURCES_MAX);
	/* What is said behind other outputs begins some of its own. */
	if (options->output_count == 1 || current_output(options)->given) {
		if (options->output_count == COLLECT_OUTPUTS_MAX)
			return fail(error, EINVAL, "collect: at most %d sources can have outputs of their own", COLLECT_OUTPUTS_MAX - 1);
		options->output_count++;
	}
	options->source_outputs[options->source_count] = options->output_count - 1;
	return endpoint_parse(text, ENDPOINT_SOURCE, &options->sources[options->source_count++], error);
}

static int parse_file(const char *text, const char **file, const char *what, struct error *error)
{
	if (*file)
		return fail(error, EINVAL, "collect: only one file to %s can be given", what);
	*file = text;
	return 0;
}

static int parse_time(const char *text, enum collect_time *time, struct error *error)
{
	if (strcmp(text, "receive") != 0 && strcmp(text, "source") != 0)
		return fail(error, EINVAL, "collect: time must be receive or source, not '%s'", text);
	*time = strcmp(text, "source") == 0 ? COLLECT_TIME_SOURCE : COLLECT_TIME_RECEIVE;
	return 0;
}

static int check_listen(const char *text, struct error *error)
{
	struct error detail = {0};
	struct address address;
	uint16_t port;
	int rc = recording_parse_listen(text, &address, &port, &detail);

	return rc ? fail(error, EINVAL, "collect: --listen: %s", detail.text) : 0;
}

static int check_times(const struct collect_options *options, struct error *error)
{
	return options->read && options->adapter_times
		       ? fail(error, EINVAL, "collect: the packets of a capture file (-r) have their times already (-j)")
		       : 0;
}

static int parse_stats(const char *text, unsigned int *stats, struct error *error)
{
	uint64_t seconds = 0;
	int rc = number_parse(text, "collect: stats", 86400, &seconds, error);

	*stats = (unsigned int)seconds;
	return rc;
}

static int parse_interface(const char *name, struct collect_options *options, struct error *error)
{
	if (options->interface_count == COLLECTOR_INTERFACES_MAX)
		return fail(error, EINVAL, "collect: at most %d interfaces can be given", COLLECTOR_INTERFACES_MAX);
	if (!endpoint_is_interface_name(name))
		return fail(error, EINVAL, "collect: '%s' is not the name of an interface, of 1 to %d characters", name, IFNAMSIZ - 1);
	options->interfaces[options->interface_count++] = name;
	return 0;
}

static int parse_match(const char *text, struct session *relay, struct error *error)
{
	struct match match;
	int rc = match_parse(text, &match, error);

	if (rc)
		return rc;
	return matches_add(&relay->matches, &match) ? fail(error, ENOMEM, "out of memory") : 0;
}

/* The options that say where frames go, and as what. */
static int parse_output(int option, const char *value, struct collect_output_options *output, struct error *error)
{
	output->given = true;
	if (option >= SHAPE_OPTION_FIRST && option < SHAPE_OPTION_END)
		return shape_option(option, value, &output->relay, error);
	switch (option) {
	case 'w':
		return parse_file(value, &output->write, "write", error);
	case 't':
		return session_add_destination(&output->relay, value, error);
	case 'C':
		return recording_parse_size(value, &output->rotation.size, error);
	case 'G':
		return number_parse(value, "collect: seconds", RECORDING_SECONDS_MAX, &output->rotation.seconds, error);
	case 'W':
		return parse_files(value, &output->rotation.files, error);
	case 'z':
		return recording_parse_compress(value, &output->zstd, error);
	case OPTION_FSYNC:
		return recording_parse_sync(value, &output->sync, error);
	case OPTION_HOOK:
		return session_set_text(&output->relay.hook, value, error);
	case OPTION_MATCH:
		return parse_match(value, &output->relay, error);
	case OPTION_INNER:
		return session_parse_inner(value, &output->inner, error);
	default:
		output->rotation.per_session = true;
		return 0;
	}
}

static bool is_output(int option)
{
	static const int options[] = {'w',         't',         'C', 'G', 'W', 'z', OPTION_FSYNC, OPTION_INNER, OPTION_PER_SESSION,
				      OPTION_HOOK, OPTION_MATCH};

	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if (option == options[i])
			return true;
	return option >= SHAPE_OPTION_FIRST && option < SHAPE_OPTION_END;
}

static int parse_option(int option, const char *value, void *context, struct error *error)
{
	struct collect_options *options = context;

	if (is_output(option))
		return parse_output(option, value, current_output(options), error);
	switch (option) {
	case 'r':
		return parse_file(value, &options->read, "read", error);
	case 'f':
		return parse_source(value, options, error);
	case 'c':
		return number_parse(value, "collect: count", UINT64_MAX, &options->count, error);
	case 'i':
		return parse_interface(value, options, error);
	case 'j':
		return session_parse_time_stamp_type(value, &options->adapter_times, error);
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_STATS:
		return parse_stats(value, &options->stats, error);
	case OPTION_TIME:
		return parse_time(value, &options->time, error);
	case OPTION_LISTEN:
		options->listen = value;
		return check_listen(value, error);
	case OPTION_CLSACT:
		options->way = ATTACH_CLSACT;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	default:
		options->help = true;
		return 0;
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool leads_somewhere(const struct collect_output_options *output)
{
	return output->write || output->relay.destination_count;
}

/* What the output writes must not be written by one before it. */
static int check_file(const struct collect_options *options, unsigned int output, struct error *error)
{
	const struct recording_rotation *rotation = &options->outputs[output].rotation;
	const char *file = options->outputs[output].write;

	if (!file)
		return 0;
	if (!*file)
		return fail(error, EINVAL, "collect: the file to write (-w) has no name");
	if (options->json && strcmp(file, "-") == 0)
		return fail(error, EINVAL, "collect: --json and -w - both want the standard output");
	if (strcmp(file, "-") == 0 && (rotation->size || rotation->seconds || rotation->per_session))
		return fail(error, EINVAL, "collect: the standard output (-w -) cannot be rotated or split; give a name with -w");
	if (output > 0 && options->outputs[0].write)
		return fail(error, EINVAL,
			    "collect: a frame is recorded once: -w stands before the first -f, for all, or behind -f, not both");
	for (unsigned int i = 0; i < output; i++)
		if (options->outputs[i].write && strcmp(options->outputs[i].write, file) == 0)
			return fail(error, EINVAL, "collect: '%s' is the file of two sources; name one behind the other, then -w", file);
	return 0;
}

static int check_relay(const struct session *relay, struct error *error)
{
	const struct shape *shape = &relay->shape;
	int rc = session_check_matches(relay, error);

	if (!rc && (shape->some_vlans || shape->strip_tag || shape->sample || shape->limited || shape->truncate) &&
	    !session_shapes_relayed(relay))
		return fail(error, EINVAL,
			    "collect: --vlan, --strip-tag, --sample, --rate and --truncate shape copies to tunnels and VLANs (-t), "
			    "of which there are none");
	if (!rc && relay->hook && !relay->destination_count)
		return fail(error, EINVAL,
			    "collect: a hook (--hook) is asked about frames on their way to destinations (-t), of which there are none");
	return rc;
}

static int check_output(const struct collect_options *options, unsigned int index, struct error *error)
{
	const struct collect_output_options *output = &options->outputs[index];
	const struct recording_rotation *rotation = &output->rotation;
	int rc;

	if (!output->write && (rotation->size || rotation->seconds || rotation->per_session || output->zstd))
		return fail(error, EINVAL, "collect: -C, -G, -z and --per-session need a file to write (-w)");
	if (session_spread_fault(&output->relay, true))
		return fail(error, EINVAL, "collect: --spread %s", session_spread_fault(&output->relay, true));
	if (rotation->files && !rotation->size && !rotation->seconds)
		return fail(error, EINVAL, "collect: -W needs files that follow each other by size (-C) or time (-G)");
	rc = check_relay(&output->relay, error);
	return rc ? rc : check_file(options, index, error);
}

/* All frames lead somewhere. */
static int check_ways(const struct collect_options *options, struct error *error)
{
	bool some = leads_somewhere(&options->outputs[0]) || options->listen;

	if (some)
		return 0;
	for (unsigned int i = 1; i < options->output_count; i++)
		some = some || leads_somewhere(&options->outputs[i]);
	if (!some)
		return fail(error, EINVAL, "collect: neither a file to write (-w) nor a destination (-t, --listen) given");
	for (unsigned int i = 1; i < options->output_count; i++)
		if (!leads_somewhere(&options->outputs[i]))
			return fail(error, EINVAL,
				    "collect: the frames of the last -f go nowhere: -w and -t stand behind the -f that they are for, "
				    "or, for all frames, before the first -f");
	return 0;
}

static int check(const struct collect_options *options, struct error *error)
{
	int rc = 0;

	if (options->read && options->interface_count)
		return fail(error, EINVAL, "collect: frames come from a file (-r) or an interface (-i), not both");
	if (options->read && options->stats)
		return fail(error, EINVAL, "collect: a capture file (-r) is over before there is anything to tell (--stats)");
	if (options->read && options->listen)
		return fail(error, EINVAL, "collect: a capture file (-r) is over before anyone connects (--listen)");
	if (options->read && options->source_count && options->sources[0].vrf[0])
		return fail(error, EINVAL, "collect: packets of a capture file (-r) came in by no VRF (vrf)");
	if (session_check_different("collect: sources (-f)", options->sources, options->source_count, error))
		return -EINVAL;
	if (session_vrf_fault(options->sources, options->source_count))
		return fail(error, EINVAL, "collect: vrf %s", session_vrf_fault(options->sources, options->source_count));
	for (unsigned int i = 0; i < options->output_count && !rc; i++)
		rc = check_output(options, i, error);
	return rc ? rc : check_ways(options, error);
}

static void find_compressed(struct collect_options *options)
{
	for (unsigned int i = 0; i < options->output_count; i++)
		if (options->outputs[i].write && ends_with(options->outputs[i].write, ".zst"))
			options->outputs[i].zstd = true;
}

int collect_options_parse(int argc, char **argv, struct collect_options *options, struct error *error)
{
	static const struct option words[] = {{"read", required_argument, NULL, 'r'},
					      {"write", required_argument, NULL, 'w'},
					      {"from", required_argument, NULL, 'f'},
					      {"count", required_argument, NULL, 'c'},
					      {"interface", required_argument, NULL, 'i'},
					      {"to", required_argument, NULL, 't'},
					      {"time-stamp-type", required_argument, NULL, 'j'},
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
					      {"inner", required_argument, NULL, OPTION_INNER},
					      {"time", required_argument, NULL, OPTION_TIME},
					      {"hook", required_argument, NULL, OPTION_HOOK},
					      {"match", required_argument, NULL, OPTION_MATCH},
					      {"stats", required_argument, NULL, OPTION_STATS},
					      {"json", no_argument, NULL, OPTION_JSON},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	int rc;

	options->output_count = 1;
	rc = options_parse(argc, argv, "collect: ", words, parse_option, options, error);
	if (rc || options->help)
		return rc;
	if (options_end(argc, argv, "collect: ", 0, error))
		return -EINVAL;
	find_compressed(options);
	rc = check_times(options, error);
	return rc ? rc : check(options, error);
}
