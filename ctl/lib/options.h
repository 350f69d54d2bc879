/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_OPTIONS_H
#define CTL_LIB_OPTIONS_H

#include <getopt.h>
#include <stdint.h>

#include "base/json.h"
#include "ctl/ctl.h"

/* Ends the table of long options of each command: what all of them take. */
#define OPTIONS_COMMON                            \
	{"config", required_argument, NULL, 'c'}, \
	    {"json", no_argument, NULL, 'j'},     \
	    {"help", no_argument, NULL, 'h'},     \
	{                                         \
		NULL, 0, NULL, 0                  \
	}

/* getopt_long() that handles the common options itself. -1 at the end; '?' when
 * the command must return -1 at once, because of --help or a mistake that has
 * been told. `letters` are short options besides -c and -h. */
int options_next(struct ctl *c, int argc, char **argv, const char *letters,
    const struct option *table);

/* A mistake on the command line: returns -1. */
int options_refuse(struct ctl *c, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Refuses text unless it is a number within the limits. */
int options_number(struct ctl *c, const char *name, const char *text,
    const int64_t limits[2], int64_t *out, struct err *e);

/* The only ID in argv from optind on; NULL in *id when there is none. */
int options_one_id(
    struct ctl *c, int argc, char **argv, const char **id, struct err *e);
int options_check_id(struct ctl *c, const char *text, struct err *e);

/* NAME=VALUE into object. With `json` a VALUE that reads as JSON is that; all
 * else is text. */
int options_pair(
    struct ctl *c, json_t *object, const char *pair, bool json, struct err *e);

/* The SQL text of a file, `-` for standard input, without a byte order mark; the
 * caller frees it. */
char *options_read_file(const char *path, struct err *e);

/* The columns of the terminal that standard output is, 0 where it is none. */
int options_columns(void);

/* A command's own --help. */
void options_usage(const struct command *command, FILE *out);

#endif
