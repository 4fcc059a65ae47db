/* SPDX-License-Identifier: BSD-2-Clause */
/* The platform subheaders of Type III: hides which of the keys each has a field for, and of how many bits. */
#ifndef MODEL_PLATFORM_H
#define MODEL_PLATFORM_H

#include "model/endpoint.h"

/* Whether the keys of platform subheaders that are given go into that of the destination. -EINVAL with what is allowed in *error. */
int platform_check(const struct endpoint *destination, enum key_names names, struct error *error);

#endif
