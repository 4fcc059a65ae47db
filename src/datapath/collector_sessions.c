/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/collector_sessions.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

static const size_t ways_bytes = sizeof(struct session_way) * COLLECT_SLOTS;

int collector_sessions_open(struct collector_sessions *sessions, int map, int ways, int accounts, struct error *error)
{
	void *mapped;

	*sessions = (struct collector_sessions){.sessions = map, .accounts = accounts};
	if (ways < 0)
		return 0;
	mapped = mmap(NULL, ways_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ways, 0);
	if (mapped == MAP_FAILED)
		return fail(error, errno, "table of sessions: %s", strerror(errno));
	sessions->ways = mapped;
	return 0;
}

void collector_sessions_close(struct collector_sessions *sessions)
{
	if (sessions->ways)
		munmap(sessions->ways, ways_bytes);
	sessions->ways = NULL;
}

int collector_sessions_tell(struct collector_sessions *sessions, const struct collect_key *key, uint32_t slot,
			    const struct session_way *way)
{
	int rc;

	if (slot >= COLLECT_SLOTS)
		return -ENOSPC;
	if (!sessions->known[slot] && sessions->ways)
		sessions->ways[slot] = *way;
	rc = bpf_map_update_elem(sessions->sessions, key, &slot, BPF_ANY);
	if (!rc)
		sessions->known[slot] = true;
	return rc;
}

int collector_sessions_forget(struct collector_sessions *sessions, const struct collect_key *key)
{
	return bpf_map_delete_elem(sessions->sessions, key);
}

int collector_sessions_reset(struct collector_sessions *sessions, uint32_t slot)
{
	static const struct session_account none;

	sessions->known[slot] = false;
	return sessions->ways ? bpf_map_update_elem(sessions->accounts, &slot, &none, BPF_F_LOCK) : 0;
}

void collector_sessions_handled(struct collector_sessions *sessions, uint32_t slot, uint32_t packets)
{
	if (!sessions->ways)
		return;
	__atomic_add_fetch(&sessions->ways[slot].handled, packets, __ATOMIC_RELEASE);
	__atomic_store_n(&sessions->ways[slot].caught_up, 1, __ATOMIC_RELEASE);
}

int collector_sessions_account(const struct collector_sessions *sessions, uint32_t slot, struct session_account *account)
{
	return bpf_map_lookup_elem_flags(sessions->accounts, &slot, account, BPF_F_LOCK);
}
