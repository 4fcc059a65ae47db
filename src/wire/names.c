/* SPDX-License-Identifier: BSD-2-Clause */
#include <farspan.h>

const char *farspan_kind_name(enum farspan_kind kind)
{
	static const char *const names[FARSPAN_KINDS] = {
		[FARSPAN_NONE] = "none", [FARSPAN_ERSPAN1] = "erspan1", [FARSPAN_ERSPAN2] = "erspan2", [FARSPAN_ERSPAN3] = "erspan3",
		[FARSPAN_GRE] = "gre",   [FARSPAN_VXLAN] = "vxlan",     [FARSPAN_GENEVE] = "geneve",   [FARSPAN_TZSP] = "tzsp",
	};

	return (unsigned int)kind < FARSPAN_KINDS ? names[kind] : "unknown";
}

const char *farspan_reason_name(enum farspan_reason reason)
{
#define NAME(name, text) [FARSPAN_REASON_##name] = #name,
	static const char *const names[FARSPAN_REASON_COUNT] = {FARSPAN_REASONS(NAME)};
#undef NAME

	return (unsigned int)reason < FARSPAN_REASON_COUNT ? names[reason] : "unknown";
}

const char *farspan_reason_text(enum farspan_reason reason)
{
#define TEXT(name, text) [FARSPAN_REASON_##name] = text,
	static const char *const texts[FARSPAN_REASON_COUNT] = {FARSPAN_REASONS(TEXT)};
#undef TEXT

	return (unsigned int)reason < FARSPAN_REASON_COUNT ? texts[reason] : "unknown";
}

const char *farspan_inner_name(enum farspan_inner_part part)
{
	switch (part) {
#define NAME(name, bit, text)      \
	case FARSPAN_INNER_##name: \
		return #name;
		FARSPAN_INNER_PARTS(NAME)
#undef NAME
	default:
		return "unknown";
	}
}

const char *farspan_version(void)
{
	return FARSPAN_VERSION;
}
