/* SPDX-License-Identifier: MIT */
#ifndef WORKER_ASK_H
#define WORKER_ASK_H

/* Answers the one question that stands on standard input, as protocol.h says.
 * Returns the exit status. */
int ask_main(const char *task);

#endif
