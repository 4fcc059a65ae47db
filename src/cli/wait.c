/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* a reader that goes away is seen as a failed write */
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_timer(unsigned int tick_ms)
{
	struct timespec tick = {.tv_sec = tick_ms / 1000, .tv_nsec = (long)(tick_ms % 1000) * 1000000};
	struct itimerspec every = {.it_interval = tick, .it_value = tick};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0)
		timerfd_settime(fd, 0, &every, NULL);
	return fd;
}

int wait_open(struct wait *wait, unsigned int tick_ms, struct error *error)
{
	wait->signals = open_signals();
	wait->timer = open_timer(tick_ms);
	if (wait->signals >= 0 && wait->timer >= 0)
		return 0;
	fail(error, errno, "signals and timers: %s", strerror(errno));
	wait_close(wait);
	return -error->code;
}

void wait_close(struct wait *wait)
{
	if (wait->signals >= 0)
		close(wait->signals);
	if (wait->timer >= 0)
		close(wait->timer);
}

unsigned int wait_events(struct wait *wait, int ready, int due)
{
	struct pollfd fds[] = {{.fd = wait->signals, .events = POLLIN},
			       {.fd = wait->timer, .events = POLLIN},
			       {.fd = ready, .events = POLLIN},
			       {.fd = due, .events = POLLIN}};
	unsigned int events = 0;
	uint64_t expirations;

	while (!events) {
		if (poll(fds, sizeof fds / sizeof fds[0], -1) < 0)
			continue;
		if (fds[0].revents)
			events |= WAIT_STOP;
		if (fds[1].revents && read(wait->timer, &expirations, sizeof expirations) > 0)
			events |= WAIT_TICK;
		if (fds[2].revents)
			events |= WAIT_READY;
		if (fds[3].revents)
			events |= WAIT_DUE;
	}
	return events;
}
