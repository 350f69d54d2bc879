/* SPDX-License-Identifier: MIT */
#ifndef NET_HTTP_DOZE_H
#define NET_HTTP_DOZE_H

#include <curl/curl.h>
#include <stdint.h>

#include "base/watch.h"

/* Waits until a transfer can proceed, the watch is woken, a signal arrives, or
 * ms milliseconds have passed. A signal that arrives just before the wait is
 * noticed only after it, so no wait should be long. `watch` may be NULL. */
#define DOZE_MS 200
void doze(CURLM *multi, const struct watch *watch, int64_t ms);

#endif
