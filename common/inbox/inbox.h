/* SPDX-License-Identifier: MIT */
#ifndef INBOX_INBOX_H
#define INBOX_INBOX_H

#include "base/json.h"
#include "settings/inbox.h"
#include "source/source.h"

/*
 * The table of [inbox] as its source has it: rows are read page by page, in the
 * order of their IDs as texts, and the state of their reports is written back.
 * A row is to be answered while its status is PENDING or null, or CANCELLED
 * without a message; writing back ends that, so no other mark of the rows that
 * were read is needed. A row that cannot be read or answered harms no other
 * row. The sizes of rows are limited in the source, before they are sent.
 *
 * A session has been begun with source_begin_job. Names are quoted, so they
 * mean exactly what the catalogue of the source has.
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
	bool unreadable;  /* a row was skipped, as its ID cannot be read */
	bool more;        /* rows with greater IDs may follow */
};

int inbox_read(
    const struct inbox *inbox, struct inbox_page *page, struct err *e);

/* The answer of a write-back. The caller releases `aside`, also on error. */
struct inbox_told {
	size_t count; /* of the rows, from the first one on */
	json_t
	    *aside; /* {ID: why the server refuses the new state of the row} */
};

/* Writes back [{"id", "status", "message", "output", "shared", "stoppable"}],
 * by one MERGE when the server takes it; else by several, so that a row which
 * the server refuses keeps no other row from being told. A refused row is told
 * without its texts, or not at all. Rows that are gone are left out. So are
 * rows of a stoppable report that ask for its cancellation: the next reading
 * finds them. "shared" is the message for rows that say PENDING though their ID
 * belongs to another row. An empty array changes nothing, but needs the same
 * rights. */
int inbox_tell(const struct inbox *inbox, const json_t *rows,
    struct inbox_told *done, struct err *e);

/* Reads the names of the table's columns, an array of texts, which the caller
 * releases. NULL on error. */
json_t *inbox_list_columns(const struct inbox *inbox, struct err *e);

/* Reads how many characters the columns hold that have a limit, {NAME: number}, which
 * the caller releases. NULL on error. */
json_t *inbox_list_lengths(const struct inbox *inbox, struct err *e);

#endif
