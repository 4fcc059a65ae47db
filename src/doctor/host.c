/* SPDX-License-Identifier: BSD-2-Clause */
/* The host: kernel, privileges, clock, mirrors of others. */
#include "doctor/doctor.h"

#include <string.h>

#include "host/kernel.h"
#include "host/others.h"
#include "host/privilege.h"

static const struct feature {
	const char *name;
	enum severity without;
	const char *advice;
} features[HOST_FEATURES] = {
	[HOST_SCHED_CLS] = {"eBPF programs of tc", SEVERITY_problem, "use a kernel of Linux 6.1 or newer with CONFIG_NET_CLS_BPF"},
	[HOST_TCX] = {"tcx", SEVERITY_note, "clsact is used in its place; Linux 6.6 has tcx"},
	[HOST_RING] = {"eBPF ring buffers", SEVERITY_problem, "use a kernel of Linux 6.1 or newer"},
	[HOST_XDP] = {"XDP", SEVERITY_note, "nothing needs it so far"},
	[HOST_BTF] = {"BTF", SEVERITY_warning, "use a kernel with CONFIG_DEBUG_INFO_BTF: programs fit other kernels by it"},
	[HOST_JIT] = {"the eBPF compiler", SEVERITY_warning,
		      "sysctl -w net.core.bpf_jit_enable=1: mirroring costs several times as much without"},
};

static void examine_kernel(struct findings *findings)
{
	for (enum host_feature f = 0; f < HOST_FEATURES; f++) {
		enum host_answer answer = host_has(f);

		if (answer == HOST_UNKNOWN)
			findings_add(findings, SEVERITY_note, "kernel", features[f].name, "run it as root",
				     "cannot be tried without privilege");
		else if (answer == HOST_YES)
			findings_add(findings, SEVERITY_fine, "kernel", features[f].name, "", "is there");
		else
			findings_add(findings, features[f].without, "kernel", features[f].name, features[f].advice, "is not there");
	}
}

static void examine_privilege(struct findings *findings, enum privilege privilege, const char *what)
{
	struct error error = {0};

	if (privilege_check(privilege, &error))
		findings_add(findings, SEVERITY_problem, "capabilities", what, "", "%s", error.text);
	else
		findings_add(findings, SEVERITY_fine, "capabilities", what, "", "are there");
}

static void examine_clock(const struct session_list *list, struct findings *findings)
{
	enum severity severity = SEVERITY_note;

	for (size_t i = 0; i < list->count; i++)
		for (unsigned int d = 0; d < list->sessions[i]->destination_count; d++)
			if (list->sessions[i]->destinations[d].kinds == KIND_BIT(FARSPAN_ERSPAN3))
				severity = SEVERITY_warning;
	if (host_clock_is_synchronised())
		findings_add(findings, SEVERITY_fine, "clock", "", "", "is synchronised");
	else
		findings_add(findings, severity, "clock", "", "start chrony or systemd-timesyncd, or ptp4l for Type III",
			     "is not synchronised: times of this host and of others cannot be compared");
}

static void take_mirror(const struct tc_mirror *mirror, void *context)
{
	findings_add(context, mirror->redirect ? SEVERITY_warning : SEVERITY_note, "others", mirror->source,
		     "remove what is not wanted any more by \"tc filter del\"; \"farspan import\" makes sessions of it",
		     "tc %s what it %s to %s (%s, priority %u)", mirror->redirect ? "redirects" : "mirrors",
		     mirror->direction == DIRECTION_RX ? "receives" : "sends",
		     *mirror->target ? mirror->target : "an interface that is gone", mirror->kind, mirror->priority);
}

void doctor_examine_host(const struct session_list *list, struct findings *findings)
{
	struct error error = {0};
	bool mirrors = !list->count, collects = !list->count;

	for (size_t i = 0; i < list->count; i++) {
		collects = collects || session_collects(list->sessions[i]);
		mirrors = mirrors || !session_collects(list->sessions[i]);
	}
	examine_kernel(findings);
	if (mirrors)
		examine_privilege(findings, PRIVILEGE_MIRROR_FILTER, "mirroring");
	if (collects)
		examine_privilege(findings, PRIVILEGE_COLLECT, "collecting");
	examine_clock(list, findings);
	if (others_each_mirror(take_mirror, findings, &error))
		findings_add(findings, SEVERITY_note, "others", "tc", "", "%s", error.text);
}
