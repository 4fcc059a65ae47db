/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions that do what tc rules and tunnel devices of the kernel do here now. */
#ifndef ENGINE_IMPORT_H
#define ENGINE_IMPORT_H

#include "base/error.h"
#include "model/session_list.h"

enum {
	IMPORT_NOTES_MAX = 1024
};

/* session is NULL for what cannot be said as a session; notes, lines that each end with '\n', say what differs, or why not. */
struct imported {
	struct session *session;
	char notes[IMPORT_NOTES_MAX];
};

struct import {
	struct imported *items;
	size_t count;
};

/* *import is the caller's, to be freed, also after an error. Names of sessions differ. */
int import_read(struct import *import, struct error *error);
void import_free(struct import *import);

#endif
