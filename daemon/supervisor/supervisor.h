/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "settings/settings.h"

/* Exit statuses of reportd, listed in its manual page as well. */
enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1, /* results could not be recorded at the end */
	STATUS_USAGE = 2,
	STATUS_SETTINGS = 3, /* the settings are wrong */
	STATUS_UNFIT =
	    4, /* schema or worker program do not fit, or cannot start */
	/* Only with --drain or --idle-exit: */
	/* the queue could not be used for the length of a lease */
	STATUS_UNREACHED = 5,
	STATUS_REPORTS = 6, /* reports failed, or wait for a retry */
};

struct supervisor_options {
	/* Loads settings and checks that the daemon can work with them, without a
	 * look at the folders that they name; used at SIGHUP. */
	struct settings *(*load)(const char *path, struct err *e);
	const char *settings_path; /* NULL: only the environment */
	/* first settings; the supervisor frees them */
	struct settings *settings;
	int64_t workers; /* replaces the number in the settings; 0: does not */
	bool drain;      /* end when all work is done */
	int64_t idle_exit_ms; /* end after this long without work; 0: never */
};

/* Runs until it is told to stop; returns the exit status. */
int supervisor_run(const struct supervisor_options *options);

#endif
