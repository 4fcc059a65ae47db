/* SPDX-License-Identifier: BSD-2-Clause */
/* What a filter should answer: by libpcap's own interpreter, and where that lacks what only the kernel knows, by a small one. */
#ifndef TESTS_FILTER_ORACLE_H
#define TESTS_FILTER_ORACLE_H

#include <stdbool.h>

#include "filter_frames.h"

struct oracle;

/* In front of all others, and behind. Errors are told on standard error. */
bool oracles_open(const char *device);
void oracles_close(void);

/* NULL if libpcap refuses the expression. */
struct oracle *oracle_open(const char *expression);
void oracle_close(struct oracle *oracle);

/* Whether it asks for tags outside of the frame, directions or interfaces: then libpcap's interpreter has no answer. */
bool oracle_needs_metadata(const struct oracle *oracle);

bool oracle_by_libpcap(const struct oracle *oracle, const struct frame *frame);
bool oracle_by_rules(const struct oracle *oracle, const struct frame *frame, bool outbound, unsigned int ifindex);

#endif
