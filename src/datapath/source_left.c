/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/source_left.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/attach.h"
#include "datapath/bpf_error.h"
#include "datapath/bpf_objects.h"
#include "datapath/owner.h"
#include "encap.skel.h"
#include "source.skel.h"

enum {
	LEFT_MAX = 256,
	HOOK_MAX = 512,
};

/* Value of a map of one element. It is kept last: where it is not, nothing is complete. */
struct word {
	__u64 layout; /* of the maps */
	__u32 revision;
	__u32 lasting;
	__s32 lock;
	struct cpus cpus;
	char hook[HOOK_MAX]; /* empty: none */
};

static const char word_name[] = "path", notes_name[] = "slots";

struct source_left {
	struct netlink *netlink;
	uint32_t owners[LEFT_MAX];
	unsigned int count;
};

/* What programs and maps of this build are like. */
static __u64 layout(void)
{
	static __u64 sum;
	struct encap_bpf *encap = sum ? NULL : encap_bpf__open();
	struct source_bpf *source = sum ? NULL : source_bpf__open();

	if (encap && source)
		sum = bpf_objects_layout(encap->obj) ^ bpf_objects_layout(source->obj) * 3 ^ sizeof(struct slot_note);
	encap_bpf__destroy(encap);
	source_bpf__destroy(source);
	return sum;
}

static int make_map(const struct kept *kept, const char *name, size_t size, unsigned int count, struct error *error)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(__u32), (__u32)size, count, NULL), rc;

	if (fd < 0)
		return fail_bpf(error, fd, "map of what is kept");
	rc = kept_hold(kept, name, fd, error);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

/* A kept map if its elements are of that size. */
static int get_map(const struct kept *kept, const char *name, size_t size)
{
	int fd = kept_get(kept, name);
	struct bpf_map_info info = {0};
	__u32 len = sizeof info;

	if (fd >= 0 && (bpf_obj_get_info_by_fd(fd, &info, &len) || info.value_size != size)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

int source_left_notes(const struct kept *kept, struct error *error)
{
	int fd = get_map(kept, notes_name, sizeof(struct slot_note));

	return fd >= 0 ? fd : make_map(kept, notes_name, sizeof(struct slot_note), SESSIONS_MAX, error);
}

int source_left_tell(const struct kept *kept, const struct source_use *use, int lock, struct error *error)
{
	struct word word = {.layout = layout(), .revision = KEPT_REVISION, .lasting = use->lasting, .lock = lock, .cpus = use->cpus};
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, word_name, sizeof(__u32), sizeof word, 1, NULL), rc;
	__u32 key = 0;

	if (fd < 0)
		return fail_bpf(error, fd, "map of what is kept");
	if (use->hook)
		snprintf(word.hook, sizeof word.hook, "%s", use->hook);
	rc = bpf_map_update_elem(fd, &key, &word, BPF_ANY);
	rc = rc ? fail_bpf(error, rc, "map of what is kept") : kept_hold(kept, word_name, fd, error);
	close(fd);
	return rc;
}

static bool read_word(const struct kept *kept, struct word *word)
{
	int fd = get_map(kept, word_name, sizeof *word);
	__u32 key = 0;
	bool good = fd >= 0 && bpf_map_lookup_elem(fd, &key, word) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

static bool is_for(const struct word *word, const struct source_use *use)
{
	return word->revision == KEPT_REVISION && word->layout == layout() && !word->lasting == !use->lasting &&
	       memcmp(&word->cpus, &use->cpus, sizeof word->cpus) == 0 && strcmp(word->hook, use->hook ? use->hook : "") == 0;
}

bool source_left_take(struct source_left *left, const struct source_use *use, struct source_find *found)
{
	for (unsigned int i = 0; left && i < left->count; i++) {
		struct word word;

		if (kept_find(&found->kept, left->owners[i]) || !read_word(&found->kept, &word) || !is_for(&word, use))
			continue;
		found->owner = left->owners[i];
		found->lock = word.lock;
		left->owners[i] = left->owners[--left->count];
		return true;
	}
	return false;
}

int source_left_open(struct source_left **opened, struct netlink *netlink, struct error *error)
{
	struct source_left *left = calloc(1, sizeof *left);

	if (!left)
		return fail(error, ENOMEM, "out of memory");
	left->netlink = netlink;
	left->count = kept_owners(left->owners, LEFT_MAX);
	*opened = left;
	return 0;
}

/* ---- removing ---- */

static bool is_of_owner(uint32_t handle, const void *owner)
{
	return handle == owner_filter_handle(*(const uint32_t *)owner);
}

/* Filters go before the names that tell where they are. */
static void remove_filters(const char *name, void *owner)
{
	int ifindex;

	if (sscanf(name, "filter_%d_", &ifindex) == 1)
		attach_remove_filters(ifindex, is_of_owner, owner);
}

static void remove_clsact(const char *name, void *context)
{
	int ifindex;

	(void)context;
	if (sscanf(name, "qdisc_%d", &ifindex) == 1)
		attach_remove_unused_clsact(ifindex);
}

static void remove_left(uint32_t id)
{
	struct owner owner = OWNER_NONE;
	struct word word = {.lock = -1};
	struct kept kept;

	if (kept_find(&kept, id))
		return;
	read_word(&kept, &word);
	/* An owner that lives is another farspan, which is just coming or going. */
	if (owner_take_again(&owner, id, word.lock, NULL))
		return;
	kept_each(&kept, remove_filters, &id);
	kept_each(&kept, remove_clsact, NULL);
	kept_end(&kept, true);
	owner_release(&owner);
}

void source_left_close(struct source_left *left)
{
	free(left);
}

void source_left_remove(struct source_left *left)
{
	if (!left)
		return;
	for (unsigned int i = 0; i < left->count; i++)
		remove_left(left->owners[i]);
	owner_sweep(left->netlink, kept_exists, NULL);
	source_left_close(left);
}
