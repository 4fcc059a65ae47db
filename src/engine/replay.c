/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "datapath/injector.h"
#include "host/privilege.h"
#include "record/capture.h"
#include "wire/bytes.h"
#include "wire/fields.h"

#define OFFSET_MAX (1000000000 * NS_PER_S) /* no frame is due later than 30 years after the start */

enum {
	BATCH_FRAMES = 32,                                 /* sent before anyone looks whether they arrived */
	RUN_FRAMES = 512,                                  /* sent before others get their turn */
	UNDER_WAY_MAX = 128,                               /* frames and copies; the kernel's queue has room for 1000 */
	POLL_US = 20,                                      /* between looks at those under way */
	PATIENCE_NS = 200 * 1000 * 1000,                   /* without any progress; then what is under way is lost */
	TAGGED_MIN = WIRE_ETHERNET_LEN + WIRE_TAG_LEN + 2, /* the kernel drops shorter frames with a tag before anyone sees them */
};

struct replay {
	struct replay_config config;
	struct netlink *netlink;
	struct injector *injector;
	struct capture *capture;
	int timer;
	int stop;                     /* -1 before the start */
	struct capture_packet packet; /* the next, if there is one */
	bool has_packet;
	uint64_t loops_done;
	bool piped; /* what is at hand is sent before the next frame is waited for */
	bool empty; /* nothing in this pass so far */
	/* When frames are due. */
	uint64_t start_ns;   /* monotonic */
	uint64_t elapsed_ns; /* of the capture's time */
	uint64_t base_ns;    /* the capture's time that stands for 0 */
	bool has_base;
	uint64_t frames, bits; /* given to the injector */
	uint64_t given_up;     /* under way for so long that they will not come any more */
	uint64_t counters[REPLAY_COUNTER_COUNT];
};

static const struct {
	const char *name, *text;
} counter_rows[] = {
#define REPLAY_ROW(name, text) {#name, text},
	REPLAY_COUNTERS(REPLAY_ROW)
#undef REPLAY_ROW
};

const char *replay_counter_name(enum replay_counter counter)
{
	return counter_rows[counter].name;
}

const char *replay_counter_text(enum replay_counter counter)
{
	return counter_rows[counter].text;
}

/* ---- the file ---- */

const char *replay_name(const struct replay *r)
{
	return strcmp(r->config.file, "-") == 0 ? "the standard input" : r->config.file;
}

/*
 * Takes the time of the next frame. Frames that are a little out of order do not turn time back; a clock that was set back, another section
 * or the next pass does, and goes on from where time stands. A frame without a time has that of the one before.
 */
static void follow_time(struct replay *r)
{
	uint64_t time_ns = r->packet.time_ns;
	int64_t ahead;

	if (!time_ns)
		return;
	if (!r->has_base)
		r->base_ns = time_ns - r->elapsed_ns;
	r->has_base = true;
	ahead = (int64_t)(time_ns - (r->base_ns + r->elapsed_ns));
	if (ahead < -(int64_t)NS_PER_S)
		r->base_ns = time_ns - r->elapsed_ns;
	else if (ahead > 0 && r->elapsed_ns < OFFSET_MAX)
		r->elapsed_ns += (uint64_t)ahead;
}

static int open_file(struct replay *r, struct error *error)
{
	int rc = capture_open(r->config.file, &r->capture, error);

	if (!rc && r->stop >= 0)
		capture_set_stop(r->capture, r->stop);
	r->piped = !rc && capture_may_wait(r->capture);
	r->has_base = false;
	r->empty = true;
	return rc;
}

/* Gets the next frame, of the next pass if need be: 0, also if there is none any more, or -errno. */
static int next_packet(struct replay *r, struct error *error)
{
	int rc = capture_next(r->capture, &r->packet, error);

	while (rc == 0) {
		r->loops_done++;
		if (r->empty || r->loops_done == r->config.loops)
			break;
		capture_close(r->capture);
		r->capture = NULL;
		rc = open_file(r, error);
		if (!rc)
			rc = capture_next(r->capture, &r->packet, error);
	}
	r->has_packet = rc > 0;
	if (r->has_packet) {
		r->empty = false;
		follow_time(r);
	}
	return rc < 0 ? rc : 0;
}

static int check_link(struct replay *r, struct error *error)
{
	char name[CAPTURE_LINK_NAME_MAX];

	if (!r->has_packet || r->packet.link == CAPTURE_ETHERNET)
		return 0;
	return fail(error, EINVAL, "%s: has frames of %s; only Ethernet can be replayed", replay_name(r),
		    capture_link_type_name(r->packet.link_type, name));
}

/* ---- time ---- */

/* When the next frame is due, after the start. */
static uint64_t due_ns(const struct replay *r)
{
	double due = 0;

	switch (r->config.pace) {
	case REPLAY_AS_CAPTURED:
		due = (double)r->elapsed_ns / r->config.amount;
		break;
	case REPLAY_FRAMES:
		due = (double)r->frames * (double)NS_PER_S / r->config.amount;
		break;
	case REPLAY_BITS:
		due = (double)r->bits * (double)NS_PER_S / r->config.amount;
		break;
	case REPLAY_TOPSPEED:
		break;
	}
	return due < (double)OFFSET_MAX ? (uint64_t)due : OFFSET_MAX;
}

static void set_timer(struct replay *r)
{
	uint64_t at = r->start_ns + due_ns(r);
	struct itimerspec timer = {.it_value = {.tv_sec = (time_t)(at / NS_PER_S), .tv_nsec = (long)(at % NS_PER_S)}};

	timerfd_settime(r->timer, TFD_TIMER_ABSTIME, &timer, NULL);
}

/* ---- sending ---- */

/* Whether the frame begins as an Ethernet frame does: with the header, and a whole tag if it says that there is one. */
static bool is_frame(const struct capture_packet *packet)
{
	struct reader reader = reader_of(packet->data, packet->captured);
	uint16_t type;

	reader_skip(&reader, WIRE_ETHERNET_LEN - 2);
	type = reader_u16(&reader);
	if (type == ETHERTYPE_VLAN || type == ETHERTYPE_SERVICE_VLAN)
		return packet->captured >= TAGGED_MIN;
	return !reader.failed;
}

static void send_packet(struct replay *r)
{
	const struct capture_packet *packet = &r->packet;

	r->counters[REPLAY_read]++;
	if (packet->link != CAPTURE_ETHERNET) {
		r->counters[REPLAY_link_type]++;
	} else if (!is_frame(packet)) {
		r->counters[REPLAY_too_short]++;
	} else {
		injector_send(r->injector, packet->data, packet->captured, packet->captured < packet->original ? MARK_CUT_FRAME : 0);
		r->frames++;
		r->bits += packet->original * 8;
	}
}

static uint64_t under_way(const struct replay *r, struct mirror *mirror)
{
	uint64_t sent = injector_sent(r->injector), seen = mirror_frames_seen(mirror);

	return (sent > seen ? sent - seen : 0) + mirror_copies_under_way(mirror);
}

/* Sends what is queued, and waits until no more than that many frames and copies are under way: the kernel would drop them. */
static void flush(struct replay *r, struct mirror *mirror, uint64_t most)
{
	uint64_t last = 0, count, since = clock_monotonic_ns();

	injector_flush(r->injector);
	while ((count = under_way(r, mirror)) > r->given_up + most) {
		if (count != last)
			since = clock_monotonic_ns();
		else if (clock_monotonic_ns() - since > PATIENCE_NS)
			r->given_up = count;
		last = count;
		usleep(POLL_US);
	}
}

int replay_run(struct replay *r, struct mirror *mirror, struct error *error)
{
	uint64_t now = clock_monotonic_ns();
	unsigned int sent = 0;
	int rc = 0;

	while (!rc && r->has_packet && sent < RUN_FRAMES && r->start_ns + due_ns(r) <= now) {
		send_packet(r);
		if (++sent % BATCH_FRAMES == 0 || r->piped)
			flush(r, mirror, UNDER_WAY_MAX);
		rc = next_packet(r, error);
	}
	flush(r, mirror, UNDER_WAY_MAX);
	if (r->has_packet)
		set_timer(r);
	if (rc == -ECANCELED) /* whoever wants it to stop will do so */
		return 1;
	return rc ? rc : r->has_packet;
}

void replay_finish(struct replay *r, struct mirror *mirror)
{
	uint64_t sent, seen;

	flush(r, mirror, 0);
	sent = injector_sent(r->injector);
	seen = mirror_frames_seen(mirror);
	r->counters[REPLAY_lost] = sent > seen ? sent - seen : 0;
	r->counters[REPLAY_not_taken] = injector_lost(r->injector);
}

uint64_t replay_count(const struct replay *r, enum replay_counter counter)
{
	return r->counters[counter];
}

/* ---- opening and closing ---- */

static int open_parts(struct replay *r, enum attach_way way, struct error *error)
{
	int rc;

	if ((rc = privilege_check(PRIVILEGE_REPLAY, error)) || (rc = open_file(r, error)) || (rc = next_packet(r, error)) ||
	    (rc = check_link(r, error)))
		return rc;
	r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (r->timer < 0)
		return fail(error, errno, "timer: %s", strerror(errno));
	rc = netlink_open(&r->netlink, error);
	return rc ? rc : injector_open_private(&r->injector, r->netlink, way, error);
}

int replay_open(struct replay **opened, const struct replay_config *config, enum attach_way way, struct error *error)
{
	struct replay *r = calloc(1, sizeof *r);
	int rc;

	if (!r)
		return fail(error, ENOMEM, "replay: out of memory");
	r->config = *config;
	r->timer = r->stop = -1;
	rc = open_parts(r, way, error);
	if (rc)
		replay_close(r);
	else
		*opened = r;
	return rc;
}

void replay_close(struct replay *r)
{
	if (!r)
		return;
	injector_close(r->injector);
	netlink_close(r->netlink);
	if (r->timer >= 0)
		close(r->timer);
	capture_close(r->capture);
	free(r);
}

const char *replay_interface(const struct replay *r)
{
	return injector_interface(r->injector);
}

void replay_start(struct replay *r, int stop)
{
	r->stop = stop;
	capture_set_stop(r->capture, stop);
	r->start_ns = clock_monotonic_ns();
	set_timer(r);
}

int replay_fd(const struct replay *r)
{
	return r->timer;
}
