/* SPDX-License-Identifier: MIT */
#ifndef CTL_INGEST_H
#define CTL_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "ctl/ctl.h"
#include "source/source.h"

/* The command line of `reportctl ingest`. */
struct ingest {
	const char *source, *schema, *to, *every, *key, *time_zone,
	    *overlap;  /* overlap NULL: not given */
	char *format;  /* as report_config keeps it */
	int64_t small; /* bytes up to which a table is copied as a whole */
	bool together, dry_run;
	json_t *since;           /* {TABLE: COLUMN} that were named */
	json_t *whole, *exclude; /* arrays of patterns */
	json_t *options;         /* output_options */
	json_t *notify;          /* array of URLs, or json_null() */
};

/* A table of the source and how it is read. */
struct ingest_table {
	const json_t *entry; /* see sql/source/catalogue.sql */
	const char *name;
	const char *since; /* column of the times of changes; NULL: all rows */
	bool zoned;        /* that column is a timestamptz */
	char *how;         /* for people */
};

/* Opens a session of the source, as its settings say; the caller closes it. NULL
 * on error. */
struct source *ingest_source(
    struct ctl *c, const struct ingest *in, struct err *e);
/* Returns the tables of the schema, an array of entries. NULL on error; a
 * schema without tables is one. */
json_t *ingest_catalogue(
    const struct ingest *in, struct source *source, struct err *e);

/* Decides how a table is read. *why becomes the reason why this cannot be decided,
 * and the mend, which the caller frees; NULL: it is decided. */
void ingest_decide(
    const struct ingest *in, struct ingest_table *table, char **why);
/* Says whether one of the patterns fits the name. */
bool ingest_fits(const json_t *patterns, const char *name);

/* Makes the rows of report_config, an array of objects by column. NULL on
 * error. */
json_t *ingest_rows(const struct ingest *in, struct source *source,
    const struct ingest_table *tables, int count, struct err *e);
/* Returns the key of the report of a table; NULL: of all tables. The caller
 * frees it. */
char *ingest_key(const struct ingest *in, const char *table);

/* Prints how each table is read, and what sql/ctl/ingest_plan.sql has found to be
 * different: `plan` is its answer. */
void ingest_print(struct ctl *c, const struct ingest *in, const json_t *plan,
    const struct ingest_table *tables, int count);

#endif
