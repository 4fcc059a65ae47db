/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"

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

int wait_open(struct wait *wait, unsigned int tick_ms, struct error *error)
{
	wait->tick_ns = tick_ms * NS_PER_MS;
	wait->next_ns = clock_monotonic_ns() + wait->tick_ns;
	wait->signals = open_signals();
	return wait->signals < 0 ? fail(error, errno, "signals: %s", strerror(errno)) : 0;
}

void wait_close(struct wait *wait)
{
	if (wait->signals >= 0)
		close(wait->signals);
}

/* Ticks that were slept through are one. */
static bool ticks(struct wait *wait, uint64_t now)
{
	if (now < wait->next_ns)
		return false;
	wait->next_ns += (now - wait->next_ns) / wait->tick_ns * wait->tick_ns + wait->tick_ns;
	return true;
}

unsigned int wait_events(struct wait *wait, int ready, int due)
{
	struct pollfd fds[] = {{.fd = wait->signals, .events = POLLIN}, {.fd = ready, .events = POLLIN}, {.fd = due, .events = POLLIN}};
	unsigned int events = 0;

	while (!events) {
		if (poll(fds, sizeof fds / sizeof fds[0], clock_wait_ms(wait->next_ns)) < 0)
			continue;
		if (fds[0].revents)
			events |= WAIT_STOP;
		if (ticks(wait, clock_monotonic_ns()))
			events |= WAIT_TICK;
		if (fds[1].revents)
			events |= WAIT_READY;
		if (fds[2].revents)
			events |= WAIT_DUE;
	}
	return events;
}
