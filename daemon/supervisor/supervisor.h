/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "settings/settings.h"

/* Exit statuses of reportd, also in its manual page. */
enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1, /* results could not be recorded at the end */
	STATUS_USAGE = 2,
	STATUS_SETTINGS = 3, /* the settings are wrong */
	STATUS_UNFIT = 4, /* schema or worker program do not fit this program */
	/* Of a daemon that ends by itself: */
	STATUS_UNREACHED = 5, /* the queue could not be used for a lease */
	STATUS_REPORTS = 6,   /* reports failed, or wait to be tried again */
};

struct supervisor_options {
	/* Settings that are sound for the daemon; at the start and at SIGHUP. */
	struct settings *(*load)(const char *path, struct err *e);
	const char *settings_path; /* NULL: the environment alone */
	struct settings *settings; /* the first ones, taken over */
	int64_t workers;           /* overrides the settings; 0: does not */
	bool drain;                /* end when all is done */
	int64_t idle_exit_ms; /* end after so long without work; 0: never */
};

/* Runs until it is told to stop; returns the exit status. */
int supervisor_run(const struct supervisor_options *options);

#endif
