/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_SDNOTIFY_H
#define SUPERVISOR_SDNOTIFY_H

#include <stdint.h>

/*
 * The service manager's protocol, sd_notify(3): datagrams to $NOTIFY_SOCKET.
 * Without one all of this does nothing.
 */
void sdnotify(const char *state); /* "READY=1", "STATUS=...", ... */
void sdnotify_reloading(void); /* with the time that Type=notify-reload wants */

/* How often WATCHDOG=1 must be sent, in ms: half of $WATCHDOG_USEC; 0: never. */
int64_t sdnotify_watchdog_ms(void);

#endif
