/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_PROGRAM_H
#define SUPERVISOR_PROGRAM_H

#include "base/err.h"

/*
 * A program that the supervisor starts: reportd-worker, reportd-http. It is
 * opened once, and every process is started from that descriptor. An upgrade
 * that replaces the file meanwhile has no effect until the daemon is restarted.
 */
struct program;

#define PROGRAM_WORKER "reportd-worker"
#define PROGRAM_HTTP "reportd-http"

/* Opens the program of this name in the folder of this process's own program
 * (as in a build folder), else the installed one. Returns NULL on error: neither
 * can be executed. */
struct program *program_open(const char *name, struct err *e);
void program_close(struct program *p);

/* Returns the descriptor, which closes at exec. */
int program_fd(const struct program *p);
/* Returns a path that names the open file in this process and in processes
 * forked from it. */
const char *program_path(const struct program *p);

/* Sets the function to call when a worker refuses to work for this daemon
 * because its version differs. */
void program_watch(struct program *p, void (*unfit)(void *arg), void *arg);
/* Tells that a worker has ended with PROTOCOL_UNFIT. */
void program_is_unfit(const struct program *p);

#endif
