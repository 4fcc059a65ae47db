/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/offload.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The features that change what a frame looks like, by the start of their names in ethtool. */
static const char *const shaping[] = {"tx-checksum", "tx-tcp",     "tx-udp",    "tx-gso",   "tx-generic-segmentation",
				      "tx-sctp",     "tx-vlan",    "tx-gre",    "tx-ipxip", "tx-esp",
				      "tx-fcoe",     "tx-scatter", "tx-tunnel", "tx-macsec"};

typedef bool (*feature_filter)(const char *feature);

static bool is_shaping(const char *feature)
{
	for (size_t i = 0; i < sizeof shaping / sizeof shaping[0]; i++)
		if (strncmp(feature, shaping[i], strlen(shaping[i])) == 0)
			return true;
	return false;
}

static bool is_checksum(const char *feature)
{
	return strncmp(feature, "tx-checksum", strlen("tx-checksum")) == 0;
}

static int ethtool(int fd, const char *device, void *command)
{
	struct ifreq request = {.ifr_data = command};

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
	return ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

static int count_features(int fd, const char *device, uint32_t *count)
{
	struct ethtool_sset_info *query = calloc(1, sizeof *query + sizeof query->data[0]);
	int rc;

	if (!query)
		return -ENOMEM;
	query->cmd = ETHTOOL_GSSET_INFO;
	query->sset_mask = 1ull << ETH_SS_FEATURES;
	rc = ethtool(fd, device, query);
	*count = query->data[0];
	free(query);
	return rc;
}

/* The names of all features, ETH_GSTRING_LEN bytes each; the caller frees. */
static struct ethtool_gstrings *read_names(int fd, const char *device)
{
	struct ethtool_gstrings *names;
	uint32_t count;

	if (count_features(fd, device, &count))
		return NULL;
	names = calloc(1, sizeof *names + (size_t)count * ETH_GSTRING_LEN);
	if (!names)
		return NULL;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = count;
	if (!ethtool(fd, device, names))
		return names;
	free(names);
	return NULL;
}

static int disable_features(int fd, const char *device, const struct ethtool_gstrings *names)
{
	uint32_t blocks = (names->len + 31) / 32;
	struct ethtool_sfeatures *set = calloc(1, sizeof *set + blocks * sizeof set->features[0]);
	int rc;

	if (!set)
		return -ENOMEM;
	set->cmd = ETHTOOL_SFEATURES;
	set->size = blocks;
	for (uint32_t i = 0; i < names->len; i++)
		if (is_shaping((const char *)names->data + (size_t)i * ETH_GSTRING_LEN))
			set->features[i / 32].valid |= 1u << i % 32;
	rc = ethtool(fd, device, set); /* features that cannot be switched are seen by find_active() */
	free(set);
	return rc;
}

/* The name of a feature of some kind that is on, or NULL. */
static const char *find_active(int fd, const char *device, const struct ethtool_gstrings *names, feature_filter of_kind)
{
	uint32_t blocks = (names->len + 31) / 32;
	struct ethtool_gfeatures *get = calloc(1, sizeof *get + blocks * sizeof get->features[0]);
	const char *found = NULL;

	if (!get)
		return "unknown";
	get->cmd = ETHTOOL_GFEATURES;
	get->size = blocks;
	if (ethtool(fd, device, get))
		found = "unknown";
	for (uint32_t i = 0; i < names->len && !found; i++) {
		const char *name = (const char *)names->data + (size_t)i * ETH_GSTRING_LEN;

		if (of_kind(name) && get->features[i / 32].active & 1u << i % 32)
			found = name;
	}
	free(get);
	return found;
}

int offload_disable_tx(const char *device, struct error *error)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;
	struct ethtool_gstrings *names;
	const char *active;

	if (fd < 0)
		return fail(error, errno, "%s: offloads: %s", device, strerror(errno));
	names = read_names(fd, device);
	if (!names)
		rc = fail(error, EIO, "%s: the kernel does not tell its offloads", device);
	else if ((rc = disable_features(fd, device, names)) < 0)
		rc = fail(error, -rc, "%s: offloads cannot be turned off: %s", device, strerror(-rc));
	else if ((active = find_active(fd, device, names, is_shaping)))
		rc = fail(error, EOPNOTSUPP, "%s: offload %.32s cannot be turned off", device, active);
	free(names);
	close(fd);
	return rc;
}

bool offload_finishes_checksums(const char *device)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_gstrings *names = fd < 0 ? NULL : read_names(fd, device);
	bool finishes = names && !find_active(fd, device, names, is_checksum);

	free(names);
	if (fd >= 0)
		close(fd);
	return finishes;
}

int offload_disable_gro(const char *device, struct error *error)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;
	struct ethtool_value off = {.cmd = ETHTOOL_SGRO};

	if (fd < 0)
		return fail(error, errno, "%s: offloads: %s", device, strerror(errno));
	rc = ethtool(fd, device, &off);
	close(fd);
	return rc ? fail(error, -rc, "%s: GRO cannot be turned off: %s", device, strerror(-rc)) : 0;
}
