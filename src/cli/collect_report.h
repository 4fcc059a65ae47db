/* SPDX-License-Identifier: BSD-2-Clause */
/* What "farspan collect" says at its end: every counter, and each session. */
#ifndef CLI_COLLECT_REPORT_H
#define CLI_COLLECT_REPORT_H

#include <stdio.h>

#include "engine/collect.h"
#include "engine/outlets.h"

/* A few lines of text; counters that are 0 are left out. */
void collect_report(FILE *out, const struct collect *collect);

/* The same as one JSON object, with every counter and what became of the frames at outlets, each of which may be NULL. 0 or -ENOMEM. */
int collect_report_json(FILE *out, const struct collect *collect, struct outlets *const *outlets, unsigned int count);

#endif
