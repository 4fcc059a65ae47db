/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/statistics.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "host/privilege.h"

static bool measures_already(void)
{
	char text[2] = "";
	int fd = open("/proc/sys/kernel/bpf_stats_enabled", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, text, 1) != 1)
			text[0] = '\0';
		close(fd);
	}
	return text[0] == '1';
}

int statistics_start(int *fd, struct error *error)
{
	*fd = measures_already() ? -1 : bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (*fd >= 0 || measures_already())
		return 0;
	if (errno == EPERM)
		return privilege_fail(error, "CAP_SYS_ADMIN (for run-time statistics of the kernel, unless \"sysctl "
					     "kernel.bpf_stats_enabled=1\" has them made)");
	return fail(error, errno, "run-time statistics of the kernel: %s", strerror(errno));
}
