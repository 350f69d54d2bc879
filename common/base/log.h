/* SPDX-License-Identifier: MIT */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

#include "base/err.h"

/*
 * Writes one line per event to standard error or syslog, as key=value text or
 * JSON. Only the supervisor and main log; a library function returns an error.
 *
 *	LOG(log, LVL_INFO, L_MSG("run finished"), L_INT("run", 7));
 *	2026-01-31T23:59:59.123456Z info "run finished" run=7
 *
 * When standard error is the systemd journal (JOURNAL_STREAM), text is sent to
 * it with its fields, see log_journal.h. Where the journal does not take that, lines
 * begin with a `<priority>` prefix, sd-daemon(3), instead of the time and level.
 */
enum log_level { LVL_DEBUG, LVL_INFO, LVL_WARN, LVL_ERROR };
enum log_target { LOG_TARGET_AUTO, LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log {
	enum log_level level; /* lines below it are dropped */
	enum log_target target;
	enum log_format format;
};

struct log_field {
	const char *key; /* NULL ends the list */
	const char *str; /* NULL: the value is num */
	int64_t num;
};

static inline const char *log_text(const char *s)
{
	return s ? s : "";
}

/* clang-format off */
#define L_MSG(s) {.key = "msg", .str = (s)}
#define L_STR(k, s) {.key = (k), .str = log_text(s)}
#define L_INT(k, n) {.key = (k), .num = (n)}
#define LOG(log, level, ...) \
	log_write((log), (level), \
	    (const struct log_field[]){__VA_ARGS__, {.key = (void *)0}})
/* clang-format on */

/* Writes one line; the first field must be L_MSG. */
void log_write(const struct log *log, enum log_level level,
    const struct log_field *fields);

/* Reads a level: "debug", "info", "warn" (or "warning"), "error". */
int log_level_parse(const char *name, enum log_level *level);

#endif
