/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/injector.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/attach_order.h"
#include "datapath/owner.h"
#include "host/offload.h"
#include "host/packet_socket.h"
#include "monitor.skel.h"
#include "wire/fields.h"

enum {
	QUEUE_FRAMES = 64,
	QUEUE_BYTES = 256 * 1024,
	MONITOR_MTU = 9216,  /* analyzers size their buffers by it */
	PRIVATE_MTU = 65535, /* the largest a veth takes */
	SEND_BUFFER_BYTES = 8 << 20,
};

struct injector {
	struct netlink *netlink;
	struct owner owner;
	struct link made; /* the end of our pair that frames arrive on; ifindex 0: none made */
	char interface[IFNAMSIZ];
	unsigned int mtu; /* of a pair to be made */
	enum attach_way way;
	unsigned int frame_max;
	int socket, cut_socket; /* what is not whole goes through the other, if there is one: its frames have the mark MARK_CUT_FRAME */
	struct monitor_bpf *monitor;
	struct attachment attachments[DIRECTIONS];
	struct attachment arrival;
	int known;  /* see attach_make_known(), of the program that frames arrive by */
	int sender; /* ifindex of what the socket sends out of */
	char sender_name[IFNAMSIZ];
	/* The queue. */
	struct mmsghdr messages[QUEUE_FRAMES];
	struct iovec iov[QUEUE_FRAMES];
	bool cut;                                                                              /* what is in it is not whole */
	uint8_t marks[QUEUE_FRAMES][CMSG_SPACE(sizeof(uint32_t))] __attribute__((aligned(8))); /* control messages */
	uint8_t bytes[QUEUE_BYTES];
	size_t used;
	unsigned int count;
	uint64_t sent, lost;
	uint64_t arrived;        /* on what was made, when last looked */
	uint64_t arrived_before; /* on those that were deleted and made anew */
};

static const char alias[] = "farspan: mirrored frames arrive here";

static int make_pair(struct injector *injector, const char *name, char sender[IFNAMSIZ], struct error *error)
{
	char own[IFNAMSIZ];
	int rc;

	if ((rc = owner_take(&injector->owner, OWNER_MORTAL, error)) || (rc = owner_start_janitor(&injector->owner, error)) ||
	    (rc = owner_sweep(injector->netlink, NULL, error)))
		return rc;
	owner_device_name(&injector->owner, "inj", sender);
	owner_device_name(&injector->owner, "out", own);
	snprintf(injector->interface, sizeof injector->interface, "%s", *name ? name : own);
	rc = netlink_add_pair(injector->netlink, injector->interface, sender, alias, injector->mtu, error);
	if (!rc && (rc = netlink_link_by_name(injector->netlink, injector->interface, &injector->made, error)))
		netlink_delete_named(injector->netlink, sender);
	return rc;
}

/* Frames that XDP redirects into the pair are to arrive, each as it is. Without it only tc can do so. */
static int take_redirected(struct injector *injector, struct error *error)
{
	int rc;

	injector->monitor = monitor_bpf__open_and_load();
	if (!injector->monitor)
		return fail(error, errno, "%s: monitor mode: %s", injector->interface, strerror(errno));
	rc = offload_disable_gro(injector->interface, error);
	if (!rc)
		attach_xdp(bpf_program__fd(injector->monitor->progs.farspan_arrive), injector->made.ifindex, &injector->arrival);
	if (!rc)
		injector->known = attach_make_known(bpf_program__fd(injector->monitor->progs.farspan_arrive));
	return rc;
}

static int enter_monitor_mode(struct injector *injector, struct error *error)
{
	int rc = 0;

	for (enum direction d = 0; d < DIRECTIONS && !rc; d++)
		rc = attach_program(bpf_program__fd(injector->monitor->progs.farspan_monitor), injector->made.ifindex, d, injector->way,
				    owner_filter_handle(injector->owner.id), &injector->attachments[d], error);
	return rc;
}

static int open_sender(int ifindex)
{
	int fd = packet_socket_open(ifindex, 0), one = 1, bytes = SEND_BUFFER_BYTES;

	if (fd < 0)
		return -1;
	/* Both only make it faster. */
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
	return fd;
}

/* A process without privileges cannot give a mark to a frame, but to a socket beforehand. */
static int open_cut_socket(struct injector *injector)
{
	const uint32_t mark = MARK_CUT_FRAME;

	injector->cut_socket = open_sender(injector->sender);
	return injector->cut_socket < 0 ? -1 : setsockopt(injector->cut_socket, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
}

static void use_link(struct injector *injector, const struct link *link)
{
	injector->sender = link->ifindex;
	injector->frame_max = link->mtu + WIRE_ETHERNET_LEN + WIRE_TAG_LEN;
}

static int open_socket(struct injector *injector, const char *interface, struct error *error)
{
	struct link link;
	int rc = netlink_link_by_name(injector->netlink, interface, &link, error);

	if (rc)
		return fail(error, -rc, "interface '%s': %s", interface, strerror(-rc));
	memcpy(injector->sender_name, link.name, sizeof injector->sender_name);
	use_link(injector, &link);
	injector->socket = open_sender(injector->sender);
	if (injector->socket < 0 || (injector->mtu == PRIVATE_MTU && open_cut_socket(injector)))
		return fail(error, errno, "interface '%s': %s", interface, strerror(errno));
	return 0;
}

/* The kernel takes the socket off an interface that goes, also if another one gets its number. */
static bool is_bound_to(int fd, int ifindex)
{
	struct sockaddr_ll address = {0};
	socklen_t len = sizeof address;

	return !getsockname(fd, (struct sockaddr *)&address, &len) && address.sll_ifindex == ifindex;
}

static bool bind_to(int fd, int ifindex)
{
	const struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = ifindex};

	return fd < 0 || !bind(fd, (const struct sockaddr *)&address, sizeof address);
}

/* Whether what was made, and has gone, was made anew by injector_restore(): another of that name is somebody else's. */
static bool is_made_anew(struct injector *injector, const struct link *sender)
{
	struct link made;

	if (!sender->up || netlink_link_by_name(injector->netlink, injector->interface, &made, NULL) || made.ifindex != sender->peer ||
	    strcmp(made.alias, alias) != 0)
		return false;
	injector->made = made;
	injector->arrived_before = injector->arrived;
	return true;
}

bool injector_find(struct injector *injector, bool *anew)
{
	struct link link;
	uint64_t arrived;

	*anew = false;
	injector_arrived(injector, &arrived);
	if (netlink_link_by_name(injector->netlink, injector->sender_name, &link, NULL) || !link.ethernet)
		return false;
	if (!is_bound_to(injector->socket, link.ifindex)) {
		if ((injector->made.ifindex && !is_made_anew(injector, &link)) || !bind_to(injector->socket, link.ifindex) ||
		    !bind_to(injector->cut_socket, link.ifindex))
			return false;
		*anew = true;
	}
	use_link(injector, &link);
	return true;
}

/* What is attached stays as long as the interface, whichever process ends: others send to it. */
static int make_anew(struct injector *injector, struct netlink *netlink)
{
	const char *name = injector->interface;
	int rc;

	if ((rc = netlink_bring_up(netlink, name, alias, NULL)) || (rc = netlink_link_by_name(netlink, name, &injector->made, NULL)) ||
	    (rc = offload_disable_gro(name, NULL)))
		return rc;
	if (injector->arrival.ifindex)
		rc = attach_xdp_for_good(bpf_program__fd(injector->monitor->progs.farspan_arrive), injector->made.ifindex);
	for (enum direction d = 0; d < DIRECTIONS && !rc; d++) {
		attach_remove(&injector->attachments[d]);
		rc = attach_program(bpf_program__fd(injector->monitor->progs.farspan_monitor), injector->made.ifindex, d, ATTACH_CLSACT,
				    owner_filter_handle(injector->owner.id), &injector->attachments[d], NULL);
	}
	/* Nothing is sent into it before. */
	return rc ? rc : netlink_bring_up(netlink, injector->sender_name, alias, NULL);
}

void injector_restore(struct injector *injector, struct netlink *netlink)
{
	struct link link;

	if (!injector->made.ifindex || netlink_link_by_name(netlink, injector->sender_name, &link, NULL) != -ENODEV)
		return;
	if (netlink_add_pair_into(netlink, injector->interface, injector->sender_name, -1, injector->mtu, NULL))
		return;
	if (make_anew(injector, netlink) && !netlink_link_by_name(netlink, injector->interface, &link, NULL))
		netlink_delete_link(netlink, link.ifindex, NULL);
}

static int open_parts(struct injector *injector, const char *name, struct error *error)
{
	char sender[IFNAMSIZ];
	struct link link;
	int rc = *name ? netlink_link_by_name(injector->netlink, name, &link, error) : -ENODEV;

	if (rc == 0) {
		snprintf(injector->interface, sizeof injector->interface, "%s", link.name);
		if (!link.ethernet)
			return fail(error, EINVAL, "interface '%s' does not take Ethernet frames", name);
		return open_socket(injector, link.name, error);
	}
	if (rc != -ENODEV || (rc = make_pair(injector, name, sender, error)) || (rc = take_redirected(injector, error)) ||
	    (rc = enter_monitor_mode(injector, error)))
		return rc;
	return open_socket(injector, sender, error);
}

static void set_mark(uint8_t control[CMSG_SPACE(sizeof(uint32_t))], uint32_t mark)
{
	const struct cmsghdr header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SO_MARK, .cmsg_len = CMSG_LEN(sizeof(uint32_t))};

	memcpy(control, &header, sizeof header);
	memcpy(control + CMSG_LEN(0), &mark, sizeof mark);
}

static int open_with(struct injector **opened, struct netlink *netlink, const char *name, unsigned int mtu, enum attach_way way,
		     struct error *error)
{
	struct injector *injector = calloc(1, sizeof *injector);
	int rc;

	if (!injector)
		return fail(error, ENOMEM, "injector: out of memory");
	injector->netlink = netlink;
	injector->owner = OWNER_NONE;
	injector->socket = injector->cut_socket = injector->known = -1;
	injector->mtu = mtu;
	injector->way = way;
	rc = open_parts(injector, name, error);
	if (rc)
		injector_close(injector);
	else
		*opened = injector;
	return rc;
}

int injector_open(struct injector **opened, struct netlink *netlink, const char *name, struct error *error)
{
	return open_with(opened, netlink, name, MONITOR_MTU, ATTACH_BEST, error);
}

int injector_open_private(struct injector **opened, struct netlink *netlink, enum attach_way way, struct error *error)
{
	return open_with(opened, netlink, "", PRIVATE_MTU, way, error);
}

void injector_close(struct injector *injector)
{
	if (!injector)
		return;
	injector_flush(injector);
	for (enum direction d = DIRECTIONS; d-- > 0;)
		attach_remove(&injector->attachments[d]);
	attach_remove(&injector->arrival);
	if (injector->known >= 0)
		close(injector->known);
	monitor_bpf__destroy(injector->monitor);
	if (injector->socket >= 0)
		close(injector->socket);
	if (injector->cut_socket >= 0)
		close(injector->cut_socket);
	if (injector->made.ifindex)
		netlink_delete_link(injector->netlink, injector->made.ifindex, NULL);
	owner_release(&injector->owner);
	owner_dismiss_janitor(&injector->owner);
	free(injector);
}

void injector_send(struct injector *injector, const void *frame, size_t len, uint32_t mark)
{
	const bool cut = mark == MARK_CUT_FRAME && injector->cut_socket >= 0;
	struct msghdr *message;
	unsigned int slot;

	if (len < WIRE_ETHERNET_LEN || len > injector->frame_max || len > QUEUE_BYTES) {
		injector->lost++;
		return;
	}
	if (injector->count == QUEUE_FRAMES || injector->used + len > QUEUE_BYTES || cut != injector->cut)
		injector_flush(injector);
	injector->cut = cut;
	slot = injector->count++;
	memcpy(injector->bytes + injector->used, frame, len);
	injector->iov[slot] = (struct iovec){injector->bytes + injector->used, len};
	message = &injector->messages[slot].msg_hdr;
	*message = (struct msghdr){.msg_iov = &injector->iov[slot], .msg_iovlen = 1};
	if (mark && !cut) {
		set_mark(injector->marks[slot], mark);
		message->msg_control = injector->marks[slot];
		message->msg_controllen = sizeof injector->marks[slot];
	}
	injector->used += len;
}

void injector_flush(struct injector *injector)
{
	const int fd = injector->cut ? injector->cut_socket : injector->socket;
	unsigned int done = 0;

	while (done < injector->count) {
		int n = sendmmsg(fd, injector->messages + done, injector->count - done, 0);

		if (n > 0) {
			done += (unsigned int)n;
			injector->sent += (unsigned int)n;
		} else if (errno != EINTR) {
			/* The frame at fault; those behind it may fare better. */
			done++;
			injector->lost++;
		}
	}
	injector->count = 0;
	injector->used = 0;
}

uint64_t injector_sent(const struct injector *injector)
{
	return injector->sent;
}

uint64_t injector_lost(const struct injector *injector)
{
	return injector->lost;
}

void injector_entry(const struct injector *injector, struct injector_entry *entry)
{
	*entry = (struct injector_entry){
		.ifindex = injector->sender,
		.frame_max = injector->frame_max,
		.private = injector->mtu == PRIVATE_MTU,
		.xdp = injector->arrival.ifindex != 0,
	};
}

bool injector_arrived(struct injector *injector, uint64_t *frames)
{
	struct link link;

	if (!injector->made.ifindex)
		return false;
	if (!netlink_link_by_index(injector->netlink, injector->made.ifindex, &link, NULL) && !strcmp(link.name, injector->interface))
		injector->arrived = injector->arrived_before + link.arrived;
	*frames = injector->arrived;
	return true;
}

const char *injector_interface(const struct injector *injector)
{
	return injector->interface;
}

const char *injector_sender(const struct injector *injector)
{
	return injector->sender_name;
}
