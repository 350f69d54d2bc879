/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_INTERRUPT_H
#define CTL_LIB_INTERRUPT_H

#include "base/watch.h"

/*
 * Ctrl-C, SIGTERM and SIGHUP end what is under way in an orderly manner: the
 * server is told to cancel the statement, a half-written file is dropped. A
 * second one ends the program at once.
 */
void interrupt_install(void);

/* The signal that came, 0: none. */
int interrupt_signal(void);

/* Stops with ERR_CANCELLED once a signal came. */
extern const struct watch interrupt_watch;

#endif
