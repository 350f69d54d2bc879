/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_PROGRAM_H
#define SUPERVISOR_PROGRAM_H

#include "base/err.h"

/*
 * The worker's program. The supervisor opens it once, at its start, and starts
 * every worker from that descriptor: an upgrade that replaces the file meanwhile
 * changes nothing until the daemon starts again.
 */
struct program;

/* Opens `reportd-worker` beside this process's own program (a build folder), else
 * the installed one. NULL on error: neither can be run. */
struct program *program_open(struct err *e);
void program_close(struct program *p);

/* The descriptor; it is closed in whatever is executed. */
int program_fd(const struct program *p);
/* A path that names the open file in this process and in those it forks. */
const char *program_path(const struct program *p);

/* Calls `unfit` when a worker has refused to work for this daemon, as its version
 * is another one. */
void program_watch(struct program *p, void (*unfit)(void *arg), void *arg);
/* A worker has ended with PROTOCOL_UNFIT. */
void program_is_unfit(const struct program *p);

#endif
