/* SPDX-License-Identifier: BSD-2-Clause */
/* What mirroring costs: the time of the programs, of one session alone or divided among those that share them. */
#include "base/clock.h"
#include "engine/mirror_parts.h"

enum {
	COPY_LOOKS = 10, /* making a copy takes as long as that many looks at a frame of which none is made */
};

/* The time that is not part of the source program's: where no queue is between the two, it is. */
static uint64_t wrapped_apart_ns(uint64_t encap_ns, uint64_t runs, uint64_t straight)
{
	return runs > straight ? (uint64_t)((double)encap_ns * (double)(runs - straight) / (double)runs) : 0;
}

int mirror_session_cost(const struct mirror_session *s, struct mirror_cost *cost, struct error *error)
{
	struct source_path_cost c;
	uint64_t elapsed = clock_monotonic_ns() - s->started_ns, seen = mirror_session_frames_seen(s), apart;
	int rc = source_path_cost(s->path->path, &c, error);

	if (rc)
		return rc;
	apart = wrapped_apart_ns(c.encap.ns, c.encap.runs, c.straight);
	cost->seen_ns = seen ? c.source.ns / seen : 0;
	cost->copied_ns = c.encap.runs ? (c.source.ns + apart) / c.encap.runs : 0;
	cost->core_share = elapsed ? (double)(c.source.ns + apart) / (double)elapsed : 0;
	return 0;
}

/* ---- sessions that share programs ---- */

static struct mirror_spent count(const struct mirror_session *s)
{
	struct mirror_spent now = {.cpu_ns = s->spent.cpu_ns, .seen = mirror_session_frames_seen(s)};

	for (unsigned int i = 0; i < s->session->destination_count; i++) {
		for (enum direction d = 0; d < DIRECTIONS; d++) {
			struct counters c = {0};

			mirror_session_counters(s, i, d, &c, NULL);
			now.copies += c.value[COUNTER_attempted];
		}
	}
	return now;
}

static uint64_t since(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* What a session has done since it was last accounted for, in looks. */
static uint64_t looks(const struct mirror_spent *now, const struct mirror_spent *before)
{
	return since(now->seen, before->seen) + COPY_LOOKS * since(now->copies, before->copies);
}

static uint64_t share(uint64_t ns, uint64_t part, uint64_t whole)
{
	return whole ? (uint64_t)((double)ns * (double)part / (double)whole) : 0;
}

static void account_path(struct mirrors *m, struct mirror_path *path)
{
	struct source_path_cost now, *before = &path->accounted;
	uint64_t all_looks = 0, all_copies = 0, source_ns, apart_ns;

	if (source_path_cost(path->path, &now, NULL))
		return;
	source_ns = since(now.source.ns, before->source.ns);
	apart_ns = wrapped_apart_ns(since(now.encap.ns, before->encap.ns), since(now.encap.runs, before->encap.runs),
				    since(now.straight, before->straight));
	*before = now;
	for (unsigned int i = 0; i < m->count; i++) {
		struct mirror_session *s = m->sessions[i];

		if (s->path != path)
			continue;
		s->now = count(s);
		all_looks += looks(&s->now, &s->spent);
		all_copies += since(s->now.copies, s->spent.copies);
	}
	for (unsigned int i = 0; i < m->count; i++) {
		struct mirror_session *s = m->sessions[i];

		if (s->path != path)
			continue;
		s->now.cpu_ns += share(source_ns, looks(&s->now, &s->spent), all_looks) +
				 share(apart_ns, since(s->now.copies, s->spent.copies), all_copies);
		s->spent = s->now;
	}
}

void mirrors_account(struct mirrors *m)
{
	for (struct mirror_path *path = m->paths; path; path = path->next)
		account_path(m, path);
}

struct mirror_spent mirror_session_spent(const struct mirror_session *s)
{
	return s->spent;
}
