/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "model/ranges.h"

enum {
	TEXT_MAX = 512
};

/* The tunnel as the two endpoints it is made of, still as text. */
struct tunnel_text {
	const char *type, *local, *remote, *mtu;
	bool monitor, monitor_said;
	char out[TEXT_MAX], in[TEXT_MAX]; /* ",key=value,..." */
};

static int append(char text[TEXT_MAX], const char *key, const char *value, struct error *error)
{
	size_t used = strlen(text);

	if ((size_t)snprintf(text + used, TEXT_MAX - used, ",%s=%s", key, value) >= TEXT_MAX - used)
		return fail(error, EINVAL, "the keys are longer than %d characters", TEXT_MAX - 1);
	return 0;
}

static bool is_any(const char *text)
{
	return !text || strcmp(text, "any") == 0;
}

/* What both ends must agree on; the rest is what the sender says, and nothing to refuse a packet for. */
static bool is_number(const char *key)
{
	static const char *const numbers[] = {"id", "key", "vni", "port"};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (strcmp(numbers[i], key) == 0)
			return true;
	return false;
}

static bool is_type(const char *type)
{
	return endpoint_takes(type, ENDPOINT_DESTINATION, "ttl") && endpoint_takes(type, ENDPOINT_SOURCE, "remote");
}

static int fail_type(const char *type, struct error *error)
{
	return fail(error, EINVAL, "type must be one of erspan1, erspan2, erspan3, gre and vxlan, not '%s'", type);
}

static int fail_key(const char *type, const char *key, struct error *error)
{
	struct name_list allowed = {.names = {"local", "remote", "mtu", "monitor"}, .count = 4};
	struct endpoint endpoint;
	char list[400];

	endpoint_begin(type, ENDPOINT_DESTINATION, &endpoint, NULL);
	for (unsigned int i = 0; i < ENDPOINT_KEY_COUNT; i++)
		for (enum endpoint_side side = ENDPOINT_DESTINATION; side <= ENDPOINT_SOURCE; side++) {
			const char *name = endpoint_key_name(endpoint.kinds, side, KEY_NAMES_SHORT, i);

			if (name && i != ENDPOINT_KEY_keep)
				name_list_add(&allowed, name);
		}
	return fail(error, EINVAL, "%s has no key '%s'; %s", type, key, name_list_suggest(&allowed, key, list, sizeof list));
}

/* A key goes to the side that has it. */
static int take_endpoint_key(struct tunnel_text *text, const char *key, const char *value, struct error *error)
{
	const bool out = endpoint_takes(text->type, ENDPOINT_DESTINATION, key), in = endpoint_takes(text->type, ENDPOINT_SOURCE, key);
	int rc = 0;

	if (!out && !in)
		return fail_key(text->type, key, error);
	if (is_any(value)) /* takes every number, and sends the default */
		return in ? 0 : fail(error, EINVAL, "%s cannot be any", key);
	if (out)
		rc = append(text->out, key, value, error);
	return rc || !in || (out && !is_number(key)) ? rc : append(text->in, key, value, error);
}

static int take_key(struct tunnel_text *text, const char *key, const char *value, struct error *error)
{
	const struct {
		const char *key;
		const char **value;
	} own[] = {{"type", &text->type}, {"local", &text->local}, {"remote", &text->remote}, {"mtu", &text->mtu}};

	if (!value)
		return fail(error, EINVAL, "%s needs a value", key);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		if (strcmp(own[i].key, key) != 0)
			continue;
		if (*own[i].value)
			return fail(error, EINVAL, "%s is given twice", key);
		*own[i].value = value;
		return 0;
	}
	if (!text->type)
		return fail(error, EINVAL, "type must come before %s", key);
	if (!is_type(text->type))
		return fail_type(text->type, error);
	return take_endpoint_key(text, key, value, error);
}

/* How many words behind it belong to it. */
static int take_monitor(struct tunnel_text *text, const char *next)
{
	const bool no = next && strcmp(next, "no") == 0;

	text->monitor = !no;
	text->monitor_said = true;
	return no || (next && strcmp(next, "yes") == 0);
}

static int take_words(struct tunnel_text *text, int count, char *const *words, struct error *error)
{
	int rc = 0;

	for (int i = 0; i < count && !rc; i++) {
		if (strcmp(words[i], "monitor") == 0) {
			i += take_monitor(text, i + 1 < count ? words[i + 1] : NULL);
			continue;
		}
		rc = take_key(text, words[i], i + 1 < count ? words[i + 1] : NULL, error);
		i++;
	}
	if (!rc && !text->type)
		return fail(error, EINVAL, "type is missing; for example: type erspan2 remote 10.9.0.2 id 100");
	return rc;
}

/* An address as endpoints are written. */
static const char *bracketed(const char *address, char text[ADDRESS_TEXT_MAX + 2])
{
	snprintf(text, ADDRESS_TEXT_MAX + 2, strchr(address, ':') ? "[%s]" : "%s", address);
	return text;
}

static int make_out(const struct tunnel_text *text, struct tunnel *tunnel, struct error *error)
{
	char whole[TEXT_MAX * 2], remote[ADDRESS_TEXT_MAX + 2];

	tunnel->sends = !is_any(text->remote);
	if (!tunnel->sends)
		return 0;
	snprintf(whole, sizeof whole, "%s:%s%s%s%s", text->type, bracketed(text->remote, remote),
		 is_any(text->local) ? "" : ",local=", is_any(text->local) ? "" : text->local, text->out);
	return endpoint_parse(whole, ENDPOINT_DESTINATION, &tunnel->out, error);
}

static int make_in(const struct tunnel_text *text, struct tunnel *tunnel, struct error *error)
{
	char whole[TEXT_MAX * 2], local[ADDRESS_TEXT_MAX + 2];
	const char *remote = is_any(text->remote) ? "" : text->remote;

	/* Without the interface, as in fe80::2%eth0: that is for what is sent. */
	snprintf(whole, sizeof whole, "%s:%s%s%.*s%s", text->type, is_any(text->local) ? "any" : bracketed(text->local, local),
		 *remote ? ",remote=" : "", (int)strcspn(remote, "%"), remote, text->in);
	return endpoint_parse(whole, ENDPOINT_SOURCE, &tunnel->in, error);
}

int tunnel_parse_mtu(const char *key, const char *text, unsigned int *mtu, struct error *error)
{
	uint64_t number;
	const char *end = range_number(text, TUNNEL_MTU_MAX, &number);

	if (!end || *end || number < TUNNEL_MTU_MIN)
		return fail(error, EINVAL, "%s must be a number from %d to %d, not '%s'", key, TUNNEL_MTU_MIN, TUNNEL_MTU_MAX, text);
	*mtu = (unsigned int)number;
	return 0;
}

static int make(const struct tunnel_text *text, struct tunnel *tunnel, struct error *error)
{
	int rc;

	if (!is_type(text->type))
		return fail_type(text->type, error);
	snprintf(tunnel->type, sizeof tunnel->type, "%s", text->type);
	if ((rc = make_out(text, tunnel, error)) || (rc = make_in(text, tunnel, error)))
		return rc;
	tunnel->monitor = text->monitor_said ? text->monitor : !tunnel->sends;
	if (tunnel->out.keep)
		return fail(error, EINVAL, "what is sent to a device was not received: there is nothing to keep");
	return text->mtu ? tunnel_parse_mtu("mtu", text->mtu, &tunnel->mtu, error) : 0;
}

int tunnel_parse(const char *name, int count, char *const *words, struct tunnel *tunnel, struct error *error)
{
	struct tunnel_text text = {0};
	struct error detail = {0};
	int rc;

	*tunnel = (struct tunnel){0};
	if (!endpoint_is_interface_name(name))
		return fail(error, EINVAL, "tunnel '%s': the name of an interface has 1 to %d characters, no '/', ':' or blanks", name,
			    IFNAMSIZ - 1);
	snprintf(tunnel->name, sizeof tunnel->name, "%s", name);
	rc = take_words(&text, count, words, &detail);
	if (!rc)
		rc = make(&text, tunnel, &detail);
	return rc ? fail(error, -rc, "tunnel '%s': %s", name, detail.text) : 0;
}
