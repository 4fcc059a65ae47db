/* SPDX-License-Identifier: BSD-2-Clause */
/* Notices that session files have changed. Hides inotify, and directories that come later. */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

#include <stdbool.h>

/* A descriptor that becomes readable when something in the directories has changed, or -errno. */
int watch_open(const char *const *directories);

/* Watches what directories and drop-in directories there are by now. */
void watch_renew(int fd, const char *const *directories);

/* Empties the descriptor; whether it was about session files. */
bool watch_changed(int fd);

#endif
