/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/skb_layout.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "host/privilege.h"

enum {
	DEPTH_MAX = 4,
	IP_SUMMED_BITS = 2,
};

/* The bit offset of a member, in whatever nameless structs and unions it is; -1: there is none of that size in bits. */
static long find_member(const struct btf *btf, const struct btf_type *type, const char *name, unsigned int bits, int depth)
{
	const struct btf_member *members = btf_members(type);

	for (unsigned int i = 0; i < btf_vlen(type); i++) {
		const struct btf_type *inner = btf__type_by_id(btf, members[i].type);
		long off = (long)btf_member_bit_offset(type, i), inside;

		if (strcmp(btf__name_by_offset(btf, members[i].name_off), name) == 0)
			return btf_member_bitfield_size(type, i) == bits ? off : -1;
		if (members[i].name_off || depth == DEPTH_MAX || !btf_is_composite(inner))
			continue;
		inside = find_member(btf, inner, name, bits, depth + 1);
		if (inside >= 0)
			return off + inside;
	}
	return -1;
}

int skb_layout_find_ip_summed(__u32 *off, __u32 *shift, struct error *error)
{
	struct btf *btf;
	long bit = -1;
	int id;

	if (!privilege_can_read_kernel())
		return fail(error, EPERM, "CAP_PERFMON is missing (to read whether checksums are finished)");
	btf = btf__load_vmlinux_btf();
	id = btf ? btf__find_by_name_kind(btf, "sk_buff", BTF_KIND_STRUCT) : -ENOENT;
	if (id > 0)
		bit = find_member(btf, btf__type_by_id(btf, (__u32)id), "ip_summed", IP_SUMMED_BITS, 0);
	btf__free(btf);
	/* Bit-fields are numbered from the least significant bit on little-endian machines, which this relies on. */
	if (bit < 0 || bit % 8 > 8 - IP_SUMMED_BITS || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		return fail(error, ENOENT, "this kernel does not tell where it keeps the state of checksums");
	*off = (__u32)bit / 8;
	*shift = (__u32)bit % 8;
	return 0;
}
