/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/source_taps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/bpf_error.h"
#include "encap.skel.h"
#include "filter/filter.h"
#include "source.skel.h"

/* A loaded source program. Taps for which it would be the same share it: nothing in it tells interfaces apart. */
struct source_program {
	struct source_program *next;
	struct source_bpf *object;
	enum direction direction;     /* that it counts as */
	unsigned int filter_revision; /* of the filters in it */
	unsigned int taps;
	int known; /* see attach_make_known() */
};

/* Where a program is attached. */
struct tap_program {
	struct source_program *program; /* NULL: another process's, not replaced yet */
	struct attachment attachment;
	enum direction direction; /* the program's; attachment.direction is where it stands */
};

struct source_taps {
	struct owner *owner;
	const struct copy_devices *devices;
	const struct kept *kept;
	struct filter_compiler *compiler;     /* NULL: nothing compiled so far */
	struct filter *filters[SESSIONS_MAX]; /* by first_slot; NULL: none */
	unsigned int filter_revision;         /* changes with any of the filters */
	struct source_bpf *shared;            /* never attached: keeps the maps that all source programs share */
	struct source_program *programs;
	struct tap wanted; /* constants of the program to be found or loaded */
	struct tap_program *taps;
	unsigned int count, room;
	struct run_time gone; /* of programs that are gone */
};

/* The first source program shares maps with the encapsulation, and all others share these and the rest with the first. */
static int share_maps(struct source_taps *taps, struct bpf_object *object)
{
	return bpf_objects_share_maps(object, taps->shared ? taps->shared->obj : taps->devices->encap->bpf->obj);
}

int source_taps_set_filter(struct source_taps *taps, __u32 first_slot, const char *expression, struct error *error)
{
	struct filter *filter = NULL;
	int rc = 0;

	if (first_slot >= SESSIONS_MAX)
		return fail(error, ENOSPC, "more than %d sessions", SESSIONS_MAX);
	if (expression && *expression && !taps->compiler)
		rc = filter_compiler_open(&taps->compiler, taps->devices->segmenter.name, error);
	if (!rc && taps->compiler && expression)
		rc = filter_compile(taps->compiler, expression, &filter, error);
	if (rc)
		return rc;
	taps->filter_revision += taps->filters[first_slot] || filter;
	filter_free(taps->filters[first_slot]);
	taps->filters[first_slot] = filter;
	return 0;
}

int source_taps_check_filter(struct source_taps *taps, const char *expression, struct error *error)
{
	struct filter *filter = NULL;
	int rc = 0;

	if (!taps->compiler)
		rc = filter_compiler_open(&taps->compiler, taps->devices->segmenter.name, error);
	if (!rc)
		rc = filter_compile(taps->compiler, expression, &filter, error);
	filter_free(filter);
	return rc;
}

static void set_constants(struct source_taps *taps, struct tap *tap, const struct leg *legs, unsigned int count)
{
	copy_devices_ways(taps->devices, &tap->ways);
	tap->count = count;
	for (unsigned int i = 0; i < count; i++) {
		tap->legs[i] = legs[i];
		tap->wants_flow |= legs[i].slot_count > 1 || legs[i].sample == SAMPLE_FLOW;
		tap->wants_vlan |= legs[i].some_vlans;
		tap->udp_copies |= legs[i].udp_copies;
		tap->relays |= legs[i].chosen_by;
	}
}

/* Numbers the filters of the tap's legs. What several legs share is run once. */
static void number_filters(struct source_taps *taps, struct tap *tap, const struct filter *filters[FILTERS_MAX])
{
	unsigned int count = 0;

	tap->only_filters = !tap->wants_vlan && !tap->relays;
	for (unsigned int i = 0; i < tap->count; i++) {
		const struct filter *filter = taps->filters[tap->legs[i].first_slot % SESSIONS_MAX];
		unsigned int number = 0;

		tap->legs[i].filter = 0;
		tap->only_filters &= filter && tap->legs[i].slot_count <= 1;
		if (!filter)
			continue;
		while (number < count && !filter_equal(filters[number], filter))
			number++;
		if (number == count)
			filters[count++] = filter;
		tap->legs[i].filter = number + 1;
	}
	tap->filter_count = count;
}

/* Loads a program with these constants. */
static int load_source(struct source_taps *taps, enum direction direction, const struct tap *tap, const struct filter *const *filters,
		       struct source_bpf **loaded, struct error *error)
{
	struct source_bpf *object = source_bpf__open();
	struct error detail = {0};
	int rc;

	if (!object)
		return fail_bpf(error, -errno, "source program");
	memcpy((void *)&object->rodata->taps[direction], tap, sizeof *tap);
	memcpy((void *)&object->rodata->ways, &tap->ways, sizeof tap->ways);
	bpf_program__set_autoload(object->progs.farspan_rx, direction == DIRECTION_RX);
	bpf_program__set_autoload(object->progs.farspan_tx, direction == DIRECTION_TX);
	rc = taps->shared ? 0 : bpf_objects_use_kept_maps(object->obj, taps->kept);
	rc = rc < 0 ? rc : share_maps(taps, object->obj);
	if (!rc)
		rc = filter_load(object->skeleton, filters, tap->filter_count, direction, &detail);
	if (!rc) {
		*loaded = object;
		return 0;
	}
	source_bpf__destroy(object);
	return detail.code && detail.code != EPERM ? fail(error, detail.code, "source program: %s", detail.text)
						   : fail_bpf(error, rc, "source program");
}

static int load_shared(struct source_taps *taps, struct error *error)
{
	static const struct tap none;

	return load_source(taps, DIRECTION_RX, &none, NULL, &taps->shared, error);
}

static int program_fd(const struct source_program *program)
{
	const struct source_bpf *object = program->object;

	return bpf_program__fd(program->direction == DIRECTION_RX ? object->progs.farspan_rx : object->progs.farspan_tx);
}

static struct source_program *find_program(struct source_taps *taps, enum direction direction, const struct tap *tap)
{
	for (struct source_program *p = taps->programs; p; p = p->next)
		if (p->direction == direction && p->filter_revision == taps->filter_revision &&
		    memcmp((const void *)&p->object->rodata->taps[direction], tap, sizeof *tap) == 0)
			return p;
	return NULL;
}

/* Where a program stands, which is not the direction it counts as if that is swapped. */
static enum direction place(enum direction direction, bool swapped)
{
	return swapped == (direction == DIRECTION_RX) ? DIRECTION_TX : DIRECTION_RX;
}

/* A program for one more tap: one that is there, or a new one. To be given back by drop_program(). */
static int take_program(struct source_taps *taps, const struct source_tap *at, const struct leg *legs, unsigned int count,
			struct source_program **taken, struct error *error)
{
	const struct filter *filters[FILTERS_MAX];
	struct tap *tap = &taps->wanted;
	struct source_program *program;
	int rc;

	memset(tap, 0, sizeof *tap);
	set_constants(taps, tap, legs, count);
	tap->at_egress = place(at->direction, at->swapped) == DIRECTION_TX;
	tap->source = (__u32)at->known_as;
	number_filters(taps, tap, filters);
	program = find_program(taps, at->direction, tap);
	if (!program) {
		program = calloc(1, sizeof *program);
		if (!program)
			return fail(error, ENOMEM, "out of memory");
		*program = (struct source_program){taps->programs, NULL, at->direction, taps->filter_revision, 0, -1};
		if ((rc = load_source(taps, at->direction, tap, filters, &program->object, error))) {
			free(program);
			return rc;
		}
		program->known = attach_make_known(program_fd(program));
		taps->programs = program;
	}
	program->taps++;
	*taken = program;
	return 0;
}

static void drop_program(struct source_taps *taps, struct source_program *program)
{
	struct source_program **link = &taps->programs;

	if (!program || --program->taps)
		return;
	for (; *link != program; link = &(*link)->next)
		;
	*link = program->next;
	run_time_add(&taps->gone, program_fd(program));
	if (program->known >= 0)
		close(program->known);
	source_bpf__destroy(program->object);
	free(program);
}

static struct tap_program *find_tap(struct source_taps *taps, int ifindex, enum direction direction, bool swapped)
{
	for (unsigned int i = 0; i < taps->count; i++) {
		struct tap_program *tap = &taps->taps[i];

		if (tap->attachment.ifindex == ifindex && tap->direction == direction &&
		    tap->attachment.direction == place(direction, swapped))
			return tap;
	}
	return NULL;
}

static struct tap_program *add_tap(struct source_taps *taps)
{
	unsigned int room = taps->room ? taps->room * 2 : 8;
	struct tap_program *grown;

	if (taps->count < taps->room)
		return &taps->taps[taps->count];
	grown = realloc(taps->taps, room * sizeof *grown);
	if (!grown)
		return NULL;
	taps->taps = grown;
	taps->room = room;
	return &grown[taps->count];
}

/* ---- what is kept of a tap ---- */

/*
 * A link is held; it ends with the process until then. A filter does not, so it is noted before it is there:
 *
 *     tap_IFINDEX_DIRECTION_PLACE, filter_IFINDEX_DIRECTION_PLACE, qdisc_IFINDEX if the clsact is ours
 */
static void name_tap(const char *what, int ifindex, enum direction direction, enum direction at, char name[KEPT_NAME_MAX])
{
	snprintf(name, KEPT_NAME_MAX, "%s_%d_%d_%d", what, ifindex, (int)direction, (int)at);
}

static int note_filter(const struct source_taps *taps, int ifindex, enum direction direction, bool swapped, struct error *error)
{
	char name[KEPT_NAME_MAX];

	name_tap("filter", ifindex, direction, place(direction, swapped), name);
	return kept_note(taps->kept, name, error);
}

static void let_go(const struct source_taps *taps, const char *what, int ifindex, enum direction direction, enum direction at)
{
	char name[KEPT_NAME_MAX];

	name_tap(what, ifindex, direction, at, name);
	kept_let_go(taps->kept, name);
}

static void name_clsact(int ifindex, char name[KEPT_NAME_MAX])
{
	snprintf(name, KEPT_NAME_MAX, "qdisc_%d", ifindex);
}

static int keep_tap(const struct source_taps *taps, const struct tap_program *tap, struct error *error)
{
	const struct attachment *a = &tap->attachment;
	char name[KEPT_NAME_MAX];
	int rc = 0;

	name_clsact(a->ifindex, name);
	if (a->made_qdisc)
		rc = kept_note(taps->kept, name, error);
	name_tap(a->link < 0 ? "filter" : "tap", a->ifindex, tap->direction, a->direction, name);
	if (rc || a->link < 0)
		return rc ? rc : kept_note(taps->kept, name, error);
	rc = kept_hold(taps->kept, name, a->link, error);
	let_go(taps, "filter", a->ifindex, tap->direction, a->direction);
	return rc;
}

static void forget_tap(const struct source_taps *taps, const struct tap_program *tap)
{
	const struct attachment *a = &tap->attachment;
	char name[KEPT_NAME_MAX];

	name_clsact(a->ifindex, name);
	if (a->made_qdisc)
		kept_let_go(taps->kept, name);
	let_go(taps, a->link < 0 ? "filter" : "tap", a->ifindex, tap->direction, a->direction);
}

/* ---- taps come and go ---- */

/* A clsact that we made goes with the last program on it. */
static void bequeath_clsact(struct source_taps *taps, struct tap_program *from)
{
	for (unsigned int i = 0; i < taps->count && from->attachment.made_qdisc; i++) {
		struct tap_program *heir = &taps->taps[i];

		if (heir == from || heir->attachment.ifindex != from->attachment.ifindex)
			continue;
		heir->attachment.made_qdisc = true;
		from->attachment.made_qdisc = false;
	}
}

static void remove_tap(struct source_taps *taps, unsigned int index)
{
	struct tap_program *tap = &taps->taps[index], gone = *tap;

	bequeath_clsact(taps, tap);
	gone.attachment.made_qdisc = tap->attachment.made_qdisc;
	attach_remove(&tap->attachment);
	forget_tap(taps, &gone);
	drop_program(taps, tap->program);
	memmove(tap, tap + 1, (--taps->count - index) * sizeof *tap);
}

static int attach_tap(struct source_taps *taps, struct source_program *program, int ifindex, bool swapped, enum attach_way way,
		      struct error *error)
{
	struct tap_program *tap = add_tap(taps);
	int rc;

	if (!tap)
		return fail(error, ENOMEM, "out of memory");
	if ((rc = note_filter(taps, ifindex, program->direction, swapped, error)))
		return rc;
	rc = attach_program(program_fd(program), ifindex, place(program->direction, swapped), way, owner_filter_handle(taps->owner->id),
			    &tap->attachment, error);
	if (rc) {
		let_go(taps, "filter", ifindex, program->direction, place(program->direction, swapped));
		return rc;
	}
	if (tap->attachment.made_qdisc)
		owner_made_clsact(taps->owner, ifindex);
	tap->program = program;
	tap->direction = program->direction;
	program->taps++;
	taps->count++;
	rc = keep_tap(taps, tap, error);
	if (rc)
		remove_tap(taps, taps->count - 1);
	else
		program->taps--;
	return rc;
}

int source_taps_tap(struct source_taps *taps, const struct source_tap *at, const struct leg *legs, unsigned int count, enum attach_way way,
		    struct error *error)
{
	struct tap_program *old = find_tap(taps, at->ifindex, at->direction, at->swapped);
	struct source_program *program;
	int rc;

	if (count > TAP_LEGS_MAX)
		return fail(error, ENOSPC, "more than %d sessions and destinations for one interface", TAP_LEGS_MAX);
	rc = take_program(taps, at, legs, count, &program, error);
	if (rc)
		return rc;
	if (!old) {
		rc = attach_tap(taps, program, at->ifindex, at->swapped, way, error);
	} else if (!(rc = attach_replace(&old->attachment, program_fd(program), error))) {
		drop_program(taps, old->program);
		old->program = program;
	}
	if (rc)
		drop_program(taps, program);
	return rc;
}

bool source_taps_is_tapped(struct source_taps *taps, int ifindex, enum direction direction, bool swapped)
{
	const struct tap_program *tap = find_tap(taps, ifindex, direction, swapped);

	return tap && attach_is_there(&tap->attachment);
}

bool source_taps_stands_behind(struct source_taps *taps, int ifindex, enum direction direction, bool swapped,
			       struct source_taps_order *order)
{
	struct tap_program *tap = find_tap(taps, ifindex, direction, swapped);

	bool behind =
		tap && tap->program && attach_stands_behind(&tap->attachment, program_fd(tap->program), order->stranger, &order->moved);

	/* It stands there by another link. */
	if (tap && order->moved)
		keep_tap(taps, tap, NULL);
	return behind;
}

void source_taps_untap(struct source_taps *taps, int ifindex, enum direction direction, bool swapped)
{
	struct tap_program *tap = find_tap(taps, ifindex, direction, swapped);

	if (tap)
		remove_tap(taps, (unsigned int)(tap - taps->taps));
}

void source_taps_untap_all(struct source_taps *taps)
{
	while (taps->count)
		remove_tap(taps, taps->count - 1);
}

const char *source_taps_attach_name(const struct source_taps *taps)
{
	return taps->count && taps->taps[0].attachment.link < 0 ? "clsact" : "tcx";
}

bool source_taps_some(const struct source_taps *taps)
{
	return taps->count > 0;
}

const struct source_bpf *source_taps_shared(const struct source_taps *taps)
{
	return taps->shared;
}

int source_taps_run_time(const struct source_taps *taps, struct run_time *sum)
{
	int rc = 0;

	sum->ns += taps->gone.ns;
	sum->runs += taps->gone.runs;
	for (const struct source_program *program = taps->programs; program && !rc; program = program->next)
		rc = run_time_add(sum, program_fd(program));
	return rc;
}

/* ---- taps that are left ---- */

struct takeover {
	struct source_taps *taps;
	int rc;
};

static bool has_clsact(const struct source_taps *taps, int ifindex)
{
	for (unsigned int i = 0; i < taps->count; i++)
		if (taps->taps[i].attachment.ifindex == ifindex && taps->taps[i].attachment.made_qdisc)
			return true;
	return false;
}

/* What is not there any more is forgotten. */
static void take_tap(const char *name, void *context)
{
	struct takeover *takeover = context;
	struct source_taps *taps = takeover->taps;
	int ifindex, direction, at, link = -1, is_filter = strncmp(name, "filter_", strlen("filter_")) == 0;
	char clsact[KEPT_NAME_MAX];
	struct tap_program *tap;

	if (sscanf(name, is_filter ? "filter_%d_%d_%d" : "tap_%d_%d_%d", &ifindex, &direction, &at) != 3)
		return;
	tap = add_tap(taps);
	if (!tap) {
		takeover->rc = -ENOMEM;
		return;
	}
	if (!is_filter && (link = kept_get(taps->kept, name)) < 0)
		return;
	*tap = (struct tap_program){.direction = (enum direction)direction};
	if (attach_find(link, ifindex, (enum direction)at, owner_filter_handle(taps->owner->id), &tap->attachment)) {
		kept_let_go(taps->kept, name);
		return;
	}
	name_clsact(ifindex, clsact);
	tap->attachment.made_qdisc = kept_is_noted(taps->kept, clsact) && !has_clsact(taps, ifindex);
	if (tap->attachment.made_qdisc) {
		attach_claim_clsact(ifindex);
		owner_made_clsact(taps->owner, ifindex);
	}
	taps->count++;
}

int source_taps_take_over(struct source_taps *taps, struct error *error)
{
	struct takeover takeover = {.taps = taps};

	kept_each(taps->kept, take_tap, &takeover);
	return takeover.rc ? fail(error, -takeover.rc, "out of memory") : 0;
}

int source_taps_keep(const struct source_taps *taps, struct error *error)
{
	int rc = bpf_objects_keep_maps(taps->shared->obj, taps->kept, error);

	for (unsigned int i = 0; i < taps->count && !rc; i++)
		rc = keep_tap(taps, &taps->taps[i], error);
	return rc;
}

bool source_taps_get(const struct source_taps *taps, unsigned int index, struct source_tap *tap)
{
	const struct tap_program *t = index < taps->count ? &taps->taps[index] : NULL;

	if (!t)
		return false;
	*tap = (struct source_tap){t->attachment.ifindex, t->direction, t->attachment.direction != t->direction, 0};
	return true;
}

int source_taps_open(struct source_taps **opened, struct owner *owner, const struct copy_devices *devices, const struct kept *kept,
		     struct error *error)
{
	struct source_taps *taps = calloc(1, sizeof *taps);
	int rc;

	if (!taps)
		return fail(error, ENOMEM, "taps: out of memory");
	taps->owner = owner;
	taps->devices = devices;
	taps->kept = kept;
	rc = filter_setup(error);
	if (!rc)
		rc = load_shared(taps, error);
	if (rc)
		source_taps_close(taps);
	else
		*opened = taps;
	return rc;
}

void source_taps_close(struct source_taps *taps)
{
	if (!taps)
		return;
	source_taps_untap_all(taps);
	free(taps->taps);
	source_bpf__destroy(taps->shared);
	filter_compiler_close(taps->compiler);
	for (unsigned int i = 0; i < SESSIONS_MAX; i++)
		filter_free(taps->filters[i]);
	free(taps);
}
