/* SPDX-License-Identifier: BSD-2-Clause */
/* farspan top: what the sessions of the daemon do, live. */
#include "cli/command.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/client.h"
#include "base/clock.h"
#include "base/plural.h"
#include "cli/daemon_command.h"
#include "cli/number.h"
#include "cli/top_rows.h"

enum {
	LINE_MAX = 1024,
	NAME_WIDTH = 16,
	HEAD_LINES = 2,
	FOOT_LINES = 1,
	KEY_ESCAPE = 27,
	DELAY_MAX_S = 3600,
	LEVELS = 8,
};

struct top {
	const char *socket;
	uint64_t delay_s, count; /* count 0: no limit */
	bool batch;
	enum top_order order;
	struct top_rows rows;
	json_t *answer; /* the last */
	struct error trouble;
	bool paused;
	unsigned int chosen, first; /* rows: the cursor's, and the uppermost shown */
	char *detail;               /* name of the session that is shown in full; NULL: the table is */
	bool utf8;
};

static const char usage[] =
	"usage: farspan top [-d SECONDS] [-n COUNT] [-s ORDER] [-b] [-S SOCKET]\n\n"
	"Shows what the sessions of farspand do: frames and bits per second, what is lost, and the last minute of each. The keys\n"
	"are shown below the table; Enter shows all of one session.\n\n"
	"  -d, --delay SECONDS   between two looks (1)\n"
	"  -n, --count COUNT     end after that many tables\n"
	"  -s, --sort ORDER      name, frames, bits, loss or state\n"
	"  -b, --batch           as plain lines, for files and programs\n" DAEMON_HELP;

static int parse_order(const char *text, enum top_order *order, struct error *error)
{
	for (enum top_order o = 0; o < TOP_ORDERS; o++) {
		if (strcmp(top_order_name(o), text) == 0) {
			*order = o;
			return 0;
		}
	}
	return fail(error, EINVAL, "top: the order must be name, frames, bits, loss or state, not '%s'", text);
}

static int take_option(int option, const char *value, void *context, struct error *error)
{
	struct top *top = context;

	switch (option) {
	case 'd':
		return number_parse(value, "top: delay", DELAY_MAX_S, &top->delay_s, error);
	case 'n':
		return number_parse(value, "top: count", UINT64_MAX, &top->count, error);
	case 's':
		return parse_order(value, &top->order, error);
	default:
		top->batch = true;
		return 0;
	}
}

/* ---- numbers and pictures ---- */

/* "987", "12.3k", "1.20G": three digits and a unit. */
static const char *human(double number, char text[16])
{
	static const char units[] = {' ', 'k', 'M', 'G', 'T', 'P'};
	unsigned int unit = 0;

	while (number >= 999.5 && unit + 1 < sizeof units) {
		number /= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(text, 16, "%.0f", number);
	else
		snprintf(text, 16, "%.*f%c", number < 9.995 ? 2 : number < 99.95 ? 1 : 0, number, units[unit]);
	return text;
}

/* One sample as a bar; nothing for 0. */
static const char *bar(const struct top *top, double value, double most)
{
	static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const plain[] = {".", ":", "-", "=", "+", "*", "#", "@"};
	unsigned int level;

	if (value <= 0 || most <= 0)
		return " ";
	level = (unsigned int)(value / most * (LEVELS - 1) + 0.5);
	return (top->utf8 ? blocks : plain)[level < LEVELS ? level : LEVELS - 1];
}

static void append(char line[LINE_MAX], const char *text)
{
	size_t used = strlen(line);

	snprintf(line + used, LINE_MAX - used, "%s", text);
}

/* The last samples, as many as fit the width; of the frames, or of those that were lost. */
static void sparkline(const struct top *top, const struct top_row *row, unsigned int width, bool lost, char line[LINE_MAX])
{
	unsigned int shown = width < TOP_HISTORY ? width : TOP_HISTORY;
	double most = 0;

	for (unsigned int i = TOP_HISTORY - shown; i < TOP_HISTORY; i++) {
		double value = lost ? row->history[i].dropped : row->history[i].frames;

		most = value > most ? value : most;
	}
	for (unsigned int i = TOP_HISTORY - shown; i < TOP_HISTORY; i++)
		append(line, bar(top, lost ? row->history[i].dropped : row->history[i].frames, most));
}

/* A letter a moment: what became of the frames. */
static void gap_strip(const struct top_row *row, char line[LINE_MAX])
{
	for (unsigned int i = TOP_HISTORY - row->samples; i < TOP_HISTORY; i++) {
		const struct top_sample *s = &row->history[i];
		double lost = s->frames + s->dropped > 0 ? s->dropped / (s->frames + s->dropped) : 0;

		append(line, s->frames + s->dropped <= 0 ? "." : lost <= 0 ? "=" : lost < 0.01 ? "-" : lost < 0.5 ? "x" : "X");
	}
}

/* ---- lines ---- */

static void head_line(const struct top *top, char line[LINE_MAX])
{
	double frames = 0, bits = 0;
	unsigned int unwell = 0;
	char clock[16], a[16], b[16];
	time_t now = time(NULL);
	struct tm tm;

	strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &tm));
	for (unsigned int i = 0; i < top->rows.count; i++) {
		frames += top->rows.rows[i].frame_rate;
		bits += top->rows.rows[i].bit_rate;
		unwell += strcmp(top->rows.rows[i].state, "active") != 0;
	}
	snprintf(line, LINE_MAX, "farspan %s  %u session%s, %u not active  %s frames/s  %sbit/s%s", clock, top->rows.count,
		 plural(top->rows.count), unwell, human(frames, a), human(bits, b), top->paused ? "  (paused)" : "");
}

static void column_line(char line[LINE_MAX])
{
	snprintf(line, LINE_MAX, "%-*s %-8s %9s %8s %8s %6s  %s", NAME_WIDTH, "NAME", "STATE", "FRAMES/S", "BIT/S", "LOST/S", "LOSS",
		 "LAST MINUTE");
}

static void row_line(const struct top *top, const struct top_row *row, unsigned int width, char line[LINE_MAX])
{
	char frames[16], bits[16], lost[16];
	int used = snprintf(line, LINE_MAX, "%-*.*s %-8.8s %9s %8s %8s %5.1f%%  ", NAME_WIDTH, NAME_WIDTH, row->name, row->state,
			    human(row->frame_rate, frames), human(row->bit_rate, bits), human(row->drop_rate, lost), row->lost * 100);

	if (*row->why && strcmp(row->state, "active") != 0)
		append(line, row->why);
	else if (width > (unsigned int)used)
		sparkline(top, row, width - (unsigned int)used, false, line);
}

/* ---- asking ---- */

/* A daemon that is gone is told, and asked again: it may be starting anew. */
static void look(struct top *top)
{
	json_t *answer = NULL;

	top->trouble = (struct error){0};
	if (!api_call(top->socket, "GET", "/v1/sessions", NULL, &answer, &top->trouble) &&
	    !top_rows_update(&top->rows, answer, clock_monotonic_ns(), &top->trouble)) {
		json_decref(top->answer);
		top->answer = json_incref(answer);
	}
	json_decref(answer);
	top_rows_sort(&top->rows, top->order);
}

/* ---- as plain lines ---- */

static void print_table(const struct top *top)
{
	char line[LINE_MAX];

	head_line(top, line);
	puts(line);
	column_line(line);
	puts(line);
	for (unsigned int i = 0; i < top->rows.count; i++) {
		row_line(top, &top->rows.rows[i], 80, line);
		puts(line);
	}
	putchar('\n');
	fflush(stdout);
}

static int run_batch(struct top *top, struct error *error)
{
	const struct timespec delay = {.tv_sec = (time_t)top->delay_s};

	look(top);
	for (uint64_t shown = 0; !top->trouble.code && (!top->count || shown < top->count); shown++) {
		nanosleep(&delay, NULL);
		look(top);
		if (!top->trouble.code)
			print_table(top);
	}
	return top->trouble.code ? fail(error, top->trouble.code, "%s", top->trouble.text) : 0;
}

/* ---- on a terminal ---- */

static unsigned int table_height(void)
{
	return LINES > HEAD_LINES + FOOT_LINES ? (unsigned int)(LINES - HEAD_LINES - FOOT_LINES) : 0;
}

static void draw_line(int y, const char *line)
{
	mvaddnstr(y, 0, line, -1);
	clrtoeol();
}

/* Keeps the cursor on a row, and that row on the screen. */
static void place_cursor(struct top *top)
{
	const unsigned int height = table_height();

	if (top->chosen >= top->rows.count)
		top->chosen = top->rows.count ? top->rows.count - 1 : 0;
	if (top->chosen < top->first)
		top->first = top->chosen;
	if (height && top->chosen >= top->first + height)
		top->first = top->chosen - height + 1;
}

static void draw_table(struct top *top)
{
	char line[LINE_MAX];

	place_cursor(top);
	column_line(line);
	attron(A_REVERSE);
	draw_line(1, line);
	attroff(A_REVERSE);
	for (unsigned int i = 0; i < table_height() && top->first + i < top->rows.count; i++) {
		const struct top_row *row = &top->rows.rows[top->first + i];
		const int look = (top->first + i == top->chosen ? A_STANDOUT : 0) | (row->drop_rate > 0 ? A_BOLD : 0);

		row_line(top, row, (unsigned int)COLS, line);
		attron(look);
		draw_line(HEAD_LINES + (int)i, line);
		attroff(look);
	}
	mvaddstr(LINES - 1, 0, "q quit  s sort  p pause  Enter details  arrows move");
	printw("   sorted by %s", top_order_name(top->order));
}

struct counter_page {
	int y, x;
};

static void draw_counter(void *context, const char *name, uint64_t value)
{
	struct counter_page *page = context;

	if (page->y >= LINES - FOOT_LINES)
		return;
	mvprintw(page->y, page->x, "%-22.22s %14llu", name, (unsigned long long)value);
	page->x = page->x == 0 && COLS >= 80 ? 40 : 0;
	page->y += page->x == 0;
}

static const json_t *find_session(const struct top *top, const char *name)
{
	const json_t *session;
	size_t i;

	json_array_foreach (json_object_get(top->answer, "sessions"), i, session)
		if (strcmp(session_view_text(session, "name"), name) == 0)
			return session;
	return NULL;
}

static const struct top_row *find_row(const struct top *top, const char *name)
{
	for (unsigned int i = 0; i < top->rows.count; i++)
		if (strcmp(top->rows.rows[i].name, name) == 0)
			return &top->rows.rows[i];
	return NULL;
}

static int draw_ways(const json_t *session, int y)
{
	const json_t *actual = json_object_get(session, "actual"), *destination;
	size_t i;

	mvprintw(y++, 0, "from   %s", session_view_text(actual, "sources"));
	json_array_foreach (json_object_get(actual, "destinations"), i, destination) {
		const char *waits = session_view_text(destination, "waits_for");

		mvprintw(y++, 0, "to     %s", *waits ? waits : session_view_text(destination, "path"));
	}
	return y;
}

static void draw_detail(const struct top *top)
{
	const struct top_row *row = find_row(top, top->detail);
	const json_t *session = find_session(top, top->detail);
	struct counter_page page = {0};
	char frames[LINE_MAX] = "", lost[LINE_MAX] = "", strip[LINE_MAX] = "";
	int y = 2;

	mvaddstr(LINES - 1, 0, "q quit  p pause  Esc back");
	if (!row || !session) {
		mvprintw(y, 0, "%s is gone", top->detail);
		return;
	}
	sparkline(top, row, TOP_HISTORY, false, frames);
	sparkline(top, row, TOP_HISTORY, true, lost);
	gap_strip(row, strip);
	mvprintw(y++, 0, "%s  %s, %s%s%s", row->name, row->kind, row->state, *row->why ? ": " : "", row->why);
	y = draw_ways(session, y);
	mvprintw(y++, 0, "frames %s", frames);
	mvprintw(y++, 0, "lost   %s", lost);
	mvprintw(y++, 0, "gaps   %s", strip);
	mvaddstr(y++, 0, "       . nothing  = all there  - below 1 % lost  x below half  X more");
	page.y = y + 1;
	session_view_counters(session, draw_counter, &page);
}

static void draw(struct top *top)
{
	char line[LINE_MAX];

	erase();
	head_line(top, line);
	draw_line(0, top->trouble.code ? top->trouble.text : line);
	if (top->detail)
		draw_detail(top);
	else
		draw_table(top);
	refresh();
}

static void open_detail(struct top *top)
{
	if (top->chosen < top->rows.count && !top->detail)
		top->detail = strdup(top->rows.rows[top->chosen].name);
}

static void close_detail(struct top *top)
{
	free(top->detail);
	top->detail = NULL;
}

/* What a key does; false: the end. */
static bool take_key(struct top *top, int key)
{
	switch (key) {
	case 'q':
		return false;
	case 's':
		top->order = (top->order + 1) % TOP_ORDERS;
		top_rows_sort(&top->rows, top->order);
		break;
	case 'p':
		top->paused = !top->paused;
		break;
	case KEY_DOWN:
	case 'j':
		top->chosen++;
		break;
	case KEY_UP:
	case 'k':
		top->chosen -= top->chosen > 0;
		break;
	case '\n':
	case KEY_ENTER:
		open_detail(top);
		break;
	case KEY_ESCAPE:
	case KEY_BACKSPACE:
	case KEY_LEFT:
		close_detail(top);
		break;
	default:
		break;
	}
	return true;
}

/* Takes keys until the next look is due; false: the end. */
static bool keys_until(struct top *top, uint64_t due_ns)
{
	uint64_t now;

	while ((now = clock_monotonic_ns()) < due_ns) {
		int key;

		timeout((int)((due_ns - now) / 1000000) + 1);
		key = getch();
		if (key != ERR && !take_key(top, key))
			return false;
		if (key != ERR)
			draw(top);
	}
	return true;
}

static int run_screen(struct top *top, struct error *error)
{
	SCREEN *screen = newterm(NULL, stdout, stdin);
	uint64_t shown = 0;

	if (!screen)
		return fail(error, ENOTTY, "top: this terminal cannot be drawn on; -b writes plain lines");
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	do {
		if (!top->paused)
			look(top);
		draw(top);
		shown++;
	} while ((!top->count || shown < top->count) && keys_until(top, clock_monotonic_ns() + top->delay_s * NS_PER_S));
	endwin();
	delscreen(screen);
	return 0;
}

int cmd_top(int argc, char **argv, struct error *error)
{
	static const struct option options[] = {{"delay", required_argument, NULL, 'd'},
						{"count", required_argument, NULL, 'n'},
						{"sort", required_argument, NULL, 's'},
						{"batch", no_argument, NULL, 'b'},
						DAEMON_OPTIONS,
						{NULL, 0, NULL, 0}};
	struct top top = {.delay_s = 1};
	struct daemon_command command = {.usage = usage, .take = take_option, .own = &top};
	int rc;

	setlocale(LC_CTYPE, "");
	top.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (daemon_command_parse(argc, argv, options, &command, error))
		return EXIT_USAGE;
	if (command.help)
		return EXIT_OK;
	top.socket = command.socket;
	rc = top.batch ? run_batch(&top, error) : run_screen(&top, error);
	close_detail(&top);
	json_decref(top.answer);
	top_rows_clear(&top.rows);
	return rc ? EXIT_FAILED : EXIT_OK;
}
