/* SPDX-License-Identifier: MIT */
#ifndef NET_HTTP_DOZE_H
#define NET_HTTP_DOZE_H

#include <curl/curl.h>
#include <stdint.h>

#include "base/watch.h"

/* Waits until a transfer may move, somebody wakes the watch, a signal comes, or
 * ms have passed. A signal that comes just before is seen after the wait, which
 * is why nobody should doze for long. `watch` may be NULL. */
#define DOZE_MS 200
void doze(CURLM *multi, const struct watch *watch, int64_t ms);

#endif
