/* SPDX-License-Identifier: MIT */
#ifndef BASE_WATCH_H
#define BASE_WATCH_H

#include <signal.h>
#include <stdint.h>

#include "base/err.h"

/*
 * How straight-line blocking code is stopped from outside. Whoever waits for a
 * descriptor waits here, and whoever works for long calls watch_check() now and
 * then; both call `check`, which may report progress upward and says whether to
 * go on. A signal handler that only sets a flag wakes a wait at once, because
 * `wait_mask` lets it in during the wait alone.
 */
struct wake {
	int fd;
	void (*ready)(void *arg); /* fd has something to read */
	void *arg;
};

struct watch {
	/* 0 to go on; -1 with *e filled to stop. NULL: never stops. */
	int (*check)(void *arg, struct err *e);
	void *arg;
	const sigset_t *wait_mask; /* for ppoll(); NULL: leave the mask */
	const struct wake *wake;   /* heard while waiting; NULL: nothing */
};

int watch_check(const struct watch *w, struct err *e);

/* Waits until fd is ready for `events` (poll(2)) or the boot clock passes
 * deadline_ms (0: none). 1 when ready, 0 at the deadline, -1 when stopped. */
int watch_wait(const struct watch *w, int fd, short events, int64_t deadline_ms,
    struct err *e);

#endif
