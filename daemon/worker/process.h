/* SPDX-License-Identifier: MIT */
#ifndef WORKER_PROCESS_H
#define WORKER_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* What a worker asks of its process: limits, and signals. */

/* Bytes of memory, and as many open files as it may have. */
void process_limit(int64_t memory);

/* SIGTERM comes in waits with this mask alone, and does no more than to be told;
 * SIGINT, SIGHUP and SIGPIPE are ignored. */
void process_set_signals(sigset_t *wait_mask);
bool process_is_told_to_stop(void);
/* A SIGTERM that was meant for the task before must not hit the next one: it was
 * sent before that task was, so it is here already. */
void process_forget_signals(void);

#endif
