/* SPDX-License-Identifier: BSD-2-Clause */
/* How every module reports what went wrong: a code for the caller, a sentence for the user. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

struct error {
	int code; /* positive errno value, 0: none */
	char text[512];
};

/*
 * Fills *error (which may be NULL) and returns -code, so that callers write "return fail(error, EINVAL, ...)". Whoever can name the object
 * writes the text; only the main programs print it.
 */
int fail(struct error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
