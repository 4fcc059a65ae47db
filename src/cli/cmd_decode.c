/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan decode: what the packets of a capture file are, one line each. */
#include "cli/command.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farspan.h>

#include "base/options.h"
#include "cli/decoded.h"
#include "cli/number.h"
#include "record/capture.h"
#include "record/reassembly.h"

struct decode_command {
	const char *file;
	uint64_t count; /* 0: all */
	bool json;
	bool flush; /* after each line */
	bool help;
};

static const char *refusal(const struct farspan_packet *packet)
{
	return packet->reason == FARSPAN_OK ? NULL : farspan_reason_name(packet->reason);
}

/* Keeps what the fragment's own headers say, unless it completes a packet. */
static void decode_fragment(struct reassembly *reassembly, const struct capture_packet *captured, struct decoded *decoded)
{
	static const char *const reasons[] = {
		[REASSEMBLY_HELD] = "fragment",
		[REASSEMBLY_IGNORED] = "fragment_duplicate",
		[REASSEMBLY_REFUSED] = "fragment_overlap",
		[REASSEMBLY_UNUSABLE] = "fragment_bad",
		[REASSEMBLY_CUT] = "fragment_cut",
	};
	const struct farspan_context context = {.link = FARSPAN_LINK_IP};
	enum reassembly_result result;
	const void *whole;
	size_t len;

	result = reassembly_add(reassembly, captured->time_ns, captured->data, &decoded->packet, &whole, &len);
	if (result != REASSEMBLY_WHOLE) {
		decoded->reason = reasons[result];
		return;
	}
	farspan_decode(&context, whole, len, &decoded->packet);
	decoded_inner(decoded, whole);
	decoded->reason = refusal(&decoded->packet);
	decoded->inner_off = decoded->packet.inner_off;
}

static void decode_packet(struct reassembly *reassembly, const struct capture_packet *captured, struct decoded *decoded)
{
	const struct farspan_context context = {.link = capture_decode_link(captured)};

	decoded->time_ns = captured->time_ns;
	if (captured->link != CAPTURE_ETHERNET && captured->link != CAPTURE_IP) {
		decoded->packet = (struct farspan_packet){0};
		decoded->inner_extra = 0;
		decoded->reason = captured->link == CAPTURE_UNKNOWN ? "link_type"
				  : captured->link == CAPTURE_SHORT ? farspan_reason_name(FARSPAN_REASON_short_link)
								    : NULL;
		return;
	}
	farspan_decode(&context, captured->data, captured->captured, &decoded->packet);
	decoded_inner(decoded, captured->data);
	decoded->reason = refusal(&decoded->packet);
	decoded->inner_off = captured->link_len + decoded->packet.inner_off;
	if (decoded->packet.reason == FARSPAN_REASON_fragment && reassembly_worthwhile(&decoded->packet))
		decode_fragment(reassembly, captured, decoded);
}

static int print_packets(const struct decode_command *command, struct capture *capture, struct reassembly *reassembly,
			 struct output *output, struct error *error)
{
	struct capture_packet captured;
	struct decoded decoded = {0};
	int rc = 1;

	while (!output->failed && (command->count == 0 || decoded.n < command->count)) {
		rc = capture_next(capture, &captured, error);
		if (rc <= 0)
			break;
		decoded.n++;
		decode_packet(reassembly, &captured, &decoded);
		if (command->json)
			decoded_print_json(output, &decoded);
		else
			decoded_print_line(output, &decoded);
		if (command->flush)
			(void)output_flush(output, "", NULL);
	}
	/* A broken file was read as far as it goes, which is to be seen; a broken output is the more urgent news. */
	if (output_flush(output, "standard output", error))
		return -output->failed;
	return rc < 0 ? rc : 0;
}

/* Says which fragments never became a packet: each line stands alone and cannot tell what did not come later. */
static void report_fragments(struct reassembly *reassembly)
{
	static const struct {
		enum reassembly_fate fate;
		const char *text;
	} fates[] = {{REASSEMBLY_overlap, "overlapping"},
		     {REASSEMBLY_bad, "impossible"},
		     {REASSEMBLY_cut, "cut"},
		     {REASSEMBLY_incomplete, "incomplete"},
		     {REASSEMBLY_evicted, "for want of memory"}};
	const char *separator = "farspan: fragments not reassembled: ";

	reassembly_flush(reassembly);
	for (size_t i = 0; i < sizeof fates / sizeof fates[0]; i++) {
		unsigned long long count = reassembly_count(reassembly, fates[i].fate);

		if (!count)
			continue;
		fprintf(stderr, "%s%llu %s", separator, count, fates[i].text);
		separator = ", ";
	}
	if (separator[0] == ',')
		fputc('\n', stderr);
}

static int run(const struct decode_command *command, struct error *error)
{
	const struct reassembly_config defaults = {0};
	struct reassembly *reassembly = reassembly_new(&defaults);
	struct output *output = malloc(sizeof *output);
	struct capture *capture = NULL;
	int rc;

	if (!reassembly || !output) {
		rc = fail(error, ENOMEM, "decode: no memory");
	} else {
		output->fd = STDOUT_FILENO;
		output->failed = 0;
		output->len = 0;
		rc = capture_open(command->file, &capture, error);
	}
	if (!rc) {
		rc = print_packets(command, capture, reassembly, output, error);
		report_fragments(reassembly);
	}
	capture_close(capture);
	reassembly_free(reassembly);
	free(output);
	return rc;
}

/* ---- command line ---- */

static void print_usage(FILE *out)
{
	fprintf(out, "usage: farspan decode -r FILE [--json] [-c COUNT] [-l]\n\n"
		     "Prints what the packets of a capture file are, one line each: outer, tunnel and inner fields.\n\n"
		     "  -r, --read FILE      pcap or pcapng, also .zst; - is the standard input\n"
		     "      --json           one JSON object per line\n"
		     "  -c, --count COUNT    end after that many packets\n"
		     "  -l, --line-buffered  write each line at once, for pipes that are read live\n"
		     "  -h, --help           this text\n");
}

enum {
	OPTION_JSON = 256
};

static int parse_option(int option, const char *value, void *context, struct error *error)
{
	struct decode_command *command = context;

	switch (option) {
	case 'r':
		if (command->file)
			return fail(error, EINVAL, "decode: only one file can be given");
		command->file = value;
		return 0;
	case 'c':
		return number_parse(value, "decode: count", UINT64_MAX, &command->count, error);
	case 'l':
		command->flush = true;
		return 0;
	case OPTION_JSON:
		command->json = true;
		return 0;
	default:
		command->help = true;
		return 0;
	}
}

static int parse_command_line(int argc, char **argv, struct decode_command *command, struct error *error)
{
	static const struct option options[] = {{"read", required_argument, NULL, 'r'},  {"json", no_argument, NULL, OPTION_JSON},
						{"count", required_argument, NULL, 'c'}, {"line-buffered", no_argument, NULL, 'l'},
						{"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
	int rc = options_parse(argc, argv, "decode: ", options, parse_option, command, error);

	if (rc || command->help)
		return rc;
	if (options_end(argc, argv, "decode: ", 0, error))
		return -EINVAL;
	return command->file ? 0 : fail(error, EINVAL, "decode: no file given (-r)");
}

int cmd_decode(int argc, char **argv, struct error *error)
{
	struct decode_command command = {0};

	if (parse_command_line(argc, argv, &command, error))
		return EXIT_USAGE;
	if (command.help) {
		print_usage(stdout);
		return EXIT_OK;
	}
	command.flush = command.flush || isatty(STDOUT_FILENO);
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is a write error like others */
	return run(&command, error) ? EXIT_FAILED : EXIT_OK;
}
