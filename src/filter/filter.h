/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packet filters in tcpdump's language, run by the kernel inside of our programs. Hides libpcap, the translation of its instructions to
 * eBPF and how they get into a program that was compiled without them.
 */
#ifndef FILTER_FILTER_H
#define FILTER_FILTER_H

#include "base/error.h"
#include "bpf/abi.h"

struct bpf_object_skeleton;
struct filter;
struct filter_compiler;

/*
 * Makes ready to compile. device is any Ethernet device of this network namespace that is up: libpcap makes code that knows of VLAN tags
 * outside of the frame and of directions only if it has one open, which needs CAP_NET_RAW. Nothing is captured; the device may go later.
 * Takes some 10 ms, and closing 30 ms: keep it. Without a device (NULL) filters can be checked, not loaded, and nothing is needed.
 * *compiler is the caller's, to be closed.
 */
int filter_compiler_open(struct filter_compiler **compiler, const char *device, struct error *error);
void filter_compiler_close(struct filter_compiler *compiler);

/*
 * Compiles an expression. Names of hosts, networks and ports are looked up now, once. *filter is the caller's, to be freed; NULL for an
 * empty expression, which is no filter. An error has libpcap's words, the expression and a mark under where it goes wrong, on three lines.
 */
int filter_compile(struct filter_compiler *compiler, const char *expression, struct filter **filter, struct error *error);
void filter_free(struct filter *filter);

/* Whether both do the same, instruction by instruction. NULL equals only NULL. */
int filter_equal(const struct filter *one, const struct filter *other);

/* To be called before an object is opened that filter_load() is to load. May be called again. */
int filter_setup(struct error *error);

/*
 * Loads an opened object whose programs call run_filters() of bpf/filters.h, with these filters in it; at most FILTERS_MAX, none of them
 * NULL. They may be freed afterwards. inbound and outbound go by direction. Without filters it loads the object as it is.
 */
int filter_load(struct bpf_object_skeleton *skeleton, const struct filter *const *filters, unsigned int count, enum direction direction,
		struct error *error);

#endif
