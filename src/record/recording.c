/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/plural.h"
#include "record/feed.h"
#include "record/file_name.h"
#include "record/output_file.h"

enum {
	BUFFER = PCAPNG_BLOCK_MAX + 65536, /* of a file; more would not stay in a CPU's cache until it is written */
	BUFFER_PIPE = 1 << 22,
	SLOTS_MAX = 64,
	READER_WAIT_MS = 1000, /* at the end, for a reader that takes nothing */
};

/* A series of files, each replacing the one before as the one that is written. */
struct output {
	struct section section;
	struct output_file file;
	struct slot *slot; /* NULL: the file is closed for the moment, or not begun */
	char *name;        /* of the file, below the directory */
	bool begun;
	bool adopted;  /* not ours to create: the standard output */
	uint64_t base; /* where the section starts */
	uint64_t period;
	unsigned int number;
	int failed;    /* errno; nothing is tried before the next tick */
	bool troubled; /* has failed since it last worked */
};

/* What only those have that are written to: a buffer, and the open file. */
struct slot {
	struct output *output;
	struct pcapng buffer;
	uint64_t packets; /* in the buffer */
	uint64_t used;
};

struct recording {
	struct recording_config config;
	char *pattern;    /* of the names, as the user gave it */
	const char *rest; /* of it, below the directory */
	int directory;
	int pipe;
	struct feed feed; /* instead of outputs, if pipe >= 0 */
	struct output_compressor *compressor;
	struct output *outputs;
	unsigned int output_count;
	struct section_interface *interfaces;
	struct slot slots[SLOTS_MAX];
	unsigned int slot_count;
	uint64_t clock;    /* for slot.used */
	uint64_t start_ns; /* of the period */
	uint64_t period;
	bool anchored;    /* start_ns is set */
	uint64_t over_ns; /* when files of the period were completed, none of which is begun again; 0: not yet */
	unsigned int files_made;
	uint64_t synced_ns;
	struct recording_counts counts;
	int fatal;          /* errno */
	struct error error; /* the first */
	char news[640];
	char said[640]; /* news as last told */
	unsigned int troubled;
	char trouble_text[640]; /* of the output that was troubled last */
};

/* ---- what went wrong ---- */

static const char *output_name(const struct recording *r, const struct output *output)
{
	return output->name ? output->name : r->config.path;
}

static void trouble(struct recording *r, struct output *output, int error, const char *doing)
{
	struct error now;

	fail(&now, error, "%s: cannot %s: %s", output_name(r, output), doing, strerror(error));
	if (!output->troubled) {
		snprintf(r->news, sizeof r->news, "%s", now.text);
		snprintf(r->trouble_text, sizeof r->trouble_text, "%s", now.text);
		r->troubled++;
	}
	output->failed = error;
	output->troubled = true;
	if (!r->error.code)
		r->error = now;
	if (!r->config.live)
		r->fatal = error;
}

static void works_again(struct recording *r, struct output *output)
{
	if (!output->troubled)
		return;
	snprintf(r->news, sizeof r->news, "%s: recording again; %llu frame%s could not be written", output_name(r, output),
		 (unsigned long long)r->counts.write_error, plural(r->counts.write_error));
	output->troubled = false;
	r->troubled--;
}

const char *recording_trouble(const struct recording *r)
{
	return r->troubled ? r->trouble_text : NULL;
}

const char *recording_news(struct recording *r)
{
	if (!*r->news)
		return NULL;
	memcpy(r->said, r->news, sizeof r->said);
	*r->news = '\0';
	return r->said;
}

/* ---- writing ---- */

/* Of the buffer's blocks those within the first done bytes stand; the packets of the others are lost. Returns the bytes that stand. */
static size_t settle(struct recording *r, struct output *output, size_t done)
{
	struct slot *slot = output->slot;
	uint32_t interface, interfaces_lost = 0;
	size_t at = 0, whole = 0, block;
	enum pcapng_kind kind;

	for (; at < slot->buffer.len; at += block) {
		bool stands;

		block = pcapng_first_block(slot->buffer.data + at, slot->buffer.len - at, &kind, &interface);
		stands = at + block <= done;
		if (stands)
			whole = at + block;
		else if (kind == PCAPNG_INTERFACE)
			interfaces_lost++;
		if (kind == PCAPNG_PACKET && stands) {
			r->counts.written++;
		} else if (kind == PCAPNG_PACKET) {
			r->counts.write_error++;
			section_lose(&output->section, interface);
		}
	}
	slot->buffer.len = slot->packets = 0;
	section_cut(&output->section, output->file.size + whole > output->base, output->section.made - interfaces_lost);
	return whole;
}

static int write_out(struct recording *r, struct output *output)
{
	struct slot *slot = output->slot;
	size_t done;
	int rc;

	if (slot->buffer.len == 0)
		return 0;
	rc = output_file_write(&output->file, slot->buffer.data, slot->buffer.len, &done);
	if (rc) {
		output_file_keep(&output->file, settle(r, output, done));
		trouble(r, output, -rc, "write");
		return rc;
	}
	r->counts.written += slot->packets;
	slot->buffer.len = slot->packets = 0;
	works_again(r, output);
	return 0;
}

static void sync_file(struct recording *r, struct output *output)
{
	int rc = output_file_sync(&output->file);

	if (rc)
		trouble(r, output, -rc, "sync");
}

/* ---- the few that are open ---- */

static void release_slot(struct recording *r, struct slot *slot)
{
	struct output *output = slot->output;
	int rc;

	if (!output)
		return;
	write_out(r, output);
	rc = output->adopted ? 0 : output_file_close(&output->file);
	if (rc)
		trouble(r, output, -rc, "write");
	output->slot = NULL;
	slot->output = NULL;
}

/* The one that was not used for longest, but not keep; NULL if there is no other. */
static struct slot *oldest_slot(struct recording *r, const struct slot *keep)
{
	struct slot *oldest = NULL;

	for (unsigned int i = 0; i < r->slot_count; i++) {
		struct slot *slot = &r->slots[i];

		if (slot != keep && slot->output && (!oldest || slot->used < oldest->used))
			oldest = slot;
	}
	return oldest;
}

static int take_slot(struct recording *r, struct output *output)
{
	struct slot *slot = NULL;

	for (unsigned int i = 0; i < r->slot_count && !slot; i++)
		if (!r->slots[i].output)
			slot = &r->slots[i];
	if (!slot) {
		slot = oldest_slot(r, NULL);
		release_slot(r, slot);
	}
	if (!slot->buffer.data)
		slot->buffer.data = malloc(slot->buffer.size);
	if (!slot->buffer.data)
		return -ENOMEM;
	slot->output = output;
	output->slot = slot;
	return 0;
}

static int open_with(struct recording *r, struct output *output, int (*open)(struct output_file *file, int directory, const char *name))
{
	struct slot *other;
	int rc;

	/* Descriptors may be fewer than slots. */
	while ((rc = open(&output->file, r->directory, output->name)) == -EMFILE && (other = oldest_slot(r, output->slot)))
		release_slot(r, other);
	return rc;
}

/* Makes sure that the file, if it is begun, is open. */
static int hold(struct recording *r, struct output *output)
{
	int rc;

	if (!output->slot) {
		rc = take_slot(r, output);
		if (!rc && output->begun)
			rc = open_with(r, output, output_file_reopen);
		if (rc == -ESTALE) {
			snprintf(r->news, sizeof r->news, "%s: was changed or removed by somebody; beginning it anew", output->name);
			output->begun = false;
			rc = 0;
		}
		if (rc && output->slot) {
			output->slot->output = NULL;
			output->slot = NULL;
		}
		if (rc)
			return rc;
	}
	output->slot->used = ++r->clock;
	return 0;
}

/* ---- one file after the other ---- */

static unsigned int digits_of(const struct recording_rotation *rotation)
{
	unsigned int digits = 1;

	if (!rotation->size || !rotation->files)
		return 0;
	for (unsigned int last = rotation->files - 1; last >= 10; last /= 10)
		digits++;
	return digits;
}

static int make_name(struct recording *r, struct output *output)
{
	const struct recording_rotation *rotation = &r->config.rotation;
	char session[160], text[PATH_MAX];
	struct file_name name = {
		.pattern = r->rest,
		.has_time = rotation->seconds != 0,
		.time_ns = r->start_ns,
		.number = output->number,
		.digits = digits_of(rotation),
		.zstd = r->config.zstd,
	};
	int rc;

	if (rotation->per_session) {
		r->config.name_session(r->config.describer.context, (unsigned int)(output - r->outputs), session, sizeof session);
		file_name_clean(session);
		name.session = session;
	}
	rc = file_name_make(&name, text, sizeof text, NULL);
	if (rc)
		return rc;
	free(output->name);
	output->name = strdup(text);
	return output->name ? 0 : -ENOMEM;
}

static int begin_file(struct recording *r, struct output *output)
{
	int rc = 0;

	output->period = r->period;
	if (!output->adopted) {
		rc = make_name(r, output);
		if (!rc)
			rc = open_with(r, output, output_file_create);
	}
	if (rc)
		return rc;
	output->begun = true;
	output->base = output->file.size;
	section_reset(&output->section);
	r->files_made++;
	/* At once, so that there is hardly a moment at which the file is empty. */
	output->section.begun = pcapng_put_section(&output->slot->buffer);
	return write_out(r, output);
}

/* A section block even if nothing came, then the statistics. */
static void complete_section(struct recording *r, struct output *output)
{
	struct pcapng *buffer = &output->slot->buffer;
	unsigned int next = 0;
	int rc = 0;

	if (!output->section.begun)
		output->section.begun = pcapng_put_section(buffer);
	while (!rc && !section_put_statistics(&output->section, buffer, &r->config.describer, &next))
		rc = write_out(r, output);
	if (!rc)
		write_out(r, output);
}

static void end_file(struct recording *r, struct output *output)
{
	int rc;

	if (!output->begun)
		return;
	rc = hold(r, output);
	if (rc)
		trouble(r, output, -rc, "open");
	if (!rc && output->begun) {
		complete_section(r, output);
		if (r->config.sync.rotated && output->file.fd >= 0)
			sync_file(r, output);
		release_slot(r, output->slot);
	}
	output->begun = false;
}

static bool is_full(const struct recording *r, const struct output *output)
{
	return r->config.rotation.size && output->file.size + output->slot->buffer.len > r->config.rotation.size;
}

/* The file that the next frame belongs into is open. */
static int prepare(struct recording *r, struct output *output)
{
	const struct recording_rotation *rotation = &r->config.rotation;
	int rc = hold(r, output);

	if (rc)
		return rc;
	if (output->begun && output->period != r->period) {
		end_file(r, output);
	} else if (output->begun && is_full(r, output)) {
		end_file(r, output);
		output->number++;
		if (rotation->files && !rotation->seconds)
			output->number %= rotation->files;
	}
	if (output->begun)
		return 0;
	if (output->period != r->period)
		output->number = 0;
	rc = hold(r, output);
	return rc ? rc : begin_file(r, output);
}

/* ---- time ---- */

/* A clock that was set back by more than a file's time begins a new one, too. */
static bool is_over(const struct recording *r, uint64_t time_ns)
{
	const uint64_t length_ns = r->config.rotation.seconds * NS_PER_S;

	return length_ns && r->anchored && (time_ns >= r->start_ns + length_ns || time_ns + length_ns < r->start_ns);
}

static void advance(struct recording *r, uint64_t time_ns)
{
	const uint64_t length_ns = r->config.rotation.seconds * NS_PER_S;

	/* What comes late belongs to the next file: to begin the same name again would be the end of what it has. */
	if (r->over_ns && !is_over(r, time_ns))
		time_ns = r->over_ns;
	if (!r->anchored || (is_over(r, time_ns) && time_ns < r->start_ns))
		r->start_ns = time_ns;
	else if (is_over(r, time_ns))
		r->start_ns += (time_ns - r->start_ns) / length_ns * length_ns;
	else
		return;
	r->period += r->anchored;
	r->anchored = true;
	r->over_ns = 0;
}

bool recording_ended(const struct recording *r, uint64_t time_ns)
{
	const struct recording_rotation *rotation = &r->config.rotation;

	return rotation->files && !rotation->size && is_over(r, time_ns) && r->period + 1 >= rotation->files;
}

static void watch_file(struct recording *r, struct output *output)
{
	if (!output->slot || !output->begun || output->adopted || !output_file_is_gone(&output->file))
		return;
	snprintf(r->news, sizeof r->news, "%s: was removed by somebody; beginning it anew", output->name);
	if (output->slot->packets && !r->error.code)
		fail(&r->error, ENOENT, "%s: was removed by somebody", output->name);
	settle(r, output, 0);
	output_file_close(&output->file);
	output->begun = false;
}

void recording_tick(struct recording *r, uint64_t time_ns)
{
	const uint64_t interval_ns = r->config.sync.seconds * NS_PER_S;
	bool over = is_over(r, time_ns), sync = interval_ns && (time_ns - r->synced_ns >= interval_ns || time_ns < r->synced_ns);

	if (sync)
		r->synced_ns = time_ns;
	for (unsigned int i = 0; i < r->output_count; i++) {
		struct output *output = &r->outputs[i];

		output->failed = 0;
		watch_file(r, output);
		if (over && output->begun) {
			r->over_ns = time_ns;
			end_file(r, output);
		}
		if (!output->slot || !output->begun)
			continue;
		write_out(r, output);
		if (sync)
			sync_file(r, output);
	}
}

/* ---- frames ---- */

/* The reader is gone, and with it the recording. */
static int lose_reader(struct recording *r, int rc)
{
	if (rc && !r->fatal) {
		r->fatal = -rc;
		fail(&r->error, r->fatal, "%s: cannot write: %s", r->config.path, strerror(r->fatal));
	}
	return -r->fatal;
}

static int add_to_output(struct recording *r, struct output *output, unsigned int slot, unsigned int id, const struct pcapng_packet *packet)
{
	const struct section_describer *describer = &r->config.describer;
	int rc = output->failed ? -output->failed : prepare(r, output);

	if (rc && !output->failed)
		trouble(r, output, -rc, "open");
	if (!rc && !section_put(&output->section, &output->slot->buffer, slot, id, describer, packet)) {
		rc = write_out(r, output);
		if (!rc && !section_put(&output->section, &output->slot->buffer, slot, id, describer, packet))
			rc = -ENOBUFS;
	}
	if (!rc)
		output->slot->packets++;
	section_count(&output->section, slot, packet, rc != 0);
	return rc;
}

int recording_add(struct recording *r, unsigned int id, const struct pcapng_packet *packet)
{
	const bool each = r->config.rotation.per_session;
	unsigned int group = r->config.interfaces;
	int rc;

	if (r->pipe >= 0)
		return lose_reader(r, feed_add(&r->feed, id, &r->config.describer, packet));
	r->counts.offered++;
	advance(r, packet->time_ns);
	rc = r->fatal ? -r->fatal : add_to_output(r, &r->outputs[each ? id / group : 0], each ? id % group : id, id, packet);
	r->counts.write_error += rc != 0;
	return -r->fatal;
}

/* A file that cannot be written to does without the statistics. */
static void end_interface(struct recording *r, struct output *output, unsigned int slot)
{
	const struct section_describer *describer = &r->config.describer;
	bool told = false;

	if (output->section.interfaces[slot].number && output->begun && !output->failed && !hold(r, output) && output->begun) {
		told = section_end_interface(&output->section, &output->slot->buffer, slot, describer);
		if (!told && !write_out(r, output))
			told = section_end_interface(&output->section, &output->slot->buffer, slot, describer);
	}
	if (!told)
		section_forget_interface(&output->section, slot);
}

void recording_end_session(struct recording *r, unsigned int session)
{
	const unsigned int group = r->config.interfaces;
	struct output *output = &r->outputs[r->config.rotation.per_session ? session : 0];

	if (r->config.rotation.per_session) {
		end_file(r, output);
		output->number = 0;
		return;
	}
	for (unsigned int id = session * group; id < (session + 1) * group; id++) {
		if (r->pipe >= 0)
			feed_end_interface(&r->feed, id, &r->config.describer);
		else
			end_interface(r, output, id);
	}
}

int recording_directory(const struct recording *r)
{
	return r->directory;
}

void recording_count(const struct recording *r, struct recording_counts *counts)
{
	*counts = r->counts;
	if (r->pipe >= 0)
		*counts = (struct recording_counts){r->feed.offered, r->feed.written, r->feed.lost, r->feed.dropped};
}

int recording_failed(const struct recording *r, struct error *error)
{
	return r->fatal ? fail(error, r->fatal, "%s", r->error.text) : 0;
}

void recording_pump(struct recording *r)
{
	if (r->pipe >= 0 && !r->fatal)
		lose_reader(r, feed_flush(&r->feed));
}

int recording_flush(struct recording *r, struct error *error)
{
	recording_pump(r);
	/* Compressed, small pieces would make large files: those wait for the tick. */
	for (unsigned int i = 0; i < r->slot_count && !r->config.zstd; i++)
		if (r->slots[i].output && r->slots[i].output->begun && !r->fatal)
			write_out(r, r->slots[i].output);
	return recording_failed(r, error);
}

static int finish_pipe(struct recording *r, struct error *error)
{
	if (!r->fatal)
		lose_reader(r, feed_finish(&r->feed, &r->config.describer, READER_WAIT_MS));
	return recording_failed(r, error);
}

int recording_finish(struct recording *r, struct error *error)
{
	struct output *first = r->outputs;

	if (r->pipe >= 0)
		return finish_pipe(r, error);
	if (!r->config.rotation.per_session && !r->files_made && !first->failed) {
		int rc = hold(r, first);

		rc = rc ? rc : begin_file(r, first);
		if (rc)
			trouble(r, first, -rc, "open");
	}
	for (unsigned int i = 0; i < r->output_count; i++) {
		bool adopted = r->outputs[i].adopted;

		end_file(r, &r->outputs[i]);
		if (adopted)
			lseek(r->outputs[i].file.fd, (off_t)r->outputs[i].file.size, SEEK_SET);
	}
	if (!r->error.code)
		return 0;
	return fail(error, r->error.code, "%s; %llu frame%s not written", r->error.text, (unsigned long long)r->counts.write_error,
		    plural(r->counts.write_error));
}

/* ---- opening ---- */

static int open_pipe(struct recording *r, int fd, struct error *error)
{
	const struct recording_config *config = &r->config;
	int rc;

	if (config->rotation.size || config->rotation.seconds || config->rotation.files || config->rotation.per_session || config->zstd)
		return fail(error, EINVAL, "%s: a pipe or device can be neither rotated, nor split, nor compressed", config->path);
	rc = feed_open(&r->feed, fd, config->sessions * config->interfaces, BUFFER_PIPE, !config->live);
	if (rc)
		return fail(error, -rc, "%s: %s", config->path, strerror(-rc));
	r->pipe = fd;
	feed_begin(&r->feed);
	return 0;
}

/* The standard output, or what exists under the name and is no file. 1: neither. */
static int open_special(struct recording *r, struct error *error)
{
	const char *path = r->config.path;
	struct stat stat;
	int fd = STDOUT_FILENO, rc;

	if (strcmp(path, "-") == 0) {
		r->config.path = "standard output";
		if (isatty(fd))
			return fail(error, EINVAL, "%s: is a terminal, which cannot show packets", r->config.path);
		rc = fstat(fd, &stat);
	} else {
		rc = lstat(path, &stat);
		if (rc || S_ISREG(stat.st_mode) || S_ISLNK(stat.st_mode))
			return 1;
		fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
		rc = fd < 0 ? -1 : 0;
	}
	if (rc)
		return fail(error, errno, "%s: cannot open for writing: %s", path, strerror(errno));
	if (!S_ISREG(stat.st_mode))
		return open_pipe(r, fd, error);
	if (r->config.rotation.size || r->config.rotation.seconds || r->config.rotation.files || r->config.rotation.per_session)
		return fail(error, EINVAL, "%s: cannot be rotated or split; give a name with -w", r->config.path);
	r->outputs[0].adopted = true;
	rc = output_file_adopt(&r->outputs[0].file, fd);
	return rc ? fail(error, -rc, "%s: %s", r->config.path, strerror(-rc)) : 0;
}

static int prepare_outputs(struct recording *r, struct error *error)
{
	const struct recording_config *config = &r->config;
	const bool each = config->rotation.per_session;
	const unsigned int ids = config->sessions * config->interfaces, group = each ? config->interfaces : ids;
	struct rlimit files = {.rlim_cur = 64};

	r->output_count = each ? config->sessions : 1;
	r->outputs = calloc(r->output_count, sizeof *r->outputs);
	r->interfaces = calloc(ids, sizeof *r->interfaces);
	r->pattern = each ? file_name_with_session(config->path) : strdup(config->path);
	r->compressor = config->zstd ? output_compressor_new(BUFFER) : NULL;
	if (!r->outputs || !r->interfaces || !r->pattern || (config->zstd && !r->compressor))
		return fail(error, ENOMEM, "%s: no memory", config->path);
	for (unsigned int i = 0; i < r->output_count; i++) {
		r->outputs[i].file = (struct output_file){.fd = -1, .compressor = r->compressor};
		r->outputs[i].section = (struct section){.interfaces = r->interfaces + (size_t)i * group, .slots = group};
	}
	/* Most descriptors are left to others. */
	getrlimit(RLIMIT_NOFILE, &files);
	r->slot_count = !each ? 1 : files.rlim_cur / 4 < SLOTS_MAX ? (unsigned int)files.rlim_cur / 4 + 1 : SLOTS_MAX;
	for (unsigned int i = 0; i < r->slot_count; i++)
		r->slots[i].buffer.size = BUFFER;
	return 0;
}

/* What can be wrong with a name is known before the first frame comes. */
static int open_first(struct recording *r, struct error *error)
{
	struct output *first = &r->outputs[0];
	int rc = output_directory_open(r->pattern, &r->directory, &r->rest, error);

	if (rc || r->config.rotation.per_session || (r->config.rotation.seconds && !r->anchored))
		return rc;
	if (!*r->rest)
		return fail(error, EISDIR, "%s: cannot open for writing: %s", r->config.path, strerror(EISDIR));
	rc = hold(r, first);
	rc = rc ? rc : begin_file(r, first);
	if (rc && first->failed && r->config.live)
		return 0; /* the file is there; that it is not written to is told as it would be later */
	if (rc == -ELOOP)
		return fail(error, ELOOP, "%s: cannot open for writing: it is a symbolic link, which is not followed",
			    output_name(r, first));
	return rc ? fail(error, -rc, "%s: cannot open for writing: %s", r->config.path, strerror(-rc)) : 0;
}

int recording_open(const struct recording_config *config, struct recording **recording, struct error *error)
{
	struct recording *r = calloc(1, sizeof *r);
	int rc;

	if (!r)
		return fail(error, ENOMEM, "%s: no memory", config->path);
	r->config = *config;
	r->directory = r->pipe = -1;
	r->feed.fd = -1;
	r->start_ns = r->synced_ns = config->start_ns;
	r->anchored = config->start_ns != 0;
	rc = prepare_outputs(r, error);
	if (!rc)
		rc = open_special(r, error);
	if (rc == 1)
		rc = open_first(r, error);
	if (rc)
		recording_close(r);
	else
		*recording = r;
	return rc;
}

void recording_close(struct recording *r)
{
	if (!r)
		return;
	for (unsigned int i = 0; i < r->slot_count; i++)
		free(r->slots[i].buffer.data);
	for (unsigned int i = 0; r->outputs && i < r->output_count; i++) {
		if (!r->outputs[i].adopted)
			output_file_close(&r->outputs[i].file);
		free(r->outputs[i].name);
	}
	if (r->pipe >= 0)
		feed_close(&r->feed);
	if (r->pipe > STDERR_FILENO)
		close(r->pipe);
	if (r->directory >= 0)
		close(r->directory);
	output_compressor_free(r->compressor);
	free(r->pattern);
	free(r->interfaces);
	free(r->outputs);
	free(r);
}
