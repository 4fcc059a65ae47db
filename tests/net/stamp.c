/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stamp OBJECT IFACE CAPTURE WHEN...
 *
 * Sends the last frame of CAPTURE out of IFACE once for each WHEN, as if a network card had received it then: so many nanoseconds from
 * now, or "none" for a card that says nothing. Prints each time, in seconds since 1970. The frame is sent by the program "send_out" of
 * OBJECT in a test run, whose packets may have such times, and they stay with the packet on its way through a veth pair.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ull

enum {
	FILE_HEADER = 24,
	RECORD_HEADER = 16,
	FRAME_MAX = 9000
};

static void die(const char *what)
{
	fprintf(stderr, "stamp: %s\n", what);
	exit(1);
}

static int load(const char *path)
{
	struct bpf_object *object = bpf_object__open(path);
	struct bpf_program *program;

	if (!object)
		die("the object");
	bpf_object__for_each_program (program, object) {
		bpf_program__set_type(program, BPF_PROG_TYPE_SCHED_CLS);
		bpf_program__set_autoload(program, strcmp(bpf_program__name(program), "send_out") == 0);
	}
	if (bpf_object__load(object))
		die("loading");
	return bpf_program__fd(bpf_object__find_program_by_name(object, "send_out"));
}

static size_t read_last(const char *path, uint8_t frame[FRAME_MAX])
{
	uint32_t header[RECORD_HEADER / 4];
	FILE *file = fopen(path, "r");
	size_t len = 0;

	if (!file || fseek(file, FILE_HEADER, SEEK_SET))
		die("the capture");
	while (fread(header, sizeof header, 1, file)) {
		len = header[2];
		if (len > FRAME_MAX || fread(frame, 1, len, file) != len)
			die("the capture");
	}
	fclose(file);
	return len;
}

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void send_at(int program, unsigned int ifindex, const uint8_t *frame, size_t len, uint64_t time_ns)
{
	struct __sk_buff context = {.mark = ifindex, .hwtstamp = time_ns};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = (__u32)len, .ctx_in = &context, .ctx_size_in = sizeof context,
		    .repeat = 1);

	if (bpf_prog_test_run_opts(program, &run) || run.retval)
		die("sending");
	printf("%" PRIu64 ".%09" PRIu64 "\n", (uint64_t)(time_ns / NS_PER_S), (uint64_t)(time_ns % NS_PER_S));
}

int main(int argc, char **argv)
{
	static uint8_t frame[FRAME_MAX];
	unsigned int ifindex = argc > 3 ? if_nametoindex(argv[2]) : 0;
	size_t len;
	int program;

	if (!ifindex)
		die("usage: OBJECT IFACE CAPTURE WHEN...");
	len = read_last(argv[3], frame);
	program = load(argv[1]);
	for (int i = 4; i < argc; i++)
		send_at(program, ifindex, frame, len, strcmp(argv[i], "none") ? wall_ns() + strtoull(argv[i], NULL, 10) : 0);
	return 0;
}
