/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's run-time statistics of eBPF programs. Hides who may start them, and that somebody else has. */
#ifndef HOST_STATISTICS_H
#define HOST_STATISTICS_H

#include "base/error.h"

/* Has the kernel measure, until *fd, which is the caller's, is closed; *fd -1: it measures already. 0, or -EPERM without CAP_SYS_ADMIN. */
int statistics_start(int *fd, struct error *error);

#endif
