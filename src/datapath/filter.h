/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packet filters in tcpdump's language, run by the kernel inside of our programs. Hides libpcap, the translation of its instructions to eBPF
 * and how they get into a program that was compiled without them.
 */
#ifndef DATAPATH_FILTER_H
#define DATAPATH_FILTER_H

#include "base/error.h"
#include "bpf/abi.h"

struct bpf_object_skeleton;
struct filter;

/*
 * Compiles an expression. device is an Ethernet device of this network namespace that is up, best an idle one: libpcap listens to it for the
 * time of the call, which needs CAP_NET_RAW. It makes code that knows of VLAN tags outside of the frame and of directions only for such a
 * device. Names of hosts, networks and ports are looked up now, once.
 *
 * *filter is the caller's, to be freed; NULL for an empty expression, which is no filter. An error has libpcap's words, the expression and a mark
 * under where it goes wrong, on three lines.
 */
int filter_compile(const char *expression, const char *device, struct filter **filter, struct error *error);
void filter_free(struct filter *filter);

/* Whether both do the same, instruction by instruction. NULL equals only NULL. */
int filter_equal(const struct filter *one, const struct filter *other);

/* To be called before an object is opened that filter_load() is to load. May be called again. */
int filter_setup(struct error *error);

/*
 * Loads an opened object with the filters in the place of its exclude_by_filters() (bpf/filters.h), filter i giving the answer i; at most
 * FILTERS_MAX, none of them NULL. They may be freed afterwards. inbound and outbound go by direction. Without filters it loads the object as it is.
 */
int filter_load(struct bpf_object_skeleton *skeleton, const struct filter *const *filters, unsigned int count, enum direction direction,
		struct error *error);

#endif
