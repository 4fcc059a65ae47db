/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/output.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

static const char hex_digits[] = "0123456789abcdef";

int output_flush(struct output *output, const char *name, struct error *error)
{
	size_t done = 0;

	while (done < output->len && !output->failed) {
		ssize_t rc = write(output->fd, output->buffer + done, output->len - done);

		if (rc >= 0)
			done += (size_t)rc;
		else if (errno != EINTR)
			output->failed = errno;
	}
	output->len = 0;
	if (!output->failed)
		return 0;
	return fail(error, output->failed, "%s: cannot write: %s", name, strerror(output->failed));
}

void output_number(struct output *output, uint64_t number)
{
	char digits[20];
	size_t len = 0;

	do {
		digits[sizeof digits - ++len] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	output_bytes(output, digits + sizeof digits - len, len);
}

void output_time(struct output *output, uint64_t time_ns)
{
	uint32_t fraction = (uint32_t)(time_ns % NS_PER_S);
	char digits[10];

	output_number(output, time_ns / NS_PER_S);
	for (size_t i = sizeof digits; --i > 0; fraction /= 10)
		digits[i] = (char)('0' + fraction % 10);
	digits[0] = '.';
	output_bytes(output, digits, sizeof digits);
}

void output_hex16(struct output *output, uint16_t number)
{
	const char text[] = {
		'0', 'x', hex_digits[number >> 12], hex_digits[number >> 8 & 15], hex_digits[number >> 4 & 15], hex_digits[number & 15]};

	output_bytes(output, text, sizeof text);
}

void output_mac(struct output *output, const uint8_t *mac)
{
	char text[18], *at = text;

	for (unsigned int i = 0; i < 6; i++) {
		*at++ = hex_digits[mac[i] >> 4];
		*at++ = hex_digits[mac[i] & 15];
		*at++ = ':';
	}
	output_bytes(output, text, sizeof text - 1);
}

void output_address(struct output *output, unsigned int ip_version, const uint8_t *address)
{
	char text[INET6_ADDRSTRLEN];

	if (ip_version == 6) {
		output_text(output, inet_ntop(AF_INET6, address, text, sizeof text));
		return;
	}
	for (unsigned int i = 0; i < 4; i++) {
		if (i)
			output_char(output, '.');
		output_number(output, address[i]);
	}
}
