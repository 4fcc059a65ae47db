/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/listener.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/recording.h"
#include "record/feed.h"

enum {
	BUFFER = 1 << 21,
	CLIENT_WAIT_MS = 1000, /* at the end, for a client that takes nothing */
	ADDRESS_MAX = 64,
};

struct client {
	int fd; /* -1: free */
	struct feed feed;
};

struct listener {
	int fd;
	unsigned int interfaces;
	struct section_describer describer;
	struct client clients[LISTENER_CLIENTS_MAX];
	struct listener_counts past; /* of clients that have gone */
	char text[ADDRESS_MAX + 16];
};

static void set_text(struct listener *l)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof name;
	char host[ADDRESS_MAX] = "", port[8] = "";

	getsockname(l->fd, (struct sockaddr *)&name, &len);
	getnameinfo((struct sockaddr *)&name, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(l->text, sizeof l->text, name.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int start(struct listener *l, const char *where, struct error *error)
{
	const int yes = 1;
	struct sockaddr_storage name;
	struct address address;
	struct error detail = {0};
	uint16_t port;
	socklen_t len;

	if (recording_parse_listen(where, &address, &port, &detail))
		return fail(error, EINVAL, "pcap-over-IP: %s", detail.text);
	len = address_sockaddr(&address, port, &name);
	l->fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd >= 0)
		setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&name, len) || listen(l->fd, LISTENER_CLIENTS_MAX))
		return fail(error, errno, "pcap-over-IP: cannot listen on %s: %s", where, strerror(errno));
	set_text(l);
	return 0;
}

int listener_open(struct listener **listener, const char *address, unsigned int interfaces, const struct section_describer *describer,
		  struct error *error)
{
	struct listener *l = calloc(1, sizeof *l);
	int rc;

	if (!l)
		return fail(error, ENOMEM, "pcap-over-IP: no memory");
	l->fd = -1;
	l->interfaces = interfaces;
	l->describer = *describer;
	for (unsigned int i = 0; i < LISTENER_CLIENTS_MAX; i++)
		l->clients[i].fd = -1;
	rc = start(l, address, error);
	if (rc)
		listener_close(l);
	else
		*listener = l;
	return rc;
}

static void add_counts(struct listener_counts *counts, const struct feed *feed)
{
	counts->offered += feed->offered;
	counts->sent += feed->written;
	counts->dropped += feed->dropped + feed->lost;
}

static void drop_client(struct listener *l, struct client *client)
{
	add_counts(&l->past, &client->feed);
	feed_close(&client->feed);
	close(client->fd);
	client->fd = -1;
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	for (unsigned int i = 0; i < LISTENER_CLIENTS_MAX; i++)
		if (l->clients[i].fd >= 0)
			drop_client(l, &l->clients[i]);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

static struct client *free_client(struct listener *l)
{
	for (unsigned int i = 0; i < LISTENER_CLIENTS_MAX; i++)
		if (l->clients[i].fd < 0)
			return &l->clients[i];
	return NULL;
}

static void take_client(struct listener *l, int fd)
{
	struct client *client = free_client(l);
	const int yes = 1;

	if (!client || feed_open(&client->feed, fd, l->interfaces, BUFFER, false)) {
		l->past.refused++;
		close(fd);
		return;
	}
	/* A host that has gone without a word is noticed, in time. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
	client->fd = fd;
	l->past.clients++;
	feed_begin(&client->feed);
}

void listener_pump(struct listener *l)
{
	int fd;

	while ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		take_client(l, fd);
	for (unsigned int i = 0; i < LISTENER_CLIENTS_MAX; i++)
		if (l->clients[i].fd >= 0 && feed_flush(&l->clients[i].feed))
			drop_client(l, &l->clients[i]);
}

void listener_add(struct listener *l, unsigned int id, const struct pcapng_packet *packet)
{
	for (unsigned int i = 0; i < LISTENER_CLIENTS_MAX; i++)
		if (l->clients[i].fd >= 0 && feed_add(&l->clients[i].feed, id, &l->describer, packet))
			drop_client(l, &l->clients[i]);
}

void listener_end_interface(struct listener *l, unsigned int id)
{
	for (unsigned int i = 0; i < LISTENER_CLIENTS_MAX; i++)
		if (l->clients[i].fd >= 0)
			feed_end_interface(&l->clients[i].feed, id, &l->describer);
}

void listener_finish(struct listener *l)
{
	for (unsigned int i = 0; i < LISTENER_CLIENTS_MAX; i++) {
		if (l->clients[i].fd < 0)
			continue;
		feed_finish(&l->clients[i].feed, &l->describer, CLIENT_WAIT_MS);
		drop_client(l, &l->clients[i]);
	}
}

void listener_count(const struct listener *l, struct listener_counts *counts)
{
	*counts = l->past;
	for (unsigned int i = 0; i < LISTENER_CLIENTS_MAX; i++)
		if (l->clients[i].fd >= 0)
			add_counts(counts, &l->clients[i].feed);
}

const char *listener_text(const struct listener *l)
{
	return l->text;
}
