/* SPDX-License-Identifier: BSD-2-Clause */
/* What sessions meet on this machine, before they run: filters that libpcap does not take, paths that are too narrow for the frames. */
#ifndef DOCTOR_HERE_H
#define DOCTOR_HERE_H

#include "base/error_list.h"
#include "model/session_list.h"

/* Needs no privilege. Filters are errors, the rest warnings; what is not there yet is neither. 0 or -EINVAL. */
int here_check(const struct session_list *list, struct error_list *errors);

/* Its parts. */
void here_check_filters(const struct session_list *list, struct error_list *errors);
void here_check_widths(const struct session_list *list, struct error_list *errors);

/* Whether libpcap takes one filter: 0, or -errno with its words in *error. */
int here_check_filter(const char *expression, struct error *error);

#endif
