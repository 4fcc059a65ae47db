/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/bpf_objects.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

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

int run_time_add(struct run_time *sum, int program)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof info;
	int rc = bpf_obj_get_info_by_fd(program, &info, &len);

	sum->ns += info.run_time_ns;
	sum->runs += info.run_cnt;
	return rc;
}
