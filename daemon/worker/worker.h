/* SPDX-License-Identifier: MIT */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdint.h>

/* Executes the tasks that arrive at PROTOCOL_FD until its end of file.
 * memory_limit is in bytes. Returns the exit status: 0, or PROTOCOL_UNFIT. */
int worker_main(int64_t memory_limit);

#endif
