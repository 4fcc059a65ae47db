/* SPDX-License-Identifier: BSD-2-Clause */
/* The sessions as a page for browsers: nothing can be changed on it, and it fetches nothing from elsewhere. */
#ifndef DAEMON_PAGE_H
#define DAEMON_PAGE_H

#include "daemon/runner.h"

/* HTML, malloc()ed; NULL without memory. */
char *page_html(const struct runner *runner);

#endif
