/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"

/*
 * Everything that can be set, read from an INI file and the environment: each
 * key also as REPORTD_SECTION_KEY (REPORTD_SOURCE_NAME_KEY for a source), which
 * wins over the file. Times are milliseconds, sizes bytes. One struct, made once
 * and passed down; a reload makes a new one.
 */
struct source_settings {
	char *name;
	char *type;
	char *conninfo;      /* NULL only in `default`: the queue's */
	int64_t max_running; /* over all daemons; 0: no limit */
	int64_t statement_timeout;
};

struct settings {
	/* [reportd] */
	int64_t workers;
	int64_t adhoc_workers;
	int64_t worker_memory;
	int64_t poll_interval;
	int64_t lease;
	int64_t shutdown_grace;
	int64_t cancel_grace;
	int64_t job_timeout;
	int64_t retry_backoff;
	int64_t retry_backoff_max;
	int64_t ageing;
	int64_t misfire_grace;
	int64_t retention;
	int64_t log_level;  /* enum log_level */
	int64_t log_target; /* enum log_target */
	int64_t log_format; /* enum log_format */
	char *output_root;
	char *output;
	int64_t file_mode;
	bool fsync;
	/* [queue] */
	char *queue_conninfo;
	bool listen;
	int64_t queue_timeout;
	/* [source.NAME] */
	struct source_settings *sources;
	int source_count;
};

/* path NULL: the environment alone. NULL with *e filled when something is wrong;
 * the message names file, line and key, and what is allowed. */
struct settings *settings_load(const char *path, struct err *e);
/* The same from an open file, for tests; `name` stands for it in messages. */
struct settings *settings_read(FILE *f, const char *name, struct err *e);
/* The daemon writes files and needs to know where; reportctl may do without. */
int settings_require_output(const struct settings *s, struct err *e);
void settings_free(struct settings *s); /* accepts NULL */

/* NULL when there is none of this name. */
const struct source_settings *settings_source(
    const struct settings *s, const char *name);
/* The connection string of a source: its own, or the queue's. */
const char *settings_conninfo(
    const struct settings *s, const struct source_settings *source);
struct log settings_log(const struct settings *s);

/* The reference, one line a key: section, key, default, what it means (tab
 * between). The manual is checked against it. */
void settings_describe(FILE *out);

#endif
