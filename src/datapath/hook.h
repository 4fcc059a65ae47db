/* SPDX-License-Identifier: BSD-2-Clause */
/* Joins the user's hook, an eBPF object file, with a program of ours. Hides libbpf's linker. */
#ifndef DATAPATH_HOOK_H
#define DATAPATH_HOOK_H

#include <stddef.h>

#include "base/error.h"

/*
 * Links the object at path, which must have a function farspan_hook(struct __sk_buff *, struct farspan_meta *), over an object of ours of
 * size bytes. *linked, of *linked_size bytes, is the caller's to free(). -EINVAL with what is wrong about the user's object.
 */
int hook_link(const void *ours, size_t size, const char *path, void **linked, size_t *linked_size, struct error *error);

/* The part of the verifier's log that says what is wrong: its last lines, without the statistics. Shortens log in place. */
const char *hook_verdict(char *log);

#endif
