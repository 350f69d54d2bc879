/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_WORDS_H
#define NOTICE_WORDS_H

#include "notice/notice.h"

/*
 * The sentences about a run in mail and in Slack. Each function appends or
 * returns UTF-8 text without line breaks; only the text of an error may contain
 * some.
 */

/* "sales, 31 January 2026, 06:00: 1,234 rows", or "...: no data"; "Failed:
 * sales, 31 January 2026, 06:00". */
void notice_subject(const struct notice *n, struct buf *to);
/* "sales is ready: 1,234 rows." "There was no data for sales." "sales
 * failed." */
void notice_headline(const struct notice *n, struct buf *to);
/* "31 January 2026, 06:00" for 2026-01-31T06:00:00. */
void notice_date(const char *local, struct buf *to);
/* "Saturday, 31 January 2026, 06:00 (Europe/Berlin)"; nothing when `local` is
 * "". `local` has the form of notice.scheduled_for. */
void notice_when(const struct notice *n, const char *local, struct buf *to);
/* "It took s3://bucket/a.csv." "It took 7 files: s3://bucket/a.csv, … and 2 more.";
 * nothing when the run took no file. */
void notice_inputs(const struct notice *n, struct buf *to);
/* Returns the part of a report that failed: "Its export failed". */
const char *notice_trouble(const struct notice *n);
/* Returns the error's text without the name of the stage. */
const char *notice_error(const struct notice *n);
/* Appends whether and when a failed report runs again. */
void notice_next(const struct notice *n, struct buf *to);
/* Advice after a failure; one or two sentences. */
void notice_hint(const struct notice *n, struct buf *to);
/* "Report 42, run 311", and the SQLSTATE of a failure. */
void notice_traces(const struct notice *n, struct buf *to);

/* Says whether the run made no output because there were no rows. */
bool notice_empty(const struct notice *n);

/* Writes a number with commas: 1,234,567. */
void notice_count(char to[static 32], int64_t n);

#endif
