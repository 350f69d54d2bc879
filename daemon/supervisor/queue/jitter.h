/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_JITTER_H
#define SUPERVISOR_QUEUE_JITTER_H

#include <stdint.h>
#include <uv.h>

/* Returns a wait of `ms` milliseconds shortened by a random part, at most a tenth,
 * so that daemons do not act in step with each other. */
static inline int64_t jitter_shorten(int64_t ms)
{
	uint16_t r = 0;

	uv_random(NULL, NULL, &r, sizeof(r), 0, NULL);
	return ms - ms / 10 * r / 65536;
}

#endif
