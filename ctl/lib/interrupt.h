/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_INTERRUPT_H
#define CTL_LIB_INTERRUPT_H

#include "base/watch.h"

/*
 * Ctrl-C, SIGTERM and SIGHUP stop the command in an orderly way: the server
 * cancels the statement, and an unfinished file is removed. A second signal of
 * the same kind ends the program at once.
 */
void interrupt_install(void);

/* Returns the number of the signal that arrived; 0: none. */
int interrupt_signal(void);

/* Stops with ERR_CANCELLED after a signal. */
extern const struct watch interrupt_watch;

#endif
