/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/source_taps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/bpf_error.h"
#include "datapath/filter.h"
#include "encap.skel.h"
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
	struct source_program *program;
	struct attachment attachment;
	enum direction direction; /* the program's; attachment.direction is where it stands */
};

struct source_taps {
	struct owner *owner;
	const struct copy_devices *devices;
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
	}
}

/* Numbers the filters of the tap's legs. What several legs share is run once. */
static void number_filters(struct source_taps *taps, struct tap *tap, const struct filter *filters[FILTERS_MAX])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < tap->count; i++) {
		const struct filter *filter = taps->filters[tap->legs[i].first_slot % SESSIONS_MAX];
		unsigned int number = 0;

		tap->legs[i].filter = 0;
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
	bpf_program__set_autoload(object->progs.farspan_rx, direction == DIRECTION_RX);
	bpf_program__set_autoload(object->progs.farspan_tx, direction == DIRECTION_TX);
	rc = share_maps(taps, object->obj);
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

/* A program for one more tap: one that is there, or a new one. To be given back by drop_program(). */
static int take_program(struct source_taps *taps, enum direction direction, enum direction at, const struct leg *legs, unsigned int count,
			struct source_program **taken, struct error *error)
{
	const struct filter *filters[FILTERS_MAX];
	struct tap *tap = &taps->wanted;
	struct source_program *program;
	int rc;

	memset(tap, 0, sizeof *tap);
	set_constants(taps, tap, legs, count);
	tap->at_egress = at == DIRECTION_TX;
	number_filters(taps, tap, filters);
	program = find_program(taps, direction, tap);
	if (!program) {
		program = calloc(1, sizeof *program);
		if (!program)
			return fail(error, ENOMEM, "out of memory");
		*program = (struct source_program){taps->programs, NULL, direction, taps->filter_revision, 0, -1};
		if ((rc = load_source(taps, direction, tap, filters, &program->object, error))) {
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

	if (--program->taps)
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

/* Where a program stands, which is not the direction it counts as if that is swapped. */
static enum direction place(enum direction direction, bool swapped)
{
	return swapped == (direction == DIRECTION_RX) ? DIRECTION_TX : DIRECTION_RX;
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

static int attach_tap(struct source_taps *taps, struct source_program *program, int ifindex, bool swapped, enum attach_way way,
		      struct error *error)
{
	struct tap_program *tap = add_tap(taps);
	int rc;

	if (!tap)
		return fail(error, ENOMEM, "out of memory");
	rc = attach_program(program_fd(program), ifindex, place(program->direction, swapped), way, owner_filter_handle(taps->owner->id),
			    &tap->attachment, error);
	if (rc)
		return rc;
	if (tap->attachment.made_qdisc)
		owner_made_clsact(taps->owner, ifindex);
	tap->program = program;
	tap->direction = program->direction;
	taps->count++;
	return 0;
}

int source_taps_tap(struct source_taps *taps, int ifindex, enum direction direction, bool swapped, const struct leg *legs,
		    unsigned int count, enum attach_way way, struct error *error)
{
	struct tap_program *old = find_tap(taps, ifindex, direction, swapped);
	struct source_program *program;
	int rc;

	if (count > TAP_LEGS_MAX)
		return fail(error, ENOSPC, "more than %d sessions and destinations for one interface", TAP_LEGS_MAX);
	rc = take_program(taps, direction, place(direction, swapped), legs, count, &program, error);
	if (rc)
		return rc;
	if (!old) {
		rc = attach_tap(taps, program, ifindex, swapped, way, error);
	} else if (!(rc = attach_replace(&old->attachment, program_fd(program), error))) {
		drop_program(taps, old->program);
		old->program = program;
	}
	if (rc)
		drop_program(taps, program);
	return rc;
}

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
	struct tap_program *tap = &taps->taps[index];

	bequeath_clsact(taps, tap);
	attach_remove(&tap->attachment);
	drop_program(taps, tap->program);
	memmove(tap, tap + 1, (--taps->count - index) * sizeof *tap);
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

	return tap && attach_stands_behind(&tap->attachment, program_fd(tap->program), order->stranger, &order->moved);
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

int source_taps_open(struct source_taps **opened, struct owner *owner, const struct copy_devices *devices, struct error *error)
{
	struct source_taps *taps = calloc(1, sizeof *taps);
	int rc;

	if (!taps)
		return fail(error, ENOMEM, "taps: out of memory");
	taps->owner = owner;
	taps->devices = devices;
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
