/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks for what goes wrong in practice, here and now, and says what to do. Changes nothing. */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <stddef.h>

#include "base/error.h"
#include "model/session_list.h"

/* X(name, text for people) */
#define DOCTOR_SEVERITIES(X)  \
	X(fine, "ok")         \
	X(note, "note")       \
	X(warning, "warning") \
	X(problem, "PROBLEM")

enum severity {
#define DOCTOR_ENUM(name, text) SEVERITY_##name,
	DOCTOR_SEVERITIES(DOCTOR_ENUM)
#undef DOCTOR_ENUM
};

struct finding {
	enum severity severity;
	const char *check; /* what was looked at: "route", "neighbour", ... */
	char subject[80];  /* of it: an address, an interface, a session */
	char text[512];
	char advice[256]; /* empty if all is well, or if the text says it */
};

/* All zero: empty. */
struct findings {
	struct finding *items;
	size_t count;
	size_t problems;
};

void findings_add(struct findings *findings, enum severity severity, const char *check, const char *subject, const char *advice,
		  const char *format, ...) __attribute__((format(printf, 6, 7)));
void findings_free(struct findings *findings);

/* Everything that concerns these sessions, of which some may lack sources or destinations, and this host. */
void doctor_examine(const struct session_list *list, struct findings *findings);

/* Listens for so long to what arrives, and tells which of it the sessions would refuse, and why. Takes nothing away from anybody. */
void doctor_listen(const struct session_list *list, unsigned int milliseconds, struct findings *findings);

/* Parts of it: this host alone, and the packet filter, which passes GRE and these UDP ports or not. */
void doctor_examine_host(const struct session_list *list, struct findings *findings);
void doctor_examine_nftables(const struct session_list *list, struct findings *findings);

#endif
