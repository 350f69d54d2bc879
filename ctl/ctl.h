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
	CTL_FAILED = 1,   /* the operation or the report failed */
	CTL_USAGE = 2,    /* the command line is wrong */
	CTL_SETTINGS = 3, /* the settings are wrong */
	CTL_NO_QUEUE = 4, /* the queue database cannot be reached */
};

/* The state of one call of reportctl. */
struct ctl {
	const struct command *command;
	const char *conf; /* file of -c; NULL: only the environment */
	bool json;
	enum ctl_exit on_error; /* exit code when the command returns -1 */
	struct settings *settings;
	struct services *services; /* NULL until first needed */
	struct source_keep *keep;
	struct pg *queue;
	int64_t looked_ms; /* boot clock, ms; see connect_looks */
};

/*
 * A subcommand. run gets its own arguments; argv[0] is the program's name. It
 * returns 0, or -1 with the exit code in on_error. When *e is empty then, the
 * errors have been printed already, or the command was --help, with CTL_OK in
 * on_error.
 */
struct command {
	const char *name;
	const char *summary;
	const char *arguments; /* such as "ID... [--limit N]" */
	const char *details;   /* options in --help, without the common ones */
	int (*run)(struct ctl *c, int argc, char **argv, struct err *e);
};

/* Prints "reportctl: " and the error on standard error, on one line even if the
 * server's message has several. */
void ctl_complain(const struct err *e);

extern const struct command command_cancel, command_change, command_delete,
    command_doctor, command_export, command_pause, command_resume, command_show,
    command_formats, command_ingest, command_init, command_inputs,
    command_inbox, command_list, command_sources, command_targets, command_next,
    command_retry, command_run, command_runs, command_scale, command_status,
    command_submit, command_watch, command_why;

#endif
