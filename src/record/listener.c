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

/* "[::1]:57012", "10.0.0.1:57012" or "57012" */
static int split(const char *text, char *host, const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	*port = colon ? colon + 1 : text;
	if (!colon) {
		strcpy(host, "127.0.0.1");
		return 0;
	}
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= ADDRESS_MAX)
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	return 0;
}

static void set_text(struct listener *l)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof name;
	char host[ADDRESS_MAX] = "", port[8] = "";

	getsockname(l->fd, (struct sockaddr *)&name, &len);
	getnameinfo((struct sockaddr *)&name, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(l->text, sizeof l->text, name.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int start(struct listener *l, const char *address, struct error *error)
{
	static const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	const int yes = 1;
	struct addrinfo *found;
	char host[ADDRESS_MAX];
	const char *port;
	int rc;

	if (split(address, host, &port) || !*port || getaddrinfo(host, port, &hints, &found))
		return fail(error, EINVAL, "pcap-over-IP: '%s' is not [ADDRESS:]PORT, with an IPv6 address in brackets", address);
	l->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd >= 0)
		setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	rc = l->fd < 0 || bind(l->fd, found->ai_addr, found->ai_addrlen) || listen(l->fd, LISTENER_CLIENTS_MAX) ? errno : 0;
	freeaddrinfo(found);
	if (rc)
		return fail(error, rc, "pcap-over-IP: cannot listen on %s: %s", address, strerror(rc));
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
