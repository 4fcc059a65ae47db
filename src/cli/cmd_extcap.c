/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * farspan extcap: what Wireshark, tshark and dumpcap call to list, configure and start captures that are not their own. Mirrored frames are
 * one more interface of theirs. Wireshark's extcap(4) has the words; what is printed is theirs, not the user's.
 */
#include "cli/command.h"

#include <errno.h>
#include <farspan.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"

#define INTERFACE "farspan"

enum {
	WORDS_MAX = 64, /* of the command line of collect */
	DLT_EN10MB = 1,
};

enum {
	OPTION_INTERFACES = 256,
	OPTION_VERSION,
	OPTION_INTERFACE,
	OPTION_DLTS,
	OPTION_CONFIG,
	OPTION_FILTER,
	OPTION_CAPTURE,
	OPTION_FIFO,
	OPTION_INNER,
};

/* Options of collect that the user can set in Wireshark's dialogue. Several values are said with spaces between. */
static const struct setting {
	int option;
	const char *word, *display, *tooltip, *placeholder;
} settings[] = {
	{'f', "--from", "Take", "As for farspan collect -f; several with spaces between; nothing: every type from anyone",
	 "erspan:any,id=100 vxlan:any"},
	{'i', "--interface", "On interfaces", "Where the mirror packets arrive, with spaces between; nothing: anywhere", "eth1"},
	{OPTION_INNER, "--inner", "Undo in frames", "As for farspan collect --inner", "fabricpath,vntag"},
};

enum {
	SETTINGS = sizeof settings / sizeof settings[0]
};

struct extcap_command {
	int question;           /* option that asks for something; 0: none */
	char *values[SETTINGS]; /* cut into words when the capture starts */
	const char *interface, *fifo, *filter;
	bool help;
};

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: farspan extcap --extcap-interfaces\n"
		"       farspan extcap --extcap-interface farspan --extcap-dlts|--extcap-config\n"
		"       farspan extcap --extcap-interface farspan --capture --fifo FILE [--from SOURCES] [--interface IFACES] "
		"[--inner LIST]\n\n"
		"Wireshark's and tshark's side of farspan collect: mirrored frames as the interface \"farspan\" in their lists. They find\n"
		"it by a file in their directory of extcap programs, see farspan(8).\n\n"
		"      --extcap-interfaces       which interfaces there are\n"
		"      --extcap-version VERSION  of who asks\n"
		"      --extcap-interface NAME   which one is meant\n"
		"      --extcap-dlts             what its frames are\n"
		"      --extcap-config           what can be set for it\n"
		"      --extcap-capture-filter FILTER\n"
		"                                refused: what is taken is said by --from\n"
		"      --capture                 start\n"
		"      --fifo FILE               where the frames go, as pcapng\n"
		"  -f, --from SOURCES            as for collect, several with spaces between\n"
		"  -i, --interface IFACES        as for collect, several with spaces between\n"
		"      --inner LIST              as for collect\n"
		"  -h, --help                    this text\n");
}

static int parse_option(int option, const char *value, void *context, struct error *error)
{
	struct extcap_command *command = context;

	(void)error;
	for (unsigned int i = 0; i < SETTINGS; i++)
		if (settings[i].option == option)
			command->values[i] = (char *)value;
	if (option == OPTION_INTERFACES || option == OPTION_DLTS || option == OPTION_CONFIG || option == OPTION_CAPTURE)
		command->question = option;
	if (option == OPTION_INTERFACE)
		command->interface = value;
	if (option == OPTION_FIFO)
		command->fifo = value;
	if (option == OPTION_FILTER)
		command->filter = value;
	command->help |= option == 'h';
	return 0;
}

static int parse_command_line(int argc, char **argv, struct extcap_command *command, struct error *error)
{
	static const struct option rows[] = {{"extcap-interfaces", no_argument, NULL, OPTION_INTERFACES},
					     {"extcap-version", required_argument, NULL, OPTION_VERSION},
					     {"extcap-interface", required_argument, NULL, OPTION_INTERFACE},
					     {"extcap-dlts", no_argument, NULL, OPTION_DLTS},
					     {"extcap-config", no_argument, NULL, OPTION_CONFIG},
					     {"extcap-capture-filter", required_argument, NULL, OPTION_FILTER},
					     {"capture", no_argument, NULL, OPTION_CAPTURE},
					     {"fifo", required_argument, NULL, OPTION_FIFO},
					     {"from", required_argument, NULL, 'f'},
					     {"interface", required_argument, NULL, 'i'},
					     {"inner", required_argument, NULL, OPTION_INNER},
					     {"help", no_argument, NULL, 'h'},
					     {NULL, 0, NULL, 0}};
	int rc = options_parse(argc, argv, "extcap: ", rows, parse_option, command, error);

	if (rc || command->help)
		return rc;
	if (options_end(argc, argv, "extcap: ", 0, error))
		return -EINVAL;
	if (command->filter && *command->filter)
		return fail(error, EINVAL, "extcap: there are no capture filters here; say what to take (--from), or filter what is shown");
	if (!command->question)
		return fail(error, EINVAL, "extcap: nothing is asked for; --help lists what can be");
	if (command->question != OPTION_INTERFACES && (!command->interface || strcmp(command->interface, INTERFACE) != 0))
		return fail(error, EINVAL, "extcap: the interface (--extcap-interface) must be " INTERFACE ", not '%s'",
			    command->interface ? command->interface : "");
	if (command->question == OPTION_CAPTURE && !command->fifo)
		return fail(error, EINVAL, "extcap: no file to write to (--fifo)");
	return 0;
}

static void print_interfaces(void)
{
	printf("extcap {version=%s}{help=man:farspan(8)}\n", farspan_version());
	printf("interface {value=" INTERFACE "}{display=Mirrored frames: ERSPAN, GRE, VXLAN, GENEVE, TZSP}\n");
}

static void print_settings(void)
{
	for (unsigned int i = 0; i < SETTINGS; i++)
		printf("arg {number=%u}{call=%s}{display=%s}{type=string}{tooltip=%s}{placeholder=%s}\n", i, settings[i].word,
		       settings[i].display, settings[i].tooltip, settings[i].placeholder);
}

/* "--from A --from B" of "A B". */
static int add_words(const char *option, char *values, char **words, int *count, struct error *error)
{
	char *rest = values;

	for (char *value; (value = strtok_r(rest, " ", &rest));) {
		if (*count + 2 > WORDS_MAX)
			return fail(error, E2BIG, "extcap: %s: too many values", option);
		words[(*count)++] = (char *)option;
		words[(*count)++] = value;
	}
	return 0;
}

/* Collects into the fifo, as standard output. An exit status. */
static int capture(const struct extcap_command *command, struct error *error)
{
	char *words[WORDS_MAX + 1] = {(char *)"collect", (char *)"--quiet", (char *)"--write", (char *)"-"};
	int count = 4, fd;

	for (unsigned int i = 0; i < SETTINGS; i++)
		if (command->values[i] && add_words(settings[i].word, command->values[i], words, &count, error))
			return EXIT_USAGE;
	fd = open(command->fifo, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0) {
		fail(error, errno, "%s: %s", command->fifo, strerror(errno));
		return EXIT_FAILED;
	}
	close(fd);
	return cmd_collect(count, words, error);
}

int cmd_extcap(int argc, char **argv, struct error *error)
{
	struct extcap_command command = {0};

	if (parse_command_line(argc, argv, &command, error))
		return EXIT_USAGE;
	if (command.help)
		print_usage(stdout);
	else if (command.question == OPTION_INTERFACES)
		print_interfaces();
	else if (command.question == OPTION_DLTS)
		printf("dlt {number=%d}{name=EN10MB}{display=Ethernet}\n", DLT_EN10MB);
	else if (command.question == OPTION_CONFIG)
		print_settings();
	else
		return capture(&command, error);
	return EXIT_OK;
}
