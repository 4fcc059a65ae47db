/* SPDX-License-Identifier: BSD-2-Clause */
/* What bpf(2) answers, in words. */
#ifndef DATAPATH_BPF_ERROR_H
#define DATAPATH_BPF_ERROR_H

#include "base/error.h"

/* As fail(), of what was to be done and the negative errno that came of it, which it returns. */
int fail_bpf(struct error *error, int rc, const char *what);

#endif
