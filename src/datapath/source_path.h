/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The source path: programs on the mirrored interfaces copy frames to a private pair of devices, where the kernel segments them and a
 * program wraps them up. Hides eBPF objects and maps; the devices are in copy_devices, the programs on interfaces in source_taps.
 */
#ifndef DATAPATH_SOURCE_PATH_H
#define DATAPATH_SOURCE_PATH_H

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/inside.h"
#include "datapath/source_left.h"
#include "datapath/source_taps.h"
#include "host/netlink.h"

struct source_path;

/*
 * Loads the programs and makes the devices, having removed what dead processes left. Call it before threads are started: it forks a process
 * that cleans up should this one be killed, unless the path is lasting. netlink and the hook's name must outlive it. *path is the caller's,
 * to be closed.
 *
 * If left is not NULL and has a path for the same, that goes on: no copy is missed, and counters, sequence numbers and the notes of slots
 * are as they were. Its taps are there, and should be made anew.
 */
int source_path_open(struct source_path **path, struct netlink *netlink, const struct source_use *use, struct source_left *left,
		     struct error *error);
bool source_path_was_taken_over(const struct source_path *path);

/*
 * Has a path that is not lasting go on while this process becomes another program, which takes it over: it is kept, and its owner stays. If
 * nothing comes of it, source_path_stay(). At last, source_path_leave() ends what is still done for it here.
 */
int source_path_hand_over(struct source_path *path, struct error *error);
void source_path_stay(struct source_path *path);
void source_path_leave(struct source_path *path);

/* Detaches everything and removes the devices. */
void source_path_close(struct source_path *path);

/* Leaves word for the next process of what a slot was given to, if the path is lasting. */
void source_path_note_slot(struct source_path *path, __u32 slot, const struct slot_note *note);

/* What a slot was given to; false: to nobody, or the path was not taken over. */
bool source_path_slot_note(const struct source_path *path, __u32 slot, struct slot_note *note);

/* Takes the tunnels out of the loop guard that are not used any more. */
void source_path_restrict_guards(struct source_path *path, bool (*is_used)(const struct tunnel_key *tunnel, const void *context),
				 const void *context);

/* Sets a session, or changes it in place: a frame sees either the old or the new one, whole. */
int source_path_set_session(struct source_path *path, __u32 slot, const struct session_config *config, struct error *error);

/*
 * Whether the uplink of the session in that slot is still the interface that it was when the session was set. Where it is not, nothing is
 * sent, and copies are counted as unreachable; setting the session again holds on to the interface that has the number now.
 */
bool source_path_holds_uplink(struct source_path *path, __u32 slot);

/*
 * The way from a slot to an interface of another network namespace, as relay_follow(). It stays until it is given up, or the path is
 * closed. *relayed: the session's flag of that name. What is lost behind the uplink, source_path_add_lost() adds to its losses.
 */
int source_path_relay(struct source_path *path, __u32 slot, const char *netns, const char *name, struct link *uplink, bool *relayed,
		      struct error *error);
void source_path_give_up_relay(struct source_path *path, __u32 slot);
void source_path_add_lost(struct source_path *path, __u32 slot, struct link *uplink);

/* Tells the loop guard that packets between these outer addresses are copies of ours. */
int source_path_guard(struct source_path *path, const struct tunnel_key *tunnel, struct error *error);
void source_path_unguard(struct source_path *path, const struct tunnel_key *tunnel);

/* Makes a slot ready for another session: its counters, sequence number, sample and bucket begin anew. No leg may use it. */
int source_path_clear_slot(struct source_path *path, __u32 slot, struct error *error);

/* What the legs of a session share: the rate they keep to and the VLANs they take. The tokens in the bucket stay what they are. */
int source_path_set_bucket(struct source_path *path, __u32 first_slot, __u64 cost_scale, __u64 burst_ns, bool count_bits,
			   struct error *error);
int source_path_set_vlans(struct source_path *path, __u32 first_slot, const struct vlan_set *vlans, struct error *error);

/* What stands for the destination of a slot when flows are spread over several. */
int source_path_set_seed(struct source_path *path, __u32 slot, const struct spread_seed *seed, struct error *error);

/* Whether the private devices are still there, with their programs; and making them again, after which all taps must be made again too. */
bool source_path_is_whole(const struct source_path *path);
int source_path_mend(struct source_path *path, struct error *error);

/* The programs on the mirrored interfaces, and what is tapped inside of containers, as long as the path is open. */
struct source_taps *source_path_taps(struct source_path *path);
struct insides *source_path_insides(struct source_path *path);

/* Ends all copying and waits until no copy is under way any more, so that the sums of the counters hold exactly. */
void source_path_stop(struct source_path *path);

/* Copies that have left the sources and not reached the encapsulation so far. */
__u64 source_path_under_way(struct source_path *path);

/* The counters of one direction of a session, summed over all CPUs. The row "hop" is exact behind source_path_stop(). */
int source_path_counters(struct source_path *path, __u32 slot, enum direction direction, struct counters *counters, struct error *error);

/* Tells the programs the wall clock, for timestamps. To be called every few seconds. */
void source_path_set_clock(struct source_path *path);

/* What the programs have cost. */
struct source_path_cost {
	/* Looking at frames, copying, segmenting; for copies that go straight all the rest too: a run per frame or super-packet seen. */
	struct run_time source;
	struct run_time encap; /* wrapping up, without sending; runs are copies */
	__u64 straight;        /* copies, measured or not, that were wrapped up in the time of the source program */
};

/* Has the kernel measure, until the path is closed; that itself costs some nanoseconds per run of any eBPF program of the machine. */
int source_path_measure(struct source_path *path, struct error *error);
int source_path_cost(struct source_path *path, struct source_path_cost *cost, struct error *error);

/* Why frames that are as on the wire go through the segmenter too and not straight to the encapsulation; NULL: they go straight. */
const char *source_path_not_straight(const struct source_path *path);

/* Why TCP super-packets for such a session are cut into frames before they are wrapped; NULL if they are wrapped whole where they fit. */
const char *source_path_not_whole(const struct source_path *path, const struct session_config *config);

/* Why those are summed up before they are sent; NULL if that is left to the side of the uplink. */
const char *source_path_not_left(const struct source_path *path, const struct session_config *config);

#endif
