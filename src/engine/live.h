/* SPDX-License-Identifier: BSD-2-Clause */
/* A live collector: feeds mirror traffic that arrives at this host to a struct collect. Joins model, datapath and collect. */
#ifndef ENGINE_LIVE_H
#define ENGINE_LIVE_H

#include "base/error.h"
#include "datapath/attach.h"
#include "datapath/collector_path.h"
#include "engine/collect.h"
#include "engine/outlets.h"
#include "model/endpoint.h"

struct live_config {
	const struct endpoint *sources;
	unsigned int source_count;     /* 0: all formats, but those that this host has tunnel devices for */
	const char *const *interfaces; /* names */
	unsigned int interface_count;  /* 0: all, else up to COLLECTOR_INTERFACES_MAX */
	uint64_t count;                /* frames to accept; 0: no limit */
	enum attach_way way;
	bool adapter_times;             /* of network cards, where they are in step with this host's clock */
	bool narrow;                    /* takes exactly what the one source says and leaves the rest of its types to others of this host */
	struct outlets *const *outlets; /* where outputs deliver to, NULL for those that do not; they must outlive it */
	unsigned int outlet_count;
};

struct live;

/* Opens what is needed to listen; collect must outlive it. *live is the caller's, to be closed. */
int live_open(struct live **live, const struct live_config *config, struct collect *collect, struct error *error);
void live_close(struct live *live);

/* Starts to listen. This process follows interfaces, by live_follow(). 0, or -errno. */
int live_listen(struct live *live, struct error *error);

/*
 * The same, but forks a process that keeps the privileges, follows the host's addresses and interfaces, and the outlets' routes, and reads
 * no packet; this one needs none any more, nor a descriptor for each interface. It goes with live, however this process ends. 0, or -errno.
 */
int live_leave_following(struct live *live, struct error *error);

/* Becomes readable when packets wait; a few may wait without it, so call live_drain() every few milliseconds besides. */
int live_fd(const struct live *live);

/* Takes what has arrived. 0, or -errno if the recording failed. */
int live_drain(struct live *live);

/* To be called when outlets_flush() has followed: what was drained is where it belongs. */
void live_handed_on(struct live *live);

/*
 * Follows the host's addresses and interfaces, what outlets follow, and the interfaces that they send to. To be called about every second.
 * 0, or -errno: the process that does it is gone.
 */
int live_follow(struct live *live, struct error *error);

/* collect_age(), and the programs do not know what is to end. To be called about every second, behind live_drain(); now_ns is monotonic. */
void live_age(struct live *live, uint64_t now_ns);

/* Listens no more, and takes what has arrived. */
int live_stop(struct live *live);

/* Whether the wanted number of frames or files has come. */
bool live_done(const struct live *live);

/* How well live_drain() keeps up: the most of each since the last call. */
void live_load(struct live *live, struct collector_load *load);

/* "3 interfaces: erspan1 erspan2 erspan3 gre (vxlan is left to this host's own devices)" */
const char *live_text(const struct live *live);

#endif
