/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/neighbour.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/neighbour.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

enum {
	TCX_INGRESS = 46 /* newer than the headers of Debian 12 */
};

static enum host_answer answer_of(int probed)
{
	if (probed == -EPERM)
		return HOST_UNKNOWN;
	return probed > 0 ? HOST_YES : HOST_NO;
}

/* Attaching to an interface that cannot be: only a kernel that knows tcx looks for it. */
static enum host_answer has_tcx(void)
{
	static const struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1},
						{.code = BPF_JMP | BPF_EXIT}};
	int program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "probe", "GPL", insns, 2, NULL), link;

	if (program < 0)
		return answer_of(program);
	link = bpf_link_create(program, INT_MAX, (enum bpf_attach_type)TCX_INGRESS, NULL);
	close(program);
	if (link >= 0)
		close(link);
	return link == -ENODEV ? HOST_YES : HOST_NO;
}

enum host_answer host_has(enum host_feature feature)
{
	switch (feature) {
	case HOST_SCHED_CLS:
		return answer_of(libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SCHED_CLS, NULL));
	case HOST_TCX:
		return has_tcx();
	case HOST_RING:
		return answer_of(libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL));
	case HOST_XDP:
		return answer_of(libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL));
	case HOST_BTF:
		return access("/sys/kernel/btf/vmlinux", R_OK) == 0 ? HOST_YES : HOST_NO;
	case HOST_JIT:
		/* Kernels that know no other way do not tell. */
		return host_sysctl("net/core/bpf_jit_enable", 1) ? HOST_YES : HOST_NO;
	default:
		return HOST_UNKNOWN;
	}
}

static enum host_neighbour find_neighbour(struct nl_sock *socket, int ifindex, const struct address *address)
{
	struct nl_addr *wanted = nl_addr_build(address->family == 4 ? AF_INET : AF_INET6, address->bytes, address->family == 4 ? 4 : 16);
	enum host_neighbour found = NEIGHBOUR_NONE;
	struct nl_cache *cache = NULL;
	struct rtnl_neigh *neighbour = NULL;

	if (wanted && rtnl_neigh_alloc_cache(socket, &cache) == 0)
		neighbour = rtnl_neigh_get(cache, ifindex, wanted);
	if (neighbour)
		found = rtnl_neigh_get_state(neighbour) & (NUD_FAILED | NUD_INCOMPLETE) ? NEIGHBOUR_FAILED : NEIGHBOUR_REACHABLE;
	rtnl_neigh_put(neighbour);
	nl_cache_free(cache);
	nl_addr_put(wanted);
	return found;
}

enum host_neighbour host_neighbour(int ifindex, const struct address *address)
{
	struct nl_sock *socket = nl_socket_alloc();
	enum host_neighbour found = NEIGHBOUR_NONE;

	if (socket && nl_connect(socket, NETLINK_ROUTE) == 0)
		found = find_neighbour(socket, ifindex, address);
	nl_socket_free(socket);
	return found;
}

int host_sysctl(const char *name, int fallback)
{
	char path[160];
	FILE *file;
	int number;

	snprintf(path, sizeof path, "/proc/sys/%s", name);
	file = fopen(path, "re");
	if (!file)
		return fallback;
	if (fscanf(file, "%d", &number) != 1)
		number = fallback;
	fclose(file);
	return number;
}

bool host_merges_received(const char *interface)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GFLAGS};
	struct ifreq request = {.ifr_data = (char *)&value};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool merges = false;

	if (fd < 0)
		return false;
	strncpy(request.ifr_name, interface, sizeof request.ifr_name - 1);
	merges = ioctl(fd, SIOCETHTOOL, &request) == 0 && value.data & ETH_FLAG_LRO;
	close(fd);
	return merges;
}

bool host_clock_is_synchronised(void)
{
	struct timex state = {0};

	return adjtimex(&state) != TIME_ERROR && !(state.status & STA_UNSYNC);
}
