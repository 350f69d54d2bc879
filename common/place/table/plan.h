/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_PLAN_H
#define PLACE_TABLE_PLAN_H

#include "place/table/look.h"
#include "place/table/option.h"

/*
 * How the rows of a result go into a table: which column takes which, whether
 * they are staged, and the statements for it. Columns are matched by their names;
 * those of the table that the result lacks get their defaults.
 */
struct table_field {
	char *name; /* quoted */
	char *type; /* of the staged value, or of a column that is made */
	char *cast; /* what makes the table's type of the staged one: a type, or
		      * by Redshift a function; NULL: they are the same */
	bool always;      /* an identity that takes no update */
	bool key;         /* part of the option "key" */
	bool add;         /* the table lacks it and gets it */
	bool never_blank; /* no value of its type is an empty text */
};

struct table_plan {
	const struct table_dialect *dialect;
	struct table_choice choice;
	const char *table; /* "schema"."table" */
	char *name;        /* "table" */
	bool create;       /* the table is missing and gets made */
	bool adds;         /* it gets further columns */
	bool files;        /* the rows come from files as they are */
	bool only;         /* tables that inherit from it are left alone */
	/* The rows go into a temporary table, and from there into the table in
	 * one short transaction. */
	bool staged;
	/* ", " and the terms of ORDER BY that say which of several rows with the
	 * same key wins; NULL: none does. */
	char *order;
	struct table_field *fields;
	int count;
};

/* Bytes of a list of columns, of which a table has 1600 at most. */
#define PLAN_NAMES_MAX ((size_t)256 << 10)

/* Makes the plan; plan_free is called also after an error. */
int plan_open(struct table_plan *p, struct table_link *l,
    const struct place_output *o, struct err *e);
void plan_free(struct table_plan *p);

/* Appends the names of all columns, separated by commas. */
void plan_list(const struct table_plan *p, struct buf *sql);
/* Appends the names of the key's columns, each followed by `after`, separated by
 * commas. */
void plan_list_keys(
    const struct table_plan *p, const char *after, struct buf *sql);
/* Returns the key's columns for a message, "a, b"; the caller frees the
 * text. */
char *plan_key_names(const struct table_plan *p);
/* These are the statements of PostgreSQL; each appends one. Other types have their
 * own where their SQL differs, see dialect.h. */
void plan_create(const struct table_plan *p, struct buf *sql);
void plan_add(const struct table_plan *p, struct buf *sql);
void plan_stage(const struct table_plan *p, struct buf *sql);
void plan_copy(const struct table_plan *p, struct buf *sql);
/* A COPY of a CSV file whose columns are these. */
void plan_copy_csv(const struct table_plan *p, const struct schema *columns,
    const struct place_csv *csv, struct buf *sql);
/* Takes the strongest lock that the load needs at once, so that two of them do not
 * wait for each other. */
void plan_lock(const struct table_plan *p, struct buf *sql);
void plan_delete(const struct table_plan *p, struct buf *sql);
void plan_insert(const struct table_plan *p, struct buf *sql);
/* Finds a staged row whose key has a NULL: no row, or its values, and a number that
 * means nothing. */
void plan_find_null(const struct table_plan *p, struct buf *sql);
/* Finds a key that more than one staged row has: no row, or its values, and the
 * number of rows. */
void plan_find_twice(const struct table_plan *p, struct buf *sql);
/* Counts the staged keys: one row with the number. */
void plan_count_keys(const struct table_plan *p, struct buf *sql);

#endif
