/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_OPTIONS_H
#define CTL_LIB_OPTIONS_H

#include <getopt.h>
#include <stdint.h>

#include "base/json.h"
#include "ctl/ctl.h"

/* The options that all commands take; ends each command's table of long
 * options. */
#define OPTIONS_COMMON                            \
	{"config", required_argument, NULL, 'c'}, \
	    {"json", no_argument, NULL, 'j'},     \
	    {"help", no_argument, NULL, 'h'},     \
	{                                         \
		NULL, 0, NULL, 0                  \
	}

/* Returns the next option like getopt_long(), and handles the common options
 * itself. -1: no more options. '?': the command must return -1 at once, because
 * --help or an error was printed. `letters` are short options besides -c and
 * -h. */
int options_next(struct ctl *c, int argc, char **argv, const char *letters,
    const struct option *table);

/* Sets *e for a mistake on the command line, with on_error CTL_USAGE. Returns
 * -1. */
int options_refuse(struct ctl *c, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads text as a number into *out; refuses any other text, and a number
 * outside limits[0] to limits[1]. */
int options_number(struct ctl *c, const char *name, const char *text,
    const int64_t limits[2], int64_t *out, struct err *e);

/* Returns the word as the list spells it, whatever its case; the list ends with
 * NULL. NULL: the list does not have it. */
const char *options_word(const char *const *list, const char *word);

/* Reads the only ID or key in argv, from optind on, into *id; NULL: there is
 * none. options_check_id refuses a text that is neither an ID nor a key. */
int options_one_id(
    struct ctl *c, int argc, char **argv, const char **id, struct err *e);
int options_check_id(struct ctl *c, const char *text, struct err *e);

/* Adds NAME=VALUE to object. VALUE is text; with `json`, a VALUE that is valid
 * JSON becomes that instead. */
int options_pair(
    struct ctl *c, json_t *object, const char *pair, bool json, struct err *e);

/* Reads the SQL text of a file (`-`: standard input), without a byte order
 * mark; the caller frees it. NULL on error. */
char *options_read_file(const char *path, struct err *e);

/* Returns the width of the terminal at standard output, in columns; 0: it is
 * no terminal. */
int options_columns(void);

/* Prints the --help text of a command. */
void options_usage(const struct command *command, FILE *out);

#endif
