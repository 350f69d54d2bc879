/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_INBOX_H
#define SETTINGS_INBOX_H

#include "base/buf.h"
#include "settings/settings.h"

/*
 * [inbox]: a table of a source whose rows become reports. `columns` lists the
 * columns that the table has, separated by commas: OURS=THEIRS, or one name when
 * both are the same. OURS is a column of report_config, or one of these:
 *
 *	external_id    the row's ID there
 *	status         PENDING or null: to be taken; then written back
 *	error_message  written back
 *	output_url     written back; may be missing
 */
struct inbox_column {
	char *ours, *theirs;
};

struct inbox_columns {
	struct inbox_column *list; /* in the order of the settings */
	int count;
	/* the names there; NULL: none */
	const char *id, *status, *message, *output;
};

/* Reads `columns`; inbox_columns_free in any case. The error names the part that
 * is wrong. */
int inbox_columns_read(
    const char *text, struct inbox_columns *columns, struct err *e);
void inbox_columns_free(struct inbox_columns *columns);
/* Says whether this column is one of report_config that a row sets. */
bool inbox_is_field(
    const struct inbox_columns *columns, const struct inbox_column *one);
/* Appends the names of report_config's columns as an array of PostgreSQL. */
void inbox_fields_array(const struct inbox_columns *columns, struct buf *out);

/* Checks that the settings of [inbox] are whole, and agree with the source that
 * they name. Nothing is set: there is no inbox. */
int inbox_check(const struct settings *s, struct err *e);
/* Returns SOURCE:TABLE, by which the queue knows the inbox; the caller frees
 * it. */
char *inbox_name(const struct settings *s);

#endif
