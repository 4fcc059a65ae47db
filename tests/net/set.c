/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many mirror sessions in one process, told what to do line by line on standard input:
 *
 *     want NAME INTERFACE DIRECTION DESTINATION [FILTER]   one more session for the next apply
 *     apply                                                makes those wanted the sessions: "applied MILLISECONDS"
 *     counters                                             a line per session: name, state, seen, excluded, attempted, dropped, sent
 *     stop                                                 ends copying and settles the counters
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/mirrors.h"

static const struct session *wanted[SESSIONS_MAX + 1];
static unsigned int wanted_count;

static void check(int rc, const struct error *error)
{
	if (!rc)
		return;
	fprintf(stderr, "set: %s\n", error->text);
	exit(1);
}

static void want(char *words)
{
	struct error error = {0};
	char *name = strsep(&words, " "), *interface = strsep(&words, " "), *direction = strsep(&words, " "),
	     *destination = strsep(&words, " ");
	struct session *session = session_new(name);

	session->directions[DIRECTION_RX] = strcmp(direction, "tx") != 0;
	session->directions[DIRECTION_TX] = strcmp(direction, "rx") != 0;
	check(session_add_source(session, interface, &error), &error);
	check(session_add_destination(session, destination, &error), &error);
	session->shape.filter = words && *words ? strdup(words) : NULL;
	wanted[wanted_count++] = session;
}

static void forget_wanted(void)
{
	while (wanted_count)
		session_free((struct session *)wanted[--wanted_count]);
}

static void apply(struct mirrors *mirrors)
{
	struct error error = {0};
	uint64_t begin = clock_monotonic_ns();
	int rc = mirrors_apply(mirrors, wanted, wanted_count, &error);

	if (rc)
		printf("refused %s\n", error.text);
	else
		printf("applied %llu\n", (unsigned long long)(clock_monotonic_ns() - begin) / 1000000);
	forget_wanted();
}

static const char *const classes[] = {
#define COUNTER(name, class, help) #class,
#include "bpf/counters.def"
#undef COUNTER
};

static uint64_t of_class(const struct counters *counters, const char *class)
{
	uint64_t sum = 0;

	for (unsigned int row = 0; row < COUNTER_COUNT; row++)
		if (strcmp(classes[row], class) == 0)
			sum += counters->value[row];
	return sum;
}

static void print_counters(const struct mirror_session *session)
{
	struct counters sum = {0}, one;
	struct error why;

	for (enum direction d = 0; d < DIRECTIONS; d++) {
		struct error error = {0};

		check(mirror_session_counters(session, 0, d, &one, &error), &error);
		for (unsigned int row = 0; row < COUNTER_COUNT; row++)
			sum.value[row] += one.value[row];
	}
	printf("%s %s", mirror_session_wanted(session)->name, mirror_state_name(mirror_session_state(session, &why)));
	printf(" %llu %llu %llu %llu %llu%s%s\n", (unsigned long long)sum.value[COUNTER_seen],
	       (unsigned long long)of_class(&sum, "excluded"), (unsigned long long)sum.value[COUNTER_attempted],
	       (unsigned long long)of_class(&sum, "drop"), (unsigned long long)sum.value[COUNTER_sent], why.code ? " " : "",
	       why.code ? why.text : "");
}

int main(void)
{
	struct mirrors *mirrors;
	struct error error = {0};
	char line[4096];

	check(mirrors_open(&mirrors, ATTACH_BEST, &error), &error);
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "want ", 5) == 0)
			want(line + 5);
		else if (strcmp(line, "apply") == 0)
			apply(mirrors);
		else if (strcmp(line, "stop") == 0)
			mirrors_stop(mirrors);
		for (unsigned int i = 0; strcmp(line, "counters") == 0 && mirrors_session(mirrors, i); i++)
			print_counters(mirrors_session(mirrors, i));
		printf("done\n");
		fflush(stdout);
	}
	forget_wanted();
	mirrors_close(mirrors);
	return 0;
}
