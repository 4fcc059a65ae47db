/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcap, in the byte order of the machine that wrote it:
 *
 *   file header (24)   magic  major.minor  zone  accuracy  snaplen  link type     magic a1b2c3d4: us, a1b23c4d: ns
 *   packet header (16) seconds  fraction  captured length  original length, then the bytes
 */
#include "base/clock.h"
#include "record/capture_format.h"

enum {
	PCAP_FILE_LEN = 24,
	PCAP_PACKET_LEN = 16
};

static int next_pcap(struct capture *capture, struct capture_packet *packet, struct error *error)
{
	struct stream *stream = &capture->stream;
	const uint8_t *at = stream_peek(stream, PCAP_PACKET_LEN);
	struct reader header = reader_of(at, at ? PCAP_PACKET_LEN : 0);
	uint32_t seconds, fraction, captured, original;

	if (!at)
		return stream_at_end(stream) && !stream->failed ? 0 : capture_cut(capture, error);
	seconds = capture_u32(capture, &header);
	fraction = capture_u32(capture, &header);
	captured = capture_u32(capture, &header);
	original = capture_u32(capture, &header);
	if (captured > CAPTURE_PACKET_MAX)
		return capture_bad(capture, error, "a packet of %u bytes, more than %d,", captured, CAPTURE_PACKET_MAX);
	at = stream_peek(stream, PCAP_PACKET_LEN + (size_t)captured);
	if (!at)
		return capture_cut(capture, error);
	*packet = (struct capture_packet){.time_ns = seconds * NS_PER_S + (uint64_t)fraction * capture->fraction_ns};
	capture_set_link(packet, capture->link_type, at + PCAP_PACKET_LEN, captured, original);
	capture->taken = PCAP_PACKET_LEN + (uint64_t)captured;
	return 1;
}

static bool read_magic(struct capture *capture, uint32_t magic)
{
	capture->little = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	if (capture->little)
		magic = __builtin_bswap32(magic);
	capture->fraction_ns = magic == 0xa1b23c4d ? 1 : 1000;
	return magic == 0xa1b2c3d4 || magic == 0xa1b23c4d;
}

bool pcap_begin(struct capture *capture, int *rc, struct error *error)
{
	const uint8_t *at = stream_peek(&capture->stream, 4);
	struct reader header = reader_of(at, at ? 4 : 0);
	uint16_t major, minor;

	if (!read_magic(capture, reader_u32(&header)))
		return false;
	at = stream_peek(&capture->stream, PCAP_FILE_LEN);
	header = reader_of(at, at ? PCAP_FILE_LEN : 0);
	reader_skip(&header, 4);
	major = capture_u16(capture, &header);
	minor = capture_u16(capture, &header);
	reader_skip(&header, 12);
	/* The upper half says how long a frame check sequence is; it lies behind the end of the IP packet. */
	capture->link_type = (uint16_t)capture_u32(capture, &header);
	if (!at)
		*rc = capture_cut(capture, error);
	else if (major != 2)
		*rc = capture_bad(capture, error, "pcap version %u.%u instead of 2.x", major, minor);
	else
		*rc = 0;
	capture->taken = PCAP_FILE_LEN;
	capture->next = next_pcap;
	return true;
}
