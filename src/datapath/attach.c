/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <netlink/netlink.h>
#include <netlink/route/classifier.h>
#include <netlink/route/qdisc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "datapath/owner.h"

/* Newer than the headers of Debian 12. */
enum {
	TCX_BEFORE = 1 << 3, /* before all others, if no other is named */
	TCX_AFTER = 1 << 4,
	TCX_BY_ID = 1 << 5,
};

/* What BPF_LINK_CREATE takes for tcx; libbpf 1.1 has no place for the last two. */
struct tcx_link {
	__u32 program, ifindex, type, flags;
	__u32 relative_id, reserved;
	__u64 revision;
};

enum {
	PRIORITIES = 16, /* tried from 1 on, until one is free for our kind of filter */
	MADE_STEP = 64,
};

static const enum bpf_tc_attach_point points[] = {[DIRECTION_RX] = BPF_TC_INGRESS, [DIRECTION_TX] = BPF_TC_EGRESS};
static const uint32_t parents[] = {
	[DIRECTION_RX] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
	[DIRECTION_TX] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
};

static int attach_tcx_behind(int program, uint32_t behind, struct attachment *a)
{
	struct tcx_link link = {
		.program = (__u32)program,
		.ifindex = (__u32)a->ifindex,
		.type = ATTACH_TCX_INGRESS,
		.flags = TCX_AFTER | TCX_BY_ID,
		.relative_id = behind,
	};

	a->link = (int)syscall(__NR_bpf, BPF_LINK_CREATE, &link, sizeof link);
	return a->link < 0 ? -errno : 0;
}

static int attach_tcx(int program, struct attachment *a)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = a->direction == DIRECTION_RX ? TCX_BEFORE : 0);
	int type = a->direction == DIRECTION_RX ? ATTACH_TCX_INGRESS : ATTACH_TCX_EGRESS;

	a->link = bpf_link_create(program, a->ifindex, (enum bpf_attach_type)type, &options);
	return a->link < 0 ? a->link : 0;
}

/* ---- clsact ---- */

static libbpf_print_fn_t print_of_libbpf;

static int print_but_refusals(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return strstr(format, "Kernel error message") ? 0 : print_of_libbpf(level, format, arguments);
}

/* libbpf would print what the kernel says to a request that it refuses, also where a refusal is one of the expected answers. */
static void hush_refusals(void)
{
	if (!print_of_libbpf)
		print_of_libbpf = libbpf_set_print(print_but_refusals);
}

static struct nl_sock *open_route(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (sock && nl_connect(sock, NETLINK_ROUTE) == 0)
		return sock;
	nl_socket_free(sock);
	return NULL;
}

static bool has_old_ingress_qdisc(int ifindex)
{
	struct nl_sock *sock = open_route();
	struct nl_cache *cache;
	bool found = false;

	if (!sock || rtnl_qdisc_alloc_cache(sock, &cache)) {
		nl_socket_free(sock);
		return false;
	}
	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		struct rtnl_tc *qdisc = (struct rtnl_tc *)o;
		const char *kind = rtnl_tc_get_kind(qdisc);

		if (rtnl_tc_get_ifindex(qdisc) == ifindex && kind && strcmp(kind, "ingress") == 0)
			found = true;
	}
	nl_cache_free(cache);
	nl_socket_free(sock);
	return found;
}

/* Interfaces whose clsact this process has made; 0: a free place. */
static int *made_clsacts;
static unsigned int made_room;

static int *find_made(int ifindex)
{
	for (unsigned int i = 0; i < made_room; i++)
		if (made_clsacts[i] == ifindex)
			return &made_clsacts[i];
	return NULL;
}

void attach_claim_clsact(int ifindex)
{
	int *place = find_made(ifindex), *grown;

	if (place)
		return;
	place = find_made(0);
	if (!place) {
		grown = reallocarray(made_clsacts, made_room + MADE_STEP, sizeof *grown);
		if (!grown) /* it will stay */
			return;
		made_clsacts = grown;
		place = &grown[made_room];
		memset(place, 0, MADE_STEP * sizeof *place);
		made_room += MADE_STEP;
	}
	*place = ifindex;
}

static void forget_clsact(int ifindex)
{
	int *place = find_made(ifindex);

	if (place)
		*place = 0;
}

struct filter_place {
	int ifindex;
	enum direction direction;
	uint32_t handle, priority;
	const char *kind; /* "u32"; NULL: the kernel does not say */
};

typedef bool (*filter_visitor)(const struct filter_place *filter, void *context);

/* Calls visit for every clsact filter of the interface, in the order in which frames come to them; returns for how many it was true. */
static int each_filter(int ifindex, filter_visitor visit, void *context)
{
	struct nl_sock *sock = open_route();
	int found = 0;

	if (!sock)
		return -ENOMEM;
	for (enum direction d = 0; d < DIRECTIONS; d++) {
		struct nl_cache *cache;

		if (rtnl_cls_alloc_cache(sock, ifindex, parents[d], &cache))
			continue;
		for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
			struct rtnl_tc *tc = (struct rtnl_tc *)o;
			struct filter_place filter = {ifindex, d, rtnl_tc_get_handle(tc), rtnl_cls_get_prio((struct rtnl_cls *)o),
						      rtnl_tc_get_kind(tc)};

			/* The kernel also lists the chain itself, without a handle. */
			if (filter.handle)
				found += visit(&filter, context);
		}
		nl_cache_free(cache);
	}
	nl_socket_free(sock);
	return found;
}

static bool count_filter(const struct filter_place *filter, void *context)
{
	(void)filter, (void)context;
	return true;
}

static void detach_filter(const struct filter_place *filter)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = filter->ifindex, .attach_point = points[filter->direction]);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = filter->handle, .priority = filter->priority);

	hush_refusals();
	bpf_tc_detach(&hook, &options);
}

static int attach_clsact(int program, unsigned int rank, struct attachment *a, struct error *error)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = a->ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = a->handle, .prog_fd = program);
	int rc;

	if (has_old_ingress_qdisc(a->ifindex))
		return fail(error, EBUSY,
			    "the interface has an old 'ingress' qdisc, which has no place for this program; replace it by 'clsact'");
	hush_refusals();
	rc = bpf_tc_hook_create(&hook);
	if (rc && rc != -EEXIST)
		return fail(error, -rc, "clsact: %s", strerror(-rc));
	if (rc == 0)
		attach_claim_clsact(a->ifindex);
	a->made_qdisc = find_made(a->ifindex) != NULL;
	hook.attach_point = points[a->direction];
	for (options.priority = 1 + rank; options.priority <= PRIORITIES; options.priority++) {
		rc = bpf_tc_attach(&hook, &options);
		if (rc != -EINVAL) /* held by another kind of filter */
			break;
	}
	a->priority = options.priority;
	return rc ? fail(error, -rc, "clsact filter: %s", strerror(-rc)) : 0;
}

/* ---- both ---- */

static int attach(int program, const struct attach_rank *rank, enum attach_way way, struct attachment *a, struct error *error)
{
	int rc = -EINVAL;

	/* Who it is to stand behind may have gone since. */
	if (way != ATTACH_CLSACT && rank->behind)
		rc = attach_tcx_behind(program, rank->behind, a);
	if (way != ATTACH_CLSACT && rc)
		rc = attach_tcx(program, a);
	if (rc == -EINVAL && way == ATTACH_LINK)
		rc = fail(error, EOPNOTSUPP, "this kernel has no tcx, as Linux 6.6 has");
	else if (rc == -EINVAL) /* a kernel without tcx */
		rc = attach_clsact(program, rank->rank, a, error);
	else if (rc)
		fail(error, -rc, "tcx: %s", strerror(-rc));
	if (rc)
		a->ifindex = 0;
	return rc;
}

int attach_program(int program, int ifindex, enum direction direction, enum attach_way way, uint32_t handle, struct attachment *attachment,
		   struct error *error)
{
	static const struct attach_rank first;

	*attachment = (struct attachment){.ifindex = ifindex, .direction = direction, .link = -1, .handle = handle};
	return attach(program, &first, way, attachment, error);
}

int attach_program_behind(int program, int ifindex, const struct attach_rank *rank, enum attach_way way, uint32_t handle,
			  struct attachment *attachment, struct error *error)
{
	*attachment = (struct attachment){.ifindex = ifindex, .direction = DIRECTION_RX, .link = -1, .handle = handle};
	return attach(program, rank, way, attachment, error);
}

void attach_allow_many(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == files.rlim_max)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

int attach_xdp(int program, int ifindex, struct attachment *attachment)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	int link = bpf_link_create(program, ifindex, BPF_XDP, &options);

	*attachment = (struct attachment){.ifindex = link < 0 ? 0 : ifindex, .direction = DIRECTION_RX, .link = link, .xdp = true};
	return link < 0 ? link : 0;
}

int attach_xdp_for_good(int program, int ifindex)
{
	return bpf_xdp_attach(ifindex, program, XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
}

int attach_replace(struct attachment *attachment, int program, struct error *error)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = attachment->ifindex, .attach_point = points[attachment->direction]);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = attachment->handle, .priority = attachment->priority, .prog_fd = program,
		    .flags = BPF_TC_F_REPLACE);
	int rc;

	hush_refusals();
	rc = attachment->link >= 0 ? bpf_link_update(attachment->link, program, NULL) : bpf_tc_attach(&hook, &options);
	return rc ? fail(error, -rc, "program cannot be replaced: %s", strerror(-rc)) : 0;
}

void attach_remove_unused_clsact(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	if (each_filter(ifindex, count_filter, NULL) != 0)
		return;
	hush_refusals();
	bpf_tc_hook_destroy(&hook);
	forget_clsact(ifindex);
}

bool attach_is_there(const struct attachment *attachment)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = attachment->ifindex, .attach_point = points[attachment->direction]);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = attachment->handle, .priority = attachment->priority);
	struct bpf_link_info info = {0};
	__u32 len = sizeof info;

	if (!attachment->ifindex)
		return false;
	hush_refusals();
	if (attachment->link < 0)
		return bpf_tc_query(&hook, &options) == 0;
	/* The description of a tcx link, which the headers of Debian 12 do not have, starts like that of an XDP link. */
	return bpf_obj_get_info_by_fd(attachment->link, &info, &len) == 0 && info.xdp.ifindex != 0;
}

void attach_remove(struct attachment *attachment)
{
	if (!attachment->ifindex)
		return;
	if (attachment->link >= 0) {
		bpf_link_detach(attachment->link);
		close(attachment->link);
	} else if (attach_is_there(attachment)) {
		detach_filter(
			&(struct filter_place){attachment->ifindex, attachment->direction, attachment->handle, attachment->priority, NULL});
		if (attachment->made_qdisc)
			attach_remove_unused_clsact(attachment->ifindex);
	} else {
		forget_clsact(attachment->ifindex);
	}
	attachment->ifindex = 0;
}

struct filter_judgement {
	bool (*is_orphan)(uint32_t handle, const void *context);
	const void *context;
};

static bool remove_orphan(const struct filter_place *filter, void *context)
{
	const struct filter_judgement *judgement = context;

	if (!judgement->is_orphan(filter->handle, judgement->context))
		return false;
	detach_filter(filter);
	return true;
}

void attach_remove_filters(int ifindex, bool (*is_orphan)(uint32_t handle, const void *context), const void *context)
{
	each_filter(ifindex, remove_orphan, &(struct filter_judgement){is_orphan, context});
}

static bool is_ours(const struct filter_place *filter, void *context)
{
	struct attachment *a = context;

	if (filter->handle != a->handle || filter->direction != a->direction)
		return false;
	a->priority = filter->priority;
	return true;
}

int attach_find(int link, int ifindex, enum direction direction, uint32_t handle, struct attachment *attachment)
{
	struct attachment a = {.ifindex = ifindex, .direction = direction, .link = link < 0 ? -1 : link, .handle = handle};
	struct bpf_link_info info = {0};
	__u32 len = sizeof info;

	bool found;

	if (link < 0)
		found = each_filter(ifindex, is_ours, &a) > 0;
	else /* see attach_is_there() */
		found = bpf_obj_get_info_by_fd(link, &info, &len) == 0 && info.xdp.ifindex == (__u32)ifindex;
	if (!found && link >= 0)
		close(link);
	*attachment = found ? a : (struct attachment){.link = -1};
	return found ? 0 : -ENOENT;
}

struct filter_search {
	const struct attachment *ours;
	char *text;
	size_t room;
	bool over; /* ours has been reached, or another was found */
};

static bool is_before(const struct filter_place *filter, void *context)
{
	struct filter_search *search = context;
	const struct attachment *ours = search->ours;

	if (search->over || filter->direction != ours->direction)
		return false;
	search->over = filter->handle == ours->handle && filter->priority == ours->priority;
	if (search->over || owner_is_filter(filter->handle))
		return false;
	search->over = true;
	snprintf(search->text, search->room, "filter %s of priority %u", filter->kind ? filter->kind : "", filter->priority);
	return true;
}

bool attach_filter_before(const struct attachment *attachment, char *text, size_t room)
{
	struct filter_search search = {.ours = attachment, .text = text, .room = room};

	return each_filter(attachment->ifindex, is_before, &search) > 0;
}
