/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_SDNOTIFY_H
#define SUPERVISOR_SDNOTIFY_H

#include <stdint.h>

/*
 * Tells the service manager about the daemon's state by the protocol of
 * sd_notify(3): datagrams to $NOTIFY_SOCKET. Without that variable these
 * functions do nothing.
 */
void sdnotify(const char *state); /* "READY=1", "STATUS=...", ... */
/* includes the time that Type=notify-reload requires */
void sdnotify_reloading(void);

/* Returns the interval in ms at which WATCHDOG=1 must be sent: half of
 * $WATCHDOG_USEC; 0: never. */
int64_t sdnotify_watchdog_ms(void);

#endif
