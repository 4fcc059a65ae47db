/* SPDX-License-Identifier: BSD-2-Clause */
/* What filters have in common, so that frames which none of them matches are asked about it once. */
#ifndef FILTER_GUARD_H
#define FILTER_GUARD_H

#include "filter/code.h"

/*
 * Makes a filter of what the first of those left and others of them do alike: a frame that it does not match none of them matches; of the
 * rest it says nothing. left, and *guarded, of which the guard is: a bit for each. The guard is the caller's, to be freed; NULL if too few
 * are alike, then *guarded is the first alone.
 */
struct filter *filter_guard(const struct filter *const *filters, uint32_t left, uint32_t *guarded);

#endif
