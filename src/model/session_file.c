/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/session_file.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model/match.h"
#include "model/names.h"
#include "model/session_tunnel.h"

enum {
	FILE_MAX = 1 << 20
};

const char *const session_directories[] = {"/etc/farspan", "/run/farspan", NULL};

static const char suffix[] = ".session", drop_in_suffix[] = ".session.d";
static const char *const section_names[SECTION_KINDS] = {"Session", "Source", "Destination", "Match", "Tunnel"};

/* ---- one file: lines, sections, keys ---- */

struct reader {
	const char *rest; /* behind the line at hand */
	const char *line;
	size_t line_len;
	struct place place; /* of the line */
	struct session_text *text;
	size_t section; /* of the keys that follow, index + 1; 0: none */
	bool skip;      /* that section is unknown */
	struct error_list *errors;
	bool failed; /* out of memory */
};

static unsigned int column_of(const struct reader *reader, const char *at)
{
	return (unsigned int)(at - reader->line) + 1;
}

/* All [Session] sections are one, also those of drop-ins; so are those of [Tunnel]. */
static void enter_section(struct reader *reader, enum section_kind kind)
{
	const bool one = kind == SECTION_SESSION || kind == SECTION_TUNNEL;

	reader->skip = false;
	for (reader->section = 1; one && reader->section <= reader->text->count; reader->section++)
		if (reader->text->sections[reader->section - 1].kind == kind)
			return;
	if (!session_text_add_section(reader->text, kind, &reader->place))
		reader->failed = reader->skip = true;
	reader->section = reader->text->count;
}

static void read_section(struct reader *reader, const char *start)
{
	const char *end = memchr(start, ']', (size_t)(reader->line + reader->line_len - start));
	struct name_list allowed = {0};
	char name[48], text[400];

	reader->skip = true;
	reader->place.column = column_of(reader, start);
	if (!end) {
		error_list_add(reader->errors, &reader->place, "the name of a section ends with ']'");
		return;
	}
	snprintf(name, sizeof name, "%.*s", (int)(end - start - 1), start + 1);
	for (enum section_kind kind = 0; kind < SECTION_KINDS; kind++) {
		if (strcmp(section_names[kind], name) == 0) {
			enter_section(reader, kind);
			return;
		}
		name_list_add(&allowed, section_names[kind]);
	}
	error_list_add(reader->errors, &reader->place, "unknown section [%s]; %s", name,
		       name_list_suggest(&allowed, name, text, sizeof text));
}

/*
 * An ini_reader: the next line, but that sections are read here, where every one of them is seen, and its place is known. The library has a
 * comment in their stead.
 */
static char *next_line(char *buffer, int size, void *context)
{
	struct reader *reader = context;
	const char *start;

	if (!*reader->rest)
		return NULL;
	reader->line = reader->rest;
	reader->line_len = strcspn(reader->line, "\n");
	reader->rest = reader->line + reader->line_len + (reader->line[reader->line_len] == '\n');
	reader->place.line++;
	start = reader->line + strspn(reader->line, " \t");
	if (*start == '[')
		read_section(reader, start);
	snprintf(buffer, (size_t)size, "%.*s\n", *start == '[' ? 0 : (int)reader->line_len, reader->line);
	return buffer;
}

/* An ini_handler; also called, without a value, for lines that have no '='. */
static int take_key(void *context, const char *ini_section, const char *key, const char *value)
{
	struct reader *reader = context;
	const char *start = reader->line + strspn(reader->line, " \t"), *equals;
	struct text_item *item;

	(void)ini_section;
	if (!key)
		return 1;
	reader->place.column = column_of(reader, start);
	if (!value || !*key)
		error_list_add(reader->errors, &reader->place, "'%.40s' is not of the form Key=Value", key);
	else if (!reader->section && !reader->skip)
		error_list_add(reader->errors, &reader->place, "%s stands in front of the first section", key);
	if (!value || !*key || !reader->section || reader->skip)
		return 1;
	item = session_text_add_item(&reader->text->sections[reader->section - 1], key, value, &reader->place);
	if (!item) {
		reader->failed = true;
		return 1;
	}
	equals = start + strcspn(start, "=:") + 1;
	item->value_column = column_of(reader, equals + strspn(equals, " \t"));
	return 1;
}

static size_t longest_line(const char *text)
{
	size_t longest = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");

		longest = len > longest ? len : longest;
		text += len + (text[len] == '\n');
	}
	return longest;
}

/* Adds what the text of a file says. 0 or -ENOMEM. */
static int read_text(const char *place, const char *content, struct session_text *text, struct error_list *errors)
{
	static const char mark[] = "\xef\xbb\xbf"; /* in front of what editors of Windows write */
	struct reader reader = {.rest = content, .place = place_of_file(place), .text = text, .errors = errors};

	if (strncmp(content, mark, strlen(mark)) == 0)
		reader.rest += strlen(mark);
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_allow_no_value = true;
	ini_use_stack = false;
	ini_max_line = ini_initial_alloc = (int)longest_line(content) + 3;
	if (ini_parse_stream(next_line, &reader, take_key, &reader) == -2)
		reader.failed = true;
	return reader.failed ? -ENOMEM : 0;
}

/* ---- files ---- */

static int fail_file(struct error_list *errors, const char *path, const char *why)
{
	struct place place = place_of_file(path);

	error_list_add(errors, &place, "%s", why);
	return -EINVAL;
}

/* Adds a file to those of the session. */
static int add_file(const char *path, struct kept_session *kept, struct kept_session *before, struct error_list *errors)
{
	const char *wrong = kept_session_read(kept, before, path);

	return wrong ? fail_file(errors, path, wrong) : 0;
}

/* Files by the names they have in directories, of which the first with a name counts. */
struct found_file {
	char name[SESSION_PATH_MAX], path[SESSION_PATH_MAX];
};

struct found_files {
	struct found_file *files;
	size_t count;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct found_file *)a)->name, ((const struct found_file *)b)->name);
}

static bool is_found(const struct found_files *found, const char *name)
{
	for (size_t i = 0; i < found->count; i++)
		if (strcmp(found->files[i].name, name) == 0)
			return true;
	return false;
}

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) > strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static int add_found(struct found_files *found, const char *directory, const char *name, struct error_list *errors)
{
	struct found_file *files = reallocarray(found->files, found->count + 1, sizeof *files), *file;

	if (!files)
		return -ENOMEM;
	found->files = files;
	file = &files[found->count];
	if ((size_t)snprintf(file->path, sizeof file->path, "%s/%s", directory, name) >= sizeof file->path)
		return fail_file(errors, directory, "a name in it is too long");
	snprintf(file->name, sizeof file->name, "%s", name);
	found->count++;
	return 0;
}

/* Adds the files of one directory with that end, sorted; names that are there already are hidden by those. */
static int find_files(const char *directory, const char *end, struct found_files *found, struct error_list *errors)
{
	DIR *open = opendir(directory);
	const struct dirent *entry;
	struct found_files mine = {0};
	int rc = 0;

	if (!open)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail_file(errors, directory, strerror(errno));
	while ((entry = readdir(open)))
		if (entry->d_name[0] != '.' && ends_with(entry->d_name, end) && !is_found(found, entry->d_name)) {
			int failed = add_found(&mine, directory, entry->d_name, errors);

			rc = failed ? failed : rc;
		}
	closedir(open);
	for (size_t i = 0; i < mine.count; i++)
		rc = add_found(found, directory, mine.files[i].name, errors) ? -ENOMEM : rc;
	free(mine.files);
	return rc;
}

/* Reads the drop-ins of a session, in the order of their names. */
static int add_drop_ins(const char *const *directories, const char *name, struct kept_session *kept, struct kept_session *before,
			struct error_list *errors)
{
	struct found_files found = {0};
	char folder[SESSION_PATH_MAX];
	int rc = 0;

	for (; *directories; directories++) {
		snprintf(folder, sizeof folder, "%s/%s%s", *directories, name, drop_in_suffix);
		if (find_files(folder, ".conf", &found, errors))
			rc = -EINVAL;
	}
	if (found.count)
		qsort(found.files, found.count, sizeof *found.files, by_name);
	for (size_t i = 0; i < found.count; i++)
		if (add_file(found.files[i].path, kept, before, errors))
			rc = -EINVAL;
	free(found.files);
	return rc;
}

/* ---- sessions ---- */

/* *session is what could be made of it also after an error. */
static int build(const char *name, const char *place, struct session_text *text, struct session **session, struct error_list *errors)
{
	struct error error = {0};
	int rc;

	text->place = place_of_file(place);
	text->names = KEY_NAMES_FILE;
	*session = session_new(name);
	if (!*session)
		return -ENOMEM;
	snprintf((*session)->file, sizeof(*session)->file, "%s", place);
	rc = session_name_check(name, &error);
	if (rc)
		error_list_add(errors, &text->place, "%s", error.text);
	return session_text_build(text, *session, errors) ? -EINVAL : rc;
}

/* Makes the session of the files that could be read, in part also after an error. */
static int make_session(struct kept_session *kept, const char *name, struct error_list *errors)
{
	struct session_text text = {0};
	size_t before = errors->errors;
	int rc = 0;

	for (size_t i = 0; i < kept->file_count && !rc; i++)
		if (kept->files[i].text)
			rc = read_text(kept->files[i].path, kept->files[i].text, &text, errors);
	if (rc)
		fail_file(errors, kept->files[0].path, strerror(-rc));
	else
		rc = build(name, kept->files[0].path, &text, &kept->session, errors);
	session_text_free(&text);
	/* Lines that are no keys are errors without being in the text. */
	return errors->errors > before ? -EINVAL : rc;
}

/*
 * In *kept, all zero before. After an error its session is what could be made, or NULL; without one NULL is a file that is empty, which
 * hides others of its name.
 */
static int read_session(const char *path, const char *name, const char *const *directories, struct kept_session *before,
			struct kept_session *kept, struct error_list *errors)
{
	int rc = add_file(path, kept, before, errors), made;

	if (rc || !*kept->files[0].text)
		return rc;
	rc = add_drop_ins(directories, name, kept, before, errors);
	if (!rc && kept_session_is(kept, before)) {
		kept->session = session_share(before->session);
		return 0;
	}
	made = make_session(kept, name, errors);
	return rc ? rc : made;
}

/* The name of a session from that of its file: "web.session" is "web". */
static void session_name(const char *path, char name[SESSION_PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	snprintf(name, SESSION_PATH_MAX, "%s", slash ? slash + 1 : path);
	if (ends_with(name, suffix))
		name[strlen(name) - strlen(suffix)] = '\0';
}

/* The same of a path alone, with the drop-ins beside it. */
static int read_file(const char *path, struct kept_session *kept, struct error_list *errors)
{
	char name[SESSION_PATH_MAX], directory[SESSION_PATH_MAX];
	const char *slash = strrchr(path, '/');
	const char *directories[] = {directory, NULL};
	int rc;

	if (strlen(path) >= SESSION_PATH_MAX)
		return fail_file(errors, path, "the name is too long");
	session_name(path, name);
	snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	rc = read_session(path, name, directories, NULL, kept, errors);
	return rc || kept->session ? rc : fail_file(errors, path, "is empty");
}

int session_file_read(const char *path, struct session **session, struct error_list *errors)
{
	struct kept_session kept = {0};
	int rc = read_file(path, &kept, errors);

	*session = rc ? NULL : session_share(kept.session);
	kept_session_free(&kept);
	return rc;
}

int session_text_read(const char *name, const char *place, const char *text, struct session **session, struct error_list *errors)
{
	struct session_text sections = {0};
	size_t before = errors->errors;
	int rc = read_text(place, text, &sections, errors);

	*session = NULL;
	if (!rc)
		rc = build(name, place, &sections, session, errors);
	session_text_free(&sections);
	if (errors->errors > before)
		rc = -EINVAL;
	if (rc) {
		session_free(*session);
		*session = NULL;
	}
	return rc;
}

/* Which sessions have a directory of drop-ins: hardly any, and looking for that of each takes longer than reading the file. */
static int find_folders(const char *const *directories, struct found_files *folders)
{
	struct error_list unread = {0}; /* what cannot be read is told of the files in it */
	int rc = 0;

	for (; *directories; directories++)
		if (find_files(*directories, drop_in_suffix, folders, &unread) == -ENOMEM)
			rc = -ENOMEM;
	if (folders->count)
		qsort(folders->files, folders->count, sizeof *folders->files, by_name);
	error_list_free(&unread);
	return rc;
}

static bool has_folder(const struct found_files *folders, const char *file)
{
	struct found_file wanted;

	snprintf(wanted.name, sizeof wanted.name, "%.*s.d", SESSION_PATH_MAX - 3, file);
	return folders->count && bsearch(&wanted, folders->files, folders->count, sizeof wanted, by_name);
}

static void add_faulty(struct session_list *list, struct kept_session *kept)
{
	if (list->faulty && kept->session && session_list_add(list->faulty, kept->session) == 0)
		session_share(kept->session);
}

/* Reads a file that was found, or takes what it was before, into the list and what is kept. Only -ENOMEM ends all. */
static int take_found(const struct found_file *file, const char *const *directories, const struct session_cache *before,
		      struct session_cache *now, struct session_list *list, struct error_list *errors)
{
	struct kept_session kept = {0};
	char name[SESSION_PATH_MAX];
	int rc = 0;

	session_name(file->path, name);
	if (read_session(file->path, name, directories, session_cache_find(before, file->name), &kept, errors)) {
		add_faulty(list, &kept);
		kept_session_free(&kept);
		return 0;
	}
	if (kept.session && (rc = session_list_add(list, kept.session)) == 0)
		session_share(kept.session);
	if (!rc && (kept.name = strdup(file->name)))
		return session_cache_add(now, &kept);
	kept_session_free(&kept);
	return -ENOMEM;
}

static int load_dir(const char *const *directories, const struct session_cache *before, struct session_cache *now,
		    struct session_list *list, struct error_list *errors)
{
	static const char *const none[] = {NULL};
	struct found_files found = {0}, folders = {0};
	size_t had = errors->errors;
	int rc = find_folders(directories, &folders);

	for (const char *const *directory = directories; *directory; directory++)
		if (find_files(*directory, suffix, &found, errors) == -ENOMEM)
			rc = -ENOMEM;
	if (found.count)
		qsort(found.files, found.count, sizeof *found.files, by_name);
	for (size_t i = 0; i < found.count && rc != -ENOMEM; i++)
		rc = take_found(&found.files[i], has_folder(&folders, found.files[i].name) ? directories : none, before, now, list, errors);
	free(found.files);
	free(folders.files);
	return !rc && errors->errors > had ? -EINVAL : rc;
}

int session_dir_load(const char *const *directories, struct session_cache *cache, struct session_list *list, struct error_list *errors)
{
	struct session_cache none = {0}, *before = cache ? cache : &none, now = {0};
	int rc = load_dir(directories, before, &now, list, errors);

	session_cache_free(before);
	if (cache)
		*cache = now;
	else
		session_cache_free(&now);
	return rc;
}

int session_dir_read(const char *const *directories, struct session_cache *cache, struct session_list *list, struct error_list *errors)
{
	int rc = session_dir_load(directories, cache, list, errors), checked = rc == -ENOMEM ? 0 : session_list_check(list, errors);

	return rc ? rc : checked;
}

static void add_session(struct session_list *list, struct session *session, struct error_list *errors)
{
	const struct session *other = session_list_find(list, session->name);
	struct place place = place_of_file(session->file);

	if (other)
		error_list_add(errors, &place, "session %s is also in %s", session->name, other->file);
	if (other || session_list_add(list, session))
		session_free(session);
}

static void read_path(const char *path, struct session_list *list, struct error_list *errors)
{
	const char *directories[] = {path, NULL};
	struct session_list mine = {.faulty = list->faulty};
	struct kept_session kept = {0};
	struct stat status;

	if (stat(path, &status) || !S_ISDIR(status.st_mode)) {
		if (read_file(path, &kept, errors))
			add_faulty(list, &kept);
		else
			add_session(list, session_share(kept.session), errors);
		kept_session_free(&kept);
		return;
	}
	session_dir_load(directories, NULL, &mine, errors);
	for (size_t i = 0; i < mine.count; i++)
		add_session(list, mine.sessions[i], errors);
	mine.count = 0;
	session_list_free(&mine);
}

void session_paths_load(int count, char *const *paths, struct session_list *list, struct error_list *errors)
{
	for (int i = 0; i < count; i++)
		read_path(paths[i], list, errors);
}

/* ---- writing ---- */

static void write_key(FILE *out, const char *name, bool (*print)(FILE *out, const void *of, unsigned int i, unsigned int which),
		      const void *of, unsigned int i, unsigned int which)
{
	char *value = NULL;
	size_t len;
	FILE *memory = open_memstream(&value, &len);
	bool some = memory && print(memory, of, i, which);

	if (memory && fclose(memory) == 0 && some)
		fprintf(out, "%s=%s\n", name, value);
	free(value);
}

static bool print_session_key(FILE *out, const void *session, unsigned int i, unsigned int source)
{
	return session_key_print(i, session, source, out);
}

static bool print_endpoint_key(FILE *out, const void *endpoint, unsigned int i, unsigned int which)
{
	(void)which;
	return endpoint_print_key(endpoint, i, out);
}

static void write_part(FILE *out, const struct session *session, enum session_part part, unsigned int source)
{
	for (unsigned int i = 0; i < SESSION_KEY_COUNT; i++) {
		const char *name = session_key_name(i, part, KEY_NAMES_FILE);

		if (name)
			write_key(out, name, print_session_key, session, i, source);
	}
}

static void write_endpoint(FILE *out, const struct endpoint *endpoint, enum endpoint_side side)
{
	fprintf(out, "Type=%s\n", endpoint_type_name(endpoint));
	for (unsigned int n = 0; n <= ENDPOINT_KEY_COUNT; n++) {
		unsigned int i = n ? n - 1 : ENDPOINT_KEY_COUNT; /* where it is comes first */
		const char *name = endpoint_key_name(endpoint->kinds, side, KEY_NAMES_FILE, i);

		if (name)
			write_key(out, name, print_endpoint_key, endpoint, i, 0);
	}
}

static int write_tunnel_key(void *context, const char *name, const char *value, enum endpoint_value kind)
{
	(void)kind;
	fprintf(context, "%s=%s\n", name, value);
	return 0;
}

static bool print_match_key(FILE *out, const void *match, unsigned int i, unsigned int which)
{
	(void)which;
	return match_print_key(match, i, out);
}

static void write_matches(FILE *out, const struct session *session)
{
	char buffer[MATCH_KEY_NAME_MAX];
	struct match match;
	const char *name;

	for (const char *line = session->matches; line; line = matches_next(line)) {
		match_parse(line, &match, NULL);
		fprintf(out, "\n[Match]\n");
		for (unsigned int i = 0; (name = match_key_name(i, KEY_NAMES_FILE, buffer)); i++)
			write_key(out, name, print_match_key, &match, i, 0);
	}
}

void session_file_write(FILE *out, const struct session *session)
{
	fprintf(out, "[Session]\n");
	write_part(out, session, PART_SESSION, 0);
	if (session_kind(session) == SESSION_TUNNEL) {
		fprintf(out, "\n[Tunnel]\n");
		session_tunnel_each(session, KEY_NAMES_FILE, write_tunnel_key, out);
		return;
	}
	for (unsigned int i = 0; i < session->source_count; i++) {
		fprintf(out, "\n[Source]\n");
		write_part(out, session, PART_INTERFACES, i);
	}
	for (unsigned int i = 0; i < session->tunnel_count; i++) {
		fprintf(out, "\n[Source]\n");
		write_endpoint(out, &session->tunnels[i], ENDPOINT_SOURCE);
		write_part(out, session, PART_TUNNELS, 0);
	}
	for (unsigned int i = 0; i < session->destination_count; i++) {
		fprintf(out, "\n[Destination]\n");
		write_endpoint(out, &session->destinations[i], ENDPOINT_DESTINATION);
	}
	if (session->recording.path[0] || session->recording.listen[0]) {
		fprintf(out, "\n[Destination]\nType=pcapng\n");
		write_part(out, session, PART_RECORDING, 0);
	}
	write_matches(out, session);
}
