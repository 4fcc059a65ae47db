/* SPDX-License-Identifier: BSD-2-Clause */
/* The pcapng writer: its bytes, what a reader finds in them, and what is in the file and in the counts after every possible failure. */
#include "record/pcapng.h"

#include <signal.h>
#include <sys/resource.h>

#include "record/capture.h"
#include "record_test.h"

/* ---- an output that takes some bytes and then fails ---- */

struct sink {
	uint8_t data[1 << 21];
	size_t len;
	size_t limit; /* bytes it takes */
	size_t step;  /* at most so many by one call; 0: any */
	unsigned int calls;
	bool interrupts; /* each second call is interrupted */
};

static ssize_t sink_write(void *context, const void *data, size_t len)
{
	struct sink *sink = context;

	if (sink->interrupts && sink->calls++ % 2 == 0) {
		errno = EINTR;
		return -1;
	}
	if (len > sink->limit - sink->len)
		len = sink->limit - sink->len;
	if (sink->step && len > sink->step)
		len = sink->step;
	if (len == 0) {
		errno = ENOSPC;
		return -1;
	}
	memcpy(sink->data + sink->len, data, len);
	sink->len += len;
	return (ssize_t)len;
}

static struct sink sink;

static struct pcapng *open_sink(size_t limit, size_t step)
{
	const struct pcapng_config config = {.fd = -1, .name = "sink", .write = sink_write, .context = &sink};
	struct pcapng *pcapng;

	sink.len = sink.calls = 0;
	sink.limit = limit;
	sink.step = step;
	sink.interrupts = false;
	assert_int_equal(pcapng_new(&config, &pcapng, NULL), 0);
	return pcapng;
}

static const uint8_t frame[] = "frame of 22 bytes.....";

static int add_packet(struct pcapng *pcapng, uint32_t interface, uint64_t number)
{
	return pcapng_add_packet(pcapng, &(struct pcapng_packet){
						 .interface = interface,
						 .time_ns = 0x1122334455667788 + number,
						 .data = frame,
						 .captured = 22,
						 .original = 1022,
						 .direction = PCAPNG_OUTBOUND,
						 .has_id = true,
						 .id = number,
						 .dropped = number == 1 ? 3 : 0,
						 .comment = number == 1 ? "cut" : NULL,
					 });
}

static const struct pcapng_interface ethernet = {.name = "erspan2", .description = "d", .filter = "f", .link = PCAPNG_LINK_ETHERNET};
static const struct pcapng_interface raw = {.name = "raw", .link = PCAPNG_LINK_RAW};

/* Blocks in the bytes; *whole is how many of the bytes they are, *packets how many of them are packets. */
static unsigned int count_blocks(const uint8_t *data, size_t len, size_t *whole, uint64_t *packets)
{
	unsigned int blocks = 0;
	uint32_t header[2];

	*whole = *packets = 0;
	while (len - *whole >= 8) {
		memcpy(header, data + *whole, 8);
		if (header[1] > len - *whole)
			break;
		assert_true(header[1] >= 12 && header[1] % 4 == 0);
		assert_memory_equal(data + *whole + header[1] - 4, &header[1], 4);
		*whole += header[1];
		*packets += header[0] == 6;
		blocks++;
	}
	return blocks;
}

/* The bytes of the block with this index. */
static const uint8_t *find_block(unsigned int index, uint32_t *len)
{
	const uint8_t *at = sink.data;

	for (;; at += *len) {
		memcpy(len, at + 4, 4);
		if (index-- == 0)
			return at;
	}
}

static void assert_block(unsigned int index, const uint32_t *words, size_t count)
{
	uint32_t len;
	const uint8_t *at = find_block(index, &len);

	assert_int_equal(len, count * 4);
	assert_memory_equal(at, words, len);
}

#define ASSERT_BLOCK(index, ...) \
	assert_block(index, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* Words of a little-endian machine: text comes back to front. */
static void known_bytes(void **state)
{
	struct pcapng *pcapng = open_sink(SIZE_MAX, 0);
	uint64_t packets;
	uint32_t len;
	size_t whole;

	(void)state;
	assert_int_equal(pcapng_add_interface(pcapng, &ethernet), 0);
	assert_int_equal(pcapng_add_interface(pcapng, &raw), 1);
	assert_int_equal(add_packet(pcapng, 0, 1), 0);
	assert_int_equal(pcapng_add_statistics(pcapng, &(struct pcapng_statistics){.interface = 1,
										   .time_ns = 0x100000002,
										   .start_ns = 0x300000004,
										   .end_ns = 0x500000006,
										   .received = 7,
										   .dropped = 8,
										   .os_dropped = 9}),
			 0);
	assert_int_equal(sink.len, 0);
	assert_int_equal(pcapng_flush(pcapng, NULL), 0);
	pcapng_free(pcapng);
	assert_int_equal(count_blocks(sink.data, sink.len, &whole, &packets), 5);
	assert_int_equal(whole, sink.len);
	assert_memory_equal(find_block(0, &len) + 8, "\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16);
	assert_non_null(memmem(find_block(0, &len), len, "farspan ", 8));
	ASSERT_BLOCK(1, 1, 60, 1, 0, 0x70002, 0x70737265, 0x00326e61, 0x10003, 'd', 0x10009, 9, 0x2000b, 'f' << 8, 0, 60);
	ASSERT_BLOCK(2, 1, 40, 101, 0, 0x30002, 0x776172, 0x10009, 9, 0, 40);
	ASSERT_BLOCK(3, 6, 100, 0, 0x11223344, 0x55667789, 22, 1022, 0x6d617266, 0x666f2065, 0x20323220, 0x65747962, 0x2e2e2e73, 0x2e2e,
		     0x30001, 0x747563, 0x40002, 2, 0x80004, 3, 0, 0x80005, 1, 0, 0, 100);
	ASSERT_BLOCK(4, 5, 88, 1, 1, 2, 0x80002, 3, 4, 0x80003, 5, 6, 0x80004, 7, 0, 0x80005, 8, 0, 0x80007, 9, 0, 0, 88);
}

static void write_samples(struct pcapng *pcapng, unsigned int count)
{
	pcapng_add_interface(pcapng, &ethernet);
	pcapng_add_interface(pcapng, &raw);
	for (unsigned int i = 0; i < count; i++)
		(void)add_packet(pcapng, i % 2, i);
}

static void read_back(void **state)
{
	struct pcapng *pcapng = open_sink(SIZE_MAX, 7);
	struct capture_packet packet;
	struct capture *capture;
	struct file file;

	(void)state;
	sink.interrupts = true;
	write_samples(pcapng, 1000);
	assert_int_equal(pcapng_flush(pcapng, NULL), 0);
	assert_int_equal(pcapng_written(pcapng), 1000);
	pcapng_free(pcapng);
	file = file_of(sink.data, sink.len);
	assert_int_equal(capture_open(file.path, &capture, NULL), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(capture_next(capture, &packet, NULL), 1);
		assert_int_equal(packet.time_ns, 0x1122334455667788 + i);
		assert_int_equal(packet.captured, 22);
		assert_int_equal(packet.original, 1022);
		assert_int_equal(packet.link_type, i % 2 ? 101 : 1);
		assert_memory_equal(packet.data, frame, 22);
	}
	assert_int_equal(capture_next(capture, &packet, NULL), 0);
	capture_close(capture);
	close(file.fd);
}

/* Texts of any length are cut, frames of any length written. */
static void long_texts(void **state)
{
	static char text[5000];
	static uint8_t data[300000];
	struct pcapng *pcapng = open_sink(SIZE_MAX, 0);
	uint64_t packets;
	uint32_t len;
	size_t whole;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	assert_int_equal(pcapng_add_interface(pcapng, &(struct pcapng_interface){.name = text, .description = text, .filter = text}), 0);
	assert_int_equal(
		pcapng_add_packet(pcapng,
				  &(struct pcapng_packet){.data = data, .captured = sizeof data, .original = sizeof data, .comment = text}),
		0);
	assert_int_equal(pcapng_flush(pcapng, NULL), 0);
	assert_int_equal(count_blocks(sink.data, sink.len, &whole, &packets), 3);
	assert_int_equal(whole, sink.len);
	assert_memory_equal(find_block(2, &len) + 20, &(uint32_t){262144}, 4);
	assert_memory_equal(find_block(2, &len) + 24, &(uint32_t){sizeof data}, 4);
	pcapng_free(pcapng);
}

/* Whatever byte the output stops at: what is written is written, all else is lost, and the two are all there was. */
static void every_byte_fails(void **state)
{
	enum {
		PACKETS = 9
	};
	size_t complete;

	(void)state;
	for (size_t limit = 0;; limit++) {
		struct pcapng *pcapng = open_sink(limit, limit % 5);
		struct error error = {0};
		uint64_t packets, lost;
		int rc;

		write_samples(pcapng, PACKETS / 2);
		rc = pcapng_flush(pcapng, NULL);
		write_samples(pcapng, PACKETS - PACKETS / 2);
		rc = pcapng_flush(pcapng, &error) ? -1 : rc;
		count_blocks(sink.data, sink.len, &complete, &packets);
		lost = pcapng_lost(pcapng);
		assert_int_equal(pcapng_written(pcapng), packets);
		assert_int_equal(packets + lost, PACKETS);
		assert_int_equal(rc != 0, sink.len == limit && rc != 0);
		if (rc) {
			assert_int_equal(error.code, ENOSPC);
			assert_string_equal(error.text, "sink: cannot write: No space left on device");
			assert_int_equal(pcapng_failed(pcapng, NULL), -ENOSPC);
			assert_int_equal(add_packet(pcapng, 0, 0), -ENOSPC);
			assert_int_equal(pcapng_lost(pcapng), lost + 1);
			assert_int_equal(pcapng_add_interface(pcapng, &raw), -ENOSPC);
		}
		pcapng_free(pcapng);
		if (!rc) {
			assert_int_equal(lost, 0);
			assert_int_equal(complete, limit);
			return;
		}
	}
}

/* A file that may not grow: it ends with its last whole block, at every limit. */
static void file_ends_whole(void **state)
{
	struct rlimit before, limit;
	uint8_t content[4096];

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	for (rlim_t size = 0; size < 900; size++) {
		FILE *file = tmpfile();
		const struct pcapng_config config = {.fd = fileno(file), .name = "file"};
		struct pcapng *pcapng;
		uint64_t packets;
		size_t whole;
		ssize_t len;
		int rc;

		limit = (struct rlimit){.rlim_cur = size, .rlim_max = before.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		assert_int_equal(pcapng_new(&config, &pcapng, NULL), 0);
		write_samples(pcapng, 10);
		rc = pcapng_flush(pcapng, NULL);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		assert_int_equal(rc, -EFBIG);
		len = pread(config.fd, content, sizeof content, 0);
		assert_true(len >= 0);
		count_blocks(content, (size_t)len, &whole, &packets);
		assert_int_equal(whole, len);
		assert_int_equal(pcapng_written(pcapng), packets);
		assert_int_equal(pcapng_lost(pcapng), 10 - packets);
		assert_int_equal(lseek(config.fd, 0, SEEK_CUR), len);
		pcapng_free(pcapng);
		fclose(file);
	}
}

/* More than the buffer holds. */
static void many(void **state)
{
	enum {
		PACKETS = 15000
	};
	struct pcapng *pcapng = open_sink(SIZE_MAX, 0);
	uint64_t packets;
	size_t whole;

	(void)state;
	write_samples(pcapng, PACKETS);
	assert_true(sink.len > 0 && pcapng_written(pcapng) > 0 && pcapng_written(pcapng) < PACKETS);
	count_blocks(sink.data, sink.len, &whole, &packets);
	assert_int_equal(whole, sink.len);
	assert_int_equal(packets, pcapng_written(pcapng));
	assert_int_equal(pcapng_flush(pcapng, NULL), 0);
	assert_int_equal(pcapng_written(pcapng), PACKETS);
	pcapng_free(pcapng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_bytes),      cmocka_unit_test(read_back),       cmocka_unit_test(long_texts),
		cmocka_unit_test(every_byte_fails), cmocka_unit_test(file_ends_whole), cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
