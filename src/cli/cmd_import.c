/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan import: what tc and ip have set up here, as files of sessions. */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "engine/import.h"
#include "model/session_file.h"

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: farspan import [DIRECTORY]\n\n"
		"Reads the rules of tc that mirror (mirred) and the tunnel devices they send to, and the erspan devices that receive, of "
		"this\n"
		"network namespace, and writes files of sessions that do the same, to DIRECTORY or to the standard output. Files that are\n"
		"there stay as they are. Nothing of what is set up is changed.\n\n"
		"  -h, --help   this\n");
}

/* Lines of comment. */
static void write_notes(FILE *out, const char *notes)
{
	while (*notes) {
		size_t len = strcspn(notes, "\n");

		fprintf(out, "# %.*s\n", (int)len, notes);
		notes += len + (notes[len] == '\n');
	}
}

static void write_item(FILE *out, const struct imported *item)
{
	write_notes(out, item->notes);
	if (item->session)
		session_file_write(out, item->session);
}

static int write_file(const char *directory, const struct imported *item, struct error *error)
{
	char path[4096];
	FILE *out;
	int fd;

	if ((size_t)snprintf(path, sizeof path, "%s/%s.session", directory, item->session->name) >= sizeof path)
		return fail(error, ENAMETOOLONG, "%s: the name is too long", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!out) {
		int code = errno;

		if (fd >= 0)
			close(fd);
		return fail(error, code, "%s: %s", path, strerror(code));
	}
	write_item(out, item);
	if (fclose(out))
		return fail(error, errno, "%s: %s", path, strerror(errno));
	printf("%s\n", path);
	return 0;
}

static int write_all(const struct import *import, const char *directory, struct error *error)
{
	int rc = 0;

	for (size_t i = 0; i < import->count && !rc; i++) {
		const struct imported *item = &import->items[i];

		if (directory && item->session) {
			rc = write_file(directory, item, error);
		} else if (directory) {
			write_notes(stderr, item->notes);
		} else {
			if (item->session)
				printf("%s# %s.session\n", i ? "\n" : "", item->session->name);
			write_item(stdout, item);
		}
	}
	return rc;
}

/* --help is the only one. */
static int take_help(int option, const char *value, void *context, struct error *error)
{
	(void)option, (void)value, (void)error;
	*(bool *)context = true;
	return 0;
}

int cmd_import(int argc, char **argv, struct error *error)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct import import;
	bool help = false;
	int rc;

	if (options_parse(argc, argv, "import: ", options, take_help, &help, error))
		return EXIT_USAGE;
	if (help) {
		print_usage(stdout);
		return EXIT_OK;
	}
	if (options_end(argc, argv, "import: ", 1, error))
		return EXIT_USAGE;
	rc = import_read(&import, error);
	if (!rc)
		rc = write_all(&import, optind < argc ? argv[optind] : NULL, error);
	if (!rc && !import.count)
		fprintf(stderr, "farspan: nothing here mirrors by tc or erspan devices\n");
	import_free(&import);
	return rc ? EXIT_FAILED : EXIT_OK;
}
