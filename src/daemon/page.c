/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/page.h"

#include <farspan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/state.h"

static const char head[] = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>farspan</title>\n"
			   "<meta http-equiv=\"refresh\" content=\"5\">\n"
			   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
			   "<meta name=\"viewport\" content=\"width=device-width\">\n"
			   "<style>\n"
			   ":root { color-scheme: light dark; font: 15px/1.5 sans-serif; }\n"
			   "body { margin: 2em auto; max-width: 70em; padding: 0 1em; }\n"
			   "table { border-collapse: collapse; width: 100%; }\n"
			   "th, td { text-align: left; vertical-align: top; padding: .3em .8em .3em 0; border-bottom: 1px solid #8884; }\n"
			   ".number { text-align: right; font-variant-numeric: tabular-nums; }\n"
			   ".active { color: #2a9d4a; } .pending, .degraded { color: #d07a00; } .off, small { color: #888; }\n"
			   "</style>\n</head>\n<body>\n";

/* What the network or a file said must not become part of the page's own text. */
static void print_escaped(FILE *out, const char *text)
{
	static const char *const escapes[] = {['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;", ['\''] = "&#39;"};

	for (; *text; text++) {
		const unsigned char c = (unsigned char)*text;

		if (c < sizeof escapes / sizeof escapes[0] && escapes[c])
			fputs(escapes[c], out);
		else
			fputc(c, out);
	}
}

static void print_session(FILE *out, const struct session *session, const struct runner_session *found)
{
	const struct state_totals totals = state_totals(found);
	const uint64_t numbers[] = {totals.seen, totals.passed, totals.dropped};

	fputs("<tr><td>", out);
	print_escaped(out, session->name);
	if (*session->description) {
		fputs("<br><small>", out);
		print_escaped(out, session->description);
		fputs("</small>", out);
	}
	fprintf(out, "<td>%s<td class=\"%s\">%s<td>", session_kind_name(session), mirror_state_name(found->state),
		mirror_state_name(found->state));
	print_escaped(out, found->why.code ? found->why.text : "");
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		fputs("<td class=\"number\">", out);
		if (!found->is_device)
			fprintf(out, "%llu", (unsigned long long)numbers[i]);
	}
	fputc('\n', out);
}

char *page_html(const struct runner *runner)
{
	const struct session_list *list = runner_wanted(runner);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	fputs(head, out);
	fprintf(out,
		"<h1>farspan</h1>\n<p>%zu session%s. <a href=\"metrics\">Metrics</a>. <small>Version %s</small>\n"
		"<table>\n<tr><th>Session<th>Kind<th>State<th>Why<th class=\"number\">Seen<th class=\"number\">Passed on"
		"<th class=\"number\">Dropped or lost\n",
		list->count, list->count == 1 ? "" : "s", farspan_version());
	for (size_t i = 0; i < list->count; i++) {
		struct runner_session found;

		runner_look(runner, list->sessions[i], &found);
		print_session(out, list->sessions[i], &found);
	}
	fputs("</table>\n</body>\n</html>\n", out);
	fclose(out);
	return text;
}
