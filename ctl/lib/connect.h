/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_CONNECT_H
#define CTL_LIB_CONNECT_H

#include "base/json.h"
#include "ctl/ctl.h"
#include "services/services.h"
#include "source/source.h"

/* Reads the settings. Like the next functions, it fills its part of *c once, and
 * sets on_error when it fails. */
int connect_settings(struct ctl *c, struct err *e);
/* Reads the settings, which must name a queue; only `export` can do without
 * one. */
int connect_queue_settings(struct ctl *c, struct err *e);
/* Opens the clients of services; NULL when the settings cannot be
 * read. */
struct services *connect_services(struct ctl *c, struct err *e);
/* Connects to a source in the way in which reports do; the caller closes it. */
struct source *connect_source(
    struct ctl *c, const struct source_settings *source, struct err *e);
/* Connects to the queue, whatever its schema. */
int connect_server(struct ctl *c, struct err *e);
/* Checks that the queue can store any text: its database must be encoded in
 * UTF8. */
int connect_check_encoding(struct ctl *c, struct err *e);
/* Connects to the queue and checks that this program can work with its
 * schema. */
int connect_queue(struct ctl *c, struct err *e);

/* Says whether a pooler before the queue may give each transaction another
 * session: 1: yes, 0: no, -1: error. It connects a second time to find out. */
int connect_pooled(struct ctl *c, struct err *e);
/* Tells the daemons, at most every few seconds, that somebody looks at the
 * progress of runs; they then store the progress more often. */
void connect_looks(struct ctl *c);

/* Runs a statement on the queue that returns one row with one JSON text. An
 * empty result gives json_null(). NULL on error; the caller owns the
 * reference. */
json_t *connect_json(struct ctl *c, const char *sql, int count,
    const char *const *params, struct err *e);

/* Finds the queue's schema, as schema_installed() does. Names in its statements
 * mean the server's own, whatever the session's search_path is. */
struct schema_state;
int connect_installed(struct ctl *c, struct schema_state *state, struct err *e);

/* Runs a statement on the queue and returns its whole result, which the caller
 * frees; NULL on error. Names of functions and operators in the statement mean
 * the server's own. */
struct pg_rows *connect_query(struct ctl *c, const char *sql, int count,
    const char *const *params, struct err *e);
/* Runs a statement on the queue that returns one row with one text, which the
 * caller frees; NULL on error. */
char *connect_text(struct ctl *c, const char *sql, int count,
    const char *const *params, struct err *e);

/* Returns the ID of the report with this ID or key; the caller frees it. NULL:
 * there is none. */
char *connect_report(struct ctl *c, const char *name, struct err *e);

/* Connects, and runs a statement that lists what one report or all reports
 * have, as connect_json does. params[0] is the ID or key of a report, or NULL
 * for all. */
json_t *connect_list(struct ctl *c, const char *sql, int count,
    const char *const *params, struct err *e);

/* Prints v as the answer to --json; takes over the reference. */
void connect_print_json(json_t *v);

#endif
