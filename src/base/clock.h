/* SPDX-License-Identifier: BSD-2-Clause */
/* The clocks, in nanoseconds. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull

uint64_t clock_monotonic_ns(void);
uint64_t clock_wall_ns(void); /* since 1970 */

/* How long poll() is to wait until that monotonic time, in milliseconds and never too short; 0: it has come. */
int clock_wait_ms(uint64_t until_ns);

/* Added to a monotonic time it gives the wall clock's, as that is set now. */
uint64_t clock_wall_offset_ns(void);

#endif
