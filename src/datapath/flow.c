/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/flow.h"

#include "bpf/abi.h"
#include "wire/bytes.h"

/* The reader is at the start of the frame. */
static int load(const struct reader *frame, __u32 off, void *to, size_t len)
{
	struct reader reader = *frame;

	if (reader_left(frame) < off || reader_left(frame) - off < len)
		return -1;
	reader_skip(&reader, off);
	reader_bytes(&reader, to, len);
	return 0;
}

#define FLOW_FRAME                     const struct reader *
#define FLOW_LOAD(frame, off, to, len) load(frame, off, to, len)
#include "bpf/flow_hash.h"

unsigned int flow_share_of(const void *frame, size_t len, unsigned int count)
{
	const struct reader reader = reader_of(frame, len);

	return flow_share(flow_hash_at(&reader, 0), count);
}
