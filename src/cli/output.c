/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/output.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"

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

/* Two decimal digits for each number below 100, as a division is what costs most. */
static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354"
			    "555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static size_t digits_of(uint64_t number)
{
	size_t digits = 1;

	for (; number >= 10000; number /= 10000)
		digits += 4;
	return digits + (number >= 10) + (number >= 100) + (number >= 1000);
}

/* Writes the lowest digits of number, leading zeros too. */
static void put_digits(char *to, size_t digits, uint64_t number)
{
	for (; digits >= 2; number /= 100)
		memcpy(to + (digits -= 2), pairs + number % 100 * 2, 2);
	if (digits)
		*to = (char)('0' + number % 10);
}

void output_number(struct output *output, uint64_t number)
{
	size_t digits;

	/* Most are short. Of a single digit a character too much is copied, which the next text replaces. */
	if (number < 100) {
		memcpy(output_room(output, 2), pairs + number * 2 + (number < 10), 2);
		output->len += number < 10 ? 1 : 2;
		return;
	}
	digits = digits_of(number);
	put_digits(output_room(output, digits), digits, number);
	output->len += digits;
}

void output_time(struct output *output, uint64_t time_ns)
{
	output_number(output, time_ns / NS_PER_S);
	output_char(output, '.');
	put_digits(output_room(output, 9), 9, time_ns % NS_PER_S);
	output->len += 9;
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
