/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/carrier.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "datapath/bpf_error.h"

enum {
	ELEMENT_LEN = (sizeof(struct carried) + 7) & ~7u, /* as the kernel lays them out */
};

struct carrier {
	int carried, rules;
	char *elements; /* those of carried */
	__u32 next;     /* of the upper half */
};

static int set_rules(struct carrier *carrier, const struct match_rule *rules, unsigned int count, struct error *error)
{
	int rc = 0;

	carrier->rules = bpf_map_create(BPF_MAP_TYPE_ARRAY, "match_rules", sizeof(__u32), sizeof *rules, MATCH_RULES_MAX, NULL);
	if (carrier->rules < 0)
		return fail_bpf(error, carrier->rules, "rules of a relay");
	for (__u32 key = 0; key < count && !rc; key++)
		rc = bpf_map_update_elem(carrier->rules, &key, &rules[key], BPF_ANY);
	return rc ? fail_bpf(error, rc, "rules of a relay") : 0;
}

static int make_elements(struct carrier *carrier, struct error *error)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);

	carrier->carried = bpf_map_create(BPF_MAP_TYPE_ARRAY, "carried", sizeof(__u32), sizeof(struct carried), CARRIED_HALF * 2, &options);
	if (carrier->carried < 0)
		return fail_bpf(error, carrier->carried, "memory of a relay");
	carrier->elements = mmap(NULL, (size_t)ELEMENT_LEN * CARRIED_HALF * 2, PROT_READ | PROT_WRITE, MAP_SHARED, carrier->carried, 0);
	if (carrier->elements != MAP_FAILED)
		return 0;
	carrier->elements = NULL;
	return fail(error, errno, "memory of a relay: %s", strerror(errno));
}

int carrier_open(struct carrier **opened, const struct match_rule *rules, unsigned int count, struct error *error)
{
	struct carrier *carrier = calloc(1, sizeof *carrier);
	int rc;

	if (!carrier)
		return fail(error, ENOMEM, "out of memory");
	carrier->carried = carrier->rules = -1;
	rc = set_rules(carrier, rules, count, error);
	if (!rc)
		rc = make_elements(carrier, error);
	if (rc)
		carrier_close(carrier);
	else
		*opened = carrier;
	return rc;
}

void carrier_close(struct carrier *carrier)
{
	if (!carrier)
		return;
	if (carrier->elements)
		munmap(carrier->elements, (size_t)ELEMENT_LEN * CARRIED_HALF * 2);
	if (carrier->carried >= 0)
		close(carrier->carried);
	if (carrier->rules >= 0)
		close(carrier->rules);
	free(carrier);
}

int carrier_carried(const struct carrier *carrier)
{
	return carrier->carried;
}

int carrier_rules(const struct carrier *carrier)
{
	return carrier->rules;
}

__u32 carrier_put(struct carrier *carrier, const struct carried *received, bool cut)
{
	__u32 key = CARRIED_HALF + carrier->next++ % CARRIED_HALF;

	memcpy(carrier->elements + (size_t)key * ELEMENT_LEN, received, sizeof *received);
	return MARK_CARRIED | (cut ? MARK_CARRIED_CUT : 0) | key;
}
