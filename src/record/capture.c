/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/capture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "record/capture_format.h"

int capture_bad(const struct capture *capture, struct error *error, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return fail(error, EBADMSG, "%s: %s at offset %llu", capture->name, what, (unsigned long long)capture->stream.offset);
}

int capture_cut(const struct capture *capture, struct error *error)
{
	const struct stream *stream = &capture->stream;
	unsigned long long end = stream->offset + (stream->end - stream->start);

	if (stream->failed == EBADMSG)
		return fail(error, EBADMSG, "%s: what is compressed is damaged, behind offset %llu of what was compressed", capture->name,
			    end);
	if (stream->failed)
		return fail(error, stream->failed, "%s: cannot read at offset %llu: %s", capture->name, end, strerror(stream->failed));
	return fail(error, ENODATA,
		    stream->cut ? "%s: what is compressed is cut short, behind offset %llu of what was compressed"
				: "%s: cut short at offset %llu",
		    capture->name, end);
}

/* The first bytes of files that are something else, where saying so helps. */
static const struct {
	const char *bytes;
	size_t len;
	const char *what;
} other_formats[] = {
	{"\x1f\x8b", 2, "compressed with gzip"},    {"\x28\xb5\x2f\xfd", 4, "compressed with zstd twice"},
	{"\xfd\x37zXZ", 5, "compressed with xz"},   {"\x04\x22\x4d\x18", 4, "compressed with lz4"},
	{"BZh", 3, "compressed with bzip2"},        {"\xa1\xb2\xcd\x34", 4, "a modified pcap"},
	{"\x34\xcd\xb2\xa1", 4, "a modified pcap"},
};

static int fail_format(struct capture *capture, struct error *error)
{
	for (size_t i = 0; i < sizeof other_formats / sizeof other_formats[0]; i++) {
		const uint8_t *start = stream_peek(&capture->stream, other_formats[i].len);

		if (start && memcmp(start, other_formats[i].bytes, other_formats[i].len) == 0)
			return fail(error, EBADMSG, "%s: is %s; pcap and pcapng are read, also compressed with zstd", capture->name,
				    other_formats[i].what);
	}
	if (!stream_peek(&capture->stream, 1) && !capture->stream.failed && !capture->stream.cut)
		return fail(error, ENODATA, "%s: is empty", capture->name);
	if (!stream_peek(&capture->stream, 4))
		return capture_cut(capture, error);
	return fail(error, EBADMSG, "%s: is neither pcap nor pcapng", capture->name);
}

static int begin(struct capture *capture, struct error *error)
{
	int rc;

	if (stream_is_zstd(&capture->stream) && stream_decompress(&capture->stream))
		return fail(error, ENOMEM, "%s: no memory", capture->name);
	if (pcap_begin(capture, &rc, error) || pcapng_begin(capture, &rc, error))
		return rc;
	return fail_format(capture, error);
}

int capture_open(const char *path, struct capture **capture, struct error *error)
{
	struct capture *made = calloc(1, sizeof *made);
	int rc;

	if (!made)
		return fail(error, ENOMEM, "%s: no memory", path);
	made->stream.fd = made->stream.stop = -1;
	made->name = strdup(strcmp(path, "-") == 0 ? "standard input" : path);
	if (!made->name)
		rc = fail(error, ENOMEM, "%s: no memory", path);
	else if ((rc = stream_open(&made->stream, path)))
		rc = fail(error, -rc, "%s: cannot open: %s", made->name, strerror(-rc));
	else
		rc = begin(made, error);
	if (rc) {
		capture_close(made);
		return rc;
	}
	*capture = made;
	return 0;
}

int capture_next(struct capture *capture, struct capture_packet *packet, struct error *error)
{
	if (!stream_skip(&capture->stream, capture->taken))
		return capture_cut(capture, error);
	capture->taken = 0;
	return capture->next(capture, packet, error);
}

void capture_set_stop(struct capture *capture, int fd)
{
	capture->stream.stop = fd;
}

bool capture_may_wait(const struct capture *capture)
{
	struct stat file;

	return fstat(capture->stream.fd, &file) || !S_ISREG(file.st_mode);
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	stream_close(&capture->stream);
	free(capture->interfaces);
	free(capture->name);
	free(capture);
}
