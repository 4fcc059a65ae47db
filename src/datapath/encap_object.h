/* SPDX-License-Identifier: BSD-2-Clause */
/* The encapsulation program in the kernel, with the user's hook in it if there is one. Hides how the two are put together. */
#ifndef DATAPATH_ENCAP_OBJECT_H
#define DATAPATH_ENCAP_OBJECT_H

#include "base/error.h"
#include "datapath/kept.h"

struct carrier;
struct encap_bpf;

struct encap_object {
	struct encap_bpf *bpf; /* NULL: not loaded */
	void *hooked;          /* its bytes, linked with the hook; NULL: there is none */
};

/*
 * Loads it, with the maps that are kept; hook is the name of the user's object, or NULL; carrier is that of a relay, or NULL. Whatever
 * comes of it, encap_object_close() is to be called.
 */
int encap_object_load(struct encap_object *object, const char *hook, const struct carrier *carrier, const struct kept *kept,
		      struct error *error);
void encap_object_close(struct encap_object *object);

#endif
