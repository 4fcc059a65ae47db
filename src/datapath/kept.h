/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What outlives its process: maps and attachments of an owner, held under names in the kernel's bpf file system. Hides where those are:
 *
 *     /sys/fs/bpf/farspan / network namespace / owner / name
 */
#ifndef DATAPATH_KEPT_H
#define DATAPATH_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum {
	KEPT_PATH_MAX = 80,
	KEPT_NAME_MAX = 40,
};

/* All zero: nothing is kept, and the calls below do nothing. */
struct kept {
	char path[KEPT_PATH_MAX];
};

/* The owners of this network namespace of whom something is kept; returns how many, at most max. */
unsigned int kept_owners(uint32_t *ids, unsigned int max);

/* Whether something is kept of that owner; true also if that cannot be seen. */
bool kept_exists(uint32_t owner);

/* Makes the place for an owner's things, unless it is there. */
int kept_begin(struct kept *kept, uint32_t owner, struct error *error);

/* The place of one of those that kept_owners() found; what was about to get a name when its process died ends. */
int kept_find(struct kept *kept, uint32_t owner);

/* Holds what the descriptor is of, a map or a link, in the place of what had the name. */
int kept_hold(const struct kept *kept, const char *name, int fd, struct error *error);

/* Another descriptor of it, the caller's; or -errno, and -ENOENT if there is none. */
int kept_get(const struct kept *kept, const char *name);

/* A name that holds nothing; and whether there is one. */
int kept_note(const struct kept *kept, const char *name, struct error *error);
bool kept_is_noted(const struct kept *kept, const char *name);

/* The name is free again; what it held stays for who else has it. */
void kept_let_go(const struct kept *kept, const char *name);

typedef void (*kept_visitor)(const char *name, void *context);

/* Calls visit for each name, which it may let go of. */
void kept_each(const struct kept *kept, kept_visitor visit, void *context);

/* Lets go of everything; detach: attachments that are held end at once, whoever has them. */
void kept_end(struct kept *kept, bool detach);

#endif
