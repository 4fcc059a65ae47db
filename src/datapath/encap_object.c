/* SPDX-License-Identifier: BSD-2-Clause */
#include "datapath/encap_object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bpf/abi.h"
#include "datapath/bpf_error.h"
#include "datapath/bpf_objects.h"
#include "datapath/carrier.h"
#include "datapath/hook.h"
#include "encap.skel.h"

enum {
	VERIFIER_LOG = 1 << 20
};

/* As encap_bpf__open(), but with the user's hook linked in. */
static int open_hooked(struct encap_object *object, const char *hook, struct error *error)
{
	struct encap_bpf *encap = calloc(1, sizeof *encap);
	int rc;

	if (!encap || encap_bpf__create_skeleton(encap)) {
		free(encap);
		return fail(error, ENOMEM, "encapsulation program: out of memory");
	}
	object->bpf = encap;
	rc = hook_link(encap->skeleton->data, encap->skeleton->data_sz, hook, &object->hooked, &encap->skeleton->data_sz, error);
	if (rc)
		return rc;
	encap->skeleton->data = object->hooked;
	rc = bpf_object__open_skeleton(encap->skeleton, NULL);
	if (rc)
		return fail_bpf(error, rc, "encapsulation program with the hook");
	encap->rodata->hooked = 1;
	return 0;
}

/* What the verifier thinks of the user's hook is the user's to know. */
static int load_hooked(struct encap_object *object, const char *hook, struct error *error)
{
	char *log = calloc(1, VERIFIER_LOG);
	int rc = log ? 0 : -ENOMEM;

	if (!rc)
		bpf_program__set_log_buf(object->bpf->progs.farspan_encap, log, VERIFIER_LOG);
	if (!rc)
		rc = encap_bpf__load(object->bpf);
	if (rc)
		fail(error, -rc, "hook '%s': the kernel refuses it: %s", hook, log && *log ? hook_verdict(log) : strerror(-rc));
	else
		bpf_program__set_log_buf(object->bpf->progs.farspan_encap, NULL, 0);
	free(log);
	return rc;
}

/* What its frames carry comes from elsewhere. */
static int use_carrier(struct encap_object *object, const struct carrier *carrier, struct error *error)
{
	int rc;

	if (!carrier)
		return 0;
	object->bpf->rodata->has_carrier = 1;
	rc = bpf_map__reuse_fd(object->bpf->maps.carried, carrier_carried(carrier));
	if (!rc)
		rc = bpf_map__reuse_fd(object->bpf->maps.match_rules, carrier_rules(carrier));
	return rc ? fail_bpf(error, rc, "encapsulation program of a relay") : 0;
}

static int open_object(struct encap_object *object, const char *hook, struct error *error)
{
	if (hook)
		return open_hooked(object, hook, error);
	object->bpf = encap_bpf__open();
	return object->bpf ? 0 : fail_bpf(error, -errno, "encapsulation program");
}

static int load(struct encap_object *object, const char *hook, struct error *error)
{
	int rc;

	if (hook)
		return load_hooked(object, hook, error);
	rc = encap_bpf__load(object->bpf);
	return rc ? fail_bpf(error, rc, "encapsulation program") : 0;
}

/* Another process may send between the same addresses. */
static int number_packets(struct encap_object *object, struct error *error)
{
	__u32 first_id, key = 0;
	int rc;

	if (getrandom(&first_id, sizeof first_id, 0) != sizeof first_id)
		return fail(error, errno, "random number: %s", strerror(errno));
	rc = bpf_map_update_elem(bpf_map__fd(object->bpf->maps.packet_ids), &key, &first_id, BPF_ANY);
	return rc ? fail_bpf(error, rc, "packet identification") : 0;
}

int encap_object_load(struct encap_object *object, const char *hook, const struct carrier *carrier, const struct kept *kept,
		      struct error *error)
{
	int rc = open_object(object, hook, error), reused;

	if (!rc)
		rc = use_carrier(object, carrier, error);

	if (rc)
		return rc;
	reused = bpf_objects_use_kept_maps(object->bpf->obj, kept);
	if (reused < 0)
		return fail_bpf(error, reused, "kept maps");
	if ((rc = load(object, hook, error)))
		return rc;
	return reused ? 0 : number_packets(object, error);
}

void encap_object_close(struct encap_object *object)
{
	encap_bpf__destroy(object->bpf);
	free(object->hooked);
}
