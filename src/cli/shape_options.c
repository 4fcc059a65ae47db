/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/shape_options.h"

#include <errno.h>

int shape_option(int option, const char *value, struct session *session, struct error *error)
{
	switch (option) {
	case OPTION_SPREAD:
		session->spread = true;
		return 0;
	case OPTION_STRIP_TAG:
		session->shape.strip_tag = true;
		return 0;
	case OPTION_VLAN:
		return shape_parse_vlans(value, &session->shape, error);
	case OPTION_SAMPLE:
		return shape_parse_sample(value, &session->shape, error);
	case OPTION_RATE:
		return shape_parse_rate(value, &session->shape, error);
	case OPTION_TRUNCATE:
		return shape_parse_truncate(value, &session->shape, error);
	default:
		return fail(error, EINVAL, "unknown option %d", option);
	}
}
