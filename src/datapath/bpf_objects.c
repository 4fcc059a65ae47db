/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/bpf_objects.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "datapath/bpf_error.h"

int bpf_objects_share_maps(struct bpf_object *object, const struct bpf_object *loaded)
{
	struct bpf_map *map, *made;

	bpf_object__for_each_map (map, object) {
		made = bpf_object__find_map_by_name(loaded, bpf_map__name(map));
		if (made && !bpf_map__is_internal(map) && bpf_map__reuse_fd(map, bpf_map__fd(made)))
			return -errno;
	}
	return 0;
}

/* ---- kept maps ---- */

static bool is_as_wanted(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof info;

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == (__u32)bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) && info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map);
}

int bpf_objects_use_kept_maps(struct bpf_object *object, const struct kept *kept)
{
	int count = 0, rc = 0;
	struct bpf_map *map;

	bpf_object__for_each_map (map, object) {
		int fd = bpf_map__is_internal(map) ? -1 : kept_get(kept, bpf_map__name(map));

		if (fd < 0)
			continue;
		if (!is_as_wanted(map, fd) || bpf_map__reuse_fd(map, fd))
			rc = -ESTALE;
		close(fd);
		count++;
	}
	return rc ? rc : count;
}

int bpf_objects_keep_maps(const struct bpf_object *object, const struct kept *kept, struct error *error)
{
	struct bpf_map *map;
	int rc = 0;

	bpf_object__for_each_map (map, object)
		if (!bpf_map__is_internal(map) && !rc)
			rc = kept_hold(kept, bpf_map__name(map), bpf_map__fd(map), error);
	return rc;
}

static void mix_text(__u64 *sum, const char *text)
{
	*sum = hash64(*sum, text, strlen(text));
}

__attribute__((format(printf, 2, 0))) static void mix_type(void *sum, const char *format, va_list arguments)
{
	char text[256];

	vsnprintf(text, sizeof text, format, arguments);
	mix_text(sum, text);
}

__u64 bpf_objects_layout(const struct bpf_object *object)
{
	/* No map has one of these for its type. */
	static const char *const enums[] = {"counter", "direction", "note", "truncate_mode", "wrap"};
	const struct btf *btf = bpf_object__btf(object);
	__u64 sum = HASH64_START;
	struct btf_dump *dump = btf_dump__new(btf, mix_type, &sum, NULL);
	struct bpf_map *map;

	if (!dump)
		return 0;
	bpf_object__for_each_map (map, object) {
		if (bpf_map__is_internal(map))
			continue;
		mix_text(&sum, bpf_map__name(map));
		btf_dump__dump_type(dump, bpf_map__btf_key_type_id(map));
		btf_dump__dump_type(dump, bpf_map__btf_value_type_id(map));
	}
	for (unsigned int i = 0; i < sizeof enums / sizeof enums[0]; i++) {
		int id = btf__find_by_name_kind(btf, enums[i], BTF_KIND_ENUM);

		if (id > 0)
			btf_dump__dump_type(dump, (__u32)id);
	}
	btf_dump__free(dump);
	return sum;
}

int run_time_add(struct run_time *sum, int program)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof info;
	int rc = bpf_obj_get_info_by_fd(program, &info, &len);

	sum->ns += info.run_time_ns;
	sum->runs += info.run_cnt;
	return rc;
}
