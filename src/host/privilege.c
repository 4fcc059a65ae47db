/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct need {
	unsigned int capability;
	unsigned int or_capability; /* has it too: what had it before Linux 5.8 split it up */
	const char *name;
	unsigned int of; /* bits of enum privilege */
};

#define ALL (1u << PRIVILEGE_MIRROR | 1u << PRIVILEGE_MIRROR_FILTER | 1u << PRIVILEGE_REPLAY | 1u << PRIVILEGE_COLLECT)

static const struct need needs[] = {
	{CAP_BPF, CAP_SYS_ADMIN, "CAP_BPF (to load programs)", ALL},
	{CAP_PERFMON, CAP_SYS_ADMIN, "CAP_PERFMON (for the kernel's verifier to accept them)", ALL},
	{CAP_NET_ADMIN, CAP_NET_ADMIN, "CAP_NET_ADMIN (to attach them to interfaces)", ALL},
	{CAP_NET_RAW, CAP_NET_RAW, "CAP_NET_RAW (to take what the kernel reassembled)", 1u << PRIVILEGE_COLLECT},
	{CAP_NET_RAW, CAP_NET_RAW, "CAP_NET_RAW (to put frames on an interface)", 1u << PRIVILEGE_REPLAY},
	{CAP_NET_RAW, CAP_NET_RAW, "CAP_NET_RAW (to compile a filter for an interface)", 1u << PRIVILEGE_MIRROR_FILTER},
};

static bool have(unsigned int capability)
{
	return capng_have_capability(CAPNG_EFFECTIVE, capability);
}

int privilege_fail(struct error *error, const char *missing)
{
	return fail(error, EPERM, "not permitted: %s missing; run as root, or grant it", missing);
}

int privilege_check(enum privilege privilege, struct error *error)
{
	char missing[256] = "";

	if (capng_get_caps_process())
		return fail(error, EPERM, "capabilities of this process cannot be read");
	for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
		size_t used = strlen(missing);

		if (needs[i].of & 1u << privilege && !have(needs[i].capability) && !have(needs[i].or_capability))
			snprintf(missing + used, sizeof missing - used, "%s%s", used ? ", " : "", needs[i].name);
	}
	return *missing ? privilege_fail(error, missing) : 0;
}

bool privilege_can_read_kernel(void)
{
	return capng_get_caps_process() == 0 && (have(CAP_PERFMON) || have(CAP_SYS_ADMIN));
}
