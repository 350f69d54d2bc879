/* SPDX-License-Identifier: MIT */
#ifndef BASE_WATCH_H
#define BASE_WATCH_H

#include <signal.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Stops blocking code from outside. Code that waits for a descriptor waits
 * here, and code that computes for long calls watch_check() now and then; both
 * call `check`, which may report progress to the supervisor and says whether to
 * go on. A signal handler that only sets a flag ends a wait at once, because
 * `wait_mask` admits the signal during the wait only.
 */
struct wake {
	int fd;
	void (*ready)(void *arg); /* called when fd has data to read */
	void *arg;
};

struct watch {
	/* Returns 0 to go on, or -1 with *e filled to stop. NULL: never
	 * stops. */
	int (*check)(void *arg, struct err *e);
	void *arg;
	/* for ppoll(); NULL: the mask stays as it is */
	const sigset_t *wait_mask;
	const struct wake *wake; /* watched during waits; NULL: none */
};

int watch_check(const struct watch *w, struct err *e);

/* Waits until fd is ready for `events` (poll(2)) or the boot clock passes
 * deadline_ms (0: no deadline). Returns 1 when fd is ready, 0 at the deadline,
 * -1 when stopped. */
int watch_wait(const struct watch *w, int fd, short events, int64_t deadline_ms,
    struct err *e);

#endif
