/* SPDX-License-Identifier: MIT */
#ifndef INBOX_INBOX_H
#define INBOX_INBOX_H

#include "base/json.h"
#include "settings/inbox.h"
#include "source/source.h"

/*
 * The table of [inbox] as its source has it: rows are read page by page, in the
 * order of their IDs as texts, and how their reports stand is written back. A row is
 * to be answered while its status is PENDING or null, or CANCELLED without a message;
 * what is written back ends that, so nothing else marks which rows were read.
 * Whatever a row holds costs itself alone; what a row costs is bounded there, before it
 * is sent.
 *
 * A session has been begun with source_begin_job. Names are quoted, so that they mean
 * what the catalogue of the source has.
 */
struct inbox {
	struct source *source;
	const char *table; /* names separated by dots */
	const struct inbox_columns *columns;
	/* Boot clock, ms: no statement begins later; 0: no limit. */
	int64_t until_ms;
};

/* Rows and bytes of a page, at most: it passes through the supervisor, which has
 * little memory. A row that is larger than INBOX_ROW_MAX is not read, but refused. */
#define INBOX_PAGE_ROWS 100
#define INBOX_PAGE_BYTES (256 << 10)
#define INBOX_ROW_MAX (5 << 18)

struct inbox_page {
	const char *after; /* rows with greater IDs; "": all */
	bool pending;      /* false: only those that are CANCELLED */
	/* Set by inbox_read; the caller releases them. */
	json_t *
	    rows; /* [{"id", "status", "same", "row": {COLUMN: text}, "fault"}] */
	char *last;       /* greatest ID, cut; NULL: no row has one */
	int64_t nameless; /* rows without an ID of 1 to 1000 bytes, at least */
	bool unreadable;  /* a row was passed by, as its ID cannot be read */
	bool more;        /* rows with greater IDs may follow */
};

int inbox_read(
    const struct inbox *inbox, struct inbox_page *page, struct err *e);

/* The answer of a write-back. The caller releases `aside`, also on error. */
struct inbox_told {
	size_t count;  /* of the rows, from the first one on */
	json_t *aside; /* {ID: why the server refuses what it was to be told} */
};

/* Writes back [{"id", "status", "message", "output", "shared", "stoppable"}], by one MERGE when
 * the server takes it; else by several, so that a row which it refuses costs no other. That one
 * is told without its texts, or not at all. Rows that are not there any more are left, and those
 * of a stoppable report that ask for its cancellation: the next reading hears them. "shared" is
 * what rows that say PENDING are told instead, as the ID is not theirs alone. An empty array
 * changes nothing, but asks for the same rights. */
int inbox_tell(const struct inbox *inbox, const json_t *rows,
    struct inbox_told *done, struct err *e);

/* Reads the names of the table's columns, an array of texts, which the caller
 * releases. NULL on error. */
json_t *inbox_list_columns(const struct inbox *inbox, struct err *e);

/* Reads how many characters the columns hold that have a limit, {NAME: number}, which
 * the caller releases. NULL on error. */
json_t *inbox_list_lengths(const struct inbox *inbox, struct err *e);

#endif
