/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/bpf_error.h"

#include <errno.h>
#include <string.h>

int fail_bpf(struct error *error, int rc, const char *what)
{
	if (rc == -EACCES)
		return fail(error, EACCES, "%s: this kernel's verifier refuses it", what);
	if (rc == -EPERM)
		return fail(error, EPERM, "%s: not permitted; capabilities CAP_BPF and CAP_NET_ADMIN are needed (or root)", what);
	return fail(error, -rc, "%s: %s", what, strerror(-rc));
}
