/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_CONNECT_H
#define CTL_LIB_CONNECT_H

#include "base/json.h"
#include "ctl/ctl.h"
#include "services/services.h"
#include "source/source.h"

/* Each fills its part of *c once and sets on_error for its failure. */
int connect_settings(struct ctl *c, struct err *e);
/* The same, and they name a queue, which `export` alone may do without. */
int connect_queue_settings(struct ctl *c, struct err *e);
/* S3 and the others, of the settings; NULL when there are no settings. */
struct services *connect_services(struct ctl *c, struct err *e);
/* The source as reports read it. */
struct source *connect_source(
    struct ctl *c, const struct source_settings *source, struct err *e);
/* The queue, whatever schema it has. */
int connect_server(struct ctl *c, struct err *e);
/* Whether the queue can hold any text: its database must be encoded in UTF8. */
int connect_check_encoding(struct ctl *c, struct err *e);
/* The queue with the schema that this program is made for. */
int connect_queue(struct ctl *c, struct err *e);

/* Whether a pooler stands before the queue that gives each transaction another
 * session: 1, 0, or -1. It connects a second time to find out. */
int connect_pooled(struct ctl *c, struct err *e);
/* Tells the daemons, every few seconds at most, that somebody looks at the
 * progress of runs, which they store more often then. */
void connect_looks(struct ctl *c);

/* Runs a statement on the queue whose one row is one JSON text. An empty result
 * gives json_null(). NULL on error; the caller owns the reference. */
json_t *connect_json(struct ctl *c, const char *sql, int count,
    const char *const *params, struct err *e);

/* One statement on the queue and its whole result; the caller frees it. Names of
 * functions and operators in it mean the server's own. NULL: it failed. */
struct pg_rows *connect_query(struct ctl *c, const char *sql, int count,
    const char *const *params, struct err *e);
/* Runs a statement whose one row is one text, NULL on error; the caller frees
 * it. */
char *connect_text(struct ctl *c, const char *sql, int count,
    const char *const *params, struct err *e);

/* The ID of the report that is named by its ID or its key; the caller frees it. NULL:
 * there is none. */
char *connect_report(struct ctl *c, const char *name, struct err *e);

/* Prints v as the answer to --json, and gives up the reference. */
void connect_print_json(json_t *v);

#endif
