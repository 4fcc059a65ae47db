/* SPDX-License-Identifier: BSD-2-Clause */
/* The collector: what it takes and refuses, what it writes about it, and that each packet is in exactly one counter after every packet. */
#include "engine/collect.h"
#include "engine/jump_order.h"

#include "record_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

/* The recording, and what is in it once it is read. */
static struct {
	char path[64];
	uint8_t data[1 << 22];
	size_t len;
} sink;

static void set_limit(rlim_t limit)
{
	struct rlimit now;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &now), 0);
	now.rlim_cur = limit;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
}

static void read_sink(void)
{
	int fd = open(sink.path, O_RDONLY);
	ssize_t len = read(fd, sink.data, sizeof sink.data);

	assert_true(len >= 0 && (size_t)len < sizeof sink.data);
	sink.len = (size_t)len;
	close(fd);
}

static struct collect *collect;
static struct collect_summary summary;
static struct endpoint sources[4];
static unsigned int source_count;

/* received = written + buffered + merged + all refused + all dropped + pending */
static void check_sum(void)
{
	uint64_t sum;

	collect_summarize(collect, &summary);
	sum = summary.buffered + summary.pending;
	for (enum collect_counter counter = 0; counter < COLLECT_COUNTER_COUNT; counter++)
		if (collect_counter_class(counter) != COLLECT_CLASS_received)
			sum += summary.counters[counter];
	assert_int_equal(sum, summary.counters[COLLECT_received]);
	assert_int_equal(summary.counters[COLLECT_REASONS + FARSPAN_OK], 0);
}

/* The recording gets no longer than limit. */
static void open_limited(unsigned int sessions_max, rlim_t limit)
{
	const struct collect_output output = {.recording.path = sink.path};
	const struct collect_config config = {
		.sources = sources, .source_count = source_count, .sessions_max = sessions_max, .outputs = &output, .output_count = 1};

	set_limit(limit);
	assert_int_equal(collect_open(&config, &collect, NULL), 0);
}

static void open_with(const char *const *texts)
{
	for (source_count = 0; *texts; texts++)
		assert_int_equal(endpoint_parse(*texts, ENDPOINT_SOURCE, &sources[source_count++], NULL), 0);
	open_limited(0, RLIM_INFINITY);
}

#define OPEN(...) open_with((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void close_collect(void)
{
	collect_close(collect);
	collect = NULL;
	source_count = 0;
	set_limit(RLIM_INFINITY);
}

/* A UDP frame in Ethernet with the lengths of 100 bytes, of which len are there. */
static size_t make_frame(uint8_t *frame, size_t len)
{
	static const uint8_t start[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 86};

	memset(frame, 0x5a, len);
	memcpy(frame, start, sizeof start);
	return len;
}

static int give_bytes(const void *data, size_t len, uint64_t time_ns)
{
	uint8_t *exact = malloc(len + !len);
	int rc;

	assert_non_null(exact);
	memcpy(exact, data, len);
	rc = collect_packet(collect, time_ns, FARSPAN_LINK_IP, exact, len);
	free(exact);
	check_sum();
	return rc;
}

static uint64_t clock_ns;

static int give(const struct farspan_packet *packet)
{
	uint8_t frame[128], outer[512];
	size_t len = make_frame(frame, packet->truncated ? 60 : 100);

	return give_bytes(outer, make_outer(packet, frame, len, outer, sizeof outer), clock_ns += 1000);
}

static void expect(enum collect_counter counter, uint64_t count)
{
	collect_summarize(collect, &summary);
	if (summary.counters[counter] != count)
		print_message("%s\n", collect_counter_name(counter));
	assert_int_equal(summary.counters[counter], count);
}

/* ---- what is taken ---- */

static void every_kind(void **state)
{
	static const struct {
		enum farspan_kind kind;
		const char *name;
	} kinds[] = {{FARSPAN_ERSPAN1, "erspan1 10.0.0.1"},
		     {FARSPAN_ERSPAN2, "erspan2 10.0.0.1 id 100"},
		     {FARSPAN_ERSPAN3, "erspan3 10.0.0.1 id 100 hwid 3"},
		     {FARSPAN_GRE, "gre 10.0.0.1"},
		     {FARSPAN_VXLAN, "vxlan 10.0.0.1 vni 100"},
		     {FARSPAN_GENEVE, "geneve 10.0.0.1 vni 100"},
		     {FARSPAN_TZSP, "tzsp 10.0.0.1"}};
	struct farspan_packet packet;

	(void)state;
	OPEN();
	for (unsigned int i = 0; i < 7; i++) {
		fill_packet(&packet, kinds[i].kind, 4, 100);
		packet.hwid = 3;
		assert_int_equal(give(&packet), 1);
		assert_int_equal(give(&packet), 1);
		assert_int_equal(summary.sessions, i + 1);
		assert_string_equal(collect_session_at(collect, i)->name, kinds[i].name);
		assert_int_equal(collect_session_at(collect, i)->packets, 2);
		assert_int_equal(collect_session_at(collect, i)->bytes, 200);
	}
	fill_packet(&packet, FARSPAN_GRE, 6, 0);
	packet.has_key = true;
	packet.key = 7;
	assert_int_equal(give(&packet), 1);
	assert_string_equal(collect_session_at(collect, 7)->name, "gre a00:1:: key 7");
	assert_int_equal(summary.buffered, 15);
	assert_int_equal(collect_finish(collect, NULL), 0);
	expect(COLLECT_written, 15);
	assert_int_equal(summary.buffered, 0);
	close_collect();
}

static void matching(void **state)
{
	struct farspan_packet packet;

	(void)state;
	OPEN("erspan:10.0.0.2,id=5,remote=10.0.0.0/24+192.168.0.1", "vxlan:10.0.0.2,vni=9,port=8472", "gre:any,key=3");
	fill_packet(&packet, FARSPAN_ERSPAN2, 4, 5);
	assert_int_equal(give(&packet), 1);
	packet.session = 6;
	assert_int_equal(give(&packet), 0);
	packet.outer_src[0] = 11;
	assert_int_equal(give(&packet), 0);
	packet.outer_dst[0] = 11;
	assert_int_equal(give(&packet), 0);
	fill_packet(&packet, FARSPAN_ERSPAN2, 6, 5);
	assert_int_equal(give(&packet), 0);
	fill_packet(&packet, FARSPAN_ERSPAN1, 4, 0); /* has no session id to match */
	assert_int_equal(give(&packet), 0);
	fill_packet(&packet, FARSPAN_VXLAN, 4, 9);
	assert_int_equal(give(&packet), 0);
	packet.udp_dst = 8472;
	assert_int_equal(give(&packet), 1);
	fill_packet(&packet, FARSPAN_GRE, 4, 0);
	assert_int_equal(give(&packet), 0);
	packet.has_key = true;
	packet.key = 3;
	assert_int_equal(give(&packet), 1);
	expect(COLLECT_session_not_wanted, 3);
	expect(COLLECT_sender_not_allowed, 1);
	expect(COLLECT_wrong_destination, 2);
	expect(COLLECT_not_wanted_type, 1);
	expect(COLLECT_written, 0);
	assert_int_equal(summary.buffered, 3);
	close_collect();
	OPEN("vxlan:any");
	fill_packet(&packet, FARSPAN_ERSPAN2, 4, 5);
	assert_int_equal(give(&packet), 0);
	expect(COLLECT_not_wanted_type, 1);
	close_collect();
}

/* Which port is of which kind: the sources say so, also against the registered ones. */
static void udp_ports(void **state)
{
	static const struct {
		enum farspan_kind kind;
		uint16_t port, vni;
		int taken;
	} rows[] = {
		{FARSPAN_GENEVE, 6081, 9, 1}, {FARSPAN_GENEVE, 6081, 8, 0}, {FARSPAN_GENEVE, 4789, 9, 0}, {FARSPAN_TZSP, 37008, 0, 0},
		{FARSPAN_TZSP, 9000, 0, 1},   {FARSPAN_VXLAN, 37008, 5, 1}, {FARSPAN_VXLAN, 37008, 6, 0}, {FARSPAN_VXLAN, 4789, 5, 0},
	};
	struct farspan_packet packet;

	(void)state;
	OPEN("geneve:any,vni=9", "tzsp:10.0.0.2,port=9000", "vxlan:any,vni=5,port=37008");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fill_packet(&packet, rows[i].kind, 4, rows[i].vni);
		packet.udp_dst = rows[i].port;
		assert_int_equal(give(&packet), rows[i].taken);
	}
	expect(COLLECT_session_not_wanted, 2);
	expect(COLLECT_not_wanted_type, 1);                      /* VXLAN to its own port */
	expect(COLLECT_REASONS + FARSPAN_REASON_vxlan_flags, 2); /* others to a port of VXLAN */
	assert_int_equal(summary.buffered, 3);
	close_collect();
}

static void refusals(void **state)
{
	struct farspan_packet packet;
	uint8_t frame[128], outer[512];
	size_t len;

	(void)state;
	OPEN();
	fill_packet(&packet, FARSPAN_ERSPAN3, 4, 5);
	make_frame(frame, 100);
	len = make_outer(&packet, frame, 100, outer, sizeof outer);
	for (size_t cut = 0; cut < len - 100 + 14; cut++)
		assert_int_equal(give_bytes(outer, cut, 1), 0);
	expect(COLLECT_REASONS + FARSPAN_REASON_short_ip, 20);
	expect(COLLECT_REASONS + FARSPAN_REASON_short_gre, 8);
	expect(COLLECT_REASONS + FARSPAN_REASON_short_erspan, 12);
	expect(COLLECT_REASONS + FARSPAN_REASON_short_inner, 14);
	outer[9] = 6;
	assert_int_equal(give_bytes(outer, len, 1), 0);
	expect(COLLECT_not_tunnel, 1);
	packet.ft = 7;
	assert_int_equal(give_bytes(outer, make_outer(&packet, frame, 100, outer, sizeof outer), 1), 0);
	expect(COLLECT_frame_type, 1);
	assert_int_equal(summary.sessions, 0);
	collect_missed(collect, 9);
	check_sum();
	expect(COLLECT_receive_buffer, 9);
	close_collect();
}

static void captured_links(void **state)
{
	static const enum capture_link links[] = {CAPTURE_NOT_IP, CAPTURE_SHORT, CAPTURE_UNKNOWN};
	struct capture_packet packet = {.data = (const uint8_t *)"abc", .captured = 3, .original = 3};

	(void)state;
	OPEN();
	for (unsigned int i = 0; i < 3; i++) {
		packet.link = links[i];
		assert_int_equal(collect_captured(collect, &packet), 0);
		check_sum();
	}
	packet.link = CAPTURE_ETHERNET;
	assert_int_equal(collect_captured(collect, &packet), 0);
	expect(COLLECT_not_tunnel, 1);
	expect(COLLECT_link_type, 1);
	expect(COLLECT_REASONS + FARSPAN_REASON_short_link, 2);
	close_collect();
}

/* N fragments of one packet: N - 1 reassembled, and the frame. */
static void fragments(void **state)
{
	uint8_t frame[128], outer[512], fragment[512];
	struct farspan_packet packet;
	size_t len;

	(void)state;
	OPEN("erspan2:any,remote=10.0.0.1");
	fill_packet(&packet, FARSPAN_ERSPAN2, 4, 5);
	make_frame(frame, 100);
	len = make_outer(&packet, frame, 100, outer, sizeof outer);
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 0, 48, true, 1, fragment), 1), 0);
	assert_int_equal(summary.pending, 1);
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 80, len - 100, false, 1, fragment), 1), 0);
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 48, 32, true, 1, fragment), 1), 1);
	expect(COLLECT_reassembled, 2);
	assert_int_equal(summary.pending, 0);
	/* From somebody else: not even kept. */
	outer[12] = 11;
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 0, 48, true, 1, fragment), 1), 0);
	expect(COLLECT_sender_not_allowed, 1);
	assert_int_equal(summary.pending, 0);
	outer[9] = 6;
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 0, 48, true, 1, fragment), 1), 0);
	expect(COLLECT_not_tunnel, 1);
	outer[9] = 17; /* only ERSPAN is wanted */
	outer[12] = 10;
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 0, 48, true, 1, fragment), 1), 0);
	expect(COLLECT_not_wanted_type, 1);
	outer[9] = 47;
	assert_int_equal(give_bytes(fragment, make_fragment(outer, 0, 48, true, 2, fragment), 1), 0);
	assert_int_equal(summary.pending, 1);
	assert_int_equal(collect_finish(collect, NULL), 0);
	check_sum();
	expect(COLLECT_fragment_incomplete, 1);
	expect(COLLECT_written, 1);
	assert_int_equal(summary.pending, 0);
	close_collect();
}

/* ---- what is written ---- */

static void expect_packet(struct capture *capture, uint64_t time_ns, uint16_t link_type, size_t captured, size_t original)
{
	struct capture_packet packet;

	assert_int_equal(capture_next(capture, &packet, NULL), 1);
	assert_int_equal(packet.time_ns, time_ns);
	assert_int_equal(packet.link_type, link_type);
	assert_int_equal(packet.captured, captured);
	assert_int_equal(packet.original, original);
}

static unsigned int count_in_sink(const char *bytes, size_t len)
{
	unsigned int count = 0;

	for (const uint8_t *at = sink.data; (at = memmem(at, sink.len - (size_t)(at - sink.data), bytes, len)); at++)
		count++;
	return count;
}

static void recording(void **state)
{
	struct farspan_packet packet;
	struct capture *capture;
	uint8_t ip[64] = {0x45, 0, 0, 64}, outer[512];
	struct file file;
	size_t len;

	(void)state;
	OPEN();
	clock_ns = 1000;
	fill_packet(&packet, FARSPAN_ERSPAN3, 4, 5);
	packet.seq = 10;
	assert_int_equal(give(&packet), 1);
	packet.seq = 14;
	packet.direction = 1;
	packet.truncated = true;
	assert_int_equal(give(&packet), 1);
	packet.truncated = false;
	packet.ft = 2;
	len = make_outer(&packet, ip, sizeof ip, outer, sizeof outer);
	assert_int_equal(give_bytes(outer, len, 9000), 1);
	/* Cut by the capture: the outer header tells what there was. */
	assert_int_equal(give_bytes(outer, len - 30, 9001), 1);
	assert_int_equal(collect_finish(collect, NULL), 0);
	read_sink();
	file = file_of(sink.data, sink.len);
	assert_int_equal(capture_open(file.path, &capture, NULL), 0);
	expect_packet(capture, 2000, 1, 100, 100);
	expect_packet(capture, 3000, 1, 60, 100);
	expect_packet(capture, 9000, 101, 64, 64);
	expect_packet(capture, 9001, 101, 34, 64);
	assert_int_equal(capture_next(capture, &(struct capture_packet){0}, NULL), 0);
	capture_close(capture);
	close(file.fd);
	assert_int_equal(count_in_sink("erspan3 10.0.0.1 id 5 hwid 0\3", 29), 1);
	assert_int_equal(count_in_sink("erspan3 10.0.0.1 id 5 hwid 0 ip\0", 32), 1);
	assert_int_equal(count_in_sink("ERSPAN Type III from 10.0.0.1 to 10.0.0.2", 41), 2);
	assert_int_equal(count_in_sink("truncated by the sender", 23), 1);
	assert_int_equal(count_in_sink("\2\0\4\0\1\0\0\0", 8), 1);                          /* epb_flags: inbound */
	assert_int_equal(count_in_sink("\2\0\4\0\2\0\0\0", 8), 3);                          /* outbound */
	assert_int_equal(count_in_sink("\4\0\x08\0\3\0\0\0\0\0\0\0\5\0\x08\0\x0e", 17), 1); /* epb_dropcount 3, epb_packetid 14 */
	assert_int_equal(count_in_sink("packets 4, bytes 258, truncated 1, lost 3, late 0, duplicate 2, restarted 0", 75), 2);
	close_collect();
}

static void sequence_sums(void **state)
{
	static const uint32_t numbers[] = {0, 1, 5, 3, 3, 6, 100000000, 100000001};
	struct farspan_packet packet;

	(void)state;
	OPEN();
	for (uint8_t hwid = 0; hwid < 2; hwid++) {
		for (unsigned int i = 0; i < 8; i++) {
			fill_packet(&packet, FARSPAN_ERSPAN3, 4, 5);
			packet.hwid = hwid;
			packet.seq = numbers[i];
			assert_int_equal(give(&packet), 1);
		}
	}
	assert_int_equal(summary.sessions, 2);
	assert_int_equal(summary.packets, 16);
	assert_int_equal(summary.loss.gaps, 2);
	assert_int_equal(summary.loss.lost, 4);
	assert_int_equal(summary.loss.late, 2);
	assert_int_equal(summary.loss.duplicate, 2);
	assert_int_equal(summary.loss.restarted, 2);
	close_collect();
}

/* What is late or came before is refused, unless the sender has begun anew; what has no number is, wherever one is demanded. */
static void in_order(void **state)
{
	static const struct {
		uint32_t number;
		int taken;
	} rows[] = {{7, 1}, {8, 1}, {8, 0}, {11, 1}, {9, 0}, {7, 0}, {12, 1}, {100000000, 1}, {100000001, 1}, {100000000, 0}};
	struct farspan_packet packet;

	(void)state;
	OPEN("gre:any,key=1,iseq=yes", "gre:any,key=2");
	for (unsigned int i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fill_packet(&packet, FARSPAN_GRE, 4, 1);
		packet.has_seq = packet.has_key = true;
		packet.key = 1;
		packet.seq = rows[i].number;
		assert_int_equal(give(&packet), rows[i].taken);
	}
	packet.has_seq = false;
	assert_int_equal(give(&packet), 0);
	packet.key = 2;
	assert_int_equal(give(&packet), 1);
	expect(COLLECT_sequence_old, 4);
	expect(COLLECT_sequence_missing, 1);
	assert_int_equal(summary.packets, 7);
	assert_int_equal(summary.loss.late + summary.loss.duplicate, 4);
	close_collect();
}

static void table_full(void **state)
{
	struct farspan_packet packet;

	(void)state;
	open_limited(3, RLIM_INFINITY);
	for (uint16_t id = 0; id < 1024; id++) {
		fill_packet(&packet, FARSPAN_ERSPAN2, 4, id);
		assert_int_equal(give(&packet), id < 3);
	}
	assert_int_equal(summary.sessions, 3);
	expect(COLLECT_session_table_full, 1021);
	close_collect();
	open_limited(0, RLIM_INFINITY);
	for (uint16_t id = 0; id < 8192; id++) {
		fill_packet(&packet, FARSPAN_ERSPAN2, 4, id & 1023);
		packet.outer_src[3] = (uint8_t)(id >> 10);
		assert_int_equal(give(&packet), id < 4096);
	}
	assert_int_equal(summary.sessions, 4096);
	expect(COLLECT_session_table_full, 4096);
	close_collect();
	/* As many sessions that differ in the hardware id only; twice, to find each again. */
	open_limited(0, RLIM_INFINITY);
	for (uint16_t i = 0; i < 8192; i++) {
		fill_packet(&packet, FARSPAN_ERSPAN3, 4, i / 64 % 64);
		packet.hwid = i % 64;
		assert_int_equal(give(&packet), 1);
	}
	assert_int_equal(summary.sessions, 4096);
	close_collect();
}

static uint64_t now_s;

static void age(unsigned int seconds)
{
	collect_age(collect, (now_s += seconds) * 1000000000);
	check_sum();
}

static int give_session(uint16_t id, uint32_t seq)
{
	struct farspan_packet packet;

	fill_packet(&packet, FARSPAN_ERSPAN2, 4, id);
	packet.seq = seq;
	return give(&packet);
}

static void expect_sessions(unsigned int sessions, uint64_t ended, uint64_t packets, uint64_t packets_ended)
{
	collect_summarize(collect, &summary);
	assert_int_equal(summary.sessions, sessions);
	assert_int_equal(summary.ended.sessions, ended);
	assert_int_equal(summary.packets, packets);
	assert_int_equal(summary.ended.packets, packets_ended);
	assert_int_equal(summary.bytes, packets * 100);
	for (unsigned int i = 0; i < summary.places; i++)
		packets_ended += collect_session_at(collect, i) ? collect_session_at(collect, i)->packets : 0;
	assert_int_equal(packets_ended, packets);
}

/* In a full table those that are silent for longest make room, one in 64; nobody else, and no sum changes. */
static void table_ages(void **state)
{
	unsigned int ending[COLLECT_ENDING_MAX];

	(void)state;
	now_s = 1000;
	open_limited(128, RLIM_INFINITY);
	for (uint16_t id = 0; id < 128; id++) {
		assert_int_equal(give_session(id, 0), 1);
		assert_int_equal(give_session(id, 2), 1);
		if (id == 9)
			age(1);
	}
	age(1);
	assert_int_equal(give_session(500, 0), 0);
	assert_int_equal(give_session(3, 3), 1);
	age(COLLECT_SESSION_IDLE_S - 2);
	assert_int_equal(collect_ending(collect, ending), 0);
	age(1);
	assert_int_equal(collect_ending(collect, ending), 2);
	assert_int_equal(ending[0], 0);
	assert_int_equal(ending[1], 1);
	/* One of them wakes. */
	assert_int_equal(give_session(1, 3), 1);
	assert_false(collect_learn(collect, &(struct collect_lesson){0}));
	expect_sessions(128, 0, 258, 0);
	age(1);
	expect_sessions(127, 1, 258, 2);
	assert_null(collect_session_at(collect, 0));
	assert_int_equal(collect_ending(collect, ending), 1);
	assert_int_equal(ending[0], 2);
	age(1);
	assert_int_equal(collect_ending(collect, ending), 0);
	age(10000);
	expect_sessions(126, 2, 258, 4);
	/* Newcomers, one of which has been here before. */
	assert_int_equal(give_session(500, 7), 1);
	assert_int_equal(give_session(0, 3), 1);
	assert_int_equal(give_session(501, 0), 0);
	expect_sessions(128, 2, 260, 4);
	assert_int_equal(summary.loss.lost, 128);
	assert_string_equal(collect_session_at(collect, 0)->name, "erspan2 10.0.0.1 id 500");
	assert_int_equal(collect_session_at(collect, 2)->namesake, 130);
	expect(COLLECT_session_table_full, 2);
	assert_int_equal(collect_finish(collect, NULL), 0);
	read_sink();
	/* The one that came back has another interface, and each has statistics. */
	assert_int_equal(count_in_sink("erspan2 10.0.0.1 id 0\0", 22), 2);
	assert_int_equal(count_in_sink("erspan2 10.0.0.1 id 500\0", 24), 1);
	assert_int_equal(count_in_sink("of the session so far: packets", 30), 130);
	close_collect();
}

/* Sessions come, go and come back at random, each with what it had in the table, or as a new one. */
static void random_ages(void **state)
{
	uint64_t random = 5, taken = 0, refused = 0, packets[40] = {0};

	(void)state;
	now_s = 1;
	open_limited(16, RLIM_INFINITY);
	for (unsigned int i = 0; i < 30000; i++) {
		const uint16_t id = (uint16_t)random_number(&random, i / 1000 % 2 ? 12 : 40);
		const uint64_t ended = (collect_summarize(collect, &summary), summary.ended.sessions);

		if (give_session(id, 0)) {
			taken++;
			packets[id]++;
		} else {
			refused++;
			assert_int_equal(summary.sessions, 16);
		}
		age(random_number(&random, 100) ? 1 : 2 * COLLECT_SESSION_IDLE_S);
		collect_summarize(collect, &summary);
		assert_true(summary.ended.sessions <= ended + 1);
		expect_sessions(summary.sessions, summary.ended.sessions, taken, summary.ended.packets);
	}
	for (unsigned int i = 0; i < summary.places; i++)
		if (collect_session_at(collect, i))
			packets[collect_session_at(collect, i)->id] -= collect_session_at(collect, i)->packets;
	for (unsigned int id = 0; id < 40; id++)
		summary.ended.packets -= packets[id];
	assert_int_equal(summary.ended.packets, 0);
	assert_true(summary.ended.sessions > 100 && refused > 100);
	expect(COLLECT_session_table_full, refused);
	close_collect();
}

/* The output stops at any byte behind the section block, which is written at once: frames that are in it, plus write errors, are all. */
static void write_errors(void **state)
{
	enum {
		FRAMES = 12
	};
	bool failed = true;

	(void)state;
	for (rlim_t limit = 100; failed; limit += 7) {
		struct error error = {0};
		struct farspan_packet packet;
		unsigned int frames = 0;
		size_t at;

		open_limited(0, limit);
		for (uint16_t i = 0; i < FRAMES; i++) {
			fill_packet(&packet, FARSPAN_ERSPAN2, 4, i / 4);
			(void)give(&packet);
			if (i % 5 == 0)
				(void)collect_flush(collect, NULL);
		}
		failed = collect_finish(collect, &error);
		assert_int_equal(failed ? EFBIG : 0, error.code);
		assert_int_equal(collect_failed(collect, NULL), -error.code);
		check_sum();
		read_sink();
		/* As many frames as an own count of the blocks finds. */
		for (at = 0; sink.len - at >= 8;) {
			uint32_t header[2];

			memcpy(header, sink.data + at, 8);
			if (header[1] > sink.len - at)
				break;
			frames += header[0] == 6;
			at += header[1];
		}
		assert_int_equal(at, sink.len);
		expect(COLLECT_written, frames);
		expect(COLLECT_write_error, FRAMES - frames);
		assert_int_equal(summary.buffered, 0);
		close_collect();
	}
}

/* ---- anything ---- */

static size_t random_packet(uint64_t *random, uint8_t *outer, size_t size)
{
	/* One after the other, as the order within an expression is the compiler's. */
	uint16_t id = (uint16_t)random_number(random, 9);
	uint8_t ip_version = random_number(random, 2) ? 4 : 6;
	enum farspan_kind kind = (enum farspan_kind)(1 + random_number(random, 5));
	uint8_t frame[128], whole[512], bit;
	struct farspan_packet packet;
	size_t len;

	fill_packet(&packet, kind, ip_version, id);
	packet.seq = packet.has_seq ? random_number(random, 50) : 0;
	packet.ft = packet.kind == FARSPAN_ERSPAN3 && random_number(random, 4) == 0 ? (uint8_t)random_number(random, 4) : 0;
	len = make_outer(&packet, frame, make_frame(frame, 100), whole, sizeof whole);
	if (random_number(random, 3) == 0) {
		size_t payload = len - (packet.ip_version == 4 ? 20 : 40), at = random_number(random, 2) ? 0 : 48;

		len = make_fragment(whole, at, at ? payload - at : 48, at == 0, (uint16_t)random_number(random, 20), outer);
	} else {
		memcpy(outer, whole, len);
	}
	assert_true(len <= size);
	if (random_number(random, 4) == 0) {
		bit = (uint8_t)(1u << random_number(random, 8));
		outer[random_number(random, 60)] ^= bit;
	}
	return random_number(random, 10) ? len : random_number(random, (uint32_t)len);
}

static void random_packets(void **state)
{
	uint64_t random = 3;
	uint8_t outer[512];

	(void)state;
	source_count = 1;
	assert_int_equal(endpoint_parse("erspan:any,remote=10.0.0.0/8+a00::/16", ENDPOINT_SOURCE, &sources[0], NULL), 0);
	for (unsigned int round = 0; round < 4; round++) {
		open_limited(round % 2 ? 5 : 0, round < 2 ? RLIM_INFINITY : 180000);
		for (unsigned int i = 0; i < 20000; i++)
			(void)give_bytes(outer, random_packet(&random, outer, sizeof outer), i * 20000000ull);
		assert_int_equal(collect_finish(collect, NULL), round < 2 ? 0 : -EFBIG);
		check_sum();
		assert_true(summary.counters[COLLECT_written] > 1000 && summary.counters[COLLECT_reassembled] > 100);
		assert_true(summary.counters[COLLECT_sender_not_allowed] && summary.counters[COLLECT_fragment_incomplete]);
		assert_int_equal(summary.counters[COLLECT_session_table_full] > 0, round % 2);
		assert_int_equal(summary.counters[COLLECT_write_error] > 0, round >= 2);
		collect_close(collect);
	}
	source_count = 0;
	set_limit(RLIM_INFINITY);
}

/* CPUs first reserve a place in the ring and then count, in any order: what they tell comes out as they counted. */
static void jump_orders(void **state)
{
	enum {
		CPUS = 5,
		JUMPS = 3000
	};
	static struct jump ring[JUMPS];
	unsigned int place[CPUS], reserved = 0, counted = 0, told = 0;
	bool busy[CPUS] = {false};
	struct jump_order order;
	uint64_t random = 1;

	(void)state;
	while (counted < JUMPS) {
		const unsigned int cpu = random_number(&random, CPUS);

		if (busy[cpu])
			ring[place[cpu]] = (struct jump){.slot = 7, .jumps = counted, .sequence = counted * 3}, counted++;
		else if (reserved < JUMPS)
			place[cpu] = reserved++;
		else
			continue;
		busy[cpu] = !busy[cpu];
	}
	assert_int_equal(jump_order_open(&order, CPUS), 0);
	assert_true(jump_order_hold(&order, &(struct jump){.slot = 8, .jumps = 1}));
	for (unsigned int i = 0; i < JUMPS; i++) {
		struct jump jump = ring[i];

		if (jump.jumps != told) {
			assert_true(jump_order_hold(&order, &jump));
			continue;
		}
		do
			assert_int_equal(jump.sequence, 3 * told++);
		while (jump_order_take(&order, 7, told, &jump));
	}
	assert_int_equal(told, JUMPS);
	assert_int_equal(order.count, 1);
	jump_order_close(&order);
}

/* Names are what users and their scripts see: all different, none empty. */
static void counter_names(void **state)
{
	(void)state;
	for (enum collect_counter a = 0; a < COLLECT_COUNTER_COUNT; a++) {
		assert_true(*collect_counter_name(a) && *collect_counter_text(a));
		for (enum collect_counter b = 0; b < a; b++)
			assert_string_not_equal(collect_counter_name(a), collect_counter_name(b));
	}
}

static int set_up(void **state)
{
	int fd;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	strcpy(sink.path, "/tmp/farspan-collect.XXXXXX");
	fd = mkstemp(sink.path);
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(sink.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind),    cmocka_unit_test(matching),       cmocka_unit_test(refusals),
		cmocka_unit_test(udp_ports),     cmocka_unit_test(captured_links), cmocka_unit_test(fragments),
		cmocka_unit_test(recording),     cmocka_unit_test(sequence_sums),  cmocka_unit_test(in_order),
		cmocka_unit_test(table_full),    cmocka_unit_test(jump_orders),    cmocka_unit_test(table_ages),
		cmocka_unit_test(random_ages),   cmocka_unit_test(write_errors),   cmocka_unit_test(random_packets),
		cmocka_unit_test(counter_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
