/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_ENVIRONMENT_H
#define SUPERVISOR_ENVIRONMENT_H

/* Returns the environment of a process that the supervisor starts: its own
 * without REPORTD_... and without the variables named in `hidden`, separated by
 * blanks. Settings reach such a process as messages, so the secrets of others
 * would serve nothing there. The caller frees the list, which borrows its
 * strings. */
char **environment_without(const char *hidden);

#endif
