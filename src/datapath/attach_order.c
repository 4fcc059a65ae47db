/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/attach_order.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "datapath/owner.h"

enum {
	PROGRAMS_MAX = 64, /* on one side of an interface: the kernel's own limit */
};

/* What BPF_PROG_QUERY takes since tcx (Linux 6.6); the headers of Debian 12 have the beginning of it. */
struct tcx_query {
	__u32 ifindex;
	__u32 attach_type;
	__u32 query_flags, attach_flags;
	__u64 program_ids; /* address */
	__u32 count;
	__u32 reserved;
	__u64 program_flags, link_ids, link_flags; /* addresses */
	__u64 revision;
};

static __u32 program_id(int program)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof info;

	return bpf_obj_get_info_by_fd(program, &info, &len) ? 0 : info.id;
}

int attach_make_known(int program)
{
	__u32 id = program_id(program);

	return id ? owner_mark_program(id) : -1;
}

/* The tcx programs of one side of an interface, in their order; none where the kernel has no tcx. */
static unsigned int list_tcx(const struct attachment *a, __u32 ids[PROGRAMS_MAX])
{
	struct tcx_query query = {
		.ifindex = (__u32)a->ifindex,
		.attach_type = a->direction == DIRECTION_RX ? ATTACH_TCX_INGRESS : ATTACH_TCX_EGRESS,
		.program_ids = (__u64)(uintptr_t)ids,
		.count = PROGRAMS_MAX,
	};

	return syscall(__NR_bpf, BPF_PROG_QUERY, &query, sizeof query) ? 0 : query.count;
}

int attach_make_ranked(int program, unsigned int rank)
{
	__u32 id = program_id(program);

	return id ? owner_mark_rank(id, rank) : -1;
}

struct attach_rank attach_rank_behind(int ifindex, unsigned int rank)
{
	const struct attachment here = {.ifindex = ifindex, .direction = DIRECTION_RX};
	struct attach_rank place = {.rank = rank};
	__u32 ids[PROGRAMS_MAX];
	unsigned int count = list_tcx(&here, ids);

	for (unsigned int i = 0; i < count; i++)
		if (owner_rank(ids[i]) < rank)
			place.behind = ids[i];
	return place;
}

/* Names are told to who has CAP_SYS_ADMIN. */
static void name_program(__u32 id, char *text, size_t room)
{
	int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {0};
	__u32 len = sizeof info;

	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.name[0])
		snprintf(text, room, "program %s (id %u)", info.name, id);
	else
		snprintf(text, room, "program (id %u)", id);
	if (fd >= 0)
		close(fd);
}

/* The first stranger before ours; 0: none. With ours at clsact all tcx programs are before it. */
static __u32 first_stranger(const struct attachment *a, __u32 ours)
{
	__u32 ids[PROGRAMS_MAX];
	unsigned int count = list_tcx(a, ids);

	for (unsigned int i = 0; i < count && ids[i] != ours; i++)
		if (!owner_knows_program(ids[i]))
			return ids[i];
	return 0;
}

/* ---- moving to the front ---- */

/* A program that leaves every frame to the next one. */
static int load_bystander(void)
{
	static const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_UNSPEC},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "farspan_pass", "Dual BSD/GPL", pass, sizeof pass / sizeof pass[0], NULL);
}

/*
 * The kernel has no way to move a program, and refuses one that is there already. So a bystander is put in front, and the two change
 * places; taking a program off an interface, for which the kernel waits for every CPU, comes last.
 */
static bool change_places(struct attachment *a, int program, int front, int back)
{
	struct attachment before;

	if (attach_program(front, a->ifindex, a->direction, ATTACH_BEST, 0, &before, NULL))
		return false;
	if (before.link < 0 || bpf_link_update(a->link, back, NULL)) {
		attach_remove(&before);
		return false;
	}
	if (bpf_link_update(before.link, program, NULL)) {
		bpf_link_update(a->link, program, NULL);
		attach_remove(&before);
		return false;
	}
	close(a->link);
	a->link = before.link;
	return true;
}

static bool move_to_front(struct attachment *a, int program)
{
	int front = load_bystander(), back = load_bystander();
	bool moved = front >= 0 && back >= 0 && change_places(a, program, front, back);

	if (front >= 0)
		close(front);
	if (back >= 0)
		close(back);
	return moved;
}

/* ---- XDP ---- */

bool attach_xdp_before(uint32_t program, char stranger[ATTACH_STRANGER_MAX])
{
	if (!program || owner_knows_program(program))
		return false;
	memcpy(stranger, "XDP ", 4);
	name_program(program, stranger + 4, ATTACH_STRANGER_MAX - 4);
	return true;
}

/* ---- both ---- */

bool attach_stands_behind(struct attachment *a, int program, char stranger[ATTACH_STRANGER_MAX], bool *moved)
{
	__u32 ours = program_id(program), id;

	*moved = false;
	if (!ours || a->xdp)
		return false;
	id = first_stranger(a, ours);
	if (id)
		name_program(id, stranger, ATTACH_STRANGER_MAX);
	if (id && a->link >= 0 && a->direction == DIRECTION_RX && a->passed != id) {
		a->passed = id;
		*moved = move_to_front(a, program);
		if (*moved)
			return false;
	}
	return id || (a->link < 0 && attach_filter_before(a, stranger, ATTACH_STRANGER_MAX));
}
