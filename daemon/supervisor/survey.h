/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_SURVEY_H
#define SUPERVISOR_SURVEY_H

#include <uv.h>

#include "base/err.h"
#include "base/log.h"
#include "settings/settings.h"

/*
 * Looks at the folders and files that settings name: whether what the daemon
 * trusts lies apart from what reports reach, and which folders are missing. They
 * may be on a file server that does not answer, so a copy of the supervisor looks
 * (see child.h), for five seconds at most.
 */
struct survey;

struct survey_options {
	uv_loop_t *loop;
	const struct settings *settings; /* they outlive the survey */
	const char *settings_path;       /* NULL: only the environment */
	const struct log *log;
	/* Called once from the loop at the end; *e says why the settings are not to
	 * be used, NULL: they are. Then the folders that are missing are logged. The
	 * survey is gone after the call. */
	void (*done)(void *arg, const struct err *e);
	void *arg;
};

/* Returns NULL on error; `done` is not called then. */
struct survey *survey_start(
    const struct survey_options *options, struct err *e);
/* Ends the survey; `done` is not called any more. Accepts NULL; not to be called
 * after `done`. */
void survey_stop(struct survey *s);

#endif
