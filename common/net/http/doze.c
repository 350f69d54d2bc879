/* SPDX-License-Identifier: MIT */
#include "net/http/doze.h"

#include <signal.h>
#include <stddef.h>

void doze(CURLM *multi, const struct watch *watch, int64_t ms)
{
	const struct wake *wake = watch ? watch->wake : NULL;
	const sigset_t *mask = watch ? watch->wait_mask : NULL;
	struct curl_waitfd extra = {
	    .fd = wake ? wake->fd : -1, .events = CURL_WAIT_POLLIN};
	sigset_t old;

	if (mask != NULL)
		sigprocmask(SIG_SETMASK, mask, &old);
	curl_multi_poll(multi, &extra, wake != NULL, (int)ms, &(int){0});
	if (mask != NULL)
		sigprocmask(SIG_SETMASK, &old, NULL);
	if (wake != NULL && extra.revents != 0)
		wake->ready(wake->arg);
}
