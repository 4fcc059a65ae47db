/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter_oracle.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

/* As in linux/filter.h, which goes with other names of libpcap's. */
enum {
	METADATA = -0x1000,
	METADATA_PACKET_TYPE = 4,
	METADATA_IFINDEX = 8,
	METADATA_TAG = 44,
	METADATA_TAG_PRESENT = 48,
	OUTGOING = 4,
};

struct oracle {
	struct bpf_program program;
};

/* The machine of the BSD Packet Filter paper, with the kernel's metadata. */
struct machine {
	const struct frame *frame;
	bool outbound;
	unsigned int ifindex;
	uint32_t a, x, memory[BPF_MEMWORDS];
	bool failed; /* read what is not there, divided by zero */
};

static pcap_t *pcap; /* as tcpdump has it on the device */

bool oracles_open(const char *device)
{
	char message[PCAP_ERRBUF_SIZE] = "";

	pcap = pcap_create(device, message);
	if (pcap && pcap_activate(pcap) >= 0)
		return true;
	fprintf(stderr, "oracle: %s: %s\n", device, pcap ? pcap_geterr(pcap) : message);
	return false;
}

void oracles_close(void)
{
	if (pcap)
		pcap_close(pcap);
}

struct oracle *oracle_open(const char *expression)
{
	struct oracle *oracle = calloc(1, sizeof *oracle);

	if (pcap_compile(pcap, &oracle->program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0)
		return oracle;
	fprintf(stderr, "oracle: '%s': %s\n", expression, pcap_geterr(pcap));
	oracle_close(oracle);
	return NULL;
}

void oracle_close(struct oracle *oracle)
{
	if (!oracle)
		return;
	pcap_freecode(&oracle->program);
	free(oracle);
}

static bool is_metadata(const struct bpf_insn *in)
{
	return BPF_CLASS(in->code) == BPF_LD && BPF_MODE(in->code) == BPF_ABS && in->k >= (uint32_t)METADATA;
}

bool oracle_needs_metadata(const struct oracle *oracle)
{
	for (unsigned int i = 0; i < oracle->program.bf_len; i++)
		if (is_metadata(&oracle->program.bf_insns[i]))
			return true;
	return false;
}

bool oracle_by_libpcap(const struct oracle *oracle, const struct frame *frame)
{
	struct pcap_pkthdr header = {.caplen = frame->len, .len = frame->len};

	return pcap_offline_filter(&oracle->program, &header, frame->bytes) != 0;
}

static uint32_t metadata(struct machine *m, uint32_t which)
{
	switch (which) {
	case METADATA_PACKET_TYPE:
		return m->outbound ? OUTGOING : 0;
	case METADATA_IFINDEX:
		return m->ifindex;
	case METADATA_TAG:
		return m->frame->tag_tci;
	case METADATA_TAG_PRESENT:
		return m->frame->tag_type != 0;
	}
	fprintf(stderr, "oracle: metadata %u\n", which);
	abort();
}

static uint32_t fetch(struct machine *m, uint64_t off, unsigned int size)
{
	unsigned int bytes = size == BPF_W ? 4 : size == BPF_H ? 2 : 1;
	uint32_t value = 0;

	if (off + bytes > m->frame->len) {
		m->failed = true;
		return 0;
	}
	while (bytes--)
		value = value << 8 | m->frame->bytes[off++];
	return value;
}

static uint32_t load(struct machine *m, const struct bpf_insn *in)
{
	switch (BPF_MODE(in->code)) {
	case BPF_IMM:
		return in->k;
	case BPF_MEM:
		return m->memory[in->k];
	case BPF_LEN:
		return m->frame->len;
	case BPF_MSH:
		return (fetch(m, in->k, BPF_B) & 15) * 4;
	case BPF_IND:
		return fetch(m, (uint64_t)m->x + in->k, BPF_SIZE(in->code));
	default:
		return is_metadata(in) ? metadata(m, in->k - (uint32_t)METADATA) : fetch(m, in->k, BPF_SIZE(in->code));
	}
}

static uint32_t divide(struct machine *m, uint32_t by, bool remainder)
{
	if (!by) {
		m->failed = true;
		return 0;
	}
	return remainder ? m->a % by : m->a / by;
}

static uint32_t calculate(struct machine *m, const struct bpf_insn *in)
{
	uint32_t by = BPF_SRC(in->code) == BPF_X ? m->x : in->k;

	switch (BPF_OP(in->code)) {
	case BPF_ADD:
		return m->a + by;
	case BPF_SUB:
		return m->a - by;
	case BPF_MUL:
		return m->a * by;
	case BPF_DIV:
		return divide(m, by, false);
	case BPF_MOD:
		return divide(m, by, true);
	case BPF_OR:
		return m->a | by;
	case BPF_AND:
		return m->a & by;
	case BPF_XOR:
		return m->a ^ by;
	case BPF_LSH:
		return by < 32 ? m->a << by : 0;
	case BPF_RSH:
		return by < 32 ? m->a >> by : 0;
	default:
		return -m->a;
	}
}

static uint32_t jump(const struct machine *m, const struct bpf_insn *in)
{
	uint32_t with = BPF_SRC(in->code) == BPF_X ? m->x : in->k;
	bool is_true = false;

	switch (BPF_OP(in->code)) {
	case BPF_JA:
		return in->k;
	case BPF_JEQ:
		is_true = m->a == with;
		break;
	case BPF_JGT:
		is_true = m->a > with;
		break;
	case BPF_JGE:
		is_true = m->a >= with;
		break;
	case BPF_JSET:
		is_true = m->a & with;
		break;
	}
	return is_true ? in->jt : in->jf;
}

/* Everything but return; how many instructions to skip. */
static uint32_t step(struct machine *m, const struct bpf_insn *in)
{
	switch (BPF_CLASS(in->code)) {
	case BPF_LD:
		m->a = load(m, in);
		break;
	case BPF_LDX:
		m->x = load(m, in);
		break;
	case BPF_ST:
		m->memory[in->k] = m->a;
		break;
	case BPF_STX:
		m->memory[in->k] = m->x;
		break;
	case BPF_ALU:
		m->a = calculate(m, in);
		break;
	case BPF_JMP:
		return jump(m, in);
	case BPF_MISC:
		if (BPF_MISCOP(in->code) == BPF_TXA)
			m->a = m->x;
		else
			m->x = m->a;
		break;
	}
	return 0;
}

bool oracle_by_rules(const struct oracle *oracle, const struct frame *frame, bool outbound, unsigned int ifindex)
{
	struct machine m = {.frame = frame, .outbound = outbound, .ifindex = ifindex};
	const struct bpf_insn *in = oracle->program.bf_insns;

	while (BPF_CLASS(in->code) != BPF_RET) {
		in += 1 + step(&m, in);
		if (m.failed)
			return false;
	}
	return BPF_RVAL(in->code) == BPF_A ? m.a != 0 : in->k != 0;
}
