/* SPDX-License-Identifier: MIT */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/*
 * Milliseconds of CLOCK_BOOTTIME: never set back, runs on while the machine
 * sleeps, and the same in every process of the host, so that a deadline can be
 * sent from one to another. Leases and time-outs use it; what users see comes
 * from the database's clock.
 */
int64_t clock_boot_ms(void);

/* Microseconds since 1970 by the host's clock: for log lines only. */
int64_t clock_wall_us(void);

#endif
