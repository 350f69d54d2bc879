/* SPDX-License-Identifier: MIT */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/*
 * Milliseconds of CLOCK_BOOTTIME. It is never set back, goes on while the
 * machine sleeps, and is the same in every process of the host, so that
 * processes can send deadlines to each other. Leases and time-outs use it;
 * times that users see come from the database's clock.
 */
int64_t clock_boot_ms(void);

/* Microseconds since 1970 by the host's clock, for log lines only. */
int64_t clock_wall_us(void);

#endif
