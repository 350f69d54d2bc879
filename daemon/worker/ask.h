/* SPDX-License-Identifier: MIT */
#ifndef WORKER_ASK_H
#define WORKER_ASK_H

/* Answers the question on standard input, as protocol.h describes. Returns the
 * exit status. */
int ask_main(const char *task);

#endif
