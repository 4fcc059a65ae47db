/* SPDX-License-Identifier: BSD-2-Clause */
/* Any file, read as a capture: it ends, every packet lies within its bounds, and no packet is made up. */
#include "record/capture.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

/* A file in memory, the same one for every input. */
static const char *write_file(const uint8_t *data, size_t len)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("capture", 0);
		MUST(fd >= 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	MUST(ftruncate(fd, 0) == 0);
	MUST(pwrite(fd, data, len, 0) == (ssize_t)len);
	return path;
}

static void check_packet(const struct capture_packet *packet)
{
	uint8_t *copy = exact_copy(packet->data, packet->captured); /* reads every byte */

	MUST(packet->captured <= CAPTURE_PACKET_MAX && packet->original >= packet->captured);
	MUST(packet->link <= CAPTURE_UNKNOWN);
	MUST(packet->link == CAPTURE_IP || packet->link_len == 0);
	exact_free(copy, packet->captured);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct capture *capture;
	struct capture_packet packet;
	struct error error = {0};
	size_t packets = 0, bytes = 0;
	int rc = capture_open(write_file(data, len), &capture, &error);

	if (rc) {
		MUST(rc == -error.code && error.text[0]);
		return 0;
	}
	while ((rc = capture_next(capture, &packet, &error)) > 0) {
		check_packet(&packet);
		packets++;
		bytes += packet.captured + packet.link_len;
		/* The shortest packet, a simple block without bytes, takes 16. */
		MUST(packets * 16 + bytes <= len);
	}
	MUST(rc == 0 || (rc == -error.code && error.text[0]));
	MUST(capture_next(capture, &packet, &error) == rc);
	capture_close(capture);
	return 0;
}
