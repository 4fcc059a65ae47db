/* SPDX-License-Identifier: BSD-2-Clause */
/* Capture files of every form, byte order and unit; cut at every byte; with every length that lies. */
#include "record/capture.h"

#include <sys/wait.h>

#include "record_test.h"

static struct bytes bytes;
static struct error error;

static void begin(bool big)
{
	bytes.len = 0;
	bytes.big = big;
	error = (struct error){0};
}

/* ---- making files ---- */

static void add_pcap(uint32_t magic, uint32_t link_type)
{
	add_u32(&bytes, magic);
	add_u16(&bytes, 2);
	add_u16(&bytes, 4);
	add_u32(&bytes, 0);
	add_u32(&bytes, 0);
	add_u32(&bytes, 65535);
	add_u32(&bytes, link_type);
}

static void add_pcap_packet(uint32_t seconds, uint32_t fraction, uint32_t captured, uint32_t original)
{
	add_u32(&bytes, seconds);
	add_u32(&bytes, fraction);
	add_u32(&bytes, captured);
	add_u32(&bytes, original);
	for (uint32_t i = 0; i < captured; i++)
		add_number(&bytes, i, 1);
}

static size_t begin_block(uint32_t type)
{
	add_u32(&bytes, type);
	add_u32(&bytes, 0);
	return bytes.len - 8;
}

static void end_block(size_t start)
{
	struct bytes len = {.big = bytes.big};

	add_padding(&bytes);
	add_u32(&bytes, (uint32_t)(bytes.len + 4 - start));
	add_u32(&len, (uint32_t)(bytes.len - start));
	memcpy(bytes.data + start + 4, len.data, 4);
}

static void add_section(void)
{
	size_t start = begin_block(0x0a0d0d0a);

	add_u32(&bytes, 0x1a2b3c4d);
	add_u16(&bytes, 1);
	add_u16(&bytes, 0);
	add_number(&bytes, UINT64_MAX, 8);
	end_block(start);
}

/* resolution -1: no option. */
static void add_interface(uint16_t link_type, uint32_t snaplen, int resolution, int64_t offset)
{
	size_t start = begin_block(1);

	add_u16(&bytes, link_type);
	add_u16(&bytes, 0);
	add_u32(&bytes, snaplen);
	if (resolution >= 0) {
		add_u16(&bytes, 2); /* a name in front */
		add_u16(&bytes, 3);
		add(&bytes, "eth", 3);
		add_padding(&bytes);
		add_u16(&bytes, 9);
		add_u16(&bytes, 1);
		add_number(&bytes, (uint64_t)resolution, 1);
		add_padding(&bytes);
		add_u16(&bytes, 14);
		add_u16(&bytes, 8);
		add_number(&bytes, (uint64_t)offset, 8);
		add_u32(&bytes, 0);
	}
	end_block(start);
}

static void add_enhanced(uint32_t interface, uint64_t units, const void *data, uint32_t captured, uint32_t original)
{
	size_t start = begin_block(6);

	add_u32(&bytes, interface);
	add_u32(&bytes, (uint32_t)(units >> 32));
	add_u32(&bytes, (uint32_t)units);
	add_u32(&bytes, captured);
	add_u32(&bytes, original);
	add(&bytes, data, captured);
	add_padding(&bytes);
	add_u16(&bytes, 1); /* a comment behind */
	add_u16(&bytes, 2);
	add(&bytes, "hi", 2);
	end_block(start);
}

static void add_obsolete(uint16_t interface, uint64_t units, const void *data, uint32_t captured)
{
	size_t start = begin_block(2);

	add_u16(&bytes, interface);
	add_u16(&bytes, 7);
	add_u32(&bytes, (uint32_t)(units >> 32));
	add_u32(&bytes, (uint32_t)units);
	add_u32(&bytes, captured);
	add_u32(&bytes, captured);
	add(&bytes, data, captured);
	end_block(start);
}

static void add_simple(const void *data, uint32_t present, uint32_t original)
{
	size_t start = begin_block(3);

	add_u32(&bytes, original);
	add(&bytes, data, present);
	end_block(start);
}

static void add_unknown(uint32_t type, size_t len)
{
	size_t start = begin_block(type);

	while (len--)
		add(&bytes, "?", 1);
	end_block(start);
}

/* ---- reading them ---- */

static struct capture *open_bytes(size_t len)
{
	struct file file = file_of(bytes.data, len);
	struct capture *capture = NULL;
	int rc = capture_open(file.path, &capture, &error);

	close(file.fd);
	assert_int_equal(rc, capture ? 0 : -error.code);
	return capture;
}

/* Packets until the end or an error, whose code is returned. */
static int read_all(size_t len, unsigned int *packets)
{
	struct capture *capture = open_bytes(len);
	struct capture_packet packet;
	int rc;

	*packets = 0;
	if (!capture)
		return -error.code;
	while ((rc = capture_next(capture, &packet, &error)) > 0) {
		assert_true(packet.original >= packet.captured);
		++*packets;
	}
	capture_close(capture);
	return rc;
}

static void expect_error(int code, const char *text)
{
	unsigned int packets;

	assert_int_equal(read_all(bytes.len, &packets), -code);
	assert_non_null(strstr(error.text, text));
}

static void pcap_forms(void **state)
{
	(void)state;
	for (unsigned int form = 0; form < 4; form++) {
		struct capture_packet packet;
		struct capture *capture;

		begin(form & 1);
		add_pcap(form & 2 ? 0xa1b23c4d : 0xa1b2c3d4, 1 | 0x14000000); /* with the length of a frame check sequence */
		add_pcap_packet(0xfffffffe, 999999, 20, 1500);
		add_pcap_packet(1, 2, 0, 0);
		capture = open_bytes(bytes.len);
		assert_non_null(capture);
		assert_int_equal(capture_next(capture, &packet, &error), 1);
		assert_int_equal(packet.time_ns, 0xfffffffeull * 1000000000 + 999999 * (form & 2 ? 1u : 1000u));
		assert_int_equal(packet.captured, 20);
		assert_int_equal(packet.original, 1500);
		assert_int_equal(packet.link, CAPTURE_ETHERNET);
		assert_int_equal(packet.data[19], 19);
		assert_int_equal(capture_next(capture, &packet, &error), 1);
		assert_int_equal(packet.captured, 0);
		assert_int_equal(capture_next(capture, &packet, &error), 0);
		assert_int_equal(capture_next(capture, &packet, &error), 0);
		capture_close(capture);
	}
}

static void expect_packet(struct capture *capture, uint64_t time_ns, uint16_t link_type, size_t captured, size_t original)
{
	struct capture_packet packet;

	assert_int_equal(capture_next(capture, &packet, &error), 1);
	assert_int_equal(packet.time_ns, time_ns);
	assert_int_equal(packet.link_type, link_type);
	assert_int_equal(packet.captured, captured);
	assert_int_equal(packet.original, original);
	for (size_t i = 0; i < captured; i++)
		assert_int_equal(packet.data[i], 0x45 + i);
}

static const uint8_t data[] = {0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e};

/* One section: every block, units and link types mixed. */
static void add_sample_section(void)
{
	add_section();
	add_interface(1, 6, -1, 0);
	add_unknown(0x0bad, 5000);
	add_interface(101, 0, 9, 100);
	add_interface(101, 0, 0x80 | 20, -1);
	add_interface(147, 0, 12, 0);
	add_enhanced(0, 5, data, 10, 99);
	add_enhanced(1, 6, data, 9, 9);
	add_enhanced(2, 0x300000ull, data, 1, 2);
	add_enhanced(3, 7999, data, 0, 0);
	add_obsolete(1, 8, data, 7);
	add_simple(data, 6, 8); /* as much as the snaplen of interface 0 */
	add_simple(data, 3, 3);
}

static void expect_sample_section(struct capture *capture)
{
	expect_packet(capture, 5000, 1, 10, 99);
	expect_packet(capture, 100000000006, 101, 9, 9);
	expect_packet(capture, 2000000000, 101, 1, 2);
	expect_packet(capture, 7, 147, 0, 0);
	expect_packet(capture, 100000000008, 101, 7, 7);
	expect_packet(capture, 0, 1, 6, 8);
	expect_packet(capture, 0, 1, 3, 3);
}

static void pcapng_sections(void **state)
{
	struct capture_packet packet;
	struct capture *capture;

	(void)state;
	begin(false);
	add_sample_section();
	bytes.big = true;
	add_sample_section();
	bytes.big = false;
	add_sample_section();
	capture = open_bytes(bytes.len);
	assert_non_null(capture);
	for (unsigned int i = 0; i < 3; i++)
		expect_sample_section(capture);
	assert_int_equal(capture_next(capture, &packet, &error), 0);
	capture_close(capture);
}

/* What the interfaces of one section were does not count in the next. */
static void pcapng_interfaces_end(void **state)
{
	(void)state;
	begin(false);
	add_section();
	add_interface(1, 0, -1, 0);
	add_section();
	add_enhanced(0, 0, data, 10, 10);
	expect_error(EBADMSG, "a packet of interface 0, which has no interface block, at offset 76");
}

/* Blocks longer than any buffer are passed over. */
static void pcapng_large_unknown(void **state)
{
	enum {
		LARGE = 40 << 20
	};
	const uint32_t header[] = {0x0bad, LARGE};
	struct capture_packet packet;
	struct capture *capture;
	struct file file;
	size_t at;

	(void)state;
	begin(false);
	add_section();
	add_interface(1, 0, -1, 0);
	file = file_of(bytes.data, bytes.len);
	at = bytes.len;
	assert_int_equal(pwrite(file.fd, header, 8, (off_t)at), 8);
	begin(false);
	add_enhanced(0, 1, data, 10, 10);
	assert_int_equal(pwrite(file.fd, bytes.data, bytes.len, (off_t)at + LARGE), bytes.len);
	assert_int_equal(capture_open(file.path, &capture, &error), 0);
	expect_packet(capture, 1000, 1, 10, 10);
	assert_int_equal(capture_next(capture, &packet, &error), 0);
	capture_close(capture);
	close(file.fd);
}

/* ends[i]: where the file may be cut without being broken, with i packets before. */
static void cut_everywhere(const size_t *ends, unsigned int packets)
{
	const size_t len = bytes.len;
	char text[64];

	for (size_t cut = 1; cut <= len; cut++) {
		unsigned int expected = 0, found;
		bool whole = false;
		int rc;

		for (unsigned int i = 0; i < packets; i++)
			expected += ends[i] <= cut;
		error = (struct error){0};
		rc = read_all(cut, &found);
		assert_int_equal(found, expected);
		for (unsigned int i = 0; i < packets; i++)
			whole |= ends[i] == cut;
		if (rc == 0)
			continue;
		assert_false(whole);
		assert_int_equal(rc, -ENODATA);
		snprintf(text, sizeof text, ": cut short at offset %zu", cut);
		assert_non_null(strstr(error.text, text));
	}
}

static void pcap_cut(void **state)
{
	size_t ends[3];

	(void)state;
	begin(true);
	add_pcap(0xa1b2c3d4, 1);
	for (unsigned int i = 0; i < 3; i++) {
		add_pcap_packet(1, 1, 10 + i, 10 + i);
		ends[i] = bytes.len;
	}
	cut_everywhere(ends, 3);
}

static void pcapng_cut(void **state)
{
	size_t ends[3];

	(void)state;
	begin(false);
	add_section();
	add_interface(1, 0, 9, 0);
	for (unsigned int i = 0; i < 3; i++) {
		add_unknown(77, 9);
		if (i == 0)
			add_enhanced(0, 1, data, 10, 10);
		else if (i == 1)
			add_obsolete(0, 1, data, 9);
		else
			add_simple(data, 7, 7);
		ends[i] = bytes.len;
	}
	cut_everywhere(ends, 3);
}

static void wrong_files(void **state)
{
	(void)state;
	begin(false);
	expect_error(ENODATA, "is empty");
	add(&bytes, "\x1f\x8b\x08\0", 4);
	expect_error(EBADMSG, "is compressed with gzip");
	begin(false);
	add(&bytes, "hello", 5);
	expect_error(EBADMSG, "is neither pcap nor pcapng");
	begin(false);
	add_pcap(0xa1b2c3d4, 1);
	bytes.data[4] = 3;
	expect_error(EBADMSG, "pcap version 3.4 instead of 2.x");
	begin(false);
	add_section();
	bytes.data[12] = 2;
	expect_error(EBADMSG, "pcapng version 2.0 instead of 1.x");
	begin(false);
	add_section();
	bytes.data[8] = 0;
	expect_error(EBADMSG, "a section header without a byte order");
	assert_int_equal(capture_open("/nonexistent/file", &(struct capture *){NULL}, &error), -ENOENT);
	assert_string_equal(error.text, "/nonexistent/file: cannot open: No such file or directory");
	assert_int_equal(capture_open("/", &(struct capture *){NULL}, &error), -EISDIR);
}

/* Each is one packet, then something impossible at offset `at` of it. */
static void hostile_pcap(void **state)
{
	unsigned int packets;

	(void)state;
	begin(false);
	add_pcap(0xa1b2c3d4, 1);
	add_pcap_packet(1, 1, 10, 10);
	add_pcap_packet(1, 1, 0, 0);
	memcpy(bytes.data + bytes.len - 8, "\x01\0\x04\0", 4);
	assert_int_equal(read_all(bytes.len, &packets), -EBADMSG);
	assert_int_equal(packets, 1);
	assert_non_null(strstr(error.text, "a packet of 262145 bytes, more than 262144, at offset 50"));
}

static void hostile_pcapng(void **state)
{
	static const struct {
		size_t at; /* in an enhanced packet block */
		uint32_t value;
		int code;
		const char *text;
	} cases[] = {
		{4, 0, EBADMSG, "a block of an impossible length, 0, at offset 48"},
		{4, 8, EBADMSG, "a block of an impossible length, 8,"},
		{4, 57, EBADMSG, "a block of an impossible length, 57,"},
		{4, 0xfffffffc, EBADMSG, "a block of 4294967292 bytes, more than 16777216,"},
		{4, 12, EBADMSG, "a block whose two lengths differ"},
		{4, 64, ENODATA, "cut short"},
		{8, 1, EBADMSG, "a packet of interface 1, which has no interface block,"},
		{20, 33, EBADMSG, "a packet block that is too short for its packet"},
		{20, 0x7fffffff, EBADMSG, "a packet of 2147483647 bytes"},
		{48, 57, EBADMSG, "a block whose two lengths differ"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t start;

		begin(false);
		add_section();
		add_interface(1, 0, -1, 0);
		start = bytes.len;
		add_enhanced(0, 1, data, 10, 10);
		assert_int_equal(bytes.len - start, 52);
		memcpy(bytes.data + start + cases[i].at, &cases[i].value, 4);
		expect_error(cases[i].code, cases[i].text);
	}
}

static void hostile_options(void **state)
{
	size_t start;

	(void)state;
	begin(false);
	add_section();
	start = begin_block(1);
	add_u32(&bytes, 1);
	add_u32(&bytes, 0);
	add_u16(&bytes, 9);
	add_u16(&bytes, 0xffff);
	end_block(start);
	expect_error(EBADMSG, "an interface block that is too short for what it holds at offset 28");
}

/* Link headers that stand for Ethernet: what stays is IP. */
static void link_types(void **state)
{
	static const struct {
		uint16_t link_type;
		const char *header;
		size_t len;
		enum capture_link link;
	} cases[] = {
		{1, "", 0, CAPTURE_ETHERNET},
		{101, "", 0, CAPTURE_IP},
		{12, "", 0, CAPTURE_IP},
		{14, "", 0, CAPTURE_IP},
		{228, "", 0, CAPTURE_IP},
		{229, "", 0, CAPTURE_IP},
		{0, "\2\0\0\0", 4, CAPTURE_IP},
		{0, "\0\0\0\2", 4, CAPTURE_IP},
		{0, "\x1e\0\0\0", 4, CAPTURE_IP},
		{0, "\7\0\0\0", 4, CAPTURE_NOT_IP},
		{0, "\2\0\0", 3, CAPTURE_SHORT},
		{108, "\0\0\0\x18", 4, CAPTURE_IP},
		{113, "\0\0\0\1\0\6abcdef\0\0\x08\0", 16, CAPTURE_IP},
		{113, "\0\0\0\1\0\6abcdef\0\0\x86\xdd", 16, CAPTURE_IP},
		{113, "\0\0\0\1\0\6abcdef\0\0\x81\0\0\7\x08\0", 20, CAPTURE_IP},
		{113, "\0\0\0\1\0\6abcdef\0\0\x88\xa8\0\7\x81\0\0\7\x08\0", 24, CAPTURE_IP},
		{113, "\0\0\0\1\0\6abcdef\0\0\x08\6", 16, CAPTURE_NOT_IP},
		{113, "\0\0\0\1\0\6abcdef\0\0\x08", 15, CAPTURE_SHORT},
		{113, "\0\0\0\1\0\6abcdef\0\0\x81\0\0\7\x08", 19, CAPTURE_SHORT},
		{276, "\x08\0\0\0\0\0\0\1\0\1\0\6abcdefgh", 20, CAPTURE_IP},
		{276, "\x08\6\0\0\0\0\0\1\0\1\0\6abcdefgh", 20, CAPTURE_NOT_IP},
		{147, "", 0, CAPTURE_UNKNOWN},
		{105, "", 0, CAPTURE_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t packet_bytes[64];
		struct capture_packet packet;
		struct capture *capture;
		size_t behind = cases[i].link == CAPTURE_SHORT ? 0 : 10;

		memcpy(packet_bytes, cases[i].header, cases[i].len);
		memcpy(packet_bytes + cases[i].len, data, behind);
		begin(false);
		add_section();
		add_interface(cases[i].link_type, 0, -1, 0);
		add_enhanced(0, 0, packet_bytes, (uint32_t)(cases[i].len + behind), 100);
		capture = open_bytes(bytes.len);
		assert_int_equal(capture_next(capture, &packet, &error), 1);
		assert_int_equal(packet.link, cases[i].link);
		assert_int_equal(packet.link_type, cases[i].link_type);
		assert_int_equal(packet.link_len, cases[i].link == CAPTURE_IP ? cases[i].len : 0);
		assert_int_equal(packet.captured, cases[i].len + behind - packet.link_len);
		assert_int_equal(packet.original, 100 - packet.link_len);
		if (cases[i].link == CAPTURE_IP)
			assert_memory_equal(packet.data, data, 10);
		capture_close(capture);
	}
}

/* The same through a pipe that gives few bytes at a time. */
static void pipe_input(void **state)
{
	int ends[2], before = dup(STDIN_FILENO), status;
	struct capture *capture;
	pid_t child;

	(void)state;
	begin(false);
	add_sample_section();
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		for (size_t at = 0, step = 1; at < bytes.len; at += step, step = step % 97 + 1)
			if (write(ends[1], bytes.data + at, at + step > bytes.len ? bytes.len - at : step) < 0)
				_exit(1);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	assert_int_equal(capture_open("-", &capture, &error), 0);
	expect_sample_section(capture);
	assert_int_equal(capture_next(capture, &(struct capture_packet){0}, &error), 0);
	capture_close(capture);
	dup2(before, STDIN_FILENO);
	close(before);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Any byte may be wrong: it ends, and stays in bounds. */
static void random_damage(void **state)
{
	static struct bytes good;
	uint64_t random = 7;
	unsigned int packets, broken = 0;

	(void)state;
	begin(false);
	add_sample_section();
	good = bytes;
	for (unsigned int i = 0; i < 20000; i++) {
		bytes = good;
		for (unsigned int flips = random_number(&random, 4) + 1; flips--;)
			bytes.data[random_number(&random, (uint32_t)bytes.len)] = (uint8_t)random_number(&random, 256);
		broken += read_all(bytes.len, &packets) != 0;
		assert_true(packets <= 7);
	}
	assert_true(broken > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pcap_forms),           cmocka_unit_test(pcapng_sections), cmocka_unit_test(pcapng_interfaces_end),
		cmocka_unit_test(pcapng_large_unknown), cmocka_unit_test(pcap_cut),        cmocka_unit_test(pcapng_cut),
		cmocka_unit_test(wrong_files),          cmocka_unit_test(hostile_pcap),    cmocka_unit_test(hostile_pcapng),
		cmocka_unit_test(hostile_options),      cmocka_unit_test(link_types),      cmocka_unit_test(pipe_input),
		cmocka_unit_test(random_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
