/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan tunnel: network devices of tunnels, each with a process in the background that goes with it. */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/options.h"
#include "cli/wait.h"
#include "datapath/tunnel_pair.h"
#include "engine/tunnel_device.h"
#include "engine/worker.h"
#include "host/netlink.h"

enum {
	TICK_MS = 10,
	FOLLOW_TICKS = 100,
};

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: farspan tunnel add NAME type TYPE [remote ADDRESS|any] [local ADDRESS] [KEY VALUE...] [mtu MTU] [monitor "
		"[yes|no]]\n"
		"                          [--foreground] [--clsact]\n"
		"       farspan tunnel del NAME\n"
		"       farspan tunnel show [NAME] [--json]\n\n"
		"Makes a network device: what is sent to it leaves encapsulated for remote, what arrives from there comes out of it. It\n"
		"is there until it is deleted, by this command or ip-link(8). With monitor, what arrives is for listeners only. With\n"
		"remote any, it only receives, and monitors if not told otherwise.\n\n"
		"      --foreground   stay in the foreground, until interrupted\n"
		"      --json         what there is as JSON\n"
		"      --clsact       attach through clsact even where the kernel has tcx\n"
		"  -h, --help         this text\n\n"
		"TYPE is erspan1, erspan2, erspan3, gre or vxlan; as KEY it has what such destinations and sources have:\n");
	endpoint_print_help(out, ENDPOINT_DESTINATION);
	fprintf(out, "\nAnd for what arrives, as sources have it:\n");
	endpoint_print_help(out, ENDPOINT_SOURCE);
}

struct tunnel_options {
	enum attach_way way;
	bool foreground, json, help;
};

enum {
	OPTION_FOREGROUND = 256,
	OPTION_JSON,
	OPTION_CLSACT,
};

static int parse_option(int option, const char *value, void *context, struct error *error)
{
	struct tunnel_options *options = context;

	(void)value, (void)error;
	options->foreground |= option == OPTION_FOREGROUND;
	options->json |= option == OPTION_JSON;
	options->help |= option == 'h';
	if (option == OPTION_CLSACT)
		options->way = ATTACH_CLSACT;
	return 0;
}

static int parse_options(int argc, char **argv, struct tunnel_options *options, struct error *error)
{
	static const struct option rows[] = {{"foreground", no_argument, NULL, OPTION_FOREGROUND},
					     {"json", no_argument, NULL, OPTION_JSON},
					     {"clsact", no_argument, NULL, OPTION_CLSACT},
					     {"help", no_argument, NULL, 'h'},
					     {NULL, 0, NULL, 0}};

	return options_parse(argc, argv, "tunnel: ", rows, parse_option, options, error);
}

/* ---- add ---- */

static int serve_until_removed(struct tunnel_device *device, struct wait *wait, struct error *error)
{
	unsigned int ticks = 0, events = 0;
	int rc = 0;

	while (!rc && !(events & WAIT_STOP)) {
		events = wait_events(wait, tunnel_device_fd(device), -1);
		tunnel_device_serve(device);
		if (events & WAIT_TICK && ++ticks % FOLLOW_TICKS == 0)
			rc = tunnel_device_follow(device, error);
	}
	return rc;
}

/* ready is told an empty error when the device is there. */
static int run_device(const struct tunnel *tunnel, enum attach_way way, void (*ready)(void *context, const struct error *error),
		      void *context, struct error *error)
{
	struct tunnel_device *device = NULL;
	struct wait wait;
	int rc = tunnel_device_open(&device, tunnel, way, error);

	if (!rc)
		rc = wait_open(&wait, TICK_MS, error);
	ready(context, error);
	if (!rc) {
		rc = serve_until_removed(device, &wait, error);
		wait_close(&wait);
	}
	tunnel_device_close(device);
	return rc;
}

static void tell_terminal(void *context, const struct error *error)
{
	const struct tunnel *tunnel = context;

	if (!error->code)
		fprintf(stderr, "farspan: tunnel %s is there\n", tunnel->name);
}

/* The parent has waited for this; from now on there is nobody to talk to. */
static void tell_parent(void *context, const struct error *error)
{
	int parent = *(int *)context, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (write(parent, error, sizeof *error) != sizeof *error)
		_exit(EXIT_FAILED);
	close(parent);
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
}

static int run_in_background(const struct tunnel *tunnel, enum attach_way way, struct error *error)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) || (child = fork()) < 0)
		return fail(error, errno, "tunnel: %s", strerror(errno));
	if (child == 0) {
		struct error own = {0};

		setsid();
		ends[1] = worker_keep_only(ends[1]);
		if (ends[1] < 0 || chdir("/"))
			_exit(EXIT_FAILED);
		_exit(run_device(tunnel, way, tell_parent, &ends[1], &own) ? EXIT_FAILED : EXIT_OK);
	}
	close(ends[1]);
	if (read(ends[0], error, sizeof *error) != sizeof *error) {
		*error = (struct error){0};
		fail(error, ECHILD, "tunnel '%s': its process ended unexpectedly", tunnel->name);
	}
	close(ends[0]);
	if (error->code)
		waitpid(child, NULL, 0);
	return -error->code;
}

static int add(const struct tunnel_options *options, int count, char **words, struct error *error)
{
	static struct tunnel tunnel;
	int rc;

	if (!count)
		fail(error, EINVAL, "tunnel add: the name of the interface is missing");
	if (!count || tunnel_parse(words[0], count - 1, words + 1, &tunnel, error))
		return EXIT_USAGE;
	rc = options->foreground ? run_device(&tunnel, options->way, tell_terminal, &tunnel, error)
				 : run_in_background(&tunnel, options->way, error);
	return rc ? EXIT_FAILED : EXIT_OK;
}

/* ---- del ---- */

static int find_device(struct netlink *netlink, const char *name, struct link *link, struct error *error)
{
	int rc = netlink_link_by_name(netlink, name, link, error);

	if (rc == -ENODEV)
		return fail(error, ENODEV, "tunnel '%s': no such interface", name);
	if (!rc && !tunnel_pair_is_device(link))
		return fail(error, EINVAL, "interface '%s' is not a tunnel of farspan", name);
	return rc;
}

static int del(const struct tunnel_options *options, int count, char **words, struct error *error)
{
	struct netlink *netlink;
	struct link link;
	int rc;

	(void)options;
	if (count != 1) {
		fail(error, EINVAL, "tunnel del: exactly one name is needed");
		return EXIT_USAGE;
	}
	rc = netlink_open(&netlink, error);
	if (rc)
		return EXIT_FAILED;
	if (!(rc = find_device(netlink, words[0], &link, error)))
		rc = tunnel_pair_remove(netlink, &link, error);
	netlink_close(netlink);
	return rc ? EXIT_FAILED : EXIT_OK;
}

/* ---- show ---- */

struct show {
	const char *name; /* NULL: all */
	bool as_json;
	json_t *list;
	unsigned int count;
};

static void show_device(const struct link *link, void *context)
{
	struct show *show = context;
	const char *text = tunnel_pair_text(link);

	if (!text || (show->name && strcmp(show->name, link->name) != 0))
		return;
	show->count++;
	if (show->as_json)
		json_array_append_new(
			show->list, json_pack("{ss ss si sb}", "name", link->name, "tunnel", text, "mtu", (int)link->mtu, "up", link->up));
	else
		printf("%s: %s, mtu %u, %s\n", link->name, text, link->mtu, link->up ? "up" : "down");
}

static int show_all(struct show *show, struct error *error)
{
	struct netlink *netlink;
	int rc = netlink_open(&netlink, error);

	if (rc)
		return rc;
	rc = netlink_each_link(netlink, show_device, show, error);
	netlink_close(netlink);
	if (!rc && show->name && !show->count)
		return fail(error, ENODEV, "tunnel '%s': no such interface, or not a tunnel of farspan", show->name);
	if (!rc && show->as_json) {
		json_dumpf(show->list, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	return rc;
}

static int show(const struct tunnel_options *options, int count, char **words, struct error *error)
{
	struct show show = {.list = json_array(), .as_json = options->json, .name = count ? words[0] : NULL};
	int rc;

	if (count > 1)
		fail(error, EINVAL, "tunnel show: one name or none");
	rc = count > 1 ? EXIT_USAGE : show_all(&show, error) ? EXIT_FAILED : EXIT_OK;
	json_decref(show.list);
	return rc;
}

int cmd_tunnel(int argc, char **argv, struct error *error)
{
	static const struct {
		const char *name;
		int (*run)(const struct tunnel_options *options, int count, char **words, struct error *error);
	} actions[] = {{"add", add}, {"del", del}, {"show", show}};
	struct tunnel_options options = {0};
	const char *action;

	if (parse_options(argc, argv, &options, error))
		return EXIT_USAGE;
	if (options.help) {
		print_usage(stdout);
		return EXIT_OK;
	}
	action = optind < argc ? argv[optind++] : "";
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		if (strcmp(actions[i].name, action) == 0)
			return actions[i].run(&options, argc - optind, argv + optind, error);
	fail(error, EINVAL, "tunnel: add, del or show is needed, not '%s'", action);
	return EXIT_USAGE;
}
