/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that reads packets gives up what it does not need any more. Hides capabilities, no_new_privs, Landlock and seccomp, and
 * which of them the kernel has.
 */
#ifndef DATAPATH_SANDBOX_H
#define DATAPATH_SANDBOX_H

#include "base/error.h"

/*
 * To be called when everything is open. From then on this process has no capability, gains none, opens and removes nothing but files below
 * the directories, makes no sockets and no processes. If files can only be made there by disregarding its permissions, that
 * one capability stays. *text, which is static, says what was done. 0, or -errno if what the kernel has could not be applied.
 */
int sandbox_enter(const int *directories, unsigned int count, const char **text, struct error *error);

#endif
