/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PIPE_SIZE = 1 << 20,
	OFTEN = 64, /* packets between two looks at the reader while much waits */
	MUCH = 1 << 18,
};

/*
 * A pipe is opened anew, because O_NONBLOCK belongs to the open file, which others may share: it is not for us to change it under them.
 * Where that cannot be, it is changed.
 */
static int unblock(struct feed *feed, int fd)
{
	char path[32];
	struct stat stat;
	int flags;

	feed->fd = fd;
	if (fstat(fd, &stat))
		return -errno;
	feed->socket = S_ISSOCK(stat.st_mode);
	if (feed->patient || !S_ISFIFO(stat.st_mode))
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	feed->fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	feed->close_fd = feed->fd >= 0;
	fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE); /* fewer wakes of the reader; without it, it works as well */
	if (feed->close_fd)
		return 0;
	feed->fd = fd;
	flags = fcntl(fd, F_GETFL);
	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ? -errno : 0;
}

int feed_open(struct feed *feed, int fd, unsigned int slots, size_t buffer_size, bool patient)
{
	int rc;

	*feed = (struct feed){.fd = -1, .patient = patient, .section.slots = slots, .buffer.size = buffer_size};
	feed->section.interfaces = calloc(slots, sizeof *feed->section.interfaces);
	feed->buffer.data = malloc(buffer_size);
	rc = feed->section.interfaces && feed->buffer.data ? unblock(feed, fd) : -ENOMEM;
	if (rc)
		feed_close(feed);
	return rc;
}

void feed_close(struct feed *feed)
{
	if (feed->close_fd)
		close(feed->fd);
	free(feed->section.interfaces);
	free(feed->buffer.data);
	*feed = (struct feed){.fd = -1};
}

static void take_sent(struct feed *feed, size_t len)
{
	enum pcapng_kind kind;
	uint32_t interface;
	size_t block;

	feed->sent += len;
	while ((block = pcapng_first_block(feed->buffer.data + feed->head, feed->sent, &kind, &interface))) {
		feed->written += kind == PCAPNG_PACKET;
		feed->head += block;
		feed->sent -= block;
	}
	if (feed->head < feed->buffer.len && feed->head < feed->buffer.size / 2)
		return;
	/* Blocks are multiples of four bytes: what moves stays aligned. */
	memmove(feed->buffer.data, feed->buffer.data + feed->head, feed->buffer.len - feed->head);
	feed->buffer.len -= feed->head;
	feed->head = 0;
}

/* Nobody will read the rest. */
static int give_up(struct feed *feed, int error)
{
	feed->lost += feed_waiting(feed);
	feed->failed = error;
	feed->buffer.len = feed->head = feed->sent = 0;
	return -error;
}

static bool wait_for_reader(const struct feed *feed, int wait_ms)
{
	struct pollfd ready = {.fd = feed->fd, .events = POLLOUT};
	int rc;

	do
		rc = poll(&ready, 1, wait_ms);
	while (rc < 0 && errno == EINTR);
	return rc > 0;
}

static ssize_t write_some(const struct feed *feed)
{
	const uint8_t *at = feed->buffer.data + feed->head + feed->sent;
	size_t len = feed->buffer.len - feed->head - feed->sent;

	if (feed->socket)
		return send(feed->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return write(feed->fd, at, len);
}

/* Hands over what is taken; waits up to wait_ms (0: not at all, -1: for ever) for each piece. */
static int hand_over(struct feed *feed, int wait_ms)
{
	while (!feed->failed && feed->head + feed->sent < feed->buffer.len) {
		ssize_t rc = write_some(feed);

		if (rc > 0)
			take_sent(feed, (size_t)rc);
		else if (rc < 0 && errno == EAGAIN && !(wait_ms && wait_for_reader(feed, wait_ms)))
			return 0;
		else if (rc == 0 || (errno != EINTR && errno != EAGAIN))
			return give_up(feed, rc == 0 ? EIO : errno);
	}
	return -feed->failed;
}

int feed_flush(struct feed *feed)
{
	return hand_over(feed, feed->patient ? -1 : 0);
}

void feed_begin(struct feed *feed)
{
	feed->section.begun = feed->section.begun || pcapng_put_section(&feed->buffer);
}

int feed_add(struct feed *feed, unsigned int id, const struct section_describer *describer, const struct pcapng_packet *packet)
{
	bool put;

	feed->offered++;
	put = !feed->failed && section_put(&feed->section, &feed->buffer, id, id, describer, packet);
	if (!put && !feed_flush(feed))
		put = section_put(&feed->section, &feed->buffer, id, id, describer, packet);
	section_count(&feed->section, id, packet, !put);
	if (!put && feed->failed)
		feed->lost++;
	else if (!put)
		feed->dropped++;
	else if (feed->offered % OFTEN == 0 && feed->buffer.len - feed->head >= MUCH)
		feed_flush(feed);
	return -feed->failed;
}

/* A reader that takes nothing does without the statistics. */
void feed_end_interface(struct feed *feed, unsigned int id, const struct section_describer *describer)
{
	if (feed->failed || (!section_end_interface(&feed->section, &feed->buffer, id, describer) &&
			     (feed_flush(feed) || !section_end_interface(&feed->section, &feed->buffer, id, describer))))
		section_forget_interface(&feed->section, id);
}

uint64_t feed_waiting(const struct feed *feed)
{
	return feed->offered - feed->written - feed->dropped - feed->lost;
}

int feed_finish(struct feed *feed, const struct section_describer *describer, int wait_ms)
{
	unsigned int next = 0;

	feed_begin(feed);
	while (!section_put_statistics(&feed->section, &feed->buffer, describer, &next)) {
		size_t before = feed->buffer.len - feed->head - feed->sent;

		if (hand_over(feed, feed->patient ? -1 : wait_ms) || feed->buffer.len - feed->head - feed->sent == before)
			break;
	}
	if (!hand_over(feed, feed->patient ? -1 : wait_ms) && feed->head < feed->buffer.len) {
		feed->dropped += feed_waiting(feed);
		feed->buffer.len = feed->head = feed->sent = 0;
	}
	return -feed->failed;
}
