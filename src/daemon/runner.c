/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/plural.h"
#include "daemon/devices.h"
#include "daemon/log.h"
#include "model/session_file.h"
#include "model/session_json.h"

struct running_collector {
	char name[SESSION_NAME_MAX];
	struct collector *collector; /* NULL: it could not be started, see problem */
	struct error problem;
};

/* What the API has said of a session, in spite of its file. */
struct switched {
	char name[SESSION_NAME_MAX];
	bool off;
};

struct runner {
	const char *const *directories;
	struct session_cache cache; /* of the files */
	struct session_list list;
	struct mirrors *mirrors;
	struct running_collector *collectors;
	size_t collector_count;
	struct devices devices;
	struct workers_left left; /* of collectors and devices, until something could be applied */
	struct switched *switched;
	size_t switched_count;
	runner_listener listener;
	void *context;
};

int runner_open(struct runner **opened, const char *const *directories, enum attach_way way, struct error *error)
{
	struct runner *runner = calloc(1, sizeof *runner);
	int rc;

	if (!runner)
		return fail(error, ENOMEM, "out of memory");
	runner->directories = directories;
	runner->devices.way = way;
	rc = workers_left_find(&runner->left, error);
	if (!rc)
		rc = mirrors_open(&runner->mirrors, way, error);
	if (!rc)
		rc = mirrors_inherit(runner->mirrors, error);
	if (rc)
		runner_close(runner);
	else
		*opened = runner;
	return rc;
}

/* All are told before the first is waited for: should this process not live to see the end, they end all the same. */
static void dismiss_processes(const struct runner *runner)
{
	for (size_t i = 0; i < runner->collector_count; i++)
		collector_dismiss(runner->collectors[i].collector);
	devices_dismiss(&runner->devices);
}

void runner_close(struct runner *runner)
{
	if (!runner)
		return;
	dismiss_processes(runner);
	while (runner->collector_count)
		collector_close(runner->collectors[--runner->collector_count].collector);
	devices_close(&runner->devices);
	workers_left_free(&runner->left);
	mirrors_close(runner->mirrors);
	session_list_free(&runner->list);
	session_cache_free(&runner->cache);
	free(runner->collectors);
	free(runner->switched);
	free(runner);
}

void runner_listen(struct runner *runner, runner_listener listener, void *context)
{
	runner->listener = listener;
	runner->context = context;
}

static void tell(const struct runner *runner, const char *event, const struct session *was, const struct session *now, const char *text)
{
	const struct runner_news news = {.event = event, .was = was, .now = now, .text = text};

	if (runner->listener)
		runner->listener(runner->context, &news);
}

/* ---- collectors ---- */

static struct running_collector *find_collector(const struct runner *runner, const char *name)
{
	for (size_t i = 0; i < runner->collector_count; i++)
		if (strcmp(runner->collectors[i].name, name) == 0)
			return &runner->collectors[i];
	return NULL;
}

static void start_collector(struct runner *runner, const struct session *session)
{
	struct running_collector *collectors = reallocarray(runner->collectors, runner->collector_count + 1, sizeof *collectors), *added;

	if (!collectors)
		return;
	runner->collectors = collectors;
	added = &collectors[runner->collector_count++];
	*added = (struct running_collector){0};
	memcpy(added->name, session->name, sizeof added->name);
	if (collector_open(&added->collector, session, &runner->left, &added->problem))
		log_line(LOG_LEVEL_ERROR, session->name, "%s", added->problem.text);
}

static bool wants_collector(const struct session *session)
{
	return session && !session->disabled && session_kind(session) == SESSION_COLLECTOR;
}

/* Those that differ are started anew: what they record into may have changed. */
static void apply_collectors(struct runner *runner, const struct session_list *wanted)
{
	for (size_t i = runner->collector_count; i-- > 0;) {
		struct running_collector *running = &runner->collectors[i];
		const struct session *now = session_list_find(wanted, running->name);

		if (wants_collector(now) && running->collector && collector_keeps(running->collector, now))
			continue;
		collector_close(running->collector);
		*running = runner->collectors[--runner->collector_count];
	}
	for (size_t i = 0; i < wanted->count; i++)
		if (wants_collector(wanted->sessions[i]) && !find_collector(runner, wanted->sessions[i]->name))
			start_collector(runner, wanted->sessions[i]);
}

/* ---- all ---- */

/* Ends the processes that are left of an earlier farspand and that no session wants. */
static void end_unwanted(struct runner *runner, const struct session_list *wanted)
{
	uint64_t *numbers = runner->left.count ? calloc(wanted->count, sizeof *numbers) : NULL;
	size_t count = 0;

	for (size_t i = 0; i < wanted->count && numbers; i++) {
		const struct session *session = wanted->sessions[i];

		if (wants_collector(session))
			numbers[count++] = collector_number(session);
		else if (devices_wants(session))
			numbers[count++] = tunnel_process_number(session, runner->devices.way);
	}
	workers_left_keep(&runner->left, numbers, count);
	free(numbers);
}

static int apply_mirrors(struct runner *runner, const struct session_list *wanted, struct error_list *errors)
{
	const struct session **mirrors = calloc(wanted->count + 1, sizeof *mirrors);
	struct error error = {0};
	unsigned int count = 0;
	int rc;

	for (size_t i = 0; i < wanted->count && mirrors; i++)
		if (!wanted->sessions[i]->disabled && session_kind(wanted->sessions[i]) == SESSION_MIRROR)
			mirrors[count++] = wanted->sessions[i];
	rc = mirrors ? mirrors_apply(runner->mirrors, mirrors, count, &error) : fail(&error, ENOMEM, "out of memory");
	if (rc)
		error_list_add(errors, NULL, "%s", error.text);
	free(mirrors);
	return rc;
}

static void tell_changes(const struct runner *runner, const struct session_list *old, const struct session_list *wanted)
{
	for (size_t i = 0; i < old->count; i++)
		if (!session_list_find(wanted, old->sessions[i]->name))
			tell(runner, "deleted", old->sessions[i], NULL, NULL);
	for (size_t i = 0; i < wanted->count; i++) {
		const struct session *now = wanted->sessions[i], *was = session_list_find(old, now->name);

		if (!was)
			tell(runner, "created", NULL, now, NULL);
		else if (!session_equal(was, now))
			tell(runner, "changed", was, now, NULL);
	}
}

/* Makes the list the one that is wanted; on an error it is freed, and nothing has changed. */
static int apply(struct runner *runner, struct session_list *wanted, struct error_list *errors)
{
	int rc = session_list_check(wanted, errors);

	if (!rc)
		rc = apply_mirrors(runner, wanted, errors);
	if (rc) {
		session_list_free(wanted);
		return rc;
	}
	end_unwanted(runner, wanted);
	apply_collectors(runner, wanted);
	devices_apply(&runner->devices, wanted, &runner->left);
	tell_changes(runner, &runner->list, wanted);
	session_list_free(&runner->list);
	runner->list = *wanted;
	return 0;
}

static struct switched *find_switched(struct runner *runner, const char *name)
{
	for (size_t i = 0; i < runner->switched_count; i++)
		if (strcmp(runner->switched[i].name, name) == 0)
			return &runner->switched[i];
	return NULL;
}

static struct switched *add_switched(struct runner *runner, const char *name, bool off)
{
	struct switched *more = reallocarray(runner->switched, runner->switched_count + 1, sizeof *more), *added;

	if (!more)
		return NULL;
	runner->switched = more;
	added = &more[runner->switched_count++];
	*added = (struct switched){.off = off};
	snprintf(added->name, sizeof added->name, "%s", name);
	return added;
}

/* ---- lists that are about to be wanted ---- */

/* Adds what others have too. */
static int add_shared(struct session_list *list, const struct session *session)
{
	struct session *shared = session_share(session);
	int rc = session_list_add(list, shared);

	if (rc)
		session_free(shared);
	return rc;
}

static int copy_list(const struct session_list *list, struct session_list *copy)
{
	int rc = 0;

	*copy = (struct session_list){0};
	for (size_t i = 0; i < list->count && !rc; i++)
		rc = add_shared(copy, list->sessions[i]);
	if (rc)
		session_list_free(copy);
	return rc;
}

/* Puts a copy in the place of the session, which others have too, and is not theirs to see changed. */
static int switch_session(struct session_list *list, const struct session *session, bool off)
{
	struct session *copy = session_duplicate(session);
	int rc;

	if (!copy)
		return -ENOMEM;
	copy->disabled = off;
	rc = session_list_add(list, copy);
	if (rc)
		session_free(copy);
	return rc;
}

static int switch_off_and_on(const struct runner *runner, struct session_list *list)
{
	int rc = 0;

	for (size_t i = 0; i < runner->switched_count && !rc; i++) {
		const struct switched *switched = &runner->switched[i];
		const struct session *session = session_list_find(list, switched->name);

		if (session && session->disabled != switched->off)
			rc = switch_session(list, session, switched->off);
	}
	return rc;
}

static int reload(struct runner *runner, struct error_list *errors)
{
	struct session_list wanted = {0};
	int rc = session_dir_read(runner->directories, &runner->cache, &wanted, errors);

	for (size_t i = 0; i < runner->list.count && !rc; i++) {
		const struct session *s = runner->list.sessions[i];

		if (!s->file[0] && !session_list_find(&wanted, s->name))
			rc = add_shared(&wanted, s);
	}
	if (!rc)
		rc = switch_off_and_on(runner, &wanted);
	if (rc) {
		session_list_free(&wanted);
		return rc;
	}
	return apply(runner, &wanted, errors);
}

int runner_reload(struct runner *runner, struct error_list *errors)
{
	char text[64];
	int rc = reload(runner, errors);
	const size_t count = rc ? errors->errors : runner->list.count;

	snprintf(text, sizeof text, rc ? "nothing has changed: %zu error%s" : "%zu session%s", count, plural(count));
	tell(runner, rc ? "refused" : "reloaded", NULL, NULL, text);
	return rc;
}

/* ---- files ---- */

static void file_name(const struct runner *runner, const char *name, const char *suffix, char path[SESSION_PATH_MAX])
{
	snprintf(path, SESSION_PATH_MAX, "%s/%s.session%s", runner->directories[0], name, suffix);
}

/* What says whether it is enabled, in spite of its file. */
static const char drop_in[] = "enabled.conf";

static int write_drop_in(const struct runner *runner, const char *name, bool enable, struct error_list *errors)
{
	char folder[SESSION_PATH_MAX], path[SESSION_PATH_MAX + sizeof drop_in], fresh[sizeof path + 4];
	FILE *out;

	file_name(runner, name, ".d", folder);
	snprintf(path, sizeof path, "%s/%s", folder, drop_in);
	snprintf(fresh, sizeof fresh, "%s.new", path);
	out = mkdir(folder, 0755) == 0 || errno == EEXIST ? fopen(fresh, "we") : NULL;
	if (!out) {
		int rc = -errno;

		error_list_add(errors, NULL, "%s: %s", path, strerror(-rc));
		return rc;
	}
	fprintf(out, "[Session]\nEnabled=%s\n", enable ? "yes" : "no");
	if ((fflush(out) || fsync(fileno(out))) | fclose(out) || rename(fresh, path)) {
		error_list_add(errors, NULL, "%s: cannot be written", path);
		unlink(fresh);
		return -EIO;
	}
	return 0;
}

static void remove_drop_in(const struct runner *runner, const char *name)
{
	char folder[SESSION_PATH_MAX], path[SESSION_PATH_MAX + sizeof drop_in];

	file_name(runner, name, ".d", folder);
	snprintf(path, sizeof path, "%s/%s", folder, drop_in);
	if (unlink(path) == 0)
		rmdir(folder);
}

/* A file is whole or is not there: the new one takes the place of the old in one step. */
static int write_file(const struct runner *runner, struct session *session, struct error_list *errors)
{
	char path[SESSION_PATH_MAX], fresh[SESSION_PATH_MAX];
	FILE *out;
	int rc;

	file_name(runner, session->name, "", path);
	file_name(runner, session->name, ".new", fresh);
	out = fopen(fresh, "we");
	if (!out) {
		rc = -errno;
		error_list_add(errors, NULL, "%s: %s", fresh, strerror(-rc));
		return rc;
	}
	session_file_write(out, session);
	rc = fflush(out) || ferror(out) || fsync(fileno(out)) ? -EIO : 0;
	if (fclose(out) || rc || rename(fresh, path)) {
		error_list_add(errors, NULL, "%s: cannot be written", path);
		unlink(fresh);
		return -EIO;
	}
	memcpy(session->file, path, sizeof session->file);
	remove_drop_in(runner, session->name);
	return 0;
}

static bool is_in_file(const struct runner *runner, const char *name)
{
	char path[SESSION_PATH_MAX];

	file_name(runner, name, "", path);
	return access(path, F_OK) == 0;
}

/* ---- changes ---- */

static int no_such_session(const char *name, struct error_list *errors)
{
	error_list_add(errors, NULL, "session '%s': there is none", name);
	return -ENOENT;
}

/* Writes the session that has just been put, or takes it back: what was wanted before is wanted again. */
static int keep_or_undo(struct runner *runner, const char *name, struct session_list *before, struct error_list *errors)
{
	struct error_list more = {0};
	int rc = write_file(runner, session_list_find(&runner->list, name), errors);

	if (!rc)
		session_list_free(before);
	else
		apply(runner, before, &more);
	error_list_free(&more);
	return rc;
}

int runner_put(struct runner *runner, struct session *session, bool keep, struct error_list *errors)
{
	struct session_list wanted, before = {0};
	const struct session *old = session_list_find(&runner->list, session->name);
	int rc;

	if (!keep && old && old->file[0]) {
		error_list_add(errors, NULL, "session '%s' is in %s; ask for \"persist\": true to change that", session->name, old->file);
		return -EBUSY;
	}
	rc = copy_list(&runner->list, &wanted);
	if (!rc)
		rc = add_shared(&wanted, session);
	if (!rc && keep)
		rc = copy_list(&runner->list, &before);
	if (rc) {
		session_list_free(&wanted);
		return rc;
	}
	if ((rc = apply(runner, &wanted, errors))) {
		session_list_free(&before);
		return rc;
	}
	if (keep && (rc = keep_or_undo(runner, session->name, &before, errors)))
		return rc;
	session_free(session);
	return 0;
}

int runner_remove(struct runner *runner, const char *name, struct error_list *errors)
{
	const struct session *old = session_list_find(&runner->list, name);
	char path[SESSION_PATH_MAX];
	struct session_list wanted;
	int rc;

	if (!old)
		return no_such_session(name, errors);
	file_name(runner, name, "", path);
	if (old->file[0] && !is_in_file(runner, name)) {
		error_list_add(errors, NULL, "session '%s' is in %s, which is not for the daemon to remove", name, old->file);
		return -EBUSY;
	}
	rc = copy_list(&runner->list, &wanted);
	if (rc)
		return rc;
	session_list_remove(&wanted, name);
	if ((rc = apply(runner, &wanted, errors)))
		return rc;
	remove_drop_in(runner, name);
	if (is_in_file(runner, name) && unlink(path)) {
		error_list_add(errors, NULL, "%s: %s", path, strerror(errno));
		return -errno;
	}
	return 0;
}

static int apply_switches(struct runner *runner, struct error_list *errors)
{
	struct session_list wanted;
	int rc = copy_list(&runner->list, &wanted);

	if (!rc)
		rc = switch_off_and_on(runner, &wanted);
	if (rc) {
		session_list_free(&wanted);
		return rc;
	}
	return apply(runner, &wanted, errors);
}

int runner_enable(struct runner *runner, const char *name, bool enable, bool keep, struct error_list *errors)
{
	const struct session *session = session_list_find(&runner->list, name);
	struct switched *switched = find_switched(runner, name), old;
	bool in_file = session && session->file[0];
	int rc;

	if (!session)
		return no_such_session(name, errors);
	if (!switched && !(switched = add_switched(runner, name, session->disabled)))
		return -ENOMEM;
	old = *switched;
	switched->off = !enable;
	rc = apply_switches(runner, errors);
	if (rc) {
		*switched = old;
		return rc;
	}
	if (!keep || !in_file)
		return 0;
	rc = write_drop_in(runner, name, enable, errors);
	if (rc) {
		struct error_list more = {0};

		*switched = old;
		apply_switches(runner, &more);
		error_list_free(&more);
		return rc;
	}
	/* From now on the files say it. */
	*switched = runner->switched[--runner->switched_count];
	return 0;
}

/* ---- handing over ---- */

/* What is in no file: sessions of the API, and what it has switched off and on. */
static json_t *volatile_state(const struct runner *runner)
{
	json_t *sessions = json_array(), *switched = json_object();

	for (size_t i = 0; i < runner->list.count; i++)
		if (!runner->list.sessions[i]->file[0])
			json_array_append_new(sessions, session_to_json(runner->list.sessions[i]));
	for (size_t i = 0; i < runner->switched_count; i++)
		json_object_set_new(switched, runner->switched[i].name, json_boolean(runner->switched[i].off));
	return json_pack("{s:o, s:o}", "sessions", sessions, "switched", switched);
}

static int write_state(const struct runner *runner)
{
	json_t *state = volatile_state(runner);
	int fd = memfd_create("farspand", 0), rc = state && fd >= 0 ? json_dumpfd(state, fd, 0) : -1;

	json_decref(state);
	if (!rc && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -EIO;
}

int runner_hand_over(struct runner *runner, struct error *error)
{
	int fd = write_state(runner), rc;

	if (fd < 0)
		return fail(error, -fd, "what is in no file cannot be handed over");
	if ((rc = mirrors_hand_over(runner->mirrors, error))) {
		close(fd);
		return rc;
	}
	mirrors_leave(runner->mirrors);
	return fd;
}

void runner_remember(struct runner *runner, int fd)
{
	json_t *state = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL), *value;
	const char *name;
	size_t i;

	close(fd);
	json_array_foreach (json_object_get(state, "sessions"), i, value) {
		struct error_list errors = {0};
		struct session *session = NULL;

		if (!session_from_json(NULL, value, &session, &errors) && session_list_add(&runner->list, session))
			session_free(session);
		error_list_free(&errors);
	}
	json_object_foreach (json_object_get(state, "switched"), name, value)
		add_switched(runner, name, json_is_true(value));
	json_decref(state);
}

/* ---- running ---- */

int runner_fd(const struct runner *runner)
{
	return mirrors_fd(runner->mirrors);
}

void runner_follow(struct runner *runner)
{
	const char *news;

	mirrors_follow(runner->mirrors);
	devices_follow(&runner->devices);
	if ((news = mirrors_news(runner->mirrors)))
		log_line(LOG_LEVEL_WARNING, NULL, "%s", news);
	for (size_t i = 0; i < runner->collector_count; i++) {
		struct running_collector *running = &runner->collectors[i];
		struct error error;

		if (running->collector && collector_follow(running->collector, &error))
			log_line(LOG_LEVEL_ERROR, running->name, "%s", error.text);
		if (running->collector && (news = collector_news(running->collector)))
			log_line(LOG_LEVEL_WARNING, running->name, "%s", news);
	}
}

void runner_stop(struct runner *runner)
{
	dismiss_processes(runner);
	workers_left_keep(&runner->left, NULL, 0);
	mirrors_stop(runner->mirrors);
}

void runner_account(struct runner *runner)
{
	mirrors_account(runner->mirrors);
}

const struct session_list *runner_wanted(const struct runner *runner)
{
	return &runner->list;
}

static void look_at_collector(const struct running_collector *running, struct runner_session *found)
{
	struct collector_report report = {0};

	found->collector = running->collector;
	found->why = running->collector ? *collector_problem(running->collector) : running->problem;
	found->state = MIRROR_ACTIVE;
	if (running->collector)
		collector_read(running->collector, &report);
	if (!found->why.code && !report.text[0] && !report.done)
		fail(&found->why, EAGAIN, "it is just starting");
	if (found->why.code) {
		found->state = MIRROR_PENDING;
	} else if (report.done) {
		found->state = MIRROR_OFF;
		fail(&found->why, EALREADY, "it has collected as much as it was to");
	} else if (*report.trouble) {
		found->state = MIRROR_DEGRADED;
		fail(&found->why, EIO, "%s", report.trouble);
	}
}

static void look_at_device(struct runner_session *found)
{
	found->why = found->device.waits_for;
	found->state = !found->device.there ? MIRROR_PENDING : found->why.code ? MIRROR_DEGRADED : MIRROR_ACTIVE;
}

void runner_look(const struct runner *runner, const struct session *session, struct runner_session *found)
{
	const struct running_collector *running = find_collector(runner, session->name);

	*found = (struct runner_session){.state = MIRROR_OFF};
	if (session->disabled)
		return;
	found->mirror = mirrors_find(runner->mirrors, session->name);
	if (found->mirror)
		found->state = mirror_session_state(found->mirror, &found->why);
	else if (running)
		look_at_collector(running, found);
	else if ((found->is_device = devices_read(&runner->devices, session->name, &found->device)))
		look_at_device(found);
}
