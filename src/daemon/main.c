/* SPDX-License-Identifier: BSD-2-Clause */
/* farspand: the sessions of this host, as files and programs want them. */
#include <errno.h>
#include <farspan.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "api/server.h"
#include "base/clock.h"
#include "base/options.h"
#include "base/plural.h"
#include "daemon/events.h"
#include "daemon/log.h"
#include "daemon/routes.h"
#include "daemon/runner.h"
#include "daemon/watch.h"
#include "datapath/owner.h"
#include "model/session_file.h"

enum {
	DIRECTORIES_MAX = 8,
	PATH_LEN = 108,
	RUNTIME_MODE = 0755,
	EXIT_USAGE = 2,
	QUIET_MS = 50, /* what changes files mostly changes several, */
	LATE_MS = 500, /* and some without end */
};

/* In the environment of a program that this one becomes: a descriptor, see runner_remember(). */
#define HANDED_OVER "FARSPAND_HANDED_OVER"

struct options {
	const char *directories[DIRECTORIES_MAX + 1];
	unsigned int directory_count;
	const char *runtime, *group, *metrics;
	bool others_may_read, page, help, version;
	enum attach_way way;
};

enum poll_slot {
	POLL_SIGNALS,
	POLL_TIMER,
	POLL_FILES,
	POLL_KERNEL,
	POLL_API,
	POLL_SLOTS,
};

struct daemon {
	const char *const *directories;
	struct runner *runner;
	struct api_server *server;
	struct events events;
	struct pollfd fds[POLL_SLOTS];
	int lock;
	uint64_t changed_ns, reload_ns; /* the first change of the files, and when they are to be read; 0: there was none */
	bool stop;
	bool hand_over;
	int passed;             /* socket of systemd's; below 0: none */
	char program[PATH_MAX]; /* this one's, as it was when it was started */
	char **arguments;
};

/* ---- command line ---- */

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: farspand [OPTION...]\n\n"
		"Runs the sessions of /etc/farspan/*.session and /run/farspan/*.session, see farspan.session(5), and follows changes.\n"
		"SIGHUP reads the files again; SIGUSR2, after an upgrade, has the new version take over. farspan(8) talks to it.\n\n"
		"  -D, --directory DIR   session files are there instead; may be repeated, the first counts most\n"
		"  -R, --runtime DIR     where socket and lock are (/run/farspan)\n"
		"  -g, --group GROUP     its members may change sessions over the socket, besides root\n"
		"      --others-read     everybody else may read over the socket\n"
		"  -m, --metrics ADDRESS:PORT\n"
		"                        /metrics there for Prometheus, for anybody\n"
		"      --page            and there a page of the sessions, for browsers\n"
		"      --clsact          attach through clsact even where the kernel has tcx\n"
		"  -h, --help            this\n"
		"  -V, --version         the version\n");
}

enum {
	OPTION_CLSACT = 256,
	OPTION_OTHERS,
	OPTION_PAGE,
};

static int parse_option(int option, const char *value, void *context, struct error *error)
{
	struct options *options = context;

	switch (option) {
	case 'D':
		if (options->directory_count == DIRECTORIES_MAX)
			return fail(error, EINVAL, "more than %d directories", DIRECTORIES_MAX);
		options->directories[options->directory_count++] = value;
		return 0;
	case 'R':
		options->runtime = value;
		return 0;
	case 'g':
		options->group = value;
		return 0;
	case 'm':
		options->metrics = value;
		return 0;
	case OPTION_PAGE:
		options->page = true;
		return 0;
	case OPTION_OTHERS:
		options->others_may_read = true;
		return 0;
	case OPTION_CLSACT:
		options->way = ATTACH_CLSACT;
		return 0;
	case 'h':
		options->help = true;
		return 0;
	default:
		options->version = true;
		return 0;
	}
}

static int parse_command_line(int argc, char **argv, struct options *options, struct error *error)
{
	static const struct option words[] = {
		{"directory", required_argument, NULL, 'D'},  {"runtime", required_argument, NULL, 'R'},
		{"group", required_argument, NULL, 'g'},      {"metrics", required_argument, NULL, 'm'},
		{"page", no_argument, NULL, OPTION_PAGE},     {"others-read", no_argument, NULL, OPTION_OTHERS},
		{"clsact", no_argument, NULL, OPTION_CLSACT}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},          {NULL, 0, NULL, 0}};
	int rc = options_parse(argc, argv, "", words, parse_option, options, error);

	if (!rc && options->page && !options->metrics)
		return fail(error, EINVAL, "--page says what else is where --metrics is, which is missing");
	return rc ? rc : options_end(argc, argv, "", 0, error);
}

/* ---- what the daemon does ---- */

static void log_errors(const struct error_list *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct placed_error *item = &errors->items[i];
		enum log_level level = item->warning ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR;

		if (item->place.line)
			log_line(level, NULL, "%s:%u:%u: %s", item->place.file, item->place.line, item->place.column, item->text);
		else
			log_line(level, NULL, "%s%s%s", item->place.file, item->place.file[0] ? ": " : "", item->text);
	}
}

static int reload(struct daemon *daemon)
{
	struct error_list errors = {0};
	int rc = runner_reload(daemon->runner, &errors);
	const size_t count = runner_wanted(daemon->runner)->count;

	log_errors(&errors);
	if (rc)
		log_line(LOG_LEVEL_ERROR, NULL, "nothing has changed: %zu error%s in the session files", errors.errors,
			 plural(errors.errors));
	else
		log_line(LOG_LEVEL_INFO, NULL, "%zu session%s", count, plural(count));
	error_list_free(&errors);
	return rc;
}

static void tell_ready(const struct daemon *daemon)
{
	const size_t count = runner_wanted(daemon->runner)->count;

	sd_notifyf(0, "READY=1\nSTATUS=%zu session%s", count, plural(count));
}

static void reload_as_systemd_sees(struct daemon *daemon)
{
	daemon->changed_ns = 0;
	watch_renew(daemon->fds[POLL_FILES].fd, daemon->directories);
	watch_changed(daemon->fds[POLL_FILES].fd);
	sd_notify(0, "RELOADING=1");
	reload(daemon);
	tell_ready(daemon);
}

static void take_signals(struct daemon *daemon)
{
	struct signalfd_siginfo info;

	while (read(daemon->fds[POLL_SIGNALS].fd, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGHUP)
			reload_as_systemd_sees(daemon);
		else if (info.ssi_signo == SIGUSR2)
			daemon->hand_over = true;
		else if (info.ssi_signo != SIGCHLD)
			daemon->stop = true;
	}
}

static void tick(struct daemon *daemon)
{
	uint64_t expirations;

	if (read(daemon->fds[POLL_TIMER].fd, &expirations, sizeof expirations) < 0)
		return;
	watch_renew(daemon->fds[POLL_FILES].fd, daemon->directories);
	runner_follow(daemon->runner);
	sd_notify(0, "WATCHDOG=1");
}

/* ---- an upgrade ---- */

/* A program that cannot even tell its version is not handed anything. */
static bool can_run(const char *program)
{
	char *const arguments[] = {(char *)program, (char *)"--version", NULL};
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t child;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&child, program, &actions, NULL, arguments, environ) == 0)
		waitpid(child, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	return status == 0;
}

/* The socket that systemd has passed to this program, to the next one likewise. */
static void pass_socket(const struct daemon *daemon)
{
	char number[16];

	if (daemon->passed < 0)
		return;
	snprintf(number, sizeof number, "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("LISTEN_FDS", "1", 1);
	fcntl(daemon->passed, F_SETFD, 0);
}

/* Becomes the program that now has the name of this one. */
static void hand_over(struct daemon *daemon)
{
	struct error error = {0};
	char number[16];
	int fd;

	daemon->hand_over = false;
	if (!can_run(daemon->program)) {
		log_line(LOG_LEVEL_ERROR, NULL, "not handed over: %s cannot be run", daemon->program);
		return;
	}
	if ((fd = runner_hand_over(daemon->runner, &error)) < 0) {
		log_line(LOG_LEVEL_ERROR, NULL, "not handed over: %s", error.text);
		return;
	}
	sd_notify(0, "RELOADING=1");
	log_line(LOG_LEVEL_INFO, NULL, "handing over to %s", daemon->program);
	snprintf(number, sizeof number, "%d", fd);
	setenv(HANDED_OVER, number, 1);
	pass_socket(daemon);
	execv(daemon->program, daemon->arguments);
	/* Mirrors go on, for the next start to take over. */
	log_line(LOG_LEVEL_ERROR, NULL, "%s: %s", daemon->program, strerror(errno));
	_exit(EXIT_FAILURE);
}

static void remember(struct daemon *daemon)
{
	const char *number = getenv(HANDED_OVER);

	if (number)
		runner_remember(daemon->runner, atoi(number));
	unsetenv(HANDED_OVER);
}

/* When nothing has changed for a while, or something always does. */
static void put_off_reload(struct daemon *daemon)
{
	const uint64_t now = clock_monotonic_ns(), late = LATE_MS * NS_PER_MS;

	if (!daemon->changed_ns)
		daemon->changed_ns = now;
	daemon->reload_ns = now + QUIET_MS * NS_PER_MS;
	if (daemon->reload_ns > daemon->changed_ns + late)
		daemon->reload_ns = daemon->changed_ns + late;
}

/* For poll(). */
static int until_reload_ms(const struct daemon *daemon)
{
	return daemon->changed_ns ? clock_wait_ms(daemon->reload_ns) : -1;
}

static void run(struct daemon *daemon)
{
	while (!daemon->stop) {
		poll(daemon->fds, POLL_SLOTS, until_reload_ms(daemon));
		if (until_reload_ms(daemon) == 0)
			reload_as_systemd_sees(daemon);
		if (daemon->fds[POLL_SIGNALS].revents)
			take_signals(daemon);
		if (daemon->hand_over)
			hand_over(daemon);
		if (daemon->fds[POLL_TIMER].revents)
			tick(daemon);
		if (daemon->fds[POLL_FILES].revents && watch_changed(daemon->fds[POLL_FILES].fd))
			put_off_reload(daemon);
		if (daemon->fds[POLL_KERNEL].revents)
			runner_follow(daemon->runner);
		api_server_run(daemon->server);
		events_follow(&daemon->events);
	}
}

/* ---- setting up ---- */

/* Two daemons of one network namespace, or one directory, would undo each other's work. */
static int lock(const char *runtime, struct error *error)
{
	char path[PATH_LEN];
	int fd;

	if (mkdir(runtime, RUNTIME_MODE) && errno != EEXIST)
		return fail(error, errno, "%s: %s", runtime, strerror(errno));
	snprintf(path, sizeof path, "%s/lock", runtime);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(error, errno, "%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return fail(error, EEXIST, "another farspand runs already: it has locked %s", path);
	}
	return fd;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_timer(void)
{
	struct itimerspec every = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0)
		timerfd_settime(fd, 0, &every, NULL);
	return fd;
}

/* The one that systemd passes, which is to be there before anybody asks for it; -1: none, -EINVAL: something else was passed. */
static int passed_socket(struct error *error)
{
	int count = sd_listen_fds(1);

	if (count <= 0)
		return -1;
	if (count > 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0)
		return fail(error, EINVAL, "exactly one socket may be passed, and it must be a listening stream socket of AF_UNIX");
	fcntl(SD_LISTEN_FDS_START, F_SETFL, fcntl(SD_LISTEN_FDS_START, F_GETFL) | O_NONBLOCK);
	return SD_LISTEN_FDS_START;
}

static int open_server(struct daemon *daemon, const struct options *options, struct error *error)
{
	char path[PATH_LEN];
	struct api_config config = {
		.socket = path,
		.group = options->group,
		.others_may_read = options->others_may_read,
		.metrics = options->metrics,
		.page = options->page,
		.passed = daemon->passed = passed_socket(error),
		.handle = routes_handle,
		.context = daemon->runner,
	};

	if (error->code)
		return -error->code;
	snprintf(path, sizeof path, "%s/farspan.sock", options->runtime);
	return api_server_open(&daemon->server, &config, error);
}

static int open_daemon(struct daemon *daemon, const struct options *options, struct error *error)
{
	int rc;

	daemon->directories = options->directory_count ? options->directories : session_directories;
	daemon->lock = lock(options->runtime, error);
	if (daemon->lock < 0)
		return daemon->lock;
	if ((rc = owner_claim("farspand", error)) < 0)
		return rc;
	if ((rc = runner_open(&daemon->runner, daemon->directories, options->way, error)))
		return rc;
	if ((rc = open_server(daemon, options, error)))
		return rc;
	daemon->events = (struct events){.server = daemon->server, .runner = daemon->runner};
	runner_listen(daemon->runner, events_changed, &daemon->events);
	daemon->fds[POLL_SIGNALS] = (struct pollfd){.fd = open_signals(), .events = POLLIN};
	daemon->fds[POLL_TIMER] = (struct pollfd){.fd = open_timer(), .events = POLLIN};
	daemon->fds[POLL_FILES] = (struct pollfd){.fd = watch_open(daemon->directories), .events = POLLIN};
	daemon->fds[POLL_KERNEL] = (struct pollfd){.fd = runner_fd(daemon->runner), .events = POLLIN};
	daemon->fds[POLL_API] = (struct pollfd){.fd = api_server_fd(daemon->server), .events = POLLIN};
	for (int i = 0; i < POLL_SLOTS; i++)
		if (daemon->fds[i].fd < 0)
			return fail(error, EMFILE, "signals, timers and watched files: %s", strerror(errno));
	return 0;
}

/* Who could not start ends nothing that has gone on without a daemon. */
static void close_daemon(struct daemon *daemon, bool started)
{
	sd_notify(0, "STOPPING=1");
	if (daemon->runner)
		runner_listen(daemon->runner, NULL, NULL);
	events_free(&daemon->events);
	api_server_close(daemon->server);
	if (daemon->runner && started)
		runner_stop(daemon->runner);
	runner_close(daemon->runner);
}

int main(int argc, char **argv)
{
	struct options options = {.runtime = "/run/farspan"};
	struct daemon daemon = {.lock = -1};
	struct error error = {0};
	int rc;

	if (parse_command_line(argc, argv, &options, &error)) {
		fprintf(stderr, "farspand: %s\n", error.text);
		return EXIT_USAGE;
	}
	if (options.help) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	if (options.version) {
		printf("farspand %s\n", farspan_version());
		return EXIT_SUCCESS;
	}
	if (readlink("/proc/self/exe", daemon.program, sizeof daemon.program - 1) < 0)
		daemon.program[0] = '\0';
	daemon.arguments = argv;
	rc = open_daemon(&daemon, &options, &error);
	if (rc) {
		log_line(LOG_LEVEL_ERROR, NULL, "%s", error.text);
	} else {
		remember(&daemon);
		reload(&daemon);
		tell_ready(&daemon);
		log_line(LOG_LEVEL_INFO, NULL, "ready");
		run(&daemon);
	}
	close_daemon(&daemon, rc == 0);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
