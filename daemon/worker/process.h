/* SPDX-License-Identifier: MIT */
#ifndef WORKER_PROCESS_H
#define WORKER_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Limits and signals of the worker's process. */

/* Limits the memory to this many bytes, and raises the limit of open files as
 * far as allowed. */
void process_limit(int64_t memory);

/* Sets how the process treats signals: SIGTERM arrives only in waits that use
 * this mask, and is only noted; SIGINT, SIGHUP and SIGPIPE are ignored. */
void process_set_signals(sigset_t *wait_mask);
/* Says whether SIGTERM has arrived. */
bool process_is_told_to_stop(void);
/* Forgets a SIGTERM, which was meant for the task before and must not stop the
 * next one. It was sent before that task, so it has arrived already. */
void process_forget_signals(void);

#endif
