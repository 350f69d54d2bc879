/* SPDX-License-Identifier: MIT */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "settings/settings.h"
#include "source/postgres/pg.h"

/* Exit codes; the manual page promises them. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,   /* the operation, or the report, failed */
	CTL_USAGE = 2,    /* the command line is wrong */
	CTL_SETTINGS = 3, /* the settings are wrong */
	CTL_NO_QUEUE = 4, /* the queue database cannot be reached */
};

/* One call of reportctl. */
struct ctl {
	const struct command *command;
	const char *conf; /* -c; NULL: the environment alone */
	bool json;
	enum ctl_exit on_error; /* what a -1 means; CTL_FAILED at first */
	struct settings *settings;
	struct services *services; /* once somebody has needed them */
	struct source_keep *keep;
	struct pg *queue;
	int64_t looked_ms; /* see connect_looks */
};

/*
 * A subcommand. run gets its own arguments, argv[0] being the program's name.
 * It returns 0, or -1 with on_error saying what that means to the caller's
 * shell; where *e stays empty all has been said already (or, after --help, all
 * is well: on_error is CTL_OK).
 */
struct command {
	const char *name;
	const char *summary;
	const char *arguments; /* "ID... [--limit N]" */
	const char *details;   /* what --help says below, without --json etc. */
	int (*run)(struct ctl *c, int argc, char **argv, struct err *e);
};

/* `reportctl: ...` on standard error, in one line whatever the server said. */
void ctl_complain(const struct err *e);

extern const struct command command_cancel, command_change, command_delete,
    command_doctor, command_export, command_pause, command_resume, command_show,
    command_formats, command_init, command_list, command_sources, command_next,
    command_retry, command_run, command_runs, command_status, command_submit,
    command_watch;

#endif
