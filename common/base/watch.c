/* SPDX-License-Identifier: MIT */
#include "base/watch.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

#include "base/clock.h"

/* A wait calls `check` at least this often, to report progress and to notice
 * that the supervisor is gone. */
#define LOOK_UP_MS 500

int watch_check(const struct watch *w, struct err *e)
{
	return w->check ? w->check(w->arg, e) : 0;
}

int watch_wait(const struct watch *w, int fd, short events, int64_t deadline_ms,
    struct err *e)
{
	struct pollfd p[2] = {{.fd = fd, .events = events},
	    {.fd = w->wake ? w->wake->fd : -1, .events = POLLIN}};

	for (;;) {
		int64_t ms = LOOK_UP_MS;
		struct timespec ts;
		int n;

		if (watch_check(w, e) != 0)
			return -1;
		if (deadline_ms != 0) {
			int64_t left = deadline_ms - clock_boot_ms();

			if (left <= 0)
				return 0;
			ms = left < ms ? left : ms;
		}
		ts.tv_sec = ms / 1000;
		ts.tv_nsec = ms % 1000 * 1000000;
		n = ppoll(p, 2, &ts, w->wait_mask);
		if (n > 0 && p[1].revents != 0)
			w->wake->ready(w->wake->arg);
		if (n > 0 && p[0].revents != 0)
			return 1;
		if (n < 0 && errno != EINTR)
			return err_errno(e, errno, "poll");
	}
}
