/* SPDX-License-Identifier: MIT */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdint.h>

/* Takes jobs from PROTOCOL_FD one after another until its end of file.
 * memory_limit in bytes. Returns the exit status: 0, or PROTOCOL_UNFIT. */
int worker_main(int64_t memory_limit);

#endif
