/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	LETTERS_MAX = 1 + 2 * 128 + 1, /* ":a:b..." of ASCII */
	CANDIDATES_MAX = 400,
};

static void find_letters(const struct option *rows, char letters[LETTERS_MAX])
{
	char *at = letters;

	*at++ = ':'; /* a value that is missing is told apart */
	*at = 0;
	for (; rows->name; rows++) {
		if (rows->val > 127 || !isgraph(rows->val) || strchr(letters, rows->val))
			continue;
		*at++ = (char)rows->val;
		if (rows->has_arg == required_argument)
			*at++ = ':';
		*at = 0;
	}
}

/* "--sample, --size" in *text, which begins empty: the options that a word may be short for. Returns how many. */
static unsigned int find_candidates(const char *word, const struct option *rows, char *text, size_t size)
{
	const char *name = word + strspn(word, "-");
	const size_t len = strcspn(name, "=");
	unsigned int count = 0;

	for (; rows->name; rows++) {
		size_t used = strlen(text);

		if (strncmp(rows->name, name, len) == 0)
			snprintf(text + used, size - used, "%s--%s", count++ ? ", " : "", rows->name);
	}
	return count;
}

/* option is getopt's complaint, and word the last that it read, which may hold several letters. */
static int refuse(int option, const char *word, const char *prefix, const struct option *rows, const char *letters, struct error *error)
{
	char candidates[CANDIDATES_MAX] = "";
	const char letter[] = {'-', (char)optopt, 0};
	const bool is_long = strncmp(word, "--", 2) == 0;

	if (option == ':')
		return fail(error, EINVAL, "%soption '%s' needs a value", prefix, is_long ? word : letter);
	if (optopt && (optopt > 127 || strchr(letters, optopt)))
		return fail(error, EINVAL, "%soption '%.*s' takes no value", prefix, (int)strcspn(word, "="), word);
	if (!optopt && find_candidates(word, rows, candidates, sizeof candidates) > 1)
		return fail(error, EINVAL, "%soption '%s' may be any of %s", prefix, word, candidates);
	return fail(error, EINVAL, "%sunknown option '%s'; --help lists them", prefix, optopt ? letter : word);
}

int options_parse(int argc, char **argv, const char *prefix, const struct option *rows, option_taker *take, void *context,
		  struct error *error)
{
	char letters[LETTERS_MAX];
	int option, rc = 0;

	find_letters(rows, letters);
	opterr = 0;
	optind = 0; /* getopt begins anew */
	while (!rc && (option = getopt_long(argc, argv, letters, rows, NULL)) >= 0)
		rc = option == '?' || option == ':' ? refuse(option, argv[optind - 1], prefix, rows, letters, error)
						    : take(option, optarg, context, error);
	return rc;
}

int options_end(int argc, char **argv, const char *prefix, int max, struct error *error)
{
	return argc - optind > max ? fail(error, EINVAL, "%s'%s' is one word too many", prefix, argv[optind + max]) : 0;
}
