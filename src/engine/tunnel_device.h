/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A running tunnel device: two sessions back to back around a device that we make. What is sent to it is mirrored to the other end, what
 * is collected from there arrives on it.
 */
#ifndef ENGINE_TUNNEL_DEVICE_H
#define ENGINE_TUNNEL_DEVICE_H

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/attach.h"
#include "model/tunnel.h"

struct tunnel_device;

/*
 * Makes the device and starts both sessions. A way to the other end that is missing is waited for. *device is the caller's, to be closed,
 * which removes it.
 */
int tunnel_device_open(struct tunnel_device **device, const struct tunnel *tunnel, enum attach_way way, struct error *error);
void tunnel_device_close(struct tunnel_device *device);

/* Becomes readable when there is something to be done: call tunnel_device_serve() then, and every few milliseconds besides. */
int tunnel_device_fd(const struct tunnel_device *device);
void tunnel_device_serve(struct tunnel_device *device);

/* Follows routes, interfaces and addresses. To be called about every second. -ENODEV: somebody removed the device. */
int tunnel_device_follow(struct tunnel_device *device, struct error *error);

/* Of the user's end, bytes. */
unsigned int tunnel_device_mtu(const struct tunnel_device *device);

/* What the way to the other end waits for; an empty text for nothing. */
const char *tunnel_device_waits_for(const struct tunnel_device *device);

#endif
