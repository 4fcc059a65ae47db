/* SPDX-License-Identifier: BSD-2-Clause */
/* Offloads of a device: what it leaves to "hardware" on transmission, and what it merges on reception. */
#ifndef HOST_OFFLOAD_H
#define HOST_OFFLOAD_H

#include <stdbool.h>

#include "base/error.h"

/*
 * Turns off checksumming, segmentation and VLAN insertion on transmission, so that the kernel does all three before it hands a frame to the
 * device. An error if the device keeps one of them.
 */
int offload_disable_tx(const char *device, struct error *error);

/* Whether the kernel itself finishes every checksum before it hands a frame to the device, which has no checksum offload at all then. */
bool offload_finishes_checksums(const char *device);

/* Turns off the merging of received packets. */
int offload_disable_gro(const char *device, struct error *error);

#endif
