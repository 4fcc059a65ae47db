/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that reads packets gives up what it does not need any more. Hides capabilities, no_new_privs, Landlock and seccomp, and
 * which of them the kernel has.
 */
#ifndef HOST_SANDBOX_H
#define HOST_SANDBOX_H

#include <stdbool.h>

#include "base/error.h"

struct sandbox_needs {
	const int *directories; /* in which files are made and removed */
	unsigned int directory_count;
	bool marks; /* gives marks to frames one by one, which takes CAP_NET_RAW */
};

/*
 * To be called when everything is open. From then on this process has no capability but what it needs, gains none, opens and removes
 * nothing but files below the directories, makes no sockets and no processes. It sends frames by the packet sockets that are open, answers
 * who connects, and asks the kernel about interfaces. If files can only be made by disregarding a directory's permissions, that one
 * capability stays. *text, which is static, says what was done. 0, or -errno if what the kernel has could not be applied.
 */
int sandbox_enter(const struct sandbox_needs *needs, const char **text, struct error *error);

#endif
