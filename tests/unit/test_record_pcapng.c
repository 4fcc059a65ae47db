/* SPDX-License-Identifier: BSD-2-Clause */
/* pcapng blocks: their bytes, what a reader finds in them, and that what does not fit leaves no trace. */
#include "record/pcapng.h"

#include "record/capture.h"
#include "record_test.h"

static uint8_t space[1 << 20];

static struct pcapng empty(size_t size)
{
	struct pcapng pcapng = {.data = space, .size = size};

	assert_true(size <= sizeof space);
	return pcapng;
}

static const uint8_t frame[] = "frame of 22 bytes.....";

static bool add_packet(struct pcapng *pcapng, uint32_t interface, uint64_t number)
{
	return pcapng_put_packet(pcapng, &(struct pcapng_packet){
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
	const uint8_t *at = space;

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
	struct pcapng pcapng = empty(sizeof space);
	uint64_t packets;
	uint32_t len;
	size_t whole;

	(void)state;
	assert_true(pcapng_put_section(&pcapng));
	assert_true(pcapng_put_interface(&pcapng, &ethernet));
	assert_true(pcapng_put_interface(&pcapng, &raw));
	assert_true(add_packet(&pcapng, 0, 1));
	assert_true(pcapng_put_statistics(&pcapng, &(struct pcapng_statistics){.interface = 1,
									       .time_ns = 0x100000002,
									       .start_ns = 0x300000004,
									       .end_ns = 0x500000006,
									       .received = 7,
									       .dropped = 8,
									       .os_dropped = 9}));
	assert_true(pcapng_put_name(&pcapng, &(struct pcapng_name){.family = 4, .address = {10, 0, 0, 1, 9}, .name = "abc"}));
	assert_true(pcapng_put_name(&pcapng, &(struct pcapng_name){.family = 6, .address = {0xfd, [15] = 1}, .name = "ab"}));
	assert_int_equal(count_blocks(space, pcapng.len, &whole, &packets), 7);
	assert_int_equal(whole, pcapng.len);
	assert_memory_equal(find_block(0, &len) + 8, "\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16);
	assert_non_null(memmem(find_block(0, &len), len, "farspan ", 8));
	ASSERT_BLOCK(1, 1, 60, 1, 0, 0x70002, 0x70737265, 0x00326e61, 0x10003, 'd', 0x10009, 9, 0x2000b, 'f' << 8, 0, 60);
	ASSERT_BLOCK(2, 1, 40, 101, 0, 0x30002, 0x776172, 0x10009, 9, 0, 40);
	ASSERT_BLOCK(3, 6, 100, 0, 0x11223344, 0x55667789, 22, 1022, 0x6d617266, 0x666f2065, 0x20323220, 0x65747962, 0x2e2e2e73, 0x2e2e,
		     0x30001, 0x747563, 0x40002, 2, 0x80004, 3, 0, 0x80005, 1, 0, 0, 100);
	ASSERT_BLOCK(4, 5, 88, 1, 1, 2, 0x80002, 3, 4, 0x80003, 5, 6, 0x80004, 7, 0, 0x80005, 8, 0, 0x80007, 9, 0, 0, 88);
	ASSERT_BLOCK(5, 4, 32, 0x80001, 0x0100000a, 0x636261, 0, 0, 32);
	ASSERT_BLOCK(6, 4, 44, 0x130002, 0xfd, 0, 0, 0x01000000, 0x6261, 0, 0, 44);
}

static void write_samples(struct pcapng *pcapng, unsigned int count)
{
	assert_true(pcapng_put_section(pcapng) && pcapng_put_interface(pcapng, &ethernet) && pcapng_put_interface(pcapng, &raw));
	for (unsigned int i = 0; i < count; i++)
		assert_true(add_packet(pcapng, i % 2, i));
}

static void read_back(void **state)
{
	struct pcapng pcapng = empty(sizeof space);
	struct capture_packet packet;
	struct capture *capture;
	struct file file;

	(void)state;
	write_samples(&pcapng, 1000);
	file = file_of(space, pcapng.len);
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

/* Texts and frames of any length are cut to what a block may have. */
static void long_texts(void **state)
{
	static char text[5000];
	static uint8_t data[300000];
	struct pcapng pcapng = empty(PCAPNG_BLOCK_MAX);
	uint64_t packets;
	uint32_t len;
	size_t whole;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	assert_true(pcapng_put_packet(
		&pcapng, &(struct pcapng_packet){.data = data, .captured = sizeof data, .original = sizeof data, .comment = text}));
	assert_memory_equal(find_block(0, &len) + 20, &(uint32_t){262144}, 4);
	assert_memory_equal(find_block(0, &len) + 24, &(uint32_t){sizeof data}, 4);
	assert_int_equal(count_blocks(space, pcapng.len, &whole, &packets), 1);
	pcapng.len = 0;
	assert_true(pcapng_put_interface(&pcapng, &(struct pcapng_interface){.name = text, .description = text, .filter = text}));
	assert_int_equal(count_blocks(space, pcapng.len, &whole, &packets), 1);
	assert_int_equal(whole, pcapng.len);
}

/* Whatever the room, the buffer holds the blocks that fit, whole, and nothing is written behind it. */
static void no_room(void **state)
{
	struct pcapng pcapng = empty(sizeof space);
	size_t total;

	(void)state;
	write_samples(&pcapng, 5);
	total = pcapng.len;
	for (size_t size = 0; size <= total; size++) {
		uint64_t packets, fitted = 0;
		size_t whole;

		pcapng = empty(size);
		memset(space, 0xee, total + 16);
		(void)pcapng_put_section(&pcapng);
		(void)pcapng_put_interface(&pcapng, &ethernet);
		(void)pcapng_put_interface(&pcapng, &raw);
		for (unsigned int i = 0; i < 5; i++)
			fitted += add_packet(&pcapng, i % 2, i);
		count_blocks(space, pcapng.len, &whole, &packets);
		assert_int_equal(whole, pcapng.len);
		assert_int_equal(packets, fitted);
		assert_true(pcapng.len <= size);
		for (size_t i = size; i < total + 16; i++)
			assert_int_equal(space[i], 0xee);
		assert_true(size < total || fitted == 5);
	}
}

static void first_blocks(void **state)
{
	struct pcapng pcapng = empty(sizeof space);
	enum pcapng_kind kind;
	uint32_t interface;
	size_t at = 0;

	(void)state;
	write_samples(&pcapng, 2);
	for (unsigned int i = 0; i < 5; i++) {
		size_t len = pcapng_first_block(space + at, pcapng.len - at, &kind, &interface);

		assert_true(len > 0);
		assert_int_equal(kind, i == 0 ? PCAPNG_OTHER : i < 3 ? PCAPNG_INTERFACE : PCAPNG_PACKET);
		assert_int_equal(interface, i == 4);
		for (size_t part = 0; part < len; part++)
			assert_int_equal(pcapng_first_block(space + at, part, &kind, &interface), 0);
		at += len;
	}
	assert_int_equal(at, pcapng.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_bytes), cmocka_unit_test(read_back),    cmocka_unit_test(long_texts),
		cmocka_unit_test(no_room),     cmocka_unit_test(first_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
