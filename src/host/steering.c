/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/steering.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/privilege.h"

enum {
	PATH_LEN = 96
};

/* The kernel's form: hexadecimal words of 32 bits, the highest first; it takes no more words than it has CPUs for. */
static void print_mask(const struct cpus *cpus, char *text, size_t size)
{
	unsigned int words = CPUS_WORDS;
	size_t used = 0;

	while (words > 1 && !cpus->words[words - 1])
		words--;
	for (unsigned int word = words; word-- > 0 && used < size;)
		used += (size_t)snprintf(text + used, size - used, "%08x%s", cpus->words[word], word ? "," : "");
}

static int write_mask(const char *device, const struct cpus *cpus)
{
	char path[PATH_LEN], mask[CPUS_WORDS * 9 + 1];
	int fd, rc;

	print_mask(cpus, mask, sizeof mask);
	snprintf(path, sizeof path, "/sys/class/net/%s/queues/rx-0/rps_cpus", device);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = write(fd, mask, strlen(mask)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

/* Whether /sys shows our network namespace, and not the one in which it was mounted. */
static bool sys_is_ours(const char *device)
{
	char path[PATH_LEN], number[16] = "";
	int fd;

	snprintf(path, sizeof path, "/sys/class/net/%s/ifindex", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, number, sizeof number - 1) < 0)
		number[0] = '\0';
	close(fd);
	return (unsigned int)atoi(number) == if_nametoindex(device);
}

/* Writes in a process with a /sys of its own, which shows the namespace that it is mounted from. */
static int write_mask_elsewhere(const char *device, const struct cpus *cpus)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child == 0) {
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("sysfs", "/sys", "sysfs", 0, NULL))
			_exit(errno);
		_exit(-write_mask(device, cpus));
	}
	if (waitpid(child, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* The kernel itself says nothing of CPUs that do not exist. */
static int check_cpus(const struct cpus *cpus, struct error *error)
{
	long count = sysconf(_SC_NPROCESSORS_CONF);

	for (long cpu = count; cpu < CPUS_MAX; cpu++)
		if (cpus->words[cpu / 32] >> cpu % 32 & 1)
			return fail(error, EINVAL, "CPU %ld is not one of this machine's, which are 0 to %ld", cpu, count - 1);
	return 0;
}

int steering_set(const char *device, const struct cpus *cpus, struct error *error)
{
	int rc = check_cpus(cpus, error);

	if (rc)
		return rc;
	rc = sys_is_ours(device) ? write_mask(device, cpus) : write_mask_elsewhere(device, cpus);
	if (rc == -EPERM)
		return privilege_fail(error, "CAP_SYS_ADMIN (to steer to CPUs where /sys shows another network namespace)");
	if (rc == -EACCES)
		return privilege_fail(error, "CAP_DAC_OVERRIDE (to steer to CPUs by files in /sys that are root's)");
	return rc ? fail(error, -rc, "steering to CPUs: %s", strerror(-rc)) : 0;
}
