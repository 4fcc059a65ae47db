/* SPDX-License-Identifier: BSD-2-Clause */
/* Which CPUs receive what arrives on a device (receive packet steering): the kernel picks one per flow, so that flows stay in order. */
#ifndef HOST_STEERING_H
#define HOST_STEERING_H

#include "base/error.h"
#include "model/cpus.h"

/* Steers the first receive queue of a device of this network namespace. */
int steering_set(const char *device, const struct cpus *cpus, struct error *error);

#endif
