/* SPDX-License-Identifier: BSD-2-Clause */
/* The completions, as they are installed too; made of completion/ when farspan is built. */
#ifndef CLI_COMPLETION_TEXTS_H
#define CLI_COMPLETION_TEXTS_H

/* The last one has no shell. */
extern const struct completion_text {
	const char *shell, *text;
} completion_texts[];

#endif
