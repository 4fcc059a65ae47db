/* SPDX-License-Identifier: BSD-2-Clause */
/* Expressions to classic BPF. The only place that knows libpcap. */
#include "filter/filter.h"

#include <ctype.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/code.h"
#include "host/privilege.h"

enum {
	SNAPSHOT_BYTES = 64, /* nothing is ever read from the handle */
	SHOWN_MAX = 100,     /* bytes of an expression that errors show */
	SHOWN_BEFORE = 60,   /* of them in front of the mark */
	DEPTH_MAX = 32,      /* nested brackets followed in the search for a mistake */
	NOWHERE = -1,
	UNUSED_PROTOCOL = 0x88b6, /* for local experiments (IEEE 802) */
};

static int compile(pcap_t *pcap, const char *expression, struct bpf_program *program)
{
	return pcap_compile(pcap, program, expression, 1, PCAP_NETMASK_UNKNOWN);
}

/* ---- where an expression goes wrong ---- */

struct token {
	size_t start, end;
};

struct search {
	pcap_t *pcap;
	const char *expression;
	char message[PCAP_ERRBUF_SIZE]; /* what libpcap says about it */
	bool syntax;                    /* it cannot be read; else it is readable and means nothing */
	struct token *tokens;
	size_t count;
	char *attempt; /* room for the expression and what completes it */
};

static bool is_syntax_error(const char *message)
{
	return strstr(message, "syntax error") != NULL;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.:-/\\$", c)) || (unsigned char)c >= 0x80;
}

static size_t token_end(const char *text, size_t start)
{
	size_t end = start + 1;

	if (is_word(text[start]))
		while (is_word(text[end]))
			end++;
	else if (text[end] && strchr("&|<>=!", text[start]) && strchr("&|<>=", text[end]))
		end++;
	return end;
}

static void split(struct search *s)
{
	for (size_t i = 0; s->expression[i];) {
		if (isspace((unsigned char)s->expression[i])) {
			i++;
			continue;
		}
		s->tokens[s->count].start = i;
		i = s->tokens[s->count++].end = token_end(s->expression, i);
	}
}

/* The brackets that are open behind len bytes, as they would have to be closed. */
static size_t closers(const char *text, size_t len, char closing[DEPTH_MAX])
{
	char open[DEPTH_MAX];
	size_t depth = 0;

	for (size_t i = 0; i < len; i++) {
		if ((text[i] == '(' || text[i] == '[') && depth < DEPTH_MAX)
			open[depth++] = text[i] == '(' ? ')' : ']';
		else if ((text[i] == ')' || text[i] == ']') && depth > 0)
			depth--;
	}
	for (size_t i = 0; i < depth; i++)
		closing[i] = open[depth - 1 - i];
	return depth;
}

/* Compiles the first len bytes with a word behind them, all brackets closed and, behind the first compare_at of those, a comparison. */
static bool goes_wrong(struct search *s, size_t len, const char *word, size_t compare_at)
{
	char closing[DEPTH_MAX];
	size_t depth = closers(s->expression, len, closing);
	struct bpf_program program;
	const char *said;
	int used;

	used = sprintf(s->attempt, "%.*s %s", (int)len, s->expression, word);
	if (compare_at <= depth)
		sprintf(s->attempt + used, "%.*s = 0 %.*s", (int)compare_at, closing, (int)(depth - compare_at), closing + compare_at);
	else
		sprintf(s->attempt + used, "%.*s", (int)depth, closing);
	if (!compile(s->pcap, s->attempt, &program)) {
		pcap_freecode(&program);
		return false;
	}
	said = pcap_geterr(s->pcap);
	return s->syntax ? is_syntax_error(said) : strcmp(said, s->message) == 0;
}

/*
 * Whether the mistake is not yet in the first len bytes. A beginning is no mistake if something can follow it that makes it right; what may
 * follow in this language is tried.
 */
static bool is_fine(struct search *s, size_t len)
{
	static const char *const words[] = {"", "1", "ip", "1.2.3.4", "1-2", "0:0:0:0:0:0", "mgt", "1:1"};
	char closing[DEPTH_MAX];
	size_t depth = closers(s->expression, len, closing);

	if (!s->syntax)
		return !goes_wrong(s, len, "", SIZE_MAX);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		for (size_t compare_at = 0; compare_at <= depth; compare_at++)
			if (!goes_wrong(s, len, words[i], compare_at))
				return true;
		if (!goes_wrong(s, len, words[i], SIZE_MAX))
			return true;
	}
	return false;
}

/* The place of the first token with which the expression is wrong; its end if all of it might have gone on. */
static size_t find_mistake(struct search *s)
{
	size_t good = 0, bad = s->count;

	if (!bad || is_fine(s, s->tokens[bad - 1].end))
		return strlen(s->expression);
	while (bad - good > 1) {
		size_t middle = good + (bad - good) / 2;

		if (is_fine(s, s->tokens[middle - 1].end))
			good = middle;
		else
			bad = middle;
	}
	return s->tokens[bad - 1].start;
}

/* ---- errors ---- */

/* Columns that bytes take, for UTF-8. */
static int columns(const char *text, size_t len)
{
	int count = 0;

	for (size_t i = 0; i < len; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

/* The message, the expression, or the part of it around at, and a mark under it. */
static int fail_at(struct error *error, int code, const char *message, const char *expression, long at, const char *remark)
{
	size_t len = strlen(expression), from = at > SHOWN_BEFORE && len > SHOWN_MAX ? (size_t)at - SHOWN_BEFORE : 0;
	char shown[SHOWN_MAX + 1];
	const char *before = from ? "..." : "", *after = len - from > SHOWN_MAX ? "..." : "";

	snprintf(shown, sizeof shown, "%s", expression + from);
	for (char *c = shown; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	if (at == NOWHERE)
		return fail(error, code, "filter: %.200s\n  %s%s%s", message, before, shown, after);
	return fail(error, code, "filter: %.200s\n  %s%s%s\n  %*s^ %s", message, before, shown, after,
		    (int)strlen(before) + columns(shown, (size_t)at - from), "", remark);
}

static int fail_compile(struct error *error, pcap_t *pcap, const char *expression)
{
	size_t len = strlen(expression);
	struct search s = {.pcap = pcap, .expression = expression};
	long at = NOWHERE;

	snprintf(s.message, sizeof s.message, "%s", pcap_geterr(pcap));
	s.syntax = is_syntax_error(s.message);
	s.tokens = calloc(len + 1, sizeof *s.tokens);
	s.attempt = malloc(len + 64 + DEPTH_MAX);
	if (s.tokens && s.attempt) {
		split(&s);
		at = (long)find_mistake(&s);
	}
	free(s.tokens);
	free(s.attempt);
	return fail_at(error, EINVAL, s.message, expression, at,
		       (size_t)at == len ? "ends too early, or lacks something before"
		       : s.syntax        ? "wrong from here on, or shortly before"
					 : "wrong with this");
}

static int fail_check(struct error *error, const struct error *cause, const char *expression)
{
	const char *culprit = cause->code == ELOOP ? strstr(expression, "protochain") : NULL;

	return fail_at(error, cause->code, cause->text, expression, culprit ? culprit - expression : NOWHERE,
		       "name the headers instead, as in \"ip6[6] = 0\"");
}

/* ---- compiling ---- */

struct filter_compiler {
	pcap_t *pcap;
};

static int fail_device(struct error *error, int code, const char *device, const char *detail)
{
	if (code == EPERM)
		return privilege_fail(error, "CAP_NET_RAW (for libpcap to open a device, to compile a filter for it)");
	return fail(error, code, "filter: libpcap cannot use the device '%s': %s", device, detail);
}

/*
 * The handle is for a protocol that nobody sends, so that keeping it costs no packet anything: the kernel would show all of them to one for
 * all protocols.
 */
static int activate(pcap_t *pcap, const char *device, struct error *error)
{
	const char *detail;
	int rc;

	pcap_set_snaplen(pcap, SNAPSHOT_BYTES);
	pcap_set_protocol_linux(pcap, UNUSED_PROTOCOL);
	rc = pcap_activate(pcap);
	if (rc < 0) {
		detail = *pcap_geterr(pcap) ? pcap_geterr(pcap) : pcap_statustostr(rc);
		return fail_device(error,
				   rc == PCAP_ERROR_PERM_DENIED      ? EPERM
				   : rc == PCAP_ERROR_NO_SUCH_DEVICE ? ENODEV
								     : EIO,
				   device, detail);
	}
	return pcap_datalink(pcap) == DLT_EN10MB ? 0 : fail_device(error, EINVAL, device, "it is no Ethernet device");
}

int filter_compiler_open(struct filter_compiler **opened, const char *device, struct error *error)
{
	struct filter_compiler *compiler = calloc(1, sizeof *compiler);
	char message[PCAP_ERRBUF_SIZE] = "";
	int rc;

	if (!compiler)
		return fail(error, ENOMEM, "filter: out of memory");
	compiler->pcap = device ? pcap_create(device, message) : pcap_open_dead(DLT_EN10MB, SNAPSHOT_BYTES);
	if (!compiler->pcap)
		rc = fail_device(error, ENODEV, device ? device : "none", message);
	else
		rc = device ? activate(compiler->pcap, device, error) : 0;
	if (rc)
		filter_compiler_close(compiler);
	else
		*opened = compiler;
	return rc;
}

void filter_compiler_close(struct filter_compiler *compiler)
{
	if (!compiler)
		return;
	if (compiler->pcap)
		pcap_close(compiler->pcap);
	free(compiler);
}

static struct filter *copy_program(const struct bpf_program *program)
{
	struct filter *filter = calloc(1, sizeof *filter + program->bf_len * sizeof filter->insns[0]);

	if (!filter)
		return NULL;
	filter->count = program->bf_len;
	for (unsigned int i = 0; i < program->bf_len; i++) {
		const struct bpf_insn *in = &program->bf_insns[i];

		filter->insns[i] = (struct filter_insn){in->code, in->jt, in->jf, in->k};
	}
	return filter;
}

int filter_compile(struct filter_compiler *compiler, const char *expression, struct filter **compiled, struct error *error)
{
	struct bpf_program program;
	struct error cause = {0};
	struct filter *filter;

	*compiled = NULL;
	if (!expression[strspn(expression, " \t\r\n")])
		return 0;
	if (compile(compiler->pcap, expression, &program))
		return fail_compile(error, compiler->pcap, expression);
	filter = copy_program(&program);
	pcap_freecode(&program);
	if (!filter)
		return fail(error, ENOMEM, "filter: out of memory");
	if (filter_check(filter, &cause)) {
		filter_free(filter);
		return fail_check(error, &cause, expression);
	}
	*compiled = filter;
	return 0;
}

void filter_free(struct filter *filter)
{
	free(filter);
}

int filter_equal(const struct filter *one, const struct filter *other)
{
	if (!one || !other)
		return one == other;
	return one->count == other->count && memcmp(one->insns, other->insns, one->count * sizeof one->insns[0]) == 0;
}
