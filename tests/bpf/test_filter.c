/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters in the kernel against libpcap's interpreter: the same frames through the same expressions. All filters are in one program, as in
 * a tap with many sessions. Frames come three ways:
 *
 *   test run   the kernel's own harness, reception
 *   whole      sent over a wire, all bytes in one piece
 *   pieces     sent over a wire, nothing but the Ethernet header in the first piece
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath/attach.h"
#include "filter/filter.h"
#include "host/netlink.h"
#include "datapath/source_path.h"
#include "filter_expressions.h"
#include "filter_frames.h"
#include "filter_oracle.h"
#include "filter_run.h"
#include "filter_run.skel.h"

/* Last: it has a macro with the name of a function of ours. */
#include <cmocka.h>

enum {
	PIECE_MAX = ETH_HLEN + 3 * 4, /* the kernel pulls VLAN tags into the first piece, to see what is behind them */
	EXPRESSIONS = sizeof expressions / sizeof expressions[0],
	RING_SLOT = 2048,
	TELLING_MIN = 150, /* expressions that must match some frame and fail to match some other */
};

static const char wire_near[] = "fsf-near", wire_far[] = "fsf-far";

static struct frame frames[FRAMES];
static struct filter *filters[EXPRESSIONS];
static struct oracle *oracles[EXPRESSIONS];
static struct netlink *netlink;
static struct filter_compiler *compiler;
static int near_index;

struct tally {
	unsigned int answers, matches, by_libpcap, by_rules, wrong, in_pieces, first_piece_max;
};

/* ---- a quiet network namespace with a wire in it ---- */

static int bring_up(const char *device)
{
	struct ifreq request = {.ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
	rc = ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
	return rc;
}

static int set_up(void **state)
{
	struct error error = {0};

	(void)state;
	if (bring_up("lo") || netlink_open(&netlink, &error) ||
	    netlink_add_pair(netlink, wire_near, wire_far, "a wire for tests", 9000, &error) || filter_setup(&error) ||
	    filter_compiler_open(&compiler, wire_near, &error) || !oracles_open(wire_near)) {
		fprintf(stderr, "%s\n", error.text);
		return -1;
	}
	near_index = (int)if_nametoindex(wire_near);
	make_frames(frames);
	for (unsigned int i = 0; i < EXPRESSIONS; i++) {
		oracles[i] = oracle_open(expressions[i]);
		if (!oracles[i] || filter_compile(compiler, expressions[i], &filters[i], &error)) {
			fprintf(stderr, "%s: %s\n", expressions[i], error.text);
			return -1;
		}
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < EXPRESSIONS; i++) {
		filter_free(filters[i]);
		oracle_close(oracles[i]);
	}
	oracles_close();
	filter_compiler_close(compiler);
	netlink_delete_link(netlink, near_index, NULL);
	netlink_close(netlink);
	return 0;
}

/* ---- runs ---- */

static struct filter_run_bpf *load_all(struct filter *const *which, unsigned int count, enum direction direction)
{
	struct filter_run_bpf *object = filter_run_bpf__open();
	struct error error = {0};

	assert_non_null(object);
	object->rodata->filter_count = count;
	if (filter_load(object->skeleton, (const struct filter *const *)which, count, direction, &error))
		fail_msg("%s", error.text);
	return object;
}

static void order(struct filter_run_bpf *object, const struct frame *frame)
{
	struct filter_run run = {.tag_type = frame->tag_type, .tag_tci = frame->tag_tci};
	__u32 key = 0;

	memset(&run.answers, 0xaa, sizeof run.answers);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(object->maps.runs), &key, &run, BPF_ANY), 0);
}

static void collect(struct filter_run_bpf *object, struct filter_run *run)
{
	__u32 key = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(object->maps.runs), &key, run), 0);
}

static void judge(struct tally *tally, unsigned int number, const struct filter_run *run, enum direction direction, unsigned int ifindex)
{
	const struct frame *frame = &frames[number];

	assert_int_equal(run->count, 1);
	assert_int_equal(run->len, frame->len);
	tally->in_pieces += run->in_place < run->len;
	if (run->in_place > tally->first_piece_max)
		tally->first_piece_max = run->in_place;
	for (unsigned int i = 0; i < EXPRESSIONS; i++) {
		bool got = !(run->answers.words[i / 32] >> i % 32 & 1), metadata = oracle_needs_metadata(oracles[i]);
		bool wanted = metadata ? oracle_by_rules(oracles[i], frame, direction == DIRECTION_TX, ifindex)
				       : oracle_by_libpcap(oracles[i], frame);

		tally->answers++;
		tally->matches += wanted;
		tally->by_libpcap += !metadata;
		tally->by_rules += metadata;
		if (got != wanted && tally->wrong++ < 10)
			fprintf(stderr, "'%s', frame %u of %u bytes, tag %04x %04x: %d instead of %d\n", expressions[i], number, frame->len,
				frame->tag_type, frame->tag_tci, got, wanted);
	}
}

static void report(const char *way, const struct tally *tally)
{
	printf("%s: %u answers to %d expressions, %u of them matches; expected by libpcap's interpreter %u, by the rules %u; differences: "
	       "%u\n",
	       way, tally->answers, EXPRESSIONS, tally->matches, tally->by_libpcap, tally->by_rules, tally->wrong);
	assert_int_equal(tally->wrong, 0);
	assert_int_equal(tally->by_libpcap + tally->by_rules, tally->answers);
}

/* ---- the three ways ---- */

/* The kernel's harness does not take them. */
static bool is_cut_ip(const struct frame *frame)
{
	unsigned int type = (unsigned int)frame->bytes[12] << 8 | frame->bytes[13];

	return (type == ETHERTYPE_IP && frame->len < ETH_HLEN + 20) || (type == ETHERTYPE_IPV6 && frame->len < ETH_HLEN + 40);
}

static void by_test_run(void **state)
{
	struct filter_run_bpf *object = load_all(filters, EXPRESSIONS, DIRECTION_RX);
	struct tally tally = {0};
	unsigned int too_short = 0, ran = 0;

	(void)state;
	for (unsigned int i = 0; i < FRAMES; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frames[i].bytes, .data_size_in = frames[i].len, .repeat = 1);
		struct filter_run run;
		int rc;

		order(object, &frames[i]);
		rc = bpf_prog_test_run_opts(bpf_program__fd(object->progs.filter_run), &options);
		if (is_cut_ip(&frames[i])) {
			assert_int_equal(rc, -EINVAL);
			too_short++;
			continue;
		}
		assert_int_equal(rc, 0);
		collect(object, &run);
		judge(&tally, i, &run, DIRECTION_RX, 1);
		ran++;
	}
	filter_run_bpf__destroy(object);
	printf("test run: %u frames, %u left out as too short for it\n", ran, too_short);
	report("test run", &tally);
	assert_int_equal(ran + too_short, FRAMES);
	assert_int_equal(tally.answers, ran * EXPRESSIONS);
	assert_int_equal(tally.in_pieces, 0);
}

static int open_sender(void)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = near_index};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static uint8_t *open_ring(int fd)
{
	struct tpacket_req request = {.tp_block_size = 4096, .tp_block_nr = 1, .tp_frame_size = RING_SLOT, .tp_frame_nr = 4096 / RING_SLOT};
	int version = TPACKET_V2;
	void *ring;

	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof request), 0);
	ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(ring != MAP_FAILED);
	return ring;
}

/* The kernel copies what is sent through a ring up to the end of the Ethernet header, and refers to the rest. */
static void send_in_pieces(int fd, uint8_t *ring, unsigned int slot, const struct frame *frame)
{
	struct tpacket2_hdr *header = (void *)(ring + slot * RING_SLOT);

	_Static_assert(sizeof *header % TPACKET_ALIGNMENT == 0, "where the kernel looks for the frame");
	memcpy(ring + slot * RING_SLOT + sizeof *header, frame->bytes, frame->len);
	header->tp_len = frame->len;
	header->tp_status = TP_STATUS_SEND_REQUEST;
	assert_int_equal(send(fd, NULL, 0, 0), frame->len);
}

static struct tally by_wire(int fd, uint8_t *ring)
{
	struct filter_run_bpf *object = load_all(filters, EXPRESSIONS, DIRECTION_TX);
	struct attachment attachment;
	struct error error = {0};
	struct tally tally = {0};

	if (attach_program(bpf_program__fd(object->progs.filter_run), near_index, DIRECTION_TX, ATTACH_BEST, 1, &attachment, &error))
		fail_msg("%s", error.text);
	for (unsigned int i = 0; i < FRAMES; i++) {
		struct filter_run run;

		order(object, &frames[i]);
		if (ring)
			send_in_pieces(fd, ring, i % 2, &frames[i]);
		else
			assert_int_equal(send(fd, frames[i].bytes, frames[i].len, 0), frames[i].len);
		collect(object, &run);
		judge(&tally, i, &run, DIRECTION_TX, (unsigned int)near_index);
	}
	attach_remove(&attachment);
	filter_run_bpf__destroy(object);
	return tally;
}

static void whole(void **state)
{
	int fd = open_sender();
	struct tally tally = by_wire(fd, NULL);

	(void)state;
	close(fd);
	report("whole", &tally);
	assert_int_equal(tally.answers, FRAMES * EXPRESSIONS);
	assert_int_equal(tally.in_pieces, 0);
}

static void in_pieces(void **state)
{
	int fd = open_sender();
	uint8_t *ring = open_ring(fd);
	struct tally tally = by_wire(fd, ring);
	unsigned int longer = 0;

	(void)state;
	munmap(ring, 4096);
	close(fd);
	for (unsigned int i = 0; i < FRAMES; i++)
		longer += frames[i].len > PIECE_MAX;
	report("pieces", &tally);
	assert_int_equal(tally.answers, FRAMES * EXPRESSIONS);
	assert_true(tally.first_piece_max <= PIECE_MAX && tally.in_pieces >= longer);
}

/* ---- in a source program ---- */

enum {
	SMALL = 8,              /* legs of a small tap */
	AGAIN = EXPRESSIONS,    /* legs from here on have the filters of the first ones again */
	UNFILTERED = AGAIN + 50 /* and from here on none */
};

static const char *leg_expression(unsigned int leg)
{
	return leg >= UNFILTERED ? NULL : expressions[leg % EXPRESSIONS];
}

/* How many frames a leg is to take, of those sent without tags in metadata. */
static unsigned int wanted(unsigned int leg)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < FRAMES; i++) {
		struct frame frame = frames[i];

		frame.tag_type = frame.tag_tci = 0;
		count += leg >= UNFILTERED || oracle_by_rules(oracles[leg % EXPRESSIONS], &frame, true, (unsigned int)near_index);
	}
	return count;
}

static void check_leg(struct source_path *path, unsigned int leg)
{
	unsigned int matches = wanted(leg);
	struct counters counters;

	assert_int_equal(source_path_counters(path, leg, DIRECTION_TX, &counters, NULL), 0);
	assert_int_equal(counters.value[COUNTER_seen], FRAMES);
	assert_int_equal(counters.value[COUNTER_attempted], matches);
	assert_int_equal(counters.value[COUNTER_filter], FRAMES - matches);
}

static struct source_path *open_path(void)
{
	struct source_path *path = NULL;
	struct error error = {0};

	if (source_path_open(&path, netlink, &(struct source_use){.lasting = false}, NULL, &error))
		fail_msg("%s", error.text);
	return path;
}

static void fill_leg(struct source_path *path, struct leg *leg, unsigned int slot, const char *expression)
{
	struct error error = {0};

	*leg = (struct leg){.first_slot = slot, .slot_count = 1};
	if (source_taps_set_filter(source_path_taps(path), slot, expression, &error))
		fail_msg("%s", error.text);
}

/* Puts the legs in the place of those before, and sends each frame. */
static void send_past(struct source_path *path, const struct leg *legs, unsigned int count, int fd)
{
	struct source_tap at = {.ifindex = near_index, .direction = DIRECTION_TX};
	struct error error = {0};

	if (source_taps_tap(source_path_taps(path), &at, legs, count, ATTACH_BEST, &error))
		fail_msg("%s", error.text);
	for (unsigned int i = 0; i < FRAMES; i++)
		assert_int_equal(send(fd, frames[i].bytes, frames[i].len, 0), frames[i].len);
}

/*
 * One small tap after the other, each with expressions that stand beside each other in the list: unlike in a large one, there are frames
 * that none of them matches.
 */
static void in_small_taps(void **state)
{
	struct source_path *path = open_path();
	int fd = open_sender();

	(void)state;
	for (unsigned int first = 0, count; first < EXPRESSIONS; first += count) {
		struct leg legs[SMALL] = {0};

		for (count = 0; count < SMALL && first + count < EXPRESSIONS; count++)
			fill_leg(path, &legs[count], first + count, expressions[first + count]);
		send_past(path, legs, count, fd);
	}
	for (unsigned int i = 0; i < EXPRESSIONS; i++)
		check_leg(path, i);
	source_path_close(path);
	close(fd);
}

/* As many legs as a tap may have, most of them filtered; what the counters say. */
static void in_a_tap(void **state)
{
	struct leg legs[TAP_LEGS_MAX] = {0};
	struct source_path *path = open_path();
	struct error error = {0};
	int fd = open_sender();

	(void)state;
	for (unsigned int i = 0; i < TAP_LEGS_MAX; i++)
		fill_leg(path, &legs[i], i, leg_expression(i));
	send_past(path, legs, TAP_LEGS_MAX, fd);
	for (unsigned int i = 0; i < TAP_LEGS_MAX; i++)
		check_leg(path, i);
	printf("a tap with %d legs, %d of them filtered: the counters of %d frames are right\n", TAP_LEGS_MAX, UNFILTERED, FRAMES);
	assert_int_equal(source_taps_set_filter(source_path_taps(path), 0, "tcp prot 443", &error), -EINVAL);
	source_path_close(path);
	close(fd);
}

/* ---- the test itself ---- */

static void oracles_agree(void **state)
{
	unsigned int telling = 0, compared = 0;

	(void)state;
	for (unsigned int i = 0; i < EXPRESSIONS; i++) {
		unsigned int matches = 0;

		for (unsigned int f = 0; f < FRAMES; f++) {
			bool by_rules = oracle_by_rules(oracles[i], &frames[f], true, 1);

			matches += by_rules;
			if (oracle_needs_metadata(oracles[i]))
				continue;
			compared++;
			assert_int_equal(by_rules, oracle_by_libpcap(oracles[i], &frames[f]));
		}
		telling += matches > 0 && matches < FRAMES;
		if (getenv("FILTER_VERBOSE"))
			printf("%5u %s\n", matches, expressions[i]);
	}
	printf("both interpreters: %u answers compared; %u of %d expressions match some frames and not others\n", compared, telling,
	       EXPRESSIONS);
	assert_true(telling >= TELLING_MIN);
}

/* As many as there may be, long ones among them. */
static void as_many_as_may_be(void **state)
{
	struct filter *many[FILTERS_MAX] = {0};
	struct filter_run_bpf *object;
	struct filter_run run;
	struct error error = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frames[1].bytes, .data_size_in = 60, .repeat = 1);

	(void)state;
	for (unsigned int i = 0; i < FILTERS_MAX; i++) {
		char expression[128];

		snprintf(expression, sizeof expression, "len = %u or (host 10.99.0.%u and tcp port %u and not vlan 7)", 60 + i % 2, i,
			 1000 + i);
		if (filter_compile(compiler, expression, &many[i], &error))
			fail_msg("%s", error.text);
	}
	object = load_all(many, FILTERS_MAX, DIRECTION_RX);
	order(object, &(struct frame){0});
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(object->progs.filter_run), &options), 0);
	collect(object, &run);
	for (unsigned int word = 0; word < FILTERS_MAX / 32; word++)
		assert_int_equal(run.answers.words[word], 0xaaaaaaaau);
	filter_run_bpf__destroy(object);
	for (unsigned int i = 0; i < FILTERS_MAX; i++)
		filter_free(many[i]);
}

/* More instructions together than the kernel follows. */
static void too_much_is_refused(void **state)
{
	struct filter_run_bpf *object = filter_run_bpf__open();
	const struct filter *many[FILTERS_MAX];
	struct filter *filter = NULL;
	struct error error = {0};
	char expression[16384] = "ip";

	(void)state;
	assert_non_null(object);
	for (unsigned int i = 0; i < 300; i++)
		snprintf(expression + strlen(expression), sizeof expression - strlen(expression), " and ip[ip[%u] + %u] != 1", i % 20, i);
	assert_int_equal(filter_compile(compiler, expression, &filter, &error), 0);
	for (unsigned int i = 0; i < FILTERS_MAX; i++)
		many[i] = filter;
	object->rodata->filter_count = FILTERS_MAX;
	assert_int_equal(filter_load(object->skeleton, many, FILTERS_MAX, DIRECTION_RX, &error), -E2BIG);
	assert_string_equal(error.text, "256 filters, too much together for the kernel's verifier");
	filter_run_bpf__destroy(object);
	filter_free(filter);
}

static void no_filter_is_free(void **state)
{
	struct filter *filter = (struct filter *)(void *)1;
	struct error error = {0};

	(void)state;
	assert_int_equal(filter_compile(compiler, "", &filter, &error), 0);
	assert_null(filter);
	assert_int_equal(filter_compile(compiler, " \n\t ", &filter, &error), 0);
	assert_null(filter);
	assert_true(filter_equal(NULL, NULL));
	assert_true(filter_equal(filters[0], filters[0]));
	assert_false(filter_equal(filters[0], filters[1]));
	assert_false(filter_equal(filters[0], NULL));
}

/* ---- refusals ---- */

static const struct {
	const char *expression;
	int code;
	const char *text; /* begins with */
	const char *mark; /* what the mark stands under; "": the end; NULL: there is none */
} mistakes[] = {
	{"tcp prot 443", EINVAL, "filter: can't parse filter expression: syntax error\n", "prot"},
	{"tcp port", EINVAL, "filter: can't parse filter expression: syntax error\n", ""},
	{"tcp port 443 and", EINVAL, "filter: can't parse filter expression: syntax error\n", ""},
	{"(tcp port 443 or udp", EINVAL, "filter: can't parse filter expression: syntax error\n", ""},
	{"tcp port 443)", EINVAL, "filter: can't parse filter expression: syntax error\n", ")"},
	{"ip[0 = 1", EINVAL, "filter: can't parse filter expression: syntax error\n", "= 1"},
	{"ip[0] & 15 == == 5", EINVAL, "filter: can't parse filter expression: syntax error\n", "== 5"},
	{"(ip[0] = 5 and tcp[13] & 2 = ) and udp", EINVAL, "filter: can't parse filter expression: syntax error\n", ") and"},
	{"host 10.1.0.1 or or host 10.1.0.2", EINVAL, "filter: can't parse filter expression: syntax error\n", "or host 10.1.0.2"},
	{"tcp port 443 or port 70000", EINVAL, "filter: illegal port number 70000 > 65535\n", "70000"},
	{"net 10.0.0.1/8", EINVAL, "filter: non-network bits set in \"10.0.0.1/8\"\n", "10.0.0.1/8"},
	{"ip or vlan 5000", EINVAL, "filter: VLAN tag 5000 greater than maximum 4095\n", "5000"},
	{"tcp and udp", EINVAL, "filter: expression rejects all packets\n", "udp"},
	{"udp or ip6 protochain 17", ELOOP, "filter: it goes through the headers in a loop", "protochain 17"},
	{"ip protochain 6", ELOOP, "filter: it goes through the headers in a loop", "protochain 6"},
	{"ether[0xfffff038:4] > 5", ENOTSUP, "filter: it asks for the random number", NULL},
	{"ether[0xfffff100:4] > 5", ENOTSUP, "filter: it asks for the word 256 of a frame's metadata", NULL},
};

/* The text: message, expression, mark; each on a line, the last two indented alike. */
static void check_mark(const char *text, const char *expression, const char *mark)
{
	const char *shown = strchr(text, '\n'), *line = shown ? strchr(shown + 1, '\n') : NULL, *caret = line ? strchr(line, '^') : NULL;
	size_t at;

	assert_non_null(shown);
	assert_memory_equal(shown, "\n  ", 3);
	assert_memory_equal(shown + 3, expression, strlen(expression));
	if (!mark) {
		assert_null(line);
		return;
	}
	assert_non_null(caret);
	at = (size_t)(caret - line) - 3;
	assert_int_equal(at, *mark ? (size_t)(strstr(expression, mark) - expression) : strlen(expression));
}

static void mistakes_are_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		struct filter *filter = NULL;
		struct error error = {0};
		int rc = filter_compile(compiler, mistakes[i].expression, &filter, &error);

		if (getenv("FILTER_VERBOSE"))
			printf("%s\n", error.text);
		assert_int_equal(rc, -mistakes[i].code);
		assert_null(filter);
		assert_memory_equal(error.text, mistakes[i].text, strlen(mistakes[i].text));
		check_mark(error.text, mistakes[i].expression, mistakes[i].mark);
	}
}

/* One that does not fit on a line: what is shown of it has the mistake. */
static void long_mistakes_are_shown(void **state)
{
	char expression[4096] = "host 10.0.0.1";
	struct filter *filter = NULL;
	struct error error = {0};
	const char *shown, *line, *caret;

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		snprintf(expression + strlen(expression), sizeof expression - strlen(expression), " %s host 10.0.0.%u",
			 i == 50 ? "xor" : "or", i);
	assert_int_equal(filter_compile(compiler, expression, &filter, &error), -EINVAL);
	shown = strchr(error.text, '\n') + 1;
	line = strchr(shown, '\n') + 1;
	caret = strchr(line, '^');
	assert_memory_equal(shown + (caret - line), "xor host", 8);
}

static void devices_are_named(void **state)
{
	struct filter_compiler *none = NULL;
	struct error error = {0};

	(void)state;
	assert_int_equal(filter_compiler_open(&none, "fsf-none", &error), -ENODEV);
	assert_null(none);
	assert_non_null(strstr(error.text, "'fsf-none'"));
}

static void too_long_is_refused(void **state)
{
	size_t size = 200000, used = 0;
	char *expression = malloc(size);
	struct filter *filter = NULL;
	struct error error = {0};
	int rc;

	(void)state;
	for (unsigned int i = 0; i < 3000; i++)
		used += (size_t)snprintf(expression + used, size - used, "%sip[ip[%u] + %u] = 1", i ? " or " : "", i % 200, i / 200);
	rc = filter_compile(compiler, expression, &filter, &error);
	assert_int_equal(rc, -E2BIG);
	assert_non_null(strstr(error.text, "too long"));
	free(expression);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oracles_agree),
		cmocka_unit_test(by_test_run),
		cmocka_unit_test(whole),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(in_small_taps),
		cmocka_unit_test(in_a_tap),
		cmocka_unit_test(as_many_as_may_be),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(no_filter_is_free),
		cmocka_unit_test(mistakes_are_shown),
		cmocka_unit_test(long_mistakes_are_shown),
		cmocka_unit_test(devices_are_named),
		cmocka_unit_test(too_long_is_refused),
	};

	if (unshare(CLONE_NEWNET)) {
		printf("needs root, for a network namespace and to load programs\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
