/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose a device or filter is, and what happens to it when its process dies. Everything we make in the kernel that does not die with us
 * carries an owner id; the owner holds a socket address of the network namespace that is bound to the id and goes with the process.
 */
#ifndef DATAPATH_OWNER_H
#define DATAPATH_OWNER_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "host/netlink.h"

struct owner {
	uint32_t id; /* 24 bits */
	int lock;    /* the socket */
	int pipe;    /* to the janitor; -1: there is none */
	pid_t janitor;
};

#define OWNER_NONE ((struct owner){.lock = -1, .pipe = -1})

/* Takes a fresh id. What is lasting stays when its owner dies, until a farspand takes the id again or sweeps. */
enum owner_kind {
	OWNER_MORTAL,
	OWNER_LASTING,
};
int owner_take(struct owner *owner, enum owner_kind kind, struct error *error);
void owner_release(struct owner *owner);

/*
 * Takes the id of one who has just died. lock is a descriptor that this process may have from it, see owner_bequeath(); -1: none.
 * -EADDRINUSE: the owner lives.
 */
int owner_take_again(struct owner *owner, uint32_t id, int lock, struct error *error);

/* The descriptor by which the id stays taken when this process becomes another program; or, with on false, does not. */
int owner_bequeath(const struct owner *owner, bool on);

/*
 * Takes a role that only one process of the network namespace may have, for as long as the descriptor that it returns is open. -EEXIST if
 * another has it.
 */
int owner_claim(const char *role, struct error *error);

/* The name of a device of this owner; role is at most 3 characters. */
void owner_device_name(const struct owner *owner, const char *role, char name[IFNAMSIZ]);

/* Whether a link is a device of ours, of whichever owner. */
bool owner_is_device(const struct link *link);

/* Whether a device has its name from owner_device_name(), and whether the owner that it names is alive. */
bool owner_names(const struct link *link);
bool owner_lives(const struct link *link);

/* The handle under which an owner's filters stand at clsact. */
uint32_t owner_filter_handle(uint32_t id);

/* Whether a handle is such a one, of whichever owner. */
bool owner_is_filter(uint32_t handle);

/*
 * Programs of ours, by the kernel's ids, known to all processes of the network namespace until the descriptor that is returned is closed;
 * -1 if that could not be. The kernel tells their names only to who has CAP_SYS_ADMIN, and anybody can take those.
 */
int owner_mark_program(uint32_t id);
bool owner_knows_program(uint32_t id);

/*
 * The rank of a program of ours among those that take packets of the same types: who takes less has a lower one. OWNER_RANKS:
 * the program has none.
 */
enum {
	OWNER_RANKS = 8
};
int owner_mark_rank(uint32_t id, unsigned int rank);
unsigned int owner_rank(uint32_t id);

/* Claims what has that number for this process, until the descriptor that is returned is closed; -EADDRINUSE: another process has it. */
int owner_claim_number(uint64_t number);

/*
 * Removes devices and filters whose owner is gone. What is not ours, or whose owner lives, is not touched. Neither is what is lasting,
 * unless is_kept, by the id, says that nobody wants it.
 */
int owner_sweep(struct netlink *netlink, bool (*is_kept)(uint32_t id), struct error *error);

/*
 * Starts a process that sweeps as soon as the owner, this process, is dead, whatever killed it. Call it before anything else is opened that
 * should go with this process. owner_dismiss_janitor() ends it, after an orderly end.
 */
int owner_start_janitor(struct owner *owner, struct error *error);
void owner_dismiss_janitor(struct owner *owner);

/*
 * This process gives up its privileges, and so can remove nothing any more: from now on a janitor that is dismissed sweeps first. No other
 * process may hold copies of the owner's descriptors then.
 */
void owner_leave_to_janitors(void);

/* Tells the janitor that the clsact of an interface is ours to remove, should nobody use it any more. No name or handle can say that. */
void owner_made_clsact(struct owner *owner, int ifindex);

#endif
